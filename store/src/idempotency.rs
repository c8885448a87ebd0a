//! `Idempotency-Key`: one key of one user is one request, for 24 hours (R18).

use model::{UserId, WallTime};

use crate::{
    Store, StoreError,
    db::{Tx, binds, statements},
};

/// How long a key is remembered.
const KEPT_MS: i64 = 24 * 3600 * 1000;
/// After this time a request that has not finished is taken for dead, and the same key may be tried anew.
const RUNNING_MS: i64 = 60 * 1000;

/// What to do with a request that brings a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// The key is new: carry the request out, then call [`Store::idempotency_finish`] or [`Store::idempotency_abandon`].
    Proceed,
    /// The same request is being carried out now: 409.
    Running,
    /// The same request was carried out: answer the same.
    Done {
        /// The HTTP status that was answered.
        status: u16,
        /// The body that was answered.
        response: String,
    },
    /// Another body came under this key before: 422.
    OtherBody,
}

statements! {
    // A row that has expired, or whose request has died, makes room.
    CLAIM: both "INSERT INTO idempotency_keys (user_id, key, body_hash, status, response, created_at, expires_at)
        VALUES ($1, $2, $3, NULL, NULL, $4, $5)
        ON CONFLICT (user_id, key) DO UPDATE SET body_hash = excluded.body_hash, status = NULL, response = NULL,
        created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE idempotency_keys.expires_at <= $4
        OR (idempotency_keys.status IS NULL AND idempotency_keys.created_at <= $6 AND idempotency_keys.body_hash = $3)";
    LOOK: both "SELECT body_hash, status, response FROM idempotency_keys WHERE user_id = $1 AND key = $2";
    FINISH: both "UPDATE idempotency_keys SET status = $3, response = $4 WHERE user_id = $1 AND key = $2";
    ABANDON: both "DELETE FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND status IS NULL";
    PRUNE: both "DELETE FROM idempotency_keys WHERE expires_at <= $1";
}

/// As [`Store::idempotency_finish`], in the transaction of what was carried out: so neither is without the other, whatever comes between.
///
/// # Errors
/// As the database's.
pub async fn idempotency_finish(tx: &mut Tx, user: UserId, key: &str, status: u16, response: &str) -> Result<(), StoreError> {
    tx.run(FINISH, binds![user, key, i64::from(status), response]).await.map(drop)
}

impl Store {
    /// A request of `user` came with `key`; `body_hash` is a hash of what it asks for (method, path and body).
    pub async fn idempotency_begin(&self, user: UserId, key: &str, body_hash: &str, now: WallTime) -> Result<Idempotency, StoreError> {
        let mut tx = self.db.begin().await?;
        let binds = binds![user, key, body_hash, now, now.0.saturating_add(KEPT_MS), now.0.saturating_sub(RUNNING_MS)];
        let claimed = tx.run(CLAIM, binds).await? > 0;
        let row: Option<(String, Option<i64>, Option<String>)> = tx.one(LOOK, binds![user, key]).await?;
        tx.commit().await?;
        let (hash, status, response) = row.ok_or(StoreError::NotFound("idempotency key"))?;
        Ok(match status {
            _ if claimed => Idempotency::Proceed,
            _ if hash != body_hash => Idempotency::OtherBody,
            None => Idempotency::Running,
            Some(status) => Idempotency::Done {
                status: u16::try_from(status).map_err(|_| StoreError::Broken { table: "idempotency_keys", what: "status".to_owned() })?,
                response: response.unwrap_or_default(),
            },
        })
    }

    /// The request was carried out and answered so.
    pub async fn idempotency_finish(&self, user: UserId, key: &str, status: u16, response: &str) -> Result<(), StoreError> {
        self.db.run(FINISH, binds![user, key, i64::from(status), response]).await.map(drop)
    }

    /// The request changed nothing (it failed on our side): the key is free again.
    pub async fn idempotency_abandon(&self, user: UserId, key: &str) -> Result<(), StoreError> {
        self.db.run(ABANDON, binds![user, key]).await.map(drop)
    }

    /// Forgets keys that have expired; says how many.
    pub async fn idempotency_prune(&self, now: WallTime) -> Result<u64, StoreError> {
        self.db.run(PRUNE, binds![now]).await
    }
}
