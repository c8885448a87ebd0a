//! Wall-clock time as data. Nobody here reads a clock.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, the one form of time on the wire and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub i64);

impl WallTime {
    /// This moment moved forward by `span`, at most to the end of time.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this moment; 0 if `earlier` is later.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Year, month (1 to 12) and day (1 to 31) in UTC, by the proleptic Gregorian calendar.
    #[must_use]
    pub fn utc_date(self) -> (i64, i64, i64) {
        // Days are counted from 1 March of year 0, so that the leap day is a year's last; 400 years are 146,097 days.
        let days = self.0.div_euclid(86_400_000) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (era * 400 + year_of_era + i64::from(month <= 2), month, day)
    }
}

/// A moment known by both clocks, from which wall times are computed: the anchor's plus a monotonic difference,
/// so that a step of the machine's clock moves nothing that began before it (FT-10).
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// The moment by the monotonic clock.
    pub mono: Instant,
    /// The same moment by the wall clock.
    pub wall: WallTime,
}

impl Anchor {
    /// The wall time at `now`.
    #[must_use]
    pub fn wall(&self, now: Instant) -> WallTime {
        match now.checked_duration_since(self.mono) {
            Some(later) => self.wall.after(later),
            None => {
                let earlier = self.mono.saturating_duration_since(now).as_millis();
                WallTime(self.wall.0.saturating_sub(i64::try_from(earlier).unwrap_or(i64::MAX)))
            }
        }
    }

    /// The monotonic moment of `wall`; none if it lies outside of what `Instant` can hold.
    #[must_use]
    pub fn mono(&self, wall: WallTime) -> Option<Instant> {
        let ahead = wall.0.saturating_sub(self.wall.0);
        let span = Duration::from_millis(ahead.unsigned_abs());
        if ahead >= 0 { self.mono.checked_add(span) } else { self.mono.checked_sub(span) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_found_in_utc() {
        let cases = [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (951_782_400_000, (2000, 2, 29)),
            (951_868_800_000, (2000, 3, 1)),
            (1_709_164_799_999, (2024, 2, 28)),
            (1_763_683_200_000, (2025, 11, 21)),
            (4_107_542_400_000, (2100, 3, 1)),
        ];
        for (at, date) in cases {
            assert_eq!(WallTime(at).utc_date(), date, "{at}");
        }
    }

    #[test]
    fn a_span_is_never_negative() {
        assert_eq!(WallTime(5).ms_since(WallTime(9)), 0);
        assert_eq!(WallTime(i64::MIN).ms_since(WallTime(i64::MAX)), 0);
        assert_eq!(WallTime(i64::MAX).after(Duration::MAX), WallTime(i64::MAX));
    }
}
