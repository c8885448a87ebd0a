//! One worker's thread: a watch, a relay, the legs' sockets. It decides nothing; the relay does.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    panic::{self, AssertUnwindSafe},
    time::{Duration, Instant},
};

use media::{Command, Component, LegId, MediaEvent, Output, Relay, TapFrames};

use super::{
    FromWorker, MediaSettings, PortToken, SharedCounters, WorkerCounters,
    queue::{CommandQueue, Order},
    sockets::{BindPlan, Name, Pair},
    watch::{Ready, Watch},
};
use crate::{
    NetError,
    ports::{PortPool, Refill},
};

/// Room for one datagram, in octets: more than any network carries unfragmented. What fills it was longer and is dropped.
const PACKET_MAX: usize = 2048;

/// At most so many datagrams are read from one socket before the others have their turn (B-68): one, for what is left is told again; so many
/// until it is known that the socket holds nothing of strangers.
const READS_MAX: usize = 16;

/// After so many packets in a turn the clock is read again.
const PACKETS_A_CLOCK: usize = 64;

/// At most so many commands are carried out before packets have their turn, should a thousand calls end at once.
const ORDERS_MAX: usize = 256;

/// After so many panics the worker gives up: it would only spin.
const PANICS_MAX: u64 = 64;

/// The state of one worker's thread.
pub(super) struct Worker<E, T> {
    index: usize,
    plan: BindPlan,
    watch: Watch,
    relay: Relay,
    pool: PortPool<Pair>,
    /// Open legs by their slot in the relay, which is part of their sockets' names.
    legs: Vec<Option<Leg>>,
    slot_of: HashMap<LegId, u32>,
    buffer: Box<[u8]>,
    counters: WorkerCounters,
    /// Whose packet or command is being handled, should that panic.
    current: Option<LegId>,
    events: E,
    taps: T,
}

struct Leg {
    id: LegId,
    port: u16,
    pair: Pair,
}

impl<E, T> Worker<E, T>
where
    E: Fn(FromWorker),
    T: Fn(TapFrames) -> bool,
{
    pub(super) fn new(index: usize, settings: &MediaSettings, seed: [u8; 32], plan: BindPlan, watch: Watch, events: E, taps: T) -> Self {
        let [a, b, c, d, ..] = seed;
        let start = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        Self {
            index,
            plan,
            watch,
            relay: Relay::new(seed, settings.tones),
            pool: PortPool::new(&settings.ports, index, settings.workers.max(1), start, settings.stock),
            legs: Vec::new(),
            slot_of: HashMap::new(),
            buffer: vec![0; PACKET_MAX].into_boxed_slice(),
            counters: WorkerCounters::default(),
            current: None,
            events,
            taps,
        }
    }

    /// The first of the stock, before the thread starts, so that a wrong address is an error of the start.
    pub(super) fn first_ports(&mut self) -> Result<(), NetError> {
        let plan = self.plan;
        let now = Instant::now();
        loop {
            let refill = self.pool.refill(now, |port| plan.bind(port));
            if !refill.bound.is_empty() {
                self.tell_refill(refill);
                return Ok(());
            }
            // Others may hold one port after another, but not all of them.
            if !self.pool.is_wanting() {
                return Err(NetError::NoPorts(refill.refusal.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())));
            }
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self, queue: &CommandQueue, published: &SharedCounters) {
        let (mut orders, mut ready) = (VecDeque::new(), Ready::new());
        loop {
            // FT-14: a panic ends the leg that it came from, not the other calls of this worker. The relay keeps no lock and no half-moved
            // ownership; at worst the one leg's numbers are wrong.
            let turn = panic::catch_unwind(AssertUnwindSafe(|| self.turn(&mut ready, &mut orders, queue)));
            match turn {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    self.counters.panics += 1;
                    if self.counters.panics > PANICS_MAX {
                        tracing::error!(worker = self.index, "A media worker panics over and over and stops.");
                        // First it takes nothing more, then it says so: nobody may hear of its end and still hand it something.
                        queue.stop();
                        published.publish(&self.counters);
                        (self.events)(FromWorker::Stopped { worker: self.index });
                        break;
                    }
                    self.end_current();
                }
            }
            self.counters.legs = u64::try_from(self.slot_of.len()).unwrap_or(u64::MAX);
            self.counters.stock = u64::try_from(self.pool.stock()).unwrap_or(u64::MAX);
            published.publish(&self.counters);
        }
        // Nobody takes commands any more, so none is to be accepted.
        queue.stop();
    }

    /// One turn: wait, commands, timers, packets, ports. False at the end.
    fn turn(&mut self, ready: &mut Ready, orders: &mut VecDeque<Order>, queue: &CommandQueue) -> bool {
        self.wait(ready, !orders.is_empty());
        let now = Instant::now();
        if orders.is_empty() {
            queue.take(orders);
        }
        for _ in 0..ORDERS_MAX {
            let Some(order) = orders.pop_front() else { break };
            match order {
                Order::Relay(command) => self.command(now, command),
                Order::Stop => return false,
            }
        }
        if self.relay.timeout().is_some_and(|(at, _)| at <= now) {
            self.relay.wake(now);
            self.drain(now);
        }
        self.read_ready(now, ready);
        if self.relay.has_taps() {
            let frames = self.relay.take_taps();
            let count = u64::try_from(frames.len()).unwrap_or(u64::MAX);
            if !(self.taps)(frames) {
                self.counters.taps_dropped += count;
            }
        }
        if self.pool.is_wanting() || self.pool.timeout().is_some_and(|at| at <= now) {
            let plan = self.plan;
            let refill = self.pool.refill(now, |port| plan.bind(port));
            self.tell_refill(refill);
        }
        true
    }

    /// Waits until there is something to do.
    fn wait(&self, ready: &mut Ready, is_busy: bool) {
        let patience = if is_busy || self.pool.is_wanting() {
            Some(Duration::ZERO)
        } else {
            let due = [self.relay.timeout().map(|(at, _)| at), self.pool.timeout()].into_iter().flatten().min();
            due.map(|due| due.saturating_duration_since(Instant::now()))
        };
        if let Err(error) = self.watch.wait(ready, patience)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, worker = self.index, "Waiting for packets failed.");
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        self.current = leg_of(&command);
        if let Command::Open { leg, port } = command {
            if !self.open(now, leg, port) {
                self.counters.commands_refused += 1;
            }
        } else {
            self.relay.handle(now, command);
        }
        self.drain(now);
        self.current = None;
    }

    /// Makes the pair out of stock the leg's. False if the order was wrong.
    fn open(&mut self, now: Instant, leg: LegId, port: u16) -> bool {
        if self.relay.slot(leg).is_some() {
            tracing::error!(worker = self.index, ?leg, port, "The leg is open already.");
            return false;
        }
        let Some(mut pair) = self.pool.take(port) else {
            tracing::error!(worker = self.index, ?leg, port, "The port is not in stock.");
            return false;
        };
        self.relay.handle(now, Command::Open { leg, port });
        let Some(slot) = self.relay.slot(leg) else {
            // The relay is full, and says that the leg is closed.
            self.pool.release(now, port);
            return true;
        };
        if let Err(error) = pair.begin(&self.watch, slot) {
            // Out of kernel memory for watches. The leg exists but hears nothing of its phone; the dead-media timer ends the call.
            tracing::error!(%error, worker = self.index, port, "A media port cannot be watched.");
        }
        let Ok(place) = usize::try_from(slot) else { return true };
        if self.legs.len() <= place {
            self.legs.resize_with(place + 1, || None);
        }
        if let Some(vacancy) = self.legs.get_mut(place) {
            let before = vacancy.replace(Leg { id: leg, port, pair });
            self.slot_of.insert(leg, slot);
            // The relay gave a slot away whose leg was not closed here: a panic came between.
            if let Some(before) = before {
                self.slot_of.remove(&before.id);
                self.pool.release(now, before.port);
            }
        }
        true
    }

    /// Reads the sockets that are ready. One reading of the clock serves many packets: jitter is told in milliseconds.
    fn read_ready(&mut self, mut now: Instant, ready: &Ready) {
        for (index, name) in ready.names().enumerate() {
            if index % PACKETS_A_CLOCK == PACKETS_A_CLOCK - 1 {
                now = Instant::now();
            }
            self.read(now, Name::of(name));
        }
    }

    /// Reads one datagram of a socket; if it holds more, the next turn finds it ready again.
    fn read(&mut self, now: Instant, name: Name) {
        for _ in 0..READS_MAX {
            // The leg is looked up for each datagram: what the relay makes of one may close the leg.
            let leg = usize::try_from(name.slot).ok().and_then(|place| self.legs.get_mut(place)).and_then(Option::as_mut);
            let Some(leg) = leg else { return };
            let id = leg.id;
            let Some(socket) = leg.pair.socket(name) else { return };
            let is_settling = socket.is_settling();
            match socket.receive(&mut self.buffer) {
                Ok((length, from)) => {
                    self.counters.received += 1;
                    if length < PACKET_MAX {
                        self.current = Some(id);
                        self.datagram(now, name, id, from, length);
                        self.current = None;
                    } else {
                        self.counters.oversized += 1;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.counters.receive_failed += 1,
            }
            if !is_settling {
                return;
            }
        }
    }

    fn datagram(&mut self, now: Instant, name: Name, leg: LegId, from: SocketAddr, length: usize) {
        match name.component {
            Component::Rtp => self.forward(now, name.slot, from, length),
            Component::Rtcp => {
                let packet = self.buffer.get(..length).unwrap_or_default();
                self.relay.rtcp(now, leg, from, packet);
            }
        }
        self.drain(now);
    }

    /// The way of nearly every packet: rewritten in place by the relay, and out by the far leg's socket.
    fn forward(&mut self, now: Instant, slot: u32, from: SocketAddr, length: usize) {
        let packet = self.buffer.get_mut(..length).unwrap_or_default();
        let Some(forward) = self.relay.rtp_at(now, slot, from, packet) else { return };
        let packet = self.buffer.get(..forward.length).unwrap_or_default();
        let far = usize::try_from(forward.slot).ok().and_then(|place| self.legs.get_mut(place)).and_then(Option::as_mut);
        let socket = far.and_then(|far| far.pair.socket_for(Component::Rtp, forward.to));
        let sent = socket.is_some_and(|socket| socket.send(forward.to, packet).is_ok());
        self.counters.sent += u64::from(sent);
        self.counters.send_failed += u64::from(!sent);
    }

    /// Does what the relay asks for.
    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.relay.poll() {
            match output {
                Output::Send { leg, component, to, packet } => {
                    let socket = self.pair(leg).and_then(|pair| pair.socket_for(component, to));
                    let sent = socket.is_some_and(|socket| socket.send(to, &packet).is_ok());
                    self.counters.sent += u64::from(sent);
                    self.counters.send_failed += u64::from(!sent);
                }
                Output::Connect { leg, component, to } => {
                    if let Some(socket) = self.pair(leg).and_then(|pair| pair.socket_for(component, to))
                        && let Err(error) = socket.connect(to)
                    {
                        // The relay checks sources itself; connecting only spares it the strangers.
                        tracing::debug!(%error, ?leg, "A media socket could not be connected.");
                    }
                }
                Output::Disconnect { leg } => {
                    if let Some(pair) = self.pair(leg) {
                        pair.disconnect();
                    }
                }
                Output::Event(event) => (self.events)(FromWorker::Event(event)),
                Output::Closed { leg, port } => self.close(now, leg, port),
            }
        }
    }

    fn pair(&mut self, leg: LegId) -> Option<&mut Pair> {
        let place = usize::try_from(*self.slot_of.get(&leg)?).ok()?;
        Some(&mut self.legs.get_mut(place)?.as_mut()?.pair)
    }

    /// Closes the leg's sockets: from now on the ports are silent (B-66).
    fn close(&mut self, now: Instant, leg: LegId, port: u16) {
        let Some(slot) = self.slot_of.remove(&leg) else { return };
        // Its name may still stand among the ready; reading finds the slot empty, or the next leg's socket with nothing to read.
        if let Some(occupied) = usize::try_from(slot).ok().and_then(|place| self.legs.get_mut(place))
            && occupied.take().is_some()
        {
            self.pool.release(now, port);
        }
    }

    fn tell_refill(&mut self, refill: Refill) {
        if !refill.bound.is_empty() {
            let tokens = refill.bound.into_iter().map(|port| PortToken { worker: self.index, port }).collect();
            (self.events)(FromWorker::Ports(tokens));
        }
        if refill.exhausted {
            // That most of the range is in use is no news while there is stock; that the system refuses to bind is.
            match refill.refusal {
                Some(error) => tracing::warn!(worker = self.index, stock = self.pool.stock(), %error, "Media ports cannot be bound."),
                None => tracing::debug!(worker = self.index, stock = self.pool.stock(), "All other media ports are in use or resting."),
            }
            (self.events)(FromWorker::Exhausted { worker: self.index, stock: self.pool.stock() });
        }
    }

    /// After a panic: the call of the leg that was being handled is ended by telling that nothing is heard of it.
    fn end_current(&mut self) {
        let leg = self.current.take();
        tracing::error!(worker = self.index, ?leg, "A panic in a media worker was survived.");
        if let Some(leg) = leg {
            (self.events)(FromWorker::Event(MediaEvent::Silent { leg }));
        }
    }
}

/// Which leg a command is about.
fn leg_of(command: &Command) -> Option<LegId> {
    match *command {
        Command::Open { leg, .. }
        | Command::Remote { leg, .. }
        | Command::Hear { leg, .. }
        | Command::Watch { leg, .. }
        | Command::Record { left: leg, .. }
        | Command::Close { leg } => Some(leg),
        Command::StopRecord { .. } => None,
    }
}
