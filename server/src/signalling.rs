//! The signalling loop: one thread around one core. It waits for its next input and for nothing else, and decides nothing.

mod lines;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    iter,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use api::Live;
use bytes::Bytes;
use calls::{Input, MediaPort, Order, Output, Switchboard};
use links::hep::Counts;
use media::{Command as MediaCommand, MediaEvent};
use model::{Event, Fact, RecordingRow, RecordingState, Refusal, Reply, WallTime};
use net::{FromWorker, MediaWorkers, Received, SignallingSockets};
use recording::{RECORDINGS_MAX, ToRecorder};
use sip_core::{Flow, Transport};
use tokio::sync::{oneshot, watch};
use tracing::{error, info};

use crate::{
    asking::Asking,
    capture::Capture,
    door::{Door, Load, Message},
    journaling::{self, Handed, JournalGate, Resident},
    meter::Meter,
    pace::Pace,
    recorder,
    resolving::Resolving,
    start::Ways,
    tape::Tape,
    vitals::{self, Alive, End},
};

/// How often the core is told what the wall clock shows, so that a clock that was set reaches new calls.
const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// What the loop is made of.
pub(crate) struct Parts {
    pub(crate) switchboard: Switchboard,
    pub(crate) sockets: SignallingSockets,
    pub(crate) door: Door,
    /// From which of our addresses requests to others may leave.
    pub(crate) outward: Vec<(Transport, SocketAddr)>,
    /// The same by where they go.
    pub(crate) ways: Ways,
    pub(crate) resolving: Resolving,
    pub(crate) asking: Asking,
    pub(crate) gate: JournalGate<Signalling>,
    pub(crate) live: Arc<Live>,
    pub(crate) media: MediaWorkers,
    pub(crate) recorder: recorder::RecorderInbox,
    pub(crate) meter: Meter,
    pub(crate) load: watch::Sender<Load>,
    pub(crate) tape: Option<Tape>,
    /// Where SIP messages are copied to, if anywhere.
    pub(crate) capture: Option<Box<Capture>>,
    /// What has come of such copies.
    pub(crate) copies: Arc<Counts>,
}

/// Everything that the loop owns, between two turns as within one: whichever thread has it can go on.
pub(crate) struct Signalling {
    /// Dropped at the loop's end, and by its panic: before all else, so that it is the loop that is named, and not what ends with it.
    _alive: Alive,
    parts: Parts,
    batch: Batch,
    /// Who waits for a reply.
    replies: HashMap<Order, oneshot::Sender<Result<Reply, Refusal>>>,
    orders: u64,
    received: Vec<Received>,
    messages: VecDeque<Message>,
    pace: Pace,
    clock_due: Instant,
    /// When there last was something to do.
    busy_at: Instant,
    /// When the turn's first message was taken up, until its last packet has left.
    turn_began: Option<Instant>,
    /// Whether the core was told that the journal is behind.
    is_behind: bool,
    running: bool,
}

/// What a batch of inputs has put out, until its facts are written.
#[derive(Default)]
struct Batch {
    facts: Vec<Fact>,
    events: Vec<Event>,
    packets: Vec<(Flow, Bytes)>,
    replies: Vec<(Order, Result<Reply, Refusal>)>,
    /// Orders for media workers: those of a turn together, for each hand-over may wake a thread.
    media: Vec<(usize, MediaCommand)>,
    /// Closed recordings whose rows the journal has been given, but may not have written yet: their sidecars stay until it has.
    closed: Vec<RecordingRow>,
    /// Who wants to know that the loop has what it was handed.
    taken: Vec<oneshot::Sender<()>>,
    /// Where the core wants to know the way to.
    routes: BTreeSet<SocketAddr>,
}

impl Signalling {
    /// Runs the loop on threads of its own until [`Message::Stop`], or a defect.
    pub(crate) fn start(parts: Parts) -> anyhow::Result<End> {
        let (alive, end) = vitals::alive();
        let now = Instant::now();
        let mut signalling = Self {
            parts,
            batch: Batch::default(),
            replies: HashMap::new(),
            orders: 0,
            received: Vec::new(),
            messages: VecDeque::new(),
            pace: Pace::new(now),
            clock_due: now + CLOCK_EVERY,
            busy_at: now,
            turn_began: None,
            is_behind: false,
            running: true,
            _alive: alive,
        };
        // What the core has put out while it was made: bindings that lapsed, slots as they are. Its facts go with the first turn's.
        signalling.collect();
        let outward = std::mem::take(&mut signalling.parts.outward);
        signalling.handle(now, Input::Outward(outward));
        journaling::keep_running(signalling)?;
        Ok(end)
    }

    /// Waits for inputs, and hands all that have come to the core.
    fn turn(&mut self) {
        let due = self.parts.switchboard.timeout().map(|(at, _)| self.pace.tick(at));
        let begun = Instant::now();
        if let Some(pause) = self.pace.pause(begun, due) {
            #[expect(clippy::disallowed_methods, reason = "messages are to gather: there is no value to wait for")]
            thread::sleep(pause);
        }
        let deadline = self.parts.door.rest(begun, self.busy_at, due);
        // What sockets and workers count is told in time also while nothing else happens.
        let deadline = deadline.into_iter().chain(self.parts.meter.due()).min();
        self.parts.sockets.wait(deadline, &mut self.received);
        self.parts.door.take(&mut self.messages);
        let now = Instant::now();
        self.turn_began = Some(now);
        if !self.received.is_empty() || !self.messages.is_empty() {
            self.busy_at = now;
        }
        self.pace.came(now, self.received.len());
        self.look_at_journal(now);
        if now >= self.clock_due {
            self.clock_due = now + CLOCK_EVERY;
            self.handle(now, Input::Clock(wall_clock()));
        }
        let mut received = std::mem::take(&mut self.received);
        for received in received.drain(..) {
            let input = match received {
                Received::Message { flow, bytes } => {
                    lines::came(flow, &bytes);
                    self.parts.meter.traffic.came(flow.transport, &bytes);
                    if let Some(capture) = &mut self.parts.capture {
                        capture.came(flow, &bytes);
                    }
                    Input::Received { flow, bytes }
                }
                Received::Closed { flow, why } => {
                    if let Some(why) = why {
                        self.handle(now, Input::NotOpened { flow, why: why.to_string() });
                    }
                    Input::FlowClosed { flow }
                }
                Received::Unreachable { remote } => Input::Unreachable { remote },
            };
            self.handle(now, input);
        }
        self.received = received;
        while let Some(message) = self.messages.pop_front() {
            if let Some(input) = self.input_of(message) {
                self.handle(now, input);
            }
        }
        if self.parts.switchboard.timeout().is_some_and(|(at, _)| at <= now) {
            self.handle(now, Input::Timeout);
        }
        self.find_routes(now);
        self.order_media(now);
    }

    /// Asks the kernel for the ways that the core wants to know. That sends nothing, and waits for nothing.
    fn find_routes(&mut self, now: Instant) {
        for remote in std::mem::take(&mut self.batch.routes) {
            let ours = self.parts.sockets.route_from(remote).map(|local| self.parts.ways.at(local)).unwrap_or_default();
            self.handle(now, Input::Routed { remote: remote.ip(), ours });
        }
    }

    /// Tells the core when the journal has been away for seconds, and when it is back: before what came, lest a call begin.
    fn look_at_journal(&mut self, now: Instant) {
        let behind = self.parts.gate.is_behind(now);
        if std::mem::replace(&mut self.is_behind, behind) == behind {
            return;
        }
        if behind {
            error!("The journal has been away for seconds: new calls are refused, for they might never be recorded. Running ones go on.");
        } else {
            info!("The journal is back: calls may begin.");
        }
        self.handle(now, Input::Journal { behind });
    }

    /// What a message means to the core.
    fn input_of(&mut self, message: Message) -> Option<Input> {
        Some(match message {
            Message::Worker(FromWorker::Ports(ports)) => {
                Input::Ports(ports.into_iter().map(|token| MediaPort { worker: token.worker, port: token.port }).collect())
            }
            Message::Worker(FromWorker::Event(event)) => {
                lines::leg_closed(&event);
                Input::Media(event)
            }
            // The stock that is left counts, and that is the core's.
            Message::Worker(FromWorker::Exhausted { .. }) => return None,
            Message::Worker(FromWorker::Stopped { worker }) => self.media_lost(worker),
            Message::Command(command, reply) => {
                self.orders += 1;
                self.replies.insert(Order(self.orders), reply);
                Input::Command { order: Order(self.orders), command }
            }
            Message::Directory(directory, taken) => {
                self.batch.taken.push(taken);
                Input::Directory(directory)
            }
            Message::Settings(settings, guard, taken) => {
                self.batch.taken.push(taken);
                self.parts.sockets.set_guard(guard);
                Input::Settings(settings)
            }
            Message::Capture(capture) => {
                if let Some(mut before) = std::mem::replace(&mut self.parts.capture, capture) {
                    // What this turn has brought so far.
                    before.leave();
                }
                return None;
            }
            Message::Recorded(row) => {
                self.parts.meter.recording_closed(&row);
                Input::Recorded(row)
            }
            Message::Resolved(query, answer) => Input::Resolved { query, answer },
            Message::Answered(ask, answer) => Input::Answered { ask, answer },
            Message::Drain => Input::Drain,
            Message::EndAll => Input::EndAll,
            Message::Stop => {
                self.running = false;
                return None;
            }
        })
    }

    /// Hands one input to the core. A defect in it ends what the input was about, not the server (FT-14).
    fn handle(&mut self, now: Instant, input: Input) {
        let order = match &input {
            Input::Command { order, .. } => Some(*order),
            _ => None,
        };
        if let Some(tape) = &mut self.parts.tape {
            tape.input(now, &input);
        }
        let switchboard = &mut self.parts.switchboard;
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| switchboard.handle(now, input)));
        self.parts.meter.input(begun.elapsed());
        if outcome.is_err() {
            self.parts.meter.metrics.panics.inc();
            error!("A defect: the signalling core panicked on an input and goes on without it. Please report the lines above.");
            // Whoever asked is not to wait for ever.
            self.batch.replies.extend(order.map(|order| (order, Err(Refusal::Unavailable))));
        }
        self.collect();
    }

    /// Hands their orders to the media workers, to each in one go, so that it is woken once; calls of one that takes none are ended.
    fn order_media(&mut self, now: Instant) {
        // Each worker once: the calls that end with it have orders for it, too.
        let mut lost = BTreeSet::new();
        while !self.batch.media.is_empty() {
            let mut orders = std::mem::take(&mut self.batch.media);
            // Stable: what is for one worker stays in its order.
            orders.sort_by_key(|(worker, _)| *worker);
            let mut refused = BTreeSet::new();
            let mut orders = orders.into_iter().peekable();
            while let Some(&(worker, _)) = orders.peek() {
                let mut of_worker = iter::from_fn(|| orders.next_if(|(of, _)| *of == worker)).map(|(_, command)| command);
                if !lost.contains(&worker) && !self.parts.media.commands(worker, of_worker.by_ref()) {
                    refused.insert(worker);
                }
                // What it did not take goes nowhere.
                of_worker.for_each(drop);
            }
            for worker in refused {
                lost.insert(worker);
                let input = self.media_lost(worker);
                self.handle(now, input);
            }
        }
    }

    /// A media worker is no more: nothing of its legs will be told, not even that they are silent.
    fn media_lost(&mut self, worker: usize) -> Input {
        self.parts.meter.metrics.media_lost.inc();
        error!(worker, "A media worker is lost; its calls are ended. Restart the server when calls allow it.");
        Input::MediaLost { worker }
    }

    /// Takes what the core has put out. What concerns audio goes with the turn, and whose a stream is at once; the rest waits for the journal.
    fn collect(&mut self) {
        let Self { parts, batch, .. } = self;
        while let Some(output) = parts.switchboard.poll() {
            if let Some(tape) = &mut parts.tape {
                tape.output(&output);
            }
            match output {
                Output::Transmit { flow, bytes } => batch.packets.push((flow, bytes)),
                Output::Resolve(query) => parts.resolving.ask(query),
                Output::Route { remote } => _ = batch.routes.insert(remote),
                Output::Ask(inquiry) => parts.asking.ask(*inquiry),
                Output::Unask { ask } => parts.asking.unask(ask),
                Output::Secure { flow, name } => parts.sockets.secure(flow, &name),
                Output::Claim { flow, center, is_needed } => parts.sockets.claim(flow, center.0.unsigned_abs(), is_needed),
                Output::Vouch { flow } => parts.sockets.vouch(flow),
                Output::Unvouch { flow } => parts.sockets.unvouch(flow),
                Output::Ban { source, lasts } => parts.sockets.ban(source, lasts),
                Output::Unban { source } => parts.sockets.unban(source),
                Output::HangUp { flow } => parts.sockets.hang_up(flow),
                Output::Media { worker, command } => batch.media.push((worker, command)),
                Output::RecordBegin { key, row } => {
                    parts.meter.recording_began();
                    parts.recorder.order(recorder::Order::Now(ToRecorder::Begin { key, row }));
                }
                Output::RecordEnd { key, duration_ms } => {
                    let end = ToRecorder::End { key, duration_ms, dropped: 0, reason: None };
                    parts.recorder.order(recorder::Order::Soon(end));
                }
                Output::NotOurs { carrier, name, request_uri, to, untold } => lines::not_ours(carrier, &name, untold, (&request_uri, &to)),
                Output::Defect { call } => {
                    parts.meter.metrics.panics.inc();
                    error!(%call, "A defect ended this call; the others go on. Please report the lines above.");
                }
                Output::Fact(fact) => {
                    parts.meter.fact(&fact);
                    lines::fact(&fact);
                    batch.facts.push(fact);
                }
                Output::Event(event) => batch.events.push(event),
                Output::Reply { order, result } => batch.replies.push((order, result)),
            }
        }
    }

    /// The facts of the turn, for the journal.
    fn facts(&mut self) -> Vec<Fact> {
        let facts = std::mem::take(&mut self.batch.facts);
        // More can only wait while the disk is away. Their sidecars stay for the next start.
        let room = RECORDINGS_MAX.saturating_sub(self.batch.closed.len());
        self.batch.closed.extend(facts.iter().filter_map(closed_recording).take(room).cloned());
        facts
    }

    /// Lets go of everything that speaks of facts which are in the journal now (R22).
    fn release(&mut self) {
        let Self { parts, batch, replies, .. } = self;
        if !batch.closed.is_empty() {
            match parts.gate.handed() {
                Handed::Written => batch.closed.drain(..).for_each(|row| parts.recorder.journaled(row)),
                Handed::Waiting => {}
                // Any of these rows may be lost: by their sidecars the next start makes them anew.
                Handed::Lost => batch.closed.clear(),
            }
        }
        if !batch.events.is_empty() {
            parts.live.publish(wall_clock(), batch.events.drain(..));
        }
        for (flow, bytes) in batch.packets.drain(..) {
            lines::goes(flow, &bytes);
            parts.meter.traffic.goes(flow.transport, &bytes);
            if let Some(capture) = &mut parts.capture {
                capture.goes(flow, &bytes);
            }
            parts.sockets.send(flow, bytes);
        }
        parts.sockets.flush();
        if let Some(capture) = &mut parts.capture {
            capture.leave();
        }
        for (order, result) in batch.replies.drain(..) {
            // Whoever asked may have gone; what was ordered is done all the same.
            let _ = replies.remove(&order).map(|reply| reply.send(result));
        }
        for taken in batch.taken.drain(..) {
            let _ = taken.send(());
        }
        if let Some(began) = self.turn_began.take() {
            parts.meter.turn(began.elapsed());
        }
        let switchboard = &parts.switchboard;
        let load = Load { calls: switchboard.calls(), sessions: switchboard.sessions(), leaving: switchboard.leaving() };
        parts.load.send_if_modified(|told| std::mem::replace(told, load) != load);
        parts.meter.ports(parts.switchboard.ports());
        parts.meter.read(Instant::now(), |meter, now| {
            meter.sockets(&parts.sockets);
            meter.media(&parts.media);
            let (waiting, lost) = parts.gate.waiting_and_lost();
            meter.journal(waiting, lost, parts.gate.is_behind(now));
            meter.recorder(parts.recorder.in_trouble());
            meter.copies(&parts.copies);
            meter.bans(parts.sockets.ban_counters(), &parts.switchboard);
            meter.budgets(&parts.switchboard);
            meter.beside_calls(&parts.sockets.streams_by_transport(), &parts.switchboard);
            meter.turned_away(now, |why| parts.switchboard.turned_away(why));
            meter.carriers(parts.switchboard.standings(now));
            meter.asked(parts.switchboard.asking(), |outcome| parts.switchboard.asked(outcome));
            meter.metrics.ladder_octets.set(i64::try_from(parts.switchboard.ladder_octets()).unwrap_or(i64::MAX));
        });
        parts.tape = parts.tape.take().and_then(Tape::go_on);
    }

    fn end(mut self) {
        if self.parts.gate.finish() {
            self.batch.closed.drain(..).for_each(|row| self.parts.recorder.journaled(row));
        }
        self.parts.media.stop();
    }
}

impl Resident for Signalling {
    fn gate(&mut self) -> &mut JournalGate<Self> {
        &mut self.parts.gate
    }

    fn run(mut self) {
        loop {
            self.release();
            if !self.running {
                return self.end();
            }
            self.turn();
            let facts = self.facts();
            let began_stalled = !self.parts.gate.is_in_step();
            // Also with nothing to write: a journal that was away is looked at again.
            if facts.is_empty() && !began_stalled {
                continue;
            }
            let had_facts = !facts.is_empty();
            let Some(signalling) = journaling::append(self, facts) else { return };
            self = signalling;
            if had_facts && !self.parts.gate.is_in_step() {
                self.parts.meter.metrics.journal_stalls.inc();
            }
        }
    }
}

/// The row of a recording that was closed, if the fact is about one. One that was not wanted has no file, and nobody to be told.
fn closed_recording(fact: &Fact) -> Option<&RecordingRow> {
    match fact {
        Fact::Recording { row } if !matches!(row.state, RecordingState::Recording | RecordingState::NotWanted) => Some(row),
        _ => None,
    }
}

/// Whether what a worker reports can wait until the loop comes by: nobody's phone waits for it.
pub(crate) fn is_in_no_hurry(report: &FromWorker) -> bool {
    matches!(report, FromWorker::Ports(_) | FromWorker::Exhausted { .. } | FromWorker::Event(MediaEvent::Closed { .. }))
}

/// What the machine's clock shows.
pub(crate) fn wall_clock() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
