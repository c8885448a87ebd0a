//! What a carrier's refusal says beside its status.

use std::time::Duration;

use bytes::Bytes;
use sip_core::{Contacts, Message, Name, SipUri, message};

/// Read of the response itself, since the session tells no more than the status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// The Q.850 cause of a Reason header (RFC 3326).
    pub(crate) q850: Option<u8>,
    /// Retry-After (RFC 3261, 20.33).
    pub(crate) retry_after: Option<Duration>,
    /// The user part of the first Contact: whom a 3xx sends the call on to.
    pub(crate) contact: Option<String>,
    /// By what it came.
    pub(crate) by: Option<sip_core::Transport>,
}

impl Said {
    /// All that is known of it; nothing of what is no message.
    pub(crate) fn of(response: &Bytes) -> Self {
        let Ok(message) = Message::parse(response.clone()) else { return Self::default() };
        let q850 = message.values(Name::Reason).find_map(q850);
        // `120;duration=60 (comment)`
        let seconds = message.header(Name::RetryAfter).and_then(|value| {
            let digits = value.iter().take_while(|octet| octet.is_ascii_digit()).count();
            message::seconds(value.get(..digits)?)
        });
        let contact = match message.contacts() {
            Ok(Contacts::List(list)) => list.first().and_then(|contact| SipUri::parse(contact.uri).ok()?.user_text()),
            _ => None,
        };
        Self { q850, retry_after: seconds.map(|seconds| Duration::from_secs(seconds.into())), contact, by: None }
    }
}

/// The cause of `Q.850;cause=17;text="busy"`.
fn q850(value: &[u8]) -> Option<u8> {
    let mut parts = str::from_utf8(value).ok()?.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("Q.850") {
        return None;
    }
    parts.find_map(|part| {
        let (name, cause) = part.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("cause") { cause.trim().parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_more_than_its_status() {
        let said = |headers: &str| {
            let head = "SIP/2.0 503 No\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n";
            Said::of(&Bytes::from(format!("{head}Call-ID: x\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n")))
        };
        let nothing = Said::default();
        assert_eq!(said(""), nothing);
        assert_eq!(said("Reason: SIP;cause=200, q.850; Cause = 17 ;text=\"busy\"\r\n").q850, Some(17));
        assert_eq!(said("Reason: Q.850;cause=900\r\nReason: SIP;cause=1\r\n"), nothing);
        assert_eq!(said("Retry-After: 120;duration=60\r\n").retry_after, Some(Duration::from_secs(120)));
        assert_eq!(said("Retry-After: soon\r\n"), nothing);
        assert_eq!(said("Contact: \"B\" <sip:+74951234567@h;x=y>;q=0.5, <sip:2@h>\r\n").contact.as_deref(), Some("+74951234567"));
        assert_eq!(said("Contact: <mailto:a@b>\r\n"), nothing);
        assert_eq!(Said::of(&Bytes::from_static(b"SIP/2.0 rubbish")), nothing);
    }
}
