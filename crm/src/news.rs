//! Who is told of rows that came, changed or went, once that counts.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use model::RowNews;

/// Tells the one who hears, if there is one. Cloning is cheap, and all clones tell the same: jobs have one, and so have the modules.
#[derive(Clone, Default)]
pub struct Teller(Arc<OnceLock<Box<dyn Fn(RowNews) + Send + Sync>>>);

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("is_heard", &self.0.get().is_some()).finish()
    }
}

impl Teller {
    /// Has `hear` told from now on. It is called by whoever makes a change, so it is to be short. There is one hearer: false if there was one
    /// before, who stays.
    pub fn heard_by(&self, hear: impl Fn(RowNews) + Send + Sync + 'static) -> bool {
        self.0.set(Box::new(hear)).is_ok()
    }

    /// Tells of changes that were committed.
    pub(crate) fn tell(&self, news: impl IntoIterator<Item = RowNews>) {
        if let Some(hear) = self.0.get() {
            news.into_iter().for_each(hear);
        }
    }
}
