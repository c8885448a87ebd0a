//! The naive model of rights: what a person's permissions and lists reach, said once more in few words.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;
use tests::Rest;

use super::house::Row;

/// Somebody's name, and the text of a row that they have seen.
pub(super) type Sight = (&'static str, String);

/// Somebody who asks.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    /// By whose name rows are theirs; a program's are those of whoever gave it its token.
    pub(super) whose: &'static str,
    pub(super) role: &'static str,
    /// The one person of the role who stands for it in the table of statuses.
    pub(super) is_of_a_role: bool,
    pub(super) is_at_home: bool,
    pub(super) rest: Rest,
    /// What they may do, and how far.
    scopes: BTreeMap<String, BTreeSet<String>>,
    /// What their lists name: kinds and ids.
    lists: BTreeSet<(&'static str, String)>,
}

impl Person {
    /// Somebody by what the API says that they may, and by the lists that they were given.
    pub(super) fn of(
        (name, role): (&'static str, &'static str),
        rest: Rest,
        is_at_home: bool,
        lists: BTreeSet<(&'static str, String)>,
    ) -> Result<Self> {
        let mine = rest.get("/api/me/permissions")?.expect(200)?;
        let mut scopes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for told in mine["permissions"].as_array().context("no permissions")? {
            let reaches = told["scopes"].as_array().context("no scopes")?;
            let reaches = reaches.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            scopes.insert(told["permission"].as_str().context("no name")?.to_owned(), reaches);
        }
        let whose = if name == "program" { "admin" } else { name };
        Ok(Self { name, whose, role, is_of_a_role: name == role, is_at_home, rest, scopes, lists })
    }

    pub(super) fn may(&self, right: &str) -> bool {
        self.scopes.contains_key(right)
    }

    /// Whether a right of theirs reaches everybody's rows.
    pub(super) fn reaches_all(&self, right: &str) -> bool {
        self.scopes.get(right).is_some_and(|scopes| scopes.contains("center") || scopes.contains("all"))
    }

    /// Whether one sees a row, in whatever answer: by any right that shows what it says.
    pub(super) fn reads(&self, row: &Row) -> bool {
        row.shown_by.iter().any(|right| self.has(right, row)) && row.besides.is_none_or(|right| self.has(right, row))
    }

    /// Whether one comes to a row by an operation that takes `right`.
    pub(super) fn reaches(&self, row: &Row, right: &str) -> bool {
        self.has(right, row) && self.has(row.read, row) && row.besides.is_none_or(|right| self.has(right, row))
    }

    fn has(&self, right: &str, row: &Row) -> bool {
        let Some(scopes) = self.scopes.get(right) else { return false };
        scopes.iter().any(|scope| {
            let (reach, is_listed) = match scope.strip_suffix("+list") {
                Some(reach) => (reach, true),
                None if scope == "list" => ("center", true),
                None => (scope.as_str(), false),
            };
            let is_reached = match reach {
                "all" => true,
                "center" => row.is_at_home == self.is_at_home,
                // Nobody here leads anybody. What belongs to nobody and is meant for all of a centre is everybody's own.
                "own" | "team" | "group" => row.is_at_home == self.is_at_home && (row.is_everybodys || row.owners.contains(self.whose)),
                _ => false,
            };
            is_reached && (!is_listed || row.lists.iter().any(|list| self.lists.contains(list)))
        })
    }

    /// What they may export: resources and the rights to it.
    pub(super) fn exported(&self) -> Vec<(&'static str, String)> {
        [("calls", "calls"), ("cdrs", "calls"), ("leads", "leads"), ("users", "users"), ("webhooks", "webhooks"), ("clients", "clients")]
            .into_iter()
            .map(|(resource, of)| (resource, format!("{of}.export")))
            .filter(|(_, right)| self.may(right))
            .collect()
    }
}
