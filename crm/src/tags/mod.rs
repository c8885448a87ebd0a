//! Tags: groups of short judgements that people set on calls (S000-08, S000-11).
//!
//! A tag of a group that a person was not given does not exist for them: not in lists, not on calls, not in statistics.

mod dictionary;
pub(crate) mod events;
mod groups;
pub(crate) mod listed;
mod markers;
mod set;
mod stats;
#[cfg(test)]
mod tests;
pub mod unrated;

use model::{Column, ColumnKind, ListKind, Owner, Resource};
use office::{Conflict, Fault, OfficeError};
use store::{Statement, StoreError};

pub use dictionary::{NewTag, TagChange};
pub use events::{SHOWN_MAX, TAG_EVENTS};
pub use groups::{NewTagGroup, TagGroupChange};
pub use markers::{MARKER_CHARS_MAX, MARKERS_MAX, Marker, NewMarker};
pub use set::{CallTag, Tagged, Tagging, TagsOfCall};
pub use stats::{LINES_MAX, TagLine, TagStatistics, TagSums};

use crate::can;

/// Groups of one centre; more are refused.
pub const GROUPS_MAX: usize = 100;
/// Tags of one centre; more are refused.
pub const TAGS_MAX: usize = 500;
/// The colours that there are: each can be told from the page in both looks of the console.
pub const COLOURS: &[&str] = &["grey", "red", "orange", "amber", "green", "teal", "cyan", "blue", "indigo", "pink"];
/// What a dialer is to do with the number of a call that gets a tag: nothing, or call it no more. Kept for the dialer; nothing reads it so far.
pub const STOPS: &[&str] = &["none", "dnc"];

pub(crate) const STATEMENTS: &[&[Statement]] = &[
    dictionary::STATEMENTS,
    events::STATEMENTS,
    groups::STATEMENTS,
    listed::STATEMENTS,
    markers::STATEMENTS,
    set::STATEMENTS,
    stats::STATEMENTS,
    unrated::STATEMENTS,
];

const VERSION: Column =
    Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from.");
const CREATED_AT: Column = Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered();
const UPDATED_AT: Column = Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered();
const POSITION: Column =
    Column::new("position", "t.position", ColumnKind::Int, "Its place among the others, the least first.").sorted().filtered();

/// Groups of tags.
pub static TAG_GROUPS: Resource = Resource {
    name: "tag_groups",
    from: "tag_groups t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Anybody,
    lists: &[(ListKind::TagGroup, "CAST(t.id AS TEXT)")],
    search: "t.search_norm",
    order: "position",
    read: can::TAGS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The group's id.").sorted().filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name, unique in the centre.").filtered(),
        Column::new("exclusive", "t.exclusive", ColumnKind::Bool, "Whether a call has at most one tag of it.").filtered(),
        Column::new("colour", "t.colour", ColumnKind::Code(COLOURS), "The colour of its tags that have none of their own.").filtered(),
        POSITION,
        Column::new("active", "t.active", ColumnKind::Bool, "Whether its tags are set on calls any longer.").filtered(),
        Column::new("rates", "t.rates", ColumnKind::Bool, "Whether a call with a tag of it counts as rated by it.").filtered(),
        VERSION,
        CREATED_AT,
        UPDATED_AT,
    ],
};

/// Tags.
pub static TAGS: Resource = Resource {
    name: "tags",
    from: "tags t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Anybody,
    lists: &[(ListKind::TagGroup, "CAST(t.group_id AS TEXT)")],
    search: "t.search_norm",
    order: "position",
    read: can::TAGS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The tag's id.").sorted().filtered(),
        Column::new("group_id", "t.group_id", ColumnKind::Id, "Its group.").filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name, unique in the group.").filtered(),
        Column::new("colour", "t.colour", ColumnKind::Code(COLOURS), "Its colour.").filtered(),
        POSITION,
        Column::new("active", "t.active", ColumnKind::Bool, "Whether it is set on calls any longer.").filtered(),
        Column::new(
            "stop",
            "t.stop",
            ColumnKind::Code(STOPS),
            "What it will mean to a dialer for the call's number: nothing, or never to call it again (dnc). Nothing reads it so far.",
        )
        .filtered(),
        VERSION,
        CREATED_AT,
        UPDATED_AT,
    ],
};

/// The last place in an order.
const POSITION_MAX: i64 = 10_000;

/// A colour as it is stored.
fn colour(wanted: &str, faults: &mut Vec<Fault>) -> String {
    if !COLOURS.contains(&wanted) {
        faults.push(Fault::invalid("colour", format!("a colour is one of: {}", COLOURS.join(", "))));
    }
    wanted.to_owned()
}

/// A place in an order.
fn position(wanted: i64, faults: &mut Vec<Fault>) -> i64 {
    if !(0..=POSITION_MAX).contains(&wanted) {
        faults.push(Fault::invalid("position", format!("a place is a whole number from 0 to {POSITION_MAX}")));
    }
    wanted
}

fn name_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if name == "tag_groups_center_id_name_key" || name == "tags_group_id_name_key" => {
            OfficeError::Conflict(Conflict::NameTaken)
        }
        other => other.into(),
    }
}
