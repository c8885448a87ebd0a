//! Servers for tests: one that answers HTTP as a test wants, well or badly.

#![expect(clippy::expect_used, reason = "a test that cannot start its server has failed")]

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// How long a test waits for requests.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How large a request may be.
const REQUEST_MAX: usize = 16 << 20;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// `GET`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Got {
    /// A header's value; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These octets, and then nothing: the connection stays.
    Hang(Vec<u8>),
    /// These octets, and then the end.
    Close(Vec<u8>),
    /// These octets again and again.
    Endless(Vec<u8>),
}

impl Reply {
    /// A status without more.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(body: impl fmt::Display) -> Self {
        Self::Answer(200, vec![("content-type", "application/json".to_owned())], body.to_string().into_bytes())
    }
}

type Handler = dyn Fn(&Got) -> Reply + Send + Sync;

/// An HTTP server on this machine.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    got: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    requests: Mutex<Vec<Got>>,
    count: watch::Sender<usize>,
    handler: Box<Handler>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Vec<Got>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// Starts one that answers by `handler`.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start(handler: impl Fn(&Got) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(handler, |stream| async move { Some(stream) }).await
    }

    /// The same, for a connection that becomes another one first (TLS).
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start_with<S, F>(
        handler: impl Fn(&Got) -> Reply + Send + Sync + 'static,
        become_other: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let got = Arc::new(Shared { requests: Mutex::default(), count: watch::Sender::new(0), handler: Box::new(handler) });
        let shared = Arc::clone(&got);
        let task = tokio::spawn(async move {
            // Connections end with the server.
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, other) = (Arc::clone(&shared), become_other(stream));
                served.spawn(async move {
                    if let Some(stream) = other.await {
                        serve(stream, &shared).await;
                    }
                });
            }
        });
        Self { address, got, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests that came so far, in their order.
    #[must_use]
    pub fn got(&self) -> Vec<Got> {
        self.got.requests().clone()
    }

    /// Waits until so many requests have come, and gives them all.
    ///
    /// # Panics
    /// If they do not come.
    pub async fn wait(&self, count: usize) -> Vec<Got> {
        let mut counts = self.got.count.subscribe();
        let enough = counts.wait_for(|now| *now >= count);
        timeout(WAIT_MAX, enough).await.expect("the requests come in time").expect("the server runs");
        self.got()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let reply = (shared.handler)(&request);
        let count = {
            let mut requests = shared.requests();
            requests.push(request);
            requests.len()
        };
        shared.count.send_replace(count);
        let written = match reply {
            Reply::Answer(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                stream.write_all(&[head.as_bytes(), &body].concat()).await
            }
            Reply::Hang(octets) => {
                let _ = stream.write_all(&octets).await;
                // Until the client goes.
                let _ = stream.read(&mut [0]).await;
                return;
            }
            Reply::Close(octets) => {
                let _ = stream.write_all(&octets).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Endless(octets) => loop {
                if stream.write_all(&octets).await.is_err() {
                    return;
                }
            },
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads one request; none at the end, and for what is none.
async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Got> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|octets| octets == b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(buffer.get(..end)?).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let whole = end + 4 + length;
    while buffer.len() < whole {
        more(stream, buffer).await?;
    }
    let body = buffer.get(end + 4..whole)?.to_vec();
    buffer.drain(..whole);
    Some(Got { method, path, headers, body })
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    if buffer.len() > REQUEST_MAX {
        return None;
    }
    let mut octets = [0; 16 << 10];
    match stream.read(&mut octets).await {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            buffer.extend_from_slice(octets.get(..count)?);
            Some(())
        }
    }
}
