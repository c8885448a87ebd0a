//! When a call counts as listened to, for each centre.

use model::{CenterId, WallTime};
use office::{CENTERS, Fault, OfficeError, Permit};
use serde_json::{Value, json};
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::Tx,
    statements,
};

use crate::{Crm, can, core::policy::HeardPolicy};

/// What is to be changed of it; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyChange {
    /// Enough if so many percent of the recording were heard.
    pub heard_percent: Option<u8>,
    /// Enough if so many seconds of it were heard.
    pub heard_s: Option<u32>,
    /// The highest speed of play that is believed, in thousandths.
    pub speed_max_permille: Option<u32>,
}

statements! {
    READ: both "SELECT value FROM settings WHERE key = $1";
    // Whoever changes it at the same time waits; without a row the one that comes later stands.
    LOCK: both "UPDATE settings SET value = value WHERE key = $1";
    WRITE: both "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
}

impl Crm {
    /// When a call counts as listened to in the centre that the person works in.
    ///
    /// # Errors
    /// As the database's.
    pub async fn listening_policy(&self, permit: &Permit) -> Result<HeardPolicy, OfficeError> {
        permit.must_be(can::LISTENING_READ)?;
        let row: Option<(String,)> = self.store().db().one(READ, binds![key(permit.rows().center)]).await?;
        Ok(read(row)?)
    }

    /// Changes that, from the next report on; gives what stands now. Calls that count as listened to go on to do so.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`].
    pub async fn change_listening_policy(&self, permit: &Permit, change: PolicyChange, now: WallTime) -> Result<HeardPolicy, OfficeError> {
        permit.must_be(can::LISTENING_CONFIGURE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, permit, change, now).await;
        office::finish(tx, made).await
    }
}

/// What stands in a centre.
pub(super) async fn policy(tx: &mut Tx, center: CenterId) -> Result<HeardPolicy, StoreError> {
    read(tx.one(READ, binds![key(center)]).await?)
}

async fn update(tx: &mut Tx, permit: &Permit, change: PolicyChange, now: WallTime) -> Result<HeardPolicy, OfficeError> {
    let center = permit.rows().center;
    tx.run(LOCK, binds![key(center)]).await?;
    let old = policy(tx, center).await?;
    let new = HeardPolicy {
        heard_percent: change.heard_percent.unwrap_or(old.heard_percent),
        heard_s: change.heard_s.unwrap_or(old.heard_s),
        speed_max_permille: change.speed_max_permille.unwrap_or(old.speed_max_permille),
    };
    let wrong = new.validate();
    if !wrong.is_empty() {
        let fault = |problem: model::Problem| match problem.path.as_str() {
            // On the wire it is a speed, not thousandths of one.
            "speed_max_permille" => Fault::invalid("speed_max", "is not between 1 and 4"),
            _ => Fault::invalid(problem.path, problem.text),
        };
        return Err(OfficeError::Invalid(wrong.into_iter().map(fault).collect()));
    }
    if new != old {
        tx.run(WRITE, binds![key(center), json!(new).to_string()]).await?;
        let listening = |policy: HeardPolicy| -> Value { json!({ "listening": policy }) };
        let diff = Diff::none().and("settings", listening(old), listening(new));
        audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, CENTERS.name, center, diff)]).await?;
    }
    Ok(new)
}

fn read(row: Option<(String,)>) -> Result<HeardPolicy, StoreError> {
    let Some((text,)) = row else { return Ok(HeardPolicy::default()) };
    serde_json::from_str(&text).map_err(|error| StoreError::Broken { table: "settings", what: error.to_string() })
}

fn key(center: CenterId) -> String {
    format!("listening.policy.{center}")
}
