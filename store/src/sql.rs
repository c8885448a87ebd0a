//! What a room above needs to keep tables of its own in the same databases: statements, values, transactions.
//!
//! One SQL text serves both engines ([`statements!`](crate::statements)); values are whole numbers and texts; times are milliseconds.

pub use crate::{
    db::{Bind, FromBoth, Statement, Tx},
    idempotency::idempotency_finish,
    ids::draw,
    many::{Column, Rows, list},
    outbox::{News, ack, forget, listen, listen_to, tell},
};
