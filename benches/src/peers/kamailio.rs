//! Kamailio, started privately on loopback.

use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use md5::{Digest, Md5};
use tests::{Account, certificate::Certificate};

use super::{Identity, Process, block, wait, words};
use crate::generate::lines::Over;

const CONFIGURATION: &str = include_str!("../../peers/kamailio.cfg");
/// What it says instead of `disable_tcp`: two workers for streams, too, and as many streams as there are phones.
const STREAMS: &str = "tcp_children=2\ntcp_max_connections=8192\nenable_tls=yes\ntls_max_connections=8192\ntcp_accept_no_cl=yes\n\
    tcp_connection_lifetime=3605\nloadmodule \"tls.so\"\n";
/// What it says besides.
const WEBSOCKETS: &str = r#"
loadmodule "xhttp.so"
loadmodule "websocket.so"

event_route[xhttp:request] {
	set_reply_close();
	set_reply_no_connect();
	if ($hdr(Upgrade) =~ "websocket" && $rm =~ "GET") {
		if (ws_handle_handshake()) {
			exit;
		}
	}
	xhttp_reply("404", "Not Found", "", "");
}
"#;
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
        Self::start_as(accounts, CONFIGURATION, false)
    }

    /// The same, which speaks TLS and WebSocket within TLS as well, on the two ports behind its own.
    pub(crate) fn start_encrypted(accounts: &[Account], identity: &Identity) -> Result<Self> {
        let Certificate { chain, key } = &identity.certificate;
        let files = format!(
            "modparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\nmodparam(\"tls\", \"certificate\", {chain:?})\nmodparam(\"tls\", \"private_key\", {key:?})\n"
        );
        let configuration =
            CONFIGURATION.replace("disable_tcp=yes\n", STREAMS).replace("modparam(\"sanity\"", &format!("{files}modparam(\"sanity\""));
        Self::start_as(accounts, &format!("{configuration}{WEBSOCKETS}"), true)
    }

    /// Where phones reach it, and the path of WebSockets.
    pub(crate) fn reached(&self, over: Over) -> (SocketAddr, &'static str) {
        let further = match over {
            Over::Tls => 1,
            Over::Wss => 2,
        };
        (SocketAddr::new(self.sip.ip(), self.sip.port() + further), "/")
    }

    fn start_as(accounts: &[Account], configuration: &str, is_encrypted: bool) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = block(3)?.start;
        let sip = SocketAddr::from(([127, 0, 0, 1], port));
        let further =
            if is_encrypted { vec![format!("tls:127.0.0.1:{}", port + 1), format!("tls:127.0.0.1:{}", port + 2)] } else { Vec::new() };
        fs::write(dir.path().join("kamailio.cfg"), configuration)?;
        fs::write(dir.path().join("users.cfg"), users(accounts)?)?;
        let process = Process::start(
            Command::new("kamailio")
                .args(["-DD", "-E", "-f"])
                .arg(dir.path().join("kamailio.cfg"))
                .args(["-l", &format!("udp:{sip}")])
                .args(further.iter().flat_map(|address| ["-l", address]))
                .arg("-P")
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
        wait::until_options(self.sip, START_LIMIT, || Ok(()))
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
