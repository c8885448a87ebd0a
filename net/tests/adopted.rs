//! Signalling over TLS and WebSocket on the loopback network: what comes out of handshakes that are made beside the signalling thread.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::{Adopted, Received, SignallingSettings, SignallingSockets, StreamLimits, TlsDoor, Waker};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, crypto::ring};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sip_core::{Flow, GuardSettings, Transport};
use tokio::runtime::Runtime;

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

const OPTIONS: &str = "OPTIONS sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\n\
     To: <sip:x@example.com>\r\nCall-ID: 1@a\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
const ANSWER: &str = "SIP/2.0 200 OK\r\n\r\n";

struct Server {
    sockets: SignallingSockets,
    tls: SocketAddr,
    roots: Arc<RootCertStore>,
    received: Vec<Received>,
    waker: Waker,
    _runtime: Runtime,
}

impl Server {
    fn new(stream_limits: StreamLimits) -> Self {
        Self::guarded(stream_limits, GuardSettings::default())
    }

    fn guarded(stream_limits: StreamLimits, guard: GuardSettings) -> Self {
        let any = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let settings = SignallingSettings { udp: any.clone(), stream_limits, guard, ..SignallingSettings::default() };
        let (sockets, waker) = SignallingSockets::bind(settings).unwrap();
        let door = TlsDoor::bind(&any).unwrap();
        let tls = door.local()[0];
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(door.serve(Arc::new(config), sockets.adopter()));
        Self { sockets, tls, roots: Arc::new(roots), received: Vec::new(), waker, _runtime: runtime }
    }

    /// A phone that has not shaken hands yet; it does with its first octet.
    fn phone(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        StreamOwned::new(session, self.socket())
    }

    fn socket(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tls).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A WebSocket behind its opening handshake, of which the server has read `read` already.
    fn browser(&mut self, read: &[u8]) -> TcpStream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let browser = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        browser.set_read_timeout(Some(PATIENCE)).unwrap();
        let (stream, remote) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let local = stream.local_addr().unwrap();
        let adopted = Adopted { stream, tls: None, transport: Transport::Ws, local, remote, read: Bytes::copy_from_slice(read) };
        self.sockets.adopter().adopt(adopted);
        browser
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: {:?} {:?}", self.sockets.tcp_counters(), self.received);
            self.sockets.wait(Some(deadline), &mut self.received);
        }
    }

    fn message(&mut self) -> (Flow, String) {
        self.until("a message", |server| !server.received.is_empty());
        match self.received.remove(0) {
            Received::Message { flow, bytes } => (flow, String::from_utf8(bytes.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn closed(&mut self) -> Flow {
        self.until("closed", |server| !server.received.is_empty());
        match self.received.remove(0) {
            Received::Closed { flow, .. } => flow,
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, flow: Flow, text: &str) {
        self.sockets.send(flow, Bytes::copy_from_slice(text.as_bytes()));
        self.sockets.flush();
    }

    /// Runs `peer` beside the server, until it is done.
    fn beside<T: Send + 'static>(&mut self, peer: impl FnOnce() -> T + Send + 'static) -> T {
        let peer = std::thread::spawn(peer);
        // Nothing tells the sockets that a thread is over, so they do not wait meanwhile.
        self.until("the peer", |server| {
            server.waker.wake();
            peer.is_finished()
        });
        peer.join().unwrap()
    }
}

fn read(from: &mut impl Read, length: usize) -> Vec<u8> {
    let mut buffer = vec![0; length];
    from.read_exact(&mut buffer).unwrap();
    buffer
}

/// A frame of a client.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ ..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        medium => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    frame
}

#[test]
fn a_phone_speaks_and_hears_over_tls() {
    let mut server = Server::new(StreamLimits::default());
    let mut phone = server.phone();
    // Two at once, right behind the handshake.
    let mut phone = server.beside(move || {
        phone.write_all([OPTIONS, OPTIONS].concat().as_bytes()).unwrap();
        phone
    });
    let (flow, text) = server.message();
    assert_eq!((flow.transport, flow.local, flow.remote), (Transport::Tls, server.tls, phone.sock.local_addr().unwrap()));
    assert_eq!((text.as_str(), server.message().1.as_str()), (OPTIONS, OPTIONS));
    server.send(flow, ANSWER);
    assert_eq!(read(&mut phone, ANSWER.len()), ANSWER.as_bytes());
    // A keep-alive is answered within TLS, too.
    phone.write_all(b"\r\n\r\n").unwrap();
    server.until("a pong", |server| server.sockets.tcp_counters().pings == 1);
    assert_eq!(read(&mut phone, 2), b"\r\n");
    phone.conn.send_close_notify();
    phone.flush().unwrap();
    server.send(flow, ANSWER);
    assert_eq!(server.closed(), flow);
    assert_eq!(server.sockets.tcp_counters().closed_by_peer, 1);
}

/// TLS gives one record after the other, while the poller tells of all of them once.
#[test]
fn all_that_came_at_once_is_read_over_tls() {
    let mut server = Server::new(StreamLimits::default());
    let mut phone = server.phone();
    let mut phone = server.beside(move || {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
        phone
    });
    server.message();
    // Nobody reads meanwhile.
    for _ in 0..60 {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
    }
    server.until("all of them", |server| server.received.len() == 60);
}

/// What is larger than TLS holds waits for its reader, in order and whole.
#[test]
fn much_at_once_arrives_whole_over_tls() {
    let mut server = Server::new(StreamLimits::default());
    let mut phone = server.phone();
    let mut phone = server.beside(move || {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
        phone
    });
    let (flow, _) = server.message();
    let parts: Vec<String> = (0..60).map(|at| format!("{at:>8}").repeat(2_000)).collect();
    for part in &parts {
        server.send(flow, part);
    }
    let expected = parts.concat();
    let length = expected.len();
    let heard = server.beside(move || read(&mut phone, length));
    assert_eq!(String::from_utf8(heard).unwrap(), expected);
    assert_eq!(server.sockets.tcp_counters().held, 0);
}

/// Who does not read is cut off with what waits for him.
#[test]
fn a_reader_who_stalls_over_tls_is_cut_off() {
    let mut server = Server::new(StreamLimits { write_queue_max: 100_000, ..StreamLimits::default() });
    let mut phone = server.phone();
    let _phone = server.beside(move || {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
        phone
    });
    let (flow, _) = server.message();
    let part = "x".repeat(50_000);
    let deadline = Instant::now() + PATIENCE;
    while server.sockets.tcp_counters().closed_stalled == 0 {
        assert!(Instant::now() < deadline, "{:?}", server.sockets.tcp_counters());
        server.send(flow, &part);
    }
    assert_eq!(server.closed(), flow);
}

/// B-39.
#[test]
fn handshakes_that_come_to_nothing_hold_nobody_up() {
    let mut server = Server::new(StreamLimits::default());
    let silent: Vec<TcpStream> = (0..20).map(|_| server.socket()).collect();
    let mut half = server.socket();
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    let mut plain = server.socket();
    plain.write_all(OPTIONS.as_bytes()).unwrap();
    let mut rest = Vec::new();
    // An alert, or nothing but the end.
    let _ = plain.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("SIP/2.0"));
    // Nobody is woken for what came to nothing.
    let deadline = Instant::now() + PATIENCE;
    while server.sockets.tcp_counters().handshakes_failed == 0 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    let mut phone = server.phone();
    server.beside(move || phone.write_all(OPTIONS.as_bytes()).unwrap());
    assert_eq!(server.message().1, OPTIONS);
    assert_eq!(server.sockets.tcp_counters().accepted, 1);
    drop((silent, half));
}

#[test]
fn a_broken_record_ends_the_stream() {
    let mut server = Server::new(StreamLimits::default());
    let mut phone = server.phone();
    let mut phone = server.beside(move || {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
        phone
    });
    let (flow, _) = server.message();
    // An application record whose tag nobody made.
    phone.sock.write_all(&[&[0x17, 3, 3, 0, 32][..], &[7; 32]].concat()).unwrap();
    assert_eq!(server.closed(), flow);
    assert_eq!(server.sockets.tcp_counters().closed_lost, 1);
}

#[test]
fn a_browser_speaks_and_hears_in_frames() {
    let mut server = Server::new(StreamLimits::default());
    // What came with the end of the opening handshake counts, too, though only half of it was there.
    let first = frame(0x81, OPTIONS.as_bytes());
    let (early, late) = first.split_at(100);
    let mut browser = server.browser(early);
    browser.write_all(late).unwrap();
    let (flow, text) = server.message();
    assert_eq!((flow.transport, flow.remote, text.as_str()), (Transport::Ws, browser.local_addr().unwrap(), OPTIONS));
    // One message in three pieces, with a ping between.
    let (a, b) = OPTIONS.as_bytes().split_at(50);
    browser.write_all(&[frame(0x02, a), frame(0x89, b"there?"), frame(0x80, b)].concat()).unwrap();
    assert_eq!(server.message().1, OPTIONS);
    assert_eq!(read(&mut browser, 8), b"\x8a\x06there?");
    server.send(flow, ANSWER);
    assert_eq!(read(&mut browser, 2 + ANSWER.len()), [b"\x81\x12", ANSWER.as_bytes()].concat());
    browser.write_all(&frame(0x81, b"\r\n\r\n")).unwrap();
    server.until("a pong", |server| server.sockets.tcp_counters().pings == 2);
    assert_eq!(read(&mut browser, 4), b"\x81\x02\r\n");
    // It goes in order.
    browser.write_all(&frame(0x88, &[0x03, 0xe9])).unwrap();
    assert_eq!(server.closed(), flow);
    assert_eq!(read(&mut browser, 4), [0x88, 2, 0x03, 0xe9]);
    assert_eq!(browser.read(&mut [0]).unwrap(), 0);
    drop(browser);
    server.until("the end", |server| server.sockets.tcp_counters().open == 0);
    assert_eq!(server.sockets.tcp_counters().closed_by_peer, 1);
}

/// B-40.
#[test]
fn a_browser_that_does_what_it_may_not_hears_why() {
    for (octets, code) in [
        (&b"\x81\x05Hello"[..], 1002_u16),
        (&b"OPTIONS sip:x SIP/2.0\r\n\r\n"[..], 1002),
        (&frame(0x81, b"\xff")[..], 1007),
        (&[0x82, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0][..], 1009),
    ] {
        let mut server = Server::new(StreamLimits::default());
        let mut browser = server.browser(b"");
        browser.write_all(octets).unwrap();
        let mut reader = browser.try_clone().unwrap();
        let heard = server.beside(move || {
            let mut heard = Vec::new();
            reader.read_to_end(&mut heard).map(|_| heard)
        });
        assert_eq!(heard.unwrap(), [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{octets:?}");
        drop(browser);
        server.until("the end", |server| server.sockets.tcp_counters().closed_broken == 1);
    }
}

/// Who asks whether we are there more often than each second waits for a token; nobody else does.
#[test]
fn a_flood_of_pings_is_slowed_down() {
    let guard = GuardSettings { inside_per_s: 1, inside_burst: 20, ..GuardSettings::default() };
    let mut server = Server::guarded(StreamLimits::default(), guard);
    let mut flooder = server.browser(b"");
    flooder.write_all(&[frame(0x81, OPTIONS.as_bytes()), frame(0x89, b"").repeat(20_000)].concat()).unwrap();
    assert_eq!(server.message().1, OPTIONS);
    let mut other = server.browser(b"");
    other.write_all(&frame(0x81, OPTIONS.as_bytes())).unwrap();
    assert_eq!(server.message().0.remote, other.local_addr().unwrap());
    // Turns enough to read all of them, were they let in.
    for _ in 0..2_000 {
        server.sockets.wait(Some(Instant::now()), &mut server.received);
    }
    // One a second is free, the others take tokens; and one pong waits at most.
    let pings = server.sockets.tcp_counters().pings;
    assert!((20..40).contains(&pings), "{pings}");
    assert!(server.sockets.tcp_counters().held < 200_000, "{:?}", server.sockets.tcp_counters());
    flooder.set_nonblocking(true).unwrap();
    match flooder.read(&mut [0; 100_000]) {
        Ok(count) => assert!(count < 40_000, "{count}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}
