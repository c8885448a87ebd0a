//! Whose turn it is when leads are handed round.

use std::collections::BTreeSet;

use model::UserId;

/// Who of `members` comes after `last`, in the order of their accounts; behind the last one comes the first again.
///
/// `last` need not be among them any more: a ring goes on where it was when somebody leaves it. None only if there is nobody.
#[must_use]
pub fn next_of_ring(members: &BTreeSet<UserId>, last: Option<UserId>) -> Option<UserId> {
    let behind = last.and_then(|last| members.iter().find(|member| **member > last));
    behind.or_else(|| members.first()).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_one_behind_the_last_has_the_turn() {
        let check = |members: &[i64], last: Option<i64>, expected: Option<i64>| {
            let members = members.iter().copied().map(UserId).collect();
            assert_eq!(next_of_ring(&members, last.map(UserId)), expected.map(UserId), "{members:?} {last:?}");
        };
        check(&[], None, None);
        check(&[], Some(7), None);
        check(&[7], None, Some(7));
        check(&[7], Some(7), Some(7));
        check(&[3, 5, 9], None, Some(3));
        check(&[3, 5, 9], Some(3), Some(5));
        check(&[3, 5, 9], Some(9), Some(3));
        // Whoever was last has left.
        check(&[3, 9], Some(5), Some(9));
        check(&[3, 5], Some(9), Some(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// While nobody comes or goes, no two of the ring are more than one apart.
        #[test]
        fn everybody_gets_as_many(members in prop::collection::btree_set(1..1_000_i64, 1..12), last in prop::option::of(0..1_000_i64), leads in 0..100_usize) {
            let members: BTreeSet<UserId> = members.into_iter().map(UserId).collect();
            let mut counts: BTreeMap<UserId, usize> = members.iter().map(|member| (*member, 0)).collect();
            let mut last = last.map(UserId);
            for _ in 0..leads {
                last = next_of_ring(&members, last);
                *counts.entry(last.unwrap_or(UserId(0))).or_default() += 1;
            }
            let (least, most) = (counts.values().min().copied(), counts.values().max().copied());
            prop_assert_eq!(counts.len(), members.len());
            prop_assert!(most <= least.map(|least| least + 1), "{:?}", counts);
        }
    }
}
