//! The directory with its plan: slots, hubs, carriers and routes, as signalling works by them.
//!
//! A carrier or a route that cannot be used (any more) is left out and told, and never keeps the others from being used.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use model::{
    CenterId, Directory, Problem, RouteId,
    carrier::{CarrierEntry, Centers, NumberForm},
    route::{Numbering, Plan, PlanWarning, RouteEntry, Subject},
};
use serde_json::Value;
use tracing::{error, warn};

use crate::{Store, StoreError, carriers::StoredCarrier, db::statements, routes::StoredRoute};

/// A plan, and what somebody should do something about.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan of what can be used.
    pub plan: Plan,
    /// What was left out of it, and what routes name that is not there.
    pub warnings: Vec<PlanWarning>,
}

/// What the log knows of already: the directory is read anew with each change of anything, and what stands in it as before is no news.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Mutex<BTreeSet<PlanWarning>>);

impl LeftOut {
    /// Of all that is left out now, what was not the last time. What has been mended meanwhile is news again when it breaks again.
    fn news(&self, warnings: Vec<PlanWarning>) -> Vec<PlanWarning> {
        let now: BTreeSet<PlanWarning> = warnings.into_iter().filter(|warning| warning.is_left_out).collect();
        // A poisoned lock guards a whole set all the same: it is replaced at once.
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), now.clone());
        now.difference(&before).cloned().collect()
    }
}

/// Which routes a plan has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// All of the centre.
    All,
    /// This one.
    One(RouteId),
    /// None: what is asked for is the carriers.
    None,
}

impl Store {
    /// All slots, hubs, carriers and routes of all centres, for signalling. The realm is empty until [`Store::realm`] was called once.
    ///
    /// What cannot be used of carriers and routes is left out, and the log says so once.
    ///
    /// # Errors
    /// As the database's.
    pub async fn directory(&self) -> Result<Directory, StoreError> {
        let directory = self.slots_and_hubs().await?;
        let numbering = self.numbering(&directory).await?;
        let Planned { plan, warnings } = planned(self.carriers().await?, self.routes(None).await?, numbering);
        // What is wrong may hold numbers; where it is does not.
        for left_out in self.left_out.news(warnings) {
            warn!(what = %left_out.about, at = left_out.problem.path, "It cannot be used as it stands in the database, and is left out.");
        }
        let budgets = self.budgets(&directory).await?;
        Ok(directory.with_plan(Arc::new(plan)).with_budgets(budgets))
    }

    /// The plan as far as a centre is concerned: its routes, its carriers and those that are shared, of these what is for this centre.
    ///
    /// A call of the centre goes by it as by the whole plan, and nothing in it tells of other centres.
    ///
    /// # Errors
    /// As the database's.
    pub async fn plan_of(&self, center: CenterId, which: Routes) -> Result<Planned, StoreError> {
        let directory = self.slots_and_hubs().await?;
        let numbering = self.numbering(&directory).await?;
        let mut carriers = self.carriers_for(center).await?;
        carriers.retain_mut(|stored| {
            let is_own = stored.center == center;
            let Some(carrier) = &mut stored.carrier else { return is_own };
            let (owner, is_shared) = (stored.center, carrier.centers == Centers::All);
            carrier.numbers.retain(|number| number.center.unwrap_or(owner) == center);
            carrier.callers.retain(|caller| caller.center.unwrap_or(owner) == center);
            is_own || (is_shared && !stored.is_shut)
        });
        let mut routes = if which == Routes::None { Vec::new() } else { self.routes(Some(center)).await? };
        if let Routes::One(id) = which {
            routes.retain(|route| route.id == id);
        }
        Ok(planned(carriers, routes, numbering))
    }

    /// What there is to be called, and how the people of each centre write numbers. A form that does not stand up to its checks is none.
    async fn numbering(&self, directory: &Directory) -> Result<Numbering, StoreError> {
        let rows: Vec<(i64, String)> = self.db().all(FORMS, &[]).await?;
        let form = |settings: &str| {
            let form = serde_json::from_str::<Value>(settings).ok()?.get_mut("numbers")?.take();
            serde_json::from_value::<NumberForm>(form).ok().filter(|form| form.validate().is_empty())
        };
        let forms = rows.iter().filter_map(|(center, settings)| Some((CenterId(*center), form(settings)?))).collect();
        Ok(Numbering { forms, ..Numbering::of(directory) })
    }
}

statements! {
    FORMS: both "SELECT id, settings FROM centers ORDER BY id";
}

fn planned(carriers: Vec<StoredCarrier>, routes: Vec<StoredRoute>, numbering: Numbering) -> Planned {
    let mut warnings = Vec::new();
    let mut leave_out = |about: Subject, name: &str, problems: Vec<Problem>| {
        let Some(problem) = problems.into_iter().next() else { return false };
        warnings.push(PlanWarning { about, name: name.to_owned(), is_left_out: true, problem });
        true
    };
    let too_many = |max: usize| vec![Problem { path: String::new(), text: format!("there are more than {max}") }];
    let (mut good_carriers, mut good_routes) = (Vec::new(), Vec::new());
    for stored in carriers {
        let problems = if good_carriers.len() < Plan::CARRIERS_MAX { stored.problems() } else { too_many(Plan::CARRIERS_MAX) };
        if !leave_out(Subject::Carrier(stored.id), &stored.name, problems) {
            good_carriers.extend(stored.carrier.map(|carrier| CarrierEntry { id: stored.id, center: stored.center, carrier }));
        }
    }
    for stored in routes {
        let problems = if good_routes.len() < Plan::ROUTES_MAX { stored.problems() } else { too_many(Plan::ROUTES_MAX) };
        if !leave_out(Subject::Route(stored.id), &stored.name, problems) {
            good_routes.extend(stored.route.map(|route| RouteEntry { id: stored.id, center: stored.center, route }));
        }
    }
    let plan = Plan::compile(&good_routes, &good_carriers, numbering.clone()).unwrap_or_else(|problems| {
        // Each of them is good by itself. Whatever this is, phones must go on calling each other.
        error!(problems = problems.len(), "Carriers and routes do not go together; none of them is used.");
        Plan::compile(&[], &[], numbering).unwrap_or_default()
    });
    warnings.extend_from_slice(plan.warnings());
    for (id, name, problem) in plan.carriers_lacking() {
        warnings.push(PlanWarning { about: Subject::Carrier(id), name: name.to_owned(), is_left_out: false, problem });
    }
    Planned { plan, warnings }
}
