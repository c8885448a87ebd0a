//! The table of subscriptions, found by their tag, their subscriber, what they watch, and the flow by which they are told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;

use super::{Notice, Package, SubscriptionId};
use crate::{
    dialog::Dialog,
    flow::Flow,
    timer::Armed,
    transaction::{Spread, Table, Tag},
};

/// What is watched: a package, and whose state.
pub(crate) type Key = (Package, u64);

/// One that is told.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Our tag.
    pub(crate) tag: Tag,
    pub(crate) dialog: Dialog,
    pub(crate) subscriber: u64,
    pub(crate) key: Key,
    /// The `id` of its Event header.
    pub(crate) event_id: Option<Bytes>,
    pub(crate) until: Instant,
    pub(crate) expiry: Option<Armed>,
    /// How many NOTIFYs it has had.
    pub(crate) version: u32,
    /// A NOTIFY is on its way.
    pub(crate) sent: bool,
    /// There is something new to say.
    pub(crate) due: bool,
    /// Nothing is said before.
    pub(crate) not_before: Instant,
    pub(crate) pause: Option<Armed>,
    /// The stream by which it is told is gone: it is told again by the next one.
    pub(crate) lost: bool,
}

impl Subscription {
    /// There is something to say, nothing is on its way, and there is a way.
    pub(crate) fn is_to_be_told(&self) -> bool {
        self.due && !self.sent && !self.lost
    }
}

/// The state of what is watched, and by whom.
#[derive(Debug)]
struct Watched {
    notice: Arc<Notice>,
    by: BTreeSet<SubscriptionId>,
}

/// All of them. What is found by several keys is found by all of them, or by none.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    table: Table<Subscription>,
    by_tag: HashMap<Tag, SubscriptionId, Spread>,
    /// The oldest first.
    by_subscriber: BTreeMap<u64, VecDeque<SubscriptionId>>,
    by_flow: BTreeSet<(Flow, SubscriptionId)>,
    watched: BTreeMap<Key, Watched>,
}

impl Subscriptions {
    pub(crate) fn new() -> Self {
        Self {
            table: Table::new(),
            by_tag: HashMap::with_hasher(Spread::default()),
            by_subscriber: BTreeMap::new(),
            by_flow: BTreeSet::new(),
            watched: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many one subscriber has.
    pub(crate) fn len_of(&self, subscriber: u64) -> usize {
        self.by_subscriber.get(&subscriber).map_or(0, VecDeque::len)
    }

    pub(crate) fn oldest_of(&self, subscriber: u64) -> Option<SubscriptionId> {
        self.by_subscriber.get(&subscriber)?.front().copied()
    }

    /// Takes one in. `notice` is what is to be told of what it watches, from now on to all who do.
    pub(crate) fn insert(&mut self, subscription: Subscription, notice: Arc<Notice>) -> SubscriptionId {
        let (tag, subscriber, key, flow) = (subscription.tag, subscription.subscriber, subscription.key, subscription.dialog.flow);
        let id = SubscriptionId(self.table.insert_with(|_| subscription));
        self.by_tag.insert(tag, id);
        self.by_subscriber.entry(subscriber).or_default().push_back(id);
        self.by_flow.insert((flow, id));
        let watched = self.watched.entry(key).or_insert_with(|| Watched { notice: Arc::clone(&notice), by: BTreeSet::new() });
        watched.notice = notice;
        watched.by.insert(id);
        id
    }

    pub(crate) fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let subscription = self.table.remove(id.0)?;
        self.by_tag.remove(&subscription.tag);
        self.by_flow.remove(&(subscription.dialog.flow, id));
        if let Some(own) = self.by_subscriber.get_mut(&subscription.subscriber) {
            own.retain(|of| *of != id);
            if own.is_empty() {
                self.by_subscriber.remove(&subscription.subscriber);
            }
        }
        if let Some(watched) = self.watched.get_mut(&subscription.key) {
            watched.by.remove(&id);
            if watched.by.is_empty() {
                self.watched.remove(&subscription.key);
            }
        }
        Some(subscription)
    }

    pub(crate) fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.table.get_mut(id.0)
    }

    pub(crate) fn get(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.table.get(id.0)
    }

    pub(crate) fn by_tag(&self, tag: Tag) -> Option<SubscriptionId> {
        self.by_tag.get(&tag).copied()
    }

    pub(crate) fn all_of(&self, subscriber: u64) -> Vec<SubscriptionId> {
        self.by_subscriber.get(&subscriber).into_iter().flatten().copied().collect()
    }

    /// Who watches that.
    pub(crate) fn watchers(&self, key: Key) -> Vec<SubscriptionId> {
        self.watched.get(&key).into_iter().flat_map(|watched| &watched.by).copied().collect()
    }

    pub(crate) fn is_watched(&self, key: Key) -> bool {
        self.watched.contains_key(&key)
    }

    pub(crate) fn notice(&self, key: Key) -> Option<Arc<Notice>> {
        self.watched.get(&key).map(|watched| Arc::clone(&watched.notice))
    }

    /// From now on that is to be told. False: nobody watches it, or it is what was told before.
    pub(crate) fn renew(&mut self, key: Key, notice: Notice) -> bool {
        let Some(watched) = self.watched.get_mut(&key).filter(|watched| *watched.notice != notice) else { return false };
        watched.notice = Arc::new(notice);
        true
    }

    /// It is reached by `flow` from now on.
    pub(crate) fn set_flow(&mut self, id: SubscriptionId, flow: Flow) {
        let Some(subscription) = self.table.get_mut(id.0) else { return };
        subscription.lost = false;
        self.by_flow.remove(&(subscription.dialog.flow, id));
        subscription.dialog.flow = flow;
        self.by_flow.insert((flow, id));
    }

    /// The stream `flow` is gone.
    pub(crate) fn lose(&mut self, flow: Flow) {
        for id in self.by(flow) {
            if let Some(subscription) = self.table.get_mut(id.0) {
                subscription.lost = true;
            }
        }
    }

    /// What this subscriber was told by `old` it is told by `new`; which of its subscriptions these are.
    pub(crate) fn move_flow(&mut self, subscriber: u64, old: Flow, new: Flow) -> Vec<SubscriptionId> {
        let mut moved = self.by(old);
        moved.retain(|id| self.table.get_mut(id.0).is_some_and(|subscription| subscription.subscriber == subscriber));
        for id in &moved {
            self.set_flow(*id, new);
        }
        moved
    }

    fn by(&self, flow: Flow) -> Vec<SubscriptionId> {
        let all = (flow, SubscriptionId(0))..=(flow, SubscriptionId(u64::MAX));
        self.by_flow.range(all).map(|&(_, id)| id).collect()
    }
}
