//! What a table of routes is.

use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodFilter, on},
};

use crate::{
    auth::{Access, guard},
    refusals,
    state::Api,
};

/// A route as it stands in a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

/// Declares a module's table: `ROUTES`, and `table`, which puts them behind the guard.
macro_rules! routes {
    ($($method:ident $path:literal, $access:expr, $handler:path;)*) => {
        pub(super) const ROUTES: &[$crate::routes::Route] = {
            use $crate::auth::Access;
            &[$($crate::routes::Route { method: stringify!($method), path: $path, access: $access }),*]
        };

        pub(super) fn table(router: axum::Router<$crate::state::Api>, api: &$crate::state::Api) -> axum::Router<$crate::state::Api> {
            use axum::routing::MethodFilter;
            use $crate::auth::Access;
            $(let router = $crate::routes::table::add(router, api, MethodFilter::$method, $path, $access, $handler);)*
            router
        }
    };
}
pub(super) use routes;

pub(super) fn add<H, T>(router: Router<Api>, api: &Api, method: MethodFilter, path: &'static str, access: Access, handler: H) -> Router<Api>
where
    H: Handler<T, Api>,
    T: 'static,
{
    let guarded = on(method, handler)
        .route_layer(from_fn_with_state(api.clone(), refusals::note))
        .route_layer(from_fn_with_state((api.clone(), access), guard));
    router.route(path, guarded)
}
