//! FT-3: SIGTERM in ten calls. No new call, from phones or from people; the calls go on to the limit, then they are ended, recorded and accounted for.

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::json;
use tests::{audio::Wav, raw::Habits, rest::recording_path, server::Settings, wait};

use super::{CALLS, Calls, cdrs};
use crate::world::{self, HIGH, LOW, SOON};

#[test]
fn sigterm_in_ten_calls() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__CALLS__DRAIN_S", "8");
    world::with_hub_and(settings, 22, |server, admin, accounts| {
        let [.., late, other] = accounts else { anyhow::bail!("22 slots") };
        let calls = Calls::begin(server, accounts)?;
        let late_phone = world::raw(server, late, Habits::answering(LOW))?;
        let other_phone = world::raw(server, other, Habits::answering(HIGH))?;
        server.signal(Signal::TERM)?;
        wait::until("the shutdown to begin", SOON, || Ok((server.anonymous().get("/healthz")?.status == 503).then_some(())))?;

        let (_, refusal) = late_phone.dial(&other.number)?;
        ensure!(refusal.status() == Some(503) && refusal.header("Retry-After").is_some(), "inbound: {refusal:?}");
        let refused = admin.post("/api/call/start", &json!({"slot_id": late.id, "phone_number": other.number}))?;
        ensure!(refused.status == 503, "outbound (R23): {} {}", refused.status, refused.json());
        ensure!(other_phone.legs().is_empty(), "the other was called all the same");
        late_phone.register(300)?;
        calls.talk_on("while it drains")?;
        // Half of them end by themselves; the others at the limit.
        let (first, rest) = calls.pairs.split_at(CALLS / 2);
        for pair in first {
            ensure!(pair.caller.hangup(&pair.call)?.status() == Some(200), "BYE");
        }
        let status = server.wait_for_end(SOON * 3)?;
        ensure!(status.code() == Some(0), "it ended with {status}");
        for pair in rest {
            for phone in [&pair.caller, &pair.callee] {
                phone.wait_for_leg("told of the end", SOON, |leg| leg.ended.is_some())?;
            }
        }

        server.launch()?;
        let admin = server.admin()?;
        // What was refused at the door is no call.
        let all = cdrs(&admin, CALLS)?;
        let ended_by = |cause: &str| all.iter().filter(|cdr| cdr["cause"] == cause).count();
        ensure!((ended_by("caller_hung_up"), ended_by("shutdown")) == (CALLS / 2, CALLS - CALLS / 2), "{all:#?}");
        for cdr in &all {
            ensure!(cdr["recording"]["state"] == "complete", "{cdr}");
            let wav = Wav::read(&admin.get(&recording_path(cdr["call_id"].as_str().unwrap_or_default()))?.body)?;
            ensure!(wav.seconds_of(0, LOW) > 0.5 && wav.seconds_of(1, HIGH) > 0.5, "{} s of {cdr}", wav.seconds());
        }
        Ok(())
    })
}
