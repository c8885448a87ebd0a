//! Permission sets: named lists of permissions, of which roles are made.

use std::collections::{BTreeMap, BTreeSet};

use model::{CenterId, Column, ColumnKind, Owner, Reach, Resource, WallTime};
use serde::{Deserialize, Serialize};
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
    access::{AccessMap, Grant},
    catalogue::{Catalogue, can},
    finish, memory, news,
    people::{guard_admins, json, without_admin},
    shape, text,
};
use crate::{Conflict, Fault, ListPage, ListParams, Office, OfficeError, Permit, View};

/// Permission sets of one centre; more are refused.
const SETS_MAX: i64 = 500;
/// Permissions in one set; more are refused.
pub(super) const ITEMS_MAX: usize = 2000;

/// Permission sets.
pub static PERMISSION_SETS: Resource = Resource {
    name: "permission_sets",
    from: "permission_sets t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "t.search_norm",
    order: "code",
    read: can::ROLES_READ,
    export: Some(can::ROLES_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The set's id.").sorted().filtered(),
        Column::new("code", "t.code", ColumnKind::Text, "Its code, unique in the centre.").sorted().filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name.").sorted().filtered(),
        Column::new("builtin", "t.builtin", ColumnKind::Bool, "Whether it came with the program.").filtered(),
        Column::new("permissions", "", ColumnKind::Json, "What it grants: {permission, scope}."),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
    ],
};

/// A permission, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionItem {
    /// The permission: `calls.read`.
    pub permission: String,
    /// How far it reaches.
    pub scope: Reach,
}

impl PermissionItem {
    pub(super) fn text(&self) -> String {
        format!("{}@{}", self.permission, self.scope)
    }
}

/// A permission set to be made.
#[derive(Debug, Clone, Default)]
pub struct NewSet {
    /// Its code: 1 to 64 letters, digits, `_`, `-`, `.`.
    pub code: String,
    /// Its name, 1 to 128 characters.
    pub name: String,
    /// What it grants.
    pub permissions: Vec<PermissionItem>,
}

/// What is to be changed of a permission set; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct SetChange {
    /// Its code, if it is said again: it stays for ever.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// All that it grants.
    pub permissions: Option<Vec<PermissionItem>>,
}

statements! {
    COUNT: both "SELECT count(*) FROM permission_sets WHERE center_id = $1";
    INSERT: both "INSERT INTO permission_sets (id, center_id, code, name, builtin, search_norm, version, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, 0, $5, 1, $6, $6, $7)";
    ROW: both "SELECT code, name, builtin, version FROM permission_sets WHERE id = $1 AND center_id = $2";
    CHANGE: both "UPDATE permission_sets SET name = $2, search_norm = $3, version = version + 1, updated_at = $4 WHERE id = $1";
    DELETE: both "DELETE FROM permission_sets WHERE id = $1";
    HOLDERS: both "SELECT r.code FROM role_permission_sets rs JOIN roles r ON r.id = rs.role_id WHERE rs.set_id = $1 ORDER BY r.code";
    ITEMS: both "SELECT permission, reach FROM permission_set_items WHERE set_id = $1";
    // Of many sets: each engine has its own way to read a list of ids.
    ITEMS_OF: each concat!("SELECT set_id, permission, reach FROM permission_set_items WHERE set_id IN ", ids!(lite)),
        concat!("SELECT set_id, permission, reach FROM permission_set_items WHERE set_id IN ", ids!(pg));
    DELETE_ITEMS: both "DELETE FROM permission_set_items WHERE set_id = $1";
    ADD_ITEM: both "INSERT INTO permission_set_items (set_id, permission, reach) VALUES ($1, $2, $3)";
}

/// A set as the database has it.
#[derive(Debug, Clone, FromRow)]
struct SetRow {
    code: String,
    name: String,
    builtin: i64,
    version: i64,
}

/// What a client said of permissions, all faults at once.
pub(super) fn checked(catalogue: &Catalogue, items: &[PermissionItem], faults: &mut Vec<Fault>) -> BTreeSet<PermissionItem> {
    if items.len() > ITEMS_MAX {
        faults.push(Fault::invalid("permissions", format!("a set has at most {ITEMS_MAX} permissions")));
        return BTreeSet::new();
    }
    for (place, item) in items.iter().enumerate() {
        match catalogue.permission(&item.permission) {
            None => faults.push(Fault::unknown(format!("permissions[{place}].permission"), "there is no such permission")),
            Some(known) if !known.reaches.allow(item.scope) => {
                let reaches: Vec<String> = known.reaches.all().iter().map(ToString::to_string).collect();
                let detail = format!("{} can reach: {}", item.permission, reaches.join(", "));
                faults.push(Fault::invalid(format!("permissions[{place}].scope"), detail));
            }
            Some(_) => {}
        }
    }
    items.iter().cloned().collect()
}

/// Items of a module that this program does not have are kept as they are: they cannot be seen, and so are nothing that somebody took away.
pub(super) async fn write_items(tx: &mut Tx, catalogue: &Catalogue, set: i64, items: &BTreeSet<PermissionItem>) -> Result<(), StoreError> {
    let unknown: Vec<(String, String)> = tx.all::<(String, String)>(ITEMS, binds![set]).await?;
    let unknown = unknown.into_iter().filter(|(permission, _)| catalogue.permission(permission).is_none());
    let unknown: Vec<(String, String)> = unknown.collect();
    tx.run(DELETE_ITEMS, binds![set]).await?;
    for (permission, reach) in unknown {
        tx.run(ADD_ITEM, binds![set, permission, reach]).await?;
    }
    for item in items {
        tx.run(ADD_ITEM, binds![set, &item.permission, item.scope.to_string()]).await?;
    }
    Ok(())
}

pub(super) async fn read_items(tx: &mut Tx, catalogue: &Catalogue, set: i64) -> Result<BTreeSet<PermissionItem>, StoreError> {
    let items: Vec<(String, String)> = tx.all(ITEMS, binds![set]).await?;
    Ok(items.into_iter().filter_map(|(permission, reach)| known(catalogue, permission, &reach)).collect())
}

fn known(catalogue: &Catalogue, permission: String, reach: &str) -> Option<PermissionItem> {
    memory::known(catalogue, &permission, reach).map(|scope| PermissionItem { permission, scope })
}

impl SetRow {
    fn picture(&self, items: &BTreeSet<PermissionItem>) -> Map<String, Value> {
        let items: Vec<String> = items.iter().map(PermissionItem::text).collect();
        Map::from_iter([
            ("code".to_owned(), self.code.clone().into()),
            ("name".to_owned(), self.name.clone().into()),
            ("permissions".to_owned(), items.into()),
        ])
    }
}

impl Office {
    /// A list of permission sets.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub async fn permission_sets(&self, view: &View, params: &ListParams) -> Result<ListPage, OfficeError> {
        let mut page = self.list(view, params).await?;
        if page.added.iter().any(|column| column.name == "permissions") {
            let wanted = id_list(page.keys.iter().copied());
            let items: Vec<(i64, String, String)> = self.store().db().all(ITEMS_OF, binds![wanted]).await?;
            let mut sets: BTreeMap<i64, BTreeSet<PermissionItem>> = BTreeMap::new();
            for (set, permission, reach) in items {
                sets.entry(set).or_default().extend(known(self.catalogue(), permission, &reach));
            }
            for (key, item) in page.keys.iter().zip(&mut page.items) {
                let permissions = sets.get(key).map_or_else(|| Value::Array(Vec::new()), json);
                item.extend(view.shown("permissions", permissions).map(|value| ("permissions".to_owned(), value)));
            }
        }
        Ok(page)
    }

    /// A permission set.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn permission_set(&self, view: &View, key: &str) -> Result<Map<String, Value>, OfficeError> {
        let mut set = self.read(view, key).await?;
        let id: i64 = key.parse().map_err(|_| OfficeError::NotFound("permission set"))?;
        let items: Vec<(String, String)> = self.store().db().all(ITEMS, binds![id]).await?;
        let items: BTreeSet<_> = items.into_iter().filter_map(|(permission, reach)| known(self.catalogue(), permission, &reach)).collect();
        set.extend(view.shown("permissions", json(&items)).map(|value| ("permissions".to_owned(), value)));
        Ok(set)
    }

    /// Makes a permission set in the centre that the person works in, and gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::Forbidden`] if it grants more than the person has, [`Conflict::CodeTaken`].
    pub async fn create_permission_set(&self, permit: &Permit, new: &NewSet, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::ROLES_CREATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.create_permission_set_in(&mut tx, permit, new, now).await;
        finish(tx, made, changing).await
    }

    async fn create_permission_set_in(&self, tx: &mut Tx, permit: &Permit, new: &NewSet, now: WallTime) -> Result<i64, OfficeError> {
        let mut faults = Vec::new();
        let code = text::code("code", &new.code, &mut faults);
        if shape::is_own_set(&code) {
            faults.push(Fault::invalid("code", "codes of this form are for the sets that the program makes for single roles"));
        }
        let name = text::name("name", &new.name, &mut faults);
        let items = checked(self.catalogue(), &new.permissions, &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        self.guard_items(permit, &items)?;
        memory::lock_and_count_up(tx).await?;
        let center = permit.rows().center;
        let id = add_set(tx, center, &code, &name, permit, now).await?;
        write_items(tx, self.catalogue(), id, &items).await?;
        let row = SetRow { code, name, builtin: 0, version: 1 };
        let entry = Entry::change("roles.create", "permission_sets", id, Diff::created(&row.picture(&items))).security();
        audit::append(tx, now, permit.actor(), &[entry]).await?;
        Ok(id)
    }

    /// Changes a permission set, and so every role that has it. Gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`] if it grants more than the person has,
    /// [`Conflict::Version`], [`Conflict::LastAdmin`].
    pub async fn update_permission_set(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &SetChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::ROLES_UPDATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.update_permission_set_in(&mut tx, permit, (id, version), change, now).await;
        let holders = news::of_set(&mut tx, id, made.as_ref().is_ok_and(|made| *made != version)).await?;
        let made = finish(tx, made, changing).await?;
        self.rights_changed(permit.rows().center, holders);
        Ok(made)
    }

    async fn update_permission_set_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (i64, i64),
        change: &SetChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        memory::lock_and_count_up(tx).await?;
        let row = self.set_row(tx, permit, id, version).await?;
        let old = read_items(tx, self.catalogue(), id).await?;
        let mut faults = Vec::new();
        text::same_code(change.code.as_deref(), &row.code, row.builtin != 0, &mut faults)?;
        let name = change.name.as_ref().map_or_else(|| row.name.clone(), |name| text::name("name", name, &mut faults));
        let new = change.permissions.as_ref().map_or_else(|| old.clone(), |items| checked(self.catalogue(), items, &mut faults));
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        if new == old && name == row.name {
            return Ok(version);
        }
        let orphans = without_admin(tx).await?;
        if new != old {
            self.guard_items(permit, &new)?;
            // Nobody changes what goes beyond their own rights, not even to less.
            self.guard_items(permit, &old)?;
            write_items(tx, self.catalogue(), id, &new).await?;
        }
        tx.run(CHANGE, binds![id, &name, fold_search(&format!("{} {name}", row.code)), now]).await?;
        guard_admins(tx, &orphans).await?;
        let diff = Diff::between(&row.picture(&old), &SetRow { name, ..row.clone() }.picture(&new));
        audit::append(tx, now, permit.actor(), &[Entry::change("roles.update", "permission_sets", id, diff).security()]).await?;
        Ok(version + 1)
    }

    /// Deletes a permission set that no role has.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::Version`], [`Conflict::BuiltIn`], [`Conflict::InUse`].
    pub async fn delete_permission_set(&self, permit: &Permit, id: i64, version: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::ROLES_DELETE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.delete_permission_set_in(&mut tx, permit, id, version, now).await;
        finish(tx, made, changing).await
    }

    async fn delete_permission_set_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        id: i64,
        version: i64,
        now: WallTime,
    ) -> Result<(), OfficeError> {
        memory::lock_and_count_up(tx).await?;
        let row = self.set_row(tx, permit, id, version).await?;
        if row.builtin != 0 {
            return Err(OfficeError::Conflict(Conflict::BuiltIn));
        }
        if let Some(role) = set_holders(tx, id).await?.first() {
            return Err(OfficeError::Conflict(Conflict::InUse(format!("the role {role}"))));
        }
        let items = read_items(tx, self.catalogue(), id).await?;
        tx.run(DELETE, binds![id]).await?;
        let entry = Entry::change("roles.delete", "permission_sets", id, Diff::deleted(&row.picture(&items))).security();
        audit::append(tx, now, permit.actor(), &[entry]).await?;
        Ok(())
    }

    /// A set that the person may change, at the version that they saw. Lists of roles reach no set.
    async fn set_row(&self, tx: &mut Tx, permit: &Permit, id: i64, version: i64) -> Result<SetRow, OfficeError> {
        let row: Option<SetRow> = tx.one(ROW, binds![id, permit.rows().center]).await?;
        let row = row.filter(|_| permit.is_wide()).ok_or(OfficeError::NotFound("permission set"))?;
        if row.version != version {
            return Err(OfficeError::Conflict(Conflict::Version { current: row.version }));
        }
        Ok(row)
    }

    /// Refuses if a set would grant more than the person has. Whoever has the set later may have other lists, and sees every column: so
    /// what the person has themselves must be without lists and hide nothing.
    pub(super) fn guard_items(&self, permit: &Permit, items: &BTreeSet<PermissionItem>) -> Result<(), OfficeError> {
        let mut access = AccessMap::default();
        for item in items {
            let bare = Reach { listed: false, ..item.scope };
            access.add(&item.permission, Grant { reach: bare, lists: BTreeMap::new(), policy: std::sync::Arc::default() });
        }
        self.guard_giving(permit.into(), &access)
    }
}

/// The codes of the roles that have a set.
pub(super) async fn set_holders(tx: &mut Tx, set: i64) -> Result<Vec<String>, StoreError> {
    let holders: Vec<(String,)> = tx.all(HOLDERS, binds![set]).await?;
    Ok(holders.into_iter().map(|(code,)| code).collect())
}

/// Adds an empty set and gives its id.
pub(super) async fn add_set(
    tx: &mut Tx,
    center: CenterId,
    code: &str,
    name: &str,
    permit: &Permit,
    now: WallTime,
) -> Result<i64, OfficeError> {
    let count: Option<(i64,)> = tx.one(COUNT, binds![center]).await?;
    if count.is_some_and(|(count,)| count >= SETS_MAX) {
        return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {SETS_MAX} permission sets"))));
    }
    let id = draw(tx, "permission_set", 1).await?;
    let binds = binds![id, center, code, name, fold_search(&format!("{code} {name}")), now, permit.actor().user()];
    tx.run(INSERT, binds).await.map_err(code_taken)?;
    Ok(id)
}

fn code_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if name == "permission_sets_center_id_code_key" => OfficeError::Conflict(Conflict::CodeTaken),
        other => other.into(),
    }
}
