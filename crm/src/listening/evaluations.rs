//! Evaluations: what somebody who listened to a call found by a scorecard.
//!
//! Of a call that two people judge, neither sees what the other found before both have handed in theirs, or one has passed the call over: until
//! then an evaluation is sealed.

use model::{CallId, Column, ColumnKind, ItemId, ListKind, Mode, Owner, Resource, WallTime};
use office::{CALLS, Conflict, Fault, OfficeError, Permit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};

use super::{
    scorecards::{self, Revision},
    tasks::{self, Reached},
};
use crate::{
    Crm, can,
    core::{
        score::{Answer, NoScore, Score},
        task::TaskEvent,
    },
    line::line,
};

/// Characters of what is said of a whole call.
const COMMENT_MAX: usize = 4_000;
/// Characters of what is said of one question.
const ITEM_COMMENT_MAX: usize = 1_000;

/// Evaluations.
pub static EVALUATIONS: Resource = Resource {
    name: "evaluations",
    from: "evaluations t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.agent_id"),
    lists: &[(ListKind::Scenario, "t.scenario")],
    search: "",
    order: "-id",
    read: can::SCORECARDS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The evaluation's id.").sorted().filtered(),
        Column::new("call_id", "t.call_id", ColumnKind::Call, "The call that was judged.").filtered(),
        Column::new("scenario", "t.scenario", ColumnKind::Text, "The call's scenario.").nullable().filtered(),
        Column::new("plan_id", "t.plan_id", ColumnKind::Id, "The plan by which it was.").nullable().filtered(),
        Column::new("task_id", "t.task_id", ColumnKind::Id, "The task by which it was.").nullable().filtered(),
        Column::new("scorecard_id", "t.scorecard_id", ColumnKind::Id, "The scorecard.").filtered(),
        Column::new("revision", "t.revision", ColumnKind::Int, "What the scorecard asked then."),
        Column::new("listener_id", "t.listener_id", ColumnKind::Id, "Who judged it.").filtered(),
        Column::new("agent_id", "t.agent_id", ColumnKind::Id, "Who served the call; of several the one who talked the longest.")
            .nullable()
            .filtered()
            .like(&["user", "segments"]),
        Column::new(
            "score_percent",
            "t.score_percent",
            ColumnKind::Int,
            "What the call is worth, of a hundred; absent if no question applied.",
        )
        .nullable()
        .filtered(),
        Column::new("passed", "t.passed", ColumnKind::Bool, "Whether the call is good.").filtered(),
        Column::new("items", "t.items", ColumnKind::Json, "The answers, and which of them fail the call."),
        Column::new("comment", "t.comment", ColumnKind::Text, "What is said of the whole call."),
        Column::new("sealed", "t.sealed", ColumnKind::Bool, "Whether others do not see it yet.").filtered(),
        Column::new("at", "t.at", ColumnKind::Time, "When it was handed in.").filtered(),
    ],
};

/// Those that everybody sees who sees evaluations at all.
static EVALUATIONS_UNSEALED: Resource = Resource { from: "(SELECT * FROM evaluations WHERE sealed = 0) t", ..EVALUATIONS };

/// An answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    /// The question.
    pub item_id: ItemId,
    /// The points; none: it does not apply to this call.
    pub value: Option<u32>,
    /// What is said of it, up to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Where in the recording, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u32>,
}

/// An evaluation to be handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvaluation {
    /// By which card; none: by that of the task's plan.
    pub scorecard: Option<i64>,
    /// As it stood then: refused if it asks something else by now. None: as it stands.
    pub revision: Option<i64>,
    /// The task that is done with it.
    pub task: Option<i64>,
    /// The answers. A question without one does not apply.
    pub items: Vec<NewAnswer>,
    /// What is said of the whole call, up to 4,000 characters.
    pub comment: String,
}

/// An answer as it is kept: with its question, so that it is understood without the card.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptAnswer {
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    #[serde(flatten)]
    pub(super) answer: KeptValue,
}

/// The members of [`NewAnswer`]; what is flattened cannot refuse others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptValue {
    pub(super) item_id: ItemId,
    pub(super) value: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<u32>,
}

statements! {
    CALL: both "SELECT center_id, scenario FROM calls WHERE call_id = $1";
    AGENT: both "SELECT user_id FROM call_users WHERE call_id = $1 AND why & 1 <> 0 ORDER BY talk_ms DESC, user_id LIMIT 1";
    INSERT: both "INSERT INTO evaluations (id, center_id, call_id, scenario, plan_id, task_id, scorecard_id, revision, listener_id, agent_id,
        score_percent, passed, items, comment, sealed, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    UNSEAL: both "UPDATE evaluations SET sealed = 0 WHERE plan_id = $1 AND call_id = $2 AND sealed = 1";
    SEALED: both "SELECT sealed, listener_id FROM evaluations WHERE id = $1 AND center_id = $2";
}

/// How somebody sees evaluations.
#[derive(Debug)]
pub struct Judgements {
    /// Leave to see those of calls that they see.
    pub leave: Permit,
    /// What is listed.
    pub resource: &'static Resource,
    /// Which of them, beside what was asked.
    pub filter: Option<Value>,
}

impl Crm {
    /// What somebody sees of evaluations: those of calls that they see, and no sealed ones but their own. Who manages plans and takes no tasks
    /// cannot be swayed, and sees all. `permit` is leave to see scorecards.
    ///
    /// # Errors
    /// [`OfficeError::NotPermitted`] for who sees no calls.
    pub fn judgements(&self, permit: &Permit) -> Result<Judgements, OfficeError> {
        permit.must_be(can::SCORECARDS_READ)?;
        let reader = permit.principal().permit(office::can::CALLS_READ).ok_or(OfficeError::NotPermitted("calls.read"))?;
        let leave = permit.within(&reader);
        let view = leave.view(&EVALUATIONS);
        let is_seen = |column| view.mode(column) == Mode::Show;
        Ok(match sees_sealed(permit) {
            true => Judgements { leave, resource: &EVALUATIONS, filter: None },
            false if is_seen("sealed") && is_seen("listener_id") => {
                let filter = json!({"or": [{"sealed": false}, {"listener_id": permit.principal().user().to_string()}]});
                Judgements { leave, resource: &EVALUATIONS, filter: Some(filter) }
            }
            false => Judgements { leave, resource: &EVALUATIONS_UNSEALED, filter: None },
        })
    }

    /// One evaluation, as far as the person sees it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`]; as [`Crm::judgements`].
    pub async fn judgement(&self, permit: &Permit, id: i64) -> Result<Map<String, Value>, OfficeError> {
        let seen = self.judgements(permit)?;
        let row: Option<(i64, i64)> = self.store().db().one(SEALED, binds![id, permit.rows().center]).await?;
        let (sealed, listener) = row.ok_or(OfficeError::NotFound(EVALUATIONS.name))?;
        if sealed != 0 && listener != permit.principal().user().0 && !sees_sealed(permit) {
            return Err(OfficeError::NotFound(EVALUATIONS.name));
        }
        self.office().read(&seen.leave.view(&EVALUATIONS), &id.to_string()).await
    }

    /// Hands in what somebody found of a call; gives its id. With a task, which must be their own, that is done; without one it takes the right to
    /// manage plans. `permit` is leave to see tasks.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call, a task or a card that the person does not reach, [`OfficeError::NotPermitted`], [`Conflict::Taken`] for
    /// a task that is not theirs any more, [`Conflict::Version`] with the card's revision if it asks something else by now,
    /// [`OfficeError::Invalid`] for answers that do not fit.
    pub async fn evaluate(&self, permit: &Permit, call: CallId, new: &NewEvaluation, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::LISTENING_READ)?;
        let none = || OfficeError::NotFound("call");
        let reader = permit.principal().permit(office::can::CALLS_READ).ok_or_else(none)?;
        self.office().read(&reader.view(&CALLS), &call.to_string()).await.map_err(|error| match error {
            OfficeError::NotFound(_) => none(),
            other => other,
        })?;
        let mut tx = self.store().db().begin().await?;
        let made = evaluate(&mut tx, permit, call, new, now).await;
        let (id, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news.into_iter().collect());
        Ok(id)
    }
}

/// Whether a person sees evaluations before the other listener has handed in theirs: who may not take tasks cannot become that one.
fn sees_sealed(permit: &Permit) -> bool {
    let may = |action| permit.principal().permit(action).is_some();
    may(can::LISTENING_MANAGE) && !may(can::LISTENING_CLAIM)
}

/// What was found of a call is kept from nobody any longer.
pub(super) async fn unseal(tx: &mut Tx, plan: i64, call: CallId) -> Result<(), StoreError> {
    tx.run(UNSEAL, binds![plan, call]).await.map(drop)
}

async fn evaluate(
    tx: &mut Tx,
    permit: &Permit,
    call: CallId,
    new: &NewEvaluation,
    now: WallTime,
) -> Result<(i64, Option<model::RowNews>), OfficeError> {
    let (center, listener) = (permit.rows().center, permit.principal().user());
    let invalid = |field: &str, detail: &str| OfficeError::Invalid(vec![Fault::invalid(field, detail)]);
    let reached = match new.task {
        Some(task) => Some(tasks::reach(tx, permit, task).await?),
        None if permit.principal().permit(can::LISTENING_MANAGE).is_none() => {
            return Err(OfficeError::NotPermitted(can::LISTENING_MANAGE.0));
        }
        None => None,
    };
    let task = reached.as_ref().map(|reached| &reached.task);
    if task.is_some_and(|task| task.call_id != call.0) {
        return Err(invalid("task_id", "this task is of another call"));
    }
    let planned = task.and_then(|task| task.scorecard_id);
    let card = new.scorecard.or(planned).ok_or_else(|| invalid("scorecard_id", "name the scorecard that the call is judged by"))?;
    if planned.is_some_and(|planned| planned != card) {
        return Err(invalid("scorecard_id", "calls of this plan are judged by another scorecard"));
    }
    let (revision, is_active) =
        scorecards::current(tx, center, card).await?.ok_or_else(|| invalid("scorecard_id", "there is no such scorecard"))?;
    if !is_active && planned.is_none() {
        return Err(OfficeError::Conflict(Conflict::State("the scorecard is out of use".to_owned())));
    }
    if new.revision.is_some_and(|seen| seen != revision.number) {
        return Err(OfficeError::Conflict(Conflict::Version { current: revision.number }));
    }
    let (score, items, comment) = judge(&revision, new)?;
    let (news, entry) = match &reached {
        // In somebody else's name nobody judges, whatever they may manage.
        Some(Reached { task, .. }) if task.assignee != Some(listener.0) => {
            return Err(OfficeError::Conflict(Conflict::Taken { state: task.state()?.code() }));
        }
        Some(reached) => {
            let (news, entry) = reached.step(tx, permit, TaskEvent::Done, None, now).await?;
            (Some(news), Some(entry))
        }
        None => (None, None),
    };
    let (_, scenario): (i64, Option<String>) = tx.one(CALL, binds![call]).await?.ok_or(OfficeError::NotFound("call"))?;
    let agent: Option<(i64,)> = tx.one(AGENT, binds![call]).await?;
    let is_sealed = reached.as_ref().and_then(|reached| reached.other.as_ref()).is_some_and(tasks::TaskRow::is_open);
    let id = draw(tx, "evaluation", 1).await?;
    let percent = score.percent.map(i64::from);
    let binds = binds![
        id,
        center,
        call,
        scenario,
        task.map(|task| task.plan_id),
        task.map(|task| task.id),
        card,
        revision.number,
        listener,
        agent.map(|(agent,)| agent),
        percent,
        i64::from(score.is_passed),
        json!(items).to_string(),
        &comment,
        i64::from(is_sealed),
        now,
    ];
    tx.run(INSERT, binds).await?;
    // What it came to stands in the evaluation alone: the audit log knows no seal.
    let made = json!({
        "call_id": call.to_string(),
        "task_id": task.map(|task| task.id.to_string()),
        "scorecard_id": card.to_string(),
        "revision": revision.number,
    });
    let made = if let Value::Object(made) = made { made } else { Map::new() };
    let action = if task.is_some() { can::LISTENING_CLAIM } else { can::LISTENING_MANAGE };
    let judged = Entry::change(action.0, EVALUATIONS.name, id, Diff::created(&made));
    audit::append(tx, now, permit.actor(), &entry.into_iter().chain([judged]).collect::<Vec<_>>()).await?;
    Ok((id, news))
}

/// What the answers come to, and how they are kept.
fn judge(revision: &Revision, new: &NewEvaluation) -> Result<(Score, Vec<KeptAnswer>, String), OfficeError> {
    let answers: Vec<Answer> = new.items.iter().map(|answer| Answer { item: answer.item_id, value: answer.value }).collect();
    let score = revision.card().score(&answers).map_err(|wrong| {
        let (NoScore::Unknown(item) | NoScore::Twice(item) | NoScore::Value(item)) = wrong;
        let at = new.items.iter().rposition(|answer| answer.item_id == item).unwrap_or(0);
        OfficeError::Invalid(vec![Fault::invalid(format!("items[{at}]"), wrong.to_string())])
    })?;
    let mut faults = Vec::new();
    let comment = text("comment", &new.comment, COMMENT_MAX, &mut faults);
    let name_of = |id: ItemId| revision.items.iter().find(|item| item.id == id).map(|item| item.asked.name.clone()).unwrap_or_default();
    let mut items = Vec::new();
    for (at, NewAnswer { item_id, value, comment, at_ms }) in new.items.iter().enumerate() {
        let comment = comment.as_deref().and_then(|text| line(&format!("items[{at}].comment"), text, ITEM_COMMENT_MAX, &mut faults));
        let answer = KeptValue { item_id: *item_id, value: *value, comment, at_ms: *at_ms };
        items.push(KeptAnswer { name: name_of(*item_id), failed: score.failed_by.contains(item_id), answer });
    }
    if faults.is_empty() { Ok((score, items, comment)) } else { Err(OfficeError::Invalid(faults)) }
}

/// A text of several lines.
fn text(field: &str, text: &str, max: usize, faults: &mut Vec<Fault>) -> String {
    let text = text.trim();
    if text.chars().count() > max || text.chars().any(|letter| letter.is_control() && letter != '\n') {
        faults.push(Fault::invalid(field, format!("this has at most {max} characters, and no control characters but the ends of lines")));
    }
    text.to_owned()
}
