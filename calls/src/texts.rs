//! MESSAGE: short texts from one phone of a centre to another (RFC 3428). None goes to the world, none is kept for who is not there.
//!
//! ```text
//!   MESSAGE of a slot ── may it? ──► MESSAGE to the phone ──► what that answers, to who sent it
//!                           └─ 401, 403, 415, 480, 513: refused
//! ```

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::{SlotEntry, SlotId};
use sip_core::{Flow, Message, Method, OutsideRequest, RequestId, ServerTx, SessionId, Unanswered, Unsent};

use crate::{
    begin::{MAX_FORWARDS, leads_to_us},
    contact::{Contact, FLOW_FAILED},
    core::Core,
    switchboard::Switchboard,
    watching::named,
};

/// Texts that wait for the answers of phones, all together. They share the room of our requests with carriers that we register with.
const TEXTS_MAX: usize = 256;
/// So many texts a slot may send at once..
const BURST: u32 = 10;
/// .. and then one in this time.
const PAUSE: Duration = Duration::from_secs(2);

/// Texts on their way.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    waiting: BTreeMap<RequestId, Sent>,
    /// Until when each slot has used up what it may send; one that may send all is not here.
    used: BTreeMap<SlotId, Instant>,
    /// What became of texts since the start, by a word.
    counts: BTreeMap<&'static str, u64>,
}

/// A text that was sent on.
#[derive(Debug)]
struct Sent {
    /// Who waits for what comes of it.
    tx: ServerTx,
    to: SlotId,
    expires: Instant,
}

/// Why a text goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// It is no plain text.
    Type,
    /// It is too long.
    Length,
    /// It is for nobody of the centre.
    Nobody,
    /// Its recipient is not there.
    Away,
    /// Too many came of this slot, so that one more may come in so many seconds.
    Often(u64),
    /// Too many are on their way.
    Full,
}

impl Refused {
    fn status(self) -> u16 {
        match self {
            Self::Type => 415,
            Self::Length => 513,
            Self::Nobody => 403,
            // A 503 would say that nothing of us is to be had.
            Self::Away | Self::Often(_) | Self::Full => 480,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Length => "length",
            Self::Nobody => "nobody",
            Self::Away => "away",
            Self::Often(_) => "often",
            Self::Full => "full",
        }
    }

    fn headers(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Type => vec![("Accept", PLAIN.to_owned())],
            Self::Often(seconds) => vec![("Retry-After", seconds.to_string())],
            Self::Length | Self::Nobody | Self::Away | Self::Full => Vec::new(),
        }
    }
}

/// The only type of texts.
const PLAIN: &str = "text/plain";

impl Switchboard {
    /// A MESSAGE came outside of any call.
    pub(crate) fn texted(&mut self, now: Instant, tx: ServerTx, flow: Flow, message: &Message) {
        let Some(slot) = self.core.prove_request(now, tx, flow, message) else { return };
        let directory = Arc::clone(&self.core.directory);
        let Some(from) = directory.slot(slot).filter(|entry| self.core.serves(entry.id)) else {
            self.core.endpoint.respond(now, tx, 403, None, &[]);
            return;
        };
        let to = named(&directory, message).filter(|to| to.center == from.center);
        let content_type = message.header_named("Content-Type").unwrap_or(PLAIN.as_bytes());
        let sent = self.core.may_text(now, slot, content_type).and_then(|content_type| {
            let to = to.ok_or(Refused::Nobody)?;
            let hops = message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS).saturating_sub(1);
            self.core.send_text(now, tx, (from, to), hops, content_type, message.body_bytes())
        });
        if let Err(refused) = sent {
            self.core.texts.count(refused.word());
            self.core.endpoint.respond(now, tx, refused.status(), None, &refused.headers());
        }
    }

    /// A text came within a call: it is for who is on the other side, if both are phones of ours.
    pub(crate) fn texted_within(&mut self, now: Instant, session: SessionId, tx: ServerTx, content_type: &[u8], body: &Bytes) {
        let sent = match self.other_phone(session) {
            Some((slot, other)) => self.core.may_text(now, slot, content_type).and_then(|content_type| {
                self.core.endpoint.text(now, other, &content_type, body).map_err(|unsent| match unsent {
                    Unsent::TooLong => Refused::Length,
                    // The other party has not answered yet, or is about to leave.
                    Unsent::Not => Refused::Away,
                })
            }),
            None => Err(Refused::Nobody),
        };
        let status = match sent {
            Ok(()) => {
                self.core.texts.count("within");
                202
            }
            Err(refused) => {
                self.core.texts.count(refused.word());
                refused.status()
            }
        };
        self.core.endpoint.answer_text(now, tx, status);
    }

    /// What became of texts since the start, by a word: `delivered`, `within` a call, `failed` at the phone, or why they were refused.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.core.texts.counts.iter().map(|(word, count)| (*word, *count))
    }
}

impl Core {
    /// Whether a slot may send this now; as which type.
    fn may_text(&mut self, now: Instant, slot: SlotId, content_type: &[u8]) -> Result<String, Refused> {
        let content_type = plain(content_type).ok_or(Refused::Type)?;
        self.texts.take(now, slot)?;
        Ok(content_type)
    }

    /// Sends a text on to the phone of a slot.
    fn send_text(
        &mut self,
        now: Instant,
        tx: ServerTx,
        (from, to): (&SlotEntry, &SlotEntry),
        hops: u8,
        content_type: String,
        body: Bytes,
    ) -> Result<(), Refused> {
        let contact: Contact = self.contact(now, to.id).filter(|_| self.serves(to.id)).ok_or(Refused::Away)?;
        if leads_to_us(&contact.uri, contact.flow) {
            return Err(Refused::Away);
        }
        if self.texts.waiting.len() >= TEXTS_MAX {
            return Err(Refused::Full);
        }
        let mut headers = contact.headers();
        headers.push(("Max-Forwards", hops.to_string()));
        let domain = &self.settings.domain;
        let asked = OutsideRequest {
            flow: contact.flow,
            method: Method::Message,
            uri: contact.uri.clone(),
            from: format!("<sip:{}@{domain}>", from.number),
            to: format!("<sip:{}@{domain}>", to.number),
            call_id: None,
            cseq: 1,
            contact: false,
            headers,
            body: Some((content_type, body)),
            account: None,
        };
        let request = self.endpoint.request(now, asked).map_err(|unsent| match unsent {
            Unsent::TooLong => Refused::Length,
            Unsent::Not => Refused::Full,
        })?;
        self.texts.waiting.insert(request, Sent { tx, to: to.id, expires: contact.expires() });
        Ok(())
    }

    /// A phone has answered a request of ours. False: it was no text.
    pub(crate) fn text_answered(&mut self, now: Instant, request: RequestId, status: u16) -> bool {
        let Some(sent) = self.texts.waiting.remove(&request) else { return false };
        if status == FLOW_FAILED {
            self.flow_failed(now, sent.to, sent.expires);
        }
        self.texts.count(if status < 300 { "delivered" } else { "failed" });
        self.endpoint.respond(now, sent.tx, told(status), None, &[]);
        true
    }

    /// It will not be answered. False: it was no text.
    pub(crate) fn text_unanswered(&mut self, now: Instant, request: RequestId, why: Unanswered) -> bool {
        let Some(sent) = self.texts.waiting.remove(&request) else { return false };
        self.texts.count("failed");
        // RFC 4320, 4.2: after 64*T1 nobody waits any more, and who sent it has seen that by himself.
        if why != Unanswered::Timeout {
            self.endpoint.respond(now, sent.tx, 480, None, &[]);
        }
        true
    }
}

impl Texts {
    fn count(&mut self, word: &'static str) {
        *self.counts.entry(word).or_default() += 1;
    }

    /// Takes one of what a slot may send.
    fn take(&mut self, now: Instant, slot: SlotId) -> Result<(), Refused> {
        self.used.retain(|_, until| *until > now);
        let until = self.used.get(&slot).copied().unwrap_or(now) + PAUSE;
        let over = until.saturating_duration_since(now).saturating_sub(PAUSE * BURST);
        if !over.is_zero() {
            return Err(Refused::Often(over.as_secs() + 1));
        }
        self.used.insert(slot, until);
        Ok(())
    }
}

/// What who sent a text is told, when its recipient's phone said `status`. What only concerns us and that phone is not told: nobody is to prove who
/// he is to that phone, and that it is overloaded does not mean that we are.
fn told(status: u16) -> u16 {
    match status {
        200 | 202 => status,
        201..=299 => 200,
        404 | 410 | 413 | 415 | 486 | 488 | 600 | 603 | 604 | 606 => status,
        405 | 501 => 488,
        _ => 480,
    }
}

/// The type of a plain text as it is said to the recipient, with its character set; none if it is something else.
fn plain(content_type: &[u8]) -> Option<String> {
    let mut parts = content_type.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    if !parts.next()?.eq_ignore_ascii_case(PLAIN.as_bytes()) {
        return None;
    }
    let is_token =
        |value: &&[u8]| !value.is_empty() && value.len() <= 40 && value.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_at_checked("charset=".len())?;
        name.eq_ignore_ascii_case(b"charset=").then(|| value.trim_ascii().trim_ascii_start())
    });
    let charset = charset.map(|value| value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value));
    match charset {
        None => Some(PLAIN.to_owned()),
        Some(charset) => Some(charset).filter(is_token).map(|charset| format!("{PLAIN};charset={}", String::from_utf8_lossy(charset))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_texts_and_their_character_sets() {
        for (said, told) in [
            ("text/plain", Some("text/plain")),
            ("TEXT/Plain ; charset=UTF-8", Some("text/plain;charset=UTF-8")),
            ("text/plain;format=flowed;charset=\"koi8-r\"", Some("text/plain;charset=koi8-r")),
            ("text/plain;charset=a b", None),
            ("text/plain;charset=", None),
            ("text/html", None),
            ("text/plainer", None),
            ("", None),
        ] {
            assert_eq!(plain(said.as_bytes()).as_deref(), told, "{said}");
        }
    }

    #[test]
    fn a_phones_answer_is_told_as_far_as_it_concerns_the_sender() {
        for (status, said) in
            [(200, 200), (202, 202), (204, 200), (302, 480), (401, 480), (405, 488), (415, 415), (430, 480), (503, 480), (603, 603)]
        {
            assert_eq!(told(status), said, "{status}");
        }
    }
}
