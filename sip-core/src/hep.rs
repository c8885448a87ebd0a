//! A copy of a SIP message for a capture server: HEP, the Homer Encapsulation Protocol, version 3.
//!
//! A packet is the octets `HEP3`, its whole length (16 bits), and chunks: a vendor (16 bits, 0 is the protocol's own), a type (16 bits), the
//! chunk's whole length (16 bits), and a value. All numbers are in network byte order ("HEP3 Network Protocol Specification", revision 36,
//! sipcapture.org). Over TCP and TLS packets follow each other, told apart by their lengths.

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::flow::Transport;

/// The longest packet, in octets: its length has 16 bits.
pub const PACKET_MAX: usize = 65_535;

/// The longest packet that fits into one UDP datagram, over IPv4 and IPv6, in octets.
pub const DATAGRAM_MAX: usize = 65_507;

/// The longest authenticate key, in octets.
pub const AUTH_KEY_MAX: usize = 255;

/// The longest correlation id, in octets; a longer one is left out, for half of one names another call.
pub const CORRELATION_MAX: usize = 512;

/// Each begins with these octets.
const MAGIC: &[u8; 4] = b"HEP3";

/// A vendor, a type and a length.
const CHUNK_HEAD: usize = 6;

/// The protocol's own chunks.
const VENDOR: u16 = 0;

/// The types of chunks that a packet of ours has.
mod chunk {
    pub(super) const FAMILY: u16 = 0x01;
    pub(super) const IP_PROTOCOL: u16 = 0x02;
    pub(super) const SOURCE_V4: u16 = 0x03;
    pub(super) const DESTINATION_V4: u16 = 0x04;
    pub(super) const SOURCE_V6: u16 = 0x05;
    pub(super) const DESTINATION_V6: u16 = 0x06;
    pub(super) const SOURCE_PORT: u16 = 0x07;
    pub(super) const DESTINATION_PORT: u16 = 0x08;
    pub(super) const SECONDS: u16 = 0x09;
    pub(super) const MICROSECONDS: u16 = 0x0a;
    pub(super) const PROTOCOL: u16 = 0x0b;
    pub(super) const CAPTURE_ID: u16 = 0x0c;
    pub(super) const AUTH_KEY: u16 = 0x0e;
    pub(super) const PAYLOAD: u16 = 0x0f;
    pub(super) const CORRELATION: u16 = 0x11;
}

/// `AF_INET` and `AF_INET6`, as Linux has them.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;

/// The numbers of IP protocols (IANA).
const IP_TCP: u8 = 6;
const IP_UDP: u8 = 17;

/// The protocol type of SIP.
const SIP: u8 = 1;

/// What a packet tells. It may hold a secret key, so it is not shown.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    /// What carried the message. HEP knows UDP and TCP: what comes by a stream is TCP's, encrypted or not.
    pub transport: Transport,
    /// Who sent it.
    pub source: SocketAddr,
    /// Who got it.
    pub destination: SocketAddr,
    /// When it was seen: the time since 1970 (UTC), of which microseconds are told.
    pub at: Duration,
    /// Which capture agent saw it.
    pub capture_id: u32,
    /// What the capture server knows the agent by, [`AUTH_KEY_MAX`] octets at most; what is longer is cut. Empty: nothing.
    pub auth_key: &'a [u8],
    /// What it has in common with other messages of its call: the Call-ID. Empty, or longer than [`CORRELATION_MAX`]: nothing.
    pub correlation: &'a [u8],
    /// The message.
    pub message: &'a [u8],
}

impl Packet<'_> {
    /// Appends the packet, of `octets_max` octets at most ([`PACKET_MAX`] or [`DATAGRAM_MAX`]). A message that is too long for it is cut.
    /// Gives how many octets of the message were left out: 0 of a whole one.
    pub fn write(&self, octets_max: usize, into: &mut Vec<u8>) -> usize {
        let begin = into.len();
        into.extend_from_slice(MAGIC);
        // The length is known at the end.
        into.extend_from_slice(&[0; 2]);
        self.addresses(into);
        let (seconds, microseconds) = (u32::try_from(self.at.as_secs()).unwrap_or(u32::MAX), self.at.subsec_micros());
        chunk(into, chunk::SECONDS, &seconds.to_be_bytes());
        chunk(into, chunk::MICROSECONDS, &microseconds.to_be_bytes());
        chunk(into, chunk::PROTOCOL, &[SIP]);
        chunk(into, chunk::CAPTURE_ID, &self.capture_id.to_be_bytes());
        if !self.auth_key.is_empty() {
            chunk(into, chunk::AUTH_KEY, self.auth_key.get(..AUTH_KEY_MAX).unwrap_or(self.auth_key));
        }
        if (1..=CORRELATION_MAX).contains(&self.correlation.len()) {
            chunk(into, chunk::CORRELATION, self.correlation);
        }
        let taken = into.len() - begin + CHUNK_HEAD;
        let room = octets_max.min(PACKET_MAX).saturating_sub(taken);
        let message = self.message.get(..room).unwrap_or(self.message);
        chunk(into, chunk::PAYLOAD, message);
        let length = u16::try_from(into.len() - begin).unwrap_or(u16::MAX);
        if let Some(place) = into.get_mut(begin + MAGIC.len()..begin + MAGIC.len() + 2) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        self.message.len() - message.len()
    }

    fn addresses(&self, into: &mut Vec<u8>) {
        let ip_protocol = if self.transport.is_reliable() { IP_TCP } else { IP_UDP };
        // An IPv4 address that came by a socket of both families is one all the same.
        match (self.source.ip().to_canonical(), self.destination.ip().to_canonical()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                chunk(into, chunk::FAMILY, &[FAMILY_V4]);
                chunk(into, chunk::IP_PROTOCOL, &[ip_protocol]);
                chunk(into, chunk::SOURCE_V4, &source.octets());
                chunk(into, chunk::DESTINATION_V4, &destination.octets());
            }
            (source, destination) => {
                chunk(into, chunk::FAMILY, &[FAMILY_V6]);
                chunk(into, chunk::IP_PROTOCOL, &[ip_protocol]);
                chunk(into, chunk::SOURCE_V6, &v6(source));
                chunk(into, chunk::DESTINATION_V6, &v6(destination));
            }
        }
        chunk(into, chunk::SOURCE_PORT, &self.source.port().to_be_bytes());
        chunk(into, chunk::DESTINATION_PORT, &self.destination.port().to_be_bytes());
    }
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// One chunk; its value is shorter than a packet.
fn chunk(into: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(CHUNK_HEAD + value.len()).unwrap_or(u16::MAX);
    for number in [VENDOR, kind, length] {
        into.extend_from_slice(&number.to_be_bytes());
    }
    into.extend_from_slice(value);
}
