//! Seeded random walks: whoever does whatever whenever, nothing is left of it.

use std::time::Duration;

use model::{Command, Reply, TransferTo, UserId};

use super::seconds;
use crate::{chance::Chance, phone::Habit, world::World};

const PHONES: [&str; 4] = ["6001", "6002", "6003", "6004"];
const SEEDS: u64 = 60;
const STEPS: u64 = 60;

fn a_phone(chance: &mut Chance) -> &'static str {
    PHONES[usize::try_from(chance.below(4)).unwrap()]
}

fn step(world: &mut World, chance: &mut Chance) {
    let (who, whom) = (a_phone(chance), a_phone(chance));
    let has_call = world.phone(who).session.is_some();
    match chance.below(10) {
        0 | 1 if world.phone(who).before.is_none() => world.dial(who, whom),
        2 | 3 if world.phone(who).called && has_call => world.answer(who),
        4 => world.hang_up(who),
        5 | 6 if has_call => world.refer(who, &format!("<sip:{whom}@pbx.test>")),
        7 if world.phone(who).before.is_some() => _ = world.try_refer_attended(who, whom, chance.below(2) == 0),
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
        let mut world = World::new(4);
        let mut chance = Chance(seed);
        for _ in 0..STEPS {
            // There are no more ports than these in the stock; used ones do not come back.
            if world.board.ports() < 6 {
                break;
            }
            step(&mut world, &mut chance);
        }
        for _ in 0..3 {
            for phone in PHONES {
                world.hang_up(phone);
            }
            world.run(seconds(5));
        }
        let begun = world.facts.iter().filter(|fact| matches!(fact, model::Fact::CallStarted { .. })).count();
        assert_eq!(world.cdrs().len(), begun, "one record for each call, seed {seed}");
        world.assert_clean();
    }
}
