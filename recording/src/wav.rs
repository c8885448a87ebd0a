//! The one WAV layout that we write: PCM, 8 kHz, two channels, 16 bits; header and nothing else before the samples.

/// Length of the header, in octets.
pub const HEADER_LENGTH: u64 = 44;

/// Octets of one frame: a sample of each channel.
pub(crate) const FRAME: u64 = 4;

/// Frames a second.
pub(crate) const RATE: u64 = 8_000;

/// Frames in a millisecond.
pub(crate) const FRAMES_PER_MS: u64 = RATE / 1_000;

/// A recording ends here: 3.9 GiB, a day and a half of talk.
///
/// RIFF counts its octets in 32 bits. A longer file would have to be RF64, which many players refuse; a call of this length is a forgotten one,
/// so its recording stops, is marked partial, and what there is stays playable everywhere.
pub(crate) const FRAMES_MAX: u64 = (3_900 << 20) / FRAME;

/// The header of a file with so many frames; more than [`FRAMES_MAX`] are told as that many.
pub(crate) fn header(frames: u64) -> [u8; 44] {
    let data = u32::try_from(frames.min(FRAMES_MAX) * FRAME).unwrap_or(u32::MAX - 36);
    let mut header = *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\0\0\0\0";
    for (at, value) in [(4, data.saturating_add(36)), (40, data)] {
        if let Some(field) = header.get_mut(at..at + 4) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    }
    header
}

/// How many whole frames a file of this length holds.
pub(crate) fn frames_in(length: u64) -> u64 {
    length.saturating_sub(HEADER_LENGTH) / FRAME
}

/// The length of a file with so many frames.
pub(crate) fn length_of(frames: u64) -> u64 {
    HEADER_LENGTH + frames * FRAME
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Cursor;

    use super::*;

    #[test]
    fn another_program_reads_the_header() {
        for frames in [0_u64, 1, 8_000, 12_345] {
            let mut file = header(frames).to_vec();
            file.resize(usize::try_from(length_of(frames)).unwrap(), 7);
            let reader = hound::WavReader::new(Cursor::new(file)).unwrap();
            let spec = reader.spec();
            assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8_000, 16));
            assert_eq!(spec.sample_format, hound::SampleFormat::Int);
            assert_eq!(u64::from(reader.duration()), frames);
        }
    }

    #[test]
    fn the_longest_file_fits_its_header() {
        for frames in [FRAMES_MAX, FRAMES_MAX + 1, u64::MAX] {
            let header = header(frames);
            let riff = u32::from_le_bytes(header[4..8].try_into().unwrap());
            let data = u32::from_le_bytes(header[40..44].try_into().unwrap());
            assert_eq!(u64::from(data), 3_900 << 20);
            assert_eq!(riff, data + 36);
        }
    }

    #[test]
    fn only_whole_frames_count() {
        for (length, frames) in [(0, 0), (43, 0), (44, 0), (47, 0), (48, 1), (51, 1), (52, 2)] {
            assert_eq!(frames_in(length), frames, "{length}");
        }
    }
}
