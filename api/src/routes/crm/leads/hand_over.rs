//! Leads are handed over to sellers, one or many, and their history is read.

use ::crm::{
    Parent,
    history::HistoryPage,
    leads::{HandOver, HandOverOrder, LEADS, Seller},
};
use axum::{Json, extract::State};
use http::StatusCode;
use model::{UserId, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::Problem,
    params::{JsonBody, PathText},
    resources::made,
    routes::{
        bulk::{self, Bulk, BulkBegun},
        crm::history::{Page, PageSchema},
        jobs::{missing_version, number},
    },
    state::Api,
};

/// How a lead is handed over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandOverBody {
    version: Option<i64>,
    /// `user`: to the one who is named; `round_robin`: to the seller whose turn it is; `source`: to whom the centre's settings name for leads of
    /// this source.
    #[schema(value_type = String, examples("round_robin"))]
    how: HandOver,
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// When something is to be done next, in milliseconds since 1970.
    #[schema(value_type = Option<i64>)]
    next_action_at: Option<WallTime>,
    /// What the seller is to know; it becomes a note on the lead.
    #[schema(max_length = 8000)]
    comment: Option<String>,
}

/// The sellers to whom leads can be handed over, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sellers {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Seller>,
}

/// Hand a lead over.
///
/// It is the seller's from then on, and one that was new is assigned. Its operator goes on to see it until it is done with, unless the centre's
/// settings say otherwise (`desk.keep_after_hand_over`).
#[utoipa::path(post, path = "/api/crm/leads/{id}/hand-over", tag = "leads", params(("id" = String, Path)), request_body = HandOverBody,
    responses((status = 200, description = "Handed over.", body = ref("#/components/schemas/leads"))))]
pub(crate) async fn hand_over(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<HandOverBody>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let HandOverBody { version, how, user_id, next_action_at, comment } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    let order = HandOverOrder { how, user_id, next_action_at, comment };
    api.crm.hand_over(&caller, (id, version), &order, now()).await?;
    Ok(Json(made(&api, &caller, &LEADS, id).await?))
}

/// Change many leads at once.
///
/// `hand_over`, with `values` as for one lead but the version. Each takes the right to hand it over.
#[utoipa::path(post, path = "/api/crm/leads/bulk", tag = "leads", request_body = Bulk,
    responses((status = 202, description = "Under way.", body = BulkBegun), (status = 200, description = "Counted.", body = BulkBegun)))]
pub(crate) async fn many(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<Bulk>,
) -> Result<(StatusCode, Json<BulkBegun>), Problem> {
    bulk::begin(&api, &caller, LEADS.name, body).await
}

/// List the sellers to whom leads can be handed over.
///
/// With how many leads each has that are not done with.
#[utoipa::path(get, path = "/api/crm/sellers", tag = "leads",
    responses((status = 200, description = "`id`, `name` and `open_leads` of each.", body = Sellers)))]
pub(crate) async fn sellers(State(api): State<Api>, caller: Caller) -> Result<Json<Sellers>, Problem> {
    Ok(Json(Sellers { items: api.crm.sellers(&caller).await? }))
}

/// What became of a lead.
///
/// Its events, the notes on it and the calls with it, the newest first; notes and calls as far as the caller sees these.
#[utoipa::path(get, path = "/api/crm/leads/{id}/history", tag = "leads", params(("id" = String, Path), PageSchema),
    responses((status = 200, description = "A page of it.", body = Object)))]
pub(crate) async fn history(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    page: Page,
) -> Result<Json<HistoryPage>, Problem> {
    let Page { limit, cursor } = page;
    Ok(Json(api.crm.history(&caller, Parent::Lead(number(&id)?), limit, cursor.as_deref()).await?))
}
