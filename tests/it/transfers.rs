//! Calls that are handed on by phones that others wrote, and over REST: one call, one record, one recording (R14; B-51).

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Account, Rest, audio::Wav, baresip::Over, linphone::Linphone, rest::recording_path, wait};

use crate::world::{self, HIGH, LOW, SOON};

/// The tone of whoever comes later.
const NEW: u32 = 660;

/// The call that is up and answered, of those that have no parent.
fn live(admin: &Rest) -> Result<String> {
    wait::until("the answered call", SOON, || {
        let calls = admin.list("/api/calls")?;
        let call = calls.iter().find(|call| call["status"] == "answered" && call["parent"].is_null());
        Ok(call.and_then(|call| call["call_id"].as_str()).map(str::to_owned))
    })
}

/// Waits until these slots, and no others, serve the call.
fn served_by(admin: &Rest, call: &str, slots: &[&Account]) -> Result<()> {
    let wanted: Vec<Value> = slots.iter().map(|account| json!(account.id)).collect();
    let mut last = Value::Null;
    let found = wait::until(format!("{call} served by {wanted:?}"), SOON, || {
        last = admin.get(&format!("/api/calls/{call}"))?.expect(200)?;
        let segments = last["segments"].as_array().cloned().unwrap_or_default();
        let now: Vec<Value> = segments.iter().filter(|segment| segment["to"].is_null()).map(|segment| segment["slot"].clone()).collect();
        Ok((now == wanted).then_some(()))
    });
    found.with_context(|| format!("it is {last}"))
}

/// Waits until the recording of a call that goes on has so many seconds of a tone on a channel.
fn recorded(admin: &Rest, call: &str, channel: usize, hz: u32, seconds: f64) -> Result<()> {
    wait::until_true(format!("{hz} Hz on channel {channel}"), SOON, || {
        let wav = admin.get(&recording_path(call)).ok().filter(|reply| reply.status == 200).and_then(|reply| Wav::read(&reply.body).ok());
        wav.is_some_and(|wav| wav.seconds_of(channel, hz) >= seconds)
    })
}

#[test]
fn baresip_hands_a_call_on_and_an_administrator_hands_it_back() -> Result<()> {
    world::with_hub(3, |server, admin, accounts| {
        let [one, other, third] = accounts else { anyhow::bail!("three slots") };
        let mut caller = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let mut desk = world::baresip(server, admin, other, |setup| setup, HIGH)?;
        let next = world::baresip(server, admin, third, |setup| setup, NEW)?;
        caller.dial(&other.number)?;
        desk.event("CALL_ESTABLISHED", SOON)?;
        let call = live(admin)?;
        recorded(admin, &call, 1, HIGH, 1.0)?;

        // By REFER: who handed it on is told, and hangs up or is hung up on.
        desk.command("transfer", &format!("sip:{}@{}", third.number, server.sip()))?;
        next.event("CALL_ESTABLISHED", SOON)?;
        served_by(admin, &call, &[one, third])?;
        desk.event("CALL_CLOSED", SOON)?;
        world::slot_state(admin, other, "IDLE")?;
        world::slot_state(admin, third, "ACTIVE_CALL")?;
        recorded(admin, &call, 1, NEW, 1.0)?;

        // And back, over REST.
        let mark = desk.mark();
        let path = format!("/api/calls/{call}/transfer");
        // Of another's call it is the one who dialled that leaves.
        let answer = admin.post(&path, &json!({"to": other.number}))?.expect(202)?;
        assert_eq!(answer["call_id"], call.as_str(), "{answer}");
        desk.event_after(mark, "CALL_ESTABLISHED", SOON)?;
        served_by(admin, &call, &[third, other])?;
        caller.event("CALL_CLOSED", SOON)?;
        recorded(admin, &call, 0, HIGH, 1.0)?;

        let ladder = admin.get(&format!("/api/calls/{call}/ladder"))?;
        let ladder = String::from_utf8(ladder.body).context("text")?;
        for part in ["REFER sip:", "202 Accepted", "NOTIFY sip:", "SIP/2.0 200 OK", "transferred"] {
            assert!(ladder.contains(part), "{part}: {ladder}");
        }
        desk.hangup()?;
        next.event("CALL_CLOSED", SOON)?;

        let cdr = admin.cdr(&call)?;
        let segments: Vec<_> = cdr["segments"].as_array().context("segments")?.iter().map(|segment| segment["slot"].clone()).collect();
        assert_eq!(json!(segments), json!([one.id, other.id, third.id, other.id]), "{cdr}");
        assert_eq!(
            (&cdr["caller"], &cdr["callee"], &cdr["outcome"]),
            (&json!(one.number), &json!(other.number), &json!("answered")),
            "{cdr}"
        );
        assert_eq!(admin.list("/api/cdr/records")?.len(), 1, "one call, one record (R14)");
        let wav = Wav::read(&world::closed_recording(admin, &call)?)?;
        let talked = cdr["talk_ms"].as_f64().context("talk_ms")? / 1000.0;
        assert!((wav.seconds() - talked).abs() < 0.1, "one file, as long as the call: {} and {talked} s", wav.seconds());
        for (channel, hz) in [(0, LOW), (0, HIGH), (1, HIGH), (1, NEW)] {
            assert!(wav.seconds_of(channel, hz) > 0.9, "{hz} Hz on channel {channel} for {} s", wav.seconds_of(channel, hz));
        }
        Ok(())
    })
}

#[test]
fn linphone_joins_the_two_that_it_talks_to() -> Result<()> {
    world::with_hub(3, |server, admin, accounts| {
        let [one, other, third] = accounts else { anyhow::bail!("three slots") };
        let mut caller = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let mut desk = Linphone::start(other, server.sip(), &Over::Udp)?;
        world::registered(admin, other, true).with_context(|| desk.log())?;
        let next = world::baresip(server, admin, third, |setup| setup, NEW)?;
        caller.dial(&other.number)?;
        caller.event("CALL_ESTABLISHED", SOON).with_context(|| desk.log())?;
        let call = live(admin)?;

        // It wants to be told to hold first.
        desk.command("pause 1")?;
        wait::until_true("linphone holds", SOON, || desk.log().contains("is now paused")).with_context(|| desk.log())?;
        desk.dial(&third.number)?;
        next.event("CALL_ESTABLISHED", SOON).with_context(|| desk.log())?;
        let consultation = wait::until("the consultation", SOON, || {
            let calls = admin.list("/api/calls")?;
            let found = calls.iter().find(|found| found["parent"] == call.as_str() && found["status"] != "dialing");
            Ok(found.and_then(|found| found["call_id"].as_str()).map(str::to_owned))
        })?;
        wait::until_true("linphone in both calls", SOON, || desk.log().matches("Media streams established").count() >= 2)?;
        desk.command("transfer 1 --to-call 2")?;
        served_by(admin, &call, &[one, third]).with_context(|| desk.log())?;
        world::slot_state(admin, other, "IDLE")?;
        recorded(admin, &call, 1, NEW, 1.0)?;
        caller.hangup()?;
        next.event("CALL_CLOSED", SOON)?;

        let (cdr, ended) = (admin.cdr(&call)?, admin.cdr(&consultation)?);
        assert_eq!((&ended["cause"], &ended["parent"]), (&json!("transferred"), &json!(call)), "{ended}");
        let segments: Vec<_> = cdr["segments"].as_array().context("segments")?.iter().map(|segment| segment["slot"].clone()).collect();
        assert_eq!(json!(segments), json!([one.id, other.id, third.id]), "{cdr}");
        let wav = Wav::read(&world::closed_recording(admin, &call)?)?;
        assert!(wav.seconds_of(1, NEW) > 0.9 && wav.seconds_of(0, LOW) > 0.9, "one file with both voices");
        Ok(())
    })
}
