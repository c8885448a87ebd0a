//! An INVITE to a carrier that is too long for a datagram goes over TCP, where somebody listens (RFC 3261, 18.1.1; B-38).

use std::time::Duration;

use calls::Input;
use model::{CenterId, TryOutcome};
use sip_core::{
    Flow, Transport,
    locate::{Data, Kind, Record, Said},
};

use crate::{phone::Habit, world::World};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The way to the carrier over TCP.
fn tcp() -> Flow {
    Flow { transport: Transport::Tcp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.9.1:5060".parse().unwrap() }
}

/// A carrier whose name is so long, and stands in so many headers, that no INVITE to it fits into a datagram.
fn world(parameters: &str) -> World {
    let name: &'static str = format!("{}test", format!("{}.", "a".repeat(60)).repeat(3)).leak();
    let carrier = format!(
        r#"{{"name": "A", "hosts": ["sip:{name}{parameters}"], "health": {{"options_every_s": 0}}, "capacity": 2,
        "callers": [{{"number": "+74950000001"}}], "identity": {{"asserted": true, "remote_party": true}}}}"#
    );
    let route = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "1"}]}}"#;
    let mut world = World::new(1);
    world.add_peer("A", "10.0.9.1:5060");
    let at = Record { ttl_s: 86_400, data: Data::A("10.0.9.1".parse().unwrap()) };
    world.zone.insert((Kind::A, name), Some(Said::Records(vec![at])));
    world.set_plan(1, &[&carrier], &[route]);
    let ours = [Transport::Udp, Transport::Tcp].map(|transport| (transport, "10.0.0.1:5060".parse().unwrap()));
    world.input(Input::Outward(ours.to_vec()));
    world
}

/// How the last call was tried.
fn tries(world: &World) -> Vec<(String, Option<TryOutcome>)> {
    let cdrs = world.cdrs();
    let tries = cdrs.last().unwrap().tries.iter();
    tries.map(|tried| (tried.target.clone().unwrap_or_default(), tried.outcome)).collect()
}

const TCP: &str = "tcp 10.0.9.1:5060";
const UDP: &str = "udp 10.0.9.1:5060";

fn answered(by: &str) -> Vec<(String, Option<TryOutcome>)> {
    vec![(by.to_owned(), Some(TryOutcome::Answered))]
}

#[test]
fn a_long_invite_goes_over_tcp_and_so_does_the_call() {
    let mut world = world("");
    world.phone("A").transport = Transport::Tcp;
    world.phone("A").habit = Habit::Ring;
    world.dial("6001", "+74951234567");
    world.run(seconds(5));
    // The sockets know for whom the stream is, and that it is none of a stranger's, before anybody has answered.
    assert_eq!((world.claimed.last(), world.known.contains(&tcp())), (Some(&(tcp(), CenterId::DEFAULT, true)), true));
    world.answer("A");
    world.run(seconds(5));
    world.hang_up("6001");
    world.run(seconds(1));
    let invite = world.phone("A").last("INVITE").to_owned();
    assert!(invite.len() > 1_300 && invite.contains("\r\nVia: SIP/2.0/TCP 10.0.0.1:5060;"), "{invite}");
    assert_eq!((world.phone("A").count("INVITE"), world.phone("A").count("BYE")), (1, 1));
    assert_eq!(tries(&world), answered(TCP));
    world.assert_clean();
    assert!(world.known.is_empty(), "{:?}", world.known);
}

#[test]
fn where_tcp_is_refused_it_goes_in_fragments_and_nobody_asks_there_again_for_a_while() {
    let mut world = world("");
    world.phone("A").habit = Habit::Dead;
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(100));
    assert!(world.known.contains(&tcp()), "{:?}", world.known);
    world.input(Input::NotOpened { flow: tcp(), why: "nobody is there".into() });
    world.input(Input::FlowClosed { flow: tcp() });
    // It has the time that a silent carrier has, from now on.
    world.run(Duration::from_millis(3_200));
    world.phone("A").habit = Habit::Ring;
    world.run(seconds(5));
    assert!(world.known.is_empty(), "{:?}", world.known);
    world.answer("A");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!((world.phone("A").count("INVITE"), tries(&world)), (1, answered(UDP)));
    assert!(world.phone("A").last("INVITE").contains("\r\nVia: SIP/2.0/UDP "));
    world.phone("A").habit = Habit::Answer;

    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(&world), answered(UDP));

    world.run(seconds(600));
    world.register("6001", 300);
    world.phone("A").transport = Transport::Tcp;
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(&world), answered(TCP));
    world.assert_clean();
}

/// A firewall: 3 s of one call, and none of the next ones.
#[test]
fn where_tcp_is_silent_the_same_host_is_called_by_datagrams() {
    let mut world = world("");
    world.phone("A").habit = Habit::Dead;
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(2_900));
    world.phone("A").habit = Habit::Answer;
    world.run(seconds(1));
    world.input(Input::FlowClosed { flow: tcp() });
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let silent = (TCP.to_owned(), Some(TryOutcome::Silent));
    assert_eq!(tries(&world), [vec![silent], answered(UDP)].concat());

    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(&world), answered(UDP));
    world.assert_clean();
}

/// Whoever writes `transport=udp` knows the carrier.
#[test]
fn a_carrier_that_is_set_to_udp_gets_all_by_it() {
    let mut world = world(";transport=udp");
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    assert!(world.phone("A").last("INVITE").len() > 1_300);
    assert_eq!(tries(&world), answered(UDP));
    world.assert_clean();
}
