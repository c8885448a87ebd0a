//! The way back from a carrier where an account is registered is kept open.

use std::time::Duration;

use calls::Input;
use sip_core::Transport;

use crate::{
    carriers::B,
    registered::{WORLD, a, world},
    registry::Registry,
    world::World,
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A NAT forgets a way by which nothing goes: where nobody is asked by OPTIONS, it is used by empty lines (RFC 5626, 4.4).
#[test]
fn the_way_of_a_registration_is_kept_open() {
    let mut world = world(r#""sip:10.0.9.1""#, None);
    world.run(seconds(300));
    let pings = world.phone("A").pings;
    assert!((10..=12).contains(&pings), "every 24 to 29 s: {pings}");
    assert_eq!(world.phone("B").pings, 0, "nobody is registered there");
    // Asked seldom, often, and switched off.
    for (options_every_s, is_kept) in [(600, true), (30, false), (0, true)] {
        world.set_plan(2, &[&a(r#""sip:10.0.9.1""#, options_every_s), B], &[WORLD]);
        world.run(seconds(30));
        let before = world.phone("A").pings;
        world.run(seconds(120));
        assert_eq!(world.phone("A").pings > before, is_kept, "{options_every_s}");
    }
    world.set_plan(2, &[], &[]);
    world.run(seconds(30));
    let before = world.phone("A").pings;
    world.run(seconds(300));
    assert_eq!(world.phone("A").pings, before);
    world.assert_clean();
}

/// A stream is pinged more seldom.
#[test]
fn the_stream_of_a_registration_is_kept_open() {
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.phone("A").transport = Transport::Tcp;
    world.phone("A").registry = Some(Registry::asking("secret"));
    world.set_plan(2, &[&a(r#""sip:10.0.9.1;transport=tcp""#, 0)], &[]);
    world.input(Input::Outward(vec![(Transport::Tcp, "10.0.0.1:5060".parse().unwrap())]));
    world.run(seconds(605));
    let pings = world.phone("A").pings;
    assert!((5..=6).contains(&pings), "every 95 to 120 s: {pings}");
    world.assert_clean();
}
