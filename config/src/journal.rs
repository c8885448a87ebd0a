//! `[journal]`

use crate::section::section;

section! {
    /// The journal: what happened is written there before a phone hears of it, and the database follows.
    Journal in journal {
        /// The journal is made safe against a power cut this often, in milliseconds.
        /// A crash of the server alone loses nothing, whatever stands here.
        fsync_ms: u32 = "200", 1..=5000;
    }
}
