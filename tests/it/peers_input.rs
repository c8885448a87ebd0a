//! What other SIP stacks were caught at: messages that phones and attackers send and that a library misread, refused or died of. Each is sent to a
//! running server, which must read it right; after each it must be alive.

use std::{
    io::{Read, Write},
    net::{TcpStream, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tests::{
    Account, RawPhone, Server,
    raw::{Answer, Authorization, Challenge, Habits, Message, wire::Pending},
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

/// A phone with a fresh challenge.
fn challenged(server: &Server, account: &Account) -> Result<(RawPhone, Challenge)> {
    let phone = RawPhone::start(account, server.sip(), Habits::answering(LOW))?;
    let refusal = phone.exchange(&phone.register_request(300))?;
    let challenge = Challenge::parse(refusal.header("WWW-Authenticate").context("a challenge")?)?;
    Ok((phone, challenge))
}

fn alive(phone: &RawPhone) -> Result<()> {
    let here = phone.address_of("");
    let here = here.replace("sip:@", "sip:");
    ensure!(phone.exchange(&phone.request("OPTIONS", &here, &here))?.status() == Some(200), "OPTIONS is not answered any more");
    Ok(())
}

/// REGISTERs whose form is unusual and legal: each is understood, which is to say that its signature is found and its Contact bound.
#[test]
fn unusual_registrations_are_understood() -> Result<()> {
    world::with_hub(1, |server, admin, accounts| {
        let account = accounts.first().context("a slot")?;
        let (phone, challenge) = challenged(server, account)?;
        let user = &account.username;
        type Change = fn(Message, &str) -> Message;
        let cases: [(&str, Change); 11] = [
            ("compact names (RFC 3261, 7.3.3)", |message, _| {
                renamed(message, &[("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Contact", "m")])
            }),
            ("a Contact with an instance", |message, contact| {
                message.set("Contact", format!("<{contact}>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\";reg-id=1"))
            }),
            ("a folded header", |message, contact| message.set("Contact", format!("\"A\"\r\n\t<{contact}>\r\n  ;expires=90"))),
            ("a blank before the colon", |message, _| renamed(message, &[("Max-Forwards", "Max-Forwards "), ("CSeq", "CSeq\t")])),
            ("two Via in a line, one of IPv6", |message, _| {
                let via = message.header("Via").unwrap_or_default().to_owned();
                message.set("Via", format!("{via}, SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK2"))
            }),
            ("a quoted name with comma, bracket and quote", |message, contact| {
                message.set("Contact", format!("\"Doe, J. \\\"<x>\\\"\" <{contact}>"))
            }),
            ("From and To without brackets", |message, _| {
                let (from, to) =
                    (message.header("From").unwrap_or_default().to_owned(), message.header("To").unwrap_or_default().to_owned());
                message.set("From", from.replace(['<', '>'], "")).set("To", to.replace(['<', '>'], ""))
            }),
            ("octets that are no UTF-8, before all that matters", |mut message, _| {
                message.headers.insert(0, ("Subject".to_owned(), "caf\u{1}".to_owned()));
                message
            }),
            ("names in odd case", |message, _| {
                renamed(message, &[("Authorization", "aUTHORIZATION"), ("Call-ID", "CALL-id"), ("Contact", "cOnTaCt")])
            }),
            ("unknown headers of any kind", |message, _| message.with("X-Odd!%*_+`'~", ";;;,<>\"").with("P-Empty", "")),
            ("a user part with parameters in its Contact", |message, contact| {
                message.set("Contact", format!("<{}>", contact.replace('@', ";x=y@")))
            }),
        ];
        for (at, (what, change)) in (1..).zip(cases) {
            let plain = phone.register_request(300);
            let signed = phone.signed_with(&plain, &challenge, at)?;
            let contact = phone.contact();
            let mut octets = change(signed.clone(), &contact).bytes();
            // The one octet that stands for Latin-1 in the cases above.
            octets.iter_mut().filter(|octet| **octet == 1).for_each(|octet| *octet = 0xe9);
            let mark = phone.mark();
            phone.send(&octets)?;
            let answer =
                phone.received(mark, SOON, |message| message.cseq() == signed.cseq()).with_context(|| format!("{what}: no answer"))?;
            ensure!(answer.status() == Some(200) && answer.header("Contact").is_some(), "{what}: {} of user {user}", answer.start);
        }
        world::registered(admin, account, true)
    })
}

fn renamed(mut message: Message, names: &[(&str, &str)]) -> Message {
    for (name, _) in &mut message.headers {
        if let Some((_, other)) = names.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
            (*other).clone_into(name);
        }
    }
    message
}

/// nc is of hexadecimal digits and 32 bits wide: the tenth, the hundredth and the last use of a nonce are right. An algorithm that is none is no crash.
#[test]
fn digest_as_phones_write_it() -> Result<()> {
    world::with_hub(1, |server, _, accounts| {
        let account = accounts.first().context("a slot")?;
        let (phone, challenge) = challenged(server, account)?;
        for nc in [1, 9, 0x0a, 0x0f, 0x10, 0x100] {
            let signed = phone.signed_with(&phone.register_request(300), &challenge, nc)?;
            ensure!(phone.exchange(&signed)?.status() == Some(200), "nc={nc:08x}");
        }
        for algorithm in ["SHA\u{410}-256", "SHA", "MD5-sess\u{410}", "\u{fe0f}", "MD5,SHA-256"] {
            let request = phone.register_request(300);
            let signed = phone.signed_with(&request, &challenge, 0x200)?;
            let value = signed.header("Authorization").unwrap_or_default().replace("algorithm=MD5", &format!("algorithm={algorithm}"));
            let answer = phone.exchange(&signed.set("Authorization", value))?;
            ensure!(matches!(answer.status(), Some(400 | 401 | 403)), "{algorithm}: {}", answer.start);
        }
        // Cut in the middle of a character, of a quote, of an escape.
        let uri = phone.register_request(300).start.split(' ').nth(1).unwrap_or_default().to_owned();
        let whole = Authorization::answer(&challenge, "REGISTER", &uri, "\u{430}\\\"", "x", 1, "c")?.value();
        for length in (0..whole.len()).step_by(7) {
            let mut request = phone.register_request(300).bytes();
            let head = request.windows(2).position(|pair| pair == b"\r\n").unwrap_or_default() + 2;
            let line = [b"Authorization: ", whole.as_bytes().get(..length).unwrap_or_default(), b"\r\n"].concat();
            request.splice(head..head, line);
            phone.send(&request)?;
        }
        alive(&phone)
    })
}

/// Datagrams: what each is answered with, if at all.
#[test]
fn datagrams_that_killed_or_fooled_others() -> Result<()> {
    world::with_hub(1, |server, _, accounts| {
        let phone = world::raw(server, accounts.first().context("a slot")?, Habits::answering(LOW))?;
        let here = format!("sip:{}", server.sip());
        let options = || phone.request("OPTIONS", &here, &here);
        let start = |start: &str, method: &str| {
            let request = phone.request(method, &here, &here);
            Message { start: start.to_owned(), ..request }
        };
        let cases: Vec<(&str, Message, &[u16])> = vec![
            ("a length that no machine has", options().with("Content-Length", "18446744073709551615"), &[400, 413, 513]),
            ("one octet more than that", options().with("Content-Length", "18446744073709551616"), &[400, 413, 513]),
            ("a length of 2 GB", options().with("Content-Length", "2147483648"), &[400, 413, 513]),
            ("a method that begins like another", start(&format!("INVITEX {here} SIP/2.0"), "INVITEX"), &[405, 501]),
            ("a method in small letters", start(&format!("invite {here} SIP/2.0"), "invite"), &[405, 501]),
            ("a version of later", start(&format!("OPTIONS {here} SIP/7.0"), "OPTIONS"), &[505]),
            ("a telephone number to nobody", start("OPTIONS tel:+12025550100 SIP/2.0", "OPTIONS"), &[404, 416]),
            ("From a telephone", options().set("From", "<tel:+12025550100>;tag=1"), &[200]),
            ("From with a quoted quote", options().set("From", r#""a \"b\" \\" <sip:a@b>;tag=1"#), &[200]),
            ("no Call-ID", options().without("Call-ID"), &[400]),
            ("no CSeq", options().without("CSeq"), &[400]),
            ("an odd host", options().set("From", "<sip:a@!!!\u{430}>;tag=1"), &[200, 400]),
            ("a user part of escapes", start("OPTIONS sip:*72%231001@127.0.0.1 SIP/2.0", "OPTIONS"), &[200, 404]),
        ];
        for (what, request, wanted) in cases {
            let mark = phone.mark();
            phone.send(&request.bytes())?;
            let branch = request.branch().to_owned();
            let answer = phone.received(mark, SOON, |message| message.branch() == branch).with_context(|| format!("{what}: no answer"))?;
            ensure!(answer.status().is_some_and(|status| wanted.contains(&status)), "{what}: {}", answer.start);
            ensure!(answer.start.starts_with("SIP/2.0 "), "{what}: our own version is ours: {}", answer.start);
            alive(&phone).with_context(|| what.to_owned())?;
        }
        Ok(())
    })
}

/// Without Content-Length a datagram's body runs to its end (RFC 3261, 18.3): the offer is read, and the call has sound.
#[test]
fn an_offer_without_a_length_is_read() -> Result<()> {
    world::with_hub(2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = world::raw(server, other, Habits::answering(HIGH).answer(Answer::Ring))?;
        let uri = caller.address_of(&other.number);
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 31999 RTP/AVP 8\r\n";
        let plain =
            caller.request("INVITE", &uri, &uri).with("Contact", format!("<{}>", caller.contact())).body("application/sdp", sdp.as_bytes());
        let refusal = caller.exchange(&plain)?;
        let signed = if refusal.status() == Some(401) { caller.signed(&plain, &refusal)? } else { anyhow::bail!("{}", refusal.start) };
        let text = String::from_utf8(signed.bytes())?.replace(&format!("Content-Length: {}\r\n", sdp.len()), "");
        ensure!(!text.contains("Content-Length"), "{text}");
        caller.send(text.as_bytes())?;
        let leg = callee.wait_for_leg("called", SOON, |leg| leg.incoming)?;
        ensure!(String::from_utf8_lossy(&leg.invite.body).contains("m=audio"), "no offer went on: {:?}", leg.invite);
        // A phrase of its own, which is not ours to know.
        callee.send(&leg.invite.response(183, "Agent will be with you", "x").bytes())?;
        callee.accept(&leg.call_id)?;
        let answer = caller.received(0, SOON, |message| message.branch() == signed.branch() && message.status() == Some(200));
        let answer = answer.context("no 200")?;
        ensure!(
            String::from_utf8_lossy(&answer.body).contains("RTP/AVP 8"),
            "the offered codec: {}",
            String::from_utf8_lossy(&answer.body)
        );
        Ok(())
    })
}

/// `Content-Length : n` is legal and means n: what stands in the body is never a second request (B-34).
#[test]
fn no_request_is_smuggled_in_a_body() -> Result<()> {
    world::with_hub(1, |server, admin, accounts| {
        let account = accounts.first().context("a slot")?;
        let phone = RawPhone::start_tcp(account, server.sip(), Habits::answering(LOW))?;
        let here = format!("sip:{}", server.sip());
        let inner = phone.request("BYE", &here, &here).with("X-Smuggled", "1").bytes();
        for name in ["Content-Length ", "Content-Length\t", "l", "l ", "CONTENT-LENGTH"] {
            let outer = phone.request("OPTIONS", &here, &here);
            let mut octets =
                String::from_utf8(outer.with(name, inner.len().to_string()).bytes())?.replace("Content-Length: 0\r\n", "").into_bytes();
            octets.extend_from_slice(&inner);
            let mark = phone.mark();
            phone.send(&octets)?;
            alive(&phone)?;
            let answers: Vec<String> =
                (0..).map_while(|at| phone.received(mark + at, Duration::ZERO, |_| true)).map(|answer| answer.start).collect();
            ensure!(!answers.iter().any(|start| start.contains("481")), "{name}: the body was taken for a request: {answers:?}");
            ensure!(!phone.wire().is_closed(), "{name}: a legal message closed the stream");
        }
        world::registered(admin, account, false)
    })
}

/// Whoever connects and says nothing, or half a message, keeps nobody else out (B-37).
#[test]
fn silent_connections_keep_nobody_out() -> Result<()> {
    world::with_hub(2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let mut silent = Vec::new();
        for at in 0..200 {
            let mut stream = TcpStream::connect(server.sip()).with_context(|| format!("connection {at}"))?;
            if at % 2 == 1 {
                stream.write_all(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 127")?;
            }
            silent.push(stream);
        }
        let by_stream = RawPhone::start_tcp(one, server.sip(), Habits::answering(LOW))?;
        by_stream.register(300)?;
        let by_datagram = world::raw(server, other, Habits::answering(HIGH))?;
        let (call, answer) = by_datagram.dial(&one.number)?;
        ensure!(answer.status() == Some(200), "{}", answer.start);
        let over = by_datagram.hangup(&call)?;
        ensure!(over.status() == Some(200), "BYE: {}", over.start);
        Ok(())
    })
}

/// B-35: several messages in a segment, one octet at a time, and a keep-alive in between, which is answered with one line end.
#[test]
fn a_stream_is_cut_anyhow() -> Result<()> {
    world::with_hub(1, |server, _, _| {
        let mut stream = TcpStream::connect(server.sip())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        let via = format!("SIP/2.0/TCP {}", stream.local_addr()?);
        let options = |branch: &str| {
            Message::new("OPTIONS sip:127.0.0.1 SIP/2.0")
                .with("Via", format!("{via};branch=z9hG4bK{branch}"))
                .with("From", "<sip:a@b>;tag=1")
                .with("To", "<sip:a@b>")
                .with("Call-ID", branch)
                .with("CSeq", "1 OPTIONS")
                .bytes()
        };
        stream.write_all(&[options("one"), options("two"), options("three")].concat())?;
        for octet in options("four") {
            stream.write_all(&[octet])?;
        }
        let mut pending = Pending::default();
        let mut branches = Vec::new();
        wait::until("four answers", SOON, || {
            let mut octets = [0; 8192];
            if let Ok(length) = stream.read(&mut octets) {
                ensure!(length > 0, "closed after {branches:?}");
                pending.feed(octets.get(..length).unwrap_or_default());
            }
            while let Some(message) = pending.next() {
                branches.push(Message::parse(&message)?.call_id().to_owned());
            }
            Ok((branches.len() >= 4).then_some(()))
        })?;
        ensure!(branches == ["one", "two", "three", "four"], "{branches:?}");

        stream.write_all(b"\r\n\r\n")?;
        let mut pong = [0; 16];
        let length = wait::until("the pong", SOON, || Ok(stream.read(&mut pong).ok()))?;
        ensure!(pong.get(..length) == Some(b"\r\n"), "{:?} instead of one line end", pong.get(..length));
        Ok(())
    })
}

/// Over IPv6, by datagrams and by a stream: a phone registers, is called from one with IPv4, and calls it.
#[test]
fn phones_of_both_families_call_each_other() -> Result<()> {
    let settings = tests::server::Settings::default().with("CORDBOARD__MEDIA__ADDRESS", "auto");
    world::with_hub_and(settings, 3, |server, _, accounts| {
        let [four, six, stream] = accounts else { anyhow::bail!("three slots") };
        ensure!(UdpSocket::bind("[::1]:0").is_ok(), "this machine has no IPv6 loopback");
        let four = world::raw(server, four, Habits::answering(LOW))?;
        let six = RawPhone::start(six, server.sip6(), Habits::answering(HIGH))?;
        let stream = RawPhone::start_tcp(stream, server.sip6(), Habits::answering(HIGH))?;
        for callee in [&six, &stream] {
            callee.register(300)?;
            let (call, answer) = four.dial(&callee.account().number)?;
            ensure!(answer.status() == Some(200), "{}: {}", callee.local(), answer.start);
            let theirs = callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
            let ours = four.leg(&call)?;
            wait::until_true("each hears the other", SOON, || ours.media.seconds_of(HIGH) > 0.5 && theirs.media.seconds_of(LOW) > 0.5)?;
            ensure!(four.hangup(&call)?.status() == Some(200), "BYE");
            callee.wait_for_leg("over", SOON, |leg| leg.ended.is_some())?;
            // And the other way round.
            let (call, answer) = callee.dial(&four.account().number)?;
            ensure!(answer.status() == Some(200), "from {}: {}", callee.local(), answer.start);
            let theirs = four.wait_for_leg("answered", SOON, |leg| leg.acknowledged && leg.incoming && leg.ended.is_none())?;
            let ours = callee.leg(&call)?;
            wait::until_true("each hears the other", SOON, || ours.media.seconds_of(LOW) > 0.5 && theirs.media.seconds_of(HIGH) > 0.5)?;
            ensure!(callee.hangup(&call)?.status() == Some(200), "BYE");
            four.wait_for_leg("over", SOON, |leg| leg.incoming && leg.ended.is_some())?;
        }
        Ok(())
    })
}

/// B-16: a phone behind a stream is called by that stream, and when it is gone, nobody waits 32 s for it.
#[test]
fn a_closed_stream_is_known_at_once() -> Result<()> {
    world::with_hub(2, |server, admin, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let callee = RawPhone::start_tcp(other, server.sip(), Habits::answering(HIGH))?;
        callee.register(300)?;
        let (call, answer) = caller.dial(&other.number)?;
        ensure!(answer.status() == Some(200), "{}", answer.start);
        ensure!(caller.hangup(&call)?.status() == Some(200), "BYE");
        callee.wire().close();
        world::registered(admin, other, false)?;
        let (_, answer) = caller.dial(&other.number)?;
        ensure!(answer.status() == Some(480), "{}", answer.start);
        // It comes back as phones do, by a new stream.
        let callee = RawPhone::start_tcp(other, server.sip(), Habits::answering(HIGH))?;
        callee.register(300)?;
        ensure!(caller.dial(&other.number)?.1.status() == Some(200), "after it came back");
        Ok(())
    })
}
