//! The opening handshake of a phone's WebSocket, and what is handed over of it (RFC 6455, 4; RFC 7118, 4; B-40).

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::{Metrics, PhoneStream, Phones, serve, testing::World};

/// Takes what it is given, unless it is closed.
struct Taker {
    taken: mpsc::Sender<PhoneStream>,
    is_closed: Mutex<bool>,
}

impl Phones for Taker {
    fn admits(&self, _: SocketAddr) -> bool {
        !*self.is_closed.lock().unwrap()
    }

    fn take(&self, stream: PhoneStream) {
        self.taken.try_send(stream).unwrap();
    }
}

/// The example of RFC 6455, 1.3.
const GOOD: &str = "Host: pbx.example\nConnection: keep-alive, Upgrade\nUpgrade: WebSocket\nSec-WebSocket-Version: 13\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: xmpp, sip\nOrigin: https://pbx.example";

struct Door {
    _world: World,
    address: SocketAddr,
    taker: Arc<Taker>,
    taken: mpsc::Receiver<PhoneStream>,
}

impl Door {
    async fn open() -> Self {
        let world = World::new().await;
        let (sender, taken) = mpsc::channel(16);
        let taker = Arc::new(Taker { taken: sender, is_closed: Mutex::new(false) });
        let router = world.router_with(taker.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, None, router, Metrics::new(), std::future::pending()));
        Self { _world: world, address, taker, taken }
    }

    /// The head of the answer, and the connection.
    async fn ask(&self, headers: &str, behind: &str) -> (String, TcpStream) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET /sip HTTP/1.1\r\n{}\r\n\r\n{behind}", headers.replace('\n', "\r\n"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        (String::from_utf8(head).unwrap().to_lowercase(), stream)
    }
}

#[tokio::test]
async fn a_phones_websocket_leaves_http_with_all_that_it_said() {
    let mut door = Door::open().await;
    let (head, phone) = door.ask(GOOD, "early").await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in
        ["sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=", "sec-websocket-protocol: sip", "upgrade: websocket", "connection: upgrade"]
    {
        assert!(head.lines().any(|one| one == line), "{line}: {head}");
    }
    let PhoneStream { mut stream, tls, local, peer, read } = door.taken.recv().await.unwrap();
    assert_eq!((local, peer, tls.is_none()), (door.address, phone.local_addr().unwrap(), true));
    // Some of it was read with the request, some was not.
    stream.set_nonblocking(false).unwrap();
    let mut rest = vec![0; 5 - read.len()];
    stream.read_exact(&mut rest).unwrap();
    assert_eq!([&read[..], &rest].concat(), b"early");
    stream.write_all(b"welcome").unwrap();
    drop(stream);
    let mut told = String::new();
    let mut phone = phone;
    phone.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "welcome");
}

#[tokio::test]
async fn who_may_not_or_does_not_speak_it_is_told_so() {
    let mut door = Door::open().await;
    for (from, to, status) in [
        ("Upgrade: WebSocket\n", "", 426),
        ("keep-alive, Upgrade", "keep-alive", 426),
        ("Version: 13", "Version: 8", 426),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "!", 400),
        ("xmpp, sip", "xmpp", 400),
        ("xmpp, sip", "sips", 400),
        ("Sec-WebSocket-Protocol: xmpp, sip\n", "", 400),
        ("Origin: https://pbx.example", "Origin: https://evil.example", 403),
        // A program has no origin.
        ("\nOrigin: https://pbx.example", "", 101),
    ] {
        assert!(GOOD.contains(from));
        let (head, _) = door.ask(&GOOD.replace(from, to), "").await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{to}: {head}");
        assert_eq!(head.contains("sec-websocket-version: 13"), status == 426, "{head}");
    }
    assert!(door.taken.recv().await.is_some());
    *door.taker.is_closed.lock().unwrap() = true;
    let (head, _) = door.ask(GOOD, "").await;
    assert!(head.starts_with("http/1.1 429 ") && head.contains("retry-after: 1"), "{head}");
    assert!(door.taken.try_recv().is_err());
}

#[tokio::test]
async fn without_phones_there_is_no_such_path() {
    let world = World::new().await;
    assert_eq!(world.send("- GET /sip").await.status(), 404);
}
