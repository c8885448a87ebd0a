//! What is answered to good requests and to mistakes.

use std::sync::Arc;

use expect_test::expect;
use model::{Command, Refusal, SlotState};
use tokio::sync::watch;

use super::check;
use crate::testing::{ANNA, World};

#[tokio::test]
async fn slots() {
    let world = World::new().await;
    check(
        &world,
        &[
            "anna GET /api/slots?limit=2",
            "anna POST /api/slots/1/take",
            "boris POST /api/slots/1/take",
            "boris GET /api/slots?status=FREE&count=none",
            "anna GET /api/slots?status=free&count=none",
            "boris GET /api/slots?status=taken&count=none",
            "boris GET /api/slots?status=ready&count=none",
            "boris GET /api/slots?status=Active_Call",
            "anna GET /api/slots/3",
            "boris POST /api/slots/1/release",
            "anna POST /api/slots/1/release\n\n{\"epoch\": 7}",
            "anna POST /api/slots/1/release\n\n{\"epoch\": 1}",
            "anna GET /api/slots/99",
            "anna GET /api/slots/1%27%20OR%201=1--",
            "anna GET /api/slots/%00",
            "anna GET /api/slots/%ff",
            "anna GET /api/slots/..%2f..%2fetc%2fpasswd",
        ],
        expect![[r#"
            > anna GET /api/slots?limit=2
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":{"capped":false,"value":3},"items":[{"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"},{"epoch":0,"holder":null,"holder_name":null,"id":"2","number":"6002","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}],"next":"eyJ2IjoxLCJyIjoic2xvdHMiLCJzIjoibnVtYmVyIiwiYSI6IjYwMDIiLCJrIjoyLCJiIjpmYWxzZSwiaCI6IkFITTdLaFRZT29QbjhjWHMifQ","prev":null}

            > anna POST /api/slots/1/take
            200
            {"epoch":1,"holder":"2","holder_name":"anna","id":"1","number":"6001","registered":true,"since":1795000000000,"state":"READY","status":"free","type":"auto"}

            > boris POST /api/slots/1/take
            409
            {"code":"slot_taken","detail":"slot 6001 is taken by somebody else","state":"READY"}

            > boris GET /api/slots?status=FREE&count=none
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":null,"items":[{"epoch":0,"holder":null,"holder_name":null,"id":"2","number":"6002","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}],"next":null,"prev":null}

            > anna GET /api/slots?status=free&count=none
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":null,"items":[{"epoch":1,"holder":"2","holder_name":"anna","id":"1","number":"6001","registered":true,"since":1795000000000,"state":"READY","status":"free","type":"auto"},{"epoch":0,"holder":null,"holder_name":null,"id":"2","number":"6002","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}],"next":null,"prev":null}

            > boris GET /api/slots?status=taken&count=none
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":null,"items":[{"epoch":1,"holder":"2","holder_name":"anna","id":"1","number":"6001","registered":true,"since":1795000000000,"state":"READY","status":"taken","type":"auto"}],"next":null,"prev":null}

            > boris GET /api/slots?status=ready&count=none
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":null,"items":[{"epoch":1,"holder":"2","holder_name":"anna","id":"1","number":"6001","registered":true,"since":1795000000000,"state":"READY","status":"taken","type":"auto"}],"next":null,"prev":null}

            > boris GET /api/slots?status=Active_Call
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":{"capped":false,"value":0},"items":[],"next":null,"prev":null}

            > anna GET /api/slots/3
            200
            {"epoch":0,"holder":null,"holder_name":null,"id":"3","number":"6003","registered":false,"since":1795000000000,"state":"IDLE","status":"offline","type":"auto"}

            > boris POST /api/slots/1/release
            409
            {"code":"not_holder","detail":"slot 6001 is not yours to release"}

            > anna POST /api/slots/1/release | {"epoch": 7}
            409
            {"code":"stale_epoch","detail":"the lease has changed: its epoch is 1","epoch":1}

            > anna POST /api/slots/1/release | {"epoch": 1}
            200
            {"epoch":1,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}

            > anna GET /api/slots/99
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > anna GET /api/slots/1%27%20OR%201=1--
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > anna GET /api/slots/%00
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > anna GET /api/slots/%ff
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > anna GET /api/slots/..%2f..%2fetc%2fpasswd
            404
            {"code":"slot_not_found","detail":"No such slot."}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn service_and_passwords() {
    let world = World::new().await;
    let before = world.store.slot(model::SlotId(1)).await.unwrap().unwrap().ha1;
    check(
        &world,
        &[
            "root PUT /api/slots/1\n\n{\"state\": \"DISABLED\"}",
            "root PUT /api/slots/1\n\n{\"state\": \"IDLE\", \"new_password\": true}",
            "root PUT /api/slots/1\n\n{}",
            "root PUT /api/slots/1\n\n{\"state\": \"READY\"}",
            "root PUT /api/slots/1\n\n{\"state\": \"idle\"}",
            "root PUT /api/slots/99\n\n{\"state\": \"IDLE\"}",
        ],
        expect![[r#"
            > root PUT /api/slots/1 | {"state": "DISABLED"}
            200
            {"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"DISABLED","status":"disabled","type":"auto"}

            > root PUT /api/slots/1 | {"state": "IDLE", "new_password": true}
            200
            {"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","password":"…","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto","username":"6001"}

            > root PUT /api/slots/1 | {}
            200
            {"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}

            > root PUT /api/slots/1 | {"state": "READY"}
            422
            {"code":"invalid_field","detail":"unknown variant `READY`, expected one of `IDLE`, `FAULT`, `DISABLED`","field":"state"}

            > root PUT /api/slots/1 | {"state": "idle"}
            422
            {"code":"invalid_field","detail":"unknown variant `idle`, expected one of `IDLE`, `FAULT`, `DISABLED`","field":"state"}

            > root PUT /api/slots/99 | {"state": "IDLE"}
            404
            {"code":"slot_not_found","detail":"No such slot."}

        "#]],
    )
    .await;
    assert_ne!(world.store.slot(model::SlotId(1)).await.unwrap().unwrap().ha1, before);
}

#[tokio::test]
async fn trunks() {
    let world = World::new().await;
    check(
        &world,
        &[
            "root GET /api/trunks",
            "root POST /api/trunks\n\n{\"name\": \" South \", \"type\": \"mf\", \"capacity\": 2}",
            "root GET /api/trunks/2",
            "root PUT /api/trunks/2\n\n{\"name\": \"East\", \"capacity\": 3}",
            "root PUT /api/trunks/2\n\n{\"capacity\": 1}",
            "root GET /api/slots?status=idle&count=none&limit=4",
            "root POST /api/trunks\n\n{\"name\": \"All\", \"type\": \"mf\", \"capacity\": 999}",
            "root DELETE /api/slots/4",
            "root DELETE /api/slots/1",
            "root DELETE /api/slots/3",
            "root DELETE /api/trunks/2",
            "root DELETE /api/trunks/2",
            "root GET /api/trunks?count=none",
            "root GET /api/pbx/status",
        ],
        expect![[r#"
            > root GET /api/trunks
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":true,"mode":"show","name":"type","sort":true},{"filter":true,"mode":"show","name":"capacity","sort":true},{"filter":true,"mode":"show","name":"on","sort":false},{"filter":true,"mode":"show","name":"group","sort":false},{"filter":false,"mode":"show","name":"version","sort":false},{"filter":false,"mode":"show","name":"settings","sort":false}],"count":{"capped":false,"value":1},"items":[{"capacity":3,"group":null,"id":"1","name":"North","on":true,"type":"auto","version":null}],"next":null,"prev":null}

            > root POST /api/trunks | {"name": " South ", "type": "mf", "capacity": 2}
            201
            {"capacity":2,"id":"2","name":"South","slots":[{"id":"4","number":"7001","password":"…","username":"7001"},{"id":"5","number":"7002","password":"…","username":"7002"}],"type":"mf"}

            > root GET /api/trunks/2
            200
            {"capacity":2,"id":"2","name":"South","slots":[{"id":"4","number":"7001","username":"7001"},{"id":"5","number":"7002","username":"7002"}],"type":"mf"}

            > root PUT /api/trunks/2 | {"name": "East", "capacity": 3}
            200
            {"capacity":3,"id":"2","name":"East","slots":[{"id":"4","number":"7001","username":"7001"},{"id":"5","number":"7002","username":"7002"},{"id":"6","number":"7003","password":"…","username":"7003"}],"type":"mf"}

            > root PUT /api/trunks/2 | {"capacity": 1}
            200
            {"capacity":1,"id":"2","name":"East","slots":[{"id":"4","number":"7001","username":"7001"}],"type":"mf"}

            > root GET /api/slots?status=idle&count=none&limit=4
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":null,"items":[{"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"},{"epoch":0,"holder":null,"holder_name":null,"id":"2","number":"6002","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"},{"epoch":0,"holder":null,"holder_name":null,"id":"3","number":"6003","registered":false,"since":1795000000000,"state":"IDLE","status":"offline","type":"auto"},{"epoch":0,"holder":null,"holder_name":null,"id":"4","number":"7001","registered":false,"since":1795000000000,"state":"IDLE","status":"offline","type":"mf"}],"next":null,"prev":null}

            > root POST /api/trunks | {"name": "All", "type": "mf", "capacity": 999}
            409
            {"code":"numbers_exhausted","detail":"no free contiguous block of 999 numbers from 7001"}

            > root DELETE /api/slots/4
            409
            {"code":"not_last_slot","detail":"Only a trunk's last slot can be deleted, and not its only one."}

            > root DELETE /api/slots/1
            409
            {"code":"not_last_slot","detail":"Only a trunk's last slot can be deleted, and not its only one."}

            > root DELETE /api/slots/3
            204
            content-length: 0

            > root DELETE /api/trunks/2
            204
            content-length: 0

            > root DELETE /api/trunks/2
            404
            {"code":"trunk_not_found","detail":"No such trunk."}

            > root GET /api/trunks?count=none
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":true,"mode":"show","name":"type","sort":true},{"filter":true,"mode":"show","name":"capacity","sort":true},{"filter":true,"mode":"show","name":"on","sort":false},{"filter":true,"mode":"show","name":"group","sort":false},{"filter":false,"mode":"show","name":"version","sort":false},{"filter":false,"mode":"show","name":"settings","sort":false}],"count":null,"items":[{"capacity":2,"group":null,"id":"1","name":"North","on":true,"type":"auto","version":null}],"next":null,"prev":null}

            > root GET /api/pbx/status
            200
            {"calls":0,"carriers":[{"accounts":[{"expires_at":1795000000000,"last_error":null,"next_at":1795000000000,"state":"registered","username":"sales"}],"calls":0,"hosts":[{"host":"sip:192.0.2.7","last_error":null,"up":true}],"id":"2","name":"Northern","on":true,"since":1795000000000,"standing":"up"}],"domain":"pbx.example","server":"pbx.example:5070","slots":{"busy":0,"disabled":0,"fault":0,"free":2,"offline":0,"registered":2,"taken":0,"total":2},"transport":"udp","transports":["udp","tcp"],"trunks":[{"capacity":2,"id":"1","name":"North","slots":{"busy":0,"disabled":0,"fault":0,"free":2,"offline":0,"registered":2,"taken":0,"total":2},"type":"auto"}]}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_id_is_a_text_or_a_number() {
    for id in ["1", "\"1\""] {
        let world = World::new().await;
        let (status, answer) = world.json(&format!("anna POST /api/call/start\n\n{{\"slot_id\": {id}, \"phone_number\": \"6002\"}}")).await;
        assert_eq!((status.as_u16(), answer["status"].as_str()), (202, Some("dialing")), "{id}");
        assert_eq!(world.live.slot(model::SlotId(1)).unwrap().holder, Some(ANNA), "{id}");
    }
    let world = World::new().await;
    for wrong in ["1.0", "0", "-1", "\"one\"", "\"\"", "true", "[1]", "9223372036854775808"] {
        let (status, answer) =
            world.json(&format!("anna POST /api/call/start\n\n{{\"slot_id\": {wrong}, \"phone_number\": \"6002\"}}")).await;
        assert_eq!((status.as_u16(), answer["field"].as_str()), (422, Some("slot_id")), "{wrong}");
    }
}

#[tokio::test]
async fn trunks_in_a_call_stay() {
    let world = World::new().await;
    check(
        &world,
        &[
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"}",
            "root DELETE /api/trunks/1",
            "root PUT /api/trunks/1\n\n{\"capacity\": 2}",
            "root PUT /api/trunks/1\n\n{\"capacity\": 1}",
            "root GET /api/trunks/1",
        ],
        expect![[r#"
            > anna POST /api/call/start | {"slot_id": 1, "phone_number": "6002"}
            202
            {"call_id":"c_00000000009rh","status":"dialing"}

            > root DELETE /api/trunks/1
            409
            {"code":"slot_in_call","detail":"slot 6001 is in a call","number":"6001","state":"CALLING"}

            > root PUT /api/trunks/1 | {"capacity": 2}
            200
            {"capacity":2,"id":"1","name":"North","slots":[{"id":"1","number":"6001","username":"6001"},{"id":"2","number":"6002","username":"6002"}],"type":"auto"}

            > root PUT /api/trunks/1 | {"capacity": 1}
            200
            {"capacity":1,"id":"1","name":"North","slots":[{"id":"1","number":"6001","username":"6001"}],"type":"auto"}

            > root GET /api/trunks/1
            200
            {"capacity":1,"id":"1","name":"North","slots":[{"id":"1","number":"6001","username":"6001"}],"type":"auto"}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn calls() {
    let world = World::new().await;
    check(
        &world,
        &[
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"+7 (495) 123-45-67\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": \"1\", \"phone_number\": \"6002\"}",
            "anna GET /api/calls/c_00000000009rh",
            "boris POST /api/calls/c_00000000009rh/transfer\n\n{\"to\": \"6003\"}",
            "anna POST /api/calls/c_00000000009rh/transfer\n\n{\"to\": \"60-03\"}",
            "anna POST /api/calls/c_00000000009rh/transfer\n\n{\"to\": \"x\"}",
            "anna POST /api/calls/c_00000000009rh/transfer\n\n{\"to\": \"5551212\"}",
            "anna POST /api/calls/c_00000000009rh/transfer\n\n{}",
            "anna POST /api/calls/c_00000000009rh/transfer\n\n{\"to\": \"6003\", \"call_id\": \"c_00000000009rh\"}",
            "root POST /api/calls/c_00000000009rh/transfer\n\n{\"call_id\": \"c_00000000000zz\"}",
            "boris POST /api/call/end\n\n{\"call_id\": \"c_00000000009rh\"}",
            "anna POST /api/call/end\n\n{\"call_id\": \"c_00000000009rh\"}",
            "anna POST /api/call/end\n\n{\"call_id\": \"c_00000000009rh\"}",
            "root POST /api/call/end\n\n{\"call_id\": \"c_00000000000zz\"}",
            "anna GET /api/calls/c_00000000000z8",
            "boris GET /api/calls/c_00000000000z8",
            "root GET /api/calls/44",
        ],
        expect![[r#"
            > anna POST /api/call/start | {"slot_id": 1, "phone_number": "+7 (495) 123-45-67"}
            202
            {"call_id":"c_00000000009rh","status":"dialing"}

            > anna POST /api/call/start | {"slot_id": "1", "phone_number": "6002"}
            409
            {"code":"slot_not_callable","detail":"slot 6001 cannot call while it is CALLING","state":"CALLING"}

            > anna GET /api/calls/c_00000000009rh
            200
            {"answered_at":null,"asked":null,"call_id":"c_00000000009rh","callee":"+74951234567","callee_slot":null,"caller":"6001","caller_slot":"1","carrier":"101","cause":null,"direction":"internal","ended_at":null,"listened":null,"outcome":null,"parent":null,"recording":null,"ringing_at":null,"rung":[],"scenario":null,"segments":[],"source":null,"started_at":1795000000000,"status":"dialing","tags":[],"transfer":null,"tries":[{"at":1795000000000,"called":"+74957654321","caller":"+74951234567","carrier":"101","outcome":"refused","status":503}],"user":"2"}

            > boris POST /api/calls/c_00000000009rh/transfer | {"to": "6003"}
            404
            {"code":"call_not_found","detail":"no such call"}

            > anna POST /api/calls/c_00000000009rh/transfer | {"to": "60-03"}
            202
            {"call_id":"c_00000000009rh"}

            > anna POST /api/calls/c_00000000009rh/transfer | {"to": "x"}
            422
            {"code":"invalid_field","detail":"a number has 1 to 32 digits, * or #, with an optional leading +","field":"to"}

            > anna POST /api/calls/c_00000000009rh/transfer | {"to": "5551212"}
            422
            {"code":"no_route","detail":"no route for the number","field":"to"}

            > anna POST /api/calls/c_00000000009rh/transfer | {}
            422
            {"code":"invalid_field","detail":"either `to` or `call_id`, and not both","field":"to"}

            > anna POST /api/calls/c_00000000009rh/transfer | {"to": "6003", "call_id": "c_00000000009rh"}
            422
            {"code":"invalid_field","detail":"either `to` or `call_id`, and not both","field":"to"}

            > root POST /api/calls/c_00000000009rh/transfer | {"call_id": "c_00000000000zz"}
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > boris POST /api/call/end | {"call_id": "c_00000000009rh"}
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > anna POST /api/call/end | {"call_id": "c_00000000009rh"}
            200
            {"call_id":"c_00000000009rh","status":"dialing"}

            > anna POST /api/call/end | {"call_id": "c_00000000009rh"}
            200
            {"call_id":"c_00000000009rh","status":"ended"}

            > root POST /api/call/end | {"call_id": "c_00000000000zz"}
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > anna GET /api/calls/c_00000000000z8
            200
            {"answered_at":1795000000000,"asked":null,"call_id":"c_00000000000z8","callee":"6002","callee_slot":"2","caller":"6001","caller_slot":"1","carrier":"101","cause":"caller_hung_up","direction":"internal","ended_at":1795000009000,"listened":null,"outcome":"answered","parent":null,"recording":{"duration_ms":9000,"left":{"number":"6001","role":"caller"},"reason":null,"right":{"number":"6002","role":"callee"},"size":1044,"started_at":1795000000000,"state":"complete"},"ringing_at":1795000000000,"rung":[],"scenario":null,"segments":[{"from":1795000000000,"hold_ms":0,"slot":"1","to":1795000009000,"user":"2"}],"source":null,"started_at":1795000000000,"status":"ended","tags":[],"transfer":null,"tries":[{"at":1795000000000,"called":"+74957654321","caller":"+74951234567","carrier":"101","outcome":"refused","status":503}],"user":"2"}

            > boris GET /api/calls/c_00000000000z8
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > root GET /api/calls/44
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

        "#]],
    )
    .await;
    let orders = world.control.orders();
    let start = Command::StartCall { user: ANNA, slot: model::SlotId(1), number: "+74951234567".parse().unwrap() };
    assert!(orders.contains(&start), "{orders:?}");
}

#[tokio::test]
async fn refusals_of_call_control() {
    let world = World::new().await;
    let (number, state) = (String::from("6001"), SlotState::ActiveCall);
    let mut told = String::new();
    for refusal in [
        Refusal::SlotNotFound,
        Refusal::SlotNotCallable { number: number.clone(), state },
        Refusal::SlotNotRegistered { number: number.clone(), state: SlotState::Registering },
        Refusal::SlotTaken { number: number.clone(), state: SlotState::Ready },
        Refusal::HoldsAnother { number },
        Refusal::NoRoute,
        Refusal::OwnNumber,
        Refusal::NoMediaPort,
        Refusal::Unavailable,
    ] {
        told += &format!("{refusal:?}\n");
        world.control.refuse(Some(refusal));
        told += &world.ask("anna POST /api/call/start\n\n{\"slot_id\": \"1\", \"phone_number\": \"6002\"}").await;
    }
    expect![[r#"
        SlotNotFound
        404
        {"code":"slot_not_found","detail":"no such slot"}
        SlotNotCallable { number: "6001", state: ActiveCall }
        409
        {"code":"slot_not_callable","detail":"slot 6001 cannot call while it is ACTIVE_CALL","state":"ACTIVE_CALL"}
        SlotNotRegistered { number: "6001", state: Registering }
        409
        {"code":"slot_not_registered","detail":"slot 6001 has no registered phone","state":"REGISTERING"}
        SlotTaken { number: "6001", state: Ready }
        409
        {"code":"slot_taken","detail":"slot 6001 is taken by somebody else","state":"READY"}
        HoldsAnother { number: "6001" }
        409
        {"code":"holds_another_slot","detail":"you already hold slot 6001; release it first","number":"6001"}
        NoRoute
        422
        {"code":"no_route","detail":"no route for the number","field":"phone_number"}
        OwnNumber
        422
        {"code":"own_number","detail":"a slot cannot call its own number","field":"phone_number"}
        NoMediaPort
        503
        retry-after: 5
        {"code":"no_media_port","detail":"every media port is in use"}
        Unavailable
        503
        retry-after: 5
        {"code":"unavailable","detail":"the server takes no new calls now"}
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn broken_requests() {
    let world = World::with(|settings| settings.body_max = 2_000).await;
    let deep = format!("anna POST /api/call/start\n\n{}{}", "{\"a\":".repeat(300), "1".to_owned() + &"}".repeat(300));
    let long = format!("anna POST /api/call/start\n\n{{\"slot_id\": \"{}\"}}", "4".repeat(2_000));
    let long_query = format!("anna GET /api/slots?status={}", "x".repeat(60));
    check(
        &world,
        &[
            "anna POST /api/call/start\n\n{\"slot_id\": 44",
            "anna POST /api/call/start\n\nnot json",
            "anna POST /api/call/start",
            "anna POST /api/call/start\nContent-Type: application/json",
            "anna POST /api/call/start\nContent-Type: text/plain\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"}",
            "anna POST /api/call/start\n\n{}",
            "anna POST /api/call/start\n\n[\"1\", \"6002\"]",
            "anna POST /api/call/start\n\n\"text\"",
            "anna POST /api/call/start\n\nnull",
            "anna POST /api/call/start\n\n{\"slot_id\": 1}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": 6002}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1.5, \"phone_number\": \"6002\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": -1, \"phone_number\": \"6002\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": null, \"phone_number\": \"6002\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": 99999999999999999999, \"phone_number\": \"6002\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"6002\", \"caller_id\": \"1\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"slot_id\": 2, \"phone_number\": \"6002\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"} {}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"6002;x\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"\"}",
            "anna POST /api/call/start\n\n{\"slot_id\": 77, \"phone_number\": \"6002\"}",
            "anna POST /api/call/end\n\n{\"call_id\": \"44\"}",
            "anna POST /api/call/end\n\n{\"call_id\": 44}",
            "root POST /api/trunks\n\n{\"name\": \"\", \"type\": \"auto\", \"capacity\": 1000}",
            "root POST /api/trunks\n\n{\"name\": \"a\\u0000b\", \"type\": \"auto\", \"capacity\": 0}",
            "root POST /api/trunks\n\n{\"name\": \"x\", \"type\": \"sip\", \"capacity\": 1}",
            "root POST /api/trunks\n\n{\"name\": \"x\", \"type\": \"auto\", \"capacity\": -5}",
            "root POST /api/trunks\n\n{\"name\": \"x\", \"type\": \"auto\", \"capacity\": \"5\"}",
            "root PUT /api/trunks/1\n\n{\"name\": \"   \"}",
            "root PUT /api/trunks/1\n\n{\"kind\": \"mf\"}",
            "root PUT /api/trunks/99\n\n{\"name\": \"x\"}",
            "anna GET /api/slots?limit=0&status=nice&sort=x",
            "anna GET /api/slots?status=free&status=busy",
            "anna GET /api/slots?cursor=%27%20OR%201=1",
            "anna GET /api/calls?from=yesterday",
            "anna GET /api/nothing",
            "anna DELETE /api/slots",
            "anna PATCH /api/slots/1",
            "- GET /api/auth/login",
            "- OPTIONS /api/slots",
            &deep,
            &long,
            &long_query,
        ],
        expect![[r#"
            > anna POST /api/call/start | {"slot_id": 44
            400
            {"code":"malformed_json","detail":"EOF while parsing an object at line 1 column 14"}

            > anna POST /api/call/start | not json
            400
            {"code":"malformed_json","detail":"expected ident at line 1 column 2"}

            > anna POST /api/call/start
            415
            {"code":"unsupported_media_type","detail":"The body must be application/json."}

            > anna POST /api/call/start | Content-Type: application/json
            400
            {"code":"malformed_json","detail":"EOF while parsing a value at line 1 column 0"}

            > anna POST /api/call/start | Content-Type: text/plain | {"slot_id": 1, "phone_number": "6002"}
            415
            {"code":"unsupported_media_type","detail":"The body must be application/json."}

            > anna POST /api/call/start | {}
            422
            {"code":"missing_field","detail":"missing field `slot_id`","field":"slot_id"}

            > anna POST /api/call/start | ["1", "6002"]
            422
            {"code":"invalid_field","detail":"the body is not a JSON object"}

            > anna POST /api/call/start | "text"
            422
            {"code":"invalid_field","detail":"the body is not a JSON object"}

            > anna POST /api/call/start | null
            422
            {"code":"invalid_field","detail":"the body is not a JSON object"}

            > anna POST /api/call/start | {"slot_id": 1}
            422
            {"code":"missing_field","detail":"missing field `phone_number`","field":"phone_number"}

            > anna POST /api/call/start | {"slot_id": 1, "phone_number": 6002}
            422
            {"code":"invalid_field","detail":"invalid type: integer `6002`, expected a string","field":"phone_number"}

            > anna POST /api/call/start | {"slot_id": 1.5, "phone_number": "6002"}
            422
            {"code":"invalid_field","detail":"invalid type: floating point `1.5`, expected an id as a string or a positive number","field":"slot_id"}

            > anna POST /api/call/start | {"slot_id": -1, "phone_number": "6002"}
            422
            {"code":"invalid_field","detail":"not a valid slot id","field":"slot_id"}

            > anna POST /api/call/start | {"slot_id": null, "phone_number": "6002"}
            422
            {"code":"invalid_field","detail":"invalid type: null, expected an id as a string or a positive number","field":"slot_id"}

            > anna POST /api/call/start | {"slot_id": 99999999999999999999, "phone_number": "6002"}
            422
            {"code":"invalid_field","detail":"invalid type: floating point `1e+20`, expected an id as a string or a positive number","field":"slot_id"}

            > anna POST /api/call/start | {"slot_id": 1, "phone_number": "6002", "caller_id": "1"}
            422
            {"code":"unknown_field","detail":"unknown field `caller_id`, expected `slot_id` or `phone_number`","field":"caller_id"}

            > anna POST /api/call/start | {"slot_id": 1, "slot_id": 2, "phone_number": "6002"}
            422
            {"code":"invalid_field","detail":"duplicate field `slot_id`"}

            > anna POST /api/call/start | {"slot_id": 1, "phone_number": "6002"} {}
            400
            {"code":"malformed_json","detail":"trailing characters at line 1 column 40"}

            > anna POST /api/call/start | {"slot_id": 1, "phone_number": "6002;x"}
            422
            {"code":"invalid_field","detail":"a number has 1 to 32 digits, * or #, with an optional leading +","field":"phone_number"}

            > anna POST /api/call/start | {"slot_id": 1, "phone_number": ""}
            422
            {"code":"invalid_field","detail":"a number has 1 to 32 digits, * or #, with an optional leading +","field":"phone_number"}

            > anna POST /api/call/start | {"slot_id": 77, "phone_number": "6002"}
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > anna POST /api/call/end | {"call_id": "44"}
            422
            {"code":"invalid_field","detail":"not a valid call id","field":"call_id"}

            > anna POST /api/call/end | {"call_id": 44}
            422
            {"code":"invalid_field","detail":"invalid type: integer `44`, expected a string","field":"call_id"}

            > root POST /api/trunks | {"name": "", "type": "auto", "capacity": 1000}
            422
            {"code":"invalid_field","detail":"a name has 1 to 128 characters, none of them a control character","errors":[{"code":"invalid_field","detail":"a name has 1 to 128 characters, none of them a control character","field":"name"},{"code":"invalid_field","detail":"a capacity is 1 to 999","field":"capacity"}],"field":"name"}

            > root POST /api/trunks | {"name": "a\u0000b", "type": "auto", "capacity": 0}
            422
            {"code":"invalid_field","detail":"a name has 1 to 128 characters, none of them a control character","errors":[{"code":"invalid_field","detail":"a name has 1 to 128 characters, none of them a control character","field":"name"},{"code":"invalid_field","detail":"a capacity is 1 to 999","field":"capacity"}],"field":"name"}

            > root POST /api/trunks | {"name": "x", "type": "sip", "capacity": 1}
            422
            {"code":"missing_field","detail":"missing field `hosts`","field":"hosts"}

            > root POST /api/trunks | {"name": "x", "type": "auto", "capacity": -5}
            422
            {"code":"invalid_field","detail":"a capacity is 1 to 999","field":"capacity"}

            > root POST /api/trunks | {"name": "x", "type": "auto", "capacity": "5"}
            422
            {"code":"invalid_field","detail":"invalid type: string \"5\", expected i64","field":"capacity"}

            > root PUT /api/trunks/1 | {"name": "   "}
            422
            {"code":"invalid_field","detail":"a name has 1 to 128 characters, none of them a control character","field":"name"}

            > root PUT /api/trunks/1 | {"kind": "mf"}
            422
            {"code":"unknown_field","detail":"unknown field `kind`, expected `name` or `capacity`","field":"kind"}

            > root PUT /api/trunks/99 | {"name": "x"}
            404
            {"code":"trunk_not_found","detail":"No such trunk."}

            > anna GET /api/slots?limit=0&status=nice&sort=x
            422
            {"code":"invalid_field","detail":"\"nice\" is neither a status nor a state of slots","field":"status"}

            > anna GET /api/slots?status=free&status=busy
            422
            {"code":"unknown_field","detail":"the parameter \"status\" is unknown or stands twice","field":"status"}

            > anna GET /api/slots?cursor=%27%20OR%201=1
            422
            {"code":"invalid_field","detail":"the cursor is not one of this list: take `next` or `prev` of a page with the same filter, search and order, or leave it out","field":"cursor"}

            > anna GET /api/calls?from=yesterday
            422
            {"code":"invalid_field","detail":"\"yesterday\" is not a whole number that can be used","field":"from"}

            > anna GET /api/nothing
            404
            {"code":"not_found","detail":"There is nothing at this path."}

            > anna DELETE /api/slots
            405
            allow: GET,HEAD
            {"code":"method_not_allowed","detail":"The path does not know this method."}

            > anna PATCH /api/slots/1
            405
            allow: GET,HEAD,PUT,DELETE
            {"code":"method_not_allowed","detail":"The path does not know this method."}

            > - GET /api/auth/login
            405
            allow: POST
            {"code":"method_not_allowed","detail":"The path does not know this method."}

            > - OPTIONS /api/slots
            405
            allow: GET,HEAD
            {"code":"method_not_allowed","detail":"The path does not know this method."}

            > anna POST /api/call/start | {"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}
            422
            {"code":"unknown_field","detail":"unknown field `a`, expected `slot_id` or `phone_number`","field":"a"}

            > anna POST /api/call/start | {"slot_id": "44444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444"}
            413
            {"code":"body_too_large","detail":"The body is longer than is accepted.","limit":2000}

            > anna GET /api/slots?status=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            422
            {"code":"invalid_field","detail":"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" is neither a status nor a state of slots","field":"status"}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn every_answer_is_dressed() {
    let world = World::new().await;
    for request in ["anna GET /api/slots", "- GET /api/slots", "- GET /api/nothing", "anna PATCH /api/slots", "- GET /healthz"] {
        let response = world.send(request).await;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert_eq!(header("x-content-type-options"), "nosniff", "{request}");
        assert_eq!(header("cache-control"), "no-store", "{request}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{request}");
        assert_eq!(header("x-request-id").len(), 16, "{request}");
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "{request}");
    }
}

#[tokio::test]
async fn hostile_text_comes_back_as_text() {
    let world = World::new().await;
    // FT-25: markup stays inside JSON, and JSON is never taken for a page.
    let name = "<img src=x onerror=alert(1)>";
    let request = format!("root POST /api/trunks\n\n{{\"name\": \"{name}\", \"type\": \"ls\", \"capacity\": 1}}");
    let response = world.send(&request).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let (_, trunk) = world.json("root GET /api/trunks/2").await;
    assert_eq!(trunk["name"], name);
}

#[tokio::test]
async fn a_path_that_is_no_text_names_nothing() {
    let world = World::new().await;
    for path in ["roles", "jobs", "webhooks", "audit", "calls", "users", "me/settings", "slots"] {
        let response = world.send(&format!("root GET /api/{path}/%ff")).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn a_defect_costs_one_request() {
    let world = World::new().await;
    let broken = async || -> &'static str { panic!("a defect") };
    let layer = axum::middleware::from_fn_with_state(world.api.clone(), crate::dress::dress);
    let router = axum::Router::new().route("/", axum::routing::get(broken)).layer(layer);
    let request = http::Request::new(axum::body::Body::empty());
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    expect![[r#"
        500
        {"code":"internal","detail":"A defect of ours."}
    "#]]
    .assert_eq(&crate::testing::shown(response).await);
}

#[tokio::test]
async fn no_secret_reaches_the_log() {
    use tracing::instrument::WithSubscriber as _;

    let world = World::new().await;
    let log = Log::default();
    let writer = {
        let log = log.clone();
        move || log.clone()
    };
    let level = tracing_subscriber::filter::LevelFilter::TRACE;
    let token = world.token("anna");
    let requests = async || {
        world.send("- GET /api/calls/c_00000000000z8/recording?t=ticket.in.query").await;
        world.send(&format!("- GET /api/slots?limit=1&x=query\nAuthorization: Bearer {token}")).await;
        world.send("- POST /api/auth/login\n\n{\"username\": \"anna\", \"password\": \"right horse\"}").await;
        world.send("root PUT /api/slots/1\n\n{\"new_password\": true}").await;
        world.send("- GET /socket.io/?EIO=4&transport=polling&token=in.query").await;
    };
    let heard = || {
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        (log.contains("route=\"/api/calls/{id}/recording\"") && log.contains("not_signed_in"), log)
    };
    // Places in the code that log for the first time just as a subscriber of another test comes or goes may stay silent for a while.
    for _ in 0..5 {
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(writer.clone()).finish();
        requests().with_subscriber(subscriber).await;
        if heard().0 {
            break;
        }
    }
    let (is_heard, log) = heard();
    assert!(is_heard, "{log}");
    for secret in ["in.query", "x=query", &token, "right horse", "argon2id"] {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_slot_has_toll_limits() {
    let world = World::new().await;
    check(
        &world,
        &[
            "root GET /api/slots/1/limits",
            "root PUT /api/slots/1/limits\n\n{\"calls_max\": 1, \"destinations\": [\"60-01\", \"+7 (495)*\", \"*\"]}",
            "root GET /api/slots/1/limits",
            "root GET /api/slots/2/limits",
            "root PUT /api/slots/1/limits\n\n{\"calls_max\": 0, \"destinations\": [\"6001\", \"x\", \"\", \"6*3\"]}",
            "root PUT /api/slots/1/limits\n\n{\"calls_max\": 300, \"destinations\": []}",
            "root PUT /api/slots/1/limits\n\n{\"calls_max\": 2}",
            "root PUT /api/slots/1/limits\n\n{\"calls_max\": 2, \"destinations\": [], \"more\": 1}",
            "root PUT /api/slots/1/limits\n\n{\"calls_max\": 2, \"destinations\": [6001]}",
            "root GET /api/slots/99/limits",
            "root PUT /api/slots/99/limits\n\n{\"calls_max\": 2, \"destinations\": []}",
        ],
        expect![[r#"
            > root GET /api/slots/1/limits
            200
            {"calls_max":2,"destinations":[]}

            > root PUT /api/slots/1/limits | {"calls_max": 1, "destinations": ["60-01", "+7 (495)*", "*"]}
            200
            {"calls_max":1,"destinations":["6001","+7495*","*"]}

            > root GET /api/slots/1/limits
            200
            {"calls_max":1,"destinations":["6001","+7495*","*"]}

            > root GET /api/slots/2/limits
            200
            {"calls_max":2,"destinations":[]}

            > root PUT /api/slots/1/limits | {"calls_max": 0, "destinations": ["6001", "x", "", "6*3"]}
            422
            {"code":"invalid_field","detail":"0 is not from 1 to 2","errors":[{"code":"invalid_field","detail":"0 is not from 1 to 2","field":"calls_max"},{"code":"invalid_field","detail":"a destination is a number (6001), or the beginning of numbers and a star (+7495*)","field":"destinations[1]"},{"code":"invalid_field","detail":"a destination is a number (6001), or the beginning of numbers and a star (+7495*)","field":"destinations[2]"},{"code":"invalid_field","detail":"a star can only be the last character: a destination is a number (6001), or the beginning of numbers and a star (+7495*)","field":"destinations[3]"}],"field":"calls_max"}

            > root PUT /api/slots/1/limits | {"calls_max": 300, "destinations": []}
            422
            {"code":"invalid_field","detail":"300 is not from 1 to 2","field":"calls_max"}

            > root PUT /api/slots/1/limits | {"calls_max": 2}
            422
            {"code":"missing_field","detail":"missing field `destinations`","field":"destinations"}

            > root PUT /api/slots/1/limits | {"calls_max": 2, "destinations": [], "more": 1}
            422
            {"code":"unknown_field","detail":"unknown field `more`, expected `calls_max` or `destinations`","field":"more"}

            > root PUT /api/slots/1/limits | {"calls_max": 2, "destinations": [6001]}
            422
            {"code":"invalid_field","detail":"invalid type: integer `6001`, expected a string","field":"destinations[0]"}

            > root GET /api/slots/99/limits
            404
            {"code":"slot_not_found","detail":"No such slot."}

            > root PUT /api/slots/99/limits | {"calls_max": 2, "destinations": []}
            404
            {"code":"slot_not_found","detail":"No such slot."}

        "#]],
    )
    .await;
    let many = vec!["\"1\""; 101].join(",");
    let (status, answer) = world.json(&format!("root PUT /api/slots/1/limits\n\n{{\"calls_max\": 1, \"destinations\": [{many}]}}")).await;
    assert_eq!((status.as_u16(), answer["field"].as_str()), (422, Some("destinations")), "{answer}");
    // What was refused changed nothing, and signalling has what was set.
    let limits = world.store.directory().await.unwrap().slot(model::SlotId(1)).unwrap().limits.clone();
    assert_eq!(serde_json::to_string(&limits).unwrap(), r#"{"calls_max":1,"destinations":["6001","+7495*","*"]}"#);
}

#[tokio::test]
async fn a_call_is_drawn_as_a_ladder() {
    let world = World::new().await;
    check(
        &world,
        &[
            "root GET /api/calls/c_00000000000z8/ladder",
            // Known, and its messages are forgotten.
            "root GET /api/calls/c_00000000001yg/ladder",
            "root GET /api/calls/c_00000000009rh/ladder",
            "root GET /api/calls/x/ladder",
        ],
        expect![[r#"
            > root GET /api/calls/c_00000000000z8/ladder
            200 text/plain; charset=utf-8
            content-length: 34
            6001 ── INVITE ──▶ 6002

            > root GET /api/calls/c_00000000001yg/ladder
            404
            {"code":"ladder_forgotten","detail":"the messages of this call are not kept any more"}

            > root GET /api/calls/c_00000000009rh/ladder
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > root GET /api/calls/x/ladder
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

        "#]],
    )
    .await;
    let response = world.send("root GET /api/calls/c_00000000000z8/ladder").await;
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-store");
    // A call of another centre is not there.
    for (center, status) in [(1, 200), (2, 404)] {
        let mut call = crate::testing::call_view(5000 + center, model::Direction::Internal);
        call.center = model::CenterId(center);
        world.live.publish(crate::testing::NOW, [model::Event::CallUpdated(call.clone())]);
        assert_eq!(world.send(&format!("root GET /api/calls/{}/ladder", call.call_id)).await.status(), status);
    }
}

#[tokio::test]
async fn the_configuration_is_read_again() {
    let world = World::new().await;
    let reload = "root POST /api/system/reload";
    let taken = world.ask(reload).await;
    *world.system.0.lock().unwrap() =
        Ok(crate::Reloaded { changed: vec![], warnings: vec!["`calls.max` is more than the limit of open files allows".to_owned()] });
    let same = world.ask(reload).await;
    let errors = vec!["line 3, column 1: unknown key `mx`".to_owned(), "`sip.udp` cannot change in a running server".to_owned()];
    *world.system.0.lock().unwrap() = Err(errors);
    let refused = world.ask(reload).await;
    world.api.office.clone().write_refusals(Arc::new(crate::auth::now), watch::channel(true).1).await;
    let (_, audit) = world.json("root GET /api/audit?filter=%7B%22action%22%3A%22system.configure%22%7D&sort=seq").await;
    let noted = audit["items"].as_array().unwrap().iter().map(|row| format!("{} {}\n", row["outcome"], row["diff"])).collect::<String>();
    expect![[r#"
        "done" {"changed":[null,["log.filter"]]}
        "done" {"changed":[null,[]]}
        "refused" {"errors":[null,["line 3, column 1: unknown key `mx`","`sip.udp` cannot change in a running server"]]}
    "#]]
    .assert_eq(&noted);
    expect![[r#"
        200
        {"changed":["log.filter"],"warnings":[]}

        200
        {"changed":[],"warnings":["`calls.max` is more than the limit of open files allows"]}

        422
        {"code":"config_refused","detail":"The configuration cannot be used; the old one stays in force.","details":{"errors":["line 3, column 1: unknown key `mx`","`sip.udp` cannot change in a running server"]}}
    "#]].assert_eq(&format!("{taken}\n{same}\n{refused}"));
}

#[tokio::test]
async fn health_says_when_the_server_shuts_down() {
    let world = World::new().await;
    let before = world.ask("- GET /healthz").await;
    world.live.drain();
    let after = world.ask("- GET /healthz").await;
    expect![[r#"
        200
        {"status":"ok","version":"0.1.0"}

        503
        {"status":"draining","version":"0.1.0"}
    "#]]
    .assert_eq(&format!("{before}\n{after}"));
}
