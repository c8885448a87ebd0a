//! Where a leg's audio lies on a recording's time line.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use expect_test::{Expect, expect};

use super::*;
use crate::Channel;

/// Runs of frames that lie end to end are one line.
fn check(world: &mut World, expected: Expect) {
    let mut shown = String::new();
    let mut run: Option<(TapFrame<'_>, u64)> = None;
    let taps = std::mem::take(&mut world.taps);
    for frame in taps.iter().flat_map(TapFrames::iter) {
        let end = frame.at + frame.audio.len() as u64;
        match &mut run {
            Some((first, until))
                if (first.recording, first.channel, first.codec, *until) == (frame.recording, frame.channel, frame.codec, frame.at) =>
            {
                *until = end
            }
            _ => {
                show(&mut shown, run.replace((frame, end)));
            }
        }
    }
    show(&mut shown, run);
    expected.assert_eq(&shown);
}

fn show(shown: &mut String, run: Option<(TapFrame<'_>, u64)>) {
    if let Some((TapFrame { recording, channel, at, codec, .. }, until)) = run {
        let _ = writeln!(shown, "{recording} {channel:?} {} {at}..{until}", codec.name());
    }
}

fn recorded() -> (World, Phone, Phone) {
    let (mut world, left, right) = World::talking(Codec::Pcma, Codec::Pcmu);
    world.pass(1000);
    world.order(Command::Record { recording: 7, left: LegId(1), right: LegId(2) });
    (world, left, right)
}

#[test]
fn each_leg_has_its_channel_from_the_moment_of_the_order() {
    let (mut world, mut left, mut right) = recorded();
    world.pass(100);
    world.say(&mut left, Codec::Pcma, 10);
    world.say(&mut right, Codec::Pcmu, 10);
    world.order(Command::StopRecord { recording: 7 });
    world.say(&mut left, Codec::Pcma, 10);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 800..2400
        7 Right PCMU 2400..4000
    "#]],
    );
}

#[test]
fn the_audio_is_what_the_phone_sent_also_if_nobody_hears_it() {
    let (mut world, left, _) = recorded();
    world.hear(2, Hears::Nothing);
    let audio: Vec<u8> = (0..=255).collect();
    let mut sender = left;
    sender.sequence += 1;
    world.send(&sender, sender.packet(8, false, &audio));
    assert_eq!(world.tapped()[0].audio, audio);
}

#[test]
fn long_packets_are_split() {
    let (mut world, mut left, _) = recorded();
    let audio: Vec<u8> = (0..1000).map(|sample| u8::try_from(sample % 251).unwrap()).collect();
    left.sequence += 1;
    world.send(&left, left.packet(8, false, &audio));
    let pieces: Vec<(u64, usize)> = world.tapped().iter().map(|frame| (frame.at, frame.audio.len())).collect();
    assert_eq!(pieces, [(0, 480), (480, 480), (960, 40)]);
    assert_eq!(world.tapped().iter().flat_map(|frame| frame.audio.to_vec()).collect::<Vec<u8>>(), audio);
}

#[test]
fn jitter_loss_and_disorder_do_not_move_the_audio() {
    let (mut world, mut left, _) = recorded();
    world.say(&mut left, Codec::Pcma, 3);
    // 60 ms late, then three at once.
    world.pass(60);
    world.say(&mut left, Codec::Pcma, 1);
    world.now -= Duration::from_millis(60);
    world.say(&mut left, Codec::Pcma, 2);
    // Two lost, two exchanged.
    left.sequence += 2;
    left.timestamp += 320;
    world.pass(40);
    let late = left;
    left.sequence += 1;
    left.timestamp += 160;
    world.say(&mut left, Codec::Pcma, 1);
    world.send(&late, late.packet(8, false, &[0xD5; 160]));
    world.pass(20);
    world.say(&mut left, Codec::Pcma, 2);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 0..960
        7 Left PCMA 1440..1600
        7 Left PCMA 1280..1440
        7 Left PCMA 1600..1920
    "#]],
    );
}

#[test]
fn a_stall_of_the_network_does_not_shift_what_follows() {
    let (mut world, mut left, _) = recorded();
    world.say(&mut left, Codec::Pcma, 10);
    // One second of nothing, then all of it at once, then on time again.
    world.pass(1000);
    for _ in 0..50 {
        world.send(&left, left.packet(8, false, &[0xD5; 160]));
        left.sequence += 1;
        left.timestamp += 160;
    }
    world.say(&mut left, Codec::Pcma, 10);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 0..11200
    "#]],
    );
}

#[test]
fn segments_begin_where_they_arrive() {
    let (mut world, mut left, _) = recorded();
    world.say(&mut left, Codec::Pcma, 5);
    // Another source, then another codec, then a jump of the clock forwards, then back.
    world.pass(300);
    left.ssrc += 1;
    left.timestamp = 5;
    world.say(&mut left, Codec::Pcma, 5);
    world.pass(300);
    world.say(&mut left, Codec::Pcmu, 5);
    world.pass(300);
    left.timestamp = left.timestamp.wrapping_add(1_000_000_000);
    world.say(&mut left, Codec::Pcmu, 5);
    world.pass(300);
    left.timestamp = left.timestamp.wrapping_sub(2_000_000_000);
    world.say(&mut left, Codec::Pcmu, 5);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 0..800
        7 Left PCMA 3200..4000
        7 Left PCMU 6400..7200
        7 Left PCMU 9600..10400
        7 Left PCMU 12800..13600
    "#]],
    );
}

#[test]
fn a_phone_whose_clock_stands_still_in_silence_is_put_right() {
    let (mut world, mut left, _) = recorded();
    world.say(&mut left, Codec::Pcma, 5);
    world.pass(1000);
    world.say(&mut left, Codec::Pcma, 50);
    check(
        &mut world,
        expect![[r#"
            7 Left PCMA 0..1760
            7 Left PCMA 9760..16800
        "#]],
    );
}

#[test]
fn a_new_talk_spurt_lies_where_it_arrives_if_the_clock_stood_still() {
    let (mut world, mut left, _) = recorded();
    world.say(&mut left, Codec::Pcma, 5);
    world.pass(1000);
    world.send(&left, left.packet(8, true, &[0xD5; 160]));
    left.sequence += 1;
    left.timestamp += 160;
    world.pass(20);
    world.say(&mut left, Codec::Pcma, 50);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 0..800
        7 Left PCMA 8800..16960
    "#]],
    );
}

#[test]
fn a_clock_that_drifts_is_put_right_when_it_is_200_ms_off() {
    let (mut world, mut left, _) = recorded();
    // Five samples too many in each packet: 25 ms in a second.
    for _ in 0..500 {
        world.say(&mut left, Codec::Pcma, 1);
        left.timestamp += 5;
    }
    let newest = world.tapped().last().unwrap().at;
    assert!(newest.abs_diff(499 * 160) <= 1600, "{newest}");
    let steps: Vec<u64> = world.tapped().windows(2).map(|pair| pair[1].at.abs_diff(pair[0].at)).filter(|step| *step != 165).collect();
    assert_eq!(steps.len(), 1, "put right once: {steps:?}");
}

#[test]
fn digits_and_comfort_noise_are_silence() {
    let (mut world, mut left, _) = recorded();
    world.say(&mut left, Codec::Pcma, 2);
    for packet in 1..=5 {
        world.press(&mut left, 101, 5, packet == 5, packet * 160);
        world.pass(20);
    }
    left.timestamp += 800;
    world.send(&left, left.packet(13, false, &[0x40]));
    left.sequence += 1;
    left.timestamp += 160;
    world.pass(20);
    world.say(&mut left, Codec::Pcma, 2);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 0..320
        7 Left PCMA 1280..1600
    "#]],
    );
}

#[test]
fn a_leg_can_be_in_two_recordings_and_outlive_one_side() {
    let (mut world, mut left, mut right) = recorded();
    world.open(3);
    world.pass(50);
    world.order(Command::Record { recording: 8, left: LegId(1), right: LegId(3) });
    world.say(&mut left, Codec::Pcma, 2);
    world.order(Command::Close { leg: LegId(3) });
    world.order(Command::StopRecord { recording: 7 });
    world.say(&mut left, Codec::Pcma, 2);
    world.say(&mut right, Codec::Pcmu, 2);
    check(
        &mut world,
        expect![[r#"
        7 Left PCMA 400..560
        8 Left PCMA 0..160
        7 Left PCMA 560..720
        8 Left PCMA 160..640
    "#]],
    );
}

/// A transfer: who comes is on the channel of who leaves, and sample 0 is still the first moment.
#[test]
fn a_channel_is_taken_over_and_the_time_line_goes_on() {
    let (mut world, mut left, mut right) = recorded();
    world.open(3);
    world.remote(3, "10.0.0.3:4000", with_dtmf(Codec::Pcma, 101), Latch::Signalled);
    let mut third = Phone::new(3, "10.0.0.3:4000");
    world.say(&mut right, Codec::Pcmu, 2);
    let taken_over = Command::Tap { recording: 7, channel: Channel::Right, leg: LegId(3) };
    world.order(taken_over);
    world.order(taken_over);
    world.say(&mut right, Codec::Pcmu, 2);
    world.say(&mut third, Codec::Pcma, 2);
    world.order(Command::Close { leg: LegId(2) });
    world.say(&mut left, Codec::Pcma, 2);
    world.say(&mut third, Codec::Pcma, 2);
    // One that is over, and a leg that is not there.
    world.order(Command::Tap { recording: 8, channel: Channel::Left, leg: LegId(3) });
    world.order(Command::Tap { recording: 7, channel: Channel::Left, leg: LegId(9) });
    world.order(Command::StopRecord { recording: 7 });
    world.say(&mut third, Codec::Pcma, 2);
    check(
        &mut world,
        expect![[r#"
        7 Right PCMU 0..320
        7 Right PCMA 640..960
        7 Left PCMA 960..1280
        7 Right PCMA 960..1280
    "#]],
    );
    let stats = world.relay.stats();
    assert_eq!((stats.refused, stats.unknown_leg), (1, 1));
}
