//! The store: SQLite or PostgreSQL, migrations, the journal and its consumer, the outbox. Knows no SIP and no HTTP.
//!
//! Facts of the signalling loop go through the [`journal`] and reach the database by [`consumer::consume`]; nothing else writes calls,
//! records, bindings or leases, nor recordings but to erase and to hold them. Users, trunks and settings are read and written directly.
//!
//! The order at start:
//!
//! 1. [`Store::open`] and [`journal::Journal::open`];
//! 2. [`journal::Journal::skip_to`] with [`Store::cursor`], in case the data directory is new;
//! 3. [`consumer::catch_up`], so that the database knows what the last run has written;
//! 4. [`Store::unfinished_calls`] and [`Store::unfinished_recordings`], to append their ends to the journal;
//! 5. [`consumer::consume`] as a task.

mod apply;
pub mod audit;
mod bans;
mod bindings;
mod budgets;
mod callers;
mod calls;
mod carriers;
pub mod catalogue;
mod cdrs;
mod code;
pub mod consumer;
pub mod copy;
mod db;
mod error;
mod fold;
mod idempotency;
mod ids;
pub mod journal;
pub mod list;
mod many;
mod migrate;
mod numbers;
mod outbox;
mod plan;
pub mod recordings;
mod routes;
mod seal;
mod settings;
pub mod sql;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trunks;
pub mod whose;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use model::WallTime;
use tokio::sync::Semaphore;

pub use apply::Applied;
pub use calls::calls_between;
pub use carriers::{CarrierSum, StoredCarrier};
pub use db::{ACQUIRE_MAX, Db, STATEMENT_MAX, Statement};
pub use error::StoreError;
pub use idempotency::Idempotency;
pub use outbox::{OUTBOX_BATCH_MAX, OutboxPruned, OutboxRow};
pub use plan::{Planned, Routes};
pub use routes::StoredRoute;
pub use trunks::{ChangedTrunk, NewTrunk, TrunkChange};

/// The database, opened and up to date. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// Who may look for rows of a list at the moment.
    looking: Arc<Semaphore>,
    seal: seal::Seal,
    /// What the log was told of that is left out of the plan.
    left_out: Arc<plan::LeftOut>,
}

impl Store {
    /// Opens `sqlite:<path>` (made if missing) or `postgres://…` and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::SchemaNewer`] for a database of a newer program, [`StoreError::Unavailable`] if it cannot be reached.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let db = Db::connect(url)?;
        migrate::migrate(&db, migrate::MIGRATIONS).await?;
        Ok(Self::of(db))
    }

    fn of(db: Db) -> Self {
        let looking = Arc::new(Semaphore::new(db.lookers()));
        Self { db, looking, seal: seal::Seal::default(), left_out: Arc::default() }
    }

    /// The same with the key that secrets are sealed by: the passwords of carriers. Without it there are none.
    #[must_use]
    pub fn with_key(self, key: &[u8; 32]) -> Self {
        Self { seal: seal::Seal::new(key), ..self }
    }

    /// Asks the database for the least there is: whether it is available, and whether it can write.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.begin().await?.rollback().await
    }

    /// Closes the connections after their work is done. Later calls fail.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// The pools, for tests and tools.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
}

/// Every SQL text of this room; a test prepares each on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    [
        apply::STATEMENTS,
        audit::STATEMENTS,
        bans::STATEMENTS,
        bindings::STATEMENTS,
        callers::STATEMENTS,
        budgets::STATEMENTS,
        calls::STATEMENTS,
        carriers::STATEMENTS,
        cdrs::STATEMENTS,
        idempotency::STATEMENTS,
        ids::STATEMENTS,
        migrate::STATEMENTS,
        outbox::STATEMENTS,
        recordings::STATEMENTS,
        plan::STATEMENTS,
        routes::STATEMENTS,
        settings::STATEMENTS,
        trunks::STATEMENTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// For `created_at` and its like, which nothing depends on; what decides takes the time as an argument.
fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
