//! Phones that keep a stream each, over TLS or a WebSocket within it, and register on an open-loop schedule. SIPp has neither.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use tests::Account;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    sync::Mutex,
    task::JoinSet,
    time::{sleep_until, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{
    login::Login,
    phones::{DOMAIN, Tally},
    text,
};

/// How many addresses (127.0.1.1 and up) the phones are spread over, as those with datagrams are.
const SOURCES: usize = 20;
/// Work that has not ended after this has failed.
const PATIENCE: Duration = Duration::from_secs(4);
/// Streams are opened one after another, while nobody measures, and each is tried so often: Kamailio 5.6 with OpenSSL 3 breaks now and then
/// a handshake that another one overlaps.
const TRIES: usize = 5;

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Over {
    /// TLS.
    Tls,
    /// A WebSocket within TLS (RFC 7118).
    Wss,
}

/// All of them, and the thread that they run in.
pub(crate) struct Lines {
    runtime: Runtime,
    lines: Vec<Arc<Mutex<Line>>>,
}

struct Line {
    login: Login,
    contact: String,
    via: String,
    cseq: u32,
    at: usize,
    stream: Stream,
}

enum Stream {
    Tls(Box<TlsStream<TcpStream>>, Vec<u8>),
    Wss(Box<WebSocketStream<TlsStream<TcpStream>>>),
}

impl Lines {
    /// Opens a stream for each account and registers it. `certificate` vouches for the server, DER.
    pub(crate) fn open(over: Over, server: SocketAddr, path: &str, accounts: &[Account], certificate: Vec<u8>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.into())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let lines = runtime.block_on(async {
            let mut lines = Vec::with_capacity(accounts.len());
            for (at, account) in accounts.iter().enumerate() {
                let mut tries = 1;
                let line = loop {
                    match Line::open(over, server, path, account.clone(), at, &connector).await {
                        Err(_) if tries < TRIES => tries += 1,
                        opened => break opened?,
                    }
                };
                lines.push(Arc::new(Mutex::new(line)));
            }
            anyhow::Ok(lines)
        })?;
        let mut lines = Self { runtime, lines };
        let tally = lines.register(1_000, accounts.len())?;
        ensure!(tally.failed() == 0, "the phones cannot register: {:?}", tally.failures);
        Ok(lines)
    }

    /// Registers one after another: REGISTER, 401, REGISTER, 200, `rate` of these a second.
    pub(crate) fn register(&mut self, rate: u32, count: usize) -> Result<Tally> {
        let Self { runtime, lines } = self;
        runtime.block_on(async {
            let began = Instant::now();
            let mut running = JoinSet::new();
            for at in 0..count {
                let line = Arc::clone(lines.get(at % lines.len()).context("no line")?);
                let due = began + Duration::from_nanos(1_000_000_000 / u64::from(rate.max(1)) * u64::try_from(at)?);
                running.spawn(async move {
                    sleep_until(due.into()).await;
                    let late = due.elapsed();
                    let outcome = match line.try_lock() {
                        Ok(mut line) => match timeout(PATIENCE, line.register()).await {
                            Ok(outcome) => outcome.map_err(|error| format!("REGISTER: {error:#}")),
                            Err(_) => Err("no answer to REGISTER".to_owned()),
                        },
                        Err(_) => Err("the phone's last registration was not over".to_owned()),
                    };
                    (late, outcome)
                });
            }
            let mut tally = Tally { offered: u64::try_from(count)?, ..Tally::default() };
            let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            while let Some(ended) = running.join_next().await {
                let (late, outcome) = ended?;
                tally.lateness.push(nanoseconds(late));
                match outcome {
                    Ok(took) => {
                        tally.done += 1;
                        tally.whole.push(nanoseconds(took));
                    }
                    Err(reason) => *tally.failures.entry(reason).or_default() += 1,
                }
            }
            Ok(tally)
        })
    }
}

impl Line {
    async fn open(over: Over, server: SocketAddr, path: &str, account: Account, at: usize, connector: &TlsConnector) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, u8::try_from(at % SOURCES + 1)?), 0)))?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let stream = connector.connect(ServerName::try_from("localhost")?, stream).await.context("no TLS")?;
        let (stream, via, contact) = match over {
            Over::Tls => {
                (Stream::Tls(Box::new(stream), Vec::new()), format!("TLS {local}"), format!("sip:{}@{local};transport=tls", account.number))
            }
            Over::Wss => {
                let mut request = format!("wss://localhost:{}{path}", server.port()).into_client_request()?;
                request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
                let (socket, _) = client_async(request, stream).await.context("no WebSocket")?;
                let contact = format!("sip:{}@phone{at}.invalid;transport=ws", account.number);
                (Stream::Wss(Box::new(socket)), format!("WSS phone{at}.invalid"), contact)
            }
        };
        Ok(Self { login: Login::new(account), contact, via, cseq: 0, at, stream })
    }

    /// How long it took.
    async fn register(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let answer = self.ask("").await?;
        ensure!(text::status(&answer) == Some(401), "{:?} instead of a challenge", text::status(&answer));
        self.login.keep(text::header(&answer, "WWW-Authenticate").context("no challenge")?);
        let authorization = self.login.authorize("REGISTER", &format!("sip:{DOMAIN}"));
        let answer = self.ask(&authorization).await?;
        ensure!(text::status(&answer) == Some(200), "{:?}", text::status(&answer));
        Ok(began.elapsed())
    }

    async fn ask(&mut self, authorization: &str) -> Result<String> {
        self.cseq += 1;
        let (at, cseq, via, contact, username) = (self.at, self.cseq, &self.via, &self.contact, &self.login.account.username);
        let request = format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/{via};rport;branch=z9hG4bKline{at}-{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:{username}@{DOMAIN}>;tag=line{at}\r\nTo: <sip:{username}@{DOMAIN}>\r\nCall-ID: line{at}@bench\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <{contact}>\r\nExpires: 3600\r\nUser-Agent: bench\r\n{authorization}Content-Length: 0\r\n\r\n"
        );
        match &mut self.stream {
            Stream::Tls(stream, read) => {
                stream.write_all(request.as_bytes()).await?;
                loop {
                    if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
                        // No answer to a REGISTER has a body.
                        return Ok(String::from_utf8(read.drain(..end + 4).collect())?);
                    }
                    let mut piece = [0; 2048];
                    let length = stream.read(&mut piece).await?;
                    ensure!(length > 0, "the stream ended");
                    read.extend_from_slice(piece.get(..length).unwrap_or_default());
                }
            }
            Stream::Wss(socket) => {
                socket.send(Message::text(request)).await?;
                loop {
                    match socket.next().await.context("the WebSocket ended")?? {
                        Message::Text(text) => return Ok(text.as_str().to_owned()),
                        Message::Binary(octets) => return Ok(String::from_utf8(octets.to_vec())?),
                        Message::Close(_) => bail!("the WebSocket was closed"),
                        _ => {}
                    }
                }
            }
        }
    }
}
