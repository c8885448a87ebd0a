//! A carrier of others' making: Kamailio, started privately on a loopback address of its own.
//!
//! It has a customer, `cordboard`, whose numbers begin with +7495123, and subscribers, whose names are their numbers.
//! All register and are challenged for every call, by the realm `carrier.example`; it stays in the path of calls.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    baresip::{Baresip, Setup},
    certificate::Certificate,
    ports,
    rest::Account,
    wait,
};

const CONFIGURATION: &str = include_str!("../peers/carrier/kamailio.cfg");
/// MiB of memory that its processes share, and of each one's own.
const MEMORY: [&str; 4] = ["-m", "32", "-M", "8"];
/// It starts within a second.
const START_LIMIT: Duration = Duration::from_secs(10);
/// So often other ports are tried, if somebody else took one between our look and its bind.
const START_TRIES: usize = 3;

/// The user name of the customer that is the server under test.
pub const CUSTOMER: &str = "cordboard";
/// Its realm.
pub const REALM: &str = "carrier.example";

/// A running carrier. Ended when dropped.
#[derive(Debug)]
pub struct Carrier {
    child: Child,
    sip: SocketAddr,
    /// Where it speaks SIP over TLS, if it does.
    tls: Option<SocketAddr>,
    dir: tempfile::TempDir,
}

impl Carrier {
    /// Starts one on this loopback address.
    ///
    /// # Errors
    /// When Kamailio is not installed or does not start.
    pub fn start(address: Ipv4Addr) -> Result<Self> {
        for _ in 1..START_TRIES {
            if let Ok(carrier) = Self::start_once(address) {
                return Ok(carrier);
            }
        }
        Self::start_once(address)
    }

    /// Starts one that speaks TLS, too, with this certificate.
    ///
    /// # Errors
    /// As [`Carrier::start`].
    pub fn start_encrypted(address: Ipv4Addr, certificate: &Certificate) -> Result<Self> {
        for _ in 1..START_TRIES {
            if let Ok(carrier) = Self::start_with(address, Some(certificate)) {
                return Ok(carrier);
            }
        }
        Self::start_with(address, Some(certificate))
    }

    /// Starts anew with another certificate, at the same addresses. What was registered there is forgotten.
    ///
    /// # Errors
    /// When it does not start.
    pub fn renew(&mut self, certificate: &Certificate) -> Result<()> {
        self.end();
        self.child = launch(self.dir.path(), self.sip, self.tls.map(|tls| (tls, certificate)))?;
        self.wait()
    }

    /// Where it speaks SIP over TLS; none if it does not.
    #[must_use]
    pub fn tls(&self) -> Option<SocketAddr> {
        self.tls
    }

    fn start_once(address: Ipv4Addr) -> Result<Self> {
        Self::start_with(address, None)
    }

    fn start_with(address: Ipv4Addr, certificate: Option<&Certificate>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let ports = ports::block(2)?;
        let sip = SocketAddr::from((address, ports.start));
        let tls = certificate.map(|certificate| (SocketAddr::from((address, ports.start + 1)), certificate));
        let child = launch(dir.path(), sip, tls)?;
        let mut carrier = Self { child, sip, tls: tls.map(|(tls, _)| tls), dir };
        carrier.wait()?;
        Ok(carrier)
    }

    /// Where it speaks SIP, over UDP and TCP.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// A phone of a subscriber that is registered, and answers with a tone.
    ///
    /// # Errors
    /// When it does not start, or is not let in.
    pub fn phone(&self, number: &str, tone_hz: u32) -> Result<Baresip> {
        let account = Account { id: String::new(), number: number.to_owned(), username: number.to_owned(), password: password(number) };
        let phone = Baresip::start(&Setup::of(&account, self.sip, tone_hz))?;
        // It may have registered before anybody could hear its events.
        wait::until_true(format!("{number} at the carrier"), START_LIMIT, || phone.log().contains("200 OK"))?;
        Ok(phone)
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
}

/// Starts Kamailio in this folder.
fn launch(dir: &Path, sip: SocketAddr, tls: Option<(SocketAddr, &Certificate)>) -> Result<Child> {
    let file = dir.join("kamailio.cfg");
    let configuration = match tls {
        None => CONFIGURATION.to_owned(),
        Some((_, Certificate { chain, key })) => CONFIGURATION.replacen(
            "loadmodule \"tm.so\"\n",
            &format!(
                "enable_tls=yes\ntcp_source_ipv4={}\nloadmodule \"tm.so\"\nloadmodule \"tls.so\"\nmodparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\n\
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

/// The password of a customer or subscriber.
#[must_use]
pub fn password(name: &str) -> String {
    format!("pw-{name}")
}

impl Carrier {
    fn end(&mut self) {
        // With its workers, which it would wait for; they have a group of their own.
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough on a busy machine.
    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn its_subscribers_call_each_other_and_some_numbers_answer_by_themselves() -> Result<()> {
        let carrier = Carrier::start(Ipv4Addr::new(127, 0, 0, 2))?;
        let (mut one, other) = (carrier.phone("+74957654321", 440)?, carrier.phone("+74957654322", 880)?);
        one.dial("+74957654322")?;
        one.event("CALL_ESTABLISHED", SOON).with_context(|| carrier.log())?;
        one.hangup()?;
        other.event("CALL_CLOSED", SOON)?;
        for (number, answer) in [("+74950000503", "503"), ("+74951230001", "480"), ("+74957654399", "404")] {
            let mark = one.mark();
            one.dial(number)?;
            let closed = one.event_after(mark, "CALL_CLOSED", SOON)?;
            anyhow::ensure!(closed["param"].as_str().is_some_and(|why| why.starts_with(answer)), "{number}: {closed}");
        }
        Ok(())
    }
}
