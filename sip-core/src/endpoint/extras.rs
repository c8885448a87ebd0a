//! What the owner of an endpoint may want beyond calls and registrations, and how our messages say so.
//!
//! All of it is off unless the owner switches it on: nobody is told by Allow or Supported of something that nobody here would do.

use crate::message::Method;

/// What of SIP beyond calls the owner takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras {
    /// REFER within a session (RFC 3515), and INVITEs with Replaces (RFC 3891). Without it the one gets 405, and the header of the other means
    /// nothing.
    pub transfers: bool,
    /// MESSAGE (RFC 3428). Without it 405.
    pub messages: bool,
    /// SUBSCRIBE to the packages of [`crate::notifier`] (RFC 6665). Without it 405.
    pub events: bool,
    /// REGISTERs that require `path` (RFC 3327) or `outbound` (RFC 5626) to be understood: with [`crate::RegistrarSettings::flow_timer_s`].
    /// Without it 420.
    pub paths: bool,
}

/// The option tag of RFC 3891.
pub(crate) const REPLACES: &str = "replaces";
/// The option tag of RFC 4488.
pub(crate) const NO_REFER_SUB: &str = "norefersub";

/// The option tag of RFC 3327.
const PATH: &str = "path";
/// The option tag of RFC 5626.
const OUTBOUND: &str = "outbound";

macro_rules! allow {
    ($($more:literal)?) => {
        concat!("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER" $(, $more)?)
    };
}

macro_rules! supported {
    ($first:literal, $transfers:expr) => {
        if $transfers { concat!($first, ", replaces, norefersub") } else { $first }
    };
}

impl Extras {
    /// The methods that we know: the value of Allow in our messages, also for responses that the owner makes.
    #[must_use]
    pub fn allow(self) -> &'static str {
        match (self.transfers, self.messages, self.events) {
            (false, false, false) => allow!(),
            (true, false, false) => allow!(", REFER"),
            (false, true, false) => allow!(", MESSAGE"),
            (true, true, false) => allow!(", REFER, MESSAGE"),
            (false, false, true) => allow!(", SUBSCRIBE"),
            (true, false, true) => allow!(", REFER, SUBSCRIBE"),
            (false, true, true) => allow!(", MESSAGE, SUBSCRIBE"),
            (true, true, true) => allow!(", REFER, MESSAGE, SUBSCRIBE"),
        }
    }

    /// The packages to which somebody may subscribe: the value of Allow-Events (RFC 6665, 8.2.2).
    #[must_use]
    pub fn allow_events(self) -> &'static str {
        match (self.transfers, self.events) {
            (false, false) => "",
            (true, false) => "refer",
            (false, true) => "message-summary, dialog",
            (true, true) => "message-summary, dialog, refer",
        }
    }

    /// The value of Supported in an INVITE that begins a session, or in what follows it.
    pub(crate) fn supported(self, reliable: bool) -> &'static str {
        if reliable { supported!("timer, 100rel", self.transfers) } else { supported!("timer", self.transfers) }
    }

    /// Whether a request of this method is taken outside of a session.
    pub(crate) fn has_outside(self, method: Method) -> bool {
        match method {
            Method::Message => self.messages,
            Method::Subscribe => self.events,
            _ => false,
        }
    }

    /// Whether an option tag that a request of this method says must be understood is.
    pub(crate) fn understands(self, method: Method, option: &[u8]) -> bool {
        let is_any = |known: [&str; 2]| known.iter().any(|known| option.eq_ignore_ascii_case(known.as_bytes()));
        (self.transfers && is_any([REPLACES, NO_REFER_SUB])) || (self.paths && method == Method::Register && is_any([PATH, OUTBOUND]))
    }
}
