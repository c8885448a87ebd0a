//! What every list shares: its parameters, its answer, and the handlers of resources that are nothing but rows of the database.

use axum::{
    Json,
    extract::{FromRequestParts, RawQuery, State},
};
use http::request::Parts;
use model::{Mode, Resource, WallTime};
use office::{ListColumn, ListPage, ListParams, OfficeError, View};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::Caller,
    error::{Code, Problem},
    params::PathText,
    state::Api,
    wire::Count,
};

/// Parameters in a query past which it is not looked at.
const PARAMETERS_MAX: usize = 64;

/// Rows on a page if nothing is said.
const LIMIT_DEFAULT: usize = 50;

/// The parameters of every list, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what ListQuery reads")]
pub(crate) struct ListParamsSchema {
    /// JSON: `{"status": "ended", "started_at": {"gte": 1795000000000}, "or": [{…}, {…}]}`. Operators: `eq`, `ne`, `in`, `gt`, `gte`, `lt`,
    /// `lte`, `prefix`, `contains`, `is_null`; a value alone is `eq`, a list of values `in`.
    filter: Option<String>,
    /// A column that `columns` says can be sorted by; `-` before it for descending.
    sort: Option<String>,
    /// Rows on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` or `prev` of another page of the same list.
    cursor: Option<String>,
    /// `capped` (default): count up to 10,000. `none`: do not count. `exact`: count all.
    count: Option<String>,
    /// The columns to show, with commas between them.
    fields: Option<String>,
    /// Words that must be found in a row.
    q: Option<String>,
}

/// The parameters of lists of calls, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what take_span and take_tags read")]
pub(crate) struct SpanSchema {
    /// Only calls that began at this time or later: milliseconds since 1970.
    from: Option<i64>,
    /// Only calls that began before this time.
    to: Option<i64>,
    /// Only calls with this tag; of several, with commas between them, with one of them. Short for `filter={"tags": […]}`.
    tag: Option<String>,
}

/// A span of time, its end excluded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    from: Option<WallTime>,
    to: Option<WallTime>,
}

impl Span {
    pub(crate) fn holds(&self, at: WallTime) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    /// The list's parameters, narrowed to calls that began within it.
    pub(crate) fn narrow(&self, params: ListParams) -> ListParams {
        let bounds = [("gte", self.from), ("lt", self.to)];
        let bounds: Map<String, Value> = bounds.into_iter().filter_map(|(name, at)| Some((name.to_owned(), at?.0.into()))).collect();
        if bounds.is_empty() { params } else { params.filtered(json!({ "started_at": bounds })) }
    }
}

/// What a client asks of a list.
#[derive(Debug)]
pub(crate) struct ListQuery(pub(crate) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, state).await;
        let pairs = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
        Ok(Self(pairs.take(PARAMETERS_MAX).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }
}

impl ListQuery {
    /// Takes a parameter that not every list has.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes the span of a list of calls.
    pub(crate) fn take_span(&mut self) -> Result<Span, Problem> {
        let mut bound = |name: &str| {
            let Some(text) = self.take(name) else { return Ok(None) };
            let wrong = || Problem::field(Code::InvalidField, name, format!("{text:?} is not a whole number that can be used"));
            text.parse().map(|ms| Some(WallTime(ms))).map_err(|_| wrong())
        };
        Ok(Span { from: bound("from")?, to: bound("to")? })
    }

    /// Takes the tags that calls are to have one of, as a filter.
    pub(crate) fn take_tags(&mut self) -> Option<Value> {
        let tags = self.take("tag")?;
        Some(json!({ "tags": tags.split(',').collect::<Vec<_>>() }))
    }

    /// How many rows a page is to have at most; what cannot be one is refused when the list is read.
    pub(crate) fn limit(&self) -> usize {
        let asked = self.0.iter().find(|(name, _)| name == "limit").and_then(|(_, text)| text.parse().ok());
        asked.unwrap_or(LIMIT_DEFAULT)
    }

    /// Whether nothing is asked for but the first rows in the usual order.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.iter().all(|(name, _)| matches!(name.as_str(), "limit" | "count"))
    }

    /// The rest, which every list has.
    pub(crate) fn params(self) -> ListParams {
        ListParams::from_pairs(self.0)
    }
}

/// A page as the client gets it.
#[derive(Debug, Serialize)]
pub(crate) struct ListAnswer {
    pub(crate) items: Vec<Map<String, Value>>,
    next: Option<String>,
    prev: Option<String>,
    count: Option<Count>,
    columns: Vec<ColumnAnswer>,
}

/// What the caller may do with a column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnAnswer {
    name: &'static str,
    /// `show`, or `mask`: part of each value is shown.
    #[schema(value_type = String, examples("show"))]
    mode: Mode,
    /// Whether the list can be sorted by it.
    sort: bool,
    /// Whether rows can be filtered by it.
    filter: bool,
}

impl From<ListColumn> for ColumnAnswer {
    fn from(ListColumn { name, mode, sort, filter }: ListColumn) -> Self {
        Self { name, mode, sort, filter }
    }
}

impl From<ListPage> for ListAnswer {
    fn from(page: ListPage) -> Self {
        let ListPage { items, next, prev, count, columns, .. } = page;
        let count = count.map(|count| Count { value: count.value, capped: count.capped });
        Self { items, next, prev, count, columns: columns.into_iter().map(Into::into).collect() }
    }
}

/// A resource whose rows come from the database as they are.
pub(crate) trait Listed: Send + Sync + 'static {
    /// The resource.
    fn resource() -> &'static Resource;
}

/// Declares resources that are listed so.
macro_rules! listed {
    ($($name:ident = $resource:path;)*) => {
        $(
            /// See the resource's own description.
            pub(crate) struct $name;

            impl $crate::resources::Listed for $name {
                fn resource() -> &'static model::Resource {
                    &$resource
                }
            }
        )*
    };
}
pub(crate) use listed;

/// A page of such a resource.
pub(crate) async fn list<L: Listed>(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    asked_for(&caller, L::resource())?;
    Ok(Json(api.office.list(&caller.view(L::resource()), &query.params()).await?.into()))
}

/// A row of such a resource.
pub(crate) async fn read<L: Listed>(
    State(api): State<Api>,
    caller: Caller,
    PathText(id): PathText,
) -> Result<Json<Map<String, Value>>, Problem> {
    asked_for(&caller, L::resource())?;
    Ok(Json(api.office.read(&caller.view(L::resource()), &id).await?))
}

/// What was made or changed, as far as the person sees it. Who may not see it, or whose lists do not name it, is told its id: it is done all the same.
pub(crate) async fn made(api: &Api, caller: &Caller, resource: &'static Resource, id: i64) -> Result<Map<String, Value>, Problem> {
    let read = match caller.also(resource.read) {
        Some(reader) => api.office.read(&reader.view(resource), &id.to_string()).await,
        None => Err(OfficeError::NotFound(resource.name)),
    };
    match read {
        Err(OfficeError::NotFound(_)) => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
        other => Ok(other?),
    }
}

/// A route that asks for one resource's right and shows another one is a mistake of ours, and shows nothing.
fn asked_for(caller: &Caller, resource: &Resource) -> Result<(), Problem> {
    if caller.action() == resource.read {
        return Ok(());
    }
    Err(Problem::internal(format!("the route of {} asks for {}", resource.name, caller.action().0)))
}

/// What of something may be seen, as an object.
pub(crate) fn seen(view: &View, row: &impl Serialize) -> Map<String, Value> {
    let mut row = object(row);
    view.project(&mut row);
    row
}

/// What is serialised as an object, as one.
pub(crate) fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
