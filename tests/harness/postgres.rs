//! A private PostgreSQL server: own files, own port, own process. The machine's service, if there is one, is not touched.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{ports, proc};

/// The account as which it runs when the tests run as root, which PostgreSQL itself refuses to.
const SERVICE_USER: &str = "postgres";

/// A process that is killed is gone within this.
const LIMIT: Duration = Duration::from_secs(10);

/// A running PostgreSQL server with one empty database. Ended when dropped, its files removed.
#[derive(Debug)]
pub struct Postgres {
    dir: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes and starts one.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self> {
        let programs = programs().context("no PostgreSQL: scripts/setup-tests.sh installs it (Debian's postgresql)")?;
        let dir = tempfile::Builder::new().prefix("cordboard-pg-").tempdir()?;
        if is_root() {
            let owned = Command::new("chown").arg(SERVICE_USER).arg(dir.path()).status()?;
            ensure!(owned.success(), "there is no user {SERVICE_USER}");
        }
        let server = Self { port: ports::block(2)?.start, dir, programs };
        let data = server.data();
        // No fsync: what these databases hold is worth nothing after a power cut.
        server.run("initdb", &["-D", &data, "-U", "cordboard", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])?;
        server.start_again()?;
        Ok(server)
    }

    /// Starts it after [`Postgres::stop`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&self) -> Result<()> {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c fsync=off -c max_connections=50",
            self.port,
            self.dir.path().display()
        );
        let log = self.dir.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-o", &options, "-w", "-t", "60", "start"])?;
        Ok(())
    }

    /// Ends it at once, its connections with it.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<()> {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]).map(drop)
    }

    /// Stops all its processes where they are (SIGSTOP): connections stay, and nothing is answered.
    ///
    /// # Errors
    /// When it does not run.
    pub fn hang(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Postgres::hang`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills all its processes (SIGKILL), as the kernel does when memory is short. [`Postgres::start_again`] starts it anew.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> Result<()> {
        let all = self.processes()?;
        self.signal(Signal::KILL)?;
        // Its memory is free once the last of them is gone.
        crate::wait::until_true("PostgreSQL's end", LIMIT, || !all.iter().any(|pid| proc::lives(*pid)))?;
        // A dead process that nobody has buried yet would be taken for a running server.
        fs::remove_file(Path::new(&self.data()).join("postmaster.pid"))?;
        Ok(fs::remove_file(self.dir.path().join(format!(".s.PGSQL.{}.lock", self.port)))?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        for pid in self.processes()? {
            let pid = Pid::from_raw(i32::try_from(pid)?).context("no process has the number 0")?;
            // One may have ended by itself in between.
            let _ = kill_process(pid, signal);
        }
        Ok(())
    }

    /// First the one that would start others, which the first line of its own file names.
    fn processes(&self) -> Result<Vec<u32>> {
        let text = fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).context("PostgreSQL does not run")?;
        let parent: u32 = text.lines().next().unwrap_or_default().trim().parse().context("no process in postmaster.pid")?;
        Ok(std::iter::once(parent).chain(proc::children(parent)).collect())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `postgres://…` of its database.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_by(self.address())
    }

    /// The same by a proxy.
    #[must_use]
    pub fn url_by(&self, address: SocketAddr) -> String {
        format!("postgres://cordboard@{address}/postgres")
    }

    fn data(&self) -> String {
        self.dir.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", SERVICE_USER, "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        // Its output goes to files: pg_ctl's child would keep a pipe open for ever.
        let output = self.dir.path().join("output");
        let file = fs::File::create(&output)?;
        let status = command.args(arguments).current_dir("/").stdout(file.try_clone()?).stderr(file).status()?;
        let text = fs::read(&output).unwrap_or_default();
        ensure!(status.success(), "{}: {status}\n{}", program.display(), String::from_utf8_lossy(&text));
        Ok(Output { status, stdout: text, stderr: Vec::new() })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may have been stopped by the test, in either way.
        let _ = self.resume();
        let _ = self.stop();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The newest PostgreSQL's programs: Debian keeps them out of PATH.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let debian = versions.filter(|(_, programs)| programs.join("initdb").is_file()).max().map(|(_, programs)| programs);
    debian.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).find(|path| Path::new(path).join("initdb").is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_stops_and_starts_again() -> Result<()> {
        let server = Postgres::start()?;
        let answers = || std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok();
        assert!(answers());
        server.stop()?;
        assert!(!answers());
        server.start_again()?;
        assert!(answers());

        // The kernel still takes connections for one that hangs, and it is well again after that.
        server.hang()?;
        assert!(answers());
        server.resume()?;
        server.kill()?;
        assert!(!answers());
        server.start_again()?;
        assert!(answers());
        Ok(())
    }
}
