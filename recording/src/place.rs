//! Where a frame's samples go: a time line of two channels with a window of 200 ms, without IO.
//!
//! ```text
//!  given out          window                       not yet
//!  -----------------|----------------------------|--------->  samples at 8 kHz
//!              base ^  late packets still count  ^ base + 1600
//! ```
//!
//! A frame that ends beyond the window moves it; what falls out at its left end is ready and will not change any more. What nobody wrote is
//! silence. A frame that starts left of the window lost its race: that part of it is dropped.

use media::Channel;

use crate::wav::FRAMES_PER_MS;

/// Samples of the window: 200 ms.
pub(crate) const WINDOW: u64 = 200 * FRAMES_PER_MS;

/// One sample of each channel, left first.
pub(crate) type Frame = [i16; 2];

/// What is ready, in order and without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready<'a> {
    /// These frames come next.
    Frames(&'a [Frame]),
    /// So many frames of silence come next.
    Silence(u64),
}

/// The time line of one recording.
#[derive(Debug)]
pub(crate) struct TimeLine {
    /// The window as a ring: frame `at` lies at `at % WINDOW`.
    ring: Box<[Frame]>,
    /// The first frame that has not been given out.
    base: u64,
    /// Behind the last sample that was written.
    end: u64,
    /// Samples that came too late.
    late: u64,
}

impl TimeLine {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let length = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        Self { ring: vec![[0; 2]; length].into_boxed_slice(), base: 0, end: 0, late: 0 }
    }

    /// Behind the last sample that was placed.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// How many samples came too late.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Places samples of one channel, the first of them at `at`, and gives out what became ready.
    pub(crate) fn place(&mut self, channel: Channel, at: u64, samples: &[i16], mut ready: impl FnMut(Ready<'_>)) {
        let count = u64::try_from(samples.len()).unwrap_or(u64::MAX);
        let end = at.saturating_add(count);
        self.end = self.end.max(end);
        if end > self.base + WINDOW {
            self.advance(end - WINDOW, &mut ready);
        }
        let too_late = self.base.saturating_sub(at).min(count);
        self.late += too_late;
        let samples = samples.get(usize::try_from(too_late).unwrap_or(usize::MAX)..).unwrap_or_default();
        // At most a window's worth can be left: more would have moved the base behind its own start.
        let start = usize::try_from((at + too_late) % WINDOW).unwrap_or(0);
        let (head, tail) = self.ring.split_at_mut(start);
        let (to_end, from_start) = samples.split_at_checked(tail.len()).unwrap_or((samples, &[]));
        for (places, samples) in [(tail, to_end), (head, from_start)] {
            // Side by side, each a plain loop: this is where every sample passes.
            match channel {
                Channel::Left => places.iter_mut().zip(samples).for_each(|([left, _], sample)| *left = *sample),
                Channel::Right => places.iter_mut().zip(samples).for_each(|([_, right], sample)| *right = *sample),
            }
        }
    }

    /// Gives out the rest: up to frame `total` exactly, cut or filled with silence. What was given out beyond it before is the caller's to cut.
    pub(crate) fn finish(&mut self, total: u64, mut ready: impl FnMut(Ready<'_>)) {
        if total > self.base {
            self.advance(total, &mut ready);
        }
    }

    /// Moves the window's left end to `base`, giving out what it passes.
    fn advance(&mut self, base: u64, ready: &mut impl FnMut(Ready<'_>)) {
        let passed = base - self.base;
        let length = usize::try_from(passed.min(WINDOW)).unwrap_or(0);
        let start = usize::try_from(self.base % WINDOW).unwrap_or(0);
        // The ring is passed in at most two pieces: from `start` to its end, and from its beginning.
        let (head, tail) = self.ring.split_at_mut(start);
        let first = length.min(tail.len());
        for piece in [tail.get_mut(..first), head.get_mut(..length - first)].into_iter().flatten() {
            if !piece.is_empty() {
                ready(Ready::Frames(piece));
                piece.fill([0; 2]);
            }
        }
        if passed > WINDOW {
            ready(Ready::Silence(passed - WINDOW));
        }
        self.base = base;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// The same by the shortest way: all samples in one long table, and for each frame the window's place at that time.
    #[derive(Default)]
    struct Model {
        table: std::collections::BTreeMap<(u64, bool), i16>,
        base: u64,
    }

    impl Model {
        fn place(&mut self, channel: Channel, at: u64, samples: &[i16]) {
            let end = at + samples.len() as u64;
            self.base = self.base.max(end.saturating_sub(WINDOW));
            for (at, sample) in (at..).zip(samples) {
                if at >= self.base {
                    self.table.insert((at, channel == Channel::Left), *sample);
                }
            }
        }

        fn finish(&self, total: u64) -> Vec<Frame> {
            let sample = |at, left| self.table.get(&(at, left)).copied().unwrap_or(0);
            (0..total).map(|at| [sample(at, true), sample(at, false)]).collect()
        }
    }

    fn collect(into: &mut Vec<Frame>) -> impl FnMut(Ready<'_>) + '_ {
        |ready| match ready {
            Ready::Frames(frames) => into.extend_from_slice(frames),
            Ready::Silence(count) => into.resize(into.len() + usize::try_from(count).unwrap(), [0; 2]),
        }
    }

    fn frame() -> impl Strategy<Value = (bool, i64, Vec<i16>)> {
        let jump = prop_oneof![8 => -200..200_i64, 2 => -2_000..2_000_i64, 1 => 0..10_000_i64];
        (any::<bool>(), jump, prop::collection::vec(any::<i16>(), 0..480))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn the_ring_does_what_the_table_does(frames in prop::collection::vec(frame(), 0..60), total in 0..30_000_u64) {
            let (mut line, mut model, mut out) = (TimeLine::new(), Model::default(), Vec::new());
            let mut clock = 0_i64;
            for (left, jump, samples) in frames {
                let at = u64::try_from(clock + jump).unwrap_or(0);
                clock += 80;
                let channel = if left { Channel::Left } else { Channel::Right };
                line.place(channel, at, &samples, collect(&mut out));
                model.place(channel, at, &samples);
                prop_assert_eq!(out.len() as u64, model.base, "what fell out of the window is given out at once");
            }
            line.finish(total, collect(&mut out));
            prop_assert_eq!(out.len() as u64, total.max(model.base));
            out.truncate(usize::try_from(total).unwrap());
            prop_assert!(out == model.finish(total), "the samples differ");
        }
    }

    #[test]
    fn reordered_packets_within_the_window_leave_no_trace() {
        let voice: Vec<i16> = (1..=1_600).collect();
        let (mut line, mut out) = (TimeLine::new(), Vec::new());
        for packet in [1, 0, 3, 2, 5, 4, 7, 6, 9, 8] {
            line.place(Channel::Left, packet * 160, &voice[usize::try_from(packet).unwrap() * 160..][..160], collect(&mut out));
        }
        line.finish(1_600, collect(&mut out));
        assert_eq!(out.iter().map(|frame| frame[0]).collect::<Vec<_>>(), voice);
        assert!(out.iter().all(|frame| frame[1] == 0));
        assert_eq!(line.late(), 0);
    }

    #[test]
    fn a_packet_behind_the_window_is_dropped_and_counted() {
        let (mut line, mut out) = (TimeLine::new(), Vec::new());
        line.place(Channel::Left, 2_000, &[1; 160], collect(&mut out));
        assert_eq!(out.len(), 560);
        line.place(Channel::Right, 500, &[2; 160], collect(&mut out));
        assert_eq!(line.late(), 60, "560 - 500 samples are too late, the other 100 are not");
        line.finish(2_160, collect(&mut out));
        assert_eq!(out[559], [0, 0]);
        assert_eq!(out[560], [0, 2]);
        assert_eq!(out[659], [0, 2]);
        assert_eq!(out[660], [0, 0]);
        assert_eq!(out[2_159], [1, 0]);
    }

    #[test]
    fn an_hour_of_silence_is_a_number() {
        let (mut line, mut frames, mut silence) = (TimeLine::new(), 0, 0);
        let mut count = |ready: Ready<'_>| match ready {
            Ready::Frames(piece) => frames += piece.len(),
            Ready::Silence(length) => silence += length,
        };
        line.place(Channel::Left, 0, &[5; 160], &mut count);
        line.place(Channel::Left, 28_800_000, &[5; 160], &mut count);
        assert_eq!(frames, 1_600);
        assert_eq!(silence, 28_800_160 - 1_600 - 1_600);
    }
}
