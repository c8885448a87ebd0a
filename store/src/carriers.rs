//! Carriers as rows (R2): their settings in clear, the passwords of their accounts sealed.
//!
//! Rights, the audit log and what is a good carrier are for those who call; what a row holds is no reason to fail here, so that one which
//! cannot be used can still be seen, changed and deleted.

use std::collections::BTreeMap;

use model::{
    CarrierId, CenterId, Problem, UserId, WallTime,
    carrier::{Carrier, Secret},
};
use serde::{Deserialize, de::IgnoredAny};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::json,
    db::{Tx, binds, statements},
    ids,
};

/// A carrier as its row has it.
#[derive(Debug, Clone)]
pub struct StoredCarrier {
    /// Its id. No hub has the same.
    pub id: CarrierId,
    /// Whose it is.
    pub center: CenterId,
    /// What people call it.
    pub name: String,
    /// Grows with each change.
    pub version: i64,
    /// Its settings, with the passwords if they could be opened; none: this version of the program cannot read them.
    pub carrier: Option<Carrier>,
    /// Whether its passwords were sealed by another key, so that it has none now.
    pub is_shut: bool,
}

impl StoredCarrier {
    /// Why it cannot be used; empty if it can.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let one = |path: &str, text: &str| vec![Problem { path: path.to_owned(), text: text.to_owned() }];
        match &self.carrier {
            None => one("", "its settings cannot be read by this version of the program: set it anew"),
            Some(_) if self.is_shut => {
                one("accounts", "the passwords cannot be opened with the key of this data directory (secret.key): set them anew")
            }
            Some(carrier) => carrier.validate(),
        }
    }
}

/// What a centre's carriers come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CarrierSum {
    /// How many there are.
    pub carriers: usize,
    /// Their accounts.
    pub accounts: usize,
    /// Their incoming numbers and the caller numbers that they have verified.
    pub numbers: usize,
}

/// How long the lists of settings are, of which nothing else is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Lists {
    accounts: Vec<IgnoredAny>,
    numbers: Vec<IgnoredAny>,
    callers: Vec<IgnoredAny>,
}

macro_rules! columns {
    () => {
        "id, center_id, name, settings, passwords, version"
    };
}

statements! {
    ALL: both concat!("SELECT ", columns!(), " FROM carriers ORDER BY id");
    ONE: both concat!("SELECT ", columns!(), " FROM carriers WHERE id = $1 AND center_id = $2");
    // The row stays locked until the transaction ends.
    LOCK: both concat!("UPDATE carriers SET version = version WHERE id = $1 AND center_id = $2 RETURNING ", columns!());
    // Shared ones are few. Within a text of the settings a quote never stands without a backslash, so nothing but the field itself is found.
    FOR_CENTER: both concat!("SELECT ", columns!(), r#" FROM carriers WHERE center_id = $1 OR settings LIKE '%"centers":"all"%' ORDER BY id"#);
    SETTINGS: both "SELECT id, settings FROM carriers WHERE center_id = $1";
    COUNT: both "SELECT count(*) FROM carriers";
    INSERT: both "INSERT INTO carriers (id, center_id, name, enabled, capacity, group_name, settings, passwords, version, created_at,
        updated_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10)";
    CHANGE: both "UPDATE carriers SET name = $2, enabled = $3, capacity = $4, group_name = $5, settings = $6, passwords = $7,
        version = version + 1, updated_at = $8 WHERE id = $1";
    DELETE: both "DELETE FROM carriers WHERE id = $1";
}

impl Store {
    /// All carriers of all centres, by id.
    ///
    /// # Errors
    /// As the database's.
    pub async fn carriers(&self) -> Result<Vec<StoredCarrier>, StoreError> {
        let rows: Vec<CarrierRow> = self.db.all(ALL, &[]).await?;
        Ok(rows.into_iter().map(|row| self.stored(row)).collect())
    }

    /// The carriers of a centre and those that are shared, by id: of others nothing is read, nor are their passwords opened.
    ///
    /// # Errors
    /// As the database's.
    pub async fn carriers_for(&self, center: CenterId) -> Result<Vec<StoredCarrier>, StoreError> {
        let rows: Vec<CarrierRow> = self.db.all(FOR_CENTER, binds![center]).await?;
        Ok(rows.into_iter().map(|row| self.stored(row)).collect())
    }

    /// What a centre's carriers come to, without the one `besides`. Exact until the transaction ends, if nobody else changes carriers meanwhile
    /// ([`Store::draw_carrier`], [`Store::hold_carriers`]).
    ///
    /// # Errors
    /// As the database's.
    pub async fn sum_carriers(&self, tx: &mut Tx, center: CenterId, besides: Option<CarrierId>) -> Result<CarrierSum, StoreError> {
        let rows: Vec<(i64, String)> = tx.all(SETTINGS, binds![center]).await?;
        let others = rows.iter().filter(|(id, _)| besides != Some(CarrierId(*id)));
        Ok(others.fold(CarrierSum::default(), |sum, (_, settings)| {
            let lists: Lists = serde_json::from_str(settings).unwrap_or_default();
            CarrierSum {
                carriers: sum.carriers + 1,
                accounts: sum.accounts + lists.accounts.len(),
                numbers: sum.numbers + lists.numbers.len() + lists.callers.len(),
            }
        }))
    }

    /// Others who make carriers, or have them grow, wait for the transaction's end.
    ///
    /// # Errors
    /// As the database's.
    pub async fn hold_carriers(&self, tx: &mut Tx) -> Result<(), StoreError> {
        ids::draw(tx, "trunk", 0).await.map(drop)
    }

    /// The carrier, if it is of this centre.
    ///
    /// # Errors
    /// As the database's.
    pub async fn carrier(&self, center: CenterId, id: CarrierId) -> Result<Option<StoredCarrier>, StoreError> {
        Ok(self.db.one::<CarrierRow>(ONE, binds![id, center]).await?.map(|row| self.stored(row)))
    }

    /// The same, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// As the database's.
    pub async fn lock_carrier(&self, tx: &mut Tx, center: CenterId, id: CarrierId) -> Result<Option<StoredCarrier>, StoreError> {
        Ok(tx.one::<CarrierRow>(LOCK, binds![id, center]).await?.map(|row| self.stored(row)))
    }

    /// How many carriers there are in all centres. Exact until the transaction ends, if an id was drawn before ([`Store::draw_carrier`]).
    ///
    /// # Errors
    /// As the database's.
    pub async fn count_carriers(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let count: Option<(i64,)> = tx.one(COUNT, &[]).await?;
        Ok(count.and_then(|(count,)| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// An id for a carrier: of the counter of trunks, which hubs have theirs of. Others who make trunks wait for the transaction's end.
    ///
    /// # Errors
    /// As the database's.
    pub async fn draw_carrier(&self, tx: &mut Tx) -> Result<CarrierId, StoreError> {
        ids::draw(tx, "trunk", 1).await.map(CarrierId)
    }

    /// Stores a new carrier, whose id was drawn.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] `carriers_center_id_name_key` if the centre has one of this name; [`StoreError::Defect`] if it has
    /// passwords and the store has no key ([`Store::with_key`]).
    pub async fn insert_carrier(
        &self,
        tx: &mut Tx,
        (id, center): (CarrierId, CenterId),
        carrier: &Carrier,
        by: Option<UserId>,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let passwords = self.sealed(id, carrier)?;
        let (on, capacity) = (i64::from(carrier.on), i64::from(carrier.capacity));
        let binds = binds![id, center, &carrier.name, on, capacity, &carrier.group, json(carrier), passwords, now, by];
        tx.run(INSERT, binds).await.map(drop)
    }

    /// Stores other settings of a carrier that is locked; its version grows.
    ///
    /// # Errors
    /// As [`Store::insert_carrier`].
    pub async fn update_carrier(&self, tx: &mut Tx, id: CarrierId, carrier: &Carrier, now: WallTime) -> Result<(), StoreError> {
        let passwords = self.sealed(id, carrier)?;
        let (on, capacity) = (i64::from(carrier.on), i64::from(carrier.capacity));
        tx.run(CHANGE, binds![id, &carrier.name, on, capacity, &carrier.group, json(carrier), passwords, now]).await.map(drop)
    }

    /// Deletes a carrier that is locked, with its budget.
    ///
    /// # Errors
    /// As the database's.
    pub async fn delete_carrier(&self, tx: &mut Tx, id: CarrierId) -> Result<(), StoreError> {
        tx.run(DELETE, binds![id]).await?;
        crate::budgets::prune(tx).await
    }

    fn sealed(&self, id: CarrierId, carrier: &Carrier) -> Result<Option<String>, StoreError> {
        let password = |password: &Secret| password.reveal().to_owned();
        let known = carrier.accounts.iter().filter_map(|account| Some((&account.username, account.password.as_ref().map(password)?)));
        let passwords: BTreeMap<&String, String> = known.collect();
        if passwords.is_empty() {
            return Ok(None);
        }
        self.seal.seal(&place(id), &json(&passwords)).map(Some)
    }

    fn stored(&self, row: CarrierRow) -> StoredCarrier {
        let id = CarrierId(row.id);
        // The settings hold no password: `Carrier` does not write any.
        let mut carrier: Option<Carrier> = serde_json::from_str(&row.settings).ok();
        let opened = row.passwords.as_deref().map(|sealed| self.seal.open(&place(id), sealed));
        let passwords: Option<BTreeMap<String, String>> = opened.flatten().and_then(|text| serde_json::from_str(&text).ok());
        let is_shut = row.passwords.is_some() && passwords.is_none();
        let mut passwords = passwords.unwrap_or_default();
        for account in carrier.iter_mut().flat_map(|carrier| &mut carrier.accounts) {
            account.password = passwords.remove(&account.username).map(Secret::new);
        }
        StoredCarrier { id, center: CenterId(row.center_id), name: row.name, version: row.version, carrier, is_shut }
    }
}

/// Where its passwords are sealed for.
fn place(id: CarrierId) -> String {
    format!("carrier {id}")
}

#[derive(FromRow)]
struct CarrierRow {
    id: i64,
    center_id: i64,
    name: String,
    settings: String,
    passwords: Option<String>,
    version: i64,
}
