//! Kamailio, started privately on loopback.

use std::{
    fmt::Write,
    fs,
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use md5::{Digest, Md5};
use tests::Account;

use super::{Process, block, wait, words};

const CONFIGURATION: &str = include_str!("../../peers/kamailio.cfg");
/// The realm of its configuration.
const REALM: &str = "bench";
/// MiB of memory that its processes share, and of each one's own: enough for all bindings and calls here.
const MEMORY: [&str; 4] = ["-m", "256", "-M", "16"];
/// It starts within a second.
const START_LIMIT: Duration = Duration::from_secs(5);

/// A running Kamailio.
#[derive(Debug)]
pub(crate) struct Kamailio {
    process: Process,
    /// Where it listens for SIP.
    pub(crate) sip: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Kamailio {
    /// Starts one that knows these accounts.
    pub(crate) fn start(accounts: &[Account]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = block(2)?.start;
        let sip = SocketAddr::from(([127, 0, 0, 1], port));
        fs::write(dir.path().join("kamailio.cfg"), CONFIGURATION)?;
        fs::write(dir.path().join("users.cfg"), users(accounts)?)?;
        let process = Process::start(
            Command::new("kamailio")
                .args(["-DD", "-E", "-f"])
                .arg(dir.path().join("kamailio.cfg"))
                .args(["-l", &format!("udp:{sip}"), "-P"])
                .arg(dir.path().join("pid"))
                .args(["-Y", path(dir.path())?, "-w", path(dir.path())?])
                .args(MEMORY)
                // A file that it includes is looked for in the working directory first.
                .current_dir(dir.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(words(&dir.path().join("words"))?),
        )?;
        let kamailio = Self { process, sip, _dir: dir };
        kamailio.wait()?;
        Ok(kamailio)
    }

    /// The first of its processes.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Asks until it answers.
    fn wait(&self) -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let local = socket.local_addr()?;
        let options = format!(
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKup\r\nMax-Forwards: 70\r\nFrom: <sip:up@127.0.0.1>;tag=up\r\n\
             To: <sip:127.0.0.1>\r\nCall-ID: up@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        wait::until_true(format!("Kamailio's answer at {}", self.sip), START_LIMIT, || {
            let _ = socket.send_to(options.as_bytes(), self.sip);
            socket.recv_from(&mut [0; 2048]).is_ok()
        })
    }
}

/// The accounts' HA1 in a table in memory.
fn users(accounts: &[Account]) -> Result<String> {
    let mut text = "event_route[htable:mod-init] {\n".to_owned();
    for Account { username, password, .. } in accounts {
        let ha1 = Md5::digest(format!("{username}:{REALM}:{password}").as_bytes());
        let ha1 = ha1.iter().fold(String::new(), |digits, octet| digits + &format!("{octet:02x}"));
        writeln!(text, "\t$sht(ha1=>{username}) = \"{ha1}\";")?;
    }
    Ok(text + "}\n")
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}
