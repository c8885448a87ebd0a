//! Somebody who asks, and what they may do: the only way to rows and columns leads through a [`Permit`] and its [`View`].

use std::{collections::BTreeSet, sync::Arc};

use model::{Action, Actor, CenterId, Column, ListKind, Mode, Part, Resource, RowPart, RowRule, Scope, UserId};

use store::list::LinkRules;

use crate::{
    OfficeError,
    linked::linked,
    rights::{AccessMap, Seat},
};

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Principal(Arc<Who>);

#[derive(Debug)]
struct Who {
    user: UserId,
    username: String,
    home: CenterId,
    roles: Vec<String>,
    session: Option<i64>,
    actor: Actor,
    access: Arc<AccessMap>,
}

impl Principal {
    pub(crate) fn new(
        user: UserId,
        username: String,
        home: CenterId,
        roles: Vec<String>,
        session: Option<i64>,
        actor: Actor,
        access: Arc<AccessMap>,
    ) -> Self {
        Self(Arc::new(Who { user, username, home, roles, session, actor, access }))
    }

    /// Their account.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.0.user
    }

    /// The name that they log in with.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// The centre that they belong to.
    #[must_use]
    pub fn home(&self) -> CenterId {
        self.0.home
    }

    /// The centre that they work in now.
    #[must_use]
    pub fn center(&self) -> CenterId {
        self.0.actor.center
    }

    /// The codes of their roles.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.0.roles
    }

    /// Their session; none if they came with an API token.
    #[must_use]
    pub fn session(&self) -> Option<i64> {
        self.0.session
    }

    /// Who they are for the audit log.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    pub(crate) fn access(&self) -> &AccessMap {
        &self.0.access
    }

    pub(crate) fn seat(&self) -> Seat {
        Seat { user: self.user(), home: self.home(), center: self.center() }
    }

    /// Leave to do something, with the rows that it reaches; none if they may not do it at all.
    #[must_use]
    pub fn permit(&self, action: Action) -> Option<Permit> {
        let rows = self.0.access.rows(action, self.seat())?;
        Some(Permit { principal: self.clone(), action, rows: Arc::new(rows) })
    }
}

/// Leave to do one thing. It can be had from [`Principal::permit`] only.
#[derive(Debug, Clone)]
pub struct Permit {
    principal: Principal,
    action: Action,
    rows: Arc<RowRule>,
}

impl Permit {
    /// Whose it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Who they are for the audit log.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        self.principal.actor()
    }

    /// To do what.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// To which rows.
    #[must_use]
    pub fn rows(&self) -> &RowRule {
        &self.rows
    }

    /// Whether it reaches everybody's rows of the centre, with no list to narrow it.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.rows.any_of.iter().any(|part| part.users.is_none() && part.lists.is_empty())
    }

    /// Whether it reaches all centres: what concerns others than the one that is worked in takes that.
    #[must_use]
    pub fn reaches_all_centers(&self) -> bool {
        let seat = self.principal.seat();
        let mut grants = self.principal.access().grants_at(self.action.0, seat.home, seat.center);
        grants.any(|grant| grant.reach.scope == Scope::All && !grant.reach.listed)
    }

    /// Whether it reaches a row of one of these users (rows that can be in no list).
    #[must_use]
    pub fn reaches(&self, users: &BTreeSet<UserId>) -> bool {
        self.rows.admits(self.rows.center, users, |_, _| false)
    }

    /// Whether it reaches somebody's account: lists of roles must name every role that the account has, and it must have one.
    #[must_use]
    pub fn reaches_account(&self, user: UserId, roles: &BTreeSet<String>) -> bool {
        self.rows.any_of.iter().any(|part| {
            let is_one_of = part.users.as_ref().is_none_or(|users| users.contains(&user));
            let listed = |(kind, ids): &(ListKind, BTreeSet<String>)| *kind == ListKind::Role && !roles.is_empty() && roles.is_subset(ids);
            is_one_of && part.lists.iter().all(listed)
        })
    }

    /// What of a resource's rows is seen with it.
    #[must_use]
    pub fn view(&self, resource: &'static Resource) -> View {
        let (columns, links) = linked(self, self.columns(resource));
        let mut view = View { permit: self.clone(), resource, links: Arc::new(links), columns, parts: Vec::new() };
        let mut parts: Vec<(&'static str, &'static Part, Mode)> = Vec::new();
        for (column, part) in view.columns.iter().flat_map(|(column, _)| column.parts.iter().map(move |part| (column.name, part))) {
            let mode = self.mode_of_part(&view, part);
            match parts.iter_mut().find(|(of, known, _)| *of == column && known.name == part.name) {
                Some(known) if known.2 <= mode => {}
                Some(known) => *known = (column, part, mode),
                None => parts.push((column, part, mode)),
            }
        }
        parts.retain(|(.., mode)| *mode < Mode::Show);
        view.parts = parts;
        view
    }

    fn columns(&self, resource: &'static Resource) -> Vec<(&'static Column, Mode)> {
        self.principal.access().columns(self.action, self.principal.seat(), resource)
    }

    /// How much is seen of what goes by another column: as much as of that one, in every row that there may be of it.
    fn mode_of_part(&self, view: &View, part: &Part) -> Mode {
        let Some(other) = part.of else { return view.mode(part.column) };
        let Some(permit) = self.principal.permit(other.read).filter(Self::is_wide) else { return Mode::Hide };
        permit.columns(other).iter().find(|(column, _)| column.name == part.column).map_or(Mode::Hide, |(_, mode)| *mode)
    }

    /// The same leave for no more rows than another one of the same person reaches, as far as the rows tell: for what is seen by two rights, such as
    /// the judgement of a call. Rows must have the lists of both, and their owner must be one of the users of both.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        let both = |one: &RowPart, two: &RowPart| {
            let users = match (&one.users, &two.users) {
                (Some(one), Some(two)) => Some(one & two),
                (users, None) | (None, users) => users.clone(),
            };
            RowPart { users, lists: one.lists.iter().chain(&two.lists).cloned().collect() }
        };
        let pairs = self.rows.any_of.iter().flat_map(|one| other.rows.any_of.iter().map(move |two| both(one, two)));
        let is_here = self.rows.center == other.rows.center;
        Self { rows: Arc::new(RowRule { center: self.rows.center, any_of: pairs.filter(|_| is_here).collect() }), ..self.clone() }
    }

    /// Whoever carries something out asks for leave to do just that.
    ///
    /// # Errors
    /// [`OfficeError::Defect`] if it is leave for something else.
    pub fn must_be(&self, action: Action) -> Result<(), OfficeError> {
        if self.action == action {
            return Ok(());
        }
        Err(OfficeError::Defect(format!("leave to {} was used for {action}", self.action)))
    }
}

/// In whose name something is changed: by leave of a person, whose own rights bound what they may give to others, or by the program.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// A person, or a program that came with their token.
    Person(&'a Permit),
    /// The program itself.
    Program(&'a Actor),
}

impl By<'_> {
    /// Who it is for the audit log.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        match self {
            Self::Person(permit) => permit.actor(),
            Self::Program(actor) => actor,
        }
    }

    /// The centre in which it is done.
    #[must_use]
    pub fn center(&self) -> CenterId {
        self.actor().center
    }
}

impl<'a> From<&'a Permit> for By<'a> {
    fn from(permit: &'a Permit) -> Self {
        Self::Person(permit)
    }
}

impl<'a> From<&'a Actor> for By<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self::Program(actor)
    }
}

/// The rows and columns of a resource that a person sees. It can be had from [`Permit::view`] only.
#[derive(Debug, Clone)]
pub struct View {
    permit: Permit,
    resource: &'static Resource,
    links: Arc<LinkRules>,
    columns: Vec<(&'static Column, Mode)>,
    /// Members of columns that are not shown whole, though the column is.
    parts: Vec<(&'static str, &'static Part, Mode)>,
}

impl View {
    /// The leave by which it is had.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> &'static Resource {
        self.resource
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &RowRule {
        self.permit.rows()
    }

    /// What is reached of the tables behind its columns of links.
    pub(crate) fn links(&self) -> &LinkRules {
        &self.links
    }

    /// The columns that are not hidden, and whether they are masked.
    #[must_use]
    pub fn columns(&self) -> &[(&'static Column, Mode)] {
        &self.columns
    }

    /// Members of a column's JSON that are hidden or masked, though the column is shown.
    pub(crate) fn parts_of(&self, column: &str) -> impl Iterator<Item = (&'static Part, Mode)> {
        self.parts.iter().filter(move |(of, ..)| *of == column).map(|(_, part, mode)| (*part, *mode))
    }

    /// How much of a column is seen; [`Mode::Hide`] for one that does not exist.
    #[must_use]
    pub fn mode(&self, column: &str) -> Mode {
        self.columns.iter().find(|(known, _)| known.name == column).map_or(Mode::Hide, |(_, mode)| *mode)
    }
}
