//! What the parser and the printer make of messages, as data.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use expect_test::{Expect, expect};

use super::*;
use crate::flow::{Flow, Transport};

const HEAD: &str = "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;rport\r\nFrom: <sip:a@x.example>;tag=1\r\nTo: <sip:b@x.example>\r\n\
                    Call-ID: c1\r\nCSeq: 1 INVITE\r\n";

fn parse(text: impl AsRef<[u8]>) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(text.as_ref()))
}

/// An INVITE with more headers, and a body after an empty line.
fn invite(more: &str) -> Message {
    parse(format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}{more}\r\n")).unwrap()
}

fn flow(remote: &str) -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.9:5060".parse().unwrap(), remote: remote.parse().unwrap() }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A message line by line, so that a stray CR or LF would show.
fn lines(message: &[u8]) -> String {
    String::from_utf8_lossy(message).split("\r\n").map(|line| format!("{}\n", line.as_bytes().escape_ascii())).collect()
}

/// What libraries of the field get wrong, each line a message and what must be seen in it.
#[test]
fn inputs_that_others_break_on() {
    let message = parse(
        "REGISTER sip:x.example SIP/2.0\r\nv: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKa\r\nf:sip:a@b;tag=x\r\nt : <tel:+7;ext=1>\r\n\
         i: c\r\nCSeq: 2 REGISTER\r\nMax-Forwards : 70\r\n\
         m: \"Smith, \\\"J\\\"\" <sip:a;p=1@[::1]:5061;transport=udp>;+sip.instance=\"<urn:uuid:0>\";q=0.5 , <sip:c@d>\r\n\
         X-Latin: caf\u{e9}\r\nl: 0\r\n\r\n",
    )
    .unwrap();
    let via = message.via().unwrap();
    assert_eq!((via.host, via.port), (&b"[2001:db8::1]"[..], Some(5060)));
    let from = message.from().unwrap();
    assert_eq!((from.uri, from.tag()), (&b"sip:a@b"[..], Some(&b"x"[..])), "without brackets the tag is the header's");
    assert_eq!(message.to().unwrap().uri, b"tel:+7;ext=1");
    assert_eq!(message.max_forwards(), Ok(Some(70)));
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    assert_eq!(contacts.len(), 2);
    assert_eq!(contacts[0].display_text(), "Smith, \"J\"");
    assert_eq!(contacts[0].params.value("+SIP.instance"), Some(&b"\"<urn:uuid:0>\""[..]));
    assert_eq!(&*unquoted(contacts[0].params.value("+sip.instance").unwrap()), b"<urn:uuid:0>");
    let uri = crate::SipUri::parse(contacts[0].uri).unwrap();
    assert_eq!((uri.user, uri.host, uri.port), (Some(&b"a;p=1"[..]), &b"[::1]"[..], Some(5061)));
    assert_eq!(message.values(Name::Contact).count(), 2);

    // An octet that is no UTF-8 takes nothing with it.
    let text =
        format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}X-Latin: caf?\r\nContent-Length: 2\r\n\r\nok, and what follows is not ours");
    let mut bytes = text.into_bytes();
    let at = bytes.iter().position(|&byte| byte == b'?').unwrap();
    bytes[at] = 0xe9;
    let message = parse(&bytes).unwrap();
    assert_eq!((message.header_named("x-latin"), message.body()), (Some(&b"caf\xe9"[..]), &b"ok"[..]));

    // An escaped user part goes on as it came.
    let message = parse(format!("INVITE sip:*72%231001@x.example SIP/2.0\r\n{HEAD}\r\n")).unwrap();
    assert_eq!(message.uri(), b"sip:*72%231001@x.example");
    let forward = Writer::request("INVITE", message.uri()).end();
    assert!(forward.starts_with(b"INVITE sip:*72%231001@x.example SIP/2.0\r\n"));
    assert_eq!(crate::SipUri::parse(message.uri()).unwrap().user_text().as_deref(), Some("*72#1001"));
    let forward = Writer::request("INVITE", b"sip:a@x.example;lr?Route=%3Csip:evil%3E").end();
    assert!(forward.starts_with(b"INVITE sip:a@x.example;lr SIP/2.0\r\n"), "a contact's headers are no headers of ours");

    // A blank before the colon hides no Content-Length, and what follows the body is no second message.
    let smuggled =
        format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}Content-Length : 3\r\n\r\nabcBYE sip:b@x.example SIP/2.0\r\n{HEAD}\r\n");
    let message = parse(smuggled).unwrap();
    assert_eq!(message.body(), b"abc");
    assert!(message.bytes().ends_with(b"\r\n\r\nabc"));

    // UDP without Content-Length: the body runs to the end.
    assert_eq!(invite("\r\nv=0\r\n").body(), b"v=0\r\n\r\n");

    // A phrase of one's own.
    let message = parse(format!("SIP/2.0 180 Agent will be with you\r\n{HEAD}\r\n")).unwrap();
    assert_eq!((message.status(), message.reason(), message.method()), (180, &b"Agent will be with you"[..], Method::Invite));

    // A method that begins like another.
    let message = parse(format!("INVITEX sip:b@x.example SIP/2.0\r\n{}\r\n", HEAD.replace("1 INVITE", "1 INVITEX"))).unwrap();
    assert_eq!((message.method(), message.method_bytes()), (Method::Other, &b"INVITEX"[..]));
}

/// Each refused, and what the sender hears.
#[test]
fn refusals() {
    let with = |more: &str| format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}{more}\r\n");
    let start = |line: &str| format!("{line}\r\n{HEAD}\r\n");
    let head = |from: &str, to: &str| format!("INVITE sip:b@x.example SIP/2.0\r\n{}\r\n", HEAD.replace(from, to));
    let inputs = [
        with("Content-Length: 18446744073709551615\r\n"),
        with("Content-Length: 99999999999999999999999\r\n"),
        with("Content-Length: 1\r\n"),
        with("Content-Length: -1\r\n"),
        with("Content-Length: +0\r\n"),
        with("Content-Length: 0x0\r\n"),
        with("Content-Length: 0, 0\r\n"),
        with("Content-Length:\r\n"),
        with("Content-Length: 0\r\nl : 1\r\n"),
        with("Max-Forwards: 256\r\n"),
        with("Max-Forwards: 7\r\nMax-Forwards: 7\r\n"),
        with("X: a\nVia: b\r\n"),
        with("X: a\rb\r\n"),
        with("no colon\r\n"),
        with(": no name\r\n"),
        with("X\u{e9}: y\r\n"),
        head("Via:", " Via:"),
        head("Call-ID: c1", "Call-ID: c 1"),
        head("Call-ID: c1", "Call-ID: c\u{0}1"),
        head("Call-ID: c1", "Call-ID: c1\u{7f}"),
        head("Call-ID: c1\r\n", ""),
        head("1 INVITE", "2147483648 INVITE"),
        head("1 INVITE", "1INVITE"),
        head("1 INVITE", "1 ACK"),
        head("<sip:b@x.example>", "sip:b@x.example?a=b"),
        head("<sip:b@x.example>", "<sip:b@x.example>;"),
        head("<sip:b@x.example>", "<sip:b@x.example>;tag=\"a"),
        head("<sip:b@x.example>", "<sip:b@x.example>, <sip:c@x.example>"),
        head("<sip:b@x.example>", "<sip:b @x.example>"),
        head("<sip:b@x.example>", "<b@x.example>"),
        head("192.0.2.1:5062", "192.0.2.1:65536"),
        head("192.0.2.1:5062", "[192.0.2.1]:5062"),
        head("SIP/2.0/UDP", "SIP/3.0/UDP"),
        start("OPTIONS sip:b@x.example SIP/7.0"),
        start("INVITE sip:b@x.example HTTP/1.1"),
        start("INVITE sip:b@x.example:99999 SIP/2.0"),
        start("INVITE sip:b@@x.example SIP/2.0"),
        start("INVITE sip:b%4@x.example SIP/2.0"),
        start("INVITE sip: SIP/2.0"),
        start("INVITE b SIP/2.0"),
        start("INVITE SIP/2.0"),
        with("").trim_end().to_owned(),
        // No answer.
        start("ACK sip:b@x.example SIP/2.0").replace("1 INVITE", "1 BYE"),
        start("SIP/2.0 99 No"),
        start("SIP/2.0 700 No"),
        start("SIP/2.0 0200 OK"),
        start("SIP/3.0 200 OK"),
        start("\u{1}\u{0} x y"),
        head(HEAD, "From: <sip:a@x.example>;tag=1\r\n"),
        "\r\n\r\n".to_owned(),
        String::new(),
        "x".to_owned(),
    ];
    let mut seen = String::new();
    for input in inputs {
        let error = parse(&input).expect_err(&input);
        let answer = match error.reply() {
            None => "silence".to_owned(),
            Some(reply) => {
                let (back, bytes) = reply.response(flow("198.51.100.7:40000"));
                assert_eq!(bytes, reply.response(flow("198.51.100.7:40000")).1, "the same request gets the same octets");
                let answer = parse(&bytes).map(|answer| shown(answer.reason())).unwrap_or_else(|error| format!("(itself: {error})"));
                format!("{} {answer} > {}", reply.status(), back.remote.port())
            }
        };
        seen.push_str(&format!("{error}: {answer}\n"));
    }
    expect![[r#"
        Content-Length exceeds the message: 400 Bad Request - Content-Length exceeds the message > 40000
        Content-Length exceeds the message: 400 Bad Request - Content-Length exceeds the message > 40000
        Content-Length exceeds the message: 400 Bad Request - Content-Length exceeds the message > 40000
        malformed Content-Length: 400 Bad Request - malformed Content-Length > 40000
        malformed Content-Length: 400 Bad Request - malformed Content-Length > 40000
        malformed Content-Length: 400 Bad Request - malformed Content-Length > 40000
        malformed Content-Length: 400 Bad Request - malformed Content-Length > 40000
        malformed Content-Length: 400 Bad Request - malformed Content-Length > 40000
        malformed Content-Length: 400 Bad Request - malformed Content-Length > 40000
        Max-Forwards out of range: 400 Bad Request - Max-Forwards out of range > 40000
        more than one Max-Forwards: 400 Bad Request - more than one Max-Forwards > 40000
        stray CR or LF: 400 Bad Request - stray CR or LF > 40000
        stray CR or LF: 400 Bad Request - stray CR or LF > 40000
        malformed header line: 400 Bad Request - malformed header line > 40000
        malformed header line: 400 Bad Request - malformed header line > 40000
        malformed header line: 400 Bad Request - malformed header line > 40000
        malformed header line: silence
        malformed Call-ID: 400 (itself: malformed Call-ID) > 40000
        malformed Call-ID: 400 (itself: malformed Call-ID) > 40000
        malformed Call-ID: 400 (itself: malformed Call-ID) > 40000
        missing Call-ID: 400 (itself: missing Call-ID) > 40000
        CSeq out of range: 400 (itself: CSeq out of range) > 40000
        malformed CSeq: 400 (itself: malformed CSeq) > 40000
        CSeq method mismatch: 400 Bad Request - CSeq method mismatch > 40000
        malformed To: 400 (itself: malformed To) > 40000
        malformed To: 400 (itself: malformed To) > 40000
        malformed To: 400 (itself: malformed To) > 40000
        malformed To: 400 (itself: malformed To) > 40000
        malformed To: 400 (itself: malformed To) > 40000
        malformed To: 400 (itself: malformed To) > 40000
        malformed Via: 400 (itself: malformed Via) > 5060
        malformed Via: 400 (itself: malformed Via) > 5060
        malformed Via: 400 (itself: malformed Via) > 5062
        SIP version not supported: 505 Version Not Supported > 40000
        malformed start line: 400 Bad Request - malformed start line > 40000
        malformed request URI: 400 Bad Request - malformed request URI > 40000
        malformed request URI: 400 Bad Request - malformed request URI > 40000
        malformed request URI: 400 Bad Request - malformed request URI > 40000
        malformed request URI: 400 Bad Request - malformed request URI > 40000
        malformed request URI: 400 Bad Request - malformed request URI > 40000
        malformed start line: 400 Bad Request - malformed start line > 40000
        incomplete head: 400 (itself: missing CSeq) > 40000
        CSeq method mismatch: silence
        malformed status: silence
        malformed status: silence
        malformed status: silence
        SIP version not supported: silence
        malformed start line: silence
        missing Via: silence
        keep-alive: silence
        keep-alive: silence
        malformed start line: silence
    "#]]
    .assert_eq(&seen);
}

#[test]
fn limits() {
    let lines = |count: usize| invite(&"X: y\r\n".repeat(count - 5));
    assert_eq!(lines(HEADERS_MAX).all_headers().count(), HEADERS_MAX);
    let kind = |more: String| parse(format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}{more}\r\n")).unwrap_err().kind();
    assert_eq!(kind("X: y\r\n".repeat(HEADERS_MAX - 4)), ParseErrorKind::TooManyHeaders);
    let line = |length: usize| format!("X: {}\r\n", "y".repeat(length - 3));
    assert_eq!(invite(&line(LINE_MAX)).header_named("x").unwrap().len(), LINE_MAX - 3);
    assert_eq!(kind(line(LINE_MAX + 1)), ParseErrorKind::LineTooLong);
    assert_eq!(kind(format!("X: y\r\n{}", " z\r\n".repeat(LINE_MAX / 3))), ParseErrorKind::LineTooLong, "folds count too");
    let body = |length: usize| {
        let head = format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}\r\n");
        let filler = "z".repeat(length - head.len());
        parse(head + &filler)
    };
    assert_eq!(body(MESSAGE_MAX).unwrap().bytes().len(), MESSAGE_MAX);
    let error = body(MESSAGE_MAX + 1).unwrap_err();
    assert_eq!((error.kind(), error.reply().map(Reply400::status)), (ParseErrorKind::BodyTooLarge, Some(413)));
    // What is cut off may have been its end only; and a head without an end within what fits is too long as a whole.
    let announced = format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}Content-Length: 3\r\n\r\nabc");
    assert_eq!(parse(announced.clone() + &"z".repeat(MESSAGE_MAX)).unwrap().bytes(), announced.as_bytes());
    for length in [MESSAGE_MAX, MESSAGE_MAX + 1] {
        let head = format!("INVITE sip:b@x.example SIP/2.0\r\n{HEAD}");
        // The cut falls into a line end as well.
        let lines = format!("X: {}\r\n", "y".repeat(4_091)).repeat((length - head.len()) / 4_096);
        let rest = length - head.len() - lines.len() - "X: ".len() - 1;
        let error = parse(format!("{head}{lines}X: {}\r\n\r\n{}", "y".repeat(rest), "z".repeat(100))).unwrap_err();
        assert_eq!((error.kind(), error.reply().map(Reply400::status)), (ParseErrorKind::TooLarge, Some(513)), "{length}");
    }
    let contacts = |count: usize| invite(&format!("Contact: {}<sip:a@b>\r\n", "<sip:a@b>,".repeat(count - 1)));
    assert!(contacts(CONTACTS_MAX).contacts().is_ok());
    assert_eq!(contacts(CONTACTS_MAX + 1).contacts(), Err(FieldError::OutOfRange(Name::Contact)));
}

#[test]
fn name_addrs() {
    let check = |value: &str, expected: Expect| {
        let seen = match NameAddr::parse(value.as_bytes(), Name::From) {
            Ok(seen) => format!(
                "display {:?} uri {:?} params {:?}",
                seen.display_text(),
                shown(seen.uri),
                seen.params.iter().map(|(name, value)| (shown(name), value.map(shown))).collect::<Vec<_>>()
            ),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&seen);
    };
    check("sip:a@b", expect![[r#"display "" uri "sip:a@b" params []"#]]);
    check(
        "\u{418}\u{432}\u{430}\u{43d} (1) <sip:a@b;lr> ; tag = x;y",
        expect![[r#"display "Иван (1)" uri "sip:a@b;lr" params [("tag", Some("x")), ("y", None)]"#]],
    );
    check("\"a\\\\\\\"b\r\n\tc\u{7}\"<sip:a@b>", expect![[r#"display "a\\\"b c" uri "sip:a@b" params []"#]]);
    check(
        "\"<sip:evil@x>\" <sip:a@b>;n=\";tag=z\";tag=x",
        expect![[r#"display "<sip:evil@x>" uri "sip:a@b" params [("n", Some("\";tag=z\"")), ("tag", Some("x"))]"#]],
    );
    check("7@b.example <sip:a@b>", expect![[r#"display "7@b.example" uri "sip:a@b" params []"#]]);
    check("<sip:a@b>x", expect!["malformed From"]);
    check("<sip:a@b", expect!["malformed From"]);
    check("a@b", expect!["malformed From"]);
    check("Bell, A <sip:a@b>", expect!["malformed From"]);
    check("<>", expect!["malformed From"]);
    check("", expect!["malformed From"]);
    check("*", expect!["malformed From"]);
    check("<http://a\"b>", expect!["malformed From"]);
    check("sip:a@b;=x", expect!["malformed From"]);
    check("sip:a@b;tag=", expect!["malformed From"]);
}

#[test]
fn contacts_and_star() {
    let contacts = |lines: &str| invite(lines).contacts().map(|contacts| format!("{contacts:?}").len()).is_ok();
    assert_eq!(invite("Contact: *\r\n").contacts(), Ok(Contacts::Star));
    assert_eq!(invite("").contacts(), Ok(Contacts::List(vec![])));
    assert!(contacts("Contact: <sip:a@b>, \"x, y\" <sip:c@d>;expires=3\r\nm: sip:e@f\r\n"));
    for bad in ["*, <sip:a@b>", "<sip:a@b>, *", "*\r\nContact: *", "*;expires=0", "<sip:a@b>,", ",", ""] {
        assert!(!contacts(&format!("Contact: {bad}\r\n")), "{bad}");
    }
}

#[test]
fn list_values() {
    let values = |line: &str| split_values(line.as_bytes()).map(shown).collect::<Vec<_>>();
    assert_eq!(values(" a , b\r\n\t,c"), ["a", "b", "c"]);
    assert_eq!(values("\"a,\\\",\" <x,y>;p=\",\", b"), ["\"a,\\\",\" <x,y>;p=\",\"", "b"]);
    assert_eq!(values("a,,\"b, c"), ["a", "", "\"b, c"]);
}

#[test]
fn numbers() {
    let expires = |value: &str| invite(&format!("Expires: {value}\r\n")).expires();
    assert_eq!(expires("007"), Ok(Some(7)));
    assert_eq!(expires(&"9".repeat(100)), Ok(Some(u32::MAX)));
    for bad in ["", "-1", "1.5", "1e3", "a", "1 2"] {
        assert_eq!(expires(bad), Err(FieldError::Malformed(Name::Expires)), "{bad}");
    }
    assert_eq!(invite("").expires(), Ok(None));
    assert_eq!(invite("").max_forwards(), Ok(None));
}

/// Header injection: whatever is given to the writer, the message has the headers that were meant.
#[test]
fn nothing_is_injected() {
    let evil = "x\r\nEvil: 1\r\n\r\nbody\0\n\rEvil: 2";
    let mut writer = Writer::request(evil, b"sip:a@b SIP/2.0\r\nEvil: 0\r\n\x7f");
    writer.header("Subject", evil).header(evil, "v").header("Warning", [0xff, b'\r', b'\n', b'e']);
    expect![[r#"
        xEvil1bodyEvil2 sip:a@b%20SIP/2.0%0D%0AEvil:%200%0D%0A%7F SIP/2.0
        Subject: x  Evil: 1    body   Evil: 2
        xEvil1bodyEvil2: v
        Warning: \xef\xbf\xbd  e
        Content-Type: x  Evil: 1    body   Evil: 2
        Content-Length: 3

        b

    "#]]
    .assert_eq(&lines(&writer.body(evil, b"b\r\n")));
    let mut writer = Writer::status(480, evil);
    writer.header("Reason", quoted(evil));
    expect![[r#"
        SIP/2.0 480 x  Evil: 1    body   Evil: 2
        Reason: \"x  Evil: 1    body   Evil: 2\"
        Content-Length: 0


    "#]]
    .assert_eq(&lines(&writer.end()));
}

/// What was written is what is read, whatever the values: 20,000 seeded cases.
#[test]
fn written_is_read() {
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{RngCore, SeedableRng},
    };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for case in 0..20_000 {
        let mut octets = |most: u32| -> Vec<u8> {
            let length = random.next_u32() % most;
            // Half of them structure, half of them anything.
            (0..length)
                .map(|_| {
                    if random.next_u32() % 2 == 0 {
                        b"\r\n \t:;,<>\"\\@%\0"[random.next_u32() as usize % 14]
                    } else {
                        random.next_u32() as u8
                    }
                })
                .collect()
        };
        let (value, body, display) = (octets(40), octets(40), octets(20));
        let display = quoted(&String::from_utf8_lossy(&display));
        let mut writer = Writer::request("INVITE", b"sip:b@x.example");
        writer.header("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa").header("From", format!("{display} <sip:a@b>;tag=1"));
        writer.header("To", "<sip:b@c>").header("Call-ID", "c").header("CSeq", "1 INVITE").header("X-Value", &value);
        let written = writer.body("text/plain", &body);
        let message = Message::parse(written.clone()).unwrap_or_else(|error| panic!("case {case}: {error}"));
        assert_eq!(message.bytes(), &written);
        assert_eq!((message.body(), message.all_headers().count()), (&body[..], 8), "case {case}");
        assert_eq!(message.from().unwrap().display, display.as_bytes());
        let clean: Vec<u8> = value.iter().map(|&byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte }).collect();
        assert_eq!(message.header_named("x-value").unwrap(), cursor::trim(&clean), "case {case}");
    }
}

#[test]
fn responses() {
    let respond = |more: &str, remote: &str, status, tag, expected: Expect| {
        let request = invite(more);
        let writer = response_head(&request, flow(remote), status, "", tag);
        let back = response_flow(&request, flow(remote));
        expected.assert_eq(&format!("> {}\n{}", back.remote, lines(&writer.end())));
    };
    // RFC 3581, 4: rport was asked for.
    respond(
        "",
        "198.51.100.7:40000",
        180,
        Some("t1"),
        expect![[r#"
        > 198.51.100.7:40000
        SIP/2.0 180 Ringing
        Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;received=198.51.100.7;rport=40000
        From: <sip:a@x.example>;tag=1
        To: <sip:b@x.example>;tag=t1
        Call-ID: c1
        CSeq: 1 INVITE
        Content-Length: 0


    "#]],
    );
    respond(
        "Timestamp: 54\r\nRecord-Route: <sip:p;lr>\r\n",
        "192.0.2.1:40000",
        100,
        None,
        expect![[r#"
        > 192.0.2.1:40000
        SIP/2.0 100 Trying
        Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;received=192.0.2.1;rport=40000
        From: <sip:a@x.example>;tag=1
        To: <sip:b@x.example>
        Call-ID: c1
        CSeq: 1 INVITE
        Timestamp: 54
        Content-Length: 0


    "#]],
    );
    respond(
        "Via: SIP/2.0/TCP q.example;branch=z9hG4bKb\r\nRecord-Route: <sip:p;lr>,\r\n <sip:q;lr>\r\n",
        "[::ffff:192.0.2.1]:9",
        200,
        Some("t\r\n1"),
        expect![[r#"
        > [::ffff:192.0.2.1]:9
        SIP/2.0 200 OK
        Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;received=192.0.2.1;rport=9
        Via: SIP/2.0/TCP q.example;branch=z9hG4bKb
        Record-Route: <sip:p;lr>,   <sip:q;lr>
        From: <sip:a@x.example>;tag=1
        To: <sip:b@x.example>;tag=t1
        Call-ID: c1
        CSeq: 1 INVITE
        Content-Length: 0


    "#]],
    );
}

/// RFC 3261, 18.2.2: never to anybody but the source, whatever the Via says.
#[test]
fn the_way_back_of_a_response_whose_stream_is_gone() {
    let from = "203.0.113.1:40000";
    let back = |response: &str| return_flow(response.as_bytes(), flow(from)).map(|back| back.remote.to_string());
    let via = |via: &str| {
        let text = format!("INVITE sip:b@x.example SIP/2.0\r\nVia: {via}\r\n{}\r\n", &HEAD[HEAD.find("From").unwrap()..]);
        let written = match Message::parse(text.into()) {
            Ok(request) => response_head(&request, flow(from), 200, "", Some("t")).end(),
            Err(error) => error.reply().unwrap().response(flow(from)).1,
        };
        back(&shown(&written))
    };
    let at = |port: u16| Some(format!("203.0.113.1:{port}"));
    assert_eq!(via("SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bK1"), at(5070));
    assert_eq!(
        via("SIP/2.0/TCP 192.0.2.1:5070;rport;received=198.51.100.9;branch=z9hG4bK1"),
        at(5070),
        "rport is of the stream that is gone"
    );
    assert_eq!(via("SIP/2.0/TCP [2001:db8::1]:5071;branch=z9hG4bK1, SIP/2.0/TCP 192.0.2.1:5072"), at(5071), "the top one");
    assert_eq!(via("SIP/2.0/TCP h.example;branch=z9hG4bK1"), at(5060), "without a port");
    assert_eq!(via("SIP/2.0/TCP h.example:0;branch=z9hG4bK1"), at(5060));
    assert_eq!(via("SIP/2.0/TCP 192.0.2.1:5070;branch=\"z"), at(5070), "broken further on");
    assert_eq!(via("SIP/2.0/TCP"), None);
    assert_eq!(back("SIP/2.0 200 OK\r\nX: y\r\nv : SIP/2.0/TCP h:5070\r\n\r\n"), at(5070), "compact");
    assert_eq!(back("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\nVia: SIP/2.0/TCP h:5070\r\n"), None, "not out of the body");
    assert_eq!(back("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h:5070\r\n\r\n"), None, "a request");
    assert_eq!((back(""), back("SIP/2.0 200 OK")), (None, None));
}

#[test]
fn the_top_via() {
    let respond = |via: &str, remote: &str| {
        let text = format!("INVITE sip:b@x.example SIP/2.0\r\nVia: {via}\r\n{}\r\n", &HEAD[HEAD.find("From").unwrap()..]);
        let request = parse(text).unwrap();
        let written = response_head(&request, flow(remote), 486, "", None).end();
        let line = shown(&written).lines().find(|line| line.starts_with("Via")).unwrap().to_owned();
        format!("{line} > {}", response_flow(&request, flow(remote)).remote)
    };
    let check = |via: &str, remote: &str, expected: &str| assert_eq!(respond(via, remote), expected);
    let remote = "192.0.2.1:7000";
    check("SIP/2.0/UDP 192.0.2.1;branch=b", remote, "Via: SIP/2.0/UDP 192.0.2.1;branch=b > 192.0.2.1:5060");
    check("SIP/2.0/UDP 192.0.2.1:5070;branch=b", remote, "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=b > 192.0.2.1:5070");
    check("SIP/2.0/UDP h.example;branch=b;ttl=1", remote, "Via: SIP/2.0/UDP h.example;branch=b;ttl=1;received=192.0.2.1 > 192.0.2.1:5060");
    check(
        "SIP/2.0/UDP 10.0.0.1;received=203.0.113.9;rport;branch=b, SIP/2.0/TCP x;branch=c",
        remote,
        "Via: SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1;rport=7000, SIP/2.0/TCP x;branch=c > 192.0.2.1:7000",
    );
    check(
        "SIP/2.0/UDP [2001:db8::1];maddr=239.0.0.1;branch=b",
        "[2001:db8::1]:9",
        "Via: SIP/2.0/UDP [2001:db8::1];maddr=239.0.0.1;branch=b > [2001:db8::1]:5060",
    );
}

#[test]
fn debug_shows_no_secrets() {
    let message = invite("Authorization: Digest response=\"f00\"\r\n");
    assert_eq!(format!("{message:?}"), "Message(INVITE sip:b@x.example)");
}
