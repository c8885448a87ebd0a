//! `[recording]`

use std::path::PathBuf;

use crate::section::section;

section! {
    /// Recordings of answered calls.
    Recording in recording {
        /// Whether calls are recorded.
        @live enabled: bool = "true";
        /// The directory of the files. Empty: recordings, in the data directory.
        dir: Option<PathBuf> = "\"\"";
        /// A growing file is made safe against a power cut this often, in seconds.
        fsync_s: u32 = "5", 1..=60;
    }
}
