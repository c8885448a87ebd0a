//! When a schedule is due: five fields of cron, in a time zone.
//!
//! Where clocks are put forward, a fixed time that does not exist that night is run at the first moment behind the gap, and what repeats
//! (`*`, `*/5`) leaves the gap out. Where clocks are put back, a fixed time is run the first time only, and what repeats runs in both hours.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use model::WallTime;

/// The most characters of a pattern: five fields with lists.
const PATTERN_CHARS_MAX: usize = 200;
/// A pattern that is not due for so long is never due: the longest that there is waits for a 29 February over the year 2100.
const AHEAD_YEARS_MAX: i32 = 9;

/// A pattern that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// It cannot be read.
    #[error("five fields are wanted (minute, hour, day, month, day of the week), such as 30 3 * * 1-5: {0}")]
    Pattern(String),
    /// No such zone.
    #[error("{0} is no time zone; write it as in Europe/Moscow")]
    Zone(String),
    /// There is no such day.
    #[error("that is never due")]
    Never,
}

/// When something is due.
#[derive(Debug, Clone)]
pub struct Times {
    cron: Cron,
    zone: Tz,
}

impl Times {
    /// Reads five fields and the name of a time zone (`Europe/Moscow`).
    ///
    /// # Errors
    /// [`CronError::Pattern`], [`CronError::Zone`].
    pub fn parse(pattern: &str, zone: &str) -> Result<Self, CronError> {
        let parsed = || {
            if pattern.len() > PATTERN_CHARS_MAX {
                return Err(format!("at most {PATTERN_CHARS_MAX} characters"));
            }
            // Nicknames (`@daily`) are left out: they would be a second way to write the same.
            if pattern.split_whitespace().count() != 5 {
                return Err("there are not five".to_owned());
            }
            let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
            parser.parse(pattern).map_err(|error| error.to_string())
        };
        let cron = parsed().map_err(CronError::Pattern)?;
        Ok(Self { cron, zone: time_zone(zone)? })
    }

    /// The next time after `now`.
    ///
    /// # Errors
    /// [`CronError::Never`].
    pub fn next_after(&self, now: WallTime) -> Result<WallTime, CronError> {
        use chrono::Datelike as _;
        let now = DateTime::<Utc>::from_timestamp_millis(now.0).ok_or(CronError::Never)?.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&now, false).map_err(|_| CronError::Never)?;
        if next.year() - now.year() > AHEAD_YEARS_MAX {
            return Err(CronError::Never);
        }
        Ok(WallTime(next.timestamp_millis()))
    }
}

/// The time zone with this name.
///
/// # Errors
/// [`CronError::Zone`].
pub fn time_zone(name: &str) -> Result<Tz, CronError> {
    name.parse().map_err(|_| CronError::Zone(name.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn ms(text: &str) -> WallTime {
        WallTime(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    /// The next times after a moment, as that zone's clocks show them.
    fn check(pattern: &str, zone: &str, after: &str, expected: &[&str]) {
        let times = Times::parse(pattern, zone).unwrap();
        let (mut at, mut found) = (ms(after), Vec::new());
        for _ in expected {
            at = times.next_after(at).unwrap();
            found.push(DateTime::<Utc>::from_timestamp_millis(at.0).unwrap().with_timezone(&times.zone).to_rfc3339());
        }
        assert_eq!(found, expected, "{pattern} in {zone}");
    }

    #[test]
    fn a_pattern_is_due_by_the_clocks_of_its_zone() {
        check("30 3 * * *", "UTC", "2026-11-21T03:29:59Z", &["2026-11-21T03:30:00+00:00", "2026-11-22T03:30:00+00:00"]);
        check("30 3 * * *", "UTC", "2026-11-21T03:30:00Z", &["2026-11-22T03:30:00+00:00"]);
        check("30 3 * * *", "Europe/Moscow", "2026-11-21T00:29:00Z", &["2026-11-21T03:30:00+03:00"]);
        check("0 9 * * 1-5", "Asia/Yekaterinburg", "2026-11-20T05:00:00Z", &["2026-11-23T09:00:00+05:00", "2026-11-24T09:00:00+05:00"]);
        check("0 0 1 * *", "UTC", "2026-12-15T00:00:00Z", &["2027-01-01T00:00:00+00:00", "2027-02-01T00:00:00+00:00"]);
        check("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", &["2104-02-29T00:00:00+00:00"]);
        check(
            "*/20 8,20 * * *",
            "UTC",
            "2026-01-01T08:20:00Z",
            &["2026-01-01T08:40:00+00:00", "2026-01-01T20:00:00+00:00", "2026-01-01T20:20:00+00:00"],
        );
        // A time of which the seconds are not whole is passed as well.
        check("* * * * *", "UTC", "2026-01-01T00:00:59.999Z", &["2026-01-01T00:01:00+00:00", "2026-01-01T00:02:00+00:00"]);
    }

    #[test]
    fn where_clocks_are_put_forward_nothing_is_lost() {
        // Berlin, 29 March 2026: 02:00 is 03:00.
        check("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]);
        check("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", &["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]);
    }

    #[test]
    fn where_clocks_are_put_back_nothing_is_done_twice() {
        // Berlin, 25 October 2026: 03:00 is 02:00.
        check("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]);
        check(
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:00:00Z",
            &["2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"],
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in
            ["", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "a b c d e", "*/0 * * * *", "@a b c d e"]
        {
            assert!(matches!(Times::parse(wrong, "UTC"), Err(CronError::Pattern(_))), "{wrong}");
        }
        assert!(matches!(Times::parse(&format!("{} * * * *", "1,".repeat(100)), "UTC"), Err(CronError::Pattern(_))));
        for wrong in ["", "Moscow", "europe/moscow", "+03:00", "../../etc/passwd"] {
            assert!(matches!(Times::parse("* * * * *", wrong), Err(CronError::Zone(_))), "{wrong}");
        }
        let started = std::time::Instant::now();
        assert_eq!(Times::parse("0 0 30 2 *", "UTC").unwrap().next_after(ms("2026-01-01T00:00:00Z")), Err(CronError::Never));
        // A search that goes on for thousands of years must not stop the program.
        assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    }
}
