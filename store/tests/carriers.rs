//! Carriers and routes in both databases: sealed, read back, and left out of the plan if they cannot be used.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::{Base, CENTER, actor, at, credentials};
use model::{
    CarrierId, CenterId, HubKind, Number, RouteId, RowRule, WallTime,
    carrier::Carrier,
    route::{Came, Question, Route, Subject, Way},
};
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::{
    Db, NewTrunk, Routes, Store, StoreError, catalogue,
    list::{NO_LINKS, Query, Sort},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    instrument::WithSubscriber,
    span::{Attributes, Id, Record},
};

const KEY: [u8; 32] = [3; 32];
const PASSWORD: &str = "tuning-fork";
/// Names that a database, a log or a page could choke on.
const NAMES: [&str; 3] =
    ["'; DROP TABLE carriers; --", "\u{0421}\u{0435}\u{0432}\u{0435}\u{0440} \u{1f4de}\u{202e}", "%_\\ \"$1\" {{name}} <b>"];

fn full(name: &str) -> Carrier {
    let mut carrier: Carrier = serde_json::from_str(include_str!("../../model/src/carrier/carrier.json")).unwrap();
    carrier.name = name.to_owned();
    carrier
}

fn plain(name: &str) -> Carrier {
    serde_json::from_value(json!({"name": name, "hosts": ["sip:sip.example.com"], "capacity": 3, "callers": [{"number": "+74951234567"}]}))
        .unwrap()
}

fn route(name: &str, position: u32, then: serde_json::Value) -> Route {
    serde_json::from_value(json!({"name": name, "position": position, "match": {"to": ["+7*"]}, "then": then})).unwrap()
}

async fn add(store: &Store, center: CenterId, carrier: &Carrier) -> CarrierId {
    let mut tx = store.db().begin().await.unwrap();
    let id = store.draw_carrier(&mut tx).await.unwrap();
    store.insert_carrier(&mut tx, (id, center), carrier, None, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn add_route(store: &Store, center: CenterId, route: &Route) -> RouteId {
    let mut tx = store.db().begin().await.unwrap();
    let id = store.draw_route(&mut tx).await.unwrap();
    store.insert_route(&mut tx, (id, center), route, None, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn script(store: &Store, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    match store.db() {
        Db::Lite { write, .. } => drop(sqlx::raw_sql(sql).execute(write).await.unwrap()),
        Db::Pg(pool) => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()),
    }
}

async fn column(store: &Store, sql: &str) -> Vec<String> {
    let sql = AssertSqlSafe(sql.to_owned());
    let rows: Vec<(String,)> = match store.db() {
        Db::Lite { read, .. } => sqlx::query_as(sql).fetch_all(read).await.unwrap(),
        Db::Pg(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
    };
    rows.into_iter().map(|(value,)| value).collect()
}

async fn both(check: impl AsyncFn(Base)) {
    for base in [Base::sqlite(), Base::postgres()] {
        check(base).await;
    }
}

#[tokio::test]
async fn a_carrier_comes_back_as_it_went_and_its_passwords_are_sealed() {
    both(async |base| {
        let store = base.open().await.with_key(&KEY);
        for name in NAMES {
            let carrier = full(name);
            let id = add(&store, CENTER, &carrier).await;
            let stored = store.carrier(CENTER, id).await.unwrap().unwrap();
            assert_eq!((stored.carrier.as_ref(), stored.version, stored.is_shut), (Some(&carrier), 1, false));
            assert!(!format!("{stored:?} {store:?}").contains(PASSWORD));
            assert!(store.carrier(CenterId(2), id).await.unwrap().is_none(), "another centre's");
            // Changed, it is sealed anew.
            let mut tx = store.db().begin().await.unwrap();
            let locked = store.lock_carrier(&mut tx, CENTER, id).await.unwrap().unwrap();
            let changed = Carrier { capacity: 7, ..locked.carrier.unwrap() };
            store.update_carrier(&mut tx, id, &changed, at(1)).await.unwrap();
            tx.commit().await.unwrap();
            let stored = store.carrier(CENTER, id).await.unwrap().unwrap();
            assert_eq!((stored.carrier, stored.version), (Some(changed), 2));
        }
        let texts = column(&store, "SELECT settings || passwords FROM carriers").await;
        assert_eq!(texts.len(), NAMES.len());
        assert!(texts.iter().all(|text| !text.contains(PASSWORD)), "{texts:?}");
        // Sealed for its own row.
        script(&store, "UPDATE carriers SET passwords = (SELECT passwords FROM carriers WHERE id = 2) WHERE id = 1").await;
        assert!(store.carrier(CENTER, CarrierId(1)).await.unwrap().unwrap().is_shut);
        // One name once in a centre.
        let mut tx = store.db().begin().await.unwrap();
        let id = store.draw_carrier(&mut tx).await.unwrap();
        let twice = store.insert_carrier(&mut tx, (id, CENTER), &plain(NAMES[0]), None, at(0)).await.unwrap_err();
        assert!(matches!(twice, StoreError::Constraint { name } if name == "carriers_center_id_name_key"));
        tx.rollback().await.unwrap();
        add(&store, CenterId(2), &plain(NAMES[0])).await;
        // Without a key no password is taken.
        let keyless = base.open().await;
        let mut tx = keyless.db().begin().await.unwrap();
        let id = keyless.draw_carrier(&mut tx).await.unwrap();
        assert!(keyless.insert_carrier(&mut tx, (id, CENTER), &full("x"), None, at(0)).await.is_err());
        tx.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_id_names_a_hub_or_a_carrier_and_the_list_has_both() {
    both(async |base| {
        let store = base.open().await.with_key(&KEY);
        let hub = |name: &str| NewTrunk { name: name.to_owned(), kind: HubKind::Auto, capacity: 1 };
        let (first, _) = store.create_trunk(&actor(), hub("A"), credentials).await.unwrap();
        let carrier = add(&store, CENTER, &full("B")).await;
        let (second, _) = store.create_trunk(&actor(), hub("C"), credentials).await.unwrap();
        assert_eq!((first.id.0, carrier.0, second.id.0), (1, 2, 3));
        let rule = RowRule::everything(CENTER);
        let columns = catalogue::TRUNKS.columns.iter().filter(|column| !column.sql.is_empty()).collect();
        let found =
            store.list(&Query { columns, sort: Sort::by_key(false), ..Query::new(&catalogue::TRUNKS, &rule, &NO_LINKS) }).await.unwrap();
        let items = serde_json::to_value(found.items).unwrap();
        assert_eq!(
            items,
            json!([
                {"id": "1", "name": "A", "type": "auto", "capacity": 1, "on": true, "group": null, "version": null},
                {"id": "2", "name": "B", "type": "sip", "capacity": 30, "on": true, "group": "moscow", "version": 1},
                {"id": "3", "name": "C", "type": "auto", "capacity": 1, "on": true, "group": null, "version": null},
            ])
        );
    })
    .await;
}

fn question(to: &str, center: CenterId, came_by: Came) -> Question {
    let number = |text: &str| text.parse::<Number>().unwrap();
    Question { from: Some(number("6001")), to: number(to), came_by, at: WallTime(0), center, caller: None, chance: 0 }
}

#[tokio::test]
async fn what_cannot_be_used_is_left_out_and_keeps_nothing_else_from_being_used() {
    both(async |base| {
        let store = base.open().await.with_key(&KEY);
        let good = add(&store, CENTER, &plain("good")).await;
        let sealed = add(&store, CENTER, &full("sealed")).await;
        let [broken, outdated] = [add(&store, CENTER, &plain("broken")).await, add(&store, CENTER, &plain("outdated")).await];
        let by = |ids: &[CarrierId]| json!({"do": "carriers", "order": ids.iter().map(|id| json!({"carrier": id})).collect::<Vec<_>>()});
        let way = add_route(&store, CENTER, &route("out", 9, by(&[broken, sealed, good]))).await;
        let [unread, wrong] = [
            add_route(&store, CENTER, &route("unread", 1, by(&[good]))).await,
            add_route(&store, CENTER, &route("wrong", 2, by(&[good]))).await,
        ];
        let tried = async |store: &Store| match store.directory().await.unwrap().plan().find(&question("+74950000000", CENTER, Came::Slot)).way
        {
            Way::Carriers(tries) => tries.iter().map(|one| one.carrier).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(tried(&store).await, [good], "by the first route");
        script(
            &store,
            &format!(
                "UPDATE carriers SET settings = '{{' WHERE id = {broken}; UPDATE carriers SET settings = '{{\"fax\": 1}}' WHERE id = {outdated};
                UPDATE routes SET action = '{{\"do\": \"fly\"}}' WHERE id = {unread}; UPDATE routes SET scenario = '\u{7}' WHERE id = {wrong}"
            ),
        )
        .await;
        assert_eq!(tried(&store).await, [sealed, good], "by the last route, without the broken one");
        let warned = async |store: &Store| {
            let planned = store.plan_of(CENTER, Routes::All).await.unwrap();
            planned.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let outside = "its settings cannot be read by this version of the program: set it anew";
        let unusable = "it cannot be read by this version of the program: set it anew";
        let all = [
            format!("carrier {broken} (broken) is not used: {outside}"),
            format!("carrier {outdated} (outdated) is not used: {outside}"),
            format!("route {unread} (unread) is not used: {unusable}"),
            format!("route {wrong} (wrong) is not used: scenario: has control characters"),
            format!("route {way} (out): then: there is no carrier {broken} for this center"),
            format!("carrier {sealed} (sealed): numbers[0].to: there is no slot 6001 in this center"),
            format!("carrier {sealed} (sealed): numbers[0].to: there is no slot 6002 in this center"),
        ];
        assert_eq!(warned(&store).await, all);
        // By another key the passwords do not open: the one that has some is left out, too, and can still be seen.
        let other = base.open().await.with_key(&[4; 32]);
        assert_eq!(tried(&other).await, [good]);
        let told = warned(&other).await;
        assert!(told.iter().any(|told| told.contains("carrier 2 (sealed) is not used: accounts: ") && told.contains("secret.key")), "{told:?}");
        assert_eq!(other.carrier(CENTER, sealed).await.unwrap().unwrap().carrier.unwrap().capacity, 30);
        // One route by itself, whatever is wrong with others.
        let one = store.plan_of(CENTER, Routes::One(way)).await.unwrap().warnings;
        assert_eq!(one.iter().filter(|told| told.about == Subject::Route(way)).count(), 1);
        assert_eq!(store.plan_of(CENTER, Routes::None).await.unwrap().warnings.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_carrier_that_carries_nothing_is_told_of() {
    both(async |base| {
        let store = base.open().await.with_key(&KEY);
        let mut idle = plain("idle");
        (idle.numbers, idle.callers) = (Vec::new(), Vec::new());
        let idle = add(&store, CENTER, &idle).await;
        let told: Vec<_> = store
            .plan_of(CENTER, Routes::None)
            .await
            .unwrap()
            .warnings
            .iter()
            .map(|warning| (warning.is_left_out, warning.to_string()))
            .collect();
        let nothing = format!("carrier {idle} (idle): it has neither numbers nor callers: no call comes by it, and none goes out");
        assert_eq!(told, [(false, nothing)]);
    })
    .await;
}

/// Counts what the log is warned of by this room.
#[derive(Clone, Default)]
struct Warned(Arc<AtomicUsize>);

impl Subscriber for Warned {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("store")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The directory is read with each change of anything: the log hears once of what is left out, and again if it was mended meanwhile.
#[tokio::test]
async fn what_is_left_out_is_told_once() {
    both(async |base| {
        let store = base.open().await.with_key(&KEY);
        let good = add(&store, CENTER, &plain("good")).await;
        let [one, two] = [add(&store, CENTER, &plain("one")).await, add(&store, CENTER, &plain("two")).await];
        let warned = Warned::default();
        let told = async |sql: String| {
            if !sql.is_empty() {
                script(&store, &sql).await;
            }
            store.clone().directory().with_subscriber(warned.clone()).await.unwrap();
            warned.0.swap(0, Ordering::SeqCst)
        };
        let breaks = |id| format!("UPDATE carriers SET settings = '{{' WHERE id = {id}");
        assert_eq!(told(String::new()).await, 0);
        assert_eq!(told(breaks(one)).await, 1);
        assert_eq!(told(String::new()).await, 0, "a reload is no news");
        assert_eq!(told(breaks(two)).await, 1, "of the other one alone");
        assert_eq!(
            told(format!("UPDATE carriers SET settings = (SELECT g.settings FROM carriers g WHERE g.id = {good}) WHERE id = {one}")).await,
            0
        );
        assert_eq!(told(breaks(one)).await, 1, "it had been mended");
    })
    .await;
}

#[tokio::test]
async fn a_centre_sees_nothing_of_others_and_goes_the_same_ways() {
    both(async |base| {
        let store = base.open().await.with_key(&KEY);
        let other = CenterId(2);
        let own = add(&store, CENTER, &plain("own")).await;
        let theirs = add(&store, other, &plain("theirs")).await;
        let shared = add(&store, CENTER, &Carrier { centers: model::carrier::Centers::All, rated_only: false, ..full("shared") }).await;
        // For whoever asks by what stands in the settings.
        let sly = add(&store, CENTER, &plain("\"centers\":\"all\"")).await;
        let of = async |center| store.carriers_for(center).await.unwrap().iter().map(|stored| stored.id).collect::<Vec<_>>();
        assert_eq!((of(CENTER).await, of(other).await), (vec![own, shared, sly], vec![theirs, shared]));
        let by = json!({"do": "carriers", "order": [{"carrier": theirs}, {"carrier": own}, {"carrier": shared}]});
        for center in [CENTER, other] {
            add_route(&store, center, &route("out", 1, by.clone())).await;
        }
        let directory = store.directory().await.unwrap();
        for center in [CENTER, other, CenterId(3)] {
            let plan = store.plan_of(center, Routes::All).await.unwrap().plan;
            for came_by in [Came::Slot, Came::Carrier(own), Came::Carrier(theirs), Came::Carrier(shared)] {
                for to in ["+74950000000", "+74951234567", "+74957654321", "6001", "112"] {
                    let question = question(to, center, came_by);
                    let (whole, part) = (directory.plan().find(&question), plan.find(&question));
                    match (&whole.way, &part.way) {
                        (Way::Refuse { cause, .. }, Way::Refuse { cause: other, .. }) => assert_eq!(cause, other, "{question:?}"),
                        _ => assert_eq!(whole, part, "{question:?}"),
                    }
                    let told = format!("{:?}", plan.explain(&question, &|_| model::carrier::Standing::Up));
                    assert!(center == other || !told.contains("theirs"), "{told}");
                    assert!(center == CENTER || !told.contains("\"own\""), "{told}");
                }
            }
        }
        let mut tx = store.db().begin().await.unwrap();
        let naming = store.routes_naming(&mut tx, theirs).await.unwrap();
        assert_eq!(naming.iter().map(|route| route.center).collect::<Vec<_>>(), [CENTER, other]);
        tx.rollback().await.unwrap();
    })
    .await;
}
