//! `[guard]`

use crate::section::{Findings, section};

section! {
    /// The guard before SIP: how much one address may send, so that a flood costs others nothing.
    /// Over UDP what is above is dropped unread, over TCP it waits; each of both has these limits for itself.
    /// An IPv6 address is counted with its whole /64, but link-local, unique local and loopback addresses each for itself.
    /// Raise the limits if many phones stand behind one address.
    Guard in guard {
        /// Requests a second from one address that begin something: REGISTER, INVITE, OPTIONS, and each TCP connection that is opened. 0: no limit.
        @live new_per_s: u32 = "500", 0..=1000000;
        /// How many of them may come at once, after a quiet time.
        @live new_burst: u32 = "2000", 1..=1000000;
        /// Messages a second from one address that belong to something that has begun: responses, requests within a call,
        /// and keep-alives over TCP beyond one a second. 0: no limit.
        @live inside_per_s: u32 = "5000", 0..=1000000;
        /// How many of them may come at once, after a quiet time.
        @live inside_burst: u32 = "10000", 1..=1000000;
    }
}

impl Guard {
    pub(crate) fn check(&self, findings: &mut Findings) {
        // A call that is set up takes several messages inside of it for the one that begins it.
        if self.inside_per_s != 0 && (self.new_per_s == 0 || self.inside_per_s < self.new_per_s) {
            findings.warn(
                &["guard.inside_per_s", "guard.new_per_s"],
                "it allows fewer messages of calls that are up than of new ones (guard.new_per_s), so that a busy address loses calls",
            );
        }
    }
}
