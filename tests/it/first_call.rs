//! The first call: started over REST between two registered phones, heard on both sides, recorded, streamed while it grows, accounted for once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Account, Baresip, Rest, Server,
    audio::Wav,
    baresip::Setup,
    raw::{Answer, Habits},
    rest::recording_path,
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// Two channels of two octets, 8000 times a second.
const OCTETS_PER_SECOND: u64 = 32_000;
/// RIFF, fmt and data headers of a plain WAV file.
const HEADER: u64 = 44;

#[test]
fn the_first_call_on_sqlite() -> Result<()> {
    the_first_call(Settings::default())
}

/// The whole story; also told on PostgreSQL.
pub(crate) fn the_first_call(settings: Settings) -> Result<()> {
    world::with_hub_and(settings, 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        assert_eq!((one.number.as_str(), other.number.as_str()), ("6001", "6002"), "the lowest free block from x001");
        let mut caller = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let mut callee = world::baresip(server, admin, other, Setup::manual, HIGH)?;
        assert_eq!(admin.slot(&one.id)?["status"], "free");

        let call = admin.start_call(&one.id, &other.number)?;
        caller.event("CALL_ESTABLISHED", SOON).context("the slot's own phone answers by itself")?;
        callee.event("CALL_INCOMING", SOON)?;
        world::slot_state(admin, one, "CALLING")?;
        assert_eq!(
            admin.post("/api/call/start", &json!({"slot_id": one.id, "phone_number": other.number}))?.status,
            409,
            "it is in a call"
        );
        callee.accept()?;
        callee.event("CALL_ESTABLISHED", SOON)?;
        world::slot_state(admin, one, "ACTIVE_CALL")?;
        world::slot_state(admin, other, "ACTIVE_CALL")?;
        let live = admin.get(&format!("/api/calls/{call}"))?.expect(200)?;
        assert_eq!((&live["status"], &live["caller"], &live["callee"]), (&json!("answered"), &json!("6001"), &json!("6002")), "{live}");
        assert!(admin.cdrs_of(&call)?.is_empty(), "a CDR is of a call that is over");

        heard_while_it_grows(admin, &call)?;

        caller.hangup()?;
        callee.event("CALL_CLOSED", SOON)?;
        let cdr = admin.cdr(&call)?;
        judge_cdr(&cdr)?;
        let talked = cdr["talk_ms"].as_u64().context("talk_ms")?;
        world::slot_state(admin, one, "READY")?;
        world::slot_state(admin, other, "IDLE")?;

        let file = world::closed_recording(admin, &call)?;
        judge_recording(&file, talked)?;
        judge_ranges(server, admin, &call, &file)?;
        judge_phones(&caller, &callee)?;

        let cdr = admin.cdr(&call)?;
        assert_eq!((&cdr["recording"]["state"], &cdr["recording"]["size"]), (&json!("complete"), &json!(file.len())), "{cdr}");

        // A restart in good order changes nothing of it.
        drop((caller, callee));
        let status = server.terminate(Duration::from_secs(20))?;
        assert_eq!(status.code(), Some(0), "FT-3: SIGTERM ends with 0");
        server.launch()?;
        let admin = server.admin()?;
        assert_eq!(admin.cdrs_of(&call)?, [cdr]);
        assert_eq!(admin.get(&recording_path(&call))?.body, file);
        Ok(())
    })
}

/// The recording is there while the call goes on, each time longer, each time a whole file (wire contract).
fn heard_while_it_grows(admin: &Rest, call: &str) -> Result<()> {
    let path = recording_path(call);
    let first = wait::until("a second of recording", SOON, || {
        let reply = admin.get(&path)?;
        Ok((reply.status == 200 && reply.body.len() as u64 > HEADER + OCTETS_PER_SECOND).then_some(reply))
    })?;
    assert_eq!(first.header("content-length"), Some(first.body.len().to_string().as_str()));
    assert!(first.header("cache-control").is_some_and(|value| value.contains("no-store")), "{:?}", first.headers);
    let then = Wav::read(&first.body).context("a snapshot is a whole file")?;
    assert_eq!((then.rate, then.channels.len()), (8000, 2));

    let second = wait::until("two seconds more", SOON, || {
        let reply = admin.get(&path)?;
        Ok((reply.body.len() as u64 > first.body.len() as u64 + 2 * OCTETS_PER_SECOND).then_some(reply))
    })?;
    assert_ne!(first.header("etag").context("an ETag")?, second.header("etag").context("an ETag")?, "it changes with the length");
    let now = Wav::read(&second.body).context("a snapshot is a whole file")?;
    for channel in [0, 1] {
        let (before, after) = (then.channel(channel), now.channel(channel));
        assert_eq!(after.get(..before.len()), Some(before), "what was once there does not change");
    }
    let head = admin.head(&path)?;
    ensure!(head.status == 200 && head.body.is_empty(), "HEAD: {}", head.status);
    let part = admin.range(&path, "bytes=0-43")?;
    assert_eq!((part.status, part.body.len()), (206, 44));
    Ok(())
}

fn judge_cdr(cdr: &Value) -> Result<()> {
    for (key, value) in [
        ("direction", json!("internal")),
        ("caller", json!("6001")),
        ("callee", json!("6002")),
        ("outcome", json!("answered")),
        ("cause", json!("caller_hung_up")),
        ("sip_status", json!(200)),
    ] {
        assert_eq!(cdr[key], value, "{key} of {cdr}");
    }
    let at = |key: &str| cdr[key].as_i64().with_context(|| format!("{key} of {cdr}"));
    let (started, ringing, answered, ended) = (at("started_at")?, at("ringing_at")?, at("answered_at")?, at("ended_at")?);
    assert!(started <= ringing && ringing <= answered && answered < ended, "{cdr}");
    assert_eq!((at("ring_ms")?, at("talk_ms")?), (answered - ringing, ended - answered));
    assert!((3_000..60_000).contains(&at("talk_ms")?), "{cdr}");
    let segments = cdr["segments"].as_array().context("segments")?;
    assert_eq!(segments.len(), 2, "two slots took part (R14): {cdr}");
    let ours = segments.iter().find(|segment| segment["slot"] == cdr["caller_slot"]).context("the calling slot's segment")?;
    assert_eq!((&ours["user"], &ours["from"], &ours["to"]), (&cdr["user"], &cdr["answered_at"], &cdr["ended_at"]), "{cdr}");
    Ok(())
}

/// Stereo: left our side, right the other (R15), nobody on the wrong side, as long as the talk.
fn judge_recording(file: &[u8], talked_ms: u64) -> Result<()> {
    let wav = Wav::read(file)?;
    assert_eq!((wav.rate, wav.channels.len()), (8000, 2));
    #[expect(clippy::cast_precision_loss, reason = "a test's milliseconds")]
    let talked = talked_ms as f64 / 1000.0;
    assert!((wav.seconds() - talked).abs() < 0.5, "{} s recorded of {talked} s", wav.seconds());
    let heard = [wav.seconds_of(0, LOW), wav.seconds_of(1, HIGH), wav.seconds_of(0, HIGH), wav.seconds_of(1, LOW)];
    let [left, right, wrong_left, wrong_right] = heard;
    assert!(left > talked - 1.0 && right > talked - 1.0, "{talked} s talked, but heard {heard:?}");
    assert!(wrong_left == 0.0 && wrong_right == 0.0, "somebody is on the wrong side: {heard:?}");
    Ok(())
}

/// FT-20, on a closed recording.
fn judge_ranges(server: &Server, admin: &Rest, call: &str, file: &[u8]) -> Result<()> {
    let path = recording_path(call);
    let length = file.len();
    let whole = admin.get(&path)?;
    assert_eq!(whole.header("content-type"), Some("audio/wav"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let head = admin.head(&path)?;
    assert_eq!(
        (head.status, head.header("content-length"), head.header("etag")),
        (200, Some(length.to_string().as_str()), whole.header("etag"))
    );

    let last = length - 1;
    for (range, first, end) in [
        ("bytes=0-43".to_owned(), 0, 43),
        ("bytes=1000-".to_owned(), 1000, last),
        ("bytes=-500".to_owned(), length - 500, last),
        (format!("bytes=100-{}", length * 2), 100, last),
    ] {
        let part = admin.range(&path, &range)?;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.header("content-range"), Some(format!("bytes {first}-{end}/{length}").as_str()), "{range}");
        assert_eq!(Some(part.body.as_slice()), file.get(first..=end), "{range}");
    }
    let beyond = admin.range(&path, &format!("bytes={length}-"))?;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(format!("bytes */{length}").as_str())));
    let many = (0..10_000).fold("bytes=0-0".to_owned(), |text, at| format!("{text},{at}-{at}"));
    // Refused, by us or by the HTTP library's own bound on headers.
    assert!(matches!(admin.range(&path, &many)?.status, 400..=499), "10,000 ranges");
    assert_eq!(server.anonymous().get(&path)?.status, 401);
    Ok(())
}

/// Each phone heard the other, and not itself.
fn judge_phones(caller: &Baresip, callee: &Baresip) -> Result<()> {
    for (phone, wanted, own) in [(caller, HIGH, LOW), (callee, LOW, HIGH)] {
        // The files are closed a moment after the event that tells of the end.
        let files = wait::until("the phone's files", SOON, || Ok(phone.heard().ok().filter(|files| !files.is_empty())))?;
        let heard = |hz| files.iter().map(|file| file.seconds_of(0, hz)).sum::<f64>();
        assert!(heard(wanted) > 2.0 && heard(own) < 0.2, "{wanted} Hz for {} s, its own {own} Hz for {} s", heard(wanted), heard(own));
    }
    Ok(())
}

/// R9: a beep and our ring tone until the far side answers; the operator's voice goes forward only then, and then at once.
#[test]
fn the_operator_hears_ringing_and_is_not_heard_before_the_answer() -> Result<()> {
    /// Russia's tone for both (ITU-T E.180).
    const TONE: u32 = 425;
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH).answer(Answer::Ring))?;
        let call = admin.start_call(&one.id, &other.number)?;
        let ours = caller.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        let theirs = callee.wait_for_leg("ringing", SOON, |leg| leg.ended.is_none())?;
        assert!(
            ours.invite.headers.iter().any(|(name, value)| format!("{name}: {value}").to_lowercase().contains("answer")),
            "no auto-answer header (R8): {:?}",
            ours.invite
        );
        wait::until_true("a whole ring tone", SOON, || ours.media.seconds_of(TONE) >= 0.8)?;
        assert_eq!(theirs.media.heard().packets, 0, "the far side was sent sound before it answered");

        callee.accept(&theirs.call_id)?;
        wait::until_true("a second of talk", SOON, || ours.media.seconds_of(HIGH) >= 1.0 && theirs.media.seconds_of(LOW) >= 1.0)?;
        assert!(theirs.media.seconds_of(TONE) == 0.0, "the far side heard our ring tone");
        // R26: one source for the whole life of the leg, tone and talk alike.
        let heard = ours.media.heard();
        assert_eq!((heard.sources.len(), heard.addresses.len(), heard.jumps), (1, 1, 0), "{:?}", heard.sources);

        let ended = admin.post("/api/call/end", &json!({"call_id": call}))?;
        ensure!(ended.status < 300, "{} {}", ended.status, ended.json());
        for phone in [&caller, &callee] {
            phone.wait_for_leg("over", SOON, |leg| leg.ended.is_some())?;
        }
        assert_eq!(admin.cdr(&call)?["cause"], "ended_by_request");
        Ok(())
    })
}

/// R8, R10: a slot that does not answer, and a far side that fails.
#[test]
fn a_call_over_rest_fails_on_either_side() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__CALLS__SLOT_RING_S", "2").with("CORDBOARD__CALLS__RING_S", "2");
    world::with_hub_and(settings, 2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW).answer(Answer::Ring))?;
        let callee = world::raw(server, other, Habits::answering(HIGH).answer(Answer::Refuse(486)))?;

        let call = admin.start_call(&one.id, &other.number)?;
        let cdr = admin.cdr(&call)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("failed"), &json!("slot_no_answer")), "{cdr}");
        assert!(
            callee.legs().is_empty() && callee.all_received(|message| message.method() == "INVITE").is_empty(),
            "the number was dialled"
        );
        assert_eq!(caller.all_received(|message| message.method() == "CANCEL").len(), 1);

        caller.answer(Answer::AtOnce);
        let call = admin.start_call(&one.id, &other.number)?;
        let ours = caller.wait_for_leg("answered", SOON, |leg| leg.answered.is_some())?;
        wait::until_true("a busy tone (R10)", SOON, || ours.media.seconds_of(425) >= 0.3)?;
        let cdr = admin.cdr(&call)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"], &cdr["sip_status"]), (&json!("busy"), &json!("busy"), &json!(486)), "{cdr}");
        let bye = caller
            .received(0, SOON, |message| message.method() == "BYE" && message.status().is_none())
            .context("the BYE after the tone")?;
        assert!(bye.header("Reason").is_some_and(|reason| reason.contains("17")), "BYE names the reason: {bye:?}");

        callee.answer(Answer::Ring);
        world::slot_state(admin, one, "READY")?;
        let call = admin.start_call(&one.id, &other.number)?;
        let cdr = admin.cdr(&call)?;
        assert_eq!((&cdr["outcome"], &cdr["cause"]), (&json!("no_answer"), &json!("no_answer")), "{cdr}");
        assert_eq!(admin.get(&recording_path(&call))?.status, 404, "nobody answered, nothing is recorded");

        refused_at_once(admin, one)
    })
}

fn refused_at_once(admin: &Rest, one: &Account) -> Result<()> {
    let refusal = |slot: &str, number: &str| -> Result<(u16, Value)> {
        let reply = admin.post("/api/call/start", &json!({"slot_id": slot, "phone_number": number}))?;
        Ok((reply.status, reply.json()["code"].clone()))
    };
    world::slot_state(admin, one, "READY")?;
    assert_eq!(refusal("999999", "6002")?, (404, json!("slot_not_found")));
    assert_eq!(refusal(&one.id, &one.number)?, (422, json!("own_number")));
    assert_eq!(refusal(&one.id, "")?.0, 422);
    Ok(())
}
