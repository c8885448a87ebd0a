//! The guard: what it calls what, how much it lets in, and that forged sources cannot turn it.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a beginning of time is needed; and the time of the slowest input is measured")]

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use sip_core::{Admit, Guard, GuardCounters, GuardSettings, guard::Source};

const SEED: [u8; 16] = *b"0123456789abcdef";
const NEW: &[u8] = b"INVITE sip:x SIP/2.0\r\nTo: <sip:x>\r\n\r\n";
const INSIDE: &[u8] = b"BYE sip:x SIP/2.0\r\n\r\n";

fn ip(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(number).into()
}

/// How many of `count` at one moment are let in.
fn admitted(guard: &mut Guard, now: Instant, source: IpAddr, datagram: &[u8], count: usize) -> usize {
    (0..count).filter(|_| guard.admit(now, source, datagram) != Admit::Dropped).count()
}

#[test]
fn what_belongs_to_something() {
    let mut guard = Guard::new(GuardSettings::default(), SEED);
    let now = Instant::now();
    let mut check = |text: &str, expected: Admit| assert_eq!(guard.admit(now, ip(1), text.as_bytes()), expected, "{text:?}");
    for text in [
        "SIP/2.0 200 OK\r\n",
        "sip/2.0 200 OK\r\n",
        "ACK sip:x SIP/2.0\r\n",
        "BYE sip:x SIP/2.0\r\n",
        "CANCEL sip:x SIP/2.0\r\n",
        "PRACK sip:x SIP/2.0\r\n",
        "\r\n\r\nBYE sip:x SIP/2.0\r\n",
        "INVITE sip:x SIP/2.0\r\nVia: v\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>;tag=2\r\n\r\n",
        "INFO sip:x SIP/2.0\r\nt:\"q\" <sip:x;y=z>;a=b ; TAG = 2\r\n\r\n",
        "UPDATE sip:x SIP/2.0\r\nTO \t : sip:x;tag=2\r\n\r\n",
        "UPDATE sip:x SIP/2.0\r\nTo: <sip:x>\r\n ;tag=2\r\n\r\n",
        "UPDATE sip:x SIP/2.0\r\nTo:\r\n\t<sip:x>\r\n ;a\r\n ;tag=2\r\n\r\n",
        // Bare line ends are the parser's to refuse.
        "UPDATE sip:x SIP/2.0\nTo: <sip:x>;tag=2\n\n",
    ] {
        check(text, Admit::Inside);
    }
    for text in [
        "",
        "\r\n\r\n",
        "garbage",
        "SIP",
        "SIP sip:x SIP/2.0\r\n",
        "ACKx sip:x SIP/2.0\r\n",
        "bye sip:x SIP/2.0\r\n",
        "REGISTER sip:x SIP/2.0\r\nTo: <sip:x>\r\nContact: <sip:y>;tag=2\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nFrom: <sip:x>;tag=2\r\n\r\n",
        // A tag of the URI, in the display name, in another header, in a fold of another, behind the head.
        "INVITE sip:x SIP/2.0\r\nTo: <sip:x;tag=2>\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nTo: \";tag=2\" <sip:x>\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nTopic: <sip:x>;tag=2\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nX: y\r\n To: <sip:x>;tag=2\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nX: y\r\n\r\nTo: <sip:x>;tag=2\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nTo: <sip:x>\r\nTo: <sip:x>;tag=2\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nTo: <sip:x>;tags=2;x-tag=3;tag\r\n\r\n",
    ] {
        check(text, Admit::New);
    }
}

#[test]
fn an_allowance_is_a_burst_and_a_rate() {
    let settings = GuardSettings { new_per_s: 10, new_burst: 20, inside_per_s: 100, inside_burst: 50, sources_max: 64 };
    let mut guard = Guard::new(settings, SEED);
    let now = Instant::now();
    let ms = Duration::from_millis;
    assert_eq!(admitted(&mut guard, now, ip(1), NEW, 100), 20);
    assert_eq!(admitted(&mut guard, now, ip(1), INSIDE, 100), 50, "the one does not eat the other's");
    assert_eq!(admitted(&mut guard, now, ip(2), NEW, 100), 20, "nor one source another's");
    assert_eq!(admitted(&mut guard, now + ms(99), ip(1), NEW, 100), 0);
    assert_eq!(admitted(&mut guard, now + ms(100), ip(1), NEW, 100), 1);
    assert_eq!(admitted(&mut guard, now + ms(1_100), ip(1), NEW, 100), 10);
    assert_eq!(admitted(&mut guard, now + ms(60_000), ip(1), NEW, 100), 20, "never more than the burst");
    // A clock that steps back gives nothing away.
    assert_eq!(admitted(&mut guard, now, ip(1), NEW, 100), 0);
    let counters = guard.counters();
    assert_eq!(counters, GuardCounters { inside: 50, new: 71, inside_dropped: 50, new_dropped: 629, streams_refused: 0, shared: 0 });
    // On reload: other limits at once, what was used stays used.
    guard.set(GuardSettings { new_per_s: 0, ..settings });
    assert_eq!(admitted(&mut guard, now, ip(1), NEW, 1_000), 1_000);
    guard.set(settings);
    assert_eq!(admitted(&mut guard, now, ip(1), NEW, 100), 0);
    assert_eq!(admitted(&mut guard, now, ip(3), INSIDE, 100), 50);
}

/// Streams may be opened as often as something may begin, and whoever has used that up by messages may open streams all the same: of his
/// messages each can wait, of his streams none.
#[test]
fn opening_streams_has_an_allowance_of_its_own() {
    let mut guard = Guard::new(GuardSettings { new_per_s: 10, new_burst: 20, ..GuardSettings::default() }, SEED);
    let now = Instant::now();
    let opened = |guard: &mut Guard, now, source, count| (0..count).filter(|_| guard.admit_stream(now, source)).count();
    for number in 0..80 {
        let at = now + Duration::from_millis(100) * 60_u32.min(number.max(19) - 19);
        assert_eq!(guard.admit_message(now, ip(1), NEW), (Admit::New, at), "{number}");
    }
    assert_eq!(opened(&mut guard, now, ip(1), 15), 15, "what is promised to messages is none of its business");
    assert_eq!(opened(&mut guard, now, ip(1), 100), 5);
    assert_eq!(guard.admit_message(now, ip(1), NEW), (Admit::New, now + Duration::from_millis(6_100)), "nor the other way round");
    assert_eq!(opened(&mut guard, now, ip(2), 100), 20, "another source has its own");
    assert_eq!(opened(&mut guard, now + Duration::from_secs(1), ip(1), 100), 10);
    assert_eq!((guard.counters().streams_refused, guard.counters().new), (95 + 80 + 90, 81));
    guard.set(GuardSettings { new_per_s: 0, ..GuardSettings::default() });
    assert_eq!(opened(&mut guard, now, ip(1), 1_000), 1_000);
}

/// Nobody repeats what TCP has delivered: a message of a stream waits for its token and is not dropped. Those of one source wait in line.
#[test]
fn what_streams_bring_waits_for_its_token() {
    let settings = GuardSettings { new_per_s: 10, new_burst: 3, inside_per_s: 100, inside_burst: 2, ..GuardSettings::default() };
    let mut guard = Guard::new(settings, SEED);
    let now = Instant::now();
    let ms = |count| now + Duration::from_millis(count);
    for at in [0, 0, 0, 100, 200, 300] {
        assert_eq!(guard.admit_message(now, ip(1), NEW), (Admit::New, ms(at)));
    }
    for at in [0, 0, 10] {
        assert_eq!(guard.admit_message(now, ip(1), INSIDE), (Admit::Inside, ms(at)), "the one does not eat the other's");
    }
    assert_eq!(guard.admit_keep_alive(now, ip(1)), ms(20), "a keep-alive counts as what belongs to something");
    assert_eq!(guard.admit_message(now, ip(2), NEW), (Admit::New, now), "nor one source another's");
    // What is promised is taken: what comes at 300 ms gets nothing of what came until then.
    assert_eq!(guard.admit_message(ms(300), ip(1), NEW), (Admit::New, ms(400)));
    assert_eq!(guard.admit_message(ms(10_000), ip(1), NEW), (Admit::New, ms(10_000)));
    assert_eq!((guard.counters().new_dropped, guard.counters().inside_dropped, guard.counters().new), (0, 0, 9));
    // With other limits nobody waits for what the old ones would have given.
    for _ in 0..1_000 {
        guard.admit_message(ms(10_000), ip(1), NEW);
    }
    guard.set(GuardSettings { new_per_s: 1_000, ..settings });
    assert_eq!(guard.admit_message(ms(10_000), ip(1), NEW), (Admit::New, ms(10_000)));
    guard.set(GuardSettings { new_per_s: 0, ..settings });
    for _ in 0..1_000 {
        assert_eq!(guard.admit_message(ms(10_000), ip(1), NEW), (Admit::New, ms(10_000)));
    }
}

/// Anybody may write a phone's address on datagrams. The streams of that phone do not pay for these, however many other addresses are
/// forged beside.
#[test]
fn forged_datagrams_take_nothing_from_streams() {
    let mut guard = Guard::new(GuardSettings { sources_max: 64, ..GuardSettings::default() }, SEED);
    let mut now = Instant::now();
    let victim = ip(1);
    for round in 0..2_000 {
        now += Duration::from_millis(1);
        admitted(&mut guard, now, victim, NEW, 2);
        admitted(&mut guard, now, victim, INSIDE, 20);
        for number in 0..50 {
            guard.admit(now, ip(1_000 + number), NEW);
        }
        if round % 10 == 0 {
            assert!(guard.admit_stream(now, victim), "{round}");
            assert_eq!(guard.admit_message(now, victim, NEW), (Admit::New, now), "{round}");
            assert_eq!(guard.admit_message(now, victim, INSIDE), (Admit::Inside, now), "{round}");
        }
    }
    assert!(guard.counters().new_dropped > 1_000 && guard.counters().inside_dropped > 1_000, "{:?}", guard.counters());
}

#[test]
fn a_burst_of_nothing_is_a_burst_of_one() {
    let mut guard = Guard::new(GuardSettings { new_per_s: 1, new_burst: 0, ..GuardSettings::default() }, SEED);
    assert_eq!(admitted(&mut guard, Instant::now(), ip(1), NEW, 10), 1);
}

#[test]
fn one_network_is_one_source() {
    let mut guard = Guard::new(GuardSettings { new_per_s: 1, new_burst: 10, ..GuardSettings::default() }, SEED);
    let now = Instant::now();
    let v6 = |text: &str| IpAddr::V6(text.parse::<Ipv6Addr>().unwrap());
    assert_eq!(admitted(&mut guard, now, v6("2001:db8:0:1::1"), NEW, 100), 10);
    assert_eq!(admitted(&mut guard, now, v6("2001:db8:0:1:ffff::2"), NEW, 100), 0);
    assert_eq!(admitted(&mut guard, now, v6("2001:db8:0:2::1"), NEW, 100), 10);
    assert_eq!(admitted(&mut guard, now, v6("::1"), NEW, 100), 10);
    // What no provider gives out is one address: in one such network lies a whole office.
    for (one, other) in [("::1", "::2"), ("fe80::1", "fe80::2"), ("febf::1", "febf::2"), ("fc00::1", "fc00::2"), ("fd12::1", "fd12::2")] {
        assert_ne!(Source::from(v6(one)), Source::from(v6(other)), "{one}");
    }
    for (one, other) in [("2001:db8::1", "2001:db8::2"), ("fec0::1", "fec0::2"), ("fe7f::1", "fe7f::2"), ("fe00::1", "fe00::2")] {
        assert_eq!(Source::from(v6(one)), Source::from(v6(other)), "{one}");
    }
    // A link-local address means another host on each interface; any other means the same one.
    let scoped = |text: &str| Source::from(text.parse::<SocketAddr>().unwrap());
    assert_ne!(scoped("[fe80::1%2]:5060"), scoped("[fe80::1%3]:5060"));
    assert_eq!(scoped("[fe80::1%2]:5060"), scoped("[fe80::1%2]:5062"));
    assert_eq!(scoped("[fd12::1%2]:5060"), scoped("[fd12::1%3]:5060"));
    assert_eq!(scoped("[fe80::1]:5060"), Source::from(v6("fe80::1")));
    assert_eq!(admitted(&mut guard, now, v6("fe80::1"), NEW, 100), 10);
    assert_eq!(admitted(&mut guard, now, v6("fe80::2"), NEW, 100), 10);
    // A mapped IPv4 address is that address, and not one of ::/64.
    assert_eq!(admitted(&mut guard, now, v6("::ffff:192.0.2.1"), NEW, 4), 4);
    assert_eq!(admitted(&mut guard, now, "192.0.2.1".parse().unwrap(), NEW, 100), 6);
}

/// The promise of the table: a source that has sent too much stays cut for just as long as if there were no other sources, whatever
/// flood of forged addresses comes between.
#[test]
fn forged_sources_give_nobody_his_allowance_back() {
    let settings = GuardSettings { new_per_s: 10, new_burst: 100, sources_max: 1_024, ..GuardSettings::default() };
    let mut guard = Guard::new(settings, SEED);
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    let mut now = Instant::now();
    let loud = ip(0x0a00_0001);
    assert_eq!(admitted(&mut guard, now, loud, NEW, 200), 100);
    for _ in 0..50 {
        // A hundred times as many forged sources as there are places, in each tenth of a second.
        for _ in 0..100_000 / 50 {
            guard.admit(now, ip(chance.next_u32()), NEW);
        }
        now += Duration::from_millis(100);
        assert_eq!(admitted(&mut guard, now, loud, NEW, 200), 1, "exactly its rate");
    }
}

/// However many places there are, and whatever order of sources: nobody gets more than with a table without end.
#[test]
fn nobody_gets_more_than_his_own() {
    for (seed, sources_max, sources) in [(1, 0, 50), (2, 16, 200), (3, 256, 1_000), (4, 65_536, 1_000)] {
        let settings = GuardSettings { new_per_s: 20, new_burst: 5, inside_per_s: 50, inside_burst: 10, sources_max };
        let mut guard = Guard::new(settings, SEED);
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut now = Instant::now();
        // The reference: a bucket of tokens for each, without end.
        let mut buckets: BTreeMap<(u32, bool), (f64, Instant)> = BTreeMap::new();
        let mut alike = 0;
        let total = 40_000;
        for _ in 0..total {
            now += Duration::from_micros(u64::from(chance.next_u32() % 2_000));
            // A few are loud.
            let number = if chance.next_u32() % 2 == 0 { chance.next_u32() % 8 } else { chance.next_u32() % sources };
            let is_inside = chance.next_u32() % 3 == 0;
            let (rate, burst, datagram) = if is_inside { (50.0, 10.0, INSIDE) } else { (20.0, 5.0, NEW) };
            let (tokens, at) = buckets.entry((number, is_inside)).or_insert((burst, now));
            *tokens = (*tokens + now.duration_since(*at).as_secs_f64() * rate).min(burst);
            *at = now;
            let is_admitted = guard.admit(now, ip(number), datagram) != Admit::Dropped;
            // The guard may count to the nanosecond what the reference rounds.
            assert!(!is_admitted || *tokens > 0.999, "source {number} got too much: {tokens}");
            alike += u32::from(is_admitted == (*tokens >= 1.0));
            if is_admitted {
                *tokens -= 1.0;
            }
        }
        if sources_max == 65_536 {
            assert!(alike >= total - 5, "with a place for each it is exactly a bucket for each: {alike}");
            assert_eq!(guard.counters().shared, 0);
        }
    }
}

/// Sources that behave are let in, however many they are: they never fill the table.
#[test]
fn a_crowd_of_quiet_sources_is_let_in() {
    let settings = GuardSettings { sources_max: 1_024, ..GuardSettings::default() };
    let mut guard = Guard::new(settings, SEED);
    let mut now = Instant::now();
    for round in 0..5 {
        for number in 0..50_000 {
            // 20,000 phones a second, one REGISTER each.
            now += Duration::from_micros(50);
            assert_eq!(guard.admit(now, ip(number), NEW), Admit::New, "round {round}");
        }
    }
}

/// The most work that one datagram can be.
#[test]
fn no_datagram_takes_long() {
    let mut guard = Guard::new(GuardSettings { new_per_s: 0, inside_per_s: 0, ..GuardSettings::default() }, SEED);
    let now = Instant::now();
    for text in [
        "\n".repeat(65_000),
        "x\n".repeat(32_000),
        format!("INVITE x\nTo: {}", ";".repeat(65_000)),
        format!("INVITE x\nTo: {}", "; ".repeat(32_000)),
        format!("INVITE x\nTo: {}", "\n ".repeat(32_000)),
        format!("INVITE x\nTo: {}", ";tag".repeat(16_000)),
        format!("INVITE x\nTo: {}", ">".repeat(65_000)),
        "t".repeat(65_000),
        "to\n".repeat(20_000),
    ] {
        let began = Instant::now();
        for _ in 0..20 {
            guard.admit(now, ip(1), text.as_bytes());
        }
        assert!(began.elapsed() < Duration::from_millis(500), "{:?} for {:.20}", began.elapsed(), text);
    }
}
