//! Who has a number: what people are shown of a call while it rings (S004-130).

use std::collections::BTreeSet;

use model::{CenterId, PopCandidate, UserId};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{StoreError, binds, statements};

use crate::{Crm, core::lead::LeadStatus, leads::LEADS};

/// The resource of clients.
pub(crate) const CLIENTS: &str = "clients";

statements! {
    // The newest ones: nobody reads more than these while it rings.
    LEADS_WITH: both "SELECT id, client_name, status, source, assigned_seller, assigned_operator, next_action_at, next_action FROM leads
        WHERE center_id = $1 AND phone = $2 ORDER BY id DESC LIMIT 10";
    CLIENT_WITH: both "SELECT c.id, c.kind, c.first_name, c.last_name, c.patronymic, c.org_name, c.owner_user_id
        FROM client_phones p JOIN clients c ON c.id = p.client_id WHERE p.center_id = $1 AND p.e164 = $2";
}

#[derive(FromRow)]
struct LeadWith {
    id: i64,
    client_name: String,
    status: String,
    source: Option<String>,
    assigned_seller: Option<i64>,
    assigned_operator: Option<i64>,
    next_action_at: Option<i64>,
    next_action: Option<String>,
}

#[derive(FromRow)]
struct ClientWith {
    id: i64,
    kind: String,
    first_name: Option<String>,
    last_name: Option<String>,
    patronymic: Option<String>,
    org_name: Option<String>,
    owner_user_id: Option<i64>,
}

impl Crm {
    /// The leads and the client of a centre that have this number, best first: leads that somebody works on, the client, leads that are done with.
    /// It asks for nobody's leave: each is for those alone whose right to its resource reaches its users.
    ///
    /// # Errors
    /// As the database's.
    pub async fn who_has(&self, center: CenterId, number: &str) -> Result<Vec<PopCandidate>, StoreError> {
        let leads: Vec<LeadWith> = self.store().db().all(LEADS_WITH, binds![center, number]).await?;
        let client: Option<ClientWith> = self.store().db().one(CLIENT_WITH, binds![center, number]).await?;
        let is_hinted = self.office().center(center).await?.is_some_and(|center| center.settings.desk.pop_foreign);
        let is_open = |lead: &LeadWith| lead.status.parse().is_ok_and(LeadStatus::is_open);
        let (open, done): (Vec<_>, Vec<_>) = leads.into_iter().partition(is_open);
        let lead = |lead: LeadWith| PopCandidate { is_hinted, ..lead.candidate() };
        let open: Vec<PopCandidate> = open.into_iter().map(lead).collect();
        Ok(open.into_iter().chain(client.map(ClientWith::candidate)).chain(done.into_iter().map(lead)).collect())
    }
}

impl LeadWith {
    fn candidate(self) -> PopCandidate {
        let Self { id, client_name, status, source, assigned_seller, assigned_operator, next_action_at, next_action } = self;
        let users: BTreeSet<UserId> = [assigned_seller, assigned_operator].into_iter().flatten().map(UserId).collect();
        let text = |id: Option<i64>| id.map(|id| id.to_string());
        let row = object(json!({
            "id": id.to_string(),
            "client_name": client_name,
            "status": status,
            "source": source,
            "assigned_seller": text(assigned_seller),
            "assigned_operator": text(assigned_operator),
            "next_action_at": next_action_at,
            "next_action": next_action,
        }));
        PopCandidate { resource: LEADS.name, users, row, with: assigned_operator.or(assigned_seller).map(UserId), is_hinted: false }
    }
}

impl ClientWith {
    fn candidate(self) -> PopCandidate {
        let Self { id, kind, first_name, last_name, patronymic, org_name, owner_user_id } = self;
        let owner = owner_user_id.map(UserId);
        let row = object(json!({
            "id": id.to_string(),
            "kind": kind,
            "first_name": first_name,
            "last_name": last_name,
            "patronymic": patronymic,
            "org_name": org_name,
            "owner_user_id": owner_user_id.map(|id| id.to_string()),
        }));
        PopCandidate { resource: CLIENTS, users: owner.into_iter().collect(), row, with: owner, is_hinted: false }
    }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}
