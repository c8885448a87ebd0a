//! From whom packets are taken, and to whom they go (B-58, B-59, B-61, R28).
#![expect(clippy::unwrap_used, reason = "tests")]

use expect_test::{Expect, expect};

use super::*;

fn check(mut world: World, expected: Expect) {
    expected.assert_eq(&world.take_log());
}

#[test]
fn the_signalled_port_wins_over_whoever_was_first_on_its_host() {
    let (mut world, mut left, mut right) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Leg(LegId(2)));
    world.hear(2, Hears::Leg(LegId(1)));
    world.note("a stranger sprays both ports before anybody speaks");
    for (leg, port) in [(1, 4000), (1, 4001), (2, 4000), (2, 9)] {
        let stranger = Phone { at: SocketAddr::new("198.51.100.66".parse().unwrap(), port), ..Phone::new(leg, "10.0.0.9:1") };
        world.send(&stranger, stranger.packet(8, true, &[0x55; 160]));
    }
    world.note("somebody on the phone's host is first: heard, and answered with nothing");
    let mut neighbour = Phone { at: "10.0.0.1:4444".parse().unwrap(), ..left };
    world.say(&mut neighbour, Codec::Pcma, 2);
    world.say(&mut right, Codec::Pcma, 1);
    world.note("the phone speaks, and is locked");
    world.say(&mut left, Codec::Pcma, 1);
    world.say(&mut right, Codec::Pcma, 1);
    world.note("the stranger and the neighbour again");
    for from in ["198.51.100.66:4444", "10.0.0.1:4444"] {
        let stranger = Phone { at: from.parse().unwrap(), ..left };
        world.send(&stranger, stranger.packet(8, true, &[0x55; 160]));
    }
    let (one, two) = (world.stats(1), world.stats(2));
    assert_eq!((one.foreign, one.packets_in, two.foreign, two.packets_in), (4, 3, 2, 2));
    check(
        world,
        expect![[r#"
        -- a stranger sprays both ports before anybody speaks
        -- somebody on the phone's host is first: heard, and answered with nothing
        0     FirstMedia { leg: LegId(1) }
        0     2 < 10.0.0.2:4000 pt 8 #0 @0 to #1 @160 of 160 marker
        40    2 connect Rtp to 10.0.0.2:4000
        40    FirstMedia { leg: LegId(2) }
        40    1 < 10.0.0.1:4000 pt 8 #0 @0 of 160 marker
        -- the phone speaks, and is locked
        60    1 connect Rtp to 10.0.0.1:4000
        60    2 < 10.0.0.2:4000 pt 8 #0 @0 of 160
        80    1 < 10.0.0.1:4000 pt 8 #1 @160 of 160
        -- the stranger and the neighbour again
    "#]],
    );
}

#[test]
fn a_phone_that_never_sends_from_its_signalled_port_is_answered_where_it_sends_from() {
    let (mut world, mut left, mut right) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Leg(LegId(2)));
    left.at = "10.0.0.1:4444".parse().unwrap();
    world.say(&mut left, Codec::Pcma, 49);
    world.say(&mut right, Codec::Pcma, 1);
    world.note("after a second of audio");
    world.say(&mut left, Codec::Pcma, 1);
    world.say(&mut right, Codec::Pcma, 1);
    check(
        world,
        expect![[r#"
        0     FirstMedia { leg: LegId(1) }
        980   2 connect Rtp to 10.0.0.2:4000
        980   FirstMedia { leg: LegId(2) }
        980   1 < 10.0.0.1:4000 pt 8 #0 @0 of 160 marker
        -- after a second of audio
        1020  1 < 10.0.0.1:4444 pt 8 #1 @160 of 160
    "#]],
    );
}

#[test]
fn behind_a_nat_the_first_port_of_the_signalled_host_is_learnt_once() {
    let (mut world, mut left, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.remote(1, "203.0.113.9:4000", Payloads::of(Codec::Pcma), Latch::SameHost);
    for (from, note) in [
        ("198.51.100.66:4000", "a stranger"),
        ("203.0.113.9:61000", "the phone, as its NAT shows it"),
        ("203.0.113.9:4000", "its neighbour"),
    ] {
        world.note(note);
        left.at = from.parse().unwrap();
        world.say(&mut left, Codec::Pcma, 1);
    }
    check(
        world,
        expect![[r#"
        -- a stranger
        -- the phone, as its NAT shows it
        20    1 connect Rtp to 203.0.113.9:61000
        20    FirstMedia { leg: LegId(1) }
        -- its neighbour
    "#]],
    );
}

#[test]
fn behind_a_nat_the_first_valid_source_is_learnt() {
    let mut world = World::new();
    world.open(1);
    let early = Phone::new(1, "203.0.113.50:61000");
    world.note("before the description nobody is let in");
    world.send(&early, early.packet(8, false, &[0xD5; 160]));
    world.remote(1, "192.168.1.20:7078", with_dtmf(Codec::Pcma, 101), Latch::First);
    world.note("what is no RTP of an agreed kind teaches nothing");
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[0; 12]].concat();
    for packet in [stun, vec![], vec![0x80; 11], early.packet(96, false, &[0; 160]), early.packet(72, true, &[0; 160]), vec![0xFF; 200]] {
        world.inject(LegId(1), "198.51.100.66:5000".parse().unwrap(), packet);
    }
    world.note("until then, tones go to the signalled address");
    world.hear(1, Hears::Tone(Tone::Ring));
    world.pass(60);
    world.note("the phone");
    let mut phone = early;
    world.say(&mut phone, Codec::Pcma, 2);
    world.note("a stranger comes too late");
    world.inject(LegId(1), "198.51.100.66:5000".parse().unwrap(), phone.packet(8, false, &[0x55; 160]));
    world.note("a new description with the same address: the tone goes on to the learnt one, which may change");
    world.remote(1, "192.168.1.20:7078", with_dtmf(Codec::Pcma, 101), Latch::First);
    world.pass(40);
    phone.at = "203.0.113.50:62000".parse().unwrap();
    world.say(&mut phone, Codec::Pcma, 2);
    world.note("a new description with another address: the tone goes there");
    world.remote(1, "192.168.1.21:7078", with_dtmf(Codec::Pcma, 101), Latch::First);
    world.pass(40);
    let stats = world.stats(1);
    assert_eq!((stats.early, stats.foreign, stats.junk, stats.packets_in), (1, 1, 6, 4));
    check(
        world,
        expect![[r#"
            -- before the description nobody is let in
            -- what is no RTP of an agreed kind teaches nothing
            -- until then, tones go to the signalled address
            0     1 < 192.168.1.20:7078 pt 8 #0 @0 to #3 @480 of 160 marker
            -- the phone
            60    1 connect Rtp to 203.0.113.50:61000
            60    FirstMedia { leg: LegId(1) }
            80    1 < 203.0.113.50:61000 pt 8 #4 @640 to #5 @800 of 160
            -- a stranger comes too late
            -- a new description with the same address: the tone goes on to the learnt one, which may change
            100   1 disconnect
            120   1 < 203.0.113.50:61000 pt 8 #6 @960 to #7 @1120 of 160
            140   1 connect Rtp to 203.0.113.50:62000
            160   1 < 203.0.113.50:62000 pt 8 #8 @1280 to #9 @1440 of 160
            -- a new description with another address: the tone goes there
            180   1 disconnect
            200   1 < 192.168.1.21:7078 pt 8 #10 @1600 to #11 @1760 of 160
        "#]],
    );
}

#[test]
fn one_host_in_two_spellings() {
    let mut world = World::new();
    world.open(1);
    world.remote(1, "10.0.0.1:4000", Payloads::of(Codec::Pcma), Latch::Signalled);
    let mut phone = Phone::new(1, "[::ffff:10.0.0.1]:4000");
    world.say(&mut phone, Codec::Pcma, 1);
    check(
        world,
        expect![[r#"
            0     1 connect Rtp to [::ffff:10.0.0.1]:4000
            0     FirstMedia { leg: LegId(1) }
        "#]],
    );
}

#[test]
fn sound_before_any_address_is_early_and_no_strangers() {
    let mut world = World::new();
    world.open(1);
    let mut phone = Phone::new(1, "10.0.0.1:4000");
    world.say(&mut phone, Codec::Pcma, 2);
    world.rtcp(1, "10.0.0.1:4001", &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    assert_eq!(world.stats(1), LegStats { early: 3, ..LegStats::default() });
    check(world, expect![[r#""#]]);
}

#[test]
fn a_leg_that_was_given_no_address_takes_nobody() {
    let mut world = World::new();
    world.open(1);
    let remote = Remote { rtp: None, rtcp: None, payloads: Payloads::of(Codec::Pcma), sends: true, receives: false, ptime_ms: 20 };
    world.order(Command::Remote { leg: LegId(1), remote, latch: Latch::Signalled });
    let mut phone = Phone::new(1, "10.0.0.1:4000");
    world.say(&mut phone, Codec::Pcma, 1);
    world.hear(1, Hears::Tone(Tone::Ring));
    world.pass(10_000);
    assert_eq!(world.stats(1), LegStats { foreign: 1, ..LegStats::default() });
    check(world, expect![[r#""#]]);
}

#[test]
fn rtcp_comes_from_the_host_of_the_rtp() {
    let (mut world, mut left, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    let empty_report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    world.rtcp(1, "198.51.100.66:4001", &empty_report);
    world.rtcp(1, "10.0.0.1:4001", &empty_report[..7]);
    world.rtcp(1, "10.0.0.1:4005", &empty_report);
    world.rtcp(1, "10.0.0.1:4001", &empty_report);
    world.say(&mut left, Codec::Pcma, 1);
    let stats = world.stats(1);
    assert_eq!((stats.rtcp_in, stats.foreign, stats.junk), (1, 2, 1));
    world.note("behind a NAT, only once the RTP is known");
    world.open(3);
    world.remote(3, "192.168.1.20:7078", Payloads::of(Codec::Pcma), Latch::First);
    world.rtcp(3, "203.0.113.50:61001", &empty_report);
    let mut phone = Phone::new(3, "203.0.113.50:61000");
    world.say(&mut phone, Codec::Pcma, 1);
    world.rtcp(3, "203.0.113.50:61001", &empty_report);
    check(
        world,
        expect![[r#"
            0     1 connect Rtcp to 10.0.0.1:4005
            0     1 connect Rtp to 10.0.0.1:4000
            0     FirstMedia { leg: LegId(1) }
            -- behind a NAT, only once the RTP is known
            20    3 connect Rtp to 203.0.113.50:61000
            20    FirstMedia { leg: LegId(3) }
            40    3 connect Rtcp to 203.0.113.50:61001
        "#]],
    );
}
