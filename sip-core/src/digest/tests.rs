//! Vectors of RFC 7616, and what must never pass (B-1 to B-5).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a test needs a first instant")]

use bytes::Bytes;

use super::{nonce::Use, *};

const REALM: &str = "cordboard \"one\"";
const LIFE: Duration = Duration::from_secs(300);

/// A phone that answers challenges as RFC 7616 says.
#[derive(Clone)]
struct Phone {
    user: &'static str,
    password: &'static str,
    algorithm: Algorithm,
    nc: &'static str,
    realm: &'static str,
    method: &'static str,
    uri: &'static str,
    qop: &'static str,
}

const PHONE: Phone = Phone {
    user: "6001",
    password: "secret",
    algorithm: Algorithm::Sha256,
    nc: "00000001",
    realm: REALM,
    method: "REGISTER",
    uri: "sip:pbx.example",
    qop: "auth",
};

impl Phone {
    fn response(&self, nonce: &str) -> String {
        let credentials = Credentials::of(self.user, self.realm, self.password);
        let values = [nonce.as_bytes(), self.nc.as_bytes(), b"c", self.qop.as_bytes()];
        hash::hex(&hash::response(self.algorithm, &credentials, &values, &[self.method.as_bytes(), self.uri.as_bytes()]))
    }

    fn authorization(&self, nonce: &str) -> String {
        format!(
            r#"Digest username="{}", realm={}, nonce="{nonce}", uri="{}", response="{}", algorithm={}, cnonce="c", qop={}, nc={}"#,
            self.user,
            quoted(self.realm),
            self.uri,
            self.response(nonce),
            self.algorithm,
            self.qop,
            self.nc
        )
    }

    fn request(&self, nonce: &str) -> Message {
        request(&self.authorization(nonce))
    }
}

fn request(authorization: &str) -> Message {
    let text = format!(
        "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:6001@pbx.example>;tag=a\r\n\
         To: <sip:6001@pbx.example>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\nAuthorization: {authorization}\r\n\r\n"
    );
    Message::parse(Bytes::from(text)).unwrap()
}

struct Server {
    verifier: Verifier,
    now: Instant,
    stored: Credentials,
}

impl Server {
    fn new() -> Self {
        let stored = Credentials::of("6001", REALM, "secret");
        Self { verifier: Verifier::new([7; 32], LIFE, &Algorithm::STRONGEST_FIRST), now: Instant::now(), stored }
    }

    fn nonce(&mut self) -> String {
        let challenge = self.verifier.challenge(self.now, REALM, false, &Algorithm::STRONGEST_FIRST);
        let start = challenge[0].find("nonce=\"").unwrap() + 7;
        challenge[0][start..].split('"').next().unwrap().to_owned()
    }

    fn verify(&mut self, request: &Message) -> Verdict {
        self.verifier.verify(self.now, request, REALM, Some(&self.stored))
    }

    fn check(&mut self, phone: &Phone, expected: Verdict) {
        let nonce = self.nonce();
        let request = phone.request(&nonce);
        assert_eq!(self.verify(&request), expected);
    }
}

/// RFC 7616, 3.9.1 and 3.9.2, the latter as corrected by erratum 4897: the text's own values are of no SHA-512/256.
#[test]
fn vectors_of_rfc_7616() {
    let mufasa = Credentials::of("Mufasa", "http-auth@example.org", "Circle of Life");
    let values: [&[u8]; 4] =
        [b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", b"00000001", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", b"auth"];
    let of = |algorithm| hash::hex(&hash::response(algorithm, &mufasa, &values, &[b"GET", b"/dir/index.html"]));
    assert_eq!(of(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
    assert_eq!(of(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");

    let doe = Credentials::of("J\u{e4}s\u{f8}n Doe", "api@example.org", "Secret, or not?");
    let values: [&[u8]; 4] =
        [b"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", b"00000001", b"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", b"auth"];
    let response = hash::response(Algorithm::Sha512_256, &doe, &values, &[b"GET", b"/doe.json"]);
    assert_eq!(hash::hex(&response), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

#[test]
fn challenges() {
    let mut server = Server::new();
    let first = server.verifier.challenge(server.now, REALM, false, &Algorithm::STRONGEST_FIRST);
    let algorithms: Vec<_> = first.iter().map(|value| value.split("algorithm=").nth(1).unwrap().split(',').next().unwrap()).collect();
    assert_eq!(algorithms, ["SHA-512-256", "SHA-256", "MD5"]);
    assert!(
        first.iter().all(|value| value.starts_with(r#"Digest realm="cordboard \"one\"", nonce=""#) && value.ends_with(r#"qop="auth""#))
    );
    assert_ne!(server.nonce(), server.nonce(), "no nonce twice, not even within one instant");
    assert!(
        server.verifier.challenge(server.now, REALM, true, &Algorithm::STRONGEST_FIRST).iter().all(|value| value.ends_with(", stale=true"))
    );
}

#[test]
fn right_passwords_pass_with_each_algorithm() {
    for algorithm in Algorithm::STRONGEST_FIRST {
        Server::new().check(&Phone { algorithm, ..PHONE }, Verdict::Good);
    }
    // Without the parameter it is MD5.
    let mut server = Server::new();
    let nonce = server.nonce();
    let line = Phone { algorithm: Algorithm::Md5, ..PHONE }.authorization(&nonce).replace(", algorithm=MD5", "");
    assert_eq!(server.verify(&request(&line)), Verdict::Good);
}

#[test]
fn wrong_and_unknown_look_alike() {
    let mut server = Server::new();
    server.check(&Phone { password: "Secret", ..PHONE }, Verdict::Bad);
    let nonce = server.nonce();
    let request = PHONE.request(&nonce);
    assert_eq!(server.verifier.verify(server.now, &request, REALM, None), Verdict::Bad);
    assert_eq!(Verifier::claimed_user(&request, REALM).as_deref(), Some("6001"));
    assert_eq!(Verifier::claimed_user(&request, "elsewhere"), None);
    // Nobody's credentials are nobody's: the dummy is no way in.
    let nobody = server.verifier.nobody;
    assert_eq!(server.verifier.verify(server.now, &request, REALM, Some(&nobody)), Verdict::Bad);
}

/// B-4: a count is good once; datagrams that overtake each other are not replays.
#[test]
fn counts() {
    let mut server = Server::new();
    let nonce = server.nonce();
    let mut used = |nc: &'static str| server.verify(&Phone { nc, ..PHONE }.request(&nonce));
    let story = [
        ("00000001", Verdict::Good),
        ("00000001", Verdict::Bad),
        ("0000000a", Verdict::Good),
        ("0000000A", Verdict::Bad),
        ("00000009", Verdict::Good),
        ("00000009", Verdict::Bad),
        ("00000100", Verdict::Good),
        ("000000c1", Verdict::Good),
        ("000000c0", Verdict::Bad),
        ("ffffffff", Verdict::Good),
        ("ffffffff", Verdict::Bad),
        ("fffffffe", Verdict::Good),
        ("00000101", Verdict::Bad),
        ("00000000", Verdict::Bad),
    ];
    for (nc, expected) in story {
        assert_eq!(used(nc), expected, "{nc}");
    }
}

#[test]
fn malformed_counts() {
    for nc in ["1", "000000001", "+0000001", "0000000g", "", "\u{661}0000001"] {
        let mut server = Server::new();
        let nonce = server.nonce();
        let line = PHONE.authorization(&nonce).replace("nc=00000001", &format!("nc={nc}"));
        assert_eq!(server.verify(&request(&line)), Verdict::Bad, "{nc}");
    }
}

/// B-3: stale only for who knows the password.
#[test]
fn nonces_expire() {
    let mut server = Server::new();
    let nonce = server.nonce();
    server.now += LIFE - Duration::from_millis(1);
    assert_eq!(server.verify(&PHONE.request(&nonce)), Verdict::Good);
    server.now += Duration::from_millis(1);
    assert_eq!(server.verify(&Phone { nc: "00000002", ..PHONE }.request(&nonce)), Verdict::Stale);
    assert_eq!(server.verify(&PHONE.request(&nonce)), Verdict::Stale, "a replay after the end is no more than stale");
    assert_eq!(server.verify(&Phone { password: "x", ..PHONE }.request(&nonce)), Verdict::Bad);
    assert_eq!(server.verifier.nonces.len(), 0, "what expired is forgotten");
}

#[test]
fn nonces_of_another_life_or_hand_are_stale() {
    let mut server = Server::new();
    let other = {
        let mut other = Server { verifier: Verifier::new([8; 32], LIFE, &Algorithm::STRONGEST_FIRST), ..Server::new() };
        other.nonce()
    };
    let mut tampered = server.nonce();
    let last = if tampered.ends_with('A') { 'E' } else { 'A' };
    tampered.pop();
    tampered.push(last);
    for nonce in [other.as_str(), tampered.as_str(), "x", "AAAA"] {
        assert_eq!(server.verify(&PHONE.request(nonce)), Verdict::Stale, "{nonce}");
        assert_eq!(server.verify(&Phone { password: "x", ..PHONE }.request(nonce)), Verdict::Bad, "{nonce}");
    }
    assert_eq!(server.verifier.nonces.len(), 0, "nothing is remembered of what is not ours");
}

/// B-5.
#[test]
fn other_things_than_what_was_asked() {
    let mut server = Server::new();
    server.check(&Phone { uri: "sip:other.example", ..PHONE }, Verdict::Bad);
    server.check(&Phone { uri: "sip:PBX.example", ..PHONE }, Verdict::Good);
    server.check(&Phone { method: "INVITE", ..PHONE }, Verdict::Bad);
    server.check(&Phone { realm: "elsewhere", ..PHONE }, Verdict::Bad);
    server.check(&Phone { qop: "auth-int", ..PHONE }, Verdict::Bad);
    let nonce = server.nonce();
    let whole = PHONE.authorization(&nonce);
    let response = PHONE.response(&nonce);
    let refused = [
        whole.replace(", qop=auth", ""),
        whole.replace(", nc=00000001", ""),
        whole.replace(r#", cnonce="c""#, ""),
        whole.replace("SHA-256", "SHA-256-sess"),
        whole.replace("SHA-256", "SHA\u{430}-256"),
        whole.replace("SHA-256", "MD5"),
        whole.replace(&response, &response[..63]),
        whole.replace(&response, &format!("{response}0")),
        whole.replace(&response, ""),
        whole.replace(&response, &response.replace(|c: char| c.is_ascii_hexdigit(), "\u{ff10}")),
        format!(r#"{whole}, username="6001""#),
        format!("{whole},"),
        format!("{whole}, ="),
        whole.replace("username=\"6001\"", "username=\"6001"),
        "Digest".to_owned(),
        "Digest x".to_owned(),
    ];
    for line in refused {
        assert_eq!(server.verify(&request(&line)), Verdict::Bad, "{line}");
    }
    assert_eq!(server.verify(&request(&whole)), Verdict::Good, "none of these used the count up");
}

#[test]
fn other_schemes_are_no_answer() {
    let mut server = Server::new();
    assert_eq!(server.verify(&request("NoOneKnowsThisScheme opaque-data=here")), Verdict::Missing);
    // Among several headers the one that answers us counts, with quotes and blanks as one likes, and folded.
    let nonce = server.nonce();
    let mine = PHONE.authorization(&nonce).replace(", ", " ,\r\n\t").replace("algorithm=SHA-256", "algorithm=\"SHA-256\"");
    let lines =
        format!("Basic eA==\r\nAuthorization: Digest realm=\"elsewhere\", nonce=\"n\"\r\nAuthorization: {mine}, x=\"y, z\", opaque=");
    assert_eq!(server.verify(&request(&lines)), Verdict::Good);
}

/// FT-12: the table is bounded, and forgetting makes nonces stale, never replayable.
#[test]
fn the_table_is_bounded() {
    const LIMIT: usize = 1_000;
    let now = Instant::now();
    let mut nonces = Nonces::new([1; 32], LIFE, LIMIT);
    let skipped = nonces.issue(now, 0);
    let first = nonces.issue(now, 0);
    assert_eq!(nonces.use_once(now, first.as_bytes(), 1), Use::Fresh);
    for _ in 0..LIMIT {
        let nonce = nonces.issue(now, 0);
        assert_eq!(nonces.use_once(now, nonce.as_bytes(), 1), Use::Fresh);
    }
    assert_eq!(nonces.len(), LIMIT);
    assert_eq!(nonces.use_once(now, first.as_bytes(), 1), Use::Stale);
    assert_eq!(nonces.use_once(now, skipped.as_bytes(), 1), Use::Stale);
}

#[test]
fn nothing_secret_is_printed() {
    assert_eq!(format!("{:?}", Credentials::of("a", "b", "c")), "Credentials(..)");
    assert!(!format!("{:?}", Verifier::new([7; 32], LIFE, &Algorithm::STRONGEST_FIRST)).contains('7'));
}

#[test]
fn an_algorithm_that_is_not_accepted_is_a_wrong_password() {
    let mut server = Server { verifier: Verifier::new([7; 32], LIFE, &[Algorithm::Sha256]), ..Server::new() };
    let offered = server.verifier.challenge(server.now, REALM, false, &[Algorithm::Sha256]);
    assert!(offered.len() == 1 && offered[0].contains("algorithm=SHA-256"), "{offered:?}");
    server.check(&Phone { algorithm: Algorithm::Md5, ..PHONE }, Verdict::Bad);
    server.check(&Phone { algorithm: Algorithm::Sha512_256, ..PHONE }, Verdict::Bad);
    server.check(&PHONE, Verdict::Good);
}

/// B-2: whoever measures time learns nothing: the wrong password, the unknown user and a throttled one (who is judged without credentials)
/// cost the same hashes over as many octets.
#[test]
fn wrong_and_unknown_cost_the_same() {
    for algorithm in Algorithm::STRONGEST_FIRST {
        let mut server = Server::new();
        let stored = server.stored;
        let mut work = |phone: Phone, credentials: Option<&Credentials>, expected: Verdict| {
            let nonce = server.nonce();
            let request = Phone { algorithm, ..phone }.request(&nonce);
            hash::WORK.set((0, 0));
            assert_eq!(server.verifier.verify(server.now, &request, REALM, credentials), expected);
            hash::WORK.get()
        };
        let right = work(PHONE, Some(&stored), Verdict::Good);
        assert_eq!(right.0, 2, "H(A2) and the response: H(A1) is stored");
        assert_eq!(work(Phone { password: "x", ..PHONE }, Some(&stored), Verdict::Bad), right, "wrong password");
        assert_eq!(work(Phone { user: "nobody", ..PHONE }, None, Verdict::Bad), right, "unknown user");
        assert_eq!(work(PHONE, None, Verdict::Bad), right, "throttled");
    }
}

/// What a source that echoes a nonce is proven by, and what proves nothing.
#[test]
fn a_nonce_proves_the_source_it_was_sent_to() {
    let source = |text: &str| Source::from(text.parse::<std::net::IpAddr>().unwrap());
    let mut server = Server::new();
    let mut sent = |to: &str| {
        let challenge = server.verifier.challenge_to(server.now, source(to), REALM, false, &[Algorithm::Sha256]).remove(0);
        challenge.split('"').rev().nth(3).unwrap().to_owned()
    };
    let (victim, forger, six) = (sent("192.0.2.1"), sent("198.51.100.7"), sent("2001:db8:1:2::5"));
    let nobodys = server.nonce();
    let mut is_echo = |nonce: &str, from: &str, later: Duration| {
        let request = Phone { password: "wrong", ..PHONE }.request(nonce);
        server.verifier.is_echo(server.now + later, &Claim::of(&request, REALM), source(from))
    };
    let zero = Duration::ZERO;
    assert!(is_echo(&victim, "192.0.2.1", LIFE - Duration::from_millis(1)));
    assert!(is_echo(&victim, "::ffff:192.0.2.1", zero), "the same address, as a socket of both families sees it");
    assert!(!is_echo(&victim, "192.0.2.1", LIFE), "expired");
    assert!(!is_echo(&forger, "192.0.2.1", zero), "a nonce that the forger was given at his own address");
    assert!(is_echo(&six, "2001:db8:1:2::99", zero), "the same customer");
    assert!(!is_echo(&six, "2001:db8:1:3::5", zero));
    assert!(!is_echo(&nobodys, "192.0.2.1", zero) && !is_echo(&nobodys, "::", zero), "sent to nobody");
    assert!(!is_echo(&"A".repeat(64), "192.0.2.1", zero) && !is_echo("", "192.0.2.1", zero), "guessed");
    // The seal covers the address: 16 octets of time and number, then the address, then the seal.
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut octets = URL_SAFE_NO_PAD.decode(&forger).unwrap();
    octets[16..32].copy_from_slice(&source("192.0.2.1").parts().0.to_be_bytes());
    assert!(!is_echo(&URL_SAFE_NO_PAD.encode(octets), "192.0.2.1", zero), "written over");
    // And it is good for a login from wherever it comes.
    assert_eq!(server.verify(&PHONE.request(&victim)), Verdict::Good);
    let none = request("Basic eA==");
    assert!(!Claim::of(&none, REALM).is_login() && !server.verifier.is_echo(server.now, &Claim::of(&none, REALM), source("192.0.2.1")));
}
