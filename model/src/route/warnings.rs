//! What routes name that is not there: told, so that somebody mends it, and no reason for calls to stop.

use std::fmt;

use serde::Serialize;

use super::{Action, CameBy, Outlet, Plan, RouteEntry, plan::name_of};
use crate::{CarrierId, Problem, RouteId, problem::Problems};

/// The most warnings of a plan: nobody reads more.
const WARNINGS_MAX: usize = 100;

/// Something in the plan that somebody should do something about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PlanWarning {
    /// What it is about.
    pub about: Subject,
    /// What people call that.
    pub name: String,
    /// Whether it is left out, and not used at all.
    pub is_left_out: bool,
    /// What is wrong with it; of what is left out, the first thing that is.
    #[serde(flatten)]
    pub problem: Problem,
}

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A carrier.
    Carrier(CarrierId),
    /// A route.
    Route(RouteId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carrier(id) => write!(f, "carrier {id}"),
            Self::Route(id) => write!(f, "route {id}"),
        }
    }
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = if self.is_left_out { " is not used" } else { "" };
        write!(f, "{} ({}){left_out}: {}", self.about, self.name, self.problem)
    }
}

/// What routes name that is not there, at most [`WARNINGS_MAX`].
pub(super) fn warnings(plan: &Plan, routes: &[RouteEntry]) -> Vec<PlanWarning> {
    let told = routes.iter().flat_map(|entry| {
        let mut problems = Problems::default();
        warn(plan, entry, &mut problems);
        let warning =
            |problem| PlanWarning { about: Subject::Route(entry.id), name: entry.route.name.clone(), is_left_out: false, problem };
        problems.found().into_iter().map(warning).collect::<Vec<_>>()
    });
    told.take(WARNINGS_MAX).collect()
}

fn warn(plan: &Plan, entry: &RouteEntry, warnings: &mut Problems) {
    if let CameBy::Carriers(carriers) = &entry.route.matches.came_by {
        for id in carriers.iter().filter(|id| !plan.carriers.contains_key(id)) {
            warnings.field("match.came_by", |warnings| warnings.add(format!("there is no carrier {id}")));
        }
    }
    plan.unread(entry, warnings);
    let mut then = &entry.route.then;
    if let Action::Ask { default, .. } = then {
        then = default;
    }
    warnings.field("then", |warnings| match then {
        Action::Slots { slots, .. } => {
            for slot in slots.iter().filter(|slot| plan.slot(slot, entry.center).is_none()) {
                warnings.add(format!("there is no slot {} in this center", name_of(slot)));
            }
        }
        Action::Carriers { order, .. } => {
            let serves = |id: &CarrierId| plan.carriers.get(id).is_some_and(|carrier| carrier.serves(entry.center));
            for outlet in order {
                match outlet {
                    Outlet::Carrier(id) if !serves(id) => warnings.add(format!("there is no carrier {id} for this center")),
                    Outlet::Group(group) if !plan.groups.get(group).is_some_and(|ids| ids.iter().any(serves)) => {
                        warnings.add(format!("the group {group} has no carrier for this center"));
                    }
                    Outlet::Carrier(_) | Outlet::Group(_) => {}
                }
            }
        }
        Action::DialledSlot { .. } | Action::Service { .. } | Action::Refuse { .. } | Action::Ask { .. } => {}
    });
}
