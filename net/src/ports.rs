//! Which ports a worker binds, and when: a core without sockets. The binding itself is a function that the worker passes in.
//!
//! ```text
//!  free --bind--> stock --open--> in use --close--> kept --2 s--> stock
//!    ^ ^                             |                |
//!    | |                             | not kept       | not needed for 30 s, or the system is short: closed
//!    | +-----2 s----- resting <------+                |
//!    +------------------------------------------------+
//!  refused: rests 30 s
//! ```
//!
//! A pair is an even port for RTP and the next one for RTCP (RFC 3550, 11). The sockets of a closed leg are kept, deaf, and become stock again after
//! their rest, so that a server with much to do neither binds nor closes. Ports go round: of those that are bound, the one that has been free
//! longest is used next, so that a phone that goes on sending after a call hits the next one's port as late as can be. What a burst has bound and
//! nobody needs is closed; at rest there is the stock and nothing else.
//!
//! The stock is filled in lots: once half of it is gone, so that whoever hands it out is told of many pairs at once.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

/// So long is the port of a closed leg left alone: what comes late dies in the kernel.
pub(crate) const REST: Duration = Duration::from_secs(2);

/// So long after their leg was closed are sockets closed too that nobody has needed: bursts come again, and to bind costs a call as much as all else
/// that a worker does for it.
const KEEP: Duration = Duration::from_secs(30);

/// So long is a port left alone that another program holds.
const TAKEN_REST: Duration = Duration::from_secs(30);

/// So long after the system ran out of descriptors or memory is binding tried again (FT-11).
const SHORTAGE_REST: Duration = Duration::from_secs(1);

/// At most so many pairs are bound, and so many closed, in one go, so that packets do not wait for it.
const BINDS_MAX: usize = 16;

/// A worker's share of the range, and what has become of each port in it. `S` is a pair of bound sockets.
pub(crate) struct PortPool<S> {
    want: usize,
    kept_max: usize,
    free: VecDeque<u16>,
    /// Not bound, and not to be bound before this moment.
    resting: BTreeSet<(Instant, u16)>,
    /// The sockets of closed legs, the longest closed first.
    kept: VecDeque<Kept<S>>,
    stock: BTreeMap<u16, S>,
    /// No binding before this moment.
    shortage_until: Option<Instant>,
    /// There is more to bind at once.
    unfinished: bool,
    exhausted: bool,
}

struct Kept<S> {
    since: Instant,
    port: u16,
    sockets: S,
}

/// What a refill brought.
#[derive(Debug)]
pub(crate) struct Refill<S> {
    /// The pairs that are in stock now and were not before.
    pub(crate) stocked: Vec<u16>,
    /// Sockets that are to be closed.
    pub(crate) closed: Vec<S>,
    /// With this refill the stock could no longer be held: told once, until it is full again.
    pub(crate) exhausted: bool,
    /// The last thing that the system refused with.
    pub(crate) refusal: Option<io::Error>,
}

impl<S> PortPool<S> {
    /// Share number `index` of `workers` in `range`: every `workers`-th pair. Holds `want` pairs in stock, and keeps the sockets of at most
    /// `kept_max` closed legs.
    ///
    /// The round begins at pair number `start` of the share. A start that differs from run to run keeps the phones of calls that died with the last
    /// server off the first calls of this one.
    pub(crate) fn new(range: &RangeInclusive<u16>, (index, workers): (usize, usize), start: usize, want: usize, kept_max: usize) -> Self {
        let mut free: VecDeque<u16> = pairs(range).skip(index).step_by(workers.max(1)).collect();
        free.rotate_left(start.checked_rem(free.len()).unwrap_or(0));
        Self {
            want: want.max(1),
            kept_max,
            free,
            resting: BTreeSet::new(),
            kept: VecDeque::new(),
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

    /// Pairs that no leg uses, and that could be handed out in two seconds at the latest; those that rest unbound, or that another program holds,
    /// are not counted.
    pub(crate) fn unused(&self) -> usize {
        self.stock.len() + self.kept.len() + self.free.len()
    }

    /// Fills the stock if half of it is gone, frees what has rested, and gives up what nobody needs.
    pub(crate) fn refill(&mut self, now: Instant, mut bind: impl FnMut(u16) -> io::Result<S>) -> Refill<S> {
        let mut refill = Refill { stocked: Vec::new(), closed: Vec::new(), exhausted: false, refusal: None };
        while let Some(&(until, port)) = self.resting.first()
            && until <= now
        {
            self.resting.pop_first();
            self.free.push_back(port);
        }
        self.shortage_until = self.shortage_until.filter(|until| *until > now);
        if self.is_low() {
            self.take_rested(now, &mut refill);
            self.bind_missing(now, &mut bind, &mut refill);
        }
        self.shrink(now, &mut refill);
        refill
    }

    /// What has rested goes into stock.
    fn take_rested(&mut self, now: Instant, refill: &mut Refill<S>) {
        while self.stock.len() < self.want
            && let Some(Kept { port, sockets, .. }) = self.kept.pop_front_if(|kept| kept.since + REST <= now)
        {
            self.stock.insert(port, sockets);
            refill.stocked.push(port);
        }
    }

    fn bind_missing(&mut self, now: Instant, bind: &mut impl FnMut(u16) -> io::Result<S>, refill: &mut Refill<S>) {
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
                    refill.stocked.push(port);
                }
                Err(error) if is_shortage(&error) => {
                    self.free.push_front(port);
                    refill.refusal = Some(error);
                    // What is kept is given back first, and then it is tried again; so it is where others are short of descriptors (FT-11).
                    self.unfinished = !self.kept.is_empty();
                    self.shortage_until = (!self.unfinished).then(|| now + SHORTAGE_REST);
                    for Kept { since, port, sockets } in self.kept.drain(..) {
                        self.resting.insert((since + REST, port));
                        refill.closed.push(sockets);
                    }
                    break;
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
    }

    /// What was kept for long goes into stock if there is room, and else is closed.
    fn shrink(&mut self, now: Instant, refill: &mut Refill<S>) {
        if self.kept.front().is_some_and(|kept| kept.since + KEEP <= now) {
            // All that have rested, and not this one alone: else each would have a turn of its own.
            self.take_rested(now, refill);
        }
        for _ in 0..BINDS_MAX {
            let Some(Kept { port, sockets, .. }) = self.kept.pop_front_if(|kept| kept.since + KEEP <= now) else { break };
            self.free.push_back(port);
            refill.closed.push(sockets);
        }
    }

    /// Takes a pair out of stock for a leg.
    pub(crate) fn take(&mut self, port: u16) -> Option<S> {
        self.stock.remove(&port)
    }

    /// A leg was closed: its sockets, if they can serve another one. Gives back what is not kept and so to be closed.
    pub(crate) fn release(&mut self, now: Instant, port: u16, sockets: Option<S>) -> Option<S> {
        match sockets {
            Some(sockets) if self.kept.len() < self.kept_max && self.shortage_until.is_none() => {
                self.kept.push_back(Kept { since: now, port, sockets });
                None
            }
            other => {
                self.resting.insert((now + REST, port));
                other
            }
        }
    }

    /// Whether a refill would do something now that no timer tells of: bind, or say that it cannot.
    pub(crate) fn is_wanting(&self) -> bool {
        let can_do = self.unfinished || !self.free.is_empty() || !self.exhausted;
        self.is_low() && self.shortage_until.is_none() && can_do
    }

    /// When the next refill can do something; `None` if everything is as it should be.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let closed = self.kept.front().map(|kept| kept.since);
        let unneeded = closed.map(|since| since + KEEP);
        if !self.is_low() {
            return unneeded;
        }
        let free = self.resting.first().map(|(until, _)| *until);
        let rested = closed.map(|since| since + REST);
        [unneeded, free, rested, self.shortage_until].into_iter().flatten().min()
    }

    /// Whether the stock is to be filled: half of it is gone, or filling it has not come to an end.
    fn is_low(&self) -> bool {
        let has_begun = self.unfinished || self.exhausted;
        self.stock.len() <= if has_begun { self.want - 1 } else { self.want / 2 }
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
    // The last is what a watch says for which there is no room.
    const SHORTAGES: [Errno; 5] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::NOSPC];
    error.kind() == io::ErrorKind::OutOfMemory || SHORTAGES.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A pool that keeps no sockets.
    fn pool(range: RangeInclusive<u16>, want: usize) -> (PortPool<u16>, Instant) {
        (PortPool::new(&range, (0, 1), 0, want, 0), Instant::now())
    }

    /// One that keeps them.
    fn keeping_pool(range: RangeInclusive<u16>, want: usize) -> (PortPool<u16>, Instant) {
        (PortPool::new(&range, (0, 1), 0, want, 100), Instant::now())
    }

    fn unasked(port: u16) -> io::Result<u16> {
        panic!("{port} is not to be bound")
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
            let mut pool = PortPool::new(&(100..=119), (index, 3), 77, 100, 0);
            all.extend(pool.refill(Instant::now(), Ok).stocked);
        }
        all.sort_unstable();
        assert_eq!(all, (100..=118).step_by(2).collect::<Vec<_>>());
    }

    #[test]
    fn the_round_begins_anywhere() {
        for (start, first) in [(0, 10), (1, 12), (3, 16), (4, 10), (usize::MAX, 16)] {
            let mut pool = PortPool::new(&(10..=17), (0, 1), start, 1, 0);
            assert_eq!(pool.refill(Instant::now(), Ok).stocked, [first], "{start}");
        }
        assert!(PortPool::new(&(10..=10), (0, 1), 5, 1, 0).refill(Instant::now(), Ok).exhausted, "an empty share has no start");
    }

    #[test]
    fn the_stock_is_filled_when_half_of_it_is_gone() {
        let (mut pool, now) = pool(1_000..=1_199, 8);
        assert_eq!(pool.refill(now, Ok).stocked.len(), 8);
        for port in [1_000, 1_002, 1_004] {
            pool.take(port);
            assert!(!pool.is_wanting() && pool.refill(now, unasked).stocked.is_empty());
        }
        pool.take(1_006);
        assert!(pool.is_wanting());
        assert_eq!(pool.refill(now, Ok).stocked, [1_016, 1_018, 1_020, 1_022]);
    }

    #[test]
    fn a_closed_port_rests_and_comes_back_last() {
        let (mut pool, now) = pool(10..=17, 2);
        assert_eq!(pool.refill(now, Ok).stocked, [10, 12]);
        assert_eq!(pool.timeout(), None, "the stock is full");
        assert_eq!(pool.take(10), Some(10));
        assert_eq!(pool.take(10), None, "a token is good once");
        assert_eq!(pool.take(99), None);
        assert_eq!(pool.refill(now, Ok).stocked, [14], "the longest free one is next");
        assert_eq!(pool.release(now, 10, Some(77)), Some(77), "nothing is kept here");
        assert!(pool.take(12).is_some() && pool.take(14).is_some());
        let refill = pool.refill(now, Ok);
        assert_eq!((refill.stocked, refill.exhausted), (vec![16], true), "10 rests, 12 and 14 are in use");
        assert_eq!(pool.timeout(), Some(now + REST));
        assert!(pool.refill(now + SECOND, Ok).stocked.is_empty());
        let refill = pool.refill(now + REST, Ok);
        assert_eq!((refill.stocked, refill.exhausted), (vec![10], false));
        assert_eq!(pool.stock(), 2);
    }

    /// A server with much to do: what is closed serves again after its rest, in the order of closing, and nothing is bound.
    #[test]
    fn kept_sockets_serve_again() {
        let (mut pool, start) = keeping_pool(1_000..=1_199, 4);
        let (mut now, mut tokens, mut in_use) = (start, VecDeque::new(), VecDeque::new());
        let mut bound = Vec::new();
        for _ in 0..1_000 {
            now += SECOND / 10;
            let is_late = now > start + 4 * SECOND;
            let refill = pool.refill(now, |port| {
                assert!(!is_late, "by now there is enough to go round");
                bound.push(port);
                Ok(port)
            });
            tokens.extend(refill.stocked);
            assert!(refill.closed.is_empty() && !refill.exhausted);
            in_use.extend(tokens.pop_front().and_then(|port| pool.take(port)).map(|port| (now, port)));
            while let Some((_, port)) = in_use.pop_front_if(|(since, _)| *since + SECOND <= now) {
                assert_eq!(pool.release(now, port, Some(port)), None);
            }
        }
        assert!(bound.len() < 40, "10 in use, 20 at rest, 4 in stock: {}", bound.len());
        // At rest: the stock and nothing else.
        in_use.iter().for_each(|(_, port)| assert_eq!(pool.release(now, *port, Some(*port)), None));
        let mut closed = Vec::new();
        while let Some(at) = pool.timeout() {
            assert!(at <= now + KEEP);
            let refill = pool.refill(at.max(now), |port| {
                bound.push(port);
                Ok(port)
            });
            closed.extend(refill.closed);
        }
        assert_eq!((pool.stock(), closed.len()), (4, bound.len() - 4));
        assert!(!pool.is_wanting());
        let ends: BTreeSet<u16> = closed.into_iter().chain(pool.stock.keys().copied()).collect();
        assert_eq!(ends, bound.into_iter().collect(), "each of them once");
    }

    #[test]
    fn what_a_burst_leaves_is_closed_in_goes() {
        let (mut pool, now) = keeping_pool(1_000..=1_199, 40);
        while pool.is_wanting() {
            pool.refill(now, Ok);
        }
        for port in (1_000..1_080).step_by(2) {
            pool.take(port);
        }
        while pool.is_wanting() {
            pool.refill(now, Ok);
        }
        for port in (1_000..1_080).step_by(2) {
            assert_eq!(pool.release(now, port, Some(port)), None);
        }
        let at = now + KEEP;
        assert_eq!(pool.timeout(), Some(at));
        let mut goes = Vec::new();
        while pool.timeout().is_some() {
            goes.push(pool.refill(at, unasked).closed.len());
        }
        assert_eq!((goes, pool.stock()), (vec![16, 16, 8], 40));
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut pool = PortPool::new(&(10..=29), (0, 1), 0, 4, 2);
        let now = Instant::now();
        assert_eq!(pool.refill(now, Ok).stocked.len(), 4);
        for (port, closed) in [(10, None), (12, None), (14, Some(14))] {
            let sockets = pool.take(port);
            assert_eq!(pool.release(now, port, sockets), closed);
        }
        assert_eq!(pool.refill(now + REST, Ok).stocked, [10, 12, 18], "what is bound goes first");
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
        pool.release(now, 10, None);
        pool.release(now, 12, None);
        let later = now + 2 * SECOND;
        assert_eq!(pool.refill(later, Ok).stocked, [10, 12]);
        pool.take(10);
        assert!(pool.refill(later, Ok).exhausted, "a new shortage is told anew");
    }

    #[test]
    fn a_port_of_another_program_is_passed_over() {
        let (mut pool, now) = pool(10..=15, 2);
        let taken = |port| if port == 10 { Err(Errno::ADDRINUSE.into()) } else { Ok(port) };
        assert_eq!(pool.refill(now, taken).stocked, [12, 14]);
        pool.take(12);
        assert!(pool.refill(now, taken).stocked.is_empty());
        assert_eq!(pool.timeout(), Some(now + TAKEN_REST));
        assert_eq!(pool.refill(now + TAKEN_REST, Ok).stocked, [10]);
    }

    #[test]
    fn without_descriptors_it_waits_a_second_and_keeps_the_port() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::NOSPC] {
            let (mut pool, now) = pool(10..=13, 2);
            let mut asked = 0;
            let refill = pool.refill(now, |_| {
                asked += 1;
                Err(errno.into())
            });
            assert!(refill.stocked.is_empty() && refill.exhausted && refill.refusal.is_some());
            assert_eq!(asked, 1, "the next port would fare no better");
            assert!(!pool.is_wanting(), "it must not spin");
            assert_eq!(pool.timeout(), Some(now + SECOND));
            pool.refill(now + SECOND / 2, unasked);
            assert_eq!(pool.refill(now + SECOND, Ok).stocked, [10, 12]);
        }
    }

    /// FT-11: what is only kept is given back when the system is short, and nothing is kept while it is.
    #[test]
    fn what_is_kept_is_given_back_to_a_system_that_is_short() {
        let (mut pool, now) = keeping_pool(10..=29, 2);
        pool.refill(now, Ok);
        assert!(pool.take(10).is_some());
        assert_eq!(pool.release(now, 10, Some(10)), None);
        let refill = pool.refill(now + SECOND, |_| Err(Errno::MFILE.into()));
        assert_eq!((refill.stocked, refill.closed, refill.exhausted), (vec![], vec![10], false));
        assert!(pool.is_wanting(), "there are descriptors now");
        let refill = pool.refill(now + SECOND, |_| Err(Errno::MFILE.into()));
        assert!(refill.exhausted && refill.closed.is_empty() && !pool.is_wanting());
        assert!(pool.take(12).is_some());
        assert_eq!(pool.release(now + SECOND, 12, Some(12)), Some(12));
        let refill = pool.refill(now + 3 * SECOND, Ok);
        assert_eq!((refill.stocked, pool.timeout()), (vec![14, 16], None));
        assert_eq!(pool.free, [18, 20, 22, 24, 26, 28, 10, 12], "they have rested");
    }

    #[test]
    fn a_great_stock_is_bound_in_goes() {
        let (mut pool, now) = pool(1_000..=1_199, 50);
        let mut goes = Vec::new();
        while pool.stock() < 50 {
            goes.push(pool.refill(now, Ok).stocked.len());
            assert_eq!(pool.is_wanting(), pool.stock() < 50);
        }
        assert_eq!(goes, [16, 16, 16, 2]);
    }

    /// A seeded walk: ports are taken, released and refused at random. No port is ever lost or in two places, no socket is lost or used after it was
    /// closed, and whenever there is something to do, either a timer or `is_wanting` says so.
    #[test]
    fn no_port_and_no_socket_is_lost() {
        for kept_max in [0, 3, 100] {
            walk(kept_max);
        }
    }

    fn walk(kept_max: usize) {
        let start = Instant::now();
        let mut pool: PortPool<(u16, u32)> = PortPool::new(&(2_000..=2_079), (0, 1), 0, 6, kept_max);
        let (mut now, mut in_use, mut stock) = (start, BTreeMap::new(), BTreeSet::new());
        let (mut open, mut bindings): (BTreeMap<u16, u32>, u32) = (BTreeMap::new(), 0);
        let mut last_release: BTreeMap<u16, Instant> = BTreeMap::new();
        let mut state = 7_u32;
        let mut draw = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..20_000 {
            match draw(4) {
                0 => {
                    if let Some(&port) = stock.first() {
                        let sockets = pool.take(port).expect("in stock");
                        assert_eq!(Some(&sockets.1), open.get(&port), "these sockets are closed");
                        stock.remove(&port);
                        assert!(in_use.insert(port, sockets).is_none());
                    }
                }
                1 => {
                    if let Some((port, sockets)) = in_use.pop_first() {
                        last_release.insert(port, now);
                        let can_serve = draw(5) > 0;
                        let closed = pool.release(now, port, can_serve.then_some(sockets));
                        if !can_serve || closed.is_some() {
                            assert_eq!(open.remove(&port), Some(sockets.1));
                        }
                    }
                }
                2 => now += Duration::from_millis(u64::from(draw(700))),
                _ => {
                    let mood = draw(20);
                    let refill = pool.refill(now, |port| match mood {
                        0 => Err(Errno::ADDRINUSE.into()),
                        1 => Err(Errno::MFILE.into()),
                        _ => {
                            bindings += 1;
                            assert!(open.insert(port, bindings).is_none(), "{port} is bound already");
                            Ok((port, bindings))
                        }
                    });
                    for (port, binding) in refill.closed {
                        assert_eq!(open.remove(&port), Some(binding), "closed twice");
                    }
                    for port in refill.stocked {
                        assert!(!in_use.contains_key(&port) && stock.insert(port), "{port} is in two places");
                        let rest = last_release.get(&port).map(|released| now - *released);
                        assert!(rest.is_none_or(|rest| rest >= REST), "{port} had no rest");
                    }
                }
            }
            assert_eq!(pool.stock(), stock.len());
            assert_eq!(pool.unused() + in_use.len() + pool.resting.len(), 40, "of the whole range");
            assert!(pool.kept.len() <= kept_max && open.len() == stock.len() + in_use.len() + pool.kept.len());
        }
        assert!(start < now && bindings > 40);
        for (port, sockets) in in_use {
            pool.release(now, port, Some(sockets));
        }
        // Driven by what it says of itself, it comes to rest with a full stock and nothing beside it.
        for _ in 0..1_000 {
            match pool.timeout() {
                _ if pool.is_wanting() => {}
                Some(at) => now = now.max(at),
                None => break,
            }
            pool.refill(now, |port| Ok((port, 0)));
        }
        assert_eq!((pool.stock() >= 3, pool.kept.len(), pool.is_wanting(), pool.timeout()), (true, 0, false, None));
        now += 60 * SECOND;
        pool.want = 100;
        while pool.refill(now, |port| Ok((port, 0))).stocked.len() == BINDS_MAX {}
        assert_eq!(pool.stock(), 40, "all forty pairs can be bound in the end");
        assert!(pool.take(2_078).is_some());
    }
}
