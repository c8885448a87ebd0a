//! Notes on calls, leads and clients.

use ::crm::{
    Parent, can,
    notes::{NOTES, NewNote},
};
use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use model::CallId;
use office::OfficeError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::{Area, ids::IdText};
use crate::{
    auth::{Caller, now},
    error::Problem,
    idempotency::once,
    openapi,
    params::{Id, JsonBody, PathText},
    resources::{ListAnswer, ListParamsSchema, ListQuery},
    routes::{
        jobs::{missing_version, number},
        table::routes,
    },
    state::Api,
};

/// A note to be written, on a call, a lead, a client, or several of them. One on a call is on the call's lead, too.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateNote {
    #[schema(value_type = Option<String>)]
    call_id: Option<CallId>,
    #[schema(value_type = Option<String>)]
    lead_id: Option<IdText>,
    #[schema(value_type = Option<String>)]
    client_id: Option<IdText>,
    #[schema(max_length = 8000, examples("Wants two rooms; call back on Friday."))]
    text: String,
}

/// What a note is to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeNote {
    version: Option<i64>,
    #[schema(max_length = 8000)]
    text: String,
}

/// Write a note.
#[utoipa::path(post, path = "/api/crm/note", tag = "notes", request_body = CreateNote,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same key of the same user within 24 hours is the same note, written once.", max_length = 255)),
    responses((status = 201, description = "Written.", body = ref("#/components/schemas/notes"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<CreateNote>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let meant = format!("POST /api/crm/note {}", serde_json::to_string(&body).unwrap_or_default());
    let CreateNote { call_id, lead_id, client_id, text } = body;
    let new = NewNote { call: call_id, lead: lead_id.map(|id| id.0), client: client_id.map(|id| id.0), text };
    let key = headers.get("idempotency-key").map(|key| key.as_bytes());
    let (crm, leave) = (api.crm.clone(), caller.clone());
    let id = once(&api, caller.user(), key, &meant, |key| async move { crm.create_note(&leave, &new, key.as_deref(), now()).await });
    Ok((StatusCode::CREATED, Json(written(&api, &caller, id.await?).await?)))
}

/// List the notes on a call.
///
/// The newest first. Those on its lead that are not on the call stand with the lead.
#[utoipa::path(get, path = "/api/crm/notes/{call_id}", tag = "notes", params(("call_id" = String, Path), ListParamsSchema),
    responses((status = 200, description = "A page of them.", body = ref("#/components/schemas/List_notes"))))]
pub(crate) async fn of_call(
    State(api): State<Api>,
    caller: Caller,
    Id(call): Id<CallId>,
    query: ListQuery,
) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.crm.notes_of(&caller, Parent::Call(call), query.params()).await?.into()))
}

/// List the notes on a lead.
///
/// The newest first; those on calls with it are among them.
#[utoipa::path(get, path = "/api/crm/leads/{id}/notes", tag = "notes", params(("id" = String, Path)))]
pub(crate) async fn of_lead(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    query: ListQuery,
) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.crm.notes_of(&caller, Parent::Lead(number(&id)?), query.params()).await?.into()))
}

/// List the notes on a client.
#[utoipa::path(get, path = "/api/clients/{id}/notes", tag = "notes", params(("id" = String, Path), ListParamsSchema),
    responses((status = 200, description = "A page of them.", body = ref("#/components/schemas/List_notes"))))]
pub(crate) async fn of_client(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    query: ListQuery,
) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.crm.notes_of(&caller, Parent::Client(number(&id)?), query.params()).await?.into()))
}

/// Change a note.
///
/// One's own; those who reach the centre's change others'. What it said before is kept.
#[utoipa::path(put, path = "/api/crm/note/{id}", tag = "notes", params(("id" = String, Path)), request_body = ChangeNote,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/notes"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeNote>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let (id, version) = (number(&id)?, body.version.ok_or_else(missing_version)?);
    api.crm.update_note(&caller, id, version, &body.text, now()).await?;
    Ok(Json(written(&api, &caller, id).await?))
}

/// Delete a note.
///
/// One's own; those who reach the centre's delete others'.
#[utoipa::path(delete, path = "/api/crm/note/{id}", tag = "notes", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_note(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A note as its writer sees it. Who may write notes and not read them is told its id.
async fn written(api: &Api, caller: &Caller, id: i64) -> Result<Map<String, Value>, Problem> {
    let read = match caller.also(can::NOTES_READ) {
        Some(reader) => api.crm.note(&reader, id).await,
        None => Err(OfficeError::NotFound(NOTES.name)),
    };
    match read {
        Err(OfficeError::NotFound(_)) => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
        other => Ok(other?),
    }
}

routes! {
    POST "/api/crm/note", Access::Token(can::NOTES_CREATE), create;
    PUT "/api/crm/note/{id}", Access::Token(can::NOTES_UPDATE), change;
    DELETE "/api/crm/note/{id}", Access::Token(can::NOTES_DELETE), delete;
    GET "/api/crm/notes/{call_id}", Access::Token(can::NOTES_READ), of_call;
    GET "/api/crm/leads/{id}/notes", Access::Token(can::NOTES_READ), of_lead;
    GET "/api/clients/{id}/notes", Access::Token(can::NOTES_READ), of_client;
}

#[derive(OpenApi)]
#[openapi(
    paths(create, change, delete, of_call, of_lead, of_client),
    tags((name = "notes", description = "What people write down of calls, leads and clients."))
)]
struct Document;

pub(super) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        NOTES "notes" "the notes on a lead" "/api/crm/leads/{id}/notes";
    },
};
