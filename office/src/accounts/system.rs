//! Accounts that the program makes itself: the first administrator, and those of `cordboard user add`.

use model::{Actor, CenterId, UserId, WallTime};
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::draw,
    statements,
};

use super::users::{self, NewUser, USERS};
use crate::{
    By, Office, OfficeError,
    rights::{AccessChange, lock_rights},
};

/// So many who may administer are looked at.
const CANDIDATES_MAX: i64 = 1000;

statements! {
    COUNT: both "SELECT count(*) FROM users";
    // Few have this right, and whoever administers has it.
    CANDIDATES: both "SELECT DISTINCT u.id, u.center_id FROM permission_set_items i JOIN role_permission_sets rs ON rs.set_id = i.set_id
        JOIN user_roles ur ON ur.role_id = rs.role_id JOIN users u ON u.id = ur.user_id
        WHERE i.permission = 'system.configure' AND u.state = 'active' ORDER BY u.id LIMIT $1";
}

impl Office {
    /// Makes an account in the name of the program; `part` says which part of it (`start`, `user add`). It may be given any role.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`crate::Conflict::UsernameTaken`].
    pub async fn add_user_as_system(&self, part: &str, center: CenterId, new: NewUser, now: WallTime) -> Result<UserId, OfficeError> {
        let actor = Actor::system(center, part);
        let NewUser { roles, lists, columns, manager, .. } = new.clone();
        let mut row = self.new_row(new, center).await?;
        let mut tx = self.store().db().begin().await?;
        let made = async {
            lock_rights(&mut tx).await?;
            users::check_manager(&mut tx, center, None, manager).await?;
            row.id = draw(&mut tx, "user", 1).await?;
            row.insert(&mut tx, &actor, now).await?;
            let access = AccessChange { roles: Some(roles), lists: Some(lists), columns: Some(columns) };
            let diff = self.set_user_access(&mut tx, By::Program(&actor), row.user(), &access, Diff::created(&row.seen())).await?;
            users::tell_changed(&mut tx, &row, now).await?;
            audit::append(&mut tx, now, &actor, &[Entry::change("users.create", USERS.name, row.id, diff).security()]).await?;
            Ok(row.user())
        };
        let made = made.await;
        users::finish(tx, made, self.accounts().people.change_all()).await
    }

    /// How many accounts there are, in all centres; 0 means that the first administrator is still to be made.
    ///
    /// # Errors
    /// As the database's.
    pub async fn users_count(&self) -> Result<u64, OfficeError> {
        let row: Option<(i64,)> = self.store().db().one(COUNT, &[]).await?;
        Ok(row.and_then(|(count,)| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// Whether anybody can administer. To be asked after the roles were seeded.
    ///
    /// # Errors
    /// As the database's.
    pub async fn has_admin(&self) -> Result<bool, OfficeError> {
        let rows: Vec<(i64, i64)> = self.store().db().all(CANDIDATES, binds![CANDIDATES_MAX]).await?;
        for (user, center) in rows {
            if self.is_administrator(UserId(user), CenterId(center)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
