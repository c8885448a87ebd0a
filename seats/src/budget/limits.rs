//! What a call is, as far as budgets look at it: whom it calls, and what it costs.

use model::{
    Number,
    carrier::{Rate, kind},
};

/// What is called, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Called {
    /// An ordinary number.
    Ordinary,
    /// One that pays whoever owns it, or may cost anything: denied unless a budget says otherwise.
    Premium,
    /// Help: always passes. The numbers of [`Number::EMERGENCY`] do in any case.
    Emergency,
}

/// Calling codes of the world's own: satellites (870, 881), networks of no country (878, 882, 883), and premium rate (979). A minute there can
/// cost what an hour does elsewhere, and libphonenumber calls some of them mobile phones.
const DEAR: [&str; 6] = ["+870", "+878", "+881", "+882", "+883", "+979"];

impl Called {
    /// What this number is, as far as its kind tells. One that its country's plan does not have is ordinary: plans grow, and who does not want
    /// calls there lists destinations.
    #[must_use]
    pub fn of(number: &Number) -> Self {
        if number.is_emergency() {
            return Self::Emergency;
        }
        // The plan lets no such number out; if one comes by another way, it may be anybody's.
        if number.is_false_e164() {
            return Self::Premium;
        }
        match kind(number) {
            kind if kind.is_dear() => Self::Premium,
            _ if DEAR.iter().any(|code| number.as_str().starts_with(code)) => Self::Premium,
            _ => Self::Ordinary,
        }
    }
}

/// What a call costs: amounts in ten-thousandths of a minor unit, as carriers' prices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// A minute.
    pub per_minute: u64,
    /// Being answered.
    pub connect: u64,
    /// The least that is paid for, in seconds.
    pub first_s: u32,
    /// The billing step behind that in seconds, 1 to 3,600: each one that has begun is paid for.
    pub step_s: u32,
}

/// Ten-thousandths in a minor unit.
const UNIT: u128 = 10_000;

impl Price {
    /// The longest billing step, in seconds.
    pub const STEP_MAX_S: u32 = 3_600;

    /// Nothing is paid.
    pub const FREE: Self = Self { per_minute: 0, connect: 0, first_s: 0, step_s: 1 };

    /// What `seconds` cost, in minor units, rounded up.
    #[must_use]
    pub fn cost(self, seconds: u64) -> u64 {
        if seconds == 0 {
            return 0;
        }
        let (first, step) = (u64::from(self.first_s), self.step());
        let steps = seconds.saturating_sub(first).div_ceil(step);
        let paid_s = u128::from(first) + u128::from(steps) * u128::from(step);
        let talk = paid_s.saturating_mul(self.per_minute.into()).div_ceil(60);
        u64::try_from(talk.saturating_add(self.connect.into()).div_ceil(UNIT)).unwrap_or(u64::MAX)
    }

    /// The most seconds, in whole steps, that cost no more than `amount` minor units.
    #[must_use]
    pub fn seconds_for(self, amount: u64) -> u64 {
        let Some(have) = (u128::from(amount) * UNIT).checked_sub(self.connect.into()) else { return 0 };
        let have = have * 60;
        let (first, per_minute) = (u128::from(self.first_s), u128::from(self.per_minute));
        let Some(rest) = have.checked_sub(first * per_minute) else { return 0 };
        let steps = rest.checked_div(u128::from(self.step()) * per_minute);
        let seconds = steps.map(|steps| steps.saturating_mul(self.step().into()).saturating_add(first));
        seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(u64::MAX)
    }

    /// The billing step in seconds, within its range.
    fn step(self) -> u64 {
        self.step_s.clamp(1, Self::STEP_MAX_S).into()
    }
}

impl From<&Rate> for Price {
    fn from(rate: &Rate) -> Self {
        Self {
            per_minute: rate.per_minute.ten_thousandths(),
            connect: rate.connect.ten_thousandths(),
            first_s: rate.first_s.into(),
            step_s: rate.step_s.into(),
        }
    }
}
