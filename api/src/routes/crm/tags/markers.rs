//! Markers on calls.

use ::crm::tags::{Marker, NewMarker};
use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use model::{CallId, WallTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, JsonBody},
    state::Api,
};

/// A marker to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateMarker {
    /// Where in the recording, in milliseconds.
    #[schema(minimum = 0, examples(61_000))]
    at_ms: i64,
    #[schema(min_length = 1, max_length = 500, examples("asks for the price"))]
    text: String,
}

/// A marker of a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MarkerAnswer {
    #[schema(examples("5"))]
    id: String,
    at_ms: i64,
    text: String,
    /// Who made it.
    created_by: String,
    /// Their name.
    created_by_name: Option<String>,
    #[schema(value_type = i64)]
    created_at: WallTime,
}

/// The markers of a call, in the order of its recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MarkersAnswer {
    markers: Vec<MarkerAnswer>,
}

/// List a call's markers.
#[utoipa::path(get, path = "/api/calls/{id}/markers", tag = "tags", params(("id" = String, Path)),
    responses((status = 200, description = "Its markers.", body = MarkersAnswer)))]
pub(crate) async fn list_markers(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<MarkersAnswer>, Problem> {
    let markers = api.crm.markers_of_call(&caller, id).await?;
    Ok(Json(MarkersAnswer { markers: markers.into_iter().map(Into::into).collect() }))
}

/// Mark a moment of a call's recording.
///
/// A call has at most 200 markers. While the call lasts, a moment that has been.
#[utoipa::path(post, path = "/api/calls/{id}/markers", tag = "tags", params(("id" = String, Path)), request_body = CreateMarker,
    responses((status = 201, description = "Made; all markers of the call.", body = MarkersAnswer)))]
pub(crate) async fn mark(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<CallId>,
    JsonBody(body): JsonBody<CreateMarker>,
) -> Result<(StatusCode, Json<MarkersAnswer>), Problem> {
    let CreateMarker { at_ms, text } = body;
    api.crm.mark_call(&caller, id, &NewMarker { at_ms, text }, now()).await?;
    Ok((StatusCode::CREATED, list_markers(State(api), caller, Id(id)).await?))
}

/// Take a marker off a call: one's own, or with the right to manage tags anybody's.
#[utoipa::path(delete, path = "/api/calls/{id}/markers/{marker}", tag = "tags", params(("id" = String, Path), ("marker" = String, Path)),
    responses((status = 204, description = "It is off.")))]
pub(crate) async fn unmark(
    State(api): State<Api>,
    caller: Caller,
    Path((call, marker)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let call = call.parse().map_err(|_| Problem::new(Code::CallNotFound))?;
    let marker = marker.parse().map_err(|_| Problem::new(Code::RowNotFound).with("resource", "marker"))?;
    api.crm.unmark_call(&caller, call, marker, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Marker> for MarkerAnswer {
    fn from(marker: Marker) -> Self {
        let Marker { id, at_ms, text, created_by, created_by_name, created_at } = marker;
        Self { id: id.to_string(), at_ms, text, created_by: created_by.to_string(), created_by_name, created_at }
    }
}
