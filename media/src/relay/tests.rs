//! Stories in virtual time: phones that send, and what comes out, as text.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod control;
mod feeds;
mod hostile;
mod recording;
mod sources;

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use rand_core::RngCore;

use super::{ears::TONE_TICK, *};
use crate::{Codec, LegStats, Payloads, Remote, TapFrame, TapFrames, Tone, rtcp::CNAME_LENGTH};

/// A phone: what it sends next.
#[derive(Debug, Clone, Copy)]
struct Phone {
    leg: LegId,
    at: SocketAddr,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Phone {
    fn new(leg: u64, at: &str) -> Self {
        Self {
            leg: LegId(leg),
            at: at.parse().unwrap(),
            ssrc: 0xAAAA_0000 + u32::try_from(leg).unwrap(),
            sequence: 1000,
            timestamp: 160_000,
        }
    }

    fn packet(&self, payload_type: u8, marker: bool, payload: &[u8]) -> Vec<u8> {
        let (sequence, timestamp, ssrc) = (self.sequence, self.timestamp, self.ssrc);
        let mut packet = crate::rtp::Stamp { marker, payload_type, sequence, timestamp, ssrc }.header().to_vec();
        packet.extend_from_slice(payload);
        packet
    }
}

/// A relay, a clock, and a log in which runs of regular packets are one line.
struct World {
    relay: Relay,
    began: Instant,
    now: Instant,
    log: String,
    /// The first packet that each leg heard: source, sequence number, timestamp.
    first: BTreeMap<LegId, (u32, u16, u32)>,
    run: Option<Run>,
    /// The payload of the newest packet that a leg heard.
    heard: Vec<u8>,
    /// All that leg 1 heard.
    sound: Vec<u8>,
    taps: Vec<TapFrames>,
}

struct Run {
    leg: LegId,
    to: SocketAddr,
    payload_type: u8,
    length: usize,
    began_ms: u128,
    first: (i16, i32),
    newest: (i16, i32),
    marker: bool,
}

impl World {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one reading of the clock that virtual time begins with")]
        let began = Instant::now();
        let relay = Relay::new([7; 32], ToneSet::by_country("ru").unwrap());
        Self {
            relay,
            began,
            now: began,
            log: String::new(),
            first: BTreeMap::new(),
            run: None,
            heard: Vec::new(),
            sound: Vec::new(),
            taps: Vec::new(),
        }
    }

    /// Two legs that are open and answered, at 10.0.0.1:4000 and 10.0.0.2:4000.
    fn with_two_legs(one: Codec, two: Codec) -> (Self, Phone, Phone) {
        let mut world = Self::new();
        for (leg, codec) in [(1, one), (2, two)] {
            world.open(leg);
            world.remote(leg, &format!("10.0.0.{leg}:4000"), with_dtmf(codec, 101), Latch::Signalled);
        }
        (world, Phone::new(1, "10.0.0.1:4000"), Phone::new(2, "10.0.0.2:4000"))
    }

    /// The same two, each of which hears the other; both have spoken once.
    fn talking(one: Codec, two: Codec) -> (Self, Phone, Phone) {
        let (mut world, mut left, mut right) = Self::with_two_legs(one, two);
        world.hear(1, Hears::Leg(LegId(2)));
        world.hear(2, Hears::Leg(LegId(1)));
        world.say(&mut left, one, 1);
        world.say(&mut right, two, 1);
        (world, left, right)
    }

    fn open(&mut self, leg: u64) {
        self.order(Command::Open { leg: LegId(leg), port: 30_000 + u16::try_from(leg).unwrap() * 2 });
    }

    fn remote(&mut self, leg: u64, at: &str, payloads: Payloads, latch: Latch) {
        let remote = Remote { rtp: Some(at.parse().unwrap()), rtcp: None, payloads, sends: true, receives: true, ptime_ms: 20 };
        self.order(Command::Remote { leg: LegId(leg), remote, latch });
    }

    fn hear(&mut self, leg: u64, hears: Hears) {
        self.order(Command::Hear { leg: LegId(leg), hears });
    }

    fn order(&mut self, command: Command) {
        self.relay.handle(self.now, command);
        self.drain();
    }

    /// Lets `ms` pass, waking the relay when it asks for it.
    fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some((due, _)) = self.relay.timeout().filter(|(due, _)| *due <= until) {
            self.now = self.now.max(due);
            self.relay.wake(self.now);
            self.drain();
        }
        self.now = until;
    }

    /// The phone sends `count` packets of 20 ms, one each 20 ms.
    fn say(&mut self, phone: &mut Phone, codec: Codec, count: usize) {
        for _ in 0..count {
            let packet = phone.packet(codec.payload_type(), false, &[codec.silence(); 160]);
            self.send(phone, packet);
            phone.sequence = phone.sequence.wrapping_add(1);
            phone.timestamp = phone.timestamp.wrapping_add(160);
            self.pass(20);
        }
    }

    /// The phone sends a packet of telephone-event; its timestamp stays.
    fn press(&mut self, phone: &mut Phone, payload_type: u8, code: u8, end: bool, duration: u16) {
        let [high, low] = duration.to_be_bytes();
        let packet = phone.packet(payload_type, false, &[code, if end { 0x8A } else { 0x0A }, high, low]);
        self.send(phone, packet);
        phone.sequence = phone.sequence.wrapping_add(1);
    }

    fn send(&mut self, phone: &Phone, packet: Vec<u8>) {
        self.inject(phone.leg, phone.at, packet);
    }

    fn inject(&mut self, leg: LegId, from: SocketAddr, mut packet: Vec<u8>) {
        let forward = self.relay.rtp(self.now, leg, from, &mut packet);
        self.drain();
        if let Some(Forward { leg, slot, to, length }) = forward {
            assert_eq!(self.relay.slot(leg), Some(slot));
            self.show_rtp(leg, to, &packet[..length]);
        }
    }

    fn rtcp(&mut self, leg: u64, from: &str, packet: &[u8]) {
        self.relay.rtcp(self.now, LegId(leg), from.parse().unwrap(), packet);
        self.drain();
    }

    /// All that was tapped.
    fn tapped(&self) -> Vec<TapFrame<'_>> {
        self.taps.iter().flat_map(TapFrames::iter).collect()
    }

    fn stats(&self, leg: u64) -> LegStats {
        self.relay.legs.get(self.relay.legs.slot(LegId(leg)).unwrap()).unwrap().stats()
    }

    fn note(&mut self, text: &str) {
        self.flush();
        let _ = writeln!(self.log, "-- {text}");
    }

    /// The log, which begins anew.
    fn take_log(&mut self) -> String {
        self.flush();
        std::mem::take(&mut self.log)
    }

    fn ms(&self) -> u128 {
        (self.now - self.began).as_millis()
    }

    fn drain(&mut self) {
        while let Some(output) = self.relay.poll() {
            match output {
                Output::Send { leg, component: Component::Rtp, to, packet } => self.show_rtp(leg, to, &packet),
                other => self.show(&other),
            }
        }
        if self.relay.has_taps() {
            self.taps.push(self.relay.take_taps());
        }
    }

    fn show(&mut self, output: &Output) {
        let line = match output {
            Output::Send { leg, to, packet, .. } => format!("{} < {to} RTCP {}", leg.0, control::show_rtcp(packet)),
            Output::Connect { leg, component, to } => format!("{} connect {component:?} to {to}", leg.0),
            Output::Disconnect { leg } => format!("{} disconnect", leg.0),
            Output::Event(MediaEvent::Closed { leg, .. }) => format!("{} stats", leg.0),
            Output::Event(event) => format!("{event:?}"),
            Output::Closed { leg, port } => format!("{} closed, port {port}", leg.0),
        };
        self.flush();
        let _ = writeln!(self.log, "{:<5} {line}", self.ms());
    }

    /// Sequence numbers and timestamps are shown as distances from the first packet that the leg heard.
    fn show_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        let header = Header::read(packet).unwrap();
        let (ssrc, sequence, timestamp) = *self.first.entry(leg).or_insert((header.ssrc, header.sequence, header.timestamp));
        assert_eq!(header.ssrc, ssrc, "leg {} heard another source (R26)", leg.0);
        assert_eq!(packet[0], 0x80, "no CSRC, extension or padding");
        let place = (header.sequence.wrapping_sub(sequence).cast_signed(), header.timestamp.wrapping_sub(timestamp).cast_signed());
        self.heard = packet[header.payload.clone()].to_vec();
        if leg == LegId(1) {
            self.sound.extend_from_slice(&self.heard);
        }
        let length = header.payload.len();
        if let Some(run) = &mut self.run
            && (run.leg, run.to, run.payload_type, run.length) == (leg, to, header.payload_type, length)
            && (run.newest.0 + 1, run.newest.1 + 160) == place
            && !header.marker
        {
            run.newest = place;
            return;
        }
        self.flush();
        let (began_ms, marker, payload_type) = (self.ms(), header.marker, header.payload_type);
        self.run = Some(Run { leg, to, payload_type, length, began_ms, first: place, newest: place, marker });
    }

    fn flush(&mut self) {
        let Some(Run { leg, to, payload_type, length, began_ms, first, newest, marker }) = self.run.take() else { return };
        let marker = if marker { " marker" } else { "" };
        let _ = write!(self.log, "{began_ms:<5} {} < {to} pt {payload_type} #{} @{}", leg.0, first.0, first.1);
        if newest != first {
            let _ = write!(self.log, " to #{} @{}", newest.0, newest.1);
        }
        let _ = writeln!(self.log, " of {length}{marker}");
    }
}

fn with_dtmf(codec: Codec, payload_type: u8) -> Payloads {
    Payloads { dtmf_pt: Some(payload_type), ..Payloads::of(codec) }
}
