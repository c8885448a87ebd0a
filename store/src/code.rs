//! Between model types and what columns hold.

use model::{SlotId, UserId, WallTime};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::StoreError;

/// The name of an enum's variant: the one it has on the wire.
pub(crate) fn code(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        // An enum without fields is a string; anything else breaks the column's CHECK.
        _ => String::new(),
    }
}

/// The variant with this name.
pub(crate) fn decode<T: DeserializeOwned>(table: &'static str, name: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(name.to_owned()))
        .map_err(|error| StoreError::Broken { table, what: error.to_string() })
}

/// The variant with this name, if there is one.
pub(crate) fn decode_some<T: DeserializeOwned>(table: &'static str, name: Option<&str>) -> Result<Option<T>, StoreError> {
    name.map(|name| decode(table, name)).transpose()
}

/// A number that is never negative.
pub(crate) fn unsigned(table: &'static str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Broken { table, what: format!("{value} is negative") })
}

/// A segment as the database keeps it. Its own type, so that the model's form on the wire may change without the rows.
#[derive(Serialize, Deserialize)]
struct StoredSegment {
    user: Option<i64>,
    slot: i64,
    from: i64,
    to: Option<i64>,
    hold_ms: u64,
}

/// Segments as JSON text.
pub(crate) fn segments(segments: &[model::Segment]) -> String {
    let stored: Vec<StoredSegment> = segments
        .iter()
        .map(|segment| StoredSegment {
            user: segment.user.map(|user| user.0),
            slot: segment.slot.0,
            from: segment.from.0,
            to: segment.to.map(|to| to.0),
            hold_ms: segment.hold_ms,
        })
        .collect();
    json(&stored)
}

/// Segments from JSON text.
pub(crate) fn read_segments(table: &'static str, text: &str) -> Result<Vec<model::Segment>, StoreError> {
    let stored: Vec<StoredSegment> = from_json(table, text)?;
    let segments = stored.into_iter().map(|stored| model::Segment {
        user: stored.user.map(UserId),
        slot: SlotId(stored.slot),
        from: WallTime(stored.from),
        to: stored.to.map(WallTime),
        hold_ms: stored.hold_ms,
    });
    Ok(segments.collect())
}

/// JSON text of plain data.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Fails only for maps with keys that are no strings and for Serialize implementations that say so; there are none here.
    serde_json::to_string(value).unwrap_or_default()
}

/// Plain data from JSON text.
pub(crate) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Broken { table, what: error.to_string() })
}

/// Octets as lower-case hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Exactly `N` octets from hexadecimal.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut octets = [0; N];
    for (place, octet) in octets.iter_mut().enumerate() {
        let digits = text.get(place * 2..place * 2 + 2)?;
        // from_str_radix would take a sign.
        *octet = if digits.starts_with('+') { None } else { u8::from_str_radix(digits, 16).ok() }?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn hexadecimal_is_read_as_it_is_written() {
        assert_eq!(hex(&[0, 0x7f, 0xff, 0xa5]), "007fffa5");
        assert_eq!(unhex("007fffa5"), Some([0, 0x7f, 0xff, 0xa5]));
        for wrong in ["", "007fff", "007fffa5a5", "007fffag", "+07fffa5", "é7fffa5"] {
            assert_eq!(unhex::<4>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn segments_are_read_as_they_are_written() {
        let some = vec![
            model::Segment { user: Some(UserId(3)), slot: SlotId(4), from: WallTime(5), to: None, hold_ms: 0 },
            model::Segment { user: None, slot: SlotId(5), from: WallTime(6), to: Some(WallTime(9)), hold_ms: 2 },
        ];
        assert_eq!(read_segments("cdrs", &segments(&some)).unwrap(), some);
        assert!(read_segments("cdrs", "[{}]").is_err());
    }
}
