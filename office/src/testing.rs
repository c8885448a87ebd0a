//! An office for tests, on an empty database of either engine.
#![expect(clippy::unwrap_used, reason = "tests")]

use model::WallTime;
use store::Store;

use crate::{Office, Settings};

/// An office with the roles that come with the program.
pub(crate) async fn office(store: Store) -> Office {
    Office::open(store, Settings::default(), WallTime(1)).await.unwrap()
}
