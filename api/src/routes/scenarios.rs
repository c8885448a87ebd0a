//! Call-handling scenarios (S000-07): what calls, routes, carriers and lists name by a code, with a name for people.

use axum::{Json, extract::State};
use http::StatusCode;
use office::scenarios::{NewScenario, SCENARIOS, ScenarioChange};
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

/// A scenario to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateScenario {
    /// Unique in the centre, and for ever: calls, routes, carriers and lists name it by this.
    #[schema(min_length = 1, max_length = 100, examples("sales"))]
    code: String,
    /// Left out, it is the code.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// `department`, `ivr`, `queue` or `import`.
    #[serde(default = "department")]
    kind: String,
    /// Whether it is offered where a scenario is chosen.
    #[serde(default = "yes")]
    active: bool,
}

fn department() -> String {
    "department".to_owned()
}

fn yes() -> bool {
    true
}

/// What to change of a scenario; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeScenario {
    /// The version that the change was made from.
    version: Option<i64>,
    /// It may be said again, and cannot be changed.
    code: Option<String>,
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// `department`, `ivr`, `queue` or `import`.
    kind: Option<String>,
    active: Option<bool>,
}

/// Make a scenario.
///
/// One that a route or a carrier names is made with it.
#[utoipa::path(post, path = "/api/scenarios", tag = "scenarios", request_body = CreateScenario,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/scenarios"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateScenario>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateScenario { code, name, kind, active } = body;
    let id = api.office.create_scenario(&caller, &NewScenario { code, name, kind, active }, now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &SCENARIOS, id).await?)))
}

/// Change a scenario: its code stays.
#[utoipa::path(put, path = "/api/scenarios/{id}", tag = "scenarios", params(("id" = String, Path)), request_body = ChangeScenario,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/scenarios"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeScenario>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeScenario { version, code, name, kind, active } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.office.update_scenario(&caller, (id, version), &ScenarioChange { code, name, kind, active }, now()).await?;
    Ok(Json(made(&api, &caller, &SCENARIOS, id).await?))
}

/// Delete a scenario that no route, carrier or list of rights names.
#[utoipa::path(delete, path = "/api/scenarios/{id}", tag = "scenarios", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted. Calls that had it keep its code.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.office.delete_scenario(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
