//! Facts become rows. A batch is one transaction: rows, outbox rows and the journal's cursor come together or not at all.
//!
//! ```text
//! read the cursor (locks it) → facts up to it are old → apply the others in order → move the cursor → commit
//! ```
//!
//! So a fact that is read twice changes nothing (R22). A fact about something that is gone is skipped and counted; one that breaks a
//! rule of the schema is kept in `rejected_facts`; neither holds up those behind it.

use std::collections::BTreeMap;

use model::{CallId, Fact, RecordingState, RecordingView, WallTime};
use tracing::{error, warn};

use crate::{
    Store, StoreError, bindings, calls, cdrs,
    code::{json, unsigned},
    db::{Tx, binds, statements},
    outbox::{self, News},
    recordings,
};

/// What became of a batch of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Facts that were already in the database.
    pub old: u64,
    /// Facts that became rows.
    pub applied: u64,
    /// Facts about what is gone: a deleted slot, a call that is over or was never begun, a second end of a call.
    pub skipped: u64,
    /// Facts that broke a rule of the schema; they are in `rejected_facts`.
    pub rejected: u64,
}

impl std::ops::AddAssign for Applied {
    fn add_assign(&mut self, other: Self) {
        self.old += other.old;
        self.applied += other.applied;
        self.skipped += other.skipped;
        self.rejected += other.rejected;
    }
}

statements! {
    CURSOR: both "SELECT cursor FROM journal_state WHERE id = 1";
    // Writing it locks it, so that two consumers cannot both apply a fact.
    LOCK_CURSOR: both "UPDATE journal_state SET cursor = cursor WHERE id = 1 RETURNING cursor";
    SET_CURSOR: both "UPDATE journal_state SET cursor = $1 WHERE id = 1";
    REJECT: both "INSERT INTO rejected_facts (seq, fact, reason) VALUES ($1, $2, $3) ON CONFLICT (seq) DO NOTHING";
    REJECTED: both "SELECT seq, fact, reason FROM rejected_facts ORDER BY seq LIMIT 1000";
}

impl Store {
    /// The journal's number of the last fact that is in the database.
    pub async fn cursor(&self) -> Result<u64, StoreError> {
        read_cursor(self.db.one(CURSOR, &[]).await?)
    }

    /// Applies facts with their journal numbers, in ascending order. Nothing is changed if it fails.
    pub async fn apply(&self, facts: &[(u64, Fact)]) -> Result<Applied, StoreError> {
        self.apply_after(0, facts).await
    }

    /// As [`Store::apply`], for one who knows that the cursor stood at `expected`.
    ///
    /// If it stands lower the database has lost commits (a standby took over): then facts must be read again from its cursor.
    pub(crate) async fn apply_after(&self, expected: u64, facts: &[(u64, Fact)]) -> Result<Applied, StoreError> {
        match self.apply_together(expected, facts).await {
            // One of them cannot be stored: find out which, so that the others are not lost.
            Err(error) if error.is_in_the_data() => self.apply_one_by_one(expected, facts).await,
            outcome => outcome,
        }
    }

    /// Facts that broke a rule of the schema: number, JSON, and which rule. The first thousand.
    pub async fn rejected_facts(&self) -> Result<Vec<(u64, String, String)>, StoreError> {
        let rows: Vec<(i64, String, String)> = self.db.all(REJECTED, &[]).await?;
        rows.into_iter().map(|(seq, fact, reason)| Ok((unsigned("rejected_facts", seq)?, fact, reason))).collect()
    }

    async fn apply_together(&self, expected: u64, facts: &[(u64, Fact)]) -> Result<Applied, StoreError> {
        let mut done = Applied::default();
        let Some((last, _)) = facts.last() else { return Ok(done) };
        let pictures = last_pictures(facts);
        let mut tx = self.db.begin().await?;
        let cursor = read_cursor(tx.one(LOCK_CURSOR, &[]).await?)?;
        if cursor < expected {
            return Err(StoreError::Unavailable(format!("its cursor fell back from {expected} to {cursor}").into()));
        }
        for (seq, fact) in facts {
            if *seq <= cursor {
                done.old += 1;
            } else if apply_fact(&mut tx, *seq, fact, &pictures).await? {
                done.applied += 1;
            } else {
                warn!(seq, fact = kind(fact), "A fact is about something that is gone; it is skipped.");
                done.skipped += 1;
            }
        }
        tx.run(SET_CURSOR, binds![(*last).max(cursor)]).await?;
        tx.commit().await?;
        Ok(done)
    }

    async fn apply_one_by_one(&self, expected: u64, facts: &[(u64, Fact)]) -> Result<Applied, StoreError> {
        let mut done = Applied::default();
        for fact in facts {
            match self.apply_together(expected, std::slice::from_ref(fact)).await {
                Ok(one) => done += one,
                Err(error) if error.is_in_the_data() => {
                    self.reject(fact, &error).await?;
                    done.rejected += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    async fn reject(&self, (seq, fact): &(u64, Fact), reason: &StoreError) -> Result<(), StoreError> {
        error!(seq, fact = kind(fact), %reason, "A fact cannot be stored; it is kept in rejected_facts.");
        let mut tx = self.db.begin().await?;
        let cursor = read_cursor(tx.one(LOCK_CURSOR, &[]).await?)?;
        tx.run(REJECT, binds![*seq, json(fact), reason.to_string()]).await?;
        tx.run(SET_CURSOR, binds![(*seq).max(cursor)]).await?;
        tx.commit().await
    }
}

fn read_cursor(row: Option<(i64,)>) -> Result<u64, StoreError> {
    let (cursor,) = row.ok_or(StoreError::Broken { table: "journal_state", what: "no row".to_owned() })?;
    unsigned("journal_state", cursor)
}

/// After an outage a batch holds many pictures of the same call, told every 5 s. Only the last of each is worth writing.
fn last_pictures(facts: &[(u64, Fact)]) -> BTreeMap<CallId, u64> {
    let mut last = BTreeMap::new();
    for (seq, fact) in facts {
        if let Fact::CallsSeen { calls, .. } = fact {
            last.extend(calls.iter().map(|call| (call.call_id, *seq)));
        }
    }
    last
}

/// Says whether the fact was about something that exists.
async fn apply_fact(tx: &mut Tx, seq: u64, fact: &Fact, last_pictures: &BTreeMap<CallId, u64>) -> Result<bool, StoreError> {
    match fact {
        Fact::CallStarted { call } => {
            calls::put(tx, call, call.started_at).await?;
            tell(tx, seq, &News::new(call.center, "call.update", call, call.started_at)).await
        }
        Fact::CallRinging { call, at } => Ok(calls::ringing(tx, *call, *at).await? && tell_of_call(tx, seq, *call, *at).await?),
        Fact::CallAnswered { call, at, segments } => {
            Ok(calls::answered(tx, *call, *at, segments).await? && tell_of_call(tx, seq, *call, *at).await?)
        }
        Fact::CallsSeen { calls, at } => {
            for call in calls.iter().filter(|call| last_pictures.get(&call.call_id) == Some(&seq)) {
                calls::put(tx, call, *at).await?;
            }
            Ok(true)
        }
        Fact::CallEnded { cdr } => {
            if !cdrs::insert(tx, cdr).await? {
                return Ok(false);
            }
            let call = calls::ended(cdr);
            calls::put(tx, &call, cdr.ended_at).await?;
            tell(tx, seq, &News::new(cdr.center, "call.update", &call, cdr.ended_at)).await?;
            tell(tx, seq, &News::new(cdr.center, "cdr.created", cdr, cdr.ended_at)).await
        }
        Fact::Bound { binding } => bindings::bind(tx, binding).await,
        Fact::Unbound { slot, .. } => bindings::unbind(tx, *slot).await.map(|()| true),
        Fact::Leased { slot, holder, epoch, at } => bindings::lease(tx, *slot, *holder, *epoch, *at).await,
        Fact::ServiceSet { slot, state, at } => bindings::set_service(tx, *slot, *state, *at).await,
        Fact::Recording { row } => {
            recordings::put(tx, row).await?;
            if row.state == RecordingState::Recording {
                return Ok(true);
            }
            let closed_at = row.started_at.after(std::time::Duration::from_millis(row.duration_ms));
            tell(tx, seq, &News::new(row.center, "recording.ready", &RecordingView::from(row), closed_at)).await
        }
    }
}

async fn tell(tx: &mut Tx, seq: u64, news: &News) -> Result<bool, StoreError> {
    outbox::push(tx, Some(seq), news).await.map(|()| true)
}

async fn tell_of_call(tx: &mut Tx, seq: u64, call: CallId, at: WallTime) -> Result<bool, StoreError> {
    match calls::view(tx, call).await? {
        Some(view) => tell(tx, seq, &News::new(view.center, "call.update", &view, at)).await,
        None => Ok(false),
    }
}

/// The name of a fact for the log; its contents hold numbers and addresses.
fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::CallStarted { .. } => "call_started",
        Fact::CallRinging { .. } => "call_ringing",
        Fact::CallAnswered { .. } => "call_answered",
        Fact::CallsSeen { .. } => "calls_seen",
        Fact::CallEnded { .. } => "call_ended",
        Fact::Bound { .. } => "bound",
        Fact::Unbound { .. } => "unbound",
        Fact::Leased { .. } => "leased",
        Fact::ServiceSet { .. } => "service_set",
        Fact::Recording { .. } => "recording",
    }
}
