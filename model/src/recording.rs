//! What is known of a call's recording. Every answered call has exactly one such row.

use serde::{Deserialize, Serialize};

use crate::{CallId, CenterId, WallTime};

/// How far a recording has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// The call goes on; the file grows.
    Recording,
    /// Closed, with nothing missing.
    Complete,
    /// Closed, and something is missing; the row's reason says what.
    Partial,
    /// There is no usable file; the row's reason says why.
    Failed,
    /// Recording was switched off for this call.
    NotWanted,
    /// Somebody has erased it, or it had its time: there is nothing to hear any more, and there never will be.
    Erased,
}

/// Who is heard on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRole {
    /// `caller`, `callee`: the party's part in the call.
    pub role: String,
    /// The party's number.
    pub number: String,
}

/// The row of one recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingRow {
    /// The recorded call; a call has one recording.
    pub call_id: CallId,
    /// Whose it is.
    pub center: CenterId,
    /// How far it has come.
    pub state: RecordingState,
    /// Why it is partial, failed or not wanted.
    pub reason: Option<String>,
    /// The file's name below the recording directory, made by us; none if there is no file.
    pub file: Option<String>,
    /// Left channel: our side; between two slots the dialling one (R15).
    pub left: ChannelRole,
    /// Right channel: the world; between two slots the called one.
    pub right: ChannelRole,
    /// When the first sample was due: the far party's answer.
    pub started_at: WallTime,
    /// Length of the audio in milliseconds; 0 until closed.
    pub duration_ms: u64,
    /// Length of the file in octets; 0 until closed.
    pub size: u64,
}

/// 9999-12-31, so that a year has four digits whatever a machine's clock says.
const LAST_DAY: i64 = 253_402_214_400_000;

impl RecordingRow {
    /// The name of a call's recording below the recording directory: `2026/11/21/c_….wav`, the day in UTC.
    /// Made of nothing but the call's id and start, so no text from outside ever reaches the file system (FT-19).
    #[must_use]
    pub fn file_name(call: CallId, started_at: WallTime) -> String {
        let (year, month, day) = WallTime(started_at.0.clamp(0, LAST_DAY)).utc_date();
        format!("{year:04}/{month:02}/{day:02}/{call}.wav")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_carries_the_day() {
        for (ms, day) in [
            (i64::MIN, "1970/01/01"),
            (86_399_999, "1970/01/01"),
            (86_400_000, "1970/01/02"),
            (1_763_683_200_000, "2025/11/21"),
            (i64::MAX, "9999/12/31"),
        ] {
            assert_eq!(RecordingRow::file_name(CallId(77), WallTime(ms)), format!("{day}/c_000000000002d.wav"));
        }
    }
}
