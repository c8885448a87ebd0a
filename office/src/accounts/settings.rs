//! What a person has set for themselves in the console: the order of columns, saved filters. Small JSON by key.
//!
//! It is not audited: nothing is decided by it, and a console writes it with every column that is moved.

use model::WallTime;
use serde_json::Value;
use store::{binds, statements};

use super::users;
use crate::{Conflict, Fault, Office, OfficeError, Permit, rights::can};

/// Longest key, in octets.
const KEY_MAX: usize = 64;
/// Longest value, in octets of JSON.
const VALUE_MAX: usize = 64 * 1024;
/// Keys of a user.
const KEYS_MAX: i64 = 100;

statements! {
    VALUE: both "SELECT value FROM user_settings WHERE user_id = $1 AND key = $2";
    OTHERS: both "SELECT count(*) FROM user_settings WHERE user_id = $1 AND key <> $2";
    PUT: both "INSERT INTO user_settings (user_id, key, value, updated_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    DELETE: both "DELETE FROM user_settings WHERE user_id = $1 AND key = $2";
}

impl Office {
    /// One's own setting; `null` if it was never set.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] for a key that cannot be.
    pub async fn setting(&self, permit: &Permit, key: &str) -> Result<Value, OfficeError> {
        permit.must_be(can::PROFILE_READ)?;
        check_key(key)?;
        let row: Option<(String,)> = self.store().db().one(VALUE, binds![permit.principal().user(), key]).await?;
        let Some((text,)) = row else { return Ok(Value::Null) };
        serde_json::from_str(&text).map_err(|error| OfficeError::Defect(format!("a setting cannot be read: {error}")))
    }

    /// Sets one's own setting; `null` takes it away.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] for a key that cannot be or a value of more than 64 KiB; [`Conflict::State`] past 100 keys.
    pub async fn put_setting(&self, permit: &Permit, key: &str, value: &Value, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::PROFILE_UPDATE)?;
        check_key(key)?;
        let user = permit.principal().user();
        if value.is_null() {
            self.store().db().run(DELETE, binds![user, key]).await?;
            return Ok(());
        }
        let text = value.to_string();
        if text.len() > VALUE_MAX {
            return Err(OfficeError::Invalid(vec![Fault::invalid("value", format!("a setting has at most {VALUE_MAX} octets"))]));
        }
        let mut tx = self.store().db().begin().await?;
        // One at a time, so that the count holds.
        let kept = async {
            users::lock(&mut tx, user, permit.principal().home()).await?;
            let others: Option<(i64,)> = tx.one(OTHERS, binds![user, key]).await?;
            if others.is_some_and(|(count,)| count >= KEYS_MAX) {
                return Err(OfficeError::Conflict(Conflict::State(format!("there are {KEYS_MAX} settings: take one away"))));
            }
            tx.run(PUT, binds![user, key, &text, now]).await?;
            Ok(())
        };
        match kept.await {
            Ok(()) => Ok(tx.commit().await?),
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }
}

fn check_key(key: &str) -> Result<(), OfficeError> {
    let is_plain = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"._-".contains(&octet);
    if (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(is_plain) {
        return Ok(());
    }
    let detail = format!("a key has 1 to {KEY_MAX} of the letters a to z, digits, full stops, _ and -");
    Err(OfficeError::Invalid(vec![Fault::invalid("key", detail)]))
}
