//! What signalling needs back after a restart: registered contacts (R17) and leases (R6). Written by facts only.

use model::{Binding, SlotId, SlotState, UserId, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    db::{Tx, binds, statements},
    trunks::service_name,
};

statements! {
    BINDINGS: both "SELECT slot_id, contact, transport, local_address, remote_address, call_id, cseq, user_agent, since, expires_at
        FROM bindings ORDER BY slot_id";
    LEASES: both "SELECT id, holder, epoch FROM slots WHERE epoch > 0 OR holder IS NOT NULL ORDER BY id";
    // A slot may have been deleted since the fact: then no row is written.
    BIND: both "INSERT INTO bindings
        (slot_id, center_id, contact, transport, local_address, remote_address, call_id, cseq, user_agent, since, expires_at)
        SELECT s.id, s.center_id, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM slots s WHERE s.id = $1
        ON CONFLICT (slot_id) DO UPDATE SET contact = excluded.contact, transport = excluded.transport,
        local_address = excluded.local_address, remote_address = excluded.remote_address, call_id = excluded.call_id,
        cseq = excluded.cseq, user_agent = excluded.user_agent, since = excluded.since, expires_at = excluded.expires_at";
    UNBIND: both "DELETE FROM bindings WHERE slot_id = $1";
    LEASE: both "UPDATE slots SET holder = $2, epoch = $3, updated_at = $4 WHERE id = $1";
    SERVICE: both "UPDATE slots SET service = $2, updated_at = $3 WHERE id = $1";
}

impl Store {
    /// All registered contacts, also those that have lapsed since: the reader knows the time.
    pub async fn bindings(&self) -> Result<Vec<Binding>, StoreError> {
        self.db.all::<Row>(BINDINGS, &[]).await?.into_iter().map(Binding::try_from).collect()
    }

    /// Who holds each slot that was ever taken, and the number of its last lease.
    pub async fn leases(&self) -> Result<Vec<(SlotId, Option<UserId>, u64)>, StoreError> {
        let rows: Vec<(i64, Option<i64>, i64)> = self.db.all(LEASES, &[]).await?;
        rows.into_iter()
            .map(|(slot, holder, epoch)| Ok((SlotId(slot), holder.map(UserId), crate::code::unsigned("slots", epoch)?)))
            .collect()
    }
}

/// Says whether the slot exists.
pub(crate) async fn bind(tx: &mut Tx, binding: &Binding) -> Result<bool, StoreError> {
    let rows = tx
        .run(
            BIND,
            binds![
                binding.slot,
                &binding.contact,
                &binding.transport,
                &binding.local,
                &binding.remote,
                &binding.call_id,
                i64::from(binding.cseq),
                &binding.user_agent,
                binding.since,
                binding.expires_at,
            ],
        )
        .await?;
    Ok(rows > 0)
}

pub(crate) async fn unbind(tx: &mut Tx, slot: SlotId) -> Result<(), StoreError> {
    tx.run(UNBIND, binds![slot]).await.map(drop)
}

/// Says whether the slot exists.
pub(crate) async fn lease(tx: &mut Tx, slot: SlotId, holder: Option<UserId>, epoch: u64, at: WallTime) -> Result<bool, StoreError> {
    Ok(tx.run(LEASE, binds![slot, holder, epoch, at]).await? > 0)
}

/// Says whether the slot exists.
pub(crate) async fn set_service(tx: &mut Tx, slot: SlotId, state: SlotState, at: WallTime) -> Result<bool, StoreError> {
    Ok(tx.run(SERVICE, binds![slot, service_name(state), at]).await? > 0)
}

#[derive(FromRow)]
struct Row {
    slot_id: i64,
    contact: String,
    transport: String,
    local_address: String,
    remote_address: String,
    call_id: String,
    cseq: i64,
    user_agent: String,
    since: i64,
    expires_at: i64,
}

impl TryFrom<Row> for Binding {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            slot: SlotId(row.slot_id),
            contact: row.contact,
            transport: row.transport,
            local: row.local_address,
            remote: row.remote_address,
            call_id: row.call_id,
            cseq: u32::try_from(row.cseq).map_err(|_| StoreError::Broken { table: "bindings", what: "cseq".to_owned() })?,
            user_agent: row.user_agent,
            since: WallTime(row.since),
            expires_at: WallTime(row.expires_at),
        })
    }
}
