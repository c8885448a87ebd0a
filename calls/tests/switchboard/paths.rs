//! Phones behind proxies (Path, RFC 3327), and flows that are gone (RFC 5626). B-15.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use calls::Restored;
use model::{Binding, Cause, Event, Fact};
use sip_core::{Flow, RegistrarSettings, Transport};

use crate::{
    phone::Habit,
    world::{World, settings},
};

const SECOND: Duration = Duration::from_secs(1);
const PATH: &str = "<sip:token@10.0.1.200;lr;ob>, <sip:inner.example;lr>";

fn world(count: u16, restored: &Restored) -> World {
    let registrar = RegistrarSettings { flow_timer_s: Some(120), ..RegistrarSettings::default() };
    let settings = calls::Settings { registrar, ..settings() };
    World::unregistered(count, settings, restored)
}

/// The phone's messages go through a proxy.
fn behind_proxy(world: &mut World, number: &str) {
    let phone = world.phone(number);
    phone.outside = Some("10.0.1.200:5060".parse().unwrap());
    phone.registers_with = format!("Path: {PATH}\r\nSupported: path, outbound\r\n");
}

fn bindings(world: &World) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for fact in &world.facts {
        if let Fact::Bound { binding } = fact {
            bindings.retain(|old: &Binding| old.slot != binding.slot);
            bindings.push(binding.clone());
        }
    }
    bindings
}

fn restored(world: &World) -> Restored {
    Restored { bindings: bindings(world), listening: vec!["0.0.0.0:5060".parse().unwrap()], ..Restored::default() }
}

/// A call goes through the proxies that the REGISTER came by, before and after a restart; a phone without them has no Route.
#[test]
fn a_phone_is_reached_through_its_proxies_also_after_a_restart() {
    let mut before = world(2, &Restored::default());
    behind_proxy(&mut before, "6002");
    before.register("6002", 300);
    before.register("6001", 300);
    let kept = bindings(&before);
    assert_eq!(kept.iter().map(|binding| binding.path.as_str()).collect::<Vec<_>>(), [PATH, ""]);
    // As in a journal, and from one in which there were no paths.
    let text = serde_json::to_string(&kept[0]).unwrap();
    assert_eq!(serde_json::from_str::<Binding>(&text).unwrap(), kept[0]);
    assert!(!serde_json::to_string(&kept[1]).unwrap().contains("path"));

    let mut after = world(2, &restored(&before));
    behind_proxy(&mut after, "6002");
    after.register("6001", 300);
    for world in [&mut before, &mut after] {
        world.dial("6001", "6002");
        world.run(SECOND);
        assert_eq!(world.phone("6002").header("INVITE", "Route"), Some(PATH));
        assert_eq!(world.phone("6002").last("INVITE").lines().next(), Some("INVITE sip:6002@10.0.1.2:5060 SIP/2.0"));
        world.hang_up("6002");
        world.run(SECOND);
        world.dial("6002", "6001");
        world.run(SECOND);
        assert_eq!(world.phone("6001").header("INVITE", "Route"), None);
        world.hang_up("6001");
        world.run(SECOND);
        // An operator's call and a text go the same way.
        world.start_call(7, 2, "6001").unwrap();
        world.run(SECOND);
        assert_eq!(world.phone("6002").header("INVITE", "Route"), Some(PATH));
        world.hang_up("6001");
        world.run(SECOND);
        world.request("6001", "MESSAGE", "6002", ("text", ""), "Content-Type: text/plain\r\n", "x");
        assert!(world.phone("6002").told[0].contains(&format!("Route: {PATH}\r\n")), "{:?}", world.phone("6002").told);
        world.assert_clean();
    }
}

/// What was written down by somebody else is no way to put headers into our messages.
#[test]
fn a_path_that_no_phone_could_have_made_is_not_restored() {
    let mut before = world(1, &Restored::default());
    before.register("6001", 300);
    for (path, instance) in [("<sip:a;lr>\r\nX: y", ""), ("", "a\"b"), (&*"x".repeat(3_000), "")] {
        let mut restored = restored(&before);
        restored.bindings[0].path = path.to_owned();
        restored.bindings[0].instance = instance.to_owned();
        let after = world(1, &restored);
        assert!(after.facts.iter().any(|fact| matches!(fact, Fact::Unbound { .. })), "{path}");
    }
}

/// The proxy says that the phone's flow is gone (430): nobody tries it again, and its next REGISTER heals it (RFC 5626, 7).
#[test]
fn a_flow_that_failed_is_no_binding_until_the_phone_is_back() {
    let mut world = world(2, &Restored::default());
    behind_proxy(&mut world, "6002");
    world.register("6001", 300);
    world.register("6002", 300);
    world.phone("6002").habit = Habit::Refuse(430);
    world.dial("6001", "6002");
    world.run(SECOND);
    assert_eq!(world.cdrs().last().unwrap().cause, Cause::NotRegistered);
    assert!(world.phone("6001").refused[0].starts_with("480"), "{:?}", world.phone("6001").refused);
    assert!(world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { slot, .. } if slot.0 == 2)));
    world.dial("6001", "6002");
    world.run(SECOND);
    assert_eq!(world.phone("6002").count("INVITE"), 1, "it is not tried again");
    assert_eq!(world.cdrs().last().unwrap().cause, Cause::NotRegistered);
    world.phone("6002").habit = Habit::Answer;
    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(SECOND);
    assert!(world.phone("6002").session.is_some());
    world.hang_up("6001");
    world.run(SECOND);
    // Who says so without a proxy in between says nothing of a flow.
    world.phone("6001").habit = Habit::Refuse(430);
    world.dial("6002", "6001");
    world.run(SECOND);
    assert_eq!(world.phone("6001").count("INVITE"), 1);
    world.dial("6002", "6001");
    world.run(SECOND);
    assert_eq!(world.phone("6001").count("INVITE"), 2);
    world.assert_clean();
}

/// A REGISTER that crosses the 430 has healed it already.
#[test]
fn a_430_of_before_takes_no_new_binding_away() {
    let mut world = world(2, &Restored::default());
    behind_proxy(&mut world, "6002");
    world.register("6001", 300);
    world.register("6002", 300);
    world.phone("6002").habit = Habit::Idle;
    world.dial("6001", "6002");
    world.run(SECOND);
    world.register("6002", 300);
    let now = world.now;
    world.phone("6002").refuse(now, 430);
    world.drain("6002");
    world.run(SECOND);
    world.phone("6002").habit = Habit::Answer;
    world.dial("6001", "6002");
    world.run(SECOND);
    assert!(world.phone("6002").session.is_some());
    world.hang_up("6001");
    world.run(SECOND);
}

/// A phone that names its streams: each takes the place of itself, Flow-Timer is told, the end of a stream is the end of its binding, and the
/// next REGISTER heals it.
#[test]
fn a_stream_that_ends_ends_its_binding_and_the_next_heals_it() {
    let mut world = world(2, &Restored::default());
    world.register("6001", 300);
    let phone = world.phone("6002");
    phone.transport = Transport::Tcp;
    phone.address = "10.0.1.2:40000".parse().unwrap();
    phone.registers_with = "Supported: path, outbound\r\nRequire: outbound\r\n".to_owned();
    phone.contact_with = ";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1".to_owned();
    world.register("6002", 300);
    let datagram = world.phone("6002").register(300);
    let answer = world.answer_to("6002", datagram);
    assert!(answer.starts_with("SIP/2.0 200") && answer.contains("Require: outbound\r\n"), "{answer}");
    assert!(answer.contains("Flow-Timer: 120\r\n"), "{answer}");
    let kept = bindings(&world).into_iter().find(|binding| binding.slot.0 == 2).unwrap();
    assert_eq!((kept.instance.as_str(), kept.reg_id), ("<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>", 1));
    world.close_flow("6002");
    world.dial("6001", "6002");
    world.run(SECOND);
    assert_eq!(world.phone("6002").count("INVITE"), 0);
    assert_eq!(world.cdrs().last().unwrap().cause, Cause::NotRegistered);
    world.phone("6002").address.set_port(40_001);
    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(SECOND);
    assert!(world.phone("6002").session.is_some());
    world.hang_up("6001");
    world.run(SECOND);
    // A stream does not outlive us: after a restart the phone must come again.
    let after = World::unregistered(2, settings(), &restored(&world));
    assert!(after.facts.iter().any(|fact| matches!(fact, Fact::Unbound { slot, .. } if slot.0 == 2)));
}

/// A phone that keeps two streams open (RFC 5626) is one phone: they do not replace each other, and when one breaks, calls in progress and new ones go
/// by the other.
#[test]
fn a_phone_with_two_flows_is_reached_by_the_one_that_is_left() {
    let mut world = world(2, &Restored::default());
    world.register("6001", 300);
    let register = |world: &mut World, flow: u16| {
        let phone = world.phone("6002");
        phone.transport = Transport::Tcp;
        phone.address = SocketAddr::from(([10, 0, 1, 2], 40_000 + flow));
        phone.registers_with = "Supported: path, outbound\r\n".to_owned();
        phone.contact_with = format!(";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id={flow}");
        world.register("6002", 300);
    };
    let flows = |ids: &[u16]| -> BTreeSet<Flow> {
        let remote = |id: &u16| SocketAddr::from(([10, 0, 1, 2], 40_000 + id));
        ids.iter().map(|id| Flow { transport: Transport::Tcp, local: "10.0.0.1:5060".parse().unwrap(), remote: remote(id) }).collect()
    };
    let unbound = |world: &World| world.facts.iter().filter(|fact| matches!(fact, Fact::Unbound { .. })).count();
    for flow in [1, 2, 1, 2] {
        register(&mut world, flow);
    }
    assert_eq!(world.known, flows(&[1, 2]));
    assert!(!world.events.iter().any(|event| matches!(event, Event::Rebound(_))), "{:?}", world.events);
    // It is called by the newest.
    world.dial("6001", "6002");
    world.run(SECOND);
    assert_eq!(world.phone("6002").count("INVITE"), 1);
    world.close_flow("6002");
    world.phone("6002").address.set_port(40_001);
    assert_eq!((unbound(&world), world.known.clone()), (0, flows(&[1])));
    let kept = bindings(&world).into_iter().rfind(|binding| binding.slot.0 == 2).unwrap();
    assert_eq!(kept.reg_id, 1);
    world.hang_up("6001");
    world.run(SECOND);
    assert_eq!(world.phone("6002").count("BYE"), 1, "the call has moved to the flow that is left");
    world.dial("6001", "6002");
    world.run(SECOND);
    assert_eq!(world.phone("6002").count("INVITE"), 2);
    world.hang_up("6001");
    world.run(SECOND);
    // The broken one comes back, and the other breaks.
    register(&mut world, 2);
    world.phone("6002").address.set_port(40_001);
    world.close_flow("6002");
    assert_eq!((unbound(&world), world.known.clone()), (0, flows(&[2])));
    world.phone("6002").address.set_port(40_002);
    // With the last one the binding is gone.
    register(&mut world, 1);
    world.close_flow("6002");
    world.phone("6002").address.set_port(40_002);
    world.close_flow("6002");
    assert_eq!((unbound(&world), world.known.len()), (1, 0));
    world.assert_clean();
}
