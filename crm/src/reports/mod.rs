//! Reports (S000-21, S004-108…111, S004-133, S004-136): how many calls there were and whose, what was done of a day, and what became of leads.
//!
//! Days are those of the centre's own clocks. Whoever reaches the whole centre by `reports.read` has the calls themselves, each once; whoever reaches
//! people only has what these have had of calls, where a call that two of them served counts for both.

mod calls;
mod conversion;
mod daily;
pub mod days;
mod sheet;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use model::{CenterId, UserId};
use office::{Fault, OfficeError, Permit};
use store::{Statement, binds, sql::list, statements};

pub use calls::{By, CallSums, CallsReport, Counted, ReportLine};
pub use conversion::{Conversion, ConversionLine, ConversionReport, LeadCounts};
pub use daily::{DailyLine, DailyReport, TagCount};
pub use days::BuildDays;

use crate::{
    Crm,
    core::days::{Day, NoPeriod, Period},
};

/// Lines of a report at most; what would be longer is refused.
pub const LINES_MAX: usize = 10_000;

pub(crate) const ALL_STATEMENTS: &[&[Statement]] = &[STATEMENTS, days::STATEMENTS, daily::STATEMENTS, conversion::STATEMENTS];

statements! {
    NAMES: each "SELECT id, display_name FROM users WHERE id IN (SELECT value FROM json_each($1))",
        "SELECT id, display_name FROM users WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))";
}

/// Whom a right reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Everybody of the centre, and what is nobody's.
    Everybody,
    /// These people.
    Of(BTreeSet<UserId>),
}

impl Whose {
    pub(crate) fn of(permit: &Permit) -> Self {
        if permit.is_wide() {
            return Self::Everybody;
        }
        // A part that lists narrow is of no people.
        let parts = permit.rows().any_of.iter().filter(|part| part.lists.is_empty());
        Self::Of(parts.filter_map(|part| part.users.as_ref()).flatten().copied().collect())
    }

    fn holds(&self, user: UserId) -> bool {
        match self {
            Self::Everybody => true,
            Self::Of(users) => users.contains(&user),
        }
    }

    /// The people, as one value for a statement; none: everybody.
    pub(crate) fn ids(&self) -> Option<String> {
        match self {
            Self::Everybody => None,
            Self::Of(users) => Some(list(users.iter().map(|user| user.0))),
        }
    }
}

/// The days from `first` to `last`.
///
/// # Errors
/// [`OfficeError::Invalid`] of the parameter `to`.
pub fn period(first: Day, last: Day) -> Result<Period, OfficeError> {
    Period::new(first, last).map_err(|error: NoPeriod| OfficeError::Invalid(vec![Fault::invalid("to", error.to_string())]))
}

impl Crm {
    /// The clocks of the centre that a person works in.
    ///
    /// # Errors
    /// As the database's.
    pub async fn zone(&self, center: CenterId) -> Result<Tz, OfficeError> {
        Ok(self.office().center(center).await?.ok_or(OfficeError::NotFound("center"))?.tz)
    }

    /// What people are called.
    async fn names(&self, users: impl Iterator<Item = UserId>) -> Result<BTreeMap<UserId, String>, OfficeError> {
        let ids = list(users.map(|user| user.0));
        let rows: Vec<(i64, String)> = self.store().db().all(NAMES, binds![&ids]).await?;
        Ok(rows.into_iter().map(|(id, name)| (UserId(id), name)).collect())
    }
}
