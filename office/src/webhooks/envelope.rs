//! An event as it leaves us, and the proof that it is from us.

use hmac::{Hmac, Mac};
use http::{HeaderValue, Request, request::Builder};
use model::{CenterId, WallTime};
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;

/// The form of [`model::Envelope`], of an event that was stored.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    /// The event's number in the outbox: it grows, and is the same each time that the event is told.
    pub(super) seq: i64,
    pub(super) ts: WallTime,
    pub(super) center: CenterId,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) id: String,
    pub(super) epoch: u64,
    pub(super) data: Value,
}

impl<'a> Told<'a> {
    /// An event of the outbox.
    pub(super) fn new(seq: i64, ts: WallTime, center: CenterId, kind: &'a str, mut data: Value) -> Self {
        // The centre stands in the envelope, as it does over Socket.IO.
        if let Value::Object(data) = &mut data {
            data.remove("center");
            // Where a carrier was called stands in its settings: the right to calls, by which a webhook is told of them, does not show those.
            for tried in data.get_mut("tries").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
                tried.remove("target");
            }
        }
        let id = data.get("id").or_else(|| data.get("call_id")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let epoch = data.get("epoch").and_then(Value::as_u64).unwrap_or(0);
        Self { seq, ts, center, kind, id, epoch, data }
    }

    pub(super) fn body(&self) -> String {
        // Plain data cannot fail.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// The head of a POST that is from us, as whoever has the secret can tell. The timestamp is that of this try, so that a receiver can refuse what
/// is too old.
#[must_use]
pub fn signed(url: &str, kind: &str, secret: &str, WallTime(timestamp): WallTime, body: &[u8]) -> Builder {
    Request::post(url)
        .header("content-type", HeaderValue::from_static("application/json"))
        .header("cordboard-event", kind)
        .header("cordboard-timestamp", timestamp)
        .header("cordboard-signature", signature(secret, timestamp, body))
}

/// The header `Cordboard-Signature` of a body that leaves at `timestamp`, in milliseconds since 1970: HMAC-SHA256 over both.
#[must_use]
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("v1=".to_owned(), |mut text, octet| {
        use std::fmt::Write;
        // Writing into a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use model::Envelope;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_has_one_form() {
        let data = json!({"call_id": "c_1", "epoch": 3, "caller": "6001"});
        let envelope = Envelope {
            seq: 5,
            ts: WallTime(6),
            center: CenterId(1),
            kind: "call.update",
            id: "c_1".to_owned(),
            epoch: 3,
            data: data.clone(),
        };
        let mut with_center = data;
        with_center["center"] = "1".into();
        let told = Told::new(5, WallTime(6), CenterId(1), "call.update", with_center);
        assert_eq!(told.body(), serde_json::to_string(&envelope).unwrap());
        assert_eq!(Told::new(1, WallTime(0), CenterId(1), "x", json!({"id": "7", "call_id": "c_1"})).id, "7");
        assert_eq!(Told::new(1, WallTime(0), CenterId(1), "x", json!(null)).id, "");
    }

    #[test]
    fn where_a_carrier_was_called_is_not_told() {
        let data = json!({"call_id": "c_1", "tries": [{"carrier": "101", "target": "udp 203.0.113.9:5060", "status": 503}]});
        let told = Told::new(5, WallTime(6), CenterId(1), "cdr.created", data);
        assert_eq!(told.data["tries"], json!([{"carrier": "101", "status": 503}]));
    }

    #[test]
    fn a_signature_is_what_others_compute() {
        // python3 -c 'import hmac; print(hmac.new(b"whsec_abc", b"1700000000000.{\"a\":1}", "sha256").hexdigest())'
        assert_eq!(
            signature("whsec_abc", 1_700_000_000_000, b"{\"a\":1}"),
            "v1=6f5208b05e5c3c6228d2ee700fa7ea48c47be994e57237c802f56924d146ab36"
        );
    }
}
