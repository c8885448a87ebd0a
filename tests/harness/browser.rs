//! A person at a browser: Chromium without a window, driven by a script of `console/e2e`.
//!
//! The script gets the world it lives in as JSON, and says by its end and its last line of output how it went.

use std::{
    env, fs,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::wait;

/// A script that takes longer hangs. It gives up by itself before that, and then says where it was.
const LIMIT: Duration = Duration::from_secs(240);
/// How long it may take to end when it is told to.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Plays `console/e2e/<script>.ts` in `world`, to which the place of the browser and a directory for files are added.
/// Gives back what its last line of output says.
///
/// # Errors
/// When something that it needs is not installed, or when the script finds something wrong; the error holds what it said.
pub fn play(script: &str, files: &Path, world: &Value) -> Result<Value> {
    let console = root().join("console");
    let node = root().join("target/tools/node/node_modules/.bin/node");
    ensure!(node.is_file(), "no Node under target/tools: `make test` installs it (scripts/setup-console.sh)");
    ensure!(console.join("node_modules/playwright-core").is_dir(), "no playwright-core in console/node_modules: `make test` installs it");
    ensure!(console.join("dist/index.html").is_file(), "the console is not built: `make test` builds it (scripts/console.sh)");
    let chromium = chromium().context("no chromium: `make test` installs it (scripts/setup-tests.sh)")?;

    let mut world = world.clone();
    world["chromium"] = json!(chromium);
    world["files"] = json!(files);
    // Its output goes to files, so that a script that says much does not wait for somebody to read it.
    let (said, complained) = (files.join("stdout"), files.join("stderr"));
    let mut child = Command::new(node)
        .arg(format!("e2e/{script}.ts"))
        .current_dir(&console)
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&said)?)
        .stderr(fs::File::create(&complained)?)
        .process_group(0)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(world.to_string().as_bytes())?;
    }
    let ended = wait::until(format!("the end of {script}.ts"), LIMIT, || Ok(child.try_wait()?));
    if ended.is_err() {
        // The script ends its browser when it is asked to end; if it does not, the browser ends when the script is gone.
        let group = Pid::from_raw(i32::try_from(child.id())?).context("no process has the number 0")?;
        let _ = kill_process_group(group, Signal::TERM);
        if wait::until("its end", END_LIMIT, || Ok(child.try_wait()?)).is_err() {
            let _ = kill_process_group(group, Signal::KILL);
            child.wait()?;
        }
    }
    let output = fs::read_to_string(&said).unwrap_or_default();
    let shown = || format!("{script}.ts:\n{output}{}", fs::read_to_string(&complained).unwrap_or_default());
    let status = ended.with_context(shown)?;
    ensure!(status.success(), "{status}, {}", shown());
    Ok(serde_json::from_str(output.lines().last().unwrap_or_default()).unwrap_or_default())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn chromium() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join("chromium")).find(|path| path.is_file())
}
