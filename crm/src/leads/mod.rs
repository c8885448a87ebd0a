//! Leads: people who may become clients (S004-14, S004-86, S004-104…107).
//!
//! A lead is its seller's and its operator's: `lead_users` says so, and every right to one's own goes by it. Somebody else's lead does not exist
//! for them: not in a list, not by its id, and no answer tells that a number is known already. Two leads may have the same number.

mod bulk;
mod change;
mod contact;
mod hand_over;
mod news;
mod rows;
mod steps;
#[cfg(test)]
mod tests;

use model::{Column, ColumnKind, Mask, Owner, Resource};
use store::Statement;

pub use bulk::HandOverMany;
pub use change::{LeadChange, NewLead};
pub(crate) use contact::contacted;
pub use hand_over::{HandOver, HandOverOrder, Seller};
pub use news::ClientsOfLeads;
pub(crate) use rows::LeadRow;
pub use steps::{LeadStep, LeadSteps};

use crate::can;

/// Characters of a lead's name.
pub const NAME_MAX: usize = 128;
/// Characters of where a lead came from.
pub const SOURCE_MAX: usize = 64;
/// Characters of what is to be done next, and of why a lead was lost.
pub const TEXT_MAX: usize = 500;

const STATUSES: &[&str] = &["new", "assigned", "contacted", "qualified", "converted", "lost", "dnc"];

pub(crate) const STATEMENTS: &[&[Statement]] = &[rows::STATEMENTS, change::STATEMENTS, hand_over::STATEMENTS, news::STATEMENTS];

/// Leads.
pub static LEADS: Resource = Resource {
    name: "leads",
    from: "leads t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Link { table: "lead_users", row: "lead_id", user: "user_id" },
    lists: &[],
    search: "t.search_norm",
    order: "-id",
    read: can::LEADS_READ,
    export: Some(can::LEADS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The lead's id.").sorted().filtered(),
        Column::new("status", "t.status", ColumnKind::Code(STATUSES), "Where it stands.").filtered(),
        Column::new("client_name", "t.client_name", ColumnKind::Text, "Who they are; empty if that is not known.").filtered(),
        Column::new("phone", "t.phone", ColumnKind::Text, "Their telephone number, as calls have it.")
            .nullable()
            .filtered()
            .masked(Mask::Phone),
        Column::new("email", "t.email", ColumnKind::Text, "Their e-mail address.").nullable().filtered().masked(Mask::Email),
        Column::new("source", "t.source", ColumnKind::Text, "Where they came from.").nullable().filtered(),
        Column::new("assigned_seller", "t.assigned_seller", ColumnKind::Id, "The seller whose it is.").nullable().filtered(),
        Column::new("assigned_operator", "t.assigned_operator", ColumnKind::Id, "The operator whose it is.").nullable().filtered(),
        Column::new("next_action_at", "t.next_action_at", ColumnKind::Time, "When something is to be done next.")
            .nullable()
            .filtered()
            .sorted_by("COALESCE(t.next_action_at, 9007199254740991)"),
        Column::new("next_action", "t.next_action", ColumnKind::Text, "What is to be done next.").nullable().filtered(),
        Column::new("lost_reason", "t.lost_reason", ColumnKind::Text, "Why it was lost, or is not to be called.").nullable().filtered(),
        Column::new("client_id", "", ColumnKind::Id, "The client that it became, for who sees that client.").nullable(),
        Column::new("handed_over_at", "t.handed_over_at", ColumnKind::Time, "When it was last handed over.").nullable().filtered(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered().sorted(),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who made it.").nullable().filtered(),
    ],
};
