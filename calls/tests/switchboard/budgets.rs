//! Budgets against toll fraud: who may call the world, how much, and what becomes of a call whose budget is used up (R23).

use std::{sync::Arc, time::Duration};

use calls::{Input, Restored};
use model::{
    BudgetEntry, BudgetUsed, BudgetView, CarrierId, Cause, CenterId, Command, Directory, Event, Fact, HubId, Refusal, Reply, SlotId,
    SlotState, TryOutcome, UserId, WallTime,
    budget::{Budget, BudgetLimits, Limit, Line, Scope},
};

use crate::{
    carriers::{A, B},
    phone::Habit,
    world::{WALL, World, directory, settings},
};

pub(crate) const SLOT: Scope = Scope::Slot(SlotId(1));
const TRUNK: Scope = Scope::Trunk(HubId(1));
const BY_A: Scope = Scope::Carrier(CarrierId(1));
const BY_B: Scope = Scope::Carrier(CarrierId(2));
pub(crate) const CENTER: Scope = Scope::Center(CenterId(1));

/// The world by A, then by B.
const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*", "112"]},
    "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A with room for everybody, and a price; B is cheaper.
fn carriers() -> [String; 2] {
    let priced = |carrier: &str, name: &str, per_minute: u64, more: &str| {
        let rates = format!(
            r#"{{{more} "currency": "RUB", "rates": [{{"prefix": "+", "per_minute": {per_minute}, "step_s": 1}}], "name": "{name}""#
        );
        carrier.replacen(&format!(r#"{{"name": "{name}""#), &rates, 1)
    };
    [priced(&A.replace(r#""capacity": 2"#, r#""capacity": 20"#), "A", 600, r#""redirects_max": 1,"#), priced(B, "B", 60, "")]
}

fn with_budgets(slots: u16, budgets: &[(Scope, &str)]) -> Arc<Directory> {
    let entry = |(scope, limits): &(Scope, &str)| {
        let limits: BudgetLimits = serde_json::from_str(limits).unwrap_or_else(|error| panic!("{error}: {limits}"));
        BudgetEntry { scope: *scope, center: CenterId::DEFAULT, budget: Budget { limits, outside: None } }
    };
    let budgets: Vec<BudgetEntry> = budgets.iter().map(entry).collect();
    Arc::new(Directory::clone(&directory(slots)).with_budgets(budgets))
}

fn set_budgets(world: &mut World, slots: u16, budgets: &[(Scope, &str)]) {
    let carriers = carriers();
    world.set_plan_of(with_budgets(slots, budgets), &[&carriers[0], &carriers[1]], &[WORLD]);
}

/// As many slots, both carriers, who answer, and these budgets.
pub(crate) fn world_of(slots: u16, budgets: &[(Scope, &str)]) -> World {
    let mut world = World::new(slots);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    // It says from where calls may leave.
    world.set_plan(slots, &[A, B], &[WORLD]);
    set_budgets(&mut world, slots, budgets);
    world
}

fn views(world: &mut World) -> Vec<BudgetView> {
    match world.order(Command::Budgets { center: CenterId::DEFAULT }) {
        Ok(Reply::Budgets(views)) => views,
        other => panic!("{other:?}"),
    }
}

fn calls(world: &mut World, scope: Scope) -> u32 {
    views(world).iter().find(|view| view.entry.scope == scope).unwrap().levels.calls
}

fn line(world: &mut World, scope: Scope, limit: Limit) -> Line {
    let view = views(world).into_iter().find(|view| view.entry.scope == scope).unwrap();
    view.levels.lines.into_iter().find(|line| line.limit == limit).unwrap()
}

/// What is told of budgets, a line each.
fn told(world: &World) -> Vec<String> {
    let at = |at: WallTime| (at.0 - WALL.0) / 1_000;
    let line = |event: &Event| match event {
        Event::BudgetAlarm { news, percent } => Some(format!("{} {} {percent} %", news.scope, news.limit.as_str())),
        Event::BudgetClosed(news) => Some(format!("{} {} closed {}/{}", news.scope, news.limit.as_str(), news.used, news.value)),
        Event::BudgetReleased { scope, .. } => Some(format!("{scope} released")),
        Event::CallEnding(ending) => {
            Some(format!("call ends at {:?} by {} {}", ending.ends_at.map(at), ending.scope, ending.limit.as_str()))
        }
        _ => None,
    };
    world.events.iter().filter_map(line).collect()
}

fn saved(world: &World) -> Vec<BudgetUsed> {
    let mut last = std::collections::BTreeMap::new();
    for fact in &world.facts {
        if let Fact::BudgetsUsed { budgets, .. } = fact {
            last.extend(budgets.iter().map(|used| (used.scope, used.clone())));
        }
    }
    last.into_values().collect()
}

#[test]
fn ten_calls_at_once_do_not_share_the_last_minute() {
    let mut world = world_of(10, &[(CENTER, r#"{"day_s": 100}"#)]);
    for place in 1..=10 {
        world.dial(&(6000 + place).to_string(), "+74951234567");
    }
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 2, "one has a minute, and one what is left");
    let refused = world.cdrs().iter().filter(|cdr| cdr.cause == Cause::BudgetClosed && cdr.sip_status == 403).count();
    assert_eq!((refused, world.board.budget_holds()), (8, 2));
    let Line { used, reserved, is_closed, .. } = line(&mut world, CENTER, Limit::DayTime);
    assert!(used + reserved == 100 && is_closed, "{used} {reserved}");
    assert_eq!(told(&world).iter().filter(|line| line.contains("closed")).count(), 1, "told once, not eight times");
    // The second ends after 40 s; the first has what the second did not use by then: nothing.
    world.run(seconds(100));
    assert_eq!(world.board.calls(), 0);
    let talked: Vec<u64> = world.cdrs().iter().filter(|cdr| cdr.cause == Cause::BudgetSpent).map(|cdr| cdr.talk_ms).collect();
    assert_eq!((talked.len(), talked.iter().sum::<u64>()), (2, 100_000), "{talked:?}");
    assert_eq!(line(&mut world, CENTER, Limit::DayTime).used, 100);
    let counts = world.board.budget_counts().clone();
    // Each of the eight was refused by A, and then by B.
    assert_eq!((counts.refused[&(Limit::DayTime, "center")], counts.cut[&(Limit::DayTime, "center")], counts.talk_s), (16, 2, 100));
    world.assert_replays();
}

#[test]
fn a_call_is_warned_and_ends_with_its_budget() {
    let mut world = world_of(2, &[(SLOT, r#"{"day_s": 200, "hour_s": 1000}"#), (TRUNK, r#"{"day_spend": 5000, "currency": "RUB"}"#)]);
    world.phone("A").habit = Habit::Ring;
    world.dial("6001", "+74951234567");
    world.run(seconds(20));
    assert_eq!((calls(&mut world, SLOT), calls(&mut world, TRUNK)), (1, 1), "what rings is reserved for");
    world.answer("A");
    world.run(seconds(184));
    assert!(!told(&world).iter().any(|line| line.contains("ends")), "{:?}", told(&world));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.run(seconds(2));
    assert!(told(&world).contains(&"call ends at Some(220) by slot 1 day_s".to_owned()), "{:?}", told(&world));
    world.run(seconds(13));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall, "until its end it goes on");
    world.run(seconds(2));
    assert_eq!(world.board.calls(), 0);
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.cause, cdr.talk_ms, cdr.sip_status), (Cause::BudgetSpent, 200_000, 200));
    for phone in ["6001", "A"] {
        assert_eq!(world.phone(phone).header("BYE", "Reason"), Some("Q.850;cause=21;text=\"budget_spent\""), "{phone}");
    }
    let (slot, trunk) = (line(&mut world, SLOT, Limit::DayTime), line(&mut world, TRUNK, Limit::DaySpend));
    assert_eq!((slot.used, slot.reserved, trunk.used, trunk.reserved), (200, 0, 2_000, 0));
    assert_eq!(
        told(&world),
        [
            "slot 1 day_s 50 %",
            "slot 1 day_s 80 %",
            "slot 1 day_s 100 %",
            "call ends at Some(220) by slot 1 day_s",
            "slot 1 day_s closed 200/200"
        ]
        .map(str::to_owned)
    );
    // And nobody calls by it any more.
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.phone("6001").refused, ["403 Forbidden", "Reason: Q.850;cause=21;text=\"budget_closed\""]);
    assert_eq!(world.cdrs()[1].cause, Cause::BudgetClosed);
    assert_eq!(world.cdrs()[1].tries.iter().map(|tried| tried.outcome).collect::<Vec<_>>(), [Some(TryOutcome::Budget); 2]);
    // Another slot does.
    world.phone("A").habit = Habit::Answer;
    world.dial("6002", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.slot_state(2), SlotState::ActiveCall);
    world.hang_up("6002");
    world.assert_clean();
}

#[test]
fn a_hand_lets_the_next_call_through_and_the_warned_one_go_on() {
    let mut world = world_of(2, &[(CENTER, r#"{"hour_s": 60}"#)]);
    world.dial("6001", "+74951234567");
    world.run(seconds(50));
    assert!(told(&world).last().unwrap().starts_with("call ends at Some("), "{:?}", told(&world));
    world.dial("6002", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::BudgetClosed);
    assert_eq!(world.order(Command::ReleaseBudget { scope: SLOT }), Err(Refusal::BudgetNotFound));
    let Ok(Reply::Budget(view)) = world.order(Command::ReleaseBudget { scope: CENTER }) else { panic!() };
    assert_eq!(view.levels.lines[0].used, 0);
    world.run(seconds(5));
    let told_so_far = told(&world);
    assert!(told_so_far.contains(&"center 1 released".to_owned()), "{told_so_far:?}");
    assert!(told_so_far.contains(&"call ends at None by center 1 hour_s".to_owned()), "it goes on after all: {told_so_far:?}");
    world.run(seconds(10));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[1].cause, Cause::CallerHungUp);
    world.dial("6002", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.slot_state(2), SlotState::ActiveCall, "the next call goes through");
    world.hang_up("6002");
    world.assert_clean();
}

/// A costs 10 a second, B 1.
#[test]
fn price_and_line_are_those_of_the_carrier_that_is_tried() {
    // What A costs is too much: at least ten seconds are to be paid for.
    let mut world = world_of(2, &[(CENTER, r#"{"day_spend": 90, "currency": "RUB"}"#), (BY_B, r#"{"calls_max": 5}"#)]);
    world.dial("6001", "+74951234567");
    world.run(seconds(31));
    assert!(!world.phone("A").called && world.phone("B").called);
    world.hang_up("6001");
    world.run(seconds(1));
    let tries: Vec<_> = world.cdrs()[0].tries.iter().map(|tried| (tried.carrier.0, tried.outcome)).collect();
    assert_eq!(tries, [(1, Some(TryOutcome::Budget)), (2, Some(TryOutcome::Answered))]);
    assert_eq!(line(&mut world, CENTER, Limit::DaySpend).used, 31);
    assert_eq!(world.board.budget_counts().spend["RUB"], 31);
    world.assert_clean();

    // What a carrier that failed had is free at once, and the line of the next one is taken.
    let both =
        [(BY_A, r#"{"calls_max": 1, "day_s": 1000}"#), (BY_B, r#"{"calls_max": 1, "day_s": 1000}"#), (CENTER, r#"{"calls_max": 1}"#)];
    let mut world = world_of(2, &both);
    world.phone("A").habit = Habit::Refuse(503);
    world.dial("6001", "+74951234567");
    world.run(seconds(2));
    assert_eq!([BY_A, BY_B, CENTER].map(|scope| calls(&mut world, scope)), [0, 1, 1]);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!([BY_A, BY_B].map(|scope| line(&mut world, scope, Limit::DayTime).used), [0, 2]);
    // No price in the budget's currency: nobody knows what it would cost.
    set_budgets(&mut world, 2, &[(CENTER, r#"{"day_spend": 100000, "currency": "USD"}"#)]);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[1].cause, Cause::BudgetClosed);
    world.assert_clean();
}

/// Each row: how a call ends that rings or talks for ten seconds; and what it used.
#[test]
fn whatever_ends_a_call_pays_for_what_it_lasted() {
    type Row = (&'static str, Habit, fn(&mut World), u64);
    let rows: [Row; 12] = [
        ("the caller hangs up", Habit::Answer, |world| world.hang_up("6001"), 10),
        ("the callee hangs up", Habit::Answer, |world| world.hang_up("A"), 10),
        ("the caller gives up", Habit::Ring, |world| world.hang_up("6001"), 0),
        ("nobody answers", Habit::Ring, |world| world.run(seconds(60)), 0),
        ("it is busy", Habit::Busy, |_| (), 0),
        ("it declines", Habit::Refuse(603), |_| (), 0),
        ("A is dead, and so is B", Habit::Dead, |world| world.run(seconds(60)), 0),
        (
            "by an order",
            Habit::Answer,
            |world| {
                let call = world.facts.iter().find_map(|fact| match fact {
                    Fact::CallStarted { call } => Some(call.call_id),
                    _ => None,
                });
                world.order(Command::EndCall { user: UserId(1), any: true, call: call.unwrap() }).unwrap();
            },
            10,
        ),
        ("the server ends", Habit::Answer, |world| world.input(Input::EndAll), 10),
        ("a worker is lost", Habit::Answer, |world| world.input(Input::MediaLost { worker: 0 }), 10),
        ("the phone loses its stream", Habit::Answer, |world| world.phone("A").habit = Habit::Dead, 10),
        (
            "the slot's budget is deleted",
            Habit::Answer,
            |world| set_budgets(world, 2, &[(CENTER, r#"{"day_s": 1000, "calls_max": 9}"#)]),
            10,
        ),
    ];
    for (name, habit, end, used) in rows {
        let mut world = world_of(2, &[(SLOT, r#"{"calls_max": 1}"#), (CENTER, r#"{"day_s": 1000, "calls_max": 9}"#)]);
        world.phone("A").habit = habit;
        world.phone("B").habit = Habit::Dead;
        world.dial("6001", "+74951234567");
        world.run(Duration::from_millis(9_900));
        end(&mut world);
        world.run(Duration::from_millis(90));
        if world.board.calls() > 0 {
            world.hang_up("6001");
            world.run(seconds(1));
        }
        world.run(seconds(1));
        assert_eq!((world.board.calls(), world.board.budget_holds()), (0, 0), "{name}");
        let line = line(&mut world, CENTER, Limit::DayTime);
        assert_eq!((line.used, line.reserved, calls(&mut world, CENTER)), (used, 0, 0), "{name}");
        // The journal has the same.
        let kept = saved(&world).into_iter().find(|used| used.scope == CENTER);
        let kept = kept.map_or(0, |used| used.day.iter().map(|(_, amount)| amount.seconds).sum());
        assert_eq!(kept, used, "{name}");
        world.assert_replays();
    }
}

#[test]
fn a_server_that_is_killed_forgets_nothing_that_was_used() {
    let budgets = [(CENTER, r#"{"day_s": 150}"#), (SLOT, r#"{"day_spend": 100000, "currency": "RUB"}"#)];
    let mut world = world_of(2, &budgets);
    world.dial("6001", "+74951234567");
    world.run(seconds(30));
    world.hang_up("6001");
    world.run(seconds(2));
    world.dial("6001", "+74951234567");
    // What this one was promised is in the journal before its INVITE is on the wire, and not a moment later.
    let before = saved(&world).into_iter().find(|used| used.scope == CENTER).unwrap();
    world.run(Duration::from_millis(20));
    assert!(world.phone("A").called);
    let at_once = saved(&world).into_iter().find(|used| used.scope == CENTER).unwrap();
    let sum = |used: &BudgetUsed| used.day.iter().map(|(_, amount)| amount.seconds).sum::<u64>();
    assert_eq!((sum(&before), sum(&at_once)), (30, 90), "{before:?} {at_once:?}");
    // Killed in the middle of the call: all that was promised to it counts as used.
    world.run(seconds(20));
    let kept = saved(&world);
    let promised = sum(kept.iter().find(|used| used.scope == CENTER).unwrap());
    assert!((90..=150).contains(&promised), "{promised}");
    let restored = Restored { budgets: kept, ..Restored::default() };
    let mut next = World::of(with_budgets(2, &budgets), settings(), &restored);
    let used = line(&mut next, CENTER, Limit::DayTime);
    assert_eq!((used.used, used.reserved), (promised, 0));
    assert!(line(&mut next, SLOT, Limit::DaySpend).used >= 500, "and what that costs");
    assert!(told(&next).is_empty(), "alarms that were told are not told again: {:?}", told(&next));
    next.assert_replays();
}

/// Each row: the budgets, what is dialled, and what becomes of it over SIP and over REST.
#[test]
fn premium_numbers_are_for_those_who_are_allowed_to() {
    type Row = (&'static [(Scope, &'static str)], &'static str, Option<Cause>);
    let rows: [Row; 9] = [
        (&[], "+74951234567", None),
        (&[], "+78091234567", Some(Cause::PremiumNotAllowed)),
        // As it is dialled here; a satellite; a number shared by who calls.
        (&[], "88091234567", Some(Cause::PremiumNotAllowed)),
        (&[], "+881612345678", Some(Cause::PremiumNotAllowed)),
        (&[], "+33810123456", Some(Cause::PremiumNotAllowed)),
        (&[(CENTER, r#"{"calls_max": 5}"#)], "+78091234567", Some(Cause::PremiumNotAllowed)),
        (&[(SLOT, r#"{"premium": true}"#), (CENTER, r#"{"calls_max": 5}"#)], "+78091234567", None),
        (&[(SLOT, r#"{"premium": true}"#), (CENTER, r#"{"premium": false}"#)], "+78091234567", Some(Cause::PremiumNotAllowed)),
        (&[(TRUNK, r#"{"destinations": ["+7495*"]}"#)], "+78121234567", Some(Cause::DestinationNotAllowed)),
    ];
    for (budgets, number, cause) in rows {
        let name = format!("{budgets:?} > {number}");
        let mut world = world_of(2, budgets);
        world.dial("6001", number);
        world.run(seconds(1));
        assert_eq!(world.phone("A").called, cause.is_none(), "{name}");
        assert_eq!(world.cdrs().first().map(|cdr| cdr.cause), cause, "{name}");
        if let Some(cause) = cause {
            let reason = format!("Reason: Q.850;cause=21;text=\"{}\"", cause.code());
            assert_eq!(world.phone("6001").refused, ["403 Forbidden".to_owned(), reason], "{name}");
        }
        world.hang_up("6001");
        world.run(seconds(1));
        let facts = world.cdrs().len();
        let ordered = world.start_call(7, 1, number);
        match (cause, ordered) {
            (None, Ok(_)) => {
                world.run(seconds(1));
                world.hang_up("6001");
            }
            (Some(Cause::PremiumNotAllowed), Err(Refusal::PremiumNotAllowed { number })) => assert!(number.starts_with('+'), "{name}"),
            (Some(Cause::DestinationNotAllowed), Err(Refusal::DestinationNotAllowed { .. })) => {}
            (_, other) => panic!("{name}: {other:?}"),
        }
        if cause.is_some() {
            assert_eq!((world.board.calls(), world.cdrs().len()), (0, facts), "{name}: nobody was rung");
        }
        world.assert_clean();
    }
}

#[test]
fn a_carrier_that_sends_a_call_on_does_not_make_it_premium() {
    let mut world = world_of(2, &[]);
    world.phone("A").habit = Habit::Refuse(302);
    world.phone("A").says = vec![("Contact", "<sip:+78091234567@x>".to_owned())];
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::PremiumNotAllowed);
    assert!(!world.phone("B").called);
    world.assert_clean();
}

#[test]
fn help_passes_and_calls_inside_need_nothing() {
    let shut = r#"{"calls_max": 0, "calls_per_s": 0, "hour_s": 0, "day_spend": 0, "currency": "USD", "premium": false}"#;
    let mut world = world_of(3, &[(SLOT, shut), (TRUNK, shut), (BY_A, shut), (BY_B, shut), (CENTER, shut)]);
    world.dial("6001", "112");
    world.run(seconds(100));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    assert!(world.phone("A").last("INVITE").starts_with("INVITE sip:112@"));
    world.hang_up("6001");
    world.run(seconds(1));
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.slot_state(2)), (SlotState::ActiveCall, SlotState::ActiveCall));
    assert_eq!((world.board.budget_holds(), calls(&mut world, CENTER)), (0, 0));
    world.hang_up("6001");
    world.run(seconds(1));
    assert!(saved(&world).is_empty() && told(&world).is_empty());
    // Who calls us is not limited here.
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    assert!(world.phone("6001").called);
    world.hang_up("A");
    world.assert_clean();
}

#[test]
fn a_call_that_comes_by_a_carrier_and_leaves_by_one_pays_too() {
    let on = r#"{"name": "on", "position": 1, "match": {"to": ["+74950000002"], "came_by": {"carriers": ["1"]}},
        "then": {"do": "carriers", "order": [{"carrier": "2"}]}}"#;
    let mut world = world_of(2, &[]);
    let carriers = carriers();
    let budgets = [(CENTER, r#"{"hour_s": 30}"#), (BY_A, r#"{"calls_max": 0}"#), (BY_B, r#"{"hour_s": 100}"#)];
    world.set_plan_of(with_budgets(2, &budgets), &[&carriers[0], &carriers[1]], &[on]);
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.run(seconds(10));
    assert!(world.phone("B").called);
    assert_eq!([CENTER, BY_B].map(|scope| calls(&mut world, scope)), [1, 1]);
    world.run(seconds(25));
    assert_eq!(world.cdrs()[0].cause, Cause::BudgetSpent);
    assert_eq!([CENTER, BY_B].map(|scope| line(&mut world, scope, Limit::HourTime).used), [30, 30]);
    world.assert_clean();
}

#[test]
fn an_operator_is_told_before_a_phone_rings_and_hears_it_if_the_budget_closes_meanwhile() {
    let mut world = world_of(2, &[(CENTER, r#"{"hour_s": 70}"#)]);
    world.phone("6002").habit = Habit::Ring;
    world.start_call(8, 2, "+74951234567").unwrap();
    world.run(seconds(1));
    // While that phone rings, another call takes what there is.
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    let refused = world.start_call(7, 1, "+74951234567");
    assert!(matches!(refused, Err(Refusal::BudgetClosed { scope: CENTER, limit: Limit::HourTime, .. })), "{refused:?}");
    world.phone("A").called = false;
    world.answer("6002");
    world.run(seconds(10));
    assert_eq!(world.cdrs()[0].cause, Cause::BudgetClosed, "after the congestion tone");
    assert!(!world.phone("A").called && !world.phone("B").called, "the number was never dialled");
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn a_clock_that_is_set_ends_no_call_and_frees_nothing_that_is_up() {
    for by in [3_600_000, -3_600_000, 86_400_000] {
        let mut world = world_of(2, &[(SLOT, r#"{"day_s": 100}"#)]);
        world.dial("6001", "+74951234567");
        world.run(seconds(30));
        world.input(Input::Clock(WallTime(WALL.0 + 30_000 + by)));
        world.run(seconds(65));
        assert_eq!(world.slot_state(1), SlotState::ActiveCall, "{by}");
        world.run(seconds(10));
        assert_eq!(world.cdrs()[0].talk_ms, 100_000, "{by}");
        assert_eq!(world.cdrs()[0].cause, Cause::BudgetSpent, "{by}");
        world.assert_clean();
    }
}

/// Who hands a call to another slot is free for the next one, and pays for the first as long as it lasts.
#[test]
fn a_slot_that_handed_its_call_on_may_call_again() {
    for is_attended in [false, true] {
        let mut world = world_of(3, &[(SLOT, r#"{"calls_max": 1, "day_s": 1000}"#), (CENTER, r#"{"calls_max": 2}"#)]);
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        if is_attended {
            world.dial("6001", "6002");
            world.run(seconds(1));
            world.refer_attended("6001", "6002", false);
        } else {
            world.refer("6001", "<sip:6002@pbx.test>");
        }
        world.run(seconds(1));
        assert_eq!((calls(&mut world, SLOT), calls(&mut world, CENTER), world.board.calls()), (0, 1, 1));
        world.dial("6001", "+74957654321");
        world.run(seconds(10));
        assert_eq!((calls(&mut world, SLOT), calls(&mut world, CENTER), world.board.calls()), (1, 2, 2));
        for phone in ["6001", "6002"] {
            world.hang_up(phone);
        }
        world.run(seconds(1));
        let used = line(&mut world, SLOT, Limit::DayTime).used;
        assert!((20..=25).contains(&used), "both calls: {used}");
        world.assert_clean();
    }
}

/// Two ends in the world that a slot has joined are its calls until they end.
#[test]
fn two_ends_in_the_world_stay_with_who_joined_them() {
    let mut world = world_of(2, &[(SLOT, r#"{"calls_max": 2}"#)]);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    world.refer("6001", "<sip:+74957654321@pbx.test>");
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), calls(&mut world, SLOT), world.board.calls()), (SlotState::Idle, 2, 1));
    world.dial("6001", "+74950000000");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::BudgetClosed);
    for _ in 0..2 {
        world.hang_up("A");
        world.run(seconds(1));
    }
    assert_eq!(calls(&mut world, SLOT), 0);
    world.assert_clean();
}

/// Whoever hands a call on over REST is told at once that a budget is closed; a phone is told so, too.
#[test]
fn a_transfer_asks_the_budgets_before_anything_changes() {
    for (limits, closed, told) in [
        (r#"{"calls_max": 0}"#, Cause::BudgetClosed, "403 Forbidden, over"),
        (r#"{"destinations": ["+7495*"]}"#, Cause::DestinationNotAllowed, "403 Forbidden, over"),
        ("{}", Cause::PremiumNotAllowed, "403 Forbidden, over"),
    ] {
        let mut world = world_of(3, &[(SLOT, limits)]);
        let number = if closed == Cause::PremiumNotAllowed { "+78091234567" } else { "+79991234567" };
        world.dial("6001", "6002");
        world.run(seconds(1));
        let call = world.recorded[0].0.call_id;
        let to = model::TransferTo::Number(number.parse().unwrap());
        let refused = world.order(Command::TransferCall { user: UserId(1), any: true, call, to });
        let cause = match refused {
            Err(Refusal::BudgetClosed { .. }) => Cause::BudgetClosed,
            Err(Refusal::PremiumNotAllowed { .. }) => Cause::PremiumNotAllowed,
            Err(Refusal::DestinationNotAllowed { .. }) => Cause::DestinationNotAllowed,
            other => panic!("{other:?}"),
        };
        assert_eq!(cause, closed);
        world.refer("6001", &format!("<sip:{number}@pbx.test>"));
        world.run(seconds(1));
        assert_eq!(world.phone("6001").notified.last().map(String::as_str), Some(told), "{limits}");
        assert!(!world.phone("A").called && !world.phone("B").called, "{limits}");
        world.hang_up("6001");
        world.assert_clean();
    }
}

/// A consultation with the world goes on as the older call's: its budget ends that one.
#[test]
fn a_joined_line_is_cut_by_its_budget() {
    let mut world = world_of(2, &[(SLOT, r#"{"day_s": 100}"#)]);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    world.refer_attended("6001", "+74951234567", false);
    world.run(seconds(1));
    assert_eq!((world.board.calls(), world.board.budget_holds()), (1, 1));
    world.run(seconds(96));
    assert_eq!(world.board.calls(), 1);
    world.run(seconds(5));
    let causes: Vec<_> = world.cdrs().iter().map(|cdr| (cdr.callee.clone(), cdr.cause)).collect();
    assert_eq!(causes, [("+74951234567".to_owned(), Cause::Transferred), ("6002".to_owned(), Cause::BudgetSpent)]);
    assert_eq!(line(&mut world, SLOT, Limit::DayTime).used, 100);
    world.assert_clean();
}

/// Each row: what the slot is given while its call is up, and what becomes of that.
#[test]
fn a_budget_that_is_set_during_a_call_is_asked_for_it() {
    type Row = (&'static [(Scope, &'static str)], &'static str, Option<u64>);
    let rows: [Row; 5] = [
        (&[], r#"{"hour_s": 0}"#, Some(0)),
        (&[], r#"{"hour_s": 20}"#, Some(20)),
        (&[(CENTER, r#"{"day_s": 1000}"#)], r#"{"hour_s": 0}"#, Some(0)),
        (&[], r#"{"day_spend": 100, "currency": "RUB"}"#, Some(10)),
        (&[(CENTER, r#"{"day_s": 1000}"#)], r#"{"calls_max": 1}"#, None),
    ];
    for (before, set, ends_s) in rows {
        let name = format!("{before:?} {set}");
        let mut world = world_of(2, before);
        world.dial("6001", "+74951234567");
        world.run(seconds(200));
        let budgets = [before, &[(SLOT, set)]].concat();
        set_budgets(&mut world, 2, &budgets);
        assert_eq!(calls(&mut world, SLOT), 1, "{name}");
        world.run(Duration::from_millis(20));
        world.dial("6001", "+74957654321");
        world.run(seconds(1));
        let second = world.cdrs().iter().find(|cdr| cdr.callee == "+74957654321").map(|cdr| cdr.cause);
        assert_eq!(second, Some(Cause::BudgetClosed), "{name}");
        world.run(seconds(30));
        let ended = world.cdrs().iter().find(|cdr| cdr.callee == "+74951234567").map(|cdr| (cdr.cause, cdr.talk_ms));
        match (ends_s, ended) {
            (Some(more_s), Some((Cause::BudgetSpent, talk_ms))) => {
                assert!(talk_ms.abs_diff(200_000 + more_s * 1_000) <= 100, "{name}: {talk_ms}");
            }
            (None, None) => world.hang_up("6001"),
            other => panic!("{name}: {other:?}"),
        }
        world.run(seconds(1));
        assert_eq!((world.board.calls(), world.board.budget_holds(), calls(&mut world, SLOT)), (0, 0, 0), "{name}");
        world.assert_replays();
    }
}

#[test]
fn a_budget_that_is_set_while_it_rings_is_asked_at_the_answer() {
    let mut world = world_of(2, &[]);
    world.phone("A").habit = Habit::Ring;
    world.dial("6001", "+74951234567");
    world.run(seconds(5));
    set_budgets(&mut world, 2, &[(SLOT, r#"{"hour_s": 0}"#)]);
    world.run(seconds(5));
    assert_eq!((calls(&mut world, SLOT), world.board.calls()), (1, 1));
    world.answer("A");
    world.run(seconds(2));
    assert_eq!(world.cdrs()[0].cause, Cause::BudgetSpent);
    world.assert_clean();
}

/// Taken away and set again it is no release of what is up; and a call that was warned hears that it goes on.
#[test]
fn a_budget_that_goes_and_comes_is_asked_for_the_same_call() {
    let mut world = world_of(2, &[(SLOT, r#"{"hour_s": 60}"#)]);
    world.dial("6001", "+74951234567");
    world.run(seconds(50));
    assert!(told(&world).last().unwrap().starts_with("call ends at Some("), "{:?}", told(&world));
    set_budgets(&mut world, 2, &[]);
    world.run(seconds(20));
    assert_eq!(told(&world).last().map(String::as_str), Some("call ends at None by slot 1 hour_s"));
    assert_eq!((world.slot_state(1), world.board.budget_holds()), (SlotState::ActiveCall, 0), "nobody limits it");
    world.run(seconds(2_000));
    set_budgets(&mut world, 2, &[(SLOT, r#"{"hour_s": 30}"#)]);
    assert_eq!(calls(&mut world, SLOT), 1);
    world.run(seconds(40));
    assert_eq!(world.cdrs()[0].cause, Cause::BudgetSpent);
    assert_eq!(line(&mut world, SLOT, Limit::HourTime).used, 30);
    assert_eq!(world.board.budget_counts().talk_s, 2_100, "of a call that a budget has paid for in the end");
    world.assert_clean();
}

/// Each centre's budgets are told by themselves, and each by its scope.
#[test]
fn a_centres_budgets_are_its_own() {
    let mut world = world_of(2, &[(SLOT, "{}"), (CENTER, r#"{"calls_max": 2}"#)]);
    let scopes: Vec<Scope> = views(&mut world).iter().map(|view| view.entry.scope).collect();
    assert_eq!(scopes, [SLOT, CENTER]);
    assert!(matches!(world.order(Command::Budgets { center: CenterId(2) }), Ok(Reply::Budgets(views)) if views.is_empty()));
    assert!(matches!(world.order(Command::Budget { scope: CENTER }), Ok(Reply::Budget(view)) if view.entry.scope == CENTER));
    assert_eq!(world.order(Command::Budget { scope: TRUNK }), Err(Refusal::BudgetNotFound));
    world.assert_replays();
}

/// That a limit is closed is told once, also of a slot without a budget; with the slot it is forgotten.
#[test]
fn what_is_closed_is_forgotten_with_whose_it_is() {
    let mut world = world_of(2, &[]);
    let told = |world: &World| told(world).iter().filter(|line| line.contains("premium")).count();
    for expected in [1, 1] {
        world.dial("6002", "+78091234567");
        world.run(seconds(1));
        assert_eq!(told(&world), expected);
    }
    set_budgets(&mut world, 1, &[]);
    world.run(seconds(1));
    set_budgets(&mut world, 2, &[]);
    world.register("6002", 300);
    world.dial("6002", "+78091234567");
    world.run(seconds(1));
    assert_eq!(told(&world), 2);
}
