//! TLS on the listener: a certificate of one's own, read again when it changes, or an authority's; and what becomes of plain HTTP at the
//! same port.

use std::{
    convert::Infallible,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use links::acme::{ACME_TLS, Certificates, Standing};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
        version::{TLS12, TLS13},
    },
    server::TlsStream,
};
use tower::ServiceExt as _;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// How often the log says that a certificate is about to end.
const WARN_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Octets of a plain request that are read to answer it.
const PLAIN_HEAD_MAX: usize = 4096;
/// Time for that request to come.
const PLAIN_TIME: Duration = Duration::from_secs(5);
/// The first octet of a TLS record with a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why; told by this error itself, and not once more as its source.
        why: io::Error,
    },
    /// A file holds no certificate or key.
    #[error("{path}: {why}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The library refuses.
    #[error("the certificate cannot be used: {0}")]
    Refused(#[from] tokio_rustls::rustls::Error),
}

/// The server's side of TLS 1.2 and 1.3, with a certificate that can be exchanged while connections come.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    source: Source,
    /// By which key of the configuration an administrator knows the certificate.
    named: &'static str,
}

/// Where the certificate comes from.
#[derive(Clone)]
enum Source {
    Files(Arc<Certificate>),
    Authority(Arc<Certificates>),
}

/// The certificate in force, and the files that it came from.
#[derive(Debug)]
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// When the files were written that it was read from.
    written: [Option<SystemTime>; 2],
}

impl Tls {
    /// Reads a chain of certificates and its key, both PEM.
    ///
    /// # Errors
    /// If a file cannot be read, holds no such thing, or the two do not belong together.
    pub fn of_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        // Before they are read: what is written meanwhile is read again.
        let written = written(chain, key);
        let current = RwLock::new(Arc::new(read(chain, key)?));
        let certificate = Arc::new(Certificate { chain: chain.to_owned(), key: key.to_owned(), current, written });
        let acceptor = acceptor(certificate.clone(), &[HTTP])?;
        Ok(Self { acceptor, source: Source::Files(certificate), named: "http.tls_cert" })
    }

    /// The same under another key of the configuration than `http.tls_cert`.
    #[must_use]
    pub fn named(self, key: &'static str) -> Self {
        Self { named: key, ..self }
    }

    /// By which key of the configuration an administrator knows the certificate.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.named
    }

    /// Serves what an authority gives, as soon as it has; until then no connection comes about but the authority's own.
    ///
    /// # Errors
    /// If the library refuses.
    pub fn of_authority(certificates: Arc<Certificates>) -> Result<Self, TlsError> {
        let acceptor = acceptor(certificates.clone(), &[HTTP, ACME_TLS])?;
        Ok(Self { acceptor, source: Source::Authority(certificates), named: "acme" })
    }

    /// The same certificate for SIP, whose peers agree on no protocol by ALPN.
    ///
    /// # Errors
    /// If the library refuses.
    pub fn for_sip(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let certificates: Arc<dyn ResolvesServerCert> = match &self.source {
            Source::Files(certificate) => certificate.clone(),
            Source::Authority(certificates) => certificates.clone(),
        };
        let mut config = server_config(certificates)?;
        // A phone that comes again after a moment of no network shakes hands for a tenth of the price (RFC 8446, 2.2).
        config.ticketer = ring::Ticketer::new()?;
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Whether [`Tls::reload`] would succeed now.
    ///
    /// # Errors
    /// As [`Tls::of_files`].
    pub fn check(&self) -> Result<(), TlsError> {
        let Source::Files(certificate) = &self.source else { return Ok(()) };
        read(&certificate.chain, &certificate.key).map(drop)
    }

    /// Reads the files again. If they cannot be used, the certificate that is in force stays.
    ///
    /// # Errors
    /// As [`Tls::of_files`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let Source::Files(certificate) = &self.source else { return Ok(()) };
        let fresh = read(&certificate.chain, &certificate.key)?;
        *certificate.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    /// How it is with the certificate in force, if it came from files.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let Source::Files(certificate) = &self.source else { return None };
        let current = certificate.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        Standing::by_hand(current.end_entity_cert().ok()?).ok()
    }

    /// Reads the files again whenever they have changed, for ever, and tells the log when their certificate is about to end.
    pub async fn follow(self) {
        let Source::Files(certificate) = &self.source else { return };
        let (mut used, mut told) = (certificate.written, None);
        let mut due = tokio::time::interval(LOOK_EVERY);
        let mut warned: Option<Instant> = None;
        loop {
            due.tick().await;
            if warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY)
                && let Some(warning) = self.standing().and_then(|standing| standing.warning(SystemTime::now()))
            {
                warn!("Look at `{}`: {warning}.", self.named);
                warned = Some(Instant::now());
            }
            let now = written(&certificate.chain, &certificate.key);
            if now == used {
                continue;
            }
            // Until it can be used: a certificate and its key are written one after the other, and who may read them is set after that.
            match self.reload() {
                Ok(()) => {
                    info!(key = self.named, "The certificate was exchanged.");
                    used = now;
                }
                Err(error) if told != Some(now) => {
                    warn!(key = self.named, %error, "The new certificate cannot be used yet; the old one stays.");
                    told = Some(now);
                }
                Err(_) => {}
            }
        }
    }

    /// Whether there is no certificate yet.
    fn is_missing(&self) -> bool {
        matches!(&self.source, Source::Authority(certificates) if certificates.in_force().is_none())
    }

    /// What proves to an authority that we are reached by plain HTTP.
    fn proof(&self, path: &str) -> Option<String> {
        if let Source::Authority(certificates) = &self.source { certificates.answer_to(path) } else { None }
    }
}

/// HTTP/1.1, as ALPN names it.
const HTTP: &[u8] = b"http/1.1";

fn acceptor(certificates: Arc<dyn ResolvesServerCert>, protocols: &[&[u8]]) -> Result<TlsAcceptor, TlsError> {
    let mut config = server_config(certificates)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    Ok(ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates))
}

fn written(chain: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [chain, key].map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let file = |path: &Path| fs::read(path).map_err(|why| TlsError::File { path: path.to_owned(), why });
    let content = |path: &Path, why: String| TlsError::Content { path: path.to_owned(), why };
    let certificates =
        CertificateDer::pem_slice_iter(&file(chain)?).collect::<Result<Vec<_>, _>>().map_err(|error| content(chain, error.to_string()))?;
    if certificates.is_empty() {
        return Err(content(chain, "there is no certificate in it".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&file(key)?).map_err(|error| content(key, error.to_string()))?;
    let signer = ring::sign::any_supported_type(&private)?;
    let certified = CertifiedKey::new(certificates, signer);
    // Whether they belong together; a kind of key that cannot tell is taken at its word.
    match certified.keys_match() {
        Err(tokio_rustls::rustls::Error::InconsistentKeys(tokio_rustls::rustls::InconsistentKeys::Unknown)) | Ok(()) => Ok(certified),
        Err(error) => Err(error.into()),
    }
}

/// Whether a client speaks TLS, without taking anything of what it says.
pub(crate) async fn speaks_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 1 && first == [HANDSHAKE])
}

/// Whether a connection was only to prove our name to an authority: nothing is said over it (RFC 8737, 3).
pub(crate) fn is_proof(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(ACME_TLS)
}

/// Answers a plain HTTP request at a port that speaks TLS: the same place over HTTPS. Nothing of it is carried out.
/// Whether the server is up is told over plain HTTP, too, and an authority is given what it asks for.
pub(crate) async fn plain(mut stream: TcpStream, tls: &Tls, router: Router, peer: SocketAddr) -> io::Result<()> {
    let mut head = Vec::new();
    let whole = async {
        let mut piece = [0; 512];
        while head.len() < PLAIN_HEAD_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut piece).await? {
                0 => break,
                length => head.extend_from_slice(piece.get(..length).unwrap_or_default()),
            }
        }
        Ok::<_, io::Error>(())
    };
    if let Ok(read) = tokio::time::timeout(PLAIN_TIME, whole).await {
        read?;
    }
    let answer = match asked(&head) {
        Some("/healthz") => health(router, peer).await,
        Some(path) => match tls.proof(path) {
            Some(proof) => answer("200 OK", "application/octet-stream", &proof),
            None if tls.is_missing() => answer("503 Service Unavailable", "text/plain; charset=utf-8", NO_CERTIFICATE),
            None => redirection(&head),
        },
        None => redirection(&head),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// What is told while there is no certificate.
const NO_CERTIFICATE: &str = "This server waits for its certificate; its log says why. Phones and calls work.\n";

/// The path that is asked for with GET.
fn asked(head: &[u8]) -> Option<&str> {
    std::str::from_utf8(head).ok()?.lines().next()?.strip_prefix("GET ")?.split(' ').next()
}

async fn health(router: Router, peer: SocketAddr) -> String {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static("/healthz");
    request.extensions_mut().insert(ConnectInfo(peer));
    let reply: Result<_, Infallible> = router.oneshot(request).await;
    let Ok(reply) = reply;
    let status = reply.status();
    let body = axum::body::to_bytes(reply.into_body(), PLAIN_HEAD_MAX).await.unwrap_or_default();
    answer(&status.to_string(), "application/json", &String::from_utf8_lossy(&body))
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    )
}

/// What a plain request is answered. A host or a path that could mean something else inside a header is not repeated.
fn redirection(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("/");
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    let is_plain = |text: &str, more: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter));
    let body = "This port speaks HTTPS: write https:// before the address.\n";
    let length = body.len();
    let rest = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    match host.filter(|host| !host.is_empty() && is_plain(host, ".-:[]")) {
        Some(host) => {
            let path = if path.starts_with('/') && !path.starts_with("//") && is_plain(path, "/-._~%?&=+,") { path } else { "/" };
            format!("HTTP/1.1 308 Permanent Redirect\r\nLocation: https://{host}{path}\r\n{rest}")
        }
        None => format!("HTTP/1.1 400 Bad Request\r\n{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_told_once() {
        let Err(error) = read(Path::new("/nowhere/chain.pem"), Path::new("/nowhere/key.pem")) else { panic!("there is no such file") };
        assert!(error.to_string().starts_with("/nowhere/chain.pem: No such file"), "{error}");
        assert!(error.source().is_none(), "the start tells the whole chain of causes, and this would stand in it twice");
    }

    #[test]
    fn a_plain_request_is_sent_to_the_same_place_over_https() {
        let first = |head: &str| redirection(head.as_bytes()).lines().take(2).collect::<Vec<_>>().join(" | ");
        assert_eq!(
            first("GET /calls?id=1 HTTP/1.1\r\nHost: desk.example:8443\r\n\r\n"),
            "HTTP/1.1 308 Permanent Redirect | Location: https://desk.example:8443/calls?id=1"
        );
        for evil in ["//evil.example", "/a<b>", "/\u{0}", "http://evil.example/", "/%0d%0aX:\u{1}"] {
            let told = first(&format!("GET {evil} HTTP/1.1\r\nhost: desk.example\r\n\r\n"));
            assert_eq!(told, "HTTP/1.1 308 Permanent Redirect | Location: https://desk.example/", "{evil:?}");
        }
        for nowhere in ["", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "\u{fffd}"]
        {
            assert!(first(nowhere).starts_with("HTTP/1.1 400"), "{nowhere:?}");
        }
    }
}
