//! A clock of the server's own that a test moves: Debian's faketime, preloaded into the process. Its monotonic clock stays true, as after a step
//! of the real one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};

/// The clock of one server. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    file: Arc<tempfile::NamedTempFile>,
    library: PathBuf,
}

impl Clock {
    /// A clock that is right.
    ///
    /// # Errors
    /// When faketime is not installed.
    pub fn start() -> Result<Self> {
        let library = library().context("no libfaketime: scripts/setup-tests.sh installs it (Debian's faketime)")?;
        let clock = Self { file: Arc::new(tempfile::NamedTempFile::new()?), library };
        clock.step(0)?;
        Ok(clock)
    }

    /// From now on it is wrong by so many seconds.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn step(&self, seconds: i64) -> Result<()> {
        // In one step, so that the process never reads half of it.
        let fresh = self.path().with_extension("new");
        fs::write(&fresh, format!("{seconds:+}\n"))?;
        Ok(fs::rename(fresh, self.path())?)
    }

    /// What makes a process live by it.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.path().to_owned()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Where Debian puts it: /usr/lib/x86_64-linux-gnu/faketime.
pub(crate) fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_lives_by_it() -> Result<()> {
        let clock = Clock::start()?;
        let seconds = |clock: Option<&Clock>| -> Result<i64> {
            let mut date = Command::new("date");
            date.arg("+%s").envs(clock.map(Clock::environment).into_iter().flatten());
            Ok(String::from_utf8(date.output()?.stdout)?.trim().parse()?)
        };
        for step in [0, 3600, -3600] {
            clock.step(step)?;
            let wrong = seconds(Some(&clock))? - seconds(None)?;
            assert!((wrong - step).abs() <= 2, "off by {wrong} s instead of {step} s");
        }
        Ok(())
    }
}
