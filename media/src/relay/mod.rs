//! The core of a media worker: legs, and who hears whom.
//!
//! A packet of a phone goes through [`Relay::rtp`]: is it RTP, is it from the right source, what is it; it is counted, tapped, looked into for
//! digits, and then rewritten in place for the leg that hears it. Nothing is allocated on this way. Everything else goes through
//! [`Relay::handle`], [`Relay::wake`] and [`Relay::poll`]. What recordings are to have gathers until [`Relay::take_taps`].

mod command;
mod ears;
mod latch;
mod leg;
mod line;
mod orders;
mod reception;
mod table;
#[cfg(test)]
mod tests;
mod timers;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::Instant,
};

pub use command::{Command, Component, Forward, Hears, Latch, LegId, MediaEvent, Output, PacketBuf, RelayStats};
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

use self::{
    leg::{Kind, Timer},
    reception::Place,
    table::Table,
};
use crate::{
    TapFrames, ToneSet,
    dtmf::{Digit, Event},
    rtcp,
    rtp::Header,
    tone::Voices,
};

/// The most legs of one relay: as many as there are pairs of ports.
pub const LEGS_MAX: usize = 32_768;
/// The most legs that hear one leg.
const LISTENERS_MAX: usize = 8;
/// The most recordings of one leg at once.
const TAPS_MAX: usize = 4;
/// The most outputs that wait; beyond it packets are dropped and counted, while what call control must know is kept.
const OUTPUTS_MAX: usize = 65_536;

/// A recording that goes on.
#[derive(Debug)]
struct Recording {
    /// Where its time line begins.
    began: Instant,
    /// The slots that it taps, left and right.
    slots: [Option<u32>; 2],
}

/// One worker's legs. Both legs of a call are always in the same relay.
#[derive(Debug)]
pub struct Relay {
    legs: Table,
    /// Who waits to hear a leg that is not open yet.
    awaited: BTreeSet<(LegId, u32)>,
    recordings: BTreeMap<u64, Recording>,
    /// The slots of legs that hear a tone, and when its next packets are due.
    toning: BTreeSet<u32>,
    tone_tick: Option<Instant>,
    voices: Voices,
    timers: BTreeSet<(Instant, u32, Timer)>,
    outputs: Outputs,
    /// What was tapped since the last [`Self::take_taps`].
    tapped: TapFrames,
    random: ChaCha12Rng,
    /// When our NTP clock began: at the first input.
    began: Option<Instant>,
    stats: RelayStats,
}

impl Relay {
    /// A relay without legs. `seed` makes its source identifiers, sequence numbers and the times of its reports.
    #[must_use]
    pub fn new(seed: [u8; 32], tones: ToneSet) -> Self {
        Self {
            legs: Table::default(),
            awaited: BTreeSet::new(),
            recordings: BTreeMap::new(),
            toning: BTreeSet::new(),
            tone_tick: None,
            voices: Voices::new(tones),
            timers: BTreeSet::new(),
            outputs: Outputs::default(),
            tapped: TapFrames::default(),
            random: ChaCha12Rng::from_seed(seed),
            began: None,
            stats: RelayStats::default(),
        }
    }

    /// Carries out an order.
    pub fn handle(&mut self, now: Instant, command: Command) {
        self.began.get_or_insert(now);
        self.order(now, command);
    }

    /// A datagram on a leg's RTP port. If a leg hears it, it is rewritten in place for that one: own source identifier, sequence number, timestamp and
    /// payload type, A-law and µ-law converted, CSRCs, extension and padding dropped. None if it goes nowhere.
    pub fn rtp(&mut self, now: Instant, leg: LegId, from: SocketAddr, packet: &mut [u8]) -> Option<Forward> {
        let Some(slot) = self.legs.slot(leg) else {
            self.stats.unknown_leg += 1;
            return None;
        };
        self.rtp_at(now, slot, from, packet)
    }

    /// As [`Self::rtp`], for the leg in a slot: no look-up.
    #[inline]
    pub fn rtp_at(&mut self, now: Instant, slot: u32, from: SocketAddr, packet: &mut [u8]) -> Option<Forward> {
        let Some(leg) = self.legs.get_mut(slot) else {
            self.stats.unknown_leg += 1;
            return None;
        };
        // Who may send here comes first, so that a stranger's flood is cheap.
        let (Some(source), Some(remote)) = (&mut leg.source, &leg.remote) else {
            leg.stats.early += 1;
            return None;
        };
        if !source.admits(from) {
            leg.stats.foreign += 1;
            return None;
        }
        let valid = Header::read(packet).and_then(|header| Kind::of(&remote.payloads, header.payload_type).map(|kind| (header, kind)));
        let Some((header, kind)) = valid else {
            leg.stats.junk += 1;
            return None;
        };
        if source.learn(from) {
            self.outputs.push(Output::Connect { leg: leg.id, component: Component::Rtp, to: from });
        }

        leg.heard_at = Some(now);
        leg.stats.packets_in += 1;
        leg.stats.octets_in += u64::try_from(header.payload.len()).unwrap_or_default();
        let place = leg.reception.packet(now, &header, matches!(kind, Kind::Audio(_)));
        match kind {
            Kind::Audio(codec) => {
                if !leg.first_media_told {
                    leg.first_media_told = true;
                    self.outputs.push(Output::Event(MediaEvent::FirstMedia { leg: leg.id }));
                }
                let audio = packet.get(header.payload.clone()).unwrap_or_default();
                for tap in &mut leg.taps {
                    for frame in tap.frames(now, &header, place == Place::Late, codec, audio) {
                        self.stats.dropped += u64::from(!self.tapped.push(frame));
                    }
                }
            }
            Kind::Dtmf => {
                if let Some(event) = packet.get(header.payload.clone()).and_then(Event::read) {
                    let told = leg.digits.packet(now, header.ssrc, header.timestamp, event);
                    let due = leg.digits.due();
                    self.outputs.push_digits(leg.id, told);
                    // The timer runs on lazily: it looks again when it is due.
                    if let Some(due) = due
                        && leg.due.iter().zip(Timer::ALL).any(|(due, timer)| timer == Timer::Digit && due.is_none())
                    {
                        self.set_timer(slot, Timer::Digit, Some(due));
                    }
                }
            }
            Kind::ComfortNoise => {}
        }
        self.forward(now, slot, &header, kind, packet)
    }

    /// In which slot a leg is: a small number that no other open leg has, from its opening until it is closed.
    #[must_use]
    pub fn slot(&self, leg: LegId) -> Option<u32> {
        self.legs.slot(leg)
    }

    /// Whether anything was tapped that [`Self::take_taps`] has not given out.
    #[must_use]
    pub fn has_taps(&self) -> bool {
        !self.tapped.is_empty()
    }

    /// The pieces of recordings since this was last asked, in the order of their arrival. What is tapped beyond [`TAP_FRAMES_MAX`] pieces is
    /// dropped and counted.
    ///
    /// [`TAP_FRAMES_MAX`]: crate::TAP_FRAMES_MAX
    #[must_use]
    pub fn take_taps(&mut self) -> TapFrames {
        self.tapped.take()
    }

    /// A datagram on a leg's RTCP port.
    pub fn rtcp(&mut self, now: Instant, leg: LegId, from: SocketAddr, packet: &[u8]) {
        let elapsed = self.elapsed(now);
        let Some((_, leg)) = self.legs.find(leg) else {
            self.stats.unknown_leg += 1;
            return;
        };
        let Some(source) = leg.source.as_mut() else {
            leg.stats.early += 1;
            return;
        };
        if !source.admits_rtcp(from) {
            leg.stats.foreign += 1;
            return;
        }
        let Some(feedback) = rtcp::read(packet, leg.line.ssrc()) else {
            leg.stats.junk += 1;
            return;
        };
        if source.learn_rtcp(from) {
            self.outputs.push(Output::Connect { leg: leg.id, component: Component::Rtcp, to: from });
        }
        leg.stats.rtcp_in += 1;
        leg.take_feedback(now, elapsed, &feedback);
    }

    /// The time of [`Self::timeout`] has come.
    pub fn wake(&mut self, now: Instant) {
        self.tone_ticks(now);
        while let Some((due, slot, timer)) = self.timers.first().copied()
            && due <= now
        {
            self.set_timer(slot, timer, None);
            match timer {
                Timer::Rtcp => self.report(now, slot),
                Timer::Watch => self.look_for_silence(now, slot),
                Timer::Digit => self.look_for_digit(now, slot),
            }
        }
    }

    /// What is to be done next; ask until there is nothing left.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.queue.pop_front()
    }

    /// When [`Self::wake`] is due, and what for.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        let timer = self.timers.first().map(|(due, _, timer)| (*due, timer.name()));
        let tone = self.tone_tick.map(|due| (due, "tone"));
        timer.into_iter().chain(tone).min_by_key(|(due, _)| *due)
    }

    /// The relay's own numbers.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        RelayStats { legs: self.legs.len(), ..self.stats }
    }
}

/// What waits to be polled.
#[derive(Debug, Default)]
struct Outputs {
    queue: VecDeque<Output>,
}

impl Outputs {
    /// What must not be lost; there is at most one for each command, leg or digit.
    fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// A packet: dropped if too much waits. Tells how many were dropped.
    fn push_media(&mut self, output: Output) -> u64 {
        if self.queue.len() >= OUTPUTS_MAX {
            return 1;
        }
        self.queue.push_back(output);
        0
    }

    fn push_digits(&mut self, leg: LegId, digits: [Option<Digit>; 2]) {
        for Digit { digit, duration_ms } in digits.into_iter().flatten() {
            self.push(Output::Event(MediaEvent::Digit { leg, digit, duration_ms }));
        }
    }
}
