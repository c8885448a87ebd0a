//! What routes name that is not there: told, so that somebody mends it, and no reason for calls to stop.

use super::{Action, CameBy, Outlet, Plan, RouteEntry, plan::name_of};
use crate::{CarrierId, problem::Problems};

/// Tells what routes name that is not there.
pub(super) fn warn(plan: &Plan, routes: &[RouteEntry], warnings: &mut Problems) {
    warnings.list("routes", routes, Plan::ROUTES_MAX, |warnings, entry| {
        if let CameBy::Carriers(carriers) = &entry.route.matches.came_by {
            for id in carriers.iter().filter(|id| !plan.carriers.contains_key(id)) {
                warnings.field("match.came_by", |warnings| warnings.add(format!("there is no carrier {id}")));
            }
        }
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
    });
}
