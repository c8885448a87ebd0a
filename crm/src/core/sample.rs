//! Which calls of a plan are listened to.
//!
//! A sample goes by a hash of the plan's seed and the call's id: it looks like chance, is the same whenever it is taken of the same calls, and of nobody's
//! choosing.

use std::collections::{BTreeMap, BTreeSet};

use model::{CallId, Problem, UserId};
use serde::{Deserialize, Serialize};

/// The most calls that one sample is told to take, of each agent or of all.
pub const SAMPLE_MAX: u32 = 10_000;
/// A call below this length is short, in milliseconds.
pub const SHORT_MS: u64 = 30_000;
/// A call from this length on is long, in milliseconds.
pub const LONG_MS: u64 = 180_000;

/// How much of what a plan's filter finds is listened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case", deny_unknown_fields)]
pub enum Sample {
    /// All of it.
    All,
    /// So many calls of each agent. Calls that nobody served are left out.
    PerAgent {
        /// How many, 1 to [`SAMPLE_MAX`].
        calls: u32,
    },
    /// So many of a hundred calls.
    Percent {
        /// How many, 1 to 100.
        percent: u8,
    },
    /// So many calls in all, of each layer as many as it has a share in them, and of each at least one while there are enough.
    Stratified {
        /// How many, 1 to [`SAMPLE_MAX`].
        calls: u32,
        /// What makes a layer, 1 to 4 of them.
        by: BTreeSet<Layer>,
    },
}

codes! {
    /// What calls are told apart by.
    Layer, "what a layer is made of":
    /// The scenario.
    Scenario = "scenario",
    /// Who served it.
    Agent = "agent",
    /// How it ended.
    Outcome = "outcome",
    /// Short, middling or long: by [`SHORT_MS`] and [`LONG_MS`].
    Length = "length",
}

/// A call that could be listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The call.
    pub call: CallId,
    /// Who served it; of several the one who talked the longest.
    pub agent: Option<UserId>,
    /// Its scenario's code.
    pub scenario: Option<String>,
    /// The code of how it ended.
    pub outcome: String,
    /// How long its recording is, in milliseconds.
    pub duration_ms: u64,
}

impl Sample {
    /// What is wrong with it; nothing, if it can be used.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let within = |path: &str, value: u32, most: u32| {
            let problem = || Problem { path: path.to_owned(), text: format!("is not between 1 and {most}") };
            (!(1..=most).contains(&value)).then(problem)
        };
        match self {
            Self::All => Vec::new(),
            Self::PerAgent { calls } => within("calls", *calls, SAMPLE_MAX).into_iter().collect(),
            Self::Percent { percent } => within("percent", u32::from(*percent), 100).into_iter().collect(),
            Self::Stratified { calls, by } => {
                let layers = by.is_empty().then(|| Problem { path: "by".to_owned(), text: "names nothing".to_owned() });
                within("calls", *calls, SAMPLE_MAX).into_iter().chain(layers).collect()
            }
        }
    }
}

/// The calls that are listened to, by their ids. The order of `candidates` does not matter; each call stands there once.
///
/// Those of `taken` that are among them were chosen before, when there were fewer: they count first, so that a sample that is taken again of a
/// longer time does not outgrow what was asked of each agent.
#[must_use]
pub fn pick(seed: u64, sample: &Sample, candidates: &[Candidate], taken: &BTreeSet<CallId>) -> BTreeSet<CallId> {
    match sample {
        Sample::All => candidates.iter().map(|candidate| candidate.call).collect(),
        Sample::Percent { percent } => {
            let chosen = candidates.iter().filter(|candidate| is_of(*percent, order(seed, candidate.call)));
            chosen.map(|candidate| candidate.call).collect()
        }
        Sample::PerAgent { calls } => {
            let served = candidates.iter().filter_map(|candidate| Some((candidate.agent?, candidate.call)));
            least_of_each(seed, served, taken, |_| count(*calls))
        }
        Sample::Stratified { calls, by } => {
            let layers = candidates.iter().map(|candidate| (candidate.layer(by), candidate.call));
            let mut sizes: BTreeMap<_, usize> = BTreeMap::new();
            layers.clone().for_each(|(layer, _)| *sizes.entry(layer).or_default() += 1);
            let quotas = quotas(&sizes.values().copied().collect::<Vec<_>>(), count(*calls));
            least_of_each(seed, layers, taken, |at| quotas.get(at).copied().unwrap_or(0))
        }
    }
}

/// Whether a call of a sample is listened to by two people, so that they can be compared: so many of a hundred, by a hash of its own.
#[must_use]
pub fn is_doubled(seed: u64, call: CallId, percent: u8) -> bool {
    is_of(percent, order(mix(seed ^ 0x6465_7562_6c65), call))
}

impl Candidate {
    fn layer(&self, by: &BTreeSet<Layer>) -> (Option<&str>, Option<UserId>, Option<&str>, u8) {
        let length = match self.duration_ms {
            ..SHORT_MS => 1,
            SHORT_MS..LONG_MS => 2,
            _ => 3,
        };
        let has = |layer| by.contains(&layer);
        (
            self.scenario.as_deref().filter(|_| has(Layer::Scenario)),
            self.agent.filter(|_| has(Layer::Agent)),
            has(Layer::Outcome).then_some(self.outcome.as_str()),
            if has(Layer::Length) { length } else { 0 },
        )
    }
}

/// Of each group the calls that come first, those that were taken before the others and then by their hash: as many as `most` says of the group's
/// place.
fn least_of_each<K: Ord>(
    seed: u64,
    calls: impl Iterator<Item = (K, CallId)>,
    taken: &BTreeSet<CallId>,
    most: impl Fn(usize) -> usize,
) -> BTreeSet<CallId> {
    let mut groups: BTreeMap<K, Vec<(bool, u64, CallId)>> = BTreeMap::new();
    for (group, call) in calls {
        groups.entry(group).or_default().push((!taken.contains(&call), order(seed, call), call));
    }
    let chosen = groups.into_values().enumerate().flat_map(|(at, mut calls)| {
        calls.sort_unstable();
        calls.truncate(most(at));
        calls
    });
    chosen.map(|(_, _, call)| call).collect()
}

/// How many calls are taken of each layer, `total` in all or as many as there are: one each, and the rest by what is left of each, with the largest
/// remainders rounded up. If there are more layers than calls, the largest get one.
fn quotas(sizes: &[usize], total: usize) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    if total >= all {
        return sizes.to_vec();
    }
    // Of equals the first comes first.
    let mut by_size: Vec<usize> = (0..sizes.len()).collect();
    let size = |at: usize| sizes.get(at).copied().unwrap_or(0);
    by_size.sort_by_key(|at| std::cmp::Reverse(size(*at)));
    let mut quotas = vec![0; sizes.len()];
    if total <= sizes.len() {
        for at in by_size.into_iter().take(total) {
            give(&mut quotas, at, 1);
        }
        return quotas;
    }
    // Here `total` lies between the number of layers and the number of calls, so that no layer gets more than it has.
    let (to_give, left) = (total - sizes.len(), all - sizes.len());
    let share = |at: usize| size(at).saturating_sub(1) as u128 * to_give as u128;
    let mut given = 0;
    for at in 0..sizes.len() {
        let whole = usize::try_from(share(at) / left as u128).unwrap_or(0);
        give(&mut quotas, at, 1 + whole);
        given += whole;
    }
    by_size.sort_by_key(|at| std::cmp::Reverse(share(*at) % left as u128));
    for at in by_size.into_iter().take(to_give - given) {
        give(&mut quotas, at, 1);
    }
    quotas
}

fn give(quotas: &mut [usize], at: usize, calls: usize) {
    if let Some(quota) = quotas.get_mut(at) {
        *quota += calls;
    }
}

fn count(calls: u32) -> usize {
    usize::try_from(calls).unwrap_or(usize::MAX)
}

/// Whether a hash is among so many of a hundred.
fn is_of(percent: u8, hash: u64) -> bool {
    u128::from(hash) * 100 < u128::from(percent) << 64
}

/// A call's place in a sample.
fn order(seed: u64, call: CallId) -> u64 {
    mix(mix(seed) ^ call.0.cast_unsigned())
}

/// Mixes the bits of a number (the end of SplitMix64; Steele, Lea, Flood 2014).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn call(at: i64) -> Candidate {
        Candidate {
            call: CallId((1_800_000_000_000 + at * 1_000) << 22),
            agent: Some(UserId(at % 4)).filter(|agent| agent.0 > 0),
            scenario: Some(["sales", "support", "sales"][usize::try_from(at % 3).unwrap()].to_owned()),
            outcome: "answered".to_owned(),
            duration_ms: u64::try_from(at % 7).unwrap() * 40_000,
        }
    }

    fn none() -> BTreeSet<CallId> {
        BTreeSet::new()
    }

    #[test]
    fn the_hash_is_the_one_that_was_published() {
        // The first two numbers of SplitMix64 that begins with 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn a_sample_is_read_as_it_is_written() {
        let by = [Layer::Agent, Layer::Length].into_iter().collect();
        for (sample, json) in [
            (Sample::All, r#"{"how":"all"}"#),
            (Sample::PerAgent { calls: 5 }, r#"{"how":"per_agent","calls":5}"#),
            (Sample::Percent { percent: 10 }, r#"{"how":"percent","percent":10}"#),
            (Sample::Stratified { calls: 40, by }, r#"{"how":"stratified","calls":40,"by":["agent","length"]}"#),
        ] {
            assert_eq!(serde_json::to_string(&sample).unwrap(), json);
            assert_eq!(serde_json::from_str::<Sample>(json).unwrap(), sample);
            assert!(sample.validate().is_empty());
        }
        for (wrong, told) in [
            (Sample::PerAgent { calls: 0 }, "calls: is not between 1 and 10000"),
            (Sample::Percent { percent: 101 }, "percent: is not between 1 and 100"),
            (Sample::Stratified { calls: 10_001, by: BTreeSet::new() }, "calls: is not between 1 and 10000; by: names nothing"),
        ] {
            assert_eq!(wrong.validate().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), told);
        }
    }

    #[test]
    fn layers_get_their_share_by_the_largest_remainder() {
        for (sizes, total, expected) in [
            (&[][..], 5, &[][..]),
            (&[10, 10], 0, &[0, 0]),
            (&[3, 2], 9, &[3, 2]),
            (&[3, 2], 5, &[3, 2]),
            // One each, and 8 by 70, 20 and 7 of 97: 5.77, 1.65, 0.58.
            (&[71, 21, 8], 11, &[7, 3, 1]),
            // 0.67, 0.67, 0.67 of two: the first two.
            (&[5, 5, 5], 5, &[2, 2, 1]),
            // A layer of one is in it, and gets no more than it has.
            (&[1, 1_000], 10, &[1, 9]),
            // More layers than calls: the largest.
            (&[1, 5, 3, 5], 2, &[0, 1, 0, 1]),
            (&[1, 5, 3, 5], 4, &[1, 1, 1, 1]),
        ] {
            assert_eq!(quotas(sizes, total), expected, "{sizes:?} {total}");
        }
    }

    #[test]
    fn another_seed_is_another_sample() {
        let calls: Vec<_> = (0..2_000).map(call).collect();
        let tenth = |seed| pick(seed, &Sample::Percent { percent: 10 }, &calls, &none());
        let (one, other) = (tenth(1), tenth(2));
        // A tenth of 2,000 with a deviation of 13.4, and a hundredth of them with one of 4.5: five of these on each side.
        for found in [one.len(), other.len(), tenth(u64::MAX).len()] {
            assert!((133..=267).contains(&found), "{found}");
        }
        assert!(one.intersection(&other).count() < 43);
        assert_eq!(pick(1, &Sample::Percent { percent: 100 }, &calls, &none()).len(), 2_000);
        // Who is listened to twice has nothing to do with who is listened to.
        let doubled = one.iter().filter(|call| is_doubled(1, **call, 50)).count();
        assert!((one.len() / 3..=one.len() * 2 / 3).contains(&doubled), "{doubled} of {}", one.len());
        assert!(calls.iter().all(|call| is_doubled(1, call.call, 100) && !is_doubled(1, call.call, 0)));
    }

    #[test]
    fn each_agent_has_as_many_calls_listened_to() {
        let calls: Vec<_> = (0..100).map(call).collect();
        for (wanted, expected) in [(1, 3), (5, 15), (25, 75), (26, 75)] {
            let chosen = pick(7, &Sample::PerAgent { calls: wanted }, &calls, &none());
            assert_eq!(chosen.len(), expected);
            assert!(calls.iter().filter(|call| chosen.contains(&call.call)).all(|call| call.agent.is_some()));
        }
    }

    /// When there are more calls, those that were chosen of fewer stay, and no agent gets more than was asked for.
    #[test]
    fn a_sample_that_grows_keeps_what_it_has() {
        let (some, more): (Vec<_>, Vec<_>) = ((0..60).map(call).collect(), (0..400).map(call).collect());
        let by = [Layer::Agent].into_iter().collect();
        for (sample, before, after) in [
            (Sample::PerAgent { calls: 5 }, 15, 15),
            (Sample::PerAgent { calls: 20 }, 45, 60),
            (Sample::Stratified { calls: 40, by }, 40, 40),
            (Sample::All, 60, 400),
        ] {
            let taken = pick(7, &sample, &some, &none());
            let chosen = pick(7, &sample, &more, &taken);
            assert_eq!((taken.len(), chosen.len()), (before, after), "{sample:?}");
            assert!(taken.is_subset(&chosen), "{sample:?}");
            assert_eq!(pick(7, &sample, &more, &chosen), chosen, "{sample:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Quotas sum up to what is wanted, no layer gets more than it has, none is left out while there are enough, a layer that is larger gets no
        /// less, and none is a whole call away from its share.
        #[test]
        fn quotas_are_fair(sizes in prop::collection::vec(1..200_usize, 1..20), total in 0..2_000_usize) {
            let quotas = quotas(&sizes, total);
            let all: usize = sizes.iter().sum();
            prop_assert_eq!(quotas.iter().sum::<usize>(), total.min(all));
            for (at, (size, quota)) in sizes.iter().zip(&quotas).enumerate() {
                prop_assert!(quota <= size);
                prop_assert!(*quota > 0 || total < sizes.len());
                let is_less = |other: usize| sizes[other] < *size && quotas[other] > *quota;
                prop_assert!(!(0..sizes.len()).any(is_less), "{} of {:?} in {:?}", at, quotas, sizes);
                if (sizes.len() + 1..all).contains(&total) {
                    let share = (size - 1) as f64 * (total - sizes.len()) as f64 / (all - sizes.len()) as f64;
                    prop_assert!(((quota - 1) as f64 - share).abs() < 1.0);
                }
            }
        }

        /// The same calls make the same sample in whatever order they come, and a part of them never loses a call that it shares with the whole.
        #[test]
        fn a_sample_is_the_same_of_the_same_calls(seed: u64, many in 1..150_i64, shift in 0..150_usize, how in 0..4_usize, calls in 1..60_u32) {
            let by = [Layer::Scenario, Layer::Length].into_iter().collect();
            let samples = [Sample::All, Sample::PerAgent { calls }, Sample::Percent { percent: 30 }, Sample::Stratified { calls, by }];
            let sample = &samples[how];
            let mut candidates: Vec<_> = (0..many).map(call).collect();
            let chosen = pick(seed, sample, &candidates, &none());
            let middle = shift % candidates.len();
            candidates.rotate_left(middle);
            prop_assert_eq!(&pick(seed, sample, &candidates, &none()), &chosen);
            if !matches!(sample, Sample::Stratified { .. }) {
                let part = &candidates[..middle];
                let of_part = pick(seed, sample, part, &none());
                prop_assert!(part.iter().all(|call| of_part.contains(&call.call) || !chosen.contains(&call.call)));
            }
        }
    }
}
