//! Who asks: log-in, tokens, and the guard that stands before every route.

pub(crate) mod passwords;
pub(crate) mod people;
pub(crate) mod throttle;
pub(crate) mod tokens;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use model::{CallId, CenterId, UserId};
use store::Role;

use self::{
    passwords::Passwords,
    people::{Found, People, Person},
    throttle::Throttle,
    tokens::{Claims, Kind, Subject, Tokens},
};
use crate::{
    error::{Code, Problem},
    params::Params,
    rights::{self, Action, Scope},
    state::Api,
};

/// Everything that log-in and tokens need.
pub(crate) struct Auth {
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) people: People,
    throttle: Mutex<Throttle>,
}

impl Auth {
    pub(crate) fn new(secret: &[u8; 32], people: People) -> Self {
        Self { tokens: Tokens::new(secret), passwords: Passwords::new(), people, throttle: Mutex::default() }
    }

    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one behind a verified token, as the database has them now. None: no account, disabled, or another password.
    pub(crate) async fn person(&self, claims: &Claims) -> Option<Person> {
        let person = match self.people.person(claims.sub).await {
            Found::Person(person) => person,
            Found::Nobody => return None,
            // R21: the token is good and young; what it says is all there is until the database is back.
            Found::Unknown => Person {
                user: claims.sub,
                center: claims.center,
                username: String::new(),
                role: claims.role.parse().ok()?,
                active: true,
                password_mark: claims.pwd.clone(),
            },
        };
        (person.active && person.password_mark == claims.pwd && person.center == claims.center).then_some(person)
    }
}

impl From<&Person> for Subject {
    fn from(person: &Person) -> Self {
        Self { user: person.user, center: person.center, role: person.role, password_mark: person.password_mark.clone() }
    }
}

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Open,
    /// A token whose role is granted the action.
    Token(Action),
    /// The same, or that the caller sits on this machine.
    TokenOrLoopback(Action),
    /// The same, or a recording's own token in the query (`?t=`), which an audio element can carry.
    TokenOrTicket(Action),
}

/// The caller, as the guard found them. Handlers get it by naming it as an argument.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    pub(crate) center: CenterId,
    pub(crate) username: String,
    pub(crate) role: Role,
    /// How far the route's action is granted.
    pub(crate) scope: Scope,
    /// The only call that is allowed, if the caller came with a recording's token.
    pub(crate) ticket: Option<CallId>,
    pub(crate) password_mark: String,
}

impl Caller {
    fn new(person: Person, scope: Scope, ticket: Option<CallId>) -> Self {
        let Person { user, center, username, role, active: _, password_mark } = person;
        Self { user, center, username, role, scope, ticket, password_mark }
    }

    /// To whom a token in the caller's name is issued.
    pub(crate) fn subject(&self) -> Subject {
        Subject { user: self.user, center: self.center, role: self.role, password_mark: self.password_mark.clone() }
    }

    /// The user whose rows lists are held to, if the scope is narrow.
    pub(crate) fn rows_of(&self) -> Option<UserId> {
        (self.scope == Scope::Own).then_some(self.user)
    }
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
    match admit(&api, access, &parts).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                tracing::Span::current().record("user", tracing::field::display(caller.user));
                api.sign_of_life(caller.user);
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(api: &Api, access: Access, request: &Parts) -> Result<Option<Caller>, Problem> {
    let action = match access {
        Access::Open => return Ok(None),
        Access::Token(action) | Access::TokenOrTicket(action) => action,
        Access::TokenOrLoopback(_) if is_on_this_machine(request) => return Ok(None),
        Access::TokenOrLoopback(action) => action,
    };
    let not_signed_in = || Problem::new(Code::NotSignedIn);
    let claims = match (bearer(&request.headers), access) {
        (Some(token), _) => api.auth.tokens.verify(token, Kind::Access),
        (None, Access::TokenOrTicket(_)) => {
            let ticket = Params::of(request.uri.query()).take("t");
            ticket.and_then(|ticket| api.auth.tokens.verify(&ticket, Kind::Recording)).filter(|claims| claims.call.is_some())
        }
        _ => None,
    };
    let claims = claims.ok_or_else(not_signed_in)?;
    let person = api.auth.person(&claims).await.ok_or_else(not_signed_in)?;
    let scope = rights::grant(person.role, action).ok_or_else(|| Problem::new(Code::Forbidden).with("action", action.name()))?;
    Ok(Some(Caller::new(person, scope, claims.call)))
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
