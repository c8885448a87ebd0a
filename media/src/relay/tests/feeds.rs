//! What a leg hears: other legs, tones, digits (B-57, B-60, R9, R26).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use expect_test::{Expect, expect};

use super::*;

fn check(mut world: World, expected: Expect) {
    expected.assert_eq(&world.take_log());
}

#[test]
fn two_legs_talk() {
    let (mut world, mut left, mut right) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Leg(LegId(2)));
    world.hear(2, Hears::Leg(LegId(1)));
    world.say(&mut left, Codec::Pcma, 50);
    world.say(&mut right, Codec::Pcma, 50);
    let (one, two) = (world.stats(1), world.stats(2));
    assert_eq!((one.packets_in, one.packets_out, one.lost, two.packets_in, two.packets_out), (50, 50, 0, 50, 50));
    check(
        world,
        expect![[r#"
            0     1 connect Rtp to 10.0.0.1:4000
            0     FirstMedia { leg: LegId(1) }
            0     2 < 10.0.0.2:4000 pt 8 #0 @0 to #49 @7840 of 160 marker
            1000  2 connect Rtp to 10.0.0.2:4000
            1000  FirstMedia { leg: LegId(2) }
            1000  1 < 10.0.0.1:4000 pt 8 #0 @0 to #49 @7840 of 160 marker
        "#]],
    );
}

#[test]
fn nobody_is_heard_by_default() {
    let (mut world, mut left, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.say(&mut left, Codec::Pcma, 10);
    assert_eq!(world.stats(1).packets_in, 10);
    check(
        world,
        expect![[r#"
            0     1 connect Rtp to 10.0.0.1:4000
            0     FirstMedia { leg: LegId(1) }
        "#]],
    );
}

#[test]
fn the_laws_are_converted_in_place() {
    let (mut world, mut left, mut right) = World::talking(Codec::Pcma, Codec::Pcmu);
    let alaw: Vec<u8> = (0..=255).collect();
    let packet = left.packet(8, false, &alaw);
    left.sequence += 1;
    world.send(&left, packet);
    let expected: Vec<u8> = alaw.iter().map(|octet| crate::g711::linear_to_ulaw(crate::g711::alaw_to_linear(*octet))).collect();
    assert_eq!(world.heard, expected);
    let ulaw = alaw;
    let packet = right.packet(0, false, &ulaw);
    right.sequence += 1;
    world.send(&right, packet);
    let expected: Vec<u8> = ulaw.iter().map(|octet| crate::g711::linear_to_alaw(crate::g711::ulaw_to_linear(*octet))).collect();
    assert_eq!(world.heard, expected);
}

#[test]
fn a_phone_that_changes_its_codec_without_a_word_is_understood() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    world.say(&mut left, Codec::Pcma, 3);
    // The wrong law, yet a static number: converted, and one line for the far side.
    world.say(&mut left, Codec::Pcmu, 3);
    assert_eq!(world.heard, [Codec::Pcma.encode(0); 160]);
    world.say(&mut left, Codec::Pcma, 3);
    check(
        world,
        expect![[r#"
            40    2 < 10.0.0.2:4000 pt 8 #1 @160 to #9 @1440 of 160
        "#]],
    );
}

#[test]
fn loss_order_and_silence_are_kept() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    world.say(&mut left, Codec::Pcma, 2);
    world.note("three packets are lost");
    left.sequence += 3;
    left.timestamp += 480;
    world.pass(60);
    world.say(&mut left, Codec::Pcma, 2);
    world.note("one comes late, one twice");
    let late = left;
    left.sequence += 1;
    left.timestamp += 160;
    world.say(&mut left, Codec::Pcma, 1);
    world.send(&late, late.packet(8, false, &[0xD5; 160]));
    world.send(&late, late.packet(8, false, &[0xD5; 160]));
    world.note("the phone keeps silence for 3 s and goes on by the clock");
    left.timestamp += 24_000;
    world.pass(3000);
    world.say(&mut left, Codec::Pcma, 2);
    let stats = world.stats(1);
    assert_eq!((stats.lost, stats.late, stats.restarts), (2, 2, 0), "a duplicate counts against what was lost");
    check(
        world,
        expect![[r#"
            40    2 < 10.0.0.2:4000 pt 8 #1 @160 to #2 @320 of 160
            -- three packets are lost
            140   2 < 10.0.0.2:4000 pt 8 #6 @960 to #7 @1120 of 160
            -- one comes late, one twice
            180   2 < 10.0.0.2:4000 pt 8 #9 @1440 of 160
            200   2 < 10.0.0.2:4000 pt 8 #8 @1280 of 160
            200   2 < 10.0.0.2:4000 pt 8 #8 @1280 of 160
            -- the phone keeps silence for 3 s and goes on by the clock
            3200  2 < 10.0.0.2:4000 pt 8 #10 @25600 to #11 @25760 of 160
        "#]],
    );
}

#[test]
fn one_line_whatever_the_phone_does_to_its_numbers() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    world.note("another source identifier");
    left.ssrc = 0xBBBB_BBBB;
    left.sequence = 65_533;
    left.timestamp = u32::MAX - 400;
    world.say(&mut left, Codec::Pcma, 2);
    world.note("both numbers wrap");
    world.say(&mut left, Codec::Pcma, 6);
    world.note("the timestamp jumps");
    left.timestamp = left.timestamp.wrapping_add(1_000_000_000);
    world.say(&mut left, Codec::Pcma, 2);
    world.note("and back");
    left.timestamp = left.timestamp.wrapping_sub(2_000_000_000);
    world.say(&mut left, Codec::Pcma, 2);
    world.note("the sequence number jumps");
    left.sequence = left.sequence.wrapping_add(20_000);
    world.say(&mut left, Codec::Pcma, 2);
    world.note("a straggler from before the jump has no place any more");
    let mut straggler = left;
    straggler.sequence = left.sequence.wrapping_sub(5);
    world.send(&straggler, straggler.packet(8, false, &[0xD5; 160]));
    world.say(&mut left, Codec::Pcma, 1);
    check(
        world,
        expect![[r#"
            -- another source identifier
            40    2 < 10.0.0.2:4000 pt 8 #1 @320 to #2 @480 of 160 marker
            -- both numbers wrap
            80    2 < 10.0.0.2:4000 pt 8 #3 @640 to #8 @1440 of 160
            -- the timestamp jumps
            200   2 < 10.0.0.2:4000 pt 8 #9 @1600 to #10 @1760 of 160 marker
            -- and back
            240   2 < 10.0.0.2:4000 pt 8 #11 @1920 to #12 @2080 of 160 marker
            -- the sequence number jumps
            280   2 < 10.0.0.2:4000 pt 8 #13 @2240 to #14 @2400 of 160 marker
            -- a straggler from before the jump has no place any more
            320   2 < 10.0.0.2:4000 pt 8 #15 @2560 of 160
        "#]],
    );
}

#[test]
fn seventy_thousand_packets_wrap_our_own_numbers() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    for _ in 0..70_000 {
        let mut packet = left.packet(8, false, &[0xD5; 160]);
        world.now += Duration::from_millis(20);
        let forward = world.relay.rtp(world.now, left.leg, left.at, &mut packet).unwrap();
        world.show_rtp(forward.leg, forward.to, &packet[..forward.length]);
        let run = world.run.as_mut().unwrap();
        // The distance from the first is 16 bits wide: start anew before it wraps.
        if run.newest.0 == 30_000 {
            let base = world.first.get_mut(&LegId(2)).unwrap();
            base.1 = base.1.wrapping_add(30_000);
            base.2 = base.2.wrapping_add(30_000 * 160);
            run.newest = (0, 0);
        }
        left.sequence = left.sequence.wrapping_add(1);
        left.timestamp = left.timestamp.wrapping_add(160);
    }
    let log = world.take_log();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert_eq!(world.stats(1).lost, 0);
}

#[test]
fn beep_ring_far_side() {
    let (mut world, mut near, mut far) = World::with_two_legs(Codec::Pcma, Codec::Pcmu);
    world.hear(1, Hears::BeepThenRingUntil(LegId(2)));
    world.pass(15);
    world.say(&mut near, Codec::Pcma, 5);
    world.note("early media during the beep waits until it is over");
    world.say(&mut far, Codec::Pcmu, 2);
    world.pass(1500);
    world.note("early media");
    world.say(&mut far, Codec::Pcmu, 5);
    world.note("the answer names whom it hears already: no seam; and the operator's voice goes forward");
    world.hear(1, Hears::Leg(LegId(2)));
    world.hear(2, Hears::Leg(LegId(1)));
    world.say(&mut far, Codec::Pcmu, 5);
    world.say(&mut near, Codec::Pcma, 5);
    assert_eq!(world.relay.timeout().map(|(_, what)| what), Some("rtcp"), "nothing ticks when no tone is heard");
    let (beep, rest) = world.sound.split_at(1600);
    let (ring, far_side) = rest.split_at(73 * 160);
    let tone = |tone: Tone, length: usize| {
        let mut audio = vec![0; length];
        world.relay.voices.fill(tone, Codec::Pcma, 0, &mut audio);
        audio
    };
    assert!(beep == tone(Tone::Beep, 1600) && ring == tone(Tone::Ring, 73 * 160), "the beep is whole and the ring begins with its burst");
    assert_eq!(far_side, [Codec::Pcma.silence(); 1600]);
    check(
        world,
        expect![[r#"
            0     1 < 10.0.0.1:4000 pt 8 #0 @0 of 160 marker
            15    1 connect Rtp to 10.0.0.1:4000
            15    FirstMedia { leg: LegId(1) }
            20    1 < 10.0.0.1:4000 pt 8 #1 @160 to #5 @800 of 160
            -- early media during the beep waits until it is over
            115   2 connect Rtp to 10.0.0.2:4000
            115   FirstMedia { leg: LegId(2) }
            120   1 < 10.0.0.1:4000 pt 8 #6 @960 to #82 @13120 of 160
            -- early media
            1655  1 < 10.0.0.1:4000 pt 8 #83 @13280 to #87 @13920 of 160 marker
            -- the answer names whom it hears already: no seam; and the operator's voice goes forward
            1755  1 < 10.0.0.1:4000 pt 8 #88 @14080 to #92 @14720 of 160
            1855  2 < 10.0.0.2:4000 pt 0 #0 @0 to #4 @640 of 160 marker
        "#]],
    );
}

#[test]
fn a_leg_that_is_opened_after_the_order_is_heard_too() {
    let (mut world, _, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Leg(LegId(3)));
    world.pass(100);
    world.open(3);
    world.remote(3, "10.0.0.3:4000", Payloads::of(Codec::Pcma), Latch::Signalled);
    let mut late = Phone::new(3, "10.0.0.3:4000");
    world.say(&mut late, Codec::Pcma, 3);
    world.note("and when it is gone, silence");
    world.order(Command::Close { leg: LegId(3) });
    world.pass(100);
    check(
        world,
        expect![[r#"
            100   3 connect Rtp to 10.0.0.3:4000
            100   FirstMedia { leg: LegId(3) }
            100   1 < 10.0.0.1:4000 pt 8 #0 @0 to #2 @320 of 160 marker
            -- and when it is gone, silence
            160   3 < 10.0.0.3:4001 RTCP RR [aaaa0003 fraction 0 lost 0 highest 1002 jitter 0 lsr 0 dlsr 0] + SDES + BYE
            160   3 stats
            160   3 closed, port 30006
        "#]],
    );
}

#[test]
fn failure_tones_follow_the_far_side() {
    let (mut world, _, mut far) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    world.say(&mut far, Codec::Pcma, 5);
    world.note("busy");
    world.hear(1, Hears::Tone(Tone::Busy));
    world.pass(200);
    world.note("the far side's last packets are not heard");
    world.say(&mut far, Codec::Pcma, 2);
    world.hear(1, Hears::Nothing);
    world.pass(200);
    world.note("nothing");
    world.hear(1, Hears::Tone(Tone::Congestion));
    world.pass(100);
    check(
        world,
        expect![[r#"
            40    1 < 10.0.0.1:4000 pt 8 #1 @160 to #5 @800 of 160
            -- busy
            140   1 < 10.0.0.1:4000 pt 8 #6 @960 to #16 @2560 of 160 marker
            -- the far side's last packets are not heard
            360   1 < 10.0.0.1:4000 pt 8 #17 @2720 to #18 @2880 of 160
            -- nothing
            580   1 < 10.0.0.1:4000 pt 8 #19 @4480 to #24 @5280 of 160 marker
        "#]],
    );
}

#[test]
fn a_worker_that_slept_does_not_flood() {
    let (mut world, _, _) = World::with_two_legs(Codec::Pcma, Codec::Pcma);
    world.hear(1, Hears::Tone(Tone::Ring));
    world.pass(40);
    world.note("2 s asleep");
    world.now += Duration::from_secs(2);
    world.relay.wake(world.now);
    world.drain();
    world.pass(60);
    check(
        world,
        expect![[r#"
            0     1 < 10.0.0.1:4000 pt 8 #0 @0 to #2 @320 of 160 marker
            -- 2 s asleep
            2040  1 < 10.0.0.1:4000 pt 8 #3 @480 to #7 @1120 of 160
            2060  1 < 10.0.0.1:4000 pt 8 #8 @16480 to #10 @16800 of 160 marker
        "#]],
    );
}

/// What a tone sounds like: how long it sounds and pauses, and at what frequency and level.
fn listen(country: &str, tone: Tone, codec: Codec, seconds: usize) -> String {
    let voices = Voices::new(ToneSet::by_country(country).unwrap());
    let mut sound = Vec::new();
    let mut position = 0;
    for _ in 0..seconds * 50 {
        let mut audio = [0; 160];
        position = voices.fill(tone, codec, position, &mut audio);
        sound.extend(audio.map(|octet| f64::from(codec.decode(octet))));
    }
    let loud: Vec<bool> = sound.chunks(20).map(|piece| piece.iter().any(|sample| sample.abs() > 200.0)).collect();
    let mut shown = String::new();
    let mut at = 0;
    for stretch in loud.chunk_by(|one, other| one == other) {
        let samples = &sound[at * 20..(at + stretch.len()) * 20];
        at += stretch.len();
        let ms = stretch.len() * 20 / 8;
        if !stretch[0] {
            let _ = write!(shown, "{ms} off, ");
            continue;
        }
        let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / f64::from(u32::try_from(samples.len()).unwrap());
        // A full-scale sine of 32,124 is +3.17 dBm0.
        let level = 10.0 * (power / (32_124.0 * 32_124.0 / 2.0)).log10() + 3.17;
        // Goertzel's sum at each whole 5 Hz: the strongest ones.
        let mut strengths: Vec<(u32, f64)> = (60..140).map(|step| step * 5).map(|hertz| (hertz, strength(samples, hertz))).collect();
        strengths.extend([(1000, strength(samples, 1000))]);
        let peak = strengths.iter().map(|(_, strength)| *strength).fold(0.0, f64::max);
        let peaks: Vec<u32> = (0..strengths.len())
            .filter(|at| strengths[*at].1 > peak * 0.6)
            .filter(|at| *at == 0 || strengths[at - 1].1 <= strengths[*at].1)
            .filter(|at| at + 1 == strengths.len() || strengths[at + 1].1 <= strengths[*at].1)
            .map(|at| strengths[at].0)
            .collect();
        let _ = write!(shown, "{ms} on ({peaks:?} Hz, {level:.0} dBm0), ");
    }
    shown
}

fn strength(samples: &[f64], hertz: u32) -> f64 {
    let step = std::f64::consts::TAU * f64::from(hertz) / 8000.0;
    let (mut real, mut imaginary, mut phase) = (0.0, 0.0, 0.0_f64);
    for sample in samples {
        real += sample * phase.cos();
        imaginary += sample * phase.sin();
        phase += step;
    }
    f64::hypot(real, imaginary)
}

#[test]
fn tones_sound_as_their_country_says() {
    let mut shown = String::new();
    for country in ToneSet::countries() {
        for (tone, seconds) in [(Tone::Ring, 7), (Tone::Busy, 2), (Tone::Congestion, 2), (Tone::Beep, 1)] {
            let _ = writeln!(shown, "{country} {tone:?}: {}", listen(country, tone, Codec::Pcma, seconds));
            if country != "uk" {
                assert_eq!(listen(country, tone, Codec::Pcma, seconds), listen(country, tone, Codec::Pcmu, seconds));
            }
        }
    }
    expect![[r#"
        ru Ring: 1000 on ([425] Hz, -13 dBm0), 4000 off, 1000 on ([425] Hz, -13 dBm0), 1000 off, 
        ru Busy: 400 on ([425] Hz, -13 dBm0), 400 off, 400 on ([425] Hz, -13 dBm0), 400 off, 400 on ([425] Hz, -13 dBm0), 
        ru Congestion: 175 on ([425] Hz, -13 dBm0), 175 off, 175 on ([425] Hz, -13 dBm0), 175 off, 175 on ([425] Hz, -13 dBm0), 175 off, 175 on ([425] Hz, -13 dBm0), 175 off, 175 on ([425] Hz, -13 dBm0), 175 off, 175 on ([425] Hz, -13 dBm0), 75 off, 
        ru Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        eu Ring: 1000 on ([425] Hz, -13 dBm0), 4000 off, 1000 on ([425] Hz, -13 dBm0), 1000 off, 
        eu Busy: 500 on ([425] Hz, -13 dBm0), 500 off, 500 on ([425] Hz, -13 dBm0), 500 off, 
        eu Congestion: 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 
        eu Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        de Ring: 1000 on ([425] Hz, -13 dBm0), 4000 off, 1000 on ([425] Hz, -13 dBm0), 1000 off, 
        de Busy: 480 on ([425] Hz, -13 dBm0), 480 off, 480 on ([425] Hz, -13 dBm0), 480 off, 80 on ([425] Hz, -13 dBm0), 
        de Congestion: 240 on ([425] Hz, -13 dBm0), 240 off, 240 on ([425] Hz, -13 dBm0), 240 off, 240 on ([425] Hz, -13 dBm0), 240 off, 240 on ([425] Hz, -13 dBm0), 240 off, 80 on ([425] Hz, -13 dBm0), 
        de Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        fr Ring: 1500 on ([440] Hz, -13 dBm0), 3500 off, 1500 on ([440] Hz, -13 dBm0), 500 off, 
        fr Busy: 500 on ([440] Hz, -13 dBm0), 500 off, 500 on ([440] Hz, -13 dBm0), 500 off, 
        fr Congestion: 250 on ([440] Hz, -13 dBm0), 250 off, 250 on ([440] Hz, -13 dBm0), 250 off, 250 on ([440] Hz, -13 dBm0), 250 off, 250 on ([440] Hz, -13 dBm0), 250 off, 
        fr Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        it Ring: 1000 on ([425] Hz, -13 dBm0), 4000 off, 1000 on ([425] Hz, -13 dBm0), 1000 off, 
        it Busy: 500 on ([425] Hz, -13 dBm0), 500 off, 500 on ([425] Hz, -13 dBm0), 500 off, 
        it Congestion: 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 200 on ([425] Hz, -13 dBm0), 200 off, 
        it Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        nl Ring: 1000 on ([425] Hz, -13 dBm0), 4000 off, 1000 on ([425] Hz, -13 dBm0), 1000 off, 
        nl Busy: 500 on ([425] Hz, -13 dBm0), 500 off, 500 on ([425] Hz, -13 dBm0), 500 off, 
        nl Congestion: 250 on ([425] Hz, -13 dBm0), 250 off, 250 on ([425] Hz, -13 dBm0), 250 off, 250 on ([425] Hz, -13 dBm0), 250 off, 250 on ([425] Hz, -13 dBm0), 250 off, 
        nl Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        gb Ring: 400 on ([400, 450] Hz, -13 dBm0), 200 off, 400 on ([400, 450] Hz, -13 dBm0), 2000 off, 400 on ([400, 450] Hz, -13 dBm0), 200 off, 400 on ([400, 450] Hz, -13 dBm0), 2000 off, 400 on ([400, 450] Hz, -13 dBm0), 200 off, 400 on ([400, 450] Hz, -13 dBm0), 
        gb Busy: 375 on ([400] Hz, -13 dBm0), 375 off, 375 on ([400] Hz, -13 dBm0), 375 off, 375 on ([400] Hz, -13 dBm0), 125 off, 
        gb Congestion: 400 on ([400] Hz, -13 dBm0), 350 off, 225 on ([400] Hz, -13 dBm0), 525 off, 400 on ([400] Hz, -13 dBm0), 100 off, 
        gb Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        us Ring: 2000 on ([440, 480] Hz, -13 dBm0), 4000 off, 1000 on ([440, 480] Hz, -13 dBm0), 
        us Busy: 500 on ([480, 620] Hz, -13 dBm0), 500 off, 500 on ([480, 620] Hz, -13 dBm0), 500 off, 
        us Congestion: 250 on ([480, 620] Hz, -13 dBm0), 250 off, 250 on ([480, 620] Hz, -13 dBm0), 250 off, 250 on ([480, 620] Hz, -13 dBm0), 250 off, 250 on ([480, 620] Hz, -13 dBm0), 250 off, 
        us Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        uk Ring: 400 on ([400, 450] Hz, -13 dBm0), 200 off, 400 on ([400, 450] Hz, -13 dBm0), 2000 off, 400 on ([400, 450] Hz, -13 dBm0), 200 off, 400 on ([400, 450] Hz, -13 dBm0), 2000 off, 400 on ([400, 450] Hz, -13 dBm0), 200 off, 400 on ([400, 450] Hz, -13 dBm0), 
        uk Busy: 375 on ([400] Hz, -13 dBm0), 375 off, 375 on ([400] Hz, -13 dBm0), 375 off, 375 on ([400] Hz, -13 dBm0), 125 off, 
        uk Congestion: 400 on ([400] Hz, -13 dBm0), 350 off, 225 on ([400] Hz, -13 dBm0), 525 off, 400 on ([400] Hz, -13 dBm0), 100 off, 
        uk Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
        ca Ring: 2000 on ([440, 480] Hz, -13 dBm0), 4000 off, 1000 on ([440, 480] Hz, -13 dBm0), 
        ca Busy: 500 on ([480, 620] Hz, -13 dBm0), 500 off, 500 on ([480, 620] Hz, -13 dBm0), 500 off, 
        ca Congestion: 250 on ([480, 620] Hz, -13 dBm0), 250 off, 250 on ([480, 620] Hz, -13 dBm0), 250 off, 250 on ([480, 620] Hz, -13 dBm0), 250 off, 250 on ([480, 620] Hz, -13 dBm0), 250 off, 
        ca Beep: 200 on ([1000] Hz, -13 dBm0), 800 off, 
    "#]].assert_eq(&shown);
    assert_eq!(ToneSet::by_country("UK"), ToneSet::by_country("gb"));
    assert_eq!(ToneSet::by_country("atlantis"), None);
}

#[test]
fn a_tone_is_the_same_after_an_hour() {
    let voices = Voices::new(ToneSet::by_country("ru").unwrap());
    let mut early = [0; 40_000];
    let mut position = voices.fill(Tone::Ring, Codec::Pcma, 0, &mut early);
    for _ in 0..720 {
        let mut later = [0; 40_000];
        position = voices.fill(Tone::Ring, Codec::Pcma, position, &mut later);
        assert_eq!(early, later);
    }
}

#[test]
fn digits_are_forwarded_under_the_far_sides_number() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.remote(2, "10.0.0.2:4000", with_dtmf(Codec::Pcma, 96), Latch::Signalled);
    world.take_log();
    world.say(&mut left, Codec::Pcma, 2);
    for packet in 1..=5 {
        world.press(&mut left, 101, 5, false, packet * 160);
        world.pass(20);
    }
    for _ in 0..3 {
        world.press(&mut left, 101, 5, true, 960);
    }
    left.timestamp += 960;
    world.pass(20);
    world.say(&mut left, Codec::Pcma, 2);
    check(
        world,
        expect![[r#"
            40    2 < 10.0.0.2:4000 pt 8 #1 @160 to #2 @320 of 160
            80    2 < 10.0.0.2:4000 pt 96 #3 @480 of 4
            100   2 < 10.0.0.2:4000 pt 96 #4 @480 of 4
            120   2 < 10.0.0.2:4000 pt 96 #5 @480 of 4
            140   2 < 10.0.0.2:4000 pt 96 #6 @480 of 4
            160   2 < 10.0.0.2:4000 pt 96 #7 @480 of 4
            180   Digit { leg: LegId(1), digit: '5', duration_ms: 120 }
            180   2 < 10.0.0.2:4000 pt 96 #8 @480 of 4
            180   2 < 10.0.0.2:4000 pt 96 #9 @480 of 4
            180   2 < 10.0.0.2:4000 pt 96 #10 @480 of 4
            200   2 < 10.0.0.2:4000 pt 8 #11 @1440 to #12 @1600 of 160
        "#]],
    );
}

#[test]
fn digits_are_dropped_without_a_gap_if_the_far_side_has_no_number_for_them() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.remote(2, "10.0.0.2:4000", Payloads::of(Codec::Pcma), Latch::Signalled);
    world.take_log();
    world.say(&mut left, Codec::Pcma, 2);
    for packet in 1..=5 {
        world.press(&mut left, 101, 11, false, packet * 160);
        world.pass(20);
    }
    world.press(&mut left, 101, 11, true, 960);
    left.timestamp += 960;
    world.pass(20);
    world.say(&mut left, Codec::Pcma, 2);
    check(
        world,
        expect![[r#"
            40    2 < 10.0.0.2:4000 pt 8 #1 @160 to #2 @320 of 160
            180   Digit { leg: LegId(1), digit: '#', duration_ms: 120 }
            200   2 < 10.0.0.2:4000 pt 8 #3 @1440 to #4 @1600 of 160
        "#]],
    );
}

#[test]
fn each_digit_is_told_once() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.hear(2, Hears::Nothing);
    world.take_log();
    world.note("1, its start lost");
    for _ in 0..3 {
        world.press(&mut left, 101, 1, true, 800);
    }
    world.note("2, its end lost, then 3 at once");
    left.timestamp += 1600;
    world.press(&mut left, 101, 2, false, 160);
    world.press(&mut left, 101, 2, false, 320);
    left.timestamp += 1600;
    world.press(&mut left, 101, 3, true, 480);
    world.note("an old packet of 2 comes late");
    let mut old = left;
    old.timestamp -= 1600;
    world.press(&mut old, 101, 2, true, 480);
    world.note("#, its end lost, then nothing");
    left.timestamp += 1600;
    world.press(&mut left, 101, 11, false, 160);
    world.pass(100);
    world.press(&mut left, 101, 11, false, 960);
    world.pass(1000);
    world.press(&mut left, 101, 11, true, 1200);
    world.note("4 and 4 again");
    for _ in 0..2 {
        left.timestamp += 1600;
        world.press(&mut left, 101, 4, false, 160);
        world.press(&mut left, 101, 4, true, 400);
    }
    world.note("D for ten seconds, in two segments (RFC 4733, 2.5.1.3)");
    left.timestamp += 1600;
    for duration in (160..=0xFFA0).step_by(160) {
        world.press(&mut left, 101, 15, false, duration);
        world.pass(20);
    }
    left.timestamp += 0xFFFF;
    world.press(&mut left, 101, 15, false, 160);
    world.press(&mut left, 101, 15, true, 14_465);
    world.note("a flash is no digit; a packet cut short is nothing");
    left.timestamp += 20_000;
    world.press(&mut left, 101, 16, true, 800);
    let packet = left.packet(101, false, &[1, 0x8A, 0]);
    left.sequence += 1;
    world.send(&left, packet);
    world.note("another source presses 7 at an earlier timestamp");
    left.ssrc += 1;
    left.timestamp -= 1000;
    world.press(&mut left, 101, 7, true, 800);
    world.note("8 is held down when the leg is closed");
    left.timestamp += 20_000;
    world.press(&mut left, 101, 8, false, 800);
    world.order(Command::Close { leg: LegId(1) });
    check(
        world,
        expect![[r#"
            -- 1, its start lost
            40    Digit { leg: LegId(1), digit: '1', duration_ms: 100 }
            -- 2, its end lost, then 3 at once
            40    Digit { leg: LegId(1), digit: '2', duration_ms: 40 }
            40    Digit { leg: LegId(1), digit: '3', duration_ms: 60 }
            -- an old packet of 2 comes late
            -- #, its end lost, then nothing
            440   Digit { leg: LegId(1), digit: '#', duration_ms: 120 }
            -- 4 and 4 again
            1140  Digit { leg: LegId(1), digit: '4', duration_ms: 50 }
            1140  Digit { leg: LegId(1), digit: '4', duration_ms: 50 }
            -- D for ten seconds, in two segments (RFC 4733, 2.5.1.3)
            5337  1 < 10.0.0.1:4001 RTCP SR ntp 5.338 packets 1 octets 160 [aaaa0001 fraction 0 lost 0 highest 1223 jitter 0 lsr 0 dlsr 0] + SDES
            6308  2 < 10.0.0.2:4001 RTCP SR ntp 6.309 packets 1 octets 160 [aaaa0002 fraction 0 lost 0 highest 1000 jitter 0 lsr 0 dlsr 0] + SDES
            9320  Digit { leg: LegId(1), digit: 'D', duration_ms: 9988 }
            -- a flash is no digit; a packet cut short is nothing
            -- another source presses 7 at an earlier timestamp
            9320  Digit { leg: LegId(1), digit: '7', duration_ms: 100 }
            -- 8 is held down when the leg is closed
            9320  Digit { leg: LegId(1), digit: '8', duration_ms: 100 }
            9320  1 < 10.0.0.1:4001 RTCP SR ntp 9.320 packets 1 octets 160 [aaaa0002 fraction 0 lost 0 highest 1428 jitter 0 lsr 0 dlsr 0] + SDES + BYE
            9320  1 stats
            9320  1 closed, port 30002
        "#]],
    );
}

#[test]
fn comfort_noise_and_empty_packets_are_not_passed_on() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    world.say(&mut left, Codec::Pcma, 2);
    for (payload_type, payload) in [(13, &[0x40][..]), (8, &[])] {
        let packet = left.packet(payload_type, false, payload);
        left.sequence += 1;
        world.send(&left, packet);
    }
    left.timestamp += 320;
    world.pass(40);
    world.say(&mut left, Codec::Pcma, 2);
    check(
        world,
        expect![[r#"
            40    2 < 10.0.0.2:4000 pt 8 #1 @160 to #2 @320 of 160
            120   2 < 10.0.0.2:4000 pt 8 #3 @800 to #4 @960 of 160
        "#]],
    );
}

#[test]
fn csrcs_extensions_and_padding_are_taken_off() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.take_log();
    let plain = left.packet(8, false, &[]);
    let mut packet = plain.clone();
    packet[0] = 0xB1;
    packet.extend([1, 2, 3, 4]);
    packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]);
    packet.extend([0x11, 0x22, 0x33, 0x44]);
    packet.extend([0, 0, 3]);
    left.sequence += 1;
    world.send(&left, packet);
    assert_eq!(world.heard, [0x11, 0x22, 0x33, 0x44]);
}

#[test]
fn a_leg_on_hold_hears_nothing_and_then_no_gap() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    world.say(&mut left, Codec::Pcma, 2);
    world.take_log();
    let held = Remote {
        rtp: Some("10.0.0.2:4000".parse().unwrap()),
        rtcp: None,
        payloads: Payloads::of(Codec::Pcma),
        sends: true,
        receives: false,
        ptime_ms: 20,
    };
    world.order(Command::Remote { leg: LegId(2), remote: held, latch: Latch::Signalled });
    world.say(&mut left, Codec::Pcma, 50);
    world.hear(2, Hears::Tone(Tone::Ring));
    world.pass(100);
    world.hear(2, Hears::Leg(LegId(1)));
    world.note("resumed");
    world.order(Command::Remote { leg: LegId(2), remote: Remote { receives: true, ..held }, latch: Latch::Signalled });
    world.say(&mut left, Codec::Pcma, 2);
    world.note("held in the old way: nowhere to send to");
    world.order(Command::Remote { leg: LegId(2), remote: Remote { rtp: None, receives: false, ..held }, latch: Latch::Signalled });
    world.say(&mut left, Codec::Pcma, 2);
    check(
        world,
        expect![[r#"
            80    2 disconnect
            -- resumed
            1180  2 < 10.0.0.2:4000 pt 8 #3 @9280 to #4 @9440 of 160 marker
            -- held in the old way: nowhere to send to
        "#]],
    );
}

#[test]
fn several_legs_hear_one_each_in_its_codec() {
    let (mut world, mut left, _) = World::talking(Codec::Pcma, Codec::Pcma);
    for (leg, codec) in [(3, Codec::Pcmu), (4, Codec::Pcma)] {
        world.open(leg);
        world.remote(leg, &format!("10.0.0.{leg}:4000"), Payloads::of(codec), Latch::Signalled);
        world.hear(leg, Hears::Leg(LegId(1)));
    }
    world.take_log();
    world.say(&mut left, Codec::Pcma, 2);
    world.note("one turns to itself: an echo");
    world.hear(2, Hears::Leg(LegId(2)));
    let mut right = Phone::new(2, "10.0.0.2:4000");
    right.sequence += 1;
    right.timestamp += 480;
    world.say(&mut right, Codec::Pcma, 1);
    world.say(&mut left, Codec::Pcma, 1);
    check(
        world,
        expect![[r#"
            40    4 < 10.0.0.4:4000 pt 8 #0 @0 of 160 marker
            40    3 < 10.0.0.3:4000 pt 0 #0 @0 of 160 marker
            40    2 < 10.0.0.2:4000 pt 8 #1 @160 of 160
            60    4 < 10.0.0.4:4000 pt 8 #1 @160 of 160
            60    3 < 10.0.0.3:4000 pt 0 #1 @160 of 160
            60    2 < 10.0.0.2:4000 pt 8 #2 @320 of 160
            -- one turns to itself: an echo
            80    2 < 10.0.0.2:4000 pt 8 #3 @480 of 160 marker
            80    1 < 10.0.0.1:4000 pt 8 #1 @480 of 160
            100   4 < 10.0.0.4:4000 pt 8 #2 @320 of 160
            100   3 < 10.0.0.3:4000 pt 0 #2 @320 of 160
        "#]],
    );
}
