//! People: whose slot, whose call, whose recording (R3, R6, R18, FT-18).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Rest, Server, raw::Habits, rest::recording_path, wait};

use crate::world::{self, HIGH, LOW, SOON};

/// Adds a person and logs the person in.
pub(crate) fn person(server: &Server, name: &str, role: &str) -> Result<Rest> {
    let password = "a password of the tests";
    let added = server.command(&["user", "add", "--username", name, "--role", role, "--password-stdin"], password)?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    server.anonymous().login(name, password)
}

fn refusal(rest: &Rest, path: &str, body: &Value) -> Result<(u16, Value)> {
    let reply = rest.post(path, body)?;
    Ok((reply.status, reply.json()["code"].clone()))
}

/// One takes a slot and calls; the other may see neither call nor recording, end nothing and take nothing.
#[test]
fn what_is_annas_is_not_berts() -> Result<()> {
    world::with_hub(3, |server, admin, accounts| {
        let [one, other, third] = accounts else { anyhow::bail!("three slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let _callee = world::raw(server, other, Habits::answering(HIGH))?;
        let _third = world::raw(server, third, Habits::answering(HIGH))?;
        let (anna, bert) = (person(server, "anna", "operator")?, person(server, "bert", "operator")?);

        // R6: call/start on a free slot takes it; R3: and a person holds one.
        let call = anna.start_call(&one.id, &other.number)?;
        caller.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        wait::until("a second of recording", SOON, || Ok((anna.get(&recording_path(&call))?.body.len() > 32_000).then_some(())))?;
        let body = json!({"slot_id": third.id, "phone_number": other.number});
        assert_eq!(refusal(&anna, "/api/call/start", &body)?, (409, json!("holds_another_slot")));
        assert_eq!(refusal(&bert, &format!("/api/slots/{}/take", one.id), &json!({}))?.0, 409);
        assert_eq!(refusal(&bert, &format!("/api/slots/{}/release", one.id), &json!({}))?.0, 409);
        assert_eq!(bert.slot(&one.id)?["status"], "busy");

        // FT-18: another's call is as if it did not exist.
        for path in [format!("/api/calls/{call}"), recording_path(&call)] {
            assert_eq!(bert.get(&path)?.status, 404, "{path}");
            assert_eq!(bert.head(&path)?.status, 404, "{path}");
            assert_eq!(anna.get(&path)?.status, 200, "{path}");
        }
        assert_eq!(refusal(&bert, "/api/call/end", &json!({"call_id": call}))?, (404, json!("call_not_found")), "R18");
        ensure!(anna.post("/api/call/end", &json!({"call_id": call}))?.status < 300, "her own call");

        let cdr = admin.cdr(&call)?;
        assert_eq!(anna.cdrs_of(&call)?.len(), 1, "{cdr}");
        assert_eq!(bert.list("/api/cdr/records")?, Vec::<Value>::new());
        assert_eq!(bert.list("/api/calls")?, Vec::<Value>::new());
        for path in ["/api/trunks", "/api/pbx/status"] {
            assert_eq!(bert.get(path)?.status, 403, "{path}");
        }

        // R6: an old epoch is refused, the running one releases, and then it is Bert's to take.
        world::slot_state(admin, one, "READY")?;
        let epoch = anna.slot(&one.id)?["epoch"].as_u64().context("an epoch")?;
        let release = |epoch: u64| refusal(&anna, &format!("/api/slots/{}/release", one.id), &json!({"epoch": epoch}));
        assert_eq!(release(epoch + 7)?, (409, json!("stale_epoch")));
        assert_eq!(release(epoch)?.0, 200);
        world::slot_state(admin, one, "IDLE")?;
        assert_eq!(refusal(&bert, &format!("/api/slots/{}/take", one.id), &json!({}))?.0, 200);
        world::slot_state(admin, one, "READY")?;
        assert_eq!(anna.slot(&one.id)?["status"], "taken");
        Ok(())
    })
}
