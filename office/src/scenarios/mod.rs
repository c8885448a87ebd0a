//! Call-handling scenarios (S000-07): what a call is about, such as a department. Calls, routes, carriers' numbers and lists of rights name one by
//! its code, which stays for ever; here it has a name for people.
//!
//! A code that a route or a carrier names gets its row with them, so every code that a call can have is here, whoever made it up.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::{CenterId, Column, ColumnKind, ListKind, Owner, Resource, WallTime, carrier::Carrier};
use serde::Deserialize;
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

use crate::{Conflict, Fault, Office, OfficeError, Permit, can, carriers::finish, rights::lock_rights};

/// Scenarios of one centre; more are refused.
pub const SCENARIOS_MAX: usize = 10_000;
/// What a scenario is.
pub const KINDS: &[&str] = &["department", "ivr", "queue", "import"];
/// Of what kind one is that somebody has only named.
const KIND_OF_NAMED: &str = "department";
/// Rows that are folded for the search at once.
const FOLDED_AT_ONCE: i64 = 500;

/// Scenarios.
pub static SCENARIOS: Resource = Resource {
    name: "scenarios",
    from: "scenarios t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[(ListKind::Scenario, "t.code")],
    search: "t.search_norm",
    order: "code",
    read: can::SCENARIOS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The scenario's id.").sorted().filtered(),
        Column::new(
            "code",
            "t.code",
            ColumnKind::Text,
            "Its code, unique in the centre: calls, routes, carriers and lists name it by this.",
        )
        .sorted()
        .filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name.").filtered(),
        Column::new("kind", "t.kind", ColumnKind::Code(KINDS), "What it is.").filtered(),
        Column::new("active", "t.active", ColumnKind::Bool, "Whether it is offered where a scenario is chosen.").filtered(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
    ],
};

/// A scenario to be made.
#[derive(Debug, Clone)]
pub struct NewScenario {
    /// Its code: 1 to [`Carrier::NAME_MAX`] characters, in any language.
    pub code: String,
    /// Its name, as long; none: its code.
    pub name: Option<String>,
    /// One of [`KINDS`].
    pub kind: String,
    /// Whether it is offered where a scenario is chosen.
    pub active: bool,
}

/// What is to be changed of a scenario; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ScenarioChange {
    /// Its code, if it is said again: it stays for ever.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// One of [`KINDS`].
    pub kind: Option<String>,
    /// Whether it is offered where a scenario is chosen.
    pub active: Option<bool>,
}

statements! {
    CODES: both "SELECT code FROM scenarios WHERE center_id = $1";
    INSERT: both "INSERT INTO scenarios (id, center_id, code, name, kind, active, search_norm, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8)";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE scenarios SET version = version WHERE id = $1 AND center_id = $2 RETURNING code, name, kind, active, version";
    CHANGE: both "UPDATE scenarios SET name = $2, kind = $3, active = $4, search_norm = $5, version = version + 1, updated_at = $6
        WHERE id = $1";
    DELETE: both "DELETE FROM scenarios WHERE id = $1";
    ROUTES: both "SELECT count(*) FROM routes WHERE center_id = $1 AND scenario = $2";
    // A shared carrier may have numbers of this centre. Within a text of the settings a quote never stands without a backslash.
    CARRIERS: both r#"SELECT id, center_id, settings FROM carriers WHERE center_id = $1 OR settings LIKE '%"centers":"all"%'"#;
    LISTS: both "SELECT count(*) FROM access_lists l WHERE l.kind = 'scenario' AND l.item = $2
        AND ((l.principal_kind = 'role' AND EXISTS (SELECT 1 FROM roles r WHERE r.id = l.principal_id AND r.center_id = $1))
            OR (l.principal_kind = 'user' AND EXISTS (SELECT 1 FROM users u WHERE u.id = l.principal_id AND u.center_id = $1)))";
    UNFOLDED: both "SELECT id, code, name FROM scenarios WHERE search_norm = '' ORDER BY id LIMIT $1";
    FOLD: both "UPDATE scenarios SET search_norm = $2 WHERE id = $1";
}

#[derive(FromRow)]
struct Row {
    code: String,
    name: String,
    kind: String,
    active: i64,
    version: i64,
}

impl Row {
    fn picture(&self) -> Map<String, Value> {
        let Self { code, name, kind, active, .. } = self;
        Map::from_iter([
            ("code".to_owned(), json!(code)),
            ("name".to_owned(), json!(name)),
            ("kind".to_owned(), json!(kind)),
            ("active".to_owned(), json!(*active != 0)),
        ])
    }
}

impl Office {
    /// Makes a scenario in the centre that the person works in, and gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong, [`Conflict::CodeTaken`], [`Conflict::State`] beyond [`SCENARIOS_MAX`].
    pub async fn create_scenario(&self, permit: &Permit, new: &NewScenario, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::SCENARIOS_CREATE)?;
        let mut faults = Vec::new();
        let code = text("code", &new.code, &mut faults);
        let name = new.name.as_ref().map_or_else(|| code.clone(), |name| text("name", name, &mut faults));
        let kind = kind(&new.kind, &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let row = Row { code, name, kind, active: i64::from(new.active), version: 1 };
        let mut tx = self.store().db().begin().await?;
        let made = create_in(&mut tx, permit, row, now).await;
        finish(tx, made).await
    }

    /// Changes a scenario, if it is at the version that the person saw; gives its new version.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], also for another code, [`Conflict::Version`].
    pub async fn update_scenario(
        &self,
        permit: &Permit,
        (id, version): (i64, i64),
        change: &ScenarioChange,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::SCENARIOS_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = update_in(&mut tx, permit, (id, version), change, now).await;
        finish(tx, made).await
    }

    /// Deletes a scenario that nothing names any more but calls that were.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`Conflict::InUse`] while a route, a carrier or a list of rights names it.
    pub async fn delete_scenario(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::SCENARIOS_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let made = delete_in(&mut tx, permit, id, now).await;
        finish(tx, made).await
    }

    /// Folds for the search what a migration has put in: databases fold no letters but those of ASCII.
    pub(crate) async fn fold_scenarios(&self) -> Result<(), StoreError> {
        loop {
            let mut tx = self.store().db().begin().await?;
            let rows: Vec<(i64, String, String)> = tx.all(UNFOLDED, binds![FOLDED_AT_ONCE]).await?;
            for (id, code, name) in &rows {
                // Two signs that fold to nothing would be folded for ever.
                let folded = Some(folded(code, name)).filter(|folded| !folded.is_empty()).unwrap_or_else(|| "-".to_owned());
                tx.run(FOLD, binds![*id, folded]).await?;
            }
            tx.commit().await?;
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn create_in(tx: &mut Tx, permit: &Permit, row: Row, now: WallTime) -> Result<i64, OfficeError> {
    let center = permit.rows().center;
    let known = locked_codes(tx, center).await?;
    if known.contains(&row.code) {
        return Err(OfficeError::Conflict(Conflict::CodeTaken));
    }
    let entry = insert(tx, center, known.len(), &row, now).await?;
    let id = entry.0;
    audit::append(tx, now, permit.actor(), &[entry.1]).await?;
    Ok(id)
}

async fn update_in(
    tx: &mut Tx,
    permit: &Permit,
    (id, version): (i64, i64),
    change: &ScenarioChange,
    now: WallTime,
) -> Result<i64, OfficeError> {
    let old = lock(tx, permit, id).await?;
    if old.version != version {
        return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
    }
    let mut faults = Vec::new();
    if change.code.as_ref().is_some_and(|code| *code != old.code) {
        faults.push(Fault::invalid("code", "a code cannot be changed: calls name it for ever; make another scenario"));
    }
    let new = Row {
        code: old.code.clone(),
        name: change.name.as_ref().map_or_else(|| old.name.clone(), |name| text("name", name, &mut faults)),
        kind: change.kind.as_ref().map_or_else(|| old.kind.clone(), |said| kind(said, &mut faults)),
        active: change.active.map_or(old.active, i64::from),
        version: old.version,
    };
    if !faults.is_empty() {
        return Err(OfficeError::Invalid(faults));
    }
    let diff = Diff::between(&old.picture(), &new.picture());
    if diff.is_empty() {
        return Ok(version);
    }
    tx.run(CHANGE, binds![id, &new.name, &new.kind, new.active, folded(&new.code, &new.name), now]).await?;
    audit::append(tx, now, permit.actor(), &[Entry::change("scenarios.update", SCENARIOS.name, id, diff)]).await?;
    Ok(version + 1)
}

async fn delete_in(tx: &mut Tx, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
    // Who gives lists, or saves a route or a carrier that names it, waits here, or we for them.
    lock_rights(tx).await?;
    let center = permit.rows().center;
    locked_codes(tx, center).await?;
    let old = lock(tx, permit, id).await?;
    let users = named_by(tx, center, &old.code).await?;
    if !users.is_empty() {
        return Err(OfficeError::Conflict(Conflict::InUse(users.join(", "))));
    }
    tx.run(DELETE, binds![id]).await?;
    let entry = Entry::change("scenarios.delete", SCENARIOS.name, id, Diff::deleted(&old.picture()));
    Ok(audit::append(tx, now, permit.actor(), &[entry]).await?)
}

/// What names a scenario, as counts: what it is called is for those who may see it.
async fn named_by(tx: &mut Tx, center: CenterId, code: &str) -> Result<Vec<String>, StoreError> {
    let routes: Option<(i64,)> = tx.one(ROUTES, binds![center, code]).await?;
    let lists: Option<(i64,)> = tx.one(LISTS, binds![center, code]).await?;
    let carriers: Vec<(i64, i64, String)> = tx.all(CARRIERS, binds![center]).await?;
    let names_it = |owner: i64, settings: &str| {
        // One that cannot be read names nothing that anybody could tell; when it is set anew its codes get their rows again.
        let named: Named = serde_json::from_str(settings).unwrap_or_default();
        named.codes(CenterId(owner)).any(|(of, named)| (of, named) == (center, code))
    };
    let carriers = carriers.iter().filter(|(_, owner, settings)| names_it(*owner, settings)).count();
    let told = [
        (routes.map_or(0, |(count,)| count), "routes"),
        (i64::try_from(carriers).unwrap_or(i64::MAX), "carriers"),
        (lists.map_or(0, |(count,)| count), "lists of rights"),
    ];
    Ok(told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what}: {count}")).collect())
}

/// What names scenarios among a carrier's settings.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    scenario: String,
    numbers: Vec<NamedNumber>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedNumber {
    center: Option<CenterId>,
    scenario: String,
}

impl Named {
    /// Codes, and in which centre they are.
    fn codes(&self, owner: CenterId) -> impl Iterator<Item = (CenterId, &str)> {
        let numbers = self.numbers.iter().map(move |number| (number.center.unwrap_or(owner), number.scenario.as_str()));
        numbers.chain([(owner, self.scenario.as_str())])
    }
}

/// The codes that a carrier names, by the centre in which they are.
pub(crate) fn codes_of_carrier(owner: CenterId, carrier: &Carrier) -> BTreeMap<CenterId, BTreeSet<&str>> {
    let mut codes: BTreeMap<CenterId, BTreeSet<&str>> = BTreeMap::new();
    let numbers = carrier.numbers.iter().map(|number| (number.center.unwrap_or(owner), number.scenario.as_str()));
    for (center, code) in numbers.chain([(owner, carrier.scenario.as_str())]).filter(|(_, code)| !code.is_empty()) {
        codes.entry(center).or_default().insert(code);
    }
    codes
}

/// Makes rows for codes that a route or a carrier names and that have none yet, in its own transaction; gives what the audit log is to be told.
///
/// # Errors
/// [`Conflict::State`] beyond [`SCENARIOS_MAX`].
pub(crate) async fn name_in(tx: &mut Tx, codes: &BTreeMap<CenterId, BTreeSet<&str>>, now: WallTime) -> Result<Vec<Entry>, OfficeError> {
    let mut entries = Vec::new();
    for (center, codes) in codes {
        let mut known = locked_codes(tx, *center).await?;
        for code in codes {
            if known.insert((*code).to_owned()) {
                let (code, kind) = ((*code).to_owned(), KIND_OF_NAMED.to_owned());
                let row = Row { name: code.clone(), code, kind, active: 1, version: 1 };
                entries.push(insert(tx, *center, known.len() - 1, &row, now).await?.1);
            }
        }
    }
    Ok(entries)
}

/// The codes of a centre. Whoever makes one, names one or takes one away waits for the transaction's end.
async fn locked_codes(tx: &mut Tx, center: CenterId) -> Result<BTreeSet<String>, StoreError> {
    draw(tx, "scenario", 0).await?;
    let codes: Vec<(String,)> = tx.all(CODES, binds![center]).await?;
    Ok(codes.into_iter().map(|(code,)| code).collect())
}

/// A new row beside `count` others; gives its id and what the audit log is to be told.
async fn insert(tx: &mut Tx, center: CenterId, count: usize, row: &Row, now: WallTime) -> Result<(i64, Entry), OfficeError> {
    if count >= SCENARIOS_MAX {
        let told = format!("a center has at most {SCENARIOS_MAX} scenarios: delete one first");
        return Err(OfficeError::Conflict(Conflict::State(told)));
    }
    let id = draw(tx, "scenario", 1).await?;
    tx.run(INSERT, binds![id, center, &row.code, &row.name, &row.kind, row.active, folded(&row.code, &row.name), now]).await?;
    Ok((id, Entry::change("scenarios.create", SCENARIOS.name, id, Diff::created(&row.picture()))))
}

async fn lock(tx: &mut Tx, permit: &Permit, id: i64) -> Result<Row, OfficeError> {
    let row: Option<Row> = tx.one(LOCK, binds![id, permit.rows().center]).await?;
    row.filter(|_| permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("scenario"))
}

fn folded(code: &str, name: &str) -> String {
    fold_search(&format!("{code} {name}"))
}

/// A code or a name, as carriers and routes can name it.
fn text(field: &str, text: &str, faults: &mut Vec<Fault>) -> String {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > Carrier::NAME_MAX || text.chars().any(char::is_control) {
        faults.push(Fault::invalid(field, format!("has 1 to {} characters, none of them a control character", Carrier::NAME_MAX)));
    }
    text.to_owned()
}

fn kind(said: &str, faults: &mut Vec<Fault>) -> String {
    if !KINDS.contains(&said) {
        faults.push(Fault::invalid("kind", format!("is one of {}", KINDS.join(", "))));
    }
    said.to_owned()
}
