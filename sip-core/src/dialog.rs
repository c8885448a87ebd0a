//! A dialog (RFC 3261, 12): who speaks with whom, under which tags and numbers, and how the next request is addressed.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::{
    flow::Flow,
    message::{Contacts, Message, Method, Name, NameAddr, Writer, peer_flow},
    transaction::Tag,
    uri::SipUri,
};

/// RFC 3261, 8.1.1.6: what a request starts with.
pub(crate) const MAX_FORWARDS: &str = "70";

/// The state of RFC 3261, 12.1, and the flow by which the peer is reached.
///
/// The peers are phones behind NAT, so requests go to the flow on which the peer was last heard, not to the host of the remote
/// target; Request-URI and Route are as the RFC wants them, for proxies further on.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) call_id: Bytes,
    /// Empty for a peer of RFC 2543, which may send none (12.1.1), and before the first response.
    pub(crate) remote_tag: Bytes,
    /// From of our requests, with our tag.
    local: Bytes,
    /// To of our requests, with the peer's tag.
    remote: Bytes,
    /// The remote target: the peer's Contact.
    target: Bytes,
    /// The route set, first hop first.
    routes: Vec<Bytes>,
    local_seq: u32,
    remote_seq: Option<u32>,
    pub(crate) flow: Flow,
}

impl Dialog {
    /// 12.1.1: of an INVITE that we answer under `tag`. `None` when the message lacks what a parsed one has.
    pub(crate) fn as_server(invite: &Message, flow: Flow, tag: Tag) -> Option<Self> {
        let from = invite.from().ok()?;
        let mut local = invite.header(Name::To)?.to_vec();
        local.extend_from_slice(format!(";tag={tag}").as_bytes());
        Some(Self {
            call_id: copy(invite.call_id().ok()?),
            remote_tag: copy(from.tag().unwrap_or_default()),
            local: local.into(),
            remote: copy(invite.header(Name::From)?),
            // A peer of RFC 2543 may send no Contact: its From says best where it is.
            target: contact(invite).unwrap_or_else(|| copy(from.uri)),
            routes: invite.values(Name::RecordRoute).map(copy).collect(),
            local_seq: 0,
            remote_seq: invite.cseq().ok().map(|cseq| cseq.number),
            flow: peer_flow(invite, flow),
        })
    }

    /// 12.1.2: of our `invite` and a response to it that carries a tag (or a 2xx without one).
    pub(crate) fn as_client(invite: &Message, response: &Message, flow: Flow) -> Option<Self> {
        let mut routes: Vec<Bytes> = response.values(Name::RecordRoute).map(copy).collect();
        routes.reverse();
        Some(Self {
            call_id: copy(invite.call_id().ok()?),
            remote_tag: copy(response.to().ok()?.tag().unwrap_or_default()),
            local: copy(invite.header(Name::From)?),
            remote: copy(response.header(Name::To)?),
            target: contact(response).unwrap_or_else(|| copy(invite.uri())),
            routes,
            local_seq: invite.cseq().ok()?.number,
            remote_seq: None,
            flow,
        })
    }

    /// Whether `message`, a request whose To tag is ours, is of this dialog.
    pub(crate) fn is_of(&self, message: &Message) -> bool {
        let tag = message.from().ok().and_then(|from| from.tag()).unwrap_or_default();
        message.call_id().is_ok_and(|call_id| call_id == self.call_id) && tag == self.remote_tag
    }

    /// 12.2.2: a request in order raises the remote number; false for one that comes too late.
    pub(crate) fn take_seq(&mut self, number: u32) -> bool {
        match self.remote_seq.map_or(Ordering::Greater, |last| number.cmp(&last)) {
            Ordering::Greater => {
                self.remote_seq = Some(number);
                true
            }
            // An equal one is no retransmission, or its transaction would have taken it.
            Ordering::Equal | Ordering::Less => false,
        }
    }

    /// What the early dialog learned before it was confirmed.
    pub(crate) fn carry_on(&mut self, early: &Dialog) {
        self.remote_seq = early.remote_seq;
        self.flow = early.flow;
    }

    /// 12.2.2: a target refresh request (re-INVITE, UPDATE) moves the remote target.
    pub(crate) fn refresh_target(&mut self, request: &Message) {
        if let Some(target) = contact(request) {
            self.target = target;
        }
    }

    /// Begins the next request: its number is one higher than the last.
    pub(crate) fn next_request(&mut self, method: Method, via: &str) -> Writer {
        self.local_seq = self.local_seq.saturating_add(1);
        self.write(method.as_str(), via, self.local_seq)
    }

    /// 13.2.2.4: the ACK of a 2xx has the number of its INVITE and a branch of its own.
    pub(crate) fn ack(&self, via: &str, number: u32) -> Writer {
        self.write(Method::Ack.as_str(), via, number)
    }

    /// 12.2.1.1. A first route without `lr` is a strict router: it wants its URI as the Request-URI and the target as last Route.
    fn write(&self, method: &str, via: &str, number: u32) -> Writer {
        let strict = self
            .routes
            .first()
            .and_then(|route| NameAddr::parse(route, Name::Route).ok())
            .map(|route| route.uri)
            .filter(|uri| !is_loose(uri));
        let mut writer = Writer::request(method, strict.unwrap_or(&self.target));
        writer.header("Via", via).header("Max-Forwards", MAX_FORWARDS);
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.header("Route", route);
        }
        if strict.is_some() {
            writer.header("Route", [b"<", self.target.as_ref(), b">"].concat());
        }
        writer
            .header("From", &self.local)
            .header("To", &self.remote)
            .header("Call-ID", &self.call_id)
            .header("CSeq", format!("{number} {method}"));
        writer
    }
}

/// The URI of the first Contact.
fn contact(message: &Message) -> Option<Bytes> {
    match message.contacts().ok()? {
        Contacts::Star => None,
        Contacts::List(list) => list.first().map(|contact| copy(contact.uri)),
    }
}

/// 16.12: whether a router reads Route headers as RFC 3261 does. What cannot be read is taken for loose.
fn is_loose(uri: &[u8]) -> bool {
    SipUri::parse(uri).map_or(true, |uri| uri.params.get("lr").is_some())
}

/// A copy of its own: a slice of the datagram would keep all of it for as long as the call lasts.
fn copy(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
