//! Facts become rows. A batch is one transaction: rows, outbox rows and the journal's cursor come together or not at all.
//!
//! ```text
//! move the cursor (locks it) → facts up to where it stood are old → fold the others in order → write → commit
//! ```
//!
//! So a fact that is read twice changes nothing (R22). A fact about something that is gone is skipped and counted; one that breaks a
//! rule of the schema is kept in `rejected_facts`; neither holds up those behind it.

use model::Fact;
use tracing::error;

use crate::{
    Store, StoreError,
    code::{json, unsigned},
    db::{binds, statements},
    fold::{Fold, fact_name},
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
    // The usual case in one statement: the cursor stands where it was left, so it is locked and moved at once.
    MOVE_CURSOR: both "UPDATE journal_state SET cursor = $2 WHERE id = 1 AND cursor = $1";
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

    /// Dropped without its end it leaves nothing behind.
    async fn apply_together(&self, expected: u64, facts: &[(u64, Fact)]) -> Result<Applied, StoreError> {
        let mut done = Applied::default();
        let Some((last, _)) = facts.last() else { return Ok(done) };
        let mut tx = self.db.begin().await?;
        let all_are_new = facts.first().is_some_and(|(first, _)| *first > expected);
        let new = if all_are_new && tx.run(MOVE_CURSOR, binds![expected, *last]).await? > 0 {
            facts
        } else {
            let cursor = read_cursor(tx.one(LOCK_CURSOR, &[]).await?)?;
            if cursor < expected {
                return Err(StoreError::Unavailable(format!("its cursor fell back from {expected} to {cursor}").into()));
            }
            let (old, new) = facts.split_at(facts.partition_point(|(seq, _)| *seq <= cursor));
            done.old = u64::try_from(old.len()).unwrap_or(u64::MAX);
            tx.run(SET_CURSOR, binds![(*last).max(cursor)]).await?;
            new
        };
        if !new.is_empty() {
            let mut fold = Fold::load(&mut tx, new).await?;
            for (seq, fact) in new {
                fold.take(&mut tx, *seq, fact).await?;
            }
            done += fold.write(&mut tx).await?;
        }
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
        error!(seq, fact = fact_name(fact), %reason, "A fact cannot be stored; it is kept in rejected_facts.");
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
