//! What a worker waits on: its sockets, level-triggered, and its waker.
//!
//! Level-triggered, because then one receive for each socket that is told ready is enough: what is left in it is told again. Edge-triggered, each
//! packet costs a second receive that finds nothing, a tenth of all that a packet costs.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::{
    buffer::spare_capacity,
    event::{
        EventfdFlags, Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
        eventfd,
    },
};

/// The waker's name; sockets have lower ones.
const WAKE: u64 = u64::MAX;

/// Sockets that are told ready in one turn; more are told in the next.
const READY_MAX: usize = 1024;

/// The watch of one worker.
pub(super) struct Watch {
    epoll: OwnedFd,
    /// Open as long as the watch is.
    _waker: OwnedFd,
}

/// The sockets that were found ready. Stays on the thread that waits.
pub(super) struct Ready(Vec<epoll::Event>);

impl Ready {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(READY_MAX))
    }

    /// How many there are, and whoever has called.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their names; that of the waker, which is nobody's, may be among them.
    pub(super) fn names(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|event| event.data.u64())
    }
}

/// Ends a worker's waiting, from any thread.
pub(super) struct Waker(OwnedFd);

impl Watch {
    pub(super) fn new() -> io::Result<(Self, Waker)> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: each call of the waker is told once and needs no reading.
        epoll::add(&epoll, &waker, EventData::new_u64(WAKE), EventFlags::IN | EventFlags::ET)?;
        let for_others = Waker(waker.try_clone()?);
        Ok((Self { epoll, _waker: waker }, for_others))
    }

    /// Has a socket watched, under a name below [`u64::MAX`], until it is closed.
    pub(super) fn add(&self, socket: impl AsFd, name: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(name), EventFlags::IN)?)
    }

    /// Waits until a socket can be read, the waker is called, or `patience` is over; none: without end.
    pub(super) fn wait(&self, Ready(ready): &mut Ready, patience: Option<Duration>) -> io::Result<()> {
        ready.clear();
        let patience = patience.map(|patience| {
            // The kernel counts in milliseconds here; rounded down, the last fraction would be waited for in a spin.
            let ms = u64::try_from(patience.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(1 << 30);
            Timespec { tv_sec: i64::try_from(ms / 1000).unwrap_or(0), tv_nsec: i64::try_from(ms % 1000).unwrap_or(0) * 1_000_000 }
        });
        epoll::wait(&self.epoll, spare_capacity(ready), patience.as_ref())?;
        Ok(())
    }
}

impl Waker {
    pub(super) fn wake(&self) {
        match rustix::io::write(&self.0, &1_u64.to_ne_bytes()) {
            // It has been called 2^64 times, which takes longer than anything runs.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => tracing::error!(%error, "A media worker could not be woken."),
        }
    }
}
