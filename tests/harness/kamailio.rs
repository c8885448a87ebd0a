//! Kamailio, started privately on a loopback address of its own: another's SIP server, as this or that configuration makes it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{certificate::Certificate, ports, wait};

/// MiB of memory that its processes share, and of each one's own.
const MEMORY: [&str; 4] = ["-m", "32", "-M", "8"];
/// It starts within a second.
const START_LIMIT: Duration = Duration::from_secs(10);
/// So often other ports are tried, if somebody else took one between our look and its bind.
const START_TRIES: usize = 3;
/// What comes first in each of our configurations; what TLS takes goes before it.
const FIRST_MODULE: &str = "loadmodule \"tm.so\"\n";

/// A running Kamailio. Ended when dropped.
#[derive(Debug)]
pub struct Kamailio {
    child: Child,
    configuration: String,
    sip: SocketAddr,
    /// Where it speaks SIP over TLS, if it does.
    tls: Option<SocketAddr>,
    dir: tempfile::TempDir,
}

impl Kamailio {
    /// Starts one on this loopback address, with this configuration. With a certificate it speaks TLS, too. It answers OPTIONS by itself.
    ///
    /// # Errors
    /// When Kamailio is not installed or does not start.
    pub fn start(address: Ipv4Addr, configuration: &str, certificate: Option<&Certificate>) -> Result<Self> {
        for _ in 1..START_TRIES {
            if let Ok(started) = Self::start_once(address, configuration, certificate) {
                return Ok(started);
            }
        }
        Self::start_once(address, configuration, certificate)
    }

    fn start_once(address: Ipv4Addr, configuration: &str, certificate: Option<&Certificate>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let ports = ports::block(2)?;
        let sip = SocketAddr::from((address, ports.start));
        let tls = certificate.map(|_| SocketAddr::from((address, ports.start + 1)));
        let configuration = configuration.to_owned();
        let child = launch(&dir, &configuration, sip, tls.zip(certificate))?;
        let mut started = Self { child, configuration, sip, tls, dir };
        started.wait()?;
        Ok(started)
    }

    /// Starts anew with another certificate, at the same addresses. What was registered there is forgotten.
    ///
    /// # Errors
    /// When it does not start.
    pub fn renew(&mut self, certificate: &Certificate) -> Result<()> {
        self.end();
        self.child = launch(&self.dir, &self.configuration, self.sip, self.tls.map(|tls| (tls, certificate)))?;
        self.wait()
    }

    /// Where it speaks SIP, over UDP and TCP.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// Where it speaks SIP over TLS; none if it does not.
    #[must_use]
    pub fn tls(&self) -> Option<SocketAddr> {
        self.tls
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("words")).unwrap_or_default()
    }

    /// Asks until it answers.
    fn wait(&mut self) -> Result<()> {
        let answered = wait::until_options(self.sip, START_LIMIT, || match self.child.try_wait()? {
            Some(status) => bail!("Kamailio ended with {status}"),
            None => Ok(()),
        });
        answered.with_context(|| self.log())
    }

    fn end(&mut self) {
        // With its workers, which it would wait for; they have a group of their own.
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts it in this folder.
fn launch(dir: &tempfile::TempDir, configuration: &str, sip: SocketAddr, tls: Option<(SocketAddr, &Certificate)>) -> Result<Child> {
    let dir = dir.path();
    let file = dir.join("kamailio.cfg");
    let configuration = match tls {
        None => configuration.to_owned(),
        Some((_, Certificate { chain, key })) => configuration.replacen(
            FIRST_MODULE,
            &format!(
                "enable_tls=yes\ntcp_source_ipv4={}\n{FIRST_MODULE}loadmodule \"tls.so\"\nmodparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\n\
                 modparam(\"tls\", \"certificate\", {chain:?})\nmodparam(\"tls\", \"private_key\", {key:?})\n",
                sip.ip()
            ),
            1,
        ),
    };
    fs::write(&file, configuration)?;
    Command::new("kamailio")
        .args(["-DD", "-E", "-f"])
        .arg(&file)
        .args(["-l", &format!("udp:{sip}"), "-l", &format!("tcp:{sip}")])
        .args(tls.iter().flat_map(|(tls, _)| ["-l".to_owned(), format!("tls:{tls}")]))
        .arg("-P")
        .arg(dir.join("pid"))
        .arg("-Y")
        .arg(dir)
        .arg("-w")
        .arg(dir)
        .args(MEMORY)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(dir.join("words"))?)
        .spawn()
        .context("kamailio")
}
