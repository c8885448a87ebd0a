//! Media ports that workers have bound in advance (R28).

use std::collections::{BTreeMap, VecDeque};

use model::CallId;

/// A bound pair of ports on a media worker: even for RTP, the next one for RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaPort {
    /// The worker that holds the sockets.
    pub worker: usize,
    /// The RTP port.
    pub port: u16,
}

/// The stock of ports, a queue per worker. Both legs of a call come from one worker, so that a packet never changes thread.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    stock: Vec<VecDeque<MediaPort>>,
    /// How many legs each worker carries.
    legs: Vec<usize>,
    /// Kept for a call that will need it: known here and not in the call, so that it is not lost with what a defect takes along (FT-14).
    reserved: BTreeMap<CallId, MediaPort>,
}

/// More workers than this there are not.
const WORKERS_MAX: usize = 256;

/// A worker with so many legs more than another is the busier one. Below that calls stay together: a worker that is awake for one call carries
/// the next without being woken.
const SHARE: usize = 64;

impl Ports {
    /// A worker has bound these.
    pub(crate) fn add(&mut self, ports: impl IntoIterator<Item = MediaPort>) {
        for port in ports {
            if port.worker >= WORKERS_MAX {
                continue;
            }
            if self.stock.len() <= port.worker {
                self.stock.resize_with(port.worker + 1, VecDeque::new);
            }
            if let Some(queue) = self.stock.get_mut(port.worker) {
                queue.push_back(port);
            }
        }
    }

    /// Takes two ports of the worker that carries least, in steps of [`SHARE`]; none if no worker has two.
    pub(crate) fn take_pair(&mut self) -> Option<(MediaPort, MediaPort)> {
        let legs = &self.legs;
        let load = |worker: usize| legs.get(worker).copied().unwrap_or_default() / SHARE;
        let able = self.stock.iter_mut().enumerate().filter(|(_, queue)| queue.len() >= 2);
        let (_, queue) = able.min_by_key(|(worker, _)| load(*worker))?;
        queue.pop_front().zip(queue.pop_front())
    }

    /// Takes two ports of a worker that carries a call about which this one is, so that both can become one; of another if it has none.
    pub(crate) fn take_pair_beside(&mut self, worker: Option<usize>) -> Option<(MediaPort, MediaPort)> {
        let beside = worker.and_then(|worker| self.stock.get_mut(worker)).filter(|queue| queue.len() >= 2);
        match beside {
            Some(queue) => queue.pop_front().zip(queue.pop_front()),
            None => self.take_pair(),
        }
    }

    /// Takes one port more of a worker, for a further leg of a call that it carries.
    pub(crate) fn take_of(&mut self, worker: usize) -> Option<MediaPort> {
        self.stock.get_mut(worker)?.pop_front()
    }

    /// A leg was opened on the worker.
    pub(crate) fn opened(&mut self, worker: usize) {
        if worker >= WORKERS_MAX {
            return;
        }
        if self.legs.len() <= worker {
            self.legs.resize(worker + 1, 0);
        }
        if let Some(legs) = self.legs.get_mut(worker) {
            *legs += 1;
        }
    }

    /// A leg of the worker was closed.
    pub(crate) fn closed(&mut self, worker: usize) {
        if let Some(legs) = self.legs.get_mut(worker) {
            *legs = legs.saturating_sub(1);
        }
    }

    /// Keeps a port for a call.
    pub(crate) fn reserve(&mut self, call: CallId, port: MediaPort) {
        if let Some(port) = self.reserved.insert(call, port) {
            self.give_back(port);
        }
    }

    /// The port that was kept for the call.
    pub(crate) fn claim(&mut self, call: CallId) -> Option<MediaPort> {
        self.reserved.remove(&call)
    }

    /// The call will not need what was kept for it.
    pub(crate) fn release(&mut self, call: CallId) {
        if let Some(port) = self.claim(call) {
            self.give_back(port);
        }
    }

    /// Gives back a port that no media was opened on.
    pub(crate) fn give_back(&mut self, port: MediaPort) {
        if let Some(queue) = self.stock.get_mut(port.worker) {
            queue.push_front(port);
        }
    }

    /// Forgets the ports of a worker that is gone.
    pub(crate) fn forget(&mut self, worker: usize) {
        if let Some(queue) = self.stock.get_mut(worker) {
            queue.clear();
        }
    }

    /// How many are left.
    pub(crate) fn len(&self) -> usize {
        self.stock.iter().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_comes_from_one_worker() {
        let mut ports = Ports::default();
        assert!(ports.take_pair().is_none());
        ports.add([MediaPort { worker: 0, port: 20_000 }, MediaPort { worker: 1, port: 30_000 }]);
        assert!(ports.take_pair().is_none(), "one port each is no pair");
        ports.add([MediaPort { worker: 1, port: 30_002 }, MediaPort { worker: 999, port: 2 }]);
        let (a, b) = ports.take_pair().expect("worker 1 has two");
        assert_eq!((a.worker, b.worker), (1, 1));
        assert_eq!(ports.len(), 1);
        ports.give_back(a);
        assert_eq!(ports.len(), 2);
    }

    #[test]
    fn calls_stay_together_until_there_are_many() {
        let mut ports = Ports::default();
        let stock = |worker: usize| (0..=200).map(move |number| MediaPort { worker, port: 20_000 + 2 * number });
        ports.add(stock(0).chain(stock(1)));
        let mut carried = Vec::new();
        for _ in 0..64 {
            let (a, b) = ports.take_pair().expect("there are enough");
            [a, b].iter().for_each(|port| ports.opened(port.worker));
            carried.push(a.worker);
        }
        assert_eq!(carried, [[0; 32], [1; 32]].concat());
        (0..20).for_each(|_| ports.closed(1));
        assert_eq!(ports.take_pair().expect("there are enough").0.worker, 1, "where there is room again");
        ports.forget(1);
        assert_eq!(ports.take_pair().expect("of the other").0.worker, 0, "one without ports is passed over");
    }
}
