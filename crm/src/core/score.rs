//! What a call is worth by a scorecard.

use std::collections::{BTreeMap, BTreeSet};

use model::{ItemId, Problem};
use serde::{Deserialize, Serialize};

/// The most items of a card.
pub const ITEMS_MAX: usize = 100;
/// The most points of an item.
pub const POINTS_MAX: u32 = 100;
/// The greatest weight of an item.
pub const WEIGHT_MAX: u32 = 1_000;
/// The most options of an item.
pub const OPTIONS_MAX: usize = 50;
/// The most characters of a name.
const NAME_CHARS_MAX: usize = 200;

codes! {
    /// How an item is answered.
    ItemKind, "an item's kind":
    /// 0 is no, 1 is yes.
    YesNo = "yes_no",
    /// From 0 to the item's most points.
    Scale = "scale",
    /// With the points of one of its options.
    Choice = "choice",
}

/// One answer that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What it says.
    pub name: String,
    /// What it is worth, 0 to [`POINTS_MAX`].
    pub points: u32,
}

/// A question of a scorecard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which question.
    pub id: ItemId,
    /// What is asked.
    pub name: String,
    /// How it is answered.
    pub kind: ItemKind,
    /// The most points of a scale, 1 to [`POINTS_MAX`]; of other kinds it is not looked at.
    pub max: u32,
    /// How much it counts beside the others, 0 to [`WEIGHT_MAX`].
    pub weight: u32,
    /// Whether no points for it spoil the whole call.
    pub is_critical: bool,
    /// What can be chosen; of other kinds it is not looked at.
    pub options: Vec<Choice>,
}

/// A scorecard, as one revision of it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its questions, 1 to [`ITEMS_MAX`].
    pub items: Vec<Item>,
    /// From how many percent on a call is good, 0 to 100.
    pub pass_percent: u8,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// To which question.
    #[serde(rename = "item_id")]
    pub item: ItemId,
    /// The points; none: the question does not apply to this call.
    pub value: Option<u32>,
}

/// What a call is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Of a hundred, rounded to the nearest; none if no question applied. 0 if a critical item failed.
    pub percent: Option<u8>,
    /// The critical items that failed.
    pub failed_by: BTreeSet<ItemId>,
    /// Whether the call is good: as many percent as the card wants, and no critical item failed.
    #[serde(rename = "passed")]
    pub is_passed: bool,
}

/// Answers that do not fit the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoScore {
    /// There is no such item.
    #[error("there is no item {0} on this card")]
    Unknown(ItemId),
    /// It is answered twice.
    #[error("item {0} is answered twice")]
    Twice(ItemId),
    /// It cannot be answered so.
    #[error("item {0} cannot be answered so")]
    Value(ItemId),
}

impl Item {
    /// The most points that there are for it; 0 if it is no item at all.
    fn most(&self) -> u32 {
        match self.kind {
            ItemKind::YesNo => 1,
            ItemKind::Scale => self.max,
            ItemKind::Choice => self.options.iter().map(|option| option.points).max().unwrap_or(0),
        }
    }

    fn takes(&self, value: u32) -> bool {
        match self.kind {
            ItemKind::YesNo | ItemKind::Scale => value <= self.most(),
            ItemKind::Choice => self.options.iter().any(|option| option.points == value),
        }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut add = |is_wrong: bool, path, text: String| {
            if is_wrong {
                faults.push((path, text));
            }
        };
        let is_name = |name: &str| !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX;
        let name = || format!("is empty or has more than {NAME_CHARS_MAX} characters");
        add(!is_name(&self.name), "name", name());
        add(self.weight > WEIGHT_MAX, "weight", format!("is more than {WEIGHT_MAX}"));
        let is_scale = self.kind == ItemKind::Scale;
        add(is_scale && !(1..=POINTS_MAX).contains(&self.max), "max", format!("is not between 1 and {POINTS_MAX}"));
        if self.kind == ItemKind::Choice {
            let count = self.options.len();
            add(!(2..=OPTIONS_MAX).contains(&count), "options", format!("are {count}, and 2 to {OPTIONS_MAX} are wanted"));
            add(!self.options.iter().all(|option| is_name(&option.name)), "options", format!("have a name that {}", name()));
            add(self.most() > POINTS_MAX, "options", format!("have more than {POINTS_MAX} points"));
            add(self.most() == 0, "options", "have no points".to_owned());
            let points: BTreeSet<u32> = self.options.iter().map(|option| option.points).collect();
            add(points.len() < count, "options", "have the same points twice, so that answers could not be told apart".to_owned());
        }
        faults
    }
}

impl Card {
    /// What is wrong with it; nothing, if it can be used.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |path: String, text: String| problems.push(Problem { path, text });
        if !(1..=ITEMS_MAX).contains(&self.items.len()) {
            add("items".to_owned(), format!("are {}, and 1 to {ITEMS_MAX} are wanted", self.items.len()));
        }
        if self.pass_percent > 100 {
            add("pass_percent".to_owned(), "is more than 100".to_owned());
        }
        if !self.items.is_empty() && self.items.iter().all(|item| item.weight == 0) {
            add("items".to_owned(), "have no weight at all".to_owned());
        }
        for (at, item) in self.items.iter().enumerate().take(ITEMS_MAX) {
            item.faults().into_iter().for_each(|(path, text)| add(format!("items[{at}].{path}"), text));
        }
        problems
    }

    /// What answers come to: of each item that applies its share of its most points, by weight. What is not answered does not apply.
    ///
    /// # Errors
    /// [`NoScore`].
    pub fn score(&self, answers: &[Answer]) -> Result<Score, NoScore> {
        let items: BTreeMap<ItemId, &Item> = self.items.iter().map(|item| (item.id, item)).collect();
        let mut answered = BTreeSet::new();
        let (mut points, mut weights, mut failed_by) = (0.0, 0.0, BTreeSet::new());
        for answer in answers {
            let item = items.get(&answer.item).ok_or(NoScore::Unknown(answer.item))?;
            if !answered.insert(answer.item) {
                return Err(NoScore::Twice(answer.item));
            }
            let Some(value) = answer.value else { continue };
            if !item.takes(value) {
                return Err(NoScore::Value(answer.item));
            }
            if item.is_critical && value == 0 {
                failed_by.insert(item.id);
            }
            weights += f64::from(item.weight);
            points += f64::from(item.weight) * f64::from(value) / f64::from(item.most().max(1));
        }
        let percent = (weights > 0.0).then(|| if failed_by.is_empty() { rounded(points * 100.0 / weights) } else { 0 });
        let is_passed = failed_by.is_empty() && percent.is_some_and(|percent| percent >= self.pass_percent);
        Ok(Score { percent, failed_by, is_passed })
    }
}

/// The nearest whole percent; a half goes up, also where a sum of thirds comes out a little below one.
fn rounded(percent: f64) -> u8 {
    (0..=100_u8).rev().find(|whole| f64::from(*whole) - 0.5 <= percent + 1e-9).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn item(id: i64, kind: ItemKind, weight: u32, is_critical: bool) -> Item {
        let options = [0, 2, 5].map(|points| Choice { name: format!("worth {points}"), points }).to_vec();
        Item { id: ItemId(id), name: format!("question {id}"), kind, max: 3, weight, is_critical, options }
    }

    /// 1: yes or no, weighs 50; 2: 0 to 3, weighs 30; 3: 0, 2 or 5, weighs 20; 4: critical, yes or no, weighs nothing.
    fn card() -> Card {
        let items = vec![
            item(1, ItemKind::YesNo, 50, false),
            item(2, ItemKind::Scale, 30, false),
            item(3, ItemKind::Choice, 20, false),
            item(4, ItemKind::YesNo, 0, true),
        ];
        Card { items, pass_percent: 80 }
    }

    fn check(answers: &[(i64, Option<u32>)], expected: &str) {
        let answers: Vec<_> = answers.iter().map(|(item, value)| Answer { item: ItemId(*item), value: *value }).collect();
        let found = match card().score(&answers) {
            Ok(score) => {
                let failed = score.failed_by.iter().map(|item| format!(" failed by {item}")).collect::<String>();
                format!(
                    "{}{failed}{}",
                    score.percent.map_or("-".to_owned(), |percent| percent.to_string()),
                    if score.is_passed { " good" } else { "" }
                )
            }
            Err(why) => why.to_string(),
        };
        assert_eq!(found, expected, "{answers:?}");
    }

    #[test]
    fn answers_count_by_their_weight() {
        check(&[(1, Some(1)), (2, Some(3)), (3, Some(5)), (4, Some(1))], "100 good");
        check(&[(1, Some(1)), (2, Some(1)), (3, Some(2)), (4, Some(1))], "68");
        check(&[(1, Some(1)), (2, Some(2)), (3, Some(2))], "78");
        check(&[(1, Some(1)), (2, Some(3)), (3, Some(0))], "80 good");
        check(&[(1, Some(0)), (2, Some(0)), (3, Some(0))], "0");
    }

    #[test]
    fn what_does_not_apply_does_not_count() {
        check(&[(1, Some(1)), (2, None), (3, None)], "100 good");
        check(&[(2, Some(2))], "67");
        check(&[(2, Some(1)), (3, Some(2))], "36");
        check(&[], "-");
        check(&[(1, None), (4, Some(1))], "-");
    }

    #[test]
    fn a_critical_item_spoils_the_call() {
        check(&[(1, Some(1)), (2, Some(3)), (3, Some(5)), (4, Some(0))], "0 failed by 4");
        check(&[(4, Some(0))], "- failed by 4");
        check(&[(1, Some(1)), (4, None)], "100 good");
    }

    #[test]
    fn answers_that_do_not_fit_are_refused() {
        check(&[(5, None)], "there is no item 5 on this card");
        check(&[(1, None), (1, Some(1))], "item 1 is answered twice");
        for wrong in [(1, 2), (2, 4), (3, 1), (3, 6), (4, u32::MAX)] {
            check(&[(wrong.0, Some(wrong.1))], &format!("item {} cannot be answered so", wrong.0));
        }
    }

    #[test]
    fn a_card_that_cannot_be_used_is_told() {
        assert_eq!(card().validate(), []);
        let told = |change: fn(&mut Card)| {
            let mut card = card();
            change(&mut card);
            card.validate().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(told(|card| card.items.clear()), "items: are 0, and 1 to 100 are wanted");
        assert_eq!(told(|card| card.items = vec![item(1, ItemKind::YesNo, 1, false); 101]), "items: are 101, and 1 to 100 are wanted");
        assert_eq!(told(|card| card.items.truncate(0)), told(|card| card.items = Vec::new()));
        assert_eq!(told(|card| card.items.drain(..3).for_each(drop)), "items: have no weight at all");
        assert_eq!(told(|card| card.pass_percent = 101), "pass_percent: is more than 100");
        assert_eq!(told(|card| card.items[0].weight = 1_001), "items[0].weight: is more than 1000");
        assert_eq!(told(|card| card.items[1].max = 0), "items[1].max: is not between 1 and 100");
        assert_eq!(told(|card| card.items[0].max = 0), "");
        assert_eq!(told(|card| card.items[3].name = " ".to_owned()), "items[3].name: is empty or has more than 200 characters");
        assert_eq!(
            told(|card| card.items[2].options.truncate(1)),
            "items[2].options: are 1, and 2 to 50 are wanted; items[2].options: have no points"
        );
        assert_eq!(told(|card| card.items[2].options[0].points = 101), "items[2].options: have more than 100 points");
        let twice = "items[2].options: have the same points twice, so that answers could not be told apart";
        assert_eq!(told(|card| card.items[2].options[0].points = 5), twice);
    }

    #[test]
    fn an_answer_is_read_from_the_wire() {
        let answer: Answer = serde_json::from_str(r#"{"item_id": "7", "value": null, "comment": "x"}"#).unwrap();
        assert_eq!(answer, Answer { item: ItemId(7), value: None });
        let score = card().score(&[Answer { item: ItemId(4), value: Some(0) }]).unwrap();
        assert_eq!(serde_json::to_string(&score).unwrap(), r#"{"percent":null,"failed_by":["4"],"passed":false}"#);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Held against whole numbers: with scales up to 10 all shares are whole parts of 2,520.
        #[test]
        fn a_score_is_rounded_as_by_hand(items in prop::collection::vec((1..=10_u32, 0..=100_u32, 0..=10_u32), 1..12)) {
            let make = |(at, (max, weight, _)): (usize, &(u32, u32, u32))| Item {
                max: *max,
                ..item(i64::try_from(at).unwrap() + 1, ItemKind::Scale, *weight, false)
            };
            let card = Card { items: items.iter().enumerate().map(make).collect(), pass_percent: 50 };
            let answer = |(item, (max, _, value)): (&Item, &(u32, u32, u32))| Answer { item: item.id, value: Some(value % (max + 1)) };
            let answers: Vec<_> = card.items.iter().zip(&items).map(answer).collect();
            let weights: u64 = items.iter().map(|(_, weight, _)| u64::from(*weight)).sum();
            let points = |(max, weight, value): &(u32, u32, u32)| u64::from(*weight) * u64::from(value % (max + 1)) * 2_520 / u64::from(*max);
            let points: u64 = items.iter().map(points).sum();
            let by_hand = (weights > 0).then(|| u8::try_from((points * 200 + weights * 2_520) / (weights * 2_520 * 2)).unwrap());
            prop_assert_eq!(card.score(&answers).unwrap().percent, by_hand);
        }
    }
}
