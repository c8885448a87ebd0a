//! `kill -9` during twenty recorded calls, over and over (FT-1, FT-2, R22): no call is lost or counted twice, every recording plays
//! and lacks at most its last second, every binding is there again.
//!
//! `CRASH_ROUNDS=50 CRASH_SEED=7 make test` looks longer and elsewhere.

use std::{
    collections::BTreeMap,
    fmt::Write,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tests::{
    Account, RawPhone, Rest, Server,
    audio::Wav,
    raw::{Habits, Leg},
    rest::recording_path,
    server::{Settings, story},
    wait,
};

use crate::world::{HIGH, LOW, SOON, raw};

/// Calls at once. Half are started over REST, half are dialled.
const CALLS: usize = 20;
/// Rounds of an ordinary run.
const ROUNDS: u64 = 4;
/// FT-2: a recording may lack this much of what was said before the crash.
const MISSING_MAX_MS: f64 = 1000.0;
/// A phone of ours whose packets came later than this was itself halted by the machine.
const LATENESS_MAX: Duration = Duration::from_millis(100);
/// FT-1: a CDR's times may be off by this much.
const CDR_OFF_MAX_MS: i64 = 10_000;
/// FT-1: back within this time.
const START_MAX: Duration = Duration::from_secs(5);

fn number_from(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Two phones and who orders their call.
struct Pair {
    caller: RawPhone,
    callee: RawPhone,
    /// Orders over REST; none = the phone dials.
    operator: Option<Rest>,
}

/// What a round came to: one line of the table.
#[derive(Default)]
struct Round {
    moment_ms: u128,
    started: usize,
    cdrs: usize,
    aborted: usize,
    recordings: usize,
    missing_ms: f64,
    halting: usize,
    bindings: usize,
    up_ms: u128,
}

#[test]
fn nothing_is_lost_by_kill_9_in_twenty_calls() -> Result<()> {
    let (seed, rounds) = (number_from("CRASH_SEED", 1), number_from("CRASH_ROUNDS", ROUNDS));
    story(Settings::default(), |server| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pairs = pairs(server)?;
        let mut table = format!(
            "kill -9 in {CALLS} calls, seed {seed}\nround  moment/ms  REST 202s  CDRs  aborted  WAVs  worst missing/ms  halting phones  bindings  up/ms\n"
        );
        for at in 1..=rounds {
            let round = round(server, &pairs, &mut rng).with_context(|| format!("round {at} of seed {seed}\n{table}"))?;
            let Round { moment_ms, started, cdrs, aborted, recordings, missing_ms, halting, bindings, up_ms } = round;
            writeln!(
                table,
                "{at:5}  {moment_ms:9}  {started:9}  {cdrs:4}  {aborted:7}  {recordings:4}  {missing_ms:16.0}  {halting:14}  {bindings:8}  {up_ms:5}"
            )?;
        }
        show(&table);
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "the table is what a person runs this for; cargo shows it with --nocapture")]
fn show(table: &str) {
    println!("{table}");
}

fn pairs(server: &Server) -> Result<Vec<Pair>> {
    let accounts = server.admin()?.hub("crash", "auto", u16::try_from(2 * CALLS)?)?;
    let people = people(server, CALLS / 2)?;
    let (callers, callees) = accounts.split_at(CALLS);
    let phone = |account: &Account, tone| raw(server, account, Habits::answering(tone));
    let pairs = callers.iter().zip(callees).enumerate().map(|(at, (caller, callee))| {
        Ok(Pair { caller: phone(caller, LOW)?, callee: phone(callee, HIGH)?, operator: people.get(at).cloned() })
    });
    pairs.collect()
}

/// People who are logged in: a person holds one slot (R3), so each call over REST needs one.
fn people(server: &Server, count: usize) -> Result<Vec<Rest>> {
    let names: Vec<String> = (0..count).map(|at| format!("operator{at}")).collect();
    for name in &names {
        let added = server.command(&["user", "add", "--username", name, "--role", "operator", "--password-stdin"], "crash test dummy\n")?;
        ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
    names.iter().map(|name| server.anonymous().login(name, "crash test dummy")).collect()
}

/// When the server was killed.
#[derive(Clone, Copy)]
struct Death {
    at: Instant,
    /// The same, in milliseconds since 1970.
    wall_ms: i64,
}

/// A call as its called phone saw it. The server has told both sides that it is answered, so it must know of it for ever (R22).
struct Seen {
    answered: Instant,
    /// Whether it was already over when the server died: the server had passed the BYE on.
    over: bool,
    /// Whether both phones spoke without a stop. On a machine that is busy elsewhere they may not, and then a hole is theirs.
    fluent: bool,
}

fn round(server: &mut Server, pairs: &[Pair], rng: &mut ChaCha8Rng) -> Result<Round> {
    let admin = server.admin()?;
    // A record never changes; the recording shown beside it does, until it is closed.
    let known: BTreeMap<String, Value> = wait::until("the recordings of before", SOON, || {
        let known = cdrs(&admin)?;
        Ok(known.values().all(|cdr| cdr["recording"]["state"] != "recording").then_some(known))
    })?;
    let marks: Vec<usize> = pairs.iter().map(|pair| pair.callee.legs().len()).collect();
    // Calls begin a little apart, so that the crash meets them in every state; the moment lies between the first INVITE and long talk.
    let moment = Duration::from_millis(rng.random_range(300..4_000));
    let delays: Vec<Duration> = pairs.iter().map(|_| Duration::from_millis(rng.random_range(0..1_500))).collect();
    let hangups: Vec<Option<Duration>> =
        pairs.iter().map(|_| rng.random_bool(0.15).then(|| Duration::from_millis(rng.random_range(500..3_000)))).collect();

    let began = Instant::now();
    // What 202 or 200 promised: the ids of REST calls, and the dialled calls that were answered.
    let (promised, died) = thread::scope(|scope| -> Result<(Vec<String>, Death)> {
        let threads: Vec<_> = pairs
            .iter()
            .zip(delays.iter().zip(&hangups))
            .map(|(pair, (delay, hangup))| {
                scope.spawn(move || place(pair, began + *delay, hangup.map(|after| began + *delay + after), began + moment))
            })
            .collect();
        wait_until(began + moment);
        server.kill()?;
        let died = Death { at: Instant::now(), wall_ms: i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())? };
        let ids = threads.into_iter().filter_map(|thread| thread.join().ok().flatten());
        Ok((ids.collect(), died))
    })?;
    let seen: Vec<Option<Seen>> = pairs.iter().zip(&marks).map(|(pair, mark)| seen(pair, *mark)).collect();
    // The phones hang up on a dead line, as people do: silence from here on.
    for leg in pairs.iter().flat_map(|pair| pair.caller.legs().into_iter().chain(pair.callee.legs())) {
        leg.media.mute(true);
    }

    let up = server.launch()?;
    ensure!(up <= START_MAX, "it took {up:?} to come back");
    let admin = server.admin()?;
    let after = wait::until("the CDRs", SOON, || {
        let after = cdrs(&admin)?;
        Ok(promised.iter().all(|id| after.contains_key(id)).then_some(after))
    })
    .with_context(|| format!("202 was said to {promised:?}"))?;
    for (id, cdr) in &known {
        ensure!(after.get(id) == Some(cdr), "a CDR of before has changed: {cdr} is now {:?}", after.get(id));
    }
    let new: Vec<&Value> = after.iter().filter(|(id, _)| !known.contains_key(*id)).map(|(_, cdr)| cdr).collect();
    let mut round =
        Round { moment_ms: moment.as_millis(), started: promised.len(), cdrs: new.len(), up_ms: up.as_millis(), ..Round::default() };
    let mut accounted = 0;
    for (pair, seen) in pairs.iter().zip(&seen) {
        let slot = pair.caller.account().id.as_str();
        let cdrs: Vec<&Value> = new.iter().filter(|cdr| cdr["caller_slot"] == slot).copied().collect();
        match (cdrs.as_slice(), seen) {
            ([], None) => {}
            ([], Some(_)) => anyhow::bail!("the answered call of slot {slot} is lost"),
            ([cdr], seen) => {
                accounted += 1;
                judge_cdr(cdr, seen.as_ref(), died, &mut round)?;
                judge_recording(&admin, cdr, seen.as_ref(), died, &mut round)
                    .with_context(|| format!("{cdr}, cut off at {}", died.wall_ms))?;
            }
            (many, _) => anyhow::bail!("one call, {} CDRs: {many:?}", many.len()),
        }
    }
    ensure!(accounted == new.len(), "CDRs of calls that nobody made: {new:?}");
    judge_files(server, &admin)?;
    judge_the_living(&admin, pairs, &mut round)?;
    Ok(round)
}

/// Places one call; gives its id if the server promised one. Stops at `until`, when the server is dead.
fn place(pair: &Pair, at: Instant, hangup: Option<Instant>, until: Instant) -> Option<String> {
    wait_until(at.min(until));
    if at >= until {
        return None;
    }
    let number = &pair.callee.account().number;
    let id = match &pair.operator {
        Some(operator) => operator.start_call(&pair.caller.account().id, number).ok(),
        None => {
            // Refused or lost in the crash: the server's promise, the 200, is what counts, and that is seen in the leg.
            let _ = pair.caller.invite(number);
            None
        }
    };
    if let Some(hangup) = hangup.filter(|hangup| *hangup < until) {
        wait_until(hangup);
        if let Some(leg) = pair.caller.legs().into_iter().find(Leg::talks)
            && let Ok(bye) = pair.caller.in_dialog(&leg.call_id, "BYE")
        {
            let _ = pair.caller.send(&bye.bytes());
        }
    }
    id
}

/// Waits for a planned moment: the plan is what this test is about, so this is no wait for the server.
fn wait_until(moment: Instant) {
    while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

/// The pair's newest call, if the server acknowledged the called phone's answer.
fn seen(pair: &Pair, mark: usize) -> Option<Seen> {
    let newest = |phone: &RawPhone| phone.legs().into_iter().filter(|leg| leg.answered.is_some()).max_by_key(|leg| leg.answered);
    let (ours, theirs) = (newest(&pair.caller), newest(&pair.callee)?);
    let fresh = pair.callee.legs().len() > mark && theirs.acknowledged;
    let fluent = [ours.as_ref(), Some(&theirs)].into_iter().all(|leg| leg.is_some_and(|leg| leg.media.worst_lateness() < LATENESS_MAX));
    fresh.then_some(Seen { answered: theirs.answered?, over: theirs.ended.is_some(), fluent })
}

fn cdrs(admin: &Rest) -> Result<BTreeMap<String, Value>> {
    let mut by_id = BTreeMap::new();
    for cdr in admin.list("/api/cdr/records?limit=200")? {
        let id = cdr["call_id"].as_str().context("call_id")?.to_owned();
        ensure!(by_id.insert(id.clone(), cdr).is_none(), "{id} has two CDRs");
    }
    Ok(by_id)
}

/// What the phones were told before the crash stands in the CDR; all else is "aborted", with times that are right.
fn judge_cdr(cdr: &Value, seen: Option<&Seen>, died: Death, round: &mut Round) -> Result<()> {
    let ended = cdr["ended_at"].as_i64().context("ended_at")?;
    ensure!(ended >= cdr["started_at"].as_i64().unwrap_or(i64::MAX), "it ends before it begins: {cdr}");
    if cdr["cause"] == "aborted" {
        round.aborted += 1;
        ensure!((died.wall_ms - ended).abs() <= CDR_OFF_MAX_MS, "last seen at {ended}, died at {}: {cdr}", died.wall_ms);
    }
    if let Some(seen) = seen {
        ensure!(!cdr["answered_at"].is_null(), "both phones know that it was answered: {cdr}");
        let cause = if seen.over { "caller_hung_up" } else { cdr["cause"].as_str().unwrap_or_default() };
        ensure!(cdr["cause"] == cause && ["caller_hung_up", "aborted"].contains(&cause), "over: {}: {cdr}", seen.over);
    }
    Ok(())
}

/// FT-2: an answered call has a file that plays, with both voices to its end, and lacks at most its last second.
fn judge_recording(admin: &Rest, cdr: &Value, seen: Option<&Seen>, died: Death, round: &mut Round) -> Result<()> {
    let path = recording_path(cdr["call_id"].as_str().unwrap_or_default());
    let reply = admin.get(&path)?;
    if cdr["answered_at"].is_null() {
        ensure!(reply.status == 404, "never answered, and recorded");
        return Ok(());
    }
    if reply.status == 404 && cdr["cause"] == "aborted" && talked_ms(cdr, died) <= MISSING_MAX_MS {
        // All of it was within the second that may be lost.
        return Ok(());
    }
    ensure!(reply.status == 200, "no recording: {} {}", reply.status, reply.json());
    let wav = Wav::read(&reply.body)?;
    ensure!((wav.rate, wav.channels.len()) == (8000, 2), "{} Hz, {} channels", wav.rate, wav.channels.len());
    round.recordings += 1;
    let Some(seen) = seen else { return Ok(()) };
    if cdr["cause"] == "aborted" {
        let missing = died.at.duration_since(seen.answered).as_secs_f64() * 1000.0 - wav.seconds() * 1000.0;
        round.missing_ms = round.missing_ms.max(missing);
        ensure!(missing <= MISSING_MAX_MS, "{missing:.0} ms are missing");
    }
    // Latching may cost the first packets and the crash the last ones; between them there is no hole.
    let hole = if seen.fluent { 0.8 } else { wav.seconds() };
    round.halting += usize::from(!seen.fluent);
    for (channel, own, other) in [(0, LOW, HIGH), (1, HIGH, LOW)] {
        let (heard, wrong) = (wav.seconds_of(channel, own), wav.seconds_of(channel, other));
        ensure!(heard >= wav.seconds() - hole && wrong == 0.0, "{heard} s of {own} Hz and {wrong} s of {other} Hz in {} s", wav.seconds());
    }
    Ok(())
}

/// No file without a row, nothing left half done: each file's name is its call's id.
fn judge_files(server: &Server, admin: &Rest) -> Result<()> {
    let (files, known) = (server.recordings()?, cdrs(admin)?);
    ensure!(files.iter().all(|file| !file.to_string_lossy().ends_with(".part")), "left over: {files:?}");
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "wav")) {
        let id = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        ensure!(known.get(&id).is_some_and(|cdr| !cdr["answered_at"].is_null()), "{} is nobody's", file.display());
        ensure!(admin.head(&recording_path(&id))?.status == 200, "{} cannot be heard", file.display());
    }
    Ok(())
}

/// From the answer to the crash.
fn talked_ms(cdr: &Value, died: Death) -> f64 {
    let answered = cdr["answered_at"].as_i64().unwrap_or(died.wall_ms);
    f64::from(i32::try_from(died.wall_ms - answered).unwrap_or(i32::MAX))
}

/// FT-1: bindings are there without anybody registering anew, no ghost is left, dead dialogs get 481, and calls work.
fn judge_the_living(admin: &Rest, pairs: &[Pair], round: &mut Round) -> Result<()> {
    let slots = admin.list("/api/slots?limit=200")?;
    round.bindings = slots.iter().filter(|slot| slot["registered"] == true).count();
    ensure!(round.bindings == 2 * pairs.len(), "{} of {} bindings survived", round.bindings, 2 * pairs.len());
    let ghosts: Vec<&Value> =
        slots.iter().filter(|slot| !matches!(slot["state"].as_str(), Some("IDLE" | "READY" | "REGISTERING"))).collect();
    ensure!(ghosts.is_empty(), "in calls of a dead process: {ghosts:?}");
    let live: Vec<Value> = admin.list("/api/calls")?.into_iter().filter(|call| call["status"] != "ended").collect();
    ensure!(live.is_empty(), "ghost calls: {live:?}");
    for pair in pairs {
        for phone in [&pair.caller, &pair.callee] {
            for leg in phone.legs().into_iter().filter(Leg::talks) {
                let answer = phone.hangup(&leg.call_id)?;
                ensure!(answer.status() == Some(481), "a dialog of the dead process: {}", answer.start);
            }
        }
    }
    let pair = pairs.last().context("a pair")?;
    let (call, answer) = pair.caller.dial(&pair.callee.account().number)?;
    ensure!(answer.status() == Some(200), "a call after the crash: {}", answer.start);
    let before = cdrs(admin)?.len();
    ensure!(pair.caller.hangup(&call)?.status() == Some(200), "its end");
    wait::until("its CDR", SOON, || Ok((cdrs(admin)?.len() == before + 1).then_some(())))?;
    let idle = json!("IDLE");
    wait::until("its slots are free", SOON, || Ok((admin.slot(&pair.callee.account().id)?["state"] == idle).then_some(())))
}
