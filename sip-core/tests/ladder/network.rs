//! Two endpoints on a network that loses, repeats and overtakes, for many seeds: every call ends on both sides, each owner is
//! told so exactly once, and nothing is left over.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};
use sip_core::{
    Flow, Message, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Invite, Reliable, SessionEvent, SessionId},
};

use crate::script::{SDP, start};

const SEEDS: u64 = 500;
const CALLS_PER_SEED: usize = 4;
/// Nobody talks longer than this; stands for the owners' own limits.
const TALK_MS_MAX: u64 = 60_000;

#[test]
fn every_call_ends_on_both_sides() {
    let mut answered = 0;
    let mut seen = BTreeMap::new();
    let mut offers = [0; 3];
    let mut early = [0; 3];
    for seed in 0..SEEDS {
        let loss = [0, 5, 20, 40, 5][usize::try_from(seed % 5).unwrap()];
        let mut world = World::new(seed, loss, Transport::Udp);
        if seed % 5 == 4 {
            // From some moment on, nothing gets through one way.
            let at = world.now + Duration::from_millis(world.draw(15_000));
            world.cut = Some((usize::from(seed % 2 == 0), at));
        }
        world.run();
        answered += world.verify();
        offers = [offers[0] + world.reoffered, offers[1] + world.reoffers[0], offers[2] + world.reoffers[1]];
        early = [early[0] + world.pracks, early[1] + world.early, early[2] + world.early_reoffered];
        for end in world.sides.iter().flat_map(|side| side.calls.values()).filter_map(|call| call.end.as_ref()) {
            *seen.entry(end.clone()).or_insert(0) += 1;
        }
    }
    // The net would be worth nothing if calls did not get through, or never met the ends it is there for.
    assert!(answered > SEEDS, "{answered} calls were answered");
    assert!(offers.iter().all(|&count| count > 100), "{offers:?} were offered, accepted and refused");
    assert!(early.iter().all(|&count| count > 100), "{early:?}: PRACKs, offers made and heard before the answer");
    for end in ["Bye", "Cancelled", "HungUp", "NoAnswer", "Timeout", "NoAck", "NoPrack", "DialogLost", "Refused 486"] {
        assert!(seen.contains_key(end), "no call ended with {end}: {seen:?}");
    }
}

#[test]
fn a_stream_needs_no_repetition() {
    for seed in 0..100 {
        let mut world = World::new(seed, 0, Transport::Tcp);
        world.run();
        world.verify();
        let answered: u64 = world.reoffers.iter().sum();
        // Before the answer, the call may be cancelled while one is on its way.
        assert!(answered <= world.reoffered && world.reoffered <= answered + world.early_reoffered, "every offer is answered");
    }
}

#[test]
fn a_run_can_be_repeated() {
    for seed in [3, 99] {
        let runs = [0, 1].map(|_| {
            let mut world = World::new(seed, 20, Transport::Udp);
            world.run();
            world.log
        });
        assert!(!runs[0].is_empty());
        assert_eq!(runs[0], runs[1]);
    }
}

/// One owner and its endpoint.
struct Side {
    address: SocketAddr,
    endpoint: Endpoint,
    calls: BTreeMap<SessionId, Call>,
}

#[derive(Default)]
struct Call {
    caller: bool,
    /// By what the two sides know each other's call.
    call_id: Bytes,
    answered: u32,
    confirmed: u32,
    end: Option<String>,
}

/// What is going to happen.
enum Next {
    Arrives(usize, Flow, Bytes),
    Calls(usize),
    Rings(usize, SessionId, u16),
    Answers(usize, SessionId),
    Refuses(usize, SessionId),
    HangsUp(usize, SessionId),
    Asks(usize, SessionId),
    Offers(usize, SessionId),
    AnswersOffer(usize, SessionId, bool),
}

struct World {
    rng: ChaCha12Rng,
    /// Per cent.
    loss: u64,
    /// Whose packets are all lost, and from when on.
    cut: Option<(usize, Instant)>,
    transport: Transport,
    origin: Instant,
    now: Instant,
    sides: [Side; 2],
    agenda: BTreeMap<(Instant, u64), Next>,
    serial: u64,
    log: Vec<String>,
    reoffered: u64,
    /// Of the owners' offers: accepted, refused.
    reoffers: [u64; 2],
    /// PRACKs on the wire; the owners' offers that were taken before the answer, and those that were told of.
    pracks: u64,
    early: u64,
    early_reoffered: u64,
}

impl World {
    fn new(seed: u64, loss: u64, transport: Transport) -> Self {
        let now = start();
        let side = |at: u8| Side {
            address: SocketAddr::from(([10, 0, 0, at], 5060)),
            endpoint: Endpoint::new(
                EndpointSettings {
                    reliable: [Reliable::WithSdp, Reliable::Always, Reliable::Never]
                        [usize::try_from((seed / 5 + u64::from(at)) % 3).unwrap()],
                    takes_reliable: !(seed / 15).is_multiple_of(4),
                    ..EndpointSettings::default()
                },
                [at ^ seed.to_le_bytes()[0]; 32],
            ),
            calls: BTreeMap::new(),
        };
        let mut world = Self {
            rng: ChaCha12Rng::seed_from_u64(seed),
            loss,
            cut: None,
            transport,
            origin: now,
            now,
            sides: [side(1), side(2)],
            agenda: BTreeMap::new(),
            serial: 0,
            log: Vec::new(),
            reoffered: 0,
            reoffers: [0; 2],
            pracks: 0,
            early: 0,
            early_reoffered: 0,
        };
        for call in 0..CALLS_PER_SEED {
            let at = world.draw(5_000);
            world.plan(at, Next::Calls(call % 2));
        }
        world
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    fn plan(&mut self, after_ms: u64, next: Next) {
        self.serial += 1;
        self.agenda.insert((self.now + Duration::from_millis(after_ms), self.serial), next);
    }

    /// Until nothing is on the way and no timer runs.
    fn run(&mut self) {
        loop {
            let packet = self.agenda.keys().next().map(|(at, _)| *at);
            let timer = (0..2).filter_map(|side| Some((self.sides[side].endpoint.timeout()?.0, side))).min();
            match (packet, timer) {
                (None, None) => break,
                (Some(at), timer) if timer.is_none_or(|(due, _)| at < due) => {
                    self.now = at;
                    let (_, next) = self.agenda.pop_first().unwrap();
                    self.happen(next);
                }
                (_, Some((due, side))) => {
                    self.now = due;
                    self.sides[side].endpoint.wake(due);
                    self.drain(side);
                }
                (Some(_), None) => unreachable!("taken by the guard above"),
            }
            assert!(self.now < self.origin + Duration::from_secs(600), "it never ends");
        }
    }

    fn happen(&mut self, next: Next) {
        let now = self.now;
        let side = match next {
            Next::Arrives(side, flow, bytes) => {
                self.sides[side].endpoint.received(now, flow, bytes);
                side
            }
            Next::Calls(side) => {
                let invite = Invite {
                    flow: Flow { transport: self.transport, local: self.sides[side].address, remote: self.sides[1 - side].address },
                    uri: Bytes::from(format!("sip:{}", self.sides[1 - side].address)),
                    from_display: None,
                    from_user: "100".into(),
                    to_user: "200".into(),
                    host: "pbx.example".into(),
                    sdp: Bytes::from_static(SDP),
                    headers: Vec::new(),
                    ring_s: 1 + u32::try_from(self.draw(40)).unwrap(),
                    account: None,
                };
                let id = self.sides[side].endpoint.invite(now, invite).unwrap();
                self.sides[side].calls.insert(id, Call { caller: true, ..Call::default() });
                // Some change their mind, a few of them at once.
                if self.draw(3) == 0 {
                    let at = [50, 2_000, 30_000][usize::try_from(self.draw(3)).unwrap()];
                    let at = self.draw(at);
                    self.plan(at, Next::HangsUp(side, id));
                }
                side
            }
            Next::Rings(side, id, status) => {
                self.sides[side].endpoint.ring(now, id, status, (status == 183).then_some(SDP));
                side
            }
            Next::Answers(side, id) => {
                self.sides[side].endpoint.answer(now, id, SDP);
                side
            }
            Next::Refuses(side, id) => {
                self.sides[side].endpoint.refuse(now, id, 486, None, &[]);
                side
            }
            Next::HangsUp(side, id) => {
                self.sides[side].endpoint.hangup(now, id, None);
                side
            }
            Next::Offers(side, id) => {
                let sdp = format!("v=0\r\ns={}\r\n", self.draw(1_000));
                // One that has hung up meanwhile takes no offer, and one that rings only if the first was answered reliably.
                let is_taken = self.sides[side].endpoint.reoffer(now, id, sdp.as_bytes()).is_ok();
                self.early += u64::from(is_taken && !self.is_up(side, id));
                side
            }
            Next::AnswersOffer(side, id, refuses) => {
                self.sides[side].endpoint.answer_reoffer(now, id, if refuses { Err(488) } else { Ok(SDP) });
                side
            }
            Next::Asks(side, id) => {
                if self.draw(2) == 0 {
                    self.sides[side].endpoint.probe(now, id);
                } else {
                    self.sides[side].endpoint.info(now, id, "application/dtmf-relay", b"Signal=5");
                }
                side
            }
        };
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].endpoint.poll() {
            match output {
                EndpointOutput::Heard { .. } => {}
                EndpointOutput::Transmit { flow, bytes, .. } => self.carry(side, flow, bytes),
                EndpointOutput::Request { .. } | EndpointOutput::Answered { .. } | EndpointOutput::Unanswered { .. } => {
                    panic!("nobody sends such")
                }
                EndpointOutput::Invited { session, message, .. } => {
                    let call_id = Bytes::copy_from_slice(message.call_id().unwrap());
                    self.sides[side].calls.insert(session, Call { call_id, ..Call::default() });
                    self.decide(side, session);
                }
                EndpointOutput::Session { session, event } => self.told(side, session, event),
            }
        }
    }

    /// Whether the owner knows that it was answered.
    fn is_up(&self, side: usize, id: SessionId) -> bool {
        self.sides[side].calls.get(&id).is_some_and(|call| call.answered + call.confirmed > 0)
    }

    /// What the called owner will do.
    fn decide(&mut self, side: usize, id: SessionId) {
        let ring = self.draw(1_000);
        self.plan(ring, Next::Rings(side, id, if ring.is_multiple_of(2) { 180 } else { 183 }));
        // Some say more, often before the first was acknowledged; and some change their mind about it.
        for status in [183, 180, 183] {
            if self.draw(2) == 0 {
                let later = self.draw(2_000);
                self.plan(ring + later, Next::Rings(side, id, status));
            }
        }
        if self.draw(2) == 0 {
            let offers = self.draw(5_000);
            self.plan(ring + offers, Next::Offers(side, id));
        }
        let at = self.draw(20_000);
        let next = match self.draw(6) {
            0 => Next::Refuses(side, id),
            1 => Next::HangsUp(side, id),
            _ => Next::Answers(side, id),
        };
        self.plan(at, next);
        if self.draw(3) == 0 {
            let soon = self.draw(200);
            self.plan(at + soon, Next::HangsUp(side, id));
        }
        self.plan(at + TALK_MS_MAX, Next::HangsUp(side, id));
    }

    fn told(&mut self, side: usize, id: SessionId, event: SessionEvent) {
        let at = self.now.duration_since(self.origin).as_millis();
        self.log.push(format!("{at} {side} {id:?} {event:?}"));
        let call = self.sides[side].calls.get_mut(&id).unwrap();
        assert_eq!(call.end, None, "{event:?} after the end");
        let mut talks = false;
        match event {
            SessionEvent::Answered { .. } => {
                call.answered += 1;
                talks = true;
            }
            SessionEvent::Confirmed { .. } => {
                call.confirmed += 1;
                talks = true;
            }
            SessionEvent::Refused { status, .. } => call.end = Some(format!("Refused {status}")),
            SessionEvent::Ended { why } => call.end = Some(format!("{why:?}")),
            SessionEvent::Ringing { sdp, fork, .. } => {
                assert!(fork.is_some());
                if sdp.is_some() && self.draw(2) == 0 {
                    let offers = self.draw(5_000);
                    self.plan(offers, Next::Offers(side, id));
                }
            }
            SessionEvent::ForkEnded { .. } | SessionEvent::EarlyAnswered { .. } | SessionEvent::Info { .. } => {}
            SessionEvent::Reoffered { .. } => {
                let refuses = self.draw(4) == 0;
                self.reoffered += 1;
                self.early_reoffered += u64::from(!self.is_up(side, id));
                if self.transport == Transport::Udp && self.draw(2) == 0 {
                    // Some think about it, while our endpoint says 100 and the other side may hang up.
                    let thinks = self.draw(5_000);
                    self.plan(thinks, Next::AnswersOffer(side, id, refuses));
                } else {
                    self.sides[side].endpoint.answer_reoffer(self.now, id, if refuses { Err(488) } else { Ok(SDP) });
                }
            }
            SessionEvent::Referred { .. } | SessionEvent::Message { .. } => panic!("nobody asks for that"),
            SessionEvent::Reconfirmed { sdp } => assert_eq!(sdp, None, "every INVITE had an offer"),
            SessionEvent::ReofferAnswered { sdp } => {
                assert!(sdp.is_some());
                self.reoffers[0] += 1;
            }
            SessionEvent::ReofferRefused { status } => {
                // 500: the network changed the order, so that its CSeq number came too late. 491: theirs was lost again and again. 487: they
                // have hung up before they decided, and their BYE is still on its way.
                assert!(status == 488 || self.transport == Transport::Udp && matches!(status, 487 | 491 | 500), "{status}");
                self.reoffers[1] += 1;
            }
        }
        if talks {
            let asks = self.draw(10_000);
            self.plan(asks, Next::Asks(side, id));
            // Often both in the same moment.
            let offers = if self.draw(2) == 0 { 3_000 } else { self.draw(10_000) };
            self.plan(offers, Next::Offers(side, id));
            let at = self.draw(TALK_MS_MAX);
            // Often both hang up in the same moment.
            let at = if self.draw(3) == 0 { 15_000 } else { at };
            self.plan(at, Next::HangsUp(side, id));
        }
    }

    /// The network: 10 to 110 ms, one in ten up to two seconds late, some twice, some never.
    fn carry(&mut self, from: usize, flow: Flow, bytes: Bytes) {
        if self.sides[from].calls.values().any(|call| call.caller && call.call_id.is_empty()) {
            self.learn_call_id(from, &bytes);
        }
        let flow = Flow { transport: flow.transport, local: flow.remote, remote: flow.local };
        self.pracks += u64::from(bytes.starts_with(b"PRACK "));
        if self.transport == Transport::Tcp {
            return self.plan(20, Next::Arrives(1 - from, flow, bytes));
        }
        let is_cut = self.cut.is_some_and(|(side, since)| side == from && since <= self.now);
        if self.draw(100) < self.loss || is_cut {
            return;
        }
        for _ in 0..if self.draw(10) == 0 { 2 } else { 1 } {
            let late = if self.draw(10) == 0 { 2_000 } else { 100 };
            let delay = 10 + self.draw(late);
            self.plan(delay, Next::Arrives(1 - from, flow, bytes.clone()));
        }
    }

    /// The caller learns its Call-ID from its own INVITE, so that the two sides can be compared.
    fn learn_call_id(&mut self, side: usize, bytes: &Bytes) {
        let message = Message::parse(bytes.clone()).unwrap();
        let is_invite = message.is_request() && message.method() == sip_core::Method::Invite;
        let call_id = Bytes::copy_from_slice(message.call_id().unwrap());
        let known = self.sides[side].calls.values().any(|call| call.call_id == call_id);
        if let Some(call) = self.sides[side].calls.values_mut().find(|call| call.caller && call.call_id.is_empty())
            && is_invite
            && !known
        {
            call.call_id = call_id;
        }
    }

    /// How many calls were answered.
    fn verify(&self) -> u64 {
        let mut answered = 0;
        for side in &self.sides {
            assert_eq!(side.endpoint.live(), 0, "sessions are left: {:#?}", self.log);
            assert_eq!(side.endpoint.transactions(), 0, "transactions are left");
            assert_eq!(side.endpoint.timeout(), None, "a timer is left");
            for call in side.calls.values() {
                assert!(call.end.is_some(), "a call never ended: {:#?}", self.log);
                assert!(call.answered <= 1 && call.confirmed <= 1, "told twice");
            }
        }
        for (side, call) in [(0, 1), (1, 0)].iter().flat_map(|&(a, b)| self.sides[a].calls.values().map(move |call| (b, call))) {
            let other = self.sides[side].calls.values().find(|other| other.call_id == call.call_id);
            if !call.caller {
                continue;
            }
            answered += u64::from(call.answered);
            match (call.end.as_deref().unwrap(), other.and_then(|other| other.end.as_deref())) {
                // The callee's owner said busy, so nothing else can have happened there.
                ("Refused 486", end) => assert_eq!(end, Some("HungUp")),
                // A callee that heard CANCEL is a caller that gave up.
                (end, Some("Cancelled")) => assert!(["HungUp", "NoAnswer"].contains(&end), "{end}"),
                _ => {}
            }
            if call.answered == 1 {
                let other = other.expect("who answered?");
                assert!(other.end.as_deref() != Some("Cancelled"), "answered and cancelled");
            }
            if let Some(other) = other.filter(|other| other.confirmed == 1) {
                // The callee holds it for answered: the caller sent the ACK, so it either talked or hung up meanwhile.
                assert!(
                    call.answered == 1 || ["HungUp", "NoAnswer"].contains(&call.end.as_deref().unwrap()),
                    "{:?} {:?}",
                    call.end,
                    other.end
                );
            }
        }
        answered
    }
}
