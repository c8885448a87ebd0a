//! What is to be told of facts, stored with the fact and delivered at least once by a cursor a listener.

use std::{borrow::Borrow, collections::BTreeSet};

use model::{CenterId, WallTime};
use serde_json::Value;
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::{json, unsigned},
    db::{Tx, binds, statements},
    ids,
    many::{Column, Rows, row, rows_32},
};

/// How many rows one reading gives at most.
pub const OUTBOX_BATCH_MAX: u32 = 1000;

/// A row that waits to be told. Rows are written only while somebody listens ([`Store::outbox_listen`]).
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Its id; they grow in the order in which facts became lasting, so a listener that has read one has read all before it.
    pub id: i64,
    /// Whose fact it is.
    pub center: CenterId,
    /// The journal's number of the fact; none for facts that did not come through the journal.
    pub seq: Option<u64>,
    /// What it is: `call.update`, `cdr.created`, `recording.ready`.
    pub kind: String,
    /// The whole new picture of what changed.
    pub payload: Value,
    /// When the fact happened.
    pub created_at: WallTime,
}

/// What [`Store::outbox_prune`] took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxPruned {
    /// Rows that every listener has acknowledged.
    pub delivered: u64,
    /// Rows that were not, and fell to the bound (FT-7): listeners have lost them.
    pub dropped: u64,
}

statements! {
    INSERT: each
        concat!("INSERT INTO outbox (id, center_id, seq, kind, payload, created_at) SELECT * FROM ", rows_32!("(?,?,?,?,?,?)"), "
        WHERE v.column1 IS NOT NULL"),
        "INSERT INTO outbox (id, center_id, seq, kind, payload, created_at)
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])";
    LOCK_CURSOR: both "UPDATE journal_state SET cursor = cursor WHERE id = 1";
    LISTENED: both "SELECT DISTINCT kinds FROM outbox_cursors";
    // A new listener hears what comes, not what was.
    LISTEN: both "INSERT INTO outbox_cursors (listener, position, kinds)
        SELECT CAST($1 AS TEXT), i.next - 1, CAST($2 AS TEXT) FROM ids i WHERE i.kind = 'outbox'
        ON CONFLICT (listener) DO UPDATE SET kinds = excluded.kinds";
    NEWEST: both "SELECT next - 1 FROM ids WHERE kind = 'outbox'";
    FORGET: both "DELETE FROM outbox_cursors WHERE listener = $1";
    READ: both "SELECT o.id, o.center_id, o.seq, o.kind, o.payload, o.created_at FROM outbox o
        WHERE o.id > (SELECT position FROM outbox_cursors WHERE listener = $1) ORDER BY o.id LIMIT $2";
    ACK: both "UPDATE outbox_cursors SET position = $2 WHERE listener = $1 AND position < $2";
    PRUNE_DELIVERED: both "DELETE FROM outbox WHERE id <=
        COALESCE((SELECT min(position) FROM outbox_cursors), (SELECT next - 1 FROM ids WHERE kind = 'outbox'))";
    // Ids have no gaps, so the newest id says how many rows there can be.
    PRUNE_OLDEST: both "DELETE FROM outbox WHERE id <= (SELECT next - 1 FROM ids WHERE kind = 'outbox') - $1";
}

impl Store {
    /// Makes a listener known, from now on; a known one stays where it is. Rows are kept until every listener has them.
    pub async fn outbox_listen(&self, listener: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        listen(&mut tx, listener).await?;
        tx.commit().await
    }

    /// The same, to news of these kinds alone: what nobody listens to is not written down. The listener still reads what others have asked
    /// for, and has to pass it over and acknowledge it.
    pub async fn outbox_listen_to(&self, listener: &str, kinds: &[&str]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        listen_to(&mut tx, listener, Some(kinds)).await?;
        tx.commit().await
    }

    /// Forgets a listener, so that nothing is kept for it.
    pub async fn outbox_forget(&self, listener: &str) -> Result<(), StoreError> {
        self.db.run(FORGET, binds![listener]).await.map(drop)
    }

    /// What the listener has not acknowledged, oldest first; at most `limit` and [`OUTBOX_BATCH_MAX`] rows. Nothing for an unknown listener.
    pub async fn outbox_read(&self, listener: &str, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let limit = i64::from(limit.min(OUTBOX_BATCH_MAX));
        self.db.all::<Row>(READ, binds![listener, limit]).await?.into_iter().map(OutboxRow::try_from).collect()
    }

    /// The listener has told everything up to and including row `id`.
    pub async fn outbox_ack(&self, listener: &str, id: i64) -> Result<(), StoreError> {
        self.db.run(ACK, binds![listener, id]).await.map(drop)
    }

    /// Takes away what every listener has acknowledged, and the oldest of the rest beyond `rows_max` rows.
    pub async fn outbox_prune(&self, rows_max: u32) -> Result<OutboxPruned, StoreError> {
        let mut tx = self.db.begin().await?;
        let delivered = tx.run(PRUNE_DELIVERED, &[]).await?;
        let dropped = tx.run(PRUNE_OLDEST, binds![i64::from(rows_max)]).await?;
        tx.commit().await?;
        Ok(OutboxPruned { delivered, dropped })
    }
}

/// As [`Store::outbox_listen`], in a transaction of the caller's; others who begin or cease to listen wait for its end. Gives the newest row.
///
/// # Errors
/// As the database's.
pub async fn listen(tx: &mut Tx, listener: &str) -> Result<i64, StoreError> {
    listen_to(tx, listener, None).await
}

/// The same, to news of these kinds alone; none: to all.
///
/// # Errors
/// As the database's.
pub async fn listen_to(tx: &mut Tx, listener: &str, kinds: Option<&[&str]>) -> Result<i64, StoreError> {
    // Whoever applies facts has the cursor locked: those facts come before the listener, and all later ones are for it.
    tx.run(LOCK_CURSOR, &[]).await?;
    tx.run(LISTEN, binds![listener, kinds.map(|kinds| json(&kinds))]).await?;
    let newest: Option<(i64,)> = tx.one(NEWEST, &[]).await?;
    newest.map(|(newest,)| newest).ok_or_else(|| StoreError::Broken { table: "ids", what: "no row for outbox".to_owned() })
}

/// As [`Store::outbox_forget`], in a transaction of the caller's.
///
/// # Errors
/// As the database's.
pub async fn forget(tx: &mut Tx, listener: &str) -> Result<(), StoreError> {
    tx.run(FORGET, binds![listener]).await.map(drop)
}

/// As [`Store::outbox_ack`], in the transaction of what was done with the rows.
///
/// # Errors
/// As the database's.
pub async fn ack(tx: &mut Tx, listener: &str, id: i64) -> Result<(), StoreError> {
    tx.run(ACK, binds![listener, id]).await.map(drop)
}

/// What to tell of a fact.
#[derive(Debug)]
pub struct News {
    pub(crate) center: CenterId,
    pub(crate) kind: &'static str,
    pub(crate) payload: String,
    pub(crate) created_at: WallTime,
}

/// What anybody listens to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Listened {
    /// News of these kinds.
    Kinds(BTreeSet<String>),
    /// Nobody listens.
    #[default]
    Nothing,
    /// Everything: somebody has named no kinds, or in a way that cannot be read.
    All,
}

impl Listened {
    /// Whether somebody listens to news of this kind.
    pub(crate) fn has(&self, kind: &str) -> bool {
        match self {
            Self::Kinds(kinds) => kinds.contains(kind),
            Self::Nothing => false,
            Self::All => true,
        }
    }
}

/// What is wanted to be told. The transaction of facts has locked the journal's cursor, so nobody begins to listen until it ends.
pub(crate) async fn listened(tx: &mut Tx) -> Result<Listened, StoreError> {
    let listeners: Vec<(Option<String>,)> = tx.all(LISTENED, &[]).await?;
    if listeners.is_empty() {
        return Ok(Listened::Nothing);
    }
    let kinds = |named: Option<String>| -> Option<Vec<String>> { serde_json::from_str(&named?).ok() };
    let all: Option<Vec<_>> = listeners.into_iter().map(|(named,)| kinds(named)).collect();
    Ok(all.map_or(Listened::All, |all| Listened::Kinds(all.into_iter().flatten().collect())))
}

/// Writes what is to be told of a change, in the change's own transaction, if anybody listens to news of that kind.
///
/// # Errors
/// As the database's.
pub async fn tell(tx: &mut Tx, news: News) -> Result<(), StoreError> {
    // Nobody waits for the journal here: who begins to listen at this very moment may or may not hear of it.
    if listened(tx).await?.has(news.kind) { insert(tx, &[(None, news)]).await } else { Ok(()) }
}

/// Writes rows in the facts' own transaction. Each comes with the journal's number of its fact.
pub(crate) async fn push(tx: &mut Tx, news: &[(u64, News)]) -> Result<(), StoreError> {
    let news: Vec<_> = news.iter().map(|(seq, news)| (Some(*seq), news)).collect();
    insert(tx, &news).await
}

async fn insert(tx: &mut Tx, news: &[(Option<u64>, impl Borrow<News>)]) -> Result<(), StoreError> {
    use Column::{Int, Text};
    if news.is_empty() {
        return Ok(());
    }
    let first = ids::draw(tx, "outbox", i64::try_from(news.len()).unwrap_or(i64::MAX)).await?;
    let mut rows = Rows::new(&[Int, Int, Int, Text, Text, Int]);
    for (id, (seq, news)) in (first..).zip(news) {
        let (seq, news) = (seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)), news.borrow());
        rows.push(row![id, news.center, seq, news.kind, &news.payload, news.created_at]);
    }
    tx.run_many(INSERT, &rows).await.map(drop)
}

impl News {
    /// What to tell: the kind (`user.updated`), and the whole new picture of what changed.
    #[must_use]
    pub fn new(center: CenterId, kind: &'static str, payload: &impl serde::Serialize, created_at: WallTime) -> Self {
        Self { center, kind, payload: json(payload), created_at }
    }
}

#[derive(FromRow)]
struct Row {
    id: i64,
    center_id: i64,
    seq: Option<i64>,
    kind: String,
    payload: String,
    created_at: i64,
}

impl TryFrom<Row> for OutboxRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            center: CenterId(row.center_id),
            seq: row.seq.map(|seq| unsigned("outbox", seq)).transpose()?,
            kind: row.kind,
            payload: serde_json::from_str(&row.payload).map_err(|error| StoreError::Broken { table: "outbox", what: error.to_string() })?,
            created_at: WallTime(row.created_at),
        })
    }
}
