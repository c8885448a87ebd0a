//! A tape of everything that goes into signalling, and its replay: a defect seen in the field becomes one that can be looked at.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
    sync::mpsc::{self, Receiver, SyncSender, TrySendError},
    thread,
    time::Instant,
};

use anyhow::Context;
use calls::{
    Input, Output,
    tape::{Recorder, Replay, Verdict},
};
use tracing::{info, warn};

use crate::options::ReplayOptions;

/// A tape grows to this size and no further: some ten thousand calls.
const OCTETS_MAX: usize = 256 * 1024 * 1024;

/// Pieces of tape that may wait for a slow disk; with more the tape ends, for the loop does not wait.
const PIECES_MAX: usize = 4_096;

/// The loop's side of a tape.
pub(crate) struct Tape {
    recorder: Recorder,
    /// What was taken down since the last piece was handed over.
    piece: Vec<u8>,
    octets: usize,
    writer: SyncSender<Vec<u8>>,
}

/// The file of a tape, made before anything runs: one that exists is not touched. It holds secrets, so nobody else may read it.
pub(crate) fn create(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(|| {
        let path = path.display();
        format!("cannot make {path}; --record-inputs wants a new file, in a directory that is there")
    })
}

impl Tape {
    /// A tape that `begin` has written the beginning of.
    pub(crate) fn begin(file: File, begin: impl FnOnce(&mut Vec<u8>) -> Recorder) -> anyhow::Result<Self> {
        let (writer, pieces) = mpsc::sync_channel(PIECES_MAX);
        thread::Builder::new().name("tape".to_owned()).spawn(move || write(file, &pieces))?;
        let mut piece = Vec::new();
        let recorder = begin(&mut piece);
        warn!("Everything that signalling hears is recorded (--record-inputs). The file holds secrets: delete it when you are done.");
        Ok(Self { recorder, piece, octets: 0, writer })
    }

    /// Takes down an input that is about to be handled.
    pub(crate) fn input(&mut self, now: Instant, input: &Input) {
        self.recorder.input(now, input, &mut self.piece);
    }

    /// Takes note of an output.
    pub(crate) fn output(&mut self, output: &Output) {
        self.recorder.output(output);
    }

    /// Hands over what was taken down in a turn; nothing if the tape ends here.
    pub(crate) fn go_on(mut self) -> Option<Self> {
        if self.piece.is_empty() {
            return Some(self);
        }
        self.octets = self.octets.saturating_add(self.piece.len());
        if self.octets > OCTETS_MAX {
            warn!(octets_max = OCTETS_MAX, "The tape of inputs is full; nothing more is recorded.");
            return None;
        }
        match self.writer.try_send(std::mem::take(&mut self.piece)) {
            Ok(()) => Some(self),
            Err(TrySendError::Full(_)) => {
                warn!("The disk is too slow for the tape of inputs; nothing more is recorded.");
                None
            }
            // Its thread has said why.
            Err(TrySendError::Disconnected(_)) => None,
        }
    }
}

/// The writing thread: ends with the loop, or with the disk.
fn write(file: File, pieces: &Receiver<Vec<u8>>) {
    let mut file = BufWriter::new(file);
    let mut all = || -> io::Result<()> {
        while let Ok(piece) = pieces.recv() {
            file.write_all(&piece)?;
            while let Ok(piece) = pieces.try_recv() {
                file.write_all(&piece)?;
            }
            file.flush()?;
        }
        Ok(())
    };
    match all() {
        Ok(()) => info!("The tape of inputs is closed."),
        Err(failure) => warn!(%failure, "The tape of inputs cannot be written; it ends here."),
    }
}

/// `cordboard replay`: plays a tape and tells what came out. Success if the outputs are those of the recording.
pub(crate) fn replay(options: &ReplayOptions) -> anyhow::Result<ExitCode> {
    let tape = std::fs::read(&options.file).with_context(|| format!("cannot read {}", options.file.display()))?;
    let played = calls::tape::replay(Instant::now(), &tape).context("cannot play the tape")?;
    let mut to = io::stdout().lock();
    if options.outputs {
        to.write_all(played.text.as_bytes())?;
    }
    to.write_all(summary(&played).as_bytes())?;
    Ok(if played.verdict == Verdict::Same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(played: &Replay) -> String {
    let Replay { inputs, digest, verdict, text } = played;
    let outputs = text.lines().filter(|line| line.starts_with("  ")).count();
    let verdict = match verdict {
        Verdict::Same => "The outputs are those of the recording.".to_owned(),
        Verdict::Differs { line } => {
            format!(
                "Before line {line} of the tape the outputs are not those of the recording: this build decides or words them differently."
            )
        }
        Verdict::OtherVersion { recorded_by } => format!(
            "The tape was recorded by {}, this is {}: outputs are compared within one version only.",
            recorded_by.as_deref().unwrap_or("an older version"),
            env!("CARGO_PKG_VERSION")
        ),
    };
    format!("{inputs} inputs, {outputs} outputs, digest {digest:016x}.\n{verdict}\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_tape_is_private_and_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tape");
        let file = create(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let failure = format!("{:#}", create(&path).unwrap_err());
        assert!(failure.contains("wants a new file") && failure.contains(&path.display().to_string()), "{failure}");
    }

    #[test]
    fn a_summary_says_whether_all_is_the_same() {
        let played = Replay { inputs: 1, digest: 0xab, text: "0.1 Clock\n  Fact\n  Fact\n".to_owned(), verdict: Verdict::Same };
        assert_eq!(summary(&played), "1 inputs, 2 outputs, digest 00000000000000ab.\nThe outputs are those of the recording.\n");
        let judged = |verdict| summary(&Replay { verdict, ..played.clone() });
        assert!(judged(Verdict::Differs { line: 7 }).contains("line 7"));
        let other = judged(Verdict::OtherVersion { recorded_by: Some("0.0.9".to_owned()) });
        assert!(other.contains("recorded by 0.0.9, this is ") && other.contains("within one version only"), "{other}");
    }
}
