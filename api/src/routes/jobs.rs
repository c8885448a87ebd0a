//! Background jobs and the schedules that make them.

use axum::{Json, extract::State};
use http::StatusCode;
use model::WallTime;
use office::jobs::{NewSchedule, Schedule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{JsonBody, Params, PathText},
    state::Api,
};

/// A schedule to be made or changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteSchedule {
    /// The kind of its jobs: `audit.verify`.
    kind: String,
    /// What they are to do.
    #[serde(default)]
    payload: Value,
    /// Five fields: minute, hour, day of the month, month, day of the week.
    #[schema(examples("30 3 * * *"))]
    cron: String,
    /// By the clocks of which time zone; without it, the centre's.
    tz: Option<String>,
    /// Whether it makes jobs.
    #[serde(default = "yes")]
    enabled: bool,
    /// The version that the change was made from; not for a new one.
    version: Option<i64>,
}

fn yes() -> bool {
    true
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleAnswer {
    id: String,
    kind: String,
    payload: Value,
    cron: String,
    tz: String,
    enabled: bool,
    /// When it is next due.
    #[schema(value_type = Option<i64>)]
    next_at: Option<WallTime>,
    /// The job that it made last.
    last_job: Option<String>,
    version: i64,
    /// Whether it came with the program, and can be changed but not deleted.
    builtin: bool,
}

impl From<Schedule> for ScheduleAnswer {
    fn from(schedule: Schedule) -> Self {
        let Schedule { id, kind, payload, cron, tz, enabled, next_at, last_job, version, created_by, .. } = schedule;
        let (id, last_job) = (id.to_string(), last_job.map(|job| job.to_string()));
        Self { id, kind, payload, cron, tz, enabled, next_at, last_job, version, builtin: created_by.is_none() }
    }
}

impl WriteSchedule {
    fn parts(self) -> (NewSchedule, Option<i64>) {
        let Self { kind, payload, cron, tz, enabled, version } = self;
        let payload = if payload.is_null() { json!({}) } else { payload };
        (NewSchedule { kind, payload, cron, tz, enabled }, version)
    }
}

/// Cancel a job.
///
/// It ends after the step that is being taken; what is done stays.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)),
    responses((status = 202, description = "It will end.")))]
pub(crate) async fn cancel(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.office.cancel_job(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Make a schedule.
#[utoipa::path(post, path = "/api/schedules", tag = "jobs", request_body = WriteSchedule,
    responses((status = 201, description = "Made.", body = ScheduleAnswer)))]
pub(crate) async fn create_schedule(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<WriteSchedule>,
) -> Result<(StatusCode, Json<ScheduleAnswer>), Problem> {
    let (new, _) = body.parts();
    Ok((StatusCode::CREATED, Json(api.office.create_schedule(&caller, new, now()).await?.into())))
}

/// Change a schedule.
#[utoipa::path(put, path = "/api/schedules/{id}", tag = "jobs", params(("id" = String, Path)), request_body = WriteSchedule,
    responses((status = 200, description = "Changed.", body = ScheduleAnswer)))]
pub(crate) async fn change_schedule(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<WriteSchedule>,
) -> Result<Json<ScheduleAnswer>, Problem> {
    let (new, version) = body.parts();
    let version = version.ok_or_else(missing_version)?;
    Ok(Json(api.office.change_schedule(&caller, number(&id)?, version, new, now()).await?.into()))
}

/// Delete a schedule.
#[utoipa::path(delete, path = "/api/schedules/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete_schedule(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    mut params: Params,
) -> Result<StatusCode, Problem> {
    let version = params.number("version");
    params.finish()?;
    api.office.delete_schedule(&caller, number(&id)?, version, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The number of a row in a path. What is none names nothing.
pub(crate) fn number(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| Problem::new(Code::RowNotFound))
}

/// A change says which version it was made from, so that nobody overwrites what they have not seen.
pub(crate) fn missing_version() -> Problem {
    Problem::field(Code::MissingField, "version", "a change names the version that it was made from")
}
