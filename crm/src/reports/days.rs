//! Sums of calls a local day of the centre: put together of the records themselves, and kept for days that are over.
//!
//! A report takes what is kept of a day, and sums up the records of any other. So what is kept only saves work: a day that a call of it has ended on
//! since ([`ended`]), or whose clocks are others now, is summed up anew by every report until [`BuildDays`] has been there again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono_tz::Tz;
use model::{Cdr, CenterId, WallTime};
use office::jobs::{JobError, JobKind, Next, Step};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use store::{
    Db, StoreError, binds, calls_between,
    sql::{Tx, list},
    statements,
};

use crate::core::days::{Day, Period};

/// A day is kept when it has been over for so long: by then nearly all of its calls have ended.
const OVER_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Days that are looked at in one transaction.
const DAYS_AT_ONCE: usize = 400;

/// What of calls is summed up: direction, outcome, scenario, source, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct DayRow {
    pub(super) day: i64,
    /// 0: the calls themselves.
    pub(super) user_id: i64,
    pub(super) direction: String,
    pub(super) outcome: String,
    pub(super) scenario: String,
    pub(super) source: String,
    pub(super) calls: i64,
    pub(super) missed: i64,
    pub(super) talk_ms: i64,
    pub(super) hold_ms: i64,
    pub(super) ring_ms: i64,
}

// Of the centre $2 a day: the calls whose ids are from $3 to before $4 and that began from $5 to before $6. First the calls themselves, then what each
// person has had of them: who placed or served one had it, and a call from the world that nobody answered was missed by all at whom it rang.
macro_rules! sums {
    ($hold:literal) => {
        concat!(
            "SELECT c.center_id, CAST($1 AS BIGINT) AS day, CAST(0 AS BIGINT) AS user_id, c.direction, c.outcome,
            COALESCE(c.scenario, '') AS scenario, COALESCE(c.source, '') AS source, count(*) AS calls,
            CAST(SUM(CASE WHEN c.direction = 'inbound' AND c.outcome <> 'answered' THEN 1 ELSE 0 END) AS BIGINT) AS missed,
            CAST(SUM(c.talk_ms) AS BIGINT) AS talk_ms, CAST(SUM(",
            $hold,
            ") AS BIGINT) AS hold_ms, CAST(SUM(c.ring_ms) AS BIGINT) AS ring_ms
            FROM cdrs c WHERE c.center_id = $2 AND c.call_id >= $3 AND c.call_id < $4 AND c.started_at >= $5 AND c.started_at < $6
            GROUP BY c.center_id, c.direction, c.outcome, COALESCE(c.scenario, ''), COALESCE(c.source, '')
            UNION ALL SELECT c.center_id, CAST($1 AS BIGINT), u.user_id, c.direction, c.outcome, COALESCE(c.scenario, ''), COALESCE(c.source, ''),
            CAST(SUM(CASE WHEN u.why & 1 <> 0 THEN 1 ELSE 0 END) AS BIGINT),
            CAST(SUM(CASE WHEN u.why & 4 <> 0 AND c.direction = 'inbound' AND c.outcome <> 'answered' THEN 1 ELSE 0 END) AS BIGINT),
            CAST(SUM(u.talk_ms) AS BIGINT), CAST(SUM(u.hold_ms) AS BIGINT),
            CAST(SUM(CASE WHEN u.why & 1 <> 0 OR c.outcome <> 'answered' THEN c.ring_ms ELSE 0 END) AS BIGINT)
            FROM cdrs c JOIN call_users u ON u.call_id = c.call_id
            WHERE c.center_id = $2 AND c.call_id >= $3 AND c.call_id < $4 AND c.started_at >= $5 AND c.started_at < $6 AND u.why & 5 <> 0
            GROUP BY c.center_id, u.user_id, c.direction, c.outcome, COALESCE(c.scenario, ''), COALESCE(c.source, '')"
        )
    };
}
macro_rules! sums_on {
    (lite) => {
        sums!("(SELECT COALESCE(SUM(json_extract(s.value, '$.hold_ms')), 0) FROM json_each(c.segments) s)")
    };
    (pg) => {
        sums!("(SELECT COALESCE(SUM(CAST(s.value ->> 'hold_ms' AS BIGINT)), 0) FROM json_array_elements(CAST(c.segments AS json)) s)")
    };
}
macro_rules! kept {
    ($days:literal) => {
        concat!(
            "SELECT CASE WHEN $3 = 1 THEN day ELSE 0 END AS day, CASE WHEN $4 = 1 THEN user_id ELSE 0 END AS user_id, direction, outcome,
            CASE WHEN $5 = 1 THEN scenario ELSE '' END AS scenario, CASE WHEN $6 = 1 THEN source ELSE '' END AS source,
            CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(missed) AS BIGINT) AS missed, CAST(SUM(talk_ms) AS BIGINT) AS talk_ms,
            CAST(SUM(hold_ms) AS BIGINT) AS hold_ms, CAST(SUM(ring_ms) AS BIGINT) AS ring_ms FROM call_days
            WHERE center_id = $2 AND day IN ",
            $days,
            " AND (($7 = 1 AND user_id > 0) OR ($7 = 0 AND user_id = 0)) GROUP BY 1, 2, 3, 4, 5, 6 LIMIT $8"
        )
    };
}

statements! {
    SUMS: each sums_on!(lite), sums_on!(pg);
    KEEP: each concat!("INSERT INTO call_days (center_id, day, user_id, direction, outcome, scenario, source, calls, missed, talk_ms, hold_ms, ring_ms) ",
        sums_on!(lite)),
        concat!("INSERT INTO call_days (center_id, day, user_id, direction, outcome, scenario, source, calls, missed, talk_ms, hold_ms, ring_ms) ",
        sums_on!(pg));
    KEPT: each kept!("(SELECT value FROM json_each($1))"),
        kept!("(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))");
    FORGET: both "DELETE FROM call_days WHERE center_id = $1 AND day = $2";
    DAYS: both "SELECT day, from_at, to_at, built FROM report_days WHERE center_id = $1 AND day >= $2 AND day <= $3";
    MARK: both "INSERT INTO report_days (center_id, day, from_at, to_at, built) VALUES ($1, $2, $3, $4, 0)
        ON CONFLICT (center_id, day) DO UPDATE SET from_at = excluded.from_at, to_at = excluded.to_at, built = 0";
    // Not only those that are there: whoever sums one up just now is waited for, and then it is not there.
    OUTDATE: both "UPDATE report_days SET built = 0 WHERE center_id = $1 AND to_at > $2 AND from_at <= $2";
    NEXT: both "SELECT day, from_at, to_at FROM report_days WHERE center_id = $1 AND built = 0 AND day > $2 AND to_at <= $3 ORDER BY day LIMIT 1";
    BUILT: both "UPDATE report_days SET built = 1 WHERE center_id = $1 AND day = $2";
    CENTER: both "SELECT id, tz FROM centers WHERE id > $1 ORDER BY id LIMIT 1";
    FIRST: both "SELECT started_at FROM cdrs WHERE center_id = $1 ORDER BY call_id LIMIT 1";
}

/// A call has its record: what is kept of its day, if anything is, does not hold any more. For the follower of ended calls, in its transaction;
/// doing it again changes nothing, and a day that is not kept takes no row, so it relies on nothing but that each record is followed at least once.
///
/// # Errors
/// As the database's.
pub async fn ended(tx: &mut Tx, cdr: &Cdr) -> Result<(), StoreError> {
    tx.run(OUTDATE, binds![cdr.center, cdr.started_at]).await?;
    Ok(())
}

/// What is asked of days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) period: Period,
    /// What people have had of calls, and not the calls themselves.
    pub(super) is_of_people: bool,
    pub(super) by_day: bool,
    pub(super) by_user: bool,
    pub(super) by_scenario: bool,
    pub(super) by_source: bool,
    /// Rows at most of what is kept.
    pub(super) rows_max: i64,
}

/// Sums of a period up to this moment: of days that are kept by what is wanted, of others in more pieces than that.
pub(super) async fn sums(db: &Db, center: CenterId, zone: Tz, wanted: Wanted, now: WallTime) -> Result<Vec<DayRow>, StoreError> {
    let kept = kept(db, center, zone, wanted.period).await?;
    let mut rows: Vec<DayRow> = Vec::new();
    if !kept.is_empty() {
        let days = list(kept.iter().copied());
        let one = i64::from;
        let binds = binds![
            &days,
            center,
            one(wanted.by_day),
            one(wanted.by_user),
            one(wanted.by_scenario),
            one(wanted.by_source),
            one(wanted.is_of_people),
            wanted.rows_max,
        ];
        rows = db.all(KEPT, binds).await?;
    }
    for day in wanted.period.days().filter(|day| !kept.contains(&day.number())) {
        let span = day.span(zone);
        if span.start > now {
            break;
        }
        let (first, end) = calls_between(&span);
        let some: Vec<DayRow> = db.all(SUMS, binds![day.number(), center, first, end, span.start, span.end]).await?;
        rows.extend(some.into_iter().filter(|row| (row.user_id != 0) == wanted.is_of_people));
    }
    Ok(rows)
}

/// The days of a period whose sums are kept, and hold by the clocks of now.
async fn kept(db: &Db, center: CenterId, zone: Tz, period: Period) -> Result<BTreeSet<i64>, StoreError> {
    let rows: Vec<(i64, i64, i64, i64)> = db.all(DAYS, binds![center, period.first().number(), period.last().number()]).await?;
    let rows: BTreeMap<i64, (i64, i64)> =
        rows.into_iter().filter(|(.., built)| *built != 0).map(|(day, from, to, _)| (day, (from, to))).collect();
    let holds = |day: &Day| {
        let span = day.span(zone);
        rows.get(&day.number()) == Some(&(span.start.0, span.end.0))
    };
    Ok(period.days().filter(holds).map(Day::number).collect())
}

/// Sums up days that are over, of all centres: every night, and those of before there was this.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildDays;

/// How far a round through the centres has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Centres up to this one are done.
    center: i64,
    /// Of the next one, days up to this one are.
    day: i64,
    /// Its days are being summed up; before that they are marked.
    is_building: bool,
    /// Days that were summed up.
    built: i64,
}

impl JobKind for BuildDays {
    fn name(&self) -> &'static str {
        "reports.days"
    }

    fn comes_with(&self) -> Option<&'static str> {
        Some("40 3 * * *")
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let at: Place = step.checkpoint()?.unwrap_or_default();
        let now = step.now();
        let Some(next) = build(step.tx().await?, at, now).await? else { return Ok(Next::Done) };
        step.result(&serde_json::json!({"days": next.built}));
        step.progress(next.built, None);
        step.save(&next);
        Ok(Next::Again)
    }
}

/// The next piece of work of a round; none when all is done.
///
/// A day has its row, and that is committed, before it is summed up in another transaction, which locks the row first: so a call that ends meanwhile
/// either waits and then outdates what was summed up, or is in the sums.
pub(super) async fn build(tx: &mut Tx, at: Place, now: WallTime) -> Result<Option<Place>, StoreError> {
    let Some((center, zone)) = tx.one::<(i64, String)>(CENTER, binds![at.center]).await? else { return Ok(None) };
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    let over = WallTime(now.0.saturating_sub(i64::try_from(OVER_FOR.as_millis()).unwrap_or(i64::MAX)));
    if at.is_building {
        let Some((day, from, to)) = tx.one::<(i64, i64, i64)>(NEXT, binds![center, at.day, over]).await? else {
            return Ok(Some(Place { center, day: 0, is_building: false, ..at }));
        };
        tx.run(BUILT, binds![center, day]).await?;
        tx.run(FORGET, binds![center, day]).await?;
        let (first, end) = calls_between(&(WallTime(from)..WallTime(to)));
        tx.run(KEEP, binds![day, center, first, end, from, to]).await?;
        return Ok(Some(Place { day, built: at.built + 1, ..at }));
    }
    let Some((first,)) = tx.one::<(i64,)>(FIRST, binds![center]).await? else {
        return Ok(Some(Place { center, day: 0, ..at }));
    };
    let first = Day::of(WallTime(first), zone);
    let from = Day::from_number(at.day).map_or(first, |day| day.next().max(first));
    let days = std::iter::successors(Some(from), |day| Some(day.next()).filter(|next| next != day));
    let days: Vec<Day> = days.take_while(|day| day.span(zone).end <= over).take(DAYS_AT_ONCE).collect();
    let Some(last) = days.last() else {
        return Ok(Some(Place { day: 0, is_building: true, ..at }));
    };
    let rows: Vec<(i64, i64, i64, i64)> = tx.all(DAYS, binds![center, from.number(), last.number()]).await?;
    let known: BTreeMap<i64, (i64, i64)> = rows.into_iter().map(|(day, from, to, _)| (day, (from, to))).collect();
    for day in &days {
        let span = day.span(zone);
        if known.get(&day.number()) != Some(&(span.start.0, span.end.0)) {
            tx.run(MARK, binds![center, day.number(), span.start, span.end]).await?;
        }
    }
    Ok(Some(Place { day: last.number(), ..at }))
}
