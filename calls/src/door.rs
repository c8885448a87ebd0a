//! The door: the one place where an INVITE leaves us, and only with the gate's permit (R23).

use std::{
    ops::{Deref, DerefMut},
    time::Instant,
};

use seats::Permit;
use sip_core::{Endpoint, Flow, Invite, SessionId};

/// The endpoint with its way out closed: whatever begins a call (REST, a phone, a transfer, a 302, later a menu) has to show the
/// [`Permit`] that the gate gave for it, or it does not compile.
///
/// Everything else of the endpoint is there as it is. Its own [`Endpoint::invite`] is hidden by [`Door::invite`], and refused by a lint
/// (`clippy.toml`) everywhere but here.
#[derive(Debug)]
pub(crate) struct Door {
    endpoint: Endpoint,
}

impl Door {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Calls whom the permit is for, which is used up by it. None without room, or if the parts make no message.
    pub(crate) fn invite(&mut self, now: Instant, permit: Permit, invite: Invite) -> Option<SessionId> {
        debug_assert_eq!(invite.to_user, permit.number().as_str(), "the gate was asked for another number");
        drop(permit);
        self.leave(now, invite, None)
    }

    /// Rings the phone of whoever is about to call, before the number that the permit is for (R8): nobody is summoned for a call that may
    /// not be. None as with [`Door::invite`].
    pub(crate) fn summon(&mut self, now: Instant, _ahead_of: &Permit, invite: Invite) -> Option<SessionId> {
        self.leave(now, invite, None)
    }

    /// Sends one of several INVITEs of the permitted call, to one of the phones that ring together. The permit is the call's as long as that
    /// lasts. None as with [`Door::invite`].
    pub(crate) fn attempt(&mut self, now: Instant, permit: &Permit, invite: Invite) -> Option<SessionId> {
        self.attempt_located(now, permit, invite, None)
    }

    /// The same to a target that was located, and may be reached over TCP as well (RFC 3261, 18.1.1). None as with [`Door::invite`].
    pub(crate) fn attempt_located(&mut self, now: Instant, permit: &Permit, invite: Invite, tcp: Option<Flow>) -> Option<SessionId> {
        debug_assert_eq!(invite.to_user, permit.number().as_str(), "the gate was asked for another number");
        self.leave(now, invite, tcp)
    }

    #[expect(clippy::disallowed_methods, reason = "the door itself: whoever comes here has shown a permit")]
    fn leave(&mut self, now: Instant, invite: Invite, tcp: Option<Flow>) -> Option<SessionId> {
        self.endpoint.invite_located(now, invite, tcp)
    }
}

impl Deref for Door {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl DerefMut for Door {
    fn deref_mut(&mut self) -> &mut Endpoint {
        &mut self.endpoint
    }
}
