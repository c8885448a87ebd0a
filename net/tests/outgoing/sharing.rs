//! Owners share the streams that we open: whoever has the most gives way.

use std::net::{SocketAddr, TcpListener};

use net::{NotOpened, StreamLimits};
use sip_core::{Flow, Transport};

use super::{INVITE, OPTIONS, Server, accept, blackhole, listen, read, to};

/// Each a stream of its own, for the peer is told another port.
fn flow(transport: Transport, remote: SocketAddr, port: u16) -> Flow {
    Flow { local: SocketAddr::from(([127, 0, 0, 1], port)), ..to(transport, remote) }
}

struct Centres {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
    peers: Vec<std::net::TcpStream>,
}

impl Centres {
    /// So many streams may be.
    fn new(outgoing_max: usize) -> Self {
        let (listener, address) = listen();
        let server = Server::new(StreamLimits { outgoing_max, ..StreamLimits::default() });
        Self { server, listener, address, peers: Vec::new() }
    }

    fn flow(&self, port: u16) -> Flow {
        flow(Transport::Tcp, self.address, port)
    }

    fn ask(&mut self, owner: u64, port: u16, is_needed: bool) {
        let flow = self.flow(port);
        self.server.sockets.claim(flow, owner, is_needed);
        self.server.send(flow, OPTIONS);
    }

    /// The stream is opened, and the request is there.
    fn open(&mut self, owner: u64, port: u16, is_needed: bool) {
        let before = self.server.sockets.tcp_counters().connected;
        self.ask(owner, port, is_needed);
        let mut peer = accept(&self.listener);
        self.server.until("connected", |server| server.sockets.tcp_counters().connected == before + 1);
        assert_eq!(read(&mut peer, OPTIONS.len()), OPTIONS);
        self.peers.push(peer);
    }

    /// The stream of `port` went, and nothing else happened.
    #[track_caller]
    fn went(&mut self, port: u16) {
        let flow = self.flow(port);
        assert_eq!(self.server.closed(flow), None, "{port}");
        self.server.has_nothing_more();
    }

    #[track_caller]
    fn is_refused(&mut self, owner: u64, port: u16, is_needed: bool) {
        let flow = self.flow(port);
        self.ask(owner, port, is_needed);
        assert_eq!(self.server.closed(flow), Some(NotOpened::Limit));
        self.server.has_nothing_more();
    }
}

/// One centre's carriers have all there is: another's is reached at once, and so on until both have as many.
#[test]
fn no_centre_keeps_the_others_out() {
    assert_eq!(StreamLimits::default().outgoing_max, 5_000);
    let mut centres = Centres::new(4);
    for port in 1..=4 {
        centres.open(1, port, true);
    }
    centres.is_refused(1, 5, true);
    centres.open(2, 11, false);
    centres.went(4);
    centres.open(2, 12, true);
    centres.went(3);
    // Each has two now. A call goes before a question, and before nothing else.
    centres.is_refused(2, 13, false);
    centres.open(2, 13, true);
    centres.went(11);
    centres.is_refused(2, 14, true);
    centres.is_refused(1, 5, true);
    // A third one is not kept out by the two.
    centres.open(3, 21, false);
    assert_eq!(centres.server.sockets.tcp_counters().open, 5 - 1);
}

/// What carries a call goes last, as long as it carries it; and whoever asks by the same stream takes nothing of that away.
#[test]
fn what_is_needed_goes_last() {
    let mut centres = Centres::new(4);
    for (port, is_needed) in [(1, false), (2, true), (3, false), (4, true)] {
        centres.open(1, port, is_needed);
    }
    // Another centre asks by a stream that carries a call, and is not its owner by that.
    centres.ask(2, 4, false);
    let shared = centres.flow(4);
    assert_eq!(read(centres.peers.last_mut().unwrap(), OPTIONS.len()), OPTIONS);
    centres.open(3, 31, true);
    centres.went(3);
    centres.server.sockets.unvouch(shared);
    centres.open(4, 41, true);
    centres.went(4);
}

/// Those that are being opened are shared in the same way, over TCP and TLS.
#[test]
fn silent_carriers_of_one_centre_keep_no_other_from_connecting() {
    let mut server = Server::new(StreamLimits { connecting_max: 3, ..StreamLimits::default() });
    let _dialler = server.sockets.tls_dialler();
    let (silent, _full) = blackhole();
    let (listener, good) = listen();
    for (transport, port) in [(Transport::Tcp, 1), (Transport::Tcp, 2), (Transport::Tls, 3)] {
        let flow = flow(transport, silent, port);
        server.sockets.secure(flow, "127.0.0.1");
        server.sockets.claim(flow, 1, true);
        server.send(flow, INVITE);
    }
    server.has_nothing_more();
    let open = flow(Transport::Tcp, good, 11);
    server.sockets.claim(open, 2, false);
    server.send(open, INVITE);
    assert_eq!(server.closed(flow(Transport::Tls, silent, 3)), Some(NotOpened::Limit));
    let mut peer = accept(&listener);
    server.until("connected", |server| server.sockets.tcp_counters().connected == 1);
    assert_eq!(read(&mut peer, INVITE.len()), INVITE);
    // What is open is not counted among them any more.
    let third = flow(Transport::Tls, silent, 12);
    server.sockets.secure(third, "127.0.0.1");
    server.sockets.claim(third, 2, false);
    server.send(third, INVITE);
    server.has_nothing_more();
    let fourth = flow(Transport::Tcp, silent, 13);
    server.sockets.claim(fourth, 3, false);
    server.send(fourth, INVITE);
    assert_eq!(server.closed(flow(Transport::Tcp, silent, 2)), Some(NotOpened::Limit));
    server.has_nothing_more();
}
