//! Waiting on a value, never on a moment.

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Between two looks at a value. Short beside every time limit of the tests, long beside the cost of a look.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `look` gives a value; an error names `what` after `limit`.
///
/// # Errors
/// When `limit` has passed without a value, or at once with the error of `look`.
pub fn until<T>(what: impl Display, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if Instant::now() >= end {
            bail!("waited {} s in vain: {what}", limit.as_secs_f32());
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that waits: between two looks at a value")]
        thread::sleep(PAUSE);
    }
}

/// Like [`until`], for a plain condition.
///
/// # Errors
/// When `limit` has passed and `look` was never true.
pub fn until_true(what: impl Display, limit: Duration, mut look: impl FnMut() -> bool) -> Result<()> {
    until(what, limit, || Ok(look().then_some(())))
}
