//! `make instructions`: how many processor instructions the hot paths take, counted by callgrind, held against `benches/instructions.json`.
//!
//! Counts hardly depend on the machine and not at all on what else it does, so a tenth more is a change of the code and not of the weather.
//! Each workload is run for N and for 2N turns; the difference is what N turns take, without the start.

mod desk;
mod workloads;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::workloads::{WORKLOADS, Workload};

/// Growth or shrinkage, in percent, that is told: the one fails, the other asks to be written down.
const TOLERANCE: u64 = 10;
/// Turns before those that are counted: tables and pools have their size.
const WARM_UP: u64 = 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // Under callgrind.
        ["run", name, turns] => {
            let workload = WORKLOADS.iter().find(|workload| workload.name == *name).context("no such workload")?;
            (workload.run)(WARM_UP + turns.parse::<u64>()?)
        }
        [] => compare(),
        _ => bail!("usage: instructions (UPDATE_EXPECT=1 writes benches/instructions.json anew)"),
    }
}

fn compare() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json");
    let known: BTreeMap<String, u64> = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string())?,
        Err(_) => BTreeMap::new(),
    };
    if let Some(unknown) = known.keys().find(|name| !WORKLOADS.iter().any(|workload| workload.name == **name)) {
        bail!("{} has {unknown}, which nothing measures", path.display());
    }
    let dir = tempfile::tempdir()?;
    let mut counted = BTreeMap::new();
    let mut worse = Vec::new();
    let mut better = Vec::new();
    say(&format!("{:16} {:>12} {:>12} {:>8}", "instructions", "committed", "now", "change"));
    for workload in WORKLOADS {
        let count = count(workload, dir.path())?;
        let line = |change: &str| {
            format!("{:16} {:>12} {count:>12} {change:>8}", workload.name, known.get(workload.name).map_or("-".to_owned(), u64::to_string))
        };
        match known.get(workload.name) {
            None => {
                say(&line("new"));
                worse.push(workload.name);
            }
            Some(before) => {
                let permille = (i128::from(count) - i128::from(*before)) * 1000 / i128::from((*before).max(1));
                say(&line(&format!("{}{}.{} %", if permille < 0 { "-" } else { "+" }, permille.abs() / 10, permille.abs() % 10)));
                if count * 100 > before * (100 + TOLERANCE) {
                    worse.push(workload.name);
                } else if count * 100 < before * (100 - TOLERANCE) {
                    better.push(workload.name);
                }
            }
        }
        counted.insert(workload.name, count);
    }
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&counted)? + "\n")?;
        say(&format!("written to {}", path.display()));
        return Ok(());
    }
    if !better.is_empty() {
        say(&format!("more than {TOLERANCE} % cheaper: {}. Keep it: UPDATE_EXPECT=1 make instructions", better.join(", ")));
    }
    ensure!(
        worse.is_empty(),
        "more than {TOLERANCE} % dearer than {}, or not in it: {}. If the work is worth it: UPDATE_EXPECT=1 make instructions, and say why in the commit",
        path.display(),
        worse.join(", ")
    );
    Ok(())
}

/// Instructions of one turn.
fn count(workload: &Workload, dir: &Path) -> Result<u64> {
    let once = callgrind(workload, workload.turns, dir)?;
    let twice = callgrind(workload, workload.turns * 2, dir)?;
    let each = twice.checked_sub(once).context("more turns took less")? / workload.turns;
    // Nothing counted would look like a great saving.
    ensure!(each > 0, "{}: callgrind counted nothing", workload.name);
    Ok(each)
}

fn callgrind(workload: &Workload, turns: u64, dir: &Path) -> Result<u64> {
    let out: PathBuf = dir.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*workloads::measured*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .args(["run", workload.name, &turns.to_string()])
        .output()
        .context("valgrind does not start: scripts/setup-instructions.sh installs it")?;
    ensure!(output.status.success(), "{} under valgrind: {}", workload.name, String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&out)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).context("no totals in callgrind's output")?;
    Ok(total.trim().parse()?)
}

#[expect(clippy::print_stdout, reason = "the table is what a person runs this for")]
fn say(text: &str) {
    println!("{text}");
}
