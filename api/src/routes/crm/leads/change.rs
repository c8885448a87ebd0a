//! Leads, and what becomes of them.

use ::crm::{
    core::{UnknownCode, lead::LeadStatus},
    leads::{LEADS, LeadChange, LeadSteps, NewLead},
};
use axum::{Json, extract::State};
use http::StatusCode;
use model::{UserId, WallTime};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{JsonBody, PathText, present},
    resources::{ListAnswer, ListQuery, made},
    routes::jobs::{missing_version, number},
    state::Api,
};

/// The parameters of the list of leads, beside those of every list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what the list reads")]
pub(crate) struct LeadsOf {
    /// Only leads of this seller.
    assigned_seller: Option<String>,
    /// Only leads of this operator.
    assigned_operator: Option<String>,
    /// Only leads that stand there: `new`, `assigned`, `contacted`, `qualified`, `converted`, `lost`, `dnc`, in any case.
    status: Option<String>,
}

/// A lead to be made. It takes a name or a telephone number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateLead {
    #[schema(max_length = 128, examples("Anna Petrova"))]
    client_name: Option<String>,
    /// As people write it in the centre; it is kept as calls have it.
    #[schema(examples("8 916 123-45-67"))]
    phone: Option<String>,
    email: Option<String>,
    /// `new`, in any case, or nothing: a lead begins there.
    status: Option<String>,
    /// Where they came from.
    #[schema(max_length = 64)]
    source: Option<String>,
    #[schema(max_length = 500)]
    next_action: Option<String>,
    /// Milliseconds since 1970.
    #[schema(value_type = Option<i64>)]
    next_action_at: Option<WallTime>,
    /// The seller whose it is. Whoever reaches only their own leads makes them for themselves.
    #[schema(value_type = Option<String>)]
    assigned_seller: Option<UserId>,
    /// The operator whose it is.
    #[schema(value_type = Option<String>)]
    assigned_operator: Option<UserId>,
}

/// What to change of a lead; what is left out stays, and an empty text takes the old one away. Where it stands changes by events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeLead {
    version: Option<i64>,
    client_name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    source: Option<String>,
    next_action: Option<String>,
    /// Null: at no time.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    next_action_at: Option<Option<WallTime>>,
    /// Null: nobody. Whose a lead is changes only who reaches all leads of the centre.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    assigned_seller: Option<Option<UserId>>,
    /// The same of its operator.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    assigned_operator: Option<Option<UserId>>,
}

/// Something that happens to a lead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadHappens {
    version: Option<i64>,
    /// `assign`, `contact`, `qualify`, `convert`, `lose`, `dnc`, `reopen`, in any case.
    #[schema(examples("contact"))]
    event: String,
    /// Why: `lose` and `dnc` take it.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// List leads.
#[utoipa::path(get, path = "/api/crm/leads", tag = "leads", params(LeadsOf))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, mut query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let mut filter = Map::new();
    for name in ["assigned_seller", "assigned_operator"] {
        if let Some(id) = query.take(name) {
            filter.insert(name.to_owned(), id.into());
        }
    }
    if let Some(status) = query.take("status") {
        match status.parse::<LeadStatus>() {
            Ok(status) => drop(filter.insert("status".to_owned(), status.code().into())),
            Err(error) => return Err(Problem::field(Code::InvalidField, "status", error.to_string())),
        }
    }
    let params = query.params();
    let params = if filter.is_empty() { params } else { params.filtered(Value::Object(filter)) };
    Ok(Json(api.office.list(&caller.view(&LEADS), &params).await?.into()))
}

/// Make a lead.
///
/// It is its seller's and its operator's. A seller who makes one is its seller. Another lead may have the same number.
#[utoipa::path(post, path = "/api/crm/leads", tag = "leads", request_body = CreateLead,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/leads"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateLead>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateLead { client_name, phone, email, status, source, next_action, next_action_at, assigned_seller, assigned_operator } = body;
    let lead = LeadChange {
        client_name,
        phone,
        email,
        source,
        next_action,
        next_action_at: next_action_at.map(Some),
        assigned_seller: assigned_seller.map(Some),
        assigned_operator: assigned_operator.map(Some),
    };
    let id = api.crm.create_lead(&caller, &NewLead { status, lead }, now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &LEADS, id).await?)))
}

/// Change a lead.
#[utoipa::path(put, path = "/api/crm/leads/{id}", tag = "leads", params(("id" = String, Path)), request_body = ChangeLead,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/leads"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeLead>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeLead { version, client_name, phone, email, source, next_action, next_action_at, assigned_seller, assigned_operator } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    let change = LeadChange { client_name, phone, email, source, next_action, next_action_at, assigned_seller, assigned_operator };
    api.crm.update_lead(&caller, id, version, &change, now()).await?;
    Ok(Json(made(&api, &caller, &LEADS, id).await?))
}

/// Delete a lead.
///
/// What became of it stays in its history, without name and number.
#[utoipa::path(delete, path = "/api/crm/leads/{id}", tag = "leads", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_lead(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What can happen to a lead next.
///
/// By the rights of whoever asks: where it stands, and the events that lead on from there, each with where to and what it needs.
#[utoipa::path(get, path = "/api/crm/leads/{id}/transitions", tag = "leads", params(("id" = String, Path)),
    responses((status = 200, description = "The events that lead on.", body = Object)))]
pub(crate) async fn transitions(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<LeadSteps>, Problem> {
    Ok(Json(api.crm.lead_steps(&caller, number(&id)?).await?))
}

/// Have something happen to a lead.
///
/// Each event takes its own right to this lead: `leads.update`, for `reopen` `leads.reopen`; `convert` takes `clients.create` or `clients.update`
/// besides: the client with the lead's number is linked, or one is made. 409 `transition_not_allowed` names the `state` that
/// the lead is in and the events that are `allowed`.
#[utoipa::path(post, path = "/api/crm/leads/{id}/events", tag = "leads", params(("id" = String, Path)), request_body = LeadHappens,
    responses((status = 200, description = "It happened.", body = ref("#/components/schemas/leads"))))]
pub(crate) async fn happen(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<LeadHappens>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let (id, version) = (number(&id)?, body.version.ok_or_else(missing_version)?);
    let event = body.event.parse().map_err(|error: UnknownCode| Problem::field(Code::InvalidField, "event", error.to_string()))?;
    api.crm.lead_event(&caller, (id, version), event, body.reason.as_deref(), now()).await?;
    Ok(Json(made(&api, &caller, &LEADS, id).await?))
}
