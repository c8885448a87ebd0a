//! The way out: finds a host's addresses, checks each, and connects to what was checked.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tower::Service;

use super::guard::{Guard, Refused};

/// How many addresses of a host are tried.
const ADDRESSES_MAX: usize = 8;

/// A future on the heap.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Finds the addresses of a host by its name.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses, preferred first.
    fn resolve(&self, host: String) -> Boxed<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: String) -> Boxed<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    #[error(transparent)]
    Refused(Refused),
    #[error("the name {0} has no address")]
    Unknown(String),
    #[error("no connection")]
    Unreachable(#[source] io::Error),
    #[error("connecting took too long")]
    Slow,
}

/// Makes the connections of a client.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) guard: Arc<Guard>,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) connect_max: Duration,
}

impl Service<Uri> for Door {
    type Response = TokioIo<TcpStream>;
    type Error = DoorError;
    type Future = Boxed<'static, Result<Self::Response, DoorError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DoorError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let door = self.clone();
        Box::pin(async move {
            let work = door.connect(&uri);
            let stream = timeout(door.connect_max, work).await.unwrap_or(Err(DoorError::Slow))?;
            // Requests are small and wait for their answer; without this the last packet would wait for others.
            stream.set_nodelay(true).map_err(DoorError::Unreachable)?;
            Ok(TokioIo::new(stream))
        })
    }
}

impl Door {
    async fn connect(&self, uri: &Uri) -> Result<TcpStream, DoorError> {
        let (host, port, is_plain) = target(uri);
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(host.to_owned()).await.unwrap_or_default(),
        };
        // A host of which one address is refused is refused whole: an honest one has no such mixture, and a dishonest one would have us
        // choose for it.
        for address in &addresses {
            self.guard.check(*address, port, is_plain).map_err(DoorError::Refused)?;
        }
        let each = self.connect_max / u32::try_from(addresses.len().clamp(1, ADDRESSES_MAX)).unwrap_or(1);
        let mut last = None;
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match timeout(each, TcpStream::connect(SocketAddr::new(address, port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(DoorError::Unreachable(error)),
                Err(_) => last = Some(DoorError::Slow),
            }
        }
        Err(last.unwrap_or_else(|| DoorError::Unknown(host.to_owned())))
    }
}

/// The host, the port, and whether it goes unencrypted.
fn target(uri: &Uri) -> (&str, u16, bool) {
    let host = uri.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_plain = uri.scheme() != Some(&Scheme::HTTPS);
    (host, uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 }), is_plain)
}
