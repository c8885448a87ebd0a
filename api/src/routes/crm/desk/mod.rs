//! The desk at which people take calls: with whom a call is, and what is going on.

mod card;
mod missed;
mod now;

use ::crm::missed::MISSED_CALLS;
use ::office::can;
use utoipa::OpenApi;

use super::Area;
use crate::{openapi, resources, routes::table::routes};

resources::listed! {
    MissedCalls = ::crm::missed::MISSED_CALLS;
}

routes! {
    GET "/api/calls/feed", Access::Token(can::CALLS_READ), now::feed;
    GET "/api/calls/{id}/card", Access::Token(can::CALLS_READ), card::read;
    GET "/api/desk", Access::Token(can::SLOTS_READ), now::desk;
    GET "/api/missed-calls", Access::Token(can::CALLS_READ), resources::list::<MissedCalls>;
    POST "/api/missed-calls/bulk", Access::Token(can::CALLS_START), missed::bulk;
    POST "/api/missed-calls/{id}/claim", Access::Token(can::CALLS_START), missed::claim;
    POST "/api/missed-calls/{id}/dismiss", Access::Token(can::CALLS_START), missed::dismiss;
}

#[derive(OpenApi)]
#[openapi(
    paths(now::feed, card::read, now::desk, missed::bulk, missed::claim, missed::dismiss),
    tags((name = "desk", description = "The desk at which people take calls: with whom a call is, and what is going on."))
)]
struct Document;

pub(super) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        MISSED_CALLS "desk" "missed calls" "/api/missed-calls";
    },
};
