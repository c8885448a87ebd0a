//! What notes are on, and what has a history: calls, leads, clients.

use std::collections::BTreeSet;

use model::{Action, CallId, Gate, ListKind, Resource, UserId};
use office::{CALLS, OfficeError, Permit};
use serde_json::Value;
use store::{StoreError, binds, catalogue::CALLS_HAD, sql::Tx, statements, why};

use crate::{Crm, can, clients::CLIENTS, leads::LEADS};

statements! {
    // What is written of a call is not for those at whose phones it only rang.
    OF_CALL: both concat!("SELECT user_id FROM call_users WHERE call_id = $1 AND why & ", why!(had), " <> 0");
    OF_LEAD: both "SELECT user_id FROM lead_users WHERE lead_id = $1";
    OF_CLIENT: both "SELECT owner_user_id FROM clients WHERE id = $1 AND owner_user_id IS NOT NULL";
    LISTS: both "SELECT COALESCE(scenario, ''), COALESCE(caller_slot, 0), COALESCE(callee_slot, 0) FROM calls WHERE call_id = $1";
}

/// A call, a lead or a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parent {
    /// A call.
    Call(CallId),
    /// A lead.
    Lead(i64),
    /// A client.
    Client(i64),
}

impl Parent {
    /// What it is one of.
    #[must_use]
    pub fn resource(self) -> &'static Resource {
        match self {
            Self::Call(_) => &CALLS,
            Self::Lead(_) => &LEADS,
            Self::Client(_) => &CLIENTS,
        }
    }

    /// The right to see it.
    pub(crate) fn read(self) -> Action {
        match self {
            Self::Call(_) => office::can::CALLS_READ,
            Self::Lead(_) => can::LEADS_READ,
            Self::Client(_) => can::CLIENTS_READ,
        }
    }

    /// The column by which rows of ours name it.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Call(_) => "call_id",
            Self::Lead(_) => "lead_id",
            Self::Client(_) => "client_id",
        }
    }

    /// Its key in the database.
    pub(crate) fn key(self) -> i64 {
        match self {
            Self::Call(call) => call.0,
            Self::Lead(id) | Self::Client(id) => id,
        }
    }

    /// Its id as it stands on the wire.
    pub(crate) fn id(self) -> Value {
        match self {
            Self::Call(call) => call.to_string().into(),
            Self::Lead(id) | Self::Client(id) => id.to_string().into(),
        }
    }

    /// What is said of one that is not there, or not theirs.
    pub(crate) fn none(self) -> OfficeError {
        OfficeError::NotFound(match self {
            Self::Call(_) => "call",
            other => other.resource().name,
        })
    }
}

impl Crm {
    /// Whether somebody sees it, and this right of theirs reaches it. A right that is more than to read calls reaches none that only rang at their
    /// phone.
    pub(crate) async fn reaches(&self, permit: &Permit, parent: Parent) -> Result<bool, OfficeError> {
        let Some(reader) = permit.principal().permit(parent.read()) else { return Ok(false) };
        if permit.action() == parent.read() {
            return self.office().reaches_row(&reader.view(parent.resource()), parent.key()).await;
        }
        let resource = if matches!(parent, Parent::Call(_)) { &CALLS_HAD } else { parent.resource() };
        Ok(self.office().reaches_row(&reader.view(resource), parent.key()).await?
            && self.office().reaches_row(&permit.view(resource), parent.key()).await?)
    }

    /// The same; what is not reached is not there.
    pub(crate) async fn must_reach(&self, permit: &Permit, parent: Parent) -> Result<(), OfficeError> {
        if self.reaches(permit, parent).await? { Ok(()) } else { Err(parent.none()) }
    }
}

/// The doors that whoever hears of something on it has to pass: the right to that, if it is another, and the right to see the parent itself.
pub(crate) async fn gates(tx: &mut Tx, parent: Parent, right: Option<Action>) -> Result<Vec<Gate>, StoreError> {
    let users: Vec<(i64,)> = match parent {
        Parent::Call(call) => tx.all(OF_CALL, binds![call]).await?,
        Parent::Lead(lead) => tx.all(OF_LEAD, binds![lead]).await?,
        Parent::Client(client) => tx.all(OF_CLIENT, binds![client]).await?,
    };
    let users: BTreeSet<UserId> = users.into_iter().map(|(user,)| UserId(user)).collect();
    let mut lists = Vec::new();
    if let Parent::Call(call) = parent
        && let Some((scenario, caller, callee)) = tx.one::<(String, i64, i64)>(LISTS, binds![call]).await?
    {
        lists.push((ListKind::Scenario, scenario));
        lists.extend([caller, callee].into_iter().filter(|slot| *slot != 0).map(|slot| (ListKind::Slot, slot.to_string())));
    }
    let gate = |action| Gate { action, users: users.clone(), lists: lists.clone() };
    Ok(right.into_iter().chain([parent.read()]).map(gate).collect())
}
