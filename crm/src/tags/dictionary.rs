//! Tags are made, changed and deleted by those who may.

use model::{CenterId, WallTime};
use office::{Conflict, Fault, OfficeError, Permit, text};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use super::{POSITION_MAX, STOPS, TAGS, TAGS_MAX, colour, groups, name_taken, position};
use crate::{Crm, can};

/// A tag to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTag {
    /// Its group, for ever: what was counted in one group stays there.
    pub group: i64,
    /// Its name, 1 to 128 characters, unique in the group.
    pub name: String,
    /// One of [`super::COLOURS`]; none: its group's.
    pub colour: Option<String>,
    /// Its place among the others, 0 to 10,000; none: behind all that there are.
    pub position: Option<i64>,
    /// One of [`STOPS`]; none: nothing.
    pub stop: Option<String>,
}

/// What is to be changed of a tag; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagChange {
    /// Its name.
    pub name: Option<String>,
    /// Its colour.
    pub colour: Option<String>,
    /// Its place.
    pub position: Option<i64>,
    /// Whether it is set on calls any longer.
    pub active: Option<bool>,
    /// What it means to a dialer.
    pub stop: Option<String>,
}

statements! {
    COUNT: both "SELECT count(*), COALESCE(max(position), 0) FROM tags WHERE center_id = $1";
    INSERT: both "INSERT INTO tags (id, center_id, group_id, name, colour, position, active, stop, search_norm, version, created_at, updated_at,
        created_by) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, 1, $9, $9, $10)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE tags SET version = version WHERE id = $1 AND center_id = $2
        RETURNING group_id, name, colour, position, active, stop, version";
    CHANGE: both "UPDATE tags SET name = $2, colour = $3, position = $4, active = $5, stop = $6, search_norm = $7,
        version = version + 1, updated_at = $8 WHERE id = $1";
    WAS_USED: both "SELECT id FROM tag_events WHERE center_id = $1 AND tag_id = $2 LIMIT 1";
    DELETE: both "DELETE FROM tags WHERE id = $1";
}

/// A tag as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct TagRow {
    group_id: i64,
    name: String,
    colour: String,
    position: i64,
    active: i64,
    stop: String,
    version: i64,
}

impl TagRow {
    fn picture(&self) -> Map<String, Value> {
        let value = json!({
            "group_id": self.group_id.to_string(),
            "name": self.name,
            "colour": self.colour,
            "position": self.position,
            "active": self.active != 0,
            "stop": self.stop,
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    fn set(&mut self, change: &TagChange) -> Result<(), OfficeError> {
        let mut faults: Vec<Fault> = Vec::new();
        if let Some(name) = &change.name {
            self.name = text::name("name", name, &mut faults);
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
        if let Some(stop) = &change.stop {
            if !STOPS.contains(&stop.as_str()) {
                faults.push(Fault::invalid("stop", format!("what a tag means to a dialer is one of: {}", STOPS.join(", "))));
            }
            self.stop.clone_from(stop);
        }
        if faults.is_empty() { Ok(()) } else { Err(OfficeError::Invalid(faults)) }
    }
}

impl Crm {
    /// Makes a tag; gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`Conflict::NameTaken`], [`Conflict::State`] if the centre has as many as it may.
    pub async fn create_tag(&self, permit: &Permit, new: &NewTag, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::TAGS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = create(&mut tx, permit, new, now).await;
        office::finish(tx, made).await
    }

    /// Changes a tag that is at the version that the person saw; gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`Conflict::NameTaken`], [`Conflict::Version`].
    pub async fn update_tag(&self, permit: &Permit, id: i64, version: i64, change: &TagChange, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::TAGS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, permit, (id, version), change, now).await;
        office::finish(tx, made).await
    }

    /// Deletes a tag that no call ever had; what was counted keeps its name.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::InUse`].
    pub async fn delete_tag(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::TAGS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, permit, id, now).await;
        office::finish(tx, made).await
    }
}

async fn create(tx: &mut Tx, permit: &Permit, new: &NewTag, now: WallTime) -> Result<i64, OfficeError> {
    let center = permit.rows().center;
    let Some(group) = groups::lock(tx, center, new.group).await? else {
        return Err(OfficeError::Invalid(vec![Fault::invalid("group_id", "there is no such group of tags")]));
    };
    // Others who make tags wait here, so that the count holds.
    let id = draw(tx, "tag", 1).await?;
    let (count, last): (i64, i64) = tx.one(COUNT, binds![center]).await?.unwrap_or_default();
    if usize::try_from(count).is_ok_and(|count| count >= TAGS_MAX) {
        return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {TAGS_MAX} tags: delete one first"))));
    }
    let mut row = TagRow {
        group_id: new.group,
        name: String::new(),
        colour: group.colour,
        position: 0,
        active: 1,
        stop: "none".to_owned(),
        version: 1,
    };
    let change = TagChange {
        name: Some(new.name.clone()),
        colour: new.colour.clone(),
        position: Some(new.position.unwrap_or((last + 1).min(POSITION_MAX))),
        active: None,
        stop: new.stop.clone(),
    };
    row.set(&change)?;
    let by = permit.actor().user();
    let binds = binds![id, center, row.group_id, &row.name, &row.colour, row.position, &row.stop, fold_search(&row.name), now, by];
    tx.run(INSERT, binds).await.map_err(name_taken)?;
    let diff = Diff::created(&row.picture());
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAGS.name, id, diff)]).await?;
    Ok(id)
}

async fn update(tx: &mut Tx, permit: &Permit, (id, version): (i64, i64), change: &TagChange, now: WallTime) -> Result<i64, OfficeError> {
    let old = lock(tx, permit.rows().center, id).await?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let mut new = old.clone();
    new.set(change)?;
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok(version);
    }
    let binds = binds![id, &new.name, &new.colour, new.position, new.active, &new.stop, fold_search(&new.name), now];
    tx.run(CHANGE, binds).await.map_err(name_taken)?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAGS.name, id, diff)]).await?;
    Ok(version + 1)
}

async fn delete(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
    let center = permit.rows().center;
    let old = lock(tx, center, id).await?;
    let used: Option<(i64,)> = tx.one(WAS_USED, binds![center, id]).await?;
    if used.is_some() {
        return Err(OfficeError::Conflict(Conflict::InUse("calls that had it, in statistics: set it inactive".to_owned())));
    }
    tx.run(DELETE, binds![id]).await?;
    let diff = Diff::deleted(&old.picture());
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, TAGS.name, id, diff)]).await?;
    Ok(())
}

/// A tag of this centre, locked until the transaction ends.
async fn lock(tx: &mut Tx, center: CenterId, id: i64) -> Result<TagRow, OfficeError> {
    tx.one(LOCK, binds![id, center]).await?.ok_or(OfficeError::NotFound("tag"))
}
