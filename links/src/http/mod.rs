//! Requests to other servers, such as users cause (webhooks) and such as the configuration causes (sign-in providers).
//!
//! Each connection passes a [`Guard`]. No redirect is followed, no proxy is used, and an answer has a limit in size and in time.

mod door;
mod guard;
#[cfg(test)]
mod tests;

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::USER_AGENT};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client as Hyper,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use crate::tls::Roots;
use door::{Door, DoorError};

pub use door::{Boxed, Resolve, SystemResolver};
pub use guard::{Guard, Plain, Refused};

/// The longest URL, in octets.
pub const URL_MAX: usize = 2048;
/// How long a connection is kept for the next request.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How many idle connections are kept to one host.
const IDLE_PER_HOST: usize = 2;
/// The head of an answer, in octets.
const HEAD_MAX: usize = 64 << 10;
/// How long the beginning of a body is waited for once the head is there.
const BEGINNING_MAX: Duration = Duration::from_secs(1);
/// What we say that we are.
const AGENT: &str = concat!("Cordboard/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL is none that can be used; nothing was sent.
    #[error("the URL cannot be used: {0}")]
    Url(String),
    /// The address may not be reached; nothing was sent.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The host's name has no address.
    #[error("the name {0} has no address")]
    Unknown(String),
    /// There is no connection to the server.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] std::io::Error),
    /// The server's certificate is not believed, or it speaks no TLS.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The answer did not come in time.
    #[error("no answer in time")]
    Slow,
    /// The answer is larger than it may be.
    #[error("the answer is larger than {0} octets")]
    TooLarge(usize),
    /// The connection ended, or what came is no HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// How long and how large things may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Finding the host and connecting to it.
    pub connect: Duration,
    /// All from the beginning to the end of the answer.
    pub whole: Duration,
    /// The body of an answer, in octets.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), whole: Duration::from_secs(10), body: 1 << 20 }
    }
}

/// How much of an answer's body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// All of it. One that is larger than its limit is an error.
    Whole,
    /// At most so many octets from its beginning. The answer counts from its head on: a body that is larger, slow or broken off is no error.
    Beginning(usize),
}

/// Makes requests. Cloning is cheap, and clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hyper: Hyper<HttpsConnector<Door>, Full<Bytes>>,
    guard: Arc<Guard>,
    limits: Limits,
}

impl Client {
    /// A client whose connections pass `guard`, and that believes `roots`.
    #[must_use]
    pub fn new(guard: Guard, roots: &Roots, limits: Limits) -> Self {
        Self::with_resolver(guard, roots, limits, Arc::new(SystemResolver))
    }

    /// The same, with another way to find addresses.
    #[must_use]
    pub fn with_resolver(guard: Guard, roots: &Roots, limits: Limits, resolver: Arc<dyn Resolve>) -> Self {
        let guard = Arc::new(guard);
        let door = Door { guard: Arc::clone(&guard), resolver, connect_max: limits.connect };
        let connector = HttpsConnectorBuilder::new().with_tls_config(roots.client()).https_or_http().enable_http1().wrap_connector(door);
        let hyper = Hyper::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(HEAD_MAX)
            .build(connector);
        Self(Arc::new(Inner { hyper, guard, limits }))
    }

    /// Whether the text is a URL that can be requested at all. What only a name's addresses would tell is judged at each connection.
    ///
    /// # Errors
    /// [`HttpError::Url`] or [`HttpError::Refused`].
    pub fn check_url(&self, text: &str) -> Result<Url, HttpError> {
        let url = parse(text)?;
        let address: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if let (Some(address), Some(port)) = (address, url.port_or_known_default()) {
            self.0.guard.check(address, port, url.scheme() == "http")?;
        } else if let Some(port) = url.port_or_known_default() {
            self.0.guard.check_port(port)?;
        }
        Ok(url)
    }

    /// Asks for a URL and reads the answer, whatever its status is.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(&self, url: &str, want: Want) -> Result<Response<Vec<u8>>, HttpError> {
        let request = Request::get(url).body(Vec::new()).map_err(|error| HttpError::Url(error.to_string()))?;
        self.send(request, want).await
    }

    /// Sends a request and reads its answer, whatever its status is.
    ///
    /// # Errors
    /// If there is none.
    pub async fn send(&self, request: Request<Vec<u8>>, want: Want) -> Result<Response<Vec<u8>>, HttpError> {
        let Inner { hyper, limits, .. } = &*self.0;
        let (mut head, body) = request.into_parts();
        let url = self.check_url(&head.uri.to_string())?;
        head.uri = url.as_str().parse::<Uri>().map_err(|error| HttpError::Url(error.to_string()))?;
        head.headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        let end = Instant::now() + limits.whole;
        let request = Request::from_parts(head, Full::new(Bytes::from(body)));
        let answer = timeout_at(end, hyper.request(request)).await.map_err(|_| HttpError::Slow)?.map_err(broken)?;
        let (head, mut incoming) = answer.into_parts();
        let mut body = Vec::new();
        match want {
            Want::Whole => {
                let read = read(&mut incoming, &mut body, limits.body);
                if !timeout_at(end, read).await.map_err(|_| HttpError::Slow)?? {
                    return Err(HttpError::TooLarge(limits.body));
                }
            }
            Want::Beginning(octets) => {
                // Whatever came counts, however it ended.
                let _ = timeout_at(end.min(Instant::now() + BEGINNING_MAX), read(&mut incoming, &mut body, octets)).await;
                body.truncate(octets);
            }
        }
        Ok(Response::from_parts(head, body))
    }
}

/// Reads a body; false if it is larger than its limit.
async fn read(incoming: &mut Incoming, body: &mut Vec<u8>, octets_max: usize) -> Result<bool, HttpError> {
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| HttpError::Broken(told(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        body.extend_from_slice(&data);
        if body.len() > octets_max {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads a URL as a browser does, so that every odd spelling of an address becomes the address.
fn parse(text: &str) -> Result<Url, HttpError> {
    let wrong = |why: &str| HttpError::Url(why.to_owned());
    if text.len() > URL_MAX {
        return Err(HttpError::Url(format!("it is longer than {URL_MAX} octets")));
    }
    let mut url = Url::parse(text).map_err(|error| HttpError::Url(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it does not begin with https:// or http://"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("it names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a name or password does not belong in it"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// What of the library's error is ours, and what it comes to.
fn broken(error: hyper_util::client::legacy::Error) -> HttpError {
    if !error.is_connect() {
        return HttpError::Broken(told(&error));
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(door) = inner.downcast_ref::<DoorError>() {
            return match door {
                DoorError::Refused(refused) => HttpError::Refused(refused.clone()),
                DoorError::Unknown(host) => HttpError::Unknown(host.clone()),
                DoorError::Unreachable(error) => HttpError::Unreachable(std::io::Error::new(error.kind(), error.to_string())),
                DoorError::Slow => HttpError::Slow,
            };
        }
        cause = inner.source();
    }
    HttpError::Tls(last(&error))
}

/// An error with all its causes.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// The innermost cause.
fn last(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
