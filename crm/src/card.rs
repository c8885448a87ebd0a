//! What people are shown of a call and of the one whom it is with, each part by its own right (S004-130, S004-131).

use model::{Action, CallId, CallView, CenterId, Direction, Mode, Number, PopCandidate, UserId};
use office::{CDRS, ListParams, OfficeError, Permit, reaches_call_to_read};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{binds, statements};

use crate::{Crm, leads::LEADS, pop::CLIENTS};

/// Notes and calls that a card shows.
pub const LAST: usize = 3;
/// Whoever reads notes.
const NOTES_READ: Action = Action("notes.read");
const NOTES: &str = "notes";

statements! {
    LINKED: both "SELECT lead_id, client_id FROM call_links WHERE call_id = $1 AND center_id = $2";
    OWNERS_OF_LEAD: both "SELECT user_id FROM lead_users WHERE lead_id = $1";
    OWNER_OF_CLIENT: both "SELECT owner_user_id FROM clients WHERE id = $1 AND owner_user_id IS NOT NULL";
    OF_CALL: both "SELECT id FROM notes WHERE call_id = $1 AND center_id = $2 ORDER BY id DESC LIMIT 3";
    OF_LEAD: both "SELECT id FROM notes WHERE lead_id = $1 AND center_id = $2 ORDER BY id DESC LIMIT 3";
    OF_CLIENT: both "SELECT id FROM notes WHERE client_id = $1 AND center_id = $2 ORDER BY id DESC LIMIT 3";
}

/// A call's card.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The other party's number, as the person may see it; none within the house, and if it was withheld.
    pub number: Option<Value>,
    /// Who that is, best first.
    pub matches: Vec<Match>,
    /// The newest notes on the call and on those: at most [`LAST`].
    pub notes: Vec<Map<String, Value>>,
    /// The last calls with that number, without this one: at most [`LAST`].
    pub calls: Vec<Map<String, Value>>,
}

/// Somebody whom a call may be with.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// `leads` or `clients`.
    pub resource: &'static str,
    /// The row as the person's list shows it; none: it is somebody else's, and all that is told is that there is one.
    pub row: Option<Map<String, Value>>,
    /// Whether the call is known to be with them, and not only from their number.
    pub is_linked: bool,
    /// Who works with it.
    pub with: Option<UserId>,
}

#[derive(Debug, Default, FromRow)]
struct Linked {
    lead_id: Option<i64>,
    client_id: Option<i64>,
}

/// The other party of a call, and the column that its number stands in; none within the house, and if it was withheld: all who withhold
/// theirs have the same text there (`anonymous`), and are not one and the same.
#[must_use]
pub fn other_party(direction: Direction, caller: &str, callee: &str) -> Option<(&'static str, String)> {
    let (column, number) = match direction {
        Direction::Inbound => ("caller", caller),
        Direction::Outbound => ("callee", callee),
        Direction::Internal => return None,
    };
    number.parse::<Number>().is_ok().then(|| (column, number.to_owned()))
}

impl Crm {
    /// The card of a call that the permit, which is one to read calls, reaches. What the person may not see of it is not there.
    ///
    /// # Errors
    /// As the database's.
    pub async fn card(&self, permit: &Permit, call: &CallView) -> Result<Card, OfficeError> {
        let center = permit.rows().center;
        let party = other_party(call.direction, &call.caller, &call.callee);
        let calls = permit.view(&CDRS);
        let number = party.as_ref().and_then(|(column, number)| calls.shown(column, number.as_str().into()));
        let linked: Linked = self.store().db().one(LINKED, binds![call.call_id, center]).await?.unwrap_or_default();
        let matches = self.matches(permit, center, party.as_ref().map(|(_, number)| number.as_str()), &linked).await?;
        let notes = self.notes_on(permit, call, &matches).await?;
        let last = match &party {
            Some((_, number)) => self.last_calls(permit, call.call_id, number).await?,
            None => vec![],
        };
        Ok(Card { number, matches: matches.into_iter().map(|(_, found)| found).collect(), notes, calls: last })
    }

    /// Whom it may be with, each with its id; first those that it is known to be with.
    async fn matches(
        &self,
        permit: &Permit,
        center: CenterId,
        number: Option<&str>,
        linked: &Linked,
    ) -> Result<Vec<(i64, Match)>, OfficeError> {
        let by_number = match number {
            Some(number) => self.who_has(center, number).await?,
            None => vec![],
        };
        let known = [(LEADS.name, linked.lead_id), (CLIENTS, linked.client_id)];
        let known: Vec<(&'static str, i64)> = known.into_iter().filter_map(|(of, id)| Some((of, id?))).collect();
        let id_of = |candidate: &PopCandidate| candidate.row.get("id").and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
        let found: Vec<((&'static str, i64), PopCandidate)> =
            by_number.into_iter().filter_map(|candidate| Some(((candidate.resource, id_of(&candidate)?), candidate))).collect();
        let others = found.iter().map(|(key, _)| *key).filter(|key| !known.contains(key));
        let mut matches = Vec::new();
        for key @ (name, id) in known.iter().copied().chain(others.collect::<Vec<_>>()) {
            let Some(resource) = self.office().resource(name) else { continue };
            let Some(reader) = permit.principal().permit(resource.read) else { continue };
            let candidate = found.iter().find(|(known, _)| *known == key).map(|(_, candidate)| candidate);
            let row = match self.office().read(&reader.view(resource), &id.to_string()).await {
                Ok(row) => Some(row),
                Err(OfficeError::NotFound(_)) if candidate.is_some_and(|one| one.is_hinted) && !is_seller(permit) => None,
                Err(OfficeError::NotFound(_)) => continue,
                Err(failed) => return Err(failed),
            };
            let with = candidate.and_then(|candidate| candidate.with);
            // Whose it is stands in the row, for whoever may see that.
            let is_shown = |with: &UserId| row.as_ref().is_none_or(|row| row.values().any(|value| *value == with.to_string()));
            let with = with.filter(is_shown);
            matches.push((id, Match { resource: name, row, is_linked: known.contains(&key), with }));
        }
        Ok(matches)
    }

    /// The newest notes on the call, and on whom the person is shown with it.
    async fn notes_on(&self, permit: &Permit, call: &CallView, matches: &[(i64, Match)]) -> Result<Vec<Map<String, Value>>, OfficeError> {
        let (Some(resource), Some(reader)) = (self.office().resource(NOTES), permit.principal().permit(NOTES_READ)) else {
            return Ok(vec![]);
        };
        let (db, center) = (self.store().db(), call.center);
        let mut ids: Vec<(i64,)> = Vec::new();
        if reaches_call_to_read(reader.rows(), call, &[].into()) {
            ids = db.all(OF_CALL, binds![call.call_id, center]).await?;
        }
        for (id, found) in matches.iter().filter(|(_, found)| found.row.is_some()) {
            let (of, owners) = if found.resource == LEADS.name { (OF_LEAD, OWNERS_OF_LEAD) } else { (OF_CLIENT, OWNER_OF_CLIENT) };
            let owners: Vec<(i64,)> = db.all(owners, binds![*id]).await?;
            // What a note is on has to be reached by the right to notes, too.
            if reader.reaches(&owners.into_iter().map(|(user,)| UserId(user)).collect()) {
                ids.extend(db.all::<(i64,)>(of, binds![*id, center]).await?);
            }
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.dedup();
        let (view, mut notes) = (reader.view(resource), Vec::new());
        for (id,) in ids {
            match self.office().read(&view, &id.to_string()).await {
                Ok(mut note) => {
                    // It may be on something else besides, which is not for everybody who sees this.
                    note.retain(|name, _| !["call_id", "lead_id", "client_id"].contains(&name.as_str()));
                    notes.push(note);
                }
                Err(OfficeError::NotFound(_)) => {}
                Err(failed) => return Err(failed),
            }
            if notes.len() == LAST {
                break;
            }
        }
        Ok(notes)
    }

    /// The last calls from and to a number. Whoever may not see numbers may not ask by one.
    async fn last_calls(&self, permit: &Permit, but: CallId, number: &str) -> Result<Vec<Map<String, Value>>, OfficeError> {
        let view = permit.view(&CDRS);
        let mut last: Vec<(i64, Map<String, Value>)> = Vec::new();
        for column in ["caller", "callee"].into_iter().filter(|column| view.mode(column) == Mode::Show) {
            let params = ListParams::from_pairs([("count", "none")]).filtered(json!({ column: number })).limited(LAST + 1);
            let page = self.office().list(&view, &params).await?;
            last.extend(page.keys.into_iter().zip(page.items));
        }
        last.retain(|(id, _)| *id != but.0);
        last.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        last.dedup_by_key(|(id, _)| *id);
        Ok(last.into_iter().take(LAST).map(|(_, row)| row).collect())
    }
}

/// One seller's leads are nobody's business among the others (S004-88).
fn is_seller(permit: &Permit) -> bool {
    permit.principal().roles().iter().any(|role| role == "seller")
}
