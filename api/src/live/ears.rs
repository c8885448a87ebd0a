//! What one listener may hear of what happens, and how much of it: rights and column policies, for each event (S004-110).

use std::collections::BTreeSet;

use model::{CallId, CenterId, Envelope, Event, GoneNews, GoneWhy, ListKind, Mode, PopCandidate, PopNews, SlotId, UserId};
use office::{
    BANS, BUDGETS, CALLS, Permit, Principal, RECORDINGS, SLOTS, TRUNKS, View, can, jobs::JOBS, reaches_call, reaches_call_to_read,
    reaches_slot,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    live::{
        Told,
        gates::{Gates, Seen},
    },
    resources::{object, seen},
    routes::{
        budgets::{BudgetTold, Ending, id_of},
        carriers::stands,
        security::Ban,
    },
    state::Api,
    wire::{Call, Digit, JobProgress, Rebound, RecordingReady, Slot},
};

/// That somebody has other rights is told to them whatever they listen to: what they are shown hangs on it.
const RIGHTS_UPDATE: &str = "rights.update";
/// Topics that one listener may name.
const TOPICS_MAX: usize = 64;

/// A person's rights to hear, worked out once and not for each event.
pub(crate) struct Ears {
    user: UserId,
    calls: Option<(Permit, View)>,
    monitored: Option<Permit>,
    recordings: Option<(Permit, View)>,
    slots: Option<(Permit, View)>,
    bindings: Option<Permit>,
    jobs: Option<(Permit, View)>,
    carriers: Option<(Permit, View)>,
    bans: Option<(Permit, View)>,
    budgets: Option<Permit>,
    rows: Gates,
}

impl Ears {
    pub(crate) fn of(principal: &Principal) -> Self {
        let seen = |action, resource| principal.permit(action).map(|permit: Permit| (permit.clone(), permit.view(resource)));
        Self {
            user: principal.user(),
            calls: seen(can::CALLS_READ, &CALLS),
            monitored: principal.permit(can::CALLS_MONITOR),
            recordings: seen(can::RECORDINGS_LISTEN, &RECORDINGS),
            slots: seen(can::SLOTS_READ, &SLOTS),
            bindings: principal.permit(can::SLOTS_TRACE),
            jobs: seen(can::JOBS_READ, &JOBS),
            carriers: seen(can::TRUNKS_READ, &TRUNKS),
            bans: seen(can::SECURITY_READ, &BANS),
            // What happens to them is how they stand: who may not see the one does not hear of the other.
            budgets: principal.permit(can::SECURITY_READ).filter(|permit| permit.view(&BUDGETS).mode("lines") == Mode::Show),
            rows: Gates::of(principal),
        }
    }

    /// Whether this listener's own rights have changed: what comes behind it is to be heard with the new ones.
    pub(crate) fn is_rights_change(&self, told: &Told) -> bool {
        matches!(told.event, Event::RightsChanged { .. }) && told.users.contains(&self.user)
    }

    /// The event as this listener may hear it; none if they may not.
    pub(crate) async fn hear(&mut self, api: &Api, told: &Told) -> Option<Envelope> {
        let (kind, center, id, epoch, data) = match &told.event {
            Event::CallUpdated(call) => {
                let (permit, view) = self.calls.as_ref()?;
                reaches_call_to_read(permit.rows(), call, &told.users).then_some(())?;
                ("call.update", call.center, call.call_id.to_string(), 0, shown(view, &Call::from(call.clone())))
            }
            Event::DigitPressed(digit) => {
                // Keys may be the digits of a card: to see a call is not enough to hear them.
                let by_own = self.calls.as_ref().map(|(permit, _)| permit).filter(|_| told.users.contains(&self.user));
                let mut by = by_own.into_iter().chain(&self.monitored);
                by.any(|permit| is_reached(api, permit, digit.call_id, &told.users)).then_some(())?;
                ("call.digit", digit.center, digit.call_id.to_string(), 0, whole(&Digit::from(digit.clone())))
            }
            Event::SlotUpdated(slot) => {
                let (permit, view) = self.slots.as_ref()?;
                reaches_slot(permit.rows(), slot.id, slot.center, &slot.holder.into_iter().collect()).then_some(())?;
                let mut names = api.office.names(slot.holder.into_iter().collect()).await;
                let name = slot.holder.and_then(|holder| names.remove(&holder));
                ("slot.update", slot.center, slot.id.to_string(), slot.epoch, shown(view, &Slot::new(slot.clone(), self.user, name)))
            }
            Event::SlotRemoved { slot, center } => {
                let (permit, _) = self.slots.as_ref()?;
                // Nobody has it any more: who could see it as their own hears that it is gone.
                reaches_slot(permit.rows(), *slot, *center, &[self.user].into()).then_some(())?;
                ("slot.update", *center, slot.to_string(), 0, Value::Null)
            }
            Event::Rebound(rebound) => {
                self.bindings.as_ref().filter(|permit| permit.rows().center == rebound.center)?;
                ("slot.rebound", rebound.center, rebound.id.to_string(), 0, whole(&Rebound::from(rebound.clone())))
            }
            Event::RecordingClosed(recording) => {
                let (permit, view) = self.recordings.as_ref()?;
                is_reached(api, permit, recording.call_id, &told.users).then_some(())?;
                (
                    "recording.ready",
                    recording.center,
                    recording.call_id.to_string(),
                    0,
                    shown(view, &RecordingReady::from(recording.clone())),
                )
            }
            Event::JobProgressed(job) => {
                let (permit, view) = self.jobs.as_ref()?;
                permit.rows().admits(job.center, &told.users, |_, _| false).then_some(())?;
                ("job.progress", job.center, job.id.to_string(), 0, shown(view, &JobProgress::from(job.clone())))
            }
            Event::CarrierUpdated(carrier) => {
                let (_, view) = self.carriers.as_ref().filter(|(permit, _)| permit.rows().center == carrier.center)?;
                let told = stands(view, Some(view), carrier);
                ("carrier.update", carrier.center, carrier.id.to_string(), 0, Value::Object(told))
            }
            Event::CarrierRemoved { carrier, center } => {
                self.carriers.as_ref().filter(|(permit, _)| permit.rows().center == *center)?;
                ("carrier.update", *center, carrier.to_string(), 0, Value::Null)
            }
            // They are of no centre: whoever may see them hears of them wherever they work.
            Event::SourceBanned(ban) => {
                let (permit, view) = self.bans.as_ref()?;
                ("source.banned", permit.rows().center, ban.source.clone(), 0, shown(view, &Ban::from(ban.clone())))
            }
            Event::SourceReleased { source, by_hand } => {
                let (permit, _) = self.bans.as_ref()?;
                ("source.released", permit.rows().center, source.clone(), 0, json!({ "source": source, "by_hand": by_hand }))
            }
            Event::BudgetAlarm { news, percent } => {
                self.budgets.as_ref().filter(|permit| permit.rows().center == news.center)?;
                ("budget.alarm", news.center, id_of(news.scope), 0, whole(&BudgetTold::new(news, Some(*percent))))
            }
            Event::BudgetClosed(news) => {
                self.budgets.as_ref().filter(|permit| permit.rows().center == news.center)?;
                ("budget.closed", news.center, id_of(news.scope), 0, whole(&BudgetTold::new(news, None)))
            }
            Event::BudgetReleased { scope, center } => {
                self.budgets.as_ref().filter(|permit| permit.rows().center == *center)?;
                ("budget.released", *center, id_of(*scope), 0, json!({ "kind": scope.kind(), "scope_id": scope.id().to_string() }))
            }
            Event::CallEnding(ending) => {
                let (permit, _) = self.calls.as_ref()?;
                is_reached(api, permit, ending.call, &told.users).then_some(())?;
                ("call.ending", ending.center, ending.call.to_string(), 0, whole(&Ending::from(*ending)))
            }
            Event::RightsChanged { center, .. } => {
                self.is_rights_change(told).then_some(())?;
                (RIGHTS_UPDATE, *center, self.user.to_string(), 0, json!({}))
            }
            Event::ScreenPop(pop) => {
                self.is_rung(pop.center, &pop.users, &pop.slots, pop.scenario.as_deref()).then_some(())?;
                ("screen.pop", pop.center, pop.call.to_string(), 0, Value::Object(self.popped(api, pop).await?))
            }
            Event::ScreenGone(gone) => {
                self.is_rung(gone.center, &gone.users, &gone.slots, gone.scenario.as_deref()).then_some(())?;
                ("screen.gone", gone.center, gone.call.to_string(), 0, Value::Object(self.went(api, gone).await?))
            }
            Event::Row(news) => (news.kind, news.center, news.id.clone(), 0, self.rows.admit(news, api.office.resource(news.resource))?),
        };
        Some(Envelope { seq: told.seq, ts: told.ts, center, kind, id, epoch, data })
    }
}

/// What is told of a call that rings at somebody's own phone.
impl Ears {
    /// Whether it rings at this listener's phone, and they may read such a call.
    fn is_rung(&self, center: CenterId, users: &BTreeSet<UserId>, slots: &BTreeSet<SlotId>, scenario: Option<&str>) -> bool {
        let stands_in = |kind, ids: &BTreeSet<String>| match kind {
            ListKind::Scenario => scenario.is_some_and(|scenario| ids.contains(scenario)),
            ListKind::Slot => slots.iter().any(|slot| ids.contains(&slot.to_string())),
            _ => false,
        };
        let by_calls = self.calls.as_ref().filter(|_| users.contains(&self.user));
        by_calls.is_some_and(|(permit, _)| permit.rows().admits(center, users, stands_in))
    }

    async fn popped(&mut self, api: &Api, pop: &PopNews) -> Option<Map<String, Value>> {
        let mut told = Map::new();
        told.insert("call_id".to_owned(), pop.call.to_string().into());
        let (_, view) = self.calls.as_ref()?;
        for (name, column, value) in [
            ("number", "caller", Value::from(pop.number.as_str())),
            ("scenario", "scenario", pop.scenario.clone().into()),
            ("source", "source", pop.source.clone().into()),
        ] {
            told.extend(view.shown(column, value).map(|value| (name.to_owned(), value)));
        }
        let names = api.office.names(pop.candidates.iter().filter_map(|candidate| candidate.with).collect()).await;
        let mut candidates = Vec::new();
        for candidate in &pop.candidates {
            let Some(resource) = api.office.resource(candidate.resource) else { continue };
            let Some(seen) = self.rows.candidate(pop.center, candidate, resource) else { continue };
            candidates.push(one_of(candidate, seen, candidate.with.and_then(|with| names.get(&with))));
        }
        told.insert("candidates".to_owned(), candidates.into());
        told.insert("complete".to_owned(), pop.is_complete.into());
        Some(told)
    }

    async fn went(&self, api: &Api, gone: &GoneNews) -> Option<Map<String, Value>> {
        let (_, view) = self.calls.as_ref()?;
        let (why, by) = match gone.why {
            GoneWhy::Answered(by) => ("answered", by),
            GoneWhy::GivenUp => ("given_up", None),
        };
        let mut told = Map::from_iter([("call_id".to_owned(), gone.call.to_string().into()), ("why".to_owned(), why.into())]);
        // Who served a call is seen as little as who placed it.
        if let Some(by) = by.filter(|_| view.mode("user") == Mode::Show && view.mode("segments") == Mode::Show) {
            told.insert("by".to_owned(), by.to_string().into());
            told.insert("by_name".to_owned(), api.office.names([by].into()).await.remove(&by).into());
        }
        Some(told)
    }
}

/// A candidate on the wire. Whose it is has a name for those who see whose it is.
fn one_of(candidate: &PopCandidate, seen: Seen, name: Option<&String>) -> Value {
    match seen {
        Seen::Row(row) => {
            let is_shown = candidate.with.is_some_and(|with| row.values().any(|value| *value == with.to_string()));
            let name = name.filter(|_| is_shown);
            json!({ "resource": candidate.resource, "foreign": false, "row": row, "with_name": name })
        }
        Seen::Hint => json!({ "resource": candidate.resource, "foreign": true, "row": null, "with_name": name }),
    }
}

/// Whether a right reaches the call that an event is about. A call that is not on the board is nobody's.
fn is_reached(api: &Api, permit: &Permit, call: CallId, users: &BTreeSet<UserId>) -> bool {
    api.live.known(call).is_some_and(|call| reaches_call(permit.rows(), &call, users))
}

fn shown(view: &View, data: &impl Serialize) -> Value {
    Value::Object(seen(view, data))
}

fn whole(data: &impl Serialize) -> Value {
    Value::Object(object(data))
}

/// What a listener wants to hear of what they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topics(Option<BTreeSet<String>>);

impl Topics {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self(None)
    }

    /// Reads `{topics: ["calls", "slots", "job:12"]}`; without topics it is everything.
    pub(crate) fn read(data: Option<&Value>) -> Self {
        let Some(Value::Array(topics)) = data.and_then(|data| data.get("topics")) else { return Self::all() };
        Self(Some(topics.iter().filter_map(Value::as_str).take(TOPICS_MAX).map(str::to_owned).collect()))
    }

    pub(crate) fn has(&self, envelope: &Envelope) -> bool {
        let Some(topics) = self.0.as_ref().filter(|_| envelope.kind != RIGHTS_UPDATE) else { return true };
        let (subject, _) = envelope.kind.split_once('.').unwrap_or((envelope.kind, ""));
        topics.contains(&format!("{subject}s")) || topics.contains(&format!("{subject}:{}", envelope.id))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use model::WallTime;

    use super::*;

    #[test]
    fn topics_are_kinds_or_single_things() {
        let envelope = |kind, id: &str| Envelope {
            seq: 1,
            ts: WallTime(0),
            center: CenterId::DEFAULT,
            kind,
            id: id.to_owned(),
            epoch: 0,
            data: Value::Null,
        };
        let topics = Topics::read(Some(&json!({"topics": ["slots", "job:12", 7, null]})));
        for (kind, id, wanted) in [
            ("slot.update", "1", true),
            ("slot.rebound", "1", true),
            ("job.progress", "12", true),
            ("job.progress", "1", false),
            ("call.update", "c_1", false),
            ("rights.update", "3", true),
        ] {
            assert_eq!(topics.has(&envelope(kind, id)), wanted, "{kind} {id}");
            assert!(Topics::all().has(&envelope(kind, id)));
        }
        assert_eq!(Topics::read(Some(&json!({"since": 1}))), Topics::all());
        assert_eq!(Topics::read(None), Topics::all());
        let many = json!({"topics": (0..100).map(|n| n.to_string()).collect::<Vec<_>>()});
        assert_eq!(Topics::read(Some(&many)).0.unwrap().len(), TOPICS_MAX);
    }
}
