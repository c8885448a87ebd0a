//! What arrives from one leg, by the numbers of RFC 3550, 6.4.1 and A.1 to A.8.

use std::time::Instant;

use crate::{LegStats, SAMPLES_PER_MS, rtcp::ReportBlock, rtp::Header, samples_between};

/// A greater step of sequence numbers is a restart (RFC 3550, A.1).
const DROPOUT_MAX: i16 = 3000;
/// A greater step back is a restart (RFC 3550, A.1).
const MISORDER_MAX: i16 = 100;

/// Where a packet stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first of a stream, or after a jump.
    First,
    /// After all others.
    Next,
    /// Out of order, or a second time.
    Late,
}

/// The stream of one source identifier, and the sum of those before it.
#[derive(Debug, Default)]
pub(super) struct Reception {
    stream: Option<Stream>,
    lost_before: u64,
    late: u64,
    restarts: u64,
    jitter_max: u32,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    first: u64,
    /// The greatest sequence number, with its wraps above.
    highest: u64,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    /// When the first came; the transit times are against this.
    since: Instant,
    transit: Option<(u32, i64)>,
    /// In sixteenths of a sample, as RFC 3550, A.8 keeps it.
    jitter: u32,
}

impl Reception {
    /// Counts a packet; `audio`: its timestamp follows the clock.
    #[inline]
    pub(super) fn packet(&mut self, now: Instant, header: &Header, audio: bool) -> Place {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == header.ssrc) {
            let step = header.sequence.wrapping_sub((stream.highest & 0xFFFF) as u16).cast_signed();
            if (1..=DROPOUT_MAX).contains(&step) {
                stream.highest += u64::from(step.unsigned_abs());
                stream.received += 1;
                if audio {
                    stream.measure(now, header.timestamp);
                    self.jitter_max = self.jitter_max.max(stream.jitter);
                }
                return Place::Next;
            }
            if (-MISORDER_MAX..=0).contains(&step) {
                stream.received += 1;
                self.late += 1;
                return Place::Late;
            }
        }
        if let Some(stream) = self.stream.take() {
            self.lost_before += stream.lost();
            self.restarts += 1;
        }
        let first = u64::from(header.sequence);
        self.stream = Some(Stream {
            ssrc: header.ssrc,
            first,
            highest: first,
            received: 1,
            expected_prior: 0,
            received_prior: 0,
            since: now,
            transit: None,
            jitter: 0,
        });
        Place::First
    }

    /// The report block on the stream (RFC 3550, 6.4.1) since the last one; `last_sr` is what came with the source's sender report: the middle of its
    /// NTP time, and when.
    pub(super) fn report(&mut self, now: Instant, last_sr: Option<(u32, Instant)>) -> Option<ReportBlock> {
        let stream = self.stream.as_mut()?;
        let expected = stream.expected();
        let expected_interval = expected - stream.expected_prior;
        let received_interval = stream.received - stream.received_prior;
        stream.expected_prior = expected;
        stream.received_prior = stream.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction_lost = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0).min(255);
        Some(ReportBlock {
            ssrc: stream.ssrc,
            fraction_lost: u8::try_from(fraction_lost).unwrap_or(u8::MAX),
            lost: u32::try_from(stream.lost()).unwrap_or(u32::MAX),
            highest: (stream.highest & 0xFFFF_FFFF) as u32,
            jitter: stream.jitter >> 4,
            last_sr: last_sr.map_or(0, |(ntp, _)| ntp),
            since_last_sr: last_sr.map_or(0, |(_, at)| crate::rtcp::short_ntp(now.saturating_duration_since(at))),
        })
    }

    /// Puts the numbers into `stats`.
    pub(super) fn fill(&self, stats: &mut LegStats) {
        stats.lost = self.lost_before + self.stream.as_ref().map_or(0, Stream::lost);
        stats.late = self.late;
        stats.restarts = self.restarts;
        stats.jitter_ms = self.stream.as_ref().map_or(0, |stream| (stream.jitter >> 4) / SAMPLES_PER_MS);
        stats.jitter_max_ms = (self.jitter_max >> 4) / SAMPLES_PER_MS;
    }
}

impl Stream {
    fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// RFC 3550, A.8.
    fn measure(&mut self, now: Instant, timestamp: u32) {
        let arrival = samples_between(self.since, now);
        if let Some((timestamp_before, arrival_before)) = self.transit {
            let sent = i64::from(timestamp.wrapping_sub(timestamp_before).cast_signed());
            let difference = ((arrival - arrival_before) - sent).unsigned_abs();
            // A source that stops its clock in silence would look like seconds of jitter.
            if let Some(difference) = u32::try_from(difference).ok().filter(|difference| *difference < crate::SAMPLE_RATE) {
                self.jitter = self.jitter.saturating_add(difference).saturating_sub((self.jitter + 8) >> 4);
            }
        }
        self.transit = Some((timestamp, arrival));
    }
}
