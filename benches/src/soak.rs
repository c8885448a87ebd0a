//! `--soak`: calls for minutes or hours, and whether the server is afterwards what it was before.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tests::Rest;

use crate::{
    alone::listen,
    generate::phones::{Offer, Phones, Tally, Work},
    numbers::{permille, real, slope},
    peers::ours::Ours,
    usage::{Usage, descriptors},
};

const HUBS: [u16; 2] = [500, 500];
const MEDIA_PORTS: u16 = 5_000;
/// How long each call lasts.
const TALK: Duration = Duration::from_secs(8);
/// One call in so many has sound both ways; all are recorded.
const SOUND_SHARE: usize = 4;
/// Each phone registers again after about this long, as phones do: its nonce is fresh for its next calls.
const REGISTER_EVERY_S: usize = 120;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// Before the figures of before and after are taken: the last transactions are over (RFC 3261, 17.1.1.2: 32 s and more), sockets that were kept
/// for the next call are closed (30 s), the database has followed.
const REST: Duration = Duration::from_secs(50);
/// The first calls fill what has a bound and stays full: ladders (64 MiB), events, ended calls on the board. That is part of the figures of before.
const WARM_UP: (u32, Duration) = (100, Duration::from_secs(120));
/// How long each of these lasts.
const WARM_UP_TALK: Duration = Duration::from_secs(1);
/// What may differ between before and after.
const TOLERANCE: f64 = 0.1;

/// What one look shows.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Duration,
    resident: u64,
    descriptors: u64,
    ports_free: u64,
    calls: u64,
    sockets: u64,
}

/// Runs it; gives the report, and what did not come back to what it was, or failed.
pub(crate) fn run(minutes: u32, rate: u32, tell: fn(&str)) -> Result<(String, Vec<&'static str>)> {
    ensure!(
        rate > 0 && usize::try_from(rate)? * usize::try_from(TALK.as_secs() + 1)? < 500,
        "1 to 55 calls a second: there are 500 pairs of phones"
    );
    let ours = Ours::start(true, &HUBS, MEDIA_PORTS)?;
    let mut phones = Phones::new(ours.sip(), &ours.accounts, ours.sip())?;
    phones.register_all(1_000)?;
    phones.talk_in_one_of(SOUND_SHARE);
    let rest = ours.server().admin()?;
    let began = Instant::now();

    let warm_up = calls(WARM_UP.0, WARM_UP.1, WARM_UP_TALK, 0)?;
    let tally = phones.run_all(&[warm_up, registrations(&phones, WARM_UP.1)?], EVERY, &mut |_| ours.forget_recordings())?;
    ensure!(tally.failed() == 0, "calls failed at the very beginning: {:?}", tally.failures);
    listen(&mut phones, REST)?;
    ours.forget_recordings()?;
    let before = look(&ours, &rest, began)?;
    tell(&format!("before: {before:?}"));

    let span = Duration::from_secs(u64::from(minutes) * 60);
    let offers = [calls(rate, span, TALK, warm_up.count)?, registrations(&phones, span)?];
    let mut looks = Vec::new();
    let start = Instant::now();
    let tally = phones.run_all(&offers, EVERY, &mut |tally| {
        ours.forget_recordings()?;
        let look = look(&ours, &rest, start)?;
        tell(&format!("{look:?} failed: {} sound: {}/{}", tally.failed(), tally.sound.1, tally.sound.0));
        looks.push(look);
        Ok(())
    })?;
    listen(&mut phones, REST)?;
    ours.forget_recordings()?;
    let after = look(&ours, &rest, start)?;
    report(minutes, rate, &before, &after, &looks, tally)
}

fn report(minutes: u32, rate: u32, before: &Look, after: &Look, looks: &[Look], mut tally: Tally) -> Result<(String, Vec<&'static str>)> {
    let late: Vec<(f64, f64)> =
        looks.iter().skip(looks.len() / 2).map(|look| (look.at.as_secs_f64() / 60.0, real(look.resident) / 1000.0)).collect();
    let mut text =
        format!("Soak: {rate} calls/s of {} s for {minutes} minutes, one in {SOUND_SHARE} with sound, all recorded.\n", TALK.as_secs());
    let mut wrong = Vec::new();
    let compared = [
        ("resident memory, kB", before.resident / 1000, after.resident / 1000),
        ("descriptors", before.descriptors, after.descriptors),
        ("media ports in stock", before.ports_free, after.ports_free),
        ("calls", before.calls, after.calls),
        ("sockets live", before.sockets, after.sockets),
    ];
    for (what, before, after) in compared {
        let change = if before == after { 0.0 } else { (real(after) - real(before)) / real(before.max(1)) };
        writeln!(text, "  {what:22} before {before:9}  after {after:9}  {:+.1} %", change * 100.0)?;
        if change.abs() > TOLERANCE {
            wrong.push(what);
        }
    }
    match slope(&late) {
        Some(slope) => {
            writeln!(text, "  resident memory grew by {slope:.1} kB a minute in the second half (least squares over {} looks)", late.len())?
        }
        None => writeln!(text, "  too short for a slope")?,
    }
    let permille = |values: &mut Vec<u64>, part| permille(values, part).map_or(0.0, |nanoseconds| real(nanoseconds) / 1e6);
    writeln!(text, "  pieces of work: {} offered, {} done, failed: {} {:?}", tally.offered, tally.done, tally.failed(), tally.failures)?;
    writeln!(
        text,
        "  INVITE in to INVITE out: p50 {:.2} ms, p99 {:.2} ms",
        permille(&mut tally.through, 500),
        permille(&mut tally.through, 990)
    )?;
    writeln!(text, "  the generator was late by {:.2} ms (p99)", permille(&mut tally.lateness, 990))?;
    let (sent, arrived) = tally.sound;
    writeln!(
        text,
        "  packets of sound: {sent} sent, {arrived} arrived; what was sent before the far side's port was known, or around the BYE, is not relayed"
    )?;
    if tally.failed() > 0 {
        wrong.push("failed calls");
    }
    if wrong.is_empty() {
        text += "All within 10 %, nothing failed.\n";
    }
    Ok((text, wrong))
}

fn calls(rate: u32, span: Duration, talk: Duration, first: usize) -> Result<Offer> {
    Ok(Offer { work: Work::Call { talk: Some(talk) }, rate, count: usize::try_from(u64::from(rate) * span.as_secs())?, first })
}

fn registrations(phones: &Phones, span: Duration) -> Result<Offer> {
    let rate = u32::try_from(phones.len() / REGISTER_EVERY_S + 1)?;
    Ok(Offer { work: Work::Register, rate, count: usize::try_from(u64::from(rate) * span.as_secs())?, first: 0 })
}

fn look(ours: &Ours, rest: &Rest, since: Instant) -> Result<Look> {
    let metrics = rest.get("/metrics")?;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let gauge = |name: &str| -> Result<u64> {
        let line =
            metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).with_context(|| format!("no metric {name}"))?;
        Ok(line.trim().parse()?)
    };
    Ok(Look {
        at: since.elapsed(),
        resident: Usage::of_tree(ours.pid())?.resident,
        descriptors: u64::try_from(descriptors(ours.pid())?)?,
        ports_free: gauge("cordboard_media_ports_free")?,
        calls: gauge("cordboard_calls_live")?,
        sockets: gauge("cordboard_sockets_live")?,
    })
}
