//! What can become of a listening task: one call that somebody is to listen to and judge (requirements, 1.5).

use std::time::Duration;

use model::{Action, WallTime};

use crate::core::machine::{Kind, Machine, Row};

/// Whoever takes tasks and does them.
const CLAIM: Action = Action("listening.claim");
/// Whoever makes the plans.
const MANAGE: Action = Action("listening.manage");

/// How long a claim holds after it was made, or after its last report of what was heard.
pub const LEASE: Duration = Duration::from_secs(30 * 60);
/// How long after its end a task can be taken up again.
pub const REOPEN_WITHIN: Duration = Duration::from_secs(7 * 24 * 3_600);

codes! {
    /// Where a listening task stands.
    TaskState, "a task's state":
    /// Nobody has it.
    New = "new",
    /// Somebody has it, until the lease ends.
    Claimed = "claimed",
    /// It was listened to and judged.
    Done = "done",
    /// It was passed over, and why is known.
    Skipped = "skipped",
}

codes! {
    /// What happens to a listening task.
    TaskEvent, "a task's event":
    /// Somebody takes it.
    Claim = "claim",
    /// They give it back, or no longer reach it.
    Release = "release",
    /// Their lease has ended.
    Expire = "expire",
    /// They have judged it.
    Done = "done",
    /// They cannot judge it.
    Skip = "skip",
    /// It is to be done once more.
    Reopen = "reopen",
}

codes! {
    /// What must hold for a step of a task.
    TaskGuard, "what a task's step needs":
    /// The claim is the person's own, or they may manage plans.
    Mine = "mine",
    /// Why.
    Reason = "reason",
    /// It was done not longer ago than [`REOPEN_WITHIN`]: [`is_recent`].
    Recent = "recent",
}

codes! {
    /// What a step of a task brings with it.
    TaskEffect, "what a task's step does":
    /// Whose it is, since when and until when are written.
    BeginClaim = "begin_claim",
    /// These three are emptied.
    EndClaim = "end_claim",
    /// The lease alone is emptied: whose it was stays.
    EndLease = "end_lease",
    /// The reason is kept with the task.
    KeepReason = "keep_reason",
}

/// Whether a task that was done at `done_at` can be taken up again.
#[must_use]
pub fn is_recent(done_at: WallTime, now: WallTime) -> bool {
    now <= done_at.after(REOPEN_WITHIN)
}

/// The kind of [`TASK`].
#[derive(Debug, Clone, Copy)]
pub enum Task {}

impl Kind for Task {
    type State = TaskState;
    type Event = TaskEvent;
    type Guard = TaskGuard;
    type Effect = TaskEffect;
    const STATES: &'static [TaskState] = TaskState::ALL;
    const EVENTS: &'static [TaskEvent] = TaskEvent::ALL;
}

/// A listening task:
///
/// ```text
///           claim               done
///    new ───────────▶ claimed ────────▶ done ── reopen (7 days) ──▶ new
///     ▲ release, expire  │ skip(reason)
///     └──────────────────┴────────────▶ skipped
/// ```
pub static TASK: Machine<Task> = Machine {
    start: TaskState::New,
    finals: &[TaskState::Skipped],
    rows: &[
        Row {
            from: &[TaskState::New],
            event: TaskEvent::Claim,
            to: TaskState::Claimed,
            rights: &[CLAIM],
            guards: &[],
            effects: &[TaskEffect::BeginClaim],
        },
        Row {
            from: &[TaskState::Claimed],
            event: TaskEvent::Release,
            to: TaskState::New,
            rights: &[CLAIM, MANAGE],
            guards: &[TaskGuard::Mine],
            effects: &[TaskEffect::EndClaim],
        },
        Row {
            from: &[TaskState::Claimed],
            event: TaskEvent::Expire,
            to: TaskState::New,
            rights: &[],
            guards: &[],
            effects: &[TaskEffect::EndClaim],
        },
        Row {
            from: &[TaskState::Claimed],
            event: TaskEvent::Done,
            to: TaskState::Done,
            rights: &[CLAIM, MANAGE],
            guards: &[TaskGuard::Mine],
            effects: &[TaskEffect::EndLease],
        },
        Row {
            from: &[TaskState::Claimed],
            event: TaskEvent::Skip,
            to: TaskState::Skipped,
            rights: &[CLAIM, MANAGE],
            guards: &[TaskGuard::Mine, TaskGuard::Reason],
            effects: &[TaskEffect::EndLease, TaskEffect::KeepReason],
        },
        Row {
            from: &[TaskState::Done],
            event: TaskEvent::Reopen,
            to: TaskState::New,
            rights: &[MANAGE],
            guards: &[TaskGuard::Recent],
            effects: &[TaskEffect::EndClaim],
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_the_requirements() {
        TASK.check_exhaustively(&[
            "new claim > claimed: listening.claim; ",
            "claimed release > new: listening.claim|listening.manage; mine",
            "claimed expire > new: ; ",
            "claimed done > done: listening.claim|listening.manage; mine",
            "claimed skip > skipped: listening.claim|listening.manage; mine reason",
            "done reopen > new: listening.manage; recent",
        ]);
    }

    #[test]
    fn a_new_task_is_nobodys() {
        for row in TASK.rows {
            assert_eq!(row.effects.contains(&TaskEffect::EndClaim), row.to == TaskState::New, "{row:?}");
            assert_eq!(row.effects.contains(&TaskEffect::BeginClaim), row.to == TaskState::Claimed, "{row:?}");
        }
    }

    #[test]
    fn what_was_done_long_ago_stays_done() {
        let done = WallTime(1_000_000);
        let week = 7 * 24 * 3_600 * 1_000;
        assert!(is_recent(done, done));
        assert!(is_recent(done, WallTime(done.0 + week)));
        assert!(!is_recent(done, WallTime(done.0 + week + 1)));
        assert!(is_recent(done, WallTime(0)), "the clock was put back");
    }
}
