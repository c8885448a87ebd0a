//! Signalling over TCP on the loopback network. Nothing here waits for time to pass: where a limit is a time, the test says what time it is.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "streams/allowance.rs"]
mod allowance;

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use bytes::Bytes;
use net::{Received, SignallingSettings, SignallingSockets, StreamLimits};
use sip_core::{Flow, FramerLimits, GuardSettings, Transport};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

fn request(method: &str, body: &str) -> String {
    format!(
        "{method} sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\n\
         To: <sip:x@example.com>\r\nCall-ID: 1@a\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const ANSWER: &[u8] = b"SIP/2.0 200 OK\r\n\r\n";

struct Server {
    sockets: SignallingSockets,
    address: SocketAddr,
    received: Vec<Received>,
}

impl Server {
    fn new() -> Self {
        Self::with(Ipv4Addr::LOCALHOST.into(), StreamLimits::default())
    }

    fn with(host: IpAddr, stream_limits: StreamLimits) -> Self {
        let any = vec![SocketAddr::new(host, 0)];
        let settings = SignallingSettings { udp: any.clone(), tcp: any, stream_limits, ..SignallingSettings::default() };
        let (sockets, _) = SignallingSockets::bind(settings).unwrap();
        let address = sockets.local_tcp()[0];
        Self { sockets, address, received: Vec::new() }
    }

    fn limited(limits: StreamLimits) -> Self {
        Self::with(Ipv4Addr::LOCALHOST.into(), limits)
    }

    fn phone(&self) -> TcpStream {
        self.phone_at([127, 0, 0, 1])
    }

    /// One at another address.
    fn phone_at(&self, ip: [u8; 4]) -> TcpStream {
        let socket = socket2::Socket::new(socket2::Domain::for_address(self.address), socket2::Type::STREAM, None).unwrap();
        if self.address.is_ipv4() {
            socket.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
        }
        socket.connect(&self.address.into()).unwrap();
        let phone = TcpStream::from(socket);
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        phone.set_nodelay(true).unwrap();
        phone
    }

    /// Goes on until `done`; what was received is kept.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: {:?} {:?}", self.sockets.tcp_counters(), self.received);
            self.sockets.wait(Some(deadline), &mut self.received);
        }
    }

    /// Exactly so many messages, and nothing else, since the last call: flows and octets.
    fn messages(&mut self, count: usize) -> Vec<(Flow, String)> {
        self.until("messages", |server| server.received.len() >= count);
        let messages = self.received.drain(..).map(|one| match one {
            Received::Message { flow, bytes } => (flow, String::from_utf8(bytes.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        });
        let messages: Vec<_> = messages.collect();
        assert_eq!(messages.len(), count);
        messages
    }

    fn message(&mut self) -> (Flow, String) {
        self.messages(1).remove(0)
    }

    fn closed(&mut self) -> Flow {
        self.until("closed", |server| !server.received.is_empty());
        match self.received.drain(..).collect::<Vec<_>>()[..] {
            [Received::Closed { flow, .. }] => flow,
            ref other => panic!("{other:?}"),
        }
    }

    /// What `phone` reads until the server closes its direction; the server goes on meanwhile.
    fn end_of(&mut self, phone: &mut TcpStream) -> String {
        let mut reader = phone.try_clone().unwrap();
        let reader = std::thread::spawn(move || read_to_end(&mut reader));
        self.until("the end", |_| reader.is_finished());
        reader.join().unwrap()
    }

    fn send(&mut self, flow: Flow, bytes: &[u8]) {
        self.sockets.send(flow, Bytes::copy_from_slice(bytes));
        self.sockets.flush();
    }
}

fn flow(server: &Server, phone: &TcpStream) -> Flow {
    Flow { transport: Transport::Tcp, local: server.address, remote: phone.local_addr().unwrap() }
}

/// Closes it so that the server sees an error, and not an end behind which it may still be listened to.
fn reset(phone: TcpStream) {
    socket2::SockRef::from(&phone).set_linger(Some(Duration::ZERO)).unwrap();
}

fn read(phone: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut buffer = vec![0; length];
    phone.read_exact(&mut buffer).unwrap();
    buffer
}

/// All until the server closes.
fn read_to_end(phone: &mut TcpStream) -> String {
    let mut all = Vec::new();
    phone.read_to_end(&mut all).unwrap();
    String::from_utf8(all).unwrap()
}

/// B-35.
#[test]
fn messages_are_found_however_they_are_cut() {
    let mut server = Server::new();
    let mut phone = server.phone();
    let three = [request("OPTIONS", ""), request("MESSAGE", "Hello\r\n\r\nSIP/2.0 200 OK\r\n\r\n"), request("REGISTER", "x")];
    // All in one segment.
    phone.write_all(three.concat().as_bytes()).unwrap();
    let messages = server.messages(3);
    assert!(messages.iter().map(|(_, message)| message).eq(&three));
    assert!(messages.iter().all(|(of, _)| *of == flow(&server, &phone)));
    // One octet at a time: each is read before the next is sent.
    for octet in three[1].bytes() {
        phone.write_all(&[octet]).unwrap();
        server.sockets.wait(Some(Instant::now()), &mut server.received);
    }
    assert_eq!(server.message().1, three[1]);
    // Cut in the middle of each.
    let all = three.concat();
    for piece in all.as_bytes().chunks(100) {
        phone.write_all(piece).unwrap();
        server.sockets.wait(Some(Instant::now()), &mut server.received);
    }
    assert!(server.messages(3).iter().map(|(_, message)| message).eq(&three));
    assert_eq!((server.sockets.tcp_counters().received, server.sockets.tcp_counters().open), (7, 1));
}

/// Far more than a turn, a read and a batch hold.
#[test]
fn a_thousand_messages_in_a_row_come_in_order() {
    let mut server = Server::new();
    let mut phone = server.phone();
    let all: Vec<String> = (0..1_000).map(|number| request("OPTIONS", &format!("{number}"))).collect();
    let text = all.concat();
    let writer = std::thread::spawn(move || phone.write_all(text.as_bytes()).map(|()| phone));
    let messages = server.messages(1_000);
    assert!(messages.iter().map(|(_, message)| message).eq(&all));
    writer.join().unwrap().unwrap();
}

/// RFC 5626, 4.4.1.
#[test]
fn a_ping_gets_a_pong_and_one_line_end_gets_none() {
    let mut server = Server::new();
    let mut phone = server.phone();
    phone.write_all(b"\r\n\r\n").unwrap();
    server.until("ping", |server| server.sockets.tcp_counters().pings == 1);
    assert_eq!(read(&mut phone, 2), b"\r\n");
    // One line end before a message is passed over (RFC 3261, 7.5).
    phone.write_all(format!("\r\n{}", request("OPTIONS", "")).as_bytes()).unwrap();
    let (flow, message) = server.message();
    assert!(message.starts_with("OPTIONS "));
    server.send(flow, ANSWER);
    assert_eq!(read(&mut phone, ANSWER.len()), ANSWER, "no pong came before it");
}

#[test]
fn answers_and_requests_go_by_the_same_stream() {
    let mut server = Server::new();
    let mut phone = server.phone();
    phone.write_all(request("REGISTER", "").as_bytes()).unwrap();
    let (flow, _) = server.message();
    let invite = request("INVITE", "v=0\r\n");
    server.sockets.send(flow, Bytes::from_static(ANSWER));
    server.sockets.send(flow, Bytes::from(invite.clone()));
    server.sockets.flush();
    assert_eq!(read(&mut phone, ANSWER.len()), ANSWER);
    assert_eq!(read(&mut phone, invite.len()), invite.as_bytes());
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.accepted, counters.connected, counters.sent), (1, 0, 2));
}

#[test]
fn what_breaks_a_stream_is_answered_and_ends_it() {
    // B-34 and B-36.
    let head = |lines: &str| request("OPTIONS", "").replace("Content-Length: 0\r\n", lines);
    let long_header = format!("X: {}\r\n", "x".repeat(70_000));
    for (lines, status) in [
        ("Content-Length: -1\r\n", "400"),
        ("Content-Length: 1\r\nl: 2\r\n", "400"),
        ("Content-Length: 18446744073709551616\r\n", "413"),
        ("Content-Length: 2147483648\r\n", "413"),
        ("Content-Length: 65535\r\n", "413"),
        ("", "400"),
        ("Content-Length: 0\n", "400"),
        (&long_header, "513"),
    ] {
        let mut server = Server::new();
        let mut phone = server.phone();
        // What follows is never taken for a message.
        let text = head(lines) + &request("REGISTER", "");
        phone.write_all(text.as_bytes()).unwrap();
        let answer = server.end_of(&mut phone);
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{lines:.40}: {answer}");
        assert!(answer.contains("\r\nCall-ID: 1@a\r\n") && answer.contains("branch=z9hG4bK1;received=127.0.0.1\r\n"), "{answer}");
        assert_eq!(answer.matches("SIP/2.0 ").count(), 1, "one answer: {answer}");
        drop(phone);
        server.until("gone", |server| server.sockets.tcp_counters().open == 0);
        assert_eq!((server.sockets.tcp_counters().closed_broken, server.received.len()), (1, 0), "nobody knows of the stream");
    }
}

/// A request that breaks its stream: what follows its head cannot be found.
fn breaks() -> String {
    request("BYE", "").replace("Content-Length: 0", "Content-Length: x")
}

/// `dblreq` of RFC 4475 over TCP: requests and what breaks the stream come in one segment.
#[test]
fn what_came_before_the_break_is_answered_first() {
    let mut server = Server::new();
    let mut phone = server.phone();
    phone.write_all([request("REGISTER", ""), request("INVITE", "v=0"), breaks(), request("OPTIONS", "")].concat().as_bytes()).unwrap();
    server.until("broken", |server| server.received.len() == 3);
    let of = flow(&server, &phone);
    let kinds: Vec<_> = server.received.drain(..).map(|one| matches!(one, Received::Closed { flow, .. } if flow == of)).collect();
    assert_eq!(kinds, [false, false, true], "the owner knows at once that nobody is asked there any more");
    server.send(of, ANSWER);
    server.send(of, b"SIP/2.0 100 Trying\r\n\r\n");
    assert_eq!(server.sockets.tcp_counters().open, 1);
    // What is no answer does not go out any more.
    server.send(of, request("BYE", "").as_bytes());
    assert_eq!(server.closed(), of);
    server.send(of, ANSWER);
    // Both answers were all that was owed.
    let told = String::from_utf8(ANSWER.to_vec()).unwrap();
    let all = read_to_end(&mut phone);
    assert!(all.starts_with(&format!("{told}SIP/2.0 100 Trying\r\n\r\n{told}SIP/2.0 400 Bad Request")), "{all}");
    assert_eq!(all.matches("SIP/2.0 ").count(), 4, "{all}");
    // What the peer says now is read away.
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    drop(phone);
    server.until("gone", |server| server.sockets.tcp_counters().open == 0);
    assert_eq!((server.sockets.tcp_counters().closed_broken, server.received.len()), (1, 0));
}

#[test]
fn a_broken_stream_does_not_wait_for_ever_for_an_answer() {
    let mut server = Server::new();
    let mut phone = server.phone();
    phone.write_all((request("INVITE", "v=0") + &breaks()).as_bytes()).unwrap();
    server.until("broken", |server| server.received.len() == 2);
    let of = flow(&server, &phone);
    server.send(of, b"SIP/2.0 180 Ringing\r\n\r\n");
    let now = Instant::now();
    server.sockets.expire(now + Duration::from_secs(4));
    server.sockets.flush();
    assert_eq!(server.sockets.tcp_counters().open, 1);
    server.sockets.expire(now + Duration::from_secs(6));
    server.sockets.flush();
    let all = read_to_end(&mut phone);
    assert!(all.starts_with("SIP/2.0 180 Ringing\r\n\r\nSIP/2.0 400 Bad Request"), "{all}");
    // The 200 comes too late for this stream.
    server.received.clear();
    server.send(of, ANSWER);
    assert_eq!(server.closed(), of);
    // A peer that does not close is not waited for either.
    server.sockets.expire(now + Duration::from_secs(9));
    assert_eq!((server.sockets.tcp_counters().closed_broken, server.sockets.tcp_counters().open), (1, 0));
}

/// Its answers have nobody to go to.
#[test]
fn a_peer_that_breaks_its_stream_and_goes_is_not_waited_for() {
    let mut server = Server::new();
    let mut phone = server.phone();
    phone.write_all((request("INVITE", "v=0") + &breaks()).as_bytes()).unwrap();
    server.until("broken", |server| server.received.len() == 2);
    reset(phone);
    server.until("gone", |server| server.sockets.tcp_counters().open == 0);
    assert_eq!((server.sockets.tcp_counters().closed_broken, server.received.len()), (1, 2), "its end is told once");
}

/// A response that breaks its stream, TLS on the wrong port, and noise get no answer.
#[test]
fn what_cannot_be_answered_is_closed_in_silence() {
    for text in ["SIP/2.0 200 OK\r\nContent-Length: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut server = Server::new();
        let mut phone = server.phone();
        phone.write_all(text.as_bytes()).unwrap();
        assert_eq!(server.end_of(&mut phone), "", "{text:?}");
        assert!(server.received.is_empty());
    }
}

/// B-16: the owner knows at once that a phone is gone.
#[test]
fn the_end_of_a_stream_is_told_behind_its_messages() {
    let mut server = Server::new();
    let mut phone = server.phone();
    let flow = flow(&server, &phone);
    phone.write_all(request("REGISTER", "").as_bytes()).unwrap();
    drop(phone);
    server.until("closed", |server| server.received.len() == 2);
    assert!(
        matches!(&server.received[..], [Received::Message { .. }, Received::Closed { flow: of, .. }] if *of == flow),
        "{:?}",
        server.received
    );
    server.received.clear();
    // A request has no way any more: from any other port the phone would not be there.
    server.send(flow, request("INVITE", "").as_bytes());
    assert_eq!(server.closed(), flow);
    assert_eq!(server.sockets.tcp_counters().send_failed, 1);
}

#[test]
fn a_reset_is_told() {
    let mut server = Server::new();
    let mut phone = server.phone();
    let flow = flow(&server, &phone);
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.message();
    server.send(flow, ANSWER);
    reset(phone);
    assert_eq!(server.closed(), flow);
    assert_eq!(server.sockets.tcp_counters().open, 0);
}

/// A peer that closed its own direction still gets its answer, and then the end.
#[test]
fn a_half_closed_stream_brings_the_answer() {
    let mut server = Server::new();
    let mut phone = server.phone();
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    phone.shutdown(Shutdown::Write).unwrap();
    server.until("closed", |server| server.received.len() == 2);
    let of = flow(&server, &phone);
    server.received.clear();
    server.send(of, b"SIP/2.0 100 Trying\r\n\r\n");
    assert_eq!(server.sockets.tcp_counters().open, 1, "the final answer is still owed");
    server.send(of, ANSWER);
    assert_eq!(read_to_end(&mut phone), format!("SIP/2.0 100 Trying\r\n\r\n{}", str::from_utf8(ANSWER).unwrap()));
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_by_peer), (0, 1));
    assert!(server.received.is_empty());
}

/// An INVITE may ring for long. Who half-closed does not hold a stream for ever by that, nor by not reading.
#[test]
fn a_half_closed_stream_waits_for_what_it_owes() {
    let limits = StreamLimits { write_queue_max: 64 << 20, ..StreamLimits::default() };
    let mut server = Server::limited(limits);
    let half_closed = |server: &mut Server| {
        let mut phone = server.phone();
        phone.write_all(request("INVITE", "v=0").as_bytes()).unwrap();
        phone.shutdown(Shutdown::Write).unwrap();
        server.until("closed", |server| server.received.len() == 2);
        server.received.clear();
        (flow(server, &phone), phone)
    };
    let (of, mut phone) = half_closed(&mut server);
    // The caller has proven who he is; that is known only behind the end of what he sends.
    server.sockets.vouch(of);
    server.send(of, b"SIP/2.0 180 Ringing\r\n\r\n");
    server.sockets.expire(Instant::now() + Duration::from_secs(180));
    server.send(of, ANSWER);
    assert_eq!(read_to_end(&mut phone), format!("SIP/2.0 180 Ringing\r\n\r\n{}", str::from_utf8(ANSWER).unwrap()));
    let (of, _phone) = half_closed(&mut server);
    server.sockets.vouch(of);
    server.sockets.expire(Instant::now() + limits.idle - Duration::from_secs(1));
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_by_peer), (1, 1));
    server.sockets.expire(Instant::now() + limits.idle);
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_by_peer), (0, 2));
    let (of, _phone) = half_closed(&mut server);
    server.send(of, &[b"SIP/2.0 200 OK\r\n", &vec![b'x'; 32 << 20][..]].concat());
    server.sockets.expire(Instant::now() + limits.half_message + Duration::from_secs(1));
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_stalled), (0, 1));
    server.sockets.wait(Some(Instant::now()), &mut server.received);
    assert!(server.received.is_empty(), "each end was told once");
}

/// What strangers open and close, however often, is no work for anybody behind the sockets.
#[test]
fn a_stream_that_carried_nothing_ends_untold() {
    let mut server = Server::new();
    server.sockets.set_guard(GuardSettings { new_per_s: 1, new_burst: 206, ..GuardSettings::default() });
    let half = request("INVITE", "")[..60].to_owned();
    for said in ["", "\r\n\r\n", &half, "GET / HTTP/1.1\r\n\r\n"] {
        for leave in [drop, reset] {
            for _ in 0..25 {
                let mut phone = server.phone();
                phone.write_all(said.as_bytes()).unwrap();
                leave(phone);
            }
        }
    }
    server.until("all gone", |server| {
        let counters = server.sockets.tcp_counters();
        counters.accepted == 200 && counters.open == 0
    });
    assert!(server.received.is_empty(), "{:?}", server.received);
    // One that spoke is told.
    let mut phones = [server.phone(), server.phone()];
    for phone in &mut phones {
        phone.write_all(request("OPTIONS", "").repeat(2).as_bytes()).unwrap();
    }
    server.until("all read", |server| server.received.len() == 4);
    phones.into_iter().for_each(reset);
    server.until("gone", |server| server.sockets.tcp_counters().open == 0 && server.received.len() == 4 + 2);
    // And who opens them too often is not let in.
    let mut phones: Vec<TcpStream> = (0..20).map(|_| server.phone()).collect();
    server.until("refused", |server| server.sockets.guard_counters().streams_refused > 5);
    assert_eq!(read_to_end(phones.last_mut().unwrap()), "");
    assert_eq!(server.sockets.tcp_counters().refused, 0, "no limit of streams is reached");
}

/// An end that is not told is known to nobody: at least it is counted.
#[test]
fn ends_that_are_not_told_are_counted() {
    const CLOSED_MAX: u64 = 1 << 16;
    let mut server = Server::new();
    let gone = Flow { transport: Transport::Tcp, local: server.address, remote: "127.0.0.1:1".parse().unwrap() };
    for _ in 0..CLOSED_MAX + 3 {
        server.sockets.send(gone, Bytes::from_static(ANSWER));
    }
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.closed_untold, counters.send_failed), (3, CLOSED_MAX + 3));
    server.sockets.wait(Some(Instant::now()), &mut server.received);
    assert_eq!(u64::try_from(server.received.len()).unwrap(), CLOSED_MAX);
}

/// RFC 3261, 18.2.2: to the source of the request and to nobody else, and no more than what one source may have.
#[test]
fn a_response_whose_stream_is_gone_goes_to_the_port_of_its_via() {
    let mut server = Server::limited(StreamLimits { per_source_max: 2, ..StreamLimits::default() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let elsewhere = TcpListener::bind(("127.0.0.9", port)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let answer =
        |status: &str, via: &str| format!("SIP/2.0 {status}\r\nVia: SIP/2.0/TCP {via};branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n");
    let mut phone = server.phone();
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (of, _) = server.message();
    drop(phone);
    server.until("closed", |server| server.received.len() == 1);
    // The first finds out that the phone is not only half-closed.
    server.send(of, answer("100 Trying", &format!("127.0.0.1:{port}")).as_bytes());
    server.until("gone", |server| server.sockets.tcp_counters().open == 0);
    server.received.clear();
    // Whatever the Via says of a host.
    let answers =
        [answer("180 Ringing", &format!("127.0.0.9:{port}")), answer("200 OK", &format!("h.example:{port};received=127.0.0.9;rport=1"))];
    server.send(of, answers[0].as_bytes());
    let (mut back, _) = listener.accept().unwrap();
    server.until("connected", |server| server.sockets.tcp_counters().connected == 1);
    server.send(of, answers[1].as_bytes());
    let both = answers.concat();
    back.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(read(&mut back, both.len()), both.as_bytes());
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    // It is a stream like any other.
    back.write_all(request("ACK", "").as_bytes()).unwrap();
    assert_eq!(server.message().0, Flow { remote: SocketAddr::new(of.remote.ip(), port), ..of });
    // A response leaves from where its request came to, and one that does not name a way has none.
    for message in [answers[0].as_bytes(), ANSWER] {
        server.sockets.send(Flow { local: SocketAddr::new(of.local.ip(), of.local.port() ^ 1), ..of }, Bytes::copy_from_slice(message));
    }
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().send_failed), (1, 2));
    server.sockets.wait(Some(Instant::now()), &mut server.received);
    server.received.clear();
    // With what the source has open itself it has its share: no stream is opened for it any more.
    let mut other = server.phone();
    other.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.message();
    let third = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&third).set_read_timeout(Some(PATIENCE)).unwrap();
    let failures = server.sockets.tcp_counters().connect_failures;
    server.send(of, answer("200 OK", &format!("127.0.0.1:{}", third.local_addr().unwrap().port())).as_bytes());
    assert_eq!((server.sockets.tcp_counters().connect_failures, server.sockets.tcp_counters().open), (failures + 1, 2));
    assert_eq!(server.closed(), of);
    reset(other);
    server.until("gone", |server| server.sockets.tcp_counters().open == 1);
    server.received.clear();
    server.send(of, answer("200 OK", &format!("127.0.0.1:{}", third.local_addr().unwrap().port())).as_bytes());
    third.accept().unwrap();
    assert_eq!(server.sockets.tcp_counters().open, 2);
}

/// B-37, and `clerr` of RFC 4475 over TCP: half a message is given its time from the first octet on, however it trickles.
#[test]
fn half_a_message_has_its_time() {
    let mut server = Server::new();
    let limits = StreamLimits::default();
    let mut phone = server.phone();
    let whole = request("OPTIONS", "body");
    // The stream has proven itself before.
    phone.write_all(whole.as_bytes()).unwrap();
    let (flow, _) = server.message();
    let began = Instant::now();
    let (half, rest) = whole.as_bytes().split_at(whole.len() - 2);
    phone.write_all(&half[..10]).unwrap();
    server.sockets.wait(None, &mut server.received);
    phone.write_all(&half[10..]).unwrap();
    server.sockets.wait(None, &mut server.received);
    server.sockets.expire(began + limits.half_message - Duration::from_millis(1));
    assert_eq!(server.sockets.tcp_counters().open, 1);
    // Whole in time: nothing happens. The time of the next half begins anew.
    phone.write_all(rest).unwrap();
    server.message();
    server.sockets.expire(began + limits.half_message + Duration::from_secs(1));
    assert_eq!(server.sockets.tcp_counters().open, 1);
    phone.write_all(half).unwrap();
    server.sockets.wait(None, &mut server.received);
    server.sockets.expire(Instant::now() + limits.half_message);
    assert_eq!(server.closed(), flow);
    assert_eq!((server.sockets.tcp_counters().closed_slow, server.sockets.tcp_counters().open), (1, 0));
    assert_eq!(read_to_end(&mut phone), "");
}

#[test]
fn who_never_says_anything_and_who_falls_silent_is_closed() {
    let mut server = Server::new();
    let limits = StreamLimits::default();
    let mut mute = server.phone();
    let mut pinger = server.phone();
    let mut spoken = server.phone();
    server.until("accepted", |server| server.sockets.tcp_counters().accepted == 3);
    spoken.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (of, _) = server.message();
    server.sockets.vouch(of);
    pinger.write_all(b"\r\n\r\n").unwrap();
    server.until("ping", |server| server.sockets.tcp_counters().pings == 1);
    let now = Instant::now();
    server.sockets.expire(now + limits.first_message);
    assert_eq!(server.sockets.tcp_counters().closed_slow, 2);
    assert_eq!((read_to_end(&mut mute), read_to_end(&mut pinger)), (String::new(), "\r\n".to_owned()));
    // A line end alone is a sign of life for the one that has spoken.
    spoken.write_all(b"\r\n").unwrap();
    server.sockets.wait(None, &mut server.received);
    server.sockets.expire(now + limits.idle - Duration::from_secs(1));
    assert_eq!(server.sockets.tcp_counters().open, 1);
    server.sockets.expire(Instant::now() + limits.idle);
    assert_eq!(server.closed(), flow(&server, &spoken));
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.closed_slow, counters.closed_idle), (2, 1));
}

/// B-37: whoever holds half requests open hinders nobody.
#[test]
fn two_hundred_half_requests_hinder_nobody() {
    let mut server = Server::new();
    let half = request("INVITE", "")[..60].to_owned();
    let mut slow: Vec<TcpStream> = (0..200).map(|_| server.phone()).collect();
    for phone in &mut slow {
        phone.write_all(half.as_bytes()).unwrap();
    }
    server.until("accepted", |server| server.sockets.tcp_counters().open == 200);
    let mut quick = server.phone();
    quick.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (flow, _) = server.message();
    server.send(flow, ANSWER);
    assert_eq!(read(&mut quick, ANSWER.len()), ANSWER);
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.send_to(b"OPTIONS udp", server.sockets.local()[0]).unwrap();
    assert_eq!(server.message().1, "OPTIONS udp");
    server.sockets.expire(Instant::now() + StreamLimits::default().half_message);
    assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().closed_slow), (1, 200));
    server.sockets.wait(Some(Instant::now()), &mut server.received);
    assert!(server.received.is_empty(), "nor do their ends concern anybody");
}

/// A stream with much to say gives way to the others.
#[test]
fn a_flooding_stream_starves_nobody() {
    let limits = StreamLimits { message: FramerLimits::default(), ..StreamLimits::default() };
    let mut server = Server::limited(limits);
    server.sockets.set_guard(GuardSettings { new_per_s: 0, ..GuardSettings::default() });
    let mut loud = server.phone();
    let mut calm = server.phone();
    server.until("accepted", |server| server.sockets.tcp_counters().accepted == 2);
    let text = request("OPTIONS", "").repeat(1_000);
    let writer = std::thread::spawn(move || loud.write_all(text.as_bytes()).map(|()| loud));
    server.until("the flood began", |server| server.received.len() >= 100);
    calm.write_all(request("REGISTER", "calm").as_bytes()).unwrap();
    server.received.clear();
    let is_calm = |one: &Received| matches!(one, Received::Message { bytes, .. } if bytes.starts_with(b"REGISTER"));
    server.until("calm", |server| server.received.iter().any(is_calm));
    assert!(server.received.len() < 800, "the calm one waited for {} messages", server.received.len());
    server.until("all", |server| server.sockets.tcp_counters().received == 1_001);
    writer.join().unwrap().unwrap();
}

#[test]
fn limits_of_streams_hold() {
    let mut server = Server::limited(StreamLimits { connections_max: 5, per_source_max: 3, ..StreamLimits::default() });
    let mut phones: Vec<TcpStream> = (0..3).map(|_| server.phone()).collect();
    server.until("accepted", |server| server.sockets.tcp_counters().accepted == 3);
    // For whom somebody vouches nobody goes.
    for phone in &phones {
        server.sockets.vouch(flow(&server, phone));
    }
    phones.push(server.phone());
    server.until("one refused", |server| server.sockets.tcp_counters().refused == 1);
    assert_eq!(read_to_end(&mut phones[3]), "");
    assert_eq!(server.sockets.tcp_counters().open, 3);
    // Another source has its own, within what there is in all.
    let mut others = Vec::new();
    for number in 1..=3 {
        others.push(server.phone_at([127, 0, 0, 2]));
        server.until("answered", |server| {
            let counters = server.sockets.tcp_counters();
            counters.accepted + counters.refused == 4 + number
        });
        let other = flow(&server, &others[others.len() - 1]);
        server.sockets.vouch(other);
    }
    assert_eq!(server.sockets.tcp_counters().open, 5);
    // What is closed makes room.
    drop(others);
    phones.clear();
    server.until("all closed", |server| server.sockets.tcp_counters().open == 0);
    server.received.clear();
    let mut phone = server.phone();
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    server.message();
    assert_eq!(server.sockets.tcp_counters().refused, 2);
}

#[test]
fn who_does_not_read_is_closed() {
    let limits = StreamLimits { write_queue_max: 100_000, ..StreamLimits::default() };
    let mut server = Server::limited(limits);
    let mut deaf = server.phone();
    deaf.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (flow, _) = server.message();
    let big = vec![b'x'; 50_000];
    let mut sent = 0;
    while server.sockets.tcp_counters().open == 1 {
        server.send(flow, &big);
        sent += 1;
        assert!(sent < 10_000, "the queue has no end");
    }
    assert_eq!(server.closed(), flow);
    assert_eq!(server.sockets.tcp_counters().closed_stalled, 1);
    // And one that reads nothing for long, though the queue would hold more.
    let mut deaf = server.phone();
    deaf.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (flow, _) = server.message();
    for _ in 0..sent - 1 {
        server.send(flow, &big);
    }
    server.sockets.expire(Instant::now() + limits.half_message + Duration::from_secs(1));
    assert_eq!(server.closed(), flow);
    assert_eq!(server.sockets.tcp_counters().closed_stalled, 2);
}

/// FT-12: what all hold together has a limit, and whoever holds little is not made to pay for it.
#[test]
fn the_memory_of_all_streams_is_bounded() {
    let mut server = Server::limited(StreamLimits { memory_max: 100_000, ..StreamLimits::default() });
    let head = request("MESSAGE", "").replace("Content-Length: 0", "Content-Length: 60000");
    let mut small = server.phone();
    let whole = request("OPTIONS", "body");
    small.write_all(&whole.as_bytes()[..200]).unwrap();
    server.until("small", |server| server.sockets.tcp_counters().held == 200);
    let mut greedy: Vec<TcpStream> = (0..4).map(|_| server.phone()).collect();
    for phone in &mut greedy {
        // It may be closed meanwhile.
        let _ = phone.write_all((head.clone() + &"x".repeat(40_000)).as_bytes());
        let before = server.sockets.tcp_counters();
        server.until("more", |server| {
            let now = server.sockets.tcp_counters();
            now.held >= before.held + 40_000 || now.closed_crowded > before.closed_crowded
        });
        assert!(server.sockets.tcp_counters().held <= 100_000);
    }
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.closed_crowded, counters.open), (2, 3));
    server.received.clear();
    // The small one is served, and what is whole or gone is not held any more.
    small.write_all(&whole.as_bytes()[200..]).unwrap();
    assert_eq!(server.message(), (flow(&server, &small), whole));
    drop(greedy);
    server.until("all gone", |server| server.sockets.tcp_counters().open == 1);
    assert_eq!(server.sockets.tcp_counters().held, 0);
}

#[test]
fn what_the_peer_reads_late_arrives_whole() {
    let mut server = Server::limited(StreamLimits { write_queue_max: 64 << 20, ..StreamLimits::default() });
    let mut phone = server.phone();
    phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
    let (flow, _) = server.message();
    let all: Vec<u8> = (0..20_000_u32).flat_map(|number| format!("SIP/2.0 100 {number:01000}\r\n").into_bytes()).collect();
    for message in all.chunks(1_014) {
        server.sockets.send(flow, Bytes::copy_from_slice(message));
    }
    server.sockets.flush();
    let expected = all.clone();
    let reader = std::thread::spawn(move || read(&mut phone, expected.len()) == expected && phone.write_all(b"\r\n\r\n").is_ok());
    server.until("all read", |server| server.sockets.tcp_counters().pings == 1);
    assert!(reader.join().unwrap());
}

#[test]
fn a_request_opens_a_stream_and_its_answer_comes_by_the_same_flow() {
    let mut server = Server::new();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = Flow { transport: Transport::Tcp, local: server.address, remote: peer.local_addr().unwrap() };
    let (first, second) = (request("INVITE", "1"), request("INVITE", "2"));
    // Both wait for the same stream.
    server.sockets.send(flow, Bytes::from(first.clone()));
    server.sockets.send(flow, Bytes::from(second.clone()));
    server.sockets.flush();
    let (mut phone, _) = peer.accept().unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    server.until("connected", |server| server.sockets.tcp_counters().connected == 1);
    assert_eq!(read(&mut phone, first.len() + second.len()), [first, second].concat().as_bytes());
    phone.write_all(b"SIP/2.0 180 Ringing\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(server.message().0, flow);
    // It is not held to say something within 30 s.
    server.sockets.expire(Instant::now() + StreamLimits::default().first_message);
    assert_eq!(server.sockets.tcp_counters().open, 1);
    drop(phone);
    assert_eq!(server.closed(), flow);
    // The next one opens another.
    server.send(flow, b"OPTIONS sip:x SIP/2.0\r\n\r\n");
    let (mut phone, _) = peer.accept().unwrap();
    server.until("connected", |server| server.sockets.tcp_counters().connected == 2);
    assert_eq!(read(&mut phone, 7), b"OPTIONS");
}

#[test]
fn a_stream_that_cannot_be_opened_is_told() {
    let mut server = Server::new();
    let local = server.address;
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let to = |local, remote| Flow { transport: Transport::Tcp, local, remote };
    let flow = to(local, refused);
    server.send(flow, b"INVITE");
    assert_eq!(server.closed(), flow);
    // A response has no stream to go by, and is no reason to open one.
    server.send(flow, ANSWER);
    assert_eq!(server.closed(), flow);
    // An address that is not ours, and another family.
    for flow in [to("192.0.2.7:5060".parse().unwrap(), refused), to(local, "[::1]:5060".parse().unwrap())] {
        server.send(flow, b"INVITE");
        assert_eq!(server.closed(), flow);
    }
    // One that does not answer: the backlog of this listener is full.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let busy = socket.local_addr().unwrap().as_socket().unwrap();
    let _filler = TcpStream::connect(busy).unwrap();
    let flow = to(local, busy);
    server.send(flow, b"INVITE");
    server.sockets.wait(Some(Instant::now()), &mut server.received);
    assert!(server.received.is_empty());
    server.sockets.expire(Instant::now() + StreamLimits::default().connect);
    assert_eq!(server.closed(), flow);
    let counters = server.sockets.tcp_counters();
    assert_eq!((counters.connect_failures, counters.connected, counters.open), (4, 0, 0));
}

#[test]
fn both_families_listen_on_one_port() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let addresses: Vec<SocketAddr> = ["0.0.0.0", "[::]"].iter().map(|host| format!("{host}:{free}").parse().unwrap()).collect();
    let settings = SignallingSettings { udp: addresses.clone(), tcp: addresses.clone(), ..SignallingSettings::default() };
    let (sockets, _) = SignallingSockets::bind(settings).unwrap();
    assert_eq!((sockets.local(), sockets.local_tcp()), (addresses.clone(), addresses));
    let mut server = Server { sockets, address: "[::]:0".parse().unwrap(), received: Vec::new() };
    let mut kept = Vec::new();
    for host in ["127.0.0.1", "127.0.0.9", "::1"] {
        let called = SocketAddr::new(host.parse().unwrap(), free);
        let mut phone = TcpStream::connect(called).unwrap();
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        phone.write_all(request("OPTIONS", "").as_bytes()).unwrap();
        let (flow, _) = server.message();
        // The real local address, not the wildcard.
        assert_eq!(flow, Flow { transport: Transport::Tcp, local: called, remote: phone.local_addr().unwrap() });
        server.send(flow, ANSWER);
        assert_eq!(read(&mut phone, ANSWER.len()), ANSWER);
        // And from it a stream is opened.
        let peer = TcpListener::bind(SocketAddr::new(host.parse().unwrap(), 0)).unwrap();
        server.send(Flow { remote: peer.local_addr().unwrap(), ..flow }, b"INVITE");
        let (opened, from) = peer.accept().unwrap();
        assert_eq!(from.ip(), called.ip());
        kept.extend([phone, opened]);
    }
}

#[test]
fn the_address_of_streams_is_not_shared() {
    let server = Server::new();
    let settings =
        SignallingSettings { udp: vec!["127.0.0.1:0".parse().unwrap()], tcp: vec![server.address], ..SignallingSettings::default() };
    let Err(error) = SignallingSockets::bind(settings) else { panic!("two servers on one port") };
    assert!(matches!(error, net::NetError::Bind { address, source } if address == server.address && source.kind() == ErrorKind::AddrInUse));
}
