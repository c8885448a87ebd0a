//! One leg: whom it takes packets from, what it hears, and what is counted of it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    LISTENERS_MAX,
    command::{Forward, Hears, LegId},
    latch::Source,
    line::Line,
    reception::Reception,
};
use crate::{
    Codec, LegStats, Payloads, Remote, SAMPLES_PER_MS, Tone,
    dtmf::Digits,
    rtcp::{self, CNAME_LENGTH, SenderInfo},
    rtp::{COMFORT_NOISE, Header},
    sdp::OFFERED_DTMF_PT,
    tap::Tap,
};

/// A round-trip time beyond this is no measurement but a lie or a mistake: 60 s in 1/65,536 s.
const ROUND_TRIP_MAX: u32 = 60 << 16;

/// A timer of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next RTCP report (RFC 3550, 6.2).
    Rtcp,
    /// The dead-media time-out.
    Watch,
    /// A telephone-event whose end was lost.
    Digit,
}

impl Timer {
    pub(super) const ALL: [Self; 3] = [Self::Rtcp, Self::Watch, Self::Digit];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rtcp => "rtcp",
            Self::Watch => "silence",
            Self::Digit => "digit",
        }
    }
}

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) port: u16,
    pub(super) remote: Option<Remote>,
    pub(super) source: Option<Source>,
    pub(super) line: Line,
    pub(super) ears: Ears,
    /// The slots of the legs that hear this one.
    pub(super) listeners: Listeners,
    pub(super) taps: Vec<Tap>,
    pub(super) digits: Digits,
    pub(super) reception: Reception,
    pub(super) watch: Option<Watch>,
    /// When the newest valid packet came.
    pub(super) heard_at: Option<Instant>,
    pub(super) first_media_told: bool,
    pub(super) cname: [u8; CNAME_LENGTH],
    /// The middle of the NTP time of the phone's last sender report, and when it came.
    pub(super) last_sr: Option<(u32, Instant)>,
    /// `packets_out` at the last report: who sent nothing since two reports is no sender (RFC 3550, 6.4).
    pub(super) reported_out: [u64; 2],
    pub(super) stats: LegStats,
    /// The leg's timers, in the order of [`Timer::ALL`].
    pub(super) due: [Option<Instant>; 3],
}

/// The slots of the legs that hear one, in the leg itself: each packet asks for them.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    slots: [u32; LISTENERS_MAX],
    count: usize,
}

impl Listeners {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, index: usize) -> Option<u32> {
        self.as_slice().get(index).copied()
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        self.slots.get(..self.count).unwrap_or(&self.slots)
    }

    /// False if there is no room.
    #[must_use]
    pub(super) fn push(&mut self, slot: u32) -> bool {
        let Some(place) = self.slots.get_mut(self.count) else { return false };
        *place = slot;
        self.count += 1;
        true
    }

    /// Takes one away; the others keep their order.
    pub(super) fn remove(&mut self, slot: u32) {
        let listeners = self.slots.get_mut(..self.count).unwrap_or_default();
        if let Some(at) = listeners.iter().position(|any| *any == slot) {
            listeners.get_mut(at..).unwrap_or_default().rotate_left(1);
            self.count -= 1;
        }
    }
}

/// The dead-media time-out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) since: Instant,
    pub(super) silent_after: Duration,
    pub(super) told: bool,
}

/// What a leg hears now and what comes after it.
#[derive(Debug, Default)]
pub(super) struct Ears {
    pub(super) playing: Option<Playing>,
    /// The tone behind a beep.
    pub(super) then: Option<Tone>,
    /// Whom the leg hears, at once or when the tone is over.
    pub(super) far: Option<LegId>,
    /// The far leg's slot, once it is open.
    pub(super) far_slot: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Playing {
    pub(super) tone: Tone,
    /// The next sample of the tone.
    pub(super) position: u32,
}

impl Ears {
    pub(super) fn new(hears: Hears) -> Self {
        let (tone, then, far) = match hears {
            Hears::Nothing => (None, None, None),
            Hears::Tone(tone) => (Some(tone), None, None),
            Hears::Leg(far) => (None, None, Some(far)),
            Hears::BeepThenRingUntil(far) => (Some(Tone::Beep), Some(Tone::Ring), Some(far)),
        };
        Self { playing: tone.map(|tone| Playing { tone, position: 0 }), then, far, far_slot: None }
    }
}

/// What a payload type means to a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio(Codec),
    Dtmf,
    ComfortNoise,
}

impl Kind {
    /// The agreed payload types; the static ones of G.711 too, for phones change between them without a word (B-60), and the one under which we
    /// offer telephone-event, for an answer may name another (RFC 3264, 6.1).
    #[inline]
    pub(super) fn of(payloads: &Payloads, payload_type: u8) -> Option<Self> {
        if payload_type == payloads.codec_pt {
            return Some(Self::Audio(payloads.codec));
        }
        if Some(payload_type) == payloads.dtmf_pt {
            return Some(Self::Dtmf);
        }
        match payload_type {
            COMFORT_NOISE => Some(Self::ComfortNoise),
            OFFERED_DTMF_PT => Some(Self::Dtmf),
            _ => Codec::by_payload_type(payload_type).map(Self::Audio),
        }
    }
}

impl Leg {
    pub(super) fn new(id: LegId, port: u16, line: Line, cname: [u8; CNAME_LENGTH]) -> Self {
        Self {
            id,
            port,
            remote: None,
            source: None,
            line,
            ears: Ears::default(),
            listeners: Listeners::default(),
            taps: Vec::new(),
            digits: Digits::default(),
            reception: Reception::default(),
            watch: None,
            heard_at: None,
            first_media_told: false,
            cname,
            last_sr: None,
            reported_out: [0; 2],
            stats: LegStats::default(),
            due: [None; 3],
        }
    }

    /// Where to and how this leg is sent to; none if it has nowhere or does not want to hear.
    #[inline]
    pub(super) fn sendable(&self) -> Option<(SocketAddr, Payloads)> {
        let remote = self.remote.as_ref().filter(|remote| remote.receives)?;
        Some((self.source.as_ref()?.to()?, remote.payloads))
    }

    /// Rewrites a packet that the leg in `slot` sent, for this one in `own_slot`; none if this one does not get it.
    #[inline]
    pub(super) fn forward(
        &mut self,
        now: Instant,
        slot: u32,
        own_slot: u32,
        header: &Header,
        kind: Kind,
        packet: &mut [u8],
    ) -> Option<Forward> {
        let samples = header.payload.len();
        let Some((to, payloads)) = self.sendable().filter(|_| samples > 0) else {
            self.line.skip(slot, header);
            return None;
        };
        let payload_type = match kind {
            Kind::Audio(codec) => {
                codec.convert(payloads.codec, packet.get_mut(header.payload.clone())?);
                Some(payloads.codec_pt)
            }
            Kind::Dtmf => payloads.dtmf_pt,
            // We never offer it, so nobody has agreed to take it.
            Kind::ComfortNoise => None,
        };
        let Some(payload_type) = payload_type else {
            self.line.skip(slot, header);
            return None;
        };
        let samples = if kind == Kind::Dtmf { 0 } else { u32::try_from(samples).unwrap_or_default() };
        let stamp = self.line.relay(now, slot, header, samples, payload_type)?;
        let length = stamp.write(packet, &header.payload)?;
        self.stats.packets_out += 1;
        self.stats.octets_out += u64::try_from(header.payload.len()).unwrap_or_default();
        Some(Forward { leg: self.id, slot: own_slot, to, length })
    }

    /// What this leg has sent, for its sender report; none if nothing since the last two reports (RFC 3550, 6.4).
    pub(super) fn sender_info(&mut self, now: Instant, elapsed: Duration) -> Option<SenderInfo> {
        let packets = self.stats.packets_out;
        let [before_last, last] = self.reported_out;
        self.reported_out = [last, packets];
        (packets > before_last).then(|| SenderInfo {
            elapsed,
            timestamp: self.line.timestamp_at(now),
            packets,
            octets: self.stats.octets_out,
        })
    }

    /// What the phone reports of us; `elapsed` is our NTP time.
    pub(super) fn take_feedback(&mut self, now: Instant, elapsed: Duration, feedback: &rtcp::Feedback) {
        if let Some((_, ntp)) = feedback.sender {
            self.last_sr = Some((ntp, now));
        }
        if let Some(block) = feedback.block {
            self.stats.remote_lost = u64::from(block.lost);
            self.stats.remote_jitter_ms = block.jitter / SAMPLES_PER_MS;
            if block.last_sr != 0 {
                // RFC 3550, 6.4.1: A - LSR - DLSR.
                let round_trip = rtcp::short_ntp_time(elapsed).wrapping_sub(block.last_sr).wrapping_sub(block.since_last_sr);
                if round_trip < ROUND_TRIP_MAX {
                    self.stats.rtt_ms = u32::try_from((u64::from(round_trip) * 1000) >> 16).ok();
                }
            }
        }
    }

    /// The numbers of this moment.
    pub(super) fn stats(&self) -> LegStats {
        let mut stats = self.stats;
        self.reception.fill(&mut stats);
        stats.digits_dropped = self.digits.dropped();
        stats
    }

    /// When the phone counts as silent; none if nobody asks, or if that is beyond all time.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        let watch = self.watch.filter(|watch| !watch.told)?;
        self.heard_at.map_or(watch.since, |heard_at| heard_at.max(watch.since)).checked_add(watch.silent_after)
    }
}
