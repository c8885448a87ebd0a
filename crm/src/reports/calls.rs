//! Calls of a period, by people, days, scenarios and adverts.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use model::{UserId, WallTime};
use office::{Fault, OfficeError, Permit};
use serde::Serialize;

use super::{
    LINES_MAX, Whose,
    days::{DayRow, Wanted, sums},
};
use crate::{
    Crm, can,
    core::{
        UnknownCode,
        days::{Day, Period},
    },
};

/// By what a report of calls is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// By who had them.
    User,
    /// By days of the centre.
    Day,
    /// By scenarios.
    Scenario,
    /// By the adverts that brought them.
    Source,
}

impl By {
    const ALL: [(&'static str, Self); 4] =
        [("user", Self::User), ("day", Self::Day), ("scenario", Self::Scenario), ("source", Self::Source)];
}

impl FromStr for By {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        let known = || UnknownCode { kind: "what a report is split by", known: Self::ALL.map(|(name, _)| name).to_vec() };
        found.map(|(_, by)| by).ok_or_else(known)
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Calls, each once.
    Calls,
    /// What people have had of calls: one that two of them served counts for both.
    Parts,
}

/// Sums of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CallSums {
    /// All calls; of a person, those that they placed or served.
    pub calls: i64,
    /// Those from the world.
    pub inbound: i64,
    /// Those to the world.
    pub outbound: i64,
    /// Those between slots.
    pub internal: i64,
    /// Those that the far party answered.
    pub answered: i64,
    /// Those from the world that nobody answered; of a person, those that rang at their slot. They are none of a person's `calls`.
    pub missed: i64,
    /// From the answer to the end, in milliseconds; of a person, for how long they were in it.
    pub talk_ms: i64,
    /// For how long our side held the other, in milliseconds.
    pub hold_ms: i64,
    /// From the first ringing to the answer or the end, in milliseconds.
    pub ring_ms: i64,
}

impl CallSums {
    fn add(&mut self, row: &DayRow) {
        let direction = match row.direction.as_str() {
            "inbound" => &mut self.inbound,
            "outbound" => &mut self.outbound,
            _ => &mut self.internal,
        };
        *direction += row.calls;
        self.calls += row.calls;
        self.answered += if row.outcome == "answered" { row.calls } else { 0 };
        self.missed += row.missed;
        self.talk_ms += row.talk_ms;
        self.hold_ms += row.hold_ms;
        self.ring_ms += row.ring_ms;
    }
}

/// A line of a report: what it is of, as far as the report is split by that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportLine {
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Their name, as others see it; none if the account is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The scenario's code; empty: of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The advert; empty: of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub sums: CallSums,
}

/// Calls of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallsReport {
    /// The first day.
    pub from: Day,
    /// The last day, included.
    pub to: Day,
    /// The centre's time zone, by which days are counted.
    pub tz: &'static str,
    /// What the lines count: parts if they are of people.
    pub lines_are: Counted,
    /// The lines, by day, person, scenario and advert.
    pub lines: Vec<ReportLine>,
    /// What the totals count: parts for who does not reach the whole centre.
    pub totals_are: Counted,
    /// The sums of all.
    pub totals: CallSums,
}

impl Crm {
    /// Calls of a period, split as is wanted, by leave to read reports.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] if there would be more than [`LINES_MAX`] lines.
    pub async fn calls_report(
        &self,
        permit: &Permit,
        period: Period,
        by: &BTreeSet<By>,
        now: WallTime,
    ) -> Result<CallsReport, OfficeError> {
        permit.must_be(can::REPORTS_READ)?;
        let center = permit.rows().center;
        let (zone, whose) = (self.zone(center).await?, Whose::of(permit));
        let is_wide = whose == Whose::Everybody;
        let _turn = self.office().turn_to_sum().await?;
        let wanted = Wanted {
            period,
            is_of_people: !is_wide || by.contains(&By::User),
            by_day: by.contains(&By::Day),
            // Others' rows are left out by their people.
            by_user: !is_wide || by.contains(&By::User),
            by_scenario: by.contains(&By::Scenario),
            by_source: by.contains(&By::Source),
            rows_max: ROWS_MAX,
        };
        let rows = sums(self.store().db(), center, zone, wanted, now).await?;
        let mut lines: BTreeMap<(i64, i64, &str, &str), CallSums> = BTreeMap::new();
        let mut totals = CallSums::default();
        for row in rows.iter().filter(|row| row.user_id == 0 || whose.holds(UserId(row.user_id))) {
            let day = if wanted.by_day { row.day } else { 0 };
            let user = if by.contains(&By::User) { row.user_id } else { 0 };
            let scenario = if wanted.by_scenario { row.scenario.as_str() } else { "" };
            let source = if wanted.by_source { row.source.as_str() } else { "" };
            lines.entry((day, user, scenario, source)).or_default().add(row);
            totals.add(row);
        }
        if lines.len() > LINES_MAX || rows.len() >= usize::try_from(ROWS_MAX).unwrap_or(usize::MAX) {
            let detail = format!("the report would have more than {LINES_MAX} lines: split it by less, or take a shorter period");
            return Err(OfficeError::Invalid(vec![Fault::invalid("by", detail)]));
        }
        if is_wide && wanted.is_of_people {
            let calls = Wanted { is_of_people: false, by_day: false, by_user: false, by_scenario: false, by_source: false, ..wanted };
            totals = CallSums::default();
            sums(self.store().db(), center, zone, calls, now).await?.iter().for_each(|row| totals.add(row));
        }
        let names = match by.contains(&By::User) {
            true => self.names(lines.keys().map(|(_, user, ..)| UserId(*user)).collect::<BTreeSet<_>>().into_iter()).await?,
            false => BTreeMap::new(),
        };
        let line = |((day, user, scenario, source), sums): (&(i64, i64, &str, &str), &CallSums)| ReportLine {
            day: Day::from_number(*day).ok(),
            user_id: by.contains(&By::User).then_some(UserId(*user)),
            user_name: names.get(&UserId(*user)).cloned(),
            scenario: wanted.by_scenario.then(|| (*scenario).to_owned()),
            source: wanted.by_source.then(|| (*source).to_owned()),
            sums: *sums,
        };
        let counted = |are_parts: bool| if are_parts { Counted::Parts } else { Counted::Calls };
        Ok(CallsReport {
            from: period.first(),
            to: period.last(),
            tz: zone.name(),
            lines_are: counted(wanted.is_of_people),
            lines: lines.iter().map(line).collect(),
            totals_are: counted(!is_wide),
            totals,
        })
    }
}

/// Rows of days that are kept and are put together into one report; each line has one for each direction and outcome.
const ROWS_MAX: i64 = 15 * 10_000 + 1;
