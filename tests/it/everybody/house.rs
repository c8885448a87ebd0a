//! Two centres with people of each role and rows of each kind, each with a text that stands nowhere else.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Rest, Server};

use super::model::Person;
use crate::office::{PASSWORD, Sql, text};

/// When the first call began.
const BEGAN: i64 = 1_700_000_000_000;

/// What a path's parameter is the id of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Lead,
    Client,
    Note,
    Plan,
    Scorecard,
    Tag,
    Group,
    Scenario,
    User,
    Webhook,
    /// No rows of these stories.
    NoRows,
}

impl Kind {
    /// An id of this kind that nothing ever had.
    pub(super) fn never(self) -> String {
        if self == Self::Call { "c_0000000zzzzz9" } else { "999999999" }.to_owned()
    }
}

/// A row that somebody may see and somebody may not.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// A text that stands nowhere else.
    pub(super) canary: String,
    pub(super) is_at_home: bool,
    /// Whose it is, by name.
    pub(super) owners: BTreeSet<&'static str>,
    /// It is nobody's, and a right to what is one's own reaches it for all that.
    pub(super) is_everybodys: bool,
    /// What lists name it by.
    pub(super) lists: Vec<(&'static str, String)>,
    /// The right to see such rows.
    pub(super) read: &'static str,
    /// The right to see what it is on, which it takes besides.
    pub(super) besides: Option<&'static str>,
    /// All rights that show the canary.
    pub(super) shown_by: &'static [&'static str],
}

/// The people and what there is.
#[derive(Debug)]
pub(super) struct House {
    pub(super) people: Vec<Person>,
    pub(super) rows: Vec<Row>,
    pub(super) nobody: Rest,
    /// A number that can be dialled.
    pub(super) number: String,
}

/// The roles that come with the program; the person of a role has its name.
const ROLES: &[&str] = &[
    "admin",
    "client_admin",
    "supervisor",
    "operator",
    "seller",
    "listener",
    "HelpDeskUser",
    "HelpDeskManager",
    "SL3User",
    "SL3Manager",
    "number_manager",
    "viewer",
    "analyst",
];

/// Their colleagues, of whose rows they are to see none.
const COLLEAGUES: &[(&str, &str)] = &[("operator2", "operator"), ("seller2", "seller"), ("listener2", "listener")];

/// Which scenario and which group of tags each listener is given.
fn given(name: &str) -> Option<(&'static str, usize)> {
    match name {
        "listener" => Some(("sales", 0)),
        "listener2" => Some(("support", 1)),
        _ => None,
    }
}

/// What is made over REST in one centre.
struct Maker<'a> {
    admin: &'a Rest,
    center: String,
    is_at_home: bool,
}

impl Maker<'_> {
    fn make(&self, path: &str, body: &Value) -> Result<Value> {
        let headers = [("content-type", "application/json"), ("x-center", self.center.as_str())];
        self.admin.request("POST", path, &headers, Some(body.to_string().as_bytes()))?.expect(201).with_context(|| format!("{path} {body}"))
    }

    fn row(&self, kind: Kind, made: &Value, canary: &str, read: &'static str) -> Result<Row> {
        Ok(Row {
            kind,
            id: text(made, "id")?,
            canary: canary.to_owned(),
            is_at_home: self.is_at_home,
            owners: BTreeSet::new(),
            is_everybodys: false,
            lists: Vec::new(),
            read,
            besides: None,
            shown_by: &[],
        })
    }

    /// A client of somebody's, by a name and a number.
    fn client(&self, whose: &str, number: &str, owner: Option<(&'static str, &str)>) -> Result<[Row; 2]> {
        let name = format!("canary client {whose}");
        let owner_id = owner.map(|(_, id)| id);
        let body = json!({"last_name": name, "phones": [{"number": format!("+{number}")}], "owner_user_id": owner_id});
        let made = self.make("/api/clients", &body)?;
        let row = |canary: &str| -> Result<Row> {
            let row = self.row(Kind::Client, &made, canary, "clients.read")?;
            Ok(Row { owners: owner.iter().map(|(name, _)| *name).collect(), shown_by: &["clients.read"], ..row })
        };
        Ok([row(&name)?, row(number)?])
    }

    /// A note on a lead: it is seen by whom the lead is seen by, as far as they see notes.
    fn note(&self, lead: &Row, whose: &str) -> Result<Row> {
        let canary = format!("canary note on {whose}");
        let made = self.make("/api/crm/note", &json!({"lead_id": lead.id, "text": canary}))?;
        let row = self.row(Kind::Note, &made, &canary, "notes.read")?;
        Ok(Row { owners: lead.owners.clone(), shown_by: &["notes.read"], besides: Some("leads.read"), ..row })
    }

    /// What is to be listened to, and by which card it is judged.
    fn listening(&self) -> Result<[Row; 2]> {
        let (card, plan) = (format!("canary card {}", self.center), format!("canary plan {}", self.center));
        let body = json!({"name": card, "items": [{"name": "greeting", "kind": "yes_no", "weight": 1}]});
        let made = self.make("/api/scorecards", &body)?;
        let card = self.row(Kind::Scorecard, &made, &card, "scorecards.read")?;
        let made = self.make("/api/listening/plans", &json!({"name": plan}))?;
        let plan = self.row(Kind::Plan, &made, &plan, "listening.read")?;
        Ok([
            Row { is_everybodys: true, shown_by: &["scorecards.read"], ..card },
            Row { shown_by: &["listening.read", "listening.manage"], ..plan },
        ])
    }

    /// A group of tags with a tag.
    fn tags(&self, name: &str) -> Result<[Row; 2]> {
        let group = self.make("/api/tag-groups", &json!({"name": format!("canary group {name}")}))?;
        let tag = self.make("/api/tags", &json!({"group_id": group["id"], "name": format!("canary tag {name}")}))?;
        let lists = vec![("tag_group", text(&group, "id")?)];
        let shown_by = &["tags.read"];
        let group = self.row(Kind::Group, &group, &format!("canary group {name}"), "tags.read")?;
        let tag = self.row(Kind::Tag, &tag, &format!("canary tag {name}"), "tags.read")?;
        Ok([group, tag].map(|row| Row { is_everybodys: true, lists: lists.clone(), shown_by, ..row }))
    }

    fn scenario(&self, code: &str) -> Result<Row> {
        let canary = format!("canary scenario {code} {}", self.center);
        let made = self.make("/api/scenarios", &json!({"code": code, "name": canary}))?;
        let row = self.row(Kind::Scenario, &made, &canary, "scenarios.read")?;
        Ok(Row { lists: vec![("scenario", code.to_owned())], shown_by: &["scenarios.read"], ..row })
    }

    fn webhook(&self) -> Result<Row> {
        let canary = format!("canary-hook-{}.example.com", self.center);
        let body = json!({"name": "hook", "url": format!("https://{canary}/"), "events": ["call.update"], "enabled": false});
        let row = self.row(Kind::Webhook, &self.make("/api/webhooks", &body)?, &canary, "webhooks.read")?;
        Ok(Row { shown_by: &["webhooks.read"], ..row })
    }

    /// A lead of somebody's: a name and a number, by both of which it may be known.
    fn lead(&self, whose: &str, number: &str, mut body: Value, owners: &[&'static str]) -> Result<[Row; 2]> {
        let name = format!("canary lead {whose}");
        body["client_name"] = json!(name);
        body["phone"] = json!(format!("+{number}"));
        let made = self.make("/api/crm/leads", &body)?;
        let row = |canary: &str| -> Result<Row> {
            let row = self.row(Kind::Lead, &made, canary, "leads.read")?;
            Ok(Row { owners: owners.iter().copied().collect(), shown_by: &["leads.read"], ..row })
        };
        Ok([row(&name)?, row(number)?])
    }
}

impl House {
    pub(super) fn build(server: &Server, admin: &Rest, sql: &Sql) -> Result<Self> {
        let abroad = text(&admin.post("/api/centers", &json!({"code": "abroad", "name": "Abroad"}))?.expect(201)?, "id")?;
        let home = Maker { admin, center: "1".to_owned(), is_at_home: true };
        let away = Maker { admin, center: abroad, is_at_home: false };
        let mut rows = Vec::new();
        for maker in [&home, &away] {
            rows.push(maker.webhook()?);
            rows.push(maker.scenario("sales")?);
        }
        rows.push(home.scenario("support")?);
        let groups = [home.tags("one")?, home.tags("two")?, away.tags("abroad")?];
        let ids: Vec<String> = groups.iter().map(|[group, _]| group.id.clone()).collect();
        rows.extend(groups.into_iter().flatten());

        let mut people = Vec::new();
        let everybody = ROLES.iter().map(|role| (*role, *role)).chain(COLLEAGUES.iter().copied()).chain([("stranger", "supervisor")]);
        for (name, role) in everybody {
            let maker = if name == "stranger" { &away } else { &home };
            let canary = format!("canary-{name}@example.com");
            let mut body = json!({"username": format!("{name}_"), "password": PASSWORD, "roles": [role], "email": canary});
            let mut lists = BTreeSet::new();
            if let Some((scenario, group)) = given(name) {
                let group = ids[group].clone();
                body["lists"] = json!([
                    {"resource": "calls", "kind": "scenario", "ids": [scenario]},
                    {"resource": "tags", "kind": "tag_group", "ids": [group]},
                ]);
                lists.extend([("scenario", scenario.to_owned()), ("tag_group", group)]);
            }
            if role == "client_admin" {
                lists.insert(("role", "listener".to_owned()));
            }
            let made = maker.make("/api/users", &body)?;
            let row = maker.row(Kind::User, &made, &canary, "users.read")?;
            let (owners, lists_of_row) = ([name].into(), vec![("role", role.to_owned())]);
            rows.push(Row { owners, lists: lists_of_row, shown_by: &["users.read", "profile.read"], ..row });
            let rest = server.anonymous().login(&format!("{name}_"), PASSWORD)?;
            people.push(Person::of((name, role), rest, maker.is_at_home, lists)?);
        }
        // A program that came with a token for a part of an administrator's rights.
        let body = json!({"name": "program", "permissions": ["calls.read", "profile.read"]});
        let token = text(&people[0].rest.post("/api/me/tokens", &body)?.expect(201)?, "token")?;
        people.push(Person::of(("program", "admin"), server.anonymous().with_token(&token), true, BTreeSet::new())?);

        let id_of = |name: &str| -> Result<String> {
            let is_theirs = |row: &&Row| row.kind == Kind::User && row.owners.contains(name);
            Ok(rows.iter().find(is_theirs).with_context(|| format!("no {name}"))?.id.clone())
        };
        let (first, second) = ((id_of("seller")?, id_of("operator")?), (id_of("seller2")?, id_of("operator2")?));
        let mut leads = Vec::new();
        leads.extend(home.lead(
            "one",
            "79991000001",
            json!({"assigned_seller": first.0, "assigned_operator": first.1}),
            &["seller", "operator"],
        )?);
        leads.extend(home.lead(
            "second",
            "79991000002",
            json!({"assigned_seller": second.0, "assigned_operator": second.1}),
            &["seller2", "operator2"],
        )?);
        leads.extend(home.lead("nobody's", "79991000003", json!({}), &[])?);
        leads.extend(away.lead("from abroad", "79991000004", json!({}), &[])?);

        for maker in [&home, &away] {
            leads.extend(maker.listening()?);
        }
        leads.extend(home.client("of one", "79992000001", Some(("seller", &first.0)))?);
        leads.extend(home.client("of another", "79992000002", Some(("seller2", &second.0)))?);
        leads.extend(home.client("of nobody", "79992000003", None)?);
        leads.extend(away.client("abroad", "79992000004", None)?);
        let notes: Vec<(&Maker, &str, &str)> = vec![
            (&home, "canary lead one", "one"),
            (&home, "canary lead second", "second"),
            (&home, "canary lead nobody's", "nobody's"),
            (&away, "canary lead from abroad", "a foreign one"),
        ];
        for (maker, lead, whose) in notes {
            let lead = leads.iter().find(|row| row.canary == lead).context("no such lead")?;
            let note = maker.note(lead, whose)?;
            leads.push(note);
        }

        let mut calls = Calls { server, admin, sql, rows: Vec::new(), away: away.center.clone() };
        for (owner, scenario) in
            [("operator", "sales"), ("operator2", "support"), ("seller", "support"), ("seller2", "sales"), ("HelpDeskUser", "")]
        {
            calls.add(Some((owner, id_of(owner)?)), scenario, true)?;
        }
        calls.add(None, "sales", true)?;
        calls.add(None, "support", true)?;
        calls.add(None, "sales", false)?;
        let calls = calls.with_ids()?;
        let tags: Vec<String> = rows.iter().filter(|row| row.kind == Kind::Tag && row.is_at_home).map(|row| row.id.clone()).collect();
        for call in calls.iter().filter(|call| call.is_at_home) {
            for tag in &tags {
                admin.put(&format!("/api/calls/{}/tags/{tag}", call.id), &json!({}))?.expect(200)?;
            }
        }
        rows.extend(leads);
        rows.extend(calls);
        let number = admin.hub("desk", "auto", 2)?[0].number.clone();
        Ok(Self { people, rows, nobody: server.anonymous(), number })
    }
}

/// Calls that were, past the program: with records, and with recordings that hold the caller's number where sound would be.
struct Calls<'a> {
    server: &'a Server,
    admin: &'a Rest,
    sql: &'a Sql,
    /// Without ids yet.
    rows: Vec<Row>,
    away: String,
}

impl Calls<'_> {
    fn add(&mut self, whose: Option<(&'static str, String)>, scenario: &str, is_at_home: bool) -> Result<()> {
        let nth = i64::try_from(self.rows.len())?;
        let started = BEGAN + nth * 60_000;
        let key = started * 4_194_304 + nth;
        let number = format!("79990{nth:06}");
        let center = if is_at_home { "1" } else { self.away.as_str() };
        let user = whose.as_ref().map_or("NULL", |(_, id)| id);
        let said = if scenario.is_empty() { "NULL".to_owned() } else { format!("'{scenario}'") };
        let (answered, ended) = (started + 1_000, started + 9_000);
        let columns =
            "call_id, center_id, direction, caller, callee, user_id, started_at, answered_at, ended_at, outcome, cause, segments, scenario";
        let values = format!(
            "{key}, {center}, 'inbound', '+{number}', '6001', {user}, {started}, {answered}, {ended}, 'answered', 'caller_hung_up', '[]', {said}"
        );
        self.sql.run(format!("INSERT INTO calls ({columns}, status, last_seen_at) VALUES ({values}, 'ended', 0)"))?;
        self.sql.run(format!("INSERT INTO cdrs ({columns}, ring_ms, talk_ms, sip_status) VALUES ({values}, 1000, 8000, 200)"))?;
        self.sql.run(format!(
            "INSERT INTO recordings (call_id, center_id, state, left_role, left_number, right_role, right_number, started_at, duration_ms, size)
             VALUES ({key}, {center}, 'complete', 'callee', '6001', 'caller', '+{number}', {started}, 8000, 256044)"
        ))?;
        let mut owners = BTreeSet::new();
        if let Some((name, id)) = whose {
            self.sql.run(format!("INSERT INTO call_users (user_id, call_id) VALUES ({id}, {key})"))?;
            owners.insert(name);
        }
        let lists = if scenario.is_empty() { vec![] } else { vec![("scenario", scenario.to_owned())] };
        let shown_by = &["calls.read", "recordings.read", "recordings.listen"];
        let row = Row {
            kind: Kind::Call,
            id: String::new(),
            canary: number,
            is_at_home,
            owners,
            is_everybodys: false,
            lists,
            read: "calls.read",
            besides: None,
            shown_by,
        };
        self.rows.push(row);
        Ok(())
    }

    /// Asks what the calls are called, and puts their sound where the program looks for it.
    fn with_ids(mut self) -> Result<Vec<Row>> {
        let mut told = self.admin.list("/api/calls")?;
        let headers = [("x-center", self.away.as_str())];
        let away = self.admin.request("GET", "/api/calls", &headers, None)?.expect(200)?;
        told.extend(away["items"].as_array().context("no calls abroad")?.iter().cloned());
        for row in &mut self.rows {
            let caller = format!("+{}", row.canary);
            let call = told.iter().find(|call| call["caller"] == caller.as_str()).with_context(|| format!("no call of {caller}"))?;
            row.id = text(call, "call_id")?;
            let file = format!("2023/11/14/{}.wav", row.id);
            let path = self.server.data().join("recordings").join(&file);
            fs::create_dir_all(path.parent().context("no directory")?)?;
            fs::write(path, wave(&row.canary))?;
            self.sql.run(format!(
                "UPDATE recordings SET file = '{file}' WHERE call_id = (SELECT call_id FROM calls WHERE caller = '{caller}')"
            ))?;
        }
        Ok(self.rows)
    }
}

/// Eight seconds of 16-bit stereo at 8 kHz, silent but for a text at its beginning.
fn wave(said: &str) -> Vec<u8> {
    let mut sound = said.as_bytes().to_vec();
    sound.resize(256_000, 0);
    let mut file = Vec::with_capacity(44 + sound.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&256_036_u32.to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    for (number, octets) in [(16_u32, 4), (1, 2), (2, 2), (8_000, 4), (32_000, 4), (4, 2), (16, 2)] {
        file.extend_from_slice(&number.to_le_bytes()[..octets]);
    }
    file.extend_from_slice(b"data");
    file.extend_from_slice(&256_000_u32.to_le_bytes());
    file.extend_from_slice(&sound);
    file
}
