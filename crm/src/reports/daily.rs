//! A day: each person's calls, and what came of their work (S004-111).

use std::collections::{BTreeMap, BTreeSet};

use model::{ListKind, Mode, TagGroupId, TagId, UserId, WallTime};
use office::{OfficeError, Permit};
use serde::Serialize;
use sqlx::FromRow;
use store::{binds, statements};

use super::{By, CallSums, Counted, Whose, period};
use crate::{Crm, can, core::days::Day, tags::TAGS};

statements! {
    LEADS: both "SELECT actor_id, kind, count(*) AS n FROM lead_events WHERE center_id = $1 AND at >= $2 AND at < $3 AND actor_id IS NOT NULL
        GROUP BY actor_id, kind";
    TAGGED: both "SELECT d.user_id, d.tag_id, t.group_id, t.name, CAST(SUM(d.set_n) AS BIGINT) AS set_n, CAST(SUM(d.unset_n) AS BIGINT) AS unset_n
        FROM tag_days d JOIN tags t ON t.id = d.tag_id WHERE d.center_id = $1 AND d.day = $2 AND d.user_id > 0
        GROUP BY d.user_id, d.tag_id, t.group_id, t.name ORDER BY d.user_id, d.tag_id";
}

/// How often somebody has set a tag, and taken it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagCount {
    /// The tag.
    pub tag_id: TagId,
    /// Its name; none if it is hidden.
    pub name: Option<String>,
    /// Set on calls.
    pub set: i64,
    /// Taken off calls, also to make room for another.
    pub unset: i64,
}

/// A person's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DailyLine {
    /// The person.
    pub user_id: UserId,
    /// Their name, as others see it; none if the account is gone.
    pub user_name: Option<String>,
    /// Their calls.
    #[serde(flatten)]
    pub sums: CallSums,
    /// What they did to leads, by what that was: `contact`, `qualify`; none for who may see no leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads: Option<BTreeMap<String, i64>>,
    /// The tags that they set, of the groups that the reader sees; none for who may see no tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagCount>>,
}

/// A day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DailyReport {
    /// The day.
    pub date: Day,
    /// The centre's time zone.
    pub tz: &'static str,
    /// When it begins.
    pub from: WallTime,
    /// When the next one begins.
    pub to: WallTime,
    /// Everybody who had a call or did something, by their ids; those whom the reader reaches by name anyway.
    pub people: Vec<DailyLine>,
    /// What the totals count: parts for who does not reach the whole centre.
    pub totals_are: Counted,
    /// The sums of all.
    pub totals: CallSums,
}

#[derive(FromRow)]
struct TaggedRow {
    user_id: i64,
    tag_id: i64,
    group_id: i64,
    name: String,
    set_n: i64,
    unset_n: i64,
}

impl Crm {
    /// A day of the people that the permit reaches, by leave to read reports.
    ///
    /// # Errors
    /// As the database's.
    pub async fn daily_report(&self, permit: &Permit, date: Day, now: WallTime) -> Result<DailyReport, OfficeError> {
        let report = self.calls_report(permit, period(date, date)?, &BTreeSet::from([By::User]), now).await?;
        let center = permit.rows().center;
        let zone = self.zone(center).await?;
        let (span, whose, person) = (date.span(zone), Whose::of(permit), permit.principal());
        let db = self.store().db();

        let mut leads: Option<BTreeMap<UserId, BTreeMap<String, i64>>> = None;
        if person.permit(can::LEADS_READ).is_some() {
            let rows: Vec<(i64, String, i64)> = db.all(LEADS, binds![center, span.start, span.end]).await?;
            let leads = leads.insert(BTreeMap::new());
            for (user, kind, n) in rows.into_iter().filter(|(user, ..)| whose.holds(UserId(*user))) {
                leads.entry(UserId(user)).or_default().insert(kind, n);
            }
        }
        let mut tags: Option<BTreeMap<UserId, Vec<TagCount>>> = None;
        if let Some(reader) = person.permit(can::TAGS_READ) {
            let shows_name = reader.view(&TAGS).mode("name") == Mode::Show;
            let rows: Vec<TaggedRow> = db.all(TAGGED, binds![center, date.number()]).await?;
            let tags = tags.insert(BTreeMap::new());
            for row in rows.into_iter().filter(|row| whose.holds(UserId(row.user_id))) {
                let (user, group) = (UserId(row.user_id), TagGroupId(row.group_id).to_string());
                // A tag of a group that the reader was not given does not exist for them.
                if !reader.rows().admits(center, &BTreeSet::from([user]), |kind, ids| kind == ListKind::TagGroup && ids.contains(&group)) {
                    continue;
                }
                let name = Some(row.name).filter(|_| shows_name);
                tags.entry(user).or_default().push(TagCount { tag_id: TagId(row.tag_id), name, set: row.set_n, unset: row.unset_n });
            }
        }

        let mut sums: BTreeMap<UserId, CallSums> =
            report.lines.iter().filter_map(|line| line.user_id.map(|user| (user, line.sums))).collect();
        let named = match &whose {
            Whose::Of(users) => users.clone(),
            Whose::Everybody => BTreeSet::new(),
        };
        let worked = leads.iter().flat_map(BTreeMap::keys).chain(tags.iter().flat_map(BTreeMap::keys));
        for user in worked.copied().chain(named) {
            sums.entry(user).or_default();
        }
        let names = self.names(sums.keys().copied()).await?;
        let line = |(user, sums): (UserId, CallSums)| DailyLine {
            user_id: user,
            user_name: names.get(&user).cloned(),
            sums,
            leads: leads.as_mut().map(|leads| leads.remove(&user).unwrap_or_default()),
            tags: tags.as_mut().map(|tags| tags.remove(&user).unwrap_or_default()),
        };
        Ok(DailyReport {
            date,
            tz: zone.name(),
            from: span.start,
            to: span.end,
            people: sums.into_iter().map(line).collect(),
            totals_are: report.totals_are,
            totals: report.totals,
        })
    }
}
