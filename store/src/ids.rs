//! Ids made by us, one counter a kind. An id never comes back.

use crate::{
    StoreError,
    db::{Tx, binds, statements},
};

/// Whose ids.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    User,
    Trunk,
    Slot,
    Outbox,
}

statements! {
    // The counter's row stays locked until the transaction ends, so who draws ids of one kind does so in the order of commits.
    DRAW: both "UPDATE ids SET next = next + $2 WHERE kind = $1 RETURNING next";
}

/// Draws `count` ids and gives the first of them. Others who draw of this kind wait for the end of the transaction.
pub(crate) async fn draw(tx: &mut Tx, kind: Kind, count: impl Into<i64>) -> Result<i64, StoreError> {
    let kind = match kind {
        Kind::User => "user",
        Kind::Trunk => "trunk",
        Kind::Slot => "slot",
        Kind::Outbox => "outbox",
    };
    let count = count.into();
    let row: Option<(i64,)> = tx.one(DRAW, binds![kind, count]).await?;
    let (next,) = row.ok_or(StoreError::Broken { table: "ids", what: format!("no row for {kind}") })?;
    Ok(next - count)
}
