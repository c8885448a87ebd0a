//! Targets that fail (RFC 3263, 4.3), and are not given up.

use std::time::Duration;

use sip_core::{
    Located, Target,
    locate::{FAILED_FOR, FAILED_FOR_MAX},
};

use crate::zone::{World, place};

const ZONE: &str = "
    _sip._udp.example.org SRV ttl=99999 1 1 5060 a.example.org
    _sip._udp.example.org SRV ttl=99999 2 1 5060 b.example.org
    _sip._udp.example.org SRV ttl=99999 3 1 5060 c.example.org
    a.example.org A ttl=99999 192.0.2.1
    b.example.org A ttl=99999 192.0.2.2
    c.example.org A ttl=99999 192.0.2.3
    a.example.org AAAA ttl=99999 2001:db8::1
    b.example.org AAAA ttl=99999 2001:db8::2
    c.example.org AAAA ttl=99999 2001:db8::3
";
const URI: &str = "sip:example.org;transport=udp";

/// The last digit of each target, in order: `1` for 192.0.2.1, `I` for 2001:db8::1.
fn order(world: &mut World) -> String {
    let text = world.locate(URI);
    let short = |target: &str| {
        let number = target.trim_end_matches(":5060").trim_end_matches(']').chars().next_back().unwrap();
        if target.contains('[') { "_IJK".chars().nth(number.to_digit(10).unwrap() as usize).unwrap() } else { number }
    };
    text.split(", ").map(short).collect()
}

fn targets(world: &mut World) -> Vec<Target> {
    world.locate(URI);
    let Ok(Located::Now(targets)) = world.locator.locate(world.now, place(URI), world.asker) else { panic!("it is known") };
    targets
}

#[test]
fn who_failed_stands_behind_for_a_while() {
    let mut world = World::new(ZONE);
    assert_eq!(order(&mut world), "1I2J3K");
    let all = targets(&mut world);
    let [first, _, third, ..] = all.as_slice() else { panic!("six") };
    world.locator.failed(world.now, first, None);
    assert_eq!(order(&mut world), "I2J3K1");
    world.locator.failed(world.now, third, Some(Duration::from_secs(5)));
    assert_eq!(order(&mut world), "IJ3K12", "those behind keep their order");
    world.pass(Duration::from_secs(5));
    assert_eq!(order(&mut world), "I2J3K1");
    world.pass(FAILED_FOR - Duration::from_millis(5_001));
    assert_eq!(order(&mut world), "I2J3K1");
    world.pass(Duration::from_millis(1));
    assert_eq!(order(&mut world), "1I2J3K", "one failed call poisons nothing for ever: kamailio#4911");
    world.locator.failed(world.now, first, None);
    world.locator.succeeded(first);
    assert_eq!(order(&mut world), "1I2J3K");
}

#[test]
fn when_all_failed_all_are_tried() {
    let mut world = World::new(ZONE);
    for target in targets(&mut world) {
        world.locator.failed(world.now, &target, None);
    }
    assert_eq!(order(&mut world), "1I2J3K");
}

#[test]
fn what_retry_after_may_say() {
    let mut world = World::new(ZONE);
    let first = targets(&mut world).remove(0);
    world.locator.failed(world.now, &first, Some(Duration::from_secs(u64::MAX)));
    world.locator.failed(world.now, &first, None);
    world.pass(FAILED_FOR_MAX - Duration::from_millis(1));
    assert_eq!(order(&mut world), "I2J3K1", "the longer time counts");
    world.pass(Duration::from_millis(1));
    assert_eq!(order(&mut world), "1I2J3K", "and has an end");
    world.locator.failed(world.now, &first, Some(Duration::ZERO));
    assert_eq!(order(&mut world), "1I2J3K");
}

/// It is the target that failed: an address and how it was spoken to, not the name, and not its other ports.
#[test]
fn a_target_is_an_address_and_a_transport() {
    let zone = format!("{ZONE}\nother.example A 192.0.2.1\nother.example AAAA nodata\nother.example A 192.0.2.1");
    let mut world = World::new(&zone);
    let first = targets(&mut world).remove(0);
    world.locator.failed(world.now, &first, None);
    let zone = "two.example A 192.0.2.1\ntwo.example AAAA ::1";
    let mut other = World::new(zone);
    other.locator.failed(other.now, &first, None);
    assert_eq!(other.locate("sip:two.example:5060"), "UDP [::1]:5060, UDP 192.0.2.1:5060", "by whichever name");
    assert_eq!(other.locate("sip:two.example:5060;transport=tcp"), "TCP 192.0.2.1:5060, TCP [::1]:5060");
    assert_eq!(other.locate("sip:two.example:5070"), "UDP 192.0.2.1:5070, UDP [::1]:5070");
    assert_eq!(other.locate("sip:192.0.2.1"), "UDP 192.0.2.1:5060", "there is no other");
}
