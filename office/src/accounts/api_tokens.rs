//! API tokens: with them programs come in a person's name, with that person's rights or some of them.

use std::collections::BTreeSet;

use model::{CenterId, UserId, WallTime};
use serde_json::Value;
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::draw,
    statements,
};

use super::secrets::{self, Kind};
use crate::{Conflict, Fault, Office, OfficeError, Permit, rights::can};

/// Longest name, in characters.
const NAME_MAX: usize = 128;
/// Permissions that one token can name.
const PERMISSIONS_MAX: usize = 500;
/// Tokens of a user that have not ended.
const TOKENS_MAX: i64 = 50;

/// An API token to be made.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// What it is for; 1 to 128 characters.
    pub name: String,
    /// When it ends; none: when somebody ends it.
    pub expires_at: Option<WallTime>,
    /// The permissions that it is narrowed to; none: all that its user has, now and later.
    pub permissions: Option<Vec<String>>,
}

/// An API token, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Its id.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// The permissions that it is narrowed to.
    pub permissions: Option<Vec<String>>,
    /// When it was made.
    pub created_at: WallTime,
    /// When it ends.
    pub expires_at: Option<WallTime>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<WallTime>,
}

statements! {
    LOCK_OWNER: both "UPDATE users SET version = version WHERE id = $1 AND state = 'active' RETURNING center_id";
    COUNT: both "SELECT count(*) FROM api_tokens WHERE user_id = $1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    INSERT: both "INSERT INTO api_tokens (id, center_id, user_id, name, hash, permissions, created_at, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $3, $8)";
    OF_USER: both "SELECT id, name, permissions, created_at, expires_at, last_used_at FROM api_tokens
        WHERE user_id = $1 AND center_id = $2 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $3) ORDER BY id DESC LIMIT $4";
    OWNER: both "SELECT user_id, name FROM api_tokens WHERE id = $1 AND center_id = $2 AND ended_at IS NULL";
    END: both "UPDATE api_tokens SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING hash";
}

#[derive(FromRow)]
struct Row {
    id: i64,
    name: String,
    permissions: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<Row> for TokenView {
    type Error = OfficeError;

    fn try_from(row: Row) -> Result<Self, OfficeError> {
        let permissions = row.permissions.map(|text| serde_json::from_str(&text)).transpose();
        Ok(Self {
            permissions: permissions.map_err(|error| OfficeError::Defect(format!("permissions of API token {}: {error}", row.id)))?,
            id: row.id,
            name: row.name,
            created_at: WallTime(row.created_at),
            expires_at: row.expires_at.map(WallTime),
            last_used_at: row.last_used_at.map(WallTime),
        })
    }
}

impl NewToken {
    /// As it is stored. A token names no permission that its user does not have.
    fn check(self, permit: &Permit, now: WallTime) -> Result<Self, OfficeError> {
        let mut faults = Vec::new();
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            faults.push(Fault::invalid("name", format!("a name has 1 to {NAME_MAX} characters, none of them a control character")));
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            faults.push(Fault::invalid("expires_at", "this moment has passed"));
        }
        let permissions = self.permissions.map(|permissions| permissions.into_iter().collect::<BTreeSet<_>>());
        if let Some(permissions) = &permissions {
            if permissions.is_empty() || permissions.len() > PERMISSIONS_MAX {
                faults.push(Fault::invalid(
                    "permissions",
                    format!("1 to {PERMISSIONS_MAX} permissions; without the field the token has all of yours"),
                ));
            }
            let own: BTreeSet<&str> = permit.principal().access().grants().map(|(name, _)| name).collect();
            let others = permissions.iter().filter(|name| !own.contains(name.as_str())).take(10);
            faults.extend(others.map(|name| Fault::unknown("permissions", format!("you have no permission `{}`", cut(name)))));
        }
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        Ok(Self { name, expires_at: self.expires_at, permissions: permissions.map(|permissions| permissions.into_iter().collect()) })
    }
}

/// So much of a name that nobody has is told back.
fn cut(name: &str) -> String {
    name.chars().take(NAME_MAX).collect()
}

impl Office {
    /// Makes an API token in one's own name. Its text is given out here and never again.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`]; [`OfficeError::Forbidden`] for who came with an API token, which would outlive its own end so;
    /// [`Conflict::State`] past 50 tokens.
    pub async fn create_token(&self, permit: &Permit, new: NewToken, now: WallTime) -> Result<(TokenView, String), OfficeError> {
        permit.must_be(can::TOKENS_CREATE)?;
        if permit.principal().session().is_none() {
            return Err(OfficeError::Forbidden("an API token makes no other: log in with a password or by your provider".to_owned()));
        }
        let new = new.check(permit, now)?;
        let user = permit.principal().user();
        let token = secrets::draw(Kind::Api)?;
        let hash = secrets::hash(Kind::Api, &token);
        let permissions = new.permissions.as_ref().map(|names| Value::from(names.clone()).to_string());
        let mut tx = self.store().db().begin().await?;
        let home: Option<(i64,)> = tx.one(LOCK_OWNER, binds![user]).await?;
        let Some((home,)) = home else { return Err(OfficeError::NotFound("user")) };
        let count: Option<(i64,)> = tx.one(COUNT, binds![user, now]).await?;
        if count.is_some_and(|(count,)| count >= TOKENS_MAX) {
            tx.rollback().await?;
            return Err(OfficeError::Conflict(Conflict::State(format!(
                "you have {TOKENS_MAX} API tokens: end one that you do not need any more"
            ))));
        }
        let id = draw(&mut tx, "api_token", 1).await?;
        tx.run(INSERT, binds![id, CenterId(home), user, &new.name, hash, &permissions, now, new.expires_at]).await?;
        let diff = Diff::none().and("name", Value::Null, new.name.as_str()).and("permissions", Value::Null, new.permissions.clone()).and(
            "expires_at",
            Value::Null,
            new.expires_at.map(|WallTime(at)| at),
        );
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(can::TOKENS_CREATE.0, "tokens", id, diff).security()]).await?;
        tx.commit().await?;
        let NewToken { name, expires_at, permissions } = new;
        Ok((TokenView { id, name, permissions, created_at: now, expires_at, last_used_at: None }, token))
    }

    /// The API tokens of a user that are good, the newest first.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if the permit does not reach the user.
    pub async fn tokens(&self, permit: &Permit, user: UserId, now: WallTime) -> Result<Vec<TokenView>, OfficeError> {
        permit.must_be(can::TOKENS_READ)?;
        if !permit.reaches(&BTreeSet::from([user])) {
            return Err(OfficeError::NotFound("user"));
        }
        self.user_row(user, permit.rows().center).await?;
        let rows: Vec<Row> = self.store().db().all(OF_USER, binds![user, permit.rows().center, now, TOKENS_MAX]).await?;
        rows.into_iter().map(TokenView::try_from).collect()
    }

    /// Ends an API token at once.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if the permit does not reach the token's user, or it has ended.
    pub async fn end_token(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::TOKENS_DELETE)?;
        let not_found = || OfficeError::NotFound("token");
        let mut tx = self.store().db().begin().await?;
        let owner: Option<(i64, String)> = tx.one(OWNER, binds![id, permit.rows().center]).await?;
        let owner = owner.filter(|(user, _)| permit.reaches(&BTreeSet::from([UserId(*user)])));
        let ended: Option<(String,)> = if owner.is_some() { tx.one(END, binds![id, now]).await? } else { None };
        let (Some((user, name)), Some((hash,))) = (owner, ended) else {
            tx.rollback().await?;
            return Err(not_found());
        };
        let diff = Diff::none().and("name", name, Value::Null).and("user", user.to_string(), Value::Null);
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(can::TOKENS_DELETE.0, "tokens", id, diff).security()]).await?;
        tx.commit().await?;
        self.accounts().people.token_ended(&hash);
        Ok(())
    }
}
