//! Call progress tones (R27; ITU-T E.180 and its supplement 2).
//!
//! Every frequency is a whole number of hertz, so each tone repeats after one second exactly. One second of each is computed when the relay starts,
//! in each codec, and is then only copied: no error ever adds up.

use std::f64::consts::TAU;

use crate::{Codec, SAMPLE_RATE, SAMPLES_PER_MS};

/// What a leg hears from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// The far phone rings.
    Ring,
    /// The far party is busy.
    Busy,
    /// The network could not do it.
    Congestion,
    /// One beep of 0.2 s, then silence.
    Beep,
}

/// The tones of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToneSet {
    country: &'static str,
    ring: Pattern,
    busy: Pattern,
    congestion: Pattern,
}

impl ToneSet {
    /// The tones of a country by its ISO 3166 code, in either case; `eu` is the harmonised set that ETSI recommends. None for a country that has no
    /// table here.
    #[must_use]
    pub fn by_country(country: &str) -> Option<Self> {
        let country = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(country)).map_or(country, |(_, name)| name);
        COUNTRIES.iter().find(|set| set.country.eq_ignore_ascii_case(country)).copied()
    }

    /// The codes that [`Self::by_country`] knows, for messages.
    pub fn countries() -> impl Iterator<Item = &'static str> {
        COUNTRIES.iter().map(|set| set.country).chain(ALIASES.iter().map(|(alias, _)| *alias))
    }

    /// The code of this set's country.
    #[must_use]
    pub fn country(&self) -> &'static str {
        self.country
    }

    fn pattern(&self, tone: Tone) -> Pattern {
        match tone {
            Tone::Ring => self.ring,
            Tone::Busy => self.busy,
            Tone::Congestion => self.congestion,
            Tone::Beep => BEEP,
        }
    }
}

/// Frequencies and cadence of a tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pattern {
    /// Sounding together.
    hertz: &'static [u32],
    /// On, off, on, off, ... in milliseconds.
    cadence_ms: &'static [u32],
    /// Whether the cadence begins again; otherwise silence follows.
    repeats: bool,
}

impl Pattern {
    const fn new(hertz: &'static [u32], cadence_ms: &'static [u32]) -> Self {
        Self { hertz, cadence_ms, repeats: true }
    }

    /// Samples until the cadence has run through once.
    fn length(&self) -> u32 {
        self.cadence_ms.iter().sum::<u32>() * SAMPLES_PER_MS
    }
}

const BEEP: Pattern = Pattern { hertz: &[1000], cadence_ms: &[200], repeats: false };

/// ITU-T E.180 supplement 2, and ETSI TR 101 041-2 for `eu`.
static COUNTRIES: &[ToneSet] = &[
    ToneSet {
        country: "ru",
        ring: Pattern::new(&[425], &[1000, 4000]),
        busy: Pattern::new(&[425], &[400, 400]),
        congestion: Pattern::new(&[425], &[175, 175]),
    },
    ToneSet {
        country: "eu",
        ring: Pattern::new(&[425], &[1000, 4000]),
        busy: Pattern::new(&[425], &[500, 500]),
        congestion: Pattern::new(&[425], &[200, 200]),
    },
    ToneSet {
        country: "de",
        ring: Pattern::new(&[425], &[1000, 4000]),
        busy: Pattern::new(&[425], &[480, 480]),
        congestion: Pattern::new(&[425], &[240, 240]),
    },
    ToneSet {
        country: "fr",
        ring: Pattern::new(&[440], &[1500, 3500]),
        busy: Pattern::new(&[440], &[500, 500]),
        congestion: Pattern::new(&[440], &[250, 250]),
    },
    ToneSet {
        country: "it",
        ring: Pattern::new(&[425], &[1000, 4000]),
        busy: Pattern::new(&[425], &[500, 500]),
        congestion: Pattern::new(&[425], &[200, 200]),
    },
    ToneSet {
        country: "nl",
        ring: Pattern::new(&[425], &[1000, 4000]),
        busy: Pattern::new(&[425], &[500, 500]),
        congestion: Pattern::new(&[425], &[250, 250]),
    },
    ToneSet {
        country: "gb",
        ring: Pattern::new(&[400, 450], &[400, 200, 400, 2000]),
        busy: Pattern::new(&[400], &[375, 375]),
        congestion: Pattern::new(&[400], &[400, 350, 225, 525]),
    },
    ToneSet {
        country: "us",
        ring: Pattern::new(&[440, 480], &[2000, 4000]),
        busy: Pattern::new(&[480, 620], &[500, 500]),
        congestion: Pattern::new(&[480, 620], &[250, 250]),
    },
];

/// Other names of a country, and countries with the tones of another.
static ALIASES: &[(&str, &str)] = &[("uk", "gb"), ("ca", "us")];

/// The peak of a sine of -13 dBm0 in 16-bit samples: a full-scale sine is about +3.15 dBm0 (G.711, 5.2).
const PEAK: f64 = 5000.0;

/// The tones of a set, ready to be sent.
#[derive(Debug)]
pub(crate) struct Voices {
    set: ToneSet,
    /// One second for each tone and codec, in the order of `TONES` and `Codec::ALL`.
    seconds: Vec<Vec<u8>>,
}

const TONES: [Tone; 4] = [Tone::Ring, Tone::Busy, Tone::Congestion, Tone::Beep];

impl Voices {
    pub(crate) fn new(set: ToneSet) -> Self {
        let seconds = TONES.iter().flat_map(|tone| Codec::ALL.map(|codec| second(set.pattern(*tone).hertz, codec))).collect();
        Self { set, seconds }
    }

    /// How many samples a tone lasts; none if it goes on until it is ended.
    pub(crate) fn length(&self, tone: Tone) -> Option<u32> {
        let pattern = self.set.pattern(tone);
        (!pattern.repeats).then(|| pattern.length())
    }

    /// Fills `audio` with the tone from its sample `position` on, and tells the next position.
    pub(crate) fn fill(&self, tone: Tone, codec: Codec, mut position: u32, mut audio: &mut [u8]) -> u32 {
        let pattern = self.set.pattern(tone);
        let sound = self.second(tone, codec);
        while !audio.is_empty() {
            let (sounds, from, left) = stretch(&pattern, position);
            // Each burst begins at phase zero; the sound is one second long and repeats.
            let phase = usize::try_from(from % SAMPLE_RATE).unwrap_or_default();
            let rest = sound.get(phase..).unwrap_or_default();
            let length = audio.len().min(usize::try_from(left).unwrap_or(usize::MAX)).min(rest.len().max(1));
            let (now, later) = audio.split_at_mut(length);
            match rest.get(..length).filter(|_| sounds) {
                Some(rest) => now.copy_from_slice(rest),
                None => now.fill(codec.silence()),
            }
            audio = later;
            position = position.saturating_add(u32::try_from(length).unwrap_or_default());
            if pattern.repeats {
                position %= pattern.length();
            }
        }
        position
    }

    fn second(&self, tone: Tone, codec: Codec) -> &[u8] {
        let tone = TONES.iter().position(|any| *any == tone).unwrap_or_default();
        let codec_index = Codec::ALL.iter().position(|any| *any == codec).unwrap_or_default();
        self.seconds.get(tone * Codec::ALL.len() + codec_index).map_or(&[], Vec::as_slice)
    }
}

/// Whether the tone sounds at `position`, the sample within its burst, and how many samples until that changes.
fn stretch(pattern: &Pattern, position: u32) -> (bool, u32, u32) {
    let mut begin = 0;
    for (index, length_ms) in pattern.cadence_ms.iter().enumerate() {
        let end = begin + length_ms * SAMPLES_PER_MS;
        if position < end {
            return (index % 2 == 0, position - begin, end - position);
        }
        begin = end;
    }
    (false, 0, u32::MAX)
}

/// One second of the frequencies together, -13 dBm0 in all.
fn second(hertz: &[u32], codec: Codec) -> Vec<u8> {
    let voices = f64::from(u32::try_from(hertz.len()).unwrap_or(1).max(1));
    let peak = PEAK / voices.sqrt();
    (0..SAMPLE_RATE)
        .map(|sample| {
            // The phase is reduced in whole numbers, so the last sample is as exact as the first.
            let sum: f64 =
                hertz.iter().map(|hertz| (TAU * f64::from(hertz * sample % SAMPLE_RATE) / f64::from(SAMPLE_RATE)).sin() * peak).sum();
            codec.encode(sum.round() as i16)
        })
        .collect()
}
