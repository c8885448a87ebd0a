//! What is due at its time: reports, silence, digits whose end was lost.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha12Rng;
use rand_core::RngCore;

use super::{
    Relay,
    command::{Component, MediaEvent, Output},
    latch::Source,
    leg::Timer,
};
use crate::rtcp;

/// The mean time between a leg's RTCP reports; each is half to one and a half times as long (RFC 3550, 6.2 and 6.3.1).
const RTCP_INTERVAL: Duration = Duration::from_secs(5);

impl Relay {
    pub(super) fn set_timer(&mut self, slot: u32, timer: Timer, due: Option<Instant>) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let Some((set, _)) = leg.due.iter_mut().zip(Timer::ALL).find(|(_, any)| *any == timer) else { return };
        if let Some(before) = std::mem::replace(set, due) {
            self.timers.remove(&(before, slot, timer));
        }
        if let Some(due) = due {
            self.timers.insert((due, slot, timer));
        }
    }

    pub(super) fn report(&mut self, now: Instant, slot: u32) {
        self.send_report(now, slot, false);
        let due = now + rtcp_interval(&mut self.random);
        self.set_timer(slot, Timer::Rtcp, Some(due));
    }

    /// Sends a leg's report, if there is anything to report.
    pub(super) fn send_report(&mut self, now: Instant, slot: u32, bye: bool) {
        let elapsed = self.elapsed(now);
        let Some(leg) = self.legs.get_mut(slot) else { return };
        if leg.stats.packets_out == 0 && leg.stats.packets_in == 0 {
            return;
        }
        let Some(to) = leg.source.as_ref().and_then(Source::to_rtcp) else { return };
        let sender = leg.sender_info(now, elapsed);
        let block = leg.reception.report(now, leg.last_sr);
        let packet = rtcp::write(leg.line.ssrc(), sender, block, &leg.cname, bye);
        leg.stats.rtcp_out += 1;
        self.stats.dropped += self.outputs.push_media(Output::Send { leg: leg.id, component: Component::Rtcp, to, packet });
    }

    pub(super) fn look_for_silence(&mut self, now: Instant, slot: u32) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let Some(due) = leg.silent_at() else { return };
        if due > now {
            return self.set_timer(slot, Timer::Watch, Some(due));
        }
        if let Some(watch) = &mut leg.watch {
            watch.told = true;
        }
        self.outputs.push(Output::Event(MediaEvent::Silent { leg: leg.id }));
    }

    pub(super) fn look_for_digit(&mut self, now: Instant, slot: u32) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        self.outputs.push_digits(leg.id, [leg.digits.expire(now), None]);
        let due = leg.digits.due();
        self.set_timer(slot, Timer::Digit, due);
    }

    pub(super) fn elapsed(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.began.get_or_insert(now))
    }
}

/// Half to one and a half times the mean (RFC 3550, 6.3.1).
pub(super) fn rtcp_interval(random: &mut ChaCha12Rng) -> Duration {
    RTCP_INTERVAL / 2 + RTCP_INTERVAL.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX))
}
