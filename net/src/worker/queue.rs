//! The way into a worker: a bounded queue and a waker.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use media::Command;

use super::watch::Waker;

/// At most so many commands wait for one worker: about ten for each call that a worker can carry.
pub const COMMANDS_MAX: usize = 32_768;

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
    orders: Mutex<VecDeque<Order>>,
    waker: Waker,
}

impl CommandQueue {
    pub(super) fn new(waker: Waker) -> Self {
        Self { orders: Mutex::new(VecDeque::new()), waker }
    }

    /// False if the queue is full or closed.
    pub(super) fn push(&self, order: Order) -> bool {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= COMMANDS_MAX || matches!(orders.back(), Some(Order::Stop)) {
            return false;
        }
        let was_empty = orders.is_empty();
        orders.push_back(order);
        drop(orders);
        // A worker takes all orders at once, so it needs waking for the first one only.
        if was_empty {
            self.waker.wake();
        }
        true
    }

    /// Appends the end, even to a full queue.
    pub(super) fn stop(&self) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push_back(Order::Stop);
        self.waker.wake();
    }

    /// Takes all orders in exchange for the empty `into`.
    pub(super) fn take(&self, into: &mut VecDeque<Order>) {
        std::mem::swap(&mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner), into);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use media::LegId;

    use super::{super::watch::Watch, *};

    #[test]
    fn a_full_queue_takes_nothing_but_the_end() {
        let (_watch, waker) = Watch::new().unwrap();
        let queue = CommandQueue::new(waker);
        let close = || Order::Relay(Command::Close { leg: LegId(1) });
        assert!((0..COMMANDS_MAX).all(|_| queue.push(close())));
        assert!(!queue.push(close()));
        queue.stop();
        assert!(!queue.push(close()), "nothing comes after the end");
        let mut taken = VecDeque::new();
        queue.take(&mut taken);
        assert_eq!(taken.len(), COMMANDS_MAX + 1);
        assert!(matches!(taken.back(), Some(Order::Stop)));
        assert!(queue.push(close()), "an emptied queue takes commands again");
    }
}
