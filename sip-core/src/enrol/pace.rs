//! How long to wait before the next REGISTER.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::RngCore;

/// The first REGISTER goes out within this, so that the accounts of one server do not come in one burst.
pub const START_SPREAD: Duration = Duration::from_secs(4);
/// No REGISTER follows another sooner, but for the one after a 423, and what the owner asks for.
pub const SPACING: Duration = Duration::from_secs(5);
/// The least and the greatest interval that is asked for, in seconds; a longer one that is granted counts as the greatest.
pub const EXPIRES_S: (u32, u32) = (60, 86_400);
/// The greatest Retry-After that is obeyed.
pub const RETRY_AFTER_S_MAX: u32 = 3_600;

/// How a refusal is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may be over soon: silence, 408, 5xx.
    Passing,
    /// It lasts until somebody changes something: a wrong password, an unknown user. Registrars lock out who tries often.
    Lasting,
}

/// The pause after the first failure, and the longest one, before chance.
const PASSING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
const LASTING: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3_600));
/// Chance adds so many hundredths to a Retry-After, so that those who were sent away together do not come back together.
const RETRY_AFTER_SPREAD: u32 = 10;

/// After `failures` in a row (1 and more): doubled each time up to the longest, and of that between half and all (RFC 5626, 4.5).
/// A Retry-After in seconds says when instead, but no sooner than a trouble that lasts allows.
pub(super) fn after_failure(rng: &mut ChaCha12Rng, trouble: Trouble, failures: u32, retry_after: Option<u32>) -> Duration {
    let (first, longest) = match trouble {
        Trouble::Passing => PASSING,
        Trouble::Lasting => LASTING,
    };
    let most = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX)).min(longest);
    let pause = between(rng, most / 2, most);
    let pause = match retry_after.map(|after| Duration::from_secs(after.min(RETRY_AFTER_S_MAX).into())) {
        Some(after) => {
            let after = between(rng, after, after + after * RETRY_AFTER_SPREAD / 100);
            if trouble == Trouble::Lasting { after.max(pause) } else { after }
        }
        None => pause,
    };
    pause.max(SPACING)
}

/// After a binding for `granted` seconds: between half and three quarters of it, so that there is time to try again before it ends.
pub(super) fn refresh(rng: &mut ChaCha12Rng, granted: u32) -> Duration {
    let whole = Duration::from_secs(granted.into());
    between(rng, whole / 2, whole * 3 / 4).max(SPACING)
}

/// Both ends included, in milliseconds.
pub(super) fn between(rng: &mut ChaCha12Rng, least: Duration, most: Duration) -> Duration {
    let spread = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    least + Duration::from_millis(rng.next_u64() % spread)
}
