//! Who may do what, as far as more than one room needs the words: actions, scopes, the rows a right reaches, the columns it shows.
//!
//! A permission is an [`Action`] with a [`Reach`], written `calls.read@own`. What a person may do is worked out in `office/rights`;
//! lists, events and exports are held against what comes of it, [`RowRule`] and [`Mode`].

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{CenterId, UserId};

/// What can be done: `resource.verb`, such as `calls.read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(pub &'static str);

impl Action {
    /// The resource that it is about: `calls` of `calls.read`.
    #[must_use]
    pub fn resource(self) -> &'static str {
        self.0.split_once('.').map_or(self.0, |(resource, _)| resource)
    }

    /// What is done to it: `read` of `calls.read`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        self.0.split_once('.').map_or("", |(_, verb)| verb)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How far a right reaches, from narrow to wide (requirements, 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What belongs to the person.
    Own,
    /// What belongs to the person or to anybody whose chain of managers holds the person.
    Team,
    /// What belongs to the person's workgroups.
    Group,
    /// What belongs to the person's centre.
    Center,
    /// What belongs to any centre; worked on in one centre at a time.
    All,
}

/// A scope, and whether it is narrowed by explicit lists of ids. Written `own`, `team`, `group`, `center`, `all`, with `+list` behind it if
/// narrowed; `list` alone is `center+list`. Narrowed without any list, it reaches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reach {
    /// How far it goes.
    pub scope: Scope,
    /// Whether only what stands in the lists is reached.
    pub listed: bool,
}

impl Reach {
    /// A reach without lists.
    #[must_use]
    pub const fn of(scope: Scope) -> Self {
        Self { scope, listed: false }
    }
}

/// A text that is no reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope is own, team, group, center, all or list, or one of the first five and +list")]
pub struct ParseReachError;

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.scope, self.listed) {
            (Scope::Own, _) => "own",
            (Scope::Team, _) => "team",
            (Scope::Group, _) => "group",
            (Scope::Center, false) => "center",
            (Scope::Center, true) => return f.write_str("list"),
            (Scope::All, _) => "all",
        })?;
        if self.listed { f.write_str("+list") } else { Ok(()) }
    }
}

impl FromStr for Reach {
    type Err = ParseReachError;

    fn from_str(text: &str) -> Result<Self, ParseReachError> {
        if text == "list" {
            return Ok(Self { scope: Scope::Center, listed: true });
        }
        let (scope, listed) = match text.strip_suffix("+list") {
            Some(scope) => (scope, true),
            None => (text, false),
        };
        let scope = match scope {
            "own" => Scope::Own,
            "team" => Scope::Team,
            "group" => Scope::Group,
            "center" => Scope::Center,
            "all" => Scope::All,
            _ => return Err(ParseReachError),
        };
        Ok(Self { scope, listed })
    }
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// What the ids of a list that narrows a right are ids of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Call-handling scenarios (S000-07).
    Scenario,
    /// Groups of tags (S000-08).
    TagGroup,
    /// Projects of number bases (S003-60).
    Project,
    /// Providers of numbers.
    Provider,
    /// Regions.
    Geo,
    /// Chat inboxes.
    Inbox,
    /// Workgroups of the service desk.
    Workgroup,
    /// Slots.
    Slot,
    /// Roles: whom an administrator of a centre may make users of (requirements, 1.4: listeners only).
    Role,
}

/// What a person gets to see of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing: it is as if the column did not exist.
    Hide,
    /// Part of each value, and no way to sort, filter or search by it.
    Mask,
    /// All.
    Show,
}

/// The rows that a person's right to one action reaches: rows of one centre to which at least one part applies. No part: nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRule {
    /// The centre that the person works in.
    pub center: CenterId,
    /// One part a grant.
    pub any_of: Vec<RowPart>,
}

/// What one grant reaches: rows of these users that stand in all of these lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPart {
    /// Whose rows; none: everybody's.
    pub users: Option<BTreeSet<UserId>>,
    /// For each kind the ids of which the row must have one. A row without such an id, and a resource without such a kind, is not reached.
    pub lists: Vec<(ListKind, BTreeSet<String>)>,
}

impl RowRule {
    /// Every row of a centre: for the program itself.
    #[must_use]
    pub fn everything(center: CenterId) -> Self {
        Self { center, any_of: vec![RowPart { users: None, lists: Vec::new() }] }
    }

    /// Whether a row that is in memory is reached. `has_one` says whether the row has one of these ids of a kind.
    pub fn admits(&self, center: CenterId, users: &BTreeSet<UserId>, has_one: impl Fn(ListKind, &BTreeSet<String>) -> bool) -> bool {
        let in_lists = |part: &RowPart| part.lists.iter().all(|(kind, ids)| has_one(*kind, ids));
        let of_users = |part: &RowPart| part.users.as_ref().is_none_or(|wanted| !wanted.is_disjoint(users));
        self.center == center && self.any_of.iter().any(|part| of_users(part) && in_lists(part))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_reach_is_read_as_it_is_written() {
        for text in ["own", "team", "group", "center", "all", "list", "own+list", "team+list", "group+list", "all+list"] {
            assert_eq!(text.parse::<Reach>().unwrap().to_string(), text);
        }
        assert_eq!("center+list".parse::<Reach>().unwrap().to_string(), "list");
        for wrong in ["", "none", "own,list", "list+list", "Own", "all +list", "+list"] {
            assert!(wrong.parse::<Reach>().is_err(), "{wrong}");
        }
        assert!(Scope::Own < Scope::Team && Scope::Team < Scope::Group && Scope::Group < Scope::Center && Scope::Center < Scope::All);
    }

    #[test]
    fn a_row_in_memory_is_reached_by_any_part() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let users = |ids: &[i64]| ids.iter().copied().map(UserId).collect::<BTreeSet<_>>();
        let own = RowPart { users: Some(users(&[7])), lists: vec![] };
        let sales = RowPart { users: None, lists: vec![(ListKind::Scenario, ids(&["sales"]))] };
        let none = RowPart { users: None, lists: vec![(ListKind::Scenario, ids(&[]))] };
        let rule = |any_of: Vec<RowPart>| RowRule { center: CenterId(1), any_of };
        let row = |rule: &RowRule, center: i64, of: &[i64], scenario: Option<&'static str>| {
            rule.admits(CenterId(center), &users(of), |kind, ids| {
                kind == ListKind::Scenario && scenario.is_some_and(|scenario| ids.contains(scenario))
            })
        };
        let both = rule(vec![own, sales]);
        assert!(row(&both, 1, &[7, 8], None));
        assert!(row(&both, 1, &[8], Some("sales")));
        assert!(!row(&both, 1, &[8], Some("support")));
        assert!(!row(&both, 1, &[], None));
        assert!(!row(&both, 2, &[7], Some("sales")), "another centre's");
        assert!(!row(&rule(vec![none]), 1, &[7], Some("sales")));
        assert!(!row(&rule(vec![]), 1, &[7], Some("sales")));
        assert!(row(&RowRule::everything(CenterId(1)), 1, &[], None));
    }
}
