//! The orders of call control.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha12Rng;
use rand_core::RngCore;

use super::{
    LEGS_MAX, Recording, Relay, TAPS_MAX,
    command::{Command, Hears, Latch, LegId, MediaEvent, Output},
    latch::Source,
    leg::{Ears, Leg, Timer, Watch},
    line::Line,
    timers::rtcp_interval,
};
use crate::{Channel, Remote, rtcp::CNAME_LENGTH, tap::Tap};

impl Relay {
    pub(super) fn order(&mut self, now: Instant, command: Command) {
        match command {
            Command::Open { leg, port } => self.open(leg, port),
            Command::Remote { leg, remote, latch } => self.remote(now, leg, remote, latch),
            Command::Hear { leg, hears } => self.hear(now, leg, hears),
            Command::Watch { leg, silent_after } => self.watch(now, leg, silent_after),
            Command::Record { recording, left, right } => self.record(now, recording, left, right),
            Command::Tap { recording, channel, leg } => self.tap(recording, channel, leg),
            Command::StopRecord { recording } => self.stop_record(recording),
            Command::Close { leg } => self.close(now, leg),
        }
    }

    fn open(&mut self, leg: LegId, port: u16) {
        if self.legs.slot(leg).is_some() {
            self.stats.refused += 1;
            return;
        }
        if self.legs.len() >= LEGS_MAX {
            self.stats.refused += 1;
            self.outputs.push(Output::Closed { leg, port });
            return;
        }
        let (ssrc, sequence, timestamp) = (self.random.next_u32(), self.random.next_u32(), self.random.next_u32());
        let line = Line::new(ssrc, sequence as u16, timestamp);
        let slot = self.legs.insert(Leg::new(leg, port, line, cname(&mut self.random)));
        let waiting: Vec<u32> = self.awaited.range((leg, 0)..=(leg, u32::MAX)).map(|(_, listener)| *listener).collect();
        for listener in waiting {
            self.awaited.remove(&(leg, listener));
            self.link(listener, slot);
        }
    }

    fn remote(&mut self, now: Instant, leg: LegId, remote: Remote, latch: Latch) {
        let Some((slot, leg)) = self.legs.find(leg) else {
            self.stats.unknown_leg += 1;
            return;
        };
        let source = match &leg.source {
            Some(source) => source.again(latch, remote.rtp, remote.rtcp),
            None => Source::new(latch, remote.rtp, remote.rtcp),
        };
        let before = leg.source.replace(source);
        leg.remote = Some(remote);
        match before {
            Some(before) if before.is_connected() => self.outputs.push(Output::Disconnect { leg: leg.id }),
            Some(_) => {}
            None => {
                let due = now + rtcp_interval(&mut self.random);
                self.set_timer(slot, Timer::Rtcp, Some(due));
            }
        }
    }

    fn hear(&mut self, now: Instant, leg: LegId, hears: Hears) {
        let Some((slot, leg)) = self.legs.find(leg) else {
            self.stats.unknown_leg += 1;
            return;
        };
        // Often the order at the answer names whom the leg hears already, by early media: that goes on without a seam.
        if matches!(hears, Hears::Leg(far) if leg.ears.playing.is_none() && leg.ears.far == Some(far)) {
            return;
        }
        leg.line.pause();
        self.unlink(slot);
        let Some(leg) = self.legs.get_mut(slot) else { return };
        leg.ears = Ears::new(hears);
        if leg.ears.playing.is_some() {
            self.toning.insert(slot);
            self.tone_tick.get_or_insert(now);
        } else {
            self.stop_tone(slot);
        }
        let Some(far) = self.legs.get(slot).and_then(|leg| leg.ears.far) else { return };
        match self.legs.slot(far) {
            Some(far) => self.link(slot, far),
            // Orders of one batch may come in either order: the far leg is heard once it is open.
            None => {
                self.awaited.insert((far, slot));
            }
        }
    }

    fn watch(&mut self, now: Instant, leg: LegId, silent_after: Option<Duration>) {
        let Some((slot, leg)) = self.legs.find(leg) else {
            self.stats.unknown_leg += 1;
            return;
        };
        leg.watch = silent_after.map(|silent_after| Watch { since: now, silent_after, told: false });
        let due = leg.silent_at();
        self.set_timer(slot, Timer::Watch, due);
    }

    fn record(&mut self, now: Instant, recording: u64, left: LegId, right: LegId) {
        if self.recordings.contains_key(&recording) {
            self.stats.refused += 1;
            return;
        }
        let slots = [(left, Channel::Left), (right, Channel::Right)].map(|(leg, channel)| {
            let Some((slot, leg)) = self.legs.find(leg) else {
                self.stats.unknown_leg += 1;
                return None;
            };
            if leg.taps.len() >= TAPS_MAX {
                self.stats.refused += 1;
                return None;
            }
            leg.taps.push(Tap::new(now, recording, channel));
            Some(slot)
        });
        if slots.iter().any(Option::is_some) {
            self.recordings.insert(recording, Recording { began: now, slots });
        }
    }

    fn tap(&mut self, recording: u64, channel: Channel, leg: LegId) {
        let Some(Recording { began, slots: [left, right] }) = self.recordings.get_mut(&recording) else {
            self.stats.refused += 1;
            return;
        };
        let Some((slot, leg)) = self.legs.find(leg) else {
            self.stats.unknown_leg += 1;
            return;
        };
        let place = if channel == Channel::Left { left } else { right };
        if *place == Some(slot) {
            return;
        }
        if leg.taps.len() >= TAPS_MAX {
            self.stats.refused += 1;
            return;
        }
        leg.taps.push(Tap::new(*began, recording, channel));
        if let Some(before) = place.replace(slot).and_then(|before| self.legs.get_mut(before)) {
            before.taps.retain(|tap| (tap.recording(), tap.channel()) != (recording, channel));
        }
    }

    fn stop_record(&mut self, recording: u64) {
        let Some(known) = self.recordings.remove(&recording) else {
            self.stats.refused += 1;
            return;
        };
        for slot in known.slots.into_iter().flatten() {
            if let Some(leg) = self.legs.get_mut(slot) {
                leg.taps.retain(|tap| tap.recording() != recording);
            }
        }
    }

    fn close(&mut self, now: Instant, leg: LegId) {
        let Some(slot) = self.legs.slot(leg) else {
            self.stats.unknown_leg += 1;
            return;
        };
        if let Some(leg) = self.legs.get_mut(slot)
            && let Some(digit) = leg.digits.finish(now)
        {
            self.outputs.push_digits(leg.id, [Some(digit), None]);
        }
        self.send_report(now, slot, true);
        self.unlink(slot);
        self.stop_tone(slot);
        for timer in Timer::ALL {
            self.set_timer(slot, timer, None);
        }
        let Some(leg) = self.legs.remove(slot) else { return };
        for listener in leg.listeners.as_slice() {
            if let Some(listener) = self.legs.get_mut(*listener) {
                listener.ears.far = None;
                listener.ears.far_slot = None;
            }
        }
        for tap in &leg.taps {
            if let Some(Recording { slots, .. }) = self.recordings.get_mut(&tap.recording()) {
                for tapped in slots.iter_mut().filter(|tapped| **tapped == Some(slot)) {
                    *tapped = None;
                }
                if slots.iter().all(Option::is_none) {
                    self.recordings.remove(&tap.recording());
                }
            }
        }
        self.outputs.push(Output::Event(MediaEvent::Closed { leg: leg.id, stats: leg.stats() }));
        self.outputs.push(Output::Closed { leg: leg.id, port: leg.port });
    }
}

/// A name of 96 random bits for the leg's whole life (RFC 7022, 4.2): it tells nothing of us and links no two legs.
fn cname(random: &mut ChaCha12Rng) -> [u8; CNAME_LENGTH] {
    std::array::from_fn(|_| {
        let digit = random.next_u32() & 0x0F;
        char::from_digit(digit, 16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(b'0')
    })
}
