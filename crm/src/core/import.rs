//! What can become of an import, and what became of its rows (requirements, 1.5).

use model::Action;
use serde::{Deserialize, Serialize};

use crate::core::machine::{Kind, Machine, Row};

/// Whoever imports.
const IMPORT_RIGHT: Action = Action("leads.import");

codes! {
    /// Where an import stands.
    ImportState, "an import's state":
    /// The file is here.
    Uploaded = "uploaded",
    /// What its columns mean is known.
    Mapped = "mapped",
    /// Every row is read, and nothing is written.
    Validating = "validating",
    /// It can be run.
    Ready = "ready",
    /// Rows are written.
    Running = "running",
    /// Somebody has stopped it for a while.
    Paused = "paused",
    /// All rows are written or rejected.
    Completed = "completed",
    /// It broke off, and can go on where it did.
    Failed = "failed",
    /// Somebody has given it up; what was written stays.
    Cancelled = "cancelled",
    /// What it wrote was taken back.
    Reverted = "reverted",
}

codes! {
    /// What happens to an import.
    ImportEvent, "an import's event":
    /// Somebody says what the columns mean.
    Map = "map",
    /// Somebody asks for a look at every row.
    Check = "check",
    /// The rows were looked at.
    Checked = "checked",
    /// They could not be: the file or the mapping is of no use.
    Refuse = "refuse",
    /// Somebody starts it.
    Run = "run",
    /// Somebody stops it for a while.
    Pause = "pause",
    /// Somebody lets it go on.
    Resume = "resume",
    /// The last row is written.
    Complete = "complete",
    /// It breaks off.
    Fail = "fail",
    /// Somebody gives it up.
    Cancel = "cancel",
    /// Somebody takes it back.
    Revert = "revert",
}

codes! {
    /// What must be there for a step of an import.
    ImportGuard, "what an import's step needs":
    /// A mapping that fits the file.
    Mapping = "mapping",
}

codes! {
    /// What a step of an import brings with it.
    ImportEffect, "what an import's step does":
    /// The counters begin anew: they were a look's.
    ClearCounters = "clear_counters",
    /// A job is started, which goes on from the checkpoint.
    StartJob = "start_job",
    /// Why is kept with the import.
    KeepError = "keep_error",
}

codes! {
    /// What became of a row.
    RowOutcome, "a row's outcome":
    /// A lead was made.
    Created = "created",
    /// A lead was changed.
    Updated = "updated",
    /// There was one already, and it was left alone.
    Duplicate = "duplicate",
    /// It could not be read, and why is known.
    Rejected = "rejected",
}

/// The rows that were dealt with, by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Leads made.
    pub created: u64,
    /// Leads changed.
    pub updated: u64,
    /// Rows left out, because there was such a lead.
    pub duplicate: u64,
    /// Rows that could not be read.
    pub rejected: u64,
}

impl Counters {
    /// Counts one row.
    pub fn count(&mut self, outcome: RowOutcome) {
        let counter = match outcome {
            RowOutcome::Created => &mut self.created,
            RowOutcome::Updated => &mut self.updated,
            RowOutcome::Duplicate => &mut self.duplicate,
            RowOutcome::Rejected => &mut self.rejected,
        };
        *counter = counter.saturating_add(1);
    }

    /// All rows: of an import that is complete, as many as the file has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        [self.created, self.updated, self.duplicate, self.rejected].into_iter().fold(0, u64::saturating_add)
    }
}

/// The kind of [`IMPORT`].
#[derive(Debug, Clone, Copy)]
pub enum Import {}

impl Kind for Import {
    type State = ImportState;
    type Event = ImportEvent;
    type Guard = ImportGuard;
    type Effect = ImportEffect;
    const STATES: &'static [ImportState] = ImportState::ALL;
    const EVENTS: &'static [ImportEvent] = ImportEvent::ALL;
}

/// What can still be given up: all that is not at its end.
const UNDER_WAY: &[ImportState] = &[
    ImportState::Uploaded,
    ImportState::Mapped,
    ImportState::Validating,
    ImportState::Ready,
    ImportState::Running,
    ImportState::Paused,
    ImportState::Failed,
];

/// An import:
///
/// ```text
///              map            check               checked         run              complete
///   uploaded ───────▶ mapped ───────▶ validating ─────────▶ ready ─────▶ running ──────────▶ completed
///                     ▲  ▲   refuse       │                  │  pause │ ▲ │ fail                 │ revert
///                     │  └────────────────┘                  │        ▼ │ ▼                      ▼
///                     └─────────────── map ──────────────────┘    paused, failed ─ resume    reverted
///
///   all but completed, cancelled, reverted ── cancel ──▶ cancelled
/// ```
pub static IMPORT: Machine<Import> = Machine {
    start: ImportState::Uploaded,
    finals: &[ImportState::Cancelled, ImportState::Reverted],
    rows: &[
        Row {
            from: &[ImportState::Uploaded, ImportState::Mapped, ImportState::Ready],
            event: ImportEvent::Map,
            to: ImportState::Mapped,
            rights: &[IMPORT_RIGHT],
            guards: &[ImportGuard::Mapping],
            effects: &[ImportEffect::ClearCounters],
        },
        Row {
            from: &[ImportState::Mapped, ImportState::Ready],
            event: ImportEvent::Check,
            to: ImportState::Validating,
            rights: &[IMPORT_RIGHT],
            guards: &[],
            effects: &[ImportEffect::ClearCounters, ImportEffect::StartJob],
        },
        Row {
            from: &[ImportState::Validating],
            event: ImportEvent::Checked,
            to: ImportState::Ready,
            rights: &[],
            guards: &[],
            effects: &[],
        },
        Row {
            from: &[ImportState::Validating],
            event: ImportEvent::Refuse,
            to: ImportState::Mapped,
            rights: &[],
            guards: &[],
            effects: &[ImportEffect::KeepError],
        },
        Row {
            from: &[ImportState::Ready],
            event: ImportEvent::Run,
            to: ImportState::Running,
            rights: &[IMPORT_RIGHT],
            guards: &[],
            effects: &[ImportEffect::ClearCounters, ImportEffect::StartJob],
        },
        Row {
            from: &[ImportState::Running],
            event: ImportEvent::Pause,
            to: ImportState::Paused,
            rights: &[IMPORT_RIGHT],
            guards: &[],
            effects: &[],
        },
        Row {
            from: &[ImportState::Paused, ImportState::Failed],
            event: ImportEvent::Resume,
            to: ImportState::Running,
            rights: &[IMPORT_RIGHT],
            guards: &[],
            effects: &[ImportEffect::StartJob],
        },
        Row {
            from: &[ImportState::Running],
            event: ImportEvent::Complete,
            to: ImportState::Completed,
            rights: &[],
            guards: &[],
            effects: &[],
        },
        Row {
            from: &[ImportState::Running],
            event: ImportEvent::Fail,
            to: ImportState::Failed,
            rights: &[],
            guards: &[],
            effects: &[ImportEffect::KeepError],
        },
        Row { from: UNDER_WAY, event: ImportEvent::Cancel, to: ImportState::Cancelled, rights: &[IMPORT_RIGHT], guards: &[], effects: &[] },
        Row {
            from: &[ImportState::Completed],
            event: ImportEvent::Revert,
            to: ImportState::Reverted,
            rights: &[IMPORT_RIGHT],
            guards: &[],
            effects: &[ImportEffect::StartJob],
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_the_requirements() {
        IMPORT.check_exhaustively(&[
            "uploaded map > mapped: leads.import; mapping",
            "mapped map > mapped: leads.import; mapping",
            "ready map > mapped: leads.import; mapping",
            "mapped check > validating: leads.import; ",
            "ready check > validating: leads.import; ",
            "validating checked > ready: ; ",
            "validating refuse > mapped: ; ",
            "ready run > running: leads.import; ",
            "running pause > paused: leads.import; ",
            "paused resume > running: leads.import; ",
            "failed resume > running: leads.import; ",
            "running complete > completed: ; ",
            "running fail > failed: ; ",
            "uploaded cancel > cancelled: leads.import; ",
            "mapped cancel > cancelled: leads.import; ",
            "validating cancel > cancelled: leads.import; ",
            "ready cancel > cancelled: leads.import; ",
            "running cancel > cancelled: leads.import; ",
            "paused cancel > cancelled: leads.import; ",
            "failed cancel > cancelled: leads.import; ",
            "completed revert > reverted: leads.import; ",
        ]);
    }

    #[test]
    fn nothing_is_counted_twice() {
        // What was counted by a look does not count for the run, and a run that goes on keeps what it has counted.
        for row in IMPORT.rows {
            let clears = row.effects.contains(&ImportEffect::ClearCounters);
            let begins = matches!(row.event, ImportEvent::Map | ImportEvent::Check | ImportEvent::Run);
            assert_eq!(clears, begins, "{row:?}");
        }
        let mut counters = Counters::default();
        for (times, outcome) in (1..).zip(RowOutcome::ALL) {
            (0..times).for_each(|_| counters.count(*outcome));
        }
        assert_eq!(counters, Counters { created: 1, updated: 2, duplicate: 3, rejected: 4 });
        assert_eq!(counters.rows(), 10);
    }
}
