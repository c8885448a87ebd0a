//! Somebody says which lead and which client a call was with.

use model::{CallId, WallTime};
use office::{CALLS, Conflict, OfficeError, Permit};
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

use super::{HOLD, LinkedBy, link};
use crate::{Crm, can, clients::CLIENTS, leads::LEADS, parent::Parent};

/// How often it is looked at anew because something else was linked meanwhile.
const LOOKS_MAX: usize = 8;

statements! {
    OF_CALL: both "SELECT lead_id, client_id, matched_by FROM call_links WHERE call_id = $1";
    // What stands, or that nothing does, stays so until the transaction ends.
    LOCK: both "INSERT INTO call_links (call_id, center_id, lead_id, client_id, matched_by, linked_at) VALUES ($1, $2, NULL, NULL, 'number', $3)
        ON CONFLICT (call_id) DO UPDATE SET matched_by = call_links.matched_by RETURNING lead_id, client_id, matched_by";
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

#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct LinkRow {
    lead_id: Option<i64>,
    client_id: Option<i64>,
    matched_by: String,
}

impl Default for LinkRow {
    /// Of a call of which nothing is known; a number may still tell.
    fn default() -> Self {
        Self { lead_id: None, client_id: None, matched_by: "number".to_owned() }
    }
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
    /// [`OfficeError::NotFound`], [`OfficeError::NotPermitted`]; [`Conflict::State`] if what is known of the call does not stand still.
    pub async fn link_call(&self, permit: &Permit, call: CallId, to: LinkCall, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(office::can::CALLS_READ)?;
        self.must_reach(permit, Parent::Call(call)).await?;
        if !self.office().reaches_row(&permit.view(&CALLS_HAD), call.0).await? {
            return Err(OfficeError::NotPermitted(can::LEADS_UPDATE.0));
        }
        for _ in 0..LOOKS_MAX {
            let old = self.link_row(call).await?;
            if self.link_over(permit, call, (&old, to), now).await? {
                return Ok(());
            }
        }
        Err(OfficeError::Conflict(Conflict::State("what is known of the call is changing right now".to_owned())))
    }

    /// What stands of a call.
    pub(super) async fn link_row(&self, call: CallId) -> Result<LinkRow, OfficeError> {
        Ok(self.store().db().one(OF_CALL, binds![call]).await?.unwrap_or_default())
    }

    /// The same over what was seen to stand. What they may do was judged by that: false, and nothing is changed, if it stands no more.
    pub(super) async fn link_over(
        &self,
        permit: &Permit,
        call: CallId,
        (old, to): (&LinkRow, LinkCall),
        now: WallTime,
    ) -> Result<bool, OfficeError> {
        let lead = self.said(permit, to.lead, old.lead_id, Parent::Lead).await?;
        let client = self.said(permit, to.client, old.client_id, Parent::Client).await?;
        if (lead, client) == (old.lead_id, old.client_id) && (old.matched_by == "hand" || to == LinkCall::default()) {
            return Ok(true);
        }
        let mut tx = self.store().db().begin().await?;
        match write(&mut tx, permit, call, (old, lead, client), now).await {
            // What the lock put there goes, too.
            Ok(false) => Ok(false),
            made => office::finish(tx, made).await,
        }
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

/// Links a call over what was seen to stand; false if that stands no more. It locks as [`link`] does: the lead, then the call's link.
async fn write(
    tx: &mut Tx,
    permit: &Permit,
    call: CallId,
    (old, lead, client): (&LinkRow, Option<i64>, Option<i64>),
    now: WallTime,
) -> Result<bool, OfficeError> {
    let center = permit.rows().center;
    if let Some(lead) = lead {
        tx.one::<(i64,)>(HOLD, binds![lead, center]).await?;
    }
    let stands: Option<LinkRow> = tx.one(LOCK, binds![call, center, now]).await?;
    if stands.as_ref() != Some(old) {
        return Ok(false);
    }
    link(tx, (call, center), lead, client, (LinkedBy::Hand, now)).await?;
    // Of the leads and the clients, as their logs show it: who reads the log of calls need not see these.
    let mut entries = Vec::new();
    for (resource, before, after) in [(&LEADS, old.lead_id, lead), (&CLIENTS, old.client_id, client)] {
        if before == after {
            continue;
        }
        let said = |id: Option<i64>, off: Value, on: Value| {
            id.map(|id| Entry::change("calls.link", resource.name, id, Diff::none().and("call_id", off, on)))
        };
        entries.extend(said(before, call.to_string().into(), Value::Null));
        entries.extend(said(after, Value::Null, call.to_string().into()));
    }
    // That it is as it was by a number, somebody says of the call.
    if entries.is_empty() {
        entries.push(Entry::change("calls.link", CALLS.name, call, Diff::none()));
    }
    audit::append(tx, now, permit.actor(), &entries).await?;
    Ok(true)
}
