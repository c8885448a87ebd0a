//! What became of a lead or a client, what was written of it and who called, in one line of time, the newest first (S004-105).

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::{CallId, Mode};
use office::{CALLS, Fault, ListParams, OfficeError, Permit, View};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{binds, ids, list::VALUES_MAX, sql::list, statements};

use crate::{Crm, can, leads::LEADS, notes::NOTES, parent::Parent};

/// Items on a page if nothing is said, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Leads of a client of which is told.
const LEADS_MAX: i64 = 200;
/// Calls that are looked at for a page beyond what it needs: more than that are not theirs, and the page ends there.
const LOOKS_MAX: usize = 20;
/// Bits of a call's id behind the time at which it began.
const BITS_BEHIND_TIME: u32 = 22;
/// The last time that a call's id can hold.
const TIME_MAX: i64 = (1 << 41) - 1;

statements! {
    LEADS_OF: both "SELECT id FROM leads WHERE client_id = $1 ORDER BY id DESC LIMIT $2";
    EVENTS: each concat!("SELECT e.id, e.lead_id, e.kind, e.from_status, e.to_status, e.actor_id,
        (SELECT u.display_name FROM users u WHERE u.id = e.actor_id) AS actor_name, e.actor_kind, e.seller, e.operator, e.at FROM lead_events e
        WHERE (e.at < $2 OR (e.at = $2 AND e.id < $3)) AND e.lead_id IN ", ids!(lite), " ORDER BY e.at DESC, e.id DESC LIMIT $4"),
        concat!("SELECT e.id, e.lead_id, e.kind, e.from_status, e.to_status, e.actor_id,
        (SELECT u.display_name FROM users u WHERE u.id = e.actor_id) AS actor_name, e.actor_kind, e.seller, e.operator, e.at FROM lead_events e
        WHERE (e.at < $2 OR (e.at = $2 AND e.id < $3)) AND e.lead_id IN ", ids!(pg), " ORDER BY e.at DESC, e.id DESC LIMIT $4");
    NOTES_OF_LEAD: both "SELECT id, created_at FROM notes WHERE lead_id = $1 AND (created_at < $2 OR (created_at = $2 AND id < $3))
        ORDER BY created_at DESC, id DESC LIMIT $4";
    NOTES_OF_CLIENT: both "SELECT id, created_at FROM notes WHERE client_id = $1 AND (created_at < $2 OR (created_at = $2 AND id < $3))
        ORDER BY created_at DESC, id DESC LIMIT $4";
    CALLS_OF_LEAD: both "SELECT call_id FROM call_links WHERE center_id = $1 AND lead_id = $2 AND call_id < $3 ORDER BY call_id DESC LIMIT $4";
    CALLS_OF_CLIENT: both "SELECT call_id FROM call_links WHERE center_id = $1 AND client_id = $2 AND call_id < $3
        ORDER BY call_id DESC LIMIT $4";
}

/// A page of a history.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HistoryPage {
    /// What happened, the newest first: `at`, `kind` (`event`, `note` or `call`), and under that name what it is.
    pub items: Vec<Map<String, Value>>,
    /// Where the page behind this one begins; none: there is none.
    pub next: Option<String>,
}

/// What is shown, and where it stands.
type Items = Vec<(Place, Map<String, Value>)>;

/// A place in a history: the time, the kind, the key. Later ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(i64, Kind, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Call,
    Event,
    Note,
}

const KINDS: [Kind; 3] = [Kind::Call, Kind::Event, Kind::Note];

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Event => "event",
            Self::Note => "note",
        }
    }
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once('.')?;
        let (kind, key) = rest.split_once('.')?;
        let kind = KINDS.into_iter().find(|known| known.code() == kind)?;
        Some(Self(at.parse().ok().filter(|at| (0..=TIME_MAX).contains(at))?, kind, key.parse().ok()?))
    }

    fn write(self) -> String {
        format!("{}.{}.{}", self.0, self.1.code(), self.2)
    }

    /// Behind this place come things of a kind before this time, or at it with a lesser key.
    fn bound(self, kind: Kind) -> (i64, i64) {
        let key = match kind.cmp(&self.1) {
            std::cmp::Ordering::Less => i64::MAX,
            std::cmp::Ordering::Equal => self.2,
            std::cmp::Ordering::Greater => i64::MIN,
        };
        (self.0, key)
    }
}

/// The start, before everything.
const START: Place = Place(TIME_MAX, Kind::Note, i64::MAX);

#[derive(Debug, FromRow)]
struct EventRow {
    id: i64,
    lead_id: i64,
    kind: String,
    from_status: Option<String>,
    to_status: Option<String>,
    actor_id: Option<i64>,
    actor_name: Option<String>,
    actor_kind: String,
    seller: Option<i64>,
    operator: Option<i64>,
    at: i64,
}

impl EventRow {
    /// What of it the person sees, by what they see of leads.
    fn shown(self, view: &View) -> Map<String, Value> {
        let text = |id: Option<i64>| id.map(|id| id.to_string());
        let mut shown = Map::new();
        let value = json!({
            "id": self.id.to_string(),
            "lead_id": self.lead_id.to_string(),
            "kind": self.kind,
            "actor_id": text(self.actor_id),
            "actor_name": self.actor_name,
            "actor_kind": self.actor_kind,
        });
        if let Value::Object(value) = value {
            shown = value;
        }
        let by_columns = [
            ("status", "from_status", self.from_status),
            ("status", "to_status", self.to_status),
            ("assigned_seller", "seller", text(self.seller)),
            ("assigned_operator", "operator", text(self.operator)),
        ];
        for (column, name, value) in by_columns {
            if view.mode(column) == Mode::Show {
                shown.insert(name.to_owned(), value.into());
            }
        }
        shown
    }
}

impl Crm {
    /// A page of the history of a lead (by leave to read leads) or a client (by leave to read clients): what became of it, the notes on it and the
    /// calls with it, each as far as the person's own rights to these reach. Of a client, also what became of leads that they see.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`] for a limit that is not 1 to 200 and a cursor that is none.
    pub async fn history(
        &self,
        permit: &Permit,
        parent: Parent,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<HistoryPage, OfficeError> {
        permit.must_be(parent.read())?;
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(OfficeError::Invalid(vec![Fault::invalid("limit", format!("a limit is 1 to {LIMIT_MAX}"))]));
        }
        let after = match cursor {
            Some(text) => {
                Place::read(text).ok_or_else(|| OfficeError::Invalid(vec![Fault::invalid("cursor", "this is no cursor of a history")]))?
            }
            None => START,
        };
        self.must_reach(permit, parent).await?;
        let wanted = limit + 1;
        let mut items = self.events(permit, parent, after, wanted).await?;
        items.extend(self.written(permit, parent, after, wanted).await?);
        let (calls, floor) = self.called(permit, parent, after, wanted).await?;
        items.extend(calls);
        items.sort_by(|(one, _), (other, _)| other.cmp(one));
        // Nothing is told of what lies behind calls that were not looked at.
        if let Some(floor) = floor {
            items.retain(|(place, _)| *place >= floor);
        }
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = if has_more { items.last().map(|(place, _)| *place) } else { floor };
        let items = items.into_iter().map(|(Place(at, kind, _), shown)| {
            let item = [("at", Value::from(at)), ("kind", kind.code().into()), (kind.code(), Value::Object(shown))];
            item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        });
        Ok(HistoryPage { items: items.collect(), next: next.map(Place::write) })
    }

    async fn events(&self, permit: &Permit, parent: Parent, after: Place, wanted: usize) -> Result<Items, OfficeError> {
        let Some(reader) = permit.principal().permit(can::LEADS_READ) else { return Ok(Vec::new()) };
        let view = reader.view(&LEADS);
        let mut leads = Vec::new();
        match parent {
            Parent::Lead(lead) => leads.push(lead),
            Parent::Client(client) => {
                let all: Vec<(i64,)> = self.store().db().all(LEADS_OF, binds![client, LEADS_MAX]).await?;
                for (lead,) in all {
                    if self.office().reaches_row(&view, lead).await? {
                        leads.push(lead);
                    }
                }
            }
            Parent::Call(_) => {}
        }
        if leads.is_empty() {
            return Ok(Vec::new());
        }
        let (at, key) = after.bound(Kind::Event);
        let rows: Vec<EventRow> = self.store().db().all(EVENTS, binds![list(leads.into_iter()), at, key, count(wanted)]).await?;
        Ok(rows.into_iter().map(|row| (Place(row.at, Kind::Event, row.id), row.shown(&view))).collect())
    }

    async fn written(&self, permit: &Permit, parent: Parent, after: Place, wanted: usize) -> Result<Items, OfficeError> {
        let Some(reader) = permit.principal().permit(can::NOTES_READ) else { return Ok(Vec::new()) };
        if !self.reaches(&reader, parent).await? {
            return Ok(Vec::new());
        }
        let statement = if matches!(parent, Parent::Lead(_)) { NOTES_OF_LEAD } else { NOTES_OF_CLIENT };
        let (at, key) = after.bound(Kind::Note);
        let keys: Vec<(i64, i64)> = self.store().db().all(statement, binds![parent.key(), at, key, count(wanted)]).await?;
        let mut shown = Vec::new();
        for some in keys.chunks(VALUES_MAX) {
            let ids: Vec<String> = some.iter().map(|(id, _)| id.to_string()).collect();
            let params = ListParams::default().within("id", ids).limited(VALUES_MAX);
            let mut page = self.office().list(&reader.view(&NOTES), &params).await?;
            self.name_reached(&reader, Some(parent), page.items.iter_mut()).await?;
            for (key, row) in page.keys.into_iter().zip(page.items) {
                let at = some.iter().find(|(id, _)| *id == key).map_or(0, |(_, at)| *at);
                shown.push((Place(at, Kind::Note, key), row));
            }
        }
        Ok(shown)
    }

    /// Calls that the person reaches, and the place up to which calls were looked at if there may be more behind it.
    async fn called(&self, permit: &Permit, parent: Parent, after: Place, wanted: usize) -> Result<(Items, Option<Place>), OfficeError> {
        let Some(reader) = permit.principal().permit(office::can::CALLS_READ) else { return Ok((Vec::new(), None)) };
        let view = reader.view(&CALLS);
        let statement = if matches!(parent, Parent::Lead(_)) { CALLS_OF_LEAD } else { CALLS_OF_CLIENT };
        // A call's id begins with its time.
        let mut before = match after.bound(Kind::Call) {
            (at, i64::MAX) => (at + 1) << BITS_BEHIND_TIME,
            (at, i64::MIN) => at << BITS_BEHIND_TIME,
            (_, key) => key,
        };
        if after == START {
            before = i64::MAX;
        }
        let (mut shown, center) = (Vec::new(), permit.rows().center);
        for _ in 0..LOOKS_MAX {
            let keys: Vec<(i64,)> = self.store().db().all(statement, binds![center, parent.key(), before, count(LIMIT_MAX)]).await?;
            let Some((last,)) = keys.last().copied() else { return Ok((shown, None)) };
            for some in keys.chunks(VALUES_MAX) {
                let ids: Vec<String> = some.iter().map(|(call,)| CallId(*call).to_string()).collect();
                let page = self.office().list(&view, &ListParams::default().within("call_id", ids).limited(VALUES_MAX)).await?;
                let known: BTreeSet<i64> = page.keys.iter().copied().collect();
                debug_assert!(known.len() == page.keys.len(), "a call is listed once");
                let calls = page.keys.into_iter().zip(page.items);
                shown.extend(calls.map(|(key, row)| (Place(key >> BITS_BEHIND_TIME, Kind::Call, key), row)));
            }
            if keys.len() < LIMIT_MAX {
                return Ok((shown, None));
            }
            before = last;
            if shown.len() >= wanted {
                break;
            }
        }
        Ok((shown, Some(Place(before >> BITS_BEHIND_TIME, Kind::Call, before))))
    }
}

fn count(wanted: usize) -> i64 {
    i64::try_from(wanted).unwrap_or(i64::MAX)
}
