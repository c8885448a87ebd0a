//! Webhooks: other programs are told of events as they happen.
//!
//! ```text
//!   outbox ──distribute──▶ deliveries, a queue a webhook ──deliver──▶ POST
//!                             pending ──2xx──────────────▶ delivered
//!                                │  ▲ back-off, ten tries in 46 hours
//!                                ├──┘
//!                                └──────────────────────▶ failed
//! ```
//!
//! Rows of the outbox become deliveries in the transaction that moves our cursor in it, and a delivery is done only once that is stored: an
//! event is told at least once, and perhaps twice after a crash. The deliveries of one webhook go in the order of the events, one at a
//! time; those of different webhooks do not wait for one another.
//!
//! The body is the one form of an event ([`model::Envelope`]). The signature is `v1=` and HMAC-SHA256 in hexadecimal, by the secret's text,
//! of the timestamp, a full stop, and the body.

mod attempt;
mod distribute;
mod envelope;
mod manage;
mod record;
mod run;
#[cfg(test)]
mod tests;

use links::{
    Roots,
    http::{Client, Guard, HttpError, Limits},
};
use model::{Action, Column, ColumnKind, Owner, Resource};
use store::Statement;
use tokio::sync::{Notify, Semaphore};

pub use attempt::Outcome;
pub use envelope::{signature, signed};
pub use manage::{NewWebhook, Tested, WebhookChange};
pub use run::{Deliverer, DelivererOptions};

use crate::rights::can;

/// Who we are among the listeners of the outbox.
pub const LISTENER: &str = "webhooks";
/// The webhooks of a centre.
pub const WEBHOOKS_MAX: i64 = 50;
/// The kinds of events that a webhook names.
pub const EVENTS_MAX: usize = 64;
/// Tests that are under way at once.
const TESTS_MAX: usize = 8;

/// A kind of event that webhooks can be told of. A module brings its own in its [`Part`](crate::rights::Part), and writes them to the outbox.
#[derive(Debug, Clone, Copy)]
pub struct EventKind {
    /// Its name.
    pub kind: &'static str,
    /// The right without which nobody may have it told, everywhere in the centre: it holds what that right shows.
    pub right: Action,
    /// The resource whose columns it holds: whoever has it told must see all of them.
    pub resource: &'static str,
    /// What it is, for people.
    pub about: &'static str,
}

/// The kinds of events of telephony and of this room.
pub(crate) static EVENTS: &[EventKind] = &[
    EventKind { kind: "call.update", right: can::CALLS_READ, resource: "calls", about: "A call began, changed or ended." },
    EventKind { kind: "cdr.created", right: can::CALLS_READ, resource: "cdrs", about: "A call has its record." },
    EventKind { kind: "recording.ready", right: can::RECORDINGS_READ, resource: "recordings", about: "A recording is closed." },
    EventKind {
        kind: "recording.erased",
        right: can::RECORDINGS_READ,
        resource: "recordings",
        about: "A recording was erased, by a person or because it has had its time.",
    },
    EventKind {
        kind: "carrier.down",
        right: can::TRUNKS_READ,
        resource: "trunks",
        about: "A carrier cannot be called: it does not answer, or we are not registered.",
    },
    EventKind { kind: "carrier.up", right: can::TRUNKS_READ, resource: "trunks", about: "A carrier can be called again." },
    EventKind { kind: "user.update", right: can::USERS_READ, resource: "users", about: "An account was made or changed." },
    EventKind { kind: "user.delete", right: can::USERS_READ, resource: "users", about: "An account was deleted." },
];
/// The event that a test sends. It comes whatever the webhook names.
pub const PING: &str = "ping";

/// Webhooks.
pub static WEBHOOKS: Resource = Resource {
    name: "webhooks",
    from: "webhooks t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "id",
    read: can::WEBHOOKS_READ,
    export: Some(can::WEBHOOKS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The webhook's id.").filtered().sorted(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name.").filtered(),
        Column::new("url", "t.url", ColumnKind::Text, "Where events are sent."),
        Column::new("events", "t.events", ColumnKind::Json, "The kinds of events that it is told of; * is all."),
        Column::new("enabled", "t.enabled", ColumnKind::Bool, "Whether it is told.").filtered(),
        Column::new("disabled_reason", "t.disabled_reason", ColumnKind::Text, "Why the program has disabled it; absent if a person has.")
            .nullable(),
        Column::new("failures", "t.failures", ColumnKind::Int, "Failures since it last took an event."),
        Column::new("failing_since", "t.failing_since", ColumnKind::Time, "Since when it has taken none.").nullable(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made."),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who made it.").nullable(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed."),
    ],
};

/// What was sent to webhooks, or is to be.
pub static WEBHOOK_DELIVERIES: Resource = Resource {
    name: "webhook_deliveries",
    from: "webhook_deliveries t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "-id",
    read: can::WEBHOOKS_READ,
    export: Some(can::WEBHOOKS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The delivery's id: the header Cordboard-Delivery.").filtered().sorted(),
        Column::new("webhook_id", "t.webhook_id", ColumnKind::Id, "To which webhook.").filtered(),
        Column::new("event_id", "t.event_id", ColumnKind::Id, "Which event: `seq` of the body; 0 for a test."),
        Column::new("kind", "t.kind", ColumnKind::Text, "Which kind of event.").filtered(),
        Column::new("state", "t.state", ColumnKind::Code(STATES), "Where it stands.").filtered(),
        Column::new("attempts", "t.attempts", ColumnKind::Int, "How often it was tried."),
        Column::new("next_at", "t.next_at", ColumnKind::Time, "When it is tried again, if those before it are done.").nullable(),
        Column::new("last_status", "t.last_status", ColumnKind::Int, "The status that was answered last.").nullable(),
        Column::new("last_error", "t.last_error", ColumnKind::Text, "What went wrong last: the first 500 characters.").nullable(),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("delivered_at", "t.delivered_at", ColumnKind::Time, "When it was taken.").nullable(),
        Column::new("payload", "t.payload", ColumnKind::Json, "The body."),
    ],
};

const STATES: &[&str] = &["pending", "delivered", "failed"];

/// Every SQL text of webhooks.
pub(crate) const STATEMENTS: &[&[Statement]] = &[distribute::STATEMENTS, manage::STATEMENTS, record::STATEMENTS];

/// What webhooks need to know.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// By whom requests are made: with its guard, and its limit of ten seconds.
    pub http: Client,
}

impl Default for WebhookOptions {
    /// Public addresses at the ports of the web only.
    fn default() -> Self {
        Self { http: Client::new(Guard::public(Vec::new(), vec![80, 443]), &Roots::public(), Limits::default()) }
    }
}

/// What webhooks have in memory: one an office.
#[derive(Debug)]
pub(crate) struct Hub {
    http: Client,
    woken: Notify,
    tests: Semaphore,
}

impl Hub {
    pub(crate) fn new(options: WebhookOptions) -> Self {
        Self { http: options.http, woken: Notify::new(), tests: Semaphore::new(TESTS_MAX) }
    }

    /// Whether requests that people cause may go there at all, as far as the URL tells.
    pub(crate) fn check_url(&self, url: &str) -> Result<(), HttpError> {
        self.http.check_url(url).map(drop)
    }
}
