//! Log-in by a provider (OpenID Connect). The provider's word is verified before it comes here; what it means for us is decided here.
//!
//! An account belongs to a provider by issuer and subject, and by nothing else: a name or an e-mail address that is the same proves nothing,
//! so an account that is there already is never taken over. The rules own the roles of such an account: at each log-in it has those that its
//! claims give, no more and no fewer, and nobody can give it others by hand, because what was taken away at the provider must be gone here.
//! For the same reason the last administrator is not kept by force: `cordboard user add` makes another.

use std::{fmt, sync::Arc};

use model::{Actor, ActorKind, CenterId, UserId, WallTime};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, AuditOutcome, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};

use super::{
    fields::{self, NAME_MAX},
    log_in::login_settings,
    oidc_rules::{roles_of_claims, roles_of_claims_now},
    people::{Account, Bearing},
    sessions::{self, Client, Method, Session, Which},
    users::{self, USERS, UserRow},
};
use crate::{
    By, Office, OfficeError,
    rights::{AccessChange, USER_ROLES_MAX, lock_rights},
};

/// Longest issuer, subject and session id that are taken from a provider, in octets (OpenID Connect Core, 2: a subject has at most 255).
const ID_MAX: usize = 512;

/// What a provider says of somebody who has logged in there; its signature, age and addressee are verified.
#[derive(Clone, Default)]
pub struct OidcClaims {
    /// The provider, as its tokens name it.
    pub issuer: String,
    /// Who it is, there.
    pub sub: String,
    /// The provider's own session.
    pub sid: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name that they log in with there.
    pub preferred_username: Option<String>,
    /// The name that others see.
    pub name: Option<String>,
    /// All claims, for the rules.
    pub all: Value,
}

impl fmt::Debug for OidcClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcClaims").field("issuer", &self.issuer).field("sub", &self.sub).finish_non_exhaustive()
    }
}

/// Why nobody was logged in by a provider.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The centre does not allow log-ins by a provider.
    #[error("the centre does not allow log-ins by a provider")]
    Off,
    /// No rule gives a role for what the provider says.
    #[error("no role here belongs to what the provider says of this person: an administrator can make a rule for it")]
    NoRole,
    /// The account is disabled here.
    #[error("the account is disabled")]
    Disabled,
    /// The office failed.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

impl From<StoreError> for OidcError {
    fn from(error: StoreError) -> Self {
        Self::Office(error.into())
    }
}

statements! {
    BY_SUBJECT: both "SELECT id, center_id FROM users WHERE oidc_issuer = $1 AND oidc_sub = $2";
    BEARER: both "SELECT id, center_id, username, state FROM users WHERE oidc_issuer = $1 AND oidc_sub = $2";
    CENTER: both "SELECT state, settings FROM centers WHERE id = $1";
    IS_TAKEN: both "SELECT id FROM users WHERE username = $1";
    TAKE_ROLES: both "DELETE FROM user_roles WHERE user_id = $1";
    LOGGED_IN: both "UPDATE users SET last_login_at = $2 WHERE id = $1";
}

#[derive(FromRow)]
struct BearerRow {
    id: i64,
    center_id: i64,
    username: String,
    state: String,
}

#[derive(FromRow)]
struct CenterRow {
    state: String,
    settings: String,
}

impl CenterRow {
    /// Whether the centre takes people from a provider.
    fn is_open(&self) -> bool {
        self.state == "active" && login_settings(&self.settings).oidc
    }
}

impl OidcClaims {
    /// Whether issuer, subject and session can be such.
    pub(super) fn are_sound(&self) -> bool {
        let is_id = |id: &str| !id.is_empty() && id.len() <= ID_MAX && !id.chars().any(char::is_control);
        is_id(&self.issuer) && is_id(&self.sub) && self.sid.as_deref().is_none_or(is_id)
    }
}

/// How a log-in ends, besides in a failure of the database.
enum Verdict {
    /// With the sessions that made room, and whether the account has other roles than before.
    In(Session, Vec<i64>, bool),
    Out(OidcError, Vec<i64>),
}

impl Office {
    /// Logs somebody in by a provider that serves a centre. Who comes for the first time gets an account if the rules give them a role.
    ///
    /// # Errors
    /// See [`OidcError`]; each refusal stands in the audit log.
    pub async fn log_in_oidc(&self, center: CenterId, claims: &OidcClaims, client: &Client, now: WallTime) -> Result<Session, OidcError> {
        if !claims.are_sound() {
            return Err(OfficeError::Defect("a provider's issuer, subject or session cannot be one".to_owned()).into());
        }
        let mut tx = self.store().db().begin().await?;
        match self.judge(&mut tx, center, claims, client, now).await {
            Ok(verdict) => {
                let change = self.accounts().people.change_all();
                tx.commit().await?;
                drop(change);
                let (ended, outcome) = match verdict {
                    Verdict::In(session, ended, has_other_rights) => {
                        if has_other_rights {
                            self.rights_changed(session.center, [session.user].into());
                        }
                        (ended, Ok(session))
                    }
                    Verdict::Out(error, ended) => (ended, Err(error)),
                };
                self.accounts().people.ended(ended);
                outcome
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error.into())
            }
        }
    }

    async fn judge(
        &self,
        tx: &mut Tx,
        center: CenterId,
        claims: &OidcClaims,
        client: &Client,
        now: WallTime,
    ) -> Result<Verdict, OfficeError> {
        // Two first log-ins of one person at once make one account.
        lock_rights(tx).await?;
        let known: Option<(i64, i64)> = tx.one(BY_SUBJECT, binds![&claims.issuer, &claims.sub]).await?;
        let center = known.map_or(center, |(_, center)| CenterId(center));
        let row = match known {
            Some((user, _)) => Some(users::lock(tx, UserId(user), center).await?),
            None => None,
        };
        let refused = |row: Option<&UserRow>, why: &'static str| {
            let name = row.map_or_else(|| proposed_name(claims), |row| row.username.clone());
            let diff = Diff::none().and("refused", Value::Null, why).and("issuer", Value::Null, claims.issuer.as_str());
            let entry = Entry::change("session.login", "users", row.map_or_else(String::new, |row| row.id.to_string()), diff).security();
            (client.actor(ActorKind::Nobody, &name, center), Entry { outcome: AuditOutcome::Refused, ..entry })
        };
        let settings: Option<CenterRow> = tx.one(CENTER, binds![center]).await?;
        let is_allowed = settings.is_some_and(|center| center.is_open());
        let is_disabled = row.as_ref().is_some_and(|row| row.state == "disabled");
        if !is_allowed || is_disabled {
            let (why, error) = if is_allowed { ("disabled", OidcError::Disabled) } else { ("oidc_off", OidcError::Off) };
            let (actor, entry) = refused(row.as_ref(), why);
            audit::append(tx, now, &actor, &[entry]).await?;
            return Ok(Verdict::Out(error, Vec::new()));
        }
        let mut roles: Vec<String> = roles_of_claims(tx, center, &claims.issuer, &claims.all).await?.into_iter().collect();
        if roles.len() > USER_ROLES_MAX {
            tracing::warn!(issuer = claims.issuer, "The rules give somebody more than {USER_ROLES_MAX} roles; the first ones count.");
            tracing::debug!(sub = claims.sub, "Who that is, by the provider's name.");
            roles.truncate(USER_ROLES_MAX);
        }
        if roles.is_empty() && row.is_none() {
            let (actor, entry) = refused(None, "no_role");
            audit::append(tx, now, &actor, &[entry]).await?;
            return Ok(Verdict::Out(OidcError::NoRole, Vec::new()));
        }
        let has_role = !roles.is_empty();
        let (row, changed, mut entries) = match row {
            Some(old) => {
                let row = told(&old, claims);
                let diff = Diff::between(&old.seen(), &row.seen());
                (row, !diff.is_empty(), vec![Entry::change("users.update", USERS.name, old.id, diff)])
            }
            None => {
                let row = self.newcomer(tx, center, claims).await?;
                row.insert(tx, &client.actor(ActorKind::Nobody, &row.username, center), now).await?;
                let diff = Diff::created(&row.seen()).and("issuer", Value::Null, claims.issuer.as_str());
                (row.clone(), false, vec![Entry::change("users.create", USERS.name, row.id, diff)])
            }
        };
        let user = row.user();
        let actor = client.actor(ActorKind::User(user), &row.username, center);
        if changed {
            row.change(tx, now).await?;
        }
        let mut has_other_rights = false;
        for entry in &mut entries {
            let before = entry.diff.clone();
            entry.diff = self.take_roles(tx, &actor, user, &roles, std::mem::take(&mut entry.diff)).await?;
            // Who comes for the first time had none.
            has_other_rights |= known.is_some() && entry.diff != before;
        }
        entries.retain(|entry| !entry.diff.is_empty());
        if !entries.is_empty() {
            users::tell_changed(tx, &row, now).await?;
        }
        let mut entries: Vec<Entry> = entries.into_iter().map(Entry::security).collect();
        let verdict = if has_role {
            let method = Method::Oidc { issuer: &claims.issuer, sid: claims.sid.as_deref() };
            let (session, made_room) = self.begin_session(tx, (user, center, &row.username), method, client, now).await?;
            tx.run(LOGGED_IN, binds![user, now]).await?;
            let diff = Diff::none().and("issuer", Value::Null, claims.issuer.as_str());
            entries.push(Entry::change("session.login", "sessions", session.id, diff).security());
            Verdict::In(session, made_room, has_other_rights)
        } else {
            // Whatever they were, the provider has taken it away.
            let ended = sessions::end(tx, user, Which::All, "no_role", now).await?;
            let (_, entry) = refused(Some(&row), "no_role");
            entries.push(entry);
            Verdict::Out(OidcError::NoRole, ended)
        };
        audit::append(tx, now, &actor, &entries).await?;
        Ok(verdict)
    }

    /// Gives an account the roles that the rules say, even if it was the last administrator: the old ones are taken away first, so that
    /// nothing is lost with the new ones.
    pub(super) async fn take_roles(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        user: UserId,
        roles: &[String],
        diff: Diff,
    ) -> Result<Diff, OfficeError> {
        let old = users::role_codes(tx, user).await?;
        if old == roles {
            return Ok(diff);
        }
        tx.run(TAKE_ROLES, binds![user]).await?;
        let access = AccessChange { roles: Some(roles.to_vec()), ..AccessChange::default() };
        let diff = self.set_user_access(tx, By::Program(actor), user, &access, diff).await?;
        Ok(diff.and("roles", old, roles.to_vec()))
    }

    /// Who is behind a provider's access token, with the rights that its claims give by the rules.
    ///
    /// The account's own roles stay as the last log-in has set them: a token may say less than a log-in does, and whoever comes with it may
    /// then do less.
    pub(super) async fn read_bearer(&self, center: CenterId, claims: &OidcClaims) -> Result<Bearing, OfficeError> {
        let db = self.store().db();
        let known: Option<BearerRow> = db.one(BEARER, binds![&claims.issuer, &claims.sub]).await?;
        let center = known.as_ref().map_or(center, |row| CenterId(row.center_id));
        let settings: Option<CenterRow> = db.one(CENTER, binds![center]).await?;
        if !settings.is_some_and(|center| center.is_open()) {
            return Ok(Bearing::Off);
        }
        if known.as_ref().is_some_and(|row| row.state != "active") {
            return Ok(Bearing::Disabled);
        }
        let roles = roles_of_claims_now(db, center, &claims.issuer, &claims.all).await?;
        let roles: Vec<String> = roles.into_iter().take(USER_ROLES_MAX).collect();
        if roles.is_empty() {
            return Ok(Bearing::NoRole);
        }
        let Some(BearerRow { id, username, .. }) = known else { return Ok(Bearing::Newcomer(roles)) };
        let (roles, access) = self.access_with_roles(UserId(id), center, &roles).await?;
        Ok(Bearing::Account(Arc::new(Account { user: UserId(id), center, username, roles, access: Arc::new(access) })))
    }

    /// Makes the account of somebody for whom a program comes, before they have ever logged in, as a log-in would.
    pub(super) async fn welcome(
        &self,
        center: CenterId,
        claims: &OidcClaims,
        roles: &[String],
        client: &Client,
        now: WallTime,
    ) -> Result<(), OfficeError> {
        let mut tx = self.store().db().begin().await?;
        // Two first requests at once make one account.
        lock_rights(&mut tx).await?;
        let known: Option<BearerRow> = tx.one(BEARER, binds![&claims.issuer, &claims.sub]).await?;
        if known.is_some() {
            return Ok(tx.rollback().await?);
        }
        let row = self.newcomer(&mut tx, center, claims).await?;
        row.insert(&mut tx, &client.actor(ActorKind::Nobody, &row.username, center), now).await?;
        let actor = client.actor(ActorKind::Token(row.user()), &row.username, center);
        let diff = Diff::created(&row.seen()).and("issuer", Value::Null, claims.issuer.as_str());
        let diff = self.take_roles(&mut tx, &actor, row.user(), roles, diff).await?;
        users::tell_changed(&mut tx, &row, now).await?;
        audit::append(&mut tx, now, &actor, &[Entry::change("users.create", USERS.name, row.id, diff).security()]).await?;
        Ok(tx.commit().await?)
    }

    /// The account of somebody who comes for the first time.
    async fn newcomer(&self, tx: &mut Tx, center: CenterId, claims: &OidcClaims) -> Result<UserRow, OfficeError> {
        let wanted = proposed_name(claims);
        let mut username = wanted.clone();
        if username.is_empty() || tx.one::<(i64,)>(IS_TAKEN, binds![&username]).await?.is_some() {
            // Whose name it is stays so; this one is told apart by what nobody else has.
            let mark: String =
                Sha256::digest(format!("{} {}", claims.issuer, claims.sub)).iter().take(6).map(|octet| format!("{octet:02x}")).collect();
            let kept: String = wanted.chars().take(NAME_MAX - mark.len() - 1).collect();
            username = if kept.is_empty() { format!("sso-{mark}") } else { format!("{kept}-{mark}") };
        }
        let CenterId(center_id) = center;
        let row = UserRow {
            id: draw(tx, "user", 1).await?,
            center_id,
            display_name: username.clone(),
            username,
            email: None,
            password_hash: None,
            oidc_issuer: Some(claims.issuer.clone()),
            oidc_sub: Some(claims.sub.clone()),
            manager_id: None,
            locale: None,
            tz: None,
            state: "active".to_owned(),
            version: 1,
        };
        Ok(told(&row, claims))
    }
}

/// The account as the provider tells it. What it does not tell, or what cannot be, stays as it was.
fn told(row: &UserRow, claims: &OidcClaims) -> UserRow {
    let mut row = row.clone();
    let mut faults = Vec::new();
    if let Some(name) = &claims.name {
        let name = fields::display_name(name, &mut faults);
        if faults.is_empty() && !name.is_empty() {
            row.display_name = name;
        }
    }
    if let Some(email) = claims.email.as_deref().filter(|email| fields::is_email(email)) {
        row.email = Some(email.to_owned());
    }
    row
}

/// The user name that the provider proposes; empty if it is none.
fn proposed_name(claims: &OidcClaims) -> String {
    let name = fields::fold(claims.preferred_username.as_deref().or(claims.email.as_deref()).unwrap_or_default());
    name.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect()
}
