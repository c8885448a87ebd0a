//! Where a page begins. To look at everybody's rows for one person's, or at all calls for those of a rare tag, would take the longer the more
//! there are: where an index knows the rows that can come into question, a list is put together of what stands there under each value.

use std::collections::BTreeSet;

use model::{Column, ColumnKind, Links, ListKind, Owner, UserId};

use super::{Link, Part, Query, key_sql};
use crate::list::{
    LinkRule, VALUES_MAX,
    filter::{Condition, Node, Operand, Test},
};

/// Users up to whom a list of their rows is put together of the lists of each. SQLite takes at most 500 queries in one.
const USERS_MAX: usize = 400;

/// The rows under a few values of one index: a branch for each.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) place: Place<'a>,
    /// Ascending, each once. None: no row can be reached.
    pub(super) values: Vec<Operand>,
    /// The condition of the filter that every row of a branch meets by standing there.
    pub(super) met: Option<Node>,
}

/// What knows the rows of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The table that says whose the rows are; values are users. In statements it is `o`.
    Owner(Link),
    /// A table of links, as far as it is reached. In statements it is `l`.
    Linked(&'static Links, &'a LinkRule),
    /// An index of the rows themselves, by this SQL.
    Split(&'static str),
}

/// Where rows are read from.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'r> {
    /// From all rows.
    Row,
    /// From those under one value.
    One(Place<'r>, &'r Operand),
    /// From those under the value `u.id`.
    Each(Place<'r>),
}

impl<'r> By<'r> {
    pub(super) fn place(self) -> Option<Place<'r>> {
        match self {
            Self::Row => None,
            Self::One(place, _) | Self::Each(place) => Some(place),
        }
    }

    /// Whether rows are read from those of users, and of whom; none: of `u.id`.
    pub(super) fn owner(self) -> Option<Option<UserId>> {
        match self {
            Self::One(Place::Owner(_), Operand::Int(user)) => Some(Some(UserId(*user))),
            Self::Each(Place::Owner(_)) => Some(None),
            _ => None,
        }
    }
}

impl Place<'_> {
    /// Whether its values are texts.
    pub(super) fn is_text(self) -> bool {
        match self {
            Self::Owner(_) => false,
            Self::Linked(links, _) => matches!(links.kind, ColumnKind::Text | ColumnKind::Code(_)),
            Self::Split(_) => true,
        }
    }
}

impl<'a> Start<'a> {
    /// None if all rows have to be looked at. `parts` are those of the query's rule, and empty if it reaches every row of the centre.
    ///
    /// Links come first, since they are what was asked for; then whose the rows are. Links and splits give rows in the order of their keys,
    /// and are of no use in another one.
    pub(super) fn of(query: &Query<'a>, parts: &[Part]) -> Option<Self> {
        let is_by_key = query.sort.sql(query.resource).is_none();
        let linked = || linked(query).filter(|_| is_by_key);
        let split = || split(query, parts).filter(|_| is_by_key);
        linked().or_else(|| owner(query.resource.owner, parts)).or_else(split)
    }

    /// The branches, if there is more than one.
    pub(super) fn branches(&self) -> Option<impl Iterator<Item = By<'_>>> {
        (self.values.len() > 1).then(|| self.values.iter().map(|value| By::One(self.place, value)))
    }

    /// Whether a row can stand under several of the values.
    pub(super) fn overlaps(&self) -> bool {
        !matches!(self.place, Place::Split(_))
    }
}

/// All conditions of a filter that every row must meet.
fn conditions<'q>(query: &'q Query<'_>) -> impl Iterator<Item = (&'q Node, &'q Condition)> {
    let nodes = match &query.filter.0 {
        Node::All(nodes) => nodes.as_slice(),
        Node::Any(_) | Node::Test(_) => &[],
    };
    nodes.iter().filter_map(|node| match node {
        Node::Test(condition) => Some((node, condition)),
        Node::All(_) | Node::Any(_) => None,
    })
}

/// One branch for each value that was asked for of a table of links with an index; of several such conditions that with the fewest.
fn linked<'a>(query: &Query<'a>) -> Option<Start<'a>> {
    let starts = conditions(query).filter_map(|(node, Condition { column, test })| {
        let links = column.links.filter(|links| links.has_index)?;
        let (values, met) = match test {
            Test::Is(value) => (vec![value.clone()], Some(node.clone())),
            Test::In(values) => (values.clone(), Some(node.clone())),
            // Whatever has all of them has the first.
            Test::All(values) => (values.iter().take(1).cloned().collect(), None),
            _ => return None,
        };
        let is_few = (1..=VALUES_MAX).contains(&values.len());
        is_few.then_some(Start { place: Place::Linked(links, query.links.get(column.name)?), values, met })
    });
    starts.min_by_key(|start| start.values.len())
}

/// One branch for each user, if all parts are about users and those are few.
fn owner<'a>(owner: Owner, parts: &[Part]) -> Option<Start<'a>> {
    let Owner::Link { table, row, user } = owner else { return None };
    let users: Vec<_> = parts.iter().map(|part| part.users.as_ref()).collect::<Option<_>>()?;
    let users: BTreeSet<UserId> = users.into_iter().flatten().copied().collect();
    let values: Vec<Operand> = users.into_iter().map(|user| Operand::Int(user.0)).collect();
    (1..=USERS_MAX).contains(&values.len()).then_some(Start { place: Place::Owner(Link { table, row, user }), values, met: None })
}

/// One branch for each value of a column that has an index, if all parts or the filter want one of a few.
fn split<'a>(query: &Query<'a>, parts: &[Part]) -> Option<Start<'a>> {
    let resource = query.resource;
    let of_column = |column: &'static Column| {
        let is_of = |kind: ListKind| resource.lists.iter().filter(|(of, _)| *of == kind).all(|(_, sql)| *sql == column.sql);
        // By a kind that other columns have ids of as well, rows without the value here would be reached.
        let of_part = |part: &Part| {
            let lists = part.lists.iter().filter(|(kind, ..)| is_of(*kind)).map(|(.., ids)| ids.iter().cloned().collect::<BTreeSet<_>>());
            lists.reduce(|one, other| &one & &other)
        };
        let of_rule = parts.iter().map(of_part).collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty());
        let mut wanted: Option<BTreeSet<Operand>> = of_rule.map(|ids| ids.into_iter().flatten().collect());
        for (_, Condition { column: asked, test }) in conditions(query) {
            let values: BTreeSet<Operand> = match test {
                _ if asked.sql != column.sql || asked.links.is_some() => continue,
                Test::Is(value) => BTreeSet::from([value.clone()]),
                Test::In(values) => values.iter().cloned().collect(),
                _ => continue,
            };
            wanted = Some(wanted.map_or_else(|| values.clone(), |wanted| &wanted & &values));
        }
        let values: Vec<Operand> = wanted?.into_iter().collect();
        (values.len() <= VALUES_MAX).then_some(Start { place: Place::Split(column.sql), values, met: None })
    };
    resource.columns.iter().filter(|column| column.split && column.sql != key_sql(resource)).find_map(of_column)
}
