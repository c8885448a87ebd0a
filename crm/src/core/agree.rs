//! How far two people who judged the same calls agree, beyond what chance would make them.

use std::collections::BTreeMap;

use serde::Serialize;

/// With fewer calls that both have judged, kappa would say nothing.
pub const KAPPA_CALLS_MIN: u32 = 5;

/// How far two agree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// How many calls both have judged.
    pub n: u32,
    /// How many of these alike.
    pub alike: u32,
    /// Of a hundred; none if there is none.
    pub percent: Option<f64>,
    /// 1: always, 0: as by chance, below 0: less than that. None for fewer than [`KAPPA_CALLS_MIN`] calls, and if each has always said the same, but not
    /// the other's: then chance would do no better.
    pub kappa: Option<f64>,
}

/// Cohen's kappa (Educational and Psychological Measurement 20, 1960, p. 37) of answers without an order: tags of an exclusive group, yes or no, whether a
/// tag is on a call. A pair is what the one and the other said of a call.
#[must_use]
pub fn cohen<T: Ord>(pairs: impl IntoIterator<Item = (T, T)>) -> Agreement {
    let mut numbers: BTreeMap<T, usize> = BTreeMap::new();
    let mut number = |answer| {
        let next = numbers.len();
        *numbers.entry(answer).or_insert(next)
    };
    agreement(pairs.into_iter().map(|(one, other)| (number(one), number(other))), |one, other| f64::from(u8::from(one != other)))
}

/// Weighted kappa (Cohen, Psychological Bulletin 70, 1968, p. 213) of points on a scale: how far apart two answers are counts by its square, so that 4 and 5
/// of 5 nearly agree.
#[must_use]
pub fn weighted(pairs: impl IntoIterator<Item = (u32, u32)>) -> Agreement {
    agreement(pairs, |one, other| f64::from(one.abs_diff(other)).powi(2))
}

/// Kappa is 1 less the disagreement that there is, by that which there would be if each said what they say as often, but without regard to the call.
fn agreement<T: Ord + Copy>(pairs: impl IntoIterator<Item = (T, T)>, disagreement: impl Fn(T, T) -> f64) -> Agreement {
    let (mut n, mut alike, mut found) = (0_u32, 0_u32, 0.0);
    let (mut of_one, mut of_other) = (BTreeMap::<T, u32>::new(), BTreeMap::<T, u32>::new());
    for (one, other) in pairs {
        n = n.saturating_add(1);
        alike = alike.saturating_add(u32::from(one == other));
        found += disagreement(one, other);
        *of_one.entry(one).or_default() += 1;
        *of_other.entry(other).or_default() += 1;
    }
    let mut by_chance = 0.0;
    for (one, ones) in &of_one {
        for (other, others) in &of_other {
            by_chance += disagreement(*one, *other) * f64::from(*ones) * f64::from(*others);
        }
    }
    let always_the_same = of_one.len() == 1 && of_other.len() == 1;
    let kappa = match always_the_same {
        _ if n < KAPPA_CALLS_MIN => None,
        true => (alike == n).then_some(1.0),
        false => Some(1.0 - found * f64::from(n) / by_chance),
    };
    let percent = (n > 0).then(|| 100.0 * f64::from(alike) / f64::from(n));
    Agreement { n, alike, percent, kappa }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// The pairs of a table: a row for each answer of the one, a column for each of the other.
    fn pairs(table: &[&[u32]]) -> Vec<(usize, usize)> {
        let cell = |one: usize, (other, calls): (usize, &u32)| (0..*calls).map(move |_| (one, other)).collect::<Vec<_>>();
        table.iter().enumerate().flat_map(|(one, row)| row.iter().enumerate().flat_map(move |cells| cell(one, cells))).collect()
    }

    fn check(table: &[&[u32]], percent: f64, kappa: f64) {
        let found = cohen(pairs(table));
        assert!((found.percent.unwrap() - percent).abs() < 0.005, "{found:?}");
        assert!((found.kappa.unwrap() - kappa).abs() < 0.0005, "{found:?}");
    }

    #[test]
    fn kappa_is_that_of_published_examples() {
        // Fleiss, Statistical Methods for Rates and Proportions, 1981, table 13.1: two diagnoses of 100 patients.
        check(&[&[75, 1, 4], &[5, 4, 1], &[0, 0, 10]], 89.0, 0.676);
        // Sim and Wright, Physical Therapy 85, 2005, p. 257: two examiners of 39 patients.
        check(&[&[22, 2], &[4, 11]], 84.62, 0.667);
        // As the encyclopaedias have it, en.wikipedia.org/wiki/Cohen's_kappa: the same agreement, with answers that are more and less uneven.
        check(&[&[20, 5], &[10, 15]], 70.0, 0.4);
        check(&[&[45, 15], &[25, 15]], 60.0, 0.1304);
        check(&[&[25, 35], &[5, 35]], 60.0, 0.2593);
    }

    #[test]
    fn weighted_kappa_is_that_of_published_examples() {
        // Maple's documentation of EssayTools[QuadraticWeightedKappa].
        let one = [9, 7, 8, 7, 6, 8, 3, 5, 10];
        for (other, kappa) in [([8, 8, 6, 6, 7, 6, 1, 4, 8], 0.758_620_689_655_172), ([3, 5, 6, 6, 7, 6, 1, 4, 8], 0.438_095_238_095_238)] {
            let found = weighted(one.into_iter().zip(other));
            assert!((found.kappa.unwrap() - kappa).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn where_chance_says_all_kappa_says_nothing_or_that_they_agree() {
        let of = |pairs: &[(u32, u32)]| (cohen(pairs.to_vec()), weighted(pairs.to_vec()));
        let (nobody, _) = of(&[]);
        assert_eq!(nobody, Agreement { n: 0, alike: 0, percent: None, kappa: None });
        let few = [(1, 1), (2, 2), (1, 1), (2, 2)];
        assert_eq!(of(&few).0, Agreement { n: 4, alike: 4, percent: Some(100.0), kappa: None });
        for (pairs, kappa) in [([(1, 1); 5], Some(1.0)), ([(1, 2); 5], None), ([(0, 0); 5], Some(1.0))] {
            let (plain, by_points) = of(&pairs);
            assert_eq!((plain.kappa, by_points.kappa), (kappa, kappa), "{pairs:?}");
        }
        // One of them always says the same: what they agree in is chance.
        let (plain, by_points) = of(&[(1, 1), (1, 1), (1, 2), (1, 1), (1, 2)]);
        assert_eq!((plain.kappa, by_points.kappa), (Some(0.0), Some(0.0)));
        assert_eq!(serde_json::to_string(&nobody).unwrap(), r#"{"n":0,"alike":0,"percent":null,"kappa":null}"#);
    }

    /// Cohen's kappa by its own formula, from shares of a table.
    fn by_table(pairs: &[(u32, u32)]) -> Option<f64> {
        let n = pairs.len() as f64;
        let share = |is: &dyn Fn(&(u32, u32)) -> bool| pairs.iter().filter(|pair| is(pair)).count() as f64 / n;
        let observed = share(&|(one, other)| one == other);
        let expected: f64 = (0..5).map(|answer| share(&|(one, _)| *one == answer) * share(&|(_, other)| *other == answer)).sum();
        (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
    }

    /// Lin's concordance correlation (Biometrics 45, 1989, p. 255), which weighted kappa with squares is equal to (Fleiss and Cohen 1973).
    fn by_moments(pairs: &[(u32, u32)]) -> f64 {
        let n = pairs.len() as f64;
        let mean = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(one, other)| of(f64::from(*one), f64::from(*other))).sum::<f64>() / n;
        let (one, other) = (mean(&|one, _| one), mean(&|_, other| other));
        let together = mean(&|a, b| (a - one) * (b - other));
        2.0 * together / (mean(&|a, _| (a - one).powi(2)) + mean(&|_, b| (b - other).powi(2)) + (one - other).powi(2))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn kappa_is_what_other_ways_of_reckoning_make_of_it(pairs in prop::collection::vec((0..5_u32, 0..5_u32), 5..60)) {
            let near = |found: Option<f64>, expected: f64| found.is_none_or(|found| (found - expected).abs() < 1e-9);
            let plain = cohen(pairs.clone());
            prop_assert_eq!(plain.n as usize, pairs.len());
            if let Some(expected) = by_table(&pairs) {
                prop_assert!(near(plain.kappa, expected), "{:?} {}", plain, expected);
                let by_points = weighted(pairs.clone());
                prop_assert!(near(by_points.kappa, by_moments(&pairs)), "{:?}", by_points);
                prop_assert!(plain.kappa.is_some() || plain.alike == 0);
            }
            let turned = cohen(pairs.iter().map(|(one, other)| (other, one)));
            prop_assert!(near(turned.kappa, plain.kappa.unwrap_or(0.0)) && turned.alike == plain.alike);
        }
    }
}
