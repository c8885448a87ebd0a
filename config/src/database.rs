//! `[database]`

use std::fmt;

use crate::{
    section::section,
    value::{Problem, Raw, Value},
};

section! {
    /// Where accounts, slots, calls and recordings are listed.
    Database in database {
        /// "postgres://user:password@host/name" or "sqlite:/path/to/file". Empty: SQLite in the data directory.
        /// Better given as CORDBOARD__DATABASE__URL if it holds a password.
        url: Option<DatabaseUrl> = "\"\"";
    }
}

/// The URL of a database. It may hold a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    const SCHEMES: [&'static str; 3] = ["sqlite:", "postgres://", "postgresql://"];

    /// The whole URL, with its password. Not for logs.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.split(':').next().unwrap_or_default();
        write!(f, "DatabaseUrl({scheme}:..)")
    }
}

impl Value for DatabaseUrl {
    const EXPECTS: &'static str = "a URL such as \"sqlite:/var/lib/cordboard/cordboard.db\" or \"postgres://…\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        if Self::SCHEMES.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::Bad("a database's URL begins with sqlite:, postgres:// or postgresql:// and names a database".into()))
        }
    }
}
