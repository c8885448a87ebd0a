//! Broken messages without end: nothing panics, nothing takes long, and what is accepted keeps its promises.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "the time of the slowest input is what is measured")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use sip_core::{
    Flow, Message, Name, NameAddr, SipUri, Transport, Via,
    digest::{Credentials, Verifier},
    message::{response_flow, response_head, split_values, text, unquoted},
    registrar::{Registrar, RegistrarSettings},
    uri::without_headers,
};

/// In each of two tests, which run beside each other.
const MUTANTS: usize = 100_000;
/// One message, read in every way, in a debug build on a busy machine.
const SLOWEST: Duration = Duration::from_millis(250);

const AUTHORIZED: &str = "REGISTER sip:pbx.example SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnashds7;rport\r\nMax-Forwards: 70\r\n\
    From: \"Bob \\\"B\\\"\" <sip:6001@pbx.example;user=phone>;tag=456248\r\nTo: <sip:6001@pbx.example>\r\nCall-ID: 843817637684230@998\r\n\
    CSeq: 1826 REGISTER\r\nContact: <sip:6001@[2001:db8::1]:5062;transport=udp?a=b>;expires=60;+sip.instance=\"<urn:uuid:0>\", sip:x@y\r\n\
    Authorization: Digest username=\"6001\", realm=\"r\", nonce=\"AAAA\", uri=\"sip:pbx.example\", \
    response=\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=0000000a\r\n\
    Expires: 300\r\nUser-Agent: x\r\nContent-Length: 0\r\n\r\n";

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/rfc4475");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dat"));
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(seeds.len(), 51);
    // As often as all the others together.
    seeds.extend(std::iter::repeat_n(AUTHORIZED.as_bytes().to_vec(), 51));
    seeds
}

/// Pieces that parsers stumble over.
const PIECES: &[&str] = &[
    "\r\n",
    "\r",
    "\n",
    "\r\n ",
    "\r\n\r\n",
    "\0",
    "\"",
    "\\",
    "<",
    ">",
    "<>",
    ";",
    ";;",
    ",",
    "@",
    ":",
    "=",
    "%",
    "%0",
    "%00",
    "[",
    "]",
    "[::1]",
    " ",
    "\t",
    "*",
    "?",
    "&",
    "/",
    "SIP/2.0",
    "sip:",
    "sips:",
    "tel:",
    "Via: ",
    "v:",
    "l: 5\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Length: 0\r\n",
    "4294967296",
    "2147483648",
    "-1",
    ";tag=",
    ";branch=z9hG4bK",
    ";rport",
    ";received=",
    "\u{fffd}",
    "\u{430}",
    "Contact: *\r\n",
    "Digest ",
    "nc=ffffffff",
    "INVITE",
    "ACK",
];

fn mutate(random: &mut ChaCha8Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut below = |limit: usize| random.next_u32() as usize % limit.max(1);
    let mut bytes = seeds[below(seeds.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1);
        let end = (at + below(20)).min(bytes.len());
        match below(6) {
            0 if at < bytes.len() => bytes[at] = below(256) as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, PIECES[below(PIECES.len())].bytes())),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = below(bytes.len() + 1);
                drop(bytes.splice(to..to, piece));
            }
            _ => {
                let other = &seeds[below(seeds.len())];
                let from = below(other.len());
                let piece = other[from..(from + below(80)).min(other.len())].to_vec();
                drop(bytes.splice(at..end, piece));
            }
        }
    }
    bytes
}

/// Everything that is done with a message from the network.
struct Reader {
    verifier: Verifier,
    registrar: Registrar,
    credentials: Credentials,
    now: Instant,
    flow: Flow,
    accepted: usize,
    answered: usize,
}

impl Reader {
    fn new() -> Self {
        Self {
            verifier: Verifier::new([1; 32], Duration::from_secs(300), &sip_core::Algorithm::STRONGEST_FIRST),
            registrar: Registrar::new(RegistrarSettings::default()),
            credentials: Credentials::of("6001", "r", "secret"),
            now: Instant::now(),
            flow: Flow {
                transport: Transport::Udp,
                local: "192.0.2.9:5060".parse().unwrap(),
                remote: "198.51.100.7:40000".parse().unwrap(),
            },
            accepted: 0,
            answered: 0,
        }
    }

    fn read(&mut self, datagram: Bytes) {
        let message = match Message::parse(datagram.clone()) {
            Ok(message) => message,
            Err(error) => {
                if let Some(reply) = error.reply() {
                    self.answered += 1;
                    let (_, bytes) = reply.response(self.flow);
                    assert!(bytes.starts_with(b"SIP/2.0 4") || bytes.starts_with(b"SIP/2.0 5"));
                    assert_eq!(lines_that_begin(&bytes, b"Content-Length:"), 1);
                }
                return;
            }
        };
        self.accepted += 1;
        // What was received is kept, and reading it again gives the same.
        let lead = datagram.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
        assert!(datagram[lead..].starts_with(message.bytes()));
        let again = Message::parse(message.bytes().clone()).unwrap();
        assert!(message.all_headers().eq(again.all_headers()) && message.body() == again.body());

        // What parsing promises.
        let (via, from, to) = (message.via().unwrap(), message.from().unwrap(), message.to().unwrap());
        // What is remembered of the parts is what reading them again gives.
        assert_eq!(via, Via::parse(message.header(Name::Via).unwrap()).unwrap());
        assert_eq!(from, NameAddr::parse(message.header(Name::From).unwrap(), Name::From).unwrap());
        assert_eq!(to, NameAddr::parse(message.header(Name::To).unwrap(), Name::To).unwrap());
        assert_eq!((message.branch(), message.from_tag(), message.to_tag()), (via.branch(), from.tag(), to.tag()));
        assert_eq!(message.call_id().unwrap(), message.header(Name::CallId).unwrap());
        assert!(!via.host.is_empty() && !message.call_id().unwrap().is_empty());
        assert!(message.cseq().unwrap().number < 1 << 31);
        message.max_forwards().unwrap();
        assert!(message.bytes().ends_with(message.body()));
        let _ = (via.branch(), via.rport(), via.received(), via.has_cookie(), message.expires());

        for address in [from, to] {
            self.address(address);
        }
        if let Ok(sip_core::Contacts::List(contacts)) = message.contacts() {
            contacts.into_iter().for_each(|contact| self.address(contact));
        }
        for (_, value) in message.all_headers() {
            let values: usize = split_values(value).map(|value| value.len() + 1).sum();
            assert!(values <= value.len() + 1);
            assert!(!text(&unquoted(value)).chars().any(char::is_control));
        }
        self.uri(message.uri());

        let answer = response_head(&message, self.flow, 200, "", Some("t")).end();
        let answer = Message::parse(answer).unwrap_or_else(|error| panic!("{error}: {}", datagram.escape_ascii()));
        assert_eq!((answer.status(), answer.method_bytes()), (200, message.method_bytes()));
        assert_eq!(answer.headers(Name::Via).count(), message.headers(Name::Via).count());
        assert!(answer.to().unwrap().params.get("tag").is_some());
        let _ = response_flow(&message, self.flow);

        let _ = Verifier::claimed_user(&message, "r");
        self.verifier.verify(self.now, &message, "r", Some(&self.credentials));
        let registered = self.registrar.register(self.now, u64::from(message.cseq().unwrap().number) % 100, 3, &message, self.flow);
        assert!(registered.headers.iter().all(|(_, value)| !value.contains(['\r', '\n', '\0'])));
    }

    fn address(&self, address: NameAddr<'_>) {
        assert!(!address.uri.is_empty());
        assert!(!address.display_text().contains(['\r', '\n', '\0']));
        self.uri(address.uri);
        address.params.iter().for_each(|(name, value)| assert!(!name.is_empty() && value != Some(b"")));
    }

    fn uri(&self, bytes: &[u8]) {
        let Ok(uri) = SipUri::parse(bytes) else { return };
        assert!(uri.equals(&uri), "{}", bytes.escape_ascii());
        let _ = (uri.user_text(), uri.host_text(), uri.host_ip());
        let bare = SipUri::parse(without_headers(bytes)).unwrap();
        assert!(bare.headers.is_empty() && bare.host == uri.host && bare.user == uri.user);
    }
}

fn lines_that_begin(bytes: &[u8], start: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').filter(|line| line.starts_with(start)).count()
}

/// How long `read` takes. A busy machine may stop us at any point, so what seems slow is tried again.
fn timed(mut read: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        read();
        best = best.min(begun.elapsed());
        if best < SLOWEST {
            break;
        }
    }
    best
}

#[test]
fn mutants() {
    read_mutants(4475);
}

#[test]
fn more_mutants() {
    read_mutants(5118);
}

fn read_mutants(seed: u64) {
    let seeds = seeds();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut reader = Reader::new();
    for _ in 0..MUTANTS {
        let mutant = Bytes::from(mutate(&mut random, &seeds));
        let taken = timed(|| reader.read(mutant.clone()));
        assert!(taken < SLOWEST, "{taken:?}: {}", mutant.escape_ascii());
    }
    // The mutants are neither all broken nor all harmless.
    let (least, most) = (MUTANTS / 10, MUTANTS * 9 / 10);
    assert!((least..most).contains(&reader.accepted), "{} accepted", reader.accepted);
    assert!(reader.answered > least, "{} answered", reader.answered);
}

/// Lists, folds and quotes of 60 kB: the work grows with the input, not with its square.
#[test]
fn long_inputs() {
    let mut reader = Reader::new();
    for piece in [",", ";x", ";x=y", "\"\"", "\\\"", "<", "<>", " ;", "a,", "\"a", "%41", "<sip:a@b>,", "\r\n ", "x=\"y\",", "&a=b"] {
        for name in ["Contact", "Via", "Route", "X", "Authorization", "From"] {
            // As many long lines as a datagram holds.
            let scheme = if name == "Authorization" { "Digest " } else { "" };
            let line = format!("{name}: {scheme}{}\r\n", piece.repeat((8_000 - name.len()) / piece.len()));
            let text = Bytes::from(AUTHORIZED.replace("Expires:", &format!("{}Expires:", line.repeat(7))));
            let taken = timed(|| reader.read(text.clone()));
            assert!(taken < SLOWEST, "{name} {piece:?}: {taken:?}");
        }
    }
    for piece in ["&a=b", ";a=b", ";a", "%41", "a", "?", "@", "[", ":"] {
        for start in ["sip:", "sip:a@b", "sip:a@b?x=y", "sip:a@b;x=y"] {
            let uri = format!("{start}{}", piece.repeat(60_000 / piece.len()));
            let taken = timed(|| reader.uri(uri.as_bytes()));
            assert!(taken < SLOWEST, "{start} and {piece:?}: {taken:?}");
        }
    }
}
