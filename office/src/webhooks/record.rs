//! What waits, what came of a try, and what becomes of a webhook whose tries all fail.

use std::time::Duration;

use model::{Actor, CenterId, WallTime};
use serde_json::json;
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    sql::Tx,
    statements,
};
use tracing::{debug, warn};

use super::{WEBHOOKS, attempt::Outcome};
use crate::{
    Office, OfficeError,
    events::{NewEvent, Severity},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// The pauses between tries, in seconds; after the last of them there is one more try.
pub(super) const BACK_OFF_S: [u64; 9] = [10, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR];
/// A webhook that has taken nothing for so long is disabled.
pub(super) const FAILING_MAX: Duration = Duration::from_secs(7 * 24 * HOUR);
/// Deliveries are kept for so long.
pub(super) const KEPT: Duration = Duration::from_secs(14 * 24 * HOUR);
/// Deliveries of one webhook that wait; with more it is disabled, because it will never catch up.
pub(super) const PENDING_MAX: i64 = 100_000;
/// Rows that one statement takes away.
const CHUNK: i64 = 1000;

statements! {
    // The oldest that waits, for each webhook: those behind it wait for it.
    HEADS: both "SELECT h.webhook_id, d.id, COALESCE(d.next_at, 0) AS next_at FROM (SELECT w.id AS webhook_id, (SELECT min(p.id)
        FROM webhook_deliveries p WHERE p.webhook_id = w.id AND p.state = 'pending') AS head FROM webhooks w WHERE w.enabled = 1) h
        JOIN webhook_deliveries d ON d.id = h.head ORDER BY COALESCE(d.next_at, d.created_at), d.id";
    HEAD: both "SELECT d.id, d.webhook_id, d.kind, d.payload, d.attempts, COALESCE(d.next_at, 0) AS next_at, w.url, w.secret
        FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE w.enabled = 1 AND d.id = (SELECT min(p.id)
        FROM webhook_deliveries p WHERE p.webhook_id = $1 AND p.state = 'pending')";
    DELIVERED: both "UPDATE webhook_deliveries SET state = 'delivered', attempts = attempts + 1, next_at = NULL, last_status = $2, last_error = NULL,
        delivered_at = $3 WHERE id = $1 AND state = 'pending'";
    PUT_OFF: both "UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = $4, last_status = $2, last_error = $3
        WHERE id = $1 AND state = 'pending'";
    GIVEN_UP: both "UPDATE webhook_deliveries SET state = 'failed', attempts = attempts + 1, next_at = NULL, last_status = $2, last_error = $3
        WHERE id = $1 AND state = 'pending'";
    SUCCEEDED: both "UPDATE webhooks SET failures = 0, failing_since = NULL WHERE id = $1 AND failures > 0";
    FAILED: both "UPDATE webhooks SET failures = failures + 1, failing_since = COALESCE(failing_since, $2) WHERE id = $1 RETURNING failing_since";
    DISABLE: both "UPDATE webhooks SET enabled = 0, disabled_reason = $2, version = version + 1, updated_at = $3 WHERE id = $1 AND enabled = 1
        RETURNING center_id, name";
    ENABLED: both "SELECT id FROM webhooks WHERE enabled = 1";
    PENDING: both "SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'pending' LIMIT $2) AS waiting";
    PRUNE: both "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
}

/// What a webhook is to be sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(super) struct Head {
    pub(super) webhook_id: i64,
    pub(super) id: i64,
    pub(super) next_at: i64,
}

/// The same, with all that it takes.
#[derive(FromRow)]
pub(super) struct Loaded {
    pub(super) id: i64,
    pub(super) webhook_id: i64,
    pub(super) kind: String,
    pub(super) payload: String,
    pub(super) attempts: i64,
    pub(super) next_at: i64,
    pub(super) url: String,
    pub(super) secret: String,
}

#[derive(FromRow)]
struct Disabled {
    center_id: i64,
    name: String,
}

/// What is told of a webhook that was disabled, once that is lasting.
#[derive(Debug)]
pub(super) struct Told {
    center: CenterId,
    event: NewEvent,
}

impl Office {
    /// What each webhook is to be sent next, what is due longest first.
    pub(super) async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.store().db().all(HEADS, &[]).await
    }

    /// What a webhook is to be sent next, if it is due.
    pub(super) async fn head(&self, webhook: i64, now: WallTime) -> Result<Option<Loaded>, StoreError> {
        let head: Option<Loaded> = self.store().db().one(HEAD, binds![webhook]).await?;
        Ok(head.filter(|head| head.next_at <= now.0))
    }

    /// Keeps what came of a try. `scatter` is any number; pauses are a little longer by it.
    pub(super) async fn record(&self, head: &Loaded, outcome: &Outcome, now: WallTime, scatter: u64) -> Result<(), OfficeError> {
        let mut tx = self.store().db().begin().await?;
        let told = record_in(&mut tx, head, outcome, now, scatter).await?;
        tx.commit().await?;
        self.tell_disabled(told, now).await
    }

    /// Takes away what was kept long enough, and disables webhooks that will never catch up; says how many rows went.
    pub(super) async fn tidy_webhooks(&self, now: WallTime) -> Result<u64, OfficeError> {
        let before = now.0.saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
        let mut gone = 0;
        loop {
            let some = self.store().db().run(PRUNE, binds![before, CHUNK]).await?;
            gone += some;
            if some < CHUNK.unsigned_abs() {
                break;
            }
        }
        let enabled: Vec<(i64,)> = self.store().db().all(ENABLED, &[]).await?;
        for (webhook,) in enabled {
            let waiting: Option<(i64,)> = self.store().db().one(PENDING, binds![webhook, PENDING_MAX + 1]).await?;
            if waiting.is_some_and(|(waiting,)| waiting > PENDING_MAX) {
                let mut tx = self.store().db().begin().await?;
                let told =
                    disable(&mut tx, webhook, &format!("more than {PENDING_MAX} events wait: it takes them too slowly"), now).await?;
                tx.commit().await?;
                self.tell_disabled(told, now).await?;
            }
        }
        Ok(gone)
    }

    async fn tell_disabled(&self, told: Option<Told>, now: WallTime) -> Result<(), OfficeError> {
        if let Some(Told { center, event }) = told {
            warn!(%center, "{}", event.message);
            self.log_own_event(center, &event, now).await?;
        }
        Ok(())
    }
}

/// The webhook's row is locked before its deliveries', as by everybody who changes a webhook.
async fn record_in(tx: &mut Tx, head: &Loaded, outcome: &Outcome, now: WallTime, scatter: u64) -> Result<Option<Told>, OfficeError> {
    let webhook = head.webhook_id;
    match outcome {
        Outcome::Delivered(status) => {
            tx.run(SUCCEEDED, binds![webhook]).await?;
            tx.run(DELIVERED, binds![head.id, i64::from(*status), now]).await?;
            Ok(None)
        }
        Outcome::Gone => {
            tx.run(FAILED, binds![webhook, now]).await?;
            tx.run(GIVEN_UP, binds![head.id, 410_i64, "the receiver is gone for good (410)"]).await?;
            disable(tx, webhook, "its receiver answered that it is gone for good (410)", now).await
        }
        Outcome::Failed { status, error } => {
            debug!(delivery = head.id, webhook, error, "A webhook did not take an event.");
            let status = status.map(i64::from);
            let since: Option<(Option<i64>,)> = tx.one(FAILED, binds![webhook, now]).await?;
            match pause(head.attempts, head.id, scatter) {
                Some(pause) => tx.run(PUT_OFF, binds![head.id, status, error, now.after(pause)]).await?,
                None => tx.run(GIVEN_UP, binds![head.id, status, error]).await?,
            };
            let since = since.and_then(|(since,)| since).unwrap_or(now.0);
            if u128::from(now.ms_since(WallTime(since))) < FAILING_MAX.as_millis() {
                return Ok(None);
            }
            let days = FAILING_MAX.as_secs() / (24 * HOUR);
            disable(tx, webhook, &format!("it has taken nothing for {days} days"), now).await
        }
    }
}

/// How long to wait after the try that comes after so many; none: it was the last one.
pub(super) fn pause(attempts: i64, delivery: i64, scatter: u64) -> Option<Duration> {
    let pause = Duration::from_secs(*BACK_OFF_S.get(usize::try_from(attempts).ok()?)?);
    // Up to a tenth longer, so that those who failed together do not come back together.
    let mixed = (scatter ^ delivery.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(attempts.unsigned_abs());
    let thousandth = u32::try_from(mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32).unwrap_or(0) % 101;
    Some(pause + pause * thousandth / 1000)
}

async fn disable(tx: &mut Tx, webhook: i64, reason: &str, now: WallTime) -> Result<Option<Told>, OfficeError> {
    let Some(Disabled { center_id, name }) = tx.one(DISABLE, binds![webhook, reason, now]).await? else { return Ok(None) };
    let center = CenterId(center_id);
    let diff = Diff::none().and("enabled", true, false).and("disabled_reason", serde_json::Value::Null, reason);
    audit::append(tx, now, &Actor::system(center, "webhooks"), &[Entry::change("webhooks.disable", WEBHOOKS.name, webhook, diff)]).await?;
    let event = NewEvent {
        module: "webhooks".to_owned(),
        severity: Severity::Warning,
        code: "webhook_disabled".to_owned(),
        message: format!("The webhook {name} was disabled: {reason}. When its receiver is mended, enable it again."),
        data: json!({"webhook": webhook.to_string(), "reason": reason}),
    };
    Ok(Some(Told { center, event }))
}
