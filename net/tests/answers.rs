//! RFC 3261, 18.2.2, through both rooms: where the answer goes to a phone that is gone from the stream it asked by. The endpoint names the stream
//! that the request came by, the sockets know whether it still carries anything.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use net::{Received, SignallingSettings, SignallingSockets};
use sip_core::{
    Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, SessionEvent, SessionId},
};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    sockets: SignallingSockets,
    endpoint: Endpoint,
    address: SocketAddr,
    /// Ends of streams that were told.
    closed: usize,
    invited: Option<SessionId>,
    events: Vec<SessionEvent>,
}

impl Server {
    fn new() -> Self {
        let any: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap()];
        let settings = SignallingSettings { udp: any.clone(), tcp: any, ..SignallingSettings::default() };
        let (sockets, _) = SignallingSockets::bind(settings).unwrap();
        let address = sockets.local_tcp()[0];
        let endpoint = Endpoint::new(EndpointSettings::default(), [3; 32]);
        Self { sockets, endpoint, address, closed: 0, invited: None, events: Vec::new() }
    }

    /// As the signalling loop does it.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut received = Vec::new();
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: {:?} {:?}", self.sockets.tcp_counters(), self.events);
            let wake = self.endpoint.timeout().map_or(deadline, |(at, _)| at.min(deadline));
            self.sockets.wait(Some(wake), &mut received);
            let now = Instant::now();
            for one in received.drain(..) {
                match one {
                    Received::Message { flow, bytes } => self.endpoint.received(now, flow, bytes),
                    Received::Closed { flow, .. } => {
                        self.closed += 1;
                        self.endpoint.flow_closed(now, flow);
                    }
                    Received::Unreachable { remote } => self.endpoint.unreachable(now, remote),
                }
            }
            self.endpoint.wake(now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { flow, bytes, .. } => {
                    assert_eq!(flow.transport, Transport::Tcp);
                    self.sockets.send(flow, bytes);
                }
                EndpointOutput::Invited { session, .. } => self.invited = Some(session),
                EndpointOutput::Session { event, .. } => self.events.push(event),
                EndpointOutput::Heard { .. } | EndpointOutput::Request { .. } => {}
                EndpointOutput::Answered { .. } | EndpointOutput::Unanswered { .. } => panic!("nothing was asked"),
            }
        }
        self.sockets.flush();
    }

    /// A phone invites, and says in its Via that it listens at `port`.
    fn invite(&mut self, port: u16) -> TcpStream {
        let mut phone = TcpStream::connect(self.address).unwrap();
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        phone.write_all(message("INVITE", "INVITE", port, "", "v=0\r\n").as_bytes()).unwrap();
        phone
    }

    fn answer(&mut self) {
        self.endpoint.answer(Instant::now(), self.invited.unwrap(), b"v=0\r\n");
        self.drain();
    }
}

fn message(method: &str, branch: &str, port: u16, to_tag: &str, body: &str) -> String {
    format!(
        "{method} sip:100@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.168.1.9:{port};rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@example.com>;tag=1\r\nTo: <sip:100@example.com>{to_tag}\r\nCall-ID: 1@a\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@192.168.1.9:{port};transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What is read until a message came that begins so; and the tag of its To.
fn read_until(stream: &mut TcpStream, start: &str) -> (String, String) {
    let mut all = String::new();
    let mut buffer = [0; 4_096];
    loop {
        if let Some((_, message)) = all.split_once(start)
            && let Some((head, _)) = message.split_once("\r\n\r\n")
        {
            let to = head.lines().find(|line| line.starts_with("To:")).unwrap();
            return (all.clone(), to.split_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).unwrap_or_default());
        }
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the end before {start}: {all}");
        all.push_str(str::from_utf8(&buffer[..count]).unwrap());
    }
}

#[test]
fn who_half_closed_is_answered_by_the_same_stream() {
    for refuses in [false, true] {
        let mut server = Server::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut phone = server.invite(listener.local_addr().unwrap().port());
        phone.shutdown(Shutdown::Write).unwrap();
        server.until("the end of what the phone says", |server| server.closed == 1 && server.invited.is_some());
        assert_eq!(server.sockets.tcp_counters().open, 1);
        if refuses {
            server.endpoint.refuse(Instant::now(), server.invited.unwrap(), 486, None, &[]);
            server.drain();
        } else {
            server.answer();
        }
        let mut all = String::new();
        phone.read_to_string(&mut all).unwrap();
        let starts: Vec<&str> = all.lines().filter(|line| line.starts_with("SIP/2.0 ")).collect();
        assert_eq!(starts, ["SIP/2.0 100 Trying", if refuses { "SIP/2.0 486 Busy Here" } else { "SIP/2.0 200 OK" }]);
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody is called back");
    }
}

#[test]
fn who_closed_is_answered_at_the_port_of_the_via() {
    for refuses in [false, true] {
        let mut server = Server::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(server.invite(port));
        server.until("the stream is gone", |server| {
            server.closed == 1 && server.invited.is_some() && server.sockets.tcp_counters().open == 0
        });
        if refuses {
            server.endpoint.refuse(Instant::now(), server.invited.unwrap(), 486, None, &[]);
            server.drain();
        } else {
            server.answer();
        }
        let (mut back, _) = listener.accept().unwrap();
        back.set_read_timeout(Some(PATIENCE)).unwrap();
        server.until("connected", |server| server.sockets.tcp_counters().connected == 1);
        let (all, tag) = read_until(&mut back, if refuses { "SIP/2.0 486 " } else { "SIP/2.0 200 " });
        assert!(all.contains("branch=z9hG4bKINVITE;"), "{all}");
        // The call goes on by the new stream.
        back.write_all(message("ACK", if refuses { "INVITE" } else { "ACK" }, port, &tag, "").as_bytes()).unwrap();
        if refuses {
            server.until("no transaction is left", |server| server.endpoint.transactions() == 0);
        } else {
            server.until("confirmed", |server| server.events.contains(&SessionEvent::Confirmed { sdp: None }));
            server.endpoint.hangup(Instant::now(), server.invited.unwrap(), None);
            server.drain();
            read_until(&mut back, "BYE ");
        }
        assert_eq!((server.sockets.tcp_counters().open, server.sockets.tcp_counters().connected), (1, 1));
    }
}
