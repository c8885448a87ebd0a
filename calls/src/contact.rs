//! By what a slot's phone is reached: its contact, the way there, and the proxies on that way.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use model::{SlotId, SlotState};
use sip_core::{Bound, Flow, SessionId};

use crate::{begin::names_host, core::Core, registration::record_key};

/// Where requests to a phone go.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    /// By what they leave: for a phone behind proxies, the way to the nearest of them.
    pub(crate) flow: Flow,
    /// The Request-URI.
    pub(crate) uri: Bytes,
    /// The value of Route: the proxies on the way (RFC 3327).
    route: Option<Bytes>,
    expires: Instant,
}

impl Contact {
    fn of(bound: &Bound) -> Self {
        Self { flow: bound.flow, uri: bound.uri.clone(), route: bound.route().cloned(), expires: bound.expires }
    }

    /// The headers that lead a request there.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        self.route.iter().map(|route| ("Route", String::from_utf8_lossy(route).into_owned())).collect()
    }

    /// When the binding lapses: by this one that was made again is told from it.
    pub(crate) fn expires(&self) -> Instant {
        self.expires
    }

    /// Whether its media come from behind a NAT that we look at. Of what lies behind a proxy that proxy knows, and what it signals is true.
    pub(crate) fn is_behind_nat(&self) -> bool {
        self.route.is_none() && !names_host(&self.uri, self.flow)
    }
}

/// The INVITEs that are on their way through proxies, which may say that the phone's flow is gone. As many as there are sessions at most.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    by_session: BTreeMap<SessionId, (SlotId, Instant)>,
}

/// RFC 5626, 11.5: "Flow Failed".
pub(crate) const FLOW_FAILED: u16 = 430;

impl Core {
    /// Whether a slot is in service.
    pub(crate) fn serves(&self, slot: SlotId) -> bool {
        self.seats.view(slot).is_some_and(|view| !matches!(view.state, SlotState::Disabled | SlotState::Fault))
    }

    /// Where the phone of a slot is reached now.
    pub(crate) fn contact(&self, now: Instant, slot: SlotId) -> Option<Contact> {
        self.registrar.binding(now, record_key(slot)).map(Contact::of)
    }

    /// An INVITE is on its way to a phone.
    pub(crate) fn went(&mut self, session: SessionId, slot: SlotId, contact: &Contact) {
        if contact.route.is_some() {
            self.routed.by_session.insert(session, (slot, contact.expires));
        }
    }

    /// It is over, and this was the last word.
    pub(crate) fn came_back(&mut self, now: Instant, session: SessionId, status: Option<u16>) {
        let Some((slot, expires)) = self.routed.by_session.remove(&session) else { return };
        if status == Some(FLOW_FAILED) {
            self.flow_failed(now, slot, expires);
        }
    }

    /// A proxy says that the phone's flow to it is gone: nobody calls it by that binding any more (RFC 5626, 7), until it registers again; if it has
    /// another flow, calls go by that.
    pub(crate) fn flow_failed(&mut self, now: Instant, slot: SlotId, expires: Instant) {
        if self.registrar.failed(record_key(slot), expires).is_some() {
            self.binding_lost(now, slot, None);
        }
    }
}
