//! The engines that every CRM module stands on: people, rights, lists, audit, jobs, exports, webhooks.
//! Knows no HTTP routes and no telephony; what a person may see and do is decided here and nowhere else.

pub mod accounts;
mod added;
pub mod audit;
pub mod bulk;
mod callers;
pub mod carriers;
mod centers;
mod error;
pub mod events;
pub mod export;
pub mod jobs;
mod keycloak;
mod linked;
mod list;
mod mask;
pub mod notify;
mod principal;
pub mod recordings;
mod registrations;
pub mod rights;
pub mod routes;
pub mod scenarios;
mod security;
mod telephony;
#[cfg(test)]
mod testing;
mod told;
pub mod webhooks;
mod work;

use std::sync::Arc;

use model::{Resource, WallTime};
use store::{Statement, Store};

pub use accounts::email;
pub use added::{Added, Adders, Filling};
pub use callers::SlotCaller;
pub use carriers::finish;
pub use centers::{
    CENTERS, Center, CenterChange, CenterChanged, CenterSettings, DeskSettings, LOCALES, LoginSettings, NewCenter, RetentionSettings,
    SlotsSettings, SourceSettings,
};
pub use error::{Conflict, Fault, OfficeError};
pub use list::{ListColumn, ListCount, ListPage, ListParams, Purpose, Row, Selection};
pub use principal::{By, Permit, Principal, View};
pub use registrations::REGISTRATIONS;
pub use rights::{can, text};
pub use security::{BANS, BUDGETS, BUDGETS_MAX};
pub use store::{
    ChangedTrunk, Idempotency, NewTrunk, StoreError, StoredCarrier, StoredRoute, TrunkChange,
    audit::{Diff, Entry},
    catalogue::{CALLS, CDRS, RECORDINGS, ROUTES, SETTINGS, TRUNKS},
};
pub use telephony::{SLOTS, reaches_call, reaches_call_to_read, reaches_slot};
pub use work::WorkOptions;

/// What this room lists itself. Each engine's resources stand here, so that rights, exports and the audit log know them.
static RESOURCES: &[&Resource] = &[
    &accounts::OIDC_ROLE_MAP,
    &accounts::USERS,
    &audit::AUDIT_LOG,
    &audit::SECURITY_AUDIT,
    &centers::CENTERS,
    &events::EVENTS_LOG,
    &export::EXPORTS,
    &jobs::JOBS,
    &jobs::SCHEDULES,
    &rights::PERMISSION_SETS,
    &rights::ROLES,
    &registrations::REGISTRATIONS,
    &scenarios::SCENARIOS,
    &security::BANS,
    &security::BUDGETS,
    &store::catalogue::CALLS,
    &store::catalogue::CDRS,
    &store::catalogue::RECORDINGS,
    &store::catalogue::ROUTES,
    &store::catalogue::TRUNKS,
    &telephony::SLOTS,
    &webhooks::WEBHOOKS,
    &webhooks::WEBHOOK_DELIVERIES,
];

/// What an office needs to know. Each engine has a field.
#[derive(Debug, Default)]
pub struct Settings {
    /// The permissions, resources and webhooks' events of modules.
    pub parts: Vec<rights::Part>,
    /// The columns that modules add to lists.
    pub added: Adders,
    /// Jobs and exports.
    pub work: WorkOptions,
    /// Webhooks.
    pub webhooks: webhooks::WebhookOptions,
}

/// All engines. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Office(Arc<Inner>);

/// What engines keep in memory. Each has a field, made in [`Office::assemble`].
#[derive(Debug)]
struct Inner {
    store: Store,
    catalogue: rights::Catalogue,
    fillers: added::Fillers,
    rights: rights::Memory,
    rights_hearer: rights::Hearer,
    rows_hearer: told::Hearer,
    accounts: accounts::Accounts,
    work: work::Work,
    webhooks: webhooks::Hub,
}

impl Office {
    /// Puts the engines on a database that is up to date, and sees to it that every centre has the roles that come with the program.
    ///
    /// # Errors
    /// [`OfficeError::Defect`] if parts contradict one another; as the database's.
    pub async fn open(store: Store, settings: Settings, now: WallTime) -> Result<Self, OfficeError> {
        let office = Self::assemble(store, settings)?;
        office.seed_all(now).await?;
        office.fold_scenarios().await?;
        office.picture().await?;
        Ok(office)
    }

    /// Puts the engines on a database, and leaves it as it is.
    pub(crate) fn assemble(store: Store, settings: Settings) -> Result<Self, OfficeError> {
        let parts: Vec<rights::Part> = std::iter::once(rights::own_part(RESOURCES, webhooks::EVENTS)).chain(settings.parts).collect();
        let catalogue = rights::Catalogue::new(&parts)?;
        let fillers = added::Fillers::new(settings.added, &catalogue)?;
        Ok(Self(Arc::new(Inner {
            store,
            catalogue,
            fillers,
            rights: rights::Memory::default(),
            rights_hearer: rights::Hearer::default(),
            rows_hearer: told::Hearer::default(),
            accounts: accounts::Accounts::new(),
            work: work::Work::new(WorkOptions { bulk: accounts::bulk_actions(settings.work.bulk), ..settings.work }),
            webhooks: webhooks::Hub::new(settings.webhooks),
        })))
    }

    /// The database, for the engines themselves.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Everything that can be permitted, and on what.
    pub(crate) fn catalogue(&self) -> &rights::Catalogue {
        &self.0.catalogue
    }

    /// Who adds columns to lists.
    pub(crate) fn fillers(&self) -> &added::Fillers {
        &self.0.fillers
    }

    /// Roles and centres in memory.
    pub(crate) fn memory(&self) -> &rights::Memory {
        &self.0.rights
    }

    /// The resource with this name, of this room or of a module.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&'static Resource> {
        self.catalogue().resource(name)
    }
}

/// Every SQL text of this room; a test prepares each on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    let own = [audit::STATEMENTS, bulk::STATEMENTS, centers::STATEMENTS, events::STATEMENTS, work::STATEMENTS].into_iter();
    let own = own.chain(jobs::ALL_STATEMENTS.iter().copied()).chain(export::ALL_STATEMENTS.iter().copied());
    own.chain(rights::STATEMENTS.iter().copied())
        .chain(accounts::STATEMENTS.iter().copied())
        .chain(webhooks::STATEMENTS.iter().copied())
        .chain(recordings::ALL_STATEMENTS.iter().copied())
        .chain([notify::STATEMENTS, scenarios::STATEMENTS])
        .flatten()
        .copied()
}
