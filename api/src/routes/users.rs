//! Accounts (S004-51, 55, 66, 114; S003-59).

use axum::{Json, extract::State};
use http::StatusCode;
use model::{UserId, WallTime};
use office::{
    accounts::{Deliver, NewUser, Purpose, USERS, UserChange},
    can,
    rights::{AccessList, ColumnPolicy},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now},
    error::{Code, Problem},
    params::{Id, JsonBody},
    resources::{ListAnswer, ListQuery},
    routes::{
        jobs::missing_version,
        me::{Items, TokenAnswer},
    },
    state::Api,
};

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    #[schema(min_length = 1, max_length = 128)]
    username: String,
    /// Without it the account is `invited` until its user has chosen one by a link.
    #[schema(format = Password, min_length = 8, max_length = 1024)]
    password: Option<String>,
    email: Option<String>,
    display_name: Option<String>,
    /// The code of the only role.
    role: Option<String>,
    /// The codes of the roles.
    roles: Option<Vec<String>>,
    #[schema(value_type = Option<String>)]
    manager: Option<UserId>,
    /// `en` or `ru`; without it, the centre's.
    locale: Option<String>,
    /// A time zone; without it, the centre's.
    tz: Option<String>,
    /// Lists of ids that narrow the rights.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    lists: Vec<AccessList>,
    /// Columns that are masked or hidden.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    columns: Vec<ColumnPolicy>,
}

/// What to change of an account; what is left out stays. Of texts that can be absent, an empty one takes the old one away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeUser {
    /// The version that the change was made from.
    version: Option<i64>,
    username: Option<String>,
    /// A new password ends all sessions.
    #[schema(format = Password, min_length = 8, max_length = 1024)]
    password: Option<String>,
    email: Option<String>,
    display_name: Option<String>,
    role: Option<String>,
    roles: Option<Vec<String>>,
    /// Null: no manager.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    manager: Option<Option<UserId>>,
    locale: Option<String>,
    tz: Option<String>,
    /// `active` or `disabled`.
    state: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    lists: Option<Vec<AccessList>>,
    #[schema(value_type = Option<Vec<Object>>)]
    columns: Option<Vec<ColumnPolicy>>,
}

/// Tells null from nothing.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A link to be made for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeLink {
    /// `invitation` or `password_reset`.
    purpose: String,
    /// `email`, or `show`: whoever makes it hands it over.
    send: String,
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Link {
    /// Where it leads, if it is to be handed over.
    url: Option<String>,
    /// Until when it is good.
    #[schema(value_type = i64)]
    expires_at: WallTime,
}

/// List accounts.
pub(crate) async fn list(State(api): State<Api>, caller: Caller, query: ListQuery) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(api.office.users(&caller.view(&USERS), &query.params()).await?.into()))
}

/// Read an account.
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id<UserId>) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(api.office.user(&caller.view(&USERS), id).await?))
}

/// Make an account.
///
/// In the centre that the caller works in. Nobody gives rights that they do not have.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = CreateUser,
    responses((status = 201, description = "Made.", body = ref("#/components/schemas/users"))))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateUser>,
) -> Result<(StatusCode, Json<Map<String, Value>>), Problem> {
    let CreateUser { username, password, email, display_name, role, roles, manager, locale, tz, lists, columns } = body;
    let roles = one_of(role, roles)?.unwrap_or_default();
    let new = NewUser { username, password, email, display_name, roles, manager, locale, tz, lists, columns };
    let id = api.office.create_user(&caller, new, now()).await?;
    Ok((StatusCode::CREATED, Json(made(&api, &caller, id).await?)))
}

/// Change an account.
#[utoipa::path(put, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)), request_body = ChangeUser,
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/users"))))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody(body): JsonBody<ChangeUser>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let ChangeUser { version, username, password, email, display_name, role, roles, manager, locale, tz, state, lists, columns } = body;
    let version = version.ok_or_else(missing_version)?;
    let roles = one_of(role, roles)?;
    let active = state.as_deref().map(is_active).transpose()?;
    let change = UserChange { username, password, email, display_name, roles, manager, locale, tz, active, lists, columns };
    api.office.update_user(&caller, id, change, version, now()).await?;
    Ok(Json(made(&api, &caller, id).await?))
}

/// Delete an account.
///
/// Its sessions and tokens end; calls and the audit log keep its id.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(State(api): State<Api>, caller: Caller, Id(id): Id<UserId>) -> Result<StatusCode, Problem> {
    api.office.delete_user(&caller, id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all sessions of an account.
#[utoipa::path(post, path = "/api/users/{id}/logout", tag = "users", params(("id" = String, Path)),
    responses((status = 204, description = "Ended.")))]
pub(crate) async fn logout(State(api): State<Api>, caller: Caller, Id(id): Id<UserId>) -> Result<StatusCode, Problem> {
    api.office.log_out_user(&caller, id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a link by which its user chooses a password.
#[utoipa::path(post, path = "/api/users/{id}/link", tag = "users", params(("id" = String, Path)), request_body = MakeLink,
    responses((status = 200, description = "Made; sent, or to be handed over.", body = Link)))]
pub(crate) async fn link(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody(body): JsonBody<MakeLink>,
) -> Result<Json<Link>, Problem> {
    let wrong = |field, detail| Problem::field(Code::InvalidField, field, detail);
    let purpose = Purpose::parse(&body.purpose).ok_or_else(|| wrong("purpose", "a purpose is invitation or password_reset"))?;
    let deliver = match body.send.as_str() {
        "email" => Deliver::Email,
        "show" => Deliver::Show,
        _ => return Err(wrong("send", "a link is sent by email, or shown: show")),
    };
    let made = api.office.make_link(&caller, id, purpose, deliver, &api.settings.link_page(), now()).await?;
    Ok(Json(Link { url: made.url, expires_at: made.expires_at }))
}

/// List an account's API tokens.
#[utoipa::path(get, path = "/api/users/{id}/tokens", tag = "users", params(("id" = String, Path)),
    responses((status = 200, description = "Tokens that are good.", body = Items<TokenAnswer>)))]
pub(crate) async fn tokens(State(api): State<Api>, caller: Caller, Id(id): Id<UserId>) -> Result<Json<Items<TokenAnswer>>, Problem> {
    let tokens = api.office.tokens(&caller, id, now()).await?;
    Ok(Json(Items { items: tokens.into_iter().map(|view| TokenAnswer::new(view, None)).collect() }))
}

/// The account as whoever has changed it may see it: no more than its id, if they may not see it at all.
async fn made(api: &Api, caller: &Caller, id: UserId) -> Result<Map<String, Value>, Problem> {
    match caller.also(can::USERS_READ) {
        Some(reader) => Ok(api.office.user(&reader.view(&USERS), id).await?),
        None => Ok(Map::from_iter([("id".to_owned(), id.to_string().into())])),
    }
}

/// One role, or several.
fn one_of(role: Option<String>, roles: Option<Vec<String>>) -> Result<Option<Vec<String>>, Problem> {
    match (role, roles) {
        (Some(_), Some(_)) => Err(Problem::field(Code::InvalidField, "role", "say role or roles, not both")),
        (Some(role), None) => Ok(Some(vec![role])),
        (None, roles) => Ok(roles),
    }
}

fn is_active(state: &str) -> Result<bool, Problem> {
    match state {
        "active" => Ok(true),
        "disabled" => Ok(false),
        _ => Err(Problem::field(Code::InvalidField, "state", "an account is set active or disabled")),
    }
}
