//! Names of files. They are derived here, from ids alone; a name that was not is not opened (FT-19).

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use model::{CallId, WallTime};

/// What a growing recording's name has in addition.
const PART: &str = ".part";

/// The name of a call's recording below the recording directory: `2026/11/21/c_….wav`, the date in UTC.
#[must_use]
pub fn relative_path(call: CallId, started_at: WallTime) -> String {
    let since_epoch = Duration::from_millis(u64::try_from(started_at.0).unwrap_or(0));
    let (year, month, day) = civil(since_epoch.as_secs() / 86_400);
    format!("{year:04}/{month:02}/{day:02}/{call}.wav")
}

/// The day this many days after 1970-01-01, at most the last one of the year 9999.
fn civil(days: u64) -> (u64, u64, u64) {
    // Days are counted from 0000-03-01, so that the leap day is the last of its year (H. Hinnant, "chrono-compatible low-level date algorithms").
    const TO_1970: u64 = 719_468;
    const DAYS_MAX: u64 = 2_932_896;
    let days = days.min(DAYS_MAX) + TO_1970;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The files of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// The closed recording.
    pub(crate) whole: PathBuf,
    /// The growing one.
    pub(crate) part: PathBuf,
    /// The row.
    pub(crate) sidecar: PathBuf,
    /// The directory that they lie in.
    pub(crate) day: PathBuf,
}

impl Files {
    /// The files of the recording called `relative`; `None` if [`relative_path`] makes no such name.
    pub(crate) fn of(dir: &Path, relative: &str) -> Option<Self> {
        call_of(relative)?;
        let (day, _) = relative.rsplit_once('/')?;
        Some(Self {
            whole: dir.join(relative),
            part: dir.join(format!("{relative}{PART}")),
            sidecar: dir.join(format!("{}.json", relative)),
            day: dir.join(day),
        })
    }
}

/// The call whose recording has this name; `None` if [`relative_path`] makes no such name.
pub(crate) fn call_of(relative: &str) -> Option<CallId> {
    let mut pieces = relative.split('/');
    let (year, month, day, name) = (pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?);
    let dated = is_number(year, 4) && is_number(month, 2) && is_number(day, 2) && pieces.next().is_none();
    let call: CallId = name.strip_suffix(".wav")?.parse().ok()?;
    // Written and read again it must be the same, so that a call has one name only.
    (dated && call.to_string().len() + 4 == name.len()).then_some(call)
}

/// Whether a text is a number of so many digits: the name of a year's, month's or day's directory.
pub(crate) fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// The recording that a file in a day's directory belongs to: `c_….wav` of `c_….wav.part` and `c_….wav.json`.
pub(crate) fn recording_of(file: &str) -> Option<&str> {
    file.strip_suffix(PART).or_else(|| file.strip_suffix(".json"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_carry_the_day() {
        for (ms, day) in [
            (0, "1970/01/01"),
            (-5, "1970/01/01"),
            (86_399_999, "1970/01/01"),
            (86_400_000, "1970/01/02"),
            (951_782_400_000, "2000/02/29"),
            (951_868_800_000, "2000/03/01"),
            (1_763_683_200_000, "2025/11/21"),
            (1_798_761_599_999, "2026/12/31"),
            (4_107_542_400_000, "2100/03/01"),
            (i64::MAX, "9999/12/31"),
        ] {
            let path = relative_path(CallId(77), WallTime(ms));
            assert_eq!(path, format!("{day}/c_000000000002d.wav"), "{ms}");
            assert_eq!(call_of(&path), Some(CallId(77)));
        }
    }

    #[test]
    fn only_names_of_our_own_making_are_files() {
        let dir = Path::new("/r");
        assert_eq!(Files::of(dir, "2026/11/21/c_000000000002d.wav").unwrap().part, Path::new("/r/2026/11/21/c_000000000002d.wav.part"));
        for wrong in [
            "",
            "c_000000000002d.wav",
            "/2026/11/21/c_000000000002d.wav",
            "../../11/21/c_000000000002d.wav",
            "2026/11/../c_000000000002d.wav",
            "2026/11/21/../../../etc/passwd",
            "2026/11/21/c_000000000002d.wav.part",
            "2026/11/21/c_000000000002d.json",
            "2026/11/21/c_000000000002d.wav\0",
            "2026/11/21/C_000000000002D.wav",
            "2026\\11\\21\\c_000000000002d.wav",
            "2026/11/21/%2e%2e/c_000000000002d.wav",
            "２０２６/11/21/c_000000000002d.wav",
            "2026/1/21/c_000000000002d.wav",
        ] {
            assert_eq!(Files::of(dir, wrong), None, "{wrong:?}");
        }
    }
}
