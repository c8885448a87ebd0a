//! Scenarios on both databases: made, named by others, changed and deleted by those who may.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use model::route::Route;
use store::Statement;

use super::*;
use crate::{ListParams, carriers::tests::open, work::testing::Base};

const NOW: WallTime = WallTime(1_795_424_400_000);

const fn both(sql: &'static str) -> Statement {
    Statement { name: "test", lite: sql, pg: sql }
}

fn new(code: &str) -> NewScenario {
    NewScenario { code: code.to_owned(), name: None, kind: "department".to_owned(), active: true }
}

fn route(name: &str, scenario: &str) -> Route {
    let then = json!({"do": "refuse", "cause": "declined"});
    serde_json::from_value(json!({"name": name, "position": 10, "match": {}, "then": then, "scenario": scenario})).unwrap()
}

fn carrier(settings: Value) -> Carrier {
    let mut carrier = json!({"name": "North", "hosts": ["sip:sip.example.com"], "capacity": 3});
    carrier.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    serde_json::from_value(carrier).unwrap()
}

/// Centre, code and name of all, by id.
async fn all(office: &Office) -> Vec<(i64, String, String)> {
    office.store().db().all(both("SELECT center_id, code, name FROM scenarios ORDER BY id"), &[]).await.unwrap()
}

/// What was noted of scenarios.
async fn noted(office: &Office) -> Vec<(String, Value)> {
    let sql = both("SELECT action, diff FROM audit_log WHERE resource = 'scenarios' ORDER BY seq");
    let rows: Vec<(String, String)> = office.store().db().all(sql, &[]).await.unwrap();
    rows.into_iter().map(|(action, diff)| (action, serde_json::from_str(&diff).unwrap())).collect()
}

fn fields(refused: OfficeError) -> Vec<String> {
    let OfficeError::Invalid(faults) = refused else { panic!("{refused:?}") };
    faults.into_iter().map(|fault| fault.field).collect()
}

#[tokio::test]
async fn a_scenario_lives_and_its_code_stays() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let can = |action| root.permit(action).unwrap();
        let create = can(can::SCENARIOS_CREATE);
        let id = office.create_scenario(&create, &new(" \u{41f}\u{440}\u{43e}\u{434}\u{430}\u{436}\u{438} 2 "), NOW).await.unwrap();
        let twice = office.create_scenario(&create, &new("\u{41f}\u{440}\u{43e}\u{434}\u{430}\u{436}\u{438} 2"), NOW).await;
        assert!(matches!(twice, Err(OfficeError::Conflict(Conflict::CodeTaken))), "{twice:?}");
        let wrong = NewScenario { code: "\n".to_owned(), name: Some("x".repeat(101)), kind: "thing".to_owned(), active: true };
        assert_eq!(fields(office.create_scenario(&create, &wrong, NOW).await.unwrap_err()), ["code", "name", "kind"]);
        // It is found by what people type, whatever the database folds.
        let view = can(can::SCENARIOS_READ).view(&SCENARIOS);
        for (words, found) in [("\u{43f}\u{420}\u{41e}\u{434}", 1), ("purchases", 0)] {
            let page = office.list(&view, &ListParams::from_pairs(vec![("q".to_owned(), words.to_owned())])).await.unwrap();
            assert_eq!(page.items.len(), found, "{words}");
        }
        let update = can(can::SCENARIOS_UPDATE);
        let change = ScenarioChange { name: Some("Purchases".to_owned()), active: Some(false), ..ScenarioChange::default() };
        assert_eq!(office.update_scenario(&update, (id, 1), &change, NOW).await.unwrap(), 2);
        assert_eq!(office.update_scenario(&update, (id, 2), &change, NOW).await.unwrap(), 2, "nothing has changed");
        let old = office.update_scenario(&update, (id, 1), &change, NOW).await;
        assert!(matches!(old, Err(OfficeError::Conflict(Conflict::Version { current: 2 }))), "{old:?}");
        let other = ScenarioChange { code: Some("other".to_owned()), kind: Some("x".to_owned()), ..ScenarioChange::default() };
        assert_eq!(fields(office.update_scenario(&update, (id, 2), &other, NOW).await.unwrap_err()), ["code", "kind"]);
        let page = office.list(&view, &ListParams::from_pairs(vec![("q".to_owned(), "purchases".to_owned())])).await.unwrap();
        assert_eq!((&page.items[0]["active"], &page.items[0]["version"]), (&json!(false), &json!(2)));
        let delete = can(can::SCENARIOS_DELETE);
        office.delete_scenario(&delete, id, NOW).await.unwrap();
        assert!(matches!(office.delete_scenario(&delete, id, NOW).await, Err(OfficeError::NotFound("scenario"))));
        let actions: Vec<String> = noted(&office).await.into_iter().map(|(action, _)| action).collect();
        assert_eq!(actions, ["scenarios.create", "scenarios.update", "scenarios.delete"]);
        assert_eq!(
            noted(&office).await[1].1,
            json!({"name": ["\u{41f}\u{440}\u{43e}\u{434}\u{430}\u{436}\u{438} 2", "Purchases"], "active": [true, false]})
        );
    }
}

#[tokio::test]
async fn what_routes_and_carriers_name_is_there() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let can = |action| root.permit(action).unwrap();
        let (create, update) = (can(can::ROUTES_CREATE), can(can::ROUTES_UPDATE));
        let out = office.create_route(&create, route("out", ""), NOW).await.unwrap();
        assert_eq!(all(&office).await, []);
        office.create_route(&create, route("in", "sales"), NOW).await.unwrap();
        // A refused change leaves nothing behind.
        assert!(office.create_route(&create, route("in", "never"), NOW).await.is_err(), "the name is taken");
        office.update_route(&update, (out, 1), route("out", "sales"), NOW).await.unwrap();
        office.update_route(&update, (out, 2), route("out", "vip"), NOW).await.unwrap();
        let numbers = json!([{"number": "+74950000001", "scenario": "sales"}, {"number": "+74950000002"}, {"number": "+74950000003", "scenario": "city"}]);
        let settings = json!({"scenario": "north", "numbers": numbers});
        let id = office.create_carrier(&can(can::TRUNKS_CREATE), carrier(settings), NOW).await.unwrap();
        let codes = async || all(&office).await.into_iter().map(|(_, code, _)| code).collect::<Vec<_>>();
        assert_eq!(codes().await, ["sales", "vip", "city", "north"]);
        let changed = carrier(json!({"scenario": "south", "numbers": numbers}));
        office.update_carrier::<OfficeError, _>(&can(can::TRUNKS_UPDATE), (id, 1), changed, NOW, async || Ok(())).await.unwrap();
        assert_eq!(codes().await, ["sales", "vip", "city", "north", "south"]);
        let told = noted(&office).await;
        assert_eq!(told.len(), 5);
        assert_eq!(
            told[0].1,
            json!({"code": [null, "sales"], "name": [null, "sales"], "kind": [null, "department"], "active": [null, true]})
        );
    }
}

#[tokio::test]
async fn what_is_named_is_not_deleted() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let can = |action| root.permit(action).unwrap();
        let delete = can(can::SCENARIOS_DELETE);
        let id = office.create_scenario(&can(can::SCENARIOS_CREATE), &new("sales"), NOW).await.unwrap();
        let refused = async || match office.delete_scenario(&delete, id, NOW).await {
            Err(OfficeError::Conflict(Conflict::InUse(by))) => by,
            other => panic!("{other:?}"),
        };
        let named = office.create_route(&can(can::ROUTES_CREATE), route("in", "sales"), NOW).await.unwrap();
        let numbers = json!([{"number": "+74950000001", "scenario": "sales"}]);
        let line = office.create_carrier(&can(can::TRUNKS_CREATE), carrier(json!({"numbers": numbers})), NOW).await.unwrap();
        let list = "INSERT INTO access_lists (principal_kind, principal_id, resource, kind, item) VALUES ('user', 1, 'calls', 'scenario', 'sales')";
        office.store().db().run(both(list), &[]).await.unwrap();
        assert_eq!(refused().await, "routes: 1, carriers: 1, lists of rights: 1");
        office.delete_route(&can(can::ROUTES_DELETE), named, NOW).await.unwrap();
        assert_eq!(refused().await, "carriers: 1, lists of rights: 1");
        let changed = carrier(json!({"scenario": "sales"}));
        let update = can(can::TRUNKS_UPDATE);
        office.update_carrier::<OfficeError, _>(&update, (line, 1), changed, NOW, async || Ok(())).await.unwrap();
        assert_eq!(refused().await, "carriers: 1, lists of rights: 1", "the carrier's own, too");
        office.update_carrier::<OfficeError, _>(&update, (line, 2), carrier(json!({})), NOW, async || Ok(())).await.unwrap();
        office.store().db().run(both("DELETE FROM access_lists WHERE item = 'sales'"), &[]).await.unwrap();
        office.delete_scenario(&delete, id, NOW).await.unwrap();
        assert_eq!(all(&office).await, []);
    }
}

/// What a migration has put in is found by its words after the next start.
#[tokio::test]
async fn rows_of_a_migration_are_folded() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let insert = "INSERT INTO scenarios (id, center_id, code, name, kind, active, search_norm, version, created_at, updated_at)
            VALUES (7, 1, '\u{41e}\u{422}\u{414}\u{415}\u{41b}', '\u{41e}\u{422}\u{414}\u{415}\u{41b}', 'department', 1, '', 1, 0, 0), (8, 1, '\u{308}', '\u{308}', 'department', 1, '', 1, 0, 0)";
        office.store().db().run(both(insert), &[]).await.unwrap();
        office.fold_scenarios().await.unwrap();
        let view = root.permit(can::SCENARIOS_READ).unwrap().view(&SCENARIOS);
        let page = office
            .list(&view, &ListParams::from_pairs(vec![("q".to_owned(), "\u{43e}\u{442}\u{434}\u{435}\u{43b}".to_owned())]))
            .await
            .unwrap();
        assert_eq!(page.keys, [7]);
    }
}
