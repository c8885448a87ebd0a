//! HTTPS at the listener: what is promised over it, a certificate that is exchanged, and plain HTTP at the same port.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, version::TLS13},
};

use crate::{
    Metrics, Tls, serve,
    testing::{PASSWORD, World},
};

/// A certificate of ours, and what trusts it and nothing else.
struct Identity {
    chain: String,
    key: String,
    trust: Arc<ClientConfig>,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["desk.example".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let trust = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { chain: made.cert.pem(), key: made.signing_key.serialize_pem(), trust: Arc::new(trust) }
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::clone(&self.trust)).connect(ServerName::try_from("desk.example").unwrap(), stream).await
    }
}

struct Files(PathBuf, PathBuf);

impl Files {
    fn in_directory(directory: &Path) -> Self {
        Self(directory.join("chain.pem"), directory.join("key.pem"))
    }

    fn put(&self, chain: &str, key: &str) {
        std::fs::write(&self.0, chain).unwrap();
        std::fs::write(&self.1, key).unwrap();
    }
}

/// The head and the body of one answer; the connection stays.
async fn exchange(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).await.unwrap();
        answer.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            body.len() >= length.unwrap_or(0)
        });
        if is_whole || length == 0 {
            return text;
        }
    }
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: desk.example\r\n\r\n";

#[tokio::test]
async fn a_certificate_is_exchanged_while_connections_are_open() {
    let world = World::new().await;
    // The clock jumps as soon as nothing is left to do but wait, so the next look at the files comes at once.
    tokio::time::pause();
    let (old, new) = (Identity::new(), Identity::new());
    let files = Files::in_directory(world.directory.path());
    files.put(&old.chain, &old.key);
    let tls = Tls::of_files(&files.0, &files.1).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Some(tls.clone()), world.router.clone(), Metrics::new(), std::future::pending()));
    tokio::spawn(tls.clone().follow());

    let mut before = old.connect(address).await.unwrap();
    let answer = exchange(&mut before, HEALTH).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security: max-age="), "{answer}");
    new.connect(address).await.unwrap_err();

    // A key that does not belong to the certificate: the old one stays.
    files.put(&new.chain, &old.key);
    tls.reload().unwrap_err();
    tokio::time::sleep(Duration::from_secs(5)).await;
    old.connect(address).await.unwrap();

    files.put(&new.chain, &new.key);
    let mut looks = 0;
    let mut after = loop {
        match new.connect(address).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        looks += 1;
        assert!(looks < 100, "the new certificate never comes into force");
    };
    assert!(exchange(&mut after, HEALTH).await.starts_with("HTTP/1.1 200"));
    assert!(exchange(&mut before, HEALTH).await.starts_with("HTTP/1.1 200"), "an open connection goes on");
}

#[tokio::test]
async fn a_certificate_in_a_file_says_until_when_it_is_good() {
    let world = World::new().await;
    let mut params = rcgen::CertificateParams::new(["desk.example".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let files = Files::in_directory(world.directory.path());
    files.put(&params.self_signed(&key).unwrap().pem(), &key.serialize_pem());
    let standing = Tls::of_files(&files.0, &files.1).unwrap().standing().unwrap();
    let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
    assert_eq!((standing.domains.as_slice(), standing.ends), (["desk.example".to_owned()].as_slice(), Some(ends)));
    assert_eq!(standing.warning(ends - 2 * links::acme::WARN_BEFORE), None);
    assert!(standing.warning(ends - Duration::from_secs(3600)).unwrap().contains("0 days and 1 hours"));
}

#[tokio::test]
async fn a_cookie_is_for_https_only_and_plain_http_is_sent_there() {
    let world = World::new().await;
    let identity = Identity::new();
    let files = Files::in_directory(world.directory.path());
    files.put(&identity.chain, &identity.key);
    let tls = Tls::of_files(&files.0, &files.1).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Some(tls), world.router.clone(), Metrics::new(), std::future::pending()));

    let body = format!(r#"{{"username": "anna", "password": "{PASSWORD}", "cookie": true}}"#);
    let log_in = format!(
        "POST /api/auth/login HTTP/1.1\r\nHost: desk.example\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(&mut identity.connect(address).await.unwrap(), &log_in).await;
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Secure", "; Path=/api/auth"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!answer.contains("refresh_token\""), "{answer}");

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(log_in.as_bytes()).await.unwrap();
    let mut told = String::new();
    plain.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 308") && told.contains("Location: https://desk.example/api/auth/login"), "{told}");
    assert!(!told.contains("access_token"), "nothing of it is carried out: {told}");
    assert!(plainly(address, HEALTH).await.starts_with("HTTP/1.1 200 OK"), "whoever watches over us needs no certificate");
}

/// What is answered to plain HTTP.
async fn plainly(address: SocketAddr, request: &str) -> String {
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut told = String::new();
    plain.read_to_string(&mut told).await.unwrap();
    told
}

#[tokio::test]
async fn without_a_certificate_nothing_is_said_in_clear_text() {
    let world = World::new().await;
    let tls = Tls::of_authority(Arc::new(links::acme::Certificates::default())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Some(tls.clone()), world.router.clone(), Metrics::new(), std::future::pending()));
    let told = plainly(address, HEALTH).await;
    assert!(told.starts_with("HTTP/1.1 200 OK") && told.contains("\"status\":\"ok\""), "{told}");
    for path in ["/", "/api/auth/login", "/healthz/", "/.well-known/acme-challenge/x"] {
        let told = plainly(address, &format!("GET {path} HTTP/1.1\r\nHost: desk.example\r\n\r\n")).await;
        assert!(told.starts_with("HTTP/1.1 503") && told.contains("waits for its certificate"), "{path}: {told}");
    }
    Identity::new().connect(address).await.unwrap_err();
    tls.reload().unwrap();
}

#[test]
fn what_is_no_certificate_is_refused_with_the_file_that_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (Identity::new(), Identity::new());
    let files = Files::in_directory(directory.path());
    let refusal = || Tls::of_files(&files.0, &files.1).map(|_| ()).unwrap_err().to_string();
    assert!(refusal().contains("chain.pem: "), "{}", refusal());
    files.put("nothing", &one.key);
    assert!(refusal().ends_with("chain.pem: there is no certificate in it"), "{}", refusal());
    files.put(&one.chain, "nothing");
    assert!(refusal().contains("key.pem: "), "{}", refusal());
    files.put(&one.chain, &other.key);
    assert!(refusal().starts_with("the certificate cannot be used: "), "{}", refusal());
}
