//! Nonces: made of time, a running number, whom they were sent to and a seal, and good for each count once.
//!
//! A nonce is good from wherever it comes back, for a phone may get another address meanwhile. That it comes back from where it was
//! sent to proves one thing more: whoever sends from there hears what we say there ([`Nonces::is_echo`]).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Nonces remembered with their counts. Beyond it the oldest are declared stale, so forgetting never allows a replay.
pub const NONCES_MAX: usize = 262_144;

/// How far behind the highest count an unseen one may come, since datagrams overtake each other.
pub const COUNT_WINDOW: u32 = 64;

/// What a right answer on a nonce is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Fresh,
    /// Expired, or not ours.
    Stale,
    /// That count was used, or is too far behind to know.
    Replayed,
}

pub(super) struct Nonces {
    /// Keyed once: each seal begins from here.
    mac: Hmac<Sha256>,
    life: Duration,
    limit: usize,
    /// The first instant ever seen: a nonce's time counts from here.
    origin: Option<Instant>,
    issued: u64,
    /// By running number, that is, by age.
    used: BTreeMap<u64, Counts>,
    /// Numbers below it are stale, unless they stand in `used`.
    floor: u64,
    /// The nonce that was opened last, and what it says: one request is asked about it twice.
    opened: Option<([u8; TEXT], Stamp)>,
}

impl Nonces {
    /// Remembers at most `limit` nonces.
    pub(super) fn new(key: [u8; 32], life: Duration, limit: usize) -> Self {
        // HMAC takes keys of any length.
        let mac = Hmac::new_from_slice(&key).expect("any length is a key");
        Self { mac, life, limit, origin: None, issued: 0, used: BTreeMap::new(), floor: 0, opened: None }
    }

    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    /// A nonce that was never given before and cannot be guessed. `sent_to` is the address of the source that it is for, 0 for nobody's.
    pub(super) fn issue(&mut self, now: Instant, sent_to: u128) -> String {
        self.issued += 1;
        let stamp = Stamp { at_ms: self.clock_ms(now), number: self.issued, sent_to };
        let stamp = stamp.to_bytes();
        URL_SAFE_NO_PAD.encode([stamp.as_slice(), &self.seal(&stamp)].concat())
    }

    /// Whether `nonce` is ours, still good, and was sent to `source`.
    pub(super) fn is_echo(&mut self, now: Instant, nonce: &[u8], source: u128) -> bool {
        let clock_ms = self.clock_ms(now);
        source != 0 && self.open(nonce).is_some_and(|stamp| stamp.sent_to == source && !self.is_expired(stamp.at_ms, clock_ms))
    }

    /// Uses `nonce` with `count`, which must come only after the password was found right.
    pub(super) fn use_once(&mut self, now: Instant, nonce: &[u8], count: u32) -> Use {
        let clock_ms = self.clock_ms(now);
        self.forget_expired(clock_ms);
        let Some(stamp) = self.open(nonce) else { return Use::Stale };
        if self.is_expired(stamp.at_ms, clock_ms) {
            return Use::Stale;
        }
        if let Some(counts) = self.used.get_mut(&stamp.number) {
            return if counts.take(count) { Use::Fresh } else { Use::Replayed };
        }
        if stamp.number < self.floor {
            return Use::Stale;
        }
        if self.used.len() >= self.limit
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.floor = oldest + 1;
            if stamp.number < self.floor {
                return Use::Stale;
            }
        }
        self.used.insert(stamp.number, Counts { at_ms: stamp.at_ms, highest: count, seen: 1 });
        Use::Fresh
    }

    /// A keyed hash that strangers cannot compute.
    pub(super) fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        let mut seal = [0; SEAL];
        let mut mac = self.mac.clone();
        mac.update(bytes);
        seal.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        seal
    }

    fn open(&mut self, nonce: &[u8]) -> Option<Stamp> {
        let text: [u8; TEXT] = nonce.try_into().ok()?;
        if let Some((last, stamp)) = &self.opened
            && bool::from(last.ct_eq(&text))
        {
            return Some(*stamp);
        }
        let stamp = self.unseal(nonce)?;
        self.opened = Some((text, stamp));
        Some(stamp)
    }

    fn unseal(&self, nonce: &[u8]) -> Option<Stamp> {
        let mut decoded = [0_u8; STAMP + SEAL];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut decoded).ok()?;
        let (stamp, seal) = decoded.split_first_chunk::<STAMP>()?;
        (length == STAMP + SEAL && bool::from(self.seal(stamp).ct_eq(seal))).then(|| Stamp::from_bytes(stamp))
    }

    fn forget_expired(&mut self, clock_ms: u64) {
        while let Some((_, counts)) = self.used.first_key_value()
            && self.is_expired(counts.at_ms, clock_ms)
        {
            self.used.pop_first();
        }
    }

    fn is_expired(&self, at_ms: u64, clock_ms: u64) -> bool {
        u128::from(clock_ms.saturating_sub(at_ms)) >= self.life.as_millis()
    }

    fn clock_ms(&mut self, now: Instant) -> u64 {
        let origin = *self.origin.get_or_insert(now);
        u64::try_from(now.saturating_duration_since(origin).as_millis()).unwrap_or(u64::MAX)
    }
}

const STAMP: usize = 32;
const SEAL: usize = 16;
/// Characters of a nonce: base64 without padding.
const TEXT: usize = (STAMP + SEAL) * 4 / 3;

/// What a nonce says of itself.
#[derive(Clone, Copy)]
struct Stamp {
    at_ms: u64,
    number: u64,
    /// In the clear, for it is told in `received` of every Via anyway; what counts is that the seal covers it.
    sent_to: u128,
}

impl Stamp {
    fn to_bytes(self) -> [u8; STAMP] {
        let mut bytes = [0; STAMP];
        let parts = [u128::from(self.at_ms) << 64 | u128::from(self.number), self.sent_to];
        bytes.iter_mut().zip(parts.map(u128::to_be_bytes).as_flattened()).for_each(|(to, from)| *to = *from);
        bytes
    }

    fn from_bytes(bytes: &[u8; STAMP]) -> Self {
        let (halves, _) = bytes.as_chunks::<16>();
        let half = |at: usize| halves.get(at).map_or(0, |half| u128::from_be_bytes(*half));
        let (whole, sent_to) = (half(0), half(1));
        let low = |value: u128| u64::try_from(value & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        Self { at_ms: low(whole >> 64), number: low(whole), sent_to }
    }
}

/// The counts that a nonce was used with: a window below the highest.
struct Counts {
    at_ms: u64,
    highest: u32,
    /// Bit n stands for `highest - n`.
    seen: u64,
}

impl Counts {
    /// Whether `count` is new; it no longer is.
    fn take(&mut self, count: u32) -> bool {
        if let Some(ahead) = count.checked_sub(self.highest).filter(|&ahead| ahead > 0) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = if behind < COUNT_WINDOW { 1_u64 << behind } else { return false };
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}
