//! What a process and its children have used so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

/// One look at a process tree.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    /// The process at the top.
    root: u32,
    /// When.
    pub(crate) at: Instant,
    /// Processor time in user space and kernel since each process's start, threads that have ended included.
    cpu: BTreeMap<u32, Duration>,
    /// Memory in use by all of them, in octets; what two of them share is counted twice.
    pub(crate) resident: u64,
}

impl Usage {
    /// A look at a process, its children, and theirs.
    ///
    /// The processor time is the sum that `utime` and `stime` of `/proc/PID/stat` show in hundredths of a second, read in nanoseconds:
    /// a turn of ten seconds at a low rate is only some thirty hundredths.
    pub(crate) fn of_tree(root: u32) -> Result<Self> {
        let (mut cpu, mut resident) = (BTreeMap::new(), 0);
        for pid in tree(root)? {
            let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed())).with_context(|| format!("process {pid}"))?;
            cpu.insert(pid, Duration::from(clock_gettime(clock)?));
            resident += status_kib(pid, "VmRSS:")? << 10;
        }
        Ok(Self { root, at: Instant::now(), cpu, resident })
    }

    /// Processor time since an earlier look.
    ///
    /// # Errors
    /// When a process that was there then is gone: its time would be missing.
    pub(crate) fn cpu_since(&self, before: &Self) -> Result<Duration> {
        if let Some(gone) = before.cpu.keys().find(|pid| !self.cpu.contains_key(pid)) {
            bail!("process {gone} ended while it was measured");
        }
        let sum: Duration = self.cpu.iter().map(|(pid, cpu)| cpu.saturating_sub(before.cpu.get(pid).copied().unwrap_or_default())).sum();
        Ok(sum)
    }

    /// Processor time of the first process alone since an earlier look, its children left out.
    pub(crate) fn own_since(&self, before: &Self) -> Duration {
        let own = |usage: &Self| usage.cpu.get(&usage.root).copied().unwrap_or_default();
        own(self).saturating_sub(own(before))
    }
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// A process and all below it.
pub(crate) fn tree(root: u32) -> Result<BTreeSet<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while we look; then it has no parent to be found by.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The second field is a name in parentheses that may hold anything; the fourth is the parent.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    anyhow::ensure!(parents.iter().any(|(pid, _)| *pid == root), "process {root} does not run");
    let mut found = BTreeSet::from([root]);
    loop {
        let more: Vec<u32> =
            parents.iter().filter(|(pid, parent)| found.contains(parent) && !found.contains(pid)).map(|(pid, _)| *pid).collect();
        if more.is_empty() {
            return Ok(found);
        }
        found.extend(more);
    }
}

/// A figure in kB of `/proc/PID/status`.
fn status_kib(pid: u32, key: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no {key} of process {pid}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[cfg(test)]
mod tests {
    use std::{
        hint::black_box,
        process::{Command, Stdio},
    };

    use super::*;

    /// The figure is the one that /proc shows in hundredths, and a child counts.
    #[test]
    fn processor_time_agrees_with_proc_and_includes_children() -> Result<()> {
        let before = Usage::of_tree(std::process::id())?;
        let mut sum = 0_u64;
        while Usage::of_tree(std::process::id())?.cpu_since(&before)? < Duration::from_millis(300) {
            sum = (0..100_000_u64).fold(sum, |sum, at| black_box(sum.wrapping_mul(31).wrapping_add(at)));
        }
        black_box(sum);
        let stat = fs::read_to_string("/proc/self/stat")?;
        let fields: Vec<u64> = stat.rsplit_once(") ").context("stat")?.1.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
        let ticks: u64 = fields.iter().skip(11).take(2).sum();
        let own: Duration = Usage::of_tree(std::process::id())?.cpu.get(&std::process::id()).copied().context("ourselves")?;
        let shown = Duration::from_millis(ticks * 10);
        assert!(own.abs_diff(shown) < Duration::from_millis(40), "{own:?} here, {shown:?} in /proc");

        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let found = tree(std::process::id());
        drop(child.stdin.take());
        let pid = child.id();
        child.wait()?;
        assert!(found?.contains(&pid));
        Ok(())
    }
}
