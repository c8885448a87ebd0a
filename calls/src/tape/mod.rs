//! Record and replay: what went into a switchboard, written down so that the same happens again.
//!
//! A switchboard has no clock, socket or chance of its own, so its inputs and the moments they came at are all there is to know: a tape of
//! them plays back to the same outputs, octet by octet. That is how a defect seen in the field becomes a test.
//!
//! # The format, version 1
//!
//! A text of lines, each ended by a line feed: 16 hexadecimal digits, a blank, and a JSON object. The digits are the FNV-1a hash (64 bits)
//! of all the objects' octets so far, so a line that is changed, lost or moved is found out. The first object is a `Head`: the
//! version and all that [`Switchboard::new`] was given. Each further one is a `Line`: the nanoseconds since the start, one
//! [`Input`], and the hash of the outputs that came before it. Octets of messages are text in Latin-1, other octets hexadecimal.
//!
//! A tape that ends behind a whole line is whole: a server that is killed leaves such tapes, or one with half a line, which has to be cut
//! off by hand.

mod text;

use std::{fmt::Write, time::Instant};

use model::{Directory, WallTime};

use self::text::{Head, InputText, Line};
use crate::{
    settings::Settings,
    switchboard::{Input, Output, Restored, Switchboard},
};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Writes a tape. The core does no IO: it appends octets to what it is given, and the shell writes them where it likes.
///
/// **A tape holds secrets**: the key of digest nonces, the credentials of every slot (HA1), and all that phones said, the keys that people
/// pressed among it. Keep it as the password file that it is, and never ask for one in public.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    chain: Hash,
    outputs: Hash,
}

/// What a tape played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// How many inputs were played.
    pub inputs: usize,
    /// The hash of all outputs, in order: two replays that have the same did the same.
    pub digest: u64,
    /// All outputs in order, a line each (see [`describe`]), behind a line for each input.
    pub text: String,
    /// The first line of the tape before which the outputs were others than when it was recorded: another version of the server decides
    /// differently. None if all is the same.
    pub differs_at: Option<usize>,
}

/// Why a tape cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TapeError {
    /// There is nothing on it.
    #[error("the tape is empty")]
    Empty,
    /// It is of a version that is not ours, or no tape at all.
    #[error("the tape is of version {found}; only version 1 can be played")]
    Version {
        /// What it says it is.
        found: u64,
    },
    /// The last line has no end.
    #[error("the tape is cut in line {line}")]
    Cut {
        /// Which line, from 1.
        line: usize,
    },
    /// A line is not what was written.
    #[error("the tape is garbled in line {line}: {why}")]
    Garbled {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl Recorder {
    /// Begins a tape: the arguments are those of [`Switchboard::new`], in its order. The beginning of the tape is appended to `tape`.
    #[must_use]
    pub fn begin(
        now: Instant,
        wall: WallTime,
        settings: &Settings,
        directory: &Directory,
        restored: &Restored,
        seed: [u8; 32],
        tape: &mut Vec<u8>,
    ) -> Self {
        let mut recorder = Self { start: now, chain: Hash::new(), outputs: Hash::new() };
        recorder.line(&Head::new(VERSION, wall, settings, directory, restored, seed), tape);
        recorder
    }

    /// Takes down an input, before it is handled; in the order in which they are.
    pub fn input(&mut self, now: Instant, input: &Input, tape: &mut Vec<u8>) {
        let after = now.saturating_duration_since(self.start).as_nanos();
        let line = Line {
            after_ns: u64::try_from(after).unwrap_or(u64::MAX),
            input: InputText::of(input),
            outputs: format!("{:016x}", self.outputs.0),
        };
        self.line(&line, tape);
    }

    /// Takes note of an output, so that a replay can tell where it comes to another one. For each, in their order.
    pub fn output(&mut self, output: &Output) {
        self.outputs.add(describe(output).as_bytes());
    }

    fn line(&mut self, object: &impl serde::Serialize, tape: &mut Vec<u8>) {
        // Nothing in these objects can fail to be JSON: there are no maps with odd keys and no numbers that are none.
        let json = serde_json::to_vec(object).unwrap_or_default();
        self.chain.add(&json);
        tape.extend_from_slice(format!("{:016x} ", self.chain.0).as_bytes());
        tape.extend_from_slice(&json);
        tape.push(b'\n');
    }
}

/// Plays a tape on a fresh switchboard. `start` is any instant: only what passes from there on counts.
/// What made the recorded switchboard panic makes this one panic too.
///
/// # Errors
/// The tape cannot be read; the error says where.
pub fn replay(start: Instant, tape: &[u8]) -> Result<Replay, TapeError> {
    if tape.is_empty() {
        return Err(TapeError::Empty);
    }
    let mut chain = Hash::new();
    let mut lines = tape.split_inclusive(|octet| *octet == b'\n').enumerate().map(|(at, line)| {
        let json = checked(&mut chain, at + 1, line)?;
        Ok((at + 1, json))
    });
    let head = match lines.next() {
        Some(first) => read_head(first?)?,
        None => return Err(TapeError::Empty),
    };
    let settings = head.settings().map_err(|why| TapeError::Garbled { line: 1, why })?;
    let directory = head.directory().map_err(|why| TapeError::Garbled { line: 1, why })?;
    let restored = head.restored().map_err(|why| TapeError::Garbled { line: 1, why })?;
    let seed = head.seed().map_err(|why| TapeError::Garbled { line: 1, why })?;

    let mut board = Switchboard::new(start, head.wall, settings, directory, &restored, seed);
    let mut played = Replay { inputs: 0, digest: 0, text: String::new(), differs_at: None };
    let mut outputs = Hash::new();
    play(&mut board, &mut outputs, &mut played.text);
    for line in lines {
        let (at, json) = line?;
        let garbled = |why: String| TapeError::Garbled { line: at, why };
        let line: Line = serde_json::from_slice(json).map_err(|error| garbled(error.to_string()))?;
        if played.differs_at.is_none() && line.outputs != format!("{:016x}", outputs.0) {
            played.differs_at = Some(at);
        }
        let now = start + std::time::Duration::from_nanos(line.after_ns);
        let input = line.input.input().map_err(garbled)?;
        let _ = writeln!(played.text, "{:.9} {}", std::time::Duration::from_nanos(line.after_ns).as_secs_f64(), name(&input));
        board.handle(now, input);
        play(&mut board, &mut outputs, &mut played.text);
        played.inputs += 1;
    }
    played.digest = outputs.0;
    Ok(played)
}

/// An output in one line of text: what a replay compares.
#[must_use]
pub fn describe(output: &Output) -> String {
    match output {
        Output::Transmit { flow, bytes } => format!("Transmit {flow} {}", bytes.escape_ascii()),
        other => format!("{other:?}"),
    }
}

fn play(board: &mut Switchboard, outputs: &mut Hash, text: &mut String) {
    while let Some(output) = board.poll() {
        let line = describe(&output);
        outputs.add(line.as_bytes());
        text.push_str("  ");
        text.push_str(&line);
        text.push('\n');
    }
}

/// The JSON of a line whose hash is right.
fn checked<'t>(chain: &mut Hash, at: usize, line: &'t [u8]) -> Result<&'t [u8], TapeError> {
    let Some(line) = line.strip_suffix(b"\n") else { return Err(TapeError::Cut { line: at }) };
    let garbled = |why: &str| TapeError::Garbled { line: at, why: why.to_owned() };
    let (sum, json) = line.split_at_checked(16).ok_or_else(|| garbled("it is too short"))?;
    let json = json.strip_prefix(b" ").ok_or_else(|| garbled("there is no blank behind its hash"))?;
    chain.add(json);
    if format!("{:016x}", chain.0).as_bytes() == sum { Ok(json) } else { Err(garbled("its hash does not fit")) }
}

fn read_head((line, json): (usize, &[u8])) -> Result<Head, TapeError> {
    /// What every version has.
    #[derive(serde::Deserialize)]
    struct Version {
        tape: u64,
    }

    let garbled = |error: serde_json::Error| TapeError::Garbled { line, why: error.to_string() };
    let Version { tape } = serde_json::from_slice(json).map_err(garbled)?;
    if tape != u64::from(VERSION) {
        return Err(TapeError::Version { found: tape });
    }
    serde_json::from_slice(json).map_err(garbled)
}

/// What an input is called in a replay's text.
fn name(input: &Input) -> String {
    match input {
        Input::Received { flow, bytes } => {
            let first = bytes.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
            format!("Received {flow} {}", first.escape_ascii())
        }
        Input::Settings(_) => "Settings".to_owned(),
        Input::Directory(_) => "Directory".to_owned(),
        other => format!("{other:?}"),
    }
}

/// FNV-1a with 64 bits: enough to find what time and disks do to a tape.
#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, octets: &[u8]) {
        // The end of each piece counts too, so that "ab", "c" is not "a", "bc".
        for octet in octets.iter().chain(b"\n") {
            self.0 = (self.0 ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests;
