//! Rights of people: which roles, lists and column policies they have, and who may give them.
//!
//! Nobody gives more than they have: after a change of somebody's rights, each of them must be covered by a right of whoever gave it
//! ([`Grant::may_give`]). And nobody takes the last administrator away.

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, CenterId, UserId};
use serde::Serialize;
use serde_json::Value;
use store::{StoreError, audit::Diff, binds, sql::Tx, statements};

use super::{
    access::{AccessMap, Grant},
    catalogue::EVERYBODY,
    given::{AccessList, ColumnPolicy, Given, Holder},
    memory::{self, RoleRights, access_map, known},
};
use crate::{By, Conflict, Fault, Office, OfficeError};

/// Roles of one person; more are refused.
pub(crate) const USER_ROLES_MAX: usize = 32;

statements! {
    USER_CENTER: both "SELECT center_id FROM users WHERE id = $1";
    USER_ROLES: both "SELECT r.id, r.code FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = $1";
    WHO_MAY: both "SELECT DISTINCT u.id FROM users u JOIN user_roles ur ON ur.user_id = u.id JOIN role_permission_sets rs ON rs.role_id = ur.role_id
        JOIN permission_set_items i ON i.set_id = rs.set_id WHERE u.center_id = $1 AND u.state = 'active' AND i.permission = $2
        AND EXISTS (SELECT 1 FROM user_roles o JOIN roles r ON r.id = o.role_id WHERE o.user_id = u.id AND ($3 = '' OR r.code = $3))";
    ROLE_BY_CODE: both "SELECT id FROM roles WHERE center_id = $1 AND code = $2";
    GIVE_ROLE: both "INSERT INTO user_roles (user_id, role_id) VALUES ($1, $2) ON CONFLICT (user_id, role_id) DO NOTHING";
    TAKE_ROLES: both "DELETE FROM user_roles WHERE user_id = $1";
    ROLE_HEAD: both "SELECT center_id, code FROM roles WHERE id = $1";
    ROLE_ITEMS: both "SELECT i.permission, i.reach FROM role_permission_sets rs JOIN permission_set_items i ON i.set_id = rs.set_id
        WHERE rs.role_id = $1 ORDER BY i.permission, i.reach";
    // A centre that nobody can administer. Who administers it: somebody of its own who may do these three in the centre, or somebody of any
    // centre who may do them everywhere, and who sees all of accounts and roles: hidden columns can be neither changed nor given back.
    WITHOUT_ADMIN: both "SELECT c.id FROM centers c WHERE c.state = 'active' AND NOT EXISTS (
        SELECT 1 FROM users u JOIN centers home ON home.id = u.center_id WHERE u.state = 'active' AND home.state = 'active' AND 3 = (
            SELECT count(DISTINCT i.permission) FROM user_roles ur JOIN role_permission_sets rs ON rs.role_id = ur.role_id
            JOIN permission_set_items i ON i.set_id = rs.set_id WHERE ur.user_id = u.id
            AND i.permission IN ('users.update', 'roles.update', 'system.configure')
            AND (i.reach = 'all' OR (i.reach = 'center' AND u.center_id = c.id))
            AND NOT EXISTS (SELECT 1 FROM column_policies p WHERE p.resource IN ('users', 'roles') AND p.mode <> 'show' AND (
                (p.principal_kind = 'role' AND p.principal_id = ur.role_id) OR (p.principal_kind = 'user' AND p.principal_id = u.id))))) ORDER BY c.id";
}

/// What is to be changed of somebody's rights; what is absent stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessChange {
    /// The codes of all roles.
    pub(crate) roles: Option<Vec<String>>,
    /// All lists.
    pub(crate) lists: Option<Vec<AccessList>>,
    /// All column policies.
    pub(crate) columns: Option<Vec<ColumnPolicy>>,
}

/// The people of a centre who can log in and may do something, however far their right reaches; of those who have a role, if one is named.
///
/// # Errors
/// As the database's.
pub async fn who_may(tx: &mut Tx, center: CenterId, action: Action, role: Option<&str>) -> Result<BTreeSet<UserId>, StoreError> {
    let people: Vec<(i64,)> = tx.all(WHO_MAY, binds![center, action.0, role.unwrap_or_default()]).await?;
    Ok(people.into_iter().map(|(user,)| UserId(user)).collect())
}

impl Office {
    /// Changes the rights of an account that is there, in the transaction of whoever changes the account, and adds what differs to `diff`.
    ///
    /// Other changes of rights wait until the transaction ends. Roles are those of the account's own centre.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] for what cannot be used, [`OfficeError::Forbidden`] if the giver's rights do not reach so far,
    /// [`Conflict::LastAdmin`], [`OfficeError::NotFound`] if there is no such account.
    pub(crate) async fn set_user_access(
        &self,
        tx: &mut Tx,
        by: By<'_>,
        user: UserId,
        change: &AccessChange,
        diff: Diff,
    ) -> Result<Diff, OfficeError> {
        memory::lock(tx).await?;
        let row: Option<(i64,)> = tx.one(USER_CENTER, binds![user]).await?;
        let center = row.map(|(center,)| CenterId(center)).filter(|center| *center == by.center()).ok_or(OfficeError::NotFound("user"))?;
        let old_roles = by_code(tx.all(USER_ROLES, binds![user]).await?);
        let old = Given::read(tx, Holder::User(user.0)).await?;

        let (mut new, mut faults) = (old.clone(), Vec::new());
        let roles = match &change.roles {
            Some(codes) => roles_by_code(tx, center, codes, &mut faults).await?,
            None => old_roles.clone(),
        };
        if let Some(lists) = &change.lists {
            new.set_lists(self.catalogue(), lists, &mut faults);
        }
        if let Some(columns) = &change.columns {
            new.set_columns(self.catalogue(), columns, &mut faults);
        }
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        if roles == old_roles && new == old {
            return Ok(diff);
        }
        if let By::Person(permit) = by {
            for roles in [&old_roles, &roles].into_iter().filter(|roles| !roles.is_empty()) {
                // Lists of roles say whose accounts may be touched, and which roles may be given.
                let codes: BTreeSet<String> = roles.iter().map(|(_, code)| code.clone()).collect();
                if !permit.reaches_account(user, &codes) {
                    return Err(OfficeError::Forbidden("your rights to accounts do not reach these roles".to_owned()));
                }
            }
            self.guard_giving(by, &self.access_through(tx, &roles, &new).await?)?;
        }

        // Who had no role is nobody's last administrator.
        let takes_roles = roles != old_roles && !old_roles.is_empty();
        let may_orphan = takes_roles || new.columns != old.columns;
        let orphans = if may_orphan { without_admin(tx).await? } else { BTreeSet::new() };
        if roles != old_roles {
            tx.run(TAKE_ROLES, binds![user]).await?;
            for (id, _) in &roles {
                tx.run(GIVE_ROLE, binds![user, *id]).await?;
            }
        }
        if new != old {
            new.write(tx, Holder::User(user.0)).await?;
        }
        if new.columns != old.columns {
            // What is hidden from anybody is in memory, for when the database is away.
            memory::lock_and_count_up(tx).await?;
        }
        if may_orphan {
            guard_admins(tx, &orphans).await?;
        }
        Ok(differs(diff, &(codes(&old_roles), &old), &(codes(&roles), &new)))
    }

    /// What somebody may do as it is in the transaction, and the codes of their roles. Their team is left out.
    pub(crate) async fn access_in(&self, tx: &mut Tx, user: UserId) -> Result<(BTreeSet<String>, AccessMap), StoreError> {
        let roles: Vec<(i64, String)> = tx.all(USER_ROLES, binds![user]).await?;
        let own = Given::read(tx, Holder::User(user.0)).await?;
        let access = self.access_through(tx, &roles, &own).await?;
        Ok((roles.into_iter().map(|(_, code)| code).collect(), access))
    }

    /// What these roles come to with what is given to the person besides.
    async fn access_through(&self, tx: &mut Tx, roles: &[(i64, String)], own: &Given) -> Result<AccessMap, StoreError> {
        let mut rights = Vec::new();
        for (id, _) in roles {
            rights.push(self.role_rights(tx, *id).await?);
        }
        let rights: Vec<&RoleRights> = rights.iter().collect();
        Ok(access_map(&rights, &own.lists, &own.policy(), false))
    }

    /// Refuses if `access`, which somebody is to have, goes beyond what the giver has. The program itself may give everything.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`], naming the permission.
    pub(crate) fn guard_giving(&self, by: By<'_>, access: &AccessMap) -> Result<(), OfficeError> {
        let By::Person(permit) = by else { return Ok(()) };
        let giver = permit.principal();
        for (permission, grants) in access.grants() {
            let covered = |grant: &Grant| {
                let mut own = giver.access().grants_at(permission, giver.home(), giver.center());
                own.any(|own| own.may_give(self.catalogue(), permission, grant))
            };
            // Everybody has a few rights to what is their own, a token that was narrowed may not: nothing is given with them.
            let is_everybodys = EVERYBODY.iter().any(|action| action.0 == permission);
            if let Some(beyond) = grants.iter().find(|grant| !is_everybodys && !covered(grant)) {
                return Err(OfficeError::Forbidden(format!("{permission}@{} goes beyond your own rights", beyond.reach)));
            }
        }
        Ok(())
    }

    /// A role's rights as they are in the transaction.
    pub(super) async fn role_rights(&self, tx: &mut Tx, role: i64) -> Result<RoleRights, StoreError> {
        let head: Option<(i64, String)> = tx.one(ROLE_HEAD, binds![role]).await?;
        let (center, code) = head.ok_or(StoreError::NotFound("role"))?;
        let items: Vec<(String, String)> = tx.all(ROLE_ITEMS, binds![role]).await?;
        let items = items
            .into_iter()
            .filter_map(|(permission, reach)| known(self.catalogue(), &permission, &reach).map(|reach| (permission, reach)));
        let given = Given::read(tx, Holder::Role(role)).await?;
        Ok(RoleRights { center: CenterId(center), code, items: items.collect(), policy: given.policy(), lists: given.lists })
    }
}

/// The roles of a centre with these codes, by code; what is wrong with them goes to `faults`.
async fn roles_by_code(tx: &mut Tx, center: CenterId, codes: &[String], faults: &mut Vec<Fault>) -> Result<Vec<(i64, String)>, StoreError> {
    if codes.len() > USER_ROLES_MAX {
        faults.push(Fault::invalid("roles", format!("an account has at most {USER_ROLES_MAX} roles")));
        return Ok(Vec::new());
    }
    let mut roles = BTreeMap::new();
    for (place, code) in codes.iter().enumerate() {
        let row: Option<(i64,)> = tx.one(ROLE_BY_CODE, binds![center, code]).await?;
        match row {
            Some((id,)) => drop(roles.insert(code.clone(), id)),
            None => faults.push(Fault::invalid(format!("roles[{place}]"), "there is no role with this code")),
        }
    }
    Ok(roles.into_iter().map(|(code, id)| (id, code)).collect())
}

/// Databases order texts each in their own way.
pub(super) fn by_code(mut rows: Vec<(i64, String)>) -> Vec<(i64, String)> {
    rows.sort_by(|(_, one), (_, other)| one.cmp(other));
    rows
}

fn codes(roles: &[(i64, String)]) -> Vec<&str> {
    roles.iter().map(|(_, code)| code.as_str()).collect()
}

/// Adds what differs of roles, lists and column policies.
fn differs(mut diff: Diff, old: &(Vec<&str>, &Given), new: &(Vec<&str>, &Given)) -> Diff {
    if old.0 != new.0 {
        diff = diff.and("roles", old.0.clone(), new.0.clone());
    }
    given_differs(diff, old.1, new.1)
}

/// Adds what differs of lists and column policies.
pub(super) fn given_differs(mut diff: Diff, old: &Given, new: &Given) -> Diff {
    if old.lists != new.lists {
        diff = diff.and("lists", json(&old.lists()), json(&new.lists()));
    }
    if old.columns != new.columns {
        diff = diff.and("columns", json(&old.columns()), json(&new.columns()));
    }
    diff
}

/// Plain data as JSON.
pub(super) fn json(value: &impl Serialize) -> Value {
    // Fails for maps with keys that are no strings only.
    serde_json::to_value(value).unwrap_or_default()
}

/// The active centres that nobody can administer.
pub(crate) async fn without_admin(tx: &mut Tx) -> Result<BTreeSet<CenterId>, StoreError> {
    let rows: Vec<(i64,)> = tx.all(WITHOUT_ADMIN, &[]).await?;
    Ok(rows.into_iter().map(|(id,)| CenterId(id)).collect())
}

/// Refuses if a centre has nobody left that had somebody before: an active account with `users.update`, `roles.update` and
/// `system.configure` in it. The transaction holds the lock on rights since `before` was read.
pub(crate) async fn guard_admins(tx: &mut Tx, before: &BTreeSet<CenterId>) -> Result<(), OfficeError> {
    if without_admin(tx).await?.is_subset(before) { Ok(()) } else { Err(OfficeError::Conflict(Conflict::LastAdmin)) }
}
