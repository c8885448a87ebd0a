//! A private PostgreSQL for tests: a cluster of its own in a temporary directory, reachable by a socket in it only.
//!
//! It goes away with the process, however that ends: a shell beside the server waits for the end of its input.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot start its database has failed")]

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

/// From now on each commit that changed slots or trunks fails, as on a disk that is full. For SQLite.
///
/// # Panics
/// If the database cannot be changed so.
pub async fn break_commits(store: &crate::Store) {
    let crate::Db::Lite { write, .. } = store.db() else { panic!("only SQLite is broken so") };
    // A foreign key that is looked at by COMMIT, and leads nowhere.
    let script = "
        CREATE TABLE nowhere (id INTEGER PRIMARY KEY);
        CREATE TABLE broken (id INTEGER REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER broken_1 AFTER UPDATE ON slots BEGIN INSERT INTO broken VALUES (1); END;
        CREATE TRIGGER broken_2 AFTER DELETE ON slots BEGIN INSERT INTO broken VALUES (1); END;
        CREATE TRIGGER broken_3 AFTER UPDATE ON trunks BEGIN INSERT INTO broken VALUES (1); END;";
    sqlx::raw_sql(script).execute(write).await.expect("the database takes tables");
}

/// How long starting may take on a loaded machine.
const START_MAX: Duration = Duration::from_secs(120);

/// How many lines of the log may wait for the reader.
const LINES_MAX: usize = 1024;

/// Runs the server until its input ends (then the directory goes too) or says `stop`. `$1` is where the programs are, `$2` the directory.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c autovacuum=off -c max_connections=200 2>&1 &
read -r order
kill -CONT $!
kill -QUIT $!
wait $!
[ "$order" = stop ] || rm -rf "$2"
"#;

/// A PostgreSQL server of this process's own.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    dir: PathBuf,
    keeper: Option<Child>,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that all tests of a process share.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes a cluster and starts its server.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let bin = programs();
        let dir = PathBuf::from(run(as_postgres("mktemp").args(["-d", "/tmp/cordboard-pg.XXXXXX"])).trim_end());
        run(as_postgres(bin.join("initdb"))
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(dir.join("data")));
        let mut server = Self { bin, dir, keeper: None, databases: AtomicU32::new(0) };
        server.resume();
        server
    }

    /// Makes an empty database and gives its URL.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        run(as_postgres(self.bin.join("createdb")).args(["-U", "postgres", "-h"]).arg(&self.dir).arg(&name));
        format!("postgres://postgres@localhost/{name}?host={}", self.dir.display())
    }

    /// Stops the server at once, as a crash would; its data stays.
    pub fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            if let Some(mut input) = keeper.stdin.take() {
                // If it is gone already there is nobody to tell.
                let _ = input.write_all(b"stop\n");
            }
            keeper.wait().expect("the keeper can be waited for");
        }
    }

    /// Stops all of the server's processes where they are: connections stay, and nobody answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Sends a signal to the server and its children, by their ids.
    fn signal(&self, signal: &str) {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("the server runs");
        let server = file.lines().next().expect("the server has an id");
        // The server first, so that it has no more children.
        run(as_postgres("kill").args([signal, server]));
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).expect("the server has children");
        for child in children.split_whitespace() {
            // A child may have ended meanwhile.
            let _ = as_postgres("kill").args([signal, child]).output();
        }
    }

    /// Starts a stopped server with the same data.
    ///
    /// # Panics
    /// If it does not start.
    pub fn resume(&mut self) {
        if self.keeper.is_some() {
            return;
        }
        let mut keeper = as_postgres("sh")
            .args(["-c", KEEPER, "keeper"])
            .args([&self.bin, &self.dir])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let output = keeper.stdout.take().expect("the output is piped");
        let (tell, told) = mpsc::sync_channel(LINES_MAX);
        // Reads for as long as the server writes, so that it never waits for us.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let mut log = String::new();
        loop {
            match told.recv_timeout(START_MAX) {
                Ok(line) if line.contains("ready to accept connections") => break,
                Ok(line) => log = log + &line + "\n",
                Err(_) => panic!("PostgreSQL did not start:\n{log}"),
            }
        }
        self.keeper = Some(keeper);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        } else {
            let _ = as_postgres("rm").arg("-rf").arg(&self.dir).status();
        }
    }
}

/// Where `initdb` and `postgres` are.
fn programs() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
    let told = told.and_then(|output| String::from_utf8(output.stdout).ok()).map(|dir| PathBuf::from(dir.trim_end()));
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .chain(told)
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort_unstable();
    found.pop().unwrap_or_else(|| panic!("PostgreSQL is not installed: run `make test`, which installs postgresql"))
}

/// The server refuses to run as root.
fn as_postgres(program: impl AsRef<Path>) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program.as_ref());
        command
    } else {
        Command::new(program.as_ref())
    };
    // Where we are may be closed to others.
    command.current_dir("/");
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
