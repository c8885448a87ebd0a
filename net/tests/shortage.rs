//! FT-11: without descriptors ports cannot be bound; that is told, waited out without spinning, and recovered from, and calls go on. Alone in its
//! process, whose limit it lowers.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{Read as _, Seek as _},
    net::UdpSocket,
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

use media::{Codec, Command, Hears, Latch, LegId, Payloads, Remote, ToneSet};
use net::{FromWorker, MediaSettings, MediaWorkers, PortToken};

const PATIENCE: Duration = Duration::from_secs(10);

/// Legs of the call that goes on, and one that wants a port.
const CALL: [LegId; 2] = [LegId(1), LegId(2)];

/// Where the system says how often the thread of that name has rested: opened while there are descriptors.
/// The first ports are told before the thread has given itself its name.
fn status_of(thread: &str) -> File {
    let began = Instant::now();
    loop {
        let mut tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        if let Some(task) = tasks.find(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == thread)) {
            return File::open(task.path().join("status")).unwrap();
        }
        assert!(began.elapsed() < PATIENCE, "no thread {thread}");
        std::thread::yield_now();
    }
}

/// How often it has waited by itself. A turn that does not wait is not among them, nor is being made to wait for a processor: whatever else
/// the machine does, the number is the same.
fn rests(status: &mut File) -> u64 {
    let mut text = String::new();
    status.rewind().unwrap();
    status.read_to_string(&mut text).unwrap();
    text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap().trim().parse().unwrap()
}

fn next_tokens(told: &Receiver<FromWorker>, tokens: &mut VecDeque<PortToken>) -> bool {
    match told.recv_timeout(PATIENCE).unwrap() {
        FromWorker::Ports(ports) => tokens.extend(ports),
        FromWorker::Exhausted { .. } => return true,
        _ => {}
    }
    false
}

#[test]
fn a_worker_without_descriptors_waits_and_recovers() {
    let (tell, told) = sync_channel(10_000);
    let settings = MediaSettings {
        workers: 1,
        ports: 20_000..=29_999,
        stock: 4,
        bind: vec!["127.0.0.1".parse().unwrap()],
        tones: ToneSet::by_country("ru").unwrap(),
    };
    let workers = MediaWorkers::start(settings, [5; 32], move |event| tell.send(event).unwrap(), |_| true).unwrap();
    let mut tokens = VecDeque::new();
    while tokens.len() < 4 {
        assert!(!next_tokens(&told, &mut tokens));
    }
    // All descriptors that the process may have are gone, whatever its limit is. What the test itself needs, it has before.
    let mut status = status_of("media-0");
    let phones = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let limit =
        rustix::process::Rlimit { current: Some(256), maximum: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut taken: Vec<File> = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }

    // The call takes two pairs out of the stock, and no others come.
    let mut ports = Vec::new();
    for ((leg, hears), phone) in CALL.into_iter().zip(CALL.into_iter().rev()).zip(&phones) {
        let port = tokens.pop_front().unwrap().port;
        ports.push(port);
        assert!(workers.command(0, Command::Open { leg, port }));
        let payloads = Payloads { codec: Codec::Pcma, codec_pt: 8, dtmf_pt: None };
        let rtp = Some(phone.local_addr().unwrap());
        let remote = Remote { rtp, rtcp: None, payloads, sends: true, receives: true, ptime_ms: 20 };
        assert!(workers.command(0, Command::Remote { leg, remote, latch: Latch::Signalled }));
        assert!(workers.command(0, Command::Hear { leg, hears: Hears::Leg(hears) }));
    }
    while !next_tokens(&told, &mut tokens) {}

    // Meanwhile the call goes on.
    let mut packet = [0x55; 172];
    let [one, other] = &phones;
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = [0; 256];
    for sequence in 0..25_u8 {
        packet.get_mut(..4).unwrap().copy_from_slice(&[0x80, 8, 0, sequence]);
        packet.get_mut(4..8).unwrap().copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        one.send_to(&packet, ("127.0.0.1", *ports.first().unwrap())).unwrap();
        assert_eq!(other.recv(&mut heard).unwrap(), 172);
    }
    // Binding is tried again after a second: nothing comes of it, and the worker rests before and after. One that spins would not rest at all,
    // and one that tries without end would rest at every try.
    let (before, began) = (rests(&mut status), Instant::now());
    while let Some(rest) = Duration::from_millis(1_500).checked_sub(began.elapsed()) {
        let told = told.recv_timeout(rest);
        assert!(matches!(told, Err(_) | Ok(FromWorker::Event(_))), "{told:?}");
    }
    let rests = rests(&mut status) - before;
    assert!((1..=50).contains(&rests), "{rests}: it spins");

    // Descriptors are back, and so is the stock.
    taken.clear();
    while tokens.len() < 4 {
        next_tokens(&told, &mut tokens);
    }
    workers.stop();
}
