//! Routes of calls: what becomes of them, and why (R13, R20).

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use http::StatusCode;
use model::{
    CarrierId, CenterId, Mode, Number, RouteId, WallTime,
    carrier::Secret,
    route::{Came, Plan, Route},
};
use office::{ROUTES, can, routes::Asked};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, JsonOctets},
    resources::object,
    routes::{
        carriers::{settings, standing, told},
        jobs::missing_version,
        trunks::uninterrupted,
    },
    schemas::{ChangeRoute, Explained, RouteAnswer, RouteSchema, came_by},
    state::Api,
};

/// The latest moment that can be asked for: the end of the year 9999.
const AT_MAX: i64 = 253_402_300_799_999;

/// A call to be explained.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explain {
    /// The calling number; left out, it is withheld.
    #[schema(value_type = Option<String>, examples("6001"))]
    from: Option<Number>,
    /// The called number, as it is dialled or sent.
    #[schema(value_type = String, examples("+74951234567"))]
    to: Number,
    /// `"slot"`, which is the default, or `{"carrier": "3"}`.
    #[serde(default)]
    #[schema(schema_with = came_by)]
    came_by: CameBy,
    /// When: milliseconds since 1970. Left out: now.
    at: Option<i64>,
    /// The centre whose call it is; left out, and otherwise too, the one that you work in (`X-Center`).
    #[schema(value_type = Option<String>)]
    center: Option<CenterId>,
    /// Carriers that are taken for ones that do not answer; all others are there.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    down: BTreeSet<CarrierId>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CameBy {
    #[default]
    Slot,
    Carrier(CarrierId),
}

/// Make a route.
///
/// What it names need not be there: that is told in `warnings`.
#[utoipa::path(post, path = "/api/routes", tag = "routes", request_body = RouteSchema,
    responses((status = 201, description = "Made.", body = RouteAnswer)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    body: JsonOctets,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let route: Route = read_route(body.read()?, "")?.0;
    let made = uninterrupted(async move {
        let id = api.office.create_route(&caller, route, now()).await?;
        // In force or not yet: it is there.
        let _ = api.directory_changed().await;
        answer(&api, &caller, id).await
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Read a route.
#[utoipa::path(get, path = "/api/routes/{id}", tag = "routes", params(("id" = String, Path)),
    responses((status = 200, description = "The route.", body = RouteAnswer)))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<RouteId>) -> Result<Json<Map<String, Value>>, Problem> {
    shown(&api, &caller, id).await.map(Json)
}

/// Change a route: all of it is sent, with the version that it was made from.
#[utoipa::path(put, path = "/api/routes/{id}", tag = "routes", params(("id" = String, Path)), request_body = ChangeRoute,
    responses((status = 200, description = "Changed.", body = RouteAnswer)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<RouteId>,
    body: JsonOctets,
) -> Result<Json<Map<String, Value>>, Problem> {
    let (route, version) = read_route(body.read()?, &id.to_string())?;
    let version = version.ok_or_else(missing_version)?;
    let changed = uninterrupted(async move {
        api.office.update_route(&caller, (id, version), route, now()).await?;
        let _ = api.directory_changed().await;
        answer(&api, &caller, id).await
    });
    Ok(Json(changed.await?))
}

/// Delete a route.
#[utoipa::path(delete, path = "/api/routes/{id}", tag = "routes", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id<RouteId>) -> Result<StatusCode, Problem> {
    uninterrupted(async move {
        api.office.delete_route(&caller, id, now()).await?;
        let _ = api.directory_changed().await;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where would a call go, and why?
///
/// It is the decision itself, with all that it looked at. Takes `trunks.read` too, and sight of every column of both. Of equal carriers, whose
/// order is chance, it shows one order.
#[utoipa::path(post, path = "/api/routes/explain", tag = "routes", request_body = Explain,
    responses((status = 200, description = "So.", body = Explained)))]
pub(crate) async fn explain(State(api): State<Api>, caller: Caller, body: JsonOctets) -> Result<Json<Map<String, Value>>, Problem> {
    let Explain { from, to, came_by, at, center, down } = body.read()?;
    let at = at.map_or_else(now, WallTime);
    if !(0..=AT_MAX).contains(&at.0) {
        return Err(Problem::field(Code::InvalidField, "at", "a time is milliseconds since 1970, before the year 10000"));
    }
    if down.len() > Plan::CARRIERS_MAX {
        return Err(Problem::field(Code::InvalidField, "down", format!("there are at most {} carriers", Plan::CARRIERS_MAX)));
    }
    if center.is_some_and(|center| center != caller.center()) {
        let told = "it is explained in the centre that you work in: name another one in the header X-Center";
        return Err(Problem::field(Code::InvalidField, "center", told));
    }
    let came_by = match came_by {
        CameBy::Slot => Came::Slot,
        CameBy::Carrier(id) => Came::Carrier(id),
    };
    let explained = api.office.explain_route(&caller, &Asked { from, to, came_by, at, down }).await?;
    let mut answer = object(&explained.explanation);
    // How carriers stand has no part in the decision, which is the same tomorrow. It is told of those that the call would go by.
    let tries = explained.explanation.decision.way.tries();
    let stand = standing(&api).await.ok().map(|views| {
        let of = |id| views.iter().find(|view| view.id == id).map(|view| view.standing);
        let carriers = tries.iter().map(|one| json!({"carrier": one.carrier, "standing": of(one.carrier)})).collect::<Vec<_>>();
        json!({"at": now(), "carriers": carriers})
    });
    answer.insert("now".to_owned(), stand.into());
    answer.insert("warnings".to_owned(), told(&explained.warnings));
    Ok(Json(answer))
}

/// Takes a route out of a body, and the version that it was made from. Its secret is taken out first: nothing that is said of what is wrong
/// with the rest can repeat it.
fn read_route(mut body: Map<String, Value>, id: &str) -> Result<(Route, Option<i64>), Problem> {
    let secret = match body.get_mut("then").and_then(Value::as_object_mut) {
        Some(then) if then.get("do").is_some_and(|what| what == "ask") => then.remove("secret"),
        _ => None,
    };
    let secret = match secret {
        None | Some(Value::Null) => None,
        Some(Value::String(secret)) => Some(Secret::new(secret)),
        Some(_) => return Err(Problem::field(Code::InvalidField, "then.secret", "it cannot be used so")),
    };
    if let Some(then) = body.get("then") {
        named_by_id(then, "then")?;
    }
    let (mut route, version) = settings::<Route>(body, id, "")?;
    route.set_secret(secret);
    Ok((route, version))
}

/// Refuses carriers that are named otherwise than by their ids, with their place: of what `do` decides, serde does not know it.
fn named_by_id(then: &Value, path: &str) -> Result<(), Problem> {
    outlets_by_id(then, path)?;
    then.get("default").map_or(Ok(()), |default| outlets_by_id(default, &format!("{path}.default")))
}

fn outlets_by_id(then: &Value, path: &str) -> Result<(), Problem> {
    for (at, outlet) in then.get("order").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if outlet.get("carrier").is_some_and(|carrier| serde_json::from_value::<CarrierId>(carrier.clone()).is_err()) {
            let told = "a carrier is named by its id, as the list of trunks has it, such as \"3\"";
            return Err(Problem::field(Code::InvalidField, &format!("{path}.order[{at}].carrier"), told));
        }
    }
    Ok(())
}

/// The route as the caller may see it now; its id alone if that is nothing.
async fn answer(api: &Api, caller: &Caller, id: RouteId) -> Result<Map<String, Value>, Problem> {
    match caller.also(can::ROUTES_READ) {
        Some(reader) => shown(api, &reader, id).await,
        None => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
    }
}

async fn shown(api: &Api, caller: &Caller, id: RouteId) -> Result<Map<String, Value>, Problem> {
    let view = caller.view(&ROUTES);
    let mut row = api.office.read(&view, &id.to_string()).await?;
    // Warnings tell of what it names.
    if ["match", "then"].iter().all(|column| view.mode(column) == Mode::Show) {
        row.insert("warnings".to_owned(), told(&api.office.route_warnings(caller, id).await?));
    }
    Ok(row)
}
