//! Log-in by a provider (OpenID Connect): there and back, and the provider's own word that a session has ended (S001-89; D20).
//!
//! ```text
//!  browser ──start──▶ us ──302──▶ provider ──302──▶ us: callback ──302──▶ console, with the refresh token in its cookie
//! ```

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Form, Json,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse as _, Response},
};
use http::{
    Extensions, HeaderMap, HeaderValue, StatusCode,
    header::{COOKIE, LOCATION, SET_COOKIE},
};
use links::oidc::{Bearer, Begun, OidcError, Return, SignedIn};
use model::CenterId;
use office::accounts::{OidcClaims, OidcError as Refused};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{client, now, source_or_none, throttle::Suspect, whole_seconds},
    error::{Code, Problem},
    params::{Params, PathText},
    routes::session,
    serve::Encrypted,
    state::Api,
};

/// Log-ins that were begun and wait for their browser; past it the oldest is forgotten.
const WAITING_MAX: usize = 10_000;
/// How long a person may take at the provider.
const WAIT: Duration = Duration::from_secs(15 * 60);
/// The longest place to come back to, in octets.
const RETURN_MAX: usize = 512;
/// The cookie that binds a log-in to the browser that began it: nobody can be logged in with somebody else's answer.
const COOKIE_NAME: &str = "cordboard_oidc";

/// Log-ins that were begun. They outlive no restart; whoever waits then begins anew.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_state: HashMap<String, (Begun, String)>,
    order: VecDeque<(Instant, String)>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, at: Instant, begun: Begun, back_to: String) {
        let mut waiting = self.lock();
        while waiting.order.len() >= WAITING_MAX
            || waiting.order.front().is_some_and(|(began, _)| at.saturating_duration_since(*began) > WAIT)
        {
            let Some((_, state)) = waiting.order.pop_front() else { break };
            waiting.by_state.remove(&state);
        }
        waiting.order.push_back((at, begun.state.clone()));
        waiting.by_state.insert(begun.state.clone(), (begun, back_to));
    }

    /// Each is taken once.
    fn take(&self, state: &str) -> Option<(Begun, String)> {
        self.lock().by_state.remove(state)
    }
}

/// How one can log in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Providers {
    /// With a user name and a password.
    local: bool,
    oidc: Vec<ProviderAnswer>,
    /// Whether links to a new password can be sent by e-mail.
    mail: bool,
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderAnswer {
    #[schema(examples("keycloak"))]
    id: String,
    /// What the button says.
    name: String,
}

/// Where to come back to, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct StartParams {
    /// A path of the console; without it, its first page.
    r#return: Option<String>,
}

/// What a provider tells of sessions that have ended.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LogoutNotice {
    logout_token: String,
}

/// How can one log in?
#[utoipa::path(get, path = "/api/auth/providers", tag = "session", responses((status = 200, description = "So.", body = Providers)))]
pub(crate) async fn providers(State(api): State<Api>) -> Json<Providers> {
    let known =
        api.providers.iter().map(|provider| ProviderAnswer { id: provider.settings().id.clone(), name: provider.settings().name.clone() });
    Json(Providers { local: true, oidc: known.collect(), mail: api.office.can_mail() })
}

/// Begin to log in by a provider: a browser goes there from here.
#[utoipa::path(get, path = "/api/auth/oidc/{id}/start", tag = "session", params(("id" = String, Path), StartParams),
    responses((status = 302, description = "To the provider.")))]
pub(crate) async fn start(
    State(api): State<Api>,
    PathText(id): PathText,
    extensions: Extensions,
    mut params: Params,
) -> Result<Response, Problem> {
    let back_to = params.take("return").unwrap_or_else(|| "/".to_owned());
    params.finish()?;
    let provider = api.providers.find(&id).ok_or_else(|| Problem::new(Code::NotFound))?;
    if !is_own_path(&back_to) {
        return Err(Problem::field(Code::InvalidField, "return", "it is a path of the console"));
    }
    // Each costs a place among those who wait, until it is ended.
    let suspects = [Suspect::of_begun(source_or_none(&extensions))];
    let attempt = api.auth.throttle().attempt(Instant::now(), &suspects);
    attempt.map_err(|wait| Problem::new(Code::TooManyAttempts).retry_after(whole_seconds(wait)))?;
    let begun = provider.begin(&format!("{}/api/auth/oidc/{id}/callback", api.settings.public_url)).await;
    let (url, begun) = begun.inspect_err(|_| api.auth.throttle().undo(Instant::now(), &suspects))?;
    let cookie = bound(&api, &extensions, &format!("{COOKIE_NAME}={}; Max-Age={}", begun.state, WAIT.as_secs()));
    api.waiting.put(Instant::now(), begun, back_to);
    Ok((StatusCode::FOUND, cookie, to(&url)).into_response())
}

/// Come back from a provider.
///
/// The browser gets the session's cookie and goes on to the console; if it fails, to the console's log-in page with `?error=` and a code.
#[utoipa::path(get, path = "/api/auth/oidc/{id}/callback", tag = "session", params(("id" = String, Path)),
    responses((status = 302, description = "To the console.")))]
pub(crate) async fn callback(
    State(api): State<Api>,
    PathText(id): PathText,
    extensions: Extensions,
    headers: HeaderMap,
    back: Result<Query<Return>, QueryRejection>,
) -> Response {
    // What cannot be read, such as a parameter that is there twice, belongs to no log-in that began here.
    let Query(back) = back.unwrap_or_default();
    let unbound = bound(&api, &extensions, &format!("{COOKIE_NAME}=; Max-Age=0"));
    match finish(&api, &id, &extensions, &headers, &back).await {
        Ok((cookie, back_to)) => (StatusCode::FOUND, cookie, unbound_too(unbound), to(&back_to)).into_response(),
        Err(problem) => {
            tracing::info!(provider = id, code = problem.code().name(), "Nobody was logged in by a provider.");
            let page = format!("/login?error={}", problem.code().name());
            (StatusCode::FOUND, unbound_too(unbound), to(&page)).into_response()
        }
    }
}

async fn finish(api: &Api, id: &str, extensions: &Extensions, headers: &HeaderMap, back: &Return) -> Result<(HeaderMap, String), Problem> {
    let foreign = || Problem::new(Code::OidcForeign);
    let provider = api.providers.find(id).ok_or_else(|| Problem::new(Code::NotFound))?;
    let state = back.state.as_deref().filter(|state| cookie(headers).as_deref() == Some(*state)).ok_or_else(foreign)?;
    let (begun, back_to) = api.waiting.take(state).ok_or_else(foreign)?;
    // Its place is free again.
    api.auth.throttle().undo(Instant::now(), &[Suspect::of_begun(source_or_none(extensions))]);
    let signed_in = provider.finish(&begun, back, now()).await?;
    let session = api.office.log_in_oidc(CenterId::DEFAULT, &claims(signed_in), &client(headers, extensions), now()).await?;
    api.sign_of_life(session.user);
    Ok((session::with_cookie(api, extensions, &session.refresh_token, session.expires_at), back_to))
}

/// A provider tells that sessions have ended (OpenID Connect Back-Channel Logout 1.0).
#[utoipa::path(post, path = "/api/auth/oidc/{id}/backchannel", tag = "session", params(("id" = String, Path)),
    request_body(content = LogoutNotice, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "They have ended here too.")))]
pub(crate) async fn backchannel(
    State(api): State<Api>,
    PathText(id): PathText,
    extensions: Extensions,
    headers: HeaderMap,
    Form(notice): Form<LogoutNotice>,
) -> Result<StatusCode, Problem> {
    let provider = api.providers.find(&id).ok_or_else(|| Problem::new(Code::NotFound))?;
    let ended = provider.logged_out(&notice.logout_token, now()).await?;
    let who = client(&headers, &extensions);
    let count = api.office.end_oidc_sessions(&ended.issuer, ended.session.as_deref(), ended.subject.as_deref(), &who, now()).await?;
    tracing::info!(provider = id, count, "A provider has ended sessions.");
    Ok(StatusCode::OK)
}

/// What the office judges by.
fn claims(signed_in: SignedIn) -> OidcClaims {
    let text = |claim: &str| signed_in.text(claim).map(str::to_owned);
    OidcClaims {
        email: signed_in.verified_email().map(str::to_owned),
        preferred_username: text("preferred_username"),
        name: text("name"),
        issuer: signed_in.issuer,
        sub: signed_in.subject,
        sid: signed_in.session,
        all: Value::Object(signed_in.claims),
    }
}

/// The same of a program's access token.
pub(crate) fn claims_of_bearer(bearer: Bearer) -> OidcClaims {
    let session = bearer.claims.get("sid").and_then(Value::as_str).map(str::to_owned);
    claims(SignedIn { issuer: bearer.issuer, subject: bearer.subject, session, claims: bearer.claims })
}

/// Whether it is a path of ours, and no way to another host.
fn is_own_path(path: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_graphic() && letter != '\\';
    path.len() <= RETURN_MAX && path.starts_with('/') && !path.starts_with("//") && path.chars().all(is_plain)
}

/// The state of the log-in that this browser began.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.to_owned())
}

/// A cookie that comes back with the provider's redirection: Lax, because the browser comes from another site.
fn bound(api: &Api, extensions: &Extensions, cookie: &str) -> HeaderMap {
    let is_https = api.settings.is_https || extensions.get::<Encrypted>().is_some();
    let secure = if is_https { "; Secure" } else { "" };
    let text = format!("{cookie}; Path=/api/auth/oidc; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map(|value| HeaderMap::from_iter([(SET_COOKIE, value)])).unwrap_or_default()
}

/// As one header beside another of the same name.
fn unbound_too(headers: HeaderMap) -> axum::response::AppendHeaders<Vec<(http::HeaderName, HeaderValue)>> {
    axum::response::AppendHeaders(headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect())
}

fn to(url: &str) -> HeaderMap {
    HeaderValue::from_str(url).map(|value| HeaderMap::from_iter([(LOCATION, value)])).unwrap_or_default()
}

impl From<OidcError> for Problem {
    fn from(error: OidcError) -> Self {
        let words = error.to_string();
        match error {
            OidcError::Unavailable { .. } => Self::new(Code::OidcUnavailable).logged(words),
            OidcError::Unusable { .. } => Self::new(Code::OidcUnusable).logged(words),
            OidcError::Refused { .. } => Self::new(Code::OidcRefused).detail(words),
            OidcError::Foreign => Self::new(Code::OidcForeign),
            OidcError::Token(_) => Self::new(Code::OidcToken).logged(words),
        }
    }
}

impl From<Refused> for Problem {
    fn from(error: Refused) -> Self {
        match error {
            Refused::Off => Self::new(Code::OidcLoginOff),
            Refused::NoRole => Self::new(Code::OidcNoRole),
            Refused::Disabled => Self::new(Code::InvalidCredentials),
            Refused::Office(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_host() {
        for own in ["/", "/calls?filter=%7B%7D", "/calls/c_1#top"] {
            assert!(is_own_path(own), "{own}");
        }
        let long = format!("/{}", "x".repeat(RETURN_MAX));
        for foreign in ["", "//evil.example", "/\\evil.example", "https://evil.example", "calls", "/a b", "/\r\nX: y", "/ы", &long] {
            assert!(!is_own_path(foreign), "{foreign}");
        }
    }
}
