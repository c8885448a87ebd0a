//! Who has how many of the streams that we open for requests, and whose goes when there are too many.
//!
//! An owner is whoever the signalling says: a call centre. Nobody has a fixed part, for most servers have one owner: while there is room, anybody
//! opens as many as he likes. At the limit the owner who has the most gives way to those who have fewer, so no one can keep the others out.
//! Of one owner's streams those go first that carry no call and no registration, and of these the youngest.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use sip_core::Flow;

use super::StreamLimits;

/// A stream among those that we open for requests.
pub(super) type ShareId = u64;

/// What nobody has claimed is his.
const NOBODY: Option<u64> = None;

/// All streams that we open for requests.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// For whom the next request of a flow is. Those without a stream are forgotten when there are twice as many as there may be streams.
    claims: HashMap<Flow, Claim>,
    streams: HashMap<ShareId, ShareOf>,
    all: Pool,
    connecting: Pool,
    last: ShareId,
}

/// For whom a stream is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) owner: u64,
    /// Whether a call or a registration goes by it.
    pub(super) is_needed: bool,
}

/// One of the streams.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShareOf {
    pub(super) flow: Flow,
    /// Where it is; `None`: others are opening it.
    pub(super) place: Option<usize>,
    pub(super) is_connecting: bool,
    owner: Option<u64>,
    is_needed: bool,
}

/// What there are too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// Streams that are on their way to be open.
    Connecting,
    /// Streams.
    All,
}

impl Shares {
    /// Whether one more would be too many, and of what.
    pub(super) fn short(&self, limits: &StreamLimits) -> Option<Short> {
        if self.connecting.len >= limits.connecting_max {
            Some(Short::Connecting)
        } else if self.all.len >= limits.outgoing_max {
            Some(Short::All)
        } else {
            None
        }
    }

    /// Which stream goes for one of `flow`. `None`: the new one has to stand back.
    pub(super) fn gives_way(&self, short: Short, flow: Flow) -> Option<ShareOf> {
        let claim = self.claims.get(&flow);
        let pool = match short {
            Short::Connecting => &self.connecting,
            Short::All => &self.all,
        };
        let share = pool.gives_way(claim.map(|claim| claim.owner), claim.is_some_and(|claim| claim.is_needed))?;
        self.streams.get(&share).copied()
    }

    /// The next request by `flow` is for that owner; `share`: its stream, if there is one. `is_there` tells which flows have one.
    pub(super) fn claim(
        &mut self,
        limits: &StreamLimits,
        flow: Flow,
        claim: Claim,
        share: Option<ShareId>,
        is_there: impl Fn(&Flow) -> bool,
    ) {
        let before = self.claims.get(&flow).copied();
        // Who only asks takes nothing over that another needs.
        let is_kept = before.is_some_and(|before| before.is_needed && !claim.is_needed && share.is_some());
        if is_kept || before == Some(claim) {
            return;
        }
        let claims_max = limits.outgoing_max.saturating_mul(2).max(16);
        if before.is_none() && self.claims.len() >= claims_max {
            self.claims.retain(|flow, _| is_there(flow));
        }
        if before.is_some() || self.claims.len() < claims_max {
            self.claims.insert(flow, claim);
        }
        if let Some(share) = share {
            self.change(share, |stream| (stream.owner, stream.is_needed) = (Some(claim.owner), claim.is_needed));
        }
    }

    /// A call or a registration needs the stream, or none does any more.
    pub(super) fn set_needed(&mut self, flow: Flow, share: Option<ShareId>, is_needed: bool) {
        if let Some(claim) = self.claims.get_mut(&flow) {
            claim.is_needed = is_needed;
        }
        if let Some(share) = share {
            self.change(share, |stream| stream.is_needed = is_needed);
        }
    }

    /// One is opened.
    pub(super) fn add(&mut self, flow: Flow, place: Option<usize>, is_connecting: bool) -> ShareId {
        self.last += 1;
        let claim = self.claims.get(&flow);
        let owner = claim.map_or(NOBODY, |claim| Some(claim.owner));
        let stream = ShareOf { flow, place, is_connecting, owner, is_needed: claim.is_some_and(|claim| claim.is_needed) };
        self.put(self.last, stream);
        self.last
    }

    /// One is open.
    pub(super) fn opened(&mut self, share: Option<ShareId>) {
        if let Some(share) = share {
            self.change(share, |stream| stream.is_connecting = false);
        }
    }

    /// One is gone.
    pub(super) fn remove(&mut self, share: ShareId) {
        self.take(share);
    }

    fn change(&mut self, share: ShareId, change: impl FnOnce(&mut ShareOf)) {
        if let Some(mut stream) = self.take(share) {
            change(&mut stream);
            self.put(share, stream);
        }
    }

    fn put(&mut self, share: ShareId, stream: ShareOf) {
        self.all.add(stream.owner, stream.is_needed, share);
        if stream.is_connecting {
            self.connecting.add(stream.owner, stream.is_needed, share);
        }
        self.streams.insert(share, stream);
    }

    fn take(&mut self, share: ShareId) -> Option<ShareOf> {
        let stream = self.streams.remove(&share)?;
        self.all.remove(stream.owner, stream.is_needed, share);
        if stream.is_connecting {
            self.connecting.remove(stream.owner, stream.is_needed, share);
        }
        Some(stream)
    }
}

/// Something that is limited for all owners together.
#[derive(Debug, Default)]
struct Pool {
    len: usize,
    of: BTreeMap<Option<u64>, Part>,
    /// Who has how many, and how many of them are not needed.
    sizes: BTreeSet<(usize, usize, Option<u64>)>,
}

/// What one owner has.
#[derive(Debug, Default)]
struct Part {
    /// In the order in which they go.
    streams: BTreeSet<(bool, Reverse<ShareId>)>,
    unneeded: usize,
}

impl Pool {
    /// Which one goes for one more of `asker`. `None`: nobody has more than he, and what there is is as good as what he asks for.
    fn gives_way(&self, asker: Option<u64>, is_needed: bool) -> Option<ShareId> {
        let own = self.of.get(&asker);
        let mine = own.map_or(0, |own| own.streams.len());
        let &(most, _, owner) = self.sizes.last()?;
        let largest = self.of.get(&owner)?.streams.first();
        // By that he has at most as many as the other.
        if most > mine + 1 && owner != asker {
            return largest.map(|(_, share)| share.0);
        }
        let own = own.and_then(|own| own.streams.first());
        let unneeded = [own, largest].into_iter().flatten().find(|(is_needed, _)| !is_needed);
        unneeded.filter(|_| is_needed).map(|(_, share)| share.0)
    }

    fn add(&mut self, owner: Option<u64>, is_needed: bool, share: ShareId) {
        self.with(owner, |part| {
            part.streams.insert((is_needed, Reverse(share)));
            part.unneeded += usize::from(!is_needed);
        });
        self.len += 1;
    }

    fn remove(&mut self, owner: Option<u64>, is_needed: bool, share: ShareId) {
        self.with(owner, |part| {
            part.streams.remove(&(is_needed, Reverse(share)));
            part.unneeded -= usize::from(!is_needed);
        });
        self.len -= 1;
    }

    fn with(&mut self, owner: Option<u64>, change: impl FnOnce(&mut Part)) {
        let part = self.of.entry(owner).or_default();
        self.sizes.remove(&(part.streams.len(), part.unneeded, owner));
        change(part);
        if part.streams.is_empty() {
            self.of.remove(&owner);
        } else {
            self.sizes.insert((part.streams.len(), part.unneeded, owner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of which `(owner, needed, not needed)` tells who has what.
    fn pool(of: &[(u64, u64, u64)]) -> Pool {
        let mut pool = Pool::default();
        for &(owner, needed, unneeded) in of {
            for share in 0..needed + unneeded {
                pool.add(Some(owner), share < needed, owner * 100 + share);
            }
        }
        pool
    }

    #[test]
    fn whoever_has_the_most_gives_way_and_first_with_what_nobody_needs() {
        // Who has what, who asks, whether he needs it; and what goes for it.
        type Row = (&'static [(u64, u64, u64)], u64, bool, Option<u64>);
        let rows: [Row; 14] = [
            (&[(1, 5, 0)], 2, false, Some(104)),
            (&[(1, 5, 0)], 2, true, Some(104)),
            (&[(1, 3, 2)], 2, false, Some(104)),
            (&[(1, 1, 4)], 2, false, Some(104)),
            // Nobody gives way to whoever has the most.
            (&[(1, 5, 0), (2, 1, 0)], 1, true, None),
            (&[(1, 5, 0), (2, 0, 1)], 1, true, None),
            // But what he does not need himself.
            (&[(1, 3, 2), (2, 0, 1)], 1, true, Some(104)),
            (&[(1, 3, 2), (2, 0, 1)], 1, false, None),
            // As many each, or one less: a call goes before a question.
            (&[(1, 2, 0), (2, 2, 0)], 2, true, None),
            (&[(1, 2, 0), (2, 1, 0)], 2, true, None),
            (&[(1, 1, 1), (2, 1, 0)], 2, true, Some(101)),
            (&[(1, 1, 1), (2, 1, 0)], 2, false, None),
            (&[(1, 0, 1), (2, 1, 0)], 3, true, Some(100)),
            (&[(1, 3, 0), (2, 1, 0)], 2, false, Some(102)),
        ];
        for (of, asker, is_needed, expected) in rows {
            assert_eq!(pool(of).gives_way(Some(asker), is_needed), expected, "{of:?} {asker} {is_needed}");
        }
    }

    #[test]
    fn what_was_put_in_and_taken_out_leaves_nothing() {
        let mut pool = pool(&[(1, 2, 1), (2, 0, 2)]);
        for (owner, is_needed, share) in [(1, true, 100), (1, true, 101), (1, false, 102), (2, false, 200), (2, false, 201)] {
            pool.remove(Some(owner), is_needed, share);
        }
        assert!(pool.len == 0 && pool.of.is_empty() && pool.sizes.is_empty());
    }
}
