//! What somebody sees first: a section for each of their rights, and none for what they may not see (S004-13, S004-108, S004-109, S004-135).

use std::collections::BTreeMap;

use ::crm::{
    can as crm_can,
    core::days::Day,
    reports::{self as told, period},
};
use axum::{Json, extract::State};
use model::{CallStatus, Direction, SlotId};
use office::can;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    Area,
    reports::{CallSums, ConversionReport, Counted, DailyLine},
};
use crate::{
    auth::{Caller, now},
    error::Problem,
    params::Params,
    routes::{
        system::{SlotCounts, counted},
        table::routes,
    },
    state::Api,
};

/// Days of conversions, today among them.
const CONVERSION_DAYS: u64 = 30;

routes! {
    GET "/api/dashboard", Access::Token(can::PROFILE_READ), dashboard;
}

#[derive(OpenApi)]
#[openapi(paths(dashboard))]
struct Document;

pub(super) const AREA: Area = Area { routes: ROUTES, table, document: Document::openapi, lists: &[] };

/// What somebody sees first. A section whose right they do not have is absent.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Dashboard {
    /// Today, by the centre's clocks.
    #[schema(value_type = String, examples("2026-11-22"))]
    date: Option<Day>,
    /// How leads stand: by `leads.read`, those that it reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    leads: Option<LeadsNow>,
    /// What became of the leads that were made in the last 30 days: by `conversion.read`, those that it reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, value_type = ConversionReport)]
    conversion: Option<told::ConversionReport>,
    /// Calls of today: by `reports.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    calls: Option<CallsToday>,
    /// One's own desk: by `slots.use`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    desk: Option<Desk>,
    /// The centre now: by `calls.monitor` and `slots.monitor` of the whole centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    center: Option<CenterNow>,
}

/// How leads stand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadsNow {
    /// By where they stand.
    by_status: BTreeMap<&'static str, i64>,
    /// Those that may still become clients.
    open: i64,
    /// Those of them whose next action is due.
    due: i64,
}

/// Calls of today.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallsToday {
    /// What they count: parts for who does not reach the whole centre.
    #[schema(value_type = Counted)]
    totals_are: told::Counted,
    #[schema(value_type = CallSums)]
    totals: told::CallSums,
}

/// One's own desk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Desk {
    /// The slots that one has taken.
    slots: Vec<DeskSlot>,
    /// The calls that one is in, or that ring.
    calls: usize,
}

/// A slot that one has taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeskSlot {
    #[schema(value_type = String)]
    id: SlotId,
    number: String,
    /// Whether its phone is registered.
    registered: bool,
}

/// The centre now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CenterNow {
    calls: CallCounts,
    slots: SlotCounts,
    /// Today of each who had a call or did something: by `reports.read` of the whole centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, value_type = Vec<DailyLine>)]
    people: Option<Vec<told::DailyLine>>,
}

/// Calls that are up or being set up.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct CallCounts {
    total: u64,
    inbound: u64,
    outbound: u64,
    internal: u64,
    /// Nobody has answered them yet.
    waiting: u64,
    answered: u64,
    held: u64,
}

/// Tell what to see first.
///
/// A section for each right: leads and conversions, calls of today, one's own desk, the centre. What is not permitted is absent.
#[utoipa::path(get, path = "/api/dashboard", tag = "reports", responses((status = 200, description = "The sections.", body = Dashboard)))]
pub(crate) async fn dashboard(State(api): State<Api>, caller: Caller, params: Params) -> Result<Json<Dashboard>, Problem> {
    params.finish()?;
    let now = now();
    let zone = api.crm.zone(caller.center()).await?;
    let today = Day::of(now, zone);
    let mut shown = Dashboard { date: Some(today), ..Dashboard::default() };
    if let Some(reader) = caller.also(crm_can::LEADS_READ) {
        let told::LeadCounts { by_status, open, due } = api.crm.lead_counts(&reader, now).await?;
        shown.leads = Some(LeadsNow { by_status, open, due });
    }
    if let Some(reader) = caller.also(crm_can::CONVERSION_READ) {
        shown.conversion = Some(api.crm.conversion(&reader, period(today.back(CONVERSION_DAYS - 1), today)?).await?);
    }
    let mut people = None;
    if let Some(reader) = caller.also(crm_can::REPORTS_READ) {
        let day = api.crm.daily_report(&reader, today, now).await?;
        shown.calls = Some(CallsToday { totals_are: day.totals_are, totals: day.totals });
        people = reader.is_wide().then_some(day.people);
    }
    if caller.also(can::SLOTS_USE).is_some() {
        shown.desk = Some(desk(&api, &caller));
    }
    let watches_all = |right| caller.also(right).is_some_and(|watcher| watcher.is_wide());
    if watches_all(can::CALLS_MONITOR) && watches_all(can::SLOTS_MONITOR) {
        let slots = counted(api.live.slots().iter().filter(|view| view.center == caller.center()));
        shown.center = Some(CenterNow { calls: calls_now(&api, &caller), slots, people });
    }
    Ok(Json(shown))
}

fn desk(api: &Api, caller: &Caller) -> Desk {
    let user = Some(caller.user());
    let slots = api.live.slots().into_iter().filter(|view| view.center == caller.center() && view.holder == user);
    let slots: Vec<DeskSlot> = slots.map(|view| DeskSlot { id: view.id, number: view.number, registered: view.registered }).collect();
    let calls = api.live.calls().into_iter().filter(|call| call.center == caller.center());
    let is_in = |call: &model::CallView| {
        call.segments.iter().any(|segment| segment.to.is_none() && segment.user == user)
            || (call.answered_at.is_none() && (call.user == user || call.rung.iter().any(|rung| rung.user == user)))
    };
    Desk { slots, calls: calls.filter(is_in).count() }
}

fn calls_now(api: &Api, caller: &Caller) -> CallCounts {
    let mut counts = CallCounts::default();
    for call in api.live.calls().into_iter().filter(|call| call.center == caller.center()) {
        counts.total += 1;
        *match call.direction {
            Direction::Inbound => &mut counts.inbound,
            Direction::Outbound => &mut counts.outbound,
            Direction::Internal => &mut counts.internal,
        } += 1;
        *match call.status {
            CallStatus::Answered => &mut counts.answered,
            CallStatus::Held => &mut counts.held,
            _ => &mut counts.waiting,
        } += 1;
    }
    counts
}
