//! Sources that are not heard, for the next start. Written by facts only.

use std::{collections::BTreeMap, time::Duration};

use model::{BanView, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::json,
    db::{Tx, binds, statements},
    many::{Column, Rows, row, rows_32},
};

/// For so long after its end a ban is kept: the next one of its source lasts longer.
const REMEMBERED: Duration = Duration::from_secs(2 * 86_400);

/// Bans that are read at most; those that end last.
const BANS_MAX: i64 = 65_536;

macro_rules! put {
    () => {
        "INSERT INTO bans (source, why, since, until, times, points, note, evidence) "
    };
}

macro_rules! replace {
    () => {
        " ON CONFLICT (source) DO UPDATE SET why = excluded.why, since = excluded.since, until = excluded.until,
        times = excluded.times, points = excluded.points, note = excluded.note, evidence = excluded.evidence"
    };
}

statements! {
    BANS: both "SELECT source, why, since, until, times, points, note, evidence FROM bans WHERE until > $1
        ORDER BY until DESC, source LIMIT $2";
    PUT: each
        concat!(put!(), "SELECT * FROM ", rows_32!("(?,?,?,?,?,?,?,?)"), " WHERE v.column1 IS NOT NULL", replace!()),
        concat!(put!(), "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
        $8::text[])", replace!());
    REMOVE: both "DELETE FROM bans WHERE source = $1";
    PRUNE: both "DELETE FROM bans WHERE until <= $1";
}

impl Store {
    /// The bans that stand at `now`, and those that have ended within the last two days: the next ones of such sources last longer.
    pub async fn bans(&self, now: WallTime) -> Result<Vec<BanView>, StoreError> {
        let rows: Vec<Row> = self.db.all(BANS, binds![before(now), BANS_MAX]).await?;
        rows.into_iter().map(BanView::try_from).collect()
    }
}

/// Writes what is left of bans: `None` is one that was taken back.
pub(crate) async fn write(tx: &mut Tx, bans: &BTreeMap<&str, Option<&BanView>>) -> Result<(), StoreError> {
    use Column::{Int, Text};
    for (source, _) in bans.iter().filter(|(_, ban)| ban.is_none()) {
        tx.run(REMOVE, binds![*source]).await?;
    }
    let standing: Vec<&BanView> = bans.values().copied().flatten().collect();
    let Some(last) = standing.iter().map(|ban| ban.since).max() else { return Ok(()) };
    let mut rows = Rows::new(&[Text, Text, Int, Int, Int, Int, Text, Text]);
    for ban in &standing {
        rows.push(row![
            &ban.source,
            &ban.why,
            ban.since,
            ban.until,
            i64::from(ban.times),
            i64::from(ban.points),
            &ban.note,
            json(&ban.evidence),
        ]);
    }
    tx.run_many(PUT, &rows).await?;
    // A flood of sources makes bans, so that is when old ones go.
    tx.run(PRUNE, binds![before(last)]).await.map(drop)
}

/// What ended before this is forgotten.
fn before(now: WallTime) -> WallTime {
    WallTime(now.0.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX)))
}

#[derive(FromRow)]
struct Row {
    source: String,
    why: String,
    since: i64,
    until: i64,
    times: i64,
    points: i64,
    note: Option<String>,
    evidence: String,
}

impl TryFrom<Row> for BanView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let broken = |what: &str| StoreError::Broken { table: "bans", what: what.to_owned() };
        Ok(Self {
            source: row.source,
            why: row.why,
            since: WallTime(row.since),
            until: WallTime(row.until),
            times: u32::try_from(row.times).map_err(|_| broken("times"))?,
            points: u32::try_from(row.points).map_err(|_| broken("points"))?,
            note: row.note,
            evidence: serde_json::from_str(&row.evidence).map_err(|_| broken("evidence"))?,
        })
    }
}
