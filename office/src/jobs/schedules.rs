//! Schedules: what is to be done again and again, by the clocks of a time zone.
//!
//! A schedule's next time is set in the transaction that makes its job, so no run is lost or doubled. Runs that were missed while nothing ran
//! are made up for once. While the job of the run before has not ended, a run is left out: they would only pile up.

use model::{CenterId, Column, ColumnKind, Owner, Resource, UserId, WallTime};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};
use tracing::{error, info};

use super::{INSERT, cron::Times};
use crate::{Conflict, Fault, Office, OfficeError, Permit, can, jobs::ATTEMPTS_MAX};

/// The most schedules of a centre.
const SCHEDULES_MAX: i64 = 200;
/// The most octets of a schedule's payload.
const PAYLOAD_OCTETS_MAX: usize = 16 * 1024;
/// So many due schedules are looked at in one go.
const DUE_MAX: i64 = 100;
/// Those of the installation: by night, when nobody waits for the disk.
const BUILT_IN: &[(&str, &str)] = &[("audit.verify", "30 3 * * *"), ("office.cleanup", "0 4 * * *")];

/// Schedules, as people see them.
pub static SCHEDULES: Resource = Resource {
    name: "schedules",
    from: "schedules t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "id",
    read: can::SCHEDULES_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The schedule's number.").filtered().sorted(),
        Column::new("kind", "t.kind", ColumnKind::Text, "The kind of its jobs.").filtered(),
        Column::new("payload", "t.payload", ColumnKind::Json, "What its jobs are to do."),
        Column::new("cron", "t.cron", ColumnKind::Text, "When: minute, hour, day, month, day of the week."),
        Column::new("tz", "t.tz", ColumnKind::Text, "By the clocks of which time zone."),
        Column::new("enabled", "t.enabled", ColumnKind::Bool, "Whether it makes jobs.").filtered(),
        Column::new("builtin", "CASE WHEN t.created_by IS NULL THEN 1 ELSE 0 END", ColumnKind::Bool, "Whether it came with the program."),
        Column::new("next_at", "t.next_at", ColumnKind::Time, "When it is next due.").nullable(),
        Column::new("last_job_id", "t.last_job_id", ColumnKind::Id, "The job that it made last.").nullable(),
        Column::new("version", "t.version", ColumnKind::Int, "How often it was changed, from 1."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made."),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed."),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who made it; absent for the program itself.").nullable(),
    ],
};

statements! {
    COUNT: both "SELECT count(*) FROM schedules WHERE center_id = $1";
    ZONE: both "SELECT tz FROM centers WHERE id = $1";
    INSERT_SCHEDULE: both "INSERT INTO schedules (id, center_id, kind, payload, cron, tz, enabled, next_at, version, created_at, updated_at,
        created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10)";
    LOCK_SCHEDULE: both "UPDATE schedules SET version = version WHERE id = $1 AND center_id = $2
        RETURNING id, center_id, kind, payload, cron, tz, enabled, next_at, last_job_id, version, created_at, updated_at, created_by";
    UPDATE_SCHEDULE: both "UPDATE schedules SET kind = $2, payload = $3, cron = $4, tz = $5, enabled = $6, next_at = $7, version = version + 1,
        updated_at = $8 WHERE id = $1";
    DELETE_SCHEDULE: both "DELETE FROM schedules WHERE id = $1";
    BUILT_IN_IS_THERE: both "SELECT count(*) FROM schedules WHERE kind = $1 AND created_by IS NULL";
    DUE: both "SELECT s.id, s.center_id, s.kind, s.payload, s.cron, s.tz, s.next_at, s.created_by,
        (SELECT count(*) FROM jobs j WHERE j.id = s.last_job_id AND j.ended_at IS NULL) AS busy
        FROM schedules s WHERE s.enabled = 1 AND s.next_at <= $1 ORDER BY s.next_at, s.id LIMIT $2";
    // Whoever is second finds another time there, and makes no job.
    ADVANCE: both "UPDATE schedules SET next_at = $3, last_job_id = COALESCE($4, last_job_id) WHERE id = $1 AND next_at = $2 AND enabled = 1";
}

/// What a schedule is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    /// The kind of its jobs.
    pub kind: String,
    /// What they are to do.
    pub payload: Value,
    /// When: five fields.
    pub cron: String,
    /// By the clocks of which time zone; none: the centre's.
    pub tz: Option<String>,
    /// Whether it makes jobs.
    pub enabled: bool,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub center: CenterId,
    /// The kind of its jobs.
    pub kind: String,
    /// What they are to do.
    pub payload: Value,
    /// When: five fields.
    pub cron: String,
    /// By the clocks of which time zone.
    pub tz: String,
    /// Whether it makes jobs.
    pub enabled: bool,
    /// When it is next due; none if it is off.
    pub next_at: Option<WallTime>,
    /// The job that it made last.
    pub last_job: Option<i64>,
    /// How often it was changed, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: WallTime,
    /// When it was last changed.
    pub updated_at: WallTime,
    /// Who made it; none: the program, and then it can be changed but not deleted.
    pub created_by: Option<UserId>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    center_id: i64,
    kind: String,
    payload: String,
    cron: String,
    tz: String,
    enabled: i64,
    next_at: Option<i64>,
    last_job_id: Option<i64>,
    version: i64,
    created_at: i64,
    updated_at: i64,
    created_by: Option<i64>,
}

#[derive(FromRow)]
struct DueRow {
    id: i64,
    center_id: i64,
    kind: String,
    payload: String,
    cron: String,
    tz: String,
    next_at: i64,
    created_by: Option<i64>,
    busy: i64,
}

impl Office {
    /// Makes a schedule in the centre that the person works in. Beside the permit it takes the right to the kind of job.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::Forbidden`], [`Conflict::State`] if the centre has very many.
    pub async fn create_schedule(&self, permit: &Permit, new: NewSchedule, now: WallTime) -> Result<Schedule, OfficeError> {
        permit.must_be(can::SCHEDULES_CREATE)?;
        must_be_wide(permit)?;
        let center = permit.rows().center;
        let mut tx = self.store().db().begin().await?;
        let (zone, next_at) = self.check(&mut tx, permit, &new, now, None).await?;
        let count: Option<(i64,)> = tx.one(COUNT, binds![center]).await?;
        if count.is_some_and(|(count,)| count >= SCHEDULES_MAX) {
            return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {SCHEDULES_MAX} schedules: delete some"))));
        }
        let id = draw(&mut tx, "schedule", 1).await?;
        let user = permit.principal().user();
        let schedule = Schedule {
            id,
            center,
            kind: new.kind,
            payload: new.payload,
            cron: new.cron,
            tz: zone,
            enabled: new.enabled,
            next_at,
            last_job: None,
            version: 1,
            created_at: now,
            updated_at: now,
            created_by: Some(user),
        };
        insert(&mut tx, &schedule).await?;
        let entry = Entry::change(permit.action().0, "schedules", id, Diff::created(&picture(&schedule)));
        audit::append(&mut tx, now, permit.actor(), &[entry]).await?;
        tx.commit().await?;
        Ok(schedule)
    }

    /// Changes a schedule. Of one that came with the program its time can be changed, and whether it is on.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`], [`Conflict::Version`], [`Conflict::BuiltIn`].
    pub async fn change_schedule(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        new: NewSchedule,
        now: WallTime,
    ) -> Result<Schedule, OfficeError> {
        permit.must_be(can::SCHEDULES_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        let old = lock(&mut tx, permit, id).await?;
        if old.version != version {
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        if old.created_by.is_none() && (new.kind != old.kind || new.payload != old.payload) {
            return Err(OfficeError::Conflict(Conflict::BuiltIn));
        }
        let (zone, next_at) = self.check(&mut tx, permit, &new, now, Some(&old)).await?;
        let schedule = Schedule {
            kind: new.kind,
            payload: new.payload,
            cron: new.cron,
            tz: zone,
            enabled: new.enabled,
            next_at,
            version: old.version + 1,
            updated_at: now,
            ..old.clone()
        };
        let diff = Diff::between(&picture(&old), &picture(&schedule));
        if diff.is_empty() {
            tx.rollback().await?;
            return Ok(old);
        }
        let binds = binds![
            id,
            &schedule.kind,
            schedule.payload.to_string(),
            &schedule.cron,
            &schedule.tz,
            i64::from(schedule.enabled),
            schedule.next_at,
            now,
        ];
        tx.run(UPDATE_SCHEDULE, binds).await?;
        let entry = Entry::change(permit.action().0, "schedules", id, diff);
        audit::append(&mut tx, now, permit.actor(), &[entry]).await?;
        tx.commit().await?;
        Ok(schedule)
    }

    /// Deletes a schedule. Its jobs stay.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::Version`], [`Conflict::BuiltIn`].
    pub async fn delete_schedule(&self, permit: &Permit, id: i64, version: Option<i64>, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::SCHEDULES_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let old = lock(&mut tx, permit, id).await?;
        if version.is_some_and(|version| version != old.version) {
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        if old.created_by.is_none() {
            return Err(OfficeError::Conflict(Conflict::BuiltIn));
        }
        tx.run(DELETE_SCHEDULE, binds![id]).await?;
        let entry = Entry::change(permit.action().0, "schedules", id, Diff::deleted(&picture(&old)));
        audit::append(&mut tx, now, permit.actor(), &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes the schedules that every installation has, if they are missing: the audit log is verified and what has had its time is
    /// cleared away each night; and those that kinds of jobs come with. For the start.
    ///
    /// # Errors
    /// As the database's.
    pub async fn install_schedules(&self, now: WallTime) -> Result<(), OfficeError> {
        let mut tx = self.store().db().begin().await?;
        for (kind, cron) in BUILT_IN.iter().copied().chain(self.jobs().kinds().scheduled()) {
            let there: Option<(i64,)> = tx.one(BUILT_IN_IS_THERE, binds![kind]).await?;
            if there.is_some_and(|(count,)| count > 0) {
                continue;
            }
            let tz = zone_of(&mut tx, CenterId::DEFAULT).await?;
            let times = Times::parse(cron, &tz).or_else(|_| Times::parse(cron, "UTC"));
            let times = times.map_err(|error| OfficeError::Defect(error.to_string()))?;
            let next_at = times.next_after(now).map_err(|error| OfficeError::Defect(error.to_string()))?;
            let schedule = Schedule {
                id: draw(&mut tx, "schedule", 1).await?,
                center: CenterId::DEFAULT,
                kind: kind.to_owned(),
                payload: json!({}),
                cron: cron.to_owned(),
                tz,
                enabled: true,
                next_at: Some(next_at),
                last_job: None,
                version: 1,
                created_at: now,
                updated_at: now,
                created_by: None,
            };
            insert(&mut tx, &schedule).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Makes the jobs of schedules that are due; says how many.
    pub(crate) async fn run_due_schedules(&self, now: WallTime) -> Result<u64, StoreError> {
        let due: Vec<DueRow> = self.store().db().all(DUE, binds![now, DUE_MAX]).await?;
        let mut started = 0;
        for due in due {
            let next = Times::parse(&due.cron, &due.tz).and_then(|times| times.next_after(now));
            if let Err(failed) = &next {
                error!(schedule = due.id, error = failed as &dyn std::error::Error, "A schedule is never due again.");
            }
            let mut tx = self.store().db().begin().await?;
            let job = if due.busy > 0 { None } else { Some(draw(&mut tx, "job", 1).await?) };
            if tx.run(ADVANCE, binds![due.id, due.next_at, next.ok(), job]).await? == 0 {
                // Somebody has changed it meanwhile, or has made its job.
                tx.rollback().await?;
                continue;
            }
            if let Some(job) = job {
                let (total, attempts): (Option<i64>, i64) = (None, i64::from(ATTEMPTS_MAX));
                let binds = binds![job, due.center_id, &due.kind, &due.payload, now, attempts, total, due.id, now, due.created_by];
                tx.run(INSERT, binds).await?;
                started += 1;
            } else {
                info!(schedule = due.id, kind = due.kind, "A schedule is due, but its last job has not ended: this run is left out.");
            }
            tx.commit().await?;
        }
        Ok(started)
    }

    /// Looks at a schedule that somebody wants: its time zone and when it is next due.
    async fn check(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        new: &NewSchedule,
        now: WallTime,
        old: Option<&Schedule>,
    ) -> Result<(String, Option<WallTime>), OfficeError> {
        let mut faults = Vec::new();
        // The kind of one that came with the program stays, and is none that people could have chosen.
        if old.is_none_or(|old| old.created_by.is_some()) {
            match self.jobs().kinds().find(&new.kind).and_then(|kind| Some((kind, kind.schedulable()?))) {
                None => faults.push(Fault::invalid("kind", "there are no jobs of this kind that can be scheduled")),
                Some((kind, action)) => {
                    if permit.principal().permit(action).is_none_or(|permit| !permit.is_wide()) {
                        return Err(OfficeError::Forbidden(format!("a schedule of this kind takes the right {action}")));
                    }
                    if let Err(detail) = kind.check(&new.payload) {
                        faults.push(Fault::invalid("payload", detail));
                    }
                }
            }
            if new.payload.to_string().len() > PAYLOAD_OCTETS_MAX {
                faults.push(Fault::invalid("payload", format!("at most {PAYLOAD_OCTETS_MAX} octets")));
            }
        }
        let zone = match &new.tz {
            Some(zone) => zone.clone(),
            None => zone_of(tx, permit.rows().center).await?,
        };
        let next = Times::parse(&new.cron, &zone).and_then(|times| times.next_after(now));
        let next_at = match next {
            Ok(next) => new.enabled.then_some(next),
            Err(error) => {
                let field = if matches!(error, super::cron::CronError::Zone(_)) { "tz" } else { "cron" };
                faults.push(Fault::invalid(field, error.to_string()));
                None
            }
        };
        if faults.is_empty() { Ok((zone, next_at)) } else { Err(OfficeError::Invalid(faults)) }
    }
}

async fn zone_of(tx: &mut Tx, center: CenterId) -> Result<String, OfficeError> {
    let zone: Option<(String,)> = tx.one(ZONE, binds![center]).await?;
    zone.map(|(zone,)| zone).ok_or(OfficeError::NotFound("center"))
}

async fn insert(tx: &mut Tx, schedule: &Schedule) -> Result<(), StoreError> {
    let binds = binds![
        schedule.id,
        schedule.center,
        &schedule.kind,
        schedule.payload.to_string(),
        &schedule.cron,
        &schedule.tz,
        i64::from(schedule.enabled),
        schedule.next_at,
        schedule.created_at,
        schedule.created_by,
    ];
    tx.run(INSERT_SCHEDULE, binds).await.map(drop)
}

async fn lock(tx: &mut Tx, permit: &Permit, id: i64) -> Result<Schedule, OfficeError> {
    if !permit.is_wide() {
        return Err(OfficeError::NotFound("schedule"));
    }
    let row: Option<Row> = tx.one(LOCK_SCHEDULE, binds![id, permit.rows().center]).await?;
    row.map(Schedule::from).ok_or(OfficeError::NotFound("schedule"))
}

/// Schedules are nobody's, so no right narrower than the centre reaches them.
fn must_be_wide(permit: &Permit) -> Result<(), OfficeError> {
    if permit.is_wide() { Ok(()) } else { Err(OfficeError::Forbidden("schedules are the whole centre's".to_owned())) }
}

impl From<Row> for Schedule {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            center: CenterId(row.center_id),
            kind: row.kind,
            // What was written was JSON; if it is not, its jobs say so.
            payload: serde_json::from_str(&row.payload).unwrap_or_default(),
            cron: row.cron,
            tz: row.tz,
            enabled: row.enabled != 0,
            next_at: row.next_at.map(WallTime),
            last_job: row.last_job_id,
            version: row.version,
            created_at: WallTime(row.created_at),
            updated_at: WallTime(row.updated_at),
            created_by: row.created_by.map(UserId),
        }
    }
}

/// What the audit log shows of a schedule.
fn picture(schedule: &Schedule) -> Map<String, Value> {
    let picture = json!({
        "kind": schedule.kind, "payload": schedule.payload, "cron": schedule.cron, "tz": schedule.tz, "enabled": schedule.enabled,
    });
    picture.as_object().cloned().unwrap_or_default()
}
