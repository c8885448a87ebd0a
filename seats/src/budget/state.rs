//! What one scope has used and promised, and what one call holds of it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use model::{
    BudgetUsed, WallTime,
    budget::{Amount, Budget, Levels, Limit, Line, Scope},
};

use super::{
    SHORTEST_S,
    limits::Price,
    window::{DAY, HOUR, MONTH, Window},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What is reserved for one call.
#[derive(Debug)]
pub(super) struct Hold {
    /// All that it is of, whether they have budgets or not: they may get one.
    pub(super) scopes: Vec<Scope>,
    /// Those of them which do not count it among their calls any more.
    pub(super) uncounted: Vec<Scope>,
    pub(super) price: Price,
    /// Seconds since the answer that are promised, and used up.
    pub(super) granted_s: u64,
    pub(super) used_s: u64,
    pub(super) answered: Option<WallTime>,
    /// When it is settled if nobody has asked for it; none as long as nobody has a budget and nobody has to ask.
    pub(super) deadline: Option<WallTime>,
}

impl Hold {
    /// Seconds since the answer, each that has begun; 0 before it.
    pub(super) fn lasted_s(&self, now: WallTime) -> u64 {
        self.answered.map_or(0, |answered| now.ms_since(answered).div_ceil(1_000))
    }

    pub(super) fn used(&self) -> Amount {
        Amount { seconds: self.used_s, spend: self.price.cost(self.used_s) }
    }

    /// What is promised beyond what is used.
    pub(super) fn reserved(&self) -> Amount {
        Amount { seconds: self.granted_s, spend: self.price.cost(self.granted_s) }.minus(self.used())
    }
}

/// One scope.
#[derive(Debug)]
pub(super) struct State {
    pub(super) budget: Budget,
    pub(super) hour: Window,
    pub(super) day: Window,
    pub(super) month: Window,
    pub(super) reserved: Amount,
    pub(super) calls: u32,
    /// The calls that began within the last second, where there is a limit to these.
    pub(super) starts: VecDeque<WallTime>,
    pub(super) told: BTreeMap<(Limit, u8), WallTime>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            budget: Budget::default(),
            hour: Window::new(HOUR),
            day: Window::new(DAY),
            month: Window::new(MONTH),
            reserved: Amount::default(),
            calls: 0,
            starts: VecDeque::new(),
            told: BTreeMap::new(),
        }
    }

    pub(super) fn window(&self, limit: Limit) -> &Window {
        match limit {
            Limit::HourTime => &self.hour,
            Limit::MonthSpend => &self.month,
            _ => &self.day,
        }
    }

    /// Used up and promised.
    pub(super) fn taken(&self, now: WallTime, limit: Limit) -> u64 {
        self.window(limit).used(now).plus(self.reserved).of(limit)
    }

    pub(super) fn begin(&mut self, now: WallTime) {
        if self.budget.value(Limit::Rate, now).is_some() {
            self.starts = self.recent(now);
            self.starts.push_back(now);
        }
    }

    /// The calls that began within the last second; after a step back of the clock none.
    pub(super) fn recent(&self, now: WallTime) -> VecDeque<WallTime> {
        self.starts.iter().filter(|at| (0..1_000).contains(&now.0.saturating_sub(at.0))).copied().collect()
    }

    pub(super) fn saved(&self, now: WallTime, scope: Scope) -> BudgetUsed {
        let with_promised = |window: &Window| {
            let mut window = window.clone();
            window.add(now, self.reserved);
            window.saved()
        };
        let told = self.told.iter().map(|((limit, percent), at)| (*limit, *percent, *at)).collect();
        let [hour, day, month] = [&self.hour, &self.day, &self.month].map(with_promised);
        BudgetUsed { scope, hour, day, month, told }
    }

    /// Something was used up.
    pub(super) fn add(&mut self, now: WallTime, used: Amount) {
        self.windows().into_iter().for_each(|window| window.add(now, used));
    }

    /// Forgets what was used and told.
    pub(super) fn reset(&mut self) {
        self.windows().into_iter().for_each(Window::clear);
        self.told.clear();
        self.starts.clear();
    }

    pub(super) fn levels(&self, now: WallTime) -> Levels {
        let calls = self.budget.value(Limit::Calls, now).map(|value| {
            let used = self.calls.into();
            Line { limit: Limit::Calls, value, used, reserved: 0, free_at: None, is_closed: used >= value }
        });
        let gathered = Limit::GATHERED.into_iter().filter_map(|limit| {
            let value = self.budget.value(limit, now)?;
            let used = self.window(limit).used(now).of(limit);
            let free_at = (used > 0).then(|| self.window(limit).falls_to(now, limit, 0));
            let reserved = self.reserved.of(limit);
            // A call that costs less than a minor unit still needs one.
            let least = Amount { seconds: SHORTEST_S, spend: 1 }.of(limit);
            let is_closed = value < used.saturating_add(reserved).saturating_add(least);
            Some(Line { limit, value, used, reserved, free_at, is_closed })
        });
        Levels { calls: self.calls, lines: calls.into_iter().chain(gathered).collect() }
    }

    pub(super) fn restore(&mut self, now: WallTime, saved: &BudgetUsed) {
        self.hour.restore(now, &saved.hour);
        self.day.restore(now, &saved.day);
        self.month.restore(now, &saved.month);
        self.told = saved.told.iter().map(|(limit, percent, at)| ((*limit, *percent), WallTime(at.0.min(now.0)))).collect();
    }

    fn windows(&mut self) -> [&mut Window; 3] {
        [&mut self.hour, &mut self.day, &mut self.month]
    }
}
