//! The walk of RFC 3263: what is asked, and in which order the targets come.

use std::collections::BTreeMap;

use sip_core::{
    Families, Host, LocatorSettings, Place, SipUri,
    locate::{Over, PlaceError},
};

use crate::zone::{World, place};

/// `example.org` has everything; the others less and less.
const ZONE: &str = r#"
    example.org                 NAPTR 50 50 s SIPS+D2T _sips._tcp.example.org
    example.org                 NAPTR 90 50 s SIP+D2T  _sip._tcp.example.org
    example.org                 NAPTR 100 50 s SIP+D2U _sip._udp.example.org
    _sips._tcp.example.org      SRV 0 1 5061 s1.example.org
    _sips._tcp.example.org      SRV 1 1 5071 s2.example.org
    _sip._tcp.example.org       SRV 0 1 5060 s1.example.org
    _sip._udp.example.org       SRV 2 9 5062 s2.example.org
    _sip._udp.example.org       SRV 1 1 5060 s1.example.org
    s1.example.org              A 192.0.2.1
    s2.example.org              A 192.0.2.2
    s2.example.org              AAAA 2001:db8::2
    example.org                 A 192.0.2.80

    same.example                NAPTR 10 20 S sip+d2u _sip._udp.same.example
    same.example                NAPTR 10 10 s SIP+D2T _sip._tcp.same.example
    same.example                NAPTR 5 1 u E2U+sip .
    same.example                NAPTR 7 1 s SIP+D2S _sip._sctp.same.example
    same.example                NAPTR 8 1 a SIP+D2U s1.example.org
    same.example                NAPTR 9 1 s SIP+D2U other.example !^.*$!sip:a@b!
    _sip._udp.same.example      SRV 0 0 5060 s1.example.org
    _sip._tcp.same.example      SRV 0 0 5060 s1.example.org

    services.example            A 192.0.2.80
    _sip._tcp.services.example  SRV 0 0 5070 s1.example.org
    _sip._udp.services.example  SRV 0 0 5060 s2.example.org

    plain.example               A 192.0.2.3
    plain.example               AAAA 2001:db8::3
    dual.example                AAAA 2001:db8::4
    dual.example                A 192.0.2.4

    closed.example              A 192.0.2.80
    _sip._udp.closed.example    SRV 0 0 0 .
    half.example                A 192.0.2.80
    _sip._udp.half.example      SRV 0 0 0 .
    _sip._tcp.half.example      SRV 0 0 5060 s1.example.org

    aaa.example                 NAPTR 1 1 s AAA+D2T _diameter._tcp.aaa.example
    aaa.example                 A 192.0.2.5
    sctp.example                NAPTR 1 1 s SIP+D2S _sip._sctp.sctp.example
    sctp.example                A 192.0.2.80
    nowhere.example             NAPTR 1 1 s SIPS+D2T _sips._tcp.gone.example
    nowhere.example             NAPTR 2 1 s SIP+D2U _sip._udp.same.example
    text.example                NAPTR 1 1 s SIP+D2U _sip._udp.gone.example
    lost.example                A nodata
"#;

/// Each place, what is asked for it by one who knows nothing, and where it leads.
#[test]
fn from_a_place_to_its_targets() {
    let table = [
        // An address: nothing is asked.
        ("sip:192.0.2.9", "", "UDP 192.0.2.9:5060"),
        ("sip:192.0.2.9:5080;transport=tcp", "", "TCP 192.0.2.9:5080"),
        ("sips:192.0.2.9", "", "TLS 192.0.2.9:5061"),
        ("sip:a@[2001:db8::9];transport=TLS", "", "TLS [2001:db8::9]:5061"),
        ("sip:[2001:db8::9]:5099", "", "UDP [2001:db8::9]:5099"),
        ("sips:example.org;maddr=192.0.2.9", "", "TLS 192.0.2.9:5061 (example.org)"),
        ("sip:example.org;maddr=plain.example:5060", "", ""),
        // NAPTR: one order fits, those behind it are not looked at (RFC 3403, 4.1).
        (
            "sip:example.org",
            "NAPTR example.org, SRV _sips._tcp.example.org, A s1.example.org, AAAA s1.example.org, A s2.example.org, AAAA s2.example.org",
            "TLS 192.0.2.1:5061 (example.org), TLS 192.0.2.2:5071 (example.org), TLS [2001:db8::2]:5071 (example.org)",
        ),
        ("sips:same.example", "NAPTR same.example", "nothing there that we speak"),
        // Within an order by preference; other services, flags and expressions are passed over.
        (
            "sip:same.example",
            "NAPTR same.example, SRV _sip._tcp.same.example, SRV _sip._udp.same.example, A s1.example.org, AAAA s1.example.org",
            "TCP 192.0.2.1:5060, UDP 192.0.2.1:5060",
        ),
        // An order that leads nowhere does not fit.
        (
            "sip:nowhere.example",
            "NAPTR nowhere.example, SRV _sips._tcp.gone.example, SRV _sip._udp.same.example, A s1.example.org, AAAA s1.example.org",
            "UDP 192.0.2.1:5060",
        ),
        ("sip:text.example", "NAPTR text.example, SRV _sip._udp.gone.example", "nothing there that we speak"),
        // NAPTR of another application is none.
        (
            "sip:aaa.example",
            "NAPTR aaa.example, SRV _sip._udp.aaa.example, SRV _sip._tcp.aaa.example, SRV _sips._tcp.aaa.example, A aaa.example, AAAA aaa.example",
            "UDP 192.0.2.5:5060",
        ),
        ("sip:sctp.example", "NAPTR sctp.example", "nothing there that we speak"),
        // A transport: SRV of that, priority first.
        (
            "sip:example.org;transport=udp",
            "SRV _sip._udp.example.org, A s1.example.org, AAAA s1.example.org, A s2.example.org, AAAA s2.example.org",
            "UDP 192.0.2.1:5060, UDP 192.0.2.2:5062, UDP [2001:db8::2]:5062",
        ),
        (
            "sips:example.org;transport=tcp",
            "SRV _sips._tcp.example.org, A s1.example.org, AAAA s1.example.org, A s2.example.org, AAAA s2.example.org",
            "TLS 192.0.2.1:5061 (example.org), TLS 192.0.2.2:5071 (example.org), TLS [2001:db8::2]:5071 (example.org)",
        ),
        // A port: addresses at once.
        ("sip:example.org:5080", "A example.org, AAAA example.org", "UDP 192.0.2.80:5080"),
        ("sips:example.org:5080", "A example.org, AAAA example.org", "TLS 192.0.2.80:5080 (example.org)"),
        ("sip:plain.example:5080;transport=tcp", "A plain.example, AAAA plain.example", "TCP 192.0.2.3:5080, TCP [2001:db8::3]:5080"),
        // No NAPTR: SRV of what we speak, as we like it.
        (
            "sip:services.example",
            "NAPTR services.example, SRV _sip._udp.services.example, SRV _sip._tcp.services.example, SRV _sips._tcp.services.example, \
             A s2.example.org, AAAA s2.example.org, A s1.example.org, AAAA s1.example.org",
            "UDP 192.0.2.2:5060, UDP [2001:db8::2]:5060, TCP 192.0.2.1:5070",
        ),
        // No SRV: addresses and the default port.
        (
            "sips:plain.example",
            "NAPTR plain.example, SRV _sips._tcp.plain.example, A plain.example, AAAA plain.example",
            "TLS 192.0.2.3:5061 (plain.example), TLS [2001:db8::3]:5061 (plain.example)",
        ),
        (
            "sip:plain.example;transport=tcp",
            "SRV _sip._tcp.plain.example, A plain.example, AAAA plain.example",
            "TCP 192.0.2.3:5060, TCP [2001:db8::3]:5060",
        ),
        // "Not there" is no invitation to try the host itself.
        ("sip:closed.example;transport=udp", "SRV _sip._udp.closed.example", "nothing there that we speak"),
        (
            "sip:half.example",
            "NAPTR half.example, SRV _sip._udp.half.example, SRV _sip._tcp.half.example, SRV _sips._tcp.half.example, A s1.example.org, \
             AAAA s1.example.org",
            "TCP 192.0.2.1:5060",
        ),
        // A name without addresses, and no name.
        ("sip:lost.example:5060", "A lost.example, AAAA lost.example", "nothing there that we speak"),
        ("sip:nobody.example:5060", "A nobody.example, AAAA nobody.example", "no such name"),
        (
            "sip:nobody.example",
            "NAPTR nobody.example, SRV _sip._udp.nobody.example, SRV _sip._tcp.nobody.example, SRV _sips._tcp.nobody.example, \
             A nobody.example, AAAA nobody.example",
            "no such name",
        ),
        // Upper case and the dot at the end are the same name.
        ("sip:PLAIN.Example.:5080", "A plain.example, AAAA plain.example", "UDP 192.0.2.3:5080, UDP [2001:db8::3]:5080"),
    ];
    for (uri, questions, targets) in table {
        if targets.is_empty() {
            assert!(SipUri::parse(uri.as_bytes()).is_err() || Place::from_uri(&SipUri::parse(uri.as_bytes()).unwrap()).is_err(), "{uri}");
            continue;
        }
        let mut world = World::new(ZONE);
        assert_eq!(world.locate(uri), targets, "{uri}");
        assert_eq!(world.questions(), questions, "{uri}");
        assert_eq!((world.locate(uri).as_str(), world.questions().as_str()), (targets, ""), "{uri}, again");
    }
}

#[test]
fn what_we_do_not_speak_is_not_offered() {
    let check = |speaks: &[Over], families: Families, uri: &str, expected: &str| {
        let settings = LocatorSettings { speaks: speaks.to_vec(), families, ..LocatorSettings::default() };
        assert_eq!(World::with(ZONE, settings, 1).locate(uri), expected, "{speaks:?} {families:?} {uri}");
    };
    let both = Families::V4First;
    check(&[Over::Udp, Over::Tcp], both, "sip:example.org", "TCP 192.0.2.1:5060");
    check(&[Over::Udp], Families::V6, "sip:example.org", "UDP [2001:db8::2]:5062");
    check(&[Over::Udp], both, "sips:example.org", "nothing there that we speak");
    check(&[Over::Udp], both, "sip:192.0.2.1;transport=tcp", "nothing there that we speak");
    check(&[Over::Tcp, Over::Udp], both, "sip:services.example", "TCP 192.0.2.1:5070, UDP 192.0.2.2:5060, UDP [2001:db8::2]:5060");
    check(&[Over::Tls], both, "sip:plain.example:5071", "TLS 192.0.2.3:5071 (plain.example), TLS [2001:db8::3]:5071 (plain.example)");
    check(&[Over::Udp], Families::V6First, "sip:dual.example:1", "UDP [2001:db8::4]:1, UDP 192.0.2.4:1");
    check(&[Over::Udp], Families::V4, "sip:dual.example:1", "UDP 192.0.2.4:1");
    check(&[Over::Udp], Families::V4, "sip:[2001:db8::4]", "nothing there that we speak");
    check(&[], both, "sip:192.0.2.1", "nothing there that we speak");
}

#[test]
fn uris_that_lead_nowhere() {
    let check = |uri: &str, expected: PlaceError| {
        let uri = SipUri::parse(uri.as_bytes()).unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!(Place::from_uri(&uri), Err(expected), "{uri:?}");
    };
    check("sip:h:0", PlaceError::Port);
    check("sip:h;transport=sctp", PlaceError::Transport);
    check("sip:h;transport", PlaceError::Transport);
    check("sips:h;transport=udp", PlaceError::Transport);
    for host in
        ["0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255", "[ff02::1]", "[::ffff:0.0.0.0]", "1.2.3", "300.1.1.1", "a..b", ".", "-.9"]
    {
        check(&format!("sip:{host}"), PlaceError::Host);
        check(&format!("sip:h;maddr={host}"), PlaceError::Host);
    }
    let label = "a".repeat(64);
    let name = "a.".repeat(127);
    check(&format!("sip:{label}.org"), PlaceError::Host);
    check(&format!("sip:{name}org"), PlaceError::Host);
    check("sip:h;maddr", PlaceError::Host);
    assert_eq!(place("sip:h;maddr=2001:db8::1").host, Host::Address("2001:db8::1".parse().unwrap()));
    assert_eq!(place("sip:h;maddr=[2001:db8::1]").host, Host::Address("2001:db8::1".parse().unwrap()));
    assert_eq!(place("sip:[::ffff:192.0.2.1]").host, Host::Address("192.0.2.1".parse().unwrap()));
    for host in ["", "a b", "a\0", "a/b", "[192.0.2.1]", "[a]", "пример.рф", "a\r\nb"] {
        assert_eq!(Host::parse(host.as_bytes()), Err(PlaceError::Host), "{host:?}");
    }
}

/// A name that is so long that none of its services can be named: it is asked for its addresses alone.
#[test]
fn a_name_too_long_for_services() {
    let name = format!("{}abcdefg", "a.".repeat(123));
    let mut world = World::new(&format!("{name} A 192.0.2.1"));
    assert_eq!(world.locate(&format!("sip:{name}")), "UDP 192.0.2.1:5060");
    assert_eq!(world.questions(), format!("NAPTR {name}, A {name}, AAAA {name}"));
}

/// RFC 2782: by weight within a priority, and a lower priority never first. A weight of 0 is hardly ever first, and equals take turns.
#[test]
fn weights() {
    let zone = "
        _sip._udp.example.org SRV 1 60 1 a.example.org
        _sip._udp.example.org SRV 1 30 2 a.example.org
        _sip._udp.example.org SRV 1 10 3 a.example.org
        _sip._udp.example.org SRV 1 0  4 a.example.org
        _sip._udp.example.org SRV 2 0  5 a.example.org
        _sip._udp.example.org SRV 2 0  6 a.example.org
        _sip._udp.example.org SRV 2 0  7 a.example.org
        _sip._udp.example.org SRV 3 65535 8 a.example.org
        a.example.org A 192.0.2.1
    ";
    const RUNS: u32 = 20_000;
    let mut counts: BTreeMap<(usize, u16), u32> = BTreeMap::new();
    let mut world = World::new(zone);
    let place = place("sip:example.org;transport=udp");
    assert!(world.locate("sip:example.org;transport=udp").starts_with("UDP"));
    for _ in 0..RUNS {
        let Ok(sip_core::Located::Now(targets)) = world.locator.locate(world.now, place.clone(), world.asker) else {
            panic!("it is known")
        };
        assert_eq!(targets.len(), 8);
        for (at, target) in targets.iter().enumerate() {
            *counts.entry((at, target.address.port())).or_default() += 1;
        }
    }
    let share = |at: usize, port: u16| f64::from(counts.get(&(at, port)).copied().unwrap_or(0)) / f64::from(RUNS);
    let near = |at: usize, port: u16, expected: f64| {
        let share = share(at, port);
        assert!((share - expected).abs() < 0.015, "{port} at {at}: {share}, expected {expected}");
    };
    // Of a sum of 100 there are 101 numbers; the first of the list has one more than its weight.
    near(0, 1, 0.597);
    near(0, 2, 0.300);
    near(0, 3, 0.102);
    near(0, 4, 0.0099);
    assert!(share(0, 4) > 0.0, "a weight of 0 is not never");
    // Second after the first: 30/41 of the times that 1 was first, and so on.
    near(1, 1, 0.30 * 60.0 / 71.0 + 0.10 * 60.0 / 91.0 + 0.006);
    for port in 5..=7 {
        for at in 4..=6 {
            near(at, port, 1.0 / 3.0);
        }
    }
    assert_eq!(share(7, 8), 1.0);
}

/// Addresses of one host take turns, and the families do: a host with ten dead IPv4 addresses is tried by IPv6 second.
#[test]
fn addresses_take_turns() {
    let zone = "
        h.example A 192.0.2.1
        h.example A 192.0.2.2
        h.example A 192.0.2.3
        h.example AAAA 2001:db8::1
    ";
    let mut world = World::new(zone);
    let mut firsts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..3_000 {
        let all = world.locate("sip:h.example:5060");
        let parts: Vec<_> = all.split(", ").collect();
        assert_eq!((parts.len(), parts.get(1)), (4, Some(&"UDP [2001:db8::1]:5060")), "{all}");
        *firsts.entry((*parts.first().unwrap()).to_owned()).or_default() += 1;
    }
    assert_eq!(firsts.len(), 3);
    assert!(firsts.values().all(|&count| (850..1_150).contains(&count)), "{firsts:?}");
}
