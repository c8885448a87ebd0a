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
    world_of(60, parameters, r#""identity": {"asserted": true, "remote_party": true}"#)
}

/// A carrier whose name has three labels of that length.
fn world_of(label: usize, parameters: &str, settings: &str) -> World {
    let name: &'static str = format!("{}test", format!("{}.", "a".repeat(label)).repeat(3)).leak();
    let carrier = format!(
        r#"{{"name": "A", "hosts": ["sip:{name}{parameters}"], "health": {{"options_every_s": 0}}, "capacity": 2,
        "callers": [{{"number": "+74950000001"}}], {settings}}}"#
    );
    let route =
        r#"{"name": "world", "position": 1, "match": {"to": ["+*", "112"]}, "then": {"do": "carriers", "order": [{"carrier": "1"}]}}"#;
    let mut world = World::new(1);
    world.add_peer("A", "10.0.9.1:5060");
    let at = Record { ttl_s: 86_400, data: Data::A("10.0.9.1".parse().unwrap()) };
    world.zone.insert((Kind::A, name), Some(Said::Records(vec![at])));
    world.set_plan(1, &[&carrier], &[route]);
    let ours = [Transport::Udp, Transport::Tcp].map(|transport| (transport, "10.0.0.1:5060".parse().unwrap()));
    world.input(Input::Outward(ours.to_vec()));
    world
}

/// A call of a second, from its beginning to its end.
fn call(world: &mut World, number: &str) {
    world.dial("6001", number);
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
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

    call(&mut world, "+74951234567");
    assert_eq!(tries(&world), answered(UDP));

    world.run(seconds(600));
    world.register("6001", 300);
    world.phone("A").transport = Transport::Tcp;
    call(&mut world, "+74951234567");
    assert_eq!(tries(&world), answered(TCP));
    world.assert_clean();
}

/// A firewall: 4 s of one call, and none of the next ones.
#[test]
fn where_tcp_is_silent_the_same_host_is_called_by_datagrams() {
    let mut world = world("");
    world.phone("A").habit = Habit::Dead;
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(3_900));
    world.phone("A").habit = Habit::Answer;
    world.run(seconds(1));
    world.input(Input::FlowClosed { flow: tcp() });
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let silent = (TCP.to_owned(), Some(TryOutcome::Silent));
    assert_eq!(tries(&world), [vec![silent], answered(UDP)].concat());

    call(&mut world, "+74951234567");
    assert_eq!(tries(&world), answered(UDP));
    world.assert_clean();
}

/// What fits into a datagram has no part in the stream that a longer one goes by.
#[test]
fn a_short_invite_claims_no_stream() {
    let mut world = world_of(10, "", r#""send": "digits""#);
    call(&mut world, "+74951234567");
    assert_eq!((tries(&world), world.claimed.as_slice()), (answered(UDP), [].as_slice()));
    world.assert_clean();
}

/// Whoever writes `transport=udp` knows the carrier.
#[test]
fn a_carrier_that_is_set_to_udp_gets_all_by_it() {
    let mut world = world(";transport=udp");
    call(&mut world, "+74951234567");
    assert!(world.phone("A").last("INVITE").len() > 1_300);
    assert_eq!(tries(&world), answered(UDP));
    world.assert_clean();
}

/// TCP is refused, and datagrams are refused, too: the record says by which way the last word came.
#[test]
fn a_refusal_is_written_down_with_its_way() {
    let mut world = world("");
    world.phone("A").habit = Habit::Refuse(486);
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(7));
    world.input(Input::NotOpened { flow: tcp(), why: "nobody is there".into() });
    world.phone("A").habit = Habit::Dead;
    world.input(Input::FlowClosed { flow: tcp() });
    world.run(Duration::from_millis(4));
    world.phone("A").habit = Habit::Refuse(486);
    world.run(seconds(5));
    assert_eq!(tries(&world), vec![(UDP.to_owned(), Some(TryOutcome::Refused))]);
    world.assert_clean();
}

/// A trunk that is only set up for datagrams: what it says over TCP is not its last word.
#[test]
fn whoever_refuses_over_tcp_is_called_by_datagrams() {
    for status in [403, 503] {
        let mut world = world("");
        world.phone("A").transport = Transport::Tcp;
        world.phone("A").habit = Habit::Refuse(status);
        world.dial("6001", "+74951234567");
        // There and back, and the next one is on its way.
        world.run(Duration::from_millis(17));
        world.phone("A").transport = Transport::Udp;
        world.phone("A").habit = Habit::Answer;
        world.run(seconds(1));
        world.hang_up("6001");
        world.run(seconds(1));
        let refused = (TCP.to_owned(), Some(TryOutcome::Refused));
        assert_eq!(tries(&world), [vec![refused], answered(UDP)].concat(), "{status}");

        call(&mut world, "+74951234567");
        assert_eq!(tries(&world), answered(UDP), "{status}");
        world.assert_clean();
    }
}

/// With the port that nobody reaches us at, all hangs by the one stream that we have opened.
#[test]
fn where_nobody_reaches_us_over_tcp_nothing_goes_over_it() {
    let mut world = world("");
    let ours = [(Transport::Udp, "10.0.0.1:5060"), (Transport::Tcp, "10.0.0.1:0")];
    world.input(Input::Outward(ours.map(|(transport, local)| (transport, local.parse().unwrap())).to_vec()));
    call(&mut world, "+74951234567");
    assert_eq!(tries(&world), answered(UDP));
    world.assert_clean();
}

#[test]
fn whoever_calls_for_help_does_not_wait_for_tcp() {
    let mut world = world("");
    call(&mut world, "112");
    assert!(world.phone("A").last("INVITE").len() > 1_300);
    assert_eq!(tries(&world), answered(UDP));
    world.assert_clean();
}

/// What makes it too long is the proof that the carrier asks for: its stream is known from then on, as that of any call.
#[test]
fn an_invite_that_its_credentials_make_too_long_is_known_by_its_stream() {
    let world = (20..60).find_map(|label| {
        let mut world = world_of(label, "", r#""accounts": [{"username": "us", "password": "p"}]"#);
        world.phone("A").habit = Habit::Challenge;
        world.dial("6001", "+74951234567");
        world.run(Duration::from_millis(12));
        (1_200..=1_300).contains(&world.phone("A").last("INVITE").len()).then_some(world)
    });
    let mut world = world.unwrap();
    assert!(world.known.is_empty());
    world.run(Duration::from_millis(5));
    world.phone("A").transport = Transport::Tcp;
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.known.contains(&tcp())), (model::SlotState::ActiveCall, true));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(&world), answered(TCP));
    world.assert_clean();
    assert!(world.known.is_empty(), "{:?}", world.known);
}
