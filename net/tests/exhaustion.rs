//! FT-11: without descriptors nobody new is accepted, and everything else goes on. Alone in its process, whose limit it lowers.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::{Received, SignallingSettings, SignallingSockets};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{Event, Level, Metadata, Subscriber, span};

const REQUEST: &[u8] = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n";

/// How often the log has warned.
static WARNINGS: AtomicUsize = AtomicUsize::new(0);

struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, _: &Event<'_>) {
        WARNINGS.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn accepting_pauses_without_descriptors() {
    tracing::subscriber::set_global_default(Warnings).unwrap();
    let any: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap()];
    let settings = SignallingSettings { udp: any.clone(), tcp: any, ..SignallingSettings::default() };
    let (mut sockets, _) = SignallingSockets::bind(settings).unwrap();
    let address = sockets.local_tcp()[0];
    let mut received = Vec::new();
    let wait = |sockets: &mut SignallingSockets, received: &mut Vec<Received>| {
        sockets.wait(Some(Instant::now() + Duration::from_secs(10)), received);
    };
    let mut before = TcpStream::connect(address).unwrap();
    before.write_all(REQUEST).unwrap();
    while received.is_empty() {
        wait(&mut sockets, &mut received);
    }
    let Received::Message { flow, .. } = received.remove(0) else { panic!("{received:?}") };

    // A socket of its own, so that connecting needs no descriptor of this process any more.
    let after = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let all = getrlimit(Resource::Nofile);
    let used = u64::try_from(after.as_raw_fd()).unwrap() + 1;
    setrlimit(Resource::Nofile, Rlimit { current: Some(used), ..all }).unwrap();
    after.connect(&address.into()).unwrap();
    let mut after = TcpStream::from(after);
    after.write_all(REQUEST).unwrap();
    while sockets.tcp_counters().accept_failures == 0 {
        wait(&mut sockets, &mut received);
    }
    // No spinning: the next wait really waits.
    let deadline = Instant::now() + Duration::from_millis(50);
    sockets.wait(Some(deadline), &mut received);
    assert!(Instant::now() >= deadline, "the wait came back early");
    assert_eq!((sockets.tcp_counters().accept_failures, sockets.tcp_counters().open, received.len()), (1, 1, 0));
    // Who was there goes on.
    before.write_all(REQUEST).unwrap();
    wait(&mut sockets, &mut received);
    assert!(matches!(&received[..], [Received::Message { flow: of, .. }] if *of == flow));
    received.clear();
    sockets.send(flow, Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n"));
    sockets.flush();
    before.read_exact(&mut [0; 18]).unwrap();
    // After the pause another failure, no more.
    sockets.expire(Instant::now() + Duration::from_secs(1));
    sockets.wait(Some(Instant::now()), &mut received);
    assert_eq!(sockets.tcp_counters().accept_failures, 2);
    assert_eq!(WARNINGS.load(Ordering::Relaxed), 1, "one warning for one shortage, however long");
    // Opening one ourselves fails and is told.
    let outward = sip_core::Flow { remote: "127.0.0.2:9".parse().unwrap(), ..flow };
    sockets.send(outward, Bytes::from_static(REQUEST));
    wait(&mut sockets, &mut received);
    assert_eq!(received, [Received::Closed { flow: outward, why: Some(net::NotOpened::Unreachable) }]);
    received.clear();

    // Recovery: who waited in the backlog is served.
    setrlimit(Resource::Nofile, all).unwrap();
    sockets.expire(Instant::now() + Duration::from_secs(2));
    while received.is_empty() {
        wait(&mut sockets, &mut received);
    }
    assert!(matches!(&received[..], [Received::Message { .. }]));
    assert_eq!((sockets.tcp_counters().accepted, sockets.tcp_counters().accept_failures), (2, 2));
    assert_eq!(WARNINGS.load(Ordering::Relaxed), 2, "its end is told");
}
