//! How much was listened to.

use ::crm::{
    core::days::{Day, Period},
    hearing::{Line, Split},
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::Caller,
    error::{Code, Problem},
    params::Params,
    state::Api,
};

/// How much was listened to in a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListeningStatistics {
    /// The first day.
    #[schema(value_type = String, examples("2026-11-01"))]
    from: Day,
    /// The last day.
    #[schema(value_type = String, examples("2026-11-22"))]
    to: Day,
    /// By what it is split.
    by: Vec<&'static str>,
    /// By day, person and scenario.
    rows: Vec<ListeningRow>,
    totals: ListeningSums,
}

/// A line of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListeningRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    day: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    /// Empty: of calls without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<String>,
    #[serde(flatten)]
    sums: ListeningSums,
}

/// What is counted.
#[derive(Debug, Default, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct ListeningSums {
    /// How often a player was opened.
    opened: u64,
    /// How many calls came to count as listened to, once for each person.
    completed: u64,
    /// How much was heard that the person had not heard before, in milliseconds.
    heard_ms: u64,
}

/// How much was listened to?
///
/// Whose right reaches their own only sees their own. Days are those of the centre's time zone.
#[utoipa::path(get, path = "/api/statistics/listening", tag = "listening",
    params(("from" = String, Query, description = "The first day: 2026-11-01."), ("to" = String, Query, description = "The last day; 366 at most."),
        ("by" = Option<String>, Query, description = "`day`, `user` and `scenario`, with commas between them; left out: `day`.")),
    responses((status = 200, description = "The sums.", body = ListeningStatistics)))]
pub(crate) async fn sums(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Json<ListeningStatistics>, Problem> {
    let (from, to) = (params.take("from"), params.take("to"));
    let mut split = Split::default();
    let mut by = Vec::new();
    for part in params.take("by").as_deref().unwrap_or("day").split(',') {
        let (name, flag) = match part {
            "day" => ("day", &mut split.by_day),
            "user" => ("user", &mut split.by_user),
            "scenario" => ("scenario", &mut split.by_scenario),
            _ => {
                params.refuse("by", format!("{part:?} is none of day, user, scenario"));
                continue;
            }
        };
        if !std::mem::replace(flag, true) {
            by.push(name);
        }
    }
    params.finish()?;
    let (from, to) = (day("from", from)?, day("to", to)?);
    let period = Period::new(from, to).map_err(|why| Problem::field(Code::InvalidField, "to", why.to_string()))?;
    let found = api.crm.listening_statistics(&caller, period, split).await?;
    let rows: Vec<ListeningRow> = found.lines.into_iter().map(ListeningRow::from).collect();
    let add = |all: ListeningSums, row: &ListeningRow| ListeningSums {
        opened: all.opened.saturating_add(row.sums.opened),
        completed: all.completed.saturating_add(row.sums.completed),
        heard_ms: all.heard_ms.saturating_add(row.sums.heard_ms),
    };
    let totals = rows.iter().fold(ListeningSums::default(), add);
    Ok(Json(ListeningStatistics { from, to, by, rows, totals }))
}

impl From<Line> for ListeningRow {
    fn from(Line { day, user, user_name, scenario, opened, completed, heard_ms }: Line) -> Self {
        let user_id = user.map(|user| user.to_string());
        Self { day, user_id, user_name, scenario, sums: ListeningSums { opened, completed, heard_ms } }
    }
}

fn day(name: &str, text: Option<String>) -> Result<Day, Problem> {
    let text = text.ok_or_else(|| Problem::field(Code::MissingField, name, format!("the parameter {name:?} is missing")))?;
    text.parse().map_err(|why: ::crm::core::days::NoDay| Problem::field(Code::InvalidField, name, why.to_string()))
}
