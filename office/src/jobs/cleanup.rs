//! The nightly job that clears away what has had its time, a thousand rows a step. Deliveries to webhooks have rules of their own.

use std::time::Duration;

use model::{Action, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{binds, statements};

use super::{JobError, JobKind, Next, Step, nothing};
use crate::{can, events, export};

/// Rows that one step takes away.
const CHUNK: i64 = 1000;

statements! {
    JOBS: both "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2)";
}

/// For how long things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Jobs, after their end.
    pub jobs: Duration,
    /// What stands in the list of exports, after its file is gone.
    pub exports: Duration,
    /// Events.
    pub events: Duration,
    /// The most events.
    pub events_max: u32,
}

impl Default for Kept {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { jobs: DAY * 30, exports: DAY * 90, events: DAY * 90, events_max: 1_000_000 }
    }
}

/// Clears away.
#[derive(Debug, Clone, Default)]
pub struct Cleanup {
    /// For how long things are kept.
    pub kept: Kept,
}

/// What is cleared away, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Jobs,
    Exports,
    Events,
    Accounts,
    ExportFiles,
    StrayFiles,
}

impl Stage {
    fn next(self) -> Option<Self> {
        match self {
            Self::Jobs => Some(Self::Exports),
            Self::Exports => Some(Self::Events),
            Self::Events => Some(Self::Accounts),
            // Files last: one that cannot be deleted ends the job.
            Self::Accounts => Some(Self::ExportFiles),
            Self::ExportFiles => Some(Self::StrayFiles),
            Self::StrayFiles => None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Checkpoint {
    stage: Stage,
    jobs: u64,
    export_files: u64,
    exports: u64,
    stray_files: u64,
    events: u64,
    accounts: u64,
}

impl JobKind for Cleanup {
    fn name(&self) -> &'static str {
        "office.cleanup"
    }

    fn schedulable(&self) -> Option<Action> {
        Some(can::SYSTEM_CONFIGURE)
    }

    fn check(&self, payload: &Value) -> Result<(), String> {
        nothing(payload)
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let now = step.now();
        let start = Checkpoint { stage: Stage::Jobs, jobs: 0, export_files: 0, exports: 0, stray_files: 0, events: 0, accounts: 0 };
        let mut at: Checkpoint = step.checkpoint()?.unwrap_or(start);
        let office = step.office();
        let (counter, gone) = match at.stage {
            Stage::Jobs => (&mut at.jobs, step.tx().await?.run(JOBS, binds![before(now, self.kept.jobs), CHUNK]).await?),
            Stage::ExportFiles => (&mut at.export_files, export::expire(office, step.tx().await?, now, CHUNK).await?),
            Stage::Exports => (&mut at.exports, export::forget(step.tx().await?, before(now, self.kept.exports), CHUNK).await?),
            Stage::StrayFiles => (&mut at.stray_files, export::sweep(office).await?),
            Stage::Events => {
                let (oldest, rows) = (before(now, self.kept.events), i64::from(self.kept.events_max));
                (&mut at.events, events::prune(step.tx().await?, oldest, rows, CHUNK).await?)
            }
            // Sessions, tokens and links, by the accounts' own rules and in their own chunks.
            Stage::Accounts => (&mut at.accounts, office.prune_accounts(now).await?),
        };
        *counter += gone;
        let all = at.jobs + at.export_files + at.exports + at.stray_files + at.events + at.accounts;
        step.progress(i64::try_from(all).unwrap_or(i64::MAX), None);
        step.result(&json!({
            "jobs": at.jobs, "export_files": at.export_files, "exports": at.exports, "stray_files": at.stray_files,
            "events": at.events, "accounts": at.accounts,
        }));
        // A full chunk may have left more behind.
        if gone < CHUNK.unsigned_abs() || at.stage == Stage::Accounts {
            match at.stage.next() {
                Some(stage) => at.stage = stage,
                None => return Ok(Next::Done),
            }
        }
        step.save(&at);
        Ok(Next::Again)
    }
}

fn before(now: WallTime, kept: Duration) -> WallTime {
    WallTime(now.0.saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX)))
}
