//! What a number of the world is: its country, and what kind of line, by Google's libphonenumber in its port `rlibphonenumber`.
//!
//! The tables are in the program. They are unpacked when first asked for (5 ms, 6 MB), and a country's patterns when one of its
//! numbers first comes (under 0.2 ms; 8 MB for all countries): call [`warm`] before the first call is waiting.
//! After that a number takes some 11 µs.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType};
use serde::{Deserialize, Serialize};

use crate::Number;

/// What kind of line a number leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberKind {
    /// A line at a place.
    Fixed,
    /// A mobile phone.
    Mobile,
    /// A line at a place or a mobile phone: the country's plan does not tell them apart, as that of North America.
    FixedOrMobile,
    /// Free for the caller.
    TollFree,
    /// The callee earns by the call. Also a number that is too long, but begins with one: exchanges ignore what is dialled too much.
    Premium,
    /// Caller and callee share the price. Also a number that is too long, but begins with one.
    SharedCost,
    /// A line over the internet.
    Voip,
    /// A person's number, which may lead anywhere. Also a number that is too long, but begins with one.
    Personal,
    /// A pager.
    Pager,
    /// One number for a whole company.
    Company,
    /// A mailbox.
    Voicemail,
    /// Not an international number: it begins without `+`, or has `*` or `#`. Internal and emergency numbers are such.
    Local,
    /// An international number that its country's plan does not have.
    Unknown,
}

impl NumberKind {
    /// Whether a call may cost more than the number's country tells: the callee earns by it, shares its price, or says where it leads.
    #[must_use]
    pub fn is_dear(self) -> bool {
        matches!(self, Self::Premium | Self::SharedCost | Self::Personal)
    }

    /// In words, for a person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Fixed => "a fixed line",
            Self::Mobile => "a mobile phone",
            Self::FixedOrMobile => "a fixed line or a mobile phone",
            Self::TollFree => "free for the caller",
            Self::Premium => "premium rate",
            Self::SharedCost => "shared cost",
            Self::Voip => "a line over the internet",
            Self::Personal => "a personal number",
            Self::Pager => "a pager",
            Self::Company => "a company's number",
            Self::Voicemail => "a mailbox",
            Self::Local => "an internal or short number",
            Self::Unknown => "a number that its country's plan does not have",
        }
    }
}

/// How many digits too many are looked behind, for a number that may cost more than it looks.
const EXTRA_MAX: usize = 8;

/// What kind of line the number leads to. It is taken as E.164: `+` and digits.
#[must_use]
pub fn kind(number: &Number) -> NumberKind {
    let text = number.as_str();
    if !is_e164(text) {
        return NumberKind::Local;
    }
    let found = look_up(text).1;
    if found != NumberKind::Unknown {
        return found;
    }
    let mut shorter = (1..=EXTRA_MAX).filter_map(|extra| text.get(..text.len().checked_sub(extra)?));
    shorter.find_map(|text| Some(look_up(text).1).filter(|kind| kind.is_dear())).unwrap_or(NumberKind::Unknown)
}

/// The number's country by its two letters (ISO 3166-1), `RU`; none for what is no number of one country.
#[must_use]
pub fn country(number: &Number) -> Option<String> {
    if is_e164(number.as_str()) { look_up(number.as_str()).0 } else { None }
}

/// Unpacks the tables, and makes ready for numbers that begin so: `["+7", "+49"]`.
pub fn warm(calling_codes: &[&str]) {
    for code in calling_codes {
        look_up(&format!("{code}2345678901"));
    }
}

/// Whether a number is written as E.164: `+` and digits.
fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn look_up(text: &str) -> (Option<String>, NumberKind) {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(text, None) else { return (None, NumberKind::Unknown) };
    // What libphonenumber calls the region of the world's own codes (800, 979) has no two letters.
    let country = PHONE_NUMBER_UTIL.get_region_for_number(&number).map(|region| region.to_string()).filter(|region| region.len() == 2);
    let kind = match PHONE_NUMBER_UTIL.get_number_type(&number) {
        PhoneNumberType::FixedLine => NumberKind::Fixed,
        PhoneNumberType::Mobile => NumberKind::Mobile,
        PhoneNumberType::FixedLineOrMobile => NumberKind::FixedOrMobile,
        PhoneNumberType::TollFree => NumberKind::TollFree,
        PhoneNumberType::PremiumRate => NumberKind::Premium,
        PhoneNumberType::SharedCost => NumberKind::SharedCost,
        PhoneNumberType::VoIP => NumberKind::Voip,
        PhoneNumberType::PersonalNumber => NumberKind::Personal,
        PhoneNumberType::Pager => NumberKind::Pager,
        PhoneNumberType::UAN => NumberKind::Company,
        PhoneNumberType::VoiceMail => NumberKind::Voicemail,
        PhoneNumberType::Unknown => NumberKind::Unknown,
    };
    (country, kind)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_of_the_world_has_a_kind_and_a_country() {
        let rows = [
            ("+74951234567", NumberKind::Fixed, Some("RU")),
            ("+79161234567", NumberKind::Mobile, Some("RU")),
            ("+78001234567", NumberKind::TollFree, Some("RU")),
            ("+78091234567", NumberKind::Premium, Some("RU")),
            ("+77710009998", NumberKind::Mobile, Some("KZ")),
            ("+12125551234", NumberKind::FixedOrMobile, Some("US")),
            ("+19005551234", NumberKind::Premium, Some("US")),
            ("+449012345678", NumberKind::Premium, Some("GB")),
            ("+448431234567", NumberKind::Premium, Some("GB")),
            ("+33810123456", NumberKind::SharedCost, Some("FR")),
            ("+447012345678", NumberKind::Personal, Some("GB")),
            ("+33891234567", NumberKind::Premium, Some("FR")),
            ("+499001234567", NumberKind::Premium, Some("DE")),
            ("+80012345678", NumberKind::TollFree, None),
            ("+979123456789", NumberKind::Premium, None),
            ("+999123456789", NumberKind::Unknown, None),
            ("6001", NumberKind::Local, None),
            ("112", NumberKind::Local, None),
            ("84951234567", NumberKind::Local, None),
            ("+7495*1", NumberKind::Local, None),
        ];
        for (number, wanted, of) in rows {
            let number: Number = number.parse().unwrap();
            assert_eq!((kind(&number), country(&number).as_deref()), (wanted, of), "{number}");
        }
    }

    #[test]
    fn what_may_cost_more_is_not_hidden_by_digits_too_many() {
        for number in ["+780912345671", "+499001234567123", "+190055512340", "+44901234567899999"] {
            assert_eq!(kind(&number.parse().unwrap()), NumberKind::Premium, "{number}");
        }
        for (number, wanted) in [
            ("+4470123456781", NumberKind::Personal),
            ("+338101234561", NumberKind::SharedCost),
            ("+3381012345678", NumberKind::SharedCost),
        ] {
            assert_eq!(kind(&number.parse().unwrap()), wanted, "{number}");
        }
        for number in ["+749512345671", "+7809123456", "+7"] {
            assert_eq!(kind(&number.parse().unwrap()), NumberKind::Unknown, "{number}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_dialled_has_a_kind(text in r"\+?[0-9*#]{1,31}") {
            let number: Number = text.parse().unwrap();
            warm(&["+7"]);
            prop_assert_eq!(kind(&number) == NumberKind::Local, !is_e164(&text));
        }
    }
}
