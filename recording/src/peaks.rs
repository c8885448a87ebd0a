//! What a player draws: how loud each channel is, moment by moment. Read anew each time: an hour takes some tenths of a second, so that
//! there is nothing to keep beside the recording and to forget with it.

use std::{io, os::unix::fs::FileExt};

use crate::{
    open::Snapshot,
    wav::{FRAME, HEADER_LENGTH, RATE, frames_in},
};

/// Moments of one recording at most; a longer one is drawn coarser.
pub const MOMENTS_MAX: u64 = 30_000;
/// The finest drawing, in moments a second.
const PER_SECOND_MAX: u64 = 50;
/// Octets that are read at a time.
const PIECE: usize = 256 * 1024;

/// How loud a recording is.
#[derive(Debug, Clone, PartialEq)]
pub struct Peaks {
    /// The recording's length, in milliseconds.
    pub duration_ms: u64,
    /// Frames of one moment, 8,000 of which are a second.
    pub frames: u64,
    /// For each channel and moment the least and the greatest sample, as -127 to 127.
    pub channels: [Vec<[i8; 2]>; 2],
}

impl Peaks {
    /// Moments a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a handful of frames")]
    pub fn per_second(&self) -> f64 {
        RATE as f64 / self.frames as f64
    }
}

/// Reads a recording through.
///
/// # Errors
/// What the system says; a file that has become shorter meanwhile is drawn as far as it goes.
pub fn peaks(snapshot: &Snapshot) -> io::Result<Peaks> {
    let total = frames_in(snapshot.length);
    let finest = RATE / PER_SECOND_MAX;
    let frames = finest.max(total.div_ceil(MOMENTS_MAX));
    let mut drawing = Drawing { frames, ..Drawing::default() };
    let mut piece = vec![0; PIECE];
    let mut at = HEADER_LENGTH;
    let end = HEADER_LENGTH + total * FRAME;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let Some(room) = piece.get_mut(..wanted) else { break };
        let read = snapshot.file.read_at(room, at)?;
        // Whole frames only: what is cut is read again with the next piece.
        let whole = read - read % 4;
        if whole == 0 {
            break;
        }
        piece.get(..whole).unwrap_or_default().chunks_exact(4).for_each(|frame| drawing.take(frame));
        at += u64::try_from(whole).unwrap_or(u64::MAX);
    }
    drawing.finish();
    Ok(Peaks { duration_ms: total * 1_000 / RATE, frames, channels: drawing.channels })
}

/// What has been drawn so far.
#[derive(Debug, Default)]
struct Drawing {
    frames: u64,
    taken: u64,
    now: [[i16; 2]; 2],
    channels: [Vec<[i8; 2]>; 2],
}

impl Drawing {
    fn take(&mut self, frame: &[u8]) {
        for (extremes, sample) in self.now.iter_mut().zip(frame.chunks_exact(2)) {
            let sample = sample.first_chunk().copied().map_or(0, i16::from_le_bytes);
            let [least, greatest] = extremes;
            *least = if self.taken == 0 { sample } else { sample.min(*least) };
            *greatest = if self.taken == 0 { sample } else { sample.max(*greatest) };
        }
        self.taken += 1;
        if self.taken == self.frames {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if self.taken == 0 {
            return;
        }
        for (channel, extremes) in self.channels.iter_mut().zip(self.now) {
            // Towards nothing, so that silence is nothing; -128 would be louder than anything that 127 can show.
            channel.push(extremes.map(|sample| i8::try_from(sample / 256).unwrap_or(i8::MIN).max(-127)));
        }
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::io::{Seek, Write};

    use super::*;
    use crate::wav::{header, length_of};

    fn snapshot(frames: &[[i16; 2]]) -> Snapshot {
        let mut file = tempfile::tempfile().unwrap();
        let count = u64::try_from(frames.len()).unwrap();
        file.write_all(&header(count)).unwrap();
        let octets: Vec<u8> = frames.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
        file.write_all(&octets).unwrap();
        file.rewind().unwrap();
        Snapshot { file, header: None, length: length_of(count), closed: true }
    }

    #[test]
    fn each_moment_shows_the_least_and_the_greatest_of_each_channel() {
        let mut frames = vec![[0, 0]; 160 * 2 + 80];
        frames[3] = [12_800, -256];
        frames[159] = [-25_600, 255];
        frames[160] = [i16::MAX, i16::MIN];
        frames[399] = [512, 1];
        let peaks = peaks(&snapshot(&frames)).unwrap();
        assert_eq!(peaks.channels, [vec![[-100, 50], [0, 127], [0, 2]], vec![[-1, 0], [-127, 0], [0, 0]]]);
        assert_eq!((peaks.duration_ms, peaks.frames), (50, 160));
        assert!((peaks.per_second() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_long_one_is_drawn_coarser_and_an_empty_one_not_at_all() {
        let count = usize::try_from(MOMENTS_MAX * 160 * 2).unwrap();
        let long = peaks(&snapshot(&vec![[256, -256]; count])).unwrap();
        assert_eq!((long.frames, long.channels[0].len(), long.channels[1][29_999]), (320, 30_000, [-1, -1]));
        let empty = peaks(&snapshot(&[])).unwrap();
        assert_eq!((empty.duration_ms, empty.channels), (0, [vec![], vec![]]));
        // Cut off meanwhile.
        let mut cut = snapshot(&[[256, 256]; 320]);
        cut.length += 4_000;
        assert_eq!(peaks(&cut).unwrap().channels[0].len(), 2);
    }
}
