//! Many leads handed over at once.

use model::{Action, Resource};
use office::{
    OfficeError, StoreError,
    bulk::{BulkAction, BulkDone, BulkRow},
    jobs::{JobError, Step},
};
use serde::Deserialize as _;
use serde_json::Value;

use super::{LEADS, hand_over::hand_over};
use crate::{LeadChanges, can, leads::HandOverOrder};

/// Hands leads over, each in a transaction of its own: who takes turns in between gets theirs.
#[derive(Debug, Clone, Default)]
pub struct HandOverMany(LeadChanges);

impl HandOverMany {
    /// Tells there which leads have changed, so that people are reminded in time. By default nobody hears it.
    #[must_use]
    pub fn telling(changed: LeadChanges) -> Self {
        Self(changed)
    }
}

impl BulkAction for HandOverMany {
    fn resource(&self) -> &'static Resource {
        &LEADS
    }

    fn name(&self) -> &'static str {
        "hand_over"
    }

    fn right(&self) -> Action {
        can::LEADS_BULK
    }

    fn chunk(&self) -> u32 {
        1
    }

    fn check(&self, values: &Value) -> Result<(), String> {
        let order = HandOverOrder::deserialize(values).map_err(|error| error.to_string())?;
        match order.faults().into_iter().next() {
            None => Ok(()),
            Some(fault) => Err(format!("{}: {}", fault.field, fault.detail)),
        }
    }

    async fn change(&self, row: &BulkRow<'_>, step: &mut Step<'_>) -> Result<BulkDone, OfficeError> {
        let order = HandOverOrder::deserialize(row.values).map_err(|error| OfficeError::Defect(error.to_string()))?;
        let permit = row.permit.principal().permit(can::LEADS_HAND_OVER);
        let permit = permit.ok_or(OfficeError::NotPermitted(can::LEADS_HAND_OVER.0))?;
        let office = step.office();
        let tx = step.tx().await.map_err(away)?;
        let (_, news) = hand_over(tx, (office, &permit), (row.key, None), &order, row.now).await?;
        let (changed, lead) = (self.0.clone(), row.key);
        step.after_commit(move || {
            office.rows_changed(news);
            office.wake_jobs();
            changed.tell(lead);
        });
        Ok(BulkDone::Changed)
    }
}

/// The step has no transaction any more: the row is tried again.
fn away(error: JobError) -> OfficeError {
    OfficeError::Store(StoreError::Unavailable(Box::new(error)))
}
