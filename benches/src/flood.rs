//! Bogus packets from a thousand sources, while phones register and call as always: what is lost of theirs, and what it costs.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::{
    generate::phones::{Offer, Phones, Tally, Work},
    numbers::{permille, real},
    peers::ours::Ours,
    report::Figure,
    usage::Usage,
    work::Row,
};

/// Slots: half of them call the others.
const HUBS: [u16; 1] = [400];
const MEDIA_PORTS: u16 = 3_000;
/// What legitimate phones do meanwhile, a second: as much as a centre of some hundred people does.
const CALLS: u32 = 20;
const REGISTRATIONS: u32 = 50;
/// How long their calls last.
const TALK: Duration = Duration::from_secs(1);
/// So many addresses of 127.0.16.0/22 the flood comes from, all at once.
const SOURCES: u16 = 1_000;
/// The flood is sent in portions, this far apart.
const PORTION: Duration = Duration::from_millis(1);
/// A flood that comes to less than this part of what was promised proves nothing.
const OFFERED_LEAST: f64 = 0.95;

/// Offers `row.amount` bogus packets a second for `span`, and the same legitimate work without and with them. Whatever of that work is lost in
/// the flood is a fault of the row.
pub(crate) fn measure(row: &Row, span: Duration, tell: fn(&str)) -> Result<Figure> {
    let ours = Ours::start(false, &HUBS, MEDIA_PORTS)?;
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    let mut phones = Phones::new(ours.sip(), &ours.accounts, sink.local_addr()?)?;
    phones.register_all(500)?;
    let (mut quiet, before) = turn(&ours, &mut phones, span)?;
    tell(&format!("{}: quiet: {} of {} done", row.name, quiet.done, quiet.offered));
    let flood = Flood::begin(ours.sip(), row.amount)?;
    let began = Instant::now();
    let (mut flooded, during) = turn(&ours, &mut phones, span)?;
    let lasted = began.elapsed();
    let sent = flood.end()?;
    let offered = real(sent) / lasted.as_secs_f64();
    tell(&format!("{}: flooded by {offered:.0} packets a second: {} of {} done", row.name, flooded.done, flooded.offered));
    ensure!(offered >= f64::from(row.amount) * OFFERED_LEAST, "only {offered:.0} packets a second were sent");

    let added = |tally: &mut Tally| permille(&mut tally.through, 990).map(|nanoseconds| real(nanoseconds) / 1e6).context("no call");
    let lost: u64 = flooded.failures.values().sum();
    Ok(Figure {
        name: row.name.to_owned(),
        what: format!(
            "of {} calls and registrations lost beside {offered:.0} bogus packets a second from {SOURCES} sources",
            flooded.offered
        ),
        text: format!(
            "{lost} lost (aim 0); INVITE in to INVITE out p99 {:.2} ms, without the flood {:.2} ms; processor {:.0} %, without {:.0} %; RSS {:.1} MB, without {:.1} MB",
            added(&mut flooded)?,
            added(&mut quiet)?,
            during.cpu * 100.0,
            before.cpu * 100.0,
            real(during.resident) / 1e6,
            real(before.resident) / 1e6,
        ),
        of_aim: real(lost),
        faults: flooded.failures.iter().map(|(what, count)| format!("{count} × {what}")).collect(),
    })
}

/// What a turn took of the server.
struct Took {
    /// Part of one processor.
    cpu: f64,
    /// Octets at its end.
    resident: u64,
}

/// Legitimate work for `span`.
fn turn(ours: &Ours, phones: &mut Phones, span: Duration) -> Result<(Tally, Took)> {
    let count = |rate: u32| Ok::<_, anyhow::Error>(usize::try_from(u64::from(rate) * span.as_secs())?);
    let offers = [
        Offer { work: Work::Call { talk: Some(TALK) }, rate: CALLS, count: count(CALLS)?, first: 0 },
        Offer { work: Work::Register, rate: REGISTRATIONS, count: count(REGISTRATIONS)?, first: 0 },
    ];
    let before = Usage::of_tree(ours.pid())?;
    let tally = phones.run_all(&offers, span, &mut |_| Ok(()))?;
    let after = Usage::of_tree(ours.pid())?;
    let cpu = after.cpu_since(&before)?.as_secs_f64() / (after.at - before.at).as_secs_f64();
    Ok((tally, Took { cpu, resident: after.resident }))
}

/// A flood that goes on until it is ended.
struct Flood {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<u64>>,
}

impl Flood {
    /// Begins to send so many packets a second to the server.
    fn begin(to: SocketAddr, rate: u32) -> Result<Self> {
        let [high, low] = 4096_u16.to_be_bytes();
        let base = u32::from(Ipv4Addr::new(127, 0, high, low));
        let sockets: Vec<UdpSocket> = (1..=u32::from(SOURCES))
            .map(|at| {
                let socket = UdpSocket::bind((Ipv4Addr::from(base + at), 0))?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            })
            .collect::<Result<_>>()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let mut sent = 0_u64;
            let mut from = sockets.iter().cycle();
            while !ends.load(Ordering::Relaxed) {
                let due = began.elapsed().as_nanos() * u128::from(rate) / 1_000_000_000;
                while u128::from(sent) < due {
                    let socket = from.next().context("no sockets")?;
                    // A full queue is the kernel's; it is not counted as sent.
                    if socket.send_to(&bogus(sent, to, socket.local_addr()?), to).is_err() {
                        break;
                    }
                    sent += 1;
                }
                thread::park_timeout(PORTION);
            }
            Ok(sent)
        });
        Ok(Self { is_over, thread })
    }

    /// Ends it; gives how many packets were sent.
    fn end(self) -> Result<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the flood fell over"))?
    }
}

/// What scanners and worse send: requests of strangers, wrong passwords, responses to nothing, and no SIP at all.
fn bogus(number: u64, to: SocketAddr, from: SocketAddr) -> Vec<u8> {
    let request = |method: &str, uri: &str, more: &str| {
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number:x};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@{from}>;tag={number:x}\r\nTo: <{uri}>\r\nCall-ID: {number:x}@{from}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:{number}@{from}>\r\n{more}Content-Length: 0\r\n\r\n"
        )
        .into_bytes()
    };
    let credentials = "Authorization: Digest username=\"6001\", realm=\"bench\", nonce=\"0123456789abcdef\", uri=\"sip:127.0.0.1\", \
         response=\"0123456789abcdef0123456789abcdef\"\r\n";
    match number % 8 {
        0 | 1 => request("REGISTER", &format!("sip:{to}"), ""),
        2 => request("REGISTER", &format!("sip:{to}"), credentials),
        3 => request("INVITE", &format!("sip:00442079460000@{to}"), ""),
        4 => request("OPTIONS", &format!("sip:100@{to}"), "User-Agent: friendly-scanner\r\n"),
        5 => request("INVITE", &format!("sip:{number}@example.com"), ""),
        6 => format!("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {to};branch=z9hG4bK{number:x}\r\nCSeq: 1 INVITE\r\n\r\n").into_bytes(),
        _ => number.to_be_bytes().repeat(8),
    }
}
