//! Leases.

use std::time::Instant;

use model::UserId;

/// A person's hold on a slot (R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Who holds the slot.
    pub(crate) holder: UserId,
    /// Without another sign of life of the holder the lease ends here, unless a call is up.
    pub(crate) alive_until: Instant,
}
