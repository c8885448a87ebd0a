//! Carriers on both databases: made, changed and deleted by those who may, and their passwords seen by nobody.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use model::{Actor, UserId, carrier::Account};
use store::{Statement, Store, binds};

use super::*;
use crate::{
    Principal, WorkOptions,
    rights::{AccessMap, Grant},
    work::testing::{Base, house, person},
};

const PASSWORD: &str = "tuning-fork";
/// Names that a database, a log or a page could choke on.
const NAMES: [&str; 4] =
    ["'; DROP TABLE carriers; --", "\u{0421}\u{0435}\u{0432}\u{0435}\u{0440} \u{1f4de}\u{202e}", "%_\\ \"$1\" <b>", "null"];

const fn both(sql: &'static str) -> Statement {
    Statement { name: "test", lite: sql, pg: sql }
}

const AUDIT: Statement = both("SELECT action, category, resource_id, diff FROM audit_log WHERE resource = 'trunks' ORDER BY seq");
const EVERYTHING: Statement = both(
    "SELECT settings || COALESCE(passwords, '') || name || group_name FROM carriers UNION ALL SELECT diff FROM audit_log
    UNION ALL SELECT payload FROM outbox",
);
const COUNT: Statement = both("SELECT count(*) FROM carriers");

/// What a person may do who is no more than these permissions.
pub(crate) fn with(grants: &[(&str, &str)]) -> Principal {
    with_in(CenterId::DEFAULT, grants)
}

fn with_in(center: CenterId, grants: &[(&str, &str)]) -> Principal {
    let mut access = AccessMap::default();
    for (permission, reach) in grants {
        access.add(permission, Grant { reach: reach.parse().unwrap(), lists: BTreeMap::new(), policy: Arc::default() });
    }
    let actor = Actor::system(center, "test");
    Principal::new(UserId(9), "nina".to_owned(), center, vec![], None, actor, Arc::new(access))
}

pub(crate) async fn open(base: &Base) -> (Office, Principal) {
    let office = house(base.open().await.with_key(&[5; 32]), WorkOptions::default()).await;
    let root = person(&office, 1, "admin").await;
    (office, root)
}

fn full(name: &str) -> Carrier {
    let mut carrier: Carrier = serde_json::from_str(include_str!("../../../model/src/carrier/carrier.json")).unwrap();
    carrier.callers.truncate(1);
    carrier.name = name.to_owned();
    carrier
}

fn can(principal: &Principal, action: model::Action) -> Permit {
    principal.permit(action).unwrap()
}

async fn yes() -> Result<(), OfficeError> {
    Ok(())
}

async fn no() -> Result<(), OfficeError> {
    Err(OfficeError::Forbidden("it carries calls".to_owned()))
}

async fn audit(store: &Store) -> Vec<(String, String, String, Value)> {
    let rows: Vec<(String, String, String, String)> = store.db().all(AUDIT, &[]).await.unwrap();
    rows.into_iter().map(|(action, category, id, diff)| (action, category, id, serde_json::from_str(&diff).unwrap())).collect()
}

/// All that a person could come by of it, by whatever way.
async fn seen(store: &Store) -> String {
    let rows: Vec<(String,)> = store.db().all(EVERYTHING, &[]).await.unwrap();
    rows.into_iter().map(|(text,)| text).collect()
}

fn fields(error: &OfficeError) -> Vec<&str> {
    match error {
        OfficeError::Invalid(faults) => faults.iter().map(|fault| fault.field.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_carrier_lives_and_its_password_is_never_seen() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let (create, update, delete) = (can(&root, can::TRUNKS_CREATE), can(&root, can::TRUNKS_UPDATE), can(&root, can::TRUNKS_DELETE));
        for name in NAMES {
            let id = office.create_carrier(&create, full(&format!("  {name} ")), WallTime(1)).await.unwrap();
            let stored = office.carrier(&update, id).await.unwrap().unwrap();
            assert_eq!((stored.name.as_str(), stored.version, stored.carrier), (name, 1, Some(full(name))), "without the blanks");
            assert!(matches!(
                office.create_carrier(&create, full(name), WallTime(1)).await,
                Err(OfficeError::Conflict(Conflict::NameTaken))
            ));
            // What is read is sent back changed: it keeps its password, and only the change is told.
            let mut read: Carrier = serde_json::from_value(serde_json::to_value(full(name)).unwrap()).unwrap();
            assert!(read.accounts[0].password.is_none(), "a password is not given");
            read.weight = 71;
            let version = office.update_carrier(&update, (id, 1), read.clone(), WallTime(2), yes).await.unwrap();
            assert_eq!(version, 2);
            let same = office.update_carrier(&update, (id, 2), read.clone(), WallTime(3), no).await.unwrap();
            assert_eq!(same, 2, "nothing has changed, and nobody was asked");
            let kept = office.carrier(&update, id).await.unwrap().unwrap().carrier.unwrap();
            assert_eq!(kept.accounts[0].password, full(name).accounts[0].password);
            // With a new host it has to be said again.
            let mut moved = read.clone();
            moved.hosts = vec!["sip:elsewhere.example.com".parse().unwrap()];
            let error = office.update_carrier(&update, (id, 2), moved, WallTime(4), yes).await.unwrap_err();
            assert_eq!(fields(&error), ["accounts[0].password"]);
            // Another password is told as changed, and no more.
            read.accounts[0].password = Some(Secret::new("pitch-pipe".to_owned()));
            assert_eq!(office.update_carrier(&update, (id, 2), read.clone(), WallTime(5), yes).await.unwrap(), 3);
            let old = office.update_carrier(&update, (id, 2), read, WallTime(6), yes).await;
            assert!(matches!(old, Err(OfficeError::Conflict(Conflict::Version { current: 3 }))));
            office.delete_carrier(&delete, id, WallTime(7), yes).await.unwrap();
            assert!(office.carrier(&update, id).await.unwrap().is_none());
            let gone: Result<(), OfficeError> = office.delete_carrier(&delete, id, WallTime(8), yes).await;
            assert!(matches!(gone, Err(OfficeError::NotFound("trunk"))));
        }
        let rows = audit(office.store()).await;
        let told: Vec<(&str, &str)> = rows.iter().take(4).map(|(action, category, ..)| (action.as_str(), category.as_str())).collect();
        let wanted =
            [("trunks.create", "security"), ("trunks.update", "change"), ("trunks.update", "security"), ("trunks.delete", "change")];
        assert_eq!(told, wanted);
        assert_eq!(rows[1].3, json!({"weight": [70, 71]}));
        assert_eq!(rows[2].3, json!({"passwords": [null, "changed"]}));
        assert_eq!(rows[0].3["passwords"], json!([null, "changed"]));
        assert_eq!(rows[3].3["name"], json!([NAMES[0], null]));
        let seen = seen(office.store()).await;
        assert!(seen.contains("northern") || seen.contains("sip.example.com"), "it is looked at");
        assert!(!seen.contains(PASSWORD) && !seen.contains("pitch-pipe"), "{seen}");
    }
}

#[tokio::test]
async fn whatever_is_refused_changes_nothing() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let (create, update, delete) = (can(&root, can::TRUNKS_CREATE), can(&root, can::TRUNKS_UPDATE), can(&root, can::TRUNKS_DELETE));
        let id = office.create_carrier(&create, full("North"), WallTime(1)).await.unwrap();
        let rows = audit(office.store()).await.len();
        // All that is wrong, at once.
        let mut wrong = full("");
        (wrong.capacity, wrong.priority, wrong.currency) = (0, 1, "roubles".to_owned());
        wrong.accounts.push(Account { password: None, ..wrong.accounts[0].clone() });
        wrong.callers[0].center = Some(CenterId(77));
        let error = office.create_carrier(&create, wrong.clone(), WallTime(2)).await.unwrap_err();
        let wanted = ["name", "accounts[1].password", "accounts[1].username", "capacity", "currency", "callers[0].center"];
        assert_eq!(fields(&error).into_iter().collect::<BTreeSet<_>>(), wanted.into_iter().collect());
        let error = office.update_carrier(&update, (id, 1), wrong, WallTime(2), yes).await.unwrap_err();
        assert_eq!(fields(&error).len(), wanted.len() - 1, "the account of the same name keeps its password");
        // It carries calls: then it is neither changed nor deleted, but for being switched off.
        let asked = AtomicUsize::new(0);
        let refuse = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            no().await
        };
        let changed = Carrier { capacity: 1, ..full("North") };
        let refused = office.update_carrier(&update, (id, 1), changed, WallTime(3), refuse).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))));
        let refused = office.delete_carrier(&delete, id, WallTime(3), refuse).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        assert_eq!(office.carrier(&update, id).await.unwrap().unwrap().carrier, Some(full("North")));
        assert_eq!(audit(office.store()).await.len(), rows, "and nothing of it is told as done");
        let off = Carrier { on: false, ..full("North") };
        assert_eq!(office.update_carrier(&update, (id, 1), off, WallTime(4), refuse).await.unwrap(), 2);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "nobody was asked");
        // Leave for one thing is no leave for another.
        for (permit, action) in [(&update, "create"), (&delete, "create")] {
            assert!(office.create_carrier(permit, full("x"), WallTime(5)).await.is_err(), "{action}");
        }
        let misused: Result<i64, OfficeError> = office.update_carrier(&create, (id, 2), full("x"), WallTime(5), yes).await;
        assert!(misused.is_err());
        let misused: Result<(), OfficeError> = office.delete_carrier(&update, id, WallTime(5), yes).await;
        assert!(misused.is_err());
        let (count,): (i64,) = office.store().db().one(COUNT, binds![]).await.unwrap().unwrap();
        assert_eq!(count, 1);
    }
}

#[tokio::test]
async fn what_all_centres_use_is_for_those_who_reach_all() {
    let base = Base::sqlite();
    let (office, root) = open(&base).await;
    let nina = with(&[("trunks.create", "center"), ("trunks.update", "center"), ("trunks.delete", "center")]);
    let own = Carrier { centers: Centers::Own, ..full("Own") };
    let id = office.create_carrier(&can(&nina, can::TRUNKS_CREATE), own.clone(), WallTime(1)).await.unwrap();
    let refused = office.create_carrier(&can(&nina, can::TRUNKS_CREATE), full("Shared"), WallTime(1)).await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
    let update = can(&nina, can::TRUNKS_UPDATE);
    let refused: Result<i64, OfficeError> = office.update_carrier(&update, (id, 1), full("Own"), WallTime(2), yes).await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
    office.update_carrier::<OfficeError, _>(&can(&root, can::TRUNKS_UPDATE), (id, 1), full("Own"), WallTime(3), yes).await.unwrap();
    // Shared by somebody else, it is out of her hands.
    let refused: Result<i64, OfficeError> = office.update_carrier(&update, (id, 2), own, WallTime(4), yes).await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
    let refused: Result<(), OfficeError> = office.delete_carrier(&can(&nina, can::TRUNKS_DELETE), id, WallTime(4), yes).await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{refused:?}");
}

/// Whoever sets carriers of one centre has no say in the calls of another: neither by its numbers, nor by addresses of half the world, nor by
/// a route that names its carrier.
#[tokio::test]
async fn what_concerns_other_centres_is_for_those_who_reach_all() {
    let base = Base::sqlite();
    let (office, root) = open(&base).await;
    let north = crate::NewCenter { code: "north".to_owned(), name: "North".to_owned(), ..Default::default() };
    let north = office.create_center(&can(&root, can::CENTERS_CREATE), &north, WallTime(1)).await.unwrap();
    let bob = with_in(north, &[("trunks.create", "center"), ("trunks.update", "center"), ("routes.create", "center")]);
    let carrier = |name: &str, more: Value| -> Carrier {
        let mut whole = json!({"name": name, "hosts": ["sip:sip.example.com"], "capacity": 1});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    };
    let number = json!({"numbers": [{"number": "+74951234567", "to": ["6001"]}]});
    let ours = office.create_carrier(&can(&root, can::TRUNKS_CREATE), carrier("Ours", number.clone()), WallTime(1)).await.unwrap();

    let create = can(&bob, can::TRUNKS_CREATE);
    let refused = office.create_carrier(&create, carrier("Same number", number.clone()), WallTime(2)).await.unwrap_err();
    assert_eq!(fields(&refused), ["numbers[0].number"]);
    for wide in ["0.0.0.0/1", "203.0.0.0/23", "2001:db8::/55"] {
        let refused = office.create_carrier(&create, carrier("Wide", json!({"networks": ["203.0.113.0/24", wide]})), WallTime(2)).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{wide}: {refused:?}");
    }
    let narrow = json!({"networks": ["203.0.113.0/24", "2001:db8::/56"], "numbers": [{"number": "+74951234568", "to": ["6001"]}]});
    let id = office.create_carrier(&create, carrier("Narrow", narrow.clone()), WallTime(3)).await.unwrap();
    let update = can(&bob, can::TRUNKS_UPDATE);
    let again: Result<i64, OfficeError> = office.update_carrier(&update, (id, 1), carrier("Narrow", narrow), WallTime(3), yes).await;
    again.unwrap();
    // Who reaches all centres may let two of them share a number.
    office.create_carrier(&can(&root, can::TRUNKS_CREATE), carrier("Twice", number), WallTime(4)).await.unwrap();

    let route = json!({"name": "By theirs", "position": 1, "then": {"do": "carriers", "order": [{"carrier": ours}]}});
    office.create_route(&can(&bob, can::ROUTES_CREATE), serde_json::from_value(route).unwrap(), WallTime(5)).await.unwrap();
    let deleted: Result<(), OfficeError> = office.delete_carrier(&can(&root, can::TRUNKS_DELETE), ours, WallTime(6), yes).await;
    deleted.unwrap();
}

/// What a centre may have is counted in the transaction that adds to it, so two at once do not pass it.
#[tokio::test]
async fn no_centre_takes_all_that_there_can_be() {
    for base in [Base::sqlite(), Base::postgres()] {
        let (office, root) = open(&base).await;
        let north = crate::NewCenter { code: "north".to_owned(), name: "North".to_owned(), ..Default::default() };
        let north = office.create_center(&can(&root, can::CENTERS_CREATE), &north, WallTime(1)).await.unwrap();
        let bob = with_in(north, &[("trunks.create", "center"), ("trunks.update", "center")]);
        let (create, update) = (can(&bob, can::TRUNKS_CREATE), can(&bob, can::TRUNKS_UPDATE));
        let carrier = |name: &str, accounts: usize| -> Carrier {
            let accounts: Vec<Value> = (0..accounts).map(|at| json!({"username": format!("u{at}"), "password": "p"})).collect();
            let whole = json!({"name": name, "hosts": ["sip:sip.example.com"], "capacity": 1, "accounts": accounts});
            serde_json::from_value(whole).unwrap()
        };
        let store = office.store();
        let mut tx = store.db().begin().await.unwrap();
        for at in 0..Plan::CENTER_CARRIERS_MAX - 2 {
            let id = store.draw_carrier(&mut tx).await.unwrap();
            // Nearly as many accounts as there may be, in the first ten.
            let accounts = if at < 9 { 100 } else { 99 * usize::from(at == 9) };
            store.insert_carrier(&mut tx, (id, north), &carrier(&format!("c{at}"), accounts), None, WallTime(1)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let told = |refused: OfficeError| match refused {
            OfficeError::Conflict(Conflict::State(told)) => told,
            other => panic!("{other:?}"),
        };
        let refused = office.create_carrier(&create, carrier("Accounts", 2), WallTime(2)).await.unwrap_err();
        assert_eq!(told(refused), "a center has at most 1000 accounts with carriers: take some out of its carriers first");
        let id = office.create_carrier(&create, carrier("One", 0), WallTime(2)).await.unwrap();
        let grown: Result<i64, OfficeError> = office.update_carrier(&update, (id, 1), carrier("One", 2), WallTime(3), yes).await;
        assert!(told(grown.unwrap_err()).contains("1000 accounts"));
        let grown: Result<i64, OfficeError> = office.update_carrier(&update, (id, 1), carrier("One", 1), WallTime(3), yes).await;
        assert_eq!(grown.unwrap(), 2);

        let (one, two) = tokio::join!(
            office.create_carrier(&create, carrier("Last", 0), WallTime(4)),
            office.create_carrier(&create, carrier("Last but one", 0), WallTime(4)),
        );
        let [Ok(_), Err(refused)] = (if one.is_ok() { [one, two] } else { [two, one] }) else { panic!("one of the two") };
        assert_eq!(told(refused), "a center has at most 250 carriers: delete one first");
        // A full one can still be changed, and others have room.
        let changed = Carrier { capacity: 2, ..carrier("One", 1) };
        let changed: Result<i64, OfficeError> = office.update_carrier(&update, (id, 2), changed, WallTime(5), yes).await;
        assert_eq!(changed.unwrap(), 3);
        office.create_carrier(&can(&root, can::TRUNKS_CREATE), carrier("Ours", 1), WallTime(5)).await.unwrap();
    }
}

#[test]
fn of_long_lists_the_log_tells_what_came_and_went() {
    let list = |range: std::ops::Range<u32>| Map::from_iter([("rates".to_owned(), range.map(Value::from).collect())]);
    let told = |old: &Map<String, Value>, new: &Map<String, Value>| format!("{:?}", diff(old, new));
    assert_eq!(told(&list(0..500), &list(1..501)), format!("{:?}", Diff::none().and("rates", json!([0]), json!([500]))));
    let much = told(&list(0..1), &list(0..500));
    assert!(much.contains("399") && much.contains("more") && much.len() < 5_000, "{much}");
    let mut turned = list(0..500);
    turned["rates"].as_array_mut().unwrap().reverse();
    assert_eq!(told(&list(0..500), &turned), format!("{:?}", Diff::none().and("order", Value::Null, "changed")));
    assert!(diff(&turned, &turned).is_empty());
    assert_eq!(told(&list(0..2), &list(1..2)), format!("{:?}", Diff::none().and("rates", json!([0, 1]), json!([1]))));
}
