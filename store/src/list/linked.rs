//! Which values of a table of links somebody reaches: what their right to see those comes to.

use std::collections::{BTreeMap, BTreeSet};

use model::{Narrow, RowRule, UserId};

/// What somebody reaches of one table of links. What they do not reach is as if it did not stand there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkRule {
    /// Only values of these ids, by [`Narrow::List`]; none: of any.
    pub lists: Option<BTreeSet<String>>,
    /// Only values of these users, by [`Narrow::Owner`]; none: of anybody.
    pub users: Option<BTreeSet<UserId>>,
}

/// What somebody reaches by each column of links of a resource. By a column that does not stand here nothing can be asked: no row is found.
pub type LinkRules = BTreeMap<&'static str, LinkRule>;

/// For what nothing is asked of by links.
pub static NO_LINKS: LinkRules = LinkRules::new();

impl LinkRule {
    /// Every value.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// No value.
    #[must_use]
    pub fn nothing() -> Self {
        Self { lists: Some(BTreeSet::new()), users: Some(BTreeSet::new()) }
    }

    /// What a right to see the values reaches of them. A part of it that cannot be expressed reaches nothing.
    #[must_use]
    pub fn of(narrow: Narrow, rows: &RowRule) -> Self {
        let parts = rows.any_of.iter().filter(|part| part.users.as_ref().is_none_or(|users| !users.is_empty()));
        match narrow {
            Narrow::None => {
                let mut parts = parts;
                if parts.any(|part| part.users.is_none() && part.lists.is_empty()) { Self::everything() } else { Self::nothing() }
            }
            Narrow::List(kind, _) => {
                let parts: Vec<_> = parts.filter(|part| part.lists.iter().all(|(of, _)| *of == kind)).collect();
                if parts.iter().any(|part| part.lists.is_empty()) {
                    return Self::everything();
                }
                // A part that has the kind twice reaches what stands in both.
                let ids = parts.iter().filter_map(|part| {
                    let mut lists = part.lists.iter().map(|(_, ids)| ids.clone());
                    let first = lists.next()?;
                    Some(lists.fold(first, |both, ids| &both & &ids))
                });
                Self { lists: Some(ids.flatten().collect()), users: None }
            }
            Narrow::Owner(_) => {
                let users = parts.filter(|part| part.lists.is_empty()).map(|part| part.users.clone()).collect::<Vec<_>>();
                let users = users.into_iter().collect::<Option<Vec<_>>>();
                Self { lists: None, users: users.map(|users| users.into_iter().flatten().collect()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{CenterId, ListKind, RowPart};

    use super::*;

    const GROUP: ListKind = ListKind::TagGroup;

    #[test]
    fn what_a_right_cannot_express_reaches_nothing() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let users = |ids: &[i64]| ids.iter().copied().map(UserId).collect::<BTreeSet<_>>();
        let part = |of: Option<&[i64]>, lists: &[(ListKind, &[&str])]| RowPart {
            users: of.map(users),
            lists: lists.iter().map(|(kind, some)| (*kind, ids(some))).collect(),
        };
        let of_lists = |some: &[&str]| LinkRule { lists: Some(ids(some)), users: None };
        let of_users = |some: &[i64]| LinkRule { lists: None, users: Some(users(some)) };
        let [list, owner] = [Narrow::List(GROUP, "group_id"), Narrow::Owner("user_id")];
        let all = LinkRule::everything;
        let cases = [
            (Narrow::None, vec![], LinkRule::nothing()),
            (Narrow::None, vec![part(None, &[])], all()),
            (Narrow::None, vec![part(Some(&[7]), &[])], LinkRule::nothing()),
            (Narrow::None, vec![part(None, &[(GROUP, &["1"])])], LinkRule::nothing()),
            (Narrow::None, vec![part(Some(&[7]), &[]), part(None, &[])], all()),
            (list, vec![], of_lists(&[])),
            (list, vec![part(None, &[])], all()),
            // Narrowed without any list.
            (list, vec![part(Some(&[]), &[])], of_lists(&[])),
            (list, vec![part(Some(&[7]), &[])], all()),
            (list, vec![part(None, &[(GROUP, &[])])], of_lists(&[])),
            (list, vec![part(None, &[(GROUP, &["1", "2"])]), part(Some(&[7]), &[(GROUP, &["3"])])], of_lists(&["1", "2", "3"])),
            (list, vec![part(None, &[(GROUP, &["1"])]), part(None, &[])], all()),
            (list, vec![part(None, &[(GROUP, &["1", "2"]), (GROUP, &["2", "3"])])], of_lists(&["2"])),
            (list, vec![part(None, &[(GROUP, &["1"]), (ListKind::Scenario, &["1"])])], of_lists(&[])),
            (list, vec![part(None, &[(ListKind::Scenario, &["1"])]), part(None, &[(GROUP, &["4"])])], of_lists(&["4"])),
            (owner, vec![], of_users(&[])),
            (owner, vec![part(None, &[])], all()),
            (owner, vec![part(Some(&[]), &[])], of_users(&[])),
            (owner, vec![part(Some(&[7]), &[]), part(Some(&[8, 9]), &[])], of_users(&[7, 8, 9])),
            (owner, vec![part(Some(&[7]), &[(GROUP, &["1"])]), part(None, &[(GROUP, &["1"])])], of_users(&[])),
            (owner, vec![part(Some(&[7]), &[]), part(None, &[])], all()),
        ];
        for (narrow, any_of, wanted) in cases {
            let rows = RowRule { center: CenterId(1), any_of };
            assert_eq!(LinkRule::of(narrow, &rows), wanted, "{narrow:?} {rows:?}");
        }
    }
}
