//! Accounts that register with carriers, and hosts of carriers that are asked whether they are there.

use std::time::Duration;

use calls::Input;
use model::{AccountState, CarrierView, Command, Event, Fact, Reply, carrier::Standing};
use sip_core::{
    Transport,
    locate::{Data, Kind, Record, Said},
};

use crate::{
    carriers::B,
    phone::Habit,
    registry::Registry,
    world::{World, settings},
};

/// An account whose contact is called `trunk`.
const US: &str = r#"{"username": "us", "password": "secret", "contact_user": "trunk"}"#;
/// The world by A, then by B.
const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]},
    "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A at 10.0.9.1 with these accounts and further settings, which is not asked by OPTIONS.
fn a(accounts: &[&str], more: &str) -> String {
    a_at("sip:10.0.9.1", accounts, more)
}

fn a_at(host: &str, accounts: &[&str], more: &str) -> String {
    let accounts = accounts.join(", ");
    format!(
        r#"{{"name": "A", "hosts": ["{host}"], "accounts": [{accounts}], "health": {{"options_every_s": 0}}, "capacity": 9{more},
        "callers": [{{"number": "+74950000001"}}], "numbers": [{{"number": "+74950000001", "to": ["6001"]}}]}}"#
    )
}

/// Two slots; A, which wants to know the password, and B.
fn world(a: &str) -> World {
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.phone("A").registry = Some(Registry::asking("secret"));
    world.set_plan(2, &[a, B], &[WORLD]);
    world
}

fn registry(world: &mut World) -> &mut Registry {
    world.phone("A").registry.as_mut().unwrap()
}

fn view(world: &mut World) -> CarrierView {
    match world.order(Command::Carriers) {
        Ok(Reply::Carriers(views)) => views[0].clone(),
        other => panic!("{other:?}"),
    }
}

/// How the accounts stand, and what went wrong.
fn accounts(world: &mut World) -> Vec<(AccountState, Option<String>)> {
    view(world).accounts.into_iter().map(|account| (account.state, account.last_error)).collect()
}

/// What was told of A: whether it can be called, and its first account.
fn told(world: &World) -> Vec<(Standing, Option<AccountState>)> {
    let told = world.events.iter().filter_map(|event| match event {
        Event::CarrierUpdated(view) if view.id.0 == 1 => Some((view.standing, view.accounts.first().map(|account| account.state))),
        _ => None,
    });
    told.collect()
}

/// Which carriers could not be called any more, and which could again.
fn turned(world: &World) -> Vec<(i64, bool)> {
    let turned = world.facts.iter().filter_map(|fact| match fact {
        Fact::CarrierTurned { carrier, is_up, .. } => Some((carrier.0, *is_up)),
        _ => None,
    });
    turned.collect()
}

/// Who takes a call to the world now.
fn taken_by(world: &mut World) -> &'static str {
    let before = [world.phone("A").count("INVITE"), world.phone("B").count("INVITE")];
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    let after = [world.phone("A").count("INVITE"), world.phone("B").count("INVITE")];
    world.hang_up("6001");
    world.run(seconds(1));
    match (after[0] - before[0], after[1] - before[1]) {
        (1, 0) => "A",
        (0, 1) => "B",
        other => panic!("{other:?}"),
    }
}

/// Why a stream could not be opened is told with the account and with the host, until an answer comes.
#[test]
fn why_there_is_no_connection_is_told_in_words() {
    let mut world = World::new(1);
    let carrier = r#"{"name": "T", "hosts": ["sips:10.0.9.1"], "capacity": 2, "health": {"options_every_s": 5},
        "accounts": [{"username": "us", "password": "p"}]}"#;
    world.set_plan(1, &[carrier], &[]);
    let stands = |world: &mut World| {
        let model::Reply::Carriers(carriers) = world.order(model::Command::Carriers).unwrap() else { panic!("carriers") };
        let (account, host) = (&carriers[0].accounts[0], &carriers[0].hosts[0]);
        (account.state, account.last_error.clone(), host.last_error.clone())
    };
    world.run(Duration::from_secs(6));
    let (flow, name) = world.secured.last().cloned().unwrap();
    assert_eq!(name, "10.0.9.1");
    let why = "the certificate is of another name".to_owned();
    world.input(Input::NotOpened { flow, why: why.clone() });
    world.input(Input::FlowClosed { flow });
    world.run(Duration::from_millis(10));
    assert_eq!(stands(&mut world), (model::AccountState::Failing, Some(format!("no connection: {why}")), Some(why)));
    // A stream that was there and ends is another matter.
    world.run(Duration::from_secs(300));
    let flow = world.secured.last().unwrap().0;
    world.input(Input::NotOpened { flow, why: "nobody is there".to_owned() });
    world.input(Input::FlowClosed { flow });
    world.run(Duration::from_millis(10));
    assert_eq!(stands(&mut world).1.as_deref(), Some("no connection: nobody is there"));
    world.assert_replays();
}

/// Two names at one address: the second one does not end what the first one has open.
#[test]
fn a_stream_that_is_in_use_has_to_prove_no_other_name() {
    let mut world = World::new(1);
    let at = |address: &str| Some(Said::Records(vec![Record { ttl_s: 300, data: Data::A(address.parse().unwrap()) }]));
    world.zone.insert((Kind::A, "a.test"), at("10.0.9.1"));
    world.zone.insert((Kind::A, "b.test"), at("10.0.9.1"));
    let carrier = |name: &str| {
        format!(
            r#"{{"name": "{name}", "hosts": ["sips:{name}.test:5061"], "capacity": 2, "health": {{"options_every_s": 5}},
            "callers": [{{"number": "+74950000001"}}], "accounts": [{{"username": "us", "password": "p"}}]}}"#
        )
    };
    let by_b = r#"{"name": "b", "position": 1, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "2"}]}}"#;
    world.set_plan(1, &[&carrier("a")], &[]);
    world.run(seconds(8));
    assert!(!world.secured.is_empty() && world.secured.iter().all(|(_, name)| name == "a.test"), "{:?}", world.secured);
    world.set_plan(1, &[&carrier("a"), &carrier("b")], &[by_b]);
    world.run(seconds(20));
    world.dial("6001", "+74951234567");
    world.run(seconds(2));
    assert!(world.secured.iter().all(|(_, name)| name == "a.test"), "{:?}", world.secured);
    assert_eq!(world.cdrs()[0].cause, model::Cause::CarrierFailed);
    let model::Reply::Carriers(carriers) = world.order(Command::Carriers).unwrap() else { panic!("carriers") };
    let why = carriers[1].hosts[0].last_error.clone().unwrap_or_default();
    assert!(why.contains("another name"), "{why}");
    // Once nobody uses it, it may be the other's.
    world.set_plan(1, &[&carrier("b")], &[]);
    world.run(seconds(300));
    assert_eq!(world.secured.last().map(|(_, name)| name.as_str()), Some("b.test"));
    world.assert_replays();
}

#[test]
fn an_account_registers_and_is_called_by_its_contact() {
    let mut world = world(&a(&[US], ""));
    world.run(seconds(5));
    assert_eq!(registry(&mut world).bound.get("us").map(String::as_str), Some("sip:trunk@10.0.0.1:5060"));
    assert_eq!(world.phone("A").count("REGISTER"), 2, "the first is challenged");
    let asked = world.phone("A").last("REGISTER").to_owned();
    assert!(asked.starts_with("REGISTER sip:10.0.9.1 SIP/2.0\r\n") && asked.contains("To: <sip:us@10.0.9.1>\r\n"), "{asked}");
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    assert_eq!(told(&world), [(Standing::Up, Some(AccountState::Trying)), (Standing::Up, Some(AccountState::Registered))]);
    let shown = view(&mut world);
    let left = shown.accounts[0].expires_at.unwrap().0 - crate::world::WALL.0;
    assert!((3_600_000..3_606_000).contains(&left), "{left}");
    let next = shown.accounts[0].next_at.unwrap().0 - crate::world::WALL.0;
    assert!((1_800_000..3_600_000).contains(&next), "a refresh comes well before the end: {next}");
    let since = shown.since.unwrap().0 - crate::world::WALL.0;
    assert!((0..1_000).contains(&since), "it was taken for there from the beginning: {since}");
    assert!(!serde_json::to_string(&shown).unwrap().contains("secret"));

    // As carriers do that call the contact of an account: the number stands in To.
    world.phone("6001").habit = Habit::Ring;
    world.bring("A", "+79991234567", "trunk/+74950000001", &[]);
    world.run(seconds(1));
    assert!(world.phone("6001").called);
    world.hang_up("A");
    world.run(seconds(1));
    assert_eq!(told(&world).len(), 2, "no call is told of");

    // A refresh, well before its end, with a nonce that is old by now.
    registry(&mut world).nonce += 1;
    world.run(seconds(2_800));
    assert_eq!(registry(&mut world).changes, [("us".to_owned(), 3_600), ("us".to_owned(), 3_600)]);
    assert_eq!(world.phone("A").count("REGISTER"), 4, "that a nonce is stale is no refusal");
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    assert_eq!(told(&world).len(), 2, "nor is a refresh");
    world.assert_clean();
}

#[test]
fn an_interval_that_is_too_short_is_raised() {
    let mut world = world(&a(&[&US.replacen('{', r#"{"expires_s": 120, "#, 1)], ""));
    registry(&mut world).min_expires = 900;
    world.run(seconds(5));
    assert_eq!(registry(&mut world).changes, [("us".to_owned(), 900)]);
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    world.assert_clean();
}

#[test]
fn a_refusal_is_told_and_tried_again_ever_later() {
    let mut world = world(&a(&[US], ""));
    registry(&mut world).refuses = Some(403);
    let there = view(&mut world).since;
    assert_eq!(taken_by(&mut world), "A", "as long as nobody has said that we are not registered");
    world.run(seconds(5));
    assert_eq!(world.phone("A").count("REGISTER"), 1);
    assert_eq!(accounts(&mut world), [(AccountState::Failing, Some("403 Forbidden".to_owned()))]);
    let down = view(&mut world);
    assert_eq!(down.standing, Standing::Down);
    assert!(down.since > there, "{:?} {there:?}", down.since);
    let next = down.accounts[0].next_at.unwrap().0 - crate::world::WALL.0;
    assert!((150_000..=306_000).contains(&next), "{next}");
    assert_eq!(taken_by(&mut world), "B");
    // 150 to 300 s after the first, 300 to 600 s after the second: who tries often is locked out.
    world.run(seconds(140));
    assert_eq!(world.phone("A").count("REGISTER"), 1);
    world.run(seconds(170));
    assert_eq!(world.phone("A").count("REGISTER"), 2);
    world.run(seconds(130));
    assert_eq!(world.phone("A").count("REGISTER"), 2);
    registry(&mut world).refuses = None;
    world.run(seconds(480));
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    for number in ["6001", "6002"] {
        world.register(number, 300);
    }
    assert_eq!(taken_by(&mut world), "A");
    assert!(view(&mut world).since > down.since, "it is there since it is registered");
    world.assert_clean();
}

#[test]
fn another_password_registers_anew() {
    let mut world = world(&a(&[&US.replace("secret", "wrong")], ""));
    world.run(seconds(5));
    let refused = accounts(&mut world);
    assert!(
        matches!(refused.as_slice(), [(AccountState::Failing, Some(why))] if why.ends_with("user name or password refused")),
        "{refused:?}"
    );
    world.set_plan(2, &[&a(&[US], ""), B], &[WORLD]);
    world.run(seconds(10));
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    // While it is registered, too; and a change of something else is none.
    for (password, more) in [("secret", ""), ("secret", r#", "priority": 7"#), ("other", r#", "priority": 7"#)] {
        let before = registry(&mut world).changes.len();
        registry(&mut world).password = Some(password);
        world.set_plan(2, &[&a(&[&US.replace("secret", password)], more), B], &[WORLD]);
        world.run(seconds(10));
        assert_eq!(registry(&mut world).changes.len() - before, usize::from(password == "other"), "{password} {more}");
        assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    }
    assert!(registry(&mut world).changes.iter().all(|(_, expires)| *expires > 0), "the contact is the same");
    world.assert_clean();
}

#[test]
fn another_host_is_registered_with_and_the_old_one_is_left() {
    let mut world = world(&a(&[US], ""));
    world.add_peer("C", "10.0.9.3:5060");
    world.phone("C").registry = Some(Registry::asking("secret"));
    world.run(seconds(5));
    world.set_plan(2, &[&a_at("sip:10.0.9.3", &[US], ""), B], &[WORLD]);
    world.run(seconds(15));
    assert_eq!(registry(&mut world).changes, [("us".to_owned(), 3_600), ("us".to_owned(), 0)]);
    assert_eq!(world.phone("C").registry.as_ref().unwrap().changes, [("us".to_owned(), 3_600)]);
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    world.assert_clean();
}

#[test]
fn what_is_switched_off_or_gone_is_left() {
    let mut world = world(&a(&[US], ""));
    world.run(seconds(5));
    for (off, state) in [
        (Some(a(&[US], r#", "on": false"#)), Some(AccountState::Off)),
        (Some(a(&[&US.replacen('{', r#"{"register": false, "#, 1)], "")), Some(AccountState::Off)),
        (Some(a(&[], "")), None),
        (None, None),
    ] {
        registry(&mut world).changes.clear();
        match &off {
            Some(off) => world.set_plan(2, &[off, B], &[WORLD]),
            None => world.set_plan(2, &[], &[]),
        }
        world.run(seconds(1));
        assert_eq!(registry(&mut world).changes, [("us".to_owned(), 0)], "{off:?}");
        if off.is_some() {
            assert_eq!(accounts(&mut world).first().map(|account| account.0), state, "{off:?}");
        }
        // On again, also while it is being left.
        world.set_plan(2, &[&a(&[US], ""), B], &[WORLD]);
        world.run(seconds(10));
        assert_eq!(registry(&mut world).changes.len(), 2, "{off:?}");
        world.set_plan(2, &[&a(&[US], r#", "on": false"#), B], &[WORLD]);
        world.set_plan(2, &[&a(&[US], ""), B], &[WORLD]);
        world.run(seconds(10));
        let changes: Vec<u32> = registry(&mut world).changes.iter().map(|(_, expires)| *expires).collect();
        assert_eq!(changes, [0, 3_600, 0, 3_600], "{off:?}");
        assert_eq!(accounts(&mut world), [(AccountState::Registered, None)], "{off:?}");
    }
    world.assert_clean();
}

#[test]
fn each_account_is_on_its_own() {
    let other = r#"{"username": "a b@c", "password": "secret"}"#;
    let mut world = world(&a(&[US, other], ""));
    world.run(seconds(5));
    let bound: Vec<_> = registry(&mut world).bound.clone().into_iter().collect();
    let expected = [("a b@c", "sip:a%20b%40c@10.0.0.1:5060"), ("us", "sip:trunk@10.0.0.1:5060")];
    assert_eq!(bound, expected.map(|(user, contact)| (user.to_owned(), contact.to_owned())));
    // One is taken away; with the other the carrier is still there.
    world.set_plan(2, &[&a(&[US, &other.replace("secret", "wrong")], ""), B], &[WORLD]);
    world.run(seconds(10));
    let states: Vec<_> = accounts(&mut world).into_iter().map(|account| account.0).collect();
    assert_eq!((states.as_slice(), view(&mut world).standing), (&[AccountState::Registered, AccountState::Failing][..], Standing::Up));
    world.assert_clean();
}

/// Calls go by the first account, unless that one is not registered and another is.
#[test]
fn calls_go_by_an_account_that_is_registered() {
    let other = r#"{"username": "other", "password": "secret"}"#;
    let by_account = r#", "identity": {"from": "account", "asserted": true}"#;
    for (first, user) in [("secret", "us"), ("wrong", "other")] {
        let mut world = world(&a(&[&US.replace("secret", first), other], by_account));
        world.run(seconds(5));
        assert_eq!(taken_by(&mut world), "A");
        let from = world.phone("A").header("INVITE", "From").unwrap();
        assert!(from.starts_with(&format!("<sip:{user}@10.0.9.1>")), "{first}: {from}");
        world.assert_clean();
    }
}

#[test]
fn a_hundred_accounts_are_no_burst() {
    let many: Vec<String> = (0..100).map(|number| format!(r#"{{"username": "u{number}", "password": "secret"}}"#)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut world = world(&a(&many, ""));
    registry(&mut world).password = None;
    // The wire's log: when each left.
    let times = |world: &World| {
        let lines = world.log.lines().filter(|line| line.contains("REGISTER"));
        lines.map(|line| line.split(' ').next().unwrap().parse::<f64>().unwrap()).collect::<Vec<_>>()
    };
    for phase in ["come", "go"] {
        world.clear_history();
        world.verbose = true;
        if phase == "go" {
            world.input(Input::Drain);
        }
        world.run(seconds(15));
        let times = times(&world);
        assert_eq!(times.len(), 100, "{phase}");
        assert!(times.windows(21).all(|some| some[20] - some[0] > 0.99), "{phase}: more than 20 in a second: {times:?}");
    }
    assert_eq!((registry(&mut world).bound.len(), world.board.leaving()), (0, 0));
    world.assert_clean();
}

#[test]
fn whoever_drains_leaves_the_carriers() {
    for (last, pause) in [(Input::Drain, seconds(1)), (Input::EndAll, Duration::from_millis(30))] {
        let other = r#"{"username": "other", "password": "secret"}"#;
        let mut world = world(&a(&[US, other], ""));
        world.run(seconds(5));
        world.input(last);
        assert_eq!(world.board.leaving(), 2);
        assert_eq!(accounts(&mut world)[0].0, AccountState::Leaving);
        world.run(pause);
        assert!(registry(&mut world).bound.is_empty());
        assert_eq!(world.board.leaving(), 0);
        // Nobody comes back, whatever changes now.
        world.set_plan(2, &[&a(&[&US.replace("secret", "new")], ""), B], &[WORLD]);
        world.run(seconds(60));
        assert!(registry(&mut world).bound.is_empty());
        assert_eq!(accounts(&mut world), [(AccountState::Off, None)]);
        world.assert_clean();
    }
}

fn at(addresses: &[&str]) -> Option<Said> {
    let record = |address: &&str| Record { ttl_s: 3_600, data: Data::A(address.parse().unwrap()) };
    Some(Said::Records(addresses.iter().map(record).collect()))
}

/// What DNS says of a name is told of the host as it is told of the account, as long as it is so.
#[test]
fn a_host_that_is_no_name_is_told_as_that() {
    let mut world = World::new(1);
    world.add_peer("A", "10.0.9.1:5060");
    world.phone("A").habit = Habit::Dead;
    let carrier = r#"{"name": "D", "hosts": ["sip:a.test"], "capacity": 2, "health": {"options_every_s": 5},
        "accounts": [{"username": "us", "password": "p"}]}"#;
    world.set_plan(1, &[carrier], &[]);
    let errors = |world: &mut World| {
        let view = view(world);
        (view.accounts[0].last_error.clone(), view.hosts[0].last_error.clone())
    };
    world.run(seconds(12));
    let no_name = Some("no such name".to_owned());
    assert_eq!(errors(&mut world), (no_name.clone(), no_name));
    world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.1"]));
    world.run(seconds(400));
    assert_eq!(errors(&mut world).1, Some("no answer".to_owned()), "now it has an address, where nobody answers");
}

#[test]
fn an_account_goes_to_the_next_target_when_one_is_silent() {
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("dead", "10.0.9.3:5060");
    world.phone("dead").habit = Habit::Dead;
    world.phone("A").registry = Some(Registry::asking("secret"));
    world.set_plan(2, &[&a_at("sip:a.test", &[US], "")], &[]);
    world.run(seconds(5));
    assert_eq!(accounts(&mut world), [(AccountState::Failing, Some("no such name".to_owned()))]);
    assert_eq!(view(&mut world).standing, Standing::Down);
    world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.3", "10.0.9.1"]));
    // What is no name is asked for again, and the dead target given up after 32 s.
    world.run(seconds(120));
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    assert_eq!(view(&mut world).standing, Standing::Up);
    let asked = world.phone("A").last("REGISTER").to_owned();
    assert!(asked.starts_with("REGISTER sip:a.test SIP/2.0\r\n"), "whoever is asked, it is about the domain: {asked}");
    world.assert_clean();
}

#[test]
fn a_stream_that_ends_is_registered_by_anew() {
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.phone("A").transport = Transport::Tcp;
    world.phone("A").registry = Some(Registry::asking("secret"));
    world.set_plan(2, &[&a_at("sip:10.0.9.1;transport=tcp", &[US], "")], &[]);
    world.input(Input::Outward(vec![(Transport::Tcp, "10.0.0.1:5060".parse().unwrap())]));
    world.run(seconds(5));
    assert_eq!(registry(&mut world).bound.get("us").map(String::as_str), Some("sip:trunk@10.0.0.1:5060;transport=tcp"));
    assert_eq!(world.known.len(), 1, "no stranger's stream");
    world.close_flow("A");
    assert!(world.known.is_empty());
    assert_eq!(accounts(&mut world), [(AccountState::Failing, Some("connection lost".to_owned()))]);
    assert_eq!(view(&mut world).standing, Standing::Up, "that a stream ended says nothing of who was there");
    world.run(seconds(15));
    assert_eq!((registry(&mut world).changes.len(), world.known.len()), (2, 1));
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    world.set_plan(2, &[], &[]);
    world.run(seconds(2));
    assert!(world.known.is_empty());
    world.assert_clean();
}

#[test]
fn a_carrier_that_is_silent_is_not_called_until_it_answers() {
    let asked = a(&[], "").replace(r#""options_every_s": 0"#, r#""options_every_s": 10, "off_after": 3"#);
    let mut world = world(&asked);
    let up = |world: &mut World| view(world).hosts.iter().map(|host| (host.host.clone(), host.up)).collect::<Vec<_>>();
    assert_eq!(up(&mut world), [("sip:10.0.9.1".to_owned(), None)]);
    world.run(seconds(60));
    let count = world.phone("A").count("OPTIONS");
    assert!((4..=7).contains(&count), "{count}");
    assert_eq!(world.phone("B").count("OPTIONS"), 0, "who is not to be asked is not");
    assert_eq!(up(&mut world), [("sip:10.0.9.1".to_owned(), Some(true))]);
    assert_eq!(taken_by(&mut world), "A");

    world.phone("A").habit = Habit::Dead;
    world.run(seconds(21));
    assert_eq!(view(&mut world).standing, Standing::Up, "two in a row are not three");
    world.run(seconds(23));
    assert_eq!(view(&mut world).standing, Standing::Down);
    assert_eq!(up(&mut world), [("sip:10.0.9.1".to_owned(), Some(false))]);
    assert_eq!(taken_by(&mut world), "B");
    assert!(world.cdrs().last().unwrap().tries.iter().all(|tried| tried.carrier.0 == 2), "A is not even tried");

    world.phone("A").habit = Habit::Answer;
    world.run(seconds(12));
    assert_eq!(view(&mut world).standing, Standing::Up, "the first answer is enough");
    assert_eq!(taken_by(&mut world), "A");
    let standings: Vec<Standing> = told(&world).into_iter().map(|told| told.0).collect();
    assert_eq!(turned(&world), [(1, false), (1, true)], "nor is a carrier news that was there from the beginning");
    assert_eq!(standings, [Standing::Up, Standing::Up, Standing::Down, Standing::Up], "it is new, it answers, and so on");

    // One that is not asked any more is as one that answers.
    world.phone("A").habit = Habit::Dead;
    world.run(seconds(60));
    assert_eq!(view(&mut world).standing, Standing::Down);
    world.set_plan(2, &[&a(&[], ""), B], &[WORLD]);
    assert_eq!((view(&mut world).standing, up(&mut world)[0].1), (Standing::Up, None));
    assert_eq!(turned(&world)[2..], [(1, false), (1, true)]);
    world.assert_clean();
}

/// Whoever switches a carrier off or on knows it. That it can be called again is told once it has answered.
#[test]
fn a_carrier_that_is_switched_is_no_news() {
    let asked = a(&[], "").replace(r#""options_every_s": 0"#, r#""options_every_s": 5, "off_after": 1"#);
    let off = asked.replacen('{', r#"{"on": false, "#, 1);
    let mut world = world(&asked);
    world.run(seconds(10));
    world.set_plan(2, &[&off, B], &[WORLD]);
    world.run(seconds(20));
    world.set_plan(2, &[&asked, B], &[WORLD]);
    world.run(seconds(20));
    assert_eq!(turned(&world), []);
    world.phone("A").habit = Habit::Dead;
    world.run(seconds(60));
    assert_eq!(turned(&world), [(1, false)]);
    world.set_plan(2, &[&off, B], &[WORLD]);
    world.run(seconds(20));
    world.phone("A").habit = Habit::Answer;
    world.set_plan(2, &[&asked, B], &[WORLD]);
    assert_eq!(turned(&world), [(1, false)], "nobody has heard of it yet");
    world.run(seconds(20));
    assert_eq!(turned(&world), [(1, false), (1, true)]);
    world.set_plan(2, &[B], &[]);
    world.assert_clean();
}

#[test]
fn a_carrier_is_there_while_one_of_its_hosts_is() {
    let asked = a(&[], "")
        .replace(r#""options_every_s": 0"#, r#""options_every_s": 5, "off_after": 1"#)
        .replace(r#"["sip:10.0.9.1"]"#, r#"["sip:10.0.9.3", "sip:10.0.9.1"]"#);
    let mut world = world(&asked);
    world.add_peer("dead", "10.0.9.3:5060");
    world.phone("dead").habit = Habit::Dead;
    world.run(seconds(20));
    let shown = view(&mut world);
    assert_eq!(shown.hosts.iter().map(|host| host.up).collect::<Vec<_>>(), [Some(false), Some(true)]);
    assert_eq!(shown.standing, Standing::Up);
    // Calls know that the first is silent, and do not wait for it.
    assert_eq!(taken_by(&mut world), "A");
    world.assert_clean();
}

/// A host by name is there if one of its addresses is: behind one that was silent another is asked, however long ago that was, so that
/// two in a row are never the same.
#[test]
fn a_host_is_there_while_one_of_its_addresses_is() {
    let asked = a_at("sip:a.test", &[], "").replace(r#""options_every_s": 0"#, r#""options_every_s": 300, "off_after": 2"#);
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("dead", "10.0.9.3:5060");
    world.phone("dead").habit = Habit::Dead;
    world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.3", "10.0.9.1"]));
    world.set_plan(2, &[&asked], &[]);
    world.run(seconds(30_000));
    let answered = world.phone("A").count("OPTIONS");
    assert!((50..90).contains(&answered), "of about 100 the first address, which is silent, had its share: {answered}");
    assert!(told(&world).iter().all(|(standing, _)| *standing == Standing::Up), "{:?}", told(&world));
    world.phone("A").habit = Habit::Dead;
    world.run(seconds(1_000));
    assert_eq!(view(&mut world).standing, Standing::Down, "and it is not if none is");
    world.assert_clean();
}

/// A name that leads into the house is judged by where it leads, each time; and what is allowed otherwise holds from the next request on.
#[test]
fn a_carrier_leads_only_to_where_it_may() {
    let asked = a_at("sip:a.test", &[US], "").replace(r#""options_every_s": 0"#, r#""options_every_s": 5, "off_after": 1"#);
    let settings = |nets: &[&str]| calls::Settings { carrier_nets: nets.iter().map(|net| net.parse().unwrap()).collect(), ..settings() };
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.phone("A").registry = Some(Registry::asking("secret"));
    world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.1"]));
    world.input(Input::Settings(Box::new(settings(&["10.0.9.2/32"]))));
    world.set_plan(2, &[&asked, B], &[WORLD]);
    world.run(seconds(60));
    let refused = "10.0.9.1 is a private address; whoever runs the server can allow it with sip.allow_nets";
    assert_eq!(accounts(&mut world), [(AccountState::Failing, Some(refused.to_owned()))]);
    let host = view(&mut world).hosts[0].clone();
    assert_eq!((host.up, host.last_error.as_deref()), (Some(false), Some(refused)));
    assert_eq!(taken_by(&mut world), "B");
    assert!(world.phone("A").heard.is_empty(), "nothing went there: {:?}", world.phone("A").heard);
    world.input(Input::Settings(Box::new(settings(&["10.0.9.0/24"]))));
    world.run(seconds(60));
    assert_eq!(accounts(&mut world), [(AccountState::Registered, None)]);
    assert_eq!(taken_by(&mut world), "A");
    world.assert_clean();
}
