//! How an endpoint is set up: its limits, which know each other, and the address under which each peer sees us.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::Extras;
use crate::{
    flow::{Flow, Transport},
    notifier::NotifierSettings,
    timer::Timers,
    transaction::{Branch, Limits},
};

/// How the endpoint is set up.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// T1, T2 and T4 (RFC 3261, table 4).
    pub timers: Timers,
    /// What stands in User-Agent and Server; empty for neither.
    pub user_agent: String,
    /// Transactions at once, both sides, up to which new work is taken; beyond it a new INVITE or OPTIONS gets a stateless 503. What
    /// belongs to sessions that live already (BYE, CANCEL, re-INVITE, INFO, our own) has room of its own above it: 2 transactions for
    /// each of `sessions_max`, and at least a quarter of this. REGISTERs have what calls can never need of it, and at least a quarter;
    /// beyond that they are answered all the same, and the answer is not kept.
    pub transactions_max: usize,
    /// Sessions at once. Beyond it a new INVITE gets 503, and [`crate::Endpoint::invite`] gives `None`.
    pub sessions_max: usize,
    /// Our address for peers beyond a NAT that maps us one to one (a cloud's public address). Peers that are neither loopback nor in
    /// `local_nets` see it in Via and Contact; the port stays that of the socket. `None`, or an address of the other family than the
    /// socket's: all peers see the socket's own.
    pub public_address: Option<IpAddr>,
    /// The networks on our side of that NAT.
    pub local_nets: Vec<IpNet>,
    /// RFC 4028: seconds without a refresh after which a session is over; what we ask for. 0: we ask for none, but keep to what the
    /// peer asks for. Never less than `session_min_s`, at most a day.
    pub session_expires_s: u32,
    /// The least that we let a peer ask for, in seconds; less gets 422. Never less than 90 (RFC 4028, 4).
    pub session_min_s: u32,
    /// As callee: which provisional responses go out reliably (RFC 3262) to a caller that supports it. One that requires it gets all of
    /// them so, whatever stands here.
    pub reliable: Reliable,
    /// As caller: whether our INVITE says that it supports reliable provisional responses. They are never required, and are acknowledged in
    /// any case.
    pub takes_reliable: bool,
    /// What the owner takes part in beyond calls and registrations.
    pub extras: Extras,
    /// The bounds of subscriptions.
    pub notifier: NotifierSettings,
}

/// Which provisional responses above 100 go out reliably, so that they are repeated until a PRACK (RFC 3262, 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliable {
    /// None.
    Never,
    /// Those with a session description: what a caller hears before the answer depends on it. A 180 that is lost costs nobody anything.
    #[default]
    WithSdp,
    /// All of them.
    Always,
}

/// RFC 4028, 4.2: the recommended session interval.
const SESSION_EXPIRES_S: u32 = 1_800;
/// A day.
const SESSION_S_MAX: u32 = 86_400;
/// RFC 4028, 5: "a value of at least 90 seconds".
pub(crate) const SESSION_MIN_S: u32 = 90;

/// Where a peer sees us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnPlace {
    pub(crate) transport: Transport,
    pub(crate) seen: SocketAddr,
}

/// The Via of a request of ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnVia {
    pub(crate) place: OwnPlace,
    pub(crate) branch: Branch,
}

/// A call has two parties, each a session of ours.
const LEGS_A_CALL: usize = 2;
/// While one party is consulted, or the next of a group is rung, a call has a session more.
const CONSULTATIONS_A_CALL: usize = 1;
/// A session whose peer has gone silent keeps its place for 64*T1 after its call is over, while the next call begins.
const LEAVING_A_CALL: usize = 1;
/// An INVITE, a CANCEL or BYE, and one request between them; and one of the session that had the place before, since a transaction
/// stays for up to 64*T1 after its last message.
const TRANSACTIONS_A_SESSION: usize = 4;
/// For REGISTERs with credentials, which belong to no call: 10,000 phones that come back within a minute (B-19) are 5,400 transactions of
/// 32 seconds, and as many again if each must come twice. Of who has proven nothing, and of OPTIONS, nothing is kept.
const TRANSACTIONS_OUTSIDE: usize = 20_000;
/// What a live session can always have at once, however full it is with new work: a request of each side.
const TRANSACTIONS_INSIDE: usize = 2;

impl EndpointSettings {
    /// The limits for `calls_max` calls at once. The timers are the usual ones, and no NAT is assumed.
    #[must_use]
    pub fn for_calls(calls_max: usize, user_agent: String) -> Self {
        let sessions_max = calls_max.max(1).saturating_mul(LEGS_A_CALL + CONSULTATIONS_A_CALL + LEAVING_A_CALL);
        Self {
            timers: Timers::default(),
            user_agent,
            transactions_max: sessions_max.saturating_mul(TRANSACTIONS_A_SESSION).saturating_add(TRANSACTIONS_OUTSIDE),
            sessions_max,
            public_address: None,
            local_nets: Vec::new(),
            session_expires_s: SESSION_EXPIRES_S,
            session_min_s: SESSION_MIN_S,
            reliable: Reliable::default(),
            takes_reliable: true,
            extras: Extras::default(),
            notifier: NotifierSettings::default(),
        }
    }

    /// Our address and port as the peer of `flow` is told it, in SIP and wherever else an address of ours is written down.
    /// No IPv4 in the clothes of IPv6, and no scope.
    #[must_use]
    pub fn seen_at(&self, flow: Flow) -> SocketAddr {
        let (local, peer) = (flow.local.ip().to_canonical(), flow.remote.ip().to_canonical());
        let is_near = peer.is_loopback() || self.local_nets.iter().any(|net| net.contains(&peer));
        let public = self.public_address.filter(|public| !is_near && public.is_ipv4() == local.is_ipv4());
        SocketAddr::new(public.unwrap_or(local), flow.local.port())
    }

    /// The Via of a request of ours on `flow`.
    pub(crate) fn via(&self, flow: Flow, branch: Branch) -> OwnVia {
        OwnVia { place: self.place(flow), branch }
    }

    /// How we are named on `flow`: in our Contact there.
    pub(crate) fn place(&self, flow: Flow) -> OwnPlace {
        OwnPlace { transport: flow.transport, seen: self.seen_at(flow) }
    }

    /// What we ask for as a session interval, within its limits; 0: nothing.
    pub(crate) fn session_expires(&self) -> u32 {
        match self.session_expires_s {
            0 => 0,
            asked => asked.clamp(self.session_min(), SESSION_S_MAX),
        }
    }

    /// The least session interval that we take.
    pub(crate) fn session_min(&self) -> u32 {
        self.session_min_s.clamp(SESSION_MIN_S, SESSION_S_MAX)
    }

    /// How many transactions there may be: of all kinds, above these for what belongs to live sessions, and among them of no session.
    pub(super) fn limits(&self) -> Limits {
        let (all, least) = (self.transactions_max, (self.transactions_max / 4).max(1));
        Limits {
            all,
            kept: self.sessions_max.saturating_mul(TRANSACTIONS_INSIDE).max(least),
            outside: all.saturating_sub(self.sessions_max.saturating_mul(TRANSACTIONS_A_SESSION)).max(least),
        }
    }
}

impl Default for EndpointSettings {
    /// As for 5,000 calls, without a User-Agent.
    fn default() -> Self {
        Self::for_calls(5_000, String::new())
    }
}
