//! A player reports what it has played.

use model::{CallId, CenterId, UserId, WallTime};
use office::{Conflict, Fault, OfficeError, Permit};
use sqlx::FromRow;
use store::{
    StoreError, binds,
    sql::{Tx, draw},
    statements,
};

use super::{IDLE_MS, SESSIONS_OPEN_MAX, settings};
use crate::{
    Crm, can,
    core::{
        days::Day,
        heard::{Pace, Ranges},
        policy::HeardPolicy,
    },
};

/// What there is to hear of a call, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound {
    /// How long it is, in milliseconds.
    pub duration_ms: u64,
    /// Whether it still grows.
    pub is_growing: bool,
    /// When it was erased: what was heard before counts, and no more.
    pub erased_at: Option<WallTime>,
}

/// A session that has begun, and what the person has heard before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hearing {
    /// Its id.
    pub id: i64,
    /// What they have heard of the call so far, in all sessions.
    pub heard: Ranges,
    /// Whether the call counts as listened to by them.
    pub is_completed: bool,
}

/// What a player says that it has played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The number of the report in its session, from 1 on. One that was counted is answered again, and not counted again.
    pub seq: i64,
    /// What was played since the last report that was answered.
    pub ranges: Ranges,
    /// Where it stands now, in milliseconds.
    pub position_ms: u64,
    /// How fast it plays, in thousandths of the speed of speech.
    pub speed_permille: u32,
    /// Whether it is the last report.
    pub is_last: bool,
}

/// What a session has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// How much of the recording was heard in this session, in milliseconds.
    pub heard_ms: u64,
    /// How much of it the person has heard in all, in milliseconds.
    pub all_heard_ms: u64,
    /// Whether the call counts as listened to by them.
    pub is_completed: bool,
    /// How much the session has reported that cannot have been played in the time that had passed, in milliseconds; it does not count.
    pub trimmed_ms: u64,
}

statements! {
    SCENARIO: both "SELECT COALESCE(scenario, '') FROM calls WHERE call_id = $1";
    OPEN: both "SELECT count(*) FROM listen_sessions WHERE user_id = $1 AND ended_at IS NULL AND last_at > $2";
    // Other players of the same person and call wait for each other here.
    BEGIN: both "INSERT INTO listens (user_id, call_id, center_id, ranges, heard_ms, duration_ms, first_at, last_at)
        VALUES ($1, $2, $3, '[]', 0, $4, $5, $5) ON CONFLICT (user_id, call_id) DO UPDATE SET last_at = listens.last_at
        RETURNING ranges, heard_ms, completed_at";
    INSERT: both "INSERT INTO listen_sessions (id, center_id, call_id, user_id, scenario, opened_at, last_at, seq, ranges, heard_ms, position_ms,
        speed_permille, trimmed_ms) VALUES ($1, $2, $3, $4, $5, $6, $6, 0, '[]', 0, 0, 1000, 0)";
    CALL: both "SELECT call_id FROM listen_sessions WHERE id = $1 AND user_id = $2 AND center_id = $3";
    LOCK: both "UPDATE listen_sessions SET seq = seq WHERE id = $1 AND user_id = $2 AND center_id = $3
        RETURNING call_id, scenario, opened_at, last_at, seq, ranges, trimmed_ms, ended_at";
    LOCK_LISTEN: both "UPDATE listens SET last_at = last_at WHERE user_id = $1 AND call_id = $2 RETURNING ranges, heard_ms, completed_at";
    COUNT: both "UPDATE listen_sessions SET last_at = $2, seq = $3, ranges = $4, heard_ms = $5, position_ms = $6, speed_permille = $7,
        trimmed_ms = $8, ended_at = $9 WHERE id = $1";
    END: both "UPDATE listen_sessions SET ended_at = $2 WHERE id = $1";
    COUNT_LISTEN: both "UPDATE listens SET ranges = $3, heard_ms = $4, duration_ms = $5, completed_at = $6, last_at = $7
        WHERE user_id = $1 AND call_id = $2";
    COUNT_DAY: both "INSERT INTO listen_days (center_id, day, user_id, scenario, opened, completed, heard_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (center_id, day, user_id, scenario) DO UPDATE SET opened = listen_days.opened + excluded.opened,
        completed = listen_days.completed + excluded.completed, heard_ms = listen_days.heard_ms + excluded.heard_ms";
}

#[derive(FromRow)]
struct SessionRow {
    call_id: i64,
    scenario: String,
    opened_at: i64,
    last_at: i64,
    seq: i64,
    ranges: String,
    trimmed_ms: i64,
    ended_at: Option<i64>,
}

#[derive(FromRow)]
struct ListenRow {
    ranges: String,
    heard_ms: i64,
    completed_at: Option<i64>,
}

/// What came of a report.
struct Counted {
    heard: Heard,
    /// Whether it was counted just now.
    is_new: bool,
    /// Whether the session has ended under it.
    is_over: bool,
}

/// When, by the clock and by the calendar of the centre.
#[derive(Clone, Copy)]
struct Moment {
    now: WallTime,
    day: Day,
}

impl Crm {
    /// Begins to listen to a call's recording, by leave to do so.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person does not reach, [`Conflict::Erased`], [`Conflict::State`] for one session more than
    /// [`SESSIONS_OPEN_MAX`].
    pub async fn open_listening(&self, permit: &Permit, call: CallId, sound: Sound, now: WallTime) -> Result<Hearing, OfficeError> {
        let center = self.reached(permit, call).await?;
        if let Some(at) = sound.erased_at {
            return Err(OfficeError::Conflict(Conflict::Erased { at }));
        }
        let moment = self.moment(center, now).await?;
        let mut tx = self.store().db().begin().await?;
        let opened = open(&mut tx, permit.principal().user(), (call, center), sound, moment).await;
        office::finish(tx, opened).await
    }

    /// The call of a listening session of one's own, by leave to listen.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for the session of somebody else.
    pub async fn call_of_listening(&self, permit: &Permit, session: i64) -> Result<CallId, OfficeError> {
        permit.must_be(office::can::RECORDINGS_LISTEN)?;
        let of = binds![session, permit.principal().user(), permit.rows().center];
        let call: Option<(i64,)> = self.store().db().one(CALL, of).await?;
        call.map(|(call,)| CallId(call)).ok_or(OfficeError::NotFound("listening session"))
    }

    /// Counts what a player has played. Of a recording that was erased meanwhile what was played before counts, and the session ends.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for the session of somebody else, and for a call that the person does not reach any more;
    /// [`OfficeError::Invalid`] for what is heard in too many pieces; [`Conflict::SessionEnded`].
    pub async fn report_listening(
        &self,
        permit: &Permit,
        session: i64,
        report: &Report,
        sound: Sound,
        now: WallTime,
    ) -> Result<Heard, OfficeError> {
        let call = self.call_of_listening(permit, session).await?;
        let center = self.reached(permit, call).await?;
        let moment = self.moment(center, now).await?;
        let mut tx = self.store().db().begin().await?;
        let counted = count(&mut tx, permit.principal().user(), (session, center), report, sound, moment).await;
        let counted = office::finish(tx, counted).await?;
        // Whoever is at it keeps what they have taken, if they may still take it.
        if counted.is_new && !counted.is_over && permit.principal().permit(can::LISTENING_CLAIM).is_some() {
            self.renew_claims(permit.principal().user(), call, now).await?;
        }
        if counted.is_over { Err(OfficeError::Conflict(Conflict::SessionEnded)) } else { Ok(counted.heard) }
    }

    /// The centre of a call that the person may listen to.
    async fn reached(&self, permit: &Permit, call: CallId) -> Result<CenterId, OfficeError> {
        permit.must_be(office::can::RECORDINGS_LISTEN)?;
        let call = self.office().call(permit, call).await?;
        call.map(|call| call.center).ok_or(OfficeError::NotFound("call"))
    }

    async fn moment(&self, center: CenterId, now: WallTime) -> Result<Moment, OfficeError> {
        let center = self.office().center(center).await?.ok_or(OfficeError::NotFound("center"))?;
        Ok(Moment { now, day: Day::of(now, center.tz) })
    }
}

async fn open(
    tx: &mut Tx,
    user: UserId,
    (call, center): (CallId, CenterId),
    sound: Sound,
    Moment { now, day }: Moment,
) -> Result<Hearing, OfficeError> {
    // Others who begin wait here, so that the count holds.
    let id = draw(tx, "listen_session", 1).await?;
    let open: Option<(i64,)> = tx.one(OPEN, binds![user, now.0.saturating_sub(IDLE_MS)]).await?;
    if open.is_some_and(|(open,)| open >= SESSIONS_OPEN_MAX) {
        let told = format!("{SESSIONS_OPEN_MAX} players of yours are open: close one first, or wait until one has ended");
        return Err(OfficeError::Conflict(Conflict::State(told)));
    }
    let (scenario,): (String,) = tx.one(SCENARIO, binds![call]).await?.ok_or(OfficeError::NotFound("call"))?;
    let listen: Option<ListenRow> = tx.one(BEGIN, binds![user, call, center, int(sound.duration_ms), now]).await?;
    let listen = listen.ok_or_else(|| broken("listens", "a row that was written is not there"))?;
    tx.run(INSERT, binds![id, center, call, user, &scenario, now]).await?;
    tx.run(COUNT_DAY, binds![center, day.number(), user, &scenario, 1_i64, 0_i64, 0_i64]).await?;
    Ok(Hearing { id, heard: ranges("listens", &listen.ranges)?, is_completed: listen.completed_at.is_some() })
}

async fn count(
    tx: &mut Tx,
    user: UserId,
    (id, center): (i64, CenterId),
    report: &Report,
    sound: Sound,
    Moment { now, day }: Moment,
) -> Result<Counted, OfficeError> {
    let session: SessionRow = tx.one(LOCK, binds![id, user, center]).await?.ok_or(OfficeError::NotFound("listening session"))?;
    let call = CallId(session.call_id);
    let listen: ListenRow =
        tx.one(LOCK_LISTEN, binds![user, call]).await?.ok_or_else(|| broken("listens", "a session has no row there"))?;
    let (mut heard, mut all) = (ranges("listen_sessions", &session.ranges)?, ranges("listens", &listen.ranges)?);
    let stands = Heard {
        heard_ms: heard.total(),
        all_heard_ms: unsigned(listen.heard_ms),
        is_completed: listen.completed_at.is_some(),
        trimmed_ms: unsigned(session.trimmed_ms),
    };
    // It was counted, and its answer was lost.
    if report.seq <= session.seq {
        return Ok(Counted { heard: stands, is_new: false, is_over: false });
    }
    if session.ended_at.is_some() {
        return Ok(Counted { heard: stands, is_new: false, is_over: true });
    }
    let silent_since = session.last_at.saturating_add(IDLE_MS);
    if now.0 > silent_since {
        tx.run(END, binds![id, silent_since]).await?;
        return Ok(Counted { heard: stands, is_new: false, is_over: true });
    }
    // Nothing is heard of it from its erasure on.
    let until = sound.erased_at.map_or(now, |at| at.min(now));
    let policy = settings::policy(tx, center).await?;
    let pace = Pace {
        since_report_ms: unsigned(until.0.saturating_sub(session.last_at)),
        since_opening_ms: unsigned(until.0.saturating_sub(session.opened_at)),
        speed_permille: report.speed_permille,
        speed_max_permille: policy.speed_max_permille,
    };
    let duration_ms = u32::try_from(sound.duration_ms).unwrap_or(u32::MAX);
    let pieces = |_| OfficeError::Invalid(vec![Fault::invalid("ranges", "that is heard in too many pieces")]);
    let counted = heard.count(&report.ranges, duration_ms, &pace).map_err(pieces)?;
    let new_ms = all.absorb(&counted.added).map_err(pieces)?.total();
    let is_new = listen.completed_at.is_none() && is_listened(&policy, &all, sound);
    let completed_at = if is_new { Some(now.0) } else { listen.completed_at };
    let trimmed_ms = stands.trimmed_ms.saturating_add(counted.trimmed_ms);
    let ended_at = (report.is_last || sound.erased_at.is_some()).then_some(now);
    let last_at = now.0.max(session.last_at);
    let position = report.position_ms.min(sound.duration_ms);
    let (heard_ms, all_heard_ms) = (heard.total(), all.total());
    let speed = i64::from(report.speed_permille);
    let binds = binds![id, last_at, report.seq, text(&heard), int(heard_ms), int(position), speed, int(trimmed_ms), ended_at];
    tx.run(COUNT, binds).await?;
    tx.run(COUNT_LISTEN, binds![user, call, text(&all), int(all_heard_ms), int(sound.duration_ms), completed_at, last_at]).await?;
    if new_ms > 0 || is_new {
        tx.run(COUNT_DAY, binds![center, day.number(), user, &session.scenario, 0_i64, i64::from(is_new), int(new_ms)]).await?;
    }
    let heard = Heard { heard_ms, all_heard_ms, is_completed: completed_at.is_some(), trimmed_ms };
    Ok(Counted { heard, is_new: true, is_over: sound.erased_at.is_some() })
}

/// Whether that is enough. How much of a recording it is that still grows is not known: only how long it was heard counts.
fn is_listened(policy: &HeardPolicy, heard: &Ranges, sound: Sound) -> bool {
    policy.is_listened(heard.total(), if sound.is_growing { u64::MAX } else { sound.duration_ms })
}

fn ranges(table: &'static str, text: &str) -> Result<Ranges, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Broken { table, what: error.to_string() })
}

fn text(ranges: &Ranges) -> String {
    // Pairs of numbers cannot fail.
    serde_json::to_string(ranges).unwrap_or_default()
}

fn broken(table: &'static str, what: &str) -> StoreError {
    StoreError::Broken { table, what: what.to_owned() }
}

fn int(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
