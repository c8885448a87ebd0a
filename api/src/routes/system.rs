//! How the server is: health, the state of the trunks, metrics, the API's own description (S004-33).

use std::{
    collections::BTreeMap,
    sync::LazyLock,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use model::{AccountState, CarrierId, CenterId, HubId, SlotStatus, SlotView, WallTime, carrier::Standing};
use office::{TRUNKS, can};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    metrics::CONTENT_TYPE as OPEN_METRICS,
    openapi::document,
    resources::{object, seen},
    routes::carriers::{self, stands},
    state::{Api, Reloaded, Status},
    wire::Trunk,
};

/// How long the database may take to say that it is there.
const DATABASE_TIME: Duration = Duration::from_secs(2);

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(examples("ok"))]
    status: &'static str,
    version: &'static str,
}

/// How the trunks are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PbxStatus {
    /// The domain that phones register with: what stands behind the `@` of their addresses.
    domain: String,
    /// What phones take as their server: the domain, with a port behind it if it is not 5060.
    #[schema(examples("10.0.0.5:5070"))]
    server: String,
    /// What they reach it by: `udp`.
    #[schema(examples("udp"))]
    transport: &'static str,
    /// All that they can reach it by: `udp`, `tcp`, `tls`, `websocket`, as far as it is switched on.
    #[schema(examples(json!(["udp", "tcp", "tls"])))]
    transports: Vec<&'static str>,
    /// Calls that are up or being set up.
    calls: u64,
    /// All slots.
    slots: SlotCounts,
    /// Each trunk, with the columns of it that may be seen.
    #[schema(value_type = Vec<TrunkStatus>)]
    trunks: Vec<Map<String, Value>>,
    /// Each carrier, with the columns of it that may be seen.
    #[schema(value_type = Vec<CarrierStatus>)]
    carriers: Vec<Map<String, Value>>,
}

/// How a carrier is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `stands` tells")]
pub(crate) struct CarrierStatus {
    #[schema(value_type = String)]
    id: CarrierId,
    name: String,
    /// Whether it is switched on.
    on: bool,
    /// `up`, `down`, `full` or `too_fast`: whether it can be called now.
    #[schema(value_type = String)]
    standing: Standing,
    /// Since when it is there, or is not (switched on, answering, registered); at most since the server has begun.
    #[schema(value_type = Option<i64>)]
    since: Option<WallTime>,
    /// Calls that it has now, both ways.
    calls: u32,
    /// Our accounts with it; null for who may not see its settings.
    accounts: Option<Vec<CarrierAccountStatus>>,
    /// Its hosts; null for who may not see its settings.
    hosts: Option<Vec<CarrierHostStatus>>,
}

/// How an account with a carrier is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `stands` tells")]
pub(crate) struct CarrierAccountStatus {
    username: String,
    /// `off`, `trying`, `registered`, `failing` or `leaving`.
    #[schema(value_type = String)]
    state: AccountState,
    /// Until when the carrier knows where we are, unless that is refreshed.
    #[schema(value_type = Option<i64>)]
    expires_at: Option<WallTime>,
    /// When the carrier is asked next: to refresh the registration, or to try once more.
    #[schema(value_type = Option<i64>)]
    next_at: Option<WallTime>,
    /// Why the last attempt failed.
    last_error: Option<String>,
}

/// How a carrier's host is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `stands` tells")]
pub(crate) struct CarrierHostStatus {
    host: String,
    /// Whether it answers; null until that is known, and if it is not asked.
    up: Option<bool>,
    /// Why it did not answer when it was asked last: no answer, or why there is no connection, a certificate that is not believed among that.
    last_error: Option<String>,
}

/// How a trunk is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what the status tells")]
pub(crate) struct TrunkStatus {
    #[serde(flatten)]
    trunk: Trunk,
    slots: SlotCounts,
}

/// Slots by what they are; `total` is the sum of all but `registered`.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct SlotCounts {
    total: u64,
    /// With a registered phone, whatever their status.
    registered: u64,
    free: u64,
    busy: u64,
    taken: u64,
    offline: u64,
    fault: u64,
    disabled: u64,
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SystemStatus {
    version: &'static str,
    uptime_s: u64,
    /// Whether it shuts down and takes no new calls.
    draining: bool,
    database: DatabaseStatus,
    /// Facts in the journal that the database does not have yet.
    journal_lag: i64,
    /// Calls that are up or being set up, in all centres; in one's own for who has `monitor.read` alone, as the slots.
    calls: u64,
    slots: u64,
    slots_registered: u64,
    /// Open Socket.IO connections; null for who has `monitor.read` alone.
    sockets: Option<i64>,
    /// Octets free where the data is; null for who has `monitor.read` alone.
    disk_free: Option<u64>,
    disk_total: Option<u64>,
    /// The certificate of the HTTPS listener; null without HTTPS, and for who has `monitor.read` alone.
    certificate: Option<Certificate>,
}

/// How it is with the certificate of the HTTPS listener.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Certificate {
    /// The names that it is for.
    #[schema(examples("desk.example.com"))]
    domains: Vec<String>,
    /// Until when the one in force is good; null if there is none.
    #[schema(value_type = Option<i64>)]
    ends_at: Option<WallTime>,
    /// When the next is ordered; null if people put it in place.
    #[schema(value_type = Option<i64>)]
    next_at: Option<WallTime>,
    /// What somebody should do something about, for people: no certificate yet, or one that ends within 14 days and cannot
    /// be renewed, or that people renew.
    warning: Option<String>,
}

/// How the database is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabaseStatus {
    /// `sqlite` or `postgres`.
    #[schema(examples("sqlite"))]
    engine: &'static str,
    /// Whether it answers and takes changes.
    ok: bool,
    /// How long that took.
    answer_ms: u64,
}

/// What a reload of the configuration did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadDone {
    /// The keys that have another value now.
    #[schema(examples("log.filter"))]
    changed: Vec<String>,
    /// What is in force otherwise than it stands there, and what is likely a mistake.
    #[schema(examples("the limit of open files (1024) allows 96 calls at once"))]
    warnings: Vec<String>,
}

/// Is the server up?
///
/// While it shuts down (SIGTERM) and running calls go on, the answer is 503 and `draining`: send it no new work.
#[utoipa::path(get, path = "/healthz", tag = "system", responses(
    (status = 200, description = "It is: `ok`.", body = Health),
    (status = 503, description = "It takes no new work: `draining`.", body = Health)))]
pub(crate) async fn healthz(State(api): State<Api>) -> (StatusCode, Json<Health>) {
    let (code, status) = if api.live.is_draining() { (StatusCode::SERVICE_UNAVAILABLE, "draining") } else { (StatusCode::OK, "ok") };
    (code, Json(Health { status, version: env!("CARGO_PKG_VERSION") }))
}

/// Read the configuration again.
///
/// File and environment are checked whole. If all is well and nothing but what can change in a running server has changed, it is in force
/// at once, and calls go on; else the answer is 422, `details.errors` names everything that is wrong, and nothing has changed.
#[utoipa::path(post, path = "/api/system/reload", tag = "system",
    responses((status = 200, description = "In force.", body = ReloadDone)))]
pub(crate) async fn reload(State(api): State<Api>, caller: Caller) -> Result<Json<ReloadDone>, Problem> {
    // To its end, even if the one who asked does not wait for it.
    let reloaded = async move {
        let reloaded = api.system.reload().await;
        let told = reloaded.as_ref().map(|done| done.changed.as_slice()).map_err(Vec::as_slice);
        api.office.note_reload(&caller, told, now());
        reloaded
    };
    let reloaded = tokio::spawn(reloaded).await.map_err(Problem::internal)?;
    match reloaded {
        Ok(Reloaded { changed, warnings }) => Ok(Json(ReloadDone { changed, warnings })),
        Err(errors) => Err(Problem::new(Code::ConfigRefused).with("details", json!({ "errors": errors }))),
    }
}

/// How are the trunks?
#[utoipa::path(get, path = "/api/pbx/status", tag = "system", responses((status = 200, description = "They are so.", body = PbxStatus)))]
pub(crate) async fn pbx_status(State(api): State<Api>, caller: Caller) -> Result<Json<PbxStatus>, Problem> {
    let directory = api.office.directory(&caller).await?;
    let hubs = api.office.trunks(&caller).await?;
    let mut all = SlotCounts::default();
    let mut by_hub: BTreeMap<HubId, SlotCounts> = BTreeMap::new();
    for view in api.live.slots().into_iter().filter(|view| view.center == caller.center()) {
        // Nobody's viewpoint: a slot that the asking administrator holds is taken here as well.
        let status = view.status(None);
        all.add(status, view.registered);
        if let Some(entry) = directory.slot(view.id) {
            by_hub.entry(entry.hub).or_default().add(status, view.registered);
        }
    }
    let columns = caller.view(&TRUNKS);
    let trunk = |hub: model::Hub| {
        let slots = by_hub.get(&hub.id).copied().unwrap_or_default();
        let mut told = seen(&columns, &Trunk::from(hub));
        told.extend([("slots".to_owned(), Value::Object(object(&slots)))]);
        told
    };
    let calls = api.live.calls().into_iter().filter(|view| view.center == caller.center()).count();
    let carriers = carriers::standing(&api).await?;
    let reader = caller.also(can::TRUNKS_READ).map(|reader| reader.view(&TRUNKS));
    let carriers = carriers.iter().filter(|view| view.center == caller.center()).map(|view| {
        let mut told = stands(&columns, reader.as_ref(), view);
        told.remove("center");
        for name in ["accounts", "hosts"] {
            told.entry(name).or_insert(Value::Null);
        }
        told
    });
    Ok(Json(PbxStatus {
        domain: api.settings.sip_domain.clone(),
        server: api.settings.sip_server.clone(),
        transport: "udp",
        transports: api.settings.sip_transports.clone(),
        calls: u64::try_from(calls).unwrap_or(u64::MAX),
        slots: all,
        trunks: hubs.into_iter().map(trunk).collect(),
        carriers: carriers.collect(),
    }))
}

/// How is the server?
///
/// `system.monitor` tells of all centres; `monitor.read` of one's own, and nothing of the disk, the certificate and open consoles.
#[utoipa::path(get, path = "/api/monitor/system", tag = "system",
    responses((status = 200, description = "It is so.", body = SystemStatus)))]
pub(crate) async fn status(State(api): State<Api>, caller: Caller) -> Json<SystemStatus> {
    let sees_all = caller.also(can::SYSTEM_MONITOR).is_some();
    let concerns = |center: CenterId| sees_all || center == caller.center();
    let Status { version, uptime, journal_lag, disk_free, disk_total, certificate } = api.system.status();
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut slots = api.live.slots();
    slots.retain(|view| concerns(view.center));
    let asked = Instant::now();
    let database_ok = tokio::time::timeout(DATABASE_TIME, api.office.ping()).await.is_ok_and(|answer| answer.is_ok());
    Json(SystemStatus {
        version,
        uptime_s: uptime.as_secs(),
        draining: api.live.is_draining(),
        database: DatabaseStatus { engine: api.office.engine(), ok: database_ok, answer_ms: milliseconds(asked.elapsed()) },
        journal_lag,
        calls: count(api.live.calls().iter().filter(|call| concerns(call.center)).count()),
        slots: count(slots.len()),
        slots_registered: count(slots.iter().filter(|view| view.registered).count()),
        sockets: sees_all.then(|| api.metrics.sockets_live.get()),
        disk_free: disk_free.filter(|_| sees_all),
        disk_total: disk_total.filter(|_| sees_all),
        certificate: certificate.filter(|_| sees_all).map(|certificate| Certificate {
            domains: certificate.domains,
            ends_at: certificate.ends_at,
            next_at: certificate.next_at,
            warning: certificate.warning,
        }),
    })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The server's own metrics, for Prometheus.
///
/// Needs an administrator's token, or a caller on this machine that is no proxy.
#[utoipa::path(get, path = "/metrics", tag = "system",
    responses((status = 200, description = "OpenMetrics text.", content_type = "application/openmetrics-text", body = String)))]
pub(crate) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let slots = api.live.slots();
    api.metrics.calls_live.set(count(api.live.calls().len()));
    api.metrics.slots_registered.set(count(slots.iter().filter(|view| view.registered).count()));
    let text = api.metrics.render().map_err(Problem::internal)?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object)))]
pub(crate) async fn openapi() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(document);
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// Slots by what they are, from nobody's viewpoint: one that the asking person holds is taken as well.
pub(crate) fn counted<'a>(slots: impl Iterator<Item = &'a SlotView>) -> SlotCounts {
    let mut counts = SlotCounts::default();
    slots.for_each(|view| counts.add(view.status(None), view.registered));
    counts
}

impl SlotCounts {
    fn add(&mut self, status: SlotStatus, registered: bool) {
        self.total += 1;
        self.registered += u64::from(registered);
        *match status {
            SlotStatus::Free => &mut self.free,
            SlotStatus::Busy => &mut self.busy,
            SlotStatus::Taken => &mut self.taken,
            SlotStatus::Offline => &mut self.offline,
            SlotStatus::Fault => &mut self.fault,
            SlotStatus::Disabled => &mut self.disabled,
        } += 1;
    }
}
