//! Budgets against toll fraud: what they allow, how they stand, and their release by hand (R23).

use std::hash::{DefaultHasher, Hasher};

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
};
use http::{StatusCode, request::Parts};
use model::{
    BudgetNews, BudgetView, Calendar, Command, EndingView, Refusal, Reply, WallTime,
    budget::{Budget, BudgetLimits, Line, Outside, Scope},
};
use office::{BUDGETS, Diff, Entry, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, FieldError, Problem},
    params::JsonBody,
    resources::{ListAnswer, ListParamsSchema, ListQuery, object, seen},
    routes::trunks::uninterrupted,
    schemas::CalendarSchema,
    state::Api,
    wire::List,
};

/// The most characters of a reason.
const REASON_MAX: usize = 200;

/// What a slot, trunk, carrier or centre may call, and how much.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetSettings {
    /// What it allows at any time.
    limits: BudgetLimitsBody,
    /// What it allows outside of hours, besides.
    #[serde(default)]
    #[schema(required = false)]
    outside: Option<OutsideBody>,
}

/// What it allows outside of hours, besides what it allows at any time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = BudgetOutside)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutsideBody {
    /// Within these it does not hold.
    #[schema(value_type = CalendarSchema)]
    hours: Calendar,
    limits: BudgetLimitsBody,
}

/// Limits of calls out to the world. What is left out or null is no limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = BudgetLimits)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetLimitsBody {
    /// What may be called: a number, or the beginning of numbers and a star. Empty: everything.
    #[schema(required = false, max_items = 100, examples(json!(["+7495*"])))]
    destinations: Vec<String>,
    /// Whether premium numbers may be called: only if one scope of the call says so, and none says no.
    #[schema(required = false)]
    premium: Option<bool>,
    /// Calls at once.
    #[schema(required = false, maximum = 100_000)]
    calls_max: Option<u32>,
    /// Calls that begin within a second.
    #[schema(required = false, maximum = 1_000)]
    calls_per_s: Option<u32>,
    /// Seconds of talk within any hour.
    #[schema(required = false)]
    hour_s: Option<u64>,
    /// Seconds of talk within any 24 hours.
    #[schema(required = false)]
    day_s: Option<u64>,
    /// What is paid within any 24 hours, in minor units (kopecks, cents).
    #[schema(required = false)]
    day_spend: Option<u64>,
    /// What is paid within any 30 days, in minor units.
    #[schema(required = false)]
    month_spend: Option<u64>,
    /// The currency of the amounts; with an amount, calls whose price in it is not known are refused.
    #[schema(required = false, examples("RUB"))]
    currency: String,
}

/// A budget as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetAnswer {
    /// The kind of what it is of, and its id.
    #[schema(examples("slot:44"))]
    id: String,
    /// `slot`, `trunk`, `carrier` or `center`.
    #[schema(value_type = String, examples("slot"))]
    kind: &'static str,
    /// The id of the slot, trunk, carrier or centre.
    #[schema(examples("44"))]
    scope_id: String,
    /// The slot's number, or the name of the trunk, carrier or centre.
    #[schema(examples("6044"))]
    name: String,
    limits: BudgetLimitsBody,
    outside: Option<OutsideBody>,
    /// Whether what holds outside of hours holds now.
    outside_now: bool,
    /// Calls out that are up or ring.
    calls: u32,
    /// Each limit that counts, as it stands.
    lines: Vec<BudgetLine>,
    /// Whether no call can begin by it now: one of the lines is closed.
    closed: bool,
}

/// One limit as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetLine {
    /// `calls`, `hour_s`, `day_s`, `day_spend` or `month_spend`.
    #[schema(value_type = String, examples("day_s"))]
    limit: &'static str,
    /// What it allows now: calls, seconds or minor units.
    value: u64,
    /// How much of it is used up within its window; calls that are up.
    used: u64,
    /// What is promised to calls that are up, besides.
    reserved: u64,
    /// The window, in seconds up to now; 0: what is now.
    window_s: u64,
    /// When all that is used now is forgotten, if nothing is added.
    #[schema(value_type = Option<i64>)]
    free_at: Option<WallTime>,
    /// Whether no call can begin by it now.
    closed: bool,
}

/// Why a budget is released.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// What the audit log is to say.
    #[schema(min_length = 1, max_length = 200, examples("a campaign, as agreed"))]
    reason: String,
}

/// What is told of a budget: the data of `budget.alarm`, `budget.closed` and `budget.released`.
#[derive(Debug, Serialize)]
pub(crate) struct BudgetTold {
    kind: &'static str,
    scope_id: String,
    limit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    value: u64,
    used: u64,
    frees_at: Option<WallTime>,
}

/// That a budget ends a call: the data of `call.ending`.
#[derive(Debug, Serialize)]
pub(crate) struct Ending {
    call_id: String,
    /// None: the call goes on after all.
    ends_at: Option<WallTime>,
    kind: &'static str,
    scope_id: String,
    limit: &'static str,
}

impl BudgetTold {
    pub(crate) fn new(news: &BudgetNews, percent: Option<u8>) -> Self {
        let BudgetNews { scope, limit, value, used, frees_at, .. } = *news;
        Self { kind: scope.kind(), scope_id: scope.id().to_string(), limit: limit.as_str(), percent, value, used, frees_at }
    }
}

impl From<EndingView> for Ending {
    fn from(EndingView { call, ends_at, scope, limit, .. }: EndingView) -> Self {
        Self { call_id: call.to_string(), ends_at, kind: scope.kind(), scope_id: scope.id().to_string(), limit: limit.as_str() }
    }
}

impl From<BudgetLimits> for BudgetLimitsBody {
    fn from(limits: BudgetLimits) -> Self {
        let BudgetLimits { destinations, premium, calls_max, calls_per_s, hour_s, day_s, day_spend, month_spend, currency } = limits;
        let destinations = destinations.iter().map(ToString::to_string).collect();
        Self { destinations, premium, calls_max, calls_per_s, hour_s, day_s, day_spend, month_spend, currency }
    }
}

impl BudgetLimitsBody {
    /// The limits as other rooms know them; what is wrong with their destinations goes to `errors`.
    fn read(self, at: &str, errors: &mut Vec<FieldError>) -> BudgetLimits {
        let Self { destinations, premium, calls_max, calls_per_s, hour_s, day_s, day_spend, month_spend, currency } = self;
        let mut read = Vec::new();
        // Whether there are too many is found by those who look at the whole.
        for (place, text) in destinations.iter().enumerate().take(BudgetLimits::DESTINATIONS_MAX + 1) {
            match text.parse() {
                Ok(destination) => read.push(destination),
                Err(error) => {
                    let error: model::ParseDestinationError = error;
                    let field = format!("{at}.destinations[{place}]");
                    errors.push(FieldError { field, code: Code::InvalidField.name(), detail: error.to_string() });
                }
            }
        }
        BudgetLimits { destinations: read, premium, calls_max, calls_per_s, hour_s, day_s, day_spend, month_spend, currency }
    }
}

impl BudgetSettings {
    fn read(self) -> Result<Budget, Problem> {
        let mut errors = Vec::new();
        let limits = self.limits.read("limits", &mut errors);
        let outside =
            self.outside.map(|outside| Outside { hours: outside.hours, limits: outside.limits.read("outside.limits", &mut errors) });
        if errors.is_empty() { Ok(Budget { limits, outside }) } else { Err(Problem::fields(errors, Code::InvalidField)) }
    }
}

impl From<Line> for BudgetLine {
    fn from(Line { limit, value, used, reserved, free_at, is_closed }: Line) -> Self {
        Self { limit: limit.as_str(), value, used, reserved, window_s: limit.window_s(), free_at, closed: is_closed }
    }
}

impl From<BudgetView> for BudgetAnswer {
    fn from(BudgetView { entry, name, is_outside, levels }: BudgetView) -> Self {
        let scope = entry.scope;
        let outside = entry.budget.outside.map(|outside| OutsideBody { hours: outside.hours, limits: outside.limits.into() });
        Self {
            id: id_of(scope),
            kind: scope.kind(),
            scope_id: scope.id().to_string(),
            name,
            limits: entry.budget.limits.into(),
            outside,
            outside_now: is_outside,
            calls: levels.calls,
            closed: levels.lines.iter().any(|line| line.is_closed),
            lines: levels.lines.into_iter().map(Into::into).collect(),
        }
    }
}

/// A scope in the path: its kind and its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScopePath(Scope);

impl<S: Send + Sync> FromRequestParts<S> for ScopePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(Code::BudgetNotFound);
        let Path((kind, id)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let id = id.parse().ok().filter(|id| *id > 0).ok_or_else(missing)?;
        Scope::of(&kind, id).map(Self).ok_or_else(missing)
    }
}

/// List budgets against toll fraud, as they stand.
///
/// Those of the centre that one works in: of itself, of its slots and trunks, and of carriers that belong to it.
#[utoipa::path(get, path = "/api/security/budgets", tag = "security", params(ListParamsSchema),
    responses((status = 200, description = "What may be called, and how much of that is used.", body = List<BudgetAnswer>)))]
pub(crate) async fn budgets(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let row = |view: BudgetView| {
        let (key, center) = (key_of(view.entry.scope), view.entry.center);
        Row { key, row: object(&BudgetAnswer::from(view)), center, users: [].into(), lists: Vec::new() }
    };
    let rows = standing(&api, &caller).await?.into_iter().map(row).collect();
    Ok(Json(api.office.list_in_memory(&caller.view(&BUDGETS), rows, &query.params())?.into()))
}

/// Set a budget.
///
/// All of it: what is left out is no limit. It holds for calls that begin from now on, and for those that are up when they need more. What
/// was used stays used. If the database goes away just after it has stored it, the answer is 503, and it holds as soon as it is back.
#[utoipa::path(put, path = "/api/security/budgets/{kind}/{id}", tag = "security", params(("kind" = String, Path), ("id" = String, Path)),
    request_body = BudgetSettings, responses((status = 200, description = "Set.", body = BudgetAnswer)))]
pub(crate) async fn set_budget(
    State(api): State<Api>,
    caller: Caller,
    ScopePath(scope): ScopePath,
    JsonBody(body): JsonBody<BudgetSettings>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let budget = body.read()?;
    let done = uninterrupted(async move {
        api.office.put_budget(&caller, scope, budget, now()).await?;
        api.directory_changed().await?;
        one(&api, &caller, scope).await
    });
    Ok(Json(done.await?))
}

/// Delete a budget.
///
/// With what it has used. Calls that are up are no longer limited by it.
#[utoipa::path(delete, path = "/api/security/budgets/{kind}/{id}", tag = "security", params(("kind" = String, Path), ("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete_budget(State(api): State<Api>, caller: Caller, ScopePath(scope): ScopePath) -> Result<StatusCode, Problem> {
    uninterrupted(async move {
        api.office.delete_budget(&caller, scope, now()).await?;
        api.directory_changed().await?;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Release a budget by hand.
///
/// What it has used is forgotten, so that calls may begin again; what is promised to calls that are up stays promised. The audit log keeps
/// who did it, and why.
#[utoipa::path(post, path = "/api/security/budgets/{kind}/{id}/release", tag = "security",
    params(("kind" = String, Path), ("id" = String, Path)), request_body = Release,
    responses((status = 200, description = "As it stands now.", body = BudgetAnswer)))]
pub(crate) async fn release_budget(
    State(api): State<Api>,
    caller: Caller,
    ScopePath(scope): ScopePath,
    JsonBody(Release { reason }): JsonBody<Release>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_MAX || reason.chars().any(char::is_control) {
        return Err(Problem::field(Code::InvalidField, "reason", format!("a line of text of 1 to {REASON_MAX} characters")));
    }
    // Another centre's is not there.
    own(&api, &caller, scope).await?;
    match api.control.execute(Command::ReleaseBudget { scope }).await? {
        Reply::Budget(view) => {
            let diff = Diff::none().and("released", Value::Null, reason);
            api.office.note(caller.actor(), Entry::change(caller.action().0, BUDGETS.name, id_of(scope), diff).security(), now());
            Ok(Json(shown(&api, &caller, *view).await))
        }
        reply => Err(Problem::internal(format!("call control answered ReleaseBudget with {reply:?}"))),
    }
}

/// The budgets of the centre that the caller works in, by their scopes.
async fn standing(api: &Api, caller: &Caller) -> Result<Vec<BudgetView>, Problem> {
    let Reply::Budgets(mut views) = api.control.execute(Command::Budgets { center: caller.center() }).await? else {
        return Err(Problem::internal("call control answered Budgets with something else"));
    };
    for view in &mut views {
        named(api, view).await;
    }
    Ok(views)
}

/// The budget of a scope, if it is of the centre that the caller works in; another centre's is not there.
async fn own(api: &Api, caller: &Caller, scope: Scope) -> Result<BudgetView, Problem> {
    match api.control.execute(Command::Budget { scope }).await {
        Ok(Reply::Budget(view)) if view.entry.center == caller.center() => Ok(*view),
        // By one answer for both.
        Ok(Reply::Budget(_)) | Err(Refusal::BudgetNotFound) => Err(Problem::new(Code::BudgetNotFound)),
        Ok(reply) => Err(Problem::internal(format!("call control answered Budget with {reply:?}"))),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The budget of a scope as the caller may see it.
async fn one(api: &Api, caller: &Caller, scope: Scope) -> Result<Map<String, Value>, Problem> {
    let found = own(api, caller, scope).await?;
    Ok(shown(api, caller, found).await)
}

async fn shown(api: &Api, caller: &Caller, mut view: BudgetView) -> Map<String, Value> {
    named(api, &mut view).await;
    seen(&caller.view(&BUDGETS), &BudgetAnswer::from(view))
}

/// Call control does not know what centres are called.
async fn named(api: &Api, view: &mut BudgetView) {
    if let Scope::Center(center) = view.entry.scope {
        // Without its name it is told by its id.
        view.name = api.office.center_name(center).await.ok().flatten().unwrap_or_else(|| center.to_string());
    }
}

pub(crate) fn id_of(scope: Scope) -> String {
    format!("{}:{}", scope.kind(), scope.id())
}

/// A number for a scope, the same at each request, so that pages go on where they ended.
fn key_of(scope: Scope) -> i64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(id_of(scope).as_bytes());
    i64::try_from(hasher.finish() >> 1).unwrap_or_default()
}
