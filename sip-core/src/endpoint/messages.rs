//! MESSAGE (RFC 3428): a short text, outside of any dialog or within a session. What is wrong with it whoever sent it is said here; what becomes
//! of it the owner says.

use bytes::Bytes;

use super::{
    Endpoint, ServerTx, SessionEvent, SessionId,
    check::{Refusal, media_type},
};
use crate::{
    flow::{Flow, Transport},
    message::{Message, Name},
};

/// Octets of a text that comes by datagrams (8).
pub const TEXT_OCTETS_MAX: usize = 1_300;
/// Octets of one that comes by a stream, which cannot be congested by it.
pub const TEXT_OCTETS_STREAM_MAX: usize = 16_384;
/// What is read.
const ACCEPT: &str = "text/*";

/// 513, 415: too long, packed, or no text. A body without a type is taken for text.
pub(super) fn text(message: &Message, flow: Flow) -> Result<(), Refusal> {
    let most = if flow.transport == Transport::Udp { TEXT_OCTETS_MAX } else { TEXT_OCTETS_STREAM_MAX };
    if message.body().len() > most {
        return Err(Refusal::plain(513));
    }
    if message.values(Name::ContentEncoding).any(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::with(415, "Accept-Encoding", "identity"));
    }
    let is_text = |kind: &[u8]| media_type(kind).get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"));
    if message.header(Name::ContentType).is_some_and(|kind| !is_text(kind)) {
        return Err(Refusal::with(415, "Accept", ACCEPT));
    }
    Ok(())
}

impl Endpoint {
    /// A text within a session: 202, for whoever is on the other side of the owner has not read it yet (7).
    pub(super) fn texted(&mut self, now: std::time::Instant, id: SessionId, tx: ServerTx, flow: Flow, message: &Message) {
        if let Err(refusal) = text(message, flow) {
            let headers: Vec<_> = refusal.header.into_iter().collect();
            return self.refuse_invite(now, tx, refusal.status, refusal.reason, &headers);
        }
        let Some(head) = self.head(tx, 202, "") else { return };
        self.transactions.reply(&mut self.wire, now, tx, 202, head.end());
        let content_type = Bytes::copy_from_slice(message.header(Name::ContentType).unwrap_or(b"text/plain"));
        self.tell(id, SessionEvent::Message { content_type, body: message.body_bytes() });
    }
}
