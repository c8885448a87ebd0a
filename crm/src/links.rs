//! Which lead and which client a call was with, and that it is the lead's people's for that (S004-103, S004-105).
//!
//! A call is of at most one lead. Whose the lead is has the call among their own ([`OF_LEAD`](store::whose::OF_LEAD)), for as long as the lead is
//! theirs: whatever changes that, or the link, has the call's people said anew, in its own transaction as far as [`CALLS_AT_ONCE`] calls go,
//! and by a job behind that.

mod by_hand;
#[cfg(test)]
mod tests;

use model::{CallId, CenterId, WallTime};
use office::{
    Office, OfficeError,
    jobs::{JobError, JobKind, NewJob, Next, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Statement, StoreError, binds, sql::Tx, statements, why};

pub use by_hand::{CallLinks, LinkCall};

pub(crate) const ALL_STATEMENTS: &[&[Statement]] = &[STATEMENTS, by_hand::STATEMENTS];

/// Calls of a lead whose people are said anew in one transaction.
pub const CALLS_AT_ONCE: i64 = 1_000;

/// How it is known whom a call was with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkedBy {
    /// By its number: this fills in what is not known yet, and changes nothing that is.
    Number,
    /// By a person's word, which takes the place of all that was known and which no number changes, not even if it names nobody.
    Hand,
}

statements! {
    // Whose the lead is stays so until the transaction ends; SQLite has one writer anyway.
    HOLD: each "SELECT id FROM leads WHERE id = $1 AND center_id = $2",
        "SELECT id FROM leads WHERE id = $1 AND center_id = $2 FOR SHARE";
    BY_NUMBER: both "INSERT INTO call_links (call_id, center_id, lead_id, client_id, matched_by, linked_at) VALUES ($1, $2, $3, $4, 'number', $5)
        ON CONFLICT (call_id) DO UPDATE SET lead_id = COALESCE(call_links.lead_id, excluded.lead_id),
        client_id = COALESCE(call_links.client_id, excluded.client_id), linked_at = excluded.linked_at
        WHERE call_links.matched_by = 'number' AND ((call_links.lead_id IS NULL AND excluded.lead_id IS NOT NULL)
            OR (call_links.client_id IS NULL AND excluded.client_id IS NOT NULL)) RETURNING lead_id";
    BY_HAND: both "INSERT INTO call_links (call_id, center_id, lead_id, client_id, matched_by, linked_at) VALUES ($1, $2, $3, $4, 'hand', $5)
        ON CONFLICT (call_id) DO UPDATE SET lead_id = excluded.lead_id, client_id = excluded.client_id, matched_by = 'hand',
        linked_at = excluded.linked_at RETURNING lead_id";
    LEAD_OF: each "SELECT lead_id FROM call_links WHERE call_id = $1", "SELECT lead_id FROM call_links WHERE call_id = $1 FOR UPDATE";
    // What was written of the call is on its lead (S004-103), from the first word on.
    NOTES: both "UPDATE notes SET lead_id = $2 WHERE call_id = $1 AND (lead_id IS NULL OR lead_id = $3)";
    // Of one call: whose lead it is not has nothing of it, whose it is has it.
    CLEAR_ONE: both concat!("UPDATE call_users SET why = why - ", why!(of_lead), " WHERE call_id = $1 AND why & ", why!(of_lead), " <> 0 AND
        user_id NOT IN (SELECT u.user_id FROM lead_users u JOIN call_links l ON l.lead_id = u.lead_id WHERE l.call_id = $1)");
    DROP_ONE: both "DELETE FROM call_users WHERE call_id = $1 AND why = 0";
    SEAT_ONE: both concat!("INSERT INTO call_users (user_id, call_id, why) SELECT u.user_id, l.call_id, ", why!(of_lead), " FROM call_links l
        JOIN lead_users u ON u.lead_id = l.lead_id WHERE l.call_id = $1
        ON CONFLICT (user_id, call_id) DO UPDATE SET why = call_users.why | ", why!(of_lead));
    // Of a lead's calls behind $3, up to $4.
    UPTO: both "SELECT COALESCE(max(call_id), 0), count(*) FROM (SELECT call_id FROM call_links WHERE center_id = $1 AND lead_id = $2
        AND call_id > $3 ORDER BY call_id LIMIT $4) AS next";
    CLEAR: both concat!("UPDATE call_users SET why = why - ", why!(of_lead), " WHERE call_id IN (SELECT call_id FROM call_links
        WHERE center_id = $1 AND lead_id = $2 AND call_id > $3 AND call_id <= $4) AND why & ", why!(of_lead), " <> 0 AND
        user_id NOT IN (SELECT user_id FROM lead_users WHERE lead_id = $2)");
    DROP: both "DELETE FROM call_users WHERE call_id IN (SELECT call_id FROM call_links WHERE center_id = $1 AND lead_id = $2 AND call_id > $3
        AND call_id <= $4) AND why = 0";
    SEAT: both concat!("INSERT INTO call_users (user_id, call_id, why) SELECT u.user_id, l.call_id, ", why!(of_lead), " FROM call_links l
        JOIN lead_users u ON u.lead_id = l.lead_id WHERE l.center_id = $1 AND l.lead_id = $2 AND l.call_id > $3 AND l.call_id <= $4
        ON CONFLICT (user_id, call_id) DO UPDATE SET why = call_users.why | ", why!(of_lead));
    // Of a lead that is gone.
    UNLINK: both "UPDATE call_links SET lead_id = NULL WHERE center_id = $1 AND lead_id = $2 AND call_id > $3 AND call_id <= $4
        AND NOT EXISTS (SELECT 1 FROM leads WHERE id = $2)";
}

/// Says which lead and which client a call was with, and has the call and what was written of it be the lead's people's. Doing it again changes nothing; a lead that is
/// gone, or another centre's, is as none. Tells whether anything else is known now than before.
///
/// It locks the lead, then the call's link, then who has the call: whoever links several calls in one transaction takes their leads in the
/// order of their ids.
///
/// # Errors
/// As the database's.
pub async fn link(
    tx: &mut Tx,
    (call, center): (CallId, CenterId),
    lead: Option<i64>,
    client: Option<i64>,
    (by, now): (LinkedBy, WallTime),
) -> Result<bool, StoreError> {
    let lead = match lead {
        Some(lead) => tx.one::<(i64,)>(HOLD, binds![lead, center]).await?.map(|(lead,)| lead),
        None => None,
    };
    if by == LinkedBy::Number && lead.is_none() && client.is_none() {
        return Ok(false);
    }
    let put = if by == LinkedBy::Hand { BY_HAND } else { BY_NUMBER };
    let old: Option<(Option<i64>,)> = tx.one(LEAD_OF, binds![call]).await?;
    let old = old.and_then(|(lead,)| lead);
    let changed: Option<(Option<i64>,)> = tx.one(put, binds![call, center, lead, client, now]).await?;
    if let Some((stands,)) = changed {
        if stands != old {
            tx.run(NOTES, binds![call, stands, old.unwrap_or(0)]).await?;
        }
        tx.run(CLEAR_ONE, binds![call]).await?;
        tx.run(DROP_ONE, binds![call]).await?;
        tx.run(SEAT_ONE, binds![call]).await?;
    }
    Ok(changed.is_some())
}

/// Has up to [`CALLS_AT_ONCE`] calls of a lead behind `after` be its people's and nobody else's for its sake; gives the last of them if there may be
/// more. The lead is locked, or gone: then its calls are nobody's for its sake, and of no lead.
async fn seat(tx: &mut Tx, center: CenterId, lead: i64, after: i64) -> Result<Option<i64>, StoreError> {
    let some: Option<(i64, i64)> = tx.one(UPTO, binds![center, lead, after, CALLS_AT_ONCE]).await?;
    let Some((upto, count)) = some.filter(|(_, count)| *count > 0) else { return Ok(None) };
    for statement in [CLEAR, DROP, SEAT, UNLINK] {
        tx.run(statement, binds![center, lead, after, upto]).await?;
    }
    Ok((count == CALLS_AT_ONCE).then_some(upto))
}

/// The same of all calls of a lead whose people have changed, or that is gone: the first of them now, the others by a job. Whoever commits may
/// then [`Office::wake_jobs`], if it says that there is one.
///
/// # Errors
/// As the database's, and [`Office::enqueue`]'s.
pub(crate) async fn seat_all(tx: &mut Tx, office: &Office, center: CenterId, lead: i64, now: WallTime) -> Result<bool, OfficeError> {
    let Some(after) = seat(tx, center, lead, 0).await? else { return Ok(false) };
    office.enqueue(tx, now, NewJob::new(SeatCalls.name(), center, json!({"lead": lead, "after": after}))).await?;
    Ok(true)
}

/// Has the many calls of a lead be its people's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeatCalls;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Place {
    lead: i64,
    after: i64,
}

impl JobKind for SeatCalls {
    fn name(&self) -> &'static str {
        "leads.calls"
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let first: Place = step.payload()?;
        let Place { lead, after } = step.checkpoint()?.unwrap_or(first);
        let center = step.job().center;
        let tx = step.tx().await?;
        // Who changes whose it is waits; if it is gone, nobody can.
        tx.one::<(i64,)>(HOLD, binds![lead, center]).await?;
        match seat(tx, center, lead, after).await? {
            Some(after) => {
                step.save(&Place { lead, after });
                Ok(Next::Again)
            }
            None => Ok(Next::Done),
        }
    }
}
