//! From a verified token to the person behind it, with the rights that they have now.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use model::{ActorKind, CenterId, Scope, UserId, WallTime};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;
use store::{binds, statements};

use super::{
    oidc::OidcClaims,
    people::{Account, Bearing, Live, Seen, Token},
    secrets::{self, Kind},
    sessions::Client,
};
use crate::{Office, OfficeError, Principal, rights::AccessMap};

/// Names that one answer looks up in the database; the rest come with a later one.
const NAMES_MAX: usize = 64;
/// How often it is noted that an API token is used.
const NOTE_EVERY_MS: u64 = 60_000;

/// What comes with a request beside the token.
#[derive(Debug, Clone, Default)]
pub struct PrincipalRequest {
    /// The centre that the person wants to work in (`X-Center`), if it is not their own.
    pub center: Option<CenterId>,
    /// From where.
    pub client: Client,
}

/// What a verified access token says of its user. It counts only while the database is away and the user was not seen before (R21).
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The user's centre.
    pub center: CenterId,
    /// The name that they log in with.
    pub username: String,
    /// The codes of their roles.
    pub roles: Vec<String>,
}

/// Who is behind a token.
#[derive(Debug, Clone)]
pub enum Found {
    /// Somebody.
    Person(Principal),
    /// Nobody any more: no account, disabled, or the session or token has ended.
    Nobody,
    /// Somebody, who may not work in the centre that was named, or there is none.
    NotInCenter,
    /// Somebody whom a provider vouches for, and the centre takes nobody from a provider.
    Off,
    /// Somebody whom a provider vouches for, and no rule gives them a role.
    NoRole,
    /// Nothing is known: the database is away, or what it holds of them cannot be read.
    Unknown,
}

statements! {
    ACCOUNT: both "SELECT u.center_id, u.username FROM users u JOIN centers c ON c.id = u.center_id
        WHERE u.id = $1 AND u.state = 'active' AND c.state = 'active'";
    SESSION: both "SELECT user_id, expires_at FROM sessions WHERE id = $1 AND ended_at IS NULL";
    TOKEN: both "SELECT id, user_id, expires_at, permissions, last_used_at FROM api_tokens WHERE hash = $1 AND ended_at IS NULL";
    USED: both "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $2";
    NAME: both "SELECT username FROM users WHERE id = $1";
}

#[derive(FromRow)]
struct TokenRow {
    id: i64,
    user_id: i64,
    expires_at: Option<i64>,
    permissions: Option<String>,
    last_used_at: Option<i64>,
}

impl Office {
    /// The person behind an access token whose signature and age are good.
    ///
    /// What a change in this process did counts at once; everything else is at most five seconds old. While the database is away the last
    /// picture stands, and of somebody who was not seen before, what the token says (R21).
    pub async fn principal_of_session(
        &self,
        user: UserId,
        session: i64,
        claimed: &Claimed,
        request: &PrincipalRequest,
        now: WallTime,
    ) -> Found {
        let clock = Instant::now();
        let people = &self.accounts().people;
        let live = people.look(clock, |cache| &mut cache.sessions, session, self.read_session(session)).await;
        match live {
            Seen::As(Some(live)) if live.user == user && live.expires_at > now => {}
            Seen::As(_) => return Found::Nobody,
            // The token is young: it was issued to a session that was live a few minutes ago.
            Seen::Away => {}
            Seen::Broken => return Found::Unknown,
        }
        let account = match people.look(clock, |cache| &mut cache.accounts, user, self.read_account(user)).await {
            Seen::As(Some(account)) => account,
            Seen::As(None) => return Found::Nobody,
            Seen::Broken => return Found::Unknown,
            Seen::Away => match self.access_for_roles(claimed.center, &claimed.roles) {
                Some(access) => {
                    let Claimed { center, username, roles } = claimed.clone();
                    Arc::new(Account { user, center, username, roles, access: Arc::new(access) })
                }
                None => return Found::Unknown,
            },
        };
        let access = Arc::clone(&account.access);
        self.principal(&account, access, ActorKind::User(user), Some(session), request).await
    }

    /// The person in whose name a program comes with an API token, with the rights that the token leaves of theirs.
    pub async fn principal_of_token(&self, text: &str, request: &PrincipalRequest, now: WallTime) -> Found {
        let Some(hash) = secrets::hash(Kind::Api, text) else { return Found::Nobody };
        let hash: Arc<str> = hash.into();
        let clock = Instant::now();
        let people = &self.accounts().people;
        let token = match people.look(clock, |cache| &mut cache.tokens, Arc::clone(&hash), self.read_token(&hash)).await {
            Seen::As(Some(token)) => token,
            Seen::As(None) => return Found::Nobody,
            Seen::Away | Seen::Broken => return Found::Unknown,
        };
        if token.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Found::Nobody;
        }
        let account = match people.look(clock, |cache| &mut cache.accounts, token.user, self.read_account(token.user)).await {
            Seen::As(Some(account)) => account,
            Seen::As(None) => return Found::Nobody,
            Seen::Away | Seen::Broken => return Found::Unknown,
        };
        self.note_use(&token, now);
        let access = match &token.permissions {
            None => Arc::clone(&account.access),
            Some(permissions) => Arc::new(account.access.narrowed(permissions)),
        };
        self.principal(&account, access, ActorKind::Token(token.user), None, request).await
    }

    /// The person in whose name a program comes with a provider's access token, whose signature, age and addressee are good.
    ///
    /// Their rights are those of the roles that the rules of their centre give for the token's claims; lists and columns of their own narrow
    /// these as ever. A picture of it is at most five seconds old, as one of a session.
    pub async fn principal_of_bearer(
        &self,
        center: CenterId,
        token: &str,
        claims: &OidcClaims,
        request: &PrincipalRequest,
        now: WallTime,
    ) -> Found {
        if !claims.are_sound() {
            return Found::Nobody;
        }
        // By its hash: who reads our memory finds no token there.
        let key: Arc<str> = Sha256::digest(token).iter().map(|octet| format!("{octet:02x}")).collect::<String>().into();
        let people = &self.accounts().people;
        let look = async || {
            let (clock, key) = (Instant::now(), Arc::clone(&key));
            people.look(clock, |cache| &mut cache.bearers, key, self.read_bearer(center, claims)).await
        };
        let mut seen = look().await;
        if let Seen::As(Bearing::Newcomer(roles)) = &seen {
            // Not while looking: that may take long, and a look that does so says that the database is away.
            if let Err(error) = self.welcome(center, claims, roles, &request.client, now).await {
                tracing::warn!(%error, "Somebody whom a provider vouches for could not be given an account.");
                return Found::Unknown;
            }
            people.bearer_changed(&key);
            seen = look().await;
        }
        let account = match seen {
            Seen::As(Bearing::Account(account)) => account,
            Seen::As(Bearing::Disabled) => return Found::Nobody,
            Seen::As(Bearing::Off) => return Found::Off,
            Seen::As(Bearing::NoRole) => return Found::NoRole,
            Seen::As(Bearing::Newcomer(_)) | Seen::Away | Seen::Broken => return Found::Unknown,
        };
        let access = Arc::clone(&account.access);
        self.principal(&account, access, ActorKind::Token(account.user), None, request).await
    }

    /// The names of users, as far as they are known; a name may be out of date.
    pub async fn names(&self, users: BTreeSet<UserId>) -> HashMap<UserId, String> {
        let people = &self.accounts().people;
        let mut names = HashMap::new();
        let mut looked_up = 0;
        for user in users {
            let name = match people.name(user) {
                known @ Some(_) => known,
                None if looked_up < NAMES_MAX => {
                    looked_up += 1;
                    match people.look(Instant::now(), |cache| &mut cache.names, user, self.read_name(user)).await {
                        Seen::As(name) => name,
                        Seen::Away | Seen::Broken => None,
                    }
                }
                None => None,
            };
            names.extend(name.map(|name| (user, name)));
        }
        names
    }

    async fn principal(
        &self,
        account: &Account,
        access: Arc<AccessMap>,
        kind: ActorKind,
        session: Option<i64>,
        request: &PrincipalRequest,
    ) -> Found {
        let center = request.center.unwrap_or(account.center);
        if center != account.center {
            let may_go = access.grants().any(|(_, grants)| grants.iter().any(|grant| grant.reach.scope == Scope::All));
            match self.center(center).await {
                Ok(Some(known)) if may_go && known.is_active => {}
                Ok(_) => return Found::NotInCenter,
                Err(error) => {
                    tracing::debug!(%error, "Whether there is such a centre is not known.");
                    return Found::Unknown;
                }
            }
        }
        let actor = request.client.actor(kind, &account.username, center);
        Found::Person(Principal::new(account.user, account.username.clone(), account.center, account.roles.clone(), session, actor, access))
    }

    async fn read_account(&self, user: UserId) -> Result<Option<Arc<Account>>, OfficeError> {
        let row: Option<(i64, String)> = self.store().db().one(ACCOUNT, binds![user]).await?;
        let Some((center, username)) = row else { return Ok(None) };
        let (roles, access) = self.access_of(user).await?;
        Ok(Some(Arc::new(Account { user, center: CenterId(center), username, roles, access: Arc::new(access) })))
    }

    async fn read_session(&self, session: i64) -> Result<Option<Live>, OfficeError> {
        let row: Option<(i64, i64)> = self.store().db().one(SESSION, binds![session]).await?;
        Ok(row.map(|(user, expires_at)| Live { user: UserId(user), expires_at: WallTime(expires_at) }))
    }

    async fn read_token(&self, hash: &str) -> Result<Option<Arc<Token>>, OfficeError> {
        let row: Option<TokenRow> = self.store().db().one(TOKEN, binds![hash]).await?;
        let Some(row) = row else { return Ok(None) };
        let permissions = row.permissions.map(|text| serde_json::from_str(&text)).transpose();
        Ok(Some(Arc::new(Token {
            id: row.id,
            user: UserId(row.user_id),
            expires_at: row.expires_at.map(WallTime),
            permissions: permissions.map_err(|error| OfficeError::Defect(format!("permissions of API token {}: {error}", row.id)))?,
            last_used_at: row.last_used_at.unwrap_or(0).into(),
        })))
    }

    async fn read_name(&self, user: UserId) -> Result<Option<String>, OfficeError> {
        Ok(self.store().db().one::<(String,)>(NAME, binds![user]).await?.map(|(name,)| name))
    }

    /// Notes that a token is in use, if that was not noted in the last minute. Nobody waits for it.
    fn note_use(&self, token: &Token, now: WallTime) {
        let last = token.last_used_at.load(Ordering::Relaxed);
        let was_noted = now.ms_since(WallTime(last)) < NOTE_EVERY_MS;
        if was_noted || token.last_used_at.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let (office, token) = (self.clone(), token.id);
        tokio::spawn(async move {
            if let Err(error) = office.store().db().run(USED, binds![token, now]).await {
                tracing::debug!(%error, token, "The use of an API token could not be noted.");
            }
        });
    }
}
