//! Listening tasks, and what becomes of one that somebody has taken. [`TASK`] says what leads where.

use std::collections::BTreeSet;

use model::{Action, CallId, CenterId, Column, ColumnKind, Gate, ListKind, Owner, Resource, RowNews, UserId, WallTime};
use office::{Conflict, Fault, OfficeError, Permit};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, list},
    statements,
};

use super::evaluations::{self, NewEvaluation};
use crate::{
    Crm, can,
    core::{
        machine::{NotNow, Who},
        task::{TASK, TaskEffect, TaskEvent, TaskGuard, TaskState},
    },
    line::line,
};

/// Characters of why a call cannot be judged.
const REASON_MAX: usize = 500;
const STATES: &[&str] = &["new", "claimed", "done", "skipped"];

/// Listening tasks.
pub static LISTENING_TASKS: Resource = Resource {
    name: "listening_tasks",
    from: "listening_tasks t JOIN listening_plans p ON p.id = t.plan_id",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.assignee"),
    lists: &[(ListKind::Scenario, "t.scenario")],
    search: "",
    order: "id",
    read: can::LISTENING_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The task's id.").sorted().filtered(),
        Column::new("plan_id", "t.plan_id", ColumnKind::Id, "Its plan.").filtered(),
        Column::new("plan", "p.name", ColumnKind::Text, "The plan's name."),
        Column::new("call_id", "t.call_id", ColumnKind::Call, "The call that is to be listened to.").filtered(),
        Column::new("scenario", "t.scenario", ColumnKind::Text, "The call's scenario.").nullable().filtered(),
        Column::new("round", "t.round", ColumnKind::Int, "2: as the second listener of the call.").filtered(),
        Column::new("state", "t.state", ColumnKind::Code(STATES), "Where it stands.").filtered(),
        Column::new("assignee", "t.assignee", ColumnKind::Id, "Who has taken it, or has done it.").nullable().filtered(),
        Column::new("claimed_at", "t.claimed_at", ColumnKind::Time, "When they took it.").nullable(),
        Column::new("lease_until", "t.lease_until", ColumnKind::Time, "Until when it is theirs if they do not go on.").nullable(),
        Column::new("done_at", "t.done_at", ColumnKind::Time, "When it was done.").nullable().filtered(),
        Column::new("reason", "t.reason", ColumnKind::Text, "Why the call was passed over.").nullable(),
        Column::new("scorecard_id", "p.scorecard_id", ColumnKind::Id, "The scorecard that the call is judged by.").nullable(),
        Column::new("note", "p.note", ColumnKind::Text, "What listeners are told of the plan."),
        Column::new("due_at", "p.due_at", ColumnKind::Time, "When it is to be done.").nullable(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
    ],
};

macro_rules! task {
    () => {
        "SELECT t.id, t.center_id, t.plan_id, p.name AS plan, t.call_id, t.scenario, t.round, t.state, t.assignee, t.claimed_at, t.lease_until, t.done_at,
        t.reason, p.scorecard_id, p.note, p.due_at, t.version, t.created_at FROM listening_tasks t JOIN listening_plans p ON p.id = t.plan_id "
    };
}

statements! {
    TASKS: each concat!(task!(), "WHERE t.id IN ", store::ids!(lite), " ORDER BY t.id"),
        concat!(task!(), "WHERE t.id IN ", store::ids!(pg), " ORDER BY t.id");
    CALL_OF: both "SELECT plan_id, call_id FROM listening_tasks WHERE id = $1 AND center_id = $2";
    // Both rounds of a call, so that who hands in one and who hands in the other do not miss one another.
    PAIR: each concat!(task!(), "WHERE t.plan_id = $1 AND t.call_id = $2 ORDER BY t.round"),
        concat!(task!(), "WHERE t.plan_id = $1 AND t.call_id = $2 ORDER BY t.round FOR UPDATE OF t");
    // In the order in which pairs are locked. By way of the plans, because those are few, and tasks are found by plan and call.
    OF_CALL: each concat!(task!(), "WHERE t.plan_id IN (SELECT id FROM listening_plans WHERE center_id = $1) AND t.call_id = $2
            ORDER BY t.plan_id, t.round"),
        concat!(task!(), "WHERE t.plan_id IN (SELECT id FROM listening_plans WHERE center_id = $1) AND t.call_id = $2
            ORDER BY t.plan_id, t.round FOR UPDATE OF t");
    REMOVE: both "DELETE FROM listening_tasks WHERE id = $1 AND state = 'new'";
    WRITE: both "UPDATE listening_tasks SET state = $2, assignee = $3, claimed_at = $4, lease_until = $5, done_at = $6, reason = $7,
        version = version + 1 WHERE id = $1";
}

/// A task with what its plan says.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct TaskRow {
    pub(super) id: i64,
    center_id: i64,
    pub(super) plan_id: i64,
    plan: String,
    pub(super) call_id: i64,
    scenario: Option<String>,
    round: i64,
    pub(super) state: String,
    pub(super) assignee: Option<i64>,
    claimed_at: Option<i64>,
    lease_until: Option<i64>,
    done_at: Option<i64>,
    reason: Option<String>,
    pub(super) scorecard_id: Option<i64>,
    note: String,
    due_at: Option<i64>,
    version: i64,
    created_at: i64,
}

impl TaskRow {
    pub(super) fn state(&self) -> Result<TaskState, OfficeError> {
        self.state.parse().map_err(|_| OfficeError::Defect(format!("a listening task stands at {:?}", self.state)))
    }

    /// Whether somebody may judge the call yet.
    pub(super) fn is_open(&self) -> bool {
        self.state == TaskState::New.code() || self.state == TaskState::Claimed.code()
    }

    /// What changes of it: what the audit log compares.
    pub(super) fn picture(&self) -> Map<String, Value> {
        let value = json!({
            "state": self.state,
            "assignee": self.assignee.map(|user| user.to_string()),
            "reason": self.reason,
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    /// All its columns, as they stand on the wire.
    fn row(&self) -> Map<String, Value> {
        let value = json!({
            "id": self.id.to_string(),
            "plan_id": self.plan_id.to_string(),
            "plan": self.plan,
            "call_id": CallId(self.call_id).to_string(),
            "scenario": self.scenario,
            "round": self.round,
            "state": self.state,
            "assignee": self.assignee.map(|user| user.to_string()),
            "claimed_at": self.claimed_at,
            "lease_until": self.lease_until,
            "done_at": self.done_at,
            "reason": self.reason,
            "scorecard_id": self.scorecard_id.map(|card| card.to_string()),
            "note": self.note,
            "due_at": self.due_at,
            "version": self.version,
            "created_at": self.created_at,
        });
        if let Value::Object(row) = value { row } else { Map::new() }
    }

    /// Whether a right reaches it.
    fn is_within(&self, permit: &Permit, center: CenterId) -> bool {
        let users = self.assignee.map(UserId).into_iter().collect();
        let is_listed = |kind, ids: &BTreeSet<String>| {
            kind == ListKind::Scenario && self.scenario.as_ref().is_some_and(|scenario| ids.contains(scenario))
        };
        permit.rows().admits(center, &users, is_listed)
    }

    /// `listening.update`; `before` is whose it was, who hears of it as well.
    pub(super) fn news(&self, before: Option<i64>) -> RowNews {
        let users = [self.assignee, before].into_iter().flatten().map(UserId).collect();
        let lists = self.scenario.iter().map(|scenario| (ListKind::Scenario, scenario.clone())).collect();
        RowNews {
            kind: "listening.update",
            resource: LISTENING_TASKS.name,
            id: self.id.to_string(),
            center: CenterId(self.center_id),
            gates: vec![Gate { action: can::LISTENING_READ, users, lists }],
            row: Some(self.row()),
        }
    }
}

/// What becomes of a task that somebody has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// They give it back.
    Release,
    /// They cannot judge the call, for this reason.
    Skip(String),
    /// They have listened to it, and judged it if the plan has a scorecard.
    Done(Option<NewEvaluation>),
}

impl Crm {
    /// Gives a task back, passes it over, or has it done. `permit` is leave to see tasks; the step takes its own right, and the claim is the
    /// person's own, or they may manage plans.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::NotPermitted`], [`Conflict::Taken`] if it is not theirs any more, [`OfficeError::Invalid`] without
    /// a reason or for answers that do not fit the card, [`Conflict::State`] if the call is to be judged first.
    pub async fn end_task(&self, permit: &Permit, id: i64, outcome: Outcome, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::LISTENING_READ)?;
        if let Outcome::Done(Some(new)) = &outcome {
            let center = permit.rows().center;
            let row: Option<(i64, i64)> = self.store().db().one(CALL_OF, binds![id, center]).await?;
            let (_, call) = row.ok_or(OfficeError::NotFound(LISTENING_TASKS.name))?;
            if new.task.is_some_and(|task| task != id) {
                return Err(OfficeError::Invalid(vec![Fault::invalid("evaluation.task_id", "this is another task")]));
            }
            let new = NewEvaluation { task: Some(id), ..new.clone() };
            return self.evaluate(permit, CallId(call), &new, now).await.map(drop);
        }
        let mut tx = self.store().db().begin().await?;
        let made = end(&mut tx, permit, id, &outcome, now).await;
        let news = office::finish(tx, made).await?;
        self.office().rows_changed(vec![news]);
        Ok(())
    }
}

/// Tasks by their ids.
pub(super) async fn rows(tx: &mut Tx, ids: impl Iterator<Item = i64>) -> Result<Vec<TaskRow>, StoreError> {
    tx.all(TASKS, binds![list(ids)]).await
}

/// The recording of a call was erased: tasks of it that nobody has go, and what was found in the other round is kept from nobody any longer. Whoever
/// has one judges what they have heard, or passes it over. Gives what is told of it.
pub(crate) async fn erased(tx: &mut Tx, center: CenterId, call: CallId) -> Result<Vec<RowNews>, StoreError> {
    let tasks: Vec<TaskRow> = tx.all(OF_CALL, binds![center, call]).await?;
    let (unclaimed, others): (Vec<TaskRow>, Vec<TaskRow>) = tasks.into_iter().partition(|task| task.state == TaskState::New.code());
    let mut news = Vec::new();
    for task in unclaimed {
        tx.run(REMOVE, binds![task.id]).await?;
        if others.iter().any(|other| other.plan_id == task.plan_id && !other.is_open()) {
            evaluations::unseal(tx, task.plan_id, call).await?;
        }
        news.push(RowNews { row: None, ..task.news(None) });
    }
    Ok(news)
}

/// A task that the person sees, with that of the other round, both locked; and what else they may do with it.
pub(super) struct Reached {
    pub(super) task: TaskRow,
    pub(super) other: Option<TaskRow>,
}

/// A task that the person sees.
pub(super) async fn reach(tx: &mut Tx, permit: &Permit, id: i64) -> Result<Reached, OfficeError> {
    let none = || OfficeError::NotFound(LISTENING_TASKS.name);
    let center = permit.rows().center;
    let row: Option<(i64, i64)> = tx.one(CALL_OF, binds![id, center]).await?;
    let (plan, call) = row.ok_or_else(none)?;
    let pair: Vec<TaskRow> = tx.all(PAIR, binds![plan, call]).await?;
    let (task, other): (Vec<TaskRow>, Vec<TaskRow>) = pair.into_iter().partition(|task| task.id == id);
    let task = task.into_iter().next().filter(|task| task.is_within(permit, center)).ok_or_else(none)?;
    Ok(Reached { task, other: other.into_iter().next() })
}

impl Reached {
    /// Has something happen to the task; gives what is told of it. The right by which it was done is the action of the audit entry, which comes
    /// last in the transaction.
    pub(super) async fn step(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        event: TaskEvent,
        reason: Option<String>,
        now: WallTime,
    ) -> Result<(RowNews, Entry), OfficeError> {
        let (old, center, person) = (&self.task, permit.rows().center, permit.principal());
        let may = |right: Action| person.permit(right).is_some_and(|leave| old.is_within(&leave, center));
        let state = old.state()?;
        let taken = || OfficeError::Conflict(Conflict::Taken { state: state.code() });
        let holds = |guard: TaskGuard| match guard {
            TaskGuard::Mine => old.assignee == Some(person.user().0) || may(can::LISTENING_MANAGE),
            TaskGuard::Reason => reason.is_some(),
            TaskGuard::Recent => false,
        };
        let row = match TASK.step(state, event, Who::Person(&may), holds) {
            Ok(row) => row,
            Err(NotNow::Elsewhere { .. }) => return Err(taken()),
            Err(NotNow::Forbidden { rights }) => return Err(OfficeError::NotPermitted(rights.first().map_or("", |right| right.0))),
            Err(NotNow::Missing(missing)) if missing.contains(&TaskGuard::Mine) => return Err(taken()),
            Err(NotNow::Missing(_)) => {
                let detail = "say why it is passed over".to_owned();
                return Err(OfficeError::Invalid(vec![Fault { field: "reason".to_owned(), code: "missing_field", detail }]));
            }
        };
        let mut new = TaskRow { state: row.to.code().to_owned(), version: old.version + 1, ..old.clone() };
        for effect in row.effects {
            match effect {
                TaskEffect::BeginClaim => {}
                TaskEffect::EndClaim => (new.assignee, new.claimed_at, new.lease_until) = (None, None, None),
                TaskEffect::EndLease => new.lease_until = None,
                TaskEffect::KeepReason => new.reason.clone_from(&reason),
            }
        }
        new.done_at = (row.to == TaskState::Done).then_some(now.0);
        let binds = binds![new.id, &new.state, new.assignee, new.claimed_at, new.lease_until, new.done_at, &new.reason];
        tx.run(WRITE, binds).await?;
        if !new.is_open() && self.other.as_ref().is_some_and(|other| !other.is_open()) {
            evaluations::unseal(tx, new.plan_id, CallId(new.call_id)).await?;
        }
        let action = row.rights.iter().find(|right| may(**right)).map_or(can::LISTENING_CLAIM, |right| *right);
        let entry = Entry::change(action.0, LISTENING_TASKS.name, new.id, Diff::between(&old.picture(), &new.picture()));
        Ok((new.news(old.assignee), entry))
    }
}

async fn end(tx: &mut Tx, permit: &Permit, id: i64, outcome: &Outcome, now: WallTime) -> Result<RowNews, OfficeError> {
    let reached = reach(tx, permit, id).await?;
    let mut faults = Vec::new();
    let (event, reason) = match outcome {
        Outcome::Release => (TaskEvent::Release, None),
        Outcome::Skip(reason) => (TaskEvent::Skip, line("reason", reason, REASON_MAX, &mut faults)),
        Outcome::Done(_) => (TaskEvent::Done, None),
    };
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    let is_judged = reached.task.scorecard_id.is_some();
    let (news, entry) = reached.step(tx, permit, event, reason, now).await?;
    if event == TaskEvent::Done && is_judged {
        return Err(OfficeError::Conflict(Conflict::State(
            "calls of this plan are judged by its scorecard: hand in an evaluation".to_owned(),
        )));
    }
    audit::append(tx, now, permit.actor(), &[entry]).await?;
    Ok(news)
}
