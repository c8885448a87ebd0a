//! Media workers: threads that own sockets and a relay each. A packet never changes thread.

mod gather;
mod places;
mod queue;
mod run;
mod sockets;
mod watch;

use std::{
    fmt,
    net::IpAddr,
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use media::{Command, MediaEvent, TapFrames, ToneSet};

use self::{queue::CommandQueue, run::Worker, sockets::BindPlan, watch::Watch};
use crate::{NetError, ports::pairs};

pub use queue::COMMANDS_MAX;

/// What the workers need to know.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// How many threads; at least one is started.
    pub workers: usize,
    /// The ports for media, shared out among the workers; an even port and the next one make a pair.
    pub ports: RangeInclusive<u16>,
    /// How many pairs each worker binds in advance.
    pub stock: usize,
    /// The local addresses: at most one of each family. `0.0.0.0` with `::` is one socket for both families; `::` is passed over where the
    /// host has no IPv6.
    pub bind: Vec<IpAddr>,
    /// The tones of the country.
    pub tones: ToneSet,
}

/// A pair of ports that a worker has bound and nobody uses: good for one [`Command::Open`] on that worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortToken {
    /// The worker that holds the sockets.
    pub worker: usize,
    /// The even port, for RTP; RTCP is the next one.
    pub port: u16,
}

/// What a worker tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromWorker {
    /// These pairs were bound. Each is told once; it is used up by [`Command::Open`].
    Ports(Vec<PortToken>),
    /// Something about a leg.
    Event(MediaEvent),
    /// The worker cannot hold its stock: all its ports are in use, resting or taken by others, or the system is out of descriptors.
    /// Told once, until the stock is full again. Whoever has no token left refuses calls with 503 (B-67).
    Exhausted {
        /// Which worker.
        worker: usize,
        /// How many pairs it still has bound and unused.
        stock: usize,
    },
    /// The worker has given up: its legs are silent, its ports are closed, and it takes no command any more. Told once.
    Stopped {
        /// Which worker.
        worker: usize,
    },
}

/// What one worker has done since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerCounters {
    /// Legs that are open now.
    pub legs: u64,
    /// Pairs that are bound and unused now.
    pub stock: u64,
    /// Pairs that no leg uses now, bound or not.
    pub unused: u64,
    /// Datagrams received.
    pub received: u64,
    /// Datagrams given to the kernel.
    pub sent: u64,
    /// Datagrams that the kernel refused, mostly because the send buffer was full or the far host is gone.
    pub send_failed: u64,
    /// Reports of the kernel instead of a datagram: the far host said that nobody listens.
    pub receive_failed: u64,
    /// Datagrams longer than any media packet, dropped.
    pub oversized: u64,
    /// Pieces of recordings that the recorder did not take.
    pub taps_dropped: u64,
    /// Commands that named a leg or a port wrongly.
    pub commands_refused: u64,
    /// Panics survived (FT-14).
    pub panics: u64,
}

/// The counters as the worker publishes them, once a turn.
#[derive(Debug, Default)]
struct SharedCounters(Mutex<WorkerCounters>);

impl SharedCounters {
    fn publish(&self, counters: &WorkerCounters) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = *counters;
    }

    fn read(&self) -> WorkerCounters {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running workers. Dropping this stops them as [`MediaWorkers::stop`] does.
pub struct MediaWorkers {
    workers: Vec<Handle>,
}

struct Handle {
    queue: Arc<CommandQueue>,
    /// The last command was refused: a thousand calls that end with their worker are one line in the log.
    refuses: AtomicBool,
    counters: Arc<SharedCounters>,
    thread: Option<JoinHandle<()>>,
}

impl MediaWorkers {
    /// Binds the first ports and starts the threads, named `media-0` and so on.
    ///
    /// `events` and `taps` are called on the workers' threads, between packets: they must be quick and never block. `taps` is given what recordings
    /// are to have of all packets of one turn, and says whether it took them; what it does not take is counted and lost.
    ///
    /// # Errors
    /// More than one address of a family, a port range that leaves a worker without a pair, not one port that can be bound, or a system that is
    /// out of threads or descriptors.
    pub fn start(
        settings: MediaSettings,
        seed: [u8; 32],
        events: impl Fn(FromWorker) + Send + Clone + 'static,
        taps: impl Fn(TapFrames) -> bool + Send + Clone + 'static,
    ) -> Result<Self, NetError> {
        let count = settings.workers.max(1);
        if pairs(&settings.ports).take(count).count() < count {
            return Err(NetError::PortRange { first: *settings.ports.start(), last: *settings.ports.end(), workers: count });
        }
        let plan = BindPlan::new(&settings.bind)?;
        let mut workers = Self { workers: Vec::with_capacity(count) };
        for index in 0..count {
            let (watch, waker) = Watch::new()?;
            let queue = Arc::new(CommandQueue::new(waker));
            let counters = Arc::new(SharedCounters::default());
            let mut worker = Worker::new(index, &settings, seed_of(seed, index), plan, watch, events.clone(), taps.clone());
            worker.first_ports()?;
            let (inbox, published) = (Arc::clone(&queue), Arc::clone(&counters));
            let thread = thread::Builder::new().name(format!("media-{index}")).spawn(move || worker.run(&inbox, &published))?;
            workers.workers.push(Handle { queue, refuses: AtomicBool::new(false), counters, thread: Some(thread) });
        }
        Ok(workers)
    }

    /// Hands a command to a worker: [`Self::commands`] of one.
    pub fn command(&self, worker: usize, command: Command) -> bool {
        self.commands(worker, [command])
    }

    /// Hands commands to a worker, which carries them out in this order. Never blocks. All that there are at a time are best handed over together:
    /// the worker is woken once, and not at all for what can wait until it comes by, 20 ms at most.
    ///
    /// False if not all were taken: there is no such worker, it has stopped, or [`COMMANDS_MAX`] commands wait for it, which means that
    /// it has hung. The legs that it has then are lost, and nothing of theirs will be told any more: whoever ordered must end their calls.
    pub fn commands(&self, worker: usize, commands: impl IntoIterator<Item = Command>) -> bool {
        let Some(handle) = self.workers.get(worker) else { return false };
        let taken = handle.queue.push(commands);
        if !handle.refuses.swap(!taken, Ordering::Relaxed) && !taken {
            tracing::error!(worker, "A media worker takes no commands.");
        }
        taken
    }

    /// How many workers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.workers.len()
    }

    /// Never true: at least one worker runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// What each worker has done, as of its last turn.
    #[must_use]
    pub fn counters(&self) -> Vec<WorkerCounters> {
        self.workers.iter().map(|handle| handle.counters.read()).collect()
    }

    /// Stops the threads and waits for them. Commands given before are still carried out; all sockets are closed.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        for handle in &self.workers {
            handle.queue.stop();
        }
        for handle in &mut self.workers {
            if let Some(thread) = handle.thread.take()
                && thread.join().is_err()
            {
                tracing::error!("A media worker had died.");
            }
        }
    }
}

impl Drop for MediaWorkers {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for MediaWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaWorkers").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}

/// Each worker draws from a stream of its own, so that no two legs get the same SSRC by way of the same seed.
fn seed_of(mut seed: [u8; 32], index: usize) -> [u8; 32] {
    for (octet, add) in seed.iter_mut().zip(index.to_le_bytes()) {
        *octet = octet.wrapping_add(add);
    }
    seed
}
