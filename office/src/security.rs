//! Bans of sources as people see them. They stand in call control; rows in memory.

use model::{Column, ColumnKind, Owner, Resource};

use crate::can;

/// Sources that are not heard. They concern every centre, so only who may work in all of them sees them.
pub static BANS: Resource = Resource {
    name: "bans",
    from: "",
    key: "id",
    center: "",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "source",
    read: can::SECURITY_READ,
    export: None,
    columns: &[
        Column::new("id", "", ColumnKind::Text, "The source."),
        Column::new("source", "", ColumnKind::Text, "An address, or a network of IPv6 with 64 bits.").filtered().sorted_by("source"),
        Column::new(
            "why",
            "",
            ColumnKind::Text,
            "What made it full: wrong_password, unknown_user, scanner, fake_agent, foreign_domain, malformed, call_without_login, \
             toll_attempt, slow_guessing or by_hand.",
        )
        .filtered(),
        Column::new("since", "", ColumnKind::Time, "Since when.").sorted_by("since"),
        Column::new("until", "", ColumnKind::Time, "Until when.").sorted_by("until"),
        Column::new("times", "", ColumnKind::Int, "Which ban in a row this is, from 1 on: each lasts longer.").filtered(),
        Column::new("points", "", ColumnKind::Int, "The points that spoke against it when it was banned."),
        Column::new("note", "", ColumnKind::Text, "What whoever banned it by hand has noted.").nullable(),
        Column::new("evidence", "", ColumnKind::Json, "What was seen of it, and how often: [{kind, count}]."),
    ],
};
