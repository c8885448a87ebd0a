//! The lamps of phones: what a number does, for who watches it (RFC 4235).
//!
//! Told is that the number is in a call, how far that call is and who began it; never with whom, nor by what the call could be taken over. A slot's
//! part in a call is what `seats` says, and how far the call is what its timeline says, so no stage of a call has to think of lamps.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use model::{CallId, CallStatus, CallView, Event, SlotId};
use sip_core::{
    Flow, Notice, Package,
    notifier::{DialogInfo, DialogState, Direction, WatchedDialog, WatchedParty},
};

use crate::{core::Core, registration::record_key, switchboard::Switchboard};

/// What is shown of the numbers that are watched, and which of them have changed since it was told.
#[derive(Debug, Default)]
pub(crate) struct Lamps {
    /// Of watched slots only.
    shown: BTreeMap<SlotId, Lamp>,
    changed: BTreeSet<SlotId>,
    /// Streams that ended by which phones were told of lamps, until they register again. One a slot.
    pub(crate) lost: BTreeMap<SlotId, Flow>,
}

/// What is shown of one number.
#[derive(Debug, Default)]
struct Lamp {
    /// Its calls, those included that ended last: they are told as over once.
    calls: Vec<(CallId, WatchedDialog)>,
    /// Dialogs that it had. By their number they are named, so that two lamps do not tell by a name that they speak of one call.
    dialogs: u64,
}

impl Lamp {
    /// Takes the calls as they are now; if they are the same as before, what was over stays so.
    fn turn(&mut self, live: &[(CallId, DialogState, Direction)], entity: &str) {
        let before = self.calls.iter().filter(|(_, dialog)| dialog.state != DialogState::Terminated);
        if before.map(|(call, dialog)| (*call, dialog.state)).eq(live.iter().map(|(call, state, _)| (*call, *state))) {
            return;
        }
        let mut calls = Vec::new();
        for (call, mut dialog) in std::mem::take(&mut self.calls) {
            match live.iter().find(|(of, ..)| *of == call) {
                Some((_, state, _)) => dialog.state = *state,
                None if dialog.state == DialogState::Terminated => continue,
                None => dialog.state = DialogState::Terminated,
            }
            calls.push((call, dialog));
        }
        for (call, state, direction) in live {
            if calls.iter().all(|(of, _)| of != call) {
                self.dialogs += 1;
                let local = WatchedParty { display: None, uri: entity.to_owned() };
                let (id, direction) = (self.dialogs.to_string(), Some(*direction));
                calls.push((*call, WatchedDialog { id, state: *state, direction, tags: None, local: Some(local), remote: None }));
            }
        }
        self.calls = calls;
    }
}

impl Core {
    /// Something is told of slots, which may be a change of their lamps.
    pub(crate) fn mark_lamps(&mut self, event: &Event) {
        if self.endpoint.subscriptions() == 0 {
            return;
        }
        match event {
            Event::CallUpdated(view) => {
                let named = [view.caller_slot, view.callee_slot].into_iter().flatten();
                let slots: Vec<SlotId> = named.chain(self.seats.slots_of(view.call_id)).collect();
                self.lamps.changed.extend(slots);
            }
            Event::SlotUpdated(view) => _ = self.lamps.changed.insert(view.id),
            _ => {}
        }
    }

    /// A slot is out of service or gone: it is told nothing any more.
    pub(crate) fn end_watching(&mut self, now: Instant, slot: SlotId) {
        self.lamps.lost.remove(&slot);
        self.endpoint.unsubscribe(now, record_key(slot));
    }

    /// A slot is gone: there is nothing of it to watch.
    pub(crate) fn end_watched(&mut self, now: Instant, slot: SlotId) {
        for package in [Package::Dialog, Package::MessageSummary] {
            self.endpoint.withdraw(now, package, record_key(slot));
        }
        self.lamps.shown.remove(&slot);
    }

    /// The stream of a slot's phone is gone.
    pub(crate) fn lost_watcher(&mut self, slot: SlotId, flow: Flow) {
        if self.endpoint.subscriptions_of(record_key(slot)) > 0 {
            self.lamps.lost.insert(slot, flow);
        }
    }
}

impl Switchboard {
    /// Tells the lamps that have changed. False: none has.
    pub(crate) fn tell_lamps(&mut self, now: Instant) -> bool {
        let changed = std::mem::take(&mut self.core.lamps.changed);
        for slot in &changed {
            if self.core.endpoint.is_watched(Package::Dialog, record_key(*slot)) {
                let notice = self.lamp(*slot);
                self.core.endpoint.publish(now, record_key(*slot), notice);
            } else {
                self.core.lamps.shown.remove(slot);
            }
        }
        !changed.is_empty()
    }

    /// What a number does now, for who comes to watch it or goes on to: what was over is told once, with the change, and to nobody again.
    pub(crate) fn lamp_now(&mut self, slot: SlotId) -> Notice {
        match self.lamp(slot) {
            Notice::Dialog(DialogInfo { entity, mut dialogs }) => {
                dialogs.retain(|dialog| dialog.state != DialogState::Terminated);
                Notice::Dialog(DialogInfo { entity, dialogs })
            }
            other => other,
        }
    }

    /// What a number does now, and what has just ended.
    fn lamp(&mut self, slot: SlotId) -> Notice {
        let number = self.core.directory.slot(slot).map(|entry| entry.number.as_str()).unwrap_or_default();
        let entity = format!("sip:{number}@{}", self.core.settings.domain);
        let of_call = |call: CallId| {
            let view = self.call_view(call)?;
            Some((call, state(&view, slot)?, direction(&view, slot)))
        };
        let live: Vec<_> = self.core.seats.calls_of(slot).filter_map(of_call).collect();
        let lamp = self.core.lamps.shown.entry(slot).or_default();
        lamp.turn(&live, &entity);
        Notice::Dialog(DialogInfo { entity, dialogs: lamp.calls.iter().map(|(_, dialog)| dialog.clone()).collect() })
    }

    /// Nobody has come to watch a slot after all.
    pub(crate) fn forget_lamp(&mut self, slot: SlotId) {
        if !self.core.endpoint.is_watched(Package::Dialog, record_key(slot)) {
            self.core.lamps.shown.remove(&slot);
        }
    }
}

/// How far a slot's part in a call is. A phone that rings while others talk has not been answered.
fn state(view: &CallView, slot: SlotId) -> Option<DialogState> {
    let talks = view.segments.iter().any(|segment| segment.slot == slot && segment.to.is_none());
    match view.status {
        CallStatus::Dialing => Some(DialogState::Trying),
        CallStatus::Ringing => Some(DialogState::Early),
        CallStatus::Answered | CallStatus::Held if talks => Some(DialogState::Confirmed),
        CallStatus::Answered | CallStatus::Held => Some(DialogState::Early),
        CallStatus::Ended => None,
    }
}

/// Who called: the number, or somebody it.
fn direction(view: &CallView, slot: SlotId) -> Direction {
    if view.caller_slot == Some(slot) { Direction::Initiator } else { Direction::Recipient }
}
