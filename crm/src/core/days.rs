//! Days as people in a place count them, for reports and statistics.
//!
//! A day begins at the first moment that its clocks show 00:00, or the first moment behind it where that time is skipped. The next day ends it.
//! So each moment is in one day, whatever the clocks do: a day has 23, 24 or 25 hours, and one that a place left out has none.

use std::{fmt, ops::Range, str::FromStr};

use chrono::{DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use model::WallTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest period of a report, in days.
pub const PERIOD_DAYS_MAX: u32 = 366;

/// The first and the last year of which there are days.
const YEARS: Range<i32> = 1970..10_000;
/// No clock is further than this from UTC, and none is put forward by more (Samoa left out a day in 2011).
const REACH_H: i64 = 26;

/// A date, of the years 1970 to 9999. Written `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// A text or number that is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a date is written as in 2026-11-22")]
pub struct NoDay;

/// Days from the first to the last, both included: at most [`PERIOD_DAYS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    first: Day,
    last: Day,
}

/// Days that are no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPeriod {
    /// The last day is before the first.
    #[error("it ends before it begins")]
    Backwards,
    /// It is longer than a report may be.
    #[error("it has more than {PERIOD_DAYS_MAX} days")]
    TooLong,
}

impl Day {
    /// The day that holds this moment in a place. Moments before 1970 and behind 9999 are of the first and the last day.
    #[must_use]
    pub fn of(at: WallTime, zone: Tz) -> Self {
        let date = match DateTime::<Utc>::from_timestamp_millis(at.0) {
            Some(at) => Self::within(at.with_timezone(&zone).date_naive()),
            None => Self::within(if at.0 < 0 { NaiveDate::MIN } else { NaiveDate::MAX }),
        };
        // Where clocks are put back over midnight, they show the day before once more.
        let next = date.next();
        if next.start(zone) <= at && next != date { next } else { date }
    }

    /// The day with this date.
    ///
    /// # Errors
    /// [`NoDay`].
    pub fn on(date: NaiveDate) -> Result<Self, NoDay> {
        if YEARS.contains(&date.year()) { Ok(Self(date)) } else { Err(NoDay) }
    }

    /// From the first moment of it in a place to before the first of the next day.
    #[must_use]
    pub fn span(self, zone: Tz) -> Range<WallTime> {
        self.start(zone)..self.end(zone)
    }

    /// The date as one number, `20261122`: how it stands in the database.
    #[must_use]
    pub fn number(self) -> i64 {
        i64::from(self.0.year()) * 10_000 + i64::from(self.0.month()) * 100 + i64::from(self.0.day())
    }

    /// The date that [`Day::number`] made this number of.
    ///
    /// # Errors
    /// [`NoDay`].
    pub fn from_number(number: i64) -> Result<Self, NoDay> {
        let part = |number: i64| u32::try_from(number).map_err(|_| NoDay);
        let year = i32::try_from(number.div_euclid(10_000)).map_err(|_| NoDay)?;
        let (month, day) = (part(number.rem_euclid(10_000) / 100)?, part(number.rem_euclid(100))?);
        NaiveDate::from_ymd_opt(year, month, day).ok_or(NoDay).and_then(Self::on)
    }

    /// The next date; of the last one itself.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.checked_add_days(Days::new(1)).map_or(self, Self::within)
    }

    /// The date so many days before; of those that are too many, the first one.
    #[must_use]
    pub fn back(self, days: u64) -> Self {
        Self::within(self.0.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN))
    }

    /// A moment of this date by the clocks of a place. A time that is skipped is the first moment behind, one that comes twice the first.
    #[must_use]
    pub fn at(self, time: NaiveTime, zone: Tz) -> WallTime {
        WallTime(first_moment(self.0.and_time(time), zone).timestamp_millis())
    }

    fn start(self, zone: Tz) -> WallTime {
        self.at(NaiveTime::MIN, zone)
    }

    fn end(self, zone: Tz) -> WallTime {
        let next = self.next();
        // The last day of all has no next one.
        if next == self { self.start(zone).after(std::time::Duration::from_secs(86_400)) } else { next.start(zone) }
    }

    fn within(date: NaiveDate) -> Self {
        let least = NaiveDate::from_ymd_opt(YEARS.start, 1, 1).unwrap_or_default();
        let most = NaiveDate::from_ymd_opt(YEARS.end - 1, 12, 31).unwrap_or_default();
        Self(date.clamp(least, most))
    }
}

impl Period {
    /// The days from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`NoPeriod`].
    pub fn new(first: Day, last: Day) -> Result<Self, NoPeriod> {
        match last.0.signed_duration_since(first.0).num_days() {
            ..0 => Err(NoPeriod::Backwards),
            days if days < i64::from(PERIOD_DAYS_MAX) => Ok(Self { first, last }),
            _ => Err(NoPeriod::TooLong),
        }
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> Day {
        self.first
    }

    /// Its last day.
    #[must_use]
    pub fn last(self) -> Day {
        self.last
    }

    /// Its days, one after the other.
    pub fn days(self) -> impl Iterator<Item = Day> {
        std::iter::successors(Some(self.first), |day| Some(day.next()).filter(|next| next != day)).take_while(move |day| *day <= self.last)
    }

    /// From its first moment in a place to before the first moment behind it.
    #[must_use]
    pub fn span(self, zone: Tz) -> Range<WallTime> {
        self.first.start(zone)..self.last.end(zone)
    }
}

/// The first moment at which clocks in a place show `local` or later.
fn first_moment(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at.with_timezone(&Utc),
        MappedLocalTime::None => {
            // The clocks are put forward over it: the moment at which this is done lies between these two, and they differ from UTC by what is
            // the case before and behind.
            let (mut before, mut behind) = (local.and_utc().timestamp() - REACH_H * 3_600, local.and_utc().timestamp() + REACH_H * 3_600);
            let offset =
                |at: i64| DateTime::from_timestamp(at, 0).map(|at| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc());
            let new = offset(behind);
            while behind - before > 1 {
                let middle = before + (behind - before) / 2;
                if offset(middle) == new { behind = middle } else { before = middle }
            }
            DateTime::from_timestamp(behind, 0).unwrap_or_else(|| local.and_utc())
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let is_written_so = text.len() == 10 && text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'-');
        if is_written_so { text.parse().map_err(|_| NoDay).and_then(Self::on) } else { Err(NoDay) }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    /// Zones that change at midnight, by half an hour, by a day, or not at all.
    const ZONES: [&str; 10] = [
        "UTC",
        "Europe/Moscow",
        "Europe/Berlin",
        "America/Havana",
        "Africa/Cairo",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
        "Asia/Kathmandu",
    ];

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> WallTime {
        WallTime(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    #[test]
    fn a_day_has_as_many_hours_as_the_clocks_give_it() {
        for (zone, date, start, hours) in [
            ("UTC", "2026-11-22", "2026-11-22T00:00:00Z", 24),
            ("Europe/Moscow", "2026-11-22", "2026-11-21T21:00:00Z", 24),
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23),
            ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25),
            // 00:00 to 01:00 comes twice.
            ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", 25),
            // 00:00 to 01:00 does not come.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23),
            // At 00:00 it is 23:00 of the day before once more.
            ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 25),
            // At 00:01 it is 23:01 of the day before once more.
            ("America/St_Johns", "2010-11-06", "2010-11-06T02:30:00Z", 24),
            ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", 25),
            ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24),
            // This day was left out.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24),
        ] {
            let span = day(date).span(zone.parse().unwrap());
            assert_eq!(span, utc(start)..WallTime(utc(start).0 + hours * HOUR), "{date} in {zone}");
        }
        let shown_twice = utc("2010-11-07T03:00:00Z");
        assert_eq!(Day::of(shown_twice, "America/St_Johns".parse().unwrap()), day("2010-11-07"), "it is 23:30 of the sixth there");
        let lord_howe = day("2026-10-04").span("Australia/Lord_Howe".parse().unwrap());
        assert_eq!(lord_howe.end.0 - lord_howe.start.0, 23 * HOUR + HOUR / 2);
    }

    #[test]
    fn a_time_of_a_day_is_that_of_its_clocks() {
        let at = |date: &str, h, min, zone: &str| day(date).at(NaiveTime::from_hms_opt(h, min, 0).unwrap(), zone.parse().unwrap());
        assert_eq!(at("2026-11-22", 9, 0, "Europe/Moscow"), utc("2026-11-22T06:00:00Z"));
        assert_eq!(at("2026-03-29", 2, 30, "Europe/Berlin"), utc("2026-03-29T01:00:00Z"), "it is skipped");
        assert_eq!(at("2026-10-25", 2, 30, "Europe/Berlin"), utc("2026-10-25T00:30:00Z"), "it comes twice");
    }

    #[test]
    fn a_date_is_read_as_it_is_written() {
        assert_eq!(day("2026-11-22").number(), 20_261_122);
        assert_eq!(Day::from_number(20_240_229), Ok(day("2024-02-29")));
        for wrong in [0, -20_240_229, 20_230_229, 20_241_301, 20_240_100, 19_691_231, 100_000_101, i64::MIN, i64::MAX] {
            assert_eq!(Day::from_number(wrong), Err(NoDay), "{wrong}");
        }
        assert_eq!(serde_json::to_string(&day("1970-01-01")).unwrap(), r#""1970-01-01""#);
        for wrong in ["", "2026-11-31", "2026-1-1", "22.11.2026", "+12026-11-22", "1969-12-31", "2026-11-22 ", "2026-11-22T00:00:00Z"] {
            assert!(serde_json::from_value::<Day>(wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_period_has_a_beginning_an_end_and_a_measure() {
        let period = Period::new(day("2026-02-27"), day("2026-03-01")).unwrap();
        let days: Vec<_> = period.days().map(|day| day.to_string()).collect();
        assert_eq!(days, ["2026-02-27", "2026-02-28", "2026-03-01"]);
        assert_eq!(period.span(Tz::UTC), utc("2026-02-27T00:00:00Z")..utc("2026-03-02T00:00:00Z"));
        assert_eq!(Period::new(day("2026-11-22"), day("2026-11-22")).unwrap().days().count(), 1);
        assert_eq!(Period::new(day("2026-11-22"), day("2026-11-21")), Err(NoPeriod::Backwards));
        assert_eq!(Period::new(day("2024-01-01"), day("2024-12-31")).unwrap().days().count(), 366);
        assert_eq!(Period::new(day("2024-01-01"), day("2025-01-01")), Err(NoPeriod::TooLong));
        assert_eq!(day("2026-03-01").back(1), day("2026-02-28"));
        assert_eq!((day("1970-01-05").back(9), day("2026-03-01").back(u64::MAX)), (day("1970-01-01"), day("1970-01-01")));
        assert_eq!(Period::new(day("9999-12-30"), day("9999-12-31")).unwrap().days().count(), 2);
    }

    #[test]
    fn the_ends_of_time_have_days() {
        for zone in ZONES {
            let zone: Tz = zone.parse().unwrap();
            assert_eq!(Day::of(WallTime(i64::MIN), zone), day("1970-01-01"));
            assert_eq!(Day::of(WallTime(i64::MAX), zone), day("9999-12-31"));
            assert!(!day("9999-12-31").span(zone).is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A moment is in the span of its day and of no other, and days follow each other without a gap.
        #[test]
        fn each_moment_is_in_one_day(at in 86_400_000..2_500_000_000_000_i64, zone in 0..ZONES.len()) {
            let zone: Tz = ZONES[zone].parse().unwrap();
            let found = Day::of(WallTime(at), zone);
            let span = found.span(zone);
            prop_assert!(span.contains(&WallTime(at)), "{} {:?} {}", found, span, at);
            prop_assert_eq!(Day::of(span.start, zone), found);
            prop_assert_eq!(Day::of(WallTime(span.end.0 - 1), zone), found);
            prop_assert_eq!(found.next().span(zone).start, span.end);
        }

        /// The same around each change of the clocks, which a moment at random seldom meets: every quarter of an hour of three days.
        #[test]
        fn so_it_is_where_clocks_change(day in 0..20_000_i64, zone in 0..ZONES.len()) {
            let zone: Tz = ZONES[zone].parse().unwrap();
            for quarter in 0..3 * 96 {
                let at = WallTime((day + 1) * 24 * HOUR + quarter * HOUR / 4);
                prop_assert!(Day::of(at, zone).span(zone).contains(&at), "{}", at.0);
            }
        }
    }
}
