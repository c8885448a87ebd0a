//! What a plan is asked, and what it says.

use serde::Serialize;

use super::Ring;
use crate::{
    CarrierId, Cause, CenterId, Number, RouteId, SlotId, WallTime,
    carrier::{Price, Secret},
};

/// What is asked: where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The calling number, as it came; none if it is withheld.
    pub from: Option<Number>,
    /// The called number, as it came.
    pub to: Number,
    /// By what it came.
    pub came_by: Came,
    /// When.
    pub at: WallTime,
    /// Whose call it is: the slot's centre, or that of the incoming number ([`crate::carrier::CarrierEntry::incoming`],
    /// [`crate::carrier::CarrierEntry::center_of`]).
    pub center: CenterId,
    /// The caller number that an administrator gave the slot. Never anything of a request (R8).
    pub caller: Option<Number>,
    /// Chance, from which the order of equal carriers is drawn.
    pub chance: u64,
}

/// By what a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// By a slot.
    Slot,
    /// By a carrier.
    Carrier(CarrierId),
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The calling number, as it was read.
    pub from: Option<Number>,
    /// The called number, as it was read and the route rewrote it.
    pub to: Number,
    /// What said so; none if nothing matched.
    pub origin: Option<Origin>,
    /// The scenario that stands in the CDR; empty if none.
    pub scenario: String,
    /// The source that stands in the CDR; empty if none.
    pub source: String,
    /// Its way.
    pub way: Way,
}

/// What says where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A route.
    Route(RouteId),
    /// The slots of an incoming number of this carrier (R13).
    Number(CarrierId),
    /// The numbering plan that every centre has.
    Numbering,
}

/// A call's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// These slots ring.
    Slots {
        /// Which; at least one.
        slots: Vec<SlotId>,
        /// For how many seconds, each of them if they ring in turn.
        ring_s: u16,
        /// Whether all at once.
        #[serde(skip_serializing_if = "Ring::is_usual")]
        ring: Ring,
    },
    /// It goes out by the first of these that takes it.
    Carriers(Vec<Try>),
    /// It goes to this service.
    Service(Number),
    /// It is refused.
    Refuse {
        /// Why, for the CDR and the phone.
        cause: Cause,
        /// Why, for a person who looks into it.
        why: String,
    },
    /// A program is asked first.
    Ask {
        /// Where.
        url: String,
        /// What the question is signed with; never shown.
        #[serde(skip)]
        secret: Option<Secret>,
        /// For how many milliseconds.
        deadline_ms: u16,
        /// The way if there is no good answer.
        default: Box<Way>,
    },
}

impl Way {
    /// The slots that would ring; of a question those of its default.
    #[must_use]
    pub fn slots(&self) -> &[SlotId] {
        match self {
            Self::Slots { slots, .. } => slots,
            Self::Ask { default, .. } => default.slots(),
            Self::Carriers(_) | Self::Service(_) | Self::Refuse { .. } => &[],
        }
    }

    /// The carriers that it would go by, in their order; of a question those of its default.
    #[must_use]
    pub fn tries(&self) -> &[Try] {
        match self {
            Self::Carriers(tries) => tries,
            Self::Ask { default, .. } => default.tries(),
            Self::Slots { .. } | Self::Service(_) | Self::Refuse { .. } => &[],
        }
    }
}

/// A carrier to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// The carrier.
    pub carrier: CarrierId,
    /// What people call it.
    pub name: String,
    /// The number that is called, in E.164 if it is such a one.
    #[serde(skip)]
    pub called: Number,
    /// The number that it is sent, as it wants it.
    pub to: Number,
    /// The caller number that it is sent, as it wants it.
    pub caller: Number,
    /// The price of a minute; none if it has none for the number.
    pub per_minute: Option<Price>,
    /// The currency of the price.
    pub currency: String,
}
