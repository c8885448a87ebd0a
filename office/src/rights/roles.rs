//! Roles: what people are given. A role is made of permission sets, narrowed by lists and with columns hidden.

use std::collections::{BTreeMap, BTreeSet};

use model::{CenterId, Column, ColumnKind, ListKind, Owner, Resource, WallTime};
use serde_json::{Map, Value};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds, ids,
    list::fold_search,
    sql::{Tx, draw, list as id_list},
    statements,
};

use super::{
    access::{Lists, Policy},
    catalogue::can,
    finish,
    given::{AccessList, ColumnPolicy, Given, Holder, decode},
    memory::{self, access_map},
    news,
    people::{by_code, given_differs, guard_admins, json, without_admin},
    sets::PermissionItem,
    text,
};
use crate::{Conflict, Fault, ListPage, ListParams, Office, OfficeError, Permit, View};

/// Roles of one centre; more are refused.
const ROLES_MAX: i64 = 500;
/// Permission sets of one role; more are refused.
const SETS_MAX: usize = 64;

/// Roles.
pub static ROLES: Resource = Resource {
    name: "roles",
    from: "roles t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[(ListKind::Role, "t.code")],
    search: "t.search_norm",
    order: "code",
    read: can::ROLES_READ,
    export: Some(can::ROLES_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The role's id.").sorted().filtered(),
        Column::new("code", "t.code", ColumnKind::Text, "Its code, unique in the centre.").sorted().filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name.").sorted().filtered(),
        Column::new("builtin", "t.builtin", ColumnKind::Bool, "Whether it came with the program.").filtered(),
        Column::new("sets", "", ColumnKind::Json, "The codes of the permission sets that it is made of."),
        Column::new("permissions", "", ColumnKind::Json, "What it grants by its sets: {permission, scope}."),
        Column::new("lists", "", ColumnKind::Json, "Lists of ids that narrow its rights: {resource, kind, ids}."),
        Column::new("columns", "", ColumnKind::Json, "Columns that it masks or hides: {resource, column, mode}."),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
    ],
};

/// A role to be made.
#[derive(Debug, Clone, Default)]
pub struct NewRole {
    /// Its code: 1 to 64 letters, digits, `_`, `-`, `.`.
    pub code: String,
    /// Its name, 1 to 128 characters.
    pub name: String,
    /// The codes of its permission sets.
    pub sets: Vec<String>,
    /// Lists that narrow its rights.
    pub lists: Vec<AccessList>,
    /// Columns that it masks or hides.
    pub columns: Vec<ColumnPolicy>,
}

/// What is to be changed of a role; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct RoleChange {
    /// Its code, if it is said again: it stays for ever.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The codes of all its permission sets.
    pub sets: Option<Vec<String>>,
    /// All lists that narrow its rights.
    pub lists: Option<Vec<AccessList>>,
    /// All columns that it masks or hides.
    pub columns: Option<Vec<ColumnPolicy>>,
}

macro_rules! sets_of {
    () => {
        "SELECT rs.role_id, s.code FROM role_permission_sets rs JOIN permission_sets s ON s.id = rs.set_id WHERE rs.role_id IN "
    };
}

macro_rules! items_of {
    () => {
        "SELECT rs.role_id, i.permission, i.reach FROM role_permission_sets rs JOIN permission_set_items i ON i.set_id = rs.set_id
        WHERE rs.role_id IN "
    };
}

macro_rules! lists_of {
    () => {
        "SELECT principal_id, resource, kind, item FROM access_lists WHERE principal_kind = 'role' AND principal_id IN "
    };
}

macro_rules! columns_of {
    () => {
        "SELECT principal_id, resource, column_name, mode FROM column_policies WHERE principal_kind = 'role' AND principal_id IN "
    };
}

statements! {
    COUNT: both "SELECT count(*) FROM roles WHERE center_id = $1";
    INSERT: both "INSERT INTO roles (id, center_id, code, name, builtin, search_norm, version, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, 0, $5, 1, $6, $6, $7)";
    ROW: both "SELECT id, center_id, code, name, builtin, version FROM roles WHERE id = $1 AND center_id = $2";
    CHANGE: both "UPDATE roles SET name = $2, search_norm = $3, version = version + 1, updated_at = $4 WHERE id = $1";
    DELETE: both "DELETE FROM roles WHERE id = $1";
    USERS: both "SELECT count(*) FROM user_roles WHERE role_id = $1";
    SET_BY_CODE: both "SELECT id FROM permission_sets WHERE center_id = $1 AND code = $2";
    SETS: both "SELECT s.id, s.code FROM role_permission_sets rs JOIN permission_sets s ON s.id = rs.set_id WHERE rs.role_id = $1";
    // Of many roles: each engine has its own way to read a list of ids.
    SETS_OF: each concat!(sets_of!(), ids!(lite)), concat!(sets_of!(), ids!(pg));
    ITEMS_OF: each concat!(items_of!(), ids!(lite)), concat!(items_of!(), ids!(pg));
    LISTS_OF: each concat!(lists_of!(), ids!(lite)), concat!(lists_of!(), ids!(pg));
    COLUMNS_OF: each concat!(columns_of!(), ids!(lite)), concat!(columns_of!(), ids!(pg));
    DROP_SETS: both "DELETE FROM role_permission_sets WHERE role_id = $1";
    ADD_SET: both "INSERT INTO role_permission_sets (role_id, set_id) VALUES ($1, $2)";
    // What those who have the role have been listed besides: it counts for what the role comes to.
    HOLDERS_LISTS: both "SELECT DISTINCT l.resource, l.kind, l.item FROM user_roles ur
        JOIN access_lists l ON l.principal_kind = 'user' AND l.principal_id = ur.user_id WHERE ur.role_id = $1";
}

/// A role as the database has it.
#[derive(Debug, Clone, FromRow)]
pub(super) struct RoleRow {
    pub(super) id: i64,
    center_id: i64,
    pub(super) code: String,
    pub(super) name: String,
    builtin: i64,
    pub(super) version: i64,
}

impl RoleRow {
    pub(super) fn center(&self) -> CenterId {
        CenterId(self.center_id)
    }
}

impl Office {
    /// A list of roles.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub async fn roles(&self, view: &View, params: &ListParams) -> Result<ListPage, OfficeError> {
        let mut page = self.list(view, params).await?;
        let wanted: BTreeSet<&'static str> = page.added.iter().map(|column| column.name).collect();
        if !wanted.is_empty() {
            let mut parts = self.role_parts(&page.keys).await?;
            for (key, item) in page.keys.iter().zip(&mut page.items) {
                let parts = parts.remove(key).unwrap_or_default();
                item.extend(parts.into_iter().filter(|(name, _)| wanted.contains(name)).filter_map(shown(view)));
            }
        }
        Ok(page)
    }

    /// A role.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn role(&self, view: &View, key: &str) -> Result<Map<String, Value>, OfficeError> {
        let mut role = self.read(view, key).await?;
        let id: i64 = key.parse().map_err(|_| OfficeError::NotFound("role"))?;
        let parts = self.role_parts(&[id]).await?.remove(&id).unwrap_or_default();
        role.extend(parts.into_iter().filter_map(shown(view)));
        Ok(role)
    }

    /// What the list does not read of roles: sets, permissions, lists and column policies.
    async fn role_parts(&self, ids: &[i64]) -> Result<BTreeMap<i64, Vec<(&'static str, Value)>>, StoreError> {
        let (db, wanted) = (self.store().db(), id_list(ids.iter().copied()));
        let mut sets: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for (role, code) in db.all::<(i64, String)>(SETS_OF, binds![&wanted]).await? {
            sets.entry(role).or_default().insert(code);
        }
        let mut items: BTreeMap<i64, BTreeSet<PermissionItem>> = BTreeMap::new();
        for (role, permission, reach) in db.all::<(i64, String, String)>(ITEMS_OF, binds![&wanted]).await? {
            if let Some(scope) = memory::known(self.catalogue(), &permission, &reach) {
                items.entry(role).or_default().insert(PermissionItem { permission, scope });
            }
        }
        let mut given: BTreeMap<i64, Given> = BTreeMap::new();
        for (role, resource, kind, item) in db.all::<(i64, String, String, String)>(LISTS_OF, binds![&wanted]).await? {
            given.entry(role).or_default().lists.add(&resource, decode("access_lists", &kind)?, item);
        }
        for (role, resource, column, mode) in db.all::<(i64, String, String, String)>(COLUMNS_OF, binds![&wanted]).await? {
            given.entry(role).or_default().columns.insert((resource, column), decode("column_policies", &mode)?);
        }
        let parts = |id: &i64| {
            let given = given.get(id).cloned().unwrap_or_default();
            let parts = vec![
                ("sets", json(&sets.get(id).cloned().unwrap_or_default())),
                ("permissions", json(&items.get(id).cloned().unwrap_or_default())),
                ("lists", json(&given.lists())),
                ("columns", json(&given.columns())),
            ];
            (*id, parts)
        };
        Ok(ids.iter().map(parts).collect())
    }

    /// Makes a role in the centre that the person works in, and gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::Forbidden`] if it grants more than the person has, [`Conflict::CodeTaken`].
    pub async fn create_role(&self, permit: &Permit, new: &NewRole, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::ROLES_CREATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.create_role_in(&mut tx, permit, new, now).await;
        finish(tx, made, changing).await
    }

    async fn create_role_in(&self, tx: &mut Tx, permit: &Permit, new: &NewRole, now: WallTime) -> Result<i64, OfficeError> {
        memory::lock_and_count_up(tx).await?;
        let center = permit.rows().center;
        let mut faults = Vec::new();
        let code = text::code("code", &new.code, &mut faults);
        let name = text::name("name", &new.name, &mut faults);
        let mut given = Given::default();
        given.set_lists(self.catalogue(), &new.lists, &mut faults);
        given.set_columns(self.catalogue(), &new.columns, &mut faults);
        let sets = sets_by_code(tx, center, &new.sets, &mut faults).await?;
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let count: Option<(i64,)> = tx.one(COUNT, binds![center]).await?;
        if count.is_some_and(|(count,)| count >= ROLES_MAX) {
            return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {ROLES_MAX} roles"))));
        }
        let id = draw(tx, "role", 1).await?;
        let binds = binds![id, center, &code, &name, fold_search(&format!("{code} {name}")), now, permit.actor().user()];
        tx.run(INSERT, binds).await.map_err(code_taken)?;
        write_sets(tx, id, &sets).await?;
        given.write(tx, Holder::Role(id)).await?;
        self.guard_role(tx, permit, id).await?;
        let picture = picture(&code, &name, &sets, &given);
        let entry = Entry::change("roles.create", "roles", id, Diff::created(&picture)).security();
        audit::append(tx, now, permit.actor(), &[entry]).await?;
        Ok(id)
    }

    /// Changes a role, and so the rights of everybody who has it. Gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`] if it grants more than the person has,
    /// [`Conflict::Version`], [`Conflict::LastAdmin`].
    pub async fn update_role(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &RoleChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::ROLES_UPDATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.update_role_in(&mut tx, permit, (id, version), change, now).await;
        let holders = news::of_role(&mut tx, id, made.as_ref().is_ok_and(|made| *made != version)).await?;
        let made = finish(tx, made, changing).await?;
        self.rights_changed(permit.rows().center, holders);
        Ok(made)
    }

    async fn update_role_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (i64, i64),
        change: &RoleChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        memory::lock_and_count_up(tx).await?;
        let row = role_row(tx, permit, id, version).await?;
        let orphans = without_admin(tx).await?;
        let old_sets = read_sets(tx, id).await?;
        let old = Given::read(tx, Holder::Role(id)).await?;
        let (mut new, mut faults) = (old.clone(), Vec::new());
        text::same_code(change.code.as_deref(), &row.code, row.builtin != 0, &mut faults)?;
        let name = change.name.as_ref().map_or_else(|| row.name.clone(), |name| text::name("name", name, &mut faults));
        if let Some(lists) = &change.lists {
            new.set_lists(self.catalogue(), lists, &mut faults);
        }
        if let Some(columns) = &change.columns {
            new.set_columns(self.catalogue(), columns, &mut faults);
        }
        let sets = match &change.sets {
            Some(codes) => sets_by_code(tx, row.center(), codes, &mut faults).await?,
            None => old_sets.clone(),
        };
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        if name == row.name && new == old && sets == old_sets {
            return Ok(version);
        }
        let is_other = new != old || sets != old_sets;
        if is_other {
            // Nobody changes what goes beyond their own rights, not even to less.
            self.guard_role(tx, permit, id).await?;
        }
        tx.run(CHANGE, binds![id, &name, fold_search(&format!("{} {name}", row.code)), now]).await?;
        if is_other {
            write_sets(tx, id, &sets).await?;
            new.write(tx, Holder::Role(id)).await?;
            self.guard_role(tx, permit, id).await?;
        }
        guard_admins(tx, &orphans).await?;
        let diff = Diff::between(&names(&row.name, &old_sets), &names(&name, &sets));
        let entry = Entry::change("roles.update", "roles", id, given_differs(diff, &old, &new)).security();
        audit::append(tx, now, permit.actor(), &[entry]).await?;
        Ok(version + 1)
    }

    /// Deletes a role that nobody has.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::Version`], [`Conflict::BuiltIn`], [`Conflict::InUse`].
    pub async fn delete_role(&self, permit: &Permit, id: i64, version: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::ROLES_DELETE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.delete_role_in(&mut tx, permit, id, version, now).await;
        finish(tx, made, changing).await
    }

    async fn delete_role_in(&self, tx: &mut Tx, permit: &Permit, id: i64, version: i64, now: WallTime) -> Result<(), OfficeError> {
        memory::lock_and_count_up(tx).await?;
        let row = role_row(tx, permit, id, version).await?;
        if row.builtin != 0 {
            return Err(OfficeError::Conflict(Conflict::BuiltIn));
        }
        let users: Option<(i64,)> = tx.one(USERS, binds![id]).await?;
        if let Some((users,)) = users.filter(|(users,)| *users > 0) {
            return Err(OfficeError::Conflict(Conflict::InUse(format!("{users} account(s)"))));
        }
        let sets = read_sets(tx, id).await?;
        let given = Given::read(tx, Holder::Role(id)).await?;
        Given::forget(tx, Holder::Role(id)).await?;
        tx.run(DELETE, binds![id]).await?;
        let diff = Diff::deleted(&picture(&row.code, &row.name, &sets, &given));
        audit::append(tx, now, permit.actor(), &[Entry::change("roles.delete", "roles", id, diff).security()]).await?;
        Ok(())
    }

    /// Refuses if what a role has come to goes beyond what the person has. The lists of those who have the role count too.
    pub(crate) async fn guard_role(&self, tx: &mut Tx, permit: &Permit, id: i64) -> Result<(), OfficeError> {
        let rights = self.role_rights(tx, id).await?;
        let mut lists = Lists::default();
        for (resource, kind, item) in tx.all::<(String, String, String)>(HOLDERS_LISTS, binds![id]).await? {
            lists.add(&resource, decode("access_lists", &kind)?, item);
        }
        self.guard_giving(permit.into(), &access_map(&[&rights], &lists, &Policy::default(), false))
    }
}

/// A role that the person may change, at the version that they saw.
pub(super) async fn role_row(tx: &mut Tx, permit: &Permit, id: i64, version: i64) -> Result<RoleRow, OfficeError> {
    let row: Option<RoleRow> = tx.one(ROW, binds![id, permit.rows().center]).await?;
    let is_reached = |row: &RoleRow| {
        permit.rows().admits(row.center(), &BTreeSet::new(), |kind, codes| kind == ListKind::Role && codes.contains(&row.code))
    };
    let row = row.filter(is_reached).ok_or(OfficeError::NotFound("role"))?;
    if row.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: row.version }));
    }
    Ok(row)
}

/// The sets of a centre with these codes, by code; what is wrong with them goes to `faults`.
async fn sets_by_code(tx: &mut Tx, center: CenterId, codes: &[String], faults: &mut Vec<Fault>) -> Result<Vec<(i64, String)>, StoreError> {
    if codes.len() > SETS_MAX {
        faults.push(Fault::invalid("sets", format!("a role has at most {SETS_MAX} permission sets")));
        return Ok(Vec::new());
    }
    let mut sets = BTreeMap::new();
    for (place, code) in codes.iter().enumerate() {
        let row: Option<(i64,)> = tx.one(SET_BY_CODE, binds![center, code]).await?;
        match row {
            Some((id,)) => drop(sets.insert(code.clone(), id)),
            None => faults.push(Fault::invalid(format!("sets[{place}]"), "there is no permission set with this code")),
        }
    }
    Ok(sets.into_iter().map(|(code, id)| (id, code)).collect())
}

pub(super) async fn read_sets(tx: &mut Tx, role: i64) -> Result<Vec<(i64, String)>, StoreError> {
    Ok(by_code(tx.all(SETS, binds![role]).await?))
}

pub(super) async fn write_sets(tx: &mut Tx, role: i64, sets: &[(i64, String)]) -> Result<(), StoreError> {
    tx.run(DROP_SETS, binds![role]).await?;
    for (set, _) in sets {
        tx.run(ADD_SET, binds![role, *set]).await?;
    }
    Ok(())
}

/// Counts a change of a role.
pub(super) async fn touch(tx: &mut Tx, row: &RoleRow, now: WallTime) -> Result<(), StoreError> {
    tx.run(CHANGE, binds![row.id, &row.name, fold_search(&format!("{} {}", row.code, row.name)), now]).await.map(drop)
}

/// The id of the set with this code, if there is one.
pub(super) async fn set_by_code(tx: &mut Tx, center: CenterId, code: &str) -> Result<Option<i64>, StoreError> {
    Ok(tx.one::<(i64,)>(SET_BY_CODE, binds![center, code]).await?.map(|(id,)| id))
}

fn names(name: &str, sets: &[(i64, String)]) -> Map<String, Value> {
    let sets: Vec<&str> = sets.iter().map(|(_, code)| code.as_str()).collect();
    Map::from_iter([("name".to_owned(), name.into()), ("sets".to_owned(), sets.into())])
}

fn picture(code: &str, name: &str, sets: &[(i64, String)], given: &Given) -> Map<String, Value> {
    let mut picture = names(name, sets);
    picture.insert("code".to_owned(), code.into());
    picture.insert("lists".to_owned(), json(&given.lists()));
    picture.insert("columns".to_owned(), json(&given.columns()));
    picture
}

/// A part of a row as the person may see it; none if it is hidden.
fn shown(view: &View) -> impl Fn((&'static str, Value)) -> Option<(String, Value)> {
    move |(name, value)| view.shown(name, value).map(|value| (name.to_owned(), value))
}

fn code_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if name == "roles_center_id_code_key" => OfficeError::Conflict(Conflict::CodeTaken),
        other => other.into(),
    }
}
