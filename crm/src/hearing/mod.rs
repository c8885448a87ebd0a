//! Who has really heard how much of which recording (S000-19).
//!
//! ```text
//!   player ──a report every few seconds──▶ session ──what is new──▶ what the person has heard of the call ──what is new──▶ sums of the day
//! ```
//!
//! A session is one player of one person. What cannot have been played in the time that has passed does not count ([`crate::core::heard`]), and
//! what the person has heard in whatever session counts once. All three are written in one transaction, so their sums agree.

mod columns;
mod sessions;
mod settings;
mod statistics;
#[cfg(test)]
mod tests;

use model::{Column, ColumnKind, Owner, Resource};
use store::Statement;

pub(crate) use columns::Listened;
pub use sessions::{Heard, Hearing, Report, Sound};
pub use settings::PolicyChange;
pub use statistics::{Line, Split, Statistics};

use crate::can;

/// How often a player is to report, in seconds.
pub const REPORT_EVERY_S: u32 = 5;
/// The most spans of one report.
pub const REPORT_SPANS_MAX: usize = 50;
/// A session ends that has not reported for so long, in milliseconds.
pub const IDLE_MS: i64 = 15 * 60 * 1000;
/// Sessions of one person that may be open at once; more are refused until some have ended.
pub const SESSIONS_OPEN_MAX: i64 = 20;
/// Lines of one answer of statistics; what has more is to be asked for in parts.
pub const LINES_MAX: i64 = 10_000;

pub(crate) const STATEMENTS: &[&[Statement]] = &[columns::STATEMENTS, sessions::STATEMENTS, settings::STATEMENTS, statistics::STATEMENTS];

/// Listening sessions: of one's own, or of all. They are statistics, and open by the right to those.
pub static LISTEN_SESSIONS: Resource = Resource {
    name: "listen_sessions",
    from: "listen_sessions t LEFT JOIN users u ON u.id = t.user_id",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.user_id"),
    lists: &[],
    search: "",
    order: "-id",
    read: can::TAG_STATISTICS_READ,
    export: Some(can::TAG_STATISTICS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The session's id.").sorted().filtered(),
        Column::new("call_id", "t.call_id", ColumnKind::Call, "The call whose recording is heard.").filtered(),
        Column::new("user_id", "t.user_id", ColumnKind::Id, "Who hears it.").filtered(),
        Column::new("user_name", "u.display_name", ColumnKind::Text, "Their name.").nullable(),
        Column::new("opened_at", "t.opened_at", ColumnKind::Time, "When it began.").filtered(),
        Column::new("last_at", "t.last_at", ColumnKind::Time, "When the last report was counted."),
        Column::new("ended_at", "t.ended_at", ColumnKind::Time, "When it ended; absent also for one that was left without a word.")
            .nullable()
            .filtered(),
        Column::new("heard_ms", "t.heard_ms", ColumnKind::Int, "How much of the recording was heard in it, in milliseconds.").filtered(),
        Column::new("position_ms", "t.position_ms", ColumnKind::Int, "Where the player stood at the last report, in milliseconds."),
        Column::new(
            "speed_permille",
            "t.speed_permille",
            ColumnKind::Int,
            "How fast it played then, in thousandths of the speed of speech.",
        ),
        Column::new(
            "trimmed_ms",
            "t.trimmed_ms",
            ColumnKind::Int,
            "How much was reported that cannot have been played in that time, in milliseconds; it does not count.",
        )
        .filtered(),
    ],
};
