//! What nobody should send: noise, torture messages, mangled calls, wrong requests. The server answers or ignores, and goes on.

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    thread,
};

use anyhow::{Context, Result, ensure};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tests::{
    Server,
    raw::{Habits, Message},
    wait,
};

use crate::world::{self, HIGH, LOW, SOON, repository};

/// The same noise in every run; change it to see other noise.
const SEED: u64 = 4475;
/// Datagrams of noise.
const NOISE: usize = 3_000;

/// A call is up while the noise comes; afterwards it is still up, and a new one can be made.
#[test]
fn noise_and_torture_on_the_sip_port() -> Result<()> {
    world::with_hub(4, |server, admin, accounts| {
        let [one, other, third, fourth] = accounts else { anyhow::bail!("four slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH))?;
        let (call, answer) = caller.dial(&other.number)?;
        assert_eq!(answer.status(), Some(200));
        let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        let before = theirs.media.heard();

        let torture = torture_messages()?;
        let hostile = UdpSocket::bind("127.0.0.1:0")?;
        for message in &torture {
            send(&hostile, message, server.sip())?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        for at in 0..NOISE {
            let datagram = noise(&mut rng, &torture, at);
            send(&hostile, &datagram, server.sip())?;
            if at % 50 == 0 {
                alive(server, &hostile)
                    .with_context(|| format!("after datagram {at} of seed {SEED}: {:?}", String::from_utf8_lossy(&datagram)))?;
            }
        }
        alive(server, &hostile)?;

        wait::until_true("the call talks on", SOON, || theirs.media.heard().packets >= before.packets + 50)?;
        assert_eq!(caller.hangup(&call)?.status(), Some(200));
        let (new_caller, new_callee) =
            (world::raw(server, third, Habits::answering(LOW))?, world::raw(server, fourth, Habits::answering(HIGH))?);
        let (call, answer) = new_caller.dial(&fourth.number)?;
        assert_eq!(answer.status(), Some(200));
        let theirs = new_callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        wait::until_true("and hears", SOON, || theirs.media.seconds_of(LOW) > 0.5)?;
        assert_eq!(new_caller.hangup(&call)?.status(), Some(200));
        let cdrs = wait::until("the CDRs", SOON, || Ok(Some(admin.list("/api/cdr/records")?).filter(|cdrs| cdrs.len() >= 2)))?;
        assert_eq!(cdrs.len(), 2, "noise made a call: {cdrs:#?}");
        for slot in admin.list("/api/slots")? {
            assert_eq!(slot["registered"], true, "noise took a binding: {slot}");
        }
        assert!(server.logged("panicked").is_none(), "{:?}", server.logged("panicked"));
        Ok(())
    })
}

/// RFC 4475's messages.
fn torture_messages() -> Result<Vec<Vec<u8>>> {
    let dir = repository("tests/data/rfc4475");
    let mut messages = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "dat") {
            messages.push(fs::read(path)?);
        }
    }
    ensure!(messages.len() >= 49, "RFC 4475 has 49 messages, here are {}", messages.len());
    messages.sort();
    Ok(messages)
}

fn send(from: &UdpSocket, datagram: &[u8], to: SocketAddr) -> Result<()> {
    // Longer than a datagram can be: cut, as the network would.
    from.send_to(datagram.get(..datagram.len().min(65_000)).unwrap_or_default(), to)?;
    Ok(())
}

/// Random octets, mangled torture messages, and well-formed requests with one hostile field.
fn noise(rng: &mut ChaCha8Rng, torture: &[Vec<u8>], at: usize) -> Vec<u8> {
    match at % 3 {
        0 => (0..rng.random_range(0..1500)).map(|_| rng.random()).collect(),
        1 => {
            let mut message = torture.choose(rng).cloned().unwrap_or_default();
            for _ in 0..rng.random_range(1..8) {
                let Some(last) = message.len().checked_sub(1) else { break };
                let place = rng.random_range(0..=last);
                match rng.random_range(0..4) {
                    0 => message.truncate(place),
                    1 => drop(message.splice(place..place, std::iter::repeat_n(rng.random(), rng.random_range(1..300)))),
                    2 => drop(message.drain(place..)),
                    _ => message.iter_mut().skip(place).take(1).for_each(|octet| *octet = rng.random()),
                }
            }
            message
        }
        _ => {
            let hostile = [
                "",
                "\0",
                "%s%s%n",
                "'; DROP TABLE users; --",
                "<script>",
                "sip:",
                "sip:@",
                "<sip:a@[::1",
                "4294967296",
                "-1",
                "*",
                ";;;;",
                "\"",
                "z9hG4bK",
                "\u{feff}",
            ];
            let pick = |rng: &mut ChaCha8Rng| hostile.choose(rng).copied().unwrap_or_default().repeat(rng.random_range(1..40));
            let method = ["INVITE", "REGISTER", "BYE", "CANCEL", "ACK", "OPTIONS", "INFO", "UPDATE", "PRACK", "X"]
                .choose(rng)
                .copied()
                .unwrap_or("X");
            let field = [
                "Via",
                "From",
                "To",
                "Call-ID",
                "CSeq",
                "Contact",
                "Max-Forwards",
                "Content-Length",
                "Expires",
                "Authorization",
                "Route",
                "Require",
            ]
            .choose(rng)
            .copied()
            .unwrap_or("Via");
            Message::new(format!("{method} sip:6001@127.0.0.1 SIP/2.0"))
                .with("Via", format!("SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKn{at};rport"))
                .with("Max-Forwards", "70")
                .with("From", format!("<sip:6001@127.0.0.1>;tag=n{at}"))
                .with("To", "<sip:6001@127.0.0.1>")
                .with("Call-ID", format!("noise{at}"))
                .with("CSeq", format!("1 {method}"))
                .with("Contact", "<sip:6001@127.0.0.1:9>")
                .set(field, pick(rng))
                .bytes()
        }
    }
}

/// An OPTIONS is answered: the loop that read all before it lives.
fn alive(server: &Server, socket: &UdpSocket) -> Result<()> {
    let branch = format!("z9hG4bKalive{}", rand::random::<u32>());
    let options = Message::new(format!("OPTIONS sip:{} SIP/2.0", server.sip()))
        .with("Via", format!("SIP/2.0/UDP {};branch={branch};rport", socket.local_addr()?))
        .with("Max-Forwards", "70")
        .with("From", "<sip:a@127.0.0.1>;tag=a")
        .with("To", format!("<sip:{}>", server.sip()))
        .with("Call-ID", branch.clone())
        .with("CSeq", "1 OPTIONS")
        .bytes();
    socket.set_read_timeout(Some(std::time::Duration::from_millis(250)))?;
    let mut buffer = vec![0; 65_536];
    for _ in 0..20 {
        send(socket, &options, server.sip())?;
        while let Ok((length, _)) = socket.recv_from(&mut buffer) {
            if Message::parse(buffer.get(..length).unwrap_or_default()).is_ok_and(|message| message.branch() == branch) {
                return Ok(());
            }
        }
    }
    anyhow::bail!("OPTIONS is not answered any more")
}

/// Requests that RFC 3261 has an answer for.
#[test]
fn requests_that_are_answered_by_the_book() -> Result<()> {
    world::with_hub(1, |server, _, accounts| {
        let account = accounts.first().context("a slot")?;
        let phone = world::raw(server, account, Habits::answering(LOW))?;
        let here = format!("sip:{}", server.sip());
        let status = |request: &Message| -> Result<Option<u16>> { Ok(phone.exchange(request)?.status()) };
        let options = || phone.request("OPTIONS", &here, &here);

        let answer = phone.exchange(&options())?;
        assert_eq!(answer.status(), Some(200));
        assert!(answer.header("Allow").is_some_and(|allow| allow.contains("INVITE")), "{answer:?}");
        // B-18: the answer comes to where the request came from.
        assert!(answer.header("Via").is_some_and(|via| via.contains(&format!("rport={}", phone.local().port()))), "{answer:?}");
        assert_eq!(status(&options().set("Max-Forwards", "0"))?, Some(483), "B-30");
        let unsupported = phone.exchange(&options().with("Require", "nothing-we-know"))?;
        assert_eq!((unsupported.status(), unsupported.header("Unsupported")), (Some(420), Some("nothing-we-know")), "B-31");
        let strange = phone.exchange(&phone.request("FROBNICATE", &here, &here))?;
        assert!(matches!(strange.status(), Some(405 | 501)) && strange.header("Allow").is_some(), "B-32: {strange:?}");
        assert_eq!(status(&phone.request("OPTIONS", "tel:+12025550100", &here))?, Some(416), "B-32");
        assert_eq!(status(&phone.request("BYE", &here, &here).with("Contact", "<sip:a@127.0.0.1:9>"))?, Some(481), "B-33");
        assert_eq!(status(&phone.request("CANCEL", &here, &here))?, Some(481), "B-27");

        // B-34: two lengths that differ, and one that is none.
        let two = options().with("Content-Length", "0").with("Content-Length", "5");
        assert_eq!(status(&two)?, Some(400), "B-34");
        assert_eq!(status(&options().with("Content-Length", "five"))?, Some(400), "B-34");
        // B-33: silence for what asks no answer.
        let mark = phone.mark();
        phone.send(&phone.request("ACK", &here, &here).bytes())?;
        phone.send(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n")?;
        assert_eq!(status(&options())?, Some(200));
        let others = phone.all_received(|message| message.method() != "OPTIONS").len();
        assert!(phone.mark() > mark && others == phone.all_received(|message| message.method() != "OPTIONS").len());
        Ok(())
    })
}

/// REST: what is wrong is said, with the right status, in RFC 9457's form, and changes nothing.
#[test]
fn wrong_requests_over_rest() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let one = accounts.first().context("a slot")?;
        let json = [("content-type", "application/json")];
        let start = "/api/call/start";
        type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a [u16]);
        let cases: [Case<'_>; 21] = [
            ("GET", "/api/no/such/path", &[], "", &[404]),
            ("GET", "/api/gacs/run-script", &[], "", &[404]),
            ("DELETE", "/api/auth/login", &[], "", &[405]),
            ("POST", start, &json, "", &[400]),
            ("POST", start, &json, "{", &[400]),
            ("POST", start, &json, "[]", &[400, 422]),
            ("POST", start, &json, "{}", &[422]),
            ("POST", start, &json, r#"{"slot_id": {}, "phone_number": "6002"}"#, &[422]),
            ("POST", start, &json, r#"{"slot_id": "-4", "phone_number": "6002"}"#, &[404, 422]),
            ("POST", start, &json, r#"{"slot_id": "1; DROP TABLE users", "phone_number": "6002"}"#, &[404, 422]),
            ("POST", start, &json, r#"{"slot_id": "1", "phone_number": "sip:x@evil.example"}"#, &[422]),
            ("POST", start, &json, r#"{"slot_id": "1", "phone_number": "6002\r\nX: y"}"#, &[422]),
            ("POST", start, &[("content-type", "text/plain")], "{}", &[415]),
            ("POST", "/api/trunks", &json, r#"{"name": "x", "type": "auto", "capacity": 0}"#, &[422]),
            ("POST", "/api/trunks", &json, r#"{"name": "x", "type": "auto", "capacity": 1000}"#, &[422]),
            ("POST", "/api/trunks", &json, r#"{"name": "x", "type": "submarine", "capacity": 1}"#, &[422]),
            ("POST", "/api/trunks", &json, r#"{"name": "x", "type": "auto", "capacity": 1.5}"#, &[422]),
            ("POST", "/api/call/end", &json, r#"{"call_id": "c_0000000000000"}"#, &[404]),
            ("POST", "/api/call/end", &json, r#"{"call_id": "../../etc/passwd"}"#, &[404, 422]),
            ("GET", "/api/calls/c_0000000000000/recording", &[], "", &[404]),
            ("GET", "/api/calls/..%2f..%2fsecret/recording", &[], "", &[400, 404, 422]),
        ];
        for (method, path, headers, body, wanted) in cases {
            let reply = admin.request(method, path, headers, (method == "POST").then_some(body.as_bytes()))?;
            assert!(wanted.contains(&reply.status), "{method} {path} {body}: {} {}", reply.status, String::from_utf8_lossy(&reply.body));
            if path.starts_with("/api") {
                assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{method} {path}");
                assert_eq!(reply.json()["status"], reply.status, "{}", reply.json());
            }
        }
        let big = format!(r#"{{"slot_id": "1", "phone_number": "{}"}}"#, "1".repeat(11 << 20));
        // It may be refused while it is still being sent.
        if let Ok(reply) = admin.request("POST", start, &json, Some(big.as_bytes())) {
            assert_eq!(reply.status, 413);
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(admin.request("POST", start, &json, Some(deep.as_bytes()))?.status, 400 | 422), "JSON without a bottom");

        // FT-17: tokens that are none.
        let token =
            admin.post("/api/auth/login", &json!({"username": "admin", "password": server.password()}))?.json()["access_token"].clone();
        let token = token.as_str().context("a token")?;
        let mut parts = token.split('.');
        let payload = parts.nth(1).unwrap_or_default();
        for forged in
            ["", "x", "a.b.c", &format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}."), &format!("{token}x"), &token[..token.len() - 3]]
        {
            let reply = server.anonymous().with_token(forged).get("/api/slots")?;
            assert_eq!(reply.status, 401, "{forged}");
        }
        assert_eq!(server.anonymous().with_token(token).get("/api/slots")?.status, 200);
        for path in ["/api/slots", "/api/calls", "/api/cdr/records", "/api/pbx/status", "/api/trunks"] {
            assert_eq!(server.anonymous().get(path)?.status, 401, "{path}");
        }
        assert_eq!(server.anonymous().get("/healthz")?.status, 200);

        // R18: one key, one call; another body under the same key is refused. Offline slot: refused alike, twice.
        let key = [("content-type", "application/json"), ("idempotency-key", "k1")];
        let body = json!({"slot_id": one.id, "phone_number": "6002"}).to_string();
        let (first, second) =
            (admin.request("POST", start, &key, Some(body.as_bytes()))?, admin.request("POST", start, &key, Some(body.as_bytes()))?);
        assert_eq!((first.status, &first.json()["code"]), (409, &json!("slot_not_registered")), "{}", first.json());
        assert_eq!(first.status, second.status);
        assert_eq!(admin.list("/api/cdr/records")?, Vec::<Value>::new());
        Ok(())
    })
}

/// R18: the same request sent many times at once under one key starts one call.
#[test]
fn one_key_starts_one_call() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let _callee = world::raw(server, other, Habits::answering(HIGH))?;
        let body = json!({"slot_id": one.id, "phone_number": other.number}).to_string();
        let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (admin, body) = (admin.clone(), body.clone());
                thread::spawn(move || admin.request("POST", "/api/call/start", &headers, Some(body.as_bytes())))
            })
            .collect();
        let mut ids = Vec::new();
        for thread in threads {
            let reply = thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
            // 409: the first one with this key is still under way.
            ensure!(matches!(reply.status, 202 | 409), "{} {}", reply.status, reply.json());
            ids.extend(reply.json()["call_id"].as_str().map(str::to_owned));
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        caller.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        assert_eq!(caller.legs().len(), 1);

        let other_body = json!({"slot_id": one.id, "phone_number": "6999"}).to_string();
        assert_eq!(admin.request("POST", "/api/call/start", &headers, Some(other_body.as_bytes()))?.status, 422);
        Ok(())
    })
}
