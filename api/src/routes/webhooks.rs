//! Webhooks: events that are sent to other servers.

use axum::{Json, extract::State};
use http::StatusCode;
use office::{
    can,
    webhooks::{NewWebhook, Tested, WEBHOOKS, WebhookChange},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::Problem,
    params::{JsonBody, PathText},
    routes::jobs::{missing_version, number},
    state::Api,
};

/// A webhook to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateWebhook {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// Where events are sent.
    #[schema(examples("https://crm.example/hooks/calls"))]
    url: String,
    /// The kinds of events, such as `call.update`; `*` alone is all.
    events: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

/// What to change of a webhook; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeWebhook {
    version: Option<i64>,
    name: Option<String>,
    url: Option<String>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// A secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookSecret {
    /// What deliveries are signed with: `Cordboard-Signature` is `v1=` and the HMAC-SHA-256 of timestamp, full stop and body.
    secret: String,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestedAnswer {
    /// Its number among the deliveries.
    delivery_id: String,
    /// Whether it was taken.
    delivered: bool,
    /// The status that was answered.
    status: Option<u16>,
    /// What went wrong.
    error: Option<String>,
}

/// A delivery that is made again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    delivery_id: String,
}

/// Make a webhook.
#[utoipa::path(post, path = "/api/webhooks", tag = "webhooks", request_body = CreateWebhook,
    responses((status = 201, description = "Made; `secret` is shown this once.", body = Object)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateWebhook>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateWebhook { name, url, events, enabled } = body;
    let (id, secret) = api.office.create_webhook(&caller, &NewWebhook { name, url, events, enabled }, now()).await?;
    let mut made = webhook(&api, &caller, id).await?;
    made.insert("secret".to_owned(), secret.into());
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change a webhook.
#[utoipa::path(put, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), request_body = ChangeWebhook,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/webhooks"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeWebhook>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeWebhook { version, name, url, events, enabled } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.office.update_webhook(&caller, id, version, &WebhookChange { name, url, events, enabled }, now()).await?;
    Ok(Json(webhook(&api, &caller, id).await?))
}

/// Delete a webhook with its deliveries.
#[utoipa::path(delete, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.office.delete_webhook(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Draw another secret; the old one is good for nothing at once.
#[utoipa::path(post, path = "/api/webhooks/{id}/secret", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, description = "Shown this once.", body = WebhookSecret)))]
pub(crate) async fn renew(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<WebhookSecret>, Problem> {
    Ok(Json(WebhookSecret { secret: api.office.renew_webhook_secret(&caller, number(&id)?, now()).await? }))
}

/// Send a `ping` now, and say what came of it.
#[utoipa::path(post, path = "/api/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, description = "Taken, or not.", body = TestedAnswer)))]
pub(crate) async fn test(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<TestedAnswer>, Problem> {
    let Tested { delivery, delivered, status, error } = api.office.test_webhook(&caller, number(&id)?, now()).await?;
    Ok(Json(TestedAnswer { delivery_id: delivery.to_string(), delivered, status, error }))
}

/// Deliver something again.
#[utoipa::path(post, path = "/api/webhook-deliveries/{id}/replay", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 202, description = "It waits to be delivered.", body = Replayed)))]
pub(crate) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let delivery = api.office.replay_delivery(&caller, number(&id)?, now()).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { delivery_id: delivery.to_string() })))
}

async fn webhook(api: &Api, caller: &Caller, id: i64) -> Result<Map<String, Value>, Problem> {
    match caller.also(can::WEBHOOKS_READ) {
        Some(reader) => Ok(api.office.read(&reader.view(&WEBHOOKS), &id.to_string()).await?),
        None => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
    }
}
