//! All slots: what may be asked of them, and what is told about them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use model::{Anchor, CallId, Directory, Event, Fact, Refusal, SlotId, SlotState, SlotView, UserId, WallTime};

use crate::{
    lease::Lease,
    slot::{Part, Slot, Timer},
};

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatsSettings {
    /// A lease ends this long after the holder's last sign of life (R6).
    pub lease: Duration,
    /// A binding that lapsed under a lease counts this much longer (R5).
    pub unregistered_grace: Duration,
}

impl Default for SeatsSettings {
    /// 90 s and 60 s (R5, R6).
    fn default() -> Self {
        Self { lease: Duration::from_secs(90), unregistered_grace: Duration::from_secs(60) }
    }
}

/// What an input brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatsOutput {
    /// News for whoever listens. One input tells at most one event of a slot: its final picture.
    Event(Event),
    /// For the journal, before the wire hears of it (R22). A fact comes before the event that shows it.
    Fact(Fact),
}

/// The slots of the directory, and nothing else: nothing from the network can add one.
///
/// The owner calls [`Seats::wake`] when [`Seats::timeout`] has passed. A late wake favours the holder of a lease.
#[derive(Debug)]
pub struct Seats {
    settings: SeatsSettings,
    anchor: Option<Anchor>,
    slots: BTreeMap<SlotId, Slot>,
    /// Which slot a person holds: at most one (R3).
    held: BTreeMap<UserId, SlotId>,
    /// Which slots take part in a call.
    parts: BTreeSet<(CallId, SlotId)>,
    timers: BTreeSet<(Instant, Timer, SlotId)>,
    outputs: VecDeque<SeatsOutput>,
}

impl Seats {
    /// No slots yet: see [`Seats::directory`].
    #[must_use]
    pub fn new(settings: SeatsSettings) -> Self {
        Self {
            settings,
            anchor: None,
            slots: BTreeMap::new(),
            held: BTreeMap::new(),
            parts: BTreeSet::new(),
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Says what the wall clock shows at `now`. Until then all wall times are 0.
    pub fn set_clock(&mut self, now: Instant, wall: WallTime) {
        self.anchor = Some(Anchor { mono: now, wall });
    }

    /// How long things last from now on: leases at their holder's next sign of life, graces when they begin.
    pub fn reconfigure(&mut self, settings: SeatsSettings) {
        self.settings = settings;
    }

    // ---- who there is

    /// Takes the directory: slots that are new come, slots that left it go, numbers may change.
    ///
    /// A new slot starts in the service state that the directory gives.
    /// For a known slot [`Seats::set_service`] is the only way in: its fact may still be on its way to the store, so what the
    /// directory says may be older.
    /// A slot that leaves during a call goes too; its call ends without it.
    pub fn directory(&mut self, now: Instant, directory: &Directory) {
        let gone: Vec<SlotId> = self.slots.keys().copied().filter(|id| directory.slot(*id).is_none()).collect();
        for id in gone {
            self.remove(id);
        }
        let wall = self.wall(now);
        for entry in directory.slots() {
            let slot = self.slots.entry(entry.id).or_insert_with(|| Slot::new(entry, wall));
            slot.center = entry.center;
            slot.kind = entry.kind;
            slot.retired = false;
            if slot.number != entry.number.as_str() {
                entry.number.as_str().clone_into(&mut slot.number);
            }
            self.settle(now, entry.id);
        }
    }

    /// Puts back the lease that a slot had when the server stopped. Its holder has the whole lease time to come back.
    ///
    /// For the start, between the first [`Seats::directory`] and the first call. Tells no fact, for the store has it; but a lease that
    /// cannot be (the slot is out of service, or the person holds another) is told to be over.
    pub fn restore_lease(&mut self, now: Instant, slot: SlotId, holder: Option<UserId>, epoch: u64) {
        let at = self.wall(now);
        let alive_until = now + self.settings.lease;
        let Some(seat) = self.slots.get_mut(&slot) else { return };
        seat.epoch = seat.epoch.max(epoch);
        if let Some(holder) = holder
            && seat.lease.is_none()
        {
            if seat.service == SlotState::Idle && !self.held.contains_key(&holder) {
                seat.lease = Some(Lease { holder, alive_until });
                self.held.insert(holder, slot);
            } else {
                let epoch = seat.epoch;
                self.tell(Fact::Leased { slot, holder: None, epoch, at });
            }
        }
        self.settle(now, slot);
    }

    /// Forgets slots that are about to be deleted from the store. Refused whole if one of them is in a call.
    ///
    /// Their leases end. They are gone for everybody at once, and come back if the next directory still has them.
    pub fn retire(&mut self, now: Instant, slots: &[SlotId]) -> Result<(), Refusal> {
        if let Some(busy) = slots.iter().filter_map(|id| self.slots.get(id)).find(|slot| slot.in_call()) {
            return Err(Refusal::SlotInCall { number: busy.number.clone(), state: busy.state() });
        }
        for id in slots {
            self.end_lease(now, *id);
            if let Some(slot) = self.slots.get_mut(id) {
                slot.retired = true;
            }
            self.settle(now, *id);
        }
        Ok(())
    }

    /// Puts a slot into service ([`SlotState::Idle`]) or out of it ([`SlotState::Fault`], [`SlotState::Disabled`]).
    ///
    /// Refused during a call. Going out of service ends the lease, so that coming back leads to IDLE (R5).
    pub fn set_service(&mut self, now: Instant, slot: SlotId, state: SlotState) -> Result<SlotView, Refusal> {
        let seat = self.known(slot)?;
        if !matches!(state, SlotState::Idle | SlotState::Fault | SlotState::Disabled) {
            return Err(Refusal::SlotNotCallable { number: seat.number.clone(), state });
        }
        if seat.service != state {
            if seat.in_call() {
                return Err(Refusal::SlotInCall { number: seat.number.clone(), state: seat.state() });
            }
            if state != SlotState::Idle {
                self.end_lease(now, slot);
            }
            let at = self.wall(now);
            self.known_mut(slot)?.service = state;
            self.tell(Fact::ServiceSet { slot, state, at });
        }
        self.settle(now, slot);
        self.current(slot)
    }

    // ---- leases

    /// A person takes a slot (R6). Taking one's own slot again is a sign of life and changes nothing.
    pub fn take(&mut self, now: Instant, user: UserId, slot: SlotId) -> Result<SlotView, Refusal> {
        let seat = self.known(slot)?;
        if seat.holder() == Some(user) {
            self.keep_alive(now, user);
        } else {
            Self::must_serve(seat)?;
            if seat.in_call() && seat.lease.is_none() {
                return Err(Refusal::SlotInCall { number: seat.number.clone(), state: seat.state() });
            }
            self.must_be_takable(user, slot)?;
            self.begin_lease(now, user, slot);
        }
        self.settle(now, slot);
        self.current(slot)
    }

    /// A person lets a slot go, or with `any` somebody ends another's lease. Never during a call (R6).
    ///
    /// Releasing what nobody holds changes nothing, so that a repeated request does no harm.
    /// An `epoch` that is not the slot's newest is refused.
    pub fn release(&mut self, now: Instant, user: UserId, any: bool, slot: SlotId, epoch: Option<u64>) -> Result<SlotView, Refusal> {
        let seat = self.known(slot)?;
        if epoch.is_some_and(|epoch| epoch != seat.epoch) {
            return Err(Refusal::StaleEpoch { epoch: seat.epoch });
        }
        if let Some(holder) = seat.holder() {
            if holder != user && !any {
                return Err(Refusal::NotHolder { number: seat.number.clone() });
            }
            if seat.in_call() {
                return Err(Refusal::SlotInCall { number: seat.number.clone(), state: seat.state() });
            }
            self.end_lease(now, slot);
        }
        self.settle(now, slot);
        self.current(slot)
    }

    /// A sign of life of a person: the lease, if there is one, lasts from now.
    pub fn keep_alive(&mut self, now: Instant, user: UserId) {
        let alive_until = now + self.settings.lease;
        let Some(slot) = self.held.get(&user).copied() else { return };
        if let Some(lease) = self.slots.get_mut(&slot).and_then(|seat| seat.lease.as_mut()) {
            lease.alive_until = lease.alive_until.max(alive_until);
        }
        self.settle(now, slot);
    }

    // ---- registration

    /// A phone registered as the slot, or refreshed.
    pub fn registered(&mut self, now: Instant, slot: SlotId) {
        self.set_registered(now, slot, true);
    }

    /// The slot's last binding was removed or lapsed.
    pub fn unregistered(&mut self, now: Instant, slot: SlotId) {
        self.set_registered(now, slot, false);
    }

    fn set_registered(&mut self, now: Instant, slot: SlotId, registered: bool) {
        let grace = self.settings.unregistered_grace;
        if let Some(seat) = self.slots.get_mut(&slot) {
            seat.set_registered(now, registered, grace);
            self.settle(now, slot);
        }
    }

    // ---- calls

    /// A person starts a call over REST with this slot: it must be IDLE or READY and registered, and free for that person.
    ///
    /// A free slot is taken (R6). The slot is then CALLING for `call`.
    pub fn start_call(&mut self, now: Instant, user: UserId, slot: SlotId, call: CallId) -> Result<(), Refusal> {
        let seat = self.known(slot)?;
        Self::must_serve(seat)?;
        if seat.holder() != Some(user) {
            self.must_be_takable(user, slot)?;
        }
        Self::must_be_callable(seat)?;
        if seat.holder() == Some(user) {
            self.keep_alive(now, user);
        } else {
            self.begin_lease(now, user, slot);
        }
        self.join(now, slot, call);
        Ok(())
    }

    /// The slot's phone dials. From IDLE or READY the slot is then CALLING.
    ///
    /// In ACTIVE_CALL, with its call answered and no consultation yet, `call` becomes the consultation, and the answer is the call
    /// that it is about (R11). An IDLE slot need not be registered: its phone has just proved who it is.
    pub fn dial(&mut self, now: Instant, slot: SlotId, call: CallId) -> Result<Option<CallId>, Refusal> {
        let seat = self.known_mut(slot)?;
        if let (Some(Part { call: parent, answered: true }), None) = (seat.call, seat.consultation)
            && parent != call
        {
            seat.consultation = Some(Part { call, answered: false });
            self.parts.insert((call, slot));
            self.settle(now, slot);
            return Ok(Some(parent));
        }
        Self::must_serve(seat)?;
        if !matches!(seat.state(), SlotState::Idle | SlotState::Ready) {
            return Err(Refusal::SlotNotCallable { number: seat.number.clone(), state: seat.state() });
        }
        self.join(now, slot, call);
        Ok(None)
    }

    /// Somebody else calls the slot: it must be IDLE or READY, and registered. It is then CALLING.
    pub fn ring(&mut self, now: Instant, slot: SlotId, call: CallId) -> Result<(), Refusal> {
        let seat = self.known(slot)?;
        Self::must_serve(seat)?;
        Self::must_be_callable(seat)?;
        self.join(now, slot, call);
        Ok(())
    }

    /// The far party of a call answered: its slots are in ACTIVE_CALL (R7).
    pub fn answered(&mut self, now: Instant, call: CallId) {
        let slots: Vec<SlotId> = self.slots_of(call).collect();
        for slot in slots {
            if let Some(seat) = self.slots.get_mut(&slot) {
                seat.answered(call);
            }
            self.settle(now, slot);
        }
    }

    /// Two calls become one (an attended transfer): the slot takes part in `to` as it did in `from`, in which it has no part any more.
    pub fn hand_over(&mut self, now: Instant, slot: SlotId, from: CallId, to: CallId) {
        if !self.parts.contains(&(to, slot)) && self.parts.remove(&(from, slot)) {
            self.parts.insert((to, slot));
            if let Some(seat) = self.slots.get_mut(&slot) {
                seat.hand_over(from, to);
            }
            self.settle(now, slot);
        }
    }

    /// The slot's part in a call is over. After its last one it is READY or REGISTERING if it is taken, else IDLE.
    pub fn ended(&mut self, now: Instant, slot: SlotId, call: CallId) {
        if self.parts.remove(&(call, slot)) {
            if let Some(seat) = self.slots.get_mut(&slot) {
                seat.leave(call);
            }
            self.settle(now, slot);
        }
    }

    // ---- views

    /// The slots that take part in a call: the one that placed it, and every one that rings for it.
    pub fn slots_of(&self, call: CallId) -> impl Iterator<Item = SlotId> {
        self.parts.range((call, SlotId(i64::MIN))..=(call, SlotId(i64::MAX))).map(|(_, slot)| *slot)
    }

    /// In how many calls the slot takes part.
    #[must_use]
    pub fn calls(&self, slot: SlotId) -> usize {
        self.slots.get(&slot).map_or(0, |seat| usize::from(seat.call.is_some()) + usize::from(seat.consultation.is_some()))
    }

    /// The calls in which the slot takes part, the one about another call last.
    pub fn calls_of(&self, slot: SlotId) -> impl Iterator<Item = CallId> {
        let seat = self.slots.get(&slot);
        let parts = seat.and_then(|seat| seat.call).into_iter().chain(seat.and_then(|seat| seat.consultation));
        parts.map(|part| part.call)
    }

    /// Who holds the slot.
    #[must_use]
    pub fn holder(&self, slot: SlotId) -> Option<UserId> {
        self.visible(slot)?.holder()
    }

    /// The slot as others see it.
    #[must_use]
    pub fn view(&self, slot: SlotId) -> Option<SlotView> {
        Some(self.visible(slot)?.view(slot))
    }

    /// All slots as others see them, by id.
    #[must_use]
    pub fn views(&self) -> Vec<SlotView> {
        self.slots.iter().filter(|(_, slot)| !slot.retired).map(|(id, slot)| slot.view(*id)).collect()
    }

    // ---- the shape of a core

    /// A timer is due.
    pub fn wake(&mut self, now: Instant) {
        while let Some((due, _, slot)) = self.timers.first().copied()
            && due <= now
        {
            // Settling takes the slot's timer out or moves it past `now`, so this ends.
            self.settle(now, slot);
        }
    }

    /// When to call [`Seats::wake`], and which timer asks.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.first().map(|(due, timer, _)| (*due, timer.name()))
    }

    /// What is to be told. Drain it after each input.
    pub fn poll(&mut self) -> Option<SeatsOutput> {
        self.outputs.pop_front()
    }

    // ---- checks: nothing is changed by them

    fn visible(&self, slot: SlotId) -> Option<&Slot> {
        self.slots.get(&slot).filter(|slot| !slot.retired)
    }

    fn known(&self, slot: SlotId) -> Result<&Slot, Refusal> {
        self.visible(slot).ok_or(Refusal::SlotNotFound)
    }

    fn known_mut(&mut self, slot: SlotId) -> Result<&mut Slot, Refusal> {
        self.slots.get_mut(&slot).filter(|slot| !slot.retired).ok_or(Refusal::SlotNotFound)
    }

    fn current(&self, slot: SlotId) -> Result<SlotView, Refusal> {
        Ok(self.known(slot)?.view(slot))
    }

    fn must_serve(slot: &Slot) -> Result<(), Refusal> {
        match slot.service {
            SlotState::Fault | SlotState::Disabled => Err(Refusal::SlotNotCallable { number: slot.number.clone(), state: slot.service }),
            _ => Ok(()),
        }
    }

    fn must_be_callable(slot: &Slot) -> Result<(), Refusal> {
        let (number, state) = (slot.number.clone(), slot.state());
        match state {
            SlotState::Idle | SlotState::Ready | SlotState::Registering if !slot.registered => {
                Err(Refusal::SlotNotRegistered { number, state })
            }
            SlotState::Idle | SlotState::Ready => Ok(()),
            _ => Err(Refusal::SlotNotCallable { number, state }),
        }
    }

    /// Neither does somebody else hold the slot, nor the person another one.
    fn must_be_takable(&self, user: UserId, slot: SlotId) -> Result<(), Refusal> {
        let seat = self.known(slot)?;
        if seat.lease.is_some() {
            return Err(Refusal::SlotTaken { number: seat.number.clone(), state: seat.state() });
        }
        match self.held.get(&user).and_then(|other| self.slots.get(other)) {
            Some(other) => Err(Refusal::HoldsAnother { number: other.number.clone() }),
            None => Ok(()),
        }
    }

    // ---- changes: each is followed by `settle`

    fn begin_lease(&mut self, now: Instant, user: UserId, slot: SlotId) {
        let at = self.wall(now);
        let alive_until = now + self.settings.lease;
        let Some(seat) = self.slots.get_mut(&slot) else { return };
        seat.epoch = seat.epoch.saturating_add(1);
        seat.lease = Some(Lease { holder: user, alive_until });
        let epoch = seat.epoch;
        self.held.insert(user, slot);
        self.tell(Fact::Leased { slot, holder: Some(user), epoch, at });
    }

    fn end_lease(&mut self, now: Instant, slot: SlotId) {
        let at = self.wall(now);
        let Some(seat) = self.slots.get_mut(&slot) else { return };
        let Some(lease) = seat.lease.take() else { return };
        seat.grace_until = None;
        let epoch = seat.epoch;
        self.held.remove(&lease.holder);
        self.tell(Fact::Leased { slot, holder: None, epoch, at });
    }

    fn join(&mut self, now: Instant, slot: SlotId, call: CallId) {
        if let Some(seat) = self.slots.get_mut(&slot) {
            seat.call = Some(Part { call, answered: false });
            self.parts.insert((call, slot));
        }
        self.settle(now, slot);
    }

    fn remove(&mut self, id: SlotId) {
        let Some(slot) = self.slots.remove(&id) else { return };
        if let Some(lease) = slot.lease {
            self.held.remove(&lease.holder);
        }
        for part in [slot.call, slot.consultation].into_iter().flatten() {
            self.parts.remove(&(part.call, id));
        }
        if let Some((due, timer)) = slot.due {
            self.timers.remove(&(due, timer, id));
        }
        if slot.told.is_some() {
            self.outputs.push_back(SeatsOutput::Event(Event::SlotRemoved { slot: id, center: slot.center }));
        }
    }

    /// Follows a slot's facts to their end: what is overdue happens, the timer is set, and a visible change is told once.
    fn settle(&mut self, now: Instant, id: SlotId) {
        if self.slots.get(&id).is_some_and(|slot| slot.lease_is_over(now)) {
            self.end_lease(now, id);
        }
        let at = self.wall(now);
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if slot.grace_until.is_some_and(|until| until <= now) {
            slot.grace_until = None;
        }

        let due = slot.next_due();
        if due != slot.due {
            if let Some((due, timer)) = slot.due {
                self.timers.remove(&(due, timer, id));
            }
            if let Some((due, timer)) = due {
                self.timers.insert((due, timer, id));
            }
            slot.due = due;
        }

        if slot.retired {
            if slot.told.take().is_some() {
                self.outputs.push_back(SeatsOutput::Event(Event::SlotRemoved { slot: id, center: slot.center }));
            }
            return;
        }
        if slot.told.as_ref().is_none_or(|told| told.state != slot.state()) {
            slot.since = at;
        }
        let view = slot.view(id);
        if slot.told.as_ref() != Some(&view) {
            slot.told = Some(view.clone());
            self.outputs.push_back(SeatsOutput::Event(Event::SlotUpdated(view)));
        }
    }

    fn tell(&mut self, fact: Fact) {
        self.outputs.push_back(SeatsOutput::Fact(fact));
    }

    fn wall(&self, now: Instant) -> WallTime {
        self.anchor.map_or(WallTime(0), |anchor| anchor.wall(now))
    }
}
