//! Listening: who is to listen to which calls, and what they find of them (requirements, 1.5).

mod agreement;
mod claims;
mod evaluations;
mod plans;
mod sampling;
mod scorecards;
mod tasks;
#[cfg(test)]
mod tests;

use store::Statement;

pub use agreement::{Agreements, Compared, ItemAgreement, PAIRS_MAX};
pub use claims::{Claim, ExpireClaims};
pub use evaluations::{EVALUATIONS, Judgements, NewAnswer, NewEvaluation};
pub use plans::{ASSIGNEES_MAX, CLAIM_MAX, LISTENING_PLANS, PLANS_MAX, PlanChange};
pub use sampling::{CALLS_OF_PLAN_MAX, CANDIDATES_MAX, TakeSample};
pub use scorecards::{NewItem, SCORECARDS, SCORECARDS_MAX, ScorecardChange};
pub(crate) use tasks::erased;
pub use tasks::{LISTENING_TASKS, Outcome};

pub(crate) const STATEMENTS: &[&[Statement]] = &[
    agreement::STATEMENTS,
    claims::STATEMENTS,
    evaluations::STATEMENTS,
    plans::STATEMENTS,
    sampling::STATEMENTS,
    scorecards::STATEMENTS,
    tasks::STATEMENTS,
];
