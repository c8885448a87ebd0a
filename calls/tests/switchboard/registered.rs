//! The way of calls by an account that is registered (RFC 3608).

use std::time::Duration;

use crate::{carriers::B, phone::Habit, registry::Registry, world::World};

/// The world by A, then by B.
pub(crate) const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]},
    "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#;
const ROUTE: &str = "<sip:edge.carrier.test;lr>, <sip:home.carrier.test;lr;x=1>";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A with an account, at these hosts.
pub(crate) fn a(hosts: &str, options_every_s: u32) -> String {
    format!(
        r#"{{"name": "A", "hosts": [{hosts}], "accounts": [{{"username": "us", "password": "secret"}}],
        "health": {{"options_every_s": {options_every_s}}}, "capacity": 9, "callers": [{{"number": "+74950000001"}}]}}"#
    )
}

/// A, which tells a Service-Route, and B, which registers nobody.
pub(crate) fn world(hosts: &str, route: Option<&'static str>) -> World {
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("A2", "10.0.9.3:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.phone("A").registry = Some(Registry { service_route: route, ..Registry::asking("secret") });
    world.set_plan(2, &[&a(hosts, 0), B], &[WORLD]);
    world
}

/// Calls by an account go the way that the carrier named for it (RFC 3608, 5), and so does what belongs to them.
#[test]
fn a_call_goes_the_way_that_the_registrar_named() {
    let mut world = world(r#""sip:10.0.9.1""#, Some(ROUTE));
    world.run(seconds(5));
    world.phone("A").habit = Habit::Ring;
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.phone("A").header("INVITE", "Route"), Some(ROUTE));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.phone("A").header("CANCEL", "Route"), Some(ROUTE), "RFC 3261, 9.1");
    assert_eq!(world.phone("A").header("REGISTER", "Route"), None);
    // Another refresh, another way; and none.
    for route in [Some("<sip:other.carrier.test;lr>"), None] {
        world.phone("A").registry.as_mut().unwrap().service_route = route;
        world.run(seconds(3_600));
        for number in ["6001", "6002"] {
            world.register(number, 300);
        }
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        assert_eq!(world.phone("A").header("INVITE", "Route"), route);
        world.hang_up("6001");
        world.run(seconds(1));
    }
    world.assert_clean();
}

/// It begins where the account is registered: who is called elsewhere is not led there.
#[test]
fn another_host_or_carrier_is_called_straight() {
    let mut world = world(r#""sip:10.0.9.1", "sip:10.0.9.3""#, Some(ROUTE));
    world.run(seconds(5));
    world.phone("A").habit = Habit::Refuse(503);
    world.phone("A2").habit = Habit::Refuse(503);
    world.dial("6001", "+74951234567");
    world.run(seconds(2));
    assert_eq!(world.phone("A").header("INVITE", "Route"), Some(ROUTE));
    for peer in ["A2", "B"] {
        assert_eq!((world.phone(peer).count("INVITE"), world.phone(peer).header("INVITE", "Route")), (1, None), "{peer}");
    }
    world.hang_up("6001");
    world.assert_clean();
}
