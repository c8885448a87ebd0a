//! FT-6: the disk of the data directory is full while ten calls are recorded. Calls go on and are recorded in the end; recordings are marked; no
//! call begins that might never be recorded. With room again the next call begins, and its recording is whole.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{audio::Wav, namespace, raw::Habits, rest::recording_path, server::Settings, tmpfs::Tmpfs, wait};

use super::{CALLS, Calls, cdrs, metric};
use crate::world::{self, HIGH, LOW, SOON};

/// Room for the database, the journal and some seconds of ten recordings.
const DISK_MIB: u32 = 20;

#[test]
fn the_disk_is_full_in_ten_calls() -> Result<()> {
    namespace::alone("faults::disk::the_disk_is_full_in_ten_calls", || {
        let disk = Tmpfs::mount(DISK_MIB)?;
        let settings = Settings { data: Some(disk.path().join("data")), ..Settings::default() };
        world::with_hub_and(settings, 22, |server, admin, accounts| {
            let [.., one, other] = accounts else { anyhow::bail!("two slots more") };
            let calls = Calls::begin(server, accounts)?;
            let phones = [world::raw(server, one, Habits::answering(LOW))?, world::raw(server, other, Habits::answering(HIGH))?];
            let ballast = disk.fill()?;
            wait::until("an alarm", SOON, || Ok((metric(server, "cordboard_recorder_trouble")? > 0.0).then_some(())))?;
            calls.talk_on("with a full disk")?;
            calls.register().context("phones register")?;
            wait::until("the journal to be behind", SOON, || Ok((metric(server, "cordboard_journal_behind")? > 0.0).then_some(())))?;
            let (_, refused) = phones[0].dial(&other.number)?;
            ensure!(refused.status() == Some(503) && refused.header("Retry-After").is_some(), "a new call: {}", refused.start);
            let refused = admin.post("/api/call/start", &json!({"slot_id": one.id, "phone_number": other.number}))?;
            ensure!((refused.status, &refused.json()["code"]) == (503, &json!("unavailable")), "{} {}", refused.status, refused.json());
            calls.talk_on("while new calls are refused")?;
            calls.register().context("phones register")?;
            calls.hang_up()?;
            calls.answered_in_time(2)?;
            ensure!(server.is_running()?, "the process is gone");

            std::fs::remove_file(ballast)?;
            let all = cdrs(admin, CALLS)?;
            ensure!(metric(server, "cordboard_journal_lost_total")? == 0.0, "facts are lost");
            ensure!(all.iter().all(|cdr| cdr["outcome"] == "answered"), "{all:#?}");
            let marked = all.iter().filter(|cdr| matches!(cdr["recording"]["state"].as_str(), Some("partial" | "failed"))).count();
            ensure!(marked == CALLS, "{marked} of {CALLS} recordings are marked: {all:#?}");
            for cdr in all.iter().filter(|cdr| cdr["recording"]["state"] == "partial") {
                // What there is of it plays.
                let reply = admin.get(&recording_path(cdr["call_id"].as_str().unwrap_or_default()))?;
                ensure!(reply.status == 200, "{}: {cdr}", reply.status);
                Wav::read(&reply.body).with_context(|| cdr.to_string())?;
            }

            let (call, answer) = phones[0].dial(&other.number)?;
            ensure!(answer.status() == Some(200), "{}", answer.start);
            let theirs = phones[1].wait_for_leg("answered", SOON, |leg| leg.acknowledged && leg.ended.is_none())?;
            wait::until_true("two seconds", SOON, || theirs.media.seconds_of(LOW) > 2.0)?;
            ensure!(phones[0].hangup(&call)?.status() == Some(200), "its end");
            let known: Vec<String> = all.iter().filter_map(|cdr| cdr["call_id"].as_str().map(str::to_owned)).collect();
            let newest = cdrs(admin, CALLS + 1)?.into_iter().find(|cdr| !known.iter().any(|id| cdr["call_id"] == id.as_str()));
            let newest = newest.context("the call's CDR")?;
            let id = newest["call_id"].as_str().context("its id")?;
            let wav = Wav::read(&world::closed_recording(admin, id)?)?;
            ensure!(wav.seconds_of(0, LOW) > 1.5 && wav.seconds_of(1, HIGH) > 1.5, "{} s: {newest}", wav.seconds());
            let state = || -> Result<serde_json::Value> { Ok(admin.cdr(id)?["recording"]["state"].clone()) };
            wait::until("its row to be closed", SOON, || Ok((state()? == "complete").then_some(())))
                .with_context(|| format!("it is {:?}", state()))?;
            Ok(())
        })
    })
}
