//! Which streams the sockets know: those by which a phone is bound or a call of somebody proven goes, and those alone.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use bytes::Bytes;
use calls::Input;
use sip_core::{Flow, Transport};

use crate::{
    phone::Habit,
    world::{World, directory},
};

const SECOND: Duration = Duration::from_secs(1);

/// A little more than the way of a message, and less than that of its answer.
const ONE_WAY: Duration = Duration::from_millis(6);

/// A world of three phones that are bound by datagrams.
fn world() -> World {
    let world = World::new(3);
    assert_eq!(world.known, BTreeSet::new(), "a datagram flow is nothing to know");
    world
}

/// The phone uses a stream from `port` from now on.
fn connect(world: &mut World, number: &str, port: u16) -> Flow {
    let phone = world.phone(number);
    phone.transport = Transport::Tcp;
    phone.address.set_port(port);
    let remote: SocketAddr = phone.address;
    Flow { transport: Transport::Tcp, local: "10.0.0.1:5060".parse().unwrap(), remote }
}

#[track_caller]
fn assert_known<const COUNT: usize>(world: &World, known: [Flow; COUNT]) {
    assert_eq!(world.known, BTreeSet::from(known));
}

/// One password registers by stream after stream: it has one known stream, and not as many as there may be.
#[test]
fn a_binding_that_was_replaced_vouches_for_nothing() {
    let mut world = world();
    for port in 40_000..40_100 {
        let flow = connect(&mut world, "6002", port);
        world.register("6002", 300);
        assert_known(&world, [flow]);
    }
    // Nor by datagrams.
    world.phone("6002").transport = Transport::Udp;
    world.register("6002", 300);
    assert_known(&world, []);
    world.assert_clean();
}

/// A gateway registers many numbers by one stream: it is known until the last of them is gone.
#[test]
fn a_stream_is_known_until_its_last_binding_is_gone() {
    let mut world = world();
    let flow = connect(&mut world, "6001", 40_000);
    world.register("6001", 300);
    world.phone("6001").address = "10.0.1.1:5060".parse().unwrap();
    let (phone, own) = (world.phone("6002"), "10.0.1.2:5060".parse().unwrap());
    (phone.transport, phone.address) = (Transport::Tcp, flow.remote);
    world.register("6002", 300);
    assert_known(&world, [flow]);
    world.register("6002", 0);
    assert_known(&world, [flow]);
    world.phone("6002").address = own;
    world.phone("6001").address = flow.remote;
    world.register("6001", 0);
    assert_known(&world, []);
}

#[test]
fn a_register_that_binds_nothing_vouches_for_nothing() {
    let mut world = world();
    let flow = connect(&mut world, "6002", 40_000);
    world.register("6002", 300);
    // It asks by another stream what is bound.
    let other = connect(&mut world, "6002", 40_001);
    let query = String::from_utf8(world.phone("6002").register(300).to_vec()).unwrap();
    let lines = query.split_inclusive("\r\n").filter(|line| !line.starts_with("Contact:"));
    world.input(Input::Received { flow: other, bytes: Bytes::from(lines.collect::<String>()) });
    world.run(SECOND);
    assert_known(&world, [flow]);
    // It unbinds itself.
    connect(&mut world, "6002", 40_000);
    world.register("6002", 0);
    assert_known(&world, []);
    // A binding lapses; its stream ends; its slot is deleted.
    world.register("6002", 300);
    assert_known(&world, [flow]);
    world.run(301 * SECOND);
    assert_known(&world, []);
    world.register("6002", 300);
    world.close_flow("6002");
    assert_known(&world, []);
    world.register("6002", 300);
    assert_known(&world, [flow]);
    world.input(Input::Directory(directory(1)));
    assert_known(&world, []);
}

/// A phone that is bound elsewhere calls by a stream of its own: that is known as soon as he has proven who he is, and while the call is.
#[test]
fn a_proven_caller_is_known_until_his_call_is_over() {
    let mut world = world();
    let flow = connect(&mut world, "6001", 40_000);
    world.dial("6001", "6002");
    world.run(ONE_WAY);
    assert_known(&world, [flow]);
    assert!(world.phone("6002").session.is_none(), "nothing but a 100 was said to him");
    world.run(SECOND);
    assert_known(&world, [flow]);
    world.hang_up("6001");
    world.run(SECOND);
    assert_known(&world, []);
    // One who may not call; one whose call nobody takes.
    world.dial("6001", "nobody");
    world.run(SECOND);
    world.phone("6002").habit = Habit::Dead;
    world.dial("6001", "6002");
    world.run(ONE_WAY);
    assert_known(&world, [flow]);
    world.run(200 * SECOND);
    assert_known(&world, []);
    // And one who has proven nothing.
    world.phone("6001").password = "wrong".to_owned();
    world.dial("6001", "6003");
    world.run(ONE_WAY);
    assert_known(&world, []);
    world.run(200 * SECOND);
    world.assert_clean();
}

/// A call goes on by the stream that it went by, though its phone is bound by another one or by none.
#[test]
fn a_call_keeps_its_stream_known() {
    let mut world = world();
    let of_call = connect(&mut world, "6002", 40_000);
    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(SECOND);
    assert_eq!(world.board.calls(), 1);
    // Another phone takes its place; the call is not its own.
    let other = connect(&mut world, "6002", 40_001);
    world.phone("6002").registers_as = "another".to_owned();
    world.phone("6002").address = "10.0.1.99:40001".parse().unwrap();
    let other = Flow { remote: "10.0.1.99:40001".parse().unwrap(), ..other };
    world.register("6002", 300);
    assert_known(&world, [of_call, other]);
    world.register("6002", 0);
    assert_known(&world, [of_call]);
    world.phone("6002").address = of_call.remote;
    world.hang_up("6001");
    world.run(SECOND);
    assert_known(&world, []);
    world.assert_clean();
}

/// So does the call of an operator, who asked for it elsewhere.
#[test]
fn an_operators_call_keeps_its_stream_known() {
    let mut world = world();
    let of_call = connect(&mut world, "6001", 40_000);
    world.register("6001", 300);
    world.start_call(7, 1, "6002").unwrap();
    world.register("6001", 0);
    world.run(SECOND);
    assert_known(&world, [of_call]);
    world.hang_up("6002");
    world.run(SECOND);
    assert_known(&world, []);
    world.assert_clean();
}

/// Where a call follows its phone to, that stream is known, and the old one is not any more.
#[test]
fn a_call_that_moves_takes_its_word_along() {
    let mut world = world();
    connect(&mut world, "6002", 40_000);
    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(SECOND);
    // By a new binding, which goes before the call does.
    let bound = connect(&mut world, "6002", 40_001);
    world.register("6002", 300);
    assert_known(&world, [bound]);
    world.register("6002", 0);
    assert_known(&world, [bound]);
    // By what it says in the call.
    let said = connect(&mut world, "6002", 40_002);
    world.reoffer("6002");
    world.run(SECOND);
    assert_known(&world, [said]);
    world.hang_up("6001");
    world.run(SECOND);
    assert_known(&world, []);
    world.assert_clean();
}
