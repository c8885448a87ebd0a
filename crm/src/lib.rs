//! The modules that live on calls: tags, leads, listening, and the desk at which calls come in. Of clients and notes there is what they decide
//! ([`core`]) and no more.
//! Stands on the engines of `office`, which decide what a person may see and do; knows no HTTP routes and no telephony.

pub mod card;
pub mod core;
pub mod hearing;
pub mod leads;
mod line;
pub mod links;
pub mod listening;
mod news;
mod phones;
mod pop;
mod rights;
pub mod tags;
#[cfg(test)]
mod testing;

use office::{Adders, Office, jobs::Kinds};
use store::{Statement, Store};

pub use news::Teller;
pub use rights::{can, part};

/// All modules. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Crm {
    store: Store,
    office: Office,
    news: Teller,
}

impl Crm {
    /// Puts the modules on an office that was opened with their [`part`], and on its database.
    #[must_use]
    pub fn new(store: Store, office: Office) -> Self {
        Self { store, office, news: Teller::default() }
    }

    /// The same, telling what its jobs ([`kinds`]) tell.
    #[must_use]
    pub fn telling(self, news: Teller) -> Self {
        Self { news, ..self }
    }

    /// Who is told of rows that come, change and go.
    #[must_use]
    pub fn news(&self) -> &Teller {
        &self.news
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

/// The jobs of the modules, added to those that are there already. What they do to rows is told to `news`.
#[must_use]
pub fn kinds(kinds: Kinds, news: &Teller) -> Kinds {
    kinds.with(links::SeatCalls).with(listening::TakeSample).with(listening::ExpireClaims(news.clone()))
}

/// What the modules add to the lists of others, for the office that is opened with their [`part`].
#[must_use]
pub fn added(store: &Store) -> Adders {
    tags::listed::TagsOf::all(store).into_iter().fold(Adders::default(), Adders::with)
}

/// Every SQL text of this room; a test prepares each on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    let shared = &[phones::STATEMENTS, links::STATEMENTS, pop::STATEMENTS, card::STATEMENTS];
    let all = [tags::STATEMENTS, leads::STATEMENTS, hearing::STATEMENTS, listening::STATEMENTS, shared];
    all.into_iter().flatten().copied().flatten().copied()
}
