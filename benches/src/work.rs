//! The work that is measured: as data.

use std::time::Duration;

use crate::generate::lines::Over;

/// How long a call of the signalling rows lasts.
pub(crate) const TALK: Duration = Duration::from_millis(100);

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Its name on the command line; a beginning of it will do.
    pub(crate) name: &'static str,
    /// What is measured.
    pub(crate) kind: Kind,
    /// How much of it: a second, or at once.
    pub(crate) amount: u32,
    /// What one piece of it is.
    pub(crate) piece: &'static str,
}

/// What is measured, and by which side's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// REGISTER, 401, REGISTER with digest, 200; our bindings in the journal, Kamailio's in memory.
    Registration,
    /// The same over a stream that each phone keeps, within TLS.
    Encrypted(Over),
    /// What an idle phone's stream takes in memory, its binding included.
    Lines,
    /// INVITE, 180, 200, ACK, 100 ms, BYE; we with ports, events and durable CDRs, Kamailio as a stateful proxy without media.
    Call,
    /// Packets of sound through calls that stand: ours, rtpengine's in userspace, a bare relay's, and ours with recording.
    Sound,
    /// What a standing call takes in memory.
    Memory,
    /// From `POST /api/call/start` to the INVITE at the slot's phone.
    Rest,
    /// From a phone's packet to the event at open consoles.
    Events,
    /// Bogus packets from a thousand sources beside calls and registrations, and what is lost of these.
    Flood,
    /// Pages of a list of so many rows, beside SQL written by hand.
    Lists,
}

/// All rows, in the order of the table.
pub(crate) const ROWS: [Row; 14] = [
    Row { name: "registration-500", kind: Kind::Registration, amount: 500, piece: "registration" },
    Row { name: "registration-2000", kind: Kind::Registration, amount: 2_000, piece: "registration" },
    Row { name: "registration-tls-500", kind: Kind::Encrypted(Over::Tls), amount: 500, piece: "registration" },
    Row { name: "registration-wss-500", kind: Kind::Encrypted(Over::Wss), amount: 500, piece: "registration" },
    Row { name: "lines-tls", kind: Kind::Lines, amount: 1_800, piece: "stream" },
    Row { name: "call-50", kind: Kind::Call, amount: 50, piece: "call" },
    Row { name: "call-200", kind: Kind::Call, amount: 200, piece: "call" },
    Row { name: "sound-250", kind: Kind::Sound, amount: 250, piece: "packet" },
    Row { name: "sound-500", kind: Kind::Sound, amount: 500, piece: "packet" },
    Row { name: "memory", kind: Kind::Memory, amount: 1_400, piece: "call" },
    Row { name: "rest", kind: Kind::Rest, amount: 200, piece: "call" },
    Row { name: "events", kind: Kind::Events, amount: 100, piece: "console" },
    Row { name: "flood", kind: Kind::Flood, amount: 20_000, piece: "packet" },
    Row { name: "lists", kind: Kind::Lists, amount: 10_000_000, piece: "row" },
];

/// What a ratio of processor time should not exceed.
pub(crate) const REGISTRATION_AIM: f64 = 0.5;
/// Against Kamailio.
pub(crate) const CALL_AIM: f64 = 0.7;
/// Against rtpengine.
pub(crate) const SOUND_AIM: f64 = 0.6;
/// Against the bare relay.
pub(crate) const BARE_AIM: f64 = 1.2;
/// With recording, against ourselves without.
pub(crate) const RECORDING_AIM: f64 = 1.3;
/// Octets that one more idle stream within TLS may take, with its phone's binding.
pub(crate) const LINE_AIM: u64 = 40_000;
/// Octets that one more call may take.
pub(crate) const MEMORY_AIM: u64 = 40_000;
/// What we may add to a call's set-up and to a packet (99th percentile).
pub(crate) const ADDED_AIM: Duration = Duration::from_millis(2);
/// From a REST request to the INVITE on the wire (99th percentile).
pub(crate) const REST_AIM: Duration = Duration::from_millis(5);
/// From a phone's packet to the event at a console (99th percentile).
pub(crate) const EVENT_AIM: Duration = Duration::from_millis(100);
/// What a page of a list may cost beyond the same SQL by hand (99th percentile).
pub(crate) const LIST_AIM: Duration = Duration::from_millis(5);
/// A page far behind against the first one.
pub(crate) const FAR_PAGE_AIM: f64 = 1.3;
