//! linphonec, a softphone that others wrote: driven by commands at its standard input, read by what it prints.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result};

use crate::{baresip::Over, ports, rest::Account};

/// A running linphonec. Ended when dropped.
#[derive(Debug)]
pub struct Linphone {
    child: Child,
    commands: ChildStdin,
    lines: Arc<Mutex<Vec<String>>>,
    /// The server, as a URI has it behind the user.
    place: String,
    _home: tempfile::TempDir,
}

impl Linphone {
    /// Starts one for `account` and lets it register, for which the caller waits. It answers by itself, without a microphone.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn start(account: &Account, server: SocketAddr, over: &Over) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let ports = ports::block(4)?;
        let file = home.path().join("linphonerc");
        fs::write(&file, config(ports.start, over))?;
        let folder = home.path().join(".local/share/linphone");
        fs::create_dir_all(folder)?;
        let mut child = Command::new("linphonec")
            .args(["-a", "-c"])
            .arg(&file)
            .env("HOME", home.path())
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(home.path().join("errors"))?)
            .spawn()
            .context("linphonec does not start: scripts/setup-tests.sh installs it (Debian's linphone-cli)")?;
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (output, kept) = (child.stdout.take().context("no output")?, Arc::clone(&lines));
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let commands = child.stdin.take().context("no input")?;
        let transport = match over {
            Over::Udp => "udp",
            Over::Tcp => "tcp",
            Over::Tls(_) => "tls",
        };
        // The certificate names a host, so that is what is called.
        let place = format!("localhost:{};transport={transport}", server.port());
        let place = if matches!(over, Over::Tls(_)) { place } else { format!("{server};transport={transport}") };
        let mut phone = Self { child, commands, lines, place, _home: home };
        phone.command("soundcard use files")?;
        phone.command(&format!("register sip:{}@{} sip:{} {}", account.username, server.ip(), phone.place, account.password))?;
        Ok(phone)
    }

    /// Gives a command.
    ///
    /// # Errors
    /// When it has ended.
    pub fn command(&mut self, command: &str) -> Result<()> {
        writeln!(self.commands, "{command}")?;
        Ok(self.commands.flush()?)
    }

    /// Dials a number of the server's.
    ///
    /// # Errors
    /// When it has ended.
    pub fn dial(&mut self, number: &str) -> Result<()> {
        let uri = format!("sip:{number}@{}", self.place);
        self.command(&format!("call {uri}"))
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        // Both fail only if it is already gone, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(port: u16, over: &Over) -> String {
    let (udp, tcp, tls) = match over {
        Over::Udp => (port, 0, 0),
        Over::Tcp => (0, port, 0),
        Over::Tls(_) => (0, 0, port),
    };
    let root = if let Over::Tls(chain) = over { path(chain) } else { String::new() };
    format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\nguess_hostname=0\nuse_ipv6=0\nverify_server_certs=1\nverify_server_cn=1\n\
         root_ca={root}\n[net]\nfirewall_policy=0\n[rtp]\naudio_rtp_port={}\n",
        port + 2
    )
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
