//! Where TLS streams are opened to us: they are accepted and shake hands here, beside the signalling thread, and go there once they are up.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rustls::ServerConfig;
use sip_core::{Transport, guard::Source};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    NetError,
    adopt::{Adopted, Adopter},
    signalling::unless_missing_family,
    stream::{is_exhausted, listen_on},
};

/// How long a handshake may take. One that says nothing holds nobody up meanwhile (B-39).
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Handshakes at once. A further one takes the place of the oldest.
const HANDSHAKES_MAX: usize = 1_024;
/// Of these, from one source: one more is closed. An office behind one address shakes hands faster than this.
const HANDSHAKES_OF_SOURCE_MAX: usize = 64;
/// How long accepting pauses when the system has no descriptor left (FT-11).
const PAUSE: Duration = Duration::from_secs(1);

/// The listening sockets of SIP over TLS.
#[derive(Debug)]
pub struct TlsDoor {
    listeners: Vec<StdTcpListener>,
    local: Vec<SocketAddr>,
}

impl TlsDoor {
    /// Listens on all the addresses; an IPv6 wildcard is passed over on a host without IPv6. Nobody is let in before [`TlsDoor::serve`].
    ///
    /// # Errors
    /// An address that cannot be bound.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, NetError> {
        let mut door = Self { listeners: Vec::new(), local: Vec::new() };
        for &address in addresses {
            let Some(listener) = unless_missing_family(address, listen_on(address))? else { continue };
            door.local.push(listener.local_addr()?);
            door.listeners.push(listener);
        }
        Ok(door)
    }

    /// The addresses listened on, with real ports; wildcard addresses stay wildcards.
    #[must_use]
    pub fn local(&self) -> &[SocketAddr] {
        &self.local
    }

    /// Shakes hands as `config` says, and hands what comes of it to `adopter`; for ever. Dropped, it ends all handshakes that are not over.
    ///
    /// # Errors
    /// The runtime refuses a socket, at the start only.
    pub async fn serve(self, config: Arc<ServerConfig>, adopter: Adopter) -> io::Result<()> {
        let acceptor = TlsAcceptor::from(config);
        let mut listeners = JoinSet::new();
        let handshakes = Arc::new(Mutex::new(Handshakes::default()));
        for (listener, bound) in self.listeners.into_iter().zip(self.local) {
            let listener = TcpListener::from_std(listener)?;
            let (acceptor, adopter, handshakes) = (acceptor.clone(), adopter.clone(), Arc::clone(&handshakes));
            listeners.spawn(accept(listener, bound, acceptor, adopter, handshakes));
        }
        while listeners.join_next().await.is_some() {}
        Ok(())
    }
}

async fn accept(listener: TcpListener, bound: SocketAddr, acceptor: TlsAcceptor, adopter: Adopter, handshakes: Arc<Mutex<Handshakes>>) {
    // Ends them all when it is dropped.
    let mut tasks = JoinSet::new();
    let mut is_short = false;
    loop {
        while tasks.try_join_next().is_some() {}
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_exhausted(&error) => {
                if !std::mem::replace(&mut is_short, true) {
                    tracing::warn!(%error, "TLS streams cannot be accepted; each second there is another try.");
                }
                sleep(PAUSE).await;
                continue;
            }
            // accept(2): what the network did to that very stream; the next may be sound.
            Err(_) => continue,
        };
        if std::mem::take(&mut is_short) {
            tracing::warn!("TLS streams are accepted again.");
        }
        if !adopter.admits(remote) {
            continue;
        }
        let begun = lock(&handshakes).begin(remote.into());
        let id = match begun {
            Begun::Alone(id) => id,
            Begun::Instead(id) => {
                adopter.failed();
                id
            }
            Begun::Not => {
                adopter.failed();
                continue;
            }
        };
        let (acceptor, adopter, of_all) = (acceptor.clone(), adopter.clone(), Arc::clone(&handshakes));
        let task = tasks.spawn(async move {
            let begun = timeout(HANDSHAKE_TIME, shake(acceptor, stream, bound, remote)).await;
            lock(&of_all).end(id);
            match begun {
                Ok(Ok(adopted)) => adopter.adopt(adopted),
                Ok(Err(error)) => {
                    tracing::debug!(%remote, %error, "No TLS came about.");
                    adopter.failed();
                }
                Err(_) => {
                    tracing::debug!(%remote, "No TLS came about in time.");
                    adopter.failed();
                }
            }
        });
        lock(&handshakes).watch(id, task);
    }
}

async fn shake(acceptor: TlsAcceptor, stream: TcpStream, bound: SocketAddr, remote: SocketAddr) -> io::Result<Adopted> {
    // Its last flight is not to wait for an acknowledgement.
    stream.set_nodelay(true)?;
    let local = if bound.ip().is_unspecified() { stream.local_addr()? } else { bound };
    let (stream, session) = acceptor.accept(stream).await?.into_inner();
    let stream = stream.into_std()?;
    Ok(Adopted { stream, tls: Some(session), transport: Transport::Tls, local, remote, read: Bytes::new() })
}

/// The handshakes that are not over, oldest first.
#[derive(Default)]
struct Handshakes {
    last: u64,
    /// A task that has just begun is not known yet.
    open: BTreeMap<u64, (Source, Option<AbortHandle>)>,
    of_source: HashMap<Source, usize>,
}

/// Whether a handshake may begin, and under which number.
enum Begun {
    Alone(u64),
    /// The oldest was given up for it.
    Instead(u64),
    Not,
}

impl Handshakes {
    fn begin(&mut self, source: Source) -> Begun {
        if self.of_source.get(&source).is_some_and(|count| *count >= HANDSHAKES_OF_SOURCE_MAX) {
            return Begun::Not;
        }
        let oldest = if self.open.len() >= HANDSHAKES_MAX { self.open.first_key_value().map(|(id, _)| *id) } else { None };
        if let Some(task) = oldest.and_then(|oldest| self.end(oldest)) {
            task.abort();
        }
        self.last += 1;
        self.open.insert(self.last, (source, None));
        *self.of_source.entry(source).or_default() += 1;
        if oldest.is_some() { Begun::Instead(self.last) } else { Begun::Alone(self.last) }
    }

    /// By which the handshake can be given up.
    fn watch(&mut self, id: u64, task: AbortHandle) {
        if let Some((_, watched)) = self.open.get_mut(&id) {
            *watched = Some(task);
        }
    }

    fn end(&mut self, id: u64) -> Option<AbortHandle> {
        let (source, task) = self.open.remove(&id)?;
        if let Some(count) = self.of_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.of_source.remove(&source);
            }
        }
        task
    }
}

/// Nothing that is done under the lock can panic half way.
fn lock(handshakes: &Mutex<Handshakes>) -> MutexGuard<'_, Handshakes> {
    handshakes.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn source(at: usize) -> Source {
        SocketAddr::from((std::net::Ipv4Addr::from(u32::try_from(at).unwrap()), 1)).into()
    }

    #[test]
    fn a_source_has_its_share_and_the_oldest_makes_room() {
        let mut handshakes = Handshakes::default();
        let ids: Vec<u64> = (0..HANDSHAKES_OF_SOURCE_MAX)
            .map(|_| match handshakes.begin(source(0)) {
                Begun::Alone(id) => id,
                _ => panic!("there is room"),
            })
            .collect();
        assert!(matches!(handshakes.begin(source(0)), Begun::Not));
        assert!(matches!(handshakes.begin(source(1)), Begun::Alone(_)));
        handshakes.end(*ids.last().unwrap());
        assert!(matches!(handshakes.begin(source(0)), Begun::Alone(_)));
        for at in handshakes.open.len()..HANDSHAKES_MAX {
            assert!(matches!(handshakes.begin(source(at + 2)), Begun::Alone(_)));
        }
        assert!(handshakes.open.contains_key(ids.first().unwrap()));
        assert!(matches!(handshakes.begin(source(1)), Begun::Instead(_)));
        assert!(!handshakes.open.contains_key(ids.first().unwrap()), "the oldest went");
        assert_eq!(handshakes.open.len(), HANDSHAKES_MAX);
        assert_eq!(handshakes.of_source.values().sum::<usize>(), HANDSHAKES_MAX);
        for id in handshakes.open.keys().copied().collect::<Vec<_>>() {
            handshakes.end(id);
        }
        assert!(handshakes.of_source.is_empty());
    }
}
