//! Faults from outside (FT-*): the database away or slow, the disk full, the clock stepped, descriptors out, floods, reloads, an end in good order.
//! Each with calls up, which must not notice.

mod avalanche;
mod clock;
mod database;
mod descriptors;
mod disk;
mod drain;
mod flood;
mod reload;

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{
    Account, RawPhone, Rest, Server,
    raw::{Habits, Leg},
    wait,
};

use crate::world::{HIGH, LOW, SOON, raw};

/// Calls that are up while something fails.
const CALLS: usize = 10;

/// Ten calls between twenty phones.
struct Calls {
    pairs: Vec<Pair>,
}

struct Pair {
    caller: RawPhone,
    callee: RawPhone,
    call: String,
    answered: Instant,
}

impl Calls {
    /// Registers the first twenty of `accounts` and lets them call each other.
    fn begin(server: &Server, accounts: &[Account]) -> Result<Self> {
        let mut pairs = Vec::new();
        for pair in accounts.chunks_exact(2).take(CALLS) {
            let [one, other] = pair else { continue };
            let caller = raw(server, one, Habits::answering(LOW))?;
            let callee = raw(server, other, Habits::answering(HIGH))?;
            let (call, answer) = caller.dial(&other.number)?;
            ensure!(answer.status() == Some(200), "{}", answer.start);
            callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
            pairs.push(Pair { caller, callee, call, answered: Instant::now() });
        }
        ensure!(pairs.len() == CALLS, "{} calls of {CALLS}", pairs.len());
        let calls = Self { pairs };
        calls.talk_on("at first")?;
        Ok(calls)
    }

    /// Every phone hears a second more of the other, from now on.
    fn talk_on(&self, when: &str) -> Result<()> {
        let mut heard = Vec::new();
        for pair in &self.pairs {
            let (ours, theirs) = pair.legs()?;
            ensure!(ours.ended.is_none() && theirs.ended.is_none(), "{when}: call {} is over", pair.call);
            let (low, high) = (theirs.media.seconds_of(LOW), ours.media.seconds_of(HIGH));
            heard.push((pair, ours, theirs, low + 1.0, high + 1.0));
        }
        for (pair, ours, theirs, low, high) in heard {
            wait::until_true(format!("{when}: a second more of call {}", pair.call), SOON, || {
                theirs.media.seconds_of(LOW) >= low && ours.media.seconds_of(HIGH) >= high
            })?;
        }
        Ok(())
    }

    /// Every caller hangs up, and the other side hears of it. Gives how long each talked, in milliseconds.
    fn hang_up(&self) -> Result<Vec<u128>> {
        let mut talked = Vec::new();
        for pair in &self.pairs {
            ensure!(pair.caller.hangup(&pair.call)?.status() == Some(200), "BYE");
            talked.push(pair.answered.elapsed().as_millis());
            pair.callee.wait_for_leg("over", SOON, |leg| leg.ended.is_some())?;
        }
        Ok(talked)
    }

    /// Every phone refreshes its registration.
    fn register(&self) -> Result<()> {
        self.pairs.iter().try_for_each(|pair| pair.caller.register(300).and(pair.callee.register(300)).map(drop))
    }

    /// No request of any phone went unanswered for half a second, but for `most` of all of them: a busy machine may halt anybody once.
    fn answered_in_time(&self, most: u32) -> Result<()> {
        let repeated: u32 = self.pairs.iter().map(|pair| pair.caller.repeated() + pair.callee.repeated()).sum();
        ensure!(repeated <= most, "{repeated} requests had to be sent again");
        Ok(())
    }
}

impl Pair {
    fn legs(&self) -> Result<(Leg, Leg)> {
        let theirs = self.callee.legs().into_iter().rfind(|leg| leg.answered.is_some()).context("the called side")?;
        Ok((self.caller.leg(&self.call)?, theirs))
    }
}

/// Every CDR, once `count` are there; more is an error, and so is one call twice.
fn cdrs(admin: &Rest, count: usize) -> Result<Vec<Value>> {
    let mut last = 0;
    let cdrs = wait::until(format!("{count} CDRs"), SOON * 6, || {
        let page = admin.get("/api/cdr/records?limit=200")?;
        let items = page.json()["items"].as_array().cloned().unwrap_or_default();
        last = items.len();
        Ok((page.status == 200 && items.len() >= count).then_some(items))
    })
    .with_context(|| format!("there are {last}"))?;
    ensure!(cdrs.len() == count, "{} CDRs for {count} calls: {cdrs:#?}", cdrs.len());
    let mut ids: Vec<&str> = cdrs.iter().filter_map(|cdr| cdr["call_id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ensure!(ids.len() == count, "a call has two CDRs: {ids:?}");
    Ok(cdrs)
}

/// How long a CDR says that was talked, in milliseconds.
fn talk_ms(cdr: &Value) -> Result<u64> {
    cdr["talk_ms"].as_u64().with_context(|| format!("talk_ms of {cdr}"))
}

/// One sample of `/metrics`, by its name and labels as they stand there.
fn metric(server: &Server, name: &str) -> Result<f64> {
    let reply = server.anonymous().get("/metrics")?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    Ok(line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0))
}

/// The sum of all samples whose name begins so.
fn metrics(server: &Server, prefix: &str) -> Result<f64> {
    let reply = server.anonymous().get("/metrics")?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    Ok(text.lines().filter(|line| line.starts_with(prefix)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
