//! Carriers and routes over REST: set, read, changed, explained; passwords that nobody sees; refusals that change nothing.

use expect_test::{Expect, expect};
use http::StatusCode;
use model::{CarrierId, CenterId};
use serde_json::{Value, json};

use super::encoded;
use crate::testing::{BORIS, World};

/// The passwords that are sent in these tests.
const PASSWORDS: [&str; 3] = ["tuning-fork", "pitch-pipe", "metronome"];

fn carrier() -> Value {
    let mut carrier: Value = serde_json::from_str(include_str!("../../../model/src/carrier/carrier.json")).unwrap();
    carrier["type"] = "sip".into();
    carrier["callers"] = json!([{"number": "+74951234567"}]);
    carrier
}

fn route(name: &str, position: u32, then: &Value) -> Value {
    json!({"name": name, "position": position, "match": {"to": ["+7*"], "came_by": "slot"}, "then": then})
}

/// Sends requests one after another; each is shown with its answer, but for the times of it.
async fn check(world: &World, requests: &[&str], expect: Expect) {
    let mut told = String::new();
    for request in requests {
        let lines: Vec<&str> = request.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let answer = world.ask(request).await;
        let shown = ["ed_at\":", "\"now\":{\"at\":"].into_iter().fold(answer, |answer, mark| {
            let mut parts = answer.split(mark);
            let mut shown = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                shown += mark;
                shown += "…";
                shown += part.trim_start_matches(|digit: char| digit.is_ascii_digit());
            }
            shown
        });
        told += &format!("> {}\n{shown}\n", lines.join(" | "));
    }
    expect.assert_eq(&told);
}

/// A carrier (trunk 2) and a route (1) that calls go out by it.
pub(super) async fn furnish(world: &World) {
    let then = json!({"do": "carriers", "order": [{"carrier": "2"}, {"group": "moscow"}]});
    let mut out = route("out", 10, &then);
    out["match"]["when"] = json!({"calendar": {"zone": "UTC", "week": {"mon": ["09:00-18:00"]}}, "open": false});
    out["rewrite"] = json!([{"of": "called", "starts": "+7", "length": {"min": 5, "max": 20}}]);
    out["match"]["length"] = 12.into();
    let with_all = [("scenario", "sales"), ("source", "billboard")];
    with_all.iter().for_each(|(name, value)| out[*name] = (*value).into());
    for (path, body) in [("trunks", carrier()), ("routes", out)] {
        let (status, answer) = world.json(&format!("root POST /api/{path}\n\n{body}")).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
    }
}

async fn sent(world: &World, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = world.json(&format!("{who} {method} {path}\n\n{body}")).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn a_carrier_is_a_trunk() {
    let world = World::new().await;
    let plain = json!({"type": "sip", "name": " North ", "hosts": ["sip:sip.example.com"], "capacity": 3});
    check(
        &world,
        &[
            &format!("root POST /api/trunks\n\n{plain}"),
            "root GET /api/trunks?fields=id,name,type,capacity,on,group,version&sort=-id",
            &format!("root GET /api/trunks?filter={}&fields=id&count=exact", encoded(r#"{"type": "sip"}"#)),
            "root GET /api/trunks/2",
            "root PUT /api/trunks/2\n\n{\"name\": \"South\", \"hosts\": [\"sip:sip.example.com\"], \"capacity\": 4, \"version\": 1}",
            "root PUT /api/trunks/2\n\n{\"name\": \"South\", \"hosts\": [\"sip:sip.example.com\"], \"capacity\": 5, \"version\": 1}",
            "root PUT /api/trunks/2\n\n{\"name\": \"South\", \"capacity\": 5}",
            "root PUT /api/trunks/2\n\n{\"type\": \"auto\", \"capacity\": 5}",
            "root POST /api/trunks\n\n{\"type\": \"sip\", \"name\": \"South\", \"hosts\": [\"sip:a\"], \"capacity\": 1}",
            "root POST /api/trunks\n\n{\"type\": \"fax\", \"name\": \"South\", \"capacity\": 1}",
            "root POST /api/trunks\n\n{\"type\": \"sip\", \"name\": \"x\", \"hosts\": [\"sip:a\"], \"capacity\": 1, \"id\": \"7\"}",
            "root DELETE /api/trunks/2",
            "root GET /api/trunks/2",
        ],
        expect![[r#"
            > root POST /api/trunks | {"capacity":3,"hosts":["sip:sip.example.com"],"name":" North ","type":"sip"}
            201
            {"accounts":[],"callers":[],"calls_per_s":0,"capacity":3,"centers":"own","currency":"","early_media":"prefer","failover":{"next":[401,402,403,407,408,488,500,501,502,503,504,513],"silent_s":6},"group":"","health":{"off_after":3,"options_every_s":30},"hosts":["sip:sip.example.com"],"id":"2","identity":{"asserted":false,"believe":false,"from":"caller","preferred":false,"privacy":"refuse","redirections":"none","remote_party":false},"name":"North","networks":[],"numbers":[],"on":true,"priority":100,"rated_only":false,"rates":[],"redirects_max":0,"rules_in":[],"rules_out":[],"scenario":"","send":"plus","source":"","type":"sip","version":1,"warnings":[{"about":{"carrier":"2"},"is_left_out":false,"name":"North","path":"","text":"it has neither numbers nor callers: no call comes by it, and none goes out"}],"weight":100}

            > root GET /api/trunks?fields=id,name,type,capacity,on,group,version&sort=-id
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":true,"mode":"show","name":"type","sort":true},{"filter":true,"mode":"show","name":"capacity","sort":true},{"filter":true,"mode":"show","name":"on","sort":false},{"filter":true,"mode":"show","name":"group","sort":false},{"filter":false,"mode":"show","name":"version","sort":false},{"filter":false,"mode":"show","name":"settings","sort":false}],"count":{"capped":false,"value":2},"items":[{"capacity":3,"group":"","id":"2","name":"North","on":true,"type":"sip","version":1},{"capacity":3,"group":null,"id":"1","name":"North","on":true,"type":"auto","version":null}],"next":null,"prev":null}

            > root GET /api/trunks?filter=%7B%22type%22%3A+%22sip%22%7D&fields=id&count=exact
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":true,"mode":"show","name":"type","sort":true},{"filter":true,"mode":"show","name":"capacity","sort":true},{"filter":true,"mode":"show","name":"on","sort":false},{"filter":true,"mode":"show","name":"group","sort":false},{"filter":false,"mode":"show","name":"version","sort":false},{"filter":false,"mode":"show","name":"settings","sort":false}],"count":{"capped":false,"value":1},"items":[{"id":"2"}],"next":null,"prev":null}

            > root GET /api/trunks/2
            200
            {"accounts":[],"callers":[],"calls_per_s":0,"capacity":3,"centers":"own","currency":"","early_media":"prefer","failover":{"next":[401,402,403,407,408,488,500,501,502,503,504,513],"silent_s":6},"group":"","health":{"off_after":3,"options_every_s":30},"hosts":["sip:sip.example.com"],"id":"2","identity":{"asserted":false,"believe":false,"from":"caller","preferred":false,"privacy":"refuse","redirections":"none","remote_party":false},"name":"North","networks":[],"numbers":[],"on":true,"priority":100,"rated_only":false,"rates":[],"redirects_max":0,"rules_in":[],"rules_out":[],"scenario":"","send":"plus","source":"","type":"sip","version":1,"warnings":[{"about":{"carrier":"2"},"is_left_out":false,"name":"North","path":"","text":"it has neither numbers nor callers: no call comes by it, and none goes out"}],"weight":100}

            > root PUT /api/trunks/2 | {"name": "South", "hosts": ["sip:sip.example.com"], "capacity": 4, "version": 1}
            200
            {"accounts":[],"callers":[],"calls_per_s":0,"capacity":4,"centers":"own","currency":"","early_media":"prefer","failover":{"next":[401,402,403,407,408,488,500,501,502,503,504,513],"silent_s":6},"group":"","health":{"off_after":3,"options_every_s":30},"hosts":["sip:sip.example.com"],"id":"2","identity":{"asserted":false,"believe":false,"from":"caller","preferred":false,"privacy":"refuse","redirections":"none","remote_party":false},"name":"South","networks":[],"numbers":[],"on":true,"priority":100,"rated_only":false,"rates":[],"redirects_max":0,"rules_in":[],"rules_out":[],"scenario":"","send":"plus","source":"","type":"sip","version":2,"warnings":[{"about":{"carrier":"2"},"is_left_out":false,"name":"South","path":"","text":"it has neither numbers nor callers: no call comes by it, and none goes out"}],"weight":100}

            > root PUT /api/trunks/2 | {"name": "South", "hosts": ["sip:sip.example.com"], "capacity": 5, "version": 1}
            409
            {"code":"version_conflict","detail":"it was changed meanwhile; its version is 2 now","version":2}

            > root PUT /api/trunks/2 | {"name": "South", "capacity": 5}
            422
            {"code":"missing_field","detail":"missing field `hosts`","field":"hosts"}

            > root PUT /api/trunks/2 | {"type": "auto", "capacity": 5}
            422
            {"code":"invalid_field","detail":"a trunk stays what it is: make another one and delete this","field":"type"}

            > root POST /api/trunks | {"type": "sip", "name": "South", "hosts": ["sip:a"], "capacity": 1}
            409
            {"code":"name_taken","detail":"another one has this name","field":"name"}

            > root POST /api/trunks | {"type": "fax", "name": "South", "capacity": 1}
            422
            {"code":"invalid_field","detail":"unknown variant `fax`, expected one of `auto`, `mf`, `ls`, `sip`","field":"type"}

            > root POST /api/trunks | {"type": "sip", "name": "x", "hosts": ["sip:a"], "capacity": 1, "id": "7"}
            422
            {"code":"unknown_field","detail":"unknown field `id`, expected one of `name`, `on`, `centers`, `hosts`, `networks`, `accounts`, `numbers`, `scenario`, `source`, `callers`, `capacity`, `calls_per_s`, `health`, `group`, `priority`, `weight`, `currency`, `rates`, `rated_only`, `failover`, `form`, `rules_in`, `send`, `rules_out`, `identity`, `early_media`, `redirects_max`","field":"id"}

            > root DELETE /api/trunks/2
            204
            content-length: 0

            > root GET /api/trunks/2
            404
            {"code":"trunk_not_found","detail":"No such trunk."}

        "#]],
    )
    .await;
    // Numbers of ids go on, whichever kind comes next.
    let (_, hub) = sent(&world, "root", "POST", "/api/trunks", &json!({"type": "ls", "name": "Hub", "capacity": 1})).await;
    assert_eq!(hub["id"], "3");
}

#[tokio::test]
async fn what_was_read_is_sent_back_changed_and_keeps_its_password() {
    let world = World::new().await;
    furnish(&world).await;
    let (_, mut read) = world.json("root GET /api/trunks/2").await;
    assert_eq!(read["accounts"][0]["username"], "sales");
    read["weight"] = 71.into();
    let (status, changed) = sent(&world, "root", "PUT", "/api/trunks/2", &read).await;
    assert_eq!((status, &changed["weight"], &changed["version"]), (200, &json!(71), &json!(2)), "{changed}");
    let stored = world.store.carrier(CenterId::DEFAULT, CarrierId(2)).await.unwrap().unwrap().carrier.unwrap();
    assert_eq!(stored.accounts[0].password.as_ref().unwrap().reveal(), PASSWORDS[0]);
    // In force: signalling's plan has it.
    let directory = world.store.directory().await.unwrap();
    assert_eq!(directory.plan().carrier(CarrierId(2)).unwrap().carrier.weight, 71);
    let mut moved = changed.clone();
    moved["hosts"] = json!(["sip:elsewhere.example.com"]);
    let (status, refused) = sent(&world, "root", "PUT", "/api/trunks/2", &moved).await;
    assert_eq!((status, &refused["field"]), (422, &json!("accounts[0].password")));
    moved["id"] = "1".into();
    assert_eq!(sent(&world, "root", "PUT", "/api/trunks/2", &moved).await.0, 422, "another one's id");
}

#[tokio::test]
async fn a_carrier_that_carries_calls_stays_as_it_is_but_for_being_switched_off() {
    let world = World::new().await;
    furnish(&world).await;
    world.json("root DELETE /api/routes/1").await;
    *world.control.carried.lock().unwrap() = 2;
    let (_, before) = world.json("root GET /api/trunks/2").await;
    let mut changed = before.clone();
    changed["capacity"] = 1.into();
    for (method, body) in [("PUT", &changed), ("DELETE", &Value::Null)] {
        let (status, refused) = match method {
            "PUT" => sent(&world, "root", method, "/api/trunks/2", body).await,
            _ => world.json("root DELETE /api/trunks/2").await.into_parts(),
        };
        assert_eq!((status, &refused["code"]), (409, &json!("carrier_in_call")), "{method}");
    }
    assert_eq!(world.json("root GET /api/trunks/2").await.1, before);
    changed = before.clone();
    changed["on"] = false.into();
    assert_eq!(sent(&world, "root", "PUT", "/api/trunks/2", &changed).await.0, 200);
    *world.control.carried.lock().unwrap() = 0;
    assert_eq!(world.json("root DELETE /api/trunks/2").await.0, StatusCode::NO_CONTENT);
}

trait Parts {
    fn into_parts(self) -> (u16, Value);
}

impl Parts for (StatusCode, Value) {
    fn into_parts(self) -> (u16, Value) {
        (self.0.as_u16(), self.1)
    }
}

#[tokio::test]
async fn a_route_is_set_and_read_and_told_what_it_names_in_vain() {
    let world = World::new().await;
    let refuse = json!({"do": "refuse", "cause": "declined"});
    let nowhere = json!({"do": "carriers", "order": [{"carrier": "9"}, {"group": "moscow"}]});
    check(
        &world,
        &[
            &format!("root POST /api/routes\n\n{}", route(" night ", 5, &refuse)),
            &format!("root POST /api/routes\n\n{}", route("night", 6, &refuse)),
            &format!("root POST /api/routes\n\n{}", route("day", 7, &nowhere)),
            &format!(
                "root GET /api/routes?fields=id,name,position,on,version&sort=-position&filter={}",
                encoded(r#"{"position": {"gte": 5}}"#)
            ),
            "root GET /api/routes/1",
            "root PUT /api/routes/1\n\n{\"name\": \"night\", \"position\": 1, \"then\": {\"do\": \"dialled_slot\"}}",
            "root PUT /api/routes/1\n\n{\"name\": \"night\", \"position\": 1, \"then\": {\"do\": \"dialled_slot\"}, \"version\": 9}",
            "root POST /api/routes\n\n{\"name\": \"\", \"position\": 1, \"then\": {\"do\": \"slots\", \"slots\": [], \"ring_s\": 0}}",
            "root POST /api/routes\n\n{\"name\": \"x\", \"position\": -1, \"then\": {\"do\": \"dialled_slot\"}}",
            "root POST /api/routes\n\n{\"name\": \"x\", \"position\": 1, \"then\": {\"do\": \"fly\"}}",
            "root POST /api/routes\n\n{\"name\": \"x\", \"position\": 1, \"then\": {\"do\": \"carriers\", \"order\": [{\"group\": \"a\"}, {\"carrier\": \"Northern\"}]}}",
            "root POST /api/trunks\n\n{\"type\": \"sip\", \"name\": \"x\", \"hosts\": [\"sip:a\"], \"capacity\": 1, \"callers\": [\"+7\"]}",
            "root POST /api/routes\n\n{\"name\": \"x\", \"position\": 1, \"match\": {\"tp\": []}, \"then\": {\"do\": \"dialled_slot\"}}",
            "root POST /api/routes\n\n[1]",
            "root DELETE /api/routes/1",
            "root GET /api/routes/1",
            "root DELETE /api/routes/one",
        ],
        expect![[r#"
            > root POST /api/routes | {"match":{"came_by":"slot","to":["+7*"]},"name":" night ","position":5,"then":{"cause":"declined","do":"refuse"}}
            201
            {"created_at":…,"created_by":"1","id":"1","match":{"came_by":"slot","from":[],"to":["+7*"]},"name":"night","on":true,"position":5,"rewrite":[],"scenario":"","source":"","then":{"cause":"declined","do":"refuse"},"updated_at":…,"version":1,"warnings":[]}

            > root POST /api/routes | {"match":{"came_by":"slot","to":["+7*"]},"name":"night","position":6,"then":{"cause":"declined","do":"refuse"}}
            409
            {"code":"name_taken","detail":"another one has this name","field":"name"}

            > root POST /api/routes | {"match":{"came_by":"slot","to":["+7*"]},"name":"day","position":7,"then":{"do":"carriers","order":[{"carrier":"9"},{"group":"moscow"}]}}
            201
            {"created_at":…,"created_by":"1","id":"2","match":{"came_by":"slot","from":[],"to":["+7*"]},"name":"day","on":true,"position":7,"rewrite":[],"scenario":"","source":"","then":{"do":"carriers","least_cost":false,"order":[{"carrier":"9"},{"group":"moscow"}]},"updated_at":…,"version":1,"warnings":[{"about":{"route":"2"},"is_left_out":false,"name":"day","path":"then","text":"there is no carrier 9 for this center"},{"about":{"route":"2"},"is_left_out":false,"name":"day","path":"then","text":"the group moscow has no carrier for this center"}]}

            > root GET /api/routes?fields=id,name,position,on,version&sort=-position&filter=%7B%22position%22%3A+%7B%22gte%22%3A+5%7D%7D
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":true,"mode":"show","name":"position","sort":true},{"filter":true,"mode":"show","name":"on","sort":false},{"filter":false,"mode":"show","name":"match","sort":false},{"filter":false,"mode":"show","name":"then","sort":false},{"filter":true,"mode":"show","name":"scenario","sort":false},{"filter":true,"mode":"show","name":"source","sort":false},{"filter":false,"mode":"show","name":"rewrite","sort":false},{"filter":false,"mode":"show","name":"version","sort":false},{"filter":false,"mode":"show","name":"created_at","sort":false},{"filter":false,"mode":"show","name":"created_by","sort":false},{"filter":false,"mode":"show","name":"updated_at","sort":false}],"count":{"capped":false,"value":2},"items":[{"id":"2","name":"day","on":true,"position":7,"version":1},{"id":"1","name":"night","on":true,"position":5,"version":1}],"next":null,"prev":null}

            > root GET /api/routes/1
            200
            {"created_at":…,"created_by":"1","id":"1","match":{"came_by":"slot","from":[],"to":["+7*"]},"name":"night","on":true,"position":5,"rewrite":[],"scenario":"","source":"","then":{"cause":"declined","do":"refuse"},"updated_at":…,"version":1,"warnings":[]}

            > root PUT /api/routes/1 | {"name": "night", "position": 1, "then": {"do": "dialled_slot"}}
            422
            {"code":"missing_field","detail":"a change names the version that it was made from","field":"version"}

            > root PUT /api/routes/1 | {"name": "night", "position": 1, "then": {"do": "dialled_slot"}, "version": 9}
            409
            {"code":"version_conflict","detail":"it was changed meanwhile; its version is 1 now","version":1}

            > root POST /api/routes | {"name": "", "position": 1, "then": {"do": "slots", "slots": [], "ring_s": 0}}
            422
            {"code":"invalid_field","detail":"must not be empty","errors":[{"code":"invalid_field","detail":"must not be empty","field":"name"},{"code":"invalid_field","detail":"needs at least one","field":"then.slots"},{"code":"invalid_field","detail":"0 is not within 1 and 300","field":"then.ring_s"}],"field":"name"}

            > root POST /api/routes | {"name": "x", "position": -1, "then": {"do": "dialled_slot"}}
            422
            {"code":"invalid_field","detail":"invalid value: integer `-1`, expected u32","field":"position"}

            > root POST /api/routes | {"name": "x", "position": 1, "then": {"do": "fly"}}
            422
            {"code":"invalid_field","detail":"unknown variant `fly`, expected one of `slots`, `dialled_slot`, `carriers`, `service`, `refuse`, `ask`","field":"then.do"}

            > root POST /api/routes | {"name": "x", "position": 1, "then": {"do": "carriers", "order": [{"group": "a"}, {"carrier": "Northern"}]}}
            422
            {"code":"invalid_field","detail":"a carrier is named by its id, as the list of trunks has it, such as \"3\"","field":"then.order[1].carrier"}

            > root POST /api/trunks | {"type": "sip", "name": "x", "hosts": ["sip:a"], "capacity": 1, "callers": ["+7"]}
            422
            {"code":"invalid_field","detail":"invalid type: string \"+7\", expected an object such as {\"number\": \"+74951234567\"}","field":"callers[0]"}

            > root POST /api/routes | {"name": "x", "position": 1, "match": {"tp": []}, "then": {"do": "dialled_slot"}}
            422
            {"code":"unknown_field","detail":"unknown field `tp`, expected one of `from`, `to`, `length`, `came_by`, `when`","field":"match.tp"}

            > root POST /api/routes | [1]
            422
            {"code":"invalid_field","detail":"the body is not a JSON object"}

            > root DELETE /api/routes/1
            204
            content-length: 0

            > root GET /api/routes/1
            404
            {"code":"row_not_found","detail":"There is no such thing, or not one of yours.","resource":"routes"}

            > root DELETE /api/routes/one
            404
            {"code":"row_not_found","detail":"There is no such thing, or not one of yours."}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_carrier_that_a_route_names_is_not_deleted() {
    let world = World::new().await;
    furnish(&world).await;
    check(
        &world,
        &["root DELETE /api/trunks/2", "root DELETE /api/routes/1", "root DELETE /api/trunks/2"],
        expect![[r#"
        > root DELETE /api/trunks/2
        409
        {"code":"in_use","detail":"it is still used by route 1 (out)"}

        > root DELETE /api/routes/1
        204
        content-length: 0

        > root DELETE /api/trunks/2
        204
        content-length: 0

    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_call_is_explained() {
    let world = World::new().await;
    furnish(&world).await;
    // Sunday.
    let asked = json!({"from": "6001", "to": "+74950000000", "at": 1_795_341_600_000_i64});
    let down = json!({"to": "+74950000000", "at": 1_795_341_600_000_i64, "down": ["2"]});
    check(
        &world,
        &[
            &format!("root POST /api/routes/explain\n\n{asked}"),
            &format!("root POST /api/routes/explain\n\n{down}"),
            "root POST /api/routes/explain\n\n{\"to\": \"84951234567\", \"came_by\": {\"carrier\": 2}, \"at\": 0}",
            "root POST /api/routes/explain\n\n{\"to\": \"x\"}",
            "root POST /api/routes/explain\n\n{\"to\": \"1\", \"center\": \"2\"}",
            "root POST /api/routes/explain\n\n{\"to\": \"1\", \"at\": -1}",
            "root POST /api/routes/explain\n\n{}",
            "anna POST /api/routes/explain\n\n{\"to\": \"1\"}",
        ],
        expect![[r#"
            > root POST /api/routes/explain | {"at":1795341600000,"from":"6001","to":"+74950000000"}
            200
            {"country":"RU","decision":{"from":"6001","origin":{"route":"1"},"scenario":"sales","source":"billboard","to":"+74950000000","way":{"carriers":[{"caller":"74951234567","carrier":"2","currency":"RUB","name":"Northern Telephone","per_minute":"90","to":"74950000000"}]}},"from":"6001","kind":"fixed","looked":[{"miss":null,"name":"out","origin":{"route":"1"}}],"more":0,"now":{"at":…,"carriers":[{"carrier":"2","standing":"up"}]},"passed":[],"question":{"at":1795341600000,"caller":null,"came_by":"slot","center":"1","chance":0,"from":"6001","to":"+74950000000"},"to":"+74950000000","warnings":[]}

            > root POST /api/routes/explain | {"at":1795341600000,"down":["2"],"to":"+74950000000"}
            200
            {"country":"RU","decision":{"from":null,"origin":{"route":"1"},"scenario":"sales","source":"billboard","to":"+74950000000","way":{"refuse":{"cause":"carrier_failed","why":"no carrier can take it now"}}},"from":null,"kind":"fixed","looked":[{"miss":null,"name":"out","origin":{"route":"1"}}],"more":0,"now":{"at":…,"carriers":[]},"passed":["Northern Telephone (carrier 2) is not used: it does not answer, or is not registered"],"question":{"at":1795341600000,"caller":null,"came_by":"slot","center":"1","chance":0,"from":null,"to":"+74950000000"},"to":"+74950000000","warnings":[]}

            > root POST /api/routes/explain | {"to": "84951234567", "came_by": {"carrier": 2}, "at": 0}
            200
            {"country":"RU","decision":{"from":null,"origin":{"number":"2"},"scenario":"sales","source":"billboard","to":"+74951234567","way":{"slots":{"ring_s":30,"slots":["1","2"]}}},"from":null,"kind":"fixed","looked":[{"miss":"it is for calls that came otherwise","name":"out","origin":{"route":"1"}},{"miss":null,"name":"number +74951234567 of Northern Telephone","origin":{"number":"2"}}],"more":0,"now":{"at":…,"carriers":[]},"passed":[],"question":{"at":0,"caller":null,"came_by":{"carrier":"2"},"center":"1","chance":0,"from":null,"to":"84951234567"},"to":"+74951234567","warnings":[]}

            > root POST /api/routes/explain | {"to": "x"}
            422
            {"code":"invalid_field","detail":"a number has 1 to 32 digits, * or #, with an optional leading +","field":"to"}

            > root POST /api/routes/explain | {"to": "1", "center": "2"}
            422
            {"code":"invalid_field","detail":"it is explained in the centre that you work in: name another one in the header X-Center","field":"center"}

            > root POST /api/routes/explain | {"to": "1", "at": -1}
            422
            {"code":"invalid_field","detail":"a time is milliseconds since 1970, before the year 10000","field":"at"}

            > root POST /api/routes/explain | {}
            422
            {"code":"missing_field","detail":"missing field `to`","field":"to"}

            > anna POST /api/routes/explain | {"to": "1"}
            403
            {"action":"routes.read","code":"forbidden","detail":"Your role does not allow this."}

        "#]],
    )
    .await;
}

/// Whoever does not see every column of routes and of carriers has nothing explained, and of a carrier sees no more than its columns.
#[tokio::test]
async fn what_is_hidden_is_not_explained_either() {
    let world = World::new().await;
    furnish(&world).await;
    let mut version = world.json(&format!("root GET /api/users/{}", BORIS.0)).await.1["version"].as_i64().unwrap();
    for (resource, column, mode) in [
        ("routes", "name", "hide"),
        ("routes", "then", "hide"),
        ("routes", "match", "mask"),
        ("trunks", "settings", "hide"),
        ("trunks", "name", "mask"),
        ("trunks", "group", "hide"),
    ] {
        let columns = json!([{"resource": resource, "column": column, "mode": mode}]);
        let body = json!({"roles": ["supervisor"], "columns": columns, "version": version});
        let (status, answer) = sent(&world, "root", "PUT", &format!("/api/users/{}", BORIS.0), &body).await;
        assert_eq!(status, 200, "{answer}");
        version = answer["version"].as_i64().unwrap();
        let (status, answer) = sent(&world, "boris", "POST", "/api/routes/explain", &json!({"to": "+74950000000"})).await;
        assert_eq!((status, &answer["code"]), (403, &json!("escalation")), "{resource}.{column}: {answer}");
        let (_, seen) = world.json("boris GET /api/trunks/2").await;
        let names: Vec<&str> = seen.as_object().unwrap().keys().map(String::as_str).collect();
        match (resource, column) {
            ("trunks", "settings") => assert_eq!(names, ["capacity", "group", "id", "name", "on", "type", "version"]),
            ("trunks", "name") => assert_eq!(seen["name"], "•••"),
            ("trunks", "group") => assert!(!names.contains(&"group") && names.contains(&"hosts")),
            _ => assert!(names.contains(&"hosts")),
        }
        let (_, seen) = world.json("boris GET /api/routes/1").await;
        let warns = seen.get("warnings").is_some();
        assert_eq!(warns, resource == "trunks" || column == "name", "{resource}.{column}: {seen}");
    }
    let body = json!({"roles": ["supervisor"], "columns": [], "version": version});
    sent(&world, "root", "PUT", &format!("/api/users/{}", BORIS.0), &body).await;
    assert_eq!(sent(&world, "boris", "POST", "/api/routes/explain", &json!({"to": "+74950000000"})).await.0, 200);
}

#[tokio::test]
async fn a_slot_calls_by_a_number_that_is_verified_for_its_centre() {
    let world = World::new().await;
    furnish(&world).await;
    check(
        &world,
        &[
            "root GET /api/slots/1/caller",
            "root PUT /api/slots/1/caller\n\n{\"number\": \"+7 495 123-45-67\"}",
            "root GET /api/slots/1/caller",
            "root POST /api/routes/explain\n\n{\"from\": \"6001\", \"to\": \"112\", \"at\": 0}",
            "root PUT /api/slots/1/caller\n\n{\"number\": \"+74957654321\"}",
            "root PUT /api/slots/1/caller\n\n{\"number\": \"84951234567\"}",
            "root PUT /api/slots/1/caller\n\n{\"number\": \"desk\"}",
            "root PUT /api/slots/1/caller\n\n{}",
            "root PUT /api/slots/99/caller\n\n{\"number\": null}",
            "anna GET /api/slots/1/caller",
            "root GET /api/audit?filter=%7B%22resource%22%3A%22slots%22%7D&fields=action,resource_id,diff",
        ],
        expect![[r#"
            > root GET /api/slots/1/caller
            200
            {"choices":["+74951234567"],"number":null,"verified":false}

            > root PUT /api/slots/1/caller | {"number": "+7 495 123-45-67"}
            200
            {"choices":["+74951234567"],"number":"+74951234567","verified":true}

            > root GET /api/slots/1/caller
            200
            {"choices":["+74951234567"],"number":"+74951234567","verified":true}

            > root POST /api/routes/explain | {"from": "6001", "to": "112", "at": 0}
            200
            {"country":null,"decision":{"from":"6001","origin":null,"scenario":"","source":"","to":"112","way":{"refuse":{"cause":"no_such_number","why":"no route is for this call"}}},"from":"6001","kind":"local","looked":[{"miss":"it is for other called numbers","name":"out","origin":{"route":"1"}},{"miss":"it is for other called numbers","name":"number +74951234567 of Northern Telephone","origin":{"number":"2"}},{"miss":"it is for called numbers of another length","name":"numbering plan: services","origin":"numbering"},{"miss":"it is for other called numbers","name":"numbering plan: slots","origin":"numbering"}],"more":0,"now":{"at":…,"carriers":[]},"passed":[],"question":{"at":0,"caller":"+74951234567","came_by":"slot","center":"1","chance":0,"from":"6001","to":"112"},"to":"112","warnings":[]}

            > root PUT /api/slots/1/caller | {"number": "+74957654321"}
            422
            {"code":"invalid_field","detail":"no carrier has this number verified for the slot's center: enter it at the carrier first, as +74951234567","field":"number"}

            > root PUT /api/slots/1/caller | {"number": "84951234567"}
            422
            {"code":"invalid_field","detail":"no carrier has this number verified for the slot's center: enter it at the carrier first, as +74951234567","field":"number"}

            > root PUT /api/slots/1/caller | {"number": "desk"}
            422
            {"code":"invalid_field","detail":"a number has 1 to 32 digits, * or #, with an optional leading +","field":"number"}

            > root PUT /api/slots/1/caller | {}
            422
            {"code":"missing_field","detail":"missing field `number`","field":"number"}

            > root PUT /api/slots/99/caller | {"number": null}
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > anna GET /api/slots/1/caller
            403
            {"action":"slots.update","code":"forbidden","detail":"Your role does not allow this."}

            > root GET /api/audit?filter=%7B%22resource%22%3A%22slots%22%7D&fields=action,resource_id,diff
            200
            {"columns":[{"filter":true,"mode":"show","name":"seq","sort":true},{"filter":true,"mode":"show","name":"at","sort":false},{"filter":true,"mode":"show","name":"category","sort":false},{"filter":true,"mode":"show","name":"actor_kind","sort":false},{"filter":true,"mode":"show","name":"actor","sort":false},{"filter":false,"mode":"show","name":"actor_name","sort":false},{"filter":true,"mode":"show","name":"action","sort":false},{"filter":true,"mode":"show","name":"outcome","sort":false},{"filter":true,"mode":"show","name":"resource","sort":false},{"filter":true,"mode":"show","name":"resource_id","sort":false},{"filter":false,"mode":"show","name":"diff","sort":false},{"filter":true,"mode":"show","name":"source","sort":false},{"filter":false,"mode":"show","name":"user_agent","sort":false},{"filter":true,"mode":"show","name":"request_id","sort":false},{"filter":false,"mode":"show","name":"hash","sort":false}],"count":{"capped":false,"value":1},"items":[{"action":"slots.update","diff":{"caller":[null,"+74951234567"]},"resource_id":"1"}],"next":null,"prev":null}

        "#]],
    )
    .await;
    let stored = world.store.directory().await.unwrap();
    assert_eq!(stored.slot(model::SlotId(1)).unwrap().caller.as_ref().map(ToString::to_string).as_deref(), Some("+74951234567"));
    // The carrier has it no more: the slot keeps it, and calls as if it had none.
    let (_, mut carrier) = world.json("root GET /api/trunks/2").await;
    carrier["callers"] = json!([{"number": "+74950000009"}]);
    assert_eq!(sent(&world, "root", "PUT", "/api/trunks/2", &carrier).await.0, 200);
    let (_, told) = world.json("root GET /api/slots/1/caller").await;
    assert_eq!(told, json!({"number": "+74951234567", "verified": false, "choices": ["+74950000009"]}));
    let (_, explained) = sent(&world, "root", "POST", "/api/routes/explain", &json!({"from": "6001", "to": "+74950000000"})).await;
    assert!(explained.to_string().contains("does not have the slot's number +74951234567 verified"), "{explained}");
    assert_eq!(sent(&world, "root", "PUT", "/api/slots/1/caller", &json!({"number": null})).await.0, 200);
}

/// What a program is asked by is set like all of a route, and its secret is never seen: not in an answer, a refusal, a list or the audit log.
#[tokio::test]
async fn a_route_that_asks_a_program_tells_its_secret_to_nobody() {
    let world = World::new().await;
    furnish(&world).await;
    let secret = "tuning-fork-0123456789";
    let then = json!({"do": "ask", "url": "https://crm.example.com/route", "secret": secret, "deadline_ms": 300, "default": {"do": "dialled_slot"}});
    let mut told = String::new();
    let (status, made) = sent(&world, "root", "POST", "/api/routes", &route("asked", 1, &then)).await;
    assert_eq!(
        (status, &made["then"]),
        (
            201,
            &json!({"do": "ask", "url": "https://crm.example.com/route", "deadline_ms": 300,
        "default": {"do": "dialled_slot", "ring_s": 30}})
        )
    );
    told += &made.to_string();
    for (member, value) in [
        ("secret", json!([secret])),
        ("secret", json!({"is": secret})),
        ("secret", json!(format!("{secret}\n"))),
        ("url", json!(secret)),
        ("url", json!("http://10.0.0.1/")),
        ("deadline_ms", json!("soon")),
        ("deadline_ms", json!(49)),
        ("default", json!({"do": "ask", "url": "https://a", "secret": secret, "default": {"do": "dialled_slot"}})),
        ("do", json!("slots")),
    ] {
        let mut wrong = then.clone();
        wrong[member] = value;
        let mut body = route("wrong", 1, &wrong);
        let (status, refused) = sent(&world, "root", "POST", "/api/routes", &body).await;
        assert_eq!(status, 422, "{body}");
        assert!(member == "url" || !refused.to_string().contains(secret), "{refused}");
        body["version"] = 1.into();
        assert_eq!(sent(&world, "root", "PUT", "/api/routes/2", &body).await.0, 422);
    }
    let (_, mut read) = world.json("root GET /api/routes/2").await;
    read["position"] = 2.into();
    assert_eq!(sent(&world, "root", "PUT", "/api/routes/2", &read).await.0, 200, "it keeps its secret");
    let directory = world.store.directory().await.unwrap();
    assert_eq!(directory.plan().route(model::RouteId(2)).unwrap().secret().unwrap().reveal(), secret);
    let (_, explained) = sent(&world, "root", "POST", "/api/routes/explain", &json!({"from": "6001", "to": "+74950000000"})).await;
    assert_eq!(explained["decision"]["way"]["ask"]["url"], "https://crm.example.com/route", "{explained}");
    told += &explained.to_string();
    for path in ["routes?limit=200", "routes/2", "audit?limit=200", "security-audit?limit=200"] {
        told += &world.json(&format!("root GET /api/{path}")).await.1.to_string();
    }
    assert!(told.contains("asked") && !told.contains(secret), "{told}");
}

/// How a carrier stands is told of those that the call would go by, and changes nothing of the decision.
#[tokio::test]
async fn an_explanation_says_how_carriers_stand_now() {
    let world = World::new().await;
    furnish(&world).await;
    let ask = json!({"from": "6001", "to": "+74950000000"});
    let (_, first) = sent(&world, "root", "POST", "/api/routes/explain", &ask).await;
    assert_eq!(first["now"]["carriers"], json!([{"carrier": "2", "standing": "up"}]), "{first}");
    assert!(first["now"]["at"].as_i64().is_some_and(|at| at > 0));
    assert_eq!(first["decision"]["way"]["carriers"][0]["carrier"], "2");
}

/// A password is taken and never given: not in an answer, not in a refusal, not in the audit log, not in a file, not in the database.
#[tokio::test]
async fn a_password_is_never_seen() {
    let world = World::new().await;
    furnish(&world).await;
    let mut told = String::new();
    let mut bodies = vec![carrier()];
    // Wrong in all ways in which its place can be wrong.
    for accounts in [
        json!(PASSWORDS[1]),
        json!([PASSWORDS[1]]),
        json!([{"username": "a", "password": [PASSWORDS[1]]}]),
        json!([{"username": "a", "password": {"is": PASSWORDS[1]}}]),
        json!([{"username": {"password": PASSWORDS[1]}, "password": PASSWORDS[2]}]),
        json!([{"username": "a", "password": format!("{}\n", PASSWORDS[1])}]),
        json!([{"username": "a", "password": PASSWORDS[1], "expires_s": 1}]),
        json!([{"username": "a", "password": PASSWORDS[1], "expires_s": PASSWORDS[2]}]),
        json!([{"username": "a", "password": PASSWORDS[1]}, {"username": "a", "password": PASSWORDS[2]}]),
    ] {
        let mut body = carrier();
        body["accounts"] = accounts;
        bodies.push(body);
    }
    for mut body in bodies {
        told += &sent(&world, "root", "POST", "/api/trunks", &body).await.1.to_string();
        body["version"] = 1.into();
        told += &sent(&world, "root", "PUT", "/api/trunks/2", &body).await.1.to_string();
    }
    let (_, mut read) = world.json("root GET /api/trunks/2").await;
    read["accounts"][0]["password"] = PASSWORDS[2].into();
    let (status, changed) = sent(&world, "root", "PUT", "/api/trunks/2", &read).await;
    assert_eq!(status, 200, "{changed}");
    for path in
        ["trunks?limit=200", "trunks/2", "routes", "routes/1", "audit?limit=200", "security-audit?limit=200", "pbx/status", "dci/logs"]
    {
        told += &world.json(&format!("root GET /api/{path}")).await.1.to_string();
    }
    told += &sent(&world, "root", "POST", "/api/routes/explain", &json!({"to": "+74950000000"})).await.1.to_string();
    told += &sent(&world, "root", "POST", "/api/exports", &json!({"resource": "audit_log", "format": "csv"})).await.1.to_string();
    told += &world.json("root DELETE /api/routes/1").await.1.to_string();
    told += &world.json("root DELETE /api/trunks/2").await.1.to_string();
    told += &world.json("root GET /api/audit?limit=200").await.1.to_string();
    assert!(told.contains("passwords") && told.contains("changed"), "that it was changed is told: {told}");
    for password in PASSWORDS {
        assert!(!told.contains(password), "{password} in {told}");
    }
    // Nothing of them lies in the file either, nor in what has not been written into it yet.
    world.store.close().await;
    for file in std::fs::read_dir(world.directory.path()).unwrap() {
        let octets = std::fs::read(file.unwrap().path()).unwrap();
        for password in PASSWORDS {
            assert!(!octets.windows(password.len()).any(|part| part == password.as_bytes()), "{password}");
        }
    }
}

/// Signalling reads its directory anew for how a centre's people write numbers, and for no other setting of it.
#[tokio::test]
async fn the_directory_is_read_anew_for_numbers_alone() {
    let world = World::new().await;
    let told = || world.control.told.load(std::sync::atomic::Ordering::SeqCst);
    let before = told();
    for (version, settings, reads) in [
        (1, json!({"login": {"local": true, "oidc": false}}), 0),
        (
            2,
            json!({"login": {"local": true, "oidc": false}, "numbers": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}}),
            1,
        ),
        (
            3,
            json!({"login": {"local": true, "oidc": true}, "numbers": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}}),
            1,
        ),
        (4, json!({"login": {"local": true, "oidc": true}}), 2),
    ] {
        let body = json!({"version": version, "settings": settings});
        let (status, answer) = world.json(&format!("root PUT /api/centers/1\n\n{body}")).await;
        assert_eq!(status, http::StatusCode::OK, "{answer}");
        assert_eq!(told() - before, reads, "{settings}");
    }
}
