//! Slot to slot by dialling: answered, busy, unknown, unregistered, given up; keys, codecs, hold, silence.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{
    RawPhone, Rest,
    audio::Law,
    raw::{Answer, Habits, Leg, Message, media},
    server::Settings,
    sipp, wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// The newest CDR; `count` of them there must be.
fn newest_cdr(admin: &Rest, count: usize) -> Result<Value> {
    let cdrs = wait::until(format!("{count} CDRs"), SOON, || {
        let cdrs = admin.list("/api/cdr/records")?;
        Ok((cdrs.len() >= count).then_some(cdrs))
    })?;
    assert_eq!(cdrs.len(), count, "{cdrs:#?}");
    cdrs.into_iter().max_by_key(|cdr| cdr["started_at"].as_i64()).context("no CDR")
}

fn judge(cdr: &Value, outcome: &str, cause: &str, status: u16) {
    assert_eq!((&cdr["outcome"], &cdr["cause"], &cdr["sip_status"]), (&json!(outcome), &json!(cause), &json!(status)), "{cdr}");
}

fn both_hear(one: &Leg, other: &Leg, seconds: f64) -> Result<()> {
    wait::until_true("each hears the other", SOON, || one.media.seconds_of(HIGH) >= seconds && other.media.seconds_of(LOW) >= seconds)
}

#[test]
fn two_baresips_call_each_other() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let mut caller = world::baresip(server, admin, one, |setup| setup.codecs("PCMA/8000"), LOW)?;
        let callee = world::baresip(server, admin, other, |setup| setup.codecs("PCMU/8000"), HIGH)?;
        caller.dial(&other.number)?;
        caller.event("CALL_ESTABLISHED", SOON)?;
        callee.event("CALL_ESTABLISHED", SOON)?;
        world::slot_state(admin, one, "ACTIVE_CALL")?;
        caller.digits("15#")?;
        callee.event("CALL_DTMF_START", SOON).context("a key pressed here arrives there")?;
        let call = admin.list("/api/calls")?.first().context("no live call")?["call_id"].as_str().context("no id")?.to_owned();
        wait::until_true("two seconds of recording", SOON, || {
            admin.get(&tests::rest::recording_path(&call)).is_ok_and(|reply| reply.status == 200 && reply.body.len() > 2 * 32_000)
        })?;
        caller.hangup()?;
        callee.event("CALL_CLOSED", SOON)?;
        let cdr = admin.cdr(&call)?;
        judge(&cdr, "answered", "caller_hung_up", 200);
        assert_eq!(cdr["direction"], "internal");
        for (phone, wanted) in [(&caller, HIGH), (&callee, LOW)] {
            let files = wait::until("the phone's files", SOON, || Ok(phone.heard().ok().filter(|files| !files.is_empty())))?;
            let heard: f64 = files.iter().map(|file| file.seconds_of(0, wanted)).sum();
            assert!(heard > 1.0, "A-law here, mu-law there (R16): {wanted} Hz heard for {heard} s");
        }
        Ok(())
    })
}

#[test]
fn a_dialled_call_from_ringing_to_the_end() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW).laws(&[Law::Mu]))?;
        let callee = world::raw(server, other, Habits::answering(HIGH).answer(Answer::Ring).laws(&[Law::A, Law::Mu]))?;

        let call = caller.invite(&other.number)?;
        caller.provisional_of(&call, 180)?;
        let ringing = callee.wait_for_leg("ringing", SOON, |leg| leg.ended.is_none())?;
        assert_eq!(
            tests::raw::message::uri_of(ringing.invite.header("From").unwrap_or_default()),
            format!("sip:{}@{}", one.number, server.domain()),
            "who calls"
        );
        world::slot_state(admin, one, "CALLING")?;
        world::slot_state(admin, other, "CALLING")?;
        callee.accept(&ringing.call_id)?;
        assert_eq!(caller.final_of(&call)?.status(), Some(200));
        let (ours, theirs) = (caller.leg(&call)?, callee.leg(&ringing.call_id)?);
        both_hear(&ours, &theirs, 1.0)?;
        assert!(ours.media.seconds_of(LOW) == 0.0 && theirs.media.seconds_of(HIGH) == 0.0, "somebody hears himself");

        ours.media.press("12#");
        wait::until_true("the keys there", SOON, || theirs.media.heard().digits == "12#")?;
        theirs.media.press("9*");
        wait::until_true("the keys here", SOON, || ours.media.heard().digits == "9*")?;

        assert_eq!(callee.hangup(&ringing.call_id)?.status(), Some(200));
        caller.wait_for_leg("over", SOON, |leg| leg.ended.is_some())?;
        judge(&newest_cdr(admin, 1)?, "answered", "callee_hung_up", 200);
        world::slot_state(admin, one, "IDLE")?;
        world::slot_state(admin, other, "IDLE")?;

        // B-33, B-66: the dialog is gone.
        let late = caller.in_dialog(&call, "BYE")?;
        assert_eq!(caller.exchange(&late)?.status(), Some(481));
        Ok(())
    })
}

#[test]
fn calls_that_do_not_come_about() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__CALLS__RING_S", "2");
    world::with_hub_and(settings, 4, |server, admin, accounts| {
        let [one, other, third, unregistered] = accounts else { anyhow::bail!("four slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let status = |number: &str| -> Result<Option<u16>> { Ok(caller.dial(number)?.1.status()) };

        callee.answer(Answer::Refuse(486));
        assert_eq!(status(&other.number)?, Some(486));
        judge(&newest_cdr(admin, 1)?, "busy", "busy", 486);

        callee.answer(Answer::Refuse(603));
        assert_eq!(status(&other.number)?, Some(603));
        assert_eq!(newest_cdr(admin, 2)?["cause"], "declined");

        assert_eq!(status("6999")?, Some(404));
        assert_eq!(newest_cdr(admin, 3)?["cause"], "no_such_number");

        assert_eq!(status(&unregistered.number)?, Some(480));
        assert_eq!(newest_cdr(admin, 4)?["cause"], "not_registered");

        callee.answer(Answer::Ring);
        assert_eq!(status(&other.number)?, Some(480), "nobody answers");
        let cdr = newest_cdr(admin, 5)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("no_answer"), &json!("no_answer")), "{cdr}");
        assert_eq!(callee.all_received(|message| message.method() == "CANCEL").len(), 1, "the ringing phone is told");

        // B-26: given up while it rings.
        world::slot_state(admin, other, "IDLE")?;
        let mark = callee.mark();
        let call = caller.invite(&other.number)?;
        caller.provisional_of(&call, 180)?;
        assert_eq!(caller.cancel(&call)?.status(), Some(200));
        assert_eq!(caller.final_of(&call)?.status(), Some(487));
        callee.received(mark, SOON, |message| message.method() == "CANCEL").context("the callee is CANCELled")?;
        let cdr = newest_cdr(admin, 6)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("canceled"), &json!("caller_gave_up")), "{cdr}");

        // In a call with somebody else (R11).
        world::slot_state(admin, other, "IDLE")?;
        callee.answer(Answer::AtOnce);
        let second = world::raw(server, third, Habits::answering(LOW))?;
        let (call, answer) = second.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        assert_eq!(status(&other.number)?, Some(486));
        assert_eq!(second.hangup(&call)?.status(), Some(200));
        newest_cdr(admin, 8)?;

        for account in accounts {
            world::slot_state(admin, account, "IDLE")?;
        }
        Ok(())
    })
}

#[test]
fn nobody_calls_without_his_own_password() -> Result<()> {
    world::with_hub(2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let uri = caller.address_of(&other.number);
        let sdp = media::write_sdp(caller.local(), &[Law::Mu], "sendrecv");
        let invite =
            caller.request("INVITE", &uri, &uri).with("Contact", format!("<{}>", caller.contact())).body("application/sdp", sdp.as_bytes());
        let challenge = caller.exchange(&invite)?;
        assert_eq!(challenge.status(), Some(401));

        // B-54: the account that proved itself decides who calls, whatever From says.
        let pretender = invite.clone().set("From", format!("<{}>;tag=x", caller.address_of(&other.number))).set("Call-ID", "pretender");
        let signed = caller.signed(&pretender, &challenge)?;
        match caller.exchange(&signed)?.status() {
            Some(403) => {}
            Some(200) => {
                let leg = callee.wait_for_leg("called", SOON, |_| true)?;
                assert!(leg.invite.header("From").is_some_and(|from| from.contains(&one.number)), "{:?}", leg.invite);
            }
            status => anyhow::bail!("{status:?}"),
        }
        Ok(())
    })
}

#[test]
fn no_common_codec_is_488_and_a_broken_description_is_400() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let _callee = world::raw(server, other, Habits::answering(HIGH))?;
        let uri = caller.address_of(&other.number);
        let offer = |sdp: &str| -> Result<Option<u16>> {
            let invite = caller
                .request("INVITE", &uri, &uri)
                .with("Contact", format!("<{}>", caller.contact()))
                .body("application/sdp", sdp.as_bytes());
            Ok(caller.exchange_signed(&invite)?.status())
        };
        let g729 =
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n";
        assert_eq!(offer(g729)?, Some(488));
        assert!(matches!(offer("v=0\r\nthis is no description")?, Some(400 | 488)));
        world::slot_state(admin, one, "IDLE")?;
        Ok(())
    })
}

/// B-50: hold by sendonly and resume, with the media timer off meanwhile.
#[test]
fn hold_and_resume() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__MEDIA__TIMEOUT_S", "2");
    world::with_hub_and(settings, 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW).laws(&[Law::Mu]))?;
        let callee = world::raw(server, other, Habits::answering(HIGH).laws(&[Law::Mu]))?;
        let (call, answer) = caller.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        let ours = caller.leg(&call)?;
        let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        both_hear(&ours, &theirs, 0.5)?;

        let reinvite = |direction: &str| -> Result<Message> {
            let sdp = media::write_sdp(ours.media.local(), &[Law::Mu], direction).replace("o=- 1 1", &format!("o=- 1 {}", direction.len()));
            let request = caller.in_dialog(&call, "INVITE")?.body("application/sdp", sdp.as_bytes());
            let response = caller.exchange(&request)?;
            if response.status() == Some(200) {
                caller.acknowledge(&request)?;
            }
            Ok(response)
        };
        let held = reinvite("sendonly")?;
        assert_eq!(held.status(), Some(200));
        let answer = String::from_utf8_lossy(&held.body).into_owned();
        assert!(answer.contains("a=recvonly") || answer.contains("a=inactive"), "{answer}");
        ours.media.mute(true);
        theirs.media.mute(true);
        let before = std::time::Instant::now();
        wait::until_true("longer than the media time-out", Duration::from_secs(5), || before.elapsed() > Duration::from_secs(3))?;
        assert!(caller.leg(&call)?.talks() && callee.leg(&theirs.call_id)?.talks(), "the media time-out does not count on hold");

        ours.media.mute(false);
        theirs.media.mute(false);
        assert_eq!(reinvite("sendrecv")?.status(), Some(200));
        let (heard_here, heard_there) = (ours.media.seconds_of(HIGH), theirs.media.seconds_of(LOW));
        wait::until_true("talk again", SOON, || {
            ours.media.seconds_of(HIGH) > heard_here + 0.5 && theirs.media.seconds_of(LOW) > heard_there + 0.5
        })?;
        assert_eq!(caller.hangup(&call)?.status(), Some(200));
        newest_cdr(admin, 1).map(drop)
    })
}

/// While a phone holds, silence is no sign of a dead call; but phones that are gone must not keep their slots for ever.
#[test]
fn a_held_call_of_dead_phones_ends() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__MEDIA__TIMEOUT_S", "2");
    world::with_hub_and(settings, 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW).laws(&[Law::Mu]))?;
        let callee = world::raw(server, other, Habits::answering(HIGH).laws(&[Law::Mu]))?;
        let (call, _) = caller.dial(&other.number)?;
        let ours = caller.leg(&call)?;
        callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        let sdp = media::write_sdp(ours.media.local(), &[Law::Mu], "sendonly").replace("o=- 1 1", "o=- 1 2");
        let request = caller.in_dialog(&call, "INVITE")?.body("application/sdp", sdp.as_bytes());
        assert_eq!(caller.exchange(&request)?.status(), Some(200));
        caller.acknowledge(&request)?;
        drop((ours, caller, callee));
        let cdr = newest_cdr(admin, 1)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("answered"), &json!("dialog_lost")), "{cdr}");
        Ok(())
    })
}

/// B-65: no sound for `media.timeout_s` ends the call on both sides, with its cause.
#[test]
fn a_silent_call_is_ended() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__MEDIA__TIMEOUT_S", "2");
    world::with_hub_and(settings, 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let (call, answer) = caller.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        both_hear(&caller.leg(&call)?, &theirs, 0.5)?;
        theirs.media.mute(true);
        for phone in [&caller, &callee] {
            phone.wait_for_leg("over", SOON, |leg| leg.ended.is_some())?;
        }
        let cdr = newest_cdr(admin, 1)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("answered"), &json!("media_timeout")), "{cdr}");
        Ok(())
    })
}

/// B-59: sound from a third address reaches nobody, and nothing goes there.
#[test]
fn a_stranger_is_not_heard() -> Result<()> {
    world::with_hub(2, |server, _admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let (call, _) = caller.dial(&other.number)?;
        let ours = caller.leg(&call)?;
        let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        both_hear(&ours, &theirs, 0.5)?;
        let stranger = media::Media::start(Law::Mu, 1000)?;
        stranger.talk_to(ours.media.remote(), Law::Mu);
        wait::until_true("a second of the stranger's talk", SOON, || stranger.sent() >= 50)?;
        both_hear(&ours, &theirs, 1.5)?;
        assert!(theirs.media.seconds_of(1000) == 0.0 && ours.media.seconds_of(1000) == 0.0, "the stranger was heard");
        assert_eq!(stranger.heard().addresses.len(), 0, "the stranger hears");
        assert_eq!(caller.hangup(&call)?.status(), Some(200));
        Ok(())
    })
}

/// A second SIP stack dials: `SIPp` authenticates, calls a phone of ours, and hangs up after two seconds.
#[test]
fn sipp_calls_a_phone() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let callee: RawPhone = world::raw(server, other, Habits::answering(HIGH))?;
        sipp::Run::of("call", server.sip()).accounts(std::slice::from_ref(one), &[&other.number]).succeed()?;
        judge(&newest_cdr(admin, 1)?, "answered", "caller_hung_up", 200);
        assert_eq!(callee.legs().len(), 1);
        Ok(())
    })
}
