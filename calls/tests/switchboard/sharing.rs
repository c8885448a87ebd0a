//! The streams to carriers are shared by all centres: for whom one is, and who may keep it.

use std::time::Duration;

use calls::Input;
use model::CenterId;
use sip_core::{
    Transport,
    locate::{Data, Kind, Record, Said},
};

use crate::{
    phone::Habit,
    world::{World, directory},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Two carriers at one address: the first one is asked whether it is there, every 5 s, and by the second one is called.
#[test]
fn who_only_asks_keeps_no_stream_from_a_call() {
    let mut world = World::new(1);
    world.add_peer("A", "10.0.9.1:5061");
    let at = |address: &str| Some(Said::Records(vec![Record { ttl_s: 300, data: Data::A(address.parse().unwrap()) }]));
    world.zone.insert((Kind::A, "a.test"), at("10.0.9.1"));
    world.zone.insert((Kind::A, "b.test"), at("10.0.9.1"));
    let carrier = |name: &str, every: u32| {
        format!(
            r#"{{"name": "{name}", "hosts": ["sips:{name}.test:5061"], "capacity": 2, "health": {{"options_every_s": {every}}},
            "callers": [{{"number": "+74950000001"}}]}}"#
        )
    };
    let by_b = r#"{"name": "b", "position": 1, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "2"}]}}"#;
    world.set_plan(1, &[&carrier("a", 5), &carrier("b", 0)], &[by_b]);
    world.run(seconds(12));
    assert!(world.secured.len() >= 2 && world.secured.iter().all(|(_, name)| name == "a.test"), "{:?}", world.secured);
    assert!(world.known.is_empty(), "{:?}", world.known);
    assert!(world.claimed.len() >= 2 && world.claimed.iter().all(|claim| !claim.2), "{:?}", world.claimed);

    world.phone("A").habit = Habit::Ring;
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    let (flow, name) = world.secured.last().cloned().unwrap();
    assert_eq!((name.as_str(), world.claimed.last()), ("b.test", Some(&(flow, CenterId::DEFAULT, true))));
    assert!(world.known.contains(&flow));
    // Now it is in use, and stays what it is.
    let before = world.secured.len();
    world.run(seconds(15));
    assert_eq!(world.secured.len(), before, "{:?}", world.secured);
    world.input(Input::FlowClosed { flow });
    world.hang_up("6001");
    world.run(seconds(40));
    assert!(world.known.is_empty(), "{:?}", world.known);
    world.assert_replays();
}

/// One centre's hosts are all silent, and more than can be asked at once: another's is asked as often as ever, and so is its registrar.
#[test]
fn silent_hosts_of_one_centre_take_no_room_of_another() {
    let mut world = World::new(1);
    world.add_peer("B", "10.0.9.2:5060");
    let silent = |carrier: usize| {
        let hosts: Vec<String> = (0..16).map(|host| format!("\"sip:10.8.{carrier}.{}\"", host + 1)).collect();
        let accounts: Vec<String> = (0..20).map(|at| format!(r#"{{"username": "u{at}", "password": "p", "register": true}}"#)).collect();
        format!(
            r#"{{"name": "s{carrier}", "hosts": [{}], "capacity": 2, "health": {{"options_every_s": 5}}, "accounts": [{}]}}"#,
            hosts.join(", "),
            accounts.join(", ")
        )
    };
    let other = r#"{"name": "B", "hosts": ["sip:10.0.9.2"], "capacity": 2, "health": {"options_every_s": 5},
        "accounts": [{"username": "us", "password": "p", "register": true, "expires_s": 60}]}"#;
    let mut carriers: Vec<String> = (0..80).map(silent).collect();
    carriers.push(other.to_owned());
    let center = |at| if at == 80 { CenterId(2) } else { CenterId::DEFAULT };
    let carriers: Vec<_> = carriers.iter().enumerate().map(|(at, carrier)| (center(at), carrier.as_str())).collect();
    world.forget_history();
    world.set_plan_in(directory(1), &carriers, &[]);
    world.input(Input::Outward(vec![(Transport::Udp, "10.0.0.1:5060".parse().unwrap())]));
    world.run(seconds(70));
    let asked = ["OPTIONS", "REGISTER"].map(|method| world.phone("B").count(method));
    assert!(asked[0] >= 12 && asked[1] >= 2, "{asked:?}");
}
