//! Carriers and routes: set over REST, kept over a restart, explained on the command line.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Rest, Server};

use crate::world;

const PASSWORD: &str = "a-password-that-nobody-sees";

/// What the command prints, and how it ends.
fn explain(server: &Server, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let output = server.command(&[&["route", "explain"], arguments].concat(), "")?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((output.status.code(), told))
}

/// What was decided, and what is told of this moment.
fn decided((code, told): (Option<i32>, String)) -> ((Option<i32>, String), String) {
    let (decided, now) = told.split_once("\nnow ").unwrap_or((&told, ""));
    ((code, decided.to_owned()), now.to_owned())
}

fn post(admin: &Rest, path: &str, body: &Value) -> Result<Value> {
    admin.post(path, body)?.expect(201)
}

#[test]
fn a_call_is_explained_while_the_server_runs_and_afterwards() -> Result<()> {
    world::with_hub(1, |server, admin, _| {
        let carrier = json!({
            "type": "sip", "name": "Northern Telephone", "hosts": ["sip:192.0.2.7"], "capacity": 10,
            "accounts": [{"username": "sales", "password": PASSWORD}],
            "numbers": [{"number": "+74951234567", "to": ["6001"]}], "callers": [{"number": "+74951234567"}],
            "currency": "RUB", "rates": [{"prefix": "+7", "per_minute": "90.5"}],
            "form": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"},
        });
        let carrier = post(admin, "/api/trunks", &carrier)?;
        let id = carrier["id"].as_str().context("an id")?;
        let hours = json!({"zone": "Europe/Moscow", "week": {"mon": ["09:00-18:00"]}});
        let closed = json!({"name": "closed", "position": 1, "match": {"to": ["+7*"], "when": {"calendar": hours, "open": false}},
            "then": {"do": "refuse", "cause": "out_of_service"}});
        post(admin, "/api/routes", &closed)?;
        let out = json!({"name": "Moscow", "position": 2, "match": {"to": ["+7*"], "came_by": "slot"},
            "then": {"do": "carriers", "order": [{"carrier": id}, {"carrier": "99"}]}});
        post(admin, "/api/routes", &out)?;

        let open = ["--slot", "6001", "--to", "+74950000000", "--at", "2026-11-23T10:00:00+03:00"];
        let (code, told) = explain(server, &open)?;
        assert_eq!(code, Some(0), "{told}");
        let price = "1. out by Northern Telephone (carrier 2) to +74950000000 as +74951234567, at 90.5 minor units of RUB a minute";
        for said in
            ["call       6001 to +74950000000, by a slot", "no   closed [route 1]: it is for other hours", "YES  Moscow [route 2]", price]
        {
            assert!(told.contains(said), "{said:?} is not in:\n{told}");
        }
        assert!(told.contains("warning    route 2 (Moscow): then: there is no carrier 99 for this center"), "{told}");
        let (code, told) = explain(server, &["--slot", "6001", "--to", "+74950000000", "--at", "2026-11-22T10:00"])?;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("goes       nowhere: ") && told.contains("out_of_service"), "{told}");
        let (code, told) = explain(
            server,
            &["--carrier", "Northern Telephone", "--from", "84957654321", "--to", "84951234567", "--at", "2026-11-23T09:00Z"],
        )?;
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("read as    +74957654321 to +74951234567") && told.contains("to the slot 6001, which rings"), "{told}");
        let (code, told) = explain(server, &["--to", "6001", "--carrier", "Southern", "--center", "mars", "--at", "noon"])?;
        assert_eq!(code, Some(1), "{told}");
        assert!(["--carrier: ", "--center: ", "--at: "].iter().all(|wrong| told.contains(wrong)), "all at once: {told}");

        // As it is over REST, and after the end of the server.
        let asked = json!({"from": "6001", "to": "+74950000000", "at": 1_795_417_200_000_i64});
        let answer = admin.post("/api/routes/explain", &asked)?.expect(200)?;
        assert_eq!(answer["decision"]["way"]["carriers"][0]["carrier"], json!(id), "{answer:?}");
        // How the carrier stands now is told by the server, as long as it runs, and has no part in the decision.
        let (before, now) = decided(explain(server, &open)?);
        assert!(now.contains("Northern Telephone (carrier 2) is ") && now.contains("as of this moment"), "{now}");
        assert_eq!(answer["now"]["carriers"][0]["carrier"], json!(id), "{answer:?}");
        server.kill()?;
        let (after, now) = decided(explain(server, &open)?);
        assert_eq!(after, before);
        assert!(now.contains("not known"), "{now}");
        // What lies on the disk does not say the password, and a server that has lost its key starts all the same.
        for file in ["cordboard.db", "cordboard.db-wal"] {
            let octets = fs::read(server.data().join(file)).unwrap_or_default();
            assert!(!octets.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()), "{file}");
        }
        fs::remove_file(server.data().join("secret.key"))?;
        server.launch()?;
        let admin = server.admin()?;
        let kept = admin.get(&format!("/api/trunks/{id}"))?.expect(200)?;
        assert!(kept["warnings"][0]["text"].as_str().is_some_and(|text| text.contains("secret.key")), "{kept:?}");
        let (code, told) = explain(server, &open)?;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("carrier 2 (Northern Telephone) is not used: accounts: "), "{told}");
        Ok(())
    })
}
