//! The first call on PostgreSQL, and what happens when it goes away (FT-4, R21).

use anyhow::{Context, Result};
use serde_json::json;
use tests::{postgres::Postgres, raw::Habits, server::Settings, wait};

use crate::world::{self, HIGH, LOW, SOON};

#[test]
fn the_first_call_on_postgresql() -> Result<()> {
    let database = Postgres::start()?;
    crate::first_call::the_first_call(Settings::default().with("CORDBOARD__DATABASE__URL", database.url()))
}

/// R21, FT-4: calls and call/start go on, log-ins and lists say 503, and what happened meanwhile arrives exactly once.
#[test]
fn the_database_goes_away_during_calls() -> Result<()> {
    let database = Postgres::start()?;
    world::with_hub_and(Settings::default().with("CORDBOARD__DATABASE__URL", database.url()), 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let (dialled, answer) = caller.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        database.stop()?;

        let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        let before = theirs.media.seconds_of(LOW);
        wait::until_true("the call goes on", SOON, || theirs.media.seconds_of(LOW) > before + 1.0)?;
        assert_eq!(caller.hangup(&dialled)?.status(), Some(200));
        caller.register(300).context("a known phone registers")?;

        let away = admin.get("/api/cdr/records")?;
        assert_eq!((away.status, away.header("retry-after").is_some()), (503, true), "{}", away.json());
        assert_eq!(server.anonymous().post("/api/auth/login", &json!({"username": "admin", "password": server.password()}))?.status, 503);

        let started = wait::until("call/start without a database", SOON, || {
            let reply = admin.post("/api/call/start", &json!({"slot_id": one.id, "phone_number": other.number}))?;
            Ok((reply.status == 202).then(|| reply.json()["call_id"].as_str().unwrap_or_default().to_owned()))
        })?;
        let ours = caller.wait_for_leg("called by the server", SOON, |leg| leg.incoming && leg.acknowledged)?;
        wait::until_true("it is answered", SOON, || ours.media.seconds_of(HIGH) > 0.5)?;
        assert_eq!(caller.hangup(&ours.call_id)?.status(), Some(200));

        database.start_again()?;
        let cdrs = wait::until("both CDRs", SOON * 3, || {
            let reply = admin.get("/api/cdr/records")?;
            Ok((reply.status == 200 && reply.json()["items"].as_array().is_some_and(|items| items.len() >= 2))
                .then(|| reply.json()["items"].clone()))
        })?;
        let cdrs = cdrs.as_array().context("items")?;
        assert_eq!(cdrs.len(), 2, "exactly once: {cdrs:#?}");
        assert_eq!(admin.cdrs_of(&started)?.len(), 1);
        assert!(cdrs.iter().all(|cdr| cdr["outcome"] == "answered"), "{cdrs:#?}");
        Ok(())
    })
}
