//! Slows down who guesses passwords, by user name and by source. Tables of bounded size; knows no clock.
//!
//! Nobody may lock out somebody else with guesses (B-69). So a single source counts against a user name no further than its own free
//! attempts go, unless many sources have used up what is free at that name; and where the user has logged in of late, the guesses of
//! other sources do not count at all.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use model::UserId;
use sha2::{Digest as _, Sha256};

/// Entries in the table; past it the one that has been quiet longest is forgotten.
const ENTRIES_MAX: usize = 10_000;
/// Attempts that cost no wait: at one user name from one source.
const FREE_OF_PAIR: u32 = 5;
/// Attempts that cost no wait: at one user name from everywhere. Ten sources together get so far.
const FREE_OF_USER: u32 = 50;
/// Attempts that cost no wait: of one source, behind which a whole office may sit.
const FREE_OF_SOURCE: u32 = 30;
/// Log-ins by a provider that one source may have under way without a wait: a shift that begins behind one address, or behind a proxy.
const FREE_OF_BEGUN: u32 = 500;
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// An entry without attempts for so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// So long after a log-in a source still is one where the user is at home.
const HOME_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Whose attempts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Suspect {
    /// A user name, known or not, by its hash: names of strangers are of any length.
    User([u8; 16]),
    /// A source address; of IPv6 its /64, which is what one subscriber gets.
    Source(IpAddr),
    /// A user name from one source.
    Pair([u8; 16], IpAddr),
    /// A source address, for the log-ins by a provider that it has begun and not ended.
    Begun(IpAddr),
    /// A person who changes their own password, wherever from: apart from log-ins, which a stolen session must not stop.
    Change(UserId),
}

impl Suspect {
    /// All who are suspect when somebody at `address` logs in as `name`, whatever its case.
    pub(crate) fn of_login(name: &str, address: IpAddr) -> [Self; 3] {
        let hash = Sha256::digest(name.to_lowercase().as_bytes());
        let name = hash.first_chunk().copied().unwrap_or_default();
        let source = subscriber(address);
        [Self::Pair(name, source), Self::User(name), Self::Source(source)]
    }

    /// A source alone, whoever it speaks of.
    pub(crate) fn of_source(address: IpAddr) -> Self {
        Self::Source(subscriber(address))
    }

    /// A source that begins a log-in by a provider: nothing can be guessed by that, but each takes room.
    pub(crate) fn of_begun(address: IpAddr) -> Self {
        Self::Begun(subscriber(address))
    }

    fn free(&self) -> u32 {
        match self {
            Self::Pair(..) => FREE_OF_PAIR,
            Self::User(_) => FREE_OF_USER,
            Self::Source(_) => FREE_OF_SOURCE,
            Self::Begun(_) => FREE_OF_BEGUN,
            Self::Change(_) => FREE_OF_PAIR,
        }
    }
}

/// The subscriber behind an address: IPv6 hands out /64s.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[derive(Debug)]
struct Record {
    attempts: u32,
    last: Instant,
}

/// The attempts of late.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    records: HashMap<Suspect, Record>,
    /// Pairs of user and source that have logged in, and when they last did.
    at_home: HashMap<Suspect, Instant>,
}

impl Throttle {
    /// Counts an attempt as failed before it is made, so that a hundred at once gain nothing; or says how long to wait.
    pub(crate) fn attempt(&mut self, now: Instant, suspects: &[Suspect]) -> Result<(), Duration> {
        let at_home = suspects.iter().any(|suspect| self.is_at_home(now, suspect));
        let matters = |suspect: &&Suspect| !(at_home && matches!(suspect, Suspect::User(_)));
        let wait = suspects.iter().filter(matters).filter_map(|suspect| self.wait(now, suspect)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for suspect in suspects {
            self.make_room(now, suspect);
            let record = self.records.entry(*suspect).or_insert(Record { attempts: 0, last: now });
            if now.saturating_duration_since(record.last) > FORGET_AFTER {
                record.attempts = 0;
            }
            if !matches!(suspect, Suspect::User(_)) {
                record.attempts = record.attempts.saturating_add(1);
                record.last = now;
            }
        }
        if !at_home && (self.is_pair_free(suspects) || self.is_user_past_free(suspects, FREE_OF_USER)) {
            self.users(suspects, |record| {
                record.attempts = record.attempts.saturating_add(1);
                record.last = now;
            });
        }
        Ok(())
    }

    /// The password was right. The user's records are wiped; the source loses this attempt only, so that one who has an
    /// account cannot buy guesses at others' with log-ins of his own.
    pub(crate) fn succeeded(&mut self, now: Instant, suspects: &[Suspect]) {
        for suspect in suspects {
            match suspect {
                Suspect::User(_) | Suspect::Change(_) => drop(self.records.remove(suspect)),
                Suspect::Pair(..) => {
                    self.records.remove(suspect);
                    if self.at_home.len() >= ENTRIES_MAX && !self.at_home.contains_key(suspect) {
                        let longest_ago = self.at_home.iter().min_by_key(|(_, last)| **last).map(|(suspect, _)| *suspect);
                        longest_ago.and_then(|suspect| self.at_home.remove(&suspect));
                    }
                    self.at_home.insert(*suspect, now);
                }
                Suspect::Source(_) | Suspect::Begun(_) => self.undo(now, std::slice::from_ref(suspect)),
            }
        }
    }

    /// No password was checked after all.
    pub(crate) fn undo(&mut self, now: Instant, suspects: &[Suspect]) {
        // As it was when the attempt was counted.
        let at_home = suspects.iter().any(|suspect| self.is_at_home(now, suspect));
        if !at_home && (self.is_pair_free(suspects) || self.is_user_past_free(suspects, FREE_OF_USER + 1)) {
            self.users(suspects, |record| record.attempts = record.attempts.saturating_sub(1));
        }
        for suspect in suspects.iter().filter(|suspect| !matches!(suspect, Suspect::User(_))) {
            if let Some(record) = self.records.get_mut(suspect) {
                record.attempts = record.attempts.saturating_sub(1);
            }
        }
    }

    fn is_at_home(&self, now: Instant, suspect: &Suspect) -> bool {
        self.at_home.get(suspect).is_some_and(|last| now.saturating_duration_since(*last) <= HOME_FOR)
    }

    /// Whether this source, with the attempt that was just counted, is within what is free at this user name.
    fn is_pair_free(&self, suspects: &[Suspect]) -> bool {
        let mut pairs = suspects.iter().filter(|suspect| matches!(suspect, Suspect::Pair(..)));
        pairs.all(|pair| self.records.get(pair).is_none_or(|record| record.attempts <= FREE_OF_PAIR))
    }

    fn is_user_past_free(&self, suspects: &[Suspect], attempts: u32) -> bool {
        let mut users = suspects.iter().filter(|suspect| matches!(suspect, Suspect::User(_)));
        users.any(|user| self.records.get(user).is_some_and(|record| record.attempts >= attempts))
    }

    fn users(&mut self, suspects: &[Suspect], mut change: impl FnMut(&mut Record)) {
        for suspect in suspects.iter().filter(|suspect| matches!(suspect, Suspect::User(_))) {
            if let Some(record) = self.records.get_mut(suspect) {
                change(record);
            }
        }
    }

    /// The wait doubles with each attempt past the free ones.
    fn wait(&self, now: Instant, suspect: &Suspect) -> Option<Duration> {
        let record = self.records.get(suspect)?;
        let past = record.attempts.checked_sub(suspect.free())?;
        let wait = Duration::from_secs(1u64.checked_shl(past.min(16)).unwrap_or(u64::MAX)).min(WAIT_MAX);
        let left = (record.last + wait).checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    fn make_room(&mut self, now: Instant, suspect: &Suspect) {
        if self.records.len() < ENTRIES_MAX || self.records.contains_key(suspect) {
            return;
        }
        self.records.retain(|_, record| now.saturating_duration_since(record.last) <= FORGET_AFTER);
        if self.records.len() >= ENTRIES_MAX
            && let Some(quiet) = self.records.iter().min_by_key(|(_, record)| record.last).map(|(suspect, _)| *suspect)
        {
            self.records.remove(&quiet);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use expect_test::expect;

    use super::*;

    fn login(name: &str, address: &str) -> [Suspect; 3] {
        Suspect::of_login(name, address.parse().unwrap())
    }

    #[test]
    fn the_wait_doubles_and_ends() {
        let mut now = Instant::now();
        let mut throttle = Throttle::default();
        let who = login("Anna", "192.0.2.1");
        let mut told = String::new();
        for _ in 0..14 {
            match throttle.attempt(now, &who) {
                Ok(()) => told += "tried; ",
                Err(wait) => {
                    told += &format!("wait {}; ", wait.as_secs());
                    now += wait;
                    throttle.attempt(now, &who).unwrap();
                }
            }
        }
        expect!["tried; tried; tried; tried; tried; wait 1; wait 2; wait 4; wait 8; wait 16; wait 32; wait 60; wait 60; wait 60; "]
            .assert_eq(&told);

        // The case of the name does not help; another place does, another name does, and a quarter of an hour does.
        assert!(throttle.attempt(now, &login("ANNA", "192.0.2.1")).is_err());
        assert!(throttle.attempt(now, &login("anna", "192.0.2.2")).is_ok());
        assert!(throttle.attempt(now, &login("boris", "192.0.2.1")).is_ok());
        assert!(throttle.attempt(now + FORGET_AFTER + WAIT_MAX, &who).is_ok());
        throttle.succeeded(now, &who);
        assert!(throttle.attempt(now, &who).is_ok());
    }

    #[test]
    fn guessing_from_many_places_is_slowed_down_too() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        let guesses = (0..1_000).take_while(|at| throttle.attempt(now, &login("anna", &format!("192.0.{}.1", at % 256))).is_ok());
        assert_eq!(guesses.count(), 50);
    }

    /// A stranger who guesses as fast as he is let, from so many addresses, for so long; how often he guessed. Each second the owner logs in,
    /// or would if he were let.
    fn siege(throttle: &mut Throttle, began: Instant, lasts: Duration, strangers: u8, owner: &[Suspect]) -> (u32, u32) {
        let (mut guesses, mut locked_out) = (0, 0);
        for second in 0..lasts.as_secs() {
            let now = began + Duration::from_secs(second);
            for stranger in 0..strangers {
                while throttle.attempt(now, &login("op1", &format!("198.51.100.{stranger}"))).is_ok() {
                    guesses += 1;
                }
            }
            match throttle.attempt(now, owner) {
                // A log-in wipes the record; the stranger is to have every chance.
                Ok(()) => throttle.undo(now, owner),
                Err(_) => locked_out += 1,
            }
        }
        (guesses, locked_out)
    }

    #[test]
    fn a_stranger_at_one_address_never_delays_the_owner_at_another() {
        let owner = login("op1", "192.0.2.1");
        for lasts in [Duration::from_secs(60), Duration::from_secs(24 * 60 * 60)] {
            let mut throttle = Throttle::default();
            let (guesses, locked_out) = siege(&mut throttle, Instant::now(), lasts, 1, &owner);
            assert_eq!(locked_out, 0, "in {lasts:?}");
            let slowed = u32::try_from(lasts.as_secs()).unwrap() / 60 + 11;
            assert!((10..=slowed).contains(&guesses), "{guesses} guesses in {lasts:?}");
        }
    }

    #[test]
    fn strangers_at_many_addresses_do_not_delay_the_owner_at_home() {
        let mut throttle = Throttle::default();
        let (began, owner) = (Instant::now(), login("op1", "192.0.2.1"));
        throttle.attempt(began, &owner).unwrap();
        throttle.succeeded(began, &owner);
        let lasts = Duration::from_secs(2 * 60 * 60);
        let (guesses, locked_out) = siege(&mut throttle, began, lasts, 40, &owner);
        assert_eq!(locked_out, 0);
        assert!((50 + 120..50 + 130).contains(&guesses), "one a minute of all together: {guesses} guesses");
        // Somewhere else the owner waits, but not for long.
        let wait = throttle.attempt(began + lasts, &login("op1", "192.0.2.2")).err();
        assert!(wait.is_none_or(|wait| wait <= WAIT_MAX), "{wait:?}");
        // One who guesses from the owner's own address is slowed down all the same.
        let now = began + lasts;
        assert_eq!((0..100).take_while(|_| throttle.attempt(now, &owner).is_ok()).count(), 5);
    }

    #[test]
    fn own_log_ins_do_not_buy_guesses() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        let mut guesses = 0;
        while throttle.attempt(now, &login(&format!("victim{guesses}"), "2001:db8::1")).is_ok() {
            guesses += 1;
            let own = login("mallory", "2001:db8::ffff");
            if throttle.attempt(now, &own).is_ok() {
                throttle.succeeded(now, &own);
            }
        }
        assert_eq!(guesses, FREE_OF_SOURCE);
    }

    #[test]
    fn what_was_not_checked_does_not_count_and_wipes_nothing() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        let who = login("anna", "192.0.2.1");
        for _ in 0..4 {
            throttle.attempt(now, &who).unwrap();
        }
        for _ in 0..100 {
            throttle.attempt(now, &who).unwrap();
            throttle.undo(now, &who);
        }
        throttle.attempt(now, &who).unwrap();
        assert!(throttle.attempt(now, &who).is_err());
    }

    #[test]
    fn the_table_is_bounded() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let address = |at: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(at));
        for at in 0..10_100 {
            throttle.attempt(start + Duration::from_millis(at.into()), &[Suspect::Source(address(at))]).unwrap();
        }
        assert_eq!(throttle.records.len(), ENTRIES_MAX);
        assert!(!throttle.records.contains_key(&Suspect::Source(address(0))));

        for at in 0..10_100 {
            let now = start + Duration::from_millis(at.into());
            throttle.succeeded(now, &[Suspect::Pair([0; 16], address(at))]);
        }
        assert_eq!(throttle.at_home.len(), ENTRIES_MAX);
        let now = start + Duration::from_secs(11);
        let homes = |at| throttle.is_at_home(now, &Suspect::Pair([0; 16], address(at)));
        assert!(!homes(0) && homes(10_099) && !throttle.is_at_home(now + HOME_FOR, &Suspect::Pair([0; 16], address(10_099))));
    }
}
