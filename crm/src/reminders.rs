//! Reminds people of what they wanted to do next with a lead: carries out what [`core::remind`](crate::core::remind) decides.
//!
//! That somebody was reminded is written down first and told then, so it is told once, over restarts too; whoever was not there to hear it has it
//! on the list of what is due.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration};

use model::{CenterId, Gate, LeadId, RowNews, UserId, WallTime};
use office::jobs::Clock;
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{StoreError, binds, statements};
use tokio::{
    sync::{broadcast, watch},
    time::sleep,
};
use tracing::{error, warn};

use crate::{
    Crm, can,
    core::remind::{Due, Input, Output, Reminders},
    leads::LEADS,
};

/// Changes of leads that wait to be looked at. Whoever has missed some reads the window anew.
pub(crate) const CHANGES_MAX: usize = 1_024;
/// It sleeps by another clock than it reminds by, so a step of that one is noticed within this time, and nobody is reminded later.
const SLEEP_MAX: Duration = Duration::from_millis(500);

statements! {
    DUE: both "SELECT id, next_action_at, version FROM leads WHERE next_action_at < $1 AND reminded_at IS NULL AND next_action_at IS NOT NULL
        ORDER BY next_action_at, id LIMIT $2";
    OF_LEAD: both "SELECT id, CASE WHEN reminded_at IS NULL THEN next_action_at END AS next_action_at, version FROM leads WHERE id = $1";
    REMIND: both "UPDATE leads SET reminded_at = $3 WHERE id = $1 AND next_action_at = $2 AND reminded_at IS NULL
        RETURNING id, center_id, client_name, phone, email, status, source, assigned_seller, assigned_operator, next_action_at, next_action,
        lost_reason, handed_over_at, version, created_at, updated_at, created_by";
}

#[derive(FromRow)]
struct DueRow {
    id: i64,
    next_action_at: Option<i64>,
    version: i64,
}

#[derive(FromRow)]
struct Reminded {
    id: i64,
    center_id: i64,
    client_name: String,
    phone: Option<String>,
    email: Option<String>,
    status: String,
    source: Option<String>,
    assigned_seller: Option<i64>,
    assigned_operator: Option<i64>,
    next_action_at: Option<i64>,
    next_action: Option<String>,
    lost_reason: Option<String>,
    handed_over_at: Option<i64>,
    version: i64,
    created_at: i64,
    updated_at: i64,
    created_by: Option<i64>,
}

/// Reminds for as long as it is not stopped. There is to be one for a database.
pub struct Reminder {
    crm: Crm,
    clock: Clock,
    changed: broadcast::Receiver<LeadId>,
    core: Reminders,
    is_away: bool,
}

impl Reminder {
    /// Hears of changes of leads from now on.
    #[must_use]
    pub fn new(crm: Crm, clock: Clock) -> Self {
        let (changed, core) = (crm.changed.hear(), Reminders::new(clock()));
        Self { crm, clock, changed, core, is_away: false }
    }

    /// Does it, until `stop` says true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !(*stop.borrow() || stop.has_changed().is_err()) {
            self.turn().await;
            let until = self.core.timeout().map_or(SLEEP_MAX, |(at, _)| Duration::from_millis(at.ms_since((self.clock)())));
            tokio::select! {
                changed = self.changed.recv() => self.look_at(changed).await,
                () = sleep(until.min(SLEEP_MAX)) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Reminds of what is due now.
    pub(crate) async fn turn(&mut self) {
        loop {
            match self.changed.try_recv() {
                Ok(lead) => self.look_at(Ok(lead)).await,
                Err(broadcast::error::TryRecvError::Lagged(count)) => self.look_at(Err(broadcast::error::RecvError::Lagged(count))).await,
                Err(_) => break,
            }
        }
        self.core.handle((self.clock)(), Input::Woken);
        while let Some(output) = self.core.poll() {
            let input = match output {
                Output::Load { upto, most } => self.load(upto, most).await,
                Output::Remind(due) => self.remind(due).await,
            };
            if let Some(input) = input {
                self.core.handle((self.clock)(), input);
            }
        }
    }

    /// A lead has changed: it may have another time, or none.
    async fn look_at(&mut self, changed: Result<LeadId, broadcast::error::RecvError>) {
        let found = match changed {
            Ok(lead) => self.crm.due_of(lead).await.map(|due| (lead, due)),
            // Some were missed: all is read anew.
            Err(_) => return self.core = Reminders::new((self.clock)()),
        };
        let input = match found {
            Ok((_, Some(due))) => Input::Set(due),
            Ok((lead, None)) => Input::Cleared { lead, version: i64::MAX },
            Err(failed) => {
                self.failed(&failed);
                return self.core = Reminders::new((self.clock)());
            }
        };
        self.core.handle((self.clock)(), input);
    }

    async fn load(&mut self, upto: WallTime, most: usize) -> Option<Input> {
        match self.crm.due_before(upto, most).await {
            Ok(rows) => {
                self.is_away = false;
                Some(Input::Loaded(rows))
            }
            Err(failed) => {
                self.failed(&failed);
                Some(Input::LoadFailed)
            }
        }
    }

    async fn remind(&mut self, due: Due) -> Option<Input> {
        match self.crm.remind(due, (self.clock)()).await {
            Ok(news) => {
                self.crm.office().rows_changed(news.into_iter().collect());
                None
            }
            Err(failed) => {
                self.failed(&failed);
                Some(Input::Failed(due))
            }
        }
    }

    fn failed(&mut self, failed: &StoreError) {
        let error = failed as &dyn std::error::Error;
        match failed {
            StoreError::Unavailable(_) if self.is_away => {}
            StoreError::Unavailable(_) => warn!(error, "Reminders wait."),
            _ => error!(error, "Reminders wait."),
        }
        self.is_away = true;
    }
}

impl Crm {
    async fn due_before(&self, upto: WallTime, most: usize) -> Result<Vec<Due>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows: Vec<DueRow> = self.store().db().all(DUE, binds![upto, most]).await?;
        Ok(rows.into_iter().filter_map(DueRow::due).collect())
    }

    /// When people are to be reminded of a lead; none: never, or they were.
    async fn due_of(&self, lead: LeadId) -> Result<Option<Due>, StoreError> {
        let row: Option<DueRow> = self.store().db().one(OF_LEAD, binds![lead.0]).await?;
        Ok(row.and_then(DueRow::due))
    }

    /// Writes down that people are reminded of a lead, if it still has this time and nobody was; gives what is to be told then.
    async fn remind(&self, due: Due, now: WallTime) -> Result<Option<RowNews>, StoreError> {
        let mut tx = self.store().db().begin().await?;
        let row: Option<Reminded> = tx.one(REMIND, binds![due.lead.0, due.at, now]).await?;
        tx.commit().await?;
        Ok(row.map(Reminded::news))
    }
}

impl DueRow {
    fn due(self) -> Option<Due> {
        Some(Due { lead: LeadId(self.id), at: WallTime(self.next_action_at?), version: self.version })
    }
}

impl Reminded {
    /// For whose the lead is.
    fn news(self) -> RowNews {
        let users: BTreeSet<UserId> = [self.assigned_seller, self.assigned_operator].into_iter().flatten().map(UserId).collect();
        RowNews {
            kind: "lead.reminder",
            resource: LEADS.name,
            id: self.id.to_string(),
            center: CenterId(self.center_id),
            gates: vec![Gate { action: can::LEADS_READ, users, lists: vec![] }],
            row: Some(self.row()),
        }
    }

    /// As it stands in the list.
    fn row(self) -> Map<String, Value> {
        let id = |id: Option<i64>| id.map(|id| id.to_string());
        let value = json!({
            "id": self.id.to_string(),
            "status": self.status,
            "client_name": self.client_name,
            "phone": self.phone,
            "email": self.email,
            "source": self.source,
            "assigned_seller": id(self.assigned_seller),
            "assigned_operator": id(self.assigned_operator),
            "next_action_at": self.next_action_at,
            "next_action": self.next_action,
            "lost_reason": self.lost_reason,
            "handed_over_at": self.handed_over_at,
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "created_by": id(self.created_by),
        });
        if let Value::Object(row) = value { row } else { Map::new() }
    }
}
