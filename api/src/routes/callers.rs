//! The number by which a slot calls the world (R8).

use axum::{Json, extract::State};
use model::{Number, SlotId};
use office::SlotCaller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::Caller,
    error::Problem,
    params::{Id, JsonBody},
    routes::{slots::known, trunks::uninterrupted},
    state::Api,
};

/// By which number a slot is to call the world.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerChange {
    /// One that a carrier has verified for the slot's centre; null: whatever each carrier has.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, examples("+74951234567"))]
    number: Option<Number>,
}

/// By which number a slot calls the world.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallerNumber {
    /// What it was given; null: each carrier is shown the first number that it has verified for the centre.
    #[schema(value_type = Option<String>, examples("+74951234567"))]
    number: Option<Number>,
    /// Whether a carrier still has that number verified for the centre. While none has, the slot calls as if it had no number of its own.
    verified: bool,
    /// What it can be given, at most 1000 of them; null for who may not see the settings of carriers.
    #[schema(value_type = Option<Vec<String>>)]
    choices: Option<Vec<Number>>,
}

impl From<SlotCaller> for CallerNumber {
    fn from(SlotCaller { number, is_verified, choices }: SlotCaller) -> Self {
        Self { number, verified: is_verified, choices }
    }
}

/// Read by which number a slot calls the world.
#[utoipa::path(get, path = "/api/slots/{id}/caller", tag = "slots", params(("id" = String, Path)),
    responses((status = 200, description = "By this one.", body = CallerNumber)))]
pub(crate) async fn caller(State(api): State<Api>, caller: Caller, Id(id): Id<SlotId>) -> Result<Json<CallerNumber>, Problem> {
    known(&api, &caller, id)?;
    Ok(Json(api.office.slot_caller(&caller, id).await?.into()))
}

/// Set by which number a slot calls the world.
///
/// A carrier that has it verified for the centre is shown it; any other one is shown its own. It holds for calls that begin from now on. If the
/// database goes away just after it has stored the number, the answer is 503, and it holds as soon as it is back.
#[utoipa::path(put, path = "/api/slots/{id}/caller", tag = "slots", params(("id" = String, Path)), request_body = CallerChange,
    responses((status = 200, description = "Set.", body = CallerNumber)))]
pub(crate) async fn set_caller(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<SlotId>,
    JsonBody(CallerChange { number }): JsonBody<CallerChange>,
) -> Result<Json<CallerNumber>, Problem> {
    known(&api, &caller, id)?;
    let set = uninterrupted(async move {
        let _one_at_a_time = api.directory.lock().await;
        let set = api.office.set_slot_caller(&caller, id, number).await?;
        api.directory_changed().await?;
        Ok(set)
    });
    Ok(Json(set.await?.into()))
}
