//! Evaluations: what was found of calls.

use ::crm::{
    can,
    listening::{EVALUATIONS, NewAnswer, NewEvaluation},
};
use axum::{Json, extract::State};
use http::StatusCode;
use model::CallId;
use office::OfficeError;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use crate::{
    auth::{Caller, now},
    error::Problem,
    openapi,
    params::{Id, JsonBody, PathText},
    resources::{ListAnswer, ListQuery},
    routes::{crm::Area, jobs::number, table::routes},
    state::Api,
};

routes! {
    GET "/api/evaluations", Access::Token(can::SCORECARDS_READ), list;
    GET "/api/evaluations/{id}", Access::Token(can::SCORECARDS_READ), read;
    POST "/api/calls/{id}/evaluations", Access::Token(can::LISTENING_READ), evaluate;
}

#[derive(OpenApi)]
#[openapi(paths(evaluate), components(schemas(AnswerBody)))]
struct Document;

pub(in crate::routes::crm) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        EVALUATIONS "scorecards" "evaluations" "/api/evaluations" "/api/evaluations/{id}";
    },
};

/// An answer to a question.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what NewAnswer reads")]
struct AnswerBody {
    #[schema(examples("1"))]
    item_id: String,
    /// The points: 0 or 1 for yes or no, 0 to the most of a scale, those of a choice; null: the question does not apply.
    value: Option<u32>,
    #[schema(max_length = 1000)]
    comment: Option<String>,
    /// Where in the recording, in milliseconds.
    at_ms: Option<u32>,
}

/// What was found of a call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluationBody {
    /// By which scorecard; none: by that of the task's plan.
    scorecard_id: Option<String>,
    /// The scorecard's revision that was seen: 409 if it asks something else by now.
    revision: Option<i64>,
    /// The task that is done with it. Without one it takes `listening.manage`.
    task_id: Option<String>,
    /// The answers; a question without one does not apply.
    #[schema(value_type = Vec<AnswerBody>)]
    items: Vec<NewAnswer>,
    /// What is said of the whole call.
    #[schema(max_length = 4000)]
    #[serde(default)]
    comment: String,
}

impl EvaluationBody {
    pub(super) fn evaluation(self) -> NewEvaluation {
        // What is no number is the id of nothing.
        let id = |text: Option<String>| text.map(|text| text.parse().unwrap_or(0));
        let Self { scorecard_id, revision, task_id, items, comment } = self;
        NewEvaluation { scorecard: id(scorecard_id), revision, task: id(task_id), items, comment }
    }
}

/// A page of what was found of calls that the caller sees.
pub(crate) async fn list(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let seen = api.crm.judgements(&caller)?;
    let params = seen.filter.into_iter().fold(query.params(), office::ListParams::filtered);
    Ok(Json(api.office.list(&seen.leave.view(seen.resource), &params).await?.into()))
}

/// One evaluation.
pub(crate) async fn read(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(api.crm.judgement(&caller, number(&id)?).await?))
}

/// Hand in what was found of a call.
///
/// With `task_id`, a task that the caller has taken, which is done with it; without one it takes `listening.manage`. The score is the sum of
/// points by their weights, of a hundred of those that apply; a critical question without points makes it 0. Of a call that two judge neither
/// sees the other's before both are handed in. 409 `task_taken` for a task that is not theirs any more.
#[utoipa::path(post, path = "/api/calls/{id}/evaluations", tag = "scorecards", params(("id" = String, Path)), request_body = EvaluationBody,
    responses((status = 201, description = "Handed in.", body = ref("#/components/schemas/evaluations"))))]
pub(crate) async fn evaluate(
    State(api): State<Api>,
    caller: Caller,
    Id(call): Id<CallId>,
    JsonBody(body): JsonBody<EvaluationBody>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let id = api.crm.evaluate(&caller, call, &body.evaluation(), now()).await?;
    let read = match caller.also(can::SCORECARDS_READ) {
        Some(reader) => api.crm.judgement(&reader, id).await,
        None => Err(OfficeError::NotFound(EVALUATIONS.name)),
    };
    let row = match read {
        // It is handed in all the same.
        Err(OfficeError::NotFound(_)) => Map::from_iter([("id".to_owned(), id.to_string().into())]),
        other => other?,
    };
    Ok((StatusCode::CREATED, Json(row)))
}
