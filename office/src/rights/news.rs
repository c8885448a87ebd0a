//! Whose rights were changed in this process is told, so that what these people are shown is asked for anew.
//!
//! What another process changes (`cordboard user add`) is not told here; it counts when the pictures in memory are read anew.

use std::{collections::BTreeSet, fmt, sync::OnceLock};

use model::{CenterId, UserId};
use store::{StoreError, binds, sql::Tx, statements};

use crate::Office;

statements! {
    OF_ROLE: both "SELECT user_id FROM user_roles WHERE role_id = $1";
    OF_SET: both "SELECT DISTINCT ur.user_id FROM user_roles ur JOIN role_permission_sets rs ON rs.role_id = ur.role_id WHERE rs.set_id = $1";
}

/// The roles of these people, what a role of theirs comes to, or their own lists and column policies are others than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsChange {
    /// Their centre.
    pub center: CenterId,
    /// Who they are.
    pub users: BTreeSet<UserId>,
}

/// Who is told.
#[derive(Default)]
pub(crate) struct Hearer(OnceLock<Box<dyn Fn(RightsChange) + Send + Sync>>);

impl fmt::Debug for Hearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hearer").field("is_there", &self.0.get().is_some()).finish()
    }
}

impl Office {
    /// Has `hear` told, from now on, of each change of somebody's rights, once it counts. It is called by whoever makes the change, so it is to
    /// be short. There is one hearer: false if there was one before, who stays.
    pub fn tell_rights(&self, hear: impl Fn(RightsChange) + Send + Sync + 'static) -> bool {
        self.0.rights_hearer.0.set(Box::new(hear)).is_ok()
    }

    /// Tells of a change that was committed, after what is in memory was aged.
    pub(crate) fn rights_changed(&self, center: CenterId, users: BTreeSet<UserId>) {
        if let Some(hear) = self.0.rights_hearer.0.get().filter(|_| !users.is_empty()) {
            hear(RightsChange { center, users });
        }
    }
}

/// Who has a role, if it was changed.
pub(super) async fn of_role(tx: &mut Tx, role: i64, was_changed: bool) -> Result<BTreeSet<UserId>, StoreError> {
    let rows: Vec<(i64,)> = if was_changed { tx.all(OF_ROLE, binds![role]).await? } else { Vec::new() };
    Ok(rows.into_iter().map(|(user,)| UserId(user)).collect())
}

/// Who has a role with this permission set, if it was changed.
pub(super) async fn of_set(tx: &mut Tx, set: i64, was_changed: bool) -> Result<BTreeSet<UserId>, StoreError> {
    let rows: Vec<(i64,)> = if was_changed { tx.all(OF_SET, binds![set]).await? } else { Vec::new() };
    Ok(rows.into_iter().map(|(user,)| UserId(user)).collect())
}
