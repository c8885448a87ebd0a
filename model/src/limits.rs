//! What a slot may call, and how much at once: the toll limits that stand before every INVITE of its phone (R23).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Number, ParseNumberError};

/// A destination that a slot may call: one number (`6001`), or every number that begins so (`+7495*`, or `*` for all).
///
/// A final `*` always means "begins so", and there is no other: who writes `6*3` means a pattern that there is not.
/// A service code with a `*` in it, such as `*72#`, is allowed by `*` alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    start: String,
    is_prefix: bool,
}

/// A text that names no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDestinationError {
    /// It is neither a number nor the beginning of one.
    #[error("a destination is a number (6001), or the beginning of numbers and a star (+7495*)")]
    NoNumber,
    /// A star stands before the end.
    #[error("a star can only be the last character: a destination is a number (6001), or the beginning of numbers and a star (+7495*)")]
    StarInside,
}

/// The toll limits of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotLimits {
    /// Calls at once in which the slot takes part, or that it has left to two parties of the world, 1 to [`SlotLimits::CALLS_MAX`]. 1 forbids the consultation of R11.
    /// A greater one, as older databases may hold, allows no more than that.
    pub calls_max: u8,
    /// What its phone, or an operator with it, may call, at most [`SlotLimits::DESTINATIONS_MAX`]. Empty: everything.
    pub destinations: Vec<Destination>,
}

impl SlotLimits {
    /// The most that [`SlotLimits::calls_max`] may say: a slot is in a call, and in one consultation about it (R11), never in more.
    pub const CALLS_MAX: u8 = 2;
    /// The most destinations that one slot may list.
    pub const DESTINATIONS_MAX: usize = 100;

    /// Whether the slot may call this number.
    #[must_use]
    pub fn allows(&self, number: &Number) -> bool {
        self.destinations.is_empty() || self.destinations.iter().any(|destination| destination.covers(number))
    }
}

impl Default for SlotLimits {
    /// A call and a consultation, to everywhere.
    fn default() -> Self {
        Self { calls_max: Self::CALLS_MAX, destinations: Vec::new() }
    }
}

impl Destination {
    /// A destination as older databases may hold it: a star before the end is a character of the number.
    fn stored(text: &str) -> Result<Self, ParseDestinationError> {
        let text = text.trim();
        let (start, is_prefix) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let start = match start {
            "" if is_prefix => String::new(),
            // "+*" is every number in the international form.
            "+" if is_prefix => "+".to_owned(),
            start => start.parse::<Number>().map_err(|ParseNumberError| ParseDestinationError::NoNumber)?.to_string(),
        };
        Ok(Self { start, is_prefix })
    }

    /// Whether the number is meant.
    #[must_use]
    pub fn covers(&self, number: &Number) -> bool {
        if self.is_prefix { number.as_str().starts_with(&self.start) } else { number.as_str() == self.start }
    }
}

impl FromStr for Destination {
    type Err = ParseDestinationError;

    /// Drops separators as [`Number`] does.
    fn from_str(text: &str) -> Result<Self, ParseDestinationError> {
        let destination = Self::stored(text)?;
        if destination.start.contains('*') { Err(ParseDestinationError::StarInside) } else { Ok(destination) }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

impl Serialize for Destination {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // This is how databases and tapes are read: what was accepted once must not keep a server from starting.
        Self::stored(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_destination_is_a_number_or_a_beginning() {
        let rows = [
            ("6001", "6001", true),
            ("6001", "60011", false),
            ("60*", "6001", true),
            ("60*", "7001", false),
            ("+7 (495)*", "+74951234567", true),
            ("+7495*", "84951234567", false),
            ("*", "112", true),
            ("+*", "+1", true),
            ("+*", "6001", false),
        ];
        for (destination, number, covered) in rows {
            let destination: Destination = destination.parse().unwrap();
            assert_eq!(destination.covers(&number.parse().unwrap()), covered, "{destination} {number}");
        }
        for wrong in ["", "x", "60**x", "6001;a", "+"] {
            assert_eq!(wrong.parse::<Destination>(), Err(ParseDestinationError::NoNumber), "{wrong:?}");
        }
        for wrong in ["6*3", "*3", "60**", "*72#", "+7*495*"] {
            assert_eq!(wrong.parse::<Destination>(), Err(ParseDestinationError::StarInside), "{wrong:?}");
            let stored: Destination = serde_json::from_str(&format!("{wrong:?}")).unwrap();
            assert_eq!(stored.to_string(), wrong, "a database that holds it can still be read");
        }
    }

    #[test]
    fn an_empty_list_allows_everything_and_a_list_only_what_it_names() {
        let number: Number = "6001".parse().unwrap();
        assert!(SlotLimits::default().allows(&number));
        let limits: SlotLimits = serde_json::from_str(r#"{"calls_max":1,"destinations":["7*","8001"]}"#).unwrap();
        assert!(!limits.allows(&number));
        assert!(limits.allows(&"8001".parse().unwrap()));
        assert_eq!(serde_json::to_string(&limits).unwrap(), r#"{"calls_max":1,"destinations":["7*","8001"]}"#);
    }
}
