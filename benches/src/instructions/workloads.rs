//! The hot paths.

use std::{hint::black_box, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use media::{Codec, Command, Hears, Latch, LegId, Payloads, Relay, Remote, ToneSet};
use sip_core::{Admit, Frame, Framer, FramerLimits, Guard, GuardSettings, Message};

use crate::desk::{Counts, Desk, beginning, description};

/// A path that is counted.
pub(crate) struct Workload {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Turns whose cost is counted.
    pub(crate) turns: u64,
    /// Runs so many turns.
    pub(crate) run: fn(u64) -> Result<()>,
}

/// All of them.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload { name: "parse-invite", turns: 1_000, run: parse },
    Workload { name: "frame-invite", turns: 1_000, run: frame },
    Workload { name: "guard", turns: 1_000, run: guard },
    Workload { name: "register", turns: 100, run: |turns| desk(turns, |desk| desk.register(true)) },
    Workload { name: "route-invite", turns: 100, run: |turns| desk(turns, |desk| phones_and_call(desk, Counts::Route)) },
    Workload { name: "call", turns: 100, run: |turns| desk(turns, |desk| phones_and_call(desk, Counts::Call)) },
    Workload { name: "relay-packet", turns: 2_000, run: relay },
];

/// Only what happens in here is counted: callgrind knows it by its name.
#[inline(never)]
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

fn desk(turns: u64, mut turn: impl FnMut(&mut Desk) -> Result<()>) -> Result<()> {
    let mut desk = Desk::new()?;
    (0..turns).try_for_each(|_| turn(&mut desk))
}

/// Phones with fresh bindings and nonces, and a call between them.
fn phones_and_call(desk: &mut Desk, counts: Counts) -> Result<()> {
    desk.register(false)?;
    desk.call(counts)
}

/// An INVITE as phones write them: 18 headers and a body.
fn invite() -> Bytes {
    let body = description("192.0.2.10");
    Bytes::from(format!(
        "INVITE sip:6002@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK-524287-1---0e7d8c2f\r\nMax-Forwards: 70\r\n\
         From: \"An Operator\" <sip:6001@pbx.test;transport=UDP>;tag=a83c71f0\r\nTo: \"6002\" <sip:6002@pbx.test>\r\n\
         Call-ID: 6V3jYz0bq2h8mXo1@192.0.2.10\r\nCSeq: 2 INVITE\r\nContact: <sip:6001@192.0.2.10:5060;transport=UDP;ob>\r\n\
         Route: <sip:192.0.2.1;lr>\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, UPDATE\r\n\
         Supported: replaces, timer, 100rel, norefersub\r\nSession-Expires: 1800\r\nMin-SE: 90\r\nAccept-Language: en\r\nPrivacy: none\r\n\
         P-Preferred-Identity: <sip:6001@pbx.test>\r\nUser-Agent: A Phone 5.4.11 (build 2)\r\n\
         Authorization: Digest username=\"6001\", realm=\"bench\", nonce=\"00112233445566778899aabbccddeeff\", uri=\"sip:6002@pbx.test\", \
         response=\"6629fae49393a05397450978507c4ef1\", algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The message, and the fields that every one is asked for.
fn parse(turns: u64) -> Result<()> {
    let invite = invite();
    for _ in 0..turns {
        let datagram = invite.clone();
        let sum = measured(|| {
            let message = Message::parse(datagram).ok()?;
            let fields = (message.via().is_ok(), message.from().is_ok(), message.to().is_ok(), message.contacts().is_ok());
            Some((fields, message.cseq().ok()?.number, message.call_id().ok()?.len(), message.max_forwards().ok()?, message.body().len()))
        });
        let (fields, ..) = sum.context("the INVITE is refused")?;
        ensure!(fields == (true, true, true, true), "the INVITE's fields are refused: {fields:?}");
    }
    Ok(())
}

/// The same out of a stream, in two reads.
fn frame(turns: u64) -> Result<()> {
    let invite = invite();
    let (one, two) = invite.split_at_checked(invite.len() / 2).context("two halves")?;
    let mut framer = Framer::new(FramerLimits::default());
    for _ in 0..turns {
        let frame = measured(|| {
            framer.feed(one);
            let none = framer.next().is_none();
            framer.feed(two);
            framer.next().filter(|_| none)
        });
        ensure!(matches!(frame, Some(Frame::Message(whole)) if whole == invite), "the frame differs");
    }
    Ok(())
}

/// A datagram of one source among a hundred, never too many.
fn guard(turns: u64) -> Result<()> {
    let mut now = beginning();
    let settings = GuardSettings { new_per_s: 500, new_burst: 2_000, inside_per_s: 5_000, inside_burst: 10_000, sources_max: 65_536 };
    let mut guard = Guard::new(settings, [1; 16]);
    let invite = invite();
    for turn in 0..turns {
        now += Duration::from_millis(1);
        let source = SocketAddr::from(([10, 0, 0, u8::try_from(turn % 100)?], 5060)).ip();
        let admit = measured(|| guard.admit(now, source, &invite));
        ensure!(admit == Admit::New, "{admit:?}");
    }
    Ok(())
}

/// A packet of sound from one leg to another.
fn relay(turns: u64) -> Result<()> {
    let mut now = beginning();
    let mut relay = Relay::new([7; 32], ToneSet::by_country("ru").context("tones")?);
    let phone = |leg: u64| SocketAddr::from(([10, 0, 0, u8::try_from(leg).unwrap_or_default()], 4000));
    for leg in [1, 2] {
        let remote =
            Remote { rtp: Some(phone(leg)), rtcp: None, payloads: Payloads::of(Codec::Pcmu), sends: true, receives: true, ptime_ms: 20 };
        relay.handle(now, Command::Open { leg: LegId(leg), port: 30_000 });
        relay.handle(now, Command::Remote { leg: LegId(leg), remote, latch: Latch::Signalled });
        relay.handle(now, Command::Hear { leg: LegId(leg), hears: Hears::Leg(LegId(3 - leg)) });
    }
    let mut packet = [0xD5_u8; 172];
    for turn in 0..turns {
        now += Duration::from_millis(20);
        let sequence = u16::try_from(turn & 0xFFFF)?;
        let clock = u32::try_from(turn)?.wrapping_mul(160);
        for (place, octet) in packet.iter_mut().zip([&[0x80, 0][..], &sequence.to_be_bytes(), &clock.to_be_bytes(), &[1, 2, 3, 4]].concat())
        {
            *place = octet;
        }
        let forward = measured(|| relay.rtp(now, LegId(1), phone(1), &mut packet));
        ensure!(forward.is_some() || turn < 100, "the packet was not relayed");
        // Reports and whatever else is due: not part of a packet's way.
        while relay.timeout().is_some_and(|(at, _)| at <= now) {
            relay.wake(now);
        }
        while relay.poll().is_some() {}
    }
    Ok(())
}
