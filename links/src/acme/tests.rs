#![expect(clippy::unwrap_used, reason = "tests")]

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn at(days: u32) -> SystemTime {
    // 2025-01-01
    SystemTime::UNIX_EPOCH + DAY * (20_089 + days)
}

fn pem(names: &[&str]) -> String {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2025, 4, 1));
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem() + &key.serialize_pem()
}

#[test]
fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let certificate = Certificate::of_pem(pem(&["desk.example", "www.desk.example"]).as_bytes()).unwrap();
    assert_eq!((certificate.renewal(), certificate.ends()), (at(60), at(90)));
    let is_for = |names: &[&str]| certificate.is_for(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert!(is_for(&["Desk.Example"]) && is_for(&["www.desk.example", "desk.example"]));
    assert!(!is_for(&["desk.example", "other.example"]) && !is_for(&["example"]));
}

#[test]
fn what_is_no_certificate_with_its_key_is_refused() {
    let (one, other) = (pem(&["a.example"]), pem(&["a.example"]));
    let part = |text: &str, begin: &str, end: &str| {
        let from = text.find(begin).unwrap();
        text[from..from + text[from..].find(end).unwrap() + end.len()].to_owned() + "\n"
    };
    let certificate = part(&one, "-----BEGIN CERTIFICATE", "END CERTIFICATE-----");
    let key = part(&other, "-----BEGIN PRIVATE", "END PRIVATE KEY-----");
    for wrong in [String::new(), certificate.clone(), key.clone(), certificate + &key] {
        assert!(Certificate::of_pem(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn pauses_double_and_are_not_alike() {
    let refused = |is_limited| AcmeError::Refused { text: String::new(), is_limited, is_unknown_account: false };
    let seconds = |failures, chance| pause(failures, &refused(false), chance).as_secs();
    assert_eq!([seconds(1, 0.0), seconds(1, 1.0), seconds(2, 1.0), seconds(3, 0.5)], [30, 60, 120, 180]);
    for failures in 1..100 {
        let (least, most) = (seconds(failures, 0.0), seconds(failures, 1.0));
        assert!(least >= 30 && most <= 6 * 3600 && least * 2 == most, "{failures}: {least} to {most}");
        assert!(pause(failures, &refused(true), 0.0) >= PAUSE_LIMITED, "{failures}");
    }
    assert_eq!(seconds(u32::MAX, 1.0), 6 * 3600);
}

#[test]
fn what_somebody_should_do_something_about_is_told() {
    let standing = |ends: Option<SystemTime>, failure: Option<&str>| Standing {
        domains: vec!["desk.example".to_owned()],
        ends,
        next: None,
        failure: failure.map(str::to_owned),
        by_hand: None,
    };
    let told = |ends, failure| standing(ends, failure).warning(at(50)).unwrap_or_default();
    assert_eq!(told(None, None), "there is no certificate for desk.example yet");
    assert_eq!(told(None, Some("no")), "there is no certificate for desk.example yet: no");
    assert_eq!(told(Some(at(49)), Some("no")), "the certificate for desk.example has ended: no");
    assert_eq!(told(Some(at(64)), Some("no")), "the certificate for desk.example ends in 14 days and 0 hours and could not be renewed: no");
    assert_eq!(told(Some(at(65)), Some("no")), "");
    assert_eq!(told(Some(at(51)), None), "", "it is being renewed");
    let by_hand = |ends| Standing { by_hand: Some(WARN_BEFORE), ..standing(ends, None) }.warning(at(50)).unwrap_or_default();
    assert_eq!(by_hand(Some(at(64))), "the certificate for desk.example ends in 14 days and 0 hours: put a new one into its file");
    assert_eq!(by_hand(Some(at(49))), "the certificate for desk.example has ended");
    assert_eq!(by_hand(Some(at(65))), "");
}

#[test]
fn answers_are_for_their_token_only_and_end_with_the_order() {
    let certificates = Certificates::default();
    certificates.answer("abc", "abc.key");
    let path = |token: &str| format!("/.well-known/acme-challenge/{token}");
    assert_eq!(certificates.answer_to(&path("abc")).as_deref(), Some("abc.key"));
    for other in [path(""), path("ab"), path("abc/"), path("../abc"), "/abc".to_owned()] {
        assert_eq!(certificates.answer_to(&other), None, "{other}");
    }
    certificates.forget_challenges();
    assert_eq!(certificates.answer_to(&path("abc")), None);
    assert!(certificates.prove("desk.example", &[7; 31]).is_err(), "no SHA-256");
    certificates.prove("desk.example", &[7; 32]).unwrap();
}
