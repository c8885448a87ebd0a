//! The user directory by subject (S001-05 to S001-07): a provider knows the e-mail address and the manager of each of its people.

use std::future::Future;

use model::{Action, Actor, CenterId, UserId, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds, statements,
};

use super::{
    fields,
    sessions::{self, Which},
    users::{self, USERS},
};
use crate::{
    Office, OfficeError,
    jobs::{JobError, JobKind, Next, Step},
    rights::{can, lock_rights},
};

/// Accounts that one step of the job asks about.
const STEP: u32 = 20;

/// What a directory says of one of its people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The e-mail address.
    pub email: Option<String>,
    /// The subject of the manager.
    pub manager_sub: Option<String>,
    /// The name that others see.
    pub display_name: Option<String>,
    /// Whether they may not log in there any more.
    pub is_disabled: bool,
}

/// Why a directory gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("the user directory does not answer: {0}")]
pub struct DirectoryError(pub String);

/// Whoever knows the people of a provider.
pub trait Directory: Send + Sync {
    /// The person with this subject; none if there is no such person.
    fn user(&self, issuer: &str, sub: &str) -> impl Future<Output = Result<Option<DirectoryUser>, DirectoryError>> + Send;
}

/// Why a refresh from the directory stopped.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFailure {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The office.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

/// How far a refresh from the directory has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectoryProgress {
    /// The last account that was looked at; the next step begins behind it. None: there are no more.
    pub last: Option<UserId>,
    /// Accounts that the directory knows.
    pub found: u64,
    /// Accounts that it does not know. They are left as they are: whoever is gone there cannot log in any more.
    pub missing: u64,
    /// Accounts that were changed.
    pub changed: u64,
}

statements! {
    NEXT: both "SELECT id, center_id, oidc_sub FROM users WHERE oidc_issuer = $1 AND id > $2 ORDER BY id LIMIT $3";
    BY_SUBJECT: both "SELECT id FROM users WHERE oidc_issuer = $1 AND oidc_sub = $2 AND center_id = $3";
}

#[derive(FromRow)]
struct Row {
    id: i64,
    center_id: i64,
    oidc_sub: Option<String>,
}

impl Office {
    /// Asks the directory about the next `limit` accounts of a provider behind the account `after` (at first 0), and takes over their names,
    /// e-mail addresses and managers. A manager who has no account here counts as none, and one who would close a circle is passed over.
    ///
    /// Who may not log in there any more has no role here and no session until the next log-in, as at a log-in without a role.
    ///
    /// # Errors
    /// If the directory does not answer, or as the database's; what was taken over stays, and the step can be repeated.
    pub async fn refresh_directory(
        &self,
        directory: &impl Directory,
        issuer: &str,
        after: UserId,
        limit: u32,
        now: WallTime,
    ) -> Result<DirectoryProgress, DirectoryFailure> {
        let rows: Vec<Row> = self.store().db().all(NEXT, binds![issuer, after, i64::from(limit)]).await.map_err(OfficeError::from)?;
        let mut progress = DirectoryProgress::default();
        for row in rows {
            progress.last = Some(UserId(row.id));
            let Some(sub) = row.oidc_sub else { continue };
            let Some(told) = directory.user(issuer, &sub).await? else {
                progress.missing += 1;
                continue;
            };
            progress.found += 1;
            progress.changed += u64::from(self.take_over(UserId(row.id), CenterId(row.center_id), issuer, told, now).await?);
        }
        Ok(progress)
    }

    /// Says whether the account was changed.
    async fn take_over(
        &self,
        user: UserId,
        center: CenterId,
        issuer: &str,
        told: DirectoryUser,
        now: WallTime,
    ) -> Result<bool, OfficeError> {
        let mut tx = self.store().db().begin().await?;
        lock_rights(&mut tx).await?;
        let manager: Option<(i64,)> = match &told.manager_sub {
            Some(sub) => tx.one(BY_SUBJECT, binds![issuer, sub, center]).await?,
            None => None,
        };
        let manager = manager.map(|(id,)| UserId(id));
        let may_be = match users::check_manager(&mut tx, center, Some(user), manager).await {
            Ok(()) => true,
            Err(OfficeError::Invalid(_)) => {
                tracing::warn!(%user, ?manager, "The directory's managers go in a circle; this one is passed over.");
                false
            }
            Err(error) => return Err(error),
        };
        let old = users::lock(&mut tx, user, center).await?;
        let mut row = old.clone();
        if may_be {
            // None is told as well: a manager who is none there any more is to see nothing more here.
            row.manager_id = manager.map(|UserId(id)| id);
        }
        if let Some(email) = told.email.filter(|email| fields::is_email(email)) {
            row.email = Some(email);
        }
        let mut faults = Vec::new();
        let name = fields::display_name(told.display_name.as_deref().unwrap_or_default(), &mut faults);
        if faults.is_empty() && !name.is_empty() {
            row.display_name = name;
        }
        let mut diff = Diff::between(&old.seen(), &row.seen());
        if !diff.is_empty() {
            row.change(&mut tx, now).await?;
        }
        let actor = Actor::system(center, "directory");
        let mut ended = Vec::new();
        if told.is_disabled {
            diff = self.take_roles(&mut tx, &actor, user, &[], diff).await?;
            ended = sessions::end(&mut tx, user, Which::All, "directory", now).await?;
        }
        if diff.is_empty() && ended.is_empty() {
            tx.rollback().await?;
            return Ok(false);
        }
        let mut entries: Vec<Entry> =
            ended.iter().map(|id| Entry::change("session.provider_logout", "sessions", id, Diff::none()).security()).collect();
        if !diff.is_empty() {
            users::tell_changed(&mut tx, &row, now).await?;
            entries.push(Entry::change("users.update", USERS.name, user, diff));
        }
        audit::append(&mut tx, now, &actor, &entries).await?;
        let change = self.accounts().people.change_all();
        tx.commit().await?;
        drop(change);
        self.accounts().people.ended(ended);
        Ok(true)
    }
}

/// The job that refreshes all accounts of providers from their directories.
#[derive(Debug)]
pub struct RefreshDirectory<D>(Vec<(D, String)>);

impl<D: Directory> RefreshDirectory<D> {
    /// From these directories, each with the issuer whose people it knows. There may be none.
    #[must_use]
    pub fn new(directories: Vec<(D, String)>) -> Self {
        Self(directories)
    }
}

/// Where a refresh goes on, and what came of it so far.
#[derive(Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Which directory.
    place: usize,
    after: i64,
    found: u64,
    missing: u64,
    changed: u64,
}

impl<D: Directory + 'static> JobKind for RefreshDirectory<D> {
    fn name(&self) -> &'static str {
        "directory.refresh"
    }

    fn schedulable(&self) -> Option<Action> {
        Some(can::SYSTEM_CONFIGURE)
    }

    fn comes_with(&self) -> Option<&'static str> {
        // So soon a new manager sees their people.
        (!self.0.is_empty()).then_some("*/15 * * * *")
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let mut at: Checkpoint = step.checkpoint()?.unwrap_or_default();
        let Some((directory, issuer)) = self.0.get(at.place) else { return Ok(Next::Done) };
        // Each account is a transaction of its own, and is taken over again without harm if this step is repeated.
        let refreshed = step.office().refresh_directory(directory, issuer, UserId(at.after), STEP, step.now()).await;
        let page = refreshed.map_err(|error| match error {
            DirectoryFailure::Directory(error) => JobError::Temporary(error.to_string()),
            DirectoryFailure::Office(error) => error.into(),
        })?;
        at.found += page.found;
        at.missing += page.missing;
        at.changed += page.changed;
        step.result(&json!({"found": at.found, "missing": at.missing, "changed": at.changed}));
        match page.last {
            Some(UserId(last)) => at.after = last,
            None => (at.place, at.after) = (at.place + 1, 0),
        }
        step.progress(i64::try_from(at.found + at.missing).unwrap_or(i64::MAX), None);
        step.save(&at);
        Ok(Next::Again)
    }
}
