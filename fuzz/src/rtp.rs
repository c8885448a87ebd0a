//! Packets at a relay of three legs, with orders between them: nothing is sent but well-formed RTP with the leg's own source identifier
//! and an agreed payload type, and nothing goes to an address that was neither signalled nor learnt.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use arbitrary::Unstructured;
use media::{
    Channel, Codec, Command, Component, Hears, Latch, LegId, Output, Payloads, Relay, Remote, TAP_PAYLOAD_MAX, Tone, ToneSet, rtp::Header,
};

/// Longer than any packet of a phone.
const PACKET_MAX: usize = 1_500;
const LEGS: u64 = 3;

/// Plays the sequence of orders and packets that `data` stands for.
///
/// # Panics
/// When the relay sends what it must not.
pub fn run(data: &[u8]) {
    // One packet by itself first: the view of a header.
    view(data);
    let mut input = Unstructured::new(data);
    let mut game = Game::new();
    while !input.is_empty() {
        game.step(&mut input);
    }
    game.finish();
}

fn view(packet: &[u8]) {
    if let Some(header) = Header::read(packet) {
        assert!(packet.get(header.payload.clone()).is_some() && header.payload_type < 128, "{header:?} of {} octets", packet.len());
    }
}

pub(crate) struct Game {
    relay: Relay,
    now: std::time::Instant,
    /// The payload types of what each leg was told of its phone; a leg's packets may be of these only.
    agreed: BTreeMap<LegId, Vec<u8>>,
    /// R26: the source identifier under which each leg sends.
    sources: BTreeMap<LegId, u32>,
    closed: usize,
    opened: usize,
}

impl Game {
    pub(crate) fn new() -> Self {
        let Some(tones) = ToneSet::by_country("de") else { panic!("no tones") };
        let mut game = Self {
            relay: Relay::new([3; 32], tones),
            now: super::start(),
            agreed: BTreeMap::new(),
            sources: BTreeMap::new(),
            closed: 0,
            opened: 0,
        };
        for leg in 1..=LEGS {
            game.open(LegId(leg));
        }
        for (leg, other) in [(1, 2), (2, 1), (3, 1)] {
            game.remote(LegId(leg), Payloads { dtmf_pt: Some(101), ..Payloads::of(Codec::Pcmu) }, Latch::Signalled);
            game.order(Command::Hear { leg: LegId(leg), hears: Hears::Leg(LegId(other)) });
        }
        game
    }

    fn open(&mut self, leg: LegId) {
        self.opened += 1;
        // At most some thousand steps fit into an input, so a port is never used by two.
        self.order(Command::Open { leg, port: 10_000 + 2 * u16::try_from(leg.0 % 20_000).unwrap_or_default() });
    }

    fn remote(&mut self, leg: LegId, payloads: Payloads, latch: Latch) {
        let rtp = Some(super::peer(phone(leg), 4_000));
        self.agreed.entry(leg).or_default().extend([payloads.codec_pt, payloads.dtmf_pt.unwrap_or(payloads.codec_pt)]);
        let remote = Remote { rtp, rtcp: None, payloads, sends: true, receives: true, ptime_ms: 20 };
        self.order(Command::Remote { leg, remote, latch });
    }

    fn order(&mut self, command: Command) {
        self.relay.handle(self.now, command);
        self.drain();
    }

    fn step(&mut self, input: &mut Unstructured<'_>) {
        let kind: u8 = input.arbitrary().unwrap_or_default();
        let leg = LegId(u64::from(input.arbitrary::<u8>().unwrap_or_default() % 4));
        match kind % 16 {
            0 => self.advance(pause(input)),
            1 => {
                let codec = if input.arbitrary().unwrap_or_default() { Codec::Pcmu } else { Codec::Pcma };
                let (codec_pt, dtmf_pt) = (payload_type(input), payload_type(input));
                let latch = super::pick(input, &[Latch::Signalled, Latch::SameHost, Latch::First]).copied().unwrap_or(Latch::Signalled);
                self.remote(leg, Payloads { codec, codec_pt, dtmf_pt: (dtmf_pt != codec_pt).then_some(dtmf_pt) }, latch);
            }
            2 => {
                let other = LegId(u64::from(input.arbitrary::<u8>().unwrap_or_default() % 4));
                let all = [
                    Hears::Nothing,
                    Hears::Leg(other),
                    Hears::BeepThenRingUntil(other),
                    Hears::Tone(Tone::Ring),
                    Hears::Tone(Tone::Busy),
                    Hears::Tone(Tone::Beep),
                ];
                let hears = super::pick(input, &all).copied().unwrap_or(Hears::Nothing);
                self.order(Command::Hear { leg, hears });
            }
            3 => {
                let recording = u64::from(input.arbitrary::<u8>().unwrap_or_default() % 4);
                let right = LegId(u64::from(input.arbitrary::<u8>().unwrap_or_default() % 4));
                self.order(Command::Record { recording, left: leg, right });
            }
            4 => self.order(Command::StopRecord { recording: leg.0 }),
            5 => self.order(Command::Watch { leg, silent_after: Some(Duration::from_secs(leg.0)) }),
            6 => self.rtcp(input, leg),
            7 => {
                self.order(Command::Close { leg });
            }
            8 => {
                let recording = u64::from(input.arbitrary::<u8>().unwrap_or_default() % 4);
                let channel = if input.arbitrary().unwrap_or_default() { Channel::Left } else { Channel::Right };
                self.order(Command::Tap { recording, channel, leg });
            }
            kind => self.rtp(input, leg, kind),
        }
    }

    /// A packet as it is, or one with a sound header whose fields the input chooses.
    fn rtp(&mut self, input: &mut Unstructured<'_>, leg: LegId, kind: u8) {
        let from = source(input, leg);
        let mut packet = if kind < 10 {
            super::octets(input, PACKET_MAX).to_vec()
        } else {
            let payload_type: u8 = super::pick(input, &[0, 8, 101, 13, 0x80, 0x88, 0xE5, 72]).copied().unwrap_or_default();
            let flags: u8 = super::pick(input, &[0x80, 0x80, 0x90, 0xA0, 0x8F, 0xBF]).copied().unwrap_or(0x80);
            let fields: [u8; 10] = input.arbitrary().unwrap_or_default();
            let payload = super::octets(input, PACKET_MAX - 12);
            [&[flags, payload_type], fields.as_slice(), payload].concat()
        };
        let whole = packet.len();
        let forward = self.relay.rtp(self.now, leg, from, &mut packet);
        if let Some(forward) = forward {
            assert!(forward.length <= whole, "longer than it came");
            let Some(sent) = packet.get(..forward.length) else { panic!("beyond the buffer") };
            self.judge(forward.leg, sent);
        }
        self.drain();
    }

    pub(crate) fn rtcp(&mut self, input: &mut Unstructured<'_>, leg: LegId) {
        let from = source(input, leg);
        let packet = super::octets(input, PACKET_MAX);
        self.relay.rtcp(self.now, leg, from, packet);
        self.drain();
    }

    /// What a leg sends to its phone.
    fn judge(&mut self, leg: LegId, packet: &[u8]) {
        let Some(header) = Header::read(packet) else { panic!("no RTP of leg {leg:?}") };
        assert!(header.payload.start == 12, "{header:?}: it has CSRCs or an extension");
        let source = *self.sources.entry(leg).or_insert(header.ssrc);
        assert_eq!(source, header.ssrc, "leg {leg:?} has another source identifier now (R26)");
        let agreed = self.agreed.get(&leg).is_some_and(|types| types.contains(&header.payload_type));
        assert!(agreed || header.payload_type == media::rtp::COMFORT_NOISE, "payload type {} to {leg:?}", header.payload_type);
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let to = self.now + by;
        while let Some((at, _)) = self.relay.timeout().filter(|(at, _)| *at <= to) {
            assert!(at >= self.now || self.now > at, "time stands still");
            self.now = self.now.max(at);
            self.relay.wake(self.now);
            self.drain();
        }
        self.now = to;
    }

    fn drain(&mut self) {
        for frame in self.relay.take_taps().iter() {
            assert!((1..=TAP_PAYLOAD_MAX).contains(&frame.audio.len()), "{frame:?}");
        }
        while let Some(output) = self.relay.poll() {
            match output {
                Output::Send { leg, component: Component::Rtp, packet, .. } => self.judge(leg, &packet),
                Output::Send { component: Component::Rtcp, packet, .. } => {
                    // RFC 3550, A.2: a compound begins with a report.
                    assert!(matches!(packet.as_slice(), [0x80..=0x9F, 200 | 201, ..]) && packet.as_slice().len().is_multiple_of(4));
                }
                Output::Closed { leg, .. } => {
                    self.closed += 1;
                    self.agreed.remove(&leg);
                    self.sources.remove(&leg);
                }
                Output::Connect { .. } | Output::Disconnect { .. } | Output::Event(_) => {}
            }
        }
    }

    /// Everybody leaves: nothing is left.
    pub(crate) fn finish(mut self) {
        for leg in 0..=LEGS {
            self.order(Command::Close { leg: LegId(leg) });
        }
        self.advance(Duration::from_secs(60));
        assert_eq!((self.relay.stats().legs, self.closed, self.relay.timeout()), (0, self.opened, None), "something is left");
    }
}

/// One that may be agreed on: 64 to 95 would be taken for RTCP (RFC 5761, 4).
fn payload_type(input: &mut Unstructured<'_>) -> u8 {
    let kind = input.arbitrary::<u8>().unwrap_or_default() % 96;
    if kind < 64 { kind } else { kind + 32 }
}

/// Tones tick all the time, so long pauses cost much and show nothing that shorter ones do not.
pub(crate) fn pause(input: &mut Unstructured<'_>) -> Duration {
    Duration::from_millis(super::pick(input, &[0, 1, 20, 20, 60, 200, 1_000, 6_000]).copied().unwrap_or_default())
}

/// Each leg's phone has a host of its own.
fn phone(leg: LegId) -> u8 {
    u8::try_from(leg.0 % 100).unwrap_or_default() + 1
}

/// The phone as signalled, another port of it, or a stranger.
fn source(input: &mut Unstructured<'_>, leg: LegId) -> SocketAddr {
    let all = [super::peer(phone(leg), 4_000), super::peer(phone(leg), 4_002), super::peer(200, 4_000), super::peer(phone(leg), 4_001)];
    super::pick(input, &all).copied().unwrap_or(super::peer(200, 1))
}
