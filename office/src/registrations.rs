//! Which phones are registered, and from where.

use model::{Column, ColumnKind, Owner, Resource};

use crate::can;

/// Registered contacts, one a slot (R17). They name addresses, so they are for who may trace phones. Whether a phone is there at this moment
/// `slots` says: this is what the database knows, which is a fraction of a second behind.
pub static REGISTRATIONS: Resource = Resource {
    name: "registrations",
    from: "bindings t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "id",
    read: can::SLOTS_TRACE,
    export: None,
    columns: &[
        Column::new("id", "t.slot_id", ColumnKind::Id, "The slot's id.").filtered().sorted(),
        Column::new("source", "t.remote_address", ColumnKind::Text, "The address and port that the phone registered from.").filtered(),
        Column::new("transport", "t.transport", ColumnKind::Text, "By what: udp, tcp, tls, ws or wss.").filtered(),
        Column::new("user_agent", "t.user_agent", ColumnKind::Text, "What the phone says it is; from a stranger, so not to be believed.")
            .filtered(),
        Column::new("contact", "t.contact", ColumnKind::Text, "Its Contact, as it gave it."),
        Column::new("since", "t.since", ColumnKind::Time, "When this phone first registered there."),
        Column::new("expires_at", "t.expires_at", ColumnKind::Time, "When the registration lapses, unless the phone refreshes it."),
    ],
};
