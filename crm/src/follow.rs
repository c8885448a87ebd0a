//! Follows ended calls: whom each was with, that a lead was spoken to, and what was missed (S004-103, S004-105, S004-130). And
//! recordings: from their closing on calls are to be rated, and from their erasure on neither that nor to be listened to.
//!
//! The records of calls come by the outbox, each at least once. What a record leads to and the acknowledgement of it are one transaction, and every
//! part of it is one that may be done twice: so whoever is killed in between begins again where the last transaction ended, and no row is there
//! twice.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{CallId, Cdr, CenterId, Direction, Outcome, RowNews, UserId, WallTime};
use office::{OfficeError, jobs::Clock, recordings::ERASED};
use sqlx::FromRow;
use store::{
    OutboxRow, StoreError, binds,
    sql::{Tx, ack},
    statements,
};
use tokio::{sync::watch, time::sleep};
use tracing::{error, warn};

use crate::{
    Crm,
    card::other_party,
    core::lead::LeadStatus,
    leads::contacted,
    links::{LinkedBy, link},
    listening,
    missed::{Missed, missed, returned},
    reports::days,
    tags::unrated,
};

/// Who we are among the listeners of the outbox.
pub const LISTENER: &str = "crm";
/// What is followed.
const KINDS: &[&str] = &["cdr.created", "recording.ready", ERASED];
/// Records that are read at once.
const BATCH: u32 = 100;
/// How often the outbox is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The longest pause while the database is away.
const AWAY_MAX: Duration = Duration::from_secs(15);

statements! {
    LEADS_WITH: both "SELECT id, status, assigned_seller, assigned_operator FROM leads WHERE center_id = $1 AND phone = $2
        ORDER BY id DESC LIMIT 100";
    CLIENT_WITH: both "SELECT client_id FROM client_phones WHERE center_id = $1 AND e164 = $2";
    LINKED: both "SELECT lead_id FROM call_links WHERE call_id = $1 AND center_id = $2";
    LAG: both "SELECT i.next - 1 - c.position FROM outbox_cursors c CROSS JOIN ids i WHERE c.listener = $1 AND i.kind = 'outbox'";
}

/// What came of following for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Records that could not be used, and were passed over.
    pub skipped: u64,
    /// Whether there may be more.
    pub is_more: bool,
}

impl Crm {
    /// Listens to the records of calls from now on; whoever listens already goes on where they were.
    ///
    /// # Errors
    /// As the database's.
    pub async fn begin_to_follow(&self) -> Result<(), StoreError> {
        self.store().outbox_listen_to(LISTENER, KINDS).await
    }

    /// Follows the calls that have ended since, at most a batch of them. What comes of each is told once it is lasting.
    ///
    /// # Errors
    /// As the database's; what was followed until then stays so.
    pub async fn follow(&self, now: WallTime) -> Result<Followed, OfficeError> {
        let rows = self.store().outbox_read(LISTENER, BATCH).await?;
        let mut followed = Followed { is_more: rows.len() == usize::try_from(BATCH).unwrap_or(usize::MAX), ..Followed::default() };
        let last = rows.last().map(|row| row.id);
        let mut acknowledged = None;
        for row in rows {
            let Some(record) = Record::of(&row) else {
                if KINDS.contains(&row.kind.as_str()) {
                    warn!(row = row.id, kind = row.kind, "What is told of a call cannot be read; it is passed over.");
                    followed.skipped += 1;
                }
                continue;
            };
            match self.follow_one(row.id, &record, now).await {
                Ok(news) => self.office().rows_changed(news),
                // A repetition would fail as well, and everything behind it would wait for ever.
                Err(OfficeError::Store(failed)) if failed.is_in_the_data() => {
                    let error = &failed as &dyn std::error::Error;
                    warn!(row = row.id, error, "What came of a call cannot be kept; it is passed over.");
                    followed.skipped += 1;
                    continue;
                }
                Err(failed) => return Err(failed),
            }
            acknowledged = Some(row.id);
        }
        if let Some(last) = last.filter(|last| acknowledged != Some(*last)) {
            self.store().outbox_ack(LISTENER, last).await?;
        }
        Ok(followed)
    }

    /// How many rows of the outbox are still to be looked at.
    ///
    /// # Errors
    /// As the database's.
    pub async fn follow_lag(&self) -> Result<i64, StoreError> {
        let lag: Option<(i64,)> = self.store().db().one(LAG, binds![LISTENER]).await?;
        Ok(lag.map_or(0, |(lag,)| lag))
    }

    async fn follow_one(&self, row: i64, record: &Record, now: WallTime) -> Result<Vec<RowNews>, OfficeError> {
        let mut tx = self.store().db().begin().await?;
        let done = match record {
            Record::Ended(cdr) => ended(&mut tx, cdr, now).await,
            // From here on the call can be listened to, and so rated.
            Record::Recorded(call) => unrated::recorded(&mut tx, *call).await.map(|()| vec![]).map_err(Into::into),
            Record::Erased { call_id, center } => erased(&mut tx, *call_id, *center).await.map_err(Into::into),
        };
        let done = match done {
            Ok(news) => ack(&mut tx, LISTENER, row).await.map(|()| news).map_err(Into::into),
            Err(failed) => Err(failed),
        };
        office::finish(tx, done).await
    }
}

/// What the outbox tells of a call.
enum Record {
    Ended(Box<Cdr>),
    /// The recording of a call is closed.
    Recorded(CallId),
    /// The recording of a call was erased.
    Erased {
        call_id: CallId,
        center: CenterId,
    },
}

impl Record {
    /// None: it is none of ours, or cannot be read.
    fn of(row: &OutboxRow) -> Option<Self> {
        let told = |name: &str| row.payload.get(name).cloned().unwrap_or_default();
        match row.kind.as_str() {
            "cdr.created" => serde_json::from_value(row.payload.clone()).ok().map(|cdr| Self::Ended(Box::new(cdr))),
            "recording.ready" => serde_json::from_value(told("call_id")).ok().map(Self::Recorded),
            ERASED => {
                let call_id = serde_json::from_value(told("call_id")).ok()?;
                let center = serde_json::from_value(told("center")).ok()?;
                Some(Self::Erased { call_id, center })
            }
            _ => None,
        }
    }
}

/// There is nothing to hear of a call any more: nobody is to rate it or to listen to it.
async fn erased(tx: &mut Tx, call: CallId, center: CenterId) -> Result<Vec<RowNews>, StoreError> {
    unrated::erased(tx, center, call).await?;
    listening::erased(tx, center, call).await
}

/// A call has its record.
async fn ended(tx: &mut Tx, cdr: &Cdr, now: WallTime) -> Result<Vec<RowNews>, OfficeError> {
    days::ended(tx, cdr).await?;
    let Some((_, number)) = other_party(cdr.direction, &cdr.caller, &cdr.callee) else { return Ok(vec![]) };
    let (call, center) = (cdr.call_id, cdr.center);
    let is_answered = cdr.outcome == Outcome::Answered;
    let spoke: BTreeSet<UserId> = cdr.segments.iter().filter_map(|segment| segment.user).filter(|_| is_answered).collect();
    let lead = lead_of(tx, center, &number, &spoke).await?;
    let client: Option<(i64,)> = tx.one(CLIENT_WITH, binds![center, &number]).await?;
    link(tx, (call, center), lead, client.map(|(client,)| client), (LinkedBy::Number, now)).await?;
    let mut news = Vec::new();
    if cdr.direction == Direction::Inbound && !is_answered {
        let slot = cdr.callee_slot.or(cdr.rung.first().map(|rung| rung.slot)).map(|slot| slot.0);
        let row = Missed { call, center, number: &number, scenario: cdr.scenario.as_deref(), slot, at: cdr.started_at };
        news.extend(missed(tx, &row, now).await?);
    }
    if is_answered {
        news.extend(returned(tx, (center, &number), call, cdr.ended_at).await?);
    }
    // Last, because the audit log is what everybody waits for.
    if let Some(lead) = linked(tx, call, center).await?.filter(|_| !spoke.is_empty()) {
        news.extend(contacted(tx, (center, lead), &spoke, now).await?);
    }
    Ok(news)
}

#[derive(FromRow)]
struct LeadWith {
    id: i64,
    status: String,
    assigned_seller: Option<i64>,
    assigned_operator: Option<i64>,
}

/// The lead that a call was with, by its number: one of those who spoke, else one that somebody is to work on, else any; of several the newest.
async fn lead_of(tx: &mut Tx, center: CenterId, number: &str, spoke: &BTreeSet<UserId>) -> Result<Option<i64>, StoreError> {
    let leads: Vec<LeadWith> = tx.all(LEADS_WITH, binds![center, number]).await?;
    let rank = |lead: &LeadWith| {
        let is_open = lead.status.parse().is_ok_and(LeadStatus::is_open);
        let is_theirs = [lead.assigned_seller, lead.assigned_operator].into_iter().flatten().any(|user| spoke.contains(&UserId(user)));
        (is_open && is_theirs, is_open, is_theirs, lead.id)
    };
    Ok(leads.iter().max_by_key(|lead| rank(lead)).map(|lead| lead.id))
}

/// The lead that a call is known to be with, by its number or by somebody's word.
async fn linked(tx: &mut Tx, call: CallId, center: CenterId) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.one(LINKED, binds![call, center]).await?;
    Ok(row.and_then(|(lead,)| lead))
}

/// Follows for as long as it is not stopped. There is to be one for a database.
pub struct Follower {
    /// The modules.
    pub crm: Crm,
    /// The time.
    pub clock: Clock,
    /// Is told how many rows are still to be looked at.
    pub lag: Arc<dyn Fn(i64) + Send + Sync>,
}

impl Follower {
    /// Does it, until `stop` says true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (mut is_listening, mut failures) = (false, 0_u32);
        while !(*stop.borrow() || stop.has_changed().is_err()) {
            let pause = match self.look(&mut is_listening).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => {
                    failures = 0;
                    LOOK_EVERY
                }
                Err(failed) => {
                    failures = failures.saturating_add(1);
                    report(failures, &failed);
                    (LOOK_EVERY * failures).min(AWAY_MAX)
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Tells whether there may be more.
    async fn look(&self, is_listening: &mut bool) -> Result<bool, OfficeError> {
        if !*is_listening {
            self.crm.begin_to_follow().await?;
            *is_listening = true;
        }
        let followed = self.crm.follow((self.clock)()).await?;
        (self.lag)(self.crm.follow_lag().await?);
        Ok(followed.is_more)
    }
}

fn report(failures: u32, failed: &OfficeError) {
    let error = failed as &dyn std::error::Error;
    match failed {
        OfficeError::Store(StoreError::Unavailable(_)) if failures == 1 => warn!(error, "What came of calls waits."),
        OfficeError::Store(StoreError::Unavailable(_)) => {}
        _ => error!(error, "What came of calls waits."),
    }
}
