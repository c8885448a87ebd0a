//! The roles that come with the program, against the matrix of requirements §1.4.

use std::{collections::BTreeSet, fmt::Write as _};

use expect_test::expect_file;
use model::Reach;
use store::binds;

use super::{
    super::{
        catalogue::{Catalogue, own, resource_of},
        seed::{ADMIN, SEEDS, everything, seed_of},
        text,
    },
    House, NOW, both, on_both, thing,
};
use crate::{Office, Settings, rights::can};

/// A table of what each role is granted, a permission a line.
fn table(rows: &BTreeSet<String>, columns: &[(&str, BTreeSet<(String, Reach)>)]) -> String {
    let cell = |row: &String, items: &BTreeSet<(String, Reach)>| {
        let reaches: Vec<String> = items.iter().filter(|(name, _)| name == row).map(|(_, reach)| reach.to_string()).collect();
        if reaches.is_empty() { "–".to_owned() } else { reaches.join(" ") }
    };
    let mut text = String::new();
    let width = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
    let heads: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .map(|(name, items)| rows.iter().map(|row| cell(row, items).chars().count()).max().unwrap_or(0).max(name.chars().count()))
        .collect();
    let line = |first: &str, cells: &[String]| {
        let mut line = format!("{first:width$}");
        for (cell, width) in cells.iter().zip(&widths) {
            write!(line, "  {cell:width$}").unwrap();
        }
        line.trim_end().to_owned() + "\n"
    };
    text += &line("", &heads);
    for row in rows {
        text += &line(row, &columns.iter().map(|(_, items)| cell(row, items)).collect::<Vec<_>>());
    }
    text
}

#[tokio::test]
async fn every_role_has_what_the_matrix_grants() {
    on_both(async |house| {
        let rows = house.office.catalogue().permissions().map(|known| known.action.0.to_owned()).collect();
        let mut columns = Vec::new();
        for seed in SEEDS {
            let user = house.user(&seed.code.to_lowercase(), &[seed.code]).await;
            let (codes, access) = house.office.access_of(user).await.unwrap();
            assert_eq!(codes, [seed.code]);
            let items = access.grants().flat_map(|(name, grants)| grants.iter().map(|grant| (name.to_owned(), grant.reach)));
            columns.push((seed.code, items.collect()));
        }
        expect_file!["matrix.txt"].assert_eq(&table(&rows, &columns));
    })
    .await;
}

#[test]
fn what_modules_will_bring_is_granted_as_the_matrix_says() {
    let catalogue = Catalogue::new(&[own(&[], &[])]).unwrap();
    let is_known = |name: &str| catalogue.permissions().any(|known| known.action.resource() == resource_of(name));
    let mut rows = BTreeSet::new();
    let mut columns = Vec::new();
    for seed in SEEDS.iter().filter(|seed| seed.code != ADMIN) {
        let items: BTreeSet<_> = seed.all_items().into_iter().filter(|(name, _)| !is_known(name)).collect();
        rows.extend(items.iter().map(|(name, _)| name.clone()));
        columns.push((seed.code, items));
    }
    expect_file!["matrix_later.txt"].assert_eq(&table(&rows, &columns));
}

#[test]
fn every_line_of_the_seeds_can_be_read_and_used() {
    let catalogue = Catalogue::new(&[own(&[], &[])]).unwrap();
    for seed in SEEDS {
        let mut faults = Vec::new();
        text::code("code", seed.code, &mut faults);
        assert!(faults.is_empty(), "{}", seed.code);
        let (mut words, mut seen) = (0, BTreeSet::new());
        for (resource, line) in seed.lines() {
            assert!(seen.insert(resource), "{}: {resource} stands twice", seed.code);
            words += line.split(' ').count();
        }
        let items = seed.all_items();
        assert_eq!(items.len(), words, "{}: a reach cannot be read", seed.code);
        for (name, reach) in items {
            let resource = resource_of(&name);
            if !catalogue.permissions().any(|known| known.action.resource() == resource) {
                continue;
            }
            let known = catalogue.permission(&name).unwrap_or_else(|| panic!("{}: {name} is misspelt", seed.code));
            assert!(known.reaches.allow(reach), "{}: {name}@{reach}", seed.code);
        }
    }
}

#[test]
fn a_client_administrator_has_whatever_listeners_have() {
    let has = |name: &str, reach: Reach| {
        let own = seed_of("client_admin").unwrap().all_items();
        own.iter().any(|(known, own)| known == name && own.scope >= reach.scope && !own.listed)
    };
    for (name, reach) in seed_of("listener").unwrap().all_items() {
        assert!(has(&name, reach), "{name}@{reach}");
    }
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    on_both(async |house| {
        let before = (house.count("audit_log").await, house.count("roles").await, house.count("permission_set_items").await);
        assert_eq!(before.0, 1, "one entry says what was put there");
        let again = crate::testing::office(house.base.open().await).await;
        let roles: Vec<(i64, String, String)> =
            again.store().db().all(both("SELECT id, code, name FROM roles WHERE center_id = 1 ORDER BY id LIMIT 3"), &[]).await.unwrap();
        // The first two are those that there were before there were others.
        let roles: Vec<_> = roles.iter().map(|(id, code, name)| (*id, code.as_str(), name.as_str())).collect();
        assert_eq!(roles, [(1, "admin", "Administrator"), (2, "operator", "Operator"), (3, "client_admin", "Client administrator")]);
        let after = (house.count("audit_log").await, house.count("roles").await, house.count("permission_set_items").await);
        assert_eq!(before, after);
    })
    .await;
}

/// What the set of a role grants of leads.
async fn leads_of(house: &House, code: &str) -> Vec<String> {
    let items =
        "SELECT permission, reach FROM permission_set_items WHERE set_id = $1 AND permission LIKE 'leads.%' ORDER BY permission, reach";
    let items: Vec<(String, String)> = house.store().db().all(both(items), binds![house.set_id(code).await]).await.unwrap();
    items.into_iter().map(|(permission, reach)| format!("{permission}@{reach}")).collect()
}

#[tokio::test]
async fn a_module_that_comes_later_is_granted_once() {
    on_both(async |house| {
        let start = async || {
            let settings = Settings { parts: vec![thing::PART], ..Settings::default() };
            Office::open(house.base.open().await, settings, NOW).await.unwrap()
        };
        assert!(leads_of(&house, "seller").await.is_empty());
        let office = start().await;
        assert_eq!(leads_of(&house, "seller").await, ["leads.create@own", "leads.read@own", "leads.update@own"]);
        assert_eq!(leads_of(&house, "viewer").await, ["leads.read@center"]);
        assert_eq!(leads_of(&house, "admin").await, ["leads.create@all", "leads.read@all", "leads.update@all"]);
        assert!(leads_of(&house, "listener").await.is_empty());
        // What an administrator took away, or gave, stays so.
        house.run(both("DELETE FROM permission_set_items WHERE permission = 'leads.update'"), &[]).await;
        house
            .run(
                both("INSERT INTO permission_set_items (set_id, permission, reach) VALUES ($1, 'leads.read', 'all')"),
                binds![house.set_id("seller").await],
            )
            .await;
        let entries = house.count("audit_log").await;
        start().await;
        assert_eq!(leads_of(&house, "seller").await, ["leads.create@own", "leads.read@all", "leads.read@own"]);
        assert_eq!(leads_of(&house, "admin").await, ["leads.create@all", "leads.read@all"]);
        assert_eq!(house.count("audit_log").await, entries);
        // A program without the module does not know them, and leaves them alone.
        let user = house.user("s", &["seller"]).await;
        let (_, access) = crate::testing::office(house.base.open().await).await.access_of(user).await.unwrap();
        assert!(access.grants().all(|(name, _)| !name.starts_with("leads.")));
        // The database was changed behind its back.
        office.read_picture().await.unwrap();
        let (_, access) = office.access_of(user).await.unwrap();
        assert_eq!(access.grants().filter(|(name, _)| name.starts_with("leads.")).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_role_that_somebody_made_is_not_taken_over() {
    on_both(async |house| {
        // As if the program had no such role yet when somebody made one.
        house.run(both("UPDATE roles SET builtin = 0 WHERE code = 'viewer'"), &[]).await;
        house.run(both("DELETE FROM role_permission_sets WHERE role_id = (SELECT id FROM roles WHERE code = 'viewer')"), &[]).await;
        house.run(both("DELETE FROM settings WHERE key = 'rights.seeded.1'"), &[]).await;
        let office = crate::testing::office(house.base.open().await).await;
        let user = house.user("v", &["viewer"]).await;
        let (_, access) = office.access_of(user).await.unwrap();
        assert_eq!(access.grants().map(|(name, _)| name).collect::<Vec<_>>(), [can::PROFILE_READ.0, can::PROFILE_UPDATE.0]);
    })
    .await;
}

#[test]
fn an_administrator_has_everything_there_is() {
    let catalogue = Catalogue::new(&[own(&[], &[]), thing::PART]).unwrap();
    let items = everything(&catalogue);
    for known in catalogue.permissions().filter(|known| known.action.resource() != "profile") {
        let wanted = (known.action.0.to_owned(), "all".parse().unwrap());
        assert!(items.contains(&wanted), "{}", known.action);
    }
}
