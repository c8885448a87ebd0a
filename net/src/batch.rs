//! Many datagrams in one system call.

use std::{
    cell::RefCell,
    io::{IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::RawFd,
};

use bytes::Bytes;
use nix::{
    cmsg_space, libc,
    sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, sendmmsg, sendmsg},
};

/// Datagrams in one system call.
pub(crate) const CALL_MAX: usize = 32;

/// Room for the greatest datagram that there is, so that none is ever cut (B-38).
pub(crate) const DATAGRAM_MAX: usize = 65_536;

thread_local! {
    /// Headers are filled anew for each call and hold nothing between two. They are pointers to each other and so cannot move to another
    /// thread with the sockets; each thread that drives sockets has its own.
    static HEADERS: RefCell<Headers> = const {
        RefCell::new(Headers { receive_v4: None, receive_v6: None, plain: None, from_v4: None, from_v6: None, remotes: Vec::new() })
    };
}

type Multi = MultiHeaders<SockaddrStorage>;

/// One for each shape of header: the kernel writes how much room it used, which the next call then offers it.
struct Headers {
    receive_v4: Option<Multi>,
    receive_v6: Option<Multi>,
    plain: Option<Multi>,
    from_v4: Option<Multi>,
    from_v6: Option<Multi>,
    remotes: Vec<Option<SockaddrStorage>>,
}

/// Room for what is read: only the pages that datagrams really fill are ever touched.
pub(crate) fn buffer() -> Box<[u8]> {
    vec![0; CALL_MAX * DATAGRAM_MAX].into_boxed_slice()
}

/// Reads at most `count` datagrams, but no more than [`CALL_MAX`], and hands each to `each`: where it came from, the local address it came to
/// (`None` if the kernel does not say), its octets. How many there were; fewer than `count` means that there are no more for now.
///
/// # Errors
/// `EAGAIN` when there are none, or the report on an earlier datagram of ours.
pub(crate) fn receive(
    fd: RawFd,
    is_ipv4: bool,
    buffer: &mut [u8],
    count: usize,
    mut each: impl FnMut(Option<SocketAddr>, Option<IpAddr>, &[u8]),
) -> nix::Result<usize> {
    HEADERS.with_borrow_mut(|headers| {
        let headers = if is_ipv4 { &mut headers.receive_v4 } else { &mut headers.receive_v6 };
        let multi = headers.get_or_insert_with(|| MultiHeaders::preallocate(CALL_MAX, Some(cmsg_space!(libc::in6_pktinfo))));
        let mut chunks = buffer.chunks_exact_mut(DATAGRAM_MAX);
        let mut slices: [[IoSliceMut<'_>; 1]; CALL_MAX] = std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let received = recvmmsg(fd, multi, slices.iter_mut().take(count), MsgFlags::MSG_DONTWAIT, None)?;
        let (mut read, mut is_sound) = (0, true);
        for message in received {
            let local = message.cmsgs().ok().and_then(|mut all| all.find_map(|one| local_of(&one)));
            is_sound &= local.is_some();
            each(message.address.as_ref().and_then(address_of), local, octets(&message));
            read += 1;
        }
        if !is_sound {
            // The kernel had less room than it needs, and the next call would offer it no more.
            *headers = None;
        }
        Ok(read)
    })
}

fn octets<'a>(message: &RecvMsg<'_, 'a, SockaddrStorage>) -> &'a [u8] {
    message.iovs().next().unwrap_or_default()
}

/// A datagram to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The address it leaves from; `None`: the one the socket is bound to, or the kernel chooses.
    pub(crate) local: Option<IpAddr>,
    pub(crate) remote: SocketAddr,
    pub(crate) bytes: Bytes,
}

/// Sends datagrams that all leave from the local address of the first, at most [`CALL_MAX`]; how many the kernel took.
///
/// # Errors
/// Why it did not even take the first.
pub(crate) fn send(fd: RawFd, all: &[Outgoing]) -> nix::Result<usize> {
    let Some(first) = all.first() else { return Ok(0) };
    match first.local {
        None => send_with(fd, all, |headers| &mut headers.plain, None, &[]),
        Some(IpAddr::V4(ip)) => {
            // ipi_spec_dst is the source address of an outgoing packet (ip(7)).
            let source = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
            let space = Some(CMSG_V4);
            send_with(fd, all, |headers| &mut headers.from_v4, space, &[ControlMessage::Ipv4PacketInfo(&info)])
        }
        Some(IpAddr::V6(ip)) => {
            let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
            let space = Some(CMSG_V6);
            send_with(fd, all, |headers| &mut headers.from_v6, space, &[ControlMessage::Ipv6PacketInfo(&info)])
        }
    }
}

fn send_with(
    fd: RawFd,
    all: &[Outgoing],
    multi: fn(&mut Headers) -> &mut Option<Multi>,
    space: Option<fn() -> Vec<u8>>,
    control: &[ControlMessage<'_>],
) -> nix::Result<usize> {
    // Most batches are one answer to one request, for which the headers of many only cost time.
    if let [one] = all {
        let to = SockaddrStorage::from(one.remote);
        return sendmsg(fd, &[IoSlice::new(&one.bytes)], control, MsgFlags::MSG_DONTWAIT, Some(&to)).map(|_| 1);
    }
    HEADERS.with_borrow_mut(|headers| {
        let mut remotes = std::mem::take(&mut headers.remotes);
        remotes.clear();
        remotes.extend(all.iter().take(CALL_MAX).map(|one| Some(SockaddrStorage::from(one.remote))));
        let nothing: &[u8] = &[];
        let slices: [[IoSlice<'_>; 1]; CALL_MAX] = std::array::from_fn(|at| [IoSlice::new(all.get(at).map_or(nothing, |one| &one.bytes))]);
        let multi = multi(headers).get_or_insert_with(|| MultiHeaders::preallocate(CALL_MAX, space.map(|space| space())));
        let taken = sendmmsg(fd, multi, slices.iter().take(all.len()), &remotes, control, MsgFlags::MSG_DONTWAIT).map(Iterator::count);
        headers.remotes = remotes;
        taken
    })
}

/// Room for the local address that a datagram leaves from.
const CMSG_V4: fn() -> Vec<u8> = || cmsg_space!(libc::in_pktinfo);
const CMSG_V6: fn() -> Vec<u8> = || cmsg_space!(libc::in6_pktinfo);

/// The IP address and port in a socket address of the kernel.
pub(crate) fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        Some(SocketAddr::V4(SocketAddrV4::from(*v4)))
    } else {
        storage.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6)))
    }
}

fn local_of(message: &ControlMessageOwned) -> Option<IpAddr> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(IpAddr::V4(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()))),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr))),
        _ => None,
    }
}
