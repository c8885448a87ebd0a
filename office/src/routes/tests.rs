//! Routes on both databases: made, changed, deleted and explained by those who may.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use model::{
    CarrierId, CenterId, HubKind, Number,
    carrier::Carrier,
    route::{Came, Way},
};
use serde_json::{Value, json};
use store::{NewTrunk, Statement, Store};

use super::*;
use crate::{
    carriers::tests::{open, with},
    work::testing::Base,
};

const AUDIT: Statement = Statement {
    name: "test",
    lite: "SELECT action, diff FROM audit_log WHERE resource = 'routes' ORDER BY seq",
    pg: "SELECT action, diff FROM audit_log WHERE resource = 'routes' ORDER BY seq",
};
const SECRETS: Statement = Statement {
    name: "test",
    lite: "SELECT name, action, secret FROM routes ORDER BY id",
    pg: "SELECT name, action, secret FROM routes ORDER BY id",
};
/// Monday, 2026-11-23, 09:00 UTC.
const NOW: WallTime = WallTime(1_795_424_400_000);

fn route(name: &str, then: Value) -> Route {
    serde_json::from_value(json!({"name": name, "position": 10, "match": {"to": ["+7*"], "came_by": "slot"}, "then": then})).unwrap()
}

fn carrier(name: &str) -> Carrier {
    let callers = json!([{"number": "+74951234567"}]);
    serde_json::from_value(json!({"name": name, "hosts": ["sip:sip.example.com"], "capacity": 3, "callers": callers})).unwrap()
}

async fn audit(store: &Store) -> Vec<(String, Value)> {
    let rows: Vec<(String, String)> = store.db().all(AUDIT, &[]).await.unwrap();
    rows.into_iter().map(|(action, diff)| (action, serde_json::from_str(&diff).unwrap())).collect()
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn asked(to: &str) -> Asked {
    Asked { from: Some(number("6001")), to: number(to), came_by: Came::Slot, at: NOW, down: BTreeSet::new() }
}

#[tokio::test]
async fn a_route_lives_and_every_step_is_told() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let can = |action| root.permit(action).unwrap();
        let refuse = json!({"do": "refuse", "cause": "declined"});
        let name = "'; DROP TABLE routes; -- \u{1f4de}\u{202e}";
        let id = office.create_route(&can(can::ROUTES_CREATE), route(&format!(" {name} "), refuse.clone()), NOW).await.unwrap();
        let twice = office.create_route(&can(can::ROUTES_CREATE), route(name, refuse.clone()), NOW).await;
        assert!(matches!(twice, Err(OfficeError::Conflict(Conflict::NameTaken))));
        let update = can(can::ROUTES_UPDATE);
        assert_eq!(office.update_route(&update, (id, 1), route(name, refuse.clone()), NOW).await.unwrap(), 1, "nothing has changed");
        let changed = Route { position: 7, ..route(name, refuse.clone()) };
        assert_eq!(office.update_route(&update, (id, 1), changed.clone(), NOW).await.unwrap(), 2);
        let old = office.update_route(&update, (id, 1), changed.clone(), NOW).await;
        assert!(matches!(old, Err(OfficeError::Conflict(Conflict::Version { current: 2 }))));
        // All that is wrong, at once; and it changes nothing.
        let wrong = Route { scenario: "\n".to_owned(), ..route("", json!({"do": "slots", "slots": [], "ring_s": 0})) };
        for error in [
            office.update_route(&update, (id, 2), wrong.clone(), NOW).await.unwrap_err(),
            office.create_route(&can(can::ROUTES_CREATE), wrong, NOW).await.unwrap_err(),
        ] {
            let OfficeError::Invalid(faults) = error else { panic!("{error:?}") };
            let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, ["name", "then.slots", "then.ring_s", "scenario"]);
        }
        assert_eq!(office.store().route(CenterId::DEFAULT, id).await.unwrap().unwrap().route, Some(changed));
        assert!(office.create_route(&update, route("x", refuse), NOW).await.is_err(), "leave for another thing");
        office.delete_route(&can(can::ROUTES_DELETE), id, NOW).await.unwrap();
        assert!(matches!(office.delete_route(&can(can::ROUTES_DELETE), id, NOW).await, Err(OfficeError::NotFound("route"))));
        let rows = audit(office.store()).await;
        assert_eq!(rows.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["routes.create", "routes.update", "routes.delete"]);
        assert_eq!(rows[0].1["name"], json!([null, name]));
        assert_eq!(rows[1].1, json!({"position": [10, 7]}));
    }
}

#[tokio::test]
async fn a_secret_of_a_route_stays_with_its_program_and_is_never_told() {
    const SECRET: &str = "tuning-fork-0123";
    let ask = |url: &str, secret: Option<&str>| {
        let mut then = json!({"do": "ask", "url": url, "default": {"do": "dialled_slot"}});
        if let Some(secret) = secret {
            then["secret"] = secret.into();
        }
        route("Asked", then)
    };
    let crm = "https://crm.example.com/route";
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let can = |action| root.permit(action).unwrap();
        let create = async |route| office.create_route(&can(can::ROUTES_CREATE), route, NOW).await;
        for (url, secret, field) in [
            (crm, None, "then.secret"),
            (crm, Some("too-short-012345"), ""),
            (crm, Some("0123456789abcde"), "then.secret"),
            (crm, Some("0123456789abc\ndef"), "then.secret"),
            ("http://127.0.0.1/route", Some(SECRET), "then.url"),
            ("http://169.254.169.254/latest/meta-data", Some(SECRET), "then.url"),
            ("http://[::ffff:10.0.0.1]/", Some(SECRET), "then.url"),
        ] {
            let fields: Vec<String> = match create(ask(url, secret)).await {
                Err(OfficeError::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
                Ok(id) => {
                    office.delete_route(&can(can::ROUTES_DELETE), id, NOW).await.unwrap();
                    Vec::new()
                }
                Err(error) => panic!("{error:?}"),
            };
            assert_eq!(fields.join(" "), field, "{url} {secret:?}");
        }
        let id = create(ask(crm, Some(SECRET))).await.unwrap();
        let secret = async || {
            let stored = office.store().route(CenterId::DEFAULT, id).await.unwrap().unwrap();
            assert_eq!(stored.problems(), []);
            stored.route.unwrap().secret().map(|secret| secret.reveal().to_owned())
        };
        assert_eq!(secret().await.as_deref(), Some(SECRET));
        let update = async |version, route| office.update_route(&can(can::ROUTES_UPDATE), (id, version), route, NOW).await;
        // What was read is sent back changed, and keeps it; asked elsewhere, it has to be said anew.
        update(1, Route { position: 3, ..ask(crm, None) }).await.unwrap();
        assert_eq!(secret().await.as_deref(), Some(SECRET));
        let moved = update(2, ask("https://elsewhere.example.com/", None)).await.unwrap_err();
        assert!(matches!(moved, OfficeError::Invalid(faults) if faults[0].field == "then.secret"));
        update(2, ask(crm, Some("another-secret-00"))).await.unwrap();
        assert_eq!(secret().await.as_deref(), Some("another-secret-00"));
        let rows: Vec<(String, String, Option<String>)> = office.store().db().all(SECRETS, &[]).await.unwrap();
        let sealed = rows[0].2.clone().unwrap();
        let told = format!("{rows:?} {:?} {:?}", audit(office.store()).await, ask(crm, Some(SECRET)));
        assert!(!told.contains("tuning-fork") && !told.contains("another-secret"), "{told}");
        assert!(audit(office.store()).await.last().unwrap().1.to_string().contains("secret"), "that it was changed is told");
        // Another data directory's key does not open it, and the route says what it lacks.
        let moved = office.store().clone().with_key(&[9; 32]).route(CenterId::DEFAULT, id).await.unwrap().unwrap();
        assert_eq!(moved.problems().iter().map(ToString::to_string).collect::<Vec<_>>(), ["then.secret: is missing"], "{sealed}");
    }
}

#[tokio::test]
async fn what_a_route_names_stays_until_it_names_it_no_more() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let can = |action| root.permit(action).unwrap();
        let [one, other] = [
            office.create_carrier(&can(can::TRUNKS_CREATE), carrier("One"), NOW).await.unwrap(),
            office.create_carrier(&can(can::TRUNKS_CREATE), carrier("Other"), NOW).await.unwrap(),
        ];
        let by = |id: CarrierId| json!({"do": "carriers", "order": [{"carrier": id}]});
        let ask = json!({"do": "ask", "url": "https://crm.example.com/", "secret": "0123456789abcdef", "default": by(one)});
        let came: Value = json!({"came_by": {"carriers": [one]}});
        let mut incoming = route("In", json!({"do": "dialled_slot"}));
        incoming.matches = serde_json::from_value(came).unwrap();
        let mut routes = Vec::new();
        for named in [route("Out", by(one)), route("Ask", ask), incoming] {
            routes.push(office.create_route(&can(can::ROUTES_CREATE), named, NOW).await.unwrap());
        }
        let delete = async |principal: &crate::Principal, id| {
            let permit = principal.permit(can::TRUNKS_DELETE).unwrap();
            office.delete_carrier(&permit, id, NOW, async || Ok::<(), OfficeError>(())).await
        };
        let told = |refused: Result<(), OfficeError>| match refused {
            Err(OfficeError::Conflict(Conflict::InUse(by))) => by,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(delete(&root, one).await), "route 1 (Out), route 2 (Ask), route 3 (In)");
        let nina = with(&[("trunks.delete", "center")]);
        assert_eq!(told(delete(&nina, one).await), "route 1, route 2, route 3", "names are for those who may read routes");
        delete(&root, other).await.unwrap();
        for id in routes {
            office.delete_route(&can(can::ROUTES_DELETE), id, NOW).await.unwrap();
        }
        delete(&root, one).await.unwrap();
        // A route may name what is not there, and is told so.
        let id = office.create_route(&can(can::ROUTES_CREATE), route("Late", by(one)), NOW).await.unwrap();
        let warnings = office.route_warnings(&can(can::ROUTES_READ), id).await.unwrap();
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("route {id} (Late): then: there is no carrier {one} for this center")]);
    }
}

#[tokio::test]
async fn a_call_is_explained_to_those_who_see_all_that_is_told() {
    let base = Base::sqlite();
    let (office, root) = open(&base).await;
    let can = |action| root.permit(action).unwrap();
    let hub = NewTrunk { name: "Hub".to_owned(), kind: HubKind::Auto, capacity: 1 };
    let ha1 = || model::Ha1 { md5: [0; 16], sha256: [0; 32], sha512_256: [0; 32] };
    office.create_trunk(&can(can::TRUNKS_CREATE), hub, |number| (number.to_string(), ha1())).await.unwrap();
    let mut with_number = carrier("North");
    with_number.numbers = serde_json::from_value(json!([{"number": "+74951234567", "to": ["6001"]}])).unwrap();
    let id = office.create_carrier(&can(can::TRUNKS_CREATE), with_number, NOW).await.unwrap();
    let out = json!({"do": "carriers", "order": [{"carrier": id}]});
    office.create_route(&can(can::ROUTES_CREATE), route("Out", out), NOW).await.unwrap();

    let explained = office.explain_route(&can(can::ROUTES_READ), &asked("+74950000000")).await.unwrap();
    let Way::Carriers(tries) = &explained.explanation.decision.way else { panic!("{:?}", explained.explanation) };
    assert_eq!(tries[0].carrier, id);
    assert_eq!(explained.explanation.passed, [] as [String; 0]);
    // Whoever calls from a number that is no slot's is told so; a carrier's callers are no slots.
    let strange = Asked { from: Some(number("6009")), ..asked("+74950000000") };
    let passed = async |asked: &Asked| office.explain_route(&can(can::ROUTES_READ), asked).await.unwrap().explanation.passed;
    assert_eq!(passed(&strange).await, ["there is no slot 6009 in this center"]);
    let brought = Asked { from: Some(number("+79161234567")), came_by: Came::Carrier(id), ..asked("+74951234567") };
    assert_eq!(passed(&brought).await, [] as [String; 0]);
    let down = Asked { down: [id].into(), ..asked("+74950000000") };
    let explained = office.explain_route(&can(can::ROUTES_READ), &down).await.unwrap();
    assert!(matches!(explained.explanation.decision.way, Way::Refuse { .. }), "{:?}", explained.explanation.decision);
    for grants in [&[("routes.read", "center")][..], &[("routes.read", "center"), ("slots.read", "center")]] {
        let refused = office.explain_route(&with(grants).permit(can::ROUTES_READ).unwrap(), &asked("6001")).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
    }
    assert!(office.explain_route(&can(can::TRUNKS_READ), &asked("6001")).await.is_err(), "leave for another thing");

    // As the command line asks.
    let ask = async |inquiry: Inquiry| office.explain_route_as_system(&inquiry, NOW).await;
    let to = |to: &str| Inquiry { to: Some(number(to)), ..Inquiry::default() };
    let explained =
        ask(Inquiry { slot: Some(number("6001")), at: Some("2026-11-22T10:00".to_owned()), ..to("+74950000000") }).await.unwrap();
    assert_eq!(explained.explanation.question.from, Some(number("6001")));
    assert_eq!(explained.explanation.question.at, WallTime(1_795_341_600_000));
    for name in ["North", &id.to_string()] {
        let explained =
            ask(Inquiry { carrier: Some(name.to_owned()), center: Some("main".to_owned()), ..to("+74951234567") }).await.unwrap();
        assert!(matches!(explained.explanation.decision.way, Way::Slots { .. }), "{:?}", explained.explanation.decision);
    }
    let wrong = Inquiry {
        slot: Some(number("6999")),
        carrier: Some("South".to_owned()),
        at: Some("tomorrow".to_owned()),
        center: Some("mars".to_owned()),
        ..Inquiry::default()
    };
    let Err(OfficeError::Invalid(faults)) = ask(wrong).await else { panic!("it is wrong") };
    let fields: BTreeSet<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["slot", "carrier", "at", "center", "to"].into());
}

/// A centre's routes have a limit of their own, below that of the installation.
#[tokio::test]
async fn no_centre_takes_all_the_routes_that_there_can_be() {
    let base = Base::sqlite();
    let (office, root) = open(&base).await;
    let create = root.permit(can::ROUTES_CREATE).unwrap();
    let refuse = json!({"do": "refuse", "cause": "declined"});
    let store = office.store();
    let mut tx = store.db().begin().await.unwrap();
    for at in 0..Plan::CENTER_ROUTES_MAX {
        let id = store.draw_route(&mut tx).await.unwrap();
        // All but one are of the centre that the person works in.
        let center = if at == 0 { CenterId(2) } else { CenterId::DEFAULT };
        store.insert_route(&mut tx, (id, center), &route(&format!("r{at}"), refuse.clone()), None, NOW).await.unwrap();
    }
    tx.commit().await.unwrap();
    office.create_route(&create, route("last", refuse.clone()), NOW).await.unwrap();
    match office.create_route(&create, route("one more", refuse), NOW).await {
        Err(OfficeError::Conflict(Conflict::State(told))) => assert_eq!(told, "a center has at most 5000 routes: delete one first"),
        other => panic!("{other:?}"),
    }
}
