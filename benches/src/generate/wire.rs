//! The generator's sockets: many sources, one thread, arrival times by the kernel.

use std::{
    io::IoSliceMut,
    net::{SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use nix::{
    cmsg_space,
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};

/// Datagrams read with one system call.
const BATCH: usize = 64;
/// Longer ones are cut; nobody sends such here.
const DATAGRAM_MAX: usize = 2048;
/// Octets of a socket's receive buffer that we ask for; the kernel gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A moment in nanoseconds since 1970: the clock by which the kernel stamps arrivals.
pub(crate) type Stamp = u64;

/// The clock of [`Stamp`].
pub(crate) fn now() -> Stamp {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// What came in.
pub(crate) struct Datagram<'a> {
    /// Which socket.
    pub(crate) socket: usize,
    /// Who sent it.
    pub(crate) from: SocketAddrV4,
    /// When it reached the socket, whenever it was read.
    pub(crate) at: Stamp,
    /// Its content.
    pub(crate) octets: &'a [u8],
}

/// The sockets.
pub(crate) struct Wire {
    sockets: Vec<UdpSocket>,
    headers: MultiHeaders<SockaddrIn>,
    buffer: Vec<u8>,
}

impl Wire {
    /// Takes over bound sockets.
    pub(crate) fn new(sockets: Vec<UdpSocket>) -> Result<Self> {
        for socket in &sockets {
            socket.set_nonblocking(true)?;
            setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
            setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
        }
        let headers = MultiHeaders::preallocate(BATCH, Some(cmsg_space!(TimeSpec)));
        Ok(Self { sockets, headers, buffer: vec![0; BATCH * DATAGRAM_MAX] })
    }

    /// The sockets, in order.
    pub(crate) fn sockets(&self) -> &[UdpSocket] {
        &self.sockets
    }

    /// Waits for at most `patience`, and hands over all that has come by then.
    pub(crate) fn wait(&mut self, patience: Duration, mut heard: impl FnMut(&[UdpSocket], &Datagram<'_>)) -> Result<()> {
        let ready: Vec<bool> = {
            let mut fds: Vec<PollFd<'_>> = self.sockets.iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
            match ppoll(&mut fds, Some(TimeSpec::from_duration(patience)), None) {
                Ok(0) | Err(Errno::EINTR) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error).context("ppoll"),
            }
            fds.iter().map(|fd| fd.any() == Some(true)).collect()
        };
        for (at, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
            while self.read(at, &mut heard)? == BATCH {}
        }
        Ok(())
    }

    /// One system call's worth of datagrams of one socket.
    fn read(&mut self, at: usize, heard: &mut impl FnMut(&[UdpSocket], &Datagram<'_>)) -> Result<usize> {
        let Self { sockets, headers, buffer } = self;
        let socket = sockets.get(at).context("no such socket")?;
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffer.chunks_mut(DATAGRAM_MAX).map(|chunk| [IoSliceMut::new(chunk)]).collect();
        let mut count = 0;
        match recvmmsg(socket.as_raw_fd(), headers, &mut slices, MsgFlags::MSG_DONTWAIT, None) {
            Ok(messages) => {
                for message in messages {
                    count += 1;
                    let stamp = message.cmsgs().ok().and_then(|mut all| {
                        all.find_map(|one| match one {
                            ControlMessageOwned::ScmTimestampns(stamp) => u64::try_from(Duration::from(stamp).as_nanos()).ok(),
                            _ => None,
                        })
                    });
                    let (Some(from), Some(octets)) = (message.address, message.iovs().next()) else { continue };
                    heard(sockets, &Datagram { socket: at, from: from.into(), at: stamp.unwrap_or_else(now), octets });
                }
                Ok(count)
            }
            // Refused by the far side's host: whoever waits for an answer will notice.
            Err(Errno::EAGAIN | Errno::ECONNREFUSED) => Ok(0),
            Err(error) => Err(error).context("recvmmsg"),
        }
    }
}

/// Sends; what the kernel refuses is lost, as on any network, and shows as a failure of the work it belonged to.
pub(crate) fn send(sockets: &[UdpSocket], socket: usize, to: SocketAddr, octets: &[u8]) {
    if let Some(socket) = sockets.get(socket) {
        let _ = socket.send_to(octets, to);
    }
}
