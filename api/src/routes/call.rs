//! Starting and ending calls (S004-29, 30, 98, 102; R8, R18).

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use model::{CallId, CallStatus, Command, Number, Refusal, Reply, SlotId, UserId};
use office::{Diff, Entry, Idempotency, reaches_call};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::JsonBody,
    routes::{calls, slots},
    state::{Api, OrderError},
};

/// How long a call waits for the database to remember its key. Calls do not depend on the database (R21).
const REMEMBER_TIME: Duration = Duration::from_millis(if cfg!(test) { 30_000 } else { 500 });

/// The resource, as the audit log names it.
pub(crate) const CALLS: &str = "calls";

/// A call to be placed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartCall {
    /// The slot whose phone rings first. A free one is taken.
    #[schema(value_type = SlotIdSchema, examples("44", 44))]
    slot_id: SlotId,
    /// Whom to call: digits, `*`, `#`, an optional leading `+`; blanks, `-`, `.`, `(` and `)` are dropped.
    #[schema(examples("+7 495 123-45-67", "6002"))]
    phone_number: String,
}

/// An id as a string or as a number.
#[derive(ToSchema)]
#[schema(as = SlotIdOrNumber)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema of what SlotId reads")]
pub(crate) enum SlotIdSchema {
    Text(String),
    Number(i64),
}

/// A call under way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StartedCall {
    #[schema(value_type = String)]
    call_id: CallId,
    #[schema(examples("dialing"))]
    status: &'static str,
}

/// A call to be ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndCall {
    #[schema(value_type = String)]
    call_id: CallId,
}

/// A call that is ending or has ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedCall {
    #[schema(value_type = String)]
    call_id: CallId,
    /// Where it stood when the order came.
    #[schema(value_type = String, examples("answered"))]
    status: CallStatus,
}

/// Start a call.
///
/// The slot's own phone rings first and answers by itself; then the number is dialled. The call is journaled before
/// this answers; what becomes of it comes as `call.update`.
#[utoipa::path(post, path = "/api/call/start", tag = "calls", request_body = StartCall,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same key of the same user within 24 hours is the same call, dialled once.", max_length = 255)),
    responses((status = 202, description = "Under way.", body = StartedCall)))]
pub(crate) async fn start(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StartCall>,
) -> Result<(StatusCode, Json<StartedCall>), Problem> {
    let StartCall { slot_id: slot, phone_number } = body;
    let number: Number = phone_number
        .parse()
        .map_err(|error: model::ParseNumberError| Problem::field(Code::InvalidField, "phone_number", error.to_string()))?;
    slots::usable(&api, &caller, slot)?;

    let user = caller.user();
    let meant = format!("POST /api/call/start {slot} {number}");
    let call_id = match headers.get("idempotency-key").map(|key| key.as_bytes()) {
        None => order(&api, &caller, slot, number).await?,
        Some(key) => {
            let text = String::from_utf8_lossy(key).into_owned();
            let order = {
                let (api, caller) = (api.clone(), caller);
                async move { order(&api, &caller, slot, number).await }
            };
            let remembered = remembered(api.clone(), user, text, meant.clone(), order);
            api.orders.once(Instant::now(), user, key, meant.as_bytes(), remembered).await?
        }
    };
    Ok((StatusCode::ACCEPTED, Json(StartedCall { call_id, status: "dialing" })))
}

/// End a call.
///
/// CANCEL before the answer, BYE after. Ending a call that has ended is no error.
#[utoipa::path(post, path = "/api/call/end", tag = "calls", request_body = EndCall,
    responses((status = 200, description = "Ending, or ended.", body = EndedCall)))]
pub(crate) async fn end(State(api): State<Api>, caller: Caller, JsonBody(body): JsonBody<EndCall>) -> Result<Json<EndedCall>, Problem> {
    let call = body.call_id;
    let known = api.live.known(call);
    if known.as_ref().is_some_and(|view| view.center != caller.center()) {
        return Err(Problem::new(Code::CallNotFound));
    }
    // To whom it only rings, it is not theirs to end.
    let any = known.is_some_and(|view| reaches_call(caller.rows(), &view, &BTreeSet::new()));
    match api.control.execute(Command::EndCall { user: caller.user(), any, call }).await {
        Ok(Reply::CallEnding { call, status }) => {
            let diff = Diff::none().and("status", json!(status), json!(CallStatus::Ended));
            api.office.note(caller.actor(), Entry::change(caller.action().0, CALLS, call, diff), now());
            Ok(Json(EndedCall { call_id: call, status }))
        }
        // Call control forgets calls when they end; that is no reason to say that there was none.
        Err(Refusal::CallNotFound) => match calls::visible(&api, &caller, call).await?.status {
            CallStatus::Ended => Ok(Json(EndedCall { call_id: call, status: CallStatus::Ended })),
            _ => Err(Problem::new(Code::CallNotFound)),
        },
        Err(refusal) => Err(refusal.into()),
        Ok(reply) => Err(Problem::internal(format!("call control answered EndCall with {reply:?}"))),
    }
}

/// Orders the call. Whoever did stands in the audit log.
async fn order(api: &Api, caller: &Caller, slot: SlotId, number: Number) -> Result<CallId, OrderError> {
    let diff = Diff::none().and("caller_slot", Value::Null, slot.to_string()).and("callee", Value::Null, number.as_str());
    match api.control.execute(Command::StartCall { user: caller.user(), slot, number }).await {
        Ok(Reply::CallStarted { call }) => {
            api.office.note(caller.actor(), Entry::change(caller.action().0, CALLS, call, diff), now());
            Ok(call)
        }
        Ok(_) => Err(OrderError::Broken("call control answered StartCall with something else")),
        Err(refusal) => Err(OrderError::Refused(refusal)),
    }
}

/// Carries out an order about a call, with its key kept in the database, so that it also holds after a restart.
pub(crate) async fn remembered(
    api: Api,
    user: UserId,
    key: String,
    meant: String,
    order: impl Future<Output = Result<CallId, OrderError>> + Send,
) -> Result<CallId, OrderError> {
    let hash: String = Sha256::digest(meant.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect();
    match tokio::time::timeout(REMEMBER_TIME, api.office.idempotency_begin(user, &key, &hash, now())).await {
        Ok(Ok(Idempotency::Proceed)) => {}
        Ok(Ok(Idempotency::Running)) => return Err(OrderError::Running),
        Ok(Ok(Idempotency::OtherBody)) => return Err(OrderError::Reused),
        Ok(Ok(Idempotency::Done { response, .. })) => {
            return response.parse().map_err(|_| OrderError::Broken("a stored outcome is no call id"));
        }
        Ok(Err(error)) => tracing::warn!(%user, %error, "An Idempotency-Key is kept in memory only."),
        Err(_) => tracing::warn!(%user, "An Idempotency-Key is kept in memory only: the database is slow."),
    }
    let outcome = order.await;
    let remember = async {
        match &outcome {
            Ok(call) => api.office.idempotency_finish(user, &key, StatusCode::ACCEPTED.as_u16(), &call.to_string()).await,
            Err(_) => api.office.idempotency_abandon(user, &key).await,
        }
    };
    if let Ok(Err(error)) = tokio::time::timeout(REMEMBER_TIME, remember).await {
        tracing::debug!(%user, %error, "The outcome under an Idempotency-Key is kept in memory only.");
    }
    outcome
}
