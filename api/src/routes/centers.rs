//! Centres: customers' spaces in the installation (D13).

use axum::{Json, extract::State};
use http::StatusCode;
use model::CenterId;
use office::{CENTERS, CenterChange, NewCenter, can};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, JsonBody},
    routes::jobs::missing_version,
    state::Api,
};

/// A centre to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCenter {
    #[schema(min_length = 1, max_length = 64, examples("north"))]
    code: String,
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// `en` or `ru`.
    locale: Option<String>,
    #[schema(examples("Europe/Moscow"))]
    tz: Option<String>,
    /// `{"login": {"local": true, "oidc": true}, "numbers": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}}`
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
}

/// What to change of a centre; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeCenter {
    version: Option<i64>,
    code: Option<String>,
    name: Option<String>,
    locale: Option<String>,
    tz: Option<String>,
    /// `active`, or `disabled`: nobody of it can log in.
    state: Option<String>,
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
}

/// Make a centre, with roles of its own.
#[utoipa::path(post, path = "/api/centers", tag = "centers", request_body = CreateCenter,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/centers"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateCenter>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateCenter { code, name, locale, tz, settings } = body;
    let id = api.office.create_center(&caller, &NewCenter { code, name, locale, tz, settings }, now()).await?;
    Ok((StatusCode::CREATED, Json(center(&api, &caller, id).await?)))
}

/// Change a centre.
#[utoipa::path(put, path = "/api/centers/{id}", tag = "centers", params(("id" = String, Path)), request_body = ChangeCenter,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/centers"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<CenterId>,
    JsonBody(body): JsonBody<ChangeCenter>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeCenter { version, code, name, locale, tz, state, settings } = body;
    let version = version.ok_or_else(missing_version)?;
    let active = match state.as_deref() {
        None => None,
        Some("active") => Some(true),
        Some("disabled") => Some(false),
        Some(_) => return Err(Problem::field(Code::InvalidField, "state", "a centre is active or disabled")),
    };
    let changed = api.office.update_center(&caller, id, version, &CenterChange { code, name, locale, tz, active, settings }, now()).await?;
    if changed.has_other_numbers {
        // It stands in the database, whoever waits or not: signalling follows, now or with its next look.
        let _ = api.directory_changed().await;
    }
    Ok(Json(center(&api, &caller, id).await?))
}

async fn center(api: &Api, caller: &Caller, id: CenterId) -> Result<Map<String, Value>, Problem> {
    match caller.also(can::CENTERS_READ) {
        Some(reader) => Ok(api.office.read(&reader.view(&CENTERS), &id.to_string()).await?),
        None => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
    }
}
