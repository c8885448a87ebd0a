//! The SIP messages of a call, as an administrator sees them.

use std::time::Duration;

use calls::Input;
use expect_test::{Expect, expect};
use model::{CallId, Command, Drawing, Fact, Refusal, Reply, UserId};

use crate::{
    phone::Habit,
    world::{World, settings},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn calls(world: &World) -> Vec<CallId> {
    let started = world.facts.iter().filter_map(|fact| match fact {
        Fact::CallStarted { call } => Some(call.call_id),
        _ => None,
    });
    started.collect()
}

fn drawing(world: &mut World, call: CallId) -> Result<Drawing, Refusal> {
    match world.order(Command::Ladder { call })? {
        Reply::Ladder { drawing } => Ok(drawing),
        other => panic!("{other:?}"),
    }
}

fn ladder(world: &mut World, call: CallId) -> Result<String, Refusal> {
    drawing(world, call).map(|drawing| drawing.text())
}

/// The drawing alone: the messages behind it are not this room's.
fn check(text: &str, expected: &Expect) {
    expected.assert_eq(text.split("\n--- ").next().unwrap());
}

#[test]
fn a_call_between_two_phones_is_drawn() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(2));
    world.answer("6002");
    world.run(seconds(1));
    let call = calls(&world)[0];
    assert!(ladder(&mut world, call).unwrap().contains("6001 -> 6002  up"));
    world.hang_up("6001");
    world.run(seconds(1));
    let text = ladder(&mut world, call).unwrap();
    check(
        &text,
        &expect![[r#"
            call c_6daavb0apxbbe  6001 -> 6002  over
            began 2025-11-21T08:00:00.085Z
            near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
            far   6002  UDP 10.0.1.2:5060, ours 10.0.0.1:5060

                        ms   6001                           Cordboard                      6002
               1         0   |- INVITE 1 sdp -------------->|                              |
               2         0   |                              |- INVITE 1 sdp -------------->|
               3         0   |< 100 INVITE 1 ---------------|                              |
               4        10   |                              |< 180 INVITE 1 ---------------|
               5        10   |< 180 INVITE 1 ---------------|                              |
               6      2000   |                              |< 200 INVITE 1 sdp -----------|
               7      2000   |                              |- ACK 1 --------------------->|
               8      2000   |< 200 INVITE 1 sdp -----------|                              |
               9      2010   |- ACK 1 --------------------->|                              |
              10      3000   |- BYE 2 --------------------->|                              |
              11      3000   |< 200 BYE 2 ------------------|                              |
              12      3000   |                              |- BYE 2 --------------------->|
              13      3010   |                              |< 200 BYE 2 ------------------|
        "#]],
    );
    // In full, and without what nobody may see.
    assert_eq!(text.matches("\n--- ").count(), 13);
    assert!(text.contains("Authorization: Digest username=\"6001\", realm=\"test-realm\", nonce=***, uri=***, response=***"));
    assert!(text.contains("\nm=audio 4000 RTP/AVP 8 0 101\n"), "{text}");
    assert!(!text.contains("cnonce=\"cn\""));
    world.assert_clean();
}

/// Who hands a call on, and to whom: each is drawn under its own number, and where it stood.
#[test]
fn a_call_that_is_handed_on_names_each_of_its_parties() {
    let mut world = World::new(3);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.refer("6001", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    world.hang_up("6003");
    world.run(seconds(1));
    let call = calls(&world)[0];
    check(
        &ladder(&mut world, call).unwrap(),
        &expect![[r#"
        call c_6daavb0fpxbbe  6001 -> 6002  over
        began 2025-11-21T08:00:00.125Z
        near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
        far   6002  UDP 10.0.1.2:5060, ours 10.0.0.1:5060
        far   6003  UDP 10.0.1.3:5060, ours 10.0.0.1:5060

                    ms   6001                           Cordboard                      6002
           1         0   |- INVITE 1 sdp -------------->|                              |
           2         0   |                              |- INVITE 1 sdp -------------->|
           3         0   |< 100 INVITE 1 ---------------|                              |
           4        10   |                              |< 200 INVITE 1 sdp -----------|
           5        10   |                              |- ACK 1 --------------------->|
           6        10   |< 200 INVITE 1 sdp -----------|                              |
           7        20   |- ACK 1 --------------------->|                              |
           8      1000   |- REFER 2 ------------------->|                              |
           9      1000   |< 202 REFER 2 ----------------|                              |
          10      1000   |< NOTIFY 1 body --------------|                              |
          11      1000   |                              |- INVITE 1 sdp -------------->| 6003
          12      1010   |- 200 NOTIFY 1 -------------->|                              |
          13      1010   |                              |< 200 INVITE 1 sdp -----------| 6003
          14      1010   |                              |- ACK 1 --------------------->| 6003
          15      1010   |< NOTIFY 2 body --------------|                              |
          16      1010   |< BYE 3 ----------------------|                              |
          17      1020   |- 200 NOTIFY 2 -------------->|                              |
          18      1020   |- 200 BYE 3 ----------------->|                              |
          19      2000   |                              |< BYE 1 ----------------------| 6003
          20      2000   |                              |- 200 BYE 1 ----------------->| 6003
          21      2000   |                              |- BYE 2 --------------------->|
          22      2010   |                              |< 200 BYE 2 ------------------|
    "#]],
    );
    world.assert_clean();
}

/// Whoever consults has two calls, each with a ladder of its own; the world's call goes on with the third party.
#[test]
fn a_call_that_is_handed_on_after_a_consultation_shows_how() {
    let mut world = World::new(3);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.dial("6002", "6003");
    world.run(seconds(1));
    world.refer_attended("6002", "6003", false);
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let begun = calls(&world);
    let both: Vec<String> = begun.iter().map(|call| ladder(&mut world, *call).unwrap()).collect();
    check(
        &both[0],
        &expect![[r#"
        call c_6daavb0fpxbbe  6001 -> 6002  over
        began 2025-11-21T08:00:00.125Z
        near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
        far   6002  UDP 10.0.1.2:5060, ours 10.0.0.1:5060
        far   6003  UDP 10.0.1.3:5060, ours 10.0.0.1:5060

                    ms   6001                           Cordboard                      6002
           1         0   |- INVITE 1 sdp -------------->|                              |
           2         0   |                              |- INVITE 1 sdp -------------->|
           3         0   |< 100 INVITE 1 ---------------|                              |
           4        10   |                              |< 200 INVITE 1 sdp -----------|
           5        10   |                              |- ACK 1 --------------------->|
           6        10   |< 200 INVITE 1 sdp -----------|                              |
           7        20   |- ACK 1 --------------------->|                              |
           8      2000   |                              |< REFER 1 --------------------|
           9      2000   |                              |- 202 REFER 1 --------------->|
          10      2000   |                              |- NOTIFY 2 body ------------->|
          11      2000   |                              |- NOTIFY 3 body ------------->|
          12      2000   |                              |- BYE 4 --------------------->|
          13      2010   |                              |< 200 NOTIFY 2 ---------------|
          14      2010   |                              |< 200 NOTIFY 3 ---------------|
          15      2010   |                              |< 200 BYE 4 ------------------|
          16      3000   |- BYE 2 --------------------->|                              |
          17      3000   |< 200 BYE 2 ------------------|                              |
          18      3000   |                              |- BYE 2 --------------------->| 6003
          19      3010   |                              |< 200 BYE 2 ------------------| 6003
    "#]],
    );
    check(
        &both[1],
        &expect![[r#"
        call c_6daavb4cnc1qz  6002 -> 6003  over
        began 2025-11-21T08:00:01.125Z
        near  6002  UDP 10.0.1.2:5060, ours 10.0.0.1:5060
        far   6003  UDP 10.0.1.3:5060, ours 10.0.0.1:5060

                    ms   6002                           Cordboard                      6003
           1         0   |- INVITE 1 sdp -------------->|                              |
           2         0   |                              |- INVITE 1 sdp -------------->|
           3         0   |< 100 INVITE 1 ---------------|                              |
           4        10   |                              |< 200 INVITE 1 sdp -----------|
           5        10   |                              |- ACK 1 --------------------->|
           6        10   |< 200 INVITE 1 sdp -----------|                              |
           7        20   |- ACK 1 --------------------->|                              |
           8      1000   |< BYE 1 ----------------------|                              |
           9      1010   |- 200 BYE 1 ----------------->|                              |
    "#]],
    );
    world.assert_clean();
}

/// A carrier refuses, the next one is silent, and the third one takes the call: each is named where it was called.
#[test]
fn a_call_that_a_third_carrier_takes_shows_whom_else_it_went_to() {
    let mut world = World::new(1);
    let carrier = |name: &str, address: &str| {
        format!(
            r#"{{"name": "{name}", "hosts": ["sip:{address}"], "health": {{"options_every_s": 0}}, "capacity": 2,
            "callers": [{{"number": "+74950000001"}}]}}"#
        )
    };
    for (name, address) in [("A", "10.0.9.1:5060"), ("B", "10.0.9.2:5060"), ("C", "10.0.9.3:5060")] {
        world.add_peer(name, address);
    }
    let order = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]},
        "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}, {"carrier": "3"}]}}"#;
    world.set_plan(1, &[&carrier("A", "10.0.9.1"), &carrier("B", "10.0.9.2"), &carrier("C", "10.0.9.3")], &[order]);
    world.phone("A").habit = Habit::Refuse(503);
    world.phone("B").habit = Habit::Dead;
    world.dial("6001", "+74951234567");
    world.run(seconds(10));
    world.hang_up("6001");
    world.run(seconds(1));
    let call = calls(&world)[0];
    check(
        &ladder(&mut world, call).unwrap(),
        &expect![[r#"
        call c_6daavb05pxbbe  6001 -> +74951234567  over
        began 2025-11-21T08:00:00.045Z
        near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
        far   +74951234567  UDP 10.0.9.1:5060, ours 10.0.0.1:5060

                    ms   6001                           Cordboard                      +74951234567
           1         0   |- INVITE 1 sdp -------------->|                              |
           2         0   |                              |- INVITE 1 sdp -------------->|
           3         0   |< 100 INVITE 1 ---------------|                              |
           4        10   |                              |< 503 INVITE 1 ---------------|
           5        10   |                              |- ACK 1 --------------------->|
           6        10   |                              |- INVITE 1 sdp -------------->| UDP 10.0.0.1:5060 -> 10.0.9.2:5060
           7       510   |                              |- INVITE 1 sdp -------------->| again UDP 10.0.0.1:5060 -> 10.0.9.2:5060
           8      1510   |                              |- INVITE 1 sdp -------------->| again UDP 10.0.0.1:5060 -> 10.0.9.2:5060
           9      3510   |                              |- INVITE 1 sdp -------------->| again UDP 10.0.0.1:5060 -> 10.0.9.2:5060
          10      6010   |                              |- INVITE 1 sdp -------------->| UDP 10.0.0.1:5060 -> 10.0.9.3:5060
          11      6020   |                              |< 200 INVITE 1 sdp -----------| UDP 10.0.9.3:5060 -> 10.0.0.1:5060
          12      6020   |                              |- ACK 1 --------------------->| UDP 10.0.0.1:5060 -> 10.0.9.3:5060
          13      6020   |< 200 INVITE 1 sdp -----------|                              |
          14      6030   |- ACK 1 --------------------->|                              |
          15      7510   |                              |- INVITE 1 sdp -------------->| again UDP 10.0.0.1:5060 -> 10.0.9.2:5060
          16     10000   |- BYE 2 --------------------->|                              |
          17     10000   |< 200 BYE 2 ------------------|                              |
          18     10000   |                              |- BYE 2 --------------------->| UDP 10.0.0.1:5060 -> 10.0.9.3:5060
          19     10010   |                              |< 200 BYE 2 ------------------| UDP 10.0.9.3:5060 -> 10.0.0.1:5060
    "#]],
    );
    world.assert_clean();
}

#[test]
fn each_phone_that_rings_is_named() {
    let mut world = World::new(3);
    let both = r#"{"name": "desk", "position": 1, "match": {"to": ["8000"]}, "then": {"do": "slots", "slots": ["6002", "6003"]}}"#;
    world.set_plan(3, &[], &[both]);
    world.phone("6002").habit = Habit::Ring;
    world.phone("6003").habit = Habit::Ring;
    world.dial("6001", "8000");
    world.run(seconds(1));
    world.answer("6003");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let call = calls(&world)[0];
    check(
        &ladder(&mut world, call).unwrap(),
        &expect![[r#"
        call c_6daavb0fpxbbe  6001 -> 8000  over
        began 2025-11-21T08:00:00.125Z
        near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
        far   6002  UDP 10.0.1.2:5060, ours 10.0.0.1:5060
        far   6003  UDP 10.0.1.3:5060, ours 10.0.0.1:5060

                    ms   6001                           Cordboard                      8000
           1         0   |- INVITE 1 sdp -------------->|                              |
           2         0   |                              |- INVITE 1 sdp -------------->| 6002
           3         0   |                              |- INVITE 1 sdp -------------->| 6003
           4         0   |< 100 INVITE 1 ---------------|                              |
           5        10   |                              |< 180 INVITE 1 ---------------| 6002
           6        10   |< 180 INVITE 1 ---------------|                              |
           7        10   |                              |< 180 INVITE 1 ---------------| 6003
           8      1000   |                              |< 200 INVITE 1 sdp -----------| 6003
           9      1000   |                              |- ACK 1 --------------------->| 6003
          10      1000   |                              |- CANCEL 1 ------------------>| 6002
          11      1000   |< 200 INVITE 1 sdp -----------|                              |
          12      1010   |                              |< 200 CANCEL 1 ---------------| 6002
          13      1010   |                              |< 487 INVITE 1 ---------------| 6002
          14      1010   |                              |- ACK 1 --------------------->| 6002
          15      1010   |- ACK 1 --------------------->|                              |
          16      2000   |- BYE 2 --------------------->|                              |
          17      2000   |< 200 BYE 2 ------------------|                              |
          18      2000   |                              |- BYE 2 --------------------->| 6003
          19      2010   |                              |< 200 BYE 2 ------------------| 6003
    "#]],
    );
    world.assert_clean();
}

#[test]
fn what_goes_wrong_is_drawn_too() {
    // A number that does not exist, and an operator whose call nobody answers.
    let mut world = World::new(2);
    world.dial("6001", "6999");
    world.run(seconds(1));
    let call = calls(&world)[0];
    let text = ladder(&mut world, call).unwrap();
    check(
        &text,
        &expect![[r#"
            call c_6daavb0apxbbe  6001 -> 6999  over
            began 2025-11-21T08:00:00.085Z
            near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
            far   6999  no message

                        ms   6001                           Cordboard                      6999
               1         0   |- INVITE 1 sdp -------------->|                              |
               2         0   |< 404 INVITE 1 ---------------|                              |
               3        10   |- ACK 1 --------------------->|                              |
        "#]],
    );

    world.phone("6002").habit = Habit::Dead;
    let call = world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(2));
    world.order(Command::EndCall { user: UserId(7), any: false, call }).unwrap();
    world.run(seconds(1));
    let text = ladder(&mut world, call).unwrap();
    check(
        &text,
        &expect![[r#"
            call c_6daavb473wf08  6001 -> 6002  over
            began 2025-11-21T08:00:01.080Z
            near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060
            far   6002  UDP 10.0.1.2:5060, ours 10.0.0.1:5060

                        ms   6001                           Cordboard                      6002
               1         0   |< INVITE 1 sdp ---------------|                              |
               2        10   |- 200 INVITE 1 sdp ---------->|                              |
               3        10   |< ACK 1 ----------------------|                              |
               4        10   |                              |- INVITE 1 sdp -------------->|
               5       510   |                              |- INVITE 1 sdp -------------->| again
               6      1510   |                              |- INVITE 1 sdp -------------->| again
               7      2000   |< BYE 2 ----------------------|                              |
               8      2010   |- 200 BYE 2 ----------------->|                              |
        "#]],
    );
    world.assert_clean();
}

#[test]
fn a_phone_that_moves_shows_where_it_is() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.phone("6002").outside = Some("10.0.9.9:1234".parse().unwrap());
    world.reoffer("6002");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let call = calls(&world)[0];
    let text = ladder(&mut world, call).unwrap();
    assert!(text.contains("| UDP 10.0.9.9:1234 -> 10.0.0.1:5060\n"), "{text}");
    world.assert_clean();
}

#[test]
fn only_as_much_is_kept_as_was_allowed() {
    let mut small = settings();
    small.ladder_memory = 30_000;
    let mut world = World::unregistered(2, small.clone(), &calls::Restored::default());
    world.register("6001", 300);
    world.register("6002", 300);
    for _ in 0..8 {
        world.dial("6001", "6002");
        world.run(seconds(1));
        world.hang_up("6001");
        world.run(seconds(1));
        assert!(world.board.ladder_octets() <= 30_000);
    }
    assert!(world.board.ladder_octets() > 15_000);
    let known: Vec<bool> = calls(&world).into_iter().map(|call| ladder(&mut world, call).is_ok()).collect();
    assert_eq!(known.iter().filter(|known| **known).count(), known.iter().rev().take_while(|known| **known).count(), "{known:?}");
    assert!(known[7] && !known[0], "the oldest went first: {known:?}");

    // A call that is up is kept as long as there is room for it at all.
    world.dial("6001", "6002");
    world.run(seconds(1));
    small.ladder_memory = 4_000;
    world.input(Input::Settings(Box::new(small.clone())));
    assert!(world.board.ladder_octets() <= 4_000);
    small.ladder_memory = 0;
    world.input(Input::Settings(Box::new(small)));
    assert_eq!(world.board.ladder_octets(), 0);
    world.hang_up("6001");
    world.run(seconds(1));
    let last = calls(&world)[8];
    assert_eq!(ladder(&mut world, last), Err(Refusal::LadderForgotten));
    world.assert_clean();
}

#[test]
fn a_call_of_many_messages_says_how_many_are_left_out() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(1));
    for _ in 0..120 {
        world.info("6001", "application/dtmf-relay", "Signal=5\r\nDuration=90\r\n");
        world.run(seconds(1));
    }
    world.hang_up("6001");
    world.run(seconds(1));
    let call = calls(&world)[0];
    let text = ladder(&mut world, call).unwrap();
    assert!(text.contains(" message(s) were left out: a call keeps 200 messages and 64 KiB"), "{}", text.len());
    assert!(text.matches("\n--- ").count() <= 200);
    let rungs: Vec<&str> = text.lines().skip(6).take_while(|line| !line.is_empty()).collect();
    let gap = rungs.iter().position(|rung| rung.contains("message(s) left out")).unwrap();
    assert_eq!(rungs.iter().filter(|rung| rung.contains("left out")).count(), 1, "{rungs:?}");
    let number = |rung: &str| rung.split_whitespace().next().unwrap().parse::<usize>().unwrap();
    let left_out: usize = rungs[gap].split_whitespace().nth(2).unwrap().parse().unwrap();
    assert_eq!(number(rungs[gap + 1]), number(rungs[gap - 1]) + left_out + 1, "those that were left out count");
    assert!(rungs[0].contains("INVITE 1 sdp") && rungs[rungs.len() - 1].contains("200 BYE"), "how it began, and how it ended: {rungs:?}");
    assert!(!text.contains("Signal=5"), "keys that were pressed are not shown");
    // Messages of ours lie in buffers of 1 KiB.
    assert!(world.board.ladder_octets() < (64 + 200) << 10);
    world.assert_clean();
}

/// A phone that dials what there is not, with as much in it as a datagram holds, costs itself its ladders, not the others.
#[test]
fn calls_that_are_refused_at_once_do_not_make_us_forget_the_others() {
    const MEMORY: usize = 400_000;
    let small = calls::Settings { ladder_memory: MEMORY, ..settings() };
    let mut world = World::unregistered(2, small, &calls::Restored::default());
    world.register("6001", 3_600);
    world.register("6002", 3_600);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    for _ in 0..40 {
        world.dial("6001", "6999");
        world.rewrite_last(|invite| {
            let padding = format!("\r\nX: {}", "x".repeat(900)).repeat(40);
            invite.replacen("\r\nContact:", &format!("{padding}\r\nContact:"), 1)
        });
        world.run(seconds(1));
        assert!(world.board.ladder_octets() <= MEMORY);
    }
    let known: Vec<bool> = calls(&world).into_iter().map(|call| ladder(&mut world, call).is_ok()).collect();
    assert!(known[0], "a call that came about is still known");
    assert!(known[40] && !known[1], "the last ones that were refused too: {known:?}");

    // Calls that came about have the rest, and no more than the rest.
    for _ in 0..80 {
        world.return_ports();
        world.dial("6001", "6002");
        world.run(seconds(1));
        world.hang_up("6001");
        world.run(seconds(1));
        assert!(world.board.ladder_octets() <= MEMORY);
    }
    let known: Vec<bool> = calls(&world).into_iter().map(|call| ladder(&mut world, call).is_ok()).collect();
    assert!(!known[0] && known[40] && known[120], "{known:?}");
    world.assert_clean();
}

#[test]
fn a_ladder_that_was_given_away_is_drawn_by_its_reader() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(1));
    let call = calls(&world)[0];
    let given = drawing(&mut world, call).unwrap();
    let text = given.text();
    assert!(text.contains("6001 -> 6002  up"), "{text}");
    // What a tape takes down of the reply is short, and has nothing in it that is to be masked.
    let shown = format!("{given:?}");
    expect!["Ladder(c_6daavb0apxbbe, 7 messages, 3949 octets, 0 left out, over: false)"].assert_eq(&shown);

    // The call goes on and its ladder is forgotten; the reader still has what there was.
    world.hang_up("6001");
    world.run(seconds(1));
    assert_ne!(ladder(&mut world, call).unwrap(), text);
    world.input(Input::Settings(Box::new(calls::Settings { ladder_memory: 0, ..settings() })));
    assert_eq!(ladder(&mut world, call), Err(Refusal::LadderForgotten));
    assert_eq!(given.text(), text);
    world.assert_clean();
}

#[test]
fn strangers_have_no_ladder() {
    let mut world = World::unregistered(2, settings(), &calls::Restored::default());
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.phone("6001").session, None, "challenged");
    assert_eq!(world.board.ladder_octets(), 0);
    assert_eq!(ladder(&mut world, CallId(1)), Err(Refusal::LadderForgotten));
}
