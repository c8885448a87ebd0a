//! What a table holds, as a number: computed on each side from what that side gives, and compared.

use sha2::{Digest as _, Sha256};

use super::{CopyError, schema::Table, side::Side};
use crate::{StoreError, db::Bind};

/// Rows between two words of progress.
pub(super) const ROWS_PER_WORD: u64 = 1_000;

/// The rows of a table, in whatever order they come: each row's SHA-256, all added up.
///
/// This finds what a copy may do wrong; it is no seal against somebody who wants two tables to look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) rows: u64,
    parts: [u64; 4],
}

impl Sum {
    pub(super) fn add(&mut self, values: &[Bind<'_>]) {
        let mut hash = Sha256::new();
        for value in values {
            match value {
                Bind::Int(None) => hash.update([0]),
                Bind::Text(None) => hash.update([1]),
                Bind::Int(Some(number)) => {
                    hash.update([2]);
                    hash.update(number.to_be_bytes());
                }
                Bind::Text(Some(text)) => {
                    hash.update([3]);
                    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                    hash.update(text.as_bytes());
                }
            }
        }
        let digest = hash.finalize();
        for (part, octets) in self.parts.iter_mut().zip(digest.chunks_exact(8)) {
            *part = part.wrapping_add(octets.iter().fold(0, |number, octet| (number << 8) | u64::from(*octet)));
        }
        self.rows += 1;
    }

    /// Reads a table; `on_rows` hears now and then how many rows it was.
    pub(super) async fn of(side: &mut Side, table: &Table, mut on_rows: impl FnMut(u64)) -> Result<Self, CopyError> {
        use futures_util::TryStreamExt as _;
        let (sql, kinds) = (table.select(), table.kinds());
        let mut rows = side.stream(&sql, &kinds);
        let mut sum = Self::default();
        while let Some(row) = rows.try_next().await.map_err(|error| in_table(table, error))? {
            sum.add(&row);
            if sum.rows.is_multiple_of(ROWS_PER_WORD) {
                on_rows(sum.rows);
            }
        }
        Ok(sum)
    }
}

/// Says in which table it happened.
pub(super) fn in_table(table: &Table, error: StoreError) -> CopyError {
    CopyError::Table { table: table.name.clone(), source: error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_shows_and_the_order_does_not() {
        let sum = |rows: &[&[Bind<'_>]]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum
        };
        let text = |text: &'static str| Bind::Text(Some(text.into()));
        let one: &[Bind<'_>] = &[Bind::Int(Some(1)), text("ab")];
        let two: &[Bind<'_>] = &[Bind::Int(Some(2)), text("cd")];
        assert_eq!(sum(&[one, two]), sum(&[two, one]));
        let others: [&[Bind<'_>]; 7] = [
            &[Bind::Int(Some(2)), text("ab")],
            &[Bind::Int(None), text("ab")],
            &[Bind::Int(Some(1)), text("ac")],
            &[Bind::Int(Some(1)), text("")],
            &[Bind::Int(Some(1)), Bind::Text(None)],
            &[Bind::Int(Some(-1)), text("ab")],
            &[Bind::Int(Some(1)), text("ab ")],
        ];
        for other in others {
            assert_ne!(sum(&[one]), sum(&[other]), "{other:?}");
        }
        assert_ne!(sum(&[&[text("a"), text("bc")]]), sum(&[&[text("ab"), text("c")]]), "where a value ends");
        assert_ne!(sum(&[one]), sum(&[one, one]));
        assert_ne!(sum(&[]), sum(&[&[]]));
    }
}
