//! What a person may do, told to the person: their console shows and hides by it, while every request is judged anew.

use std::collections::{BTreeMap, BTreeSet};

use model::Reach;
use serde::Serialize;

use super::catalogue::{Catalogue, CatalogueAnswer};
use crate::{ListColumn, Office, Principal};

/// What a person may do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MyPermissions {
    /// The codes of their roles.
    pub roles: Vec<String>,
    /// What they may do where they work now, by name.
    pub permissions: Vec<MyPermission>,
    /// What they see of each resource that they may read.
    pub resources: BTreeMap<&'static str, MyResource>,
}

/// Something that a person may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MyPermission {
    /// The permission.
    pub permission: &'static str,
    /// How far it reaches: what any of these reaches.
    pub scopes: BTreeSet<Reach>,
}

/// What a person sees of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MyResource {
    /// The columns; hidden ones are not there.
    pub columns: Vec<ListColumn>,
    /// Whether its list takes `q`: not if a search would look through what the person does not see whole.
    pub searchable: bool,
}

/// Whether a person may do something (S004-57).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleCheck {
    /// What was asked for.
    pub action: String,
    /// Whether they may.
    pub allowed: bool,
    /// How far it reaches.
    pub scopes: BTreeSet<Reach>,
}

impl Office {
    /// What a person may do where they work now.
    #[must_use]
    pub fn my_permissions(&self, person: &Principal) -> MyPermissions {
        let permissions = self.catalogue().permissions().filter_map(|known| {
            let scopes = scopes(self.catalogue(), person, known.action.0);
            (!scopes.is_empty()).then_some(MyPermission { permission: known.action.0, scopes })
        });
        let resources = self.catalogue().resources().filter_map(|resource| {
            let view = person.permit(resource.read)?.view(resource);
            Some((resource.name, MyResource { columns: view.list_columns(), searchable: view.is_searchable() }))
        });
        MyPermissions { roles: person.roles().to_vec(), permissions: permissions.collect(), resources: resources.collect() }
    }

    /// Whether a person may do something (S004-57). What nobody can be permitted is not allowed.
    #[must_use]
    pub fn role_check(&self, person: &Principal, action: &str) -> RoleCheck {
        let scopes = scopes(self.catalogue(), person, action);
        RoleCheck { action: action.to_owned(), allowed: !scopes.is_empty(), scopes }
    }

    /// What can be permitted, and on what.
    #[must_use]
    pub fn permissions(&self) -> CatalogueAnswer {
        self.catalogue().answer()
    }
}

fn scopes(catalogue: &Catalogue, person: &Principal, action: &str) -> BTreeSet<Reach> {
    if catalogue.permission(action).is_none() {
        return BTreeSet::new();
    }
    person.access().grants_at(action, person.home(), person.center()).map(|grant| grant.reach).collect()
}
