//! Challenges to requests of ours: nobody is answered but the account's own realm, never by a weaker algorithm than before and only so often,
//! an answer puts nothing into the request but itself, and what our own verifier asks for it takes.

use std::time::Duration;

use arbitrary::Unstructured;
use bytes::Bytes;
use sip_core::{
    Account, Algorithm, Credentials, Message, Verdict, Verifier,
    digest::{
        CHALLENGES_MAX, VALUE_MAX,
        client::{ANSWERS_MAX, Answerer, Challenged, Exchange},
    },
};

const REALM: &str = "pbx.example";
const USER: &str = "trunk";
const SECRET: &str = "what nobody may see";
/// More teach nothing new.
const ROUNDS_MAX: usize = 12;
const REALMS: [&str; 6] = [REALM, REALM, "PBX.example", "other.example", "", "a\\\"b"];
const ALGORITHMS: [&str; 8] = [
    "",
    ", algorithm=MD5",
    ", algorithm=SHA-256",
    ", algorithm=SHA-512-256-sess",
    ", algorithm=MD5-sess",
    ", algorithm=\"SHA-256\"",
    ", algorithm=x",
    ", algorithm=SHA-256, algorithm=MD5",
];
const QOPS: [&str; 6] = ["", ", qop=\"auth\"", ", qop=\"auth,auth-int\"", ", qop=auth-int", ", qop=\"x\"", ", qop=\"\""];
const EXTRAS: [&str; 6] = ["", ", stale=true", ", opaque=\"o\\\"p\"", ", domain=\"sip:x\"", ", opaque=bare", ", Basic realm=\"x\""];

/// The first octet says whether the account names its realm; then come responses, made of pieces or as the input has them.
///
/// # Panics
/// When an answer goes out that must not, or none that must.
pub fn run(data: &[u8]) {
    // Who says it himself learns nothing.
    if super::has(data, SECRET) {
        return;
    }
    let mut input = Unstructured::new(data);
    let named = input.arbitrary().unwrap_or_default();
    let account = Account { username: USER.to_owned(), secret: SECRET.to_owned(), realm: Some(REALM.to_owned()).filter(|_| named) };
    let mut game =
        Game { answerer: Answerer::new(account), exchange: Exchange::default(), realm: named.then(|| quoted(REALM)), floor: None };
    for _ in 0..ROUNDS_MAX {
        if input.is_empty() {
            break;
        }
        game.round(&mut input);
    }
}

struct Game {
    answerer: Answerer,
    exchange: Exchange,
    /// The only realm that is answered, as it stands in a header.
    realm: Option<String>,
    /// The strongest algorithm that was answered with.
    floor: Option<u8>,
}

impl Game {
    fn round(&mut self, input: &mut Unstructured<'_>) {
        let shape: u8 = input.arbitrary().unwrap_or_default();
        if shape & 1 == 0 {
            self.exchange = Exchange::default();
        }
        let (status, header) = match shape >> 1 & 3 {
            0 | 1 => ("401", "WWW-Authenticate"),
            2 => ("407", "Proxy-Authenticate"),
            _ => ("403", "WWW-Authenticate"),
        };
        let cnonce = u128::from(shape) << 100;
        let Some(request) = request("") else { return };
        match shape >> 3 & 3 {
            0 => {
                let rest = super::octets(input, 4_096);
                self.asked(status, header, rest, &request, cnonce);
            }
            1 => self.our_own_verifier(input, &request, cnonce),
            _ => {
                let mut lines = Vec::new();
                for _ in 0..=shape >> 5 {
                    lines.extend(challenge(input).into_bytes());
                    lines.extend_from_slice(if shape & 0x80 == 0 { b", " } else { b"\r\nWWW-Authenticate: " });
                }
                lines.extend_from_slice(b"Digest nonce=n");
                self.asked(status, header, &lines, &request, cnonce);
            }
        }
    }

    /// A response of somebody's, and what may be said to it.
    fn asked(&mut self, status: &str, header: &str, value: &[u8], request: &Message, cnonce: u128) {
        let Some(response) = response(status, header, value) else { return };
        let Ok(proofs) = self.answerer.answer(&mut self.exchange, &response, Challenged::of(request), cnonce) else { return };
        assert!(matches!(response.status(), 401 | 407), "{} was answered", response.status());
        assert!((1..=2).contains(&proofs.len()) && (1..=ANSWERS_MAX).contains(&self.exchange.answers()), "{proofs:?}");
        let mut lines = String::new();
        for (name, value) in &proofs {
            self.judge(value, (*name == "Authorization") == (response.status() == 401));
            lines += &format!("{name}: {value}\r\n");
        }
        // Whatever was repeated of the challenge: it is in its own line and nowhere else.
        let Some(again) = self::request(&lines) else { panic!("nobody can read it again: {lines}") };
        let kept: Vec<&[u8]> = again.all_headers().filter(|(name, _)| name.ends_with(b"uthorization")).map(|(_, value)| value).collect();
        let said: Vec<&[u8]> = proofs.iter().map(|(_, value)| value.as_bytes()).collect();
        assert_eq!((kept, again.all_headers().count()), (said, request.all_headers().count() + proofs.len()), "{lines}");
    }

    /// One header of credentials. `is_new`: it answers the response of now, and does not repeat what was answered before for the other kind.
    fn judge(&mut self, value: &str, is_new: bool) {
        assert!(!value.contains(SECRET) && value.len() < 5 * VALUE_MAX + 1_024, "{value}");
        let (mut rest, mut said) = (value, Vec::new());
        for name in ["Digest username=", ", realm=", ", nonce=", ", uri=", ", response="] {
            let Some(quoted) = rest.strip_prefix(name).and_then(quoted_string) else { panic!("no {name} in {value}") };
            rest = rest.get(name.len() + quoted.len()..).unwrap_or_default();
            said.push(quoted);
        }
        let [user, realm, _, uri, response] = said.as_slice() else { return };
        let is_hash = matches!(response.len(), 34 | 66);
        assert!((*user, *uri, is_hash) == ("\"trunk\"", "\"sip:pbx.example\"", true), "{value}");
        let answered = self.realm.get_or_insert_with(|| (*realm).to_owned());
        assert_eq!(answered, realm, "another realm was answered");
        let rank = match rest.strip_prefix(", algorithm=").unwrap_or("MD5") {
            sha if sha.starts_with("SHA-512-256") => 2,
            sha if sha.starts_with("SHA-256") => 1,
            _ => 0,
        };
        assert!(!is_new || self.floor.is_none_or(|floor| rank >= floor), "a weaker algorithm was answered with: {value}");
        self.floor = self.floor.max(Some(rank));
    }

    /// A challenge as we send them, answered by whom nobody has asked yet: it is taken.
    fn our_own_verifier(&self, input: &mut Unstructured<'_>, request: &Message, cnonce: u128) {
        let offered: Vec<Algorithm> =
            Algorithm::STRONGEST_FIRST.iter().copied().filter(|_| input.arbitrary().unwrap_or_default()).collect();
        let realm = super::pick(input, &["pbx.example", "a b", "with \"quotes\" and \\", "ä"]).copied().unwrap_or_default();
        let mut verifier = Verifier::new([7; 32], Duration::from_secs(300), &Algorithm::STRONGEST_FIRST);
        let now = super::start();
        let lines = verifier.challenge(now, realm, input.arbitrary().unwrap_or_default(), &offered);
        let Some(response) = response("401", "WWW-Authenticate", lines.join("\r\nWWW-Authenticate: ").as_bytes()) else { return };
        let mut answerer = Answerer::new(Account { realm: Some(realm.to_owned()), ..self.answerer.account().clone() });
        let answered = answerer.answer(&mut Exchange::default(), &response, Challenged::of(request), cnonce);
        assert_eq!(answered.is_ok(), !offered.is_empty(), "{answered:?} to {lines:?}");
        let Some((name, value)) = answered.ok().and_then(|proofs| proofs.into_iter().next()) else { return };
        let Some(again) = self::request(&format!("{name}: {value}\r\n")) else { panic!("nobody can read it again: {value}") };
        let credentials = Credentials::of(USER, realm, SECRET);
        assert_eq!(verifier.verify(now, &again, realm, Some(&credentials)), Verdict::Good, "{value}");
    }
}

/// A challenge of pieces, some of which are as nobody sends them.
fn challenge(input: &mut Unstructured<'_>) -> String {
    let mut one = |of: &[&'static str]| super::pick(input, of).copied().unwrap_or_default();
    let (realm, algorithm, qop, extra) = (one(&REALMS), one(&ALGORITHMS), one(&QOPS), one(&EXTRAS));
    let nonce = input.arbitrary::<u8>().unwrap_or_default() % 4;
    format!("Digest realm=\"{realm}\", nonce=\"n{nonce}\"{algorithm}{qop}{extra}")
}

fn response(status: &str, header: &str, value: &[u8]) -> Option<Message> {
    let mut octets = format!("SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{header}: ").into_bytes();
    octets.extend_from_slice(value);
    octets.extend_from_slice(b"\r\n\r\n");
    Message::parse(Bytes::from(octets)).ok()
}

fn request(lines: &str) -> Option<Message> {
    let text = format!(
        "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: c\r\n\
         CSeq: 1 REGISTER\r\n{lines}\r\nbody"
    );
    Message::parse(Bytes::from(text)).ok()
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The quoted string that `text` begins with, quotes and all (RFC 3261, 25.1).
fn quoted_string(text: &str) -> Option<&str> {
    let mut is_escaped = false;
    let end = text.strip_prefix('"')?.bytes().position(|octet| {
        let is_end = octet == b'"' && !is_escaped;
        is_escaped = octet == b'\\' && !is_escaped;
        is_end
    })?;
    text.get(..end + 2)
}

/// Challenges of one response that are read: the pieces above never come to more, so that none is passed over unseen.
const _: () = assert!(CHALLENGES_MAX >= 8 * 2);
