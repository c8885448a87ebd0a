//! The way into a worker: a bounded queue and a waker.
//!
//! A worker is woken only if it would otherwise be late, for a wake costs both sides a system call and the worker a turn. While it works, it takes
//! what is queued by itself. For [`DOZE`] after that it dozes, and is woken by what cannot wait; what can wait is taken with the next packet or
//! wake, or at the end of the doze. Only then it sleeps for as long as it can, and anything wakes it.
//!
//! That no wake is lost needs no more than the lock: a worker says that it rests under the lock that it looks into the queue with, so whoever
//! pushes either comes before, and the worker finds it and does not rest, or comes after, and sees that it rests. The waker is remembered by the
//! kernel: it ends a wait that begins after it was called. Who has woken says so under the same lock, so that one wake serves all that
//! is pushed until the worker has looked.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use media::{Command, Hears};

use super::watch::Waker;

/// At most so many commands wait for one worker: about ten for each call that a worker can carry.
pub const COMMANDS_MAX: usize = 32_768;

/// So long after it had something to do a worker dozes, and so long at most a command waits for it that can wait.
pub(super) const DOZE: Duration = Duration::from_millis(20);

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Order {
    /// For its relay.
    Relay(Command),
    /// End, after what was ordered before.
    Stop,
}

/// Filled by the signalling thread, emptied by one worker. The lock is held for a push or a swap, never while anything is done.
pub(super) struct CommandQueue {
    inner: Mutex<Inner>,
    waker: Waker,
}

struct Inner {
    orders: VecDeque<Order>,
    worker: Rest,
}

/// What a worker does that has nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It works, or has been woken: it will look into the queue before it rests.
    Awake,
    /// It comes by itself in [`DOZE`] at most.
    Dozing,
    /// It comes when it is woken.
    Asleep,
}

impl CommandQueue {
    pub(super) fn new(waker: Waker) -> Self {
        Self { inner: Mutex::new(Inner { orders: VecDeque::new(), worker: Rest::Awake }), waker }
    }

    /// Appends commands, in their order. False if the queue is full or closed and not all were taken.
    pub(super) fn push(&self, commands: impl IntoIterator<Item = Command>) -> bool {
        let mut inner = self.inner();
        let (mut all, mut any, mut awaited) = (true, false, false);
        for command in commands {
            if inner.orders.len() >= COMMANDS_MAX || matches!(inner.orders.back(), Some(Order::Stop)) {
                all = false;
                break;
            }
            any = true;
            awaited |= is_awaited(&command);
            inner.orders.push_back(Order::Relay(command));
        }
        self.wake_for(inner, any, awaited);
        all
    }

    /// Appends the end, even to a full queue.
    pub(super) fn stop(&self) {
        let mut inner = self.inner();
        inner.orders.push_back(Order::Stop);
        self.wake_for(inner, true, true);
    }

    /// Takes all orders in exchange for the empty `into`. For the worker alone, which is awake now.
    pub(super) fn take(&self, into: &mut VecDeque<Order>) {
        let mut inner = self.inner();
        inner.worker = Rest::Awake;
        std::mem::swap(&mut inner.orders, into);
    }

    /// Whether the worker may rest: there is nothing to do. For the worker alone, which then waits.
    pub(super) fn rest(&self, how: Rest) -> bool {
        let mut inner = self.inner();
        if inner.orders.is_empty() {
            inner.worker = how;
        }
        inner.orders.is_empty()
    }

    fn wake_for(&self, mut inner: MutexGuard<'_, Inner>, any: bool, awaited: bool) {
        let wakes = match inner.worker {
            Rest::Awake => false,
            Rest::Dozing => awaited,
            Rest::Asleep => any,
        };
        if wakes {
            inner.worker = Rest::Awake;
            drop(inner);
            self.waker.wake();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a dozing worker would be late with it.
///
/// Any packet of an open leg wakes the worker, and what is queued is carried out before the packet is looked at. So a command can wait if it only
/// says what is to become of packets, or ends something: who is heard or tapped, for whose silence to look, that a leg or a recording is over. It cannot if it
/// has the worker begin something by itself, or has it hear what it could not hear before.
fn is_awaited(command: &Command) -> bool {
    match command {
        Command::Open { .. } | Command::Record { .. } => true,
        // A phone of IPv6 is heard on sockets that are bound when it is known.
        Command::Remote { remote, .. } => remote.rtp.is_some_and(|rtp| rtp.is_ipv6()),
        Command::Hear { hears, .. } => matches!(hears, Hears::Tone(_) | Hears::BeepThenRingUntil(_)),
        Command::Watch { .. } | Command::Tap { .. } | Command::StopRecord { .. } | Command::Close { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        thread,
    };

    use media::LegId;

    use super::{
        super::watch::{Ready, Watch},
        *,
    };

    const LEG: LegId = LegId(1);

    fn close() -> Command {
        Command::Close { leg: LEG }
    }

    fn open() -> Command {
        Command::Open { leg: LEG, port: 2 }
    }

    fn is_woken(watch: &Watch) -> bool {
        let mut ready = Ready::new();
        watch.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        ready.names().count() == 1
    }

    #[test]
    fn a_full_queue_takes_nothing_but_the_end() {
        let (_watch, waker) = Watch::new().unwrap();
        let queue = CommandQueue::new(waker);
        assert!((0..COMMANDS_MAX).all(|_| queue.push([close()])));
        assert!(!queue.push([close()]));
        queue.stop();
        assert!(!queue.push([close()]), "nothing comes after the end");
        let mut taken = VecDeque::new();
        queue.take(&mut taken);
        assert_eq!(taken.len(), COMMANDS_MAX + 1);
        assert!(matches!(taken.back(), Some(Order::Stop)));
        assert!(queue.push([close()]), "an emptied queue takes commands again");
        assert!(!queue.push((0..COMMANDS_MAX).map(|_| close())), "all but one");
        let mut rest = VecDeque::new();
        queue.take(&mut rest);
        assert_eq!(rest.len(), COMMANDS_MAX);
    }

    /// Every state that a worker can be in, with everything that can be pushed: who is woken, and that one wake is enough.
    #[test]
    fn only_who_would_be_late_is_woken() {
        for (rest, lazy, awaited) in [(Rest::Awake, false, false), (Rest::Dozing, false, true), (Rest::Asleep, true, true)] {
            for (commands, woken) in
                [(vec![], false), (vec![close()], lazy), (vec![close(), open()], awaited), (vec![open(), close()], awaited)]
            {
                let (watch, waker) = Watch::new().unwrap();
                let queue = CommandQueue::new(waker);
                assert!(queue.rest(rest));
                let (count, told) = (commands.len(), format!("{rest:?} {commands:?}"));
                assert!(queue.push(commands));
                assert_eq!(is_woken(&watch), woken, "{told}");
                assert_eq!(queue.rest(Rest::Asleep), count == 0, "nobody rests with something to do: {told}");
                if count == 0 {
                    continue;
                }
                queue.push([open()]);
                assert_eq!(is_woken(&watch), !woken && rest == Rest::Dozing, "it looks before it rests: {told}");
                let mut taken = VecDeque::new();
                queue.take(&mut taken);
                assert_eq!(taken.len(), count + 1);
                queue.stop();
                assert!(!is_woken(&watch), "it is awake");
                queue.take(&mut taken);
            }
            let (watch, waker) = Watch::new().unwrap();
            let queue = CommandQueue::new(waker);
            assert!(queue.rest(rest));
            queue.stop();
            assert_eq!(is_woken(&watch), rest != Rest::Awake, "the end waits for nothing");
        }
    }

    /// Four threads push by turns what waits and what cannot, as soon as what they pushed before was taken, while a worker rests without any
    /// limit: one lost wake, and nothing moves any more.
    #[test]
    fn no_wake_is_lost() {
        const ROUNDS: u64 = 20_000;
        let (watch, waker) = Watch::new().unwrap();
        let queue = Arc::new(CommandQueue::new(waker));
        let done = Arc::new(AtomicU64::new(0));
        let pushers: Vec<_> = (0..4_u64)
            .map(|of| {
                let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
                thread::spawn(move || {
                    for round in 0..ROUNDS / 4 {
                        let command = if (round + of).is_multiple_of(3) { open() } else { close() };
                        assert!(queue.push([command]));
                        // Another rhythm for each, so that all meet the worker in every state.
                        while done.load(Ordering::Acquire) + 40 * of < 4 * round {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let (mut taken, mut ready, mut count) = (VecDeque::new(), Ready::new(), 0);
        while count < ROUNDS {
            if queue.rest(Rest::Asleep) {
                // Only a failing test waits so long.
                watch.wait(&mut ready, Some(Duration::from_secs(20))).unwrap();
                assert!(ready.names().count() == 1, "nobody called after {count}");
            }
            queue.take(&mut taken);
            count += u64::try_from(taken.drain(..).count()).unwrap();
            done.store(count, Ordering::Release);
        }
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
    }
}
