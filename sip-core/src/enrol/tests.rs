//! A registrar by a script, in virtual time; what the registration does is written down as a ladder. `chance` has
//! a registrar that does what it likes, `reading` what its responses may hold.
//!
//! A script has a line for each REGISTER, in their order: `200 expires=60`, `503 after=20`, `silence`; the last one holds for all that
//! follow. Lines that begin with `@` are steps of the owner: `@100 stop`. An answer takes 0.1 s, silence 32 s.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "an origin for virtual time")]

mod chance;
mod reading;

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

fn settings() -> EnrolSettings {
    EnrolSettings {
        flow: Flow { transport: Transport::Udp, local: "10.0.0.1:5060".parse().unwrap(), remote: "198.51.100.9:5060".parse().unwrap() },
        seen: "203.0.113.5:5060".parse().unwrap(),
        registrar: "sip:carrier.example".into(),
        address: "sip:4930123@carrier.example".into(),
        user: "4930123".into(),
        expires_s: 3_600,
        account: Some(AccountId(7)),
    }
}

/// A response to `request`; `more` are whole header lines.
fn response(request: &OutsideRequest, status: u16, reason: &str, more: &str) -> Message {
    let text = format!(
        "SIP/2.0 {status} {reason}\r\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKa\r\nFrom: {};tag=a\r\nTo: {};tag=b\r\nCall-ID: {}\r\n\
         CSeq: {} REGISTER\r\n{more}\r\n",
        request.from,
        request.to,
        String::from_utf8_lossy(request.call_id.as_ref().unwrap()),
        request.cseq,
    );
    Message::parse(Bytes::from(text)).unwrap()
}

fn header<'r>(request: &'r OutsideRequest, name: &str) -> &'r str {
    request.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str()).unwrap()
}

/// What a word of a script adds to a response: `expires=60` of our contact, `contact=..` as it stands, `after=`, `min=`, `general=`, `route=`.
fn lines_of(words: &[&str], request: &OutsideRequest) -> String {
    let mut lines = String::new();
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        let value = value.replace('_', " ");
        match key {
            "expires" => {
                let contact = header(request, "Contact").split(";expires").next().unwrap();
                write!(lines, "Contact: {contact};expires={value}\r\n").unwrap();
            }
            "contact" => write!(lines, "Contact: {value}\r\n").unwrap(),
            "after" => write!(lines, "Retry-After: {value}\r\n").unwrap(),
            "min" => write!(lines, "Min-Expires: {value}\r\n").unwrap(),
            "general" => write!(lines, "Expires: {value}\r\n").unwrap(),
            "route" => write!(lines, "Service-Route: {value}\r\n").unwrap(),
            other => panic!("no such word: {other}"),
        }
    }
    lines
}

struct World {
    enrol: Enrol,
    origin: Instant,
    now: Instant,
    requests: u64,
    text: String,
}

impl World {
    fn new() -> Self {
        let origin = Instant::now();
        Self { enrol: Enrol::new(origin, settings(), [5; 32]), origin, now: origin, requests: 0, text: String::new() }
    }

    fn write(&mut self, line: &str) {
        let at = self.now.duration_since(self.origin).as_secs_f64();
        writeln!(self.text, "{at:.1} {line}").unwrap();
    }

    /// Writes down what comes out; the REGISTER that is to be answered.
    fn drain(&mut self) -> Option<(RequestId, OutsideRequest)> {
        let mut open = None;
        while let Some(output) = self.enrol.poll() {
            match output {
                EnrolOutput::Register(request) => {
                    self.requests += 1;
                    let id = RequestId(self.requests);
                    let expires = header(&request, "Expires").to_owned();
                    let port = request.flow.remote.port();
                    let to = if port == 5060 { String::new() } else { format!(" port={port}") };
                    self.write(&format!("< REGISTER {} {} {expires}{to}", request.cseq, request.to));
                    self.enrol.sent(self.now, Some(id));
                    open = Some((id, request)).filter(|_| self.enrol.awaited == Some(id)).or(open);
                }
                EnrolOutput::State(state) => {
                    let at = |at: Instant| format!("{:.1}", at.duration_since(self.origin).as_secs_f64());
                    let text = match state {
                        EnrolState::Registered { until } => format!("Registered until {}", at(until)),
                        EnrolState::Failing { why, since, retry_at, until } => {
                            let until = until.map(|until| format!(", known until {}", at(until))).unwrap_or_default();
                            format!("Failing since {}: {why}; again at {}{until}", at(since), at(retry_at))
                        }
                        other => format!("{other:?}"),
                    };
                    self.write(&format!("* {text}"));
                }
            }
        }
        open
    }
}

/// Runs for `seconds`.
fn play(script: &str, seconds: f64) -> World {
    let mut world = World::new();
    let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let (steps, answers): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with('@'));
    let mut steps = steps.into_iter().map(|line| line.trim_start_matches('@').split_once(' ').unwrap()).peekable();
    let mut answers = answers.into_iter();
    let mut answer = "";
    let mut open: Option<(Instant, RequestId, OutsideRequest)> = None;
    let end = world.origin + Duration::from_secs_f64(seconds);
    loop {
        if let Some((id, request)) = world.drain() {
            answer = answers.next().unwrap_or(answer);
            let takes = if answer == "silence" { Duration::from_secs(32) } else { Duration::from_millis(100) };
            open = Some((world.now + takes, id, request));
        }
        let step = steps.peek().map(|(at, _)| world.origin + Duration::from_secs_f64(at.parse().unwrap()));
        let arrives = open.as_ref().map(|(at, ..)| *at);
        let Some(next) = [step, arrives, world.enrol.timeout().map(|(at, _)| at)].into_iter().flatten().min().filter(|at| *at <= end)
        else {
            return world;
        };
        world.now = next;
        if step == Some(next) {
            let (_, step) = steps.next().unwrap();
            world.write(&format!("@ {step}"));
            match step {
                "stop" => world.enrol.stop(next),
                "lost" => world.enrol.lost(next),
                "same" => world.enrol.change(next, settings()),
                "flow" => {
                    let mut changed = settings();
                    changed.flow.remote.set_port(7060);
                    world.enrol.change(next, changed);
                }
                "contact" => {
                    let mut changed = settings();
                    changed.flow.remote.set_port(7060);
                    changed.seen.set_port(6060);
                    world.enrol.change(next, changed);
                }
                "account" => world.enrol.change(next, EnrolSettings { address: "sip:other@carrier.example".into(), ..settings() }),
                other => panic!("no such step: {other}"),
            }
        } else if arrives == Some(next) {
            let (_, id, request) = open.take().unwrap();
            let words: Vec<&str> = answer.split_whitespace().collect();
            match words[0] {
                "silence" => world.enrol.unanswered(next, id, request.cseq, Unanswered::Timeout),
                "unreachable" => world.enrol.unanswered(next, id, request.cseq, Unanswered::Unreachable),
                status => {
                    let unproven = words.contains(&"refused").then_some(Unproven::Refused);
                    let words: Vec<&str> = words[1..].iter().copied().filter(|word| *word != "refused").collect();
                    let response = response(&request, status.parse().unwrap(), "", &lines_of(&words, &request));
                    world.enrol.answered(next, id, &response, unproven);
                }
            }
        } else {
            world.enrol.wake(next);
        }
    }
}

fn check(script: &str, seconds: f64, ladder: Expect) {
    ladder.assert_eq(&play(script, seconds).text);
}

#[test]
fn registered_refreshed_and_stopped() {
    check(
        "
        200 expires=3600
        @9000 stop
        ",
        20_000.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Registered until 3601.8
            1888.8 < REGISTER 2 <sip:4930123@carrier.example> 3600
            1888.9 * Registered until 5488.9
            3891.6 < REGISTER 3 <sip:4930123@carrier.example> 3600
            3891.7 * Registered until 7491.7
            6494.9 < REGISTER 4 <sip:4930123@carrier.example> 3600
            6495.0 * Registered until 10095.0
            8712.7 < REGISTER 5 <sip:4930123@carrier.example> 3600
            8712.8 * Registered until 12312.8
            9000.0 @ stop
            9000.0 < REGISTER 6 <sip:4930123@carrier.example> 0
            9000.1 * Stopped
        "#]],
    );
}

/// Refreshed well before the end, however short that is, but never more often than every five seconds.
#[test]
fn short_grants() {
    check(
        "
        200 expires=60
        200 expires=60
        200 expires=20
        200 expires=20
        200 expires=1
        200 expires=1
        200 expires=4294967295
        ",
        400.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Registered until 61.8
            38.8 < REGISTER 2 <sip:4930123@carrier.example> 3600
            38.9 * Registered until 98.9
            79.9 < REGISTER 3 <sip:4930123@carrier.example> 3600
            80.0 * Registered until 100.0
            94.7 < REGISTER 4 <sip:4930123@carrier.example> 3600
            94.8 * Registered until 114.8
            106.1 < REGISTER 5 <sip:4930123@carrier.example> 3600
            106.2 * Registered until 107.2
            111.2 < REGISTER 6 <sip:4930123@carrier.example> 3600
            111.3 * Registered until 112.3
            116.3 < REGISTER 7 <sip:4930123@carrier.example> 3600
            116.4 * Registered until 86516.4
        "#]],
    );
}

#[test]
fn interval_too_brief() {
    check(
        "
        423 min=7200
        200 expires=7200
        423 min=7300
        423 min=7400
        423 min=7500
        200 expires=7500
        423 min=90000
        423
        ",
        30_000.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 < REGISTER 2 <sip:4930123@carrier.example> 7200
            1.9 * Registered until 7201.9
            5067.2 < REGISTER 3 <sip:4930123@carrier.example> 7200
            5067.3 < REGISTER 4 <sip:4930123@carrier.example> 7300
            5067.4 * Failing since 5067.4: 423 Interval Too Brief; again at 5075.1, known until 7201.9
            5075.1 < REGISTER 5 <sip:4930123@carrier.example> 7400
            5075.2 < REGISTER 6 <sip:4930123@carrier.example> 7500
            5075.3 * Registered until 12575.3
            9064.4 < REGISTER 7 <sip:4930123@carrier.example> 7500
            9064.5 * Failing since 9064.5: 423 Interval Too Brief; again at 9327.3, known until 12575.3
            9327.3 < REGISTER 8 <sip:4930123@carrier.example> 7500
            9327.4 * Failing since 9064.5: 423 Interval Too Brief; again at 9660.9, known until 12575.3
            9660.9 < REGISTER 9 <sip:4930123@carrier.example> 7500
            9661.0 * Failing since 9064.5: 423 Interval Too Brief; again at 10821.3, known until 12575.3
            10821.3 < REGISTER 10 <sip:4930123@carrier.example> 7500
            10821.4 * Failing since 9064.5: 423 Interval Too Brief; again at 12460.4, known until 12575.3
            12460.4 < REGISTER 11 <sip:4930123@carrier.example> 7500
            12460.5 * Failing since 9064.5: 423 Interval Too Brief; again at 15815.9, known until 12575.3
            15815.9 < REGISTER 12 <sip:4930123@carrier.example> 7500
            15816.0 * Failing since 9064.5: 423 Interval Too Brief; again at 17867.9
            17867.9 < REGISTER 13 <sip:4930123@carrier.example> 7500
            17868.0 * Failing since 9064.5: 423 Interval Too Brief; again at 20011.0
            20011.0 < REGISTER 14 <sip:4930123@carrier.example> 7500
            20011.1 * Failing since 9064.5: 423 Interval Too Brief; again at 22785.7
            22785.7 < REGISTER 15 <sip:4930123@carrier.example> 7500
            22785.8 * Failing since 9064.5: 423 Interval Too Brief; again at 25770.9
            25770.9 < REGISTER 16 <sip:4930123@carrier.example> 7500
            25771.0 * Failing since 9064.5: 423 Interval Too Brief; again at 27842.0
            27842.0 < REGISTER 17 <sip:4930123@carrier.example> 7500
            27842.1 * Failing since 9064.5: 423 Interval Too Brief; again at 30542.3
        "#]],
    );
}

/// Nobody is locked out: a wrong password is tried a few times in a day.
#[test]
fn wrong_password() {
    check(
        "
        401 refused
        401 refused
        403
        404
        403 after=1
        403
        ",
        20_000.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Failing since 1.8: 401 Unauthorized: user name or password refused; again at 257.8
            257.8 < REGISTER 2 <sip:4930123@carrier.example> 3600
            257.9 * Failing since 1.8: 401 Unauthorized: user name or password refused; again at 680.7
            680.7 < REGISTER 3 <sip:4930123@carrier.example> 3600
            680.8 * Failing since 1.8: 403 Forbidden; again at 1791.8
            1791.8 < REGISTER 4 <sip:4930123@carrier.example> 3600
            1791.9 * Failing since 1.8: 404 Not Found; again at 3189.1
            3189.1 < REGISTER 5 <sip:4930123@carrier.example> 3600
            3189.2 * Failing since 1.8: 403 Forbidden; again at 5195.9
            5195.9 < REGISTER 6 <sip:4930123@carrier.example> 3600
            5196.0 * Failing since 1.8: 403 Forbidden; again at 8415.0
            8415.0 < REGISTER 7 <sip:4930123@carrier.example> 3600
            8415.1 * Failing since 1.8: 403 Forbidden; again at 11770.5
            11770.5 < REGISTER 8 <sip:4930123@carrier.example> 3600
            11770.6 * Failing since 1.8: 403 Forbidden; again at 13822.4
            13822.4 < REGISTER 9 <sip:4930123@carrier.example> 3600
            13822.5 * Failing since 1.8: 403 Forbidden; again at 15965.6
            15965.6 < REGISTER 10 <sip:4930123@carrier.example> 3600
            15965.7 * Failing since 1.8: 403 Forbidden; again at 18740.3
            18740.3 < REGISTER 11 <sip:4930123@carrier.example> 3600
            18740.4 * Failing since 1.8: 403 Forbidden; again at 21725.4
        "#]],
    );
}

#[test]
fn registrar_in_trouble() {
    check(
        "
        silence
        unreachable
        503
        503 after=20
        500 after=999999
        408
        200 expires=600
        503
        silence
        503
        200 expires=600
        ",
        6_000.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            33.7 * Failing since 33.7: no answer; again at 41.9
            41.9 < REGISTER 2 <sip:4930123@carrier.example> 3600
            42.0 * Failing since 33.7: nobody is there; again at 58.9
            58.9 < REGISTER 3 <sip:4930123@carrier.example> 3600
            59.0 * Failing since 33.7: 503 Service Unavailable; again at 86.1
            86.1 < REGISTER 4 <sip:4930123@carrier.example> 3600
            86.2 * Failing since 33.7: 503 Service Unavailable; again at 107.9
            107.9 < REGISTER 5 <sip:4930123@carrier.example> 3600
            108.0 * Failing since 33.7: 500 Server Internal Error; again at 3826.3
            3826.3 < REGISTER 6 <sip:4930123@carrier.example> 3600
            3826.4 * Failing since 33.7: 408 Request Timeout; again at 4010.9
            4010.9 < REGISTER 7 <sip:4930123@carrier.example> 3600
            4011.0 * Registered until 4611.0
            4380.3 < REGISTER 8 <sip:4930123@carrier.example> 3600
            4380.4 * Failing since 4380.4: 503 Service Unavailable; again at 4390.2, known until 4611.0
            4390.2 < REGISTER 9 <sip:4930123@carrier.example> 3600
            4422.2 * Failing since 4380.4: no answer; again at 4433.3, known until 4611.0
            4433.3 < REGISTER 10 <sip:4930123@carrier.example> 3600
            4433.4 * Failing since 4380.4: 503 Service Unavailable; again at 4456.4, known until 4611.0
            4456.4 < REGISTER 11 <sip:4930123@carrier.example> 3600
            4456.5 * Registered until 5056.5
            4873.7 < REGISTER 12 <sip:4930123@carrier.example> 3600
            4873.8 * Registered until 5473.8
            5315.6 < REGISTER 13 <sip:4930123@carrier.example> 3600
            5315.7 * Registered until 5915.7
            5706.1 < REGISTER 14 <sip:4930123@carrier.example> 3600
            5706.2 * Registered until 6306.2
        "#]],
    );
}

#[test]
fn other_refusals() {
    check(
        "
        302 contact=<sip:else.example>
        480
        501
        603
        ",
        2_500.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Failing since 1.8: 302 Moved Temporarily: another registrar is named, and not followed; again at 257.8
            257.8 < REGISTER 2 <sip:4930123@carrier.example> 3600
            257.9 * Failing since 1.8: 480 Temporarily Unavailable; again at 274.8
            274.8 < REGISTER 3 <sip:4930123@carrier.example> 3600
            274.9 * Failing since 1.8: 501 Not Implemented; again at 1385.9
            1385.9 < REGISTER 4 <sip:4930123@carrier.example> 3600
            1386.0 * Failing since 1.8: 603 Decline; again at 2783.2
        "#]],
    );
}

#[test]
fn accepted_without_our_contact() {
    check(
        "
        200
        200 contact=<sip:x@192.0.2.1>;expires=60
        200 expires=0
        200 general=300
        @400 stop
        ",
        500.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Failing since 1.8: accepted without our contact; again at 10.0
            10.0 < REGISTER 2 <sip:4930123@carrier.example> 3600
            10.1 * Failing since 1.8: accepted without our contact; again at 27.0
            27.0 < REGISTER 3 <sip:4930123@carrier.example> 3600
            27.1 * Failing since 1.8: accepted without our contact; again at 54.2
            54.2 < REGISTER 4 <sip:4930123@carrier.example> 3600
            54.3 * Registered until 354.3
            222.0 < REGISTER 5 <sip:4930123@carrier.example> 3600
            222.1 * Registered until 522.1
            400.0 @ stop
            400.0 < REGISTER 6 <sip:4930123@carrier.example> 0
            400.1 * Stopped
        "#]],
    );
}

#[test]
fn stopped_before_anything_was_sent() {
    check(
        "@0 stop",
        100.0,
        expect![[r#"
        0.0 * Trying
        0.0 @ stop
        0.0 * Stopped
    "#]],
    );
}

/// The registrar takes them in their order, so the un-REGISTER waits for what is open.
#[test]
fn stopped_while_it_asks() {
    check(
        "
        silence
        200
        @10 stop
        ",
        100.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            10.0 @ stop
            33.7 * Failing since 33.7: no answer; again at 41.9
            33.7 < REGISTER 2 <sip:4930123@carrier.example> 0
            33.8 * Stopped
        "#]],
    );
    check(
        "
        403
        @2.05 stop
        ",
        100.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Failing since 1.8: 403 Forbidden; again at 257.8
            2.0 @ stop
            2.0 * Stopped
        "#]],
    );
}

#[test]
fn stopped_and_nobody_answers() {
    check(
        "
        200 expires=600
        silence
        @10 stop
        @11 stop
        @12 contact
        ",
        200.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Registered until 601.8
            10.0 @ stop
            10.0 < REGISTER 2 <sip:4930123@carrier.example> 0
            11.0 @ stop
            12.0 @ contact
            42.0 * Stopped
        "#]],
    );
}

#[test]
fn flow_is_lost() {
    check(
        "
        200 expires=600
        @60 lost
        @100 lost
        @101 stop
        ",
        200.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Registered until 601.8
            60.0 @ lost
            60.0 * Failing since 60.0: connection lost; again at 67.4
            67.4 < REGISTER 2 <sip:4930123@carrier.example> 3600
            67.5 * Registered until 667.5
            100.0 @ lost
            100.0 * Failing since 100.0: connection lost; again at 108.9
            101.0 @ stop
            101.0 * Stopped
        "#]],
    );
}

/// The same contact by another way is one registration; another contact or account is another one, and the old one goes.
#[test]
fn changes() {
    check(
        "
        200 expires=600
        @60 same
        @70 flow
        @80 contact
        @82 account
        ",
        200.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Registered until 601.8
            60.0 @ same
            70.0 @ flow
            70.0 * Trying
            72.4 < REGISTER 6 <sip:4930123@carrier.example> 3600 port=7060
            72.5 * Registered until 672.5
            80.0 @ contact
            80.0 < REGISTER 7 <sip:4930123@carrier.example> 0 port=7060
            80.0 * Trying
            82.0 @ account
            85.0 < REGISTER 1 <sip:other@carrier.example> 3600
            85.1 * Registered until 685.1
        "#]],
    );
}

/// A lost way is not used to say good-bye.
#[test]
fn lost_and_changed() {
    check(
        "
        200 expires=600
        @60 lost
        @61 contact
        ",
        100.0,
        expect![[r#"
            0.0 * Trying
            1.7 < REGISTER 1 <sip:4930123@carrier.example> 3600
            1.8 * Registered until 601.8
            60.0 @ lost
            60.0 * Failing since 60.0: connection lost; again at 67.4
            61.0 @ contact
            61.0 * Trying
            63.5 < REGISTER 6 <sip:4930123@carrier.example> 3600 port=7060
            63.6 * Registered until 663.6
        "#]],
    );
}

/// What is not about the REGISTER that is waited for changes nothing.
#[test]
fn strange_answers() {
    let mut world = World::new();
    let start = world.origin + START_SPREAD;
    world.now = start;
    world.enrol.wake(start);
    let (id, request) = world.drain().unwrap();
    let before = world.text.clone();
    world.enrol.answered(start, RequestId(99), &response(&request, 200, "OK", "Expires: 60\r\n"), None);
    world.enrol.unanswered(start, RequestId(99), 5, Unanswered::Timeout);
    world.enrol.sent(start, None);
    assert!(world.drain().is_none() && world.text == before);
    // Of two answers the first counts.
    world.enrol.answered(start, id, &response(&request, 403, "Nicht  so", ""), None);
    world.enrol.answered(start, id, &response(&request, 200, "OK", "Expires: 60\r\n"), None);
    assert_eq!(world.enrol.last(), Some((403, "Nicht so")));
    assert!(matches!(world.enrol.state(), EnrolState::Failing { .. }));
}

#[test]
fn no_room_to_send() {
    let mut world = World::new();
    world.drain();
    world.enrol.wake(world.origin + START_SPREAD);
    assert!(matches!(world.enrol.poll(), Some(EnrolOutput::Register(_))));
    world.enrol.sent(world.origin + START_SPREAD, None);
    let EnrolState::Failing { why, .. } = world.enrol.state().clone() else { panic!("not failing") };
    assert_eq!(why.to_string(), "could not be sent");
    world.enrol.stop(world.origin + START_SPREAD);
    assert_eq!(*world.enrol.state(), EnrolState::Stopped, "nothing can be bound");
}

/// The owner never said what became of a REGISTER.
#[test]
fn an_answer_that_is_never_told() {
    let mut world = World::new();
    world.enrol.wake(world.origin + START_SPREAD);
    let (at, _) = world.enrol.timeout().unwrap();
    world.enrol.wake(at);
    assert!(matches!(world.enrol.state(), EnrolState::Failing { .. }));
}

#[test]
fn the_whole_request() {
    let mut world = World::new();
    world.enrol = Enrol::new(
        world.origin,
        EnrolSettings {
            flow: Flow { transport: Transport::Tcp, ..settings().flow },
            seen: "[2001:db8::5]:5070".parse().unwrap(),
            user: "a b;c".into(),
            expires_s: 1,
            ..settings()
        },
        [1; 32],
    );
    world.enrol.wake(world.origin + START_SPREAD);
    let (_, request) = world.drain().unwrap();
    assert_eq!((request.uri.as_ref(), request.method, request.cseq), (&b"sip:carrier.example"[..], Method::Register, 1));
    assert_eq!((request.from.as_str(), request.to.as_str()), ("<sip:4930123@carrier.example>", "<sip:4930123@carrier.example>"));
    assert_eq!(header(&request, "Contact"), "<sip:a%20b%3Bc@[2001:db8::5]:5070;transport=tcp>;expires=60");
    assert_eq!((header(&request, "Expires"), request.account), ("60", Some(AccountId(7))));
}
