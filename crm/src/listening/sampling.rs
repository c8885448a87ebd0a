//! The job that takes a plan's sample: it walks over the calls that the plan's filter finds, as its maker sees them now, and makes tasks.
//!
//! Of a sample by percent each call is decided by itself. For the others all candidates are gathered first, and then those that come first by
//! their hash are taken. Each step is one transaction with its checkpoint, a task is made once for a call and a round, and what was made before
//! counts; so a job that is begun anew, or taken twice, makes the same tasks.

use std::collections::BTreeSet;

use model::{Actor, CallId, UserId};
use office::{
    CALLS, ListParams, OfficeError, Permit, Purpose,
    jobs::{End, JobError, JobKind, NewJob, Next, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    binds,
    sql::{Tx, draw, list},
    statements,
};

use super::plans;
use crate::core::{
    sample::{Candidate, Sample, is_doubled, pick},
    task::TASK,
};

/// Calls that are looked at in one step.
const CHUNK: u32 = 500;
/// Tasks that are made in one step of the second part.
const TASKS_CHUNK: usize = 500;
/// Calls among which a sample can be taken.
pub const CANDIDATES_MAX: i64 = 200_000;
/// Calls of one plan that are listened to.
pub const CALLS_OF_PLAN_MAX: i64 = 50_000;

const NAME: &str = "listening.sample";

/// What a sample is taken by: as the plan said when it was ordered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) filter: Map<String, Value>,
    pub(super) maker: UserId,
    pub(super) sample: Sample,
    pub(super) seed: i64,
    pub(super) double_percent: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    plan: i64,
    order: Order,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Whether all candidates were gathered.
    is_gathered: bool,
    /// All calls up to this one have been looked at.
    after: i64,
    /// The last call that there was when the job began.
    upto: i64,
    /// Recorded calls that the filter found.
    found: i64,
    /// Tasks that were made.
    made: i64,
}

statements! {
    FACTS: each concat!("SELECT c.call_id, c.scenario, c.outcome, r.duration_ms, (SELECT u.user_id FROM call_users u WHERE u.call_id = c.call_id
            AND u.why & 1 <> 0 ORDER BY u.talk_ms DESC, u.user_id LIMIT 1) AS agent_id
            FROM calls c JOIN recordings r ON r.call_id = c.call_id WHERE c.status = 'ended' AND r.state IN ('complete', 'partial')
            AND r.file IS NOT NULL AND c.call_id IN ", store::ids!(lite)),
        concat!("SELECT c.call_id, c.scenario, c.outcome, r.duration_ms, (SELECT u.user_id FROM call_users u WHERE u.call_id = c.call_id
            AND u.why & 1 <> 0 ORDER BY u.talk_ms DESC, u.user_id LIMIT 1) AS agent_id
            FROM calls c JOIN recordings r ON r.call_id = c.call_id WHERE c.status = 'ended' AND r.state IN ('complete', 'partial')
            AND r.file IS NOT NULL AND c.call_id IN ", store::ids!(pg));
    GATHER: both "INSERT INTO listening_candidates (job_id, call_id, agent_id, scenario, outcome, duration_ms) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (job_id, call_id) DO NOTHING";
    GATHERED: both "SELECT call_id, scenario, outcome, duration_ms, agent_id FROM listening_candidates WHERE job_id = $1 ORDER BY call_id";
    DROP: both "DELETE FROM listening_candidates WHERE job_id = $1";
    TAKEN: both "SELECT call_id FROM listening_tasks WHERE plan_id = $1 AND round = 1";
    TAKEN_OF: each
        concat!("SELECT call_id FROM listening_tasks WHERE plan_id = $2 AND round = 1 AND call_id IN ", store::ids!(lite)),
        concat!("SELECT call_id FROM listening_tasks WHERE plan_id = $2 AND round = 1 AND call_id IN ", store::ids!(pg));
    COUNT: both "SELECT count(*) FROM listening_tasks WHERE plan_id = $1 AND round = 1";
    MAKE: both "INSERT INTO listening_tasks (id, center_id, plan_id, call_id, scenario, round, state, version, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8) ON CONFLICT (plan_id, call_id, round) DO NOTHING";
}

#[derive(Debug, FromRow)]
struct Fact {
    call_id: i64,
    scenario: Option<String>,
    outcome: Option<String>,
    duration_ms: i64,
    agent_id: Option<i64>,
}

impl Fact {
    fn candidate(self) -> Candidate {
        Candidate {
            call: CallId(self.call_id),
            agent: self.agent_id.map(UserId),
            scenario: self.scenario,
            outcome: self.outcome.unwrap_or_default(),
            duration_ms: u64::try_from(self.duration_ms).unwrap_or(0),
        }
    }
}

/// The job that takes a plan's sample.
pub(super) fn job(permit: &Permit, plan: i64, order: Order) -> NewJob {
    NewJob::new(NAME, permit.rows().center, json!(Payload { plan, order })).by(permit.principal().user())
}

/// Takes samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct TakeSample;

impl JobKind for TakeSample {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let Payload { plan, order } = step.payload()?;
        let mut at: Checkpoint = step.checkpoint()?.unwrap_or_default();
        let next = if at.is_gathered { take(step, plan, &order, &mut at).await? } else { look(step, plan, &order, &mut at).await? };
        step.save(&at);
        step.progress(at.found, None);
        Ok(next)
    }

    async fn ended(&self, step: &mut Step<'_>, _: &End) -> Result<(), JobError> {
        let job = step.job().id;
        step.tx().await?.run(DROP, binds![job]).await?;
        Ok(())
    }
}

/// Looks at the next calls that the filter finds.
async fn look(step: &mut Step<'_>, plan: i64, order: &Order, at: &mut Checkpoint) -> Result<Next, JobError> {
    let (office, job) = (step.office(), step.job());
    // The rights of now: what the maker does not see any more is not handed out.
    let maker = office.person_in_job(job, order.maker).await?;
    let Some(reader) = maker.and_then(|maker| maker.permit(office::can::CALLS_READ)) else {
        return give_up(step, plan, at, "whoever set the filter sees no calls any more: have somebody else set it").await;
    };
    let view = reader.view(&CALLS);
    let params = ListParams::default().filtered(Value::Object(order.filter.clone()));
    let selection = match view.select(&params, Purpose::Show) {
        Ok(selection) => selection.in_chunks_of(CHUNK),
        Err(OfficeError::Invalid(_)) => {
            return give_up(step, plan, at, "whoever set the filter does not see its columns any more: have somebody else set it").await;
        }
        Err(other) => return Err(other.into()),
    };
    if at.upto == 0 {
        at.upto = office.last_key(&selection).await?.unwrap_or(0);
    }
    let (mut keys, mut is_last) = (Vec::new(), true);
    if at.upto > 0 {
        let chunk = office.walk_keys(&selection, at.after, at.upto).await?;
        (keys, at.after, is_last) = (chunk.rows, chunk.after, chunk.is_last);
    }
    let tx = lock(step, plan).await?;
    let keys = list(keys.into_iter());
    let facts: Vec<Fact> = tx.all(FACTS, binds![&keys]).await?;
    at.found += i64::try_from(facts.len()).unwrap_or(i64::MAX);
    let candidates: Vec<Candidate> = facts.into_iter().map(Fact::candidate).collect();
    if matches!(order.sample, Sample::All | Sample::Percent { .. }) {
        let (count,): (i64,) = tx.one(COUNT, binds![plan]).await?.unwrap_or_default();
        let taken = calls(tx.all(TAKEN_OF, binds![&keys, plan]).await?);
        let chosen = &pick(seed(order), &order.sample, &candidates, &taken) - &taken;
        make(step, (plan, count), order, &candidates, &chosen, at).await?;
        return if is_last { finish(step, plan, at).await } else { Ok(Next::Again) };
    }
    if at.found > CANDIDATES_MAX {
        return Err(JobError::Permanent(format!(
            "the filter finds more than {CANDIDATES_MAX} calls: make it narrower, such as by a span of time"
        )));
    }
    for call in &candidates {
        let duration_ms = i64::try_from(call.duration_ms).unwrap_or(i64::MAX);
        tx.run(GATHER, binds![job.id, call.call, call.agent, &call.scenario, &call.outcome, duration_ms]).await?;
    }
    at.is_gathered = is_last;
    Ok(Next::Again)
}

/// Takes the next of those that come first.
async fn take(step: &mut Step<'_>, plan: i64, order: &Order, at: &mut Checkpoint) -> Result<Next, JobError> {
    let job = step.job().id;
    let tx = lock(step, plan).await?;
    let gathered: Vec<Fact> = tx.all(GATHERED, binds![job]).await?;
    let candidates: Vec<Candidate> = gathered.into_iter().map(Fact::candidate).collect();
    let taken = calls(tx.all(TAKEN, binds![plan]).await?);
    let count = i64::try_from(taken.len()).unwrap_or(i64::MAX);
    // What the last steps have made counts as taken, and comes first of what is chosen: so each step chooses the same.
    let chosen = &pick(seed(order), &order.sample, &candidates, &taken) - &taken;
    let some: BTreeSet<CallId> = chosen.iter().copied().take(TASKS_CHUNK).collect();
    make(step, (plan, count), order, &candidates, &some, at).await?;
    if some.len() < chosen.len() {
        return Ok(Next::Again);
    }
    step.tx().await?.run(DROP, binds![job]).await?;
    finish(step, plan, at).await
}

/// The step's transaction, in which nobody else makes tasks of the plan.
async fn lock<'s>(step: &'s mut Step<'_>, plan: i64) -> Result<&'s mut Tx, JobError> {
    let center = step.job().center;
    let tx = step.tx().await?;
    match plans::lock_for_job(tx, center, plan).await? {
        Some(_) => Ok(tx),
        None => Err(JobError::Permanent("the plan was deleted meanwhile".to_owned())),
    }
}

fn calls(rows: Vec<(i64,)>) -> BTreeSet<CallId> {
    rows.into_iter().map(|(call,)| CallId(call)).collect()
}

/// Makes the tasks of some calls; `count` calls have tasks already.
async fn make(
    step: &mut Step<'_>,
    (plan, count): (i64, i64),
    order: &Order,
    candidates: &[Candidate],
    calls: &BTreeSet<CallId>,
    at: &mut Checkpoint,
) -> Result<(), JobError> {
    let (center, now) = (step.job().center, step.now());
    let calls: Vec<&Candidate> = candidates.iter().filter(|candidate| calls.contains(&candidate.call)).collect();
    let rounds = |call: CallId| if is_doubled(seed(order), call, order.double_percent) { 2 } else { 1 };
    let tasks: i64 = calls.iter().map(|call| rounds(call.call)).sum();
    if tasks == 0 {
        return Ok(());
    }
    if count.saturating_add(i64::try_from(calls.len()).unwrap_or(i64::MAX)) > CALLS_OF_PLAN_MAX {
        return Err(JobError::Permanent(format!(
            "a plan has at most {CALLS_OF_PLAN_MAX} calls: make its filter narrower, or its sample smaller"
        )));
    }
    let tx = step.tx().await?;
    let mut id = draw(tx, "listening_task", tasks).await?;
    for call in calls {
        for round in 1..=rounds(call.call) {
            at.made +=
                i64::try_from(tx.run(MAKE, binds![id, center, plan, call.call, &call.scenario, round, TASK.start.code(), now]).await?)
                    .unwrap_or(0);
            id += 1;
        }
    }
    Ok(())
}

async fn finish(step: &mut Step<'_>, plan: i64, at: &Checkpoint) -> Result<Next, JobError> {
    let now = step.now();
    plans::sampled(step.tx().await?, plan, now).await?;
    step.result(&json!({"calls": at.found, "tasks": at.made}));
    Ok(Next::Done)
}

/// The plan can be sampled no longer: it is paused, and says why.
async fn give_up(step: &mut Step<'_>, plan: i64, at: &Checkpoint, why: &str) -> Result<Next, JobError> {
    let (job, now) = (step.job(), step.now());
    let tx = step.tx().await?;
    tx.run(DROP, binds![job.id]).await?;
    if let Some(old) = plans::lock_for_job(tx, job.center, plan).await?
        && let Some(entry) = plans::pause(tx, plan, &old, why, now).await?
    {
        step.audit(&Actor::system(job.center, NAME), entry);
    }
    step.result(&json!({"calls": at.found, "tasks": at.made, "reason": why}));
    Ok(Next::Done)
}

fn seed(order: &Order) -> u64 {
    order.seed.cast_unsigned()
}
