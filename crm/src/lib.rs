//! The modules that live on calls: tags, listening, leads, clients, notes.
//! Stands on the engines of `office`, which decide what a person may see and do; knows no HTTP routes and no telephony.

pub mod core;
