//! The armour: what speaks against a source, who is banned for it, and whose logins are looked at. Pure: time is an argument.
//!
//! [`crate::Guard`] counts octets before anybody reads them; the armour judges what was read. Two rules carry it:
//!
//! - **Only a source that is proven by a round trip is ever banned**, and only for what it was proven with: a message of a stream, or a login
//!   over UDP that echoes a nonce which we sent to that very source ([`crate::Verifier::is_echo`]). Anybody may write a carrier's address on a
//!   datagram; such datagrams only make further ones without a login wait ([`UNPROVEN_EACH`]), and not if somebody has logged in from there.
//! - **A user is never locked out where he has logged in before** (B-69). Others may fail with his name [`USER_FAILURES_MAX`] times a day, all
//!   together; then their logins are answered as ever, but not looked at. The price: who sits in the same house may guess this one name as fast
//!   as the guard lets him, and passwords of our making (20 random characters) stand that.
//!
//! An office behind one NAT with one phone that has an old password loses nothing: the failures of a user at his home count for nothing, and
//! where anybody has logged in lately, of each other name only the first [`FAILURES_EACH`] weigh; the rest is throttled for that name alone
//! ([`NAME_FAILURES_MAX`]). Whoever tries many names is banned there, too. A success takes back what its own name has weighed and nothing
//! else, or one stolen password would pay for guessing all others.
//!
//! A throttled login gets the same 401 as ever, by the same work (it is judged without credentials), even with the right password: silence, or
//! another code, would tell a guesser which names exist and when to come again, and the owner would not know whether the server lives.
//! A banned source gets silence, because any answer is worth something to a scanner, and costs us.
//!
//! # Who calls what when
//!
//! One armour is owned by the signalling thread, beside the guard, as a part of call control.
//!
//! 1. The sockets, before a datagram is parsed and when a stream is accepted: [`Armour::is_banned`], or [`BanList::is_banned`] of a list of
//!    their own that follows [`ArmourOutput`]. What is banned is dropped, a stream closed, unless it belongs to something
//!    ([`crate::Admit::Inside`]): calls that are up go on.
//! 2. A message that cannot be parsed: [`Armour::note`] with [`Evidence::Malformed`]; its 400 goes out unless the source is banned now.
//! 3. A request that matches no dialog and no transaction, before anything is answered: [`Armour::verdict`], with the
//!    [`crate::Claim`] that is needed next anyway. Requests of trunks, which are known by their addresses, come from exempt networks.
//! 4. A login that passed is judged by [`crate::Verifier::judge`], and its result told: [`Armour::logged_in`] for
//!    [`crate::Verdict::Good`], [`Armour::failed`] for `Bad`; nothing for `Missing` and `Stale`. Challenges to UDP are made by
//!    [`crate::Verifier::challenge_to`] with the request's source: those of `challenge` prove nobody, so nobody could log in.
//! 5. At start: [`Armour::restore_ban`] for bans that were kept, [`Armour::restore_home`] for every binding that was kept, and for homes.
//!    Their moments go through an anchor, as those of bindings do.
//! 6. A slot that is gone, or has another password or name: [`Armour::forget_user`].
//! 7. After each of these [`Armour::poll`] until it is empty; and [`Armour::expire`] when [`Armour::timeout`] says.

mod bans;
mod evidence;
mod exempt;
mod homes;
mod records;
pub mod scanner;
mod score;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, Instant},
};

use ipnet::IpNet;

pub use bans::{BAN_FIRST, BAN_LONGEST, BAN_REMEMBERED, BANS_MAX, BY_HAND_LONGEST, Ban, BanList, NotBanned, Why, ban_lasts};
pub use evidence::{Evidence, Weight};
pub use homes::{HOME_LIFE, HOMES_MAX, Home, STANDING_LIFE, USER_FAILURES_MAX, USERS_MAX};
pub use records::{NAMES_MAX, SOURCES_MAX};

use crate::{
    digest::Claim,
    flow::Flow,
    guard::Source,
    message::{Message, Method},
};
use bans::Past;
use exempt::Exempt;
use homes::Homes;
use records::{Key, Record, Records, Tried};
use score::{Allowance, Leak, Score};

/// Points at which a source is banned, and at which one that is not proven is slowed down, unless the settings say otherwise. They halve
/// every 640 s.
pub const BAN_AT: u32 = 100;
/// Failed logins within a day that ban a source, however slowly they come, unless the settings say otherwise. Less than
/// [`USER_FAILURES_MAX`]: one source alone is banned before the owner of the name elsewhere has to wait for it.
pub const SOURCE_FAILURES_MAX: u32 = 40;
/// Failures of one name that weigh, where somebody has logged in lately.
pub const FAILURES_EACH: u32 = 2;
/// Failures of one name there, after which its logins from there are not looked at. One is forgotten every 10 minutes.
pub const NAME_FAILURES_MAX: u32 = 20;
/// While too much speaks against a source that is not proven, one request without a login is let in in this time.
pub const UNPROVEN_EACH: Duration = Duration::from_secs(2);
/// Domains that are not ours and were asked for lately, kept for whoever wonders why a phone gets no answer.
pub const FOREIGN_MAX: usize = 16;
/// Orders that wait to be polled. Beyond it they are dropped, oldest first; it is drained after each input.
const OUTPUTS_MAX: usize = 2 * BANS_MAX;

const NAME_FAILURES: Allowance = Allowance { limit: NAME_FAILURES_MAX, each: Duration::from_secs(600) };

/// What the armour must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmourSettings {
    /// Whether it judges anybody. If not, all bans end, and every request is served as if there were no armour.
    pub is_on: bool,
    /// Points at which a source is banned; at least 1 is meant.
    pub ban_at: u32,
    /// How long a first ban lasts. Each next one lasts four times as long.
    pub ban_first: Duration,
    /// How long a ban lasts at most.
    pub ban_longest: Duration,
    /// Failed logins within a day that ban a source, however slowly they come; at least 1 is meant.
    pub source_failures: u32,
    /// Failed logins with one user's name within a day, from all strangers together, after which strangers' logins with it are not looked at;
    /// at least 1 is meant.
    pub user_failures: u32,
    /// Networks that nothing is held against. Those of carriers have a way of their own: [`Armour::set_carriers`].
    pub exempt: Vec<IpNet>,
    /// Our domains, as Request-URIs name them: the domain of the configuration, and each name that phones are set up with. Empty: any is ours.
    pub domains: Vec<String>,
    /// Our addresses, also the public one of a router before us. They count only where `domains` are named. The address that a request came
    /// to is ours in any case.
    pub addresses: Vec<IpAddr>,
}

impl Default for ArmourSettings {
    fn default() -> Self {
        Self {
            is_on: true,
            ban_at: BAN_AT,
            ban_first: BAN_FIRST,
            ban_longest: BAN_LONGEST,
            source_failures: SOURCE_FAILURES_MAX,
            user_failures: USER_FAILURES_MAX,
            exempt: Vec::new(),
            domains: Vec::new(),
            addresses: Vec::new(),
        }
    }
}

impl ArmourSettings {
    fn source_failures(&self) -> Allowance {
        Allowance::a_day(self.source_failures)
    }

    fn user_failures(&self) -> Allowance {
        Allowance::a_day(self.user_failures)
    }
}

/// Where a message came from, and whether that is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The source.
    pub source: Source,
    /// The address of ours that it has sent to.
    pub local: IpAddr,
    /// This message proves that its sender hears what we send to the source.
    pub is_proven: bool,
}

impl Peer {
    /// The peer of a message that came by `flow`. `is_echo` is what [`crate::Verifier::is_echo`] says of it; `false` where there is no claim.
    #[must_use]
    pub fn of(flow: Flow, is_echo: bool) -> Self {
        // A stream took a handshake.
        Self { source: flow.remote.into(), local: flow.local.ip(), is_proven: is_echo || flow.transport.is_reliable() }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// It is served.
    Pass,
    /// It gets no answer at all, and leaves nothing behind; a stream is closed.
    Silent,
    /// Its login is not looked at: it is judged without credentials (`judge(now, &claim, None)`, for the same work), and answered by a new
    /// challenge with this `stale`. Nothing is told of it to the armour.
    Refuse {
        /// The nonce was not sent to this source, so its sender is not proven; a phone answers the new one without asking its user.
        stale: bool,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArmourOutput {
    /// A source is not heard any more: to be shown, kept for a restart, and told to the sockets.
    Banned(Ban),
    /// It is heard again.
    Released {
        /// Who.
        source: Source,
        /// Somebody let it go before its time.
        by_hand: bool,
    },
    /// So many failed with this user's name that strangers' logins with it are not looked at for a while. Told once, until half of it is
    /// forgotten.
    Guarded {
        /// Whose name.
        user: String,
    },
}

/// What the armour has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArmourCounters {
    /// Messages of banned sources that reached [`Armour::verdict`].
    pub banned: u64,
    /// Of scanners.
    pub scanners: u64,
    /// For a foreign domain.
    pub foreign: u64,
    /// Of sources that are not proven, slowed down.
    pub slowed: u64,
    /// Logins with a nonce that was not sent to their source.
    pub unproven_logins: u64,
    /// Logins that were not looked at, since too many had failed.
    pub throttled: u64,
    /// Bans that were not made, as [`BANS_MAX`] stand.
    pub bans_refused: u64,
}

/// The armour.
#[derive(Debug)]
pub struct Armour {
    settings: ArmourSettings,
    exempt: Exempt,
    /// Networks of carriers. Nothing is held against them either, but who logs in from there guesses no faster than from elsewhere.
    carriers: Exempt,
    carrier_nets: Vec<IpNet>,
    key: Key,
    bans: BanList,
    past: Past,
    /// What sources did with proof.
    proven: Records,
    /// What was done in the name of sources. It has a table of its own, so that forgeries push out nothing that is proven.
    unproven: Records,
    homes: Homes,
    foreign: VecDeque<String>,
    outputs: VecDeque<ArmourOutput>,
    counters: ArmourCounters,
}

impl Armour {
    /// `seed` is drawn anew at each start, and nobody outside knows it.
    #[must_use]
    pub fn new(settings: ArmourSettings, seed: [u8; 16]) -> Self {
        Self {
            exempt: Exempt::of(&settings.exempt),
            carriers: Exempt::default(),
            carrier_nets: Vec::new(),
            settings,
            key: Key(seed),
            bans: BanList::default(),
            past: Past::default(),
            proven: Records::new(),
            unproven: Records::new(),
            homes: Homes::default(),
            foreign: VecDeque::new(),
            outputs: VecDeque::new(),
            counters: ArmourCounters::default(),
        }
    }

    /// Other settings from now on. Bans of what is exempt now end; those that go on last as long as was said.
    pub fn set(&mut self, settings: ArmourSettings) {
        self.exempt = Exempt::of(&settings.exempt);
        self.settings = settings;
        self.release_exempt();
    }

    /// The networks that carriers are in: what comes from there without a log-in is nobody's fault, and a ban would end calls. Their bans end.
    /// Whoever may set one centre's carriers may set them, so that passwords guessed from there count against the users' names all the same.
    pub fn set_carriers(&mut self, networks: Vec<IpNet>) {
        if networks != self.carrier_nets {
            self.carriers = Exempt::of(&networks);
            self.carrier_nets = networks;
            self.release_exempt();
        }
    }

    /// See [`Armour::set_carriers`].
    #[must_use]
    pub fn carriers(&self) -> &[IpNet] {
        &self.carrier_nets
    }

    /// Whether a source is where carriers are: one look, however many networks there are.
    #[must_use]
    pub fn is_carriers(&self, source: Source) -> bool {
        self.carriers.has(source)
    }

    fn release_exempt(&mut self) {
        let ends = |source: &Source| !self.settings.is_on || self.is_exempt(*source);
        let exempt: Vec<_> = self.bans.iter().map(|ban| ban.source).filter(ends).collect();
        for source in exempt {
            self.release(source);
        }
    }

    /// By what it judges.
    #[must_use]
    pub fn settings(&self) -> &ArmourSettings {
        &self.settings
    }

    /// Whether nothing of `source` is heard.
    #[must_use]
    pub fn is_banned(&self, now: Instant, source: Source) -> bool {
        self.bans.is_banned(now, source)
    }

    /// What becomes of a message that belongs to no dialog and no transaction. It weighs what the message itself says.
    pub fn verdict(&mut self, now: Instant, peer: Peer, message: &Message, claim: &Claim<'_>) -> Treatment {
        if !self.settings.is_on || self.exempt.has(peer.source) {
            return Treatment::Pass;
        }
        if self.carriers.has(peer.source) {
            return if message.is_request() && claim.is_login() { self.login_verdict(now, peer, claim) } else { Treatment::Pass };
        }
        if self.is_banned(now, peer.source) {
            self.counters.banned += 1;
            return Treatment::Silent;
        }
        // ACK and CANCEL are never answered with a challenge, and a request with a tag is for a dialog that is gone.
        let is_new = message.is_request() && !matches!(message.method(), Method::Ack | Method::Cancel) && message.to_tag().is_none();
        let has_login = claim.is_login();
        if message.is_request()
            && let Some(mark) = scanner::mark(message)
        {
            if mark.is_certain {
                self.counters.scanners += 1;
                self.note(now, peer, Evidence::Scanner);
                return Treatment::Silent;
            }
            if is_new && !has_login {
                self.note(now, peer, Evidence::FakeAgent);
            }
        }
        if !is_new {
            return Treatment::Pass;
        }
        if has_login {
            return self.login_verdict(now, peer, claim);
        }
        let has_standing = self.homes.has_standing(now, peer.source);
        if !has_standing && let Some(host) = self.foreign_host(peer, message) {
            self.counters.foreign += 1;
            self.remember_foreign(host);
            self.note(now, peer, Evidence::ForeignDomain);
            return Treatment::Silent;
        }
        if message.method() == Method::Invite {
            let evidence = if scanner::is_to_the_world(message) { Evidence::TollAttempt } else { Evidence::CallWithoutLogin };
            self.note(now, peer, evidence);
        }
        if self.is_banned(now, peer.source) {
            self.counters.banned += 1;
            return Treatment::Silent;
        }
        if !peer.is_proven && !has_standing && self.is_slowed(now, peer.source) {
            self.counters.slowed += 1;
            return Treatment::Silent;
        }
        Treatment::Pass
    }

    fn login_verdict(&mut self, now: Instant, peer: Peer, claim: &Claim<'_>) -> Treatment {
        // Who guesses is to be known by his address, and a password or a captured login is no good from an address that does not hear us:
        // a REGISTER that nobody hears the answer of takes a phone's calls all the same.
        if !peer.is_proven {
            self.counters.unproven_logins += 1;
            return Treatment::Refuse { stale: true };
        }
        let user = claim.user().unwrap_or_default();
        if self.homes.is_home(now, peer.source, &user) {
            return Treatment::Pass;
        }
        let is_throttled = if self.homes.has_standing(now, peer.source) && !self.carriers.has(peer.source) {
            let name = self.key.name(&user);
            let tried = self.proven.get(self.key, peer.source).and_then(|record| record.tried(name));
            tried.is_some_and(|tried| tried.failures.is_full(now, NAME_FAILURES))
        } else {
            self.homes.is_guarded(now, self.settings.user_failures(), &user)
        };
        if is_throttled {
            self.counters.throttled += 1;
            return Treatment::Refuse { stale: false };
        }
        Treatment::Pass
    }

    /// A login was right. `user` is the name that it was made with.
    pub fn logged_in(&mut self, now: Instant, peer: Peer, user: &str) {
        if !peer.is_proven {
            return;
        }
        let had_standing = self.homes.has_standing(now, peer.source);
        self.homes.enter(now, peer.source, user, now);
        // Of nearly everybody who logs in nothing is remembered.
        let Some(record) = self.proven.get(self.key, peer.source) else { return };
        let name = self.key.name(user);
        if let Some(at) = record.names.iter().position(|tried| tried.name == name) {
            let tried = record.names.swap_remove(at);
            record.score.take_back(now, tried.score);
            record.day.take_back(now, self.settings.source_failures(), tried.counted);
            if !had_standing {
                self.homes.take_back(now, self.settings.user_failures(), user, tried.counted);
            }
        }
    }

    /// A login that passed was wrong. `exists` is whether there is such a user.
    pub fn failed(&mut self, now: Instant, peer: Peer, user: &str, exists: bool) {
        let is_carriers = self.settings.is_on && !self.exempt.has(peer.source) && self.carriers.has(peer.source);
        if !peer.is_proven || (self.is_untouched(now, peer.source) && !is_carriers) || self.homes.is_home(now, peer.source, user) {
            return;
        }
        let has_standing = self.homes.has_standing(now, peer.source) && !is_carriers;
        if exists && !has_standing && self.homes.failed(now, self.settings.user_failures(), user) {
            self.output(ArmourOutput::Guarded { user: user.to_owned() });
        }
        if is_carriers {
            return;
        }
        let evidence = if exists { Evidence::WrongPassword } else { Evidence::UnknownUser };
        let name = self.key.name(user);
        let Some(record) = self.proven.entry(now, self.key, peer.source) else { return };
        record.seen.add(evidence);
        let weight = evidence.weight();
        let points = if has_standing { weight.standing } else { weight.stranger };
        if let Some(tried) = record.try_name(now, name) {
            tried.failures.add(now, NAME_FAILURES);
            if has_standing && tried.failures.used(now, NAME_FAILURES) > FAILURES_EACH {
                return;
            }
            tried.score.add(now, points);
            tried.counted = tried.counted.saturating_add(1);
        }
        let allowance = self.settings.source_failures();
        record.day.add(now, allowance);
        record.score.add(now, points);
        let is_slow_guesser = record.day.is_full(now, allowance);
        if record.score.points(now) >= self.settings.ban_at {
            self.ban_for(now, peer.source, Why::Score(evidence));
        } else if is_slow_guesser {
            self.ban_for(now, peer.source, Why::SlowGuessing);
        }
    }

    /// Something else speaks against a source.
    pub fn note(&mut self, now: Instant, peer: Peer, evidence: Evidence) {
        if self.is_untouched(now, peer.source) {
            return;
        }
        let weight = evidence.weight();
        let points = if self.homes.has_standing(now, peer.source) { weight.standing } else { weight.stranger };
        let records = if peer.is_proven { &mut self.proven } else { &mut self.unproven };
        if points == 0 {
            return;
        }
        let Some(record) = records.entry(now, self.key, peer.source) else { return };
        record.score.add(now, points);
        record.seen.add(evidence);
        if peer.is_proven && record.score.points(now) >= self.settings.ban_at {
            self.ban_for(now, peer.source, Why::Score(evidence));
        }
    }

    /// Bans by hand, for as long as is said, at most [`BY_HAND_LONGEST`]; in place of a ban that stands.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn ban(&mut self, now: Instant, source: Source, lasts: Duration) -> Result<(), NotBanned> {
        if !self.settings.is_on {
            return Err(NotBanned::Off);
        }
        if self.is_exempt(source) {
            return Err(NotBanned::Exempt);
        }
        if self.enter(now, source, Why::ByHand, lasts.min(BY_HAND_LONGEST)) { Ok(()) } else { Err(NotBanned::Full) }
    }

    /// Lets a source go and forgets what spoke against it. Whether it was banned.
    pub fn release(&mut self, source: Source) -> bool {
        let was_banned = self.bans.remove(source).is_some();
        self.past.forget(source);
        self.proven.remove(self.key, source);
        self.unproven.remove(self.key, source);
        if was_banned {
            self.output(ArmourOutput::Released { source, by_hand: true });
        }
        was_banned
    }

    /// A user is gone, or has another password: where the old one was good is no home any more.
    pub fn forget_user(&mut self, user: &str) {
        self.homes.remove(user);
    }

    /// A ban from before a restart. One that has ended, or of what is exempt now, is let go. It is told by no output.
    pub fn restore_ban(&mut self, now: Instant, ban: Ban) {
        // By a clock that was set back meanwhile it would last for ever.
        let most = if ban.why == Why::ByHand { BY_HAND_LONGEST } else { self.settings.ban_longest };
        let longest = now.checked_add(most).unwrap_or(now);
        let ban = Ban { until: ban.until.min(longest), ..ban };
        self.past.remember(now, &ban);
        if now < ban.until && self.settings.is_on && !self.is_exempt(ban.source) {
            self.bans.insert(ban);
        }
    }

    /// A home from before a restart: of [`Armour::homes`], or of a binding, which somebody must have logged in for.
    pub fn restore_home(&mut self, now: Instant, source: Source, user: &str, at: Instant) {
        self.homes.enter(now, source, user, at.min(now));
    }

    /// All bans in the order of addresses.
    pub fn bans(&self) -> impl Iterator<Item = &Ban> {
        self.bans.iter()
    }

    /// Where users have logged in from, in the order of their names.
    pub fn homes(&self) -> impl Iterator<Item = (&str, Home)> {
        self.homes.iter()
    }

    /// The users whose names strangers' logins are not looked at with now.
    pub fn guarded(&self, now: Instant) -> impl Iterator<Item = &str> {
        self.homes.guarded(now, self.settings.user_failures())
    }

    /// The domains that were asked for lately and are not ours, the last one last: perhaps one is missing in `domains`.
    pub fn foreign_domains(&self) -> impl Iterator<Item = &str> {
        self.foreign.iter().map(String::as_str)
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> ArmourCounters {
        self.counters
    }

    /// Sources that something is remembered of, proven and not.
    #[must_use]
    pub fn remembered(&self) -> (usize, usize) {
        (self.proven.len(), self.unproven.len())
    }

    /// Releases whose ban has ended.
    pub fn expire(&mut self, now: Instant) {
        while let Some(ban) = self.bans.expire(now) {
            self.output(ArmourOutput::Released { source: ban.source, by_hand: false });
        }
    }

    /// When to call [`Armour::expire`], and the timer's name.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        self.bans.next_end().map(|end| (end, "ban"))
    }

    /// What happened, oldest first.
    pub fn poll(&mut self) -> Option<ArmourOutput> {
        self.outputs.pop_front()
    }

    fn ban_for(&mut self, now: Instant, source: Source, why: Why) {
        let times = self.past.times(now, source).saturating_add(1);
        // What a slow guesser did took hours: a few minutes would be no more than a pause to him.
        let ArmourSettings { ban_first, ban_longest, .. } = self.settings;
        let lasts = if why == Why::SlowGuessing { ban_longest } else { ban_lasts(ban_first, ban_longest, times) };
        self.enter(now, source, why, lasts);
    }

    fn enter(&mut self, now: Instant, source: Source, why: Why, lasts: Duration) -> bool {
        let times = self.past.times(now, source).saturating_add(1);
        let Some(until) = now.checked_add(lasts) else { return false };
        let record = self.proven.get(self.key, source);
        let (points, evidence) = record.map(|record| (record.score.points(now), record.seen.seen())).unwrap_or_default();
        let ban = Ban { source, since: now, until, times, why, points, evidence };
        if !self.bans.insert(ban.clone()) {
            self.counters.bans_refused += 1;
            return false;
        }
        // It begins anew afterwards, but for the memory of its bans.
        self.proven.remove(self.key, source);
        self.past.remember(now, &ban);
        self.output(ArmourOutput::Banned(ban));
        true
    }

    /// Whether a request without a login of a source that is not proven has to wait. It leaves its mark if not.
    fn is_slowed(&mut self, now: Instant, source: Source) -> bool {
        let Some(record) = self.unproven.get(self.key, source) else { return false };
        if record.score.points(now) < self.settings.ban_at {
            return false;
        }
        if record.next.is_some_and(|next| now < next) {
            return true;
        }
        record.next = now.checked_add(UNPROVEN_EACH);
        false
    }

    /// Whether nothing is held against a source now: it is exempt, or silenced already, or nobody is judged.
    fn is_untouched(&self, now: Instant, source: Source) -> bool {
        !self.settings.is_on || self.is_exempt(source) || self.is_banned(now, source)
    }

    /// Whether nothing is ever held against a source.
    #[must_use]
    pub fn is_exempt(&self, source: Source) -> bool {
        self.exempt.has(source) || self.carriers.has(source)
    }

    /// The host that a stranger's request is for, if it is not ours. Whoever sends from a private address is in the house, or behind a router
    /// of it: a phone that is set up with another of our names is to be answered, so that one sees what is wrong with it.
    fn foreign_host(&self, peer: Peer, message: &Message) -> Option<String> {
        if self.settings.domains.is_empty() || is_in_the_house(peer.source.ip()) {
            return None;
        }
        scanner::foreign_host(message, &self.settings.domains, &self.settings.addresses, peer.local)
    }

    fn remember_foreign(&mut self, host: String) {
        self.foreign.retain(|known| *known != host);
        if self.foreign.len() >= FOREIGN_MAX {
            self.foreign.pop_front();
        }
        self.foreign.push_back(host.chars().take(HOST_MAX).collect());
    }

    fn output(&mut self, output: ArmourOutput) {
        if self.outputs.len() >= OUTPUTS_MAX {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }
}

/// The longest host name there is (RFC 1035, 2.3.4).
const HOST_MAX: usize = 255;

fn is_in_the_house(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

impl Record {
    /// The entry of a name, a new one if there is room; the place of a name whose failures are all forgotten is room.
    fn try_name(&mut self, now: Instant, name: u64) -> Option<&mut Tried> {
        if !self.names.iter().any(|tried| tried.name == name) {
            if self.names.len() >= NAMES_MAX {
                let old = self.names.iter().position(|tried| tried.failures.used(now, NAME_FAILURES) == 0)?;
                self.names.swap_remove(old);
            }
            self.names.push(Tried { name, score: Score::default(), counted: 0, failures: Leak::default() });
        }
        self.tried(name)
    }
}
