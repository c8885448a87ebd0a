//! One server process of the test's own: own ports, own data directory, killed when dropped.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    net::{Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{clock::Clock, ports, proc::Usage, rest::Rest, wait};

/// A start that takes longer is a failure of its own. Unoptimised and beside other tests on two cores it takes about a second.
const START_LIMIT: Duration = Duration::from_secs(30);
/// If somebody else took a port between our look and the server's bind, other ports are tried.
const START_TRIES: usize = 5;
/// Media ports of one server: 128 legs.
const MEDIA_PORTS: u16 = 256;
/// Lines of the log that a failed test shows.
const LOG_SHOWN: usize = 80;

/// Where the server under test is: beside the test's own executable, or where `CORDBOARD_BIN` says.
///
/// # Errors
/// When it was not built.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CORDBOARD_BIN") {
        // Each server runs in a directory of its own, from which a relative path would lead nowhere.
        return fs::canonicalize(&path).with_context(|| format!("CORDBOARD_BIN={}", path.to_string_lossy()));
    }
    let own = env::current_exe()?;
    // target/debug/deps/it-0123 → target/debug/cordboard
    let found = own.ancestors().skip(1).take(2).map(|dir| dir.join("cordboard")).find(|path| path.is_file());
    found.with_context(|| format!("no cordboard beside {}: run `cargo build -p server` first, or `make test`, which does", own.display()))
}

/// Runs `cordboard` with `arguments` to its end, in an environment without `CORDBOARD__` variables but those given.
///
/// # Errors
/// When it cannot be run.
pub fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Result<Output> {
    let mut command = command()?;
    command.args(arguments).envs(environment.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads no input may be gone before this is written; that is not this function's business.
        let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
    }
    Ok(child.wait_with_output()?)
}

fn command() -> Result<Command> {
    let mut command = Command::new(binary()?);
    clean(&mut command);
    Ok(command)
}

/// Takes out of a command's environment what would change the server's settings, and what is the tests' own.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CORDBOARD_")) {
        command.env_remove(name);
    }
    command
}

/// Everything that the server printed.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn follow(&self, stream: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                log.lines(|lines| lines.push(line));
            }
        });
    }

    fn lines<T>(&self, look: impl FnOnce(&mut Vec<String>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tail(&self) -> String {
        self.lines(|lines| lines.iter().skip(lines.len().saturating_sub(LOG_SHOWN)).fold(String::new(), |text, line| text + line + "\n"))
    }

    /// The rest of the newest line that contains `key: `.
    fn value(&self, key: &str) -> Option<String> {
        let key = format!("{key}: ");
        self.lines(|lines| lines.iter().rev().find_map(|line| Some(line.split_once(&key)?.1.trim().to_owned())))
    }
}

/// What a test may choose about its server.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Further environment, as `("CORDBOARD__MEDIA__TIMEOUT_S", "5")`. Stands above what the harness sets.
    pub environment: Vec<(String, String)>,
    /// How many media ports it has, four a call; 0 = enough for a story.
    pub media_ports: u16,
    /// What its configuration file says at first, for stories that reload it; none = it has no file.
    pub file: Option<String>,
    /// The most descriptors that it may have open; none = as many as the test itself.
    pub descriptors: Option<u32>,
    /// A clock that the test moves.
    pub clock: Option<Clock>,
    /// Where its data directory is; none = in a directory of its own.
    pub data: Option<PathBuf>,
}

impl Settings {
    /// These settings and one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// These settings with a configuration file.
    #[must_use]
    pub fn with_file(self, text: impl Into<String>) -> Self {
        Self { file: Some(text.into()), ..self }
    }
}

/// A running, killed or stopped server with its data directory.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    dir: tempfile::TempDir,
    http: SocketAddr,
    sip: SocketAddr,
    media: (u16, u16),
    child: Option<Child>,
    log: Log,
    password: String,
}

/// One test against a fresh server. The server's log is shown if the test fails.
///
/// # Errors
/// With the log's end, when the server does not come up or `test` fails.
pub fn story(settings: Settings, test: impl FnOnce(&mut Server) -> Result<()>) -> Result<()> {
    let mut server = Server::start_with(settings)?;
    test(&mut server).with_context(|| format!("the server's log, its last {LOG_SHOWN} lines:\n{}----", server.log.tail()))
}

impl Server {
    /// A fresh server with an empty data directory, ready to be used.
    ///
    /// # Errors
    /// When it does not come up; the error holds its log.
    pub fn start() -> Result<Self> {
        Self::start_with(Settings::default())
    }

    /// Like [`Server::start`], with settings.
    ///
    /// # Errors
    /// When it does not come up; the error holds its log.
    pub fn start_with(settings: Settings) -> Result<Self> {
        for _ in 0..START_TRIES {
            let media_ports = if settings.media_ports == 0 { MEDIA_PORTS } else { settings.media_ports };
            let ports = ports::block(media_ports + 2)?;
            let (sip, http) = (ports.start, ports.start + 1);
            let mut server = Self {
                settings: settings.clone(),
                dir: tempfile::tempdir()?,
                http: SocketAddr::from(([127, 0, 0, 1], http)),
                sip: SocketAddr::from(([127, 0, 0, 1], sip)),
                media: (ports.start + 2, ports.end - 1),
                child: None,
                log: Log::default(),
                password: String::new(),
            };
            match server.launch() {
                Ok(_) => {}
                Err(_) if server.log.lines(|lines| lines.iter().any(|line| line.to_lowercase().contains("in use"))) => continue,
                Err(error) => return Err(error),
            }
            server.password = wait::until("the administrator's password on stdout", START_LIMIT, || Ok(server.log.value("password")))
                .with_context(|| server.log.tail())?;
            return Ok(server);
        }
        bail!("no start in {START_TRIES} tries: each time somebody held a port")
    }

    /// Starts the process on what is there (data directory, ports) and waits until it is healthy. Says how long that took.
    ///
    /// # Errors
    /// When it does not come up; the error holds its log.
    pub fn launch(&mut self) -> Result<Duration> {
        ensure!(self.child.is_none(), "it runs already");
        let began = Instant::now();
        let mut command = match self.settings.descriptors {
            // prlimit becomes the server, so that the process is ours.
            Some(most) => {
                let mut command = Command::new("prlimit");
                clean(&mut command).arg(format!("--nofile={most}:{most}")).arg("--").arg(binary()?);
                command
            }
            None => command()?,
        };
        if let Some(text) = self.settings.file.take() {
            self.configure(&text)?;
        }
        if let Some(clock) = &self.settings.clock {
            command.envs(clock.environment());
        }
        command.arg("serve");
        if self.config().exists() {
            command.arg("--config").arg(self.config());
        }
        command
            .arg("--data-dir")
            .arg(self.data())
            .env("CORDBOARD__HTTP__LISTEN", self.http.to_string())
            .env("CORDBOARD__SIP__UDP", self.listens())
            .env("CORDBOARD__SIP__TCP", self.listens())
            .env("CORDBOARD__SIP__DOMAIN", self.domain())
            // Carriers of stories are on this machine.
            .env("CORDBOARD__SIP__ALLOW_NETS", "127.0.0.0/8,::1/128")
            // Stories misbehave on purpose, and all from this machine; those about bans say otherwise.
            .env("CORDBOARD__SECURITY__EXEMPT", "127.0.0.0/8,::1/128")
            .env("CORDBOARD__MEDIA__ADDRESS", "127.0.0.1")
            .env("CORDBOARD__MEDIA__PORTS", format!("{}-{}", self.media.0, self.media.1))
            .envs(self.settings.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(stdout) = child.stdout.take() {
            self.log.follow(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            self.log.follow(stderr);
        }
        self.child = Some(child);

        let health = Rest::new(self.base());
        let outcome = wait::until("the server's /healthz", START_LIMIT, || {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                self.child = None;
                bail!("it ended at its start: {status}");
            }
            Ok(health.get("/healthz").ok().filter(|reply| reply.status == 200).map(|_| ()))
        });
        outcome.with_context(|| format!("the server's log:\n{}", self.log.tail()))?;
        Ok(began.elapsed())
    }

    /// Where its files are.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.settings.data.clone().unwrap_or_else(|| self.dir.path().join("data"))
    }

    /// Where its configuration file is, if it has one.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("cordboard.toml")
    }

    /// Writes its configuration file anew; it is read at the next start or reload.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.config(), text)?)
    }

    /// `http://127.0.0.1:…`, without a path.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where it listens for HTTP.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where it listens for SIP, over UDP and TCP.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// The same for phones with IPv6.
    #[must_use]
    pub fn sip6(&self) -> SocketAddr {
        SocketAddr::from((Ipv6Addr::LOCALHOST, self.sip.port()))
    }

    fn listens(&self) -> String {
        format!("{},{}", self.sip, self.sip6())
    }

    /// What the kernel says of the running process: memory, descriptors.
    ///
    /// # Errors
    /// When it does not run.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid().context("it does not run")?)
    }

    /// Reads its configuration again (SIGHUP).
    ///
    /// # Errors
    /// When it does not run.
    pub fn reload(&self) -> Result<()> {
        self.signal(Signal::HUP)
    }

    /// How many lines of its log contain `text`.
    #[must_use]
    pub fn count_logged(&self, text: &str) -> usize {
        self.log.lines(|lines| lines.iter().filter(|line| line.contains(text)).count())
    }

    /// Its SIP domain.
    #[must_use]
    pub fn domain(&self) -> String {
        "127.0.0.1".to_owned()
    }

    /// The password of `admin`, as printed at first start.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// A client of its REST API that is nobody.
    #[must_use]
    pub fn anonymous(&self) -> Rest {
        Rest::new(self.base())
    }

    /// A client of its REST API, logged in as `admin`.
    ///
    /// # Errors
    /// When the log-in is refused.
    pub fn admin(&self) -> Result<Rest> {
        self.anonymous().login("admin", &self.password)
    }

    /// A line of its log that contains `text`, if there is one.
    #[must_use]
    pub fn logged(&self, text: &str) -> Option<String> {
        self.log.lines(|lines| lines.iter().find(|line| line.contains(text)).cloned())
    }

    /// Its address for `user`: `sip:6001@127.0.0.1:5060`.
    #[must_use]
    pub fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.sip)
    }

    /// Runs a `cordboard` command on its data directory, with its environment; `input` goes to stdin.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn command(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let data = self.data().display().to_string();
        let http = self.http.to_string();
        // As the server's own, so that a command finds it; what the test chose stands above that.
        let mut environment = vec![("CORDBOARD__HTTP__LISTEN", http.as_str())];
        environment.extend(self.settings.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        run(&[arguments, &["--data-dir", &data]].concat(), &environment, input)
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGTERM; says how it ended.
    ///
    /// # Errors
    /// When it does not run, or has not ended after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_for_end(limit)
    }

    /// Sends a signal to the process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("it does not run")?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// When it does not run, or has not ended after `limit`.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        let mut child = self.child.take().context("it does not run")?;
        match wait::until("the server's end", limit, || Ok(child.try_wait()?)) {
            Ok(status) => Ok(status),
            Err(error) => {
                self.child = Some(child);
                Err(error.context(self.log.tail()))
            }
        }
    }

    /// Whether the process still lives.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn is_running(&mut self) -> Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    /// Every file below the recording directory, by its path there.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn recordings(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let root = self.data().join("recordings");
        if root.is_dir() {
            walk(&root, &mut files)?;
        }
        files.sort();
        Ok(files)
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only if it is already gone, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln_log(&self.log.tail());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows the server's log")]
fn eprintln_log(log: &str) {
    eprintln!("---- the server's log, its last {LOG_SHOWN} lines ----\n{log}----");
}
