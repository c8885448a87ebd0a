//! Changes of many rows at once, as jobs.

use axum::{Json, extract::State};
use http::StatusCode;
use office::bulk::{BulkOrder, BulkRows};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{self, Caller, now},
    error::{Code, Problem},
    params::JsonBody,
    state::Api,
};

/// Ids that one order names at most; more are chosen by a filter.
const IDS_MAX: usize = 10_000;

/// What to do with which rows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bulk {
    /// Of accounts `disable`, `enable`, `logout`; of leads `hand_over`; of missed calls `dismiss`.
    action: String,
    /// As the list's `filter`: everything that meets it now.
    filter: Option<Value>,
    /// As the list's `q`.
    q: Option<String>,
    /// These rows, instead of a filter.
    ids: Option<Vec<String>>,
    /// What the action needs to know.
    #[serde(default)]
    values: Value,
    /// Whether to count only.
    #[serde(default)]
    dry_run: bool,
}

/// How many rows it is, and the job that changes them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkBegun {
    /// Left out of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    job_id: Option<String>,
    count: i64,
}

/// Change many accounts at once.
#[utoipa::path(post, path = "/api/users/bulk", tag = "users", request_body = Bulk,
    responses((status = 202, description = "Under way.", body = BulkBegun), (status = 200, description = "Counted.", body = BulkBegun)))]
pub(crate) async fn users(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<Bulk>,
) -> Result<(StatusCode, Json<BulkBegun>), Problem> {
    begin(&api, &caller, "users", body).await
}

/// Begins a change of many rows of a resource.
pub(crate) async fn begin(api: &Api, caller: &Caller, resource: &str, body: Bulk) -> Result<(StatusCode, Json<BulkBegun>), Problem> {
    let Bulk { action, filter, q, ids, values, dry_run } = body;
    let wrong = |field, detail: &str| Problem::field(Code::InvalidField, field, detail);
    let rows = match (filter, ids) {
        (Some(_), Some(_)) => return Err(wrong("ids", "say filter or ids, not both")),
        (filter, None) if filter.is_some() || q.is_some() => BulkRows::Filter { filter: filter.unwrap_or_else(|| json!({})), search: q },
        (_, None) => return Err(Problem::field(Code::MissingField, "filter", "which rows? {} as a filter is all")),
        (_, Some(ids)) if ids.len() > IDS_MAX => return Err(wrong("ids", "these are too many; choose them by a filter")),
        (_, Some(ids)) => {
            let ids: Result<Vec<i64>, _> = ids.iter().map(|id| id.parse()).collect();
            BulkRows::Ids(ids.map_err(|_| wrong("ids", "an id is a number"))?)
        }
    };
    let right = api.office.bulk_right(resource, &action).ok_or_else(|| wrong("action", "there is no such action for this"))?;
    let caller = auth::permit(api, caller.principal(), right)?;
    let order = BulkOrder { resource: resource.to_owned(), action, rows, values, dry_run };
    let begun = api.office.start_bulk(&caller, order, now()).await?;
    let status = if begun.job.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(BulkBegun { job_id: begun.job.map(|job| job.to_string()), count: begun.count })))
}
