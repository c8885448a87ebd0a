//! Anything may come from the network (B-61, B-68, FT-15).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

/// Half a million mutants of RTP and RTCP packets on every kind of leg: no panic, and nothing reaches a leg that is not sound RTP of its own line.
#[test]
fn half_a_million_mutants() {
    let (mut world, mut left, right) = World::talking(Codec::Pcma, Codec::Pcmu);
    world.open(3);
    world.remote(3, "10.0.0.3:4000", with_dtmf(Codec::Pcmu, 96), Latch::First);
    world.hear(3, Hears::Leg(LegId(1)));
    world.order(Command::Record { recording: 1, left: LegId(1), right: LegId(2) });
    let mut random = ChaCha12Rng::seed_from_u64(61);
    let mut pick = move |bound: usize| usize::try_from(random.next_u32()).unwrap() % bound.max(1);
    let block = rtcp::ReportBlock { ssrc: world.first[&LegId(1)].0, ..rtcp::ReportBlock::default() };
    let info = rtcp::SenderInfo { elapsed: Duration::from_secs(9), timestamp: 1, packets: 2, octets: 3 };
    let report = rtcp::write(9, Some(info), Some(block), &[b'a'; CNAME_LENGTH], true).to_vec();
    let (mut forwarded, mut heard_by_three) = (0, 0);
    for round in 0..500_000 {
        let phone = if round % 3 == 0 { right } else { left };
        let mut packet = match round % 8 {
            0..=3 => phone.packet(if round % 3 == 0 { 0 } else { 8 }, false, &[0xD5; 160]),
            4 | 5 => phone.packet(101, true, &[5, 0x0A, 1, 0x40]),
            6 => [&phone.packet(8, false, &[])[..], &[0xBE, 0xDE, 0, 2, 0x10, 1, 0x20, 2, 0, 0, 0, 0, 0xD5, 0xD5, 0, 2]].concat(),
            _ => report.clone(),
        };
        if round % 8 == 6 {
            packet[0] |= 0x30;
        }
        left.sequence = left.sequence.wrapping_add(1);
        left.timestamp = left.timestamp.wrapping_add(160);
        for _ in 0..pick(4) {
            let at = pick(packet.len().min(40));
            match pick(4) {
                0 => packet.truncate(at),
                1 if at < packet.len() => packet[at] = u8::try_from(pick(256)).unwrap(),
                2 if at < packet.len() => packet[at] ^= 1 << pick(8),
                _ => packet.extend(std::iter::repeat_n(0xFF, pick(900))),
            }
        }
        world.now += Duration::from_millis(u64::try_from(pick(30)).unwrap());
        if round % 8 == 7 {
            world.relay.rtcp(world.now, phone.leg, SocketAddr::new(phone.at.ip(), phone.at.port() + 1), &packet);
        } else if let Some(forward) = world.relay.rtp(world.now, phone.leg, phone.at, &mut packet) {
            forwarded += 1;
            let header = Header::read(&packet[..forward.length]).unwrap();
            assert_eq!(world.first[&forward.leg].0, header.ssrc);
            assert!(matches!(header.payload_type, 0 | 8 | 101), "payload type {}", header.payload_type);
        }
        if round % 10 == 0 {
            world.relay.wake(world.now);
        }
        while let Some(output) = world.relay.poll() {
            match output {
                Output::Send { leg: LegId(3), component: Component::Rtp, packet, .. } => {
                    heard_by_three += 1;
                    assert!(matches!(Header::read(&packet).unwrap().payload_type, 0 | 96));
                }
                Output::Send { component: Component::Rtcp, packet, .. } => {
                    control::show_rtcp(&packet);
                }
                _ => {}
            }
        }
        for frame in world.relay.take_taps().iter() {
            assert!(frame.at < 500_000 * 30 * 8, "a frame beyond all time: {frame:?}");
        }
    }
    assert!(forwarded > 100_000 && heard_by_three > 50_000, "the mutants are too wild: {forwarded}, {heard_by_three}");
    let stats = world.stats(1);
    assert!(stats.junk > 10_000 && stats.rtcp_in > 1000 && stats.restarts > 10_000, "{stats:?}");
    assert_eq!(stats.foreign + world.stats(2).foreign, 0);
}

/// B-68: 20,000 packets from anywhere at one port change nothing for anyone.
#[test]
fn a_flood_at_one_port() {
    let (mut world, mut left, mut right) = World::talking(Codec::Pcma, Codec::Pcma);
    for packet in 0..20_000_u32 {
        let from = SocketAddr::from(([198, 51, 100, u8::try_from(packet % 250).unwrap()], 4000));
        let mut flood = left.packet(8, false, &[0x55; 160]);
        assert_eq!(world.relay.rtp(world.now, LegId(1), from, &mut flood), None);
        assert!(world.relay.poll().is_none());
    }
    world.take_log();
    world.say(&mut left, Codec::Pcma, 50);
    world.say(&mut right, Codec::Pcma, 50);
    assert_eq!(world.take_log().lines().count(), 2);
    let stats = world.stats(1);
    assert_eq!((stats.foreign, stats.lost, stats.packets_in, stats.packets_out), (20_000, 0, 51, 51));
}

#[test]
fn rtcp_that_claims_more_than_it_holds_is_not_believed() {
    let own = 0x1234_5678;
    let block = rtcp::ReportBlock { ssrc: own, lost: 3, ..rtcp::ReportBlock::default() };
    let good = rtcp::write(9, None, Some(block), &[b'a'; CNAME_LENGTH], true).to_vec();
    assert_eq!(rtcp::read(&good, own).unwrap().block, Some(block));
    for cut in 0..good.len() {
        // A cut between two packets of the compound is a shorter compound.
        let whole = [32, 68].contains(&cut);
        assert_eq!(rtcp::read(&good[..cut], own).is_some(), whole, "cut at {cut}");
    }
    let change = |at: usize, octet: u8| {
        let mut packet = good.clone();
        packet[at] = octet;
        rtcp::read(&packet, own)
    };
    assert_eq!(change(0, 0x9F), None, "31 blocks");
    assert_eq!(change(0, 0x41), None, "version 1");
    assert_eq!(change(1, 8), None, "RTP on the RTCP port");
    assert_eq!(change(3, 0xFF), None, "longer than the datagram");
    assert_eq!(change(0, 0x80).unwrap().block, None, "no blocks");
    assert_eq!(rtcp::read(&[], own), None);
}

#[test]
fn digits_that_no_finger_types_are_counted_and_not_told() {
    let (mut world, mut phone, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    // A packet each millisecond for three seconds, each an event of its own that is over at once.
    for _ in 0..3_000 {
        world.press(&mut phone, 101, 5, true, 160);
        phone.timestamp = phone.timestamp.wrapping_add(8);
        world.pass(1);
    }
    let told = world.log.matches("Digit {").count();
    assert_eq!(told, 3 * usize::try_from(crate::dtmf::DIGITS_PER_S).unwrap());
    assert_eq!(world.stats(1).digits_dropped, 3_000 - 60);
    // Whoever types like a person is heard again.
    world.pass(1_000);
    phone.timestamp = phone.timestamp.wrapping_add(8_000);
    world.press(&mut phone, 101, 5, true, 160);
    assert_eq!(world.log.matches("Digit {").count(), told + 1);
}
