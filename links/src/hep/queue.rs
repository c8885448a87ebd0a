//! What waits for the capture server: the newest, up to a bound.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use super::{Counts, Packet, add};

/// Copies that wait at most.
pub const COPIES_MAX: usize = 20_000;
/// The octets that they hold at most.
pub const OCTETS_MAX: usize = 16 << 20;

/// The queue between a [`Spout`] and its sender.
pub(super) struct Queue<C> {
    waiting: Mutex<Waiting<C>>,
    filled: Notify,
    is_closed: watch::Sender<bool>,
}

struct Waiting<C> {
    copies: VecDeque<C>,
    octets: usize,
}

impl<C> Default for Queue<C> {
    fn default() -> Self {
        let waiting = Mutex::new(Waiting { copies: VecDeque::new(), octets: 0 });
        Self { waiting, filled: Notify::new(), is_closed: watch::Sender::new(false) }
    }
}

impl<C> Queue<C> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<C>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that waits.
    pub(super) fn take(&self) -> VecDeque<C> {
        let mut waiting = self.waiting();
        waiting.octets = 0;
        std::mem::take(&mut waiting.copies)
    }

    /// Waits for copies, and takes them all; none if there are no more to come.
    pub(super) async fn wait(&self) -> Option<VecDeque<C>> {
        loop {
            let filled = self.filled.notified();
            let is_closed = *self.is_closed.borrow();
            let copies = self.take();
            if !copies.is_empty() {
                return Some(copies);
            }
            if is_closed {
                return None;
            }
            filled.await;
        }
    }

    /// Whether there is nothing more to come, and nothing that waits.
    pub(super) fn is_over(&self) -> bool {
        *self.is_closed.borrow() && self.waiting().copies.is_empty()
    }

    /// Until the spout is gone.
    pub(super) async fn closed(&self) {
        let mut is_closed = self.is_closed.subscribe();
        // The sender half lives in the queue itself.
        let _ = is_closed.wait_for(|is_closed| *is_closed).await;
    }
}

impl<C: Packet> Queue<C> {
    /// What was taken and is not sent waits again, before all that has come since.
    pub(super) fn put_back(&self, copies: VecDeque<C>, counts: &Counts) {
        let mut waiting = self.waiting();
        for copy in copies.into_iter().rev() {
            waiting.octets = waiting.octets.saturating_add(copy.octets());
            waiting.copies.push_front(copy);
        }
        add(&counts.dropped, waiting.keep_the_newest());
    }
}

impl<C: Packet> Waiting<C> {
    /// Drops the oldest ones while there are too many. How many those were.
    fn keep_the_newest(&mut self) -> usize {
        let mut dropped = 0;
        while self.copies.len() > COPIES_MAX || self.octets > OCTETS_MAX {
            let Some(oldest) = self.copies.pop_front() else { break };
            self.octets = self.octets.saturating_sub(oldest.octets());
            dropped += 1;
        }
        dropped
    }
}

/// Where copies are left. When it is dropped, the sender ends.
pub struct Spout<C> {
    queue: Arc<Queue<C>>,
    counts: Arc<Counts>,
}

impl<C> fmt::Debug for Spout<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spout").finish_non_exhaustive()
    }
}

impl<C: Packet> Spout<C> {
    pub(super) fn new(queue: Arc<Queue<C>>, counts: Arc<Counts>) -> Self {
        Self { queue, counts }
    }

    /// Leaves copies, and takes them out of `copies`. Waits for nobody: if there are too many ([`COPIES_MAX`], [`OCTETS_MAX`]), the oldest
    /// are dropped and counted.
    pub fn leave(&self, copies: &mut Vec<C>) {
        if copies.is_empty() {
            return;
        }
        let octets = copies.iter().map(Packet::octets).sum();
        let mut waiting = self.queue.waiting();
        waiting.octets = waiting.octets.saturating_add(octets);
        waiting.copies.extend(copies.drain(..));
        let dropped = waiting.keep_the_newest();
        drop(waiting);
        self.queue.filled.notify_one();
        if dropped > 0 {
            add(&self.counts.dropped, dropped);
        }
    }
}

impl<C> Drop for Spout<C> {
    fn drop(&mut self) {
        self.queue.is_closed.send_replace(true);
        self.queue.filled.notify_one();
    }
}
