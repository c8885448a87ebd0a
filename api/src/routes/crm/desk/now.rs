//! What is going on: the calls that are up, and one person's own desk.

use ::crm::{core::days::Day, leads::LEADS, missed::MISSED_CALLS};
use axum::{Json, extract::State};
use model::{CallView, Mode, UserId};
use office::{CALLS, ListParams, OfficeError, SLOTS, View, can, reaches_slot};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::Problem,
    resources::seen,
    state::Api,
    wire::{Call, Count, Slot},
};

/// Calls that a feed shows at most: the newest.
const FEED_MAX: usize = 1_000;
/// Rows of each kind on a desk; the lists have the others.
const DESK_ROWS: usize = 20;

/// The calls that are up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Feed {
    /// Newest first, at most 1,000.
    #[schema(value_type = Vec<Call>)]
    items: Vec<Map<String, Value>>,
    /// The number of the last event that these show: live events behind it are the next ones.
    seq: u64,
}

/// One person's desk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Desk {
    /// The slots that they have taken.
    #[schema(value_type = Vec<Slot>)]
    slots: Vec<Map<String, Value>>,
    /// The calls that are up and theirs: placed, served, or ringing at their slots.
    #[schema(value_type = Vec<Call>)]
    calls: Vec<Map<String, Value>>,
    /// Leads of theirs of which something is to be done today or was before, the longest due first. Null without the right to read leads, or while
    /// the database is away.
    leads: Option<Due>,
    /// Missed calls that nobody has called back, newest first. Null in the same cases, by the right to read calls.
    missed: Option<Due>,
}

/// The first rows of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Due {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Map<String, Value>>,
    /// How many there are.
    count: Option<Count>,
}

/// List the calls that are up, as they are now.
///
/// Operators see their own, supervisors those of everybody. It asks no database.
#[utoipa::path(get, path = "/api/calls/feed", tag = "desk", responses((status = 200, description = "The calls that are up.", body = Feed)))]
pub(crate) async fn feed(State(api): State<Api>, caller: Caller) -> Json<Feed> {
    let (mut calls, seq) = api.live.calls_to_read(caller.rows());
    calls.reverse();
    calls.truncate(FEED_MAX);
    let view = caller.view(&CALLS);
    Json(Feed { items: calls.into_iter().map(|call| seen(&view, &Call::from(call))).collect(), seq })
}

/// Read one's desk: one's slots and calls, leads that are due, and missed calls.
#[utoipa::path(get, path = "/api/desk", tag = "desk", responses((status = 200, description = "The desk.", body = Desk)))]
pub(crate) async fn desk(State(api): State<Api>, caller: Caller) -> Result<Json<Desk>, Problem> {
    let me = caller.user();
    let held = |slot: &model::SlotView| slot.holder == Some(me) && reaches_slot(caller.rows(), slot.id, slot.center, &[me].into());
    let slots: Vec<_> = api.live.slots().into_iter().filter(held).collect();
    let name = api.office.names([me].into()).await.remove(&me);
    let view = caller.view(&SLOTS);
    let slots = slots.into_iter().map(|slot| seen(&view, &Slot::new(slot, me, name.clone()))).collect();
    let (mut calls, mut missed) = (vec![], None);
    if let Some(reader) = caller.also(can::CALLS_READ) {
        let (up, _) = api.live.calls_to_read(reader.rows());
        let view = reader.view(&CALLS);
        calls = up.into_iter().filter(|call| is_of(call, me)).map(|call| seen(&view, &Call::from(call))).collect();
        let params = ListParams::default().filtered(json!({"state": "open"})).limited(DESK_ROWS);
        missed = due(&api, &reader.view(&MISSED_CALLS), params).await?;
    }
    let leads = leads(&api, &caller).await?;
    Ok(Json(Desk { slots, calls, leads, missed }))
}

async fn leads(api: &Api, caller: &Caller) -> Result<Option<Due>, Problem> {
    let Some(reader) = caller.also(LEADS.read) else { return Ok(None) };
    let view = reader.view(&LEADS);
    let columns = ["next_action_at", "assigned_seller", "assigned_operator"];
    // What is not seen whole is not asked by.
    if columns.into_iter().any(|column| view.mode(column) != Mode::Show) {
        return Ok(None);
    }
    let Some(center) = api.office.center(caller.center()).await? else { return Ok(None) };
    let (me, tomorrow) = (caller.user().to_string(), Day::of(now(), center.tz).span(center.tz).end);
    let filter = json!({"next_action_at": {"lt": tomorrow.0}, "or": [{"assigned_seller": me}, {"assigned_operator": me}]});
    due(api, &view, ListParams::default().filtered(filter).sorted("next_action_at").limited(DESK_ROWS)).await
}

/// The rows, or nothing while the database is away: what is live is told without it (R21).
async fn due(api: &Api, view: &View, params: ListParams) -> Result<Option<Due>, Problem> {
    match api.office.list(view, &params).await {
        Ok(page) => Ok(Some(Due { items: page.items, count: page.count.map(|count| Count { value: count.value, capped: count.capped }) })),
        Err(OfficeError::Store(error)) if error.is_unavailable() => Ok(None),
        Err(failed) => Err(failed.into()),
    }
}

/// Whether somebody placed or serves a call, or it rings at theirs.
fn is_of(call: &CallView, user: UserId) -> bool {
    let serves = call.segments.iter().any(|segment| segment.user == Some(user) && segment.to.is_none());
    let rings = call.segments.is_empty() && call.rung.iter().any(|rung| rung.user == Some(user));
    serves || rings || call.user == Some(user)
}
