//! Where browsers open the WebSockets by which they register as phones (RFC 7118), and leave HTTP.
//!
//! Only the opening handshake is HTTP's. What comes of it goes to whoever serves phones, with its socket, so that signalling has all its
//! streams in one place and a phone's messages take no way round.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use tokio_rustls::rustls::ServerConnection;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

use crate::{
    error::{Code, Problem},
    live::socket::is_own_origin,
    serve::{Encrypted, bare},
    state::Api,
};

/// The path of phones.
pub(crate) const PATH: &str = "/sip";

/// The sub-protocol (RFC 7118, 4.1), and the version that RFC 6455 has.
const SIP: HeaderValue = HeaderValue::from_static("sip");
const VERSION: HeaderValue = HeaderValue::from_static("13");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const KEPT_OPEN: HeaderValue = HeaderValue::from_static("Upgrade");

/// Who serves phones.
pub trait Phones: Send + Sync + 'static {
    /// Whether `peer` may open another stream now.
    fn admits(&self, peer: SocketAddr) -> bool;

    /// Takes a phone's WebSocket over.
    fn take(&self, stream: PhoneStream);
}

/// A WebSocket of a phone, just behind its opening handshake.
#[derive(Debug)]
pub struct PhoneStream {
    /// Its socket, non-blocking.
    pub stream: TcpStream,
    /// What TLS has agreed on, if HTTP was spoken within TLS.
    pub tls: Option<ServerConnection>,
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's.
    pub peer: SocketAddr,
    /// What the phone has sent already, frames of RFC 6455.
    pub read: Bytes,
}

/// `GET /sip`: the opening handshake (RFC 6455, 4.2; RFC 7118, 4). Who may register is asked later, by SIP.
pub(crate) async fn open(State(api): State<Api>, mut request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let (Some(phones), Some(peer)) = (api.phones.clone(), peer) else { return Problem::new(Code::NotFound).into_response() };
    let key = match asked(request.headers()) {
        Ok(key) => key,
        Err(problem) => return refuse(problem),
    };
    // A page of somebody else's is not to try passwords from the network that it is looked at in.
    if !is_own_origin(request.headers(), &api.settings.origins) {
        return refuse(Problem::new(Code::ForeignOrigin));
    }
    if !phones.admits(peer) {
        return refuse(Problem::new(Code::TooManyConnections).retry_after(1));
    }
    let is_encrypted = request.extensions().get::<Encrypted>().is_some();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let handed = async {
            let bare = bare(upgrade.await.map_err(io::Error::other)?).ok_or(io::ErrorKind::Unsupported)?;
            debug_assert_eq!(bare.tls.is_some(), is_encrypted);
            let stream = bare.stream.into_std()?;
            phones.take(PhoneStream { local: stream.local_addr()?, stream, tls: bare.tls, peer, read: bare.read });
            io::Result::Ok(())
        };
        if let Err(error) = handed.await {
            debug!(%peer, %error, "No WebSocket came about.");
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, KEPT_OPEN);
    headers.insert(UPGRADE, WEBSOCKET);
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, SIP);
    response
}

/// What proves that we have understood: made from the client's key (RFC 6455, 4.2.2).
fn asked(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    if !names(headers, &UPGRADE, "websocket")
        || !names(headers, &CONNECTION, "upgrade")
        || headers.get(SEC_WEBSOCKET_VERSION) != Some(&VERSION)
    {
        return Err(Problem::new(Code::UpgradeRequired));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16));
    let Some(key) = key else { return Err(Problem::new(Code::NotSipWebSocket).detail("Sec-WebSocket-Key is 16 octets in base64")) };
    if !names(headers, &SEC_WEBSOCKET_PROTOCOL, "sip") {
        return Err(Problem::new(Code::NotSipWebSocket).detail("Sec-WebSocket-Protocol does not offer sip"));
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|error| Problem::internal(error.to_string()))
}

/// Whether a header that is a list names `token`.
fn names(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
}

/// A refusal that says which version we speak (RFC 6455, 4.4).
fn refuse(problem: Problem) -> Response {
    let mut response = problem.into_response();
    if response.status() == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, VERSION);
        response.headers_mut().insert(UPGRADE, WEBSOCKET);
    }
    response
}
