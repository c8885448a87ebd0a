//! SIP messages copied to a capture server (HEP): switched on by a reload, each once, with whom and when, credentials masked or not.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    RawPhone, Rest, Server,
    hep::{CaptureServer, Packet},
    raw::{Habits, Message},
    server::Settings,
};

use crate::world::{self, LOW, SOON};

const KEY: &str = "the tests' key";

fn reload(server: &Server, admin: &Rest, file: &str, changed: &[&str]) -> Result<()> {
    server.configure(file)?;
    let done = admin.post("/api/system/reload", &json!({}))?.expect(200)?;
    ensure!(done["changed"] == json!(changed), "{done}");
    Ok(())
}

/// What a phone says when it logs in, and what it is told, as a capture server sees it.
fn log_in(phone: &RawPhone, capture: &mut CaptureServer, ip_protocol: u8, server: &Server) -> Result<(Vec<Packet>, String)> {
    phone.register(300)?;
    let packets = capture.next(4, SOON)?;
    let challenge = phone.all_received(|message| message.status() == Some(401)).pop().context("a challenge")?;
    let nonce =
        challenge.header("WWW-Authenticate").and_then(|value| value.split("nonce=\"").nth(1)).and_then(|rest| rest.split('"').next());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    for (place, packet) in packets.iter().enumerate() {
        let theirs = place % 2 == 0;
        let (source, destination) = if theirs { (phone.local(), server.sip()) } else { (server.sip(), phone.local()) };
        assert_eq!((packet.source, packet.destination, packet.ip_protocol), (source, destination, ip_protocol), "{packet:?}");
        assert_eq!((packet.capture_id, packet.auth_key.as_str(), packet.correlation.as_str()), (7, KEY, challenge.call_id()), "{packet:?}");
        ensure!(packet.at <= now && packet.at + Duration::from_secs(60) > now, "{packet:?}");
        let message = Message::parse(packet.message.as_bytes())?;
        let statuses = [None, Some(401), None, Some(200)];
        assert_eq!(Some(&message.status()), statuses.get(place), "{packet:?}");
        ensure!(!theirs || message.method() == "REGISTER", "{packet:?}");
    }
    ensure!(packets.iter().zip(packets.iter().skip(1)).all(|(one, next)| one.at <= next.at), "in their order: {packets:#?}");
    Ok((packets, nonce.context("a nonce")?.to_owned()))
}

#[test]
fn who_watches_sees_each_message_once_and_no_credentials() -> Result<()> {
    let mut capture = CaptureServer::start()?;
    let file = format!("[hep]\ntarget = \"{}\"\ncapture_id = 7\nauth_key = \"{KEY}\"\n", capture.target()?);
    world::with_hub_and(Settings::default().with_file(""), 3, |server, admin, accounts| {
        let [one, two, three] = accounts else { anyhow::bail!("three slots") };
        // Of what comes before, nobody is told anything.
        world::raw(server, three, Habits::answering(LOW))?;
        reload(server, admin, &file, &["hep.target", "hep.capture_id", "hep.auth_key"])?;

        let secrets = |packets: &[Packet], nonce: &str| packets.iter().filter(|packet| packet.message.contains(nonce)).count();
        let (packets, nonce) = log_in(&RawPhone::start(one, server.sip(), Habits::answering(LOW))?, &mut capture, 17, server)?;
        assert_eq!(secrets(&packets, &nonce), 0, "{packets:#?}");
        ensure!(packets[1].message.contains("nonce=***") && packets[2].message.contains("response=***"), "{packets:#?}");
        let (packets, nonce) = log_in(&RawPhone::start_tcp(two, server.sip(), Habits::answering(LOW))?, &mut capture, 6, server)?;
        assert_eq!(secrets(&packets, &nonce), 0, "{packets:#?}");

        let read = capture.read_by_tshark(server.sip().port())?;
        assert_eq!(read.len(), 8);
        for (place, layers) in read.iter().enumerate() {
            let line = if place % 2 == 0 { "sip.Request-Line" } else { "sip.Status-Line" };
            ensure!(layers["sip"][line].is_string() && layers["sip"]["sip.msg_hdr"].is_string(), "no SIP: {layers:#}");
        }

        // Whoever must see all of it, says so; and it can be switched off.
        reload(server, admin, &format!("{file}mask = false\n"), &["hep.mask"])?;
        let (packets, nonce) = log_in(&RawPhone::start(three, server.sip(), Habits::answering(LOW))?, &mut capture, 17, server)?;
        assert_eq!(secrets(&packets, &nonce), 2, "{packets:#?}");
        reload(server, admin, "", &["hep.target", "hep.capture_id", "hep.auth_key", "hep.mask"])?;
        world::raw(server, one, Habits::answering(LOW))?;
        tests::wait::until("12 copies and no way to send more", SOON, || {
            let metrics = String::from_utf8(server.anonymous().get("/metrics")?.body)?;
            let told = |line: &str| metrics.lines().any(|printed| printed == line);
            Ok((told("cordboard_hep_sent_total 12") && told("cordboard_hep_dropped_total 0") && told("cordboard_hep_connected 0"))
                .then_some(()))
        })
    })
}
