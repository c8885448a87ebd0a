//! How a request finds its transaction, and what a transaction itself sends beside its request: the ACK of a refusal, CANCEL.

use bytes::Bytes;

use crate::message::{Message, Name, Via, Writer};

/// RFC 3261, 17.2.3: what makes a request the same request again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServerKey(Box<[u8]>);

impl ServerKey {
    /// `method` stands for the request's own: an ACK or CANCEL looks for the INVITE it speaks of.
    /// `None` when a field that is needed cannot be read.
    pub(crate) fn of(message: &Message, via: &Via<'_>, method: &[u8]) -> Option<Self> {
        let mut key = Vec::with_capacity(128);
        let mut part = |bytes: &[u8]| {
            key.extend_from_slice(bytes);
            key.push(0);
        };
        part(method);
        match via.branch() {
            Some(branch) if via.has_cookie() => {
                part(branch);
                part(&via.host.to_ascii_lowercase());
                part(&via.port.unwrap_or(5060).to_be_bytes());
            }
            // A peer of RFC 2543: Request-URI, From tag, Call-ID, CSeq number and the whole top Via. The To tag is left out,
            // since the ACK has one and its INVITE has none; who else would share all the rest?
            _ => {
                part(b"");
                part(message.uri());
                part(message.from().ok()?.tag().unwrap_or_default());
                part(message.call_id().ok()?);
                part(&message.cseq().ok()?.number.to_be_bytes());
                part(message.header(Name::Via)?);
            }
        }
        Some(Self(key.into_boxed_slice()))
    }
}

/// RFC 3261, 17.1.1.3: the ACK of a refusal is the INVITE's, but for the To of the response.
pub(super) fn ack_refusal(invite: &Message, response: &Message) -> Option<Bytes> {
    let mut ack = companion(invite, "ACK")?;
    ack.header("To", response.header(Name::To)?);
    Some(ack.end())
}

/// RFC 3261, 9.1: Request-URI, Call-ID, To, From, CSeq number and the top Via of the INVITE, and its Route.
pub(super) fn cancel_of(invite: &Message, reason: Option<&str>) -> Option<Bytes> {
    let mut cancel = companion(invite, "CANCEL")?;
    cancel.header("To", invite.header(Name::To)?);
    if let Some(reason) = reason {
        cancel.header("Reason", reason);
    }
    Some(cancel.end())
}

/// What ACK (of a refusal) and CANCEL have in common.
fn companion(invite: &Message, method: &str) -> Option<Writer> {
    let mut writer = Writer::request(method, invite.uri());
    writer.header("Via", invite.header(Name::Via)?);
    writer.header("Max-Forwards", "70");
    for route in invite.headers(Name::Route) {
        writer.header("Route", route);
    }
    writer.header("From", invite.header(Name::From)?);
    writer.header("Call-ID", invite.header(Name::CallId)?);
    writer.header("CSeq", format!("{} {method}", invite.cseq().ok()?.number));
    Some(writer)
}
