//! Rows of a module as people hear of them: the module is made here, and neither the board nor the ears know it.

use std::collections::BTreeSet;

use model::{Action, CallId, CenterId, Column, ColumnKind, Direction, Event, Gate, ListKind, Mask, Owner, Resource, RowNews, UserId};
use office::{
    Added, Adders, Filling, Permit, Settings,
    rights::{Part, Permission, Reaches},
};
use serde_json::{Value, json};

use crate::{
    live::{Told, ears::Ears},
    testing::{ANNA, BORIS, CALL_OF_ANNA, NOW, World, call_view},
};

const BOATS_READ: Action = Action("boats.read");
const PIERS_READ: Action = Action("piers.read");

static BOATS: Resource = Resource {
    name: "boats",
    from: "boats t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.user_id"),
    lists: &[(ListKind::Geo, "t.port")],
    search: "",
    order: "id",
    read: BOATS_READ,
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The id."),
        Column::new("name", "t.name", ColumnKind::Text, "Its name."),
        Column::new("phone", "t.phone", ColumnKind::Text, "Its number.").masked(Mask::Phone),
    ],
};

const PARTS: &[Part] = &[Part {
    permissions: &[
        Permission { action: BOATS_READ, about: "See boats.", reaches: Reaches::LISTED },
        Permission { action: PIERS_READ, about: "See piers.", reaches: Reaches::LISTED },
    ],
    resources: &[&BOATS],
    events: &[],
}];

async fn harbour() -> World {
    World::of(Settings { parts: PARTS.to_vec(), ..Settings::default() }).await
}

fn gate(action: Action, users: &[UserId], ports: &[&str]) -> Gate {
    let lists = ports.iter().map(|port| (ListKind::Geo, (*port).to_owned())).collect();
    Gate { action, users: users.iter().copied().collect(), lists }
}

fn boat(gates: Vec<Gate>) -> RowNews {
    let row = json!({"id": "7", "name": "Ada", "phone": "+74951234567", "engine": "secret"});
    let row = row.as_object().cloned();
    RowNews { kind: "boat.update", resource: "boats", id: "7".to_owned(), center: CenterId::DEFAULT, gates, row }
}

/// Gives boris one role with these rights and nothing besides.
async fn wear(world: &World, name: &str, rights: Value, lists: Value, columns: Value) {
    let set = json!({"code": name, "name": name, "permissions": rights});
    let role = json!({"code": name, "name": name, "sets": [name], "lists": lists});
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let user = json!({"roles": [name], "columns": columns, "version": boris["version"]});
    for request in [
        format!("root POST /api/permission-sets\n\n{set}"),
        format!("root POST /api/roles\n\n{role}"),
        format!("root PUT /api/users/{}\n\n{user}", BORIS.0),
    ] {
        let (status, answer) = world.json(&request).await;
        assert!(status.is_success(), "{request}: {status} {answer}");
    }
}

async fn hears(world: &World, ears: &mut Ears, news: RowNews) -> Option<Value> {
    let told = Told { seq: 1, ts: NOW, event: Event::Row(Box::new(news)), users: BTreeSet::new() };
    let envelope = ears.hear(&world.api, &told).await?;
    assert_eq!((envelope.kind, envelope.id.as_str(), envelope.center, envelope.epoch), ("boat.update", "7", CenterId::DEFAULT, 0));
    Some(envelope.data)
}

fn right(permission: &str, scope: &str) -> Value {
    json!({"permission": permission, "scope": scope})
}

#[tokio::test]
async fn a_row_is_told_to_those_whom_all_its_gates_let_in() {
    let world = harbour().await;
    let boats = |users: &[UserId], ports: &[&str]| gate(BOATS_READ, users, ports);
    let piers = |users: &[UserId]| gate(PIERS_READ, users, &[]);
    let list = json!([{"resource": "boats", "kind": "geo", "ids": ["riga"]}]);
    let foreign = |news: RowNews| RowNews { center: CenterId(2), ..news };
    let cases = [
        (
            "own",
            json!([right("boats.read", "own")]),
            json!([]),
            vec![
                ("own", boat(vec![boats(&[BORIS], &[])]), true),
                ("own with others", boat(vec![boats(&[ANNA, BORIS], &[])]), true),
                ("anna's", boat(vec![boats(&[ANNA], &[])]), false),
                ("nobody's", boat(vec![boats(&[], &["riga"])]), false),
                ("own, behind a right that he lacks", boat(vec![boats(&[BORIS], &[]), piers(&[BORIS])]), false),
                ("own, of another centre", foreign(boat(vec![boats(&[BORIS], &[])])), false),
                ("without gates", boat(vec![]), false),
            ],
        ),
        (
            "listed",
            json!([right("boats.read", "list")]),
            list,
            vec![
                ("listed", boat(vec![boats(&[], &["oslo", "riga"])]), true),
                ("listed elsewhere", boat(vec![boats(&[], &["oslo"])]), false),
                ("own, and in no list", boat(vec![boats(&[BORIS], &[])]), false),
                ("of another centre", foreign(boat(vec![boats(&[], &["riga"])])), false),
            ],
        ),
        (
            "both",
            json!([right("boats.read", "center"), right("piers.read", "own")]),
            json!([]),
            vec![
                ("both gates", boat(vec![boats(&[], &[]), piers(&[BORIS])]), true),
                ("the first gate only", boat(vec![boats(&[], &[]), piers(&[ANNA])]), false),
                ("in the other order", boat(vec![piers(&[ANNA]), boats(&[], &[])]), false),
            ],
        ),
        (
            "another",
            json!([right("piers.read", "center")]),
            json!([]),
            vec![
                ("without the right to boats", boat(vec![boats(&[BORIS], &[])]), false),
                ("a row without the right to its list", boat(vec![piers(&[])]), false),
            ],
        ),
    ];
    for (name, rights, lists, told) in cases {
        wear(&world, name, rights, lists, json!([])).await;
        let mut ears = Ears::of(&world.principal("boris").await);
        for (what, news, is_heard) in told {
            // Twice: what was worked out for the first serves the second.
            for _ in 0..2 {
                assert_eq!(hears(&world, &mut ears, news.clone()).await.is_some(), is_heard, "{name}: {what}");
            }
        }
    }
    // Whoever names a list that there is not tells nobody, though their gates let in.
    let odd = RowNews { resource: "bots", ..boat(vec![boats(&[], &[])]) };
    assert_eq!(hears(&world, &mut Ears::of(&world.principal("root").await), odd).await, None);
}

#[tokio::test]
async fn a_row_is_seen_as_its_list_shows_it() {
    let world = harbour().await;
    let news = || boat(vec![gate(BOATS_READ, &[], &[])]);
    for (name, mode, wanted) in [
        ("shows", "show", json!({"id": "7", "name": "Ada", "phone": "+74951234567"})),
        ("masks", "mask", json!({"id": "7", "name": "Ada", "phone": "+7 4•• ••• 45 67"})),
        ("hides", "hide", json!({"id": "7", "name": "Ada"})),
    ] {
        let columns = json!([{"resource": "boats", "column": "phone", "mode": mode}]);
        wear(&world, name, json!([right("boats.read", "center")]), json!([]), columns).await;
        let mut ears = Ears::of(&world.principal("boris").await);
        assert_eq!(hears(&world, &mut ears, news()).await, Some(wanted));
        // It is gone for whom it was: there is nothing to be seen of it.
        let gone = RowNews { row: None, ..news() };
        assert_eq!(hears(&world, &mut ears, gone).await, Some(Value::Null));
    }
    // Anna, who has no right to boats at all, is told nothing of it either.
    let gone = RowNews { row: None, ..news() };
    assert_eq!(hears(&world, &mut Ears::of(&world.principal("anna").await), gone).await, None);
}

/// A module that knows something of every call. It takes a column that is there already.
struct Knower;

impl Added for Knower {
    fn resource(&self) -> &'static str {
        "calls"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["transfer"]
    }

    fn fill<'a>(&'a self, permit: &'a Permit, _: &'static str, keys: &'a [i64]) -> Filling<'a> {
        let who = permit.principal().username();
        Box::pin(async move { Ok(keys.iter().map(|key| (*key, json!(format!("{key} for {who}")))).collect()) })
    }

    fn text(&self, _: &str, value: &Value, _: &str) -> String {
        value.to_string()
    }
}

#[tokio::test]
async fn what_a_module_adds_to_calls_lies_over_the_board() {
    let world = World::of(Settings { added: Adders::default().with(Knower), ..Settings::default() }).await;
    // One that the database does not have yet, and one that has another status on the board.
    let known = call_view(CALL_OF_ANNA.0, Direction::Internal);
    world.live.publish(NOW, [Event::CallUpdated(call_view(5_000, Direction::Internal)), Event::CallUpdated(known)]);
    let (_, page) = world.json("anna GET /api/calls").await;
    let seen: Vec<Value> = page["items"].as_array().unwrap().iter().map(|call| json!([call["status"], call["transfer"]])).collect();
    assert_eq!(seen, [json!(["dialing", "5000 for anna"]), json!(["dialing", "1000 for anna"])]);
    let (_, few) = world.json("anna GET /api/calls?fields=call_id,transfer").await;
    assert_eq!(few["items"][0], json!({"call_id": CALL_OF_ANNA.to_string(), "transfer": "1000 for anna"}));
    let (_, fewer) = world.json("anna GET /api/calls?fields=call_id").await;
    assert_eq!(fewer["items"][0], json!({"call_id": CALL_OF_ANNA.to_string()}), "what was not asked for is not added");
    for id in [5_000, 1_000] {
        let (_, one) = world.json(&format!("anna GET /api/calls/{}", CallId(id))).await;
        assert_eq!(one["transfer"], json!(format!("{id} for anna")));
    }
}
