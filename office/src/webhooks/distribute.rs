//! Rows of the outbox become deliveries.

use std::collections::BTreeSet;

use model::WallTime;
use sqlx::FromRow;
use store::{
    OutboxRow, binds, row, rows_32,
    sql::{Column, Rows, ack, draw, forget, listen},
    statements,
};

use super::{LISTENER, envelope::Told};
use crate::{Office, OfficeError};

/// Rows of the outbox that one transaction takes.
const BATCH: u32 = 100;
/// Transactions that are made before others have their turn.
const BATCHES_MAX: u32 = 20;

statements! {
    LISTENING: both "SELECT id, center_id, events, position FROM webhooks WHERE enabled = 1 ORDER BY id";
    INSERT: each
        concat!("INSERT INTO webhook_deliveries (id, center_id, webhook_id, event_id, kind, payload, state, attempts, created_at)
            SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, 'pending', 0, v.column7 FROM ", rows_32!("(?,?,?,?,?,?,?)"),
            " WHERE v.column1 IS NOT NULL"),
        "INSERT INTO webhook_deliveries (id, center_id, webhook_id, event_id, kind, payload, state, attempts, created_at)
            SELECT v.id, v.center_id, v.webhook_id, v.event_id, v.kind, v.payload, 'pending', 0, v.created_at
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
            AS v (id, center_id, webhook_id, event_id, kind, payload, created_at)";
    IS_LISTENING: both "SELECT position FROM outbox_cursors WHERE listener = $1";
}

#[derive(FromRow)]
struct Listening {
    id: i64,
    center_id: i64,
    events: String,
    position: i64,
}

impl Listening {
    fn wants(&self, row: &OutboxRow) -> bool {
        let named: BTreeSet<String> = serde_json::from_str(&self.events).unwrap_or_default();
        self.center_id == row.center.0 && row.id > self.position && (named.contains("*") || named.contains(&row.kind))
    }
}

impl Office {
    /// Makes deliveries of what has happened since the last time; false if more is left, so that it does not keep what is due waiting.
    pub(super) async fn distribute(&self, now: WallTime) -> Result<bool, OfficeError> {
        for _ in 0..BATCHES_MAX {
            let rows = self.store().outbox_read(LISTENER, BATCH).await?;
            let Some(last) = rows.last().map(|row| row.id) else { return Ok(true) };
            self.distribute_batch(&rows, last, now).await?;
        }
        Ok(false)
    }

    async fn distribute_batch(&self, rows: &[OutboxRow], last: i64, now: WallTime) -> Result<(), OfficeError> {
        let mut tx = self.store().db().begin().await?;
        let webhooks: Vec<Listening> = tx.all(LISTENING, &[]).await?;
        let mut wanted = Vec::new();
        for row in rows {
            let hearers: Vec<&Listening> = webhooks.iter().filter(|webhook| webhook.wants(row)).collect();
            if !hearers.is_empty() {
                let body = Told::new(row.id, row.created_at, row.center, &row.kind, row.payload.clone()).body();
                wanted.extend(hearers.into_iter().map(|webhook| (webhook.id, row, body.clone())));
            }
        }
        let count = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
        if count > 0 {
            use Column::{Int, Text};
            let first = draw(&mut tx, "delivery", count).await?;
            let mut rows = Rows::new(&[Int, Int, Int, Int, Text, Text, Int]);
            for (id, (webhook, row, body)) in (first..).zip(&wanted) {
                rows.push(row![id, row.center, *webhook, row.id, &row.kind, body, now]);
            }
            tx.run_many(INSERT, &rows).await?;
        }
        ack(&mut tx, LISTENER, last).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sees to it that events are written down for us while somebody wants them, and only then.
    pub(super) async fn listen_or_not(&self) -> Result<(), OfficeError> {
        let webhooks: Vec<Listening> = self.store().db().all(LISTENING, &[]).await?;
        let is_listening = self.store().db().one::<(i64,)>(IS_LISTENING, binds![LISTENER]).await?.is_some();
        if is_listening != webhooks.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().db().begin().await?;
        // Whoever makes a webhook waits for us here, or we for them: then we see it.
        listen(&mut tx, LISTENER).await?;
        let webhooks: Vec<Listening> = tx.all(LISTENING, &[]).await?;
        if webhooks.is_empty() {
            forget(&mut tx, LISTENER).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
