//! Log-in with a user name and a password.

use model::{Action, ActorKind, CenterId, Scope, UserId, WallTime};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, AuditOutcome, Diff, Entry},
    binds, statements,
};

use super::{
    fields::{self, NAME_MAX},
    passwords::{self, Crowded},
    sessions::{Client, Method, Session},
};
use crate::{
    Office, OfficeError,
    centers::{CenterSettings, LoginSettings},
    rights::can,
};

/// Somebody who wants to log in.
#[derive(Clone)]
pub struct LogIn {
    /// The user name, in whatever case.
    pub username: String,
    /// The password.
    pub password: String,
    /// From where.
    pub client: Client,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// There is no such account, the password is another, or the account cannot be used: which of them is not told.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The password is right, but the centre wants log-ins by its provider.
    #[error("the centre does not allow log-ins with a password: log in by its provider")]
    LocalOff,
    /// Too many checks are waiting; nothing was checked.
    #[error("too many log-ins at once")]
    Crowded,
    /// The office failed.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

impl From<StoreError> for LogInError {
    fn from(error: StoreError) -> Self {
        Self::Office(error.into())
    }
}

impl From<Crowded> for LogInError {
    fn from(Crowded: Crowded) -> Self {
        Self::Crowded
    }
}

statements! {
    BY_NAME: both "SELECT u.id, u.center_id, u.username, u.password_hash, u.state, c.state AS center_state, c.settings FROM users u
        JOIN centers c ON c.id = u.center_id WHERE u.username = $1";
    // Whoever disabled the account or changed the password since it was read wins.
    LOGGED_IN: both "UPDATE users SET last_login_at = $2, password_hash = $4 WHERE id = $1 AND state = 'active' AND password_hash = $3";
}

#[derive(FromRow)]
struct Row {
    id: i64,
    center_id: i64,
    username: String,
    password_hash: Option<String>,
    state: String,
    center_state: String,
    settings: String,
}

impl Office {
    /// Logs somebody in with a password.
    ///
    /// An unknown name costs the same work as a wrong password, and a disabled or invited account answers as a wrong one does. A hash that
    /// is not made as we make them now is made anew.
    ///
    /// # Errors
    /// See [`LogInError`]; each refusal stands in the audit log, without the password.
    pub async fn log_in(&self, log_in: LogIn, now: WallTime) -> Result<Session, LogInError> {
        let LogIn { username, password, client } = log_in;
        let name = fields::fold(&username);
        let row: Option<Row> = if name.chars().count() <= NAME_MAX { self.store().db().one(BY_NAME, binds![&name]).await? } else { None };
        let hash = row.as_ref().and_then(|row| row.password_hash.as_deref());
        let is_right = self.accounts().passwords.check(hash, &password).await?;
        let may_enter = |row: &Row| row.state == "active" && row.center_state == "active";
        let (Some(row), Some(hash)) = (row.as_ref().filter(|row| is_right && may_enter(row)), hash) else {
            self.refuse(&client, &name, row.as_ref(), "wrong", now).await?;
            return Err(LogInError::Wrong);
        };
        let (user, center) = (UserId(row.id), CenterId(row.center_id));
        if !login_settings(&row.settings).local && !self.is_administrator(user, center).await? {
            self.refuse(&client, &name, Some(row), "local_off", now).await?;
            return Err(LogInError::LocalOff);
        }
        let hash_now = if passwords::is_current(hash) { hash.to_owned() } else { self.accounts().passwords.hash(&password).await? };
        let mut tx = self.store().db().begin().await?;
        if tx.run(LOGGED_IN, binds![user, now, hash, &hash_now]).await? == 0 {
            tx.rollback().await?;
            self.refuse(&client, &name, Some(row), "wrong", now).await?;
            return Err(LogInError::Wrong);
        }
        let (session, made_room) = self.begin_session(&mut tx, (user, center, &row.username), Method::Password, &client, now).await?;
        let actor = client.actor(ActorKind::User(user), &row.username, center);
        let rehashed = if hash_now == *hash { Diff::none() } else { Diff::none().secret("password_hash") };
        audit::append(&mut tx, now, &actor, &[Entry::change("session.login", "sessions", session.id, rehashed).security()]).await?;
        tx.commit().await?;
        self.accounts().people.ended(made_room);
        Ok(session)
    }

    /// Whether somebody administers their centre, and so always may log in with a password (D20).
    pub(crate) async fn is_administrator(&self, user: UserId, home: CenterId) -> Result<bool, OfficeError> {
        let (_, access) = self.access_of(user).await?;
        let may =
            |action: Action| access.grants_at(action.0, home, home).any(|grant| grant.reach.scope >= Scope::Center && !grant.reach.listed);
        Ok([can::USERS_UPDATE, can::ROLES_UPDATE, can::SYSTEM_CONFIGURE].into_iter().all(may))
    }

    /// Notes a refused log-in. A name that nobody has is of any length, and is cut.
    async fn refuse(&self, client: &Client, name: &str, row: Option<&Row>, why: &'static str, now: WallTime) -> Result<(), OfficeError> {
        let name: String = name.chars().take(NAME_MAX).collect();
        let center = row.map_or(CenterId::DEFAULT, |row| CenterId(row.center_id));
        let user = row.map_or_else(String::new, |row| row.id.to_string());
        let entry = Entry::change("session.login", "users", user, Diff::none().and("refused", serde_json::Value::Null, why)).security();
        let mut tx = self.store().db().begin().await?;
        let actor = client.actor(ActorKind::Nobody, &name, center);
        audit::append(&mut tx, now, &actor, &[Entry { outcome: AuditOutcome::Refused, ..entry }]).await?;
        Ok(tx.commit().await?)
    }
}

/// How a centre's people may log in. Settings that cannot be read allow nothing but what always is allowed.
pub(crate) fn login_settings(settings: &str) -> LoginSettings {
    match serde_json::from_str::<CenterSettings>(settings) {
        Ok(settings) => settings.login,
        Err(error) => {
            tracing::warn!(%error, "The settings of a centre cannot be read; only its administrators can log in.");
            LoginSettings { local: false, oidc: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_centre_does_not_say_is_allowed_and_what_nobody_can_read_is_not() {
        for open in ["{}", r#"{"login": {}}"#, r#"{"login": {"local": true, "oidc": true}}"#] {
            assert_eq!(login_settings(open), LoginSettings { local: true, oidc: true }, "{open}");
        }
        assert_eq!(login_settings(r#"{"login": {"local": false}}"#), LoginSettings { local: false, oidc: true });
        assert_eq!(login_settings(r#"{"login": {"oidc": false}}"#), LoginSettings { local: true, oidc: false });
        assert_eq!(login_settings("nonsense"), LoginSettings { local: false, oidc: false });
    }
}
