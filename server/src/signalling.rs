//! The signalling loop: one thread around one core. It waits for its next input and for nothing else, and decides nothing.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use api::Live;
use bytes::Bytes;
use calls::{Input, MediaPort, Order, Output, Switchboard};
use media::MediaEvent;
use model::{Command, Directory, Event, Fact, RecordingRow, RecordingState, Refusal, Reply, WallTime};
use net::{FromWorker, MediaWorkers, Received, SignallingSockets, Waker};
use recording::{RECORDINGS_MAX, ToRecorder};
use sip_core::Flow;
use tokio::sync::{oneshot, watch};
use tracing::{debug, error, info, warn};

use crate::{inbox::Inbox, journaling::JournalGate, meter::Meter, recorder};

/// Commands that may wait for the loop; more are refused as unavailable.
const COMMANDS_MAX: usize = 10_000;

/// How often the core is told what the wall clock shows, so that a clock that was set reaches new calls.
const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// What goes into the loop beside datagrams.
pub(crate) enum Message {
    /// A media worker reports.
    Worker(FromWorker),
    /// An order, and where its reply goes.
    Command(Command, oneshot::Sender<Result<Reply, Refusal>>),
    /// Slots or hubs have changed; the sender wants to know when the loop has them.
    Directory(Arc<Directory>, oneshot::Sender<()>),
    /// A recording was closed.
    Recorded(RecordingRow),
    /// No new calls.
    Drain,
    /// End all calls.
    EndAll,
    /// End the loop.
    Stop,
}

/// The way into the loop. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    inbox: Arc<Inbox<Message>>,
    waker: Waker,
}

impl Door {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { inbox: Arc::new(Inbox::new(COMMANDS_MAX)), waker }
    }

    /// Hands in what must not be lost.
    pub(crate) fn order(&self, message: Message) {
        self.inbox.order(message);
        self.waker.wake();
    }

    /// Hands in a command; whether there was room.
    pub(crate) fn offer(&self, message: Message) -> bool {
        let room = self.inbox.offer(message);
        self.waker.wake();
        room
    }
}

/// How much is going on, for whoever waits for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    pub(crate) calls: usize,
    pub(crate) sessions: usize,
}

/// Everything that the loop owns.
pub(crate) struct Signalling {
    pub(crate) switchboard: Switchboard,
    pub(crate) sockets: SignallingSockets,
    pub(crate) door: Door,
    pub(crate) gate: JournalGate,
    pub(crate) live: Arc<Live>,
    pub(crate) media: MediaWorkers,
    pub(crate) recorder: recorder::RecorderInbox,
    pub(crate) meter: Meter,
    pub(crate) load: watch::Sender<Load>,
}

/// What a batch of inputs has put out, until its facts are written.
#[derive(Default)]
struct Batch {
    facts: Vec<Fact>,
    events: Vec<Event>,
    packets: Vec<(Flow, Bytes)>,
    replies: Vec<(Order, Result<Reply, Refusal>)>,
    /// Closed recordings whose rows the journal has been given, but may not have written yet: their sidecars stay until it has.
    closed: Vec<RecordingRow>,
}

impl Signalling {
    /// Runs the loop on a thread of its own until [`Message::Stop`].
    pub(crate) fn start(self) -> anyhow::Result<JoinHandle<()>> {
        Ok(thread::Builder::new().name("signalling".to_owned()).spawn(move || self.run())?)
    }

    fn run(mut self) {
        let mut received = Vec::new();
        let mut messages = VecDeque::new();
        let mut batch = Batch::default();
        let mut replies = HashMap::new();
        let mut orders = 0_u64;
        let mut clock_due = Instant::now() + CLOCK_EVERY;
        let mut running = true;
        // What the core has put out while it was made: bindings that lapsed, slots as they are.
        let _ = self.collect(&mut batch);
        self.release(&mut batch, &mut replies);
        while running {
            let deadline = self.switchboard.timeout().map(|(at, _)| at);
            self.sockets.wait(deadline, &mut received);
            self.door.inbox.drain(&mut messages);
            let now = Instant::now();
            if now >= clock_due {
                clock_due = now + CLOCK_EVERY;
                self.handle(now, Input::Clock(wall_clock()), &mut batch);
            }
            self.meter.metrics.sip_received.inc_by(u64::try_from(received.len()).unwrap_or(0));
            for received in received.drain(..) {
                let input = match received {
                    Received::Datagram { flow, bytes } => {
                        debug!(from = %flow.remote, line = %first_line(&bytes), "SIP in.");
                        Input::Received { flow, bytes }
                    }
                    Received::Unreachable { remote } => Input::Unreachable { remote },
                };
                self.handle(now, input, &mut batch);
            }
            for message in messages.drain(..) {
                let input = match message {
                    Message::Worker(FromWorker::Ports(ports)) => {
                        Input::Ports(ports.into_iter().map(|token| MediaPort { worker: token.worker, port: token.port }).collect())
                    }
                    Message::Worker(FromWorker::Event(event)) => {
                        log_closed_leg(&event);
                        Input::Media(event)
                    }
                    // The stock that is left counts, and that is the core's.
                    Message::Worker(FromWorker::Exhausted { .. }) => continue,
                    Message::Worker(FromWorker::Stopped { worker }) => self.media_lost(worker),
                    Message::Command(command, reply) => {
                        orders += 1;
                        replies.insert(Order(orders), reply);
                        Input::Command { order: Order(orders), command }
                    }
                    Message::Directory(directory, done) => {
                        self.handle(now, Input::Directory(directory), &mut batch);
                        self.release(&mut batch, &mut replies);
                        let _ = done.send(());
                        continue;
                    }
                    Message::Recorded(row) => {
                        self.meter.recording_closed(&row);
                        Input::Recorded(row)
                    }
                    Message::Drain => Input::Drain,
                    Message::EndAll => Input::EndAll,
                    Message::Stop => {
                        running = false;
                        continue;
                    }
                };
                self.handle(now, input, &mut batch);
            }
            if self.switchboard.timeout().is_some_and(|(at, _)| at <= now) {
                self.handle(now, Input::Timeout, &mut batch);
            }
            self.release(&mut batch, &mut replies);
            self.look_at_disks(now);
            self.meter.read(now, &self.sockets, &self.media);
            self.meter.metrics.signalling_handle_seconds.observe(now.elapsed().as_secs_f64());
        }
        if self.gate.finish() {
            batch.closed.drain(..).for_each(|row| self.recorder.journaled(row));
        }
        self.media.stop();
    }

    /// Hands one input to the core, and the losses that this shows. A defect in it ends what the input was about, not the server (FT-14).
    fn handle(&mut self, now: Instant, input: Input, batch: &mut Batch) {
        let mut inputs = VecDeque::from([input]);
        // Each worker once: the calls that end with it have orders for it, too.
        let mut lost = BTreeSet::new();
        while let Some(input) = inputs.pop_front() {
            let order = match &input {
                Input::Command { order, .. } => Some(*order),
                _ => None,
            };
            let switchboard = &mut self.switchboard;
            if catch_unwind(AssertUnwindSafe(|| switchboard.handle(now, input))).is_err() {
                self.meter.metrics.panics.inc();
                error!("A defect: the signalling core panicked on an input and goes on without it. Please report the lines above.");
                // Whoever asked is not to wait for ever.
                batch.replies.extend(order.map(|order| (order, Err(Refusal::Unavailable))));
            }
            for worker in self.collect(batch) {
                if lost.insert(worker) {
                    inputs.push_back(self.media_lost(worker));
                }
            }
        }
    }

    /// A media worker is no more: nothing of its legs will be told, not even that they are silent.
    fn media_lost(&mut self, worker: usize) -> Input {
        self.meter.metrics.media_lost.inc();
        error!(worker, "A media worker is lost; its calls are ended. Restart the server when calls allow it.");
        Input::MediaLost { worker }
    }

    /// Takes what the core has put out. What concerns audio goes at once; the rest waits for the journal. Gives the workers that took no order.
    fn collect(&mut self, batch: &mut Batch) -> BTreeSet<usize> {
        let mut lost = BTreeSet::new();
        while let Some(output) = self.switchboard.poll() {
            match output {
                Output::Transmit { flow, bytes } => batch.packets.push((flow, bytes)),
                Output::Media { worker, command } => {
                    if !self.media.command(worker, command) {
                        lost.insert(worker);
                    }
                }
                Output::RecordBegin { key, row } => {
                    self.meter.recording_began();
                    self.recorder.order(recorder::Order::Now(ToRecorder::Begin { key, row }));
                }
                Output::RecordEnd { key, duration_ms } => {
                    let end = ToRecorder::End { key, duration_ms, dropped: 0, reason: None };
                    self.recorder.order(recorder::Order::Soon(end));
                }
                Output::Defect { call } => {
                    self.meter.metrics.panics.inc();
                    error!(%call, "A defect ended this call; the others go on. Please report the lines above.");
                }
                Output::Fact(fact) => {
                    self.meter.fact(&fact);
                    log_fact(&fact);
                    batch.facts.push(fact);
                }
                Output::Event(event) => batch.events.push(event),
                Output::Reply { order, result } => batch.replies.push((order, result)),
            }
        }
        lost
    }

    /// Tells of disks that are away: the journal's, and that of recordings.
    fn look_at_disks(&self, now: Instant) {
        let metrics = &self.meter.metrics;
        metrics.journal_waiting.set(i64::try_from(self.gate.waiting()).unwrap_or(i64::MAX));
        metrics.journal_behind.set(i64::from(self.gate.is_behind(now)));
        metrics.recorder_trouble.set(i64::from(self.recorder.in_trouble()));
    }

    /// Writes a batch's facts, then lets go of everything that speaks of them (R22).
    fn release(&mut self, batch: &mut Batch, replies: &mut HashMap<Order, oneshot::Sender<Result<Reply, Refusal>>>) {
        if !batch.facts.is_empty() {
            let facts = std::mem::take(&mut batch.facts);
            // More can only wait while the disk is away. Their sidecars stay for the next start.
            let room = RECORDINGS_MAX.saturating_sub(batch.closed.len());
            batch.closed.extend(facts.iter().filter_map(closed_recording).take(room).cloned());
            if !self.gate.append(facts) {
                self.meter.metrics.journal_stalls.inc();
            }
        }
        if !batch.closed.is_empty() && self.gate.is_written() {
            batch.closed.drain(..).for_each(|row| self.recorder.journaled(row));
        }
        if !batch.events.is_empty() {
            self.live.publish(wall_clock(), &batch.events);
            batch.events.clear();
        }
        for (flow, bytes) in batch.packets.drain(..) {
            debug!(to = %flow.remote, line = %first_line(&bytes), "SIP out.");
            self.sockets.send(flow, &bytes);
            self.meter.metrics.sip_sent.inc();
        }
        for (order, result) in batch.replies.drain(..) {
            // Whoever asked may have gone; what was ordered is done all the same.
            let _ = replies.remove(&order).map(|reply| reply.send(result));
        }
        let load = Load { calls: self.switchboard.calls(), sessions: self.switchboard.sessions() };
        self.meter.ports(self.switchboard.ports());
        self.load.send_if_modified(|told| std::mem::replace(told, load) != load);
    }
}

/// The row of a recording that was closed, if the fact is about one.
fn closed_recording(fact: &Fact) -> Option<&RecordingRow> {
    match fact {
        Fact::Recording { row } if row.state != RecordingState::Recording => Some(row),
        _ => None,
    }
}

/// What a leg's audio was like: one line for who looks into a complaint.
fn log_closed_leg(event: &MediaEvent) {
    let MediaEvent::Closed { leg, stats } = event else { return };
    if stats.packets_in == 0 && stats.foreign > 0 {
        warn!(
            leg = leg.0,
            refused = stats.foreign,
            "A phone was not heard: its sound came from another address than it had signalled. See \"Nobody hears anything\" in docs/operations.md."
        );
    }
    debug!(
        leg = leg.0,
        packets_in = stats.packets_in,
        packets_out = stats.packets_out,
        lost = stats.lost,
        late = stats.late,
        jitter_ms = stats.jitter_ms,
        jitter_max_ms = stats.jitter_max_ms,
        restarts = stats.restarts,
        junk = stats.junk,
        foreign = stats.foreign,
        digits_dropped = stats.digits_dropped,
        remote_lost = stats.remote_lost,
        remote_jitter_ms = stats.remote_jitter_ms,
        rtt_ms = stats.rtt_ms,
        "Leg closed."
    );
}

/// What a message is, for the log: its first line, cut, with nothing in it that a terminal would act on (FT-26).
/// Whatever is secret stands further down.
fn first_line(message: &[u8]) -> impl std::fmt::Display {
    let line = message.split(|octet| *octet == b'\r' || *octet == b'\n').next().unwrap_or_default();
    line.get(..LINE_SHOWN.min(line.len())).unwrap_or_default().escape_ascii()
}

/// More of a message's first line is not logged.
const LINE_SHOWN: usize = 120;

/// One line for each call that ended, without numbers; what phones do is for DEBUG.
fn log_fact(fact: &Fact) {
    match fact {
        Fact::CallEnded { cdr } => {
            info!(call = %cdr.call_id, cause = cdr.cause.code(), ring_ms = cdr.ring_ms, talk_ms = cdr.talk_ms, "Call ended.");
        }
        Fact::Bound { binding } => debug!(slot = %binding.slot, from = binding.remote, agent = ?binding.user_agent, "Phone registered."),
        Fact::Unbound { slot, .. } => debug!(%slot, "Phone gone."),
        _ => {}
    }
}

/// What the machine's clock shows.
pub(crate) fn wall_clock() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
