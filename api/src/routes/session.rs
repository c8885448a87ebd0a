//! Log-in, new tokens, log-out, one-time links (S004-49, 53, 54, 95, 96).

use std::time::{Instant, SystemTime};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    Extensions, HeaderMap, HeaderValue, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use model::WallTime;
use office::accounts::{LogIn, LogInError, RefreshError, Session as Begun};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{Caller, client, now, source_or_none, throttle::Suspect, tokens::Subject, whole_seconds},
    error::{Code, Problem},
    live::socket::is_own_origin,
    params::{JsonBody, OptionalJsonBody, Params},
    serve::Encrypted,
    state::Api,
};

/// Longest user name, in octets.
const USERNAME_MAX: usize = 512;
/// Longest password, in octets.
const PASSWORD_MAX: usize = 1024;
/// The cookie with the refresh token of a browser.
const COOKIE_NAME: &str = "cordboard_refresh";
/// Where that cookie is sent: nowhere but to these routes.
const COOKIE_PATH: &str = "/api/auth";

/// A log-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    username: String,
    #[schema(format = Password)]
    password: String,
    /// Whether the refresh token goes into a cookie that no script can read, and not into the answer: for browsers.
    #[serde(default)]
    cookie: bool,
}

/// A request for new tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    /// Left out, the cookie is taken.
    refresh_token: Option<String>,
}

/// A log-out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logout {
    /// Whether all of the user's sessions end, not this one only.
    #[serde(default)]
    everywhere: bool,
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Goes into `Authorization: Bearer …` and into Socket.IO's `auth`.
    access_token: String,
    /// Good for new tokens only, and once. Left out if it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    refresh_token: Option<String>,
    #[schema(examples("Bearer"))]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(examples(900))]
    expires_in: u64,
}

/// What a one-time link is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkInfo {
    /// `invitation` or `password_reset`.
    #[schema(examples("invitation"))]
    purpose: &'static str,
    username: String,
    /// Until when it is good.
    #[schema(value_type = i64)]
    expires_at: WallTime,
}

/// Which link, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct LinkParams {
    /// The token in the link.
    token: String,
}

/// A one-time link that is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UseLink {
    token: String,
    /// The new password: 8 characters or more.
    #[schema(format = Password, min_length = 8, max_length = 1024)]
    password: String,
}

/// Somebody has forgotten their password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgot {
    username: String,
}

/// Log in.
///
/// Failed attempts slow further ones down, by user name and by source address: 429 with Retry-After.
#[utoipa::path(post, path = "/api/auth/login", tag = "session", request_body = Login,
    responses((status = 200, description = "Signed in.", body = Session)))]
pub(crate) async fn login(
    State(api): State<Api>,
    extensions: Extensions,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Login>,
) -> Result<Response, Problem> {
    let Login { username, password, cookie } = body;
    let too_long = [("username", username.len() > USERNAME_MAX), ("password", password.len() > PASSWORD_MAX)];
    if let Some((field, _)) = too_long.iter().find(|(_, long)| *long) {
        return Err(Problem::field(Code::InvalidField, field, "it is too long"));
    }
    let suspects = Suspect::of_login(username.trim(), source_or_none(&extensions));
    // In a statement of its own, so that the lock is not held over the rest.
    let attempt = api.auth.throttle().attempt(Instant::now(), &suspects);
    attempt.map_err(|wait| Problem::new(Code::TooManyAttempts).retry_after(whole_seconds(wait)))?;

    let log_in = LogIn { username, password, client: client(&headers, &extensions) };
    let session = match api.office.log_in(log_in, now()).await {
        Ok(session) => session,
        Err(LogInError::Wrong) => {
            api.metrics.logins_refused.inc();
            return Err(Problem::new(Code::InvalidCredentials));
        }
        Err(error) => {
            // Nothing was learnt of the password, or it was right.
            api.auth.throttle().undo(Instant::now(), &suspects);
            return Err(match error {
                LogInError::LocalOff => Problem::new(Code::LocalLoginOff),
                LogInError::Crowded => Problem::new(Code::TooManyAttempts).retry_after(1),
                LogInError::Office(error) => error.into(),
                LogInError::Wrong => Problem::new(Code::InvalidCredentials),
            });
        }
    };
    api.auth.throttle().succeeded(Instant::now(), &suspects);
    tracing::info!(user = %session.user, "Signed in.");
    tokens(&api, session, cookie, &extensions)
}

/// Get new tokens.
///
/// A refresh token is good once. Used again, its session ends: somebody else has it too.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "session", request_body = Option<Refresh>,
    responses((status = 200, description = "New tokens.", body = Session)))]
pub(crate) async fn refresh(
    State(api): State<Api>,
    extensions: Extensions,
    headers: HeaderMap,
    OptionalJsonBody(body): OptionalJsonBody<Refresh>,
) -> Result<Response, Problem> {
    let not_signed_in = || Problem::new(Code::NotSignedIn);
    let (token, from_cookie) = match body.refresh_token {
        Some(token) => (token, false),
        None if is_own_origin(&headers, &api.settings.origins) => (cookie(&headers, COOKIE_NAME).ok_or_else(not_signed_in)?, true),
        None => return Err(Problem::new(Code::ForeignOrigin)),
    };
    match api.office.refresh(&token, &client(&headers, &extensions), now()).await {
        Ok(session) => tokens(&api, session, from_cookie, &extensions),
        Err(error) => {
            let problem = match error {
                RefreshError::Unknown => not_signed_in(),
                RefreshError::Reused => Problem::new(Code::TokenReused),
                RefreshError::Office(error) => return Err(error.into()),
            };
            Ok(if from_cookie { (without_cookie(&api, &extensions), problem).into_response() } else { problem.into_response() })
        }
    }
}

/// Log out.
///
/// All tokens of the session are good for nothing from now on.
#[utoipa::path(post, path = "/api/auth/logout", tag = "session", request_body = Option<Logout>,
    responses((status = 204, description = "Signed out.")))]
pub(crate) async fn logout(
    State(api): State<Api>,
    caller: Caller,
    extensions: Extensions,
    OptionalJsonBody(body): OptionalJsonBody<Logout>,
) -> Result<Response, Problem> {
    api.office.log_out(caller.principal(), body.everywhere, now()).await?;
    Ok((StatusCode::NO_CONTENT, without_cookie(&api, &extensions)).into_response())
}

/// What is a one-time link for?
#[utoipa::path(get, path = "/api/auth/link", tag = "session", params(LinkParams),
    responses((status = 200, description = "It is good.", body = LinkInfo)))]
pub(crate) async fn link(State(api): State<Api>, mut params: Params) -> Result<Json<LinkInfo>, Problem> {
    let token = params.take("token").unwrap_or_default();
    params.finish()?;
    let info = api.office.link_info(&token, now()).await?;
    Ok(Json(LinkInfo { purpose: info.purpose.as_str(), username: info.username, expires_at: info.expires_at }))
}

/// Use a one-time link: choose a password.
///
/// All sessions of the account end.
#[utoipa::path(post, path = "/api/auth/link", tag = "session", request_body = UseLink,
    responses((status = 204, description = "The password is set.")))]
pub(crate) async fn use_link(
    State(api): State<Api>,
    extensions: Extensions,
    headers: HeaderMap,
    JsonBody(body): JsonBody<UseLink>,
) -> Result<StatusCode, Problem> {
    let UseLink { token, password } = body;
    api.office.use_link(&token, &password, &client(&headers, &extensions), now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a link to a new password sent.
///
/// The answer is the same whether there is such an account or not. Needs e-mail (`smtp.url`).
#[utoipa::path(post, path = "/api/auth/forgot", tag = "session", request_body = Forgot,
    responses((status = 202, description = "If there is such an account, its user gets an e-mail.")))]
pub(crate) async fn forgot(
    State(api): State<Api>,
    extensions: Extensions,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Forgot>,
) -> Result<StatusCode, Problem> {
    if body.username.len() > USERNAME_MAX {
        return Err(Problem::field(Code::InvalidField, "username", "it is too long"));
    }
    let suspects = [Suspect::of_source(source_or_none(&extensions))];
    let attempt = api.auth.throttle().attempt(Instant::now(), &suspects);
    attempt.map_err(|wait| Problem::new(Code::TooManyAttempts).retry_after(whole_seconds(wait)))?;
    api.office.forgot(&body.username, &client(&headers, &extensions), &api.settings.link_page(), now());
    Ok(StatusCode::ACCEPTED)
}

/// The answer to whoever has a session now.
pub(crate) fn tokens(api: &Api, session: Begun, by_cookie: bool, extensions: &Extensions) -> Result<Response, Problem> {
    let Begun { id, user, center, username, roles, refresh_token, expires_at } = session;
    api.sign_of_life(user);
    let subject = Subject { user, center, name: username, session: id, roles };
    let life = api.settings.access_life;
    let access_token = api.auth.tokens.access(SystemTime::now(), &subject, life).map_err(Problem::internal)?;
    let cookie = by_cookie.then(|| with_cookie(api, extensions, &refresh_token, expires_at));
    let refresh_token = (!by_cookie).then_some(refresh_token);
    let answer = Json(Session { access_token, refresh_token, token_type: "Bearer", expires_in: life.as_secs() });
    Ok((cookie.unwrap_or_default(), answer).into_response())
}

/// A cookie of the request.
pub(crate) fn cookie(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
}

pub(crate) fn with_cookie(api: &Api, extensions: &Extensions, token: &str, expires_at: WallTime) -> HeaderMap {
    let seconds = expires_at.ms_since(now()) / 1000;
    set_cookie(api, extensions, &format!("{COOKIE_NAME}={token}; Max-Age={seconds}"), COOKIE_PATH)
}

fn without_cookie(api: &Api, extensions: &Extensions) -> HeaderMap {
    set_cookie(api, extensions, &format!("{COOKIE_NAME}=; Max-Age=0"), COOKIE_PATH)
}

/// RFC 6265: no script reads it, no other site's page has it sent, and over HTTPS nothing but HTTPS carries it.
pub(crate) fn set_cookie(api: &Api, extensions: &Extensions, cookie: &str, path: &str) -> HeaderMap {
    let is_https = api.settings.is_https || extensions.get::<Encrypted>().is_some();
    let secure = if is_https { "; Secure" } else { "" };
    let text = format!("{cookie}; Path={path}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map(|value| HeaderMap::from_iter([(SET_COOKIE, value)])).unwrap_or_default()
}
