//! The wall before the signalling loop: how much of each source is let in. Pure: time is an argument.
//!
//! It looks at a datagram before it is copied or parsed, and tells work in progress from new work, so that the first can go first and the
//! second can be dropped when there is too much of it (B-70, FT-13). It lets in too much rather than too little: whether a message is
//! sound is the parser's to see.

use std::{
    hash::{DefaultHasher, Hasher},
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::message::{Cursor, LINE_MAX, is_token};

/// How much each source may send. Sources are IPv4 addresses and IPv6 networks of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardSettings {
    /// Messages a second that begin something; 0: no limit.
    pub new_per_s: u32,
    /// How many of these may come at once after a pause; at least 1 is meant.
    pub new_burst: u32,
    /// Messages a second that belong to something; 0: no limit.
    pub inside_per_s: u32,
    /// How many of these may come at once after a pause; at least 1 is meant.
    pub inside_burst: u32,
    /// Sources that are told apart, of those who have sent more than they may go on with. Each costs 24 octets.
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
    /// Its source has sent too much.
    Dropped,
}

/// What a guard has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuardCounters {
    /// Let in as [`Admit::Inside`].
    pub inside: u64,
    /// Let in as [`Admit::New`].
    pub new: u64,
    /// Dropped, and would have been [`Admit::Inside`].
    pub inside_dropped: u64,
    /// Dropped, and would have been [`Admit::New`].
    pub new_dropped: u64,
    /// Of all these, counted against the allowance that strangers share while the table is full of loud sources.
    pub shared: u64,
}

/// The guard of all signalling sockets. Owned by the signalling thread.
///
/// The table has a fixed size. It is cut into sets of a few places; the secret hash of a source names its set. A source that has its whole
/// allowance back is the same as one never seen, so only such ones are forgotten, and forgetting them changes nothing: no flood from forged
/// addresses gives a loud source its allowance back before its time. Where a set is full of loud sources, a stranger shares one
/// allowance with all other such strangers.
#[derive(Debug)]
pub struct Guard {
    new: Rate,
    inside: Rate,
    key: (u64, u64),
    /// The time that all others are counted from: that of the first datagram.
    epoch: Option<Instant>,
    sets: Vec<[Source; WAYS]>,
    strangers: Source,
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
            sets: Vec::new(),
            strangers: Source::default(),
            counters: GuardCounters::default(),
        };
        guard.set(settings);
        guard
    }

    /// Other limits from now on. What sources have used stays used, unless the size of the table changes.
    pub fn set(&mut self, settings: GuardSettings) {
        self.new = Rate::new(settings.new_per_s, settings.new_burst);
        self.inside = Rate::new(settings.inside_per_s, settings.inside_burst);
        let sets = settings.sources_max.div_ceil(WAYS).max(1).next_power_of_two();
        if sets != self.sets.len() {
            self.sets = vec![[Source::default(); WAYS]; sets];
        }
    }

    /// What was let in and what not.
    #[must_use]
    pub fn counters(&self) -> GuardCounters {
        self.counters
    }

    /// Decides about one datagram, or one message of a stream.
    pub fn admit(&mut self, now: Instant, source: IpAddr, datagram: &[u8]) -> Admit {
        let is_inside = is_inside(datagram);
        let rate = if is_inside { self.inside } else { self.new };
        let admitted = rate.is_unlimited() || {
            let now = nanoseconds(now.saturating_duration_since(*self.epoch.get_or_insert(now)));
            let source = self.source(now, name(source));
            rate.take(now, if is_inside { &mut source.inside } else { &mut source.new })
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

    /// The place of a source: its own, or a free one, or the shared one.
    fn source(&mut self, now: u64, name: u64) -> &mut Source {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.key.0);
        hasher.write_u64(self.key.1);
        hasher.write_u64(name);
        // The number of sets is a power of two, so the mask keeps the low bits, which is what is wanted.
        #[expect(clippy::cast_possible_truncation, reason = "low bits of a hash")]
        let at = hasher.finish() as usize & self.sets.len().saturating_sub(1);
        let set = self.sets.get_mut(at).map(<[Source; WAYS]>::as_mut_slice).unwrap_or_default();
        let place = set.iter().position(|source| source.name == name).or_else(|| set.iter().position(|source| source.is_quiet(now)));
        match place.and_then(|place| set.get_mut(place)) {
            Some(source) => {
                if source.name != name {
                    // It may have been among the strangers a moment ago, and is not to get a fresh allowance by that.
                    *source = Source { name, ..self.strangers };
                }
                source
            }
            None => {
                self.counters.shared += 1;
                &mut self.strangers
            }
        }
    }
}

/// A token bucket in one number: the moment at which the bucket will be full again, in nanoseconds since the epoch. (The generic cell
/// rate algorithm of ITU-T I.371 does the same.)
#[derive(Debug, Clone, Copy, Default)]
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
        let then = (*full_at).max(now).saturating_add(self.each);
        let has = then - now <= self.fill;
        if has {
            *full_at = then;
        }
        has
    }
}

/// A source and its two buckets. An empty place is one that has all its tokens: it needs no mark.
#[derive(Debug, Clone, Copy, Default)]
struct Source {
    name: u64,
    new: u64,
    inside: u64,
}

impl Source {
    fn is_quiet(&self, now: u64) -> bool {
        self.new.max(self.inside) <= now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One number for a source. IPv4 lies in a part of the IPv6 multicast range that no source has.
fn name(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(ip) => 0xffff_ffff_0000_0000 | u64::from(ip.to_bits()),
        IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64).unwrap_or(0),
    }
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
