//! How much was listened to, day by day.

use std::collections::BTreeMap;

use model::{Mode, UserId};
use office::{CALLS, Fault, OfficeError, Permit};
use sqlx::FromRow;
use store::{binds, sql::list, statements};

use super::LINES_MAX;
use crate::{
    Crm, can,
    core::days::{Day, Period},
};

/// By what the sums are split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Split {
    /// A line a day.
    pub by_day: bool,
    /// A line a person.
    pub by_user: bool,
    /// A line a scenario.
    pub by_scenario: bool,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Of which day.
    pub day: Option<Day>,
    /// Whose.
    pub user: Option<UserId>,
    /// Their name.
    pub user_name: Option<String>,
    /// Of which scenario's calls; empty: of those without one.
    pub scenario: Option<String>,
    /// How often a player was opened.
    pub opened: u64,
    /// How many calls came to count as listened to, once for each person.
    pub completed: u64,
    /// How much was heard that had not been heard by that person before, in milliseconds.
    pub heard_ms: u64,
}

/// The lines, by day, person and scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// The lines.
    pub lines: Vec<Line>,
}

statements! {
    // What it is not split by is one value for all; `$6`: whether only these people's count, `$1`.
    SUMS: each
        concat!("SELECT CASE WHEN $2 = 1 THEN day ELSE 0 END AS day, CASE WHEN $3 = 1 THEN user_id ELSE 0 END AS user_id,
            CASE WHEN $4 = 1 THEN scenario ELSE '' END AS scenario, SUM(opened) AS opened, SUM(completed) AS completed, SUM(heard_ms) AS heard_ms
            FROM listen_days WHERE center_id = $5 AND day BETWEEN $7 AND $8 AND ($6 = 0 OR user_id IN ", store::ids!(lite), ")
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT $9"),
        concat!("SELECT CASE WHEN CAST($2 AS BIGINT) = 1 THEN day ELSE 0 END AS day, CASE WHEN CAST($3 AS BIGINT) = 1 THEN user_id ELSE 0 END AS user_id,
            CASE WHEN CAST($4 AS BIGINT) = 1 THEN scenario ELSE '' END AS scenario, CAST(SUM(opened) AS BIGINT) AS opened,
            CAST(SUM(completed) AS BIGINT) AS completed, CAST(SUM(heard_ms) AS BIGINT) AS heard_ms
            FROM listen_days WHERE center_id = $5 AND day BETWEEN $7 AND $8 AND (CAST($6 AS BIGINT) = 0 OR user_id IN ", store::ids!(pg), ")
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT $9");
    NAMES: each
        concat!("SELECT id, display_name FROM users WHERE id IN ", store::ids!(lite)),
        concat!("SELECT id, display_name FROM users WHERE id IN ", store::ids!(pg));
}

#[derive(FromRow)]
struct Sums {
    day: i64,
    user_id: i64,
    scenario: String,
    opened: i64,
    completed: i64,
    heard_ms: i64,
}

impl Crm {
    /// How much was listened to in a period, as far as the person's right to statistics reaches: of one's own it is one's own lines.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] if that would be more than [`LINES_MAX`] lines, and for scenarios if those of calls are hidden from the person.
    pub async fn listening_statistics(&self, permit: &Permit, period: Period, split: Split) -> Result<Statistics, OfficeError> {
        permit.must_be(can::TAG_STATISTICS_READ)?;
        let reader = permit.principal().permit(office::can::CALLS_READ);
        if split.by_scenario && reader.is_none_or(|reader| reader.view(&CALLS).mode("scenario") != Mode::Show) {
            return Err(OfficeError::Invalid(vec![Fault::unknown("by", "you do not see the scenarios of calls")]));
        }
        let rule = permit.rows();
        // A part that is narrowed by a list reaches no line: lines stand in none.
        let parts = rule.any_of.iter().filter(|part| part.lists.is_empty());
        let mut users = Some(Vec::new());
        for part in parts {
            users = match (users, &part.users) {
                (Some(known), Some(these)) => Some(known.into_iter().chain(these.iter().map(|user| user.0)).collect()),
                _ => None,
            };
        }
        let ids = list(users.iter().flatten().copied());
        let flag = i64::from;
        let binds = binds![
            ids,
            flag(split.by_day),
            flag(split.by_user),
            flag(split.by_scenario),
            rule.center,
            flag(users.is_some()),
            period.first().number(),
            period.last().number(),
            LINES_MAX + 1,
        ];
        let db = self.store().db();
        let sums: Vec<Sums> = db.all(SUMS, binds).await?;
        if i64::try_from(sums.len()).is_ok_and(|lines| lines > LINES_MAX) {
            let told = format!("that is more than {LINES_MAX} lines: ask for a shorter period, or split it by less");
            return Err(OfficeError::Invalid(vec![Fault::invalid("by", told)]));
        }
        let mut names: BTreeMap<i64, String> = BTreeMap::new();
        if split.by_user {
            let rows: Vec<(i64, String)> = db.all(NAMES, binds![list(sums.iter().map(|sum| sum.user_id))]).await?;
            names.extend(rows);
        }
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let line = |sum: Sums| Line {
            day: Day::from_number(sum.day).ok().filter(|_| split.by_day),
            user: split.by_user.then_some(UserId(sum.user_id)),
            user_name: names.get(&sum.user_id).cloned(),
            scenario: split.by_scenario.then_some(sum.scenario),
            opened: count(sum.opened),
            completed: count(sum.completed),
            heard_ms: count(sum.heard_ms),
        };
        Ok(Statistics { lines: sums.into_iter().map(line).collect() })
    }
}
