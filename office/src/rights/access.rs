//! What one person may do: every grant of their roles.
//!
//! A right is the union of its grants. Each grant reaches rows of its own and hides columns of its own, but a list has one set of columns
//! for all its rows. So a column is shown only if every row that is reached at all is reached by a grant that shows it; which grants reach
//! whose rows is decided on [`RowPart`]s, the very thing that rows are chosen by, and not on the names of scopes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{Action, CenterId, Column, ListKind, Mode, Reach, Resource, RowPart, RowRule, Scope, UserId};

use super::catalogue::{self, Catalogue};

/// Ids by what they are ids of.
pub(crate) type ListIds = BTreeMap<ListKind, BTreeSet<String>>;

/// Lists that narrow rights, by resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lists(pub(crate) BTreeMap<String, ListIds>);

impl Lists {
    /// One more id.
    pub(crate) fn add(&mut self, resource: &str, kind: ListKind, id: String) {
        self.0.entry(resource.to_owned()).or_default().entry(kind).or_default().insert(id);
    }

    /// What stands in either, kind by kind.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (resource, kinds) in &other.0 {
            for (kind, ids) in kinds {
                for id in ids {
                    both.add(resource, *kind, id.clone());
                }
            }
        }
        both
    }

    /// What narrows rights to a resource: its own lists, or those of the resource that it is a part of (recordings are parts of calls).
    pub(crate) fn of(&self, resource: &str) -> ListIds {
        let own = self.0.get(resource).filter(|lists| !lists.is_empty());
        own.or_else(|| self.0.get(catalogue::kin(resource))).cloned().unwrap_or_default()
    }
}

/// Column policies, by resource and column. What does not stand here is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policy(BTreeMap<String, BTreeMap<String, Mode>>);

impl Policy {
    /// One more policy; the stricter of two on one column stands.
    pub(crate) fn restrict(&mut self, resource: &str, column: &str, mode: Mode) {
        let stands = self.0.entry(resource.to_owned()).or_default().entry(column.to_owned()).or_insert(mode);
        *stands = mode.min(*stands);
    }

    /// The stricter of both, column by column.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (resource, column, mode) in other.iter() {
            both.restrict(resource, column, mode);
        }
        both
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, Mode)> {
        self.0.iter().flat_map(|(resource, columns)| columns.iter().map(move |(column, mode)| (resource.as_str(), column.as_str(), *mode)))
    }

    fn mode(&self, resource: &str, column: &str) -> Mode {
        self.0.get(resource).and_then(|columns| columns.get(column)).copied().unwrap_or(Mode::Show)
    }

    /// How much is shown of a resource's column. What is hidden of calls is hidden of call records and recordings too, if they have it, also by
    /// another name ([`Column::like`]).
    fn of(&self, resource: &'static Resource, column: &Column) -> Mode {
        let of_root = |name: &str| self.mode(catalogue::root_of(resource), name);
        let named = [column.name].into_iter().chain(column.like.iter().copied());
        named.map(of_root).fold(self.mode(resource.name, column.name), Mode::min)
    }

    fn speaks_of(&self, resource: &'static Resource) -> bool {
        self.0.contains_key(resource.name) || self.0.contains_key(catalogue::root_of(resource))
    }
}

/// One permission as one role gives it, with that role's lists and column policies, and the person's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) reach: Reach,
    /// The ids that narrow it, if it is narrowed.
    pub(crate) lists: ListIds,
    /// What it does not show whole, of whatever resource it is used to look at.
    pub(crate) policy: Arc<Policy>,
}

/// Who looks, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) user: UserId,
    /// The centre that they belong to.
    pub(crate) home: CenterId,
    /// The centre that they work in.
    pub(crate) center: CenterId,
}

/// All grants of a person, by permission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AccessMap {
    grants: BTreeMap<String, Vec<Grant>>,
    /// Everybody whose chain of managers holds the person.
    pub(crate) team: BTreeSet<UserId>,
}

impl AccessMap {
    /// One more grant.
    pub(crate) fn add(&mut self, permission: &str, grant: Grant) {
        match self.grants.get_mut(permission) {
            Some(grants) if grants.contains(&grant) => {}
            Some(grants) => grants.push(grant),
            None => drop(self.grants.insert(permission.to_owned(), vec![grant])),
        }
    }

    /// Whether who is in the team makes a difference.
    pub(crate) fn has_team_rights(&self) -> bool {
        self.grants.values().flatten().any(|grant| grant.reach.scope == Scope::Team)
    }

    /// The same without all but these permissions: what an API token leaves of its user's rights.
    pub(crate) fn narrowed(&self, permissions: &[String]) -> Self {
        let grants = self.grants.iter().filter(|(name, _)| permissions.contains(name)).map(|(name, grants)| (name.clone(), grants.clone()));
        Self { grants: grants.collect(), team: self.team.clone() }
    }

    /// Every permission and its grants, by name.
    pub(crate) fn grants(&self) -> impl Iterator<Item = (&str, &[Grant])> {
        self.grants.iter().map(|(name, grants)| (name.as_str(), grants.as_slice()))
    }

    /// The grants of a permission that count where the person works: in another centre than their own, only those with [`Scope::All`].
    pub(crate) fn grants_at(&self, permission: &str, home: CenterId, center: CenterId) -> impl Iterator<Item = &Grant> {
        let grants = self.grants.get(permission).into_iter().flatten();
        grants.filter(move |grant| center == home || grant.reach.scope == Scope::All)
    }

    /// The rows that a permission reaches; none if it is not granted.
    pub(crate) fn rows(&self, action: Action, seat: Seat) -> Option<RowRule> {
        let parts: Vec<RowPart> = self.parts(action, seat).map(|(_, part)| part).collect();
        if parts.is_empty() {
            return None;
        }
        let mut any_of: Vec<RowPart> = Vec::new();
        for part in parts {
            // What another part reaches anyway would only make the database work.
            if !is_nothing(&part) && !any_of.iter().any(|wider| covers(wider, &part)) {
                any_of.retain(|narrower| !covers(&part, narrower));
                any_of.push(part);
            }
        }
        Some(RowRule { center: seat.center, any_of })
    }

    /// The columns of a resource that are seen with a permission, and how much of each; hidden ones are left out.
    pub(crate) fn columns(&self, action: Action, seat: Seat, resource: &'static Resource) -> Vec<(&'static Column, Mode)> {
        let grants: Vec<(&Grant, RowPart)> = self.parts(action, seat).collect();
        if grants.is_empty() {
            return Vec::new();
        }
        if !grants.iter().any(|(grant, _)| grant.policy.speaks_of(resource)) {
            return resource.columns.iter().map(|column| (column, Mode::Show)).collect();
        }
        let mode_of = |grant: &Grant, column: &Column| grant.policy.of(resource, column);
        // Shown so much at least: every row that any grant reaches is reached by a grant that shows so much.
        let at_least = |mode: Mode, column: &Column| {
            grants.iter().all(|(_, part)| grants.iter().any(|(better, wider)| mode_of(better, column) >= mode && covers(wider, part)))
        };
        let modes = resource.columns.iter().filter_map(|column| {
            let mode = [Mode::Show, Mode::Mask].into_iter().find(|mode| at_least(*mode, column))?;
            Some((column, mode))
        });
        modes.collect()
    }

    fn parts(&self, action: Action, seat: Seat) -> impl Iterator<Item = (&Grant, RowPart)> {
        self.grants_at(action.0, seat.home, seat.center).map(move |grant| (grant, self.part(grant, seat.user)))
    }

    fn part(&self, grant: &Grant, user: UserId) -> RowPart {
        let users = match grant.reach.scope {
            Scope::Own => Some(BTreeSet::from([user])),
            Scope::Team => Some(self.team.iter().copied().chain([user]).collect()),
            // Workgroups come with the service desk; until then nobody is in any.
            Scope::Group => Some(BTreeSet::from([user])),
            Scope::Center | Scope::All => None,
        };
        if !grant.reach.listed {
            return RowPart { users, lists: Vec::new() };
        }
        if grant.lists.is_empty() {
            // Narrowed without any list: nothing is reached, but the right is there.
            return RowPart { users: Some(BTreeSet::new()), lists: Vec::new() };
        }
        RowPart { users, lists: grant.lists.clone().into_iter().collect() }
    }
}

/// Whether no row can be reached.
fn is_nothing(part: &RowPart) -> bool {
    part.users.as_ref().is_some_and(BTreeSet::is_empty) || part.lists.iter().any(|(_, ids)| ids.is_empty())
}

/// Whether every row that the narrow part reaches is reached by the wide one too. May say no where a look at the rows would say yes.
fn covers(wide: &RowPart, narrow: &RowPart) -> bool {
    let users = match (&wide.users, &narrow.users) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.is_subset(wide),
    };
    let lists = || wide.lists.iter().all(|(kind, ids)| narrow.lists.iter().any(|(other, some)| kind == other && some.is_subset(ids)));
    is_nothing(narrow) || (users && lists())
}

impl Grant {
    /// Whether who has `self` may give `other` to somebody else: it reaches no further and shows no more.
    ///
    /// Scopes are compared by name here, because `own` is somebody else's own after it was given away.
    pub(crate) fn may_give(&self, catalogue: &Catalogue, permission: &str, other: &Self) -> bool {
        let scope = match (self.reach.scope, other.reach.scope) {
            (_, Scope::Own) => true,
            // A workgroup may be wider than a team, or the other way round.
            (Scope::Team, scope) => scope == Scope::Team,
            (Scope::Group, scope) => scope == Scope::Group,
            (own, scope) => own >= scope,
        };
        let nothing = other.reach.listed && (other.lists.is_empty() || other.lists.values().any(BTreeSet::is_empty));
        let subset = |(kind, ids): (&ListKind, &BTreeSet<String>)| other.lists.get(kind).is_some_and(|some| some.is_subset(ids));
        let lists = !self.reach.listed || nothing || (other.reach.listed && !self.lists.is_empty() && self.lists.iter().all(subset));
        // What a policy hides of one resource cannot be seen by a right to another, so only policies on this one's kin count.
        let kin = catalogue::kin(catalogue::resource_of(permission));
        let hides =
            |(resource, column, mode): (&str, &str, Mode)| catalogue.root(resource) != kin || other.policy.mode(resource, column) <= mode;
        scope && lists && self.policy.iter().all(hides)
    }
}
