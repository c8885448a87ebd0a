//! Sessions: a log-in and all the tokens that come of it. A refresh token is used once; who uses it again ends the session.
//!
//! ```text
//!  log-in ──▶ live ──refresh──▶ live (14 days more, at most 90 in all)
//!              │ │
//!              │ └─ log-out, new password, disabled, the provider's word, a token used twice ──▶ ended
//!              └─── 14 days unused, 90 days old ──▶ expired
//! ```
//!
//! Two tabs of one browser refresh at once with the same token, and an answer can be lost on its way. So for [`GRACE_MS`] after its use a token
//! is answered with the **same** successor again. Another fresh token would be a second line of descent, in which a thief could live beside
//! the owner and never be noticed; with one line both have the same token, and the one who comes second with it, later than that, ends the
//! session. The successors are kept in memory for as long as they are needed: after a restart a second use ends the session.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::{Actor, ActorKind, CenterId, UserId, WallTime};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, AuditOutcome, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};

use super::{
    secrets::{self, Kind},
    users::{self, role_codes},
};
use crate::{Office, OfficeError, Permit, Principal, rights::can};

/// A session that is not used for so long ends.
const SLIDE_MS: i64 = 14 * 24 * 60 * 60 * 1000;
/// A session ends after so long, however much it is used.
const LIFE_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// So long a refresh token's successor is given out again.
const GRACE_MS: u64 = 10_000;
/// Live sessions of a user; with one more, the oldest ends.
const SESSIONS_MAX: i64 = 100;
/// Successors in memory; past it the oldest is forgotten, and its session ends if the token comes again.
const SUCCESSORS_MAX: usize = 10_000;
/// So long ended sessions, tokens and links are kept for whoever looks into what happened.
const KEEP_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Rows that one statement prunes.
const PRUNE_ROWS: i64 = 1000;

/// From where somebody comes, as the audit log keeps it.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address.
    pub source: String,
    /// What the program says that it is; 256 octets of it are kept.
    pub user_agent: String,
    /// The request's id.
    pub request_id: String,
}

impl Client {
    pub(crate) fn actor(&self, kind: ActorKind, name: &str, center: CenterId) -> Actor {
        Actor {
            kind,
            name: name.to_owned(),
            center,
            source: self.source.clone(),
            user_agent: audit::client_text(&self.user_agent),
            request_id: self.request_id.clone(),
        }
    }
}

/// What a log-in or a refresh gives.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: i64,
    /// Whose it is.
    pub user: UserId,
    /// The user's centre.
    pub center: CenterId,
    /// The name that they log in with.
    pub username: String,
    /// The codes of their roles.
    pub roles: Vec<String>,
    /// With which the next tokens are had. Shown to nobody but the client.
    pub refresh_token: String,
    /// Until when that is good.
    pub expires_at: WallTime,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A live session, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: i64,
    /// How it began: `password`, `oidc`.
    pub method: String,
    /// From which address it was last refreshed.
    pub source: String,
    /// By what program.
    pub user_agent: String,
    /// When it began.
    pub created_at: WallTime,
    /// When it was last refreshed.
    pub last_used_at: WallTime,
    /// When it ends if it is not refreshed.
    pub expires_at: WallTime,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is unknown, expired, or of a session or an account that has ended.
    #[error("the refresh token is not good any more")]
    Unknown,
    /// The token had been used: its session has ended.
    #[error("the refresh token was used before; its session has ended")]
    Reused,
    /// The office failed.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

impl From<StoreError> for RefreshError {
    fn from(error: StoreError) -> Self {
        Self::Office(error.into())
    }
}

/// How a session begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Method<'a> {
    Password,
    /// By a provider, whose own session may have an id.
    Oidc {
        issuer: &'a str,
        sid: Option<&'a str>,
    },
}

/// Whose sessions end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    One(i64),
    All,
    AllBut(i64),
}

statements! {
    ROOM: both "UPDATE sessions SET ended_at = $3, end_reason = 'too_many' WHERE user_id = $1 AND ended_at IS NULL AND id <=
        (SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY id DESC LIMIT 1 OFFSET $2) RETURNING id";
    INSERT: both "INSERT INTO sessions (id, center_id, user_id, method, oidc_issuer, oidc_sid, source, user_agent, created_at, last_used_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)";
    ISSUE: both "INSERT INTO refresh_tokens (hash, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)";
    // Whoever comes second waits here for the first, and then finds the token used.
    USE: both "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING session_id";
    TOKEN: both "SELECT r.session_id, r.used_at, s.user_id, s.center_id, s.expires_at, u.username FROM refresh_tokens r
        JOIN sessions s ON s.id = r.session_id JOIN users u ON u.id = s.user_id JOIN centers c ON c.id = u.center_id
        WHERE r.hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND u.state = 'active' AND c.state = 'active'";
    REFRESH: both "UPDATE sessions SET last_used_at = $2, source = $3, user_agent = $4 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2
        RETURNING created_at";
    SLIDE: both "UPDATE sessions SET expires_at = $2 WHERE id = $1";
    OWNER: both "SELECT u.id, u.center_id, u.username FROM sessions s JOIN users u ON u.id = s.user_id JOIN centers c ON c.id = u.center_id
        WHERE s.id = $1 AND u.state = 'active' AND c.state = 'active'";
    END: both "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND user_id = $4 AND ended_at IS NULL AND expires_at > $2 RETURNING id";
    END_ALL: both "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND id <> $4 AND ended_at IS NULL RETURNING id";
    // Tokens before sessions, as whoever uses one locks them.
    DELETE_TOKENS: both "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)";
    DELETE_ALL: both "DELETE FROM sessions WHERE user_id = $1 RETURNING id";
    BY_PROVIDER: both "SELECT s.id, u.id, u.center_id, u.username FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.oidc_issuer = $1 AND s.oidc_sid = $2 AND s.ended_at IS NULL AND (CAST($3 AS TEXT) IS NULL OR u.oidc_sub = $3)";
    BY_SUBJECT: both "SELECT s.id, u.id, u.center_id, u.username FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE u.oidc_issuer = $1 AND u.oidc_sub = $2 AND s.ended_at IS NULL";
    OF_USER: both "SELECT id, method, source, user_agent, created_at, last_used_at, expires_at FROM sessions
        WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY last_used_at DESC, id DESC LIMIT $3";
    PRUNE_TOKENS: both "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)";
    PRUNE_ENDED: both "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ended_at < $1 LIMIT $2)";
    PRUNE_EXPIRED: both "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)";
    PRUNE_LINKS: both "DELETE FROM one_time_links WHERE hash IN (SELECT hash FROM one_time_links WHERE expires_at < $1 LIMIT $2)";
    PRUNE_API_TOKENS: both "DELETE FROM api_tokens WHERE id IN (SELECT id FROM api_tokens WHERE ended_at < $1 OR expires_at < $1 LIMIT $2)";
}

#[derive(FromRow)]
struct TokenRow {
    session_id: i64,
    used_at: Option<i64>,
    user_id: i64,
    center_id: i64,
    expires_at: i64,
    username: String,
}

#[derive(FromRow)]
struct SessionRow {
    id: i64,
    method: String,
    source: String,
    user_agent: String,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
}

/// Successors of refresh tokens that were used just now.
#[derive(Debug, Default)]
pub(crate) struct Successors(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By the hash of the token that was used: when, and what came of it.
    successors: HashMap<String, (WallTime, String)>,
    /// When each came, in the order in which they came.
    order: VecDeque<(WallTime, String)>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("count", &self.order.len()).finish_non_exhaustive()
    }
}

impl Successors {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, now: WallTime, used: String, successor: String) {
        let mut kept = self.kept();
        while kept.order.len() >= SUCCESSORS_MAX || kept.order.front().is_some_and(|(at, _)| now.ms_since(*at) > GRACE_MS) {
            let Some((at, oldest)) = kept.order.pop_front() else { break };
            // After a commit that failed, the same token is used again, later.
            if kept.successors.get(&oldest).is_some_and(|(last, _)| *last == at) {
                kept.successors.remove(&oldest);
            }
        }
        kept.order.push_back((now, used.clone()));
        kept.successors.insert(used, (now, successor));
    }

    fn of(&self, used: &str) -> Option<String> {
        self.kept().successors.get(used).map(|(_, successor)| successor.clone())
    }
}

impl Office {
    /// New tokens for a refresh token, which is used up.
    ///
    /// # Errors
    /// [`RefreshError::Reused`] if it had been used up before, more than ten seconds ago: its session has now ended.
    pub async fn refresh(&self, token: &str, client: &Client, now: WallTime) -> Result<Session, RefreshError> {
        let hash = secrets::hash(Kind::Refresh, token).ok_or(RefreshError::Unknown)?;
        let mut tx = self.store().db().begin().await?;
        let used: Option<(i64,)> = tx.one(USE, binds![&hash, now]).await?;
        let Some((id,)) = used else {
            return self.refresh_again(tx, &hash, client, now).await;
        };
        let owner: Option<(i64, i64, String)> = tx.one(OWNER, binds![id]).await?;
        let binds = binds![id, now, &client.source, audit::client_text(&client.user_agent)];
        let began: Option<(i64,)> = tx.one(REFRESH, binds).await?;
        let (Some((user, center, username)), Some((began,))) = (owner, began) else {
            tx.rollback().await?;
            return Err(RefreshError::Unknown);
        };
        let expires_at = WallTime(now.0.saturating_add(SLIDE_MS).min(began.saturating_add(LIFE_MS)));
        let refresh_token = secrets::draw(Kind::Refresh)?;
        issue(&mut tx, id, &refresh_token, now, expires_at).await?;
        tx.run(SLIDE, binds![id, expires_at]).await?;
        let user = UserId(user);
        let roles = role_codes(&mut tx, user).await?;
        // Known before the commit: who waits for it in the database asks here right after it. If there is no commit, nobody asks.
        self.accounts().successors.keep(now, hash, refresh_token.clone());
        tx.commit().await?;
        self.accounts().people.session_changed(id);
        Ok(Session { id, user, center: CenterId(center), username, roles, refresh_token, expires_at })
    }

    /// The token was used before, or there is none.
    async fn refresh_again(&self, mut tx: Tx, hash: &str, client: &Client, now: WallTime) -> Result<Session, RefreshError> {
        let row: Option<TokenRow> = tx.one(TOKEN, binds![hash, now]).await?;
        let Some((row, used_at)) = row.and_then(|row| row.used_at.map(|at| (row, WallTime(at)))) else {
            tx.rollback().await?;
            return Err(RefreshError::Unknown);
        };
        let (user, center) = (UserId(row.user_id), CenterId(row.center_id));
        let successor = (now.ms_since(used_at) <= GRACE_MS).then(|| self.accounts().successors.of(hash)).flatten();
        if let Some(refresh_token) = successor {
            let roles = role_codes(&mut tx, user).await?;
            tx.rollback().await?;
            let (id, expires_at) = (row.session_id, WallTime(row.expires_at));
            return Ok(Session { id, user, center, username: row.username, roles, refresh_token, expires_at });
        }
        let ended = end(&mut tx, user, Which::One(row.session_id), "token_reused", now).await?;
        // Nobody knows whether the owner or a thief has come.
        let actor = client.actor(ActorKind::Nobody, &row.username, center);
        let entry =
            Entry::change("session.token_reused", "sessions", row.session_id, Diff::none().and("user", user.to_string(), user.to_string()));
        audit::append(&mut tx, now, &actor, &[Entry { outcome: AuditOutcome::Refused, ..entry.security() }]).await?;
        tx.commit().await?;
        self.accounts().people.ended(ended);
        tracing::warn!(%user, session = row.session_id, "A refresh token was used twice; the session has ended.");
        Err(RefreshError::Reused)
    }

    /// Ends the session of the person who asks, or with `everywhere` all of theirs.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] for a program whose token leaves it no right to its owner's sessions.
    pub async fn log_out(&self, who: &Principal, everywhere: bool, now: WallTime) -> Result<(), OfficeError> {
        let which = match who.session() {
            _ if everywhere && who.permit(can::PROFILE_UPDATE).is_none() => {
                return Err(OfficeError::Forbidden("this token does not reach its owner's sessions".to_owned()));
            }
            Some(session) if !everywhere => Which::One(session),
            // A program's token has no session: it ends its owner's, or nothing.
            None if !everywhere => return Ok(()),
            _ => Which::All,
        };
        self.end_sessions(who.actor(), who.user(), which, "session.logout", "logout", now).await.map(drop)
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if it is somebody else's, or has ended.
    pub async fn end_own_session(&self, permit: &Permit, session: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::PROFILE_UPDATE)?;
        let (actor, user) = (permit.actor(), permit.principal().user());
        let ended = self.end_sessions(actor, user, Which::One(session), "session.logout", "logout", now).await?;
        if ended == 0 { Err(OfficeError::NotFound("session")) } else { Ok(()) }
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if the permit does not reach the user.
    pub async fn log_out_user(&self, permit: &Permit, user: UserId, now: WallTime) -> Result<(), OfficeError> {
        users::must_disable(permit)?;
        self.may_change_user(permit, user).await?;
        self.end_sessions(permit.actor(), user, Which::All, "session.logout", "ended_by_other", now).await.map(drop)
    }

    /// Ends what a provider says has ended (OpenID Connect Back-Channel Log-out 1.0): one session by its own id, or all of a subject.
    /// Says how many have ended.
    ///
    /// # Errors
    /// As the database's.
    pub async fn end_oidc_sessions(
        &self,
        issuer: &str,
        sid: Option<&str>,
        sub: Option<&str>,
        client: &Client,
        now: WallTime,
    ) -> Result<usize, OfficeError> {
        let db = self.store().db();
        let rows: Vec<(i64, i64, i64, String)> = match (sid, sub) {
            (Some(sid), sub) => db.all(BY_PROVIDER, binds![issuer, sid, sub]).await?,
            (None, Some(sub)) => db.all(BY_SUBJECT, binds![issuer, sub]).await?,
            (None, None) => Vec::new(),
        };
        let mut count = 0;
        for (session, user, center, username) in rows {
            let actor = client.actor(ActorKind::Nobody, &username, CenterId(center));
            let which = Which::One(session);
            count += self.end_sessions(&actor, UserId(user), which, "session.provider_logout", "provider", now).await?;
        }
        Ok(count)
    }

    /// One's own live sessions, the last used first.
    ///
    /// # Errors
    /// As the database's.
    pub async fn own_sessions(&self, permit: &Permit, now: WallTime) -> Result<Vec<SessionView>, OfficeError> {
        permit.must_be(can::PROFILE_READ)?;
        let who = permit.principal();
        let rows: Vec<SessionRow> = self.store().db().all(OF_USER, binds![who.user(), now, SESSIONS_MAX]).await?;
        let view = |row: SessionRow| SessionView {
            current: who.session() == Some(row.id),
            id: row.id,
            method: row.method,
            source: row.source,
            user_agent: row.user_agent,
            created_at: WallTime(row.created_at),
            last_used_at: WallTime(row.last_used_at),
            expires_at: WallTime(row.expires_at),
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Takes away what has long ended: sessions, refresh tokens, API tokens, links. Says how many rows.
    ///
    /// # Errors
    /// As the database's.
    pub async fn prune_accounts(&self, now: WallTime) -> Result<u64, OfficeError> {
        let long_ago = now.0.saturating_sub(KEEP_MS);
        let mut pruned = 0;
        for (statement, before) in [
            (PRUNE_TOKENS, now.0),
            (PRUNE_ENDED, long_ago),
            (PRUNE_EXPIRED, long_ago),
            (PRUNE_LINKS, long_ago),
            (PRUNE_API_TOKENS, long_ago),
        ] {
            loop {
                let rows = self.store().db().run(statement, binds![before, PRUNE_ROWS]).await?;
                pruned += rows;
                if rows < PRUNE_ROWS.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(pruned)
    }

    async fn end_sessions(
        &self,
        actor: &Actor,
        user: UserId,
        which: Which,
        action: &'static str,
        reason: &'static str,
        now: WallTime,
    ) -> Result<usize, OfficeError> {
        let mut tx = self.store().db().begin().await?;
        let ended = end(&mut tx, user, which, reason, now).await?;
        if ended.is_empty() {
            tx.rollback().await?;
            return Ok(0);
        }
        let entries: Vec<Entry> = ended.iter().map(|id| Entry::change(action, "sessions", id, Diff::none()).security()).collect();
        audit::append(&mut tx, now, actor, &entries).await?;
        tx.commit().await?;
        let count = ended.len();
        self.accounts().people.ended(ended);
        Ok(count)
    }

    /// Begins a session, in the transaction of the log-in. What it gives beside the session are those that had to make room: they are to be
    /// forgotten after the commit.
    pub(crate) async fn begin_session(
        &self,
        tx: &mut Tx,
        (user, center, username): (UserId, CenterId, &str),
        method: Method<'_>,
        client: &Client,
        now: WallTime,
    ) -> Result<(Session, Vec<i64>), OfficeError> {
        let id = draw(tx, "session", 1).await?;
        let expires_at = WallTime(now.0.saturating_add(SLIDE_MS));
        let (name, issuer, sid) = match method {
            Method::Password => ("password", None, None),
            Method::Oidc { issuer, sid } => ("oidc", Some(issuer), sid),
        };
        let user_agent = audit::client_text(&client.user_agent);
        tx.run(INSERT, binds![id, center, user, name, issuer, sid, &client.source, user_agent, now, expires_at]).await?;
        let made_room: Vec<(i64,)> = tx.all(ROOM, binds![user, SESSIONS_MAX, now]).await?;
        let refresh_token = secrets::draw(Kind::Refresh)?;
        issue(tx, id, &refresh_token, now, expires_at).await?;
        let roles = role_codes(tx, user).await?;
        let session = Session { id, user, center, username: username.to_owned(), roles, refresh_token, expires_at };
        Ok((session, made_room.into_iter().map(|(id,)| id).collect()))
    }
}

async fn issue(tx: &mut Tx, session: i64, token: &str, now: WallTime, expires_at: WallTime) -> Result<(), OfficeError> {
    let hash = secrets::hash(Kind::Refresh, token).ok_or_else(|| OfficeError::Defect("a refresh token is none".to_owned()))?;
    tx.run(ISSUE, binds![&hash, session, now, expires_at]).await?;
    Ok(())
}

/// Ends sessions of a user; says which. After the commit they are to be told to [`super::people::People::ended`].
pub(crate) async fn end(tx: &mut Tx, user: UserId, which: Which, reason: &'static str, now: WallTime) -> Result<Vec<i64>, StoreError> {
    let ended: Vec<(i64,)> = match which {
        Which::One(session) => tx.all(END, binds![session, now, reason, user]).await?,
        // No session has the id 0.
        Which::All => tx.all(END_ALL, binds![user, now, reason, 0_i64]).await?,
        Which::AllBut(session) => tx.all(END_ALL, binds![user, now, reason, session]).await?,
    };
    Ok(ended.into_iter().map(|(id,)| id).collect())
}

/// Deletes the sessions of a user who is deleted; says which.
pub(crate) async fn delete(tx: &mut Tx, user: UserId) -> Result<Vec<i64>, StoreError> {
    tx.run(DELETE_TOKENS, binds![user]).await?;
    let deleted: Vec<(i64,)> = tx.all(DELETE_ALL, binds![user]).await?;
    Ok(deleted.into_iter().map(|(id,)| id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_are_few_and_short_lived() {
        let successors = Successors::default();
        let keep = |at: i64, used: &str| successors.keep(WallTime(at), used.to_owned(), format!("after {used} at {at}"));
        keep(0, "a");
        keep(9_000, "a");
        assert_eq!(successors.of("a").as_deref(), Some("after a at 9000"));
        keep(10_001, "b");
        assert_eq!(successors.of("a").as_deref(), Some("after a at 9000"), "the later one stays");
        keep(19_001, "c");
        assert_eq!((successors.of("a"), successors.of("b").is_some()), (None, true));
        for n in 0..SUCCESSORS_MAX {
            keep(19_002, &n.to_string());
        }
        assert_eq!(successors.of("c"), None);
        assert_eq!(successors.kept().order.len(), SUCCESSORS_MAX);
        assert!(successors.of("0").is_some() && !format!("{successors:?}").contains("after"));
    }
}
