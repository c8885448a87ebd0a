//! What a process has used so far, from /proc (proc(5)).

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tests::Server;

/// Linux counts processor time for user space in hundredths of a second, whatever the kernel's own clock (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// One look at a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// When.
    pub(crate) at: Instant,
    /// Processor time in user space and kernel since its start.
    pub(crate) cpu: Duration,
    /// Memory in use, in octets.
    pub(crate) resident: u64,
}

impl Usage {
    /// A look at the server's process.
    pub(crate) fn of(server: &Server) -> Result<Self> {
        let pid = server.pid().context("it does not run")?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The second field is a name in parentheses that may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ").context("stat")?.1.split(' ').collect();
        let ticks = |at: usize| -> Result<u32> { Ok(fields.get(at).context("stat")?.parse()?) };
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let resident: u64 = resident.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { at: Instant::now(), cpu: TICK * (ticks(11)? + ticks(12)?), resident: resident * 1024 })
    }
}
