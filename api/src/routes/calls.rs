//! Calls, live and past, and their records (S004-34, 86, 127).

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use model::{CallId, CallView, Cause, Command, Reply};
use office::{CALLS, CDRS, ListPage, ListParams, OfficeError, StoreError, View, can};
use serde_json::{Map, Value};

use crate::{
    auth::Caller,
    error::{Code, Problem},
    params::Id,
    resources::{ListAnswer, ListParamsSchema, ListQuery, Span, SpanSchema, object, seen},
    state::Api,
    wire::{Call, CallWithRecording, CdrWithRecording, List, Recording},
};

/// List calls, newest first, live ones as they are now.
///
/// Operators see their own: calls that they placed, served, or that rang at the slot they held.
#[utoipa::path(get, path = "/api/calls", tag = "calls", params(ListParamsSchema, SpanSchema),
    responses((status = 200, description = "Calls.", body = List<CallWithRecording>)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, mut query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let span = query.take_span()?;
    let tags = query.take_tags();
    let (is_plain, limit) = (query.is_plain() && tags.is_none(), query.limit());
    let params = tags.into_iter().fold(span.narrow(query.params()), ListParams::filtered);
    let view = caller.view(&CALLS);
    let mut page = api.office.list_bare(&view, &params).await?;
    // The database follows the journal: its rows may be some moments old, and the newest calls may not be there yet.
    // One row of the page is always the database's, because its cursor leads on; with more newcomers than that, the older of them are seen
    // when the database has them.
    let mut came = if is_plain { newcomers(&api, &caller, &page, span) } else { vec![] };
    came.truncate(limit.saturating_sub(1));
    if page.next.is_some() && !came.is_empty() {
        page = api.office.list_bare(&view, &params.limited(limit.saturating_sub(came.len()))).await?;
    }
    refresh(&api, &caller, &view, &mut page);
    for call in came {
        if page.keys.contains(&call.call_id.0) {
            continue;
        }
        if let Some(count) = page.count.as_mut().filter(|count| !count.capped) {
            count.value = count.value.saturating_add(1);
        }
        page.keys.push(call.call_id.0);
        page.items.push(seen(&view, &Call::from(call)));
    }
    if is_plain {
        newest_first(&mut page);
    }
    add_recordings(&api, &caller, &view, &mut page).await?;
    // What modules know of calls comes last: the board knows nothing of it, and its rows have taken the place of others.
    api.office.fill(&view, &mut page).await?;
    Ok(Json(page.into()))
}

/// Read a call.
#[utoipa::path(get, path = "/api/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, description = "The call.", body = CallWithRecording)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<Map<String, Value>>, Problem> {
    let (call, is_live) = match on_board(&api, &caller, id) {
        Some(view) => (view, true),
        None => (in_store(&api, &caller, id).await?, false),
    };
    let recording = match api.office.recording(&caller, id).await {
        // A live call can be told without the database (R21).
        Err(error) if is_live && error.is_unavailable() => None,
        found => found?,
    };
    let recording = recording.map(Recording::from);
    let view = caller.view(&CALLS);
    let mut row = seen(&view, &CallWithRecording { call: call.into(), recording, tags: None, listened: None });
    match api.office.fill_row(&view, id.0, &mut row).await {
        Err(OfficeError::Store(error)) if is_live && error.is_unavailable() => {}
        filled => filled?,
    }
    Ok(Json(row))
}

/// Draw a call's SIP messages.
///
/// First who said what to whom, one line a message, then the messages whole; credentials are masked. Recent calls only: they are kept
/// in memory, as much as `log.ladder_memory` says.
#[utoipa::path(get, path = "/api/calls/{id}/ladder", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, description = "The drawing, as text.", content_type = "text/plain", body = String)))]
pub(crate) async fn ladder(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Response, Problem> {
    // Call control knows no centres, so the call is looked up too; the board comes first, and needs no database.
    visible(&api, &caller, id).await?;
    match api.control.execute(Command::Ladder { call: id }).await? {
        // Drawn and masked here, in the request's own time: call control only shares what it has kept.
        Reply::Ladder { drawing } => {
            Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], drawing.text()).into_response())
        }
        reply => Err(Problem::internal(format!("call control answered Ladder with {reply:?}"))),
    }
}

/// List call records, newest first.
#[utoipa::path(get, path = "/api/cdr/records", tag = "calls", params(ListParamsSchema, SpanSchema),
    responses((status = 200, description = "Records of ended calls.", body = List<CdrWithRecording>)))]
pub(crate) async fn records(State(api): State<Api>, caller: Caller, mut query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let (span, tags) = (query.take_span()?, query.take_tags());
    let params = tags.into_iter().fold(span.narrow(query.params()), ListParams::filtered);
    let view = caller.view(&CDRS);
    let mut page = api.office.list(&view, &params).await?;
    if page.added.iter().any(|column| column.name == "remedy") {
        for row in &mut page.items {
            let cause = row.get("cause").and_then(|cause| serde_json::from_value::<Cause>(cause.clone()).ok());
            let remedy = cause.map_or(Value::Null, |cause| cause.remedy().into());
            row.extend(view.shown("remedy", remedy).map(|remedy| ("remedy".to_owned(), remedy)));
        }
    }
    add_recordings(&api, &caller, &view, &mut page).await?;
    Ok(Json(page.into()))
}

/// The call, if the caller may see it; if not, it is not there (FT-18).
pub(crate) async fn visible(api: &Api, caller: &Caller, id: CallId) -> Result<CallView, Problem> {
    match on_board(api, caller, id) {
        Some(view) => Ok(view),
        None => in_store(api, caller, id).await,
    }
}

fn on_board(api: &Api, caller: &Caller, id: CallId) -> Option<CallView> {
    match caller.action() {
        can::CALLS_READ => api.live.call_to_read(id, caller.rows()),
        _ => api.live.call(id, caller.rows()),
    }
}

async fn in_store(api: &Api, caller: &Caller, id: CallId) -> Result<CallView, Problem> {
    api.office.call(caller, id).await?.ok_or_else(|| Problem::new(Code::CallNotFound))
}

/// Calls on the board that belong on this first page and are not on it, newest first.
fn newcomers(api: &Api, caller: &Caller, page: &ListPage, span: Span) -> Vec<CallView> {
    // What is older than the page's last row belongs to other pages.
    let after = page.next.as_ref().and(page.keys.last()).map(|key| CallId(*key));
    let there: BTreeSet<i64> = page.keys.iter().copied().collect();
    let mut came = api.live.calls_between(after, None, caller.rows());
    came.retain(|view| !there.contains(&view.call_id.0) && span.holds(view.started_at));
    came.sort_unstable_by_key(|view| std::cmp::Reverse(view.call_id));
    came
}

/// Lays the board over the rows of a page.
fn refresh(api: &Api, caller: &Caller, view: &View, page: &mut ListPage) {
    if page.added.iter().any(|column| column.name == "transfer") {
        // Of calls that go on the board knows it.
        page.items.iter_mut().for_each(|row| drop(row.insert("transfer".to_owned(), Value::Null)));
    }
    for (key, row) in page.keys.iter().zip(&mut page.items) {
        if let Some(call) = on_board(api, caller, CallId(*key)) {
            let mut fresh = seen(view, &Call::from(call));
            // As many columns as were asked for.
            fresh.retain(|name, _| row.contains_key(name));
            *row = fresh;
        }
    }
}

/// Ids grow with the start.
fn newest_first(page: &mut ListPage) {
    let mut rows: Vec<_> = std::mem::take(&mut page.keys).into_iter().zip(std::mem::take(&mut page.items)).collect();
    rows.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
    (page.keys, page.items) = rows.into_iter().unzip();
}

/// Adds to each row what is known of its recording, if that was asked for and the caller may see it.
async fn add_recordings(api: &Api, caller: &Caller, view: &View, page: &mut ListPage) -> Result<(), StoreError> {
    if !page.added.iter().any(|column| column.name == "recording") {
        return Ok(());
    }
    let calls: Vec<CallId> = page.keys.iter().map(|key| CallId(*key)).collect();
    let mut recordings = api.office.recordings_of(caller, &calls).await?;
    for (call, row) in calls.iter().zip(&mut page.items) {
        let recording = recordings.remove(call).map(|row| object(&Recording::from(row)));
        let shown = view.shown("recording", recording.map_or(Value::Null, Value::Object));
        row.extend(shown.map(|recording| ("recording".to_owned(), recording)));
    }
    Ok(())
}
