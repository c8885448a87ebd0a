//! How a registration stands, as its owner and a person are told.

use std::{fmt, time::Instant};

use super::grant::reason;
use crate::{digest::client::Unproven, endpoint::Unanswered, message::Message};

/// How a registration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolState {
    /// The first answer is still to come.
    Trying,
    /// The registrar knows where we are.
    Registered {
        /// Until then, unless it is refreshed, as it is well before.
        until: Instant,
    },
    /// The last attempt failed.
    Failing {
        /// How.
        why: Failure,
        /// When the first attempt failed since it last went well.
        since: Instant,
        /// When the next one is due.
        retry_at: Instant,
        /// The registrar knows us until then all the same, from before.
        until: Option<Instant>,
    },
    /// It is over: un-registered, as far as the registrar could be reached.
    Stopped,
}

/// Why an attempt failed; printed for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A response of 300 and more.
    Refused {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// Why its challenge was not answered.
        unproven: Option<Unproven>,
    },
    /// A 2xx that does not bind our contact.
    NotBound,
    /// There was no answer.
    Unanswered(Unanswered),
    /// The request could not be sent: too many are open ([`crate::endpoint::REQUESTS_MAX`]), or the settings make none.
    Unsent,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, reason, unproven } => {
                write!(f, "{status} {reason}")?;
                match unproven {
                    Some(unproven) => write!(f, ": {unproven}"),
                    None if (300..=399).contains(status) => f.write_str(": another registrar is named, and not followed"),
                    None => Ok(()),
                }
            }
            Self::NotBound => f.write_str("accepted without our contact"),
            Self::Unanswered(Unanswered::Timeout) => f.write_str("no answer"),
            Self::Unanswered(Unanswered::FlowLost) => f.write_str("connection lost"),
            Self::Unanswered(Unanswered::Unreachable) => f.write_str("nobody is there"),
            Self::Unsent => f.write_str("could not be sent"),
        }
    }
}

pub(super) fn refusal(response: &Message, unproven: Option<Unproven>) -> Failure {
    Failure::Refused { status: response.status(), reason: reason(response), unproven }
}
