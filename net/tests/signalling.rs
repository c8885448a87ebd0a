//! The signalling sockets on the loopback network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::{BATCH_MAX, NetError, Received, SignallingSettings, SignallingSockets};
use sip_core::{Flow, GuardSettings, Transport};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

fn bind(addresses: &[&str]) -> SignallingSockets {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    SignallingSockets::bind(udp(&addresses)).unwrap().0
}

fn udp(addresses: &[SocketAddr]) -> SignallingSettings {
    SignallingSettings { udp: addresses.to_vec(), ..SignallingSettings::default() }
}

fn send(sockets: &mut SignallingSockets, flow: Flow, bytes: &[u8]) {
    sockets.send(flow, Bytes::copy_from_slice(bytes));
    sockets.flush();
}

fn phone(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn has_ipv6() -> bool {
    UdpSocket::bind("[::1]:0").is_ok()
}

/// Waits until something is received.
fn wait(sockets: &mut SignallingSockets) -> Vec<Received> {
    let deadline = Instant::now() + PATIENCE;
    let mut received = Vec::new();
    while received.is_empty() {
        assert!(Instant::now() < deadline, "nothing came");
        sockets.wait(Some(deadline), &mut received);
    }
    received
}

fn wait_for(sockets: &mut SignallingSockets, count: usize) -> Vec<Received> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(wait(sockets));
    }
    all
}

#[test]
fn a_wildcard_socket_knows_which_address_was_called_and_answers_from_it() {
    let mut sockets = bind(&["0.0.0.0:0"]);
    let port = sockets.local()[0].port();
    for host in ["127.0.0.1", "127.0.0.2", "127.77.0.3"] {
        let phone = phone("127.0.0.1:0");
        let called = SocketAddr::new(host.parse().unwrap(), port);
        // A connected socket hears only the address that it called.
        phone.connect(called).unwrap();
        phone.send(b"OPTIONS").unwrap();
        let received = wait(&mut sockets);
        let [Received::Message { flow, bytes }] = &received[..] else { panic!("{received:?}") };
        let expected = Flow { transport: Transport::Udp, local: called, remote: phone.local_addr().unwrap() };
        assert_eq!((*flow, &bytes[..]), (expected, &b"OPTIONS"[..]));
        send(&mut sockets, *flow, b"200");
        let mut answer = [0; 16];
        assert_eq!(phone.recv(&mut answer).unwrap(), 3);
    }
    assert_eq!((sockets.counters().received, sockets.counters().sent), (3, 3));
}

#[test]
fn both_families_stand_side_by_side_on_one_port() {
    if !has_ipv6() {
        return;
    }
    let first = bind(&["0.0.0.0:0"]);
    let port = first.local()[0].port();
    drop(first);
    let mut sockets = bind(&[&format!("0.0.0.0:{port}"), &format!("[::]:{port}")]);
    for (host, from) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
        let phone = phone(from);
        let called = SocketAddr::new(host.parse().unwrap(), port);
        phone.connect(called).unwrap();
        phone.send(b"x").unwrap();
        let received = wait(&mut sockets);
        let Received::Message { flow, .. } = received[0] else { panic!("{received:?}") };
        assert_eq!(flow.local, called);
        send(&mut sockets, flow, b"y");
        assert_eq!(phone.recv(&mut [0; 16]).unwrap(), 1);
    }
}

/// B-38: nothing is cut, whatever its length.
#[test]
fn the_longest_datagrams_go_in_and_out_whole() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let phone = phone("127.0.0.1:0");
    phone.connect(sockets.local()[0]).unwrap();
    for length in [1, 1_300, 1_500, 9_000, 65_507] {
        let datagram = vec![b'x'; length];
        phone.send(&datagram).unwrap();
        let received = wait(&mut sockets);
        let Received::Message { flow, bytes } = &received[0] else { panic!("{received:?}") };
        assert_eq!(bytes.len(), length);
        send(&mut sockets, *flow, bytes);
        let mut back = vec![0; 70_000];
        assert_eq!(phone.recv(&mut back).unwrap(), length);
    }
    // One octet more than a datagram can hold is counted and forgotten.
    let flow = Flow { transport: Transport::Udp, local: sockets.local()[0], remote: phone.local_addr().unwrap() };
    send(&mut sockets, flow, &vec![0; 65_508]);
    assert_eq!(sockets.counters().send_failed, 1);
}

#[test]
fn a_peer_that_is_gone_is_told_with_its_port_and_hinders_no_other() {
    for host in ["127.0.0.1", "::1"].into_iter().filter(|host| *host != "::1" || has_ipv6()) {
        let host: IpAddr = host.parse().unwrap();
        let (mut sockets, _) = SignallingSockets::bind(udp(&[SocketAddr::new(host, 0)])).unwrap();
        let local = sockets.local()[0];
        let alive = phone(&SocketAddr::new(host, 0).to_string());
        let gone = {
            let closed = UdpSocket::bind(SocketAddr::new(host, 0)).unwrap();
            closed.local_addr().unwrap()
        };
        let to = |remote| Flow { transport: Transport::Udp, local, remote };
        for round in 0..20 {
            send(&mut sockets, to(gone), b"INVITE");
            // The kernel's report on the first would spoil the second, were it not taken care of.
            send(&mut sockets, to(alive.local_addr().unwrap()), b"INVITE");
            assert_eq!(alive.recv(&mut [0; 16]).unwrap(), 6, "round {round}");
        }
        let told = wait_for(&mut sockets, 20);
        assert!(told.iter().all(|one| *one == Received::Unreachable { remote: gone }), "{told:?}");
        alive.send_to(b"200", local).unwrap();
        assert!(matches!(&wait(&mut sockets)[0], Received::Message { bytes, .. } if bytes.len() == 3));
        let counters = sockets.counters();
        assert_eq!((counters.sent, counters.send_failed), (40, 0));
    }
}

#[test]
fn a_flood_comes_in_batches_and_starves_nobody() {
    let mut sockets = bind(&["127.0.0.1:0", "127.0.0.1:0"]);
    let [flooded, quiet] = sockets.local()[..] else { panic!() };
    let phone = phone("127.0.0.1:0");
    for _ in 0..1_000 {
        phone.send_to(b"flood", flooded).unwrap();
    }
    phone.send_to(b"calm", quiet).unwrap();
    let is_calm = |one: &Received| matches!(one, Received::Message { bytes, .. } if &bytes[..] == b"calm");
    let mut batches = Vec::new();
    while batches.iter().flatten().count() < 1_001 {
        batches.push(wait(&mut sockets));
    }
    assert!(batches.iter().all(|batch| batch.len() <= BATCH_MAX));
    let calm = batches.iter().position(|batch| batch.iter().any(is_calm)).unwrap();
    assert!(calm <= 1, "the quiet socket had its turn only in batch {calm}");
}

#[test]
fn a_wake_and_a_deadline_end_the_wait() {
    let (mut sockets, waker) = SignallingSockets::bind(udp(&["127.0.0.1:0".parse().unwrap()])).unwrap();
    let mut nothing = Vec::new();
    let waiting = thread::spawn(move || {
        sockets.wait(None, &mut nothing);
        (sockets, nothing)
    });
    waker.wake();
    let (mut sockets, mut nothing) = waiting.join().unwrap();
    assert!(nothing.is_empty());
    // A wake between two waits is not lost.
    waker.clone().wake();
    sockets.wait(None, &mut nothing);
    let deadline = Instant::now() + Duration::from_millis(5);
    while Instant::now() < deadline {
        sockets.wait(Some(deadline), &mut nothing);
    }
    sockets.wait(Some(deadline), &mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn what_cannot_be_bound_is_an_error() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    match SignallingSockets::bind(udp(&[address])) {
        Err(NetError::Bind { address: told, source }) => assert_eq!((told, source.kind()), (address, ErrorKind::AddrInUse)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(SignallingSockets::bind(udp(&[])), Err(NetError::NoAddress)));
    assert!(matches!(SignallingSockets::bind(udp(&["192.0.2.1:0".parse().unwrap()])), Err(NetError::Bind { .. })));
}

#[test]
fn what_has_no_socket_is_counted() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let local = sockets.local()[0];
    let phone = phone("127.0.0.1:0");
    let remote = phone.local_addr().unwrap();
    let udp = Flow { transport: Transport::Udp, local, remote };
    let other_port = SocketAddr::new(local.ip(), local.port() ^ 1);
    for flow in [
        // For these nothing is opened: nobody listens there.
        Flow { transport: Transport::Ws, ..udp },
        Flow { local: other_port, ..udp },
        Flow { remote: "[::1]:5060".parse().unwrap(), ..udp },
        Flow { local: SocketAddr::new("127.0.0.9".parse().unwrap(), local.port()), ..udp },
    ] {
        send(&mut sockets, flow, b"x");
    }
    assert_eq!((sockets.counters().sent, sockets.counters().send_failed, sockets.tcp_counters().send_failed), (0, 3, 1));
    // Where the owner does not know the address, the kernel chooses.
    send(&mut sockets, Flow { local: SocketAddr::new("0.0.0.0".parse().unwrap(), local.port()), ..udp }, b"x");
    assert_eq!(phone.recv(&mut [0; 4]).unwrap(), 1);
}

#[test]
fn the_route_says_where_from() {
    let sockets = bind(&["127.0.0.1:0"]);
    assert_eq!(sockets.route_from("127.0.0.5:5060".parse().unwrap()), Some("127.0.0.1".parse().unwrap()));
    if has_ipv6() {
        assert_eq!(sockets.route_from("[::1]:5060".parse().unwrap()), Some("::1".parse().unwrap()));
    }
}

/// More than one system call takes and more than one batch holds: all of them, each once, each peer's in order.
#[test]
fn many_answers_leave_together_and_in_order() {
    const EACH: u32 = 150;
    let mut sockets = bind(&["0.0.0.0:0"]);
    let port = sockets.local()[0].port();
    let phones = [phone("127.0.0.1:0"), phone("127.0.0.1:0"), phone("127.0.0.1:0")];
    let local = |last: usize| SocketAddr::new(IpAddr::from([127, 0, 0, u8::try_from(last).unwrap()]), port);
    for number in 0..EACH {
        for (at, phone) in phones.iter().enumerate() {
            // Two of them by one local address, the third by another.
            let flow = Flow { transport: Transport::Udp, local: local(1 + at / 2), remote: phone.local_addr().unwrap() };
            sockets.send(flow, Bytes::copy_from_slice(&number.to_be_bytes()));
        }
    }
    sockets.flush();
    assert_eq!((sockets.counters().sent, sockets.counters().send_failed), (u64::from(3 * EACH), 0));
    for (at, phone) in phones.iter().enumerate() {
        for number in 0..EACH {
            let mut answer = [0; 4];
            let (length, from) = phone.recv_from(&mut answer).unwrap();
            assert_eq!((length, u32::from_be_bytes(answer), from), (4, number, local(1 + at / 2)));
        }
    }
}

/// One bad datagram in the middle of a batch is counted; those around it go.
#[test]
fn what_cannot_be_sent_hinders_no_other() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let phone = phone("127.0.0.1:0");
    let flow = Flow { transport: Transport::Udp, local: sockets.local()[0], remote: phone.local_addr().unwrap() };
    let too_long = Bytes::from(vec![0; 65_508]);
    for message in [&b"one"[..], b"", b"two", b"", b"", b"three"] {
        sockets.send(flow, if message.is_empty() { too_long.clone() } else { Bytes::copy_from_slice(message) });
    }
    sockets.flush();
    let mut buffer = [0; 16];
    for expected in [&b"one"[..], b"two", b"three"] {
        let length = phone.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], expected);
    }
    assert_eq!((sockets.counters().sent, sockets.counters().send_failed), (3, 3));
}

#[test]
fn what_was_not_flushed_goes_with_the_next_wait() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let phone = phone("127.0.0.1:0");
    let flow = Flow { transport: Transport::Udp, local: sockets.local()[0], remote: phone.local_addr().unwrap() };
    sockets.send(flow, Bytes::from_static(b"late"));
    sockets.wait(Some(Instant::now()), &mut Vec::new());
    assert_eq!(phone.recv(&mut [0; 16]).unwrap(), 4);
}

/// In one batch whole and long datagrams and empty ones: each is its own.
#[test]
fn a_batch_mixes_lengths() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let phone = phone("127.0.0.1:0");
    phone.connect(sockets.local()[0]).unwrap();
    let lengths = [1, 60_000, 0, 3, 65_507, 900, 2, 20_000];
    for (at, length) in lengths.into_iter().enumerate() {
        phone.send(&vec![b'a' + u8::try_from(at).unwrap(); length]).unwrap();
    }
    let received = wait_for(&mut sockets, lengths.len() - 1);
    let seen: Vec<(usize, u8)> = received
        .iter()
        .map(|one| match one {
            Received::Message { bytes, .. } => {
                assert!(bytes.iter().all(|octet| octet == &bytes[0]));
                (bytes.len(), bytes[0])
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, [(1, b'a'), (60_000, b'b'), (3, b'd'), (65_507, b'e'), (900, b'f'), (2, b'g'), (20_000, b'h')]);
}

fn bodies(received: &[Received]) -> Vec<String> {
    received
        .iter()
        .map(|one| match one {
            Received::Message { bytes, .. } => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// B-70: what belongs to a call goes before what would begin one.
#[test]
fn what_belongs_to_something_goes_first() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let phone = phone("127.0.0.1:0");
    phone.connect(sockets.local()[0]).unwrap();
    let sent = ["INVITE a", "BYE b", "REGISTER c", "SIP/2.0 d", "OPTIONS e", "UPDATE f\r\nTo: <x>;tag=1\r\n", "ACK g"];
    for message in sent {
        phone.send(message.as_bytes()).unwrap();
    }
    let received = wait_for(&mut sockets, sent.len());
    assert_eq!(bodies(&received), ["BYE b", "SIP/2.0 d", sent[5], "ACK g", "INVITE a", "REGISTER c", "OPTIONS e"]);
    let counters = sockets.guard_counters();
    assert_eq!((counters.inside, counters.new), (4, 3));
}

/// A CANCEL that came behind an INVITE of the same flow stays behind it, for it may be this one's.
#[test]
fn a_cancel_does_not_overtake_its_invite() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let (phone, other) = (phone("127.0.0.1:0"), phone("127.0.0.1:0"));
    for (from, message) in [(&phone, "INVITE a"), (&phone, "CANCEL a"), (&other, "CANCEL b")] {
        from.send_to(message.as_bytes(), sockets.local()[0]).unwrap();
    }
    assert_eq!(bodies(&wait_for(&mut sockets, 3)), ["CANCEL b", "INVITE a", "CANCEL a"]);
}

/// FT-13: beyond its allowance a source is not heard, and calls of others, and its own, are.
#[test]
fn a_flooding_source_is_cut() {
    let guard = GuardSettings { new_per_s: 1, new_burst: 10, inside_per_s: 1, inside_burst: 20, ..GuardSettings::default() };
    let settings = SignallingSettings { udp: vec!["0.0.0.0:0".parse().unwrap()], guard, ..SignallingSettings::default() };
    let mut sockets = SignallingSockets::bind(settings).unwrap().0;
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), sockets.local()[0].port());
    let (loud, calm) = (phone("127.0.0.1:0"), phone("127.0.0.2:0"));
    for _ in 0..100 {
        loud.send_to(b"REGISTER ", to).unwrap();
    }
    loud.send_to(b"BYE ", to).unwrap();
    calm.send_to(b"OPTIONS ", to).unwrap();
    let mut received = Vec::new();
    while sockets.counters().received < 102 {
        sockets.wait(Some(Instant::now() + PATIENCE), &mut received);
    }
    let count = |start: &str| bodies(&received).iter().filter(|body| body.starts_with(start)).count();
    // A second may have passed on a busy machine.
    assert!((10..=20).contains(&count("REGISTER")), "{}", count("REGISTER"));
    assert_eq!((count("BYE"), count("OPTIONS")), (1, 1));
    assert!(sockets.guard_counters().new_dropped >= 80);
    // Without a limit all are let in.
    sockets.set_guard(GuardSettings { new_per_s: 0, ..guard });
    let before = sockets.guard_counters().new_dropped;
    for _ in 0..100 {
        loud.send_to(b"REGISTER ", to).unwrap();
    }
    assert_eq!(wait_for(&mut sockets, 100).len(), 100);
    assert_eq!(sockets.guard_counters().new_dropped, before);
}

/// Keep-alives of phones behind NAT end here.
#[test]
fn line_ends_alone_are_not_handed_up() {
    let mut sockets = bind(&["127.0.0.1:0"]);
    let phone = phone("127.0.0.1:0");
    phone.connect(sockets.local()[0]).unwrap();
    for datagram in [&b"\r\n"[..], b"\r\n\r\n", b"", b"\n", b"OPTIONS"] {
        phone.send(datagram).unwrap();
    }
    assert_eq!(bodies(&wait(&mut sockets)), ["OPTIONS"]);
    assert_eq!((sockets.counters().received, sockets.counters().keep_alives), (5, 4));
}
