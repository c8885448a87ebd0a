//! Webhooks are made, changed, tried and deleted by those who may.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use links::http::URL_MAX;
use model::{Mode, WallTime};
use rand::{TryRngCore as _, rngs::OsRng};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw, listen},
    statements,
};
use tokio::time::Instant;

use super::{
    EVENTS_MAX, LISTENER, PING, WEBHOOKS, WEBHOOKS_MAX,
    attempt::{Outcome, Parcel, send},
    envelope::Told,
};
use crate::{
    Conflict, Fault, Office, OfficeError, Permit,
    rights::{Catalogue, can, text},
};

/// What a secret begins with, so that people and programs see what it is.
const SECRET_PREFIX: &str = "whsec_";

/// A webhook to be made.
#[derive(Debug, Clone, Default)]
pub struct NewWebhook {
    /// Its name, 1 to 128 characters.
    pub name: String,
    /// Where events are sent: `https://` or `http://`.
    pub url: String,
    /// The kinds of events that telephony and the modules bring, or `*` alone.
    pub events: Vec<String>,
    /// Whether it is told at once.
    pub enabled: bool,
}

/// What is to be changed of a webhook; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Its name.
    pub name: Option<String>,
    /// Where events are sent. Those that wait are sent there at once.
    pub url: Option<String>,
    /// The kinds of events.
    pub events: Option<Vec<String>>,
    /// Whether it is told. What waited when it was disabled is sent when it is enabled again; what happened between is not.
    pub enabled: Option<bool>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// Its number among the deliveries.
    pub delivery: i64,
    /// Whether it was taken.
    pub delivered: bool,
    /// The status that was answered.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
}

statements! {
    COUNT: both "SELECT count(*) FROM webhooks WHERE center_id = $1";
    INSERT: both "INSERT INTO webhooks (id, center_id, name, url, events, secret, enabled, position, failures, version, created_at, updated_at,
        created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 1, $9, $9, $10)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE webhooks SET version = version WHERE id = $1 AND center_id = $2 RETURNING name, url, events, secret, enabled, version";
    ROW: both "SELECT name, url, events, secret, enabled, version FROM webhooks WHERE id = $1 AND center_id = $2";
    CHANGE: both "UPDATE webhooks SET name = $2, url = $3, events = $4, enabled = $5, version = version + 1, updated_at = $6 WHERE id = $1";
    // A new beginning: it hears of what comes, and its failures are forgotten.
    ENABLE: both "UPDATE webhooks SET position = $2, disabled_reason = NULL, failures = 0, failing_since = NULL WHERE id = $1";
    DISABLED_BY_HAND: both "UPDATE webhooks SET disabled_reason = NULL WHERE id = $1";
    RENEW: both "UPDATE webhooks SET secret = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    // What waits for its time waits no longer.
    HURRY: both "UPDATE webhook_deliveries SET next_at = NULL WHERE webhook_id = $1 AND state = 'pending' AND next_at IS NOT NULL";
    DELETE_ROW: both "DELETE FROM webhooks WHERE id = $1";
    TESTED: both "INSERT INTO webhook_deliveries (id, center_id, webhook_id, event_id, kind, payload, state, attempts, last_status, last_error,
        created_at, delivered_at) SELECT $1, w.center_id, w.id, 0, $3, $4, $5, 1, $6, $7, $8, $9 FROM webhooks w WHERE w.id = $2";
    RECOVERED: both "UPDATE webhooks SET failures = 0, failing_since = NULL WHERE id = $1";
    DELIVERY: both "SELECT d.webhook_id, d.event_id, d.kind, d.state FROM webhook_deliveries d WHERE d.id = $1 AND d.center_id = $2";
    REPLAY: both "INSERT INTO webhook_deliveries (id, center_id, webhook_id, event_id, kind, payload, state, attempts, created_at)
        SELECT $1, center_id, webhook_id, event_id, kind, payload, 'pending', 0, $3 FROM webhook_deliveries WHERE id = $2";
}

/// A webhook as the database has it.
#[derive(Clone, FromRow)]
struct Row {
    name: String,
    url: String,
    events: String,
    secret: String,
    enabled: i64,
    version: i64,
}

#[derive(FromRow)]
struct DeliveryRow {
    webhook_id: i64,
    event_id: i64,
    kind: String,
    state: String,
}

impl Row {
    /// What the audit log is shown of it. Never the secret.
    fn picture(&self) -> Map<String, Value> {
        let events: Value = serde_json::from_str(&self.events).unwrap_or_default();
        let value = json!({"name": self.name, "url": self.url, "events": events, "enabled": self.enabled != 0});
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }
}

impl Office {
    /// Makes a webhook; gives its id and its secret, which is never shown again.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::Forbidden`] for events that the person may not see all of, [`Conflict::State`] if the centre
    /// has as many as it may.
    pub async fn create_webhook(&self, permit: &Permit, new: &NewWebhook, now: WallTime) -> Result<(i64, String), OfficeError> {
        permit.must_be(can::WEBHOOKS_CREATE)?;
        if !permit.reaches(&BTreeSet::new()) {
            return Err(OfficeError::Forbidden("webhooks belong to the whole centre".to_owned()));
        }
        let mut faults = Vec::new();
        let row = Row {
            name: text::name("name", &new.name, &mut faults),
            url: self.check_url(&new.url, &mut faults),
            events: check_events(self.catalogue(), &new.events, &mut faults),
            secret: draw_secret()?,
            enabled: i64::from(new.enabled),
            version: 1,
        };
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        self.may_be_told(permit, &row.events)?;
        let mut tx = self.store().db().begin().await?;
        // Others who make webhooks wait here, so that the count holds.
        let id = draw(&mut tx, "webhook", 1).await?;
        let center = permit.rows().center;
        let count: Option<(i64,)> = tx.one(COUNT, binds![center]).await?;
        if count.is_some_and(|(count,)| count >= WEBHOOKS_MAX) {
            tx.rollback().await?;
            return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {WEBHOOKS_MAX} webhooks: delete one first"))));
        }
        // From this transaction on, what happens is written down for us.
        let newest = listen(&mut tx, LISTENER).await?;
        let by = permit.actor().user();
        tx.run(INSERT, binds![id, center, &row.name, &row.url, &row.events, &row.secret, row.enabled, newest, now, by]).await?;
        let diff = Diff::created(&row.picture()).secret("secret");
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(permit.action().0, WEBHOOKS.name, id, diff).security()]).await?;
        tx.commit().await?;
        self.webhooks().woken.notify_one();
        Ok((id, row.secret))
    }

    /// Changes a webhook that is at the version that the person saw; gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`], [`Conflict::Version`].
    pub async fn update_webhook(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &WebhookChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::WEBHOOKS_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        match self.update_webhook_in(&mut tx, permit, (id, version), change, now).await {
            Ok(version) => {
                tx.commit().await?;
                self.webhooks().woken.notify_one();
                Ok(version)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    async fn update_webhook_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (i64, i64),
        change: &WebhookChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        // Before the webhook's row, as whoever makes a webhook does.
        let newest = if change.enabled == Some(true) { Some(listen(tx, LISTENER).await?) } else { None };
        let old = lock(tx, permit, id).await?;
        if old.version != version {
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        let (mut new, mut faults) = (old.clone(), Vec::new());
        if let Some(name) = &change.name {
            new.name = text::name("name", name, &mut faults);
        }
        if let Some(url) = &change.url {
            new.url = self.check_url(url, &mut faults);
        }
        if let Some(events) = &change.events {
            new.events = check_events(self.catalogue(), events, &mut faults);
        }
        if let Some(enabled) = change.enabled {
            new.enabled = i64::from(enabled);
        }
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let diff = Diff::between(&old.picture(), &new.picture());
        if diff.is_empty() {
            return Ok(old.version);
        }
        // Who changes where it goes, or what, or that it goes at all, has it told.
        if (&new.url, &new.events) != (&old.url, &old.events) || new.enabled > old.enabled {
            self.may_be_told(permit, &new.events)?;
        }
        tx.run(CHANGE, binds![id, &new.name, &new.url, &new.events, new.enabled, now]).await?;
        match (old.enabled, new.enabled, newest) {
            (0, 1, Some(newest)) => drop(tx.run(ENABLE, binds![id, newest]).await?),
            (1, 0, _) => drop(tx.run(DISABLED_BY_HAND, binds![id]).await?),
            _ => {}
        }
        if new.url != old.url || new.enabled > old.enabled {
            tx.run(HURRY, binds![id]).await?;
        }
        audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, WEBHOOKS.name, id, diff).security()]).await?;
        Ok(old.version + 1)
    }

    /// Deletes a webhook with all its deliveries.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn delete_webhook(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::WEBHOOKS_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let old = match lock(&mut tx, permit, id).await {
            Ok(old) => old,
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        };
        tx.run(DELETE_ROW, binds![id]).await?;
        let diff = Diff::deleted(&old.picture());
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(permit.action().0, WEBHOOKS.name, id, diff).security()]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives a webhook another secret, which is never shown again. It counts at once, for what waits too.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn renew_webhook_secret(&self, permit: &Permit, id: i64, now: WallTime) -> Result<String, OfficeError> {
        permit.must_be(can::WEBHOOKS_UPDATE)?;
        let secret = draw_secret()?;
        let mut tx = self.store().db().begin().await?;
        if let Err(error) = lock(&mut tx, permit, id).await {
            tx.rollback().await?;
            return Err(error);
        }
        tx.run(RENEW, binds![id, &secret, now]).await?;
        let diff = Diff::none().secret("secret");
        audit::append(&mut tx, now, permit.actor(), &[Entry::change(permit.action().0, WEBHOOKS.name, id, diff).security()]).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Sends a webhook a `ping`, before all that waits, and says what came of it: it takes ten seconds at most. If it is taken, what waits
    /// is sent at once.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::State`] if too many are under way.
    pub async fn test_webhook(&self, permit: &Permit, id: i64, now: WallTime) -> Result<Tested, OfficeError> {
        permit.must_be(can::WEBHOOKS_UPDATE)?;
        let row = read(self, permit, id).await?;
        let hub = self.webhooks();
        let Ok(_place) = hub.tests.try_acquire() else {
            return Err(OfficeError::Conflict(Conflict::State("too many tests are under way: wait until they have ended".to_owned())));
        };
        let mut tx = self.store().db().begin().await?;
        let delivery = draw(&mut tx, "delivery", 1).await?;
        tx.commit().await?;
        let center = permit.rows().center;
        let payload = Told::new(0, now, center, PING, json!({"id": id.to_string(), "name": row.name})).body();
        let begun = Instant::now();
        let parcel = Parcel { delivery, kind: PING, payload: &payload, url: &row.url, secret: &row.secret };
        let outcome = send(&hub.http, &parcel, now).await;
        let ended = now.after(begun.elapsed());
        let tested = match outcome {
            Outcome::Delivered(status) => Tested { delivery, delivered: true, status: Some(status), error: None },
            Outcome::Failed { status, error } => Tested { delivery, delivered: false, status, error: Some(error) },
            Outcome::Gone => {
                Tested { delivery, delivered: false, status: Some(410), error: Some("the receiver is gone for good".to_owned()) }
            }
        };
        let mut tx = self.store().db().begin().await?;
        let state = if tested.delivered { "delivered" } else { "failed" };
        let delivered_at = tested.delivered.then_some(ended);
        tx.run(TESTED, binds![delivery, id, PING, payload, state, tested.status.map(i64::from), &tested.error, now, delivered_at]).await?;
        if tested.delivered {
            tx.run(RECOVERED, binds![id]).await?;
            tx.run(HURRY, binds![id]).await?;
        }
        let diff = Diff::none().and("test", Value::Null, state);
        audit::append(&mut tx, ended, permit.actor(), &[Entry::change("webhooks.test", WEBHOOKS.name, id, diff)]).await?;
        tx.commit().await?;
        hub.woken.notify_one();
        Ok(tested)
    }

    /// Has an event delivered again, behind all that waits; gives the new delivery's id.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::State`] for one that waits anyway, and for a test.
    pub async fn replay_delivery(&self, permit: &Permit, id: i64, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::WEBHOOKS_UPDATE)?;
        let row: Option<DeliveryRow> = self.store().db().one(DELIVERY, binds![id, permit.rows().center]).await?;
        let row = row.filter(|_| permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("delivery"))?;
        let state = |what: &str| Err(OfficeError::Conflict(Conflict::State(what.to_owned())));
        if row.kind == PING {
            return state("a test is not delivered again: make a new one");
        }
        if row.state == "pending" {
            return state("it waits to be delivered anyway");
        }
        let mut tx = self.store().db().begin().await?;
        let new = draw(&mut tx, "delivery", 1).await?;
        if tx.run(REPLAY, binds![new, id, now]).await? == 0 {
            tx.rollback().await?;
            return Err(OfficeError::NotFound("delivery"));
        }
        let diff = Diff::none().and("replay", Value::Null, id.to_string()).and("event", Value::Null, row.event_id.to_string());
        audit::append(&mut tx, now, permit.actor(), &[Entry::change("webhooks.replay", WEBHOOKS.name, row.webhook_id, diff)]).await?;
        tx.commit().await?;
        self.webhooks().woken.notify_one();
        Ok(new)
    }

    fn check_url(&self, url: &str, faults: &mut Vec<Fault>) -> String {
        match self.webhooks().http.check_url(url) {
            // As it will be requested, so that what is shown is where it goes.
            Ok(url) if url.as_str().len() <= URL_MAX => url.into(),
            Ok(_) => {
                faults.push(Fault::invalid("url", format!("a URL has at most {URL_MAX} octets")));
                String::new()
            }
            Err(error) => {
                faults.push(Fault::invalid("url", error.to_string()));
                String::new()
            }
        }
    }

    /// Whoever has events told must see all of them: everybody's rows, and every column.
    fn may_be_told(&self, permit: &Permit, events: &str) -> Result<(), OfficeError> {
        let named: BTreeSet<String> = serde_json::from_str(events).unwrap_or_default();
        for event in self.catalogue().events().filter(|event| named.contains("*") || named.contains(event.kind)) {
            let seen = permit.principal().permit(event.right).filter(Permit::is_wide).is_some_and(|right| {
                // The catalogue has refused an event of no resource.
                let Some(resource) = self.resource(event.resource) else { return false };
                let view = right.view(resource);
                // Rows of other tables that a column stands for are in no event: modules tell of those by events of their own.
                resource.columns.iter().filter(|column| column.links.is_none()).all(|column| view.mode(column.name) == Mode::Show)
            });
            if !seen {
                let what = format!(
                    "{} may hold what you do not see: it takes {} for the whole centre, with every column",
                    event.kind, event.right
                );
                return Err(OfficeError::Forbidden(what));
            }
        }
        Ok(())
    }

    pub(crate) fn webhooks(&self) -> &super::Hub {
        &self.0.webhooks
    }
}

async fn lock(tx: &mut Tx, permit: &Permit, id: i64) -> Result<Row, OfficeError> {
    let row: Option<Row> = tx.one(LOCK, binds![id, permit.rows().center]).await?;
    row.filter(|_| permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("webhook"))
}

async fn read(office: &Office, permit: &Permit, id: i64) -> Result<Row, OfficeError> {
    let row: Option<Row> = office.store().db().one(ROW, binds![id, permit.rows().center]).await?;
    row.filter(|_| permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("webhook"))
}

/// The kinds as they are stored: a JSON list in order.
fn check_events(catalogue: &Catalogue, events: &[String], faults: &mut Vec<Fault>) -> String {
    if events.is_empty() || events.len() > EVENTS_MAX {
        faults.push(Fault::invalid("events", format!("1 to {EVENTS_MAX} kinds of events")));
    }
    for (place, event) in events.iter().enumerate().take(EVENTS_MAX) {
        if event != "*" && !catalogue.events().any(|known| known.kind == event) {
            let known: Vec<&str> = catalogue.events().map(|known| known.kind).collect();
            faults.push(Fault::invalid(format!("events[{place}]"), format!("there is no such event; there are *, {}", known.join(", "))));
        }
    }
    let named: BTreeSet<&str> = events.iter().map(String::as_str).collect();
    let named: Vec<&str> = if named.contains("*") { vec!["*"] } else { named.into_iter().collect() };
    // Texts cannot fail.
    serde_json::to_string(&named).unwrap_or_else(|_| "[]".to_owned())
}

fn draw_secret() -> Result<String, OfficeError> {
    let mut octets = [0; 32];
    OsRng.try_fill_bytes(&mut octets).map_err(|_| OfficeError::Defect("the system yields no random octets".to_owned()))?;
    Ok(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(octets)))
}
