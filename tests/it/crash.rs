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
            "kill -9 in {CALLS} calls, seed {seed}\nround  moment/ms  calls  CDRs  aborted  WAVs  worst missing/ms  bindings  up/ms\n"
        );
        for at in 1..=rounds {
            let round = round(server, &pairs, &mut rng).with_context(|| format!("round {at} of seed {seed}\n{table}"))?;
            let Round { moment_ms, started, cdrs, aborted, recordings, missing_ms, bindings, up_ms } = round;
            writeln!(
                table,
                "{at:5}  {moment_ms:9}  {started:5}  {cdrs:4}  {aborted:7}  {recordings:4}  {missing_ms:16.0}  {bindings:8}  {up_ms:5}"
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

/// A call as we saw it, to hold the server's account against.
struct Seen {
    answered: Option<Instant>,
    /// Whether it was already over when the server died.
    over: bool,
}

fn round(server: &mut Server, pairs: &[Pair], rng: &mut ChaCha8Rng) -> Result<Round> {
    let admin = server.admin()?;
    let known: BTreeMap<String, Value> = cdrs(&admin)?;
    let marks: Vec<(usize, usize)> = pairs.iter().map(|pair| (pair.caller.legs().len(), pair.callee.legs().len())).collect();
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
    let seen: Vec<Seen> = pairs.iter().zip(&marks).filter_map(|(pair, mark)| seen(pair, mark.1)).collect();
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
    let new: BTreeMap<&String, &Value> = after.iter().filter(|(id, _)| !known.contains_key(*id)).collect();
    ensure!(new.len() >= seen.len(), "{} calls were answered, {} CDRs are new", seen.len(), new.len());
    ensure!(new.len() <= pairs.len(), "{} pairs called, {} CDRs are new", pairs.len(), new.len());

    let mut round = Round { moment_ms: moment.as_millis(), started: new.len(), cdrs: new.len(), up_ms: up.as_millis(), ..Round::default() };
    for cdr in new.values() {
        if cdr["cause"] == "aborted" {
            round.aborted += 1;
            let ended = cdr["ended_at"].as_i64().context("ended_at")?;
            ensure!(
                (died.wall_ms - ended).abs() <= CDR_OFF_MAX_MS && ended >= cdr["started_at"].as_i64().unwrap_or(0),
                "last seen at {ended}, died at {}: {cdr}",
                died.wall_ms
            );
        }
    }
    let talking = seen.iter().filter(|seen| !seen.over).count();
    ensure!(round.aborted >= talking, "{talking} calls were up, {} are aborted", round.aborted);
    judge_recordings(server, &admin, &new, &seen, died, &mut round)?;
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
    let known = pair.caller.legs().len();
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
        if let Some(leg) = pair.caller.legs().into_iter().skip(known).find(Leg::talks)
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

/// The pair's newest call, if the called phone answered and the server said so to the caller: that is when its recording begins.
fn seen(pair: &Pair, mark: usize) -> Option<Seen> {
    let callee = pair.callee.legs().into_iter().filter(|leg| leg.incoming).max_by_key(|leg| leg.answered)?;
    let fresh = pair.callee.legs().len() > mark && callee.acknowledged;
    fresh.then_some(Seen { answered: callee.answered, over: callee.ended.is_some() })
}

fn cdrs(admin: &Rest) -> Result<BTreeMap<String, Value>> {
    let mut by_id = BTreeMap::new();
    for cdr in admin.list("/api/cdr/records?limit=200")? {
        let id = cdr["call_id"].as_str().context("call_id")?.to_owned();
        ensure!(by_id.insert(id.clone(), cdr).is_none(), "{id} has two CDRs");
    }
    Ok(by_id)
}

/// FT-2: every answered call has a file that plays, with both voices to its end, and no file is nobody's.
fn judge_recordings(
    server: &Server,
    admin: &Rest,
    new: &BTreeMap<&String, &Value>,
    seen: &[Seen],
    died: Death,
    round: &mut Round,
) -> Result<()> {
    let answered: Vec<&String> = new.iter().filter(|(_, cdr)| !cdr["answered_at"].is_null()).map(|(id, _)| *id).collect();
    ensure!(answered.len() >= seen.len(), "{} phones were acknowledged, {} CDRs are answered", seen.len(), answered.len());
    let mut lengths = Vec::new();
    for id in &answered {
        let reply = admin.get(&recording_path(id))?;
        let cdr = new.get(id).context("its CDR")?;
        if reply.status == 404 && cdr["cause"] == "aborted" && talked_ms(cdr, died) <= MISSING_MAX_MS {
            // All of it was within the second that may be lost.
            lengths.push(0.0);
            continue;
        }
        ensure!(reply.status == 200, "the recording of {cdr}, cut off at {}: {} {}", died.wall_ms, reply.status, reply.json());
        let wav = Wav::read(&reply.body).with_context(|| format!("the recording of {id}"))?;
        ensure!((wav.rate, wav.channels.len()) == (8000, 2), "{id}: {} Hz, {} channels", wav.rate, wav.channels.len());
        if wav.seconds() > 1.0 {
            // Latching may cost the first packets and the crash the last ones; between them there is no hole.
            for (channel, own, other) in [(0, LOW, HIGH), (1, HIGH, LOW)] {
                let (heard, wrong) = (wav.seconds_of(channel, own), wav.seconds_of(channel, other));
                ensure!(
                    heard > wav.seconds() - 0.8 && wrong == 0.0,
                    "{id}: {heard} s of {own} Hz and {wrong} s of {other} Hz in {} s",
                    wav.seconds()
                );
            }
        }
        if cdr["cause"] == "aborted" {
            lengths.push(wav.seconds());
        }
        round.recordings += 1;
    }
    // Which leg is which call the phones do not know; but sorted by length they must match one by one.
    let mut talked: Vec<f64> =
        seen.iter().filter(|seen| !seen.over).filter_map(|seen| Some(died.at.duration_since(seen.answered?).as_secs_f64())).collect();
    lengths.sort_by(|one, other| other.total_cmp(one));
    talked.sort_by(|one, other| other.total_cmp(one));
    ensure!(lengths.len() >= talked.len(), "{} calls talked, {} recordings", talked.len(), lengths.len());
    for (talked, recorded) in talked.iter().zip(&lengths) {
        let missing = (talked - recorded) * 1000.0;
        round.missing_ms = round.missing_ms.max(missing);
        ensure!(missing <= MISSING_MAX_MS, "{missing:.0} ms are missing of {talked:.2} s");
    }
    let files = server.recordings()?;
    ensure!(files.iter().all(|file| !file.to_string_lossy().ends_with(".part")), "left over: {files:?}");
    // No file without a row: each file's name is its call's id.
    let known = cdrs(admin)?;
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
