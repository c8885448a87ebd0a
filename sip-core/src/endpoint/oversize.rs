//! INVITEs that are too long for a datagram (RFC 3261, 18.1.1; B-38): they go over TCP, and over UDP after all if nobody listens there.
//!
//! ```text
//!   fits, or no way over TCP is known ──▶ UDP
//!   does not ──▶ TCP ── the stream cannot be opened, or ends before a word ──▶ UDP, in fragments
//!                  └─── silence: timer B, as over UDP
//! ```
//!
//! That is for targets that were located. A phone that has registered over UDP has no port for TCP, and its NAT lets nothing else in: what is sent to
//! it stays on its flow and goes in fragments, knowingly. So does a request within a dialog that began over UDP: nobody knows of its peer whether it
//! listens for TCP. A dialog that began over TCP stays there.

use std::time::Instant;

use super::{Endpoint, SessionId, account::once_more};
use crate::{
    flow::{Flow, Transport},
    message::{Message, Name},
    session::{Stage, Stop},
    transaction::{Branch, OutgoingInvite, Purpose},
};

/// The longest request, in octets, that goes in a datagram to where nobody knows how long one may be (RFC 3261, 18.1.1).
pub const DATAGRAM_MAX: usize = 1_300;

/// An INVITE, and by which way it goes: its Via and Contact say so, too.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) flow: Flow,
    pub(crate) branch: Branch,
    pub(crate) request: Message,
}

/// How an INVITE goes.
#[derive(Debug)]
pub(super) struct Fitting {
    pub(super) by: Way,
    /// If that leads nowhere.
    pub(super) instead: Option<Box<Way>>,
}

impl Endpoint {
    /// The way of an INVITE that was made for `flow`; `tcp`: the way to the same target over TCP, if there is one; `udp`: that by datagrams,
    /// where one before went over TCP.
    pub(super) fn fit(&mut self, flow: Flow, branch: Branch, request: Message, tcp: Option<Flow>, udp: Option<Flow>) -> Fitting {
        let is_long = flow.transport == Transport::Udp && request.bytes().len() > DATAGRAM_MAX;
        let over_tcp = tcp.filter(|_| is_long).and_then(|tcp| self.by_another_way(&request, tcp));
        let over_udp = udp.filter(|udp| udp.transport != flow.transport).and_then(|udp| self.by_another_way(&request, udp));
        let made = Way { flow, branch, request };
        match over_tcp {
            Some(by) => Fitting { by, instead: Some(Box::new(made)) },
            None => Fitting { by: made, instead: over_udp.map(Box::new) },
        }
    }

    /// The same INVITE for another flow. It keeps its CSeq number: were it heard by both ways after all, it would be the same request twice, which a
    /// peer refuses (RFC 3261, 8.2.2.2) instead of ringing twice (R25).
    fn by_another_way(&mut self, request: &Message, flow: Flow) -> Option<Way> {
        let branch = self.wire.draw_branch();
        let number = request.cseq().ok()?.number;
        let place = self.settings.place(flow);
        let credentials = [(Name::Authorization, "Authorization"), (Name::ProxyAuthorization, "Proxy-Authorization")];
        let proofs: Vec<_> = credentials
            .into_iter()
            .flat_map(|(kind, name)| request.headers(kind).map(move |value| (name, String::from_utf8_lossy(value).into_owned())))
            .collect();
        let via = self.settings.via(flow, branch);
        let request = once_more(request, via, number, &[Name::Contact], &proofs, |writer| {
            writer.own_contact(place);
        })?;
        Some(Way { flow, branch, request })
    }

    /// The ways that a session's INVITE may still take: over TCP, and by datagrams if it went over TCP.
    pub(super) fn ways_left(&self, id: SessionId) -> (Option<Flow>, Option<Flow>) {
        match self.sessions.get(id.0).map(|session| &session.stage) {
            Some(Stage::Calling(calling)) => (calling.tcp, calling.instead.as_ref().map(|way| way.flow)),
            _ => (None, None),
        }
    }

    /// The way of a session's INVITE led nowhere, before anything was heard: it is sent by the other one, if there is one and it is still wanted.
    pub(super) fn invite_instead(&mut self, now: Instant, id: SessionId) -> bool {
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return false };
        let Some(way) = calling.instead.take().filter(|_| matches!(calling.stop, Stop::No)) else { return false };
        calling.tcp = None;
        let Way { flow, branch, request } = *way;
        let outgoing = OutgoingInvite { flow, branch, request, purpose: Purpose::Invite(id) };
        calling.tx = self.transactions.invite_with(&mut self.wire, now, outgoing);
        true
    }
}
