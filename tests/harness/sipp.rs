//! `SIPp`, a second SIP stack that others wrote, run on the scenarios in `tests/scenarios/sipp`.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{ports, rest::Account};

/// So often other ports are tried, if somebody else took one between our look and its bind.
const PORT_TRIES: usize = 3;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// 0 = every call went as the scenario says; 1 = at least one did not; others: it could not run.
    pub code: Option<i32>,
    /// Its last screen and its error log.
    pub text: String,
}

impl Outcome {
    /// The last number of the last line that names `what`: on `SIPp`'s closing screen that is the total since its start.
    #[must_use]
    pub fn last_number(&self, what: &str) -> Option<u32> {
        let line = self.text.lines().rev().find(|line| line.contains(what))?;
        line.split(|character: char| !character.is_ascii_digit()).rfind(|digits| !digits.is_empty())?.parse().ok()
    }
}

/// One run of a scenario against `server`.
#[derive(Debug, Clone)]
pub struct Run {
    scenario: String,
    server: SocketAddr,
    accounts: Vec<Account>,
    callees: Vec<String>,
    calls: u32,
    rate: u32,
    port: Option<u16>,
    limit: Duration,
}

impl Run {
    /// A run of `tests/scenarios/sipp/{scenario}.xml`, one call.
    #[must_use]
    pub fn of(scenario: &str, server: SocketAddr) -> Self {
        let limit = Duration::from_secs(60);
        Self { scenario: scenario.to_owned(), server, accounts: Vec::new(), callees: Vec::new(), calls: 1, rate: 10, port: None, limit }
    }

    /// Who calls, one line of the scenario's table each: user name, credentials, and whom it calls (its own number if nobody).
    #[must_use]
    pub fn accounts(mut self, accounts: &[Account], callees: &[&str]) -> Self {
        self.accounts = accounts.to_vec();
        self.callees = callees.iter().map(|callee| (*callee).to_owned()).collect();
        self
    }

    /// How many calls, and how many of them a second.
    #[must_use]
    pub fn calls(mut self, calls: u32, rate: u32) -> Self {
        (self.calls, self.rate) = (calls, rate);
        self
    }

    /// The SIP port that it uses.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When `SIPp` is not installed.
    pub fn run(&self) -> Result<Outcome> {
        if let Some(port) = self.port {
            return self.run_at(port);
        }
        for _ in 1..PORT_TRIES {
            let outcome = self.run_at(ports::block(2)?.start)?;
            // Then it has sent nothing yet.
            if !outcome.text.contains("Address already in use") {
                return Ok(outcome);
            }
        }
        self.run_at(ports::block(2)?.start)
    }

    fn run_at(&self, port: u16) -> Result<Outcome> {
        let dir = tempfile::tempdir()?;
        let mut table = "SEQUENTIAL\n".to_owned();
        for (at, account) in self.accounts.iter().enumerate() {
            let callee = self.callees.get(at % self.callees.len().max(1)).unwrap_or(&account.number);
            let Account { username, password, .. } = account;
            table += &format!("{username};[authentication username={username} password={password}];{callee}\n");
        }
        fs::write(dir.path().join("accounts.csv"), table)?;
        let scenario = scenarios().join(format!("{}.xml", self.scenario));
        let mut command = Command::new("sipp");
        command
            .arg(self.server.to_string())
            .arg("-sf")
            .arg(&scenario)
            .args(["-inf", "accounts.csv", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-trace_err", "-error_file", "errors.log"])
            .args(["-p", &port.to_string(), "-mp", &ports::block(4)?.start.to_string()])
            .args(["-m", &self.calls.to_string(), "-r", &self.rate.to_string(), "-l", "1000"])
            .args(["-timeout", &format!("{}s", self.limit.as_secs()), "-timeout_error"])
            .current_dir(dir.path())
            .stdin(Stdio::null());
        if let [callee] = self.callees.as_slice() {
            // SIPp signs the server's address and not the Request-URI unless told, and can be told one only.
            command.args(["-auth_uri", &format!("{callee}@{}", self.server)]);
        }
        let output = command.output().context("sipp does not start: scripts/setup-tests.sh installs it (Debian's sip-tester)")?;
        let errors = fs::read_to_string(dir.path().join("errors.log")).unwrap_or_default();
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Outcome { code: output.status.code(), text: format!("{screen}\n{errors}{}", String::from_utf8_lossy(&output.stderr)) })
    }

    /// Runs it; anything but success is an error with its last words.
    ///
    /// # Errors
    /// When a call went otherwise than the scenario says.
    pub fn succeed(&self) -> Result<()> {
        let outcome = self.run()?;
        anyhow::ensure!(outcome.code == Some(0), "sipp {}: {:?}\n{}", self.scenario, outcome.code, outcome.text);
        Ok(())
    }
}

/// Where the scenarios are.
#[must_use]
pub fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/sipp")
}
