//! What is remembered of sources, in tables of a fixed size.

use std::{
    hash::{DefaultHasher, Hasher},
    time::{Duration, Instant},
};

use super::{
    evidence::Tally,
    score::{Leak, Score},
};
use crate::guard::Source;

/// Sources that are remembered in each table.
pub const SOURCES_MAX: usize = SETS * WAYS;
/// Names that failed are told apart for each source; failures of further ones all weigh.
pub const NAMES_MAX: usize = 16;

const WAYS: usize = 8;
/// A power of two.
const SETS: usize = 2_048;

/// What is remembered of a source.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) source: Source,
    pub(super) score: Score,
    /// Failed logins of a day that weigh.
    pub(super) day: Leak,
    pub(super) seen: Tally,
    pub(super) names: Vec<Tried>,
    /// When the next request without a login is let in, while too much speaks against a source that is not proven.
    pub(super) next: Option<Instant>,
}

/// A name that failed to log in from a source.
#[derive(Debug)]
pub(super) struct Tried {
    /// A keyed hash of it.
    pub(super) name: u64,
    /// What it has added to the source's score, so that a success can take it back.
    pub(super) score: Score,
    /// How often it was added to the source's day.
    pub(super) counted: u32,
    pub(super) failures: Leak,
}

impl Record {
    fn new(source: Source) -> Self {
        Self { source, score: Score::default(), day: Leak::default(), seen: Tally::default(), names: Vec::new(), next: None }
    }

    /// How little would be lost with it.
    fn worth(&self, now: Instant) -> (u32, Duration) {
        (self.score.points(now), self.day.left(now))
    }

    pub(super) fn tried(&mut self, name: u64) -> Option<&mut Tried> {
        self.names.iter_mut().find(|tried| tried.name == name)
    }
}

/// Records in sets of a few places; a secret hash says which set is a source's, so nobody can aim at the place of another.
/// Where a set is full, the record that says least makes room: a flood of sources costs no memory, and pushes out what has hardly begun.
#[derive(Debug)]
pub(super) struct Records {
    sets: Vec<Vec<Record>>,
}

impl Records {
    pub(super) fn new() -> Self {
        Self { sets: std::iter::repeat_with(Vec::new).take(SETS).collect() }
    }

    pub(super) fn get(&mut self, key: Key, source: Source) -> Option<&mut Record> {
        self.set(key, source)?.iter_mut().find(|record| record.source == source)
    }

    /// The record of a source, a new one if need be.
    pub(super) fn entry(&mut self, now: Instant, key: Key, source: Source) -> Option<&mut Record> {
        let set = self.set(key, source)?;
        let at = match set.iter().position(|record| record.source == source) {
            Some(at) => at,
            None => {
                if set.len() >= WAYS
                    && let Some((least, _)) = set.iter().enumerate().min_by_key(|(_, record)| record.worth(now))
                {
                    set.swap_remove(least);
                }
                set.push(Record::new(source));
                set.len() - 1
            }
        };
        set.get_mut(at)
    }

    pub(super) fn remove(&mut self, key: Key, source: Source) {
        if let Some(set) = self.set(key, source) {
            set.retain(|record| record.source != source);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sets.iter().map(Vec::len).sum()
    }

    fn set(&mut self, key: Key, source: Source) -> Option<&mut Vec<Record>> {
        let (address, scope) = source.parts();
        let mut hasher = key.hasher();
        hasher.write_u128(address);
        hasher.write_u32(scope);
        // The number of sets is a power of two, so the mask keeps the low bits, which is what is wanted.
        #[expect(clippy::cast_possible_truncation, reason = "low bits of a hash")]
        let at = hasher.finish() as usize & (SETS - 1);
        self.sets.get_mut(at)
    }
}

/// What makes hashes secret.
#[derive(Clone, Copy)]
pub(super) struct Key(pub(super) [u8; 16]);

impl Key {
    pub(super) fn name(self, name: &str) -> u64 {
        let mut hasher = self.hasher();
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    fn hasher(self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.0);
        hasher
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}
