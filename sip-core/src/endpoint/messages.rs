//! MESSAGE (RFC 3428): a short text, outside of any dialog or within a session. What is wrong with it whoever sent it is said here; what becomes
//! of it the owner says.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Endpoint, ServerTx, SessionEvent, SessionId, Unsent,
    check::{Refusal, media_type},
};
use crate::{
    message::{Message, Method, Name},
    transaction::Purpose,
};

/// Octets of a MESSAGE that we send, from its first line to the end of its text (8). Whom it passes on its way we cannot know.
pub const MESSAGE_OCTETS_MAX: usize = 1_300;
/// Octets of a text that comes.
pub const TEXT_OCTETS_MAX: usize = 16_384;
/// What is read.
const ACCEPT: &str = "text/*";

/// 513, 415: too long, packed, or no text. A body without a type is taken for text.
pub(super) fn text(message: &Message) -> Result<(), Refusal> {
    if message.body().len() > TEXT_OCTETS_MAX {
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
    /// A text within a session: what becomes of it the owner says.
    pub(super) fn texted(&mut self, now: Instant, id: SessionId, tx: ServerTx, message: &Message) {
        if let Err(refusal) = text(message) {
            let headers: Vec<_> = refusal.header.into_iter().collect();
            return self.refuse_invite(now, tx, refusal.status, refusal.reason, &headers);
        }
        let content_type = Bytes::copy_from_slice(message.header(Name::ContentType).unwrap_or(b"text/plain"));
        self.tell(id, SessionEvent::Message { tx, content_type, body: message.body_bytes() });
    }

    /// Answers a text that came within a session ([`SessionEvent::Message`]): 202 if it is passed on, for who is on the other side has not read it
    /// yet (7). `status` is 200 to 699; ignored when it was answered already, or nobody waits any more.
    pub fn answer_text(&mut self, now: Instant, tx: ServerTx, status: u16) {
        let is_text = self.transactions.server(tx).and_then(|server| server.request.as_ref()).map(Message::method) == Some(Method::Message);
        if !is_text || !(200..=699).contains(&status) {
            return;
        }
        let Some(head) = self.head(tx, status, "") else { return };
        self.transactions.reply(&mut self.wire, now, tx, status, head.end());
    }

    /// Sends a text within a confirmed session. What becomes of it is not told, and whatever it is, the session goes on.
    ///
    /// # Errors
    ///
    /// [`Unsent::TooLong`]: with this text the message would have more than [`MESSAGE_OCTETS_MAX`] octets. [`Unsent::Not`]: the session is not
    /// confirmed or is over, or there is no room.
    pub fn text(&mut self, now: Instant, session: SessionId, content_type: &str, body: &[u8]) -> Result<(), Unsent> {
        self.ask_inside(now, Purpose::Text(session), Some((content_type, body)))
    }
}
