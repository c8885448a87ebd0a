//! The one core of signalling: every message, command and media event goes in here, everything to be sent, stored and told comes out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use media::{Command as MediaCommand, LegId, MediaEvent};
use model::{
    Anchor, Binding, CallId, CallView, Cause, Command, Directory, Event, Fact, RecordingRow, RecordingView, Refusal, Reply, SlotId, UserId,
    WallTime,
};
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};
use seats::{Seats, SeatsOutput};
use sip_core::{Endpoint, EndpointOutput, Flow, Message, Registrar, SessionEvent, SessionId, Verifier, reason_header};

use crate::{
    ladder::{Ladders, Way},
    leg::{Audio, Leg, Party},
    ports::{MediaPort, Ports},
    registration::record_key,
    settings::Settings,
    stage::{Call, CallInput},
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
    /// A stream is gone, whoever ended it, or it could not be opened.
    FlowClosed {
        /// Which.
        flow: Flow,
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
    /// The configuration was read anew. What can change does; calls that are up go on with what they began with.
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

/// What survived the last run.
#[derive(Debug, Default)]
pub struct Restored {
    /// Registered contacts.
    pub bindings: Vec<Binding>,
    /// Each slot's lease: who holds it, and its number.
    pub leases: Vec<(SlotId, Option<UserId>, u64)>,
    /// The greatest call id ever given; ids go on above it.
    pub last_call: Option<CallId>,
    /// The addresses that signalling listens on now: a binding through another one of ours leads nowhere any more.
    pub listening: Vec<SocketAddr>,
}

/// Call control as one core. Handle an input, then drain [`Switchboard::poll`] until it is empty.
#[derive(Debug)]
pub struct Switchboard {
    pub(crate) core: Core,
    calls: BTreeMap<CallId, Call>,
    /// When which call wants to be woken.
    deadlines: BTreeSet<(Instant, CallId)>,
    /// When live calls are next told to the journal.
    seen_due: Option<Instant>,
    draining: bool,
}

/// Everything that a call's stage may use.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Arc<Settings>,
    pub(crate) endpoint: Endpoint,
    pub(crate) verifier: Verifier,
    pub(crate) registrar: Registrar,
    pub(crate) seats: Seats,
    pub(crate) ports: Ports,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Anchor,
    pub(crate) ladders: Ladders,
    sessions: BTreeMap<SessionId, (CallId, Party)>,
    /// Which call a leg's audio belongs to, and the worker that carries it.
    legs: BTreeMap<LegId, (CallId, usize)>,
    /// Recordings that are open, and the worker that taps them.
    recordings: BTreeMap<CallId, usize>,
    /// Streams that ended while their phones were in calls: what these are asked goes there, until they register again or the calls end.
    pub(crate) lost_streams: BTreeMap<SlotId, Flow>,
    random: ChaCha12Rng,
    last_call: i64,
    last_leg: u64,
    pub(crate) outputs: VecDeque<Output>,
    /// Lets the next call that is touched panic.
    #[cfg(test)]
    pub(crate) defective: bool,
}

/// The state of live calls reaches the journal at least this often (R22).
const SEEN_EVERY: Duration = Duration::from_secs(5);

/// A wall clock that is off by more than this many milliseconds was set, and did not just drift.
const CLOCK_STEP_MS: u64 = 2_000;

/// At most this many calls in one record of the journal.
const SEEN_BATCH: usize = 200;

/// The key of a call's frames on their way to the recorder.
fn record_key_of(call: CallId) -> u64 {
    call.0.unsigned_abs()
}

impl Switchboard {
    /// A switchboard with no calls. `seed` is fresh for each run; `wall` is what the clock shows at `now`.
    #[must_use]
    pub fn new(now: Instant, wall: WallTime, settings: Settings, directory: Arc<Directory>, restored: &Restored, seed: [u8; 32]) -> Self {
        let mut random = ChaCha12Rng::from_seed(seed);
        let mut endpoint_seed = [0; 32];
        random.fill_bytes(&mut endpoint_seed);
        let mut core = Core {
            endpoint: Endpoint::new(settings.endpoint(), endpoint_seed),
            verifier: Verifier::new(settings.nonce_key, settings.nonce_life, &settings.digest),
            registrar: Registrar::new(settings.registrar.clone()),
            seats: Seats::new(settings.seats()),
            ladders: Ladders::new(settings.ladder_memory),
            settings: Arc::new(settings),
            ports: Ports::default(),
            directory,
            clock: Anchor { mono: now, wall },
            sessions: BTreeMap::new(),
            legs: BTreeMap::new(),
            recordings: BTreeMap::new(),
            lost_streams: BTreeMap::new(),
            random,
            last_call: restored.last_call.map_or(0, |call| call.0),
            last_leg: 0,
            outputs: VecDeque::new(),
            #[cfg(test)]
            defective: false,
        };
        core.seats.set_clock(now, wall);
        let directory = Arc::clone(&core.directory);
        core.seats.directory(now, &directory);
        for (slot, holder, epoch) in &restored.leases {
            core.seats.restore_lease(now, *slot, *holder, *epoch);
        }
        for binding in &restored.bindings {
            core.restore_binding(now, binding, &restored.listening);
        }
        let mut switchboard = Self { core, calls: BTreeMap::new(), deadlines: BTreeSet::new(), seen_due: None, draining: false };
        switchboard.settle(now);
        switchboard
    }

    /// Takes one input. Cannot fail: what is wrong with it is an output.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Received { flow, bytes } => self.core.endpoint.received(now, flow, bytes),
            Input::Unreachable { remote } => self.core.endpoint.unreachable(now, remote),
            Input::FlowClosed { flow } => {
                self.core.endpoint.flow_closed(now, flow);
                self.core.unbind_flow(now, flow);
            }
            Input::Settings(settings) => self.core.reconfigure(now, *settings),
            Input::Ports(ports) => self.core.ports.add(ports),
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
            Input::Drain => self.draining = true,
            Input::EndAll => {
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
        self.core.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`], and what for.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        let own = self.deadlines.first().map(|(at, _)| (*at, "a call's stage"));
        let seen = self.seen_due.map(|at| (at, "live calls to the journal"));
        let bindings = self.core.registrar.timeout().map(|at| (at, "a binding lapses"));
        [own, seen, bindings, self.core.endpoint.timeout(), self.core.seats.timeout()].into_iter().flatten().min_by_key(|(at, _)| *at)
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
        self.core.expire_bindings(now);
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
        while let Some(output) = self.core.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { flow, bytes, session } => {
                    if let Some(session) = session {
                        self.core.ladders.keep(now, session, Way::Out, flow, &bytes);
                    }
                    self.core.out(Output::Transmit { flow, bytes });
                }
                EndpointOutput::Heard { session, flow, bytes } => self.core.ladders.keep(now, session, Way::In, flow, &bytes),
                EndpointOutput::Request { tx, flow, message } => self.request(now, tx, flow, &message),
                EndpointOutput::Invited { session, flow, message } => self.invited(now, session, flow, &message),
                EndpointOutput::Session { session, event } => self.session(now, session, event),
            }
        }
        self.core.ladders.forget_unclaimed();
        while let Some(output) = self.core.seats.poll() {
            match output {
                SeatsOutput::Event(event) => self.core.event(event),
                SeatsOutput::Fact(fact) => self.core.fact(fact),
            }
        }
    }

    fn request(&mut self, now: Instant, tx: sip_core::ServerTx, flow: Flow, message: &Message) {
        match message.method() {
            sip_core::Method::Register => self.core.register(now, tx, flow, message),
            sip_core::Method::Options => {
                let headers = [("Allow", sip_core::ALLOW.to_owned()), ("Accept", "application/sdp".to_owned())];
                self.core.endpoint.respond(now, tx, 200, None, &headers);
            }
            _ => self.core.endpoint.respond(now, tx, 405, None, &[("Allow", sip_core::ALLOW.to_owned())]),
        }
    }

    fn session(&mut self, now: Instant, session: SessionId, event: SessionEvent) {
        // A session whose call is over says its last words to nobody.
        let Some((call, party)) = self.core.sessions.get(&session).copied() else { return };
        if matches!(event, SessionEvent::Ended { .. } | SessionEvent::Refused { .. }) {
            self.core.sessions.remove(&session);
        }
        self.call(now, call, CallInput::Session(party, event));
    }

    fn media(&mut self, now: Instant, event: MediaEvent) {
        let leg = match &event {
            MediaEvent::FirstMedia { leg }
            | MediaEvent::Digit { leg, .. }
            | MediaEvent::Silent { leg }
            | MediaEvent::Closed { leg, .. } => *leg,
        };
        if let Some((call, _)) = self.core.legs.get(&leg).copied() {
            self.call(now, call, CallInput::Media(event));
        }
    }

    fn media_lost(&mut self, now: Instant, worker: usize) {
        let deaf: BTreeSet<CallId> = self.core.legs.values().filter(|(_, of)| *of == worker).map(|(call, _)| *call).collect();
        for call in deaf {
            self.call(now, call, CallInput::Hangup(Cause::Internal));
        }
        // Behind the calls, which give back what they did not come to use.
        self.core.ports.forget(worker);
    }

    /// Hands an input to a call, and keeps the call unless it is over. A panic on the way ends that call alone, with its record (FT-14).
    fn call(&mut self, now: Instant, id: CallId, input: CallInput) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        if let Some(deadline) = call.deadline() {
            self.deadlines.remove(&(deadline, id));
        }
        let core = &mut self.core;
        if catch_unwind(AssertUnwindSafe(|| call.handle(now, core, input))).is_err() {
            self.core.out(Output::Defect { call: id });
            self.core.abandon(now, id);
        }
        self.begin(now, id, call);
    }

    /// Keeps a call that goes on.
    fn keep(&mut self, now: Instant, id: CallId, call: Call) {
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
        for gone in self.core.directory.slots().filter(|slot| directory.slot(slot.id).is_none()) {
            self.core.registrar.remove(record_key(gone.id));
        }
        self.core.seats.directory(now, &directory);
        self.core.directory = directory;
    }

    fn command(&mut self, now: Instant, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::StartCall { user, slot, number } => self.start_call(now, user, slot, number),
            Command::EndCall { user, any, call } => {
                let view = self.calls.get(&call).map(|call| call.timeline.view()).ok_or(Refusal::CallNotFound)?;
                let holds = |slot: Option<SlotId>| slot.is_some_and(|slot| self.core.seats.holder(slot) == Some(user));
                if !(any || view.user == Some(user) || holds(view.caller_slot) || holds(view.callee_slot)) {
                    return Err(Refusal::CallNotFound);
                }
                self.call(now, call, CallInput::Hangup(Cause::EndedByRequest));
                Ok(Reply::CallEnding { call, status: view.status })
            }
            Command::TakeSlot { user, slot } => self.core.seats.take(now, user, slot).map(Reply::Slot),
            Command::ReleaseSlot { user, any, slot, epoch } => self.core.seats.release(now, user, any, slot, epoch).map(Reply::Slot),
            Command::SetService { slot, state } => self.core.seats.set_service(now, slot, state).map(Reply::Slot),
            Command::RetireSlots { slots } => {
                // Their bindings go with the directory that no longer has them; if that never comes, nothing has changed.
                self.core.seats.retire(now, &slots)?;
                Ok(Reply::Done)
            }
            Command::Ladder { call } => self.core.ladders.draw(call).map(|text| Reply::Ladder { text }).ok_or(Refusal::CallNotFound),
            Command::KeepAlive { user } => {
                self.core.seats.keep_alive(now, user);
                Ok(Reply::Done)
            }
        }
    }

    /// Whether a further call may begin.
    pub(crate) fn has_room(&self) -> bool {
        !self.draining && self.calls.len() < self.core.settings.calls_max && self.core.endpoint.has_room()
    }

    /// Keeps a call that has just begun, unless it is over already.
    pub(crate) fn begin(&mut self, now: Instant, id: CallId, call: Call) {
        if let Some(call) = call.settle(now, &mut self.core) {
            self.keep(now, id, call);
        }
    }
}

impl Core {
    pub(crate) fn out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.out(Output::Fact(fact));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out(Output::Event(event));
    }

    pub(crate) fn media(&mut self, audio: &Audio, command: MediaCommand) {
        self.out(Output::Media { worker: audio.port.worker, command });
    }

    /// A call id above every one before: the start in milliseconds, and a random part below, so that ids say nothing about load.
    pub(crate) fn next_call(&mut self, now: Instant) -> CallId {
        let start = self.clock.wall(now).0.clamp(0, (1 << 41) - 1) << 22;
        let id = start | i64::from(self.random.next_u32() >> 10);
        self.last_call = id.max(self.last_call.saturating_add(1));
        CallId(self.last_call)
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Binds a session to a call, so that its events find it.
    pub(crate) fn join(&mut self, call: CallId, party: Party, leg: &Leg) {
        self.sessions.insert(leg.session, (call, party));
        self.ladders.join(call, party, leg.session);
        self.legs.insert(leg.audio.id, (call, leg.audio.port.worker));
    }

    /// The wall clock shows another time than it should: whatever is written down with wall times and must outlive us is told anew (FT-10).
    /// Nothing that lasts now looks at it.
    fn set_clock(&mut self, now: Instant, wall: WallTime) {
        let step_ms = self.clock.wall(now).0.abs_diff(wall.0);
        self.clock = Anchor { mono: now, wall };
        self.seats.set_clock(now, wall);
        if step_ms > CLOCK_STEP_MS {
            self.tell_bindings(now);
        }
    }

    /// Takes new settings: for what begins from now on.
    fn reconfigure(&mut self, now: Instant, settings: Settings) {
        self.endpoint.reconfigure(settings.endpoint());
        self.seats.reconfigure(settings.seats());
        if settings.registrar != self.settings.registrar {
            self.rebuild_registrar(now, &settings);
        }
        if (&settings.digest, settings.nonce_life) != (&self.settings.digest, self.settings.nonce_life) {
            // A key of its own, so that a nonce of before is stale, and not good again because its counts are forgotten (B-4).
            let mut key = [0; 32];
            self.random.fill_bytes(&mut key);
            self.verifier = Verifier::new(key, settings.nonce_life, &settings.digest);
        }
        self.ladders.set_budget(settings.ladder_memory);
        self.settings = Arc::new(settings);
    }

    /// Opens the audio half of a leg on a port.
    pub(crate) fn open_audio(&mut self, port: MediaPort, flow: Flow, behind_nat: bool) -> Audio {
        self.last_leg += 1;
        let id = LegId(self.last_leg);
        // RFC 8866, 5.2: a numeric session id; 31 bits, since some phones read no more.
        let session_id = self.random() >> 33;
        let address = self.settings.media_address.unwrap_or_else(|| self.endpoint.settings().seen_at(flow).ip());
        let audio = Audio::new(id, port, address, session_id, behind_nat.then_some(flow.remote));
        self.media(&audio, MediaCommand::Open { leg: id, port: port.port });
        audio
    }

    /// Tells the worker what was negotiated with a leg's phone.
    pub(crate) fn connect_audio(&mut self, audio: &mut Audio) {
        if let Some(remote) = audio.news() {
            let command = MediaCommand::Remote { leg: audio.id, remote, latch: audio.latch() };
            self.media(audio, command);
        }
    }

    /// Answers a phone's new offer in a running session; one that does not do leaves the session as it was (RFC 3261, 14.2).
    ///
    /// A phone that comes from elsewhere has moved: its audio is then learned anew, though it may say the same as before (B-58).
    pub(crate) fn reoffered(&mut self, now: Instant, leg: &mut Leg, sdp: Option<&Bytes>, flow: Flow) {
        leg.audio.moved(flow.remote);
        let outcome = match sdp {
            Some(sdp) => leg.audio.answer_again(sdp).map_err(|cause| cause.sip_status()),
            None => Ok(leg.audio.offer_again()),
        };
        if outcome.is_ok() && sdp.is_some() {
            self.connect_audio(&mut leg.audio);
        }
        self.endpoint.answer_reoffer(now, leg.session, outcome.as_deref().map_err(|status| *status));
    }

    /// A phone's answer to an offer of ours came with its ACK. One that does not do changes nothing.
    pub(crate) fn reconfirmed(&mut self, leg: &mut Leg, sdp: Option<&Bytes>) {
        if sdp.is_some() && leg.audio.answered(sdp).is_ok() {
            self.connect_audio(&mut leg.audio);
        }
    }

    /// Refuses the INVITE of a phone that dialled.
    pub(crate) fn refuse(&mut self, now: Instant, leg: &Leg, cause: Cause) {
        self.sessions.remove(&leg.session);
        self.refuse_session(now, leg.session, cause);
    }

    /// Refuses an INVITE for which no leg was made yet.
    pub(crate) fn refuse_session(&mut self, now: Instant, session: SessionId, cause: Cause) {
        let mut headers = vec![("Reason", reason_header(cause.q850(), cause.code()))];
        if cause.sip_status() == 503 {
            headers.push(("Retry-After", self.retry_after_s().to_string()));
        }
        self.endpoint.refuse(now, session, cause.sip_status(), None, &headers);
    }

    /// When a phone that was told 503 should come again: spread, so that they do not all come at once (B-19).
    fn retry_after_s(&mut self) -> u32 {
        5 + self.random.next_u32() % 11
    }

    /// Opens a call's recording: left what our side says, right what the far party says (R15).
    pub(crate) fn begin_recording(&mut self, call: CallId, row: RecordingRow, left: &Audio, right: &Audio) {
        let recording = record_key_of(call);
        self.recordings.insert(call, left.port.worker);
        self.out(Output::RecordBegin { key: recording, row });
        self.media(left, MediaCommand::Record { recording, left: left.id, right: right.id });
    }

    /// Closes a call's recording, if one is open; it must then be `duration_ms` long.
    pub(crate) fn end_recording(&mut self, call: CallId, duration_ms: u64) {
        let Some(worker) = self.recordings.remove(&call) else { return };
        let key = record_key_of(call);
        self.out(Output::Media { worker, command: MediaCommand::StopRecord { recording: key } });
        self.out(Output::RecordEnd { key, duration_ms });
    }

    /// Ends all that belongs to a call whose own knowledge of it is lost.
    fn abandon(&mut self, now: Instant, call: CallId) {
        self.ports.release(call);
        let sessions: Vec<SessionId> = self.sessions.iter().filter(|(_, (of, _))| *of == call).map(|(session, _)| *session).collect();
        for session in sessions {
            self.sessions.remove(&session);
            self.endpoint.hangup(now, session, Some((Cause::Internal.q850(), Cause::Internal.code())));
        }
        let legs: Vec<(LegId, usize)> =
            self.legs.iter().filter(|(_, (of, _))| *of == call).map(|(leg, (_, worker))| (*leg, *worker)).collect();
        for (leg, worker) in legs {
            self.legs.remove(&leg);
            self.out(Output::Media { worker, command: MediaCommand::Close { leg } });
        }
    }

    /// Ends a leg: its session, if it is not over yet, and its audio.
    pub(crate) fn close(&mut self, now: Instant, leg: &Leg, cause: Cause) {
        if self.sessions.remove(&leg.session).is_some() {
            self.endpoint.hangup(now, leg.session, Some((cause.q850(), cause.code())));
        }
        if self.legs.remove(&leg.audio.id).is_some() {
            self.media(&leg.audio, MediaCommand::Close { leg: leg.audio.id });
        }
    }
}
