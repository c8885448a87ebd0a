//! Attacks and offices in virtual time: each goes the whole way that the module's documentation tells, digest and all.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a test needs a first instant")]

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;

use super::*;
use crate::{Algorithm, Credentials, Transport, Verdict, Verifier, digest};

const REALM: &str = "cordboard";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// What came of one try to register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    Ok,
    /// The password was looked at and was wrong.
    Wrong,
    /// The same 401, and nobody has looked.
    Unseen,
    Silence,
}

struct World {
    armour: Armour,
    verifier: Verifier,
    users: BTreeMap<&'static str, Credentials>,
    now: Instant,
    count: u32,
    heard: Vec<ArmourOutput>,
}

/// A request; `login` is user, password, nonce.
fn request(method: &str, uri: &str, more: &str, login: Option<(&str, &str, &str)>, count: u32) -> Message {
    let authorization = login.map_or(String::new(), |(user, password, nonce)| {
        let credentials = Credentials::of(user, REALM, password);
        let nc = format!("{count:08x}");
        let response = digest::answer(Algorithm::Md5, &credentials, &[nonce, &nc, "c", "auth"], method, uri);
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm=MD5, cnonce=\"c\", qop=auth, nc={nc}\r\n"
        )
    });
    let from = if more.contains("From:") { "" } else { "From: <sip:6001@pbx.example>;tag=a\r\n" };
    let to = if more.contains("To:") { "" } else { "To: <sip:6001@pbx.example>\r\n" };
    let text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n{from}{to}Call-ID: a\r\nCSeq: 1 {method}\r\n{more}{authorization}\r\n"
    );
    Message::parse(Bytes::from(text)).unwrap()
}

fn flow(transport: Transport, from: &str) -> Flow {
    let remote = SocketAddr::new(from.parse().unwrap(), 5060);
    Flow { transport, local: "203.0.113.1:5060".parse().unwrap(), remote }
}

fn source(from: &str) -> Source {
    from.parse::<IpAddr>().unwrap().into()
}

/// Address number `number` of a network that nobody uses.
fn address(number: u32) -> String {
    std::net::Ipv4Addr::from(u32::from(std::net::Ipv4Addr::new(100, 64, 0, 0)) + number).to_string()
}

impl World {
    fn new() -> Self {
        let domains = vec!["pbx.example".to_owned()];
        let settings = ArmourSettings { domains, addresses: vec!["203.0.113.1".parse().unwrap()], ..ArmourSettings::default() };
        let users = ["6001", "6002", "6003", "6004"].map(|user| (user, Credentials::of(user, REALM, "right")));
        Self {
            armour: Armour::new(settings, [7; 16]),
            verifier: Verifier::new([7; 32], Duration::from_secs(300), &[Algorithm::Md5]),
            users: users.into(),
            now: Instant::now(),
            count: 0,
            heard: Vec::new(),
        }
    }

    /// What call control does with a request outside of dialogs.
    fn receive(&mut self, flow: Flow, message: &Message) -> Got {
        self.count += 1;
        self.armour.expire(self.now);
        let claim = Claim::of(message, REALM);
        let peer = Peer::of(flow, self.verifier.is_echo(self.now, &claim, flow.remote.into()));
        let got = match self.armour.verdict(self.now, peer, message, &claim) {
            Treatment::Silent => Got::Silence,
            Treatment::Refuse { .. } => {
                assert_ne!(self.verifier.judge(self.now, &claim, None), Verdict::Good);
                Got::Unseen
            }
            Treatment::Pass => {
                let user = claim.user().unwrap_or_default().into_owned();
                let credentials = self.users.get(user.as_str()).copied();
                match self.verifier.judge(self.now, &claim, credentials.as_ref()) {
                    Verdict::Good => {
                        self.armour.logged_in(self.now, peer, &user);
                        Got::Ok
                    }
                    Verdict::Bad => {
                        self.armour.failed(self.now, peer, &user, credentials.is_some());
                        Got::Wrong
                    }
                    Verdict::Missing | Verdict::Stale => Got::Unseen,
                }
            }
        };
        while let Some(output) = self.armour.poll() {
            self.heard.push(output);
        }
        got
    }

    fn nonce(&mut self, from: &str) -> String {
        let challenge = self.verifier.challenge_to(self.now, source(from), REALM, false, &[Algorithm::Md5]).remove(0);
        challenge.split('"').nth(3).unwrap().to_owned()
    }

    /// A phone or a guesser registers: first without a login, then with one.
    fn register(&mut self, transport: Transport, from: &str, user: &str, password: &str) -> Got {
        let first = self.receive(flow(transport, from), &request("REGISTER", "sip:pbx.example", "", None, 1));
        if first == Got::Silence {
            return first;
        }
        let nonce = self.nonce(from);
        self.receive(flow(transport, from), &request("REGISTER", "sip:pbx.example", "", Some((user, password, &nonce)), 1))
    }

    fn udp(&mut self, from: &str, user: &str, password: &str) -> Got {
        self.register(Transport::Udp, from, user, password)
    }

    fn is_banned(&self, from: &str) -> bool {
        self.armour.is_banned(self.now, source(from))
    }
}

#[test]
fn an_office_with_one_old_password_loses_no_phone() {
    for first_right in [true, false] {
        let mut world = World::new();
        let office = "192.0.2.10";
        if !first_right {
            assert_eq!(world.udp(office, "6002", "old"), Got::Wrong);
        }
        assert_eq!(world.udp(office, "6001", "right"), Got::Ok);
        // Two days of a phone that tries each 30 s, and of others that refresh their binding each half hour.
        for turn in 0..2 * 2_880 {
            world.now += Duration::from_secs(30);
            assert_ne!(world.udp(office, "6002", "old"), Got::Silence, "turn {turn}");
            if turn % 60 == 0 {
                assert_eq!(world.udp(office, "6001", "right"), Got::Ok, "turn {turn}");
                assert_eq!(world.udp(office, "6003", "right"), Got::Ok, "turn {turn}");
            }
        }
        // Once mended it is in within ten minutes, and then never has to wait again, whatever its neighbour with the same name does.
        let mended = (0..21).find(|_| {
            world.now += Duration::from_secs(30);
            world.udp(office, "6002", "right") == Got::Ok
        });
        assert!(mended.is_some(), "ten minutes and a half were not enough");
        for _ in 0..500 {
            assert_eq!(world.udp(office, "6002", "old"), Got::Wrong, "looked at, at its home");
            assert_eq!(world.udp(office, "6002", "right"), Got::Ok);
        }
        assert!(world.heard.is_empty(), "{:?}", world.heard);
    }
}

#[test]
fn a_forged_source_bans_nobody() {
    let mut world = World::new();
    let (victim, trunk, forger) = ("192.0.2.10", "192.0.2.20", "198.51.100.66");
    assert_eq!(world.udp(victim, "6001", "right"), Got::Ok);
    // The forger gets his nonces at his own address.
    let nonce = world.nonce(forger);
    let forged = [
        request("OPTIONS", "sip:pbx.example", "User-Agent: friendly-scanner\r\n", None, 1),
        request("INVITE", "sip:900442071234567@pbx.example", "", None, 1),
        request("OPTIONS", "sip:other.example", "", None, 1),
        request("REGISTER", "sip:pbx.example", "", Some(("6001", "wrong", &nonce)), 1),
        request("REGISTER", "sip:pbx.example", "", Some(("nobody", "wrong", &nonce)), 1),
        request("REGISTER", "sip:pbx.example", "", Some(("6001", "right", &nonce)), 1),
    ];
    for _ in 0..2_000 {
        for address in [victim, trunk] {
            for message in &forged {
                assert_ne!(world.receive(flow(Transport::Udp, address), message), Got::Ok, "a login that nobody there has asked for");
            }
            let peer = Peer::of(flow(Transport::Udp, address), false);
            world.armour.note(world.now, peer, Evidence::Malformed);
        }
        world.now += Duration::from_millis(100);
    }
    assert!(world.heard.is_empty() && world.armour.bans().count() == 0, "{:?}", world.heard);
    assert_eq!(world.udp(victim, "6001", "right"), Got::Ok, "who has logged in is not even slowed down");
    // A source that nobody has logged in from is slowed down, and gets in all the same.
    let invite = request("INVITE", "sip:6001@pbx.example", "", None, 1);
    let passed = (0..100)
        .filter(|_| {
            world.now += Duration::from_millis(100);
            world.receive(flow(Transport::Udp, trunk), &invite) != Got::Silence
        })
        .count();
    assert!((4..=6).contains(&passed), "{passed} in 10 s");
    // A carrier's network is exempt.
    world.armour.set(ArmourSettings { exempt: vec!["192.0.2.16/28".parse().unwrap()], ..world.armour.settings.clone() });
    assert_eq!((0..100).filter(|_| world.receive(flow(Transport::Udp, trunk), &invite) != Got::Silence).count(), 100);
}

/// Each row: the pause between tries, for how long they go on, and how many passwords are looked at at most until the ban.
#[test]
fn a_guesser_is_banned_however_slow() {
    let rows = [
        (Duration::ZERO, MINUTE, 10),
        (10 * Duration::from_secs(1), HOUR, 12),
        (MINUTE, HOUR, 30),
        (10 * MINUTE, 24 * HOUR, 60),
        (15 * MINUTE, 48 * HOUR, 75),
    ];
    for (pause, lasts, looked_max) in rows {
        for (transport, user) in [(Transport::Udp, "6001"), (Transport::Tcp, "6001"), (Transport::Udp, "nobody")] {
            let mut world = World::new();
            let (start, mut looked) = (world.now, 0);
            while !world.is_banned("198.51.100.66") && world.now - start < lasts {
                looked += u32::from(world.register(transport, "198.51.100.66", user, "guess") == Got::Wrong);
                world.now += pause.max(Duration::from_millis(1));
            }
            assert!(looked <= looked_max, "{looked} with {pause:?} as {user}");
            assert!(world.is_banned("198.51.100.66"), "{pause:?} as {user}: {looked}");
            assert_eq!(world.armour.guarded(world.now).count(), 0, "one source alone does not make the owner wait elsewhere");
        }
    }
}

/// B-69.
#[test]
fn a_thousand_sources_with_one_try_each() {
    let mut world = World::new();
    // From his country house the owner has not logged in for three weeks.
    assert_eq!(world.udp("192.0.2.11", "6001", "right"), Got::Ok);
    world.now += 21 * 24 * HOUR;
    assert_eq!(world.udp("192.0.2.10", "6001", "right"), Got::Ok);
    let mut looked = 0;
    for number in 0..1_000 {
        world.now += Duration::from_secs(5);
        looked += u32::from(world.udp(&address(number), "6001", "guess") == Got::Wrong);
        assert_eq!(world.udp("192.0.2.10", "6001", "right"), Got::Ok, "the owner at home");
    }
    assert!((USER_FAILURES_MAX..USER_FAILURES_MAX + 5).contains(&looked), "{looked}");
    assert_eq!(world.heard, [ArmourOutput::Guarded { user: "6001".to_owned() }], "told once");
    assert_eq!(world.udp("192.0.2.11", "6001", "right"), Got::Ok, "the owner at his other home");
    assert_eq!(world.udp("192.0.2.99", "6001", "right"), Got::Unseen, "not even the right password, or a guesser would learn it");
    assert_eq!(world.udp("192.0.2.99", "6002", "right"), Got::Ok, "other users are as ever");
    assert_eq!(world.udp("192.0.2.99", "nobody", "x"), Got::Wrong);
    // It passes by itself.
    let mut later = World { now: world.now + HOUR, ..World::new() };
    std::mem::swap(&mut later.armour, &mut world.armour);
    assert_eq!(later.udp("192.0.2.98", "6001", "right"), Got::Ok, "an hour later");
}

#[test]
fn a_stolen_phone_does_not_pay_for_guessing_others() {
    let mut world = World::new();
    let mut looked = 0;
    for turn in 0..500 {
        world.now += Duration::from_secs(10);
        if world.is_banned("198.51.100.66") {
            break;
        }
        assert_eq!(world.udp("198.51.100.66", "6001", "right"), Got::Ok, "turn {turn}");
        let user = ["6002", "6003", "6004", "7001", "7002", "7003", "7004", "7005"][turn % 8];
        looked += u32::from(world.udp("198.51.100.66", user, "guess") == Got::Wrong);
    }
    assert!(world.is_banned("198.51.100.66") && looked < 12, "{looked}");
    // One name alone bans nobody, but is hardly looked at.
    let mut world = World::new();
    let mut looked = 0;
    for _ in 0..24 * 60 {
        world.now += MINUTE;
        assert_eq!(world.udp("198.51.100.66", "6001", "right"), Got::Ok);
        looked += u32::from(world.udp("198.51.100.66", "6002", "guess") == Got::Wrong);
    }
    assert!((100..=165).contains(&looked), "{looked}");
}

#[test]
fn a_success_takes_back_its_own_failures_only() {
    let mut world = World::new();
    for _ in 0..4 {
        assert_eq!(world.udp("192.0.2.10", "6001", "typo"), Got::Wrong);
        assert_eq!(world.udp("192.0.2.10", "6002", "typo"), Got::Wrong);
    }
    let points = |world: &mut World| {
        let (key, now) = (world.armour.key, world.now);
        world
            .armour
            .proven
            .get(key, source("192.0.2.10"))
            .map(|record| (record.score.points(now), record.day.used(now, Allowance::a_day(SOURCE_FAILURES_MAX))))
    };
    assert_eq!(points(&mut world), Some((80, 8)));
    assert_eq!(world.udp("192.0.2.10", "6001", "right"), Got::Ok);
    assert_eq!(points(&mut world).map(|(score, day)| (score.div_ceil(10), day)), Some((4, 4)));
    // Another password: where the old one was good is no home any more.
    assert_eq!(world.armour.homes().map(|(user, _)| user).collect::<Vec<_>>(), ["6001"]);
    world.armour.forget_user("6001");
    assert_eq!(world.armour.homes().count(), 0);
}

#[test]
fn who_gets_no_answer() {
    let agent = |agent: &str| format!("User-Agent: {agent}\r\n");
    let own = "sip:pbx.example";
    let rows: Vec<(&str, &str, String, Got)> = vec![
        ("OPTIONS", own, String::new(), Got::Unseen),
        ("OPTIONS", own, agent("friendly-scanner"), Got::Silence),
        ("OPTIONS", own, agent("Friendly-Scanner/1"), Got::Silence),
        ("REGISTER", own, agent("my sipvicious 0.3"), Got::Silence),
        ("INVITE", own, agent("sipcli/v1.8"), Got::Silence),
        ("OPTIONS", own, agent("not a sipcli"), Got::Unseen),
        ("REGISTER", own, agent("VaxSIPUserAgent/3.1"), Got::Silence),
        ("REGISTER", own, agent("pplsip"), Got::Silence),
        ("OPTIONS", own, agent("sip-scan"), Got::Silence),
        ("OPTIONS", own, agent("sundayddr"), Got::Silence),
        ("REGISTER", own, agent("eyeBeam release 3006o stamp 17551"), Got::Unseen),
        ("REGISTER", own, agent("Yealink SIP-T46S 66.86.0.15"), Got::Unseen),
        ("OPTIONS", own, "From: \"sipvicious\" <sip:100@192.0.2.1>;tag=a\r\n".to_owned(), Got::Silence),
        ("OPTIONS", own, "From: \"x\" <sip:100@1.1.1.1>;tag=a\r\n".to_owned(), Got::Silence),
        ("OPTIONS", own, "From: \"x\" <sip:100@1.1.1.10>;tag=a\r\n".to_owned(), Got::Unseen),
        ("OPTIONS", "sip:nm", "From: <sip:nm@nm>;tag=root\r\n".to_owned(), Got::Silence),
        ("OPTIONS", "sip:PBX.example.", String::new(), Got::Unseen),
        ("INVITE", "sip:6001@203.0.113.1:5060", String::new(), Got::Unseen),
        ("INVITE", "sip:6001@203.0.113.2", String::new(), Got::Silence),
        ("INVITE", "sip:6001@other.example", String::new(), Got::Silence),
        ("INVITE", "tel:+74951234567", String::new(), Got::Unseen),
        ("REGISTER", own, "To: <sip:6001@other.example>\r\n".to_owned(), Got::Silence),
        ("INVITE", "sip:6001@pbx.example", "To: <sip:6001@other.example>\r\n".to_owned(), Got::Unseen),
        ("BYE", "sip:6001@other.example", "To: <sip:6001@other.example>;tag=b\r\n".to_owned(), Got::Unseen),
    ];
    for (method, uri, more, expected) in rows {
        let mut world = World::new();
        let message = request(method, uri, &more, None, 1);
        assert_eq!(world.receive(flow(Transport::Udp, "198.51.100.66"), &message), expected, "{method} {uri} {more}");
    }
    let foreign = request("REGISTER", "sip:other.example", "", None, 1);
    let mut world = World::new();
    assert_eq!(world.receive(flow(Transport::Udp, "192.168.1.7"), &foreign), Got::Unseen, "a phone in the house is told");
    assert_eq!(world.udp("192.0.2.10", "6001", "right"), Got::Ok);
    assert_eq!(world.receive(flow(Transport::Udp, "192.0.2.10"), &foreign), Got::Unseen, "a phone beside one that has logged in, too");
    for name in 0..40 {
        world.receive(flow(Transport::Udp, "198.51.100.66"), &request("OPTIONS", &format!("sip:host{name}.example"), "", None, 1));
    }
    assert_eq!(world.armour.foreign_domains().count(), FOREIGN_MAX);
    assert_eq!(world.armour.foreign_domains().last(), Some("host39.example"));
    world.armour.set(ArmourSettings::default());
    assert_eq!(world.receive(flow(Transport::Udp, "198.51.100.77"), &foreign), Got::Unseen, "without names of ours any is ours");
}

/// Each row: what comes by a stream again and again, and which one is the last that is answered.
#[test]
fn streams_are_banned_for_what_they_do() {
    let rows = [
        ("OPTIONS", "sip:pbx.example", "User-Agent: friendly-scanner\r\n", 0),
        ("INVITE", "sip:900442071234567@pbx.example", "", 3),
        ("INVITE", "sip:100@pbx.example", "", 9),
        ("REGISTER", "sip:pbx.example", "User-Agent: custom SIP phone\r\n", 4),
    ];
    for (method, uri, more, answered) in rows {
        let mut world = World::new();
        let message = request(method, uri, more, None, 1);
        let count = (0..100).filter(|_| world.receive(flow(Transport::Tcp, "198.51.100.66"), &message) != Got::Silence).count();
        assert!(world.is_banned("198.51.100.66") && count == answered, "{method} {uri}: {count}");
        let mut office = World::new();
        assert_eq!(office.udp("198.51.100.66", "6001", "right"), Got::Ok);
        let count = (0..100).filter(|_| office.receive(flow(Transport::Tcp, "198.51.100.66"), &message) != Got::Silence).count();
        assert_eq!(count, if answered == 0 { 0 } else { 100 }, "a phone of ours calls first without a login");
        assert!(!office.is_banned("198.51.100.66"), "{method} {uri}: an office is not banned for what any of its machines can send");
    }
}

#[test]
fn bans_grow_end_and_come_back() {
    let mut world = World::new();
    let scan = request("OPTIONS", "sip:pbx.example", "User-Agent: friendly-scanner\r\n", None, 1);
    let mut lasted = Vec::new();
    for times in 1..=6 {
        assert_eq!(world.receive(flow(Transport::Tcp, "2001:db8:1:2::5"), &scan), Got::Silence);
        let Some(ArmourOutput::Banned(ban)) = world.heard.pop() else { panic!("not banned") };
        assert_eq!((ban.times, ban.why, &ban.evidence[..]), (times, Why::Score(Evidence::Scanner), &[(Evidence::Scanner, 1)][..]));
        assert_eq!((ban.source.to_string(), ban.since), ("2001:db8:1:2::/64".to_owned(), world.now));
        lasted.push((ban.until - ban.since).as_secs());
        assert_eq!(world.armour.timeout(), Some((ban.until, "ban")));
        world.now = ban.until - Duration::from_millis(1);
        assert!(world.is_banned("2001:db8:1:2::99") && !world.is_banned("2001:db8:1:3::5"), "a customer, and no other");
        world.now = ban.until;
        world.armour.expire(world.now);
        assert_eq!(world.armour.poll(), Some(ArmourOutput::Released { source: ban.source, by_hand: false }));
    }
    assert_eq!(lasted, [300, 1_200, 4_800, 19_200, 76_800, 86_400]);

    // A restart in the midst of one, with the memory of how many there were.
    world.receive(flow(Transport::Tcp, "2001:db8:1:2::5"), &scan);
    let kept: Vec<Ban> = world.armour.bans().cloned().collect();
    let mut after = World { now: world.now + HOUR, ..World::new() };
    for ban in kept.clone() {
        after.armour.restore_ban(after.now, ban);
    }
    assert!(after.is_banned("2001:db8:1:2::5") && after.armour.poll().is_none());
    after.now = kept[0].until;
    after.receive(flow(Transport::Tcp, "2001:db8:1:2::5"), &scan);
    assert_eq!(after.armour.bans().next().map(|ban| ban.times), Some(8));
    // By hand everything is forgotten.
    assert!(after.armour.release(source("2001:db8:1:2::")) && !after.armour.release(source("2001:db8:1:2::")));
    after.receive(flow(Transport::Tcp, "2001:db8:1:2::5"), &scan);
    assert_eq!(after.armour.bans().next().map(|ban| ban.times), Some(1));
    // What is exempt from now on is let go, also when only a part of a customer's network is; and is not banned by hand.
    after.armour.set(ArmourSettings { exempt: vec!["2001:db8:1:2::5/128".parse().unwrap()], ..ArmourSettings::default() });
    assert_eq!(after.armour.bans().count(), 0);
    assert_eq!(after.armour.ban(after.now, source("2001:db8:1:2::5"), HOUR), Err(NotBanned::Exempt));
    assert_eq!(after.armour.ban(after.now, source("192.0.2.1"), 99 * BAN_LONGEST), Ok(()));
    assert_eq!(after.armour.timeout(), Some((after.now + BY_HAND_LONGEST, "ban")));
    // A clock that was set back lets no ban last for ever; one that has ended stays so.
    let forever = Ban { until: after.now + 99 * BAN_LONGEST, source: source("192.0.2.2"), ..kept[0].clone() };
    let ended = Ban { until: after.now, source: source("192.0.2.3"), ..kept[0].clone() };
    after.armour.restore_ban(after.now, forever);
    after.armour.restore_ban(after.now, ended);
    after.now += BAN_LONGEST;
    assert!(!after.is_banned("192.0.2.2") && !after.is_banned("192.0.2.3"));
    // Who judges nobody lets everybody go, and nobody is banned then.
    after.armour.set(ArmourSettings { is_on: false, ..ArmourSettings::default() });
    assert_eq!(after.armour.bans().count(), 0);
    assert_eq!(after.armour.ban(after.now, source("192.0.2.1"), HOUR), Err(NotBanned::Off));
    assert_ne!(after.receive(flow(Transport::Tcp, "2001:db8:1:2::5"), &scan), Got::Silence);
}

#[test]
fn the_thresholds_are_those_of_the_settings() {
    let mut world = World::new();
    let settings = ArmourSettings { ban_at: 30, ban_first: MINUTE, ban_longest: 2 * MINUTE, ..world.armour.settings.clone() };
    world.armour.set(settings.clone());
    for _ in 0..3 {
        assert_eq!(world.udp("198.51.100.66", "6001", "guess"), Got::Wrong);
    }
    let bans: Vec<_> = world.armour.bans().map(|ban| (ban.points, ban.until - ban.since)).collect();
    assert_eq!(bans, [(30, MINUTE)]);
    world.now += MINUTE;
    for _ in 0..3 {
        world.udp("198.51.100.66", "6001", "guess");
    }
    assert_eq!(world.armour.bans().next().map(|ban| ban.until - ban.since), Some(2 * MINUTE), "and no longer than the longest");
    // Slowly: so many a day, from one source and with one name.
    let mut world = World::new();
    world.armour.set(ArmourSettings { source_failures: 5, user_failures: 6, ..settings });
    for _ in 0..5 {
        assert_eq!(world.udp("198.51.100.66", "6001", "guess"), Got::Wrong);
        world.now += HOUR;
    }
    for number in 0..2 {
        assert_eq!(world.udp(&address(number), "6001", "guess"), Got::Wrong, "{number}");
    }
    let slow = world.heard.iter().filter_map(|heard| match heard {
        ArmourOutput::Banned(ban) => Some((ban.source, ban.why)),
        _ => None,
    });
    assert_eq!(slow.collect::<Vec<_>>(), [(source("198.51.100.66"), Why::SlowGuessing)]);
    assert_eq!(world.udp("198.51.100.88", "6001", "right"), Got::Unseen, "the name is guarded");
}

/// FT-12.
#[test]
fn floods_push_nothing_out() {
    let mut world = World::new();
    assert_eq!(world.udp("192.0.2.10", "6001", "right"), Got::Ok);
    let scan = request("OPTIONS", "sip:pbx.example", "User-Agent: friendly-scanner\r\n", None, 1);
    world.receive(flow(Transport::Tcp, "198.51.100.66"), &scan);
    for _ in 0..9 {
        assert_eq!(world.udp("198.51.100.77", "6002", "guess"), Got::Wrong);
    }
    let local = "203.0.113.1".parse().unwrap();
    for number in 0..200_000 {
        let source = address(number).parse::<IpAddr>().unwrap().into();
        world.armour.note(world.now, Peer { source, local, is_proven: number % 2 == 0 }, Evidence::Malformed);
    }
    assert!(world.armour.remembered().0 <= SOURCES_MAX && world.armour.remembered().1 <= SOURCES_MAX);
    assert!(world.armour.remembered().0 > SOURCES_MAX / 2, "it was a flood");
    assert!(world.is_banned("198.51.100.66"));
    assert_eq!(world.udp("198.51.100.77", "6002", "guess"), Got::Wrong);
    assert!(world.is_banned("198.51.100.77"), "what was known of him stayed");
    let mut count = 0;
    for number in 0..u32::try_from(BANS_MAX).unwrap() + 10 {
        let source = address(number).parse::<IpAddr>().unwrap().into();
        world.armour.note(world.now, Peer { source, local, is_proven: true }, Evidence::Scanner);
        count += std::iter::from_fn(|| world.armour.poll()).count();
    }
    assert_eq!((world.armour.bans().count(), count), (BANS_MAX, BANS_MAX - 2));
    assert_eq!(world.armour.counters().bans_refused, 12);
    assert!(world.is_banned("198.51.100.66"));
    assert_eq!(world.udp("192.0.2.10", "6001", "right"), Got::Ok);
    // Homes are of those who know a password, and each user has a few.
    for number in 0..100 {
        world.now += MINUTE;
        assert_eq!(world.udp(&format!("192.0.2.{}", 100 + number), "6001", "right"), Got::Ok);
    }
    assert_eq!(world.armour.homes().count(), HOMES_MAX);
}

#[test]
fn the_marks_are_written_as_they_are_compared() {
    for mark in scanner::MARKS {
        assert_eq!(mark.text, mark.text.to_ascii_lowercase());
        assert!(!mark.why.is_empty() && mark.text.len() >= 4, "{mark:?}");
    }
    for evidence in Evidence::ALL {
        assert_eq!(Evidence::of(evidence.as_str()), Some(evidence));
        assert!(evidence.weight().standing <= evidence.weight().stranger);
    }
}

/// Whoever sets a centre's carriers says where they are. That is no licence to guess the passwords of others from there.
#[test]
fn in_a_carriers_network_passwords_are_guessed_no_faster() {
    let mut world = World::new();
    let (guesser, home) = ("192.0.2.66", "203.0.113.7");
    world.armour.set_carriers(vec!["192.0.2.0/24".parse().unwrap()]);
    assert_eq!(world.udp(home, "6001", "right"), Got::Ok);
    assert_eq!(world.udp(guesser, "6004", "right"), Got::Ok, "a user of the guesser's own is no licence either");
    let mut looked = 0;
    for _ in 0..2_000 {
        world.now += Duration::from_secs(5);
        looked += u32::from(world.register(Transport::Tcp, guesser, "6001", "guess") == Got::Wrong);
    }
    assert!((20..=60).contains(&looked), "{looked} of 2,000 were looked at");
    assert_eq!(world.udp(guesser, "6001", "right"), Got::Unseen, "nor is a lucky one");
    assert_eq!((world.udp(home, "6001", "right"), world.udp(guesser, "6004", "right")), (Got::Ok, Got::Ok));
    // And nothing else is held against what is there.
    let invite = request("INVITE", "sip:900442071234567@pbx.example", "", None, 1);
    assert_eq!((0..100).filter(|_| world.receive(flow(Transport::Udp, guesser), &invite) != Got::Silence).count(), 100);
    assert!(!world.is_banned(guesser));
    assert_eq!(world.armour.ban(world.now, source(guesser), Duration::from_secs(9)), Err(NotBanned::Exempt));
    world.armour.set_carriers(Vec::new());
    world.armour.ban(world.now, source(guesser), Duration::from_secs(9)).unwrap();
}
