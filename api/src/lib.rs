//! The door for people and programs: REST, Socket.IO and metrics over HTTP.
//! Knows no SIP and no media: what it orders goes through [`Control`], what it plays comes through [`Recordings`].

mod auth;
mod console;
mod dress;
mod error;
mod idempotency;
mod live;
mod metrics;
mod openapi;
mod params;
mod phones;
mod range;
mod refusals;
mod resources;
mod routes;
mod schemas;
mod secret;
mod serve;
mod state;
mod tls;
mod wire;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use error::Code;
pub use live::{Live, RING_MAX, popping::pop};
pub use metrics::{
    BudgetLabels, CarrierLabels, CurrencyLabels, HttpLabels, Metrics, OutcomeLabels, SipLabels, SourceLabels, TimerLabels, TransportLabels,
    WhyLabels,
};
pub use openapi::document as openapi;
pub use phones::{PhoneStream, Phones};
pub use routes::router;
pub use serve::{CONNECTIONS_MAX, CONNECTIONS_PER_SOURCE_MAX, serve};
pub use state::{
    ApiParts, ApiSettings, CertificateStatus, Control, Ha1Of, NotYet, OpenRecording, Peaks, Recordings, Reloaded, Status, System,
};
pub use tls::{Tls, TlsError};
