//! One provider: what it says of itself, its keys, and the conversations with it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use http::{Request, StatusCode, header::AUTHORIZATION};
use model::WallTime;
use openidconnect::{
    AccessToken, AccessTokenHash, AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken, CoreIdTokenVerifier,
        CoreJsonWebKeySet, CoreProviderMetadata, CoreTokenResponse,
    },
};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use tokio::{
    sync::Mutex as Turn,
    time::{Instant, timeout},
};
use tracing::warn;

use super::{
    Bearer, Begun, LoggedOut, OidcError, Return, Settings, SharedKeys, SignedIn,
    jws::{ALGORITHMS, Proven, Unproven, prove},
    replay::Seen,
    unavailable,
};
use crate::{
    http::{Client, Guard, HttpError, Limits, Plain, Want},
    tls::Roots,
};

/// How long what a provider says of itself holds.
const KNOWN_MAX: Duration = Duration::from_secs(3600);
/// How long it holds if the provider is away then.
const KNOWN_AWAY_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long after a failure a provider is not asked again, so that each of a hundred people does not wait for it.
const FAILED_MIN: Duration = Duration::from_secs(5);
/// How long somebody waits for a provider to say anew what it has said before; after that the old will do.
const REFRESH_WAIT: Duration = Duration::from_secs(2);
/// How long a program with an access token waits for the provider's keys. Requests are not to pile up before a provider that hangs.
const BEARER_WAIT: Duration = Duration::from_secs(3);
/// How often new keys are asked for because a token names an unknown one. Anybody can send such tokens.
const KEYS_MIN: Duration = Duration::from_secs(30);
/// By how much clocks may differ.
const LEEWAY_MS: i64 = 60_000;
/// How old a message that a session has ended may be.
const LOGOUT_AGE_MS: i64 = 300_000;
/// The longest code, in octets.
const CODE_MAX: usize = 4096;
/// The longest subject, in octets (OpenID Connect Core, 2).
const SUBJECT_MAX: usize = 255;
/// The event of a log-out (OpenID Connect Back-Channel Logout, 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A provider. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    http: Client,
    /// Never held while somebody is asked.
    state: Mutex<State>,
    /// Whose turn it is to ask the provider what it is.
    asking: Arc<Turn<()>>,
    /// Whose turn it is to ask for its keys alone.
    asking_keys: Arc<Turn<()>>,
    seen: Seen,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    failed: Option<(Instant, OidcError)>,
    /// When keys were last asked for because of an unknown one.
    keys_asked: Option<Instant>,
}

impl State {
    /// What it said so long ago that it is to be asked anew, but will do while it does not answer.
    fn old(&self, now: Instant) -> Option<Known> {
        self.known.clone().filter(|known| now.duration_since(known.at) < KNOWN_AWAY_MAX)
    }
}

/// What the provider says of itself.
#[derive(Debug, Clone)]
struct Known {
    metadata: Arc<CoreProviderMetadata>,
    keys: SharedKeys,
    at: Instant,
}

impl Provider {
    /// A provider. Nothing is asked of it yet.
    #[must_use]
    pub fn new(settings: Settings, roots: &Roots) -> Self {
        let plain = if settings.allow_insecure { Plain::Loopback } else { Plain::Nowhere };
        let http = Client::new(Guard::configured(plain), roots, Limits::default());
        let (state, asking, asking_keys, seen) = (Mutex::default(), Arc::default(), Arc::default(), Seen::default());
        Self(Arc::new(Inner { settings, http, state, asking, asking_keys, seen }))
    }

    /// What it is, and what we are to it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn http(&self) -> &Client {
        &self.0.http
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a log-in: where to send the browser, and what to keep until it comes back to `redirect_uri`.
    ///
    /// # Errors
    /// If the provider is away, or cannot be used.
    pub async fn begin(&self, redirect_uri: &str) -> Result<(String, Begun), OidcError> {
        let settings = self.settings();
        let known = self.known().await?;
        let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| self.unusable(format!("our own address: {error}")))?;
        let client =
            CoreClient::from_provider_metadata((*known.metadata).clone(), ClientId::new(settings.client_id.clone()), self.secret())
                .set_redirect_uri(redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (CsrfToken::new_random_len(32), Nonce::new_random_len(32));
        let begun = Begun {
            provider: settings.id.clone(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            redirect_uri: redirect_uri.to_owned(),
        };
        let mut request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce).set_pkce_challenge(challenge);
        for scope in settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, _, _) = request.url();
        Ok((url.into(), begun))
    }

    /// Ends a log-in with what the browser came back with: asks the provider who it is, and proves what it says.
    ///
    /// # Errors
    /// [`OidcError::Foreign`] if the log-in was not begun so; [`OidcError::Refused`] if the provider or the person says no;
    /// [`OidcError::Token`] if what the provider says does not hold.
    pub async fn finish(&self, begun: &Begun, back: &Return, now: WallTime) -> Result<SignedIn, OidcError> {
        let settings = self.settings();
        let state = back.state.as_deref().unwrap_or_default();
        let is_ours = begun.provider == settings.id && !state.is_empty() && bool::from(state.as_bytes().ct_eq(begun.state.as_bytes()));
        // RFC 9207, 2.4: an answer that names another provider is another provider's.
        if !is_ours || back.iss.as_ref().is_some_and(|issuer| *issuer != settings.issuer) {
            return Err(OidcError::Foreign);
        }
        if let Some(error) = &back.error {
            return Err(OidcError::Refused { code: plain_code(error) });
        }
        let code = back.code.as_ref().filter(|code| !code.is_empty() && code.len() <= CODE_MAX).ok_or(OidcError::Foreign)?;
        let known = self.known().await?;
        let tokens = self.exchange(&known, begun, code).await?;
        let id_token =
            tokens.extra_fields().id_token().ok_or_else(|| self.unusable("it gives no ID token: is `openid` among the scopes?"))?;
        let raw = id_token.to_string();
        let mut keys = Arc::clone(&known.keys);
        if matches!(prove(&raw, &keys), Err(Unproven::NoKey)) {
            keys = self.new_keys(&keys).await?;
        }
        self.check_id_token(id_token, tokens.access_token(), &begun.nonce, &keys, now)?;
        let proven = prove(&raw, &keys).map_err(known_key)?;
        let subject = text(&proven.claims, "sub")
            .filter(|subject| subject.len() <= SUBJECT_MAX)
            .ok_or_else(|| OidcError::token("it names nobody"))?;
        let subject = subject.to_owned();
        let session = text(&proven.claims, "sid").map(str::to_owned);
        let claims = self.all_claims(&known, &keys, proven.claims, &subject, tokens.access_token()).await?;
        Ok(SignedIn { issuer: settings.issuer.clone(), subject, session, claims })
    }

    /// Proves a message of the provider that sessions have ended (OpenID Connect Back-Channel Logout, 2.6). Each is taken once.
    ///
    /// # Errors
    /// [`OidcError::Token`] if it does not hold.
    pub async fn logged_out(&self, token: &str, now: WallTime) -> Result<LoggedOut, OidcError> {
        let Proven { kind, claims } = self.prove(token).await?;
        let wrong = |reason: &str| Err(OidcError::token(reason));
        if !matches!(kind.as_str(), "" | "jwt" | "logout+jwt" | "application/logout+jwt") {
            return wrong("it is no message of a log-out");
        }
        self.check_issuer(&claims)?;
        if !is_audience(&claims, &self.settings().client_id) {
            return wrong("it is for somebody else");
        }
        let issued = time(&claims, "iat").ok_or_else(|| OidcError::token("it does not say when it was made"))?;
        if issued > now.0.saturating_add(LEEWAY_MS) || issued < now.0.saturating_sub(LOGOUT_AGE_MS) {
            return wrong("it is too old, or from the future");
        }
        if claims.contains_key("exp") && time(&claims, "exp").is_none_or(|end| end.saturating_add(LEEWAY_MS) <= now.0) {
            return wrong("it has ended");
        }
        if !claims.get("events").and_then(|events| events.get(LOGOUT_EVENT)).is_some_and(Value::is_object) {
            return wrong("it is no message of a log-out");
        }
        // So that nobody passes an ID token off as one.
        if claims.contains_key("nonce") {
            return wrong("it is a token of a log-in");
        }
        let (subject, session) = (text(&claims, "sub").map(str::to_owned), text(&claims, "sid").map(str::to_owned));
        if subject.is_none() && session.is_none() {
            return wrong("it names neither a session nor a person");
        }
        let id = text(&claims, "jti").filter(|id| id.len() <= SUBJECT_MAX).ok_or_else(|| OidcError::token("it has no id"))?;
        if !self.0.seen.is_new(id, WallTime(issued.saturating_add(LOGOUT_AGE_MS + LEEWAY_MS)), now) {
            return wrong("it was here before");
        }
        Ok(LoggedOut { issuer: self.settings().issuer.clone(), subject, session })
    }

    /// Proves an access token with which a program comes (RFC 9068; Keycloak's are nearly such).
    ///
    /// # Errors
    /// [`OidcError::Token`] if it does not hold, or is not for us; [`OidcError::Unavailable`] if its keys cannot be had soon.
    pub async fn bearer(&self, token: &str, now: WallTime) -> Result<Bearer, OidcError> {
        let wrong = |reason: &str| Err(OidcError::token(reason));
        let Some(audience) = &self.settings().bearer_audience else { return wrong("this provider's access tokens are not taken") };
        let proven = timeout(BEARER_WAIT, self.prove(token)).await;
        let Proven { kind, claims } = proven.unwrap_or_else(|_| Err(self.away("it does not give its keys in time")))?;
        let is_access = matches!(kind.as_str(), "" | "jwt" | "at+jwt" | "application/at+jwt");
        // Keycloak says it within; an ID token or a log-out message of the same audience is none.
        let is_bearer = text(&claims, "typ").is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !is_access || !is_bearer || ["nonce", "at_hash", "c_hash", "events"].iter().any(|claim| claims.contains_key(*claim)) {
            return wrong("it is no access token");
        }
        // RFC 7800, RFC 8705, RFC 9449: whoever has such a token has to prove more, which is not asked for here.
        if claims.contains_key("cnf") {
            return wrong("it is bound to a key");
        }
        self.check_issuer(&claims)?;
        if !is_audience(&claims, audience) {
            return wrong("it is for somebody else");
        }
        let end = time(&claims, "exp").ok_or_else(|| OidcError::token("it never ends"))?;
        if end.saturating_add(LEEWAY_MS) <= now.0 {
            return wrong("it has ended");
        }
        let begins = ["nbf", "iat"].iter().filter_map(|claim| time(&claims, claim)).max();
        if begins.is_some_and(|begins| begins > now.0.saturating_add(LEEWAY_MS)) {
            return wrong("it has not begun");
        }
        let subject = text(&claims, "sub")
            .filter(|subject| subject.len() <= SUBJECT_MAX)
            .ok_or_else(|| OidcError::token("it names nobody"))?
            .to_owned();
        Ok(Bearer { issuer: self.settings().issuer.clone(), subject, expires_at: WallTime(end), claims })
    }

    /// Our own access token, by client credentials, and for how long it is good.
    pub(crate) async fn client_credentials(&self) -> Result<(String, Duration), OidcError> {
        let known = self.known().await?;
        let client =
            CoreClient::from_provider_metadata((*known.metadata).clone(), ClientId::new(self.settings().client_id.clone()), self.secret())
                .set_auth_type(auth_type(&known.metadata));
        let request = client.exchange_client_credentials().map_err(|_| self.unusable("it has no token endpoint"))?;
        let tokens = request.request_async(self).await.map_err(|error| self.token_error(error))?;
        Ok((tokens.access_token().secret().clone(), tokens.expires_in().unwrap_or_default()))
    }

    async fn exchange(&self, known: &Known, begun: &Begun, code: &str) -> Result<CoreTokenResponse, OidcError> {
        let redirect = RedirectUrl::new(begun.redirect_uri.clone()).map_err(|_| OidcError::Foreign)?;
        let client =
            CoreClient::from_provider_metadata((*known.metadata).clone(), ClientId::new(self.settings().client_id.clone()), self.secret())
                .set_auth_type(auth_type(&known.metadata))
                .set_redirect_uri(redirect);
        let request =
            client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| self.unusable("it has no token endpoint"))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()));
        request.request_async(self).await.map_err(|error| self.token_error(error))
    }

    /// OpenID Connect Core, 3.1.3.7 and 3.1.3.8.
    fn check_id_token(
        &self,
        token: &CoreIdToken,
        access: &AccessToken,
        nonce: &str,
        keys: &CoreJsonWebKeySet,
        now: WallTime,
    ) -> Result<(), OidcError> {
        let settings = self.settings();
        let moment = |ms: i64| DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        let (earliest, latest) = (moment(now.0.saturating_sub(LEEWAY_MS)), moment(now.0.saturating_add(LEEWAY_MS)));
        let client_id = ClientId::new(settings.client_id.clone());
        // As for a client without a secret: with one, a token signed with the secret would be taken.
        let verifier = CoreIdTokenVerifier::new_public_client(client_id.clone(), self.issuer()?, keys.clone())
            .set_allowed_algs(ALGORITHMS)
            // Other audiences beside ours are held against `azp` below.
            .set_other_audience_verifier_fn(|_| true)
            .set_time_fn(move || earliest)
            .set_issue_time_verifier_fn(move |issued| if issued <= latest { Ok(()) } else { Err("it is from the future".to_owned()) });
        let claims = token.claims(&verifier, &Nonce::new(nonce.to_owned())).map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                OidcError::token("nobody's key has signed it")
            }
            error => OidcError::token(error.to_string()),
        })?;
        let is_for_us = match claims.authorized_party() {
            Some(party) => *party == client_id,
            None => claims.audiences().len() == 1,
        };
        if !is_for_us {
            return Err(OidcError::token("it was made for another client"));
        }
        if let Some(hash) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|error| OidcError::token(error.to_string()))?;
            let key = token.signing_key(&verifier).map_err(|error| OidcError::token(error.to_string()))?;
            let wanted = AccessTokenHash::from_token(access, algorithm, key).map_err(|error| OidcError::token(error.to_string()))?;
            if wanted != *hash {
                return Err(OidcError::token("the access token that came with it is another one's"));
            }
        }
        Ok(())
    }

    /// What the provider says in all places: in its access token (where Keycloak has the roles), in answer to our question, in the ID token.
    /// What a later one says goes before.
    async fn all_claims(
        &self,
        known: &Known,
        keys: &CoreJsonWebKeySet,
        id_token: Map<String, Value>,
        subject: &str,
        access: &AccessToken,
    ) -> Result<Map<String, Value>, OidcError> {
        let is_theirs = |claims: &Map<String, Value>| text(claims, "sub") == Some(subject);
        let mut claims = match prove(access.secret(), keys) {
            Ok(proven) if is_theirs(&proven.claims) && self.check_issuer(&proven.claims).is_ok() => proven.claims,
            // It need not be a token that we can read.
            _ => Map::new(),
        };
        if let Some(place) = known.metadata.userinfo_endpoint() {
            let request = Request::get(place.url().as_str()).header(AUTHORIZATION, format!("Bearer {}", access.secret())).body(Vec::new());
            let request = request.map_err(|error| self.unusable(error.to_string()))?;
            let answer = self.0.http.send(request, Want::Whole).await.map_err(|error| unavailable(self.settings(), &error))?;
            if answer.status() != StatusCode::OK {
                return Err(self.away(format!("it answered {} when asked who it is", answer.status())));
            }
            let kind = answer.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !kind.to_ascii_lowercase().starts_with("application/jwt") {
                let said: Map<String, Value> = serde_json::from_slice(answer.body()).map_err(|error| self.unusable(error.to_string()))?;
                // OpenID Connect Core, 5.3.2: an answer about another person is not to be used.
                if !is_theirs(&said) {
                    return Err(OidcError::token("the provider tells of somebody else"));
                }
                claims.extend(said);
            }
        }
        claims.extend(id_token);
        Ok(claims)
    }

    /// Proves a token's signature; with new keys, if none of those that are known fits.
    async fn prove(&self, token: &str) -> Result<Proven, OidcError> {
        let keys = self.known().await?.keys;
        match prove(token, &keys) {
            Err(Unproven::NoKey) => prove(token, &*self.new_keys(&keys).await?).map_err(known_key),
            proven => proven.map_err(known_key),
        }
    }

    fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), OidcError> {
        if text(claims, "iss") == Some(self.settings().issuer.as_str()) {
            Ok(())
        } else {
            Err(OidcError::token("it is from somebody else"))
        }
    }

    fn issuer(&self) -> Result<IssuerUrl, OidcError> {
        IssuerUrl::new(self.settings().issuer.clone()).map_err(|error| self.unusable(format!("its issuer is no URL: {error}")))
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.settings().client_secret.clone().map(ClientSecret::new)
    }

    /// What the provider says of itself. One asks it; whoever comes meanwhile goes by what it has said before, or else waits for that answer.
    async fn known(&self) -> Result<Known, OidcError> {
        if let Some(answer) = self.remembered() {
            return answer;
        }
        let old = self.state().old(Instant::now());
        let Ok(turn) = Arc::clone(&self.0.asking).try_lock_owned() else {
            if let Some(old) = old {
                return Ok(old);
            }
            let _turn = self.0.asking.lock().await;
            return self.remembered().unwrap_or_else(|| Err(self.away("it says nothing of itself")));
        };
        let provider = self.clone();
        // In a task of its own: whoever stops waiting does not break the question off.
        let asked = tokio::spawn(async move {
            let _turn = turn;
            provider.ask().await
        });
        let lost = |_| Err(self.away("the question was broken off"));
        match old {
            None => asked.await.unwrap_or_else(lost),
            Some(old) => timeout(REFRESH_WAIT, asked).await.map_or(Ok(old), |asked| asked.unwrap_or_else(lost)),
        }
    }

    /// What it said lately; none if it is to be asked.
    fn remembered(&self) -> Option<Result<Known, OidcError>> {
        let (state, now) = (self.state(), Instant::now());
        if let Some(known) = state.known.as_ref().filter(|known| now.duration_since(known.at) < KNOWN_MAX) {
            return Some(Ok(known.clone()));
        }
        let (at, error) = state.failed.as_ref()?;
        (now.duration_since(*at) < FAILED_MIN).then(|| state.old(now).ok_or_else(|| error.clone()))
    }

    async fn ask(&self) -> Result<Known, OidcError> {
        // Somebody may have asked just before.
        if let Some(answer) = self.remembered() {
            return answer;
        }
        let answer = self.discover().await;
        let mut state = self.state();
        match answer {
            Ok(known) => {
                state.failed = None;
                state.known = Some(known.clone());
                Ok(known)
            }
            Err(error) => {
                warn!(provider = self.settings().id, %error, "A sign-in provider says nothing of itself.");
                let now = Instant::now();
                state.failed = Some((now, error.clone()));
                state.old(now).ok_or(error)
            }
        }
    }

    async fn discover(&self) -> Result<Known, OidcError> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer()?, self).await.map_err(|error| self.discovery_error(error))?;
        if metadata.token_endpoint().is_none() {
            return Err(self.unusable("it has no token endpoint"));
        }
        let keys = Arc::new(metadata.jwks().clone());
        Ok(Known { metadata: Arc::new(metadata), keys, at: Instant::now() })
    }

    /// The provider's keys, asked for anew unless that was just done; `old` are those that were not enough.
    async fn new_keys(&self, old: &SharedKeys) -> Result<SharedKeys, OidcError> {
        // Only tokens whose key is unknown wait here: whoever makes up such tokens holds up nobody else.
        let turn = Arc::clone(&self.0.asking_keys).lock_owned().await;
        let (provider, old) = (self.clone(), Arc::clone(old));
        let asked = tokio::spawn(async move {
            let _turn = turn;
            provider.ask_keys(old).await
        });
        asked.await.unwrap_or_else(|_| Err(self.away("the question was broken off")))
    }

    async fn ask_keys(&self, old: SharedKeys) -> Result<SharedKeys, OidcError> {
        let now = Instant::now();
        let place = {
            let mut state = self.state();
            let is_just_asked = state.keys_asked.is_some_and(|asked| now.duration_since(asked) < KEYS_MIN);
            let Some(known) = &state.known else { return Ok(old) };
            if !Arc::ptr_eq(&known.keys, &old) {
                // Somebody else has asked meanwhile.
                return Ok(Arc::clone(&known.keys));
            }
            if is_just_asked {
                return Ok(old);
            }
            let place = known.metadata.jwks_uri().clone();
            state.keys_asked = Some(now);
            place
        };
        let keys = Arc::new(CoreJsonWebKeySet::fetch_async(&place, self).await.map_err(|error| self.discovery_error(error))?);
        if let Some(known) = &mut self.state().known {
            known.keys = Arc::clone(&keys);
        }
        Ok(keys)
    }

    fn unusable(&self, reason: impl Into<String>) -> OidcError {
        OidcError::Unusable { provider: self.settings().id.clone(), reason: reason.into() }
    }

    fn away(&self, reason: impl Into<String>) -> OidcError {
        OidcError::Unavailable { provider: self.settings().id.clone(), reason: reason.into() }
    }

    fn discovery_error(&self, error: DiscoveryError<HttpError>) -> OidcError {
        match error {
            DiscoveryError::Request(error) => unavailable(self.settings(), &error),
            DiscoveryError::Response(status, _, _) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                self.away(format!("it answered {status}"))
            }
            DiscoveryError::Response(status, _, _) => self.unusable(format!("it answered {status}: is the issuer right?")),
            error => self.unusable(error.to_string()),
        }
    }

    fn token_error(&self, error: RequestTokenError<HttpError, openidconnect::StandardErrorResponse<CoreErrorResponseType>>) -> OidcError {
        match error {
            RequestTokenError::ServerResponse(said) => {
                let code = plain_code(said.error().as_ref());
                // What is wrong with us, and not with who logs in.
                match code.as_str() {
                    "invalid_client" | "unauthorized_client" | "unsupported_grant_type" | "invalid_scope" => {
                        self.unusable(format!("it says {code}: are client_id and client_secret right?"))
                    }
                    _ => OidcError::Refused { code },
                }
            }
            RequestTokenError::Request(error) => unavailable(self.settings(), &error),
            // The octets may hold tokens, so only where it goes wrong is told.
            RequestTokenError::Parse(error, _) => self.unusable(format!("its tokens cannot be read at {}", error.path())),
            RequestTokenError::Other(reason) => self.away(reason),
        }
    }
}

/// The library's requests go by our own client.
impl<'c> AsyncHttpClient<'c> for Provider {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.http.send(request, Want::Whole))
    }
}

fn known_key(error: Unproven) -> OidcError {
    match error {
        Unproven::NoKey => OidcError::token("nobody's key has signed it"),
        Unproven::Bad(error) => error,
    }
}

/// In the body only where the provider does not take it in the head (OpenID Connect Discovery, 3: the head is the default).
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let is_body_only = methods.is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost) && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    });
    if is_body_only { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// A code of RFC 6749, 5.2; whatever else a browser brings is not repeated.
fn plain_code(code: &str) -> String {
    let is_plain = !code.is_empty()
        && code.len() <= 64
        && code.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_');
    if is_plain { code.to_owned() } else { "unknown_error".to_owned() }
}

fn text<'a>(claims: &'a Map<String, Value>, claim: &str) -> Option<&'a str> {
    claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn is_audience(claims: &Map<String, Value>, wanted: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(audience)) => audience == wanted,
        Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience == wanted),
        _ => false,
    }
}

/// A claim of seconds since 1970, which may have a fraction, in milliseconds.
fn time(claims: &Map<String, Value>, claim: &str) -> Option<i64> {
    let seconds = claims.get(claim)?;
    if let Some(seconds) = seconds.as_i64() {
        return seconds.checked_mul(1000);
    }
    let seconds = seconds.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
    i64::try_from(Duration::from_secs_f64(seconds).as_millis()).ok()
}
