//! Identifiers. In JSON they are strings; a number is accepted where one is read (rulings, wire contract).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct ParseIdError {
    kind: &'static str,
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Takes a positive decimal number.
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                match text.parse() {
                    Ok(id) if id > 0 => Ok(Self(id)),
                    _ => Err(ParseIdError { kind: $kind }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(TextOrNumber).and_then(|text| text.parse().map_err(de::Error::custom))
            }
        }
    };
}

numeric_id!(
    /// A centre: one customer's space in the installation (D13).
    CenterId, "center"
);
numeric_id!(
    /// A person with an account.
    UserId, "user"
);
numeric_id!(
    /// A hub: a trunk of type auto, mf or ls, whose capacity is its slots (R2).
    HubId, "trunk"
);
numeric_id!(
    /// A SIP account with a number, credentials and a state (R1).
    SlotId, "slot"
);
numeric_id!(
    /// A carrier: a trunk of type sip, by which calls come from and go to the world (R2).
    CarrierId, "carrier"
);
numeric_id!(
    /// A route of the plan.
    RouteId, "route"
);
numeric_id!(
    /// A tag that is put on calls (S000-08).
    TagId, "tag"
);
numeric_id!(
    /// A group of tags: what a listener is given (S000-05).
    TagGroupId, "tag group"
);
numeric_id!(
    /// A lead: somebody who may become a client (S004-18).
    LeadId, "lead"
);
numeric_id!(
    /// A question of a scorecard.
    ItemId, "scorecard item"
);

impl CenterId {
    /// The centre that every installation has.
    pub const DEFAULT: Self = Self(1);
}

/// Reads an id that came as a JSON string or as a JSON number.
struct TextOrNumber;

impl de::Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id as a string or a positive number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// A call: one visit of the far party, through all its transfers (R14). Written `c_` and 13 base-32 digits.
///
/// Ids grow with time: the upper 41 bits are the start in milliseconds, so a list by id is a list by start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub i64);

/// Crockford's base 32, lower case: no i, l, o, u, so that an id can be read out over the phone.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("c_")?;
        for place in (0..13).rev() {
            let digit = (self.0 >> (place * 5)) & 31;
            let digit = usize::try_from(digit).ok().and_then(|at| DIGITS.get(at)).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(digit))?;
        }
        Ok(())
    }
}

impl FromStr for CallId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = ParseIdError { kind: "call" };
        let digits = text.strip_prefix("c_").ok_or(wrong.clone())?;
        if digits.len() != 13 {
            return Err(wrong);
        }
        let mut id: i64 = 0;
        for digit in digits.bytes() {
            let value = DIGITS.iter().position(|known| *known == digit).ok_or(wrong.clone())?;
            let value = i64::try_from(value).map_err(|_| wrong.clone())?;
            id = id.checked_mul(32).and_then(|id| id.checked_add(value)).ok_or(wrong.clone())?;
        }
        Ok(Self(id))
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_call_id_is_read_as_it_is_written() {
        for id in [0, 1, 31, 32, 1_763_712_000_000 << 22, i64::MAX] {
            let text = CallId(id).to_string();
            assert_eq!(text.len(), 15, "{text}");
            assert_eq!(text.parse(), Ok(CallId(id)));
        }
        for wrong in ["", "c_", "c_000000000000", "c_00000000000000", "c_000000000000u", "c_zzzzzzzzzzzzz", "d_0000000000000"] {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_written_as_a_string_and_read_from_string_or_number() {
        assert_eq!(serde_json::to_string(&SlotId(44)).unwrap(), r#""44""#);
        assert_eq!(serde_json::from_str::<SlotId>("44").unwrap(), SlotId(44));
        assert_eq!(serde_json::from_str::<SlotId>(r#""44""#).unwrap(), SlotId(44));
        for wrong in ["0", "-1", r#""""#, r#""4 4""#, "4.5", "null", "true"] {
            assert!(serde_json::from_str::<SlotId>(wrong).is_err(), "{wrong}");
        }
    }
}
