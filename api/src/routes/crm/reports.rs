//! Reports: days, calls of a period, conversions (S004-111, S004-133, S004-136).

use std::collections::{BTreeMap, BTreeSet};

use ::crm::{
    can,
    core::days::Day,
    reports::{By, period},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use model::WallTime;
use office::export::{Format, QuickFile};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::Area;
use crate::{
    auth::{self, Caller, now},
    error::Problem,
    params::Params,
    routes::{exports::attachment, table::routes},
    state::Api,
};

routes! {
    GET "/api/reports/daily", Access::Token(can::REPORTS_READ), daily;
    GET "/api/reports/calls", Access::Token(can::REPORTS_READ), calls;
    GET "/api/reports/conversion", Access::Token(can::CONVERSION_READ), conversion;
}

#[derive(OpenApi)]
#[openapi(
    paths(daily, calls, conversion),
    tags((name = "reports", description = "How many calls there were and whose, what was done of a day, and what became of leads."))
)]
struct Document;

pub(super) const AREA: Area = Area { routes: ROUTES, table, document: Document::openapi, lists: &[] };

/// Sums of calls.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct CallSums {
    /// All calls; of a person, those that they placed or served.
    calls: i64,
    inbound: i64,
    outbound: i64,
    internal: i64,
    /// Those that the far party answered.
    answered: i64,
    /// Those from the world that nobody answered; of a person, those that rang at their slot, which are none of their `calls`.
    missed: i64,
    /// From the answer to the end; of a person, for how long they were in it.
    talk_ms: i64,
    /// For how long our side held the other.
    hold_ms: i64,
    /// From the first ringing to the answer or the end.
    ring_ms: i64,
}

/// What was counted.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) enum Counted {
    /// Calls, each once.
    Calls,
    /// What people have had of calls: one that two of them served counts for both.
    Parts,
}

/// A line of a report: what it is of, as far as the report is split by that.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct ReportLine {
    #[schema(required = false, nullable = false, examples("2026-11-22"))]
    day: Option<String>,
    #[schema(required = false, nullable = false)]
    user_id: Option<String>,
    /// Absent if the account is gone.
    #[schema(required = false, nullable = false)]
    user_name: Option<String>,
    /// A scenario's code; empty: of none.
    #[schema(required = false, nullable = false)]
    scenario: Option<String>,
    /// An advert; empty: of none.
    #[schema(required = false, nullable = false)]
    source: Option<String>,
    #[serde(flatten)]
    sums: CallSums,
}

/// Calls of a period.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct CallsReport {
    #[schema(examples("2026-11-01"))]
    from: String,
    /// Included.
    #[schema(examples("2026-11-22"))]
    to: String,
    /// The centre's time zone, by which days are counted.
    #[schema(examples("Europe/Moscow"))]
    tz: String,
    /// What the lines count: parts if they are of people.
    lines_are: Counted,
    /// By day, person, scenario and advert.
    lines: Vec<ReportLine>,
    /// What the totals count: parts for who does not reach the whole centre.
    totals_are: Counted,
    totals: CallSums,
}

/// How often somebody has set a tag, and taken it off.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct TagCount {
    tag_id: String,
    /// Null if it is hidden.
    name: Option<String>,
    set: i64,
    /// Also to make room for another.
    unset: i64,
}

/// A person's day.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct DailyLine {
    user_id: String,
    /// Null if the account is gone.
    user_name: Option<String>,
    #[serde(flatten)]
    sums: CallSums,
    /// What they did to leads, by what that was; absent for who may see no leads.
    #[schema(required = false, nullable = false)]
    leads: Option<BTreeMap<String, i64>>,
    /// The tags that they set, of the groups that the caller sees; absent for who may see no tags.
    #[schema(required = false, nullable = false)]
    tags: Option<Vec<TagCount>>,
}

/// A day.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct DailyReport {
    #[schema(examples("2026-11-22"))]
    date: String,
    tz: String,
    /// When it begins.
    from: i64,
    /// When the next one begins.
    to: i64,
    /// Everybody who had a call or did something, by their ids.
    people: Vec<DailyLine>,
    totals_are: Counted,
    totals: CallSums,
}

/// What became of leads.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct Conversion {
    created: i64,
    /// Those of them that are clients now.
    converted: i64,
    /// Those that were given up, or are not to be called.
    lost: i64,
    /// Those that may still become either.
    open: i64,
    /// Of a thousand that were made, so many are clients; null if none was made.
    converted_permille: Option<i64>,
}

/// What became of a person's leads.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct ConversionLine {
    /// A lead is of its seller and of its operator.
    user_id: String,
    user_name: Option<String>,
    #[serde(flatten)]
    leads: Conversion,
}

/// What became of the leads of a period.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what reports tell")]
pub(crate) struct ConversionReport {
    from: String,
    to: String,
    tz: String,
    /// By people, by their ids.
    people: Vec<ConversionLine>,
    /// Of all leads that the caller reaches, each once.
    totals: Conversion,
}

/// A period, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct PeriodSchema {
    /// The first day, as in `2026-11-01`; without it, today.
    from: Option<String>,
    /// The last day, included, at most 366 days in all; without it, the first.
    to: Option<String>,
}

/// As what a report is wanted, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct FormSchema {
    /// `json`, or a file: `xlsx`, `csv`. A file takes `reports.export`.
    format: Option<String>,
    /// The language of a file's head, `en` or `ru`; without it, one's own.
    locale: Option<String>,
}

/// Tell a day.
///
/// Each person's calls, what they did to leads, and the tags that they set. Who reaches people only hears of these.
#[utoipa::path(get, path = "/api/reports/daily", tag = "reports",
    params(("date" = Option<String>, Query, description = "As in `2026-11-22`; without it, today by the centre's clocks."), FormSchema),
    responses((status = 200, description = "The day.", body = DailyReport)))]
pub(crate) async fn daily(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Response, Problem> {
    let now = now();
    let zone = api.crm.zone(caller.center()).await?;
    let date = day(&mut params, "date").unwrap_or_else(|| Day::of(now, zone));
    let form = Form::read(&mut params);
    params.finish()?;
    let exporter = form.exporter(&api, &caller)?;
    let report = api.crm.daily_report(&caller, date, now).await?;
    match (form.file, exporter) {
        (Some(format), Some(exporter)) => Ok(file(api.crm.daily_sheet(&exporter, &report, (format, form.locale.as_deref()), now).await?)),
        _ => Ok(Json(report).into_response()),
    }
}

/// Tell calls of a period.
///
/// Split by `user`, `day`, `scenario`, `source`, or several of these. By people it tells what these have had of calls, so one that two of them served
/// is in both lines, and once in the totals of who reaches the whole centre.
#[utoipa::path(get, path = "/api/reports/calls", tag = "reports",
    params(PeriodSchema, ("by" = Option<String>, Query, description = "`user`, `day`, `scenario`, `source`, separated by commas."), FormSchema),
    responses((status = 200, description = "The calls.", body = CallsReport)))]
pub(crate) async fn calls(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Response, Problem> {
    let now = now();
    let (first, last) = span(&mut params, &api, &caller, now).await?;
    let mut by = BTreeSet::new();
    for name in params.take("by").unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name.parse::<By>() {
            Ok(one) => drop(by.insert(one)),
            Err(error) => params.refuse("by", error.to_string()),
        }
    }
    let form = Form::read(&mut params);
    params.finish()?;
    let exporter = form.exporter(&api, &caller)?;
    let report = api.crm.calls_report(&caller, period(first, last)?, &by, now).await?;
    match (form.file, exporter) {
        (Some(format), Some(exporter)) => Ok(file(api.crm.calls_sheet(&exporter, &report, (format, form.locale.as_deref()), now).await?)),
        _ => Ok(Json(report).into_response()),
    }
}

/// Tell what became of leads.
///
/// Of those that were made in a period: how many are clients now. `own`: of one's own leads.
#[utoipa::path(get, path = "/api/reports/conversion", tag = "reports", params(PeriodSchema),
    responses((status = 200, description = "What became of them.", body = ConversionReport)))]
pub(crate) async fn conversion(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Response, Problem> {
    let (first, last) = span(&mut params, &api, &caller, now()).await?;
    params.finish()?;
    Ok(Json(api.crm.conversion(&caller, period(first, last)?).await?).into_response())
}

/// As what a report is wanted.
struct Form {
    /// None: as JSON.
    file: Option<Format>,
    locale: Option<String>,
}

impl Form {
    fn read(params: &mut Params) -> Self {
        let file = match params.take("format").as_deref() {
            None | Some("json") => None,
            Some(name) => {
                let format = Format::parse(name);
                if format.is_none() {
                    params.refuse("format", "a format is json, csv or xlsx");
                }
                format
            }
        };
        Self { file, locale: params.take("locale") }
    }

    /// Leave to have it as a file, if it is to be one.
    fn exporter(&self, api: &Api, caller: &Caller) -> Result<Option<Caller>, Problem> {
        self.file.map(|_| auth::permit(api, caller.principal(), can::REPORTS_EXPORT)).transpose()
    }
}

fn day(params: &mut Params, name: &str) -> Option<Day> {
    let text = params.take(name)?;
    let day = text.parse::<Day>();
    day.inspect_err(|error| params.refuse(name, error.to_string())).ok()
}

async fn span(params: &mut Params, api: &Api, caller: &Caller, now: WallTime) -> Result<(Day, Day), Problem> {
    let zone = api.crm.zone(caller.center()).await?;
    let first = day(params, "from").unwrap_or_else(|| Day::of(now, zone));
    let last = day(params, "to").unwrap_or(first);
    Ok((first, last))
}

fn file(QuickFile { octets, name, mime }: QuickFile) -> Response {
    let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
    attachment(Body::from(octets), (&name, mime, size))
}
