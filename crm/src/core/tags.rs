//! What setting or taking off a tag does to the tags of a call (S000-15, S000-16).

use std::collections::BTreeSet;

use model::{TagGroupId, TagId};

/// The most tags that a call has.
pub const TAGS_OF_CALL_MAX: usize = 50;

codes! {
    /// What happened to a tag of a call, as the statistics count it.
    TagAction, "a tag's action":
    /// Somebody put it on.
    Set = "set",
    /// Somebody took it off.
    Unset = "unset",
    /// Another tag of its exclusive group took its place.
    Replaced = "replaced",
}

codes! {
    /// What statistics of tags are told by.
    TagsBy, "what statistics are told by":
    /// Each day of the centre.
    Day = "day",
    /// Whoever set or took off the tag.
    User = "user",
    /// Each tag.
    Tag = "tag",
    /// The scenario that the call had.
    Scenario = "scenario",
}

/// What somebody wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Put it on.
    Set,
    /// Take it off.
    Unset,
}

/// The tag that somebody wants put on or taken off, with its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// The tag.
    pub id: TagId,
    /// Its group.
    pub group: TagGroupId,
    /// Whether both may still be used. What is on stays on, and can be taken off.
    pub is_active: bool,
    /// Whether a call has at most one tag of the group.
    pub is_exclusive: bool,
}

/// A change of a call's tags: an event, and a row of the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagChange {
    /// Which tag.
    pub tag: TagId,
    /// What happened to it.
    pub action: TagAction,
}

/// Why nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTag {
    /// The tag or its group is out of use (409 `wrong_state`).
    Inactive,
    /// Other tags of the group would have to go, and this takes the right to take tags off (409 `tag_exclusive`).
    Exclusive {
        /// Those others.
        instead_of: Vec<TagId>,
    },
    /// The call would have more than [`TAGS_OF_CALL_MAX`] tags.
    TooMany,
}

/// What `order` does to a call that has the tags `before`, of whichever groups. Nothing, if the tag is on already or not on: whoever asks twice is
/// answered twice. Changes come in the order in which they are to be told.
///
/// # Errors
/// [`NoTag`].
pub fn decide(before: &[(TagId, TagGroupId)], order: Order, tag: &Tag, may_unset: bool) -> Result<Vec<TagChange>, NoTag> {
    let is_on = before.iter().any(|(id, _)| *id == tag.id);
    match order {
        Order::Unset if is_on => Ok(vec![TagChange { tag: tag.id, action: TagAction::Unset }]),
        Order::Set if !is_on => {
            if !tag.is_active {
                return Err(NoTag::Inactive);
            }
            // Several, if the group was made exclusive after they were put on.
            let others = before.iter().filter(|(_, group)| tag.is_exclusive && *group == tag.group).map(|(id, _)| *id);
            let others: BTreeSet<TagId> = others.collect();
            if !others.is_empty() && !may_unset {
                return Err(NoTag::Exclusive { instead_of: others.into_iter().collect() });
            }
            if before.len().saturating_sub(others.len()) >= TAGS_OF_CALL_MAX {
                return Err(NoTag::TooMany);
            }
            let replaced = others.into_iter().map(|tag| TagChange { tag, action: TagAction::Replaced });
            Ok(replaced.chain([TagChange { tag: tag.id, action: TagAction::Set }]).collect())
        }
        Order::Set | Order::Unset => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "tests")]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Groups 1 (exclusive) and 2 have the tags 10 to 13 and 20 to 23; group 3 is out of use and exclusive.
    fn tag(id: i64) -> Tag {
        let group = id / 10;
        Tag { id: TagId(id), group: TagGroupId(group), is_active: group != 3, is_exclusive: group != 2 }
    }

    fn check(before: &[i64], order: Order, id: i64, may_unset: bool, expected: &str) {
        let before: Vec<_> = before.iter().map(|id| (TagId(*id), tag(*id).group)).collect();
        let found = match decide(&before, order, &tag(id), may_unset) {
            Ok(changes) => changes.iter().map(|change| format!("{} {}", change.action, change.tag)).collect::<Vec<_>>().join(", "),
            Err(why) => format!("{why:?}"),
        };
        assert_eq!(found, expected, "{before:?} {order:?} {id}");
    }

    #[test]
    fn a_tag_goes_on_once_and_off_once() {
        use Order::{Set, Unset};
        check(&[], Set, 20, false, "set 20");
        check(&[20], Set, 20, false, "");
        check(&[20], Unset, 20, true, "unset 20");
        check(&[], Unset, 20, true, "");
        check(&[20, 10], Set, 21, false, "set 21");
    }

    #[test]
    fn an_exclusive_group_has_one_tag_on_a_call() {
        use Order::{Set, Unset};
        check(&[10, 20], Set, 11, true, "replaced 10, set 11");
        check(&[10, 20], Set, 11, false, "Exclusive { instead_of: [TagId(10)] }");
        check(&[12, 10], Set, 11, true, "replaced 10, replaced 12, set 11");
        check(&[10], Set, 10, false, "");
        check(&[12, 10], Set, 10, true, "");
        check(&[10, 20], Unset, 10, true, "unset 10");
        check(&[20], Set, 11, false, "set 11");
    }

    #[test]
    fn what_is_out_of_use_can_only_be_taken_off() {
        use Order::{Set, Unset};
        check(&[], Set, 30, true, "Inactive");
        check(&[31], Set, 30, true, "Inactive");
        check(&[30], Set, 30, true, "");
        check(&[30], Unset, 30, true, "unset 30");
    }

    #[test]
    fn a_call_has_an_end_of_tags() {
        use Order::{Set, Unset};
        let full: Vec<i64> = (0..50).map(|at| 1_000 + at * 10).collect();
        check(&full, Set, 20, true, "TooMany");
        check(&full, Unset, 1_000, true, "unset 1000");
        check(&full[..49], Set, 20, true, "set 20");
        // One goes, one comes.
        check(&full, Set, 1_001, true, "replaced 1000, set 1001");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// After any walk the events add up to what stands, an exclusive group has at most one tag, and what is refused has changed nothing.
        #[test]
        fn events_add_up_to_what_stands(walk in prop::collection::vec((any::<bool>(), 1..5_i64, 0..4_i64, any::<bool>()), 0..60)) {
            let mut on: Vec<(TagId, TagGroupId)> = Vec::new();
            let mut counted: BTreeMap<TagId, i64> = BTreeMap::new();
            for (set, group, number, may_unset) in walk {
                let tag = tag(group * 10 + number);
                let order = if set { Order::Set } else { Order::Unset };
                let Ok(changes) = decide(&on, order, &tag, may_unset) else { continue };
                for change in changes {
                    let group = TagGroupId(change.tag.0 / 10);
                    let was_on = on.contains(&(change.tag, group));
                    if change.action == TagAction::Set {
                        prop_assert!(!was_on);
                        on.push((change.tag, group));
                        *counted.entry(change.tag).or_default() += 1;
                    } else {
                        prop_assert!(was_on && (change.action == TagAction::Unset || may_unset));
                        on.retain(|(id, _)| *id != change.tag);
                        *counted.entry(change.tag).or_default() -= 1;
                    }
                }
                prop_assert_eq!(on.contains(&(tag.id, tag.group)), set);
                for group in [1, 3, 4] {
                    prop_assert!(on.iter().filter(|(_, of)| of.0 == group).count() <= 1);
                }
            }
            prop_assert!(counted.iter().all(|(id, n)| *n == i64::from(on.iter().any(|(on, _)| on == id))));
        }
    }
}
