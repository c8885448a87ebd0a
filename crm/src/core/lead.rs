//! What can become of a lead (requirements, 1.5).

use model::Action;

use crate::core::machine::{Kind, Machine, Row};

/// Whoever changes a lead.
const UPDATE: Action = Action("leads.update");
/// Whoever gives leads to others.
const HAND_OVER: Action = Action("leads.hand_over");
/// Whoever takes up what was given up.
const REOPEN: Action = Action("leads.reopen");

codes! {
    /// Where a lead stands.
    LeadStatus, "a lead's state":
    /// Nobody has it yet.
    New = "new",
    /// Somebody has it.
    Assigned = "assigned",
    /// Somebody has spoken to them.
    Contacted = "contacted",
    /// They want what we have.
    Qualified = "qualified",
    /// They are a client now.
    Converted = "converted",
    /// They do not want it.
    Lost = "lost",
    /// They do not want to be called.
    Dnc = "dnc",
}

codes! {
    /// What happens to a lead.
    LeadEvent, "a lead's event":
    /// Somebody gets it.
    Assign = "assign",
    /// Somebody speaks to them.
    Contact = "contact",
    /// They are found to want it.
    Qualify = "qualify",
    /// They become a client.
    Convert = "convert",
    /// They are given up.
    Lose = "lose",
    /// They ask not to be called.
    Dnc = "dnc",
    /// They are taken up again.
    Reopen = "reopen",
}

codes! {
    /// What must be there for a step of a lead.
    LeadGuard, "what a lead's step needs":
    /// A seller or an operator whose it is.
    Assignee = "assignee",
    /// A telephone number or a name, of which a client can be made.
    Identity = "identity",
    /// Why.
    Reason = "reason",
}

codes! {
    /// What a step of a lead brings with it.
    LeadEffect, "what a lead's step does":
    /// The client with that number is linked, or one is made; this takes `clients.create` or `clients.update`.
    LinkClient = "link_client",
    /// The reason is kept with the lead.
    KeepReason = "keep_reason",
    /// The reason it was lost for is no longer true.
    ForgetReason = "forget_reason",
    /// Nobody is reminded of it any more: the next action and its time are emptied.
    ClearReminder = "clear_reminder",
}

impl LeadStatus {
    /// Whether somebody is to work on it.
    #[must_use]
    pub fn is_open(self) -> bool {
        OPEN.contains(&self)
    }
}

const OPEN: &[LeadStatus] = &[LeadStatus::New, LeadStatus::Assigned, LeadStatus::Contacted, LeadStatus::Qualified];

/// The kind of [`LEAD`].
#[derive(Debug, Clone, Copy)]
pub enum Lead {}

impl Kind for Lead {
    type State = LeadStatus;
    type Event = LeadEvent;
    type Guard = LeadGuard;
    type Effect = LeadEffect;
    const STATES: &'static [LeadStatus] = LeadStatus::ALL;
    const EVENTS: &'static [LeadEvent] = LeadEvent::ALL;
}

/// A lead:
///
/// ```text
///          assign             contact               qualify              convert
///    new ─────────▶ assigned ─────────▶ contacted ──────────▶ qualified ─────────▶ converted
///     │   contact      │    qualify        │      convert                 ▲
///     ├────────────────┼──────────────▶    ├──────────────────────────────┘
///     │                └───────────────────┼─────────────────▶
///     └── any of the four ── lose(reason) ─┴──▶ lost ── reopen ──▶ assigned
///         any of the four ── dnc(reason) ─────▶ dnc
/// ```
pub static LEAD: Machine<Lead> = Machine {
    start: LeadStatus::New,
    finals: &[LeadStatus::Converted, LeadStatus::Dnc],
    rows: &[
        Row {
            from: &[LeadStatus::New],
            event: LeadEvent::Assign,
            to: LeadStatus::Assigned,
            rights: &[UPDATE, HAND_OVER],
            guards: &[LeadGuard::Assignee],
            effects: &[],
        },
        Row {
            from: &[LeadStatus::New, LeadStatus::Assigned],
            event: LeadEvent::Contact,
            to: LeadStatus::Contacted,
            rights: &[UPDATE],
            guards: &[],
            effects: &[],
        },
        Row {
            from: &[LeadStatus::Assigned, LeadStatus::Contacted],
            event: LeadEvent::Qualify,
            to: LeadStatus::Qualified,
            rights: &[UPDATE],
            guards: &[],
            effects: &[],
        },
        Row {
            from: &[LeadStatus::Contacted, LeadStatus::Qualified],
            event: LeadEvent::Convert,
            to: LeadStatus::Converted,
            rights: &[UPDATE],
            guards: &[LeadGuard::Identity],
            effects: &[LeadEffect::LinkClient, LeadEffect::ClearReminder],
        },
        Row {
            from: OPEN,
            event: LeadEvent::Lose,
            to: LeadStatus::Lost,
            rights: &[UPDATE],
            guards: &[LeadGuard::Reason],
            effects: &[LeadEffect::KeepReason, LeadEffect::ClearReminder],
        },
        Row {
            from: OPEN,
            event: LeadEvent::Dnc,
            to: LeadStatus::Dnc,
            rights: &[UPDATE],
            guards: &[LeadGuard::Reason],
            effects: &[LeadEffect::KeepReason, LeadEffect::ClearReminder],
        },
        Row {
            from: &[LeadStatus::Lost],
            event: LeadEvent::Reopen,
            to: LeadStatus::Assigned,
            rights: &[REOPEN],
            guards: &[],
            effects: &[LeadEffect::ForgetReason],
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::machine::Who;

    #[test]
    fn the_table_is_that_of_the_requirements() {
        LEAD.check_exhaustively(&[
            "new assign > assigned: leads.update|leads.hand_over; assignee",
            "new contact > contacted: leads.update; ",
            "assigned contact > contacted: leads.update; ",
            "assigned qualify > qualified: leads.update; ",
            "contacted qualify > qualified: leads.update; ",
            "contacted convert > converted: leads.update; identity",
            "qualified convert > converted: leads.update; identity",
            "new lose > lost: leads.update; reason",
            "assigned lose > lost: leads.update; reason",
            "contacted lose > lost: leads.update; reason",
            "qualified lose > lost: leads.update; reason",
            "new dnc > dnc: leads.update; reason",
            "assigned dnc > dnc: leads.update; reason",
            "contacted dnc > dnc: leads.update; reason",
            "qualified dnc > dnc: leads.update; reason",
            "lost reopen > assigned: leads.reopen; ",
        ]);
    }

    #[test]
    fn what_is_not_open_reminds_nobody_and_a_client_is_made_once() {
        for row in LEAD.rows {
            let clears = row.effects.contains(&LeadEffect::ClearReminder);
            assert_eq!(clears, !row.to.is_open(), "{row:?}");
            assert_eq!(row.effects.contains(&LeadEffect::LinkClient), row.to == LeadStatus::Converted, "{row:?}");
            let needs_reason = row.guards.contains(&LeadGuard::Reason);
            assert_eq!(needs_reason, row.effects.contains(&LeadEffect::KeepReason), "{row:?}");
        }
    }

    #[test]
    fn a_supervisor_reopens_and_does_nothing_else() {
        let may = |right: Action| right.0 == "leads.reopen";
        for state in LeadStatus::ALL {
            let events: Vec<_> = LEAD.allowed(*state, Who::Person(&may)).map(|row| row.event).collect();
            let expected = if *state == LeadStatus::Lost { vec![LeadEvent::Reopen] } else { Vec::new() };
            assert_eq!(events, expected, "{state}");
        }
    }
}
