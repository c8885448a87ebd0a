//! The configuration is read again, by SIGHUP and over REST: checked whole, in force at once, or refused with every error and nothing changed; and
//! a thousand times over it costs nothing.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{RawPhone, raw::Habits, server::Settings, wait};

use super::{CALLS, Calls, cdrs, metric};
use crate::world::{self, HIGH, LOW, SOON};

const RELOADS: u32 = 1_000;
/// What a thousand reloads may leave behind.
const GROWTH_MAX_KIB: u64 = 6 << 10;

/// A file in which one thing shows: how long a phone's registration lasts.
fn file(expires_max: u32) -> String {
    format!("[sip]\nexpires_max = {expires_max}\n")
}

/// How long the server lets a registration last now.
fn granted(phone: &RawPhone) -> Result<u32> {
    let answer = phone.register(3_600)?;
    Ok(RawPhone::bindings(&answer).first().context("a binding")?.1)
}

#[test]
fn a_reload_in_ten_calls() -> Result<()> {
    world::with_hub_and(Settings::default().with_file(file(3_600)), 22, |server, admin, accounts| {
        let [.., one, other] = accounts else { anyhow::bail!("two slots more") };
        let calls = Calls::begin(server, accounts)?;
        let phones = [world::raw(server, one, Habits::answering(LOW))?, world::raw(server, other, Habits::answering(HIGH))?];
        let reload = || admin.post("/api/system/reload", &json!({}));
        ensure!(granted(&phones[0])? > 3_500, "as the file says");

        let done = reload()?.expect(200)?;
        ensure!(done["changed"] == json!([]), "nothing has changed: {done}");
        server.configure(&file(400))?;
        let done = reload()?.expect(200)?;
        ensure!(done["changed"] == json!(["sip.expires_max"]), "{done}");
        ensure!(granted(&phones[0])? <= 400, "it is not in force");
        server.configure(&file(500))?;
        server.reload()?;
        wait::until("SIGHUP to be obeyed", SOON, || Ok(((401..=500).contains(&granted(&phones[0])?)).then_some(())))?;

        // Everything that is wrong is told at once, and none of what is right is taken.
        server
            .configure("[sip]\nexpires_max = 700\nexpires_mim = 60\n[log]\nfilter = 5\n[nonsense]\nx = 1\n[calls]\ndrain_s = \"soon\"\n")?;
        let refused = reload()?;
        ensure!((refused.status, &refused.json()["code"]) == (422, &json!("config_refused")), "{} {}", refused.status, refused.json());
        let told = refused.json()["details"]["errors"].to_string();
        for wrong in ["expires_mim", "log.filter", "nonsense", "calls.drain_s"] {
            ensure!(told.contains(wrong), "nothing is said of {wrong}: {told}");
        }
        let failures = metric(server, "cordboard_reloads_total{outcome=\"refused\"}")?;
        server.reload()?;
        wait::until("SIGHUP to be refused", SOON, || {
            Ok((metric(server, "cordboard_reloads_total{outcome=\"refused\"}")? > failures).then_some(()))
        })?;
        ensure!((401..=500).contains(&granted(&phones[0])?), "a refused file changed something");

        // What a running server cannot change is named, and takes the rest with it.
        server.configure("[sip]\nexpires_max = 700\n[media]\nworkers = 3\n[journal]\nfsync_ms = 77\n")?;
        let refused = reload()?;
        let told = refused.json()["details"]["errors"].to_string();
        ensure!(refused.status == 422 && told.contains("media.workers") && told.contains("journal.fsync_ms"), "{} {told}", refused.status);
        ensure!((401..=500).contains(&granted(&phones[0])?), "a refused file changed something");
        let nobody = server.anonymous().post("/api/system/reload", &json!({}))?;
        ensure!(nobody.status == 401, "{}", nobody.status);

        calls.talk_on("after reloads")?;
        let (call, answer) = phones[0].dial(&other.number)?;
        ensure!(answer.status() == Some(200), "a new call: {}", answer.start);
        ensure!(phones[0].hangup(&call)?.status() == Some(200), "its end");
        calls.hang_up()?;
        calls.answered_in_time(1)?;
        let all = cdrs(admin, CALLS + 1)?;
        ensure!(all.iter().all(|cdr| cdr["cause"] == "caller_hung_up"), "{all:#?}");
        Ok(())
    })
}

#[test]
fn a_thousand_reloads_cost_nothing() -> Result<()> {
    world::with_hub_and(Settings::default().with_file(file(3_600)), 2, |server, admin, accounts| {
        let phone = world::raw(server, accounts.first().context("a slot")?, Habits::answering(LOW))?;
        let reload = |at: u32| -> Result<()> {
            server.configure(&file(600 + at % 2))?;
            let done = admin.post("/api/system/reload", &json!({}))?.expect(200)?;
            ensure!(done["changed"] == json!(["sip.expires_max"]), "{done}");
            Ok(())
        };
        // The first ones fill what is kept for ever: caches, thread pools, the log.
        (0..RELOADS / 10).try_for_each(reload)?;
        let before = server.usage()?;
        (0..RELOADS).try_for_each(reload)?;
        let after = server.usage()?;
        ensure!(after.rss_kib <= before.rss_kib + GROWTH_MAX_KIB, "from {before:?} to {after:?}");
        ensure!((after.descriptors, after.threads) <= (before.descriptors + 2, before.threads + 2), "from {before:?} to {after:?}");
        ensure!(granted(&phone)? <= 601, "the last one is in force");
        Ok(())
    })
}
