//! What taps heard, put into files: WAV, 8 kHz, 16 bits, our side left and the world right (R15). Knows no calls, sockets or database.
//!
//! While a recording grows there are two files, and once its row is known elsewhere there is one:
//!
//! ```text
//!  2026/11/21/c_….wav.part   44 octets of header, then whole frames of 4 octets; the header tells the sizes as of the last flush
//!  2026/11/21/c_….wav.json   the row, so that the .part can be finished without the database; it stays until the closed row is journaled
//!  2026/11/21/c_….wav        the closed recording; a file of this name is always whole
//! ```
//!
//! [`Recorder`] writes them, [`recover`] finishes what a killed server left behind (FT-2), [`open`] reads them, also while they grow, [`erase`] unlinks them.
//! Directories are made with mode 0700 and files with 0600.

mod disk;
mod erase;
mod open;
mod path;
mod peaks;
mod place;
mod recover;
mod seal;
mod spool;
mod wav;
mod writer;

#[cfg(test)]
mod tests;

pub use erase::erase;
pub use open::{Snapshot, open};
pub use peaks::{MOMENTS_MAX, Peaks, peaks};
pub use recover::{forget_sidecar, recover};
pub use spool::{RECORDINGS_MAX, Recorder, RecorderCounters, RecorderSettings, ToRecorder};
pub use wav::HEADER_LENGTH;
