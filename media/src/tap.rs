//! Taps: what a leg says, cut into frames and placed on a recording's time line.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{Codec, SAMPLES_PER_MS, rtp::Header, samples_between};

/// The most octets of audio in one frame: 60 ms of G.711. Longer packets are split.
pub const TAP_PAYLOAD_MAX: usize = 480;

/// The most pieces that gather before somebody takes them: more than a worker reads in one turn.
pub const TAP_FRAMES_MAX: usize = 4096;

/// Which channel of a recording (R15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Our side.
    Left,
    /// The world.
    Right,
}

/// A piece of what one leg sent us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TapFrame<'a> {
    /// Which recording.
    pub recording: u64,
    /// Which channel of it.
    pub channel: Channel,
    /// The position of the first sample on the recording's 8 kHz time line; sample 0 is the moment of the `Record` command.
    pub at: u64,
    /// How the octets are coded.
    pub codec: Codec,
    /// The audio, one octet a sample.
    pub audio: &'a [u8],
}

impl fmt::Debug for TapFrame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.audio.len();
        write!(f, "TapFrame({}, {:?}, at {}, {} x {length})", self.recording, self.channel, self.at, self.codec.name())
    }
}

/// Pieces of recordings that travel together: a recorder is handed what came in one turn of a worker, and not each packet by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TapFrames {
    heads: Vec<Head>,
    /// The audio of all of them, one behind the other.
    audio: Vec<u8>,
}

/// A [`TapFrame`] without its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    recording: u64,
    at: u64,
    channel: Channel,
    codec: Codec,
    length: u16,
}

impl TapFrames {
    /// Appends a piece; false, and it is not taken, if there are [`TAP_FRAMES_MAX`] already or if it is longer than [`TAP_PAYLOAD_MAX`].
    #[must_use]
    pub fn push(&mut self, frame: TapFrame<'_>) -> bool {
        let TapFrame { recording, channel, at, codec, audio } = frame;
        let Some(length) = u16::try_from(audio.len()).ok().filter(|_| audio.len() <= TAP_PAYLOAD_MAX) else { return false };
        if self.heads.len() >= TAP_FRAMES_MAX {
            return false;
        }
        self.heads.push(Head { recording, at, channel, codec, length });
        self.audio.extend_from_slice(audio);
        true
    }

    /// The pieces, in the order in which they were appended.
    pub fn iter(&self) -> impl Iterator<Item = TapFrame<'_>> {
        let mut rest = self.audio.as_slice();
        self.heads.iter().map(move |head| {
            let (audio, behind) = rest.split_at_checked(usize::from(head.length)).unwrap_or_default();
            rest = behind;
            let Head { recording, at, channel, codec, .. } = *head;
            TapFrame { recording, channel, at, codec, audio }
        })
    }

    /// How many pieces there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// All that is in it, in exchange for as much room as that took: what comes next is about as much.
    pub(crate) fn take(&mut self) -> Self {
        let next = Self { heads: Vec::with_capacity(self.heads.len()), audio: Vec::with_capacity(self.audio.len()) };
        std::mem::replace(self, next)
    }
}

impl From<TapFrame<'_>> for TapFrames {
    /// One piece; none if it is longer than [`TAP_PAYLOAD_MAX`].
    fn from(frame: TapFrame<'_>) -> Self {
        let mut frames = Self::default();
        let _ = frames.push(frame);
        frames
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

    pub(crate) fn channel(&self) -> Channel {
        self.channel
    }

    /// The frames of an audio packet; `late`: a later one came before it.
    #[inline]
    pub(crate) fn frames<'a>(
        &mut self,
        now: Instant,
        header: &Header,
        late: bool,
        codec: Codec,
        audio: &'a [u8],
    ) -> impl Iterator<Item = TapFrame<'a>> + use<'a> {
        let (recording, channel) = (self.recording, self.channel);
        let position = self.place(now, header, late).and_then(|position| u64::try_from(position).ok());
        position.into_iter().flat_map(move |position| {
            let positions = (position..).step_by(TAP_PAYLOAD_MAX);
            audio.chunks(TAP_PAYLOAD_MAX).zip(positions).map(move |(audio, at)| TapFrame { recording, channel, at, codec, audio })
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
