//! Who is asked for when there is no room for all: calls first, and each party has its share.

use std::time::Duration;

use sip_core::{
    LocateError, Located, LocatorSettings,
    locate::{
        ASKING_MAX, Asker, FAILURE_TTL, FAILURE_TTL_CALL, FAILURE_TTL_MAX, LOCATE_MAX, OUT_PARTY_MAX, OUT_PARTY_UPKEEP_MAX, OUT_UPKEEP_MAX,
        QUERY_MAX, Urgency,
    },
};

use crate::zone::World;

const A_MS: Duration = Duration::from_millis(1);

fn by(party: u64, urgency: Urgency) -> Asker {
    Asker { urgency, party }
}

/// A world of silent names in which `quick.example` answers.
fn silent() -> World {
    let names: String = (0..3_000)
        .map(|number| format!("h{number}.example A silent\nh{number}.example AAAA nodata\nh{number}.example NAPTR silent\n"))
        .collect();
    World::new(&format!("{names}quick.example A after=20 192.0.2.1\nquick.example AAAA nodata\nsoon.example A 192.0.2.2"))
}

/// So many lookups of silent names; how many there was room for.
fn begin(world: &mut World, names: std::ops::Range<usize>) -> usize {
    names.filter(|number| world.begin(&format!("sip:h{number}.example")).is_ok()).count()
}

/// One party's silent names hold up neither its own calls nor anybody else.
#[test]
fn silent_names_of_one_party_hold_up_no_other() {
    let mut world = silent();
    world.asker = by(1, Urgency::Upkeep);
    assert_eq!(begin(&mut world, 0..1_000), 256, "a fourth of half the room");
    assert_eq!(world.questions().split(", ").count(), OUT_PARTY_UPKEEP_MAX);
    for asker in [by(1, Urgency::Call), by(2, Urgency::Call), by(2, Urgency::Upkeep)] {
        world.asker = asker;
        let name = format!("sip:quick.example:{}", asker.party);
        assert_eq!(world.timed(&name).0, format!("UDP 192.0.2.1:{}", asker.party));
    }
    world.asker = by(1, Urgency::Call);
    assert_eq!(begin(&mut world, 1_000..2_000), 512, "a fourth of the room");
    world.questions();
    world.asker = by(2, Urgency::Call);
    assert_eq!(world.timed("sip:soon.example:1"), ("UDP 192.0.2.2:1".to_owned(), 0), "others have room, and at once");
    world.asker = by(1, Urgency::Call);
    assert_eq!(world.begin("sip:h2999.example"), Err(LocateError::TooMany));
    world.pass(LOCATE_MAX + QUERY_MAX);
    assert_eq!((world.locator.live(), world.locator.timeout()), (0, None), "nothing is left");
}

/// Where there is no room to ask, what was known a while ago has to do.
#[test]
fn without_room_an_old_answer_is_better_than_none() {
    let mut world = silent();
    world.asker = by(1, Urgency::Call);
    assert_eq!(world.locate("sip:soon.example:1"), "UDP 192.0.2.2:1");
    // Longer than any answer of the zone is good for, and not as long as an old one is.
    world.pass(Duration::from_secs(20 * 3_600));
    begin(&mut world, 0..1_000);
    assert_eq!(world.begin("sip:h2999.example"), Err(LocateError::TooMany));
    assert_eq!(world.timed("sip:soon.example:1"), ("UDP 192.0.2.2:1".to_owned(), 0));
}

/// However many parties there are, upkeep has half of the room at most: a call is asked for at once.
#[test]
fn upkeep_leaves_room_for_calls() {
    let mut world = silent();
    for party in 0..25_u64 {
        world.asker = by(party, Urgency::Upkeep);
        let first = usize::try_from(party).unwrap() * 100;
        begin(&mut world, first..first + 100);
    }
    assert_eq!(world.locator.live(), 1_024);
    assert_eq!(world.questions().split(", ").count(), OUT_UPKEEP_MAX);
    world.asker = by(99, Urgency::Call);
    assert_eq!(world.timed("sip:quick.example:1"), ("UDP 192.0.2.1:1".to_owned(), 20));
    assert!(begin(&mut world, 2_500..2_600) == 100 && world.questions().matches("NAPTR").count() == 100);
}

/// Among those who wait, parties take turns, and calls go before upkeep.
#[test]
fn parties_take_turns() {
    let mut world = silent();
    // Room for one question at a time is made below.
    for (party, names) in
        [(1, 0..OUT_PARTY_MAX), (2, 200..200 + OUT_PARTY_MAX), (3, 400..400 + OUT_PARTY_MAX), (4, 600..600 + OUT_PARTY_MAX)]
    {
        world.asker = by(party, Urgency::Call);
        begin(&mut world, names);
    }
    world.questions();
    world.asker = by(9, Urgency::Upkeep);
    begin(&mut world, 1_000..1_001);
    world.asker = by(7, Urgency::Call);
    begin(&mut world, 1_100..1_103);
    world.asker = by(8, Urgency::Call);
    begin(&mut world, 1_200..1_201);
    // What waits for upkeep and is wanted for a call is asked as the call's.
    world.asker = by(8, Urgency::Call);
    begin(&mut world, 1_000..1_001);
    assert_eq!(world.questions(), "", "there is no room");
    world.pass(QUERY_MAX);
    let asked = world.questions();
    let order: Vec<_> = asked.split(", ").filter(|question| question.starts_with("NAPTR")).collect();
    assert_eq!(
        order,
        ["NAPTR h1100.example", "NAPTR h1200.example", "NAPTR h1101.example", "NAPTR h1000.example", "NAPTR h1102.example"],
        "{asked}"
    );
}

/// Whose questions were not all asked in his time hears that there was no room, not that nobody answered.
#[test]
fn what_was_not_asked_says_nothing_of_the_place() {
    for (others, expected) in [(0, LocateError::NoAnswer), (100, LocateError::TooMany)] {
        let mut world = silent();
        world.asker = by(1, Urgency::Upkeep);
        begin(&mut world, 0..others);
        let Ok(Located::Later(last)) = world.begin("sip:h2000.example") else { panic!("there is room") };
        assert_eq!(world.wait(last).1, Err(expected));
    }
}

/// A name that nobody answers for is asked for more and more seldom; for a call more often; and as ever once it answered.
#[test]
fn silence_is_asked_more_and_more_seldom() {
    let pauses = |urgency: Urgency, count: usize| {
        let mut world = World::new("h.example A servfail\nh.example AAAA nodata");
        world.asker = by(1, urgency);
        let mut pauses = Vec::new();
        for _ in 0..count {
            assert!(!world.locate("sip:h.example:1").starts_with("UDP"));
            world.questions();
            let began = world.now;
            while world.questions().is_empty() {
                world.pass(Duration::from_secs(1));
                // The other family's answer is kept for a minute.
                let _ = world.locate("sip:h.example:1");
                world.asked.retain(|question| question == "A h.example");
            }
            pauses.push((world.now - began).as_secs());
        }
        pauses
    };
    assert_eq!(pauses(Urgency::Upkeep, 7), [10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(pauses(Urgency::Call, 5), [10, 20, 30, 30, 30]);
    assert_eq!((FAILURE_TTL.as_secs(), FAILURE_TTL_CALL.as_secs(), FAILURE_TTL_MAX.as_secs()), (10, 30, 300));
    // An answer ends it.
    let mut world = World::new("h.example A ttl=5 192.0.2.1\nh.example AAAA nodata");
    world.zone.is_broken = true;
    world.asker = by(1, Urgency::Upkeep);
    for _ in 0..4 {
        world.locate("sip:h.example:1");
        world.pass(FAILURE_TTL_MAX);
    }
    world.zone.is_broken = false;
    assert_eq!(world.locate("sip:h.example:1"), "UDP 192.0.2.1:1");
    world.zone = crate::zone::Zone::default();
    world.zone.is_broken = true;
    world.pass(Duration::from_secs(6) + LONG);
    assert_eq!(world.locate("sip:h.example:1"), "no answer from DNS in time");
    world.questions();
    world.pass(FAILURE_TTL - A_MS);
    world.locate("sip:h.example:1");
    assert_eq!(world.questions(), "");
    world.pass(A_MS);
    world.locate("sip:h.example:1");
    assert!(!world.questions().is_empty());
}

/// Until an answer is not even good as an old one.
const LONG: Duration = Duration::from_secs(2 * 24 * 3600);

/// Questions that wait have a limit, too: one for each party, and one for all.
#[test]
fn questions_that_wait_are_bounded() {
    let settings = LocatorSettings { locating_max: 100_000, ..LocatorSettings::default() };
    let mut world = World::with("", settings, 1);
    world.zone.is_silent = true;
    let room = |world: &mut World, party: u64, urgency: Urgency| {
        world.asker = by(party, urgency);
        let first = usize::try_from(party).unwrap() * 10_000 + if urgency == Urgency::Call { 5_000 } else { 0 };
        begin(world, first..first + 3_000)
    };
    let rooms = [1, 2, 3, 4, 5].map(|party| room(&mut world, party, Urgency::Upkeep));
    // A fourth of the half, and what is out.
    let own = ASKING_MAX / 8 + OUT_PARTY_UPKEEP_MAX;
    assert_eq!(rooms, [own, own, own, ASKING_MAX / 2 - 3 * own, 0]);
    let rooms = [1, 2, 3].map(|party| room(&mut world, party, Urgency::Call));
    let own = ASKING_MAX / 4 + OUT_PARTY_MAX;
    assert_eq!(rooms, [own, ASKING_MAX / 2 - own, 0]);
}
