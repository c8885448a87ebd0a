//! The one integration binary: house rules, and stories of a real server with real phones.

#![expect(clippy::indexing_slicing, reason = "a JSON value indexed by a missing key is null, which no assertion takes for right")]

mod acme;
mod asking;
mod bad_input;
mod budgets;
mod capture;
mod carriers;
mod carriers_tls;
mod config;
mod conformance;
mod console;
mod crash;
mod db_copy;
mod desk;
mod dialling;
mod everybody;
mod faults;
mod first_call;
mod floors;
mod mail;
mod office;
mod peers_input;
mod people;
mod presence;
mod registrar;
mod routes;
mod security;
mod shutdown;
mod sso;
mod store_pg;
mod torture;
mod transfers;
mod transports;
mod tshark;
mod world;
