//! What can be permitted, and on what: every permission and every resource that the program knows, as data.
//!
//! Each permission is named once, in the table below; handlers and engines name it by its constant in [`can`].
//! Modules bring theirs as a [`Part`], and [`Catalogue::new`] refuses what contradicts itself.

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, ListKind, Mask, Owner, Reach, Resource, Scope};
use serde::Serialize;

use crate::{OfficeError, webhooks::EventKind};

/// Something that can be permitted.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    /// Its name: `calls.read`.
    pub action: Action,
    /// What it allows, for people.
    pub about: &'static str,
    /// How far it can reach.
    pub reaches: Reaches,
}

/// How far a permission can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaches {
    /// The scopes that make sense, from narrow to wide.
    pub scopes: &'static [Scope],
    /// Whether lists can narrow it.
    pub listed: bool,
}

impl Reaches {
    /// What everybody has of their own only.
    pub const OWN: Self = Self { scopes: &[Scope::Own], listed: false };
    /// What belongs to people.
    pub const ROWS: Self = Self { scopes: &[Scope::Own, Scope::Team, Scope::Group, Scope::Center, Scope::All], listed: false };
    /// What belongs to people, and can be narrowed by lists.
    pub const LISTED: Self = Self { listed: true, ..Self::ROWS };
    /// What belongs to a centre.
    pub const CENTER: Self = Self { scopes: &[Scope::Center, Scope::All], listed: false };
    /// What belongs to a centre, and can be narrowed by lists.
    pub const CENTER_LISTED: Self = Self { listed: true, ..Self::CENTER };
    /// What there is once in an installation.
    pub const SYSTEM: Self = Self { scopes: &[Scope::All], listed: false };

    /// Whether a reach makes sense.
    #[must_use]
    pub fn allow(self, reach: Reach) -> bool {
        self.scopes.contains(&reach.scope) && (self.listed || !reach.listed)
    }

    /// Every reach that makes sense, from narrow to wide, those with lists first.
    #[must_use]
    pub fn all(self) -> Vec<Reach> {
        let with = |listed: bool| self.scopes.iter().map(move |scope| Reach { scope: *scope, listed });
        with(true).filter(|_| self.listed).chain(with(false)).collect()
    }

    /// The widest.
    #[must_use]
    pub fn widest(self) -> Reach {
        Reach::of(self.scopes.iter().copied().max().unwrap_or(Scope::Own))
    }

    /// What is meant if nobody says how far: the centre, or the nearest to it that makes sense.
    #[must_use]
    pub fn usual(self) -> Reach {
        let within = self.scopes.iter().copied().filter(|scope| *scope <= Scope::Center).max();
        within.map_or_else(|| self.widest(), Reach::of)
    }
}

macro_rules! permissions {
    ($($name:ident $text:literal $reaches:ident $about:literal;)*) => {
        /// The permissions of this room and the rooms below, by name.
        pub mod can {
            use model::Action;
            $(#[doc = $about] pub const $name: Action = Action($text);)*
        }

        const PERMISSIONS: &[Permission] =
            &[$(Permission { action: can::$name, about: $about, reaches: Reaches::$reaches }),*];
    };
}

permissions! {
    PROFILE_READ "profile.read" OWN "Learn who one is. Everybody has it.";
    PROFILE_UPDATE "profile.update" OWN "Change one's own name, language, password, settings and sessions. Everybody has it.";
    TOKENS_READ "tokens.read" ROWS "See API tokens.";
    TOKENS_CREATE "tokens.create" ROWS "Make API tokens.";
    TOKENS_DELETE "tokens.delete" ROWS "End API tokens.";

    USERS_READ "users.read" LISTED "See accounts.";
    USERS_CREATE "users.create" CENTER_LISTED "Make accounts, with the roles that lists allow.";
    USERS_UPDATE "users.update" LISTED "Change accounts: names, roles, lists, passwords, log-ins.";
    USERS_DELETE "users.delete" LISTED "Delete accounts.";
    USERS_BULK "users.bulk" LISTED "Disable, enable and log out many accounts at once.";
    USERS_EXPORT "users.export" LISTED "Export accounts.";

    ROLES_READ "roles.read" CENTER_LISTED "See roles and permission sets.";
    ROLES_CREATE "roles.create" CENTER "Make roles and permission sets.";
    ROLES_UPDATE "roles.update" CENTER_LISTED "Change roles and permission sets.";
    ROLES_DELETE "roles.delete" CENTER_LISTED "Delete roles and permission sets.";
    ROLES_EXPORT "roles.export" CENTER_LISTED "Export roles and permission sets.";

    OIDC_ROLE_MAP_READ "oidc_role_map.read" CENTER "See which claims of a log-in provider give which roles.";
    OIDC_ROLE_MAP_CREATE "oidc_role_map.create" CENTER "Have a claim of a log-in provider give a role.";
    OIDC_ROLE_MAP_DELETE "oidc_role_map.delete" CENTER "Have a claim of a log-in provider no longer give a role.";

    CENTERS_READ "centers.read" SYSTEM "See centres.";
    CENTERS_CREATE "centers.create" SYSTEM "Make centres.";
    CENTERS_UPDATE "centers.update" SYSTEM "Change and disable centres.";
    CENTERS_EXPORT "centers.export" SYSTEM "Export centres.";
    SETTINGS_READ "settings.read" CENTER "See settings of the centre.";
    SETTINGS_UPDATE "settings.update" CENTER "Change settings of the centre.";

    SLOTS_READ "slots.read" LISTED "See slots.";
    SLOTS_CREATE "slots.create" CENTER "Make slots.";
    SLOTS_UPDATE "slots.update" LISTED "Change what slots may call.";
    SLOTS_DELETE "slots.delete" LISTED "Delete slots.";
    SLOTS_ADMIN "slots.admin" LISTED "Put slots into and out of service, renew their passwords.";
    SLOTS_USE "slots.use" LISTED "Take slots and let them go: for oneself, or also those that others have.";
    SLOTS_MONITOR "slots.monitor" LISTED "Watch how slots are.";
    SLOTS_TRACE "slots.trace" CENTER "Hear which phones displaced which; it names addresses.";
    SLOTS_EXPORT "slots.export" LISTED "Export slots.";

    TRUNKS_READ "trunks.read" CENTER "See hubs and carriers.";
    TRUNKS_CREATE "trunks.create" CENTER "Make hubs and carriers.";
    TRUNKS_UPDATE "trunks.update" CENTER "Change hubs and carriers.";
    TRUNKS_DELETE "trunks.delete" CENTER "Delete hubs and carriers.";
    TRUNKS_MONITOR "trunks.monitor" CENTER "Watch how hubs and carriers are.";
    TRUNKS_EXPORT "trunks.export" CENTER "Export hubs and carriers.";

    ROUTES_READ "routes.read" CENTER "See by whom calls go where, and have it explained.";
    ROUTES_CREATE "routes.create" CENTER "Make routes.";
    ROUTES_UPDATE "routes.update" CENTER "Change routes.";
    ROUTES_DELETE "routes.delete" CENTER "Delete routes.";

    SCENARIOS_READ "scenarios.read" CENTER_LISTED "See call-handling scenarios.";
    SCENARIOS_CREATE "scenarios.create" CENTER "Make call-handling scenarios.";
    SCENARIOS_UPDATE "scenarios.update" CENTER "Change what call-handling scenarios are called.";
    SCENARIOS_DELETE "scenarios.delete" CENTER "Delete call-handling scenarios.";

    CALLS_START "calls.start" LISTED "Start calls.";
    CALLS_END "calls.end" LISTED "End calls.";
    CALLS_READ "calls.read" LISTED "See calls and call records, and hear of them as they change.";
    CALLS_MONITOR "calls.monitor" LISTED "Watch and listen to calls while they last.";
    CALLS_RECORD "calls.record" LISTED "Have calls recorded, or not.";
    CALLS_TRACE "calls.trace" LISTED "Read the SIP messages of calls; they name addresses.";
    CALLS_EXPORT "calls.export" LISTED "Export calls and call records.";

    RECORDINGS_READ "recordings.read" LISTED "See which recordings there are.";
    RECORDINGS_LISTEN "recordings.listen" LISTED "Hear recordings.";
    RECORDINGS_DOWNLOAD "recordings.download" LISTED "Save recordings as files.";
    RECORDINGS_EXPORT "recordings.export" LISTED "Export the list of recordings.";
    RECORDINGS_DELETE "recordings.delete" LISTED "Erase recordings, for ever.";
    RECORDINGS_HOLD "recordings.hold" LISTED "Hold recordings, so that nobody erases them, and let them go.";

    SYSTEM_CONFIGURE "system.configure" SYSTEM "Have the server read its configuration again, and change what concerns every centre.";
    SYSTEM_MONITOR "system.monitor" SYSTEM "See how the server is.";
    SYSTEM_RESTART "system.restart" SYSTEM "Have the server start anew.";
    METRICS_READ "metrics.read" SYSTEM "Read the server's metrics.";

    MONITOR_READ "monitor.read" CENTER "Watch how the centre's phones, slots and carriers are, and whether the server works.";

    SECURITY_READ "security.read" SYSTEM "See which sources are banned and for what, which names addresses; see budgets against toll fraud.";
    SECURITY_MANAGE "security.manage" SYSTEM "Ban sources by hand, and let banned ones go; set budgets against toll fraud, and release them.";

    AUDIT_LOG_READ "audit_log.read" ROWS "See who did what; `own`: what one did oneself.";
    AUDIT_LOG_VERIFY "audit_log.verify" SYSTEM "Have the audit log's chain verified.";
    AUDIT_LOG_EXPORT "audit_log.export" ROWS "Export the audit log.";

    EVENTS_LOG_READ "events_log.read" CENTER "See what parts of the system report of themselves.";
    EVENTS_LOG_CREATE "events_log.create" CENTER "Report an event.";
    EVENTS_LOG_EXPORT "events_log.export" CENTER "Export the log of events.";

    JOBS_READ "jobs.read" ROWS "See background jobs.";
    JOBS_MANAGE "jobs.manage" ROWS "Cancel background jobs.";
    JOBS_EXPORT "jobs.export" ROWS "Export the list of background jobs.";
    SCHEDULES_READ "schedules.read" CENTER "See what runs by the clock.";
    SCHEDULES_CREATE "schedules.create" CENTER "Have something run by the clock.";
    SCHEDULES_UPDATE "schedules.update" CENTER "Change what runs by the clock.";
    SCHEDULES_DELETE "schedules.delete" CENTER "Have something no longer run by the clock.";

    EXPORTS_READ "exports.read" ROWS "See and fetch exported files.";
    EXPORTS_DELETE "exports.delete" ROWS "Delete exported files.";

    WEBHOOKS_READ "webhooks.read" CENTER "See webhooks and their deliveries.";
    WEBHOOKS_CREATE "webhooks.create" CENTER "Make webhooks.";
    WEBHOOKS_UPDATE "webhooks.update" CENTER "Change webhooks, renew their secrets, try them, deliver again.";
    WEBHOOKS_DELETE "webhooks.delete" CENTER "Delete webhooks.";
    WEBHOOKS_EXPORT "webhooks.export" CENTER "Export webhooks and their deliveries.";
}

/// What everybody who is signed in may do, whatever their roles.
pub(crate) const EVERYBODY: &[Action] = &[can::PROFILE_READ, can::PROFILE_UPDATE];

/// What a module brings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part {
    /// What can be permitted.
    pub permissions: &'static [Permission],
    /// What is listed.
    pub resources: &'static [&'static Resource],
    /// Of what webhooks can be told.
    pub events: &'static [EventKind],
}

/// What this room brings itself.
pub(crate) fn own(resources: &'static [&'static Resource], events: &'static [EventKind]) -> Part {
    Part { permissions: PERMISSIONS, resources, events }
}

/// Everything that can be permitted, and on what.
#[derive(Debug)]
pub(crate) struct Catalogue {
    permissions: BTreeMap<&'static str, Permission>,
    resources: BTreeMap<&'static str, &'static Resource>,
    /// As the parts bring them.
    events: Vec<&'static EventKind>,
}

/// The resource of a permission: `calls` of `calls.read`.
pub(crate) fn resource_of(permission: &str) -> &str {
    permission.split_once('.').map_or(permission, |(resource, _)| resource)
}

/// The resource by whose lists and column policies a resource without its own goes: recordings are parts of calls, listening tasks and what
/// scorecards find are of calls.
pub(crate) fn kin(resource: &str) -> &str {
    if matches!(resource, "recordings" | "listening" | "scorecards") { "calls" } else { resource }
}

/// The resource whose column policies count for this one too: that whose right opens it (`calls` for call records).
pub(crate) fn root_of(resource: &'static Resource) -> &'static str {
    kin(resource.read.resource())
}

impl Catalogue {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`OfficeError::Defect`] if two parts bring the same, or one names what no part brings.
    pub(crate) fn new(parts: &[Part]) -> Result<Self, OfficeError> {
        let (mut permissions, mut resources) = (BTreeMap::new(), BTreeMap::new());
        for part in parts {
            for permission in part.permissions {
                let name = permission.action.0;
                let (resource, verb) = (permission.action.resource(), permission.action.verb());
                if !is_plain(resource) || !is_plain(verb) {
                    return Err(defect(format!("the permission {name} is not written resource.verb")));
                }
                if permission.reaches.scopes.is_empty() {
                    return Err(defect(format!("the permission {name} reaches nothing")));
                }
                if permissions.insert(name, *permission).is_some() {
                    return Err(defect(format!("the permission {name} is there twice")));
                }
            }
            for resource in part.resources {
                if resources.insert(resource.name, *resource).is_some() {
                    return Err(defect(format!("the resource {} is there twice", resource.name)));
                }
            }
        }
        for resource in resources.values() {
            let rights = std::iter::once(resource.read).chain(resource.export);
            if let Some(unknown) = rights.into_iter().find(|action| !permissions.contains_key(action.0)) {
                return Err(defect(format!("the resource {} takes the unknown permission {unknown}", resource.name)));
            }
            let mut names = BTreeSet::new();
            if let Some(twice) = resource.columns.iter().find(|column| !names.insert(column.name)) {
                return Err(defect(format!("the resource {} has the column {} twice", resource.name, twice.name)));
            }
            let root = resources.get(root_of(resource));
            let likes = resource.columns.iter().flat_map(|column| column.like.iter().map(move |like| (column.name, *like)));
            if let Some((column, like)) = likes.into_iter().find(|(_, like)| root.is_none_or(|root| root.column(like).is_none())) {
                return Err(defect(format!("the column {}.{column} is to be seen like {like}, which is not there", resource.name)));
            }
            if resource.owner == Owner::Anybody && resource.from.is_empty() {
                return Err(defect(format!("the rows of {} are in memory and anybody's: they have to name whose they are", resource.name)));
            }
        }
        let events: Vec<&'static EventKind> = parts.iter().flat_map(|part| part.events).collect();
        let mut kinds = BTreeSet::new();
        for event in &events {
            let kind = event.kind;
            if !kind.split_once('.').is_some_and(|(subject, what)| is_plain(subject) && is_plain(what)) {
                return Err(defect(format!("the event {kind} is not written subject.what")));
            }
            if !kinds.insert(kind) {
                return Err(defect(format!("the event {kind} is there twice")));
            }
            if !permissions.contains_key(event.right.0) {
                return Err(defect(format!("the event {kind} takes the unknown permission {}", event.right)));
            }
            if !resources.contains_key(event.resource) {
                return Err(defect(format!("the event {kind} is of the unknown resource {}", event.resource)));
            }
        }
        Ok(Self { permissions, resources, events })
    }

    /// The permission with this name.
    pub(crate) fn permission(&self, name: &str) -> Option<&Permission> {
        self.permissions.get(name)
    }

    /// All permissions, by name.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.permissions.values()
    }

    /// The resource with this name.
    pub(crate) fn resource(&self, name: &str) -> Option<&'static Resource> {
        self.resources.get(name).copied()
    }

    /// All resources, by name.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &'static Resource> {
        self.resources.values().copied()
    }

    /// Every kind of event that webhooks can be told of.
    pub(crate) fn events(&self) -> impl Iterator<Item = &'static EventKind> {
        self.events.iter().copied()
    }

    /// The resource whose column policies count for this one too.
    pub(crate) fn root<'a>(&self, resource: &'a str) -> &'a str {
        match self.resource(resource) {
            Some(known) => root_of(known),
            None => kin(resource),
        }
    }

    /// By which lists rights to a resource can be narrowed.
    pub(crate) fn list_kinds(&self, resource: &str) -> BTreeSet<ListKind> {
        let of = |name: &str| self.resource(name).into_iter().flat_map(|resource| resource.lists.iter().map(|(kind, _)| *kind));
        of(resource).chain(of(kin(resource))).collect()
    }

    /// Whether there are rights that lists for this resource would narrow.
    pub(crate) fn is_narrowed(&self, resource: &str) -> bool {
        self.permissions.values().any(|known| known.action.resource() == resource && known.reaches.listed)
    }

    /// The catalogue for people.
    pub(crate) fn answer(&self) -> CatalogueAnswer {
        let permission =
            |known: &Permission| PermissionAnswer { permission: known.action.0, about: known.about, scopes: known.reaches.all() };
        let resource = |known: &'static Resource| ResourceAnswer {
            name: known.name,
            columns: known
                .columns
                .iter()
                .map(|column| ColumnAnswer { name: column.name, about: column.about, mask: mask(column.mask) })
                .collect(),
            list_kinds: self.list_kinds(known.name),
        };
        CatalogueAnswer { permissions: self.permissions().map(permission).collect(), resources: self.resources().map(resource).collect() }
    }
}

fn defect(what: String) -> OfficeError {
    OfficeError::Defect(what)
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_')
}

fn mask(mask: Mask) -> &'static str {
    match mask {
        Mask::Phone => "phone",
        Mask::Email => "email",
        Mask::Whole => "whole",
    }
}

/// Everything that can be permitted, and on what.
#[derive(Debug, Clone, Serialize)]
pub struct CatalogueAnswer {
    /// What can be permitted, by name.
    pub permissions: Vec<PermissionAnswer>,
    /// On what, by name.
    pub resources: Vec<ResourceAnswer>,
}

/// Something that can be permitted.
#[derive(Debug, Clone, Serialize)]
pub struct PermissionAnswer {
    /// Its name.
    pub permission: &'static str,
    /// What it allows.
    pub about: &'static str,
    /// How far it can reach.
    pub scopes: Vec<Reach>,
}

/// Something that is listed.
#[derive(Debug, Clone, Serialize)]
pub struct ResourceAnswer {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order in which people want to see them.
    pub columns: Vec<ColumnAnswer>,
    /// By which lists rights to it can be narrowed.
    pub list_kinds: BTreeSet<ListKind>,
}

/// A column of it.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnAnswer {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// How it is masked: `phone`, `email`, `whole`.
    pub mask: &'static str,
}
