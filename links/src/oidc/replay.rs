//! Which tokens were seen already: one that is good once is remembered for as long as it would be good.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use model::WallTime;

/// How many tokens are remembered. The oldest give way: who could send so many in their time has the provider's key.
const SEEN_MAX: usize = 10_000;

/// The ids of tokens.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<String, WallTime>>);

impl Seen {
    /// Remembers a token until `until`; false if it was seen before.
    pub(crate) fn is_new(&self, id: &str, until: WallTime, now: WallTime) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, until| *until > now);
        if seen.contains_key(id) {
            return false;
        }
        if seen.len() >= SEEN_MAX {
            let oldest = seen.iter().min_by_key(|(_, until)| **until).map(|(id, _)| id.clone());
            oldest.map(|oldest| seen.remove(&oldest));
        }
        seen.insert(id.to_owned(), until);
        true
    }
}
