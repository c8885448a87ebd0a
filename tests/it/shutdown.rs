//! The end in good order (FT-3): calls may finish, new ones are refused, what is left is ended and accounted for.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::json;
use tests::{audio::Wav, raw::Habits, rest::recording_path, server::Settings, wait};

use crate::world::{self, HIGH, LOW, SOON};

#[test]
fn sigterm_lets_calls_finish_and_takes_no_new_ones() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__CALLS__DRAIN_S", "60");
    world::with_hub_and(settings, 4, |server, _, accounts| {
        let [one, other, third, fourth] = accounts else { anyhow::bail!("four slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let late = world::raw(server, third, Habits::answering(LOW))?;
        let _fourth = world::raw(server, fourth, Habits::answering(HIGH))?;
        let (call, answer) = caller.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        server.signal(Signal::TERM)?;
        wait::until_true("the shutdown to begin", SOON, || server.logged("new ones are refused").is_some())?;
        assert_eq!(late.dial(&fourth.number)?.1.status(), Some(503));
        let before = theirs.media.seconds_of(LOW);
        wait::until_true("the call goes on", SOON, || theirs.media.seconds_of(LOW) > before + 1.0)?;
        assert!(server.is_running()?);
        assert_eq!(caller.hangup(&call)?.status(), Some(200));
        assert_eq!(server.wait_for_end(SOON * 2)?.code(), Some(0));
        server.launch()?;
        let cdrs = server.admin()?.list("/api/cdr/records")?;
        let answered: Vec<_> = cdrs.iter().filter(|cdr| cdr["outcome"] == "answered").collect();
        ensure!(answered.len() == 1 && answered.iter().all(|cdr| cdr["cause"] == "caller_hung_up"), "{cdrs:#?}");
        Ok(())
    })
}

#[test]
fn sigterm_ends_what_does_not_end_by_itself() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__CALLS__DRAIN_S", "1");
    world::with_hub_and(settings, 2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let (call, answer) = caller.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        assert_eq!(server.terminate(Duration::from_secs(15))?.code(), Some(0));
        for phone in [&caller, &callee] {
            phone.wait_for_leg("told of the end", SOON, |leg| leg.ended.is_some())?;
        }
        ensure!(caller.leg(&call)?.ended.is_some(), "BYE");
        server.launch()?;
        let admin = server.admin()?;
        let cdrs = admin.list("/api/cdr/records")?;
        let [cdr] = cdrs.as_slice() else { anyhow::bail!("one call, {} CDRs: {cdrs:#?}", cdrs.len()) };
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("answered"), &json!("shutdown")), "{cdr}");
        let id = cdr["call_id"].as_str().unwrap_or_default();
        let wav = Wav::read(&admin.get(&recording_path(id))?.body)?;
        assert_eq!(cdr["recording"]["state"], "complete", "{cdr}");
        ensure!(wav.seconds() > 0.8 && wav.seconds_of(0, LOW) > 0.3 && wav.seconds_of(1, HIGH) > 0.3, "{} s", wav.seconds());
        Ok(())
    })
}
