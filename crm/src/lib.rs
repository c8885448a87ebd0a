//! The modules that live on calls: tags, leads, and the desk at which calls come in. Of listening, clients and notes there is what they decide
//! ([`core`]) and no more.
//! Stands on the engines of `office`, which decide what a person may see and do; knows no HTTP routes and no telephony.

pub mod card;
pub mod core;
pub mod leads;
mod line;
pub mod links;
mod phones;
mod pop;
mod rights;
pub mod tags;
#[cfg(test)]
mod testing;

use std::{fmt, sync::Arc};

use model::RowNews;
use office::{Adders, Office, jobs::Kinds};
use store::{Statement, Store};

pub use rights::{can, part};

/// All modules. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Crm {
    store: Store,
    office: Office,
    tell: Teller,
}

/// Who is told of rows that came, changed or went.
#[derive(Clone)]
struct Teller(Arc<dyn Fn(RowNews) + Send + Sync>);

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Teller")
    }
}

impl Crm {
    /// Puts the modules on an office that was opened with their [`part`], and on its database.
    #[must_use]
    pub fn new(store: Store, office: Office) -> Self {
        Self { store, office, tell: Teller(Arc::new(drop)) }
    }

    /// The same, telling `tell` of each row that came, changed or went, once that counts: it must be quick, and may lose what it is told.
    #[must_use]
    pub fn telling(self, tell: impl Fn(RowNews) + Send + Sync + 'static) -> Self {
        Self { tell: Teller(Arc::new(tell)), ..self }
    }

    /// Tells of a row. Only after the commit.
    pub(crate) fn tell(&self, news: RowNews) {
        (self.tell.0)(news);
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
    kinds.with(links::SeatCalls)
}

/// What the modules add to the lists of others, for the office that is opened with their [`part`].
#[must_use]
pub fn added(store: &Store) -> Adders {
    tags::listed::TagsOf::all(store).into_iter().fold(Adders::default(), Adders::with)
}

/// Every SQL text of this room; a test prepares each on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    let all = [tags::STATEMENTS, leads::STATEMENTS, &[phones::STATEMENTS, links::STATEMENTS, pop::STATEMENTS, card::STATEMENTS]];
    all.into_iter().flatten().copied().flatten().copied()
}
