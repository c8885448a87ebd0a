//! What the layers share while an input is handled: the timers, the way out, chance; and the random names we give.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    fmt,
    hash::{BuildHasher, Hasher},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

use crate::{
    endpoint::{EndpointOutput, ServerTx, SessionId},
    flow::Flow,
    timer::{Armed, Timer, TimerQueue, Timers},
};

/// RFC 3261, 8.1.1.7: what every branch of a version that can be compared begins with.
const COOKIE: &str = "z9hG4bK";

/// What every layer needs while an input is handled: the timers, the way out, and chance.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) timers: TimerQueue<Owner>,
    pub(crate) output: VecDeque<EndpointOutput>,
    pub(crate) values: Timers,
    rng: ChaCha12Rng,
}

/// Whose timer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Client(ClientTx),
    Server(ServerTx),
    Session(SessionId),
}

/// Names a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientTx(pub(super) u64);

impl Wire {
    pub(crate) fn new(values: Timers, seed: [u8; 32]) -> Self {
        Self { timers: TimerQueue::new(), output: VecDeque::new(), values, rng: ChaCha12Rng::from_seed(seed) }
    }

    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.output.push_back(EndpointOutput::Transmit { flow, bytes });
    }

    pub(crate) fn draw_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    pub(crate) fn draw_tag(&mut self) -> Tag {
        Tag(self.rng.next_u64())
    }

    pub(crate) fn draw_branch(&mut self) -> Branch {
        Branch((u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64()))
    }

    /// RFC 3261, 8.1.1.4: unique in space and time; no host part, which would tell more than needed.
    pub(crate) fn draw_call_id(&mut self) -> Bytes {
        Bytes::from(format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64()))
    }

    /// Seconds for a Retry-After, spread so that those who were refused together do not come back together.
    pub(crate) fn draw_seconds(&mut self, least: u32, most: u32) -> u32 {
        let spread = u64::from(most.saturating_sub(least)) + 1;
        least + u32::try_from(self.rng.next_u64() % spread).unwrap_or(0)
    }
}

/// A tag of ours (RFC 3261, 19.3): 64 random bits, printed as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tag(pub(crate) u64);

impl Tag {
    /// `None` for what cannot be one of ours.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        hex(text, 16).and_then(|value| u64::try_from(value).ok()).map(Self)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A branch of ours: the cookie and 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Branch(u128);

impl Branch {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        hex(text.strip_prefix(COOKIE.as_bytes())?, 32).map(Self)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COOKIE}{:032x}", self.0)
    }
}

/// Exactly `digits` lower-case hex digits.
fn hex(text: &[u8], digits: usize) -> Option<u128> {
    if text.len() != digits {
        return None;
    }
    text.iter().try_fold(0_u128, |value, digit| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((value << 4) | u128::from(nibble))
    })
}

/// SipHash started with a secret: peers choose the keys of our tables, so they must not be able to make them collide.
#[derive(Debug, Clone)]
pub(crate) struct Keyed(u64, u64);

impl Keyed {
    pub(crate) fn new(wire: &mut Wire) -> Self {
        Self(wire.draw_u64(), wire.draw_u64())
    }

    pub(crate) fn of(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = self.build_hasher();
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher.write_u64(self.1);
        hasher
    }
}

/// The two timers that a transaction has at most: one repeats, one ends a state.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    again: Option<Armed>,
    end: Option<Armed>,
}

impl Clocks {
    pub(super) fn again(&mut self, cx: &mut Context<'_>, timer: Timer, pause: Duration) {
        self.again = Some(cx.wire.timers.arm(cx.now + pause, cx.owner, timer));
    }

    pub(super) fn end(&mut self, cx: &mut Context<'_>, timer: Timer, pause: Duration) {
        if let Some(armed) = self.end.take() {
            cx.wire.timers.disarm(armed);
        }
        self.end = Some(cx.wire.timers.arm(cx.now + pause, cx.owner, timer));
    }

    pub(super) fn stop(&mut self, cx: &mut Context<'_>) {
        self.disarm(&mut cx.wire.timers);
    }

    pub(super) fn disarm(&mut self, timers: &mut TimerQueue<Owner>) {
        for armed in [self.again.take(), self.end.take()].into_iter().flatten() {
            timers.disarm(armed);
        }
    }
}

/// What a state machine may do: send on its flow, arm its timers.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) owner: Owner,
    pub(super) flow: Flow,
    pub(super) wire: &'a mut Wire,
}

impl Context<'_> {
    pub(super) fn send(&mut self, bytes: Bytes) {
        self.wire.send(self.flow, bytes);
    }

    pub(super) fn values(&self) -> Timers {
        self.wire.values
    }

    /// Whether messages may be lost, so that they must be repeated.
    pub(super) fn is_unreliable(&self) -> bool {
        !self.flow.transport.is_reliable()
    }
}
