//! Streams of sound both ways through a relay: each packet says when it was sent, and is counted at the far end.

use std::{
    io::IoSlice,
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};

use super::wire::{Stamp, Wire, now};
use crate::peers::block;

/// G.711, 20 ms: twelve octets of header and 160 of sound (RFC 3550, RFC 3551).
const HEADER: usize = 12;
const PACKET: usize = HEADER + 160;
const PACKET_MS: u64 = 20;
/// The calls are spread evenly over the 20 ms: in each millisecond, one twentieth of them speaks, both sides.
const TICK: Duration = Duration::from_millis(1);
const PHASES: usize = 20;
/// Two sockets a phase: one for each side. More calls share a socket than a phone would ever have; the relay cannot know.
const SIDES: usize = 2;
/// The most calls of one phase.
const CALLS_MAX: usize = 256;
/// Until relays know their sources, and processors their work.
const WARM_UP: Duration = Duration::from_millis(2_000);
/// Packets that arrive later than this after the last was sent are lost.
const PATIENCE: Duration = Duration::from_millis(500);
/// What tells our packets from others.
const MAGIC: u32 = 0xC0_4D_B0_A4;

/// What became of the packets of the measured span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// Given to the kernel, from one side and the other.
    pub(crate) sent: [u64; SIDES],
    /// Arrived at the far side of each.
    pub(crate) arrived: [u64; SIDES],
    /// From sending to arrival, in nanoseconds.
    pub(crate) added: Vec<u64>,
    /// By how much each millisecond's packets were sent too late, in nanoseconds.
    pub(crate) lateness: Vec<u64>,
}

impl Heard {
    /// Packets that were sent and never came.
    pub(crate) fn lost(&self) -> u64 {
        self.sent.iter().sum::<u64>().saturating_sub(self.arrived.iter().sum())
    }
}

struct Stream {
    /// Where each side sends.
    remotes: [SockaddrIn; SIDES],
    packets: [[u8; PACKET]; SIDES],
    sequence: u16,
    clock: u32,
}

/// All streams and their sockets.
pub(crate) struct Streams {
    wire: Wire,
    /// Bound so that nobody's reports meet a closed port; never read.
    _reports: Vec<UdpSocket>,
    locals: Vec<SocketAddr>,
    streams: Vec<Stream>,
    /// Which run this is, modulo 256: what is left over from the last one does not count.
    turn: u8,
    headers: MultiHeaders<SockaddrIn>,
}

impl Streams {
    /// Binds the sockets.
    pub(crate) fn new() -> Result<Self> {
        let block = block(u16::try_from(PHASES * SIDES * 2)?)?;
        let (mut sockets, mut reports, mut locals) = (Vec::new(), Vec::new(), Vec::new());
        for port in block {
            let socket = UdpSocket::bind(("127.0.0.1", port))?;
            if port % 2 == 0 {
                locals.push(socket.local_addr()?);
                sockets.push(socket);
            } else {
                reports.push(socket);
            }
        }
        Ok(Self {
            wire: Wire::new(sockets)?,
            _reports: reports,
            locals,
            streams: Vec::new(),
            turn: 0,
            headers: MultiHeaders::preallocate(CALLS_MAX, None),
        })
    }

    /// Where the two sides of a call want their sound.
    pub(crate) fn locals(&self, call: usize) -> Result<(SocketAddr, SocketAddr)> {
        let first = call % PHASES * SIDES;
        let local = |at: usize| self.locals.get(at).copied().context("a socket");
        Ok((local(first)?, local(first + 1)?))
    }

    /// Which calls there are from now on: where the two sides of each send their sound.
    pub(crate) fn connect(&mut self, remotes: &[(SocketAddr, SocketAddr)]) -> Result<()> {
        anyhow::ensure!(remotes.len() <= PHASES * CALLS_MAX, "too many calls");
        self.streams.clear();
        for (call, (one, other)) in remotes.iter().enumerate() {
            let remotes = [sockaddr(*one)?, sockaddr(*other)?];
            let mut packets = [[0xD5; PACKET]; SIDES];
            for (side, packet) in packets.iter_mut().enumerate() {
                let source = u32::try_from(call * SIDES + side + 1)?;
                write(packet, 0, &[0x80, 0]);
                write(packet, 8, &source.to_be_bytes());
                write(packet, HEADER, &MAGIC.to_be_bytes());
                write(packet, HEADER + 4, &[u8::try_from(side)?]);
            }
            self.streams.push(Stream { remotes, packets, sequence: 0, clock: 0 });
        }
        Ok(())
    }

    /// Speaks for a while, and calls `look` at both ends of the span that counts.
    pub(crate) fn run<T>(&mut self, span: Duration, mut look: impl FnMut() -> Result<T>) -> Result<(Heard, T, T)> {
        self.turn = self.turn.wrapping_add(1);
        let mut heard = Heard::default();
        let began = Instant::now();
        let ticks = |span: Duration| u32::try_from(span.as_millis()).context("a span of hours");
        // A whole number of turns, so that every stream has the same number of packets.
        let (first, last) = (ticks(WARM_UP)?, ticks(WARM_UP)? + ticks(span)?);
        let mut before = None;
        for tick in 0..last {
            let due = began + TICK * tick;
            while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                self.listen(left, &mut heard)?;
            }
            if tick == first {
                before = Some(look()?);
            }
            let counts = tick >= first;
            let late = due.elapsed();
            self.speak(usize::try_from(tick)? % PHASES, counts.then_some(&mut heard))?;
            if counts {
                heard.lateness.push(u64::try_from(late.as_nanos())?);
            }
        }
        let end = Instant::now() + Duration::from_millis(PACKET_MS);
        self.listen_until(end, &mut heard)?;
        let after = look()?;
        self.listen_until(end + PATIENCE, &mut heard)?;
        // A generator that did not get the processor finds them waiting.
        while self.listen(Duration::ZERO, &mut heard)? > 0 && end.elapsed() < 4 * PATIENCE {}
        Ok((heard, before.context("no span")?, after))
    }

    fn listen_until(&mut self, end: Instant, heard: &mut Heard) -> Result<()> {
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.listen(left, heard)?;
        }
        Ok(())
    }

    /// One packet of each side of each call of a phase.
    fn speak(&mut self, phase: usize, mut heard: Option<&mut Heard>) -> Result<()> {
        let (counts, turn) = (u8::from(heard.is_some()), self.turn);
        for side in 0..SIDES {
            let stamp = now();
            let (mut slices, mut remotes) = (Vec::with_capacity(CALLS_MAX), Vec::with_capacity(CALLS_MAX));
            for stream in self.streams.iter_mut().skip(phase).step_by(PHASES) {
                let Stream { remotes: to, packets, sequence, clock } = stream;
                if side == 0 {
                    *sequence = sequence.wrapping_add(1);
                    *clock = clock.wrapping_add(160);
                }
                let (Some(packet), Some(to)) = (packets.get_mut(side), to.get(side)) else { continue };
                write(packet, 2, &sequence.to_be_bytes());
                write(packet, 4, &clock.to_be_bytes());
                write(packet, HEADER + 5, &[counts, turn]);
                write(packet, HEADER + 8, &stamp.to_be_bytes());
                slices.push([IoSlice::new(packet)]);
                remotes.push(Some(*to));
            }
            if slices.is_empty() {
                continue;
            }
            let socket = self.wire.sockets().get(phase * SIDES + side).context("a socket")?;
            let sent =
                sendmmsg(socket.as_raw_fd(), &mut self.headers, &slices, &remotes, [], MsgFlags::empty()).context("sendmmsg")?.count();
            if let Some(count) = heard.as_deref_mut().and_then(|heard| heard.sent.get_mut(side)) {
                *count += u64::try_from(sent)?;
            }
        }
        Ok(())
    }

    fn listen(&mut self, patience: Duration, heard: &mut Heard) -> Result<u64> {
        let (turn, mut count) = (self.turn, 0);
        self.wire.wait(patience, |_, datagram| {
            count += 1;
            let Some(body) = datagram.octets.get(HEADER..) else { return };
            let [m1, m2, m3, m4, side, 1, of, _, s1, s2, s3, s4, s5, s6, s7, s8, ..] = body else { return };
            if u32::from_be_bytes([*m1, *m2, *m3, *m4]) != MAGIC || *of != turn || datagram.octets.len() != PACKET {
                return;
            }
            let sent = Stamp::from_be_bytes([*s1, *s2, *s3, *s4, *s5, *s6, *s7, *s8]);
            // A packet that comes back to where it came from has not arrived.
            if datagram.socket % SIDES != usize::from(*side)
                && let Some(count) = heard.arrived.get_mut(usize::from(*side))
            {
                *count += 1;
                heard.added.push(datagram.at.saturating_sub(sent));
            }
        })?;
        Ok(count)
    }
}

fn write(packet: &mut [u8; PACKET], at: usize, octets: &[u8]) {
    for (place, octet) in packet.iter_mut().skip(at).zip(octets) {
        *place = *octet;
    }
}

fn sockaddr(address: SocketAddr) -> Result<SockaddrIn> {
    match address {
        SocketAddr::V4(address) => Ok(address.into()),
        SocketAddr::V6(_) => anyhow::bail!("IPv4 only: {address}"),
    }
}
