//! Listening tasks: taken, given back, passed over, done.

use ::crm::{
    can,
    listening::{Claim, LISTENING_TASKS, Outcome},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::evaluations::EvaluationBody;
use crate::{
    auth::{Caller, now},
    error::Problem,
    openapi,
    params::{JsonBody, PathText},
    resources::{self, made},
    routes::{crm::Area, jobs::number, table::routes},
    state::Api,
};

resources::listed! {
    Tasks = ::crm::listening::LISTENING_TASKS;
}

routes! {
    GET "/api/listening/tasks", Access::Token(can::LISTENING_READ), resources::list::<Tasks>;
    POST "/api/listening/tasks/claim", Access::Token(can::LISTENING_CLAIM), claim;
    GET "/api/listening/tasks/{id}", Access::Token(can::LISTENING_READ), resources::read::<Tasks>;
    POST "/api/listening/tasks/{id}/release", Access::Token(can::LISTENING_READ), release;
    POST "/api/listening/tasks/{id}/skip", Access::Token(can::LISTENING_READ), skip;
    POST "/api/listening/tasks/{id}/done", Access::Token(can::LISTENING_READ), done;
}

#[derive(OpenApi)]
#[openapi(paths(claim, release, skip, done))]
struct Document;

pub(in crate::routes::crm) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        LISTENING_TASKS "listening" "listening tasks" "/api/listening/tasks" "/api/listening/tasks/{id}";
    },
};

/// What somebody wants to do next.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimTasks {
    /// Only tasks of this plan; none: of any.
    plan_id: Option<String>,
    /// How many at most; none: 1.
    #[schema(minimum = 1, maximum = 50)]
    count: Option<i64>,
}

/// The tasks that are the caller's now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimedTasks {
    #[schema(value_type = Vec<Object>)]
    tasks: Vec<Map<String, Value>>,
}

/// Why a call cannot be judged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkipTask {
    #[schema(min_length = 1, max_length = 500, examples("nobody speaks"))]
    reason: String,
}

/// What was found of the call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskDone {
    /// Calls of a plan with a scorecard take it.
    evaluation: Option<EvaluationBody>,
}

/// Take listening tasks.
///
/// The oldest of active plans, of calls that the caller reaches; never the second round of a call whose first round is theirs. They are the
/// caller's until the plan's lease ends. 409 `claim_limit` names how many of a plan one may hold.
#[utoipa::path(post, path = "/api/listening/tasks/claim", tag = "listening", request_body = ClaimTasks,
    responses((status = 200, description = "Theirs now.", body = ClaimedTasks), (status = 204, description = "There are none.")))]
pub(crate) async fn claim(State(api): State<Api>, caller: Caller, JsonBody(body): JsonBody<ClaimTasks>) -> Result<Response, Problem> {
    // What is no number is the id of no plan.
    let plan = body.plan_id.map(|plan| plan.parse().ok().filter(|plan| *plan > 0).unwrap_or(-1));
    let ids = api.crm.claim_tasks(&caller, Claim { plan, count: body.count.unwrap_or(1) }, now()).await?;
    if ids.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut tasks = Vec::with_capacity(ids.len());
    for id in ids {
        tasks.push(made(&api, &caller, &LISTENING_TASKS, id).await?);
    }
    Ok(Json(ClaimedTasks { tasks }).into_response())
}

/// Give a listening task back.
///
/// Takes `listening.claim` for one's own, `listening.manage` for others'. 409 `task_taken` names the `state` of one that is not theirs any more.
#[utoipa::path(post, path = "/api/listening/tasks/{id}/release", tag = "listening", params(("id" = String, Path)),
    responses((status = 200, description = "Nobody has it.", body = ref("#/components/schemas/listening_tasks"))))]
pub(crate) async fn release(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<Map<String, Value>>, Problem> {
    end(&api, &caller, &id, Outcome::Release).await
}

/// Pass a call over that cannot be judged.
///
/// The same rights as to give it back.
#[utoipa::path(post, path = "/api/listening/tasks/{id}/skip", tag = "listening", params(("id" = String, Path)), request_body = SkipTask,
    responses((status = 200, description = "It is passed over.", body = ref("#/components/schemas/listening_tasks"))))]
pub(crate) async fn skip(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<SkipTask>,
) -> Result<Json<Map<String, Value>>, Problem> {
    end(&api, &caller, &id, Outcome::Skip(body.reason)).await
}

/// Say that a call was listened to, and what was found of it.
///
/// The same rights as to give it back; an evaluation hands in only whose task it is. 409 `wrong_state` without one where the plan has a scorecard.
#[utoipa::path(post, path = "/api/listening/tasks/{id}/done", tag = "listening", params(("id" = String, Path)), request_body = TaskDone,
    responses((status = 200, description = "It is done.", body = ref("#/components/schemas/listening_tasks"))))]
pub(crate) async fn done(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<TaskDone>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let evaluation = body.evaluation.map(EvaluationBody::evaluation);
    end(&api, &caller, &id, Outcome::Done(evaluation)).await
}

async fn end(api: &Api, caller: &Caller, id: &str, outcome: Outcome) -> Result<Json<Map<String, Value>>, Problem> {
    let id = number(id)?;
    api.crm.end_task(caller, id, outcome, now()).await?;
    Ok(Json(made(api, caller, &LISTENING_TASKS, id).await?))
}
