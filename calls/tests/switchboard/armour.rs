//! Who is not heard: guessers, scanners, strangers' domains; and who is never locked out by them (B-69).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use calls::{Input, Restored, Settings};
use model::{BanView, CarrierId, CenterId, Command, Directory, Event, Fact, Hub, HubId, HubKind, Refusal, Reply, SlotEntry, WallTime};
use model::{
    carrier::CarrierEntry,
    route::{Numbering, Plan},
};
use sip_core::{
    ArmourSettings, Credentials, Flow, Transport,
    locate::{Data, Kind, Record, Said},
};

use crate::{
    phone::{DOMAIN, REALM},
    world::{WALL, World, directory, settings},
};

const GUESSER: &str = "198.51.100.66:5060";
const MINUTE: Duration = Duration::from_secs(60);

fn flow(transport: Transport, from: &str) -> Flow {
    Flow { transport, local: "10.0.0.1:5060".parse().unwrap(), remote: from.parse().unwrap() }
}

/// A request without a login; each is another one.
fn request(method: &str, uri: &str, more: &str, number: u32) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\nFrom: <sip:6001@{DOMAIN}>;tag=a\r\n\
         To: <sip:6001@{DOMAIN}>\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\nContact: <sip:a@198.51.100.66>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// The phone of 6002 is a guesser's: elsewhere, and with a password that is wrong.
fn with_guesser() -> World {
    let mut world = World::new(2);
    let phone = world.phone("6002");
    phone.address = GUESSER.parse().unwrap();
    phone.password = "guess".to_owned();
    world.clear_history();
    world
}

fn bans(world: &mut World) -> Vec<BanView> {
    match world.order(Command::Bans).unwrap() {
        Reply::Bans(bans) => bans,
        other => panic!("{other:?}"),
    }
}

fn banned(world: &World) -> Vec<BanView> {
    let bans = world.facts.iter().filter_map(|fact| match fact {
        Fact::Banned { ban } => Some(ban.clone()),
        _ => None,
    });
    bans.collect()
}

fn guess_until_banned(world: &mut World, pause: Duration) -> usize {
    for tries in 1..200 {
        world.register("6002", 300);
        if !world.banned.is_empty() {
            return tries;
        }
        world.run(pause);
    }
    panic!("never banned");
}

/// A carrier that is given by name is never banned, wherever DNS says that it is; nor is the host of one whose calls come from elsewhere.
#[test]
fn nothing_is_held_against_a_carrier_by_name() {
    for networks in ["", r#""networks": ["198.51.100.0/24"], "#] {
        let mut world = World::new(1);
        let carrier = format!(
            r#"{{"name": "N", "hosts": ["sip:n.test:5060;transport=udp"], {networks} "capacity": 2, "health": {{"options_every_s": 0}}}}"#
        );
        let at = |address: &str| Said::Records(vec![Record { ttl_s: 1, data: Data::A(address.parse().unwrap()) }]);
        world.zone.insert((Kind::A, "n.test"), Some(at("203.0.113.9")));
        let ban = |world: &mut World, address: &str| {
            let address = address.parse().unwrap();
            world.order(Command::BanSource { address, for_s: 600, note: None }).map(drop)
        };
        // Until it is known whose it is, it is anybody's; a ban ends when that is known.
        ban(&mut world, "203.0.113.9").unwrap();
        assert_eq!(world.banned.len(), 1);
        world.set_plan(1, &[&carrier], &[]);
        world.run(Duration::from_secs(1));
        assert!(world.banned.is_empty(), "{networks}");
        assert_eq!(ban(&mut world, "203.0.113.9"), Err(Refusal::SourceExempt), "{networks}");
        assert_eq!(ban(&mut world, "198.51.100.7").is_err(), !networks.is_empty());
        // It moves: where it was is anybody's again.
        world.zone.insert((Kind::A, "n.test"), Some(at("203.0.113.10")));
        world.run(Duration::from_secs(130));
        assert_eq!(ban(&mut world, "203.0.113.10"), Err(Refusal::SourceExempt), "{networks}");
        ban(&mut world, "203.0.113.9").unwrap();
    }
}

#[test]
fn a_guesser_is_banned_and_nobody_else() {
    let mut world = with_guesser();
    assert_eq!(guess_until_banned(&mut world, Duration::from_secs(1)), 10);
    let [ban] = bans(&mut world).try_into().unwrap();
    assert_eq!((ban.source.as_str(), ban.why.as_str(), ban.times, ban.points), ("198.51.100.66", "wrong_password", 1, 100));
    assert_eq!((ban.evidence[0].kind.as_str(), ban.evidence[0].count, ban.evidence.len()), ("wrong_password", 10, 1));
    assert_eq!(ban.until.ms_since(ban.since), 300_000);
    assert_eq!(banned(&world), std::slice::from_ref(&ban));
    assert!(world.events.contains(&Event::SourceBanned(ban)));
    assert_eq!(world.board.bans_made().collect::<Vec<_>>(), [("wrong_password", 1)]);
    // What gets past the sockets all the same, as it says that it belongs to something.
    let stray = request("BYE", "sip:6001@pbx.test", "", 1).replace("6001@pbx.test>\r\nCall", "6001@pbx.test>;tag=x\r\nCall");
    assert_eq!(world.ask(flow(Transport::Udp, GUESSER), &stray), None);
    assert_eq!(world.ask(flow(Transport::Udp, GUESSER), &stray.replace("BYE", "CANCEL").replace("=z9hG4bK1", "=z9hG4bK2")), None);
    assert_eq!(world.ask(flow(Transport::Udp, GUESSER), "SIP nonsense"), None);
    assert!(world.ask(flow(Transport::Udp, "198.51.100.67:5060"), &stray).unwrap().starts_with("SIP/2.0 481"));
    let Reply::Security(security) = world.order(Command::Security).unwrap() else { panic!() };
    assert_eq!((security.bans, security.counts.banned, security.is_on), (1, 2, true));
    // Others go on, and the ban ends.
    world.dial("6001", "6002");
    world.register("6001", 300);
    world.run(6 * MINUTE);
    assert!(world.banned.is_empty());
    assert!(world.events.contains(&Event::SourceReleased { source: "198.51.100.66".to_owned(), by_hand: false }));
    assert!(!world.facts.iter().any(|fact| matches!(fact, Fact::Unbanned { .. })), "the next one is to last longer");
    guess_until_banned(&mut world, Duration::from_secs(1));
    let again = bans(&mut world).remove(0);
    assert_eq!((again.times, again.until.ms_since(again.since)), (2, 1_200_000));
    world.assert_replays();
}

#[test]
fn slow_guessing_is_seen() {
    let mut world = with_guesser();
    let tries = guess_until_banned(&mut world, 10 * MINUTE);
    assert!(tries < 60, "{tries}");
    let ban = bans(&mut world).remove(0);
    assert_eq!((ban.why.as_str(), ban.until.ms_since(ban.since)), ("slow_guessing", 86_400_000));
}

#[test]
fn a_phone_that_is_bound_may_fail_as_it_likes() {
    let mut world = World::new(2);
    world.phone("6002").password = "old".to_owned();
    for _ in 0..100 {
        world.register("6002", 300);
    }
    assert!(world.banned.is_empty());
    world.phone("6002").password = "secret-6002".to_owned();
    world.facts.clear();
    world.register("6002", 300);
    assert!(world.facts.iter().any(|fact| matches!(fact, Fact::Bound { .. })), "at once");
}

/// Whoever has the password of before is no owner: his address is no home of the new account.
#[test]
fn another_password_makes_the_home_of_the_old_one_strange() {
    for is_changed in [false, true] {
        let mut world = World::new(2);
        if is_changed {
            let mut slots: Vec<SlotEntry> = directory(2).slots().cloned().collect();
            let ha1 = Credentials::of("6002", REALM, "new");
            slots[1].ha1 = model::Ha1 { md5: ha1.md5, sha256: ha1.sha256, sha512_256: ha1.sha512_256 };
            world.input(Input::Directory(Arc::new(Directory::new(REALM.to_owned(), Vec::new(), slots))));
        }
        world.phone("6002").password = "guess".to_owned();
        for _ in 0..30 {
            world.register("6002", 300);
        }
        world.phone("6002").password = if is_changed { "new" } else { "secret-6002" }.to_owned();
        world.facts.clear();
        world.register("6002", 300);
        let is_bound = world.facts.iter().any(|fact| matches!(fact, Fact::Bound { .. }));
        assert_eq!(is_bound, !is_changed, "a stranger has tried too often to be looked at");
    }
}

/// Anybody may write a carrier's address on a datagram.
#[test]
fn forged_datagrams_ban_nobody() {
    let mut world = World::new(2);
    let trunk: SocketAddr = "203.0.113.9:5060".parse().unwrap();
    // The forger asks at his own address, and answers from the trunk's.
    let challenge = world.ask(flow(Transport::Udp, GUESSER), &request("REGISTER", "sip:pbx.test", "", 1)).unwrap();
    let nonce = challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for number in 0..300 {
        let login = format!(
            "Authorization: Digest username=\"600{}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:pbx.test\", \
             response=\"00112233445566778899aabbccddeeff\", algorithm=MD5, cnonce=\"c\", qop=auth, nc={number:08x}\r\n",
            number % 9
        );
        let answer = world.ask(flow(Transport::Udp, "203.0.113.9:5060"), &request("REGISTER", "sip:pbx.test", &login, 10 + number));
        assert!(answer.unwrap().contains("stale=true"), "nothing is judged, and a phone would go on");
    }
    for number in 0..300 {
        world.stray(trunk, request("INVITE", "sip:900441234567890@pbx.test", "", 1_000 + number).into());
        world.stray(trunk, request("OPTIONS", "sip:pbx.test", "User-Agent: friendly-scanner\r\n", 2_000 + number).into());
        world.stray(trunk, "INVITE nonsense".into());
    }
    assert!(world.banned.is_empty() && bans(&mut world).is_empty());
    let Reply::Security(security) = world.order(Command::Security).unwrap() else { panic!() };
    assert_eq!(security.counts.unproven_logins, 300);
    world.assert_replays();
}

/// Each row: by what it comes, what it says, whether it is answered, and whether it is banned for that alone.
#[test]
fn scanners_get_no_answer() {
    let scanner = "User-Agent: friendly-scanner\r\n";
    let rows = [
        (Transport::Udp, request("OPTIONS", "sip:100@pbx.test", scanner, 1), false, false),
        (Transport::Tcp, request("OPTIONS", "sip:100@pbx.test", scanner, 1), false, true),
        (Transport::Wss, request("REGISTER", "sip:pbx.test", scanner, 1), false, true),
        (Transport::Tcp, request("INVITE", "sip:6001@pbx.test", scanner, 1), false, true),
        (Transport::Tcp, request("OPTIONS", "sip:100@pbx.test", "User-Agent: A Phone\r\n", 1), true, false),
        (Transport::Tcp, request("SUBSCRIBE", "sip:100@pbx.test", scanner, 1), false, true),
    ];
    for (transport, message, is_answered, is_banned) in rows {
        let mut world = World::unregistered(1, settings(), &Restored::default());
        let flow = flow(transport, GUESSER);
        assert_eq!(world.ask(flow, &message).is_some(), is_answered, "{transport:?} {message}");
        assert_eq!(!world.banned.is_empty(), is_banned, "{transport:?} {message}");
        let is_hung_up = !is_answered && transport.is_reliable();
        assert_eq!(world.hung_up, if is_hung_up { vec![flow] } else { vec![] });
        assert_eq!((world.board.sessions(), world.board.transactions()), (0, 0));
        world.assert_replays();
    }
}

#[test]
fn strangers_domains_get_no_answer() {
    let armour = ArmourSettings { domains: vec![DOMAIN.to_owned()], ..ArmourSettings::default() };
    let mut world = World::unregistered(1, Settings { armour, ..settings() }, &Restored::default());
    let mut ask = |from: &str, uri: &str| world.ask(flow(Transport::Udp, from), &request("OPTIONS", uri, "", 1)).is_some();
    assert!(!ask(GUESSER, "sip:100@other.example"));
    assert!(ask(GUESSER, "sip:100@pbx.test"));
    assert!(ask(GUESSER, "sip:100@10.0.0.1"), "the address that it came to is ours");
    assert!(!ask(GUESSER, "sip:100@10.0.0.2"));
    assert!(ask("10.0.1.9:5060", "sip:100@other.example"), "a phone in the house is told");
    let Reply::Security(security) = world.order(Command::Security).unwrap() else { panic!() };
    assert_eq!(security.foreign_domains, ["other.example", "10.0.0.2"]);
}

fn with_carrier(networks: &[&str]) -> Arc<Directory> {
    let carrier = serde_json::json!({"name": "c", "hosts": ["sip:198.51.100.70"], "capacity": 10, "networks": networks});
    let entry = CarrierEntry { id: CarrierId(1), center: CenterId::DEFAULT, carrier: serde_json::from_value(carrier).unwrap() };
    let hub = Hub { id: HubId(1), center: CenterId::DEFAULT, name: "test".into(), kind: HubKind::Auto, capacity: 2 };
    let directory = Directory::new(REALM.to_owned(), vec![hub], directory(2).slots().cloned().collect());
    let plan = Plan::compile(&[], &[entry], Numbering::of(&directory)).unwrap();
    Arc::new(directory.with_plan(Arc::new(plan)))
}

#[test]
fn carriers_and_those_who_are_exempt_are_let_go() {
    let scan = |number| request("OPTIONS", "sip:100@pbx.test", "User-Agent: friendly-scanner\r\n", number);
    let mut world = World::new(1);
    world.ask(flow(Transport::Tcp, GUESSER), &scan(1));
    world.ask(flow(Transport::Tcp, "198.51.100.70:5060"), &scan(2));
    world.ask(flow(Transport::Tcp, "192.0.2.1:5060"), &scan(3));
    assert_eq!(world.banned.len(), 3);
    world.input(Input::Directory(with_carrier(&["198.51.100.64/30"])));
    assert_eq!(world.banned.len(), 1, "by its network, and by its host");
    assert_eq!(world.facts.iter().filter(|fact| matches!(fact, Fact::Unbanned { .. })).count(), 2);
    assert!(world.ask(flow(Transport::Tcp, GUESSER), &scan(4)).is_some());
    let armour = ArmourSettings { exempt: vec!["192.0.2.0/24".parse().unwrap()], ..ArmourSettings::default() };
    world.input(Input::Settings(Box::new(Settings { armour, ..settings() })));
    assert!(world.banned.is_empty());
    let address = "192.0.2.1".parse().unwrap();
    assert_eq!(world.order(Command::BanSource { address, for_s: 60, note: None }), Err(Refusal::SourceExempt));
    // Who judges nobody hears everybody.
    let armour = ArmourSettings { is_on: false, ..ArmourSettings::default() };
    world.input(Input::Settings(Box::new(Settings { armour, ..settings() })));
    assert!(world.ask(flow(Transport::Tcp, "203.0.113.1:5060"), &scan(5)).is_some());
    assert_eq!(world.order(Command::BanSource { address, for_s: 60, note: None }), Err(Refusal::BansOff));
}

#[test]
fn people_ban_and_let_go() {
    let mut world = with_guesser();
    let address = "198.51.100.66".parse().unwrap();
    assert_eq!(world.order(Command::ReleaseBan { address }), Err(Refusal::NotBanned));
    let by_hand = Command::BanSource { address, for_s: 3_600, note: Some("rang at night".to_owned()) };
    let Reply::Ban(ban) = world.order(by_hand).unwrap() else { panic!() };
    assert_eq!((ban.why.as_str(), ban.note.as_deref(), ban.until.ms_since(ban.since)), ("by_hand", Some("rang at night"), 3_600_000));
    assert_eq!(bans(&mut world), std::slice::from_ref(&ban));
    assert_eq!(banned(&world), std::slice::from_ref(&ban));
    assert_eq!(world.order(Command::ReleaseBan { address }), Ok(Reply::Ban(ban)));
    assert!(world.banned.is_empty() && bans(&mut world).is_empty());
    let unbanned = |fact: &Fact| matches!(fact, Fact::Unbanned { source, .. } if source == "198.51.100.66");
    assert!(world.facts.iter().any(unbanned));
    // Of IPv6 any address of the customer's network does.
    let of = |text: &str| text.parse().unwrap();
    world.order(Command::BanSource { address: of("2001:db8:1:2::5"), for_s: 60, note: None }).unwrap();
    assert_eq!(bans(&mut world)[0].source, "2001:db8:1:2::/64");
    world.order(Command::ReleaseBan { address: of("2001:db8:1:2::99") }).unwrap();
    // All that spoke against it is forgotten.
    assert_eq!(guess_until_banned(&mut world, Duration::from_secs(1)), 10);
    assert_eq!(bans(&mut world)[0].times, 1);
    world.assert_replays();
}

#[test]
fn bans_survive_a_restart() {
    let mut world = with_guesser();
    guess_until_banned(&mut world, Duration::from_secs(1));
    world.order(Command::BanSource { address: "2001:db8::1".parse().unwrap(), for_s: 20 * 86_400, note: Some("x".to_owned()) }).unwrap();
    let kept = banned(&world);
    let restored = Restored { bans: kept.clone(), listening: vec!["0.0.0.0:5060".parse().unwrap()], ..Restored::default() };
    let mut next = World::unregistered(2, settings(), &restored);
    assert_eq!(next.banned.len(), 2, "the sockets are told");
    // The addresses of IPv6 are behind those of IPv4.
    assert_eq!(
        bans(&mut next).iter().map(|ban| (ban.since, ban.until)).collect::<Vec<_>>(),
        kept.iter().map(|ban| (ban.since, ban.until)).collect::<Vec<_>>()
    );
    assert_eq!(bans(&mut next), kept);
    assert!(next.facts.iter().all(|fact| !matches!(fact, Fact::Banned { .. })), "that is no news");
    next.run(6 * MINUTE);
    assert_eq!(next.banned.len(), 1);
    // One that has ended meanwhile, and one that makes no sense.
    let ended = BanView { since: WallTime(WALL.0 - 900_000), until: WallTime(WALL.0 - 600_000), ..kept[0].clone() };
    let odd = BanView { source: "pbx.example".to_owned(), ..kept[0].clone() };
    let restored = Restored { bans: vec![ended, odd], ..Restored::default() };
    let mut next = World::unregistered(2, settings(), &restored);
    assert!(next.banned.is_empty());
    next.ask(flow(Transport::Tcp, GUESSER), &request("OPTIONS", "sip:a@pbx.test", "User-Agent: friendly-scanner\r\n", 1));
    assert_eq!(bans(&mut next)[0].times, 2, "it is the second in a row");
    next.assert_replays();
}

/// Where a phone was bound before the restart its user is at home.
#[test]
fn homes_survive_a_restart() {
    let mut world = World::unregistered(2, settings(), &Restored::default());
    world.register("6002", 300);
    let binding = world.facts.iter().find_map(|fact| match fact {
        Fact::Bound { binding } => Some(binding.clone()),
        _ => None,
    });
    let restored = Restored { bindings: vec![binding.unwrap()], ..Restored::default() };
    let mut next = World::unregistered(2, settings(), &restored);
    next.phone("6002").password = "old".to_owned();
    for _ in 0..100 {
        next.register("6002", 300);
    }
    assert!(next.banned.is_empty());
}

/// Who has seen a call's messages, in a trace of them or on the wire, knows its tags, and is not its party for that: nobody is called at its
/// cost, its media goes nowhere else, and its own requests are not taken for late ones.
#[test]
fn a_call_obeys_nobody_from_elsewhere() {
    let mut world = World::new(3);
    world.dial("6001", "6002");
    world.run(Duration::from_secs(1));
    let of = |world: &mut World, number: &str| {
        let session = world.phone(number).session.unwrap();
        world.phone(number).tags_of(session).unwrap()
    };
    let within = |world: &mut World, method: &str, from: &str, more: &str| {
        let tags = of(world, "6001");
        let text = format!(
            "{method} sip:6002@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{method}{}\r\nMax-Forwards: 70\r\n\
             From: <sip:6001@{DOMAIN}>;tag={}\r\nTo: <sip:6002@{DOMAIN}>;tag={}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n\
             Contact: <sip:6001@{from}>\r\n{more}Content-Length: 0\r\n\r\n",
            from.len(),
            tags.remote_tag,
            tags.local_tag,
            tags.call_id,
            if method == "BYE" { 901 } else { 900 },
        );
        let answer = world.ask(flow(Transport::Udp, from), &text).unwrap_or_default();
        answer.lines().next().unwrap_or_default().trim_start_matches("SIP/2.0 ").to_owned()
    };
    for method in ["REFER", "INVITE", "UPDATE", "MESSAGE", "INFO", "OPTIONS"] {
        let more = if method == "REFER" { "Refer-To: <sip:6003@pbx.test>\r\n" } else { "" };
        assert_eq!(within(&mut world, method, GUESSER, more), "403 Forbidden", "{method}");
    }
    world.run(Duration::from_secs(1));
    assert!(!world.phone("6003").called, "nobody is called");
    assert!(world.phone("6002").count("INVITE") == 1 && world.phone("6002").count("MESSAGE") == 0);
    // The phone itself is heard as before, from another port of its host too, as when its NAT has a new mapping for it.
    world.refer("6001", "<sip:6003@pbx.test>");
    world.run(Duration::from_secs(1));
    assert_eq!(world.phone("6001").referred, ["202 Accepted"]);
    world.hang_up("6003");
    world.run(Duration::from_secs(1));

    world.dial("6001", "6002");
    world.run(Duration::from_secs(1));
    let host = world.phone("6001").address.ip();
    assert_eq!(within(&mut world, "OPTIONS", &format!("{host}:7777"), ""), "200 OK");
    // To hang up takes the tags alone, else a phone with a new address could not.
    assert_eq!(within(&mut world, "BYE", GUESSER, ""), "200 OK");
    world.run(Duration::from_secs(1));
    assert_eq!(world.slot_state(2), model::SlotState::Idle);
    world.assert_clean();
}

/// A carrier's calls go on from whichever of its hosts.
#[test]
fn a_carrier_goes_on_from_another_of_its_hosts() {
    for (network, status) in [("10.0.9.0/28", "200 OK"), ("10.0.9.1/32", "403 Forbidden")] {
        let mut world = World::new(1);
        world.add_peer("A", "10.0.9.1:5060");
        let a = crate::carriers::A.replacen('{', &format!(r#"{{"networks": ["{network}"], "#), 1);
        world.set_plan(1, &[&a], &[]);
        world.bring("A", "+79160000000", "+74950000001", &[]);
        world.run(Duration::from_secs(1));
        let session = world.phone("A").session.unwrap();
        let tags = world.phone("A").tags_of(session).unwrap();
        let text = format!(
            "OPTIONS sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.2;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag={}\r\n\
             To: <sip:b@y>;tag={}\r\nCall-ID: {}\r\nCSeq: 900 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            tags.remote_tag, tags.local_tag, tags.call_id
        );
        let answer = world.ask(flow(Transport::Udp, "10.0.9.2:5060"), &text).unwrap();
        assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{network}: {answer}");
    }
}
