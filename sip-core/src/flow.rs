//! Where a message came from and where it goes.

use std::{fmt, net::SocketAddr};

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A byte stream.
    Tcp,
    /// A byte stream within TLS (RFC 3261, 26.2).
    Tls,
    /// The messages of a WebSocket (RFC 7118).
    Ws,
    /// The messages of a WebSocket within TLS.
    Wss,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// The token of a Via: `UDP`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The name of stored rows and metrics: `udp`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The value of a URI's `transport` parameter: a WebSocket within TLS is a `ws` there, for it is the scheme of its own address that says
    /// the rest (RFC 7118, 5.1 and 5.2).
    #[must_use]
    pub fn param(self) -> &'static str {
        match self {
            Self::Wss => "ws",
            other => other.name(),
        }
    }

    /// The transport of a URI's `transport` parameter, in any case; `None` for one we do not speak.
    #[must_use]
    pub fn from_param(param: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| param.eq_ignore_ascii_case(transport.name().as_bytes()))
    }

    /// The port of an address without one (RFC 3261, 19.1.2; RFC 7118, 5.1).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// Whether what is sent arrives or fails, so that nothing need be repeated (RFC 3261, 17.1.1.2).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether we can open such a stream to answer a request whose own stream is gone (RFC 3261, 18.2.2). Browsers do not listen, and a phone
    /// with TLS hardly ever has a certificate to be known by.
    #[must_use]
    pub fn opens_for_responses(self) -> bool {
        matches!(self, Self::Udp | Self::Tcp)
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
