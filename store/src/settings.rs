//! Settings that belong to the data and not to the configuration file, such as the digest realm (R19).

use crate::{Store, StoreError, db::binds, db::statements};

/// The key of the digest realm.
pub(crate) const REALM: &str = "sip.realm";

statements! {
    SETTING: both "SELECT value FROM settings WHERE key = $1";
    INSERT_SETTING: both "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    PUT_SETTING: both "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
}

impl Store {
    /// The digest realm: what was stored first stays for ever, so that no later change locks anybody out (R19).
    ///
    /// `drawn` is used and stored if there is none yet.
    pub async fn realm(&self, drawn: &str) -> Result<String, StoreError> {
        self.setting_or_insert(REALM, drawn).await
    }

    /// The value of a setting.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = self.db.one(SETTING, binds![key]).await?;
        Ok(row.map(|(value,)| value))
    }

    /// The value of a setting, which becomes `value` if there is none. Of several callers at once, all get the same.
    pub async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        if let Some(stored) = self.setting(key).await? {
            return Ok(stored);
        }
        let mut tx = self.db.begin().await?;
        tx.run(INSERT_SETTING, binds![key, value]).await?;
        let row: Option<(String,)> = tx.one(SETTING, binds![key]).await?;
        tx.commit().await?;
        row.map(|(value,)| value).ok_or(StoreError::NotFound("setting"))
    }

    /// Sets a setting.
    pub async fn put_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.db.run(PUT_SETTING, binds![key, value]).await.map(drop)
    }
}
