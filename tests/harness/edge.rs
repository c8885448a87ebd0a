//! An edge proxy: Kamailio between phones and the server under test, which leaves its name on the way of each REGISTER (Path, RFC 3327).

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;

use crate::kamailio::Kamailio;

const CONFIGURATION: &str = include_str!("../peers/edge/kamailio.cfg");

/// A running edge proxy. Ended when dropped.
#[derive(Debug)]
pub struct Edge {
    kamailio: Kamailio,
}

impl Edge {
    /// Starts one on this loopback address, before this server.
    ///
    /// # Errors
    /// When Kamailio is not installed or does not start.
    pub fn start(address: Ipv4Addr, server: SocketAddr) -> Result<Self> {
        Ok(Self { kamailio: Kamailio::start(address, &CONFIGURATION.replace("SERVER", &server.to_string()), None)? })
    }

    /// Where phones reach it, over UDP and TCP.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.kamailio.sip()
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.kamailio.log()
    }
}
