//! What is told: a table for people, and ratios for the files in `benches/results/`.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    numbers::{median, spread},
    peers::version,
    rounds::{Extent, Idle, Turns, Who},
    sample::{Sample, Spread},
    work::{ADDED_AIM, BARE_AIM, CALL_AIM, Kind, RECORDING_AIM, REGISTRATION_AIM, Row, SOUND_AIM},
};

/// One comparison of processor time: who, against whom, and what we aim at.
fn comparisons(kind: Kind) -> &'static [(Who, Who, f64)] {
    match kind {
        Kind::Registration | Kind::Encrypted(_) => &[(Who::Ours, Who::Kamailio, REGISTRATION_AIM)],
        Kind::Call => &[(Who::Ours, Who::Kamailio, CALL_AIM)],
        Kind::Sound => {
            &[(Who::Ours, Who::Rtpengine, SOUND_AIM), (Who::Ours, Who::Bare, BARE_AIM), (Who::Recording, Who::Ours, RECORDING_AIM)]
        }
        Kind::Lines | Kind::Memory | Kind::Rest | Kind::Events | Kind::Flood | Kind::Lists => &[],
    }
}

/// A figure of ours alone: memory of a call, a latency.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// The row that it belongs to.
    pub(crate) name: String,
    /// What it is.
    pub(crate) what: String,
    /// As people read it.
    pub(crate) text: String,
    /// By how much of its aim: 1 = just reached.
    pub(crate) of_aim: f64,
    /// Why it is not to be trusted.
    pub(crate) faults: Vec<String>,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Rows with peers.
    pub(crate) rows: Vec<(Row, Turns)>,
    /// Figures without.
    pub(crate) figures: Vec<Figure>,
    /// Processor time of servers at rest.
    pub(crate) idle: Idle,
}

impl Report {
    /// The table.
    pub(crate) fn table(&self, extent: Extent) -> Result<String> {
        let mut text = format!(
            "Processor time of each server's whole process tree, generator and servers on {} cores together, over loopback (127/8).\n\
             {} rounds of {} s a side, in alternation; ratios are medians (least to greatest) of each round's; latencies are medians of each round's.\n\
             Our calls verify the callers' Authorization, sent ahead by a nonce they have; Kamailio's do not.\n\n\
             {:18} {:15} {:10} {:>6}  {:>20}  {:>9} {:>9}  {:>14} {:>14}  {}\n",
            std::thread::available_parallelism().map_or(1, usize::from),
            extent.rounds,
            extent.span.as_secs(),
            "work",
            "who",
            "against",
            "aim",
            "ratio",
            "us each",
            "its us",
            "p50/p99 ms",
            "its p50/p99 ms",
            "verdict"
        );
        for (row, turns) in &self.rows {
            for (who, against, aim) in comparisons(row.kind) {
                let (Some(ours), Some(theirs)) = (turns.get(who), turns.get(against)) else { continue };
                let ratios = ratios(ours, theirs);
                let (Some(ratio), Some((least, greatest))) = (median(&ratios), spread(&ratios)) else { continue };
                let verdict = verdict(ratio <= *aim, &faults(&[ours, theirs]));
                writeln!(
                    text,
                    "{:18} {:15} {:10} {aim:6.2}  {:>20}  {:9.2} {:9.2}  {:>14} {:>14}  {verdict}",
                    row.name,
                    who.name(),
                    against.name(),
                    format!("{ratio:.2} ({least:.2} to {greatest:.2})"),
                    each(ours),
                    each(theirs),
                    latency(ours),
                    latency(theirs),
                )?;
            }
        }
        for figure in self.latencies().iter().chain(&self.figures) {
            let verdict = verdict(figure.of_aim <= 1.0, &figure.faults);
            writeln!(text, "{:18} {:58} {verdict}", figure.name, format!("{}: {}", figure.what, figure.text))?;
        }
        for (who, cpu) in &self.idle {
            writeln!(
                text,
                "{:18} {} takes {:.2} ms of processor time a second (contained in the figures above)",
                "at rest",
                who.name(),
                cpu.as_secs_f64() * 1e3
            )?;
        }
        let mut generator: BTreeMap<&str, f64> = BTreeMap::new();
        for (row, turns) in &self.rows {
            let shares: Vec<f64> =
                turns.values().flatten().map(|sample| sample.generator.as_secs_f64() / sample.wall.as_secs_f64() * 100.0).collect();
            generator.insert(row.name, median(&shares).unwrap_or_default());
        }
        let shares: Vec<String> = generator.iter().map(|(row, share)| format!("{row} {share:.0} %")).collect();
        writeln!(text, "{:18} of one core: {}", "generator", shares.join(", "))?;
        Ok(text)
    }

    /// What we add to a set-up and to a packet, held against its aim.
    fn latencies(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        for (row, turns) in &self.rows {
            let Some(ours) = turns.get(&Who::Ours) else { continue };
            let what = if row.kind == Kind::Sound { "added to a packet" } else { "INVITE in to INVITE out" };
            let spreads = [(what, Part::Added), ("INVITE to 200, answered at once", Part::Whole)];
            for (what, part) in spreads {
                let p99s: Vec<f64> = ours.iter().filter_map(|sample| Some(part.of(sample)?.p99.as_secs_f64())).collect();
                let Some(p99) = median(&p99s).filter(|_| matches!(row.kind, Kind::Call | Kind::Sound)) else { continue };
                let text = format!("{:.2} ms (aim {:.0} ms)", p99 * 1e3, ADDED_AIM.as_secs_f64() * 1e3);
                let of_aim = p99 / ADDED_AIM.as_secs_f64();
                figures.push(Figure { name: row.name.to_owned(), what: format!("{what}, p99"), text, of_aim, faults: faults(&[ours]) });
            }
        }
        figures
    }

    /// Ratios only: what another machine can be held against.
    pub(crate) fn json(&self, extent: Extent, commit: &str) -> Value {
        let mut rows = Vec::new();
        for (row, turns) in &self.rows {
            for (who, against, aim) in comparisons(row.kind) {
                let (Some(ours), Some(theirs)) = (turns.get(who), turns.get(against)) else { continue };
                let ratios = ratios(ours, theirs);
                let (Some(ratio), Some((least, greatest))) = (median(&ratios), spread(&ratios)) else { continue };
                let faults = faults(&[ours, theirs]);
                rows.push(json!({
                    "work": row.name, "piece": row.piece, "who": who.name(), "against": against.name(), "aim": aim,
                    "ratio": round(ratio), "least": round(least), "greatest": round(greatest), "valid": faults.is_empty(), "faults": faults,
                    "latency_p99_ratio": p99(ours).zip(p99(theirs)).map(|(ours, theirs)| round(ours / theirs)),
                }));
            }
        }
        let figures: Vec<Value> = self
            .latencies()
            .iter()
            .chain(&self.figures)
            .map(|figure| json!({"work": figure.name, "what": figure.what, "of_aim": round(figure.of_aim), "valid": figure.faults.is_empty(), "faults": figure.faults}))
            .collect();
        json!({
            "commit": commit,
            "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
            "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "peers": {"kamailio": version("kamailio", "-v"), "rtpengine": version("rtpengine", "-v")},
            "rounds": extent.rounds, "seconds_a_turn": extent.span.as_secs(),
            "ratios": rows, "figures": figures,
        })
    }
}

/// Which latency.
#[derive(Debug, Clone, Copy)]
enum Part {
    Added,
    Whole,
}

impl Part {
    fn of(self, sample: &Sample) -> Option<Spread> {
        match self {
            Self::Added => sample.added,
            Self::Whole => sample.whole,
        }
    }
}

/// The short name of the commit that is checked out, with `-changed` if the tree differs from it.
pub(crate) fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(head) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty());
    if changed { head + "-changed" } else { head }
}

/// Where the repository is.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn ratios(ours: &[Sample], theirs: &[Sample]) -> Vec<f64> {
    ours.iter().zip(theirs).filter(|(_, theirs)| !theirs.cpu.is_zero()).map(|(ours, theirs)| ours.each_us() / theirs.each_us()).collect()
}

fn each(samples: &[Sample]) -> f64 {
    median(&samples.iter().map(Sample::each_us).collect::<Vec<_>>()).unwrap_or_default()
}

fn p99(samples: &[Sample]) -> Option<f64> {
    median(&samples.iter().filter_map(|sample| Some(sample.added.or(sample.whole)?.p99.as_secs_f64())).collect::<Vec<_>>())
}

fn latency(samples: &[Sample]) -> String {
    let at = |pick: fn(&Sample) -> Option<Duration>| {
        median(&samples.iter().filter_map(|sample| Some(pick(sample)?.as_secs_f64() * 1e3)).collect::<Vec<_>>())
    };
    let p50 = at(|sample| Some(sample.added.or(sample.whole)?.p50));
    let p99 = at(|sample| Some(sample.added.or(sample.whole)?.p99));
    p50.zip(p99).map_or_else(|| "-".to_owned(), |(p50, p99)| format!("{p50:.2}/{p99:.2}"))
}

/// What went wrong in these turns, summed up by kind.
fn faults(sides: &[&Vec<Sample>]) -> Vec<String> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, count) in sides.iter().flat_map(|samples| samples.iter()).flat_map(|sample| &sample.faults) {
        *all.entry(what).or_default() += count;
    }
    all.iter().map(|(what, count)| format!("{count} × {what}")).collect()
}

fn verdict(reached: bool, faults: &[String]) -> String {
    let word = if reached { "reached" } else { "MISSED" };
    if faults.is_empty() { word.to_owned() } else { format!("INVALID ({}), else {word}", faults.join("; ")) }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
