//! How telephony is, for those who watch it: phones, carriers, slots one by one (S004-113, S004-118, S004-137).

use axum::{Json, extract::State};
use model::{CallView, ListKind, SlotId, SlotView};
use office::{CALLS, OfficeError, REGISTRATIONS, Row, SLOTS, TRUNKS, can};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::Caller,
    error::{Code, Problem},
    params::{Id, Params},
    resources::{ListAnswer, ListParamsSchema, ListQuery, object, seen},
    routes::{
        carriers::{self, stands},
        system::{CarrierStatus, SlotCounts, counted},
    },
    state::Api,
    wire::{Call, List, Slot},
};

/// How phones and carriers are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Network {
    /// The domain that phones register with.
    domain: String,
    /// What phones take as their server.
    server: String,
    /// What they can reach it by: `udp`, `tcp`, `tls`, `websocket`.
    transports: Vec<&'static str>,
    /// The centre's slots; `registered` are those whose phone is there.
    slots: SlotCounts,
    /// Each carrier of the centre, with the columns of it that may be seen.
    #[schema(value_type = Vec<CarrierStatus>)]
    carriers: Vec<Map<String, Value>>,
}

/// A slot as it is now.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `slot` tells")]
pub(crate) struct WatchedSlot {
    #[serde(flatten)]
    slot: Slot,
    /// The call that it is in, by `calls.read`; null: none, or none that one may see.
    call: Option<Call>,
    /// The phone's registration, by `slots.trace`: it names addresses. Null: none, or one that one may not see.
    #[schema(value_type = Option<Object>)]
    registration: Option<Map<String, Value>>,
}

/// How are phones and carriers?
#[utoipa::path(get, path = "/api/monitor/network", tag = "system",
    responses((status = 200, description = "They are so.", body = Network)))]
pub(crate) async fn network(State(api): State<Api>, caller: Caller, params: Params) -> Result<Json<Network>, Problem> {
    params.finish()?;
    let columns = caller.view(&TRUNKS);
    let reader = caller.also(can::TRUNKS_READ).map(|reader| reader.view(&TRUNKS));
    let standing = carriers::standing(&api).await?;
    let carriers = standing.iter().filter(|view| view.center == caller.center()).map(|view| {
        let mut told = stands(&columns, reader.as_ref(), view);
        told.remove("center");
        for name in ["accounts", "hosts"] {
            told.entry(name).or_insert(Value::Null);
        }
        told
    });
    Ok(Json(Network {
        domain: api.settings.sip_domain.clone(),
        server: api.settings.sip_server.clone(),
        transports: api.settings.sip_transports.clone(),
        slots: counted(api.live.slots().iter().filter(|view| view.center == caller.center())),
        carriers: carriers.collect(),
    }))
}

/// How are the slots?
///
/// Every slot of the centre, whoever has it: whether its phone is there, who has taken it and since when.
#[utoipa::path(get, path = "/api/monitor/slots", tag = "system", params(ListParamsSchema),
    responses((status = 200, description = "Slots.", body = List<Slot>)))]
pub(crate) async fn slots(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let mut slots = api.live.slots();
    slots.retain(|view| view.center == caller.center());
    let names = api.office.names(slots.iter().filter_map(|view| view.holder).collect()).await;
    let row = |slot: SlotView| {
        let (id, center, users) = (slot.id, slot.center, slot.holder.into_iter().collect());
        let name = slot.holder.and_then(|holder| names.get(&holder).cloned());
        let lists = vec![(ListKind::Slot, id.to_string())];
        Row { key: id.0, row: object(&Slot::new(slot, caller.user(), name)), center, users, lists }
    };
    let rows = slots.into_iter().map(row).collect();
    Ok(Json(api.office.list_in_memory(&caller.view(&SLOTS), rows, &query.params())?.into()))
}

/// How is a slot?
///
/// Its phone, its lease and the call that it is in.
#[utoipa::path(get, path = "/api/monitor/slots/{id}", tag = "system", params(("id" = String, Path)),
    responses((status = 200, description = "It is so.", body = WatchedSlot)))]
pub(crate) async fn slot(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<SlotId>,
    params: Params,
) -> Result<Json<Map<String, Value>>, Problem> {
    params.finish()?;
    let known = api.live.slots().into_iter().find(|view| view.id == id && view.center == caller.center());
    let view = known.ok_or_else(|| Problem::new(Code::SlotNotFound))?;
    let name = match view.holder {
        Some(holder) => api.office.names([holder].into()).await.remove(&holder),
        None => None,
    };
    let mut told = seen(&caller.view(&SLOTS), &Slot::new(view, caller.user(), name));
    told.insert("call".to_owned(), call_at(&api, &caller, id).map_or(Value::Null, Value::Object));
    told.insert("registration".to_owned(), registration(&api, &caller, id).await?.map_or(Value::Null, Value::Object));
    Ok(Json(told))
}

/// The call that a slot is in, as the caller may read it.
fn call_at(api: &Api, caller: &Caller, slot: SlotId) -> Option<Map<String, Value>> {
    let reader = caller.also(can::CALLS_READ)?;
    let is_there = |call: &CallView| {
        [call.caller_slot, call.callee_slot].contains(&Some(slot))
            || call.segments.iter().any(|segment| segment.to.is_none() && segment.slot == slot)
            || (call.answered_at.is_none() && call.rung.iter().any(|rung| rung.slot == slot))
    };
    let live = api.live.calls().into_iter().filter(is_there);
    // Of a call and a consultation about it, the one that was begun last.
    let call = live.filter_map(|call| api.live.call_to_read(call.call_id, reader.rows())).max_by_key(|call| call.call_id)?;
    Some(seen(&reader.view(&CALLS), &Call::from(call)))
}

/// What the database knows of a slot's phone, for who may trace phones.
async fn registration(api: &Api, caller: &Caller, slot: SlotId) -> Result<Option<Map<String, Value>>, Problem> {
    let Some(tracer) = caller.also(can::SLOTS_TRACE) else { return Ok(None) };
    match api.office.read(&tracer.view(&REGISTRATIONS), &slot.to_string()).await {
        Ok(row) => Ok(Some(row)),
        Err(OfficeError::NotFound(_)) => Ok(None),
        // A slot can be told without the database (R21).
        Err(OfficeError::Store(error)) if error.is_unavailable() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
