//! The modules that live on calls: their routes, and what they add to the API's document. An area is a file or a folder of its own.

pub(crate) mod clients;
pub(crate) mod dashboard;
pub(crate) mod desk;
pub(crate) mod hearing;
mod history;
mod ids;
pub(crate) mod leads;
pub(crate) mod listening;
mod notes;
pub(crate) mod reports;
pub(crate) mod tags;

use axum::Router;
use utoipa::openapi::OpenApi;

use super::table::Route;
use crate::{openapi::ListPath, state::Api};

/// What an area of a module brings to the front door.
pub(crate) struct Area {
    pub(crate) routes: &'static [Route],
    /// Puts the routes behind the guard.
    pub(super) table: fn(Router<Api>, &Api) -> Router<Api>,
    /// Its part of the API's document.
    pub(crate) document: fn() -> OpenApi,
    pub(crate) lists: &'static [ListPath],
}

/// Every area.
pub(crate) const AREAS: &[Area] = &[
    tags::AREA,
    hearing::AREA,
    listening::scorecards::AREA,
    listening::plans::AREA,
    listening::tasks::AREA,
    listening::evaluations::AREA,
    leads::AREA,
    clients::AREA,
    notes::AREA,
    history::AREA,
    desk::AREA,
    reports::AREA,
    dashboard::AREA,
];
