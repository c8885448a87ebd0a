//! Taps: what a leg says, cut into frames and placed on a recording's time line.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{Codec, SAMPLES_PER_MS, rtp::Header, samples_between};

/// The most octets of audio in one frame: 60 ms of G.711. Longer packets are split.
pub const TAP_PAYLOAD_MAX: usize = 480;

/// Which channel of a recording (R15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Our side.
    Left,
    /// The world.
    Right,
}

/// A piece of what one leg sent us.
#[derive(Clone, PartialEq, Eq)]
pub struct TapFrame {
    /// Which recording.
    pub recording: u64,
    /// Which channel of it.
    pub channel: Channel,
    /// The position of the first sample on the recording's 8 kHz time line; sample 0 is the moment of the `Record` command.
    pub at: u64,
    /// How the octets are coded.
    pub codec: Codec,
    /// How many octets of `payload` are audio.
    pub len: u16,
    /// The audio, then zeroes.
    pub payload: [u8; TAP_PAYLOAD_MAX],
}

impl TapFrame {
    /// The audio, one octet a sample.
    #[must_use]
    pub fn audio(&self) -> &[u8] {
        self.payload.get(..usize::from(self.len)).unwrap_or(&self.payload)
    }
}

impl fmt::Debug for TapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapFrame({}, {:?}, at {}, {} x {})", self.recording, self.channel, self.at, self.codec.name(), self.len)
    }
}

/// A position that departs further than this from the time of arrival is not believed: 200 ms, as long as a recorder waits for what is late.
const DEPARTURE_MAX: i64 = 200 * SAMPLES_PER_MS as i64;
/// Further behind than this is no stall of the network but a jump: 2 s.
const BEHIND_MAX: i64 = 2000 * SAMPLES_PER_MS as i64;
/// After a stall the network delivers in a burst what it held back; whoever is behind for longer than this has a new clock.
const BEHIND_FOR_MAX: Duration = Duration::from_millis(100);

/// One leg's part in one recording.
///
/// The first packet of a segment lies where it arrived; those after it lie by their timestamps, so that the network's jitter is not heard. A new
/// source or codec begins a new segment, and so does a clock that runs away from ours: at once if it runs ahead, jumps, or stood still until a new
/// talk spurt; after [`BEHIND_FOR_MAX`] if it merely falls behind, for that is also what the burst after a stall looks like.
#[derive(Debug)]
pub(crate) struct Tap {
    recording: u64,
    channel: Channel,
    started: Instant,
    segment: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    ssrc: u32,
    payload_type: u8,
    /// The newest packet's timestamp and position.
    timestamp: u32,
    position: i64,
    behind_since: Option<Instant>,
}

impl Tap {
    pub(crate) fn new(now: Instant, recording: u64, channel: Channel) -> Self {
        Self { recording, channel, started: now, segment: None }
    }

    pub(crate) fn recording(&self) -> u64 {
        self.recording
    }

    /// The frames of an audio packet; `late`: a later one came before it.
    pub(crate) fn frames(
        &mut self,
        now: Instant,
        header: &Header,
        late: bool,
        codec: Codec,
        audio: &[u8],
    ) -> impl Iterator<Item = TapFrame> {
        let (recording, channel) = (self.recording, self.channel);
        let position = self.place(now, header, late).and_then(|position| u64::try_from(position).ok());
        position.into_iter().flat_map(move |position| {
            let positions = (position..).step_by(TAP_PAYLOAD_MAX);
            audio.chunks(TAP_PAYLOAD_MAX).zip(positions).map(move |(audio, at)| {
                let mut payload = [0; TAP_PAYLOAD_MAX];
                for (octet, sample) in payload.iter_mut().zip(audio) {
                    *octet = *sample;
                }
                let len = u16::try_from(audio.len()).expect("a chunk is at most TAP_PAYLOAD_MAX long");
                TapFrame { recording, channel, at, codec, len, payload }
            })
        })
    }

    /// The position of a packet's first sample; none if it is so late that nobody knows.
    fn place(&mut self, now: Instant, header: &Header, late: bool) -> Option<i64> {
        let arrival = samples_between(self.started, now);
        if let Some(segment) =
            self.segment.as_mut().filter(|segment| segment.ssrc == header.ssrc && segment.payload_type == header.payload_type)
        {
            let position = segment.position + i64::from(header.timestamp.wrapping_sub(segment.timestamp).cast_signed());
            let departure = position - arrival;
            if late {
                return (-BEHIND_MAX..=DEPARTURE_MAX).contains(&departure).then_some(position);
            }
            let believed = if departure < -DEPARTURE_MAX {
                let behind_for = now.saturating_duration_since(*segment.behind_since.get_or_insert(now));
                departure >= -BEHIND_MAX && !header.marker && behind_for <= BEHIND_FOR_MAX
            } else {
                segment.behind_since = None;
                departure <= DEPARTURE_MAX
            };
            if believed {
                segment.timestamp = header.timestamp;
                segment.position = position;
                return Some(position);
            }
        }
        self.segment = Some(Segment {
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            timestamp: header.timestamp,
            position: arrival,
            behind_since: None,
        });
        Some(arrival)
    }
}
