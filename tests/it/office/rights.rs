//! Whatever somebody may see, and whatever they ask of a list: all its pages together are the rows that a naive filter leaves of those that
//! they may see, in order, each once, forwards and backwards, while other rows come in between (S004-50, 52, 57).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use tests::{Rest, server::Settings};

use super::{Engine, PASSWORD, chance, encoded, on, on_both, sql::Sql, text, user};

/// Rows of each kind.
const CALLS: i64 = 240;
const USERS: i64 = 120;
const SLOTS: u16 = 24;
/// What each person asks of each list.
const CASES: usize = 6;
/// Pages of a walk, at most about.
const PAGES: usize = 9;
/// The first of the accounts that nobody logs in with.
const FIRST_USER: i64 = 1_000;
/// When the first call began.
const BEGAN: i64 = 1_700_000_000_000;

on_both! {
    /// For each scope, random filters, orders and page sizes.
    all_pages_are_the_naive_list = all_pages;
}

/// A row as the model of this story has it.
#[derive(Debug, Clone)]
struct Row {
    key: i64,
    /// By which the test knows it.
    name: String,
    cells: Map<String, Value>,
    center: i64,
    owners: BTreeSet<i64>,
    /// Ids of the kinds that can narrow a right.
    lists: Vec<(&'static str, String)>,
}

/// Whose rows a right reaches.
#[derive(Debug, Clone)]
struct Grant {
    /// None: everybody's.
    owners: Option<BTreeSet<i64>>,
    lists: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Grant {
    fn reaches(&self, row: &Row) -> bool {
        let of_these = self.owners.as_ref().is_none_or(|owners| !owners.is_disjoint(&row.owners));
        let listed = |(kind, ids): (&&str, &BTreeSet<String>)| row.lists.iter().any(|(of, id)| of == kind && ids.contains(id));
        of_these && self.lists.iter().all(listed)
    }
}

struct Person {
    name: &'static str,
    rest: Rest,
    /// In which centre; by the header, if it is not their own.
    center: i64,
    foreign: bool,
    /// By resource.
    grants: BTreeMap<&'static str, Vec<Grant>>,
}

/// A list and its rows.
struct List {
    path: &'static str,
    resource: &'static str,
    /// The column by which the test knows a row.
    name: &'static str,
    /// What can be sorted by, and whether that is the key.
    sorts: &'static [&'static str],
    rows: Vec<Row>,
}

const LISTS: [(&str, &str, &str, &[&str]); 4] = [
    ("/api/users", "users", "username", &["username", "id", "last_login_at"]),
    ("/api/calls", "calls", "caller", &["started_at", "call_id"]),
    ("/api/cdr/records", "calls", "caller", &["started_at", "call_id", "talk_ms"]),
    ("/api/slots", "slots", "number", &["number", "id"]),
];

fn all_pages(engine: Engine) -> Result<()> {
    let (seed, rng) = chance();
    on(engine, Settings::default(), |server, admin, sql| {
        let mut world = World::make(admin, sql, rng)?;
        let people = world.people(&server.anonymous())?;
        world.logged_in(sql)?;
        let mut shown = BTreeMap::<&str, usize>::new();
        let mut cases = 0;
        for case in 0..CASES {
            for person in &people {
                for (at, (path, ..)) in LISTS.iter().enumerate() {
                    let told = |what: &str| format!("OFFICE_SEED={seed} case {case} of {} at {}: {what}", person.name, path);
                    let rows = world.case(person, at, sql).with_context(|| told("pages"))?;
                    *shown.entry(person.name).or_default() += rows;
                    cases += 1;
                }
            }
        }
        // A story in which nobody sees anything would show nothing.
        ensure!(shown.values().all(|rows| *rows > 0), "{shown:?} rows in {cases} cases");
        for person in &people {
            world.one_by_one(person).with_context(|| format!("OFFICE_SEED={seed} {}", person.name))?;
        }
        Ok(())
    })
}

struct World {
    rng: ChaCha8Rng,
    lists: Vec<List>,
    managers: BTreeMap<i64, i64>,
    ids: BTreeMap<&'static str, i64>,
    calls: i64,
    users: i64,
    other_center: i64,
    /// Two roles that come with the program: viewer and operator.
    seeded: [i64; 2],
}

/// Who looks: name, and scope with lists of calls, users and slots.
const PEOPLE: [&str; 9] = ["own", "team", "group", "center", "all", "list", "own_list", "both", "nothing"];

impl World {
    fn make(admin: &Rest, sql: &Sql, rng: ChaCha8Rng) -> Result<Self> {
        let center = admin.post("/api/centers", &json!({"code": "north", "name": "North"}))?.expect(201)?;
        let slots = admin.hub("desk", "auto", SLOTS)?;
        let lists = LISTS.map(|(path, resource, name, sorts)| List { path, resource, name, sorts, rows: Vec::new() });
        let mut world = Self {
            rng,
            lists: lists.into(),
            managers: BTreeMap::new(),
            ids: BTreeMap::new(),
            calls: 0,
            users: 0,
            other_center: text(&center, "id")?.parse()?,
            seeded: [0; 2],
        };
        roles(admin)?;
        for name in PEOPLE {
            let roles: &[&str] = if name == "both" { &["r_own", "r_list"] } else { &[&format!("r_{name}")] };
            world.ids.insert(name, text(&user(admin, name, roles)?, "id")?.parse()?);
        }
        for (at, code) in ["viewer", "operator"].into_iter().enumerate() {
            world.seeded[at] = sql.number(&format!("SELECT id FROM roles WHERE center_id = 1 AND code = '{code}'"))?;
        }
        for _ in 0..USERS {
            world.add_user(sql)?;
        }
        sql.run("UPDATE ids SET next = 100000 WHERE kind = 'user'")?;
        for _ in 0..CALLS {
            world.add_call(sql)?;
        }
        for slot in slots {
            let cells = json!({"id": slot.id, "number": slot.number, "type": "auto", "registered": false, "holder": null});
            let row = Row {
                key: slot.id.parse()?,
                name: slot.number,
                cells: cells.as_object().cloned().unwrap_or_default(),
                center: 1,
                owners: BTreeSet::new(),
                lists: vec![("slot", slot.id)],
            };
            world.lists[3].rows.push(row);
        }
        // The accounts that the API has made, as it tells of them.
        for seen in admin.list("/api/users?limit=200")? {
            let key: i64 = text(&seen, "id")?.parse()?;
            if key >= FIRST_USER {
                continue;
            }
            let roles: Vec<&str> = seen["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let lists = if let [only] = roles.as_slice() { vec![("role", (*only).to_owned())] } else { Vec::new() };
            let name = text(&seen, "username")?;
            let cells = seen.as_object().cloned().unwrap_or_default();
            world.lists[0].rows.push(Row { key, name, cells, center: 1, owners: [key].into(), lists });
        }
        Ok(world)
    }

    fn add_user(&mut self, sql: &Sql) -> Result<()> {
        let [viewer, operator] = self.seeded;
        let id = FIRST_USER + self.users;
        self.users += 1;
        let center = if self.rng.random_bool(0.85) { 1 } else { self.other_center };
        // Managers are among those before, so that there is no circle; the chains are long.
        let above: Vec<i64> = self.ids.values().copied().chain((FIRST_USER..id).rev().take(15)).collect();
        let manager = self.rng.random_bool(0.8).then(|| above.choose(&mut self.rng).copied()).flatten().filter(|_| center == 1);
        let name = format!("{}-{}", ["anna", "Ёлка", "o'neil", "100%_x"][self.rng.random_range(0..4)].to_lowercase(), self.users);
        let state = ["active", "disabled", "invited"][self.rng.random_range(0..3)];
        let login: Option<i64> = self.rng.random_bool(0.5).then(|| BEGAN + self.rng.random_range(0..5));
        let locale = [None, Some("en"), Some("ru")][self.rng.random_range(0..3)];
        let email = self.rng.random_bool(0.7).then(|| format!("{}@example.org", self.users % 7));
        let quoted = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")));
        let number = |number: Option<i64>| number.map_or("NULL".to_owned(), |number| number.to_string());
        sql.run(format!(
            "INSERT INTO users (id, center_id, username, email, display_name, manager_id, locale, state, search_norm, version, created_at, updated_at,
             last_login_at) VALUES ({id}, {center}, {}, {}, 'X', {}, {}, '{state}', {}, 1, {}, 0, {})",
            quoted(Some(&name)),
            quoted(email.as_deref()),
            number(manager),
            quoted(locale),
            quoted(Some(&name)),
            BEGAN + id % 10,
            number(login)
        ))?;
        let roles: &[i64] = match self.rng.random_range(0..4) {
            _ if center != 1 => &[],
            0 => &[],
            1 => &[viewer],
            2 => &[operator],
            _ => &[viewer, operator],
        };
        for role in roles {
            sql.run(format!("INSERT INTO user_roles (user_id, role_id) VALUES ({id}, {role})"))?;
        }
        let lists = match roles {
            [only] if *only == viewer => vec![("role", "viewer".to_owned())],
            [_] => vec![("role", "operator".to_owned())],
            _ => Vec::new(),
        };
        if let Some(manager) = manager {
            self.managers.insert(id, manager);
        }
        let cells = json!({
            "id": id.to_string(), "username": name, "display_name": "X", "email": email, "manager": manager.map(|id| id.to_string()),
            "locale": locale, "state": state, "sso": false, "created_at": BEGAN + id % 10, "last_login_at": login,
        });
        let cells = cells.as_object().cloned().unwrap_or_default();
        self.lists[0].rows.push(Row { key: id, name, cells, center, owners: [id].into(), lists });
        Ok(())
    }

    /// A call and its record.
    fn add_call(&mut self, sql: &Sql) -> Result<()> {
        self.calls += 1;
        // Most began at another time than those before; some at the same.
        let started = BEGAN + self.rng.random_range(0..400) * 1_000;
        let key = started * 4_194_304 + self.calls;
        let center = if self.rng.random_bool(0.85) { 1 } else { self.other_center };
        let everybody: Vec<i64> = self.ids.values().copied().chain(FIRST_USER..FIRST_USER + self.users).collect();
        let mut owners: BTreeSet<i64> = BTreeSet::new();
        for _ in 0..self.rng.random_range(0..3) {
            owners.extend(everybody.choose(&mut self.rng));
        }
        // Those who look are in more calls than others.
        if self.rng.random_bool(0.4) {
            let looking: Vec<i64> = self.ids.values().copied().collect();
            owners.extend(looking.choose(&mut self.rng));
        }
        let placed = owners.first().copied();
        let slots: [Option<i64>; 2] = [(); 2].map(|()| self.rng.random_bool(0.7).then(|| self.rng.random_range(1..=i64::from(SLOTS))));
        let scenario = [None, Some("sales"), Some("Sales"), Some("support")][self.rng.random_range(0..4)];
        let source = [None, Some("100%"), Some("a_b\\c"), Some("реклама")][self.rng.random_range(0..4)];
        let (outcome, cause) = [("answered", "callee_hung_up"), ("busy", "busy"), ("no_answer", "no_answer")][self.rng.random_range(0..3)];
        let direction = ["internal", "outbound", "inbound"][self.rng.random_range(0..3)];
        let (ring, talk) = (self.rng.random_range(0..6_i64), self.rng.random_range(0..6_i64));
        let answered = (outcome == "answered").then_some(started + ring);
        let ended = started + ring + talk;
        let caller = format!("+7{:06}", self.calls);
        let callee = format!("{}", 6001 + self.calls % 5);
        let number = |number: Option<i64>| number.map_or("NULL".to_owned(), |number| number.to_string());
        let quoted = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let columns = "call_id, center_id, direction, caller, callee, caller_slot, callee_slot, user_id, started_at, answered_at, ended_at, outcome, cause, segments, scenario, source";
        let values = format!(
            "{key}, {center}, '{direction}', '{caller}', '{callee}', {}, {}, {}, {started}, {}, {ended}, '{outcome}', '{cause}', '[]', {}, {}",
            number(slots[0]),
            number(slots[1]),
            number(placed),
            number(answered),
            quoted(scenario),
            quoted(source)
        );
        sql.run(format!("INSERT INTO calls ({columns}, status, last_seen_at) VALUES ({values}, 'ended', 0)"))?;
        sql.run(format!("INSERT INTO cdrs ({columns}, ring_ms, talk_ms, sip_status) VALUES ({values}, {ring}, {talk}, 200)"))?;
        for owner in &owners {
            sql.run(format!("INSERT INTO call_users (user_id, call_id) VALUES ({owner}, {key})"))?;
        }
        let id = |id: Option<i64>| id.map(|id| id.to_string());
        let cells = json!({
            "status": "ended", "direction": direction, "caller": caller, "callee": callee, "caller_slot": id(slots[0]), "callee_slot": id(slots[1]),
            "user": id(placed), "parent": null, "started_at": started, "ringing_at": null, "answered_at": answered, "ended_at": ended,
            "outcome": outcome, "cause": cause, "scenario": scenario, "source": source, "ring_ms": ring, "talk_ms": talk, "sip_status": 200,
        });
        let lists = scenario.map(|scenario| ("scenario", scenario.to_owned())).into_iter();
        let lists = lists.chain(slots.into_iter().flatten().map(|slot| ("slot", slot.to_string()))).collect();
        let row = Row { key, name: caller, cells: cells.as_object().cloned().unwrap_or_default(), center, owners, lists };
        self.lists[1].rows.push(row.clone());
        self.lists[2].rows.push(row);
        Ok(())
    }

    /// Everybody whose chain of managers holds somebody, and they themselves.
    fn team(&self, of: i64) -> BTreeSet<i64> {
        let mut team = BTreeSet::from([of]);
        loop {
            let more: Vec<i64> =
                self.managers.iter().filter(|(id, above)| team.contains(above) && !team.contains(id)).map(|(id, _)| *id).collect();
            if more.is_empty() {
                return team;
            }
            team.extend(more);
        }
    }

    fn people(&self, nobody: &Rest) -> Result<Vec<Person>> {
        let mut people = Vec::new();
        for name in PEOPLE {
            let id = self.ids[name];
            let everybody = || Grant { owners: None, lists: BTreeMap::new() };
            let of = |owners: BTreeSet<i64>| Grant { owners: Some(owners), lists: BTreeMap::new() };
            let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>();
            let listed_calls = || BTreeMap::from([("scenario", set(&["sales", "support"])), ("slot", slot_ids().into_iter().collect())]);
            let listed = |resource: &str| match resource {
                "users" => BTreeMap::from([("role", set(&["viewer", "r_own"]))]),
                "slots" => BTreeMap::from([("slot", slot_ids().into_iter().collect())]),
                _ => listed_calls(),
            };
            let grants = |resource: &'static str| -> Vec<Grant> {
                match name {
                    "own" | "group" => vec![of([id].into())],
                    "team" => vec![of(self.team(id))],
                    "center" | "all" => vec![everybody()],
                    "list" => vec![Grant { owners: None, lists: listed(resource) }],
                    "own_list" => vec![Grant { owners: Some([id].into()), lists: listed(resource) }],
                    "both" => vec![of([id].into()), Grant { owners: None, lists: listed(resource) }],
                    _ => vec![],
                }
            };
            let grants: BTreeMap<&'static str, Vec<Grant>> =
                ["users", "calls", "slots"].into_iter().map(|resource| (resource, grants(resource))).collect();
            let rest = nobody.login(name, PASSWORD)?;
            if name == "all" {
                people.push(Person {
                    name: "all, elsewhere",
                    rest: rest.clone(),
                    center: self.other_center,
                    foreign: true,
                    grants: grants.clone(),
                });
            }
            if name == "nothing" {
                // Narrowed by lists, and without any: the right is there, and reaches nothing.
                for (path, ..) in LISTS {
                    ensure!(rest.list(path)?.is_empty(), "{path}");
                }
                continue;
            }
            people.push(Person { name, rest, center: 1, foreign: false, grants });
        }
        Ok(people)
    }

    /// When they have logged in stands in the list of accounts.
    fn logged_in(&mut self, sql: &Sql) -> Result<()> {
        for row in sql.rows(&format!("SELECT id, last_login_at FROM users WHERE id < {FIRST_USER}"))? {
            let known = self.lists[0].rows.iter_mut().find(|known| Some(known.key) == row["id"].as_i64()).context("an account")?;
            known.cells.insert("last_login_at".to_owned(), row["last_login_at"].clone());
        }
        Ok(())
    }

    /// The rows that a person may see, by a naive look at each.
    fn seen<'w>(&'w self, person: &Person, at: usize) -> Vec<&'w Row> {
        let grants = person.grants.get(self.lists[at].resource).map_or(&[][..], Vec::as_slice);
        self.lists[at].rows.iter().filter(|row| row.center == person.center && grants.iter().any(|grant| grant.reaches(row))).collect()
    }

    /// One random list of somebody, page by page; says how many rows it had.
    fn case(&mut self, person: &Person, at: usize, sql: &Sql) -> Result<usize> {
        let (path, name) = (self.lists[at].path, self.lists[at].name);
        let head = get(person, &format!("{path}?limit=1&count=none"))?;
        let known: BTreeSet<String> = head["columns"]
            .as_array()
            .context("columns")?
            .iter()
            .filter(|column| column["filter"] == true)
            .filter_map(|column| column["name"].as_str().map(str::to_owned))
            .collect();
        let filter = self.filter(at, &known);
        let sort = self.rng.random_bool(0.8).then(|| {
            let column = self.lists[at].sorts[self.rng.random_range(0..self.lists[at].sorts.len())];
            format!("{}{column}", if self.rng.random_bool(0.5) { "-" } else { "" })
        });
        let mut wanted: Vec<&Row> = self.seen(person, at).into_iter().filter(|row| holds(&row.cells, &filter)).collect();
        order(
            &mut wanted,
            sort.as_deref().unwrap_or(match path {
                "/api/users" => "username",
                "/api/slots" => "number",
                _ => "-started_at",
            }),
        );
        let wanted: Vec<String> = wanted.into_iter().map(|row| row.name.clone()).collect();

        let least = (wanted.len() / PAGES).clamp(1, 200);
        let limit = self.rng.random_range(least..=(least * 3).min(200));
        let mut query = format!("{path}?limit={limit}&filter={}", encoded(&filter.to_string()));
        if let Some(sort) = &sort {
            query += &format!("&sort={sort}");
        }
        let told = || format!("{person}: {query}", person = person.name);
        let counted = get(person, &format!("{query}&count=exact"))?;
        ensure!(
            counted["count"] == json!({"value": wanted.len(), "capped": false}),
            "{}: {} instead of {}",
            told(),
            counted["count"],
            wanted.len()
        );

        // Forwards, and rows come in between that were not there at the beginning.
        let (mut found, mut cursor, mut last) = (Vec::new(), None::<String>, Value::Null);
        let comes = self.rng.random_bool(0.3);
        let mut rows_of_pages = 0;
        loop {
            let page = match &cursor {
                None => get(person, &format!("{query}&count=none"))?,
                Some(cursor) => get(person, &format!("{query}&count=none&cursor={cursor}"))?,
            };
            let items = names(&page, name)?;
            ensure!(items.len() <= limit, "{}: {} rows on a page of {limit}", told(), items.len());
            ensure!(page["next"].is_null() || items.len() == limit, "{}: a short page in the middle", told());
            rows_of_pages += items.len();
            found.extend(items);
            last.clone_from(&page);
            if comes && self.rng.random_bool(0.5) {
                match at {
                    0 => self.add_user(sql)?,
                    1 | 2 => self.add_call(sql)?,
                    _ => {}
                }
            }
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        let is_old: BTreeSet<&String> = wanted.iter().collect();
        let old: Vec<&String> = found.iter().filter(|name| is_old.contains(name)).collect();
        ensure!(old.len() == wanted.len() && old.into_iter().eq(wanted.iter()), "{}: found {found:?}\nwanted {wanted:?}", told());
        let different: BTreeSet<&String> = found.iter().collect();
        ensure!(different.len() == found.len(), "{}: a row came twice: {found:?}", told());
        if !comes {
            ensure!(found == wanted, "{}: found {found:?}\nwanted {wanted:?}", told());
        }

        // And back.
        let mut back: Vec<Vec<String>> = vec![names(&last, name)?];
        while let Some(prev) = last["prev"].as_str() {
            last = get(person, &format!("{query}&count=none&cursor={prev}"))?;
            back.push(names(&last, name)?);
            ensure!(back.len() <= wanted.len() + 50, "{}: there is no way back", told());
        }
        let back: Vec<String> = back.into_iter().rev().flatten().filter(|name| is_old.contains(name)).collect();
        ensure!(back == wanted, "{}: back {back:?}\nwanted {wanted:?}", told());
        Ok(rows_of_pages)
    }

    /// A filter of a few conditions, with values that there are more often than not.
    fn filter(&mut self, at: usize, known: &BTreeSet<String>) -> Value {
        let mut filter = Map::new();
        for _ in 0..self.rng.random_range(0..3) {
            if let Some((column, test)) = self.condition(at, known) {
                filter.insert(column, test);
            }
        }
        if self.rng.random_bool(0.3) {
            let some: Vec<Value> = (0..self.rng.random_range(1..4))
                .map(|_| {
                    self.condition(at, known).map_or_else(|| json!({}), |(column, test)| Value::Object(Map::from_iter([(column, test)])))
                })
                .collect();
            filter.insert("or".to_owned(), some.into());
        }
        Value::Object(filter)
    }

    fn condition(&mut self, at: usize, known: &BTreeSet<String>) -> Option<(String, Value)> {
        let row = self.lists[at].rows.choose(&mut self.rng)?;
        let columns: Vec<&String> = row.cells.keys().filter(|column| known.contains(*column)).collect();
        let column = (*columns.choose(&mut self.rng)?).clone();
        let value = row.cells[&column].clone();
        let other = self.lists[at].rows.choose(&mut self.rng)?.cells.get(&column).cloned().unwrap_or_default();
        let kind = kind(&column);
        let test = match (self.rng.random_range(0..9), kind) {
            (0, _) => json!({"is_null": self.rng.random_bool(0.5)}),
            (1, _) => json!({"ne": value}),
            (2, _) => Value::Array([value, other].into_iter().filter(|value| !value.is_null()).collect()),
            (3..=5, Kind::Number) if !value.is_null() => {
                let operator = ["gt", "gte", "lt", "lte"][self.rng.random_range(0..4)];
                let other_side = if operator.starts_with('g') { "lt" } else { "gt" };
                let mut test = json!({operator: value});
                if !other.is_null() && self.rng.random_bool(0.3) {
                    test[other_side] = other;
                }
                test
            }
            (3..=5, Kind::Text) => {
                let text = value.as_str().unwrap_or("a");
                let from = self.rng.random_range(0..=text.chars().count() / 2);
                let part: String = text.chars().skip(from).take(self.rng.random_range(1..4)).collect();
                let part = if self.rng.random_bool(0.3) { part.to_uppercase() } else { part };
                if self.rng.random_bool(0.5) {
                    json!({"contains": part})
                } else {
                    json!({"prefix": text.chars().take(2).collect::<String>()})
                }
            }
            _ => value,
        };
        Some((column, test))
    }

    /// What is in somebody's list can be read by its id, and nothing else can.
    fn one_by_one(&mut self, person: &Person) -> Result<()> {
        let seen: BTreeSet<i64> = self.seen(person, 0).into_iter().map(|row| row.key).collect();
        let all: Vec<i64> = self.lists[0].rows.iter().map(|row| row.key).collect();
        for _ in 0..10 {
            let Some(key) = all.choose(&mut self.rng) else { break };
            let reply = ask(person, &format!("/api/users/{key}"))?;
            let wanted = if seen.contains(key) { 200 } else { 404 };
            ensure!(reply.status == wanted, "{wanted} expected for account {key}: {} {}", reply.status, reply.json());
        }
        Ok(())
    }
}

/// Sets and roles: one for each scope.
fn roles(admin: &Rest) -> Result<()> {
    let lists = json!([
        {"resource": "calls", "kind": "scenario", "ids": ["sales", "support"]},
        {"resource": "calls", "kind": "slot", "ids": slot_ids()},
        {"resource": "users", "kind": "role", "ids": ["viewer", "r_own"]},
        {"resource": "slots", "kind": "slot", "ids": slot_ids()},
    ]);
    for (name, scope, lists) in [
        ("r_own", "own", json!([])),
        ("r_team", "team", json!([])),
        ("r_group", "group", json!([])),
        ("r_center", "center", json!([])),
        ("r_all", "all", json!([])),
        ("r_list", "list", lists.clone()),
        ("r_own_list", "own+list", lists),
        ("r_nothing", "list", json!([])),
    ] {
        let permissions: Vec<Value> =
            ["calls.read", "users.read", "slots.read"].map(|permission| json!({"permission": permission, "scope": scope})).into();
        admin.post("/api/permission-sets", &json!({"code": name, "name": name, "permissions": permissions}))?.expect(201)?;
        admin.post("/api/roles", &json!({"code": name, "name": name, "sets": [name], "lists": lists}))?.expect(201)?;
    }
    Ok(())
}

/// The slots of the lists.
fn slot_ids() -> Vec<String> {
    (1..=i64::from(SLOTS)).filter(|id| id % 3 != 0).map(|id| id.to_string()).collect()
}

fn ask(person: &Person, path: &str) -> Result<tests::rest::Reply> {
    let center = person.center.to_string();
    let headers = [("x-center", center.as_str())];
    person.rest.request("GET", path, if person.foreign { &headers } else { &[] }, None)
}

fn get(person: &Person, path: &str) -> Result<Value> {
    ask(person, path)?.expect(200).with_context(|| format!("{} at {path}", person.name))
}

fn names(page: &Value, name: &str) -> Result<Vec<String>> {
    page["items"].as_array().context("items")?.iter().map(|item| text(item, name)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Code,
}

fn kind(column: &str) -> Kind {
    match column {
        "id" | "manager" | "caller_slot" | "callee_slot" | "user" | "parent" | "holder" => Kind::Number,
        name if name.ends_with("_at") || name.ends_with("_ms") || name == "sip_status" => Kind::Number,
        "username" | "display_name" | "email" | "caller" | "callee" | "scenario" | "source" | "number" => Kind::Text,
        _ => Kind::Code,
    }
}

/// A number, be it written as a text (an id) or not.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A filter, as its documentation reads.
fn holds(row: &Map<String, Value>, filter: &Value) -> bool {
    filter.as_object().into_iter().flatten().all(|(name, test)| match (name.as_str(), test) {
        ("or", Value::Array(some)) => some.iter().any(|filter| holds(row, filter)),
        (_, Value::Object(tests)) => tests.iter().all(|(operator, value)| meets(name, &row[name], operator, value)),
        (_, Value::Array(_)) => meets(name, &row[name], "in", test),
        _ => meets(name, &row[name], "eq", test),
    })
}

fn meets(column: &str, cell: &Value, operator: &str, value: &Value) -> bool {
    let same = |one: &Value, other: &Value| if kind(column) == Kind::Number { whole(one) == whole(other) } else { one == other };
    let ordered = |test: fn(i64, i64) -> bool| whole(cell).zip(whole(value)).is_some_and(|(cell, value)| test(cell, value));
    let texts = || cell.as_str().zip(value.as_str());
    match operator {
        "eq" => same(cell, value),
        "ne" => !same(cell, value),
        "in" => !cell.is_null() && value.as_array().into_iter().flatten().any(|value| same(cell, value)),
        "is_null" => value.as_bool() == Some(cell.is_null()),
        "gt" => ordered(|cell, value| cell > value),
        "gte" => ordered(|cell, value| cell >= value),
        "lt" => ordered(|cell, value| cell < value),
        "lte" => ordered(|cell, value| cell <= value),
        "prefix" => texts().is_some_and(|(cell, value)| cell.starts_with(value)),
        "contains" => texts().is_some_and(|(cell, value)| cell.to_ascii_lowercase().contains(&value.to_ascii_lowercase())),
        _ => false,
    }
}

/// The order of a list: by the column, then by the key, both the same way.
fn order(rows: &mut [&Row], sort: &str) {
    let (column, descending) = sort.strip_prefix('-').map_or((sort, false), |column| (column, true));
    let place = |row: &Row| match column {
        "username" | "number" => (0, row.cells[column].as_str().unwrap_or_default().to_owned(), row.key),
        "talk_ms" | "last_login_at" => (row.cells[column].as_i64().unwrap_or(0), String::new(), row.key),
        // The rest is the key.
        _ => (0, String::new(), row.key),
    };
    rows.sort_by_key(|row| place(row));
    if descending {
        rows.reverse();
    }
}
