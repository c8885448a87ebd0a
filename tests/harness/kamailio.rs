//! Kamailio, started privately on a loopback address of its own: another's SIP server, as this or that configuration makes it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{ports, wait};

/// MiB of memory that its processes share, and of each one's own.
const MEMORY: [&str; 4] = ["-m", "32", "-M", "8"];
/// It starts within a second.
const START_LIMIT: Duration = Duration::from_secs(10);
/// So often other ports are tried, if somebody else took one between our look and its bind.
const START_TRIES: usize = 3;

/// A running Kamailio. Ended when dropped.
#[derive(Debug)]
pub struct Kamailio {
    child: Child,
    sip: SocketAddr,
    dir: tempfile::TempDir,
}

impl Kamailio {
    /// Starts one on this loopback address. It answers OPTIONS by itself.
    ///
    /// # Errors
    /// When Kamailio is not installed or does not start.
    pub fn start(address: Ipv4Addr, configuration: &str) -> Result<Self> {
        for _ in 1..START_TRIES {
            if let Ok(started) = Self::start_once(address, configuration) {
                return Ok(started);
            }
        }
        Self::start_once(address, configuration)
    }

    fn start_once(address: Ipv4Addr, configuration: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let sip = SocketAddr::from((address, ports::block(1)?.start));
        let file = dir.path().join("kamailio.cfg");
        fs::write(&file, configuration)?;
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-f"])
            .arg(&file)
            .args(["-l", &format!("udp:{sip}"), "-l", &format!("tcp:{sip}"), "-P"])
            .arg(dir.path().join("pid"))
            .arg("-Y")
            .arg(dir.path())
            .arg("-w")
            .arg(dir.path())
            .args(MEMORY)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("words"))?)
            .spawn()
            .context("kamailio")?;
        let mut started = Self { child, sip, dir };
        started.wait()?;
        Ok(started)
    }

    /// Where it speaks SIP, over UDP and TCP.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("words")).unwrap_or_default()
    }

    /// Asks until it answers.
    fn wait(&mut self) -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let local = socket.local_addr()?;
        let sip = self.sip;
        let options = format!(
            "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKup\r\nMax-Forwards: 70\r\nFrom: <sip:up@{local}>;tag=up\r\n\
             To: <sip:{sip}>\r\nCall-ID: up@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let answered = wait::until(format!("Kamailio's answer at {sip}"), START_LIMIT, || {
            if let Some(status) = self.child.try_wait()? {
                bail!("Kamailio ended with {status}");
            }
            socket.send_to(options.as_bytes(), sip)?;
            Ok(socket.recv_from(&mut [0; 2048]).is_ok().then_some(()))
        });
        answered.with_context(|| self.log())
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // With its workers, which it would wait for; they have a group of their own.
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}
