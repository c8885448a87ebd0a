//! Streams that we open to others, on the loopback network. Nothing here waits for time to pass: where a limit is a time, the test says what time
//! it is.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "outgoing/sharing.rs"]
mod sharing;
#[path = "outgoing/tls.rs"]
mod tls;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::{NotOpened, Received, SignallingSettings, SignallingSockets, StreamLimits, Waker};
use sip_core::{Flow, Transport};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

const INVITE: &str = "INVITE sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\n\
     To: <sip:x@example.com>\r\nCall-ID: 1@a\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
const OPTIONS: &str = "OPTIONS sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK2\r\nFrom: <sip:b@example.com>;tag=2\r\n\
     To: <sip:x@example.com>\r\nCall-ID: 2@a\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
const ANSWER: &str = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";
const RINGING: &str = "SIP/2.0 180 Ringing\r\nContent-Length: 0\r\n\r\n";

struct Server {
    sockets: SignallingSockets,
    waker: Waker,
    received: Vec<Received>,
}

impl Server {
    /// One that listens for datagrams alone.
    fn new(stream_limits: StreamLimits) -> Self {
        let udp = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let (sockets, waker) = SignallingSockets::bind(SignallingSettings { udp, stream_limits, ..SignallingSettings::default() }).unwrap();
        Self { sockets, waker, received: Vec::new() }
    }

    fn send(&mut self, flow: Flow, text: &str) {
        self.sockets.send(flow, Bytes::copy_from_slice(text.as_bytes()));
        self.sockets.flush();
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: {:?} {:?}", self.sockets.tcp_counters(), self.received);
            self.sockets.wait(Some(deadline), &mut self.received);
        }
    }

    /// The one thing that comes next.
    fn next(&mut self) -> Received {
        self.until("anything", |server| !server.received.is_empty());
        self.received.remove(0)
    }

    /// The end of `flow` comes next, and why it could not be opened.
    fn closed(&mut self, flow: Flow) -> Option<NotOpened> {
        match self.next() {
            Received::Closed { flow: of, why } if of == flow => why,
            other => panic!("{other:?}"),
        }
    }

    /// A message comes next, by `flow`.
    fn message(&mut self, flow: Flow) -> String {
        match self.next() {
            Received::Message { flow: of, bytes } if of == flow => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn has_nothing_more(&mut self) {
        self.sockets.wait(Some(Instant::now()), &mut self.received);
        assert!(self.received.is_empty(), "{:?}", self.received);
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

/// A flow by which nobody calls us back: the port means nothing to the sockets.
fn to(transport: Transport, remote: SocketAddr) -> Flow {
    Flow { transport, local: "127.0.0.1:0".parse().unwrap(), remote }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // It is also how long `accept` waits: who never comes fails the test and does not hang it.
    socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// An address at which nobody says yes or no: the queue of this listener is full.
fn blackhole() -> (SocketAddr, impl Sized) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (address, (TcpStream::connect(address).unwrap(), socket))
}

fn read(from: &mut impl Read, length: usize) -> String {
    let mut buffer = vec![0; length];
    from.read_exact(&mut buffer).unwrap();
    String::from_utf8(buffer).unwrap()
}

#[test]
fn a_stream_has_the_flow_that_was_asked_for_whatever_port_it_leaves_from() {
    let mut server = Server::new(StreamLimits::default());
    let (listener, address) = listen();
    for local in ["127.0.0.1:0", "0.0.0.0:0", "127.0.0.9:5060"] {
        let flow = Flow { local: local.parse().unwrap(), ..to(Transport::Tcp, address) };
        server.send(flow, INVITE);
        let mut peer = accept(&listener);
        let from = peer.peer_addr().unwrap();
        assert!(flow.local.ip().is_unspecified() || from.ip() == flow.local.ip(), "{from}");
        server.until("connected", |server| server.sockets.tcp_counters().held == 0);
        assert_eq!(read(&mut peer, INVITE.len()), INVITE);
        // Its answer, and a request of the peer's.
        peer.write_all([RINGING, OPTIONS].concat().as_bytes()).unwrap();
        assert_eq!((server.message(flow), server.message(flow)), (RINGING.to_owned(), OPTIONS.to_owned()));
        // The next goes by the same stream.
        server.send(flow, ANSWER);
        server.send(flow, INVITE);
        assert_eq!(read(&mut peer, ANSWER.len() + INVITE.len()), [ANSWER, INVITE].concat());
        drop(peer);
        assert_eq!(server.closed(flow), None, "it was open");
    }
    assert_eq!((server.sockets.tcp_counters().connected, server.sockets.tcp_counters().open), (3, 0));
}

#[test]
fn what_cannot_be_opened_is_told_with_its_reason() {
    let mut server = Server::new(StreamLimits::default());
    let (_, refuses) = listen();
    let flow = to(Transport::Tcp, refuses);
    // What waits goes with it, and its end is told once.
    server.send(flow, INVITE);
    server.send(flow, INVITE);
    assert_eq!(server.closed(flow), Some(NotOpened::Unreachable));
    let (address, _full) = blackhole();
    let flow = to(Transport::Tcp, address);
    server.send(flow, INVITE);
    server.has_nothing_more();
    server.sockets.expire(Instant::now() + StreamLimits::default().connect);
    assert_eq!(server.closed(flow), Some(NotOpened::Late));
    // A TLS peer that has no name to prove, and what browsers alone open.
    for transport in [Transport::Tls, Transport::Ws, Transport::Wss] {
        let flow = to(transport, refuses);
        server.send(flow, INVITE);
        assert_eq!(server.closed(flow), Some(NotOpened::NoWay), "{transport}");
    }
    server.has_nothing_more();
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.connect_failures, counters.open, counters.held), (5, 0, 0));
}

/// What is on its way to be open has a limit of its own, over TCP and TLS together, and who is there already is not touched by it.
#[test]
fn so_many_may_be_on_their_way_and_no_more() {
    assert_eq!(StreamLimits::default().connecting_max, 1_000);
    let mut server = Server::new(StreamLimits { connecting_max: 5, ..StreamLimits::default() });
    let _dialler = server.sockets.tls_dialler();
    let (listener, good) = listen();
    let open = to(Transport::Tcp, good);
    server.send(open, INVITE);
    let mut peer = accept(&listener);
    server.until("connected", |server| server.sockets.tcp_counters().connected == 1);
    let (address, _full) = blackhole();
    // Each a stream of its own, for the peer is told another port.
    let flow = |transport, port| Flow { local: SocketAddr::from(([127, 0, 0, 1], port)), ..to(transport, address) };
    for port in 0..3 {
        server.send(flow(Transport::Tcp, port), INVITE);
    }
    for port in 0..2 {
        server.sockets.secure(flow(Transport::Tls, port), "127.0.0.1");
        server.send(flow(Transport::Tls, port), INVITE);
    }
    server.has_nothing_more();
    server.sockets.secure(flow(Transport::Tls, 9), "127.0.0.1");
    for transport in [Transport::Tcp, Transport::Tls] {
        server.send(flow(transport, 9), INVITE);
        assert_eq!(server.closed(flow(transport, 9)), Some(NotOpened::Limit), "{transport}");
    }
    server.send(open, RINGING);
    assert_eq!(read(&mut peer, INVITE.len() + RINGING.len()), [INVITE, RINGING].concat());
    assert_eq!(server.sockets.tcp_counters().open, 6);
    // Those that did not come about make room.
    server.sockets.expire(Instant::now() + StreamLimits::default().connect);
    for port in 0..3 {
        assert_eq!(server.closed(flow(Transport::Tcp, port)), Some(NotOpened::Late));
    }
    for port in 10..13 {
        server.send(flow(Transport::Tcp, port), INVITE);
    }
    server.has_nothing_more();
    server.send(flow(Transport::Tcp, 13), INVITE);
    assert_eq!(server.closed(flow(Transport::Tcp, 13)), Some(NotOpened::Limit));
}

/// A carrier that restarts while an answer is owed to it: whoever closes both directions shows one only.
#[test]
fn a_peer_that_left_does_not_stand_in_the_way_of_the_next_request() {
    let mut server = Server::new(StreamLimits::default());
    let (listener, address) = listen();
    let flow = to(Transport::Tcp, address);
    server.send(flow, INVITE);
    let mut peer = accept(&listener);
    server.until("connected", |server| server.sockets.tcp_counters().held == 0);
    assert_eq!(read(&mut peer, INVITE.len()), INVITE);
    peer.write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(server.message(flow), OPTIONS);
    drop(peer);
    assert_eq!(server.closed(flow), None);
    assert_eq!(server.sockets.tcp_counters().open, 1, "it may wait for its answer");
    server.send(flow, INVITE);
    let mut peer = accept(&listener);
    server.until("connected", |server| server.sockets.tcp_counters().connected == 2);
    server.send(flow, ANSWER);
    assert_eq!(read(&mut peer, INVITE.len() + ANSWER.len()), [INVITE, ANSWER].concat());
    assert_eq!(server.sockets.tcp_counters().open, 1);
    server.has_nothing_more();
}

/// Who is there was our choice: between two calls the stream stays.
#[test]
fn what_we_opened_stays_when_the_last_call_is_over() {
    let mut server = Server::new(StreamLimits::default());
    let limits = StreamLimits::default();
    let (listener, address) = listen();
    let flow = to(Transport::Tcp, address);
    server.send(flow, INVITE);
    let _peer = accept(&listener);
    server.until("connected", |server| server.sockets.tcp_counters().connected == 1);
    let now = Instant::now();
    server.sockets.vouch(flow);
    server.sockets.unvouch(flow);
    server.sockets.expire(now + limits.idle - Duration::from_secs(1));
    assert_eq!(server.sockets.tcp_counters().open, 1);
    server.sockets.expire(Instant::now() + limits.idle);
    assert_eq!(server.closed(flow), None);
}
