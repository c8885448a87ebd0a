//! Calls by carriers, end to end: by one that others made, which is registered with and challenges, and by some that misbehave (R2, R13; B-41,
//! B-55, B-56).

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{
    Account, Rest, Server,
    carrier::{self, Carrier},
    raw::{Answer, Habits},
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// Where the carriers of these stories are: another address than the phones', so that nobody is taken for the other.
const AWAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Numbers of ours with the carrier, and of its subscribers.
const OURS: &str = "+74951230001";
const THEIRS: &str = "+74957654321";

/// A carrier's settings: registered with an account, one number that rings at these slots, and may be shown.
fn settings(name: &str, of: &Carrier, to: &[&str]) -> Value {
    json!({
        "type": "sip",
        "name": name,
        "hosts": [format!("sip:{};transport=udp", of.sip())],
        "accounts": [{"username": carrier::CUSTOMER, "password": carrier::password(carrier::CUSTOMER), "realm": carrier::REALM}],
        "numbers": [{"number": OURS, "to": to, "scenario": "sales", "source": "billboard"}],
        "callers": [{"number": OURS}],
        "capacity": 10,
    })
}

/// Makes a carrier, and gives its id.
fn make(admin: &Rest, settings: &Value) -> Result<String> {
    let made = admin.post("/api/trunks", settings)?.expect(201)?;
    Ok(made["id"].as_str().context("an id")?.to_owned())
}

/// Sends calls to numbers that begin so by these carriers.
fn route(admin: &Rest, prefix: &str, carriers: &[&str]) -> Result<()> {
    let order: Vec<Value> = carriers.iter().map(|id| json!({"carrier": id})).collect();
    let route =
        json!({"name": format!("to {prefix}"), "position": 10, "match": {"to": [prefix]}, "then": {"do": "carriers", "order": order}});
    admin.post("/api/routes", &route)?.expect(201).map(drop)
}

fn with_carrier(slots: u16, test: impl FnOnce(&Server, &Rest, &[Account], &Carrier) -> Result<()>) -> Result<()> {
    let carrier = Carrier::start(AWAY)?;
    world::with_hub_and(Settings::default(), slots, |server, admin, accounts| {
        test(server, admin, accounts, &carrier).with_context(|| carrier.log())
    })
}

/// The call that is up, once it is answered.
fn answered(admin: &Rest) -> Result<String> {
    wait::until("the answered call", SOON, || {
        let calls = admin.list("/api/calls")?;
        let call = calls.iter().find(|call| call["status"] == "answered");
        Ok(call.and_then(|call| call["call_id"].as_str()).map(str::to_owned))
    })
}

#[test]
fn a_call_goes_out_by_a_carrier_that_challenges_and_one_comes_in() -> Result<()> {
    with_carrier(2, |server, admin, accounts, carrier| {
        let [one, other] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        let trunk = make(admin, &settings("Northern", carrier, &[&one.number, &other.number]))?;
        route(admin, "+7495*", &[&trunk])?;
        let mut phone = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let ringing = world::baresip(server, admin, other, tests::baresip::Setup::manual, LOW)?;
        let mut world = carrier.phone(THEIRS, HIGH)?;

        // Out: our number is shown, whatever the phone says of itself.
        phone.dial(THEIRS)?;
        phone.event("CALL_ESTABLISHED", SOON)?;
        wait::until_true("our number at the far phone", SOON, || world.log().contains(&format!("from sip:{OURS}@")))?;
        let call = answered(admin)?;
        phone.hangup()?;
        world.event("CALL_CLOSED", SOON)?;
        let cdr = admin.cdr(&call)?;
        let expected = json!(["outbound", "answered", trunk, "answered", OURS]);
        assert_eq!(
            json!([cdr["direction"], cdr["outcome"], cdr["carrier"], cdr["tries"][0]["outcome"], cdr["tries"][0]["caller"]]),
            expected,
            "{cdr}"
        );

        // In: both slots ring, one answers, the other is told that it need not (RFC 3326).
        wait::until("our registration there", SOON, || {
            let status = admin.get("/api/pbx/status")?.expect(200)?;
            Ok((status["carriers"][0]["accounts"][0]["state"] == "registered").then_some(()))
        })?;
        let mark = world.mark();
        world.dial(OURS)?;
        world.event_after(mark, "CALL_ESTABLISHED", SOON)?;
        ringing.event("CALL_CLOSED", SOON)?;
        let call = answered(admin)?;
        wait::until_true("two seconds of recording", SOON, || {
            admin.get(&tests::rest::recording_path(&call)).is_ok_and(|reply| reply.status == 200 && reply.body.len() > 2 * 32_000)
        })?;
        world.hangup()?;
        let cdr = admin.cdr(&call)?;
        let expected = json!(["inbound", "answered", trunk, "sales", "billboard", THEIRS]);
        let shown = json!([cdr["direction"], cdr["outcome"], cdr["carrier"], cdr["scenario"], cdr["source"], cdr["caller"]]);
        assert_eq!(shown, expected, "{cdr}");
        let wav = tests::audio::Wav::read(&world::closed_recording(admin, &call)?)?;
        // R15: left our side, right the world.
        assert!(wav.seconds_of(0, LOW) > 1.0 && wav.seconds_of(1, HIGH) > 1.0, "the sides are exchanged, or one is silent");
        Ok(())
    })
}

/// A number that the first carrier refuses with 503 goes by the next; one that is busy goes nowhere else.
#[test]
fn the_next_carrier_is_tried_and_the_record_says_so() -> Result<()> {
    with_carrier(2, |server, admin, accounts, carrier| {
        let [one, far] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        let first = make(admin, &settings("Northern", carrier, &[]))?;
        // A phone of ours plays a carrier that knows us by our address.
        let other = tests::RawPhone::start(far, server.sip(), Habits::answering(HIGH).answer(Answer::AtOnce))?;
        let mut second = settings("Southern", carrier, &[]);
        second["hosts"] = json!([format!("sip:{};transport=udp", other.local())]);
        second["networks"] = json!(["127.0.0.9/32"]);
        second["accounts"] = json!([]);
        second["numbers"] = json!([]);
        second["health"] = json!({"options_every_s": 0});
        let second = make(admin, &second)?;
        route(admin, "+7495*", &[&first, &second])?;
        let phone = world::raw(server, one, Habits::answering(LOW))?;

        let (call, answer) = phone.dial("+74950000503")?;
        assert_eq!(answer.status(), Some(200), "{answer:?}");
        let id = answered(admin)?;
        phone.hangup(&call)?;
        let cdr = admin.cdr(&id)?;
        let tries: Vec<_> =
            cdr["tries"].as_array().context("tries")?.iter().map(|tried| json!([tried["carrier"], tried["status"]])).collect();
        assert_eq!(tries, [json!([first, 503]), json!([second, 200])], "{cdr}");
        assert_eq!(cdr["carrier"], second, "{cdr}");

        let (_, busy) = phone.dial("+74950000486")?;
        assert_eq!(busy.status(), Some(486), "{busy:?}");
        Ok(())
    })
}

/// What comes from elsewhere than a carrier's networks is nobody's call, whatever it claims to be (R2, B-54).
#[test]
fn a_stranger_who_claims_to_be_the_carrier_is_challenged() -> Result<()> {
    with_carrier(1, |server, admin, accounts, carrier| {
        let [one] = accounts else { anyhow::bail!("one slot, not {accounts:?}") };
        make(admin, &settings("Northern", carrier, &[&one.number]))?;
        let stranger = tests::RawPhone::start(one, server.sip(), Habits::answering(LOW))?;
        let uri = format!("sip:{OURS}@{}", server.sip());
        let request = stranger.request("INVITE", &uri, &uri).with("P-Asserted-Identity", format!("<sip:{THEIRS}@{}>", carrier::REALM));
        let answer = stranger.exchange(&request)?;
        assert_eq!(answer.status(), Some(401), "{answer:?}");
        assert!(admin.list("/api/calls")?.is_empty());
        Ok(())
    })
}
