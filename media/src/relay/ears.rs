//! Who hears whom, and the tones between.

use std::time::{Duration, Instant};

use super::{
    Relay,
    command::{Component, Forward, Output, PacketBuf},
    leg::{Kind, Leg, Playing},
};
use crate::{rtp::Header, tone::Voices};

/// The time between a tone's packets, and what one holds.
pub(super) const TONE_TICK: Duration = Duration::from_millis(20);
const TONE_SAMPLES: usize = 160;
/// A worker that slept through more ticks than this does not make up for them.
const TONE_TICKS_LATE_MAX: u32 = 5;

/// Who hears whom.
impl Relay {
    pub(super) fn link(&mut self, listener: u32, far: u32) {
        let Some(far_leg) = self.legs.get_mut(far) else { return };
        if !far_leg.listeners.push(listener) {
            self.stats.refused += 1;
            return;
        }
        if let Some(listener) = self.legs.get_mut(listener) {
            listener.ears.far_slot = Some(far);
        }
    }

    pub(super) fn unlink(&mut self, listener: u32) {
        let Some(leg) = self.legs.get_mut(listener) else { return };
        let (far, far_slot) = (leg.ears.far.take(), leg.ears.far_slot.take());
        if let Some(far) = far {
            self.awaited.remove(&(far, listener));
        }
        if let Some(far) = far_slot.and_then(|far| self.legs.get_mut(far)) {
            far.listeners.remove(listener);
        }
    }

    /// Hands a packet of the leg in `slot` to those that hear it: a copy to each but the first, which gets the packet itself.
    #[inline]
    pub(super) fn forward(&mut self, now: Instant, slot: u32, header: &Header, kind: Kind, packet: &mut [u8]) -> Option<Forward> {
        let listeners = self.legs.get(slot).map_or(0, |leg| leg.listeners.len());
        for index in (1..listeners).rev() {
            let Some(listener) = self.listener(slot, index, kind) else { continue };
            let mut copy = PacketBuf::new();
            if !copy.push(packet) {
                self.stats.dropped += 1;
                continue;
            }
            let Some(leg) = self.legs.get_mut(listener) else { continue };
            if let Some(Forward { leg, to, length, .. }) = leg.forward(now, slot, listener, header, kind, copy.as_mut_slice()) {
                copy.truncate(length);
                self.stats.dropped += self.outputs.push_media(Output::Send { leg, component: Component::Rtp, to, packet: copy });
            }
        }
        let listener = self.listener(slot, 0, kind)?;
        self.legs.get_mut(listener)?.forward(now, slot, listener, header, kind, packet)
    }

    /// The listener of that index, if it hears the leg now: its tone ends with the leg's first audio packet, but a beep is heard out (R9).
    #[inline]
    pub(super) fn listener(&mut self, slot: u32, index: usize, kind: Kind) -> Option<u32> {
        let listener = self.legs.get(slot)?.listeners.get(index)?;
        let ears = &mut self.legs.get_mut(listener)?.ears;
        if let Some(Playing { tone, position }) = ears.playing {
            let heard_out = self.voices.length(tone).is_none_or(|length| position >= length);
            if !heard_out || !matches!(kind, Kind::Audio(_)) {
                return None;
            }
            ears.playing = None;
            self.stop_tone(listener);
        }
        Some(listener)
    }
}

/// Tones.
impl Relay {
    pub(super) fn stop_tone(&mut self, slot: u32) {
        if self.toning.remove(&slot) && self.toning.is_empty() {
            self.tone_tick = None;
        }
    }

    pub(super) fn tone_ticks(&mut self, now: Instant) {
        for _ in 0..TONE_TICKS_LATE_MAX {
            let Some(tick) = self.tone_tick.filter(|tick| *tick <= now) else { return };
            let Self { toning, legs, voices, outputs, stats, .. } = self;
            for slot in toning.iter() {
                if let Some(output) = legs.get_mut(*slot).and_then(|leg| tone_packet(leg, voices, tick)) {
                    stats.dropped += outputs.push_media(output);
                }
            }
            self.tone_tick = Some(tick + TONE_TICK);
        }
        if self.tone_tick.is_some_and(|tick| tick <= now) {
            self.tone_tick = Some(now + TONE_TICK);
            for slot in &self.toning {
                if let Some(leg) = self.legs.get_mut(*slot) {
                    leg.line.pause();
                }
            }
        }
    }
}

/// The next packet of what a leg hears from us.
fn tone_packet(leg: &mut Leg, voices: &Voices, tick: Instant) -> Option<Output> {
    let Some((to, payloads)) = leg.sendable() else {
        leg.line.pause();
        return None;
    };
    let playing = leg.ears.playing.as_mut()?;
    if let Some(then) = leg.ears.then.filter(|_| voices.length(playing.tone).is_some_and(|length| playing.position >= length)) {
        *playing = Playing { tone: then, position: 0 };
        leg.ears.then = None;
    }
    let mut audio = [payloads.codec.silence(); TONE_SAMPLES];
    playing.position = voices.fill(playing.tone, payloads.codec, playing.position, &mut audio);
    let samples = u32::try_from(TONE_SAMPLES).unwrap_or_default();
    let stamp = leg.line.tone(tick, samples, payloads.codec_pt);
    let mut packet = PacketBuf::new();
    if !(packet.push(&stamp.header()) && packet.push(&audio)) {
        return None;
    }
    leg.stats.packets_out += 1;
    leg.stats.octets_out += u64::from(samples);
    Some(Output::Send { leg: leg.id, component: Component::Rtp, to, packet })
}
