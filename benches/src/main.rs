//! `make bench`: what registrations, calls and packets cost us, side by side with the programs that we stand in for.
//!
//! Starts a server of ours, Kamailio and rtpengine privately on loopback, offers all the same load from one lean generator at fixed rates,
//! one after another in alternating rounds, and compares the processor time of their process trees. The shares of a run are what counts:
//! absolute figures hold for one machine and one hour.

mod alone;
mod events;
mod flood;
mod generate;
mod lists;
mod numbers;
mod peers;
mod report;
mod rounds;
mod sample;
mod soak;
mod usage;
mod work;

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    report::{Report, commit, root},
    rounds::Extent,
    work::{Kind, ROWS, Row},
};

/// The whole bench is stopped after this.
const LIMIT: Duration = Duration::from_secs(40 * 60);
/// What a soak takes beside its minutes: start, warm-up, rest.
const SOAK_EXTRA: Duration = Duration::from_secs(6 * 60);
const SPAN: Duration = Duration::from_secs(10);
const ROUNDS: usize = 5;
const QUICK_SPAN: Duration = Duration::from_secs(2);
const QUICK_ROUNDS: usize = 2;
/// How often each page of a list is read.
const PAGE_REPEATS: usize = 300;

/// What the command line says.
#[derive(Debug, Parser)]
#[command(about = "Measures Cordboard beside Kamailio and rtpengine. CORDBOARD_BIN names another server binary than the one beside this.")]
struct Arguments {
    /// Rows whose names begin like this, between commas: registration, call-200, sound, memory, rest, events, lists, lines, flood.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often each side has its turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// Short turns and few: for a first look.
    #[arg(long)]
    quick: bool,
    /// Writes the ratios to benches/results/COMMIT.json.
    #[arg(long)]
    keep: bool,
    /// Instead of the bench: calls for so many minutes, and whether the server is afterwards what it was before.
    #[arg(long)]
    soak: bool,
    /// How long the soak lasts.
    #[arg(long, default_value_t = 60, requires = "soak")]
    minutes: u32,
    /// Calls a second of the soak.
    #[arg(long, default_value_t = 20, requires = "soak")]
    rate: u32,
    /// For this program's own use: be the bare relay.
    #[arg(long, hide = true)]
    bare_relay: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.bare_relay {
        return peers::bare::serve();
    }
    if arguments.soak {
        peers::guard(Duration::from_secs(u64::from(arguments.minutes) * 60) + SOAK_EXTRA)?;
        raise_descriptors()?;
        let (text, wrong) = soak::run(arguments.minutes, arguments.rate, warn)?;
        say(&text);
        ensure!(wrong.is_empty(), "not as before: {}", wrong.join(", "));
        return Ok(());
    }
    let extent = Extent {
        rounds: arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS }),
        span: if arguments.quick { QUICK_SPAN } else { SPAN },
    };
    let rows: Vec<Row> = ROWS
        .into_iter()
        .filter(|row| arguments.only.is_empty() || arguments.only.iter().any(|name| row.name.starts_with(name.as_str())))
        .collect();
    ensure!(!rows.is_empty(), "no such row; there are {}", ROWS.map(|row| row.name).join(", "));
    peers::guard(LIMIT)?;
    raise_descriptors()?;
    warn(&format!("the server measured: {}", peers::ours::Ours::binary()?.display()));

    let mut report = Report::default();
    let has = |kinds: &[Kind]| rows.iter().any(|row| kinds.contains(&row.kind));
    if has(&[Kind::Registration, Kind::Call]) {
        report.rows.extend(rounds::signalling(&rows, extent, &mut report.idle, warn)?);
    }
    report.rows.extend(rounds::encrypted(&rows, extent, warn)?);
    if has(&[Kind::Sound]) {
        report.rows.extend(rounds::sound(&rows, extent, &mut report.idle, warn)?);
    }
    for row in &rows {
        match row.kind {
            Kind::Lines => report.figures.push(alone::lines(row, warn)?),
            Kind::Memory => report.figures.push(alone::memory(row, warn)?),
            Kind::Rest => report.figures.push(alone::rest(row, if arguments.quick { row.amount / 2 } else { row.amount })?),
            Kind::Events => report.figures.push(events::measure(row, extent.span, warn)?),
            Kind::Flood => report.figures.push(flood::measure(row, extent.span, warn)?),
            Kind::Lists => {
                let (rows, repeats) = if arguments.quick { (row.amount / 10, PAGE_REPEATS / 3) } else { (row.amount, PAGE_REPEATS) };
                report.figures.extend(lists::measure(row, rows.into(), repeats, warn)?);
            }
            Kind::Registration | Kind::Encrypted(_) | Kind::Call | Kind::Sound => {}
        }
    }
    say(&report.table(extent)?);
    let commit = commit(&root());
    let ratios = format!("{:#}\n", report.json(extent, &commit));
    say(&ratios);
    if arguments.keep {
        let path = root().join("benches/results").join(format!("{commit}.json"));
        fs::write(&path, ratios).with_context(|| path.display().to_string())?;
        warn(&format!("kept in {}", path.display()));
    }
    Ok(())
}

/// As many descriptors as the machine lets us have, for us and whom we start: 1,400 calls have 5,600 sockets.
fn raise_descriptors() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

#[expect(clippy::print_stdout, reason = "the table is what a person runs this for")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "what is going on, apart from the table")]
fn warn(text: &str) {
    eprintln!("{text}");
}
