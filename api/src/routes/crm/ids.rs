//! Ids of rows in bodies: strings, and numbers where a program sends such.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An id in a body. It stands there as a string; a number is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdText(pub(crate) i64);

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(i64),
            Text(String),
        }
        match Either::deserialize(from).map_err(|_| D::Error::custom("an id is a string of digits"))? {
            Either::Number(id) => Ok(Self(id)),
            Either::Text(text) => text.parse().map(Self).map_err(|_| D::Error::custom("an id is a string of digits")),
        }
    }
}

impl Serialize for IdText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}
