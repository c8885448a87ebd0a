//! What is told of carriers when their settings change.

use model::{Event, carrier::Standing};

use crate::{carriers::B, world::World};

/// What was told of carriers since, as they were called then: which, whether it is on, how it stands, and its hosts.
fn told(world: &mut World) -> Vec<(i64, String, bool, Standing, Vec<String>)> {
    let events = std::mem::take(&mut world.events);
    let told = events.into_iter().filter_map(|event| match event {
        Event::CarrierUpdated(view) => {
            let hosts = view.hosts.into_iter().map(|host| host.host).collect();
            Some((view.id.0, view.name, view.on, view.standing, hosts))
        }
        _ => None,
    });
    told.collect()
}

/// Whatever is set otherwise is told at once, and only of the carrier that has it: a name, a host, that it is switched off, that it is new.
#[test]
fn changed_settings_are_told() {
    let mut world = World::new(2);
    world.set_plan(2, &[B], &[]);
    let b = |name: &str, on: bool, standing: Standing, hosts: &[&str]| {
        (1, name.to_owned(), on, standing, hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(told(&mut world), [b("B", true, Standing::Up, &["sip:10.0.9.2"])], "it is new");
    let mut set = |settings: &str| {
        world.set_plan(2, &[settings], &[]);
        told(&mut world)
    };
    assert_eq!(set(B), [], "nothing has changed");
    let named = B.replace(r#""name": "B""#, r#""name": "C""#);
    assert_eq!(set(&named), [b("C", true, Standing::Up, &["sip:10.0.9.2"])]);
    let moved = named.replace("10.0.9.2", "10.0.9.3");
    assert_eq!(set(&moved), [b("C", true, Standing::Up, &["sip:10.0.9.3"])]);
    let off = moved.replacen('{', r#"{"on": false, "#, 1);
    assert_eq!(set(&off), [b("C", false, Standing::Down, &["sip:10.0.9.3"])]);
    assert_eq!(set(&moved), [b("C", true, Standing::Up, &["sip:10.0.9.3"])]);
    world.set_plan(2, &[&moved, crate::carriers::A], &[]);
    let new: Vec<_> = told(&mut world).into_iter().map(|told| (told.0, told.1)).collect();
    assert_eq!(new, [(2, "A".to_owned())], "and nothing of the other");
    world.assert_clean();
}
