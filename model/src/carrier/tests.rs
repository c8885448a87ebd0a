#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn entry(id: i64, center: i64, with: &Value) -> CarrierEntry {
    let mut json = json!({"name": format!("carrier {id}"), "hosts": ["sip:sip.example.com"], "capacity": 10});
    json.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    CarrierEntry { id: CarrierId(id), center: CenterId(center), carrier: serde_json::from_value(json).unwrap() }
}

#[test]
fn a_carrier_needs_little_and_keeps_its_passwords() {
    let small = entry(1, 1, &json!({}));
    assert_eq!(small.carrier.validate(), []);
    let full: Carrier = serde_json::from_str(include_str!("carrier.json")).unwrap();
    assert_eq!(full.validate(), []);
    assert_eq!(serde_json::from_value::<Carrier>(full.stored().unwrap()).unwrap(), full, "the database gives back what it was given");

    let (read, debug) = (serde_json::to_string(&full).unwrap(), format!("{full:?}"));
    let password = full.accounts.first().unwrap().password.clone().unwrap();
    assert_eq!(password.reveal(), "tuning-fork");
    assert!(!read.contains("tuning-fork") && !read.contains("password") && !debug.contains("tuning-fork"), "{read} {debug}");

    let mut changed: Carrier = serde_json::from_str(&read).unwrap();
    assert_eq!(changed.validate().first().unwrap().to_string(), "accounts[0].password: is missing");
    changed.keep_passwords(&full);
    assert_eq!(changed, full);
    let mut elsewhere: Carrier = serde_json::from_str(&read.replace("sip.example.com", "evil.example.net")).unwrap();
    elsewhere.keep_passwords(&full);
    assert_eq!(elsewhere.accounts.first().unwrap().password, None, "passwords do not follow to another host");
}

/// What nobody has said stands in no answer, and what somebody has said does.
#[test]
fn slots_ring_together_unless_it_is_said() {
    let plain = json!({"number": "+74951234567", "to": ["6001"], "scenario": "", "source": "", "calls_max": 0});
    let in_turn =
        json!({"number": "+74951234567", "to": ["6001"], "ring": "in_turn", "ring_s": 15, "scenario": "", "source": "", "calls_max": 0});
    for said in [plain, in_turn] {
        let read: IncomingNumber = serde_json::from_value(said.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), said);
    }
    let usual: IncomingNumber = serde_json::from_value(json!({"number": "+74951234567", "ring": "together", "ring_s": 30})).unwrap();
    assert_eq!((usual.ring, usual.ring_s), (crate::route::Ring::Together, 30));
    assert!(serde_json::from_value::<IncomingNumber>(json!({"number": "+74951234567", "ring": "hunt"})).is_err());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let wrong = entry(
        1,
        1,
        &json!({
            "name": "", "hosts": [], "networks": ["0.0.0.0/0"], "capacity": 0, "calls_per_s": 2000,
            "accounts": [{"username": "a", "password": "x", "expires_s": 5, "contact_user": "a b"}, {"username": "a", "password": "x"}],
            "numbers": [{"number": "74951234567", "ring": "in_turn", "ring_s": 301}, {"number": "+74951234567", "calls_max": 30000, "center": "1"}, {"number": "+74951234567"}],
            "callers": [{"number": "6001"}, {"number": "+74951234567", "center": "2"}],
            "health": {"options_every_s": 1, "off_after": 0},
            "rates": [{"prefix": "7", "per_minute": 1, "step_s": 0}],
            "failover": {"next": [486]},
            "form": {"country_code": "+7", "national_digits": {"min": 3, "max": 2}},
            "rules_in": [{"starts": "x", "strip": 40}, {}],
            "identity": {"from": "account", "asserted": true, "preferred": true},
            "redirects_max": 9,
        }),
    );
    let paths: Vec<_> = wrong.carrier.validate().into_iter().map(|problem| problem.path).collect();
    let expected = [
        "name",
        "hosts",
        "networks[0]",
        "accounts[0].expires_s",
        "accounts[0].contact_user",
        "accounts[1].username",
        "numbers[0].number",
        "numbers[0].ring_s",
        "numbers[1].center",
        "numbers[1].calls_max",
        "numbers[2].number",
        "callers[0].number",
        "callers[1].center",
        "capacity",
        "calls_per_s",
        "health.options_every_s",
        "health.off_after",
        "currency",
        "rates.7.step_s",
        "rates.7.prefix",
        "failover.next",
        "form.country_code",
        "form.national_digits.min",
        "form.national_digits.max",
        "rules_in[0].starts",
        "rules_in[0].strip",
        "rules_in[1]",
        "identity.preferred",
        "redirects_max",
    ];
    assert_eq!(paths, expected);
    for unknown in [json!({"codecs": []}), json!({"health": {"every": 1}}), json!({"numbers": [{"number": "+74951234567", "t": 1}]})] {
        let mut json = json!({"name": "x", "hosts": ["sip:a"], "capacity": 1});
        json.as_object_mut().unwrap().extend(unknown.as_object().unwrap().clone());
        assert!(serde_json::from_value::<Carrier>(json).unwrap_err().to_string().contains("unknown field"), "{unknown}");
    }
}

#[test]
fn a_call_means_the_number_of_its_request_uri_then_of_its_to() {
    let carrier = entry(
        3,
        1,
        &json!({
            "centers": "all",
            "form": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"},
            "rules_in": [{"of": "called", "starts": "9999#", "strip": 5, "add": "+"}],
            "numbers": [{"number": "+74951234567", "to": ["6001", {"id": "44"}]}, {"number": "+74957654321", "center": "2"}],
        }),
    );
    let rows = [
        ("+74951234567", "x", Some("+74951234567")),
        ("84951234567", "", Some("+74951234567")),
        ("9999#74957654321", "", Some("+74957654321")),
        ("our-account", "74957654321", Some("+74957654321")),
        ("74957654321", "74951234567", Some("+74957654321")),
        ("74950000000", "+49301234567", None),
        ("", "'; DROP", None),
    ];
    for (request_uri, to, found) in rows {
        let found_number = carrier.incoming(RequestNumbers { request_uri, to });
        assert_eq!(found_number.map(|found| found.number.as_str()), found, "{request_uri} {to}");
    }
    let of = |text| carrier.center_of(carrier.incoming(RequestNumbers { request_uri: text, to: "" }).unwrap());
    assert_eq!((of("+74951234567"), of("+74957654321")), (CenterId(1), CenterId(2)));
}

#[test]
fn numbers_are_sent_as_the_carrier_wants_them() {
    let form = json!({"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"});
    let rules = json!([{"of": "called", "starts": "8", "add": "55#"}]);
    for (with, called, caller) in [
        (json!({}), "+74951234567", "+74951234567"),
        (json!({"send": "digits"}), "74951234567", "74951234567"),
        (json!({"send": "national", "form": form, "rules_out": rules}), "55#84951234567", "84951234567"),
    ] {
        let carrier = entry(1, 1, &with).carrier;
        let text = |of| carrier.write(of, &number("+74951234567")).unwrap().to_string();
        assert_eq!((text(RuleOf::Called).as_str(), text(RuleOf::Caller).as_str()), (called, caller), "{with}");
    }
}

#[test]
fn only_numbers_verified_for_the_center_call() {
    let carrier = entry(
        1,
        1,
        &json!({"centers": "all", "callers": [
            {"number": "+74950000001"}, {"number": "+74950000002"}, {"number": "+74950000003", "center": "2"}, {"number": "+74950000002", "center": "2"},
        ]}),
    );
    for (wanted, center, caller) in [
        (None, 1, Some("+74950000001")),
        (Some("+74950000002"), 1, Some("+74950000002")),
        (Some("+74950000003"), 1, Some("+74950000001")),
        (Some("+74950000003"), 2, Some("+74950000003")),
        (Some("+74950000001"), 2, Some("+74950000003")),
        (Some("+74950000001"), 3, None),
    ] {
        let found = carrier.caller(wanted.map(number).as_ref(), CenterId(center));
        assert_eq!(found.ok().map(Number::as_str), caller, "{wanted:?} {center}");
    }
}

fn ids(attempts: &[Attempt<'_>]) -> Vec<i64> {
    attempts.iter().map(|attempt| attempt.entry.id.0).collect()
}

#[test]
fn carriers_go_by_priority_then_price_then_weight() {
    let rate = |price| json!([{"prefix": "+7", "per_minute": price}]);
    let carriers = [
        entry(1, 1, &json!({"priority": 20, "currency": "RUB", "rates": rate(1)})),
        entry(2, 1, &json!({"priority": 10, "currency": "RUB", "rates": rate(90)})),
        entry(3, 1, &json!({"priority": 10, "currency": "RUB", "rates": rate(60), "weight": 0})),
        entry(4, 1, &json!({"priority": 10})),
        entry(5, 1, &json!({"priority": 1, "rated_only": true, "currency": "RUB", "rates": [{"prefix": "+49", "per_minute": 1}]})),
        entry(6, 1, &json!({"priority": 1, "on": false})),
    ];
    let mut candidates: Vec<_> = carriers.iter().map(|entry| Candidate { entry, standing: Standing::Up }).collect();
    let moscow = number("+74951234567");
    for chance in 0..50 {
        let (attempts, left_out) = order(&candidates, &moscow, true, chance);
        assert_eq!(ids(&attempts), [3, 2, 4, 1], "the cheapest first, without a price last");
        assert_eq!(left_out, [(CarrierId(5), LeftOut::NoPrice), (CarrierId(6), LeftOut::Off)]);
        let (by_weight, _) = order(&candidates, &moscow, false, chance);
        assert!(matches!(ids(&by_weight)[..], [2 | 4, 2 | 4, 3, 1]), "weight 0 is after the others: {by_weight:?}");
        candidates.rotate_left(1);
        assert_eq!(ids(&order(&candidates, &moscow, false, chance).0), ids(&by_weight), "the list's own order does not matter");
        candidates.sort_by_key(|candidate| candidate.entry.id);
    }
    for (at, standing) in [(1, Standing::Down), (2, Standing::Full), (3, Standing::TooFast)] {
        candidates.get_mut(at).unwrap().standing = standing;
    }
    assert_eq!(ids(&order(&candidates, &moscow, true, 0).0), [1]);
    // Roubles and euros are not compared: weight alone counts.
    let mixed = [
        entry(1, 1, &json!({"currency": "EUR", "rates": rate(1), "weight": 0})),
        entry(2, 1, &json!({"currency": "RUB", "rates": rate(90)})),
    ];
    let candidates: Vec<_> = mixed.iter().map(|entry| Candidate { entry, standing: Standing::Up }).collect();
    assert_eq!(ids(&order(&candidates, &moscow, true, 0).0), [2, 1]);
}

#[test]
fn weight_is_how_often_a_carrier_comes_first() {
    let carriers = [entry(1, 1, &json!({"weight": 70})), entry(2, 1, &json!({"weight": 20})), entry(3, 1, &json!({"weight": 10}))];
    let candidates: Vec<_> = carriers.iter().map(|entry| Candidate { entry, standing: Standing::Up }).collect();
    let mut first: BTreeMap<i64, u32> = BTreeMap::new();
    for chance in 0..10_000 {
        let (attempts, _) = order(&candidates, &number("+7495"), false, chance);
        assert_eq!(attempts.len(), 3);
        *first.entry(attempts.first().unwrap().entry.id.0).or_default() += 1;
    }
    for (id, wanted) in [(1, 7000_u32), (2, 2000), (3, 1000)] {
        let found = *first.get(&id).unwrap();
        assert!(found.abs_diff(wanted) < 200, "carrier {id} was first {found} times of 10000, and should be about {wanted}");
    }
}

#[test]
fn a_slot_is_named_by_number_or_by_id() {
    for (text, slot) in [("\"6001\"", SlotRef::Number(number("6001"))), ("{\"id\":\"44\"}", SlotRef::Id(crate::SlotId(44)))] {
        assert_eq!(serde_json::from_str::<SlotRef>(text).unwrap(), slot);
        assert_eq!(serde_json::to_string(&slot).unwrap(), text);
    }
    assert!(serde_json::from_str::<SlotRef>("{\"id\":\"44\",\"x\":1}").unwrap_err().to_string().contains("a slot is named"));
}
