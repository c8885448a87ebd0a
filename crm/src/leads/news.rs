//! What is told of leads: to those who see them, to programs, and with which client one became.

use std::collections::{BTreeMap, BTreeSet};

use model::{CenterId, RowNews, UserId, WallTime};
use office::{Added, Filling, OfficeError, Permit};
use serde_json::Value;
use store::{
    Store, StoreError, binds, ids,
    sql::{News, Tx, list, tell as tell_programs},
    statements,
};

use super::{LEADS, rows::LeadRow};
use crate::{
    can,
    parent::{Parent, gates},
};

/// The kinds of what programs are told.
pub(super) const CREATED: &str = "lead.created";
pub(super) const UPDATED: &str = "lead.updated";

statements! {
    CLIENTS: each concat!("SELECT l.id, c.id, c.owner_user_id FROM leads l JOIN clients c ON c.id = l.client_id WHERE l.id IN ", ids!(lite)),
        concat!("SELECT l.id, c.id, c.owner_user_id FROM leads l JOIN clients c ON c.id = l.client_id WHERE l.id IN ", ids!(pg));
}

/// Has the lead's people hear of it as it is now, and programs that asked for this kind. Whose it was before and is no more is told that it is
/// gone; so are first those who see it all the same, and then how it is.
pub(super) async fn news(
    tx: &mut Tx,
    center: CenterId,
    (id, row): (i64, &LeadRow),
    (kind, before): (&'static str, &BTreeSet<UserId>),
    now: WallTime,
) -> Result<Vec<RowNews>, StoreError> {
    let picture = row.told(id, now);
    tell_programs(tx, News::new(center, kind, &picture, now)).await?;
    let tell = |gates, row| RowNews { kind: "lead.update", resource: LEADS.name, id: id.to_string(), center, gates, row };
    let gates = gates(tx, Parent::Lead(id), None).await?;
    let mut lost = gates.clone();
    for gate in &mut lost {
        gate.users = before.difference(&gate.users).copied().collect();
    }
    let mut told = Vec::new();
    if lost.iter().any(|gate| !gate.users.is_empty()) {
        told.push(tell(lost, None));
    }
    told.push(tell(gates, Some(picture)));
    Ok(told)
}

/// Has the people of a lead that is about to be deleted hear that it is gone.
pub(super) async fn gone(tx: &mut Tx, center: CenterId, id: i64) -> Result<Vec<RowNews>, StoreError> {
    let gates = gates(tx, Parent::Lead(id), None).await?;
    Ok(vec![RowNews { kind: "lead.update", resource: LEADS.name, id: id.to_string(), center, gates, row: None }])
}

/// Adds to leads the clients that they became, for who sees those.
#[derive(Debug, Clone)]
pub struct ClientsOfLeads(pub Store);

impl Added for ClientsOfLeads {
    fn resource(&self) -> &'static str {
        LEADS.name
    }

    fn columns(&self) -> &'static [&'static str] {
        &["client_id"]
    }

    fn fill<'a>(&'a self, permit: &'a Permit, _column: &'static str, keys: &'a [i64]) -> Filling<'a> {
        Box::pin(async move {
            let Some(reader) = permit.principal().permit(can::CLIENTS_READ) else { return Ok(BTreeMap::new()) };
            let rows: Vec<(i64, i64, Option<i64>)> =
                self.0.db().all(CLIENTS, binds![list(keys.iter().copied())]).await.map_err(OfficeError::from)?;
            let seen = rows.into_iter().filter(|(.., owner)| reader.reaches(&owner.map(UserId).into_iter().collect()));
            Ok(seen.map(|(lead, client, _)| (lead, Value::from(client.to_string()))).collect())
        })
    }

    fn text(&self, _column: &str, value: &Value, _locale: &str) -> String {
        value.as_str().unwrap_or_default().to_owned()
    }
}
