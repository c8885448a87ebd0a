//! Scorecards.

use ::crm::{
    can,
    listening::{NewItem, SCORECARDS, ScorecardChange},
};
use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use crate::{
    auth::{Caller, now},
    error::Problem,
    openapi,
    params::{JsonBody, PathText},
    resources::{self, made},
    routes::{
        crm::Area,
        jobs::{missing_version, number},
        table::routes,
    },
    state::Api,
};

resources::listed! {
    Scorecards = ::crm::listening::SCORECARDS;
}

routes! {
    GET "/api/scorecards", Access::Token(can::SCORECARDS_READ), resources::list::<Scorecards>;
    POST "/api/scorecards", Access::Token(can::SCORECARDS_MANAGE), create;
    GET "/api/scorecards/{id}", Access::Token(can::SCORECARDS_READ), resources::read::<Scorecards>;
    PUT "/api/scorecards/{id}", Access::Token(can::SCORECARDS_MANAGE), change;
    DELETE "/api/scorecards/{id}", Access::Token(can::SCORECARDS_MANAGE), delete;
}

#[derive(OpenApi)]
#[openapi(
    paths(create, change, delete),
    components(schemas(Question, AnswerOption)),
    tags((name = "scorecards", description = "What is asked of calls, and what was found of them."))
)]
struct Document;

pub(in crate::routes::crm) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        SCORECARDS "scorecards" "scorecards" "/api/scorecards" "/api/scorecards/{id}";
    },
};

/// A question of a scorecard.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what NewItem reads")]
struct Question {
    #[schema(min_length = 1, max_length = 200, examples("Did they greet?"))]
    name: String,
    /// `yes_no` (0 or 1), `scale` (0 to `max`), `choice` (the points of one of `options`).
    #[schema(examples("scale"))]
    kind: String,
    /// The most points of a scale, 1 to 100.
    #[schema(default = 0)]
    max: u32,
    /// How much it counts beside the others, 0 to 1,000. One of them has to count.
    #[schema(default = 0)]
    weight: u32,
    /// Whether no points for it spoil the whole call: it is worth 0 then.
    #[schema(default = false)]
    critical: bool,
    /// What can be chosen: 2 to 50, each with points of its own.
    #[schema(default = json!([]))]
    options: Vec<AnswerOption>,
}

/// What can be chosen.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what NewItem reads")]
struct AnswerOption {
    name: String,
    /// What it is worth, 0 to 100.
    points: u32,
}

/// A scorecard to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateScorecard {
    #[schema(min_length = 1, max_length = 128, examples("Sales"))]
    name: String,
    /// From how many percent on a call is good, 0 to 100; none: 80.
    pass_percent: Option<u8>,
    /// Its questions, in order; 1 to 100.
    #[schema(value_type = Vec<Question>)]
    items: Vec<NewItem>,
}

/// What to change of a scorecard; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeScorecard {
    version: Option<i64>,
    name: Option<String>,
    /// `false`: no plan takes it any more.
    active: Option<bool>,
    pass_percent: Option<u8>,
    /// All its questions: others than before make the next revision, in which all have new ids.
    #[schema(value_type = Option<Vec<Question>>)]
    items: Option<Vec<NewItem>>,
}

/// Make a scorecard.
#[utoipa::path(post, path = "/api/scorecards", tag = "scorecards", request_body = CreateScorecard,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/scorecards"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateScorecard>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateScorecard { name, pass_percent, items } = body;
    let new = ScorecardChange { name: Some(name), active: None, pass_percent, items: Some(items) };
    let id = api.crm.create_scorecard(&caller, &new, now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &SCORECARDS, id).await?)))
}

/// Change a scorecard.
///
/// What was judged by it stays as it was: other questions, or another mark to pass, make the next `revision`.
#[utoipa::path(put, path = "/api/scorecards/{id}", tag = "scorecards", params(("id" = String, Path)), request_body = ChangeScorecard,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/scorecards"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<ChangeScorecard>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeScorecard { version, name, active, pass_percent, items } = body;
    let (id, version) = (number(&id)?, version.ok_or_else(missing_version)?);
    api.crm.update_scorecard(&caller, id, version, &ScorecardChange { name, active, pass_percent, items }, now()).await?;
    Ok(Json(made(&api, &caller, &SCORECARDS, id).await?))
}

/// Delete a scorecard by which no call was judged and that no plan names.
#[utoipa::path(delete, path = "/api/scorecards/{id}", tag = "scorecards", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_scorecard(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
