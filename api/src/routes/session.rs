//! Log-in, new tokens, who one is (S004-49, 53, 54, 95, 96).

use std::time::{Instant, SystemTime};

use axum::{Json, extract::State};
use http::Extensions;
use model::WallTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{
        Caller,
        passwords::PASSWORD_MAX,
        people::Person,
        source_or_none,
        throttle::Suspect,
        tokens::{Kind, Subject},
        whole_seconds,
    },
    error::{Code, Problem},
    params::JsonBody,
    state::Api,
};

/// Longest user name, in octets.
const USERNAME_MAX: usize = 512;

/// A log-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    username: String,
    #[schema(format = Password)]
    password: String,
}

/// A request for new tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    refresh_token: String,
}

/// Tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Goes into `Authorization: Bearer …` and into Socket.IO's `auth`.
    access_token: String,
    /// Good for new tokens only.
    refresh_token: String,
    #[schema(examples("Bearer"))]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(examples(900))]
    expires_in: u64,
}

/// Who one is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    #[schema(examples("5"))]
    id: String,
    username: String,
    #[schema(examples("operator"))]
    role: &'static str,
}

/// Log in.
///
/// Failed attempts slow further ones down, by user name and by source address: 429 with Retry-After.
#[utoipa::path(post, path = "/api/auth/login", tag = "session", request_body = Login,
    responses((status = 200, description = "Signed in.", body = Session)))]
pub(crate) async fn login(
    State(api): State<Api>,
    extensions: Extensions,
    JsonBody(body): JsonBody<Login>,
) -> Result<Json<Session>, Problem> {
    let Login { username, password } = body;
    let too_long = [("username", username.len() > USERNAME_MAX), ("password", password.len() > PASSWORD_MAX)];
    if let Some((field, _)) = too_long.iter().find(|(_, long)| *long) {
        return Err(Problem::field(Code::InvalidField, field, "it is too long"));
    }
    let suspects = Suspect::of_login(username.trim(), source_or_none(&extensions));
    // In a statement of its own, so that the lock is not held over the rest.
    let attempt = api.auth.throttle().attempt(Instant::now(), &suspects);
    attempt.map_err(|wait| Problem::new(Code::TooManyAttempts).retry_after(whole_seconds(wait)))?;

    let user = match api.auth.people.by_name(username.trim()).await {
        Ok(user) => user,
        Err(error) => {
            api.auth.throttle().undo(Instant::now(), &suspects);
            return Err(error.into());
        }
    };
    let hash = user.as_ref().map(|user| user.password_hash.as_str());
    let good = match api.auth.passwords.check(hash, password).await {
        Ok(good) => good,
        Err(_crowded) => {
            api.auth.throttle().undo(Instant::now(), &suspects);
            return Err(Problem::new(Code::TooManyAttempts).retry_after(1));
        }
    };
    let Some(user) = user.filter(|user| good && user.active) else {
        api.metrics.logins_refused.inc();
        return Err(Problem::new(Code::InvalidCredentials));
    };
    api.auth.throttle().succeeded(Instant::now(), &suspects);

    let now = SystemTime::now();
    let ms = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    if let Err(error) = api.store.set_last_login(user.id, WallTime(i64::try_from(ms).unwrap_or(i64::MAX))).await {
        tracing::warn!(user = %user.id, %error, "The time of a log-in was not stored.");
    }
    tracing::info!(user = %user.id, username = %user.username, "Signed in.");
    api.sign_of_life(user.id);
    Ok(Json(session(&api, now, &Subject::from(&Person::from(&user)))?))
}

/// Get new tokens.
///
/// Refused once the user is disabled or has another password.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "session", request_body = Refresh,
    responses((status = 200, description = "New tokens.", body = Session)))]
pub(crate) async fn refresh(State(api): State<Api>, JsonBody(body): JsonBody<Refresh>) -> Result<Json<Session>, Problem> {
    let not_signed_in = || Problem::new(Code::NotSignedIn);
    let claims = api.auth.tokens.verify(&body.refresh_token, Kind::Refresh).ok_or_else(not_signed_in)?;
    let person = api.auth.person(&claims).await.ok_or_else(not_signed_in)?;
    api.sign_of_life(person.user);
    Ok(Json(session(&api, SystemTime::now(), &Subject::from(&person))?))
}

/// Who am I?
#[utoipa::path(get, path = "/api/me", tag = "session", responses((status = 200, description = "The caller.", body = Me)))]
pub(crate) async fn me(caller: Caller) -> Json<Me> {
    Json(Me { id: caller.user.to_string(), username: caller.username, role: caller.role.as_str() })
}

fn session(api: &Api, now: SystemTime, subject: &Subject) -> Result<Session, Problem> {
    let issue = |kind, life| api.auth.tokens.issue(now, subject, kind, life, None).map_err(Problem::internal);
    let life = api.settings.access_life;
    Ok(Session {
        access_token: issue(Kind::Access, life)?,
        refresh_token: issue(Kind::Refresh, api.settings.refresh_life)?,
        token_type: "Bearer",
        expires_in: life.as_secs(),
    })
}
