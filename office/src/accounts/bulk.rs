//! Many accounts disabled, enabled or logged out at once.
//!
//! Each is a transaction of its own: the audit log is locked last in all that changes an account, and in a transaction of many accounts it
//! would be locked by the first of them, before the others.

use model::{Action, Resource, UserId};
use store::{
    StoreError,
    audit::{self, Diff, Entry},
};

use super::{
    sessions::{self, Which},
    users::{Changed, USERS, UserChange},
};
use crate::{
    OfficeError,
    bulk::{BulkAction, BulkActions, BulkDone, BulkRow},
    jobs::{JobError, Step},
    rights::can,
};

/// Adds what can be done to many accounts: `disable`, `enable`, `logout`.
#[must_use]
pub fn bulk_actions(actions: BulkActions) -> BulkActions {
    actions.with(SetActive(false)).with(SetActive(true)).with(LogOut)
}

/// Disables accounts, or enables them again.
struct SetActive(bool);

/// Ends all sessions of accounts.
struct LogOut;

const OWN: BulkDone = BulkDone::Skipped("it is your own account");

impl BulkAction for SetActive {
    fn resource(&self) -> &'static Resource {
        &USERS
    }

    fn name(&self) -> &'static str {
        if self.0 { "enable" } else { "disable" }
    }

    fn right(&self) -> Action {
        can::USERS_BULK
    }

    fn chunk(&self) -> u32 {
        1
    }

    async fn change(&self, row: &BulkRow<'_>, step: &mut Step<'_>) -> Result<BulkDone, OfficeError> {
        let (office, user, active) = (step.office(), UserId(row.key), self.0);
        let old = office.may_change_user(row.permit, user).await?;
        if user == row.permit.principal().user() {
            return Ok(OWN);
        }
        if (old.state == "disabled") != active {
            return Ok(BulkDone::Skipped(if active { "it is enabled already" } else { "it is disabled already" }));
        }
        let people = &office.accounts().people;
        step.keep(people.change(user));
        let change = UserChange { active: Some(active), ..UserChange::default() };
        let tx = step.tx().await.map_err(away)?;
        let Changed { ended, is_gone, .. } = office.change_locked(tx, row.permit, user, change, None, None, row.now).await?;
        step.after_commit(move || {
            people.ended(ended);
            if is_gone {
                people.gone(user);
            }
        });
        Ok(BulkDone::Changed)
    }
}

impl BulkAction for LogOut {
    fn resource(&self) -> &'static Resource {
        &USERS
    }

    fn name(&self) -> &'static str {
        "logout"
    }

    fn right(&self) -> Action {
        can::USERS_BULK
    }

    fn chunk(&self) -> u32 {
        1
    }

    async fn change(&self, row: &BulkRow<'_>, step: &mut Step<'_>) -> Result<BulkDone, OfficeError> {
        let (office, user) = (step.office(), UserId(row.key));
        office.may_change_user(row.permit, user).await?;
        if user == row.permit.principal().user() {
            return Ok(OWN);
        }
        let tx = step.tx().await.map_err(away)?;
        let ended = sessions::end(tx, user, Which::All, "ended_by_other", row.now).await?;
        if ended.is_empty() {
            return Ok(BulkDone::Skipped("nobody is logged in with it"));
        }
        let entry = |session: &i64| Entry::change("session.logout", "sessions", session, Diff::none()).security();
        audit::append(tx, row.now, row.permit.actor(), &ended.iter().map(entry).collect::<Vec<_>>()).await?;
        let people = &office.accounts().people;
        step.after_commit(move || people.ended(ended));
        Ok(BulkDone::Changed)
    }
}

/// The step has no transaction any more: the chunk is tried again.
fn away(error: JobError) -> OfficeError {
    OfficeError::Store(StoreError::Unavailable(Box::new(error)))
}
