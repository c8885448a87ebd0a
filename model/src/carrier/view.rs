//! How a carrier stands, as others see it. No passwords.

use serde::{Deserialize, Serialize};

use super::Standing;
use crate::{CarrierId, CenterId, WallTime};

/// A carrier as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierView {
    /// The carrier.
    pub id: CarrierId,
    /// Whose it is.
    pub center: CenterId,
    /// What people call it.
    pub name: String,
    /// Whether it is switched on. One that is off is neither asked nor registered with.
    pub on: bool,
    /// Whether it can be called now.
    pub standing: Standing,
    /// Since when it is there, or is not: as long as it is switched on, one of its hosts answers and one of its accounts is registered. At most
    /// since the server has begun.
    #[serde(default)]
    pub since: Option<WallTime>,
    /// Calls that it has now, both ways.
    pub calls: u32,
    /// Our accounts with it, in the order of its settings.
    pub accounts: Vec<CarrierAccountView>,
    /// Its hosts, in the order of its settings.
    pub hosts: Vec<CarrierHostView>,
}

/// An account with a carrier as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierAccountView {
    /// The user name.
    pub username: String,
    /// How its registration stands.
    pub state: AccountState,
    /// Until when the carrier knows where we are, unless that is refreshed, as it is well before.
    #[serde(default)]
    pub expires_at: Option<WallTime>,
    /// When the carrier is asked next: to refresh the registration, or to try once more.
    #[serde(default)]
    pub next_at: Option<WallTime>,
    /// Why the last attempt failed, for a person; none once one went well.
    #[serde(default)]
    pub last_error: Option<String>,
}

/// How a registration with a carrier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// It does not register: it is not to, the carrier is switched off, or the server ends.
    Off,
    /// The first answer is still to come.
    Trying,
    /// The carrier knows where we are.
    Registered,
    /// The last attempt failed; it is tried again.
    Failing,
    /// It is being un-registered.
    Leaving,
}

/// A host of a carrier as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierHostView {
    /// As the carrier's settings write it.
    pub host: String,
    /// Whether it answers; null until that is known, and if it is not asked.
    pub up: Option<bool>,
    /// Why it did not answer when it was asked last, for a person; none once it did.
    #[serde(default)]
    pub last_error: Option<String>,
}
