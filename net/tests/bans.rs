//! Who is banned is not heard, whatever he sends by; all others are, and calls that are up go on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use net::{BanCounters, Received, SignallingSettings, SignallingSockets};
use sip_core::{Flow, Transport, guard::Source};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3_600);

fn sockets() -> SignallingSockets {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    SignallingSockets::bind(SignallingSettings { udp: vec![any], tcp: vec![any], ..SignallingSettings::default() }).unwrap().0
}

fn source(ip: &str) -> Source {
    ip.parse::<std::net::IpAddr>().unwrap().into()
}

fn request(method: &str, to: &str, number: u32) -> Vec<u8> {
    format!(
        "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{number}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>{to}\r\n\
         Call-ID: {number}\r\nCSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// The numbers of the messages that come until that of `last` has.
fn heard(sockets: &mut SignallingSockets, last: u32) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let (mut received, mut numbers) = (Vec::new(), Vec::new());
    loop {
        assert!(Instant::now() < deadline, "it never came: {numbers:?}");
        sockets.wait(Some(deadline), &mut received);
        for one in received.drain(..) {
            let Received::Message { bytes, .. } = one else { continue };
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            numbers.push(text.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap().to_owned());
        }
        if numbers.iter().any(|number| number.starts_with(&format!("{last} "))) {
            return numbers;
        }
    }
}

#[test]
fn datagrams_of_a_banned_source_are_dropped_and_others_are_not() {
    let mut sockets = sockets();
    let server = sockets.local()[0];
    let (banned, other) = (UdpSocket::bind("127.0.0.66:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    sockets.ban(source("127.0.0.66"), HOUR);
    banned.send_to(&request("REGISTER", "", 1), server).unwrap();
    banned.send_to(&request("INVITE", "", 2), server).unwrap();
    // A call that is up.
    banned.send_to(&request("BYE", ";tag=x", 3), server).unwrap();
    other.send_to(&request("REGISTER", "", 4), server).unwrap();
    assert_eq!(heard(&mut sockets, 4), ["3 BYE", "4 REGISTER"]);
    assert_eq!(sockets.ban_counters(), BanCounters { datagrams: 2, ..BanCounters::default() });
    sockets.unban(source("127.0.0.66"));
    banned.send_to(&request("REGISTER", "", 5), server).unwrap();
    assert_eq!(heard(&mut sockets, 5), ["5 REGISTER"]);
    // One that has ended by itself.
    sockets.ban(source("127.0.0.66"), Duration::ZERO);
    banned.send_to(&request("REGISTER", "", 6), server).unwrap();
    assert_eq!(heard(&mut sockets, 6), ["6 REGISTER"]);
}

/// Connects, says one thing, and gives the flow that it was heard by.
fn connect(sockets: &mut SignallingSockets, number: u32) -> (TcpStream, Flow) {
    let server = sockets.local_tcp()[0];
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&request("OPTIONS", "", number)).unwrap();
    heard(sockets, number);
    let remote = stream.local_addr().unwrap();
    (stream, Flow { transport: Transport::Tcp, local: server, remote })
}

#[test]
fn streams_of_a_banned_source_are_closed_and_refused() {
    let mut sockets = sockets();
    let phone = UdpSocket::bind("127.0.0.2:0").unwrap();
    let (mut stranger, _) = connect(&mut sockets, 1);
    let (mut known, flow) = connect(&mut sockets, 2);
    sockets.vouch(flow);
    sockets.ban(source("127.0.0.1"), HOUR);
    assert_eq!(stranger.read(&mut [0; 16]).unwrap_or_default(), 0, "closed");
    // By a stream that somebody vouches for a call goes on; nothing begins.
    known.write_all(&[request("INVITE", "", 3), request("BYE", ";tag=x", 4)].concat()).unwrap();
    assert_eq!(heard(&mut sockets, 4), ["4 BYE"]);
    let mut late = TcpStream::connect(sockets.local_tcp()[0]).unwrap();
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    phone.send_to(&request("OPTIONS", "", 5), sockets.local()[0]).unwrap();
    heard(&mut sockets, 5);
    // The stream was there before the datagram, or it comes with the next wait.
    let deadline = Instant::now() + PATIENCE;
    while sockets.ban_counters().streams < 2 {
        assert!(Instant::now() < deadline);
        sockets.wait(Some(deadline), &mut Vec::new());
    }
    assert_eq!(late.read(&mut [0; 16]).unwrap_or_default(), 0, "refused");
    assert_eq!(sockets.ban_counters(), BanCounters { messages: 1, streams: 2, ..BanCounters::default() });
    assert!(!sockets.adopter().admits("127.0.0.1:4000".parse().unwrap()), "nor is a handshake made");
    assert!(sockets.adopter().admits("127.0.0.2:4000".parse().unwrap()));
    assert_eq!(sockets.ban_counters().handshakes, 1);
    sockets.unban(source("127.0.0.1"));
    assert!(sockets.adopter().admits("127.0.0.1:4000".parse().unwrap()));
    let (mut again, flow) = connect(&mut sockets, 6);
    sockets.hang_up(flow);
    assert_eq!(again.read(&mut [0; 16]).unwrap_or_default(), 0, "hung up");
    assert_eq!(sockets.tcp_counters().closed_unheard, 2);
}
