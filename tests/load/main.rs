//! `make bench`: what registrations and calls cost. Offers rising rates to a server of its own on this machine and prints, for each,
//! what was achieved and how much processor time the server's process took.
//!
//! Client and server share the machine's cores, so the rates are lower bounds; the processor time per piece of work is the number to keep.

mod calls;
mod usage;

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tests::{Account, Server, server::Settings, sipp};

use crate::usage::Usage;

/// Accounts that register and call; the most that one hub has.
const ACCOUNTS: u16 = 600;
/// Registrations a second that are offered, one after another.
const REGISTER_RATES: [u32; 3] = [200, 1_000, 4_000];
/// Calls a second that are offered, one after another. Each is answered, acknowledged, recorded, and ended after a moment.
const CALL_RATES: [u32; 3] = [20, 100, 300];
/// Four a call, and a port rests for some seconds after its call.
const MEDIA_PORTS: u16 = 8_000;
/// How long each rate is held.
const SPAN: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let settings = Settings { media_ports: MEDIA_PORTS, ..Settings::default() }.with("CORDBOARD__LOG__FILTER", "warn");
    let server = Server::start_with(settings).context("a server to measure")?;
    let accounts = server.admin()?.hub("bench", "auto", ACCOUNTS)?;
    let mut table = "what           offered/s  done/s  failed  p50/ms  p99/ms  server CPU/%  CPU us each  resident/MiB\n".to_owned();
    let before = Usage::of(&server)?;
    pace(before.at + SPAN);
    row(&mut table, "nothing", 0, &before, &Usage::of(&server)?, 0, 0, &[])?;
    for rate in REGISTER_RATES {
        registrations(&server, &accounts, rate, &mut table)?;
    }
    let lines = calls::Lines::register(&server, &accounts)?;
    for rate in CALL_RATES {
        let before = Usage::of(&server)?;
        let outcome = lines.run(rate, SPAN)?;
        row(&mut table, "calls", rate, &before, &Usage::of(&server)?, outcome.done, outcome.failed, &outcome.latencies)?;
    }
    say(&format!(
        "Offered for {} s each, client and server on {} cores together, SQLite, recording on. There is no peer in this table yet:\n\
         these are our own numbers, good for comparing two versions of ours on one machine.\n\n{table}",
        SPAN.as_secs(),
        std::thread::available_parallelism().map_or(1, usize::from)
    ));
    Ok(())
}

/// Registrations by `SIPp`: challenged once, then accepted.
fn registrations(server: &Server, accounts: &[Account], rate: u32, table: &mut String) -> Result<()> {
    let count = rate * u32::try_from(SPAN.as_secs())?;
    let before = Usage::of(server)?;
    let outcome = sipp::Run::of("register", server.sip()).accounts(accounts, &[]).calls(count, rate).run()?;
    let after = Usage::of(server)?;
    let failed = u64::from(outcome.last_number("Failed call").unwrap_or(count));
    row(table, "registrations", rate, &before, &after, u64::from(count).saturating_sub(failed), failed, &[])
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
fn row(
    table: &mut String,
    what: &str,
    rate: u32,
    before: &Usage,
    after: &Usage,
    done: u64,
    failed: u64,
    latencies: &[Duration],
) -> Result<()> {
    let wall = after.at.duration_since(before.at).as_secs_f64();
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    let count = done.max(1) as f64;
    let percentile = |part: usize| -> String {
        let at = latencies.get((latencies.len() * part / 100).min(latencies.len().saturating_sub(1)));
        at.map_or_else(|| "-".to_owned(), |latency| format!("{:.1}", latency.as_secs_f64() * 1000.0))
    };
    let each = if done == 0 { "-".to_owned() } else { format!("{:.0}", cpu / count * 1e6) };
    writeln!(
        table,
        "{what:13}  {rate:9}  {:6.0}  {failed:6}  {:>6}  {:>6}  {:12.1}  {each:>11}  {:12}",
        if done == 0 { 0.0 } else { count / wall },
        percentile(50),
        percentile(99),
        cpu / wall * 100.0,
        after.resident >> 20
    )?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what a person runs this for")]
fn say(text: &str) {
    println!("{text}");
}

/// Waits for a planned moment of the offered load.
fn pace(moment: Instant) {
    while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}
