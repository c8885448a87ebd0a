//! What was done, by whom: the audit log, its security part, and the log of what parts of the system report (S004-39, 44, 45, 59, 112).

use axum::{Json, extract::State};
use http::StatusCode;
use model::Resource;
use office::{
    audit::{AUDIT_LOG, SECURITY_AUDIT},
    events::{EVENTS_LOG, NewEvent, Severity},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{JsonBody, PathText},
    resources::{ListAnswer, ListQuery},
    state::Api,
};

/// A job that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobBegun {
    #[schema(examples("12"))]
    pub(crate) job_id: String,
}

/// Something that a part of the system reports.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogEvent {
    /// Which part: `gacs`, `node.7`.
    #[schema(min_length = 1, max_length = 64)]
    module: String,
    /// `debug`, `info`, `warning`, `error` or `critical`.
    severity: String,
    /// What it is, for programs.
    #[schema(min_length = 1, max_length = 64)]
    code: String,
    /// What it is, for people.
    #[schema(max_length = 2000)]
    message: String,
    /// Any JSON of at most 16 KiB.
    #[serde(default)]
    data: Value,
}

/// An event that was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Logged {
    #[schema(examples("7"))]
    id: String,
}

/// List what was done, newest first.
pub(crate) async fn list(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    page(&api, &caller, &AUDIT_LOG, query).await
}

/// List log-ins, changes of rights and refusals, newest first.
pub(crate) async fn security(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    page(&api, &caller, &SECURITY_AUDIT, query).await
}

async fn page(api: &Api, caller: &Caller, log: &'static Resource, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.office.list_audit(caller, log, &query.params()).await?.into()))
}

/// Read one thing that was done.
pub(crate) async fn read(State(api): State<Api>, caller: Caller, PathText(seq): PathText) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(api.office.read_audit(&caller, &AUDIT_LOG, &seq).await?))
}

/// Verify the audit log's chain of hashes.
///
/// A job does it; its result says whether the chain is whole, or where it is broken.
#[utoipa::path(post, path = "/api/audit/verify", tag = "audit",
    responses((status = 202, description = "Under way.", body = JobBegun)))]
pub(crate) async fn verify(State(api): State<Api>, caller: Caller) -> Result<(StatusCode, Json<JobBegun>), Problem> {
    let job = api.office.start_verify_audit(&caller, now()).await?;
    Ok((StatusCode::ACCEPTED, Json(JobBegun { job_id: job.to_string() })))
}

/// List what parts of the system report, newest first.
///
/// `?module=` and `?severity=` are short for a filter.
pub(crate) async fn events(State(api): State<Api>, caller: Caller, mut query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let narrowed: Map<String, Value> =
        ["module", "severity"].into_iter().filter_map(|name| Some((name.to_owned(), query.take(name)?.into()))).collect();
    let mut params = query.params();
    if !narrowed.is_empty() {
        params = params.filtered(Value::Object(narrowed));
    }
    Ok(Json(api.office.list(&caller.view(&EVENTS_LOG), &params).await?.into()))
}

/// Report something.
#[utoipa::path(post, path = "/api/dci/log-event", tag = "audit", request_body = LogEvent,
    responses((status = 201, description = "Written.", body = Logged)))]
pub(crate) async fn log_event(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<LogEvent>,
) -> Result<(StatusCode, Json<Logged>), Problem> {
    let LogEvent { module, severity, code, message, data } = body;
    let severity = Severity::parse(&severity)
        .ok_or_else(|| Problem::field(Code::InvalidField, "severity", "a severity is debug, info, warning, error or critical"))?;
    let data = if data.is_null() { json!({}) } else { data };
    let id = api.office.log_event(&caller, &NewEvent { module, severity, code, message, data }, now()).await?;
    Ok((StatusCode::CREATED, Json(Logged { id: id.to_string() })))
}
