//! The registrar: which contacts an address-of-record has (RFC 3261, 10.3). Pure; who may register is asked elsewhere.
//!
//! An address-of-record is a number that means something to the owner only. It has few phones: a new contact takes the place
//! of the one refreshed longest ago (R17). A phone that names its flows (RFC 5626) is one, by however many of them it is bound, up to
//! [`FLOWS_MAX`]. One REGISTER changes everything it asks for, or nothing.

mod reach;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use self::reach::Way;
pub use self::reach::{FlowName, INSTANCE_MAX, PATH_MAX, PATH_OCTETS_MAX, Reach};
use crate::{
    flow::Flow,
    message::{Contacts, Message, Name, NameAddr, peer_flow, seconds, text},
    uri::SipUri,
};

/// The bounds of a registrar (B-10, B-12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrarSettings {
    /// The shortest interval that is granted, in seconds; shorter ones get 423. At most 3600 (RFC 3261, 10.3).
    pub expires_min: u32,
    /// The interval for who names none, in seconds.
    pub expires_default: u32,
    /// The longest interval, in seconds; longer ones are cut.
    pub expires_max: u32,
    /// Octets of a Contact URI; longer ones get 400.
    pub contact_length_max: usize,
    /// Bindings of all addresses-of-record together; beyond it new ones get 503.
    pub bindings_max: usize,
    /// Whether it is heeded through which proxies a phone is reached (Path, RFC 3327), and by which of its streams (RFC 5626): only for an owner
    /// that puts [`Reach::route`] into what it sends there, and with [`crate::endpoint::Extras::paths`]. The value is the seconds of
    /// Flow-Timer in answers to who registers a stream by its name: a phone says something at least as often (4.4.1). 0: it is not told.
    pub flow_timer_s: Option<u32>,
}

impl Default for RegistrarSettings {
    fn default() -> Self {
        Self {
            expires_min: 60,
            expires_default: 300,
            expires_max: 3600,
            contact_length_max: 512,
            bindings_max: 200_000,
            flow_timer_s: None,
        }
    }
}

/// Characters of a User-Agent that are kept.
pub const USER_AGENT_MAX: usize = 128;

/// Octets of a Call-ID that are kept with a binding; longer ones get 400.
pub const CALL_ID_MAX: usize = 512;

/// Bindings of one phone at once, each by a flow with a name of its own (RFC 5626, 4.2): a further one takes the place of the one refreshed longest ago.
pub const FLOWS_MAX: usize = 4;

/// A contact that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The Contact URI as registered, without angle brackets: UTF-8 without blanks. Its headers, if any, are part of it; strip
    /// them with [`crate::uri::without_headers`] before it becomes a Request-URI.
    pub uri: Bytes,
    /// Where calls go (B-18): where the REGISTER came from, or what [`peer_flow`] says of it. As restored, if it was.
    pub flow: Flow,
    /// The REGISTER's Call-ID.
    pub call_id: Bytes,
    /// The REGISTER's CSeq number.
    pub cseq: u32,
    /// What the phone says it is: at most [`USER_AGENT_MAX`] characters, none of them a control character.
    pub user_agent: String,
    /// When this contact was first bound.
    pub since: Instant,
    /// When it lapses.
    pub expires: Instant,
    /// How it is reached, if not simply by `flow`.
    pub reach: Option<Box<Reach>>,
}

impl Bound {
    /// The value of Route in requests to it (RFC 3327); `None`: they need none.
    #[must_use]
    pub fn route(&self) -> Option<&Bytes> {
        self.reach.as_ref().map(|reach| &reach.route).filter(|route| !route.is_empty())
    }

    /// The name of its flow among those of its phone, as the phone has chosen it; 0: it has none.
    #[must_use]
    pub fn reg_id(&self) -> u32 {
        self.flow_name().map_or(0, |name| name.reg_id)
    }

    /// Whether both are flows of one phone (RFC 5626): they name the same instance.
    #[must_use]
    pub fn is_of_phone(&self, other: &Bound) -> bool {
        matches!((self.flow_name(), other.flow_name()), (Some(a), Some(b)) if a.instance == b.instance)
    }

    fn flow_name(&self) -> Option<&FlowName> {
        self.reach.as_ref()?.flow.as_ref()
    }
}

/// What a REGISTER comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The status of the answer.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// What it changed.
    pub change: Change,
}

/// What a REGISTER changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and nearly always of the large variant")]
pub enum Change {
    /// Nothing: a query, a refusal, or the removal of what was not there.
    None,
    /// There is a newest binding, and it is this.
    Bound {
        /// The binding.
        bound: Bound,
        /// The binding that made room for it, or had the same contact at another source (R17), or was removed while `bound` stays.
        replaced: Option<Bound>,
    },
    /// The last binding was removed.
    Unbound,
}

impl Change {
    /// Whether it made this the newest binding.
    fn is_by(&self, newest: &Bound) -> bool {
        matches!(self, Self::Bound { bound, .. } if bound == newest)
    }
}

/// An address-of-record that a binding was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Which one.
    pub aor: u64,
    /// Whether it has none any more.
    pub is_last: bool,
}

/// The bindings of all addresses-of-record.
#[derive(Debug)]
pub struct Registrar {
    settings: RegistrarSettings,
    /// Never an empty list; the newest binding last.
    bindings: BTreeMap<u64, Vec<Bound>>,
    /// One entry for each address-of-record: its earliest expiry.
    expiries: BTreeSet<(Instant, u64)>,
    /// Which addresses-of-record are bound by which stream: a stream that ends takes its bindings with it. No datagram flows.
    streams: BTreeSet<(Flow, u64)>,
    total: usize,
}

impl Registrar {
    /// An empty registrar.
    #[must_use]
    pub fn new(settings: RegistrarSettings) -> Self {
        Self { settings, bindings: BTreeMap::new(), expiries: BTreeSet::new(), streams: BTreeSet::new(), total: 0 }
    }

    /// A REGISTER for `aor`, come by `flow`, from someone who may bind contacts to it; at most `phones_max` phones stay bound.
    pub fn register(&mut self, now: Instant, aor: u64, phones_max: usize, request: &Message, flow: Flow) -> Registered {
        let before: Vec<&Bound> = self.bindings.get(&aor).into_iter().flatten().filter(|bound| bound.expires > now).collect();
        let copy = before.iter().map(|&bound| bound.clone()).collect();
        let way = match self.settings.flow_timer_s {
            None => None,
            Some(_) => match Way::of(request, flow) {
                Ok(way) => Some(way),
                Err(refusal) => return refusal.registered(aor),
            },
        };
        match self.apply(now, copy, phones_max, request, (peer_flow(request, flow), way.as_ref())) {
            Err(refusal) => refusal.registered(aor),
            Ok(after) => {
                let change = change(&before, &after);
                if self.total - self.bindings.get(&aor).map_or(0, Vec::len) + after.len() > self.settings.bindings_max
                    && after.len() > before.len()
                {
                    return Refusal::Full.registered(aor);
                }
                let mut headers: Vec<_> = after.iter().map(|bound| ("Contact", contact(now, bound))).collect();
                if let Some(way) = way {
                    self.say_way(&way, after.last().filter(|newest| change.is_by(newest)), &mut headers);
                }
                if change != Change::None {
                    // Otherwise what has lapsed stays until `expire` tells of it.
                    self.put(aor, after);
                }
                Registered { status: 200, headers, change }
            }
        }
    }

    /// What an answer says of the way by which the newest binding, if the REGISTER made one, is reached.
    fn say_way(&self, way: &Way, newest: Option<&Bound>, headers: &mut Vec<(&'static str, String)>) {
        if !way.route().is_empty() {
            headers.push(("Path", String::from_utf8_lossy(way.route()).into_owned()));
            headers.push(("Supported", "path".to_owned()));
        }
        // RFC 5626, 6: "the registrar MUST include 'outbound' in a Require header field".
        if newest.is_some_and(|bound| bound.flow_name().is_some()) {
            headers.push(("Require", "outbound".to_owned()));
            if let Some(seconds) = self.settings.flow_timer_s.filter(|&seconds| seconds > 0) {
                headers.push(("Flow-Timer", seconds.to_string()));
            }
        }
    }

    /// Puts back a binding of an earlier life, in place of one with the same contact.
    pub fn restore(&mut self, aor: u64, bound: Bound) {
        let mut bindings = self.bindings.get(&aor).cloned().unwrap_or_default();
        bindings.retain(|old| !same_binding(old, &bound));
        if bindings.len() < RESTORED_MAX && self.total < self.settings.bindings_max {
            bindings.push(bound);
        }
        self.put(aor, bindings);
    }

    /// Forgets all bindings of `aor`.
    pub fn remove(&mut self, aor: u64) {
        self.put(aor, Vec::new());
    }

    /// The newest binding that has not lapsed.
    #[must_use]
    pub fn binding(&self, now: Instant, aor: u64) -> Option<&Bound> {
        self.bindings(now, aor).next()
    }

    /// All bindings that have not lapsed, the newest first.
    pub fn bindings(&self, now: Instant, aor: u64) -> impl Iterator<Item = &Bound> {
        self.bindings.get(&aor).into_iter().flatten().rev().filter(move |bound| bound.expires > now)
    }

    /// How many bindings there are, lapsed ones that nobody has looked at included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.total
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// When the next binding lapses.
    #[must_use]
    pub fn timeout(&self) -> Option<Instant> {
        self.expiries.first().map(|&(at, _)| at)
    }

    /// Forgets what has lapsed, and says whose that was.
    pub fn expire(&mut self, now: Instant) -> Vec<Lost> {
        let mut lapsed = Vec::new();
        while let Some(&(at, aor)) = self.expiries.first()
            && at <= now
        {
            let left = self.live(now, aor);
            lapsed.push(Lost { aor, is_last: left.is_empty() });
            self.put(aor, left);
        }
        lapsed
    }

    /// The stream `flow` is gone: whoever was reached by it cannot be called until it registers again, or by another of its flows
    /// (RFC 5626, 5.3; B-16). Says whose it was; nothing for a datagram flow, which does not end.
    pub fn flow_closed(&mut self, flow: Flow) -> Vec<Lost> {
        let bound: Vec<u64> = self.streams.range((flow, 0)..=(flow, u64::MAX)).map(|&(_, aor)| aor).collect();
        let mut lost = Vec::new();
        for aor in bound {
            let mut left = self.bindings.get(&aor).cloned().unwrap_or_default();
            left.retain(|bound| bound.flow != flow);
            lost.push(Lost { aor, is_last: left.is_empty() });
            self.put(aor, left);
        }
        lost
    }

    /// The binding of `aor` that lapses at `expires` leads nowhere: it is forgotten. `None`: there is no such binding (any more).
    pub fn failed(&mut self, aor: u64, expires: Instant) -> Option<Lost> {
        let mut left = self.bindings.get(&aor).cloned()?;
        let before = left.len();
        left.retain(|bound| bound.expires != expires);
        let lost = Lost { aor, is_last: left.is_empty() };
        (left.len() < before).then(|| {
            self.put(aor, left);
            lost
        })
    }

    fn live(&self, now: Instant, aor: u64) -> Vec<Bound> {
        self.bindings.get(&aor).into_iter().flatten().filter(|bound| bound.expires > now).cloned().collect()
    }

    fn put(&mut self, aor: u64, bindings: Vec<Bound>) {
        if let Some(old) = self.bindings.remove(&aor) {
            self.total -= old.len();
            if let Some(at) = earliest(&old) {
                self.expiries.remove(&(at, aor));
            }
            for bound in old.iter().filter(|bound| bound.flow.transport.is_reliable()) {
                self.streams.remove(&(bound.flow, aor));
            }
        }
        if let Some(at) = earliest(&bindings) {
            self.expiries.insert((at, aor));
            self.total += bindings.len();
            for bound in bindings.iter().filter(|bound| bound.flow.transport.is_reliable()) {
                self.streams.insert((bound.flow, aor));
            }
            self.bindings.insert(aor, bindings);
        }
    }

    /// RFC 3261, 10.3, steps 6 and 7, on a copy.
    fn apply(
        &self,
        now: Instant,
        mut bindings: Vec<Bound>,
        phones_max: usize,
        request: &Message,
        (flow, way): (Flow, Option<&Way>),
    ) -> Result<Vec<Bound>, Refusal> {
        let (Ok(cseq), Ok(call_id), Ok(to)) = (request.cseq(), request.call_id(), request.to()) else { return Err(Refusal::Malformed) };
        // Step 5: the address-of-record is a SIP URI (RFC 4475, 3.3.4).
        if SipUri::parse(to.uri).is_err() || call_id.len() > CALL_ID_MAX {
            return Err(Refusal::Malformed);
        }
        // RFC 3261, 20.19: a malformed Expires is as none, but for `*`, which asks for exactly 0.
        let expires = request.expires().unwrap_or(None);
        let contacts = match request.contacts() {
            Err(_) => return Err(Refusal::Malformed),
            Ok(Contacts::Star) if expires != Some(0) => return Err(Refusal::Malformed),
            Ok(Contacts::Star) => Vec::new(),
            Ok(Contacts::List(contacts)) if contacts.is_empty() => return Ok(bindings),
            Ok(Contacts::List(contacts)) => contacts,
        };
        // B-7: what is older than what was already done by the same phone changes nothing, whatever contact it names.
        if bindings.iter().any(|bound| bound.call_id == call_id && bound.cseq >= cseq.number) {
            return Err(Refusal::OutOfOrder);
        }
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        let mut is_named = false;
        for contact in contacts {
            let interval = self.interval(&contact, expires)?;
            let uri = self.contact_uri(&contact)?;
            let reach = way.map_or(Ok(None), |way| way.reach(&contact))?;
            let flow_name = reach.as_ref().and_then(|reach| reach.flow.as_ref());
            // RFC 5626, 6: one flow at a time can be registered by its name.
            if flow_name.is_some() && !interval.is_zero() && std::mem::replace(&mut is_named, true) {
                return Err(Refusal::Malformed);
            }
            let same = bindings.iter().position(|bound| is_same((&bound.uri, bound.flow_name()), (&uri, flow_name)));
            let same = same.map(|at| bindings.remove(at));
            if interval.is_zero() {
                continue;
            }
            bindings.push(Bound {
                since: same.map_or(now, |same| same.since),
                reach,
                uri,
                flow,
                call_id: Bytes::copy_from_slice(call_id),
                cseq: cseq.number,
                user_agent: user_agent(request),
                expires: now + interval,
            });
            make_room(&mut bindings, phones_max.max(1));
        }
        Ok(bindings)
    }

    /// How long a contact is bound: its own word, else the header's, else the default; zero removes it.
    fn interval(&self, contact: &NameAddr<'_>, header: Option<u32>) -> Result<Duration, Refusal> {
        let own = contact.params.value("expires").and_then(seconds);
        let asked = own.or(header).unwrap_or(self.settings.expires_default);
        if asked > 0 && asked < self.settings.expires_min {
            return Err(Refusal::TooBrief { min: self.settings.expires_min });
        }
        Ok(Duration::from_secs(asked.min(self.settings.expires_max).into()))
    }

    /// We ring SIP phones, so a contact is a SIP URI; and what is shown to people is text.
    fn contact_uri(&self, contact: &NameAddr<'_>) -> Result<Bytes, Refusal> {
        let fits = contact.uri.len() <= self.settings.contact_length_max;
        if !fits || std::str::from_utf8(contact.uri).is_err() || SipUri::parse(contact.uri).is_err() {
            return Err(Refusal::Malformed);
        }
        // A copy: the binding must not keep the whole datagram alive.
        Ok(Bytes::copy_from_slice(contact.uri))
    }
}

/// Bindings of one address-of-record that come back after a restart.
const RESTORED_MAX: usize = 16;

/// Forgets what is too much once there is one binding more: of its phone's flows, and of phones, what was refreshed longest ago.
fn make_room(bindings: &mut Vec<Bound>, phones_max: usize) {
    if let Some(newest) = bindings.last() {
        let mut flows = bindings.iter().enumerate().filter(|(_, bound)| bound.is_of_phone(newest)).map(|(at, _)| at);
        if let Some(oldest) = flows.next()
            && flows.count() >= FLOWS_MAX
        {
            bindings.remove(oldest);
        }
    }
    // A phone counts where it was refreshed last.
    let is_last_of = |at: usize, bindings: &[Bound]| {
        let later = bindings.get(at + 1..).unwrap_or_default();
        bindings.get(at).is_some_and(|bound| !later.iter().any(|other| other.is_of_phone(bound)))
    };
    let phones: Vec<usize> = (0..bindings.len()).filter(|at| is_last_of(*at, bindings)).collect();
    if phones.len() > phones_max
        && let Some(oldest) = phones.first().and_then(|at| bindings.get(*at)).cloned()
    {
        bindings.retain(|bound| *bound != oldest && !bound.is_of_phone(&oldest));
    }
}

/// Why a REGISTER changes nothing.
enum Refusal {
    Malformed,
    TooBrief { min: u32 },
    OutOfOrder,
    Full,
}

impl Refusal {
    fn registered(self, aor: u64) -> Registered {
        let (status, headers) = match self {
            Self::Malformed => (400, vec![]),
            Self::TooBrief { min } => (423, vec![("Min-Expires", min.to_string())]),
            Self::OutOfOrder => (500, vec![]),
            // Spread, so that those turned away do not come back together (B-19).
            Self::Full => (503, vec![("Retry-After", (RETRY_MIN_S + aor % RETRY_SPREAD_S).to_string())]),
        };
        Registered { status, headers, change: Change::None }
    }
}

const RETRY_MIN_S: u64 = 30;
const RETRY_SPREAD_S: u64 = 60;

fn change(before: &[&Bound], after: &[Bound]) -> Change {
    let gone = before.iter().copied().rfind(|old| !after.iter().any(|bound| same_binding(bound, old)));
    match after.last() {
        _ if before.iter().copied().eq(after) => Change::None,
        None => Change::Unbound,
        Some(newest) => {
            let earlier = before.iter().copied().find(|old| same_binding(old, newest));
            let moved = earlier.filter(|old| old.flow != newest.flow);
            let replaced = gone.or(moved).cloned();
            Change::Bound { bound: newest.clone(), replaced }
        }
    }
}

/// `<uri>;expires=seconds` (10.3, step 8), rounded up, so that what is bound never shows 0.
fn contact(now: Instant, bound: &Bound) -> String {
    let left = bound.expires.saturating_duration_since(now);
    let left_s = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let mut contact = ["<", &String::from_utf8_lossy(&bound.uri), ">;expires=", &left_s.to_string()].concat();
    if let Some(FlowName { instance, reg_id }) = bound.flow_name() {
        contact.push_str(&format!(";+sip.instance=\"{}\";reg-id={reg_id}", String::from_utf8_lossy(instance)));
    }
    contact
}

/// Whether the second takes the place of the first: by the same contact; or, if both name a flow of their phone, by the same flow.
fn is_same(a: (&[u8], Option<&FlowName>), b: (&[u8], Option<&FlowName>)) -> bool {
    match (a.1, b.1) {
        (Some(a), Some(b)) => a == b,
        _ => same_contact(a.0, b.0),
    }
}

fn same_binding(a: &Bound, b: &Bound) -> bool {
    is_same((&a.uri, a.flow_name()), (&b.uri, b.flow_name()))
}

/// RFC 3261, 19.1.4.
fn same_contact(a: &[u8], b: &[u8]) -> bool {
    // A phone nearly always says the same again.
    a == b || matches!((SipUri::parse(a), SipUri::parse(b)), (Ok(a), Ok(b)) if a.equals(&b))
}

fn user_agent(request: &Message) -> String {
    let agent = text(request.header(Name::UserAgent).unwrap_or_default());
    let is_short = agent.len() <= USER_AGENT_MAX;
    if is_short { agent } else { agent.chars().take(USER_AGENT_MAX).collect() }
}

fn earliest(bindings: &[Bound]) -> Option<Instant> {
    bindings.iter().map(|bound| bound.expires).min()
}
