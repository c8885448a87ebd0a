//! In which order carriers are tried: by priority, then by price if the least is wanted, then by weight.

use serde::{Deserialize, Serialize};

use super::{CarrierEntry, Rate};
use crate::{CarrierId, Number};

/// A carrier that could be tried.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The carrier.
    pub entry: &'a CarrierEntry,
    /// How it stands now.
    pub standing: Standing,
}

/// How a carrier stands now. Whoever counts its calls and asks for its health knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It can be called.
    #[default]
    Up,
    /// It does not answer our OPTIONS, or is not registered.
    Down,
    /// It has as many calls as it may.
    Full,
    /// As many calls have begun in this second as it may.
    TooFast,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Full, Self::TooFast];

    /// Its name, as it is written in JSON and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Full => "full",
            Self::TooFast => "too_fast",
        }
    }
}

/// A carrier to be tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt<'a> {
    /// The carrier.
    pub entry: &'a CarrierEntry,
    /// What its calls to the number cost; none if it has no price for it.
    pub rate: Option<&'a Rate>,
}

/// Why a carrier is not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// It is switched off.
    Off,
    /// It belongs to another centre, and is not shared.
    OtherCenter,
    /// It is only used for numbers with a price.
    NoPrice,
    /// It has no caller number for the centre.
    NoCaller,
    /// Its own rules make of the number, or of the caller's, what cannot be dialled.
    NoNumber,
    /// It would take the digits that it is sent for another number ([`super::Carrier::misreads`]).
    Misread,
    /// It does not answer, or is not registered.
    Down,
    /// It has as many calls as it may.
    Full,
    /// As many calls have begun in this second as it may.
    TooFast,
    /// As many carriers as can be are tried before it.
    TooMany,
}

impl LeftOut {
    /// In words, for a person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "it is switched off",
            Self::OtherCenter => "it belongs to another center, and is not shared",
            Self::NoPrice => "it has no price for this number, and is only used for numbers that have one",
            Self::NoCaller => "it has no caller number verified for this center",
            Self::NoNumber => "its rules make of the number what cannot be dialled",
            Self::Misread => "without its + it would be another number there",
            Self::Down => "it does not answer, or is not registered",
            Self::Full => "it has as many calls as it may",
            Self::TooFast => "as many calls as it may have begun in this second",
            Self::TooMany => "as many others as can be are tried before it",
        }
    }
}

/// The order in which carriers are tried for this E.164 number, and those that are not.
///
/// Lower priorities come first. Among equals the cheaper minute comes first if `least_cost` is set and all of them reckon in one currency;
/// without a price one comes last. Among those that are still equal, `chance` draws by weight: the same chance draws the same order.
#[must_use]
pub fn order<'a>(
    candidates: &[Candidate<'a>],
    number: &Number,
    least_cost: bool,
    chance: u64,
) -> (Vec<Attempt<'a>>, Vec<(CarrierId, LeftOut)>) {
    let mut left_out = Vec::new();
    let mut attempts: Vec<Attempt<'a>> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let carrier = &candidate.entry.carrier;
        let rate = carrier.price(number);
        let why = match candidate.standing {
            _ if !carrier.on => Some(LeftOut::Off),
            _ if carrier.rated_only && rate.is_none() => Some(LeftOut::NoPrice),
            Standing::Up => None,
            Standing::Down => Some(LeftOut::Down),
            Standing::Full => Some(LeftOut::Full),
            Standing::TooFast => Some(LeftOut::TooFast),
        };
        match why {
            Some(why) => left_out.push((candidate.entry.id, why)),
            None => attempts.push(Attempt { entry: candidate.entry, rate }),
        }
    }
    let by_price = least_cost && one_currency(attempts.iter());
    let key = |attempt: &Attempt<'_>| {
        let price = if by_price { attempt.rate.map_or((1, None), |rate| (0, Some(rate.per_minute))) } else { (0, None) };
        (attempt.entry.carrier.priority, price)
    };
    // By id at last, so that a draw does not depend on the order in which carriers were listed.
    attempts.sort_by_key(|attempt| (key(attempt), attempt.entry.id));
    let mut chance = chance;
    let mut start = 0;
    while let Some(first) = attempts.get(start) {
        let equals = attempts.iter().skip(start).take_while(|attempt| key(attempt) == key(first)).count();
        if let Some(equals) = attempts.get_mut(start..start + equals) {
            draw(equals, &mut chance);
        }
        start += equals;
    }
    (attempts, left_out)
}

/// Whether all prices are in one currency, and can be compared.
pub(crate) fn one_currency<'a>(attempts: impl Iterator<Item = &'a Attempt<'a>>) -> bool {
    let mut priced = attempts.filter(|attempt| attempt.rate.is_some()).map(|attempt| &attempt.entry.carrier.currency);
    let first = priced.next();
    priced.all(|currency| Some(currency) == first)
}

/// Puts equals in an order drawn by weight, without putting one back.
fn draw(equals: &mut [Attempt<'_>], chance: &mut u64) {
    for place in 0..equals.len() {
        let Some(rest) = equals.get_mut(place..) else { return };
        let all: u64 = rest.iter().map(|attempt| u64::from(attempt.entry.carrier.weight)).sum();
        if all == 0 {
            return;
        }
        let mut mark = next(chance) % all;
        let drawn = rest.iter().position(|attempt| {
            let weight = u64::from(attempt.entry.carrier.weight);
            let hit = mark < weight;
            mark = mark.saturating_sub(weight);
            hit
        });
        // Those before it move on by one, in their order.
        if let Some(passed) = drawn.and_then(|drawn| rest.get_mut(..=drawn)) {
            passed.rotate_right(1);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): from one chance as many as are needed.
fn next(chance: &mut u64) -> u64 {
    *chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *chance;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
