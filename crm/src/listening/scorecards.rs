//! Scorecards: what is asked of a call, and what it is worth.
//!
//! What a card asked when a call was judged by it stays as it was for ever: a change makes the next revision, with questions of their own ids.

use model::{CenterId, Column, ColumnKind, ItemId, Owner, Resource, WallTime};
use office::{Conflict, Fault, OfficeError, Permit, text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    Db, StoreError,
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use crate::{
    Crm, can,
    core::score::{Card, Choice, Item, ItemKind},
};

/// Scorecards of one centre; more are refused.
pub const SCORECARDS_MAX: usize = 100;

/// Scorecards, as they stand.
pub static SCORECARDS: Resource = Resource {
    name: "scorecards",
    from: "scorecards t JOIN scorecard_revisions r ON r.scorecard_id = t.id AND r.revision = t.revision",
    key: "id",
    center: "t.center_id",
    owner: Owner::Anybody,
    lists: &[],
    search: "t.search_norm",
    order: "id",
    read: can::SCORECARDS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The scorecard's id.").sorted().filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name, unique in the centre.").filtered(),
        Column::new("active", "t.active", ColumnKind::Bool, "Whether calls are judged by it any longer.").filtered(),
        Column::new("pass_percent", "r.pass_percent", ColumnKind::Int, "From how many percent on a call is good."),
        Column::new(
            "revision",
            "t.revision",
            ColumnKind::Int,
            "Grows when its questions change; an evaluation names the one it was made by.",
        ),
        Column::new("items", "r.items", ColumnKind::Json, "Its questions, in order."),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
    ],
};

/// A question to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// What is asked, 1 to 200 characters.
    pub name: String,
    /// How it is answered.
    pub kind: ItemKind,
    /// The most points of a scale.
    #[serde(default)]
    pub max: u32,
    /// How much it counts beside the others.
    #[serde(default)]
    pub weight: u32,
    /// Whether no points for it spoil the whole call.
    #[serde(default)]
    pub critical: bool,
    /// What can be chosen.
    #[serde(default)]
    pub options: Vec<Choice>,
}

/// A question as it stands in a revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CardItem {
    pub(super) id: ItemId,
    #[serde(flatten)]
    pub(super) asked: Asked,
}

/// The same members as [`NewItem`]; what is flattened cannot refuse others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) kind: ItemKind,
    max: u32,
    weight: u32,
    critical: bool,
    options: Vec<Choice>,
}

/// What to change of a scorecard, or what a new one is; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScorecardChange {
    /// Its name, 1 to 128 characters.
    pub name: Option<String>,
    /// Whether calls are judged by it any longer.
    pub active: Option<bool>,
    /// From how many percent on a call is good, 0 to 100; of a new one 80 if it is absent.
    pub pass_percent: Option<u8>,
    /// All its questions, in order.
    pub items: Option<Vec<NewItem>>,
}

/// From how many percent on a call is good if nobody says.
const PASS_PERCENT: u8 = 80;

statements! {
    COUNT: both "SELECT count(*) FROM scorecards WHERE center_id = $1";
    INSERT: both "INSERT INTO scorecards (id, center_id, name, active, revision, search_norm, version, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, 1, 1, $4, 1, $5, $5, $6)";
    ADD_REVISION: both "INSERT INTO scorecard_revisions (scorecard_id, revision, pass_percent, items, created_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE scorecards SET version = version WHERE id = $1 AND center_id = $2 RETURNING name, active, revision, version";
    REVISION: both "SELECT pass_percent, items FROM scorecard_revisions WHERE scorecard_id = $1 AND revision = $2";
    IS_USED: both "SELECT id FROM evaluations WHERE scorecard_id = $1 AND revision = $2 LIMIT 1";
    DROP_REVISION: both "DELETE FROM scorecard_revisions WHERE scorecard_id = $1 AND revision = $2";
    CHANGE: both "UPDATE scorecards SET name = $2, active = $3, revision = $4, search_norm = $5, version = version + 1, updated_at = $6
        WHERE id = $1";
    EVALUATED: both "SELECT id FROM evaluations WHERE scorecard_id = $1 LIMIT 1";
    PLANNED: both "SELECT id FROM listening_plans WHERE scorecard_id = $1 LIMIT 1";
    DROP_REVISIONS: both "DELETE FROM scorecard_revisions WHERE scorecard_id = $1";
    DELETE: both "DELETE FROM scorecards WHERE id = $1";
    // Its revision is not replaced until the transaction ends; SQLite has one writer anyway.
    CARD: each "SELECT name, active, revision, version FROM scorecards WHERE id = $1 AND center_id = $2",
        "SELECT name, active, revision, version FROM scorecards WHERE id = $1 AND center_id = $2 FOR SHARE";
    IS_HERE: both "SELECT active FROM scorecards WHERE id = $1 AND center_id = $2";
}

#[derive(Debug, Clone, FromRow)]
struct ScorecardRow {
    name: String,
    active: i64,
    revision: i64,
    version: i64,
}

/// What a card asks, as the database has it.
#[derive(Debug, Clone)]
pub(super) struct Revision {
    pub(super) number: i64,
    pub(super) pass_percent: u8,
    pub(super) items: Vec<CardItem>,
}

impl Revision {
    /// As the core reckons with it.
    pub(super) fn card(&self) -> Card {
        Card { items: self.items.iter().map(CardItem::item).collect(), pass_percent: self.pass_percent }
    }
}

impl CardItem {
    fn item(&self) -> Item {
        let Asked { name, kind, max, weight, critical, options } = self.asked.clone();
        Item { id: self.id, name, kind, max, weight, is_critical: critical, options }
    }
}

impl From<NewItem> for Asked {
    fn from(NewItem { name, kind, max, weight, critical, options }: NewItem) -> Self {
        Self { name, kind, max, weight, critical, options }
    }
}

impl Crm {
    /// Makes a scorecard; gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`Conflict::NameTaken`], [`Conflict::State`] if the centre has as many as it may.
    pub async fn create_scorecard(&self, permit: &Permit, new: &ScorecardChange, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::SCORECARDS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = create(&mut tx, permit, new, now).await;
        office::finish(tx, made).await
    }

    /// Changes a scorecard that is at the version that the person saw; gives its new version. Other questions, or another mark to pass, make its next
    /// revision; evaluations that were made stay with theirs.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`Conflict::NameTaken`], [`Conflict::Version`].
    pub async fn update_scorecard(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        change: &ScorecardChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::SCORECARDS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update(&mut tx, permit, (id, version), change, now).await;
        office::finish(tx, made).await
    }

    /// Deletes a scorecard by which no call was judged and that no plan names.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::InUse`].
    pub async fn delete_scorecard(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::SCORECARDS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete(&mut tx, permit, id, now).await;
        office::finish(tx, made).await
    }
}

/// What a card of this centre asks now; it does not change until the transaction ends. With it, whether the card is in use.
pub(super) async fn current(tx: &mut Tx, center: CenterId, id: i64) -> Result<Option<(Revision, bool)>, OfficeError> {
    let Some(row) = tx.one::<ScorecardRow>(CARD, binds![id, center]).await? else { return Ok(None) };
    Ok(Some((revision(tx, id, row.revision).await?, row.active != 0)))
}

/// Whether there is such a card in the centre, and in use.
pub(super) async fn is_active(tx: &mut Tx, center: CenterId, id: i64) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = tx.one(IS_HERE, binds![id, center]).await?;
    Ok(row.is_some_and(|(active,)| active != 0))
}

/// What a card asked once.
pub(super) async fn revision(tx: &mut Tx, id: i64, number: i64) -> Result<Revision, OfficeError> {
    let row: Option<(i64, String)> = tx.one(REVISION, binds![id, number]).await?;
    read(id, number, row)
}

/// The same, outside of a transaction.
pub(super) async fn revision_of(db: &Db, id: i64, number: i64) -> Result<Revision, OfficeError> {
    read(id, number, db.one(REVISION, binds![id, number]).await?)
}

fn read(id: i64, number: i64, row: Option<(i64, String)>) -> Result<Revision, OfficeError> {
    let broken = || OfficeError::Defect(format!("revision {number} of scorecard {id} cannot be read"));
    let (pass_percent, items) = row.ok_or_else(broken)?;
    let (Ok(pass_percent), Ok(items)) = (u8::try_from(pass_percent), serde_json::from_str(&items)) else { return Err(broken()) };
    Ok(Revision { number, pass_percent, items })
}

async fn create(tx: &mut Tx, permit: &Permit, new: &ScorecardChange, now: WallTime) -> Result<i64, OfficeError> {
    let center = permit.rows().center;
    // Others who make scorecards wait here, so that the count holds.
    let id = draw(tx, "scorecard", 1).await?;
    let (count,): (i64,) = tx.one(COUNT, binds![center]).await?.unwrap_or_default();
    if usize::try_from(count).is_ok_and(|count| count >= SCORECARDS_MAX) {
        return Err(OfficeError::Conflict(Conflict::State(format!("a centre has at most {SCORECARDS_MAX} scorecards: delete one first"))));
    }
    let mut faults = Vec::new();
    let name = text::name("name", new.name.as_deref().unwrap_or_default(), &mut faults);
    let pass_percent = new.pass_percent.unwrap_or(PASS_PERCENT);
    let items = numbered(tx, pass_percent, new.items.clone().unwrap_or_default(), &mut faults).await?;
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    let by = permit.actor().user();
    tx.run(INSERT, binds![id, center, &name, fold_search(&name), now, by]).await.map_err(name_taken)?;
    tx.run(ADD_REVISION, binds![id, 1_i64, i64::from(pass_percent), json!(items).to_string(), now, by]).await?;
    let diff = Diff::created(&picture(&name, true, pass_percent, &items));
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, SCORECARDS.name, id, diff)]).await?;
    Ok(id)
}

async fn update(
    tx: &mut Tx,
    permit: &Permit,
    (id, version): (i64, i64),
    change: &ScorecardChange,
    now: WallTime,
) -> Result<i64, OfficeError> {
    let row: Option<ScorecardRow> = tx.one(LOCK, binds![id, permit.rows().center]).await?;
    let row = row.ok_or(OfficeError::NotFound("scorecards"))?;
    if row.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: row.version }));
    }
    let old = revision(tx, id, row.revision).await?;
    let mut faults = Vec::new();
    let name = match &change.name {
        Some(name) => text::name("name", name, &mut faults),
        None => row.name.clone(),
    };
    let active = change.active.unwrap_or(row.active != 0);
    let pass_percent = change.pass_percent.unwrap_or(old.pass_percent);
    let asked = |items: &[CardItem]| items.iter().map(|item| item.asked.clone()).collect::<Vec<_>>();
    let wanted: Vec<NewItem> = change.items.clone().unwrap_or_default();
    let is_other = change.items.is_some() && wanted.iter().cloned().map(Asked::from).collect::<Vec<_>>() != asked(&old.items);
    let items = match (is_other, pass_percent == old.pass_percent) {
        (true, _) => numbered(tx, pass_percent, wanted, &mut faults).await?,
        (false, true) => old.items.clone(),
        (false, false) => {
            faults.extend(Card { pass_percent, ..old.card() }.validate().into_iter().map(fault));
            old.items.clone()
        }
    };
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    let diff =
        Diff::between(&picture(&row.name, row.active != 0, old.pass_percent, &old.items), &picture(&name, active, pass_percent, &items));
    if diff.is_empty() {
        return Ok(version);
    }
    let mut number = row.revision;
    if is_other || pass_percent != old.pass_percent {
        number += 1;
        tx.run(ADD_REVISION, binds![id, number, i64::from(pass_percent), json!(items).to_string(), now, permit.actor().user()]).await?;
        // By what nobody was judged needs no memory.
        if tx.one::<(i64,)>(IS_USED, binds![id, row.revision]).await?.is_none() {
            tx.run(DROP_REVISION, binds![id, row.revision]).await?;
        }
    }
    tx.run(CHANGE, binds![id, &name, i64::from(active), number, fold_search(&name), now]).await.map_err(name_taken)?;
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, SCORECARDS.name, id, diff)]).await?;
    Ok(version + 1)
}

async fn delete(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
    let row: Option<ScorecardRow> = tx.one(LOCK, binds![id, permit.rows().center]).await?;
    let row = row.ok_or(OfficeError::NotFound("scorecards"))?;
    let in_use = |by: &str| OfficeError::Conflict(Conflict::InUse(format!("{by}: set it inactive")));
    if tx.one::<(i64,)>(EVALUATED, binds![id]).await?.is_some() {
        return Err(in_use("evaluations"));
    }
    if tx.one::<(i64,)>(PLANNED, binds![id]).await?.is_some() {
        return Err(in_use("a listening plan"));
    }
    let old = revision(tx, id, row.revision).await?;
    tx.run(DROP_REVISIONS, binds![id]).await?;
    tx.run(DELETE, binds![id]).await?;
    let diff = Diff::deleted(&picture(&row.name, row.active != 0, old.pass_percent, &old.items));
    audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, SCORECARDS.name, id, diff)]).await?;
    Ok(())
}

/// Questions with ids of their own, if they make a card.
async fn numbered(tx: &mut Tx, pass_percent: u8, items: Vec<NewItem>, faults: &mut Vec<Fault>) -> Result<Vec<CardItem>, OfficeError> {
    let number = |first: i64, items: Vec<NewItem>| {
        let ids = (first..).map(ItemId);
        ids.zip(items).map(|(id, item)| CardItem { id, asked: item.into() }).collect::<Vec<_>>()
    };
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let mut items = number(1, items);
    let wrong = Revision { number: 0, pass_percent, items: items.clone() }.card().validate();
    faults.extend(wrong.into_iter().map(fault));
    if faults.is_empty() {
        let first = draw(tx, "scorecard_item", count).await?;
        items.iter_mut().zip(first..).for_each(|(item, id)| item.id = ItemId(id));
    }
    Ok(items)
}

fn fault(problem: model::Problem) -> Fault {
    Fault::invalid(problem.path, problem.text)
}

fn picture(name: &str, active: bool, pass_percent: u8, items: &[CardItem]) -> Map<String, Value> {
    // Each question as one text: what it is called is no name of the card.
    let items: Vec<String> = items.iter().map(|item| json!(item).to_string()).collect();
    let value = json!({"name": name, "active": active, "pass_percent": pass_percent, "items": items});
    if let Value::Object(picture) = value { picture } else { Map::new() }
}

fn name_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if name == "scorecards_center_id_name_key" => OfficeError::Conflict(Conflict::NameTaken),
        other => other.into(),
    }
}
