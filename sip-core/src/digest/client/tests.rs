//! Vectors of the RFCs and of another implementation, our own verifier as the peer, and whom we do not answer (B-56).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a test needs a first instant")]

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::digest::{CHALLENGES_MAX, Credentials, VALUE_MAX, Verdict, Verifier};

const INVITE: Challenged<'static> = Challenged { method: b"INVITE", uri: b"sip:200@pbx.example", body: b"v=0\r\n" };
const NC_1: u32 = 1;

fn account(realm: Option<&str>) -> Account {
    Account { username: "6001".into(), secret: "secret".into(), realm: realm.map(str::to_owned) }
}

fn answerer() -> Answerer {
    Answerer::new(account(None))
}

/// A response with these header lines.
fn response(status: u16, lines: &[impl AsRef<[u8]>]) -> Message {
    let name = if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
    let mut text = format!(
        "SIP/2.0 {status} Who are you?\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:a@b>;tag=b\r\n\
         Call-ID: a\r\nCSeq: 1 INVITE\r\n"
    )
    .into_bytes();
    for line in lines {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(line.as_ref());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    Message::parse(Bytes::from(text)).unwrap()
}

/// The value of a parameter of credentials, without quotes.
fn parameter(proof: &Proof, name: &str) -> Option<String> {
    let at = proof.1.find(&format!(" {name}="))? + name.len() + 2;
    let rest = &proof.1[at..];
    Some(rest.strip_prefix('"').map_or_else(|| rest.split(',').next().unwrap(), |quoted| quoted.split('"').next().unwrap()).to_owned())
}

fn computed(account: Account, challenge: &str, request: Challenged<'_>, cnonce: &str) -> String {
    let challenges = Challenge::all(&response(401, &[challenge]), Name::WwwAuthenticate);
    Answerer::new(account).response(&challenges[0], request, NC_1, cnonce)
}

/// RFC 7616, 3.9.1 and (with erratum 4897) 3.9.2; RFC 2617, 3.5. RFC 8760 has no values of its own.
#[test]
fn vectors_of_the_rfcs() {
    let get = |uri| Challenged { method: b"GET", uri, body: b"" };
    let of = |username: &str, secret: &str| Account { username: username.into(), secret: secret.into(), realm: None };
    let mufasa = |algorithm| {
        format!(
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
        )
    };
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (algorithm, expected) in
        [("MD5", "8ca523f5e9506fed4657c9700eebdbec"), ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")]
    {
        assert_eq!(computed(of("Mufasa", "Circle of Life"), &mufasa(algorithm), get(b"/dir/index.html"), cnonce), expected);
    }
    let doe = r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="x", charset=UTF-8, userhash=true"#;
    assert_eq!(
        computed(of("J\u{e4}s\u{f8}n Doe", "Secret, or not?"), doe, get(b"/doe.json"), "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"),
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    );
    let old = r#"Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    assert_eq!(computed(of("Mufasa", "Circle Of Life"), old, get(b"/dir/index.html"), "0a4f113b"), "6629fae49393a05397450978507c4ef1");
}

/// Computed by Python's hashlib from the formulas of RFC 7616, 3.4.
const OTHERS: [(&str, &str, &str); 15] = [
    ("MD5", "auth", "0ffe6f81e5f97fa1d331b54cf227d475"),
    ("MD5", "auth-int", "bece032069726ea91986437ec7aa9956"),
    ("MD5", "", "9339cc61c896e317255eb66450604228"),
    ("MD5-sess", "auth", "90147ff8e840ab249f209d77bcf8ab2a"),
    ("MD5-sess", "auth-int", "04f1ed41ac41ef608ce63e8efb197149"),
    ("SHA-256", "auth", "0603a24644bdd50b5aa8907d5fb08e6404232895cece2ee3e14fddaaffba5e72"),
    ("SHA-256", "auth-int", "5bb261e13abe6fa04fff4ca078db8dbfc0ad358a8f3bb3a18e6c252c440eddc7"),
    ("SHA-256", "", "34bbd2dc77fd2b1946f6b6023be9af3cfae3a9f4cde02dff08abd9ddb9d9dec2"),
    ("SHA-256-sess", "auth", "9887e936d27f7cb2f2582d51a49d4457a72161d3bbf336badf358ad54f9cd750"),
    ("SHA-256-sess", "auth-int", "868bf2a84f31d3f3b68986e39c87ad3a8cf2081d44a01e871584f241bc4ea050"),
    ("SHA-512-256", "auth", "826d76de9233c13f9b5ff330220f19c2a530e2867e09df074a4129b8c1911d50"),
    ("SHA-512-256", "auth-int", "42dabb468d379b6e10e496411214e5cd53f6df4b8a10893f336468f418999e5a"),
    ("SHA-512-256", "", "737366d8eb078cf7c25462b16754a8c432c208a98ff169ffe782f82b00feeae6"),
    ("SHA-512-256-sess", "auth", "b0ed689a06c669a751219f45372ac3f168cac71ec80cb8c6712b4614a90ad9d5"),
    ("SHA-512-256-sess", "auth-int", "f6dddf1ab5af33717aca0b8a0033a8c71724e4a82bdef0647dbba92c7ffd6784"),
];

#[test]
fn each_algorithm_with_each_qop() {
    for (algorithm, qop, expected) in OTHERS {
        let qop_parameter = if qop.is_empty() { String::new() } else { format!(", qop=\"{qop}\"") };
        let challenge = format!("Digest realm=\"pbx\", nonce=\"n0nce\", algorithm={algorithm}{qop_parameter}");
        assert_eq!(computed(account(None), &challenge, INVITE, "0a4f113b"), expected, "{algorithm} {qop}");
        let proofs = answerer().answer(&mut Exchange::default(), &response(401, &[&challenge]), INVITE, 7).unwrap();
        assert_eq!(parameter(&proofs[0], "algorithm").as_deref(), Some(algorithm));
        assert_eq!(parameter(&proofs[0], "qop").unwrap_or_default(), qop);
        assert_eq!(parameter(&proofs[0], "nc").is_some(), !qop.is_empty(), "RFC 2617, 3.2.2: no count without qop");
    }
}

#[test]
fn what_is_written() {
    let challenge = r#"dIGEST Realm="a \"b\\", nonce="n\"1", OPAQUE="o,p=\\", Qop=auth, x=y"#;
    let proofs = answerer().answer(&mut Exchange::default(), &response(401, &[challenge]), INVITE, 0xabc).unwrap();
    let expected = computed(account(None), challenge, INVITE, "00000000000000000000000000000abc");
    assert_eq!(
        proofs,
        [(
            "Authorization",
            format!(
                r#"Digest username="6001", realm="a \"b\\", nonce="n\"1", uri="sip:200@pbx.example", response="{expected}", opaque="o,p=\\", cnonce="00000000000000000000000000000abc", qop=auth, nc=00000001"#
            )
        )]
    );
}

/// RFC 8760, 2.4: the topmost that we know.
#[test]
fn which_challenge_is_answered() {
    let table: [(&[&str], Option<&str>); 13] = [
        (&[r#"Digest realm="r", nonce="n", algorithm=MD5"#, r#"Digest realm="r", nonce="n", algorithm=SHA-256"#], Some("MD5")),
        (&[r#"Digest realm="r", nonce="n", algorithm=SHA-256"#, r#"Digest realm="r", nonce="n", algorithm=MD5"#], Some("SHA-256")),
        (&[r#"Digest realm="r", nonce="n", algorithm=SHA3-512"#, r#"Digest realm="r", nonce="n", algorithm="md5""#], Some("MD5")),
        (&[r#"Basic realm="r", Digest realm="r", nonce="n", algorithm=sha-512-256"#], Some("SHA-512-256")),
        (&[r#"Negotiate YWJj==, Digest realm="r", nonce="n", algorithm=MD5"#], Some("MD5")),
        (&[r#"Digest realm="r", nonce="n", algorithm=SHA-256, Digest realm="r", nonce="n", algorithm=MD5"#], Some("SHA-256")),
        (&[", ,Digest realm=\"r\" ,\r\n nonce=\"n\",, algorithm = MD5 ,"], Some("MD5")),
        (&[r#"Digest realm="r", nonce="n", algorithm=MD5, qop="token", Digest"#], None),
        (&[r#"Digest realm="r", nonce="n", algorithm=MD5-sess"#], None),
        (&[r#"Digest realm="r", nonce="n", algorithm=MD5-SESS, qop=AUTH"#], Some("MD5-sess")),
        (&["Bearer", "Basic realm=\"r\""], None),
        // Of a line that breaks, what was whole.
        (&[r#"Digest realm="r", nonce="n", algorithm=SHA-256, Digest realm="r", nonce="n"#], Some("SHA-256")),
        (&[r#"Digest realm="r", nonce="n"#, r#"Digest realm="r", nonce="n", algorithm=MD5"#], Some("MD5")),
    ];
    for (lines, expected) in table {
        for status in [401, 407] {
            let answer = answerer().answer(&mut Exchange::default(), &response(status, lines), INVITE, 1);
            let algorithm = answer.as_ref().ok().and_then(|proofs| parameter(&proofs[0], "algorithm"));
            assert_eq!(algorithm.as_deref(), expected, "{lines:?}");
            if let Ok(proofs) = answer {
                assert_eq!(proofs[0].0, if status == 401 { "Authorization" } else { "Proxy-Authorization" });
            }
        }
    }
}

/// What must give no answer, and no panic.
#[test]
fn hostile_challenges() {
    let long = "x".repeat(VALUE_MAX + 1);
    let table: Vec<Vec<u8>> = [
        "",
        "Digest",
        "Digest ",
        "Digest ,",
        "Digest =",
        "Digest realm",
        "Digest realm=",
        "Digest realm=\"r\"",
        "Digest nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"\"",
        "Digest realm=\"r\", nonce=",
        "Digest realm=\"r\", nonce=\"n",
        "Digest realm=\"r\", nonce=\"n\\",
        "Digest realm=\"r\", nonce=\"n\\\"",
        "Digest realm=\"r\", nonce=n\\",
        "Digest realm=\"r\" nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"n\", nonce=\"m\"",
        "Digest realm=\"r\", realm=\"r\", nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=MD5, algorithm=SHA-256",
        "Digest realm=\"r\", nonce=\"n\", algorithm=",
        "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess-sess",
        "Digest realm=\"r\", nonce=\"n\", algorithm=-sess",
        "Digest realm=\"r\", nonce=\"n\", algorithm=s",
        "Digest realm=\"r\", nonce=\"n\", qop=\"\"",
        "Digest realm=\"r\", nonce=\"n\", qop=\",\"",
        "Digest realm=\"r\", nonce=\"n\", qop=auth/int",
        "Digest realm=\"r\", nonce=\"a\r\n b\"",
        "Digest realm=\"r\r\n x\", nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"n\", opaque=\"\tx\"",
        "DigestX realm=\"r\", nonce=\"n\"",
        "\"Digest\" realm=\"r\", nonce=\"n\"",
        "realm=\"r\", nonce=\"n\"",
        "<sip:a@b>",
    ]
    .into_iter()
    .map(|line| line.as_bytes().to_vec())
    .chain([
        format!("Digest realm=\"{long}\", nonce=\"n\"").into_bytes(),
        format!("Digest realm=\"r\", nonce=\"{long}\"").into_bytes(),
        format!("Digest realm=\"r\", nonce=\"n\", opaque=\"{long}\"").into_bytes(),
        b"Digest realm=\"\xff\", nonce=\"n\"".to_vec(),
        b"Digest realm=\"r\", nonce=\"\xc3\"".to_vec(),
    ])
    .collect();
    for line in table {
        let mut state = answerer();
        let answer = state.answer(&mut Exchange::default(), &response(401, &[&line]), INVITE, 1);
        assert_eq!(answer, Err(Unproven::Unusable), "{}", line.escape_ascii());
        assert_eq!((state.realm, state.floor), (None, None), "nothing is learned of it: {}", line.escape_ascii());
    }
    // Cut anywhere, it is answered or not, and never a panic.
    let whole = r#"Digest realm="a\"b", nonce="n\\", qop="auth,auth-int", algorithm=SHA-256-sess, opaque="", stale=TRUE, Basic realm="x""#;
    for end in 0..whole.len() {
        let _ = answerer().answer(&mut Exchange::default(), &response(401, &[&whole[..end]]), INVITE, 1);
    }
    // The good one stands below more than we read.
    let mut many = vec!["Basic realm=\"r\""; CHALLENGES_MAX];
    many.push(r#"Digest realm="r", nonce="n""#);
    assert_eq!(answerer().answer(&mut Exchange::default(), &response(401, &many), INVITE, 1), Err(Unproven::Unusable));
    assert!(answerer().answer(&mut Exchange::default(), &response(401, &many[1..]), INVITE, 1).is_ok());
    // A challenge is one in a 401 or 407, and of the header that belongs to it.
    let plain = [r#"Digest realm="r", nonce="n""#];
    assert_eq!(answerer().answer(&mut Exchange::default(), &response(403, &plain), INVITE, 1), Err(Unproven::Unusable));
    for uri in [&b"sip:\"@x"[..], b"sip:a\\@x", b"sip:\xff@x"] {
        let request = Challenged { uri, ..INVITE };
        assert_eq!(answerer().answer(&mut Exchange::default(), &response(401, &plain), request, 1), Err(Unproven::Unusable));
    }
}

/// B-56: the password is for one realm.
#[test]
fn another_realm_is_not_answered() {
    let of = |realm: &str| response(407, &[format!("Digest realm=\"{realm}\", nonce=\"n-{realm}\"")]);
    let ask = |state: &mut Answerer, realm: &str| state.answer(&mut Exchange::default(), &of(realm), INVITE, 1).is_ok();
    let mut named = Answerer::new(account(Some("carrier")));
    for (realm, is_answered) in [("evil", false), ("Carrier", false), ("carrier ", false), ("", false), ("carrier", true), ("evil", false)]
    {
        assert_eq!(ask(&mut named, realm), is_answered, "{realm}");
    }
    let mut pinned = answerer();
    for (realm, is_answered) in [("first", true), ("second", false), ("first", true)] {
        assert_eq!(ask(&mut pinned, realm), is_answered, "{realm}");
    }
    // Of several, the one that is the account's; and the person hears what was asked for.
    let both = response(401, &[r#"Digest realm="evil", nonce="e""#, r#"Digest realm="carrier", nonce="c""#]);
    let proofs = named.answer(&mut Exchange::default(), &both, INVITE, 1).unwrap();
    assert_eq!(parameter(&proofs[0], "nonce").as_deref(), Some("c"));
    assert_eq!(named.answer(&mut Exchange::default(), &of("evil"), INVITE, 1).unwrap_err().to_string(), "asked for another realm: evil");
}

#[test]
fn never_a_weaker_algorithm_than_before() {
    let mut state = answerer();
    let mut ask = |algorithms: &[&str]| {
        let lines: Vec<_> =
            algorithms.iter().map(|name| format!("Digest realm=\"r\", nonce=\"n-{name}\", algorithm={name}, qop=auth")).collect();
        state.answer(&mut Exchange::default(), &response(401, &lines), INVITE, 1).map(|proofs| parameter(&proofs[0], "algorithm").unwrap())
    };
    assert_eq!(ask(&["MD5"]).unwrap(), "MD5");
    assert_eq!(ask(&["SHA-256", "MD5"]).unwrap(), "SHA-256");
    assert_eq!(ask(&["MD5"]), Err(Unproven::Weaker));
    assert_eq!(ask(&["MD5-sess", "SHA-256-sess"]).unwrap(), "SHA-256-sess");
    assert_eq!(ask(&["SHA-512-256"]).unwrap(), "SHA-512-256");
    assert_eq!(ask(&["SHA-256", "MD5"]), Err(Unproven::Weaker));
}

#[test]
fn what_was_refused_is_not_said_again() {
    let of = |nonce: &str, more: &str| response(401, &[format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=auth{more}")]);
    let mut state = answerer();
    let mut exchange = Exchange::default();
    let counts = |proofs: Vec<Proof>| parameter(&proofs[0], "nc").unwrap();
    assert_eq!(state.answer(&mut exchange, &of("a", ""), INVITE, 1).map(counts).unwrap(), "00000001");
    // The same again, or a new nonce without a word of the old one being stale: the password is wrong.
    assert_eq!(state.answer(&mut exchange, &of("a", ""), INVITE, 1), Err(Unproven::Refused));
    assert_eq!(state.answer(&mut exchange, &of("b", ""), INVITE, 1), Err(Unproven::Refused));
    assert_eq!(state.answer(&mut exchange, &response(401, &["Basic x=y"]), INVITE, 1), Err(Unproven::Refused));
    // Nor by the next request.
    assert_eq!(state.answer(&mut Exchange::default(), &of("a", ", stale=false"), INVITE, 1), Err(Unproven::Refused));
    assert_eq!(state.answer(&mut Exchange::default(), &of("a", ", stale=true"), INVITE, 1).map(counts).unwrap(), "00000002");
    assert_eq!(state.answer(&mut exchange, &of("b", ", stale=\"TRUE\""), INVITE, 1).map(counts).unwrap(), "00000001");
    // Stale for ever: it ends.
    let answers = (0..20).filter(|at| state.answer(&mut exchange, &of(&format!("s{at}"), ", stale=true"), INVITE, 1).is_ok()).count();
    assert_eq!(answers, usize::from(ANSWERS_MAX) - 2);
    assert_eq!(state.answer(&mut exchange, &of("z", ", stale=true"), INVITE, 1), Err(Unproven::TooOften));
}

#[test]
fn a_proxy_and_a_server_ask() {
    let mut state = answerer();
    let mut exchange = Exchange::default();
    let proxy = response(407, &[r#"Digest realm="r", nonce="p", qop=auth"#]);
    let server = response(401, &[r#"Digest realm="r", nonce="s", qop=auth"#]);
    let told = |proofs: Vec<Proof>| -> Vec<String> {
        proofs
            .iter()
            .map(|proof| format!("{} {} {}", proof.0, parameter(proof, "nonce").unwrap(), parameter(proof, "nc").unwrap()))
            .collect()
    };
    assert_eq!(state.answer(&mut exchange, &proxy, INVITE, 1).map(told).unwrap(), ["Proxy-Authorization p 00000001"]);
    assert_eq!(
        state.answer(&mut exchange, &server, INVITE, 1).map(told).unwrap(),
        ["Authorization s 00000001", "Proxy-Authorization p 00000002"]
    );
    assert_eq!(told(state.again(&exchange, INVITE, 1)), ["Authorization s 00000002", "Proxy-Authorization p 00000003"]);
    assert_eq!(state.again(&Exchange::default(), INVITE, 1), []);
    assert_eq!(state.answer(&mut exchange, &proxy, INVITE, 1), Err(Unproven::Refused));
}

/// The table of nonces is bounded. The key of a `-sess` algorithm is that of its nonce's first cnonce.
#[test]
fn nonces_are_counted_and_forgotten() {
    let mut state = answerer();
    let mut ask = |nonce: &str, cnonce| {
        let challenge = format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=auth, algorithm=MD5-sess");
        let proofs = state.answer(&mut Exchange::default(), &response(401, &[challenge]), INVITE, cnonce).unwrap();
        (parameter(&proofs[0], "nc").unwrap(), u128::from_str_radix(&parameter(&proofs[0], "cnonce").unwrap(), 16).unwrap())
    };
    assert_eq!(ask("first", 1), ("00000001".into(), 1));
    assert_eq!(ask("first", 2), ("00000002".into(), 1));
    for at in 0..NONCES_KEPT {
        ask(&format!("n{at}"), 3);
    }
    assert_eq!(ask("first", 4), ("00000001".into(), 4));
    assert_eq!(state.used.len(), NONCES_KEPT);
}

/// Our own verifier takes what we answer, each time and with each algorithm, and no other password.
#[test]
fn our_own_verifier_is_content() {
    let realm = "cord \"board\"";
    let now = Instant::now();
    for algorithm in Algorithm::STRONGEST_FIRST {
        for (secret, verdict) in [("secret", Verdict::Good), ("Secret", Verdict::Bad)] {
            let mut verifier = Verifier::new([3; 32], Duration::from_secs(300), &[algorithm]);
            let stored = Credentials::of("6\"0\\01", realm, "secret");
            let account = Account { username: "6\"0\\01".into(), secret: secret.into(), realm: Some(realm.into()) };
            let mut state = Answerer::new(account);
            let challenge = response(401, &verifier.challenge(now, realm, false, &[algorithm]));
            for _ in 0..3 {
                let proofs = state.answer(&mut Exchange::default(), &challenge, INVITE, 9).unwrap();
                let (name, value) = &proofs[0];
                let text = format!(
                    "INVITE sip:200@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=a\r\n\
                     To: <sip:a@b>\r\nCall-ID: a\r\nCSeq: 2 INVITE\r\n{name}: {value}\r\n\r\n"
                );
                let request = Message::parse(Bytes::from(text)).unwrap();
                assert_eq!(verifier.verify(now, &request, realm, Some(&stored)), verdict, "{algorithm}");
            }
        }
    }
}

#[test]
fn the_password_is_not_printed() {
    let mut state = answerer();
    let _ = state.answer(&mut Exchange::default(), &response(401, &[r#"Digest realm="r", nonce="n""#]), INVITE, 1);
    let printed = format!("{:?} {state:?}", account(Some("r")));
    assert!(printed.contains("6001") && !printed.contains("secret"), "{printed}");
}
