//! What all NOTIFYs have in common, whatever they are about (RFC 6665).

use std::time::Instant;

use crate::message::Writer;

/// What a NOTIFY says of its subscription.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left {
    /// It lasts for so many seconds.
    Active(u32),
    /// There will be no more, and why (4.1.3).
    Nothing(&'static str),
}

impl Left {
    /// It ends then.
    pub(super) fn until(now: Instant, until: Instant) -> Self {
        Self::Active(seconds_until(now, until))
    }

    pub(super) fn write(self, writer: &mut Writer) {
        match self {
            Self::Active(seconds) => writer.parts("Subscription-State", &[b"active;expires=", seconds.to_string().as_bytes()]),
            Self::Nothing(why) => writer.parts("Subscription-State", &[b"terminated;reason=", why.as_bytes()]),
        };
    }
}

/// Rounded up.
pub(super) fn seconds_until(now: Instant, until: Instant) -> u32 {
    let left = until.saturating_duration_since(now);
    u32::try_from(left.as_secs() + u64::from(left.subsec_nanos() > 0)).unwrap_or(u32::MAX)
}

/// Whether a failure of a NOTIFY ends its subscription (4.2.2); 0 and 408 are silence.
pub(super) fn ends_subscription(status: u16) -> bool {
    matches!(status, 0 | 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 604)
}
