//! Signs of life (R6): a request or an open socket keeps its user's leases, told to call control at most every 10 s.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use model::UserId;

/// Signs of one user are told at most this often.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(10);
/// Sockets that one user may have open at once.
pub(crate) const SOCKETS_PER_USER_MAX: u32 = 16;
/// Users in memory past which the absent ones are swept out.
const USERS_BEFORE_SWEEP: usize = 1_024;

/// Who is there.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<HashMap<UserId, Seen>>);

#[derive(Debug, Default)]
struct Seen {
    sockets: u32,
    told: Option<Instant>,
}

impl Presence {
    /// Whether this sign of life is to be told.
    pub(crate) fn sign(&self, now: Instant, user: UserId) -> bool {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS_BEFORE_SWEEP {
            users.retain(|_, seen| seen.sockets > 0 || seen.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_EVERY));
        }
        let seen = users.entry(user).or_default();
        let due = seen.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY);
        if due {
            seen.told = Some(now);
        }
        due
    }

    /// Counts a socket of the user in; none if the user has too many.
    pub(crate) fn enter(self: &Arc<Self>, user: UserId) -> Option<Present> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = users.entry(user).or_default();
        if seen.sockets >= SOCKETS_PER_USER_MAX {
            return None;
        }
        seen.sockets += 1;
        Some(Present { presence: self.clone(), user })
    }
}

/// One socket of a user; dropping it counts it out.
#[derive(Debug)]
pub(crate) struct Present {
    presence: Arc<Presence>,
    user: UserId,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut users = self.presence.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = users.get_mut(&self.user) {
            seen.sockets = seen.sockets.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn signs_are_told_now_and_then() {
        let presence = Presence::default();
        let start = Instant::now();
        let told: Vec<u64> = (0..35).filter(|s| presence.sign(start + Duration::from_secs(*s), UserId(1))).collect();
        assert_eq!(told, [0, 10, 20, 30]);
        assert!(presence.sign(start, UserId(2)));
    }

    #[test]
    fn sockets_are_counted() {
        let presence = Arc::new(Presence::default());
        let mut sockets: Vec<_> = (0..SOCKETS_PER_USER_MAX).map(|_| presence.enter(UserId(1)).unwrap()).collect();
        assert!(presence.enter(UserId(1)).is_none());
        assert!(presence.enter(UserId(2)).is_some());
        sockets.pop();
        assert!(presence.enter(UserId(1)).is_some());
    }

    #[test]
    fn the_absent_are_forgotten() {
        let presence = Arc::new(Presence::default());
        let start = Instant::now();
        let _here = presence.enter(UserId(1));
        for user in 1..=5_000 {
            let now = start + TELL_EVERY * u32::try_from(user).unwrap();
            presence.sign(now, UserId(user));
        }
        let users = presence.0.lock().unwrap();
        assert!(users.len() <= USERS_BEFORE_SWEEP + 1, "{}", users.len());
        assert!(users.contains_key(&UserId(1)), "a socket is open");
    }
}
