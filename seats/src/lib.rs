//! Who may take or make the next call: slots, their states, their leases.
//!
//! A core without IO: it knows no SIP, no media, no socket, no clock and no thread, and does not know who listens.
//! Time is an argument. After each input, drain [`Seats::poll`] until it is empty.

pub mod budget;
mod gate;
mod lease;
mod seats;
mod slot;

#[cfg(test)]
mod tests;

pub use gate::{Closed, Permit, by_route, may_call};
pub use seats::{Seats, SeatsOutput, SeatsSettings};
