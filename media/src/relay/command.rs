//! What goes into a relay and what comes out of it.

use std::{fmt, net::SocketAddr, ops::Deref, time::Duration};

use crate::{Channel, LegStats, Remote, Tone};

/// A leg: one phone's media. Ids are ours and never used twice in a relay's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

/// From whom a leg takes packets (B-58).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Latch {
    /// From the signalled address. Another port of the same host is heard until the signalled one speaks, and is answered only after a while.
    Signalled,
    /// From whichever port of the signalled host speaks first: the phone is behind NAT, and its port there is not known. Learnt once.
    SameHost,
    /// From the first source of valid RTP, wherever it is; it is learnt once. For whom a NAT is declared whose address the signalling does not show
    /// (B-58): anybody may be the first, so it is nobody's default.
    First,
}

/// What a leg hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hears {
    /// Nothing is sent.
    Nothing,
    /// A tone; after a beep, silence.
    Tone(Tone),
    /// Another leg, or itself.
    Leg(LegId),
    /// A beep, then the ring tone until the far leg's first media packet, then the far leg (R9).
    BeepThenRingUntil(LegId),
}

/// An order to a relay. One on a leg that is not open is ignored and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Open a leg; the port is its own until [`Output::Closed`].
    Open {
        /// Its id.
        leg: LegId,
        /// The port of its RTP socket.
        port: u16,
    },
    /// What the other side said of itself, at first or anew: its source is learnt again.
    Remote {
        /// Which leg.
        leg: LegId,
        /// Its description.
        remote: Remote,
        /// Whom to take packets from.
        latch: Latch,
    },
    /// What the leg hears from now on.
    Hear {
        /// Which leg.
        leg: LegId,
        /// What.
        hears: Hears,
    },
    /// Tell once when no RTP has come from the leg for this long; none while it is held.
    Watch {
        /// Which leg.
        leg: LegId,
        /// For how long.
        silent_after: Option<Duration>,
    },
    /// Tap two legs from now on: sample 0 is now.
    Record {
        /// The recording's key.
        recording: u64,
        /// Whose voice is the left channel.
        left: LegId,
        /// Whose voice is the right channel.
        right: LegId,
    },
    /// A leg takes over a channel of a recording: from now on it is tapped, and who was there before no longer. The time line goes on.
    Tap {
        /// The recording's key.
        recording: u64,
        /// Which channel.
        channel: Channel,
        /// Whose voice it is from now on.
        leg: LegId,
    },
    /// Tap no longer.
    StopRecord {
        /// The recording's key.
        recording: u64,
    },
    /// Close a leg, with an RTCP BYE.
    Close {
        /// Which leg.
        leg: LegId,
    },
}

/// Which of a leg's two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The even port.
    Rtp,
    /// The odd port above it.
    Rtcp,
}

/// A packet that was rewritten in place and goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// From whose RTP socket to send it.
    pub leg: LegId,
    /// That leg's slot, by which the way of a packet finds its socket.
    pub slot: u32,
    /// Where to.
    pub to: SocketAddr,
    /// How many octets of the buffer.
    pub length: usize,
}

/// What comes out of a relay. Packets lie in it as they are: nothing is allocated for one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a packet is not to be allocated")]
pub enum Output {
    /// Send a packet.
    Send {
        /// From whose socket.
        leg: LegId,
        /// From which of the two.
        component: Component,
        /// Where to.
        to: SocketAddr,
        /// The packet.
        packet: PacketBuf,
    },
    /// The leg's source is learnt: connect the socket to it, so that the kernel drops others (R28).
    Connect {
        /// Whose socket.
        leg: LegId,
        /// Which of the two.
        component: Component,
        /// To whom.
        to: SocketAddr,
    },
    /// The leg's source will be learnt again: take packets from anywhere on both sockets.
    Disconnect {
        /// Whose sockets.
        leg: LegId,
    },
    /// Something to tell call control.
    Event(MediaEvent),
    /// The leg is gone: its sockets can be closed, once what was sent before is on its way.
    Closed {
        /// Which leg.
        leg: LegId,
        /// Its port.
        port: u16,
    },
}

/// What call control learns of a leg's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEvent {
    /// The first audio packet came; told once.
    FirstMedia {
        /// From which leg.
        leg: LegId,
    },
    /// A key was pressed; told once, at its end (RFC 4733).
    Digit {
        /// On which leg.
        leg: LegId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// For how long, in milliseconds.
        duration_ms: u32,
    },
    /// No RTP came for the time that was set; told once for each `Watch`.
    Silent {
        /// From which leg.
        leg: LegId,
    },
    /// The leg is closed.
    Closed {
        /// Which leg.
        leg: LegId,
        /// Its numbers.
        stats: LegStats,
    },
}

/// The longest packet that we make ourselves, in octets.
pub(crate) const PACKET_MAX: usize = 512;

/// A packet of our own making, in place.
#[derive(Clone, PartialEq, Eq)]
pub struct PacketBuf {
    length: usize,
    octets: [u8; PACKET_MAX],
}

impl PacketBuf {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { length: 0, octets: [0; PACKET_MAX] }
    }

    /// Appends; false, and nothing is appended, if there is no room.
    #[must_use]
    pub(crate) fn push(&mut self, octets: &[u8]) -> bool {
        let Some(room) = self.octets.get_mut(self.length..).and_then(|room| room.get_mut(..octets.len())) else { return false };
        room.copy_from_slice(octets);
        self.length += octets.len();
        true
    }

    /// Cuts it to `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The packet, to be written to.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.length).unwrap_or_default()
    }

    /// The packet.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl Deref for PacketBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for PacketBuf {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for PacketBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PacketBuf({} octets)", self.length)
    }
}

/// The numbers of a relay as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// Legs that are open.
    pub legs: usize,
    /// Commands and packets for a leg that is not open.
    pub unknown_leg: u64,
    /// Commands that a limit forbade, or that named what is there already.
    pub refused: u64,
    /// Packets and frames that were dropped because nobody took what came out, or because they were too long to copy; frames are of recordings.
    pub dropped: u64,
}
