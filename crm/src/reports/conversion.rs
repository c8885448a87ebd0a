//! What became of leads: of those that were made in a period, how many are clients now (S004-133); and how leads stand (S004-108).

use std::collections::{BTreeMap, BTreeSet};

use model::{UserId, WallTime};
use office::{OfficeError, Permit};
use serde::Serialize;
use store::{binds, statements};

use super::Whose;
use crate::{
    Crm, can,
    core::{
        days::{Day, Period},
        lead::LeadStatus,
    },
};

statements! {
    // By whose they are; a lead with a seller and an operator is of both.
    BY_USER: both "SELECT u.user_id, l.status, count(*) AS n FROM leads l JOIN lead_users u ON u.lead_id = l.id
        WHERE l.center_id = $1 AND l.created_at >= $2 AND l.created_at < $3 GROUP BY u.user_id, l.status";
    ALL: both "SELECT status, count(*) AS n FROM leads WHERE center_id = $1 AND created_at >= $2 AND created_at < $3 GROUP BY status";
    OF: each "SELECT l.status, count(*) AS n FROM leads l WHERE l.center_id = $2 AND l.created_at >= $3 AND l.created_at < $4 AND EXISTS
        (SELECT 1 FROM lead_users u WHERE u.lead_id = l.id AND u.user_id IN (SELECT value FROM json_each($1))) GROUP BY l.status",
        "SELECT l.status, count(*) AS n FROM leads l WHERE l.center_id = $2 AND l.created_at >= $3 AND l.created_at < $4 AND EXISTS
        (SELECT 1 FROM lead_users u WHERE u.lead_id = l.id AND u.user_id IN
        (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))) GROUP BY l.status";
    STAND: both "SELECT status, count(*) AS n, CAST(SUM(CASE WHEN next_action_at <= $2 THEN 1 ELSE 0 END) AS BIGINT) AS due FROM leads
        WHERE center_id = $1 GROUP BY status";
    STAND_OF: each "SELECT l.status, count(*) AS n, CAST(SUM(CASE WHEN l.next_action_at <= $3 THEN 1 ELSE 0 END) AS BIGINT) AS due FROM leads l
        WHERE l.center_id = $2 AND l.id IN (SELECT lead_id FROM lead_users WHERE user_id IN (SELECT value FROM json_each($1)))
        GROUP BY l.status",
        "SELECT l.status, count(*) AS n, CAST(SUM(CASE WHEN l.next_action_at <= $3 THEN 1 ELSE 0 END) AS BIGINT) AS due FROM leads l
        WHERE l.center_id = $2 AND l.id IN (SELECT lead_id FROM lead_users WHERE user_id IN
        (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))) GROUP BY l.status";
}

/// What became of leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Conversion {
    /// Leads that were made.
    pub created: i64,
    /// Those of them that are clients now.
    pub converted: i64,
    /// Those that were given up, or are not to be called.
    pub lost: i64,
    /// Those that may still become either.
    pub open: i64,
    /// Of a thousand that were made, so many are clients, rounded down; none if none was made.
    pub converted_permille: Option<i64>,
}

impl Conversion {
    fn add(&mut self, status: &str, n: i64) {
        self.created += n;
        match status.parse() {
            Ok(LeadStatus::Converted) => self.converted += n,
            Ok(LeadStatus::Lost | LeadStatus::Dnc) => self.lost += n,
            _ => self.open += n,
        }
        self.converted_permille = (self.converted * 1_000).checked_div(self.created);
    }
}

/// What became of a person's leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversionLine {
    /// The person: a lead is of its seller and of its operator.
    pub user_id: UserId,
    /// Their name, as others see it.
    pub user_name: Option<String>,
    /// What became of them.
    #[serde(flatten)]
    pub leads: Conversion,
}

/// What became of the leads of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversionReport {
    /// The first day on which they were made.
    pub from: Day,
    /// The last one, included.
    pub to: Day,
    /// The centre's time zone, by which days are counted.
    pub tz: &'static str,
    /// By people, by their ids.
    pub people: Vec<ConversionLine>,
    /// Of all leads that the reader reaches, each once.
    pub totals: Conversion,
}

/// How leads stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeadCounts {
    /// By where they stand.
    pub by_status: BTreeMap<&'static str, i64>,
    /// Those that may still become clients.
    pub open: i64,
    /// Those of them whose next action is due.
    pub due: i64,
}

impl Crm {
    /// What became of the leads that were made in a period, by leave to read conversions: of one's own leads, or of all.
    ///
    /// # Errors
    /// As the database's.
    pub async fn conversion(&self, permit: &Permit, period: Period) -> Result<ConversionReport, OfficeError> {
        permit.must_be(can::CONVERSION_READ)?;
        let center = permit.rows().center;
        let (zone, whose) = (self.zone(center).await?, Whose::of(permit));
        let span = period.span(zone);
        let _turn = self.office().turn_to_sum().await?;
        let db = self.store().db();
        let rows: Vec<(i64, String, i64)> = db.all(BY_USER, binds![center, span.start, span.end]).await?;
        let mut people: BTreeMap<UserId, Conversion> = match &whose {
            Whose::Of(users) => users.iter().map(|user| (*user, Conversion::default())).collect(),
            Whose::Everybody => BTreeMap::new(),
        };
        for (user, status, n) in rows.into_iter().filter(|(user, ..)| whose.holds(UserId(*user))) {
            people.entry(UserId(user)).or_default().add(&status, n);
        }
        let rows: Vec<(String, i64)> = match whose.ids() {
            None => db.all(ALL, binds![center, span.start, span.end]).await?,
            Some(users) => db.all(OF, binds![&users, center, span.start, span.end]).await?,
        };
        let mut totals = Conversion::default();
        rows.iter().for_each(|(status, n)| totals.add(status, *n));
        let names = self.names(people.keys().copied().collect::<BTreeSet<_>>().into_iter()).await?;
        let line = |(user, leads): (UserId, Conversion)| ConversionLine { user_id: user, user_name: names.get(&user).cloned(), leads };
        let people = people.into_iter().map(line).collect();
        Ok(ConversionReport { from: period.first(), to: period.last(), tz: zone.name(), people, totals })
    }

    /// How leads stand, by leave to read them: one's own, or all.
    ///
    /// # Errors
    /// As the database's.
    pub async fn lead_counts(&self, permit: &Permit, now: WallTime) -> Result<LeadCounts, OfficeError> {
        permit.must_be(can::LEADS_READ)?;
        let center = permit.rows().center;
        let db = self.store().db();
        let rows: Vec<(String, i64, i64)> = match Whose::of(permit).ids() {
            None => db.all(STAND, binds![center, now]).await?,
            Some(users) => db.all(STAND_OF, binds![&users, center, now]).await?,
        };
        let mut counts = LeadCounts::default();
        for (status, n, due) in rows {
            let Ok(status) = status.parse::<LeadStatus>() else { continue };
            counts.by_status.insert(status.code(), n);
            if status.is_open() {
                counts.open += n;
                counts.due += due;
            }
        }
        Ok(counts)
    }
}
