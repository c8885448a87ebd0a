//! The parameters of histories, and whom calls were with.

use ::crm::links::{CallLinks, LinkCall};
use axum::{
    Json,
    extract::{FromRequestParts, State},
};
use http::request::Parts;
use model::CallId;
use office::can;
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{Area, ids::IdText};
use crate::{
    auth::{Caller, now},
    error::Problem,
    openapi,
    params::{Id, JsonBody, Params, present},
    routes::table::routes,
    state::Api,
};

/// The parameters of a history, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Page reads")]
pub(crate) struct PageSchema {
    /// Items on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` of another page of the same history.
    cursor: Option<String>,
}

/// Which page of a history.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl FromRequestParts<Api> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let mut params = Params::of(parts.uri.query());
        let page = Self { limit: params.number("limit"), cursor: params.take("cursor") };
        params.finish()?;
        Ok(page)
    }
}

/// What a call was with. What is left out stays; null: with none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetLinks {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    lead_id: Option<Option<IdText>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    client_id: Option<Option<IdText>>,
}

/// Which lead and which client a call was with.
///
/// As far as the caller sees these: `lead_id`, `client_id`, and `matched_by`, which is `number` or `hand`.
#[utoipa::path(get, path = "/api/calls/{id}/links", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, description = "What it was with.", body = Object)))]
pub(crate) async fn links(State(api): State<Api>, caller: Caller, Id(call): Id<CallId>) -> Result<Json<CallLinks>, Problem> {
    Ok(Json(api.crm.call_links(&caller, call).await?))
}

/// Say which lead and which client a call was with.
///
/// It takes `leads.update` on the lead and `clients.update` on the client that are named. What is said by hand no number changes.
#[utoipa::path(put, path = "/api/calls/{id}/links", tag = "calls", params(("id" = String, Path)), request_body = SetLinks,
    responses((status = 200, description = "So it is known.", body = Object)))]
pub(crate) async fn set_links(
    State(api): State<Api>,
    caller: Caller,
    Id(call): Id<CallId>,
    JsonBody(body): JsonBody<SetLinks>,
) -> Result<Json<CallLinks>, Problem> {
    let id = |id: Option<IdText>| id.map(|id| id.0);
    let to = LinkCall { lead: body.lead_id.map(id), client: body.client_id.map(id) };
    api.crm.link_call(&caller, call, to, now()).await?;
    Ok(Json(api.crm.call_links(&caller, call).await?))
}

routes! {
    GET "/api/calls/{id}/links", Access::Token(can::CALLS_READ), links;
    PUT "/api/calls/{id}/links", Access::Token(can::CALLS_READ), set_links;
}

#[derive(OpenApi)]
#[openapi(paths(links, set_links))]
struct Document;

pub(super) const AREA: Area = Area { routes: ROUTES, table, document: Document::openapi, lists: openapi::lists! {} };
