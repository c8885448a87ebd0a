//! Somebody says which lead and which client a call was with.

use model::{CallId, WallTime};
use office::{CALLS, OfficeError, Permit};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    catalogue::CALLS_HAD,
    sql::Tx,
    statements,
};

use super::{LinkedBy, link};
use crate::{Crm, can, parent::Parent};

statements! {
    OF_CALL: both "SELECT lead_id, client_id, matched_by FROM call_links WHERE call_id = $1";
}

/// What a call was with, as far as the person sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CallLinks {
    /// The lead.
    pub lead_id: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// How that is known: `number` or `hand`; none if nothing is, or nothing that they see.
    pub matched_by: Option<String>,
}

/// What somebody says that a call was with. What is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCall {
    /// The lead; none: with none.
    pub lead: Option<Option<i64>>,
    /// The client; none: with none.
    pub client: Option<Option<i64>>,
}

#[derive(Debug, Clone, Default, FromRow)]
struct LinkRow {
    lead_id: Option<i64>,
    client_id: Option<i64>,
    matched_by: String,
}

impl Crm {
    /// What a call was with, by leave to read calls: the lead and the client, as far as the person sees these.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn call_links(&self, permit: &Permit, call: CallId) -> Result<CallLinks, OfficeError> {
        permit.must_be(office::can::CALLS_READ)?;
        self.must_reach(permit, Parent::Call(call)).await?;
        let row: LinkRow = self.store().db().one(OF_CALL, binds![call]).await?.unwrap_or_default();
        let lead = self.seen(permit, row.lead_id.map(Parent::Lead)).await?;
        let client = self.seen(permit, row.client_id.map(Parent::Client)).await?;
        let matched_by = (lead.is_some() || client.is_some()).then_some(row.matched_by);
        let id = |parent: Parent| parent.key().to_string();
        Ok(CallLinks { lead_id: lead.map(id), client_id: client.map(id), matched_by })
    }

    /// Says what a call was with, by leave to read calls: of one that they had a part in, or whose lead is theirs already, and not of one that only
    /// rang at their phone. To name a lead or a client takes the right to change it, and to say that it was none takes that of the one that
    /// stands there: another's, which they do not see, gives way to what is named and else stays.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::NotPermitted`].
    pub async fn link_call(&self, permit: &Permit, call: CallId, to: LinkCall, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(office::can::CALLS_READ)?;
        self.must_reach(permit, Parent::Call(call)).await?;
        if !self.office().reaches_row(&permit.view(&CALLS_HAD), call.0).await? {
            return Err(OfficeError::NotPermitted(can::LEADS_UPDATE.0));
        }
        let old: LinkRow = self.store().db().one(OF_CALL, binds![call]).await?.unwrap_or_default();
        let lead = self.said(permit, to.lead, old.lead_id, Parent::Lead).await?;
        let client = self.said(permit, to.client, old.client_id, Parent::Client).await?;
        if (lead, client) == (old.lead_id, old.client_id) && (old.matched_by == "hand" || to == LinkCall::default()) {
            return Ok(());
        }
        let mut tx = self.store().db().begin().await?;
        let made = write(&mut tx, permit, call, (&old, lead, client), now).await;
        office::finish(tx, made).await
    }

    /// A parent that the person sees.
    async fn seen(&self, permit: &Permit, parent: Option<Parent>) -> Result<Option<Parent>, OfficeError> {
        let Some(parent) = parent else { return Ok(None) };
        let Some(reader) = permit.principal().permit(parent.read()) else { return Ok(None) };
        Ok(self.reaches(&reader, parent).await?.then_some(parent))
    }

    /// What is to stand there by what was said.
    async fn said(
        &self,
        permit: &Permit,
        wanted: Option<Option<i64>>,
        stands: Option<i64>,
        parent: fn(i64) -> Parent,
    ) -> Result<Option<i64>, OfficeError> {
        let Some(wanted) = wanted else { return Ok(stands) };
        let right = if matches!(parent(0), Parent::Lead(_)) { can::LEADS_UPDATE } else { can::CLIENTS_UPDATE };
        let leave = permit.principal().permit(right).ok_or(OfficeError::NotPermitted(right.0))?;
        match (wanted, stands) {
            (Some(id), _) => {
                self.must_reach(&leave, parent(id)).await?;
                Ok(Some(id))
            }
            (None, Some(id)) if !self.reaches(&leave, parent(id)).await? => Ok(stands),
            (None, _) => Ok(None),
        }
    }
}

async fn write(
    tx: &mut Tx,
    permit: &Permit,
    call: CallId,
    (old, lead, client): (&LinkRow, Option<i64>, Option<i64>),
    now: WallTime,
) -> Result<(), OfficeError> {
    link(tx, (call, permit.rows().center), lead, client, (LinkedBy::Hand, now)).await?;
    // By the columns of calls none of this is told: who reads the log of calls need not see leads.
    let id = |id: Option<i64>| id.map_or(Value::Null, |id| Value::from(id.to_string()));
    let mut diff = Diff::none();
    if old.lead_id != lead {
        diff = diff.and("lead_id", id(old.lead_id), id(lead));
    }
    if old.client_id != client {
        diff = diff.and("client_id", id(old.client_id), id(client));
    }
    audit::append(tx, now, permit.actor(), &[Entry::change("calls.link", CALLS.name, call, diff)]).await?;
    Ok(())
}
