//! A client as the database has it, and the one place that writes its numbers.

use std::collections::BTreeSet;

use model::{CenterId, RowNews, UserId, WallTime};
use office::{Conflict, OfficeError, Permit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError, binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use super::CLIENTS;
use crate::{
    can,
    parent::{Parent, gates},
};

statements! {
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE clients SET version = version WHERE id = $1 AND center_id = $2 RETURNING kind, first_name, last_name, patronymic, org_name,
        inn, email, phones, owner_user_id, version, created_at, created_by";
    INSERT: both "INSERT INTO clients (id, center_id, kind, first_name, last_name, patronymic, org_name, inn, email, phones, owner_user_id,
        search_norm, version, created_at, updated_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $13, $14)";
    CHANGE: both "UPDATE clients SET kind = $2, first_name = $3, last_name = $4, patronymic = $5, org_name = $6, inn = $7, email = $8, phones = $9,
        owner_user_id = $10, search_norm = $11, version = version + 1, updated_at = $12 WHERE id = $1";
    NO_PHONES: both "DELETE FROM client_phones WHERE client_id = $1";
    ADD_PHONE: both "INSERT INTO client_phones (id, center_id, client_id, e164, kind, is_primary) VALUES ($1, $2, $3, $4, $5, $6)";
    OF_NUMBER: both "SELECT client_id FROM client_phones WHERE center_id = $1 AND e164 = $2";
    // The client is not deleted until the transaction ends; SQLite has one writer anyway.
    HOLD_OF_NUMBER: each "SELECT client_id FROM client_phones WHERE center_id = $1 AND e164 = $2",
        "SELECT c.id FROM client_phones p JOIN clients c ON c.id = p.client_id WHERE p.center_id = $1 AND p.e164 = $2 FOR SHARE OF c";
    OWNER: both "SELECT owner_user_id FROM clients WHERE id = $1";
}

/// A number of a client, as it stands in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Phone {
    pub(super) number: String,
    pub(super) kind: String,
    pub(super) primary: bool,
}

impl Phone {
    fn text(&self) -> String {
        format!("{} {}{}", self.number, self.kind, if self.primary { ", first" } else { "" })
    }
}

/// A client.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub(super) struct ClientRow {
    pub(super) kind: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) patronymic: Option<String>,
    pub(super) org_name: Option<String>,
    pub(super) inn: Option<String>,
    pub(super) email: Option<String>,
    /// JSON.
    pub(super) phones: String,
    pub(super) owner_user_id: Option<i64>,
    pub(super) version: i64,
    pub(super) created_at: i64,
    pub(super) created_by: Option<i64>,
}

impl ClientRow {
    pub(super) fn phones(&self) -> Result<Vec<Phone>, OfficeError> {
        serde_json::from_str(&self.phones).map_err(|error| OfficeError::Defect(format!("the numbers of a client: {error}")))
    }

    pub(super) fn set_phones(&mut self, phones: &[Phone]) {
        // Plain data cannot fail.
        self.phones = serde_json::to_string(phones).unwrap_or_else(|_| "[]".to_owned());
    }

    pub(super) fn owners(&self) -> BTreeSet<UserId> {
        self.owner_user_id.map(UserId).into_iter().collect()
    }

    pub(super) fn is_somebody(&self) -> bool {
        let names = [&self.first_name, &self.last_name, &self.org_name];
        names.iter().any(|name| name.is_some()) || self.phones != "[]"
    }

    /// Its columns, by their names on the wire: what the audit log compares. A number is a text there, so that no member of it passes for a column.
    pub(super) fn picture(&self) -> Map<String, Value> {
        let value = json!({
            "kind": self.kind,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "patronymic": self.patronymic,
            "org_name": self.org_name,
            "inn": self.inn,
            "email": self.email,
            "phones": self.phones().unwrap_or_default().iter().map(Phone::text).collect::<Vec<_>>(),
            "owner_user_id": self.owner_user_id.map(|user| user.to_string()),
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    fn search(&self) -> String {
        let phone = self.phones().ok().and_then(|phones| phones.into_iter().find(|phone| phone.primary)).map(|phone| phone.number);
        let parts = [&self.last_name, &self.first_name, &self.patronymic, &self.org_name, &self.inn, &phone, &self.email];
        fold_search(&parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" "))
    }
}

/// A client of this centre, locked until the transaction ends, if the right reaches it; what it does not reach is not there.
pub(super) async fn lock_reached(tx: &mut Tx, permit: &Permit, id: i64) -> Result<ClientRow, OfficeError> {
    let row: Option<ClientRow> = tx.one(LOCK, binds![id, permit.rows().center]).await?;
    row.filter(|row| permit.reaches(&row.owners())).ok_or(OfficeError::NotFound(CLIENTS.name))
}

/// Puts a new client there; gives its id.
pub(super) async fn insert(tx: &mut Tx, permit: &Permit, row: &ClientRow, now: WallTime) -> Result<i64, OfficeError> {
    let center = permit.rows().center;
    let id = draw(tx, "client", 1).await?;
    let binds = binds![
        id,
        center,
        &row.kind,
        &row.first_name,
        &row.last_name,
        &row.patronymic,
        &row.org_name,
        &row.inn,
        &row.email,
        &row.phones,
        row.owner_user_id,
        row.search(),
        now,
        permit.actor().user(),
    ];
    tx.run(INSERT, binds).await?;
    number(tx, permit, id, &row.phones()?).await?;
    Ok(id)
}

/// Writes a client that was changed.
pub(super) async fn write(
    tx: &mut Tx,
    permit: &Permit,
    id: i64,
    (old, new): (&ClientRow, &ClientRow),
    now: WallTime,
) -> Result<(), OfficeError> {
    let binds = binds![
        id,
        &new.kind,
        &new.first_name,
        &new.last_name,
        &new.patronymic,
        &new.org_name,
        &new.inn,
        &new.email,
        &new.phones,
        new.owner_user_id,
        new.search(),
        now,
    ];
    tx.run(CHANGE, binds).await?;
    if old.phones != new.phones {
        tx.run(NO_PHONES, binds![id]).await?;
        number(tx, permit, id, &new.phones()?).await?;
    }
    Ok(())
}

/// The client has these numbers, which nobody else of the centre has.
async fn number(tx: &mut Tx, permit: &Permit, id: i64, phones: &[Phone]) -> Result<(), OfficeError> {
    let center = permit.rows().center;
    let count = i64::try_from(phones.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(());
    }
    let first = draw(tx, "client_phone", count).await?;
    // In the order of the numbers, so that two who write the same ones do not wait for one another.
    let mut phones: Vec<(usize, &Phone)> = phones.iter().enumerate().collect();
    phones.sort_by_key(|(_, phone)| &phone.number);
    for (key, (at, phone)) in (first..).zip(phones) {
        let field = format!("phones[{at}].number");
        if let Some(other) = of_number(tx, center, &phone.number).await? {
            return Err(OfficeError::Conflict(Conflict::PhoneTaken { field, client: named(tx, permit, other).await? }));
        }
        let binds = binds![key, center, id, &phone.number, &phone.kind, i64::from(phone.primary)];
        tx.run(ADD_PHONE, binds).await.map_err(|error| match error {
            StoreError::Constraint { name } if name == "client_phones_center_id_e164_key" => {
                OfficeError::Conflict(Conflict::PhoneTaken { field, client: None })
            }
            other => other.into(),
        })?;
    }
    Ok(())
}

/// Whose number it is in a centre. They are there until the transaction ends.
pub(super) async fn hold_of_number(tx: &mut Tx, center: CenterId, number: &str) -> Result<Option<i64>, StoreError> {
    Ok(tx.one::<(i64,)>(HOLD_OF_NUMBER, binds![center, number]).await?.map(|(client,)| client))
}

/// Whose number it is in a centre. Whoever holds a client of their own waits for no other: two could wait for one another.
async fn of_number(tx: &mut Tx, center: CenterId, number: &str) -> Result<Option<i64>, StoreError> {
    Ok(tx.one::<(i64,)>(OF_NUMBER, binds![center, number]).await?.map(|(client,)| client))
}

/// A client's id, for who sees it.
async fn named(tx: &mut Tx, permit: &Permit, client: i64) -> Result<Option<i64>, StoreError> {
    let Some(reader) = permit.principal().permit(can::CLIENTS_READ) else { return Ok(None) };
    let owner: Option<(Option<i64>,)> = tx.one(OWNER, binds![client]).await?;
    let owner: BTreeSet<UserId> = owner.and_then(|(owner,)| owner).map(UserId).into_iter().collect();
    Ok(reader.reaches(&owner).then_some(client))
}

/// Has the client's people hear of it, as it is now; without a row it is gone. Whose it was before is told so.
pub(super) async fn news(
    tx: &mut Tx,
    center: CenterId,
    id: i64,
    before: Option<i64>,
    now: Option<(&ClientRow, WallTime)>,
) -> Result<Vec<RowNews>, StoreError> {
    let row = now.map(|(row, at)| {
        let mut picture = row.picture();
        let phone = row.phones().ok().and_then(|phones| phones.into_iter().find(|phone| phone.primary)).map(|phone| phone.number);
        let rest = json!({
            "id": id.to_string(),
            "phone": phone,
            "phones": serde_json::from_str::<Value>(&row.phones).unwrap_or_default(),
            "version": row.version,
            "created_at": row.created_at,
            "updated_at": at,
            "created_by": row.created_by.map(|user| user.to_string()),
        });
        if let Value::Object(rest) = rest {
            picture.extend(rest);
        }
        picture
    });
    let mut told = Vec::new();
    let tell = |gates, row| RowNews { kind: "client.update", resource: CLIENTS.name, id: id.to_string(), center, gates, row };
    let mut gates = gates(tx, Parent::Client(id), None).await?;
    if let Some(before) = before.filter(|before| now.is_none_or(|(row, _)| row.owner_user_id != Some(*before))) {
        let mut lost = gates.clone();
        lost.iter_mut().for_each(|gate| gate.users = BTreeSet::from([UserId(before)]));
        told.push(tell(lost, None));
        if row.is_none() {
            gates.clear();
        }
    }
    if !gates.is_empty() {
        told.push(tell(gates, row));
    }
    Ok(told)
}
