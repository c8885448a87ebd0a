//! Over TLS: what the peer has to prove, and what waits meanwhile.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::{Adopted, NotOpened, StreamLimits};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sip_core::{Flow, Transport};
use tokio::runtime::Runtime;

use super::{INVITE, OPTIONS, PATIENCE, RINGING, Server, accept, listen, read, to};

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// How long after its order a stream that says nothing is given up: to connect, to shake hands, and what is added for whoever opens it.
const LATE: Duration = Duration::from_secs(5 + 10 + 1);

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A peer with a certificate of these names, good for these years.
    fn peer(&self, names: &[&str], years: (i32, i32)) -> Peer {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(years.0, 1, 1), rcgen::date_time_ymd(years.1, 1, 1));
        let own = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
            .unwrap();
        let (listener, address) = listen();
        Peer { listener, address, config: Arc::new(config) }
    }

    fn good(&self, names: &[&str]) -> Peer {
        self.peer(names, (2_000, 4_000))
    }
}

/// A carrier.
struct Peer {
    listener: TcpListener,
    address: SocketAddr,
    config: Arc<ServerConfig>,
}

impl Peer {
    fn flow(&self) -> Flow {
        to(Transport::Tls, self.address)
    }

    /// Takes the next stream. The handshake is made with what is read.
    fn accept(&self) -> Stream {
        StreamOwned::new(ServerConnection::new(Arc::clone(&self.config)).unwrap(), accept(&self.listener))
    }

    /// Whatever is said on the next stream, behind its handshake.
    fn hear(self) -> impl FnOnce() -> String {
        move || {
            let mut heard = Vec::new();
            let _ = self.accept().read_to_end(&mut heard);
            String::from_utf8(heard).unwrap()
        }
    }
}

/// A server that believes the authority, and the runtime in which its streams are opened.
fn server(authority: &Authority, limits: StreamLimits) -> (Server, Runtime) {
    let mut server = Server::new(limits);
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(server.sockets.tls_dialler().serve(Arc::new(config)));
    (server, runtime)
}

#[test]
fn what_is_sent_waits_for_the_handshake_and_goes_by_one_stream() {
    let authority = Authority::new("ours");
    let (mut server, _runtime) = server(&authority, StreamLimits::default());
    let peer = authority.good(&["carrier.example"]);
    let flow = peer.flow();
    server.sockets.secure(flow, "carrier.example");
    server.send(flow, INVITE);
    server.send(flow, INVITE);
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().connected), (1, 0));
    let (mut stream, peer) = server.beside(move || {
        let mut stream = peer.accept();
        assert_eq!(read(&mut stream, 2 * INVITE.len()), INVITE.repeat(2));
        // The name that was handed over is the one that is asked for (RFC 6066, 3).
        assert_eq!(stream.conn.server_name(), Some("carrier.example"));
        stream.write_all([RINGING, OPTIONS].concat().as_bytes()).unwrap();
        (stream, peer)
    });
    assert_eq!((server.message(flow), server.message(flow)), (RINGING.to_owned(), OPTIONS.to_owned()));
    // The same name again, another request: the same stream, also when no call goes by it.
    server.sockets.secure(flow, "carrier.example");
    server.sockets.vouch(flow);
    server.sockets.unvouch(flow);
    server.sockets.expire(Instant::now() + Duration::from_secs(60));
    server.send(flow, INVITE);
    let mut stream = server.beside(move || {
        assert_eq!(read(&mut stream, INVITE.len()), INVITE);
        stream
    });
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.open, counters.connected, counters.held, counters.accepted), (1, 1, 0, 0));
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    drop(stream);
    // An answer is owed, but nobody is there: the end is told at once.
    assert_eq!(server.closed(flow), None);
    // What its peer has to prove is still known: a BYE opens the next one.
    server.send(flow, RINGING.replace("SIP/2.0 180", "BYE").as_str());
    let heard = server.beside(move || read(&mut peer.accept(), 3));
    assert_eq!((heard.as_str(), server.sockets.tcp_counters().connected), ("BYE", 2));
}

/// B-39. What was to be sent is never seen by a peer that has not proven its name.
#[test]
fn a_certificate_that_proves_nothing_is_refused_with_its_reason() {
    let (authority, stranger, liar) = (Authority::new("ours"), Authority::new("another"), Authority::new("ours"));
    let (mut server, _runtime) = server(&authority, StreamLimits::default());
    let good = (2_000, 4_000);
    for (vouched_by, names, years, asked, why) in [
        (&authority, &["carrier.example"][..], (2_000, 2_001), "carrier.example", NotOpened::CertificateTime),
        (&authority, &["carrier.example"], (3_000, 3_001), "carrier.example", NotOpened::CertificateTime),
        // The host that DNS named is not the domain that was asked for (RFC 5922, 4).
        (&authority, &["sbc1.example.net"], good, "carrier.example", NotOpened::CertificateName),
        (&authority, &["127.0.0.1"], good, "carrier.example", NotOpened::CertificateName),
        (&authority, &["carrier.example"], good, "127.0.0.1", NotOpened::CertificateName),
        (&authority, &["127.0.0.2"], good, "127.0.0.1", NotOpened::CertificateName),
        (&stranger, &["carrier.example"], good, "carrier.example", NotOpened::CertificateIssuer),
        (&liar, &["carrier.example"], good, "carrier.example", NotOpened::CertificateIssuer),
    ] {
        let peer = vouched_by.peer(names, years);
        let flow = peer.flow();
        server.sockets.secure(flow, asked);
        server.send(flow, INVITE);
        server.send(flow, INVITE);
        assert_eq!(server.beside(peer.hear()), "", "{names:?} {asked}");
        assert_eq!(server.closed(flow), Some(why), "{names:?} {asked}");
        server.has_nothing_more();
    }
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.connect_failures, counters.connected, counters.open, counters.held), (8, 0, 0, 0));
    // An address proves itself by its own entry.
    let peer = authority.good(&["127.0.0.1"]);
    let flow = peer.flow();
    server.sockets.secure(flow, "127.0.0.1");
    server.send(flow, INVITE);
    assert_eq!(server.beside(move || read(&mut peer.accept(), INVITE.len())), INVITE);
}

#[test]
fn a_peer_that_speaks_no_tls_of_today_is_refused() {
    // A server hello of TLS 1.1 (RFC 4346, 7.4.1.3).
    let old = [&[0x16, 3, 2, 0, 0x2a, 2, 0, 0, 0x26, 3, 2][..], &[7; 32], &[0, 0xc0, 0x2f, 0]].concat();
    let authority = Authority::new("ours");
    let (mut server, _runtime) = server(&authority, StreamLimits::default());
    for said in [&old[..], b"SIP/2.0 200 OK\r\n\r\n", b""] {
        let (listener, address) = listen();
        let flow = to(Transport::Tls, address);
        server.sockets.secure(flow, "127.0.0.1");
        server.send(flow, INVITE);
        let said = said.to_vec();
        let heard = server.beside(move || {
            let mut stream = accept(&listener);
            stream.write_all(&said).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard);
            heard
        });
        assert!(!String::from_utf8_lossy(&heard).contains("INVITE"));
        assert_eq!(server.closed(flow), Some(NotOpened::Handshake));
    }
    let (_, refuses) = listen();
    let flow = to(Transport::Tls, refuses);
    server.sockets.secure(flow, "127.0.0.1");
    server.send(flow, INVITE);
    assert_eq!(server.closed(flow), Some(NotOpened::Unreachable));
}

/// B-39: who stalls holds nobody else up, and not for ever; and what waits for him is bounded.
#[test]
fn a_handshake_that_stalls_blocks_none() {
    let limits = StreamLimits { write_queue_max: 3 * INVITE.len(), ..StreamLimits::default() };
    let authority = Authority::new("ours");
    let (mut server, _runtime) = server(&authority, limits);
    let silent: Vec<_> = (0..50).map(|_| listen()).collect();
    let flows: Vec<Flow> = silent.iter().map(|(_, address)| to(Transport::Tls, *address)).collect();
    for flow in &flows {
        server.sockets.secure(*flow, "127.0.0.1");
        server.send(*flow, INVITE);
    }
    let peer = authority.good(&["carrier.example"]);
    server.sockets.secure(peer.flow(), "carrier.example");
    server.send(peer.flow(), INVITE);
    let (peer, mut stream) = server.beside(move || {
        let mut stream = peer.accept();
        assert_eq!(read(&mut stream, INVITE.len()), INVITE);
        (peer, stream)
    });
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().held), (51, 50 * u64::try_from(INVITE.len()).unwrap()));
    // One message too many.
    for _ in 0..3 {
        server.send(flows[0], INVITE);
    }
    assert_eq!(server.closed(flows[0]), Some(NotOpened::Limit));
    server.sockets.expire(Instant::now() + LATE);
    for flow in &flows[1..] {
        assert_eq!(server.closed(*flow), Some(NotOpened::Late));
    }
    server.has_nothing_more();
    // Each of them hears that nobody waits any more.
    for (listener, _) in &silent {
        let mut stream = accept(listener);
        server.beside(move || {
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard);
        });
    }
    stream.write_all(RINGING.as_bytes()).unwrap();
    assert_eq!(server.message(peer.flow()), RINGING);
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().held), (1, 0));
}

/// Two names at one address: what is for one never goes to a peer that has proven the other alone.
#[test]
fn another_name_needs_its_own_proof() {
    let authority = Authority::new("ours");
    let (mut server, _runtime) = server(&authority, StreamLimits::default());
    let peer = authority.good(&["one.example", "*.two.example"]);
    let flow = peer.flow();
    server.sockets.secure(flow, "one.example");
    server.send(flow, INVITE);
    let (peer, mut stream) = server.beside(move || {
        let mut stream = peer.accept();
        assert_eq!(read(&mut stream, INVITE.len()), INVITE);
        (peer, stream)
    });
    // RFC 5923: the certificate proves that one, too.
    server.sockets.secure(flow, "a.two.example");
    server.send(flow, RINGING);
    let mut stream = server.beside(move || {
        assert_eq!(read(&mut stream, RINGING.len()), RINGING);
        stream
    });
    server.sockets.secure(flow, "three.example");
    assert_eq!(server.closed(flow), None);
    server.send(flow, INVITE);
    assert_eq!(server.beside(peer.hear()), "");
    assert_eq!(server.closed(flow), Some(NotOpened::CertificateName));
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
    }
    assert!(rest.is_empty(), "the first peer heard what was for another name");
    // A name is changed while a handshake is under way.
    let (_silent, address) = listen();
    let flow = to(Transport::Tls, address);
    server.sockets.secure(flow, "one.example");
    server.send(flow, INVITE);
    server.sockets.secure(flow, "two.example");
    assert_eq!(server.closed(flow), Some(NotOpened::NoWay));
    assert_eq!(server.sockets.tcp_counters().held, 0);
}

/// Whoever comes from the address of a carrier has proven nothing by that.
#[test]
fn who_opens_a_stream_to_us_gets_nothing_that_is_for_a_carrier() {
    let authority = Authority::new("ours");
    let (mut server, _runtime) = server(&authority, StreamLimits::default());
    let peer = authority.good(&["carrier.example"]);
    let flow = peer.flow();
    let intruder = |server: &mut Server| {
        let (listener, address) = listen();
        let theirs = TcpStream::connect(address).unwrap();
        theirs.set_read_timeout(Some(PATIENCE)).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let adopted = Adopted { stream, tls: None, transport: Transport::Tls, local: flow.local, remote: flow.remote, read: Bytes::new() };
        server.sockets.adopter().adopt(adopted);
        theirs
    };
    // One that is there before, and one that comes later.
    let mut before = intruder(&mut server);
    server.until("adopted", |server| server.sockets.tcp_counters().accepted == 1);
    server.sockets.secure(flow, "carrier.example");
    let mut later = intruder(&mut server);
    server.until("refused", |server| server.sockets.tcp_counters().refused == 1);
    server.send(flow, INVITE);
    assert_eq!(server.beside(move || read(&mut peer.accept(), INVITE.len())), INVITE);
    for theirs in [&mut before, &mut later] {
        assert_eq!(theirs.read(&mut [0; 1]).unwrap(), 0, "nothing but the end");
    }
}
