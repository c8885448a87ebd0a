//! Call control: which legs exist and why, the stages of a call, the CDR.
//!
//! Joins `sip-core` (signalling), `media` (audio) and `seats` (slots) into one core, the [`Switchboard`].
//! Does no IO, reads no clock and does not know who listens to its events.

mod armour;
mod begin;
mod budgets;
mod calling;
mod carriers;
mod cdr;
mod contact;
mod core;
mod door;
mod dtmf;
mod known;
mod ladder;
mod lamps;
mod lead;
mod leg;
mod ports;
mod questions;
mod reach;
mod registration;
mod replacing;
mod settings;
mod stage;
mod switchboard;
pub mod tape;
mod texts;
mod timeline;
mod transfer;
mod watching;

#[cfg(test)]
mod tests;

pub use budgets::BudgetCounts;
pub use cdr::aborted;
pub use ladder::{first_line_shown, masked};
pub use ports::MediaPort;
pub use questions::{ASKING_MAX, AskId};
pub use settings::Settings;
pub use switchboard::{Input, Inquiry, Order, Output, Restored, Switchboard};
