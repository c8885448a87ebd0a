//! Rows of modules that came, changed or went are told, so that whoever looks at them sees it.

use std::{fmt, sync::OnceLock};

use model::RowNews;

use crate::Office;

/// Who is told.
#[derive(Default)]
pub(crate) struct Hearer(OnceLock<Box<dyn Fn(Vec<RowNews>) + Send + Sync>>);

impl fmt::Debug for Hearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hearer").field("is_there", &self.0.get().is_some()).finish()
    }
}

impl Office {
    /// Has `hear` told, from now on, of the rows of modules. It is called by whoever changes them, so it is to be short. There is one hearer: false
    /// if there was one before, who stays.
    pub fn tell_rows(&self, hear: impl Fn(Vec<RowNews>) + Send + Sync + 'static) -> bool {
        self.0.rows_hearer.0.set(Box::new(hear)).is_ok()
    }

    /// Tells of rows whose change was committed, in this order.
    pub fn rows_changed(&self, news: Vec<RowNews>) {
        if let Some(hear) = self.0.rows_hearer.0.get().filter(|_| !news.is_empty()) {
            hear(news);
        }
    }
}
