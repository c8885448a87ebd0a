//! What one wait takes in: the guard decides, work in progress goes first.

use std::time::Instant;

use bytes::Bytes;
use sip_core::{Admit, Flow, Guard};

use crate::{
    bans::{BanCounters, Bans},
    signalling::Received,
};

/// Takes messages of all sockets during one wait.
pub(crate) struct Intake<'a> {
    pub(crate) now: Instant,
    pub(crate) guard: &'a mut Guard,
    /// Of whom nothing that begins something is heard.
    pub(crate) bans: &'a Bans,
    pub(crate) banned: &'a mut BanCounters,
    /// What goes first.
    pub(crate) inside: &'a mut Vec<Received>,
    /// What is put behind that in the end.
    pub(crate) new: &'a mut Vec<Received>,
    /// So many messages may still be taken.
    pub(crate) left: usize,
}

impl Intake<'_> {
    /// A datagram; it is copied only if it is let in.
    pub(crate) fn datagram(&mut self, flow: Flow, datagram: &[u8]) {
        let admit = self.guard.admit(self.now, flow.remote, datagram);
        if admit == Admit::New && self.bans.has(self.now, flow.remote) {
            self.banned.datagrams += 1;
        } else if admit != Admit::Dropped {
            self.push(admit, flow, Bytes::copy_from_slice(datagram));
        }
    }

    /// When a message of a stream may come in, and as what.
    pub(crate) fn ask(&mut self, flow: Flow, message: &[u8]) -> (Admit, Instant) {
        self.guard.admit_message(self.now, flow.remote, message)
    }

    /// When a stream may be read on that brought a keep-alive too soon after another.
    pub(crate) fn ask_keep_alive(&mut self, flow: Flow) -> Instant {
        self.guard.admit_keep_alive(self.now, flow.remote)
    }

    /// Whether a message of a stream goes no further: its source is banned, and it would begin something.
    pub(crate) fn is_banned(&mut self, admit: Admit, flow: Flow) -> bool {
        let is_banned = admit == Admit::New && self.bans.has(self.now, flow.remote);
        self.banned.messages += u64::from(is_banned);
        is_banned
    }

    /// Takes in what has been let in.
    pub(crate) fn push(&mut self, admit: Admit, flow: Flow, bytes: Bytes) {
        self.left = self.left.saturating_sub(1);
        // A CANCEL must not overtake the INVITE that it may be for.
        let follows =
            || bytes.starts_with(b"CANCEL ") && self.new.iter().any(|one| matches!(one, Received::Message { flow: of, .. } if *of == flow));
        let queue = if admit == Admit::Inside && !follows() { &mut *self.inside } else { &mut *self.new };
        queue.push(Received::Message { flow, bytes });
    }
}
