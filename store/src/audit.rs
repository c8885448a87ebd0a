//! The audit log: who did what, written in the transaction of the change itself. Append-only, and each row's hash covers the row before it.
//!
//! A row that is edited, taken out or put in breaks the chain at its place ([`Row::hash_after`]); one that is cut off the end disagrees with the head.
//! Whoever can write the whole database can make a whole new chain, so the head is told to the log once a night: what stands elsewhere
//! cannot be rewritten here.

use model::{Actor, CenterId, WallTime};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::{
    StoreError, binds,
    db::{Bind, Tx},
    many::{Column, Rows, row, rows_32},
    statements,
};

/// What kind of thing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Log-ins, rights, refusals (S004-59).
    Security,
    /// Something was made, changed or deleted.
    Change,
    /// Something was looked at or heard that matters: a recording, an export.
    Read,
}

impl Category {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Change => "change",
            Self::Read => "read",
        }
    }
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was.
    Done,
    /// It was refused.
    Refused,
}

impl AuditOutcome {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What kind of thing.
    pub category: Category,
    /// What: the permission that it takes (`users.update`), or `session.login` and its like.
    pub action: &'static str,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// To what kind of thing: a resource's name.
    pub resource: String,
    /// To which one; empty if to none.
    pub resource_id: String,
    /// The old and the new values.
    pub diff: Diff,
}

impl Entry {
    /// Something was changed.
    #[must_use]
    pub fn change(action: &'static str, resource: &str, resource_id: impl ToString, diff: Diff) -> Self {
        Self {
            category: Category::Change,
            action,
            outcome: AuditOutcome::Done,
            resource: resource.to_owned(),
            resource_id: resource_id.to_string(),
            diff,
        }
    }

    /// The same, as a matter of security.
    #[must_use]
    pub fn security(self) -> Self {
        Self { category: Category::Security, ..self }
    }
}

/// Old and new values by column: `{"name": ["old", "new"]}`. Never a secret: those stand as `"changed"` ([`Diff::secret`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff(Map<String, Value>);

impl Diff {
    /// Nothing changed.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Something came to be.
    #[must_use]
    pub fn created(new: &Map<String, Value>) -> Self {
        Self::between(&Map::new(), new)
    }

    /// Something went.
    #[must_use]
    pub fn deleted(old: &Map<String, Value>) -> Self {
        Self::between(old, &Map::new())
    }

    /// What differs; what is absent counts as null.
    #[must_use]
    pub fn between(old: &Map<String, Value>, new: &Map<String, Value>) -> Self {
        let value = |map: &Map<String, Value>, name: &str| map.get(name).cloned().unwrap_or(Value::Null);
        let mut diff = Map::new();
        for name in old.keys().chain(new.keys()) {
            let (before, after) = (value(old, name), value(new, name));
            if before != after {
                diff.insert(name.clone(), Value::Array(vec![before, after]));
            }
        }
        Self(diff)
    }

    /// Adds a column that has another value now.
    #[must_use]
    pub fn and(mut self, column: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        self.0.insert(column.to_owned(), Value::Array(vec![old.into(), new.into()]));
        self
    }

    /// Adds that a secret is another one now.
    #[must_use]
    pub fn secret(mut self, column: &str) -> Self {
        self.0.insert(column.to_owned(), Value::Array(vec![Value::Null, "changed".into()]));
        self
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

statements! {
    // Whoever appends locks the head until its transaction ends, so numbers grow in the order of commits.
    HEAD: both "UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq, hash";
    SET_HEAD: both "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1";
    INSERT: both "INSERT INTO audit_log (seq, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource, resource_id,
        diff, source, user_agent, request_id, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    INSERT_MANY: each
        concat!("INSERT INTO audit_log (seq, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource, resource_id,
            diff, source, user_agent, request_id, prev_hash, hash)
            SELECT * FROM ", rows_32!("(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"), " WHERE v.column1 IS NOT NULL"),
        "INSERT INTO audit_log (seq, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource, resource_id,
            diff, source, user_agent, request_id, prev_hash, hash)
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[])";
}

/// What the columns of a row hold.
const COLUMNS: &[Column] = {
    use Column::{Int, Text};
    &[Int, Int, Int, Text, Text, Int, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text]
};

/// Longest text of a client's own that is kept, in octets.
const CLIENT_TEXT_MAX: usize = 256;

/// Appends what was done to the log, in the transaction that does it. Append last: others who append wait for this transaction's end.
///
/// # Errors
/// As the database's; the transaction is then not to be committed.
pub async fn append(tx: &mut Tx, now: WallTime, actor: &Actor, entries: &[Entry]) -> Result<(), StoreError> {
    let entries: Vec<_> = entries.iter().map(|entry| (now, actor, entry)).collect();
    append_each(tx, &entries).await
}

/// The same for what several people did at several times.
///
/// # Errors
/// As the database's; the transaction is then not to be committed.
pub async fn append_each(tx: &mut Tx, entries: &[(WallTime, &Actor, &Entry)]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let head: Option<(i64, String)> = tx.one(HEAD, &[]).await?;
    let (mut seq, mut hash) = head.ok_or_else(|| StoreError::Broken { table: "audit_head", what: "it is empty".to_owned() })?;
    let mut rows = Vec::with_capacity(entries.len());
    for (at, actor, entry) in entries {
        seq += 1;
        let mut row = Row::new(seq, *at, actor, entry);
        row.prev_hash = hash;
        row.hash = row.hash_after(&row.prev_hash);
        hash = row.hash.clone();
        rows.push(row);
    }
    match rows.as_slice() {
        // Most transactions have one entry; for that SQLite needs no statement of thirty-two.
        [row] => drop(tx.run(INSERT, &row.values()).await?),
        rows => {
            let mut many = Rows::new(COLUMNS);
            rows.iter().for_each(|row| many.push(row.values()));
            tx.run_many(INSERT_MANY, &many).await?;
        }
    }
    tx.run(SET_HEAD, binds![seq, &hash]).await.map(drop)
}

/// A row of the log as it is stored, for whoever verifies the chain.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Row {
    /// Its number; they have no gaps.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// In which centre.
    pub center_id: i64,
    /// See [`Category`].
    pub category: String,
    /// `user`, `token`, `system` or `nobody`.
    pub actor_kind: String,
    /// The user.
    pub actor_id: Option<i64>,
    /// Their name then.
    pub actor_name: String,
    /// What was done.
    pub action: String,
    /// See [`AuditOutcome`].
    pub outcome: String,
    /// To what kind of thing.
    pub resource: String,
    /// To which one.
    pub resource_id: String,
    /// Old and new values, JSON.
    pub diff: String,
    /// The address that the request came from.
    pub source: String,
    /// What the client said that it is.
    pub user_agent: String,
    /// The request.
    pub request_id: String,
    /// The hash of the row before.
    pub prev_hash: String,
    /// This row's.
    pub hash: String,
}

impl Row {
    fn new(seq: i64, at: WallTime, actor: &Actor, entry: &Entry) -> Self {
        let kind = actor.kind.code();
        let CenterId(center_id) = actor.center;
        Self {
            seq,
            at: at.0,
            center_id,
            category: entry.category.as_str().to_owned(),
            actor_kind: kind.to_owned(),
            actor_id: actor.user().map(|user| user.0),
            actor_name: storable(&actor.name),
            action: entry.action.to_owned(),
            outcome: entry.outcome.as_str().to_owned(),
            resource: storable(&entry.resource),
            resource_id: storable(&entry.resource_id),
            diff: storable(&Value::Object(entry.diff.0.clone()).to_string()),
            source: storable(&actor.source),
            user_agent: storable(&actor.user_agent),
            request_id: storable(&actor.request_id),
            prev_hash: String::new(),
            hash: String::new(),
        }
    }

    fn values(&self) -> [Bind<'_>; 17] {
        row![
            self.seq,
            self.at,
            self.center_id,
            &self.category,
            &self.actor_kind,
            self.actor_id,
            &self.actor_name,
            &self.action,
            &self.outcome,
            &self.resource,
            &self.resource_id,
            &self.diff,
            &self.source,
            &self.user_agent,
            &self.request_id,
            &self.prev_hash,
            &self.hash,
        ]
    }

    /// What its hash is, if the row before has the hash `previous`: SHA-256 in hexadecimal over all fields, each with its length before it,
    /// so that no two rows are written alike.
    #[must_use]
    pub fn hash_after(&self, previous: &str) -> String {
        let numbers = [self.seq, self.at, self.center_id, self.actor_id.unwrap_or(0)].map(|number| number.to_string());
        let texts: [&str; 11] = [
            &self.category,
            &self.actor_kind,
            &self.actor_name,
            &self.action,
            &self.outcome,
            &self.resource,
            &self.resource_id,
            &self.diff,
            &self.source,
            &self.user_agent,
            &self.request_id,
        ];
        let mut hash = Sha256::new();
        for field in std::iter::once(previous).chain(numbers.iter().map(String::as_str)).chain(texts) {
            hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(field.as_bytes());
        }
        hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

/// What the database gives back is to be what was hashed: without NUL, and no longer than it need be.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A text of a client's own, cut to what is kept of it.
#[must_use]
pub fn client_text(text: &str) -> String {
    let mut end = text.len().min(CLIENT_TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_diff_holds_what_differs() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let old = map(json!({"name": "a", "email": null, "same": 1}));
        let new = map(json!({"name": "b", "same": 1, "role": ["x"]}));
        assert_eq!(Value::Object(Diff::between(&old, &new).0), json!({"name": ["a", "b"], "role": [null, ["x"]]}));
        assert!(Diff::between(&old, &old).is_empty());
        let diff = Diff::none().and("state", "active", "disabled").secret("password");
        assert_eq!(Value::Object(diff.0), json!({"state": ["active", "disabled"], "password": [null, "changed"]}));
    }

    #[test]
    fn a_hash_covers_every_field_and_where_it_ends() {
        let actor = Actor::system(CenterId(1), "start");
        let entry = Entry::change("users.create", "users", 7, Diff::none());
        let row = Row::new(1, WallTime(5), &actor, &entry);
        let hash = row.hash_after("");
        let mut others = vec![row.hash_after("0")];
        let changed = |change: fn(&mut Row)| {
            let mut row = row.clone();
            change(&mut row);
            row.hash_after("")
        };
        others.push(changed(|row| row.seq = 2));
        others.push(changed(|row| row.at = 6));
        others.push(changed(|row| row.center_id = 2));
        others.push(changed(|row| row.actor_id = Some(3)));
        others.push(changed(|row| row.category = "security".to_owned()));
        others.push(changed(|row| row.actor_kind = "user".to_owned()));
        others.push(changed(|row| row.actor_name = "stop".to_owned()));
        others.push(changed(|row| row.action = "users.delete".to_owned()));
        others.push(changed(|row| row.outcome = "refused".to_owned()));
        others.push(changed(|row| row.resource = "roles".to_owned()));
        others.push(changed(|row| row.resource_id = "8".to_owned()));
        others.push(changed(|row| row.diff = "{ }".to_owned()));
        others.push(changed(|row| row.source = "::1".to_owned()));
        others.push(changed(|row| row.user_agent = "x".to_owned()));
        others.push(changed(|row| row.request_id = "x".to_owned()));
        // A letter that moves from one field to the next.
        others.push(changed(|row| (row.resource, row.resource_id) = ("user".to_owned(), "s7".to_owned())));
        others.push(hash);
        let count = others.len();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), count);
    }
}
