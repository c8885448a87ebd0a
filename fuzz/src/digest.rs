//! An Authorization header: nothing but the right proof on a live nonce is good, and that only once.

use std::time::Duration;

use arbitrary::Unstructured;
use bytes::Bytes;
use sip_core::{Algorithm, Credentials, Message, Verdict, Verifier};

const REALM: &str = "pbx.example";

/// The first octet says what to do with the rest: an Authorization as it is, or one of ours with some octets changed.
///
/// # Panics
/// When something is good that must not be.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut verifier = Verifier::new([7; 32], Duration::from_secs(300), &Algorithm::STRONGEST_FIRST);
    let credentials = Credentials::of("6001", REALM, "secret");
    let mut now = super::start();
    // The nonce is only a seal over time: ours is good until it is too old, whoever learnt it.
    let challenges = verifier.challenge(now, REALM, false, &Algorithm::STRONGEST_FIRST);
    let quoted_nonce = challenges.first().and_then(|line| line.split("nonce=\"").nth(1)).and_then(|rest| rest.split('"').next());
    let nonce = quoted_nonce.unwrap_or_default().to_owned();

    let line = if input.arbitrary().unwrap_or_default() {
        // Nobody can compute the proof of a password that he does not know.
        let rest = input.len();
        input.bytes(rest).unwrap_or_default().to_vec()
    } else {
        let count: u32 = input.arbitrary().unwrap_or(1);
        let head = format!(
            "Digest username=\"6001\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:pbx.example\", algorithm=MD5, cnonce=\"c\", \
             qop=auth, nc={count:08x}, response=\"{:032x}\"",
            input.arbitrary::<u128>().unwrap_or_default()
        );
        changed(head.into_bytes(), &mut input)
    };
    let mut request = b"REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:6001@x>;tag=1\r\n\
        To: <sip:6001@x>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nAuthorization: "
        .to_vec();
    request.extend_from_slice(&line);
    request.extend_from_slice(b"\r\n\r\n");
    let Ok(message) = Message::parse(Bytes::from(request)) else { return };
    let claimed = Verifier::claimed_user(&message, REALM);
    for known in [Some(&credentials), None] {
        let verdict = verifier.verify(now, &message, REALM, known);
        assert!(!matches!(verdict, Verdict::Good | Verdict::Stale), "{verdict:?} without the password: {}", line.escape_ascii());
        assert!(verdict != Verdict::Missing || claimed.is_none(), "missing, and yet somebody: {claimed:?}");
        now += super::pause(&mut input);
    }
}

/// `octets` with some of them changed, as the input says.
fn changed(mut octets: Vec<u8>, input: &mut Unstructured<'_>) -> Vec<u8> {
    while let (false, Ok(at)) = (input.is_empty(), input.arbitrary::<u16>()) {
        let at = usize::from(at) % octets.len().max(1);
        let piece = super::octets(input, 16);
        let end = (at + usize::from(input.arbitrary::<u8>().unwrap_or_default()) % 16).min(octets.len());
        octets.splice(at..end, piece.iter().copied());
    }
    octets
}
