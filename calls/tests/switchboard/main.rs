//! Whole calls in virtual time: the switchboard between phones on a simulated network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod armour;
mod asking;
mod budgets;
mod carriers;
#[path = "../../../seats/src/tests/chance.rs"]
mod chance;
mod clock;
mod enrolling;
mod faults;
mod incoming;
mod keeping;
mod ladder;
mod lamps;
mod limits;
mod many_accounts;
mod names;
mod options;
mod oversize;
mod paths;
mod phone;
mod registered;
mod registry;
mod reload;
mod rung;
mod sharing;
mod stories;
mod streams;
mod telling;
mod texts;
mod transfers;
mod trust;
mod world;
