//! What can go wrong, told apart by what a caller would do about it.

use std::borrow::Cow;

use sqlx::error::{DatabaseError, ErrorKind};

/// Why the store did not do what it was asked. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full, locked for too long or slower than its time limit (R21): try again later. The API answers 503.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The URL names no database that can be used.
    #[error("the database URL cannot be used: {0}")]
    Url(String),
    /// The database was written by a newer Cordboard; this one must not touch it.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: start a newer program or restore an older database"
    )]
    SchemaNewer {
        /// The version in the database.
        found: i64,
        /// The newest version that this program has.
        known: i64,
    },
    /// A copy into this database was begun and not finished (`copy`): it holds nothing of it.
    #[error(
        "a copy into this database was begun and never finished: run `cordboard db copy` again with --start-over, or name the database that was copied"
    )]
    CopyUnfinished,
    /// A migration that was applied differs from the one in this program.
    #[error("migration {version} in the database is not the one in this program")]
    SchemaChanged {
        /// Its number.
        version: i64,
    },
    /// No user, trunk or slot has this id.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Another user has this name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// There is no free contiguous block of numbers of this size (or none directly after the hub's own).
    #[error("no free contiguous block of {wanted} numbers from {first}")]
    NumbersExhausted {
        /// The first number of the kind, or the number after the hub's last one.
        first: u16,
        /// How many numbers were wanted.
        wanted: u16,
    },
    /// A hub has 1 to 999 slots.
    #[error("a capacity of {0} is not within 1 to 999")]
    Capacity(u16),
    /// Limits that no slot can have: see `model::SlotLimits`.
    #[error("the limits are not such as a slot can have")]
    Limits,
    /// The rows do not fit a rule of the schema that no better variant speaks of.
    #[error("the rule {name} of the database is broken")]
    Constraint {
        /// The rule's name, the same with both databases: `users_username_key`, `slots_pkey`, `trunks_kind_check`.
        name: String,
    },
    /// A value cannot be stored: too big or of a wrong form.
    #[error("a value cannot be stored")]
    Unstorable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds what no version of this program has written.
    #[error("a row of {table} cannot be read: {what}")]
    Broken {
        /// The table.
        table: &'static str,
        /// What is wrong with the row.
        what: String,
    },
    /// A defect of ours: wrong SQL, wrong types, a missing table.
    #[error("the store failed")]
    Defect(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing anything but the database's health.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the fault lies in what was to be stored, so that a repetition fails as well.
    #[must_use]
    pub fn is_in_the_data(&self) -> bool {
        matches!(self, Self::Constraint { .. } | Self::Unstorable(_))
    }

    /// Turns a breach of the rule `name` into an answer.
    #[must_use]
    pub fn on_constraint(self, name: &str, answer: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Constraint { name: broken } if broken == name => answer(),
            other => other,
        }
    }

    /// A call that took longer than its limit.
    pub(crate) fn timed_out(what: &'static str) -> Self {
        Self::Unavailable(format!("{what} took too long").into())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(said) => match class(said.as_ref()) {
                Class::Unavailable => Self::Unavailable(Box::new(error)),
                Class::Constraint(name) => Self::Constraint { name },
                Class::Unstorable => Self::Unstorable(Box::new(error)),
                Class::Defect => Self::Defect(Box::new(error)),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(Box::new(error)),
            sqlx::Error::Configuration(cause) => Self::Url(cause.to_string()),
            _ => Self::Defect(Box::new(error)),
        }
    }
}

enum Class {
    Unavailable,
    Constraint(String),
    Unstorable,
    Defect,
}

fn class(said: &dyn DatabaseError) -> Class {
    let code = said.code().unwrap_or(Cow::Borrowed(""));
    if let Some(postgres) = said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        postgres_class(&code, postgres.constraint(), postgres.column())
    } else {
        sqlite_class(code.parse().unwrap_or(0), said)
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A).
fn postgres_class(code: &str, constraint: Option<&str>, column: Option<&str>) -> Class {
    // Not the owner of the data's fault: a lock not got in time, a server that has become a read-only standby.
    if matches!(code, "55P03" | "25006") {
        return Class::Unavailable;
    }
    match code.get(..2).unwrap_or("") {
        // Connection, log-in, rolled back by the server, out of resources, operator (which includes statement_timeout), the machine.
        "08" | "28" | "40" | "53" | "57" | "58" => Class::Unavailable,
        "23" => Class::Constraint(constraint.or(column).unwrap_or("unnamed").to_owned()),
        "22" | "54" => Class::Unstorable,
        _ => Class::Defect,
    }
}

/// By result code (sqlite.org/rescode.html); the low octet is the primary code.
fn sqlite_class(code: i32, said: &dyn DatabaseError) -> Class {
    match code & 0xff {
        // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL: the disk or another process (FT-5, FT-6).
        5 | 6 | 7 | 8 | 10 | 13 | 14 | 15 => Class::Unavailable,
        // CONSTRAINT; 3091 is a value of a wrong type in a STRICT table.
        19 if code == 3091 => Class::Unstorable,
        19 => Class::Constraint(sqlite_constraint(code, said)),
        // TOOBIG
        18 => Class::Unstorable,
        _ => Class::Defect,
    }
}

/// SQLite tells names only in its messages; this makes of them the names that PostgreSQL gives by default.
fn sqlite_constraint(code: i32, said: &dyn DatabaseError) -> String {
    /// SQLITE_CONSTRAINT_PRIMARYKEY
    const PRIMARY_KEY: i32 = 1555;
    let subject = said.message().split_once("failed: ").map_or("", |(_, subject)| subject);
    match said.kind() {
        ErrorKind::UniqueViolation => {
            // "users.username", or "idempotency_keys.user_id, idempotency_keys.key"
            let mut columns = subject.split(", ").filter_map(|column| column.split_once('.'));
            let Some((table, first)) = columns.next() else { return "unnamed".to_owned() };
            if code == PRIMARY_KEY {
                return format!("{table}_pkey");
            }
            let columns: Vec<&str> = std::iter::once(first).chain(columns.map(|(_, column)| column)).collect();
            format!("{table}_{}_key", columns.join("_"))
        }
        ErrorKind::NotNullViolation => subject.split_once('.').map_or(subject, |(_, column)| column).to_owned(),
        ErrorKind::CheckViolation => subject.to_owned(),
        _ => "unnamed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_codes_are_told_apart_by_what_to_do() {
        let name = |class| match class {
            Class::Unavailable => "unavailable".to_owned(),
            Class::Constraint(name) => name,
            Class::Unstorable => "unstorable".to_owned(),
            Class::Defect => "defect".to_owned(),
        };
        let cases = [
            ("08006", None, None, "unavailable"),
            ("28P01", None, None, "unavailable"),
            ("40P01", None, None, "unavailable"),
            ("53300", None, None, "unavailable"),
            ("57014", None, None, "unavailable"),
            ("57P03", None, None, "unavailable"),
            ("58030", None, None, "unavailable"),
            ("55P03", None, None, "unavailable"),
            ("25006", None, None, "unavailable"),
            ("23505", Some("users_username_key"), None, "users_username_key"),
            ("23502", None, Some("role"), "role"),
            ("23000", None, None, "unnamed"),
            ("22021", None, None, "unstorable"),
            ("54000", None, None, "unstorable"),
            ("42P01", None, None, "defect"),
            ("25P02", None, None, "defect"),
            ("", None, None, "defect"),
        ];
        for (code, constraint, column, wanted) in cases {
            assert_eq!(name(postgres_class(code, constraint, column)), wanted, "{code}");
        }
    }
}
