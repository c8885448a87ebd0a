//! Clients: people and companies, and their telephone numbers.

use ::crm::{
    Parent, can,
    clients::{CLIENTS, ClientChange, PhoneChange},
    history::HistoryPage,
};
use axum::{Json, extract::State};
use http::StatusCode;
use model::UserId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::{Area, history::Page};
use crate::{
    auth::{Caller, now},
    error::Problem,
    openapi,
    params::{JsonBody, PathText, present},
    resources::{self, made},
    routes::{
        jobs::{missing_version, number},
        table::routes,
    },
    state::Api,
};

/// A telephone number of a client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientPhone {
    /// As people write it in the centre; it is kept as calls have it.
    #[schema(examples("8 916 123-45-67"))]
    number: String,
    /// `mobile`, `work`, `home` or `other`.
    #[schema(examples("mobile"))]
    kind: Option<String>,
    /// Whether it is to be called first; the first one is if none is.
    #[serde(default)]
    primary: bool,
}

/// A client to be made, or what to change of one: what is left out stays, and an empty text takes the old one away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientBody {
    /// A change names the version that it was made from.
    version: Option<i64>,
    /// `person` or `company`.
    kind: Option<String>,
    #[schema(max_length = 128)]
    last_name: Option<String>,
    #[schema(max_length = 128)]
    first_name: Option<String>,
    #[schema(max_length = 128)]
    patronymic: Option<String>,
    #[schema(max_length = 128)]
    org_name: Option<String>,
    /// The taxpayer's number.
    #[schema(max_length = 12)]
    inn: Option<String>,
    email: Option<String>,
    /// All their numbers, in the place of those that were there.
    #[schema(max_items = 20)]
    phones: Option<Vec<ClientPhone>>,
    /// Whose client it is; null: nobody's. Only who reaches all clients of the centre says so.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    owner_user_id: Option<Option<UserId>>,
}

impl From<ClientBody> for ClientChange {
    fn from(body: ClientBody) -> Self {
        let ClientBody { kind, last_name, first_name, patronymic, org_name, inn, email, phones, owner_user_id, .. } = body;
        let phone = |ClientPhone { number, kind, primary }: ClientPhone| PhoneChange { number, kind, primary };
        let phones = phones.map(|phones| phones.into_iter().map(phone).collect());
        Self { kind, first_name, last_name, patronymic, org_name, inn, email, phones, owner: owner_user_id }
    }
}

/// Make a client.
///
/// A telephone number of the centre is one client's: 409 `phone_taken`, with the other's `client_id` for who sees that one.
#[utoipa::path(post, path = "/api/clients", tag = "clients", request_body = ClientBody,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/clients"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<ClientBody>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let id = api.crm.create_client(&caller, &body.into(), now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &CLIENTS, id).await?)))
}

/// Change a client.
#[utoipa::path(put, path = "/api/clients/{id}", tag = "clients", params(("id" = String, Path)), request_body = ClientBody,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/clients"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ClientBody>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let (id, version) = (number(&id)?, body.version.ok_or_else(missing_version)?);
    api.crm.update_client(&caller, id, version, &body.into(), now()).await?;
    Ok(Json(made(&api, &caller, &CLIENTS, id).await?))
}

/// Delete a client.
///
/// Its numbers go with it, and the notes that are on it alone; calls and leads stay.
#[utoipa::path(delete, path = "/api/clients/{id}", tag = "clients", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_client(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was with a client.
///
/// Its notes, the calls with it and what became of its leads, the newest first, each as far as the caller sees these.
#[utoipa::path(get, path = "/api/clients/{id}/history", tag = "clients", params(("id" = String, Path), super::history::PageSchema),
    responses((status = 200, description = "A page of it.", body = Object)))]
pub(crate) async fn history(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    page: Page,
) -> Result<Json<HistoryPage>, Problem> {
    let Page { limit, cursor } = page;
    Ok(Json(api.crm.history(&caller, Parent::Client(number(&id)?), limit, cursor.as_deref()).await?))
}

resources::listed! {
    Clients = ::crm::clients::CLIENTS;
}

routes! {
    GET "/api/clients", Access::Token(can::CLIENTS_READ), resources::list::<Clients>;
    POST "/api/clients", Access::Token(can::CLIENTS_CREATE), create;
    GET "/api/clients/{id}", Access::Token(can::CLIENTS_READ), resources::read::<Clients>;
    PUT "/api/clients/{id}", Access::Token(can::CLIENTS_UPDATE), change;
    DELETE "/api/clients/{id}", Access::Token(can::CLIENTS_DELETE), delete;
    GET "/api/clients/{id}/history", Access::Token(can::CLIENTS_READ), history;
}

#[derive(OpenApi)]
#[openapi(
    paths(create, change, delete, history),
    tags((name = "clients", description = "People and companies, and their telephone numbers."))
)]
struct Document;

pub(super) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        CLIENTS "clients" "clients" "/api/clients" "/api/clients/{id}";
    },
};
