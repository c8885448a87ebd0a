//! Listening plans, and how far listeners agree.

use std::collections::BTreeSet;

use ::crm::{
    can,
    core::sample::Sample,
    listening::{Agreements, Compared, LISTENING_PLANS, PlanChange},
};
use axum::{Json, extract::State};
use http::StatusCode;
use model::{UserId, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    openapi,
    params::{JsonBody, Params, PathText, present},
    resources::{self, made},
    routes::{
        crm::Area,
        jobs::{missing_version, number},
        table::routes,
    },
    state::Api,
};

resources::listed! {
    Plans = ::crm::listening::LISTENING_PLANS;
}

routes! {
    GET "/api/listening/plans", Access::Token(can::LISTENING_READ), resources::list::<Plans>;
    POST "/api/listening/plans", Access::Token(can::LISTENING_MANAGE), create_plan;
    GET "/api/listening/plans/{id}", Access::Token(can::LISTENING_READ), resources::read::<Plans>;
    PUT "/api/listening/plans/{id}", Access::Token(can::LISTENING_MANAGE), change_plan;
    DELETE "/api/listening/plans/{id}", Access::Token(can::LISTENING_MANAGE), delete_plan;
    POST "/api/listening/plans/{id}/activate", Access::Token(can::LISTENING_MANAGE), activate_plan;
    POST "/api/listening/plans/{id}/pause", Access::Token(can::LISTENING_MANAGE), pause_plan;
    POST "/api/listening/plans/{id}/sample", Access::Token(can::LISTENING_MANAGE), sample_plan;
    GET "/api/listening/agreement", Access::Token(can::LISTENING_MANAGE), agreement;
}

#[derive(OpenApi)]
#[openapi(
    paths(create_plan, change_plan, delete_plan, activate_plan, pause_plan, sample_plan, agreement),
    tags((name = "listening", description = "Who is to listen to which calls, and who has."))
)]
struct Document;

pub(in crate::routes::crm) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        LISTENING_PLANS "listening" "listening plans" "/api/listening/plans" "/api/listening/plans/{id}";
    },
};

/// A listening plan, or what to change of one. Of a new one all but the name may be left out; of another one what is left out stays, and tasks
/// that were made stay, too.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanBody {
    /// Of a plan that is changed: the version that the change was made from.
    version: Option<i64>,
    #[schema(min_length = 1, max_length = 128, examples("Sales in November"))]
    name: Option<String>,
    /// Which calls, as lists of calls are filtered, by columns that the caller sees; none: all that the caller sees. Whoever set it last is its
    /// maker: calls are taken of those that they see then. Only ended calls with a recording are taken.
    #[schema(value_type = Option<Object>, examples(json!({"scenario": "sales"})))]
    filter: Option<Map<String, Value>>,
    /// How many of these: `{"how": "all"}`, `{"how": "per_agent", "calls": 5}`, `{"how": "percent", "percent": 10}`, `{"how": "stratified",
    /// "calls": 40, "by": ["scenario", "agent", "outcome", "length"]}`; none: all.
    #[schema(value_type = Option<Object>, examples(json!({"how": "per_agent", "calls": 5})))]
    sample: Option<Sample>,
    /// What the sample is drawn by; none: a number that nobody chose.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    seed: Option<i64>,
    /// So many of a hundred calls are listened to by two people, who do not see one another's evaluation before both have handed in theirs; none: 0.
    #[schema(minimum = 0, maximum = 100)]
    double_percent: Option<i64>,
    /// `queue`: whoever reaches a call may take it; `named`: of these, those that `assignees` names; none: `queue`.
    assign: Option<String>,
    /// Accounts, at most 200.
    #[schema(value_type = Option<Vec<String>>)]
    assignees: Option<BTreeSet<UserId>>,
    /// So many of its tasks a person holds at most; none: 5.
    #[schema(minimum = 1, maximum = 50)]
    claim_limit: Option<i64>,
    /// For so many seconds a task is theirs who took it, and again from each report of what they heard; none: 1800.
    #[schema(minimum = 60, maximum = 86400)]
    lease_s: Option<i64>,
    /// When it is to be done; null: at no time.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    due_at: Option<Option<WallTime>>,
    /// The scorecard that its calls are judged by; null: they are listened to only.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    scorecard_id: Option<Option<String>>,
    /// What listeners are told.
    #[schema(max_length = 2000)]
    note: Option<String>,
}

/// A job that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleBegun {
    #[schema(examples("12"))]
    job_id: String,
}

impl PlanBody {
    fn change(self) -> PlanChange {
        let Self {
            version: _,
            name,
            filter,
            sample,
            seed,
            double_percent,
            assign,
            assignees,
            claim_limit,
            lease_s,
            due_at,
            scorecard_id,
            note,
        } = self;
        // What is no number is the id of no scorecard.
        let scorecard_id = scorecard_id.map(|card| card.map(|card| card.parse().unwrap_or(0)));
        PlanChange { name, filter, sample, seed, double_percent, assign, assignees, claim_limit, lease_s, due_at, scorecard_id, note }
    }
}

/// Make a listening plan.
///
/// It is a draft: its sample is taken when somebody says so, and its tasks are handed out once it is active.
#[utoipa::path(post, path = "/api/listening/plans", tag = "listening", request_body = PlanBody,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/listening_plans"))))]
pub(crate) async fn create_plan(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<PlanBody>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    if body.version.is_some() {
        return Err(Problem::field(Code::UnknownField, "version", "a new plan has no version yet"));
    }
    let id = api.crm.create_plan(&caller, &body.change(), now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, &LISTENING_PLANS, id).await?)))
}

/// Change a listening plan.
#[utoipa::path(put, path = "/api/listening/plans/{id}", tag = "listening", params(("id" = String, Path)), request_body = PlanBody,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/listening_plans"))))]
pub(crate) async fn change_plan(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
    JsonBody(body): JsonBody<PlanBody>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let (id, version) = (number(&id)?, body.version.ok_or_else(missing_version)?);
    api.crm.update_plan(&caller, id, version, &body.change(), now()).await?;
    Ok(Json(made(&api, &caller, &LISTENING_PLANS, id).await?))
}

/// Delete a listening plan with its tasks.
///
/// 409 `in_use` once somebody has taken a task of it: pause it instead.
#[utoipa::path(delete, path = "/api/listening/plans/{id}", tag = "listening", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete_plan(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    api.crm.delete_plan(&caller, number(&id)?, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hand out the tasks of a plan.
#[utoipa::path(post, path = "/api/listening/plans/{id}/activate", tag = "listening", params(("id" = String, Path)),
    responses((status = 200, description = "It is active.", body = ref("#/components/schemas/listening_plans"))))]
pub(crate) async fn activate_plan(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
) -> Result<Json<Map<String, Value>>, Problem> {
    let id = number(&id)?;
    api.crm.set_plan_active(&caller, id, true, now()).await?;
    Ok(Json(made(&api, &caller, &LISTENING_PLANS, id).await?))
}

/// Hand out the tasks of a plan no longer. Those that were taken may be done.
#[utoipa::path(post, path = "/api/listening/plans/{id}/pause", tag = "listening", params(("id" = String, Path)),
    responses((status = 200, description = "It is not active.", body = ref("#/components/schemas/listening_plans"))))]
pub(crate) async fn pause_plan(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
) -> Result<Json<Map<String, Value>>, Problem> {
    let id = number(&id)?;
    api.crm.set_plan_active(&caller, id, false, now()).await?;
    Ok(Json(made(&api, &caller, &LISTENING_PLANS, id).await?))
}

/// Take the sample of a plan.
///
/// A job makes a task for each call that is chosen, or two. Taken once more it adds what has come since, and no call twice; the same seed over
/// the same calls chooses the same. Its result tells how many calls the filter found and how many tasks were made.
#[utoipa::path(post, path = "/api/listening/plans/{id}/sample", tag = "listening", params(("id" = String, Path)),
    responses((status = 202, description = "Under way.", body = SampleBegun)))]
pub(crate) async fn sample_plan(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
) -> Result<(StatusCode, Json<SampleBegun>), Problem> {
    let job = api.crm.sample_plan(&caller, number(&id)?, now()).await?;
    Ok((StatusCode::ACCEPTED, Json(SampleBegun { job_id: job.to_string() })))
}

/// How far two listeners of the same calls agree.
///
/// Question by question: `n` calls that both have judged, how many of these `alike`, of a hundred (`percent`), and Cohen's `kappa`, of a scale
/// with squared weights: 1 is always, 0 as by chance. `kappa` is null for fewer than five calls.
#[utoipa::path(get, path = "/api/listening/agreement", tag = "listening",
    params(("plan" = Option<String>, Query, description = "Only calls of this plan."),
        ("from" = Option<i64>, Query, description = "Only calls that the second of both judged at this time or later: milliseconds since 1970."),
        ("to" = Option<i64>, Query, description = "Only calls that the second of both judged before this time.")),
    responses((status = 200, description = "How far they agree.", body = Object)))]
pub(crate) async fn agreement(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Json<Agreements>, Problem> {
    let compared =
        Compared { plan: params.number("plan"), from: params.number("from").map(WallTime), to: params.number("to").map(WallTime) };
    params.finish()?;
    Ok(Json(api.crm.agreement(&caller, compared).await?))
}
