//! Lists are read by key, not by offset: page 10,000 costs what page 1 costs, and rows that come in between move nothing.

use model::{CenterId, UserId, WallTime};

use crate::{
    StoreError,
    db::{Db, FromBoth, Statement, binds},
};

/// The most rows a page may have.
pub const PAGE_ROWS_MAX: u32 = 1000;
/// A count goes no further than this.
pub const COUNT_MAX: u64 = 10_000;

/// What to read of a list that is sorted from new to old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Whose rows.
    pub center: CenterId,
    /// Only rows of this user: the calls that they placed or served (R18).
    pub user: Option<UserId>,
    /// Only rows that began at this time or later.
    pub from: Option<WallTime>,
    /// Only rows that began before this time.
    pub to: Option<WallTime>,
    /// How many rows at most; kept within 1 and [`PAGE_ROWS_MAX`].
    pub limit: u32,
    /// Where the page lies.
    pub at: At,
}

/// Where a page lies. Keys are those that [`Listed`] gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At the newest row.
    First,
    /// Directly after the row with this key: older rows.
    Older(i64),
    /// Directly before the row with this key: newer rows.
    Newer(i64),
}

/// A page of rows, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The key for [`At::Older`], if older rows follow.
    pub next: Option<i64>,
    /// The key for [`At::Newer`], if newer rows may come before.
    pub prev: Option<i64>,
}

/// How many rows there are, as far as anybody counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many; at most [`COUNT_MAX`].
    pub value: u64,
    /// Whether there are more than that.
    pub capped: bool,
}

/// The statements of one list.
///
/// The lists bind centre, key, from, to, limit and, where there is one, user; the counts bind centre, from, to, limit and user.
pub(crate) struct Lists {
    pub(crate) older: Statement,
    pub(crate) newer: Statement,
    pub(crate) older_of_user: Statement,
    pub(crate) newer_of_user: Statement,
    pub(crate) count: Statement,
    pub(crate) count_of_user: Statement,
}

/// A row that has a place in a list.
pub(crate) trait Keyed {
    fn key(&self) -> i64;
}

impl Page {
    /// The newest `limit` rows of a centre.
    #[must_use]
    pub fn first(center: CenterId, limit: u32) -> Self {
        Self { center, user: None, from: None, to: None, limit, at: At::First }
    }

    pub(crate) async fn list<R, T>(&self, db: &Db, lists: Lists) -> Result<Listed<T>, StoreError>
    where
        R: FromBoth + Keyed,
        T: TryFrom<R, Error = StoreError>,
    {
        let limit = self.limit.clamp(1, PAGE_ROWS_MAX);
        let (key, older) = match self.at {
            At::First => (i64::MAX, true),
            At::Older(key) => (key, true),
            At::Newer(key) => (key, false),
        };
        let (from, to) = self.span();
        // One more than asked for tells whether the list goes on.
        let one_more = i64::from(limit) + 1;
        let mut rows: Vec<R> = match (older, self.user) {
            (true, None) => db.all(lists.older, binds![self.center, key, from, to, one_more]).await?,
            (false, None) => db.all(lists.newer, binds![self.center, key, from, to, one_more]).await?,
            (true, Some(user)) => db.all(lists.older_of_user, binds![self.center, key, from, to, one_more, user]).await?,
            (false, Some(user)) => db.all(lists.newer_of_user, binds![self.center, key, from, to, one_more, user]).await?,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        if !older {
            rows.reverse();
        }
        // An empty page still knows the way back: its own key, moved by one because keys are exclusive.
        let newest = rows.first().map_or(key.saturating_sub(1), Keyed::key);
        let oldest = rows.last().map_or(key.saturating_add(1), Keyed::key);
        let (next, prev) = match self.at {
            At::First => (goes_on.then_some(oldest), None),
            At::Older(_) => (goes_on.then_some(oldest), Some(newest)),
            At::Newer(_) => (Some(oldest), goes_on.then_some(newest)),
        };
        let items = rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?;
        Ok(Listed { items, next, prev })
    }

    pub(crate) async fn count(&self, db: &Db, lists: Lists) -> Result<Count, StoreError> {
        let (from, to) = self.span();
        let one_more = COUNT_MAX + 1;
        let row: Option<(i64,)> = match self.user {
            None => db.one(lists.count, binds![self.center, from, to, one_more]).await?,
            Some(user) => db.one(lists.count_of_user, binds![self.center, from, to, one_more, user]).await?,
        };
        let value = row.and_then(|(count,)| u64::try_from(count).ok()).unwrap_or(0);
        Ok(Count { value: value.min(COUNT_MAX), capped: value > COUNT_MAX })
    }

    fn span(&self) -> (i64, i64) {
        (self.from.map_or(i64::MIN, |from| from.0), self.to.map_or(i64::MAX, |to| to.0))
    }
}
