//! The audit log after a thousand random actions of several people (S004-39, 44, 45, 59, 112).
//!
//! The story keeps a book of its own of what must stand in the log. At the end the log is read past the program and held against it: every
//! change has exactly its entry, every refused check of rights is a row, and whatever failed has changed nothing and left no entry.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use tests::{Rest, Server, rest::Reply, server::Settings, wait};

use super::{Engine, chance, ended, intruder::verified, number, on, on_both, person, sql::Sql, text, user};

/// How many actions.
const ACTIONS: usize = 1000;
/// How many people change something at once at the end, and how often each.
const AT_ONCE: usize = 4;
const EACH: usize = 15;
/// Refusals are written in batches.
const WRITTEN: Duration = Duration::from_secs(20);

on_both! {
    /// A thousand actions, each of which the book knows.
    after_a_thousand_random_actions_every_change_has_its_entry = a_thousand_actions;
}

/// How far somebody's rights go in this story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    /// Everything.
    Admin,
    /// Accounts of listeners.
    OfListeners,
    /// Changes nothing.
    None,
}

struct Person {
    rest: Rest,
    kind: &'static str,
    id: i64,
    name: String,
    power: Power,
}

/// What one row must be.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    category: &'static str,
    kind: &'static str,
    actor: Option<i64>,
    name: String,
    action: String,
    outcome: &'static str,
    resource: String,
    id: String,
    /// None: it is not predicted.
    diff: Option<Value>,
}

/// What there is of a kind, as the administrator sees it: what a change may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Role,
    Set,
    Webhook,
    Schedule,
    Center,
    Trunk,
    Limits,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::User => "/api/users",
            Self::Role => "/api/roles",
            Self::Set => "/api/permission-sets",
            Self::Webhook => "/api/webhooks",
            Self::Schedule => "/api/schedules",
            Self::Center => "/api/centers",
            Self::Trunk => "/api/trunks",
            Self::Limits => "/api/slots",
        }
    }

    /// The resource as the log names it, and the category of its changes.
    fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::User => ("users", "security"),
            Self::Role => ("roles", "security"),
            Self::Set => ("permission_sets", "security"),
            Self::Webhook => ("webhooks", "security"),
            Self::Schedule => ("schedules", "change"),
            Self::Center => ("centers", "security"),
            Self::Trunk => ("trunks", "change"),
            Self::Limits => ("slots", "change"),
        }
    }

    /// The permission that it takes, which is also the action that the log names.
    fn right(self, verb: &str) -> String {
        let resource = match self {
            Self::Set => "roles",
            other => other.resource().0,
        };
        format!("{resource}.{verb}")
    }

    fn of_nothing(self) -> Map<String, Value> {
        match self {
            Self::User => Map::from_iter(["roles", "lists", "columns"].map(|name| (name.to_owned(), json!([])))),
            _ => Map::new(),
        }
    }

    fn picture(self, seen: &Value) -> Map<String, Value> {
        let names: &[&str] = match self {
            Self::User => {
                &["id", "username", "email", "display_name", "manager", "locale", "tz", "state", "sso", "roles", "lists", "columns"]
            }
            Self::Role => &["code", "name", "sets", "lists", "columns"],
            Self::Set => &["code", "name"],
            Self::Webhook => &["name", "url", "events", "enabled"],
            Self::Schedule => &["kind", "payload", "cron", "tz", "enabled"],
            Self::Center => &["code", "name", "locale", "tz", "state", "settings"],
            Self::Trunk => &["name", "type", "capacity"],
            Self::Limits => &["calls_max", "destinations"],
        };
        let mut picture: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), seen[*name].clone())).collect();
        if self == Self::Set {
            let items = seen["permissions"].as_array().into_iter().flatten();
            let texts =
                items.map(|item| format!("{}@{}", item["permission"].as_str().unwrap_or("?"), item["scope"].as_str().unwrap_or("?")));
            picture.insert("permissions".to_owned(), texts.collect::<Vec<_>>().into());
        }
        picture
    }
}

/// Old and new of all that differs.
fn difference(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut diff = Map::new();
    for name in old.keys().chain(new.keys()) {
        let value = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or_default();
        if value(old) != value(new) {
            diff.insert(name.clone(), json!([value(old), value(new)]));
        }
    }
    diff
}

/// Something that there is.
#[derive(Debug, Clone)]
struct Thing {
    id: String,
    seen: Value,
}

/// The story's own book.
struct Book<'a> {
    rng: ChaCha8Rng,
    people: Vec<Person>,
    admin: &'a Rest,
    server: &'a Server,
    things: BTreeMap<Kind, Vec<Thing>>,
    /// Every request that was made, and the rows that it must have left.
    requests: BTreeMap<String, Vec<Entry>>,
    /// What was tried: actions by what became of them.
    tried: BTreeMap<u16, usize>,
    serial: usize,
    tokens: Vec<(String, String, usize)>,
    exports: Vec<(String, String)>,
    rules: Vec<(String, Value)>,
}

fn a_thousand_actions(engine: Engine) -> Result<()> {
    let (seed, rng) = chance();
    on(engine, Settings::default(), |server, admin, sql| {
        let told = |at: usize| format!("action {at} of OFFICE_SEED={seed}");
        let mut book = Book::open(server, admin, rng)?;
        let first = sql.number("SELECT max(seq) FROM audit_log")? + 1;
        for at in 0..ACTIONS {
            book.act().with_context(|| told(at))?;
        }
        let done: usize = book.tried.iter().filter(|(status, _)| **status < 300).map(|(_, count)| count).sum();
        let refused = book.tried.get(&403).copied().unwrap_or(0);
        ensure!(done > ACTIONS / 3 && refused > ACTIONS / 10, "it tries too little: {:?}", book.tried);
        book.all_at_once().with_context(|| told(ACTIONS))?;
        book.hold_against(sql, first).with_context(|| told(ACTIONS))?;

        // By SQL alone nobody changes or deletes anything, whatever they may otherwise (S004-45).
        for sentence in
            ["UPDATE audit_log SET actor_name = 'nobody' WHERE seq = 3", "DELETE FROM audit_log WHERE seq = 3", "DELETE FROM audit_log"]
        {
            let error = sql.run(sentence).expect_err("the log is append-only");
            ensure!(format!("{error:#}").contains("append-only"), "{sentence}: {error:#}");
        }
        let rows = sql.number("SELECT count(*) FROM audit_log")?;
        verified(server, admin, sql, None)?;
        ensure!(sql.number("SELECT count(*) FROM audit_log")? == rows + 1, "the order to verify is itself a row, and nothing is gone");
        Ok(())
    })
}

impl<'a> Book<'a> {
    fn open(server: &'a Server, admin: &'a Rest, rng: ChaCha8Rng) -> Result<Self> {
        let mut people = Vec::new();
        let mut add = |rest: Rest, kind, power, name: &str| -> Result<()> {
            let me = rest.get("/api/me")?.expect(200)?;
            people.push(Person { rest, kind, id: text(&me, "id")?.parse()?, name: name.to_owned(), power });
            Ok(())
        };
        add(admin.clone(), "user", Power::Admin, "admin")?;
        let boss = person(server, admin, "boss", &["admin"])?;
        let robot = boss.post("/api/me/tokens", &json!({"name": "robot"}))?.expect(201)?;
        add(boss.clone(), "user", Power::Admin, "boss")?;
        add(server.anonymous().with_token(&text(&robot, "token")?), "token", Power::Admin, "boss")?;
        add(person(server, admin, "clara", &["client_admin"])?, "user", Power::OfListeners, "clara")?;
        for (name, role) in [("sven", "supervisor"), ("olga", "operator"), ("lisa", "listener"), ("ann", "analyst")] {
            add(person(server, admin, name, &[role])?, "user", Power::None, name)?;
        }
        Ok(Self {
            rng,
            people,
            admin,
            server,
            things: BTreeMap::new(),
            requests: BTreeMap::new(),
            tried: BTreeMap::new(),
            serial: 0,
            tokens: Vec::new(),
            exports: Vec::new(),
            rules: Vec::new(),
        })
    }

    /// One action of somebody.
    fn act(&mut self) -> Result<()> {
        let kinds = [
            (Kind::User, 10),
            (Kind::Role, 4),
            (Kind::Set, 3),
            (Kind::Webhook, 3),
            (Kind::Schedule, 3),
            (Kind::Center, 1),
            (Kind::Trunk, 3),
        ];
        match self.rng.random_range(0..40) {
            0..=26 => {
                let kind = kinds.choose_weighted(&mut self.rng, |(_, weight)| *weight)?.0;
                let count = self.things.get(&kind).map_or(0, Vec::len);
                match self.rng.random_range(0..10) {
                    0..=3 if count < most(kind) => self.make(kind),
                    _ if count == 0 => self.make(kind),
                    4..=7 => self.change(kind),
                    _ if kind == Kind::Center => self.change(kind),
                    _ => self.delete(kind),
                }
            }
            27..=28 => self.slot(),
            29..=30 => self.token(),
            31..=32 => self.own(),
            33..=34 => self.session(),
            35..=36 => self.export(),
            37 => self.link(),
            38 => self.rule(),
            _ => self.look(),
        }
    }

    // ---- what all actions share ----

    fn somebody(&mut self) -> usize {
        // Half of all is done by those who may.
        if self.rng.random_bool(0.6) { self.rng.random_range(0..3) } else { self.rng.random_range(0..self.people.len()) }
    }

    /// Asks for something that takes a right, and notes the refusal if it is one.
    fn ask(&mut self, who: usize, method: &str, path: &str, body: Option<&Value>, right: &str) -> Result<(Reply, String)> {
        let person = &self.people[who];
        let agent = format!("story of {}", person.name);
        let headers = [("user-agent", agent.as_str()), ("content-type", "application/json")];
        let body = body.map(Value::to_string);
        let reply = person.rest.request(method, path, &headers, body.as_deref().map(str::as_bytes))?;
        let request = reply.header("x-request-id").context("no request id")?.to_owned();
        ensure!(self.requests.insert(request.clone(), Vec::new()).is_none(), "the request id {request} was there before");
        *self.tried.entry(reply.status).or_default() += 1;
        if reply.status == 403 {
            let resource = right.split_once('.').map_or("", |(resource, _)| resource);
            self.must_have(&request, who, "security", right, "refused", resource, "", Some(json!({})));
        }
        Ok((reply, request))
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns of a row")]
    fn must_have(
        &mut self,
        request: &str,
        who: usize,
        category: &'static str,
        action: &str,
        outcome: &'static str,
        resource: &str,
        id: &str,
        diff: Option<Value>,
    ) {
        let Person { kind, id: actor, name, .. } = &self.people[who];
        let entry = Entry {
            category,
            kind,
            actor: Some(*actor),
            name: name.clone(),
            action: action.to_owned(),
            outcome,
            resource: resource.to_owned(),
            id: id.to_owned(),
            diff,
        };
        self.requests.entry(request.to_owned()).or_default().push(entry);
    }

    fn read(&self, kind: Kind, id: &str) -> Result<Option<Value>> {
        let path = if kind == Kind::Limits { format!("{}/{id}/limits", kind.path()) } else { format!("{}/{id}", kind.path()) };
        let reply = self.admin.get(&path)?;
        if reply.status == 404 { Ok(None) } else { reply.expect(200).map(Some) }
    }

    fn one_of(&mut self, names: &[&'static str]) -> &'static str {
        names[self.rng.random_range(0..names.len())]
    }

    fn unique(&mut self, what: &str) -> String {
        self.serial += 1;
        format!("{what}-{}", self.serial)
    }

    fn pick(&mut self, kind: Kind) -> Option<(usize, Thing)> {
        let things = self.things.get(&kind)?;
        let at = self.rng.random_range(0..things.len().max(1));
        things.get(at).cloned().map(|thing| (at, thing))
    }

    /// What became of an attempt that should change a thing: its row if it has changed, nothing if it has not.
    fn changed(&mut self, kind: Kind, at: usize, who: usize, (reply, request): (&Reply, &str), verb: &str) -> Result<()> {
        let old = self.things.get(&kind).and_then(|things| things.get(at)).cloned().context("a thing")?;
        let now = self.read(kind, &old.id)?;
        let (before, after) = (kind.picture(&old.seen), now.as_ref().map_or_else(|| kind.of_nothing(), |seen| kind.picture(seen)));
        let diff = difference(&before, &after);
        if reply.status >= 300 {
            ensure!(
                now.as_ref() == Some(&old.seen),
                "{} {}: it was refused, and changed {} to {now:?}",
                reply.status,
                reply.json(),
                old.seen
            );
            return Ok(());
        }
        if !diff.is_empty() {
            let (resource, mut category) = kind.resource();
            if kind == Kind::User && verb == "update" && !["state", "roles", "lists", "columns"].iter().any(|name| diff.contains_key(*name))
            {
                category = "change";
            }
            self.must_have(request, who, category, &kind.right(verb), "done", resource, &old.id, Some(Value::Object(diff)));
        }
        match (now, self.things.get_mut(&kind)) {
            (Some(seen), Some(things)) => things[at].seen = seen,
            (None, Some(things)) => drop(things.remove(at)),
            _ => {}
        }
        Ok(())
    }

    // ---- things that are made, changed and deleted ----

    fn make(&mut self, kind: Kind) -> Result<()> {
        let who = self.somebody();
        let power = self.people[who].power;
        let is_wrong = self.rng.random_bool(0.15);
        let name = self.unique("made");
        let (mut wanted, body) = match kind {
            Kind::User => {
                let role = self.one_of(&["operator", "listener", "viewer", "seller"]);
                let manager = self.pick(Kind::User).filter(|_| self.serial.is_multiple_of(3)).map(|(_, thing)| thing.id);
                let email = if is_wrong { "no address".to_owned() } else { format!("{name}@example.org") };
                let mut body = json!({"username": name, "email": email, "roles": [role], "display_name": "<b>Имя</b> 'x' \"y\""});
                if let (Some(manager), Power::Admin) = (manager, power) {
                    body["manager"] = manager.into();
                }
                let allowed = power == Power::Admin || (power == Power::OfListeners && role == "listener");
                let is_refused = if power == Power::None {
                    403
                } else if is_wrong {
                    422
                } else if allowed {
                    201
                } else {
                    403
                };
                (is_refused, body)
            }
            Kind::Role => {
                let sets: Vec<String> = self.pick(Kind::Set).map(|(_, thing)| text(&thing.seen, "code")).transpose()?.into_iter().collect();
                let sets = if is_wrong { vec!["no_such_set".to_owned()] } else { sets };
                (
                    201,
                    json!({"code": name, "name": "A role", "sets": sets, "columns": [{"resource": "calls", "column": "source", "mode": "hide"}]}),
                )
            }
            Kind::Set => {
                let scope = if is_wrong { "own" } else { "center" };
                let permissions = json!([{"permission": "trunks.read", "scope": scope}, {"permission": "calls.read", "scope": "team"}]);
                (201, json!({"code": name, "name": "A set", "permissions": permissions}))
            }
            Kind::Webhook => {
                let url = if is_wrong { "ftp://example.com/".to_owned() } else { format!("https://{name}.example.com/hook") };
                (201, json!({"name": name, "url": url, "events": ["user.update"], "enabled": false}))
            }
            Kind::Schedule => {
                let cron = if is_wrong { "61 * * * *" } else { "5 4 1 1 *" };
                (201, json!({"kind": "audit.verify", "payload": {}, "cron": cron, "tz": "Europe/Moscow"}))
            }
            Kind::Center => (201, json!({"code": name, "name": "A centre", "tz": if is_wrong { "Mars/Base" } else { "Asia/Tokyo" }})),
            Kind::Trunk => (201, json!({"name": name, "type": "auto", "capacity": if is_wrong { 0 } else { 3 }})),
            Kind::Limits => return Ok(()),
        };
        if kind != Kind::User {
            wanted = if power != Power::Admin {
                403
            } else if is_wrong {
                422
            } else {
                wanted
            };
        }
        let right = kind.right("create");
        let (reply, request) = self.ask(who, "POST", kind.path(), Some(&body), &right)?;
        ensure!(
            reply.status == wanted,
            "{wanted} expected of {} for {right} {body}: {} {}",
            self.people[who].name,
            reply.status,
            reply.json()
        );
        if reply.status != 201 {
            return Ok(());
        }
        let id = text(&reply.json(), "id")?;
        let seen = self.read(kind, &id)?.context("what was made is there")?;
        let mut diff = difference(&kind.of_nothing(), &kind.picture(&seen));
        if kind == Kind::Webhook {
            diff.insert("secret".to_owned(), json!([null, "changed"]));
        }
        let (resource, category) = kind.resource();
        self.must_have(&request, who, category, &right, "done", resource, &id, Some(Value::Object(diff)));
        if kind == Kind::Center {
            // It has roles of its own from the beginning.
            self.must_have(&request, who, "security", "roles.seed", "done", resource, &id, None);
        }
        if kind == Kind::Trunk {
            for slot in reply.json()["slots"].as_array().context("slots")? {
                let id = text(slot, "id")?;
                let seen = self.read(Kind::Limits, &id)?.context("limits")?;
                self.things.entry(Kind::Limits).or_default().push(Thing { id, seen });
            }
        }
        self.things.entry(kind).or_default().push(Thing { id, seen });
        Ok(())
    }

    fn change(&mut self, kind: Kind) -> Result<()> {
        let Some((at, thing)) = self.pick(kind) else { return Ok(()) };
        let who = self.somebody();
        let power = self.people[who].power;
        let (is_stale, is_wrong) = (self.rng.random_bool(0.12), self.rng.random_bool(0.1));
        let name = self.unique("changed");
        let mut body = match kind {
            Kind::User => match self.rng.random_range(0..6) {
                0 => json!({"display_name": name, "tz": "Asia/Tokyo"}),
                1 => json!({"email": format!("{name}@example.org"), "locale": "ru"}),
                2 => json!({"state": if thing.seen["state"] == "disabled" { "active" } else { "disabled" }}),
                3 => json!({"roles": [self.one_of(&["viewer", "analyst", "listener"])]}),
                4 => json!({"lists": [{"resource": "calls", "kind": "scenario", "ids": [name]}]}),
                _ => {
                    json!({"columns": [{"resource": "calls", "column": "caller", "mode": "mask"}], "display_name": thing.seen["display_name"]})
                }
            },
            Kind::Role => json!({"name": name}),
            Kind::Set => {
                let scope = self.one_of(&["own", "team", "center", "all"]);
                json!({"name": name, "permissions": [{"permission": "calls.read", "scope": scope}]})
            }
            Kind::Webhook => json!({"events": [self.one_of(&["call.update", "user.update", "*"])], "name": name}),
            Kind::Schedule => {
                let mut body = json!({"cron": format!("{} 4 1 1 *", self.serial % 60), "enabled": self.serial.is_multiple_of(2)});
                for same in ["kind", "payload", "tz"] {
                    body[same] = thing.seen[same].clone();
                }
                body
            }
            Kind::Center => json!({"name": name, "locale": self.one_of(&["en", "ru"])}),
            Kind::Trunk if self.serial.is_multiple_of(4) => json!({"name": thing.seen["name"], "capacity": thing.seen["capacity"]}),
            Kind::Trunk => json!({"name": name}),
            Kind::Limits => json!({"calls_max": self.rng.random_range(1..=2), "destinations": [format!("7{}*", self.serial)]}),
        };
        let has_version = !matches!(kind, Kind::Trunk | Kind::Limits);
        if has_version {
            body["version"] = (number(&thing.seen, "version")? - i64::from(is_stale)).into();
        }
        if is_wrong {
            body["nonsense"] = true.into();
        }
        let is_listeners = thing.seen["roles"] == json!(["listener"]);
        let stays_listeners = body["roles"].is_null() || body["roles"] == json!(["listener"]);
        let wanted = match power {
            Power::None => 403,
            Power::OfListeners if !matches!(kind, Kind::User | Kind::Role | Kind::Set) => 403,
            _ if is_wrong => 422,
            // Of roles she may change that of listeners, which is none of these.
            Power::OfListeners if !is_listeners => 404,
            _ if is_stale && has_version => 409,
            Power::OfListeners if !stays_listeners => 403,
            _ => 200,
        };
        let right = kind.right("update");
        let path =
            if kind == Kind::Limits { format!("{}/{}/limits", kind.path(), thing.id) } else { format!("{}/{}", kind.path(), thing.id) };
        let (reply, request) = self.ask(who, "PUT", &path, Some(&body), &right)?;
        ensure!(
            reply.status == wanted,
            "{wanted} expected of {} for {right} of {} by {body}: {} {}",
            self.people[who].name,
            thing.seen,
            reply.status,
            reply.json()
        );
        self.changed(kind, at, who, (&reply, &request), "update")
    }

    fn delete(&mut self, kind: Kind) -> Result<()> {
        let Some((at, thing)) = self.pick(kind) else { return Ok(()) };
        let who = self.somebody();
        let power = self.people[who].power;
        let right = kind.right("delete");
        let query = if matches!(kind, Kind::Role | Kind::Set) { format!("?version={}", thing.seen["version"]) } else { String::new() };
        // Whose manager goes, and which slots go with their hub.
        let team: Vec<String> = self
            .things
            .get(&Kind::User)
            .into_iter()
            .flatten()
            .filter(|user| user.seen["manager"] == thing.id.as_str())
            .map(|user| user.id.clone())
            .collect();
        let slots: Vec<String> = match kind {
            Kind::Trunk => thing_slots(&self.read(kind, &thing.id)?.context("a trunk")?),
            _ => Vec::new(),
        };
        let is_used = kind == Kind::Set
            && self
                .things
                .get(&Kind::Role)
                .into_iter()
                .flatten()
                .any(|role| role.seen["sets"].as_array().is_some_and(|sets| sets.contains(&thing.seen["code"])));
        let wanted = match power {
            Power::None => 403,
            Power::OfListeners if kind != Kind::User => 403,
            Power::OfListeners if thing.seen["roles"] != json!(["listener"]) => 404,
            _ if is_used => 409,
            _ => 204,
        };
        let (reply, request) = self.ask(who, "DELETE", &format!("{}/{}{query}", kind.path(), thing.id), None, &right)?;
        ensure!(reply.status == wanted, "{wanted} expected for {right} of {}: {} {}", thing.seen, reply.status, reply.json());
        self.changed(kind, at, who, (&reply, &request), "delete")?;
        if reply.status != 204 {
            return Ok(());
        }
        if !team.is_empty() {
            if let Some(Entry { diff: Some(diff), .. }) = self.requests.get_mut(&request).and_then(|entries| entries.first_mut()) {
                let mut ids: Vec<i64> = team.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
                ids.sort_unstable();
                diff["team"] = json!([ids.iter().map(ToString::to_string).collect::<Vec<_>>(), null]);
            }
            for id in team {
                let seen = self.read(Kind::User, &id)?.context("one of the team")?;
                let of_team = self.things.get_mut(&Kind::User).and_then(|users| users.iter_mut().find(|user| user.id == id));
                of_team.context("one of the team")?.seen = seen;
            }
        }
        if let Some(limits) = self.things.get_mut(&Kind::Limits) {
            limits.retain(|slot| !slots.contains(&slot.id));
        }
        Ok(())
    }

    // ---- the rest of what people do ----

    fn slot(&mut self) -> Result<()> {
        if self.rng.random_bool(0.4) {
            return self.change(Kind::Limits);
        }
        let Some((_, slot)) = self.pick(Kind::Limits) else { return Ok(()) };
        let who = self.somebody();
        let path = format!("/api/slots/{}", slot.id);
        let before = self.admin.get(&path)?.expect(200)?;
        let (body, old) = if self.rng.random_bool(0.5) {
            let wanted = if before["state"] == "DISABLED" { "IDLE" } else { "DISABLED" };
            (json!({"state": wanted}), before["state"].clone())
        } else {
            (json!({"new_password": true}), Value::Null)
        };
        let (reply, request) = self.ask(who, "PUT", &path, Some(&body), "slots.admin")?;
        let wanted = if self.people[who].power == Power::Admin { 200 } else { 403 };
        ensure!(reply.status == wanted, "{wanted} expected: {} {}", reply.status, reply.json());
        if wanted == 403 {
            ensure!(self.admin.get(&path)?.expect(200)? == before, "it was refused, and has changed");
        } else if body["state"].is_null() {
            let diff = json!({"password": [null, "changed"]});
            self.must_have(&request, who, "security", "slots.update", "done", "slots", &slot.id, Some(diff));
        } else {
            let diff = json!({"state": [old, body["state"]]});
            self.must_have(&request, who, "change", "slots.admin", "done", "slots", &slot.id, Some(diff));
        }
        Ok(())
    }

    fn token(&mut self) -> Result<()> {
        if self.tokens.len() < 4 || self.rng.random_bool(0.4) {
            let who = self.somebody();
            let name = self.unique("token");
            let (reply, request) = self.ask(who, "POST", "/api/me/tokens", Some(&json!({"name": name})), "tokens.create")?;
            // A token makes no other.
            let wanted = if self.people[who].power == Power::Admin && self.people[who].kind == "user" { 201 } else { 403 };
            ensure!(reply.status == wanted, "{wanted} expected: {} {}", reply.status, reply.json());
            if wanted == 201 {
                let id = text(&reply.json(), "id")?;
                let diff = json!({"name": [null, name], "permissions": [null, null], "expires_at": [null, null]});
                self.must_have(&request, who, "security", "tokens.create", "done", "tokens", &id, Some(diff));
                self.tokens.push((id, name, who));
            }
            return Ok(());
        }
        let at = self.rng.random_range(0..self.tokens.len());
        let (id, name, owner) = self.tokens[at].clone();
        let who = self.somebody();
        let (reply, request) = self.ask(who, "DELETE", &format!("/api/tokens/{id}"), None, "tokens.delete")?;
        let wanted = if self.people[who].power == Power::Admin { 204 } else { 403 };
        ensure!(reply.status == wanted, "{wanted} expected: {} {}", reply.status, reply.json());
        if wanted == 204 {
            let diff = json!({"name": [name, null], "user": [self.people[owner].id.to_string(), null]});
            self.must_have(&request, who, "security", "tokens.delete", "done", "tokens", &id, Some(diff));
            self.tokens.remove(at);
        }
        Ok(())
    }

    /// One's own account: everybody may.
    fn own(&mut self) -> Result<()> {
        let who = self.rng.random_range(0..self.people.len());
        if self.rng.random_bool(0.3) {
            // What the console keeps for itself is not audited.
            let (reply, _) = self.ask(who, "PUT", "/api/me/settings/columns", Some(&json!({"n": self.serial})), "profile.update")?;
            ensure!(reply.status == 204, "{} {}", reply.status, reply.json());
            return Ok(());
        }
        let before = self.people[who].rest.get("/api/me")?.expect(200)?;
        let name = self.unique("myself");
        let is_wrong = self.rng.random_bool(0.3);
        let body = if is_wrong { json!({"display_name": name, "tz": "Mars/Base"}) } else { json!({"display_name": name}) };
        let (reply, request) = self.ask(who, "PUT", "/api/me", Some(&body), "profile.update")?;
        ensure!(reply.status == if is_wrong { 422 } else { 200 }, "{} {}", reply.status, reply.json());
        let after = self.people[who].rest.get("/api/me")?.expect(200)?;
        if is_wrong {
            ensure!(before == after, "it was refused, and has changed");
            return Ok(());
        }
        let diff = json!({"display_name": [before["display_name"], after["display_name"]]});
        let id = self.people[who].id.to_string();
        self.must_have(&request, who, "change", "profile.update", "done", "users", &id, Some(diff));
        Ok(())
    }

    /// Log-in, log-out, and a wrong password now and then.
    fn session(&mut self) -> Result<()> {
        let who = self.rng.random_range(3..self.people.len());
        let name = self.people[who].name.clone();
        let nobody = self.server.anonymous();
        let is_wrong = self.rng.random_bool(0.2);
        let password = if is_wrong { "not the password" } else { super::PASSWORD };
        let body = json!({"username": name, "password": password}).to_string();
        let headers = [("user-agent", format!("story of {name}")), ("content-type", "application/json".to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = nobody.request("POST", "/api/auth/login", &headers, Some(body.as_bytes()))?;
        let request = reply.header("x-request-id").context("no request id")?.to_owned();
        let id = self.people[who].id;
        if is_wrong {
            ensure!(reply.status == 401, "{} {}", reply.status, reply.json());
            self.must_have(
                &request,
                who,
                "security",
                "session.login",
                "refused",
                "users",
                &id.to_string(),
                Some(json!({"refused": [null, "wrong"]})),
            );
            if let Some(entry) = self.requests.get_mut(&request).and_then(|entries| entries.first_mut()) {
                (entry.kind, entry.actor) = ("nobody", None);
            }
            return Ok(());
        }
        let token = text(&reply.expect(200)?, "access_token")?;
        let session = session_of(&token)?;
        self.must_have(&request, who, "security", "session.login", "done", "sessions", &session, Some(json!({})));
        let reply = nobody.with_token(&token).request("POST", "/api/auth/logout", &headers, Some(b"{}"))?;
        ensure!(reply.status == 204, "{} {}", reply.status, reply.json());
        let request = reply.header("x-request-id").context("no request id")?.to_owned();
        self.must_have(&request, who, "security", "session.logout", "done", "sessions", &session, Some(json!({})));
        Ok(())
    }

    fn export(&mut self) -> Result<()> {
        let who = self.somebody();
        if self.exports.len() > 2 {
            let (id, job) = self.exports.remove(0);
            let done = ended(self.admin, &job)?;
            ensure!(done["state"] == "done", "{done}");
            // Whose it is not may not even know of it, but for administrators.
            let (reply, request) = self.ask(0, "GET", &format!("/api/exports/{id}/file"), None, "exports.read")?;
            ensure!(reply.status == 200, "{} {}", reply.status, reply.json());
            self.must_have(&request, 0, "read", "exports.download", "done", "exports", &id, Some(json!({})));
            let (reply, request) = self.ask(0, "DELETE", &format!("/api/exports/{id}"), None, "exports.delete")?;
            ensure!(reply.status == 204, "{} {}", reply.status, reply.json());
            let diff = json!({"resource": ["users", null], "state": ["done", null]});
            self.must_have(&request, 0, "change", "exports.delete", "done", "exports", &id, Some(diff));
            return Ok(());
        }
        let filter = json!({"state": "active"});
        let body = json!({"resource": "users", "filter": filter, "columns": ["id", "username"], "format": "csv"});
        let right = match self.people[who].name.as_str() {
            // They have no exports at all.
            "olga" | "lisa" => "exports.read",
            _ => "users.export",
        };
        let (reply, request) = self.ask(who, "POST", "/api/exports", Some(&body), right)?;
        let wanted = if self.people[who].power == Power::Admin || self.people[who].name == "sven" { 202 } else { 403 };
        ensure!(reply.status == wanted, "{wanted} expected of {}: {} {}", self.people[who].name, reply.status, reply.json());
        if wanted == 202 {
            let begun = reply.json();
            let diff = json!({"resource": [null, "users"], "filter": [null, filter], "columns": [null, ["id", "username"]], "format": [null, "csv"]});
            let id = text(&begun, "id")?;
            self.must_have(&request, who, "read", "users.export", "done", "exports", &id, Some(diff));
            self.exports.push((id, text(&begun, "job_id")?));
        }
        Ok(())
    }

    fn link(&mut self) -> Result<()> {
        let Some((at, thing)) = self.pick(Kind::User) else { return Ok(()) };
        let who = self.somebody();
        let body = json!({"purpose": "invitation", "send": "show"});
        let (reply, request) = self.ask(who, "POST", &format!("/api/users/{}/link", thing.id), Some(&body), "users.update")?;
        let wanted = match self.people[who].power {
            Power::None => 403,
            Power::OfListeners if thing.seen["roles"] != json!(["listener"]) => 404,
            _ if thing.seen["state"] != "invited" => 409,
            _ => 200,
        };
        ensure!(reply.status == wanted, "{wanted} expected: {} {}", reply.status, reply.json());
        self.changed(Kind::User, at, who, (&reply, &request), "update")?;
        if wanted == 200 {
            let diff = json!({"link": [null, "invitation"], "send": [null, "show"]});
            self.must_have(&request, who, "security", "users.link", "done", "users", &thing.id, Some(diff));
        }
        Ok(())
    }

    fn rule(&mut self) -> Result<()> {
        let who = self.somebody();
        let is_admin = self.people[who].power == Power::Admin;
        if self.rules.len() > 3 {
            let (id, rule) = self.rules[0].clone();
            let (reply, request) = self.ask(who, "DELETE", &format!("/api/oidc-role-map/{id}"), None, "oidc_role_map.delete")?;
            ensure!(reply.status == if is_admin { 204 } else { 403 }, "{} {}", reply.status, reply.json());
            if is_admin {
                let diff: Map<String, Value> =
                    rule.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), json!([value, null]))).collect();
                self.must_have(&request, who, "security", "oidc_role_map.delete", "done", "oidc_role_map", &id, Some(Value::Object(diff)));
                self.rules.remove(0);
            }
            return Ok(());
        }
        let rule = json!({"issuer": "https://id.example.org", "claim": "groups", "value": self.unique("group"), "role": "viewer"});
        let (reply, request) = self.ask(who, "POST", "/api/oidc-role-map", Some(&rule), "oidc_role_map.create")?;
        ensure!(reply.status == if is_admin { 201 } else { 403 }, "{} {}", reply.status, reply.json());
        if is_admin {
            let id = text(&reply.json(), "id")?;
            let diff: Map<String, Value> =
                rule.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), json!([null, value]))).collect();
            self.must_have(&request, who, "security", "oidc_role_map.create", "done", "oidc_role_map", &id, Some(Value::Object(diff)));
            self.rules.push((id, rule));
        }
        Ok(())
    }

    /// Who only looks leaves a row only if they may not.
    fn look(&mut self) -> Result<()> {
        let who = self.rng.random_range(0..self.people.len());
        let (path, right) = [
            ("/api/users", "users.read"),
            ("/api/audit?limit=1", "audit_log.read"),
            ("/api/webhooks", "webhooks.read"),
            ("/api/trunks", "trunks.read"),
            ("/api/monitor/system", "monitor.read"),
            ("/api/calls", "calls.read"),
            ("/api/slots", "slots.read"),
            ("/api/schedules", "schedules.read"),
        ][self.rng.random_range(0..8)];
        let mine = self.people[who].rest.get(&format!("/api/point/rolecheck?action={right}"))?.expect(200)?;
        let (reply, _) = self.ask(who, "GET", path, None, right)?;
        let wanted = if mine["allowed"] == true { 200 } else { 403 };
        ensure!(reply.status == wanted, "{wanted} expected of {} for {path}: {} {}", self.people[who].name, reply.status, reply.json());
        Ok(())
    }

    /// Several change different accounts at once: the chain has one end, and each gets its place in it.
    fn all_at_once(&mut self) -> Result<()> {
        let accounts: Vec<Value> = (0..AT_ONCE).map(|at| user(self.admin, &format!("at-once-{at}"), &["viewer"])).collect::<Result<_>>()?;
        let admin = self.admin;
        let done: Vec<Result<Vec<String>>> = std::thread::scope(|scope| {
            let each = |account: &Value| -> Result<Vec<String>> {
                let path = format!("/api/users/{}", text(account, "id")?);
                (0..EACH)
                    .map(|at| {
                        let reply = admin.put(&path, &json!({"version": at + 1, "display_name": format!("name {at}")}))?;
                        reply.expect(200)?;
                        reply.header("x-request-id").map(str::to_owned).context("no request id")
                    })
                    .collect()
            };
            let threads: Vec<_> = accounts.iter().map(|account| scope.spawn(move || each(account))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread has failed"))).collect()
        });
        for (account, requests) in accounts.iter().zip(done) {
            let mut name = account["display_name"].clone();
            for (at, request) in requests?.into_iter().enumerate() {
                let new = json!(format!("name {at}"));
                let diff = json!({"display_name": [name, new]});
                self.requests.insert(request.clone(), Vec::new());
                self.must_have(&request, 0, "change", "users.update", "done", "users", &text(account, "id")?, Some(diff));
                if let Some(entry) = self.requests.get_mut(&request).and_then(|entries| entries.first_mut()) {
                    // These requests say of themselves what the client says by itself.
                    entry.name = "admin".to_owned();
                }
                name = new;
            }
        }
        Ok(())
    }

    /// The log, row by row, against the book.
    fn hold_against(&mut self, sql: &Sql, first: i64) -> Result<()> {
        let wanted: usize = self.requests.values().map(Vec::len).sum();
        let known = format!("SELECT count(*) FROM audit_log WHERE seq >= {first} AND request_id <> '' AND action <> 'users.create'");
        let creates = self.requests.values().flatten().filter(|entry| entry.action == "users.create").count();
        let in_time =
            wait::until("all rows in the log", WRITTEN, || Ok((sql.number(&known)? >= i64::try_from(wanted - creates)?).then_some(())));
        let rows = sql.rows(&format!("SELECT * FROM audit_log WHERE seq >= {first} ORDER BY seq"))?;
        let mut found: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for row in &rows {
            found.entry(text(row, "request_id")?).or_default().push(row);
        }
        for row in found.remove("").into_iter().flatten() {
            ensure!(row["actor_kind"] == "system", "a row of nobody's request: {row}");
        }
        for (request, entries) in &self.requests {
            let rows = found.remove(request).unwrap_or_default();
            ensure!(rows.len() == entries.len(), "{} rows for {entries:#?}:\n{rows:#?}", rows.len());
            for (row, entry) in rows.iter().zip(entries) {
                let mut seen = Entry {
                    category: entry.category,
                    kind: entry.kind,
                    actor: row["actor_id"].as_i64(),
                    name: text(row, "actor_name")?,
                    action: text(row, "action")?,
                    outcome: entry.outcome,
                    resource: text(row, "resource")?,
                    id: text(row, "resource_id")?,
                    diff: Some(serde_json::from_str(row["diff"].as_str().context("a diff")?)?),
                };
                if entry.diff.is_none() {
                    seen.diff = None;
                }
                ensure!(seen == *entry, "the log has {seen:#?}\nthe book has {entry:#?}");
                ensure!(
                    row["category"] == entry.category && row["actor_kind"] == entry.kind && row["outcome"] == entry.outcome,
                    "{row}\n{entry:#?}"
                );
                ensure!(row["source"] == "127.0.0.1", "{row}");
            }
        }
        // What is left are the accounts that were made for what is done at once.
        ensure!(
            found.values().all(|rows| rows.iter().all(|row| row["action"] == "users.create")),
            "rows of requests that nobody made: {found:#?}"
        );
        ensure!(found.len() == AT_ONCE, "{found:#?}");
        in_time?;

        // The API tells the same.
        let told = self.admin.list("/api/audit?limit=200&sort=seq")?;
        let own: Vec<&Value> =
            told.iter().filter(|row| row["seq"].as_str().and_then(|seq| seq.parse::<i64>().ok()) >= Some(first)).collect();
        let of_center: Vec<&Value> = rows.iter().filter(|row| row["center_id"] == 1).collect();
        ensure!(own.len() == of_center.len(), "{} rows by the API, {} in the database", own.len(), of_center.len());
        for (row, told) in of_center.iter().zip(own) {
            let diff: Value = serde_json::from_str(row["diff"].as_str().context("a diff")?)?;
            for same in [
                "at",
                "category",
                "actor_kind",
                "actor_name",
                "action",
                "outcome",
                "resource",
                "resource_id",
                "source",
                "user_agent",
                "request_id",
                "hash",
            ] {
                ensure!(told[same] == row[same], "{same}: {told}\n{row}");
            }
            // Of what is no resource with columns (a session, a token), or of another one, the diff is withheld.
            ensure!(told["diff"] == diff || told["diff"].is_null(), "{told}\n{row}");
        }
        Ok(())
    }
}

fn most(kind: Kind) -> usize {
    match kind {
        Kind::User => 40,
        Kind::Center => 3,
        _ => 12,
    }
}

fn thing_slots(trunk: &Value) -> Vec<String> {
    trunk["slots"].as_array().into_iter().flatten().filter_map(|slot| slot["id"].as_str().map(str::to_owned)).collect()
}

/// The session in an access token, which anybody who has the token can read.
fn session_of(token: &str) -> Result<String> {
    let middle = token.split('.').nth(1).context("a token has three parts")?;
    let claims: Value = serde_json::from_slice(&super::unbase64(middle)?)?;
    Ok(claims["sid"].to_string())
}
