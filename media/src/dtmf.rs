//! DTMF as telephone-event (RFC 4733): one report a digit, whatever the network did to its packets.
//!
//! ```text
//! nothing --packet--> running --end packet----------> reported
//!                     running --another event-------> reported, running again
//!                     running --300 ms of silence---> reported
//! ```
//!
//! A report costs call control a step and a line in the journal, a packet costs a phone nothing: what no finger types is not reported.

use std::time::{Duration, Instant};

use crate::SAMPLES_PER_MS;

/// A running event sends a packet at least every 50 ms (RFC 4733, 2.5.1.2); this long without one, it is over and its end was lost.
const END_LOST: Duration = Duration::from_millis(300);
/// So far back an event's timestamp is an old packet's, further back it is a source that jumped: 10 s.
const OLD_MAX: u32 = 80_000;
/// An event that runs on beyond the 16 bits of its duration begins a new segment (RFC 4733, 2.5.1.3).
const SEGMENT_MIN: u16 = 0xFF00;

/// The most digits a second that are reported: a dialler sends ten (50 ms of tone, 50 ms of pause), and twice that is nobody's.
pub(crate) const DIGITS_PER_S: u32 = 20;

/// The payload of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// 0 to 15 are digits.
    pub(crate) code: u8,
    /// Whether the event is over.
    pub(crate) end: bool,
    /// How long it has lasted in this segment, in samples.
    pub(crate) duration: u16,
}

impl Event {
    /// RFC 4733, 2.3: event, end bit and volume, duration.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low] = *payload.first_chunk::<4>()?;
        Some(Self { code, end: flags & 0x80 != 0, duration: u16::from_be_bytes([high, low]) })
    }
}

/// A digit that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digit {
    pub(crate) digit: char,
    pub(crate) duration_ms: u32,
}

/// The digits of one leg.
#[derive(Debug, Default)]
pub(crate) struct Digits {
    current: Option<Current>,
    /// Digits of the second that began then.
    second: Option<(Instant, u32)>,
    dropped: u64,
}

#[derive(Debug)]
struct Current {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    /// Of the segments before this one.
    duration_before: u32,
    duration: u16,
    last: Instant,
    reported: bool,
}

impl Digits {
    /// A telephone-event packet came: at most two digits are told, one whose end was lost and this one.
    pub(crate) fn packet(&mut self, now: Instant, ssrc: u32, timestamp: u32, event: Event) -> [Option<Digit>; 2] {
        let mut lost_end = None;
        match &mut self.current {
            Some(current) if current.ssrc == ssrc && current.timestamp == timestamp => {
                current.last = now;
                current.duration = current.duration.max(event.duration);
            }
            Some(current) if current.ssrc == ssrc && is_before(timestamp, current.timestamp) => return [None, None],
            Some(current) if current.continues(ssrc, timestamp, event) => {
                current.duration_before = current.duration_before.saturating_add(u32::from(current.duration));
                current.timestamp = timestamp;
                current.duration = event.duration;
                current.last = now;
            }
            current => {
                lost_end = current.as_mut().and_then(Current::report);
                *current = Some(Current {
                    ssrc,
                    timestamp,
                    code: event.code,
                    duration_before: 0,
                    duration: event.duration,
                    last: now,
                    reported: false,
                });
            }
        }
        let ended = self.current.as_mut().filter(|_| event.end).and_then(Current::report);
        [lost_end, ended].map(|digit| self.within_limit(now, digit))
    }

    /// When the running event counts as over.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.current.as_ref().filter(|current| !current.reported).map(|current| current.last + END_LOST)
    }

    /// The running event, because the leg is closed.
    pub(crate) fn finish(&mut self, now: Instant) -> Option<Digit> {
        let digit = self.current.as_mut().and_then(Current::report);
        self.within_limit(now, digit)
    }

    /// The running event, if it counts as over.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Digit> {
        self.due().filter(|due| *due <= now)?;
        self.finish(now)
    }

    /// Digits beyond [`DIGITS_PER_S`], which were not told.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn within_limit(&mut self, now: Instant, digit: Option<Digit>) -> Option<Digit> {
        let digit = digit?;
        let (_, told) = match &mut self.second {
            Some(second) if now.saturating_duration_since(second.0) < Duration::from_secs(1) => second,
            second => second.insert((now, 0)),
        };
        if *told >= DIGITS_PER_S {
            self.dropped += 1;
            return None;
        }
        *told += 1;
        Some(digit)
    }
}

impl Current {
    fn report(&mut self) -> Option<Digit> {
        if self.reported {
            return None;
        }
        self.reported = true;
        let samples = self.duration_before.saturating_add(u32::from(self.duration));
        Some(Digit { digit: digit(self.code)?, duration_ms: samples / SAMPLES_PER_MS })
    }

    fn continues(&self, ssrc: u32, timestamp: u32, event: Event) -> bool {
        let passed = timestamp.wrapping_sub(self.timestamp);
        !self.reported
            && self.ssrc == ssrc
            && self.code == event.code
            && self.duration >= SEGMENT_MIN
            && (u32::from(SEGMENT_MIN)..=u32::from(u16::MAX) + 1).contains(&passed)
    }
}

/// RFC 4733, 3.2. Other events (flash, tones, modem answers) are forwarded, not reported.
fn digit(code: u8) -> Option<char> {
    "0123456789*#ABCD".chars().nth(usize::from(code))
}

fn is_before(timestamp: u32, other: u32) -> bool {
    (1..=OLD_MAX).contains(&other.wrapping_sub(timestamp))
}
