//! Hubs, slots, calls and recordings for whoever may see and change them: the same tables that telephony itself works by.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use model::{
    Action, CallId, CallView, CenterId, Column, ColumnKind, Directory, Ha1, Hub, HubId, ListKind, Number, Owner, RecordingRow, Resource,
    RowRule, SlotEntry, SlotId, SlotLimits, UserId, WallTime,
};
use store::{
    ChangedTrunk, Db, Idempotency, NewTrunk, StoreError, TrunkChange,
    catalogue::{CALLS, CALLS_HAD},
    list::ListError,
};

use crate::{Office, Permit, can};

/// Each function here takes leave to one thing or few: a handler that comes with another has a mistake, and gets nothing.
fn leave(permit: &Permit, actions: &[Action]) -> Result<(), StoreError> {
    if actions.contains(&permit.action()) {
        return Ok(());
    }
    Err(StoreError::Defect(format!("leave to {} was used for another thing", permit.action()).into()))
}

impl Office {
    /// Makes a hub and its slots in the centre that the person works in. See [`store::Store::create_trunk`].
    ///
    /// # Errors
    /// [`StoreError::NumbersExhausted`], [`StoreError::Capacity`].
    pub async fn create_trunk(
        &self,
        permit: &Permit,
        new: NewTrunk,
        credentials: impl FnMut(&Number) -> (String, Ha1) + Send,
    ) -> Result<(Hub, Vec<SlotEntry>), StoreError> {
        leave(permit, &[can::TRUNKS_CREATE])?;
        self.store().create_trunk(permit.actor(), new, credentials).await
    }

    /// Changes a hub. See [`store::Store::change_trunk`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NumbersExhausted`], [`StoreError::Capacity`], and what `agree` refuses with.
    pub async fn change_trunk<E, F>(
        &self,
        permit: &Permit,
        id: HubId,
        change: TrunkChange,
        credentials: impl FnMut(&Number) -> (String, Ha1) + Send,
        agree: impl FnOnce(Vec<SlotId>) -> F + Send,
    ) -> Result<ChangedTrunk, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<(), E>> + Send,
    {
        leave(permit, &[can::TRUNKS_UPDATE, can::SLOTS_DELETE])?;
        self.store().change_trunk(permit.actor(), id, change, credentials, agree).await
    }

    /// Deletes a hub with its slots. See [`store::Store::delete_trunk`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and what `agree` refuses with.
    pub async fn delete_trunk<E, F>(
        &self,
        permit: &Permit,
        id: HubId,
        agree: impl FnOnce(Vec<SlotId>) -> F + Send,
    ) -> Result<Vec<SlotId>, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<(), E>> + Send,
    {
        leave(permit, &[can::TRUNKS_DELETE])?;
        self.store().delete_trunk(permit.actor(), id, agree).await
    }

    /// The hub, if it is of the centre that the person works in.
    ///
    /// # Errors
    /// As the database's.
    pub async fn trunk(&self, permit: &Permit, id: HubId) -> Result<Option<Hub>, StoreError> {
        leave(permit, &[can::TRUNKS_READ, can::TRUNKS_UPDATE, can::TRUNKS_DELETE])?;
        Ok(self.store().trunk(id).await?.filter(|hub| hub.center == permit.rows().center))
    }

    /// The hubs of the centre that the person works in, by id.
    ///
    /// # Errors
    /// As the database's.
    pub async fn trunks(&self, permit: &Permit) -> Result<Vec<Hub>, StoreError> {
        leave(permit, &[can::TRUNKS_MONITOR])?;
        self.store().trunks(permit.rows().center).await
    }

    /// The slots of a hub, by number.
    ///
    /// # Errors
    /// As the database's.
    pub async fn trunk_slots(&self, permit: &Permit, id: HubId) -> Result<Vec<SlotEntry>, StoreError> {
        leave(permit, &[can::TRUNKS_READ, can::SLOTS_DELETE])?;
        let mut slots = self.store().trunk_slots(id).await?;
        slots.retain(|slot| slot.center == permit.rows().center);
        Ok(slots)
    }

    /// The slot's account, if it is of the centre that the person works in.
    ///
    /// # Errors
    /// As the database's.
    pub async fn slot(&self, permit: &Permit, id: SlotId) -> Result<Option<SlotEntry>, StoreError> {
        leave(permit, &[can::SLOTS_ADMIN, can::SLOTS_DELETE, can::SLOTS_UPDATE])?;
        Ok(self.store().slot(id).await?.filter(|slot| slot.center == permit.rows().center))
    }

    /// Gives a slot another user name and password. See [`store::Store::set_slot_credentials`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and what `agree` refuses with.
    pub async fn set_slot_credentials<T, E: From<StoreError>>(
        &self,
        permit: &Permit,
        slot: SlotId,
        username: &str,
        ha1: &Ha1,
        agree: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        leave(permit, &[can::SLOTS_ADMIN])?;
        self.store().set_slot_credentials(permit.actor(), slot, username, ha1, agree).await
    }

    /// What a slot may call, and how much at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn slot_limits(&self, permit: &Permit, slot: SlotId) -> Result<SlotLimits, StoreError> {
        leave(permit, &[can::SLOTS_UPDATE])?;
        let entry = self.slot(permit, slot).await?;
        entry.map(|entry| entry.limits).ok_or(StoreError::NotFound("slot"))
    }

    /// Sets them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Limits`].
    pub async fn set_slot_limits(&self, permit: &Permit, slot: SlotId, limits: &SlotLimits) -> Result<(), StoreError> {
        leave(permit, &[can::SLOTS_UPDATE])?;
        self.store().set_slot_limits(permit.actor(), slot, limits).await
    }

    /// All slots and hubs, to count the slots of a hub by.
    ///
    /// # Errors
    /// As the database's.
    pub async fn directory(&self, permit: &Permit) -> Result<Directory, StoreError> {
        leave(permit, &[can::TRUNKS_MONITOR])?;
        self.store().slots_and_hubs().await
    }

    /// The call as the database has it, if the person's right reaches it: by the very rule that lists go by, so that whatever is listed can be
    /// read.
    ///
    /// # Errors
    /// As the database's.
    pub async fn call(&self, permit: &Permit, id: CallId) -> Result<Option<CallView>, StoreError> {
        const OF_CALLS: &[Action] =
            &[can::CALLS_READ, can::CALLS_TRACE, can::CALLS_END, can::RECORDINGS_LISTEN, can::RECORDINGS_DELETE, can::RECORDINGS_HOLD];
        leave(permit, OF_CALLS)?;
        let calls = if permit.action() == can::CALLS_READ { &CALLS } else { &CALLS_HAD };
        let key: Vec<&Column> = calls.columns.iter().filter(|column| column.name == calls.key).collect();
        match self.store().list_row(calls, permit.rows(), key, id.0).await {
            Ok(Some(_)) => self.store().call(id).await,
            Ok(None) => Ok(None),
            Err(ListError::Store(error)) => Err(error),
            // One row, by its key: it is the database that is slow (FT-5).
            Err(ListError::TooSlow) => Err(StoreError::Unavailable("a call took too long to be read".into())),
        }
    }

    /// A call's recording. Whether the person may know of the call is for the caller to have asked ([`Office::call`]).
    ///
    /// # Errors
    /// As the database's.
    pub async fn recording(&self, permit: &Permit, id: CallId) -> Result<Option<RecordingRow>, StoreError> {
        leave(permit, &[can::CALLS_READ, can::RECORDINGS_LISTEN])?;
        self.store().recording(id).await
    }

    /// The recordings of calls that the person may know of.
    ///
    /// # Errors
    /// As the database's.
    pub async fn recordings_of(&self, permit: &Permit, calls: &[CallId]) -> Result<BTreeMap<CallId, RecordingRow>, StoreError> {
        leave(permit, &[can::CALLS_READ])?;
        self.store().recordings_of(calls).await
    }

    /// See [`store::Store::idempotency_begin`].
    ///
    /// # Errors
    /// As the database's.
    pub async fn idempotency_begin(&self, user: UserId, key: &str, body_hash: &str, now: WallTime) -> Result<Idempotency, StoreError> {
        self.store().idempotency_begin(user, key, body_hash, now).await
    }

    /// See [`store::Store::idempotency_finish`].
    ///
    /// # Errors
    /// As the database's.
    pub async fn idempotency_finish(&self, user: UserId, key: &str, status: u16, response: &str) -> Result<(), StoreError> {
        self.store().idempotency_finish(user, key, status, response).await
    }

    /// See [`store::Store::idempotency_abandon`].
    ///
    /// # Errors
    /// As the database's.
    pub async fn idempotency_abandon(&self, user: UserId, key: &str) -> Result<(), StoreError> {
        self.store().idempotency_abandon(user, key).await
    }

    /// Which database it is: `sqlite` or `postgres`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self.store().db() {
            Db::Lite { .. } => "sqlite",
            Db::Pg(_) => "postgres",
        }
    }

    /// Whether the database answers and takes changes.
    ///
    /// # Errors
    /// If not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store().ping().await
    }
}

/// Whether a right reaches a call as memory knows it, while it goes on and for a while behind: one of its users' calls (placed, served, or
/// `heard_by` those to whom it rang), and in the lists of scenarios and slots, if the right is narrowed by such.
#[must_use]
pub fn reaches_call(rows: &RowRule, call: &CallView, heard_by: &BTreeSet<UserId>) -> bool {
    let servers = call.segments.iter().filter_map(|segment| segment.user);
    let users: BTreeSet<UserId> = call.user.into_iter().chain(servers).chain(heard_by.iter().copied()).collect();
    rows.admits(call.center, &users, |kind, ids| match kind {
        ListKind::Scenario => call.scenario.as_ref().is_some_and(|scenario| ids.contains(scenario)),
        ListKind::Slot => [call.caller_slot, call.callee_slot].into_iter().flatten().any(|slot| ids.contains(&slot.to_string())),
        _ => false,
    })
}

/// The same for whoever wants to read what is known of the call: it is theirs, too, if it rang at the slot that they had taken. It is no more
/// than that: not theirs to end, to trace or to listen to, for somebody else may have answered it.
#[must_use]
pub fn reaches_call_to_read(rows: &RowRule, call: &CallView, heard_by: &BTreeSet<UserId>) -> bool {
    let rung = call.rung.iter().filter_map(|rung| rung.user);
    reaches_call(rows, call, &rung.chain(heard_by.iter().copied()).collect())
}

/// Slots as people see them. Their rows are in memory: what a slot is changes with every call.
pub static SLOTS: Resource = Resource {
    name: "slots",
    from: "",
    key: "id",
    center: "",
    // Whoever has taken a slot.
    owner: Owner::User(""),
    lists: &[(ListKind::Slot, "")],
    search: "",
    order: "number",
    read: can::SLOTS_READ,
    export: None,
    columns: &[
        Column::new("id", "", ColumnKind::Id, "The slot's id.").filtered().sorted_by("id"),
        Column::new("number", "", ColumnKind::Text, "Its number, which is also the user part of its SIP address.")
            .filtered()
            .sorted_by("number"),
        Column::new("type", "", ColumnKind::Code(&["auto", "mf", "ls"]), "Its hub's type.").filtered(),
        Column::new("state", "", ColumnKind::Text, "Its state: IDLE, READY, ACTIVE_CALL and so on.").filtered(),
        Column::new(
            "status",
            "",
            ColumnKind::Text,
            "What the state comes to for the one who asks: free, busy, taken, offline, fault, disabled.",
        )
        .filtered(),
        Column::new("registered", "", ColumnKind::Bool, "Whether its phone is registered.").filtered(),
        Column::new("holder", "", ColumnKind::Id, "The user who has taken it.").nullable().filtered(),
        Column::new("holder_name", "", ColumnKind::Text, "That user's name.").nullable(),
        Column::new("since", "", ColumnKind::Time, "Since when it is in this state."),
        Column::new("epoch", "", ColumnKind::Int, "Grows with every lease."),
    ],
};

/// Whether a right reaches a slot that is held by nobody, or by one of these.
#[must_use]
pub fn reaches_slot(rows: &RowRule, slot: SlotId, center: CenterId, users: &BTreeSet<UserId>) -> bool {
    rows.admits(center, users, |kind, ids| kind == ListKind::Slot && ids.contains(&slot.to_string()))
}
