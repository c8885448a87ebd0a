//! Copies of messages to a capture server (HEP): over UDP, TCP or TLS.
//!
//! Whoever has copies leaves them at a [`Spout`] and never waits: what waits for the server is bounded, and the oldest goes first. What a
//! copy looks like is the [`Packet`]'s own business; it is asked only when the server is there, so that what is dropped costs nothing more.

#[cfg(test)]
mod tests;

mod carrier;
mod queue;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use self::{
    carrier::{Carried, Peer},
    queue::Queue,
};
use crate::tls::Roots;

pub use queue::{COPIES_MAX, OCTETS_MAX, Spout};

/// So long copies gather before the next ones are taken: to be woken costs whoever leaves them more than to leave them.
const GATHER: Duration = Duration::from_millis(10);
/// How many copies are made before others of this thread's tasks have a turn.
const TURN: usize = 32;
/// The pause after the first failure; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A connection that has lasted so long begins anew with the first pause.
const LASTED: Duration = Duration::from_secs(30);
/// How long what waits at the end may take to leave.
const LAST: Duration = Duration::from_secs(1);

/// What carries copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A datagram each.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream; the server's certificate is verified.
    Tls,
}

/// The capture server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What carries the copies.
    pub carrier: Carrier,
    /// Its name or address; it is resolved anew at each connection, and over UDP once a minute.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carrier = match self.carrier {
            Carrier::Udp => "udp",
            Carrier::Tcp => "tcp",
            Carrier::Tls => "tls",
        };
        match self.host.contains(':') {
            true => write!(f, "{carrier}://[{}]:{}", self.host, self.port),
            false => write!(f, "{carrier}://{}:{}", self.host, self.port),
        }
    }
}

/// A copy that is to be sent.
pub trait Packet: Send + Sync + 'static {
    /// How much memory it holds, in octets.
    fn octets(&self) -> usize;

    /// Appends the packet. `is_datagram`: it goes in one of its own. Gives whether it was too long, so that not all of it is there.
    fn write(&self, is_datagram: bool, into: &mut Vec<u8>) -> bool;
}

/// What has happened since the program began, over all capture servers that it had.
#[derive(Debug, Default)]
pub struct Counts {
    /// Copies that were handed to the network.
    pub sent: AtomicU64,
    /// Copies that were dropped: the server was away or too slow, or the network took none.
    pub dropped: AtomicU64,
    /// Copies of which not all was sent, because they were too long. They count as sent, too.
    pub cut: AtomicU64,
    /// Connections that were made after others were lost; over UDP: how often a server was there again.
    pub reconnects: AtomicU64,
    /// Whether there is a connection; over UDP: whether the name has an address and nobody says that no one listens there.
    pub connected: AtomicBool,
}

fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Sends what is left at the [`Spout`].
pub struct Sender<C> {
    target: Target,
    queue: Arc<Queue<C>>,
    counts: Arc<Counts>,
    peer: Peer,
    chance: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl<C> fmt::Debug for Sender<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A way to a capture server: where copies are left, and what sends them. `chance` gives a number from 0 to 1, so that many servers do not
/// come back at once.
#[must_use]
pub fn open<C: Packet>(
    target: Target,
    roots: &Roots,
    counts: Arc<Counts>,
    chance: impl Fn() -> f64 + Send + Sync + 'static,
) -> (Spout<C>, Sender<C>) {
    let queue = Arc::new(Queue::default());
    let spout = Spout::new(Arc::clone(&queue), Arc::clone(&counts));
    let peer = Peer::new(&target, roots);
    (spout, Sender { target, queue, counts, peer, chance: Box::new(chance) })
}

impl<C: Packet> Sender<C> {
    /// Sends until the [`Spout`] is gone, and then for a second at most what still waits.
    pub async fn run(self) {
        let last = async {
            self.queue.closed().await;
            sleep(LAST).await;
        };
        tokio::select! {
            () = self.send() => {}
            () = last => {}
        }
        add(&self.counts.dropped, self.queue.take().len());
        self.counts.connected.store(false, Ordering::Relaxed);
    }

    /// Connects, sends, and begins anew whenever that ends; until there is nothing more to come.
    async fn send(&self) {
        let (mut failures, mut had_one, mut is_told) = (0, false, false);
        loop {
            let failure = match self.peer.connect().await {
                Ok(mut carried) => {
                    if std::mem::replace(&mut had_one, true) {
                        self.counts.reconnects.fetch_add(1, Ordering::Relaxed);
                    }
                    self.counts.connected.store(true, Ordering::Relaxed);
                    info!(server = %self.target, "SIP messages are copied to the capture server.");
                    is_told = false;
                    let began = tokio::time::Instant::now();
                    let Err(failure) = self.serve(&mut carried).await else { return };
                    if began.elapsed() >= LASTED {
                        failures = 0;
                    }
                    failure
                }
                Err(failure) => failure,
            };
            self.counts.connected.store(false, Ordering::Relaxed);
            failures += 1;
            let pause = pause(failures, (self.chance)());
            // Once for each time that it is away.
            if std::mem::replace(&mut is_told, true) {
                debug!(server = %self.target, %failure, "The capture server is still away.");
            } else {
                warn!(server = %self.target, %failure, "The capture server cannot be reached: copies of SIP messages wait, and then are lost. Calls go on.");
            }
            if self.queue.is_over() {
                return;
            }
            // What is left at the end may not take long.
            if timeout(pause, self.queue.closed()).await.is_ok() {
                sleep(pause.min(LAST / 4)).await;
            }
        }
    }

    /// Sends over one connection until that fails, or there is nothing more to come.
    async fn serve(&self, carried: &mut Carried<'_>) -> Result<(), String> {
        loop {
            let copies = tokio::select! {
                biased;
                failure = carried.ended() => return Err(failure),
                copies = self.queue.wait() => copies,
            };
            let Some(mut copies) = copies else {
                carried.finish().await;
                return Ok(());
            };
            while !copies.is_empty() {
                let some: Vec<C> = copies.drain(..copies.len().min(TURN)).collect();
                if let Err(failure) = carried.send(&some, &self.counts).await {
                    self.queue.put_back(copies, &self.counts);
                    return Err(failure);
                }
                tokio::task::yield_now().await;
            }
            // More will have come by then; and the end waits for nobody.
            let _ = timeout(GATHER, self.queue.closed()).await;
        }
    }
}

/// How long to wait after so many failures in a row: between half and all of a time that doubles.
fn pause(failures: u32, chance: f64) -> Duration {
    let full = PAUSE_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(PAUSE_MAX);
    full / 2 + (full / 2).mul_f64(chance.clamp(0.0, 1.0))
}
