//! Hubs and their slots (R1, R2): numbers are given in contiguous blocks and are unique in the whole installation.

use std::{future::Future, ops::RangeInclusive};

use model::{Actor, CenterId, Directory, Ha1, Hub, HubId, HubKind, Number, SlotEntry, SlotId, SlotLimits, SlotState};
use serde_json::{Map, Value, json};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    audit::{self, Diff, Entry},
    code::{code, decode, hex, unhex},
    db::{Tx, binds, statements},
    ids, now, numbers,
};

/// A hub to be made.
#[derive(Debug, Clone)]
pub struct NewTrunk {
    /// What people call it.
    pub name: String,
    /// Its kind, which gives its numbers.
    pub kind: HubKind,
    /// How many slots: 1 to 999.
    pub capacity: u16,
}

/// What to change of a hub; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct TrunkChange {
    /// What people call it.
    pub name: Option<String>,
    /// How many slots: 1 to 999.
    pub capacity: Option<u16>,
}

/// What a change of a hub did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedTrunk {
    /// The hub as it is now.
    pub hub: Hub,
    /// Its slots as they are now, by number.
    pub slots: Vec<SlotEntry>,
    /// Those of them that came.
    pub added: Vec<SlotId>,
    /// Slots that went, by number.
    pub removed: Vec<SlotId>,
}

macro_rules! slot_columns {
    () => {
        "SELECT s.id, s.center_id, s.trunk_id, t.kind, s.number, s.username, s.ha1_md5, s.ha1_sha256, s.ha1_sha512_256, s.service,
        s.calls_max, s.destinations, s.caller FROM slots s JOIN trunks t ON t.id = s.trunk_id "
    };
}

statements! {
    TRUNK: both "SELECT id, center_id, name, kind, capacity FROM trunks WHERE id = $1";
    TRUNKS: both "SELECT id, center_id, name, kind, capacity FROM trunks WHERE center_id = $1 ORDER BY id";
    ALL_TRUNKS: both "SELECT id, center_id, name, kind, capacity FROM trunks ORDER BY id";
    INSERT_TRUNK: both "INSERT INTO trunks (id, center_id, name, kind, capacity, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)";
    CHANGE: both "UPDATE trunks SET name = $2, capacity = $3, updated_at = $4 WHERE id = $1";
    DELETE_TRUNK: both "DELETE FROM trunks WHERE id = $1";
    SLOT: both concat!(slot_columns!(), "WHERE s.id = $1");
    NUMBERED: both concat!(slot_columns!(), "WHERE s.number = $1 AND s.center_id = $2");
    SLOTS: both concat!(slot_columns!(), "WHERE s.trunk_id = $1 ORDER BY s.number");
    ALL_SLOTS: both concat!(slot_columns!(), "ORDER BY s.id");
    // All numbers have four digits, so the order of texts is the order of numbers.
    NUMBERS: both "SELECT number FROM slots ORDER BY number";
    INSERT_SLOT: both "INSERT INTO slots
        (id, center_id, trunk_id, number, username, ha1_md5, ha1_sha256, ha1_sha512_256, service, holder, epoch, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'IDLE', NULL, 0, $9, $9)";
    CREDENTIALS: both "UPDATE slots SET username = $2, ha1_md5 = $3, ha1_sha256 = $4, ha1_sha512_256 = $5, updated_at = $6 WHERE id = $1";
    LIMITS: both "SELECT calls_max, destinations FROM slots WHERE id = $1";
    SET_LIMITS: both "UPDATE slots SET calls_max = $2, destinations = $3, updated_at = $4 WHERE id = $1";
    DELETE_SLOT: both "DELETE FROM slots WHERE id = $1";
    DELETE_SLOTS: both "DELETE FROM slots WHERE trunk_id = $1";
}

impl Store {
    /// Makes a hub in the actor's centre and its slots, in one transaction.
    ///
    /// The slots get the lowest free contiguous block of numbers; there may be none ([`StoreError::NumbersExhausted`]).
    /// `credentials` says user name and HA1 of a number's slot.
    pub async fn create_trunk(
        &self,
        actor: &Actor,
        new: NewTrunk,
        credentials: impl FnMut(&Number) -> (String, Ha1) + Send,
    ) -> Result<(Hub, Vec<SlotEntry>), StoreError> {
        check(new.capacity)?;
        let mut tx = self.db.begin().await?;
        // Drawn first: whoever else wants numbers waits here until we are done.
        let first_slot = ids::draw(&mut tx, "slot", new.capacity).await?;
        let taken = taken(&mut tx).await?;
        let base = new.kind.base();
        let Some(block) = numbers::lowest_free(base, &taken, new.capacity) else {
            tx.rollback().await?;
            return Err(StoreError::NumbersExhausted { first: base + 1, wanted: new.capacity });
        };
        let id = HubId(ids::draw(&mut tx, "trunk", 1).await?);
        let hub = Hub { id, center: actor.center, name: new.name, kind: new.kind, capacity: new.capacity };
        let binds = binds![hub.id, hub.center, &hub.name, hub.kind.name(), i64::from(hub.capacity), now()];
        tx.run(INSERT_TRUNK, binds).await?;
        let slots = insert_slots(&mut tx, &hub, block, first_slot, credentials).await?;
        let created = Entry::change("trunks.create", "trunks", id, Diff::created(&audited(&hub)));
        audit::append(&mut tx, now(), actor, &[created]).await?;
        tx.commit().await?;
        Ok((hub, slots))
    }

    /// The hub with this id.
    pub async fn trunk(&self, id: HubId) -> Result<Option<Hub>, StoreError> {
        self.db.one::<HubRow>(TRUNK, binds![id]).await?.map(Hub::try_from).transpose()
    }

    /// The hubs of a centre, by id. There cannot be more than 2,997: each has at least one number.
    pub async fn trunks(&self, center: CenterId) -> Result<Vec<Hub>, StoreError> {
        self.db.all::<HubRow>(TRUNKS, binds![center]).await?.into_iter().map(Hub::try_from).collect()
    }

    /// The slots of a hub, by number.
    pub async fn trunk_slots(&self, id: HubId) -> Result<Vec<SlotEntry>, StoreError> {
        self.db.all::<SlotRow>(SLOTS, binds![id]).await?.into_iter().map(SlotEntry::try_from).collect()
    }

    /// The slot with this id.
    pub async fn slot(&self, id: SlotId) -> Result<Option<SlotEntry>, StoreError> {
        self.db.one::<SlotRow>(SLOT, binds![id]).await?.map(SlotEntry::try_from).transpose()
    }

    /// The slot of a centre with this number.
    ///
    /// # Errors
    /// As the database's.
    pub async fn slot_numbered(&self, center: CenterId, number: &Number) -> Result<Option<SlotEntry>, StoreError> {
        self.db.one::<SlotRow>(NUMBERED, binds![number.as_str(), center]).await?.map(SlotEntry::try_from).transpose()
    }

    /// Changes a hub's name, capacity or both, in one transaction.
    ///
    /// It grows by the numbers directly after its own, so that they stay contiguous; if one of those is taken it does not grow
    /// ([`StoreError::NumbersExhausted`]). It shrinks by its highest numbers.
    ///
    /// `agree` is asked when all is done but the commit, and told which slots go: if it refuses, nothing has changed. If the commit fails
    /// after that, what it agreed to is for the caller to take back.
    pub async fn change_trunk<E, F>(
        &self,
        actor: &Actor,
        id: HubId,
        change: TrunkChange,
        credentials: impl FnMut(&Number) -> (String, Ha1) + Send,
        agree: impl FnOnce(Vec<SlotId>) -> F + Send,
    ) -> Result<ChangedTrunk, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<(), E>> + Send,
    {
        change.capacity.map_or(Ok(()), check)?;
        let mut tx = self.db.begin().await?;
        // Drawn before looking, and perhaps not all used: the draw is the lock.
        let first_slot = ids::draw(&mut tx, "slot", change.capacity.unwrap_or(0)).await?;
        let changed = change_in(&mut tx, actor, id, change, first_slot, credentials).await;
        let agreed = match changed {
            Ok(changed) => agree(changed.removed.clone()).await.map(|()| changed),
            Err(error) => Err(error.into()),
        };
        end(tx, agreed).await
    }

    /// Deletes a hub, its slots and their bindings; says which slots those were. Its numbers are free again.
    ///
    /// `agree` is asked as by [`Store::change_trunk`].
    pub async fn delete_trunk<E, F>(&self, actor: &Actor, id: HubId, agree: impl FnOnce(Vec<SlotId>) -> F + Send) -> Result<Vec<SlotId>, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<(), E>> + Send,
    {
        let mut tx = self.db.begin().await?;
        // The lock against a change that would add slots meanwhile.
        ids::draw(&mut tx, "slot", 0).await?;
        let deleted = delete_in(&mut tx, actor, id).await;
        let agreed = match deleted {
            Ok(slots) => agree(slots.clone()).await.map(|()| slots),
            Err(error) => Err(error.into()),
        };
        end(tx, agreed).await
    }

    /// Gives a slot another user name and password; gives what `agree` gave.
    ///
    /// `agree` runs when all is done but the commit: if it refuses, the old ones stay. If the commit fails after that, what it did is for
    /// the caller to take back.
    pub async fn set_slot_credentials<T, E: From<StoreError>>(
        &self,
        actor: &Actor,
        slot: SlotId,
        username: &str,
        ha1: &Ha1,
        agree: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let mut tx = self.db.begin().await?;
        let binds = binds![slot, username, hex(&ha1.md5), hex(&ha1.sha256), hex(&ha1.sha512_256), now()];
        let changed = async {
            own(&mut tx, actor, slot).await?;
            found(tx.run(CREDENTIALS, binds).await?, "slot")?;
            let renewed = Entry::change("slots.update", "slots", slot, Diff::none().secret("password")).security();
            audit::append(&mut tx, now(), actor, &[renewed]).await
        };
        let changed = changed.await;
        let agreed = match changed {
            Ok(()) => agree.await,
            Err(error) => Err(error.into()),
        };
        end(tx, agreed).await
    }

    /// What the slot may call, and how much at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such slot.
    pub async fn slot_limits(&self, slot: SlotId) -> Result<SlotLimits, StoreError> {
        let (calls_max, destinations) = self.db.one(LIMITS, binds![slot]).await?.ok_or(StoreError::NotFound("slot"))?;
        read_limits(calls_max, destinations)
    }

    /// Sets what the slot may call, and how much at once. Signalling knows of it when it has the [`Store::directory`] anew.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such slot, [`StoreError::Limits`] for limits that no slot can have.
    pub async fn set_slot_limits(&self, actor: &Actor, slot: SlotId, limits: &SlotLimits) -> Result<(), StoreError> {
        let is_possible =
            (1..=SlotLimits::CALLS_MAX).contains(&limits.calls_max) && limits.destinations.len() <= SlotLimits::DESTINATIONS_MAX;
        if !is_possible {
            return Err(StoreError::Limits);
        }
        let destinations = serde_json::to_string(&limits.destinations).map_err(|error| StoreError::Unstorable(Box::new(error)))?;
        let mut tx = self.db.begin().await?;
        let before = own(&mut tx, actor, slot).await?.limits;
        found(tx.run(SET_LIMITS, binds![slot, i64::from(limits.calls_max), destinations, now()]).await?, "slot")?;
        let told = |limits: &SlotLimits| json!({"calls_max": limits.calls_max, "destinations": limits.destinations});
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let diff = Diff::between(&object(told(&before)), &object(told(limits)));
        if !diff.is_empty() {
            audit::append(&mut tx, now(), actor, &[Entry::change("slots.update", "slots", slot, diff)]).await?;
        }
        tx.commit().await
    }

    /// All slots and hubs of all centres, without carriers and routes.
    ///
    /// # Errors
    /// As the database's.
    pub async fn slots_and_hubs(&self) -> Result<Directory, StoreError> {
        // Slots first: a hub that goes in between leaves no slot without its hub's kind, since each row brings it.
        let slots = self.db.all::<SlotRow>(ALL_SLOTS, &[]).await?.into_iter().map(SlotEntry::try_from).collect::<Result<_, _>>()?;
        let hubs = self.db.all::<HubRow>(ALL_TRUNKS, &[]).await?.into_iter().map(Hub::try_from).collect::<Result<_, _>>()?;
        let realm = self.setting(crate::settings::REALM).await?.unwrap_or_default();
        Ok(Directory::new(realm, hubs, slots))
    }
}

fn check(capacity: u16) -> Result<(), StoreError> {
    if (1..=numbers::BLOCK).contains(&capacity) { Ok(()) } else { Err(StoreError::Capacity(capacity)) }
}

fn found(rows: u64, what: &'static str) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::NotFound(what)) } else { Ok(()) }
}

/// Commits what was agreed to, takes back what was not.
async fn end<T, E: From<StoreError>>(tx: Tx, agreed: Result<T, E>) -> Result<T, E> {
    match agreed {
        Ok(done) => {
            tx.commit().await?;
            Ok(done)
        }
        Err(refused) => {
            // Why it was refused is what matters; a transaction that cannot be rolled back ends with its connection.
            drop(tx.rollback().await);
            Err(refused)
        }
    }
}

/// The slot, if it is of the actor's centre; another centre's is not there.
pub(crate) async fn own(tx: &mut Tx, actor: &Actor, id: SlotId) -> Result<SlotEntry, StoreError> {
    let slot = tx.one::<SlotRow>(SLOT, binds![id]).await?.map(SlotEntry::try_from).transpose()?;
    slot.filter(|slot| slot.center == actor.center).ok_or(StoreError::NotFound("slot"))
}

/// The hub, if it is of the actor's centre; another centre's is not there.
async fn own_hub(tx: &mut Tx, actor: &Actor, id: HubId) -> Result<Hub, StoreError> {
    let hub = tx.one::<HubRow>(TRUNK, binds![id]).await?.map(Hub::try_from).transpose()?;
    hub.filter(|hub| hub.center == actor.center).ok_or(StoreError::NotFound("trunk"))
}

/// A hub as the audit log tells of it.
fn audited(hub: &Hub) -> Map<String, Value> {
    let told = json!({"name": hub.name, "type": hub.kind.name(), "capacity": hub.capacity});
    told.as_object().cloned().unwrap_or_default()
}

async fn change_in(
    tx: &mut Tx,
    actor: &Actor,
    id: HubId,
    change: TrunkChange,
    first_slot: i64,
    credentials: impl FnMut(&Number) -> (String, Ha1) + Send,
) -> Result<ChangedTrunk, StoreError> {
    let mut hub = own_hub(tx, actor, id).await?;
    let before = audited(&hub);
    hub.capacity = change.capacity.unwrap_or(hub.capacity);
    hub.name = change.name.unwrap_or(hub.name);
    let own = tx.all::<SlotRow>(SLOTS, binds![id]).await?;
    let mut slots = own.into_iter().map(SlotEntry::try_from).collect::<Result<Vec<_>, _>>()?;
    let mut removed = Vec::new();
    let mut added = Vec::new();
    if change.capacity.is_some() {
        for slot in slots.drain(slots.len().min(usize::from(hub.capacity))..) {
            tx.run(DELETE_SLOT, binds![slot.id]).await?;
            removed.push(slot.id);
        }
        crate::budgets::prune(tx).await?;
        let wanted = usize::from(hub.capacity).saturating_sub(slots.len());
        if let Some(wanted) = u16::try_from(wanted).ok().filter(|wanted| *wanted > 0) {
            let base = hub.kind.base();
            let last = slots.last().and_then(|slot| slot.number.as_str().parse().ok()).unwrap_or(base);
            let taken = taken(tx).await?;
            let Some(block) = numbers::directly_after(base, last, &taken, wanted) else {
                return Err(StoreError::NumbersExhausted { first: last.saturating_add(1), wanted });
            };
            let new = insert_slots(tx, &hub, block, first_slot, credentials).await?;
            added.extend(new.iter().map(|slot| slot.id));
            slots.extend(new);
        }
    }
    tx.run(CHANGE, binds![id, &hub.name, i64::from(hub.capacity), now()]).await?;
    let diff = Diff::between(&before, &audited(&hub));
    if !diff.is_empty() {
        audit::append(tx, now(), actor, &[Entry::change("trunks.update", "trunks", id, diff)]).await?;
    }
    Ok(ChangedTrunk { hub, slots, added, removed })
}

async fn delete_in(tx: &mut Tx, actor: &Actor, id: HubId) -> Result<Vec<SlotId>, StoreError> {
    let hub = own_hub(tx, actor, id).await?;
    let slots: Vec<SlotRow> = tx.all(SLOTS, binds![id]).await?;
    tx.run(DELETE_SLOTS, binds![id]).await?;
    found(tx.run(DELETE_TRUNK, binds![id]).await?, "trunk")?;
    crate::budgets::prune(tx).await?;
    let deleted = Entry::change("trunks.delete", "trunks", id, Diff::deleted(&audited(&hub)));
    audit::append(tx, now(), actor, &[deleted]).await?;
    Ok(slots.into_iter().map(|slot| SlotId(slot.id)).collect())
}

/// All numbers that are in use, ascending.
async fn taken(tx: &mut Tx) -> Result<Vec<u16>, StoreError> {
    let numbers: Vec<(String,)> = tx.all(NUMBERS, &[]).await?;
    Ok(numbers.into_iter().filter_map(|(number,)| number.parse().ok()).collect())
}

async fn insert_slots(
    tx: &mut Tx,
    hub: &Hub,
    block: RangeInclusive<u16>,
    first_id: i64,
    mut credentials: impl FnMut(&Number) -> (String, Ha1) + Send,
) -> Result<Vec<SlotEntry>, StoreError> {
    let created_at = now();
    let mut slots = Vec::with_capacity(block.len());
    for (number, id) in block.zip(first_id..) {
        let number: Number =
            number.to_string().parse().map_err(|error: model::ParseNumberError| StoreError::Unstorable(Box::new(error)))?;
        let (username, ha1) = credentials(&number);
        let slot = SlotEntry {
            id: SlotId(id),
            center: hub.center,
            hub: hub.id,
            kind: hub.kind,
            number,
            username,
            ha1,
            service: SlotState::Idle,
            limits: SlotLimits::default(),
            caller: None,
        };
        let [md5, sha256, sha512_256] = [hex(&slot.ha1.md5), hex(&slot.ha1.sha256), hex(&slot.ha1.sha512_256)];
        let binds = binds![slot.id, slot.center, slot.hub, slot.number.as_str(), &slot.username, md5, sha256, sha512_256, created_at];
        tx.run(INSERT_SLOT, binds).await?;
        slots.push(slot);
    }
    Ok(slots)
}

#[derive(FromRow)]
struct HubRow {
    id: i64,
    center_id: i64,
    name: String,
    kind: String,
    capacity: i64,
}

impl TryFrom<HubRow> for Hub {
    type Error = StoreError;

    fn try_from(row: HubRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: HubId(row.id),
            center: CenterId(row.center_id),
            name: row.name,
            kind: decode("trunks", &row.kind)?,
            capacity: u16::try_from(row.capacity).map_err(|_| StoreError::Broken { table: "trunks", what: "capacity".to_owned() })?,
        })
    }
}

#[derive(FromRow)]
struct SlotRow {
    id: i64,
    center_id: i64,
    trunk_id: i64,
    kind: String,
    number: String,
    username: String,
    ha1_md5: String,
    ha1_sha256: String,
    ha1_sha512_256: String,
    service: String,
    calls_max: i64,
    destinations: String,
    caller: Option<String>,
}

impl TryFrom<SlotRow> for SlotEntry {
    type Error = StoreError;

    fn try_from(row: SlotRow) -> Result<Self, StoreError> {
        let broken = |what: &str| StoreError::Broken { table: "slots", what: what.to_owned() };
        Ok(Self {
            id: SlotId(row.id),
            center: CenterId(row.center_id),
            hub: HubId(row.trunk_id),
            kind: decode("trunks", &row.kind)?,
            number: row.number.parse().map_err(|_| broken("number"))?,
            username: row.username,
            ha1: Ha1 {
                md5: unhex(&row.ha1_md5).ok_or_else(|| broken("ha1_md5"))?,
                sha256: unhex(&row.ha1_sha256).ok_or_else(|| broken("ha1_sha256"))?,
                sha512_256: unhex(&row.ha1_sha512_256).ok_or_else(|| broken("ha1_sha512_256"))?,
            },
            service: decode("slots", &row.service)?,
            limits: read_limits(row.calls_max, row.destinations)?,
            caller: row.caller.map(|caller| caller.parse().map_err(|_| broken("caller"))).transpose()?,
        })
    }
}

fn read_limits(calls_max: i64, destinations: String) -> Result<SlotLimits, StoreError> {
    let broken = |what: &str| StoreError::Broken { table: "slots", what: what.to_owned() };
    Ok(SlotLimits {
        calls_max: u8::try_from(calls_max).map_err(|_| broken("calls_max"))?,
        destinations: serde_json::from_str(&destinations).map_err(|_| broken("destinations"))?,
    })
}

/// The name of a service state in the database.
pub(crate) fn service_name(state: SlotState) -> String {
    code(&state)
}
