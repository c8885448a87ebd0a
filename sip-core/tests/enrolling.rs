//! We are a customer of ourselves: one endpoint registers and calls by an account, another one challenges, verifies and binds. Time is
//! virtual, and each message takes 20 ms.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a beginning of time is needed")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use bytes::Bytes;
use expect_test::{Expect, expect};
use sip_core::{
    Account, Algorithm, Credentials, Endpoint, EndpointOutput, EndpointSettings, Enrol, EnrolOutput, EnrolSettings, EnrolState, Flow,
    Invite, Message, Name, Registrar, RegistrarSettings, SessionEvent, Transport, Verdict, Verifier,
};

const REALM: &str = "carrier.example";
const DELAY: Duration = Duration::from_millis(20);
const NONCE_LIFE: Duration = Duration::from_secs(300);

struct World {
    origin: Instant,
    now: Instant,
    flow: Flow,
    us: Endpoint,
    enrol: Enrol,
    carrier: Endpoint,
    verifier: Verifier,
    registrar: Registrar,
    stored: Credentials,
    algorithms: Vec<Algorithm>,
    /// By time and number: to the carrier, or to us.
    packets: BTreeMap<(Instant, u64), (bool, Bytes)>,
    serial: u64,
    /// The ladder.
    text: String,
}

impl World {
    fn new(secret: &str, realm: Option<&str>, algorithms: &[Algorithm]) -> Self {
        let origin = Instant::now();
        let flow =
            Flow { transport: Transport::Udp, local: "203.0.113.5:5060".parse().unwrap(), remote: "198.51.100.9:5060".parse().unwrap() };
        let mut us = Endpoint::new(EndpointSettings::default(), [1; 32]);
        let account = Account { username: "4930123".into(), secret: secret.into(), realm: realm.map(str::to_owned) };
        let account = us.add_account(account);
        let settings = EnrolSettings {
            flow,
            seen: us.settings().seen_at(flow),
            registrar: "sip:carrier.example".into(),
            address: "sip:4930123@carrier.example".into(),
            user: "4930123".into(),
            expires_s: 60,
            account,
        };
        Self {
            origin,
            now: origin,
            flow,
            us,
            enrol: Enrol::new(origin, settings, [2; 32]),
            carrier: Endpoint::new(EndpointSettings::default(), [3; 32]),
            verifier: Verifier::new([4; 32], NONCE_LIFE, algorithms),
            registrar: Registrar::new(RegistrarSettings { expires_min: 120, ..RegistrarSettings::default() }),
            stored: Credentials::of("4930123", REALM, "secret"),
            algorithms: algorithms.to_vec(),
            packets: BTreeMap::new(),
            serial: 0,
            text: String::new(),
        }
    }

    fn write(&mut self, line: &str) {
        let at = self.now.duration_since(self.origin).as_secs_f64();
        writeln!(self.text, "{at:.1} {line}").unwrap();
    }

    fn send(&mut self, to_carrier: bool, bytes: Bytes) {
        let line = String::from_utf8_lossy(&bytes).lines().next().unwrap().replace(" SIP/2.0", "").replace("SIP/2.0 ", "");
        let proven = if bytes.windows(14).any(|part| part == b"Authorization:") { " with credentials" } else { "" };
        self.write(&format!("{} {line}{proven}", if to_carrier { "->" } else { "<-" }));
        self.serial += 1;
        self.packets.insert((self.now + DELAY, self.serial), (to_carrier, bytes));
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            self.drain();
            let packet = self.packets.keys().next().map(|(at, _)| *at);
            let timers = [self.us.timeout(), self.carrier.timeout(), self.enrol.timeout()].map(|due| due.map(|(at, _)| at));
            let next = timers.into_iter().chain([packet]).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = next.max(self.now);
            if packet == Some(next) {
                let (_, (to_carrier, bytes)) = self.packets.pop_first().unwrap();
                let back = Flow { local: self.flow.remote, remote: self.flow.local, ..self.flow };
                if to_carrier { self.carrier.received(next, back, bytes) } else { self.us.received(next, self.flow, bytes) }
            } else {
                self.us.wake(next);
                self.carrier.wake(next);
                self.enrol.wake(next);
            }
        }
        self.now = end;
    }

    fn drain(&mut self) {
        loop {
            if let Some(output) = self.us.poll() {
                self.ours(output);
            } else if let Some(output) = self.enrol.poll() {
                match output {
                    EnrolOutput::Register(request) => {
                        let id = self.us.request(self.now, request).ok();
                        self.enrol.sent(self.now, id);
                    }
                    EnrolOutput::State(EnrolState::Registered { until }) => {
                        self.write(&format!("* registered for {:.0} s", until.duration_since(self.now).as_secs_f64()));
                    }
                    EnrolOutput::State(EnrolState::Failing { why, .. }) => self.write(&format!("* {why}")),
                    EnrolOutput::State(state) => self.write(&format!("* {state:?}")),
                }
            } else if let Some(output) = self.carrier.poll() {
                self.theirs(output);
            } else {
                break;
            }
        }
    }

    fn ours(&mut self, output: EndpointOutput) {
        match output {
            EndpointOutput::Transmit { bytes, .. } => self.send(true, bytes),
            EndpointOutput::Answered { request, message, unproven, .. } => self.enrol.answered(self.now, request, &message, unproven),
            EndpointOutput::Unanswered { request, cseq, why } => self.enrol.unanswered(self.now, request, cseq, why),
            EndpointOutput::Session { event, .. } => self.write(&format!("* {event:?}")),
            EndpointOutput::Heard { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn theirs(&mut self, output: EndpointOutput) {
        let now = self.now;
        match output {
            EndpointOutput::Transmit { bytes, .. } => self.send(false, bytes),
            EndpointOutput::Request { tx, flow, message } => match self.challenge(&message) {
                Some(challenges) => self.carrier.challenge_request(now, tx, 401, &challenges),
                None => {
                    let registered = self.registrar.register(now, 1, 4, &message, flow);
                    self.carrier.respond(now, tx, registered.status, None, &registered.headers);
                }
            },
            EndpointOutput::Invited { session, message, .. } => match self.challenge(&message) {
                Some(challenges) => self.carrier.challenge(now, session, 401, &challenges),
                None => self.carrier.answer(now, session, b"v=0\r\n"),
            },
            EndpointOutput::Session { event: SessionEvent::Confirmed { .. }, .. } => self.write("* carrier: confirmed"),
            EndpointOutput::Session { .. } | EndpointOutput::Heard { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// The challenges for one who is not proven.
    fn challenge(&mut self, message: &Message) -> Option<Vec<(&'static str, String)>> {
        let verdict = self.verifier.verify(self.now, message, REALM, Some(&self.stored));
        assert!(message.header(Name::ProxyAuthorization).is_none());
        (verdict != Verdict::Good).then(|| {
            let challenges = self.verifier.challenge(self.now, REALM, verdict == Verdict::Stale, &self.algorithms);
            challenges.into_iter().map(|value| ("WWW-Authenticate", value)).collect()
        })
    }

    fn check(&self, ladder: Expect) {
        ladder.assert_eq(&self.text);
    }
}

#[test]
fn registers_calls_and_leaves() {
    let mut world = World::new("secret", None, &[Algorithm::Sha256, Algorithm::Md5]);
    world.run(100);
    assert_eq!(world.registrar.bindings(world.now, 1).count(), 1);
    let invite = Invite {
        flow: world.flow,
        uri: Bytes::from_static(b"sip:4940987@carrier.example"),
        from_display: None,
        from_user: "4930123".into(),
        to_user: "4940987".into(),
        host: "carrier.example".into(),
        sdp: Bytes::from_static(b"v=0\r\n"),
        headers: Vec::new(),
        ring_s: 30,
        account: world.enrol.settings().account,
    };
    let session = world.us.invite(world.now, invite).unwrap();
    world.run(5);
    world.us.hangup(world.now, session, None);
    world.run(5);
    world.enrol.stop(world.now);
    world.run(60);
    assert_eq!(world.registrar.bindings(world.now, 1).count(), 0);
    assert_eq!((world.us.transactions(), world.enrol.timeout()), (0, None));
    world.check(expect![[r#"
        0.0 * Trying
        2.4 -> REGISTER sip:carrier.example
        2.4 <- 401 Unauthorized
        2.4 -> REGISTER sip:carrier.example with credentials
        2.5 <- 423 Interval Too Brief
        2.5 -> REGISTER sip:carrier.example
        2.5 <- 401 Unauthorized
        2.5 -> REGISTER sip:carrier.example with credentials
        2.5 <- 200 OK
        2.6 * registered for 120 s
        91.2 -> REGISTER sip:carrier.example
        91.2 <- 401 Unauthorized
        91.2 -> REGISTER sip:carrier.example with credentials
        91.2 <- 200 OK
        91.3 * registered for 120 s
        100.0 -> INVITE sip:4940987@carrier.example
        100.0 <- 401 Unauthorized
        100.0 -> ACK sip:4940987@carrier.example
        100.0 -> INVITE sip:4940987@carrier.example with credentials
        100.1 <- 200 OK
        100.1 -> ACK sip:198.51.100.9:5060
        100.1 * Answered { sdp: Some(b"v=0\r\n") }
        100.1 * carrier: confirmed
        105.0 -> BYE sip:198.51.100.9:5060
        105.0 <- 200 OK
        105.0 * Ended { why: HungUp }
        110.0 -> REGISTER sip:carrier.example
        110.0 <- 401 Unauthorized
        110.0 -> REGISTER sip:carrier.example with credentials
        110.1 <- 200 OK
        110.1 * Stopped
    "#]]);
}

#[test]
fn wrong_password() {
    let mut world = World::new("wrong", Some(REALM), &Algorithm::STRONGEST_FIRST);
    world.run(200);
    assert!(world.registrar.is_empty());
    world.check(expect![[r#"
        0.0 * Trying
        2.4 -> REGISTER sip:carrier.example
        2.4 <- 401 Unauthorized
        2.4 -> REGISTER sip:carrier.example with credentials
        2.5 <- 401 Unauthorized
        2.5 * 401 Unauthorized: user name or password refused
    "#]]);
}

/// B-56: nothing is said to one who speaks for another realm.
#[test]
fn another_realm() {
    let mut world = World::new("secret", Some("elsewhere.example"), &Algorithm::STRONGEST_FIRST);
    world.run(200);
    world.check(expect![[r#"
        0.0 * Trying
        2.4 -> REGISTER sip:carrier.example
        2.4 <- 401 Unauthorized
        2.4 * 401 Unauthorized: asked for another realm: carrier.example
    "#]]);
}

/// An hour with a registrar that keeps nonces for five minutes: always registered, and no request more than needed.
#[test]
fn an_hour() {
    let mut world = World::new("secret", None, &[Algorithm::Sha512_256]);
    world.run(10);
    for _ in 0..360 {
        world.run(10);
        assert_eq!(world.registrar.bindings(world.now, 1).count(), 1);
    }
    let registers = world.text.matches("-> REGISTER").count();
    // Two each time, and at most one each minute for 120 s that are granted.
    assert!((80..=125).contains(&registers), "{registers}");
}
