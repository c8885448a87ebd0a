//! A capture server on loopback that goes away and comes back.
#![expect(clippy::unwrap_used, reason = "tests")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;

/// For what happens at once; generous, because the machine may be busy.
const SOON: Duration = Duration::from_secs(20);

/// A copy of eight octets with its number; one in a hundred says that it was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbered(u32, usize);

impl Packet for Numbered {
    fn octets(&self) -> usize {
        self.1
    }

    fn write(&self, is_datagram: bool, into: &mut Vec<u8>) -> bool {
        into.extend_from_slice(if is_datagram { b"gram" } else { b"flow" });
        into.extend_from_slice(&self.0.to_be_bytes());
        self.0 % 100 == 99
    }
}

fn some(range: std::ops::Range<u32>) -> Vec<Numbered> {
    range.map(|number| Numbered(number, 8)).collect()
}

fn number(packet: &[u8], kind: &[u8]) -> u32 {
    assert_eq!(packet.get(..4), Some(kind));
    u32::from_be_bytes(packet.get(4..8).unwrap().try_into().unwrap())
}

struct Bench {
    counts: Arc<Counts>,
    spout: Spout<Numbered>,
    running: JoinHandle<()>,
}

fn bench(carrier: Carrier, host: &str, port: u16, roots: &Roots) -> Bench {
    let counts = Arc::new(Counts::default());
    let target = Target { carrier, host: host.to_owned(), port };
    let (spout, sender) = open(target, roots, Arc::clone(&counts), || 0.0);
    Bench { counts, spout, running: tokio::spawn(sender.run()) }
}

impl Bench {
    fn sent(&self) -> u64 {
        self.counts.sent.load(Ordering::Relaxed)
    }

    fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    fn is_connected(&self) -> bool {
        self.counts.connected.load(Ordering::Relaxed)
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let come = async {
            while !is_so(self) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, come).await.unwrap_or_else(|_| panic!("{what}: {:?}", self.counts));
    }

    /// Nothing more comes: what it did then.
    async fn end(self) -> (u64, u64) {
        let Self { counts, spout, running } = self;
        drop(spout);
        timeout(SOON, running).await.unwrap().unwrap();
        assert!(!counts.connected.load(Ordering::Relaxed));
        (counts.sent.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed))
    }
}

async fn datagram(socket: &UdpSocket) -> u32 {
    let mut packet = [0; 64];
    let length = timeout(SOON, socket.recv(&mut packet)).await.unwrap().unwrap();
    number(packet.get(..length).unwrap(), b"gram")
}

#[tokio::test]
async fn datagrams_come_once_each_and_in_their_order() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let bench = bench(Carrier::Udp, "127.0.0.1", socket.local_addr().unwrap().port(), &Roots::public());
    bench.spout.leave(&mut some(0..60));
    bench.spout.leave(&mut some(60..100));
    for expected in 0..100 {
        assert_eq!(datagram(&socket).await, expected);
    }
    bench.until("told as connected", |bench| bench.is_connected() && bench.sent() == 100).await;
    assert_eq!((bench.counts.cut.load(Ordering::Relaxed), bench.counts.reconnects.load(Ordering::Relaxed)), (1, 0));
    // What is left right before the end leaves, too.
    bench.spout.leave(&mut some(100..110));
    assert_eq!(bench.end().await, (110, 0));
    for expected in 100..110 {
        assert_eq!(datagram(&socket).await, expected);
    }
}

#[tokio::test]
async fn a_server_behind_udp_that_is_away_is_noticed_and_found_again() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let bench = bench(Carrier::Udp, "127.0.0.1", address.port(), &Roots::public());
    bench.spout.leave(&mut some(0..1));
    assert_eq!(datagram(&socket).await, 0);
    drop(socket);
    bench
        .until("told as away", |bench| {
            bench.spout.leave(&mut some(1..2));
            !bench.is_connected()
        })
        .await;
    let socket = UdpSocket::bind(address).await.unwrap();
    bench
        .until("told as there again", |bench| {
            bench.spout.leave(&mut some(2..3));
            bench.is_connected()
        })
        .await;
    assert_eq!(bench.counts.reconnects.load(Ordering::Relaxed), 1);
    // Some that were left before it came back may have waited until now.
    while datagram(&socket).await != 2 {}
    assert!(bench.dropped() >= 3, "{:?}", bench.counts);
    bench.end().await;
}

#[tokio::test]
async fn a_name_that_has_moved_is_followed() {
    let (old, new) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let target = Target { carrier: Carrier::Udp, host: "127.0.0.1".to_owned(), port: new.local_addr().unwrap().port() };
    let (peer, counts) = (Peer::new(&target, &Roots::public()), Counts::default());
    let Carried::Datagrams(mut datagrams) = peer.connect().await.unwrap() else { panic!("datagrams") };
    // As if the name had led elsewhere before.
    datagrams.lead_to(old.local_addr().unwrap()).await.unwrap();
    let mut carried = Carried::Datagrams(datagrams);
    carried.send(&some(1..2), &counts).await.unwrap();
    assert_eq!(datagram(&old).await, 1, "it is not looked up for each datagram");
    let Carried::Datagrams(datagrams) = &mut carried else { panic!("datagrams") };
    datagrams.resolve = tokio::time::Instant::now();
    carried.send(&some(2..3), &counts).await.unwrap();
    assert_eq!(datagram(&new).await, 2);
}

/// A capture server with TLS and a certificate for "localhost", of an authority of its own.
struct Secure {
    acceptor: TlsAcceptor,
    roots: Roots,
}

fn secure() -> Secure {
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .unwrap();
    Secure { acceptor: TlsAcceptor::from(Arc::new(config)), roots: Roots::with_house(authority.pem().as_bytes()).unwrap() }
}

impl Secure {
    async fn accept(&self, listener: &TcpListener) -> TlsStream<tokio::net::TcpStream> {
        let (stream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        self.acceptor.accept(stream).await.unwrap()
    }
}

async fn next(stream: &mut (impl AsyncRead + Unpin)) -> u32 {
    let mut packet = [0; 8];
    timeout(SOON, stream.read_exact(&mut packet)).await.unwrap().unwrap();
    number(&packet, b"flow")
}

#[tokio::test]
async fn a_server_behind_tls_that_comes_back_gets_what_has_waited() {
    let secure = secure();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bench = bench(Carrier::Tls, "localhost", address.port(), &secure.roots);
    bench.spout.leave(&mut some(0..100));
    let mut stream = secure.accept(&listener).await;
    for expected in 0..100 {
        assert_eq!(next(&mut stream).await, expected);
    }
    drop((stream, listener));
    bench.until("told as away", |bench| !bench.is_connected()).await;
    assert_eq!((bench.sent(), bench.dropped()), (100, 0));
    bench.spout.leave(&mut some(100..300));
    let listener = TcpListener::bind(address).await.unwrap();
    let mut stream = secure.accept(&listener).await;
    for expected in 100..300 {
        assert_eq!(next(&mut stream).await, expected, "nothing that waited is lost");
    }
    bench.until("all is counted", |bench| bench.sent() == 300).await;
    assert_eq!((bench.counts.reconnects.load(Ordering::Relaxed), bench.is_connected()), (1, true));
    bench.spout.leave(&mut some(300..305));
    assert_eq!(bench.end().await, (305, 0));
    for expected in 300..305 {
        assert_eq!(next(&mut stream).await, expected, "what waited at the end has left");
    }
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "and the connection has ended in order");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    let secure = secure();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let refused = |host: &'static str, roots: Roots| {
        let (acceptor, listener) = (&secure.acceptor, &listener);
        async move {
            let bench = bench(Carrier::Tls, host, port, &roots);
            bench.spout.leave(&mut some(0..1));
            let (stream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
            let outcome = acceptor.accept(stream).await;
            let read = match outcome {
                Ok(mut stream) => stream.read(&mut [0; 64]).await.unwrap_or(0),
                Err(_) => 0,
            };
            assert_eq!((read, bench.is_connected(), bench.sent()), (0, false, 0));
            assert_eq!(bench.end().await, (0, 1));
        }
    };
    refused("localhost", Roots::public()).await;
    // The certificate is for another name.
    refused("127.0.0.1", secure.roots.clone()).await;
}

#[tokio::test]
async fn an_end_waits_neither_for_a_server_that_is_away_nor_for_one_that_does_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let slow = bench(Carrier::Tcp, "127.0.0.1", port, &Roots::public());
    let (stream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    // More than the sockets on the way hold.
    while slow.dropped() == 0 {
        slow.spout.leave(&mut some(0..10_000));
        tokio::task::yield_now().await;
    }
    let began = tokio::time::Instant::now();
    let (sent, dropped) = slow.end().await;
    assert!(sent > 0 && dropped >= u64::try_from(COPIES_MAX).unwrap() / 2, "{sent} sent, {dropped} dropped");
    assert!(began.elapsed() < LAST * 3, "{:?}", began.elapsed());
    drop((stream, listener));

    let away = bench(Carrier::Tcp, "127.0.0.1", port, &Roots::public());
    away.spout.leave(&mut some(0..7));
    let began = tokio::time::Instant::now();
    assert_eq!(away.end().await, (0, 7));
    assert!(began.elapsed() < LAST * 3, "{:?}", began.elapsed());
}

#[test]
fn the_newest_wait_and_no_more_than_there_is_room_for() {
    let open = || {
        let counts = Arc::new(Counts::default());
        let queue = Arc::new(Queue::default());
        (Spout::new(Arc::clone(&queue), Arc::clone(&counts)), queue, counts)
    };
    let most = u32::try_from(COPIES_MAX).unwrap();
    let (spout, queue, counts) = open();
    spout.leave(&mut some(0..most));
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 0);
    spout.leave(&mut some(most..most + 3));
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 3);
    let taken = queue.take();
    assert_eq!((taken.len(), taken.front(), taken.back()), (COPIES_MAX, Some(&Numbered(3, 8)), Some(&Numbered(most + 2, 8))));
    // What comes back stands before what has come since, and is the first to go.
    spout.leave(&mut some(most + 3..most + 5));
    queue.put_back(taken, &counts);
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 5);
    let taken = queue.take();
    assert_eq!((taken.front(), taken.back()), (Some(&Numbered(5, 8)), Some(&Numbered(most + 4, 8))));

    let (spout, queue, counts) = open();
    let half = OCTETS_MAX / 2;
    let mut copies = vec![Numbered(0, half), Numbered(1, half), Numbered(2, 1)];
    spout.leave(&mut copies);
    assert!(copies.is_empty());
    assert_eq!((queue.take(), counts.dropped.load(Ordering::Relaxed)), ([Numbered(1, half), Numbered(2, 1)].into(), 1));
    spout.leave(&mut vec![Numbered(3, OCTETS_MAX)]);
    assert_eq!((queue.take().len(), counts.dropped.load(Ordering::Relaxed)), (1, 1), "what was taken takes no room");
}

#[test]
fn pauses_double_and_are_not_alike() {
    let milliseconds = |failures, chance| pause(failures, chance).as_millis();
    assert_eq!([milliseconds(1, 0.0), milliseconds(1, 1.0), milliseconds(2, 1.0), milliseconds(3, 0.5)], [250, 500, 1_000, 1_500]);
    for failures in 1..100 {
        let (least, most) = (milliseconds(failures, 0.0), milliseconds(failures, 1.0));
        assert!(least * 2 == most && most <= 60_000, "{failures}: {least} to {most}");
    }
    assert_eq!(milliseconds(u32::MAX, 1.0), 60_000);
}

#[test]
fn a_target_is_shown_as_it_is_written() {
    let shown = |carrier, host: &str| Target { carrier, host: host.to_owned(), port: 9060 }.to_string();
    assert_eq!(
        [shown(Carrier::Udp, "homer"), shown(Carrier::Tcp, "192.0.2.1"), shown(Carrier::Tls, "2001:db8::1")],
        ["udp://homer:9060", "tcp://192.0.2.1:9060", "tls://[2001:db8::1]:9060"]
    );
}
