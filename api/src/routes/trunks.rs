//! Trunks: hubs of slots, their numbers and their accounts (S004-27, 69, 116, 125; R2). Those of type `sip` are carriers.

use std::{collections::HashMap, future::Future};

use axum::{Json, extract::State};
use http::StatusCode;
use model::{Command, Hub, HubId, HubKind, Mode, Number, SlotEntry, SlotId};
use office::{ChangedTrunk, NewTrunk, SLOTS, TRUNKS, TrunkChange};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::Caller,
    error::{Code, FieldError, Problem},
    params::{Id, JsonOctets},
    resources::{object, seen},
    routes::carriers::{self, CARRIER},
    schemas::{ChangeAnyTrunk, CreateAnyTrunk, TrunkAnswer},
    secret,
    state::Api,
    wire::{Account, Trunk, TrunkWithSlots, hub_kind},
};

/// Slots in a trunk at most (R2): a kind has 999 numbers.
const CAPACITY_MAX: u16 = 999;
/// Longest name, in characters.
const NAME_MAX: usize = 128;

/// A trunk to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTrunk {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    #[serde(rename = "type", deserialize_with = "hub_type")]
    #[schema(schema_with = hub_kind)]
    kind: HubKind,
    /// How many slots.
    #[schema(value_type = u16, minimum = 1, maximum = 999)]
    capacity: i64,
}

/// What to change of a trunk.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeTrunk {
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// How many slots; new ones take the numbers after the last, and the highest numbers go first.
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 999)]
    capacity: Option<i64>,
}

/// The type of a trunk, of all that there are: carriers were told apart before.
fn hub_type<'de, D: Deserializer<'de>>(from: D) -> Result<HubKind, D::Error> {
    let name = String::deserialize(from)?;
    let kinds = [HubKind::Auto, HubKind::Mf, HubKind::Ls];
    let unknown = || de::Error::unknown_variant(&name, &["auto", "mf", "ls", CARRIER]);
    kinds.into_iter().find(|kind| kind.name() == name).ok_or_else(unknown)
}

/// Create a trunk.
///
/// A hub's slots get the lowest free block of numbers and passwords of their own, which are shown this once. `"type": "sip"` makes a carrier.
#[utoipa::path(post, path = "/api/trunks", tag = "trunks", request_body = CreateAnyTrunk,
    responses((status = 201, description = "Created.", body = TrunkAnswer)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    body: JsonOctets,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    if body.read::<Map<String, Value>>()?.get("type").is_some_and(|kind| kind == CARRIER) {
        return Ok((StatusCode::CREATED, Json(carriers::create(api, caller, body.read()?).await?)));
    }
    let CreateTrunk { name, kind, capacity } = body.read()?;
    let mut errors = vec![];
    let name = check_name(&name, &mut errors);
    let capacity = check_capacity(capacity, &mut errors);
    let (Some(name), Some(capacity)) = (name, capacity) else { return Err(Problem::fields(errors, Code::InvalidField)) };
    let created = uninterrupted(async move {
        let _one_at_a_time = api.directory.lock().await;
        let view = caller.view(&TRUNKS);
        let mut accounts = Accounts::draw(capacity)?;
        let (hub, slots) = api.office.create_trunk(&caller, NewTrunk { name, kind, capacity }, accounts.of(&api)).await?;
        // In force or not yet: the passwords are shown this once.
        let _ = api.directory_changed().await;
        Ok(TrunkWithSlots { trunk: seen(&view, &Trunk::from(hub)), slots: accounts.shown(&caller, slots) })
    });
    Ok((StatusCode::CREATED, Json(object(&created.await?))))
}

/// Read a trunk: a hub with its slots, or a carrier with its settings.
#[utoipa::path(get, path = "/api/trunks/{id}", tag = "trunks", params(("id" = String, Path)),
    responses((status = 200, description = "The trunk.", body = TrunkAnswer)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<HubId>) -> Result<Json<Map<String, Value>>, Problem> {
    if let Some(carrier) = carriers::find(&api, &caller, id).await? {
        return carriers::read(&api, &caller, &carrier).await.map(Json);
    }
    let hub = known(&api, &caller, id).await?;
    let view = caller.view(&TRUNKS);
    let slots = api.office.trunk_slots(&caller, hub.id).await?;
    Ok(Json(object(&TrunkWithSlots { trunk: seen(&view, &Trunk::from(hub)), slots: Accounts::default().shown(&caller, slots) })))
}

/// Change a trunk.
///
/// A hub: slots that go may not be in a call; slots that come are shown with their passwords, this once. A carrier: all of it is sent, with the
/// version that it was made from; it may not carry calls, unless it is only switched on or off. A refusal changes nothing.
#[utoipa::path(put, path = "/api/trunks/{id}", tag = "trunks", params(("id" = String, Path)), request_body = ChangeAnyTrunk,
    responses((status = 200, description = "Changed.", body = TrunkAnswer)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<HubId>,
    body: JsonOctets,
) -> Result<Json<Map<String, Value>>, Problem> {
    if let Some(carrier) = carriers::find(&api, &caller, id).await? {
        return carriers::change(api, caller, carrier.id, body.read()?).await.map(Json);
    }
    let ChangeTrunk { name, capacity } = body.read()?;
    let mut errors = vec![];
    let name = name.and_then(|name| check_name(&name, &mut errors));
    let capacity = capacity.and_then(|capacity| check_capacity(capacity, &mut errors));
    if !errors.is_empty() {
        return Err(Problem::fields(errors, Code::InvalidField));
    }
    let changed = uninterrupted(async move {
        let _one_at_a_time = api.directory.lock().await;
        let hub = known(&api, &caller, id).await?;
        let view = caller.view(&TRUNKS);
        let mut accounts = Accounts::draw(capacity.unwrap_or(0).saturating_sub(hub.capacity))?;
        let mut retired = false;
        let change = TrunkChange { name, capacity };
        let changed = api.office.change_trunk(&caller, id, change, accounts.of(&api), |going| retire(&api, going, &mut retired)).await;
        let ChangedTrunk { hub, slots, .. } = done(&api, changed, retired).await?;
        Ok(TrunkWithSlots { trunk: seen(&view, &Trunk::from(hub)), slots: accounts.shown(&caller, slots) })
    });
    Ok(Json(object(&changed.await?)))
}

/// Delete a trunk: a hub with its slots, or a carrier.
///
/// Refused while a slot is in a call, or the carrier carries one, and while a route names the carrier.
#[utoipa::path(delete, path = "/api/trunks/{id}", tag = "trunks", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id<HubId>) -> Result<StatusCode, Problem> {
    if let Some(carrier) = carriers::find(&api, &caller, id).await? {
        carriers::delete(api, caller, carrier.id).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    uninterrupted(async move {
        let _one_at_a_time = api.directory.lock().await;
        known(&api, &caller, id).await?;
        let mut retired = false;
        let deleted = api.office.delete_trunk(&caller, id, |going| retire(&api, going, &mut retired)).await;
        done(&api, deleted, retired).await.map(drop)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a trunk's last slot; the trunk has one less. Its numbers stay contiguous, so no other slot can go.
pub(crate) async fn delete_slot(api: Api, caller: Caller, id: SlotId) -> Result<(), Problem> {
    let _one_at_a_time = api.directory.lock().await;
    let hub = api.office.slot(&caller, id).await?.ok_or_else(|| Problem::new(Code::SlotNotFound))?.hub;
    let slots = api.office.trunk_slots(&caller, hub).await?;
    let capacity = match slots.len().checked_sub(1).and_then(|left| u16::try_from(left).ok()) {
        Some(left @ 1..) if slots.last().is_some_and(|last| last.id == id) => left,
        _ => return Err(Problem::new(Code::NotLastSlot)),
    };
    let (mut nothing_new, mut retired) = (Accounts::default(), false);
    let change = TrunkChange { name: None, capacity: Some(capacity) };
    let changed = api.office.change_trunk(&caller, hub, change, nothing_new.of(&api), |going| retire(&api, going, &mut retired)).await;
    done(&api, changed, retired).await.map(drop)
}

/// What the store asks before it lets slots go for good: signalling retires them, or refuses because one is in a call.
async fn retire(api: &Api, slots: Vec<SlotId>, retired: &mut bool) -> Result<(), Problem> {
    if !slots.is_empty() {
        api.control.execute(Command::RetireSlots { slots }).await?;
        *retired = true;
    }
    Ok(())
}

/// Lets signalling follow what the store has done. If it has failed at the last moment, signalling gets back what it has retired.
async fn done<T>(api: &Api, outcome: Result<T, Problem>, retired: bool) -> Result<T, Problem> {
    if outcome.is_ok() {
        // What goes is retired already, and the passwords of what comes are shown this once.
        let _ = api.directory_changed().await;
    } else if retired {
        // The client does not wait for it: that may take until the database is back.
        tokio::spawn(api.control.directory_changed());
    }
    outcome
}

/// Runs to the end even if the client hangs up: signalling and store may not part company.
pub(crate) async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(Problem::internal(error)))
}

async fn known(api: &Api, caller: &Caller, id: HubId) -> Result<Hub, Problem> {
    api.office.trunk(caller, id).await?.ok_or_else(|| Problem::new(Code::TrunkNotFound))
}

/// New slots' passwords: drawn before, given out while the store makes the slots, shown after.
#[derive(Default)]
struct Accounts {
    drawn: Vec<String>,
    given: HashMap<String, String>,
}

impl Accounts {
    fn draw(count: u16) -> Result<Self, Problem> {
        let drawn = (0..count).map(|_| secret::password()).collect::<Result<_, _>>()?;
        Ok(Self { drawn, given: HashMap::new() })
    }

    /// The store's closure: user name (the number) and HA1 of each new slot.
    fn of<'a>(&'a mut self, api: &'a Api) -> impl FnMut(&Number) -> (String, model::Ha1) + Send + 'a {
        |number| {
            let username = number.as_str().to_owned();
            // One was drawn for each.
            let password = self.drawn.pop().unwrap_or_default();
            let ha1 = (api.ha1)(&username, &password);
            self.given.insert(username.clone(), password);
            (username, ha1)
        }
    }

    /// The accounts as the caller may see them: new ones whole, for whoever makes them hands them on; the others as far as slots are theirs
    /// to see.
    fn shown(&self, caller: &Caller, slots: Vec<SlotEntry>) -> Vec<Map<String, Value>> {
        let view = caller.principal().permit(SLOTS.read).map(|permit| permit.view(&SLOTS));
        let account = |slot: SlotEntry| {
            let password = self.given.get(&slot.username).cloned();
            let is_new = password.is_some();
            let mut shown = object(&Account { id: slot.id, number: slot.number.as_str().to_owned(), password, username: slot.username });
            if !is_new && view.as_ref()?.mode("number") != Mode::Show {
                // The user name is the number.
                shown.retain(|name, _| name == "id");
            }
            Some(shown)
        };
        slots.into_iter().filter_map(account).collect()
    }
}

fn check_name(name: &str, errors: &mut Vec<FieldError>) -> Option<String> {
    let name = name.trim();
    let good = (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !good {
        let detail = format!("a name has 1 to {NAME_MAX} characters, none of them a control character");
        errors.push(FieldError { field: "name".to_owned(), code: Code::InvalidField.name(), detail });
    }
    good.then(|| name.to_owned())
}

fn check_capacity(capacity: i64, errors: &mut Vec<FieldError>) -> Option<u16> {
    let good = u16::try_from(capacity).ok().filter(|capacity| (1..=CAPACITY_MAX).contains(capacity));
    if good.is_none() {
        let detail = format!("a capacity is 1 to {CAPACITY_MAX}");
        errors.push(FieldError { field: "capacity".to_owned(), code: Code::InvalidField.name(), detail });
    }
    good
}
