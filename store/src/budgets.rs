//! Budgets against toll fraud as rows (R23): what they allow is written by those who may, what they have used by facts only.
//!
//! A budget goes with what it is of. A row that this program cannot read is left out and told, and the others are used.

use std::collections::BTreeMap;

use model::{
    BudgetEntry, BudgetUsed, CarrierId, CenterId, Directory, HubId, SlotId, WallTime,
    budget::{Budget, Scope},
};
use sqlx::FromRow;
use tracing::error;

use crate::{
    Store, StoreError,
    code::json,
    db::{Tx, binds, statements},
};

statements! {
    // Carriers are not in the directory, and one that cannot be read is still there.
    ALL: both "SELECT kind, scope_id, center_id, settings FROM budgets
        WHERE kind <> 'carrier' OR scope_id IN (SELECT id FROM carriers) ORDER BY kind, scope_id";
    USED: both "SELECT kind, scope_id, used FROM budgets WHERE used IS NOT NULL ORDER BY kind, scope_id";
    ONE: both "SELECT kind, scope_id, center_id, settings FROM budgets WHERE kind = $1 AND scope_id = $2";
    COUNT: both "SELECT count(*) FROM budgets";
    PUT: both "INSERT INTO budgets (kind, scope_id, center_id, settings, used, created_at, updated_at) VALUES ($1, $2, $3, $4, NULL, $5, $5)
        ON CONFLICT (kind, scope_id) DO UPDATE SET center_id = excluded.center_id, settings = excluded.settings,
        updated_at = excluded.updated_at";
    USE: both "UPDATE budgets SET used = $3 WHERE kind = $1 AND scope_id = $2";
    DELETE: both "DELETE FROM budgets WHERE kind = $1 AND scope_id = $2";
    SLOT: both "SELECT center_id FROM slots WHERE id = $1";
    TRUNK: both "SELECT center_id FROM trunks WHERE id = $1";
    CARRIER: both "SELECT center_id FROM carriers WHERE id = $1";
    CENTER: both "SELECT id FROM centers WHERE id = $1";
    // Nothing refers to it from there: the rows of what is gone.
    PRUNE: both "DELETE FROM budgets WHERE (kind = 'slot' AND scope_id NOT IN (SELECT id FROM slots))
        OR (kind = 'trunk' AND scope_id NOT IN (SELECT id FROM trunks))
        OR (kind = 'carrier' AND scope_id NOT IN (SELECT id FROM carriers))";
}

impl Store {
    /// The budgets of what is there. One that cannot be read limits nothing, and the log says so.
    pub(crate) async fn budgets(&self, directory: &Directory) -> Result<Vec<BudgetEntry>, StoreError> {
        let rows: Vec<BudgetRow> = self.db.all(ALL, &[]).await?;
        let is_there = |scope: Scope| match scope {
            Scope::Slot(slot) => directory.slot(slot).is_some(),
            Scope::Trunk(hub) => directory.hub(hub).is_some(),
            Scope::Carrier(_) | Scope::Center(_) => true,
        };
        Ok(rows.into_iter().filter_map(BudgetRow::entry).filter(|entry| is_there(entry.scope)).collect())
    }

    /// What budgets had used when that was written last, by the journal.
    ///
    /// # Errors
    /// As the database's.
    pub async fn budgets_used(&self) -> Result<Vec<BudgetUsed>, StoreError> {
        let rows: Vec<(String, i64, String)> = self.db.all(USED, &[]).await?;
        let read = |(kind, id, used): (String, i64, String)| {
            let used = serde_json::from_str(&used).ok();
            if used.is_none() {
                error!(kind, id, "What this budget has used cannot be read; it begins anew.");
            }
            used
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The budget of a scope, if it has one that can be read.
    ///
    /// # Errors
    /// As the database's.
    pub async fn budget(&self, tx: &mut Tx, scope: Scope) -> Result<Option<BudgetEntry>, StoreError> {
        let row: Option<BudgetRow> = tx.one(ONE, binds![scope.kind(), scope.id()]).await?;
        Ok(row.and_then(BudgetRow::entry))
    }

    /// How many budgets there are, in all centres.
    ///
    /// # Errors
    /// As the database's.
    pub async fn count_budgets(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let count: Option<(i64,)> = tx.one(COUNT, &[]).await?;
        Ok(count.and_then(|(count,)| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// Gives a scope a budget, or another one. What it has used stays.
    ///
    /// # Errors
    /// As the database's.
    pub async fn put_budget(&self, tx: &mut Tx, entry: &BudgetEntry, now: WallTime) -> Result<(), StoreError> {
        let BudgetEntry { scope, center, budget } = entry;
        tx.run(PUT, binds![scope.kind(), scope.id(), *center, json(budget), now]).await?;
        // Rows are few, and this is when there could be more of them.
        prune(tx).await
    }

    /// Takes a scope's budget away, with what it has used. Whether there was one.
    ///
    /// # Errors
    /// As the database's.
    pub async fn delete_budget(&self, tx: &mut Tx, scope: Scope) -> Result<bool, StoreError> {
        Ok(tx.run(DELETE, binds![scope.kind(), scope.id()]).await? > 0)
    }

    /// The centre of a slot, trunk, carrier, or the centre itself; none if it is not there.
    ///
    /// # Errors
    /// As the database's.
    pub async fn center_of(&self, tx: &mut Tx, scope: Scope) -> Result<Option<CenterId>, StoreError> {
        let (statement, id) = match scope {
            Scope::Slot(SlotId(id)) => (SLOT, id),
            Scope::Trunk(HubId(id)) => (TRUNK, id),
            Scope::Carrier(CarrierId(id)) => (CARRIER, id),
            Scope::Center(CenterId(id)) => (CENTER, id),
        };
        let found: Option<(i64,)> = tx.one(statement, binds![id]).await?;
        Ok(found.map(|(center,)| CenterId(center)))
    }
}

/// Deletes the budgets of what is gone: where something is deleted, in the same transaction.
pub(crate) async fn prune(tx: &mut Tx) -> Result<(), StoreError> {
    tx.run(PRUNE, &[]).await.map(drop)
}

/// Writes what budgets have used. One that was taken away meanwhile is not there to be written.
pub(crate) async fn write(tx: &mut Tx, budgets: &BTreeMap<Scope, &BudgetUsed>) -> Result<(), StoreError> {
    for (scope, used) in budgets {
        tx.run(USE, binds![scope.kind(), scope.id(), json(used)]).await?;
    }
    Ok(())
}

#[derive(FromRow)]
struct BudgetRow {
    kind: String,
    scope_id: i64,
    center_id: i64,
    settings: String,
}

impl BudgetRow {
    fn entry(self) -> Option<BudgetEntry> {
        let Self { kind, scope_id, center_id, settings } = self;
        let scope = Scope::of(&kind, scope_id);
        let budget: Option<Budget> = serde_json::from_str(&settings).ok();
        if scope.is_none() || budget.is_none() {
            error!(kind, id = scope_id, "This budget cannot be read by this version of the program, and limits nothing: set it anew.");
        }
        Some(BudgetEntry { scope: scope?, center: CenterId(center_id), budget: budget? })
    }
}
