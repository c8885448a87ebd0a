//! The one door to other servers: HTTP (with a guard against requests to private addresses), e-mail, sign-in providers,
//! certificate authorities, DNS, capture servers. Knows no rights, no modules and no database.

pub mod acme;
pub mod dns;
pub mod hep;
pub mod http;
pub mod oidc;
pub mod smtp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tls;

pub use tls::{Roots, RootsError};
