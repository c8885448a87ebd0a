//! How a stream that was opened elsewhere becomes one of the signalling sockets: after a TLS handshake ([`crate::TlsDoor`]), or after the
//! opening handshake of a WebSocket, which is HTTP's business.
//!
//! Handshakes cost a thousand times what a message costs, and may come by the thousand when a network comes back. So they are made by other
//! threads, and what is handed over has everything that the signalling thread needs to go on by itself.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustls::ServerConnection;
use sip_core::{Guard, GuardSettings, Transport, guard::Source};

use crate::{bans::Bans, dialler::Dialled, signalling::Waker};

/// Streams that may wait to be taken over; more are refused.
const WAITING_MAX: usize = 4_096;

/// How many sources have an allowance of their own for what is opened elsewhere; the others share one.
const SOURCES_MAX: usize = 8_192;

/// A stream that was opened to us, behind its handshakes.
#[derive(Debug)]
pub struct Adopted {
    /// Its socket, non-blocking.
    pub stream: TcpStream,
    /// What TLS has agreed on, with what it has read already.
    pub tls: Option<ServerConnection>,
    /// [`Transport::Tls`], [`Transport::Ws`] or [`Transport::Wss`].
    pub transport: Transport,
    /// Our address and port: a real one.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// What was read of it behind the handshakes, decrypted.
    pub read: Bytes,
}

/// Hands streams over to the signalling sockets. Cheap to clone, and good from any thread.
#[derive(Debug, Clone)]
pub struct Adopter {
    waker: Waker,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    guard: Mutex<Guard>,
    bans: Mutex<Bans>,
    banned: AtomicU64,
    waiting: Mutex<Vec<Adopted>>,
    /// What has come of the streams that we open. There is one at most for each that is wanted.
    dialled: Mutex<Vec<Dialled>>,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Adopter {
    pub(crate) fn new(waker: Waker, settings: GuardSettings, seed: [u8; 16]) -> Self {
        let shared = Shared {
            guard: Mutex::new(Guard::new(few(settings), seed)),
            bans: Mutex::default(),
            banned: AtomicU64::new(0),
            waiting: Mutex::default(),
            dialled: Mutex::default(),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        Self { waker, shared: Arc::new(shared) }
    }

    /// Whether `remote` may open another stream now, before anything is spent on its handshake.
    #[must_use]
    pub fn admits(&self, remote: SocketAddr) -> bool {
        let now = Instant::now();
        if lock(&self.shared.bans).has(now, remote) {
            self.shared.banned.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        lock(&self.shared.guard).admit_stream(now, remote)
    }

    /// Hands a stream over. It is closed if there is no room; whoever opened it tries again.
    pub fn adopt(&self, adopted: Adopted) {
        let mut waiting = lock(&self.shared.waiting);
        if waiting.len() >= WAITING_MAX {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.push(adopted);
        drop(waiting);
        self.waker.wake();
    }

    /// A handshake came to nothing.
    pub(crate) fn failed(&self) {
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// A stream that we wanted is open, or is not to be had.
    pub(crate) fn dialled(&self, dialled: Dialled) {
        lock(&self.shared.dialled).push(dialled);
        self.waker.wake();
    }

    pub(crate) fn take_dialled(&self) -> Vec<Dialled> {
        std::mem::take(&mut *lock(&self.shared.dialled))
    }

    /// What waits.
    pub(crate) fn take(&self) -> Vec<Adopted> {
        std::mem::take(&mut *lock(&self.shared.waiting))
    }

    pub(crate) fn ban(&self, now: Instant, source: Source, lasts: Duration) {
        lock(&self.shared.bans).insert(now, source, lasts);
    }

    pub(crate) fn unban(&self, source: Source) {
        lock(&self.shared.bans).remove(source);
    }

    /// Streams that were not let in before their handshake, for their sources are banned.
    pub(crate) fn banned(&self) -> u64 {
        self.shared.banned.load(Ordering::Relaxed)
    }

    pub(crate) fn set_guard(&self, settings: GuardSettings) {
        lock(&self.shared.guard).set(few(settings));
    }

    /// Streams that were not let in before their handshake or after it, and handshakes that came to nothing.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let refused = self.shared.refused.load(Ordering::Relaxed) + lock(&self.shared.guard).counters().streams_refused;
        (refused, self.shared.failed.load(Ordering::Relaxed))
    }
}

fn few(settings: GuardSettings) -> GuardSettings {
    GuardSettings { sources_max: settings.sources_max.min(SOURCES_MAX), ..settings }
}

/// Nothing that is done under these locks can panic half way.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
