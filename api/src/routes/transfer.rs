//! Handing calls on (R14, R18, R23).

use std::{collections::BTreeSet, time::Instant};

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use model::{CallId, CallView, Command, Number, Reply, TransferTo};
use office::{Diff, Entry, reaches_call};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, JsonBody},
    routes::{
        call::{CALLS, remembered},
        calls,
    },
    state::{Api, OrderError},
};

/// To whom a call is handed on: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferCall {
    /// Whoever answers there: digits, `*`, `#`, an optional leading `+`; blanks, `-`, `.`, `(` and `)` are dropped.
    #[schema(examples("6003", "+7 495 123-45-67"))]
    to: Option<String>,
    /// The other party of this call, in which the same slot is: a consultation.
    #[schema(value_type = Option<String>)]
    call_id: Option<CallId>,
}

/// A call that is being handed on, or was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferredCall {
    /// The call that goes on: of two the older one.
    #[schema(value_type = String)]
    call_id: CallId,
}

/// Hand a call on.
///
/// The slot of whoever asks leaves the call; the other party goes on, with the same call, record and recording. With `to`, that number is
/// called as if the slot had dialled it, and the slot is let go once it answers; if it does not, both talk again. With `call_id`, the parties
/// of both calls are joined at once, and the younger call ends. What becomes of it comes as `call.update`.
#[utoipa::path(post, path = "/api/calls/{id}/transfer", tag = "calls", request_body = TransferCall,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header,
        description = "The same key of the same user within 24 hours is the same order, carried out once.", max_length = 255)),
    responses((status = 202, description = "Under way, or done.", body = TransferredCall)))]
pub(crate) async fn transfer(
    State(api): State<Api>,
    caller: Caller,
    Id(call): Id<CallId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<TransferCall>,
) -> Result<(StatusCode, Json<TransferredCall>), Problem> {
    let (to, meant) = match (body.to, body.call_id) {
        (Some(to), None) => {
            let number: Number =
                to.parse().map_err(|error: model::ParseNumberError| Problem::field(Code::InvalidField, "to", error.to_string()))?;
            let meant = format!("POST /api/calls/{call}/transfer {number}");
            (TransferTo::Number(number), meant)
        }
        (None, Some(other)) => (TransferTo::Call(other), format!("POST /api/calls/{call}/transfer {other}")),
        _ => return Err(Problem::field(Code::InvalidField, "to", "either `to` or `call_id`, and not both")),
    };
    let user = caller.user();
    let order = order(api.clone(), caller, call, to);
    let call_id = match headers.get("idempotency-key").map(|key| key.as_bytes()) {
        None => order.await.map_err(|error| Problem::from(error).about("to"))?,
        Some(key) => {
            let text = String::from_utf8_lossy(key).into_owned();
            let remembered = remembered(api.clone(), user, text, meant.clone(), order);
            api.orders
                .once(Instant::now(), user, key, meant.as_bytes(), remembered)
                .await
                .map_err(|error| Problem::from(error).about("to"))?
        }
    };
    Ok((StatusCode::ACCEPTED, Json(TransferredCall { call_id })))
}

/// Whether the caller's right reaches the call as it is now: by those who serve it, and not by who did.
async fn reaches(api: &Api, caller: &Caller, call: CallId) -> Result<bool, Problem> {
    let Some(view) = api.live.known(call).filter(|view| view.center == caller.center()) else {
        calls::visible(api, caller, call).await?;
        return Err(Problem::new(Code::CallNotTransferable));
    };
    let segments = view.segments.iter().filter(|segment| segment.to.is_none()).cloned().collect();
    Ok(reaches_call(caller.rows(), &CallView { user: None, segments, ..view }, &BTreeSet::new()))
}

/// Orders it. Whoever did stands in the audit log. Whether the calls are there is asked here and not before: an order that was carried out may have
/// ended one of them, and its key still stands for what came of it (R18).
async fn order(api: Api, caller: Caller, call: CallId, to: TransferTo) -> Result<CallId, OrderError> {
    let user = caller.user();
    let mut any = reaches(&api, &caller, call).await?;
    if let TransferTo::Call(other) = to {
        any &= reaches(&api, &caller, other).await?;
    }
    let diff = match &to {
        TransferTo::Number(number) => Diff::none().and("transfer_to", Value::Null, number.as_str()),
        TransferTo::Call(other) => Diff::none().and("transfer_to", Value::Null, other.to_string()),
    };
    match api.control.execute(Command::TransferCall { user, any, call, to }).await {
        Ok(Reply::CallTransferring { call: goes_on }) => {
            api.office.note(caller.actor(), Entry::change(caller.action().0, CALLS, call, diff), now());
            Ok(goes_on)
        }
        Ok(_) => Err(OrderError::Broken("call control answered TransferCall with something else")),
        Err(refusal) => Err(OrderError::Refused(refusal)),
    }
}
