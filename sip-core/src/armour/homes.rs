//! Where users have logged in from, and how often others have failed with their names.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::score::{Allowance, Leak};
use crate::guard::Source;

/// Users, and sources with a standing, that are remembered at most. Only those get in that are in the directory or know a password.
pub const USERS_MAX: usize = 100_000;
/// Sources of one user; at the limit the one that was used longest ago is forgotten.
pub const HOMES_MAX: usize = 8;
/// For so long after a login a source is a home of its user. Any binding is refreshed more often.
pub const HOME_LIFE: Duration = Duration::from_secs(30 * 86_400);
/// For so long after anybody's login a source has a standing.
pub const STANDING_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// Failed logins with one user's name within a day, from all sources together that have no standing, unless the settings say otherwise.
pub const USER_FAILURES_MAX: u32 = 50;

/// A source that a user has logged in from: plain data, to be kept and restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// From where.
    pub source: Source,
    /// When last.
    pub at: Instant,
}

#[derive(Debug, Default)]
struct User {
    homes: Vec<Home>,
    failures: Leak,
    is_guarded: bool,
}

#[derive(Debug, Default)]
pub(super) struct Homes {
    users: BTreeMap<Box<str>, User>,
    standing: BTreeMap<Source, Instant>,
    swept: Option<Instant>,
}

impl Homes {
    pub(super) fn has_standing(&self, now: Instant, source: Source) -> bool {
        self.standing.get(&source).is_some_and(|at| now.saturating_duration_since(*at) < STANDING_LIFE)
    }

    pub(super) fn is_home(&self, now: Instant, source: Source, user: &str) -> bool {
        self.users.get(user).is_some_and(|user| user.homes.iter().any(|home| home.source == source && home.is_live(now)))
    }

    /// A user has logged in from a source at `at`, which is not after `now`.
    pub(super) fn enter(&mut self, now: Instant, source: Source, user: &str, at: Instant) {
        self.make_room(now);
        if self.standing.len() < USERS_MAX || self.standing.contains_key(&source) {
            let last = self.standing.entry(source).or_insert(at);
            *last = at.max(*last);
        }
        let Some(user) = self.user(user) else { return };
        // The usual case: a phone that refreshes its binding.
        if let Some(home) = user.homes.iter_mut().find(|home| home.source == source) {
            home.at = at.max(home.at);
            return;
        }
        user.homes.retain(|home| home.is_live(now));
        if user.homes.len() >= HOMES_MAX
            && let Some((oldest, _)) = user.homes.iter().enumerate().min_by_key(|(_, home)| home.at)
        {
            user.homes.swap_remove(oldest);
        }
        user.homes.push(Home { source, at });
    }

    /// A stranger has failed with a user's name. Whether that is now guarded and was not before.
    pub(super) fn failed(&mut self, now: Instant, allowance: Allowance, user: &str) -> bool {
        self.make_room(now);
        let Some(user) = self.user(user) else { return false };
        user.failures.add(now, allowance);
        let was_guarded = user.is_guarded;
        user.is_guarded = user.failures.is_full(now, allowance) || (was_guarded && !user.is_calm(now, allowance));
        user.is_guarded && !was_guarded
    }

    /// A stranger who failed `count` times has logged in after all.
    pub(super) fn take_back(&mut self, now: Instant, allowance: Allowance, user: &str, count: u32) {
        if let Some(user) = self.users.get_mut(user) {
            user.failures.take_back(now, allowance, count);
        }
    }

    /// Whether strangers' logins with this name are not looked at.
    pub(super) fn is_guarded(&self, now: Instant, allowance: Allowance, user: &str) -> bool {
        self.users.get(user).is_some_and(|user| user.failures.is_full(now, allowance))
    }

    pub(super) fn remove(&mut self, user: &str) {
        self.users.remove(user);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Home)> {
        self.users.iter().flat_map(|(name, user)| user.homes.iter().map(|home| (&**name, *home)))
    }

    pub(super) fn guarded(&self, now: Instant, allowance: Allowance) -> impl Iterator<Item = &str> {
        self.users.iter().filter(move |(_, user)| user.failures.is_full(now, allowance)).map(|(name, _)| &**name)
    }

    fn user(&mut self, name: &str) -> Option<&mut User> {
        if !self.users.contains_key(name) {
            if self.users.len() >= USERS_MAX {
                return None;
            }
            self.users.insert(name.into(), User::default());
        }
        self.users.get_mut(name)
    }

    /// Lets go what has lapsed, when it is full and not more than once an hour.
    fn make_room(&mut self, now: Instant) {
        let is_full = self.users.len() >= USERS_MAX || self.standing.len() >= USERS_MAX;
        let is_soon = self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < Duration::from_secs(3_600));
        if is_full && !is_soon {
            self.swept = Some(now);
            self.standing.retain(|_, at| now.saturating_duration_since(*at) < STANDING_LIFE);
            self.users.retain(|_, user| user.homes.iter().any(|home| home.is_live(now)) || !user.failures.is_forgotten(now));
        }
    }
}

impl User {
    /// Half of what was counted is forgotten: the next wave is news again.
    fn is_calm(&self, now: Instant, allowance: Allowance) -> bool {
        self.failures.used(now, allowance) < allowance.limit / 2
    }
}

impl Home {
    fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < HOME_LIFE
    }
}
