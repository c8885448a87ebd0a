//! The routes, in one table: method, path, what it asks of its caller, who answers.

pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod recording;
pub(crate) mod session;
pub(crate) mod slots;
pub(crate) mod system;
pub(crate) mod trunks;

use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodFilter, on},
};

use crate::{
    auth::{Access, guard},
    dress::dress,
    error::{Code, Problem},
    live::socket,
    rights::Action,
    state::{Api, ApiParts},
};

/// A route as it stands in the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

macro_rules! routes {
    ($($method:ident $path:literal, $access:expr, $handler:path;)*) => {
        /// Every route. A test walks it with every role.
        pub(crate) const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, access: $access }),*];

        fn table(api: &Api) -> Router<Api> {
            let router = Router::new();
            $(let router = add(router, api, MethodFilter::$method, $path, $access, $handler);)*
            router
        }
    };
}

routes! {
    POST "/api/auth/login", Access::Open, session::login;
    POST "/api/auth/refresh", Access::Open, session::refresh;
    GET "/api/me", Access::Token(Action::ProfileRead), session::me;

    GET "/api/slots", Access::Token(Action::SlotsRead), slots::list;
    GET "/api/slots/{id}", Access::Token(Action::SlotsRead), slots::read;
    PUT "/api/slots/{id}", Access::Token(Action::SlotsManage), slots::change;
    DELETE "/api/slots/{id}", Access::Token(Action::SlotsManage), slots::delete;
    GET "/api/slots/{id}/limits", Access::Token(Action::SlotsManage), slots::limits;
    PUT "/api/slots/{id}/limits", Access::Token(Action::SlotsManage), slots::set_limits;
    POST "/api/slots/{id}/take", Access::Token(Action::SlotsTake), slots::take;
    POST "/api/slots/{id}/release", Access::Token(Action::SlotsTake), slots::release;

    GET "/api/trunks", Access::Token(Action::TrunksManage), trunks::list;
    POST "/api/trunks", Access::Token(Action::TrunksManage), trunks::create;
    GET "/api/trunks/{id}", Access::Token(Action::TrunksManage), trunks::read;
    PUT "/api/trunks/{id}", Access::Token(Action::TrunksManage), trunks::change;
    DELETE "/api/trunks/{id}", Access::Token(Action::TrunksManage), trunks::delete;

    POST "/api/call/start", Access::Token(Action::CallsStart), call::start;
    POST "/api/call/end", Access::Token(Action::CallsEnd), call::end;
    GET "/api/calls", Access::Token(Action::CallsRead), calls::list;
    GET "/api/calls/{id}", Access::Token(Action::CallsRead), calls::read;
    GET "/api/calls/{id}/ladder", Access::Token(Action::CallsTrace), calls::ladder;
    GET "/api/cdr/records", Access::Token(Action::CallsRead), calls::records;
    GET "/api/calls/{id}/recording", Access::TokenOrTicket(Action::RecordingsListen), recording::stream;
    POST "/api/calls/{id}/recording/token", Access::Token(Action::RecordingsListen), recording::ticket;

    GET "/api/pbx/status", Access::Token(Action::PbxRead), system::pbx_status;
    POST "/api/system/reload", Access::Token(Action::SystemManage), system::reload;
    GET "/api/openapi.json", Access::Open, system::openapi;
    GET "/healthz", Access::Open, system::healthz;
    GET "/metrics", Access::TokenOrLoopback(Action::MetricsRead), system::metrics;
}

/// Makes the whole HTTP service: REST under `/api`, Socket.IO under `/socket.io/`, `/healthz`, `/metrics`.
///
/// Call within a tokio runtime.
pub fn router(parts: ApiParts) -> Router {
    let api = Api::new(parts);
    routed(api)
}

pub(crate) fn routed(api: Api) -> Router {
    table(&api)
        .fallback(async || Problem::new(Code::NotFound))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .with_state(api.clone())
        .layer(socket::layer(&api))
        .layer(from_fn_with_state(api.clone(), socket::door))
        .layer(from_fn_with_state(api, dress))
}

fn add<H, T>(router: Router<Api>, api: &Api, method: MethodFilter, path: &'static str, access: Access, handler: H) -> Router<Api>
where
    H: Handler<T, Api>,
    T: 'static,
{
    let guarded = on(method, handler).route_layer(from_fn_with_state((api.clone(), access), guard));
    router.route(path, guarded)
}

/// The table's own copy of a route's pattern.
pub(crate) fn pattern(path: &str) -> &'static str {
    ROUTES.iter().find(|route| route.path == path).map_or("other", |route| route.path)
}
