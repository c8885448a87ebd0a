//! Whether the hosts of carriers are there: each is asked by OPTIONS (RFC 3261, 11), and any final response will do.
//!
//! ```text
//!            off_after in a row without an answer
//!   Up, or not known yet ------------------------> Down
//!          ^                                        |
//!          +------------- the first answer ---------+
//! ```
//!
//! One that is not answered by the time of the next counts as silent; its answer may still come, and is taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use model::{CarrierId, CenterId, carrier::Host};
use sip_core::{Flow, LocateError, Located, LookupId, Method, OutsideRequest, Place, RequestId, Target};

use super::{
    ANOTHERS, Waiting, bracketed,
    by_flow::ByFlow,
    outward::{NoWay, place_of},
    share::Share,
    uri_of,
};
use crate::{core::Core, switchboard::Output};

/// A host of a carrier: whose, and as its settings write it.
pub(crate) type Spot = (CarrierId, String);

/// All hosts that are asked.
#[derive(Debug)]
pub(super) struct Health {
    probes: BTreeMap<Spot, Probe>,
    asked: BTreeMap<RequestId, (Spot, Target, CenterId)>,
    share: Share,
    due: BTreeSet<(Instant, Spot)>,
    by_flow: ByFlow<Spot>,
}

/// OPTIONS under way, of all hosts: half of what the endpoint has room for, the rest is for registrations. Centres share it ([`Share`]): a host
/// that is not asked stays as it was, also if it was down.
const ASKED_MAX: usize = sip_core::endpoint::REQUESTS_MAX / 2;

/// A host that is asked.
#[derive(Debug)]
struct Probe {
    host: Host,
    place: Place,
    every: Duration,
    off_after: u8,
    /// When it is asked next.
    at: Instant,
    lookup: Option<LookupId>,
    /// The newest request, while it has no outcome.
    newest: Option<(RequestId, Target)>,
    /// So many in a row are without an answer, the last of them this target's.
    silent: u8,
    silent_target: Option<Target>,
    is_up: Option<bool>,
    /// Why it did not answer last; none once it did.
    trouble: Option<String>,
    /// By which it was asked last.
    flow: Option<Flow>,
}

impl Default for Health {
    fn default() -> Self {
        let share = Share::of(ASKED_MAX);
        Self { probes: BTreeMap::new(), asked: BTreeMap::new(), share, due: BTreeSet::new(), by_flow: ByFlow::default() }
    }
}

impl Health {
    /// An OPTIONS is over, if it was one of these; whom it asked.
    fn ended(&mut self, request: RequestId) -> Option<(Spot, Target)> {
        let (spot, target, center) = self.asked.remove(&request)?;
        self.share.give_back(center);
        Some((spot, target))
    }

    /// When a host is asked next.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Whether a host answers, if that is known.
    pub(super) fn is_up(&self, carrier: CarrierId, host: &str) -> Option<bool> {
        self.probes.get(&(carrier, host.to_owned())).and_then(|probe| probe.is_up)
    }

    /// Why a host did not answer last.
    pub(super) fn trouble(&self, carrier: CarrierId, host: &str) -> Option<String> {
        self.probes.get(&(carrier, host.to_owned())).and_then(|probe| probe.trouble.clone())
    }

    /// A stream could not be opened: whose hosts that tells something new of.
    pub(super) fn not_reached(&mut self, flow: Flow, why: &str) -> Vec<CarrierId> {
        let Self { probes, by_flow, .. } = self;
        let told = by_flow.of(flow).filter_map(|spot| {
            let probe = probes.get_mut(spot).filter(|probe| probe.trouble.as_deref() != Some(why))?;
            probe.trouble = Some(why.to_owned());
            Some(spot.0)
        });
        told.collect()
    }

    /// Whether none of those hosts of a carrier is there that are asked; false if none is asked.
    pub(super) fn all_down(&self, carrier: CarrierId) -> bool {
        let mut probes = self.probes.range((carrier, String::new())..).take_while(|((of, _), _)| *of == carrier).peekable();
        probes.peek().is_some() && probes.all(|(_, probe)| probe.is_up == Some(false))
    }

    /// Whether its hosts are asked and none has answered yet.
    pub(super) fn waits(&self, carrier: CarrierId) -> bool {
        let mut probes = self.probes.range((carrier, String::new())..).take_while(|((of, _), _)| *of == carrier).peekable();
        probes.peek().is_some() && probes.all(|(_, probe)| probe.is_up != Some(true))
    }
}

impl Probe {
    /// Another one without an answer; whether the host is down by that, and was not.
    fn falls_silent(&mut self) -> bool {
        self.silent = self.silent.saturating_add(1);
        self.silent >= self.off_after && self.is_up.replace(false) != Some(false)
    }
}

impl Core {
    /// Takes the hosts of the plan. Those that stay are as they were.
    pub(super) fn follow_health(&mut self, now: Instant) {
        let directory = Arc::clone(&self.directory);
        let mut probes = BTreeMap::new();
        for entry in directory.plan().carriers().filter(|entry| entry.carrier.on && entry.carrier.health.options_every_s > 0) {
            let settings = &entry.carrier.health;
            let every = Duration::from_secs(settings.options_every_s.into());
            for host in &entry.carrier.hosts {
                let spot = (entry.id, host.to_string());
                let Some(place) = place_of(host).filter(|_| !probes.contains_key(&spot)) else { continue };
                let old = self.carriers.health.probes.remove(&spot);
                let probe = match old {
                    Some(old) => Probe { every, off_after: settings.off_after, at: old.at.min(now + every), ..old },
                    None => Probe {
                        host: host.clone(),
                        place,
                        every,
                        off_after: settings.off_after,
                        // Not all at once after a start.
                        at: now + self.carriers.between(Duration::ZERO, every),
                        lookup: None,
                        newest: None,
                        silent: 0,
                        silent_target: None,
                        is_up: None,
                        trouble: None,
                        flow: None,
                    },
                };
                probes.insert(spot, probe);
            }
        }
        for (spot, gone) in std::mem::replace(&mut self.carriers.health.probes, probes) {
            self.carriers.health.by_flow.moves(&spot, gone.flow, None);
            if let Some(lookup) = gone.lookup {
                self.stop_locating(lookup);
            }
        }
        let Health { probes, due, .. } = &mut self.carriers.health;
        *due = probes.iter().map(|(spot, probe)| (probe.at, spot.clone())).collect();
    }

    /// Asks the hosts whose time has come.
    pub(crate) fn wake_health(&mut self, now: Instant) {
        while let Some((_, spot)) = self.carriers.health.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.carriers.health.due.pop_first();
            self.ask_host(now, &spot);
        }
    }

    fn ask_host(&mut self, now: Instant, spot: &Spot) {
        let Some(every) = self.carriers.health.probes.get(spot).map(|probe| probe.every) else { return };
        let at = now + self.carriers.between(every * 9 / 10, every * 11 / 10);
        let Some(probe) = self.carriers.health.probes.get_mut(spot) else { return };
        probe.at = at;
        self.carriers.health.due.insert((at, spot.clone()));
        let (place, lookup, newest) = (probe.place.clone(), probe.lookup.take(), probe.newest.take());
        if let Some(lookup) = lookup {
            self.stop_locating(lookup);
            self.host_silent(now, spot, None);
        } else if let Some((_, target)) = newest {
            self.host_silent(now, spot, Some(&target));
        }
        match self.locate(now, spot.0, place, Waiting::Host(spot.clone())) {
            Ok(Located::Now(targets)) => self.host_found(now, spot, Ok(targets)),
            Ok(Located::Later(lookup)) => {
                if let Some(probe) = self.carriers.health.probes.get_mut(spot) {
                    probe.lookup = Some(lookup);
                }
            }
            Err(error) => self.host_found(now, spot, Err(error)),
        }
    }

    /// Where a host is: it is asked there. What we have no room or no address for says nothing about the host.
    pub(crate) fn host_found(&mut self, now: Instant, spot: &Spot, outcome: Result<Vec<Target>, LocateError>) {
        let Some(probe) = self.carriers.health.probes.get_mut(spot) else { return };
        probe.lookup = None;
        let uri = uri_of(&probe.host);
        // The host is there if one of its targets is: behind one that was silent the next is asked.
        let before = probe.silent_target.as_ref();
        let target = match outcome {
            Ok(targets) => {
                // Whatever was wrong before it was known where it is says nothing any more.
                if before.is_none() {
                    probe.trouble = None;
                }
                let next = before.and_then(|before| targets.iter().position(|target| target == before)).map_or(0, |at| at + 1);
                targets.get(next).or(targets.first()).cloned()
            }
            Err(LocateError::TooMany) => None,
            Err(_) if !self.carriers.outwards.are_told() => None,
            Err(error) => {
                // The same words as its accounts have for it.
                probe.trouble = Some(error.to_string());
                return self.host_silent(now, spot, None);
            }
        };
        let Some(target) = target else { return };
        // Networks change while we run; what is said to this holds from the next request on.
        self.out(Output::Route { remote: target.address });
        let flow = match self.carriers.outwards.flow_to(&target) {
            Ok(flow) => flow,
            Err(NoWay::Nowhere) => return,
            Err(why) => {
                if let Some(probe) = self.carriers.health.probes.get_mut(spot) {
                    probe.trouble = Some(why.to_string());
                }
                return self.host_silent(now, spot, None);
            }
        };
        if self.is_anothers(flow, &target, None) {
            if let Some(probe) = self.carriers.health.probes.get_mut(spot) {
                probe.trouble = Some(ANOTHERS.to_owned());
            }
            return self.host_silent(now, spot, None);
        }
        let Some(center) = self.directory.plan().carrier(spot.0).map(|entry| entry.center) else { return };
        if !self.carriers.health.share.take(center) {
            return;
        }
        // The stream is known for no one's sake by that: who only asks keeps it from nobody.
        self.reach(spot.0, flow, &target, false);
        let request = OutsideRequest {
            flow,
            method: Method::Options,
            from: format!("<sip:{}>", bracketed(&self.settings.domain)),
            to: format!("<{uri}>"),
            uri: uri.into(),
            call_id: None,
            cseq: 1,
            contact: false,
            headers: Vec::new(),
            body: None,
            account: None,
        };
        let Ok(request) = self.endpoint.request(now, request) else { return self.carriers.health.share.give_back(center) };
        self.carriers.health.asked.insert(request, (spot.clone(), target.clone(), center));
        let Health { probes, by_flow, .. } = &mut self.carriers.health;
        if let Some(probe) = probes.get_mut(spot) {
            by_flow.moves(spot, probe.flow.replace(flow), Some(flow));
            probe.newest = Some((request, target));
        }
    }

    /// A final response to a request of ours outside of calls, if it was one of these.
    pub(crate) fn host_answered(&mut self, now: Instant, request: RequestId) {
        let Some((spot, target)) = self.carriers.health.ended(request) else { return };
        self.locator.succeeded(&target);
        if let Some(probe) = self.carriers.health.probes.get_mut(&spot) {
            probe.newest.take_if(|(newest, _)| *newest == request);
        }
        self.host_lives(now, &spot);
    }

    /// A host has answered, this or something else.
    pub(crate) fn host_lives(&mut self, now: Instant, spot: &Spot) {
        let Some(probe) = self.carriers.health.probes.get_mut(spot) else { return };
        (probe.silent, probe.silent_target, probe.trouble) = (0, None, None);
        if probe.is_up.replace(true) != Some(true) {
            self.host_changed(now, spot.0);
        }
    }

    /// There will be no response to such a request.
    pub(crate) fn host_unanswered(&mut self, now: Instant, request: RequestId) {
        let Some((spot, target)) = self.carriers.health.ended(request) else { return };
        let Some(probe) = self.carriers.health.probes.get_mut(&spot) else { return };
        // An older one was counted when the next went out.
        if probe.newest.take_if(|(newest, _)| *newest == request).is_some() {
            self.host_silent(now, &spot, Some(&target));
        }
    }

    fn host_silent(&mut self, now: Instant, spot: &Spot, target: Option<&Target>) {
        if let Some(target) = target {
            self.locator.failed(now, target, None);
        }
        let Some(probe) = self.carriers.health.probes.get_mut(spot) else { return };
        probe.silent_target = target.cloned();
        probe.trouble.get_or_insert_with(|| "no answer".to_owned());
        if probe.falls_silent() {
            self.host_changed(now, spot.0);
        }
    }

    fn host_changed(&mut self, now: Instant, carrier: CarrierId) {
        self.carriers.changed.insert(carrier);
        self.judge_carrier(now, carrier);
    }
}
