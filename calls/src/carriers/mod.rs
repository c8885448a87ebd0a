//! What calls by carriers need beside the plan: how many there are (R2), where they come from, by what of ours they leave, by what we are
//! known there, whether we are registered, and whether anybody answers.

mod accounts;
mod between;
mod by_flow;
mod caps;
mod enrolment;
mod health;
mod identity;
mod incoming;
mod keeping;
mod outward;
mod said;
mod share;
mod sources;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use model::{CallId, CarrierId, Fact, carrier, carrier::CarrierEntry, carrier::Standing};
use rand_chacha::ChaCha12Rng;
use rand_core::RngCore;
use sip_core::{
    Flow, LocateError, Located, LookupId, Target, Transport,
    locate::{Asker, Urgency},
};

use self::{
    accounts::Accounts,
    enrolment::Enrolments,
    health::Health,
    keeping::Keeping,
    outward::{Outwards, name_of},
};
pub(crate) use self::{
    caps::{Caps, Refused, Side, Taker},
    enrolment::Leave,
    identity::{Outgoing, withholds},
    outward::place_of,
    said::Said,
    sources::Sources,
};
use crate::{core::Core, known::User, switchboard::Output};

/// The live side of all carriers.
#[derive(Debug)]
pub(crate) struct Carriers {
    pub(crate) caps: Caps,
    accounts: Accounts,
    pub(crate) outwards: Outwards,
    pub(crate) sources: Sources,
    pub(crate) enrolments: Enrolments,
    health: Health,
    keeping: Keeping,
    /// Those that do not answer or are not registered.
    down: BTreeSet<CarrierId>,
    /// Those of which it was told that they are down, and not yet that they are up.
    told_down: BTreeSet<CarrierId>,
    /// Whether each is there (switched on, and not down), and since when.
    since: BTreeMap<CarrierId, (bool, Instant)>,
    /// Those of which there is something to tell.
    changed: BTreeSet<CarrierId>,
    /// What streams of ours had to prove last; of those that nobody uses it says nothing.
    names: BTreeMap<Flow, String>,
    /// When it was told of each that it brings calls to what is none of our numbers, and how many have come since; no more than there are carriers.
    not_ours: BTreeMap<CarrierId, (Option<Instant>, u64)>,
    /// Users of streams so far, see [`User::Carrier`].
    users: u64,
    random: ChaCha12Rng,
}

/// Streams whose names are remembered, before those that nobody uses are forgotten.
const NAMES_MAX: usize = 4_096;
/// A host that was not looked for, because too many are, is looked for after this, and up to as long again.
const LOOK_SOON: Duration = Duration::from_secs(1);
/// Why a target is not called that is reached by a stream of somebody else ([`Core::is_anothers`]).
const ANOTHERS: &str = "its address is reached under another name already, by which a connection is open";

/// Who waits for what a lookup brings.
#[derive(Debug, Clone)]
pub(crate) enum Waiting {
    /// A call that is to go there.
    Call(CallId),
    /// Calls that come from there: the addresses of a carrier's host.
    Source(sources::Seen),
    /// An account that is to register there.
    Registrar(enrolment::Key),
    /// A host that is to be asked whether it is there.
    Host(health::Spot),
}

impl Carriers {
    /// Those of no directory yet. `random` says when accounts register and hosts are asked; `allowed`: see [`Outwards::allow`].
    pub(crate) fn new(random: ChaCha12Rng, allowed: Vec<IpNet>) -> Self {
        let mut outwards = Outwards::default();
        outwards.allow(allowed);
        Self {
            caps: Caps::default(),
            accounts: Accounts::default(),
            outwards,
            sources: Sources::default(),
            enrolments: Enrolments::default(),
            health: Health::default(),
            keeping: Keeping::default(),
            down: BTreeSet::new(),
            told_down: BTreeSet::new(),
            since: BTreeMap::new(),
            changed: BTreeSet::new(),
            names: BTreeMap::new(),
            not_ours: BTreeMap::new(),
            users: 0,
            random,
        }
    }

    /// When something is due, and what.
    pub(crate) fn timeout(&self) -> Option<(Instant, &'static str)> {
        let sources = self.sources.timeout().map(|at| (at, "hosts of carriers"));
        let enrolments = self.enrolments.timeout().map(|at| (at, "an account registers"));
        let health = self.health.timeout().map(|at| (at, "a carrier is asked"));
        let keeping = self.keeping.timeout().map(|at| (at, "a registration's way is kept open"));
        [sources, enrolments, health, keeping].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// A further user of streams.
    fn next_user(&mut self) -> u64 {
        self.users += 1;
        self.users
    }

    /// A span between two, both included, in milliseconds.
    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let spread = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        least + Duration::from_millis(self.random.next_u64() % spread)
    }
}

impl Core {
    /// How a carrier stands now. One that is not there is left out by whoever asks.
    pub(crate) fn standing(&self, now: Instant, carrier: CarrierId) -> Standing {
        match self.directory.plan().carrier(carrier) {
            Some(_) if self.carriers.down.contains(&carrier) => Standing::Down,
            Some(entry) => self.carriers.caps.standing(now, entry),
            None => Standing::Up,
        }
    }

    /// Carriers have changed. Calls that are up go on, also those of a carrier that is gone.
    pub(crate) fn follow_carriers(&mut self, now: Instant) {
        let directory = Arc::clone(&self.directory);
        let plan = directory.plan();
        self.carriers.caps.follow(plan);
        self.carriers.accounts.follow(plan);
        self.carriers.sources.follow(now, plan);
        self.ask_routes();
        self.look_for_sources(now);
        self.follow_enrolments(now);
        self.follow_health(now);
        self.follow_keeping(now);
        self.carriers.down.retain(|carrier| plan.carrier(*carrier).is_some());
        self.carriers.told_down.retain(|carrier| plan.carrier(*carrier).is_some());
        self.carriers.since.retain(|carrier, _| plan.carrier(*carrier).is_some());
        self.carriers.not_ours.retain(|carrier, _| plan.carrier(*carrier).is_some());
        plan.carriers().for_each(|entry| self.judge_carrier(now, entry.id));
        let retired: Vec<CarrierId> = self.carriers.accounts.with_retired().collect();
        self.tidy_accounts(retired);
    }

    /// Works out whether a carrier is there: one of its hosts answers, as far as they are asked, and one of its accounts is registered, if any
    /// is to be.
    fn judge_carrier(&mut self, now: Instant, carrier: CarrierId) {
        let directory = Arc::clone(&self.directory);
        let Some(entry) = directory.plan().carrier(carrier) else { return };
        let is_on = entry.carrier.on;
        let is_down = is_on && (self.carriers.health.all_down(carrier) || self.carriers.enrolments.none_registered(now, carrier));
        let has_changed = if is_down { self.carriers.down.insert(carrier) } else { self.carriers.down.remove(&carrier) };
        if has_changed {
            self.carriers.changed.insert(carrier);
        }
        let is_there = is_on && !is_down;
        if self.carriers.since.get(&carrier).is_none_or(|(was_there, _)| *was_there != is_there) {
            self.carriers.since.insert(carrier, (is_there, now));
        }
        // One that is switched off is neither down nor up again: a person did that, and knows.
        let is_proven = is_there && !self.carriers.health.waits(carrier) && !self.carriers.enrolments.waits(carrier);
        let has_come_back = is_proven && self.carriers.told_down.remove(&carrier);
        if has_changed && is_down {
            self.carriers.told_down.insert(carrier);
        } else if !has_come_back {
            return;
        }
        let (center, name, at) = (entry.center, entry.carrier.name.clone(), self.clock.wall(now));
        self.fact(Fact::CarrierTurned { carrier, center, name, is_up: !is_down, at });
    }

    /// A stream could not be opened: whoever wanted it tells why.
    pub(crate) fn carriers_not_reached(&mut self, now: Instant, flow: Flow, why: &str) {
        if flow.transport == Transport::Tcp {
            self.carriers.outwards.unheard_over_tcp(now, flow.remote);
        }
        self.carriers.enrolments.not_reached(flow, why);
        let unreached = self.carriers.health.not_reached(flow, why);
        self.carriers.changed.extend(unreached);
    }

    /// A stream is gone: whoever used it finds another one.
    pub(crate) fn carriers_lost_flow(&mut self, now: Instant, flow: Flow) {
        self.enrolments_lost_flow(now, flow);
    }

    /// What the stream to a target has to prove.
    fn secure(&mut self, flow: Flow, target: &Target) {
        if flow.transport != Transport::Tls {
            return;
        }
        if self.carriers.names.len() >= NAMES_MAX {
            let known = &self.known;
            self.carriers.names.retain(|flow, _| known.is_used(*flow));
        }
        let name = name_of(target);
        self.carriers.names.insert(flow, name.clone());
        self.out(Output::Secure { flow, name });
    }

    /// Whether the stream to a target is somebody else's: one that is in use, and has not to prove this name. A stream has one name to prove, and
    /// to ask it for another would end it, with whatever goes by it: a carrier of another centre that is reached by the same address, or a phone.
    /// `own` may use it already, under another name.
    pub(crate) fn is_anothers(&self, flow: Flow, target: &Target, own: Option<User>) -> bool {
        let is_used = || own.map_or_else(|| self.known.is_used(flow), |own| self.known.is_used_beside(own, flow));
        flow.transport == Transport::Tls && is_used() && self.carriers.names.get(&flow) != Some(&name_of(target))
    }

    /// A request of a carrier is about to go to a target: the sockets are told what its stream has to prove, and for whom it is.
    pub(crate) fn reach(&mut self, carrier: CarrierId, flow: Flow, target: &Target, is_needed: bool) {
        self.secure(flow, target);
        if flow.transport.is_reliable()
            && let Some(center) = self.directory.plan().carrier(carrier).map(|entry| entry.center)
        {
            self.out(Output::Claim { flow, center, is_needed });
        }
    }

    /// The account by which a carrier knows us, if it knows us by one: the first, unless that is to be registered, is not, and another is.
    pub(crate) fn account_with(&mut self, entry: &CarrierEntry) -> Option<sip_core::AccountId> {
        let account = self.account_of(entry)?;
        self.carriers.accounts.of(&mut self.endpoint, entry.id, account)
    }

    /// The same, as its settings write it.
    pub(crate) fn account_of<'e>(&self, entry: &'e CarrierEntry) -> Option<&'e carrier::Account> {
        let accounts = &entry.carrier.accounts;
        let first = accounts.first()?;
        let is_registered = |account: &&carrier::Account| self.carriers.enrolments.is_registered(entry.id, &account.username);
        if first.register && !is_registered(&first) { accounts.iter().find(is_registered).or(Some(first)) } else { Some(first) }
    }

    /// A call has no part in a carrier's lines any more.
    pub(crate) fn leave_carriers(&mut self, call: CallId) {
        let left = self.carriers.caps.release(call);
        self.tidy_accounts(left.into_iter().flatten());
    }

    /// The header that leads a request by an account to this host as the carrier wants it, if it said so when the account registered.
    pub(crate) fn service_route(
        &self,
        carrier: CarrierId,
        host: &carrier::Host,
        account: &carrier::Account,
    ) -> Option<(&'static str, String)> {
        self.carriers.enrolments.service_route(carrier, &account.username, host).map(|route| ("Route", route))
    }

    /// Forgets what was retired of these carriers' accounts and is not needed any more.
    pub(crate) fn tidy_accounts(&mut self, of: impl IntoIterator<Item = CarrierId>) {
        let Carriers { accounts, caps, enrolments, .. } = &mut self.carriers;
        for carrier in of {
            accounts.tidy(&mut self.endpoint, caps, enrolments, carrier);
        }
    }

    /// Finds out where a place of a carrier is; if that takes time, `waiting` is told. Calls go first, and each centre has its share.
    pub(crate) fn locate(&mut self, now: Instant, of: CarrierId, place: sip_core::Place, waiting: Waiting) -> Result<Located, LocateError> {
        let urgency = match waiting {
            Waiting::Call(_) => Urgency::Call,
            Waiting::Source(_) | Waiting::Registrar(_) | Waiting::Host(_) => Urgency::Upkeep,
        };
        let center = self.directory.plan().carrier(of).map_or(0, |entry| entry.center.0);
        let asker = Asker { urgency, party: center.unsigned_abs() };
        let located = self.locator.locate(now, place, asker)?;
        if let Located::Later(lookup) = located {
            self.lookups.insert(lookup, waiting);
        }
        Ok(located)
    }

    /// Nobody wants to know any more.
    pub(crate) fn stop_locating(&mut self, lookup: LookupId) {
        self.lookups.remove(&lookup);
        self.locator.cancel(lookup);
    }

    /// Asks from where the kernel goes to the hosts that settings name by their addresses.
    fn ask_routes(&mut self) {
        let hosts: Vec<_> = self.carriers.sources.at_addresses().collect();
        for remote in hosts {
            self.out(Output::Route { remote });
        }
    }

    /// Asks for the addresses of hosts whose time has come.
    pub(crate) fn look_for_sources(&mut self, now: Instant) {
        while let Some((seen, place)) = self.carriers.sources.due(now) {
            match self.locate(now, seen.carrier, place, Waiting::Source(seen.clone())) {
                Ok(Located::Now(targets)) => self.source_found(&seen, &targets),
                Err(LocateError::TooMany) => self.source_not_asked(now, &seen),
                Ok(Located::Later(_)) | Err(_) => {}
            }
        }
    }

    /// There was no room to look for a host: it is looked for again soon.
    pub(crate) fn source_not_asked(&mut self, now: Instant, seen: &sources::Seen) {
        let pause = self.carriers.between(LOOK_SOON, LOOK_SOON * 2);
        self.carriers.sources.postpone(now + pause, seen);
    }

    /// The addresses of a carrier's host. Until there are others, the last ones are good.
    pub(crate) fn source_found(&mut self, seen: &sources::Seen, targets: &[Target]) {
        if self.carriers.sources.found(seen, targets) {
            self.reset_armour();
        }
        for target in targets {
            self.out(Output::Route { remote: target.address });
        }
    }
}

/// A host as it stands in a URI, without a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// A host as a Request-URI without a user.
fn uri_of(host: &carrier::Host) -> String {
    let name = bracketed(&host.name);
    host.port.map_or_else(|| format!("sip:{name}"), |port| format!("sip:{name}:{port}"))
}
