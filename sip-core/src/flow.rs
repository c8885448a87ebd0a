//! Where a message came from and where it goes.

use std::{fmt, net::SocketAddr};

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A byte stream.
    Tcp,
}

impl Transport {
    /// The token of a Via: `UDP`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The value of a URI's `transport` parameter, and of stored rows: `udp`.
    #[must_use]
    pub fn param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }

    /// The transport of a URI's `transport` parameter, in any case; `None` for one we do not speak.
    #[must_use]
    pub fn from_param(param: &[u8]) -> Option<Self> {
        if param.eq_ignore_ascii_case(b"udp") {
            Some(Self::Udp)
        } else if param.eq_ignore_ascii_case(b"tcp") {
            Some(Self::Tcp)
        } else {
            None
        }
    }

    /// Whether what is sent arrives or fails, so that nothing need be repeated (RFC 3261, 17.1.1.2).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A way between us and a peer: what a message came by, and what its answer leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// What carries it.
    pub transport: Transport,
    /// Our address and port: a real one, never the unspecified address, so that it can stand in a Via or Contact.
    pub local: SocketAddr,
    /// The peer's address and port as seen by us.
    pub remote: SocketAddr,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} - {}", self.transport, self.local, self.remote)
    }
}
