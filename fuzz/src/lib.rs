//! The fuzz targets as plain functions: octets in, a panic if something is wrong. Knows nothing of the fuzzer that calls them.
//!
//! Each says in its first line what it holds true of its input. Those that play a sequence read it from the octets with
//! [`arbitrary::Unstructured`], which takes what it needs from the front and is content with less.

pub mod challenge;
pub mod digest;
pub mod guard;
pub mod locator;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sip_endpoint;
pub mod sip_message;
pub mod sip_stream;
pub mod uri;
pub mod websocket;

use std::{
    net::SocketAddr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use arbitrary::Unstructured;

/// A target: it panics at what must not be.
pub type Target = fn(&[u8]);

/// Every target, by the name of its program and of its corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("challenge", challenge::run),
    ("digest", digest::run),
    ("guard", guard::run),
    ("locator", locator::run),
    ("rtcp", rtcp::run),
    ("rtp", rtp::run),
    ("sdp", sdp::run),
    ("sip_endpoint", sip_endpoint::run),
    ("sip_message", sip_message::run),
    ("sip_stream", sip_stream::run),
    ("uri", uri::run),
    ("websocket", websocket::run),
];

/// The moment at which every run begins: time is virtual.
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// A pause of one of the lengths at which something may happen.
fn pause(input: &mut Unstructured<'_>) -> Duration {
    const MS: [u64; 8] = [0, 1, 20, 100, 500, 4_000, 33_000, 200_000];
    Duration::from_millis(pick(input, &MS).copied().unwrap_or_default())
}

/// One of `from`, as the input says; none of nothing.
fn pick<'a, T>(input: &mut Unstructured<'_>, from: &'a [T]) -> Option<&'a T> {
    let choice = usize::from(input.arbitrary::<u8>().unwrap_or_default());
    from.get(choice.checked_rem(from.len())?)
}

/// Up to `most` octets of the input.
fn octets<'a>(input: &mut Unstructured<'a>, most: usize) -> &'a [u8] {
    let wanted = usize::from(input.arbitrary::<u16>().unwrap_or_default()).min(most).min(input.len());
    input.bytes(wanted).unwrap_or_default()
}

/// Whether `what` stands in `octets`. The fuzzer sees what it is compared with, and learns to say it.
fn has(octets: &[u8], what: &str) -> bool {
    octets.windows(what.len()).any(|window| window == what.as_bytes())
}

/// An address and port of the peers' network.
fn peer(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], port))
}
