//! Carriers that are names, when DNS is slow: whose names are silent waits by himself, and calls wait for nobody's upkeep.

use std::time::Duration;

use calls::Input;
use model::CenterId;
use sip_core::{
    Transport,
    locate::{Data, Kind, Record, Said},
};

use crate::world::{World, directory};

/// How many carriers have silent names, each sixteen.
const SILENT: usize = 20;

fn at(address: &str) -> Option<Said> {
    Some(Said::Records(vec![Record { ttl_s: 300, data: Data::A(address.parse().unwrap()) }]))
}

/// A centre with carriers whose hosts are all silent, and with one that is there; and another centre's carrier.
fn world() -> World {
    let mut world = World::new(2);
    world.add_peer("own", "10.0.9.1:5060");
    world.add_peer("other", "10.0.9.2:5060");
    world.input(Input::Outward(vec![(Transport::Udp, "10.0.0.1:5060".parse().unwrap())]));
    let carrier = |name: &str, hosts: &[String]| {
        format!(
            r#"{{"name": "{name}", "hosts": ["{}"], "capacity": 2, "health": {{"options_every_s": 5}}, "callers": [{{"number": "+74950000001"}}]}}"#,
            hosts.join(r#"", ""#)
        )
    };
    let mut carriers = Vec::new();
    for number in 0..SILENT {
        let names: Vec<String> = (0..16).map(|host| format!("h{host}.c{number}.test")).collect();
        for name in &names {
            world.zone.insert((Kind::A, String::leak(name.clone())), None);
        }
        let hosts: Vec<String> = names.iter().map(|name| format!("sip:{name}:5060")).collect();
        carriers.push((CenterId::DEFAULT, carrier(&format!("silent {number}"), &hosts)));
    }
    world.zone.insert((Kind::A, "own.test"), at("10.0.9.1"));
    world.zone.insert((Kind::A, "other.test"), at("10.0.9.2"));
    carriers.push((CenterId::DEFAULT, carrier("own", &["sip:own.test:5060".to_owned()])));
    carriers.push((CenterId(2), carrier("other", &["sip:other.test:5060".to_owned()])));
    let carriers: Vec<_> = carriers.iter().map(|(center, json)| (*center, json.as_str())).collect();
    let route = format!(
        r#"{{"name": "world", "position": 1, "match": {{"to": ["+*"]}}, "then": {{"do": "carriers", "order": [{{"carrier": "{}"}}]}}}}"#,
        SILENT + 1
    );
    world.set_plan_in(directory(2), &carriers, &[&route]);
    world
}

fn is_found(world: &World, address: &str) -> bool {
    world.routed.contains(&address.parse().unwrap())
}

/// The upkeep of one centre's names takes its own share of DNS, and no more.
#[test]
fn silent_names_of_one_center_hold_up_no_other() {
    let mut world = world();
    assert!(is_found(&world, "10.0.9.2"), "the other centre's carrier is found at once");
    assert!(!is_found(&world, "10.0.9.1"), "the own one waits for its turn");
    world.run(Duration::from_secs(60));
    assert!(is_found(&world, "10.0.9.1"), "and has it");
    world.assert_replays();
}

/// A call is asked for before all upkeep, its own centre's too.
#[test]
fn a_call_waits_for_no_upkeep() {
    let mut world = world();
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(100));
    assert_eq!(world.phone("own").count("INVITE"), 1);
    world.assert_replays();
}
