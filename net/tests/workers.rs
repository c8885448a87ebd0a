//! Media workers with phones on the loopback network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    sync::{
        atomic::{AtomicU8, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use media::{Channel, Codec, Command, Hears, Latch, LegId, MediaEvent, Payloads, Remote, TapFrames, ToneSet};
use net::{FromWorker, MediaSettings, MediaWorkers, NetError, PortToken};

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Wide, and shared by all tests: a port that another test holds is passed over.
const RANGE: RangeInclusive<u16> = 20_000..=29_999;

const A: LegId = LegId(1);
const B: LegId = LegId(2);

fn settings() -> MediaSettings {
    MediaSettings {
        workers: 1,
        ports: RANGE,
        stock: 8,
        bind: vec!["127.0.0.1".parse().unwrap()],
        tones: ToneSet::by_country("ru").unwrap(),
    }
}

/// Workers, and what they tell.
struct Bench {
    workers: MediaWorkers,
    told: Receiver<FromWorker>,
    taps: Receiver<TapFrames>,
    tokens: Vec<PortToken>,
    events: Vec<MediaEvent>,
}

impl Bench {
    fn new(settings: MediaSettings) -> Self {
        let (tell, told) = sync_channel(100_000);
        let (tap, taps) = sync_channel(1_000);
        let workers =
            MediaWorkers::start(settings, seed(), move |event| tell.send(event).unwrap(), move |frame| tap.try_send(frame).is_ok())
                .unwrap();
        Self { workers, told, taps, tokens: Vec::new(), events: Vec::new() }
    }

    /// The next thing that is told; tokens and events are kept.
    fn next(&mut self) -> FromWorker {
        let told = self.told.recv_timeout(PATIENCE).unwrap();
        match &told {
            FromWorker::Ports(tokens) => self.tokens.extend(tokens),
            FromWorker::Event(event) => self.events.push(*event),
            FromWorker::Exhausted { .. } | FromWorker::Stopped { .. } => {}
        }
        told
    }

    fn token(&mut self) -> PortToken {
        while self.tokens.is_empty() {
            self.next();
        }
        self.tokens.remove(0)
    }

    fn wait_for(&mut self, wanted: impl Fn(&MediaEvent) -> bool) -> MediaEvent {
        loop {
            if let Some(at) = self.events.iter().position(&wanted) {
                return self.events.remove(at);
            }
            self.next();
        }
    }

    fn order(&self, command: Command) {
        assert!(self.workers.command(0, command));
    }

    /// Waits until the worker has done what was ordered: what reaches a port before its leg is opened is thrown away.
    fn settle(&mut self) {
        let leg = LegId(1_000);
        let port = self.token().port;
        self.order(Command::Open { leg, port });
        self.order(Command::Close { leg });
        self.wait_for(|event| matches!(event, MediaEvent::Closed { leg: closed, .. } if *closed == leg));
    }

    /// Opens a leg for a phone; gives the leg's address.
    fn open(&mut self, leg: LegId, phone: &UdpSocket) -> SocketAddr {
        let port = self.token().port;
        self.order(Command::Open { leg, port });
        self.order(Command::Remote { leg, remote: remote(phone.local_addr().unwrap()), latch: Latch::Signalled });
        SocketAddr::new(phone.local_addr().unwrap().ip(), port)
    }

    /// Two phones that hear each other, and their legs' addresses.
    fn call(&mut self, a: LegId, b: LegId) -> [(UdpSocket, SocketAddr); 2] {
        let (phone_a, phone_b) = (phone("127.0.0.1"), phone("127.0.0.1"));
        let (at_a, at_b) = (self.open(a, &phone_a), self.open(b, &phone_b));
        self.order(Command::Hear { leg: a, hears: Hears::Leg(b) });
        self.order(Command::Hear { leg: b, hears: Hears::Leg(a) });
        self.settle();
        [(phone_a, at_a), (phone_b, at_b)]
    }
}

/// Another part of the range for each test.
fn seed() -> [u8; 32] {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let mut seed = [3; 32];
    seed[1] = NEXT.fetch_add(1, Ordering::Relaxed);
    seed
}

fn phone(host: &str) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::new(host.parse().unwrap(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn remote(rtp: SocketAddr) -> Remote {
    let payloads = Payloads { codec: Codec::Pcma, codec_pt: 8, dtmf_pt: Some(101) };
    Remote { rtp: Some(rtp), rtcp: None, payloads, sends: true, receives: true, ptime_ms: 20 }
}

/// 20 ms of A-law, with `mark` as audio.
fn rtp(ssrc: u32, sequence: u16, mark: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([mark; 160]);
    packet
}

/// The next packet that a phone hears: source, sequence number, source identifier, first octet of audio.
fn hear(phone: &UdpSocket) -> (SocketAddr, u16, u32, u8) {
    let mut packet = [0; 2048];
    let (length, from) = phone.recv_from(&mut packet).unwrap();
    assert_eq!((length, packet[0]), (172, 0x80));
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    (from, sequence, u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]), packet[12])
}

/// B-57, R26.
#[test]
fn fifty_packets_each_way_arrive_in_order_under_our_own_source() {
    let mut bench = Bench::new(settings());
    let [(phone_a, at_a), (phone_b, at_b)] = bench.call(A, B);
    for (from, to, in_at, out_at) in [(&phone_a, &phone_b, at_a, at_b), (&phone_b, &phone_a, at_b, at_a)] {
        let mut before = None;
        for sequence in 0..50_u8 {
            from.send_to(&rtp(0xabcd, u16::from(sequence), sequence), in_at).unwrap();
            let (source, heard, ssrc, mark) = hear(to);
            assert_eq!((source, mark), (out_at, sequence));
            assert_ne!(ssrc, 0xabcd);
            if let Some((last, last_ssrc)) = before {
                assert_eq!((heard, ssrc), (u16::wrapping_add(last, 1), last_ssrc));
            }
            before = Some((heard, ssrc));
        }
    }
    assert_eq!(bench.wait_for(|event| matches!(event, MediaEvent::FirstMedia { .. })), MediaEvent::FirstMedia { leg: A });
    for leg in [A, B] {
        bench.order(Command::Close { leg });
        let closed = bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: closed, .. } if *closed == leg));
        let MediaEvent::Closed { stats, .. } = closed else { panic!() };
        assert_eq!((stats.packets_in, stats.packets_out, stats.foreign, stats.junk), (50, 50, 0, 0));
    }
    bench.workers.stop();
}

/// B-59, R28: once a phone is known, the kernel itself turns others away.
#[test]
fn a_stranger_reaches_nobody() {
    let mut bench = Bench::new(settings());
    let [(phone_a, at_a), (phone_b, _)] = bench.call(A, B);
    phone_a.send_to(&rtp(1, 0, 1), at_a).unwrap();
    assert_eq!(hear(&phone_b).3, 1);
    bench.settle();
    let stranger = phone("127.0.0.1");
    stranger.connect(at_a).unwrap();
    stranger.send(&rtp(2, 1, 66)).unwrap();
    assert_eq!(stranger.recv(&mut [0; 16]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    phone_a.send_to(&rtp(1, 1, 2), at_a).unwrap();
    assert_eq!(hear(&phone_b).3, 2, "the next that is heard is the phone's");
    // A new description from the phone's side: another socket of the phone is learnt.
    let moved = phone("127.0.0.1");
    bench.order(Command::Remote { leg: A, remote: remote(moved.local_addr().unwrap()), latch: Latch::Signalled });
    bench.settle();
    moved.send_to(&rtp(3, 0, 3), at_a).unwrap();
    assert_eq!(hear(&phone_b).3, 3);
    phone_a.send_to(&rtp(1, 2, 4), at_a).unwrap();
    moved.send_to(&rtp(3, 1, 5), at_a).unwrap();
    assert_eq!(hear(&phone_b).3, 5, "the place that it moved from is a stranger now");
}

/// B-66: the ports are silent after the call.
#[test]
fn a_closed_leg_has_no_ports() {
    let mut bench = Bench::new(settings());
    let [(phone_a, at_a), (phone_b, _)] = bench.call(A, B);
    phone_a.send_to(&rtp(1, 0, 1), at_a).unwrap();
    assert_eq!(hear(&phone_b).3, 1);
    bench.order(Command::Close { leg: A });
    bench.order(Command::Close { leg: B });
    for leg in [A, B] {
        bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: closed, .. } if *closed == leg));
    }
    // The event comes before the sockets are closed, but what was ordered later is done later.
    bench.workers.stop();
    for port in [at_a.port(), at_a.port() + 1] {
        let probe = phone("127.0.0.1");
        probe.connect(("127.0.0.1", port)).unwrap();
        probe.send(b"x").unwrap();
        assert_eq!(probe.recv(&mut [0; 16]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

/// Whether a closed port was met.
fn is_refused(outcome: &io::Result<usize>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The ports of a closed leg serve the next one, to which nobody who knew them gets through; in between they are silent (B-59, B-66).
#[test]
fn a_port_that_serves_again_brings_nothing_of_the_old_call() {
    let mut bench = Bench::new(MediaSettings { ports: free_pairs(2), stock: 2, ..settings() });
    let mut old: Vec<UdpSocket> = Vec::new();
    for (round, host) in [(0, "127.0.0.2"), (1, "127.0.0.1")] {
        let (phone_a, phone_b) = (phone(host), phone(host));
        let (a, b) = (LegId(10 * round + 1), LegId(10 * round + 2));
        // While it rests, and when it is in stock again, a port looks as a closed one.
        for late in &old {
            assert!([late.send(b"late"), late.recv(&mut [0; 16])].iter().any(is_refused));
        }
        let [at_a, at_b] = [(a, &phone_a), (b, &phone_b)].map(|(leg, phone)| {
            let port = bench.open(leg, phone).port();
            SocketAddr::new("127.0.0.1".parse().unwrap(), port)
        });
        bench.order(Command::Hear { leg: a, hears: Hears::Leg(b) });
        bench.order(Command::Hear { leg: b, hears: Hears::Leg(a) });
        // What is queued is carried out before any packet is looked at; but opening is to come before these are sent.
        bench.order(Command::Watch { leg: a, silent_after: Some(Duration::ZERO) });
        bench.wait_for(|event| *event == MediaEvent::Silent { leg: a });
        for (sequence, late) in (0..).zip(&old) {
            late.send(&rtp(7, sequence, 99)).unwrap();
        }
        for sequence in 0..3 {
            phone_a.send_to(&rtp(1, sequence, 1), at_a).unwrap();
            phone_b.send_to(&rtp(2, sequence, 2), at_b).unwrap();
            let (heard_a, heard_b) = (hear(&phone_a), hear(&phone_b));
            assert_eq!((heard_a.0, heard_a.3, heard_b.0, heard_b.3), (at_a, 2, at_b, 1));
        }
        // More than is ever read: it lies in the buffers when the legs are closed.
        for leg in [a, b] {
            bench.order(Command::Close { leg });
        }
        for (leg, phone, at) in [(a, phone_a, at_a), (b, phone_b, at_b)] {
            (0..50).for_each(|sequence| drop(phone.send_to(&rtp(8, sequence, 88), at)));
            let closed = bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: closed, .. } if *closed == leg));
            let MediaEvent::Closed { stats, .. } = closed else { panic!() };
            // The one packet of the last call's phone that came while the leg was open was not admitted; of what lay there before, nothing came.
            assert_eq!((stats.packets_out, stats.junk, stats.foreign), (3, 0, round), "round {round}");
            // The event comes before the sockets are shut: what is on its way by then, RTCP too, is of no interest.
            phone.connect(at).unwrap();
            phone.set_nonblocking(true).unwrap();
            let began = Instant::now();
            while ![phone.send(b"late"), phone.recv(&mut [0; 2048])].iter().any(is_refused) {
                assert!(began.elapsed() < PATIENCE, "a closed leg's port takes packets");
            }
            phone.set_nonblocking(false).unwrap();
            old.push(phone);
        }
        // From the event on the ports are silent, but for what lies between telling and doing.
        while bench.tokens.len() < 2 {
            bench.next();
        }
    }
}

/// A command that can wait is carried out all the same, by a worker that has something to do and by one that has nothing.
#[test]
fn what_can_wait_does_not_wait_for_long() {
    let mut bench = Bench::new(settings());
    for leg in (1..40).map(LegId) {
        let port = bench.token().port;
        assert!(bench.workers.commands(0, [Command::Open { leg, port }]));
        // Now it dozes, or is asleep again for every fourth.
        if leg.0 % 4 == 0 {
            bench.order(Command::Watch { leg, silent_after: Some(Duration::from_millis(30)) });
            bench.wait_for(|event| *event == MediaEvent::Silent { leg });
        }
        let began = Instant::now();
        bench.order(Command::Close { leg });
        bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: closed, .. } if *closed == leg));
        assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    }
}

/// B-67, and recovery: with four pairs there are two calls, and after them two more.
#[test]
fn an_exhausted_range_is_told_and_recovers() {
    let ports = free_pairs(4);
    let mut bench = Bench::new(MediaSettings { ports, stock: 4, ..settings() });
    let first: Vec<PortToken> = (0..4).map(|_| bench.token()).collect();
    assert_eq!(first.iter().map(|token| token.port).collect::<BTreeSet<_>>().len(), 4);
    for (leg, token) in (1..).zip(&first) {
        bench.order(Command::Open { leg: LegId(leg), port: token.port });
    }
    while !matches!(bench.next(), FromWorker::Exhausted { worker: 0, .. }) {}
    (1..=4).for_each(|leg| bench.order(Command::Close { leg: LegId(leg) }));
    let again: BTreeSet<PortToken> = (0..4).map(|_| bench.token()).collect();
    assert_eq!(again, first.into_iter().collect());
}

/// B-68: a flood at one leg's port costs the others nothing.
#[test]
fn a_flood_at_one_port_harms_no_other_call() {
    let mut bench = Bench::new(settings());
    let [(flooder, at_flooded), _hearer] = bench.call(LegId(8), LegId(9));
    let [(phone_a, at_a), (phone_b, _)] = bench.call(A, B);
    for sequence in 0..50_u8 {
        for junk in 0..400 {
            flooder.send_to(&rtp(9, junk, 9), at_flooded).unwrap();
        }
        phone_a.send_to(&rtp(1, u16::from(sequence), sequence), at_a).unwrap();
        assert_eq!(hear(&phone_b).3, sequence);
    }
}

#[test]
fn what_two_phones_say_is_tapped() {
    let mut bench = Bench::new(settings());
    let [(phone_a, at_a), (phone_b, at_b)] = bench.call(A, B);
    bench.order(Command::Record { recording: 5, left: A, right: B });
    bench.settle();
    for (phone, at, channel, mark) in [(&phone_a, at_a, Channel::Left, 11), (&phone_b, at_b, Channel::Right, 22)] {
        phone.send_to(&rtp(1, 0, mark), at).unwrap();
        let frames = bench.taps.recv_timeout(PATIENCE).unwrap();
        let frame = frames.iter().next().unwrap();
        assert_eq!((frame.recording, frame.channel, frame.codec, frame.audio), (5, channel, Codec::Pcma, &[mark; 160][..]));
    }
    // A recorder that takes no more is counted, and the call goes on.
    for sequence in 1..=1_200 {
        phone_a.send_to(&rtp(1, sequence, 3), at_a).unwrap();
        assert_eq!(hear(&phone_b).3, if sequence == 1 { 11 } else { 3 });
    }
    assert_eq!(hear(&phone_b).3, 3);
    bench.order(Command::Close { leg: A });
    bench.wait_for(|event| matches!(event, MediaEvent::Closed { .. }));
    bench.order(Command::Close { leg: B });
    bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: B, .. }));
    let (taken, counters) = (bench.taps.try_iter().map(|frames| frames.len() as u64).sum::<u64>(), bench.workers.counters()[0]);
    assert!(counters.taps_dropped >= 100, "{counters:?}");
    assert_eq!(taken + counters.taps_dropped, 1_200, "each is either taken or counted");
}

/// FT-14.
#[test]
fn a_panic_ends_one_call_only() {
    let (tell, told) = sync_channel(100_000);
    let listener = move |event| {
        assert!(event != FromWorker::Event(MediaEvent::FirstMedia { leg: LegId(8) }), "a fault that this test makes");
        tell.send(event).unwrap();
    };
    let workers = MediaWorkers::start(settings(), seed(), listener, |_| true).unwrap();
    let (_, taps) = sync_channel(1);
    let mut bench = Bench { workers, told, taps, tokens: Vec::new(), events: Vec::new() };
    let [(bad, at_bad), _] = bench.call(LegId(8), LegId(9));
    let [(phone_a, at_a), (phone_b, _)] = bench.call(A, B);
    bad.send_to(&rtp(1, 0, 1), at_bad).unwrap();
    bench.wait_for(|event| *event == MediaEvent::Silent { leg: LegId(8) });
    for sequence in 0..20_u8 {
        phone_a.send_to(&rtp(1, u16::from(sequence), sequence), at_a).unwrap();
        assert_eq!(hear(&phone_b).3, sequence);
    }
    bench.order(Command::Close { leg: LegId(8) });
    bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: LegId(8), .. }));
    assert_eq!(bench.workers.counters()[0].panics, 1);
}

#[test]
fn a_worker_that_gives_up_says_so_and_takes_nothing_more() {
    let (tell, told) = sync_channel(100_000);
    let listener = move |event| {
        assert!(event != FromWorker::Event(MediaEvent::Silent { leg: A }), "a fault that this test makes");
        tell.send(event).unwrap();
    };
    let workers = MediaWorkers::start(settings(), seed(), listener, |_| true).unwrap();
    let (_, taps) = sync_channel(1);
    let mut bench = Bench { workers, told, taps, tokens: Vec::new(), events: Vec::new() };
    let port = bench.token().port;
    bench.order(Command::Open { leg: A, port });
    let mut panics = 0;
    // The leg is silent at once, and telling so is the fault.
    while bench.workers.command(0, Command::Watch { leg: A, silent_after: Some(Duration::ZERO) }) {
        panics += 1;
        while bench.workers.counters()[0].panics < panics {
            std::thread::yield_now();
        }
    }
    assert!(panics > 10, "it did not give up at once");
    while bench.next() != (FromWorker::Stopped { worker: 0 }) {}
}

#[test]
fn the_two_families_talk_to_each_other() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    for bind in [["0.0.0.0", "::"], ["127.0.0.1", "::1"]] {
        let bind = bind.iter().map(|host| host.parse::<IpAddr>().unwrap()).collect();
        let mut bench = Bench::new(MediaSettings { bind, ..settings() });
        let (phone_a, phone_b) = (phone("127.0.0.1"), phone("::1"));
        let (at_a, at_b) = (bench.open(A, &phone_a), bench.open(B, &phone_b));
        bench.order(Command::Hear { leg: A, hears: Hears::Leg(B) });
        bench.order(Command::Hear { leg: B, hears: Hears::Leg(A) });
        bench.settle();
        for sequence in 0..5 {
            phone_a.send_to(&rtp(1, sequence, 1), at_a).unwrap();
            let heard = hear(&phone_b);
            assert_eq!((heard.0, heard.3), (at_b, 1));
            phone_b.send_to(&rtp(2, sequence, 2), at_b).unwrap();
            let heard = hear(&phone_a);
            assert_eq!((heard.0, heard.3), (at_a, 2));
        }
    }
}

#[test]
fn wrong_orders_are_refused() {
    let mut bench = Bench::new(settings());
    let port = bench.token().port;
    assert!(!bench.workers.command(1, Command::Open { leg: A, port }), "there is one worker");
    bench.order(Command::Open { leg: A, port });
    bench.order(Command::Open { leg: B, port });
    bench.order(Command::Open { leg: A, port: port ^ 2 });
    bench.order(Command::Close { leg: LegId(99) });
    bench.order(Command::Close { leg: A });
    bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: A, .. }));
    bench.order(Command::Open { leg: LegId(3), port: 1 });
    let port = bench.token().port;
    bench.order(Command::Open { leg: LegId(4), port });
    bench.order(Command::Close { leg: LegId(4) });
    bench.wait_for(|event| matches!(event, MediaEvent::Closed { leg: LegId(4), .. }));
    let counters = bench.workers.counters()[0];
    assert!(counters.commands_refused >= 2, "{counters:?}");
}

#[test]
fn settings_that_cannot_work_are_errors() {
    let start = |settings| MediaWorkers::start(settings, [0; 32], |_| {}, |_| true).err().unwrap();
    let two = vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()];
    assert!(matches!(start(MediaSettings { bind: two, ..settings() }), NetError::TooManyAddresses));
    assert!(matches!(start(MediaSettings { bind: Vec::new(), ..settings() }), NetError::NoAddress));
    assert!(matches!(start(MediaSettings { bind: vec!["192.0.2.1".parse().unwrap()], ..settings() }), NetError::NoPorts(_)));
    assert!(matches!(start(MediaSettings { ports: 21..=22, ..settings() }), NetError::PortRange { .. }));
    assert!(matches!(start(MediaSettings { ports: 20..=23, workers: 3, ..settings() }), NetError::PortRange { workers: 3, .. }));
}

/// A range of so many pairs that are free at this moment.
fn free_pairs(count: u16) -> RangeInclusive<u16> {
    (30_000..60_000_u16)
        .step_by(2 * usize::from(count))
        .map(|first| first..=first + 2 * count - 1)
        .find(|range| range.clone().all(|port| UdpSocket::bind(("127.0.0.1", port)).is_ok()))
        .unwrap()
}
