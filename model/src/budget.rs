//! Budgets against toll fraud, as plain data: whose they are, what they allow, and how they stand (R23).
//!
//! What counts by them stands in `seats`. A budget limits calls out to the world, by whatever they leave; calls between slots cost nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Calendar, CallId, CarrierId, CenterId, Destination, HubId, Number, Problem, SlotId, WallTime, problem::Problems};

/// Whose budget it is. A call is asked for all of its scopes, and each must allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One slot.
    Slot(SlotId),
    /// The slots of one trunk.
    Trunk(HubId),
    /// The line to one carrier.
    Carrier(CarrierId),
    /// A whole centre.
    Center(CenterId),
}

impl Scope {
    /// The kinds of scopes.
    pub const KINDS: [&'static str; 4] = ["slot", "trunk", "carrier", "center"];

    /// The scope of this kind with this id; none if there is no such kind.
    #[must_use]
    pub fn of(kind: &str, id: i64) -> Option<Self> {
        Some(match kind {
            "slot" => Self::Slot(SlotId(id)),
            "trunk" => Self::Trunk(HubId(id)),
            "carrier" => Self::Carrier(CarrierId(id)),
            "center" => Self::Center(CenterId(id)),
            _ => return None,
        })
    }

    /// One of [`Scope::KINDS`].
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Slot(_) => "slot",
            Self::Trunk(_) => "trunk",
            Self::Carrier(_) => "carrier",
            Self::Center(_) => "center",
        }
    }

    /// The id of the slot, trunk, carrier or centre.
    #[must_use]
    pub fn id(self) -> i64 {
        match self {
            Self::Slot(SlotId(id)) | Self::Trunk(HubId(id)) | Self::Carrier(CarrierId(id)) | Self::Center(CenterId(id)) => id,
        }
    }
}

/// `slot 44`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// What one scope may do. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetLimits {
    /// What may be called, in E.164 where it is such a number; empty: everything.
    pub destinations: Vec<Destination>,
    /// Whether premium numbers may be called. They may only if one scope of the call says so, and none says no.
    pub premium: Option<bool>,
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
    /// The currency of these amounts (ISO 4217). With an amount, calls whose price in it is not known are refused.
    pub currency: String,
}

impl BudgetLimits {
    /// The most that [`BudgetLimits::calls_per_s`] may say; a greater one means this.
    pub const CALLS_PER_S_MAX: u32 = 1_000;
    /// The most that [`BudgetLimits::calls_max`] may say.
    pub const CALLS_MAX: u32 = 100_000;
    /// The most seconds of talk within a window: a hundred thousand calls for a day.
    pub const TALK_MAX_S: u64 = 8_640_000_000;
    /// The most that an amount may say, in minor units.
    pub const SPEND_MAX: u64 = 1_000_000_000_000;
    /// The most destinations.
    pub const DESTINATIONS_MAX: usize = 100;

    /// Whether the number may be called.
    #[must_use]
    pub fn allows(&self, number: &Number) -> bool {
        self.destinations.is_empty() || self.destinations.iter().any(|destination| destination.covers(number))
    }

    /// The value of a limit that counts.
    #[must_use]
    pub fn value(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Destination | Limit::Premium | Limit::Price => None,
            Limit::Calls => self.calls_max.map(u64::from),
            Limit::Rate => self.calls_per_s.map(|calls| calls.min(Self::CALLS_PER_S_MAX).into()),
            Limit::HourTime => self.hour_s,
            Limit::DayTime => self.day_s,
            Limit::DaySpend => self.day_spend,
            Limit::MonthSpend => self.month_spend,
        }
    }

    /// Whether it limits what is paid.
    #[must_use]
    pub fn has_spend(&self) -> bool {
        self.day_spend.is_some() || self.month_spend.is_some()
    }

    fn check(&self, problems: &mut Problems) {
        if self.destinations.len() > Self::DESTINATIONS_MAX {
            let told = format!("{} entries, and {} is the most", self.destinations.len(), Self::DESTINATIONS_MAX);
            problems.field("destinations", |problems| problems.add(told));
        }
        problems.range("calls_max", self.calls_max.unwrap_or(0), 0, Self::CALLS_MAX);
        problems.range("calls_per_s", self.calls_per_s.unwrap_or(0), 0, Self::CALLS_PER_S_MAX);
        problems.range("hour_s", self.hour_s.unwrap_or(0), 0, Self::TALK_MAX_S);
        problems.range("day_s", self.day_s.unwrap_or(0), 0, Self::TALK_MAX_S);
        problems.range("day_spend", self.day_spend.unwrap_or(0), 0, Self::SPEND_MAX);
        problems.range("month_spend", self.month_spend.unwrap_or(0), 0, Self::SPEND_MAX);
        let is_code = self.currency.len() == 3 && self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_code && (self.has_spend() || !self.currency.is_empty()) {
            problems.field("currency", |problems| problems.add("is three capital letters, such as RUB"));
        }
        if *self == Self::default() {
            problems.add("limits nothing: delete the budget instead");
        }
    }
}

/// A scope's limits by day and by night.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What holds always.
    pub limits: BudgetLimits,
    /// What holds besides outside of working hours: who breaks in does so when nobody looks.
    #[serde(default)]
    pub outside: Option<Outside>,
}

/// What holds outside of hours, beside what holds always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// The working hours, in which it does not hold.
    pub hours: Calendar,
    /// The limits.
    pub limits: BudgetLimits,
}

impl Budget {
    /// Everything that is wrong with it, at most a hundred things.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.field("limits", |problems| self.limits.check(problems));
        if let Some(outside) = &self.outside {
            problems.field("outside", |problems| {
                problems.field("limits", |problems| outside.limits.check(problems));
                problems.field("hours", |problems| {
                    for found in outside.hours.validate() {
                        problems.field(&found.path, |problems| problems.add(found.text));
                    }
                });
            });
        }
        problems.found()
    }

    /// The limits that hold at this moment, one beside the other.
    pub fn layers(&self, at: WallTime) -> impl Iterator<Item = &BudgetLimits> {
        let outside = self.outside.as_ref().filter(|outside| !outside.hours.is_open(at));
        std::iter::once(&self.limits).chain(outside.map(|outside| &outside.limits))
    }

    /// The narrowest value of a limit at this moment.
    #[must_use]
    pub fn value(&self, limit: Limit, at: WallTime) -> Option<u64> {
        self.layers(at).filter_map(|layer| layer.value(limit)).min()
    }
}

/// A budget as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetEntry {
    /// Whose.
    pub scope: Scope,
    /// In which centre it is seen and set: that of the slot, trunk or carrier.
    pub center: CenterId,
    /// What it says.
    pub budget: Budget,
}

/// What can be in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Limit {
    /// No list of the scope names the number.
    #[serde(rename = "destination")]
    Destination,
    /// It is a premium number.
    #[serde(rename = "premium")]
    Premium,
    /// What it costs is not known in the budget's currency.
    #[serde(rename = "price")]
    Price,
    /// Calls at once.
    #[serde(rename = "calls")]
    Calls,
    /// Calls that begin within a second.
    #[serde(rename = "calls_per_s")]
    Rate,
    /// Seconds within an hour.
    #[serde(rename = "hour_s")]
    HourTime,
    /// Seconds within 24 hours.
    #[serde(rename = "day_s")]
    DayTime,
    /// Minor units within 24 hours.
    #[serde(rename = "day_spend")]
    DaySpend,
    /// Minor units within 30 days.
    #[serde(rename = "month_spend")]
    MonthSpend,
}

impl Limit {
    /// Those that are used up by talking.
    pub const GATHERED: [Self; 4] = [Self::HourTime, Self::DayTime, Self::DaySpend, Self::MonthSpend];

    /// One word for logs and the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Premium => "premium",
            Self::Price => "price",
            Self::Calls => "calls",
            Self::Rate => "calls_per_s",
            Self::HourTime => "hour_s",
            Self::DayTime => "day_s",
            Self::DaySpend => "day_spend",
            Self::MonthSpend => "month_spend",
        }
    }

    /// In words, for a person: what is in the way.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Destination => "its list does not name the number",
            Self::Premium => "premium numbers are not allowed",
            Self::Price => "the price of the call is not known in its currency",
            Self::Calls => "it is in as many calls as it may be",
            Self::Rate => "as many calls as may begin within a second have begun",
            Self::HourTime => "its talk of an hour is used up",
            Self::DayTime => "its talk of a day is used up",
            Self::DaySpend => "its money of a day is used up",
            Self::MonthSpend => "its money of a month is used up",
        }
    }

    /// The window that it counts in, in seconds; 0 for what is counted as it is now.
    #[must_use]
    pub fn window_s(self) -> u64 {
        match self {
            Self::Destination | Self::Premium | Self::Price | Self::Calls => 0,
            Self::Rate => 1,
            Self::HourTime => 3_600,
            Self::DayTime | Self::DaySpend => 86_400,
            Self::MonthSpend => 30 * 86_400,
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

/// Seconds and minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Seconds of talk.
    pub seconds: u64,
    /// Minor units.
    pub spend: u64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { seconds: self.seconds.saturating_add(other.seconds), spend: self.spend.saturating_add(other.spend) }
    }

    /// What is left of it without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self { seconds: self.seconds.saturating_sub(other.seconds), spend: self.spend.saturating_sub(other.spend) }
    }

    /// The part that a limit counts.
    #[must_use]
    pub fn of(self, limit: Limit) -> u64 {
        if matches!(limit, Limit::DaySpend | Limit::MonthSpend) { self.spend } else { self.seconds }
    }
}

/// `[seconds, spend]`: journals hold many of them.
impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.seconds, self.spend).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <(u64, u64)>::deserialize(from).map(|(seconds, spend)| Self { seconds, spend })
    }
}

/// What one scope has used, to be kept. What is promised to calls that are up is in it as if it were used, for after a crash nobody knows how
/// long they lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetUsed {
    /// Whose.
    pub scope: Scope,
    /// Of the last hour.
    pub hour: Vec<(WallTime, Amount)>,
    /// Of the last 24 hours.
    pub day: Vec<(WallTime, Amount)>,
    /// Of the last 30 days.
    pub month: Vec<(WallTime, Amount)>,
    /// Which alarms were told when.
    pub told: Vec<(Limit, u8, WallTime)>,
}

/// One limit of a budget as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Which limit.
    pub limit: Limit,
    /// Its value now.
    pub value: u64,
    /// Used up within its window; calls that are up.
    pub used: u64,
    /// Promised to calls that are up, besides.
    pub reserved: u64,
    /// When all that is used now is forgotten, if nothing is added; `None` where that is now, or takes the end of calls.
    pub free_at: Option<WallTime>,
    /// Whether no call can begin by it now.
    pub is_closed: bool,
}

/// How much of a budget is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// Calls that are up or ring.
    pub calls: u32,
    /// Its limits, those that have a value.
    pub lines: Vec<Line>,
}

/// A budget as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetView {
    /// Whose, in which centre, and what it says.
    pub entry: BudgetEntry,
    /// The slot's number, the trunk's or the carrier's name; empty for a centre.
    pub name: String,
    /// Whether what holds outside of working hours holds now.
    pub is_outside: bool,
    /// How much of it is used.
    pub levels: Levels,
}

/// What is told of a budget when something happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetNews {
    /// Whose.
    pub scope: Scope,
    /// In which centre it is seen.
    pub center: CenterId,
    /// Which limit.
    pub limit: Limit,
    /// Its value; 0 for those that do not count.
    pub value: u64,
    /// How much of it is used; of a limit that is closed, with what is promised to calls that are up.
    pub used: u64,
    /// When some of it is free again by itself, if it is closed and that is known.
    pub frees_at: Option<WallTime>,
}

/// That a budget ends a call, or no longer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndingView {
    /// The call.
    pub call: CallId,
    /// Whose call it is.
    pub center: CenterId,
    /// When it is ended; none: it goes on after all.
    pub ends_at: Option<WallTime>,
    /// Whose budget.
    pub scope: Scope,
    /// Which limit.
    pub limit: Limit,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_scope_is_a_kind_and_an_id() {
        for kind in Scope::KINDS {
            let scope = Scope::of(kind, 7).unwrap();
            assert_eq!((scope.kind(), scope.id(), scope.to_string()), (kind, 7, format!("{kind} 7")));
            let text = serde_json::to_string(&scope).unwrap();
            assert_eq!(text, format!("{{\"{kind}\":\"7\"}}"));
            assert_eq!(serde_json::from_str::<Scope>(&text).unwrap(), scope);
        }
        assert_eq!(Scope::of("hub", 7), None);
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let found = |text: &str| {
            let budget: Budget = serde_json::from_str(text).unwrap();
            budget.validate().iter().map(Problem::to_string).collect::<Vec<_>>()
        };
        assert_eq!(found(r#"{"limits": {"calls_max": 0}}"#), [""; 0], "none at all is a limit");
        assert_eq!(found(r#"{"limits": {"day_spend": 5, "currency": "RUB"}, "outside": null}"#), [""; 0]);
        assert_eq!(found(r#"{"limits": {}}"#), ["limits: limits nothing: delete the budget instead"]);
        assert_eq!(
            found(
                r#"{"limits": {"calls_per_s": 1001, "month_spend": 1000000000001},
                    "outside": {"hours": {"zone": "Europe/Moscow", "week": {"mon": ["09:00-18:00", "17:00-19:00"]}}, "limits": {"currency": "rub"}}}"#
            ),
            [
                "limits.calls_per_s: 1001 is not within 0 and 1000",
                "limits.month_spend: 1000000000001 is not within 0 and 1000000000000",
                "limits.currency: is three capital letters, such as RUB",
                "outside.limits.currency: is three capital letters, such as RUB",
                "outside.hours.week.mon: 09:00-18:00 and 17:00-19:00 overlap",
            ]
        );
    }

    #[test]
    fn the_night_has_limits_of_its_own() {
        let budget: Budget = serde_json::from_str(
            r#"{"limits": {"calls_max": 10, "hour_s": 60}, "outside": {"hours": {"zone": "UTC", "week": {"mon": ["09:00-18:00"]}},
                "limits": {"calls_max": 2, "day_s": 5}}}"#,
        )
        .unwrap();
        // 2026-03-02 is a Monday.
        for (at, calls, hour, day) in [(1_772_445_600_000, 10, 60, None), (1_772_495_880_000, 2, 60, Some(5))] {
            let at = WallTime(at);
            let values = [Limit::Calls, Limit::HourTime, Limit::DayTime].map(|limit| budget.value(limit, at));
            assert_eq!(values, [Some(calls), Some(hour), day], "{at:?}");
        }
    }
}
