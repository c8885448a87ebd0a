//! Clients are made, changed and deleted by those who may.

use std::collections::BTreeSet;

use model::{CenterId, RowNews, UserId, WallTime, carrier::NumberForm};
use office::{Conflict, Fault, OfficeError, Permit, email};
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::Tx,
    statements,
};

use super::{
    CLIENTS, INN_MAX, KINDS, NAME_MAX, PHONE_KINDS, PHONES_MAX,
    rows::{ClientRow, Phone, insert, lock_reached, news, write},
};
use crate::{
    Crm, can,
    line::line,
    notes,
    parent::Parent,
    phones::{form, phone},
};

/// What is to be set of a client; what is absent stays, and an empty text takes the old one away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// `person` or `company`; a new one is a person if nothing is said.
    pub kind: Option<String>,
    /// Their given name, up to [`NAME_MAX`] characters, as the others.
    pub first_name: Option<String>,
    /// Their family name.
    pub last_name: Option<String>,
    /// Their patronymic.
    pub patronymic: Option<String>,
    /// The company's name.
    pub org_name: Option<String>,
    /// Their taxpayer's number.
    pub inn: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// All their telephone numbers, in the place of those that were there; at most [`PHONES_MAX`].
    pub phones: Option<Vec<PhoneChange>>,
    /// Whose client it is.
    pub owner: Option<Option<UserId>>,
}

/// A telephone number of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhoneChange {
    /// As people write it in the centre.
    pub number: String,
    /// `mobile`, `work`, `home` or `other`; other if nothing is said.
    pub kind: Option<String>,
    /// Whether it is to be called first; the first one is if none is.
    pub primary: bool,
}

statements! {
    IS_HERE: both "SELECT id FROM users WHERE id = $1 AND center_id = $2 AND state = 'active'";
    NO_PHONES: both "DELETE FROM client_phones WHERE client_id = $1";
    DELETE: both "DELETE FROM clients WHERE id = $1";
    // Whoever has a lead become this client holds the lead first. SQLite has one writer anyway.
    HOLD_LEADS: each "SELECT id FROM leads WHERE client_id = $1 ORDER BY id",
        "SELECT id FROM leads WHERE client_id = $1 ORDER BY id FOR UPDATE";
    UNLINK_CALLS: both "UPDATE call_links SET client_id = NULL WHERE center_id = $1 AND client_id = $2";
    UNLINK_LEADS: both "UPDATE leads SET client_id = NULL WHERE client_id = $1";
}

impl Crm {
    /// Makes a client; gives its id. Whoever reaches only their own clients makes them for themselves.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`Conflict::PhoneTaken`], [`OfficeError::Forbidden`] if it is to be somebody's whom the right does not reach.
    pub async fn create_client(&self, permit: &Permit, new: &ClientChange, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::CLIENTS_CREATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = create(&mut tx, permit, new, now).await;
        let (id, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        Ok(id)
    }

    /// Changes a client that is at the version that the person saw; gives its new version. Whose it is changes only who reaches all clients of
    /// the centre.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`], [`Conflict::Version`], [`Conflict::PhoneTaken`].
    pub async fn update_client(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &ClientChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::CLIENTS_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, permit, (id, version), change, now).await;
        let (version, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        Ok(version)
    }

    /// Deletes a client with its numbers, and the notes that are on it alone. Calls and leads that were with it stay.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn delete_client(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::CLIENTS_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, permit, id, now).await;
        let news = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        Ok(())
    }
}

async fn create(tx: &mut Tx, permit: &Permit, new: &ClientChange, now: WallTime) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let by = permit.actor().user().map(|user| user.0);
    let mut row = ClientRow {
        kind: "person".to_owned(),
        phones: "[]".to_owned(),
        version: 1,
        created_at: now.0,
        created_by: by,
        ..ClientRow::default()
    };
    row.set_all(new, form(tx, center).await?.as_ref())?;
    if new.owner.is_none() && !permit.is_wide() {
        row.owner_user_id = Some(permit.principal().user().0);
    }
    if !permit.reaches(&row.owners()) {
        return Err(OfficeError::Forbidden("you make clients for yourself only".to_owned()));
    }
    must_be_here(tx, center, row.owner_user_id).await?;
    let id = insert(tx, permit, &row, now).await?;
    let news = news(tx, center, id, None, Some((&row, now))).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, CLIENTS.name, id, Diff::created(&row.picture()))]).await?;
    Ok((id, news))
}

async fn update(
    tx: &mut Tx,
    permit: &Permit,
    (id, version): (i64, i64),
    change: &ClientChange,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let old = lock_reached(tx, permit, id).await?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let mut new = old.clone();
    new.set_all(change, form(tx, center).await?.as_ref())?;
    if old.owner_user_id != new.owner_user_id {
        if !permit.is_wide() {
            return Err(OfficeError::Forbidden("whose a client is changes only who reaches all clients of the centre".to_owned()));
        }
        must_be_here(tx, center, new.owner_user_id).await?;
    }
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok((version, Vec::new()));
    }
    write(tx, permit, id, (&old, &new), now).await?;
    new.version = version + 1;
    let news = news(tx, center, id, old.owner_user_id, Some((&new, now))).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, CLIENTS.name, id, diff)]).await?;
    Ok((version + 1, news))
}

/// It locks in the order of all others: leads, the client, links of calls, notes.
async fn delete(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<Vec<RowNews>, OfficeError> {
    let center = permit.rows().center;
    tx.all::<(i64,)>(HOLD_LEADS, binds![id]).await?;
    let old = lock_reached(tx, permit, id).await?;
    let news = news(tx, center, id, None, None).await?;
    tx.run(UNLINK_LEADS, binds![id]).await?;
    tx.run(UNLINK_CALLS, binds![center, id]).await?;
    notes::of_deleted(tx, Parent::Client(id)).await?;
    tx.run(NO_PHONES, binds![id]).await?;
    tx.run(DELETE, binds![id]).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, CLIENTS.name, id, Diff::deleted(&old.picture()))]).await?;
    Ok(news)
}

/// Whoever gets a client must have an account of the centre that can log in.
async fn must_be_here(tx: &mut Tx, center: CenterId, owner: Option<i64>) -> Result<(), OfficeError> {
    let Some(owner) = owner else { return Ok(()) };
    let found: Option<(i64,)> = tx.one(IS_HERE, binds![owner, center]).await?;
    let gone = || OfficeError::Invalid(vec![Fault::invalid("owner_user_id", "there is no such active account in this centre")]);
    found.map(drop).ok_or_else(gone)
}

impl ClientRow {
    fn set_all(&mut self, change: &ClientChange, form: Option<&NumberForm>) -> Result<(), OfficeError> {
        let mut faults: Vec<Fault> = Vec::new();
        if let Some(kind) = &change.kind {
            if !KINDS.contains(&kind.as_str()) {
                faults.push(Fault::invalid("kind", "a client is a person or a company"));
            }
            self.kind.clone_from(kind);
        }
        let names = [
            ("first_name", &change.first_name, &mut self.first_name),
            ("last_name", &change.last_name, &mut self.last_name),
            ("patronymic", &change.patronymic, &mut self.patronymic),
            ("org_name", &change.org_name, &mut self.org_name),
        ];
        for (field, wanted, place) in names {
            if let Some(text) = wanted {
                *place = line(field, text, NAME_MAX, &mut faults);
            }
        }
        if let Some(text) = &change.inn {
            self.inn = line("inn", text, INN_MAX, &mut faults);
            if self.inn.as_ref().is_some_and(|inn| !inn.bytes().all(|digit| digit.is_ascii_digit())) {
                faults.push(Fault::invalid("inn", format!("a taxpayer's number is up to {INN_MAX} digits")));
            }
        }
        if let Some(text) = &change.email {
            self.email = email(text, &mut faults);
        }
        if let Some(wanted) = &change.phones {
            let phones = phones(wanted, form, &mut faults);
            self.set_phones(&phones);
        }
        if let Some(owner) = change.owner {
            self.owner_user_id = owner.map(|user| user.0);
        }
        if faults.is_empty() && !self.is_somebody() {
            faults.push(Fault::invalid("last_name", "a client has a name or a telephone number"));
        }
        if faults.is_empty() { Ok(()) } else { Err(OfficeError::Invalid(faults)) }
    }
}

/// Numbers as they are kept: each once, and one of them to be called first.
fn phones(wanted: &[PhoneChange], form: Option<&NumberForm>, faults: &mut Vec<Fault>) -> Vec<Phone> {
    if wanted.len() > PHONES_MAX {
        faults.push(Fault::invalid("phones", format!("a client has at most {PHONES_MAX} numbers")));
        return Vec::new();
    }
    let (mut known, mut phones) = (BTreeSet::new(), Vec::new());
    for (at, wanted) in wanted.iter().enumerate() {
        let field = format!("phones[{at}].number");
        let before = faults.len();
        let Some(number) = phone(&field, &wanted.number, form, faults) else {
            if faults.len() == before {
                faults.push(Fault::invalid(field, "a number has digits"));
            }
            continue;
        };
        let kind = wanted.kind.clone().unwrap_or_else(|| "other".to_owned());
        if !PHONE_KINDS.contains(&kind.as_str()) {
            faults.push(Fault::invalid(format!("phones[{at}].kind"), format!("a number is one of: {}", PHONE_KINDS.join(", "))));
        }
        if known.insert(number.clone()) {
            phones.push(Phone { number, kind, primary: wanted.primary });
        } else {
            faults.push(Fault::invalid(field, "this number stands here twice"));
        }
    }
    if phones.iter().filter(|phone| phone.primary).count() > 1 {
        faults.push(Fault::invalid("phones", "one number is to be called first"));
    }
    if let Some(first) = phones.first_mut().filter(|_| !wanted.iter().any(|wanted| wanted.primary)) {
        first.primary = true;
    }
    phones
}
