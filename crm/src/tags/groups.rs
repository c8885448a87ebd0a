//! Groups of tags are made, changed and deleted by those who may.

use model::{CenterId, WallTime};
use office::{Conflict, Fault, OfficeError, Permit, text};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use super::{GROUPS_MAX, POSITION_MAX, TAG_GROUPS, colour, name_taken, position, unrated};
use crate::{Crm, can};

/// A group to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTagGroup {
    /// Its name, 1 to 128 characters, unique in the centre.
    pub name: String,
    /// Whether a call has at most one tag of it.
    pub exclusive: bool,
    /// One of [`super::COLOURS`]; none: grey.
    pub colour: Option<String>,
    /// Its place among the others, 0 to 10,000; none: behind all that there are.
    pub position: Option<i64>,
    /// Whether a call with a tag of it counts as rated by it, and one with a recording and without is to be rated.
    pub rates: bool,
}

/// What is to be changed of a group; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagGroupChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether a call has at most one tag of it from now on. Calls that have several keep them until one is set anew.
    pub exclusive: Option<bool>,
    /// Its colour.
    pub colour: Option<String>,
    /// Its place.
    pub position: Option<i64>,
    /// Whether its tags are set on calls any longer.
    pub active: Option<bool>,
    /// Whether a call with a tag of it counts as rated by it. Calls of the last 30 days without one are to be rated at once.
    pub rates: Option<bool>,
}

statements! {
    COUNT: both "SELECT count(*), COALESCE(max(position), 0) FROM tag_groups WHERE center_id = $1";
    INSERT: both "INSERT INTO tag_groups (id, center_id, name, exclusive, colour, position, active, search_norm, version, created_at, updated_at,
        created_by, rates) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, 1, $8, $8, $9, $10)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE tag_groups SET version = version WHERE id = $1 AND center_id = $2
        RETURNING name, exclusive, colour, position, active, rates, version";
    CHANGE: both "UPDATE tag_groups SET name = $2, exclusive = $3, colour = $4, position = $5, active = $6, search_norm = $7,
        version = version + 1, updated_at = $8, rates = $9 WHERE id = $1";
    TAGS_OF: both "SELECT count(*) FROM tags WHERE group_id = $1";
    DELETE: both "DELETE FROM tag_groups WHERE id = $1";
}

/// A group as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct GroupRow {
    pub(super) name: String,
    pub(super) exclusive: i64,
    pub(super) colour: String,
    pub(super) position: i64,
    pub(super) active: i64,
    pub(super) rates: i64,
    pub(super) version: i64,
}

impl GroupRow {
    /// Whether calls are to be rated in it: not in one whose tags are set no longer.
    fn is_rating(&self) -> bool {
        self.rates != 0 && self.active != 0
    }

    fn picture(&self) -> Map<String, Value> {
        let value = json!({
            "name": self.name,
            "exclusive": self.exclusive != 0,
            "colour": self.colour,
            "position": self.position,
            "active": self.active != 0,
            "rates": self.rates != 0,
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    fn set(&mut self, change: &TagGroupChange) -> Result<(), OfficeError> {
        let mut faults: Vec<Fault> = Vec::new();
        if let Some(name) = &change.name {
            self.name = text::name("name", name, &mut faults);
        }
        if let Some(exclusive) = change.exclusive {
            self.exclusive = i64::from(exclusive);
        }
        if let Some(wanted) = &change.colour {
            self.colour = colour(wanted, &mut faults);
        }
        if let Some(wanted) = change.position {
            self.position = position(wanted, &mut faults);
        }
        if let Some(active) = change.active {
            self.active = i64::from(active);
        }
        if let Some(rates) = change.rates {
            self.rates = i64::from(rates);
        }
        if faults.is_empty() { Ok(()) } else { Err(OfficeError::Invalid(faults)) }
    }
}

impl Crm {
    /// Makes a group of tags; gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`Conflict::NameTaken`], [`Conflict::State`] if the centre has as many as it may.
    pub async fn create_tag_group(&self, permit: &Permit, new: &NewTagGroup, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::TAGS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = create(&mut tx, permit, new, now).await;
        office::finish(tx, made).await
    }

    /// Changes a group that is at the version that the person saw; gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`Conflict::NameTaken`], [`Conflict::Version`].
    pub async fn update_tag_group(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &TagGroupChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::TAGS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, permit, (id, version), change, now).await;
        office::finish(tx, made).await
    }

    /// Deletes a group that has no tags.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::InUse`].
    pub async fn delete_tag_group(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::TAGS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, permit, id, now).await;
        office::finish(tx, made).await
    }
}

/// A group of this centre, locked until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, center: CenterId, id: i64) -> Result<Option<GroupRow>, StoreError> {
    tx.one(LOCK, binds![id, center]).await
}

async fn create(tx: &mut Tx, permit: &Permit, new: &NewTagGroup, now: WallTime) -> Result<i64, OfficeError> {
    let center = permit.rows().center;
    // Others who make groups wait here, so that the count holds.
    let id = draw(tx, "tag_group", 1).await?;
    let (count, last): (i64, i64) = tx.one(COUNT, binds![center]).await?.unwrap_or_default();
    if usize::try_from(count).is_ok_and(|count| count >= GROUPS_MAX) {
        return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {GROUPS_MAX} groups of tags: delete one first"))));
    }
    let mut row =
        GroupRow { name: String::new(), exclusive: 0, colour: "grey".to_owned(), position: last, active: 1, rates: 0, version: 1 };
    let change = TagGroupChange {
        name: Some(new.name.clone()),
        exclusive: Some(new.exclusive),
        colour: new.colour.clone(),
        position: Some(new.position.unwrap_or((last + 1).min(POSITION_MAX))),
        active: None,
        rates: Some(new.rates),
    };
    row.set(&change)?;
    let by = permit.actor().user();
    let binds = binds![id, center, &row.name, row.exclusive, &row.colour, row.position, fold_search(&row.name), now, by, row.rates];
    tx.run(INSERT, binds).await.map_err(name_taken)?;
    if row.is_rating() {
        unrated::rates(tx, center, id, true, now).await?;
    }
    let diff = Diff::created(&row.picture());
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAG_GROUPS.name, id, diff)]).await?;
    Ok(id)
}

async fn update(
    tx: &mut Tx,
    permit: &Permit,
    (id, version): (i64, i64),
    change: &TagGroupChange,
    now: WallTime,
) -> Result<i64, OfficeError> {
    let old = lock(tx, permit.rows().center, id).await?.ok_or(OfficeError::NotFound("tag group"))?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let mut new = old.clone();
    new.set(change)?;
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok(version);
    }
    let binds = binds![id, &new.name, new.exclusive, &new.colour, new.position, new.active, fold_search(&new.name), now, new.rates];
    tx.run(CHANGE, binds).await.map_err(name_taken)?;
    if new.is_rating() != old.is_rating() {
        unrated::rates(tx, permit.rows().center, id, new.is_rating(), now).await?;
    }
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAG_GROUPS.name, id, diff)]).await?;
    Ok(version + 1)
}

async fn delete(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
    let old = lock(tx, permit.rows().center, id).await?.ok_or(OfficeError::NotFound("tag group"))?;
    let tags: Option<(i64,)> = tx.one(TAGS_OF, binds![id]).await?;
    if let Some((count, ..)) = tags.filter(|(count,)| *count > 0) {
        return Err(OfficeError::Conflict(Conflict::InUse(format!("{count} tag(s): delete them first, or set the group inactive"))));
    }
    tx.run(DELETE, binds![id]).await?;
    unrated::rates(tx, permit.rows().center, id, false, now).await?;
    let diff = Diff::deleted(&old.picture());
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAG_GROUPS.name, id, diff)]).await?;
    Ok(())
}
