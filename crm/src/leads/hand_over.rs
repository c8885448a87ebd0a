//! Leads go from who has them to a seller: one that is named, whoever has the turn, or by where the lead came from.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::{CenterId, RowNews, UserId, WallTime};
use office::{CenterSettings, Conflict, Fault, Office, OfficeError, Permit, rights::who_may};
use serde::{Deserialize, Serialize};
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::Tx,
    statements,
};

use super::{
    LEADS,
    change::TIME_MAX,
    news::{UPDATED, news},
    rows::{lock_reached, owners, tell, write},
};
use crate::{
    Crm, can,
    core::{lead::LeadStatus, turns::next_of_ring},
    links::seat_all,
    notes::{self, NOTES},
    phones::settings,
};

/// The role of those who take turns.
const SELLER: &str = "seller";
/// The ring of all sellers of a centre.
const SELLERS: &str = "sellers";

/// To whom a lead goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOver {
    /// To somebody who is named.
    User,
    /// To the seller whose turn it is.
    RoundRobin,
    /// To whom the centre's settings name for where the lead came from.
    Source,
}

/// How a lead is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverOrder {
    /// To whom.
    pub how: HandOver,
    /// Who is named.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// When something is to be done next; what stands there stays if nothing is said.
    #[serde(default)]
    pub next_action_at: Option<WallTime>,
    /// What the seller is to know: it becomes a note on the lead.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Somebody to whom leads can be handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seller {
    /// Their account.
    pub id: UserId,
    /// Their name, as others see it.
    pub name: String,
    /// How many leads of theirs are not done with.
    pub open_leads: i64,
}

statements! {
    SOURCE: both "SELECT COALESCE(source, '') FROM leads WHERE id = $1 AND center_id = $2";
    // Whoever hands a lead to the next one of the ring waits here for the end of the transaction.
    TURN: both "INSERT INTO hand_over_turns (center_id, ring, last_user_id) VALUES ($1, $2, 0)
        ON CONFLICT (center_id, ring) DO UPDATE SET last_user_id = hand_over_turns.last_user_id RETURNING last_user_id";
    TAKE_TURN: both "UPDATE hand_over_turns SET last_user_id = $3 WHERE center_id = $1 AND ring = $2";
    NAMES: both "SELECT u.id, CASE WHEN u.display_name = '' THEN u.username ELSE u.display_name END FROM users u WHERE u.center_id = $1
        AND u.state = 'active'";
    OPEN: both "SELECT u.user_id, count(*) FROM lead_users u JOIN leads l ON l.id = u.lead_id WHERE l.center_id = $1 AND u.why & 1 <> 0
        AND l.status IN ('new', 'assigned', 'contacted', 'qualified') GROUP BY u.user_id";
}

impl HandOverOrder {
    /// What is wrong with it by itself.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if (self.how == HandOver::User) != self.user_id.is_some() {
            faults.push(Fault::invalid("user_id", "a user is named if the lead goes to a user, and only then"));
        }
        if self.next_action_at.is_some_and(|at| !(0..TIME_MAX).contains(&at.0)) {
            faults.push(Fault::invalid("next_action_at", "a time is a whole number of milliseconds since 1970"));
        }
        if let Some(Err(OfficeError::Invalid(wrong))) = self.comment.as_deref().map(notes::text) {
            faults.extend(wrong.into_iter().map(|fault| Fault { field: "comment".to_owned(), ..fault }));
        }
        faults
    }
}

impl Crm {
    /// Hands over a lead that is at the version that the person saw; gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`Conflict::Version`], [`Conflict::State`] for a lead that is done with, one that is
    /// theirs already, and if there is nobody to hand it to; [`OfficeError::NotPermitted`] for a comment of who may write no notes.
    pub async fn hand_over(
        &self,
        permit: &Permit,
        (id, version): (i64, i64),
        order: &HandOverOrder,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::LEADS_HAND_OVER)?;
        let mut tx = self.store().db().begin().await?;
        let made = hand_over(&mut tx, (self.office(), permit), (id, Some(version)), order, now).await;
        let (version, news) = office::finish(tx, made).await?;
        self.office().rows_changed(news);
        self.office().wake_jobs();
        self.lead_changed(id);
        Ok(version)
    }

    /// The sellers of the centre to whom leads can be handed over, by leave to do so; by name.
    ///
    /// # Errors
    /// As the database's.
    pub async fn sellers(&self, permit: &Permit) -> Result<Vec<Seller>, OfficeError> {
        permit.must_be(can::LEADS_HAND_OVER)?;
        let center = permit.rows().center;
        let mut tx = self.store().db().begin().await?;
        let read = async {
            let members = who_may(&mut tx, center, can::LEADS_UPDATE, Some(SELLER)).await?;
            let names: Vec<(i64, String)> = tx.all(NAMES, binds![center]).await?;
            let open: Vec<(i64, i64)> = tx.all(OPEN, binds![center]).await?;
            let open_of = |user: i64| open.iter().find(|(of, _)| *of == user).map_or(0, |(_, count)| *count);
            let sellers = names.into_iter().filter(|(user, _)| members.contains(&UserId(*user)));
            Ok::<_, OfficeError>(sellers.map(|(user, name)| Seller { id: UserId(user), name, open_leads: open_of(user) }).collect())
        };
        let read: Result<Vec<Seller>, OfficeError> = read.await;
        let mut sellers = office::finish(tx, read).await?;
        sellers.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        Ok(sellers)
    }
}

/// Those whose turn it may be, and the name of their ring; none if they take no turns.
struct Ring {
    name: Option<String>,
    members: BTreeSet<UserId>,
}

/// Hands over a lead, at any version if none is named. The ring is locked before the lead: whoever has the turn hands over one lead, so nobody who
/// holds a lead waits for a turn.
pub(super) async fn hand_over(
    tx: &mut Tx,
    (office, permit): (&Office, &Permit),
    (id, version): (i64, Option<i64>),
    order: &HandOverOrder,
    now: WallTime,
) -> Result<(i64, Vec<RowNews>), OfficeError> {
    let center = permit.rows().center;
    let faults = order.faults();
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    // What is not reached is not there, whatever else is wrong.
    let before = owners(tx, id).await?;
    let source: Option<(String,)> = tx.one(SOURCE, binds![id, center]).await?;
    let Some((source,)) = source.filter(|_| permit.reaches(&before)) else { return Err(OfficeError::NotFound(LEADS.name)) };
    let settings = settings(tx, center).await?;
    let ring = ring(tx, center, (&settings, &source), order).await?;
    let last = match &ring.name {
        Some(name) => tx.one::<(i64,)>(TURN, binds![center, name]).await?.map(|(last,)| UserId(last)),
        None => None,
    };

    let old = lock_reached(tx, permit, id).await?;
    let before = owners(tx, id).await?;
    if version.is_some_and(|seen| seen != old.version) {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let state = old.state()?;
    if !state.is_open() {
        return Err(OfficeError::Conflict(Conflict::State(format!("a lead that is {state} is not handed over"))));
    }
    let theirs = old.assigned_seller.map(UserId);
    // Whose it is already does not get it again: it goes to the one behind.
    let next = next_of_ring(&ring.members, last)
        .map(|next| if Some(next) == theirs { next_of_ring(&ring.members, Some(next)) } else { Some(next) });
    let Some(seller) = next.flatten() else {
        return Err(OfficeError::Conflict(Conflict::State("there is nobody to hand it to".to_owned())));
    };
    if Some(seller) == theirs {
        return Err(OfficeError::Conflict(Conflict::State("it is theirs already".to_owned())));
    }
    let comment = order.comment.as_deref().map(notes::text).transpose()?;
    if comment.is_some() && !permit.principal().permit(can::NOTES_CREATE).is_some_and(|leave| leave.reaches(&before)) {
        return Err(OfficeError::NotPermitted(can::NOTES_CREATE.0));
    }

    let mut new = old.clone();
    new.assigned_seller = Some(seller.0);
    if !settings.desk.keep_after_hand_over {
        new.assigned_operator = None;
    }
    new.handed_over_at = Some(now.0);
    if state == LeadStatus::New {
        LeadStatus::Assigned.code().clone_into(&mut new.status);
    }
    if let Some(at) = order.next_action_at {
        new.next_action_at = Some(at.0);
    }
    new.version = old.version + 1;
    write(tx, id, &old, &new, now).await?;
    if let Some(name) = &ring.name {
        tx.run(TAKE_TURN, binds![center, name, seller]).await?;
    }
    tell(tx, permit, (id, &new), "hand_over", (Some(&old.status), Some(&new.status)), now).await?;
    let mut entries = vec![Entry::change(can::LEADS_HAND_OVER.0, LEADS.name, id, Diff::between(&old.picture(), &new.picture()))];
    let mut told = Vec::new();
    if let Some(comment) = comment {
        let (note, of_note) = notes::add(tx, permit, (None, Some(id), None), &comment, now).await?;
        told.extend(of_note);
        let diff = Diff::none().and("text", serde_json::Value::Null, comment);
        entries.push(Entry::change(can::NOTES_CREATE.0, NOTES.name, note, diff));
    }
    seat_all(tx, office, center, id, now).await?;
    let mut all = news(tx, center, (id, &new), (UPDATED, &before), now).await?;
    all.extend(told);
    audit::append(tx, now, permit.actor(), &entries).await?;
    Ok((new.version, all))
}

/// Among whom it goes round.
async fn ring(
    tx: &mut Tx,
    center: CenterId,
    (settings, source): (&CenterSettings, &str),
    order: &HandOverOrder,
) -> Result<Ring, OfficeError> {
    let anybody = async |tx: &mut Tx| who_may(tx, center, can::LEADS_UPDATE, None).await;
    match (order.how, order.user_id) {
        (HandOver::User, named) => {
            let named = named.into_iter().collect::<BTreeSet<UserId>>();
            let members: BTreeSet<UserId> = anybody(tx).await?.intersection(&named).copied().collect();
            if members.is_empty() {
                let detail = "leads go to people of this centre who can log in and may change leads";
                return Err(OfficeError::Invalid(vec![Fault::invalid("user_id", detail)]));
            }
            Ok(Ring { name: None, members })
        }
        (HandOver::RoundRobin, _) => {
            let members = who_may(tx, center, can::LEADS_UPDATE, Some(SELLER)).await?;
            Ok(Ring { name: Some(SELLERS.to_owned()), members })
        }
        (HandOver::Source, _) => {
            let rule = settings.sources.iter().find(|rule| !source.is_empty() && rule.source == source);
            let Some(rule) = rule else {
                return Err(OfficeError::Conflict(Conflict::State("the centre names nobody for leads that come from there".to_owned())));
            };
            let named: BTreeSet<UserId> = rule.seller.into_iter().chain(rule.ring.iter().copied()).collect();
            let members = anybody(tx).await?.intersection(&named).copied().collect();
            Ok(Ring { name: Some(format!("source:{source}")), members })
        }
    }
}
