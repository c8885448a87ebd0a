//! The SIP messages of a call, kept in bounded memory: what an administrator asks for when a phone did something odd.
//!
//! On the way of a message this is a push and two look-ups: its octets are shared with whoever received or sends it, and nothing is read
//! of them before somebody asks for the drawing. Even then the switchboard only shares them: the asker draws, in the asker's own time.

mod draw;
mod mask;

pub use mask::{first_line_shown, masked};

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Instant,
};

use bytes::Bytes;
use model::{CallId, Draw, Drawing, WallTime, route::Asked};
use sip_core::{Flow, SessionId};

use crate::leg::Party;

/// Messages of one call that are kept: half of them the first ones, the others the last. Those between are counted.
const MESSAGES_MAX: usize = 200;

/// As many have nearly all calls.
const MESSAGES_USUAL: usize = 16;

/// Octets of the messages of one call that are kept: half of them of the first ones.
const CALL_OCTETS_MAX: usize = 64 << 10;

/// The part of the budget, as one in so many, that calls which were refused at once may hold when memory is short. Without it a single
/// phone that dials what it may not would make us forget every other call; with it such calls are remembered for a while all the same.
const REFUSED_SHARE: usize = 8;

/// Ways that the messages of one call come and go by, and that are told apart.
const FLOWS_MAX: usize = 8;

/// Questions to programs that the ladder of a call tells of.
const REMARKS_MAX: usize = 4;

/// Parties of one call that are told apart: those that ring, that are tried and that it is handed on to.
const LANES_MAX: usize = 16;

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
    /// Of which call each session is, and its place among that ladder's lanes.
    sessions: BTreeMap<SessionId, (CallId, u8)>,
    /// Calls that are over, the oldest end first.
    ended: VecDeque<CallId>,
    /// The same of calls that were refused before anybody else was called.
    refused: VecDeque<CallId>,
    /// What those take of the budget.
    refused_used: usize,
    /// An INVITE is heard before it is known whether it begins a call.
    unclaimed: Option<(SessionId, Instant, Flow, Bytes)>,
}

/// The messages of one call.
#[derive(Debug, Clone)]
struct Ladder {
    began: Instant,
    began_at: WallTime,
    /// The parties, in order of first use; the first two are those between whom the call began, near and far. A party that is handed on is
    /// drawn where it stood, by whichever side it goes on.
    lanes: Vec<Lane>,
    sessions: Vec<SessionId>,
    /// The ways of its messages, in order of first use.
    flows: Vec<Flow>,
    messages: Vec<Kept>,
    /// How many of the messages are its first ones, which stay.
    first: usize,
    /// Of those.
    first_octets: usize,
    /// Of the messages.
    octets: usize,
    /// What it takes of the budget.
    cost: usize,
    /// Messages that were left out behind the last one that is kept.
    left_out: u32,
    /// Programs that were asked where the call goes, and when; at most [`REMARKS_MAX`]. Part of [`CALL_COST`].
    remarks: Vec<(u32, Asked)>,
    /// Whether anybody was called.
    has_far: bool,
    is_over: bool,
    /// It is over, and was refused before anybody was called.
    is_refused: bool,
}

/// A party.
#[derive(Debug, Clone)]
struct Lane {
    /// Its number.
    name: String,
    /// On which side it is drawn.
    is_near: bool,
}

/// One message.
#[derive(Debug, Clone)]
struct Kept {
    bytes: Bytes,
    /// Since the call began, in milliseconds.
    after_ms: u32,
    /// Whose it is: a place among the ladder's lanes; one beyond is not told.
    lane: u8,
    way: Way,
    /// Its place among the ladder's flows; one beyond is not told.
    flow: u8,
    /// Messages that were left out before it.
    left_out: u32,
}

impl Ladders {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            used: 0,
            calls: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: VecDeque::new(),
            refused: VecDeque::new(),
            refused_used: 0,
            unclaimed: None,
        }
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
            lanes: vec![Lane { name: near.to_owned(), is_near: true }, Lane { name: far.to_owned(), is_near: false }],
            sessions: Vec::with_capacity(2),
            flows: Vec::with_capacity(2),
            messages: Vec::with_capacity(MESSAGES_USUAL),
            first: 0,
            first_octets: 0,
            octets: 0,
            cost: CALL_COST,
            left_out: 0,
            remarks: Vec::new(),
            has_far: false,
            is_over: false,
            is_refused: false,
        };
        self.calls.insert(call, ladder);
    }

    /// A session belongs to a call, whose party has this number; `None`: it is the one by which the call began.
    pub(crate) fn join(&mut self, call: CallId, party: Party, session: SessionId, number: Option<&str>) {
        let Some(ladder) = self.calls.get_mut(&call) else { return };
        let is_near = party == Party::Near;
        ladder.has_far |= !is_near;
        if !ladder.sessions.contains(&session) {
            ladder.sessions.push(session);
            let lane = ladder.lane(is_near, number);
            self.sessions.insert(session, (call, lane));
        }
        if let Some((_, at, flow, bytes)) = self.unclaimed.take_if(|(of, ..)| *of == session) {
            self.keep(at, session, Way::In, flow, &bytes);
        }
    }

    /// A program was asked where a call goes.
    pub(crate) fn remark(&mut self, now: Instant, call: CallId, asked: &Asked) {
        let Some(ladder) = self.calls.get_mut(&call).filter(|ladder| ladder.remarks.len() < REMARKS_MAX) else { return };
        let after = now.saturating_duration_since(ladder.began).as_millis();
        ladder.remarks.push((u32::try_from(after).unwrap_or(u32::MAX), asked.clone()));
    }

    /// A message of a session came or goes.
    pub(crate) fn keep(&mut self, now: Instant, session: SessionId, way: Way, flow: Flow, bytes: &Bytes) {
        if self.budget == 0 {
            return;
        }
        let Some((call, lane)) = self.sessions.get(&session).copied() else {
            // What goes out of a session that is nobody's is the challenge to a stranger.
            if way == Way::In {
                self.unclaimed = Some((session, now, flow, bytes.clone()));
            }
            return;
        };
        let is_room = self.make_room(call, bytes.len());
        // Looking for room may have cost this very call its ladder.
        let Some(ladder) = self.calls.get_mut(&call) else { return };
        if !is_room {
            ladder.left_out = ladder.left_out.saturating_add(1);
            return;
        }
        ladder.push(now, lane, way, flow, bytes);
        self.used += MESSAGE_COST + bytes.len();
        if ladder.is_refused {
            self.refused_used += MESSAGE_COST + bytes.len();
        }
    }

    /// Nobody took the message that was heard last of a session without a call: it was a stranger's.
    pub(crate) fn forget_unclaimed(&mut self) {
        self.unclaimed = None;
    }

    /// The call is over: its last messages may still come, and it is forgotten when room is needed.
    pub(crate) fn end(&mut self, call: CallId) {
        let Some(ladder) = self.calls.get_mut(&call) else { return };
        if std::mem::replace(&mut ladder.is_over, true) {
            return;
        }
        // A call that we place begins with a message of ours.
        let was_dialled = ladder.messages.first().is_none_or(|first| first.way == Way::In);
        ladder.is_refused = was_dialled && !ladder.has_far;
        if ladder.is_refused {
            self.refused.push_back(call);
            self.refused_used += ladder.cost;
        } else {
            self.ended.push_back(call);
        }
    }

    /// A call's messages as they are now, for whoever wants them drawn; none of a call that is not remembered.
    ///
    /// They are shared, [`MESSAGES_MAX`] at most, and stay in memory with the drawing if they are forgotten here.
    pub(crate) fn drawing(&self, call: CallId) -> Option<Drawing> {
        self.calls.get(&call).map(|ladder| Drawing::new(Sheet { call, ladder: ladder.clone() }))
    }

    /// Whether there is room for one more message of a call, once what it says between its first messages and its last is left out.
    fn make_room(&mut self, call: CallId, octets: usize) -> bool {
        let Some(ladder) = self.calls.get(&call) else { return false };
        if ladder.first_octets + octets > CALL_OCTETS_MAX {
            return false;
        }
        while self.calls.get(&call).is_some_and(|ladder| !ladder.fits(octets)) {
            if !self.leave_out(call) {
                return false;
            }
        }
        while !self.has_room(MESSAGE_COST + octets) {
            if !self.leave_out(call) {
                return false;
            }
        }
        true
    }

    /// Leaves out the oldest message of a call that is none of its first ones.
    fn leave_out(&mut self, call: CallId) -> bool {
        let Some(ladder) = self.calls.get_mut(&call) else { return false };
        let freed = ladder.leave_out();
        self.used = self.used.saturating_sub(freed);
        if ladder.is_refused {
            self.refused_used = self.refused_used.saturating_sub(freed);
        }
        freed > 0
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

    /// Forgets a call that is over: one that was refused if those hold more than their share, else the oldest of the others.
    fn forget_oldest_ended(&mut self) -> bool {
        let is_refused_first = self.refused_used > self.budget / REFUSED_SHARE;
        let (these, those) = if is_refused_first { (&mut self.refused, &mut self.ended) } else { (&mut self.ended, &mut self.refused) };
        let Some(call) = these.pop_front().or_else(|| those.pop_front()) else { return false };
        self.forget(call);
        true
    }

    fn forget(&mut self, call: CallId) {
        let Some(ladder) = self.calls.remove(&call) else { return };
        for session in &ladder.sessions {
            // One that was handed over to another call is drawn there.
            if self.sessions.get(session).is_some_and(|(of, _)| *of == call) {
                self.sessions.remove(session);
            }
        }
        self.used = self.used.saturating_sub(ladder.cost);
        if ladder.is_refused {
            self.refused_used = self.refused_used.saturating_sub(ladder.cost);
        }
    }
}

/// A ladder that was given away.
struct Sheet {
    call: CallId,
    ladder: Ladder,
}

impl Draw for Sheet {
    fn text(&self) -> String {
        draw::draw(self.call, &self.ladder)
    }
}

/// How much it is, for logs and tapes. What phones said is not masked before it is drawn.
impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ladder { messages, octets, is_over, .. } = &self.ladder;
        let left_out = self.ladder.left_out();
        write!(f, "Ladder({}, {} messages, {octets} octets, {left_out} left out, over: {is_over})", self.call, messages.len())
    }
}

impl Ladder {
    /// The place of a party's lane.
    fn lane(&mut self, is_near: bool, number: Option<&str>) -> u8 {
        let number = number.filter(|number| !number.is_empty());
        let is_it = |lane: &Lane| lane.is_near == is_near && number.is_none_or(|number| lane.name == number);
        let place = self.lanes.iter().position(is_it).unwrap_or_else(|| {
            if self.lanes.len() < LANES_MAX {
                self.lanes.push(Lane { name: number.unwrap_or_default().to_owned(), is_near });
                self.lanes.len() - 1
            } else {
                usize::from(u8::MAX)
            }
        });
        u8::try_from(place).unwrap_or(u8::MAX)
    }

    fn push(&mut self, now: Instant, lane: u8, way: Way, flow: Flow, bytes: &Bytes) {
        let place = self.flows.iter().position(|known| *known == flow).unwrap_or_else(|| {
            if self.flows.len() < FLOWS_MAX {
                self.flows.push(flow);
                self.flows.len() - 1
            } else {
                usize::from(u8::MAX)
            }
        });
        let after = now.saturating_duration_since(self.began).as_millis();
        let is_first = self.messages.is_empty()
            || self.messages.len() == self.first
                && self.left_out == 0
                && self.first < MESSAGES_MAX / 2
                && self.first_octets + bytes.len() <= CALL_OCTETS_MAX / 2;
        if is_first {
            self.first += 1;
            self.first_octets += bytes.len();
        }
        self.octets += bytes.len();
        self.cost += MESSAGE_COST + bytes.len();
        self.messages.push(Kept {
            bytes: bytes.clone(),
            after_ms: u32::try_from(after).unwrap_or(u32::MAX),
            lane,
            way,
            flow: u8::try_from(place).unwrap_or(u8::MAX),
            left_out: std::mem::take(&mut self.left_out),
        });
    }

    /// Whether a call may hold so many octets more.
    fn fits(&self, octets: usize) -> bool {
        self.messages.len() < MESSAGES_MAX && self.octets + octets <= CALL_OCTETS_MAX
    }

    /// Leaves out the oldest message behind the first ones. What it cost, 0 if there is none.
    fn leave_out(&mut self) -> usize {
        if self.messages.len() <= self.first {
            return 0;
        }
        let gone = self.messages.remove(self.first);
        let count = gone.left_out.saturating_add(1);
        let next = self.messages.get_mut(self.first).map_or(&mut self.left_out, |next| &mut next.left_out);
        *next = next.saturating_add(count);
        let freed = MESSAGE_COST + gone.bytes.len();
        self.octets = self.octets.saturating_sub(gone.bytes.len());
        self.cost = self.cost.saturating_sub(freed);
        freed
    }

    /// How many messages were left out in all.
    fn left_out(&self) -> u32 {
        self.messages.iter().fold(self.left_out, |sum, message| sum.saturating_add(message.left_out))
    }
}
