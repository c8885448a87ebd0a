//! The desk at which people take calls: with whom a call is, and what is going on.

mod card;

use ::office::can;
use utoipa::OpenApi;

use super::Area;
use crate::{openapi, routes::table::routes};

routes! {
    GET "/api/calls/{id}/card", Access::Token(can::CALLS_READ), card::read;
}

#[derive(OpenApi)]
#[openapi(
    paths(card::read),
    tags((name = "desk", description = "The desk at which people take calls: with whom a call is, and what is going on."))
)]
struct Document;

pub(super) const AREA: Area = Area { routes: ROUTES, table, document: Document::openapi, lists: openapi::lists! {} };
