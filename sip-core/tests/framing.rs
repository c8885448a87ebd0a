//! Byte streams cut into messages: whatever the pieces, the frames are the same; and the parser reads each frame as the framer did.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "the time of the slowest input is what is measured")]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use expect_test::{Expect, expect};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use sip_core::{Flow, Frame, FrameError, Framer, FramerLimits, Message, ParseErrorKind, Transport, message::MESSAGE_MAX};

fn flow() -> Flow {
    Flow { transport: Transport::Tcp, local: "192.0.2.1:5060".parse().unwrap(), remote: "192.0.2.77:40000".parse().unwrap() }
}

/// Feeds pieces of at most `size` octets.
fn frames(stream: &[u8], size: usize, limits: FramerLimits) -> (Vec<Frame>, Framer) {
    let mut framer = Framer::new(limits);
    let mut frames = Vec::new();
    for piece in stream.chunks(size) {
        framer.feed(piece);
        while let Some(frame) = framer.next() {
            frames.push(frame);
        }
    }
    (frames, framer)
}

fn show(frames: &[Frame], framer: &Framer) -> String {
    let mut text = String::new();
    for frame in frames {
        match frame {
            Frame::Message(bytes) => {
                let first = bytes.split(|&octet| octet == b'\r').next().unwrap();
                writeln!(text, "{} + {}", first.escape_ascii(), bytes.len() - first.len()).unwrap();
            }
            Frame::Ping => text.push_str("ping\n"),
            Frame::Broken { answer, why } => {
                let answer = answer.as_ref().map(|answer| answer.response(flow()));
                let line = answer.as_deref().and_then(|answer| answer.split(|&octet| octet == b'\r').next());
                writeln!(text, "broken: {why}; {}", line.map_or("no answer".into(), |line| line.escape_ascii().to_string())).unwrap();
            }
        }
    }
    text.push_str(if framer.is_idle() { "idle" } else { "half" });
    text
}

/// One ping of several pieces is one; whole or in pieces the stream says the same otherwise.
fn check(stream: &str, expected: Expect) {
    let limits = FramerLimits { head_max: 1_000, body_max: 500 };
    let (whole, framer) = frames(stream.as_bytes(), usize::MAX, limits);
    let shown = show(&whole, &framer);
    expected.assert_eq(&shown);
    for size in [1, 2, 3, 7, 100] {
        let (pieces, framer) = frames(stream.as_bytes(), size, limits);
        assert_eq!(show(&pieces, &framer), shown, "in pieces of {size}");
    }
}

const HEAD: &str = "Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INFO\r\n";

fn info(lines: &str, body: &str) -> String {
    format!("INFO sip:c@d SIP/2.0\r\n{HEAD}{lines}\r\n{body}")
}

#[test]
fn whole_messages() {
    check(
        &info("Content-Length: 0\r\n", ""),
        expect![[r#"
        INFO sip:c@d SIP/2.0 + 123
        idle"#]],
    );
    // Pipelined, with a body that looks like a message.
    let inner = info("Content-Length: 0\r\n", "");
    check(
        &(info(&format!("l: {}\r\n", inner.len()), &inner) + "SIP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc" + &inner),
        expect![[r#"
        INFO sip:c@d SIP/2.0 + 255
        SIP/2.0 200 OK + 26
        INFO sip:c@d SIP/2.0 + 123
        idle"#]],
    );
    // Names in any case, blanks before the colon, folds, zeros, twice the same: all as the parser reads them.
    for line in [
        "Content-Length : 4\r\n",
        "CONTENT-LENGTH\t \t:4\r\n",
        "content-length:\r\n 4\r\n",
        "content-length: 4\r\n\t\r\n",
        "L:4 \t \r\n",
        "l: 00000000000000000000000000004\r\n",
        "l: 4\r\nContent-Length: 4\r\n",
        // These are none.
        "l: 4\r\nX-Content-Length: 9\r\nContent-Lengths: 9\r\nX: y\r\n Content-Length: 9\r\n",
    ] {
        let stream = info(line, "body") + &inner;
        let (frames, framer) = frames(stream.as_bytes(), 10, FramerLimits::default());
        let [Frame::Message(first), Frame::Message(second)] = &frames[..] else { panic!("{line:?}: {frames:?}") };
        assert!(first.ends_with(b"\r\n\r\nbody") && second == inner.as_bytes() && framer.is_idle(), "{line:?}");
        assert_eq!(Message::parse(first.clone()).unwrap().body(), b"body", "{line:?}");
    }
}

#[test]
fn between_messages() {
    check(
        "\r\n\r\n",
        expect![[r#"
        ping
        idle"#]],
    );
    check("\r\n", expect!["idle"]);
    check("\r", expect!["idle"]);
    check("\r\n\n\r\n\r\r\n\n\n", expect!["idle"]);
    check(
        &("\r\n".to_owned() + &info("l: 0\r\n", "") + "\r\n" + &info("l: 0\r\n", "") + "\r\n\r\n" + &info("l: 0\r\n", "")),
        expect![[r#"
        INFO sip:c@d SIP/2.0 + 110
        INFO sip:c@d SIP/2.0 + 110
        ping
        INFO sip:c@d SIP/2.0 + 110
        idle"#]],
    );
    // However many there are at once, one answer does.
    let (frames, framer) = frames("\r\n".repeat(100_001).as_bytes(), 64 << 10, FramerLimits::default());
    assert!(frames.len() <= 4 && frames.iter().all(|frame| matches!(frame, Frame::Ping)) && framer.is_idle());
}

#[test]
fn halves() {
    check("INFO sip:c@d SIP/2.0\r\nVia: ", expect!["half"]);
    check("I", expect!["half"]);
    check(&info("l: 10\r\n", "123456789"), expect!["half"]);
    check(
        &(info("l: 0\r\n", "") + "S"),
        expect![[r#"
        INFO sip:c@d SIP/2.0 + 110
        half"#]],
    );
}

/// B-34, B-36.
#[test]
fn breaks() {
    let next = info("l: 0\r\n", "");
    check(
        &(info("Content-Length: -999\r\n", "") + &next),
        expect![[r#"
        broken: malformed Content-Length; SIP/2.0 400 Bad Request - malformed Content-Length
        idle"#]],
    );
    check(
        &(info("l: 4\r\nContent-Length: 5\r\n", "") + &next),
        expect![[r#"
        broken: malformed Content-Length; SIP/2.0 400 Bad Request - malformed Content-Length
        idle"#]],
    );
    for value in ["", "4,4", "4 4", "+4", "0x4", "4.0", "\u{664}", "4;x", "four", "4\u{c}"] {
        let (frames, _) = frames(info(&format!("l: {value}\r\n"), "").as_bytes(), 50, FramerLimits::default());
        assert!(matches!(frames[..], [Frame::Broken { why: FrameError::ContentLength, answer: Some(_) }]), "{value:?}: {frames:?}");
    }
    check(
        &(info("", "") + &next),
        expect![[r#"
        broken: missing Content-Length; SIP/2.0 400 Bad Request - missing Content-Length
        idle"#]],
    );
    // Announced 2 GB, and more than any number holds.
    check(
        &info("l: 2147483648\r\n", "x"),
        expect![[r#"
        broken: body too large; SIP/2.0 413 Request Entity Too Large
        idle"#]],
    );
    check(
        &info("l: 18446744073709551615\r\n", ""),
        expect![[r#"
        broken: body too large; SIP/2.0 413 Request Entity Too Large
        idle"#]],
    );
    check(
        &info("l: 99999999999999999999999999\r\n", ""),
        expect![[r#"
        broken: body too large; SIP/2.0 413 Request Entity Too Large
        idle"#]],
    );
    check(
        &info("l: 501\r\n", ""),
        expect![[r#"
        broken: body too large; SIP/2.0 413 Request Entity Too Large
        idle"#]],
    );
    // Endless: one header, many headers, one line that never ends.
    check(
        &info(&format!("X: {}\r\n", "x".repeat(2_000)), ""),
        expect![[r#"
        broken: head too large; SIP/2.0 513 Message Too Large
        idle"#]],
    );
    check(
        &info(&"X: y\r\n".repeat(400), ""),
        expect![[r#"
        broken: head too large; SIP/2.0 513 Message Too Large
        idle"#]],
    );
    check(
        &"x".repeat(2_000),
        expect![[r#"
        broken: head too large; no answer
        idle"#]],
    );
    // Line ends that others may read in another way.
    check(
        &info("l: 0\r\nX: a\nContent-Length: 9\r\n", ""),
        expect![[r#"
        broken: stray CR or LF; SIP/2.0 400 Bad Request - stray CR or LF
        idle"#]],
    );
    check(
        &info("l: 0\r\n", "").replace("\r\n", "\n"),
        expect![[r#"
        broken: stray CR or LF; SIP/2.0 400 Bad Request - stray CR or LF
        idle"#]],
    );
    check(
        &info("l: 0\r\n\r", "X: y\r\n\r\n"),
        expect![[r#"
        broken: stray CR or LF; SIP/2.0 400 Bad Request - stray CR or LF
        idle"#]],
    );
    // What is wrong beside it is told by the parser.
    check(
        &info("l: x\r\n", "").replace("CSeq: 1 INFO", "CSeq: 1 BYE"),
        expect![[r#"
        broken: malformed Content-Length; SIP/2.0 400 Bad Request - CSeq method mismatch
        idle"#]],
    );
    // Nobody to answer: a response, an ACK, no SIP at all.
    for stream in
        ["SIP/2.0 200 OK\r\nl: x\r\n\r\n", &info("l: x\r\n", "").replace("INFO", "ACK"), "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "\0"]
    {
        let (frames, framer) = frames(stream.as_bytes(), 5, FramerLimits::default());
        assert!(matches!(frames[..], [Frame::Broken { answer: None, .. }]) && framer.is_idle(), "{stream:?}: {frames:?}");
    }
}

#[test]
fn an_answer_has_what_it_needs() {
    let request = "INFO sip:c@d SIP/2.0\r\nv: SIP/2.0/TCP h;rport;branch=z9hG4bK1\r\nX: y\r\nVia: SIP/2.0/UDP\r\n other\r\nf: <sip:a@b>;tag=1\r\n\
                   t: <sip:c@d>\r\ni: 1\r\nCSeq: 1 INFO\r\nl: -1\r\n\r\n";
    let (frames, _) = frames(request.as_bytes(), 9, FramerLimits::default());
    let [Frame::Broken { answer: Some(answer), .. }] = &frames[..] else { panic!("{frames:?}") };
    let text = String::from_utf8(answer.response(flow()).to_vec()).unwrap();
    assert_eq!(text, String::from_utf8(answer.response(flow()).to_vec()).unwrap(), "the same request gets the same answer");
    let (start, rest) = text.split_once(";tag=").map(|(start, rest)| (start, rest.split_once(";tag=").unwrap())).unwrap();
    assert!(start.starts_with("SIP/2.0 400 ") && rest.0.ends_with("To: <sip:c@d>"), "{text}");
    assert!(text.contains("Via: SIP/2.0/TCP h;branch=z9hG4bK1;received=192.0.2.77;rport=40000\r\nVia: SIP/2.0/UDP   other\r\n"), "{text}");
    assert!(text.contains("\r\nCall-ID: 1\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n"), "{text}");
}

#[test]
fn a_broken_stream_says_no_more() {
    let mut framer = Framer::new(FramerLimits::default());
    framer.feed(info("l: x\r\n", "").as_bytes());
    assert!(matches!(framer.next(), Some(Frame::Broken { .. })));
    for _ in 0..1_000 {
        framer.feed(info("l: 0\r\n", "").as_bytes());
        assert!(framer.next().is_none());
    }
}

/// The largest that is allowed, octet by octet, takes linear time; so does a body of which nobody believes the length.
#[test]
fn one_octet_at_a_time_is_no_work() {
    let limits = FramerLimits::default();
    let folds = info(&format!("l: 30000\r\nX:{}\r\n", "\r\n y".repeat(8_000)), &"z".repeat(30_000));
    let began = Instant::now();
    let (frames, framer) = frames(folds.as_bytes(), 1, limits);
    assert!(matches!(&frames[..], [Frame::Message(bytes)] if bytes == folds.as_bytes()) && framer.is_idle());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// One size for both readers of a stream: what is framed is never too long for the parser, and what is refused is refused alike by any
/// transport.
#[test]
fn the_framer_and_the_parser_agree_on_size() {
    let limits = FramerLimits { head_max: usize::MAX, body_max: usize::MAX };
    for limits in [FramerLimits::default(), limits] {
        let status = |stream: &[u8]| {
            let (frames, framer) = frames(stream, 1_460, limits);
            assert!(framer.held() <= MESSAGE_MAX, "{}", framer.held());
            let framed = match &frames[..] {
                [Frame::Message(bytes)] => Message::parse(bytes.clone()).map_or_else(|error| panic!("{error}"), |_| 200),
                [Frame::Broken { why, answer: Some(_) }] => why.status(),
                other => panic!("{other:?}"),
            };
            let parsed = Message::parse(Bytes::copy_from_slice(stream)).map_or_else(|error| error.kind().status(), |_| 200);
            assert_eq!(framed, parsed);
            framed
        };
        let body = |total: usize| {
            let head = info("l: 00000\r\n", "").len();
            info(&format!("l: {:05}\r\n", total - head), &"z".repeat(total - head))
        };
        assert_eq!(status(body(MESSAGE_MAX).as_bytes()), 200);
        assert_eq!(status(body(MESSAGE_MAX + 1).as_bytes()), 413);
        assert_eq!(status(body(4 * MESSAGE_MAX).as_bytes()), 413);
        let head = |total: usize| {
            let lines = format!("X: {}\r\n", "y".repeat(995)).repeat(64);
            let rest = total - info(&(lines.clone() + "l: 0\r\nX: \r\n"), "").len();
            info(&format!("{lines}l: 0\r\nX: {}\r\n", "y".repeat(rest)), "")
        };
        assert_eq!(head(MESSAGE_MAX).len(), MESSAGE_MAX);
        assert_eq!(status(head(MESSAGE_MAX).as_bytes()), 200);
        assert_eq!(status(head(MESSAGE_MAX + 1).as_bytes()), 513);
        assert_eq!(status(head(MESSAGE_MAX + 2).as_bytes()), 513);
        assert_eq!(status(head(MESSAGE_MAX + 5_000).as_bytes()), 513);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/rfc4475");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dat"));
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    seeds.extend(std::iter::repeat_n(info("Content-Length: 4\r\n", "body").into_bytes(), 51));
    seeds
}

/// Pieces that make framers and parsers disagree.
const PIECES: &[&str] = &[
    "\r\n",
    "\r",
    "\n",
    "\r\n ",
    "\r\n\t",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    " : ",
    ",",
    ";",
    "\"",
    "<",
    "\0",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "0",
    "5",
    "-1",
    "+",
    "9999",
    "Content-Length",
    "Content-Length: 4\r\n",
    "Content-Length : 4\r\n",
    "Content-Length:\r\n 4\r\n",
    "l: 3\r\n",
    "L\t:5\r\n",
    "\r\nl:4",
    "SIP/2.0",
    "18446744073709551616",
];

/// Two readers, one reading: whatever is framed, the parser sees the same end. Whatever the pieces, the frames are the same.
#[test]
fn the_parser_and_the_framer_never_disagree() {
    let mut chance = ChaCha8Rng::seed_from_u64(34);
    let mut below = |limit: usize| usize::try_from(chance.next_u64() % u64::try_from(limit.max(1)).unwrap()).unwrap();
    let seeds = seeds();
    let (mut agreed, mut refused, mut broken) = (0, 0, 0);
    for _ in 0..30_000 {
        let mut stream = Vec::new();
        for _ in 0..=below(2) {
            let mut message = seeds[below(seeds.len())].clone();
            for _ in 0..below(4) {
                let (from, piece) = (below(message.len()), PIECES[below(PIECES.len())]);
                let to = (from + below(4)).min(message.len());
                message.splice(from..to, piece.bytes());
            }
            stream.extend(message);
        }
        let (whole, _) = frames(&stream, usize::MAX, FramerLimits::default());
        let (pieces, _) = frames(&stream, 1 + below(90), FramerLimits::default());
        let not_ping = |frame: &&Frame| !matches!(frame, Frame::Ping);
        let texts = |frames: &[Frame]| -> Vec<String> { frames.iter().filter(not_ping).map(|frame| format!("{frame:?}")).collect() };
        assert_eq!(texts(&whole), texts(&pieces), "{}", stream.escape_ascii());
        for frame in &whole {
            match frame {
                Frame::Message(bytes) => match Message::parse(bytes.clone()) {
                    Ok(message) => {
                        agreed += 1;
                        assert_eq!(message.bytes(), bytes, "{}", bytes.escape_ascii());
                    }
                    Err(error) => {
                        refused += 1;
                        // Whatever else is wrong, never that.
                        let about_length =
                            [ParseErrorKind::ContentLength, ParseErrorKind::Truncated, ParseErrorKind::LineEnd, ParseErrorKind::Incomplete];
                        assert!(!about_length.contains(&error.kind()), "{error}: {}", bytes.escape_ascii());
                    }
                },
                Frame::Broken { answer, .. } => {
                    broken += 1;
                    let Some(answer) = answer.as_ref().map(|answer| answer.response(flow())) else { continue };
                    // One response, whatever of the request stands in it.
                    let (again, framer) = frames(&answer, usize::MAX, FramerLimits::default());
                    assert!(
                        matches!(&again[..], [Frame::Message(bytes)] if bytes == &answer) && framer.is_idle(),
                        "{}",
                        answer.escape_ascii()
                    );
                    assert!(
                        ["SIP/2.0 400 ", "SIP/2.0 413 ", "SIP/2.0 505 ", "SIP/2.0 513 "]
                            .iter()
                            .any(|start| answer.starts_with(start.as_bytes()))
                    );
                }
                Frame::Ping => {}
            }
        }
    }
    assert!(agreed > 10_000 && refused > 5_000 && broken > 10_000, "{agreed} {refused} {broken}");
}

/// Noise never makes it panic, and never keeps more than the limits say.
#[test]
fn noise() {
    let mut chance = ChaCha8Rng::seed_from_u64(35);
    let mut noise = vec![0; 200_000];
    for alphabet in [&b"\r\n :lL0"[..], b"a\r\n", b"INVITE sip:\r\n"] {
        chance.fill_bytes(&mut noise);
        let text: Vec<u8> = noise.iter().map(|&octet| alphabet[usize::from(octet) % alphabet.len()]).collect();
        for start in 0..50 {
            let (frames, _) = frames(&text[start * 100..][..20_000], 1_000, FramerLimits { head_max: 2_000, body_max: 100 });
            assert!(frames.iter().all(|frame| !matches!(frame, Frame::Message(bytes) if bytes.len() > 2_100)));
        }
    }
}

/// What was framed keeps no other octets alive than its own.
#[test]
fn a_frame_is_as_long_as_its_memory() {
    let one = info("l: 0\r\n", "");
    let (frames, _) = frames(one.repeat(50).as_bytes(), usize::MAX, FramerLimits::default());
    for frame in frames {
        let Frame::Message(bytes) = frame else { panic!() };
        let exact: Vec<u8> = Bytes::try_into_mut(bytes).unwrap().into();
        assert_eq!(exact.capacity(), one.len());
    }
}
