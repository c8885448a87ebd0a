//! `[calls]`

use crate::section::section;

section! {
    /// Calls: how many, and how long things may take.
    Calls in calls {
        /// At the end (SIGTERM) running calls may go on for this many seconds; new ones are refused.
        @live drain_s: u32 = "300", 0..=86400;
        /// How long the called side may ring, in seconds.
        @live ring_s: u32 = "60", 1..=600;
        /// How long a slot's own phone may take to answer a call that was started over REST, in seconds.
        @live slot_ring_s: u32 = "15", 1..=120;
        /// How many calls there may be at once; one more is refused with 503.
        @live max: u32 = "2000", 1..=10000;
    }
}
