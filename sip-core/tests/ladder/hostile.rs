//! Peers that do not keep to the rules: messages out of order, with wrong tags, numbers and branches, or broken in any octet.
//! Whatever comes, the endpoint does not fall over, and when all timers have run nothing is left over.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};
use sip_core::{
    Account, AccountId, Flow, Message, Method, OutsideRequest, RequestId, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Invite, ServerTx, SessionEvent, SessionId},
};

use crate::script::{SDP, start};

const SEEDS: u64 = 200;
const STEPS: usize = 300;
const TRANSACTIONS_MAX: usize = 60;
const SESSIONS_MAX: usize = 12;
/// What the peer still says when all sessions are hung up.
const LAST_WORDS: usize = 30;
/// 64*T1 and timer C: the longest that anything may stay of sessions that are over.
const LEFT_MAX: Duration = Duration::from_secs(32 + 181);

#[test]
fn nothing_is_left_of_a_hostile_peer() {
    let mut met = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut peer = Peer::new(seed);
        for _ in 0..STEPS {
            peer.step();
        }
        peer.finish();
        for event in peer.met {
            *met.entry(event).or_insert(0) += 1;
        }
    }
    // It is no test if the peer never gets anywhere.
    for event in [
        "Invited",
        "Ringing",
        "ForkEnded",
        "Answered",
        "Confirmed",
        "Reoffered",
        "Reconfirmed",
        "ReofferAnswered",
        "ReofferRefused",
        "Info",
        "Refused",
        "Ended",
        "Answered outside",
        "Unanswered",
        "Unproven",
        "INVITE proven",
        "BYE proven",
        "REGISTER proven",
    ] {
        assert!(met.contains_key(event), "never met {event}: {met:?}");
    }
}

struct Peer {
    rng: ChaCha12Rng,
    endpoint: Endpoint,
    now: Instant,
    flow: Flow,
    /// What the endpoint sent, which the peer answers and repeats in its own way.
    heard: Vec<Message>,
    sent: Vec<Bytes>,
    requests: Vec<ServerTx>,
    sessions: BTreeMap<SessionId, bool>,
    account: Option<AccountId>,
    /// Requests outside of dialogs that were not told of yet.
    asked: Vec<RequestId>,
    /// Words to build messages from; those of the endpoint are added as they are heard.
    tags: Vec<String>,
    branches: Vec<String>,
    met: Vec<String>,
    number: u32,
}

/// What the peer remembers of each kind: the newest.
const MEMORY: usize = 24;

fn remember<T>(memory: &mut Vec<T>, new: T) {
    if memory.len() == MEMORY {
        memory.remove(0);
    }
    memory.push(new);
}

impl Peer {
    fn new(seed: u64) -> Self {
        let settings = EndpointSettings { transactions_max: TRANSACTIONS_MAX, sessions_max: SESSIONS_MAX, ..EndpointSettings::default() };
        let mut endpoint = Endpoint::new(settings, [9; 32]);
        let account = endpoint.add_account(Account { username: "us".into(), secret: "secret".into(), realm: Some("carrier".into()) });
        Self {
            rng: ChaCha12Rng::seed_from_u64(seed),
            endpoint,
            account: account.filter(|_| !seed.is_multiple_of(5)),
            asked: Vec::new(),
            now: start(),
            flow: Flow {
                transport: if seed % 4 == 3 { Transport::Tcp } else { Transport::Udp },
                local: "10.0.0.1:5060".parse().unwrap(),
                remote: "10.0.0.9:5060".parse().unwrap(),
            },
            heard: Vec::new(),
            sent: Vec::new(),
            requests: Vec::new(),
            sessions: BTreeMap::new(),
            tags: vec!["peer".into(), "a".into(), String::new()],
            branches: vec!["z9hG4bK-1".into(), "z9hG4bK-2".into(), "old".into(), String::new()],
            met: Vec::new(),
            number: 0,
        }
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::try_from(self.rng.next_u64() % u64::try_from(below).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() {
            return None;
        }
        let at = self.draw(from.len());
        from.get(at).cloned()
    }

    fn step(&mut self) {
        let pause = if self.draw(100) == 0 { 40_000 } else { [0, 1, 200, 600, 5_000][self.draw(5)] };
        self.advance(Duration::from_millis(pause));
        let now = self.now;
        let session = self.pick(&self.sessions.keys().copied().collect::<Vec<_>>());
        match self.draw(14) {
            0..=4 => {
                let request = self.request();
                self.send(request);
            }
            5..=7 => {
                if let Some(response) = self.response() {
                    self.send(response);
                }
            }
            8 => {
                if let Some(again) = self.pick(&self.sent.clone()) {
                    self.send(again);
                }
            }
            9 => {
                let invite = Invite {
                    flow: self.flow,
                    uri: Bytes::from_static(b"sip:phone@192.168.1.9"),
                    from_display: None,
                    from_user: "100".into(),
                    to_user: "200".into(),
                    host: "pbx.example".into(),
                    sdp: Bytes::from_static(SDP),
                    headers: Vec::new(),
                    ring_s: 10,
                    account: self.account,
                };
                if self.draw(4) == 0 {
                    self.ask();
                } else if let Some(session) = self.endpoint.invite(now, invite) {
                    self.sessions.insert(session, false);
                }
            }
            10 => {
                if let Some(session) = session {
                    self.endpoint.answer(now, session, SDP);
                }
            }
            11 => {
                if let Some(session) = session {
                    match self.draw(16) {
                        5..=11 => {
                            let _refused = self.endpoint.reoffer(now, session, b"v=0\r\ns=ours\r\n");
                        }
                        12 => self.endpoint.flow_closed(now, self.flow),
                        13 => self.endpoint.unreachable(now, self.flow.remote),
                        0 => self.endpoint.hangup(now, session, Some((16, "bye"))),
                        1 => self.endpoint.refuse(now, session, 486, None, &[]),
                        2 => self.endpoint.ring(now, session, 180, Some(SDP)),
                        3 => self.endpoint.probe(now, session),
                        _ => self.endpoint.info(now, session, "a/b", b"x"),
                    }
                }
            }
            12 => {
                if let Some(session) = session {
                    self.endpoint.answer_reoffer(now, session, Ok(SDP));
                }
            }
            _ => {
                if let Some(tx) = self.requests.pop() {
                    self.endpoint.respond(now, tx, 200, None, &[]);
                }
            }
        }
        self.drain();
    }

    /// Everybody hangs up, with an offer on its way. The peer goes on to respond for a while to whatever it heard, and time passes.
    fn finish(&mut self) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            let _refused = self.endpoint.reoffer(self.now, session, b"v=0\r\ns=last\r\n");
            self.endpoint.hangup(self.now, session, None);
        }
        self.drain();
        for _ in 0..LAST_WORDS {
            if let Some(response) = self.response() {
                self.send(response);
            }
            self.advance(Duration::from_millis(20));
        }
        self.advance(LEFT_MAX);
        assert_eq!((self.endpoint.live(), self.endpoint.transactions(), self.endpoint.timeout()), (0, 0, None));
        assert!(self.sessions.values().all(|ended| *ended), "a session never ended");
        assert!(self.asked.is_empty(), "a request was never told of");
    }

    fn advance(&mut self, by: Duration) {
        let to = self.now + by;
        while let Some((at, _)) = self.endpoint.timeout().filter(|(at, _)| *at <= to) {
            self.now = at.max(self.now);
            self.endpoint.wake(self.now);
            self.drain();
        }
        self.now = to;
    }

    /// Two thirds of them fit a dialog that the endpoint spoke of; the others are put together from whatever was seen.
    fn request(&mut self) -> Bytes {
        let methods = ["INVITE", "INVITE", "ACK", "ACK", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS", "REGISTER", "PRACK", "REFER"];
        let method = methods[self.draw(methods.len())];
        let heard = self.heard.clone();
        let (mut from, mut to, mut call) =
            (self.pick(&self.tags.clone()).unwrap(), self.pick(&self.tags.clone()).unwrap(), "c1".to_owned());
        self.number += 1;
        let mut cseq = if self.draw(4) == 0 { u32::try_from(self.draw(8)).unwrap() } else { self.number };
        let mut branch = match self.draw(3) {
            0 => self.pick(&self.branches.clone()).unwrap(),
            _ => format!("z9hG4bK-r{}", self.rng.next_u32()),
        };
        let newest = heard[heard.len().saturating_sub(4)..].to_vec();
        let known = if self.draw(2) == 0 { newest } else { heard };
        if let Some(known) = self.pick(&known).filter(|_| !self.rng.next_u32().is_multiple_of(3)) {
            let (ours, theirs) = if known.is_request() { (known.from(), known.to()) } else { (known.to(), known.from()) };
            to = text(ours.unwrap().tag().unwrap_or_default());
            from = text(theirs.unwrap().tag().unwrap_or(b"a"));
            call = text(known.call_id().unwrap());
            if matches!(method, "ACK" | "CANCEL") {
                cseq = known.cseq().unwrap().number;
            }
            if method == "CANCEL" || (method == "ACK" && known.status() >= 300) {
                branch = text(known.via().unwrap().branch().unwrap_or_default());
            }
        } else if method == "INVITE" {
            to.clear();
            call = format!("c{}", self.number);
        }
        let tag = |tag: &str| if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let branch = if branch.is_empty() { branch } else { format!(";branch={branch}") };
        let body = if self.draw(2) == 0 { "Content-Type: application/sdp\r\n\r\nv=0\r\n" } else { "\r\n" };
        let extra = match method {
            "INVITE" => ["Supported: 100rel\r\nAllow: UPDATE\r\n", "Require: 100rel\r\n", ""][self.draw(8).min(2)].to_owned(),
            "PRACK" => {
                let reliable =
                    self.heard.iter().rev().find_map(|message| Some((message.header(sip_core::Name::RSeq)?, message.cseq().ok()?)));
                reliable.map(|(rseq, cseq)| format!("RAck: {} {} INVITE\r\n", text(rseq), cseq.number)).unwrap_or_default()
            }
            _ => String::new(),
        };
        Bytes::from(format!(
            "{method} sip:100@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9{branch}\r\nFrom: <sip:p@x>{}\r\nTo: <sip:100@y>{}\r\n\
             Call-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:p@10.0.0.9>\r\n{extra}{body}",
            tag(&from),
            tag(&to),
        ))
    }

    fn ask(&mut self) {
        let asked = OutsideRequest {
            flow: self.flow,
            method: [Method::Register, Method::Options, Method::Message][self.draw(3)],
            uri: Bytes::from_static(b"sip:carrier"),
            from: "<sip:us@carrier>".into(),
            to: "<sip:us@carrier>".into(),
            call_id: None,
            cseq: 1,
            contact: true,
            headers: Vec::new(),
            body: None,
            account: self.account,
        };
        self.asked.extend(self.endpoint.request(self.now, asked));
    }

    /// Each is told once.
    fn told(&mut self, request: RequestId, what: &str) {
        let at = self.asked.iter().position(|asked| *asked == request).expect("it was asked, and not told yet");
        self.asked.swap_remove(at);
        self.met.push(what.into());
    }

    fn response(&mut self) -> Option<Bytes> {
        let request = self.pick(&self.heard.clone()).filter(Message::is_request)?;
        let status = [100, 180, 183, 200, 200, 302, 408, 481, 486, 603, 422, 491, 405, 401, 401, 407][self.draw(16)];
        let challenge = match status {
            401 | 407 => {
                let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
                let (nonce, stale) = (self.draw(20), ["true", "false"][self.draw(2)]);
                let realm = ["carrier", "carrier", "carrier", "evil"][self.draw(4)];
                format!("{name}: Digest realm=\"{realm}\", nonce=\"n{nonce}\", qop=\"auth\", stale={stale}\r\n")
            }
            _ => String::new(),
        };
        let field = |name| text(request.header(name).unwrap());
        let to = field(sip_core::Name::To);
        let to = if to.contains("tag=") { to } else { format!("{to};tag={}", ["a", "b", "peer"][self.draw(3)]) };
        let reliable = if self.draw(4) == 0 { format!("Require: 100rel\r\nRSeq: {}\r\n", self.draw(4)) } else { String::new() };
        let body = if self.draw(2) == 0 { "Content-Type: application/sdp\r\n\r\nv=0\r\n" } else { "\r\n" };
        Some(Bytes::from(format!(
            "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:a@x>\r\n{challenge}{}{reliable}{body}",
            field(sip_core::Name::Via),
            field(sip_core::Name::From),
            field(sip_core::Name::CallId),
            field(sip_core::Name::CSeq),
            ["", "Session-Expires: 90;refresher=uas\r\n", "x: 1;refresher=uac\r\n", "Min-SE: 2000\r\n", "Allow: UPDATE\r\n"][self.draw(5)],
        )))
    }

    /// One in five is broken somewhere.
    fn send(&mut self, bytes: Bytes) {
        let mut bytes = bytes.to_vec();
        if self.draw(5) == 0 {
            for _ in 0..=self.draw(3) {
                let at = self.draw(bytes.len().max(1));
                if bytes.is_empty() {
                    break;
                }
                match self.draw(3) {
                    0 => bytes[at] = self.rng.next_u64().to_le_bytes()[0],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
        }
        let bytes = Bytes::from(bytes);
        remember(&mut self.sent, bytes.clone());
        self.endpoint.received(self.now, self.flow, bytes);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Heard { .. } => {}
                EndpointOutput::Answered { request, message, unproven, .. } => {
                    assert!(unproven.is_none() || (matches!(message.status(), 401 | 407) && self.account.is_some()));
                    self.told(request, if unproven.is_some() { "Unproven" } else { "Answered outside" });
                }
                EndpointOutput::Unanswered { request, .. } => self.told(request, "Unanswered"),
                EndpointOutput::Transmit { bytes, .. } => {
                    let proven = |method: &[u8]| bytes.starts_with(method) && bytes.windows(15).any(|part| part == b"Authorization: ");
                    for (method, what) in [(&b"INVITE"[..], "INVITE proven"), (b"BYE", "BYE proven"), (b"REGISTER", "REGISTER proven")] {
                        if proven(method) {
                            assert!(self.account.is_some() && !bytes.windows(12).any(|part| part == b"realm=\"evil\""));
                            self.met.push(what.into());
                        }
                    }
                    self.hear(bytes);
                }
                EndpointOutput::Request { tx, .. } => match self.draw(3) {
                    0 => self.endpoint.challenge_request(self.now, tx, 401, &[]),
                    _ => self.requests.push(tx),
                },
                EndpointOutput::Invited { session, .. } => {
                    self.met.push("Invited".into());
                    self.sessions.insert(session, false);
                    match self.draw(6) {
                        0..=2 => self.endpoint.answer(self.now, session, SDP),
                        3 => {
                            // Nothing may be told of it from here on, or `Session` does not find it.
                            self.endpoint.challenge(self.now, session, 401, &[]);
                            self.sessions.remove(&session);
                        }
                        _ => {}
                    }
                }
                EndpointOutput::Session { session, event } => {
                    let name = format!("{event:?}");
                    self.met.push(name.split(' ').next().unwrap_or_default().to_owned());
                    let ended = self.sessions.get_mut(&session).unwrap();
                    assert!(!*ended, "{event:?} after the end");
                    let reoffered = matches!(event, SessionEvent::Reoffered { .. });
                    *ended = matches!(event, SessionEvent::Ended { .. } | SessionEvent::Refused { .. });
                    if reoffered && self.draw(2) == 0 {
                        self.endpoint.answer_reoffer(self.now, session, Ok(SDP));
                    }
                }
            }
        }
        assert!(self.endpoint.live() <= SESSIONS_MAX);
        assert!(self.endpoint.transactions() <= TRANSACTIONS_MAX + 2 * SESSIONS_MAX);
    }

    fn hear(&mut self, bytes: Bytes) {
        // An answer to a broken request may be as broken.
        let Ok(message) = Message::parse(bytes) else { return };
        for tag in [message.from().unwrap().tag(), message.to().unwrap().tag()].into_iter().flatten() {
            remember(&mut self.tags, text(tag));
        }
        if let Some(branch) = message.via().unwrap().branch() {
            remember(&mut self.branches, text(branch));
        }
        remember(&mut self.heard, message);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
