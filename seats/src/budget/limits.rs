//! What a budget allows, what a call costs, and why the door stays closed.

use model::{CenterId, Destination, HubId, Number, SlotId, WallTime};

/// Whose budget it is. A call is asked for all of its scopes, and each must allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One slot.
    Slot(SlotId),
    /// The slots of one trunk.
    Trunk(HubId),
    /// The line to one carrier, by its id.
    Carrier(i64),
    /// A whole centre.
    Center(CenterId),
}

/// What is called, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Called {
    /// An ordinary number.
    Ordinary,
    /// One that pays whoever owns it: denied unless a budget says otherwise.
    Premium,
    /// Help: always passes. The numbers of [`crate::EMERGENCY`] do in any case.
    Emergency,
}

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// A minute, in minor units of the centre's currency (cents, kopecks).
    pub per_minute: u64,
    /// The billing step in seconds, 1 to 3,600: each one that has begun is paid for.
    pub step_s: u32,
}

impl Price {
    /// The longest billing step, in seconds.
    pub const STEP_MAX_S: u32 = 3_600;

    /// Nothing is paid.
    pub const FREE: Self = Self { per_minute: 0, step_s: 1 };

    /// What `seconds` cost, in minor units, rounded up.
    #[must_use]
    pub fn cost(self, seconds: u64) -> u64 {
        let paid_s = u128::from(seconds.div_ceil(self.step())) * u128::from(self.step());
        u64::try_from(paid_s.saturating_mul(self.per_minute.into()).div_ceil(60)).unwrap_or(u64::MAX)
    }

    /// The most whole steps, in seconds, that cost no more than `amount`.
    #[must_use]
    pub fn seconds_for(self, amount: u64) -> u64 {
        let step_costs = u128::from(self.step()) * u128::from(self.per_minute);
        let steps = (u128::from(amount) * 60).checked_div(step_costs);
        steps.and_then(|steps| u64::try_from(steps.saturating_mul(self.step().into())).ok()).unwrap_or(u64::MAX)
    }

    /// The billing step in seconds, within its range.
    pub(super) fn step(self) -> u64 {
        self.step_s.clamp(1, Self::STEP_MAX_S).into()
    }
}

/// What one scope may do. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BudgetLimits {
    /// What may be called; empty: everything.
    pub destinations: Vec<Destination>,
    /// Whether premium numbers may be called at all.
    pub premium: bool,
    /// Calls at once.
    pub calls_max: Option<u32>,
    /// Calls that begin within any second, at most [`BudgetLimits::CALLS_PER_S_MAX`].
    pub calls_per_s: Option<u32>,
    /// Seconds of talk within any hour.
    pub hour_s: Option<u64>,
    /// Seconds of talk within any 24 hours.
    pub day_s: Option<u64>,
    /// What is paid within any 24 hours, in minor units.
    pub day_spend: Option<u64>,
    /// What is paid within any 30 days, in minor units.
    pub month_spend: Option<u64>,
}

impl BudgetLimits {
    /// The most that [`BudgetLimits::calls_per_s`] may say; a greater one means this.
    pub const CALLS_PER_S_MAX: u32 = 1_000;

    /// Whether the number may be called.
    pub(super) fn allows(&self, number: &Number) -> bool {
        self.destinations.is_empty() || self.destinations.iter().any(|destination| destination.covers(number))
    }

    /// The value of a limit that counts.
    pub(super) fn value(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Destination | Limit::Premium => None,
            Limit::Calls => self.calls_max.map(u64::from),
            Limit::Rate => self.calls_per_s.map(|calls| calls.min(Self::CALLS_PER_S_MAX).into()),
            Limit::HourTime => self.hour_s,
            Limit::DayTime => self.day_s,
            Limit::DaySpend => self.day_spend,
            Limit::MonthSpend => self.month_spend,
        }
    }
}

/// A scope's limits by day and by night.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    /// What holds always.
    pub always: BudgetLimits,
    /// What holds besides outside of working hours: who breaks in does so when nobody looks. Here `premium` must be allowed, too.
    pub closed: Option<BudgetLimits>,
}

impl Budget {
    /// The limits that hold now, one beside the other.
    pub(super) fn layers(&self, is_open: bool) -> impl Iterator<Item = &BudgetLimits> {
        std::iter::once(&self.always).chain(self.closed.as_ref().filter(|_| !is_open))
    }

    /// The narrowest value of a limit.
    pub(super) fn value(&self, limit: Limit, is_open: bool) -> Option<u64> {
        self.layers(is_open).filter_map(|layer| layer.value(limit)).min()
    }
}

/// What can be in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// No list of the scope names the number.
    Destination,
    /// It is a premium number.
    Premium,
    /// Calls at once.
    Calls,
    /// Calls that begin within a second.
    Rate,
    /// Seconds within an hour.
    HourTime,
    /// Seconds within 24 hours.
    DayTime,
    /// Minor units within 24 hours.
    DaySpend,
    /// Minor units within 30 days.
    MonthSpend,
}

impl Limit {
    /// Those that are used up by talking.
    pub(super) const GATHERED: [Self; 4] = [Self::HourTime, Self::DayTime, Self::DaySpend, Self::MonthSpend];

    /// One word for logs and the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Premium => "premium",
            Self::Calls => "calls",
            Self::Rate => "calls_per_s",
            Self::HourTime => "hour_s",
            Self::DayTime => "day_s",
            Self::DaySpend => "day_spend",
            Self::MonthSpend => "month_spend",
        }
    }
}

/// Why a call may not begin, or not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Whose budget.
    pub scope: Scope,
    /// Which limit.
    pub limit: Limit,
    /// Its value; 0 for those that do not count.
    pub value: u64,
    /// How much of it is used, and promised to calls that are up.
    pub used: u64,
    /// When some of it is free again by itself; `None` when that takes the end of a call, or somebody's hand.
    pub frees_at: Option<WallTime>,
}
