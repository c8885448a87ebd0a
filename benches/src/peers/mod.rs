//! Whom we measure: processes of our own, ended by us on every way out.

pub(crate) mod bare;
pub(crate) mod kamailio;
pub(crate) mod ours;
pub(crate) mod rtpengine;

use std::{
    collections::BTreeSet,
    fs::File,
    future::poll_fn,
    ops::Range,
    path::Path,
    process::{Child, Command, Stdio, exit},
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::{certificate::Certificate, ports, wait};
use tokio::signal::unix::{SignalKind, signal};

use crate::usage::tree;

/// A process that does not end when it is asked to is killed after this.
const END_LIMIT: Duration = Duration::from_secs(3);
/// By whom all servers that speak TLS are known: the same certificate, so that their handshakes cost the same.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    _dir: tempfile::TempDir,
}

impl Identity {
    pub(crate) fn make() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        Ok(Self { certificate: Certificate::make(dir.path(), "localhost", 2)?, _dir: dir })
    }

    /// The certificate as clients take it.
    pub(crate) fn der(&self) -> Result<Vec<u8>> {
        let text = std::fs::read_to_string(&self.certificate.chain)?;
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        Ok(STANDARD.decode(body)?)
    }
}

/// Looks for free ports.
const PORT_TRIES: usize = 20;

/// Ends every process below us, and us, when we are interrupted, terminated, or not done within `limit`.
pub(crate) fn guard(limit: Duration) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal).into_iter().collect::<Result<Vec<_>, _>>()?
    };
    thread::spawn(move || {
        runtime.block_on(poll_fn(|context| {
            let came = signals.iter_mut().any(|one| one.poll_recv(context).is_ready());
            if came { Poll::Ready(()) } else { Poll::Pending }
        }));
        leave("interrupted");
    });
    thread::spawn(move || {
        let end = Instant::now() + limit;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            thread::park_timeout(left);
        }
        leave("its time is up");
    });
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the last words of a program that ends early")]
fn leave(why: &str) -> ! {
    eprintln!("benches: {why}");
    let mut ours = tree(std::process::id()).unwrap_or_default();
    ours.remove(&std::process::id());
    for pid in &ours {
        let _ = kill(process(*pid), Signal::SIGTERM);
    }
    wait_for_end(&ours);
    for pid in ours.iter().filter(|pid| !is_dead(**pid)) {
        let _ = kill(process(*pid), Signal::SIGKILL);
    }
    wait_for_end(&ours);
    exit(130)
}

fn wait_for_end(pids: &BTreeSet<u32>) {
    let end = Instant::now() + END_LIMIT;
    while !pids.iter().all(|pid| is_dead(*pid)) && Instant::now() < end {
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// A process that is gone, but perhaps for its parent, who has not asked yet.
fn is_dead(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

/// A process that ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) child: Child,
}

impl Process {
    /// Starts it; what it says goes to our own standard error unless piped.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("{name} does not start: scripts/setup-bench.sh installs it"))?;
        Ok(Self { child })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Kamailio's first process ends the others, if it is let.
        let all = tree(self.child.id()).unwrap_or_default();
        let _ = kill(process(self.child.id()), Signal::SIGTERM);
        let end = Instant::now() + END_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::park_timeout(Duration::from_millis(20));
        }
        for pid in all.iter().filter(|pid| !is_dead(**pid)) {
            let _ = kill(process(*pid), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// Free ports in a row. The search begins elsewhere each time, as another program may hold a whole stretch.
pub(crate) fn block(length: u16) -> Result<Range<u16>> {
    let mut last = ports::block(length);
    for _ in 0..PORT_TRIES {
        if last.is_ok() {
            break;
        }
        last = ports::block(length);
    }
    last
}

/// A file for what a peer complains about: it can be read while the peer runs.
fn words(path: &Path) -> Result<Stdio> {
    Ok(Stdio::from(File::create(path)?))
}

/// The first line that a program prints about its version.
pub(crate) fn version(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").trim().to_owned()
}
