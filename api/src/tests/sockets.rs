//! Socket.IO with a client of its own: sign-in, rights, resume, slow readers.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use futures_util::{SinkExt as _, StreamExt as _};
use model::{CallStatus, CenterId, DigitView, Direction, Event, PartyRole, ReboundView, RecordingState, RecordingView, SlotId};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    live::{RING_MAX, ears::Ears},
    serve,
    testing::{ANNA, BORIS, NOW, World, call_view, slot_view},
};

/// Nothing here takes as long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn listening(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, None, world.router.clone(), crate::Metrics::new(), std::future::pending()));
    address
}

/// A Socket.IO 5 client over Engine.IO 4, WebSocket only.
struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn open(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that a client that does not read is soon felt.
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = client_async(url, stream).await.unwrap();
        let mut client = Self(stream);
        assert!(client.packet().await.unwrap().starts_with('0'));
        client
    }

    async fn signed_in(address: SocketAddr, token: &str) -> Self {
        let mut client = Self::open(address).await;
        client.send(&format!("40{}", json!({"token": token}))).await;
        let answer = client.packet().await.unwrap();
        assert!(answer.starts_with("40{\"sid\""), "{answer}");
        client
    }

    async fn send(&mut self, packet: &str) {
        self.0.send(Message::text(packet.to_owned())).await.unwrap();
    }

    /// The next packet that is no ping; none if the connection ends.
    async fn packet(&mut self) -> Option<String> {
        let packet = async {
            loop {
                match self.0.next().await? {
                    Ok(Message::Text(text)) if text.as_str() == "2" => self.send("3").await,
                    Ok(Message::Text(text)) => return Some(text.to_string()),
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, packet).await.expect("nothing comes but pings")
    }

    /// Nothing comes from one ping to the next.
    async fn hears_pings_only(&mut self) {
        for _ in 0..2 {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a ping").unwrap().unwrap();
            assert_eq!(message, Message::text("2"));
            self.send("3").await;
        }
    }

    /// The next event: its name and data.
    async fn event(&mut self) -> (String, Value) {
        let packet = self.packet().await.expect("an event");
        let event: Value = serde_json::from_str(packet.strip_prefix("42").expect("an event")).unwrap();
        (event[0].as_str().unwrap().to_owned(), event[1].clone())
    }

    /// Events up to and including the one that `last` knows.
    async fn events_until(&mut self, last: u64) -> Vec<String> {
        let mut told = vec![];
        loop {
            let (name, data) = self.event().await;
            let seq = data["seq"].as_u64().unwrap();
            told.push(format!("{name} {}", data["id"].as_str().unwrap_or("-")));
            if seq >= last {
                return told;
            }
        }
    }

    async fn subscribe(&mut self, data: Value) -> u64 {
        self.send(&format!("427{}", json!(["subscribe:calls", data]))).await;
        let packet = self.packet().await.unwrap();
        let ack: Value = serde_json::from_str(packet.strip_prefix("437").unwrap_or_else(|| panic!("{packet}"))).unwrap();
        ack[0]["seq"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn without_a_good_token_nobody_hears_anything() {
    let world = World::new().await;
    let address = listening(&world).await;
    let refresh = "cbr_0000000000000000000000000000000000000000000";
    for auth in ["", "{}", "{\"token\":1}", "{\"token\":\"x\"}", "[]", &json!({"token": refresh}).to_string()] {
        let mut client = Client::open(address).await;
        client.send(&format!("40{auth}")).await;
        assert_eq!(client.packet().await.as_deref(), Some("44{\"message\":\"not_signed_in\"}"), "{auth}");
        // What is sent without sign-in ends the connection or is not answered; at the latest the sign-in time does.
        client.send("42[\"subscribe:calls\",{}]").await;
        world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
        // Engine.IO's close packet, or just the end of the connection.
        let last = client.packet().await;
        assert!(matches!(last.as_deref(), None | Some("1")), "{auth}: {last:?}");
    }
}

/// The server comes to a new client late (`LATE_TURNS`), as a busy one does: nothing that the client says meanwhile is lost.
#[tokio::test]
async fn who_subscribes_before_the_server_has_turned_to_them_is_heard() {
    let world = World::new().await;
    let address = listening(&world).await;
    let mut client = Client::open(address).await;
    client.send(&format!("40{}", json!({"token": world.token("root")}))).await;
    assert!(client.packet().await.unwrap().starts_with("40{\"sid\""));
    client.send("423[\"subscribe\",{\"topics\":[\"slots\"]}]").await;
    let answer = client.packet().await.unwrap();
    assert!(answer.starts_with("433["), "{answer}");
    world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
    assert_eq!(client.event().await.0, "slot.update");
}

/// A page that opens asks for more than it did a moment ago: the last subscription stands, however busy the server is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_of_two_subscriptions_stands() {
    let world = World::new().await;
    let address = listening(&world).await;
    let mut client = Client::signed_in(address, &world.token("root")).await;
    for round in 0..300 {
        // Both at once.
        client.0.feed(Message::text("421[\"subscribe\",{\"topics\":[\"calls\"]}]")).await.unwrap();
        client.send("422[\"subscribe\",{\"topics\":[\"slots\"]}]").await;
        let answers = [client.packet().await.unwrap(), client.packet().await.unwrap()];
        assert!(answers[0].starts_with("431[") && answers[1].starts_with("432["), "round {round}: {answers:?}");
        world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
        assert_eq!(client.event().await.0, "slot.update", "round {round}");
    }
}

#[tokio::test]
async fn each_hears_what_they_may() {
    let world = World::new().await;
    let address = listening(&world).await;
    world.send("boris POST /api/slots/2/take").await;
    let mut clients = vec![];
    for who in ["root", "anna", "boris"] {
        let mut client = Client::signed_in(address, &world.token(who)).await;
        assert_eq!(client.subscribe(json!({})).await, world.live.last_seq());
        clients.push((who, client));
    }
    // Anna's call rings at Boris's slot; a call of nobody's; a call of another centre.
    let mut hers = call_view(5_000, Direction::Internal);
    hers.callee_slot = Some(SlotId(2));
    let mut nobodys = call_view(5_001, Direction::Inbound);
    nobodys.user = None;
    let mut foreign = call_view(5_002, Direction::Internal);
    foreign.center = CenterId(2);
    let closed = |call: &model::CallView| {
        let (call_id, center) = (call.call_id, call.center);
        Event::RecordingClosed(RecordingView { call_id, center, state: RecordingState::Complete, reason: None, duration_ms: 5 })
    };
    let rebound = ReboundView {
        id: SlotId(1),
        center: CenterId::DEFAULT,
        number: "6001".to_owned(),
        old_source: "192.0.2.1:5060".to_owned(),
        new_source: "192.0.2.2:5060".to_owned(),
    };
    let digit = |call: &model::CallView| {
        let (call_id, center) = (call.call_id, call.center);
        Event::DigitPressed(DigitView { call_id, center, by: PartyRole::Caller, digit: '1', duration_ms: 80 })
    };
    let removed = Event::SlotRemoved { slot: SlotId(3), center: CenterId::DEFAULT };
    let events = [
        Event::CallUpdated(hers.clone()),
        Event::CallUpdated(nobodys.clone()),
        Event::CallUpdated(foreign),
        Event::Rebound(rebound),
        digit(&hers),
        digit(&nobodys),
        closed(&hers),
        closed(&nobodys),
        removed,
        Event::SlotUpdated(slot_view(1)),
    ];
    world.live.publish(NOW, events.clone());
    let last = world.live.last_seq();
    let mut told = String::new();
    for (who, client) in &mut clients {
        told += &format!("{who}: {}\n", client.events_until(last).await.join(", "));
    }
    expect_test::expect![[r#"
        root: call.update c_00000000004w8, call.update c_00000000004w9, slot.rebound 1, call.digit c_00000000004w8, call.digit c_00000000004w9, recording.ready c_00000000004w8, recording.ready c_00000000004w9, slot.update 3, slot.update 1
        anna: call.update c_00000000004w8, call.digit c_00000000004w8, recording.ready c_00000000004w8, slot.update 3, slot.update 1
        boris: call.update c_00000000004w8, recording.ready c_00000000004w8, slot.update 3, slot.update 1
    "#]].assert_eq(&told);
}

/// Each row: a role of Boris, and which of these he hears: a colleague's call, a key that is pressed in it, one that is pressed in his own.
#[tokio::test]
async fn keys_are_heard_by_those_in_the_call_and_by_who_monitors() {
    let world = World::new().await;
    let mut told = String::new();
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let mut version = boris["version"].as_i64().unwrap();
    for role in ["operator", "viewer", "analyst", "client_admin", "supervisor", "admin"] {
        let (status, answer) =
            world.json(&format!("root PUT /api/users/{}\n\n{{\"roles\": [\"{role}\"], \"version\": {version}}}", BORIS.0)).await;
        assert!(status.is_success(), "{role}: {answer}");
        version = answer["version"].as_i64().unwrap();
        let hers = call_view(5_000, Direction::Internal);
        let mut his = call_view(5_001, Direction::Internal);
        his.user = Some(BORIS);
        let digit = |call: &model::CallView| {
            let (call_id, center) = (call.call_id, call.center);
            Event::DigitPressed(DigitView { call_id, center, by: PartyRole::Caller, digit: '1', duration_ms: 80 })
        };
        let since = world.live.last_seq();
        world.live.publish(NOW, [Event::CallUpdated(hers.clone()), Event::CallUpdated(his.clone()), digit(&hers), digit(&his)]);
        let mut ears = Ears::of(&world.principal("boris").await);
        let mut heard = vec![];
        for event in world.live.after(since, 4).unwrap() {
            let whose = if event.users.contains(&BORIS) { "his" } else { "hers" };
            heard.extend(ears.hear(&world.api, &event).await.map(|envelope| format!("{whose} {}", envelope.kind)));
        }
        told += &format!("{role}: {}\n", heard.join(", "));
    }
    expect_test::expect![[r#"
        operator: his call.update, his call.digit
        viewer: hers call.update, his call.update, his call.digit
        analyst: hers call.update, his call.update, his call.digit
        client_admin: hers call.update, his call.update, his call.digit
        supervisor: hers call.update, his call.update, hers call.digit, his call.digit
        admin: hers call.update, his call.update, hers call.digit, his call.digit
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn the_form_of_events() {
    let world = World::new().await;
    let address = listening(&world).await;
    world.send("boris POST /api/slots/2/take").await;
    let mut client = Client::signed_in(address, &world.token("root")).await;
    let since = client.subscribe(json!({})).await;
    let mut call = call_view(5_000, Direction::Internal);
    call.callee_slot = Some(SlotId(2));
    let (call_id, center) = (call.call_id, call.center);
    let rebound = ReboundView {
        id: SlotId(1),
        center,
        number: "6001".to_owned(),
        old_source: "192.0.2.1:5060".to_owned(),
        new_source: "192.0.2.2:5060".to_owned(),
    };
    let events = [
        Event::SlotUpdated(world.live.slot(SlotId(2)).unwrap()),
        Event::CallUpdated(call),
        Event::SlotRemoved { slot: SlotId(3), center },
        Event::Rebound(rebound),
        Event::DigitPressed(DigitView { call_id, center, by: PartyRole::Callee, digit: '5', duration_ms: 120 }),
        Event::RecordingClosed(RecordingView { call_id, center, state: RecordingState::Complete, reason: None, duration_ms: 5 }),
    ];
    world.live.publish(NOW, events.clone());
    let mut told = String::new();
    for _ in events {
        let (name, mut data) = client.event().await;
        let seq = data["seq"].as_u64().unwrap();
        data["seq"] = json!(format!("+{}", seq - since));
        told += &format!("{name} {data}\n");
    }
    expect_test::expect![[r#"
        slot.update {"center":"1","data":{"epoch":1,"holder":"3","holder_name":"boris","id":"2","number":"6002","registered":true,"since":1795000000000,"state":"READY","status":"taken","type":"auto"},"epoch":1,"id":"2","seq":"+1","ts":1795000000000,"type":"slot.update"}
        call.update {"center":"1","data":{"answered_at":null,"asked":null,"call_id":"c_00000000004w8","callee":"6002","callee_slot":"2","caller":"6001","caller_slot":null,"carrier":"101","cause":null,"direction":"internal","ended_at":null,"outcome":null,"parent":null,"ringing_at":null,"rung":[],"scenario":null,"segments":[],"source":null,"started_at":1795000000000,"status":"dialing","transfer":null,"tries":[{"at":1795000000000,"called":"+74957654321","caller":"+74951234567","carrier":"101","outcome":"refused","status":503,"target":"udp 192.0.2.7:5060"}],"user":"2"},"epoch":0,"id":"c_00000000004w8","seq":"+2","ts":1795000000000,"type":"call.update"}
        slot.update {"center":"1","data":null,"epoch":0,"id":"3","seq":"+3","ts":1795000000000,"type":"slot.update"}
        slot.rebound {"center":"1","data":{"id":"1","new_source":"192.0.2.2:5060","number":"6001","old_source":"192.0.2.1:5060"},"epoch":0,"id":"1","seq":"+4","ts":1795000000000,"type":"slot.rebound"}
        call.digit {"center":"1","data":{"by":"callee","call_id":"c_00000000004w8","digit":"5","duration_ms":120},"epoch":0,"id":"c_00000000004w8","seq":"+5","ts":1795000000000,"type":"call.digit"}
        recording.ready {"center":"1","data":{"call_id":"c_00000000004w8","duration_ms":5,"reason":null,"state":"complete"},"epoch":0,"id":"c_00000000004w8","seq":"+6","ts":1795000000000,"type":"recording.ready"}
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn who_comes_back_misses_nothing() {
    let world = World::new().await;
    let address = listening(&world).await;
    let token = world.token("root");
    let mut client = Client::signed_in(address, &token).await;
    let start = client.subscribe(json!({})).await;
    let told = |id: i64| Event::SlotUpdated(slot_view(id));
    world.live.publish(NOW, [told(1), told(2)]);
    assert_eq!(client.events_until(start + 2).await, ["slot.update 1", "slot.update 2"]);
    drop(client);
    world.live.publish(NOW, [told(3), told(1)]);

    let mut client = Client::signed_in(address, &token).await;
    assert_eq!(client.subscribe(json!({"since": start + 2})).await, start + 4);
    assert_eq!(client.events_until(start + 4).await, ["slot.update 3", "slot.update 1"]);
    // Again on the same socket, from further back.
    assert_eq!(client.subscribe(json!({"since": start + 1})).await, start + 4);
    assert_eq!(client.events_until(start + 4).await, ["slot.update 2", "slot.update 3", "slot.update 1"]);

    // Too old, from the future, and no number at all.
    for since in [json!(1), json!(start + 1_000), json!("x")] {
        let last = client.subscribe(json!({"since": since})).await;
        assert_eq!(client.event().await, ("resync".to_owned(), json!({"seq": last})));
    }
    world.live.publish(NOW, vec![told(1); RING_MAX]);
    assert_eq!(client.events_until(start + 4 + RING_MAX as u64).await.len(), RING_MAX, "a full ring");
    world.live.publish(NOW, [told(2)]);
    client.event().await;
    let last = client.subscribe(json!({"since": start + 4})).await;
    assert_eq!(client.event().await, ("resync".to_owned(), json!({"seq": last})), "one more than the ring holds");
}

#[tokio::test]
async fn the_past_of_a_slot_is_not_told_to_its_next_holder() {
    let world = World::new().await;
    let address = listening(&world).await;
    let start = world.live.last_seq();
    world.send("boris POST /api/slots/2/take").await;
    let mut call = call_view(5_000, Direction::Inbound);
    (call.user, call.callee_slot) = (None, Some(SlotId(2)));
    world.live.publish(NOW, [Event::CallUpdated(call.clone())]);
    call.status = CallStatus::Ended;
    world.live.publish(NOW, [Event::CallUpdated(call)]);
    world.send("boris POST /api/slots/2/release").await;
    world.send("anna POST /api/slots/2/take").await;
    let last = world.live.last_seq();
    for (who, calls) in [("anna", 0), ("boris", 2), ("root", 2)] {
        let mut client = Client::signed_in(address, &world.token(who)).await;
        client.subscribe(json!({"since": start})).await;
        let told = client.events_until(last).await;
        assert_eq!(told.iter().filter(|event| event.starts_with("call.update")).count(), calls, "{who}: {told:?}");
    }
}

/// Exactly those are told whose rights are others now, whatever they listen to, and what comes behind it they hear by the new ones.
#[tokio::test]
async fn whose_rights_change_is_told_and_hears_by_the_new_ones() {
    let world = World::new().await;
    let address = listening(&world).await;
    let mut clients = vec![];
    for who in ["root", "anna", "boris"] {
        let mut client = Client::signed_in(address, &world.token(who)).await;
        client.send("427[\"subscribe\",{\"topics\":[\"slots\"]}]").await;
        assert!(client.packet().await.unwrap().starts_with("437["));
        clients.push((who, client));
    }
    let (_, roles) = world.json("root GET /api/roles?limit=200").await;
    let operator = roles["items"].as_array().unwrap().iter().find(|role| role["code"] == "operator").unwrap()["id"].clone();
    let operator = operator.as_str().unwrap();
    let (_, sets) = world.json("root GET /api/permission-sets?limit=200").await;
    let set = sets["items"].as_array().unwrap().iter().find(|set| set["code"] == "operator").unwrap()["id"].clone();
    let set = set.as_str().unwrap();
    let hidden = |resource, column| json!([{"resource": resource, "column": column, "mode": "hide"}]);
    let fewer = json!([{"permission": "slots.read", "scope": "center"}, {"permission": "calls.read", "scope": "own"}]);
    let mut told = String::new();
    for (what, path, change, status) in [
        ("her name", "/api/users/2".to_owned(), json!({"display_name": "Anna A"}), 200),
        ("her columns", "/api/users/2".to_owned(), json!({"columns": hidden("slots", "number")}), 200),
        ("the same columns again", "/api/users/2".to_owned(), json!({"columns": hidden("slots", "number")}), 200),
        ("what is refused", "/api/users/2".to_owned(), json!({"roles": ["nobody"]}), 422),
        ("her role", "/api/users/2".to_owned(), json!({"roles": ["operator", "supervisor"]}), 200),
        ("the role's columns", format!("/api/roles/{operator}"), json!({"columns": hidden("slots", "type")}), 200),
        ("what the role's set grants", format!("/api/permission-sets/{set}"), json!({"permissions": fewer}), 200),
        ("the role's shape", format!("/api/roles/{operator}/shape"), json!({"shape": {"slots": ["read@center"]}}), 200),
    ] {
        let of = path.strip_suffix("/shape").unwrap_or(&path);
        let (_, before) = world.json(&format!("root GET {of}")).await;
        let mut body = change;
        body["version"] = before["version"].clone();
        let (answered, answer) = world.json(&format!("root PUT {path}\n\n{body}")).await;
        assert_eq!(answered.as_u16(), status, "{what}: {answer}");
        world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
        told += &format!("{what}:");
        for (who, client) in &mut clients {
            loop {
                let (name, event) = client.event().await;
                if name == "slot.update" {
                    let columns = event["data"].as_object().unwrap();
                    let lacks: Vec<&str> = ["number", "type"].into_iter().filter(|column| !columns.contains_key(*column)).collect();
                    told += &format!(" {who} without {lacks:?}");
                    break;
                }
                assert_eq!((name.as_str(), &event["data"], &event["center"]), ("rights.update", &json!({}), &json!("1")));
                told += &format!(" {who} is told,");
            }
        }
        told += "\n";
    }
    expect_test::expect![[r#"
        her name: root without [] anna without [] boris without []
        her columns: root without [] anna is told, anna without ["number"] boris without []
        the same columns again: root without [] anna without ["number"] boris without []
        what is refused: root without [] anna without ["number"] boris without []
        her role: root without [] anna is told, anna without ["number"] boris without []
        the role's columns: root without [] anna is told, anna without ["number"] boris is told, boris without ["type"]
        what the role's set grants: root without [] anna is told, anna without ["number"] boris is told, boris without ["type"]
        the role's shape: root without [] anna is told, anna without ["number"] boris is told, boris without ["type"]
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn an_expired_token_ends_the_socket() {
    let world = World::new().await;
    let address = listening(&world).await;
    let anna = world.subject("anna");
    // The leeway of a minute is nearly over.
    let issued = SystemTime::now() - Duration::from_secs(900 + 55);
    let token = world.api.auth.tokens.access(issued, &anna, Duration::from_secs(900)).unwrap();
    let mut client = Client::signed_in(address, &token).await;
    client.subscribe(json!({})).await;
    assert_eq!(client.packet().await.as_deref(), Some("41"));
    world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
    client.hears_pings_only().await;
    // The same connection may sign in anew.
    client.send(&format!("40{}", json!({"token": world.token("anna")}))).await;
    assert!(client.packet().await.unwrap().starts_with("40{\"sid\""));
}

#[tokio::test]
async fn a_disabled_user_is_put_out() {
    let world = World::new().await;
    let address = listening(&world).await;
    let mut client = Client::signed_in(address, &world.token("anna")).await;
    client.subscribe(json!({})).await;
    world.set_active(ANNA, false).await;
    assert_eq!(client.packet().await.as_deref(), Some("41"));
}

/// Each way out ends the socket before the next event, and not at its next look at the database.
#[tokio::test]
async fn who_is_put_out_hears_nothing_of_what_comes_after() {
    let world = World::new().await;
    let address = listening(&world).await;
    let (_, made) = world.json("root POST /api/me/tokens\n\n{\"name\": \"wall board\"}").await;
    let mut program = Client::signed_in(address, made["token"].as_str().unwrap()).await;
    let mut logged_out = Client::signed_in(address, &world.token("anna")).await;
    let mut disabled = Client::signed_in(address, &world.token("boris")).await;
    let mut root = Client::signed_in(address, &world.token("root")).await;
    for client in [&mut program, &mut logged_out, &mut disabled, &mut root] {
        client.subscribe(json!({})).await;
    }
    world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
    for client in [&mut program, &mut logged_out, &mut disabled, &mut root] {
        assert_eq!(client.event().await.0, "slot.update");
    }
    for way in [format!("root DELETE /api/tokens/{}", made["id"].as_str().unwrap()), format!("root POST /api/users/{}/logout", ANNA.0)] {
        assert!(world.send(&way).await.status().is_success(), "{way}");
    }
    world.set_active(BORIS, false).await;
    world.live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
    for client in [&mut program, &mut logged_out, &mut disabled] {
        assert_eq!(client.packet().await.as_deref(), Some("41"));
    }
    assert_eq!(root.event().await.0, "slot.update", "whom nothing concerned hears on");
}

#[tokio::test]
async fn a_socket_is_a_sign_of_life() {
    let world = World::new().await;
    let address = listening(&world).await;
    let mut client = Client::signed_in(address, &world.token("anna")).await;
    client.subscribe(json!({})).await;
    until(|| world.control.orders() == [model::Command::KeepAlive { user: ANNA }]).await;
    assert_eq!(world.api.metrics.sockets_live.get(), 1);
    drop(client);
    until(|| world.api.metrics.sockets_live.get() == 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_little_and_not_for_long() {
    let world = World::new().await;
    let address = listening(&world).await;
    let mut stalled = Client::signed_in(address, &world.token("root")).await;
    stalled.subscribe(json!({})).await;
    let mut reader = Client::signed_in(address, &world.token("root")).await;
    let start = reader.subscribe(json!({})).await;
    let big = Event::CallUpdated(model::CallView { scenario: Some("x".repeat(4_000)), ..call_view(1, Direction::Internal) });
    world.live.publish(NOW, vec![big; 5_000]);
    // The other hears everything meanwhile.
    assert_eq!(reader.events_until(start + 5_000).await.len(), 5_000);
    until(|| world.api.metrics.sockets_live.get() == 1).await;
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(3));
    tokio::spawn(crate::serve::serve_within(
        places.clone(),
        listener,
        None,
        world.router.clone(),
        crate::Metrics::new(),
        std::future::pending(),
    ));
    let token = world.token("root");
    let first = Client::signed_in(address, &token).await;
    let second = Client::signed_in(address, &token).await;
    // One more is held by the loop that waits for the next connection.
    until(|| places.available_permits() == 0).await;
    drop(first);
    until(|| places.available_permits() == 1).await;
    drop(second);
    until(|| places.available_permits() == 2).await;
}

#[tokio::test]
async fn pages_of_foreign_origins_stay_out() {
    let world = World::new().await;
    let path = "/socket.io/?EIO=4&transport=polling";
    for (headers, status) in [
        ("Host: pbx.example", 200),
        ("Host: pbx.example\nOrigin: https://pbx.example", 200),
        ("Host: pbx.example\nOrigin: https://evil.example", 403),
        ("Host: pbx.example\nOrigin: null", 403),
    ] {
        assert_eq!(world.send(&format!("- GET {path}\n{headers}")).await.status().as_u16(), status, "{headers}");
    }
}

#[tokio::test]
async fn connections_by_the_hundred_are_slowed_down() {
    let world = World::new().await;
    let mut refused = 0;
    for _ in 0..150 {
        refused += u32::from(world.send("- GET /socket.io/?EIO=4&transport=polling").await.status().as_u16() == 429);
    }
    assert!((1..=50).contains(&refused), "{refused}");
    // Other paths are not behind that door.
    assert_eq!(world.send("- GET /healthz").await.status().as_u16(), 200);
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it does not come true");
}
