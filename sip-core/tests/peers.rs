//! What other SIP stacks were seen to get wrong: each input as data, and what we make of it.
//!
//! Each of these made a well-known library lose a header, forward something else than it got, take a body for a request, fall silent
//! or stop. None of them may do so here.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a beginning of time is needed")]

use std::{fmt::Write as _, time::Instant};

use bytes::Bytes;
use expect_test::{Expect, expect};
use sha2::{Digest, Sha256};
use sip_core::{
    Algorithm, Contacts, Credentials, Endpoint, EndpointOutput, EndpointSettings, Flow, Frame, Framer, FramerLimits, Message, Method, Name,
    SipUri, Transport, Verdict, Verifier, digest::NONCE_LIFE,
};

/// Line ends are written as such; the last line of a head is followed by an empty one and the body.
fn message(text: &str) -> Vec<u8> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let mut message = head.replace('\n', "\r\n").into_bytes();
    message.extend_from_slice(b"\r\n\r\n");
    message.extend_from_slice(body.as_bytes());
    message
}

/// Everything of a message that is routed, shown or answered by.
fn show(octets: &[u8]) -> String {
    let message = match Message::parse(Bytes::copy_from_slice(octets)) {
        Ok(message) => message,
        Err(error) => return format!("refused {}: {error}", error.reply().map_or(0, |reply| reply.status())),
    };
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut out = String::new();
    if message.is_request() {
        writeln!(out, "{} {}", text(message.method_bytes()), text(message.uri())).unwrap();
    } else {
        writeln!(out, "{} {}", message.status(), text(message.reason())).unwrap();
    }
    for via in message.values(Name::Via) {
        writeln!(out, "via {}", text(via)).unwrap();
    }
    for (what, value) in [("from", message.from()), ("to", message.to())] {
        let value = value.unwrap();
        let tag = value.tag().map_or(String::new(), |tag| format!(" tag {}", text(tag)));
        writeln!(out, "{what} {:?} {}{tag}", value.display_text(), text(value.uri)).unwrap();
    }
    match message.contacts() {
        Ok(Contacts::List(all)) => {
            for one in all {
                writeln!(out, "contact {:?} {} {}", one.display_text(), text(one.uri), text(one.params.as_bytes())).unwrap();
            }
        }
        other => writeln!(out, "contacts {other:?}").unwrap(),
    }
    let cseq = message.cseq().unwrap();
    let hops = message.max_forwards().unwrap().map_or("-".to_owned(), |hops| hops.to_string());
    writeln!(out, "call {} cseq {} {} hops {hops}", text(message.call_id().unwrap()), cseq.number, cseq.method).unwrap();
    write!(out, "body {}", text(message.body())).unwrap();
    out
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&show(&message(text)));
}

/// RFC 3261, 7.3.3. Lost by one library: these were unknown headers to it.
#[test]
fn compact_names() {
    check(
        "INVITE sip:600@pbx.example SIP/2.0
v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
f: <sip:a@b>;tag=1
t: <sip:600@pbx.example>
i: 1@a
m: <sip:a@192.0.2.1>
CSeq: 1 INVITE
l: 4

body of four",
        expect![[r#"
            INVITE sip:600@pbx.example
            via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
            from "" sip:a@b tag 1
            to "" sip:600@pbx.example
            contact "" sip:a@192.0.2.1 
            call 1@a cseq 1 INVITE hops -
            body body"#]],
    );
}

/// Refused by one library: an instance in Contact (RFC 5626), folds, blanks before the colon, IPv6 in Via, two contacts in one line, a comma
/// in a quoted name, `tel:` (also by another), a user part with a semicolon.
#[test]
fn what_phones_send() {
    check(
        "REGISTER sip:pbx.example SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:5062;rport;branch=z9hG4bK2,
 SIP/2.0/TCP [2001:db8::2] ; branch=z9hG4bK3
Max-Forwards : 70
From: \"Doe, Jane \\\"JD\\\"\" <sip:jane;day=tue@pbx.example>;
\ttag=7
To: <tel:+1-201-555-0123;phone-context=example.com>
Call-ID: f81d4fae
CSeq:
 2
 REGISTER
Contact: <sip:jane@192.0.2.4>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\";reg-id=1, \"x, y\" <sip:jane@192.0.2.5>
Content-Length: 0",
        expect![[r#"
            REGISTER sip:pbx.example
            via SIP/2.0/UDP [2001:db8::9:1]:5062;rport;branch=z9hG4bK2
            via SIP/2.0/TCP [2001:db8::2] ; branch=z9hG4bK3
            from "Doe, Jane \"JD\"" sip:jane;day=tue@pbx.example tag 7
            to "" tel:+1-201-555-0123;phone-context=example.com
            contact "" sip:jane@192.0.2.4 ;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\";reg-id=1
            contact "x, y" sip:jane@192.0.2.5 
            call f81d4fae cseq 2 REGISTER hops 70
            body "#]],
    );
    assert_eq!(SipUri::parse(b"sip:jane;day=tue@pbx.example").unwrap().user, Some(&b"jane;day=tue"[..]));
}

const REST: &str = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: 1\n";

/// Escaped anew by one library when passed on: a star code of a PBX became another number.
#[test]
fn an_escaped_user_part_is_not_touched() {
    check(
        &format!("INVITE sip:*72%231001@pbx.example SIP/2.0\n{REST}CSeq: 1 INVITE\nContent-Length: 0"),
        expect![[r#"
        INVITE sip:*72%231001@pbx.example
        via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        from "" sip:a@b tag 1
        to "" sip:c@d
        call 1 cseq 1 INVITE hops -
        body "#]],
    );
    let uri = b"sip:*72%231001@pbx.example";
    assert_eq!(SipUri::parse(uri).unwrap().user_text().as_deref(), Some("*72#1001"));
    let written = sip_core::Writer::request("INVITE", uri).end();
    assert!(written.starts_with(b"INVITE sip:*72%231001@pbx.example SIP/2.0\r\n"));
}

/// One octet of Latin-1 made one library lose that header and all behind it, Authorization, Content-Length and body among them.
#[test]
fn one_octet_that_is_no_utf8_harms_nothing() {
    let mut octets = message(&format!(
        "INVITE sip:c@d SIP/2.0\nSubject: caf?\n{REST}CSeq: 1 INVITE\nAuthorization: Digest username=\"x\"\nContent-Length: 3\n\nv=0"
    ));
    let at = octets.iter().position(|&octet| octet == b'?').unwrap();
    octets[at] = 0xe9;
    expect![[r#"
        INVITE sip:c@d
        via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        from "" sip:a@b tag 1
        to "" sip:c@d
        call 1 cseq 1 INVITE hops -
        body v=0"#]]
    .assert_eq(&show(&octets));
    let message = Message::parse(octets.into()).unwrap();
    assert_eq!(message.header(Name::Subject), Some(&b"caf\xe9"[..]));
    assert!(message.header(Name::Authorization).is_some());
}

/// A blank before the colon made one library's framer read 0 and its parser n: the body was carried out as a second request.
#[test]
fn no_body_becomes_a_request() {
    let inner = message(&format!("REGISTER sip:d SIP/2.0\n{REST}CSeq: 1 REGISTER\nContent-Length: 0"));
    let head = format!("MESSAGE sip:c@d SIP/2.0\n{REST}CSeq: 1 MESSAGE\nContent-Length : {}\n\n", inner.len());
    let mut stream = message(&head);
    stream.extend(&inner);
    let mut framer = Framer::new(FramerLimits::default());
    framer.feed(&stream);
    let Some(Frame::Message(whole)) = framer.next() else { panic!() };
    assert_eq!(whole, stream);
    assert!(framer.next().is_none() && framer.is_idle());
    assert_eq!(Message::parse(whole).unwrap().body(), inner);
}

/// RFC 3261, 18.3: dropped by one library.
#[test]
fn without_a_length_a_datagrams_body_runs_to_its_end() {
    check(
        &format!("INVITE sip:c@d SIP/2.0\n{REST}CSeq: 1 INVITE\n\nv=0 and more"),
        expect![[r#"
        INVITE sip:c@d
        via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        from "" sip:a@b tag 1
        to "" sip:c@d
        call 1 cseq 1 INVITE hops -
        body v=0 and more"#]],
    );
}

/// Replaced by the standard phrase, always, by one library.
#[test]
fn a_phrase_is_kept() {
    check(
        &format!("SIP/2.0 180 Agent will be with you\n{REST}CSeq: 1 INVITE\nContent-Length: 0"),
        expect![[r#"
        180 Agent will be with you
        via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        from "" sip:a@b tag 1
        to "" sip:c@d
        call 1 cseq 1 INVITE hops -
        body "#]],
    );
}

/// A tag behind a URI without brackets is the header's (RFC 3261, 20.10); one library lost it. Another took INVITEX for INVITE.
#[test]
fn tags_and_tokens_are_read_whole() {
    check(
        "INVITEX sip:c@d SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: sip:a@b;tag=x\nTo: sip:c@d\nCall-ID: 1\nCSeq: 1 INVITEX\nContent-Length: 0",
        expect![[r#"
        INVITEX sip:c@d
        via SIP/2.0/UDP h;branch=z9hG4bK1
        from "" sip:a@b tag x
        to "" sip:c@d
        call 1 cseq 1 another method hops -
        body "#]],
    );
    assert_eq!(Method::of(b"INVITEX"), Method::Other);
}

/// Refused by one library: `tel:` in the request line and in From, and a quoted quote.
#[test]
fn telephone_numbers() {
    check(
        "INVITE tel:+74955550100 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: \"The \\\"Boss\\\"\" <tel:+74955550101>;tag=1
To: tel:+74955550100
Call-ID: 1
CSeq: 1 INVITE
Content-Length: 0",
        expect![[r#"
            INVITE tel:+74955550100
            via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
            from "The \"Boss\"" tel:+74955550101 tag 1
            to "" tel:+74955550100
            call 1 cseq 1 INVITE hops -
            body "#]],
    );
}

/// One library wrote to the terminal about such hosts; here it is a refusal or a value, and nothing else.
#[test]
fn odd_hosts() {
    let mut shown = String::new();
    for host in ["a..b", "-", "1.2.3.4.5", "a_b", "[::1", "[x]", "[::ffff:1.2.3.4%eth0]", "h\u{e9}", "a b", "\u{0}", ""] {
        let text = format!("OPTIONS sip:c@d SIP/2.0\n{REST}CSeq: 1 OPTIONS\nContent-Length: 0").replace("192.0.2.1", host);
        let verdict = show(&message(&text));
        writeln!(shown, "{} -> {}", host.escape_default(), verdict.lines().next().unwrap()).unwrap();
    }
    expect![[r#"
        a..b -> OPTIONS sip:c@d
        - -> OPTIONS sip:c@d
        1.2.3.4.5 -> OPTIONS sip:c@d
        a_b -> OPTIONS sip:c@d
        [::1 -> refused 400: malformed Via
        [x] -> refused 400: malformed Via
        [::ffff:1.2.3.4%eth0] -> refused 400: malformed Via
        h\u{e9} -> refused 400: malformed Via
        a b -> refused 400: malformed Via
        \u{0} -> refused 400: malformed Via
         -> refused 400: malformed Via
    "#]]
    .assert_eq(&shown);
}

/// The endpoint's answers to what made libraries silent, or stop.
#[test]
fn nothing_silences_the_endpoint() {
    let flow = Flow { transport: Transport::Udp, local: "127.0.0.1:5060".parse().unwrap(), remote: "127.0.0.2:40000".parse().unwrap() };
    let now = Instant::now();
    let mut endpoint = Endpoint::new(EndpointSettings::default(), [7; 32]);
    let mut answers = |octets: Vec<u8>| {
        endpoint.received(now, flow, octets.into());
        let mut answers = Vec::new();
        while let Some(output) = endpoint.poll() {
            match output {
                EndpointOutput::Transmit { bytes, .. } => answers.push(String::from_utf8(bytes.to_vec()).unwrap()),
                EndpointOutput::Request { tx, .. } => endpoint.respond(now, tx, 200, None, &[]),
                _ => {}
            }
        }
        answers
    };
    let mut one = |text: String| {
        let mut answers = answers(message(&text));
        assert_eq!(answers.len(), 1, "{text}: {answers:?}");
        let answer = answers.remove(0);
        (answer.get(..12).unwrap().to_owned(), answer)
    };
    let tail = "Content-Length: 0";
    // 8.2.1: an unknown method.
    let (status, answer) = one(format!("INVITEX sip:c@d SIP/2.0\n{REST}CSeq: 1 INVITEX\n{tail}"));
    assert!(status == "SIP/2.0 405 " && answer.contains("\r\nAllow: INVITE, "), "{answer}");
    // 8.1.1: something missing.
    let (status, _) = one(format!("OPTIONS sip:c@d SIP/2.0\n{REST}CSeq: 2 OPTIONS\n{tail}").replace("Call-ID: 1\n", ""));
    assert_eq!(status, "SIP/2.0 400 ");
    // 21.5.6: another version. One library answered in it.
    let (status, _) = one(format!("OPTIONS sip:c@d SIP/7.0\n{REST}CSeq: 3 OPTIONS\n{tail}"));
    assert_eq!(status, "SIP/2.0 505 ");
    // One such datagram ended one library's listener for good.
    let (status, _) = one(format!("OPTIONS sip:c@d SIP/2.0\n{REST}CSeq: 4 OPTIONS\nContent-Length: 18446744073709551615"));
    assert_eq!(status, "SIP/2.0 400 ");
    // And it lives on.
    let (status, _) = one(format!("OPTIONS sip:c@d SIP/2.0\n{REST}CSeq: 5 OPTIONS\n{tail}"));
    assert_eq!(status, "SIP/2.0 200 ");
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").unwrap();
        text
    })
}

/// The nonce count is hexadecimal: read as decimal by one library, and into eight bits by another, the tenth or the 256th request on a nonce
/// was refused. Both refused SHA-256 by its name.
#[test]
fn a_nonce_count_is_hexadecimal() {
    let (user, realm, uri) = ("6001", "pbx", "sip:pbx.example");
    let credentials = Credentials::of(user, realm, "secret");
    let now = Instant::now();
    let mut verifier = Verifier::new([1; 32], NONCE_LIFE, &[Algorithm::Sha256]);
    let challenge = verifier.challenge(now, realm, false, &[Algorithm::Sha256]).remove(0);
    let nonce = challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut verdict = |algorithm: &str, nc: &str| {
        let a2 = hex(&Sha256::digest(format!("REGISTER:{uri}")));
        let response = hex(&Sha256::digest(format!("{}:{nonce}:{nc}:c:auth:{a2}", hex(&credentials.sha256))));
        let request = message(&format!(
            "REGISTER {uri} SIP/2.0\n{REST}CSeq: 1 REGISTER\nAuthorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", \
             uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}, cnonce=\"c\", qop=auth, nc={nc}\nContent-Length: 0"
        ));
        verifier.verify(now, &Message::parse(request.into()).unwrap(), realm, Some(&credentials))
    };
    for nc in ["00000001", "00000009", "0000000a", "00000010", "000000ff", "00000100", "00000101"] {
        assert_eq!(verdict("SHA-256", nc), Verdict::Good, "{nc}");
        assert_eq!(verdict("SHA-256", nc), Verdict::Bad, "{nc} again");
    }
    // A letter of another alphabet in the middle of the token stopped one library.
    for algorithm in ["SHA\u{410}-256", "\u{421}HA-256", "SHA256", "SHA-256-sess"] {
        assert_eq!(verdict(algorithm, "00000200"), Verdict::Bad, "{algorithm}");
    }
}

/// Folded lines and a body that is no text are lost by one library.
#[test]
fn bodies_are_octets() {
    let mut octets = message(&format!("MESSAGE sip:c@d SIP/2.0\n{REST}CSeq: 1 MESSAGE\nX: a\n b\nContent-Length: 256\n\n"));
    octets.extend(0..=255_u8);
    let message = Message::parse(octets.into()).unwrap();
    assert!(message.body().iter().copied().eq(0..=255));
    assert_eq!(message.header_named("x"), Some(&b"a\r\n b"[..]));
}
