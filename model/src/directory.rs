//! Who there is, and where calls go: an immutable picture of slots, hubs, carriers and routes, replaced whole when the store says so.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    BudgetEntry, CenterId, HubId, Number, SlotId, SlotLimits, SlotState,
    route::{Numbering, Plan},
};

/// The kinds of hub (R1, S004-27). Each owns a thousand numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HubKind {
    /// AUTO HUB: 6xxx.
    Auto,
    /// Mobile farm: 7xxx.
    Mf,
    /// Local script: 8xxx.
    Ls,
}

impl HubKind {
    /// The first number of its block is this plus one: `6001`.
    #[must_use]
    pub fn base(self) -> u16 {
        match self {
            Self::Auto => 6000,
            Self::Mf => 7000,
            Self::Ls => 8000,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Mf => "mf",
            Self::Ls => "ls",
        }
    }
}

/// A hub (trunk) of slots (R2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Its id.
    pub id: HubId,
    /// Whose it is.
    pub center: CenterId,
    /// What people call it.
    pub name: String,
    /// Its kind, which gives its numbers.
    pub kind: HubKind,
    /// How many slots it has: 1 to 999.
    pub capacity: u16,
}

/// `H(username:realm:password)` for each digest algorithm (RFC 7616, 3.4.2; RFC 8760). Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    /// MD5.
    pub md5: [u8; 16],
    /// SHA-256.
    pub sha256: [u8; 32],
    /// SHA-512-256.
    pub sha512_256: [u8; 32],
}

impl std::fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ha1(..)")
    }
}

/// A slot as the store knows it (R1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotEntry {
    /// Its id.
    pub id: SlotId,
    /// Whose it is.
    pub center: CenterId,
    /// The hub it belongs to.
    pub hub: HubId,
    /// The hub's kind.
    pub kind: HubKind,
    /// Its number, which is also its SIP user part.
    pub number: Number,
    /// The digest user name.
    pub username: String,
    /// What its password is checked against.
    pub ha1: Ha1,
    /// [`SlotState::Idle`], or [`SlotState::Fault`] or [`SlotState::Disabled`] as an administrator set it.
    pub service: SlotState,
    /// What it may call, and how much at once.
    pub limits: SlotLimits,
    /// The number by which it calls the world, if an administrator gave it one (R8). A carrier that has it verified for the slot's centre is
    /// shown it, any other one the centre's first of its own ([`crate::carrier::CarrierEntry::caller`]).
    pub caller: Option<Number>,
}

/// All slots and hubs, and the plan of carriers and routes, with the look-ups that signalling needs.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// The digest realm, drawn once at first start (R19).
    pub realm: String,
    hubs: BTreeMap<HubId, Hub>,
    slots: BTreeMap<SlotId, SlotEntry>,
    by_number: HashMap<String, SlotId>,
    by_username: HashMap<String, SlotId>,
    plan: Arc<Plan>,
    budgets: Arc<[BudgetEntry]>,
}

impl Directory {
    /// Takes what the store holds of slots and hubs. It has no carriers, and no routes but the numbering plan.
    #[must_use]
    pub fn new(realm: String, hubs: Vec<Hub>, slots: Vec<SlotEntry>) -> Self {
        let by_number = slots.iter().map(|slot| (slot.number.as_str().to_owned(), slot.id)).collect();
        let by_username = slots.iter().map(|slot| (slot.username.clone(), slot.id)).collect();
        let directory = Self {
            realm,
            hubs: hubs.into_iter().map(|hub| (hub.id, hub)).collect(),
            slots: slots.into_iter().map(|slot| (slot.id, slot)).collect(),
            by_number,
            by_username,
            plan: Arc::default(),
            budgets: Arc::default(),
        };
        // Without routes and carriers there is nothing that could be wrong with it.
        let plan = Plan::compile(&[], &[], Numbering::of(&directory)).unwrap_or_default();
        directory.with_plan(Arc::new(plan))
    }

    /// The same slots and hubs with these carriers and routes.
    #[must_use]
    pub fn with_plan(self, plan: Arc<Plan>) -> Self {
        Self { plan, ..self }
    }

    /// Its carriers and routes.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The same with these budgets against toll fraud.
    #[must_use]
    pub fn with_budgets(self, budgets: impl Into<Arc<[BudgetEntry]>>) -> Self {
        Self { budgets: budgets.into(), ..self }
    }

    /// The budgets against toll fraud, one for a scope at most.
    #[must_use]
    pub fn budgets(&self) -> &[BudgetEntry] {
        &self.budgets
    }

    /// The slot with this id.
    #[must_use]
    pub fn slot(&self, id: SlotId) -> Option<&SlotEntry> {
        self.slots.get(&id)
    }

    /// The slot with this number.
    #[must_use]
    pub fn slot_by_number(&self, number: &str) -> Option<&SlotEntry> {
        self.by_number.get(number).and_then(|id| self.slots.get(id))
    }

    /// The slot with this digest user name.
    #[must_use]
    pub fn slot_by_username(&self, username: &str) -> Option<&SlotEntry> {
        self.by_username.get(username).and_then(|id| self.slots.get(id))
    }

    /// All slots, by id.
    pub fn slots(&self) -> impl Iterator<Item = &SlotEntry> {
        self.slots.values()
    }

    /// The hub with this id.
    #[must_use]
    pub fn hub(&self, id: HubId) -> Option<&Hub> {
        self.hubs.get(&id)
    }
}
