//! A number that can be dialled.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// A dialable number: an internal one (`6001`) or an E.164 one (`+74951234567`).
///
/// 1 to 32 characters: an optional leading `+`, then digits, `*` and `#`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Number(String);

/// A text that cannot be dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a number has 1 to 32 digits, * or #, with an optional leading +")]
pub struct ParseNumberError;

impl Number {
    /// The longest number that is accepted, in characters after separators are dropped.
    pub const LENGTH_MAX: usize = 32;

    /// Emergency numbers of the countries we serve: these pass whatever the limits say.
    pub const EMERGENCY: [&str; 6] = ["101", "102", "103", "104", "112", "911"];

    /// Whether it calls for help.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        Self::EMERGENCY.contains(&self.as_str())
    }

    /// The most digits of a number of the world (ITU-T E.164, 6.1).
    pub const E164_DIGITS_MAX: usize = 15;

    /// Whether its `+` says that it is a number of the world, and it is none: that has up to [`Number::E164_DIGITS_MAX`] digits and nothing else,
    /// and begins with a country's code, none of which begins with 0. What an exchange makes of it nobody knows: many drop `*` and `#` or what is
    /// too much, and call whom nobody was asked about.
    #[must_use]
    pub fn is_false_e164(&self) -> bool {
        let Some(digits) = self.0.strip_prefix('+') else { return false };
        digits.starts_with('0') || digits.len() > Self::E164_DIGITS_MAX || digits.bytes().any(|byte| !byte.is_ascii_digit())
    }

    /// The number as it is dialled, without separators.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Number {
    type Err = ParseNumberError;

    /// Drops the separators people write (blank, `-`, `.`, `(`, `)`; RFC 3966, 3) and refuses everything else.
    fn from_str(text: &str) -> Result<Self, ParseNumberError> {
        let mut number = String::with_capacity(text.len().min(Self::LENGTH_MAX));
        for character in text.chars() {
            match character {
                ' ' | '-' | '.' | '(' | ')' => continue,
                '+' if number.is_empty() => number.push('+'),
                '0'..='9' | '*' | '#' => number.push(character),
                _ => return Err(ParseNumberError),
            }
            if number.len() > Self::LENGTH_MAX {
                return Err(ParseNumberError);
            }
        }
        if number.trim_start_matches('+').is_empty() { Err(ParseNumberError) } else { Ok(Self(number)) }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn separators_are_dropped_and_the_rest_is_refused() {
        for (text, number) in [("6001", "6001"), ("+7 (495) 123-45-67", "+74951234567"), ("*72#", "*72#")] {
            assert_eq!(text.parse::<Number>().unwrap().as_str(), number);
        }
        let long = "1".repeat(33);
        for wrong in ["", "+", "60a1", "7+495", "6001;x", "6001\r\n", " ", "６００１", &long] {
            assert_eq!(wrong.parse::<Number>(), Err(ParseNumberError), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_behind_a_plus_is_a_number_of_the_world_or_none() {
        let is_false = |text: &str| text.parse::<Number>().unwrap().is_false_e164();
        for number in ["+78091234567#", "+780*91234567", "+*78091234567", "+0088213123456", "+7809123456712345", "+#"] {
            assert!(is_false(number), "{number}");
        }
        for number in ["+74951234567", "+780912345671234", "+1", "6001", "112", "*100#", "84951234567#", "0088213123456"] {
            assert!(!is_false(number), "{number}");
        }
    }
}
