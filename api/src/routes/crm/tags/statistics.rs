//! How many tags were set and taken off.

use std::collections::BTreeSet;

use ::crm::{
    can,
    core::{
        days::{Day, Period},
        tags::TagsBy,
    },
    tags::{TagLine, TagSums},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::Params,
    state::Api,
};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// How many tags were set and taken off in a time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagStatisticsAnswer {
    /// The first day and the last one.
    #[schema(value_type = String, examples("2026-11-01"))]
    from: Day,
    #[schema(value_type = String, examples("2026-11-30"))]
    to: Day,
    /// What the rows are told by: `day`, `user`, `tag`, `scenario`. What they are not told by is absent from each.
    #[schema(value_type = Vec<String>)]
    by: BTreeSet<TagsBy>,
    rows: Vec<TagLineAnswer>,
    totals: TagSumsAnswer,
}

/// How many.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagSumsAnswer {
    set: i64,
    /// Taken off, or replaced by another one of an exclusive group.
    unset: i64,
}

/// A row of the statistics.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagLineAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, examples("2026-11-22"))]
    day: Option<Day>,
    /// Who set or took off the tags; null: the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    user: Option<Option<String>>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// Absent if it is hidden from the caller, as the colour and the group's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_name: Option<String>,
    /// Null: the calls had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    scenario: Option<Option<String>>,
    #[serde(flatten)]
    sums: TagSumsAnswer,
}

/// Count the tags that were set and taken off, of the groups that the caller sees.
///
/// Days are those of the centre's time zone. Whoever may see their own only has their own rows.
#[utoipa::path(get, path = "/api/statistics/tags", tag = "tags",
    params(("from" = String, Query, description = "The first day: 2026-11-01.", example = "2026-11-01"),
        ("to" = String, Query, description = "The last day, which counts as well; at most 366 days.", example = "2026-11-30"),
        ("by" = Option<String>, Query, description = "What rows are told by, with commas between: day, user, tag, scenario; tag if absent."),
        ("format" = Option<String>, Query, description = "json (default), or xlsx: a file, which takes `tag_statistics.export`."),
        ("locale" = Option<String>, Query, description = "The file's language: en or ru; the caller's if absent.")),
    responses((status = 200, description = "How many.", body = TagStatisticsAnswer)))]
pub(crate) async fn statistics(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Response, Problem> {
    let (from, to) = (day(&mut params, "from"), day(&mut params, "to"));
    let by = by(&mut params);
    let is_file = match params.take("format").as_deref() {
        None | Some("json") => false,
        Some("xlsx") => true,
        Some(_) => {
            params.refuse("format", "a format is json or xlsx");
            false
        }
    };
    let locale = params.take("locale");
    if locale.as_ref().is_some_and(|locale| !["en", "ru"].contains(&locale.as_str())) {
        params.refuse("locale", "a locale is en or ru");
    }
    let period = from.zip(to).map(|(from, to)| Period::new(from, to)).transpose().unwrap_or_else(|wrong| {
        params.refuse("to", wrong.to_string());
        None
    });
    params.finish()?;
    let Some((period, from, to)) = period.zip(from.zip(to)).map(|(period, (from, to))| (period, from, to)) else {
        return Err(Problem::internal("a period that was not refused is there"));
    };
    if !is_file {
        let found = api.crm.tag_statistics(&caller, period, by).await?;
        let rows = found.lines.into_iter().map(|line| TagLineAnswer::new(line, &found.by)).collect();
        return Ok(Json(TagStatisticsAnswer { from, to, by: found.by, rows, totals: found.totals.into() }).into_response());
    }
    let permit = caller.also(can::TAG_STATISTICS_EXPORT).ok_or_else(|| Problem::new(Code::Forbidden))?;
    let found = api.crm.tag_statistics(&permit, period, by).await?;
    let locale = match locale {
        Some(locale) => locale,
        None => api.office.locale_of_files(&permit).await?,
    };
    let file = tokio::task::spawn_blocking(move || found.workbook(&locale)).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    // What is taken along is written down first.
    let (action, what) = (can::TAG_STATISTICS_EXPORT, format!("{from}..{to}"));
    api.office.audit_read(&permit, action.0, action.resource(), what, now()).await?;
    let name = format!("attachment; filename=\"tags-{from}-{to}.xlsx\"");
    Ok(([(CONTENT_TYPE, XLSX), (CONTENT_DISPOSITION, name.as_str()), (CACHE_CONTROL, "no-store")], file).into_response())
}

fn day(params: &mut Params, name: &str) -> Option<Day> {
    let day = params.take(name).and_then(|text| text.parse().ok());
    if day.is_none() {
        params.refuse(name, "a date is needed, written as in 2026-11-22");
    }
    day
}

fn by(params: &mut Params) -> BTreeSet<TagsBy> {
    let Some(text) = params.take("by") else { return [TagsBy::Tag].into() };
    let by: Result<BTreeSet<TagsBy>, _> = text.split(',').map(str::parse).collect();
    by.unwrap_or_else(|wrong| {
        params.refuse("by", wrong.to_string());
        BTreeSet::new()
    })
}

impl TagLineAnswer {
    fn new(line: TagLine, by: &BTreeSet<TagsBy>) -> Self {
        let TagLine { day, user, user_name, tag, tag_name, colour, group, group_name, scenario, sums } = line;
        Self {
            day,
            user: by.contains(&TagsBy::User).then(|| user.map(|user| user.to_string())),
            user_name,
            tag: tag.map(|tag| tag.to_string()),
            tag_name,
            colour,
            group: group.map(|group| group.to_string()),
            group_name,
            scenario: by.contains(&TagsBy::Scenario).then_some(scenario),
            sums: sums.into(),
        }
    }
}

impl From<TagSums> for TagSumsAnswer {
    fn from(TagSums { set, unset }: TagSums) -> Self {
        Self { set, unset }
    }
}
