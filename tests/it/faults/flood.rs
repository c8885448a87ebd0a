//! FT-12: a hundred thousand requests that belong to nothing, and two thousand connections that say half a message. What they cost is bounded, and
//! is given back; a call that is up does not notice.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use tests::{
    Server,
    raw::{Message, token},
    server::Settings,
    wait,
};

use super::{CALLS, Calls, cdrs, metric, metrics};
use crate::world::{self, SOON};

const REQUESTS: u32 = 100_000;
/// So many fit into a socket's queue.
const BATCH: u32 = 100;
const CONNECTIONS: u32 = 2_000;
/// Addresses from which they come, so that the limits of one address are not all that holds.
const SOURCES: u8 = 20;
/// While it lasts: twice what the server used before, and this much.
const BUDGET_KIB: u64 = 64 << 10;
/// What a second flood may take beyond the first.
const AGAIN_KIB: u64 = 8 << 10;
/// 64*T1, a minute of half messages, and a little.
const AFTER: Duration = Duration::from_secs(75);

#[test]
fn a_quiet_server_tells_what_its_sockets_count() -> Result<()> {
    world::with_hub_and(Settings::default(), 2, |server, _, _| {
        let streams = (0..3).map(|_| TcpStream::connect(server.sip())).collect::<Result<Vec<_>, _>>()?;
        wait::until("connections that say nothing to be told", SOON, || {
            Ok((metric(server, "cordboard_sip_streams")? >= 3.0).then_some(()))
        })?;
        drop(streams);
        wait::until("their end to be told", SOON, || Ok((metric(server, "cordboard_sip_streams")? < 1.0).then_some(())))
    })
}

#[test]
fn a_flood_is_bounded_and_forgotten() -> Result<()> {
    world::with_hub_and(Settings::default(), 22, |server, admin, accounts| {
        let calls = Calls::begin(server, accounts)?;
        let idle = server.usage()?;

        let sockets: Vec<UdpSocket> =
            (1..=SOURCES).map(|host| UdpSocket::bind((Ipv4Addr::new(127, 0, 3, host), 0))).collect::<Result<_, _>>()?;
        let first = flood(server, &calls, &sockets)?;
        // Metrics are brought up to date every second or so.
        let counted = || -> Result<(f64, f64)> {
            Ok((metric(server, "cordboard_sip_received_total")?, metrics(server, "cordboard_sip_guard_dropped")?))
        };
        let (read, dropped) = wait::until("all requests to be counted", SOON, || {
            Ok(Some(counted()?).filter(|(read, dropped)| read + dropped >= f64::from(REQUESTS) * 0.9))
        })
        .with_context(|| format!("{:?} were read, and dropped by the guard", counted()))?;
        calls.talk_on("in the flood")?;

        let streams = half_messages(server)?;
        let peak = first.max(server.usage()?.rss_kib);
        calls.talk_on("with half messages")?;
        wait::until("the streams to be seen", SOON, || {
            Ok((metric(server, "cordboard_sip_streams")? >= f64::from(CONNECTIONS) * 0.9).then_some(()))
        })
        .with_context(|| format!("{:?} streams", metric(server, "cordboard_sip_streams")))?;
        ensure!(peak <= 2 * idle.rss_kib + BUDGET_KIB, "from {} KiB up to {peak} KiB", idle.rss_kib);

        // B-37: they are closed by the server, not by us.
        wait::until("the half messages to be given up", AFTER, || Ok((metric(server, "cordboard_sip_streams")? < 1.0).then_some(())))?;
        drop(streams);
        calls.register()?;
        calls.hang_up()?;
        cdrs(admin, CALLS)?;
        let mut after = server.usage()?;
        wait::until("memory and descriptors to be given back", AFTER, || {
            after = server.usage()?;
            Ok((after.rss_kib <= idle.rss_kib * 11 / 10 && after.descriptors <= idle.descriptors).then_some(()))
        })
        .with_context(|| format!("idle {idle:?}, peak {peak} KiB, after {after:?}"))?;
        // What tables keep, they keep once: a second flood finds room in what the first one took.
        let again = Calls::begin(server, accounts)?;
        let second = flood(server, &again, &sockets)?;
        ensure!(second <= peak + AGAIN_KIB, "a second flood takes more: from {peak} to {second} KiB");
        show(&format!(
            "FT-12: {read} messages read, {dropped} dropped by the guard; idle {} KiB, peak {peak} KiB, after {} KiB",
            idle.rss_kib, after.rss_kib
        ));
        ensure!(server.logged("panicked").is_none(), "{:?}", server.logged("panicked"));
        Ok(())
    })
}

/// All the requests, once. Gives the most memory that the server used meanwhile, in KiB.
fn flood(server: &Server, calls: &Calls, sockets: &[UdpSocket]) -> Result<u64> {
    // A phone that asks in between, and is answered, shows that what came before was read and not lost in the kernel's queue.
    let phone = &calls.pairs.first().context("a pair")?.caller;
    let here = format!("sip:{}", server.sip());
    let mut peak = 0;
    for (number, socket) in (0..REQUESTS).zip(sockets.iter().cycle()) {
        socket.send_to(&bogus(number), server.sip())?;
        if number % BATCH == 0 {
            ensure!(phone.exchange(&phone.request("OPTIONS", &here, &here))?.status() == Some(200), "after {number} requests");
        }
        if number % 5_000 == 0 {
            peak = peak.max(server.usage()?.rss_kib);
        }
    }
    Ok(peak.max(server.usage()?.rss_kib))
}

#[expect(clippy::print_stdout, reason = "the figures are what a person runs this for; cargo shows them with --nocapture")]
fn show(text: &str) {
    println!("{text}");
}

/// Something that begins a dialog, or claims to belong to one.
fn bogus(number: u32) -> Vec<u8> {
    let method = ["INVITE", "SUBSCRIBE", "BYE", "REGISTER", "OPTIONS", "NOTIFY"].get(number as usize % 6).copied().unwrap_or("INVITE");
    let to = if number.is_multiple_of(4) { "<sip:6001@127.0.0.1>;tag=none" } else { "<sip:6001@127.0.0.1>" };
    Message::new(format!("{method} sip:6001@127.0.0.1 SIP/2.0"))
        .with("Via", format!("SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number}"))
        .with("Max-Forwards", "70")
        .with("From", format!("<sip:x{number}@127.0.0.1>;tag={number}"))
        .with("To", to)
        .with("Call-ID", format!("{number}.{}", token()))
        .with("CSeq", format!("1 {method}"))
        .with("Contact", "<sip:x@127.0.0.1:9>")
        .bytes()
}

/// Streams from several addresses, each with the beginning of a request.
fn half_messages(server: &Server) -> Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    for number in 0..CONNECTIONS {
        let host = u8::try_from(number % u32::from(SOURCES))? + 1;
        let descriptor = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&descriptor, &SocketAddr::from((Ipv4Addr::new(127, 0, 4, host), 0)))?;
        connect(&descriptor, &server.sip()).with_context(|| format!("connection {number}"))?;
        let mut stream = TcpStream::from(descriptor);
        stream.set_write_timeout(Some(SOON))?;
        // One that is refused is closed at once: that is the limit at work.
        let _ = stream.write_all(b"INVITE sip:6001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK");
        streams.push(stream);
    }
    Ok(streams)
}
