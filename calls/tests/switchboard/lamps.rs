//! Who watches whom: SUBSCRIBE and NOTIFY of calls (RFC 4235) and mailboxes (RFC 3842).

use std::time::Duration;

use calls::{Input, Restored};
use model::{CenterId, Command, Directory, SlotEntry, SlotId, SlotState};
use sip_core::Transport;

use crate::{
    carriers::A,
    phone::{Habit, REALM},
    world::{World, directory, settings},
};

const SECOND: Duration = Duration::from_secs(1);
const LAMP: &str = "Event: dialog\r\nAccept: application/dialog-info+xml\r\n";

/// The phone subscribes to the calls of a number; our tag.
fn watch(world: &mut World, watcher: &str, number: &str) -> String {
    let answer = world.request(watcher, "SUBSCRIBE", number, (number, ""), &format!("{LAMP}Expires: 600\r\n"), "");
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    let to = answer.lines().find(|line| line.starts_with("To:")).unwrap();
    to.split(";tag=").nth(1).unwrap().to_owned()
}

fn status(answer: &str) -> &str {
    answer.get(8..11).unwrap_or("none")
}

/// What the NOTIFYs to a phone said: version, and for each dialog its name, direction and state; or how the subscription ended.
fn shown(world: &mut World, number: &str) -> Vec<String> {
    let told = std::mem::take(&mut world.phone(number).told);
    let between = |text: &str, before: &str, after: &str| {
        text.split(before).nth(1).and_then(|rest| rest.split(after).next()).unwrap_or_default().to_owned()
    };
    told.iter()
        .filter(|notify| notify.starts_with("NOTIFY"))
        .map(|notify| {
            let over = between(notify, "Subscription-State: terminated;reason=", "\r\n");
            let dialogs: Vec<String> = notify
                .split("<dialog ")
                .skip(1)
                .map(|dialog| {
                    let (id, direction) = (between(dialog, "id=\"", "\""), between(dialog, "direction=\"", "\""));
                    format!("{id} {direction} {}", between(dialog, "<state>", "</state>"))
                })
                .collect();
            let over = if over.is_empty() { over } else { format!(" over: {over}") };
            format!("v{} [{}]{over}", between(notify, "\" version=\"", "\""), dialogs.join(", "))
        })
        .collect()
}

/// A lamp follows a call through all of its states, and says nothing of who is on the other side.
#[test]
fn a_lamp_follows_a_call_and_names_nobody() {
    let mut world = World::new(3);
    world.phone("6002").habit = Habit::Ring;
    watch(&mut world, "6003", "6002");
    watch(&mut world, "6003", "6001");
    assert_eq!(shown(&mut world, "6003"), ["v0 []", "v0 []"]);
    world.run(SECOND);
    world.dial("6001", "6002");
    world.run(3 * SECOND);
    world.answer("6002");
    world.run(3 * SECOND);
    world.hang_up("6002");
    world.run(3 * SECOND);
    let told = world.phone("6003").told.clone();
    let of = |number: &str| -> Vec<String> {
        told.iter().filter(|notify| notify.contains(&format!("entity=\"sip:{number}@pbx.test\""))).cloned().collect()
    };
    for (number, other, direction) in [("6002", "6001", "recipient"), ("6001", "6002", "initiator")] {
        world.phone("6003").told = of(number);
        assert_eq!(
            shown(&mut world, "6003"),
            [
                format!("v1 [1 {direction} trying]"),
                format!("v2 [1 {direction} early]"),
                format!("v3 [1 {direction} confirmed]"),
                format!("v4 [1 {direction} terminated]")
            ]
        );
        for notify in of(number) {
            assert!(!notify.contains(other), "it names who is on the other side: {notify}");
            assert!(!notify.contains("call-id") && !notify.contains("-tag"), "it names the dialog: {notify}");
        }
    }
    // The next call is another dialog, and what was over is told no more.
    world.dial("6001", "6002");
    world.run(3 * SECOND);
    let next = shown(&mut world, "6003");
    assert_eq!(next.last().map(String::as_str), Some("v6 [2 recipient early]"), "{next:?}");
    world.hang_up("6001");
    world.assert_clean();
}

/// What is over was told with the change, and is not told again to who goes on watching, or comes to.
#[test]
fn what_is_over_is_told_once() {
    let mut world = World::new(4);
    let tag = watch(&mut world, "6003", "6002");
    world.dial("6001", "6002");
    world.run(3 * SECOND);
    world.hang_up("6001");
    world.run(3 * SECOND);
    assert_eq!(shown(&mut world, "6003").last().map(String::as_str), Some("v2 [1 recipient terminated]"));
    let answer = world.request("6003", "SUBSCRIBE", "6002", ("6002", &tag), &format!("{LAMP}Expires: 600\r\n"), "");
    assert_eq!(status(&answer), "200", "{answer}");
    world.run(3 * SECOND);
    watch(&mut world, "6004", "6002");
    world.run(3 * SECOND);
    assert_eq!((shown(&mut world, "6003"), shown(&mut world, "6004")), (vec!["v3 []".to_owned()], vec!["v0 []".to_owned()]));
    world.assert_clean();
}

/// Who begins to watch in the middle of a call sees it; more than once a second nobody is told.
#[test]
fn a_watcher_sees_what_goes_on_already_and_is_told_once_a_second() {
    let mut world = World::new(3);
    world.dial("6001", "6002");
    world.run(SECOND);
    watch(&mut world, "6003", "6002");
    assert_eq!(shown(&mut world, "6003"), ["v0 [1 recipient confirmed]"]);
    for _ in 0..5 {
        world.hang_up("6001");
        world.run(SECOND / 20);
        world.dial("6001", "6002");
        world.run(SECOND / 20);
    }
    world.run(2 * SECOND);
    let told = shown(&mut world, "6003");
    assert_eq!(told, ["v1 [6 recipient confirmed]"], "the newest is told, and what was between is not");
    world.hang_up("6001");
    world.assert_clean();
}

/// Of several that ring together each has its own lamp, and those whom another forestalled are free again.
#[test]
fn who_rings_in_vain_is_free_again() {
    let mut world = World::new(4);
    world.add_peer("A", "10.0.9.1:5060");
    world.set_plan(4, &[A], &[]);
    for number in ["6001", "6002"] {
        world.phone(number).habit = Habit::Ring;
    }
    watch(&mut world, "6003", "6001");
    watch(&mut world, "6004", "6002");
    world.bring("A", "+79161112233", "84950000001", &[]);
    world.run(3 * SECOND);
    world.answer("6001");
    world.run(3 * SECOND);
    assert_eq!(shown(&mut world, "6003"), ["v0 []", "v1 [1 recipient early]", "v2 [1 recipient confirmed]"]);
    assert_eq!(shown(&mut world, "6004"), ["v0 []", "v1 [1 recipient early]", "v2 [1 recipient terminated]"]);
    assert!(!world.phone("6003").told.iter().any(|notify| notify.contains("7916")), "the world's numbers are nobody's business");
    world.hang_up("6001");
    world.run(SECOND);
    assert_eq!(shown(&mut world, "6003"), ["v3 [1 recipient terminated]"]);
}

/// 401, 403, 404, 423, 489; and nothing is sent to who has proven nothing.
#[test]
fn who_may_watch_what() {
    let mut world = World::new(3);
    let stranger = "SUBSCRIBE sip:6002@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.9;branch=z9hG4bKs;rport\r\nMax-Forwards: 70\r\n\
        From: <sip:6001@pbx.test>;tag=s\r\nTo: <sip:6002@pbx.test>\r\nCall-ID: s\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:s@10.0.9.9>\r\n\
        Event: dialog\r\nContent-Length: 0\r\n\r\n";
    let answer = world.answer_to("6003", stranger.into());
    assert!(answer.starts_with("SIP/2.0 401") && answer.contains("WWW-Authenticate"), "{answer}");
    for (user, lines, expected) in [
        ("6002", LAMP, "200"),
        ("6009", LAMP, "404"),
        ("74951234567", LAMP, "404"),
        ("6002", "Event: dialog\r\nExpires: 59\r\n", "423"),
        ("6002", "Event: presence\r\n", "489"),
        ("6002", "", "489"),
        ("6001", "Event: message-summary\r\n", "200"),
        ("6002", "Event: message-summary\r\n", "403"),
        ("6009", "Event: message-summary\r\n", "404"),
    ] {
        let answer = world.request("6001", "SUBSCRIBE", user, (&format!("{user}{expected}"), ""), lines, "");
        assert_eq!(status(&answer), expected, "{user} {lines}: {answer}");
    }
    assert_eq!(world.board.subscriptions(), 2);
    let told = &world.phone("6001").told;
    assert!(told.iter().any(|notify| notify.ends_with("\r\n\r\nMessages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n")), "{told:?}");
    // A slot of another centre is as one that does not exist.
    let mut slots: Vec<SlotEntry> = directory(3).slots().cloned().collect();
    slots[2].center = CenterId(2);
    world.input(Input::Directory(std::sync::Arc::new(Directory::new(REALM.to_owned(), Vec::new(), slots))));
    let answer = world.request("6001", "SUBSCRIBE", "6003", ("other", ""), LAMP, "");
    assert_eq!(status(&answer), "404", "{answer}");
    // Only once.
    let answer = world.request("6001", "SUBSCRIBE", "6001", ("once", ""), "Event: message-summary\r\nExpires: 0\r\n", "");
    assert_eq!((status(&answer), world.board.subscriptions()), ("200", 2), "{answer}");
}

/// A slot that is put out of service is told nothing any more, and one that is gone is not watched.
#[test]
fn it_ends_with_the_slot() {
    let mut world = World::new(3);
    watch(&mut world, "6003", "6002");
    watch(&mut world, "6003", "6001");
    world.run(SECOND);
    shown(&mut world, "6003");
    // 6002 is deleted.
    let slots: Vec<SlotEntry> = directory(3).slots().filter(|slot| slot.id != SlotId(2)).cloned().collect();
    world.input(Input::Directory(std::sync::Arc::new(Directory::new(REALM.to_owned(), Vec::new(), slots))));
    world.run(SECOND);
    assert_eq!(shown(&mut world, "6003"), ["v1 [] over: noresource"]);
    world.order(Command::SetService { slot: SlotId(3), state: SlotState::Disabled }).unwrap();
    world.run(SECOND);
    assert_eq!(shown(&mut world, "6003"), ["v1 [] over: rejected"]);
    assert_eq!(world.board.subscriptions(), 0);
    let answer = world.request("6003", "SUBSCRIBE", "6001", ("again", ""), LAMP, "");
    assert_eq!(status(&answer), "403", "{answer}");
    world.order(Command::SetService { slot: SlotId(3), state: SlotState::Idle }).unwrap();
    watch(&mut world, "6003", "6001");
}

/// It is told where it has registered from since; by a stream that is gone, when there is another one.
#[test]
fn it_follows_its_phone() {
    let mut world = World::new(3);
    let tag = watch(&mut world, "6003", "6002");
    world.run(SECOND);
    world.phone("6003").outside = Some("10.0.1.77:6000".parse().unwrap());
    world.register("6003", 300);
    shown(&mut world, "6003");
    world.dial("6001", "6002");
    world.run(2 * SECOND);
    assert_eq!(shown(&mut world, "6003").last().unwrap(), "v2 [1 recipient confirmed]");
    // A refresh names the same, by whatever Request-URI.
    let answer = world.request("6003", "SUBSCRIBE", "6002", ("6002", &tag), LAMP, "");
    assert_eq!(status(&answer), "200", "{answer}");
    assert_eq!(world.board.subscriptions(), 1);
    world.hang_up("6001");
    world.run(2 * SECOND);

    world.phone("6003").outside = None;
    world.phone("6003").transport = Transport::Tcp;
    world.phone("6003").address = "10.0.1.3:40000".parse().unwrap();
    world.register("6003", 300);
    world.run(SECOND);
    world.close_flow("6003");
    world.run(SECOND);
    shown(&mut world, "6003");
    world.dial("6001", "6002");
    world.run(5 * SECOND);
    assert_eq!(shown(&mut world, "6003"), [""; 0], "there is no way to it");
    world.phone("6003").address.set_port(40_001);
    world.register("6003", 300);
    world.run(SECOND);
    assert_eq!(shown(&mut world, "6003"), ["v5 [2 recipient confirmed]"]);
    world.hang_up("6001");
    world.run(SECOND);
    world.assert_replays();
}

/// The limit of one slot: its oldest makes room. Nothing is left of who does not answer.
#[test]
fn there_is_an_end_to_subscriptions() {
    let mut world = World::unregistered(2, settings(), &Restored::default());
    world.register("6001", 300);
    world.register("6002", 300);
    for nth in 0..130 {
        let answer = world.request("6001", "SUBSCRIBE", "6002", (&format!("n{nth}"), ""), LAMP, "");
        assert_eq!(status(&answer), "200", "{answer}");
    }
    assert_eq!(world.board.subscriptions(), 128);
    world.run(2 * SECOND);
    let over = shown(&mut world, "6001").iter().filter(|told| told.ends_with("over: rejected")).count();
    assert_eq!(over, 2);
    world.phone("6001").habit = Habit::Dead;
    world.dial("6002", "6001");
    world.run(60 * SECOND);
    assert_eq!(world.board.subscriptions(), 0, "who answers no NOTIFY is not there");
    world.run(60 * SECOND);
    assert_eq!(world.board.transactions(), 0);
}
