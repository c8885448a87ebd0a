//! What signalling needs back after a restart: registered contacts (R17) and leases (R6). Written by facts only.

use std::collections::BTreeSet;

use model::{Binding, SlotId, SlotState, UserId, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    db::{Tx, binds, statements},
    many::{Column, Rows, ids, list, row, rows_32},
    trunks::service_name,
};

macro_rules! bind {
    () => {
        "INSERT INTO bindings
        (slot_id, center_id, contact, transport, local_address, remote_address, call_id, cseq, user_agent, since, expires_at, path, instance,
        reg_id) "
    };
}

macro_rules! replace {
    () => {
        " ON CONFLICT (slot_id) DO UPDATE SET contact = excluded.contact, transport = excluded.transport,
        local_address = excluded.local_address, remote_address = excluded.remote_address, call_id = excluded.call_id,
        cseq = excluded.cseq, user_agent = excluded.user_agent, since = excluded.since, expires_at = excluded.expires_at,
        path = excluded.path, instance = excluded.instance, reg_id = excluded.reg_id"
    };
}

statements! {
    BINDINGS: both "SELECT slot_id, contact, transport, local_address, remote_address, call_id, cseq, user_agent, since, expires_at, path,
        instance, reg_id FROM bindings ORDER BY slot_id";
    LEASES: both "SELECT id, holder, epoch FROM slots WHERE epoch > 0 OR holder IS NOT NULL ORDER BY id";
    // A slot may have been deleted since the fact: then no row is written. The order of the join is the order of the rows.
    BIND: each
        concat!(bind!(), "SELECT s.id, s.center_id, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, v.column9,
        v.column10, v.column11, v.column12, v.column13 FROM ", rows_32!("(?,?,?,?,?,?,?,?,?,?,?,?,?)"), " CROSS JOIN slots s ON s.id = v.column1 WHERE TRUE", replace!()),
        concat!(bind!(), "SELECT s.id, s.center_id, v.c2, v.c3, v.c4, v.c5, v.c6, v.c7, v.c8, v.c9, v.c10, v.c11,
        v.c12, v.c13
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[],
        $10::bigint[], $11::text[], $12::text[], $13::bigint[]) AS v (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13) JOIN slots s ON s.id = v.c1", replace!());
    UNBIND: each
        concat!("DELETE FROM bindings WHERE slot_id IN ", ids!(lite)),
        concat!("DELETE FROM bindings WHERE slot_id IN ", ids!(pg));
    // Whichever of these slots there are.
    SLOTS: each concat!("SELECT id FROM slots WHERE id IN ", ids!(lite)), concat!("SELECT id FROM slots WHERE id IN ", ids!(pg));
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

/// Writes bindings, at most one a slot; says which of their slots are gone.
pub(crate) async fn bind(tx: &mut Tx, bindings: &[&Binding]) -> Result<BTreeSet<SlotId>, StoreError> {
    use Column::{Int, Text};
    let mut rows = Rows::new(&[Int, Text, Text, Text, Text, Text, Int, Text, Int, Int, Text, Text, Int]);
    for binding in bindings {
        rows.push(row![
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
            &binding.path,
            &binding.instance,
            i64::from(binding.reg_id),
        ]);
    }
    let written = tx.run_many(BIND, &rows).await?;
    if usize::try_from(written).is_ok_and(|written| written == rows.len()) {
        return Ok(BTreeSet::new());
    }
    let mut slots: BTreeSet<SlotId> = bindings.iter().map(|binding| binding.slot).collect();
    let there: Vec<(i64,)> = tx.all(SLOTS, binds![list(slots.iter().map(|slot| slot.0))]).await?;
    for (slot,) in there {
        slots.remove(&SlotId(slot));
    }
    Ok(slots)
}

/// Takes the bindings of slots away; there may be none.
pub(crate) async fn unbind(tx: &mut Tx, slots: &[SlotId]) -> Result<(), StoreError> {
    if slots.is_empty() {
        return Ok(());
    }
    tx.run(UNBIND, binds![list(slots.iter().map(|slot| slot.0))]).await.map(drop)
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
    path: String,
    instance: String,
    reg_id: i64,
}

impl TryFrom<Row> for Binding {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let number =
            |column: &str, value| u32::try_from(value).map_err(|_| StoreError::Broken { table: "bindings", what: column.to_owned() });
        Ok(Self {
            slot: SlotId(row.slot_id),
            contact: row.contact,
            transport: row.transport,
            local: row.local_address,
            remote: row.remote_address,
            call_id: row.call_id,
            cseq: number("cseq", row.cseq)?,
            user_agent: row.user_agent,
            since: WallTime(row.since),
            expires_at: WallTime(row.expires_at),
            path: row.path,
            instance: row.instance,
            reg_id: number("reg_id", row.reg_id)?,
        })
    }
}
