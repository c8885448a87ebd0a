#![expect(clippy::unwrap_used, reason = "tests")]

mod chance;
mod plan;

use serde_json::{Value, json};

use super::*;
use crate::{WallTime, carrier::CarrierEntry};

/// A centre's routes, from JSON; ids are places in the list, from 1.
fn routes(center: i64, list: Value) -> Vec<RouteEntry> {
    let list: Vec<Route> = serde_json::from_value(list).unwrap();
    let entry = |(id, route)| RouteEntry { id: RouteId(id), center: CenterId(center), route };
    (1..).zip(list).map(entry).collect()
}

fn carrier(id: i64, center: i64, with: &Value) -> CarrierEntry {
    let mut json = json!({"name": format!("Carrier {id}"), "hosts": ["sip:a"], "capacity": 9, "callers": [{"number": "+74950000001"}]});
    json.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    CarrierEntry { id: CarrierId(id), center: CenterId(center), carrier: serde_json::from_value(json).unwrap() }
}

/// Slots 6001, 6002 and 2001 of centre 1, and 7001 of centre 2; people write numbers as in Russia.
fn numbering() -> Numbering {
    let slots = [("6001", 1, 1), ("6002", 2, 1), ("2001", 3, 1), ("7001", 4, 2)];
    let form = json!({"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"});
    Numbering {
        slots: slots.into_iter().map(|(number, id, center)| (number.parse().unwrap(), (SlotId(id), CenterId(center)))).collect(),
        services: BTreeSet::new(),
        forms: [(CenterId(1), serde_json::from_value(form).unwrap())].into(),
    }
}

/// A call at noon of Friday 2026-11-20 in Moscow, of centre 1.
fn call(from: &str, to: &str, came_by: Came) -> Question {
    Question {
        from: from.parse().ok(),
        to: to.parse().unwrap(),
        came_by,
        at: WallTime(1_795_165_200_000),
        center: CenterId(1),
        caller: None,
        chance: 7,
    }
}

#[test]
fn a_route_is_read_as_it_is_written() {
    let text = json!([
        {"name": "a", "position": 1, "then": {"do": "slots", "slots": ["6001", {"id": "2"}]}},
        {"name": "b", "position": 2, "match": {"from": ["+7*"], "to": ["6001"], "length": 4, "came_by": "slot"}, "then": {"do": "dialled_slot", "ring_s": 9}},
        {"name": "c", "position": 3, "match": {"came_by": {"carriers": ["3"]}, "when": {"calendar": {"zone": "UTC"}, "open": false}},
         "then": {"do": "carriers", "order": [{"carrier": "3"}, {"group": "moscow"}], "least_cost": true}},
        {"name": "d", "position": 4, "then": {"do": "ask", "url": "https://a/b", "secret": "0123456789abcdef", "default": {"do": "refuse", "cause": "busy"}}},
        {"name": "e", "position": 5, "then": {"do": "service", "number": "1001"}, "scenario": "s", "source": "t", "rewrite": [{"strip": 1}]},
    ]);
    for entry in routes(1, text) {
        assert_eq!(entry.route.validate(), []);
        assert_eq!(serde_json::from_value::<Route>(entry.route.stored().unwrap()).unwrap(), entry.route);
        // What others are shown has no secret, and is the same otherwise.
        let mut shown: Route = serde_json::from_value(serde_json::to_value(&entry.route).unwrap()).unwrap();
        assert_eq!(shown.secret(), None);
        shown.keep_secret(&entry.route);
        assert_eq!(shown, entry.route);
    }
    for unknown in [
        json!({"name": "x", "position": 1, "then": {"do": "dialled_slot", "ring": 9}}),
        json!({"name": "x", "position": 1, "then": {"do": "fly"}}),
        json!({"name": "x", "position": 1, "then": {"do": "dialled_slot"}, "match": {"too": []}}),
        json!({"name": "x", "position": 1, "then": {"do": "carriers", "order": [{"carrier": "3", "group": "y"}]}}),
    ] {
        assert!(serde_json::from_value::<Route>(unknown.clone()).is_err(), "{unknown}");
    }
}

#[test]
fn all_that_is_wrong_with_routes_is_told_at_once() {
    let wrong = routes(
        1,
        json!([
            {"name": "", "position": 1, "match": {"to": ["6*1"], "length": 0, "came_by": {"carriers": []}}, "then": {"do": "slots", "slots": [], "ring_s": 0}},
            {"name": "x", "position": 1, "match": {"when": {"calendar": {"zone": "UTC", "week": {"mon": ["01:00-03:00", "02:00-04:00"]}}}},
             "then": {"do": "ask", "url": "ftp://x", "deadline_ms": 9, "default": {"do": "ask", "url": "https://x", "default": {"do": "dialled_slot"}}}},
            {"name": "x", "position": 1, "then": {"do": "refuse", "cause": "caller_hung_up"}, "rewrite": [{"add": "x"}], "scenario": "a\nb"},
            {"name": "x", "position": 1, "then": {"do": "carriers", "order": []}},
        ]),
    );
    let problems = Plan::compile(&wrong, &[], numbering()).unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "routes[0].name",
            "routes[0].match.to[0]",
            "routes[0].match.length",
            "routes[0].match.came_by.carriers",
            "routes[0].then.slots",
            "routes[0].then.ring_s",
            "routes[1].match.when.calendar.week.mon",
            "routes[1].then.url",
            "routes[1].then.secret",
            "routes[1].then.deadline_ms",
            "routes[1].then.default",
            "routes[2].then.cause",
            "routes[2].scenario",
            "routes[2].rewrite[0].add",
            "routes[3].then.order",
        ]
    );
}

#[test]
fn the_page_for_people_shows_what_can_be_set() {
    let page = include_str!("../../../docs/routes.md");
    let blocks: Vec<_> = page.split("```json\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let [carrier, calendar, route] = blocks[..] else { panic!("a carrier, a calendar and a route") };
    assert_eq!(serde_json::from_str::<Carrier>(carrier).unwrap().validate(), []);
    assert_eq!(serde_json::from_str::<Calendar>(calendar).unwrap().validate(), []);
    assert_eq!(serde_json::from_str::<Route>(route).unwrap().validate(), []);
    let actions: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `{\"do\"")).collect();
    assert_eq!(actions.len(), 6);
    for action in actions {
        let json = format!("{{\"do\"{}", action.split('`').next().unwrap());
        let json =
            json.replace("[…]", r#"[{"group": "g"}]"#).replace("{…}", r#"{"do": "dialled_slot"}"#).replace("\"…\"", "\"0123456789abcdef\"");
        let route = json!({"name": "x", "position": 1, "then": serde_json::from_str::<Value>(&json).unwrap()});
        assert_eq!(serde_json::from_value::<Route>(route).unwrap().validate(), [], "{json}");
    }
}
