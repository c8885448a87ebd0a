//! Stories of accounts, each on both engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod away;
mod bulk;
mod links;
mod log_in;
mod oidc;
mod sessions;
mod tokens;
mod users;

use model::{Action, CenterId, UserId, WallTime};
use serde_json::{Map, Value};
use sqlx::FromRow;
use store::{Store, binds, sql::Bind, statements, testing::Postgres};
use tempfile::TempDir;

use super::*;
use crate::{
    OfficeError, Permit, Principal,
    notify::{Mail, SendMail},
};

/// When a story begins.
pub(super) const T0: i64 = 1_763_712_000_000;
pub(super) const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;
pub(super) const HOME: CenterId = CenterId::DEFAULT;
pub(super) const PASSWORD: &str = "correct horse";

pub(super) fn at(ms: i64) -> WallTime {
    WallTime(T0 + ms)
}

/// An office with an administrator `root` and an operator `anna`.
pub(super) struct House {
    pub(super) office: Office,
    pub(super) root: UserId,
    pub(super) anna: UserId,
    _dir: Option<TempDir>,
}

/// Tells a story on both engines.
pub(super) async fn on_both(story: impl AsyncFn(House)) {
    story(House::sqlite().await).await;
    story(House::at_url(&Postgres::shared().database(), None).await).await;
}

statements! {
    AUDIT: both "SELECT actor_kind, actor_name, category, action, outcome, resource, resource_id, diff, source FROM audit_log ORDER BY seq";
    USER: both "SELECT state, password_hash, last_login_at, manager_id, version FROM users WHERE id = $1";
    MAILS: both "SELECT payload FROM jobs WHERE kind = 'mail.send' ORDER BY id";
    COUNT_LINKS: both "SELECT count(*) FROM one_time_links WHERE user_id = $1";
    COUNT_SESSIONS: both "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL";
    SET_HASH: both "UPDATE users SET password_hash = $2 WHERE id = $1";
    SET_SETTINGS: both "UPDATE centers SET settings = $2 WHERE id = $1";
}

#[derive(Debug, FromRow)]
pub(super) struct AuditRow {
    pub(super) actor_kind: String,
    pub(super) actor_name: String,
    pub(super) category: String,
    pub(super) action: String,
    pub(super) outcome: String,
    pub(super) resource: String,
    pub(super) resource_id: String,
    pub(super) diff: String,
    pub(super) source: String,
}

#[derive(Debug, FromRow)]
pub(super) struct Stored {
    pub(super) state: String,
    pub(super) password_hash: Option<String>,
    pub(super) last_login_at: Option<i64>,
    pub(super) manager_id: Option<i64>,
    pub(super) version: i64,
}

impl House {
    pub(super) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::at_url(&format!("sqlite:{}/cordboard.db", dir.path().display()), Some(dir)).await
    }

    pub(super) async fn at_url(url: &str, dir: Option<TempDir>) -> Self {
        let office = office(Store::open(url).await.unwrap()).await;
        let add = async |name: &str, role: &str| {
            let new = NewUser { roles: vec![role.to_owned()], ..new_user(name) };
            office.add_user_as_system("test", HOME, new, at(0)).await.unwrap()
        };
        let (root, anna) = (add("root", "admin").await, add("anna", "operator").await);
        Self { office, root, anna, _dir: dir }
    }

    pub(super) async fn log_in(&self, name: &str, now: i64) -> Session {
        self.try_log_in(name, PASSWORD, now).await.unwrap()
    }

    pub(super) async fn try_log_in(&self, name: &str, password: &str, now: i64) -> Result<Session, LogInError> {
        let log_in = LogIn { username: name.to_owned(), password: password.to_owned(), client: client() };
        self.office.log_in(log_in, at(now)).await
    }

    /// The person behind a session.
    pub(super) async fn find(&self, session: &Session, now: i64) -> Found {
        let claimed = Claimed { center: session.center, username: session.username.clone(), roles: session.roles.clone() };
        self.office.principal_of_session(session.user, session.id, &claimed, &request(), at(now)).await
    }

    pub(super) async fn principal(&self, name: &str, now: i64) -> Principal {
        let session = self.log_in(name, now).await;
        person(self.find(&session, now).await)
    }

    pub(super) async fn permit(&self, name: &str, action: Action, now: i64) -> Permit {
        self.principal(name, now).await.permit(action).unwrap()
    }

    pub(super) async fn audit(&self) -> Vec<AuditRow> {
        self.office.store().db().all(AUDIT, &[]).await.unwrap()
    }

    /// The last entry of the log.
    pub(super) async fn last_entry(&self) -> AuditRow {
        self.audit().await.pop().unwrap()
    }

    /// The last entry of an action.
    pub(super) async fn last(&self, action: &str) -> AuditRow {
        self.audit().await.into_iter().rfind(|entry| entry.action == action).unwrap()
    }

    pub(super) async fn stored(&self, user: UserId) -> Stored {
        self.office.store().db().one(USER, binds![user]).await.unwrap().unwrap()
    }

    pub(super) async fn live_sessions(&self, user: UserId) -> i64 {
        self.office.store().db().one::<(i64,)>(COUNT_SESSIONS, binds![user]).await.unwrap().unwrap().0
    }

    /// What letters say that are to be sent.
    pub(super) async fn mails(&self) -> Vec<String> {
        self.office.store().db().all::<(String,)>(MAILS, &[]).await.unwrap().into_iter().map(|(payload,)| payload).collect()
    }

    pub(super) async fn links(&self, user: UserId) -> i64 {
        self.office.store().db().one::<(i64,)>(COUNT_LINKS, binds![user]).await.unwrap().unwrap().0
    }

    pub(super) async fn set_hash(&self, user: UserId, hash: &str) {
        self.office.store().db().run(SET_HASH, &[Bind::from(user), Bind::from(hash)]).await.unwrap();
    }

    pub(super) async fn set_center(&self, settings: &str) {
        self.office.store().db().run(SET_SETTINGS, &[Bind::from(HOME), Bind::from(settings)]).await.unwrap();
    }

    /// An account as root sees it.
    pub(super) async fn seen(&self, user: UserId) -> Map<String, Value> {
        let permit = self.permit("root", crate::rights::can::USERS_READ, 0).await;
        self.office.user(&permit.view(&USERS), user).await.unwrap()
    }
}

/// An office on a database, with the roles that come with the program.
pub(super) async fn office(store: Store) -> Office {
    let kinds = crate::jobs::Kinds::default().with(SendMail::new(Post));
    let work = crate::WorkOptions { kinds, ..crate::WorkOptions::default() };
    Office::open(store, crate::Settings { work, ..crate::Settings::default() }, at(0)).await.unwrap()
}

/// A mail server that is never asked: nobody runs the jobs.
struct Post;

impl Mail for Post {
    async fn send(&self, _: &::links::smtp::Letter) -> Result<(), ::links::smtp::SmtpError> {
        Ok(())
    }
}

pub(super) fn client() -> Client {
    Client { source: "192.0.2.7".to_owned(), user_agent: "Browser/1".to_owned(), request_id: "r1".to_owned() }
}

pub(super) fn request() -> PrincipalRequest {
    PrincipalRequest { center: None, client: client() }
}

pub(super) fn new_user(name: &str) -> NewUser {
    NewUser { username: name.to_owned(), password: Some(PASSWORD.to_owned()), ..NewUser::default() }
}

pub(super) fn person(found: Found) -> Principal {
    match found {
        Found::Person(person) => person,
        other => panic!("nobody: {other:?}"),
    }
}

/// The names of the fields that cannot be used.
pub(super) fn faults<T: std::fmt::Debug>(result: Result<T, OfficeError>) -> Vec<String> {
    match result {
        Err(OfficeError::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_both_engines() {
    use sqlx::{Executor as _, SqlSafeStr as _};
    on_both(async |house| {
        for statement in super::STATEMENTS.iter().copied().flatten() {
            match house.office.store().db() {
                store::Db::Lite { write, .. } => {
                    drop(write.prepare(statement.lite.into_sql_str()).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name)))
                }
                store::Db::Pg(pool) => {
                    drop(pool.prepare(statement.pg.into_sql_str()).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name)))
                }
            }
        }
    })
    .await;
}
