//! What is kept of the answers, for how long, and what is done without any.

use std::time::Duration;

use sip_core::{
    LocateError, Located, LocatorSettings,
    locate::{
        FAILURE_TTL, FAILURE_TTL_CALL, LOCATE_MAX, NEGATIVE_TTL_MAX, OUT_PARTY_MAX, PATIENCE, QUERY_MAX, QUERY_STALE, STALE_MAX, TTL_MAX,
        TTL_MIN,
    },
};

use crate::zone::{World, Zone, text};

const A_MS: Duration = Duration::from_millis(1);

/// An answer is asked for anew once its TTL is over, and not before; the least TTL of its records counts, within bounds.
#[test]
fn answers_are_kept_for_their_ttl() {
    let check = |zone: &str, kept: Duration| {
        let mut world = World::new(zone);
        let first = world.locate("sip:h.example:5060");
        world.questions();
        world.pass(kept - A_MS);
        assert_eq!((world.locate("sip:h.example:5060"), world.questions()), (first.clone(), String::new()), "{zone} before {kept:?}");
        world.pass(A_MS);
        assert_eq!(world.locate("sip:h.example:5060"), first);
        assert!(world.questions().contains("A h.example"), "{zone} after {kept:?}");
    };
    let none = "h.example AAAA ttl=1000000 2001:db8::1";
    check(&format!("{none}\nh.example A ttl=60 192.0.2.1"), Duration::from_secs(60));
    check(&format!("{none}\nh.example A ttl=60 192.0.2.1\nh.example A ttl=20 192.0.2.1"), Duration::from_secs(20));
    check(&format!("{none}\nh.example A ttl=0 192.0.2.1"), TTL_MIN);
    check("h.example A ttl=4294967295 192.0.2.1\nh.example AAAA ttl=4294967295 2001:db8::1", TTL_MAX);
    // No such records, no such name: the zone of these tests says 60 s.
    check("h.example A ttl=1000000 192.0.2.1", Duration::from_secs(60));
    check("h.example A nxdomain\nh.example AAAA nxdomain", Duration::from_secs(60));
    // Failures are kept too, shortly.
    check("h.example A servfail\nh.example AAAA servfail", FAILURE_TTL);
}

#[test]
fn refusals_end_soon() {
    use sip_core::locate::{Answer, Kind, NEGATIVE_TTL, Said};
    for (ttl_s, kept) in [(Some(86_400), NEGATIVE_TTL_MAX), (Some(0), TTL_MIN), (None, NEGATIVE_TTL)] {
        let mut world = World::new("");
        world.zone.is_silent = true;
        let Ok(Located::Later(id)) = world.begin("sip:h.example:5060") else { panic!("nothing is known") };
        for kind in [Kind::A, Kind::Aaaa] {
            world.locator.answer(world.now, Answer { name: "H.example".to_owned(), kind, said: Said::NoSuchName { ttl_s } });
        }
        world.drain();
        assert_eq!(world.wait(id).1, Err(LocateError::NoSuchName));
        world.pass(kept - A_MS);
        assert_eq!(world.begin("sip:h.example:5060"), Err(LocateError::NoSuchName), "{ttl_s:?}");
        world.pass(A_MS);
        assert!(matches!(world.begin("sip:h.example:5060"), Ok(Located::Later(_))), "{ttl_s:?}");
    }
}

/// While no server answers, what was known is good for a day; a silent one costs a moment every ten seconds, one that fails nothing.
#[test]
fn an_old_answer_is_better_than_none() {
    const ZONE: &str = "
        example.org           NAPTR ttl=60 1 1 s SIP+D2U _sip._udp.example.org
        _sip._udp.example.org SRV ttl=60 1 1 5062 a.example.org
        a.example.org         A ttl=60 192.0.2.1
    ";
    let there = "UDP 192.0.2.1:5062".to_owned();
    let mut world = World::new(ZONE);
    assert_eq!(world.locate("sip:example.org"), there);
    world.zone.is_broken = true;
    world.pass(Duration::from_secs(3600));
    world.questions();
    assert_eq!(world.timed("sip:example.org"), (there.clone(), 0), "SERVFAIL");
    assert_eq!(world.questions(), "NAPTR example.org, SRV _sip._udp.example.org, A a.example.org, AAAA a.example.org");
    world.pass(FAILURE_TTL - A_MS);
    assert_eq!((world.timed("sip:example.org"), world.questions()), ((there.clone(), 0), String::new()), "not asked again at once");
    world.pass(A_MS);
    world.zone.is_silent = true;
    let (targets, took) = world.timed("sip:example.org");
    assert_eq!((targets, took), (there.clone(), QUERY_STALE.as_millis() * 3), "silence at each step");
    assert_eq!(world.timed("sip:example.org"), (there.clone(), 0), "not again at once");
    // Back again: what is new is used.
    world.pass(QUERY_MAX + FAILURE_TTL_CALL);
    world.zone = Zone::read(&ZONE.replace("192.0.2.1", "192.0.2.2"));
    assert_eq!(world.timed("sip:example.org"), ("UDP 192.0.2.2:5062".to_owned(), 0));
    // And not for ever.
    world.zone.is_broken = true;
    world.pass(Duration::from_secs(60) + STALE_MAX);
    assert_eq!(world.locate("sip:example.org"), "no answer from DNS in time");
}

/// An answer that comes after the older one was used is not lost.
#[test]
fn a_late_answer_is_kept() {
    let mut world = World::new("h.example A ttl=5 192.0.2.1\nh.example AAAA ttl=100000 2001:db8::1");
    world.locate("sip:h.example:1");
    world.pass(Duration::from_secs(6));
    world.zone = Zone::read("h.example A ttl=1000 after=3000 192.0.2.9");
    assert_eq!(world.timed("sip:h.example:1"), ("UDP 192.0.2.1:1, UDP [2001:db8::1]:1".to_owned(), PATIENCE.as_millis()));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.locate("sip:h.example:1"), "UDP 192.0.2.9:1, UDP [2001:db8::1]:1");
}

/// Of the questions that nobody answers each has its end, and so has the whole.
#[test]
fn silence_has_an_end() {
    let ms = |duration: Duration| duration.as_millis();
    let no_answer = || "no answer from DNS in time".to_owned();
    let mut world = World::new("");
    world.zone.is_silent = true;
    assert_eq!(world.timed("sip:h.example:5060"), (no_answer(), ms(QUERY_MAX)));
    assert_eq!(world.timed("sip:h.example:5060"), (no_answer(), 0), "for a while it is not tried again");
    let mut world = World::new("");
    world.zone.is_silent = true;
    assert_eq!(world.timed("sip:h.example"), (no_answer(), ms(LOCATE_MAX)));
    // A forwarder that knows neither NAPTR nor SRV: the addresses have to do.
    let old =
        "h.example NAPTR servfail\n_sip._udp.h.example SRV servfail\n_sip._tcp.h.example SRV servfail\n_sips._tcp.h.example SRV servfail";
    assert_eq!(World::new(&format!("{old}\nh.example A 192.0.2.1")).timed("sip:h.example"), ("UDP 192.0.2.1:5060".to_owned(), 0));
    assert_eq!(World::new(&format!("{old}\nh.example A nodata")).timed("sip:h.example"), (no_answer(), 0));
    // An address that does not come is waited for only a while if there is another.
    assert_eq!(
        World::new("h.example A 192.0.2.1\nh.example AAAA silent").timed("sip:h.example:1"),
        ("UDP 192.0.2.1:1".to_owned(), ms(PATIENCE))
    );
    assert_eq!(
        World::new("h.example A after=700 192.0.2.1\nh.example AAAA after=1600 2001:db8::1").timed("sip:h.example:1"),
        ("UDP 192.0.2.1:1, UDP [2001:db8::1]:1".to_owned(), 1_600)
    );
    // A service of ours that is silent is waited for: what it would say decides.
    let zone = "_sip._udp.h.example SRV after=4000 1 1 5062 a.example\n_sip._tcp.h.example SRV 1 1 5063 a.example\na.example A 192.0.2.1";
    assert_eq!(World::new(zone).timed("sip:h.example"), ("UDP 192.0.2.1:5062, TCP 192.0.2.1:5063".to_owned(), 4_000));
    let zone = zone.replace("after=4000 1 1 5062 a.example", "silent");
    assert_eq!(World::new(&zone).timed("sip:h.example"), ("TCP 192.0.2.1:5063".to_owned(), ms(QUERY_MAX)));
}

/// A name whose servers are silent holds up nobody: kamailio#2081 as a test.
#[test]
fn a_slow_name_holds_up_no_other() {
    let mut world =
        World::new("slow.example A silent\nslow.example AAAA silent\nquick.example A after=20 192.0.2.1\nquick.example AAAA nodata");
    let slow: Vec<_> = (0..500).map(|_| world.begin("sip:slow.example:1").unwrap()).collect();
    assert_eq!(world.questions(), "A slow.example, AAAA slow.example", "asked once for all");
    assert_eq!(world.timed("sip:quick.example:1"), ("UDP 192.0.2.1:1".to_owned(), 20));
    for slow in slow {
        let Located::Later(id) = slow else { panic!("nothing is known") };
        let (at, outcome) = world.wait(id);
        assert_eq!((text(&outcome).as_str(), at), ("no answer from DNS in time", QUERY_MAX));
    }
    assert_eq!((world.locator.live(), world.locator.timeout()), (0, None));
}

/// Lookups at once have a limit; what is known needs no room, and what ends makes room.
#[test]
fn too_many_at_once() {
    let settings = LocatorSettings { locating_max: 12, ..LocatorSettings::default() };
    let mut world = World::with("known.example A 192.0.2.1\nknown.example AAAA nodata", settings, 1);
    assert_eq!(world.locate("sip:known.example:1"), "UDP 192.0.2.1:1");
    world.zone.is_silent = true;
    let ids: Vec<_> = (0..3).map(|number| world.begin(&format!("sip:h{number}.example")).unwrap()).collect();
    assert_eq!(world.begin("sip:h3.example"), Err(LocateError::TooMany));
    assert_eq!(world.begin("sip:h0.example"), Err(LocateError::TooMany), "also for what is asked already");
    assert_eq!(world.locate("sip:known.example:1"), "UDP 192.0.2.1:1");
    assert_eq!(world.locator.counters().refused, 2);
    let Some(Located::Later(first)) = ids.first() else { panic!("nothing is known") };
    world.locator.cancel(*first);
    assert!(world.begin("sip:h3.example").is_ok());
    world.pass(LOCATE_MAX);
    assert_eq!((world.locator.live(), world.outcomes.len()), (0, 3), "who gave up hears nothing");
}

/// Questions have a limit of their own: who gives up takes back only what was not asked yet.
#[test]
fn questions_of_those_who_gave_up_are_counted() {
    let mut world = World::new("");
    world.zone.is_silent = true;
    for number in 0..OUT_PARTY_MAX {
        let Ok(Located::Later(id)) = world.begin(&format!("sip:h{number}.example")) else { panic!("there is room") };
        world.locator.cancel(id);
    }
    assert_eq!(world.questions().split(", ").count(), OUT_PARTY_MAX);
    let Ok(Located::Later(id)) = world.begin("sip:another.example") else { panic!("it waits") };
    assert!(world.begin("sip:h0.example").is_ok(), "what is asked already can be waited for");
    assert_eq!(world.questions(), "");
    world.pass(QUERY_MAX - A_MS);
    assert_eq!(world.questions(), "");
    world.pass(A_MS);
    assert!(world.questions().starts_with("NAPTR another.example"));
    world.locator.cancel(id);
}

/// What was not used for the longest time goes.
#[test]
fn the_cache_is_bounded() {
    let settings = LocatorSettings { cache_max: 4, ..LocatorSettings::default() };
    let zone: String =
        (0..4).map(|number| format!("h{number}.example A ttl=9999 192.0.2.{number}\nh{number}.example AAAA ttl=9999 ::1\n")).collect();
    let mut world = World::with(&zone, settings.clone(), 1);
    let mut asks = |number: u32| {
        world.locate(&format!("sip:h{number}.example:1"));
        assert!(world.locator.cached() <= 4);
        !world.questions().is_empty()
    };
    assert!(asks(0) && asks(1) && !asks(0) && !asks(1) && !asks(0));
    assert!(asks(2), "and h1 goes, which was used before h0");
    assert!(!asks(0) && !asks(2) && asks(1));
    assert!(!asks(2), "h0 went this time");
    assert!(asks(0));
    world.locator.set(LocatorSettings { cache_max: 1, ..settings.clone() });
    assert_eq!(world.locator.cached(), 1);
    // Without any cache each lookup still comes to its end.
    world.locator.set(LocatorSettings { cache_max: 0, ..settings });
    assert_eq!(world.locate("sip:h3.example:1"), "UDP 192.0.2.3:1, UDP [::1]:1");
    assert_eq!(world.locator.cached(), 0);
}
