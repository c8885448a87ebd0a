//! The switchboard, its phones, and the time between them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use calls::{
    AskId, Input, Inquiry, MediaPort, Order, Output, Restored, Settings, Switchboard,
    tape::{Recorder, Verdict, describe, replay},
};
use media::{Command as MediaCommand, LegId, MediaEvent};
use model::{
    CallId, CarrierId, Cdr, CenterId, Command, Directory, Event, Fact, Ha1, Hub, HubId, HubKind, RecordingRow, Refusal, Reply, RouteId,
    SlotEntry, SlotId, SlotLimits, SlotState, UserId, WallTime,
    carrier::CarrierEntry,
    route::{Numbering, Plan, RouteEntry},
};
use sip_core::{
    Credentials, Flow, RegistrarSettings, Transport,
    guard::Source,
    locate::{Answer, Kind, Query, Said},
};

use crate::phone::{DOMAIN, Habit, Phone, REALM};

/// The switchboard's chance.
const SEED: [u8; 32] = [1; 32];

/// One way through the simulated network.
const TRIP: Duration = Duration::from_millis(5);

/// The wall clock when a story begins.
pub(crate) const WALL: WallTime = WallTime(1_763_712_000_000);

pub(crate) struct World {
    pub(crate) now: Instant,
    begin: Instant,
    pub(crate) board: Switchboard,
    pub(crate) phones: BTreeMap<String, Phone>,
    server: SocketAddr,
    in_flight: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Bytes)>,
    sent: u64,
    /// The story so far, a line each.
    pub(crate) log: String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) events: Vec<Event>,
    pub(crate) media: Vec<MediaCommand>,
    /// The streams that the sockets know.
    pub(crate) known: BTreeSet<Flow>,
    /// Whom the sockets do not hear.
    pub(crate) banned: BTreeSet<Source>,
    /// Streams that were closed without an answer.
    pub(crate) hung_up: Vec<Flow>,
    pub(crate) replies: BTreeMap<u64, Result<Reply, Refusal>>,
    pub(crate) recorded: Vec<(RecordingRow, Option<u64>)>,
    orders: u64,
    /// How many media ports there are.
    stock: usize,
    /// Datagrams are logged too.
    pub(crate) verbose: bool,
    /// All that happened, for [`World::assert_replays`].
    recorder: Recorder,
    pub(crate) tape: Vec<u8>,
    outputs: Vec<String>,
    is_forgetful: bool,
    /// What DNS knows. What stands for nothing is never answered; what does not stand here is no name.
    pub(crate) zone: BTreeMap<(Kind, &'static str), Option<Said>>,
    questions: VecDeque<Query>,
    /// Where the kernel was asked for the way to.
    pub(crate) routed: BTreeSet<IpAddr>,
    /// What programs were asked.
    pub(crate) asked: Vec<Inquiry>,
    /// Which of those questions were taken back.
    pub(crate) unasked: Vec<AskId>,
    /// What TLS streams have to prove.
    pub(crate) secured: Vec<(Flow, String)>,
    /// For whom streams are, and whether they are needed.
    pub(crate) claimed: Vec<(Flow, CenterId, bool)>,
}

pub(crate) fn settings() -> Settings {
    Settings {
        domain: DOMAIN.to_owned(),
        user_agent: "Cordboard/test".to_owned(),
        media_address: None,
        public_address: None,
        local_nets: vec!["10.0.0.0/8".parse().unwrap()],
        media_timeout: Duration::from_secs(60),
        ring_s: 60,
        slot_ring_s: 15,
        session_expires_s: 1_800,
        session_min_s: 90,
        calls_max: 100,
        recording: true,
        registrar: RegistrarSettings::default(),
        digest: sip_core::Algorithm::STRONGEST_FIRST.to_vec(),
        nonce_key: [7; 32],
        nonce_life: Duration::from_secs(300),
        lease: Duration::from_secs(90),
        unregistered_grace: Duration::from_secs(60),
        ladder_memory: 1 << 20,
        carrier_nets: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        armour: sip_core::ArmourSettings::default(),
    }
}

/// A directory of `count` slots: 6001, 6002, … with the ids 1, 2, …
pub(crate) fn directory(count: u16) -> Arc<Directory> {
    let hub = Hub { id: HubId(1), center: CenterId::DEFAULT, name: "test".into(), kind: HubKind::Auto, capacity: count };
    let slots = (1..=count)
        .map(|place| {
            let number = (6000 + place).to_string();
            let ha1 = Credentials::of(&number, REALM, &format!("secret-{number}"));
            SlotEntry {
                id: SlotId(i64::from(place)),
                center: CenterId::DEFAULT,
                hub: HubId(1),
                kind: HubKind::Auto,
                number: number.parse().unwrap(),
                username: number,
                ha1: Ha1 { md5: ha1.md5, sha256: ha1.sha256, sha512_256: ha1.sha512_256 },
                service: SlotState::Idle,
                limits: SlotLimits::default(),
                caller: None,
            }
        })
        .collect();
    Arc::new(Directory::new(REALM.to_owned(), vec![hub], slots))
}

#[expect(clippy::disallowed_methods, reason = "a story needs a first instant")]
fn begin() -> Instant {
    Instant::now()
}

impl World {
    /// A world with `count` slots, whose phones are all registered, and enough media ports.
    pub(crate) fn new(count: u16) -> Self {
        let mut world = Self::unregistered(count, settings(), &Restored::default());
        for place in 1..=count {
            world.register(&(6000 + place).to_string(), 300);
        }
        world.log.clear();
        world.facts.clear();
        world.events.clear();
        world
    }

    pub(crate) fn unregistered(count: u16, settings: Settings, restored: &Restored) -> Self {
        Self::of(directory(count), settings, restored)
    }

    pub(crate) fn of(directory: Arc<Directory>, settings: Settings, restored: &Restored) -> Self {
        let now = begin();
        let server: SocketAddr = "10.0.0.1:5060".parse().unwrap();
        let count = u16::try_from(directory.slots().count()).unwrap();
        let mut tape = Vec::new();
        let recorder = Recorder::begin(now, WALL, &settings, &directory, restored, SEED, &mut tape);
        let board = Switchboard::new(now, WALL, settings, directory, restored, SEED);
        let mut world = Self {
            now,
            begin: now,
            board,
            phones: BTreeMap::new(),
            server,
            in_flight: BTreeMap::new(),
            sent: 0,
            log: String::new(),
            facts: Vec::new(),
            events: Vec::new(),
            media: Vec::new(),
            known: BTreeSet::new(),
            banned: BTreeSet::new(),
            hung_up: Vec::new(),
            replies: BTreeMap::new(),
            recorded: Vec::new(),
            orders: 0,
            stock: 20,
            verbose: false,
            recorder,
            tape,
            outputs: Vec::new(),
            is_forgetful: false,
            zone: BTreeMap::new(),
            questions: VecDeque::new(),
            routed: BTreeSet::new(),
            asked: Vec::new(),
            unasked: Vec::new(),
            secured: Vec::new(),
            claimed: Vec::new(),
        };
        for place in 1..=count {
            let number = (6000 + place).to_string();
            let address = SocketAddr::from(([10, 0, 1, u8::try_from(place).unwrap()], 5060));
            world.phones.insert(number.clone(), Phone::new(&number, address, server));
        }
        world.collect();
        world.input(Input::Ports((0..20).map(|place| MediaPort { worker: 0, port: 20_000 + 2 * place }).collect()));
        world
    }

    pub(crate) fn register(&mut self, number: &str, expires: u32) {
        if !self.phone(number).is_challenged() {
            self.send_from(number, expires);
        }
        self.send_from(number, expires);
        if self.phone(number).is_to_go_on() {
            self.send_from(number, expires);
        }
    }

    fn send_from(&mut self, number: &str, expires: u32) {
        let phone = self.phone(number);
        let (from, datagram) = (phone.seen_at(), phone.register(expires));
        let to = self.server;
        self.transmit(from, to, datagram);
        self.run(Duration::from_millis(20));
    }

    /// The phone sends a request of no call, and again if it is challenged; its final answer.
    pub(crate) fn request(&mut self, number: &str, method: &str, user: &str, dialog: (&str, &str), lines: &str, body: &str) -> String {
        self.phone(number).answers.clear();
        self.phone(number).is_asked_anew();
        for _ in 0..2 {
            let datagram = self.phone(number).ask(method, user, dialog, lines, body);
            self.say(number, datagram);
            if !self.phone(number).is_asked_anew() {
                break;
            }
        }
        self.phone(number).answers.last().cloned().unwrap_or_default()
    }

    /// The phone sends this, and a moment passes.
    pub(crate) fn say(&mut self, number: &str, datagram: Bytes) {
        let (from, to) = (self.phone(number).seen_at(), self.server);
        self.transmit(from, to, datagram);
        self.run(Duration::from_millis(20));
    }

    /// What the server answers at once to a datagram from a phone's address.
    pub(crate) fn answer_to(&mut self, number: &str, datagram: Bytes) -> String {
        let (transport, remote) = (self.phone(number).transport, self.phone(number).address);
        let flow = Flow { transport, local: self.server, remote };
        self.in_flight.clear();
        self.input(Input::Received { flow, bytes: datagram });
        let (_, (_, _, answer)) = self.in_flight.pop_first().unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    }

    /// What the server answers at once to what comes by `flow`, if anything.
    pub(crate) fn ask(&mut self, flow: Flow, message: &str) -> Option<String> {
        self.in_flight.clear();
        self.input(Input::Received { flow, bytes: Bytes::copy_from_slice(message.as_bytes()) });
        let (_, (_, _, answer)) = self.in_flight.pop_first()?;
        Some(String::from_utf8(answer.to_vec()).unwrap())
    }

    /// What happened so far is none of the story.
    pub(crate) fn clear_history(&mut self) {
        self.log.clear();
        self.facts.clear();
        self.events.clear();
    }

    /// The connection of a phone ends.
    pub(crate) fn close_flow(&mut self, number: &str) {
        let (transport, remote) = (self.phone(number).transport, self.phone(number).seen_at());
        self.input(Input::FlowClosed { flow: Flow { transport, local: self.server, remote } });
    }

    /// A datagram from anywhere. Its answers are not delivered.
    pub(crate) fn stray(&mut self, from: SocketAddr, datagram: Bytes) {
        let flow = Flow { transport: Transport::Udp, local: self.server, remote: from };
        self.input(Input::Received { flow, bytes: datagram });
    }

    /// From now on nothing is written down: for stories of thousands of calls.
    pub(crate) fn forget_history(&mut self) {
        self.is_forgetful = true;
        self.tape = Vec::new();
        self.outputs = Vec::new();
    }

    /// The directory with other limits of one slot.
    pub(crate) fn set_limits(&mut self, slot: i64, calls_max: u8, destinations: &[&str]) {
        let limited = self.limited(slot, calls_max, destinations, u16::try_from(self.phones.len()).unwrap());
        self.input(Input::Directory(limited));
    }

    /// A directory of `count` slots with other limits of one.
    pub(crate) fn limited(&self, slot: i64, calls_max: u8, destinations: &[&str], count: u16) -> Arc<Directory> {
        let mut slots: Vec<SlotEntry> = directory(count).slots().cloned().collect();
        let entry = slots.iter_mut().find(|entry| entry.id == SlotId(slot)).unwrap();
        entry.limits = SlotLimits { calls_max, destinations: destinations.iter().map(|text| text.parse().unwrap()).collect() };
        Arc::new(Directory::new(REALM.to_owned(), Vec::new(), slots))
    }

    pub(crate) fn phone(&mut self, number: &str) -> &mut Phone {
        self.phones.get_mut(number).unwrap()
    }

    /// Carries out an order and gives its reply.
    pub(crate) fn order(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.orders += 1;
        let order = self.orders;
        self.input(Input::Command { order: Order(order), command });
        self.replies.remove(&order).unwrap()
    }

    pub(crate) fn start_call(&mut self, user: i64, slot: i64, number: &str) -> Result<CallId, Refusal> {
        let command = Command::StartCall { user: UserId(user), slot: SlotId(slot), number: number.parse().unwrap() };
        match self.order(command)? {
            Reply::CallStarted { call } => Ok(call),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn dial(&mut self, from: &str, to: &str) {
        let now = self.now;
        self.phone(from).dial(now, to, &[]);
        self.drain(from);
    }

    /// The first media worker is gone; nothing may be open.
    pub(crate) fn lose_ports(&mut self) {
        self.stock = 0;
        self.input(Input::MediaLost { worker: 0 });
    }

    /// More ports, of another media worker.
    pub(crate) fn add_ports(&mut self, worker: usize, first: u16, count: u16) {
        self.stock += usize::from(count);
        self.input(Input::Ports((0..count).map(|place| MediaPort { worker, port: first + 2 * place }).collect()));
    }

    pub(crate) fn answer(&mut self, number: &str) {
        let now = self.now;
        self.phone(number).answer(now);
        self.drain(number);
    }

    pub(crate) fn hang_up(&mut self, number: &str) {
        let now = self.now;
        self.phone(number).hang_up(now);
        self.drain(number);
    }

    pub(crate) fn info(&mut self, number: &str, content_type: &str, body: &str) {
        let now = self.now;
        self.phone(number).info(now, content_type, body);
        self.drain(number);
    }

    /// The phone offers new media in its call.
    pub(crate) fn reoffer(&mut self, number: &str) {
        let now = self.now;
        self.phone(number).reoffer(now);
        self.drain(number);
    }

    /// Changes the message that was sent last and has not arrived yet.
    pub(crate) fn rewrite_last(&mut self, change: fn(String) -> String) {
        let mut last = self.in_flight.last_entry().unwrap();
        let message = &mut last.get_mut().2;
        *message = Bytes::from(change(String::from_utf8(message.to_vec()).unwrap()));
    }

    /// Time since the story began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now.duration_since(self.begin)
    }

    /// The leg that was opened last.
    pub(crate) fn last_leg(&self) -> LegId {
        let opened = self.media.iter().rev().find_map(|command| match command {
            MediaCommand::Open { leg, .. } => Some(*leg),
            _ => None,
        });
        opened.unwrap()
    }

    /// The media workers bind ports anew for those that were used up; nothing may be open.
    pub(crate) fn return_ports(&mut self) {
        let opened: BTreeMap<LegId, u16> = self
            .media
            .iter()
            .filter_map(|command| match command {
                MediaCommand::Open { leg, port } => Some((*leg, *port)),
                _ => None,
            })
            .collect();
        let closed = self.media.iter().filter(|command| matches!(command, MediaCommand::Close { leg } if opened.contains_key(leg))).count();
        assert_eq!(opened.len(), closed, "media is left open");
        self.media.clear();
        self.input(Input::Ports(opened.into_values().map(|port| MediaPort { worker: 0, port }).collect()));
    }

    pub(crate) fn media_event(&mut self, event: MediaEvent) {
        self.input(Input::Media(event));
    }

    pub(crate) fn input(&mut self, input: Input) {
        if !self.is_forgetful {
            self.recorder.input(self.now, &input, &mut self.tape);
        }
        self.board.handle(self.now, input);
        self.collect();
        while let Some(query) = self.questions.pop_front() {
            let said = self.zone.get(&(query.kind, query.name.as_str())).cloned();
            let Some(said) = said.unwrap_or(Some(Said::NoSuchName { ttl_s: None })) else { continue };
            let answer = Answer { name: query.name.to_string(), kind: query.kind, said };
            self.input(Input::Resolved { query, answer });
        }
    }

    /// DNS answers a question of before.
    pub(crate) fn resolve(&mut self, kind: Kind, name: &str, said: Said) {
        let query = Query { name: sip_core::DomainName::parse(name.as_bytes()).unwrap(), kind };
        self.input(Input::Resolved { query, answer: Answer { name: name.to_owned(), kind, said } });
    }

    /// Somebody who is no slot: a carrier.
    pub(crate) fn add_peer(&mut self, name: &str, address: &str) {
        let peer = Phone::new(name, address.parse().unwrap(), self.server);
        self.phones.insert(name.to_owned(), peer);
    }

    /// Takes these carriers and routes, as JSON, with the ids 1, 2, … each; and tells from where calls may leave.
    pub(crate) fn set_plan(&mut self, slots: u16, carriers: &[&str], routes: &[&str]) {
        self.set_plan_of(directory(slots), carriers, routes);
        let outward = [(Transport::Udp, "10.0.0.1:5060"), (Transport::Tls, "10.0.0.1:0")];
        self.input(Input::Outward(outward.iter().map(|(transport, local)| (*transport, local.parse().unwrap())).collect()));
    }

    pub(crate) fn set_plan_of(&mut self, directory: Arc<Directory>, carriers: &[&str], routes: &[&str]) {
        let carriers: Vec<_> = carriers.iter().map(|json| (CenterId::DEFAULT, *json)).collect();
        self.set_plan_in(directory, &carriers, routes);
    }

    /// The same with carriers of several centres.
    pub(crate) fn set_plan_in(&mut self, directory: Arc<Directory>, carriers: &[(CenterId, &str)], routes: &[&str]) {
        let carriers: Vec<CarrierEntry> = (1..)
            .zip(carriers)
            .map(|(id, (center, json))| CarrierEntry {
                id: CarrierId(id),
                center: *center,
                carrier: serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}")),
            })
            .collect();
        let routes: Vec<RouteEntry> = (1..)
            .zip(routes)
            .map(|(id, json)| RouteEntry {
                id: RouteId(id),
                center: CenterId::DEFAULT,
                route: serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}")),
            })
            .collect();
        // As people of Moscow dial.
        let form = r#"{"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}"#;
        let forms = [(CenterId::DEFAULT, serde_json::from_str(form).unwrap())].into();
        let numbering = Numbering { forms, ..Numbering::of(&directory) };
        let plan = Plan::compile(&routes, &carriers, numbering).unwrap();
        self.input(Input::Directory(Arc::new(Directory::clone(&directory).with_plan(Arc::new(plan)))));
    }

    /// A carrier brings a call. `called` is the user of the Request-URI, and behind a slash that of To.
    pub(crate) fn bring(&mut self, carrier: &str, caller: &str, called: &str, headers: &[(&'static str, &str)]) {
        let now = self.now;
        self.phone(carrier).bring(now, caller, called, headers);
        self.drain(carrier);
    }

    /// Lets time pass, and everything happen that is due.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let board = self.board.timeout().map(|(at, _)| at);
            let phones = self.phones.values().filter_map(Phone::timeout);
            let packets = self.in_flight.keys().next().map(|(at, _)| *at);
            let Some(next) = phones.chain(board).chain(packets).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (from, to, datagram) = entry.remove();
                self.deliver(from, to, datagram);
            }
            if board.is_some_and(|at| at <= self.now) {
                self.input(Input::Timeout);
            }
            let due: Vec<_> = self
                .phones
                .values()
                .filter(|phone| phone.timeout().is_some_and(|at| at <= self.now))
                .map(|phone| phone.number.clone())
                .collect();
            for number in due {
                let now = self.now;
                self.phone(&number).wake(now);
                self.drain(&number);
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, datagram: Bytes) {
        if to == self.server {
            let transport = self.phones.values().find(|phone| phone.seen_at() == from).map_or(Transport::Udp, |phone| phone.transport);
            let flow = Flow { transport, local: to, remote: from };
            self.input(Input::Received { flow, bytes: datagram });
            return;
        }
        let Some(number) = self.phones.values().find(|phone| phone.seen_at() == to).map(|phone| phone.number.clone()) else { return };
        if self.phone(&number).habit == Habit::Mirror {
            self.transmit(to, from, datagram);
            return;
        }
        let now = self.now;
        self.phone(&number).received(now, datagram);
        self.drain(&number);
    }

    pub(crate) fn drain(&mut self, number: &str) {
        let now = self.now;
        let phone = self.phone(number);
        let (from, to) = (phone.seen_at(), phone.server);
        for datagram in phone.drain(now) {
            self.transmit(from, to, datagram);
        }
    }

    fn transmit(&mut self, from: SocketAddr, to: SocketAddr, datagram: Bytes) {
        self.sent += 1;
        if self.verbose {
            let line = String::from_utf8_lossy(&datagram).lines().next().unwrap_or_default().to_owned();
            self.note(&format!("{from} > {to} {line}"));
        }
        self.in_flight.insert((self.now + TRIP, self.sent), (from, to, datagram));
    }

    fn note(&mut self, line: &str) {
        let at = self.now.duration_since(self.begin).as_secs_f64();
        writeln!(self.log, "{at:.3} {line}").unwrap();
    }

    fn collect(&mut self) {
        while let Some(output) = self.board.poll() {
            if !self.is_forgetful {
                self.recorder.output(&output);
                self.outputs.push(describe(&output));
            }
            match output {
                Output::Transmit { flow, bytes } => self.transmit(flow.local, flow.remote, bytes),
                Output::Resolve(query) => self.questions.push_back(query),
                Output::Route { remote } => _ = self.routed.insert(remote.ip()),
                Output::Ask(inquiry) => self.asked.push(*inquiry),
                Output::Unask { ask } => self.unasked.push(ask),
                Output::Secure { flow, name } => self.secured.push((flow, name)),
                Output::Claim { flow, center, is_needed } => self.claimed.push((flow, center, is_needed)),
                Output::Vouch { flow } => _ = self.known.insert(flow),
                Output::Unvouch { flow } => assert!(self.known.remove(&flow), "{flow} was not known"),
                Output::Ban { source, .. } => _ = self.banned.insert(source),
                Output::Unban { source } => assert!(self.banned.remove(&source), "{source} was not banned"),
                Output::HangUp { flow } => self.hung_up.push(flow),
                Output::Media { command, .. } => self.media.push(command),
                Output::RecordBegin { row, .. } => self.recorded.push((row, None)),
                Output::NotOurs { carrier, request_uri, to, untold, .. } => {
                    self.note(&format!("not ours by carrier {carrier}: {request_uri} {to}, {untold} more before"));
                }
                Output::Defect { call } => panic!("a defect ended {call}"),
                Output::RecordEnd { key, duration_ms } => {
                    let key = CallId(i64::try_from(key).unwrap());
                    let open = self.recorded.iter_mut().find(|(row, _)| row.call_id == key).unwrap();
                    assert_eq!(open.1.replace(duration_ms), None, "a recording is closed once");
                }
                Output::Fact(fact) => {
                    self.tell_fact(&fact);
                    self.facts.push(fact);
                }
                Output::Event(event) => {
                    self.tell_event(&event);
                    self.events.push(event);
                }
                Output::Reply { order, result } => _ = self.replies.insert(order.0, result),
            }
        }
    }

    fn tell_fact(&mut self, fact: &Fact) {
        if let Fact::CallEnded { cdr } = fact {
            let line = format!(
                "CDR {}>{} {:?} {} {} ring={} talk={}",
                cdr.caller,
                cdr.callee,
                cdr.outcome,
                cdr.cause.code(),
                cdr.sip_status,
                cdr.ring_ms,
                cdr.talk_ms
            );
            self.note(&line);
        }
    }

    fn tell_event(&mut self, event: &Event) {
        match event {
            Event::CallUpdated(view) => self.note(&format!("call {}>{} {:?}", view.caller, view.callee, view.status)),
            Event::SlotUpdated(view) => self.note(&format!("slot {} {}", view.number, view.state.name())),
            _ => {}
        }
    }

    /// The records so far.
    pub(crate) fn cdrs(&self) -> Vec<&Cdr> {
        self.facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::CallEnded { cdr } => Some(cdr),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn slot_state(&self, slot: i64) -> SlotState {
        let mut states = self.events.iter().rev().filter_map(|event| match event {
            Event::SlotUpdated(view) if view.id == SlotId(slot) => Some(view.state),
            _ => None,
        });
        states.next().unwrap_or(SlotState::Idle)
    }

    /// An administrator ends what is left.
    pub(crate) fn settle(&mut self) {
        let ended: BTreeSet<CallId> = self.cdrs().iter().map(|cdr| cdr.call_id).collect();
        let begun: Vec<CallId> = self
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::CallStarted { call } if !ended.contains(&call.call_id) => Some(call.call_id),
                _ => None,
            })
            .collect();
        for call in begun {
            let _: Result<Reply, _> = self.order(Command::EndCall { user: UserId(1), any: true, call });
        }
        self.run(Duration::from_secs(5));
    }

    /// Whatever happened: no call, no session and no lost port is left.
    pub(crate) fn assert_clean(&mut self) {
        self.run(Duration::from_secs(70));
        assert_eq!(self.board.calls(), 0, "calls are left");
        assert_eq!(self.board.sessions(), 0, "sessions are left");
        assert_eq!(self.board.budget_holds(), 0, "budgets are held");
        assert_eq!(self.board.asking(), 0, "programs are waited for");
        if let Ok(Reply::Carriers(views)) = self.order(Command::Carriers) {
            assert!(views.iter().all(|view| view.calls == 0), "lines of carriers are left: {views:?}");
        }
        let opened = self.media.iter().filter(|command| matches!(command, MediaCommand::Open { .. })).count();
        let closed = self.media.iter().filter(|command| matches!(command, MediaCommand::Close { .. })).count();
        assert_eq!(opened, closed, "media is left open");
        assert_eq!(self.board.ports() + opened, self.stock, "ports are lost");
        assert!(self.recorded.iter().all(|(_, end)| end.is_some()), "recordings are left open");
        for (slot, _) in self.phones.keys().enumerate() {
            let state = self.slot_state(i64::try_from(slot).unwrap() + 1);
            assert!(!state.is_busy(), "slot {slot} is stuck in {}", state.name());
        }
        self.assert_replays();
    }

    /// Whatever happened: from its inputs alone the same happens again, output by output.
    pub(crate) fn assert_replays(&self) {
        if self.is_forgetful {
            return;
        }
        // Another instant than the story's own.
        let played = replay(self.begin + Duration::from_secs(12_345), &self.tape).unwrap();
        let outputs: Vec<&str> = played.text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        for (place, (before, again)) in self.outputs.iter().zip(&outputs).enumerate() {
            assert_eq!(before, again, "output {place} is another one");
        }
        assert_eq!((outputs.len(), played.verdict), (self.outputs.len(), Verdict::Same));
    }
}
