//! Who guesses is banned, and nobody else: B-69, FT-13.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Account, RawPhone, Rest, Server, raw::Habits, server::Settings, wait};

use crate::world::{self, SOON};

/// Another office.
const ELSEWHERE: &str = "127.0.0.66:0";
const BANS: &str = "/api/security/bans";

fn elsewhere(server: &Server, account: &Account) -> Result<RawPhone> {
    RawPhone::start_from(ELSEWHERE.parse::<SocketAddr>()?, account, server.sip(), Habits::answering(world::LOW))
}

fn bans(admin: &Rest) -> Result<Vec<Value>> {
    admin.list(BANS)
}

/// What was dropped unread of datagrams.
fn dropped(admin: &Rest) -> Result<u64> {
    let text = String::from_utf8(admin.get("/metrics")?.body)?;
    let line = text.lines().find_map(|line| line.strip_prefix(r#"cordboard_sip_banned_dropped_total{transport="udp"} "#));
    Ok(line.map_or(Ok(0), str::parse)?)
}

#[test]
fn a_guesser_is_banned_and_can_be_let_go() -> Result<()> {
    world::with_hub_and(Settings::default().with("CORDBOARD__SECURITY__EXEMPT", ""), 2, |server, admin, accounts| {
        let [victim, other] = accounts else { anyhow::bail!("two slots") };
        let phones = [victim, other].map(|account| world::raw(server, account, Habits::answering(world::LOW)));
        let [home, office] = phones;
        let (home, office) = (home?, office?);

        // Somebody elsewhere guesses, until it is enough.
        let wrong = Account { password: "not it".to_owned(), ..victim.clone() };
        let guesser = elsewhere(server, &wrong)?;
        let challenge = guesser.exchange(&guesser.register_request(300))?;
        let mut tries = 0;
        while bans(admin)?.is_empty() {
            tries += 1;
            ensure!(tries <= 10, "ten guesses are enough");
            let answer = guesser.exchange(&guesser.signed(&guesser.register_request(300), &challenge)?)?;
            ensure!(answer.status() == Some(401), "{}", answer.start);
        }
        let ban = bans(admin)?.pop().context("a ban")?;
        assert_eq!((&ban["source"], &ban["why"], &ban["times"]), (&json!("127.0.0.66"), &json!("wrong_password"), &json!(1)));
        assert_eq!(ban["evidence"], json!([{"kind": "wrong_password", "count": 10}]));

        // He is not heard any more; the owner and others are.
        let mark = guesser.mark();
        guesser.send(&guesser.register_request(300).bytes())?;
        wait::until("the datagram to be dropped", SOON, || Ok((dropped(admin)? > 0).then_some(())))?;
        home.register(300)?;
        office.register(300)?;
        ensure!(guesser.all_received(|_| true).len() == mark, "he was answered");
        let status = admin.get("/api/security/status")?.expect(200)?;
        assert_eq!((&status["enabled"], &status["bans"]), (&json!(true), &json!(1)));

        // A restart changes nothing about it.
        server.kill()?;
        server.launch()?;
        let admin = &server.admin()?;
        assert_eq!(bans(admin)?, [ban]);
        let before = dropped(admin)?;
        guesser.send(&guesser.register_request(300).bytes())?;
        wait::until("the datagram to be dropped", SOON, || Ok((dropped(admin)? > before).then_some(())))?;

        // Somebody lets him go: it was the owner, with his password of before.
        admin.delete(&format!("{BANS}/127.0.0.66"))?.expect(200)?;
        assert_eq!(bans(admin)?, [Value::Null; 0]);
        elsewhere(server, victim)?.register(300)?;

        // By hand.
        let by_hand = admin.post(BANS, &json!({"source": "127.0.0.66", "for_s": 3600, "note": "rang at night"}))?.expect(201)?;
        assert_eq!((&by_hand["why"], &by_hand["note"]), (&json!("by_hand"), &json!("rang at night")));
        assert_eq!(bans(admin)?, [by_hand]);
        let done = wait::until("the audit log", SOON, || {
            let rows = admin.list("/api/security-audit?filter=%7B%22resource%22%3A%22bans%22%7D")?;
            Ok((rows.len() >= 2).then_some(rows))
        })?;
        ensure!(done.iter().all(|row| row["action"] == "security.manage" && row["resource_id"] == "127.0.0.66"), "{done:?}");
        Ok(())
    })
}
