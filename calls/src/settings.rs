//! What the switchboard is told at its start, and again when its configuration is read anew.

use std::{fmt, net::IpAddr, time::Duration};

use ipnet::IpNet;
use seats::SeatsSettings;
use sip_core::{Algorithm, ArmourSettings, EndpointSettings, Extras, NotifierSettings, RegistrarSettings};

/// A phone watches so long without a word, in seconds. After a restart we know of no subscription: a lamp may stand wrong until its phone asks again.
const WATCHING_S: u32 = 600;

/// The parameters of call control.
#[derive(Clone)]
pub struct Settings {
    /// Our SIP domain, as in From and To of what we send.
    pub domain: String,
    /// What we call ourselves in User-Agent and Server.
    pub user_agent: String,
    /// The address that SDP offers for media, if it is always the same one; else per leg the one that its signalling arrived at (R19).
    pub media_address: Option<IpAddr>,
    /// What peers outside of `local_nets` are told instead, in SIP and SDP, if this machine stands behind NAT.
    pub public_address: Option<IpAddr>,
    /// The networks in which our own addresses are reachable as they are.
    pub local_nets: Vec<IpNet>,
    /// A call in which no audio arrives for this long, while nobody holds, is ended.
    pub media_timeout: Duration,
    /// How long a called number rings, in seconds.
    pub ring_s: u32,
    /// How long the operator's own phone rings before a call is given up, in seconds (R8).
    pub slot_ring_s: u32,
    /// RFC 4028: seconds without a refresh after which a session is over; what we ask for. 0: we ask for none, but keep to what a phone
    /// asks for. Bounds in [`sip_core::EndpointSettings::session_expires_s`].
    pub session_expires_s: u32,
    /// The least that we let a phone ask for, in seconds: 90 or more.
    pub session_min_s: u32,
    /// Calls at once.
    pub calls_max: usize,
    /// Whether answered calls are recorded.
    pub recording: bool,
    /// Bounds of registrations.
    pub registrar: RegistrarSettings,
    /// Digest algorithms that phones may use, preferred first.
    pub digest: Vec<Algorithm>,
    /// The key of digest nonces: 32 random octets, drawn anew for each run, so that nonces of the last run are stale and not replayed.
    /// Only that of the start counts.
    pub nonce_key: [u8; 32],
    /// How long a digest nonce is good.
    pub nonce_life: Duration,
    /// A lease ends this long after its holder's last sign of life (R6).
    pub lease: Duration,
    /// A taken slot waits this long for its lost phone before it leaves READY (R5).
    pub unregistered_grace: Duration,
    /// Octets of SIP messages that are kept for ladders, all calls together; 0 keeps none.
    pub ladder_memory: usize,
    /// Networks that carriers may be in although they are not public.
    pub carrier_nets: Vec<IpNet>,
    /// Who is banned for what. Carriers are exempt without being named here.
    pub armour: ArmourSettings,
}

/// Not all of it: there is a key among it.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("domain", &self.domain).field("calls_max", &self.calls_max).finish_non_exhaustive()
    }
}

impl Settings {
    /// What the endpoint has to know of it.
    pub(crate) fn endpoint(&self) -> EndpointSettings {
        EndpointSettings {
            public_address: self.public_address,
            local_nets: self.local_nets.clone(),
            session_expires_s: self.session_expires_s,
            session_min_s: self.session_min_s,
            extras: Extras { transfers: true, paths: self.registrar.flow_timer_s.is_some(), messages: true, events: true },
            notifier: NotifierSettings { expires_default_s: WATCHING_S, expires_max_s: WATCHING_S, ..NotifierSettings::default() },
            ..EndpointSettings::for_calls(self.calls_max, self.user_agent.clone())
        }
    }

    /// What the seats have to know of it.
    pub(crate) fn seats(&self) -> SeatsSettings {
        SeatsSettings { lease: self.lease, unregistered_grace: self.unregistered_grace }
    }
}
