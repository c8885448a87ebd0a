//! Which numbers a hub gets: the lowest free contiguous block of its kind, from x001 (R2, wire contract).

use std::ops::RangeInclusive;

/// A kind's numbers are its base plus 1 to 999.
pub(crate) const BLOCK: u16 = 999;

/// The lowest run of `wanted` numbers above `base` of which none is in `taken` (ascending).
pub(crate) fn lowest_free(base: u16, taken: &[u16], wanted: u16) -> Option<RangeInclusive<u16>> {
    let last = base.checked_add(BLOCK)?;
    let mut first = base.checked_add(1)?;
    for number in taken.iter().copied() {
        if !(first..=last).contains(&number) {
            continue;
        }
        if number >= first.checked_add(wanted)? {
            break;
        }
        first = number.checked_add(1)?;
    }
    run(first, wanted, last)
}

/// The `wanted` numbers directly after `own_last`, if all of them are free.
pub(crate) fn directly_after(base: u16, own_last: u16, taken: &[u16], wanted: u16) -> Option<RangeInclusive<u16>> {
    let run = run(own_last.checked_add(1)?, wanted, base.checked_add(BLOCK)?)?;
    (!taken.iter().any(|number| run.contains(number))).then_some(run)
}

fn run(first: u16, wanted: u16, last_allowed: u16) -> Option<RangeInclusive<u16>> {
    let last = first.checked_add(wanted.checked_sub(1)?)?;
    (last <= last_allowed).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_gap_that_is_wide_enough_is_taken() {
        type Case = (&'static [u16], u16, Option<RangeInclusive<u16>>);
        let cases: &[Case] = &[
            (&[], 1, Some(6001..=6001)),
            (&[], 999, Some(6001..=6999)),
            (&[], 1000, None),
            (&[], 0, None),
            (&[6001], 998, Some(6002..=6999)),
            (&[6001], 999, None),
            (&[6002], 1, Some(6001..=6001)),
            (&[6002], 2, Some(6003..=6004)),
            (&[6003, 6006], 2, Some(6001..=6002)),
            (&[6003, 6006], 3, Some(6007..=6009)),
            (&[6999], 998, Some(6001..=6998)),
            (&[6999], 999, None),
            // Numbers of other kinds do not count.
            (&[5000, 6000, 7000, 7001], 999, Some(6001..=6999)),
        ];
        for (taken, wanted, block) in cases {
            assert_eq!(lowest_free(6000, taken, *wanted), *block, "{wanted} beside {taken:?}");
        }
    }

    #[test]
    fn a_hub_grows_only_into_free_numbers_of_its_kind() {
        assert_eq!(directly_after(6000, 6010, &[6001, 6010], 5), Some(6011..=6015));
        assert_eq!(directly_after(6000, 6010, &[6012], 1), Some(6011..=6011));
        assert_eq!(directly_after(6000, 6010, &[6012], 2), None);
        assert_eq!(directly_after(6000, 6998, &[], 1), Some(6999..=6999));
        assert_eq!(directly_after(6000, 6998, &[], 2), None);
    }
}
