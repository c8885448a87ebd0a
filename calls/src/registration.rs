//! REGISTER: who a phone is, and where it is to be found.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::{Anchor, Binding, Event, Fact, Ha1, ReboundView, SlotEntry, SlotId, WallTime};
use sip_core::{
    Algorithm, Bound, Change, Claim, Credentials, Flow, Message, Name, Reach, Registrar, RegistrarSettings, ServerTx, SipUri, Transport,
    Verdict, address_text,
};

use crate::{core::Core, settings::Settings};

/// Who sent a request.
pub(crate) enum Identity {
    /// The phone of this slot: proven by digest. Nothing else in the request decides who it is (B-54).
    Slot(SlotId),
    /// Not proven: these are the challenges to answer with. The same for an unknown user and a wrong password (B-2).
    Unproven { challenges: Vec<String> },
}

impl Core {
    /// Checks a request's digest credentials (RFC 3261, 22).
    pub(crate) fn identify(&mut self, now: Instant, flow: Flow, message: &Message) -> Identity {
        let judged = self.judged();
        let refused = judged.and_then(|judged| judged.refused);
        let directory = Arc::clone(&self.directory);
        let claim = Claim::of(message, &directory.realm);
        let user = claim.user();
        let entry = user.as_ref().and_then(|user| directory.slot_by_username(user)).map(|entry| (entry, credentials(&entry.ha1)));
        // A login that is not looked at costs the same work.
        let verdict = self.verifier.judge(now, &claim, entry.as_ref().map(|(_, credentials)| credentials).filter(|_| refused.is_none()));
        match (verdict, entry) {
            (Verdict::Good, Some((entry, _))) => {
                self.logged_in(now, judged, &entry.username);
                Identity::Slot(entry.id)
            }
            (verdict, entry) => {
                if verdict == Verdict::Bad {
                    self.login_failed(now, judged, &user.unwrap_or_default(), entry.is_some());
                }
                let md5_will_do = self.settings.digest.contains(&Algorithm::Md5) && chokes_on_choice(flow, message);
                let settings = Arc::clone(&self.settings);
                let offered: &[Algorithm] = if md5_will_do { &[Algorithm::Md5] } else { &settings.digest };
                Identity::Unproven { challenges: self.challenges(now, flow, refused.unwrap_or(verdict == Verdict::Stale), offered) }
            }
        }
    }

    /// Whose phone sent a request that begins no call. None: it is not proven, and was answered with challenges.
    pub(crate) fn prove_request(&mut self, now: Instant, tx: ServerTx, flow: Flow, message: &Message) -> Option<SlotId> {
        match self.identify(now, flow, message) {
            Identity::Slot(slot) => Some(slot),
            Identity::Unproven { challenges } => {
                let headers: Vec<_> = challenges.into_iter().map(|challenge| ("WWW-Authenticate", challenge)).collect();
                self.endpoint.challenge_request(now, tx, 401, &headers);
                None
            }
        }
    }

    /// A REGISTER arrived.
    pub(crate) fn register(&mut self, now: Instant, tx: ServerTx, flow: Flow, message: &Message) {
        let Some(slot) = self.prove_request(now, tx, flow, message) else { return };
        let directory = Arc::clone(&self.directory);
        let Some(entry) = directory.slot(slot) else { return };
        // Nobody binds a contact to another's address-of-record (B-11).
        if !is_own_record(message, entry) {
            self.endpoint.respond(now, tx, 403, Some("This is not your address of record"), &[]);
            return;
        }
        let registered = self.registrar.register(now, record_key(slot), PHONES_MAX, message, flow);
        self.endpoint.respond(now, tx, registered.status, None, &registered.headers);
        match registered.change {
            Change::None => {}
            Change::Unbound => self.unbound(now, slot),
            Change::Bound { bound, replaced, .. } => {
                self.know_slot(now, slot);
                self.follow(now, slot, replaced.as_ref(), &bound);
                self.fact(Fact::Bound { binding: binding(&self.clock, slot, &bound) });
                // A NAT that gives the same phone another port is no news, nor is one of its flows less; another contact or another host is (R17).
                let is_other_flow = |old: &Bound| old.is_of_phone(&bound) && old.reg_id() != bound.reg_id();
                let has_moved = |old: &Bound| old.uri != bound.uri || old.flow.remote.ip() != bound.flow.remote.ip();
                if let Some(old) = replaced.filter(|old| has_moved(old) && !is_other_flow(old)) {
                    self.event(Event::Rebound(ReboundView {
                        id: slot,
                        center: entry.center,
                        number: entry.number.to_string(),
                        old_source: old.flow.remote.to_string(),
                        new_source: bound.flow.remote.to_string(),
                    }));
                }
                self.seats.registered(now, slot);
            }
        }
    }

    /// Calls in progress, and what the phone watches, go on where it is to be found now (RFC 5626, 5.3; RFC 5923).
    fn follow(&mut self, now: Instant, slot: SlotId, replaced: Option<&Bound>, bound: &Bound) {
        let (lost_stream, lost_watching) = (self.lost_streams.remove(&slot), self.lamps.lost.remove(&slot));
        // The way through a proxy is that of all its phones; and what a dialog's messages go through was agreed when it began.
        if bound.route().is_some() || replaced.is_some_and(|old| old.route().is_some()) {
            return;
        }
        let replaced = replaced.filter(|old| is_same_phone(old, bound)).map(|old| old.flow);
        self.watching_moved(now, slot, replaced.or(lost_watching), bound.flow);
        self.calls_moved(slot, replaced.or(lost_stream), bound.flow);
    }

    fn watching_moved(&mut self, now: Instant, slot: SlotId, old: Option<Flow>, new: Flow) {
        if let Some(old) = old.filter(|old| *old != new) {
            self.endpoint.subscriber_moved(now, record_key(slot), old, new);
        }
    }

    fn calls_moved(&mut self, slot: SlotId, old: Option<Flow>, new: Flow) {
        // All sessions are looked through: not for every phone of an office that has a new router.
        if let Some(old) = old.filter(|old| *old != new).filter(|_| self.seats.calls(slot) > 0) {
            self.endpoint.flow_moved(old, new);
            self.know_moved(old, new);
        }
    }

    /// A binding of a slot is gone. If it was by one of several flows of its phone, calls go to the newest of the others from now on, and so does what
    /// is in progress by a stream that has ended: `closed` (RFC 5626, 5.3).
    pub(crate) fn binding_lost(&mut self, now: Instant, slot: SlotId, closed: Option<Flow>) {
        let Some(bound) = self.registrar.binding(now, record_key(slot)).cloned() else { return self.unbound(now, slot) };
        self.know_slot(now, slot);
        self.fact(Fact::Bound { binding: binding(&self.clock, slot, &bound) });
        if bound.route().is_none() {
            self.watching_moved(now, slot, closed, bound.flow);
            self.calls_moved(slot, closed, bound.flow);
        }
    }

    /// A slot's last binding is gone.
    pub(crate) fn unbound(&mut self, now: Instant, slot: SlotId) {
        self.know_slot(now, slot);
        self.fact(Fact::Unbound { slot, at: self.clock.wall(now) });
        self.seats.unregistered(now, slot);
    }

    /// Bindings that lapse at `now`.
    pub(crate) fn expire_bindings(&mut self, now: Instant) {
        for lost in self.registrar.expire(now) {
            if let Ok(id) = i64::try_from(lost.aor) {
                self.binding_lost(now, SlotId(id), None);
            }
        }
    }

    /// A stream is gone: phones that were reached by it cannot be called until they register again (B-16), but for those that have another flow.
    pub(crate) fn unbind_flow(&mut self, now: Instant, flow: Flow) {
        for lost in self.registrar.flow_closed(flow) {
            if let Ok(id) = i64::try_from(lost.aor) {
                let slot = SlotId(id);
                if !lost.is_last {
                    self.binding_lost(now, slot, Some(flow));
                    continue;
                }
                if self.seats.calls(slot) > 0 {
                    self.lost_streams.insert(slot, flow);
                }
                self.lost_watcher(slot, flow);
                self.unbound(now, slot);
            }
        }
    }

    /// Tells all bindings anew, by a wall clock that was set: else a restart would let them all lapse, or none for an hour.
    pub(crate) fn tell_bindings(&mut self, now: Instant) {
        let directory = Arc::clone(&self.directory);
        for slot in directory.slots().map(|slot| slot.id) {
            if let Some(bound) = self.registrar.binding(now, record_key(slot)) {
                let fact = Fact::Bound { binding: binding(&self.clock, slot, bound) };
                self.fact(fact);
            }
        }
    }

    /// A registrar with other bounds and the same bindings.
    pub(crate) fn rebuild_registrar(&mut self, now: Instant, settings: &Settings) {
        self.expire_bindings(now);
        // A lower limit lets no phone go that is bound.
        let bindings_max = settings.registrar.bindings_max.max(self.registrar.len());
        let mut registrar = Registrar::new(RegistrarSettings { bindings_max, ..settings.registrar.clone() });
        for key in self.directory.slots().map(|slot| record_key(slot.id)) {
            let mut bindings: Vec<_> = self.registrar.bindings(now, key).cloned().collect();
            // They come newest first, and go back oldest first.
            while let Some(bound) = bindings.pop() {
                registrar.restore(key, bound);
            }
        }
        self.registrar = registrar;
    }

    /// A binding from before a restart. One that has lapsed, or that cannot be read, is let go.
    pub(crate) fn restore_binding(&mut self, now: Instant, binding: &Binding, listening: &[SocketAddr]) {
        // By a clock that was set back meanwhile a binding would last for ever: none lasts longer than one that is made now.
        let longest = now + Duration::from_secs(self.settings.registrar.expires_max.into());
        match bound(&self.clock, now, binding).map(|bound| Bound { expires: bound.expires.min(longest), ..bound }) {
            Some(bound) if self.directory.slot(binding.slot).is_some() && is_ours(bound.flow.local, listening) => {
                self.registrar.restore(record_key(binding.slot), bound);
                self.seats.registered(now, binding.slot);
            }
            _ => self.fact(Fact::Unbound { slot: binding.slot, at: self.clock.wall(now) }),
        }
    }
}

/// Phones built on libre give up ("Function not implemented") when any of several challenges names an algorithm that they do not know,
/// instead of taking one that they do (RFC 8760, 2.4). Seen with baresip 1.0.0, as Debian 12 has it; later ones know no SHA-512-256.
const CHOKING_AGENT: &[u8] = b"baresip ";

/// Whether a phone is to be offered MD5 alone. The phones of browsers are, too: JsSIP and what descends from it keep the last of several
/// challenges, and know MD5 only.
fn chokes_on_choice(flow: Flow, message: &Message) -> bool {
    let is_browser = matches!(flow.transport, Transport::Ws | Transport::Wss);
    is_browser || message.header(Name::UserAgent).is_some_and(|agent| agent.starts_with(CHOKING_AGENT))
}

/// A slot has one phone (R17), by however many flows it is reached.
const PHONES_MAX: usize = 1;

/// The registrar's key of a slot's address of record.
pub(crate) fn record_key(slot: SlotId) -> u64 {
    slot.0.unsigned_abs()
}

/// Whether it is one phone that has registered twice, and not another that took its place: a phone keeps its Call-ID until it is switched off
/// (RFC 3261, 10.2.4), and whoever has the same contact on the same host is the same, too.
fn is_same_phone(old: &Bound, new: &Bound) -> bool {
    old.call_id == new.call_id || old.is_of_phone(new) || (old.uri == new.uri && old.flow.remote.ip() == new.flow.remote.ip())
}

/// Whether the To of a REGISTER names the slot that sent it.
fn is_own_record(message: &Message, entry: &SlotEntry) -> bool {
    let Ok(to) = message.to() else { return false };
    let Ok(uri) = SipUri::parse(to.uri) else { return false };
    uri.user_text().is_some_and(|user| user == entry.number.as_str() || user == entry.username)
}

/// Whether we still listen where a phone sent its REGISTER to.
fn is_ours(local: SocketAddr, listening: &[SocketAddr]) -> bool {
    listening
        .iter()
        .any(|at| at.port() == local.port() && (at.ip() == local.ip() || (at.ip().is_unspecified() && at.is_ipv4() == local.is_ipv4())))
}

fn credentials(ha1: &Ha1) -> Credentials {
    Credentials { md5: ha1.md5, sha256: ha1.sha256, sha512_256: ha1.sha512_256 }
}

fn binding(clock: &Anchor, slot: SlotId, bound: &Bound) -> Binding {
    let named = bound.reach.as_ref().and_then(|reach| reach.flow.as_ref());
    Binding {
        slot,
        contact: String::from_utf8_lossy(&bound.uri).into_owned(),
        transport: bound.flow.transport.name().to_owned(),
        local: address_text(bound.flow.local),
        remote: address_text(bound.flow.remote),
        call_id: String::from_utf8_lossy(&bound.call_id).into_owned(),
        cseq: bound.cseq,
        user_agent: bound.user_agent.clone(),
        since: clock.wall(bound.since),
        expires_at: clock.wall(bound.expires),
        path: bound.route().map(|route| String::from_utf8_lossy(route).into_owned()).unwrap_or_default(),
        instance: named.map(|named| String::from_utf8_lossy(&named.instance).into_owned()).unwrap_or_default(),
        reg_id: named.map_or(0, |named| named.reg_id),
    }
}

fn bound(clock: &Anchor, now: Instant, binding: &Binding) -> Option<Bound> {
    let expires = clock.mono(binding.expires_at).filter(|expires| *expires > now)?;
    let local: SocketAddr = binding.local.parse().ok()?;
    let remote: SocketAddr = binding.remote.parse().ok()?;
    let transport = match binding.transport.as_str() {
        "udp" => Transport::Udp,
        // The connection did not outlive the server: the phone must come again (B-16).
        _ => return None,
    };
    let since = clock.mono(WallTime(binding.since.0)).unwrap_or(now);
    let reach = Reach::restored(&binding.path, &binding.instance, binding.reg_id)?;
    Some(Bound {
        uri: Bytes::copy_from_slice(binding.contact.as_bytes()),
        flow: Flow { transport, local, remote },
        call_id: Bytes::copy_from_slice(binding.call_id.as_bytes()),
        cseq: binding.cseq,
        user_agent: binding.user_agent.clone(),
        since,
        expires,
        reach: (reach != Reach::default()).then(|| Box::new(reach)),
    })
}
