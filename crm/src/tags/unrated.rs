//! Which calls are still to be rated: those with a recording and without a tag of a group that rates, group by group, because that a call is rated must
//! not tell of a group that one does not see.

use std::collections::BTreeSet;

use model::{CallId, CenterId, TagGroupId, WallTime};
use store::{StoreError, binds, sql::Tx, statements};

/// How long a call waits to be rated, in milliseconds: 30 days. What is older is let go.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;
/// A call's id holds its start in milliseconds from this bit on.
const TIME_SHIFT: u32 = 22;
/// Calls of before that are to be rated in a group that begins to rate: the newest.
const OF_BEFORE_MAX: i64 = 10_000;
/// Calls that are let go at once.
const LET_GO_MAX: i64 = 100;

statements! {
    RECORDED: both "SELECT r.center_id, c.scenario FROM recordings r JOIN calls c ON c.call_id = r.call_id
        WHERE r.call_id = $1 AND r.state IN ('complete', 'partial') AND r.file IS NOT NULL";
    // None of them begins or ceases to rate until the transaction ends.
    GROUPS: each "SELECT id, rates * active FROM tag_groups WHERE center_id = $1 ORDER BY id",
        "SELECT id, rates * active FROM tag_groups WHERE center_id = $1 ORDER BY id FOR SHARE";
    // Whoever tags the call waits here, or is waited for.
    WAIT: both "INSERT INTO call_marks (call_id, center_id, version) VALUES ($1, $2, 0)
        ON CONFLICT (call_id) DO UPDATE SET version = call_marks.version";
    TAGGED: both "SELECT DISTINCT group_id FROM taggings WHERE call_id = $1";
    ADD: both "INSERT INTO unrated (center_id, group_id, call_id, scenario) VALUES ($1, $2, $3, $4)
        ON CONFLICT (center_id, group_id, call_id) DO NOTHING";
    GIVE_BACK: both "INSERT INTO unrated (center_id, group_id, call_id, scenario)
        SELECT r.center_id, CAST($2 AS BIGINT), r.call_id, c.scenario FROM recordings r JOIN calls c ON c.call_id = r.call_id
        WHERE r.call_id = $1 AND r.state IN ('complete', 'partial') AND r.file IS NOT NULL
        ON CONFLICT (center_id, group_id, call_id) DO NOTHING";
    TAKE: both "DELETE FROM unrated WHERE center_id = $1 AND group_id = $2 AND call_id = $3";
    // Those whose tags somebody changes at this moment have time.
    LET_GO: each "DELETE FROM unrated WHERE center_id = $1 AND group_id = $2 AND call_id IN
        (SELECT call_id FROM unrated WHERE center_id = $1 AND group_id = $2 AND call_id < $3 ORDER BY call_id LIMIT $4)",
        "DELETE FROM unrated WHERE center_id = $1 AND group_id = $2 AND call_id IN
        (SELECT call_id FROM unrated WHERE center_id = $1 AND group_id = $2 AND call_id < $3 ORDER BY call_id LIMIT $4 FOR UPDATE SKIP LOCKED)";
    OF_BEFORE: both "INSERT INTO unrated (center_id, group_id, call_id, scenario)
        SELECT r.center_id, CAST($2 AS BIGINT), r.call_id, c.scenario FROM recordings r JOIN calls c ON c.call_id = r.call_id
        WHERE r.center_id = $1 AND r.call_id >= $3 AND r.state IN ('complete', 'partial') AND r.file IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM taggings m WHERE m.call_id = r.call_id AND m.group_id = $2) ORDER BY r.call_id DESC LIMIT $4
        ON CONFLICT (center_id, group_id, call_id) DO NOTHING";
    // Whoever takes a tag off has the call's mark, and is waited for; a call without a mark has no tags.
    WAIT_FOR_TAGS: both "UPDATE call_marks SET version = version WHERE call_id = $1";
    TAKE_ALL: both "DELETE FROM unrated WHERE center_id = $1 AND group_id IN (SELECT id FROM tag_groups WHERE center_id = $1) AND call_id = $2";
    FORGET: both "DELETE FROM unrated WHERE center_id = $1 AND group_id = $2";
}

/// A recording was closed: from now on its call is to be rated in each group that rates and of which it has no tag. Without a recording that can be
/// heard nothing is done, nor if this was done before. In the transaction of whoever follows ended calls; those who tag the call wait for its end.
///
/// # Errors
/// As the database's.
pub async fn recorded(tx: &mut Tx, call: CallId) -> Result<(), StoreError> {
    let found: Option<(i64, Option<String>)> = tx.one(RECORDED, binds![call]).await?;
    let Some((center, scenario)) = found else { return Ok(()) };
    let groups: Vec<(i64, i64)> = tx.all(GROUPS, binds![center]).await?;
    let rating: Vec<i64> = groups.into_iter().filter(|(_, rates)| *rates != 0).map(|(group, _)| group).collect();
    if rating.is_empty() {
        return Ok(());
    }
    tx.run(WAIT, binds![call, center]).await?;
    let tagged: Vec<(i64,)> = tx.all(TAGGED, binds![call]).await?;
    let tagged: BTreeSet<i64> = tagged.into_iter().map(|(group,)| group).collect();
    for group in rating {
        if !tagged.contains(&group) {
            tx.run(ADD, binds![center, group, call, scenario.as_deref()]).await?;
        }
        let before = call.0.saturating_sub(KEPT_MS << TIME_SHIFT);
        tx.run(LET_GO, binds![center, group, before, LET_GO_MAX]).await?;
    }
    Ok(())
}

/// The recording of a call was erased: there is nothing to rate it by. In the transaction of whoever follows ended calls.
///
/// # Errors
/// As the database's.
pub async fn erased(tx: &mut Tx, center: CenterId, call: CallId) -> Result<(), StoreError> {
    // Who looked at the recording before its erasure, to have the call rated, is done then.
    let _: Vec<(i64, i64)> = tx.all(GROUPS, binds![center]).await?;
    tx.run(WAIT_FOR_TAGS, binds![call]).await?;
    tx.run(TAKE_ALL, binds![center, call]).await?;
    Ok(())
}

/// The first tag of a group that rates was set on a call, or its last one was taken off. Whoever tags the call has its mark.
pub(super) async fn tagged(tx: &mut Tx, center: CenterId, group: TagGroupId, call: CallId, is_rated: bool) -> Result<(), StoreError> {
    if is_rated {
        tx.run(TAKE, binds![center, group, call]).await?;
    } else {
        tx.run(GIVE_BACK, binds![call, group]).await?;
    }
    Ok(())
}

/// A group, which its transaction has locked, begins to rate calls, or ceases to. It begins with the calls of the last 30 days.
pub(super) async fn rates(tx: &mut Tx, center: CenterId, group: i64, rates: bool, WallTime(now): WallTime) -> Result<(), StoreError> {
    if rates {
        let since = now.saturating_sub(KEPT_MS).max(0) << TIME_SHIFT;
        tx.run(OF_BEFORE, binds![center, group, since, OF_BEFORE_MAX]).await?;
    } else {
        tx.run(FORGET, binds![center, group]).await?;
    }
    Ok(())
}
