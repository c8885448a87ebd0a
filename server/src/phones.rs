//! The WebSockets of phones, on their way from HTTP to signalling.

use std::net::SocketAddr;

use api::{PhoneStream, Phones};
use net::{Adopted, Adopter};
use sip_core::Transport;

/// Browsers that register as phones.
pub(crate) struct Browsers(pub(crate) Adopter);

impl Phones for Browsers {
    fn admits(&self, peer: SocketAddr) -> bool {
        self.0.admits(peer)
    }

    fn take(&self, PhoneStream { stream, tls, local, peer, read }: PhoneStream) {
        let transport = if tls.is_some() { Transport::Wss } else { Transport::Ws };
        self.0.adopt(Adopted { stream, tls, transport, local, remote: peer, read });
    }
}
