//! Leases, and the wall clock as seen from here.

use std::time::{Duration, Instant};

use model::{UserId, WallTime};

/// A person's hold on a slot (R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Who holds the slot.
    pub(crate) holder: UserId,
    /// Without another sign of life of the holder the lease ends here, unless a call is up.
    pub(crate) alive_until: Instant,
}

/// A moment known by both clocks, from which wall times are computed.
///
/// Wall time is the anchor's plus a monotonic difference, so that a step of the machine's clock moves nothing here (FT-10).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    /// The moment by the monotonic clock.
    pub(crate) instant: Instant,
    /// The same moment by the wall clock.
    pub(crate) wall: WallTime,
}

impl Anchor {
    /// The wall time at `now`.
    pub(crate) fn at(self, now: Instant) -> WallTime {
        match now.checked_duration_since(self.instant) {
            Some(span) => self.wall.after(span),
            None => self.before(self.instant.saturating_duration_since(now)),
        }
    }

    fn before(self, span: Duration) -> WallTime {
        WallTime(self.wall.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}
