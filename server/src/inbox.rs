//! A queue into a thread that wakes at its own pace: orders always get in, floods only up to a bound.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A queue with two doors. Orders are few and bounded by what sends them; the rest may be refused.
pub(crate) struct Inbox<T> {
    queue: Mutex<VecDeque<T>>,
    arrived: Condvar,
    limit: usize,
}

impl<T> Inbox<T> {
    /// A queue that takes at most `limit` entries through its bounded door.
    pub(crate) fn new(limit: usize) -> Self {
        Self { queue: Mutex::new(VecDeque::new()), arrived: Condvar::new(), limit }
    }

    /// Queues an order and wakes the thread.
    pub(crate) fn order(&self, entry: T) {
        self.lock().push_back(entry);
        self.arrived.notify_one();
    }

    /// Queues one of a flood, without waking anybody; whether there was room.
    pub(crate) fn offer(&self, entry: T) -> bool {
        let mut queue = self.lock();
        let room = queue.len() < self.limit;
        if room {
            queue.push_back(entry);
        }
        room
    }

    /// Takes all that is queued, waiting at most `pause` for an order if there is nothing.
    pub(crate) fn take(&self, pause: Duration, into: &mut VecDeque<T>) {
        let mut queue = self.lock();
        if queue.is_empty() {
            (queue, _) = self.arrived.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner);
        }
        into.append(&mut queue);
    }

    /// Takes all that is queued, without waiting.
    pub(crate) fn drain(&self, into: &mut VecDeque<T>) {
        into.append(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
