//! What a plan decides, and how it explains it.

use super::*;
use crate::carrier::Standing;

fn plan() -> Plan {
    let hours = json!({"zone": "Europe/Moscow", "week": {"fri": ["09:00-18:00"]}});
    let rates = |price: &str| json!([{"prefix": "+7", "per_minute": price}]);
    let routes = routes(
        1,
        json!([
            {"name": "night", "position": 10, "match": {"came_by": {"carriers": ["1"]}, "when": {"calendar": hours, "open": false}},
             "then": {"do": "carriers", "order": [{"carrier": "2"}]}, "rewrite": [{"of": "called", "starts": "+", "strip": 12, "add": "+79160000000"}]},
            {"name": "old customers", "position": 20, "match": {"from": ["+7916*"], "came_by": {"carriers": ["1"]}},
             "then": {"do": "slots", "slots": ["6002", "6009", "7001"]}, "scenario": "loyal"},
            {"name": "no foreign", "position": 30, "match": {"to": ["+4*"]}, "then": {"do": "refuse", "cause": "destination_not_allowed"}},
            {"name": "world", "position": 40, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"group": "moscow"}, {"carrier": "3"}], "least_cost": true}},
            {"name": "asked", "position": 25, "match": {"to": ["+7999*"], "came_by": "slot"},
             "then": {"do": "ask", "url": "https://crm.example.com/route", "secret": "0123456789abcdef", "default": {"do": "slots", "slots": ["6001"]}}},
        ]),
    );
    let carriers = [
        carrier(
            1,
            1,
            &json!({"form": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}, "group": "moscow", "send": "digits",
            "currency": "RUB", "rates": rates("150"), "callers": [{"number": "+74951111111"}, {"number": "+74952222222"}],
            "numbers": [{"number": "+74951111111", "to": ["6001", "6002"], "scenario": "sales", "source": "billboard"}, {"number": "+74952222222"}]}),
        ),
        carrier(2, 1, &json!({"group": "moscow", "currency": "RUB", "rates": rates("90.5")})),
        carrier(3, 2, &json!({"group": "moscow"})),
        carrier(
            4,
            2,
            &json!({"group": "moscow", "centers": "all", "priority": 200, "callers": [{"number": "+74953333333", "center": "1"}],
            "numbers": [{"number": "+74954444444", "center": "1", "to": ["6001"]}, {"number": "+74955555555", "to": ["7001"]}]}),
        ),
        carrier(5, 1, &json!({"group": "moscow", "on": false})),
    ];
    Plan::compile(&routes, &carriers, numbering()).unwrap()
}

fn by(id: i64) -> Came {
    Came::Carrier(CarrierId(id))
}

/// A decision in one line.
fn line(decision: &Decision) -> String {
    let way = match &decision.way {
        Way::Slots { slots, .. } => format!("slots {}", slots.iter().map(SlotId::to_string).collect::<Vec<_>>().join(" ")),
        Way::Carriers(tries) => tries.iter().map(|one| format!("{}:{}/{}", one.carrier, one.to, one.caller)).collect::<Vec<_>>().join(" "),
        Way::Refuse { cause, why } => format!("{}: {why}", cause.code()),
        way => format!("{way:?}"),
    };
    format!("{} {}/{} {way}", decision.to, decision.scenario, decision.source)
}

#[test]
fn a_call_goes_where_the_first_route_says() {
    let plan = plan();
    let rows = [
        // Inside: the numbering plan.
        ("6001", "6002", Came::Slot, "6002 / slots 2"),
        ("6001", "2001", Came::Slot, "2001 / slots 3"),
        ("6001", "6009", Came::Slot, "6009 / no_such_number: no slot of this center has this number"),
        ("6001", "7001", Came::Slot, "7001 / no_such_number: no slot of this center has this number"),
        ("6001", "1001", Came::Slot, "1001 / no_such_number: it is a number for services, and there is no service behind it"),
        ("6001", "60011", Came::Slot, "60011 / no_such_number: no route is for this call"),
        ("6001", "112", Came::Slot, "112 / no_such_number: no route is for this call"),
        // Out: read as people here write, the cheapest first, the shared one last, the other centre's never.
        (
            "6001",
            "84951234567",
            Came::Slot,
            "+74951234567 / 2:+74951234567/+74950000001 1:74951234567/74951111111 4:+74951234567/+74953333333",
        ),
        ("6001", "810 49 30 1234567", Came::Slot, "+49301234567 / destination_not_allowed: the route refuses it"),
        // In: a route by the caller, then the number's own slots.
        ("89161234567", "84951111111", by(1), "+74951111111 loyal/billboard slots 2"),
        ("89261234567", "84951111111", by(1), "+74951111111 sales/billboard slots 1 2"),
        ("", "84951111111", by(1), "+74951111111 sales/billboard slots 1 2"),
        // Nothing that came from the world goes out again by a route that does not name its carrier.
        ("89261234567", "84952222222", by(1), "+74952222222 / no_such_number: no route is for this call"),
        ("89261234567", "+79161111111", by(1), "+79161111111 / no_such_number: the number is none of those that the carrier brings us"),
        ("+79161234567", "6001", by(1), "6001 / no_such_number: the number is none of those that the carrier brings us"),
        // A shared carrier's numbers belong to one centre each.
        ("+79161234567", "+74954444444", by(4), "+74954444444 / slots 1"),
        ("+79161234567", "+74955555555", by(4), "+74955555555 / no_such_number: the number belongs to another center"),
        ("+79161234567", "+74951111111", by(5), "+74951111111 / no_such_number: the carrier is switched off"),
        ("+79161234567", "+74951111111", by(9), "+74951111111 / no_such_number: there is no such carrier"),
    ];
    for (from, to, came_by, expected) in rows {
        assert_eq!(line(&plan.find(&call(from, to, came_by))), expected, "{from} {to}");
    }
    let night = Question { at: WallTime(1_795_165_200_000 + 7 * 3_600_000), ..call("89161234567", "84951111111", by(1)) };
    assert_eq!(line(&plan.find(&night)), "+79160000000 sales/billboard 2:+79160000000/+74950000001");
    let other = Question { center: CenterId(2), ..call("7001", "7001", Came::Slot) };
    assert_eq!(line(&plan.find(&other)), "7001 / slots 4");
    let abroad = Question { to: "+74951234567".parse().unwrap(), ..other };
    assert_eq!(
        line(&plan.find(&abroad)),
        "+74951234567 / no_such_number: no route is for this call",
        "centre 1's routes are not centre 2's"
    );
    let named = Question { caller: "+74952222222".parse().ok(), ..call("6001", "84951234567", Came::Slot) };
    assert!(line(&plan.find(&named)).contains("1:74951234567/74952222222"), "the slot's own caller number, where it is verified");
}

/// A carrier says it for its own centre's numbers that do not say it themselves; a route over both.
#[test]
fn a_carrier_has_a_scenario_for_its_numbers() {
    let carriers = [carrier(
        4,
        2,
        &json!({"centers": "all", "scenario": "city", "source": "press", "numbers": [
            {"number": "+74951111111", "to": ["7001"]},
            {"number": "+74952222222", "to": ["7001"], "scenario": "vip"},
            {"number": "+74953333333", "to": ["7001"], "source": "radio"},
            {"number": "+74954444444", "center": "1", "to": ["6001"]},
        ]}),
    )];
    let night = routes(
        2,
        json!([{"name": "r", "position": 1, "match": {"from": ["+7916*"], "came_by": {"carriers": ["4"]}},
        "then": {"do": "slots", "slots": ["7001"]}, "scenario": "loyal"}]),
    );
    let plan = Plan::compile(&night, &carriers, numbering()).unwrap();
    let rows = [
        ("+79261234567", "+74951111111", 2, "+74951111111 city/press slots 4"),
        ("+79261234567", "+74952222222", 2, "+74952222222 vip/press slots 4"),
        ("+79261234567", "+74953333333", 2, "+74953333333 city/radio slots 4"),
        ("+79161234567", "+74952222222", 2, "+74952222222 loyal/press slots 4"),
        // What it is called there is another centre's business.
        ("+79261234567", "+74954444444", 1, "+74954444444 / slots 1"),
    ];
    for (from, to, center, expected) in rows {
        let question = Question { center: CenterId(center), ..call(from, to, by(4)) };
        assert_eq!(line(&plan.find(&question)), expected, "{from} {to}");
    }
}

/// What is no number of the world, or only but for its `*` and `#`, goes to no carrier: exchanges drop those, and call what no limit was asked about.
#[test]
fn carriers_get_numbers_that_all_read_alike() {
    let form = json!({"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"});
    let carriers =
        [carrier(1, 1, &json!({"send": "digits", "form": form})), carrier(2, 1, &json!({})), carrier(3, 1, &json!({"send": "digits"}))];
    let everywhere = json!([{"name": "all", "position": 9, "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}, {"carrier": "3"}]}}]);
    let plan = Plan::compile(&routes(1, everywhere), &carriers, numbering()).unwrap();
    let goes = |to: &str| match plan.find(&call("6001", to, Came::Slot)).way {
        Way::Carriers(tries) => tries.iter().map(|one| format!("{}:{}", one.carrier, one.to)).collect::<Vec<_>>().join(" "),
        Way::Refuse { cause, why } => format!("{}: {why}", cause.code()),
        way => panic!("{way:?}"),
    };
    for to in
        ["+78091234567#", "+19005551234##", "+78091234567*1", "+780*91234567", "+*882131234567", "+0088213123456", "+7809123456712345"]
    {
        let refused = "no_such_number: no number of the world is written so: + and up to 15 digits, of which the first is no 0";
        assert_eq!(goes(to), refused, "{to}");
    }
    for to in ["88091234567#", "8*8091234567", "8091234567*", "810882131#23456", "*78091234567"] {
        assert_eq!(goes(to), "no_such_number: without its * and # it is a number of the world", "{to}");
    }
    let rows = [
        ("84951234567", "1:74951234567 2:+74951234567 3:74951234567"),
        ("*100#", "1:*100# 2:*100# 3:*100#"),
        ("*2184951234567#", "1:*2184951234567# 2:*2184951234567# 3:*2184951234567#"),
        // Vietnam begins as calls to other towns do, which costs nobody more.
        ("+84951234567", "1:84951234567 2:+84951234567 3:84951234567"),
        // 810 882 13 123456, as it is dialled: a satellite. And 8 809 1234567: premium rate, where Bangladesh is meant.
        ("+81088213123456", "2:+81088213123456"),
        ("+88091234567", "2:+88091234567"),
    ];
    for (to, expected) in rows {
        assert_eq!(goes(to), expected, "{to}");
    }
    let explained = plan.explain(&call("6001", "+88091234567", Came::Slot), &|_| Standing::Up).to_string();
    assert!(explained.contains("without its + it would be another number there"), "{explained}");
    // Whose rules make another number of it is not misread.
    let ruled = carrier(1, 1, &json!({"send": "digits", "form": form, "rules_out": [{"of": "called", "starts": "8", "add": "00"}]}));
    assert!(!ruled.carrier.misreads(&"+81088213123456".parse().unwrap(), None));
}

#[test]
fn carriers_that_stand_badly_are_passed_over() {
    let plan = plan();
    let question = call("6001", "84951234567", Came::Slot);
    let now = |standing: &dyn Fn(CarrierId) -> Standing| line(&plan.find_now(&question, standing));
    assert!(now(&|id| if id.0 == 2 { Standing::Full } else { Standing::Up }).starts_with("+74951234567 / 1:"));
    assert_eq!(now(&|_| Standing::Down), "+74951234567 / carrier_failed: no carrier can take it now");
    assert_eq!(
        now(&|id| if id.0 == 2 { Standing::Full } else { Standing::Down }),
        "+74951234567 / carrier_full: no carrier can take it now"
    );
}

/// A carrier that stands in a route by itself and in one of its groups is told of once, with each reason there is.
#[test]
fn what_is_passed_over_is_told_once() {
    let order = json!([{"carrier": "2"}, {"group": "moscow"}, {"carrier": "2"}, {"carrier": "9"}, {"carrier": "9"}]);
    let routes = routes(1, json!([{"name": "out", "position": 1, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": order}}]));
    let carriers = [carrier(1, 1, &json!({"group": "moscow"})), carrier(2, 1, &json!({"group": "moscow"}))];
    let plan = Plan::compile(&routes, &carriers, numbering()).unwrap();
    let named = Question { caller: "+74952222222".parse().ok(), ..call("6001", "84951234567", Came::Slot) };
    let passed = |standing: &dyn Fn(CarrierId) -> Standing| plan.explain(&named, standing).passed;
    let down = "is not used: it does not answer, or is not registered";
    let shown =
        |id: i64| format!("Carrier {id} (carrier {id}) does not have the slot's number +74952222222 verified, and is shown its own");
    let missing = "there is no carrier 9 for this center".to_owned();
    assert_eq!(
        passed(&|id| if id.0 == 2 { Standing::Down } else { Standing::Up }),
        [shown(1), missing.clone(), format!("Carrier 2 (carrier 2) {down}")]
    );
    assert_eq!(passed(&|_| Standing::Up), [shown(2), shown(1), missing]);
}

#[test]
fn a_program_that_is_asked_has_the_last_word_within_bounds() {
    let plan = plan();
    let question = call("6001", "89991234567", Came::Slot);
    let Way::Ask { url, deadline_ms, default, .. } = plan.find(&question).way else { panic!("a question") };
    assert_eq!((url.as_str(), deadline_ms), ("https://crm.example.com/route", 1000));
    assert_eq!(*default, Way::Slots { slots: vec![SlotId(1)], ring_s: 30, ring: Ring::Together });
    let answer = |json: Value| serde_json::from_value::<Action>(json).unwrap();
    let settled = |json| line(&plan.answered(&question, plan.find(&question), &answer(json), &|_| Standing::Up));
    assert_eq!(settled(json!({"do": "slots", "slots": ["6002"]})), "+79991234567 / slots 2");
    assert_eq!(settled(json!({"do": "slots", "slots": ["7001"]})), "+79991234567 / no_such_number: none of the slots is there");
    assert_eq!(
        settled(json!({"do": "carriers", "order": [{"carrier": "3"}]})),
        "+79991234567 / destination_not_allowed: none of the carriers is for this call"
    );
    let again = answer(json!({"do": "ask", "url": "https://x", "default": {"do": "dialled_slot"}}));
    assert_eq!(again.validate_answer().len(), 1);
    // An answer changes nothing where no program is asked.
    let inside = call("6001", "6002", Came::Slot);
    let ignored = plan.answered(&inside, plan.find(&inside), &answer(json!({"do": "refuse", "cause": "busy"})), &|_| Standing::Up);
    assert_eq!(line(&ignored), "6002 / slots 2");
}

#[test]
fn what_routes_name_that_is_not_there_is_told_and_stops_nothing() {
    let found: Vec<_> = plan().warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "route 2 (old customers): then: there is no slot 6009 in this center",
            "route 2 (old customers): then: there is no slot 7001 in this center",
            "route 4 (world): then: there is no carrier 3 for this center",
        ]
    );
}

/// What is set and never has an effect is told: numbers as nobody's are read, slots that are not there, a carrier that carries nothing.
#[test]
fn what_has_no_effect_is_told() {
    let to =
        |name: &str, matches: Value| json!({"name": name, "position": 1, "match": matches, "then": {"do": "slots", "slots": ["6001"]}});
    let routes = routes(
        1,
        json!([
            to("dialled", json!({"to": ["8495*", "+7495*", "84951234567"]})),
            to("inside", json!({"to": ["6001", "6*", "112", "2001"]})),
            to("callers", json!({"from": ["8916*"], "came_by": {"carriers": ["1"]}})),
            to("as they come", json!({"from": ["8916*"], "came_by": {"carriers": ["1", "2"]}})),
        ]),
    );
    let form = json!({"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"});
    let carriers = [
        carrier(
            1,
            1,
            &json!({"form": form, "numbers": [{"number": "+74951111111", "to": ["6001", "6009"]}, {"number": "+74952222222", "to": ["7001"]}]}),
        ),
        carrier(2, 1, &json!({"callers": []})),
        carrier(3, 1, &json!({"callers": [], "on": false})),
        carrier(4, 1, &json!({"callers": [], "centers": "all"})),
    ];
    let plan = Plan::compile(&routes, &carriers, numbering()).unwrap();
    let told: Vec<_> = plan.warnings().iter().map(ToString::to_string).collect();
    let ends = [
        "match.to[0]: 8495* is read as +7495… before it gets here, so this never matches: write +7495*",
        "match.to[2]: 84951234567 is read as +74951234567 before it gets here, so this never matches: write +74951234567",
        "match.from[0]: 8916* is read as +7916… before it gets here, so this never matches: write +7916*",
    ];
    assert_eq!(told.len(), ends.len(), "{told:?}");
    assert!(told.iter().zip(ends).all(|(told, end)| told.ends_with(end)), "{told:?}");
    let lacking: Vec<_> = plan.carriers_lacking().map(|(id, name, problem)| format!("{id} {name}: {problem}")).collect();
    assert_eq!(
        lacking,
        [
            "1 Carrier 1: numbers[0].to: there is no slot 6009 in this center",
            "1 Carrier 1: numbers[1].to: there is no slot 7001 in this center",
            "2 Carrier 2: it has neither numbers nor callers: no call comes by it, and none goes out",
        ]
    );
    // A slot of that number is called as it is dialled.
    let mut numbering = numbering();
    numbering.slots.insert("8495".parse().unwrap(), (SlotId(9), CenterId(1)));
    let told: Vec<_> = Plan::compile(&routes, &carriers, numbering).unwrap().warnings().iter().map(ToString::to_string).collect();
    assert!(!told.iter().any(|told| told.contains("8495*")), "{told:?}");
}

#[test]
fn an_explanation_is_read_at_eight_in_the_morning() {
    let plan = plan();
    let explain = |question| plan.explain(&question, &|_| Standing::Up).to_string();
    assert_eq!(
        explain(call("6001", "84951234567", Came::Slot)),
        "\
call       6001 to 84951234567, by a slot, center 1, Fri 2026-11-20 09:00 UTC
read as    6001 to +74951234567 (a fixed line, RU)
routes     no   night [route 1]: it is for calls that came otherwise
           no   old customers [route 2]: it is for other calling numbers
           no   asked [route 5]: it is for other called numbers
           no   no foreign [route 3]: it is for other called numbers
           YES  world [route 4]
note       Carrier 5 (carrier 5) is not used: it is switched off
note       Carrier 3 (carrier 3) is not used: it belongs to another center, and is not shared
goes       1. out by Carrier 2 (carrier 2) to +74951234567 as +74950000001, at 90.5 minor units of RUB a minute
           2. out by Carrier 1 (carrier 1) to 74951234567 as 74951111111, at 150 minor units of RUB a minute
           3. out by Carrier 4 (carrier 4) to +74951234567 as +74953333333, without a price
"
    );
    assert_eq!(
        explain(call("", "84952222222", by(1))),
        "\
call       a withheld number to 84952222222, by carrier 1, center 1, Fri 2026-11-20 09:00 UTC
read as    a withheld number to +74952222222 (a fixed line, RU)
routes     no   night [route 1]: it is for other hours
           no   old customers [route 2]: it is for other calling numbers
           no   asked [route 5]: it is for other called numbers
           no   no foreign [route 3]: it is for other called numbers
           no   world [route 4]: it may lead out again, and does not name the carrier that the call came by
           no   number +74951111111 of Carrier 1 [numbers of carrier 1]: it is for other called numbers
           no   number +74954444444 of Carrier 4 [numbers of carrier 4]: it is for other called numbers
           no   numbering plan: services [built in]: it is for other called numbers
           no   numbering plan: slots [built in]: it is for other called numbers
goes       nowhere: 404 no_such_number (no route is for this call); check the number, or make a route for it
"
    );
    // What the carrier is not known for is refused before anything is read; who calls is known all the same.
    assert_eq!(
        explain(call("+79161234567", "+74959999999", by(1))),
        "\
call       +79161234567 to +74959999999, by carrier 1, center 1, Fri 2026-11-20 09:00 UTC
read as    +79161234567 to +74959999999 (a fixed line, RU)
goes       nowhere: 404 no_such_number (the number is none of those that the carrier brings us); check the number, or enter it at the carrier, among its numbers
"
    );
    let locked = "note       numbers of this kind are refused (403 premium_not_allowed) unless a budget allows premium numbers, whatever the routes say\n";
    assert!(explain(call("6001", "88091234567", Came::Slot)).contains(locked), "premium rate goes out, and is not let out");
    assert!(!explain(call("6001", "84951234567", Came::Slot)).contains("premium"), "and nothing is said of others");
    let slots = explain(call("+79161234567", "84951111111", by(1)));
    assert!(slots.ends_with("goes       to the slot 6002, which rings for 30 s\n"), "by its number: {slots}");
    let slots = explain(call("+79991234567", "84951111111", by(1)));
    assert!(slots.ends_with("goes       to the slots 6001, 6002, which ring for 30 s\n"), "{slots}");
    let json = serde_json::to_value(plan.explain(&call("6001", "1001", Came::Slot), &|_| Standing::Up)).unwrap();
    let at = |pointer| json.pointer(pointer).unwrap().clone();
    assert_eq!(at("/decision/origin"), json!("numbering"));
    assert_eq!(at("/decision/way/refuse/cause"), json!("no_such_number"));
    assert_eq!(at("/looked/0/origin/route"), json!("1"));
    assert_eq!(at("/kind"), json!("local"));
}

/// The real call waits for no program and tries every carrier, however it stands; so does its explanation.
#[test]
fn who_calls_for_help_waits_for_nothing_and_the_explanation_says_so() {
    let help = json!({"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]});
    let routes = routes(
        1,
        json!([
            {"name": "asked", "position": 1, "match": {"to": ["112", "+7*"], "came_by": "slot"},
             "then": {"do": "ask", "url": "https://crm.example.com/route", "secret": "0123456789abcdef", "default": help}},
            {"name": "help", "position": 2, "match": {"to": ["101"]}, "then": help},
        ]),
    );
    let carriers = [carrier(1, 1, &json!({})), carrier(2, 1, &json!({}))];
    let plan = Plan::compile(&routes, &carriers, numbering()).unwrap();
    for standing in Standing::ALL {
        for to in ["112", "101"] {
            let question = call("6001", to, Came::Slot);
            let decision = plan.find_now(&question, &|_| standing);
            let Way::Carriers(tries) = &decision.way else { panic!("{to}, {standing:?}: {decision:?}") };
            assert_eq!(tries.iter().map(|one| one.carrier.0).collect::<Vec<_>>(), [1, 2], "{to}, {standing:?}");
            let explained = plan.explain(&question, &|_| standing);
            assert_eq!(explained.decision, decision, "{to}, {standing:?}");
            let passed = "nobody is asked about an emergency number: https://crm.example.com/route is passed over";
            assert_eq!(explained.passed, if to == "112" { vec![passed.to_owned()] } else { Vec::new() }, "{to}, {standing:?}");
        }
        let asked = plan.explain(&call("6001", "89161234567", Came::Slot), &|_| standing);
        assert!(matches!(asked.decision.way, Way::Ask { .. }), "{asked}");
    }
}
