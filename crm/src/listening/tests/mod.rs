//! Stories of listening, on both engines.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod judging;
mod planning;
mod taking;

use std::{collections::BTreeMap, sync::Arc};

use model::{Action, CallId, ItemId, ListKind, Resource, UserId, WallTime};
use office::{
    Conflict, ListParams, OfficeError, Principal,
    accounts::NewUser,
    jobs::{Runner, RunnerOptions},
    rights::AccessList,
};
use serde_json::{Map, Value, json};
use store::{binds, statements};

use super::*;
use crate::{
    can,
    core::{sample::Sample, score::ItemKind},
    testing::{HOME, House, NOW, faults, leave, on_both},
};

statements! {
    RECORD: both "INSERT INTO recordings (call_id, center_id, state, file, left_role, left_number, right_role, right_number, started_at, duration_ms,
        size) VALUES ($1, $2, 'complete', 'x.wav', 'agent', '6001', 'far', '+79161234567', $3, $4, 100)";
    TALKED: both "UPDATE call_users SET talk_ms = $3 WHERE call_id = $1 AND user_id = $2";
    ADD_USER: both "INSERT INTO call_users (user_id, call_id) VALUES ($1, $2)";
    TASKS: both "SELECT call_id, round FROM listening_tasks WHERE plan_id = $1 ORDER BY call_id, round";
    STAND: both "SELECT id, state, assignee FROM listening_tasks ORDER BY id";
    ODD_GO: both "DELETE FROM listening_tasks WHERE id % 2 = 1";
    ANEW: both "UPDATE jobs SET state = 'queued', checkpoint = NULL, ended_at = NULL, result = NULL WHERE id = $1";
    JOB: both "SELECT state, error, result FROM jobs WHERE id = $1";
    CANDIDATES: both "SELECT count(*) FROM listening_candidates";
    PLAN: both "SELECT state, reason FROM listening_plans WHERE id = $1";
    AUDITED: both "SELECT diff FROM audit_log WHERE resource = 'evaluations' ORDER BY seq";
    LEASES: both "SELECT lease_until FROM listening_tasks WHERE id = $1";
    GIVE: both "UPDATE listening_tasks SET assignee = $2 WHERE id = $1";
    LEAVES: both "UPDATE users SET state = 'disabled' WHERE id = $1";
    LOSES: both "DELETE FROM access_lists WHERE principal_kind = 'user' AND principal_id = $1";
    REVISIONS: both "SELECT revision FROM scorecard_revisions WHERE scorecard_id = $1 ORDER BY revision";
}

fn conflict<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> Conflict {
    match done {
        Err(OfficeError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { panic!("no object: {value}") }
}

/// A time so many seconds after the story's beginning.
fn at(seconds: i64) -> WallTime {
    WallTime(NOW.0 + seconds * 1_000)
}

/// Yes or no, weighs 50; 0 to 3, weighs 50; critical, yes or no, weighs nothing.
fn card() -> ScorecardChange {
    let item = |name: &str, kind, weight, critical| NewItem { name: name.to_owned(), kind, max: 3, weight, critical, options: vec![] };
    let items = vec![
        item("Greeted?", ItemKind::YesNo, 50, false),
        item("How polite?", ItemKind::Scale, 50, false),
        item("Never rude?", ItemKind::YesNo, 0, true),
    ];
    ScorecardChange { name: Some("Card".to_owned()), items: Some(items), ..ScorecardChange::default() }
}

fn plan(name: &str) -> PlanChange {
    PlanChange { name: Some(name.to_owned()), ..PlanChange::default() }
}

/// Answers to a card's first questions, whose ids begin with `first`.
fn answers(first: i64, values: &[Option<u32>]) -> Vec<NewAnswer> {
    let ids = (first..).map(ItemId);
    ids.zip(values).map(|(item_id, value)| NewAnswer { item_id, value: *value, comment: None, at_ms: None }).collect()
}

fn by_task(task: i64, first: i64, values: &[Option<u32>]) -> NewEvaluation {
    NewEvaluation { scorecard: None, revision: None, task: Some(task), items: answers(first, values), comment: String::new() }
}

impl House {
    /// A call that has ended and was recorded.
    async fn recorded(&self, id: i64, scenario: &str, agent: Option<&Principal>) -> CallId {
        let call = self.call(id, scenario, agent.map(Principal::user)).await;
        self.crm.store().db().run(RECORD, binds![call, HOME, NOW, 60_000_i64]).await.unwrap();
        call
    }

    /// Somebody who listens to calls of these scenarios.
    async fn listener(&self, name: &str, scenarios: &[&str]) -> Principal {
        let ids: Vec<String> = scenarios.iter().map(|code| (*code).to_owned()).collect();
        let list = (!ids.is_empty()).then(|| AccessList { resource: "calls".to_owned(), kind: ListKind::Scenario, ids });
        let (username, roles) = (name.to_owned(), vec!["listener".to_owned()]);
        self.person(NewUser { username, roles, lists: list.into_iter().collect(), ..NewUser::default() }).await
    }

    /// Does all jobs that wait.
    async fn work(&self, now: WallTime) {
        let clock = Arc::new(move || now);
        let runner = Runner::new(self.office.clone(), clock, RunnerOptions { workers: 1, seed: 1, node: 1, sole: true });
        let (_go_on, stop) = tokio::sync::watch::channel(false);
        while runner.try_turn(&stop).await.unwrap() {}
    }

    /// Takes a plan's sample; what came of the job.
    async fn sample(&self, root: &Principal, plan: i64) -> (i64, Value) {
        let job = self.crm.sample_plan(&leave(root, can::LISTENING_MANAGE), plan, NOW).await.unwrap();
        self.work(NOW).await;
        (job, self.result_of(job).await)
    }

    async fn result_of(&self, job: i64) -> Value {
        let row: Option<(String, Option<String>, Option<String>)> = self.crm.store().db().one(JOB, binds![job]).await.unwrap();
        let (state, error, result) = row.unwrap();
        match state.as_str() {
            "done" => serde_json::from_str(&result.unwrap()).unwrap(),
            other => json!({"state": other, "error": error}),
        }
    }

    /// A plan that is sampled and active.
    async fn running(&self, root: &Principal, new: &PlanChange) -> i64 {
        let may = leave(root, can::LISTENING_MANAGE);
        let plan = self.crm.create_plan(&may, new, NOW).await.unwrap();
        self.sample(root, plan).await;
        self.crm.set_plan_active(&may, plan, true, NOW).await.unwrap();
        plan
    }

    /// The calls of which a plan has tasks, and how many.
    async fn tasks(&self, plan: i64) -> Vec<(i64, i64)> {
        self.crm.store().db().all(TASKS, binds![plan]).await.unwrap()
    }

    /// Where each task stands, and whose it is.
    async fn stand(&self) -> BTreeMap<i64, (String, Option<UserId>)> {
        let rows: Vec<(i64, String, Option<i64>)> = self.crm.store().db().all(STAND, &[]).await.unwrap();
        rows.into_iter().map(|(id, state, assignee)| (id, (state, assignee.map(UserId)))).collect()
    }

    async fn claim(&self, person: &Principal, count: i64, now: WallTime) -> Result<Vec<i64>, OfficeError> {
        self.crm.claim_tasks(&leave(person, can::LISTENING_CLAIM), Claim { plan: None, count }, now).await
    }

    async fn values(&self, person: &Principal, action: Action, resource: &'static Resource, column: &str) -> Vec<Value> {
        let page = self.office.list(&leave(person, action).view(resource), &ListParams::default()).await.unwrap();
        page.items.iter().map(|row| row.get(column).cloned().unwrap_or(Value::Null)).collect()
    }
}
