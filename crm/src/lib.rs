//! The modules that live on calls: tags, listening, leads, clients and notes, and the desk at which calls come in.
//! Stands on the engines of `office`, which decide what a person may see and do; knows no HTTP routes and no telephony.

pub mod card;
pub mod clients;
pub mod core;
pub mod hearing;
pub mod history;
pub mod leads;
mod line;
pub mod links;
pub mod listening;
pub mod notes;
mod parent;
mod phones;
mod pop;
mod rights;
pub mod tags;
#[cfg(test)]
mod testing;

use office::{Adders, Office, bulk::BulkActions, jobs::Kinds};
use store::{Statement, Store};

pub use parent::Parent;
pub use rights::{can, part};

/// All modules. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Crm {
    store: Store,
    office: Office,
}

impl Crm {
    /// Puts the modules on an office that was opened with their [`part`], and on its database.
    #[must_use]
    pub fn new(store: Store, office: Office) -> Self {
        Self { store, office }
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

/// Adds the kinds of jobs that modules bring.
#[must_use]
pub fn kinds(kinds: Kinds) -> Kinds {
    kinds.with(links::SeatCalls).with(listening::TakeSample).with(listening::ExpireClaims)
}

/// Adds the changes of many rows that modules bring.
#[must_use]
pub fn bulk(actions: BulkActions) -> BulkActions {
    actions.with(leads::HandOverMany)
}

/// Adds the columns that modules bring to lists.
#[must_use]
pub fn added(adders: Adders, store: &Store) -> Adders {
    let adders = adders.with(leads::ClientsOfLeads(store.clone()));
    tags::listed::TagsOf::all(store).into_iter().fold(adders, Adders::with)
}

/// Every SQL text of this room; a test prepares each on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    let of_calls = [links::ALL_STATEMENTS, tags::STATEMENTS, hearing::STATEMENTS, listening::STATEMENTS].concat();
    let of_people = [leads::STATEMENTS, clients::STATEMENTS, notes::STATEMENTS].concat();
    let own = [phones::STATEMENTS, parent::STATEMENTS, history::STATEMENTS, pop::STATEMENTS, card::STATEMENTS];
    of_calls.into_iter().chain(of_people).chain(own).flatten().copied()
}
