//! The end-to-end harness: starts a real server, real phones (baresip, `SIPp`) and phones of its own, and judges what they heard.
//!
//! It knows the product only from outside: its command line, its HTTP and SIP, its files. Its own phone does not use the product's
//! SIP code, so that one mistake cannot hide itself on both sides.

#![expect(clippy::indexing_slicing, reason = "a JSON value indexed by a missing key is null, which no check takes for right")]

pub mod acme;
pub mod audio;
pub mod baresip;
pub mod browser;
pub mod carrier;
pub mod certificate;
pub mod clock;
pub mod dns;
pub mod edge;
pub mod hep;
pub mod kamailio;
pub mod linphone;
pub mod namespace;
pub mod oidc;
pub mod ports;
pub mod postgres;
pub mod proc;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod rest;
pub mod screen;
pub mod server;
pub mod sipp;
pub mod smtp;
pub mod stream;
pub mod tmpfs;
pub mod tshark;
pub mod wait;

pub use baresip::Baresip;
pub use raw::RawPhone;
pub use rest::{Account, Rest};
pub use server::Server;
