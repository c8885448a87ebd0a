//! What the switchboard is told at its start.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use sip_core::{Algorithm, RegistrarSettings};

/// The parameters of call control.
#[derive(Debug, Clone)]
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
    /// Calls at once.
    pub calls_max: usize,
    /// Whether answered calls are recorded.
    pub recording: bool,
    /// Bounds of registrations.
    pub registrar: RegistrarSettings,
    /// Digest algorithms that phones may use, preferred first.
    pub digest: Vec<Algorithm>,
    /// The key of digest nonces: 32 random octets, drawn anew for each run, so that nonces of the last run are stale and not replayed.
    pub nonce_key: [u8; 32],
    /// How long a digest nonce is good.
    pub nonce_life: Duration,
    /// A lease ends this long after its holder's last sign of life (R6).
    pub lease: Duration,
    /// A taken slot waits this long for its lost phone before it leaves READY (R5).
    pub unregistered_grace: Duration,
}
