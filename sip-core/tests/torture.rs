//! The torture messages of RFC 4475: what the parser alone decides about them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf};

use bytes::Bytes;
use sip_core::{Contacts, FieldError, Flow, Message, Method, Name, ParseError, ParseErrorKind, Scheme, SipUri, Transport, UriError};

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/rfc4475")
}

fn read(name: &str) -> Bytes {
    fs::read(data().join(format!("{name}.dat"))).unwrap().into()
}

fn parse(name: &str) -> Result<Message, ParseError> {
    Message::parse(read(name))
}

fn good(name: &str) -> Message {
    parse(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: "127.0.0.1:5060".parse().unwrap(), remote: "127.0.0.2:40000".parse().unwrap() }
}

/// A row of INDEX.tsv.
struct Row {
    name: String,
    is_response: bool,
    is_valid: bool,
    pass: Vec<String>,
    via_port: Option<u16>,
}

fn index() -> Vec<Row> {
    let text = fs::read_to_string(data().join("INDEX.tsv")).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        Row {
            name: cells[0].strip_suffix(".dat").unwrap().to_owned(),
            is_response: cells[2] == "response",
            is_valid: cells[3].starts_with("valid"),
            pass: cells[5].split(',').map(str::to_owned).collect(),
            via_port: cells[7].parse().ok(),
        }
    });
    rows.collect()
}

#[test]
fn the_index_rules() {
    let rows = index();
    assert_eq!(rows.len(), 51);
    for row in rows {
        let name = &row.name;
        let may = |what: &str| row.pass.iter().any(|pass| pass == what);
        match parse(name) {
            Ok(message) => {
                assert!(row.is_valid || may("liberal"), "{name} is invalid and was accepted");
                assert_eq!(message.is_request(), !row.is_response, "{name}");
            }
            Err(error) => {
                assert!(!row.is_valid, "{name} is valid and was refused: {error}");
                match error.reply() {
                    None => assert!(may("drop"), "{name} was dropped: {error}"),
                    Some(reply) => {
                        let status = reply.status();
                        assert!(may(&status.to_string()), "{name} was refused with {status}: {error}");
                        let (back, bytes) = reply.response(flow());
                        let expected = SocketAddr::new(flow().remote.ip(), row.via_port.unwrap());
                        assert_eq!(back.remote, expected, "{name}");
                        assert!(bytes.starts_with(format!("SIP/2.0 {status} ").as_bytes()), "{name}");
                    }
                }
            }
        }
    }
}

/// Our choice where the RFC leaves one: everything that is invalid is refused, but for these two whose fault is elsewhere.
#[test]
fn verdicts() {
    use ParseErrorKind as E;
    let expected: BTreeMap<&str, E> = BTreeMap::from([
        ("badinv01", E::Field(FieldError::Malformed(Name::Via))),
        ("clerr", E::Truncated),
        ("ncl", E::ContentLength),
        ("scalar02", E::Field(FieldError::OutOfRange(Name::CSeq))),
        ("scalarlg", E::Field(FieldError::OutOfRange(Name::CSeq))),
        ("quotbal", E::Field(FieldError::Malformed(Name::To))),
        ("ltgtruri", E::RequestUri),
        ("lwsruri", E::StartLine),
        ("lwsstart", E::StartLine),
        ("trws", E::StartLine),
        ("escruri", E::RequestUri),
        ("badaspec", E::Field(FieldError::Malformed(Name::To))),
        ("baddn", E::Incomplete),
        ("baddn-terminated", E::Field(FieldError::Malformed(Name::From))),
        ("badvers", E::Version),
        ("mismatch01", E::MethodMismatch),
        ("mismatch02", E::MethodMismatch),
        ("bigcode", E::Status),
        ("badbranch", E::Field(FieldError::Malformed(Name::Via))),
        ("insuf", E::Field(FieldError::Missing(Name::From))),
        ("multi01", E::Field(FieldError::Repeated(Name::CSeq))),
        ("mcl01", E::ContentLength),
        ("test", E::StartLine),
    ]);
    let liberal = ["baddate", "regbadct"];
    for row in index() {
        let verdict = parse(&row.name).err().map(|error| error.kind());
        assert_eq!(verdict, expected.get(row.name.as_str()).copied(), "{}", row.name);
        assert_eq!(verdict.is_none(), row.is_valid || liberal.contains(&row.name.as_str()), "{}", row.name);
    }
    // The fault of this one is the registrar's to see.
    assert_eq!(good("regbadct").contacts(), Err(FieldError::Malformed(Name::Contact)));
}

/// Hand-made values: CSeq number, From tag, To tag, Via values, body octets.
#[test]
fn values_of_the_accepted() {
    type Expected<'a> = (u32, Option<&'a str>, Option<&'a str>, usize, usize);
    let long_tag = format!("1{}2424", "298".repeat(50));
    let rows: [(&str, Expected<'_>); 28] = [
        ("wsinv", (9, Some("98asjd8"), Some("1918181833n"), 3, 150)),
        ("intmeth", (139_122_385, Some("_token~1'+`*%!-."), None, 1, 0)),
        ("esc01", (234_234, Some("938"), None, 1, 150)),
        ("escnull", (14_398_234, Some("839923423"), None, 1, 0)),
        ("esc02", (29_344, Some("f232jadfj23"), None, 1, 0)),
        ("lwsdisp", (60, Some("323"), None, 1, 0)),
        ("longreq", (3_882_340, Some(&long_tag), None, 34, 150)),
        ("dblreq", (8, Some("43251j3j324"), None, 1, 0)),
        ("semiuri", (8, Some("33242"), None, 1, 0)),
        ("transports", (60, Some("323"), None, 5, 0)),
        ("mpart01", (1, Some("2fb0dcc9"), None, 1, 553)),
        ("unreason", (35, Some("11141343"), Some("2229"), 1, 154)),
        ("noreason", (35, Some("39ansfi3"), Some("902jndnke3"), 1, 0)),
        ("baddate", (1_392_934, Some("2234923"), None, 1, 150)),
        ("regbadct", (1, Some("998332"), None, 1, 0)),
        ("unkscm", (3_923_423, Some("384"), None, 1, 0)),
        ("novelsc", (3_923_423, Some("384"), None, 1, 0)),
        ("unksm2", (234_902, Some("3234233"), None, 1, 0)),
        ("bext01", (8, Some("242etr"), None, 1, 0)),
        ("invut", (235_448, Some("8392034"), None, 1, 40)),
        ("regaut01", (9_338, Some("87321hj23128"), None, 1, 0)),
        ("bcast", (35, Some("11141343"), Some("2229"), 2, 154)),
        ("zeromf", (39_234_321, Some("3ghsd41"), None, 1, 0)),
        ("cparam01", (2, Some("DkfVgjkrtMwaerKKpe"), None, 1, 0)),
        ("cparam02", (3, Some("838293"), None, 1, 0)),
        ("regescrt", (14_398_234, Some("8"), None, 1, 0)),
        ("sdp01", (8, Some("234"), None, 1, 150)),
        ("inv2543", (56, None, None, 1, 105)),
    ];
    assert_eq!(rows.len(), index().iter().filter(|row| parse(&row.name).is_ok()).count(), "every accepted message has a row");
    for (name, expected) in rows {
        let message = good(name);
        let (from, to) = (message.from().unwrap(), message.to().unwrap());
        let text = |tag: Option<&[u8]>| tag.map(|tag| String::from_utf8(tag.to_vec()).unwrap());
        let (from_tag, to_tag) = (text(from.tag()), text(to.tag()));
        let seen = (
            message.cseq().unwrap().number,
            from_tag.as_deref(),
            to_tag.as_deref(),
            message.values(Name::Via).count(),
            message.body().len(),
        );
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn what_was_received_is_kept() {
    for row in index() {
        let datagram = read(&row.name);
        let Ok(message) = Message::parse(datagram.clone()) else { continue };
        assert!(datagram.starts_with(message.bytes()), "{}", row.name);
        if row.name != "dblreq" {
            assert_eq!(message.bytes(), &datagram, "{}", row.name);
        }
        let again = Message::parse(message.bytes().clone()).unwrap();
        assert!(message.all_headers().eq(again.all_headers()), "{}", row.name);
    }
}

/// 3.1.1.1: folds, blanks before colons, odd case, leading zeros.
#[test]
fn wsinv() {
    let message = good("wsinv");
    assert_eq!(message.method(), Method::Invite);
    assert_eq!(message.uri(), b"sip:vivekg@chair-dnrc.example.com;unknownparam");
    let to = message.to().unwrap();
    assert_eq!((to.display, to.uri), (&b""[..], &b"sip:vivekg@chair-dnrc.example.com"[..]));
    assert_eq!(message.from().unwrap().display_text(), "J Rosenberg \\\"");
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!(message.header(Name::Subject), Some(&b""[..]));
    assert_eq!(message.header_named("unknownheaderwithunusualvalue"), Some(&b";;,,;;,;"[..]));
    let via = message.via().unwrap();
    assert_eq!((via.transport, via.host, via.port, via.branch()), (&b"UDP"[..], &b"192.0.2.2"[..], None, Some(&b"390skdjuw"[..])));
    assert!(!via.has_cookie());
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].display_text(), "Quoted string \"\"");
    let params: Vec<_> = contacts[0].params.iter().collect();
    assert_eq!(params, [(&b"newparam"[..], Some(&b"newvalue"[..])), (b"secondparam", None), (b"q", Some(b"0.33"))]);
}

/// 3.1.1.2: every character that a token, a user part and a quoted string may hold.
#[test]
fn intmeth() {
    let message = good("intmeth");
    assert_eq!(message.method(), Method::Other);
    assert_eq!(message.method_bytes(), b"!interesting-Method0123456789_*+`.%indeed'~");
    let uri = SipUri::parse(message.uri()).unwrap();
    assert_eq!(uri.user, Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..]));
    assert_eq!(uri.password, Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..]));
    assert_eq!(uri.host, b"example.com");
    assert_eq!(message.to().unwrap().display, b"\"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\"");
    assert_eq!(message.from().unwrap().uri, b"sip:mundane@example.com");
    assert_eq!(message.max_forwards(), Ok(Some(255)));
}

/// 3.1.1.3 and 3.1.1.4: escapes are resolved once, in URIs, and never cut anything short.
#[test]
fn escapes() {
    let message = good("esc01");
    assert_eq!(SipUri::parse(message.uri()).unwrap().user_text().as_deref(), Some("sips:user@example.com"));
    assert_eq!(SipUri::parse(message.to().unwrap().uri).unwrap().user_text().as_deref(), Some("user"));
    assert_eq!(SipUri::parse(message.from().unwrap().uri).unwrap().user_text().as_deref(), Some("I have spaces"));
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    let contact = SipUri::parse(contacts[0].uri).unwrap();
    let same = |other: &str| contact.equals(&SipUri::parse(other.as_bytes()).unwrap());
    assert!(same("sip:caller@host5.example.net;lr;name=value%25%34%31"));
    assert!(!same("sip:caller@host5.example.net;lr;name=value%41"));
    assert!(!same("sip:caller@host5.example.net;lr;name=valueA"));

    let message = good("escnull");
    assert_eq!(SipUri::parse(message.to().unwrap().uri).unwrap().user_text().as_deref(), Some("null-\0-null"));
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    assert_eq!(contacts.len(), 2);
    assert!(!SipUri::parse(contacts[0].uri).unwrap().equals(&SipUri::parse(contacts[1].uri).unwrap()));

    // 3.1.1.5: escapes mean nothing in methods and header names.
    let message = good("esc02");
    assert_eq!(message.method(), Method::Other);
    assert_eq!(message.headers(Name::Contact).count(), 2);
    assert_eq!(message.header_named("C%6Fntact"), Some(&b"<sip:alias2@host2.example.com>"[..]));
}

#[test]
fn parts_that_look_like_others() {
    // 3.1.1.6
    assert_eq!(good("lwsdisp").from().unwrap().display, b"caller");
    // 3.1.1.8: the second request in the datagram is never seen.
    let message = good("dblreq");
    assert!(message.bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
    assert_eq!(message.header(Name::CallId), Some(&b"dblreq.0ha0isndaksdj99sdfafnl3lk233412"[..]));
    // 3.1.1.9
    assert_eq!(SipUri::parse(good("semiuri").uri()).unwrap().user_text().as_deref(), Some("user;par=u@example.net"));
    assert_eq!(good("semiuri").values(Name::Accept).count(), 6);
    // 3.1.1.12 and 13
    assert_eq!((good("unreason").status(), good("noreason").status()), (200, 100));
    assert_eq!(good("noreason").reason(), b"");
    // 3.3.2 and 3.3.3: another scheme is no malformed URI.
    for name in ["unkscm", "novelsc"] {
        assert_eq!(SipUri::parse(good(name).uri()).unwrap_err(), UriError::Scheme);
    }
    // 3.3.5
    assert_eq!(good("bext01").values(Name::Require).collect::<Vec<_>>(), [&b"nothingSupportsThis"[..], b"nothingSupportsThisEither"]);
    // 3.3.11
    assert_eq!(good("zeromf").max_forwards(), Ok(Some(0)));
}

/// 3.3.12 to 3.3.14 (B-14): whose parameter it is.
#[test]
fn contact_parameters() {
    let one = |name: &str, check: &dyn Fn(&[u8], bool)| {
        let message = good(name);
        let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
        check(contacts[0].uri, contacts[0].params.get("unknownparam").is_some());
    };
    one("cparam01", &|uri, of_header| assert!(of_header && uri == b"sip:+19725552222@gw1.example.net"));
    one("cparam02", &|uri, of_header| assert!(!of_header && uri == b"sip:+19725552222@gw1.example.net;unknownparam"));
    one("regescrt", &|uri, _| {
        let parsed = SipUri::parse(uri).unwrap();
        assert_eq!((parsed.scheme, parsed.headers), (Scheme::Sip, &b"Route=%3Csip:sip.example.com%3E"[..]));
        assert_eq!(sip_core::uri::without_headers(uri), b"sip:user@example.com");
    });
}

/// A response never gets an answer, however broken.
#[test]
fn broken_responses_are_dropped() {
    for name in ["bigcode", "scalarlg"] {
        assert!(parse(name).unwrap_err().reply().is_none(), "{name}");
    }
}
