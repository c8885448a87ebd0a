//! Carriers: trunks of type `sip` (R2, S004-69). They are reached by the paths of trunks.

use model::{CarrierId, CarrierView, Command, HubId, Refusal, Reply, carrier::Carrier, route::PlanWarning};
use office::{StoredCarrier, TRUNKS, View, can, carriers::shows_settings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::typed,
    resources::object,
    routes::{jobs::missing_version, trunks::uninterrupted},
    state::Api,
};

/// The type of a trunk that is a carrier.
pub(crate) const CARRIER: &str = "sip";
/// What an answer has beside what is set; whoever sends it back changed need not take it out.
const TOLD: &[&str] = &["id", "type", "version", "warnings", "created_at", "created_by", "updated_at"];

/// The carrier with this id, if it is one.
pub(crate) async fn find(api: &Api, caller: &Caller, HubId(id): HubId) -> Result<Option<StoredCarrier>, Problem> {
    Ok(api.office.carrier(caller, CarrierId(id)).await?)
}

/// Makes a carrier of a body.
pub(crate) async fn create(api: Api, caller: Caller, body: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let carrier: Carrier = settings(body, "", "accounts")?.0;
    uninterrupted(async move {
        let id = api.office.create_carrier(&caller, carrier, now()).await?;
        // In force or not yet: it is there.
        let _ = api.directory_changed().await;
        answer(&api, &caller, id).await
    })
    .await
}

/// A carrier as the caller may see it.
pub(crate) async fn read(api: &Api, caller: &Caller, carrier: &StoredCarrier) -> Result<Map<String, Value>, Problem> {
    let warnings = api.office.carrier_warnings(caller, carrier.id).await?;
    Ok(shown(&caller.view(&TRUNKS), carrier, &warnings))
}

/// Gives a carrier other settings.
pub(crate) async fn change(api: Api, caller: Caller, id: CarrierId, body: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    if body.get("type").is_some_and(|kind| kind != CARRIER) {
        return Err(Problem::field(Code::InvalidField, "type", "a trunk stays what it is: make another one and delete this"));
    }
    let (carrier, version) = settings::<Carrier>(body, &id.to_string(), "accounts")?;
    let version = version.ok_or_else(missing_version)?;
    uninterrupted(async move {
        api.office.update_carrier(&caller, (id, version), carrier, now(), || idle(&api, id)).await?;
        let _ = api.directory_changed().await;
        answer(&api, &caller, id).await
    })
    .await
}

/// Deletes a carrier.
pub(crate) async fn delete(api: Api, caller: Caller, id: CarrierId) -> Result<(), Problem> {
    uninterrupted(async move {
        api.office.delete_carrier(&caller, id, now(), || idle(&api, id)).await?;
        let _ = api.directory_changed().await;
        Ok(())
    })
    .await
}

/// Takes what is set out of a body, and the version that it was made from; `id` is that of the path. Nothing of a value is repeated at
/// fields that begin with `secret`.
pub(crate) fn settings<T: DeserializeOwned>(mut body: Map<String, Value>, id: &str, secret: &str) -> Result<(T, Option<i64>), Problem> {
    let version = match body.get("version") {
        None => None,
        Some(version) => {
            Some(version.as_i64().ok_or_else(|| Problem::field(Code::InvalidField, "version", "a version is a whole number"))?)
        }
    };
    if !id.is_empty() && body.get("id").is_some_and(|said| said.as_str() != Some(id)) {
        return Err(Problem::field(Code::InvalidField, "id", "it is the id of another one"));
    }
    // What is to be made has none of that yet.
    let told = if id.is_empty() { &["type"] } else { TOLD };
    body.retain(|name, _| !told.contains(&name.as_str()));
    Ok((typed(Value::Object(body), secret)?, version))
}

/// What is to be looked after, as the answer has it.
pub(crate) fn told(warnings: &[PlanWarning]) -> Value {
    warnings.iter().map(|warning| Value::Object(object(warning))).collect()
}

/// How all carriers stand, as call control knows.
pub(crate) async fn standing(api: &Api) -> Result<Vec<CarrierView>, Problem> {
    match api.control.execute(Command::Carriers).await? {
        Reply::Carriers(carriers) => Ok(carriers),
        _ => Err(Refusal::Unavailable.into()),
    }
}

/// Refuses to change what carries calls (S004-69). What call control does not know carries none.
async fn idle(api: &Api, id: CarrierId) -> Result<(), Problem> {
    match standing(api).await?.iter().find(|view| view.id == id).map_or(0, |view| view.calls) {
        0 => Ok(()),
        calls => Err(Problem::new(Code::CarrierInCall).detail(format!("the carrier carries {calls} call(s): switch it off, and wait"))),
    }
}

/// The carrier as the caller may see it now; its id alone if that is nothing.
async fn answer(api: &Api, caller: &Caller, id: CarrierId) -> Result<Map<String, Value>, Problem> {
    let only_id = || Map::from_iter([("id".to_owned(), id.to_string().into())]);
    let Some(reader) = caller.also(can::TRUNKS_READ) else { return Ok(only_id()) };
    match api.office.carrier(&reader, id).await? {
        Some(carrier) => read(api, &reader, &carrier).await,
        None => Ok(only_id()),
    }
}

/// What is told of how a carrier stands to whoever sees it at all.
const STANDING: &[&str] = &["center", "standing", "since", "calls"];

/// What of a carrier may be seen, in whichever way: the columns of the list of trunks, each by its own policy; what is `open`; and what else there
/// is for who may read trunks (`reader`) and sees their settings, which addresses, accounts and numbers are part of.
fn seen_of(columns: &View, reader: Option<&View>, whole: Map<String, Value>, open: &[&str]) -> Map<String, Value> {
    let mut seen = whole.clone();
    columns.project(&mut seen);
    let sees_settings = reader.is_some_and(shows_settings);
    let is_told = |name: &str| TRUNKS.column(name).is_none() && (sees_settings || open.contains(&name));
    seen.extend(whole.into_iter().filter(|(name, _)| is_told(name)));
    seen
}

/// How a carrier stands, as somebody may see it.
pub(crate) fn stands(columns: &View, reader: Option<&View>, carrier: &CarrierView) -> Map<String, Value> {
    seen_of(columns, reader, object(carrier), STANDING)
}

/// A carrier as it is set, as somebody may see it. Passwords are not serialised, so nobody sees them.
fn shown(view: &View, stored: &StoredCarrier, warnings: &[PlanWarning]) -> Map<String, Value> {
    let mut whole = stored.carrier.as_ref().map(object).unwrap_or_default();
    whole.extend([
        ("id".to_owned(), stored.id.to_string().into()),
        ("type".to_owned(), CARRIER.into()),
        ("name".to_owned(), stored.name.clone().into()),
        ("version".to_owned(), stored.version.into()),
        ("warnings".to_owned(), told(warnings)),
    ]);
    seen_of(view, Some(view), whole, &[])
}
