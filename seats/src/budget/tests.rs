//! Budgets in virtual time: stories as tables, and a long walk against a ledger that the test keeps by itself.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use model::{
    Calendar, CarrierId, Day, HubId, SlotId,
    budget::{BudgetLimits, Outside},
};

use super::*;
use crate::tests::chance::Chance;

const SLOT: Scope = Scope::Slot(SlotId(1));
const TRUNK: Scope = Scope::Trunk(HubId(1));
const CARRIER: Scope = Scope::Carrier(CarrierId(3));
const CENTER: Scope = Scope::Center(CenterId(1));
const PAID: Price = by_minute(30, 6);
/// 2026-03-02T23:58:00Z: two minutes to midnight.
const START: WallTime = WallTime(1_772_495_880_000);
const HOUR_S: u64 = 3_600;

/// So many minor units a minute.
const fn by_minute(per_minute: u64, step_s: u32) -> Price {
    Price { per_minute: per_minute.saturating_mul(10_000), connect: 0, first_s: 0, step_s }
}

fn at(s: u64) -> WallTime {
    START.after(Duration::from_secs(s))
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn budgets(limits: &[(Scope, BudgetLimits)]) -> Budgets {
    let mut budgets = Budgets::new();
    for (scope, limits) in limits {
        assert!(budgets.set(START, *scope, Some(Budget { limits: limits.clone(), outside: None })));
    }
    budgets
}

fn begin(budgets: &mut Budgets, now: WallTime, scopes: &[Scope]) -> Result<Grant, Closed> {
    let number: Number = "+74951234567".parse().unwrap();
    budgets.reserve(now, &Attempt { scopes, number: &number, called: Called::Ordinary, price: Some(PAID), currency: "" })
}

/// One call that goes on as long as it may and `talk_s` at most: how long it was, and how long before its end it was known by a term.
fn talk(budgets: &mut Budgets, start_s: u64, scopes: &[Scope], talk_s: u64) -> Result<(u64, Option<u64>), Closed> {
    let grant = begin(budgets, at(start_s), scopes)?;
    let mut term = budgets.answered(at(start_s), grant.hold).unwrap();
    let mut now = at(start_s);
    let mut known = None;
    loop {
        known = term.closed.and(known.or(Some(now)));
        let hangup = at(start_s + talk_s);
        if term.until <= now || hangup <= term.next {
            let end = hangup.min(term.until);
            budgets.settle(end, grant.hold, Duration::from_millis(end.ms_since(at(start_s))));
            let warned = known.filter(|_| end < hangup).map(|known| end.ms_since(known) / 1_000);
            return Ok((end.ms_since(at(start_s)) / 1_000, warned));
        }
        assert!(term.next > now || term.next == term.until, "{term:?}");
        now = term.next;
        term = budgets.extend(now, grant.hold).unwrap();
    }
}

fn outputs(budgets: &mut Budgets) -> Vec<BudgetOutput> {
    std::iter::from_fn(|| budgets.poll()).collect()
}

#[test]
fn what_calls_cost() {
    // Each row: per minute, step, seconds, cost; and the seconds that this pays for.
    let rows = [
        (30, 6, 0, 0, 0),
        (30, 6, 1, 3, 6),
        (30, 6, 6, 3, 6),
        (30, 6, 7, 6, 12),
        (30, 60, 1, 30, 60),
        (30, 60, 61, 60, 120),
        (1, 1, 1, 1, 60),
        (1, 1, 61, 2, 120),
        (7, 6, 6, 1, 6),
        (30, 0, 2, 1, 2),
        (0, 60, 1_000, 0, u64::MAX),
        (1_000_000, 3_600, 1, 60_000_000, 3_600),
    ];
    for (per_minute, step_s, s, cost, pays_for) in rows {
        let price = by_minute(per_minute, step_s);
        assert_eq!((price.cost(s), price.seconds_for(cost)), (cost, pays_for), "{price:?} {s} s");
    }
}

#[test]
fn a_price_is_the_carriers() {
    let price = Price { per_minute: 60_000, connect: 25_000, first_s: 30, step_s: 6 };
    // Being answered is 2.5, each second 0.1; half a minute is the least.
    for (s, cost) in [(0, 0), (1, 6), (30, 6), (31, 7), (36, 7), (37, 7), (60, 9)] {
        assert_eq!(price.cost(s), cost, "{s} s");
    }
    for (amount, s) in [(0, 0), (2, 0), (5, 0), (6, 30), (7, 42), (9, 60)] {
        assert_eq!(price.seconds_for(amount), s, "for {amount}");
    }
}

#[test]
fn what_is_not_for_everybody_is_told_by_the_number() {
    for (number, called) in [
        ("+78091234567", Called::Premium),
        ("+33810123456", Called::Premium),
        ("+447012345678", Called::Premium),
        ("+881612345678", Called::Premium),
        ("+88299123456", Called::Premium),
        ("+979123456789", Called::Premium),
        // What hides one, or may.
        ("+4470123456781", Called::Premium),
        ("+338101234561", Called::Premium),
        ("+78091234567#", Called::Premium),
        ("+7495*1234567", Called::Premium),
        ("+0088213123456", Called::Premium),
        ("+74951234567", Called::Ordinary),
        ("+78001234567", Called::Ordinary),
        ("6001", Called::Ordinary),
        ("112", Called::Emergency),
    ] {
        assert_eq!(Called::of(&number.parse().unwrap()), called, "{number}");
    }
}

/// Without a price in its currency no budget of money says yes; others do.
#[test]
fn what_costs_nobody_knows_how_much_is_refused() {
    let money = BudgetLimits { month_spend: Some(1_000), currency: "RUB".to_owned(), ..BudgetLimits::default() };
    let mut budgets = budgets(&[(SLOT, money), (TRUNK, BudgetLimits { day_s: Some(600), ..BudgetLimits::default() })]);
    let number: Number = "+74951234567".parse().unwrap();
    let mut limit = |scopes: &[Scope], price, currency| {
        let got = budgets.reserve(START, &Attempt { scopes, number: &number, called: Called::Ordinary, price, currency });
        got.err().map(|closed| closed.limit)
    };
    assert_eq!(limit(&[SLOT, TRUNK], None, ""), Some(Limit::Price));
    assert_eq!(limit(&[SLOT, TRUNK], Some(PAID), "USD"), Some(Limit::Price));
    assert_eq!(limit(&[SLOT, TRUNK], Some(PAID), "RUB"), None);
    assert_eq!(limit(&[TRUNK], None, ""), None);
}

/// The clock is set an hour forward, and back: what is up lasts as long as before.
#[test]
fn a_clock_that_is_set_ends_nothing() {
    let mut budgets = budgets(&[(SLOT, BudgetLimits { day_s: Some(1_000), ..BudgetLimits::default() })]);
    let hold = begin(&mut budgets, START, &[SLOT]).unwrap().hold;
    let before = budgets.answered(START, hold).unwrap();
    for (by_s, sign) in [(3_600_u64, 1_i64), (7_200, -1)] {
        budgets.moved(sign * i64::try_from(by_s).unwrap() * 1_000);
    }
    let now = WallTime(at(10).0 - 3_600_000);
    let term = budgets.extend(now, hold).unwrap();
    assert_eq!(term.until.0 - now.0, 75_000, "{before:?} {term:?}");
    budgets.settle(now, hold, seconds(10));
    assert_eq!(budgets.levels(now, SLOT).unwrap().lines[0].used, 10);
}

/// Each row: who asks for what, whether it is working hours, and which limit is in the way.
#[test]
fn where_a_call_may_lead() {
    let mut budgets = Budgets::new();
    let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    // The night of Monday: Tuesday is outside.
    let hours =
        Calendar { zone: "UTC".parse().unwrap(), week: [(Day::Mon, vec!["00:00-24:00".parse().unwrap()])].into(), special: Vec::new() };
    let day = BudgetLimits { destinations: list(&["+7*"]), ..BudgetLimits::default() };
    let night = BudgetLimits { destinations: list(&["+7495*"]), calls_max: Some(0), ..BudgetLimits::default() };
    budgets.set(START, SLOT, Some(Budget { limits: day, outside: Some(Outside { hours, limits: night }) }));
    budgets.set(START, TRUNK, Some(Budget { limits: BudgetLimits { premium: Some(true), ..BudgetLimits::default() }, outside: None }));
    let never = BudgetLimits { premium: Some(false), ..BudgetLimits::default() };
    budgets.set(START, CARRIER, Some(Budget { limits: never, outside: None }));
    budgets.set(START, CENTER, Some(Budget { limits: BudgetLimits { hour_s: Some(0), ..BudgetLimits::default() }, outside: None }));
    type Row = (&'static [Scope], &'static str, Called, bool, Option<Limit>);
    let rows: [Row; 15] = [
        (&[SLOT], "+74951234567", Called::Ordinary, true, None),
        (&[SLOT], "+78121234567", Called::Ordinary, true, None),
        (&[SLOT], "+442071234567", Called::Ordinary, true, Some(Limit::Destination)),
        (&[SLOT], "+78121234567", Called::Ordinary, false, Some(Limit::Destination)),
        (&[SLOT], "+74951234567", Called::Ordinary, false, Some(Limit::Calls)),
        (&[SLOT], "+78091234567", Called::Premium, true, Some(Limit::Premium)),
        (&[SLOT, TRUNK], "+78091234567", Called::Premium, true, None),
        (&[CARRIER, TRUNK], "+78091234567", Called::Premium, true, Some(Limit::Premium)),
        (&[TRUNK], "+78091234567", Called::Premium, true, None),
        (&[], "+78091234567", Called::Premium, true, Some(Limit::Premium)),
        (&[Scope::Carrier(CarrierId(9))], "+78091234567", Called::Premium, true, Some(Limit::Premium)),
        (&[], "+442071234567", Called::Ordinary, true, None),
        (&[TRUNK, CENTER], "+74951234567", Called::Ordinary, true, Some(Limit::HourTime)),
        (&[SLOT, TRUNK, CENTER], "112", Called::Ordinary, false, None),
        (&[SLOT, TRUNK, CENTER], "+112", Called::Emergency, false, None),
    ];
    for (scopes, number, called, is_open, expected) in rows {
        let number: Number = number.parse().unwrap();
        let now = if is_open { START } else { at(600) };
        let got = budgets.reserve(now, &Attempt { scopes, number: &number, called, price: Some(PAID), currency: "" });
        let shown = format!("{scopes:?} > {number} {called:?}, open: {is_open}");
        assert_eq!(got.err().map(|closed| closed.limit), expected, "{shown}");
        if let Ok(grant) = got {
            let is_help = number.is_emergency() || called == Called::Emergency || scopes.is_empty();
            assert_eq!(grant.lasts.is_none(), is_help);
            budgets.settle(START, grant.hold, Duration::ZERO);
        }
    }
}

#[test]
fn ten_calls_do_not_share_the_last_minute() {
    let mut budgets = budgets(&[(CENTER, BudgetLimits { day_s: Some(100), ..BudgetLimits::default() })]);
    let grants: Vec<_> = (0..10).map(|_| begin(&mut budgets, START, &[SLOT, CENTER])).collect();
    let lasts: Vec<_> = grants.iter().flatten().map(|grant| grant.lasts.unwrap().as_secs()).collect();
    assert_eq!(lasts, [60, 40], "one minute, and what is left");
    // It takes the end of calls, not time.
    assert_eq!(grants[9], Err(Closed { scope: CENTER, limit: Limit::DayTime, value: 100, used: 100, frees_at: None }));
    // Nobody answered the first: what it had is free at once.
    budgets.settle(START, grants[0].unwrap().hold, Duration::ZERO);
    let line = |budgets: &Budgets| budgets.levels(START, CENTER).unwrap().lines[0];
    assert_eq!((line(&budgets).used, line(&budgets).reserved), (0, 40));
    budgets.settle(START, grants[1].unwrap().hold, Duration::from_millis(7_001));
    budgets.settle(START, grants[1].unwrap().hold, seconds(30));
    assert_eq!((line(&budgets).used, line(&budgets).reserved), (8, 0), "settled twice is settled once");
    assert_eq!(budgets.levels(START, CENTER).unwrap().calls, 0);
}

/// Each row: a limit, and how long a call that never ends lasts by it.
#[test]
fn a_call_ends_with_its_budget_and_is_warned() {
    let free = BudgetLimits::default;
    let rows = [
        (BudgetLimits { hour_s: Some(600), ..free() }, 600),
        (BudgetLimits { hour_s: Some(61), ..free() }, 61),
        (BudgetLimits { day_s: Some(3 * HOUR_S), ..free() }, 3 * HOUR_S),
        (BudgetLimits { day_spend: Some(300), ..free() }, 600),
        (BudgetLimits { day_spend: Some(302), ..free() }, 600),
        (BudgetLimits { month_spend: Some(303), ..free() }, 606),
        (BudgetLimits { month_spend: Some(303), day_s: Some(500), ..free() }, 500),
    ];
    for (limits, expected) in rows {
        let mut budgets = budgets(&[(SLOT, limits.clone()), (TRUNK, free())]);
        let (lasted, warned) = talk(&mut budgets, 0, &[TRUNK, SLOT], 100_000).unwrap();
        assert_eq!(lasted, expected, "{limits:?}");
        assert!(warned.unwrap() >= AHEAD_S, "{limits:?}: {warned:?}");
        for line in budgets.levels(at(lasted), SLOT).unwrap().lines {
            assert!(line.used <= line.value && line.reserved == 0, "{line:?}");
        }
    }
    // Shorter than what there is: nothing is told, and the real time is paid.
    let mut budgets = budgets(&[(SLOT, BudgetLimits { hour_s: Some(600), day_spend: Some(300), ..free() })]);
    assert_eq!(talk(&mut budgets, 0, &[SLOT], 200), Ok((200, None)));
    assert_eq!(budgets.levels(at(200), SLOT).unwrap().lines.iter().map(|line| line.used).collect::<Vec<_>>(), [200, 102]);
}

#[test]
fn what_another_call_frees_moves_the_end() {
    let mut budgets = budgets(&[(SLOT, BudgetLimits { day_s: Some(120), ..BudgetLimits::default() })]);
    let (one, two) = (begin(&mut budgets, START, &[SLOT]).unwrap().hold, begin(&mut budgets, START, &[SLOT]).unwrap().hold);
    let first = budgets.answered(START, one).unwrap();
    assert_eq!((first.until, first.next), (at(60), at(5)), "{first:?}");
    assert_eq!(first.closed.map(|closed| (closed.limit, closed.used, closed.frees_at)), Some((Limit::DayTime, 120, None)));
    budgets.settle(at(3), two, Duration::ZERO);
    let then = budgets.extend(at(5), one).unwrap();
    assert_eq!((then.until, then.next, then.closed), (at(80), at(65), None));
    // An owner that is late by some seconds has used what he was not promised, and that is all.
    let late = budgets.extend(at(200), one).unwrap();
    assert!(late.until <= at(200) && late.closed.is_some(), "{late:?}");
    budgets.settle(at(200), one, seconds(200));
    let line = budgets.levels(at(200), SLOT).unwrap().lines[0];
    assert_eq!((line.used, line.reserved), (200, 0));
}

/// Whoever breaks in at two minutes to midnight has one day's budget, and not two.
#[test]
fn midnight_frees_nothing() {
    let limits = BudgetLimits { hour_s: Some(1_800), day_spend: Some(1_000), ..BudgetLimits::default() };
    let mut budgets = budgets(&[(SLOT, limits)]);
    let (mut now_s, mut talked) = (0, 0);
    while now_s < 23 * HOUR_S {
        match talk(&mut budgets, now_s, &[SLOT], 100) {
            Ok((lasted, _)) => {
                talked += lasted;
                now_s += lasted;
            }
            Err(closed) => {
                let frees_at = closed.frees_at.unwrap();
                assert!(frees_at > at(now_s) && closed.scope == SLOT, "{closed:?}");
                // The door says when it opens: not a moment before, and then it does.
                let frees_s = frees_at.ms_since(START) / 1_000;
                assert!(begin(&mut budgets, WallTime(frees_at.0 - 1), &[SLOT]).is_err());
                let grant = begin(&mut budgets, frees_at, &[SLOT]).unwrap();
                budgets.settle(frees_at, grant.hold, Duration::ZERO);
                now_s = frees_s;
            }
        }
    }
    // 1,000 at 30 a minute are 2,000 s that are paid for; a call of 100 s pays for 102.
    assert_eq!(talked, 1_960);
}

#[test]
fn alarms_come_once_and_the_hand_resets() {
    let mut budgets = budgets(&[(SLOT, BudgetLimits { day_s: Some(1_000), ..BudgetLimits::default() })]);
    let mut told = Vec::new();
    let mut note = |budgets: &mut Budgets| {
        for output in outputs(budgets) {
            let BudgetOutput::Alarm { percent, scope: SLOT, limit: Limit::DayTime, value: 1_000, used } = output else {
                panic!("{output:?}")
            };
            told.push((percent, used));
        }
    };
    for turn in 0..12 {
        let _ = talk(&mut budgets, turn * 200, &[SLOT], 100);
        note(&mut budgets);
    }
    let closed = begin(&mut budgets, at(3_000), &[SLOT]).unwrap_err();
    assert_eq!((closed.value, closed.used), (1_000, 1_000));
    assert!(budgets.reset(SLOT) && !budgets.reset(TRUNK));
    assert_eq!(talk(&mut budgets, 3_000, &[SLOT], 850), Ok((850, None)));
    note(&mut budgets);
    // A day later it is news again; 999 s leave less than the shortest call, so that a refusal tells the last one.
    budgets.reset(SLOT);
    assert_eq!(talk(&mut budgets, 200_000, &[SLOT], 995), Ok((995, None)));
    note(&mut budgets);
    assert!(begin(&mut budgets, at(201_000), &[SLOT]).is_err() && begin(&mut budgets, at(201_000), &[SLOT]).is_err());
    note(&mut budgets);
    let percents: Vec<_> = told.iter().map(|(percent, _)| *percent).collect();
    assert_eq!(percents, [50, 80, 100, 50, 80, 50, 80, 100], "{told:?}");
    assert!(told.iter().all(|(percent, used)| used * 100 >= u64::from(*percent) * 1_000 || *percent == 100), "{told:?}");
}

#[test]
fn calls_at_once_and_within_a_second() {
    let limits = BudgetLimits { calls_max: Some(5), calls_per_s: Some(3), ..BudgetLimits::default() };
    let mut budgets = budgets(&[(TRUNK, limits)]);
    let mut ms = |offset: u64| {
        begin(&mut budgets, START.after(Duration::from_millis(offset)), &[TRUNK])
            .map_err(|closed| (closed.limit, closed.used, closed.frees_at))
    };
    let held: Vec<_> = [0, 100, 999].map(|offset| ms(offset).unwrap()).into();
    assert_eq!(ms(999).unwrap_err(), (Limit::Rate, 3, Some(at(1))));
    assert!(ms(1_000).is_ok());
    assert_eq!(ms(1_001).unwrap_err(), (Limit::Rate, 3, Some(START.after(Duration::from_millis(1_100)))));
    assert!(ms(1_100).is_ok());
    assert_eq!(ms(9_000).unwrap_err(), (Limit::Calls, 5, None));
    budgets.settle(at(9), held[0].hold, Duration::ZERO);
    assert!(begin(&mut budgets, at(9), &[TRUNK]).is_ok());
}

#[test]
fn what_was_used_survives_a_restart() {
    let limits = BudgetLimits { hour_s: Some(1_000), day_spend: Some(1_000), month_spend: Some(5_000), ..BudgetLimits::default() };
    let scopes = [(SLOT, limits.clone()), (CENTER, limits)];
    let mut before = budgets(&scopes);
    assert_eq!(talk(&mut before, 0, &[SLOT, CENTER], 600), Ok((600, None)));
    let up = begin(&mut before, at(700), &[CENTER]).unwrap();
    before.answered(at(700), up.hold).unwrap();
    assert!(!outputs(&mut before).is_empty());
    let saved: Vec<_> = [SLOT, CENTER].into_iter().filter_map(|scope| before.saved(at(720), scope)).collect();
    let mut after = budgets(&scopes);
    saved.iter().for_each(|saved| after.restore(at(730), saved));
    for scope in [SLOT, CENTER] {
        let (before, after) = (before.levels(at(730), scope).unwrap(), after.levels(at(730), scope).unwrap());
        assert_eq!(after.calls, 0);
        for (before, after) in before.lines.iter().zip(&after.lines) {
            assert_eq!((after.used, after.reserved), (before.used + before.reserved, 0), "what was promised counts as used");
        }
    }
    // Alarms that were told are not told again.
    assert_eq!(talk(&mut after, 740, &[SLOT], 30), Ok((30, None)));
    assert_eq!(outputs(&mut after), []);
    // By a clock that was set back the past is not in the future.
    let mut back = budgets(&scopes);
    saved.iter().for_each(|saved| back.restore(WallTime(START.0 - 86_400_000), saved));
    assert!(begin(&mut back, WallTime(START.0 - 86_400_000 + 2 * 3_600_000), &[CENTER]).is_ok());
    // What a scope without a budget had is gone; one with a new budget keeps what it used.
    assert!(after.set(
        at(800),
        SLOT,
        Some(Budget { limits: BudgetLimits { hour_s: Some(640), ..BudgetLimits::default() }, outside: None })
    ));
    assert_eq!(begin(&mut after, at(800), &[SLOT]).map(|grant| grant.lasts), Ok(Some(seconds(10))));
    assert!(after.set(START, SLOT, None) && after.levels(at(800), SLOT).is_none());
}

#[test]
fn a_forgotten_hold_is_settled() {
    let mut budgets = budgets(&[(SLOT, BudgetLimits { day_s: Some(1_000), ..BudgetLimits::default() })]);
    let (rings, talks) = (begin(&mut budgets, START, &[SLOT]).unwrap().hold, begin(&mut budgets, START, &[SLOT]).unwrap().hold);
    let until = budgets.answered(START, talks).unwrap().until;
    assert_eq!(budgets.timeout().map(|(at, _)| at), Some(until.after(LOST_AFTER)));
    budgets.expire(until.after(LOST_AFTER));
    budgets.expire(START.after(RING_MAX));
    assert_eq!(outputs(&mut budgets), [BudgetOutput::Lost { hold: talks }, BudgetOutput::Lost { hold: rings }]);
    let view = budgets.levels(at(700), SLOT).unwrap();
    assert_eq!((view.calls, view.lines[0].used, view.lines[0].reserved, budgets.timeout()), (0, until.ms_since(START) / 1_000, 0, None));
    // A budget that goes and comes while a call is up counts it anew.
    let hold = begin(&mut budgets, at(800), &[SLOT]).unwrap().hold;
    let budget = Some(Budget { limits: BudgetLimits { day_s: Some(1_000), ..BudgetLimits::default() }, outside: None });
    assert!(budgets.set(START, SLOT, None) && budgets.set(START, SLOT, budget));
    let other = begin(&mut budgets, at(800), &[SLOT]).unwrap().hold;
    budgets.settle(at(800), hold, seconds(50));
    let view = budgets.levels(at(800), SLOT).unwrap();
    assert_eq!((view.calls, view.lines[0].used, view.lines[0].reserved), (1, 50, 60));
    budgets.settle(at(800), other, Duration::ZERO);
}

/// Each row: what the trunk had before, what the slot gets while one call talks and another rings, and until when they last then.
#[test]
fn a_budget_that_is_set_counts_the_calls_that_are_up() {
    let limited = |limits: BudgetLimits| Some(Budget { limits, outside: None });
    for (before, hour_s, talks_until, rings_until) in
        [(None, 0, 100, 110), (None, 100, 175, 135), (Some(1_000), 0, 100, 110), (Some(1_000), 100, 175, 135)]
    {
        let name = format!("{before:?} {hour_s}");
        let mut budgets = Budgets::new();
        if before.is_some() {
            budgets.set(START, TRUNK, limited(BudgetLimits { day_s: before, ..BudgetLimits::default() }));
        }
        let [talks, rings] = [SLOT, SLOT].map(|slot| begin(&mut budgets, START, &[slot, TRUNK]).unwrap());
        assert_eq!(talks.lasts.is_none(), before.is_none(), "{name}");
        assert_eq!(budgets.answered(START, talks.hold).is_none(), before.is_none(), "{name}");
        let mut asked = START;
        while let Some(term) = budgets.extend(asked, talks.hold).filter(|term| term.next < at(100) && term.next > asked) {
            asked = term.next;
        }
        budgets.expire(at(100));
        assert!(budgets.set(at(100), SLOT, limited(BudgetLimits { hour_s: Some(hour_s), calls_max: Some(1), ..BudgetLimits::default() })));
        let view = budgets.levels(at(100), SLOT).unwrap();
        assert_eq!((view.calls, view.lines[1].used, view.lines[1].reserved), (2, 0, 0), "{name}: nothing of what was is its own");
        assert_eq!(begin(&mut budgets, at(100), &[SLOT, TRUNK]).unwrap_err().limit, Limit::Calls, "{name}");
        let term = budgets.extend(at(100), talks.hold).unwrap();
        assert_eq!((term.until, term.closed.is_some()), (at(talks_until), talks_until != 175), "{name}");
        let term = budgets.answered(at(110), rings.hold).unwrap();
        assert_eq!(term.until, at(rings_until), "{name}");
        budgets.settle(at(120), talks.hold, seconds(120));
        budgets.settle(at(120), rings.hold, seconds(10));
        let view = budgets.levels(at(120), SLOT).unwrap();
        assert_eq!((view.calls, view.lines[1].used, view.lines[1].reserved), (0, 30, 0), "{name}");
        let trunk = budgets.levels(at(120), TRUNK).map(|view| (view.calls, view.lines[0].used, view.lines[0].reserved));
        assert_eq!(trunk, before.map(|_| (0, 130, 0)), "{name}");
        assert_eq!((budgets.holds(), budgets.timeout()), (0, None), "{name}");
    }
}

/// A call as the test itself sees it.
struct Call {
    hold: HoldId,
    scopes: Vec<Scope>,
    price: Price,
    promised_s: u64,
    paid_s: u64,
    answered: Option<WallTime>,
    next: WallTime,
    until: WallTime,
}

/// The test's own books: when a scope was charged how much.
#[derive(Default)]
struct Ledger(BTreeMap<Scope, Vec<(WallTime, u64, u64)>>);

impl Ledger {
    fn charge(&mut self, now: WallTime, call: &mut Call, lasted_s: u64) {
        let cost = call.price.cost(lasted_s) - call.price.cost(call.paid_s);
        for scope in &call.scopes {
            self.0.entry(*scope).or_default().push((now, lasted_s - call.paid_s, cost));
        }
        call.paid_s = lasted_s;
    }

    /// Seconds and minor units within the last `window_ms`.
    fn within(&self, now: WallTime, scope: Scope, window_ms: u64) -> (u64, u64) {
        let entries = self.0.get(&scope).into_iter().flatten().rev().take_while(|(at, ..)| now.ms_since(*at) < window_ms);
        entries.fold((0, 0), |sum, (_, s, cost)| (sum.0 + s, sum.1 + cost))
    }
}

/// 100,000 events at random: nothing that is used and promised exceeds any limit, nothing is forgotten before its time, and no promise leaks.
#[test]
fn budgets_hold_whatever_happens() {
    const SEEDS: u64 = 4;
    for seed in 0..SEEDS {
        let mut chance = Chance(seed);
        let slot = BudgetLimits { hour_s: Some(900), calls_max: Some(3), ..BudgetLimits::default() };
        let trunk = BudgetLimits { day_spend: Some(2_000), calls_per_s: Some(2), ..BudgetLimits::default() };
        let center = BudgetLimits { day_s: Some(7_000), month_spend: Some(20_000), calls_max: Some(20), ..BudgetLimits::default() };
        let all = [(SLOT, slot.clone()), (Scope::Slot(SlotId(2)), slot), (TRUNK, trunk), (CENTER, center)];
        let mut budgets = budgets(&all);
        let mut now = START;
        let mut ledger = Ledger::default();
        let mut calls: Vec<Call> = Vec::new();
        let (mut begun, mut refused, mut cut) = (0, BTreeMap::new(), 0);
        for event in 0..100_000 / SEEDS {
            // Nobody is late: what is due before the next moment happens at its own.
            let pause = if chance.below(50) == 0 { 7_200_000 } else { 30_000 };
            let then = now.after(Duration::from_millis(chance.below(pause)));
            while let Some(due) =
                (0..calls.len()).filter(|at| calls[*at].answered.is_some() && calls[*at].next <= then).min_by_key(|at| calls[*at].next)
            {
                let call = &mut calls[due];
                now = call.next;
                let lasted_s = now.ms_since(call.answered.unwrap()) / 1_000;
                let term = budgets.extend(now, call.hold).unwrap();
                ledger.charge(now, call, lasted_s);
                assert!(term.until >= call.until, "a promise was taken back");
                (call.next, call.until) = (term.next, term.until);
                call.promised_s = term.until.ms_since(call.answered.unwrap()) / 1_000;
                if term.until <= now {
                    budgets.settle(now, call.hold, Duration::from_secs(lasted_s));
                    cut += 1;
                    calls.swap_remove(due);
                }
            }
            now = then;
            match chance.below(10) {
                0..5 => {
                    let own = if chance.below(2) == 0 { SLOT } else { Scope::Slot(SlotId(2)) };
                    let scopes = vec![own, TRUNK, CENTER];
                    let price = by_minute(chance.below(40), [1, 6, 30, 60][usize::try_from(chance.below(4)).unwrap()]);
                    let number: Number = if chance.below(50) == 0 { "112" } else { "+74951234567" }.parse().unwrap();
                    let attempt = Attempt { scopes: &scopes, number: &number, called: Called::Ordinary, price: Some(price), currency: "" };
                    match budgets.reserve(now, &attempt) {
                        Ok(Grant { hold, lasts: Some(lasts) }) => {
                            begun += 1;
                            calls.push(Call {
                                hold,
                                scopes,
                                price,
                                promised_s: lasts.as_secs(),
                                paid_s: 0,
                                answered: None,
                                next: now,
                                until: now,
                            });
                        }
                        Ok(grant) => assert_eq!((grant.hold, number.as_str()), (HoldId(0), "112")),
                        Err(closed) => {
                            *refused.entry(closed.limit).or_insert(0) += 1;
                            assert!(number.is_emergency() || closed.frees_at.is_none_or(|at| at > now), "{closed:?} at {now:?}");
                        }
                    }
                }
                5..8 => {
                    if let Some(call) = calls.iter_mut().find(|call| call.answered.is_none()) {
                        let term = budgets.answered(now, call.hold).unwrap();
                        (call.answered, call.next, call.until) = (Some(now), term.next, term.until);
                        call.promised_s = term.until.ms_since(now) / 1_000;
                    }
                }
                _ if !calls.is_empty() => {
                    let at = usize::try_from(chance.below(calls.len() as u64)).unwrap();
                    let mut call = calls.swap_remove(at);
                    let lasted = call.answered.map_or(0, |answered| now.ms_since(answered));
                    budgets.settle(now, call.hold, Duration::from_millis(lasted));
                    ledger.charge(now, &mut call, lasted.div_ceil(1_000));
                }
                _ => {}
            }
            // Those that ring on are let go before they are lost.
            for scope in all.iter().map(|(scope, _)| *scope) {
                let view = budgets.levels(now, scope).unwrap();
                assert_eq!(view.calls as usize, calls.iter().filter(|call| call.scopes.contains(&scope)).count());
                for line in &view.lines {
                    assert!(line.used + line.reserved <= line.value, "seed {seed}, event {event}, {scope:?}: {line:?}");
                    let is_money = matches!(line.limit, Limit::DaySpend | Limit::MonthSpend);
                    let promised = calls.iter().filter(|call| call.scopes.contains(&scope) && line.limit != Limit::Calls).map(|call| {
                        if is_money {
                            call.price.cost(call.promised_s) - call.price.cost(call.paid_s)
                        } else {
                            call.promised_s - call.paid_s
                        }
                    });
                    assert_eq!(line.reserved, promised.sum::<u64>(), "seed {seed}, event {event}, {scope:?}: {line:?}");
                    if event % 20 == 0 && line.limit != Limit::Calls {
                        let hours = match line.limit {
                            Limit::HourTime => 1,
                            Limit::MonthSpend => 720,
                            _ => 24,
                        };
                        let (s, cost) = ledger.within(now, scope, hours * 3_600_000);
                        assert!(line.used >= if is_money { cost } else { s }, "forgotten before its time: {line:?}, {s} s, {cost}");
                    }
                }
            }
            outputs(&mut budgets);
        }
        for call in calls.drain(..) {
            budgets.settle(now, call.hold, Duration::ZERO);
        }
        for (scope, _) in &all {
            let view = budgets.levels(now, *scope).unwrap();
            assert!(view.calls == 0 && view.lines.iter().all(|line| line.reserved == 0), "leaked: {view:?}");
        }
        assert!(budgets.timeout().is_none(), "leaked");
        assert!(begun > 500 && cut > 20 && refused.len() >= 4, "the walk came nowhere: {begun} begun, {cut} cut, {refused:?}");
    }
}

/// Who has handed a call on has one less at once, and pays for it as before.
#[test]
fn a_call_that_was_handed_on_is_paid_and_not_counted() {
    let limits = BudgetLimits { calls_max: Some(1), day_s: Some(1_000), ..BudgetLimits::default() };
    let mut budgets = budgets(&[(SLOT, limits.clone()), (CENTER, BudgetLimits { calls_max: Some(2), ..limits })]);
    let held = begin(&mut budgets, START, &[SLOT, CENTER]).unwrap().hold;
    budgets.answered(START, held).unwrap();
    assert_eq!(begin(&mut budgets, at(1), &[SLOT, CENTER]).unwrap_err().limit, Limit::Calls);
    for _ in 0..2 {
        budgets.uncount(held, SLOT);
    }
    budgets.uncount(held, TRUNK);
    let calls = |budgets: &Budgets, scope| budgets.levels(START, scope).unwrap().calls;
    assert_eq!((calls(&budgets, SLOT), calls(&budgets, CENTER)), (0, 1));
    let other = begin(&mut budgets, at(1), &[SLOT, CENTER]).unwrap().hold;
    budgets.settle(at(50), held, Duration::from_secs(50));
    assert_eq!((calls(&budgets, SLOT), calls(&budgets, CENTER)), (1, 1), "the other one is still there");
    let used = budgets.levels(at(50), SLOT).unwrap().lines.into_iter().find(|line| line.limit == Limit::DayTime).unwrap().used;
    assert_eq!(used, 50);
    budgets.settle(at(50), other, Duration::ZERO);
    assert_eq!((calls(&budgets, SLOT), calls(&budgets, CENTER)), (0, 0));
}
