//! The one core of signalling: every message, command and media event goes in here, everything to be sent, stored and told comes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use media::{Command as MediaCommand, MediaEvent};
use model::{
    BanView, Binding, BudgetUsed, CallId, CallView, CarrierId, Cause, CenterId, Command, Directory, Event, Fact, NoRoom, RecordingRow,
    RecordingView, Refusal, Reply, SlotId, UserId, WallTime,
    carrier::{Secret, Standing},
    route::AskOutcome,
};
use seats::SeatsOutput;
use sip_core::{
    EndpointOutput, Flow, LocateError, LocatorOutput, Message, SessionEvent, SessionId, Transport,
    guard::Source,
    locate::{Answer, Query},
};

use crate::{
    carriers::{Leave, Waiting},
    core::Core,
    known::User,
    ladder::Way,
    leg::Party,
    ports::MediaPort,
    questions::AskId,
    registration::record_key,
    settings::Settings,
    stage::{Call, CallInput, Stage},
};

/// What can happen to the switchboard.
#[derive(Debug)]
pub enum Input {
    /// A datagram or a framed message came.
    Received {
        /// Where from, and at which address of ours.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// The network says that nobody listens there.
    Unreachable {
        /// Where.
        remote: SocketAddr,
    },
    /// A stream that we wanted could not be opened; that it is gone is told behind this.
    NotOpened {
        /// Which.
        flow: Flow,
        /// Why, for a person.
        why: String,
    },
    /// A stream is gone, whoever ended it, or it could not be opened.
    FlowClosed {
        /// Which.
        flow: Flow,
    },
    /// From which of our addresses requests may leave, by transport. UDP: those of the sockets. TCP and TLS: those that a stream to elsewhere
    /// may leave from; the port is the one that we listen on, or 0 if we do not. Told at the start; until then no call goes out.
    Outward(Vec<(Transport, SocketAddr)>),
    /// From which of our addresses the kernel would go there, by transport as in [`Input::Outward`]: what [`Output::Route`] has asked. Empty: from
    /// none that we listen on, and what was told at the start holds.
    Routed {
        /// Where.
        remote: IpAddr,
        /// From where.
        ours: Vec<(Transport, SocketAddr)>,
    },
    /// DNS has answered [`Output::Resolve`], or will not.
    Resolved {
        /// What was asked.
        query: Query,
        /// What was said; for the same name and kind.
        answer: Answer,
    },
    /// A program has answered [`Output::Ask`], or will not. What comes too late is for nobody.
    Answered {
        /// Which question.
        ask: AskId,
        /// The body of its answer, at most [`model::route::Answer::OCTETS_MAX`] of it; or why there is none: late, wrong or unreachable.
        answer: Result<Bytes, AskOutcome>,
    },
    /// Media workers have bound these ports.
    Ports(Vec<MediaPort>),
    /// A leg's audio did something.
    Media(MediaEvent),
    /// An order from outside.
    Command {
        /// What the reply will name.
        order: Order,
        /// The order.
        command: Command,
    },
    /// Slots or hubs have changed in the store.
    Directory(Arc<Directory>),
    /// The configuration was read anew. What can change does; calls that are up keep what call control judges them by, while what they
    /// say by SIP follows (see [`sip_core::Endpoint::reconfigure`]).
    Settings(Box<Settings>),
    /// A media worker takes no commands any more: its ports are gone, and its calls are deaf.
    MediaLost {
        /// Which worker.
        worker: usize,
    },
    /// A recording was closed.
    Recorded(RecordingRow),
    /// What the wall clock shows now.
    Clock(WallTime),
    /// Whether the journal is seconds behind: then no call begins, for it might never be recorded (FT-6). Those that are up go on.
    Journal {
        /// It is.
        behind: bool,
    },
    /// No new calls from now on (FT-3).
    Drain,
    /// End every call: the drain has lasted long enough.
    EndAll,
    /// The time that [`Switchboard::timeout`] named has come.
    Timeout,
}

/// The name under which a command's reply is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order(pub u64);

/// What the switchboard wants done. The facts of a batch are stored before its packets and replies leave (R22).
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Transmit {
        /// Where to, and from which address of ours.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// Ask DNS, each question on its own, and hand in [`Input::Resolved`]. There is one question of a name and kind at a time.
    Resolve(Query),
    /// Ask the kernel from where it goes there, and hand in [`Input::Routed`]. Told for the hosts of carriers, and now and then anew; nothing waits for it.
    Route {
        /// Where.
        remote: SocketAddr,
    },
    /// Ask a program over HTTP where a call goes, and hand in [`Input::Answered`].
    Ask(Box<Inquiry>),
    /// Nobody waits for the answer to this question any more: it has no room from now on, also if nothing has come of it yet.
    Unask {
        /// Its name.
        ask: AskId,
    },
    /// What the certificate at the other end of a TLS stream that we open has to prove: a domain, or an address (RFC 5922). Told before each
    /// INVITE that may open the stream. One that is open and has proven another name must prove this one too, or be told as closed.
    Secure {
        /// The stream.
        flow: Flow,
        /// The name.
        name: String,
    },
    /// Who needs the stream that the next request goes by; told before each request to a carrier. Centres share the streams that we open.
    Claim {
        /// The stream.
        flow: Flow,
        /// Whose carrier is at its other end.
        center: CenterId,
        /// Whether it is for a call or a registration, and not only to ask whether the carrier is there.
        is_needed: bool,
    },
    /// Who is at the other end of a stream is known: his phone is bound by it, or a call of his goes by it.
    Vouch {
        /// The stream.
        flow: Flow,
    },
    /// The last of that is over: whoever is there is a stranger again.
    Unvouch {
        /// The stream.
        flow: Flow,
    },
    /// Nothing that begins something is to be heard of a source; in place of what was said of it before.
    Ban {
        /// Who.
        source: Source,
        /// For how long from now on.
        lasts: Duration,
    },
    /// It is heard again.
    Unban {
        /// Who.
        source: Source,
    },
    /// Close a stream whose peer is to get no answer, unless somebody vouches for it.
    HangUp {
        /// The stream.
        flow: Flow,
    },
    /// Tell a media worker.
    Media {
        /// Which worker.
        worker: usize,
        /// What.
        command: MediaCommand,
    },
    /// Begin a recording.
    RecordBegin {
        /// The key of its frames.
        key: u64,
        /// Its row.
        row: RecordingRow,
    },
    /// Close a recording.
    RecordEnd {
        /// The key of its frames.
        key: u64,
        /// How long the recording must be.
        duration_ms: u64,
    },
    /// A carrier brought a call to what is none of our numbers with it, which was refused and has no record. For the log: at most once a minute
    /// for each carrier.
    NotOurs {
        /// The carrier; if several call from that address, one of them.
        carrier: CarrierId,
        /// What people call it.
        name: String,
        /// The user part of the Request-URI, cut.
        request_uri: String,
        /// The user part of To, cut.
        to: String,
        /// How many more there were since it was last told.
        untold: u64,
    },
    /// A defect of ours ended a call; the others go on (FT-14).
    Defect {
        /// The call that was ended.
        call: CallId,
    },
    /// Never to be lost.
    Fact(Fact),
    /// To be told to whoever listens.
    Event(Event),
    /// The answer to a command.
    Reply {
        /// The command's name.
        order: Order,
        /// What came of it.
        result: Result<Reply, Refusal>,
    },
}

/// A question to a program.
#[derive(Debug)]
pub struct Inquiry {
    /// Its name.
    pub ask: AskId,
    /// Where it is sent to, by POST.
    pub url: String,
    /// What it is signed with.
    pub secret: Secret,
    /// What is sent: JSON.
    pub body: Bytes,
    /// For how long it is waited for.
    pub within: Duration,
}

/// What survived the last run.
#[derive(Debug, Default)]
pub struct Restored {
    /// Registered contacts.
    pub bindings: Vec<Binding>,
    /// Each slot's lease: who holds it, and its number.
    pub leases: Vec<(SlotId, Option<UserId>, u64)>,
    /// The greatest call id ever given; ids go on above it.
    pub last_call: Option<CallId>,
    /// Bans, also those that have ended lately: the next one of such a source lasts longer.
    pub bans: Vec<BanView>,
    /// What budgets had used.
    pub budgets: Vec<BudgetUsed>,
    /// The addresses that signalling listens on now: a binding through another one of ours leads nowhere any more.
    pub listening: Vec<SocketAddr>,
}

/// Call control as one core. Handle an input, then drain [`Switchboard::poll`] until it is empty.
#[derive(Debug)]
pub struct Switchboard {
    pub(crate) core: Core,
    /// Boxed, since each input takes its call out and puts it back.
    pub(crate) calls: BTreeMap<CallId, Box<Call>>,
    /// When which call wants to be woken.
    deadlines: BTreeSet<(Instant, CallId)>,
    /// When live calls are next told to the journal.
    seen_due: Option<Instant>,
    draining: bool,
    turned_away: BTreeMap<NoRoom, u64>,
    journal_behind: bool,
}

/// The state of live calls reaches the journal at least this often (R22).
const SEEN_EVERY: Duration = Duration::from_secs(5);

/// At most this many calls in one record of the journal.
const SEEN_BATCH: usize = 200;

impl Switchboard {
    /// A switchboard with no calls. `seed` is fresh for each run; `wall` is what the clock shows at `now`.
    #[must_use]
    pub fn new(now: Instant, wall: WallTime, settings: Settings, directory: Arc<Directory>, restored: &Restored, seed: [u8; 32]) -> Self {
        let core = Core::new(now, wall, settings, directory, restored, seed);
        let mut switchboard = Self {
            core,
            calls: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            seen_due: None,
            draining: false,
            turned_away: BTreeMap::new(),
            journal_behind: false,
        };
        switchboard.settle(now);
        switchboard
    }

    /// Takes one input. Cannot fail: what is wrong with it is an output.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Received { flow, bytes } => self.core.received(now, flow, bytes),
            Input::Unreachable { remote } => self.core.endpoint.unreachable(now, remote),
            Input::NotOpened { flow, why } => self.core.carriers_not_reached(now, flow, &why),
            Input::FlowClosed { flow } => {
                self.core.endpoint.flow_closed(now, flow);
                self.core.carriers_lost_flow(now, flow);
                self.core.unbind_flow(now, flow);
            }
            Input::Settings(settings) => {
                self.core.reconfigure(now, *settings);
                self.core.follow_enrolments(now);
            }
            Input::Answered { ask, answer } => {
                if let Some(call) = self.core.questions.call_of(ask) {
                    self.call(now, call, CallInput::Answered(ask, answer));
                }
            }
            Input::Ports(ports) => self.core.ports.add(ports),
            Input::Outward(ours) => {
                self.core.carriers.outwards.set(ours);
                self.core.locator.set(self.core.carriers.outwards.locating());
                self.core.follow_enrolments(now);
            }
            Input::Routed { remote, ours } => self.core.carriers.outwards.route(remote, ours),
            Input::Resolved { query, answer } => {
                if answer.kind == query.kind {
                    self.core.locator.answer(now, answer);
                }
            }
            Input::Media(event) => self.media(now, event),
            Input::Command { order, command } => {
                let result = self.command(now, command);
                self.core.out(Output::Reply { order, result });
            }
            Input::MediaLost { worker } => self.media_lost(now, worker),
            Input::Directory(directory) => self.directory(now, directory),
            Input::Recorded(row) => {
                self.core.event(Event::RecordingClosed(RecordingView::from(&row)));
                self.core.fact(Fact::Recording { row });
            }
            Input::Clock(wall) => self.core.set_clock(now, wall),
            Input::Journal { behind } => self.journal_behind = behind,
            Input::Drain => {
                self.draining = true;
                self.core.hurry_budgets();
                self.core.end_enrolments(now, Leave::InTurn);
            }
            Input::EndAll => {
                self.core.end_enrolments(now, Leave::AtOnce);
                self.core.hurry_budgets();
                let calls: Vec<_> = self.calls.keys().copied().collect();
                for call in calls {
                    self.call(now, call, CallInput::Hangup(Cause::Shutdown));
                }
            }
            Input::Timeout => self.wake(now),
        }
        self.settle(now);
    }

    /// The next thing to be done; none when all is told.
    pub fn poll(&mut self) -> Option<Output> {
        self.core.poll()
    }

    /// When to hand in [`Input::Timeout`], and what for.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        let own = self.deadlines.first().map(|(at, _)| (*at, "a call's stage"));
        let seen = self.seen_due.map(|at| (at, "live calls to the journal"));
        let bindings = self.core.registrar.timeout().map(|at| (at, "a binding lapses"));
        let carriers = self.core.carriers.timeout();
        let parts = [self.core.endpoint.timeout(), self.core.seats.timeout(), self.core.locator.timeout(), self.core.watch.timeout()];
        [own, seen, bindings, carriers, self.core.ledger.timeout()].into_iter().chain(parts).flatten().min_by_key(|(at, _)| *at)
    }

    /// Calls that are up.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Sessions that still wait for their last message.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.core.endpoint.live()
    }

    /// SIP transactions that are not over.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.core.endpoint.transactions()
    }

    /// How many times each timer of SIP has fired since the start, by its letter or what it is for.
    pub fn timers_fired(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.core.endpoint.fired()
    }

    /// Accounts that still wait for their carriers' leave: whoever ends the server does so when there are none, or after a while.
    #[must_use]
    pub fn leaving(&self) -> usize {
        self.core.carriers.enrolments.leaving()
    }

    /// How many questions to programs came to that since the start.
    #[must_use]
    pub fn asked(&self, outcome: AskOutcome) -> u64 {
        self.core.questions.counted(outcome)
    }

    /// How each carrier stands now.
    pub fn standings(&self, now: Instant) -> impl Iterator<Item = (CarrierId, Standing)> {
        self.core.standings(now)
    }

    /// Questions to programs that wait for an answer.
    #[must_use]
    pub fn asking(&self) -> usize {
        self.core.questions.waiting()
    }

    /// Octets of SIP messages that are kept for ladders.
    #[must_use]
    pub fn ladder_octets(&self) -> usize {
        self.core.ladders.octets()
    }

    /// Media ports in stock.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.core.ports.len()
    }

    fn wake(&mut self, now: Instant) {
        self.core.endpoint.wake(now);
        self.core.seats.wake(now);
        self.core.locator.wake(now);
        self.core.look_for_sources(now);
        self.core.wake_enrolments(now);
        self.core.wake_health(now);
        self.core.wake_keeping(now);
        self.core.expire_bindings(now);
        self.core.expire_bans(now);
        self.wake_budgets(now);
        self.core.expire_budgets(now);
        while let Some((at, call)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, call));
            self.call(now, call, CallInput::Timeout);
        }
        if self.seen_due.is_some_and(|due| due <= now) {
            self.tell_live_calls(now);
        }
    }

    /// Carries what the parts have put out into calls and outputs, until nothing moves.
    fn settle(&mut self, now: Instant) {
        self.drain_parts(now);
        self.core.tell_bans(now);
        self.core.tell_carriers(now);
        self.core.tell_budgets(now);
        self.core.ladders.forget_unclaimed();
        while let Some(output) = self.core.seats.poll() {
            match output {
                SeatsOutput::Event(event) => self.core.event(event),
                SeatsOutput::Fact(fact) => self.core.fact(fact),
            }
        }
        if self.tell_lamps(now) {
            self.drain_parts(now);
        }
    }

    fn drain_parts(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.core.endpoint.poll() {
                self.signalled(now, output);
            } else if let Some(output) = self.core.locator.poll() {
                self.located(now, output);
            } else {
                break;
            }
        }
    }

    fn signalled(&mut self, now: Instant, output: EndpointOutput) {
        match output {
            EndpointOutput::Transmit { flow, bytes, session } => {
                if let Some(session) = session {
                    self.core.ladders.keep(now, session, Way::Out, flow, &bytes);
                }
                self.core.out(Output::Transmit { flow, bytes });
            }
            EndpointOutput::Heard { session, flow, bytes } => {
                self.core.ladders.keep(now, session, Way::In, flow, &bytes);
                self.core.know_heard(session);
                self.core.heard(session, flow, &bytes);
            }
            EndpointOutput::Request { tx, flow, message } => self.request(now, tx, flow, &message),
            EndpointOutput::Invited { session, flow, message, replaces: None } => self.invited(now, session, flow, &message),
            EndpointOutput::Invited { session, flow, message, replaces: Some(named) } => {
                self.replacing(now, session, flow, &message, named)
            }
            EndpointOutput::Session { session, event } => self.session(now, session, event),
            EndpointOutput::Answered { request, message, unproven, .. } => {
                if !self.core.text_answered(now, request, message.status())
                    && !self.core.enrolment_answered(now, request, &message, unproven)
                {
                    self.core.host_answered(now, request);
                }
            }
            EndpointOutput::Unanswered { request, cseq, why } => {
                if !self.core.text_unanswered(now, request, why) && !self.core.enrolment_unanswered(now, request, cseq, why) {
                    self.core.host_unanswered(now, request);
                }
            }
        }
    }

    fn located(&mut self, now: Instant, output: LocatorOutput) {
        match output {
            LocatorOutput::Query(query) => self.core.out(Output::Resolve(query)),
            LocatorOutput::Located { lookup, outcome } => match (self.core.lookups.remove(&lookup), outcome) {
                (Some(Waiting::Call(call)), outcome) => self.call(now, call, CallInput::Located(lookup, outcome)),
                (Some(Waiting::Source(seen)), Ok(targets)) => self.core.source_found(&seen, &targets),
                (Some(Waiting::Registrar(key)), outcome) => self.core.registrar_found(now, &key, outcome),
                (Some(Waiting::Host(spot)), outcome) => self.core.host_found(now, &spot, outcome),
                (Some(Waiting::Source(seen)), Err(LocateError::TooMany)) => self.core.source_not_asked(now, &seen),
                (Some(Waiting::Source(_)), Err(_)) | (None, _) => {}
            },
        }
    }

    fn request(&mut self, now: Instant, tx: sip_core::ServerTx, flow: Flow, message: &Message) {
        match message.method() {
            sip_core::Method::Register => self.core.register(now, tx, flow, message),
            sip_core::Method::Subscribe => self.subscribed(now, tx, flow, message),
            sip_core::Method::Message => self.texted(now, tx, flow, message),
            _ => {
                let allow = self.core.endpoint.settings().extras.allow().to_owned();
                self.core.endpoint.respond(now, tx, 405, None, &[("Allow", allow)]);
            }
        }
    }

    fn session(&mut self, now: Instant, session: SessionId, event: SessionEvent) {
        if let SessionEvent::Referred { refer, to, replaces, .. } = event {
            self.referred(now, session, refer, &to, replaces.as_deref());
            return;
        }
        if let SessionEvent::Message { tx, content_type, body } = &event {
            self.texted_within(now, session, *tx, content_type, body);
            return;
        }
        // A session whose call is over says its last words to nobody.
        let is_last = matches!(event, SessionEvent::Ended { .. } | SessionEvent::Refused { .. });
        if is_last {
            let status = if let SessionEvent::Refused { status } = event { Some(status) } else { None };
            self.core.came_back(now, session, status);
            self.core.know(User::Session(session), None);
        }
        let Some((call, party)) = self.core.party(session, is_last) else { return };
        if matches!(event, SessionEvent::Answered { .. }) {
            self.core.budget_answered(now, session);
        }
        self.call(now, call, CallInput::Session(party, event));
    }

    /// Whose phone a session's peer is, and the session of the phone that it talks with; none if either is no phone of ours.
    pub(crate) fn other_phone(&mut self, session: SessionId) -> Option<(SlotId, SessionId)> {
        let (call, _) = self.core.party(session, false)?;
        let Stage::Talking(talking) = &self.calls.get(&call)?.stage else { return None };
        let (near, far) = talking.legs(Party::Near);
        let (own, other) = if near.session == session { (near, far) } else { (far, near) };
        other.slot.and(own.slot.filter(|_| own.session == session)).map(|slot| (slot, other.session))
    }

    /// The picture of a call that is up.
    pub(crate) fn call_view(&self, call: CallId) -> Option<CallView> {
        self.calls.get(&call).map(|call| call.timeline.view())
    }

    fn media(&mut self, now: Instant, event: MediaEvent) {
        let leg = match &event {
            MediaEvent::FirstMedia { leg }
            | MediaEvent::Digit { leg, .. }
            | MediaEvent::Silent { leg }
            | MediaEvent::Closed { leg, .. } => *leg,
        };
        if let Some(call) = self.core.call_of(leg) {
            self.call(now, call, CallInput::Media(event));
        }
    }

    fn media_lost(&mut self, now: Instant, worker: usize) {
        for call in self.core.calls_by(worker) {
            self.call(now, call, CallInput::Hangup(Cause::Internal));
        }
        // Behind the calls, which give back what they did not come to use.
        self.core.ports.forget(worker);
    }

    /// Hands an input to a call.
    pub(crate) fn call(&mut self, now: Instant, id: CallId, input: CallInput) {
        self.touch(now, id, |call, core| call.handle(now, core, input));
    }

    /// Does something with a call, and keeps it unless it is over. A panic on the way ends that call alone, with its record (FT-14).
    pub(crate) fn touch(&mut self, now: Instant, id: CallId, act: impl FnOnce(&mut Call, &mut Core)) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        if let Some(deadline) = call.deadline() {
            self.deadlines.remove(&(deadline, id));
        }
        let core = &mut self.core;
        if catch_unwind(AssertUnwindSafe(|| act(&mut call, core))).is_err() {
            self.core.out(Output::Defect { call: id });
            self.core.abandon(now, id);
        }
        self.begin(now, id, call);
    }

    /// Keeps a call that goes on.
    fn keep(&mut self, now: Instant, id: CallId, call: Box<Call>) {
        if let Some(deadline) = call.deadline() {
            self.deadlines.insert((deadline, id));
        }
        self.calls.insert(id, call);
        self.seen_due.get_or_insert(now + SEEN_EVERY);
    }

    /// Each call has the wall clock of its beginning (FT-10), so those from before a step of the clock are told apart: a record that is made
    /// of what was seen last must not be an hour longer than the call.
    fn tell_live_calls(&mut self, now: Instant) {
        let wall = self.core.clock.wall(now);
        let mut batches: BTreeMap<i64, Vec<CallView>> = BTreeMap::new();
        for call in self.calls.values() {
            let at = call.wall(now);
            // What clocks drift apart in a call's life is no step.
            let step_s = at.0.saturating_sub(wall.0) / 1_000;
            let views = batches.entry(step_s).or_default();
            views.push(call.timeline.seen(at));
            if views.len() == SEEN_BATCH {
                let calls = std::mem::take(views);
                self.core.fact(Fact::CallsSeen { calls, at: WallTime(wall.0.saturating_add(step_s.saturating_mul(1_000))) });
            }
        }
        for (step_s, calls) in batches.into_iter().filter(|(_, calls)| !calls.is_empty()) {
            self.core.fact(Fact::CallsSeen { calls, at: WallTime(wall.0.saturating_add(step_s.saturating_mul(1_000))) });
        }
        self.seen_due = (!self.calls.is_empty()).then(|| now + SEEN_EVERY);
    }

    fn directory(&mut self, now: Instant, directory: Arc<Directory>) {
        let gone: Vec<SlotId> = self.core.directory.slots().map(|slot| slot.id).filter(|slot| directory.slot(*slot).is_none()).collect();
        for slot in gone {
            self.core.registrar.remove(record_key(slot));
            self.core.know_slot(now, slot);
            self.core.end_watching(now, slot);
            self.core.end_watched(now, slot);
        }
        self.core.seats.directory(now, &directory);
        self.core.forget_accounts(&directory);
        let gone = self.core.carriers_gone(&directory);
        self.core.note_changed_carriers(&directory);
        self.core.directory = directory;
        self.core.follow_carriers(now);
        gone.into_iter().for_each(|event| self.core.event(event));
        self.core.follow_budgets(now);
        self.core.reset_armour();
    }

    fn command(&mut self, now: Instant, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::StartCall { user, slot, number } => self.start_call(now, user, slot, number),
            Command::EndCall { user, any, call } => {
                let view = self.must_own(user, any, call)?;
                self.call(now, call, CallInput::Hangup(Cause::EndedByRequest));
                Ok(Reply::CallEnding { call, status: view.status })
            }
            Command::TransferCall { user, any, call, to } => self.transfer(now, user, any, call, to),
            Command::TakeSlot { user, slot } => self.core.seats.take(now, user, slot).map(Reply::Slot),
            Command::ReleaseSlot { user, any, slot, epoch } => self.core.seats.release(now, user, any, slot, epoch).map(Reply::Slot),
            Command::SetService { slot, state } => {
                let view = self.core.seats.set_service(now, slot, state)?;
                if !self.core.serves(slot) {
                    self.core.end_watching(now, slot);
                }
                Ok(Reply::Slot(view))
            }
            Command::RetireSlots { slots } => {
                // Their bindings go with the directory that no longer has them; if that never comes, nothing has changed.
                self.core.seats.retire(now, &slots)?;
                Ok(Reply::Done)
            }
            Command::Ladder { call } => {
                self.core.ladders.drawing(call).map(|drawing| Reply::Ladder { drawing }).ok_or(Refusal::LadderForgotten)
            }
            Command::KeepAlive { user } => {
                self.core.seats.keep_alive(now, user);
                Ok(Reply::Done)
            }
            Command::Carriers => Ok(Reply::Carriers(self.core.carrier_views(now))),
            Command::Bans => Ok(self.core.bans()),
            Command::Security => Ok(self.core.security(now)),
            Command::BanSource { address, for_s, note } => self.core.ban_source(now, address, for_s, note),
            Command::Budgets { center } => Ok(self.core.budget_views(now, center)),
            Command::Budget { scope } => self.core.budget(now, scope),
            Command::ReleaseBudget { scope } => self.core.release_budget(now, scope),
            Command::ReleaseBan { address } => self.core.release_ban(now, address),
        }
    }

    /// How many calls were turned away since the start because none might begin, by reason.
    #[must_use]
    pub fn turned_away(&self, why: NoRoom) -> u64 {
        self.turned_away.get(&why).copied().unwrap_or_default()
    }

    /// Whether a further call may begin; whoever is told no is counted.
    pub(crate) fn room(&mut self) -> Result<(), NoRoom> {
        let why = if self.draining {
            NoRoom::Draining
        } else if self.journal_behind {
            NoRoom::JournalBehind
        } else if self.calls.len() >= self.core.settings.calls_max {
            NoRoom::CallsMax
        } else if !self.core.endpoint.has_room() {
            NoRoom::Signalling
        } else {
            return Ok(());
        };
        *self.turned_away.entry(why).or_default() += 1;
        Err(why)
    }

    /// Keeps a call that has just begun, unless it is over already.
    pub(crate) fn begin(&mut self, now: Instant, id: CallId, call: Box<Call>) {
        if let Some(call) = call.settle(now, &mut self.core) {
            self.keep(now, id, call);
        }
    }
}
