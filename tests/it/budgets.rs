//! Budgets against toll fraud, end to end: a call to the world that is warned and cut when its budget is used up, what is left of it over a kill, and
//! the hand that lets the next call through (R23).

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Rest,
    carrier::{self, Carrier},
    raw::Habits,
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// Where the carrier is: another address than the phones', so that nobody is taken for the other.
const AWAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// A number of ours with the carrier, and one of its subscribers.
const OURS: &str = "+74951230001";
const THEIRS: &str = "+74957654321";
/// The least that lets a call begin is ten seconds.
const DAY_S: u64 = 12;

fn day(admin: &Rest) -> Result<Value> {
    let budgets = admin.list("/api/security/budgets")?;
    let budget = budgets.iter().find(|budget| budget["kind"] == "center").context("the budget of the centre")?;
    let lines = budget["lines"].as_array().context("its lines")?;
    Ok(lines.iter().find(|line| line["limit"] == "day_s").context("a day's talk")?.clone())
}

#[test]
fn a_call_is_cut_when_its_budget_is_used_up() -> Result<()> {
    let carrier = Carrier::start(AWAY)?;
    world::with_hub_and(Settings::default(), 2, |server, admin, accounts| {
        let [one, two] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        let trunk = json!({
            "type": "sip",
            "name": "Northern",
            "hosts": [format!("sip:{};transport=udp", carrier.sip())],
            "accounts": [{"username": carrier::CUSTOMER, "password": carrier::password(carrier::CUSTOMER), "realm": carrier::REALM}],
            "callers": [{"number": OURS}],
            "capacity": 10,
        });
        let made = admin.post("/api/trunks", &trunk)?.expect(201)?;
        let route = json!({"name": "out", "position": 10, "match": {"to": ["+*"]},
            "then": {"do": "carriers", "order": [{"carrier": made["id"]}]}});
        admin.post("/api/routes", &route)?.expect(201)?;
        let budget = json!({"limits": {"day_s": DAY_S}});
        let set = admin.put("/api/security/budgets/center/1", &budget)?.expect(200)?;
        ensure!(set["closed"] == false && set["limits"]["day_s"] == DAY_S, "{set}");

        let mut phone = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let far = carrier.phone(THEIRS, HIGH)?;
        let mark = phone.mark();
        phone.dial(THEIRS)?;
        phone.event_after(mark, "CALL_ESTABLISHED", SOON).with_context(|| carrier.log())?;
        let call = wait::until("the answered call", SOON, || {
            let calls = admin.list("/api/calls")?;
            let call = calls.iter().find(|call| call["status"] == "answered");
            Ok(call.and_then(|call| call["call_id"].as_str()).map(str::to_owned))
        })?;
        let line = day(admin)?;
        ensure!(line["used"].as_u64().unwrap_or(0) + line["reserved"].as_u64().unwrap_or(0) == DAY_S, "all of it is promised: {line}");
        // Nobody hangs up: the budget does, on both sides.
        far.event("CALL_CLOSED", 2 * SOON)?;
        phone.event_after(mark, "CALL_CLOSED", SOON)?;
        let cdr = admin.cdr(&call)?;
        ensure!(cdr["cause"] == "budget_spent" && cdr["outcome"] == "answered", "{cdr}");
        let talk_ms = cdr["talk_ms"].as_u64().context("its length")?;
        ensure!(talk_ms >= DAY_S * 1_000, "{cdr}");
        let line = day(admin)?;
        ensure!(line["used"].as_u64() >= Some(DAY_S) && line["reserved"] == 0 && line["closed"] == true, "{line}");

        // A kill forgets none of it.
        server.kill()?;
        server.launch()?;
        let admin = &server.admin()?;
        let line = day(admin)?;
        ensure!(line["used"].as_u64() >= Some(DAY_S) && line["closed"] == true, "{line}");

        // Nobody else calls the world by it, neither by phone nor over REST; inside all is as it was.
        let other = world::raw(server, two, Habits::answering(HIGH))?;
        let (_, answer) = other.dial(THEIRS)?;
        ensure!(answer.status() == Some(403), "{answer:?}");
        let refused = admin.post("/api/call/start", &json!({"slot_id": two.id, "phone_number": THEIRS}))?;
        let told = refused.expect(409)?;
        ensure!(told["code"] == "budget_closed" && told["limit"] == "day_s", "{told}");
        let premium = admin.post("/api/call/start", &json!({"slot_id": two.id, "phone_number": "+78091234567"}))?.expect(403)?;
        ensure!(premium["code"] == "premium_not_allowed", "{premium}");

        // By hand.
        let released = admin.post("/api/security/budgets/center/1/release", &json!({"reason": "the story goes on"}))?.expect(200)?;
        ensure!(released["closed"] == false, "{released}");
        let (call, answer) = other.dial(THEIRS)?;
        ensure!(answer.status() == Some(200), "{answer:?}");
        other.hangup(&call)?;
        Ok(())
    })
}
