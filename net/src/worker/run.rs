//! One worker's thread: a watch, a relay, the legs' sockets. It decides nothing; the relay does.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    panic::{self, AssertUnwindSafe},
    thread,
    time::{Duration, Instant},
};

use media::{Command, Component, LEGS_MAX, Latch, LegId, MediaEvent, Output, Relay, Remote, TapFrames};

use super::{
    FromWorker, MediaSettings, PortToken, SharedCounters, WorkerCounters,
    gather::Gather,
    places::{NOWHERE, Places, Seat},
    queue::{CommandQueue, DOZE, Order, Rest},
    sockets::{BindPlan, Name, Pair},
    watch::{Ready, Watch},
};
use crate::{NetError, limits::descriptor_limit, ports::PortPool};

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
    /// Every pair that is bound, those in stock and those kept included.
    places: Places,
    /// The same, by their places.
    pool: PortPool<u32>,
    /// The places of open legs.
    place_of: HashMap<LegId, u32>,
    /// The places of open legs by their slot in the relay: the way of a packet asks for no id.
    place_at: Vec<u32>,
    /// There was something to do in this turn.
    was_busy: bool,
    gather: Gather,
    buffer: Box<[u8]>,
    counters: WorkerCounters,
    /// Whose packet or command is being handled, should that panic.
    current: Option<LegId>,
    events: E,
    taps: T,
}

impl<E, T> Worker<E, T>
where
    E: Fn(FromWorker),
    T: Fn(TapFrames) -> bool,
{
    pub(super) fn new(index: usize, settings: &MediaSettings, seed: [u8; 32], plan: BindPlan, watch: Watch, events: E, taps: T) -> Self {
        let [a, b, c, d, ..] = seed;
        let start = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        let workers = settings.workers.max(1);
        let kept_max = kept_max(descriptor_limit(), workers, settings.stock);
        Self {
            index,
            plan,
            watch,
            relay: Relay::new(seed, settings.tones),
            places: Places::default(),
            pool: PortPool::new(&settings.ports, (index, workers), start, settings.stock, kept_max),
            place_of: HashMap::new(),
            place_at: Vec::new(),
            was_busy: false,
            gather: Gather::new(Instant::now()),
            buffer: vec![0; PACKET_MAX].into_boxed_slice(),
            counters: WorkerCounters::default(),
            current: None,
            events,
            taps,
        }
    }

    /// The first of the stock, before the thread starts, so that a wrong address is an error of the start.
    pub(super) fn first_ports(&mut self) -> Result<(), NetError> {
        let now = Instant::now();
        loop {
            let refusal = self.refill(now);
            if self.pool.stock() > 0 {
                return Ok(());
            }
            // Others may hold one port after another, but not all of them.
            if !self.pool.is_wanting() {
                return Err(NetError::NoPorts(refusal.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())));
            }
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self, queue: &CommandQueue, published: &SharedCounters) {
        let (mut orders, mut ready) = (VecDeque::new(), Ready::new());
        self.publish(published);
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
                        self.publish(published);
                        (self.events)(FromWorker::Stopped { worker: self.index });
                        break;
                    }
                    self.end_current();
                }
            }
            self.publish(published);
        }
        // Nobody takes commands any more, so none is to be accepted.
        queue.stop();
    }

    fn publish(&mut self, published: &SharedCounters) {
        self.counters.legs = u64::try_from(self.place_of.len()).unwrap_or(u64::MAX);
        self.counters.stock = u64::try_from(self.pool.stock()).unwrap_or(u64::MAX);
        self.counters.unused = u64::try_from(self.pool.unused()).unwrap_or(u64::MAX);
        published.publish(&self.counters);
    }

    /// One turn: wait, commands, timers, packets, ports. False at the end.
    fn turn(&mut self, ready: &mut Ready, orders: &mut VecDeque<Order>, queue: &CommandQueue) -> bool {
        self.wait(ready, queue, !orders.is_empty());
        let now = Instant::now();
        if orders.is_empty() {
            queue.take(orders);
        }
        self.was_busy = !orders.is_empty() || ready.len() > 0;
        self.gather.came(now, ready.len());
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
            self.refill(now);
        }
        true
    }

    /// Waits until there is something to do.
    fn wait(&self, ready: &mut Ready, queue: &CommandQueue, has_orders: bool) {
        let patience = if has_orders || self.pool.is_wanting() {
            Some(Duration::ZERO)
        } else {
            let due = [self.relay.timeout().map(|(at, _)| at), self.pool.timeout()].into_iter().flatten().min();
            due.map(|due| due.saturating_duration_since(Instant::now()))
        };
        let (rest, patience) = match patience {
            Some(Duration::ZERO) => (Rest::Awake, patience),
            _ if self.was_busy => (Rest::Dozing, Some(patience.map_or(DOZE, |patience| patience.min(DOZE)))),
            _ => (Rest::Asleep, patience),
        };
        if rest == Rest::Dozing
            && let Some(nap) = self.gather.nap()
        {
            // Nobody wakes it meanwhile: who has an order for a worker that is awake leaves it in the queue.
            #[expect(clippy::disallowed_methods, reason = "packets are to gather: there is no value to wait for")]
            thread::sleep(nap);
        }
        let patience = if rest == Rest::Awake || queue.rest(rest) { patience } else { Some(Duration::ZERO) };
        if let Err(error) = self.watch.wait(ready, patience)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, worker = self.index, "Waiting for packets failed.");
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        self.current = leg_of(&command);
        match command {
            Command::Open { leg, port } => self.counters.commands_refused += u64::from(!self.open(now, leg, port)),
            Command::Remote { leg, remote, latch } => {
                self.bind_for(leg, &remote, latch);
                self.relay.handle(now, command);
            }
            _ => self.relay.handle(now, command),
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
        let Some(place) = self.pool.take(port) else {
            tracing::error!(worker = self.index, ?leg, port, "The port is not in stock.");
            return false;
        };
        self.relay.handle(now, Command::Open { leg, port });
        let Some(slot) = self.relay.slot(leg) else {
            // The relay is full, and says that the leg is closed.
            self.vacate(now, place);
            return true;
        };
        self.places.seat(place, Seat { leg, slot });
        self.place_of.insert(leg, place);
        let Ok(at) = usize::try_from(slot) else { return true };
        if self.place_at.len() <= at {
            self.place_at.resize(at + 1, NOWHERE);
        }
        if let Some(entry) = self.place_at.get_mut(at) {
            let before = std::mem::replace(entry, place);
            // The relay gave a slot away whose leg was not closed here: a panic came between.
            if let Some(Seat { leg, .. }) = self.places.seat_at(before).filter(|seat| seat.slot == slot && seat.leg != leg) {
                self.place_of.remove(&leg);
                self.vacate(now, before);
            }
        }
        true
    }

    /// Binds a leg's ports anew if its phone could not be heard on them: they are bound for IPv4, and it is of IPv6. Held until now by their IPv4
    /// sockets, they are still ours.
    fn bind_for(&mut self, leg: LegId, remote: &Remote, latch: Latch) {
        let Some(place) = self.place_of.get(&leg).copied() else { return };
        let plan = self.plan;
        if !self.places.pair(place).is_some_and(|pair| plan.needs_v6(pair, remote, latch)) {
            return;
        }
        if let Err(error) = self.places.rebind(place, &self.watch, |port| plan.bind_v6(port)) {
            tracing::error!(%error, worker = self.index, ?leg, "A media port cannot be bound for IPv6.");
            // Nothing will be heard of this phone: its call is to end, and not to be listened to until a timer runs out.
            (self.events)(FromWorker::Event(MediaEvent::Silent { leg }));
        }
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
            let Some((socket, seat)) = self.places.socket(name) else { return };
            let Some(Seat { leg, slot }) = seat else {
                // The rest of a closed leg's, or an IPv6 port's in stock, which cannot be shut.
                socket.throw_away();
                return;
            };
            let is_settling = socket.is_settling();
            match socket.receive(&mut self.buffer) {
                Ok((length, from)) => {
                    self.counters.received += 1;
                    if length < PACKET_MAX {
                        self.current = Some(leg);
                        match name.component {
                            Component::Rtp => self.forward(now, slot, from, length),
                            Component::Rtcp => self.relay.rtcp(now, leg, from, self.buffer.get(..length).unwrap_or_default()),
                        }
                        self.drain(now);
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

    /// The way of nearly every packet: rewritten in place by the relay, and out by the far leg's socket.
    fn forward(&mut self, now: Instant, slot: u32, from: SocketAddr, length: usize) {
        let packet = self.buffer.get_mut(..length).unwrap_or_default();
        let Some(forward) = self.relay.rtp_at(now, slot, from, packet) else { return };
        let packet = self.buffer.get(..forward.length).unwrap_or_default();
        let far = usize::try_from(forward.slot).ok().and_then(|at| self.place_at.get(at).copied());
        let socket = far.and_then(|far| self.places.pair(far)).and_then(|pair| pair.socket_for(Component::Rtp, forward.to));
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
                Output::Closed { leg, .. } => self.close(now, leg),
            }
        }
    }

    fn pair(&mut self, leg: LegId) -> Option<&mut Pair> {
        self.places.pair(*self.place_of.get(&leg)?)
    }

    /// Ends the use of the leg's sockets: from now on the ports are silent (B-66).
    fn close(&mut self, now: Instant, leg: LegId) {
        // Its name may still stand among the ready; reading finds nobody there and throws away what there is.
        let Some(place) = self.place_of.remove(&leg) else { return };
        if let Some(seat) = self.places.seat_at(place)
            && let Some(entry) = usize::try_from(seat.slot).ok().and_then(|at| self.place_at.get_mut(at))
            && *entry == place
        {
            *entry = NOWHERE;
        }
        self.vacate(now, place);
    }

    /// Shuts a pair's sockets and keeps them for another leg, or closes them.
    fn vacate(&mut self, now: Instant, place: u32) {
        let Some(port) = self.places.port(place) else { return };
        self.places.unseat(place);
        let is_shut = self.places.pair(place).is_some_and(|pair| self.plan.shut(pair).is_ok());
        let is_kept = is_shut && self.pool.release(now, port, Some(place)).is_none();
        if !is_shut {
            self.pool.release(now, port, None);
        }
        if !is_kept {
            self.places.remove(place);
        }
    }

    /// Brings the ports in order, and tells what there is to tell; what the system refused with.
    fn refill(&mut self, now: Instant) -> Option<io::Error> {
        let Self { pool, places, plan, watch, .. } = self;
        let refill = pool.refill(now, |port| places.bind(port, watch, |port| plan.bind(port)));
        refill.closed.into_iter().for_each(|place| places.remove(place));
        if !refill.stocked.is_empty() {
            let tokens = refill.stocked.into_iter().map(|port| PortToken { worker: self.index, port }).collect();
            (self.events)(FromWorker::Ports(tokens));
        }
        if refill.exhausted {
            // That most of the range is in use is no news while there is stock; that the system refuses to bind is.
            match &refill.refusal {
                Some(error) => tracing::warn!(worker = self.index, stock = self.pool.stock(), %error, "Media ports cannot be bound."),
                None => tracing::debug!(worker = self.index, stock = self.pool.stock(), "All other media ports are in use or resting."),
            }
            (self.events)(FromWorker::Exhausted { worker: self.index, stock: self.pool.stock() });
        }
        refill.refusal
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

/// Of how many closed legs the sockets are kept: with those in stock an eighth of the descriptors, so that they are nobody's need (FT-11).
fn kept_max(descriptors: u64, workers: usize, stock: usize) -> usize {
    let pairs = usize::try_from(descriptors / 8 / 2).unwrap_or(usize::MAX) / workers;
    pairs.saturating_sub(stock).min(LEGS_MAX)
}

/// Which leg a command is about.
fn leg_of(command: &Command) -> Option<LegId> {
    match *command {
        Command::Open { leg, .. }
        | Command::Remote { leg, .. }
        | Command::Hear { leg, .. }
        | Command::Watch { leg, .. }
        | Command::Record { left: leg, .. }
        | Command::Tap { leg, .. }
        | Command::Close { leg } => Some(leg),
        Command::StopRecord { .. } => None,
    }
}
