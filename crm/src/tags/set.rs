//! Tags are set on calls and taken off. Whoever tags one call at the same time waits for the other, and both hear what stands.

use std::collections::BTreeSet;

use model::{CallId, CenterId, ListKind, Mode, RowNews, SlotId, TagGroupId, TagId, UserId, WallTime};
use office::{CALLS, Conflict, OfficeError, Permit};
use serde_json::Value;
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements, why,
};

use super::{TAGS, events::TagEvent, unrated};
use crate::{
    Crm, can,
    core::{
        days::Day,
        tags::{NoTag, Order, TAGS_OF_CALL_MAX, Tag, TagAction, TagChange, decide},
    },
};

/// How a tag is set on a call, or taken off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tagging {
    /// The version of the call's tags that the person saw: nothing is done if others have changed them meanwhile. None: whatever they are.
    pub seen: Option<i64>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Whether anything was changed: a tag that is set already, or is not there to be taken off, changes nothing.
    pub changed: bool,
    /// The tags whose place it took in an exclusive group.
    pub replaced: Vec<TagId>,
}

/// The tags of a call, of the groups that the person sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagsOfCall {
    /// Grows with each change of any of its tags; 0: it never had one.
    pub version: i64,
    /// The tags, by the places of their groups and their own.
    pub tags: Vec<CallTag>,
}

/// A tag that a call has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTag {
    /// The tag.
    pub tag_id: TagId,
    /// Its group.
    pub group_id: TagGroupId,
    /// Its name; none if it is hidden from the person.
    pub name: Option<String>,
    /// Its colour; none if it is hidden.
    pub colour: Option<String>,
    /// Who set it; none: the program.
    pub set_by: Option<UserId>,
    /// Their name, as others see it.
    pub set_by_name: Option<String>,
    /// When.
    pub set_at: WallTime,
}

statements! {
    CALL: both "SELECT center_id, scenario, caller_slot, callee_slot FROM calls WHERE call_id = $1";
    // Who placed or served it, or has the lead that it is of; and at whose phone it only rang.
    USERS: both concat!("SELECT user_id, CAST(why & ", why!(had), " AS BIGINT) FROM call_users WHERE call_id = $1");
    // Neither is changed or deleted until the transaction ends; SQLite has one writer anyway.
    TAG: each "SELECT t.group_id, t.active * g.active, g.exclusive, g.rates * g.active, t.stop FROM tags t JOIN tag_groups g ON g.id = t.group_id
        WHERE t.id = $1 AND t.center_id = $2",
        "SELECT t.group_id, t.active * g.active, g.exclusive, g.rates * g.active, t.stop FROM tags t JOIN tag_groups g ON g.id = t.group_id
        WHERE t.id = $1 AND t.center_id = $2 FOR SHARE OF t, g";
    // Whoever tags the same call waits here for the end of the transaction.
    MARK: both "INSERT INTO call_marks (call_id, center_id, version) VALUES ($1, $2, 1)
        ON CONFLICT (call_id) DO UPDATE SET version = call_marks.version + 1 RETURNING version";
    VERSION: both "SELECT version FROM call_marks WHERE call_id = $1";
    BEFORE: both "SELECT m.tag_id, m.group_id, t.stop FROM taggings m JOIN tags t ON t.id = m.tag_id WHERE m.call_id = $1 ORDER BY m.tag_id";
    ADD: both "INSERT INTO taggings (call_id, tag_id, center_id, group_id, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6)";
    REMOVE: both "DELETE FROM taggings WHERE call_id = $1 AND tag_id = $2";
    EVENT: both "INSERT INTO tag_events (id, center_id, call_id, scenario, tag_id, group_id, action, actor_id, actor_kind, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    COUNT: both "INSERT INTO tag_days (center_id, day, user_id, tag_id, scenario, set_n, unset_n) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (center_id, day, user_id, tag_id, scenario)
        DO UPDATE SET set_n = tag_days.set_n + excluded.set_n, unset_n = tag_days.unset_n + excluded.unset_n";
    OF_CALL: both "SELECT m.tag_id, m.group_id, t.name, t.colour, m.set_by, u.display_name AS set_by_name, m.set_at FROM taggings m
        JOIN tags t ON t.id = m.tag_id JOIN tag_groups g ON g.id = m.group_id LEFT JOIN users u ON u.id = m.set_by
        WHERE m.call_id = $1 ORDER BY g.position, g.id, t.position, t.id";
}

#[derive(FromRow)]
struct CallTagRow {
    tag_id: i64,
    group_id: i64,
    name: String,
    colour: String,
    set_by: Option<i64>,
    set_by_name: Option<String>,
    set_at: i64,
}

/// A call that the person reaches, as far as tags go by it.
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) center: CenterId,
    pub(super) scenario: Option<String>,
    pub(super) slots: Vec<SlotId>,
    /// Whose it is.
    pub(super) users: BTreeSet<UserId>,
    /// Who may read it as their own: these, and at whose phone it only rang.
    pub(super) readers: BTreeSet<UserId>,
}

impl Call {
    /// Whether a right to tags reaches those of a group on this call: the group stands in its lists, and of one's own, the call is.
    pub(super) fn is_within(&self, permit: &Permit, group: TagGroupId) -> bool {
        let group = group.to_string();
        permit.rows().admits(self.center, &self.users, |kind, ids| kind == ListKind::TagGroup && ids.contains(&group))
    }
}

impl Crm {
    /// The tags of a call, of the groups that the person sees, by leave to read tags.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person does not reach.
    pub async fn tags_of_call(&self, permit: &Permit, call: CallId) -> Result<TagsOfCall, OfficeError> {
        permit.must_be(can::TAGS_READ)?;
        let call = self.call_to_tag(permit, call).await?;
        let db = self.store().db();
        let version: Option<(i64,)> = db.one(VERSION, binds![call.id]).await?;
        let rows: Vec<CallTagRow> = db.all(OF_CALL, binds![call.id]).await?;
        let view = permit.view(&TAGS);
        let (shows_name, shows_colour) = (view.mode("name") == Mode::Show, view.mode("colour") == Mode::Show);
        let tags = rows.into_iter().map(CallTag::from).filter(|tag| call.is_within(permit, tag.group_id)).map(|tag| CallTag {
            name: tag.name.filter(|_| shows_name),
            colour: tag.colour.filter(|_| shows_colour),
            ..tag
        });
        Ok(TagsOfCall { version: version.map_or(0, |(version,)| version), tags: tags.collect() })
    }

    /// Sets a tag on a call, by leave to set tags. In an exclusive group it takes the place of the others, which takes the right to take
    /// those off.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call or a tag that the person does not reach, [`Conflict::Version`] if others have changed the call's
    /// tags since the person saw them, [`Conflict::State`] if another tag would have to go that the person may not take off, for a tag out of
    /// use, and for a call that is full.
    pub async fn set_tag(&self, permit: &Permit, call: CallId, tag: TagId, how: Tagging, now: WallTime) -> Result<Tagged, OfficeError> {
        permit.must_be(can::TAGS_SET)?;
        self.tag(permit, call, (Order::Set, tag), how, now).await
    }

    /// Takes a tag off a call, by leave to do so, whoever has set it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call or a tag that the person does not reach, [`Conflict::Version`].
    pub async fn unset_tag(&self, permit: &Permit, call: CallId, tag: TagId, how: Tagging, now: WallTime) -> Result<Tagged, OfficeError> {
        permit.must_be(can::TAGS_UNSET)?;
        self.tag(permit, call, (Order::Unset, tag), how, now).await
    }

    async fn tag(&self, permit: &Permit, call: CallId, order: (Order, TagId), how: Tagging, now: WallTime) -> Result<Tagged, OfficeError> {
        let call = self.call_to_tag(permit, call).await?;
        let center = self.office().center(call.center).await?.ok_or(OfficeError::NotFound("center"))?;
        let by = By { permit, name: self.name_of(permit).await };
        let mut tx = self.store().db().begin().await?;
        match tag(&mut tx, &by, &call, order, how, (now, Day::of(now, center.tz))).await {
            // Nothing was changed: the version that was counted up is taken back.
            Ok((tagged, _)) if !tagged.changed => {
                tx.rollback().await?;
                Ok(tagged)
            }
            made => {
                let (tagged, news) = office::finish(tx, made).await?;
                self.office().rows_changed(news);
                Ok(tagged)
            }
        }
    }

    /// The name of whoever does something, as others see it.
    async fn name_of(&self, permit: &Permit) -> Option<String> {
        let user = permit.actor().user()?;
        self.office().names([user].into()).await.remove(&user)
    }

    /// A call that the person may read, whatever else they may do with it.
    pub(super) async fn call_to_tag(&self, permit: &Permit, id: CallId) -> Result<Call, OfficeError> {
        let none = || OfficeError::NotFound("call");
        let reader = permit.principal().permit(office::can::CALLS_READ).ok_or_else(none)?;
        self.office().read(&reader.view(&CALLS), &id.to_string()).await.map_err(|error| match error {
            OfficeError::NotFound(_) => none(),
            other => other,
        })?;
        let db = self.store().db();
        let (center, scenario, caller, callee): (i64, Option<String>, Option<i64>, Option<i64>) =
            db.one(CALL, binds![id]).await?.ok_or_else(none)?;
        let people: Vec<(i64, i64)> = db.all(USERS, binds![id]).await?;
        let readers = people.iter().map(|(user, _)| UserId(*user)).collect();
        let users = people.iter().filter(|(_, had)| *had != 0).map(|(user, _)| UserId(*user)).collect();
        let slots = caller.into_iter().chain(callee).map(SlotId).collect();
        Ok(Call { id, center: CenterId(center), scenario, slots, users, readers })
    }
}

impl From<CallTagRow> for CallTag {
    fn from(row: CallTagRow) -> Self {
        let CallTagRow { tag_id, group_id, name, colour, set_by, set_by_name, set_at } = row;
        Self {
            tag_id: TagId(tag_id),
            group_id: TagGroupId(group_id),
            name: Some(name),
            colour: Some(colour),
            set_by: set_by.map(UserId),
            set_by_name,
            set_at: WallTime(set_at),
        }
    }
}

/// Who does something, and the name that others see them by.
struct By<'a> {
    permit: &'a Permit,
    name: Option<String>,
}

/// What came of it, and what is to be told once it counts.
async fn tag(
    tx: &mut Tx,
    by: &By<'_>,
    call: &Call,
    (order, id): (Order, TagId),
    how: Tagging,
    (now, day): (WallTime, Day),
) -> Result<(Tagged, Vec<RowNews>), OfficeError> {
    let permit = by.permit;
    let row: Option<(i64, i64, i64, i64, String)> = tx.one(TAG, binds![id, call.center]).await?;
    let found = row.map(|(group, active, exclusive, rates, stop)| {
        (Tag { id, group: TagGroupId(group), is_active: active != 0, is_exclusive: exclusive != 0 }, rates != 0, stop)
    });
    let (tag, rates, stop) = found.filter(|(tag, ..)| call.is_within(permit, tag.group)).ok_or(OfficeError::NotFound("tag"))?;
    let (version,): (i64,) = tx.one(MARK, binds![call.id, call.center]).await?.ok_or(OfficeError::NotFound("call"))?;
    if how.seen.is_some_and(|seen| seen != version - 1) {
        return Err(OfficeError::Conflict(Conflict::Version { current: version - 1 }));
    }
    let standing: Vec<(i64, i64, String)> = tx.all(BEFORE, binds![call.id]).await?;
    let before: Vec<(TagId, TagGroupId)> = standing.iter().map(|(tag, group, _)| (TagId(*tag), TagGroupId(*group))).collect();
    let may_unset = permit.principal().permit(can::TAGS_UNSET).is_some_and(|unset| call.is_within(&unset, tag.group));
    let changes = decide(&before, order, &tag, may_unset).map_err(refused)?;
    let of_group = |tag_of: &&(TagId, TagGroupId)| tag_of.1 == tag.group;
    let is_left = before.iter().filter(of_group).any(|(other, _)| *other != tag.id);
    let (had, has) = (before.iter().any(|other| of_group(&other)), order == Order::Set || is_left);
    if rates && !changes.is_empty() && had != has {
        unrated::tagged(tx, call.center, tag.group, call.id, has).await?;
    }
    let stop_of = |of: TagId| standing.iter().find(|(tag, ..)| *tag == of.0).map_or(stop.as_str(), |(.., stop)| stop.as_str());
    let mut news = Vec::with_capacity(changes.len());
    for change in &changes {
        let event = write(tx, permit, call, (tag.group, stop_of(change.tag)), change, (now, day)).await?;
        event.keep(tx, call, by.name.clone()).await?;
        news.push(event.news(call, by.name.clone()));
    }
    let replaced: Vec<TagId> = changes.iter().filter(|change| change.action == TagAction::Replaced).map(|change| change.tag).collect();
    if !changes.is_empty() {
        // Of the tag, so that its group has to be seen, and not only the call.
        let (off, on) = match order {
            Order::Set => (Value::Null, call.id.to_string().into()),
            Order::Unset => (call.id.to_string().into(), Value::Null),
        };
        let diff = Diff::none().and("call_id", off, on);
        let diff = match replaced.iter().map(ToString::to_string).collect::<Vec<_>>() {
            none if none.is_empty() => diff,
            some => diff.and("replaced", some, Value::Null),
        };
        audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAGS.name, id, diff)]).await?;
    }
    Ok((Tagged { changed: !changes.is_empty(), replaced }, news))
}

/// Writes a change down: what stands, what happened, and the sums of the day.
async fn write(
    tx: &mut Tx,
    permit: &Permit,
    call: &Call,
    (group, stop): (TagGroupId, &str),
    change: &TagChange,
    (now, day): (WallTime, Day),
) -> Result<TagEvent, OfficeError> {
    let by = permit.actor().user();
    if change.action == TagAction::Set {
        tx.run(ADD, binds![call.id, change.tag, call.center, group, by, now]).await?;
    } else {
        tx.run(REMOVE, binds![call.id, change.tag]).await?;
    }
    let id = draw(tx, "tag_event", 1).await?;
    let (action, kind) = (change.action.code(), permit.actor().kind.code());
    let scenario = call.scenario.as_deref().unwrap_or_default();
    tx.run(EVENT, binds![id, call.center, call.id, scenario, change.tag, group, action, by, kind, now]).await?;
    let (set, unset) = if change.action == TagAction::Set { (1_i64, 0_i64) } else { (0, 1) };
    let user = by.map_or(0, |user| user.0);
    tx.run(COUNT, binds![call.center, day.number(), user, change.tag, scenario, set, unset]).await?;
    let (actor_id, stop) = (by.map(|user| user.0), stop.to_owned());
    Ok(TagEvent { id, tag_id: change.tag.0, group_id: group.0, action: action.to_owned(), actor_id, at: now.0, stop })
}

fn refused(why: NoTag) -> OfficeError {
    match why {
        NoTag::Inactive => OfficeError::Conflict(Conflict::State("the tag is out of use: it can be taken off, but not set".to_owned())),
        NoTag::Exclusive { .. } => OfficeError::Conflict(Conflict::State(
            "a call has one tag of this group, and you may not take off the one that is set".to_owned(),
        )),
        NoTag::TooMany => OfficeError::Conflict(Conflict::State(format!("a call has at most {TAGS_OF_CALL_MAX} tags: take one off first"))),
    }
}
