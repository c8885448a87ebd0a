//! Reports, watches, and the life of a leg (B-64 to B-66, R26).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use expect_test::{Expect, expect};

use super::*;

fn check(mut world: World, expected: Expect) {
    expected.assert_eq(&world.take_log());
}

/// The packets of a compound, with their fixed words; the sources' names are random and only shown as present.
pub(super) fn show_rtcp(compound: &[u8]) -> String {
    let mut shown = Vec::new();
    let mut rest = compound;
    while !rest.is_empty() {
        let length = 4 + usize::from(u16::from_be_bytes([rest[2], rest[3]])) * 4;
        let (packet, next) = rest.split_at(length);
        let word = |at: usize| u32::from_be_bytes(packet[at * 4..at * 4 + 4].try_into().unwrap());
        let block = |at: usize| {
            let ssrc = if word(at) & 0xFFFF_0000 == 0xAAAA_0000 { format!("{:x}", word(at)) } else { "ours".to_owned() };
            format!(
                " [{ssrc} fraction {} lost {} highest {} jitter {} lsr {:x} dlsr {:x}]",
                word(at + 1) >> 24,
                word(at + 1) & 0xFF_FFFF,
                word(at + 2),
                word(at + 3),
                word(at + 4),
                word(at + 5)
            )
        };
        assert_eq!(packet[0] & 0xE0, 0x80, "version 2, no padding");
        let count = packet[0] & 0x1F;
        shown.push(match packet[1] {
            200 => format!(
                "SR ntp {:.3} packets {} octets {}{}",
                f64::from(word(2) & 0x7FFF_FFFF) + f64::from(word(3)) / 4_294_967_296.0,
                word(5),
                word(6),
                if count == 1 { block(7) } else { String::new() }
            ),
            201 => format!("RR{}", if count == 1 { block(2) } else { String::new() }),
            202 => {
                assert_eq!((count, packet[8], packet[9], &packet[34..]), (1, 1, 24, &[0, 0][..]));
                assert!(packet[10..34].iter().all(u8::is_ascii_hexdigit));
                "SDES".to_owned()
            }
            203 => "BYE".to_owned(),
            other => panic!("packet type {other}"),
        });
        rest = next;
    }
    shown.join(" + ")
}

#[test]
fn reports_go_out_about_every_five_seconds_and_tell_what_was_lost() {
    let (mut world, mut left, mut right) = World::talking(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Nothing);
    world.take_log();
    // Leg 1 loses a tenth; nothing is sent to it.
    for _ in 0..60 {
        world.say(&mut left, Codec::Pcma, 9);
        left.sequence += 1;
        left.timestamp += 160;
        world.pass(20);
        world.take_log();
    }
    let stats = world.stats(1);
    assert_eq!((stats.packets_in, stats.lost), (541, 59));
    world.note("the last interval");
    for _ in 0..6 {
        for _ in 0..50 {
            let packet = right.packet(8, false, &[0xD5; 160]);
            world.send(&right, packet);
            right.sequence += 1;
            right.timestamp += 160;
            world.pass(20);
        }
    }
    let reports: String = world.take_log().lines().filter(|line| line.contains("RTCP")).fold(String::new(), |all, line| all + line + "\n");
    expect![[r#"
        16744 1 < 10.0.0.1:4001 RTCP RR [aaaa0001 fraction 24 lost 59 highest 1599 jitter 0 lsr 0 dlsr 0] + SDES
        17968 2 < 10.0.0.2:4001 RTCP SR ntp 17.968 packets 541 octets 86560 [aaaa0002 fraction 0 lost 0 highest 1297 jitter 0 lsr 0 dlsr 0] + SDES
    "#]].assert_eq(&reports);
}

#[test]
fn the_intervals_of_reports_vary_around_five_seconds() {
    let (mut world, _, _) = World::talking(Codec::Pcma, Codec::Pcma);
    let mut times = Vec::new();
    for _ in 0..30_000 {
        world.pass(20);
        let log = world.take_log();
        times.extend(log.lines().filter(|line| line.contains("1 < 10.0.0.1:4001 RTCP")).map(|_| world.ms()));
    }
    let gaps: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (2500..=7540).contains(gap)), "{gaps:?}");
    let mean = gaps.iter().sum::<u128>() / u128::try_from(gaps.len()).unwrap();
    assert!((4000..6000).contains(&mean), "{mean}");
    assert!(gaps.iter().max().unwrap() - gaps.iter().min().unwrap() > 2000, "{gaps:?}");
}

#[test]
fn what_the_phone_reports_of_us_is_believed_within_reason() {
    let (mut world, _, mut right) = World::talking(Codec::Pcma, Codec::Pcma);
    world.say(&mut right, Codec::Pcma, 10);
    let ssrc = world.first[&LegId(1)].0;
    // Our report left 130 ms ago as far as the phone's numbers go, and the phone kept it for 50 ms.
    let left_at = world.now - Duration::from_millis(130);
    let elapsed = left_at - world.began;
    let last_sr = rtcp::short_ntp_time(elapsed);
    let block = rtcp::ReportBlock {
        ssrc,
        fraction_lost: 10,
        lost: 7,
        highest: 20,
        jitter: 80,
        last_sr,
        since_last_sr: rtcp::short_ntp(Duration::from_millis(50)),
    };
    let cname = [b'a'; CNAME_LENGTH];
    world.rtcp(1, "10.0.0.1:4001", &rtcp::write(9, None, Some(block), &cname, false));
    let stats = world.stats(1);
    assert_eq!((stats.remote_lost, stats.remote_jitter_ms, stats.rtcp_in), (7, 10, 1));
    assert!(stats.rtt_ms.is_some_and(|rtt| (79..=80).contains(&rtt)), "{stats:?}");
    // Times that cannot be, a report on somebody else, and a negative count.
    for block in [
        rtcp::ReportBlock { since_last_sr: 0x7000_0000, ..block },
        rtcp::ReportBlock { last_sr: 0, ..block },
        rtcp::ReportBlock { ssrc: ssrc ^ 1, lost: 99, ..block },
    ] {
        world.rtcp(1, "10.0.0.1:4001", &rtcp::write(9, None, Some(block), &cname, false));
    }
    assert_eq!((world.stats(1).rtt_ms, world.stats(1).remote_lost), (stats.rtt_ms, 7));
    let mut negative = rtcp::write(9, None, Some(block), &cname, false).to_vec();
    negative[13..16].copy_from_slice(&[0xFF, 0xFF, 0xFE]);
    world.rtcp(1, "10.0.0.1:4001", &negative);
    assert_eq!(world.stats(1).remote_lost, 0);
    // A sender report comes back in our own.
    world.take_log();
    let info = rtcp::SenderInfo { elapsed: Duration::from_millis(0x1234), timestamp: 5, packets: 6, octets: 7 };
    world.rtcp(1, "10.0.0.1:4001", &rtcp::write(9, Some(info), None, &cname, false));
    world.order(Command::Close { leg: LegId(1) });
    check(
        world,
        expect![[r#"
            240   1 < 10.0.0.1:4001 RTCP SR ntp 0.240 packets 11 octets 1760 [aaaa0001 fraction 0 lost 0 highest 1000 jitter 0 lsr 4a8f5 dlsr 0] + SDES + BYE
            240   1 stats
            240   1 closed, port 30002
        "#]],
    );
}

#[test]
fn silence_is_told_once() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    let watch = |seconds: Option<u64>| Command::Watch { leg: LegId(1), silent_after: seconds.map(Duration::from_secs) };
    world.hear(2, Hears::Nothing);
    world.order(watch(Some(10)));
    world.say(&mut left, Codec::Pcma, 400);
    world.take_log();
    world.note("RTCP, junk and strangers are no sign of life");
    for _ in 0..4 {
        world.pass(3000);
        world.rtcp(1, "10.0.0.1:4001", &[0x80, 201, 0, 1, 0, 0, 0, 9]);
        world.inject(LegId(1), left.at, vec![0; 20]);
        world.inject(LegId(1), "198.51.100.66:5000".parse().unwrap(), left.packet(8, false, &[0; 160]));
    }
    world.pass(60_000);
    world.note("watched anew, then held");
    world.order(watch(Some(10)));
    world.pass(5000);
    world.order(watch(None));
    world.pass(60_000);
    world.note("resumed: the time counts from now");
    world.order(watch(Some(10)));
    world.pass(9000);
    world.say(&mut left, Codec::Pcma, 1);
    world.pass(9000);
    world.note("beyond all time");
    world.order(Command::Watch { leg: LegId(1), silent_after: Some(Duration::MAX) });
    world.pass(60_000);
    let log: String = world.take_log().lines().filter(|line| !line.contains("RTCP")).fold(String::new(), |all, line| all + line + "\n");
    expect![[r#"
        11040 1 connect Rtcp to 10.0.0.1:4001
        18020 Silent { leg: LegId(1) }
        -- watched anew, then held
        -- resumed: the time counts from now
        -- beyond all time
    "#]]
    .assert_eq(&log);
}

#[test]
fn a_leg_is_closed_with_bye_and_leaves_nothing() {
    let (mut world, mut left, mut right) = World::talking(Codec::Pcma, Codec::Pcma);
    world.order(Command::Record { recording: 5, left: LegId(1), right: LegId(2) });
    world.order(Command::Watch { leg: LegId(1), silent_after: Some(Duration::from_secs(10)) });
    world.say(&mut left, Codec::Pcma, 5);
    world.say(&mut right, Codec::Pcma, 5);
    world.take_log();
    world.order(Command::Close { leg: LegId(1) });
    world.note("the other side speaks into the void");
    world.say(&mut right, Codec::Pcma, 2);
    world.say(&mut left, Codec::Pcma, 1);
    world.order(Command::Close { leg: LegId(1) });
    world.order(Command::Close { leg: LegId(2) });
    assert_eq!(world.relay.stats(), RelayStats { legs: 0, unknown_leg: 2, refused: 0, dropped: 0 });
    assert_eq!(world.relay.timeout(), None);
    let Relay { awaited, recordings, toning, timers, .. } = &world.relay;
    assert!(awaited.is_empty() && recordings.is_empty() && toning.is_empty() && timers.is_empty());
    check(
        world,
        expect![[r#"
            240   1 < 10.0.0.1:4001 RTCP SR ntp 0.240 packets 6 octets 960 [aaaa0001 fraction 0 lost 0 highest 1005 jitter 0 lsr 0 dlsr 0] + SDES + BYE
            240   1 stats
            240   1 closed, port 30002
            -- the other side speaks into the void
            300   2 < 10.0.0.2:4001 RTCP SR ntp 0.300 packets 6 octets 960 [aaaa0002 fraction 0 lost 0 highest 1007 jitter 0 lsr 0 dlsr 0] + SDES + BYE
            300   2 stats
            300   2 closed, port 30004
        "#]],
    );
}

#[test]
fn a_closed_leg_tells_its_numbers() {
    let (mut world, mut left, mut right) = World::talking(Codec::Pcma, Codec::Pcma);
    world.say(&mut left, Codec::Pcma, 9);
    world.say(&mut right, Codec::Pcma, 5);
    world.relay.handle(world.now, Command::Close { leg: LegId(1) });
    let stats = std::iter::from_fn(|| world.relay.poll()).find_map(|output| match output {
        Output::Event(MediaEvent::Closed { stats, .. }) => Some(stats),
        _ => None,
    });
    let expected = LegStats { packets_in: 10, octets_in: 1600, packets_out: 6, octets_out: 960, rtcp_out: 1, ..LegStats::default() };
    assert_eq!(stats, Some(expected));
}

#[test]
fn jitter_is_measured_as_rfc_3550_says() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    for round in 0..200 {
        world.say(&mut left, Codec::Pcma, 1);
        if round % 2 == 0 {
            world.pass(16);
        } else {
            world.now -= Duration::from_millis(16);
        }
    }
    // Every packet is 16 ms off against the one before it, so the mean difference is 16 ms.
    let stats = world.stats(1);
    assert!((14..=16).contains(&stats.jitter_ms) && stats.jitter_max_ms >= stats.jitter_ms, "{stats:?}");
}

#[test]
fn orders_that_make_no_sense_are_counted() {
    let mut world = World::new();
    world.open(1);
    world.open(1);
    assert_eq!(world.relay.stats().refused, 1);
    let nobody = LegId(99);
    world.hear(99, Hears::Nothing);
    world.remote(99, "10.0.0.1:1", Payloads::of(Codec::Pcma), Latch::First);
    world.order(Command::Watch { leg: nobody, silent_after: None });
    world.order(Command::Close { leg: nobody });
    world.order(Command::Record { recording: 1, left: nobody, right: nobody });
    world.inject(nobody, "10.0.0.1:1".parse().unwrap(), vec![0; 20]);
    world.rtcp(99, "10.0.0.1:1", &[0; 20]);
    assert_eq!(world.relay.stats().unknown_leg, 8);
    world.order(Command::StopRecord { recording: 1 });
    for recording in [2, 2, 3, 4, 5, 6] {
        world.order(Command::Record { recording, left: LegId(1), right: LegId(1) });
    }
    // A stop of nothing, a recording twice, and more than four taps on one leg.
    assert_eq!(world.relay.stats().refused, 1 + 1 + 1 + 6);
    for leg in 2..=12 {
        world.open(leg);
        world.hear(leg, Hears::Leg(LegId(1)));
    }
    assert_eq!(world.relay.stats().refused, 9 + 3, "eight may hear one");
    check(world, expect![[r#""#]]);
}

#[test]
fn legs_are_bounded_and_a_refused_one_gives_its_port_back() {
    let mut world = World::new();
    for leg in 0..u64::try_from(LEGS_MAX).unwrap() {
        world.relay.handle(world.now, Command::Open { leg: LegId(leg), port: 2 });
    }
    world.drain();
    world.order(Command::Open { leg: LegId(u64::MAX), port: 4 });
    check(
        world,
        expect![[r#"
            0     18446744073709551615 closed, port 4
        "#]],
    );
}

#[test]
fn what_nobody_takes_is_dropped_and_counted() {
    let (mut world, _, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Tone(Tone::Ring));
    for _ in 0..OUTPUTS_MAX + 10 {
        world.now += TONE_TICK;
        world.relay.wake(world.now);
    }
    assert!(world.relay.stats().dropped >= 10);
    assert_eq!(world.relay.outputs.queue.len(), OUTPUTS_MAX);
    world.relay.handle(world.now, Command::Close { leg: LegId(1) });
    assert!(world.relay.outputs.queue.len() > OUTPUTS_MAX, "what call control must know is kept");
}

#[test]
fn the_same_inputs_make_the_same_outputs() {
    let story = || {
        let (mut world, mut left, mut right) = World::talking(Codec::Pcma, Codec::Pcmu);
        let mut packets = Vec::new();
        for _ in 0..100 {
            for phone in [&mut left, &mut right] {
                let mut packet = phone.packet(8, false, &[1; 160]);
                phone.sequence += 1;
                phone.timestamp += 160;
                packets.push((world.relay.rtp(world.now, phone.leg, phone.at, &mut packet), packet));
            }
            world.pass(100);
        }
        (packets, world.take_log())
    };
    assert_eq!(story(), story());
}
