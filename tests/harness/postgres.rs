//! A private PostgreSQL server: own files, own port, own process. The machine's service, if there is one, is not touched.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};

use crate::ports;

/// The account as which it runs when the tests run as root, which PostgreSQL itself refuses to.
const SERVICE_USER: &str = "postgres";

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

    /// `postgres://…` of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://cordboard@127.0.0.1:{}/postgres", self.port)
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
        // It may have been stopped by the test.
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
        Ok(())
    }
}
