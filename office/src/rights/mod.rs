//! Roles, permission sets and what comes of them for a person.
//!
//! A right is `resource.action@scope`. What can be permitted at all stands in the [`catalogue`]; permission sets list permissions, roles
//! are made of sets, people have roles ([`people`]). [`memory`] makes of that a person's [`AccessMap`], and [`access`] says which rows and
//! columns it reaches: the only way there leads through [`Permit`](crate::Permit) and [`View`](crate::View).

mod access;
mod catalogue;
mod given;
mod memory;
mod mine;
mod news;
mod people;
mod roles;
mod seed;
mod sets;
mod shape;
#[cfg(test)]
mod tests;
pub mod text;

use store::{Statement, sql::Tx};

use crate::{Office, OfficeError};

pub use catalogue::{CatalogueAnswer, ColumnAnswer, Part, Permission, PermissionAnswer, Reaches, ResourceAnswer, can};
pub use given::{AccessList, ColumnPolicy};
pub use mine::{MyPermission, MyPermissions, MyResource, RoleCheck};
pub use news::RightsChange;
pub use people::who_may;
pub use roles::{NewRole, ROLES, RoleChange};
pub use sets::{NewSet, PERMISSION_SETS, PermissionItem, SetChange};
pub use shape::ShapeAnswer;

pub(crate) use access::{AccessMap, Grant, Seat};
pub(crate) use catalogue::{Catalogue, own as own_part};
pub(crate) use memory::{Memory, lock as lock_rights, lock_and_count_up};
pub(crate) use news::Hearer;
pub(crate) use people::{AccessChange, USER_ROLES_MAX, guard_admins, without_admin};
pub(crate) use seed::seed_center;

/// Every SQL text of this folder.
pub(crate) const STATEMENTS: &[&[Statement]] =
    &[given::STATEMENTS, memory::STATEMENTS, news::STATEMENTS, people::STATEMENTS, roles::STATEMENTS, seed::STATEMENTS, sets::STATEMENTS];

/// Makes a change lasting, or takes it back, and then lets everybody have it.
pub(crate) async fn finish<T>(tx: Tx, made: Result<T, OfficeError>, changing: impl Sized) -> Result<T, OfficeError> {
    match made {
        Ok(made) => {
            tx.commit().await?;
            drop(changing);
            Ok(made)
        }
        Err(error) => {
            // The connection is good for others; if it is not, the change is gone with it.
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}

impl Office {
    /// Roles, sets or centres are being changed: what is in memory of them is read anew when this is dropped.
    #[must_use = "the change counts when this is dropped: hold it until after the commit"]
    pub(crate) fn rights_change(&self) -> impl Sized {
        // Dropped in this order: whoever reads an account anew then finds that roles are to be read anew.
        (self.memory().change(), self.accounts().people.change_all())
    }
}
