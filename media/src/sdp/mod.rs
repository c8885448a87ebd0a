//! Session descriptions (RFC 8866) and what we offer and answer with them (RFC 3264): one audio stream of G.711 with telephone-event.
//!
//! What a device sends is read ([`parse`]), then negotiated ([`negotiate`]), and what we send is printed ([`print`]). Everything is a pure
//! function; nothing here panics on any input (B-52).

mod negotiate;
mod parse;
mod print;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

pub use negotiate::{OfferedMedia, read_answer, read_offer};
pub use print::offer;

use crate::Payloads;

/// The payload type under which we offer telephone-event.
pub(crate) const OFFERED_DTMF_PT: u8 = 101;
/// How much audio a packet of ours holds, in milliseconds.
pub(crate) const PTIME_MS: u8 = 20;

/// Our side of a leg, as a description shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalMedia {
    /// The address at which the other side reaches us.
    pub address: IpAddr,
    /// The port of our RTP; RTCP is on the next one.
    pub rtp_port: u16,
    /// The session id of `o=`, constant for the life of the leg.
    pub session_id: u64,
    /// The session version of `o=`, one more with every description of the leg that differs (RFC 3264, 8).
    pub version: u64,
}

/// The other side of a leg, as its description shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Where it wants RTP; none for port 0 and the address 0.0.0.0 or `::` (RFC 3264, 8.4): then there is nowhere to send to.
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP, if it says so (RFC 3605) and that is on the host of `rtp`; otherwise that is the port above `rtp`.
    pub rtcp: Option<SocketAddr>,
    /// What was agreed on.
    pub payloads: Payloads,
    /// Whether it sends: `sendrecv` or `sendonly`, seen from it.
    pub sends: bool,
    /// Whether it receives: `sendrecv` or `recvonly`, seen from it, with a port and an address to receive at.
    pub receives: bool,
    /// How much audio it wants in a packet, in milliseconds; 20 unless it says otherwise.
    pub ptime_ms: u8,
}

/// Why a description cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// It cannot be read: 400.
    #[error("broken session description: {0}")]
    Broken(&'static str),
    /// It can be read, but there is no audio stream in it that we can take (R16): 488.
    #[error("no common codec")]
    NoCommonCodec,
}
