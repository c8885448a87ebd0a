//! Calls, live and past, and their records (S004-34, 86, 127).

use std::{cmp::Reverse, collections::BTreeSet};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use model::{CallId, CallView, Command, Reply};
use serde::Serialize;
use store::{At, Listed, Page};
use utoipa::ToSchema;

use crate::{
    auth::Caller,
    error::{Code, Problem},
    page::{self, Asked, PageParams, SpanParams},
    params::{Id, Params},
    rights::Scope,
    state::Api,
    wire::{Call, CdrRecord, List, Recording},
};

/// A call with its recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallWithRecording {
    #[serde(flatten)]
    call: Call,
    /// Null as long as nobody has answered.
    recording: Option<Recording>,
}

/// A record with its recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CdrWithRecording {
    #[serde(flatten)]
    record: CdrRecord,
    /// Null if nobody answered.
    recording: Option<Recording>,
}

/// List calls, newest first, live ones as they are now.
///
/// Operators see their own: calls that they placed, served, or that ring at the slot they hold.
#[utoipa::path(get, path = "/api/calls", tag = "calls", params(PageParams, SpanParams),
    responses((status = 200, description = "Calls.", body = List<Call>)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Json<List<Call>>, Problem> {
    let asked = Asked::take(&mut params);
    let mut page = asked.page(&caller);
    page::take_span(&mut params, &mut page);
    params.finish()?;
    let mut listed = api.store.calls(&page).await?;
    let mut count = if asked.counted { Some(api.store.calls_count(&page).await?) } else { None };
    let came = overlay(&api, &caller, &page, &mut listed);
    if let Some(count) = count.as_mut().filter(|count| !count.capped && page.at == At::First) {
        count.value = count.value.saturating_add(came);
    }
    Ok(Json(page::list(listed, count)))
}

/// Read a call.
#[utoipa::path(get, path = "/api/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, description = "The call.", body = CallWithRecording)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<CallWithRecording>, Problem> {
    let (call, is_live) = match on_board(&api, &caller, id) {
        Some(view) => (view, true),
        None => (in_store(&api, &caller, id).await?, false),
    };
    let recording = match api.store.recording(id).await {
        // A live call can be told without the database (R21).
        Err(error) if is_live && error.is_unavailable() => None,
        found => found?,
    };
    Ok(Json(CallWithRecording { call: call.into(), recording: recording.map(Into::into) }))
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
#[utoipa::path(get, path = "/api/cdr/records", tag = "calls", params(PageParams, SpanParams),
    responses((status = 200, description = "Records of ended calls.", body = List<CdrWithRecording>)))]
pub(crate) async fn records(State(api): State<Api>, caller: Caller, mut params: Params) -> Result<Json<List<CdrWithRecording>>, Problem> {
    let asked = Asked::take(&mut params);
    let mut page = asked.page(&caller);
    page::take_span(&mut params, &mut page);
    params.finish()?;
    let listed = api.store.cdrs(&page).await?;
    let count = if asked.counted { Some(api.store.cdrs_count(&page).await?) } else { None };
    let ids: Vec<CallId> = listed.items.iter().map(|cdr| cdr.call_id).collect();
    let mut recordings = api.store.recordings_of(&ids).await?;
    let List { items, next, prev, count } = page::list::<_, CdrRecord>(listed, count);
    let with_recording = |record: CdrRecord| {
        let recording = recordings.remove(&record.call_id).map(Into::into);
        CdrWithRecording { record, recording }
    };
    Ok(Json(List { items: items.into_iter().map(with_recording).collect(), next, prev, count }))
}

/// The call, if the caller may see it; if not, it is not there (FT-18).
pub(crate) async fn visible(api: &Api, caller: &Caller, id: CallId) -> Result<CallView, Problem> {
    match on_board(api, caller, id) {
        Some(view) => Ok(view),
        None => in_store(api, caller, id).await,
    }
}

fn on_board(api: &Api, caller: &Caller, id: CallId) -> Option<CallView> {
    api.live.call(id, caller.user, caller.scope).filter(|view| view.center == caller.center)
}

async fn in_store(api: &Api, caller: &Caller, id: CallId) -> Result<CallView, Problem> {
    let missing = || Problem::new(Code::CallNotFound);
    let view = api.store.call(id).await?.filter(|view| view.center == caller.center).ok_or_else(missing)?;
    if caller.scope == Scope::Own && !api.store.is_call_of_user(id, caller.user).await? {
        return Err(missing());
    }
    Ok(view)
}

/// Lays the board over a page of rows: the database follows the journal, so its rows may be some moments old, and the
/// newest calls may not be there yet. Says how many calls came in that way.
fn overlay(api: &Api, caller: &Caller, page: &Page, listed: &mut Listed<CallView>) -> u64 {
    for row in &mut listed.items {
        if let Some(view) = on_board(api, caller, row.call_id) {
            *row = view;
        }
    }
    // Where the page lies: what is beyond belongs to other pages.
    let (after, before) = match page.at {
        At::First => (listed.next, None),
        At::Older(key) => (listed.next, Some(key)),
        At::Newer(key) => (Some(key), listed.prev),
    };
    let in_span = |view: &CallView| page.from.is_none_or(|from| view.started_at >= from) && page.to.is_none_or(|to| view.started_at < to);
    let there: BTreeSet<CallId> = listed.items.iter().map(|row| row.call_id).collect();
    let mut came = api.live.calls_between(after.map(CallId), before.map(CallId), caller.user, caller.scope);
    came.retain(|view| view.center == caller.center && in_span(view) && !there.contains(&view.call_id));
    if came.is_empty() {
        return 0;
    }
    let count = u64::try_from(came.len()).unwrap_or(u64::MAX);
    listed.items.append(&mut came);
    listed.items.sort_unstable_by_key(|row| Reverse(row.call_id));
    // The rows farthest from the cursor make room; they are the first of the page behind.
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let too_many = listed.items.len().saturating_sub(limit);
    let (mut newer, mut older) = (listed.prev.is_some(), listed.next.is_some());
    if too_many > 0 {
        if let At::Newer(_) = page.at {
            listed.items.drain(..too_many);
            newer = true;
        } else {
            listed.items.truncate(limit);
            older = true;
        }
    }
    listed.prev = listed.items.first().filter(|_| newer).map(|row| row.call_id.0);
    listed.next = listed.items.last().filter(|_| older).map(|row| row.call_id.0);
    count
}
