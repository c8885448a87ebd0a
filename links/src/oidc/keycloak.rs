//! Users as Keycloak's admin API tells of them: what a token does not say, and of people who are not signed in.

use std::{collections::BTreeMap, time::Duration};

use http::{Request, StatusCode, header::AUTHORIZATION};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::Instant};

use super::{OidcError, Provider, unavailable};
use crate::http::Want;

/// So long before its end a token is no longer used.
const SPARE: Duration = Duration::from_secs(30);
/// How long a token is used at most.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(300);

/// A user as Keycloak knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeycloakUser {
    /// The subject of their tokens.
    pub id: String,
    /// The name that they log in with.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Whether they may log in.
    pub enabled: bool,
    /// Their manager: what the attribute `manager` holds, which is the manager's subject (S001-06).
    pub manager: Option<String>,
}

/// A realm's users.
#[derive(Debug)]
pub struct Keycloak {
    provider: Provider,
    /// `https://host/admin/realms/name`.
    base: String,
    token: Mutex<Option<(String, Instant)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserAnswer {
    id: String,
    #[serde(default)]
    username: String,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    /// An answer without it takes nothing away from anybody.
    enabled: Option<bool>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
}

impl Keycloak {
    /// The users of the realm that is the provider's issuer: `https://host/realms/name`.
    ///
    /// # Errors
    /// [`OidcError::Unusable`] if it is no realm, or we have no secret there.
    pub fn new(provider: Provider) -> Result<Self, OidcError> {
        let settings = provider.settings();
        let unusable = |reason: &str| OidcError::Unusable { provider: settings.id.clone(), reason: reason.to_owned() };
        if settings.client_secret.is_none() {
            return Err(unusable("a client without a secret may not read users"));
        }
        let (host, realm) = settings.issuer.rsplit_once("/realms/").ok_or_else(|| unusable("its issuer is no realm of Keycloak"))?;
        let base = format!("{host}/admin/realms/{}", realm.trim_end_matches('/'));
        Ok(Self { provider, base, token: Mutex::new(None) })
    }

    /// The issuer whose users these are.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.provider.settings().issuer
    }

    /// The user with this id; none if there is none.
    ///
    /// # Errors
    /// As the provider's. [`OidcError::Refused`] if our client may not read users: it needs the role `view-users` of `realm-management`.
    pub async fn user(&self, id: &str) -> Result<Option<KeycloakUser>, OidcError> {
        // It becomes a part of the path.
        let is_id = !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b':'));
        if !is_id {
            return Ok(None);
        }
        let user: Option<UserAnswer> = self.get(&format!("{}/users/{id}", self.base)).await?;
        Ok(user.map(|user| KeycloakUser {
            manager: user.attributes.and_then(|mut all| all.remove("manager")?.into_iter().next()).filter(|manager| !manager.is_empty()),
            id: user.id,
            username: user.username,
            email: user.email.filter(|email| !email.is_empty()),
            first_name: user.first_name,
            last_name: user.last_name,
            enabled: user.enabled.unwrap_or(true),
        }))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<Option<T>, OidcError> {
        let settings = self.provider.settings();
        let mut is_again = false;
        loop {
            let token = self.token(is_again).await?;
            let request = Request::get(url).header(AUTHORIZATION, format!("Bearer {token}")).body(Vec::new());
            let request = request.map_err(|error| OidcError::Unusable { provider: settings.id.clone(), reason: error.to_string() })?;
            let answer = self.provider.http().send(request, Want::Whole).await.map_err(|error| unavailable(settings, &error))?;
            return match answer.status() {
                StatusCode::OK => serde_json::from_slice(answer.body()).map(Some).map_err(|error| OidcError::Unusable {
                    provider: settings.id.clone(),
                    reason: format!("a user cannot be read: {error}"),
                }),
                StatusCode::NOT_FOUND => Ok(None),
                // The token may have been taken back before its time.
                StatusCode::UNAUTHORIZED if !is_again => {
                    is_again = true;
                    continue;
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(OidcError::Refused { code: "users_may_not_be_read".to_owned() }),
                status => Err(OidcError::Unavailable { provider: settings.id.clone(), reason: format!("its admin API answered {status}") }),
            };
        }
    }

    /// Our own access token, by client credentials (RFC 6749, 4.4).
    async fn token(&self, is_new: bool) -> Result<String, OidcError> {
        let mut known = self.token.lock().await;
        if let Some((token, until)) = &*known
            && !is_new
            && *until > Instant::now()
        {
            return Ok(token.clone());
        }
        let (token, lasts) = self.provider.client_credentials().await?;
        *known = Some((token.clone(), Instant::now() + lasts.saturating_sub(SPARE).min(TOKEN_AGE_MAX)));
        Ok(token)
    }
}
