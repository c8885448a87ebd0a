//! A queue into a thread that wakes at its own pace: orders always get in, floods only up to a bound.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A queue with two doors. Orders are few and bounded by what sends them; the rest may be refused.
pub(crate) struct Inbox<T> {
    queue: Mutex<Queue<T>>,
    arrived: Condvar,
    limit: usize,
}

struct Queue<T> {
    entries: VecDeque<T>,
    /// How many of them came through the bounded door.
    offered: usize,
}

impl<T> Inbox<T> {
    /// A queue that takes at most `limit` entries through its bounded door.
    pub(crate) fn new(limit: usize) -> Self {
        Self { queue: Mutex::new(Queue { entries: VecDeque::new(), offered: 0 }), arrived: Condvar::new(), limit }
    }

    /// Queues an order and wakes the thread.
    pub(crate) fn order(&self, entry: T) {
        self.lock().entries.push_back(entry);
        self.arrived.notify_one();
    }

    /// Queues one of a flood, without waking anybody; whether there was room. Orders that wait take no room.
    pub(crate) fn offer(&self, entry: T) -> bool {
        let mut queue = self.lock();
        let room = queue.offered < self.limit;
        if room {
            queue.offered += 1;
            queue.entries.push_back(entry);
        }
        room
    }

    /// Takes all that is queued. If there is nothing, it waits for an order, at most for `pause`; `None`: until one comes, or something else ends it.
    pub(crate) fn take(&self, pause: Option<Duration>, into: &mut VecDeque<T>) {
        let mut queue = self.lock();
        if queue.entries.is_empty() {
            queue = match pause {
                Some(pause) => self.arrived.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner).0,
                None => self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
        queue.empty(into);
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Queue<T> {
    fn empty(&mut self, into: &mut VecDeque<T>) {
        self.offered = 0;
        into.append(&mut self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_take_no_room_from_the_bounded_door() {
        let inbox = Inbox::new(2);
        (0..10).for_each(|order| inbox.order(order));
        assert!(inbox.offer(10) && inbox.offer(11) && !inbox.offer(12), "two get in, whatever else waits");
        inbox.order(13);
        let mut taken = VecDeque::new();
        inbox.take(Some(Duration::ZERO), &mut taken);
        assert_eq!(taken, (0..12).chain([13]).collect::<Vec<_>>(), "in their order");
        assert!(inbox.offer(14), "an emptied queue has room again");
        inbox.take(Some(Duration::ZERO), &mut taken);
        assert_eq!(taken.back(), Some(&14));
    }
}
