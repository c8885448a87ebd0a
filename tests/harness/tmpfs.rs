//! A small disk: a tmpfs over a directory, so that a full disk can be had without filling the machine's. Needs the right to mount, which a test in a
//! [`crate::namespace`] has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// A mounted one. Unmounted when dropped, with what is on it.
#[derive(Debug)]
pub struct Tmpfs {
    dir: tempfile::TempDir,
}

impl Tmpfs {
    /// Mounts one of `mebibytes` over a fresh directory.
    ///
    /// # Errors
    /// When the right to mount is missing.
    pub fn mount(mebibytes: u32) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordboard-disk-").tempdir()?;
        let options = format!("size={mebibytes}m,mode=0755");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).status()?;
        ensure!(status.success(), "no tmpfs can be mounted here: {status}");
        Ok(Self { dir })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Octets that are free.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn free(&self) -> Result<u64> {
        let stat = rustix::fs::statvfs(self.path())?;
        Ok(stat.f_bavail * stat.f_frsize)
    }

    /// Fills it to the last octet with one file, whose removal makes room again.
    ///
    /// # Errors
    /// When it cannot be written at all.
    pub fn fill(&self) -> Result<PathBuf> {
        let path = self.path().join("ballast");
        let mut file = fs::File::create(&path)?;
        let block = vec![0; 64 << 10];
        // Ends with "no space left", which is what is wanted; then what is left in smaller pieces.
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        while std::io::Write::write_all(&mut file, &[0]).is_ok() {}
        ensure!(self.free()? == 0, "{} octets are free yet", self.free()?);
        Ok(path)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: the server under test may still hold a file. If it fails, the namespace takes it along at its end.
        let _ = Command::new("umount").arg("--lazy").arg(self.dir.path()).status().context("umount");
    }
}
