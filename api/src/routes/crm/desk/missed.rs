//! Missed calls: who is to be called back.

use ::crm::missed::{Act, MISSED_CALLS};
use axum::{Json, extract::State};
use http::StatusCode;
use model::CallId;
use office::{OfficeError, can};
use serde_json::{Map, Value};

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, JsonBody},
    routes::bulk::{self, Bulk, BulkBegun},
    state::Api,
};

/// Say that one is about to call back.
///
/// It holds for ten minutes, or until an answered call with the number returns it: 409 `wrong_state` for everybody else meanwhile. It takes
/// `calls.start`, and `calls.read` that reaches the call.
#[utoipa::path(post, path = "/api/missed-calls/{id}/claim", tag = "desk", params(("id" = String, Path, description = "The call.")),
    responses((status = 200, description = "It is the caller's to call back.", body = ref("#/components/schemas/missed_calls"))))]
pub(crate) async fn claim(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<Map<String, Value>>, Problem> {
    act(&api, &caller, id, Act::Claim).await
}

/// Put a missed call away: nobody is to call back.
#[utoipa::path(post, path = "/api/missed-calls/{id}/dismiss", tag = "desk", params(("id" = String, Path, description = "The call.")),
    responses((status = 200, description = "It is put away.", body = ref("#/components/schemas/missed_calls"))))]
pub(crate) async fn dismiss(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<Map<String, Value>>, Problem> {
    act(&api, &caller, id, Act::Dismiss).await
}

async fn act(api: &Api, caller: &Caller, id: CallId, act: Act) -> Result<Json<Map<String, Value>>, Problem> {
    // Whoever may read no calls knows of none.
    let reader = caller.also(can::CALLS_READ).ok_or_else(|| Problem::new(Code::CallNotFound))?;
    api.crm.act_on_missed((caller, &reader), id, act, now()).await.map_err(|error| match error {
        OfficeError::NotFound(_) => Problem::new(Code::CallNotFound),
        other => other.into(),
    })?;
    Ok(Json(api.office.read(&reader.view(&MISSED_CALLS), &id.to_string()).await?))
}

/// Put many missed calls away at once: `dismiss`.
#[utoipa::path(post, path = "/api/missed-calls/bulk", tag = "desk", request_body = Bulk,
    responses((status = 202, description = "Under way.", body = BulkBegun), (status = 200, description = "Counted.", body = BulkBegun)))]
pub(crate) async fn bulk(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<Bulk>,
) -> Result<(StatusCode, Json<BulkBegun>), Problem> {
    bulk::begin(&api, &caller, MISSED_CALLS.name, body).await
}
