//! Listening: HTTP/1.1 on a listener, with the limits that keep a slow or greedy client from costing others (FT-29, FT-11).

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Extension, Router, extract::ConnectInfo};
use bytes::Bytes;
use hyper::{Request, body::Incoming, server::conn::http1, upgrade::Upgraded};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, Sleep},
};
use tokio_rustls::{rustls::ServerConnection, server::TlsStream};
use tower::ServiceExt as _;
use tracing::{debug, info, warn};

use crate::{
    auth::throttle::subscriber,
    metrics::{Metrics, SourceLabels},
    tls::{self, Tls},
};

/// Connections at once.
pub const CONNECTIONS_MAX: usize = 4096;
/// Connections at once from one address; of IPv6, from one /64. Loopback is exempt: a reverse proxy brings everybody from there, and is to limit its own
/// clients (docs/operations.md says so).
pub const CONNECTIONS_PER_SOURCE_MAX: u32 = 256;
/// Time for a request's head to arrive; also how long an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Time for a TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Time without progress after which a peer that does not read is cut off.
const STALL_TIME: Duration = Duration::from_secs(30);
/// Time for open requests to finish at shutdown.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// A request's head, in octets: start line and all header fields.
const HEAD_MAX: usize = 64 * 1024;
/// Header fields in a request.
const HEADERS_MAX: usize = 100;
/// Pause after an accept that failed, so that exhausted descriptors cost no processor time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time without such a failure after which the trouble is over.
const TROUBLE_OVER: Duration = Duration::from_secs(5);

/// Answers HTTP on `listener`, over TLS if there is any, until `shutdown` resolves, then lets open requests finish for 5 s.
///
/// Each request carries [`ConnectInfo`] with the peer's address, and [`Encrypted`] if it came over TLS. `metrics` are those of the router's
/// [`crate::ApiParts`].
pub async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router, metrics: Metrics, shutdown: impl Future<Output = ()> + Send) {
    serve_within(Arc::new(Semaphore::new(CONNECTIONS_MAX)), listener, tls, router, metrics, shutdown).await;
}

/// The request came over TLS that we ended ourselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encrypted;

/// The same with as many connections at once as there are `places`.
pub(crate) async fn serve_within(
    places: Arc<Semaphore>,
    listener: impl Accept,
    tls: Option<Tls>,
    router: Router,
    metrics: Metrics,
    shutdown: impl Future<Output = ()> + Send,
) {
    let failures = metrics.accept_failures.get_or_create_owned(&SourceLabels { listener: "http" });
    let sources = Arc::new(Sources::default());
    let (stop, stopped) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    let mut trouble = Trouble::default();
    loop {
        // The place is taken before the connection: past the limit peers wait in the kernel's queue.
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    failures.inc();
                    if trouble.failed(Instant::now()) {
                        warn!(%error, "No connection can be accepted; trying again, without a further word until it is over.");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        if let Some(failures) = trouble.accepted(Instant::now()) {
            info!(failures, "Connections can be accepted again.");
        }
        let Some(entry) = sources.enter(peer.ip()) else {
            debug!(source = %peer.ip(), "Too many connections from one address.");
            continue;
        };
        drop(stream.set_nodelay(true));
        // Place and entry go with the stream, which outlives the connection's task when it is upgraded to WebSocket.
        let held: Held = (place, entry);
        let (router, stopped) = (router.clone(), stopped.clone());
        match tls.clone() {
            None => tokio::spawn(connection(Guarded::new(stream, held), peer, router, stopped)),
            Some(tls) => tokio::spawn(encrypted(tls, stream, held, peer, router, stopped)),
        };
    }
    drop((listener, stopped));
    stop.send_replace(());
    // Each connection holds a receiver until it is done.
    let drained = tokio::time::timeout(DRAIN_TIME, stop.closed()).await;
    if drained.is_err() {
        debug!("Requests were cut off at shutdown.");
    }
}

/// Where connections come from: a socket, or what a test has in its place.
pub(crate) trait Accept: Send {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        self.accept()
    }
}

/// What a connection holds as long as it lives.
type Held = (Option<OwnedSemaphorePermit>, Entry);

/// What is left of a connection when HTTP is over on it: its socket, what TLS knows, and what was read behind the last request.
pub(crate) struct Bare {
    pub(crate) stream: TcpStream,
    pub(crate) tls: Option<ServerConnection>,
    pub(crate) read: Bytes,
}

/// Takes an upgraded connection out of HTTP's hands, with its place. `None`: it did not come by [`serve`].
pub(crate) fn bare(upgraded: Upgraded) -> Option<Bare> {
    type Io<S> = TokioIo<Guarded<S, Held>>;
    let upgraded = match upgraded.downcast::<Io<TcpStream>>() {
        Ok(parts) => return Some(Bare { stream: parts.io.into_inner().stream, tls: None, read: parts.read_buf }),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<Io<TlsStream<TcpStream>>>().ok()?;
    let (stream, tls) = parts.io.into_inner().stream.into_inner();
    Some(Bare { stream, tls: Some(tls), read: parts.read_buf })
}

/// A connection at a port that speaks TLS. A client that does not is told so.
async fn encrypted<H: Send + Unpin + 'static>(
    tls: Tls,
    stream: TcpStream,
    held: H,
    peer: SocketAddr,
    router: Router,
    stopped: watch::Receiver<()>,
) {
    let begun = async {
        if !tls::speaks_tls(&stream).await? {
            return tls::plain(stream, &tls, router.clone(), peer).await.map(|()| None);
        }
        let mut stream = tls.acceptor().accept(stream).await?;
        if tls::is_proof(&stream) {
            return stream.shutdown().await.map(|()| None);
        }
        Ok(Some(stream))
    };
    match tokio::time::timeout(HANDSHAKE_TIME, begun).await {
        Ok(Ok(Some(stream))) => {
            let router = router.layer(Extension(Encrypted));
            connection(Guarded::new(stream, held), peer, router, stopped).await;
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => debug!(%peer, %error, "No TLS came about."),
        Err(_) => debug!(%peer, "No TLS came about in time."),
    }
}

async fn connection<S, H>(stream: Guarded<S, H>, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Send + Unpin + 'static,
{
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "Connection failed.");
    }
}

/// Failures to accept, told once when they begin and once when they are over: at the tenth of a second that one takes, they would fill
/// the disk that the log is on.
#[derive(Debug, Default)]
struct Trouble {
    failures: u64,
    last: Option<Instant>,
}

impl Trouble {
    /// It failed; whether that begins the trouble.
    fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.last.replace(now).is_none()
    }

    /// It did not fail; after how many failures, if that ends the trouble. One connection between two failures ends nothing: with each
    /// descriptor that becomes free one is accepted.
    fn accepted(&mut self, now: Instant) -> Option<u64> {
        self.last.take_if(|last| now.saturating_duration_since(*last) >= TROUBLE_OVER)?;
        Some(std::mem::take(&mut self.failures))
    }
}

/// Errors of accept(2) that concern the one connection only.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Connections by source; bounded by [`CONNECTIONS_MAX`], for an address without connections is not kept.
#[derive(Debug, Default)]
struct Sources(Mutex<HashMap<IpAddr, u32>>);

impl Sources {
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Entry> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Some(Entry { sources: None, address });
        }
        let address = subscriber(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= CONNECTIONS_PER_SOURCE_MAX {
            return None;
        }
        *count += 1;
        Some(Entry { sources: Some(self.clone()), address })
    }
}

#[derive(Debug)]
struct Entry {
    sources: Option<Arc<Sources>>,
    address: IpAddr,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(sources) = &self.sources else { return };
        let mut counts = sources.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A stream whose writes fail once the peer has not read for [`STALL_TIME`]: no download and no Socket.IO client that
/// has stopped reading holds its memory and its place for ever (FT-8). It stays below WebSocket upgrades too.
struct Guarded<S, H> {
    stream: S,
    /// Runs while a write is held up.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What is given back when the stream goes.
    _held: H,
}

impl<S, H> Guarded<S, H> {
    fn new(stream: S, held: H) -> Self {
        Self { stream, stalled: None, _held: held }
    }

    fn guard<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + STALL_TIME)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl<S: AsyncRead + Unpin, H: Unpin> AsyncRead for Guarded<S, H> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for Guarded<S, H> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, octets);
        self.guard(cx, write)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.guard(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.stream).poll_flush(cx);
        self.guard(cx, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shutdown = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.guard(cx, shutdown)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_cut_off() {
        let (near, far) = tokio::io::duplex(1024);
        let mut near = Guarded::new(near, ());
        let began = Instant::now();
        let error = near.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_waited_for() {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut near = Guarded::new(near, ());
        let reader = tokio::spawn(async move {
            let mut octets = [0; 512];
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_secs(29)).await;
                far.read_exact(&mut octets).await.unwrap();
            }
        });
        let began = Instant::now();
        near.write_all(&[0; 4096]).await.unwrap();
        assert!(began.elapsed().as_secs() > 100);
        reader.await.unwrap();
    }

    #[test]
    fn trouble_is_told_when_it_begins_and_when_it_is_over() {
        let mut trouble = Trouble::default();
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        assert_eq!(trouble.accepted(at(0)), None);
        let told: Vec<u64> = (0..600).map(|n| n * 100).filter(|ms| trouble.failed(at(*ms))).collect();
        assert_eq!(told, [0]);
        // A single one gets in between.
        assert_eq!(trouble.accepted(at(60_000)), None);
        assert!(!trouble.failed(at(60_100)));
        assert_eq!(trouble.accepted(at(64_000)), None);
        assert_eq!(trouble.accepted(at(65_100)), Some(601));
        assert_eq!(trouble.accepted(at(65_200)), None);
        assert!(trouble.failed(at(70_000)));
        assert_eq!(trouble.accepted(at(80_000)), Some(1));
    }

    #[test]
    fn sources_are_counted() {
        let sources = Arc::new(Sources::default());
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let mut entries: Vec<_> = (0..CONNECTIONS_PER_SOURCE_MAX).map(|_| sources.enter(one).unwrap()).collect();
        assert!(sources.enter(one).is_none());
        assert!(sources.enter("::ffff:192.0.2.1".parse().unwrap()).is_none(), "the same address");
        assert!(sources.enter("192.0.2.2".parse().unwrap()).is_some());
        assert!(sources.enter("127.0.0.1".parse().unwrap()).is_some());
        entries.pop();
        assert!(sources.enter(one).is_some());
        entries.clear();
        assert!(sources.0.lock().unwrap().is_empty());
    }
}
