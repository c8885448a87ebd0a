//! Tones out and tones in: WAV files, G.711 (ITU-T G.711), and a Goertzel filter that says which tone is heard for how long.

use std::{io::Cursor, path::Path};

use anyhow::{Context, Result};

/// Samples per second of telephony.
pub const RATE: u32 = 8000;
/// Samples of one packet of 20 ms.
pub const FRAME: usize = 160;
/// A tone is judged in windows of 100 ms: every tone used here has a whole number of periods in one.
const WINDOW_MS: u32 = 100;
/// A window counts as a tone's when this share of its power is that tone's. G.711 leaves a pure tone above 0.99.
const DOMINANT: f64 = 0.85;
/// Below this root mean square (of 32767) a window counts as silence.
const SILENT_RMS: f64 = 100.0;

/// Sample number `at` of a sine of `hz`, at half of full scale.
#[must_use]
pub fn sine(hz: u32, rate: u32, at: u64) -> i16 {
    // The phase is reduced before it becomes a float, so that an hour's tone is as clean as its first second.
    let step = (u64::from(hz) * (at % u64::from(rate))) % u64::from(rate);
    #[expect(clippy::cast_precision_loss, reason = "below the sample rate")]
    let phase = step as f64 / f64::from(rate) * std::f64::consts::TAU;
    #[expect(clippy::cast_possible_truncation, reason = "within half of i16")]
    let sample = (phase.sin() * 16_000.0) as i16;
    sample
}

/// Writes `seconds` of a sine of `hz` as a WAV file: 8 kHz, mono, 16 bit.
///
/// # Errors
/// When the file cannot be written.
pub fn write_tone(path: &Path, hz: u32, seconds: u32) -> Result<()> {
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec)?;
    for at in 0..u64::from(seconds * RATE) {
        file.write_sample(sine(hz, RATE, at))?;
    }
    Ok(file.finalize()?)
}

/// A decoded WAV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples per second.
    pub rate: u32,
    /// One list of samples per channel; left first.
    pub channels: Vec<Vec<i16>>,
}

impl Wav {
    /// Reads a WAV file of 16 bit PCM. Data that the header does not announce is an error of the file.
    ///
    /// # Errors
    /// When it is no such file.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).context("not a WAV file")?;
        let spec = reader.spec();
        anyhow::ensure!(spec.bits_per_sample == 16 && spec.sample_format == hound::SampleFormat::Int, "not 16 bit PCM: {spec:?}");
        let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>().context("the header announces more than the file holds")?;
        let count = usize::from(spec.channels);
        let mut channels = vec![Vec::with_capacity(samples.len() / count.max(1)); count];
        for frame in samples.chunks_exact(count) {
            for (channel, sample) in channels.iter_mut().zip(frame) {
                channel.push(*sample);
            }
        }
        Ok(Self { rate: spec.sample_rate, channels })
    }

    /// Reads a WAV file from disk.
    ///
    /// # Errors
    /// When it cannot be read or is no such file.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        Self::read(&bytes).with_context(|| path.display().to_string())
    }

    /// Its length.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        seconds(self.channels.first().map_or(0, Vec::len), self.rate)
    }

    /// One channel's samples; empty if there is no such channel.
    #[must_use]
    pub fn channel(&self, at: usize) -> &[i16] {
        self.channels.get(at).map_or(&[], Vec::as_slice)
    }

    /// For how many seconds `channel` carries a tone of `hz`.
    #[must_use]
    pub fn seconds_of(&self, channel: usize, hz: u32) -> f64 {
        seconds_of(self.channel(channel), self.rate, hz)
    }
}

/// How long `samples` samples last.
#[must_use]
pub fn seconds(samples: usize, rate: u32) -> f64 {
    f64::from(u32::try_from(samples).unwrap_or(u32::MAX)) / f64::from(rate)
}

/// For how many seconds `samples` carry a tone of `hz` that stands above everything else.
#[must_use]
pub fn seconds_of(samples: &[i16], rate: u32, hz: u32) -> f64 {
    let window = (rate * WINDOW_MS / 1000) as usize;
    let heard = samples.chunks_exact(window).filter(|window| rms(window) > SILENT_RMS && share(window, rate, hz) > DOMINANT).count();
    seconds(heard * window, rate)
}

/// What part of the power of `samples`, 0 to 1, is a tone of `hz` (Goertzel's filter at one frequency).
#[must_use]
pub fn share(samples: &[i16], rate: u32, hz: u32) -> f64 {
    let factor = 2.0 * (std::f64::consts::TAU * f64::from(hz) / f64::from(rate)).cos();
    let (mut last, mut before, mut total) = (0.0_f64, 0.0_f64, 0.0_f64);
    for sample in samples {
        let sample = f64::from(*sample);
        (last, before) = (sample + factor * last - before, last);
        total += sample * sample;
    }
    let power = last * last + before * before - factor * last * before;
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    if total <= 0.0 { 0.0 } else { 2.0 * power / (count * total) }
}

/// The root mean square of `samples`.
#[must_use]
pub fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample) * f64::from(*sample)).sum();
    (sum / f64::from(u32::try_from(samples.len().max(1)).unwrap_or(u32::MAX))).sqrt()
}

/// The two laws of G.711, by their RTP payload types (RFC 3551, table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Payload type 0.
    Mu,
    /// Payload type 8.
    A,
}

impl Law {
    /// The static RTP payload type.
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Mu => 0,
            Self::A => 8,
        }
    }

    /// One sample to one octet.
    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        // By search over the decoder: the nearest of its 256 values. Slow, and right by construction; frames are encoded ahead of time.
        (0..=u8::MAX).min_by_key(|code| (i32::from(self.decode(*code)) - i32::from(sample)).abs()).unwrap_or(0)
    }

    /// One octet to one sample.
    #[must_use]
    pub fn decode(self, code: u8) -> i16 {
        match self {
            Self::Mu => {
                let code = !code;
                let magnitude = ((i16::from(code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
                if code & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
            }
            Self::A => {
                let code = code ^ 0x55;
                let mantissa = i16::from(code & 0x0f) << 4;
                let magnitude = match (code & 0x70) >> 4 {
                    0 => mantissa + 8,
                    segment => (mantissa + 0x108) << (segment - 1),
                };
                if code & 0x80 == 0 { -magnitude } else { magnitude }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: u32, seconds: u32) -> Vec<i16> {
        (0..u64::from(seconds * RATE)).map(|at| sine(hz, RATE, at)).collect()
    }

    #[test]
    fn a_tone_is_told_from_another_from_silence_and_from_a_mixture() {
        let (low, high) = (tone(440, 1), tone(880, 1));
        let mixed: Vec<i16> = low.iter().zip(&high).map(|(low, high)| low / 2 + high / 2).collect();
        let silence = vec![0; RATE as usize];
        for (samples, hz, seconds) in [
            (&low, 440, 1.0),
            (&low, 880, 0.0),
            (&high, 880, 1.0),
            (&high, 440, 0.0),
            (&mixed, 440, 0.0),
            (&mixed, 880, 0.0),
            (&silence, 440, 0.0),
        ] {
            assert!((seconds_of(samples, RATE, hz) - seconds).abs() < 1e-9, "{hz} Hz, {seconds} s expected");
        }
        let half: Vec<i16> = silence.iter().chain(&low).copied().collect();
        assert!((seconds_of(&half, RATE, 440) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn both_laws_keep_a_tone_and_agree_with_known_values() {
        // ITU-T G.711: silence, the largest values, and the sign of small ones.
        for (law, code, sample) in [
            (Law::Mu, 0xff, 0),
            (Law::Mu, 0x7f, 0),
            (Law::Mu, 0x80, 32_124),
            (Law::Mu, 0x00, -32_124),
            (Law::A, 0xd5, 8),
            (Law::A, 0x55, -8),
            (Law::A, 0xaa, 32_256),
            (Law::A, 0x2a, -32_256),
        ] {
            assert_eq!(law.decode(code), sample, "{law:?} {code:#x}");
        }
        for law in [Law::Mu, Law::A] {
            for code in 0..=u8::MAX {
                assert_eq!(law.decode(law.encode(law.decode(code))), law.decode(code), "{law:?} {code:#x}");
            }
            let back: Vec<i16> = tone(440, 1).into_iter().map(|sample| law.decode(law.encode(sample))).collect();
            assert!(share(&back, RATE, 440) > 0.99, "{law:?}: {}", share(&back, RATE, 440));
        }
    }

    #[test]
    fn a_written_tone_is_read_back() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("tone.wav");
        write_tone(&path, 440, 2)?;
        let wav = Wav::open(&path)?;
        assert_eq!((wav.rate, wav.channels.len()), (RATE, 1));
        assert!((wav.seconds() - 2.0).abs() < 1e-9 && (wav.seconds_of(0, 440) - 2.0).abs() < 1e-9);

        let bytes = std::fs::read(&path)?;
        let cut = bytes.get(..bytes.len() - 100).unwrap_or_default();
        assert!(Wav::read(cut).is_err(), "a header that announces more than there is must not pass");
        Ok(())
    }
}
