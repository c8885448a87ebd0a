//! Listening plans: which calls are judged, how many of them, by whom and by which scorecard.
//!
//! A plan's filter is read as whoever set it sees calls, so that nobody has calls handed out that they do not see themselves.

use std::collections::BTreeSet;

use model::{Column, ColumnKind, Owner, Resource, UserId, WallTime};
use office::{CALLS, Conflict, Fault, ListParams, OfficeError, Permit, Purpose, text};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use super::{sampling, scorecards};
use crate::{
    Crm, can,
    core::{sample::Sample, task::LEASE},
    line::line,
};

/// Plans of one centre; more are refused.
pub const PLANS_MAX: usize = 200;
/// Tasks that one person may hold of a plan at most, and take at once.
pub const CLAIM_MAX: i64 = 50;
/// People that a plan can name.
pub const ASSIGNEES_MAX: usize = 200;
/// Octets of a plan's filter.
const FILTER_OCTETS_MAX: usize = 8 * 1024;
/// Characters of what listeners are told of a plan.
const NOTE_MAX: usize = 2_000;
/// The least and the most seconds of a claim.
const LEASES_S: std::ops::RangeInclusive<i64> = 60..=86_400;
/// Seeds are whole numbers that every reader of JSON has exactly.
const SEED_MAX: i64 = (1 << 53) - 1;
/// Tasks that a person may hold of a plan if nobody says.
const CLAIM_LIMIT: i64 = 5;

const STATES: &[&str] = &["draft", "active", "paused"];
const ASSIGNS: &[&str] = &["queue", "named"];

/// What calls have that a filter may be about: it is seen by nobody who does not see these.
const ASKED_OF_CALLS: &[&str] =
    &["call_id", "caller", "callee", "caller_slot", "callee_slot", "user", "segments", "scenario", "source", "carrier"];

/// Listening plans.
pub static LISTENING_PLANS: Resource = Resource {
    name: "listening_plans",
    from: "listening_plans t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "t.search_norm",
    order: "-id",
    read: can::LISTENING_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The plan's id.").sorted().filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name, unique in the centre.").filtered(),
        Column::new("state", "t.state", ColumnKind::Code(STATES), "Whether its tasks are handed out: only of active plans.").filtered(),
        Column::new("reason", "t.reason", ColumnKind::Text, "Why the program paused it.").nullable(),
        Column::new("filter", "t.filter", ColumnKind::Json, "Which calls, as lists of calls are filtered.").like(ASKED_OF_CALLS),
        Column::new("maker_id", "t.maker_id", ColumnKind::Id, "Who set the filter: calls are taken of those that they may see.").filtered(),
        Column::new("sample", "t.sample", ColumnKind::Json, "How many of these calls."),
        Column::new("seed", "t.seed", ColumnKind::Int, "What the sample is drawn by: the same seed draws the same calls."),
        Column::new("double_percent", "t.double_percent", ColumnKind::Int, "So many of a hundred calls are listened to by two people."),
        Column::new("assign", "t.assign", ColumnKind::Code(ASSIGNS), "Who may take its tasks: everybody who reaches them, or those named.")
            .filtered(),
        Column::new("assignees", "t.assignees", ColumnKind::Json, "The accounts that are named."),
        Column::new("claim_limit", "t.claim_limit", ColumnKind::Int, "So many of its tasks a person holds at most."),
        Column::new("lease_s", "t.lease_s", ColumnKind::Int, "For so many seconds a task is theirs who took it."),
        Column::new("due_at", "t.due_at", ColumnKind::Time, "When it is to be done.").nullable().filtered(),
        Column::new("scorecard_id", "t.scorecard_id", ColumnKind::Id, "The scorecard that its calls are judged by.").nullable().filtered(),
        Column::new("note", "t.note", ColumnKind::Text, "What listeners are told."),
        Column::new("sampled_at", "t.sampled_at", ColumnKind::Time, "When its sample was last taken to the end.").nullable(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who made it.").nullable().filtered(),
    ],
};

/// What to change of a plan, or what a new one is; what is absent stays, or is as it usually is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanChange {
    /// Its name, 1 to 128 characters.
    pub name: Option<String>,
    /// Which calls; none: all that the maker sees.
    pub filter: Option<Map<String, Value>>,
    /// How many of them; none: all.
    pub sample: Option<Sample>,
    /// What the sample is drawn by, 0 to 2^53 - 1; none: a number that nobody chose.
    pub seed: Option<i64>,
    /// How many of a hundred calls are listened to by two, 0 to 100.
    pub double_percent: Option<i64>,
    /// `queue` or `named`.
    pub assign: Option<String>,
    /// Who is named, at most [`ASSIGNEES_MAX`].
    pub assignees: Option<BTreeSet<UserId>>,
    /// How many tasks a person may hold, 1 to [`CLAIM_MAX`].
    pub claim_limit: Option<i64>,
    /// How long a claim lasts, in seconds, 60 to 86,400.
    pub lease_s: Option<i64>,
    /// When it is to be done.
    pub due_at: Option<Option<WallTime>>,
    /// By which scorecard.
    pub scorecard_id: Option<Option<i64>>,
    /// What listeners are told, up to 2,000 characters.
    pub note: Option<String>,
}

statements! {
    COUNT: both "SELECT count(*) FROM listening_plans WHERE center_id = $1";
    INSERT: both "INSERT INTO listening_plans (id, center_id, name, state, filter, maker_id, sample, seed, double_percent, assign, assignees,
        claim_limit, lease_s, due_at, scorecard_id, note, search_norm, version, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17, $17, $18)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE listening_plans SET version = version WHERE id = $1 AND center_id = $2 RETURNING name, state, reason, filter, maker_id,
        sample, seed, double_percent, assign, assignees, claim_limit, lease_s, due_at, scorecard_id, note, version";
    CHANGE: both "UPDATE listening_plans SET name = $2, state = $3, reason = $4, filter = $5, maker_id = $6, sample = $7, seed = $8,
        double_percent = $9, assign = $10, assignees = $11, claim_limit = $12, lease_s = $13, due_at = $14, scorecard_id = $15, note = $16,
        search_norm = $17, version = version + 1, updated_at = $18 WHERE id = $1";
    SAMPLED: both "UPDATE listening_plans SET sampled_at = $2 WHERE id = $1";
    IS_HERE: both "SELECT id FROM users WHERE id = $1 AND center_id = $2 AND state = 'active'";
    HAD: both "SELECT id FROM listening_tasks WHERE plan_id = $1 AND state <> 'new' LIMIT 1";
    DROP_TASKS: both "DELETE FROM listening_tasks WHERE plan_id = $1 AND state = 'new'";
    DELETE: both "DELETE FROM listening_plans WHERE id = $1";
}

/// A plan as the database has it.
#[derive(Debug, Clone, Default, PartialEq, FromRow)]
pub(super) struct PlanRow {
    name: String,
    pub(super) state: String,
    reason: Option<String>,
    filter: String,
    maker_id: i64,
    sample: String,
    seed: i64,
    double_percent: i64,
    assign: String,
    assignees: String,
    claim_limit: i64,
    lease_s: i64,
    due_at: Option<i64>,
    scorecard_id: Option<i64>,
    note: String,
    version: i64,
}

impl PlanRow {
    fn picture(&self) -> Map<String, Value> {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let value = json!({
            "name": self.name,
            "state": self.state,
            "reason": self.reason,
            "filter": read(&self.filter),
            "maker_id": self.maker_id.to_string(),
            "sample": read(&self.sample),
            "seed": self.seed,
            "double_percent": self.double_percent,
            "assign": self.assign,
            "assignees": read(&self.assignees),
            "claim_limit": self.claim_limit,
            "lease_s": self.lease_s,
            "due_at": self.due_at,
            "scorecard_id": self.scorecard_id.map(|card| card.to_string()),
            "note": self.note,
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    /// What a sample of it is taken by.
    pub(super) fn order(&self) -> Result<sampling::Order, OfficeError> {
        let broken = |error: serde_json::Error| OfficeError::Defect(format!("a listening plan cannot be read: {error}"));
        Ok(sampling::Order {
            filter: serde_json::from_str(&self.filter).map_err(broken)?,
            maker: UserId(self.maker_id),
            sample: serde_json::from_str(&self.sample).map_err(broken)?,
            seed: self.seed,
            double_percent: u8::try_from(self.double_percent).unwrap_or(0),
        })
    }

    fn set(&mut self, change: &PlanChange, maker: UserId, faults: &mut Vec<Fault>) {
        if let Some(name) = &change.name {
            self.name = text::name("name", name, faults);
        }
        if let Some(filter) = &change.filter {
            let text = Value::Object(filter.clone()).to_string();
            if text.len() > FILTER_OCTETS_MAX {
                faults.push(Fault::invalid("filter", format!("a plan's filter has at most {FILTER_OCTETS_MAX} octets")));
            }
            if text != self.filter {
                (self.filter, self.maker_id) = (text, maker.0);
            }
        }
        if let Some(sample) = &change.sample {
            let wrong = sample.validate().into_iter();
            faults.extend(wrong.map(|problem| Fault::invalid(format!("sample.{}", problem.path), problem.text)));
            self.sample = json!(sample).to_string();
        }
        let mut number = |field: &str, wanted: Option<i64>, place: &mut i64, range: std::ops::RangeInclusive<i64>| {
            let Some(wanted) = wanted else { return };
            if !range.contains(&wanted) {
                faults.push(Fault::invalid(field, format!("this is a whole number from {} to {}", range.start(), range.end())));
            }
            *place = wanted;
        };
        number("seed", change.seed, &mut self.seed, 0..=SEED_MAX);
        number("double_percent", change.double_percent, &mut self.double_percent, 0..=100);
        number("claim_limit", change.claim_limit, &mut self.claim_limit, 1..=CLAIM_MAX);
        number("lease_s", change.lease_s, &mut self.lease_s, LEASES_S);
        if let Some(due_at) = change.due_at {
            let mut at = 0;
            number("due_at", due_at.map(|at| at.0), &mut at, 0..=SEED_MAX);
            self.due_at = due_at.map(|at| at.0);
        }
        if let Some(assign) = &change.assign {
            if !ASSIGNS.contains(&assign.as_str()) {
                faults.push(Fault::invalid("assign", format!("this is one of: {}", ASSIGNS.join(", "))));
            }
            self.assign.clone_from(assign);
        }
        if let Some(assignees) = &change.assignees {
            if assignees.len() > ASSIGNEES_MAX {
                faults.push(Fault::invalid("assignees", format!("a plan names at most {ASSIGNEES_MAX} people")));
            }
            self.assignees = json!(assignees.iter().map(ToString::to_string).collect::<Vec<_>>()).to_string();
        }
        if self.assign == "named" && self.assignees == "[]" {
            faults.push(Fault::invalid("assignees", "name who may take its tasks"));
        }
        if let Some(card) = change.scorecard_id {
            self.scorecard_id = card;
        }
        if let Some(note) = &change.note {
            self.note = line("note", note, NOTE_MAX, faults).unwrap_or_default();
        }
    }
}

impl Crm {
    /// Makes a plan, which hands out nothing before its sample is taken and it is activated; gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::NotPermitted`] for a filter of calls by who may not see calls, [`Conflict::NameTaken`],
    /// [`Conflict::State`] if the centre has as many as it may.
    pub async fn create_plan(&self, permit: &Permit, new: &PlanChange, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::LISTENING_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = create(&mut tx, permit, new, now).await;
        office::finish(tx, made).await
    }

    /// Changes a plan that is at the version that the person saw; gives its new version. Tasks that were made stay.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::NotPermitted`], [`Conflict::NameTaken`], [`Conflict::Version`].
    pub async fn update_plan(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &PlanChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::LISTENING_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, permit, (id, version), change, now).await;
        office::finish(tx, made).await
    }

    /// Has a plan's tasks handed out, or no longer.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn set_plan_active(&self, permit: &Permit, id: i64, is_active: bool, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::LISTENING_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = set_state(&mut tx, permit, id, is_active, now).await;
        office::finish(tx, made).await
    }

    /// Has a plan's sample taken of the calls that there are now; gives the number of the job. A sample that was taken before stays, and grows by
    /// what has come since.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::State`] if too many jobs wait already.
    pub async fn sample_plan(&self, permit: &Permit, id: i64, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::LISTENING_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = self.sample(&mut tx, permit, id, now).await;
        let job = office::finish(tx, made).await?;
        self.office().wake_jobs();
        Ok(job)
    }

    async fn sample(&self, tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<i64, OfficeError> {
        let plan = lock(tx, permit, id).await?;
        let job = sampling::job(permit, id, plan.order()?);
        let job = self.office().enqueue(tx, now, job).await?;
        let diff = Diff::none().and("sampled_by_job", Value::Null, job.to_string());
        audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LISTENING_PLANS.name, id, diff)]).await?;
        Ok(job)
    }

    /// Deletes a plan with its tasks, unless somebody has taken one already.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::InUse`].
    pub async fn delete_plan(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::LISTENING_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, permit, id, now).await;
        office::finish(tx, made).await
    }
}

async fn lock(tx: &mut Tx, permit: &Permit, id: i64) -> Result<PlanRow, OfficeError> {
    tx.one(LOCK, binds![id, permit.rows().center]).await?.ok_or(OfficeError::NotFound("listening_plans"))
}

async fn create(tx: &mut Tx, permit: &Permit, new: &PlanChange, now: WallTime) -> Result<i64, OfficeError> {
    let center = permit.rows().center;
    // Others who make plans wait here, so that the count holds.
    let id = draw(tx, "listening_plan", 1).await?;
    let (count,): (i64,) = tx.one(COUNT, binds![center]).await?.unwrap_or_default();
    if usize::try_from(count).is_ok_and(|count| count >= PLANS_MAX) {
        return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {PLANS_MAX} listening plans: delete one first"))));
    }
    let maker = permit.principal().user();
    let usual = PlanRow {
        state: "draft".to_owned(),
        filter: "{}".to_owned(),
        maker_id: maker.0,
        sample: json!(Sample::All).to_string(),
        seed: (now.0.wrapping_mul(1_000) ^ id) & SEED_MAX,
        assign: "queue".to_owned(),
        assignees: "[]".to_owned(),
        claim_limit: CLAIM_LIMIT,
        lease_s: i64::try_from(LEASE.as_secs()).unwrap_or(*LEASES_S.end()),
        version: 1,
        ..PlanRow::default()
    };
    let new = PlanChange { name: Some(new.name.clone().unwrap_or_default()), ..new.clone() };
    let row = changed(tx, permit, &usual, &new).await?;
    let binds = binds![
        id,
        center,
        &row.name,
        &row.filter,
        row.maker_id,
        &row.sample,
        row.seed,
        row.double_percent,
        &row.assign,
        &row.assignees,
        row.claim_limit,
        row.lease_s,
        row.due_at,
        row.scorecard_id,
        &row.note,
        fold_search(&row.name),
        now,
        permit.actor().user(),
    ];
    tx.run(INSERT, binds).await.map_err(name_taken)?;
    let diff = Diff::created(&row.picture());
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LISTENING_PLANS.name, id, diff)]).await?;
    Ok(id)
}

/// The plan with a change, if it stands up to all checks.
async fn changed(tx: &mut Tx, permit: &Permit, old: &PlanRow, change: &PlanChange) -> Result<PlanRow, OfficeError> {
    let (mut row, mut faults) = (old.clone(), Vec::new());
    row.set(change, permit.principal().user(), &mut faults);
    // A right to plans is none to calls, and a filter finds out what it asks for.
    if row.filter != old.filter || old.name.is_empty() {
        let reader = permit.principal().permit(office::can::CALLS_READ).ok_or(OfficeError::NotPermitted("calls.read"))?;
        let filter = change.filter.clone().unwrap_or_default();
        match reader.view(&CALLS).select(&ListParams::default().filtered(Value::Object(filter)), Purpose::Show) {
            Ok(_) => {}
            Err(OfficeError::Invalid(wrong)) => faults.extend(wrong),
            Err(other) => return Err(other),
        }
    }
    let center = permit.rows().center;
    for user in change.assignees.iter().flatten().take(ASSIGNEES_MAX) {
        if tx.one::<(i64,)>(IS_HERE, binds![*user, center]).await?.is_none() {
            faults.push(Fault::invalid("assignees", format!("there is no active account {user} in this centre")));
        }
    }
    if let Some(card) = row.scorecard_id.filter(|card| old.scorecard_id != Some(*card))
        && !scorecards::is_active(tx, center, card).await?
    {
        faults.push(Fault::invalid("scorecard_id", "there is no such scorecard in use in this centre"));
    }
    if faults.is_empty() { Ok(row) } else { Err(OfficeError::Invalid(faults)) }
}

async fn update(tx: &mut Tx, permit: &Permit, (id, version): (i64, i64), change: &PlanChange, now: WallTime) -> Result<i64, OfficeError> {
    let old = lock(tx, permit, id).await?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let new = changed(tx, permit, &old, change).await?;
    if write(tx, permit, id, &old, &new, now).await? { Ok(version + 1) } else { Ok(version) }
}

async fn set_state(tx: &mut Tx, permit: &Permit, id: i64, is_active: bool, now: WallTime) -> Result<(), OfficeError> {
    let old = lock(tx, permit, id).await?;
    let state = match (is_active, old.state.as_str()) {
        (true, _) => "active",
        (false, "active") => "paused",
        // Nothing is handed out anyway.
        (false, other) => other,
    };
    let new = PlanRow { state: state.to_owned(), reason: None, ..old.clone() };
    write(tx, permit, id, &old, &new, now).await?;
    Ok(())
}

/// Writes a plan that was changed; whether it was.
async fn write(tx: &mut Tx, permit: &Permit, id: i64, old: &PlanRow, new: &PlanRow, now: WallTime) -> Result<bool, OfficeError> {
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok(false);
    }
    store(tx, id, new, now).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LISTENING_PLANS.name, id, diff)]).await?;
    Ok(true)
}

async fn store(tx: &mut Tx, id: i64, row: &PlanRow, now: WallTime) -> Result<(), OfficeError> {
    let binds = binds![
        id,
        &row.name,
        &row.state,
        &row.reason,
        &row.filter,
        row.maker_id,
        &row.sample,
        row.seed,
        row.double_percent,
        &row.assign,
        &row.assignees,
        row.claim_limit,
        row.lease_s,
        row.due_at,
        row.scorecard_id,
        &row.note,
        fold_search(&row.name),
        now,
    ];
    tx.run(CHANGE, binds).await.map_err(name_taken)?;
    Ok(())
}

/// A plan of a centre, locked for the program's own job; none if it is gone.
pub(super) async fn lock_for_job(tx: &mut Tx, center: model::CenterId, id: i64) -> Result<Option<PlanRow>, StoreError> {
    tx.one(LOCK, binds![id, center]).await
}

/// The program hands out a plan's tasks no longer, and says why: what changed, if anything did.
pub(super) async fn pause(tx: &mut Tx, id: i64, old: &PlanRow, why: &str, now: WallTime) -> Result<Option<Entry>, OfficeError> {
    let new = PlanRow { state: "paused".to_owned(), reason: Some(why.to_owned()), ..old.clone() };
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok(None);
    }
    store(tx, id, &new, now).await?;
    Ok(Some(Entry::change(can::LISTENING_MANAGE.0, LISTENING_PLANS.name, id, diff)))
}

/// A plan's sample was taken to its end.
pub(super) async fn sampled(tx: &mut Tx, id: i64, now: WallTime) -> Result<(), StoreError> {
    tx.run(SAMPLED, binds![id, now]).await.map(drop)
}

async fn delete(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
    let in_use = || OfficeError::Conflict(Conflict::InUse("people who have taken tasks of it: pause it instead".to_owned()));
    let old = lock(tx, permit, id).await?;
    if tx.one::<(i64,)>(HAD, binds![id]).await?.is_some() {
        return Err(in_use());
    }
    tx.run(DROP_TASKS, binds![id]).await?;
    // A task may have been taken while the others were deleted.
    tx.run(DELETE, binds![id]).await.map_err(|error| match error {
        StoreError::Constraint { name } if name == "listening_tasks_plan_id_fkey" => in_use(),
        other => other.into(),
    })?;
    let diff = Diff::deleted(&old.picture());
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LISTENING_PLANS.name, id, diff)]).await?;
    Ok(())
}

fn name_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if name == "listening_plans_center_id_name_key" => OfficeError::Conflict(Conflict::NameTaken),
        other => other.into(),
    }
}
