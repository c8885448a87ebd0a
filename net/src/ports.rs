//! Which ports a worker binds, and when: a core without sockets. The binding itself is a function that the worker passes in.
//!
//! ```text
//!  free --bind--> stock --open--> in use --close--> resting --2 s--> free
//!    \--------- refused: rests 30 s ---------------^
//! ```
//!
//! A pair is an even port for RTP and the next one for RTCP (RFC 3550, 11). Ports go round: the one that has been free longest is bound next, so
//! that a phone that goes on sending after a call hits the next one's port as late as can be.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

/// So long is a closed port left alone: its socket is closed, and late packets die in the kernel.
pub(crate) const REST: Duration = Duration::from_secs(2);

/// So long is a port left alone that another program holds.
const TAKEN_REST: Duration = Duration::from_secs(30);

/// So long after the system ran out of descriptors or memory is binding tried again (FT-11).
const SHORTAGE_REST: Duration = Duration::from_secs(1);

/// At most so many pairs are bound in one go, so that packets do not wait for it.
const BINDS_MAX: usize = 16;

/// A worker's share of the range, and what has become of each port in it. `S` is a pair of bound sockets.
pub(crate) struct PortPool<S> {
    want: usize,
    free: VecDeque<u16>,
    resting: BTreeSet<(Instant, u16)>,
    stock: BTreeMap<u16, S>,
    /// No binding before this moment.
    shortage_until: Option<Instant>,
    /// There is more to bind at once.
    unfinished: bool,
    exhausted: bool,
}

/// What a refill brought.
#[derive(Debug, Default)]
pub(crate) struct Refill {
    /// Freshly bound pairs.
    pub(crate) bound: Vec<u16>,
    /// With this refill the stock could no longer be held: told once, until it is full again.
    pub(crate) exhausted: bool,
    /// The last thing that the system refused with.
    pub(crate) refusal: Option<io::Error>,
}

impl<S> PortPool<S> {
    /// Share number `index` of `workers` in `range`: every `workers`-th pair. Holds `want` pairs in stock.
    ///
    /// The round begins at pair number `start` of the share. A start that differs from run to run keeps the phones of calls that died with the last
    /// server off the first calls of this one.
    pub(crate) fn new(range: &RangeInclusive<u16>, index: usize, workers: usize, start: usize, want: usize) -> Self {
        let mut free: VecDeque<u16> = pairs(range).skip(index).step_by(workers.max(1)).collect();
        free.rotate_left(start.checked_rem(free.len()).unwrap_or(0));
        Self {
            want: want.max(1),
            free,
            resting: BTreeSet::new(),
            stock: BTreeMap::new(),
            shortage_until: None,
            unfinished: false,
            exhausted: false,
        }
    }

    /// Pairs in stock.
    pub(crate) fn stock(&self) -> usize {
        self.stock.len()
    }

    /// Binds what is missing in stock, and frees what has rested.
    pub(crate) fn refill(&mut self, now: Instant, mut bind: impl FnMut(u16) -> io::Result<S>) -> Refill {
        let mut refill = Refill::default();
        while let Some(&(until, port)) = self.resting.first()
            && until <= now
        {
            self.resting.pop_first();
            self.free.push_back(port);
        }
        self.shortage_until = self.shortage_until.filter(|until| *until > now);
        self.unfinished = false;
        let mut tries = BINDS_MAX;
        while self.stock.len() < self.want && self.shortage_until.is_none() {
            if tries == 0 {
                self.unfinished = true;
                break;
            }
            tries -= 1;
            let Some(port) = self.free.pop_front() else { break };
            match bind(port) {
                Ok(sockets) => {
                    self.stock.insert(port, sockets);
                    refill.bound.push(port);
                }
                Err(error) if is_shortage(&error) => {
                    self.free.push_front(port);
                    self.shortage_until = Some(now + SHORTAGE_REST);
                    refill.refusal = Some(error);
                }
                Err(error) => {
                    self.resting.insert((now + TAKEN_REST, port));
                    refill.refusal = Some(error);
                }
            }
        }
        if self.stock.len() >= self.want {
            self.exhausted = false;
        } else if !self.unfinished && !self.exhausted {
            self.exhausted = true;
            refill.exhausted = true;
        }
        refill
    }

    /// Takes a pair out of stock for a leg.
    pub(crate) fn take(&mut self, port: u16) -> Option<S> {
        self.stock.remove(&port)
    }

    /// A leg's pair was closed.
    pub(crate) fn release(&mut self, now: Instant, port: u16) {
        self.resting.insert((now + REST, port));
    }

    /// Whether a refill would do something now that no timer tells of: bind, or say that it cannot.
    pub(crate) fn is_wanting(&self) -> bool {
        let can_do = self.unfinished || !self.free.is_empty() || !self.exhausted;
        self.stock.len() < self.want && self.shortage_until.is_none() && can_do
    }

    /// When the next refill can do something; `None` if the stock is full.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        if self.stock.len() >= self.want {
            return None;
        }
        let rested = self.resting.first().map(|(until, _)| *until);
        [rested, self.shortage_until].into_iter().flatten().min()
    }
}

/// The pairs of a range: even ports whose next one is in the range too.
pub(crate) fn pairs(range: &RangeInclusive<u16>) -> impl Iterator<Item = u16> {
    let last = *range.end();
    range.clone().filter(move |port| port % 2 == 0 && *port != 0 && *port < last)
}

/// Whether the system is out of something, so that another port would fare no better.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.kind() == io::ErrorKind::OutOfMemory || SHORTAGES.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pool(range: RangeInclusive<u16>, want: usize) -> (PortPool<u16>, Instant) {
        (PortPool::new(&range, 0, 1, 0, want), Instant::now())
    }

    #[test]
    fn pairs_start_even_and_lie_within_the_range() {
        for (range, expected) in [
            (10..=15, vec![10, 12, 14]),
            (11..=14, vec![12]),
            (11..=15, vec![12, 14]),
            (10..=10, vec![]),
            (0..=3, vec![2]),
            (65_532..=65_535, vec![65_532, 65_534]),
            (65_535..=65_535, vec![]),
        ] {
            assert_eq!(pairs(&range).collect::<Vec<_>>(), expected, "{range:?}");
        }
    }

    #[test]
    fn workers_share_the_range_without_overlap() {
        let mut all = Vec::new();
        for index in 0..3 {
            let mut pool = PortPool::new(&(100..=119), index, 3, 77, 100);
            all.extend(pool.refill(Instant::now(), Ok).bound);
        }
        all.sort_unstable();
        assert_eq!(all, (100..=118).step_by(2).collect::<Vec<_>>());
    }

    #[test]
    fn the_round_begins_anywhere() {
        for (start, first) in [(0, 10), (1, 12), (3, 16), (4, 10), (usize::MAX, 16)] {
            let mut pool = PortPool::new(&(10..=17), 0, 1, start, 1);
            assert_eq!(pool.refill(Instant::now(), Ok).bound, [first], "{start}");
        }
        assert!(PortPool::new(&(10..=10), 0, 1, 5, 1).refill(Instant::now(), Ok).exhausted, "an empty share has no start");
    }

    #[test]
    fn a_closed_port_rests_and_comes_back_last() {
        let (mut pool, now) = pool(10..=17, 2);
        assert_eq!(pool.refill(now, Ok).bound, [10, 12]);
        assert_eq!(pool.timeout(), None, "the stock is full");
        assert_eq!(pool.take(10), Some(10));
        assert_eq!(pool.take(10), None, "a token is good once");
        assert_eq!(pool.take(99), None);
        assert_eq!(pool.refill(now, Ok).bound, [14], "the longest free one is next");
        pool.release(now, 10);
        assert!(pool.take(12).is_some() && pool.take(14).is_some());
        let refill = pool.refill(now, Ok);
        assert_eq!((refill.bound, refill.exhausted), (vec![16], true), "10 rests, 12 and 14 are in use");
        assert_eq!(pool.timeout(), Some(now + REST));
        assert!(pool.refill(now + SECOND, Ok).bound.is_empty());
        let refill = pool.refill(now + REST, Ok);
        assert_eq!((refill.bound, refill.exhausted), (vec![10], false));
        assert_eq!(pool.stock(), 2);
    }

    #[test]
    fn exhaustion_is_told_once_until_the_stock_is_full_again() {
        let (mut pool, now) = pool(10..=13, 2);
        assert!(!pool.refill(now, Ok).exhausted);
        pool.take(10);
        assert!(pool.is_wanting(), "the shortage is to be told");
        assert!(pool.refill(now, Ok).exhausted);
        assert!(!pool.is_wanting(), "and then it is to be waited for");
        assert!(!pool.refill(now, Ok).exhausted);
        pool.take(12);
        assert!(!pool.refill(now, Ok).exhausted);
        pool.release(now, 10);
        pool.release(now, 12);
        let later = now + 2 * SECOND;
        assert_eq!(pool.refill(later, Ok).bound, [10, 12]);
        pool.take(10);
        assert!(pool.refill(later, Ok).exhausted, "a new shortage is told anew");
    }

    #[test]
    fn a_port_of_another_program_is_passed_over() {
        let (mut pool, now) = pool(10..=15, 2);
        let taken = |port| if port == 10 { Err(Errno::ADDRINUSE.into()) } else { Ok(port) };
        assert_eq!(pool.refill(now, taken).bound, [12, 14]);
        pool.take(12);
        assert!(pool.refill(now, taken).bound.is_empty());
        assert_eq!(pool.timeout(), Some(now + TAKEN_REST));
        assert_eq!(pool.refill(now + TAKEN_REST, Ok).bound, [10]);
    }

    #[test]
    fn without_descriptors_it_waits_a_second_and_keeps_the_port() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            let (mut pool, now) = pool(10..=13, 2);
            let mut asked = 0;
            let refill = pool.refill(now, |_| {
                asked += 1;
                Err(errno.into())
            });
            assert!(refill.bound.is_empty() && refill.exhausted && refill.refusal.is_some());
            assert_eq!(asked, 1, "the next port would fare no better");
            assert!(!pool.is_wanting(), "it must not spin");
            assert_eq!(pool.timeout(), Some(now + SECOND));
            pool.refill(now + SECOND / 2, |_| panic!("too early"));
            assert_eq!(pool.refill(now + SECOND, Ok).bound, [10, 12]);
        }
    }

    #[test]
    fn a_great_stock_is_bound_in_goes() {
        let (mut pool, now) = pool(1_000..=1_199, 50);
        let mut goes = Vec::new();
        while pool.stock() < 50 {
            goes.push(pool.refill(now, Ok).bound.len());
            assert_eq!(pool.is_wanting(), pool.stock() < 50);
        }
        assert_eq!(goes, [16, 16, 16, 2]);
    }

    /// A seeded walk: ports are taken, released and refused at random, and none is ever lost or in two places.
    #[test]
    fn no_port_is_lost() {
        let (mut pool, start) = pool(2_000..=2_079, 6);
        let (mut now, mut in_use, mut stock) = (start, BTreeSet::new(), BTreeSet::new());
        let mut state = 7_u32;
        let mut draw = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..20_000 {
            match draw(4) {
                0 => {
                    if let Some(&port) = stock.first() {
                        assert!(pool.take(port).is_some());
                        stock.remove(&port);
                        assert!(in_use.insert(port));
                    }
                }
                1 => {
                    if let Some(port) = in_use.pop_first() {
                        pool.release(now, port);
                    }
                }
                2 => now += Duration::from_millis(u64::from(draw(700))),
                _ => {
                    let mood = draw(20);
                    let refill = pool.refill(now, |port| match mood {
                        0 => Err(Errno::ADDRINUSE.into()),
                        1 => Err(Errno::MFILE.into()),
                        _ => Ok(port),
                    });
                    for port in refill.bound {
                        assert!(!in_use.contains(&port) && stock.insert(port), "{port} is in two places");
                    }
                }
            }
            assert_eq!(pool.stock(), stock.len());
        }
        in_use.iter().for_each(|port| pool.release(now, *port));
        now += 60 * SECOND;
        let mut all = PortPool { want: 100, ..pool };
        while all.refill(now, Ok).bound.len() == BINDS_MAX {}
        assert_eq!(all.stock(), 40, "all forty pairs can be bound in the end");
        assert!(start < now && all.take(2_078).is_some());
    }
}
