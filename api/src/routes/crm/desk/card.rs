//! A call's card.

use ::crm::card::{Card, Match};
use axum::{Json, extract::State};
use model::CallId;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{auth::Caller, error::Problem, params::Id, routes::calls, state::Api};

/// Whom a call is with, what was noted and the last calls, each as far as the caller may see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CardAnswer {
    #[schema(value_type = String)]
    call_id: CallId,
    /// The other party's number; absent within the house, and if it is hidden from the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    number: Option<Value>,
    /// Who that is, best first: all that there are, for the number may be several people's.
    matches: Vec<MatchAnswer>,
    /// The newest notes on the call and on those, at most three.
    #[schema(value_type = Vec<Object>)]
    notes: Vec<Map<String, Value>>,
    /// The records of the last calls with that number, at most three, without this one.
    #[schema(value_type = Vec<Object>)]
    calls: Vec<Map<String, Value>>,
}

/// Somebody whom a call may be with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MatchAnswer {
    /// `leads` or `clients`.
    resource: &'static str,
    /// Whether it is somebody else's, of which nothing is told but that there is one.
    foreign: bool,
    /// The row as the list of that resource shows it; null if it is somebody else's.
    #[schema(value_type = Object)]
    row: Option<Map<String, Value>>,
    /// Whether the call is known to be with them, and not only from their number.
    linked: bool,
    /// The name of who works with it.
    with_name: Option<String>,
}

/// Read a call's card.
///
/// Of leads and clients it shows what the caller's own rights to these show, of notes what `notes.read` does.
#[utoipa::path(get, path = "/api/calls/{id}/card", tag = "desk", params(("id" = String, Path)),
    responses((status = 200, description = "Whom it is with.", body = CardAnswer)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<CallId>) -> Result<Json<CardAnswer>, Problem> {
    let call = calls::visible(&api, &caller, id).await?;
    Ok(Json(answer(&api, id, api.crm.card(&caller, &call).await?).await))
}

async fn answer(api: &Api, call_id: CallId, card: Card) -> CardAnswer {
    let Card { number, matches, notes, calls } = card;
    let names = api.office.names(matches.iter().filter_map(|found| found.with).collect()).await;
    let matches = matches.into_iter().map(|Match { resource, row, is_linked, with }| MatchAnswer {
        resource,
        foreign: row.is_none(),
        row,
        linked: is_linked,
        with_name: with.and_then(|with| names.get(&with)).cloned(),
    });
    CardAnswer { call_id, number, matches: matches.collect(), notes, calls }
}
