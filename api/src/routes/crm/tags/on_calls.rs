//! Tags on calls: what they are, setting and taking off.

use ::crm::{
    can,
    tags::{CallTag, Tagged, Tagging},
};
use axum::{
    Json,
    extract::{Path, State},
};
use model::{CallId, TagId, WallTime};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, Params},
    resources::{ListAnswer, ListQuery},
    state::Api,
};

/// A tag that a call has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallTagAnswer {
    #[schema(examples("3"))]
    tag_id: String,
    group_id: String,
    /// Absent if it is hidden from the caller, as the colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<String>,
    /// Who set it; null: the program.
    set_by: Option<String>,
    /// Their name.
    set_by_name: Option<String>,
    /// When, in milliseconds since 1970.
    #[schema(value_type = i64)]
    set_at: WallTime,
}

/// The tags of a call, of the groups that the caller sees, by the places of their groups and their own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallTagsAnswer {
    /// Grows with each change of any of the call's tags; 0: it never had one.
    version: i64,
    tags: Vec<CallTagAnswer>,
}

/// What came of setting a tag or taking it off.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaggedAnswer {
    /// Whether anything was changed: a tag that is set already, or is not there to be taken off, changes nothing.
    changed: bool,
    /// The tags whose place it took in an exclusive group.
    replaced: Vec<String>,
    #[serde(flatten)]
    now: CallTagsAnswer,
}

/// List a call's tags.
#[utoipa::path(get, path = "/api/calls/{id}/tags", tag = "tags", params(("id" = String, Path)),
    responses((status = 200, description = "Its tags.", body = CallTagsAnswer)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<CallTagsAnswer>, Problem> {
    let found = api.crm.tags_of_call(&caller, id).await?;
    Ok(Json(CallTagsAnswer { version: found.version, tags: found.tags.into_iter().map(Into::into).collect() }))
}

/// List what happened to a call's tags, the newest first; at most the newest 1,000.
#[utoipa::path(get, path = "/api/calls/{id}/tag-events", tag = "tags", params(("id" = String, Path)),
    responses((status = 200, description = "What happened.")))]
pub(crate) async fn events(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<CallId>,
    query: ListQuery,
) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.crm.tag_events_of_call(&caller, id, &query.params()).await?.into()))
}

/// Set a tag on a call.
///
/// In an exclusive group it takes the place of the one that is set. Setting it again changes nothing, so a request may be repeated.
#[utoipa::path(put, path = "/api/calls/{id}/tags/{tag}", tag = "tags",
    params(("id" = String, Path), ("tag" = String, Path),
        ("seen" = Option<i64>, Query, description = "The version of the call's tags that was seen: 409 if others have changed them meanwhile.")),
    responses((status = 200, description = "It is set.", body = TaggedAnswer)))]
pub(crate) async fn set(
    State(api): State<Api>,
    caller: Caller,
    Path((call, tag)): Path<(String, String)>,
    mut params: Params,
) -> Result<Json<TaggedAnswer>, Problem> {
    let seen = params.number("seen");
    params.finish()?;
    let (call, tag) = ids(&call, &tag)?;
    let done = api.crm.set_tag(&caller, call, tag, Tagging { seen }, now()).await?;
    answer(&api, &caller, call, done).await
}

/// Take a tag off a call, whoever has set it.
#[utoipa::path(delete, path = "/api/calls/{id}/tags/{tag}", tag = "tags",
    params(("id" = String, Path), ("tag" = String, Path),
        ("seen" = Option<i64>, Query, description = "The version of the call's tags that was seen: 409 if others have changed them meanwhile.")),
    responses((status = 200, description = "It is off.", body = TaggedAnswer)))]
pub(crate) async fn unset(
    State(api): State<Api>,
    caller: Caller,
    Path((call, tag)): Path<(String, String)>,
    mut params: Params,
) -> Result<Json<TaggedAnswer>, Problem> {
    let seen = params.number("seen");
    params.finish()?;
    let (call, tag) = ids(&call, &tag)?;
    let done = api.crm.unset_tag(&caller, call, tag, Tagging { seen }, now()).await?;
    answer(&api, &caller, call, done).await
}

/// What stands now, as far as the caller sees tags at all.
async fn answer(api: &Api, caller: &Caller, call: CallId, Tagged { changed, replaced }: Tagged) -> Result<Json<TaggedAnswer>, Problem> {
    let found = match caller.also(can::TAGS_READ) {
        Some(reader) => api.crm.tags_of_call(&reader, call).await?,
        None => ::crm::tags::TagsOfCall::default(),
    };
    let now = CallTagsAnswer { version: found.version, tags: found.tags.into_iter().map(Into::into).collect() };
    Ok(Json(TaggedAnswer { changed, replaced: replaced.iter().map(ToString::to_string).collect(), now }))
}

fn ids(call: &str, tag: &str) -> Result<(CallId, TagId), Problem> {
    let call = call.parse().map_err(|_| Problem::new(Code::CallNotFound))?;
    let tag = tag.parse().map_err(|_| Problem::new(Code::RowNotFound).with("resource", "tag"))?;
    Ok((call, tag))
}

impl From<CallTag> for CallTagAnswer {
    fn from(tag: CallTag) -> Self {
        let CallTag { tag_id, group_id, name, colour, set_by, set_by_name, set_at } = tag;
        Self {
            tag_id: tag_id.to_string(),
            group_id: group_id.to_string(),
            name,
            colour,
            set_by: set_by.map(|user| user.to_string()),
            set_by_name,
            set_at,
        }
    }
}
