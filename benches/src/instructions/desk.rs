//! A switchboard with two phones that are as simple as can be, and virtual time.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use calls::{Input, MediaPort, Output, Restored, Settings, Switchboard};
use md5::{Digest, Md5};
use media::Command as MediaCommand;
use model::{CenterId, Directory, Ha1, Hub, HubId, HubKind, SlotEntry, SlotId, SlotLimits, SlotState, WallTime};
use sip_core::{Algorithm, Credentials, Flow, RegistrarSettings, Transport};

use crate::workloads::measured;

const REALM: &str = "bench";
const DOMAIN: &str = "pbx.test";
const SERVER: &str = "10.0.0.1:5060";
/// One way through the network.
const TRIP: Duration = Duration::from_millis(1);
/// After this, transactions of an ended call are forgotten (RFC 3261: 64*T1), and all ports have rested.
const AFTER: Duration = Duration::from_secs(40);

/// A phone.
pub(crate) struct Phone {
    number: &'static str,
    address: SocketAddr,
    nonce: String,
    count: u32,
    cseq: u32,
}

/// The switchboard, the caller and the callee.
pub(crate) struct Desk {
    now: Instant,
    board: Switchboard,
    server: SocketAddr,
    turn: u64,
    caller: Phone,
    callee: Phone,
    /// What the switchboard has sent and nobody has looked at.
    sent: Vec<(SocketAddr, String)>,
    ports: u16,
}

impl Desk {
    /// With slots 6001 and 6002 and ports enough.
    pub(crate) fn new() -> Result<Self> {
        let now = beginning();
        let server: SocketAddr = SERVER.parse()?;
        let board = Switchboard::new(now, WallTime(1_763_712_000_000), settings(), directory()?, &Restored::default(), [1; 32]);
        let phone = |number, address: &str| -> Result<Phone> {
            Ok(Phone { number, address: address.parse()?, nonce: String::new(), count: 0, cseq: 0 })
        };
        let (caller, callee) = (phone("6001", "10.0.1.1:5060")?, phone("6002", "10.0.1.2:5060")?);
        let mut desk = Self { now, board, server, turn: 0, caller, callee, sent: Vec::new(), ports: 0 };
        desk.drain();
        let ports = (0..20).map(|place| MediaPort { worker: 0, port: 20_000 + 2 * place }).collect();
        desk.input(false, Input::Ports(ports));
        Ok(desk)
    }

    /// Both phones register anew: REGISTER, 401, REGISTER, 200.
    pub(crate) fn register(&mut self, counts: bool) -> Result<()> {
        for is_callee in [false, true] {
            let request = self.phone(is_callee).register();
            let refusal = self.exchange(counts, is_callee, request)?;
            let challenge = refusal.lines().find(|line| line.contains("algorithm=MD5")).context("no challenge")?;
            let nonce = challenge.split_once("nonce=\"").and_then(|(_, rest)| rest.split_once('"')).context("no nonce")?.0.to_owned();
            let phone = self.phone(is_callee);
            (phone.nonce, phone.count) = (nonce, 0);
            let request = phone.register();
            let response = self.exchange(counts && !is_callee, is_callee, request)?;
            ensure!(response.starts_with("SIP/2.0 200"), "{response}");
        }
        Ok(())
    }

    /// One call from INVITE to BYE, and until all of it is forgotten.
    pub(crate) fn call(&mut self, counts: Counts) -> Result<()> {
        self.turn += 1;
        let (all, route) = (counts == Counts::Call, counts != Counts::Nothing);
        let invite = self.invite();
        self.send(route, false, invite);
        let invite = self.take(true, "INVITE")?;
        let response = |status: &str, body: &str| respond(&invite, status, &format!("Contact: <sip:6002@{}>\r\n", "10.0.1.2:5060"), body);
        self.send(all, true, response("180 Ringing", ""));
        let answer = response("200 OK", &description("10.0.1.2"));
        self.send(all, true, answer);
        let ok = self.take(false, "SIP/2.0 200")?;
        self.send(all, false, inside(&ok, "ACK", self.turn));
        let _ = self.take(true, "ACK")?;
        self.send(all, false, inside(&ok, "BYE", self.turn));
        let bye = self.take(true, "BYE")?;
        self.send(all, true, respond(&bye, "200 OK", "", ""));
        let _ = self.take(false, "SIP/2.0 200")?;
        let end = self.now + AFTER;
        while let Some((at, _)) = self.board.timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.input(all, Input::Timeout);
        }
        self.now = end;
        self.sent.clear();
        let ports = (0..self.ports).map(|place| MediaPort { worker: 0, port: 20_000 + 2 * place }).collect();
        self.ports = 0;
        self.input(false, Input::Ports(ports));
        ensure!(self.board.calls() == 0, "a call did not end");
        Ok(())
    }

    fn phone(&mut self, is_callee: bool) -> &mut Phone {
        if is_callee { &mut self.callee } else { &mut self.caller }
    }

    fn exchange(&mut self, counts: bool, is_callee: bool, request: String) -> Result<String> {
        self.send(counts && !is_callee, is_callee, request);
        self.take(is_callee, "SIP/2.0")
    }

    /// A message from a phone.
    fn send(&mut self, counts: bool, is_callee: bool, message: String) {
        self.now += TRIP;
        let flow = Flow { transport: Transport::Udp, local: self.server, remote: self.phone(is_callee).address };
        self.input(counts, Input::Received { flow, bytes: Bytes::from(message) });
    }

    fn input(&mut self, counts: bool, input: Input) {
        let (board, now) = (&mut self.board, self.now);
        let mut outputs = Vec::with_capacity(32);
        let work = || {
            board.handle(now, input);
            outputs.extend(std::iter::from_fn(|| board.poll()));
        };
        if counts {
            measured(work)
        } else {
            work()
        }
        self.keep(outputs);
    }

    fn drain(&mut self) {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.board.poll()).collect();
        self.keep(outputs);
    }

    fn keep(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Transmit { flow, bytes } => self.sent.push((flow.remote, String::from_utf8_lossy(&bytes).into_owned())),
                // A port that was closed is bound anew.
                Output::Media { command: MediaCommand::Close { .. }, .. } => self.ports += 1,
                _ => {}
            }
        }
    }

    /// The newest message of a kind that went to a phone; older ones are forgotten.
    fn take(&mut self, is_callee: bool, start: &str) -> Result<String> {
        let address = self.phone(is_callee).address;
        let found = self.sent.iter().rposition(|(to, text)| *to == address && text.starts_with(start));
        let found = found.with_context(|| format!("no {start} to {address} among {:?}", self.sent))?;
        let (_, text) = self.sent.swap_remove(found);
        Ok(text)
    }

    fn invite(&mut self) -> String {
        let turn = self.turn;
        let uri = format!("sip:6002@{DOMAIN}");
        let authorization = self.caller.authorization("INVITE", &uri);
        let Phone { number, address, .. } = &self.caller;
        let body = description("10.0.1.1");
        format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};rport;branch=z9hG4bKi{turn}\r\nMax-Forwards: 70\r\n\
             From: \"An Operator\" <sip:{number}@{DOMAIN}>;tag=t{turn}\r\nTo: <{uri}>\r\nCall-ID: call-{turn}@10.0.1.1\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:{number}@{address}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\nSupported: timer, replaces\r\n\
             User-Agent: A Phone 1.0\r\n{authorization}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// Which part of a call is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// None of it.
    Nothing,
    /// From the caller's INVITE to the callee's.
    Route,
    /// All of it.
    Call,
}

impl Phone {
    fn register(&mut self) -> String {
        self.cseq += 1;
        let uri = format!("sip:{DOMAIN}");
        let authorization = if self.nonce.is_empty() || self.count > 0 { String::new() } else { self.authorization("REGISTER", &uri) };
        let Self { number, address, cseq, .. } = self;
        format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};rport;branch=z9hG4bKr{number}x{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@{DOMAIN}>;tag=t{number}\r\nTo: <sip:{number}@{DOMAIN}>\r\nCall-ID: reg-{number}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{number}@{address}>;expires=3600\r\nUser-Agent: A Phone 1.0\r\n{authorization}Content-Length: 0\r\n\r\n"
        )
    }

    fn authorization(&mut self, method: &str, uri: &str) -> String {
        self.count += 1;
        let Self { number, nonce, count, .. } = self;
        let ha1 = md5(&format!("{number}:{REALM}:secret-{number}"));
        let response = md5(&format!("{ha1}:{nonce}:{count:08x}:cn:auth:{}", md5(&format!("{method}:{uri}"))));
        format!(
            "Authorization: Digest username=\"{number}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm=MD5, cnonce=\"cn\", qop=auth, nc={count:08x}\r\n"
        )
    }
}

/// A request inside the caller's dialog, by the 200 that made it.
fn inside(ok: &str, method: &str, turn: u64) -> String {
    let header = |name: &str| ok.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let target = header("Contact:");
    let target = target.trim_start_matches('<').split(['>', ';']).next().unwrap_or_default();
    let cseq = if method == "ACK" { 1 } else { 2 };
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;rport;branch=z9hG4bK{method}{turn}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        header("From:"),
        header("To:"),
        header("Call-ID:")
    )
}

fn respond(request: &str, status: &str, contact: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.split("\r\n").skip(1).take_while(|line| !line.is_empty()) {
        if ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)) {
            text += line;
            text += if line.starts_with("To:") && !line.contains("tag=") { ";tag=callee\r\n" } else { "\r\n" };
        }
    }
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{text}{contact}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A session description as phones write them.
pub(crate) fn description(address: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}

/// The one look at a clock.
pub(crate) fn beginning() -> Instant {
    Instant::now()
}

fn settings() -> Settings {
    Settings {
        domain: DOMAIN.to_owned(),
        user_agent: "Cordboard".to_owned(),
        media_address: None,
        public_address: None,
        local_nets: Vec::new(),
        media_timeout: Duration::from_secs(60),
        ring_s: 60,
        slot_ring_s: 15,
        session_expires_s: 1_800,
        session_min_s: 90,
        calls_max: 100,
        recording: false,
        registrar: RegistrarSettings::default(),
        digest: vec![Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256],
        nonce_key: [7; 32],
        nonce_life: Duration::from_secs(300),
        lease: Duration::from_secs(90),
        unregistered_grace: Duration::from_secs(60),
        armour: sip_core::ArmourSettings::default(),
        ladder_memory: 64 << 20,
        carrier_nets: Vec::new(),
    }
}

fn directory() -> Result<Arc<Directory>> {
    let hub = Hub { id: HubId(1), center: CenterId::DEFAULT, name: "bench".into(), kind: HubKind::Auto, capacity: 2 };
    let mut slots = Vec::new();
    for (id, number) in [(1, "6001"), (2, "6002")] {
        let Credentials { md5, sha256, sha512_256 } = Credentials::of(number, REALM, &format!("secret-{number}"));
        slots.push(SlotEntry {
            id: SlotId(id),
            center: CenterId::DEFAULT,
            hub: HubId(1),
            kind: HubKind::Auto,
            number: number.parse()?,
            username: number.to_owned(),
            ha1: Ha1 { md5, sha256, sha512_256 },
            service: SlotState::Idle,
            limits: SlotLimits::default(),
            caller: None,
        });
    }
    Ok(Arc::new(Directory::new(REALM.to_owned(), vec![hub], slots)))
}

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::new(), |digits, octet| digits + &format!("{octet:02x}"))
}
