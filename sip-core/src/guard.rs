//! The wall before the signalling loop: how much of each source is let in. Pure: time is an argument.
//!
//! It looks at a datagram before it is copied or parsed, and tells work in progress from new work, so that the first can go first and the
//! second can be dropped when there is too much of it (B-70, FT-13). It lets in too much rather than too little: whether a message is
//! sound is the parser's to see.
//!
//! A datagram beyond the allowance is dropped, for whoever sent it sends it again. A message of a stream is not, for nobody repeats what TCP
//! has delivered (RFC 3261, 17.1.1.2): it is told when it may come in, and its stream is not read meanwhile. Datagrams and streams have
//! allowances of their own: anybody may write another's address on a datagram, and is not to use up the allowance of his streams by that.
//! So has the opening of streams: a few of them that say more than they may wait for their turn, and the next one is let in all the same.

use std::{
    fmt,
    hash::{DefaultHasher, Hasher},
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
    time::{Duration, Instant},
};

use crate::message::{Cursor, LINE_MAX, is_token};

/// How much each [`Source`] may send, over datagrams and over streams each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardSettings {
    /// Messages a second that begin something, and as many streams that are opened to us; 0: no limit.
    pub new_per_s: u32,
    /// How many of these may come at once after a pause; at least 1 is meant.
    pub new_burst: u32,
    /// Messages a second that belong to something; 0: no limit.
    pub inside_per_s: u32,
    /// How many of these may come at once after a pause; at least 1 is meant.
    pub inside_burst: u32,
    /// Sources that are told apart, of those who have sent more than they may go on with; of datagrams and of streams so many each. Each costs
    /// 32 octets.
    pub sources_max: usize,
}

impl Default for GuardSettings {
    /// Enough for an office or a carrier behind one address.
    fn default() -> Self {
        Self { new_per_s: 500, new_burst: 2_000, inside_per_s: 5_000, inside_burst: 10_000, sources_max: 65_536 }
    }
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admit {
    /// It belongs to something: a response, an ACK, BYE, CANCEL or PRACK, or a request with a To tag. It goes first.
    Inside,
    /// It may begin something.
    New,
    /// Its source has sent too much. Only datagrams are dropped.
    Dropped,
}

/// Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, for that is what one customer is given (RFC 6177).
///
/// Addresses that no provider gives out are one each, as whole offices lie in one such network: link-local (`fe80::/10`, on each interface for
/// itself), unique local (`fc00::/7`) and the loopback address. Whoever can send from these is in the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(SocketAddr);

impl Source {
    fn new(ip: IpAddr, scope: u32) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(ip) => SocketAddr::from((ip, 0)),
            IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, 0, 0, scope).into(),
            IpAddr::V6(ip) if ip.is_unique_local() || ip.is_loopback() => SocketAddr::from((ip, 0)),
            IpAddr::V6(ip) => SocketAddr::from((Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64), 0)),
        })
    }

    /// Its address; of a network, the lowest one.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0.ip()
    }

    /// Its address and the number of its interface, for a hash. The address is never 0 for what can send.
    pub(crate) fn parts(self) -> (u128, u32) {
        match self.0 {
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped().to_bits(), 0),
            SocketAddr::V6(v6) => (v6.ip().to_bits(), v6.scope_id()),
        }
    }
}

impl fmt::Display for Source {
    /// The address, or the network with `/64` behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.ip() {
            IpAddr::V6(ip) if !(ip.is_unicast_link_local() || ip.is_unique_local() || ip.is_loopback()) => write!(f, "{ip}/64"),
            ip => write!(f, "{ip}"),
        }
    }
}

impl From<SocketAddr> for Source {
    fn from(remote: SocketAddr) -> Self {
        let scope = if let SocketAddr::V6(v6) = remote { v6.scope_id() } else { 0 };
        Self::new(remote.ip(), scope)
    }
}

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Self {
        Self::new(ip, 0)
    }
}

/// What a guard has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuardCounters {
    /// Let in as [`Admit::Inside`].
    pub inside: u64,
    /// Let in as [`Admit::New`].
    pub new: u64,
    /// Datagrams that were dropped, and would have been [`Admit::Inside`].
    pub inside_dropped: u64,
    /// Datagrams that were dropped, and would have been [`Admit::New`].
    pub new_dropped: u64,
    /// Streams that were not let in. Those that were are counted by whoever accepts them.
    pub streams_refused: u64,
    /// Of all these, counted against the allowance that strangers share while the table is full of loud sources.
    pub shared: u64,
}

/// The guard of all signalling sockets. Owned by the signalling thread.
#[derive(Debug)]
pub struct Guard {
    new: Rate,
    inside: Rate,
    key: (u64, u64),
    /// The time that all others are counted from: that of the first message.
    epoch: Option<Instant>,
    datagrams: Table,
    streams: Table,
    counters: GuardCounters,
}

/// Places in a set.
const WAYS: usize = 8;
/// Header lines in which To is looked for; a message with more before it is taken for new.
const LINES_MAX: usize = 96;
/// Parameters of To among which the tag is looked for.
const PARAMS_MAX: usize = 32;

impl Guard {
    /// `seed` decides which sources share a set; nobody outside must know it.
    #[must_use]
    pub fn new(settings: GuardSettings, seed: [u8; 16]) -> Self {
        let (low, high) = seed.split_at(8);
        let half = |half: &[u8]| half.iter().fold(0, |sum, &byte| (sum << 8) | u64::from(byte));
        let mut guard = Self {
            new: Rate::default(),
            inside: Rate::default(),
            key: (half(low), half(high)),
            epoch: None,
            datagrams: Table::default(),
            streams: Table::default(),
            counters: GuardCounters::default(),
        };
        guard.set(settings);
        guard
    }

    /// Other limits from now on. What sources have used of datagrams stays used, unless the size of the table changes. Streams begin anew when
    /// anything changes: nobody is to wait for what was promised by the limits of before.
    pub fn set(&mut self, settings: GuardSettings) {
        let before = (self.new, self.inside);
        self.new = Rate::new(settings.new_per_s, settings.new_burst);
        self.inside = Rate::new(settings.inside_per_s, settings.inside_burst);
        let sets = settings.sources_max.div_ceil(WAYS).max(1).next_power_of_two();
        if sets != self.datagrams.sets.len() {
            self.datagrams = Table::new(sets);
        }
        if sets != self.streams.sets.len() || before != (self.new, self.inside) {
            self.streams = Table::new(sets);
        }
    }

    /// What was let in and what not.
    #[must_use]
    pub fn counters(&self) -> GuardCounters {
        self.counters
    }

    /// Decides about one datagram.
    pub fn admit(&mut self, now: Instant, source: impl Into<Source>, datagram: &[u8]) -> Admit {
        let is_inside = is_inside(datagram);
        let rate = self.rate(is_inside);
        let admitted = rate.is_unlimited() || {
            let now = self.since_epoch(now);
            rate.take(now, self.bucket(now, source.into(), Class::Datagram, Work::of(is_inside)))
        };
        let (admit, counter) = match (admitted, is_inside) {
            (true, true) => (Admit::Inside, &mut self.counters.inside),
            (true, false) => (Admit::New, &mut self.counters.new),
            (false, true) => (Admit::Dropped, &mut self.counters.inside_dropped),
            (false, false) => (Admit::Dropped, &mut self.counters.new_dropped),
        };
        *counter += 1;
        admit
    }

    /// Decides about one message of a stream: what it is, and when it may come in. It is never [`Admit::Dropped`].
    ///
    /// The token is taken now, also where it comes later only: at that time the message comes in without asking again. Until then whoever asks
    /// does not read that stream, so that a source owes no more tokens than it has streams, and its streams take turns.
    pub fn admit_message(&mut self, now: Instant, source: impl Into<Source>, message: &[u8]) -> (Admit, Instant) {
        let is_inside = is_inside(message);
        let at = self.reserve(now, source.into(), is_inside);
        let (admit, counter) = if is_inside { (Admit::Inside, &mut self.counters.inside) } else { (Admit::New, &mut self.counters.new) };
        *counter += 1;
        (admit, at)
    }

    /// When a stream may be read on that brought a keep-alive too soon after another: it costs what a message costs that belongs to something.
    pub fn admit_keep_alive(&mut self, now: Instant, source: impl Into<Source>) -> Instant {
        self.reserve(now, source.into(), true)
    }

    /// Decides about a stream that `source` opens to us: that may be as often as something new may begin, whatever the streams say.
    pub fn admit_stream(&mut self, now: Instant, source: impl Into<Source>) -> bool {
        let rate = self.rate(false);
        let admitted = rate.is_unlimited() || {
            let now = self.since_epoch(now);
            rate.take(now, self.bucket(now, source.into(), Class::Stream, Work::Opening))
        };
        self.counters.streams_refused += u64::from(!admitted);
        admitted
    }

    /// Takes one token of the streams of `source`, now or when one comes; and says when that is.
    fn reserve(&mut self, now: Instant, source: Source, is_inside: bool) -> Instant {
        let rate = self.rate(is_inside);
        if rate.is_unlimited() {
            return now;
        }
        let since = self.since_epoch(now);
        let at = rate.reserve(since, self.bucket(since, source, Class::Stream, Work::of(is_inside)));
        now.checked_add(Duration::from_nanos(at - since)).unwrap_or(now)
    }

    fn rate(&self, is_inside: bool) -> Rate {
        if is_inside { self.inside } else { self.new }
    }

    fn since_epoch(&mut self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(*self.epoch.get_or_insert(now)))
    }

    /// The bucket of a source.
    fn bucket(&mut self, now: u64, source: Source, class: Class, work: Work) -> &mut u64 {
        let (address, scope) = source.parts();
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.key.0);
        hasher.write_u64(self.key.1);
        hasher.write_u128(address);
        hasher.write_u32(scope);
        let table = match class {
            Class::Datagram => &mut self.datagrams,
            Class::Stream => &mut self.streams,
        };
        let (place, is_own) = table.place(now, hasher.finish());
        self.counters.shared += u64::from(!is_own);
        match work {
            Work::New => &mut place.new,
            Work::Inside => &mut place.inside,
            Work::Opening => &mut place.opening,
        }
    }
}

/// What has an allowance of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Datagram,
    Stream,
}

/// What is paid for from one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    New,
    Inside,
    /// Of streams alone.
    Opening,
}

impl Work {
    fn of(is_inside: bool) -> Self {
        if is_inside { Self::Inside } else { Self::New }
    }
}

/// What sources have used.
///
/// The table has a fixed size. It is cut into sets of a few places; the secret hash of a source is its name here, and names its set. A source
/// that has its whole allowance back is the same as one never seen, so only such ones are forgotten, and forgetting them changes nothing: no
/// flood from forged addresses gives a loud source its allowance back before its time. Where a set is full of loud sources, a stranger
/// shares one allowance with all other such strangers.
#[derive(Debug, Default)]
struct Table {
    sets: Vec<[Place; WAYS]>,
    strangers: Place,
}

impl Table {
    /// `sets` is a power of two.
    fn new(sets: usize) -> Self {
        Self { sets: vec![[Place::default(); WAYS]; sets], strangers: Place::default() }
    }

    /// The place of a source: its own, or a free one, or the shared one; and whether it has it for itself.
    fn place(&mut self, now: u64, name: u64) -> (&mut Place, bool) {
        // The number of sets is a power of two, so the mask keeps the low bits, which is what is wanted.
        #[expect(clippy::cast_possible_truncation, reason = "low bits of a hash")]
        let at = name as usize & self.sets.len().saturating_sub(1);
        let set = self.sets.get_mut(at).map(<[Place; WAYS]>::as_mut_slice).unwrap_or_default();
        let own = set.iter().position(|place| place.name == name).or_else(|| set.iter().position(|place| place.is_quiet(now)));
        match own.and_then(|own| set.get_mut(own)) {
            Some(place) => {
                if place.name != name {
                    // It may have been among the strangers a moment ago, and is not to get a fresh allowance by that.
                    *place = Place { name, ..self.strangers };
                }
                (place, true)
            }
            None => (&mut self.strangers, false),
        }
    }
}

/// A token bucket in one number: the moment at which the bucket will be full again, in nanoseconds since the epoch. (The generic cell
/// rate algorithm of ITU-T I.371 does the same.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Rate {
    /// Nanoseconds in which one token comes; 0: no limit.
    each: u64,
    /// Nanoseconds in which an empty bucket fills.
    fill: u64,
}

impl Rate {
    fn new(per_s: u32, burst: u32) -> Self {
        let each = 1_000_000_000_u64.checked_div(u64::from(per_s)).unwrap_or(0);
        Self { each, fill: each.saturating_mul(u64::from(burst.max(1))) }
    }

    fn is_unlimited(self) -> bool {
        self.each == 0
    }

    /// Takes a token, if there is one.
    fn take(self, now: u64, full_at: &mut u64) -> bool {
        let then = self.then(now, *full_at);
        let has = then - now <= self.fill;
        if has {
            *full_at = then;
        }
        has
    }

    /// Takes a token that is there or the first that is not promised yet; when that one is there.
    fn reserve(self, now: u64, full_at: &mut u64) -> u64 {
        *full_at = self.then(now, *full_at);
        full_at.saturating_sub(self.fill).max(now)
    }

    /// When the bucket would be full again, were one more taken.
    fn then(self, now: u64, full_at: u64) -> u64 {
        full_at.max(now).saturating_add(self.each)
    }
}

/// A source and its buckets. An empty place is one that has all its tokens: it needs no mark.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    name: u64,
    new: u64,
    inside: u64,
    opening: u64,
}

impl Place {
    fn is_quiet(&self, now: u64) -> bool {
        self.new.max(self.inside).max(self.opening) <= now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whether it belongs to something that there may be already.
fn is_inside(datagram: &[u8]) -> bool {
    let mut cursor = Cursor::new(datagram);
    cursor.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    match cursor.take_while(is_token) {
        b"ACK" | b"BYE" | b"CANCEL" | b"PRACK" => true,
        // A response begins with its version.
        version if version.eq_ignore_ascii_case(b"SIP") => cursor.peek() == Some(b'/'),
        _ => has_to_tag(cursor.rest()),
    }
}

/// Whether there is a To header with a tag. The first To decides, as a message has one.
fn has_to_tag(head: &[u8]) -> bool {
    let mut rest = head;
    for _ in 0..LINES_MAX {
        let Some(line) = memchr::memchr(b'\n', rest).and_then(|at| rest.get(at + 1..)) else { return false };
        rest = line;
        match line.first() {
            Some(b't' | b'T') => {}
            // The head's end.
            Some(b'\r' | b'\n') | None => return false,
            _ => continue,
        }
        let mut cursor = Cursor::new(line);
        let name = cursor.take_while(is_token);
        if !name.eq_ignore_ascii_case(b"To") && !name.eq_ignore_ascii_case(b"t") {
            continue;
        }
        cursor.take_while(|byte| matches!(byte, b' ' | b'\t'));
        let value = cursor.rest();
        return cursor.eat(b':') && is_tagged(logical_line(value.get(..LINE_MAX).unwrap_or(value)));
    }
    false
}

/// Up to the line end that no blank follows (RFC 3261, 7.3.1).
fn logical_line(rest: &[u8]) -> &[u8] {
    memchr::memchr_iter(b'\n', rest)
        .find(|&at| !matches!(rest.get(at + 1), Some(b' ' | b'\t')))
        .and_then(|at| rest.get(..at))
        .unwrap_or(rest)
}

/// Whether a To has the parameter `tag`, behind the brackets if there are any.
fn is_tagged(to: &[u8]) -> bool {
    let params = memchr::memrchr(b'>', to).and_then(|at| to.get(at..)).unwrap_or(to);
    memchr::memchr_iter(b';', params).take(PARAMS_MAX).any(|at| {
        let mut cursor = Cursor::new(params.get(at + 1..).unwrap_or_default());
        cursor.skip_lws();
        let name = cursor.take_while(is_token);
        cursor.skip_lws();
        name.eq_ignore_ascii_case(b"tag") && cursor.peek() == Some(b'=')
    })
}
