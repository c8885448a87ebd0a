//! The legs of a relay, found by id through one cheap hash and by slot through an index.
//!
//! A packet visits two legs, and between two packets of a call everything else has passed through the processor's cache. So legs lie in large
//! pieces whose few addresses stay in the cache: where a leg lies is computed, and not fetched from memory first.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{command::LegId, leg::Leg};

#[derive(Debug, Default)]
pub(super) struct Table {
    /// Never iterated: its order would show.
    slots: HashMap<LegId, u32, BuildHasherDefault<Spread>>,
    pieces: Vec<Box<[Option<Leg>]>>,
    /// Slots that were used and are not.
    free: Vec<u32>,
    /// Slots that have been used.
    used: u32,
}

/// Legs in a piece.
const PIECE: u32 = 64;

impl Table {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(super) fn slot(&self, leg: LegId) -> Option<u32> {
        self.slots.get(&leg).copied()
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Leg> {
        let (piece, place) = whereabouts(slot)?;
        self.pieces.get(piece)?.get(place)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Leg> {
        self.place(slot)?.as_mut()
    }

    #[inline]
    pub(super) fn find(&mut self, leg: LegId) -> Option<(u32, &mut Leg)> {
        let slot = self.slot(leg)?;
        Some((slot, self.get_mut(slot)?))
    }

    /// Adds a leg that is not in the table.
    pub(super) fn insert(&mut self, leg: Leg) -> u32 {
        let id = leg.id;
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.used.is_multiple_of(PIECE) {
                self.pieces.push((0..PIECE).map(|_| None).collect());
            }
            self.used += 1;
            self.used - 1
        });
        if let Some(place) = self.place(slot) {
            *place = Some(leg);
        }
        self.slots.insert(id, slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Leg> {
        let leg = self.place(slot)?.take()?;
        self.slots.remove(&leg.id);
        self.free.push(slot);
        Some(leg)
    }

    #[inline]
    fn place(&mut self, slot: u32) -> Option<&mut Option<Leg>> {
        let (piece, place) = whereabouts(slot)?;
        self.pieces.get_mut(piece)?.get_mut(place)
    }
}

/// The piece of a slot, and its place in it.
#[inline]
fn whereabouts(slot: u32) -> Option<(usize, usize)> {
    Some((usize::try_from(slot / PIECE).ok()?, usize::try_from(slot % PIECE).ok()?))
}

/// Leg ids are our own and count upwards, so no one can aim at a bucket, and one multiplication spreads them.
#[derive(Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64(u64::from(*octet));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio; the table takes its bucket from the low bits, so the high ones are brought down.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}
