//! What can go wrong when sockets and threads are set up. Nothing that happens later is an error: it is counted.

use std::{io, net::SocketAddr};

/// Why sockets or workers could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The operating system refused an address: taken by another program, not ours, or a port that needs rights.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address as configured.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Every configured address belongs to a protocol that this host does not speak.
    #[error("there is no address to listen on")]
    NoAddress,
    /// Media needs at most one address of each family: a packet's far address alone decides the socket.
    #[error("media can be bound to one IPv4 and one IPv6 address at most")]
    TooManyAddresses,
    /// The port range has not one even-odd pair for each worker.
    #[error("the media port range {first}-{last} is too small for {workers} workers")]
    PortRange {
        /// The range's first port.
        first: u16,
        /// The range's last port.
        last: u16,
        /// How many workers share it.
        workers: usize,
    },
    /// Not one port of a worker's share could be bound at start.
    #[error("no media port can be bound")]
    NoPorts(#[source] io::Error),
    /// The operating system has no poller, waker or thread left.
    #[error("cannot set up polling or threads")]
    System(#[from] io::Error),
}
