//! Roles and centres in memory, so that a request asks the database for nothing but what is the person's own.
//!
//! Every change of a role or a set counts up a number in the database, in its own transaction. What is in memory is good while that
//! number is the one that it was read at; the number is looked at every [`FRESH`], and at once after a change in this process.
//! While the database is away the last picture stands (R21).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use model::{Action, CenterId, ListKind, Mode, Reach, Scope, UserId};
use store::{StoreError, binds, sql::Tx, statements};

use super::{
    access::{AccessMap, Grant, Lists, Policy},
    catalogue::{Catalogue, EVERYBODY, can, resource_of},
    given::decode,
};
use crate::{
    Office,
    centers::{Center, CenterRow},
};

/// How old what is in memory may be.
const FRESH: Duration = Duration::from_secs(5);
/// How often it is read again if it changes while it is read.
const READS_MAX: usize = 3;
/// Roles of one person that count.
const ROLES_MAX: i64 = 100;
/// How many managers stand above somebody at most; who is further below is in no team. Ends circles, too.
const TEAM_DEPTH_MAX: i64 = 32;
/// What reaches assigned slots alone, in a centre that assigns them ([`SlotsSettings`](crate::SlotsSettings)).
const BY_SLOT: [Action; 3] = [can::SLOTS_READ, can::SLOTS_USE, can::CALLS_START];
/// People in a team at most.
const TEAM_MAX: i64 = 20_000;

statements! {
    VERSION: both "SELECT value FROM settings WHERE key = 'rights.version'";
    FIRST_VERSION: both "INSERT INTO settings (key, value) VALUES ('rights.version', '1') ON CONFLICT (key) DO NOTHING";
    LOCK: both "UPDATE settings SET value = value WHERE key = 'rights.version'";
    COUNT_UP: both "UPDATE settings SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE key = 'rights.version'";
    ROLES: both "SELECT id, center_id, code FROM roles";
    ITEMS: both "SELECT rs.role_id, i.permission, i.reach FROM role_permission_sets rs JOIN permission_set_items i ON i.set_id = rs.set_id
        ORDER BY rs.role_id, i.permission, i.reach";
    ROLE_LISTS: both "SELECT principal_id, resource, kind, item FROM access_lists WHERE principal_kind = 'role'";
    ROLE_COLUMNS: both "SELECT principal_id, resource, column_name, mode FROM column_policies WHERE principal_kind = 'role'";
    PEOPLES_COLUMNS: both "SELECT DISTINCT resource, column_name, mode FROM column_policies WHERE principal_kind = 'user'";
    CENTERS: both "SELECT id, code, name, locale, tz, state, settings, version FROM centers";
    // What a person has, in one answer: their roles, their own lists, their own column policies.
    PERSON: both "SELECT 'role' AS what, CAST(role_id AS TEXT) AS a, '' AS b, '' AS c FROM user_roles WHERE user_id = $1
        UNION ALL SELECT 'list', resource, kind, item FROM access_lists WHERE principal_kind = 'user' AND principal_id = $1
        UNION ALL SELECT 'column', resource, column_name, mode FROM column_policies WHERE principal_kind = 'user' AND principal_id = $1";
    // A circle of managers comes back to who is there already at another depth, until the depth ends it.
    TEAM: both "WITH RECURSIVE team (id, depth) AS (
            SELECT u.id, CAST(1 AS BIGINT) FROM users u WHERE u.manager_id = $1
            UNION SELECT u.id, t.depth + 1 FROM users u JOIN team t ON u.manager_id = t.id WHERE t.depth < $2
        ) SELECT DISTINCT id FROM team ORDER BY id LIMIT $3";
}

/// A role as rights see it.
#[derive(Debug, Clone)]
pub(crate) struct RoleRights {
    pub(crate) center: CenterId,
    pub(crate) code: String,
    /// What its sets grant, as far as the catalogue knows it.
    pub(crate) items: Vec<(String, Reach)>,
    pub(crate) lists: Lists,
    pub(crate) policy: Policy,
}

/// What is in memory.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    version: String,
    pub(crate) roles: BTreeMap<i64, Arc<RoleRights>>,
    pub(crate) centers: BTreeMap<CenterId, Arc<Center>>,
    /// What is hidden from anybody for their own sake.
    peoples_policy: Policy,
}

/// The picture, and how good it is.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    /// How many changes there were in this process.
    changes: AtomicU64,
    /// Held by whoever reads the tables, so that one reads for all.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default, Clone)]
struct State {
    picture: Option<Arc<Picture>>,
    /// The changes in this process that the picture has.
    changes: u64,
    /// When it was last known to be good; none: never.
    checked: Option<Instant>,
}

impl State {
    /// The picture, if it is good now.
    fn good(&self, changes: u64) -> Option<Arc<Picture>> {
        let is_young = self.checked.is_some_and(|checked| checked.elapsed() < FRESH);
        self.picture.clone().filter(|_| is_young && self.changes == changes)
    }
}

/// A change of rights that is under way.
#[derive(Debug)]
#[must_use = "the change counts when this is dropped: hold it until after the commit"]
pub(crate) struct Change<'a>(&'a Memory);

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
    }
}

impl Memory {
    /// Roles, sets or centres are being changed. Made before the commit, so that it counts even if the caller goes away meanwhile.
    pub(crate) fn change(&self) -> Change<'_> {
        Change(self)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As if it was read long ago.
    #[cfg(test)]
    pub(crate) fn let_it_be_old(&self) {
        self.state().checked = None;
    }

    /// The last picture, however old.
    fn last(&self) -> Option<Arc<Picture>> {
        self.state().picture.clone()
    }
}

/// Has other changes of rights wait until this transaction ends, so that each is judged by what the one before it left.
pub(crate) async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    tx.run(LOCK, &[]).await.map(drop)
}

/// The same, and whoever has roles in memory is to read them anew.
pub(crate) async fn lock_and_count_up(tx: &mut Tx) -> Result<(), StoreError> {
    tx.run(COUNT_UP, &[]).await.map(drop)
}

/// Makes the number by which changes are noticed, if it is not there yet.
pub(crate) async fn prepare(tx: &mut Tx) -> Result<(), StoreError> {
    tx.run(FIRST_VERSION, &[]).await.map(drop)
}

impl Office {
    /// What a person may do now, and the codes of their roles.
    ///
    /// # Errors
    /// As the database's.
    pub(crate) async fn access_of(&self, user: UserId) -> Result<(Vec<String>, AccessMap), StoreError> {
        self.access_by(user, None).await
    }

    /// The same with these roles of a centre in place of the person's own; their own lists, columns and team count as ever.
    ///
    /// # Errors
    /// As the database's.
    pub(crate) async fn access_with_roles(
        &self,
        user: UserId,
        center: CenterId,
        codes: &[String],
    ) -> Result<(Vec<String>, AccessMap), StoreError> {
        self.access_by(user, Some((center, codes))).await
    }

    async fn access_by(&self, user: UserId, instead: Option<(CenterId, &[String])>) -> Result<(Vec<String>, AccessMap), StoreError> {
        let mut picture = self.picture().await?;
        let rows: Vec<(String, String, String, String)> = self.store().db().all(PERSON, binds![user]).await?;
        let (mut ids, mut lists, mut policy) = (Vec::new(), Lists::default(), Policy::default());
        for (what, a, b, c) in rows {
            match what.as_str() {
                "role" => ids.push(a.parse().map_err(|_| StoreError::Broken { table: "user_roles", what: a })?),
                "list" => lists.add(&a, decode("access_lists", &b)?, c),
                _ => policy.restrict(&a, &b, decode("column_policies", &c)?),
            }
        }
        if let Some((center, codes)) = instead {
            let is_one = |role: &RoleRights| role.center == center && codes.contains(&role.code);
            ids = picture.roles.iter().filter(|(_, role)| is_one(role)).map(|(id, _)| *id).collect();
        }
        ids.truncate(usize::try_from(ROLES_MAX).unwrap_or(usize::MAX));
        if ids.iter().any(|id| !picture.roles.contains_key(id)) {
            // Another process has made a role and given it.
            picture = self.read_picture().await?;
        }
        let roles: Vec<&RoleRights> = ids.iter().filter_map(|id| picture.roles.get(id)).map(AsRef::as_ref).collect();
        let home = roles.first().and_then(|role| picture.centers.get(&role.center));
        let mut access = access_map(&roles, &lists, &policy, home.is_some_and(|center| center.settings.slots.assigned));
        if access.has_team_rights() {
            let team: Vec<(i64,)> = self.store().db().all(TEAM, binds![user, TEAM_DEPTH_MAX, TEAM_MAX]).await?;
            access.team = team.into_iter().map(|(id,)| UserId(id)).collect();
        }
        let mut codes: Vec<String> = roles.into_iter().map(|role| role.code.clone()).collect();
        codes.sort();
        Ok((codes, access))
    }

    /// What somebody of a centre with these roles may do, from memory, for when the database is away and nobody knows more of them (R21).
    /// None if nothing is in memory.
    ///
    /// Their own lists and their team are not known, so nothing is reached by those; and what is hidden from anybody is hidden from them.
    pub(crate) fn access_for_roles(&self, center: CenterId, codes: &[String]) -> Option<AccessMap> {
        let picture = self.memory().last()?;
        let is_one = |role: &&RoleRights| role.center == center && codes.contains(&role.code);
        let roles: Vec<&RoleRights> = picture.roles.values().map(AsRef::as_ref).filter(is_one).collect();
        let is_assigned = picture.centers.get(&center).is_some_and(|center| center.settings.slots.assigned);
        Some(access_map(&roles, &Lists::default(), &picture.peoples_policy, is_assigned))
    }

    /// A centre, as it was at most a few seconds ago; none if there is no such.
    ///
    /// # Errors
    /// As the database's, if it was never read.
    pub async fn center(&self, id: CenterId) -> Result<Option<Arc<Center>>, StoreError> {
        let picture = match self.picture().await {
            Ok(picture) => picture,
            Err(error) => self.memory().last().ok_or(error)?,
        };
        Ok(picture.centers.get(&id).cloned())
    }

    /// Roles and centres, as they were at most a few seconds ago.
    pub(crate) async fn picture(&self) -> Result<Arc<Picture>, StoreError> {
        let memory = self.memory();
        if let Some(good) = memory.state().good(memory.changes.load(Ordering::SeqCst)) {
            return Ok(good);
        }
        let _reading = memory.reading.lock().await;
        let changes = memory.changes.load(Ordering::SeqCst);
        let state = memory.state().clone();
        if let Some(good) = state.good(changes) {
            return Ok(good);
        }
        let looked = Instant::now();
        if let Some(picture) = state.picture.filter(|_| state.changes == changes)
            && self.version().await? == picture.version
        {
            memory.state().checked = Some(looked);
            return Ok(picture);
        }
        self.read_and_keep(changes, looked).await
    }

    /// Roles and centres as they are now.
    pub(crate) async fn read_picture(&self) -> Result<Arc<Picture>, StoreError> {
        let memory = self.memory();
        let _reading = memory.reading.lock().await;
        self.read_and_keep(memory.changes.load(Ordering::SeqCst), Instant::now()).await
    }

    async fn read_and_keep(&self, changes: u64, looked: Instant) -> Result<Arc<Picture>, StoreError> {
        let mut version = self.version().await?;
        let mut picture = self.read_tables(version.clone()).await?;
        // The tables are read one after the other: a change in between would mix old and new.
        for _ in 1..READS_MAX {
            let now = self.version().await?;
            if now == version {
                break;
            }
            version = now;
            picture = self.read_tables(version.clone()).await?;
        }
        let picture = Arc::new(picture);
        *self.memory().state() = State { picture: Some(Arc::clone(&picture)), changes, checked: Some(looked) };
        Ok(picture)
    }

    async fn version(&self) -> Result<String, StoreError> {
        let row: Option<(String,)> = self.store().db().one(VERSION, &[]).await?;
        Ok(row.map(|(version,)| version).unwrap_or_default())
    }

    async fn read_tables(&self, version: String) -> Result<Picture, StoreError> {
        let db = self.store().db();
        let roles: Vec<(i64, i64, String)> = db.all(ROLES, &[]).await?;
        let role = |(id, center, code): (i64, i64, String)| {
            let rights =
                RoleRights { center: CenterId(center), code, items: Vec::new(), lists: Lists::default(), policy: Policy::default() };
            (id, rights)
        };
        let mut roles: BTreeMap<i64, RoleRights> = roles.into_iter().map(role).collect();
        let items: Vec<(i64, String, String)> = db.all(ITEMS, &[]).await?;
        for (role, permission, reach) in items {
            if let (Some(role), Some(reach)) = (roles.get_mut(&role), known(self.catalogue(), &permission, &reach)) {
                role.items.push((permission, reach));
            }
        }
        let lists: Vec<(i64, String, String, String)> = db.all(ROLE_LISTS, &[]).await?;
        for (role, resource, kind, item) in lists {
            if let Some(role) = roles.get_mut(&role) {
                role.lists.add(&resource, decode("access_lists", &kind)?, item);
            }
        }
        let columns: Vec<(i64, String, String, String)> = db.all(ROLE_COLUMNS, &[]).await?;
        for (role, resource, column, mode) in columns {
            if let Some(role) = roles.get_mut(&role) {
                role.policy.restrict(&resource, &column, decode::<Mode>("column_policies", &mode)?);
            }
        }
        let mut peoples_policy = Policy::default();
        let columns: Vec<(String, String, String)> = db.all(PEOPLES_COLUMNS, &[]).await?;
        for (resource, column, mode) in columns {
            peoples_policy.restrict(&resource, &column, decode("column_policies", &mode)?);
        }
        let mut centers = BTreeMap::new();
        for row in db.all::<CenterRow>(CENTERS, &[]).await? {
            let center = Center::from(row);
            centers.insert(center.id, Arc::new(center));
        }
        Ok(Picture { version, roles: roles.into_iter().map(|(id, role)| (id, Arc::new(role))).collect(), centers, peoples_policy })
    }
}

/// What an item of a set grants; none if no part of the program knows such a permission, or it cannot reach so.
pub(crate) fn known(catalogue: &Catalogue, permission: &str, reach: &str) -> Option<Reach> {
    let reach: Reach = reach.parse().ok()?;
    catalogue.permission(permission).filter(|known| known.reaches.allow(reach)).map(|_| reach)
}

/// What roles come to for somebody with lists and column policies of their own. In a centre whose slots are assigned, people reach by
/// [`BY_SLOT`] those slots alone that their lists name, unless they may watch them all.
pub(crate) fn access_map(roles: &[&RoleRights], lists: &Lists, policy: &Policy, is_assigned: bool) -> AccessMap {
    let watches = || roles.iter().flat_map(|role| &role.items).any(|(permission, _)| permission == can::SLOTS_MONITOR.0);
    let is_assigned = is_assigned && !watches();
    let mut access = AccessMap::default();
    let own = Arc::new(policy.clone());
    for action in EVERYBODY {
        access.add(action.0, Grant { reach: Reach::of(Scope::Own), lists: BTreeMap::new(), policy: Arc::clone(&own) });
    }
    for role in roles {
        let policy = if role.policy.is_empty() { Arc::clone(&own) } else { Arc::new(role.policy.and(policy)) };
        let lists = role.lists.union(lists);
        for (permission, reach) in &role.items {
            let mut narrowed = if reach.listed { lists.of(resource_of(permission)) } else { BTreeMap::new() };
            let mut reach = *reach;
            // Narrowed without any list it reaches nothing, and that stays so.
            let is_nothing = reach.listed && narrowed.is_empty();
            if is_assigned && !is_nothing && BY_SLOT.iter().any(|action| action.0 == permission) {
                let given = lists.of(can::SLOTS_READ.resource()).remove(&ListKind::Slot).unwrap_or_default();
                let stands = narrowed.entry(ListKind::Slot).or_insert_with(|| given.clone());
                stands.retain(|slot| given.contains(slot));
                reach.listed = true;
            }
            access.add(permission, Grant { reach, lists: narrowed, policy: Arc::clone(&policy) });
        }
    }
    access
}
