//! Media without IO: session descriptions, RTP and RTCP, DTMF, G.711, tones, the relay and its taps. Opens no socket, reads no clock, and knows
//! neither calls nor SIP.
//!
//! A media worker owns one [`Relay`] and feeds it commands and packets; what comes out is packets to send and things to tell. Session
//! descriptions ([`offer`], [`read_offer`], [`read_answer`]) are pure functions that call control uses.

use std::time::Instant;

mod codec;
mod dtmf;
mod relay;
mod rtcp;
pub mod rtp;
mod sdp;
mod stats;
mod tap;
mod tone;

pub use codec::{Codec, Payloads, g711};
pub use relay::{Command, Component, Forward, Hears, LEGS_MAX, Latch, LegId, MediaEvent, Output, PacketBuf, Relay, RelayStats};
pub use sdp::{LocalMedia, OfferedMedia, Remote, SdpError, offer, read_answer, read_offer};
pub use stats::LegStats;
pub use tap::{Channel, TAP_FRAMES_MAX, TAP_PAYLOAD_MAX, TapFrame, TapFrames};
pub use tone::{Tone, ToneSet};

/// Samples a second: every codec of this room runs on the 8 kHz clock of telephony.
pub const SAMPLE_RATE: u32 = 8000;

/// Samples in a millisecond.
pub(crate) const SAMPLES_PER_MS: u32 = SAMPLE_RATE / 1000;

/// The samples from `earlier` to `later`; 0 if it is the other way round.
#[inline]
pub(crate) fn samples_between(earlier: Instant, later: Instant) -> i64 {
    let passed = later.saturating_duration_since(earlier);
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX).saturating_mul(i64::from(SAMPLE_RATE))
        + i64::from(passed.subsec_nanos()) * i64::from(SAMPLE_RATE) / 1_000_000_000
}
