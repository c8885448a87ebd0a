//! Who is not heard, and until when.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::evidence::Evidence;
use crate::guard::Source;

/// Sources that are banned at once at most. A ban beyond it is not made, and counted: no flood pushes another one out.
pub const BANS_MAX: usize = 65_536;
/// How long a first ban lasts, unless the settings say otherwise. Each next one lasts four times as long.
pub const BAN_FIRST: Duration = Duration::from_secs(300);
/// How long a ban lasts at most, unless the settings say otherwise: addresses change hands.
pub const BAN_LONGEST: Duration = Duration::from_secs(86_400);
/// How long a ban lasts at most that somebody has made by hand.
pub const BY_HAND_LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// For so long after its end a ban makes the next one longer.
pub const BAN_REMEMBERED: Duration = Duration::from_secs(2 * 86_400);

/// Why a source was banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Its points reached [`super::BAN_AT`] with this.
    Score(Evidence),
    /// Too many failed logins within a day, however slow. This ban lasts a day at once.
    SlowGuessing,
    /// Somebody said so.
    ByHand,
}

/// A ban: plain data, to be listed, kept and restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub source: Source,
    /// From when on.
    pub since: Instant,
    /// Until when.
    pub until: Instant,
    /// Which ban in a row this is, from 1 on.
    pub times: u32,
    /// Why.
    pub why: Why,
    /// The points that spoke against the source.
    pub points: u32,
    /// What was seen of the source, and how often: proven by a round trip, all of it.
    pub evidence: Vec<(Evidence, u32)>,
}

/// Why a ban by hand was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBanned {
    /// Nobody is judged now.
    Off,
    /// The source is exempt.
    Exempt,
    /// [`BANS_MAX`] others stand.
    Full,
}

/// How long the ban is that comes as number `times`, from 1 on, where the first lasts `first` and none lasts longer than `longest`.
#[must_use]
pub fn ban_lasts(first: Duration, longest: Duration, times: u32) -> Duration {
    let factor = 4_u32.checked_pow(times.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// Bans by source. Whoever only needs to know who is banned (the sockets) keeps one of its own, and follows [`super::ArmourOutput`] with it.
#[derive(Debug, Default)]
pub struct BanList {
    bans: BTreeMap<Source, Ban>,
    ends: BTreeSet<(Instant, Source)>,
}

impl BanList {
    /// Whether nothing of `source` is heard at `now`.
    #[must_use]
    pub fn is_banned(&self, now: Instant, source: Source) -> bool {
        self.bans.get(&source).is_some_and(|ban| now < ban.until)
    }

    /// Enters a ban, in place of an older one of its source. `false` if [`BANS_MAX`] others stand already.
    pub fn insert(&mut self, ban: Ban) -> bool {
        if self.bans.len() >= BANS_MAX && !self.bans.contains_key(&ban.source) {
            return false;
        }
        self.remove(ban.source);
        self.ends.insert((ban.until, ban.source));
        self.bans.insert(ban.source, ban);
        true
    }

    /// Takes a ban out.
    pub fn remove(&mut self, source: Source) -> Option<Ban> {
        let ban = self.bans.remove(&source)?;
        self.ends.remove(&(ban.until, source));
        Some(ban)
    }

    /// Takes one out that has ended by `now`. Asked until there is none.
    pub fn expire(&mut self, now: Instant) -> Option<Ban> {
        let (_, source) = self.ends.first().filter(|(until, _)| *until <= now).copied()?;
        self.remove(source)
    }

    /// When the next one ends.
    #[must_use]
    pub fn next_end(&self) -> Option<Instant> {
        self.ends.first().map(|(until, _)| *until)
    }

    /// The ban of a source, also one that has just ended.
    #[must_use]
    pub fn get(&self, source: Source) -> Option<&Ban> {
        self.bans.get(&source)
    }

    /// All bans in the order of addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Ban> {
        self.bans.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bans.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }
}

/// Who was banned before: how often, and until when that counts.
#[derive(Debug, Default)]
pub(super) struct Past {
    times: BTreeMap<Source, (u32, Instant)>,
    ends: BTreeSet<(Instant, Source)>,
}

impl Past {
    /// How often in a row `source` was banned.
    pub(super) fn times(&self, now: Instant, source: Source) -> u32 {
        self.times.get(&source).filter(|(_, until)| now < *until).map_or(0, |(times, _)| *times)
    }

    /// Remembers a ban. At the limit what would be forgotten first is forgotten.
    pub(super) fn remember(&mut self, now: Instant, ban: &Ban) {
        self.forget(ban.source);
        while let Some((until, source)) = self.ends.first().copied()
            && (until <= now || self.times.len() >= BANS_MAX)
        {
            self.forget(source);
        }
        let Some(until) = ban.until.checked_add(BAN_REMEMBERED) else { return };
        self.times.insert(ban.source, (ban.times, until));
        self.ends.insert((until, ban.source));
    }

    pub(super) fn forget(&mut self, source: Source) {
        if let Some((_, until)) = self.times.remove(&source) {
            self.ends.remove(&(until, source));
        }
    }
}
