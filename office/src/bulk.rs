//! One change of many rows at once: the rows of a filter, or those that were named.
//!
//! What was asked for is frozen: the filter, and the greatest key that there was. How many rows that reaches is counted by the very walk that
//! the job then takes, and promised; at the end the job tells how many it changed, and why it left the others as they were. It works
//! with the rights that its requester has while it runs. A chunk of rows is one transaction, with the audit entries of each row and the
//! job's own progress, so no row is changed twice or forgotten.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc};

use model::{Action, Resource, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    audit::{self, Diff, Entry},
    statements,
};

use crate::{
    Conflict, Fault, ListParams, Office, OfficeError, Permit, Purpose, View,
    jobs::{JobError, JobKind, NewJob, Next, Step, reason},
};

/// Rows that one change may reach.
pub const ROWS_MAX: i64 = 1_000_000;
/// Rows that can be named.
pub const IDS_MAX: usize = 1_000;
/// Keys that are read at once when rows are counted.
const COUNT_CHUNK: u32 = 5_000;
/// Reasons that are told one by one; the rest are told together.
const REASONS_MAX: usize = 20;
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 200;

statements! {
    // What one row's change has done before it was refused is taken back, and the others' stays.
    BEGIN_ROW: both "SAVEPOINT bulk_row";
    UNDO_ROW: both "ROLLBACK TO SAVEPOINT bulk_row";
    END_ROW: both "RELEASE SAVEPOINT bulk_row";
}

/// A change that can be made to many rows.
pub trait BulkAction: Send + Sync + 'static {
    /// Of what.
    fn resource(&self) -> &'static Resource;

    /// Its name on the wire: `disable`.
    fn name(&self) -> &'static str;

    /// The right that it takes.
    fn right(&self) -> Action;

    /// Rows of one transaction. An action that appends to the audit log by itself takes one: whoever appends must lock nothing after it.
    fn chunk(&self) -> u32 {
        500
    }

    /// What is wrong with the values that come with the order.
    ///
    /// # Errors
    /// A sentence for whoever orders it.
    fn check(&self, values: &Value) -> Result<(), String> {
        if values.is_null() { Ok(()) } else { Err("this action takes no values".to_owned()) }
    }

    /// Changes a row, in the step's transaction ([`Step::tx`]) and with its audit entry ([`Step::audit`]). Whatever it refuses with leaves the row as it is and is told as a
    /// reason; but a database that is away, and a defect of ours, fail the chunk.
    fn change(&self, row: &BulkRow<'_>, step: &mut Step<'_>) -> impl Future<Output = Result<BulkDone, OfficeError>> + Send;
}

/// A row to be changed.
#[derive(Debug)]
pub struct BulkRow<'a> {
    /// Leave to do it, as it is now.
    pub permit: &'a Permit,
    /// The row.
    pub key: i64,
    /// The values that came with the order.
    pub values: &'a Value,
    /// The time.
    pub now: WallTime,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkDone {
    /// It was changed.
    Changed,
    /// It was as it should be already, or cannot be changed; why.
    Skipped(&'static str),
}

/// The changes that this program knows.
#[derive(Clone, Default)]
pub struct BulkActions(BTreeMap<(&'static str, &'static str), Arc<dyn AnyAction>>);

impl BulkActions {
    /// Adds one; another one of the same resource and name gives way.
    #[must_use]
    pub fn with(mut self, action: impl BulkAction) -> Self {
        self.0.insert((action.resource().name, action.name()), Arc::new(action));
        self
    }

    fn find(&self, resource: &str, action: &str) -> Option<&Arc<dyn AnyAction>> {
        self.0.iter().find(|((of, name), _)| *of == resource && *name == action).map(|(_, action)| action)
    }
}

impl fmt::Debug for BulkActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

type Doing<'a> = Pin<Box<dyn Future<Output = Result<BulkDone, OfficeError>> + Send + 'a>>;

/// A [`BulkAction`] behind a pointer.
trait AnyAction: Send + Sync {
    fn resource(&self) -> &'static Resource;
    fn right(&self) -> Action;
    fn chunk(&self) -> u32;
    fn check(&self, values: &Value) -> Result<(), String>;
    fn change<'a>(&'a self, row: &'a BulkRow<'_>, step: &'a mut Step<'_>) -> Doing<'a>;
}

impl<A: BulkAction> AnyAction for A {
    fn resource(&self) -> &'static Resource {
        BulkAction::resource(self)
    }

    fn right(&self) -> Action {
        BulkAction::right(self)
    }

    fn chunk(&self) -> u32 {
        BulkAction::chunk(self)
    }

    fn check(&self, values: &Value) -> Result<(), String> {
        BulkAction::check(self, values)
    }

    fn change<'a>(&'a self, row: &'a BulkRow<'_>, step: &'a mut Step<'_>) -> Doing<'a> {
        Box::pin(BulkAction::change(self, row, step))
    }
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOrder {
    /// Of what: a resource's name.
    pub resource: String,
    /// How: an action's name.
    pub action: String,
    /// Which rows.
    pub rows: BulkRows,
    /// What the action takes beside the rows.
    pub values: Value,
    /// Whether only to say how many rows there are.
    pub dry_run: bool,
}

/// Which rows are to be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkRows {
    /// Those of a list's filter, in which these words are found.
    Filter {
        /// The filter.
        filter: Value,
        /// The words.
        search: Option<String>,
    },
    /// Those with these ids.
    Ids(Vec<i64>),
}

/// A change that was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartedBulk {
    /// The job that makes it; none if only the count was wanted.
    pub job: Option<i64>,
    /// How many rows it will reach.
    pub count: i64,
}

/// What the job is to do.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    resource: String,
    action: String,
    rows: BulkRows,
    values: Value,
    /// The greatest key when it was ordered.
    upto: i64,
    promised: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// All rows up to this key have been dealt with; of rows that were named, so many.
    after: i64,
    changed: i64,
    skipped: i64,
    reasons: BTreeMap<String, i64>,
}

impl Office {
    /// The right that an action takes; none if there is no such action.
    #[must_use]
    pub fn bulk_right(&self, resource: &str, action: &str) -> Option<Action> {
        self.bulk_actions().find(resource, action).map(|action| action.right())
    }

    /// Orders a change of many rows that the permit reaches. The permit is for the action's [`Office::bulk_right`].
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with what is wrong; [`Conflict::State`] if it would reach more than a million rows.
    pub async fn start_bulk(&self, permit: &Permit, order: BulkOrder, now: WallTime) -> Result<StartedBulk, OfficeError> {
        let unknown = || OfficeError::Invalid(vec![Fault::invalid("action", "there is no such action for this")]);
        let action = Arc::clone(self.bulk_actions().find(&order.resource, &order.action).ok_or_else(unknown)?);
        if permit.action() != action.right() {
            return Err(OfficeError::Forbidden(format!("this takes the right {}", action.right())));
        }
        action.check(&order.values).map_err(|detail| OfficeError::Invalid(vec![Fault::invalid("values", detail)]))?;
        let view = permit.view(action.resource());
        let (rows, upto, promised) = match order.rows {
            BulkRows::Filter { filter, search } => {
                let selection = view.select(&params(&filter, search.as_deref()), Purpose::Show)?.in_chunks_of(COUNT_CHUNK);
                let upto = self.last_key(&selection).await?.unwrap_or(0);
                let (mut count, mut after, mut is_last) = (0, 0, upto == 0);
                while !is_last {
                    let chunk = self.walk_keys(&selection, after, upto).await?;
                    count += i64::try_from(chunk.rows.len()).unwrap_or(i64::MAX);
                    if count > ROWS_MAX {
                        return Err(OfficeError::Conflict(Conflict::State(format!(
                            "the filter reaches more than {ROWS_MAX} rows: make it narrower"
                        ))));
                    }
                    (after, is_last) = (chunk.after, chunk.is_last);
                }
                (BulkRows::Filter { filter, search }, upto, count)
            }
            BulkRows::Ids(mut ids) => {
                ids.sort_unstable();
                ids.dedup();
                if ids.is_empty() || ids.len() > IDS_MAX {
                    return Err(OfficeError::Invalid(vec![Fault::invalid("ids", format!("1 to {IDS_MAX} ids"))]));
                }
                // Ids of rows that the person does not reach are as good as none.
                let mut reached = Vec::new();
                for id in ids {
                    if self.reaches_row(&view, id).await? {
                        reached.push(id);
                    }
                }
                let count = i64::try_from(reached.len()).unwrap_or(i64::MAX);
                (BulkRows::Ids(reached), 0, count)
            }
        };
        if order.dry_run {
            return Ok(StartedBulk { job: None, count: promised });
        }
        let (resource, name) = (action.resource().name, order.action);
        let what = match &rows {
            BulkRows::Filter { filter, .. } => filter.clone(),
            BulkRows::Ids(ids) => json!(ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
        };
        let payload = Payload { resource: resource.to_owned(), action: name.clone(), rows, values: order.values, upto, promised };
        let mut tx = self.store().db().begin().await?;
        let (center, user) = (permit.rows().center, permit.principal().user());
        let job = NewJob::new("bulk.run", center, json!(payload)).by(user).of(promised);
        let job = self.enqueue(&mut tx, now, job).await?;
        let diff = Diff::none().and("action", Value::Null, name).and("rows", Value::Null, what).and("count", Value::Null, promised);
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(permit.action().0, resource, "", diff)]).await?;
        tx.commit().await?;
        self.wake_jobs();
        Ok(StartedBulk { job: Some(job), count: promised })
    }

    /// Whether the view's right reaches a row of the database: by the very rule that its list goes by.
    ///
    /// # Errors
    /// As the database's.
    pub async fn reaches_row(&self, view: &View, key: i64) -> Result<bool, OfficeError> {
        let found = self.store().list_row(view.resource(), view.rows(), Vec::new(), key).await;
        Ok(found
            .map_err(|error| match error {
                store::list::ListError::Store(error) => OfficeError::Store(error),
                slow @ store::list::ListError::TooSlow => OfficeError::Defect(slow.to_string()),
            })?
            .is_some())
    }
}

/// Makes changes of many rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunBulk;

impl JobKind for RunBulk {
    fn name(&self) -> &'static str {
        "bulk.run"
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let (office, payload) = (step.office(), step.payload::<Payload>()?);
        let mut at: Checkpoint = step.checkpoint()?.unwrap_or_default();
        let action = office.bulk_actions().find(&payload.resource, &payload.action);
        let action = Arc::clone(action.ok_or_else(|| JobError::Permanent("this program does not know the action any more".to_owned()))?);
        // The rights of now: whoever has lost them changes nothing more.
        let principal = office.principal_of_job(step.job()).await?;
        let principal =
            principal.ok_or_else(|| JobError::Permanent("the account of whoever ordered it is not active any more".to_owned()))?;
        let permit = principal.permit(action.right());
        let permit = permit.ok_or_else(|| JobError::Permanent(format!("the right {} was taken away meanwhile", action.right())))?;
        let view = permit.view(action.resource());
        let (keys, gone, after, is_last) = match &payload.rows {
            BulkRows::Filter { filter, search } => {
                let params = params(filter, search.as_deref());
                let selection = view.select(&params, Purpose::Show).map_err(|error| match error {
                    OfficeError::Invalid(_) => {
                        JobError::Permanent("rights were taken away meanwhile: the filter's columns cannot be seen any more".to_owned())
                    }
                    other => other.into(),
                })?;
                let chunk = office.walk_keys(&selection.in_chunks_of(action.chunk()), at.after, payload.upto).await?;
                (chunk.rows, 0, chunk.after, chunk.is_last)
            }
            BulkRows::Ids(ids) => {
                let from = usize::try_from(at.after).unwrap_or(usize::MAX);
                let some: Vec<i64> = ids.iter().skip(from).take(usize::try_from(action.chunk()).unwrap_or(usize::MAX)).copied().collect();
                let end = from.saturating_add(some.len());
                let (mut keys, mut gone) = (Vec::new(), 0);
                for key in some {
                    if office.reaches_row(&view, key).await? {
                        keys.push(key);
                    } else {
                        gone += 1;
                    }
                }
                (keys, gone, i64::try_from(end).unwrap_or(i64::MAX), end >= ids.len())
            }
        };
        if gone > 0 {
            at.skip("it is gone", gone);
        }
        let now = step.now();
        for key in keys {
            step.tx().await?.run(BEGIN_ROW, &[]).await?;
            let (row, mark) = (BulkRow { permit: &permit, key, values: &payload.values, now }, step.mark());
            match action.change(&row, step).await {
                Ok(BulkDone::Changed) => at.changed += 1,
                Ok(BulkDone::Skipped(reason)) => at.skip(reason, 1),
                Err(OfficeError::Store(error)) if !error.is_in_the_data() => return Err(error.into()),
                Err(failed @ (OfficeError::File(_) | OfficeError::Defect(_))) => return Err(failed.into()),
                Err(refused) => {
                    step.tx().await?.run(UNDO_ROW, &[]).await?;
                    step.forget_since(mark);
                    at.skip(&reason(&refused), 1);
                }
            }
            step.tx().await?.run(END_ROW, &[]).await?;
        }
        at.after = after;
        let dealt_with = at.changed + at.skipped;
        step.progress(dealt_with, Some(payload.promised));
        let mut result = json!({"promised": payload.promised, "changed": at.changed, "skipped": at.skipped, "reasons": at.reasons});
        if is_last && let Some(result) = result.as_object_mut() {
            // Rows that were deleted meanwhile, or that others changed so that the filter now reaches more or fewer, make a difference.
            result.insert("as_promised".to_owned(), (dealt_with == payload.promised).into());
        }
        step.result(&result);
        step.save(&at);
        Ok(if is_last { Next::Done } else { Next::Again })
    }
}

impl Checkpoint {
    fn skip(&mut self, reason: &str, rows: i64) {
        self.skipped += rows;
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let is_known = self.reasons.contains_key(&reason);
        let reason = if is_known || self.reasons.len() < REASONS_MAX { reason } else { "for other reasons".to_owned() };
        *self.reasons.entry(reason).or_default() += rows;
    }
}

fn params(filter: &Value, search: Option<&str>) -> ListParams {
    let params = ListParams::default().filtered(filter.clone());
    match search {
        Some(search) => params.searched(search),
        None => params,
    }
}
