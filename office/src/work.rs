//! What jobs, the audit log, exports and bulk changes have in memory.

use std::{path::PathBuf, sync::Arc};

use model::{Actor, ActorKind, CenterId, UserId};
use store::{binds, statements};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Office, OfficeError, Principal,
    audit::{Refusals, VerifyAudit},
    bulk::{BulkActions, RunBulk},
    export::{QUICK_AT_ONCE, RunExport},
    jobs::{Cleanup, Hub, Job, Kinds},
    recordings::Retain,
};

/// Reports that are summed up at once: SQLite has four connections that read.
const SUMMING_AT_ONCE: usize = 2;

statements! {
    ACCOUNT: both "SELECT u.username, u.center_id FROM users u JOIN centers c ON c.id = u.center_id
        WHERE u.id = $1 AND u.state = 'active' AND c.state = 'active'";
}

/// What jobs, exports and bulk changes need to know.
#[derive(Debug, Default)]
pub struct WorkOptions {
    /// The kinds of jobs that other rooms bring; this room's own are always known.
    pub kinds: Kinds,
    /// The changes of many rows that other rooms bring.
    pub bulk: BulkActions,
    /// How long things are kept.
    pub cleanup: Cleanup,
    /// The directory for exported files. It is made when it is first needed.
    pub exports_dir: PathBuf,
}

/// One an office.
#[derive(Debug)]
pub(crate) struct Work {
    jobs: Hub,
    refusals: Refusals,
    bulk: BulkActions,
    exports_dir: PathBuf,
    /// Whose turn it is to make a file at once.
    quick: Arc<Semaphore>,
    /// Whose turn it is to sum up many rows.
    summing: Arc<Semaphore>,
}

impl Work {
    pub(crate) fn new(options: WorkOptions) -> Self {
        let kinds = options.kinds.with(VerifyAudit).with(RunExport).with(RunBulk).with(Retain).with(options.cleanup);
        let quick = Arc::new(Semaphore::new(QUICK_AT_ONCE));
        Self {
            jobs: Hub::new(kinds),
            refusals: Refusals::default(),
            bulk: options.bulk,
            exports_dir: options.exports_dir,
            quick,
            summing: Arc::new(Semaphore::new(SUMMING_AT_ONCE)),
        }
    }
}

impl Office {
    pub(crate) fn jobs(&self) -> &Hub {
        &self.0.work.jobs
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.work.refusals
    }

    pub(crate) fn bulk_actions(&self) -> &BulkActions {
        &self.0.work.bulk
    }

    pub(crate) fn exports_dir(&self) -> &std::path::Path {
        &self.0.work.exports_dir
    }

    pub(crate) fn quick_turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.work.quick)
    }

    /// A turn to sum up many rows, as long as what this gives lives. There are few at once, so that connections are left for what cannot wait.
    ///
    /// # Errors
    /// None that a caller could do anything about.
    pub async fn turn_to_sum(&self) -> Result<OwnedSemaphorePermit, OfficeError> {
        let turns = Arc::clone(&self.0.work.summing);
        turns.acquire_owned().await.map_err(|error| OfficeError::Defect(error.to_string()))
    }

    /// Whoever had a job made, with the rights that they have now, in the centre of the job; none if the account is not active any more, or if
    /// the program itself had it made.
    pub(crate) async fn principal_of_job(&self, job: &Job) -> Result<Option<Principal>, OfficeError> {
        match job.created_by {
            Some(user) => self.person_in_job(job, user).await,
            None => Ok(None),
        }
    }

    /// Somebody with the rights that they have now, for a job of their centre that works by these, whoever had it made; none if the account is not
    /// active any more.
    ///
    /// # Errors
    /// As the database's.
    pub async fn person_in_job(&self, job: &Job, user: UserId) -> Result<Option<Principal>, OfficeError> {
        let row: Option<(String, i64)> = self.store().db().one(ACCOUNT, binds![user]).await?;
        let Some((username, home)) = row else { return Ok(None) };
        let (roles, access) = self.access_of(user).await?;
        let actor = Actor {
            kind: ActorKind::User(user),
            name: username.clone(),
            center: job.center,
            source: String::new(),
            user_agent: String::new(),
            request_id: format!("job-{}", job.id),
        };
        Ok(Some(Principal::new(user, username, CenterId(home), roles, None, actor, access.into())))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! An office on an empty database of either engine.
    #![expect(clippy::unwrap_used, reason = "tests")]

    use model::WallTime;
    use store::{Statement, Store, testing::Postgres};
    use tempfile::TempDir;

    use super::*;
    use crate::Settings;

    /// An empty database, and a directory that goes with it.
    pub(crate) struct Base {
        url: String,
        pub(crate) dir: TempDir,
    }

    impl Base {
        pub(crate) fn sqlite() -> Self {
            let dir = tempfile::tempdir().unwrap();
            Self { url: format!("sqlite:{}/cordboard.db", dir.path().display()), dir }
        }

        pub(crate) fn postgres() -> Self {
            Self { url: Postgres::shared().database(), dir: tempfile::tempdir().unwrap() }
        }

        pub(crate) async fn open(&self) -> Store {
            Store::open(&self.url).await.unwrap()
        }
    }

    /// An office without roles.
    pub(crate) fn office(store: Store, kinds: Kinds) -> Office {
        Office::assemble(store, Settings { work: WorkOptions { kinds, ..WorkOptions::default() }, ..Settings::default() }).unwrap()
    }

    /// An office with the roles that come with the program.
    pub(crate) async fn house(store: Store, work: WorkOptions) -> Office {
        Office::open(store, Settings { work, ..Settings::default() }, WallTime(1)).await.unwrap()
    }

    /// An account with a role, and whoever it is signed in.
    pub(crate) async fn person(office: &Office, id: i64, role: &str) -> Principal {
        let mut tx = office.store().db().begin().await.unwrap();
        tx.run(MAKE, binds![id, format!("{role}-{id}")]).await.unwrap();
        assert_eq!(tx.run(GIVE, binds![id, role]).await.unwrap(), 1, "there is a role {role}");
        tx.commit().await.unwrap();
        sign_in(office, id).await
    }

    /// Whoever has an account, with the rights of now.
    pub(crate) async fn sign_in(office: &Office, id: i64) -> Principal {
        let (roles, access) = office.access_of(UserId(id)).await.unwrap();
        let actor = Actor {
            kind: ActorKind::User(UserId(id)),
            name: format!("user-{id}"),
            center: CenterId(1),
            source: "192.0.2.1".to_owned(),
            user_agent: String::new(),
            request_id: "r1".to_owned(),
        };
        Principal::new(UserId(id), actor.name.clone(), CenterId(1), roles, None, actor, access.into())
    }

    const MAKE: Statement = both(
        "INSERT INTO users (id, center_id, username, display_name, state, search_norm, version, created_at, updated_at)
        VALUES ($1, 1, $2, '', 'active', '', 1, 0, 0)",
    );
    const GIVE: Statement = both("INSERT INTO user_roles (user_id, role_id) SELECT $1, id FROM roles WHERE center_id = 1 AND code = $2");

    /// A statement of a test.
    pub(crate) const fn both(sql: &'static str) -> Statement {
        Statement { name: "test", lite: sql, pg: sql }
    }
}
