//! Many accounts that register with carriers at once.

use std::time::Duration;

use model::{AccountState, Command, Reply};

use crate::{registry::Registry, world::World};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// How many accounts of all carriers are registered.
fn registered(world: &mut World) -> usize {
    let Ok(Reply::Carriers(views)) = world.order(Command::Carriers) else { panic!("carriers") };
    views.iter().flat_map(|view| &view.accounts).filter(|account| account.state == AccountState::Registered).count()
}

/// Carriers at these addresses, with a hundred accounts each.
fn many(hosts: &[String]) -> Vec<String> {
    let carrier = |(number, host): (usize, &String)| {
        let account = |account: usize| format!(r#"{{"username": "u{number}-{account}", "password": "secret"}}"#);
        let accounts = (0..100).map(account).collect::<Vec<_>>().join(", ");
        format!(
            r#"{{"name": "{number}", "hosts": ["{host}"], "accounts": [{accounts}], "health": {{"options_every_s": 0}}, "capacity": 9}}"#
        )
    };
    hosts.iter().enumerate().map(carrier).collect()
}

#[test]
fn three_thousand_accounts_register() {
    let mut world = World::new(1);
    world.forget_history();
    world.add_peer("A", "10.0.9.1:5060");
    world.phone("A").registry = Some(Registry::asking("secret"));
    let carriers = many(&vec!["sip:10.0.9.1".to_owned(); 30]);
    world.set_plan(1, &carriers.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    world.run(seconds(60));
    assert_eq!(registered(&mut world), 3_000);
    assert_eq!(world.phone("A").registry.as_ref().unwrap().bound.len(), 3_000);
}

/// Carriers that are silent take no room of others: who answers is registered with as if they were not there.
#[test]
fn silent_carriers_hold_up_no_registration() {
    let mut world = World::new(1);
    world.forget_history();
    world.add_peer("A", "10.0.9.1:5060");
    world.phone("A").registry = Some(Registry::asking("secret"));
    let mut hosts: Vec<String> = (0..100).map(|number| format!("sip:10.0.8.{number}")).collect();
    // The last one of all.
    hosts.push("sip:10.0.9.1".to_owned());
    let carriers = many(&hosts);
    world.set_plan(1, &carriers.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    world.run(seconds(60));
    assert_eq!(registered(&mut world), 100);
}
