//! What the kernel knows of a process: /proc.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

/// One look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in KiB.
    pub rss_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: u64,
    /// Processor time that it has used, in milliseconds, to 10 ms.
    pub cpu_ms: u64,
}

impl Usage {
    /// Looks at a process.
    ///
    /// # Errors
    /// When it is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let status = fs::read_to_string(folder.join("status"))?;
        let number = |name: &str| -> Result<u64> {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name} in /proc/{pid}/status"))?;
            let digits = line.trim_start_matches(':').split_whitespace().next().unwrap_or_default();
            Ok(digits.parse()?)
        };
        let stat = fs::read_to_string(folder.join("stat"))?;
        // Behind the name, which may hold anything: state is the first field, user and system time the 12th and 13th; 100 ticks a second.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        Ok(Self {
            rss_kib: number("VmRSS")?,
            descriptors: fs::read_dir(folder.join("fd"))?.count(),
            threads: number("Threads")?,
            cpu_ms: (ticks(11) + ticks(12)) * 10,
        })
    }
}

/// Whether a process is there and has not ended.
#[must_use]
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The children of a process.
#[must_use]
pub fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after.split_whitespace().nth(1).and_then(|field| field.parse().ok()) == Some(parent)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() -> Result<()> {
        let usage = Usage::of(std::process::id())?;
        assert!(usage.rss_kib > 100 && usage.descriptors >= 3 && usage.threads >= 1, "{usage:?}");
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn()?;
        assert!(children(std::process::id()).contains(&child.id()));
        drop(child.stdin.take());
        child.wait()?;
        assert!(Usage::of(u32::MAX).is_err());
        Ok(())
    }
}
