//! Everybody at everything: people of each role, a program's token and nobody at every route of the API's document, by ids of their own rows,
//! of others' rows, of another centre's and of none (S004-52…57). What a person may see is judged by a naive model of rights that knows
//! nothing of how the program decides: rows carry texts that stand nowhere else, and no answer may hold one of a row out of reach.

mod answers;
mod house;
mod model;
mod operations;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use anyhow::{Context, Result, ensure};
use expect_test::expect_file;
use serde_json::{Value, json};
use tests::{rest::Reply, server::Settings};

use crate::office::{Engine, ended, on, on_both, text};
use answers::{alike, read_out};
use house::{House, Kind, Row};
use model::{Person, Sight};
use operations::{Operation, body, document, kinds};

on_both! {
    /// What each role is let into, whose rows it comes to, and that it sees no others.
    each_role_at_every_route = each_role;
}

/// What no person of these stories is to be able to change by being refused: tables that say that something was asked, and sessions.
const WRITTEN_BY_ASKING: &[&str] =
    &["audit_log", "audit_head", "security_audit", "sessions", "user_settings", "idempotency_keys", "events_log", "jobs", "ids", "outbox"];

fn each_role(engine: Engine) -> Result<()> {
    on(engine, Settings::default(), |server, admin, sql| {
        let house = House::build(server, admin, sql)?;
        let operations = document(admin)?;
        doors(&house, &operations)?;
        let before = sql.everything_but(WRITTEN_BY_ASKING)?;
        let knocks = closed_rows(&house, &operations)?;
        let after = sql.everything_but(WRITTEN_BY_ASKING)?;
        for (table, rows) in &before {
            ensure!(after.get(table) == Some(rows), "a refused request has changed {table}: {rows} became {:?}", after.get(table));
        }
        let mut seen = readings(&house, &operations)?;
        exports(&house, &mut seen)?;
        for row in house.rows.iter().filter(|row| row.is_at_home) {
            for person in house.people.iter().filter(|person| person.role != "admin" && row.owners.contains(person.whose)) {
                let is_seen = seen.contains(&(person.name, row.canary.clone()));
                ensure!(is_seen == person.reads(row), "{} and {row:?}: seen {is_seen}", person.name);
            }
        }
        // A story in which nobody is refused anything, or sees nothing, says nothing.
        ensure!(knocks > 500 && seen.len() > 100, "{knocks} refusals, {} sights", seen.len());
        Ok(())
    })
}

/// Each route is shut for who lacks its right, and open for who has it.
fn doors(house: &House, operations: &[Operation]) -> Result<()> {
    let mut table = String::new();
    for operation in operations {
        let path = operation.with_ids(&nevers(&kinds(operation)?));
        let nobody = operation.send(&house.nobody, &path, &json!({"nothing": 1}))?;
        ensure!(operation.is_open || nobody.status == 401 || operation.path == "/metrics", "{operation}: nobody got {}", nobody.status);
        write!(table, "{:6} {:44}", operation.method, operation.path)?;
        // Whoever is logged out is not asked any more.
        if operation.path == "/api/auth/logout" || operation.path == "/metrics" {
            writeln!(table, " -")?;
            continue;
        }
        let mut statuses: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for person in &house.people {
            let reply = operation.send(&person.rest, &path, &json!({"nothing": 1}))?;
            if let Some(right) = &operation.right {
                let is_shut = reply.status == 403;
                ensure!(is_shut != person.may(right), "{operation}: {} got {} {}", person.name, reply.status, reply.json());
            }
            ensure!(reply.status < 500 || reply.status == 503, "{operation}: {} got {} {}", person.name, reply.status, reply.json());
            if person.is_of_a_role {
                statuses.entry(reply.status).or_default().push(person.role);
            }
        }
        // Whoever is not named is of the greatest party.
        let most = statuses.values().map(Vec::len).max();
        for (status, roles) in &statuses {
            let roles = if Some(roles.len()) == most { "*".to_owned() } else { roles.join(",") };
            write!(table, " {status}:{roles}")?;
        }
        table.push('\n');
    }
    expect_file!["statuses.txt"].assert_eq(&table);
    Ok(())
}

/// Rows that somebody does not reach are, by every route that names one, rows that never were. How often it was tried.
fn closed_rows(house: &House, operations: &[Operation]) -> Result<usize> {
    let mut knocks = 0;
    for operation in operations {
        let kinds = kinds(operation)?;
        if kinds.iter().all(|kind| *kind == Kind::NoRows) {
            continue;
        }
        let right = operation.right.as_deref().with_context(|| format!("{operation} names rows and no right"))?;
        for person in house.people.iter().filter(|person| person.may(right)) {
            for place in 0..kinds.len() {
                // All others are rows that they reach, if there are such.
                let others: Option<Vec<String>> = kinds
                    .iter()
                    .enumerate()
                    .map(|(at, kind)| match *kind {
                        kind if at == place || kind == Kind::NoRows => Some(kind.never()),
                        kind => house.rows.iter().find(|row| row.kind == kind && person.reaches(row, right)).map(|row| row.id.clone()),
                    })
                    .collect();
                let (Some(mut ids), true) = (others, kinds[place] != Kind::NoRows) else { continue };
                let never = operation.send(&person.rest, &operation.with_ids(&ids), &body(operation, house))?;
                for row in house.rows.iter().filter(|row| row.kind == kinds[place] && !person.reaches(row, right)) {
                    ids[place].clone_from(&row.id);
                    let reply = operation.send(&person.rest, &operation.with_ids(&ids), &body(operation, house))?;
                    no_canary(house, person, &operation.to_string(), &reply)?;
                    ensure!(!(200..300).contains(&reply.status), "{operation}: {} came to {row:?}: {}", person.name, read_out(&reply));
                    ensure!(
                        alike((&reply, &row.id), (&never, &row.kind.never())),
                        "{operation}: {} is told of {row:?}: {} and of none {}",
                        person.name,
                        read_out(&reply),
                        read_out(&never)
                    );
                    knocks += 1;
                }
            }
        }
    }
    Ok(knocks)
}

/// Everybody reads all that can be read. Who has seen what.
fn readings(house: &House, operations: &[Operation]) -> Result<BTreeSet<Sight>> {
    let mut seen = BTreeSet::new();
    for operation in operations.iter().filter(|operation| operation.method == "GET" && !operation.is_open) {
        let kinds = kinds(operation)?;
        for person in &house.people {
            let mut look = |path: &str| -> Result<Reply> {
                let reply = operation.send(&person.rest, path, &Value::Null)?;
                seen.extend(no_canary(house, person, path, &reply)?);
                Ok(reply)
            };
            if kinds.is_empty() {
                let reply = look(&operation.path)?;
                if operation.is_list && reply.status == 200 {
                    look(&format!("{}?limit=200&count=exact", operation.path))?;
                    look(&format!("{}?q=canary", operation.path))?;
                    look(&format!("{}?q=79990", operation.path))?;
                }
            } else if kinds.iter().all(|kind| *kind != Kind::NoRows) {
                for row in house.rows.iter().filter(|row| row.kind == kinds[0]) {
                    let mut ids = nevers(&kinds);
                    ids[0].clone_from(&row.id);
                    look(&operation.with_ids(&ids))?;
                }
            } else {
                for id in ["1", "2", "theme"] {
                    look(&operation.with_ids(&vec![id.to_owned(); kinds.len()]))?;
                }
            }
        }
    }
    Ok(seen)
}

/// Whoever may export exports each list; nobody else comes to the file.
fn exports(house: &House, seen: &mut BTreeSet<Sight>) -> Result<()> {
    let mut files: Vec<(&str, String)> = Vec::new();
    for person in house.people.iter().filter(|person| person.may("exports.read")) {
        for (resource, right) in person.exported() {
            let order = json!({"resource": resource, "format": "csv"});
            let made = person.rest.post("/api/exports", &order)?;
            ensure!(made.status == 202, "{} exports {resource} by {right}: {}", person.name, read_out(&made));
            let made = made.json();
            let job = ended(&person.rest, &text(&made, "job_id")?)?;
            ensure!(job["state"] == "done", "{} exports {resource}: {job}", person.name);
            let path = format!("/api/exports/{}/file", text(&made, "id")?);
            let file = person.rest.get(&path)?;
            ensure!(file.status == 200, "{} fetches {resource}: {}", person.name, read_out(&file));
            seen.extend(no_canary(house, person, &format!("the file of {resource}"), &file)?);
            files.push((person.name, path));
        }
    }
    for (owner, path) in &files {
        for person in house.people.iter().filter(|person| person.name != *owner && !person.reaches_all("exports.read")) {
            let reply = person.rest.get(path)?;
            ensure!(reply.status == 404 || reply.status == 403, "{} fetched a file of {owner}: {}", person.name, read_out(&reply));
        }
    }
    ensure!(files.len() > 5, "{} files were made", files.len());
    Ok(())
}

/// Ids that nothing ever had.
fn nevers(kinds: &[Kind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.never()).collect()
}

/// The texts of rows that an answer holds; an error, if one is of a row that the person does not reach.
fn no_canary(house: &House, person: &Person, what: &str, reply: &Reply) -> Result<Vec<Sight>> {
    let told = read_out(reply);
    let held: Vec<&Row> = house.rows.iter().filter(|row| told.contains(&row.canary)).collect();
    for row in &held {
        ensure!(person.reads(row), "{what}: {} ({}) sees {row:?} in {told}", person.name, person.role);
    }
    Ok(held.into_iter().map(|row| (person.name, row.canary.clone())).collect())
}
