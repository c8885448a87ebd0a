//! The signalling sockets on the loopback network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use net::{BATCH_MAX, NetError, Received, SignallingSockets};
use sip_core::{Flow, Transport};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

fn bind(addresses: &[&str]) -> SignallingSockets {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    SignallingSockets::bind(&addresses).unwrap().0
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
        let [Received::Datagram { flow, bytes }] = &received[..] else { panic!("{received:?}") };
        let expected = Flow { transport: Transport::Udp, local: called, remote: phone.local_addr().unwrap() };
        assert_eq!((*flow, &bytes[..]), (expected, &b"OPTIONS"[..]));
        sockets.send(*flow, b"200");
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
        let Received::Datagram { flow, .. } = received[0] else { panic!("{received:?}") };
        assert_eq!(flow.local, called);
        sockets.send(flow, b"y");
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
        let Received::Datagram { flow, bytes } = &received[0] else { panic!("{received:?}") };
        assert_eq!(bytes.len(), length);
        sockets.send(*flow, bytes);
        let mut back = vec![0; 70_000];
        assert_eq!(phone.recv(&mut back).unwrap(), length);
    }
    // One octet more than a datagram can hold is counted and forgotten.
    let flow = Flow { transport: Transport::Udp, local: sockets.local()[0], remote: phone.local_addr().unwrap() };
    sockets.send(flow, &vec![0; 65_508]);
    assert_eq!(sockets.counters().send_failed, 1);
}

#[test]
fn a_peer_that_is_gone_is_told_with_its_port_and_hinders_no_other() {
    for host in ["127.0.0.1", "::1"].into_iter().filter(|host| *host != "::1" || has_ipv6()) {
        let host: IpAddr = host.parse().unwrap();
        let (mut sockets, _) = SignallingSockets::bind(&[SocketAddr::new(host, 0)]).unwrap();
        let local = sockets.local()[0];
        let alive = phone(&SocketAddr::new(host, 0).to_string());
        let gone = {
            let closed = UdpSocket::bind(SocketAddr::new(host, 0)).unwrap();
            closed.local_addr().unwrap()
        };
        let to = |remote| Flow { transport: Transport::Udp, local, remote };
        for round in 0..20 {
            sockets.send(to(gone), b"INVITE");
            // The kernel's report on the first would spoil the second, were it not taken care of.
            sockets.send(to(alive.local_addr().unwrap()), b"INVITE");
            assert_eq!(alive.recv(&mut [0; 16]).unwrap(), 6, "round {round}");
        }
        let told = wait_for(&mut sockets, 20);
        assert!(told.iter().all(|one| *one == Received::Unreachable { remote: gone }), "{told:?}");
        alive.send_to(b"200", local).unwrap();
        assert!(matches!(&wait(&mut sockets)[0], Received::Datagram { bytes, .. } if bytes.len() == 3));
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
    let is_calm = |one: &Received| matches!(one, Received::Datagram { bytes, .. } if &bytes[..] == b"calm");
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
    let (mut sockets, waker) = SignallingSockets::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
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
    match SignallingSockets::bind(&[address]) {
        Err(NetError::Bind { address: told, source }) => assert_eq!((told, source.kind()), (address, ErrorKind::AddrInUse)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(SignallingSockets::bind(&[]), Err(NetError::NoAddress)));
    assert!(matches!(SignallingSockets::bind(&["192.0.2.1:0".parse().unwrap()]), Err(NetError::Bind { .. })));
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
        Flow { transport: Transport::Tcp, ..udp },
        Flow { local: other_port, ..udp },
        Flow { remote: "[::1]:5060".parse().unwrap(), ..udp },
        Flow { local: SocketAddr::new("127.0.0.9".parse().unwrap(), local.port()), ..udp },
    ] {
        sockets.send(flow, b"x");
    }
    assert_eq!((sockets.counters().sent, sockets.counters().send_failed), (0, 4));
    // Where the owner does not know the address, the kernel chooses.
    sockets.send(Flow { local: SocketAddr::new("0.0.0.0".parse().unwrap(), local.port()), ..udp }, b"x");
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
