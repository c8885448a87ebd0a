//! Stories of REGISTERs, as text.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a test needs a first instant")]

mod ways;

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::flow::Transport;

const SETTINGS: RegistrarSettings = RegistrarSettings {
    expires_min: 60,
    expires_default: 300,
    expires_max: 3600,
    contact_length_max: 64,
    bindings_max: 6,
    flow_timer_s: None,
};

/// Whose last binding is gone, and who has another one left.
fn told(lost: &[Lost]) -> String {
    let (last, left): (Vec<&Lost>, Vec<&Lost>) = lost.iter().partition(|lost| lost.is_last);
    let of = |lost: &[&Lost]| format!("{:?}", lost.iter().map(|lost| lost.aor).collect::<Vec<_>>());
    if left.is_empty() { of(&last) } else { format!("{}, left {}", of(&last), of(&left)) }
}

/// Plays a story for address-of-record 7. A line is `second Call-ID CSeq source | header | header ...`, `second expire`, or `second closed source`.
/// A source that begins with `t` is a stream.
/// A line's outcome is its status, headers, change, and what is bound then.
fn check(contacts_max: usize, story: &str, expected: Expect) {
    check_with(SETTINGS, contacts_max, story, expected);
}

fn check_with(settings: RegistrarSettings, contacts_max: usize, story: &str, expected: Expect) {
    let mut registrar = Registrar::new(settings);
    let start = Instant::now();
    let mut seen = String::new();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut cells = line.split('|').map(str::trim);
        let words: Vec<&str> = cells.next().unwrap().split(' ').collect();
        let now = start
            + Duration::from_millis(words[0].replace('.', "").parse::<u64>().unwrap() * if words[0].contains('.') { 100 } else { 1000 });
        if words[1] == "expire" {
            writeln!(seen, "{} lapsed {}", words[0], told(&registrar.expire(now))).unwrap();
            continue;
        }
        if words[1] == "closed" {
            writeln!(seen, "{} unbound {}", words[0], told(&registrar.flow_closed(flow(words[2])))).unwrap();
            invariants(&registrar);
            continue;
        }
        let registered = registrar.register(now, 7, contacts_max, &request(words[1], words[2], cells), flow(words[3]));
        let headers: Vec<String> = registered.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let change = match &registered.change {
            Change::None => String::from("nothing"),
            Change::Unbound => String::from("unbound"),
            Change::Bound { bound, replaced } => format!(
                "bound {}{}",
                show(start, bound),
                replaced.as_ref().map(|old| format!(" instead of {}", show(start, old))).unwrap_or_default()
            ),
        };
        writeln!(seen, "{} {} [{}] {change}", words[0], registered.status, headers.join(" | ")).unwrap();
        invariants(&registrar);
    }
    expected.assert_eq(&seen);
}

fn show(start: Instant, bound: &Bound) -> String {
    let s = |at: Instant| (at - start).as_secs_f32();
    let route = bound.route().map(|route| format!(" by {}", String::from_utf8_lossy(route))).unwrap_or_default();
    format!("{} @{} {}..{}{route}", String::from_utf8_lossy(&bound.uri), bound.flow.remote, s(bound.since), s(bound.expires))
}

fn invariants(registrar: &Registrar) {
    assert_eq!(registrar.total, registrar.bindings.values().map(Vec::len).sum::<usize>());
    let expiries = registrar.bindings.iter().map(|(&aor, bindings)| (earliest(bindings).unwrap(), aor));
    assert_eq!(registrar.expiries, expiries.collect());
    let all = registrar.bindings.iter().flat_map(|(&aor, bindings)| bindings.iter().map(move |bound| (bound.flow, aor)));
    assert_eq!(registrar.streams, all.filter(|(flow, _)| flow.transport.is_reliable()).collect());
}

fn flow(source: &str) -> Flow {
    let (transport, source) = source.strip_prefix('t').map_or((Transport::Udp, source), |source| (Transport::Tcp, source));
    let (host, port) = source.split_once(':').unwrap_or((source, "5060"));
    let remote = format!("192.0.2.{host}:{port}").parse().unwrap();
    Flow { transport, local: "192.0.2.100:5060".parse().unwrap(), remote }
}

fn request<'a>(call_id: &str, cseq: &str, headers: impl Iterator<Item = &'a str>) -> Message {
    let mut headers = headers.peekable();
    let via = headers.next_if(|header| header.starts_with("Via:")).unwrap_or("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
    let mut text = format!(
        "REGISTER sip:x.example SIP/2.0\r\n{via}\r\nFrom: <sip:7@x.example>;tag=a\r\n\
         To: <sip:7@x.example>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nUser-Agent: Phone/1 \u{7}\t(x)\r\n"
    );
    for header in headers {
        let _ = write!(text, "{header}\r\n");
    }
    text.push_str("\r\n");
    Message::parse(text.into()).unwrap()
}

/// B-6, B-10.
#[test]
fn intervals() {
    check(
        1,
        "0 a 1 1 | Contact: <sip:7@h>
         1 a 2 1
         10.5 a 3 1 | Contact: <sip:7@h>;expires=100 | Expires: 200
         11 a 4 1 | Contact: <sip:7@h> | Expires: 200
         12 a 5 1 | Contact: <sip:7@h>;expires=59
         13 a 6 1 | Contact: <sip:7@h> | Expires: 1
         14 a 7 1 | Contact: <sip:7@h> | Expires: 99999999999999999999
         15 a 8 1 | Contact: <sip:7@h>;expires=soon
         16 a 9 1 | Contact: <sip:7@h>;expires=-1 | Expires: later
         17 a 10 1 | Contact: <sip:7@h>;expires=60
         76.9 b 1 1
         77 b 2 1
         78 expire",
        expect![[r#"
            0 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:7@h>;expires=299] nothing
            10.5 200 [Contact: <sip:7@h>;expires=100] bound sip:7@h @192.0.2.1:5060 0..110.5
            11 200 [Contact: <sip:7@h>;expires=200] bound sip:7@h @192.0.2.1:5060 0..211
            12 423 [Min-Expires: 60] nothing
            13 423 [Min-Expires: 60] nothing
            14 200 [Contact: <sip:7@h>;expires=3600] bound sip:7@h @192.0.2.1:5060 0..3614
            15 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..315
            16 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..316
            17 200 [Contact: <sip:7@h>;expires=60] bound sip:7@h @192.0.2.1:5060 0..77
            76.9 200 [Contact: <sip:7@h>;expires=1] nothing
            77 200 [] nothing
            78 lapsed [7]
        "#]],
    );
}

/// B-7, B-8.
#[test]
fn order_and_reboots() {
    check(
        1,
        "0 a 5 1 | Contact: <sip:7@h>
         1 a 5 1 | Contact: <sip:7@h>
         2 a 4 1 | Contact: <sip:7@h>;expires=0
         3 a 4 1 | Contact: *  | Expires: 0
         4 a 5 1 | Contact: <sip:other@h>
         5 b 1 1 | Contact: <sip:%37@H;x=y>;q=0.3
         6 c 1 2 | Contact: <sip:7@h>
         7 d 1 2 | Contact: <sip:7@h;transport=tcp>
         8 d 2 2 | Contact: <sip:7@h;transport=tcp>;expires=0
         9 d 3 2 | Contact: <sip:7@h;transport=tcp>;expires=0",
        expect![[r#"
            0 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..300
            1 500 [] nothing
            2 500 [] nothing
            3 500 [] nothing
            4 500 [] nothing
            5 200 [Contact: <sip:%37@H;x=y>;expires=300] bound sip:%37@H;x=y @192.0.2.1:5060 0..305
            6 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.2:5060 0..306 instead of sip:%37@H;x=y @192.0.2.1:5060 0..305
            7 200 [Contact: <sip:7@h;transport=tcp>;expires=300] bound sip:7@h;transport=tcp @192.0.2.2:5060 7..307 instead of sip:7@h @192.0.2.2:5060 0..306
            8 200 [] unbound
            9 200 [] nothing
        "#]],
    );
}

/// B-18: a phone is called where it sends from, unless nothing lies between and it listens elsewhere.
#[test]
fn where_calls_go() {
    check(
        1,
        "0 a 1 1:40000 | Contact: <sip:7@192.0.2.1>
         1 a 2 1:40001 | Contact: <sip:7@192.0.2.1>
         2 a 3 1:40002 | Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa | Contact: <sip:7@192.0.2.1>
         3 a 4 1:40003 | Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;rport | Contact: <sip:7@192.0.2.1>
         4 a 5 2:40004 | Contact: <sip:7@192.0.2.1>
         5 a 6 2:40005 | Via: SIP/2.0/UDP phone.example;branch=z9hG4bKa | Contact: <sip:7@192.0.2.1>",
        expect![[r#"
            0 200 [Contact: <sip:7@192.0.2.1>;expires=300] bound sip:7@192.0.2.1 @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:7@192.0.2.1>;expires=300] bound sip:7@192.0.2.1 @192.0.2.1:5060 0..301
            2 200 [Contact: <sip:7@192.0.2.1>;expires=300] bound sip:7@192.0.2.1 @192.0.2.1:5070 0..302 instead of sip:7@192.0.2.1 @192.0.2.1:5060 0..301
            3 200 [Contact: <sip:7@192.0.2.1>;expires=300] bound sip:7@192.0.2.1 @192.0.2.1:40003 0..303 instead of sip:7@192.0.2.1 @192.0.2.1:5070 0..302
            4 200 [Contact: <sip:7@192.0.2.1>;expires=300] bound sip:7@192.0.2.1 @192.0.2.2:40004 0..304 instead of sip:7@192.0.2.1 @192.0.2.1:40003 0..303
            5 200 [Contact: <sip:7@192.0.2.1>;expires=300] bound sip:7@192.0.2.1 @192.0.2.2:40005 0..305 instead of sip:7@192.0.2.1 @192.0.2.2:40004 0..304
        "#]],
    );
}

/// B-9.
#[test]
fn star() {
    check(
        3,
        "0 a 1 1 | Contact: <sip:1@h>
         1 b 1 1 | Contact: <sip:2@h>
         2 c 1 1 | Contact: *
         3 c 2 1 | Contact: * | Expires: 60
         4 c 3 1 | Contact: * | Expires: no
         5 c 4 1 | Contact: *, <sip:3@h> | Expires: 0
         6 c 5 1 | Contact: * | Contact: <sip:3@h> | Expires: 0
         7 c 6 1 | Contact: *;q=1 | Expires: 0
         8 c 7 1 | Contact: * | Expires: 0
         9 c 8 1 | Contact: * | Expires: 0",
        expect![[r#"
            0 200 [Contact: <sip:1@h>;expires=300] bound sip:1@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:1@h>;expires=299 | Contact: <sip:2@h>;expires=300] bound sip:2@h @192.0.2.1:5060 1..301
            2 400 [] nothing
            3 400 [] nothing
            4 400 [] nothing
            5 400 [] nothing
            6 400 [] nothing
            7 400 [] nothing
            8 200 [] unbound
            9 200 [] nothing
        "#]],
    );
}

/// R17: one contact for a slot, three for a desk; the one refreshed longest ago makes room.
#[test]
fn room() {
    check(
        1,
        "0 a 1 1 | Contact: <sip:1@h>
         1 b 1 2 | Contact: <sip:2@h>
         2 c 1 3 | Contact: <sip:3@h>, <sip:4@h>
         3 c 2 3 | Contact: <sip:4@h>;expires=0, <sip:5@h>",
        expect![[r#"
            0 200 [Contact: <sip:1@h>;expires=300] bound sip:1@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:2@h>;expires=300] bound sip:2@h @192.0.2.2:5060 1..301 instead of sip:1@h @192.0.2.1:5060 0..300
            2 200 [Contact: <sip:4@h>;expires=300] bound sip:4@h @192.0.2.3:5060 2..302 instead of sip:2@h @192.0.2.2:5060 1..301
            3 200 [Contact: <sip:5@h>;expires=300] bound sip:5@h @192.0.2.3:5060 3..303 instead of sip:4@h @192.0.2.3:5060 2..302
        "#]],
    );
    check(
        3,
        "0 a 1 1 | Contact: <sip:1@h>
         1 b 1 2 | Contact: <sip:2@h>
         2 c 1 3 | Contact: <sip:3@h>
         3 a 2 1 | Contact: <sip:1@h>;expires=100
         4 d 1 4 | Contact: <sip:4@h>
         5 c 2 3 | Contact: <sip:3@h>;expires=0
         103 expire
         104 d 2 4
         304 expire",
        expect![[r#"
            0 200 [Contact: <sip:1@h>;expires=300] bound sip:1@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:1@h>;expires=299 | Contact: <sip:2@h>;expires=300] bound sip:2@h @192.0.2.2:5060 1..301
            2 200 [Contact: <sip:1@h>;expires=298 | Contact: <sip:2@h>;expires=299 | Contact: <sip:3@h>;expires=300] bound sip:3@h @192.0.2.3:5060 2..302
            3 200 [Contact: <sip:2@h>;expires=298 | Contact: <sip:3@h>;expires=299 | Contact: <sip:1@h>;expires=100] bound sip:1@h @192.0.2.1:5060 0..103
            4 200 [Contact: <sip:3@h>;expires=298 | Contact: <sip:1@h>;expires=99 | Contact: <sip:4@h>;expires=300] bound sip:4@h @192.0.2.4:5060 4..304 instead of sip:2@h @192.0.2.2:5060 1..301
            5 200 [Contact: <sip:1@h>;expires=98 | Contact: <sip:4@h>;expires=299] bound sip:4@h @192.0.2.4:5060 4..304 instead of sip:3@h @192.0.2.3:5060 2..302
            103 lapsed [], left [7]
            104 200 [Contact: <sip:4@h>;expires=200] nothing
            304 lapsed [7]
        "#]],
    );
}

/// B-12, B-14, and contacts that cannot be rung.
#[test]
fn contacts_as_they_come() {
    check(
        3,
        "0 a 1 1 | Contact: sip:+1@g;unknown
         1 a 2 1 | Contact: <sip:+1@g;unknown>
         2 a 3 1 | m: <sip:7@h?Route=%3Csip:x%3E>
         3 a 4 1 | Contact: sip:7@h?Route=%3Csip:x%3E
         4 a 5 1 | Contact: <name:John_Smith>
         5 a 6 1 | Contact: <tel:+7>
         6 a 7 1 | Contact: <sip:7@hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh>
         7 a 8 1 | Contact: <sip:7@hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh>
         8 a 9 1 | Contact: <sip:8@h>, <sip:9@h>;expires=5
         9 a 10 1",
        expect![[r#"
            0 200 [Contact: <sip:+1@g>;expires=300] bound sip:+1@g @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:+1@g;unknown>;expires=300] bound sip:+1@g;unknown @192.0.2.1:5060 0..301
            2 200 [Contact: <sip:+1@g;unknown>;expires=299 | Contact: <sip:7@h?Route=%3Csip:x%3E>;expires=300] bound sip:7@h?Route=%3Csip:x%3E @192.0.2.1:5060 2..302
            3 400 [] nothing
            4 400 [] nothing
            5 400 [] nothing
            6 400 [] nothing
            7 200 [Contact: <sip:+1@g;unknown>;expires=294 | Contact: <sip:7@h?Route=%3Csip:x%3E>;expires=295 | Contact: <sip:7@hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh>;expires=300] bound sip:7@hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh @192.0.2.1:5060 7..307
            8 423 [Min-Expires: 60] nothing
            9 200 [Contact: <sip:+1@g;unknown>;expires=292 | Contact: <sip:7@h?Route=%3Csip:x%3E>;expires=293 | Contact: <sip:7@hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh>;expires=298] nothing
        "#]],
    );
}

#[test]
fn torture_contacts_stay_apart() {
    // RFC 4475, 3.1.1.4.
    check(
        3,
        "0 a 1 1 | Contact: <sip:%00@host5.example.com> | Contact: <sip:%00%00@host5.example.com>",
        expect![[r#"
        0 200 [Contact: <sip:%00@host5.example.com>;expires=300 | Contact: <sip:%00%00@host5.example.com>;expires=300] bound sip:%00%00@host5.example.com @192.0.2.1:5060 0..300
    "#]],
    );
}

#[test]
fn the_address_of_record_is_a_sip_uri() {
    let mut registrar = Registrar::new(SETTINGS);
    let bytes = include_bytes!("../../../tests/data/rfc4475/unksm2.dat");
    let request = Message::parse(Bytes::from_static(bytes)).unwrap();
    assert_eq!(registrar.register(Instant::now(), 7, 1, &request, flow("1")).status, 400);
    assert!(registrar.is_empty());
}

#[test]
fn the_whole_is_bounded() {
    let mut registrar = Registrar::new(SETTINGS);
    let now = Instant::now();
    let mut status = |aor: u64, cseq: &str, contact: &str| {
        let registered = registrar.register(now, aor, 1, &request("a", cseq, [contact].into_iter()), flow("1"));
        invariants(&registrar);
        (registered.status, registered.headers.first().map(|(name, _)| *name))
    };
    for aor in 0..6 {
        assert_eq!(status(aor, "1", "Contact: <sip:1@h>"), (200, Some("Contact")));
    }
    assert_eq!(status(6, "1", "Contact: <sip:1@h>"), (503, Some("Retry-After")));
    assert_eq!(status(5, "2", "Contact: <sip:2@h>"), (200, Some("Contact")), "what is there goes on, and may move");
    assert_eq!(status(5, "3", "Contact: <sip:2@h>;expires=0"), (200, None));
    assert_eq!(status(6, "2", "Contact: <sip:1@h>"), (200, Some("Contact")));
    let bound = registrar.binding(now, 6).unwrap().clone();
    registrar.restore(8, bound);
    assert_eq!(registrar.len(), 6, "nor is there more room after a restart");
}

#[test]
fn a_binding_comes_back() {
    let mut registrar = Registrar::new(SETTINGS);
    let now = Instant::now();
    registrar.register(now, 7, 1, &request("a", "5", ["Contact: <sip:7@h>"].into_iter()), flow("1"));
    let bound = registrar.binding(now, 7).unwrap().clone();
    assert_eq!((bound.user_agent.as_str(), bound.cseq, &*bound.call_id), ("Phone/1 (x)", 5, &b"a"[..]));

    let mut registrar = Registrar::new(SETTINGS);
    registrar.restore(7, bound.clone());
    registrar.restore(7, bound.clone());
    invariants(&registrar);
    assert_eq!((registrar.len(), registrar.timeout()), (1, Some(bound.expires)));
    let later = now + Duration::from_secs(9);
    let again = |cseq| request("a", cseq, ["Contact: <sip:7@h>"].into_iter());
    assert_eq!(registrar.register(later, 7, 1, &again("5"), flow("1")).status, 500);
    let Change::Bound { bound: refreshed, replaced: None } = registrar.register(later, 7, 1, &again("6"), flow("1")).change else {
        panic!()
    };
    assert_eq!((refreshed.since, refreshed.expires), (now, later + Duration::from_secs(300)));
    assert_eq!(registrar.binding(refreshed.expires, 7), None, "a lapsed binding is none, also before it is forgotten");
    registrar.remove(7);
    assert!(registrar.is_empty() && registrar.timeout().is_none());
}

/// B-16: who was reached by a stream that is gone is unbound, and nobody else.
#[test]
fn streams_end() {
    check(
        2,
        "0 a 1 t9:4000 | Contact: <sip:x@h>
         1 closed t9:4001
         2 closed 9:4000
         3 closed t9:4000
         4 closed t9:4000
         5 a 2 t9:4000 | Contact: <sip:x@h>
         6 a 3 t9:5000 | Contact: <sip:x@h>
         7 closed t9:4000
         8 b 1 t9:6000 | Contact: <sip:y@h>
         9 closed t9:5000
         10 c 1 t9:6000 | Contact: <sip:z@h>
         11 closed t9:6000
         12 d 1 9:4000 | Contact: <sip:x@h>
         13 closed 9:4000
         14 e 1 t9:4000 | Contact: <sip:w@h>;expires=0
         400 expire
         401 closed t9:4000",
        expect![[r#"
            0 200 [Contact: <sip:x@h>;expires=300] bound sip:x@h @192.0.2.9:4000 0..300
            1 unbound []
            2 unbound []
            3 unbound [7]
            4 unbound []
            5 200 [Contact: <sip:x@h>;expires=300] bound sip:x@h @192.0.2.9:4000 5..305
            6 200 [Contact: <sip:x@h>;expires=300] bound sip:x@h @192.0.2.9:5000 5..306 instead of sip:x@h @192.0.2.9:4000 5..305
            7 unbound []
            8 200 [Contact: <sip:x@h>;expires=298 | Contact: <sip:y@h>;expires=300] bound sip:y@h @192.0.2.9:6000 8..308
            9 unbound [], left [7]
            10 200 [Contact: <sip:y@h>;expires=298 | Contact: <sip:z@h>;expires=300] bound sip:z@h @192.0.2.9:6000 10..310
            11 unbound [7]
            12 200 [Contact: <sip:x@h>;expires=300] bound sip:x@h @192.0.2.9:4000 12..312
            13 unbound []
            14 200 [Contact: <sip:x@h>;expires=298] nothing
            400 lapsed [7]
            401 unbound []
        "#]],
    );
}
