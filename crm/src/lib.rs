//! The modules that live on calls: tags, listening, leads, clients and notes, the desk at which calls come in, and reports.
//! Stands on the engines of `office`, which decide what a person may see and do; knows no HTTP routes and no telephony.

pub mod card;
pub mod clients;
pub mod core;
pub mod follow;
pub mod hearing;
pub mod history;
pub mod leads;
mod line;
pub mod links;
pub mod listening;
pub mod missed;
pub mod notes;
mod parent;
mod phones;
mod pop;
pub mod reminders;
pub mod reports;
mod rights;
pub mod tags;
#[cfg(test)]
mod testing;

use model::LeadId;
use office::{Adders, CALLS, CDRS, Office, bulk::BulkActions, jobs::Kinds};
use store::{Statement, Store};
use tokio::sync::broadcast;

pub use parent::Parent;
pub use rights::{can, part};

/// All modules. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Crm {
    store: Store,
    office: Office,
    changed: LeadChanges,
}

impl Crm {
    /// Puts the modules on an office that was opened with their [`part`], and on its database.
    #[must_use]
    pub fn new(store: Store, office: Office) -> Self {
        Self { store, office, changed: LeadChanges::default() }
    }

    /// Has changes of leads told here, where those of the office's jobs are told too.
    #[must_use]
    pub fn telling(self, changed: LeadChanges) -> Self {
        Self { changed, ..self }
    }

    /// A lead was made, changed or deleted, and that is lasting: whoever is reminded of it hangs on that.
    pub(crate) fn lead_changed(&self, lead: i64) {
        self.changed.tell(lead);
    }

    /// The database, for the modules themselves.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The engines that the modules stand on.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.office
    }
}

/// Where it is told which leads have changed: who reminds people of them hears it. Its clones are one place.
#[derive(Debug, Clone)]
pub struct LeadChanges(broadcast::Sender<LeadId>);

impl LeadChanges {
    pub(crate) fn tell(&self, lead: i64) {
        // Nobody may be there to hear it.
        let _ = self.0.send(LeadId(lead));
    }

    pub(crate) fn hear(&self) -> broadcast::Receiver<LeadId> {
        self.0.subscribe()
    }
}

impl Default for LeadChanges {
    fn default() -> Self {
        Self(broadcast::channel(reminders::CHANGES_MAX).0)
    }
}

/// Adds the kinds of jobs that modules bring.
#[must_use]
pub fn kinds(kinds: Kinds) -> Kinds {
    kinds.with(links::SeatCalls).with(listening::TakeSample).with(listening::ExpireClaims).with(reports::BuildDays)
}

/// Adds the changes of many rows that modules bring. Where people are reminded, [`leads::HandOverMany::telling`] takes the place of its like.
#[must_use]
pub fn bulk(actions: BulkActions) -> BulkActions {
    actions.with(leads::HandOverMany::default()).with(missed::DismissMissed)
}

/// Adds the columns that modules bring to lists.
#[must_use]
pub fn added(adders: Adders, store: &Store) -> Adders {
    let listened = |resource| hearing::Listened { store: store.clone(), resource };
    let adders = adders.with(leads::ClientsOfLeads(store.clone())).with(listened(CALLS.name)).with(listened(CDRS.name));
    tags::listed::TagsOf::all(store).into_iter().fold(adders, Adders::with)
}

/// Every SQL text of this room; a test prepares each on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    let of_calls = [links::ALL_STATEMENTS, tags::STATEMENTS, hearing::STATEMENTS, listening::STATEMENTS].concat();
    let of_people = [leads::STATEMENTS, clients::STATEMENTS, notes::STATEMENTS, reports::ALL_STATEMENTS].concat();
    let of_desks = [pop::STATEMENTS, card::STATEMENTS, follow::STATEMENTS, missed::STATEMENTS, reminders::STATEMENTS];
    let shared = [phones::STATEMENTS, parent::STATEMENTS, history::STATEMENTS];
    of_calls.into_iter().chain(of_people).chain(of_desks).chain(shared).flatten().copied()
}
