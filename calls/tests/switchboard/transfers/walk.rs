//! Seeded random walks: whoever does whatever whenever, nothing is left of it.

use std::time::Duration;

use model::{Command, Reply, TransferTo, UserId};

use super::seconds;
use crate::{
    budgets::{CENTER, SLOT, world_of},
    chance::Chance,
    phone::Habit,
    world::World,
};

const PHONES: [&str; 4] = ["6001", "6002", "6003", "6004"];
/// By whom the world is called.
const CARRIERS: [&str; 2] = ["A", "B"];
const SEEDS: u64 = 60;
const STEPS: u64 = 60;

fn a_phone(chance: &mut Chance) -> &'static str {
    PHONES[usize::try_from(chance.below(4)).unwrap()]
}

fn step(world: &mut World, chance: &mut Chance) {
    let who = if chance.below(6) == 0 { CARRIERS[usize::try_from(chance.below(2)).unwrap()] } else { a_phone(chance) };
    let whom = if chance.below(4) == 0 { "+79991234567" } else { a_phone(chance) };
    let is_ours = !CARRIERS.contains(&who);
    let has_call = world.phone(who).session.is_some();
    match chance.below(13) {
        9 if is_ours && world.phone(who).before.is_none() => {
            let other = world.phone(a_phone(chance));
            if let Some(replaces) = other.session.and_then(|session| other.replaces(session)) {
                world.dial_replacing(who, "6001", &replaces);
            }
        }
        10 => {
            world.phone(who).direction = if chance.below(2) == 0 { "inactive" } else { "sendrecv" };
            let now = world.now;
            world.phone(who).try_reoffer(now);
            world.drain(who);
        }
        11 if !is_ours && world.phone(who).before.is_none() => world.bring(who, "+79161112233", "84950000001", &[]),
        0 | 1 if is_ours && world.phone(who).before.is_none() => world.dial(who, whom),
        2 | 3 if world.phone(who).called && has_call => world.answer(who),
        4 => world.hang_up(who),
        5 | 6 if has_call => world.refer(who, &format!("<sip:{whom}@pbx.test>")),
        7 if is_ours && world.phone(who).before.is_some() => _ = world.try_refer_attended(who, whom, chance.below(2) == 0),
        8 => {
            let call = world.recorded.iter().rev().find(|(_, end)| end.is_none()).map(|(row, _)| row.call_id);
            if let Some(call) = call {
                let to = TransferTo::Number(whom.parse().unwrap());
                let _: Result<Reply, _> = world.order(Command::TransferCall { user: UserId(1), any: true, call, to });
            }
        }
        _ => world.phone(who).habit = [Habit::Ring, Habit::Answer, Habit::Busy][usize::try_from(chance.below(3)).unwrap()],
    }
    world.run(Duration::from_millis([0, 3, 7, 20, 500, 3_000][usize::try_from(chance.below(6)).unwrap()]));
}

#[test]
fn whatever_phones_do_leaves_nothing() {
    for seed in 0..SEEDS {
        // Half of the worlds run out of what they may talk.
        let day_s = if seed % 2 == 0 { 40 } else { 100_000 };
        let budgets = [(SLOT, r#"{"calls_max": 2, "day_s": 500}"#.to_owned()), (CENTER, format!(r#"{{"day_s": {day_s}}}"#))];
        let budgets: Vec<_> = budgets.iter().map(|(scope, limits)| (*scope, limits.as_str())).collect();
        let mut world = world_of(4, &budgets);
        world.clear_history();
        let mut chance = Chance(seed);
        for _ in 0..STEPS {
            // There are no more ports than these in the stock; used ones do not come back.
            if world.board.ports() < 6 {
                break;
            }
            step(&mut world, &mut chance);
        }
        for _ in 0..3 {
            for phone in PHONES.into_iter().chain(CARRIERS) {
                world.hang_up(phone);
            }
            world.run(seconds(5));
        }
        // A carrier may have lines of which it knows the last two only.
        world.settle();
        let begun = world.facts.iter().filter(|fact| matches!(fact, model::Fact::CallStarted { .. })).count();
        assert_eq!(world.cdrs().len(), begun, "one record for each call, seed {seed}");
        world.assert_clean();
    }
}
