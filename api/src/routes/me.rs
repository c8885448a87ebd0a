//! One's own account: who one is, what one may do, settings, sessions, API tokens.

use std::time::Instant;

use axum::{Json, extract::State};
use http::StatusCode;
use model::WallTime;
use office::{
    accounts::{self, MeChange, NewToken, SessionView, TokenView},
    rights::MyPermissions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    auth::{Caller, now, throttle::Suspect, whole_seconds},
    error::{Code, Problem},
    params::{JsonBody, JsonValue, PathText},
    state::Api,
};

/// Who one is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    #[schema(examples("5"))]
    id: String,
    username: String,
    display_name: String,
    email: Option<String>,
    /// `en` or `ru`.
    #[schema(examples("en"))]
    locale: String,
    #[schema(examples("Europe/Moscow"))]
    tz: String,
    /// The centre that one works in.
    #[schema(examples("1"))]
    center: String,
    /// The centre that one belongs to.
    #[schema(examples("1"))]
    home: String,
    /// The codes of one's roles.
    roles: Vec<String>,
    /// The first of them.
    role: String,
    /// Whether a provider logs one in, so that there is no password to change here.
    sso: bool,
}

/// What one can change of oneself; an empty text takes the old one away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeMe {
    #[schema(max_length = 128)]
    display_name: Option<String>,
    locale: Option<String>,
    tz: Option<String>,
}

/// A new password of one's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    #[schema(format = Password)]
    old: String,
    #[schema(format = Password, min_length = 8, max_length = 1024)]
    new: String,
}

/// A live session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    id: String,
    /// How it began: `password`, `oidc` or `link`.
    method: String,
    /// From which address it was last refreshed.
    source: String,
    /// By what program.
    user_agent: String,
    #[schema(value_type = i64)]
    created_at: WallTime,
    #[schema(value_type = i64)]
    last_used_at: WallTime,
    #[schema(value_type = i64)]
    expires_at: WallTime,
    /// Whether it is the one that asks.
    current: bool,
}

impl From<SessionView> for SessionAnswer {
    fn from(view: SessionView) -> Self {
        let SessionView { id, method, source, user_agent, created_at, last_used_at, expires_at, current } = view;
        Self { id: id.to_string(), method, source, user_agent, created_at, last_used_at, expires_at, current }
    }
}

/// What is told all at once, because it is never long.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
}

/// An API token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// When it ends; without it, when somebody ends it.
    #[schema(value_type = Option<i64>)]
    expires_at: Option<WallTime>,
    /// The permissions that it is narrowed to; without it, all of one's own.
    permissions: Option<Vec<String>>,
}

/// An API token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    id: String,
    name: String,
    permissions: Option<Vec<String>>,
    #[schema(value_type = i64)]
    created_at: WallTime,
    #[schema(value_type = Option<i64>)]
    expires_at: Option<WallTime>,
    /// To a minute.
    #[schema(value_type = Option<i64>)]
    last_used_at: Option<WallTime>,
    /// The token itself, shown this once. Goes into `Authorization: Bearer …`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    token: Option<String>,
}

impl TokenAnswer {
    pub(crate) fn new(view: TokenView, token: Option<String>) -> Self {
        let TokenView { id, name, permissions, created_at, expires_at, last_used_at } = view;
        Self { id: id.to_string(), name, permissions, created_at, expires_at, last_used_at, token }
    }
}

/// Who am I?
#[utoipa::path(get, path = "/api/me", tag = "me", responses((status = 200, description = "The caller.", body = Me)))]
pub(crate) async fn me(State(api): State<Api>, caller: Caller) -> Result<Json<Me>, Problem> {
    let accounts::Me { id, username, display_name, email, locale, tz, center, home, roles, sso } = api.office.me(&caller).await?;
    let role = roles.first().cloned().unwrap_or_default();
    let (id, center, home) = (id.to_string(), center.to_string(), home.to_string());
    Ok(Json(Me { id, username, display_name, email, locale, tz, center, home, roles, role, sso }))
}

/// Change my name, language or time zone.
#[utoipa::path(put, path = "/api/me", tag = "me", request_body = ChangeMe,
    responses((status = 200, description = "Changed.", body = Me)))]
pub(crate) async fn change(State(api): State<Api>, caller: Caller, JsonBody(body): JsonBody<ChangeMe>) -> Result<Json<Me>, Problem> {
    let ChangeMe { display_name, locale, tz } = body;
    api.office.change_me(&caller, MeChange { display_name, locale, tz }, now()).await?;
    let caller = caller.also(office::can::PROFILE_READ).ok_or_else(|| Problem::new(Code::Forbidden))?;
    me(State(api), caller).await
}

/// Change my password.
///
/// All other sessions end.
#[utoipa::path(put, path = "/api/me/password", tag = "me", request_body = ChangePassword,
    responses((status = 204, description = "Changed.")))]
pub(crate) async fn change_password(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Result<StatusCode, Problem> {
    let ChangePassword { old, new } = body;
    // Not with an API token, which may be in many hands.
    caller.principal().session().ok_or_else(|| Problem::new(Code::NoSession))?;
    let suspects = [Suspect::Change(caller.user())];
    let attempt = api.auth.throttle().attempt(Instant::now(), &suspects);
    attempt.map_err(|wait| Problem::new(Code::TooManyAttempts).retry_after(whole_seconds(wait)))?;
    api.office.change_own_password(&caller, &old, &new, now()).await?;
    api.auth.throttle().succeeded(Instant::now(), &suspects);
    Ok(StatusCode::NO_CONTENT)
}

/// What may I do?
///
/// For menus and buttons; what counts is what the server says to each request.
#[utoipa::path(get, path = "/api/me/permissions", tag = "me",
    responses((status = 200, description = "Roles, permissions with their scopes, columns that are shown.", body = Object)))]
pub(crate) async fn permissions(State(api): State<Api>, caller: Caller) -> Json<MyPermissions> {
    Json(api.office.my_permissions(caller.principal()))
}

/// Read a setting of mine.
#[utoipa::path(get, path = "/api/me/settings/{key}", tag = "me", params(("key" = String, Path)),
    responses((status = 200, description = "Its value; null if it was never set.", body = Value)))]
pub(crate) async fn setting(State(api): State<Api>, caller: Caller, PathText(key): PathText) -> Result<Json<Value>, Problem> {
    Ok(Json(api.office.setting(&caller, &key).await?))
}

/// Set a setting of mine.
///
/// Any JSON of at most 64 KiB; null takes it away.
#[utoipa::path(put, path = "/api/me/settings/{key}", tag = "me", params(("key" = String, Path)), request_body = Value,
    responses((status = 204, description = "Set.")))]
pub(crate) async fn set_setting(
    State(api): State<Api>,
    caller: Caller,
    PathText(key): PathText,
    JsonValue(value): JsonValue,
) -> Result<StatusCode, Problem> {
    api.office.put_setting(&caller, &key, &value, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List my sessions.
#[utoipa::path(get, path = "/api/me/sessions", tag = "me",
    responses((status = 200, description = "Live sessions.", body = Items<SessionAnswer>)))]
pub(crate) async fn sessions(State(api): State<Api>, caller: Caller) -> Result<Json<Items<SessionAnswer>>, Problem> {
    let sessions = api.office.own_sessions(&caller, now()).await?;
    Ok(Json(Items { items: sessions.into_iter().map(Into::into).collect() }))
}

/// End one of my sessions.
#[utoipa::path(delete, path = "/api/me/sessions/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204, description = "Ended.")))]
pub(crate) async fn end_session(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    let id = id.parse().map_err(|_| Problem::new(Code::RowNotFound))?;
    api.office.end_own_session(&caller, id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List my API tokens.
#[utoipa::path(get, path = "/api/me/tokens", tag = "me",
    responses((status = 200, description = "Tokens that are good.", body = Items<TokenAnswer>)))]
pub(crate) async fn tokens(State(api): State<Api>, caller: Caller) -> Result<Json<Items<TokenAnswer>>, Problem> {
    let tokens = api.office.tokens(&caller, caller.user(), now()).await?;
    Ok(Json(Items { items: tokens.into_iter().map(|view| TokenAnswer::new(view, None)).collect() }))
}

/// Make an API token.
#[utoipa::path(post, path = "/api/me/tokens", tag = "me", request_body = CreateToken,
    responses((status = 201, description = "Made; `token` is shown this once.", body = TokenAnswer)))]
pub(crate) async fn create_token(
    State(api): State<Api>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateToken>,
) -> Result<(StatusCode, Json<TokenAnswer>), Problem> {
    let CreateToken { name, expires_at, permissions } = body;
    let (view, token) = api.office.create_token(&caller, NewToken { name, expires_at, permissions }, now()).await?;
    Ok((StatusCode::CREATED, Json(TokenAnswer::new(view, Some(token)))))
}

/// End an API token: mine, or one that my right reaches.
#[utoipa::path(delete, path = "/api/tokens/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204, description = "Ended.")))]
pub(crate) async fn end_token(State(api): State<Api>, caller: Caller, PathText(id): PathText) -> Result<StatusCode, Problem> {
    let id = id.parse().map_err(|_| Problem::new(Code::RowNotFound))?;
    api.office.end_token(&caller, id, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
