//! A role's rights in the form of the seeds (D10; S004-65…94): `{"all": true}`, or area by area `true` or a list of verbs.
//!
//! The form names no scopes. `true` is what the role has of the area in the matrix that comes with the program; a verb alone reaches as
//! far as the role's own column has it there, and otherwise the centre. Where a role differs, a verb says so: `"read@own"`.
//!
//! | Area | What it names |
//! |---|---|
//! | `crm` | leads, clients, orders |
//! | `read`, `monitor` (with `true`) | these verbs of the role's own column |
//! | `report` (with `true`) | reports of the role's own column, and its exports |
//! | any other | the resource of that name |
//!
//! | Verb | What it grants |
//! |---|---|
//! | `write` | create, update |
//! | `admin` | admin, where there is such a permission; else all of the area |
//! | any other | the permission of that name |

use std::collections::{BTreeMap, BTreeSet};

use model::{Reach, WallTime};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{
    audit::{self, Diff, Entry},
    sql::Tx,
};

use super::{
    catalogue::{Catalogue, can, resource_of},
    finish, memory, news,
    people::{guard_admins, without_admin},
    roles::{read_sets, role_row, set_by_code, touch, write_sets},
    seed::{everything, seed_of},
    sets::{ITEMS_MAX, PermissionItem, add_set, read_items, set_holders, write_items},
};
use crate::{Conflict, Fault, Office, OfficeError, Permit, View};

/// Areas that mean a verb, or what goes with it, if they are true.
const VERB_AREAS: &[&str] = &["read", "monitor", "report"];

/// Areas of a shape; more are refused.
const AREAS_MAX: usize = 200;
/// Verbs of an area; more are refused.
const VERBS_MAX: usize = 100;
/// So much of a stranger's text is repeated.
const TEXT_MAX: usize = 64;
/// Areas of several resources.
const WIDE_AREAS: &[(&str, &[&str])] = &[("crm", &["leads", "clients", "orders"])];

/// What came of a shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShapeAnswer {
    /// The role's new version.
    pub version: i64,
    /// What the program does not know (yet) and did not apply: areas, or `area.verb`.
    pub not_applied: Vec<String>,
}

/// What a shape says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) items: BTreeSet<PermissionItem>,
    pub(super) not_applied: Vec<String>,
    pub(super) faults: Vec<Fault>,
}

/// Between shapes and the rights of one role.
pub(super) struct Form<'a> {
    catalogue: &'a Catalogue,
    /// What the role has in the matrix; none if it did not come with the program.
    column: Option<BTreeSet<PermissionItem>>,
}

impl<'a> Form<'a> {
    pub(super) fn of(catalogue: &'a Catalogue, role: &str) -> Self {
        let column = seed_of(role).map(|seed| items(seed.items(catalogue)));
        Self { catalogue, column }
    }

    /// What the role has of a resource in the matrix.
    fn column_of(&self, resource: &str) -> BTreeSet<PermissionItem> {
        self.column.iter().flatten().filter(|item| resource_of(&item.permission) == resource).cloned().collect()
    }

    /// How far a permission reaches if a shape does not say.
    fn usual(&self, permission: &str) -> BTreeSet<Reach> {
        let own: BTreeSet<Reach> =
            self.column.iter().flatten().filter(|item| item.permission == permission).map(|item| item.scope).collect();
        let usual = || self.catalogue.permission(permission).map(|known| known.reaches.usual());
        if own.is_empty() { usual().into_iter().collect() } else { own }
    }

    /// The rights as a shape.
    pub(super) fn write(&self, rights: &BTreeSet<PermissionItem>) -> Map<String, Value> {
        if *rights == items(everything(self.catalogue)) {
            return Map::from_iter([("all".to_owned(), true.into())]);
        }
        let mut areas: BTreeMap<&str, BTreeSet<PermissionItem>> = BTreeMap::new();
        for item in rights {
            areas.entry(resource_of(&item.permission)).or_default().insert(item.clone());
        }
        let area = |(resource, items): (&str, BTreeSet<PermissionItem>)| {
            // `true` of what is a verb's name as well would mean that verb of every resource.
            let value =
                if items == self.column_of(resource) && !VERB_AREAS.contains(&resource) { true.into() } else { self.verbs(&items).into() };
            (resource.to_owned(), value)
        };
        areas.into_iter().map(area).collect()
    }

    fn verbs(&self, items: &BTreeSet<PermissionItem>) -> Vec<String> {
        let mut reaches: BTreeMap<&str, BTreeSet<Reach>> = BTreeMap::new();
        for item in items {
            reaches.entry(&item.permission).or_default().insert(item.scope);
        }
        let verbs = reaches.into_iter().flat_map(|(permission, reaches)| {
            let verb = permission.split_once('.').map_or(permission, |(_, verb)| verb);
            if reaches == self.usual(permission) {
                return vec![verb.to_owned()];
            }
            reaches.iter().map(|reach| format!("{verb}@{reach}")).collect()
        });
        verbs.collect()
    }

    /// The rights that a shape says.
    pub(super) fn read(&self, shape: &Map<String, Value>) -> Said {
        let mut said = Said::default();
        if shape.len() > AREAS_MAX {
            said.faults.push(Fault::invalid("", format!("a shape has at most {AREAS_MAX} areas")));
            return said;
        }
        for (area, value) in shape {
            let resources: Vec<&str> = match WIDE_AREAS.iter().find(|(name, _)| name == area) {
                Some((_, resources)) => resources.to_vec(),
                None => vec![area.as_str()],
            };
            match (area.as_str(), value) {
                (_, Value::Bool(false)) => {}
                ("all", Value::Bool(true)) => said.items.extend(items(everything(self.catalogue))),
                (area, Value::Bool(true)) if VERB_AREAS.contains(&area) => self.read_wide(area, &mut said),
                _ if resources.iter().all(|resource| !self.is_known(resource)) => said.not_applied.push(shortened(area)),
                (_, Value::Bool(true)) if self.column.is_none() => {
                    let detail = "true is for the roles that came with the program; name the verbs of others";
                    said.faults.push(Fault::invalid(shortened(area), detail));
                }
                (_, Value::Bool(true)) => {
                    for resource in resources {
                        said.items.extend(self.column_of(resource));
                    }
                }
                (_, Value::Array(verbs)) if verbs.len() <= VERBS_MAX => self.read_verbs(area, &resources, verbs, &mut said),
                _ => {
                    let detail = format!("an area is true, false, or a list of at most {VERBS_MAX} verbs");
                    said.faults.push(Fault::invalid(shortened(area), detail));
                }
            }
        }
        if said.items.len() > ITEMS_MAX {
            said.faults.push(Fault::invalid("", format!("a role has at most {ITEMS_MAX} permissions here")));
        }
        said
    }

    /// `{"read": true}` and its like.
    fn read_wide(&self, area: &str, said: &mut Said) {
        let Some(column) = &self.column else {
            said.faults.push(Fault::invalid(area, "true is for the roles that came with the program; name the areas and verbs of others"));
            return;
        };
        let is_meant = |item: &&PermissionItem| {
            let (resource, verb) = item.permission.split_once('.').unwrap_or_default();
            if area == "report" { resource == "reports" || verb == "export" } else { verb == area }
        };
        said.items.extend(column.iter().filter(is_meant).cloned());
    }

    fn read_verbs(&self, area: &str, resources: &[&str], verbs: &[Value], said: &mut Said) {
        for (place, verb) in verbs.iter().enumerate() {
            let field = || format!("{}[{place}]", shortened(area));
            let Some(text) = verb.as_str() else {
                said.faults.push(Fault::invalid(field(), "a verb is a text"));
                continue;
            };
            let (verb, reach) = match text.split_once('@') {
                None => (text, None),
                Some((verb, reach)) => match reach.parse::<Reach>() {
                    Ok(reach) => (verb, Some(reach)),
                    Err(error) => {
                        said.faults.push(Fault::invalid(field(), error.to_string()));
                        continue;
                    }
                },
            };
            for resource in resources {
                let permissions = self.permissions(resource, verb);
                if permissions.is_empty() {
                    said.not_applied.push(shortened(&format!("{resource}.{verb}")));
                }
                for (permission, is_allowed) in permissions {
                    match reach {
                        None => {
                            let items = self.usual(permission).into_iter();
                            said.items.extend(items.map(|scope| PermissionItem { permission: permission.to_owned(), scope }));
                        }
                        Some(scope) if is_allowed(scope) => {
                            said.items.extend([PermissionItem { permission: permission.to_owned(), scope }]);
                        }
                        Some(scope) => said.faults.push(Fault::invalid(field(), format!("{permission} cannot reach {scope}"))),
                    }
                }
            }
        }
    }

    fn is_known(&self, resource: &str) -> bool {
        self.catalogue.permissions().any(|known| known.action.resource() == resource)
    }

    /// The permissions that a verb names.
    fn permissions(&self, resource: &str, verb: &str) -> Vec<(&'static str, impl Fn(Reach) -> bool)> {
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<_> {
            let known = self.catalogue.permissions().filter(|known| known.action.resource() == resource && wanted(known.action.verb()));
            known.map(|known| (known.action.0, |reach| known.reaches.allow(reach))).collect()
        };
        match verb {
            "write" => of(&|known| matches!(known, "create" | "update")),
            "admin" => {
                let own = of(&|known| known == "admin");
                if own.is_empty() { of(&|_| true) } else { own }
            }
            verb => of(&|known| known == verb),
        }
    }
}

/// The code of a role's own set.
fn own_set(role: i64) -> String {
    format!("role_{role}")
}

/// Whether a set of this code is a role's own.
pub(super) fn is_own_set(code: &str) -> bool {
    code.strip_prefix("role_").is_some_and(|role| role.parse::<i64>().is_ok())
}

pub(super) fn items(items: Vec<(String, Reach)>) -> BTreeSet<PermissionItem> {
    items.into_iter().map(|(permission, scope)| PermissionItem { permission, scope }).collect()
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

impl Office {
    /// A role's rights in the form of the seeds.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], also if the person does not see what the role grants.
    pub async fn role_shape(&self, view: &View, key: &str) -> Result<Map<String, Value>, OfficeError> {
        let role = self.role(view, key).await?;
        let missing = || OfficeError::NotFound("role");
        let code = role.get("code").and_then(Value::as_str).ok_or_else(missing)?;
        let permissions = role.get("permissions").cloned().ok_or_else(missing)?;
        let rights: BTreeSet<PermissionItem> = serde_json::from_value(permissions).map_err(|_| missing())?;
        Ok(Form::of(self.catalogue(), code).write(&rights))
    }

    /// Gives a role the rights that a shape says, in place of those that it has: by a permission set of its own. Lists and column policies
    /// stay.
    ///
    /// # Errors
    /// As [`Office::update_role`].
    pub async fn set_role_shape(
        &self,
        permit: &Permit,
        id: i64,
        version: i64,
        shape: &Map<String, Value>,
        now: WallTime,
    ) -> Result<ShapeAnswer, OfficeError> {
        permit.must_be(can::ROLES_UPDATE)?;
        let changing = self.rights_change();
        let mut tx = self.store().db().begin().await?;
        let made = self.set_role_shape_in(&mut tx, permit, (id, version), shape, now).await;
        let holders = news::of_role(&mut tx, id, made.as_ref().is_ok_and(|made| made.version != version)).await?;
        let made = finish(tx, made, changing).await?;
        self.rights_changed(permit.rows().center, holders);
        Ok(made)
    }

    async fn set_role_shape_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (i64, i64),
        shape: &Map<String, Value>,
        now: WallTime,
    ) -> Result<ShapeAnswer, OfficeError> {
        memory::lock_and_count_up(tx).await?;
        let row = role_row(tx, permit, id, version).await?;
        let said = Form::of(self.catalogue(), &row.code).read(shape);
        if !said.faults.is_empty() {
            return Err(OfficeError::Invalid(said.faults));
        }
        let orphans = without_admin(tx).await?;
        let old_sets = read_sets(tx, id).await?;
        let mut old = BTreeSet::new();
        for (set, _) in &old_sets {
            old.append(&mut read_items(tx, self.catalogue(), *set).await?);
        }
        if old == said.items {
            return Ok(ShapeAnswer { version, not_applied: said.not_applied });
        }
        self.guard_role(tx, permit, id).await?;
        // Other roles may have the role's sets too, so it gets one that is its own.
        let code = own_set(id);
        let set = match set_by_code(tx, row.center(), &code).await? {
            Some(set) => set,
            None => add_set(tx, row.center(), &code, &row.name, permit, now).await?,
        };
        if let Some(other) = set_holders(tx, set).await?.into_iter().find(|role| *role != row.code) {
            return Err(OfficeError::Conflict(Conflict::InUse(format!("the role {other}, which has the permission set {code} as well"))));
        }
        write_items(tx, self.catalogue(), set, &said.items).await?;
        write_sets(tx, id, &[(set, code)]).await?;
        touch(tx, &row, now).await?;
        self.guard_role(tx, permit, id).await?;
        guard_admins(tx, &orphans).await?;
        let texts = |items: &BTreeSet<PermissionItem>| items.iter().map(PermissionItem::text).collect::<Vec<_>>();
        let diff = Diff::none().and("permissions", texts(&old), texts(&said.items));
        audit::append(tx, now, permit.actor(), &[Entry::change("roles.update", "roles", id, diff).security()]).await?;
        Ok(ShapeAnswer { version: version + 1, not_applied: said.not_applied })
    }
}
