//! The legs of a relay, found by id through one cheap hash and by slot through an index.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{command::LegId, leg::Leg};

#[derive(Debug, Default)]
pub(super) struct Table {
    /// Never iterated: its order would show.
    slots: HashMap<LegId, u32, BuildHasherDefault<Spread>>,
    legs: Vec<Option<Box<Leg>>>,
    free: Vec<u32>,
}

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
        self.legs.get(usize::try_from(slot).ok()?)?.as_deref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Leg> {
        self.legs.get_mut(usize::try_from(slot).ok()?)?.as_deref_mut()
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
            self.legs.push(None);
            u32::try_from(self.legs.len() - 1).expect("LEGS_MAX fits into 32 bits")
        });
        if let Some(place) = usize::try_from(slot).ok().and_then(|slot| self.legs.get_mut(slot)) {
            *place = Some(Box::new(leg));
        }
        self.slots.insert(id, slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Box<Leg>> {
        let leg = self.legs.get_mut(usize::try_from(slot).ok()?)?.take()?;
        self.slots.remove(&leg.id);
        self.free.push(slot);
        Some(leg)
    }
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
