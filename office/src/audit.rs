//! The audit log for those who read it, and for those who doubt it: the viewer, the check of the chain, refusals, and reads that matter.
//!
//! Rows are appended by `store::audit` in the transaction of what they tell of. Two kinds come by another way: a refusal has no
//! transaction, so it waits in a bounded queue for the next batch; and a read that matters is a transaction of its own.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{Action, Actor, CenterId, Column, ColumnKind, Owner, Resource, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    Store, StoreError,
    audit::{self as log, AuditOutcome, Category, Diff, Entry, Row},
    binds, ids,
    sql::list,
    statements,
};
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use crate::{
    ListPage, ListParams, Office, OfficeError, Permit, Principal, can,
    events::{NewEvent, Severity},
    jobs::{Clock, JobError, JobKind, NewJob, Next, Step, nothing},
    mask::masked,
};

/// What entries about the server itself name as their resource.
const SYSTEM: &str = "system";
/// Rows that are read at once to verify them.
const CHUNK: i64 = 5000;
/// Refusals that may wait to be written.
const REFUSALS_MAX: usize = 10_000;
/// Refusals of one transaction.
const BATCH_MAX: usize = 1000;
/// Refusals are written at most so often.
const PACE: Duration = Duration::from_millis(200);
/// The longest pause while the database is away.
const AWAY_MAX: Duration = Duration::from_secs(5);

/// Everything that was done and refused, as people see it. Whoever lists it passes the rows through [`Office::project_diffs`].
pub static AUDIT_LOG: Resource = Resource { name: "audit_log", from: "audit_log t", export: Some(can::AUDIT_LOG_EXPORT), ..LOG };

/// The part of it that is about log-ins, rights and refusals (S004-59).
pub static SECURITY_AUDIT: Resource = Resource { name: "security_audit", from: "security_audit_log t", ..LOG };

const LOG: Resource = Resource {
    name: "",
    from: "",
    key: "seq",
    center: "t.center_id",
    owner: Owner::User("t.actor_id"),
    lists: &[],
    search: "",
    order: "-seq",
    read: can::AUDIT_LOG_READ,
    export: None,
    columns: &[
        Column::new("seq", "t.seq", ColumnKind::Id, "The row's number; they have no gaps.").filtered().sorted(),
        Column::new("at", "t.at", ColumnKind::Time, "When it was done.").filtered(),
        Column::new("category", "t.category", ColumnKind::Code(&["security", "change", "read"]), "What kind of thing was done.").filtered(),
        Column::new("actor_kind", "t.actor_kind", ColumnKind::Code(&["user", "token", "system", "nobody"]), "In whose name.").filtered(),
        Column::new("actor", "t.actor_id", ColumnKind::Id, "The user, if there was one.").nullable().filtered(),
        Column::new("actor_name", "t.actor_name", ColumnKind::Text, "Their name then; of the program, its part."),
        Column::new("action", "t.action", ColumnKind::Text, "What was done.").filtered(),
        Column::new("outcome", "t.outcome", ColumnKind::Code(&["done", "refused"]), "Whether it was done.").filtered(),
        Column::new("resource", "t.resource", ColumnKind::Text, "To what kind of thing.").filtered(),
        Column::new("resource_id", "t.resource_id", ColumnKind::Text, "To which one; empty if to none.").filtered(),
        Column::new("diff", "t.diff", ColumnKind::Json, "Old and new values by column; null if they are withheld."),
        Column::new("source", "t.source", ColumnKind::Text, "The address that the request came from.").filtered(),
        Column::new("user_agent", "t.user_agent", ColumnKind::Text, "What the client said that it is."),
        Column::new("request_id", "t.request_id", ColumnKind::Text, "The request, as log lines name it.").filtered(),
        Column::new("hash", "t.hash", ColumnKind::Text, "The row's hash, which covers the row before."),
    ],
};

statements! {
    // One statement, so that the head and the last row are of the same moment.
    HEAD: both "SELECT h.seq, h.hash, COALESCE((SELECT max(seq) FROM audit_log), 0) AS last FROM audit_head h WHERE h.id = 1";
    ROWS: both "SELECT seq, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource, resource_id, diff, source,
        user_agent, request_id, prev_hash, hash FROM audit_log WHERE seq >= $1 AND seq <= $2 ORDER BY seq LIMIT $3";
    HASH: both "SELECT hash FROM audit_log WHERE seq = $1";
    RESOURCES: each
        concat!("SELECT seq, resource FROM audit_log WHERE seq IN ", ids!(lite)),
        concat!("SELECT seq, resource FROM audit_log WHERE seq IN ", ids!(pg));
    // Below the first row there is nothing.
    BELOW: both "SELECT seq FROM audit_log WHERE seq < 1 ORDER BY seq LIMIT 1";
}

// ---- the chain ----

/// Where the chain of hashes is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// At which number.
    pub seq: i64,
    /// How.
    pub why: Why,
}

/// How a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The row is not what was written.
    Edited,
    /// There is no such row.
    Missing,
    /// The row does not follow the one before it: it was put in, or the one before was replaced.
    Inserted,
    /// The chain goes on to this row and further, but the rows are gone.
    CutOff,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.why {
            Why::Edited => "was edited",
            Why::Missing => "is missing",
            Why::Inserted => "does not follow the row before it",
            Why::CutOff => "and all after it are missing at the end",
        };
        write!(f, "row {} {what}", self.seq)
    }
}

/// A place in the chain: all up to it was found good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The row's number; 0 before the first.
    pub seq: i64,
    /// Its hash; empty before the first.
    pub hash: String,
}

impl Link {
    /// Before the first row.
    #[must_use]
    pub fn first() -> Self {
        Self { seq: 0, hash: String::new() }
    }

    /// Goes on to the next row, if it is the next one.
    ///
    /// # Errors
    /// How it is not; the place stays.
    pub fn follow(&mut self, row: &Row) -> Result<(), Broken> {
        let wanted = self.seq.saturating_add(1);
        if row.seq > wanted {
            return Err(Broken { seq: wanted, why: Why::Missing });
        }
        let is_whole = row.hash == row.hash_after(&row.prev_hash);
        if row.seq < wanted || (is_whole && row.prev_hash != self.hash) {
            return Err(Broken { seq: row.seq, why: Why::Inserted });
        }
        if !is_whole {
            return Err(Broken { seq: row.seq, why: Why::Edited });
        }
        *self = Self { seq: row.seq, hash: row.hash.clone() };
        Ok(())
    }
}

/// What verifying has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many rows were looked at.
    pub rows: i64,
    /// The chain's end, when it was begun.
    pub head: Link,
    /// Where the chain is broken first; none: it is whole.
    pub broken: Option<Broken>,
}

/// A check that is under way; it can be put aside and gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Check {
    /// The chain's end, when it was begun.
    head: Link,
    /// Up to here it is good.
    at: Link,
    rows: i64,
    broken: Option<Broken>,
}

#[derive(FromRow)]
struct HeadRow {
    seq: i64,
    hash: String,
    last: i64,
}

impl Check {
    async fn begin(store: &Store, from: i64) -> Result<Self, StoreError> {
        let db = store.db();
        let head: Option<HeadRow> = db.one(HEAD, &[]).await?;
        let HeadRow { seq, hash, last } = head.ok_or(StoreError::Broken { table: "audit_head", what: "it is empty".to_owned() })?;
        let mut check = Self { head: Link { seq, hash }, at: Link::first(), rows: 0, broken: None };
        if from > 1 {
            let before: Option<(String,)> = db.one(HASH, binds![from - 1]).await?;
            match before {
                Some((hash,)) => check.at = Link { seq: from - 1, hash },
                None => check.broken = Some(Broken { seq: from - 1, why: if from > seq { Why::CutOff } else { Why::Missing } }),
            }
        } else if let Some((below,)) = db.one::<(i64,)>(BELOW, &[]).await? {
            check.broken = Some(Broken { seq: below, why: Why::Inserted });
        }
        // Rows behind the end are told of only if all before are good, since the first break is what is wanted.
        if last > seq {
            check.head = Link { seq: last, hash: check.head.hash };
        }
        Ok(check)
    }

    /// Looks at the next rows; says whether that was all.
    async fn go_on(&mut self, store: &Store) -> Result<bool, StoreError> {
        if self.broken.is_some() {
            return Ok(true);
        }
        let rows: Vec<Row> = store.db().all(ROWS, binds![self.at.seq + 1, self.head.seq, CHUNK]).await?;
        let is_last = rows.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let (mut at, rows) = (self.at.clone(), rows);
        for row in &rows {
            self.rows += 1;
            if let Err(broken) = at.follow(row) {
                self.broken = Some(broken);
                return Ok(true);
            }
        }
        self.at = at;
        if !is_last && self.at.seq < self.head.seq {
            return Ok(false);
        }
        if self.at.seq < self.head.seq {
            self.broken = Some(Broken { seq: self.at.seq + 1, why: Why::CutOff });
        } else if self.at.hash != self.head.hash {
            // The last row is good in itself, but it is not the one that the head was told of.
            self.broken = Some(Broken { seq: self.at.seq, why: Why::Inserted });
        }
        Ok(true)
    }

    fn verified(self) -> Verified {
        Verified { rows: self.rows, head: self.head, broken: self.broken }
    }
}

/// Verifies the chain from row `from` (1 for all) to its end; `on_progress` hears how far it is, and how far it goes.
///
/// # Errors
/// As the database's. A broken chain is no error but what is found.
pub async fn verify(store: &Store, from: i64, mut on_progress: impl FnMut(i64, i64)) -> Result<Verified, StoreError> {
    let mut check = Check::begin(store, from).await?;
    while !check.go_on(store).await? {
        on_progress(check.at.seq, check.head.seq);
    }
    on_progress(check.at.seq, check.head.seq);
    Ok(check.verified())
}

/// The job that verifies the chain, every night and whenever somebody asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyAudit;

impl JobKind for VerifyAudit {
    fn name(&self) -> &'static str {
        "audit.verify"
    }

    fn schedulable(&self) -> Option<Action> {
        Some(can::AUDIT_LOG_VERIFY)
    }

    fn check(&self, payload: &Value) -> Result<(), String> {
        nothing(payload)
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let store = step.office().store();
        let mut check = match step.checkpoint::<Check>()? {
            Some(check) => check,
            None => Check::begin(store, 1).await?,
        };
        if let Some(broken) = &check.broken {
            // The step before has told of it, and is lasting.
            return Err(JobError::Permanent(format!("the audit log is broken: {broken}")));
        }
        let is_all = check.go_on(store).await?;
        let Check { head, at, rows, broken } = &check;
        step.progress(at.seq, Some(head.seq));
        step.save(&check);
        match broken {
            Some(broken) => {
                error!(seq = broken.seq, "The audit log is broken: {broken}. Somebody has changed it past the program.");
                step.result(&json!({"ok": false, "rows": rows, "broken": broken}));
                let event = NewEvent {
                    module: "audit".to_owned(),
                    severity: Severity::Critical,
                    code: "audit.broken".to_owned(),
                    message: format!("The audit log is broken: {broken}. Somebody has changed it past the program."),
                    data: json!(broken),
                };
                step.office().log_own_event(step.job().center, &event, step.now()).await?;
                Ok(Next::Again)
            }
            None if is_all => {
                // What stands in the log, which may be kept elsewhere, cannot be rewritten here.
                info!(seq = head.seq, hash = head.hash, rows, "The audit log is whole.");
                step.result(&json!({"ok": true, "rows": rows, "head": head}));
                Ok(Next::Done)
            }
            None => Ok(Next::Again),
        }
    }
}

impl Office {
    /// Verifies the audit log from row `from` (1 for all); see [`verify`].
    ///
    /// # Errors
    /// As the database's.
    pub async fn verify_audit(&self, from: i64, on_progress: impl FnMut(i64, i64)) -> Result<Verified, OfficeError> {
        Ok(verify(self.store(), from, on_progress).await?)
    }

    /// Has the audit log verified by a job; gives its number.
    ///
    /// # Errors
    /// As [`Office::enqueue`].
    pub async fn start_verify_audit(&self, permit: &Permit, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::AUDIT_LOG_VERIFY)?;
        let mut tx = self.store().db().begin().await?;
        let (center, user) = (permit.rows().center, permit.principal().user());
        let job = self.enqueue(&mut tx, now, NewJob::new("audit.verify", center, json!({})).by(user)).await?;
        let entry = Entry::change(permit.action().0, "audit_log", "", Diff::none()).security();
        log::append(&mut tx, now, permit.actor(), &[entry]).await?;
        tx.commit().await?;
        self.wake_jobs();
        Ok(job)
    }

    /// Writes down that somebody has looked at something that matters: a recording heard, an export fetched.
    ///
    /// # Errors
    /// As the database's; then it is not to be shown.
    pub async fn audit_read(
        &self,
        permit: &Permit,
        action: &'static str,
        resource: &str,
        id: impl ToString,
        now: WallTime,
    ) -> Result<(), OfficeError> {
        let entry = Entry { category: Category::Read, ..Entry::change(action, resource, id, Diff::none()) };
        let mut tx = self.store().db().begin().await?;
        log::append(&mut tx, now, permit.actor(), &[entry]).await?;
        Ok(tx.commit().await?)
    }

    /// Leaves of each row's `diff` what the viewer may see of the resource that it is about: hidden columns are dropped, masked ones
    /// masked. Of a resource that is not known, or that the viewer may not read, all is withheld, and so it is if the row does not say of
    /// which resource it is.
    pub fn project_diffs(&self, principal: &Principal, rows: &mut [Map<String, Value>]) {
        for row in rows {
            let resource = row.get("resource").and_then(Value::as_str).map(str::to_owned);
            let Some(diff) = row.get_mut("diff") else { continue };
            // An empty one has nothing to withhold.
            if diff.as_object().is_some_and(Map::is_empty) {
                continue;
            }
            // The server itself is no list: what was changed of it is for those who may change it.
            if resource.as_deref() == Some(SYSTEM) && principal.permit(can::SYSTEM_CONFIGURE).is_some() {
                continue;
            }
            // What a log-in changed, it changed of the person.
            *diff = resource
                .and_then(|name| self.resource(if name == "sessions" { "users" } else { &name }))
                .and_then(|resource| project(principal, resource, diff))
                .unwrap_or(Value::Null);
        }
    }
}

impl Office {
    /// A page of the audit log ([`AUDIT_LOG`] or [`SECURITY_AUDIT`]), each row's diff as the viewer may see it.
    ///
    /// # Errors
    /// As [`Office::list`].
    pub async fn list_audit(&self, permit: &Permit, log: &'static Resource, params: &ListParams) -> Result<ListPage, OfficeError> {
        permit.must_be(can::AUDIT_LOG_READ)?;
        let mut page = self.list(&permit.view(log), params).await?;
        self.project_page(permit.principal(), &page.keys, &mut page.items).await?;
        Ok(page)
    }

    /// A row of the audit log, its diff as the viewer may see it.
    ///
    /// # Errors
    /// As [`Office::read`].
    pub async fn read_audit(&self, permit: &Permit, log: &'static Resource, seq: &str) -> Result<Map<String, Value>, OfficeError> {
        permit.must_be(can::AUDIT_LOG_READ)?;
        let mut rows = [self.read(&permit.view(log), seq).await?];
        let key = seq.parse().map_err(|_| OfficeError::NotFound(log.name))?;
        self.project_page(permit.principal(), &[key], &mut rows).await?;
        let [row] = rows;
        Ok(row)
    }

    /// The same for rows that are being exported.
    pub(crate) async fn project_page(
        &self,
        principal: &Principal,
        keys: &[i64],
        rows: &mut [Map<String, Value>],
    ) -> Result<(), OfficeError> {
        if !rows.iter().any(|row| row.contains_key("diff")) {
            return Ok(());
        }
        // A list need not show of which resource a row speaks, but what may be seen of it depends on that.
        let resources: Vec<(i64, String)> = self.store().db().all(RESOURCES, binds![list(keys.iter().copied())]).await?;
        let resources: BTreeMap<i64, String> = resources.into_iter().collect();
        for (key, row) in keys.iter().zip(rows) {
            let shown = row.get("resource").cloned();
            row.insert("resource".to_owned(), resources.get(key).map_or(Value::Null, |name| name.as_str().into()));
            self.project_diffs(principal, std::slice::from_mut(row));
            match shown {
                Some(shown) => drop(row.insert("resource".to_owned(), shown)),
                None => drop(row.remove("resource")),
            }
        }
        Ok(())
    }
}

/// What of a diff a person may see; none: nothing.
fn project(principal: &Principal, resource: &'static Resource, diff: &Value) -> Option<Value> {
    let permit = principal.permit(resource.read)?;
    // The log does not say whose the row was: who reaches but the own rows of some people is told nothing of any.
    if !permit.rows().any_of.iter().any(|part| part.users.is_none()) {
        return None;
    }
    let view = permit.view(resource);
    let sees_all = resource.columns.iter().all(|column| view.mode(column.name) == model::Mode::Show);
    let mut seen = Map::new();
    for (name, values) in diff.as_object()? {
        let Some(column) = resource.column(name) else {
            // What is no column of the list (a secret that was changed, a part of a whole) no policy can speak of.
            if sees_all {
                seen.insert(name.clone(), values.clone());
            }
            continue;
        };
        match view.mode(name) {
            model::Mode::Show => drop(seen.insert(name.clone(), values.clone())),
            model::Mode::Mask => {
                let masked = values.as_array()?.iter().map(|value| masked(column.mask, value)).collect();
                seen.insert(name.clone(), Value::Array(masked));
            }
            model::Mode::Hide => {}
        }
    }
    Some(Value::Object(seen))
}

// ---- refusals ----

/// Refused checks that wait to be written: nobody waits for them, and there is an end to them.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    refusals: VecDeque<(WallTime, Actor, Entry)>,
    /// How many found no room since the last batch.
    dropped: u64,
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here can panic half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, refusal: (WallTime, Actor, Entry)) {
        let mut waiting = self.lock();
        if waiting.refusals.len() < REFUSALS_MAX {
            waiting.refusals.push_back(refusal);
        } else {
            waiting.dropped = waiting.dropped.saturating_add(1);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    fn take(&self) -> (Vec<(WallTime, Actor, Entry)>, u64) {
        let mut waiting = self.lock();
        let count = waiting.refusals.len().min(BATCH_MAX);
        let batch = waiting.refusals.drain(..count).collect();
        (batch, std::mem::take(&mut waiting.dropped))
    }
}

impl Office {
    /// Notes that a check of rights refused something, for the next batch of [`Office::write_refusals`]. Takes no time.
    pub fn note_refusal(&self, actor: &Actor, action: Action, resource: &str, id: impl ToString, now: WallTime) {
        let entry = Entry {
            category: Category::Security,
            action: action.0,
            outcome: AuditOutcome::Refused,
            resource: log::client_text(resource),
            resource_id: log::client_text(&id.to_string()),
            diff: Diff::none(),
        };
        self.refusals().push((now, actor.clone(), entry));
    }

    /// Notes what was done outside of the database, such as a slot taken out of service, for the next batch. Takes no time.
    pub fn note(&self, actor: &Actor, entry: Entry, now: WallTime) {
        self.refusals().push((now, actor.clone(), entry));
    }

    /// Notes that the configuration was read again: the keys that have another value now, or why it was refused.
    pub fn note_reload(&self, permit: &Permit, done: Result<&[String], &[String]>, now: WallTime) {
        let (outcome, diff) = match done {
            Ok(changed) => (AuditOutcome::Done, Diff::none().and("changed", Value::Null, json!(changed))),
            Err(errors) => (AuditOutcome::Refused, Diff::none().and("errors", Value::Null, json!(errors))),
        };
        let entry = Entry::change(can::SYSTEM_CONFIGURE.0, SYSTEM, "", diff).security();
        self.note(permit.actor(), Entry { outcome, ..entry }, now);
    }

    /// Writes refusals, at most every 200 ms, until `stop` is true or its sender is gone; then those that are left.
    ///
    /// While the database is away they wait. Those that find no room are counted, and the count becomes a row.
    pub async fn write_refusals(self, clock: Clock, mut stop: watch::Receiver<bool>) {
        let mut failures: u32 = 0;
        loop {
            let is_last = *stop.borrow() || stop.has_changed().is_err();
            let (batch, dropped) = self.refusals().take();
            let count = batch.len();
            if count == 0 && dropped == 0 {
                if is_last {
                    return;
                }
                tokio::select! {
                    () = self.refusals().filled.notified() => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                continue;
            }
            match self.write_batch(&batch, dropped, clock()).await {
                Ok(()) => {
                    failures = 0;
                    if is_last {
                        continue;
                    }
                    wait(PACE, &mut stop).await;
                }
                Err(failed) => {
                    failures += 1;
                    if is_last {
                        let left = count + self.refusals().lock().refusals.len();
                        error!(left, dropped, error = &failed as &dyn std::error::Error, "Refusals could not be written to the audit log.");
                        return;
                    }
                    if failures == 1 {
                        warn!(error = &failed as &dyn std::error::Error, "Refusals wait to be written to the audit log.");
                    }
                    self.put_back(batch, dropped);
                    wait(PACE.saturating_mul(2_u32.saturating_pow(failures.min(10))).min(AWAY_MAX), &mut stop).await;
                }
            }
        }
    }

    async fn write_batch(&self, batch: &[(WallTime, Actor, Entry)], dropped: u64, now: WallTime) -> Result<(), StoreError> {
        let lost = (dropped > 0).then(|| {
            warn!(dropped, "There were more refusals than could be written down.");
            let entry = Entry {
                category: Category::Security,
                action: "audit_log.refusals_dropped",
                outcome: AuditOutcome::Refused,
                resource: "audit_log".to_owned(),
                resource_id: String::new(),
                diff: Diff::none().and("dropped", Value::Null, dropped),
            };
            (now, Actor::system(CenterId::DEFAULT, "refusals"), entry)
        });
        let entries: Vec<_> = batch.iter().chain(&lost).map(|(at, actor, entry)| (*at, actor, entry)).collect();
        let mut tx = self.store().db().begin().await?;
        log::append_each(&mut tx, &entries).await?;
        tx.commit().await
    }

    /// What could not be written comes first the next time; what has no room any more is counted.
    fn put_back(&self, batch: Vec<(WallTime, Actor, Entry)>, dropped: u64) {
        let mut waiting = self.refusals().lock();
        waiting.dropped = waiting.dropped.saturating_add(dropped);
        for refusal in batch.into_iter().rev() {
            if waiting.refusals.len() < REFUSALS_MAX {
                waiting.refusals.push_front(refusal);
            } else {
                waiting.dropped = waiting.dropped.saturating_add(1);
            }
        }
    }
}

async fn wait(pause: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
