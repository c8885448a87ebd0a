//! After which answers of a carrier the next one is tried, with a leg of its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::problem::Problems;

/// Which answers let the next carrier be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object such as {\"silent_s\": 6}")]
pub struct Failover {
    /// The statuses (RFC 3261, 21). Default: [`NEXT_DEFAULT`].
    pub next: BTreeSet<u16>,
    /// For how many seconds a carrier may stay silent before the next is tried: 1 to 32. Default 6. One that says nothing but 100 is there, and
    /// has four times as long: mobile networks take ten seconds to find a phone. Then the next is tried, for the caller hears nothing.
    pub silent_s: u8,
}

/// What comes after a carrier's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverStep {
    /// The next carrier is tried.
    Next,
    /// The call has failed.
    Stop,
}

/// The statuses after which the next carrier is tried unless a carrier's settings say otherwise, and why.
pub const NEXT_DEFAULT: &[(u16, &str)] = &[
    (401, "it does not take our account"),
    (402, "our credit with it is used up"),
    (403, "it does not take our call: address, account, caller number or credit"),
    (407, "it does not take our account"),
    (408, "it does not answer"),
    (488, "it takes none of our codecs, and another might"),
    (500, "it has failed"),
    (501, "it does not know INVITE"),
    (502, "its own carrier has failed"),
    (503, "it is overloaded or has no line"),
    (504, "its own carrier does not answer"),
    (513, "our INVITE is too big for it"),
];

/// The statuses after which no other carrier is tried, whatever is set, and why. All of 6xx are among them.
pub const NEVER_NEXT: &[(u16, &str)] = &[
    (410, "the number is no longer in use"),
    (484, "the number is not complete"),
    (486, "the far party is busy, by every carrier"),
    (487, "we have given up ourselves"),
];

/// Q.850 causes in a Reason header (RFC 3326) that speak of the far party, whatever status a carrier puts around them:
/// unallocated, busy, no user responding, no answer, rejected, changed, wrong format.
const OF_CALLEE: &[u8] = &[1, 17, 18, 19, 21, 22, 28];

/// Why no other carrier is tried after this status; none if one may be.
#[must_use]
pub fn never_next(status: u16) -> Option<&'static str> {
    match status {
        600..700 => Some("the far party has declined everywhere (RFC 3261, 21.6)"),
        400..600 => NEVER_NEXT.iter().find(|(never, _)| *never == status).map(|(_, why)| *why),
        _ => Some("it is no refusal"),
    }
}

impl Failover {
    /// What comes after a final answer with this status, and this Q.850 cause if a Reason header had one.
    #[must_use]
    pub fn after(&self, status: u16, q850: Option<u8>) -> FailoverStep {
        let is_of_callee = q850.is_some_and(|cause| OF_CALLEE.contains(&cause));
        if never_next(status).is_none() && !is_of_callee && self.next.contains(&status) { FailoverStep::Next } else { FailoverStep::Stop }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        problems.field("next", |problems| {
            for status in &self.next {
                if let Some(why) = never_next(*status) {
                    problems.add(format!("{status} never leads to another carrier: {why}"));
                }
            }
        });
        problems.range("silent_s", self.silent_s, 1, 32);
    }
}

impl Default for Failover {
    fn default() -> Self {
        Self { next: NEXT_DEFAULT.iter().map(|(status, _)| *status).collect(), silent_s: 6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_carrier_is_tried_for_the_carriers_failures_alone() {
        let failover = Failover::default();
        for (status, q850, step) in [
            (503, None, FailoverStep::Next),
            (503, Some(34), FailoverStep::Next),
            (503, Some(17), FailoverStep::Stop),
            (403, Some(21), FailoverStep::Stop),
            (408, None, FailoverStep::Next),
            (404, None, FailoverStep::Stop),
            (480, None, FailoverStep::Stop),
            (486, None, FailoverStep::Stop),
            (487, None, FailoverStep::Stop),
            (603, None, FailoverStep::Stop),
            (200, None, FailoverStep::Stop),
            (302, None, FailoverStep::Stop),
            (0, None, FailoverStep::Stop),
            (u16::MAX, None, FailoverStep::Stop),
        ] {
            assert_eq!(failover.after(status, q850), step, "{status} {q850:?}");
        }
        assert_eq!(Failover { next: [404].into(), ..failover.clone() }.after(404, None), FailoverStep::Next);
        for (status, _) in NEXT_DEFAULT {
            assert_eq!(never_next(*status), None, "{status}");
        }
    }

    #[test]
    fn busy_never_leads_to_another_carrier_even_if_it_is_set() {
        let failover = Failover { next: [486, 600, 302, 503].into(), silent_s: 0 };
        for status in [486, 600, 302] {
            assert_eq!(failover.after(status, None), FailoverStep::Stop, "{status}");
        }
        let mut problems = Problems::default();
        failover.check(&mut problems);
        let found: Vec<_> = problems.found().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "next: 302 never leads to another carrier: it is no refusal",
                "next: 486 never leads to another carrier: the far party is busy, by every carrier",
                "next: 600 never leads to another carrier: the far party has declined everywhere (RFC 3261, 21.6)",
                "silent_s: 0 is not within 1 and 32",
            ]
        );
    }
}
