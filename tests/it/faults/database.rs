//! FT-4 and FT-5: PostgreSQL killed, hanging or slow, with ten calls up. Phones do not notice; what happened meanwhile arrives exactly once.

use std::{thread, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{Account, Rest, Server, postgres::Postgres, proxy::Proxy, raw::Habits, server::Settings, wait};

use super::{CALLS, Calls, cdrs};
use crate::world::{self, HIGH, LOW, SOON};

/// Requests over REST that come at once while the database is away: more than the pool has connections.
const CURIOUS: usize = 30;
/// FT-5: a query takes this long.
const SLOW: Duration = Duration::from_secs(5);

fn settings(url: String) -> Settings {
    Settings::default().with("CORDBOARD__DATABASE__URL", url)
}

#[test]
fn the_database_is_killed_in_ten_calls() -> Result<()> {
    let database = Postgres::start()?;
    world::with_hub_and(settings(database.url()), 24, |server, admin, accounts| {
        away(server, admin, accounts, || database.kill(), || database.start_again())
    })
}

#[test]
fn the_database_hangs_in_ten_calls() -> Result<()> {
    let database = Postgres::start()?;
    world::with_hub_and(settings(database.url()), 24, |server, admin, accounts| {
        away(server, admin, accounts, || database.hang(), || database.resume())
    })
}

/// Calls of before, calls meanwhile, calls over REST, and what people are told. `go` and `come` are what happens to the database.
fn away(
    server: &Server,
    admin: &Rest,
    accounts: &[Account],
    go: impl FnOnce() -> Result<()>,
    come: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let [.., one, other, third, fourth] = accounts else { anyhow::bail!("four slots more") };
    let calls = Calls::begin(server, accounts)?;
    let phones = [world::raw(server, one, Habits::answering(LOW))?, world::raw(server, other, Habits::answering(HIGH))?];
    let ordered = [world::raw(server, third, Habits::answering(LOW))?, world::raw(server, fourth, Habits::answering(HIGH))?];
    go()?;

    // People ask, all at once, and each is told the truth within the time that a person waits.
    let asking: Vec<_> = (0..CURIOUS)
        .map(|_| {
            let admin = admin.clone();
            thread::spawn(move || admin.get("/api/cdr/records"))
        })
        .collect();
    calls.talk_on("with the database away")?;
    calls.register()?;
    let (call, answer) = phones[0].dial(&other.number)?;
    ensure!(answer.status() == Some(200), "a new call: {}", answer.start);
    ensure!(phones[0].hangup(&call)?.status() == Some(200), "its end");
    let started = wait::until("call/start without a database", SOON, || {
        let reply = admin.post("/api/call/start", &json!({"slot_id": third.id, "phone_number": fourth.number}))?;
        Ok((reply.status == 202).then(|| reply.json()["call_id"].as_str().unwrap_or_default().to_owned()))
    })?;
    let leg = ordered[0].wait_for_leg("called by the server", SOON, |leg| leg.incoming && leg.acknowledged)?;
    wait::until_true("it is answered", SOON, || leg.media.seconds_of(HIGH) > 0.5)?;
    ensure!(ordered[0].hangup(&leg.call_id)?.status() == Some(200), "its end");
    calls.hang_up()?;
    calls.answered_in_time(1)?;
    for thread in asking {
        let reply = thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))?.context("no answer within 30 s")?;
        ensure!(reply.status == 503 && reply.header("retry-after").is_some(), "{} {}", reply.status, reply.json());
        ensure!(reply.header("content-type") == Some("application/problem+json"), "{:?}", reply.headers);
    }
    ensure!(server.anonymous().get("/healthz")?.status == 200, "the server itself is well");

    come()?;
    let all = cdrs(admin, CALLS + 2)?;
    ensure!(all.iter().all(|cdr| cdr["outcome"] == "answered" && cdr["cause"] == "caller_hung_up"), "{all:#?}");
    ensure!(all.iter().filter(|cdr| cdr["call_id"] == started.as_str()).count() == 1, "the ordered call: {all:#?}");
    // The pool is whole again: as many questions at once as before, and each is answered.
    let asking: Vec<_> = (0..CURIOUS)
        .map(|_| {
            let admin = admin.clone();
            thread::spawn(move || admin.get("/api/cdr/records"))
        })
        .collect();
    for thread in asking {
        let reply = thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        ensure!(reply.status == 200, "afterwards: {} {}", reply.status, reply.json());
    }
    ensure!(server.logged("panicked").is_none(), "{:?}", server.logged("panicked"));
    Ok(())
}

/// FT-5: every answer of the database takes five seconds. Phones do not notice; people get an answer, if a late one.
#[test]
fn the_database_is_slow_in_ten_calls() -> Result<()> {
    let database = Postgres::start()?;
    let proxy = Proxy::start(database.address())?;
    world::with_hub_and(settings(database.url_by(proxy.local())), 22, |server, admin, accounts| {
        let [.., one, other] = accounts else { anyhow::bail!("two slots more") };
        let calls = Calls::begin(server, accounts)?;
        let phones = [world::raw(server, one, Habits::answering(LOW))?, world::raw(server, other, Habits::answering(HIGH))?];
        proxy.delay(SLOW);
        let asking = {
            let admin = admin.clone();
            thread::spawn(move || admin.get("/api/cdr/records"))
        };
        calls.talk_on("with a slow database")?;
        calls.register()?;
        let (call, answer) = phones[0].dial(&other.number)?;
        ensure!(answer.status() == Some(200), "a new call: {}", answer.start);
        ensure!(phones[0].hangup(&call)?.status() == Some(200), "its end");
        calls.hang_up()?;
        calls.answered_in_time(1)?;
        let reply = asking.join().map_err(|_| anyhow::anyhow!("a client panicked"))?.context("no answer within 30 s")?;
        ensure!(matches!(reply.status, 200 | 503), "{} {}", reply.status, reply.json());
        proxy.delay(Duration::ZERO);
        // A connection that was given up in between may be in the pool yet.
        cdrs(admin, CALLS + 1).map(drop)
    })
}
