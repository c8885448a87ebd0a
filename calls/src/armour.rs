//! Who is heard: the armour of `sip-core` between the sockets and call control.
//!
//! Each request that belongs to nothing is judged before anything is answered ([`Watch::hears`]), each login behind it ([`Core::logged_in`],
//! [`Core::login_failed`]). What comes of that is told to the sockets, to the journal and to those who listen ([`Core::tell_bans`]).

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::{
    Anchor, BanView, Directory, Event, EvidenceCount, Fact, Refusal, Reply, SecurityCounts, SecurityView, SlotEntry, source_address,
};
use sip_core::{
    Algorithm, Armour, ArmourCounters, ArmourOutput, ArmourSettings, Ban, Claim, Evidence, Flow, Peer, Stranger, Treatment, Verifier,
    armour::{BANS_MAX, NotBanned, Why},
    guard::Source,
};

use crate::{
    core::Core,
    switchboard::{Output, Restored, Switchboard},
};

/// The armour, and what it must remember of the request that is being handled.
#[derive(Debug)]
pub(crate) struct Watch {
    armour: Armour,
    /// The request that was let in last, until its login is judged.
    judged: Option<Judged>,
    /// What was noted of bans by hand; of standing ones only, so their limit is its limit.
    notes: BTreeMap<Source, String>,
    /// Bans that were made since the start, by what made them full.
    made: BTreeMap<&'static str, u64>,
}

/// What the armour thinks of a request that was let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    peer: Peer,
    /// Its login is not to be looked at, and is answered by a challenge with this `stale`.
    pub(crate) refused: Option<bool>,
}

impl Watch {
    pub(crate) fn new(settings: &ArmourSettings, seed: [u8; 16]) -> Self {
        Self { armour: Armour::new(settings.clone(), seed), judged: None, notes: BTreeMap::new(), made: BTreeMap::new() }
    }

    /// Whether what belongs to nothing here gets an answer.
    fn hears(&mut self, now: Instant, flow: Flow, verifier: &mut Verifier, realm: &str, stranger: &Stranger<'_>) -> bool {
        if !self.armour.settings().is_on {
            return true;
        }
        match stranger {
            // Asked of others: see [`Core::received`].
            Stranger::Elsewhere => true,
            Stranger::Malformed => {
                let peer = Peer::of(flow, false);
                self.armour.note(now, peer, Evidence::Malformed);
                !self.armour.is_banned(now, peer.source)
            }
            Stranger::Request(message) => {
                let claim = Claim::of(message, realm);
                // A stream proves by itself who is at its other end.
                let is_echo = !flow.transport.is_reliable() && verifier.is_echo(now, &claim, flow.remote.into());
                let peer = Peer::of(flow, is_echo);
                let refused = match self.armour.verdict(now, peer, message, &claim) {
                    Treatment::Silent => return false,
                    Treatment::Refuse { stale } => Some(stale),
                    Treatment::Pass => None,
                };
                self.judged = Some(Judged { peer, refused });
                true
            }
        }
    }

    /// When the next ban ends.
    pub(crate) fn timeout(&self) -> Option<(Instant, &'static str)> {
        self.armour.timeout()
    }
}

impl Core {
    /// A datagram or a message of a stream came.
    pub(crate) fn received(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        let Self { endpoint, watch, verifier, directory, .. } = self;
        watch.judged = None;
        let mut is_silenced = false;
        endpoint.received_if(now, flow, bytes, &mut |stranger| {
            // A carrier's calls may go on from another of its hosts. A phone that has moved registers first, and is known there then.
            if matches!(stranger, Stranger::Elsewhere) {
                return watch.armour.is_carriers(Peer::of(flow, false).source);
            }
            let is_heard = watch.hears(now, flow, verifier, &directory.realm, &stranger);
            is_silenced |= !is_heard;
            is_heard
        });
        if is_silenced && flow.transport.is_reliable() {
            self.out(Output::HangUp { flow });
        }
    }

    /// What the armour thinks of the request that is being handled: asked once for each.
    pub(crate) fn judged(&mut self) -> Option<Judged> {
        self.watch.judged.take()
    }

    /// A login was right.
    pub(crate) fn logged_in(&mut self, now: Instant, judged: Option<Judged>, user: &str) {
        if let Some(Judged { peer, refused: None }) = judged {
            self.watch.armour.logged_in(now, peer, user);
        }
    }

    /// A login was wrong; `exists` is whether there is such a user.
    pub(crate) fn login_failed(&mut self, now: Instant, judged: Option<Judged>, user: &str, exists: bool) {
        if let Some(Judged { peer, refused: None }) = judged {
            self.watch.armour.failed(now, peer, user, exists);
        }
    }

    /// Challenges for whoever sent a request by `flow`: to answer them proves that he hears what is sent there.
    pub(crate) fn challenges(&mut self, now: Instant, flow: Flow, stale: bool, offered: &[Algorithm]) -> Vec<String> {
        self.verifier.challenge_to(now, flow.remote.into(), &self.directory.realm, stale, offered)
    }

    /// Brings the armour to what settings say now, and to where carriers are.
    pub(crate) fn reset_armour(&mut self) {
        if self.settings.armour != *self.watch.armour.settings() {
            self.watch.armour.set(self.settings.armour.clone());
        }
        self.watch.armour.set_carriers(self.carriers.sources.known().collect());
    }

    /// Slots that are gone or have another account: where the old one was good is no home of the new one.
    pub(crate) fn forget_accounts(&mut self, directory: &Directory) {
        let is_changed = |slot: &&SlotEntry| {
            directory.slot(slot.id).is_none_or(|new| (new.username.as_str(), &new.ha1) != (slot.username.as_str(), &slot.ha1))
        };
        for slot in self.directory.slots().filter(is_changed) {
            self.watch.armour.forget_user(&slot.username);
        }
    }

    /// Bans that have ended are let go.
    pub(crate) fn expire_bans(&mut self, now: Instant) {
        self.watch.armour.expire(now);
    }

    /// Takes over what survived a restart: bans, and for homes the places that phones are bound from.
    pub(crate) fn restore_armour(&mut self, now: Instant, restored: &Restored) {
        for view in &restored.bans {
            let Some(ban) = ban(&self.clock, now, view) else { continue };
            let (source, note) = (ban.source, view.note.clone());
            self.watch.armour.restore_ban(now, ban);
            if self.watch.armour.is_banned(now, source) {
                self.watch.notes.extend(note.map(|note| (source, note)));
            }
        }
        for ban in self.watch.armour.bans() {
            let lasts = ban.until.saturating_duration_since(now);
            self.outputs.push_back(Output::Ban { source: ban.source, lasts });
        }
        for binding in &restored.bindings {
            let (Some(slot), Ok(remote)) = (self.directory.slot(binding.slot), binding.remote.parse::<std::net::SocketAddr>()) else {
                continue;
            };
            let at = self.clock.mono(binding.since).unwrap_or(now);
            self.watch.armour.restore_home(now, remote.into(), &slot.username, at);
        }
    }

    /// Tells whatever the armour has decided.
    pub(crate) fn tell_bans(&mut self, now: Instant) {
        while let Some(output) = self.watch.armour.poll() {
            match output {
                ArmourOutput::Banned(ban) => {
                    *self.watch.made.entry(why(ban.why)).or_default() += 1;
                    if ban.why != Why::ByHand {
                        self.watch.notes.remove(&ban.source);
                    }
                    self.out(Output::Ban { source: ban.source, lasts: ban.until.saturating_duration_since(now) });
                    let view = self.ban_view(&ban);
                    self.fact(Fact::Banned { ban: view.clone() });
                    self.event(Event::SourceBanned(view));
                }
                ArmourOutput::Released { source, by_hand } => {
                    self.watch.notes.remove(&source);
                    self.out(Output::Unban { source });
                    // One that has ended is remembered for a while: the next one of this source lasts longer.
                    if by_hand {
                        self.fact(Fact::Unbanned { source: source.to_string(), at: self.clock.wall(now) });
                    }
                    self.event(Event::SourceReleased { source: source.to_string(), by_hand });
                }
                // How many these are is asked for; whose names is nothing to be told.
                ArmourOutput::Guarded { .. } => {}
            }
        }
    }

    fn ban_view(&self, ban: &Ban) -> BanView {
        BanView {
            source: ban.source.to_string(),
            why: why(ban.why).to_owned(),
            since: self.clock.wall(ban.since),
            until: self.clock.wall(ban.until),
            times: ban.times,
            points: ban.points,
            note: self.watch.notes.get(&ban.source).cloned(),
            evidence: ban.evidence.iter().map(|(kind, count)| EvidenceCount { kind: kind.as_str().to_owned(), count: *count }).collect(),
        }
    }

    fn ban_of(&self, address: IpAddr) -> Option<Ban> {
        let source = Source::from(address);
        // An address of one link is told without its interface.
        self.watch.armour.bans().find(|ban| ban.source == source || ban.source.ip() == source.ip()).cloned()
    }

    /// All bans.
    pub(crate) fn bans(&self) -> Reply {
        Reply::Bans(self.watch.armour.bans().map(|ban| self.ban_view(ban)).collect())
    }

    /// Bans a source by hand.
    pub(crate) fn ban_source(&mut self, now: Instant, address: IpAddr, for_s: u32, note: Option<String>) -> Result<Reply, Refusal> {
        let source = Source::from(address);
        let note = note.map(|note| note.chars().take(BanView::NOTE_MAX).collect());
        let before = self.watch.notes.remove(&source);
        self.watch.notes.extend(note.map(|note| (source, note)));
        if let Err(why) = self.watch.armour.ban(now, source, Duration::from_secs(for_s.into())) {
            self.watch.notes.remove(&source);
            self.watch.notes.extend(before.map(|note| (source, note)));
            return Err(match why {
                NotBanned::Off => Refusal::BansOff,
                NotBanned::Exempt => Refusal::SourceExempt,
                NotBanned::Full => Refusal::BansFull,
            });
        }
        self.tell_bans(now);
        self.ban_of(address).map(|ban| Reply::Ban(self.ban_view(&ban))).ok_or(Refusal::NotBanned)
    }

    /// Takes a ban back.
    pub(crate) fn release_ban(&mut self, now: Instant, address: IpAddr) -> Result<Reply, Refusal> {
        let ban = self.ban_of(address).ok_or(Refusal::NotBanned)?;
        let view = self.ban_view(&ban);
        self.watch.armour.release(ban.source);
        self.tell_bans(now);
        Ok(Reply::Ban(view))
    }

    /// How the armour stands.
    pub(crate) fn security(&self, now: Instant) -> Reply {
        let armour = &self.watch.armour;
        let settings = armour.settings();
        let (proven_sources, unproven_sources) = armour.remembered();
        Reply::Security(Box::new(SecurityView {
            is_on: settings.is_on,
            bans: armour.bans().count(),
            bans_max: BANS_MAX,
            proven_sources,
            unproven_sources,
            guarded_users: armour.guarded(now).count(),
            exempt: settings.exempt.iter().chain(armour.carriers()).map(ToString::to_string).collect(),
            domains: settings.domains.clone(),
            foreign_domains: armour.foreign_domains().map(str::to_owned).collect(),
            ban_at: settings.ban_at,
            ban_s: settings.ban_first.as_secs(),
            ban_longest_s: settings.ban_longest.as_secs(),
            failures_a_day: settings.source_failures,
            user_failures_a_day: settings.user_failures,
            counts: counts(armour.counters()),
        }))
    }
}

impl Switchboard {
    /// What the armour has done since the start.
    #[must_use]
    pub fn security_counts(&self) -> SecurityCounts {
        counts(self.core.watch.armour.counters())
    }

    /// Sources that are banned now.
    #[must_use]
    pub fn bans(&self) -> usize {
        self.core.watch.armour.bans().count()
    }

    /// Bans that were made since the start, by what made them full: a kind of evidence, `slow_guessing` or `by_hand`.
    pub fn bans_made(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.core.watch.made.iter().map(|(why, count)| (*why, *count))
    }
}

fn counts(counters: ArmourCounters) -> SecurityCounts {
    let ArmourCounters { banned, scanners, foreign, slowed, unproven_logins, throttled, bans_refused } = counters;
    SecurityCounts { banned, scanners, foreign, slowed, unproven_logins, throttled, bans_refused }
}

/// The word for what made a ban full.
fn why(why: Why) -> &'static str {
    match why {
        Why::Score(evidence) => evidence.as_str(),
        Why::SlowGuessing => SLOW_GUESSING,
        Why::ByHand => BY_HAND,
    }
}

const SLOW_GUESSING: &str = "slow_guessing";
const BY_HAND: &str = "by_hand";

/// A ban from before a restart; none if it cannot be read.
fn ban(clock: &Anchor, now: Instant, view: &BanView) -> Option<Ban> {
    let why = match view.why.as_str() {
        SLOW_GUESSING => Why::SlowGuessing,
        BY_HAND => Why::ByHand,
        word => Why::Score(Evidence::of(word)?),
    };
    Some(Ban {
        source: source_address(&view.source)?.into(),
        since: clock.mono(view.since).unwrap_or(now),
        until: clock.mono(view.until)?,
        times: view.times,
        why,
        points: view.points,
        evidence: view.evidence.iter().filter_map(|seen| Some((Evidence::of(&seen.kind)?, seen.count))).collect(),
    })
}
