//! What a leg hears is one unbroken RTP stream of our own (R26): one source identifier, one line of sequence numbers and timestamps, whatever feeds
//! it.
//!
//! A feed's own numbers are carried over by an offset, so that loss, order and timing stay as they were; when the feed changes or jumps, the offset is
//! set anew: the next sequence number, and the timestamp that the clock asks for.

use std::time::Instant;

use crate::{
    rtp::{Header, Stamp},
    samples_between,
};

/// A step of sequence numbers up to here is loss or reordering; a greater one is a jump.
const SEQUENCE_STEP_MAX: i16 = 100;
/// A timestamp that departs further than this from the clock is a jump: 4 s. A burst after a stall of the network stays below.
const TIMESTAMP_STEP_MAX: i64 = 32_000;

#[derive(Debug)]
pub(super) struct Line {
    ssrc: u32,
    next_sequence: u16,
    /// The greatest timestamp sent, and when it was sent; none before the first packet.
    newest: Option<(u32, Instant)>,
    first_timestamp: u32,
    /// Samples in the newest packet.
    duration: u32,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    Nothing,
    Tone,
    Leg(Relayed),
}

/// A leg that feeds the line.
#[derive(Debug)]
struct Relayed {
    slot: u32,
    ssrc: u32,
    /// The feed's newest sequence number.
    sequence: u16,
    /// The feed's greatest timestamp, and when it first came.
    timestamp: u32,
    at: Instant,
    /// Ours minus the feed's.
    sequence_offset: u16,
    timestamp_offset: u32,
    /// Our first sequence number under these offsets: a feed's packet from before it came too late.
    first: u16,
}

impl Line {
    pub(super) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        // RFC 3550, 5.1: all three are random. The upper half of the sequence numbers is left out so that the first wrap is not at once (RFC 3711, 3.3.1).
        Self { ssrc, next_sequence: sequence & 0x7FFF, newest: None, first_timestamp: timestamp, duration: 0, feed: Feed::Nothing }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp that belongs to `now`.
    pub(super) fn timestamp_at(&self, now: Instant) -> u32 {
        self.newest.map_or(self.first_timestamp, |(timestamp, at)| timestamp.wrapping_add(clock(at, now)))
    }

    /// The stamp of a packet that the leg in `slot` sent, `samples` long; none if it came too late to have a place on the line.
    #[inline]
    pub(super) fn relay(&mut self, now: Instant, slot: u32, header: &Header, samples: u32, payload_type: u8) -> Option<Stamp> {
        if let Feed::Leg(relayed) = &mut self.feed
            && relayed.slot == slot
            && relayed.ssrc == header.ssrc
        {
            let sequence = header.sequence.wrapping_add(relayed.sequence_offset);
            let timestamp = header.timestamp.wrapping_add(relayed.timestamp_offset);
            let stamp = Stamp { marker: header.marker, payload_type, sequence, timestamp, ssrc: self.ssrc };
            let step = header.sequence.wrapping_sub(relayed.sequence).cast_signed();
            if (-SEQUENCE_STEP_MAX..=0).contains(&step) {
                return (sequence.wrapping_sub(relayed.first).cast_signed() >= 0).then_some(stamp);
            }
            let passed = i64::from(header.timestamp.wrapping_sub(relayed.timestamp).cast_signed());
            // The packets of an event share one timestamp however long it lasts (RFC 4733, 2.2.1).
            let in_time = passed == 0 || (passed - samples_between(relayed.at, now)).abs() <= TIMESTAMP_STEP_MAX;
            if step <= SEQUENCE_STEP_MAX && step > 0 && in_time {
                relayed.sequence = header.sequence;
                self.next_sequence = sequence.wrapping_add(1);
                if passed > 0 {
                    relayed.timestamp = header.timestamp;
                    relayed.at = now;
                    self.newest = Some((timestamp, now));
                    self.duration = samples;
                }
                return Some(stamp);
            }
        }
        let stamp = self.begin(now, samples, payload_type);
        self.feed = Feed::Leg(Relayed {
            slot,
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            at: now,
            sequence_offset: stamp.sequence.wrapping_sub(header.sequence),
            timestamp_offset: stamp.timestamp.wrapping_sub(header.timestamp),
            first: stamp.sequence,
        });
        Some(stamp)
    }

    /// A packet of the leg in `slot` is left out on purpose: the line closes up over it, so that it does not look lost.
    pub(super) fn skip(&mut self, slot: u32, header: &Header) {
        if let Feed::Leg(relayed) = &mut self.feed
            && relayed.slot == slot
            && relayed.ssrc == header.ssrc
            && (1..=SEQUENCE_STEP_MAX).contains(&header.sequence.wrapping_sub(relayed.sequence).cast_signed())
        {
            relayed.sequence = header.sequence;
            relayed.sequence_offset = relayed.sequence_offset.wrapping_sub(1);
            relayed.first = header.sequence.wrapping_add(relayed.sequence_offset).wrapping_add(1);
        }
    }

    /// The stamp of a tone's next packet, `samples` long, due at `now`.
    pub(super) fn tone(&mut self, now: Instant, samples: u32, payload_type: u8) -> Stamp {
        if let (Feed::Tone, Some((newest, _))) = (&self.feed, self.newest) {
            let stamp = Stamp {
                marker: false,
                payload_type,
                sequence: self.next_sequence,
                timestamp: newest.wrapping_add(self.duration),
                ssrc: self.ssrc,
            };
            self.sent(now, &stamp, samples);
            return stamp;
        }
        let stamp = self.begin(now, samples, payload_type);
        self.feed = Feed::Tone;
        stamp
    }

    /// What feeds the line has paused: the next packet begins anew, by the clock.
    pub(super) fn pause(&mut self) {
        self.feed = Feed::Nothing;
    }

    /// The first packet of a feed: next in sequence, at the time that the clock shows, yet behind what was sent before.
    fn begin(&mut self, now: Instant, samples: u32, payload_type: u8) -> Stamp {
        let timestamp =
            self.newest.map_or(self.first_timestamp, |(timestamp, at)| timestamp.wrapping_add(clock(at, now).max(self.duration)));
        let stamp = Stamp { marker: true, payload_type, sequence: self.next_sequence, timestamp, ssrc: self.ssrc };
        self.sent(now, &stamp, samples);
        stamp
    }

    fn sent(&mut self, now: Instant, stamp: &Stamp, samples: u32) {
        self.next_sequence = stamp.sequence.wrapping_add(1);
        self.newest = Some((stamp.timestamp, now));
        self.duration = samples;
    }
}

/// The samples from `earlier` to `now`, as a timestamp counts them: modulo 2^32.
fn clock(earlier: Instant, now: Instant) -> u32 {
    (samples_between(earlier, now) & i64::from(u32::MAX)) as u32
}
