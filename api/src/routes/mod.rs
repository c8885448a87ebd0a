//! The routes, in tables: method, path, what it asks of its caller, who answers. Modules have tables of their own.

pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod bulk;
pub(crate) mod call;
pub(crate) mod callers;
pub(crate) mod calls;
pub(crate) mod carriers;
pub(crate) mod centers;
pub(crate) mod crm;
pub(crate) mod exports;
pub(crate) mod jobs;
pub(crate) mod me;
pub(crate) mod monitor;
pub(crate) mod oidc;
pub(crate) mod recording;
pub(crate) mod roles;
pub(crate) mod routing;
pub(crate) mod scenarios;
pub(crate) mod security;
pub(crate) mod session;
pub(crate) mod slots;
pub(crate) mod system;
mod table;
pub(crate) mod transfer;
pub(crate) mod trunks;
pub(crate) mod users;
pub(crate) mod webhooks;

use axum::{Router, middleware::from_fn_with_state, routing::get};

use office::can;

use crate::{
    console,
    dress::dress,
    error::{Code, Problem},
    live::socket,
    phones, resources,
    state::{Api, ApiParts},
};
use table::routes;

pub(crate) use table::Route;

resources::listed! {
    Trunks = office::TRUNKS;
    Centers = office::CENTERS;
    OidcRoleMap = office::accounts::OIDC_ROLE_MAP;
    Jobs = office::jobs::JOBS;
    Schedules = office::jobs::SCHEDULES;
    Exports = office::export::EXPORTS;
    Recordings = office::RECORDINGS;
    Routing = office::ROUTES;
    Scenarios = office::scenarios::SCENARIOS;
    Webhooks = office::webhooks::WEBHOOKS;
    WebhookDeliveries = office::webhooks::WEBHOOK_DELIVERIES;
    Registrations = office::REGISTRATIONS;
}

routes! {
    POST "/api/auth/login", Access::Open, session::login;
    POST "/api/auth/refresh", Access::Open, session::refresh;
    POST "/api/auth/logout", Access::Token(can::PROFILE_READ), session::logout;
    GET "/api/auth/link", Access::Open, session::link;
    POST "/api/auth/link", Access::Open, session::use_link;
    POST "/api/auth/forgot", Access::Open, session::forgot;
    GET "/api/auth/providers", Access::Open, oidc::providers;
    GET "/api/auth/oidc/{id}/start", Access::Open, oidc::start;
    GET "/api/auth/oidc/{id}/callback", Access::Open, oidc::callback;
    POST "/api/auth/oidc/{id}/backchannel", Access::Open, oidc::backchannel;

    GET "/api/me", Access::Token(can::PROFILE_READ), me::me;
    PUT "/api/me", Access::Token(can::PROFILE_UPDATE), me::change;
    PUT "/api/me/password", Access::Token(can::PROFILE_UPDATE), me::change_password;
    GET "/api/me/permissions", Access::Token(can::PROFILE_READ), me::permissions;
    GET "/api/me/settings/{key}", Access::Token(can::PROFILE_READ), me::setting;
    PUT "/api/me/settings/{key}", Access::Token(can::PROFILE_UPDATE), me::set_setting;
    GET "/api/me/sessions", Access::Token(can::PROFILE_READ), me::sessions;
    DELETE "/api/me/sessions/{id}", Access::Token(can::PROFILE_UPDATE), me::end_session;
    GET "/api/me/tokens", Access::Token(can::TOKENS_READ), me::tokens;
    POST "/api/me/tokens", Access::Token(can::TOKENS_CREATE), me::create_token;
    DELETE "/api/tokens/{id}", Access::Token(can::TOKENS_DELETE), me::end_token;
    GET "/api/point/rolecheck", Access::Token(can::PROFILE_READ), roles::check;

    GET "/api/users", Access::Token(can::USERS_READ), users::list;
    POST "/api/users", Access::Token(can::USERS_CREATE), users::create;
    POST "/api/users/bulk", Access::Token(can::USERS_BULK), bulk::users;
    GET "/api/users/{id}", Access::Token(can::USERS_READ), users::read;
    PUT "/api/users/{id}", Access::Token(can::USERS_UPDATE), users::change;
    DELETE "/api/users/{id}", Access::Token(can::USERS_DELETE), users::delete;
    POST "/api/users/{id}/link", Access::Token(can::USERS_UPDATE), users::link;
    POST "/api/users/{id}/logout", Access::Token(can::USERS_UPDATE), users::logout;
    GET "/api/users/{id}/tokens", Access::Token(can::TOKENS_READ), users::tokens;

    GET "/api/roles", Access::Token(can::ROLES_READ), roles::list;
    POST "/api/roles", Access::Token(can::ROLES_CREATE), roles::create;
    GET "/api/roles/{id}", Access::Token(can::ROLES_READ), roles::read;
    PUT "/api/roles/{id}", Access::Token(can::ROLES_UPDATE), roles::change;
    DELETE "/api/roles/{id}", Access::Token(can::ROLES_DELETE), roles::delete;
    GET "/api/roles/{id}/shape", Access::Token(can::ROLES_READ), roles::shape;
    PUT "/api/roles/{id}/shape", Access::Token(can::ROLES_UPDATE), roles::set_shape;
    GET "/api/permission-sets", Access::Token(can::ROLES_READ), roles::list_sets;
    POST "/api/permission-sets", Access::Token(can::ROLES_CREATE), roles::create_set;
    GET "/api/permission-sets/{id}", Access::Token(can::ROLES_READ), roles::read_set;
    PUT "/api/permission-sets/{id}", Access::Token(can::ROLES_UPDATE), roles::change_set;
    DELETE "/api/permission-sets/{id}", Access::Token(can::ROLES_DELETE), roles::delete_set;
    GET "/api/permissions", Access::Token(can::ROLES_READ), roles::permissions;
    GET "/api/oidc-role-map", Access::Token(can::OIDC_ROLE_MAP_READ), resources::list::<OidcRoleMap>;
    POST "/api/oidc-role-map", Access::Token(can::OIDC_ROLE_MAP_CREATE), roles::create_rule;
    DELETE "/api/oidc-role-map/{id}", Access::Token(can::OIDC_ROLE_MAP_DELETE), roles::delete_rule;

    GET "/api/centers", Access::Token(can::CENTERS_READ), resources::list::<Centers>;
    POST "/api/centers", Access::Token(can::CENTERS_CREATE), centers::create;
    GET "/api/centers/{id}", Access::Token(can::CENTERS_READ), resources::read::<Centers>;
    PUT "/api/centers/{id}", Access::Token(can::CENTERS_UPDATE), centers::change;

    GET "/api/audit", Access::Token(can::AUDIT_LOG_READ), audit::list;
    GET "/api/audit/{id}", Access::Token(can::AUDIT_LOG_READ), audit::read;
    POST "/api/audit/verify", Access::Token(can::AUDIT_LOG_VERIFY), audit::verify;
    GET "/api/security-audit", Access::Token(can::AUDIT_LOG_READ), audit::security;
    GET "/api/dci/logs", Access::Token(can::EVENTS_LOG_READ), audit::events;
    POST "/api/dci/log-event", Access::Token(can::EVENTS_LOG_CREATE), audit::log_event;

    GET "/api/jobs", Access::Token(can::JOBS_READ), resources::list::<Jobs>;
    GET "/api/jobs/{id}", Access::Token(can::JOBS_READ), resources::read::<Jobs>;
    POST "/api/jobs/{id}/cancel", Access::Token(can::JOBS_MANAGE), jobs::cancel;
    GET "/api/schedules", Access::Token(can::SCHEDULES_READ), resources::list::<Schedules>;
    POST "/api/schedules", Access::Token(can::SCHEDULES_CREATE), jobs::create_schedule;
    GET "/api/schedules/{id}", Access::Token(can::SCHEDULES_READ), resources::read::<Schedules>;
    PUT "/api/schedules/{id}", Access::Token(can::SCHEDULES_UPDATE), jobs::change_schedule;
    DELETE "/api/schedules/{id}", Access::Token(can::SCHEDULES_DELETE), jobs::delete_schedule;

    GET "/api/exports", Access::Token(can::EXPORTS_READ), resources::list::<Exports>;
    POST "/api/exports", Access::Token(can::EXPORTS_READ), exports::create;
    POST "/api/exports/quick", Access::Token(can::EXPORTS_READ), exports::quick;
    GET "/api/exports/{id}", Access::Token(can::EXPORTS_READ), resources::read::<Exports>;
    DELETE "/api/exports/{id}", Access::Token(can::EXPORTS_DELETE), exports::delete;
    GET "/api/exports/{id}/file", Access::TokenOrTicket(can::EXPORTS_READ), exports::file;
    POST "/api/exports/{id}/file/token", Access::Token(can::EXPORTS_READ), exports::ticket;

    GET "/api/webhooks", Access::Token(can::WEBHOOKS_READ), resources::list::<Webhooks>;
    POST "/api/webhooks", Access::Token(can::WEBHOOKS_CREATE), webhooks::create;
    GET "/api/webhooks/{id}", Access::Token(can::WEBHOOKS_READ), resources::read::<Webhooks>;
    PUT "/api/webhooks/{id}", Access::Token(can::WEBHOOKS_UPDATE), webhooks::change;
    DELETE "/api/webhooks/{id}", Access::Token(can::WEBHOOKS_DELETE), webhooks::delete;
    POST "/api/webhooks/{id}/secret", Access::Token(can::WEBHOOKS_UPDATE), webhooks::renew;
    POST "/api/webhooks/{id}/test", Access::Token(can::WEBHOOKS_UPDATE), webhooks::test;
    GET "/api/webhook-deliveries", Access::Token(can::WEBHOOKS_READ), resources::list::<WebhookDeliveries>;
    GET "/api/webhook-deliveries/{id}", Access::Token(can::WEBHOOKS_READ), resources::read::<WebhookDeliveries>;
    POST "/api/webhook-deliveries/{id}/replay", Access::Token(can::WEBHOOKS_UPDATE), webhooks::replay;

    GET "/api/slots", Access::Token(can::SLOTS_READ), slots::list;
    GET "/api/slots/{id}", Access::Token(can::SLOTS_READ), slots::read;
    PUT "/api/slots/{id}", Access::Token(can::SLOTS_ADMIN), slots::change;
    DELETE "/api/slots/{id}", Access::Token(can::SLOTS_DELETE), slots::delete;
    GET "/api/slots/{id}/limits", Access::Token(can::SLOTS_UPDATE), slots::limits;
    PUT "/api/slots/{id}/limits", Access::Token(can::SLOTS_UPDATE), slots::set_limits;
    GET "/api/slots/{id}/caller", Access::Token(can::SLOTS_UPDATE), callers::caller;
    PUT "/api/slots/{id}/caller", Access::Token(can::SLOTS_UPDATE), callers::set_caller;
    POST "/api/slots/{id}/take", Access::Token(can::SLOTS_USE), slots::take;
    POST "/api/slots/{id}/release", Access::Token(can::SLOTS_USE), slots::release;

    GET "/api/registrations", Access::Token(can::SLOTS_TRACE), resources::list::<Registrations>;
    GET "/api/registrations/{id}", Access::Token(can::SLOTS_TRACE), resources::read::<Registrations>;

    GET "/api/trunks", Access::Token(can::TRUNKS_READ), resources::list::<Trunks>;
    POST "/api/trunks", Access::Token(can::TRUNKS_CREATE), trunks::create;
    GET "/api/trunks/{id}", Access::Token(can::TRUNKS_READ), trunks::read;
    PUT "/api/trunks/{id}", Access::Token(can::TRUNKS_UPDATE), trunks::change;
    DELETE "/api/trunks/{id}", Access::Token(can::TRUNKS_DELETE), trunks::delete;

    GET "/api/routes", Access::Token(can::ROUTES_READ), resources::list::<Routing>;
    POST "/api/routes", Access::Token(can::ROUTES_CREATE), routing::create;
    POST "/api/routes/explain", Access::Token(can::ROUTES_READ), routing::explain;
    GET "/api/routes/{id}", Access::Token(can::ROUTES_READ), routing::read;
    PUT "/api/routes/{id}", Access::Token(can::ROUTES_UPDATE), routing::change;
    DELETE "/api/routes/{id}", Access::Token(can::ROUTES_DELETE), routing::delete;

    GET "/api/scenarios", Access::Token(can::SCENARIOS_READ), resources::list::<Scenarios>;
    POST "/api/scenarios", Access::Token(can::SCENARIOS_CREATE), scenarios::create;
    GET "/api/scenarios/{id}", Access::Token(can::SCENARIOS_READ), resources::read::<Scenarios>;
    PUT "/api/scenarios/{id}", Access::Token(can::SCENARIOS_UPDATE), scenarios::change;
    DELETE "/api/scenarios/{id}", Access::Token(can::SCENARIOS_DELETE), scenarios::delete;

    POST "/api/call/start", Access::Token(can::CALLS_START), call::start;
    POST "/api/call/end", Access::Token(can::CALLS_END), call::end;
    GET "/api/calls", Access::Token(can::CALLS_READ), calls::list;
    GET "/api/calls/{id}", Access::Token(can::CALLS_READ), calls::read;
    POST "/api/calls/{id}/transfer", Access::Token(can::CALLS_END), transfer::transfer;
    GET "/api/calls/{id}/ladder", Access::Token(can::CALLS_TRACE), calls::ladder;
    GET "/api/cdr/records", Access::Token(can::CALLS_READ), calls::records;
    GET "/api/recordings", Access::Token(can::RECORDINGS_READ), resources::list::<Recordings>;
    GET "/api/calls/{id}/recording", Access::TokenOrTicket(can::RECORDINGS_LISTEN), recording::stream;
    POST "/api/calls/{id}/recording/token", Access::Token(can::RECORDINGS_LISTEN), recording::ticket;
    GET "/api/calls/{id}/recording/peaks", Access::Token(can::RECORDINGS_LISTEN), recording::peaks;
    PUT "/api/calls/{id}/recording/hold", Access::Token(can::RECORDINGS_HOLD), recording::hold;
    DELETE "/api/calls/{id}/recording", Access::Token(can::RECORDINGS_DELETE), recording::erase;

    GET "/api/pbx/status", Access::Token(can::TRUNKS_MONITOR), system::pbx_status;
    GET "/api/monitor/system", Access::TokenEither(can::MONITOR_READ, can::SYSTEM_MONITOR), system::status;
    GET "/api/monitor/network", Access::Token(can::MONITOR_READ), monitor::network;
    GET "/api/monitor/slots", Access::Token(can::MONITOR_READ), monitor::slots;
    GET "/api/monitor/slots/{id}", Access::Token(can::MONITOR_READ), monitor::slot;
    POST "/api/system/reload", Access::Token(can::SYSTEM_CONFIGURE), system::reload;
    GET "/api/security/bans", Access::Token(can::SECURITY_READ), security::bans;
    POST "/api/security/bans", Access::Token(can::SECURITY_MANAGE), security::ban;
    DELETE "/api/security/bans/{source}", Access::Token(can::SECURITY_MANAGE), security::release;
    GET "/api/security/budgets", Access::Token(can::SECURITY_READ), budgets::budgets;
    PUT "/api/security/budgets/{kind}/{id}", Access::Token(can::SECURITY_MANAGE), budgets::set_budget;
    DELETE "/api/security/budgets/{kind}/{id}", Access::Token(can::SECURITY_MANAGE), budgets::delete_budget;
    POST "/api/security/budgets/{kind}/{id}/release", Access::Token(can::SECURITY_MANAGE), budgets::release_budget;
    GET "/api/security/status", Access::Token(can::SECURITY_READ), security::status;
    GET "/api/openapi.json", Access::Open, system::openapi;
    GET "/healthz", Access::Open, system::healthz;
    GET "/metrics", Access::TokenOrLoopback(can::METRICS_READ), system::metrics;
}

/// Makes the whole HTTP service: REST under `/api`, Socket.IO under `/socket.io/`, `/healthz`, `/metrics`.
///
/// Call within a tokio runtime.
pub fn router(parts: ApiParts) -> Router {
    let api = Api::new(parts);
    routed(api)
}

/// Every route of every table. A test walks them with every role.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(crm::AREAS.iter().flat_map(|area| area.routes))
}

pub(crate) fn routed(api: Api) -> Router {
    crm::AREAS
        .iter()
        .fold(table(Router::new(), &api), |router, area| (area.table)(router, &api))
        .route(phones::PATH, get(phones::open))
        .fallback(console::serve)
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .with_state(api.clone())
        .layer(socket::layer(&api))
        .layer(from_fn_with_state(api.clone(), socket::door))
        .layer(from_fn_with_state(api, dress))
}

/// The table's own copy of a route's pattern.
pub(crate) fn pattern(path: &str) -> &'static str {
    all().find(|route| route.path == path).map_or("other", |route| route.path)
}
