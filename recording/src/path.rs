//! Names of files. They are derived here, from ids alone; a name that was not is not opened (FT-19).

use std::path::{Path, PathBuf};

use model::CallId;

/// What a growing recording's name has in addition.
const PART: &str = ".part";

/// What the row's file is called, in addition to the recording's name.
const SIDECAR: &str = ".json";

/// What a small file's name has in addition while it is being written.
pub(crate) const FRESH: &str = ".new";

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
    /// The files of the recording called `relative`; `None` if [`RecordingRow::file_name`](model::RecordingRow::file_name) makes no such name.
    pub(crate) fn of(dir: &Path, relative: &str) -> Option<Self> {
        call_of(relative)?;
        let (day, _) = relative.rsplit_once('/')?;
        Some(Self {
            whole: dir.join(relative),
            part: dir.join(format!("{relative}{PART}")),
            sidecar: dir.join(format!("{relative}{SIDECAR}")),
            day: dir.join(day),
        })
    }
}

/// The call whose recording has this name; `None` if [`RecordingRow::file_name`](model::RecordingRow::file_name) makes no such name.
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

/// The recording that a file in a day's directory belongs to: `c_….wav` of `c_….wav.part`, `c_….wav.json` and `c_….wav.json.new`.
pub(crate) fn recording_of(file: &str) -> Option<&str> {
    file.strip_suffix(PART).or_else(|| file.strip_suffix(FRESH).unwrap_or(file).strip_suffix(SIDECAR))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use model::{RecordingRow, WallTime};

    use super::*;

    #[test]
    fn the_names_that_we_make_are_files() {
        let name = RecordingRow::file_name(CallId(77), WallTime(1_763_683_200_000));
        assert_eq!(call_of(&name), Some(CallId(77)));
        assert_eq!(Files::of(Path::new("/r"), &name).unwrap().whole, Path::new("/r/2025/11/21/c_000000000002d.wav"));
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
