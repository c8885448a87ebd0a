//! How sockets are opened, whatever they are for.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Differentiated services class of voice: expedited forwarding (RFC 3246; RFC 4594, 4.1).
pub(crate) const EXPEDITED: u32 = 46;

/// Differentiated services class of telephony signalling: CS3, which the rules of most office routers and switches know for it.
/// (RFC 4594, 4.2 would have CS5.)
pub(crate) const SIGNALLING: u32 = 24;

/// What a socket is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    /// Differentiated services class, 6 bits.
    pub(crate) class: u32,
    /// Octets of the receive buffer to ask for; the kernel counts a packet's own overhead in.
    pub(crate) receive_buffer: usize,
    /// Octets of the send buffer to ask for.
    pub(crate) send_buffer: usize,
    /// For an IPv6 socket: whether it speaks IPv4 too, by mapped addresses.
    pub(crate) dual: bool,
}

/// Opens a non-blocking UDP socket on `address`. The address is not shared: a second server on the same port fails here.
pub(crate) fn open(address: SocketAddr, purpose: Purpose) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!purpose.dual)?;
    }
    // The size of buffers is not worth refusing service: the kernel caps it.
    set_class(&socket, address, purpose.class);
    if address.is_ipv6() && purpose.dual {
        // A mapped packet takes its class from the IPv4 option.
        let _ = rustix::net::sockopt::set_ip_tos(&socket, u8::try_from(purpose.class << 2).unwrap_or(0));
    }
    // With the right to do so the system's cap is passed over; without it the kernel silently caps.
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, purpose.receive_buffer).is_err() {
        let _ = socket.set_recv_buffer_size(purpose.receive_buffer);
    }
    let _ = socket.set_send_buffer_size(purpose.send_buffer);
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A non-blocking socket for a stream of signalling to `remote`, not connected yet. It leaves from the address of `local`, unless that is the
/// unspecified one, and from any port: the one of `local` is where we listen, if anywhere.
pub(crate) fn open_stream(local: SocketAddr, remote: SocketAddr) -> io::Result<Socket> {
    if local.is_ipv4() != remote.is_ipv4() {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    let socket = Socket::new(Domain::for_address(remote), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    set_class(&socket, remote, SIGNALLING);
    if !local.ip().is_unspecified() {
        socket.bind(&SocketAddr::new(local.ip(), 0).into())?;
    }
    Ok(socket)
}

/// Sets the differentiated services class of what a socket sends. Not worth refusing service for: a container may forbid it.
pub(crate) fn set_class(socket: &Socket, address: SocketAddr, class: u32) {
    let class = class << 2;
    let classed = if address.is_ipv6() { socket.set_tclass_v6(class) } else { socket.set_tos_v4(class) };
    if let Err(error) = classed {
        tracing::debug!(%address, %error, "The service class cannot be set.");
    }
}

/// Whether a wildcard address of IPv6 failed because the host has no IPv6, which is no error (rulings, configuration contract).
pub(crate) fn is_missing_family(address: SocketAddr, error: &io::Error) -> bool {
    address.is_ipv6()
        && address.ip().is_unspecified()
        && (error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rustix::net::sockopt::{ip_tos, ipv6_tclass};

    use super::*;

    #[test]
    fn packets_carry_their_class() {
        let purpose = |class, dual| Purpose { class, receive_buffer: 1 << 16, send_buffer: 1 << 16, dual };
        let v4 = |class| open("127.0.0.1:0".parse().unwrap(), purpose(class, false)).unwrap();
        assert_eq!(ip_tos(v4(EXPEDITED)).unwrap(), 0xb8);
        assert_eq!(ip_tos(v4(SIGNALLING)).unwrap(), 0x60);
        if let Ok(dual) = open("[::]:0".parse().unwrap(), purpose(EXPEDITED, true)) {
            assert_eq!((ip_tos(&dual).unwrap(), ipv6_tclass(&dual).unwrap()), (0xb8, 0xb8));
        }
    }

    #[test]
    fn a_host_without_ipv6_is_told_from_a_wrong_address() {
        let missing: [io::Error; 2] = [rustix::io::Errno::AFNOSUPPORT.into(), rustix::io::Errno::ADDRNOTAVAIL.into()];
        for error in missing {
            assert!(is_missing_family("[::]:5060".parse().unwrap(), &error));
            assert!(!is_missing_family("[2001:db8::1]:5060".parse().unwrap(), &error), "somebody wants this very address");
            assert!(!is_missing_family("0.0.0.0:5060".parse().unwrap(), &error));
        }
        assert!(!is_missing_family("[::]:5060".parse().unwrap(), &io::ErrorKind::AddrInUse.into()));
    }
}
