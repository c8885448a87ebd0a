//! What the fields of an account may hold.

use crate::{Fault, centers::LOCALES};

/// Longest user name and longest display name, in characters.
pub(crate) const NAME_MAX: usize = 128;
/// Longest e-mail address, in octets (RFC 5321, 4.5.3.1.3, less the brackets).
const EMAIL_MAX: usize = 254;
/// Longest part before the `@` (RFC 5321, 4.5.3.1.1).
const LOCAL_PART_MAX: usize = 64;
/// Longest label of a domain (RFC 1035, 2.3.4).
const LABEL_MAX: usize = 63;
/// Longest name of a time zone.
const ZONE_MAX: usize = 64;
/// One person writes a name in several cases; it is one name.
pub(crate) fn fold(username: &str) -> String {
    username.trim().to_lowercase()
}

/// The user name as it is stored.
pub(crate) fn username(text: &str, faults: &mut Vec<Fault>) -> String {
    let name = fold(text);
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(is_odd) {
        faults.push(Fault::invalid(
            "username",
            format!("a user name has 1 to {NAME_MAX} characters, none of them a space or a control character"),
        ));
    }
    name
}

/// The display name as it is stored.
pub(crate) fn display_name(text: &str, faults: &mut Vec<Fault>) -> String {
    let name = text.trim();
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        faults.push(Fault::invalid("display_name", format!("a name has at most {NAME_MAX} characters, none of them a control character")));
    }
    name.to_owned()
}

/// The e-mail address as it is stored; an empty one is none.
pub fn email(text: &str, faults: &mut Vec<Fault>) -> Option<String> {
    let address = text.trim();
    if address.is_empty() {
        return None;
    }
    if !is_email(address) {
        faults.push(Fault::invalid(
            "email",
            "an e-mail address is written name@example.org; of a domain with other letters write its xn-- form",
        ));
    }
    Some(address.to_owned())
}

/// Whether a text is an e-mail address as people have them: a dot-atom, `@`, and a domain (RFC 5322, 3.4.1, without comments and quotes).
pub(crate) fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    let is_atom =
        |atom: &str| !atom.is_empty() && atom.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet));
    let is_label = |label: &str| {
        let is_inside = label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        (1..=LABEL_MAX).contains(&label.len()) && is_inside && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= EMAIL_MAX && name.len() <= LOCAL_PART_MAX && name.split('.').all(is_atom) && domain.split('.').all(is_label)
}

/// The language; an empty one is none.
pub(crate) fn locale(text: &str, faults: &mut Vec<Fault>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if !LOCALES.contains(&text) {
        faults.push(Fault::invalid("locale", format!("a language is one of: {}", LOCALES.join(", "))));
    }
    Some(text.to_owned())
}

/// The time zone by its name in the IANA database; an empty one is none.
pub(crate) fn zone(text: &str, faults: &mut Vec<Fault>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if text.len() > ZONE_MAX || text.parse::<chrono_tz::Tz>().is_err() {
        faults.push(Fault::invalid("tz", "a time zone is written as Europe/Moscow or UTC (IANA's names)"));
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_hold_what_they_may() {
        let held = |fault: fn(&str, &mut Vec<Fault>) -> Option<String>, text: &str| {
            let mut faults = Vec::new();
            let value = fault(text, &mut faults);
            if faults.is_empty() { Ok(value) } else { Err(faults.len()) }
        };
        let name: fn(&str, &mut Vec<Fault>) -> Option<String> = |text, faults| Some(username(text, faults));
        assert_eq!(held(name, " Анна.К "), Ok(Some("анна.к".to_owned())));
        assert_eq!(held(name, &"я".repeat(128)), Ok(Some("я".repeat(128))));
        for wrong in ["", "  ", &"a".repeat(129), "a\nb", "a\0b", "olga p"] {
            assert!(held(name, wrong).is_err(), "{wrong:?}");
        }
        let shown: fn(&str, &mut Vec<Fault>) -> Option<String> = |text, faults| Some(display_name(text, faults));
        assert_eq!(held(shown, "<b>Anna</b>"), Ok(Some("<b>Anna</b>".to_owned())));
        assert!(held(shown, &"a".repeat(129)).is_err() && held(shown, "a\u{7f}").is_err());

        let longest = format!("{}@{}.{}.org", "a".repeat(64), "b".repeat(63), "c".repeat(63));
        for good in ["a@b", "anna.k+crm@example.org", "o'neil@xn--e1afmkfd.xn--p1ai", &longest] {
            assert_eq!(held(email, good), Ok(Some(good.to_owned())));
        }
        assert_eq!(held(email, " "), Ok(None));
        let label = format!("a@{}", "b".repeat(64));
        let long = format!("a@{}", "b.".repeat(126) + "bb");
        for wrong in [
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a..b@c",
            ".a@b",
            "a.@b",
            "a b@c",
            "a@b c",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a@b\r\nBcc: x@y",
            "a@b,c@d",
            "\"a\"@b",
            "анна@b",
            "a@почта.рф",
            "a@[192.0.2.1]",
            &label,
            &long,
            &format!("{}@b", "a".repeat(65)),
        ] {
            assert!(held(email, wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(held(locale, "ru"), Ok(Some("ru".to_owned())));
        assert!(held(locale, "de").is_err() && held(locale, "RU").is_err());
        assert_eq!(held(zone, "Europe/Moscow"), Ok(Some("Europe/Moscow".to_owned())));
        assert_eq!(held(zone, "UTC"), Ok(Some("UTC".to_owned())));
        for wrong in ["Mars/Base", "europe/moscow", "../../etc/passwd", "+03:00", &"a".repeat(65)] {
            assert!(held(zone, wrong).is_err(), "{wrong:?}");
        }
    }
}
