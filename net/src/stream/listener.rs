//! Where streams are opened to us.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, event::Source};
use socket2::{Domain, Protocol, Socket, Type};

use crate::socket::{SIGNALLING, set_class};

/// Streams that the kernel may have accepted for us before we look; it caps this itself (`net.core.somaxconn`).
const BACKLOG: i32 = 4_096;

/// How long accepting pauses when the system has no descriptor left (FT-11). Those who wait stay in the backlog.
const PAUSE: Duration = Duration::from_secs(1);

/// A listening socket.
pub(super) struct Listener {
    io: mio::net::TcpListener,
    /// As bound: may be a wildcard address, the port is a real one.
    pub(super) bound: SocketAddr,
    /// Whether somebody may be waiting: readiness is told once only.
    pub(super) ready: bool,
    /// Not to be asked before.
    pub(super) paused_until: Option<Instant>,
    /// Whether the system had no descriptor or memory for somebody who may still be waiting.
    pub(super) is_short: bool,
}

/// One step of accepting.
pub(super) enum Accepted {
    Stream(mio::net::TcpStream, SocketAddr),
    /// Somebody was there and went.
    Gone,
    /// Nobody waits.
    Nobody,
    /// The system has no descriptor or memory left; the listener pauses.
    Exhausted(io::Error),
}

impl Listener {
    /// Listens on `address`: see [`listen_on`].
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let std = listen_on(address)?;
        let bound = std.local_addr()?;
        Ok(Self { io: mio::net::TcpListener::from_std(std), bound, ready: true, paused_until: None, is_short: false })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.io.register(registry, token, Interest::READABLE)
    }

    pub(super) fn accept(&mut self, now: Instant) -> Accepted {
        match self.io.accept() {
            Ok((stream, remote)) => Accepted::Stream(stream, remote),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready = false;
                self.is_short = false;
                Accepted::Nobody
            }
            Err(error) if is_exhausted(&error) => {
                self.ready = false;
                self.paused_until = Some(now + PAUSE);
                self.is_short = true;
                Accepted::Exhausted(error)
            }
            // accept(2): what the network did to that very stream; the next may be sound.
            Err(_) => Accepted::Gone,
        }
    }

    /// Ends a pause that is over.
    pub(super) fn resume(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.ready = true;
        }
    }
}

/// A socket, non-blocking, that listens on `address`. One of IPv6 speaks IPv6 only.
pub(crate) fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Else the streams of the server that ran before, which the kernel keeps for a minute, hold the address. Two that listen are refused
    // all the same.
    socket.set_reuse_address(true)?;
    // Streams take it from here.
    set_class(&socket, address, SIGNALLING);
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether the system has no descriptor or memory left.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errnos = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|raw| errnos.iter().any(|errno| errno.raw_os_error() == raw))
}
