//! What phones may know of each other and say to each other beyond calls: lamps (RFC 4235), mailboxes (RFC 3842), texts (RFC 3428); and phones
//! behind an edge proxy (Path, RFC 3327; B-15).

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use tests::{
    Baresip, RawPhone, Server,
    baresip::Setup,
    edge::Edge,
    raw::{Habits, Message},
    sipp, wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// Where the edge proxy is: another address than the phones' and the server's.
const EDGE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// The phone watches the calls of a number.
fn watch(phone: &RawPhone, number: &str) -> Result<()> {
    let uri = phone.address_of(number);
    let request = phone
        .request("SUBSCRIBE", &uri, &uri)
        .with("Contact", format!("<{}>", phone.contact()))
        .with("Event", "dialog")
        .with("Accept", "application/dialog-info+xml")
        .with("Expires", "600");
    let answer = phone.exchange_signed(&request)?;
    ensure!(answer.status() == Some(200), "{}", answer.start);
    Ok(())
}

/// The state that a NOTIFY tells; empty: no call.
fn lamp(notify: &Message) -> String {
    let body = String::from_utf8_lossy(&notify.body).into_owned();
    body.split("<state>").nth(1).and_then(|rest| rest.split("</state>").next()).unwrap_or_default().to_owned()
}

fn lamps(phone: &RawPhone) -> Vec<String> {
    phone.all_received(|message| message.method() == "NOTIFY" && message.status().is_none()).iter().map(lamp).collect()
}

/// Waits until the last lamp that a phone was told is this.
fn lit(phone: &RawPhone, state: &str) -> Result<()> {
    wait::until(format!("the lamp: {state}"), SOON, || Ok((lamps(phone).last().map(String::as_str) == Some(state)).then_some(())))
        .with_context(|| format!("{:?}", lamps(phone)))
}

/// Two phones of others' making call each other, a third sees how far they are, and not who they are.
#[test]
fn a_lamp_follows_a_call_of_real_phones() -> Result<()> {
    world::with_hub(3, |server, admin, accounts| {
        let [one, other, watcher] = accounts else { anyhow::bail!("three slots, not {accounts:?}") };
        let mut caller = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let mut called = world::baresip(server, admin, other, Setup::manual, HIGH)?;
        let watching = world::raw(server, watcher, Habits::answering(LOW))?;
        watch(&watching, &other.number)?;
        lit(&watching, "")?;
        caller.dial(&other.number)?;
        lit(&watching, "early")?;
        called.accept()?;
        caller.event("CALL_ESTABLISHED", SOON)?;
        lit(&watching, "confirmed")?;
        caller.hangup()?;
        lit(&watching, "terminated")?;
        for notify in watching.all_received(|message| message.method() == "NOTIFY") {
            let body = String::from_utf8_lossy(&notify.body).into_owned();
            ensure!(!body.contains(&one.number), "it says who is on the other side: {body}");
        }
        let metrics = server.anonymous().get("/metrics")?;
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        ensure!(text.contains("cordboard_sip_messages_total{direction=\"out\",transport=\"udp\",kind=\"NOTIFY\"}"), "{text}");
        wait::until("a subscription in the metrics", SOON, || {
            let metrics = server.anonymous().get("/metrics")?;
            Ok(String::from_utf8_lossy(&metrics.body).contains("\ncordboard_sip_subscriptions 1\n").then_some(()))
        })
    })
}

/// SIPp asks for the mailbox of its own number, and is told that nothing waits; for another's it is refused.
#[test]
fn nothing_waits_in_a_mailbox() -> Result<()> {
    world::with_hub(2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        sipp::Run::of("mwi", server.sip()).accounts(std::slice::from_ref(one), &[&one.number]).succeed()?;
        let outcome = sipp::Run::of("mwi", server.sip()).accounts(std::slice::from_ref(one), &[&other.number]).run()?;
        ensure!(outcome.code == Some(1) && outcome.text.contains("403"), "{:?} {}", outcome.code, outcome.text);
        Ok(())
    })
}

fn text(phone: &RawPhone, number: &str, body: &str) -> Result<Option<u16>> {
    let uri = phone.address_of(number);
    let request = phone.request("MESSAGE", &uri, &uri).body("text/plain", body.as_bytes());
    Ok(phone.exchange_signed(&request)?.status())
}

/// A text goes to a phone of others' making; one for who is away, or for the world, goes nowhere.
#[test]
fn a_text_reaches_a_real_phone_and_never_the_world() -> Result<()> {
    world::with_hub(3, |server, admin, accounts| {
        let [one, other, away] = accounts else { anyhow::bail!("three slots, not {accounts:?}") };
        let sender = world::raw(server, one, Habits::answering(LOW))?;
        let phone = world::baresip(server, admin, other, |setup| setup, HIGH)?;
        // It is that phone that says so.
        assert_eq!(text(&sender, &other.number, "lunch at one?")?, Some(200), "{}", phone.log());
        let between = world::raw(server, away, Habits::answering(LOW))?;
        assert_eq!(text(&sender, &away.number, "hello")?, Some(200));
        let came = between.received(0, SOON, |message| message.method() == "MESSAGE").context("the text")?;
        assert_eq!(came.body, b"hello");
        ensure!(came.header("From").is_some_and(|from| from.contains(&one.number)), "{came:?}");
        between.register(0)?;
        assert_eq!(text(&sender, &away.number, "hello")?, Some(480));
        assert_eq!(text(&sender, "89161112233", "hello")?, Some(403));
        Ok(())
    })
}

/// A phone behind Kamailio, and its call.
fn call_through(edge: &Edge, caller: &RawPhone, phone: &Baresip, number: &str) -> Result<()> {
    let mark = phone.mark();
    let (call, last) = caller.dial(number)?;
    ensure!(last.status() == Some(200), "{}: {}", last.start, edge.log());
    phone.event_after(mark, "CALL_ESTABLISHED", SOON)?;
    let media = caller.leg(&call)?.media;
    wait::until_true("the far phone's tone", SOON, || media.seconds_of(HIGH) > 0.5)?;
    caller.hangup(&call)?;
    phone.event_after(mark, "CALL_CLOSED", SOON).map(drop)
}

/// A phone registers through an edge proxy that adds Path, and is called through it: also by a server that was killed and has started again,
/// before the phone has registered anew.
#[test]
fn a_phone_behind_an_edge_proxy_is_called_through_it_also_after_a_restart() -> Result<()> {
    world::with_hub(2, |server: &mut Server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots, not {accounts:?}") };
        let edge = Edge::start(EDGE, server.sip())?;
        let phone = Baresip::start(&Setup::of(other, edge.sip(), HIGH))?;
        world::registered(admin, other, true).with_context(|| format!("{} {}", phone.log(), edge.log()))?;
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        call_through(&edge, &caller, &phone, &other.number)?;
        server.kill()?;
        server.launch()?;
        caller.register(300)?;
        call_through(&edge, &caller, &phone, &other.number)?;
        Ok(())
    })
}
