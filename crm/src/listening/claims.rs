//! Listening tasks are taken: by whom, how many, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use model::{CallId, CenterId, ListKind, RowNews, RowRule, UserId, WallTime};
use office::{
    Conflict, Fault, OfficeError, Permit,
    jobs::{JobError, JobKind, Next, Step},
};
use serde_json::json;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, list},
    statements,
};

use super::{
    plans::CLAIM_MAX,
    tasks::{LISTENING_TASKS, TaskRow, rows},
};
use crate::{Crm, can, core::task::TASK};

/// Claims that are ended at once.
const EXPIRED_MAX: i64 = 200;

/// How many tasks somebody wants, and of which plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Of this one; none: of any.
    pub plan: Option<i64>,
    /// At most so many, 1 to [`CLAIM_MAX`].
    pub count: i64,
}

/// What the next task of somebody must be; `$2` is they, `$3` a plan or 0, `$5` whether the limit of claims does not count.
macro_rules! open {
    ($scenario:literal, $named:literal) => {
        concat!(
            "SELECT t.id, p.lease_s, p.claim_limit FROM listening_tasks t JOIN listening_plans p ON p.id = t.plan_id
            WHERE t.center_id = $1 AND t.state = 'new' AND p.state = 'active' AND ($3 = 0 OR t.plan_id = $3) AND ",
            $scenario,
            " AND (p.assign = 'queue' OR ",
            $named,
            ") AND NOT EXISTS (SELECT 1 FROM listening_tasks o WHERE o.plan_id = t.plan_id AND o.call_id = t.call_id AND o.assignee = $2)
            AND ($5 = 1 OR (SELECT count(*) FROM listening_tasks c WHERE c.assignee = $2 AND c.plan_id = t.plan_id AND c.state = 'claimed')
            < p.claim_limit) ORDER BY t.id LIMIT 1"
        )
    };
}

statements! {
    // Whoever claims for the same person waits here, so that what they hold can be counted.
    LOCK_PERSON: both "UPDATE users SET version = version WHERE id = $1";
    // SQLite has one writer, and no such words: there a task cannot be taken by two at once.
    NEXT: each
        open!("(CAST($4 AS TEXT) IS NULL OR t.scenario IN (SELECT value FROM json_each($4)))",
            "CAST($2 AS TEXT) IN (SELECT value FROM json_each(p.assignees))"),
        concat!(open!("(CAST($4 AS TEXT) IS NULL OR t.scenario IN (SELECT value FROM json_array_elements_text(CAST($4 AS json))))",
            "CAST(CAST($2 AS BIGINT) AS TEXT) IN (SELECT value FROM json_array_elements_text(CAST(p.assignees AS json)))"),
            " FOR UPDATE OF t SKIP LOCKED");
    CLAIM: both "UPDATE listening_tasks SET state = 'claimed', assignee = $2, claimed_at = $3, lease_until = $4, version = version + 1
        WHERE id = $1 AND state = 'new'";
    EXPIRED: each "SELECT id, assignee FROM listening_tasks WHERE state = 'claimed' AND lease_until <= $1 ORDER BY lease_until LIMIT $2",
        "SELECT id, assignee FROM listening_tasks WHERE state = 'claimed' AND lease_until <= $1 ORDER BY lease_until LIMIT $2
        FOR UPDATE SKIP LOCKED";
    HELD: each "SELECT id, scenario FROM listening_tasks WHERE center_id = $1 AND assignee = $2 AND state = 'claimed' ORDER BY id",
        "SELECT id, scenario FROM listening_tasks WHERE center_id = $1 AND assignee = $2 AND state = 'claimed' ORDER BY id
        FOR UPDATE SKIP LOCKED";
    END_CLAIMS: each
        concat!("UPDATE listening_tasks SET state = 'new', assignee = NULL, claimed_at = NULL, lease_until = NULL, version = version + 1
            WHERE state = 'claimed' AND id IN ", store::ids!(lite)),
        concat!("UPDATE listening_tasks SET state = 'new', assignee = NULL, claimed_at = NULL, lease_until = NULL, version = version + 1
            WHERE state = 'claimed' AND id IN ", store::ids!(pg));
    RENEW: both "UPDATE listening_tasks SET lease_until = $3 + 1000 * (SELECT p.lease_s FROM listening_plans p
        WHERE p.id = listening_tasks.plan_id) WHERE assignee = $1 AND call_id = $2 AND state = 'claimed'
        AND lease_until > $3";
}

impl Crm {
    /// Takes the oldest tasks that nobody has, of active plans and of calls that the person reaches; gives their ids. None are given if there are none.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`]; [`Conflict::ClaimLimit`] if there are some, but the person holds as many as they may.
    pub async fn claim_tasks(&self, permit: &Permit, claim: Claim, now: WallTime) -> Result<Vec<i64>, OfficeError> {
        permit.must_be(can::LISTENING_CLAIM)?;
        if !(1..=CLAIM_MAX).contains(&claim.count) {
            return Err(OfficeError::Invalid(vec![Fault::invalid("count", format!("1 to {CLAIM_MAX}"))]));
        }
        // Who hears no call takes none.
        let Some(reader) = permit.principal().permit(office::can::CALLS_READ) else { return Ok(Vec::new()) };
        let Some(reach) = Reach::of(permit.within(&reader).rows()) else { return Ok(Vec::new()) };
        let mut tx = self.store().db().begin().await?;
        let made = take(&mut tx, permit, claim, &reach, now).await;
        let (claimed, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        match claimed {
            Claimed::Some(ids) => Ok(ids),
            Claimed::Full(limit) => Err(OfficeError::Conflict(Conflict::ClaimLimit { limit })),
        }
    }

    /// Somebody goes on listening to a call: what they have taken of it stays theirs for the whole of its lease again. A lease that is over is
    /// not begun anew.
    ///
    /// # Errors
    /// As the database's.
    pub async fn renew_claims(&self, user: UserId, call: CallId, now: WallTime) -> Result<(), OfficeError> {
        self.store().db().run(RENEW, binds![user, call, now]).await?;
        Ok(())
    }
}

/// Which scenarios' tasks somebody may take.
struct Reach(Option<BTreeSet<String>>);

impl Reach {
    /// None if it reaches no task that nobody has.
    fn of(rows: &RowRule) -> Option<Self> {
        let parts: Vec<_> = rows.any_of.iter().filter(|part| part.users.is_none()).collect();
        let of_part = |lists: &[(ListKind, BTreeSet<String>)]| {
            let all = lists.iter().map(|(kind, ids)| if *kind == ListKind::Scenario { ids.clone() } else { BTreeSet::new() });
            all.reduce(|both, ids| &both & &ids)
        };
        let parts: Option<Vec<BTreeSet<String>>> = parts.iter().map(|part| of_part(&part.lists)).collect();
        match parts {
            // A part without lists reaches all.
            None => Some(Self(None)),
            Some(parts) => {
                let codes: BTreeSet<String> = parts.into_iter().flatten().collect();
                (!codes.is_empty()).then_some(Self(Some(codes)))
            }
        }
    }

    fn holds(&self, scenario: Option<&String>) -> bool {
        self.0.as_ref().is_none_or(|codes| scenario.is_some_and(|scenario| codes.contains(scenario)))
    }

    fn bind(&self) -> Option<String> {
        self.0.as_ref().map(|codes| json!(codes).to_string())
    }
}

enum Claimed {
    Some(Vec<i64>),
    /// The person holds so many, which is as many as they may.
    Full(i64),
}

async fn take(tx: &mut Tx, permit: &Permit, claim: Claim, reach: &Reach, now: WallTime) -> Result<(Claimed, Vec<RowNews>), OfficeError> {
    let (center, user) = (permit.rows().center, permit.principal().user());
    tx.run(LOCK_PERSON, binds![user]).await?;
    let mut news = expire(tx, now).await?.1;
    news.extend(give_up(tx, center, user, reach).await?);
    let (plan, scenarios) = (claim.plan.unwrap_or(0), reach.bind());
    let mut ids = Vec::new();
    for _ in 0..claim.count {
        let next: Option<(i64, i64, i64)> = tx.one(NEXT, binds![center, user, plan, &scenarios, 0_i64]).await?;
        let Some((id, lease_s, _)) = next else { break };
        let until = now.0.saturating_add(lease_s.saturating_mul(1_000));
        tx.run(CLAIM, binds![id, user, now, until]).await?;
        ids.push(id);
    }
    if ids.is_empty() {
        let beyond: Option<(i64, i64, i64)> = tx.one(NEXT, binds![center, user, plan, &scenarios, 1_i64]).await?;
        return Ok((beyond.map_or(Claimed::Some(ids), |(.., limit)| Claimed::Full(limit)), news));
    }
    let tasks = rows(tx, ids.iter().copied()).await?;
    news.extend(tasks.iter().map(|task| task.news(None)));
    let entry = |task: &TaskRow| {
        let mut before = task.clone();
        (before.state, before.assignee) = (TASK.start.code().to_owned(), None);
        Entry::change(permit.action().0, LISTENING_TASKS.name, task.id, Diff::between(&before.picture(), &task.picture()))
    };
    audit::append(tx, now, permit.actor(), &tasks.iter().map(entry).collect::<Vec<_>>()).await?;
    Ok((Claimed::Some(ids), news))
}

/// Ends claims whose lease is over, of all centres: how many, and what is told of it.
async fn expire(tx: &mut Tx, now: WallTime) -> Result<(usize, Vec<RowNews>), StoreError> {
    let over: Vec<(i64, Option<i64>)> = tx.all(EXPIRED, binds![now, EXPIRED_MAX]).await?;
    let count = over.len();
    Ok((count, end_claims(tx, over).await?))
}

/// Ends a person's claims of calls that they reach no longer.
async fn give_up(tx: &mut Tx, center: CenterId, user: UserId, reach: &Reach) -> Result<Vec<RowNews>, StoreError> {
    let held: Vec<(i64, Option<String>)> = tx.all(HELD, binds![center, user]).await?;
    let lost = held.into_iter().filter(|(_, scenario)| !reach.holds(scenario.as_ref())).map(|(id, _)| (id, Some(user.0)));
    end_claims(tx, lost.collect()).await
}

/// Ends claims, of which it is known whose they are.
async fn end_claims(tx: &mut Tx, claims: Vec<(i64, Option<i64>)>) -> Result<Vec<RowNews>, StoreError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let before: BTreeMap<i64, Option<i64>> = claims.into_iter().collect();
    tx.run(END_CLAIMS, binds![list(before.keys().copied())]).await?;
    let tasks = rows(tx, before.keys().copied()).await?;
    Ok(tasks.iter().map(|task| task.news(before.get(&task.id).copied().flatten())).collect())
}

/// Ends claims whose lease is over, every minute; whoever takes a task ends them, too.
#[derive(Debug, Clone, Default)]
pub struct ExpireClaims;

impl JobKind for ExpireClaims {
    fn name(&self) -> &'static str {
        "listening.expire"
    }

    fn comes_with(&self) -> Option<&'static str> {
        Some("* * * * *")
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let now = step.now();
        let (count, news) = expire(step.tx().await?, now).await?;
        let office = step.office();
        step.after_commit(move || office.rows_changed(news));
        let is_more = i64::try_from(count).is_ok_and(|count| count >= EXPIRED_MAX);
        Ok(if is_more { Next::Again } else { Next::Done })
    }
}
