//! People with an account.

use std::{fmt, str::FromStr};

use model::{CenterId, UserId, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    db::{binds, statements},
    ids::{self, Kind},
    now,
    page::{Count, Keyed, Listed, Lists, Page},
};

/// What a user may do. More roles come with the rights module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Own slot and own calls.
    Operator,
}

impl Role {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is admin or operator")]
pub struct ParseRoleError;

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        match text {
            "admin" => Ok(Self::Admin),
            "operator" => Ok(Self::Operator),
            _ => Err(ParseRoleError),
        }
    }
}

/// A person with an account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The centre they belong to.
    pub center: CenterId,
    /// The name they log in with, in lower case.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// The hash of their password (PHC string). Never logged.
    pub password_hash: String,
    /// Whether they may log in.
    pub active: bool,
    /// When the account was made.
    pub created_at: WallTime,
    /// When they last logged in.
    pub last_login_at: Option<WallTime>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("username", &self.username).field("role", &self.role).finish_non_exhaustive()
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The name to log in with, 1 to 128 characters; blanks around it are dropped and it is stored in lower case.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// The hash of their password (PHC string).
    pub password_hash: String,
}

/// What is to be changed of an account; what is absent stays.
#[derive(Clone, Default)]
pub struct UserChange {
    /// What they may do.
    pub role: Option<Role>,
    /// The hash of their password (PHC string).
    pub password_hash: Option<String>,
    /// Whether they may log in.
    pub active: Option<bool>,
}

macro_rules! columns {
    () => {
        "SELECT c.id, c.center_id, c.username, c.role, c.password_hash, c.state, c.created_at, c.last_login_at FROM users c "
    };
}

statements! {
    USER: both concat!(columns!(), "WHERE c.id = $1");
    USER_BY_NAME: both concat!(columns!(), "WHERE c.username = $1");
    OLDER: both concat!(columns!(), "WHERE c.center_id = $1 AND c.id < $2 AND c.created_at >= $3 AND c.created_at < $4 ORDER BY c.id DESC LIMIT $5");
    NEWER: both concat!(columns!(), "WHERE c.center_id = $1 AND c.id > $2 AND c.created_at >= $3 AND c.created_at < $4 ORDER BY c.id LIMIT $5");
    OLDER_OF_USER: both concat!(columns!(),
        "WHERE c.center_id = $1 AND c.id < $2 AND c.created_at >= $3 AND c.created_at < $4 AND c.id = $6 ORDER BY c.id DESC LIMIT $5");
    NEWER_OF_USER: both concat!(columns!(),
        "WHERE c.center_id = $1 AND c.id > $2 AND c.created_at >= $3 AND c.created_at < $4 AND c.id = $6 ORDER BY c.id LIMIT $5");
    COUNT: both "SELECT count(*) FROM (SELECT 1 FROM users c WHERE c.center_id = $1 AND c.created_at >= $2 AND c.created_at < $3 LIMIT $4) AS rows_seen";
    COUNT_OF_USER: both "SELECT count(*) FROM (SELECT 1 FROM users c
        WHERE c.center_id = $1 AND c.created_at >= $2 AND c.created_at < $3 AND c.id = $5 LIMIT $4) AS rows_seen";
    COUNT_ALL: both "SELECT count(*) FROM users";
    INSERT: both "INSERT INTO users (id, center_id, username, role, password_hash, state, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, 'active', $6, $6)";
    CHANGE: both "UPDATE users SET role = COALESCE($2, role), password_hash = COALESCE($3, password_hash), state = COALESCE($4, state), updated_at = $5
        WHERE id = $1";
    LOGGED_IN: both "UPDATE users SET last_login_at = $2 WHERE id = $1";
    DELETE: both "DELETE FROM users WHERE id = $1";
}

const LISTS: Lists = Lists {
    older: OLDER,
    newer: NEWER,
    older_of_user: OLDER_OF_USER,
    newer_of_user: NEWER_OF_USER,
    count: COUNT,
    count_of_user: COUNT_OF_USER,
};

impl Store {
    /// The user with this id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.db.one::<Row>(USER, binds![id]).await?.map(User::try_from).transpose()
    }

    /// The user who logs in with this name, in whatever case it is written.
    pub async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        self.db.one::<Row>(USER_BY_NAME, binds![fold(username)]).await?.map(User::try_from).transpose()
    }

    /// A page of users, newest first.
    pub async fn users(&self, page: &Page) -> Result<Listed<User>, StoreError> {
        page.list::<Row, User>(&self.db, LISTS).await
    }

    /// How many accounts there are, in all centres; 0 means that the first administrator is still to be made.
    pub async fn users_count(&self) -> Result<u64, StoreError> {
        let row: Option<(i64,)> = self.db.one(COUNT_ALL, &[]).await?;
        Ok(row.and_then(|(count,)| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// How many users the lists of `page` hold.
    pub async fn users_of_page_count(&self, page: &Page) -> Result<Count, StoreError> {
        page.count(&self.db, LISTS).await
    }

    /// Makes an account in the default centre. A taken name is [`StoreError::UsernameTaken`].
    pub async fn create_user(&self, new: NewUser) -> Result<User, StoreError> {
        let username = fold(&new.username);
        let created_at = now();
        let mut tx = self.db.begin().await?;
        let id = UserId(ids::draw(&mut tx, Kind::User, 1).await?);
        let binds = binds![id, CenterId::DEFAULT, &username, new.role.as_str(), &new.password_hash, created_at];
        if let Err(error) = tx.run(INSERT, binds).await {
            tx.rollback().await?;
            return Err(error.on_constraint("users_username_key", || StoreError::UsernameTaken));
        }
        tx.commit().await?;
        Ok(User {
            id,
            center: CenterId::DEFAULT,
            username,
            role: new.role,
            password_hash: new.password_hash,
            active: true,
            created_at,
            last_login_at: None,
        })
    }

    /// Changes an account. An unknown one is [`StoreError::NotFound`].
    pub async fn change_user(&self, id: UserId, change: UserChange) -> Result<(), StoreError> {
        let state = change.active.map(state_name);
        let binds = binds![id, change.role.map(Role::as_str), &change.password_hash, state, now()];
        found(self.db.run(CHANGE, binds).await?)
    }

    /// Notes that the user logged in.
    pub async fn set_last_login(&self, id: UserId, at: WallTime) -> Result<(), StoreError> {
        found(self.db.run(LOGGED_IN, binds![id, at]).await?)
    }

    /// Deletes an account. Calls and CDRs keep its id.
    pub async fn delete_user(&self, id: UserId) -> Result<(), StoreError> {
        found(self.db.run(DELETE, binds![id]).await?)
    }
}

fn found(rows: u64) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::NotFound("user")) } else { Ok(()) }
}

/// One person writes a name in several cases; it is one name.
fn fold(username: &str) -> String {
    username.trim().to_lowercase()
}

fn state_name(active: bool) -> &'static str {
    if active { "active" } else { "disabled" }
}

#[derive(FromRow)]
struct Row {
    id: i64,
    center_id: i64,
    username: String,
    role: String,
    password_hash: String,
    state: String,
    created_at: i64,
    last_login_at: Option<i64>,
}

impl Keyed for Row {
    fn key(&self) -> i64 {
        self.id
    }
}

impl TryFrom<Row> for User {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let role = row.role.parse().map_err(|error: ParseRoleError| StoreError::Broken { table: "users", what: error.to_string() })?;
        Ok(Self {
            id: UserId(row.id),
            center: CenterId(row.center_id),
            username: row.username,
            role,
            password_hash: row.password_hash,
            active: row.state == state_name(true),
            created_at: WallTime(row.created_at),
            last_login_at: row.last_login_at.map(WallTime),
        })
    }
}
