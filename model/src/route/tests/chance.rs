//! Plans and questions by chance: the index finds what a look at every route finds, and an explanation decides as a decision does.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    carrier::{CarrierEntry, Standing},
    route::{miss::Miss, plan::Watch},
};

const NUMBERS: [&str; 10] =
    ["6001", "6002", "1001", "+74951234567", "+74957654321", "+79161234567", "+493012345", "84951234567", "112", "+7495"];
const STARTS: [&str; 14] =
    ["6001", "60*", "*", "+*", "+7*", "+7495*", "+74951234567", "+7916*", "+49*", "1*", "112", "8*", "+74957654321", "2*"];

fn any_match() -> impl Strategy<Value = Value> {
    let starts = || prop::collection::vec(select(&STARTS[..]), 0..3);
    let came_by = select(vec![json!("any"), json!("any"), json!("slot"), json!({"carriers": ["1"]}), json!({"carriers": ["1", "2"]})]);
    let when = select(vec![json!(null), json!({"calendar": {"zone": "UTC", "week": {"fri": ["00:00-12:00"]}}})]);
    let length = select(vec![json!(null), json!(null), json!(4), json!(12)]);
    (starts(), starts(), came_by, when, length)
        .prop_map(|(from, to, came_by, when, length)| json!({"from": from, "to": to, "came_by": came_by, "when": when, "length": length}))
}

fn any_action() -> impl Strategy<Value = Value> {
    let plain = vec![
        json!({"do": "slots", "slots": ["6001", "6002", "7001"]}),
        json!({"do": "dialled_slot"}),
        json!({"do": "carriers", "order": [{"group": "g"}, {"carrier": "2"}]}),
        json!({"do": "carriers", "order": [{"carrier": "3"}, {"group": "g"}], "least_cost": true}),
        json!({"do": "service"}),
        json!({"do": "refuse", "cause": "busy"}),
        json!({"do": "ask", "url": "https://a", "secret": "0123456789abcdef", "default": {"do": "carriers", "order": [{"group": "g"}]}}),
    ];
    select(plain)
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let route = (
        any_match(),
        any_action(),
        0..5_u32,
        any::<bool>(),
        1..3_i64,
        select(vec![json!([]), json!([{"starts": "+7", "strip": 2, "add": "8"}])]),
    );
    (prop::collection::vec(route, 0..12), any::<[bool; 3]>()).prop_map(|(list, on)| {
        let entry = |(id, (matches, then, position, sometimes_off, center, rewrite)): (i64, (Value, Value, u32, bool, i64, Value))| {
            let json = json!({"name": "r", "position": position, "on": sometimes_off || id % 3 > 0, "match": matches, "then": then, "rewrite": rewrite});
            RouteEntry { id: RouteId(id), center: CenterId(center), route: serde_json::from_value(json).unwrap() }
        };
        let routes: Vec<_> = (1..).zip(list).map(entry).collect();
        let carriers: Vec<CarrierEntry> = (1..)
            .zip(on)
            .map(|(id, on)| {
                let other = if on { json!({"number": "+74957654321", "center": "2", "to": ["7001"]}) } else { json!({"number": "+74957654321"}) };
                let numbers = json!([{"number": "+74951234567", "to": ["6001"], "scenario": "s"}, other]);
                carrier(id, 1 + id % 2, &json!({"group": "g", "on": on || id == 1, "numbers": numbers, "centers": if on { "all" } else { "own" }}))
            })
            .collect();
        Plan::compile(&routes, &carriers, numbering()).unwrap()
    })
}

fn any_question() -> impl Strategy<Value = Question> {
    let numbers = || select(&NUMBERS[..]);
    (prop::option::of(numbers()), numbers(), 0..4_i64, 0..48_i64, 1..3_i64, any::<u64>()).prop_map(
        |(from, to, by, hour, center, chance)| Question {
            at: WallTime(1_795_132_800_000 + hour * 3_600_000),
            center: CenterId(center),
            chance,
            ..call(from.unwrap_or(""), to, if by == 0 { Came::Slot } else { Came::Carrier(CarrierId(by)) })
        },
    )
}

/// Counts the routes that are looked at.
#[derive(Default)]
struct Count {
    looked: usize,
    read: Option<(Option<Number>, Number)>,
}

impl Watch for Count {
    fn read(&mut self, from: Option<&Number>, to: &Number) {
        self.read = Some((from.cloned(), to.clone()));
    }

    fn looked(&mut self, _place: u32, _miss: Option<Miss>) {
        self.looked += 1;
    }
}

/// What a look at every route of the centre finds.
fn the_long_way(plan: &Plan, question: &Question) -> Option<Origin> {
    let mut count = Count::default();
    let mut read = plan.walk(question, &|_| Standing::Up, &mut count);
    (read.from, read.to) = count.read?;
    let mut all = plan.routes.iter().filter(|placed| placed.center.is_none_or(|center| center == question.center));
    all.find(|placed| placed.route.miss(question, &read).is_none()).map(|placed| placed.origin)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_explanation_decides_as_a_decision_does(plan in any_plan(), question in any_question()) {
        let standing = |id: CarrierId| if (question.chance >> id.0) & 1 == 0 { Standing::Up } else { Standing::Full };
        let decision = plan.find_now(&question, &standing);
        let explanation = plan.explain(&question, &standing);
        prop_assert_eq!(&explanation.decision, &decision);
        prop_assert_eq!(the_long_way(&plan, &question), decision.origin, "the index loses nothing, and keeps the order");
        let matched: Vec<_> = explanation.looked.iter().filter(|looked| looked.miss.is_none()).map(|looked| looked.origin).collect();
        prop_assert_eq!(matched, decision.origin.into_iter().collect::<Vec<_>>(), "what is told to match is what is done");
        prop_assert!(!explanation.to_string().is_empty());
        if let Way::Carriers(tries) = &decision.way {
            prop_assert!(tries.iter().all(|one| plan.carriers.get(&one.carrier).is_some_and(|entry| entry.serves(question.center))));
        }
        if let Way::Slots { slots, .. } = &decision.way {
            prop_assert!(slots.iter().all(|slot| (slot.0 == 4) == (question.center.0 == 2)), "a slot of another centre: {:?}", slots);
        }
    }
}

#[test]
fn ten_thousand_routes_are_not_looked_at_one_by_one() {
    let list: Vec<_> = (0..10_000)
        .map(|at| {
            let matches = match at % 4 {
                0 => json!({"to": [format!("+7{at:05}*")]}),
                1 => json!({"to": [format!("+49{at:05}123")]}),
                2 => json!({"from": [format!("{at}")]}),
                _ => json!({"came_by": {"carriers": [(at + 1).to_string()]}}),
            };
            json!({"name": format!("route {at}"), "position": at, "match": matches, "then": {"do": "slots", "slots": ["6001"]}})
        })
        .chain([json!({"name": "last", "position": 10_000, "then": {"do": "slots", "slots": ["6002"]}})])
        .collect();
    let plan = Plan::compile(&routes(1, list.into()), &[], numbering()).unwrap();
    for (from, to, place, looked_max) in [
        ("6001", "+7099961234", 9996, 1),
        ("6001", "+7100001234", 10_000, 1),
        ("6001", "+4909997123", 9997, 1),
        ("9998", "+4909997123", 9997, 1),
        ("9998", "+4909998123", 9998, 1),
        ("6001", "112", 10_000, 1),
    ] {
        let question = call(from, to, Came::Slot);
        let mut count = Count::default();
        let decision = plan.walk(&question, &|_| Standing::Up, &mut count);
        assert_eq!(decision.origin, Some(Origin::Route(RouteId(place + 1))), "{from} {to}");
        assert!(count.looked <= looked_max, "{} routes were looked at for {from} {to}", count.looked);
        let explanation = plan.explain(&question, &|_| Standing::Up);
        assert!(explanation.looked.len() <= Explanation::LOOKED_MAX);
        assert_eq!(explanation.looked.len() + explanation.more, usize::try_from(place).unwrap() + 1, "and all of them are accounted for");
        assert_eq!(explanation.looked.last().unwrap().miss, None);
    }
}
