//! What all centres' carriers may have under way together, shared so that those of one centre never take the room of the others.

use std::collections::BTreeMap;

use model::CenterId;

/// Requests that wait for their answers.
#[derive(Debug)]
pub(super) struct Share {
    most: usize,
    all: usize,
    of: BTreeMap<CenterId, usize>,
}

impl Share {
    /// So many at once.
    pub(super) fn of(most: usize) -> Self {
        Self { most, all: 0, of: BTreeMap::new() }
    }

    /// Takes one for a centre. False: it has as many as are free, and half of them are to be left to others. So one centre alone has half of all,
    /// two a third each; and whoever has more waits until some of his have ended.
    pub(super) fn take(&mut self, center: CenterId) -> bool {
        let has_room = self.has_room(center);
        if has_room {
            self.add(center);
        }
        has_room
    }

    /// Whether [`Share::take`] would do.
    pub(super) fn has_room(&self, center: CenterId) -> bool {
        let free = self.most.saturating_sub(self.all);
        self.of.get(&center).copied().unwrap_or_default() < free
    }

    /// A centre has one more, whether or not there is room.
    pub(super) fn add(&mut self, center: CenterId) {
        *self.of.entry(center).or_default() += 1;
        self.all += 1;
    }

    /// One of a centre's has ended.
    pub(super) fn give_back(&mut self, center: CenterId) {
        let Some(own) = self.of.get_mut(&center) else { return };
        *own -= 1;
        self.all -= 1;
        if *own == 0 {
            self.of.remove(&center);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_centre_leaves_room_for_the_next() {
        let mut share = Share::of(512);
        let fill = |share: &mut Share, center| (0..1_000).filter(|_| share.take(CenterId(center))).count();
        assert_eq!([1, 2, 3].map(|center| fill(&mut share, center)), [256, 128, 64]);
        // What the first gives back goes to whoever is there.
        for _ in 0..256 {
            share.give_back(CenterId(1));
        }
        assert_eq!([fill(&mut share, 2), fill(&mut share, 3)], [96, 80]);
        for (center, count) in [(2, 224), (3, 144), (4, 1)] {
            (0..count).for_each(|_| share.give_back(CenterId(center)));
        }
        assert!(share.all == 0 && share.of.is_empty());
    }
}
