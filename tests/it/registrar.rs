//! The registrar as a phone sees it, good and bad: B-1 to B-12, R17, R19.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tests::{
    Account, RawPhone, Rest, Server,
    raw::{Answer, Authorization, Challenge, Habits, Message},
    server::Settings,
    sipp, wait,
};

use crate::world::{self, SOON};

fn phone(server: &Server, account: &Account) -> Result<RawPhone> {
    RawPhone::start(account, server.sip(), Habits::answering(world::LOW))
}

fn challenges(refusal: &Message) -> Result<Vec<Challenge>> {
    ensure!(refusal.status() == Some(401), "{}", refusal.start);
    refusal.headers("WWW-Authenticate").map(Challenge::parse).collect()
}

/// The contacts that the server has for the phone, by a REGISTER without Contact (RFC 3261, 10.2.3).
fn fetch(phone: &RawPhone) -> Result<Vec<(String, u32)>> {
    let response = phone.exchange_signed(&phone.register_request(0).without("Contact").without("Expires"))?;
    ensure!(response.status() == Some(200), "{}", response.start);
    Ok(RawPhone::bindings(&response))
}

fn one_slot(test: impl FnOnce(&mut Server, &Rest, &Account) -> Result<()>) -> Result<()> {
    world::with_hub(1, |server, admin, accounts| test(server, admin, accounts.first().context("a slot")?))
}

/// B-1: fresh unguessable nonces; SHA-256 and MD5 to choose from, and every offered one works.
#[test]
fn a_challenge_offers_good_algorithms_and_fresh_nonces() -> Result<()> {
    one_slot(|server, admin, account| {
        let phone = phone(server, account)?;
        let mut nonces = BTreeSet::new();
        for _ in 0..20 {
            let offered = challenges(&phone.exchange(&phone.register_request(300))?)?;
            let names: Vec<_> = offered.iter().map(|challenge| challenge.algorithm.as_str()).collect();
            ensure!(names.contains(&"SHA-256") && names.contains(&"MD5"), "offered: {names:?}");
            for challenge in offered {
                ensure!(challenge.qop == "auth" && challenge.nonce.len() >= 16 && !challenge.stale, "{challenge:?}");
                nonces.insert(challenge.nonce);
            }
        }
        ensure!(nonces.len() >= 20, "a nonce came twice");
        let offered = challenges(&phone.exchange(&phone.register_request(300))?)?;
        // They share a nonce, whose count rises.
        for (nc, challenge) in (1..).zip(offered) {
            let signed = phone.signed_with(&phone.register_request(300), &challenge, nc)?;
            assert_eq!(phone.exchange(&signed)?.status(), Some(200), "{}", challenge.algorithm);
        }
        world::registered(admin, account, true)
    })
}

/// B-2: a wrong password and an unknown user look the same.
#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() -> Result<()> {
    one_slot(|server, admin, account| {
        let wrong = Account { password: "not it".to_owned(), ..account.clone() };
        let stranger = Account { username: "6999".to_owned(), number: "6999".to_owned(), ..wrong.clone() };
        let answers = [&wrong, &stranger].map(|account| -> Result<(Vec<String>, Duration)> {
            let phone = phone(server, account)?;
            let refusal = phone.exchange(&phone.register_request(300))?;
            let mut times = Vec::new();
            let mut shape = Vec::new();
            for _ in 0..15 {
                let signed = phone.signed(&phone.register_request(300), &refusal)?;
                let began = Instant::now();
                let answer = phone.exchange(&signed)?;
                times.push(began.elapsed());
                // What an onlooker could tell apart: status, header names, their number and lengths.
                shape = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| !["Via", "From", "To", "Call-ID"].contains(&name.as_str()))
                    .map(|(name, value)| format!("{name} {}", value.len()))
                    .collect();
                shape.push(answer.start.clone());
            }
            times.sort();
            Ok((shape, times.get(times.len() / 2).copied().unwrap_or_default()))
        });
        let [known, unknown] = answers;
        let (known, unknown) = (known?, unknown?);
        assert_eq!(known.0, unknown.0);
        ensure!(known.0.iter().any(|line| line.contains("401") || line.contains("403")), "{:?}", known.0);
        ensure!(known.1.abs_diff(unknown.1) < Duration::from_millis(20), "the time tells: {:?}", (known.1, unknown.1));
        assert_eq!(admin.slot(&account.id)?["registered"], false);
        Ok(())
    })
}

/// B-3: a nonce of another life is stale, so that the phone goes on without asking the user; a wrong password never is.
#[test]
fn an_old_nonce_is_stale() -> Result<()> {
    one_slot(|server, _, account| {
        let phone = phone(server, account)?;
        let old = challenges(&phone.exchange(&phone.register_request(300))?)?;
        server.kill()?;
        server.launch()?;
        for challenge in &old {
            let answer = phone.exchange(&phone.signed_with(&phone.register_request(300), challenge, 1)?)?;
            let fresh = challenges(&answer)?;
            ensure!(fresh.iter().all(|challenge| challenge.stale), "right password, old nonce: stale=true, not {fresh:?}");
        }
        let guesser = self::phone(server, &Account { password: "not it".to_owned(), ..account.clone() })?;
        let first = old.first().context("a challenge")?;
        let answer = guesser.exchange(&guesser.signed_with(&guesser.register_request(300), first, 1)?)?;
        ensure!(challenges(&answer)?.iter().all(|challenge| !challenge.stale), "a wrong password is never told that only its nonce is old");
        Ok(())
    })
}

/// B-4 and B-5: whatever is not the proof for this very request is refused, and nothing falls over.
#[test]
fn a_proof_is_good_for_its_own_request_only() -> Result<()> {
    one_slot(|server, admin, account| {
        let phone = phone(server, account)?;
        let challenge = challenges(&phone.exchange(&phone.register_request(300))?)?.into_iter().next().context("a challenge")?;
        let good = phone.signed_with(&phone.register_request(300), &challenge, 1)?;
        assert_eq!(phone.exchange(&good)?.status(), Some(200));

        // B-4: the same Authorization in a new request.
        let replayed = phone.register_request(300).with("Authorization", good.header("Authorization").unwrap_or_default());
        assert_eq!(phone.exchange(&replayed)?.status(), Some(401), "a captured Authorization");

        let mut nc = 1;
        let mut refused = |what: &str, change: &dyn Fn(&mut Authorization) -> Result<()>| -> Result<()> {
            nc += 1;
            let request = phone.register_request(300);
            let uri = request.start.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut answer = Authorization::answer(&challenge, "REGISTER", &uri, &account.username, &account.password, nc, "cn")?;
            change(&mut answer)?;
            let response = phone.exchange(&request.with("Authorization", answer.value()))?;
            ensure!(matches!(response.status(), Some(400 | 401 | 403)), "{what}: {}", response.start);
            Ok(())
        };
        let password = account.password.clone();
        refused("another URI", &|answer| {
            answer.uri = "sip:elsewhere.example".to_owned();
            answer.sign("REGISTER", &password)
        })?;
        refused("another method", &|answer| answer.sign("INVITE", &password))?;
        refused("another realm", &|answer| {
            answer.realm = "elsewhere".to_owned();
            answer.sign("REGISTER", &password)
        })?;
        refused("qop left out", &|answer| {
            answer.qop = None;
            answer.sign("REGISTER", &password)
        })?;
        refused("auth-int", &|answer| {
            answer.qop = Some("auth-int".to_owned());
            answer.sign("REGISTER", &password)
        })?;
        refused("a digit short", &|answer| {
            answer.response.pop();
            Ok(())
        })?;
        refused("a digit long", &|answer| {
            answer.response.push('0');
            Ok(())
        })?;
        refused("no digits", &|answer| {
            answer.response.clear();
            Ok(())
        })?;
        refused("a made-up nonce", &|answer| {
            answer.nonce = "00000000000000000000000000000000".to_owned();
            answer.sign("REGISTER", &password)
        })?;
        refused("an unknown algorithm", &|answer| {
            answer.algorithm = "MD4".to_owned();
            Ok(())
        })?;
        for hostile in [
            "",
            "Digest",
            "Digest username=",
            "Digest ,,,,=",
            "Basic Og==",
            "Digest username=\"a",
            &format!("Digest {}", "x=\"y\",".repeat(2000)),
        ] {
            let response = phone.exchange(&phone.register_request(300).with("Authorization", hostile))?;
            ensure!(matches!(response.status(), Some(400 | 401 | 403 | 413 | 513)), "{hostile:.40}: {}", response.start);
        }
        assert_eq!(phone.register(300)?.status(), Some(200));
        world::registered(admin, account, true)
    })
}

/// B-6, B-7, B-8: what is bound, and that nothing older takes its place.
#[test]
fn bindings_are_listed_and_never_go_back() -> Result<()> {
    one_slot(|server, admin, account| {
        let phone = phone(server, account)?;
        let first = phone.register(120)?;
        let listed = RawPhone::bindings(&first);
        assert_eq!(listed.iter().map(|(uri, _)| uri.as_str()).collect::<Vec<_>>(), [phone.contact()]);
        ensure!(listed.iter().all(|(_, expires)| (100..=120).contains(expires)), "{listed:?}");
        assert_eq!(fetch(&phone)?.len(), 1);

        // B-7: a retransmission gets the same answer, octet for octet.
        let signed = phone.exchange(&phone.register_request(120))?;
        let again = phone.signed(&phone.register_request(120), &signed)?;
        let (one, other) = (phone.exchange(&again)?, phone.exchange(&again)?);
        assert_eq!(one, other);

        // B-7: an older CSeq under the same Call-ID moves nothing.
        let older = phone.register_request(120).set("Contact", "<sip:elsewhere@127.0.0.1:9>");
        let refusal = phone.exchange(&phone.register_request(120))?;
        let older = phone.signed(&older, &refusal)?.set("CSeq", "1 REGISTER");
        let response = phone.exchange(&older)?;
        ensure!(response.status() >= Some(400), "{}", response.start);
        assert_eq!(fetch(&phone)?.iter().map(|(uri, _)| uri.as_str()).collect::<Vec<_>>(), [phone.contact()]);

        // B-8: rebooted: a new Call-ID from the same contact, written otherwise (RFC 3261, 19.1.4), leaves one.
        let rebooted = phone
            .register_request(120)
            .set("Call-ID", "rebooted")
            .set("Contact", format!("<SIP:{}@{};x=1>", account.username, phone.local()));
        assert_eq!(phone.exchange_signed(&rebooted)?.status(), Some(200));
        assert_eq!(fetch(&phone)?.len(), 1);

        // Unregistered, and gone from the API.
        assert_eq!(phone.exchange_signed(&phone.register_request(0).set("Call-ID", "rebooted"))?.status(), Some(200));
        assert_eq!(fetch(&phone)?, []);
        world::registered(admin, account, false)
    })
}

/// B-9, B-10: the star, and how long a binding may last.
#[test]
fn the_star_and_the_times() -> Result<()> {
    let settings = Settings::default()
        .with("CORDBOARD__SIP__EXPIRES_MIN", "60")
        .with("CORDBOARD__SIP__EXPIRES_DEFAULT", "200")
        .with("CORDBOARD__SIP__EXPIRES_MAX", "1000");
    world::with_hub_and(settings, 1, |server, admin, accounts| {
        let account = accounts.first().context("a slot")?;
        let phone = phone(server, account)?;
        let status = |request: Message| -> Result<(Option<u16>, Message)> {
            let response = phone.exchange_signed(&request)?;
            Ok((response.status(), response))
        };
        // B-10.
        let (short, response) = status(phone.register_request(59))?;
        assert_eq!((short, response.header("Min-Expires")), (Some(423), Some("60")));
        for (asked, given) in [(Some("60"), 60), (Some("1000"), 1000), (Some("1001"), 1000), (Some("4294967295"), 1000), (None, 200)] {
            let request = match asked {
                Some(asked) => phone.register_request(0).set("Expires", asked),
                None => phone.register_request(0).without("Expires"),
            };
            let (ok, response) = status(request)?;
            assert_eq!(ok, Some(200), "{asked:?}");
            let left = RawPhone::bindings(&response).first().map(|(_, left)| *left);
            ensure!(left.is_some_and(|left| (given - 2..=given).contains(&left)), "{asked:?} gave {left:?}");
        }
        for garbage in ["soon", "-1", "99999999999999999999", "1e3", ""] {
            let (answer, _) = status(phone.register_request(0).set("Expires", garbage))?;
            ensure!(matches!(answer, Some(200 | 400)), "Expires: {garbage} gave {answer:?}");
        }
        // The parameter stands above the header (RFC 3261, 10.2.1.1).
        let (ok, response) = status(phone.register_request(900).set("Contact", format!("<{}>;expires=100", phone.contact())))?;
        assert_eq!(ok, Some(200));
        ensure!(RawPhone::bindings(&response).iter().all(|(_, left)| *left <= 100), "{response:?}");

        // B-9.
        let star = |expires: &str| phone.register_request(0).set("Contact", "*").set("Expires", expires);
        assert_eq!(status(star("300"))?.0, Some(400));
        assert_eq!(status(star("0").with("Contact", format!("<{}>", phone.contact())))?.0, Some(400));
        assert_eq!(status(star("0").without("Expires"))?.0, Some(400));
        assert_eq!(fetch(&phone)?.len(), 1, "a refused star removes nothing");
        assert_eq!(status(star("0"))?.0, Some(200));
        assert_eq!(fetch(&phone)?, []);
        world::registered(admin, account, false)
    })
}

/// B-11, B-12, R17: whose contact, how long, how many.
#[test]
fn a_slot_has_one_contact_of_its_own() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let (mine, theirs) = (phone(server, one)?, phone(server, other)?);

        // B-11: right password, another's address-of-record.
        let foreign = mine.register_request(300).set("To", format!("<{}>", mine.address_of(&other.number)));
        ensure!(matches!(mine.exchange_signed(&foreign)?.status(), Some(401 | 403 | 404)), "bound to another's number");
        assert_eq!(admin.slot(&other.id)?["registered"], false);

        // B-12.
        let long = format!("<sip:{}@{};x={}>", one.username, mine.local(), "y".repeat(2000));
        ensure!(mine.exchange_signed(&mine.register_request(300).set("Contact", long))?.status() >= Some(400), "a Contact of 2,000 octets");
        let mut many = mine.register_request(300).without("Contact");
        for at in 0..200 {
            many = many.with("Contact", format!("<sip:{}@127.0.0.1:{}>", one.username, 20_000 + at));
        }
        let answer = mine.exchange_signed(&many)?;
        ensure!(answer.status() >= Some(400) || RawPhone::bindings(&answer).len() <= 1, "{} contacts", RawPhone::bindings(&answer).len());

        // R17: the newest phone has the slot, and calls go there.
        mine.register(300)?;
        let second = phone(server, one)?;
        let answer = second.register(300)?;
        assert_eq!(RawPhone::bindings(&answer).into_iter().map(|(uri, _)| uri).collect::<Vec<_>>(), [second.contact()]);
        theirs.register(300)?;
        mine.answer(Answer::Refuse(486));
        assert_eq!(theirs.dial(&one.number)?.1.status(), Some(200));
        assert_eq!((mine.legs().len(), second.legs().len()), (0, 1));
        Ok(())
    })
}

/// R5: a binding that lapses is told; and one is kept over a restart (R22).
#[test]
fn a_binding_outlives_the_server_and_not_its_time() -> Result<()> {
    let settings = Settings::default().with("CORDBOARD__SIP__EXPIRES_MIN", "1");
    world::with_hub_and(settings, 2, |server, admin, accounts| {
        let [lasting, lapsing] = accounts else { anyhow::bail!("two slots") };
        let (keeper, quitter) = (phone(server, lasting)?, phone(server, lapsing)?);
        keeper.register(300)?;
        quitter.register(2)?;
        world::registered(admin, lapsing, true)?;
        server.kill()?;
        server.launch()?;
        let admin = server.admin()?;
        assert_eq!(admin.slot(&lasting.id)?["registered"], true, "a 200 that was sent survives kill -9 (R22)");
        world::registered(&admin, lapsing, false)?;
        assert_eq!(fetch(&keeper)?.len(), 1);
        assert_eq!(fetch(&quitter)?, []);
        Ok(())
    })
}

/// A thousand registrations by another SIP stack: none is refused.
#[test]
fn sipp_registers_many_times() -> Result<()> {
    world::with_hub(50, |server, admin, accounts| {
        sipp::Run::of("register", server.sip()).accounts(accounts, &[]).calls(1000, 400).succeed()?;
        wait::until("all registered", SOON, || {
            Ok(admin.list("/api/slots?limit=200")?.iter().all(|slot| slot["registered"] == true).then_some(()))
        })
    })
}
