//! Groups of tags, and tags.

use ::crm::tags::{NewTag, NewTagGroup, TAG_GROUPS, TAGS, TagChange, TagGroupChange};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::Problem,
    params::{JsonBody, PathText},
    resources::made,
    routes::jobs::{missing_version, number},
    state::Api,
};

/// A group of tags to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTagGroup {
    #[schema(min_length = 1, max_length = 128, examples("Result"))]
    name: String,
    /// Whether a call has at most one tag of it.
    #[serde(default)]
    exclusive: bool,
    /// One of `grey`, `red`, `orange`, `amber`, `green`, `teal`, `cyan`, `blue`, `indigo`, `pink`; none: grey.
    colour: Option<String>,
    /// Its place among the others; none: behind all that there are.
    #[schema(minimum = 0, maximum = 10000)]
    position: Option<i64>,
    /// Whether a call with a tag of it counts as rated by it: those with a recording and without one are found by `unrated_in`.
    #[serde(default)]
    rates: bool,
}

/// What to change of a group of tags; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeTagGroup {
    version: Option<i64>,
    name: Option<String>,
    /// Calls that have several tags of it keep them until one is set anew.
    exclusive: Option<bool>,
    colour: Option<String>,
    position: Option<i64>,
    /// `false`: its tags are set on calls no longer; those that were set stay.
    active: Option<bool>,
    /// Whether a call with a tag of it counts as rated by it; calls of the last 30 days are to be rated at once.
    rates: Option<bool>,
}

/// A tag to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTag {
    /// Its group, for ever.
    #[schema(examples("1"))]
    group_id: String,
    #[schema(min_length = 1, max_length = 128, examples("1 room"))]
    name: String,
    /// Its colour; none: its group's.
    colour: Option<String>,
    /// Its place among the others; none: behind all that there are.
    #[schema(minimum = 0, maximum = 10000)]
    position: Option<i64>,
    /// What it means to a dialer for the call's number: `none`, or `dnc`, never to call it again; it is kept for the dialer, and nothing reads it so far.
    stop: Option<String>,
}

/// What to change of a tag; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeTag {
    version: Option<i64>,
    name: Option<String>,
    colour: Option<String>,
    position: Option<i64>,
    /// `false`: it is set on calls no longer; where it was set, it stays.
    active: Option<bool>,
    stop: Option<String>,
}

/// Make a group of tags.
#[utoipa::path(post, path = "/api/tag-groups", tag = "tags", request_body = CreateTagGroup,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/tag_groups"))))]
pub(crate) async fn create_group(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateTagGroup>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateTagGroup { name, exclusive, colour, position, rates } = body;
    let id = api.crm.create_tag_group(&caller, &NewTagGroup { name, exclusive, colour, position, rates }, now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &TAG_GROUPS, id).await?)))
}

/// Change a group of tags.
#[utoipa::path(put, path = "/api/tag-groups/{id}", tag = "tags", params(("id" = String, Path)), request_body = ChangeTagGroup,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/tag_groups"))))]
pub(crate) async fn change_group(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeTagGroup>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeTagGroup { version, name, exclusive, colour, position, active, rates } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.crm.update_tag_group(&caller, id, version, &TagGroupChange { name, exclusive, colour, position, active, rates }, now()).await?;
    Ok(Json(made(&api, &caller, &TAG_GROUPS, id).await?))
}

/// Delete a group that has no tags.
#[utoipa::path(delete, path = "/api/tag-groups/{id}", tag = "tags", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete_group(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_tag_group(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a tag.
#[utoipa::path(post, path = "/api/tags", tag = "tags", request_body = CreateTag,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/tags"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateTag>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateTag { group_id, name, colour, position, stop } = body;
    // What is no number is the id of no group.
    let group = group_id.parse().unwrap_or(0);
    let id = api.crm.create_tag(&caller, &NewTag { group, name, colour, position, stop }, now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &TAGS, id).await?)))
}

/// Change a tag.
#[utoipa::path(put, path = "/api/tags/{id}", tag = "tags", params(("id" = String, Path)), request_body = ChangeTag,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/tags"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeTag>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeTag { version, name, colour, position, active, stop } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.crm.update_tag(&caller, id, version, &TagChange { name, colour, position, active, stop }, now()).await?;
    Ok(Json(made(&api, &caller, &TAGS, id).await?))
}

/// Delete a tag that no call ever had.
#[utoipa::path(delete, path = "/api/tags/{id}", tag = "tags", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_tag(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
