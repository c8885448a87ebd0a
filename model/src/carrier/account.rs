//! Our accounts with a carrier.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Carrier;
use crate::problem::Problems;

/// An account with a carrier: to register (RFC 3261, 10), and to answer challenges (22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"username\": \"sales\", \"password\": \"…\"}")]
pub struct Account {
    /// The digest user name.
    pub username: String,
    /// The password. Taken, and never given: what is read of a carrier is without it ([`Carrier::stored`] has it).
    #[serde(default, skip_serializing)]
    pub password: Option<Secret>,
    /// The only realm that is answered. Empty: the first that asks.
    #[serde(default)]
    pub realm: String,
    /// Whether we register. Default: yes.
    #[serde(default = "super::yes")]
    pub register: bool,
    /// For how many seconds we ask to be registered, [`Account::EXPIRES_MIN_S`] to [`Account::EXPIRES_MAX_S`]. Default 3600.
    #[serde(default = "Account::expires_s")]
    pub expires_s: u32,
    /// The user part of our contact, by which calls to this account are known. Empty: the user name.
    #[serde(default)]
    pub contact_user: String,
}

/// A text that is never shown: neither by `Debug` nor by `Serialize`, which it has not.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps this text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one who has to use or to store it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Account {
    /// The shortest registration that is asked for, in seconds.
    pub const EXPIRES_MIN_S: u32 = 60;
    /// The longest one: a day.
    pub const EXPIRES_MAX_S: u32 = 86_400;
    /// The most characters of a user name, a realm and a password.
    pub const TEXT_MAX: usize = 128;

    fn expires_s() -> u32 {
        3600
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        problems.text("username", &self.username, Self::TEXT_MAX);
        match &self.password {
            None => problems.field("password", |problems| problems.add("is missing")),
            Some(password) => problems.text("password", password.reveal(), Self::TEXT_MAX),
        }
        if !self.realm.is_empty() {
            problems.text("realm", &self.realm, Self::TEXT_MAX);
        }
        problems.range("expires_s", self.expires_s, Self::EXPIRES_MIN_S, Self::EXPIRES_MAX_S);
        // It stands in a SIP URI: only what needs no escape there (RFC 3261, 25.1, `unreserved`).
        let is_user = self.contact_user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(&byte));
        if self.contact_user.len() > 64 || !is_user {
            problems.field("contact_user", |problems| problems.add("is at most 64 letters, digits and -_.!~*'()+"));
        }
    }
}

impl Carrier {
    /// All of it with its passwords, for the database alone.
    ///
    /// # Errors
    ///
    /// None that is known: plain data can always be written as JSON.
    pub fn stored(&self) -> Result<Value, serde_json::Error> {
        let mut stored = serde_json::to_value(self)?;
        let rows = stored.get_mut("accounts").and_then(Value::as_array_mut);
        for (row, account) in rows.into_iter().flatten().zip(&self.accounts) {
            if let (Some(row), Some(password)) = (row.as_object_mut(), &account.password) {
                row.insert("password".to_owned(), json!(password.reveal()));
            }
        }
        Ok(stored)
    }

    /// Accounts that came without a password keep the one that the account of the same user name had. To be called before
    /// [`Carrier::validate`], so that what was read can be sent back changed. A carrier that is sent elsewhere than before keeps none:
    /// whoever may change hosts could have the passwords sent to their own.
    pub fn keep_passwords(&mut self, before: &Self) {
        if self.hosts.iter().any(|host| !before.hosts.contains(host)) {
            return;
        }
        for account in self.accounts.iter_mut().filter(|account| account.password.is_none()) {
            let old = before.accounts.iter().find(|old| old.username == account.username);
            account.password = old.and_then(|old| old.password.clone());
        }
    }
}
