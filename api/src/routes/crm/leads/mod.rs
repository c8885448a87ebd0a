//! People who may become clients, and what becomes of them.

mod change;
mod hand_over;

use ::crm::{can, leads::LEADS};
use utoipa::OpenApi;

use super::Area;
use crate::{openapi, resources, routes::table::routes};

resources::listed! {
    Leads = ::crm::leads::LEADS;
}

routes! {
    GET "/api/crm/leads", Access::Token(can::LEADS_READ), change::list;
    POST "/api/crm/leads", Access::Token(can::LEADS_CREATE), change::create;
    GET "/api/crm/leads/{id}", Access::Token(can::LEADS_READ), resources::read::<Leads>;
    PUT "/api/crm/leads/{id}", Access::Token(can::LEADS_UPDATE), change::change;
    DELETE "/api/crm/leads/{id}", Access::Token(can::LEADS_DELETE), change::delete;
    GET "/api/crm/leads/{id}/transitions", Access::Token(can::LEADS_READ), change::transitions;
    POST "/api/crm/leads/{id}/events", Access::Token(can::LEADS_READ), change::happen;
    POST "/api/crm/leads/{id}/hand-over", Access::Token(can::LEADS_HAND_OVER), hand_over::hand_over;
    GET "/api/crm/leads/{id}/history", Access::Token(can::LEADS_READ), hand_over::history;
    POST "/api/crm/leads/bulk", Access::Token(can::LEADS_BULK), hand_over::many;
    GET "/api/crm/sellers", Access::Token(can::LEADS_HAND_OVER), hand_over::sellers;
}

#[derive(OpenApi)]
#[openapi(
    paths(
        change::list,
        change::create,
        change::change,
        change::delete,
        change::transitions,
        change::happen,
        hand_over::hand_over,
        hand_over::history,
        hand_over::many,
        hand_over::sellers,
    ),
    tags((name = "leads", description = "People who may become clients, and what becomes of them."))
)]
struct Document;

pub(super) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        LEADS "leads" "leads" "/api/crm/leads" "/api/crm/leads/{id}";
    },
};
