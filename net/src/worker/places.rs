//! Where a worker has its pairs of sockets: each keeps its place from being bound to being closed, whatever legs come and go, for its sockets are
//! watched under that name.

use std::io;

use media::LegId;

use super::{
    sockets::{MediaSocket, Name, Pair},
    watch::Watch,
};

/// No place.
pub(super) const NOWHERE: u32 = u32::MAX;

/// All places. Their number is that of the ports: two legs cannot have one port.
#[derive(Default)]
pub(super) struct Places {
    all: Vec<Option<Place>>,
    vacant: Vec<u32>,
}

struct Place {
    port: u16,
    seat: Option<Seat>,
    /// None only if it could not be bound for the phone of its leg.
    pair: Option<Pair>,
}

/// Who uses a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    /// The leg.
    pub(super) leg: LegId,
    /// Its slot in the relay.
    pub(super) slot: u32,
}

impl Places {
    /// Binds a pair and has it watched: its place.
    pub(super) fn bind(&mut self, port: u16, watch: &Watch, bind: impl FnOnce(u16) -> io::Result<Pair>) -> io::Result<u32> {
        let pair = bind(port)?;
        let place = match self.vacant.last() {
            Some(place) => *place,
            None => u32::try_from(self.all.len()).map_err(|_| io::ErrorKind::OutOfMemory)?,
        };
        pair.watch(watch, place)?;
        let entry = Some(Place { port, seat: None, pair: Some(pair) });
        match self.vacant.pop().and_then(|_| self.at(place)) {
            Some(vacancy) => *vacancy = entry,
            None => self.all.push(entry),
        }
        Ok(place)
    }

    /// Closes a pair's sockets and binds its port again.
    pub(super) fn rebind(&mut self, place: u32, watch: &Watch, bind: impl FnOnce(u16) -> io::Result<Pair>) -> io::Result<()> {
        let Some(entry) = self.at(place).and_then(Option::as_mut) else { return Ok(()) };
        drop(entry.pair.take());
        let pair = bind(entry.port)?;
        pair.watch(watch, place)?;
        entry.pair = Some(pair);
        Ok(())
    }

    /// Closes a pair's sockets.
    pub(super) fn remove(&mut self, place: u32) {
        if self.at(place).is_some_and(|entry| entry.take().is_some()) {
            self.vacant.push(place);
        }
    }

    /// Opens a pair for a leg.
    pub(super) fn seat(&mut self, place: u32, seat: Seat) {
        if let Some(entry) = self.at(place).and_then(Option::as_mut) {
            entry.seat = Some(seat);
            if let Some(pair) = &mut entry.pair {
                pair.open();
            }
        }
    }

    /// Nobody uses it any more.
    pub(super) fn unseat(&mut self, place: u32) {
        if let Some(entry) = self.at(place).and_then(Option::as_mut) {
            entry.seat = None;
        }
    }

    /// Who uses it.
    pub(super) fn seat_at(&mut self, place: u32) -> Option<Seat> {
        self.at(place)?.as_ref()?.seat
    }

    /// Its port.
    pub(super) fn port(&mut self, place: u32) -> Option<u16> {
        Some(self.at(place)?.as_ref()?.port)
    }

    /// Its sockets.
    #[inline]
    pub(super) fn pair(&mut self, place: u32) -> Option<&mut Pair> {
        self.at(place)?.as_mut()?.pair.as_mut()
    }

    /// A socket, and who uses it.
    #[inline]
    pub(super) fn socket(&mut self, name: Name) -> Option<(&mut MediaSocket, Option<Seat>)> {
        let entry = self.at(name.place)?.as_mut()?;
        Some((entry.pair.as_mut()?.socket(name.component), entry.seat))
    }

    #[inline]
    fn at(&mut self, place: u32) -> Option<&mut Option<Place>> {
        self.all.get_mut(usize::try_from(place).ok()?)
    }
}
