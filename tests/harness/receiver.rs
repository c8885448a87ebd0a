//! A receiver of webhooks: a small HTTP server on loopback that answers as a test says, well or badly, and keeps all that came.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A receiver that hangs lets go when it is dropped, or after this.
const HANG_MAX: Duration = Duration::from_secs(60);
/// Between two octets of a slow answer.
const TRICKLE: Duration = Duration::from_millis(200);
/// A request of these tests has no more.
const BODY_MAX: usize = 1 << 20;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Post {
    /// The path with its query.
    pub path: String,
    /// The header fields, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How often this delivery (`Cordboard-Delivery`) has come by now, from 1.
    pub attempt: usize,
    /// What it was answered.
    pub answer: Answer,
}

impl Post {
    /// A header field; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the signature is that of somebody who knows the secret, over the timestamp and the body as they came.
    #[must_use]
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let message = [self.header("cordboard-timestamp").as_bytes(), b".", &self.body].concat();
        let wanted: String = hmac_sha256(secret.as_bytes(), &message).iter().map(|octet| format!("{octet:02x}")).collect();
        self.header("cordboard-signature") == format!("v1={wanted}")
    }
}

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With this status and a short body.
    Status(u16),
    /// 200 with this JSON.
    Json(String),
    /// 307 to there.
    Redirect(String),
    /// Not at all; the connection stays open.
    Hang,
    /// The connection is reset.
    Reset,
    /// The head comes octet by octet, and never to its end.
    SlowHead,
    /// 200 at once, then the body octet by octet, and never to its end.
    SlowBody,
    /// The connection is closed in the middle of the head.
    Half,
    /// Something that is no HTTP.
    Nonsense,
}

type Script = dyn Fn(&Post) -> Answer + Send + Sync;

struct Shared {
    posts: Mutex<Vec<Post>>,
    connections: Mutex<usize>,
    /// Whether it is over.
    over: Mutex<bool>,
    ended: Condvar,
    script: Box<Script>,
}

/// A running receiver. It ends when it is dropped.
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Receiver {
    /// Starts one on a free port of loopback; `script` says how each request is answered.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(script: impl Fn(&Post) -> Answer + Send + Sync + 'static) -> Result<Self> {
        let port = crate::ports::block(2)?.start;
        let listener = TcpListener::bind(("127.0.0.1", port)).context("a port for the receiver")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            posts: Mutex::default(),
            connections: Mutex::default(),
            over: Mutex::default(),
            ended: Condvar::new(),
            script: Box::new(script),
        });
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *lock(&all.over) {
                    return;
                }
                *lock(&all.connections) += 1;
                let shared = Arc::clone(&all);
                // What goes wrong with a connection is the sender's to see.
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Ok(Self { shared, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:…/path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that has come so far, in the order in which it was answered.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        lock(&self.shared.posts).clone()
    }

    /// Those of one path.
    #[must_use]
    pub fn posts_to(&self, path: &str) -> Vec<Post> {
        self.posts().into_iter().filter(|post| post.path == path).collect()
    }

    /// How many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        *lock(&self.shared.connections)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        *lock(&self.shared.over) = true;
        self.shared.ended.notify_all();
        // So that the listening thread sees it.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|octets| *octets > 0)?;
            let path = line.split(' ').nth(1)?.to_owned();
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok().filter(|octets| *octets > 0)?;
                let Some((name, value)) = line.trim_end().split_once(':') else { break };
                headers.push((name.to_lowercase(), value.trim().to_owned()));
            }
            let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            let mut body = vec![0; BODY_MAX.min(length)];
            reader.read_exact(&mut body).ok()?;
            let mut post = Post { path, headers, body, attempt: 1, answer: Answer::Hang };
            let answer = {
                let mut posts = lock(&self.posts);
                let delivery = post.header("cordboard-delivery").to_owned();
                post.attempt +=
                    posts.iter().filter(|before| before.path == post.path && before.header("cordboard-delivery") == delivery).count();
                post.answer = (self.script)(&post);
                posts.push(post.clone());
                post.answer
            };
            if !self.answer(stream, &answer) {
                return None;
            }
        }
    }

    /// Says whether the connection can be used again.
    fn answer(&self, mut stream: &TcpStream, answer: &Answer) -> bool {
        let body = |status: u16| format!("HTTP/1.1 {status} As told\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nas it is\n");
        match answer {
            Answer::Status(status) => stream.write_all(body(*status).as_bytes()).is_ok(),
            Answer::Json(text) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", text.len());
                stream.write_all(format!("{head}{text}").as_bytes()).is_ok()
            }
            Answer::Redirect(to) => {
                stream.write_all(format!("HTTP/1.1 307 There\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").as_bytes()).is_ok()
            }
            Answer::Hang => {
                self.wait(HANG_MAX);
                false
            }
            Answer::Reset => {
                // With data unread or a linger of zero a close is a reset.
                let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
                false
            }
            Answer::SlowHead => {
                self.trickle(stream, b"HTTP/1.1 200 OK\r\nx-slow: ");
                false
            }
            Answer::SlowBody => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
                self.trickle(stream, b"");
                false
            }
            Answer::Half => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le");
                let _ = stream.shutdown(Shutdown::Both);
                false
            }
            Answer::Nonsense => {
                let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
                let _ = stream.shutdown(Shutdown::Both);
                false
            }
        }
    }

    /// Octet by octet, first these and then dots, until the other side has had enough.
    fn trickle(&self, mut stream: &TcpStream, first: &[u8]) {
        for octet in first.iter().copied().chain(std::iter::repeat(b'.')) {
            if stream.write_all(&[octet]).is_err() || self.wait(TRICKLE) {
                return;
            }
        }
    }

    /// Waits for so long, or until it is over; says whether it is.
    fn wait(&self, limit: Duration) -> bool {
        let over = lock(&self.over);
        let (over, _) = self.ended.wait_timeout_while(over, limit, |over| !*over).unwrap_or_else(PoisonError::into_inner);
        *over
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// RFC 2104, by hand: the product's own way to it proves nothing.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.resize(64, 0);
    let padded = |with: u8| block.iter().map(|octet| octet ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([padded(0x36), message.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_rfc_4231() {
        let hex = |octets: Vec<u8>| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        assert_eq!(
            hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
