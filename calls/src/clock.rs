//! Wall time from monotonic time.

use std::time::Instant;

use model::WallTime;

/// One moment known in both times. Later moments are this one's wall time plus a monotonic difference,
/// so that a step of the machine's clock cannot make a call's duration wrong (FT-10).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) mono: Instant,
    pub(crate) wall: WallTime,
}

impl Anchor {
    /// The wall time of `now`.
    pub(crate) fn wall(&self, now: Instant) -> WallTime {
        match now.checked_duration_since(self.mono) {
            Some(later) => self.wall.after(later),
            None => {
                let earlier = self.mono.saturating_duration_since(now).as_millis();
                WallTime(self.wall.0.saturating_sub(i64::try_from(earlier).unwrap_or(i64::MAX)))
            }
        }
    }

    /// The moment of `wall`; none if it lies before what `Instant` can hold.
    pub(crate) fn mono(&self, wall: WallTime) -> Option<Instant> {
        let ahead = wall.0.saturating_sub(self.wall.0);
        let span = std::time::Duration::from_millis(ahead.unsigned_abs());
        if ahead >= 0 { self.mono.checked_add(span) } else { self.mono.checked_sub(span) }
    }
}
