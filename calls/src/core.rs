//! What all calls share: the parts of lower floors, which session and which leg is whose, and what is to be told.
//!
//! Each part has a room of its own; here is what joins them for one leg. Knows no stages.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use media::{Channel, Command as MediaCommand, LegId};
use model::{Anchor, CallId, Cause, Directory, Event, Fact, RecordingRow, SlotId, WallTime};
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};
use seats::Seats;
use sip_core::{Endpoint, Flow, Locator, LocatorSettings, LookupId, Registrar, SessionId, Verifier, reason_header};

use crate::{
    armour::Watch,
    budgets::Ledger,
    carriers::{Carriers, Said, Waiting},
    contact::Routed,
    door::Door,
    known::Known,
    ladder::Ladders,
    lamps::Lamps,
    leg::{Audio, Leg, Party},
    ports::{MediaPort, Ports},
    questions::Questions,
    settings::Settings,
    switchboard::{Output, Restored},
    texts::Texts,
};

/// Everything that a call's stage may use.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Arc<Settings>,
    pub(crate) endpoint: Door,
    pub(crate) verifier: Verifier,
    pub(crate) watch: Watch,
    pub(crate) registrar: Registrar,
    pub(crate) seats: Seats,
    pub(crate) ports: Ports,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Anchor,
    pub(crate) ladders: Ladders,
    pub(crate) carriers: Carriers,
    pub(crate) questions: Questions,
    pub(crate) ledger: Ledger,
    pub(crate) locator: Locator,
    /// Who waits for which lookup; as many at most as the locator has under way.
    pub(crate) lookups: BTreeMap<LookupId, Waiting>,
    /// The last refusal that was heard, for who wants to know more than its status.
    refusal: Option<(SessionId, Flow, Bytes)>,
    sessions: BTreeMap<SessionId, (CallId, Party)>,
    /// Which call a leg's audio belongs to, and the worker that carries it.
    legs: BTreeMap<LegId, (CallId, usize)>,
    /// Recordings that are open.
    recordings: BTreeMap<CallId, Tapped>,
    /// Streams that ended while their phones were in calls: what these are asked goes there, until they register again or the calls end.
    pub(crate) lost_streams: BTreeMap<SlotId, Flow>,
    pub(crate) routed: Routed,
    pub(crate) lamps: Lamps,
    pub(crate) texts: Texts,
    /// For which streams the sockets were told that their peers are known.
    pub(crate) known: Known,
    random: ChaCha12Rng,
    last_call: i64,
    last_leg: u64,
    pub(crate) outputs: VecDeque<Output>,
    /// Lets the next call that is touched panic.
    #[cfg(test)]
    pub(crate) defective: bool,
}

/// A recording that is open.
#[derive(Debug)]
struct Tapped {
    /// The worker that taps it.
    worker: usize,
    /// Whose voice is on the left.
    left: LegId,
}

/// A wall clock that is off by more than this many milliseconds was set, and did not just drift.
const CLOCK_STEP_MS: u64 = 2_000;

impl Core {
    /// The parts as they are before the first input, with what survived the last run.
    pub(crate) fn new(
        now: Instant,
        wall: WallTime,
        settings: Settings,
        directory: Arc<Directory>,
        restored: &Restored,
        seed: [u8; 32],
    ) -> Self {
        let mut random = ChaCha12Rng::from_seed(seed);
        let mut endpoint_seed = [0; 32];
        random.fill_bytes(&mut endpoint_seed);
        // A stream of its own, so that what is drawn for lookups moves nothing else.
        let mut locating = random.clone();
        locating.set_stream(1);
        let mut locator_seed = [0; 32];
        locating.fill_bytes(&mut locator_seed);
        let mut carrying = random.clone();
        carrying.set_stream(2);
        let mut armour_seed = [0; 16];
        random.fill_bytes(&mut armour_seed);
        let mut core = Self {
            endpoint: Door::new(Endpoint::new(settings.endpoint(), endpoint_seed)),
            verifier: Verifier::new(settings.nonce_key, settings.nonce_life, &settings.digest),
            watch: Watch::new(&settings.armour, armour_seed),
            registrar: Registrar::new(settings.registrar.clone()),
            seats: Seats::new(settings.seats()),
            ladders: Ladders::new(settings.ladder_memory),
            carriers: Carriers::new(carrying, settings.carrier_nets.clone()),
            questions: Questions::default(),
            ledger: Ledger::default(),
            locator: Locator::new(LocatorSettings::default(), locator_seed),
            lookups: BTreeMap::new(),
            refusal: None,
            settings: Arc::new(settings),
            ports: Ports::default(),
            directory,
            clock: Anchor { mono: now, wall },
            sessions: BTreeMap::new(),
            legs: BTreeMap::new(),
            recordings: BTreeMap::new(),
            lost_streams: BTreeMap::new(),
            routed: Routed::default(),
            lamps: Lamps::default(),
            texts: Texts::default(),
            known: Known::default(),
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
        core.follow_carriers(now);
        core.reset_armour();
        core.follow_budgets(now);
        core.restore_budgets(now, restored);
        for (slot, holder, epoch) in &restored.leases {
            core.seats.restore_lease(now, *slot, *holder, *epoch);
        }
        for binding in &restored.bindings {
            core.restore_binding(now, binding, &restored.listening);
        }
        core.restore_armour(now, restored);
        core
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.out(Output::Fact(fact));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.mark_lamps(&event);
        self.out(Output::Event(event));
    }

    pub(crate) fn media(&mut self, audio: &Audio, command: MediaCommand) {
        self.order(audio.port.worker, command);
    }

    fn order(&mut self, worker: usize, command: MediaCommand) {
        match command {
            MediaCommand::Open { .. } => self.ports.opened(worker),
            MediaCommand::Close { .. } => self.ports.closed(worker),
            _ => {}
        }
        self.out(Output::Media { worker, command });
    }

    /// A call id above every one before: the start in milliseconds, and a random part below, so that ids say nothing about load.
    pub(crate) fn next_call(&mut self, now: Instant) -> CallId {
        let start = self.clock.wall(now).0.clamp(0, (1 << 41) - 1) << 22;
        let id = start | i64::from(self.random.next_u32() >> 10);
        self.last_call = id.max(self.last_call.saturating_add(1));
        CallId(self.last_call)
    }

    /// The id that was given last.
    pub(crate) fn last_call(&self) -> i64 {
        self.last_call
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Binds a session to a call, so that its events find it.
    pub(crate) fn join(&mut self, call: CallId, party: Party, leg: &Leg) {
        self.sessions.insert(leg.session, (call, party));
        self.ladders.join(call, party, leg.session, Some(&leg.shown));
        self.legs.insert(leg.audio.id, (call, leg.audio.port.worker));
    }

    /// Whose session this is; with `is_last` it is nobody's any more.
    pub(crate) fn party(&mut self, session: SessionId, is_last: bool) -> Option<(CallId, Party)> {
        if is_last { self.sessions.remove(&session) } else { self.sessions.get(&session).copied() }
    }

    /// The call that a leg's audio belongs to.
    pub(crate) fn call_of(&self, leg: LegId) -> Option<CallId> {
        self.legs.get(&leg).map(|(call, _)| *call)
    }

    /// The calls of which a media worker carries a leg.
    pub(crate) fn calls_by(&self, worker: usize) -> BTreeSet<CallId> {
        self.legs.values().filter(|(_, of)| *of == worker).map(|(call, _)| *call).collect()
    }

    /// The wall clock shows another time than it should: whatever is written down with wall times and must outlive us is told anew (FT-10).
    /// Nothing that lasts now looks at it.
    pub(crate) fn set_clock(&mut self, now: Instant, wall: WallTime) {
        let before = self.clock.wall(now);
        let step_ms = before.0.abs_diff(wall.0);
        self.budgets_moved(wall.0.saturating_sub(before.0));
        self.clock = Anchor { mono: now, wall };
        self.seats.set_clock(now, wall);
        if step_ms > CLOCK_STEP_MS {
            self.tell_bindings(now);
        }
    }

    /// Takes new settings: for what begins from now on.
    pub(crate) fn reconfigure(&mut self, now: Instant, settings: Settings) {
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
        self.carriers.outwards.allow(settings.carrier_nets.clone());
        self.settings = Arc::new(settings);
        self.reset_armour();
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
        self.recordings.insert(call, Tapped { worker: left.port.worker, left: left.id });
        self.out(Output::RecordBegin { key: recording, row });
        self.media(left, MediaCommand::Record { recording, left: left.id, right: right.id });
    }

    /// Beside `stays`, whose channel stays its own, the call's recording has `joins` from now on.
    pub(crate) fn retap(&mut self, call: CallId, stays: &Audio, joins: &Audio) {
        let Some(tapped) = self.recordings.get_mut(&call) else { return };
        let channel = if tapped.left == stays.id {
            Channel::Right
        } else {
            tapped.left = joins.id;
            Channel::Left
        };
        self.media(joins, MediaCommand::Tap { recording: record_key_of(call), channel, leg: joins.id });
    }

    /// Closes a call's recording, if one is open; it must then be `duration_ms` long.
    pub(crate) fn end_recording(&mut self, call: CallId, duration_ms: u64) {
        let Some(Tapped { worker, .. }) = self.recordings.remove(&call) else { return };
        let key = record_key_of(call);
        self.out(Output::Media { worker, command: MediaCommand::StopRecord { recording: key } });
        self.out(Output::RecordEnd { key, duration_ms });
    }

    /// Ends all that belongs to a call whose own knowledge of it is lost.
    pub(crate) fn abandon(&mut self, now: Instant, call: CallId) {
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
            self.order(worker, MediaCommand::Close { leg });
        }
    }

    /// A message of a session was heard. A refusal is kept until the next one: what follows from it is told right behind it.
    pub(crate) fn heard(&mut self, session: SessionId, flow: Flow, bytes: &Bytes) {
        if matches!(bytes.as_ref(), [b'S', b'I', b'P', b'/', b'2', b'.', b'0', b' ', b'3'..=b'6', ..]) {
            self.refusal = Some((session, flow, bytes.clone()));
        }
    }

    /// What the refusal of a session said beside its status.
    pub(crate) fn said(&mut self, session: SessionId) -> Said {
        let refusal = self.refusal.take_if(|(of, ..)| *of == session);
        refusal.map(|(_, flow, bytes)| Said { by: Some(flow.transport), ..Said::of(&bytes) }).unwrap_or_default()
    }

    /// Ends the leg of a phone that rang with others, since one of those has answered (RFC 3326, 2).
    pub(crate) fn close_elsewhere(&mut self, now: Instant, leg: &Leg) {
        if self.sessions.remove(&leg.session).is_some() {
            self.endpoint.hangup_elsewhere(now, leg.session);
        }
        self.close(now, leg, Cause::NoAnswer);
    }

    /// Ends a leg: its session, if it is not over yet, and its audio.
    pub(crate) fn close(&mut self, now: Instant, leg: &Leg, cause: Cause) {
        self.budget_over(now, leg.session);
        if self.sessions.remove(&leg.session).is_some() {
            self.endpoint.hangup(now, leg.session, Some((cause.q850(), cause.code())));
        }
        if self.legs.remove(&leg.audio.id).is_some() {
            self.media(&leg.audio, MediaCommand::Close { leg: leg.audio.id });
        }
    }
}

/// The key of a call's frames on their way to the recorder.
fn record_key_of(call: CallId) -> u64 {
    call.0.unsigned_abs()
}
