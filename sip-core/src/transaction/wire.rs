//! What the layers share while an input is handled: the timers, the way out, chance; and the random names we give.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{BuildHasher, Hasher},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

use crate::{
    endpoint::{EndpointOutput, ServerTx, SessionId},
    flow::Flow,
    message::{BRANCH_COOKIE, Message},
    notifier::SubscriptionId,
    timer::{Armed, Timer, TimerQueue, Timers},
};

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
    Subscription(SubscriptionId),
}

/// Names a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientTx(pub(super) u64);

impl Wire {
    pub(crate) fn new(values: Timers, seed: [u8; 32]) -> Self {
        Self { timers: TimerQueue::new(), output: VecDeque::new(), values, rng: ChaCha12Rng::from_seed(seed) }
    }

    /// `session`: the one that the message is about.
    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes, session: Option<SessionId>) {
        self.output.push_back(EndpointOutput::Transmit { flow, bytes, session });
    }

    /// A message was found to belong to a session. Told before anything that follows from it.
    pub(crate) fn hear(&mut self, session: SessionId, flow: Flow, message: &Message) {
        self.output.push_back(EndpointOutput::Heard { session, flow, bytes: message.bytes().clone() });
    }

    pub(crate) fn draw_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    pub(crate) fn draw_tag(&mut self) -> Tag {
        Tag(self.rng.next_u64())
    }

    pub(crate) fn draw_u128(&mut self) -> u128 {
        (u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64())
    }

    pub(crate) fn draw_branch(&mut self) -> Branch {
        Branch(self.draw_u128())
    }

    /// RFC 3261, 8.1.1.4: unique in space and time; no host part, which would tell more than needed.
    pub(crate) fn draw_call_id(&mut self) -> Bytes {
        let mut text = vec![0; 32];
        write_hex(&mut text, self.draw_u128());
        text.into()
    }

    /// A number of both ends included: for pauses that are spread, so that those who were refused together do not come back together.
    pub(crate) fn draw_between(&mut self, least: u32, most: u32) -> u32 {
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

    /// As it is written.
    pub(crate) fn text(self) -> [u8; 16] {
        let mut text = [0; 16];
        write_hex(&mut text, self.0.into());
        text
    }
}

/// A branch of ours: the cookie and 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Branch(u128);

impl Branch {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        hex(text.strip_prefix(BRANCH_COOKIE)?, 32).map(Self)
    }

    /// As it is written.
    pub(crate) fn text(self) -> [u8; BRANCH_COOKIE.len() + 32] {
        let mut text = [0; BRANCH_COOKIE.len() + 32];
        let (cookie, digits) = text.split_at_mut(BRANCH_COOKIE.len());
        cookie.copy_from_slice(BRANCH_COOKIE);
        write_hex(digits, self.0);
        text
    }
}

/// The lowest digits of `number`, as many as fit `text`.
fn write_hex(text: &mut [u8], mut number: u128) {
    for digit in text.iter_mut().rev() {
        let nibble = (number & 0xf) as u8;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) };
        number >>= 4;
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

/// SipHash started with a secret: peers choose what is hashed, so they must not be able to make it collide. Without the secret
/// two of the 2^64 values meet by chance alone, which among all transactions of a year happens to nobody.
#[derive(Debug, Clone)]
pub(crate) struct Keyed(DefaultHasher);

impl Keyed {
    pub(crate) fn new(wire: &mut Wire) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(wire.draw_u64());
        hasher.write_u64(wire.draw_u64());
        Self(hasher)
    }

    pub(crate) fn of(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = self.0.clone();
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }
}

/// For tables whose keys no peer can choose, because they are our own random numbers or come from [`Keyed`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread(u64);

impl BuildHasher for Spread {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self::default()
    }
}

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing, so that numbers in a row spread over all bits.
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64((number & u128::from(u64::MAX)) as u64);
        self.write_u64((number >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
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
    /// What the messages are about.
    pub(super) session: Option<SessionId>,
    pub(super) wire: &'a mut Wire,
}

impl Context<'_> {
    pub(super) fn send(&mut self, bytes: Bytes) {
        self.wire.send(self.flow, bytes, self.session);
    }

    pub(super) fn values(&self) -> Timers {
        self.wire.values
    }

    /// Whether messages may be lost, so that they must be repeated.
    pub(super) fn is_unreliable(&self) -> bool {
        !self.flow.transport.is_reliable()
    }
}
