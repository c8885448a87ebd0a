//! Who asks: log-in, tokens, and the guard that stands before every route.

pub(crate) mod play;
pub(crate) mod throttle;
pub(crate) mod tokens;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap,
    header::{AUTHORIZATION, USER_AGENT},
    request::Parts,
};
use links::oidc::{OidcError, Provider};
use model::{Action, ActorKind, CenterId, UserId, WallTime};
use office::{
    Permit, Principal,
    accounts::{Claimed, Client, Found, PrincipalRequest},
};

use self::{
    throttle::Throttle,
    tokens::{Claims, Kind, LEEWAY_S, Subject, Tokens},
};
use crate::{
    dress::RequestId,
    error::{Code, Problem},
    params::Params,
    routes::oidc::claims_of_bearer,
    state::Api,
};

/// The header by which a person with rights in all centres works in another one.
const CENTER_HEADER: &str = "x-center";

/// What log-in and tokens need beside the office.
pub(crate) struct Auth {
    pub(crate) tokens: Tokens,
    throttle: Mutex<Throttle>,
}

impl Auth {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self { tokens: Tokens::new(secret), throttle: Mutex::default() }
    }

    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Open,
    /// A right to the action.
    Token(Action),
    /// A right to either: the first, which is what the route asks for, or a greater one.
    TokenEither(Action, Action),
    /// A right to the action, or that the caller sits on this machine.
    TokenOrLoopback(Action),
    /// A right to the action, or a ticket for this very path in the query (`?t=`), which an audio element can carry.
    TokenOrTicket(Action),
}

impl Access {
    /// The right that it asks for.
    pub(crate) fn action(self) -> Option<Action> {
        match self {
            Self::Open => None,
            Self::Token(action) | Self::TokenEither(action, _) | Self::TokenOrLoopback(action) | Self::TokenOrTicket(action) => {
                Some(action)
            }
        }
    }
}

/// The caller with leave for the route's action, as the guard found them. Handlers get it by naming it as an argument.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Permit);

impl std::ops::Deref for Caller {
    type Target = Permit;

    fn deref(&self) -> &Permit {
        &self.0
    }
}

impl Caller {
    pub(crate) fn user(&self) -> UserId {
        self.0.principal().user()
    }

    /// The centre that they work in.
    pub(crate) fn center(&self) -> CenterId {
        self.0.principal().center()
    }

    /// Leave to do something else than the route is for.
    pub(crate) fn also(&self, action: Action) -> Option<Self> {
        self.0.principal().permit(action).map(Self)
    }
}

/// To whom a token in somebody's name is issued; none if they have no session.
pub(crate) fn subject(principal: &Principal) -> Option<Subject> {
    let session = principal.session()?;
    let (name, roles) = (principal.username().to_owned(), principal.roles().to_vec());
    Some(Subject { user: principal.user(), center: principal.home(), name, session, roles })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal("a handler wants a caller on a route without one"))
    }
}

/// Stands before every route: finds out who asks and whether they may. It runs before the body is read.
pub(crate) async fn guard(State((api, access)): State<(Api, Access)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let principal = match admit(&api, access, &parts).await {
        Ok(principal) => principal,
        Err(problem) => return problem.into_response(),
    };
    if let Some(principal) = principal {
        tracing::Span::current().record("user", tracing::field::display(principal.user()));
        let action = match access {
            Access::TokenEither(action, greater) if principal.permit(action).is_none() && principal.permit(greater).is_some() => {
                Some(greater)
            }
            _ => access.action(),
        };
        if let Some(action) = action {
            match permit(&api, &principal, action) {
                Ok(caller) => drop(parts.extensions.insert(caller)),
                Err(problem) => return problem.into_response(),
            }
        }
        api.sign_of_life(principal.user());
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Leave for an action, or the refusal, which is audited.
pub(crate) fn permit(api: &Api, principal: &Principal, action: Action) -> Result<Caller, Problem> {
    match principal.permit(action) {
        Some(permit) => Ok(Caller(permit)),
        None => {
            api.office.note_refusal(principal.actor(), action, action.resource(), "", now());
            let problem = Problem::new(Code::Forbidden).with("action", action.0);
            // Not every token may all that its owner may.
            let is_token = matches!(principal.actor().kind, ActorKind::Token(_));
            Err(if is_token { problem.detail("The token, or the role of its owner, does not allow this.") } else { problem })
        }
    }
}

async fn admit(api: &Api, access: Access, request: &Parts) -> Result<Option<Principal>, Problem> {
    match access {
        Access::Open => return Ok(None),
        Access::TokenOrLoopback(_) if is_on_this_machine(request) => return Ok(None),
        _ => {}
    }
    if let Some(token) = bearer(&request.headers) {
        return who(api, token, &asked(request)?).await.map(Some);
    }
    let Access::TokenOrTicket(_) = access else { return Err(Problem::new(Code::NotSignedIn)) };
    let ticket = Params::of(request.uri.query()).take("t");
    let claims = ticket.and_then(|ticket| api.auth.tokens.verify(&ticket, Kind::Ticket));
    let claims = claims.filter(|claims| claims.path.as_deref() == Some(request.uri.path()));
    // Whoever has come by the address of a sound, and is not the one who was given it, has nothing.
    let claims = claims.filter(|claims| claims.play.as_deref().is_none_or(|hash| play::is_here(&request.headers, hash)));
    of_session(api, &claims.ok_or_else(|| Problem::new(Code::NotSignedIn))?, &asked(request)?).await.map(Some)
}

/// Who comes with this bearer token: a person's access token, a program's API token, or an access token of a sign-in provider.
pub(crate) async fn who(api: &Api, token: &str, asked: &PrincipalRequest) -> Result<Principal, Problem> {
    who_until(api, token, asked).await.map(|(principal, _)| principal)
}

/// The same, and from when on the token is refused; an API token does not say.
pub(crate) async fn who_until(api: &Api, token: &str, asked: &PrincipalRequest) -> Result<(Principal, Option<SystemTime>), Problem> {
    // A JWT has full stops in it, and an API token has none.
    if !token.contains('.') {
        return Ok((found(api.office.principal_of_token(token, asked, now()).await)?, None));
    }
    if let Some(claims) = api.auth.tokens.verify(token, Kind::Access) {
        return Ok((of_session(api, &claims, asked).await?, Some(claims.refused_from())));
    }
    match api.providers.of_bearer(token) {
        Some(provider) => of_provider(api, provider, token, asked).await.map(|(principal, until)| (principal, Some(until))),
        None => Err(Problem::new(Code::NotSignedIn)),
    }
}

/// The one for whom a program comes with a provider's access token.
async fn of_provider(api: &Api, provider: &Provider, token: &str, asked: &PrincipalRequest) -> Result<(Principal, SystemTime), Problem> {
    let bearer = provider.bearer(token, now()).await.map_err(|error| match error {
        // Nothing was learnt of the token: it may well be good.
        OidcError::Unavailable { .. } | OidcError::Unusable { .. } => Problem::from(error),
        error => Problem::new(Code::NotSignedIn).logged(error),
    })?;
    let ends = u64::try_from(bearer.expires_at.0).unwrap_or_default();
    let until = UNIX_EPOCH + Duration::from_millis(ends.min(u64::from(u32::MAX) * 1000)) + Duration::from_secs(LEEWAY_S);
    let claims = claims_of_bearer(bearer);
    Ok((found(api.office.principal_of_bearer(CenterId::DEFAULT, token, &claims, asked, now()).await)?, until))
}

/// The one behind a verified token, as the database has them now.
pub(crate) async fn of_session(api: &Api, claims: &Claims, asked: &PrincipalRequest) -> Result<Principal, Problem> {
    let claimed = Claimed { center: claims.center, username: claims.name.clone(), roles: claims.roles.clone() };
    found(api.office.principal_of_session(claims.sub, claims.sid, &claimed, asked, now()).await)
}

fn found(found: Found) -> Result<Principal, Problem> {
    match found {
        Found::Person(principal) => Ok(principal),
        // R21: nothing is known of them, and nobody can be asked; their token may well be good.
        Found::Unknown => Err(Problem::new(Code::StoreUnavailable)),
        Found::Nobody => Err(Problem::new(Code::NotSignedIn)),
        Found::Off => Err(Problem::new(Code::OidcLoginOff)),
        Found::NoRole => Err(Problem::new(Code::OidcNoRole)),
        Found::NotInCenter => {
            Err(Problem::field(Code::CenterNotFound, "X-Center", "there is no such centre, or it is not yours to work in"))
        }
    }
}

/// What a request says of where it comes from, and in which centre it wants to work.
pub(crate) fn asked(request: &Parts) -> Result<PrincipalRequest, Problem> {
    let center = match request.headers.get(CENTER_HEADER) {
        None => None,
        Some(center) => {
            let center = center.to_str().ok().and_then(|text| text.trim().parse::<CenterId>().ok());
            Some(center.ok_or_else(|| Problem::field(Code::InvalidField, "X-Center", "the header holds a centre's id"))?)
        }
    };
    Ok(PrincipalRequest { client: client(&request.headers, &request.extensions), center })
}

/// Where a request comes from, for the audit log.
pub(crate) fn client(headers: &HeaderMap, extensions: &http::Extensions) -> Client {
    Client {
        source: source(extensions).map(|address| address.to_canonical().to_string()).unwrap_or_default(),
        user_agent: headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default(),
        request_id: extensions.get::<RequestId>().map(|RequestId(id)| id.clone()).unwrap_or_default(),
    }
}

/// The wall clock.
pub(crate) fn now() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether the peer is this machine itself, and not a reverse proxy on it that speaks for somebody.
fn is_on_this_machine(request: &Parts) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| request.headers.contains_key(*name));
    !forwarded && source(&request.extensions).is_some_and(|address| address.to_canonical().is_loopback())
}

/// The peer's address.
pub(crate) fn source(extensions: &http::Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// The peer's address for counting; requests without one (there are none but in tests) are counted as one peer.
pub(crate) fn source_or_none(extensions: &http::Extensions) -> IpAddr {
    source(extensions).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Whole seconds, rounded up: a client that waits so long is not early.
pub(crate) fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

/// How long a token still has from now.
pub(crate) fn left_until(moment: SystemTime) -> Duration {
    moment.duration_since(SystemTime::now()).unwrap_or_default()
}
