//! Record and replay: what went into a switchboard, written down so that the same happens again.
//!
//! A switchboard has no clock, socket or chance of its own, so its inputs and the moments they came at are all there is to know: a tape of
//! them plays back to the same outputs, octet by octet. That is how a defect seen in the field becomes a test.
//!
//! # The format, version 1
//!
//! A text of lines, each ended by a line feed: 16 hexadecimal digits, a blank, and a JSON object. The digits are the FNV-1a hash (64 bits)
//! of all the objects' octets so far, so a line that is changed, lost or moved is found out. The first object is a `Head`: the
//! version of the format, that of the server, and all that [`Switchboard::new`] was given. Each further one is a `Line`: the nanoseconds
//! since the start, one [`Input`], and the hash of the outputs that came before it. Octets of messages are text in Latin-1, other octets
//! hexadecimal.
//!
//! # Compared within one version only
//!
//! What is compared of an output is its [`describe`]d text, which for most is Rust's own (`Debug`) of types that no version promises to the
//! next: a field that is renamed makes it another. So outputs are compared only if the tape was recorded by this very version of the
//! server. A tape of another one is played all the same, to see what happens now, and [`Verdict::OtherVersion`] says that nothing was
//! compared. Builds between two releases have one number; between them a [`Verdict::Differs`] may mean no more than such a name.
//!
//! A tape that ends behind a whole line is whole: a server that is killed leaves such tapes, or one with half a line, which has to be cut
//! off by hand.

mod dns;
mod plan;
mod text;

use std::{fmt::Write, time::Instant};

use model::{Directory, WallTime};

use self::text::{Head, InputText, Line};
use crate::{
    settings::Settings,
    switchboard::{Input, Output, Restored, Switchboard},
};

/// The version of the format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The version of the server: only its own outputs can be compared with those of a recording.
const SERVER: &str = env!("CARGO_PKG_VERSION");

/// Writes a tape. The core does no IO: it appends octets to what it is given, and the shell writes them where it likes.
///
/// **A tape holds secrets**: the key of digest nonces, the credentials of every slot (HA1), the passwords of carriers and
/// secrets of routes, and all that phones said, the keys that people
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
    /// How these outputs compare to those of the recording.
    pub verdict: Verdict,
}

/// How the outputs of a replay compare to those of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is the same.
    Same,
    /// Something is not: this build decides differently, or words an output differently.
    Differs {
        /// The first line of the tape, from 1, before which the outputs were others.
        line: usize,
    },
    /// Nothing was compared: another version of the server has recorded the tape.
    OtherVersion {
        /// Which; none in tapes from before that was written down.
        recorded_by: Option<String>,
    },
}

/// Why a tape cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TapeError {
    /// There is nothing on it.
    #[error("the tape is empty")]
    Empty,
    /// Its format is of a version that is not ours, or it is no tape at all.
    #[error("the tape is of format {found}; only format 1 can be played")]
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
    /// A line is as it was written, but by another version of the server, and this one cannot read it.
    #[error("the tape was recorded by version {recorded_by}; version {SERVER} cannot read its line {line}: {why}")]
    Foreign {
        /// Which version.
        recorded_by: String,
        /// Which line, from 1.
        line: usize,
        /// What is odd about it.
        why: String,
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
        recorder.line(&Head::new(VERSION, SERVER, wall, settings, directory, restored, seed), tape);
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
    let (first, json) = lines.next().ok_or(TapeError::Empty)??;
    let recorded_by = recorded_by(first, json)?;
    let is_ours = recorded_by.as_deref() == Some(SERVER);
    let unreadable = |line: usize, why: String| match &recorded_by {
        Some(version) if !is_ours => TapeError::Foreign { recorded_by: version.clone(), line, why },
        _ => TapeError::Garbled { line, why },
    };
    let head: Head = serde_json::from_slice(json).map_err(|error| unreadable(first, error.to_string()))?;
    let settings = head.settings().map_err(|why| unreadable(first, why))?;
    let directory = head.directory().map_err(|why| unreadable(first, why))?;
    let restored = head.restored().map_err(|why| unreadable(first, why))?;
    let seed = head.seed().map_err(|why| unreadable(first, why))?;

    let mut board = Switchboard::new(start, head.wall, settings, directory, &restored, seed);
    let verdict = if is_ours { Verdict::Same } else { Verdict::OtherVersion { recorded_by: recorded_by.clone() } };
    let mut played = Replay { inputs: 0, digest: 0, text: String::new(), verdict };
    let mut outputs = Hash::new();
    play(&mut board, &mut outputs, &mut played.text);
    for line in lines {
        let (at, json) = line?;
        let line: Line = serde_json::from_slice(json).map_err(|error| unreadable(at, error.to_string()))?;
        if played.verdict == Verdict::Same && line.outputs != format!("{:016x}", outputs.0) {
            played.verdict = Verdict::Differs { line: at };
        }
        let now = start + std::time::Duration::from_nanos(line.after_ns);
        let input = line.input.input().map_err(|why| unreadable(at, why))?;
        let _ = writeln!(played.text, "{:.9} {}", std::time::Duration::from_nanos(line.after_ns).as_secs_f64(), name(&input));
        board.handle(now, input);
        play(&mut board, &mut outputs, &mut played.text);
        played.inputs += 1;
    }
    played.digest = outputs.0;
    Ok(played)
}

/// An output in one line of text: what a replay compares, within one version of the server.
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

/// The version of the server that recorded a tape of our format.
fn recorded_by(line: usize, head: &[u8]) -> Result<Option<String>, TapeError> {
    /// What every version has.
    #[derive(serde::Deserialize)]
    struct Version {
        tape: u64,
        #[serde(default)]
        server: Option<String>,
    }

    let Version { tape, server } = serde_json::from_slice(head).map_err(|error| TapeError::Garbled { line, why: error.to_string() })?;
    if tape == u64::from(VERSION) { Ok(server) } else { Err(TapeError::Version { found: tape }) }
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
