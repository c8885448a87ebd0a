//! FT-10: the clock jumps an hour forward, then two back, in ten calls. Calls, bindings and durations go by the monotonic clock.

use anyhow::{Context, Result, ensure};
use tests::{clock::Clock, server::Settings};

use super::{CALLS, Calls, cdrs, talk_ms};
use crate::world;

/// How far a CDR's talk may be from what the phones measured, on a busy machine.
const OFF_MAX_MS: u128 = 2_000;

#[test]
fn the_clock_jumps_in_ten_calls() -> Result<()> {
    let clock = Clock::start()?;
    let settings = Settings { clock: Some(clock.clone()), ..Settings::default() };
    world::with_hub_and(settings, 20, |server, admin, accounts| {
        let calls = Calls::begin(server, accounts)?;
        for (step, what) in [(3_600, "an hour on"), (-3_600, "two hours back"), (0, "and right again")] {
            clock.step(step)?;
            calls.talk_on(what)?;
            calls.register().with_context(|| format!("{what}: phones register"))?;
            // A token may be out of time; whoever logs in is let in.
            let admin = server.admin().with_context(|| format!("{what}: log-in"))?;
            let slots = admin.list("/api/slots?limit=200").with_context(|| format!("{what}: a fresh token"))?;
            let bound = slots.iter().filter(|slot| slot["registered"] == true).count();
            ensure!(bound == 2 * CALLS, "{what}: {bound} of {} bindings are left", 2 * CALLS);
            ensure!(slots.iter().all(|slot| slot["state"] == "ACTIVE_CALL"), "{what}: {slots:#?}");
        }
        let talked = calls.hang_up()?;
        calls.answered_in_time(1)?;
        let mut told: Vec<u128> = Vec::new();
        for cdr in cdrs(admin, CALLS)? {
            let at = |key: &str| cdr[key].as_i64().with_context(|| format!("{key} of {cdr}"));
            ensure!(at("started_at")? <= at("answered_at")? && at("answered_at")? <= at("ended_at")?, "its times go backwards: {cdr}");
            told.push(u128::from(talk_ms(&cdr)?));
        }
        // Both lists from the shortest to the longest.
        let (mut talked, mut told) = (talked, told);
        talked.sort_unstable();
        told.sort_unstable();
        for (phones, cdr) in talked.iter().zip(&told) {
            ensure!(phones.abs_diff(*cdr) <= OFF_MAX_MS, "phones talked for {phones} ms, the CDR says {cdr} ms");
        }
        Ok(())
    })
}
