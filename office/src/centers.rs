//! Centres: each customer's or site's own people, roles, slots and calls in one installation. By default there is one.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use model::{CenterId, Column, ColumnKind, Owner, Resource, UserId, WallTime, carrier::NumberForm};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use crate::{
    Conflict, Fault, Office, OfficeError, Permit,
    rights::{can, finish, guard_admins, lock_and_count_up, seed_center, text, without_admin},
};

/// Centres of one installation; more are refused. The roles of all are in memory.
const CENTERS_MAX: i64 = 500;
/// Sources of a centre that are named in its settings.
const SOURCES_MAX: usize = 100;
/// Characters of a source, as of a lead's.
const SOURCE_MAX: usize = 64;
/// People of a ring.
const RING_MAX: usize = 200;
/// The languages that there are.
pub const LOCALES: &[&str] = &["en", "ru"];

/// Centres.
pub static CENTERS: Resource = Resource {
    name: "centers",
    from: "centers t",
    key: "id",
    center: "",
    owner: Owner::Nobody,
    lists: &[],
    search: "t.search_norm",
    order: "id",
    read: can::CENTERS_READ,
    export: Some(can::CENTERS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The centre's id.").sorted().filtered(),
        Column::new("code", "t.code", ColumnKind::Text, "Its code, unique among centres.").filtered(),
        Column::new("name", "t.name", ColumnKind::Text, "Its name.").filtered(),
        Column::new("locale", "t.locale", ColumnKind::Code(LOCALES), "Its language.").filtered(),
        Column::new("tz", "t.tz", ColumnKind::Text, "Its time zone.").filtered(),
        Column::new("state", "t.state", ColumnKind::Code(&["active", "disabled"]), "Whether its people can log in.").filtered(),
        Column::new(
            "settings",
            "t.settings",
            ColumnKind::Json,
            "Its settings: which log-ins are allowed, how its people write numbers, and for how long recordings are kept.",
        ),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change; a change names the one it was made from."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it was last changed.").filtered(),
    ],
};

/// A centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Center {
    /// Its id.
    pub id: CenterId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its language: `en` or `ru`.
    pub locale: String,
    /// Its time zone.
    pub tz: Tz,
    /// Whether its people can log in.
    pub is_active: bool,
    /// Its settings.
    pub settings: CenterSettings,
    /// Grows with each change.
    pub version: i64,
}

/// What a change of a centre has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CenterChanged {
    /// The centre's version now.
    pub version: i64,
    /// Whether its people write numbers otherwise now, by which signalling goes.
    pub has_other_numbers: bool,
}

/// What can be set of a centre. What is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CenterSettings {
    /// How its people may log in (D20).
    pub login: LoginSettings,
    /// How its people write numbers: what they dial is read as E.164 by it, for routes, limits and records. None: as it is dialled.
    /// Signalling reads it by itself (`store/plan`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberForm>,
    /// How its people work on leads and calls.
    #[serde(skip_serializing_if = "is_default")]
    pub desk: DeskSettings,
    /// Whose its slots are.
    #[serde(skip_serializing_if = "is_default")]
    pub slots: SlotsSettings,
    /// To whom leads go that come from somewhere; each source once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSettings>,
    /// For how long things are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub retention: RetentionSettings,
}

/// How a centre's people work on leads and calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeskSettings {
    /// Whether whoever is called hears that somebody else works with the lead of that number; sellers never do.
    pub pop_foreign: bool,
    /// Whether the operator who hands a lead over goes on to see it until it is done with.
    pub keep_after_hand_over: bool,
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self { pop_foreign: false, keep_after_hand_over: true }
    }
}

/// Whose the slots of a centre are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlotsSettings {
    /// Whether people see, take and call by those slots alone that a list gives to them or to a role of theirs. Who may watch slots sees all.
    pub assigned: bool,
}

/// To whom the leads of a source go: to one seller, or to several in turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// The source, as leads have it.
    pub source: String,
    /// The seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<UserId>,
    /// The sellers who take turns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ring: Vec<UserId>,
}

impl SourceSettings {
    /// What is wrong with it.
    fn problem(&self) -> Option<&'static str> {
        let length = self.source.chars().count();
        if length == 0 || length > SOURCE_MAX || self.source != self.source.trim() {
            return Some("a source is a text of 1 to 64 characters, without blanks around it");
        }
        if self.seller.is_some() != self.ring.is_empty() || self.ring.len() > RING_MAX {
            return Some("the leads of a source go to a seller, or to a ring of 1 to 200");
        }
        None
    }
}

/// For how long a centre keeps things (D21). None: for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Days after the call's answer on which its recording is erased, unless it is held; 1 to 36,500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_days: Option<u32>,
}

/// What was never set is not written: settings as they were stay readable by a program that knows no more.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How people may log in (D20). Who administers may always log in with a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginSettings {
    /// With a password of ours.
    pub local: bool,
    /// By a provider.
    pub oidc: bool,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self { local: true, oidc: true }
    }
}

/// A centre to be made.
#[derive(Debug, Clone, Default)]
pub struct NewCenter {
    /// Its code: 1 to 64 letters, digits, `_`, `-`, `.`.
    pub code: String,
    /// Its name, 1 to 128 characters.
    pub name: String,
    /// Its language; none: English.
    pub locale: Option<String>,
    /// Its time zone; none: UTC.
    pub tz: Option<String>,
    /// Its settings.
    pub settings: Option<Value>,
}

/// What is to be changed of a centre; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct CenterChange {
    /// Its code, if it is said again: it stays for ever.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its language.
    pub locale: Option<String>,
    /// Its time zone.
    pub tz: Option<String>,
    /// Whether its people can log in.
    pub active: Option<bool>,
    /// Its settings.
    pub settings: Option<Value>,
}

statements! {
    COUNT: both "SELECT count(*) FROM centers";
    INSERT: both "INSERT INTO centers (id, code, name, locale, tz, state, settings, search_norm, version, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, 1, $8, $8, $9)";
    ROW: both "SELECT id, code, name, locale, tz, state, settings, version FROM centers WHERE id = $1";
    CHANGE: both "UPDATE centers SET name = $2, locale = $3, tz = $4, state = $5, settings = $6, search_norm = $7, version = version + 1,
        updated_at = $8 WHERE id = $1";
}

/// A row of the table.
#[derive(Debug, FromRow)]
pub(crate) struct CenterRow {
    id: i64,
    code: String,
    name: String,
    locale: String,
    tz: String,
    state: String,
    settings: String,
    version: i64,
}

impl From<CenterRow> for Center {
    /// What another version of the program wrote and this one cannot read must not stop the other centres: UTC, and no log-in.
    fn from(row: CenterRow) -> Self {
        let tz = row.tz.parse().unwrap_or_else(|_| {
            tracing::warn!(center = row.id, tz = row.tz, "A centre's time zone is unknown; UTC stands for it.");
            Tz::UTC
        });
        let settings = serde_json::from_str(&row.settings).unwrap_or_else(|error| {
            tracing::warn!(center = row.id, %error, "A centre's settings cannot be read; until they can, only administrators log in.");
            CenterSettings {
                login: LoginSettings { local: false, oidc: false },
                // Nobody gets more than there was, for not being read.
                slots: SlotsSettings { assigned: true },
                ..CenterSettings::default()
            }
        });
        Self {
            id: CenterId(row.id),
            tz,
            settings,
            is_active: row.state == "active",
            code: row.code,
            name: row.name,
            locale: row.locale,
            version: row.version,
        }
    }
}

impl Center {
    fn picture(&self) -> Map<String, Value> {
        let value = serde_json::json!({
            "code": self.code,
            "name": self.name,
            "locale": self.locale,
            "tz": self.tz.name(),
            "state": self.state(),
            "settings": self.settings,
        });
        if let Value::Object(picture) = value { picture } else { Map::new() }
    }

    fn state(&self) -> &'static str {
        if self.is_active { "active" } else { "disabled" }
    }

    fn settings_text(&self) -> String {
        // Plain data cannot fail.
        serde_json::to_string(&self.settings).unwrap_or_else(|_| "{}".to_owned())
    }

    fn set(&mut self, change: &CenterChange, faults: &mut Vec<Fault>) {
        if let Some(name) = &change.name {
            self.name = text::name("name", name, faults);
        }
        if let Some(locale) = &change.locale {
            if LOCALES.contains(&locale.as_str()) {
                self.locale.clone_from(locale);
            } else {
                faults.push(Fault::invalid("locale", format!("a language is one of: {}", LOCALES.join(", "))));
            }
        }
        if let Some(tz) = &change.tz {
            match tz.parse() {
                Ok(tz) => self.tz = tz,
                Err(_) => faults.push(Fault::invalid("tz", "a time zone is a name such as Europe/Moscow or UTC")),
            }
        }
        if let Some(active) = change.active {
            self.is_active = active;
        }
        if let Some(settings) = &change.settings {
            self.set_settings(settings, faults);
        }
    }

    fn set_settings(&mut self, settings: &Value, faults: &mut Vec<Fault>) {
        // A list would pass for a structure, its members in their order.
        let is_object = |name: &str| settings.get(name).is_none_or(|value| value.is_object() || value.is_null());
        let sources_are_objects = settings.get("sources").and_then(Value::as_array).is_none_or(|all| all.iter().all(Value::is_object));
        let are_objects =
            settings.is_object() && ["login", "numbers", "retention", "desk", "slots"].into_iter().all(is_object) && sources_are_objects;
        let Some(settings) = CenterSettings::deserialize(settings).ok().filter(|_| are_objects) else {
            let shape = r#"settings are {"login": {"local": true, "oidc": true}, "numbers": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}, "retention": {"recordings_days": 365}, "desk": {"pop_foreign": false, "keep_after_hand_over": true}, "slots": {"assigned": false}, "sources": [{"source": "site", "seller": "12"}]}"#;
            return faults.push(Fault::invalid("settings", shape));
        };
        if !(settings.login.local || settings.login.oidc) {
            faults.push(Fault::invalid("settings.login", "at least one way to log in must be left"));
        }
        if settings.retention.recordings_days.is_some_and(|days| !(1..=36_500).contains(&days)) {
            faults.push(Fault::invalid("settings.retention.recordings_days", "recordings are kept for 1 to 36,500 days, or for ever"));
        }
        for problem in settings.numbers.iter().flat_map(NumberForm::validate) {
            faults.push(Fault::invalid(format!("settings.numbers.{}", problem.path), problem.text));
        }
        let mut sources = BTreeSet::new();
        for (at, source) in settings.sources.iter().enumerate() {
            let twice = (!sources.insert(&source.source)).then_some("this source stands here twice");
            if let Some(problem) = source.problem().or(twice) {
                faults.push(Fault::invalid(format!("settings.sources[{at}]"), problem));
            }
        }
        if settings.sources.len() > SOURCES_MAX {
            faults.push(Fault::invalid("settings.sources", format!("a centre names at most {SOURCES_MAX} sources")));
        }
        self.settings = settings;
    }
}

impl Office {
    /// Makes a centre with the roles that come with the program, and gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`Conflict::CodeTaken`].
    pub async fn create_center(&self, permit: &Permit, new: &NewCenter, now: WallTime) -> Result<CenterId, OfficeError> {
        permit.must_be(can::CENTERS_CREATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.create_center_in(&mut tx, permit, new, now).await;
        finish(tx, made, changing).await
    }

    async fn create_center_in(&self, tx: &mut Tx, permit: &Permit, new: &NewCenter, now: WallTime) -> Result<CenterId, OfficeError> {
        let mut faults = Vec::new();
        let code = text::code("code", &new.code, &mut faults);
        let mut center = Center {
            id: CenterId(0),
            code,
            name: String::new(),
            locale: "en".to_owned(),
            tz: Tz::UTC,
            is_active: true,
            settings: CenterSettings::default(),
            version: 1,
        };
        let change = CenterChange {
            code: None,
            name: Some(new.name.clone()),
            locale: new.locale.clone(),
            tz: new.tz.clone(),
            active: None,
            settings: new.settings.clone(),
        };
        center.set(&change, &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        lock_and_count_up(tx).await?;
        let count: Option<(i64,)> = tx.one(COUNT, &[]).await?;
        if count.is_some_and(|(count,)| count >= CENTERS_MAX) {
            return Err(OfficeError::Conflict(Conflict::State(format!("there are at most {CENTERS_MAX} centres"))));
        }
        center.id = CenterId(draw(tx, "center", 1).await?);
        let binds = binds![
            center.id,
            &center.code,
            &center.name,
            &center.locale,
            center.tz.name(),
            center.settings_text(),
            fold_search(&format!("{} {}", center.code, center.name)),
            now,
            permit.actor().user(),
        ];
        tx.run(INSERT, binds).await.map_err(code_taken)?;
        let seeded = seed_center(tx, self.catalogue(), center.id, now).await?;
        let created = Entry::change("centers.create", "centers", center.id, Diff::created(&center.picture())).security();
        audit::append(tx, now, permit.actor(), &std::iter::once(created).chain(seeded).collect::<Vec<_>>()).await?;
        Ok(center.id)
    }

    /// Changes a centre, and tells what came of it.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`], [`OfficeError::NotFound`], [`Conflict::Version`], [`Conflict::LastAdmin`], [`Conflict::State`] for the
    /// centre that the person belongs to, which cannot be disabled.
    pub async fn update_center(
        &self,
        permit: &Permit,
        id: CenterId,
        version: i64,
        change: &CenterChange,
        now: WallTime,
    ) -> Result<CenterChanged, OfficeError> {
        permit.must_be(can::CENTERS_UPDATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.update_center_in(&mut tx, permit, (id, version), change, now).await;
        let changed = finish(tx, made, changing).await?;
        if change.active == Some(false) {
            self.accounts().people.closed(id);
        }
        Ok(changed)
    }

    async fn update_center_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (CenterId, i64),
        change: &CenterChange,
        now: WallTime,
    ) -> Result<CenterChanged, OfficeError> {
        lock_and_count_up(tx).await?;
        let old = read(tx, id).await?.ok_or(OfficeError::NotFound("center"))?;
        if old.version != version {
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        let (mut new, mut faults) = (old.clone(), Vec::new());
        text::same_code(change.code.as_deref(), &old.code, false, &mut faults)?;
        new.set(change, &mut faults);
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        if new == old {
            return Ok(CenterChanged { version, has_other_numbers: false });
        }
        if !new.is_active && id == permit.principal().home() {
            return Err(OfficeError::Conflict(Conflict::State("the centre that you belong to cannot be disabled".to_owned())));
        }
        let orphans = without_admin(tx).await?;
        let search = fold_search(&format!("{} {}", new.code, new.name));
        let binds = binds![id, &new.name, &new.locale, new.tz.name(), new.state(), new.settings_text(), search, now];
        tx.run(CHANGE, binds).await?;
        guard_admins(tx, &orphans).await?;
        let diff = Diff::between(&old.picture(), &new.picture());
        audit::append(tx, now, permit.actor(), &[Entry::change("centers.update", "centers", id, diff).security()]).await?;
        Ok(CenterChanged { version: version + 1, has_other_numbers: new.settings.numbers != old.settings.numbers })
    }
}

async fn read(tx: &mut Tx, id: CenterId) -> Result<Option<Center>, StoreError> {
    Ok(tx.one::<CenterRow>(ROW, binds![id]).await?.map(Center::from))
}

fn code_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if name == "centers_code_key" => OfficeError::Conflict(Conflict::CodeTaken),
        other => other.into(),
    }
}
