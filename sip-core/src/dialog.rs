//! A dialog (RFC 3261, 12): who speaks with whom, under which tags and numbers, and how the next request is addressed.

use std::cmp::Ordering;

use crate::{
    endpoint::OwnVia,
    flow::Flow,
    message::{Contacts, Message, Method, Name, NameAddr, Writer, peer_flow},
    transaction::Tag,
    uri::{SipUri, host_is},
};

/// RFC 3261, 8.1.1.6: what a request starts with.
pub(crate) const MAX_FORWARDS: &str = "70";

/// The state of RFC 3261, 12.1, and the flow by which the peer is reached.
///
/// The peers are phones behind NAT, so requests go to the flow on which the peer was last heard, not to the host of the remote
/// target; Request-URI and Route are as the RFC wants them, for proxies further on.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    /// Call-ID, remote tag, our From with our tag, their To with theirs, the remote target and the route set, one after the other: one
    /// piece of memory for as long as the call lasts, and no datagram is kept for a part of it.
    text: Box<[u8]>,
    /// Where each of the first five ends.
    ends: [u32; PARTS],
    /// Where each of the routes ends, first hop first. They begin where the five end.
    routes: Box<[u32]>,
    local_seq: u32,
    remote_seq: Option<u32>,
    pub(crate) flow: Flow,
}

const PARTS: usize = 5;
const CALL_ID: usize = 0;
const REMOTE_TAG: usize = 1;
const LOCAL: usize = 2;
const REMOTE: usize = 3;
const TARGET: usize = 4;

impl Dialog {
    /// 12.1.1: of an INVITE that we answer under `tag`. `None` when the message lacks what a parsed one has.
    pub(crate) fn as_server(invite: &Message, flow: Flow, tag: Tag) -> Option<Self> {
        let from = invite.from().ok()?;
        let contact = contact(invite);
        let local = [invite.header(Name::To)?, b";tag=", &tag.text()];
        let parts = [
            &[invite.call_id().ok()?][..],
            // Empty for a peer of RFC 2543, which may send none (12.1.1).
            &[invite.from_tag().unwrap_or_default()],
            &local,
            &[invite.header(Name::From)?],
            // A peer of RFC 2543 may send no Contact: its From says best where it is.
            &[contact.unwrap_or(from.uri)],
        ];
        let mut dialog = Self::of(parts, invite.values(Name::RecordRoute), peer_flow(invite, flow));
        dialog.remote_seq = invite.cseq().ok().map(|cseq| cseq.number);
        Some(dialog)
    }

    /// 12.1.2: of our `invite` and a response to it that carries a tag (or a 2xx without one).
    pub(crate) fn as_client(invite: &Message, response: &Message, flow: Flow) -> Option<Self> {
        let mut routes: Vec<&[u8]> = response.values(Name::RecordRoute).collect();
        routes.reverse();
        let parts = [
            &[invite.call_id().ok()?][..],
            &[response.to_tag().unwrap_or_default()],
            &[invite.header(Name::From)?],
            &[response.header(Name::To)?],
            &[contact(response).unwrap_or(invite.uri())],
        ];
        let mut dialog = Self::of(parts, routes.into_iter(), flow);
        dialog.local_seq = invite.cseq().ok()?.number;
        Some(dialog)
    }

    /// Each of the `parts` is in pieces.
    fn of<'a>(parts: [&[&[u8]]; PARTS], routes: impl Iterator<Item = &'a [u8]>, flow: Flow) -> Self {
        let mut text = Vec::with_capacity(parts.iter().flat_map(|pieces| pieces.iter()).map(|piece| piece.len()).sum());
        let ends = parts.map(|pieces| {
            pieces.iter().for_each(|piece| text.extend_from_slice(piece));
            end_of(&text)
        });
        let routes = routes
            .map(|route| {
                text.extend_from_slice(route);
                end_of(&text)
            })
            .collect();
        Self { text: text.into(), ends, routes, local_seq: 0, remote_seq: None, flow }
    }

    fn part(&self, at: usize) -> &[u8] {
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&end| end as usize);
        let to = self.ends.get(at).map_or(0, |&end| end as usize);
        self.text.get(from..to).unwrap_or_default()
    }

    fn routes(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = self.ends.last().map_or(0, |&end| end as usize);
        self.routes.iter().map(move |&to| {
            let route = self.text.get(from..to as usize).unwrap_or_default();
            from = to as usize;
            route
        })
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        self.part(CALL_ID)
    }

    /// Empty for a peer of RFC 2543.
    pub(crate) fn remote_tag(&self) -> &[u8] {
        self.part(REMOTE_TAG)
    }

    /// Whether what comes by `flow` comes from the peer's host: where it was heard before, whatever the port, or where its Contact or the
    /// proxies that record their route say by an address that it comes from. Not whether it is the peer: addresses can be forged.
    pub(crate) fn is_from(&self, flow: Flow) -> bool {
        let host = flow.remote.ip().to_canonical();
        let is_there = |uri: &[u8]| SipUri::parse(uri).is_ok_and(|uri| host_is(uri.host, host));
        self.flow.remote.ip().to_canonical() == host
            || is_there(self.part(TARGET))
            || self.routes().any(|route| NameAddr::parse(route, Name::Route).is_ok_and(|route| is_there(route.uri)))
    }

    /// Whether `message`, a request whose To tag is ours, is of this dialog.
    pub(crate) fn is_of(&self, message: &Message) -> bool {
        let tag = message.from_tag().unwrap_or_default();
        message.call_id().is_ok_and(|call_id| call_id == self.call_id()) && tag == self.remote_tag()
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
        // PRACK and UPDATE have numbers of their own (RFC 3262, 4).
        self.local_seq = self.local_seq.max(early.local_seq);
        // Over a stream the answer itself says best where the peer is.
        if !self.flow.transport.is_reliable() {
            self.flow = early.flow;
        }
    }

    /// 12.2.2: a target refresh request (re-INVITE, UPDATE) moves the remote target.
    pub(crate) fn refresh_target(&mut self, request: &Message) {
        let Some(target) = contact(request).filter(|target| *target != self.part(TARGET)) else { return };
        let (local_seq, remote_seq) = (self.local_seq, self.remote_seq);
        let parts = [CALL_ID, REMOTE_TAG, LOCAL, REMOTE].map(|at| [self.part(at)]);
        let [call_id, tag, local, remote] = &parts;
        let moved = Self::of([call_id, tag, local, remote, &[target]], self.routes(), self.flow);
        *self = Self { local_seq, remote_seq, ..moved };
    }

    /// The number of the last request.
    pub(crate) fn last_number(&self) -> u32 {
        self.local_seq
    }

    /// The number of the next request: one higher than the last.
    pub(crate) fn take_number(&mut self) -> u32 {
        self.local_seq = self.local_seq.saturating_add(1);
        self.local_seq
    }

    /// The request of the last number is not sent after all.
    pub(crate) fn give_back(&mut self) {
        self.local_seq = self.local_seq.saturating_sub(1);
    }

    /// Begins the next request.
    pub(crate) fn next_request(&mut self, method: Method, via: OwnVia) -> Writer {
        let number = self.take_number();
        self.write(method.as_str(), via, number)
    }

    /// 13.2.2.4: the ACK of a 2xx has the number of its INVITE and a branch of its own.
    pub(crate) fn ack(&self, via: OwnVia, number: u32) -> Writer {
        self.write(Method::Ack.as_str(), via, number)
    }

    /// 12.2.1.1. A first route without `lr` is a strict router: it wants its URI as the Request-URI and the target as last Route.
    fn write(&self, method: &str, via: OwnVia, number: u32) -> Writer {
        let strict = self
            .routes()
            .next()
            .and_then(|route| NameAddr::parse(route, Name::Route).ok())
            .map(|route| route.uri)
            .filter(|uri| !is_loose(uri));
        let mut writer = Writer::request(method, strict.unwrap_or(self.part(TARGET)));
        writer.own_via(via).header("Max-Forwards", MAX_FORWARDS);
        for route in self.routes().skip(usize::from(strict.is_some())) {
            writer.header("Route", route);
        }
        if strict.is_some() {
            writer.header("Route", [b"<", self.part(TARGET), b">"].concat());
        }
        writer.header("From", self.part(LOCAL)).header("To", self.part(REMOTE)).header("Call-ID", self.call_id()).cseq(number, method);
        writer
    }
}

/// The URI of the first Contact.
fn contact(message: &Message) -> Option<&[u8]> {
    match message.contacts().ok()? {
        Contacts::Star => None,
        Contacts::List(list) => list.first().map(|contact| contact.uri),
    }
}

/// The parts come from one message, or two, of at most 64 KiB each.
fn end_of(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// 16.12: whether a router reads Route headers as RFC 3261 does. What cannot be read is taken for loose.
fn is_loose(uri: &[u8]) -> bool {
    SipUri::parse(uri).map_or(true, |uri| uri.params.get("lr").is_some())
}
