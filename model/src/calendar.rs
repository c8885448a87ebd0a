//! When somebody works: one pure calendar for routes, dialling windows and times of service (R31).
//!
//! A calendar is open exactly while the clock on the wall there shows a time within its hours.
//! In the hour that a clock change repeats, both passes of a time have the same answer; a time that is skipped never comes.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Problem, WallTime, problem::Problems};

/// Work hours of a place: a week, and the days that are not like it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"zone\": \"Europe/Moscow\", \"week\": {\"mon\": [\"09:00-18:00\"]}}")]
pub struct Calendar {
    /// The place's time zone, by its IANA name: `Europe/Moscow`.
    pub zone: Zone,
    /// The hours of each weekday. A day that is not listed is closed.
    #[serde(default)]
    pub week: BTreeMap<Day, Vec<Span>>,
    /// Holidays and other days with hours of their own, at most [`Calendar::SPECIAL_MAX`].
    ///
    /// On such a day its own hours alone count: what the day before has past midnight ends at midnight.
    /// A date with a year goes before the same date of every year.
    #[serde(default)]
    pub special: Vec<SpecialDay>,
}

/// A day with hours of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"date\": \"01-01\"}")]
pub struct SpecialDay {
    /// Which day: `2026-12-31`, or `12-31` in every year.
    pub date: SpecialDate,
    /// What people call it; may be empty.
    #[serde(default)]
    pub name: String,
    /// Its hours; none: closed all day.
    #[serde(default)]
    pub hours: Vec<Span>,
}

/// A time zone of the IANA database, written as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

/// A weekday: `mon` to `sun`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are the days of the week")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Hours from one time of day until another, which is the first one outside: `09:00-18:00`.
///
/// An end that is not after the start lies on the next day (`22:00-06:00`); `24:00` is the midnight at the day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Minutes from the day's midnight, 0 to 1439.
    from: u16,
    /// Minutes from the same midnight: more than `from`, at most a day more.
    until: u16,
}

/// A date of one year (`2026-12-31`) or of all years (`12-31`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpecialDate {
    year: Option<i32>,
    month: u32,
    day: u32,
}

/// A text that names no time zone, hours or date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseCalendarError {
    /// No such zone.
    #[error("no time zone of the IANA database: it is written as Europe/Moscow")]
    Zone,
    /// No hours.
    #[error("hours are written as 09:00-18:00; an end of 24:00 is midnight, and an earlier end than start is on the next day")]
    Span,
    /// Nothing lies between start and end.
    #[error("hours that end when they start; the whole day is 00:00-24:00")]
    Empty,
    /// No date.
    #[error("a date is written as 2026-12-31, or as 12-31 for every year")]
    Date,
}

/// The minutes of a day.
const DAY: u16 = 24 * 60;

impl Calendar {
    /// The most hours of one day.
    pub const SPANS_MAX: usize = 12;
    /// The most special days.
    pub const SPECIAL_MAX: usize = 400;
    /// The most characters of a special day's name.
    pub const NAME_MAX: usize = 100;
    /// How far [`Calendar::next_change`] looks ahead, in days: over a year, so that a yearly day is found.
    pub const AHEAD_DAYS: u32 = 400;

    /// Always open.
    #[must_use]
    pub fn always(zone: Zone) -> Self {
        let days = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        Self { zone, week: days.into_iter().map(|day| (day, vec![Span { from: 0, until: DAY }])).collect(), special: Vec::new() }
    }

    /// Whether it is open at this moment. Never at a moment outside of the years that a calendar has.
    #[must_use]
    pub fn is_open(&self, at: WallTime) -> bool {
        self.local(at).is_some_and(|local| self.is_open_by_clock(local))
    }

    /// The next moment after this one at which it opens if it is closed now, or closes if it is open now;
    /// none if there is none within [`Calendar::AHEAD_DAYS`].
    #[must_use]
    pub fn next_change(&self, at: WallTime) -> Option<WallTime> {
        let open = self.is_open(at);
        let mut now = DateTime::from_timestamp_millis(at.0)?;
        let end = now.checked_add_days(Days::new(u64::from(Self::AHEAD_DAYS)))?;
        while now < end {
            now = self.next_boundary(now)?;
            let at = WallTime(now.timestamp_millis());
            if self.is_open(at) != open {
                return Some(at);
            }
        }
        None
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check(&mut problems);
        problems.found()
    }

    /// Adds everything that is wrong with it.
    pub(crate) fn check(&self, problems: &mut Problems) {
        problems.field("week", |problems| {
            for (day, hours) in &self.week {
                check_hours(problems, day.name(), hours);
            }
        });
        let mut seen = BTreeMap::new();
        problems.list("special", &self.special, Self::SPECIAL_MAX, |problems, special| {
            if !special.name.is_empty() {
                problems.text("name", &special.name, Self::NAME_MAX);
            }
            if seen.insert(special.date, ()).is_some() {
                problems.field("date", |problems| problems.add(format!("{} stands twice", special.date)));
            }
            check_hours(problems, "hours", &special.hours);
        });
    }

    /// The name of the special day at this moment; none on an ordinary day.
    #[must_use]
    pub fn special_day(&self, at: WallTime) -> Option<&SpecialDay> {
        self.special_on(self.local(at)?.date())
    }

    /// What the clock on the wall shows.
    fn local(&self, at: WallTime) -> Option<NaiveDateTime> {
        let utc = DateTime::from_timestamp_millis(at.0)?.naive_utc();
        utc.checked_add_offset(self.zone.0.offset_from_utc_datetime(&utc).fix())
    }

    fn is_open_by_clock(&self, local: NaiveDateTime) -> bool {
        let minute = minute_of(local);
        if self.hours(local.date()).iter().any(|span| span.from <= minute && minute < span.until) {
            return true;
        }
        // Past midnight the hours of the day before go on, unless this day has its own rules.
        let Some(before) = local.date().pred_opt() else { return false };
        self.special_on(local.date()).is_none() && self.hours(before).iter().any(|span| minute + DAY < span.until)
    }

    fn hours(&self, date: NaiveDate) -> &[Span] {
        match self.special_on(date) {
            Some(special) => &special.hours,
            None => self.week.get(&Day::of(date.weekday())).map_or(&[], Vec::as_slice),
        }
    }

    fn special_on(&self, date: NaiveDate) -> Option<&SpecialDay> {
        let on =
            |special: &&SpecialDay, year| special.date.year == year && special.date.month == date.month() && special.date.day == date.day();
        let once = self.special.iter().find(|special| on(special, Some(date.year())));
        once.or_else(|| self.special.iter().find(|special| on(special, None)))
    }

    /// The next moment at which something could change: the clock comes to a start, an end or midnight, or is put forward or back.
    fn next_boundary(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.local(WallTime(now.timestamp_millis()))?;
        let minute = minute_of(local);
        let yesterday = local.date().pred_opt().map_or(&[][..], |date| self.hours(date));
        let ends = yesterday.iter().filter_map(|span| span.until.checked_sub(DAY));
        let today = self.hours(local.date()).iter().flat_map(|span| [span.from, span.until]);
        let next = today.chain(ends).filter(|boundary| *boundary > minute && *boundary < DAY).min().unwrap_or(DAY);
        let midnight = local.date().and_time(NaiveTime::MIN);
        let ahead = midnight.checked_add_signed(TimeDelta::minutes(next.into()))?.signed_duration_since(local);
        let then = now.checked_add_signed(ahead)?;
        let offset = |at: DateTime<Utc>| self.zone.0.offset_from_utc_datetime(&at.naive_utc()).fix();
        if offset(then) == offset(now) {
            return Some(then);
        }
        // The clock is changed on the way: find the first moment with another offset, to the millisecond.
        let (mut before, mut after) = (now.timestamp_millis(), then.timestamp_millis());
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(DateTime::from_timestamp_millis(middle)?) == offset(now) { before = middle } else { after = middle }
        }
        DateTime::from_timestamp_millis(after)
    }
}

fn minute_of(local: NaiveDateTime) -> u16 {
    u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0)
}

fn check_hours(problems: &mut Problems, name: &str, hours: &[Span]) {
    let mut sorted = hours.to_vec();
    sorted.sort();
    problems.list(name, hours, Calendar::SPANS_MAX, |_, _| ());
    problems.field(name, |problems| {
        for (one, next) in sorted.iter().zip(sorted.iter().skip(1)) {
            if next.from < one.until {
                problems.add(format!("{one} and {next} overlap"));
            }
        }
    });
}

impl Day {
    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Mon,
            Weekday::Tue => Self::Tue,
            Weekday::Wed => Self::Wed,
            Weekday::Thu => Self::Thu,
            Weekday::Fri => Self::Fri,
            Weekday::Sat => Self::Sat,
            Weekday::Sun => Self::Sun,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

impl FromStr for Zone {
    type Err = ParseCalendarError;

    fn from_str(text: &str) -> Result<Self, ParseCalendarError> {
        text.parse().map(Self).map_err(|_| ParseCalendarError::Zone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Span {
    type Err = ParseCalendarError;

    fn from_str(text: &str) -> Result<Self, ParseCalendarError> {
        let (from, until) = text.split_once('-').ok_or(ParseCalendarError::Span)?;
        let (from, until) = (time_of_day(from.trim())?, time_of_day(until.trim())?);
        match (from, until) {
            (DAY, _) => Err(ParseCalendarError::Span),
            (from, until) if from == until => Err(ParseCalendarError::Empty),
            (from, until) if until < from => Ok(Self { from, until: until + DAY }),
            (from, until) => Ok(Self { from, until }),
        }
    }
}

/// `09:30`, or `24:00`, in minutes.
fn time_of_day(text: &str) -> Result<u16, ParseCalendarError> {
    let number = |text: &str| match text.len() {
        2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u16>().map_err(|_| ParseCalendarError::Span),
        _ => Err(ParseCalendarError::Span),
    };
    let (hour, minute) = text.split_once(':').ok_or(ParseCalendarError::Span)?;
    match (number(hour)?, number(minute)?) {
        (24, 0) => Ok(DAY),
        (hour @ 0..24, minute @ 0..60) => Ok(hour * 60 + minute),
        _ => Err(ParseCalendarError::Span),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = if self.until > DAY { self.until - DAY } else { self.until };
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, until / 60, until % 60)
    }
}

impl FromStr for SpecialDate {
    type Err = ParseCalendarError;

    fn from_str(text: &str) -> Result<Self, ParseCalendarError> {
        let wrong = ParseCalendarError::Date;
        // A leap year stands for every year: 02-29 is a day, in those years that have it.
        let (year, whole) = match text.len() {
            10 => (true, text.to_owned()),
            5 => (false, format!("2024-{text}")),
            _ => return Err(wrong),
        };
        if !whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return Err(wrong);
        }
        let date = NaiveDate::parse_from_str(&whole, "%Y-%m-%d").map_err(|_| wrong)?;
        Ok(Self { year: year.then(|| date.year()), month: date.month(), day: date.day() })
    }
}

impl fmt::Display for SpecialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(year) = self.year {
            write!(f, "{year:04}-")?;
        }
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Zone, Span, SpecialDate);

#[cfg(test)]
mod tests;
