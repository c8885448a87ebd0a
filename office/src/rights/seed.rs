//! The roles that come with the program: the matrix of requirements §1.4, and what the rulings add to it.
//!
//! Each role has a set of the same code. A line below is a resource and what is granted of it, as far as the centre unless an `@` says
//! otherwise. Lines of resources that the program does not know yet wait: a set gets them at the first start of a program that does.
//! What was once put into a set is remembered, so what an administrator took out stays out.

use std::collections::{BTreeMap, BTreeSet};

use model::{Actor, CenterId, ListKind, Reach, WallTime};
use serde_json::{Map, Value};
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    list::fold_search,
    sql::{Tx, draw},
    statements,
};

use super::{
    catalogue::{Catalogue, EVERYBODY},
    given::code,
    memory,
    people::json,
};
use crate::Office;

/// A role that comes with the program.
pub(crate) struct Seed {
    pub(crate) code: &'static str,
    name: &'static str,
    /// A resource, and verbs with reaches.
    lines: &'static [(&'static str, &'static str)],
    /// Lists that narrow it: resource, kind, ids.
    lists: &'static [(&'static str, ListKind, &'static [&'static str])],
}

/// What is granted: a permission, and how far.
pub(crate) type Item = (String, Reach);

const fn seed(code: &'static str, name: &'static str, lines: &'static [(&'static str, &'static str)]) -> Seed {
    Seed { code, name, lines, lists: &[] }
}

/// The administrator's role. It has every permission there is, as wide as can be, and needs no lines.
pub(crate) const ADMIN: &str = "admin";

/// The roles, in the order of the matrix.
pub(crate) const SEEDS: &[Seed] = &[
    seed(ADMIN, "Administrator", &[]),
    Seed {
        // A customer's own administrator: makes accounts of listeners and of nobody else.
        lists: &[("users", ListKind::Role, &["listener"]), ("roles", ListKind::Role, &["listener"])],
        ..seed(
            "client_admin",
            "Client administrator",
            &[
                ("users", "read@list create@list update@list delete@list"),
                ("roles", "read@list update@list"),
                ("scenarios", "read"),
                ("calls", "read export"),
                ("recordings", "read listen"),
                ("audit_log", "read"),
                ("exports", "read@own delete@own"),
                ("jobs", "read@own manage@own"),
                ("listening", "read claim manage configure"),
                ("scorecards", "read manage"),
                ("tags", "read set unset manage"),
                ("tag_statistics", "read export"),
            ],
        )
    },
    seed(
        "supervisor",
        "Supervisor",
        &[
            ("users", "read export"),
            ("roles", "read export"),
            ("slots", "read monitor export"),
            ("trunks", "read monitor export"),
            ("scenarios", "read"),
            ("calls", "read monitor export"),
            ("recordings", "read listen download export"),
            ("events_log", "read export"),
            ("monitor", "read"),
            ("exports", "read@own delete@own"),
            ("webhooks", "read export"),
            ("jobs", "read manage@own export"),
            ("projects", "read export"),
            ("phone_numbers", "read export"),
            ("conversion", "read export"),
            ("reports", "read generate export"),
            ("leads", "read export reopen"),
            ("clients", "read export"),
            ("orders", "read export"),
            ("tags", "read"),
            ("tag_statistics", "read"),
            ("listening", "read manage"),
            ("scorecards", "read manage"),
            ("service_requests", "read export"),
            ("incidents", "read export"),
            ("conversations", "read monitor"),
            ("notes", "read"),
            ("campaigns", "read pause"),
            ("dnc", "read"),
            ("dictionaries", "read"),
            ("carriers", "read"),
            ("routes", "read"),
            ("prompts", "read"),
            ("queues", "read"),
            ("agents", "read"),
        ],
    ),
    seed(
        "operator",
        "Operator",
        &[
            ("slots", "read use@own"),
            ("calls", "start@own end@own read@own"),
            ("recordings", "read@own listen@own"),
            ("jobs", "read@own manage@own"),
            ("projects", "read@list"),
            ("phone_numbers", "read@own"),
            ("conversion", "read@own"),
            ("reports", "read@own"),
            ("leads", "read@own update@own hand_over@own"),
            ("clients", "read create update"),
            ("orders", "read create update"),
            ("tags", "read@own set@own"),
            ("scorecards", "read@own"),
            ("service_requests", "create"),
            ("conversations", "read@own read@group update@own claim@group"),
            ("notes", "read@own create@own"),
            ("dnc", "create"),
        ],
    ),
    seed(
        "seller",
        "Seller",
        &[
            ("calls", "read@own"),
            ("recordings", "read@own listen@own"),
            ("jobs", "read@own manage@own"),
            ("conversion", "read@own"),
            ("reports", "read@own"),
            ("leads", "read@own create@own update@own delete@own"),
            ("clients", "read@own update@own"),
            ("orders", "read@own update@own"),
            ("notes", "read@own create@own update@own"),
        ],
    ),
    seed(
        "listener",
        "Listener",
        &[
            ("calls", "read@list"),
            ("recordings", "read@list listen@list"),
            ("jobs", "read@own manage@own"),
            ("tags", "read@list set@list unset@list"),
            ("tag_statistics", "read@own"),
            ("listening", "read@list claim@list"),
            ("scorecards", "read"),
        ],
    ),
    seed(
        "HelpDeskUser",
        "Help desk",
        &[
            ("calls", "start@own end@own read@own"),
            ("recordings", "read@own listen@own"),
            ("jobs", "read@own manage@own"),
            ("conversion", "read@own"),
            ("reports", "read@own"),
            ("leads", "read"),
            ("clients", "read create update delete"),
            ("orders", "read create update delete"),
            ("service_requests", "read@own create@own update@own delete@own assign@own"),
            ("incidents", "read@own"),
            ("conversations", "read@own read@group update@own claim@group"),
        ],
    ),
    seed(
        "HelpDeskManager",
        "Help desk manager",
        &[
            ("users", "read@team"),
            ("calls", "start@own end@own read@team"),
            ("recordings", "read@team listen@team"),
            ("jobs", "read@own manage@own"),
            ("conversion", "read@team"),
            ("reports", "read@team"),
            ("leads", "read"),
            ("clients", "read create update delete"),
            ("orders", "read create update delete"),
            ("service_requests", "read@team create@team update@team delete@team assign@team"),
            ("incidents", "read@team"),
            ("conversations", "read@own read@group update@own claim@group"),
        ],
    ),
    seed(
        "SL3User",
        "Third line",
        &[
            ("calls", "start@own end@own read@own"),
            ("recordings", "read@own listen@own"),
            ("jobs", "read@own manage@own"),
            ("conversion", "read@own"),
            ("reports", "read@own"),
            ("clients", "read"),
            ("orders", "read"),
            ("service_requests", "read"),
            ("incidents", "read@own create@own update@own delete@own assign@own"),
        ],
    ),
    seed(
        "SL3Manager",
        "Third line manager",
        &[
            ("users", "read@team"),
            ("calls", "start@own end@own read@team"),
            ("recordings", "read@team listen@team"),
            ("jobs", "read@own manage@own"),
            ("conversion", "read@team"),
            ("reports", "read@team"),
            ("clients", "read"),
            ("orders", "read"),
            ("service_requests", "read"),
            ("incidents", "read@team create@team update@team delete@team assign@team"),
        ],
    ),
    seed(
        "number_manager",
        "Number manager",
        &[
            ("calls", "read@list export@list"),
            ("audit_log", "read@own"),
            ("exports", "read@own delete@own"),
            ("jobs", "read@own manage@own"),
            ("projects", "read@list export@list"),
            ("phone_numbers", "read@list update_status@list bulk@list export@list"),
            ("conversion", "read@list export@list"),
            ("campaigns", "read@list run@list pause@list"),
        ],
    ),
    seed(
        "viewer",
        "Viewer",
        &[
            ("calls", "read"),
            ("jobs", "read@own manage@own"),
            ("projects", "read"),
            ("phone_numbers", "read"),
            ("conversion", "read"),
            ("reports", "read"),
            ("leads", "read"),
            ("clients", "read"),
            ("orders", "read"),
            ("tags", "read"),
            ("listening", "read"),
            ("scorecards", "read"),
            ("service_requests", "read"),
            ("incidents", "read"),
        ],
    ),
    seed(
        "analyst",
        "Analyst",
        &[
            ("calls", "read export"),
            ("exports", "read@own delete@own"),
            ("jobs", "read@own manage@own"),
            ("projects", "read export"),
            // Never a number itself: sums by project, status, region.
            ("phone_numbers", "aggregate"),
            ("conversion", "read export"),
            ("reports", "read export"),
            ("leads", "read export"),
            ("clients", "read export"),
            ("orders", "read export"),
            ("tags", "read"),
            ("listening", "read"),
            ("scorecards", "read"),
            ("service_requests", "read export"),
            ("incidents", "read export"),
        ],
    ),
];

impl Seed {
    /// Everything in the lines, whether the program knows it yet or not.
    pub(crate) fn all_items(&self) -> Vec<Item> {
        let item = |resource: &str, word: &str| {
            let (verb, reach) = word.split_once('@').unwrap_or((word, "center"));
            // A test reads every line.
            Some((format!("{resource}.{verb}"), reach.parse().ok()?))
        };
        self.lines.iter().flat_map(|(resource, words)| words.split(' ').filter_map(|word| item(resource, word))).collect()
    }

    #[cfg(test)]
    pub(crate) fn lines(&self) -> &'static [(&'static str, &'static str)] {
        self.lines
    }

    /// What the program knows of it.
    pub(crate) fn items(&self, catalogue: &Catalogue) -> Vec<Item> {
        if self.code == ADMIN {
            return everything(catalogue);
        }
        let is_known = |(name, reach): &Item| catalogue.permission(name).is_some_and(|known| known.reaches.allow(*reach));
        self.all_items().into_iter().filter(is_known).collect()
    }
}

/// The role with this code.
pub(crate) fn seed_of(code: &str) -> Option<&'static Seed> {
    SEEDS.iter().find(|seed| seed.code == code)
}

/// Every permission, as wide as can be. What everybody has anyway is not in it.
pub(crate) fn everything(catalogue: &Catalogue) -> Vec<Item> {
    let known = catalogue.permissions().filter(|known| !EVERYBODY.contains(&known.action));
    known.map(|known| (known.action.0.to_owned(), known.reaches.widest())).collect()
}

statements! {
    CENTERS: both "SELECT id FROM centers ORDER BY id";
    APPLIED: both "SELECT value FROM settings WHERE key = $1";
    SET_APPLIED: both "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    ROLE: both "SELECT id, builtin FROM roles WHERE center_id = $1 AND code = $2";
    ADD_ROLE: both "INSERT INTO roles (id, center_id, code, name, builtin, search_norm, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 1, $5, 1, $6, $6)";
    // The roles that there were before roles had names.
    NAME_ROLE: both "UPDATE roles SET name = $2, search_norm = $3 WHERE id = $1 AND name = code";
    SET: both "SELECT id, builtin FROM permission_sets WHERE center_id = $1 AND code = $2";
    ADD_SET: both "INSERT INTO permission_sets (id, center_id, code, name, builtin, search_norm, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 1, $5, 1, $6, $6)";
    LINK: both "INSERT INTO role_permission_sets (role_id, set_id) VALUES ($1, $2) ON CONFLICT (role_id, set_id) DO NOTHING";
    ADD_ITEM: both "INSERT INTO permission_set_items (set_id, permission, reach) VALUES ($1, $2, $3)
        ON CONFLICT (set_id, permission, reach) DO NOTHING";
    ADD_LIST: both "INSERT INTO access_lists (principal_kind, principal_id, resource, kind, item) VALUES ('role', $1, $2, $3, $4)
        ON CONFLICT (principal_kind, principal_id, resource, kind, item) DO NOTHING";
    GROWN: both "UPDATE permission_sets SET version = version + 1, updated_at = $2 WHERE id = $1";
}

/// What was once put into the sets of a centre, by the code of the role: `calls.read@own`, and lists as `users/role/listener`.
type Applied = BTreeMap<String, BTreeSet<String>>;

impl Office {
    /// Puts into every centre what comes with the program and was not put there before.
    pub(crate) async fn seed_all(&self, now: WallTime) -> Result<(), StoreError> {
        let mut tx = self.store().db().begin().await?;
        memory::prepare(&mut tx).await?;
        memory::lock(&mut tx).await?;
        let centers: Vec<(i64,)> = tx.all(CENTERS, &[]).await?;
        let mut changes = Vec::new();
        for (center,) in centers {
            let center = CenterId(center);
            changes.extend(seed_center(&mut tx, self.catalogue(), center, now).await?.map(|entry| (Actor::system(center, "start"), entry)));
        }
        if changes.is_empty() {
            return tx.rollback().await;
        }
        memory::lock_and_count_up(&mut tx).await?;
        audit::append_each(&mut tx, &changes.iter().map(|(actor, entry)| (now, actor, entry)).collect::<Vec<_>>()).await?;
        tx.commit().await
    }
}

/// Puts into a centre what comes with the program and was not put there before; says what, if anything. Who calls it has the lock on rights.
pub(crate) async fn seed_center(tx: &mut Tx, catalogue: &Catalogue, center: CenterId, now: WallTime) -> Result<Option<Entry>, StoreError> {
    let key = format!("rights.seeded.{center}");
    let row: Option<(String,)> = tx.one(APPLIED, binds![&key]).await?;
    let broken = |error: serde_json::Error| StoreError::Broken { table: "settings", what: error.to_string() };
    let mut applied: Applied = row.map(|(text,)| serde_json::from_str(&text).map_err(broken)).transpose()?.unwrap_or_default();
    let mut diff = Map::new();
    for seed in SEEDS {
        let known = applied.entry(seed.code.to_owned()).or_default();
        let new = seed_role(tx, catalogue, center, seed, known, now).await?;
        if !new.is_empty() {
            diff.insert(seed.code.to_owned(), json(&new));
            known.extend(new);
        }
    }
    if diff.is_empty() {
        return Ok(None);
    }
    tx.run(SET_APPLIED, binds![&key, Value::to_string(&json(&applied))]).await?;
    Ok(Some(Entry::change("roles.seed", "centers", center, Diff::created(&diff)).security()))
}

async fn seed_role(
    tx: &mut Tx,
    catalogue: &Catalogue,
    center: CenterId,
    seed: &Seed,
    applied: &BTreeSet<String>,
    now: WallTime,
) -> Result<Vec<String>, StoreError> {
    let items: Vec<(Item, String)> =
        seed.items(catalogue).into_iter().map(|item| (item.clone(), format!("{}@{}", item.0, item.1))).collect();
    let items: Vec<(Item, String)> = items.into_iter().filter(|(_, text)| !applied.contains(text)).collect();
    let lists = seed.lists.iter().flat_map(|(resource, kind, ids)| ids.iter().map(|id| (*resource, code(kind), *id)));
    let lists: Vec<_> = lists.map(|(resource, kind, id)| (resource, kind.clone(), id, format!("{resource}/{kind}/{id}"))).collect();
    let lists: Vec<_> = lists.into_iter().filter(|(.., text)| !applied.contains(text)).collect();
    if items.is_empty() && lists.is_empty() {
        return Ok(Vec::new());
    }
    let search = fold_search(&format!("{} {}", seed.code, seed.name));
    let role: Option<(i64, i64)> = tx.one(ROLE, binds![center, seed.code]).await?;
    let role = match role {
        Some((id, 1)) => id,
        // Somebody made a role with this code before the program had one: it is theirs.
        Some(_) => return Ok(Vec::new()),
        None => {
            let id = draw(tx, "role", 1).await?;
            tx.run(ADD_ROLE, binds![id, center, seed.code, seed.name, &search, now]).await?;
            id
        }
    };
    let set: Option<(i64, i64)> = tx.one(SET, binds![center, seed.code]).await?;
    let set = match set {
        Some((id, 1)) => {
            tx.run(GROWN, binds![id, now]).await?;
            id
        }
        Some(_) => return Ok(Vec::new()),
        None => {
            let id = draw(tx, "permission_set", 1).await?;
            tx.run(ADD_SET, binds![id, center, seed.code, seed.name, &search, now]).await?;
            tx.run(NAME_ROLE, binds![role, seed.name, &search]).await?;
            tx.run(LINK, binds![role, id]).await?;
            id
        }
    };
    let mut new = Vec::new();
    for ((permission, reach), text) in items {
        tx.run(ADD_ITEM, binds![set, &permission, reach.to_string()]).await?;
        new.push(text);
    }
    for (resource, kind, id, text) in lists {
        tx.run(ADD_LIST, binds![role, resource, &kind, id]).await?;
        new.push(text);
    }
    Ok(new)
}
