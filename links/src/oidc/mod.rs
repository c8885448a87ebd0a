//! Signing in by another server: a relying party of OpenID Connect (Core 1.0, Discovery 1.0, Back-Channel Logout 1.0), and Keycloak's
//! directory of users.
//!
//! Signatures are made with private keys only: `none` and HMAC are refused, so that a client's secret or a public key never passes for one.

mod claims;
mod jws;
mod keycloak;
mod provider;
mod replay;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{http::HttpError, tls::Roots};

pub use claims::values_at;
pub use keycloak::{Keycloak, KeycloakUser};
pub use provider::Provider;

/// The longest token that is read, in octets.
pub const TOKEN_MAX: usize = 16 << 10;

/// A provider, and what we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its id with us: `keycloak`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its issuer's URL.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there; none for a public client.
    pub client_secret: Option<String>,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
    /// Whether `http://` will do, to this machine itself.
    pub allow_insecure: bool,
    /// The audience of access tokens that programs may come with; none: they may not.
    pub bearer_audience: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, issuer, client_id, .. } = self;
        f.debug_struct("Settings").field("id", id).field("issuer", issuer).field("client_id", client_id).finish_non_exhaustive()
    }
}

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer, or answers that it cannot now: try again later, or log in another way.
    #[error("the sign-in provider {provider} is not available: {reason}")]
    Unavailable {
        /// Its id.
        provider: String,
        /// Why, for whoever runs the server.
        reason: String,
    },
    /// What the provider answered cannot be used: its settings or ours are wrong.
    #[error("the sign-in provider {provider} answered what cannot be used: {reason}")]
    Unusable {
        /// Its id.
        provider: String,
        /// Why, for whoever runs the server.
        reason: String,
    },
    /// The provider says no (RFC 6749, 4.1.2.1 and 5.2): `access_denied`, `invalid_grant`.
    #[error("the sign-in provider refused: {code}")]
    Refused {
        /// Its code.
        code: String,
    },
    /// The answer belongs to no log-in that was begun here.
    #[error("this log-in was not begun here, or it took too long: begin again")]
    Foreign,
    /// A token does not hold.
    #[error("the token does not hold: {0}")]
    Token(String),
}

impl OidcError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    fn token(reason: impl Into<String>) -> Self {
        Self::Token(reason.into())
    }
}

/// A log-in that was begun. It is kept, where nobody else reads it, until the browser comes back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The provider's id.
    pub provider: String,
    /// What the browser comes back with.
    pub state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// What the browser comes back with: the parameters of the address.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Return {
    /// Which log-in it belongs to.
    pub state: Option<String>,
    /// What the provider gives a token for.
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so (RFC 9207).
    pub iss: Option<String>,
}

impl fmt::Debug for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Return").field("error", &self.error).field("iss", &self.iss).finish_non_exhaustive()
    }
}

/// Somebody who has signed in.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// The provider's issuer.
    pub issuer: String,
    /// Who it is: with the issuer, an account's lasting name.
    pub subject: String,
    /// The provider's own session, by which it is ended from there.
    pub session: Option<String>,
    /// Everything that the provider says of them, from all its tokens.
    pub claims: Map<String, Value>,
}

impl SignedIn {
    /// The e-mail address; none if the provider has not verified it.
    #[must_use]
    pub fn verified_email(&self) -> Option<&str> {
        let is_verified = match self.claims.get("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(verified)) => verified == "true",
            _ => false,
        };
        self.text("email").filter(|_| is_verified)
    }

    /// A claim that is a text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// Whose sessions the provider has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// The provider's issuer.
    pub issuer: String,
    /// Who; none: whoever has the session.
    pub subject: Option<String>,
    /// Which session; none: all of the subject.
    pub session: Option<String>,
}

/// A program that came with a provider's access token.
#[derive(Debug, Clone, PartialEq)]
pub struct Bearer {
    /// The provider's issuer.
    pub issuer: String,
    /// In whose name it comes.
    pub subject: String,
    /// When the token ends, in milliseconds since 1970.
    pub expires_at: model::WallTime,
    /// Everything that the token says.
    pub claims: Map<String, Value>,
}

/// All providers.
#[derive(Debug, Clone, Default)]
pub struct Providers(Vec<Provider>);

impl Providers {
    /// Those of the configuration. Nothing is asked of them yet.
    #[must_use]
    pub fn new(settings: Vec<Settings>, roots: &Roots) -> Self {
        Self(settings.into_iter().map(|settings| Provider::new(settings, roots)).collect())
    }

    /// All, in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// The one with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.settings().id == id)
    }

    /// The one that says it made this token, and whose access tokens are taken. Nothing of the token is proven by this.
    #[must_use]
    pub fn of_bearer(&self, token: &str) -> Option<&Provider> {
        let issuer = jws::unproven_issuer(token)?;
        self.0.iter().find(|provider| provider.settings().issuer == issuer && provider.settings().bearer_audience.is_some())
    }
}

/// Whether an answer's failure is the provider's being away.
fn unavailable(settings: &Settings, error: &HttpError) -> OidcError {
    let (provider, reason) = (settings.id.clone(), error.to_string());
    match error {
        HttpError::Url(_) | HttpError::Refused(_) | HttpError::TooLarge(_) => OidcError::Unusable { provider, reason },
        _ => OidcError::Unavailable { provider, reason },
    }
}

type SharedKeys = Arc<openidconnect::core::CoreJsonWebKeySet>;
