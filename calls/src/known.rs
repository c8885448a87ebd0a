//! Streams whose peers are known, for the sockets: all others are strangers', live shortly, and make room when there are too many.
//!
//! A stream is known while a phone is bound by it, or a session goes by it whose peer has proven who he is or was called by us,
//! or we are registered by it. That a carrier's host is asked by it is no reason: who only asks would else keep a stream, and the name that
//! it has proven, from the calls of others. What was is no reason either: one password, registered over one stream after another, would
//! else make as many streams known as there may be.

use std::{collections::BTreeMap, time::Instant};

use model::SlotId;
use sip_core::{Flow, SessionId};

use crate::{core::Core, registration::record_key, switchboard::Output};

/// For whose sake a stream is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum User {
    /// The phone of the slot is bound by it, under this of the names that it gives its flows; 0: under none.
    Slot(SlotId, u32),
    /// What the session's peer is asked goes by it.
    Session(SessionId),
    /// An account of ours is registered by it.
    Carrier(u64),
}

/// Which streams are known. There is one for each session and account at most, and [`sip_core::registrar::FLOWS_MAX`] for each slot, so their
/// own limits are its limit.
#[derive(Debug, Default)]
pub(crate) struct Known {
    by_user: BTreeMap<User, Flow>,
    /// How many users each stream has; never 0.
    users: BTreeMap<Flow, usize>,
}

impl Known {
    /// `user` uses `flow` now; a datagram flow is as none.
    fn set(&mut self, user: User, flow: Option<Flow>) -> impl Iterator<Item = Output> + use<> {
        let flow = flow.filter(|flow| flow.transport.is_reliable());
        let before = match flow {
            Some(flow) => self.by_user.insert(user, flow),
            None => self.by_user.remove(&user),
        };
        let begun = flow.filter(|_| before != flow);
        let ended = before.filter(|_| before != flow);
        if let Some(flow) = begun {
            *self.users.entry(flow).or_default() += 1;
        }
        let ended = ended.filter(|flow| {
            let users = self.users.get_mut(flow).map_or(0, |users| {
                *users = users.saturating_sub(1);
                *users
            });
            users == 0 && self.users.remove(flow).is_some()
        });
        // Also where another vouches already: that may have been for an earlier stream between the same ports.
        let begun = begun.map(|flow| Output::Vouch { flow });
        begun.into_iter().chain(ended.map(|flow| Output::Unvouch { flow }))
    }
}

impl Known {
    /// Whether anybody uses it.
    pub(crate) fn is_used(&self, flow: Flow) -> bool {
        self.users.contains_key(&flow)
    }

    /// Whether anybody else uses it.
    pub(crate) fn is_used_beside(&self, user: User, flow: Flow) -> bool {
        let own = usize::from(self.by_user.get(&user) == Some(&flow));
        self.users.get(&flow).is_some_and(|users| *users > own)
    }
}

impl Core {
    /// `user` uses `flow` from now on; `None`: no stream.
    pub(crate) fn know(&mut self, user: User, flow: Option<Flow>) {
        for output in self.known.set(user, flow) {
            self.out(output);
        }
    }

    /// The streams by which the phone of a slot is bound now, and no others, are its.
    pub(crate) fn know_slot(&mut self, now: Instant, slot: SlotId) {
        let bound: BTreeMap<u32, Flow> = self.registrar.bindings(now, record_key(slot)).map(|bound| (bound.reg_id(), bound.flow)).collect();
        let had: Vec<u32> = self
            .known
            .by_user
            .range(User::Slot(slot, 0)..=User::Slot(slot, u32::MAX))
            .filter_map(|(user, _)| if let User::Slot(_, name) = user { Some(*name) } else { None })
            .collect();
        // What is used comes first: a stream that only has another name now is not let go between.
        for (name, flow) in &bound {
            self.know(User::Slot(slot, *name), Some(*flow));
        }
        for name in had.into_iter().filter(|name| !bound.contains_key(name)) {
            self.know(User::Slot(slot, name), None);
        }
    }

    /// Something was heard in a session: its peer may have come by another stream, and be asked there from now on.
    pub(crate) fn know_heard(&mut self, session: SessionId) {
        let user = User::Session(session);
        // Whom we call is known; his challenge may have made the INVITE too long for datagrams.
        let called = self.endpoint.invited_by(session);
        let is_known = called.is_some() || self.known.by_user.contains_key(&user);
        if let Some(flow) = self.endpoint.flow_of(session).or(called).filter(|_| is_known) {
            self.know(user, Some(flow));
        }
    }

    /// The sessions that went by `old` go by `new`.
    pub(crate) fn know_moved(&mut self, old: Flow, new: Flow) {
        // Mostly nobody does: then not every phone of an office is looked through.
        if !self.known.users.contains_key(&old) {
            return;
        }
        let moved: Vec<User> = self
            .known
            .by_user
            .iter()
            .filter(|(user, flow)| matches!(user, User::Session(_)) && **flow == old)
            .map(|(user, _)| *user)
            .collect();
        for user in moved {
            self.know(user, Some(new));
        }
    }
}
