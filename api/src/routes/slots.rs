//! Slots: the board, taking and letting go, service (S004-28, 36, 68, 97).

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use http::StatusCode;
use model::{Command, Destination, ListKind, Refusal, Reply, SlotId, SlotLimits, SlotState, SlotStatus, SlotView, UserId};
use office::{Diff, Entry, Row, SLOTS, reaches_slot};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{Caller, now},
    error::{Code, FieldError, Problem},
    params::{Id, JsonBody, OptionalJsonBody},
    resources::{ListAnswer, ListParamsSchema, ListQuery, object, seen},
    routes::trunks::{self, uninterrupted},
    secret,
    state::Api,
    wire::{List, Slot},
};

/// What to list, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct SlotFilter {
    /// A status (`free`, `busy`, `taken`, `offline`, `fault`, `disabled`) or a state (`READY`, `ACTIVE_CALL`, …), in any case.
    status: Option<String>,
}

/// What to let go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// The lease that is meant; 409 if it is no longer the running one.
    epoch: Option<u64>,
}

/// What an administrator can set a slot to.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Service {
    Idle,
    Fault,
    Disabled,
}

impl From<Service> for SlotState {
    fn from(service: Service) -> Self {
        match service {
            Service::Idle => Self::Idle,
            Service::Fault => Self::Fault,
            Service::Disabled => Self::Disabled,
        }
    }
}

/// What to change of a slot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlotChange {
    /// Refused during a call.
    state: Option<Service>,
    /// Whether to draw a new password, which ends the old one.
    #[serde(default)]
    new_password: bool,
}

/// What a slot may call, and how much at once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// In how many calls at once it may take part: 2 are a call and a consultation about it, with 1 there is no consultation.
    #[schema(value_type = u8, minimum = 1, maximum = 2, examples(2))]
    calls_max: i64,
    /// The numbers that it may call: a number, or the beginning of numbers and a star. Empty: everything.
    #[schema(max_items = 100, examples(json!(["6001", "+7495*"])))]
    destinations: Vec<String>,
}

impl Limits {
    /// The limits as the other rooms know them, or everything that is wrong with them.
    fn check(self) -> Result<SlotLimits, Problem> {
        let mut errors = Vec::new();
        let mut refuse = |field: String, detail: String| errors.push(FieldError { field, code: Code::InvalidField.name(), detail });
        let calls_max = u8::try_from(self.calls_max).ok().filter(|calls| (1..=SlotLimits::CALLS_MAX).contains(calls));
        if calls_max.is_none() {
            refuse("calls_max".to_owned(), format!("{} is not from 1 to {}", self.calls_max, SlotLimits::CALLS_MAX));
        }
        if self.destinations.len() > SlotLimits::DESTINATIONS_MAX {
            let (found, most) = (self.destinations.len(), SlotLimits::DESTINATIONS_MAX);
            refuse("destinations".to_owned(), format!("there are {found} destinations; a slot has at most {most}"));
        }
        let mut destinations = Vec::new();
        for (at, text) in self.destinations.iter().enumerate().take(SlotLimits::DESTINATIONS_MAX) {
            match text.parse::<Destination>() {
                Ok(destination) => destinations.push(destination),
                Err(error) => refuse(format!("destinations[{at}]"), error.to_string()),
            }
        }
        match calls_max.filter(|_| errors.is_empty()) {
            Some(calls_max) => Ok(SlotLimits { calls_max, destinations }),
            None => Err(Problem::fields(errors, Code::InvalidField)),
        }
    }
}

impl From<SlotLimits> for Limits {
    fn from(SlotLimits { calls_max, destinations }: SlotLimits) -> Self {
        // An older database may hold more, which never allowed more: what is read here can be put back.
        let calls_max = calls_max.min(SlotLimits::CALLS_MAX);
        Self { calls_max: calls_max.into(), destinations: destinations.iter().map(ToString::to_string).collect() }
    }
}

/// A changed slot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedSlot {
    #[serde(flatten)]
    #[schema(value_type = Slot)]
    slot: Map<String, Value>,
    /// The new password's user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    username: Option<String>,
    /// The new password, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    password: Option<String>,
}

/// List slots.
///
/// `?status=free` is what an operator wants to see: slots with a phone that nobody else has taken. A status or a state, in any case.
#[utoipa::path(get, path = "/api/slots", tag = "slots", params(SlotFilter, ListParamsSchema),
    responses((status = 200, description = "Slots.", body = List<Slot>)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller, mut query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    let filter = query.take("status").map(|text| Filter::read(&text)).transpose()?;
    let mut slots = api.live.slots();
    slots.retain(|view| view.center == caller.center() && filter.as_ref().is_none_or(|filter| filter.shows(view, &caller)));
    let names = api.office.names(slots.iter().filter_map(|view| view.holder).collect()).await;
    let row = |slot: SlotView| {
        let (id, center, users) = (slot.id, slot.center, slot.holder.into_iter().collect());
        let name = slot.holder.and_then(|holder| names.get(&holder).cloned());
        let lists = vec![(ListKind::Slot, id.to_string())];
        Row { key: id.0, row: object(&Slot::new(slot, caller.user(), name)), center, users, lists }
    };
    let rows = slots.into_iter().map(row).collect();
    Ok(Json(api.office.list_in_memory(&caller.view(&SLOTS), rows, &query.params())?.into()))
}

/// Read a slot.
#[utoipa::path(get, path = "/api/slots/{id}", tag = "slots", params(("id" = String, Path)),
    responses((status = 200, description = "The slot.", body = Slot)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<SlotId>) -> Result<Json<Map<String, Value>>, Problem> {
    let view = known(&api, &caller, id)?;
    Ok(Json(one(&api, &caller, view).await))
}

/// Take a slot.
///
/// Taking one's own slot again keeps it. A lease ends 90 s after the last sign of life, but never during a call.
#[utoipa::path(post, path = "/api/slots/{id}/take", tag = "slots", params(("id" = String, Path)),
    responses((status = 200, description = "Taken.", body = Slot)))]
pub(crate) async fn take(State(api): State<Api>, caller: Caller, Id(id): Id<SlotId>) -> Result<Json<Map<String, Value>>, Problem> {
    let before = usable(&api, &caller, id)?;
    let reply = api.control.execute(Command::TakeSlot { user: caller.user(), slot: id }).await?;
    answer(&api, &caller, &before, reply).await
}

/// Let a slot go.
#[utoipa::path(post, path = "/api/slots/{id}/release", tag = "slots", params(("id" = String, Path)), request_body = Option<Release>,
    responses((status = 200, description = "Let go.", body = Slot)))]
pub(crate) async fn release(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<SlotId>,
    OptionalJsonBody(Release { epoch }): OptionalJsonBody<Release>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let view = usable(&api, &caller, id)?;
    // Whoever's right goes beyond their own may let go what others have.
    let any = reaches_slot(caller.rows(), id, view.center, &BTreeSet::new());
    let reply = api.control.execute(Command::ReleaseSlot { user: caller.user(), any, slot: id, epoch }).await?;
    answer(&api, &caller, &view, reply).await
}

/// Put a slot into or out of service, or give it a new password.
///
/// Refused while it is in a call. A refusal changes nothing.
#[utoipa::path(put, path = "/api/slots/{id}", tag = "slots", params(("id" = String, Path)), request_body = SlotChange,
    responses((status = 200, description = "Changed.", body = ChangedSlot)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<SlotId>,
    JsonBody(body): JsonBody<SlotChange>,
) -> Result<Json<ChangedSlot>, Problem> {
    let SlotChange { state, new_password } = body;
    known(&api, &caller, id)?;
    let changed = uninterrupted(async move {
        let _one_at_a_time = api.directory.lock().await;
        let view = known(&api, &caller, id)?;
        let present = service_of(&view);
        let wanted = state.map_or(present, Into::into);
        let (view, account) = match (state, new_password) {
            (None, false) => (view, None),
            (Some(_), false) => {
                let view = set_service(&api, id, wanted).await?;
                audit_service(&api, &caller, id, present, wanted);
                (view, None)
            }
            (_, true) => {
                let (view, account) = renew(&api, &caller, id, present, wanted).await?;
                (view, Some(account))
            }
        };
        let (username, password) = account.unzip();
        Ok(ChangedSlot { slot: one(&api, &caller, view).await, username, password })
    });
    Ok(Json(changed.await?))
}

/// Read a slot's toll limits.
#[utoipa::path(get, path = "/api/slots/{id}/limits", tag = "slots", params(("id" = String, Path)),
    responses((status = 200, description = "What it may call, and how much at once.", body = Limits)))]
pub(crate) async fn limits(State(api): State<Api>, caller: Caller, Id(id): Id<SlotId>) -> Result<Json<Limits>, Problem> {
    known(&api, &caller, id)?;
    Ok(Json(api.office.slot_limits(&caller, id).await?.into()))
}

/// Set a slot's toll limits.
///
/// They hold for calls that begin from now on. If the database goes away just after it has stored them, the answer is 503, and they hold as
/// soon as it is back.
#[utoipa::path(put, path = "/api/slots/{id}/limits", tag = "slots", params(("id" = String, Path)), request_body = Limits,
    responses((status = 200, description = "Set.", body = Limits)))]
pub(crate) async fn set_limits(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<SlotId>,
    JsonBody(body): JsonBody<Limits>,
) -> Result<Json<Limits>, Problem> {
    known(&api, &caller, id)?;
    let limits = body.check()?;
    let set = uninterrupted(async move {
        let _one_at_a_time = api.directory.lock().await;
        api.office.set_slot_limits(&caller, id, &limits).await?;
        api.directory_changed().await?;
        Ok(limits)
    });
    Ok(Json(set.await?.into()))
}

/// Delete a slot.
///
/// Its trunk has one slot less. Only the trunk's last slot can go, so that the numbers stay contiguous, and not the only
/// one; refused while it is in a call.
#[utoipa::path(delete, path = "/api/slots/{id}", tag = "slots", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id<SlotId>) -> Result<StatusCode, Problem> {
    known(&api, &caller, id)?;
    uninterrupted(trunks::delete_slot(api, caller, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Draws a new password and sets the service state with it, both or neither; gives user name and password.
///
/// With the service state as it is, the order changes nothing in call control, which then only says whether there is a call.
async fn renew(
    api: &Api,
    caller: &Caller,
    id: SlotId,
    present: SlotState,
    wanted: SlotState,
) -> Result<(SlotView, (String, String)), Problem> {
    let password = secret::password()?;
    let username = api.office.slot(caller, id).await?.ok_or_else(|| Problem::new(Code::SlotNotFound))?.username;
    let ha1 = (api.ha1)(&username, &password);
    let mut is_set = false;
    let agree = async {
        let view = set_service(api, id, wanted).await?;
        is_set = true;
        Ok(view)
    };
    match api.office.set_slot_credentials(caller, id, &username, &ha1, agree).await {
        Ok(view) => {
            audit_service(api, caller, id, present, wanted);
            // In force or not yet: the password is shown this once.
            let _ = api.directory_changed().await;
            Ok((view, (username, password)))
        }
        Err(problem) => {
            if is_set && wanted != present {
                take_back(api, id, present).await;
            }
            Err(problem)
        }
    }
}

/// Puts a slot into or out of service; refused during a call, whatever its service state is.
async fn set_service(api: &Api, slot: SlotId, state: SlotState) -> Result<SlotView, Problem> {
    match api.control.execute(Command::SetService { slot, state }).await? {
        // There was nothing to change, so call control has not refused.
        Reply::Slot(view) if view.state.is_busy() => Err(Refusal::SlotInCall { number: view.number, state: view.state }.into()),
        Reply::Slot(view) => Ok(view),
        reply => Err(Problem::internal(format!("call control answered SetService with {reply:?}"))),
    }
}

/// The database has failed at the last moment: the service state goes back to what it was.
async fn take_back(api: &Api, slot: SlotId, state: SlotState) {
    if let Err(refusal) = api.control.execute(Command::SetService { slot, state }).await {
        tracing::warn!(%slot, state = state.name(), %refusal, "A slot's service state could not be taken back after the database failed.");
    }
}

/// Call control has done it, and the journal knows; who ordered it stands in the audit log.
fn audit_service(api: &Api, caller: &Caller, id: SlotId, present: SlotState, wanted: SlotState) {
    if present != wanted {
        let diff = Diff::none().and("state", present.name(), wanted.name());
        api.office.note(caller.actor(), Entry::change(caller.action().0, SLOTS.name, id, diff), now());
    }
}

/// Whether a slot is in service. One in a call is.
fn service_of(view: &SlotView) -> SlotState {
    match view.state {
        out @ (SlotState::Fault | SlotState::Disabled) => out,
        _ => SlotState::Idle,
    }
}

/// The slot, if the caller's right reaches it. One's own is the slot that one has taken.
pub(crate) fn known(api: &Api, caller: &Caller, id: SlotId) -> Result<SlotView, Problem> {
    let reached = |view: &SlotView| reaches_slot(caller.rows(), id, view.center, &view.holder.into_iter().collect());
    api.live.slot(id).filter(reached).ok_or_else(|| Problem::new(Code::SlotNotFound))
}

/// The slot, if the caller may use it for themselves, whoever has it now: a right to one's own is a right to any that can become so.
pub(crate) fn usable(api: &Api, caller: &Caller, id: SlotId) -> Result<SlotView, Problem> {
    let reached = |view: &SlotView| reaches_slot(caller.rows(), id, view.center, &[caller.user()].into());
    api.live.slot(id).filter(reached).ok_or_else(|| Problem::new(Code::SlotNotFound))
}

/// Tells the audit log who has the slot now, and the caller what it is.
async fn answer(api: &Api, caller: &Caller, before: &SlotView, reply: Reply) -> Result<Json<Map<String, Value>>, Problem> {
    let view = match reply {
        Reply::Slot(view) => view,
        _ => usable(api, caller, before.id)?,
    };
    if view.holder != before.holder {
        let name = |holder: Option<UserId>| holder.map(|user| user.to_string());
        let diff = Diff::none().and("holder", name(before.holder), name(view.holder));
        api.office.note(caller.actor(), Entry::change(caller.action().0, SLOTS.name, view.id, diff), now());
    }
    Ok(Json(one(api, caller, view).await))
}

/// What the caller may see of a slot.
async fn one(api: &Api, caller: &Caller, view: SlotView) -> Map<String, Value> {
    let mut names = api.office.names(view.holder.into_iter().collect()).await;
    let name = view.holder.and_then(|holder| names.remove(&holder));
    seen(&caller.view(&SLOTS), &Slot::new(view, caller.user(), name))
}

/// What `?status=` asks for (D8): the coarse status, or a state of the FSM.
enum Filter {
    Status(SlotStatus),
    State(SlotState),
}

impl Filter {
    fn read(text: &str) -> Result<Self, Problem> {
        // FAULT and DISABLED are both, and mean the same slots.
        let status = serde_json::from_value(text.to_lowercase().into()).map(Self::Status);
        status
            .or_else(|_| serde_json::from_value(text.to_uppercase().into()).map(Self::State))
            .map_err(|_| Problem::field(Code::InvalidField, "status", format!("{text:?} is neither a status nor a state of slots")))
    }

    fn shows(&self, view: &SlotView, caller: &Caller) -> bool {
        match self {
            Self::Status(status) => view.status(Some(caller.user())) == *status,
            Self::State(state) => view.state == *state,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn limits_of_an_older_database_read_as_what_they_allow() {
        for (stored, shown) in [(1, 1), (2, 2), (3, 2), (10, 2)] {
            let limits = Limits::from(SlotLimits { calls_max: stored, destinations: Vec::new() });
            assert_eq!(limits.calls_max, shown, "{stored}");
            assert_eq!(limits.check().unwrap().calls_max, u8::try_from(shown).unwrap(), "{stored}: and can be put back");
        }
    }
}
