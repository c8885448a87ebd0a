use proptest::prelude::*;

use super::*;

/// A lead as the database has it.
#[derive(Debug, Clone, Copy, Default)]
struct Stored {
    at: Option<WallTime>,
    version: i64,
    is_reminded: bool,
}

/// A database, a shell and a clock; what is told but not yet heard; what it reminded of: lead, version, time and when.
struct World {
    leads: BTreeMap<LeadId, Stored>,
    is_away: bool,
    core: Reminders,
    now: WallTime,
    told: Vec<Input>,
    reminded: Vec<(LeadId, i64, WallTime, WallTime)>,
    loads: usize,
    /// Since when nothing can excuse a reminder that is late.
    fair_since: WallTime,
}

const LIMITS: Limits = Limits { load: 4, window: 6 };
const START: WallTime = WallTime(1_800_000_000_000);

impl World {
    fn new(limits: Limits) -> Self {
        Self {
            leads: BTreeMap::new(),
            is_away: false,
            core: Reminders::with(START, limits),
            now: START,
            told: Vec::new(),
            reminded: Vec::new(),
            loads: 0,
            fair_since: START,
        }
    }

    fn hear(&mut self, input: Input) {
        self.core.handle(self.now, input);
        while let Some(output) = self.core.poll() {
            match self.carry_out(output) {
                Some(input) => self.core.handle(self.now, input),
                None => continue,
            }
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Load { .. } if self.is_away => Some(Input::LoadFailed),
            Output::Load { upto, most } => {
                self.loads += 1;
                let rows = self.leads.iter().filter(|(_, stored)| !stored.is_reminded);
                let mut rows: Vec<Due> =
                    rows.filter_map(|(lead, stored)| Some(Due { lead: *lead, at: stored.at?, version: stored.version })).collect();
                rows.retain(|due| due.at < upto);
                rows.sort_by_key(|due| (due.at, due.lead));
                rows.truncate(most);
                Some(Input::Loaded(rows))
            }
            Output::Remind(due) if self.is_away => Some(Input::Failed(due)),
            Output::Remind(due) => {
                if let Some(stored) = self.leads.get_mut(&due.lead)
                    && stored.at == Some(due.at)
                    && !stored.is_reminded
                {
                    stored.is_reminded = true;
                    self.reminded.push((due.lead, due.version, due.at, self.now));
                }
                None
            }
        }
    }

    fn change(&mut self, lead: LeadId, at: Option<WallTime>) {
        let stored = self.leads.entry(lead).or_default();
        *stored = Stored { at, version: stored.version + 1, is_reminded: false };
        let version = stored.version;
        self.told.push(at.map_or(Input::Cleared { lead, version }, |at| Input::Set(Due { lead, at, version })));
    }

    fn hear_all(&mut self) {
        for input in std::mem::take(&mut self.told) {
            self.hear(input);
        }
    }

    /// Lets the clock run, waking the core when it wants to be, and at the end.
    fn run(&mut self, ms: i64) {
        let end = WallTime(self.now.0 + ms);
        while self.now < end {
            let wake = self.core.timeout().map_or(end, |(at, _)| at).min(end);
            // A time that has passed already is looked at in the next millisecond.
            self.now = wake.max(WallTime(self.now.0 + 1));
            self.hear(Input::Woken);
            self.nothing_is_late();
        }
    }

    /// Whatever has been due for longer than a second was told.
    fn nothing_is_late(&self) {
        for (lead, stored) in &self.leads {
            let due = stored.at.filter(|_| !stored.is_reminded && !self.is_away && self.told.is_empty());
            let is_late = due.is_some_and(|at| at.max(self.fair_since).0 + 1_000 < self.now.0);
            assert!(!is_late, "{lead} {stored:?} at {:?}, which is fair since {:?}", self.now, self.fair_since);
        }
    }
}

fn due(lead: i64, minutes: i64) -> (LeadId, Option<WallTime>) {
    (LeadId(lead), Some(WallTime(START.0 + minutes * 60_000)))
}

fn check(world: &World, expected: &[(i64, i64)]) {
    let found: Vec<_> = world.reminded.iter().map(|(lead, _, _, told)| (lead.0, (told.0 - START.0) / 60_000)).collect();
    assert_eq!(found, expected);
}

fn with(leads: &[(i64, i64)]) -> World {
    let mut world = World::new(Limits { load: LOAD_MAX, window: WINDOW_MAX });
    for (lead, minutes) in leads {
        let (lead, at) = due(*lead, *minutes);
        world.change(lead, at);
    }
    world.told.clear();
    world.hear(Input::Woken);
    world
}

#[test]
fn each_is_reminded_once_and_never_before_its_time() {
    let mut world = with(&[(1, -5), (2, 7), (3, 7), (4, 100)]);
    check(&world, &[(1, 0)]);
    world.run(6 * 60_000 + 59_999);
    check(&world, &[(1, 0)]);
    world.run(1);
    check(&world, &[(1, 0), (2, 7), (3, 7)]);
    world.run(200 * 60_000);
    check(&world, &[(1, 0), (2, 7), (3, 7), (4, 100)]);
}

#[test]
fn a_time_that_is_changed_counts_as_it_is_now() {
    let mut world = with(&[(1, 5), (2, 6), (3, 90)]);
    for (lead, minutes) in [(1, 8), (2, 60), (3, 4), (4, 3)] {
        let (lead, at) = due(lead, minutes);
        world.change(lead, at);
    }
    world.change(LeadId(1), None);
    world.hear_all();
    world.run(120 * 60_000);
    check(&world, &[(4, 3), (3, 4), (2, 60)]);
    // What was done is wanted once more.
    let (lead, at) = due(2, 130);
    world.change(lead, at);
    world.hear_all();
    world.run(20 * 60_000);
    check(&world, &[(4, 3), (3, 4), (2, 60), (2, 130)]);
}

#[test]
fn older_news_do_not_undo_newer_ones() {
    let mut world = with(&[]);
    for minutes in [60, 3] {
        let (lead, at) = due(1, minutes);
        world.change(lead, at);
    }
    world.told.reverse();
    world.hear_all();
    world.run(6 * 60_000);
    check(&world, &[(1, 3)]);
}

#[test]
fn a_clock_that_steps_makes_nothing_twice_and_nothing_late() {
    let mut world = with(&[(1, 1), (2, 5)]);
    world.run(2 * 60_000);
    world.now = WallTime(START.0 - 60 * 60_000);
    world.hear(Input::Woken);
    world.run(64 * 60_000);
    check(&world, &[(1, 1)]);
    world.run(60_000);
    check(&world, &[(1, 1), (2, 5)]);
    let (lead, at) = due(3, 600);
    world.change(lead, at);
    world.hear_all();
    world.now = WallTime(START.0 + 600 * 60_000);
    world.hear(Input::Woken);
    check(&world, &[(1, 1), (2, 5), (3, 600)]);
}

#[test]
fn a_database_that_is_away_delays_and_loses_nothing() {
    let mut world = with(&[(1, 1), (2, 20)]);
    world.is_away = true;
    world.run(30 * 60_000);
    check(&world, &[]);
    world.is_away = false;
    world.fair_since = WallTime(world.now.0 + 5_000);
    world.run(6_000);
    check(&world, &[(1, 30), (2, 30)]);
}

#[test]
fn a_backlog_is_worked_off_in_parts_and_without_haste() {
    let leads: Vec<_> = (1..=40).map(|lead| (lead, -1)).collect();
    let mut world = World::new(LIMITS);
    for (lead, minutes) in leads {
        let (lead, at) = due(lead, minutes);
        world.change(lead, at);
    }
    world.told.clear();
    world.fair_since = WallTime(START.0 + 10_000);
    world.hear(Input::Woken);
    world.run(60_000);
    assert_eq!(world.reminded.len(), 40);
    assert_eq!(world.loads, 11, "one a second, and the last finds no more");
}

#[derive(Debug, Clone)]
enum Move {
    Change(i64, Option<i64>),
    Run(i64),
    Step(i64),
    Hear,
    HearBackwards,
    Away(bool),
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        8 => (1..20_i64, prop::option::weighted(0.8, -120..2_400_i64)).prop_map(|(lead, seconds)| Move::Change(lead, seconds)),
        6 => (1..900_000_i64).prop_map(Move::Run),
        1 => (-3_600_000..3_600_000_i64).prop_map(Move::Step),
        6 => Just(Move::Hear),
        1 => Just(Move::HearBackwards),
        1 => any::<bool>().prop_map(Move::Away),
        1 => Just(Move::Restart),
    ];
    prop::collection::vec(one, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, a time is told once and never before it comes; and while the database is there and news are heard at once, at most a
    /// second late. With more leads than can be read or kept at once.
    #[test]
    fn whatever_happens_each_is_reminded_once_and_in_time(moves in moves(), is_small in any::<bool>()) {
        let limits = if is_small { LIMITS } else { Limits { load: LOAD_MAX, window: WINDOW_MAX } };
        let mut world = World::new(limits);
        world.hear(Input::Woken);
        // A reading brings a few at a time, one reading a second.
        let catching_up = 20_000;
        for step in moves {
            let before = world.now;
            match step {
                Move::Change(lead, seconds) => {
                    let at = seconds.map(|seconds| WallTime(world.now.0 + seconds * 1_000));
                    world.change(LeadId(lead), at);
                }
                Move::Run(ms) => world.run(ms),
                Move::Step(ms) => {
                    world.now = WallTime(world.now.0 + ms);
                    world.hear(Input::Woken);
                }
                Move::Hear => world.hear_all(),
                Move::HearBackwards => {
                    world.told.reverse();
                    world.hear_all();
                }
                Move::Away(is_away) => world.is_away = is_away,
                Move::Restart => {
                    world.core = Reminders::with(world.now, limits);
                    world.told.clear();
                    world.hear(Input::Woken);
                }
            }
            if matches!(step, Move::Step(_) | Move::Restart | Move::Away(_) | Move::Hear | Move::HearBackwards) || world.is_away {
                world.fair_since = WallTime(world.now.max(before).0 + catching_up);
            }
            prop_assert!(world.core.window.len() <= limits.window && world.core.window.len() == world.core.of_lead.len());
        }
        world.is_away = false;
        world.hear_all();
        world.fair_since = WallTime(world.now.0 + catching_up);
        world.run(4_000_000);
        let mut told = world.reminded.clone();
        prop_assert!(told.iter().all(|(_, _, at, told)| at <= told));
        told.sort_unstable();
        let all = told.len();
        told.dedup_by_key(|(lead, version, ..)| (*lead, *version));
        prop_assert_eq!(told.len(), all, "twice");
        for (lead, stored) in &world.leads {
            prop_assert!(stored.at.is_none_or(|at| stored.is_reminded || at > world.now), "{} {:?}", lead, stored);
        }
    }
}
