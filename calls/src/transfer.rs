//! Who may hand a call on, to whom, and how two calls become one (RFC 3515, 5589; R14, R23).
//!
//! A phone asks by REFER within its call, an operator over REST; both come to the same. What happens then is `stage/transferring`.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use model::{CallId, Cause, Number, Refusal, Reply, SlotId, Transfer, TransferStatus, TransferTo, UserId, route::Decision};
use sip_core::{ReferId, Replaces, SessionId, SipUri};

use crate::{
    begin::MAX_FORWARDS,
    core::Core,
    lead::Onward,
    leg::{Leg, Party},
    stage::{Call, HandOn, Over, Stage, Talking, Transferring},
    switchboard::Switchboard,
    timeline::What,
};

/// How often one call may be handed on, attempts included, also those that a phone asked for in vain: each is told of, and leaves something behind.
pub(crate) const TRANSFERS_MAX: u8 = 32;

/// A party of a call that talks.
type Place = (CallId, Party);

impl Switchboard {
    /// A phone asks for the transfer of its call.
    ///
    /// Who may not ask is refused at once. Whatever else is in the way is told by NOTIFY: a 404, 480 or 481 to the REFER itself would end the
    /// phone's own call (RFC 5057, 5.1).
    pub(crate) fn referred(&mut self, now: Instant, session: SessionId, refer: ReferId, to: &Bytes, replaces: Option<&Replaces>) {
        let asks = self.core.party(session, false).ok_or(GONE).and_then(|(call, party)| {
            // It may be so in a moment.
            let (leg, _) = self.talking(call).ok_or(LATER)?.legs(party);
            // A carrier has no say in where our calls go.
            Ok((call, party, leg.slot.ok_or(DECLINED)?))
        });
        let (call, party, slot) = match asks {
            Ok(asks) => asks,
            Err(status) => {
                self.core.endpoint.answer_refer(now, session, refer, Err(status));
                return;
            }
        };
        if !self.core.endpoint.answer_refer(now, session, refer, Ok(())) {
            return;
        }
        let outcome = match replaces {
            None => number_of(to).ok_or(Refusal::NoRoute).and_then(|number| {
                let (onward, decision) = self.hand_on(now, call, slot, &number)?;
                let order = HandOn { by: party, refer: Some(refer), slot, onward, decision };
                self.touch(now, call, |call, core| call.transfer(now, core, order));
                Ok(())
            }),
            // Only a dialog of this very phone: it is in contact itself.
            Some(replaces) => self.named(replaces).and_then(|other| self.joinable((call, party), other)).map(|(stays, ends)| {
                self.core.endpoint.notify_refer(now, session, refer, 200);
                self.join_calls(now, stays, ends);
            }),
        };
        if let Err(refusal) = outcome {
            self.core.endpoint.notify_refer(now, session, refer, status_of(&refusal));
            let directory = Arc::clone(&self.core.directory);
            let center = directory.slot(slot).map(|entry| entry.center);
            let to = number_of(to).map(|number| center.map_or(number.clone(), |center| directory.plan().dialled(center, &number)));
            self.touch(now, call, |call, core| call.refused(now, core, slot, to.as_ref(), cause_of(&refusal)));
        }
    }

    /// The party whose dialog with us a Replaces names.
    fn named(&mut self, replaces: &Replaces) -> Result<Place, Refusal> {
        let session = self.core.endpoint.session_named(replaces).ok_or(Refusal::CallNotFound)?;
        self.core.party(session, false).ok_or(Refusal::CallNotFound)
    }

    /// An operator hands a call on.
    pub(crate) fn transfer(&mut self, now: Instant, user: UserId, any: bool, call: CallId, to: TransferTo) -> Result<Reply, Refusal> {
        self.must_own(user, any, call)?;
        let (party, slot) = self.who_leaves(user, any, call)?;
        match to {
            TransferTo::Number(number) => {
                let (onward, decision) = self.hand_on(now, call, slot, &number)?;
                self.touch(now, call, |call, core| call.transfer(now, core, HandOn { by: party, refer: None, slot, onward, decision }));
                Ok(Reply::CallTransferring { call })
            }
            TransferTo::Call(other) => {
                self.must_own(user, any, other)?;
                let (this, that) = self.shared(user, any, call, other).ok_or(Refusal::CallNotTransferable)?;
                let (stays, ends) = self.joinable((call, this), (other, that))?;
                self.join_calls(now, stays, ends);
                Ok(Reply::CallTransferring { call: stays.0 })
            }
        }
    }

    /// A call of the user's own (R18), or any.
    pub(crate) fn must_own(&self, user: UserId, any: bool, call: CallId) -> Result<model::CallView, Refusal> {
        let view = self.calls.get(&call).map(|call| call.timeline.view()).ok_or(Refusal::CallNotFound)?;
        let holds = |slot: SlotId| self.core.seats.holder(slot) == Some(user);
        // Once it is answered, whoever serves it now; not at whose desk it was, nor to whom it rings.
        let is_in_it = match view.answered_at {
            Some(_) => view.segments.iter().any(|segment| segment.to.is_none() && holds(segment.slot)),
            None => [view.caller_slot, view.callee_slot].into_iter().flatten().any(holds),
        };
        if any || view.user == Some(user) || is_in_it { Ok(view) } else { Err(Refusal::CallNotFound) }
    }

    /// Which party leaves when a user hands the call on: the user's own; of another's call the one on our side, and between two slots the one
    /// that dialled.
    fn who_leaves(&self, user: UserId, any: bool, call: CallId) -> Result<(Party, SlotId), Refusal> {
        let talking = self.talking(call).ok_or(Refusal::CallNotTransferable)?;
        let ours = [Party::Near, Party::Far].map(|party| talking.legs(party).0.slot.map(|slot| (party, slot)));
        let is_own = |slot: SlotId| self.core.seats.holder(slot) == Some(user);
        let own = ours.into_iter().flatten().find(|(_, slot)| is_own(*slot));
        if own.is_none() && !any {
            return Err(Refusal::CallNotFound);
        }
        own.or_else(|| ours.into_iter().flatten().next()).ok_or(Refusal::CallNotTransferable)
    }

    /// The slot that is in both calls, as the party that it is in each; of two the user's own. Whoever acts for others need not be in any.
    fn shared(&self, user: UserId, any: bool, one: CallId, other: CallId) -> Option<(Party, Party)> {
        let (one, other) = (self.talking(one)?, self.talking(other)?);
        let sides = [Party::Near, Party::Far];
        let shared: Vec<(SlotId, Party, Party)> = sides
            .into_iter()
            .filter_map(|this| {
                let slot = one.legs(this).0.slot?;
                let that = sides.into_iter().find(|that| other.legs(*that).0.slot == Some(slot))?;
                Some((slot, this, that))
            })
            .collect();
        let own = shared.iter().find(|(slot, ..)| self.core.seats.holder(*slot) == Some(user));
        own.or_else(|| shared.first().filter(|_| any)).map(|(_, this, that)| (*this, *that))
    }

    /// The leave for a call to `number` in place of the slot, and where that leads: as if the slot had dialled it (R23, B-55).
    fn hand_on(&mut self, now: Instant, call: CallId, slot: SlotId, number: &Number) -> Result<(Onward, Decision), Refusal> {
        let known = self.calls.get(&call).filter(|call| call.transfers < TRANSFERS_MAX).ok_or(Refusal::CallNotTransferable)?;
        let directory = Arc::clone(&self.core.directory);
        let entry = directory.slot(slot).ok_or(Refusal::SlotNotFound)?;
        let start = known.timeline.start().dialled_by(entry);
        // This very call is one of the slot's, and it is about to leave it.
        let reached = self.core.way_to(now, &start, Some(self.core.beside(slot, call)), number);
        // Who is handed on has talked already, and waits for no program: what a route asks is settled by its default.
        let (permit, decision) = self.core.ordered(now, &start, entry, reached.settled())?;
        self.may_leave_to(call, slot, permit.number(), &decision)?;
        Ok((Onward::new(permit, MAX_FORWARDS, Some(slot)), decision))
    }

    /// Two calls of one slot, both of which talk: which goes on, without the slot, and which ends. The older one is the customer's, for a
    /// consultation is always about a call that there was before (R11, R14).
    fn joinable(&self, one: Place, two: Place) -> Result<(Place, Place), Refusal> {
        let (stays, ends) = if one.0 < two.0 { (one, two) } else { (two, one) };
        let no = Refusal::CallNotTransferable;
        let (Some(older), Some(younger)) = (self.talking(stays.0), self.talking(ends.0)) else { return Err(no) };
        let ((mine, other), (mine_too, another)) = (older.legs(stays.1), younger.legs(ends.1));
        let is_one = mine.slot.is_some() && mine.slot == mine_too.slot && stays.0 != ends.0;
        // A packet of sound never changes its thread. A consultation is begun where the call is that it is about, as long as there are ports.
        let is_near = other.audio.port.worker == another.audio.port.worker;
        let is_itself = other.slot.is_some() && other.slot == another.slot;
        let has_times = self.calls.get(&stays.0).is_some_and(|call| call.transfers < TRANSFERS_MAX);
        // Somebody of ours talks to help (`carriers/between`).
        let is_for_help = [stays.0, ends.0].into_iter().any(|call| self.core.carriers.caps.is_for_help(call));
        let leaves_help = other.slot.is_none() && another.slot.is_none() && is_for_help;
        if is_one && is_near && !is_itself && !leaves_help && has_times { Ok((stays, ends)) } else { Err(no) }
    }

    /// Makes one call of two that are [`Self::joinable`].
    fn join_calls(&mut self, now: Instant, stays: Place, ends: Place) {
        let mut given = None;
        self.touch(now, ends.0, |call, core| given = call.give_up(now, core, ends.1, stays));
        if let Some(leg) = given {
            self.touch(now, stays.0, |call, core| call.take_in(now, core, stays.1, leg));
        }
    }

    /// The worker that carries a call that talks, or is handed on.
    pub(crate) fn worker_of(&self, call: CallId) -> Option<usize> {
        self.calls.get(&call)?.stage.worker()
    }

    fn talking(&self, call: CallId) -> Option<&Talking> {
        match &self.calls.get(&call)?.stage {
            Stage::Talking(talking) => Some(talking),
            _ => None,
        }
    }
}

impl Call {
    /// One party hands the other on.
    fn transfer(&mut self, now: Instant, core: &mut Core, order: HandOn) {
        self.transfers = self.transfers.saturating_add(1);
        self.step(now, core, |stage, cx| match stage {
            Stage::Talking(talking) => Transferring::begin(cx, talking, order),
            other => other,
        });
    }

    /// A phone has asked for what may not be, or cannot. Attempts at toll fraud are worth knowing of.
    fn refused(&mut self, now: Instant, core: &mut Core, by: SlotId, to: Option<&Number>, cause: Option<Cause>) {
        if self.transfers >= TRANSFERS_MAX {
            return;
        }
        self.transfers += 1;
        self.step(now, core, |stage, cx| {
            let transfer = Transfer { cause, ..cx.core.transfer(by, to, cx.wall(), TransferStatus::Refused) };
            cx.note(What::HandedOn(transfer));
            stage
        });
    }

    /// The call ends, and what belongs to the other party than `leaving` is that of a call which goes on.
    fn give_up(&mut self, now: Instant, core: &mut Core, leaving: Party, to: Place) -> Option<Leg> {
        let mut given = None;
        self.step(now, core, |stage, cx| match stage {
            Stage::Talking(talking) => {
                let from = cx.timeline.start().call;
                let (leg, _, leaves) = talking.part(leaving);
                cx.core.join(to.0, to.1, &leg);
                cx.core.carriers.caps.hand_over(from, to.0);
                cx.core.hand_over_budget(leg.session, to.0);
                if let Some(slot) = leg.slot {
                    cx.core.seats.hand_over(cx.now, slot, from, to.0);
                }
                given = Some(leg);
                Over::new(vec![leaves], Cause::Transferred).into()
            }
            other => other,
        });
        given
    }

    /// A party that talks already takes the place of the one that leaves.
    fn take_in(&mut self, now: Instant, core: &mut Core, leaving: Party, joins: Leg) {
        self.transfers = self.transfers.saturating_add(1);
        self.step(now, core, |stage, cx| match stage {
            Stage::Talking(talking) => {
                let (stays, place, leaves) = talking.part(leaving);
                if let Some(by) = leaves.slot {
                    let transfer = cx.core.transfer(by, None, cx.wall(), TransferStatus::Answered);
                    cx.remember(What::HandedOn(Transfer { to: joins.shown.clone(), ..transfer }));
                }
                let talking = Talking::join(cx, stays, joins, place);
                cx.let_go(&leaves);
                Stage::Talking(talking)
            }
            other => {
                cx.core.close(cx.now, &joins, Cause::Internal);
                other
            }
        });
    }
}

/// The dialog is none of ours, or is over.
pub(crate) const GONE: u16 = 481;
/// It cannot be now, and may be in a moment.
const LATER: u16 = 491;
/// It may not be.
pub(crate) const DECLINED: u16 = 603;

/// How a phone is told why its call is not handed on.
fn status_of(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::CallNotFound => GONE,
        Refusal::DestinationNotAllowed { .. } | Refusal::PremiumNotAllowed { .. } | Refusal::BudgetClosed { .. } => 403,
        Refusal::SlotCallLimit { .. } => 486,
        Refusal::NoRoute => 404,
        Refusal::Unavailable => 480,
        _ => DECLINED,
    }
}

/// The same for who looks at the call.
fn cause_of(refusal: &Refusal) -> Option<Cause> {
    match refusal {
        Refusal::DestinationNotAllowed { .. } => Some(Cause::DestinationNotAllowed),
        Refusal::PremiumNotAllowed { .. } => Some(Cause::PremiumNotAllowed),
        Refusal::BudgetClosed { .. } => Some(Cause::BudgetClosed),
        Refusal::SlotCallLimit { .. } => Some(Cause::SlotCallLimit),
        Refusal::NoRoute => Some(Cause::NoSuchNumber),
        Refusal::Unavailable => Some(Cause::CarrierFailed),
        _ => None,
    }
}

/// The number that a Refer-To names: the user of its URI, or what a `tel:` URI says (RFC 3966).
fn number_of(uri: &[u8]) -> Option<Number> {
    let text = match uri.split_at_checked(4) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"tel:") => {
            let number = rest.split(|octet| *octet == b';').next()?;
            std::str::from_utf8(number).ok()?.to_owned()
        }
        _ => SipUri::parse(uri).ok()?.user_text()?,
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number_of;

    #[test]
    fn a_refer_to_is_read_as_a_number() {
        let rows: [(&str, Option<&str>); 8] = [
            ("sip:6002@pbx.test", Some("6002")),
            ("sips:%2B74951234567@pbx.test;user=phone", Some("+74951234567")),
            ("tel:+7-495-123-45-67;phone-context=x", Some("+74951234567")),
            ("TEL:112", Some("112")),
            ("sip:pbx.test", None),
            ("sip:alice@pbx.test", None),
            ("tel:", None),
            ("te", None),
        ];
        for (uri, expected) in rows {
            assert_eq!(number_of(uri.as_bytes()).map(|number| number.to_string()).as_deref(), expected, "{uri}");
        }
    }
}
