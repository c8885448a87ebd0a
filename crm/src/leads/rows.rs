//! A lead as the database has it, and the one place that writes whose it is.

use std::collections::BTreeSet;

use model::{Actor, CenterId, UserId, WallTime};
use office::{OfficeError, Permit};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use crate::core::lead::LeadStatus;

/// The bits of `lead_users.why`.
const SELLER: i64 = 1;
const OPERATOR: i64 = 2;

statements! {
    // The row stays locked until the transaction ends: whoever changes a lead, its owners or its history waits here.
    LOCK: both "UPDATE leads SET version = version WHERE id = $1 AND center_id = $2 RETURNING client_name, phone, email, status, source,
        assigned_seller, assigned_operator, next_action_at, next_action, lost_reason, client_id, handed_over_at, version, created_at,
        created_by";
    OWNERS: both "SELECT user_id FROM lead_users WHERE lead_id = $1";
    DISOWN: both "DELETE FROM lead_users WHERE lead_id = $1";
    OWN: both "INSERT INTO lead_users (user_id, lead_id, why) VALUES ($1, $2, $3)";
    INSERT: both "INSERT INTO leads (id, center_id, client_name, phone, email, status, source, assigned_seller, assigned_operator,
        next_action_at, next_action, search_norm, version, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $13, $14)";
    CHANGE: both "UPDATE leads SET client_name = $2, phone = $3, email = $4, status = $5, source = $6, assigned_seller = $7,
        assigned_operator = $8, next_action_at = $9, next_action = $10, lost_reason = $11, search_norm = $12, version = version + 1,
        updated_at = $13, client_id = $14, handed_over_at = $15,
        reminded_at = CASE WHEN next_action_at = $9 THEN reminded_at END WHERE id = $1";
    TELL: both "INSERT INTO lead_events (id, center_id, lead_id, kind, from_status, to_status, actor_id, actor_kind, seller, operator, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
}

/// A lead.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub(crate) struct LeadRow {
    pub(crate) client_name: String,
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
    pub(super) status: String,
    pub(super) source: Option<String>,
    pub(crate) assigned_seller: Option<i64>,
    pub(crate) assigned_operator: Option<i64>,
    pub(super) next_action_at: Option<i64>,
    pub(super) next_action: Option<String>,
    pub(super) lost_reason: Option<String>,
    pub(super) client_id: Option<i64>,
    pub(super) handed_over_at: Option<i64>,
    pub(super) version: i64,
    pub(super) created_at: i64,
    pub(super) created_by: Option<i64>,
}

impl LeadRow {
    /// Its columns, by their names on the wire: what the audit log compares.
    pub(super) fn picture(&self) -> Map<String, Value> {
        let value = json!({
            "client_name": self.client_name,
            "phone": self.phone,
            "email": self.email,
            "status": self.status,
            "source": self.source,
            "assigned_seller": self.assigned_seller.map(|user| user.to_string()),
            "assigned_operator": self.assigned_operator.map(|user| user.to_string()),
            "next_action_at": self.next_action_at,
            "next_action": self.next_action,
            "lost_reason": self.lost_reason,
            "handed_over_at": self.handed_over_at,
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    pub(super) fn state(&self) -> Result<LeadStatus, OfficeError> {
        self.status.parse().map_err(|_| OfficeError::Defect(format!("a lead stands at {:?}", self.status)))
    }

    pub(super) fn owners(&self) -> (Option<i64>, Option<i64>) {
        (self.assigned_seller, self.assigned_operator)
    }

    /// What those hear who see it, after a change at this time. With which client it became is not told: not everybody sees that client.
    pub(super) fn told(&self, id: i64, at: WallTime) -> Map<String, Value> {
        let mut told = self.picture();
        let rest = json!({
            "id": id.to_string(),
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": at,
            "created_by": self.created_by.map(|user| user.to_string()),
        });
        if let Value::Object(rest) = rest {
            told.extend(rest);
        }
        told
    }

    fn search(&self) -> String {
        let parts = [Some(&self.client_name), self.phone.as_ref(), self.email.as_ref()];
        fold_search(&parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" "))
    }
}

/// A lead of this centre, locked until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, center: CenterId, id: i64) -> Result<LeadRow, OfficeError> {
    tx.one(LOCK, binds![id, center]).await?.ok_or(OfficeError::NotFound("leads"))
}

/// The same, if the right reaches it; what it does not reach is not there.
pub(crate) async fn lock_reached(tx: &mut Tx, permit: &Permit, id: i64) -> Result<LeadRow, OfficeError> {
    let row = lock(tx, permit.rows().center, id).await?;
    if permit.reaches(&owners(tx, id).await?) { Ok(row) } else { Err(OfficeError::NotFound("leads")) }
}

/// Whose it is.
pub(super) async fn owners(tx: &mut Tx, id: i64) -> Result<BTreeSet<UserId>, OfficeError> {
    let owners: Vec<(i64,)> = tx.all(OWNERS, binds![id]).await?;
    Ok(owners.into_iter().map(|(user,)| UserId(user)).collect())
}

/// Puts a new lead there.
pub(super) async fn insert(tx: &mut Tx, permit: &Permit, id: i64, row: &LeadRow, now: WallTime) -> Result<(), OfficeError> {
    let binds = binds![
        id,
        permit.rows().center,
        &row.client_name,
        &row.phone,
        &row.email,
        &row.status,
        &row.source,
        row.assigned_seller,
        row.assigned_operator,
        row.next_action_at,
        &row.next_action,
        row.search(),
        now,
        permit.actor().user(),
    ];
    tx.run(INSERT, binds).await?;
    own(tx, id, row).await
}

/// Writes a lead that was changed.
pub(super) async fn write(tx: &mut Tx, id: i64, old: &LeadRow, new: &LeadRow, now: WallTime) -> Result<(), OfficeError> {
    let binds = binds![
        id,
        &new.client_name,
        &new.phone,
        &new.email,
        &new.status,
        &new.source,
        new.assigned_seller,
        new.assigned_operator,
        new.next_action_at,
        &new.next_action,
        &new.lost_reason,
        new.search(),
        now,
        new.client_id,
        new.handed_over_at,
    ];
    tx.run(CHANGE, binds).await?;
    if old.owners() != new.owners() {
        own(tx, id, new).await?;
    }
    Ok(())
}

/// Has `lead_users` say what the lead's two columns say.
async fn own(tx: &mut Tx, id: i64, row: &LeadRow) -> Result<(), OfficeError> {
    disown(tx, id).await?;
    let whose = match row.owners() {
        (Some(seller), Some(operator)) if seller == operator => vec![(seller, SELLER | OPERATOR)],
        (seller, operator) => seller.map(|user| (user, SELLER)).into_iter().chain(operator.map(|user| (user, OPERATOR))).collect(),
    };
    for (user, why) in whose {
        tx.run(OWN, binds![user, id, why]).await?;
    }
    Ok(())
}

/// The lead is nobody's.
pub(super) async fn disown(tx: &mut Tx, id: i64) -> Result<(), OfficeError> {
    tx.run(DISOWN, binds![id]).await?;
    Ok(())
}

/// Writes down for ever what happened to a lead: `before` and `after` are where it stood and stands, and `row` says whose it is now.
pub(super) async fn tell(
    tx: &mut Tx,
    permit: &Permit,
    (lead, row): (i64, &LeadRow),
    kind: &str,
    (before, after): (Option<&str>, Option<&str>),
    now: WallTime,
) -> Result<(), OfficeError> {
    tell_by(tx, permit.actor(), (lead, row), kind, (before, after), now).await
}

/// The same of whoever does it, who may be the program.
pub(super) async fn tell_by(
    tx: &mut Tx,
    actor: &Actor,
    (lead, row): (i64, &LeadRow),
    kind: &str,
    (before, after): (Option<&str>, Option<&str>),
    now: WallTime,
) -> Result<(), OfficeError> {
    let id = draw(tx, "lead_event", 1).await?;
    let actor_kind = actor.kind.code();
    let binds =
        binds![id, actor.center, lead, kind, before, after, actor.user(), actor_kind, row.assigned_seller, row.assigned_operator, now,];
    tx.run(TELL, binds).await?;
    Ok(())
}
