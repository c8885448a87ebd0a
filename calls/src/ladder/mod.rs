//! The SIP messages of a call, kept in bounded memory: what an administrator asks for when a phone did something odd.
//!
//! On the way of a message this is a push and two look-ups: its octets are shared with whoever received or sends it, and nothing is read
//! of them before somebody asks for the drawing.

mod draw;
mod mask;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use model::{CallId, WallTime};
use sip_core::{Flow, SessionId};

use crate::leg::Party;

/// Messages of one call that are kept; further ones are counted.
const MESSAGES_MAX: usize = 200;

/// As many have nearly all calls.
const MESSAGES_USUAL: usize = 16;

/// Octets of the messages of one call that are kept.
const CALL_OCTETS_MAX: usize = 64 << 10;

/// Ways that the messages of one call come and go by, and that are told apart.
const FLOWS_MAX: usize = 8;

/// What one call costs beside its messages: its place in the tables, its words, and the room for its first messages.
const CALL_COST: usize = 512 + MESSAGES_USUAL * MESSAGE_COST;

/// What one message costs beside its octets.
const MESSAGE_COST: usize = size_of::<Kept>();

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// The ladders of all calls, the live ones and as many of the ended ones as there is room for.
#[derive(Debug)]
pub(crate) struct Ladders {
    /// Octets that all ladders may hold; 0 keeps none.
    budget: usize,
    used: usize,
    calls: BTreeMap<CallId, Ladder>,
    sessions: BTreeMap<SessionId, (CallId, Party)>,
    /// Calls that are over, the oldest end first.
    ended: VecDeque<CallId>,
    /// An INVITE is heard before it is known whether it begins a call.
    unclaimed: Option<(SessionId, Instant, Flow, Bytes)>,
}

/// The messages of one call.
#[derive(Debug)]
struct Ladder {
    began: Instant,
    began_at: WallTime,
    /// What the parties are called: the numbers, near and far.
    names: [String; 2],
    sessions: Vec<SessionId>,
    /// The ways of its messages, in order of first use.
    flows: Vec<Flow>,
    messages: Vec<Kept>,
    /// Of the messages.
    octets: usize,
    /// What it takes of the budget.
    cost: usize,
    left_out: u32,
    is_over: bool,
}

/// One message.
#[derive(Debug)]
struct Kept {
    bytes: Bytes,
    /// Since the call began, in milliseconds.
    after_ms: u32,
    party: Party,
    way: Way,
    /// Its place among the ladder's flows; one beyond is not told.
    flow: u8,
}

impl Ladders {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, used: 0, calls: BTreeMap::new(), sessions: BTreeMap::new(), ended: VecDeque::new(), unclaimed: None }
    }

    /// Octets that are held.
    pub(crate) fn octets(&self) -> usize {
        self.used
    }

    /// Another budget from now on. What is too much for it is forgotten: calls that are over first, the oldest first.
    pub(crate) fn set_budget(&mut self, budget: usize) {
        self.budget = budget;
        while self.used > budget {
            if !self.forget_oldest_ended()
                && let Some(call) = self.calls.keys().next().copied()
            {
                self.forget(call);
            }
        }
    }

    /// A call begins, between these numbers.
    pub(crate) fn begin(&mut self, now: Instant, at: WallTime, call: CallId, near: &str, far: &str) {
        if !self.has_room(CALL_COST) {
            return;
        }
        self.used += CALL_COST;
        let ladder = Ladder {
            began: now,
            began_at: at,
            names: [near.to_owned(), far.to_owned()],
            sessions: Vec::with_capacity(2),
            flows: Vec::with_capacity(2),
            messages: Vec::with_capacity(MESSAGES_USUAL),
            octets: 0,
            cost: CALL_COST,
            left_out: 0,
            is_over: false,
        };
        self.calls.insert(call, ladder);
    }

    /// A session belongs to a call.
    pub(crate) fn join(&mut self, call: CallId, party: Party, session: SessionId) {
        let Some(ladder) = self.calls.get_mut(&call) else { return };
        if !ladder.sessions.contains(&session) {
            ladder.sessions.push(session);
            self.sessions.insert(session, (call, party));
        }
        if let Some((_, at, flow, bytes)) = self.unclaimed.take_if(|(of, ..)| *of == session) {
            self.keep(at, session, Way::In, flow, &bytes);
        }
    }

    /// A message of a session came or goes.
    pub(crate) fn keep(&mut self, now: Instant, session: SessionId, way: Way, flow: Flow, bytes: &Bytes) {
        if self.budget == 0 {
            return;
        }
        let Some((call, party)) = self.sessions.get(&session).copied() else {
            // What goes out of a session that is nobody's is the challenge to a stranger.
            if way == Way::In {
                self.unclaimed = Some((session, now, flow, bytes.clone()));
            }
            return;
        };
        let cost = MESSAGE_COST + held(way, bytes);
        // Room is looked for first, and may cost this very call its ladder.
        let has_room = self.has_room(cost);
        let Some(ladder) = self.calls.get_mut(&call) else { return };
        if !has_room || ladder.messages.len() >= MESSAGES_MAX || ladder.octets + bytes.len() > CALL_OCTETS_MAX {
            ladder.left_out = ladder.left_out.saturating_add(1);
            return;
        }
        ladder.push(now, party, way, flow, bytes);
        ladder.cost += cost;
        self.used += cost;
    }

    /// Nobody took the message that was heard last of a session without a call: it was a stranger's.
    pub(crate) fn forget_unclaimed(&mut self) {
        self.unclaimed = None;
    }

    /// The call is over: its last messages may still come, and it is forgotten when room is needed.
    pub(crate) fn end(&mut self, call: CallId) {
        if let Some(ladder) = self.calls.get_mut(&call)
            && !std::mem::replace(&mut ladder.is_over, true)
        {
            self.ended.push_back(call);
        }
    }

    /// The drawing of a call's messages; none of a call that is not remembered.
    pub(crate) fn draw(&self, call: CallId) -> Option<String> {
        self.calls.get(&call).map(|ladder| draw::draw(call, ladder))
    }

    /// Whether there is room for `cost` octets more, once old calls are forgotten.
    fn has_room(&mut self, cost: usize) -> bool {
        while self.used + cost > self.budget {
            if !self.forget_oldest_ended() {
                return false;
            }
        }
        true
    }

    fn forget_oldest_ended(&mut self) -> bool {
        let Some(call) = self.ended.pop_front() else { return false };
        self.forget(call);
        true
    }

    fn forget(&mut self, call: CallId) {
        let Some(ladder) = self.calls.remove(&call) else { return };
        for session in &ladder.sessions {
            self.sessions.remove(session);
        }
        self.used = self.used.saturating_sub(ladder.cost);
    }
}

/// The memory that a message keeps from being freed: one of ours lies in the buffer that it was written into.
fn held(way: Way, bytes: &Bytes) -> usize {
    match way {
        Way::In => bytes.len(),
        Way::Out => bytes.len().next_power_of_two().max(WRITTEN_IN),
    }
}

/// What the buffer of a message of ours has at least, in octets.
const WRITTEN_IN: usize = 1_024;

impl Ladder {
    fn push(&mut self, now: Instant, party: Party, way: Way, flow: Flow, bytes: &Bytes) {
        let place = self.flows.iter().position(|known| *known == flow).unwrap_or_else(|| {
            if self.flows.len() < FLOWS_MAX {
                self.flows.push(flow);
                self.flows.len() - 1
            } else {
                usize::from(u8::MAX)
            }
        });
        let after = now.saturating_duration_since(self.began).as_millis();
        self.octets += bytes.len();
        self.messages.push(Kept {
            bytes: bytes.clone(),
            after_ms: u32::try_from(after).unwrap_or(u32::MAX),
            party,
            way,
            flow: u8::try_from(place).unwrap_or(u8::MAX),
        });
    }
}
