//! What a phone does to hand its call on: REFER, the NOTIFYs that follow, and INVITEs with Replaces.
//!
//! `sip-core` asks nobody for a transfer, so a REFER leaves it as an INFO and is written anew on its way; its response comes back likewise.

use std::time::Instant;

use bytes::Bytes;
use sip_core::{SessionId, notifier::DialogTags};

use super::Phone;

/// What marks an INFO that is to be a REFER. Its body is the value of Refer-To.
const REFER: &str = "test/refer";

impl Phone {
    /// Asks that the call of `session` be handed to whom `to` names.
    pub(crate) fn refer(&mut self, now: Instant, session: SessionId, to: &str) {
        self.endpoint.info(now, session, REFER, to.as_bytes());
    }

    /// What names a session of this phone in its messages: the local tag is that of its peer (see [`sip_core::Endpoint::tags_of`]).
    pub(crate) fn tags_of(&self, session: SessionId) -> Option<DialogTags> {
        self.endpoint.tags_of(session)
    }

    /// How a Replaces header names a session of this phone.
    pub(crate) fn replaces(&self, session: SessionId) -> Option<String> {
        let tags = self.endpoint.tags_of(session)?;
        Some(format!("{};to-tag={};from-tag={}", tags.call_id, tags.local_tag, tags.remote_tag))
    }

    /// The same, as it stands in a Refer-To.
    pub(crate) fn refer_to_replacing(&self, number: &str, session: SessionId) -> Option<String> {
        let value = self.replaces(session)?.replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
        Some(format!("<sip:{number}@pbx.test?Replaces={value}>"))
    }

    /// A message on its way out.
    pub(super) fn leaves(&self, message: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&message);
        let Some((head, to)) = text.split_once("\r\n\r\n").filter(|_| text.starts_with("INFO ") && text.contains(REFER)) else {
            return message;
        };
        let lines = head.lines().filter(|line| !line.starts_with("Content-"));
        let head: String =
            lines.map(|line| format!("{}\r\n", line.replacen(" INFO", " REFER", 1).replacen("INFO ", "REFER ", 1))).collect();
        format!("{head}Refer-To: {to}\r\nContent-Length: 0\r\n\r\n").into()
    }

    /// A message that came; none if that is all that is to be done with it.
    pub(super) fn comes(&mut self, message: Bytes) -> Option<Bytes> {
        let text = String::from_utf8_lossy(&message);
        if text.starts_with("SIP/2.0 ") {
            let Some(cseq) = text.lines().find(|line| line.starts_with("CSeq:") && line.ends_with(" REFER")) else { return Some(message) };
            self.referred.push(text.lines().next().unwrap().trim_start_matches("SIP/2.0 ").to_owned());
            return Some(text.replace(cseq, &cseq.replace("REFER", "INFO")).into());
        }
        if !text.starts_with("NOTIFY ") {
            return Some(message);
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let is_copied = |line: &&str| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
        let copied: String = head.lines().filter(is_copied).map(|line| format!("{line}\r\n")).collect();
        let status = body.trim().trim_start_matches("SIP/2.0 ").to_owned();
        let is_over = head.contains("Subscription-State: terminated");
        self.notified.push(if is_over { format!("{status}, over") } else { status });
        self.owes.push(format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n").into());
        None
    }
}
