//! What can go wrong when sockets and threads are set up, and when streams are opened by us. Nothing else that happens later is an error: it is
//! counted.

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

/// Why a stream could not be opened by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotOpened {
    /// Nobody listens there, or there is no way there.
    #[error("nobody is there")]
    Unreachable,
    /// Neither yes nor no in time: nobody answered, or somebody did and then stalled the handshake (B-39).
    #[error("no answer in time")]
    Late,
    /// Whoever is there does not speak TLS as we do: 1.2 or 1.3.
    #[error("no TLS came about")]
    Handshake,
    /// The certificate has expired, or is not good yet.
    #[error("the certificate has expired, or is not good yet")]
    CertificateTime,
    /// The certificate does not prove the name that was asked for (RFC 5922, 7.2).
    #[error("the certificate is of another name")]
    CertificateName,
    /// No authority that we believe vouches for the certificate.
    #[error("nobody that we believe vouches for the certificate")]
    CertificateIssuer,
    /// The certificate cannot be believed for another reason, such as its purpose.
    #[error("the certificate cannot be believed")]
    Certificate,
    /// One of our limits is reached: streams that are being opened, streams in all, or what may wait for one.
    #[error("too much at once")]
    Limit,
    /// No stream is opened there: the address is not of ours, a TLS flow was given no name to prove, or it is of a WebSocket.
    #[error("no stream is opened that way")]
    NoWay,
}
