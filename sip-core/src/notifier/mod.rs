//! What others may subscribe to (RFC 6665): the messages that wait for a number (RFC 3842), and whether it is in a call (RFC 4235).
//!
//! Here are the packages, what their NOTIFYs say, and the table of who is told. Does no SIP: `endpoint` reads SUBSCRIBEs and sends NOTIFYs, and
//! the owner says who may subscribe to what. A subscriber and what it watches are numbers that mean something to the owner only.
//!
//! ```text
//!   SUBSCRIBE, `subscribe`: 200
//!     |
//!     v
//!   Active      NOTIFY now; then what `publish` says: one on its way at a time, at most one a second, the newest waits
//!     |
//!     | SUBSCRIBE with Expires 0; it lapses; the owner withdraws it: the last NOTIFY
//!     | 481 and the like to a NOTIFY, silence, its stream is gone
//!     v
//!    over       who only wants to know it once (Expires 0 outside a subscription) begins here
//! ```

mod dialogs;
mod summary;
pub(crate) mod table;

use std::time::Duration;

pub use self::{
    dialogs::{DIALOGS_MAX, DialogInfo, DialogState, DialogTags, Direction, TEXT_MAX, WatchedDialog, WatchedParty},
    summary::MessageSummary,
};
use crate::message::{Message, Name};

/// Names a subscription; never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(crate) u64);

/// The pause between two NOTIFYs of a subscription.
pub const NOTIFY_PAUSE: Duration = Duration::from_secs(1);

/// The bounds of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    /// Of all subscribers together; beyond it 503.
    pub subscriptions_max: usize,
    /// Of one subscriber; beyond it the oldest makes room: a phone that was switched off and on again has left its own behind.
    pub subscriber_max: usize,
    /// NOTIFYs whose transactions are not over; beyond it they wait a second.
    pub notifies_max: usize,
    /// The shortest interval that is granted, in seconds; shorter ones get 423. At most 3600 (RFC 6665, 4.2.1.1).
    pub expires_min_s: u32,
    /// The interval for who names none, in seconds.
    pub expires_default_s: u32,
    /// The longest interval, in seconds; longer ones are cut.
    pub expires_max_s: u32,
}

impl Default for NotifierSettings {
    fn default() -> Self {
        Self {
            subscriptions_max: 20_000,
            // The keys of a phone with its side panels.
            subscriber_max: 128,
            notifies_max: 4_096,
            expires_min_s: 60,
            expires_default_s: 3_600,
            expires_max_s: 3_600,
        }
    }
}

/// An event package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Package {
    /// Whether messages wait (RFC 3842).
    MessageSummary,
    /// The calls of a number (RFC 4235): the lamps of other phones.
    Dialog,
}

impl Package {
    const ALL: [Self; 2] = [Self::MessageSummary, Self::Dialog];

    /// As it stands in Event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageSummary => "message-summary",
            Self::Dialog => "dialog",
        }
    }

    /// The type of what its NOTIFYs carry.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MessageSummary => "application/simple-message-summary",
            Self::Dialog => "application/dialog-info+xml",
        }
    }

    /// What a SUBSCRIBE asks for. `None`: a package that we do not have, or none at all.
    #[must_use]
    pub fn of(subscribe: &Message) -> Option<Self> {
        event(subscribe).0
    }
}

/// The package of an Event header, and its `id`, by which one peer tells subscriptions of one dialog apart (RFC 6665, 4.1.2.1).
pub(crate) fn event(subscribe: &Message) -> (Option<Package>, Option<&[u8]>) {
    let mut all = subscribe.headers(Name::Event);
    let (Some(value), None) = (all.next(), all.next()) else { return (None, None) };
    let mut parts = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let token = parts.next().unwrap_or_default();
    let package = Package::ALL.into_iter().find(|package| token.eq_ignore_ascii_case(package.as_str().as_bytes()));
    let id = parts.find_map(|part| part.split_at_checked(3).filter(|(name, _)| name.eq_ignore_ascii_case(b"id="))).map(|(_, id)| id);
    (package, id.filter(|id| !id.is_empty()))
}

/// The state of what is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Of a mailbox.
    MessageSummary(MessageSummary),
    /// Of a number.
    Dialog(DialogInfo),
}

impl Notice {
    /// Whose state it is.
    #[must_use]
    pub fn package(&self) -> Package {
        match self {
            Self::MessageSummary(_) => Package::MessageSummary,
            Self::Dialog(_) => Package::Dialog,
        }
    }

    /// The body of a NOTIFY; `version` counts them within a subscription (RFC 4235, 3.6).
    #[must_use]
    pub fn body(&self, version: u32) -> String {
        match self {
            Self::MessageSummary(summary) => summary.body(),
            Self::Dialog(info) => info.body(version),
        }
    }
}
