//! Ids made by us, one counter a kind. An id never comes back.

use crate::{
    StoreError,
    db::{Tx, binds, statements},
};

statements! {
    // The counter's row stays locked until the transaction ends, so who draws ids of one kind does so in the order of commits.
    DRAW: both "UPDATE ids SET next = next + $2 WHERE kind = $1 RETURNING next";
}

/// Draws `count` ids and gives the first of them. Others who draw of this kind wait for the end of the transaction.
/// `kind` is a row of the table `ids`: `user`, `trunk`, `job`.
///
/// # Errors
/// [`StoreError::Broken`] if there is no such row.
pub async fn draw(tx: &mut Tx, kind: &'static str, count: impl Into<i64>) -> Result<i64, StoreError> {
    let count = count.into();
    let row: Option<(i64,)> = tx.one(DRAW, binds![kind, count]).await?;
    let (next,) = row.ok_or(StoreError::Broken { table: "ids", what: format!("no row for {kind}") })?;
    Ok(next - count)
}
