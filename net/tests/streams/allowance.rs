//! What streams may take: the guard has them wait, keep-alives are paid for, strangers make room.

use std::{
    io::Write,
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use net::{Received, StreamLimits};
use sip_core::{Flow, GuardSettings, Transport};

use super::{ANSWER, PATIENCE, Server, flow, read, read_to_end, request};

/// The guard stands before streams, too. What goes beyond is not dropped, for nobody would repeat it: it waits, without work for us.
#[test]
fn what_a_stream_brings_too_fast_waits_and_comes() {
    let mut server = Server::new();
    server.sockets.set_guard(GuardSettings { new_per_s: 100, new_burst: 5, ..GuardSettings::default() });
    let began = Instant::now();
    let mut phone = server.phone();
    let all: Vec<String> = (0..50).map(|number| request("OPTIONS", &format!("{number}"))).collect();
    phone.write_all(all.concat().as_bytes()).unwrap();
    // At another address nobody waits.
    let mut calm = server.phone_at([127, 0, 0, 2]);
    calm.write_all(request("REGISTER", "calm").as_bytes()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut waits = 0;
    while server.received.len() < 51 {
        server.sockets.wait(Some(deadline), &mut server.received);
        waits += 1;
        assert!(Instant::now() < deadline, "{} of 51", server.received.len());
    }
    // Five of these had the burst.
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    assert!(waits < 150, "{waits} turns for 45 tokens");
    let at = server.received.iter().position(|one| matches!(one, Received::Message { bytes, .. } if bytes.ends_with(b"calm"))).unwrap();
    assert!(at < 20, "{at}");
    server.received.remove(at);
    assert!(server.messages(50).iter().map(|(_, message)| message).eq(&all), "all, in their order");
    let counters = server.sockets.guard_counters();
    assert_eq!((counters.new_dropped, counters.inside_dropped), (0, 0));
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().held), (2, 0));
}

/// While a stream waits for its token it is not blamed for silence, what is not read is not stored, and other limits let it go on.
#[test]
fn a_stream_that_waits_is_not_read_and_not_closed() {
    let mut server = Server::new();
    server.sockets.set_guard(GuardSettings { new_per_s: 1, new_burst: 4, ..GuardSettings::default() });
    let mut phone = server.phone();
    let text = request("OPTIONS", "").repeat(20_000);
    let writer = std::thread::spawn(move || phone.write_all(text.as_bytes()).map(|()| phone));
    server.until("the burst", |server| server.received.len() >= 3);
    server.sockets.wait(Some(Instant::now()), &mut server.received);
    assert!(server.sockets.tcp_counters().held <= 128 << 10, "{:?}", server.sockets.tcp_counters());
    // Half a message lies behind what waits; it may be longer than a slow peer is given.
    server.sockets.expire(Instant::now() + StreamLimits::default().half_message + Duration::from_secs(1));
    assert_eq!(server.sockets.tcp_counters().open, 1);
    server.sockets.set_guard(GuardSettings { new_per_s: 0, ..GuardSettings::default() });
    server.until("all", |server| server.received.len() == 20_000);
    writer.join().unwrap().unwrap();
}

/// Anybody may send datagrams from the address of a phone. The phone has a stream and does not notice.
#[test]
fn forged_datagrams_starve_no_stream() {
    let mut server = Server::new();
    server.sockets.set_guard(GuardSettings { new_per_s: 1, new_burst: 10, inside_per_s: 1, inside_burst: 10, ..GuardSettings::default() });
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = server.sockets.local()[0];
    for _ in 0..50 {
        forger.send_to(b"OPTIONS sip:x SIP/2.0\r\n\r\n", to).unwrap();
        forger.send_to(b"BYE sip:x SIP/2.0\r\n\r\n", to).unwrap();
    }
    server.until("the flood", |server| server.sockets.counters().received == 100);
    server.received.clear();
    let mut phone = server.phone();
    phone.write_all((request("REGISTER", "") + &request("BYE", "")).as_bytes()).unwrap();
    let began = Instant::now();
    server.messages(2);
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(server.sockets.guard_counters().streams_refused, 0);
}

/// RFC 5626, 4.4.1, and no more than that: whoever sends keep-alives without end pays for them, and for whoever reads no answers none pile up.
#[test]
fn keep_alives_cost_what_messages_cost() {
    let mut server = Server::new();
    server.sockets.set_guard(GuardSettings { inside_per_s: 20, inside_burst: 5, ..GuardSettings::default() });
    let mut phone = server.phone();
    let began = Instant::now();
    for number in 1..=15 {
        phone.write_all(b"\r\n\r\n").unwrap();
        server.until("ping", |server| server.sockets.tcp_counters().pings == number);
        assert_eq!(read(&mut phone, 2), b"\r\n");
    }
    // One is free, five have the burst, nine wait for 50 ms each.
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    // Line ends that are no keep-alive cost the same: behind two of them even a message has to wait.
    phone.write_all(b"\r\n").unwrap();
    server.sockets.wait(None, &mut server.received);
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.message();
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
}

#[test]
fn one_pong_waits_at_most() {
    let mut server = Server::limited(StreamLimits { write_queue_max: 64 << 20, ..StreamLimits::default() });
    server.sockets.set_guard(GuardSettings { inside_per_s: 0, ..GuardSettings::default() });
    let mut phone = server.phone();
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (of, _) = server.message();
    let long = vec![b'x'; 32 << 20];
    server.send(of, &long);
    for number in 1..=100 {
        phone.write_all(b"\r\n\r\n").unwrap();
        server.until("ping", |server| server.sockets.tcp_counters().pings == number);
    }
    server.send(of, ANSWER);
    let reader = std::thread::spawn(move || {
        let all = read(&mut phone, (32 << 20) + 2 + ANSWER.len());
        // When that one is out, the next ping gets another.
        phone.write_all(b"\r\n\r\n").unwrap();
        (all, phone)
    });
    server.until("ping", |server| server.sockets.tcp_counters().pings == 101);
    let (all, mut phone) = reader.join().unwrap();
    assert!(all.ends_with(&[b"x\r\n", ANSWER].concat()), "one pong for all");
    assert_eq!(read(&mut phone, 2), b"\r\n");
}

/// Who is heard of by nobody has a short life, whatever goes by his stream; who is vouched for, a long one, for as long as that holds.
#[test]
fn strangers_do_not_stay() {
    let limits = StreamLimits::default();
    let second = Duration::from_secs(1);
    let answer = |method: &str, status: &str| format!("SIP/2.0 {status}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n");
    for (method, status) in [
        ("OPTIONS", "200 OK"),
        ("REGISTER", "401 Unauthorized"),
        ("REGISTER", "200 OK"),
        ("INVITE", "407 Proxy Authentication Required"),
        ("INVITE", "200 OK"),
    ] {
        let mut server = Server::new();
        let mut phone = server.phone();
        phone.write_all(request(method, "").as_bytes()).unwrap();
        let (of, _) = server.message();
        if method == "INVITE" {
            server.send(of, answer(method, "180 Ringing").as_bytes());
        }
        server.send(of, answer(method, status).as_bytes());
        server.sockets.expire(Instant::now() + limits.idle_stranger - second);
        assert_eq!(server.sockets.tcp_counters().open, 1, "{method} {status}");
        server.sockets.expire(Instant::now() + limits.idle_stranger);
        assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_idle), (0, 1), "{method} {status}");
    }
    for stays in [false, true] {
        let mut server = Server::new();
        let mut phone = server.phone();
        phone.write_all(request("REGISTER", "").as_bytes()).unwrap();
        let (of, _) = server.message();
        server.sockets.vouch(of);
        server.sockets.expire(Instant::now() + limits.idle - second);
        assert_eq!(server.sockets.tcp_counters().open, 1);
        if stays {
            server.sockets.expire(Instant::now() + limits.idle);
        } else {
            // It may have been silent for longer than a stranger may: its time begins now.
            server.send(of, answer("REGISTER", "200 OK").as_bytes());
            let answered = Instant::now();
            server.sockets.unvouch(of);
            server.sockets.expire(answered + limits.idle_stranger);
            assert_eq!(server.sockets.tcp_counters().open, 1);
            server.sockets.expire(Instant::now() + limits.idle_stranger - second);
            assert_eq!(server.sockets.tcp_counters().open, 1);
            server.sockets.expire(Instant::now() + limits.idle_stranger);
        }
        assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_idle), (0, 1), "{stays}");
    }
}

/// What cannot be parsed is never answered, and nothing here knows: a stranger does not live by what he is owed, but as long as anybody waits.
#[test]
fn what_is_never_answered_keeps_no_stranger() {
    let patience = Duration::from_secs(32);
    let second = Duration::from_secs(1);
    for (said, half_closes) in [("OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n", false), (&request("INVITE", ""), true)] {
        let mut server = Server::new();
        let mut phone = server.phone();
        phone.write_all(said.as_bytes()).unwrap();
        server.message();
        if half_closes {
            phone.shutdown(Shutdown::Write).unwrap();
            server.closed();
        }
        server.sockets.expire(Instant::now() + patience - second);
        assert_eq!(server.sockets.tcp_counters().open, 1, "an answer may still come");
        server.sockets.expire(Instant::now() + patience);
        assert_eq!(server.sockets.tcp_counters().open, 0, "{said}");
    }
}

/// However many streams of one address say more than they may: the next one from there is let in, and what it says waits.
#[test]
fn who_says_too_much_may_still_open_a_stream() {
    let mut server = Server::new();
    server.sockets.set_guard(GuardSettings { new_per_s: 10, new_burst: 5, ..GuardSettings::default() });
    let mut loud: Vec<TcpStream> = (0..4).map(|_| server.phone()).collect();
    for phone in &mut loud {
        phone.write_all(request("OPTIONS", "").repeat(20).as_bytes()).unwrap();
    }
    server.until("the burst", |server| server.received.len() >= 5);
    let mut calm = server.phone();
    calm.write_all(request("REGISTER", "calm").as_bytes()).unwrap();
    let is_calm = |one: &Received| matches!(one, Received::Message { bytes, .. } if bytes.ends_with(b"calm"));
    server.until("calm", |server| server.received.iter().any(is_calm));
    assert_eq!((server.sockets.guard_counters().streams_refused, server.sockets.tcp_counters().open), (0, 5));
}

/// Silent streams of one address do not lock that address out: the longest silent stranger of it goes, and nobody of another.
#[test]
fn strangers_make_room_for_their_own_address() {
    let mut server = Server::limited(StreamLimits { per_source_max: 3, ..StreamLimits::default() });
    let other = server.phone_at([127, 0, 0, 2]);
    server.until("the other", |server| server.sockets.tcp_counters().accepted == 1);
    let mut phones: Vec<TcpStream> = Vec::new();
    for number in 2..=4 {
        phones.push(server.phone());
        server.until("accepted", |server| server.sockets.tcp_counters().accepted == number);
    }
    server.sockets.vouch(flow(&server, &phones[0]));
    // The second speaks, so that the third is the longest silent of those that are left.
    phones[1].write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.message();
    phones.push(server.phone());
    server.until("one more", |server| server.sockets.tcp_counters().accepted == 5);
    assert_eq!(read_to_end(&mut phones[2]), "");
    // One that is a stranger again is among them by when it was heard; it was the first.
    server.sockets.unvouch(flow(&server, &phones[0]));
    phones.push(server.phone());
    server.until("one more", |server| server.sockets.tcp_counters().accepted == 6);
    assert_eq!(read_to_end(&mut phones[0]), "");
    assert_eq!((server.sockets.tcp_counters().closed_crowded, server.sockets.tcp_counters().refused), (2, 0));
    // Where the source has none but known ones, what goes beyond is refused.
    for phone in [&phones[1], &phones[3], &phones[4]] {
        server.sockets.vouch(flow(&server, phone));
    }
    let mut late = server.phone();
    server.until("refused", |server| server.sockets.tcp_counters().refused == 1);
    assert_eq!(read_to_end(&mut late), "");
    assert_eq!(server.sockets.tcp_counters().open, 4, "{other:?}");
}

/// When there are nearly too many, the stranger that has been silent for longest makes room; who is known does not.
#[test]
fn strangers_make_room() {
    let mut server = Server::limited(StreamLimits { connections_max: 4, ..StreamLimits::default() });
    let mut phones: Vec<TcpStream> = Vec::new();
    for number in 1..=4 {
        phones.push(server.phone());
        server.until("accepted", |server| server.sockets.tcp_counters().accepted == number);
    }
    server.sockets.vouch(flow(&server, &phones[0]));
    // The second speaks, so that the third is the longest silent, though it came later.
    phones[1].write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.message();
    phones.push(server.phone());
    server.until("the fifth", |server| server.sockets.tcp_counters().accepted == 5);
    assert_eq!((server.sockets.tcp_counters().closed_crowded, server.sockets.tcp_counters().open), (1, 4));
    assert_eq!(read_to_end(&mut phones[2]), "");
    // One that we open ourselves has its room, too. The end of whoever had spoken is told.
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    phones[3].write_all(request("OPTIONS", "").as_bytes()).unwrap();
    phones[4].write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.messages(2);
    let out = Flow { transport: Transport::Tcp, local: server.address, remote: peer.local_addr().unwrap() };
    server.send(out, request("INVITE", "").as_bytes());
    assert_eq!(server.closed(), flow(&server, &phones[1]));
    // Where all are known, nobody goes.
    for phone in [&phones[3], &phones[4]] {
        server.sockets.vouch(flow(&server, phone));
    }
    let mut late = server.phone();
    server.until("refused", |server| server.sockets.tcp_counters().refused == 1);
    assert_eq!(read_to_end(&mut late), "");
    assert_eq!((server.sockets.tcp_counters().closed_crowded, server.sockets.tcp_counters().open), (2, 4));
}
