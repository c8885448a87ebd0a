//! A carrier over TLS: it has to prove its name before it hears of us or is heard, and whoever looks is told why it was not believed (RFC 5922;
//! B-39).

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Rest,
    carrier::{self, Carrier},
    certificate::{Authority, Certificate},
    dns::Zone,
    ports,
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// Where the carrier is: another address than the phones'.
const AWAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// A number of ours with it, and one of its subscribers.
const OURS: &str = "+74951230001";
const THEIRS: &str = "+74957654321";

/// How the only carrier stands, as an administrator sees it.
fn stands(admin: &Rest) -> Result<Value> {
    let mut status = admin.get("/api/pbx/status")?.expect(200)?;
    Ok(status["carriers"][0].take())
}

/// Switches the carrier off and on, so that nobody waits for the next try.
fn again(admin: &Rest, trunk: &str) -> Result<()> {
    for on in [false, true] {
        let mut settings = admin.get(&format!("/api/trunks/{trunk}"))?.expect(200)?;
        settings["on"] = on.into();
        admin.put(&format!("/api/trunks/{trunk}"), &settings)?.expect(200)?;
    }
    Ok(())
}

#[test]
fn a_carrier_has_to_prove_its_name_and_goes_on_once_it_does() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (authority, stranger) = (Authority::make(folder.path(), "authority")?, Authority::make(folder.path(), "stranger")?);
    let [elsewhere, expired, unknown, good] = [
        authority.issue("elsewhere", "elsewhere.example", false)?,
        authority.issue("expired", carrier::REALM, true)?,
        stranger.issue("unknown", carrier::REALM, false)?,
        authority.issue("good", carrier::REALM, false)?,
    ];
    let own = Certificate::make(folder.path(), "own", 30)?;
    let zone = Zone::start(carrier::REALM, AWAY)?;
    let mut carrier = Carrier::start_encrypted(AWAY, &elsewhere)?;
    let port = carrier.tls().context("a carrier that speaks TLS")?.port();
    let tls = SocketAddr::from(([127, 0, 0, 1], ports::block(1)?.start));
    let settings = Settings::default()
        .with("CORDBOARD__SIP__TLS", tls.to_string())
        .with("CORDBOARD__SIP__TLS_CERT", own.chain.display().to_string())
        .with("CORDBOARD__SIP__TLS_KEY", own.key.display().to_string())
        .with("CORDBOARD__SIP__TLS_CA", authority.chain.display().to_string())
        .with("CORDBOARD__SIP__DNS", zone.at().to_string());
    world::with_hub_and(settings, 1, |server, admin, accounts| {
        let [one] = accounts else { anyhow::bail!("one slot, not {accounts:?}") };
        let made = admin.post(
            "/api/trunks",
            &json!({
                "type": "sip",
                "name": "Encrypted",
                "hosts": [format!("sips:{}:{port}", carrier::REALM)],
                "accounts": [{"username": carrier::CUSTOMER, "password": carrier::password(carrier::CUSTOMER), "realm": carrier::REALM}],
                "numbers": [{"number": OURS, "to": [one.number]}],
                "callers": [{"number": OURS}],
                "health": {"options_every_s": 5},
                "capacity": 10,
            }),
        )?;
        let trunk = made.expect(201)?["id"].as_str().context("an id")?.to_owned();
        for (certificate, words) in [
            (None, "no connection: the certificate is of another name"),
            (Some(&expired), "no connection: the certificate has expired, or is not good yet"),
            (Some(&unknown), "no connection: nobody that we believe vouches for the certificate"),
        ] {
            if let Some(certificate) = certificate {
                carrier.renew(certificate)?;
                again(admin, &trunk)?;
            }
            let mut last = Value::Null;
            let told = wait::until(words, SOON, || {
                last = stands(admin)?;
                let account = &last["accounts"][0];
                Ok((account["last_error"] == words && account["state"] == "failing" && last["standing"] == "down").then_some(()))
            });
            told.with_context(|| format!("it is {last}"))?;
        }
        ensure!(server.logged("A carrier cannot be called").is_some(), "whoever watches the log hears of it");

        // Its new certificate is good: from then on it is as if nothing had been.
        carrier.renew(&good)?;
        again(admin, &trunk)?;
        let mut last = Value::Null;
        let registered = wait::until("our registration there", SOON, || {
            last = stands(admin)?;
            Ok((last["accounts"][0]["state"] == "registered" && last["accounts"][0]["last_error"].is_null()).then_some(()))
        });
        registered.with_context(|| format!("it is {last}\n{}", carrier.log()))?;
        wait::until_true("the log to say so, too", SOON, || server.logged("A carrier can be called again").is_some())?;

        let mut phone = world::baresip(server, admin, one, |setup| setup, LOW)?;
        let mut far = carrier.phone(THEIRS, HIGH)?;
        let route = json!({"name": "world", "position": 10, "match": {"to": ["+7495*"]},
            "then": {"do": "carriers", "order": [{"carrier": trunk}]}});
        admin.post("/api/routes", &route)?.expect(201)?;
        phone.dial(THEIRS)?;
        phone.event("CALL_ESTABLISHED", SOON).with_context(|| carrier.log())?;
        let call = up(admin)?;
        phone.hangup()?;
        far.event("CALL_CLOSED", SOON)?;
        let cdr = admin.cdr(&call)?;
        let target = format!("tls {AWAY}:{port}");
        assert_eq!(json!([cdr["outcome"], cdr["tries"][0]["target"]]), json!(["answered", target]), "{cdr}");

        let mark = far.mark();
        far.dial(OURS)?;
        far.event_after(mark, "CALL_ESTABLISHED", SOON).with_context(|| carrier.log())?;
        let call = up(admin)?;
        far.hangup()?;
        let cdr = admin.cdr(&call)?;
        assert_eq!(json!([cdr["direction"], cdr["outcome"], cdr["caller"]]), json!(["inbound", "answered", THEIRS]), "{cdr}");
        let ladder = admin.get(&format!("/api/calls/{call}/ladder"))?;
        assert!(String::from_utf8_lossy(&ladder.body).contains("SIP/2.0/TLS"), "it came over TLS");
        Ok(())
    })
}

/// The call that is up, once it is answered.
fn up(admin: &Rest) -> Result<String> {
    wait::until("the answered call", SOON, || {
        let calls = admin.list("/api/calls")?;
        let call = calls.iter().find(|call| call["status"] == "answered");
        Ok(call.and_then(|call| call["call_id"].as_str()).map(str::to_owned))
    })
}
