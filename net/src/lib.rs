//! Sockets and threads: the signalling sockets and the media workers. Knows no calls, and parses neither SIP nor RTP.
//!
//! [`SignallingSockets`] is driven by the one signalling thread of its owner. [`MediaWorkers`] runs a few threads of its own; each drives one
//! [`media::Relay`] and binds ports in advance, so that a port is real before it is promised (R28).

mod adopt;
mod bans;
mod batch;
mod dialler;
mod error;
mod intake;
mod limits;
mod ports;
mod signalling;
mod socket;
mod stream;
mod tls;
mod udp;
mod worker;

pub use adopt::{Adopted, Adopter};
pub use bans::BanCounters;
pub use dialler::TlsDialler;
pub use error::{NetError, NotOpened};
pub use limits::{ephemeral_ports, raise_descriptor_limit};
pub use signalling::{BATCH_MAX, Received, SignallingSettings, SignallingSockets, Waker};
pub use stream::{StreamLimits, TcpCounters};
pub use tls::TlsDoor;
pub use udp::UdpCounters;
pub use worker::{COMMANDS_MAX, FromWorker, MediaSettings, MediaWorkers, PortToken, WorkerCounters};
