//! A call from the world rings at three desks: each hears of it before anybody answers, knows who it is once that can be looked up, and hears who
//! answered (S004-130, R21).

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Account, Baresip, Rest, Server,
    carrier::{self, Carrier},
    postgres::Postgres,
    screen::Screen,
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// Where the carrier is: another address than the phones'.
const AWAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OURS: &str = "+74951230001";
const THEIRS: &str = "+74957654321";
const PASSWORD: &str = "right horse 7";

/// An operator at their own slot.
struct Desk {
    rest: Rest,
    id: String,
    slot: String,
    phone: Baresip,
    screen: Screen,
}

/// Somebody with a role, and who that is.
fn person(server: &Server, admin: &Rest, name: &str) -> Result<(Rest, String)> {
    let new = json!({"username": name, "password": PASSWORD, "roles": ["operator"]});
    let made = admin.post("/api/users", &new)?.expect(201)?;
    Ok((server.anonymous().login(name, PASSWORD)?, made["id"].as_str().context("an id")?.to_owned()))
}

fn desk(server: &Server, admin: &Rest, account: &Account, name: &str) -> Result<Desk> {
    let (rest, id) = person(server, admin, name)?;
    let phone = world::baresip(server, admin, account, tests::baresip::Setup::manual, LOW)?;
    rest.post(&format!("/api/slots/{}/take", account.id), &json!({}))?.expect(200)?;
    let screen = Screen::open(&rest, &["screens", "slots", "misseds"])?;
    Ok(Desk { rest, id, slot: account.id.clone(), phone, screen })
}

/// A carrier that is registered with, whose number rings at all these slots.
fn ring_group(admin: &Rest, carrier: &Carrier, accounts: &[Account]) -> Result<()> {
    let to: Vec<&str> = accounts.iter().map(|account| account.number.as_str()).collect();
    let trunk = json!({
        "type": "sip", "name": "Northern", "hosts": [format!("sip:{};transport=udp", carrier.sip())],
        "accounts": [{"username": carrier::CUSTOMER, "password": carrier::password(carrier::CUSTOMER), "realm": carrier::REALM}],
        "numbers": [{"number": OURS, "to": to, "scenario": "sales", "source": "billboard"}],
        "callers": [{"number": OURS}], "capacity": 10,
    });
    admin.post("/api/trunks", &trunk)?.expect(201)?;
    wait::until("our registration there", SOON, || {
        let status = admin.get("/api/pbx/status")?.expect(200)?;
        Ok((status["carriers"][0]["accounts"][0]["state"] == "registered").then_some(()))
    })
}

/// The next two words of a call that rings: at once, and with what was found.
fn popped(desk: &mut Desk) -> Result<(Value, Value)> {
    let mut first = desk.screen.wait_for("screen.pop", SOON)?;
    // Whose phone rings knows of the call before their slot is said to ring.
    let slot = busy(&mut desk.screen, &desk.slot)?;
    ensure!(slot["seq"].as_u64() > first["seq"].as_u64(), "{slot} was told before {first}");
    let second = desk.screen.wait_for("screen.pop", SOON * 2)?["data"].take();
    Ok((first["data"].take(), second))
}

/// The next news that a slot is busy.
fn busy(screen: &mut Screen, slot: &str) -> Result<Value> {
    loop {
        let news = screen.wait_for("slot.update", SOON)?;
        if news["id"] == slot && news["data"]["status"] == "busy" {
            return Ok(news);
        }
    }
}

#[test]
fn a_call_pops_at_three_desks_and_who_answered_is_told() -> Result<()> {
    let carrier = Carrier::start(AWAY)?;
    world::with_hub_and(Settings::default(), 3, |server, admin, accounts| {
        let names = ["anna", "boris", "carla"];
        let desks = accounts.iter().zip(names).map(|(account, name)| desk(server, admin, account, name));
        let mut desks: Vec<Desk> = desks.collect::<Result<_>>()?;
        let (stranger, _) = person(server, admin, "dora")?;
        let mut elsewhere = Screen::open(&stranger, &["screens", "slots"])?;
        ring_group(admin, &carrier, accounts)?;
        let lead = json!({"client_name": "Olga", "phone": THEIRS, "assigned_operator": desks[0].id});
        admin.post("/api/crm/leads", &lead)?.expect(201)?;
        let mut caller = carrier.phone(THEIRS, HIGH)?;
        caller.dial(OURS)?;
        let mut call = Value::Null;
        for (desk, name) in desks.iter_mut().zip(names) {
            let (first, second) = popped(desk)?;
            ensure!(first["number"] == THEIRS && first["scenario"] == "sales" && first["source"] == "billboard", "{name}: {first}");
            ensure!(first["complete"] == false && second["complete"] == true, "{name}: {first} {second}");
            let olga = json!("Olga");
            let known: Vec<&Value> =
                second["candidates"].as_array().context("candidates")?.iter().map(|one| &one["row"]["client_name"]).collect();
            let expected = if name == "anna" { vec![&olga] } else { vec![] };
            ensure!(known == expected, "{name} is shown {known:?}");
            call = first["call_id"].clone();
        }
        let status = admin.get(&format!("/api/calls/{}", call.as_str().context("an id")?))?.expect(200)?["status"].clone();
        ensure!(status != "answered" && status != "ended", "all of that was before the answer, and the call is {status}");
        let card = desks[0].rest.get(&format!("/api/calls/{}/card", call.as_str().context("an id")?))?.expect(200)?;
        ensure!(card["matches"][0]["row"]["client_name"] == "Olga", "{card}");

        desks[1].phone.accept()?;
        for at in [0, 2] {
            let gone = desks[at].screen.wait_for("screen.gone", SOON)?["data"].take();
            ensure!(gone["why"] == "answered" && gone["by_name"] == "boris" && gone["call_id"] == call, "{gone}");
        }
        caller.hangup()?;
        // Who has no phone in it heard nothing, and the next one is missed by all.
        desks[1].phone.event("CALL_CLOSED", SOON)?;
        caller.dial(OURS)?;
        for desk in &mut desks {
            desk.screen.wait_for("screen.pop", SOON)?;
        }
        caller.hangup()?;
        for desk in &mut desks {
            let gone = desk.screen.wait_for("screen.gone", SOON)?["data"].take();
            ensure!(gone["why"] == "given_up", "{gone}");
            let missed = desk.screen.wait_for("missed.update", SOON)?["data"].take();
            ensure!(missed["number"] == THEIRS && missed["state"] == "open", "{missed}");
        }
        let list = desks[2].rest.list("/api/missed-calls")?;
        ensure!(list.len() == 1, "{list:?}");
        busy(&mut elsewhere, &accounts[0].id)?;
        ensure!(!elsewhere.kinds().contains(&"screen.pop"), "it does not ring at theirs");
        Ok(())
    })
}

/// With a database that hangs it rings and pops all the same; who it is comes when the database is back.
#[test]
fn a_call_pops_while_the_database_hangs() -> Result<()> {
    let (carrier, database) = (Carrier::start(AWAY)?, Postgres::start()?);
    let settings = Settings::default().with("CORDBOARD__DATABASE__URL", database.url());
    world::with_hub_and(settings, 1, |server, admin, accounts| {
        let mut anna = desk(server, admin, &accounts[0], "anna")?;
        ring_group(admin, &carrier, accounts)?;
        let lead = json!({"client_name": "Olga", "phone": THEIRS, "assigned_operator": anna.id});
        admin.post("/api/crm/leads", &lead)?.expect(201)?;
        let mut caller = carrier.phone(THEIRS, HIGH)?;
        database.hang()?;
        caller.dial(OURS)?;
        let first = anna.screen.wait_for("screen.pop", SOON)?["data"].take();
        ensure!(first["number"] == THEIRS && first["complete"] == false, "{first}");
        anna.phone.event("CALL_INCOMING", SOON)?;
        database.resume()?;
        let second = anna.screen.wait_for("screen.pop", SOON * 2)?["data"].take();
        ensure!(second["complete"] == true && second["candidates"][0]["row"]["client_name"] == "Olga", "{second}");
        caller.hangup()?;
        Ok(())
    })
}
