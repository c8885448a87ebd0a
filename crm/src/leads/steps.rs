//! A lead is led from one state to the next: [`LEAD`] says how, and who may.

use model::{Action, RowNews, WallTime};
use office::{Conflict, Fault, Office, OfficeError, Permit};
use serde::Serialize;
use store::{
    audit::{self, Diff, Entry},
    sql::Tx,
};

use super::{
    LEADS, TEXT_MAX,
    news::{UPDATED, news as lead_news},
    rows::{LeadRow, lock, owners, tell, write},
};
use crate::{
    Crm, can, clients,
    core::{
        lead::{LEAD, Lead, LeadEffect, LeadEvent, LeadGuard, LeadStatus},
        machine::{NotNow, Row, Who},
    },
    line::line,
    links::seat_all,
};

/// What can happen to a lead next, by the rights of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeadSteps {
    /// Where it stands.
    pub status: LeadStatus,
    /// Its version, which an event names.
    pub version: i64,
    /// The events that lead on.
    pub allowed: Vec<LeadStep>,
}

/// An event that leads a lead on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeadStep {
    /// The event.
    pub event: LeadEvent,
    /// Where it leads.
    pub to: LeadStatus,
    /// What must be given or there.
    pub needs: Vec<LeadGuard>,
}

impl Crm {
    /// What can happen to a lead next. `permit` is leave to read leads; each event takes its own.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn lead_steps(&self, permit: &Permit, id: i64) -> Result<LeadSteps, OfficeError> {
        permit.must_be(can::LEADS_READ)?;
        let mut tx = self.store().db().begin().await?;
        let read = steps(&mut tx, permit, id).await;
        office::finish(tx, read).await
    }

    /// Something happens to a lead that is at the version that the person saw; gives its new version. `permit` is leave to read leads, so that who
    /// sees a lead is told what is missing; the event takes its own right, which must reach the lead too.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::NotPermitted`], [`Conflict::Transition`] with what leads on instead, [`Conflict::Version`],
    /// [`OfficeError::Invalid`] without a reason where there must be one, [`Conflict::State`] where something else is missing.
    pub async fn lead_event(
        &self,
        permit: &Permit,
        (id, version): (i64, i64),
        event: LeadEvent,
        reason: Option<&str>,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::LEADS_READ)?;
        let mut tx = self.store().db().begin().await?;
        let made = step(&mut tx, (self.office(), permit), (id, version), event, reason, now).await;
        let (version, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        self.office().wake_jobs();
        self.lead_changed(id);
        Ok(version)
    }
}

async fn steps(tx: &mut Tx, permit: &Permit, id: i64) -> Result<LeadSteps, OfficeError> {
    let (row, may) = reached(tx, permit, id).await?;
    let status = row.state()?;
    let allowed = offered(status, &may).map(|row| LeadStep { event: row.event, to: row.to, needs: row.guards.to_vec() }).collect();
    Ok(LeadSteps { status, version: row.version, allowed })
}

async fn step(
    tx: &mut Tx,
    (office, permit): (&Office, &Permit),
    (id, version): (i64, i64),
    event: LeadEvent,
    reason: Option<&str>,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let (old, may) = reached(tx, permit, id).await?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let mut faults = Vec::new();
    let reason = reason.and_then(|text| line("reason", text, TEXT_MAX, &mut faults));
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    let status = old.state()?;
    let holds = |guard: LeadGuard| match guard {
        LeadGuard::Assignee => old.owners() != (None, None),
        LeadGuard::Identity => !old.client_name.is_empty() || old.phone.is_some(),
        LeadGuard::Reason => reason.is_some(),
    };
    let row = match LEAD.step(status, event, Who::Person(&may), holds) {
        Ok(row) => row,
        Err(NotNow::Elsewhere { .. }) => return Err(elsewhere(status, &may)),
        Err(NotNow::Forbidden { rights }) => return Err(OfficeError::NotPermitted(rights.first().map_or("", |right| right.0))),
        Err(NotNow::Missing(missing)) => return Err(missing_one(&missing)),
    };
    if row.effects.contains(&LeadEffect::LinkClient) && !may_have_clients(&may) {
        return Err(OfficeError::NotPermitted(can::CLIENTS_CREATE.0));
    }
    let (mut new, mut news, mut entries) = (old.clone(), Vec::new(), Vec::new());
    new.version = version + 1;
    row.to.code().clone_into(&mut new.status);
    for effect in row.effects {
        match effect {
            LeadEffect::KeepReason => new.lost_reason.clone_from(&reason),
            LeadEffect::ForgetReason => new.lost_reason = None,
            LeadEffect::ClearReminder => (new.next_action_at, new.next_action) = (None, None),
            LeadEffect::LinkClient => {
                let client;
                (client, news, entries) = clients::of_lead(tx, permit, (id, &old), now).await?;
                new.client_id = Some(client);
            }
        }
    }
    // Who handed it over went on to see it until now.
    if LEAD.is_final(row.to) && new.handed_over_at.is_some() {
        new.assigned_operator = None;
    }
    let before = owners(tx, id).await?;
    write(tx, id, &old, &new, now).await?;
    tell(tx, permit, (id, &new), event.code(), (Some(&old.status), Some(&new.status)), now).await?;
    if old.owners() != new.owners() {
        seat_all(tx, office, center, id, now).await?;
    }
    news.extend(lead_news(tx, center, (id, &new), (UPDATED, &before), now).await?);
    let diff = Diff::between(&old.picture(), &new.picture());
    let action = row.rights.iter().find(|right| may(**right)).map_or(can::LEADS_UPDATE, |right| *right);
    entries.push(Entry::change(action.0, LEADS.name, id, diff));
    audit::append(tx, now, permit.actor(), &entries).await?;
    Ok((version + 1, news))
}

/// A lead that the person sees, and what else they may do with it.
async fn reached(tx: &mut Tx, permit: &Permit, id: i64) -> Result<(LeadRow, impl Fn(Action) -> bool + use<>), OfficeError> {
    let row = lock(tx, permit.rows().center, id).await?;
    let owners = owners(tx, id).await?;
    if !permit.reaches(&owners) {
        return Err(OfficeError::NotFound("leads"));
    }
    let person = permit.principal().clone();
    Ok((row, move |right: Action| person.permit(right).is_some_and(|leave| leave.reaches(&owners))))
}

/// The steps that lead on from here.
fn offered(status: LeadStatus, may: &dyn Fn(Action) -> bool) -> impl Iterator<Item = &'static Row<Lead>> {
    LEAD.allowed(status, Who::Person(may)).filter(|row| !row.effects.contains(&LeadEffect::LinkClient) || may_have_clients(may))
}

/// Whether somebody may have a lead of theirs become a client.
fn may_have_clients(may: &dyn Fn(Action) -> bool) -> bool {
    may(can::CLIENTS_CREATE) || may(can::CLIENTS_UPDATE)
}

fn elsewhere(status: LeadStatus, may: &dyn Fn(Action) -> bool) -> OfficeError {
    let allowed = offered(status, may).map(|row| row.event.code()).collect();
    OfficeError::Conflict(Conflict::Transition { state: status.code(), allowed })
}

fn missing_one(missing: &[LeadGuard]) -> OfficeError {
    match missing.first() {
        Some(LeadGuard::Reason) => {
            let code = "missing_field";
            OfficeError::Invalid(vec![Fault { field: "reason".to_owned(), code, detail: "this takes a reason".to_owned() }])
        }
        Some(LeadGuard::Identity) => {
            OfficeError::Conflict(Conflict::State("the lead has neither a name nor a telephone number".to_owned()))
        }
        _ => OfficeError::Conflict(Conflict::State("the lead is nobody's: give it to somebody first".to_owned())),
    }
}
