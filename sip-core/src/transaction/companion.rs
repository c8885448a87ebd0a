//! How a request finds its transaction, and what a transaction itself sends beside its request: the ACK of a refusal, CANCEL.

use bytes::Bytes;

use super::wire::Keyed;
use crate::endpoint::OwnVia;
use crate::message::{Message, Name, Writer, has_cookie};

/// The port of a sent-by without one.
const DEFAULT_PORT: u16 = 5060;
/// RFC 1035: the longest name of a host.
const HOST_MAX: usize = 255;

/// RFC 3261, 17.2.3: what makes a request the same request again, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ServerKey(u64);

impl ServerKey {
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// `method` stands for the request's own: an ACK or CANCEL looks for the INVITE it speaks of.
    /// `None` when a field that is needed cannot be read.
    pub(crate) fn of(message: &Message, hash: &Keyed, method: &[u8]) -> Option<Self> {
        let via = message.via().ok()?;
        let key = match message.branch() {
            Some(branch) if has_cookie(branch) => {
                let port = via.port.unwrap_or(DEFAULT_PORT).to_be_bytes();
                // A host in other letters is the same; one that is longer than any host is compared as it stands.
                let mut lower = [0; HOST_MAX];
                let host = match lower.get_mut(..via.host.len()) {
                    Some(lower) => {
                        lower.copy_from_slice(via.host);
                        lower.make_ascii_lowercase();
                        lower
                    }
                    None => via.host,
                };
                hash.of(&[method, branch, host, &port])
            }
            // A peer of RFC 2543: Request-URI, From tag, Call-ID, CSeq number and the whole top Via. The To tag is left out,
            // since the ACK has one and its INVITE has none; who else would share all the rest?
            _ => hash.of(&[
                method,
                message.uri(),
                message.from_tag().unwrap_or_default(),
                message.call_id().ok()?,
                &message.cseq().ok()?.number.to_be_bytes(),
                message.header(Name::Via)?,
            ]),
        };
        Some(Self(key))
    }
}

/// RFC 3261, 17.1.1.3: the ACK of a refusal is the INVITE's, but for the To of the response.
pub(super) fn ack_refusal(invite: &Message, response: &Message) -> Option<Bytes> {
    let mut ack = companion(invite, "ACK", None)?;
    ack.header("To", response.header(Name::To)?);
    Some(ack.end())
}

/// RFC 3261, 13.2.2.4: the ACK of a 2xx to a re-INVITE, whose To has a tag already, has a branch of its own.
pub(super) fn ack_2xx(invite: &Message, via: OwnVia) -> Option<Bytes> {
    let mut ack = companion(invite, "ACK", Some(via))?;
    ack.header("To", invite.header(Name::To)?);
    Some(ack.end())
}

/// RFC 3261, 9.1: Request-URI, Call-ID, To, From, CSeq number and the top Via of the INVITE, and its Route.
pub(super) fn cancel_of(invite: &Message, reason: Option<&str>) -> Option<Bytes> {
    let mut cancel = companion(invite, "CANCEL", None)?;
    cancel.header("To", invite.header(Name::To)?);
    if let Some(reason) = reason {
        cancel.header("Reason", reason);
    }
    Some(cancel.end())
}

/// What ACK and CANCEL have in common. Without a `via` of its own it is part of the INVITE's transaction and has that one's.
fn companion(invite: &Message, method: &str, via: Option<OwnVia>) -> Option<Writer> {
    let mut writer = Writer::request(method, invite.uri());
    match via {
        Some(via) => writer.own_via(via),
        None => writer.header("Via", invite.header(Name::Via)?),
    };
    writer.header("Max-Forwards", "70");
    for route in invite.headers(Name::Route) {
        writer.header("Route", route);
    }
    writer.header("From", invite.header(Name::From)?);
    writer.header("Call-ID", invite.header(Name::CallId)?);
    writer.cseq(invite.cseq().ok()?.number, method);
    Some(writer)
}
