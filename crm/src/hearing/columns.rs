//! What a person has heard of calls, as a column of their lists.

use model::CallId;
use office::{Added, Filling, Permit};
use serde_json::Value;
use store::{Store, binds, sql::list, statements};

const LISTENED: &str = "listened";

statements! {
    OWN: each
        concat!("SELECT call_id, heard_ms, duration_ms FROM listens WHERE user_id = $2 AND call_id IN ", store::ids!(lite)),
        concat!("SELECT call_id, heard_ms, duration_ms FROM listens WHERE user_id = $2 AND call_id IN ", store::ids!(pg));
}

/// Adds `listened` to calls, or to their records: how much of the recording the person has heard themselves.
pub(crate) struct Listened {
    pub(crate) store: Store,
    pub(crate) resource: &'static str,
}

impl Added for Listened {
    fn resource(&self) -> &'static str {
        self.resource
    }

    fn columns(&self) -> &'static [&'static str] {
        &[LISTENED]
    }

    fn fill<'a>(&'a self, permit: &'a Permit, _: &'static str, keys: &'a [i64]) -> Filling<'a> {
        Box::pin(async move {
            let binds = binds![list(keys.iter().copied()), permit.principal().user()];
            let rows: Vec<(i64, i64, i64)> = self.store.db().all(OWN, binds).await?;
            Ok(rows.into_iter().map(|(call, heard, duration)| (CallId(call).0, Value::from(percent(heard, duration)))).collect())
        })
    }

    fn text(&self, _: &str, value: &Value, _: &str) -> String {
        value.as_i64().map(|percent| percent.to_string()).unwrap_or_default()
    }
}

/// 0 to 100: a recording may have been shorter when it was heard than it is now.
fn percent(heard_ms: i64, duration_ms: i64) -> i64 {
    if duration_ms <= 0 { 0 } else { (heard_ms.saturating_mul(100) / duration_ms).clamp(0, 100) }
}
