//! Leads are made, changed and deleted by those who may.

use std::collections::BTreeSet;

use model::{CenterId, RowNews, UserId, WallTime, carrier::NumberForm};
use office::{Conflict, Fault, Office, OfficeError, Permit, email};
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};

use super::{
    LEADS, NAME_MAX, SOURCE_MAX, TEXT_MAX,
    news::{CREATED, UPDATED, gone, news},
    rows::{LeadRow, disown, insert, lock_reached, owners, tell, write},
};
use crate::{
    Crm, can,
    core::lead::LEAD,
    line::line,
    links::seat_all,
    notes,
    parent::Parent,
    phones::{form, phone},
};

/// A lead to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewLead {
    /// Where it stands: `new`, in any case, or nothing.
    pub status: Option<String>,
    /// All else. It takes a name or a telephone number.
    pub lead: LeadChange,
}

/// What is to be changed of a lead; what is absent stays, and an empty text takes the old one away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadChange {
    /// Who they are, up to [`NAME_MAX`] characters.
    pub client_name: Option<String>,
    /// Their telephone number, as people write it in the centre.
    pub phone: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Where they came from, up to [`SOURCE_MAX`] characters.
    pub source: Option<String>,
    /// What is to be done next, up to [`TEXT_MAX`] characters.
    pub next_action: Option<String>,
    /// When.
    pub next_action_at: Option<Option<WallTime>>,
    /// The seller whose it is.
    pub assigned_seller: Option<Option<UserId>>,
    /// The operator whose it is.
    pub assigned_operator: Option<Option<UserId>>,
}

statements! {
    IS_HERE: both "SELECT id FROM users WHERE id = $1 AND center_id = $2 AND state = 'active'";
    DELETE: both "DELETE FROM leads WHERE id = $1";
}

impl Crm {
    /// Makes a lead; gives its id. Whoever reaches only their own leads makes them for themselves: as the lead's operator if they are one and no
    /// seller, else as its seller.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::Forbidden`] if it is to be somebody's whom the right does not reach.
    pub async fn create_lead(&self, permit: &Permit, new: &NewLead, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::LEADS_CREATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = create(&mut tx, permit, new, now).await;
        let (id, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        self.lead_changed(id);
        Ok(id)
    }

    /// Changes a lead that is at the version that the person saw; gives its new version. Whose it is changes only who reaches all leads of the
    /// centre; where it stands, only an event ([`Crm::lead_event`]).
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`], [`Conflict::Version`], [`Conflict::State`] for the next
    /// action of a lead that is done with.
    pub async fn update_lead(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &LeadChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::LEADS_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, (self.office(), permit), (id, version), change, now).await;
        let (version, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        self.office().wake_jobs();
        self.lead_changed(id);
        Ok(version)
    }

    /// Deletes a lead, with the notes that are on it alone. What became of it stays in its history, which names nobody but those who work here.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn delete_lead(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::LEADS_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, (self.office(), permit), id, now).await;
        let news = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        self.office().wake_jobs();
        self.lead_changed(id);
        Ok(())
    }
}

async fn create(tx: &mut Tx, permit: &Permit, new: &NewLead, now: WallTime) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let mut faults: Vec<Fault> = Vec::new();
    if new.status.as_deref().is_some_and(|status| status.parse() != Ok(LEAD.start)) {
        faults.push(Fault::invalid("status", format!("a lead begins as {}; events lead it on", LEAD.start)));
    }
    let mut row = LeadRow {
        status: LEAD.start.code().to_owned(),
        version: 1,
        created_at: now.0,
        created_by: permit.actor().user().map(|user| user.0),
        ..LeadRow::default()
    };
    row.set(&new.lead, form(tx, center).await?.as_ref(), &mut faults);
    if faults.is_empty() {
        row.must_be_somebody(&mut faults);
    }
    let (mine, roles) = (permit.principal().user(), permit.principal().roles());
    let is = |role: &str| roles.iter().any(|known| known == role);
    let is_given = row.owners() != (None, None);
    if !is_given && is("operator") && !is("seller") && !permit.is_wide() {
        row.assigned_operator = Some(mine.0);
    } else if row.assigned_seller.is_none() && (is("seller") || (!is_given && !permit.is_wide())) {
        row.assigned_seller = Some(mine.0);
    }
    let whose: BTreeSet<UserId> = [row.assigned_seller, row.assigned_operator].into_iter().flatten().map(UserId).collect();
    if whose.iter().any(|user| !permit.reaches(&BTreeSet::from([*user]))) {
        return Err(OfficeError::Forbidden("you make leads for yourself only".to_owned()));
    }
    if faults.is_empty() {
        must_be_here(tx, center, &row, (None, None), &mut faults).await?;
    }
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    let id = draw(tx, "lead", 1).await?;
    insert(tx, permit, id, &row, now).await?;
    tell(tx, permit, (id, &row), "create", (None, Some(&row.status)), now).await?;
    let news = news(tx, center, (id, &row), (CREATED, &BTreeSet::new()), now).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LEADS.name, id, Diff::created(&row.picture()))]).await?;
    Ok((id, news))
}

async fn update(
    tx: &mut Tx,
    (office, permit): (&Office, &Permit),
    (id, version): (i64, i64),
    change: &LeadChange,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let old = lock_reached(tx, permit, id).await?;
    let before = owners(tx, id).await?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let (mut new, mut faults) = (old.clone(), Vec::new());
    new.set(change, form(tx, center).await?.as_ref(), &mut faults);
    if faults.is_empty() {
        new.must_be_somebody(&mut faults);
    }
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    if old.owners() != new.owners() {
        if !permit.is_wide() {
            return Err(OfficeError::Forbidden("whose a lead is changes only who reaches all leads of the centre".to_owned()));
        }
        must_be_here(tx, center, &new, old.owners(), &mut faults).await?;
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
    }
    if !old.state()?.is_open() && (new.next_action.is_some() || new.next_action_at.is_some()) {
        return Err(OfficeError::Conflict(Conflict::State(format!("a lead that is {} has no next action", old.status))));
    }
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok((version, Vec::new()));
    }
    if old.assigned_operator != new.assigned_operator {
        new.handed_over_at = None;
    }
    new.version = version + 1;
    write(tx, id, &old, &new, now).await?;
    if old.owners() != new.owners() {
        tell(tx, permit, (id, &new), "hand_over", (Some(&old.status), Some(&new.status)), now).await?;
        seat_all(tx, office, center, id, now).await?;
    }
    let news = news(tx, center, (id, &new), (UPDATED, &before), now).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LEADS.name, id, diff)]).await?;
    Ok((version + 1, news))
}

async fn delete(tx: &mut Tx, (office, permit): (&Office, &Permit), id: i64, now: WallTime) -> Result<Vec<RowNews>, OfficeError> {
    let old = lock_reached(tx, permit, id).await?;
    let news = gone(tx, permit.rows().center, id).await?;
    disown(tx, id).await?;
    tx.run(DELETE, binds![id]).await?;
    // Links of calls before notes, as all others lock them.
    seat_all(tx, office, permit.rows().center, id, now).await?;
    notes::of_deleted(tx, Parent::Lead(id)).await?;
    tell(tx, permit, (id, &old), "delete", (Some(&old.status), None), now).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, LEADS.name, id, Diff::deleted(&old.picture()))]).await?;
    Ok(news)
}

/// Whoever gets a lead must have an account of the centre that can log in. Whose it was before may stay.
async fn must_be_here(
    tx: &mut Tx,
    center: CenterId,
    row: &LeadRow,
    (seller, operator): (Option<i64>, Option<i64>),
    faults: &mut Vec<Fault>,
) -> Result<(), OfficeError> {
    for (field, before, user) in [("assigned_seller", seller, row.assigned_seller), ("assigned_operator", operator, row.assigned_operator)]
    {
        let Some(user) = user.filter(|user| Some(*user) != before) else { continue };
        let found: Option<(i64,)> = tx.one(IS_HERE, binds![user, center]).await?;
        if found.is_none() {
            faults.push(Fault::invalid(field, "there is no such active account in this centre"));
        }
    }
    Ok(())
}

impl LeadRow {
    fn set(&mut self, change: &LeadChange, form: Option<&NumberForm>, faults: &mut Vec<Fault>) {
        if let Some(name) = &change.client_name {
            self.client_name = line("client_name", name, NAME_MAX, faults).unwrap_or_default();
        }
        if let Some(text) = &change.phone {
            self.phone = phone("phone", text, form, faults);
        }
        if let Some(text) = &change.email {
            self.email = email(text, faults);
        }
        if let Some(text) = &change.source {
            self.source = line("source", text, SOURCE_MAX, faults);
        }
        if let Some(text) = &change.next_action {
            self.next_action = line("next_action", text, TEXT_MAX, faults);
        }
        if let Some(at) = change.next_action_at {
            if at.is_some_and(|at| !(0..TIME_MAX).contains(&at.0)) {
                faults.push(Fault::invalid("next_action_at", "a time is a whole number of milliseconds since 1970"));
            }
            self.next_action_at = at.map(|at| at.0);
        }
        if let Some(user) = change.assigned_seller {
            self.assigned_seller = user.map(|user| user.0);
        }
        if let Some(user) = change.assigned_operator {
            self.assigned_operator = user.map(|user| user.0);
        }
    }

    fn must_be_somebody(&self, faults: &mut Vec<Fault>) {
        if self.client_name.is_empty() && self.phone.is_none() {
            faults.push(Fault::invalid("client_name", "a lead has a name or a telephone number"));
        }
    }
}

/// Past every time that is meant, and before where leads without a next action stand in the order of it.
pub(super) const TIME_MAX: i64 = 9_007_199_254_740_991;
