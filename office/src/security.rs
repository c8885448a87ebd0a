//! Bans of sources and budgets against toll fraud, as people see and set them. How they stand is known in call control: rows in memory.

use std::collections::BTreeSet;

use model::{
    BudgetEntry, CenterId, Column, ColumnKind, Owner, Resource, WallTime,
    budget::{Budget, Scope},
};
use serde_json::Map;
use store::{
    audit::{self, Entry},
    sql::Tx,
};

use crate::{
    Conflict, Office, OfficeError, Permit, can,
    carriers::{diff, faults, finish, picture},
};

/// The most budgets of an installation: as many as call control counts by.
pub const BUDGETS_MAX: usize = 100_000;

/// Sources that are not heard. They concern every centre, so only who may work in all of them sees them.
pub static BANS: Resource = Resource {
    name: "bans",
    from: "",
    key: "id",
    center: "",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "source",
    read: can::SECURITY_READ,
    export: None,
    columns: &[
        Column::new("id", "", ColumnKind::Text, "The source."),
        Column::new("source", "", ColumnKind::Text, "An address, or a network of IPv6 with 64 bits.").filtered().sorted_by("source"),
        Column::new(
            "why",
            "",
            ColumnKind::Text,
            "What made it full: wrong_password, unknown_user, scanner, fake_agent, foreign_domain, malformed, call_without_login, \
             toll_attempt, slow_guessing or by_hand.",
        )
        .filtered(),
        Column::new("since", "", ColumnKind::Time, "Since when.").sorted_by("since"),
        Column::new("until", "", ColumnKind::Time, "Until when.").sorted_by("until"),
        Column::new("times", "", ColumnKind::Int, "Which ban in a row this is, from 1 on: each lasts longer.").filtered(),
        Column::new("points", "", ColumnKind::Int, "The points that spoke against it when it was banned."),
        Column::new("note", "", ColumnKind::Text, "What whoever banned it by hand has noted.").nullable(),
        Column::new("evidence", "", ColumnKind::Json, "What was seen of it, and how often: [{kind, count}]."),
    ],
};

/// Budgets against toll fraud, of the centre that one works in.
pub static BUDGETS: Resource = Resource {
    name: "budgets",
    from: "",
    key: "id",
    center: "",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "id",
    read: can::SECURITY_READ,
    export: None,
    columns: &[
        Column::new("id", "", ColumnKind::Text, "The kind of what it is of, and its id: slot:44.").sorted_by("id"),
        Column::new("kind", "", ColumnKind::Code(&Scope::KINDS), "What it is of.").filtered().sorted_by("kind"),
        Column::new("scope_id", "", ColumnKind::Text, "The id of the slot, trunk, carrier or centre.").filtered(),
        Column::new("name", "", ColumnKind::Text, "The slot's number, or the name of the trunk, carrier or centre.")
            .filtered()
            .sorted_by("name"),
        Column::new("limits", "", ColumnKind::Json, "What it allows at any time."),
        Column::new("outside", "", ColumnKind::Json, "What it allows outside of hours, and which those are.").nullable(),
        Column::new("outside_now", "", ColumnKind::Bool, "Whether what holds outside of hours holds now.").filtered(),
        Column::new("calls", "", ColumnKind::Int, "Calls out that are up or ring.").sorted_by("calls"),
        Column::new(
            "lines",
            "",
            ColumnKind::Json,
            "Each limit that counts, as it stands: [{limit, value, used, reserved, window_s, free_at, closed}].",
        ),
        Column::new("closed", "", ColumnKind::Bool, "Whether no call can begin by it now.").filtered(),
    ],
};

impl Office {
    /// Gives a slot, trunk, carrier or centre a budget, or another one; what it has used stays used. It is of the centre that the person works
    /// in.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong; [`OfficeError::NotFound`] if it is not there, or of another centre;
    /// [`Conflict::State`] if there are as many as there can be.
    pub async fn put_budget(&self, permit: &Permit, scope: Scope, budget: Budget, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::SECURITY_MANAGE)?;
        let faults = faults(budget.validate());
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let mut tx = self.store().db().begin().await?;
        let done = self.put_budget_in(&mut tx, permit, scope, budget, now).await;
        finish(tx, done).await
    }

    async fn put_budget_in(&self, tx: &mut Tx, permit: &Permit, scope: Scope, budget: Budget, now: WallTime) -> Result<(), OfficeError> {
        let center = self.own_scope(tx, permit, scope).await?;
        let old = self.store().budget(tx, scope).await?;
        if old.is_none() && self.store().count_budgets(tx).await? >= BUDGETS_MAX {
            let told = format!("an installation has at most {BUDGETS_MAX} budgets: delete one first");
            return Err(OfficeError::Conflict(Conflict::State(told)));
        }
        let before = old.map(|old| picture(&old.budget)).unwrap_or_default();
        let entry = BudgetEntry { scope, center, budget };
        self.store().put_budget(tx, &entry, now).await?;
        let changed = Entry::change(permit.action().0, BUDGETS.name, key(scope), diff(&before, &picture(&entry.budget))).security();
        Ok(audit::append(tx, now, permit.actor(), &[changed]).await?)
    }

    /// Takes a budget away, with what it has used.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if there is none, or it is of another centre.
    pub async fn delete_budget(&self, permit: &Permit, scope: Scope, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::SECURITY_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let done = self.delete_budget_in(&mut tx, permit, scope, now).await;
        finish(tx, done).await
    }

    async fn delete_budget_in(&self, tx: &mut Tx, permit: &Permit, scope: Scope, now: WallTime) -> Result<(), OfficeError> {
        self.own_scope(tx, permit, scope).await?;
        let old = self.store().budget(tx, scope).await?;
        if !self.store().delete_budget(tx, scope).await? {
            return Err(OfficeError::NotFound("budget"));
        }
        let before = old.map(|old| picture(&old.budget)).unwrap_or_default();
        let deleted = Entry::change(permit.action().0, BUDGETS.name, key(scope), diff(&before, &Map::new())).security();
        Ok(audit::append(tx, now, permit.actor(), &[deleted]).await?)
    }

    /// What people call a centre; none if it is not there.
    ///
    /// # Errors
    /// As the database's.
    pub async fn center_name(&self, center: CenterId) -> Result<Option<String>, OfficeError> {
        Ok(self.picture().await?.centers.get(&center).map(|center| center.name.clone()))
    }

    /// The centre of a scope, if that is the one that the person works in.
    async fn own_scope(&self, tx: &mut Tx, permit: &Permit, scope: Scope) -> Result<CenterId, OfficeError> {
        let center = self.store().center_of(tx, scope).await?;
        center.filter(|center| *center == permit.rows().center && permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("budget"))
    }
}

/// How a budget is named in lists and in the audit log.
fn key(scope: Scope) -> String {
    format!("{}:{}", scope.kind(), scope.id())
}
