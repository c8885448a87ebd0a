//! The JSON form of carriers and routes: what a plan is made of. The passwords of carriers and the secrets of routes are among it.

use std::sync::Arc;

use model::{
    CarrierId, CenterId, Directory, Number, RouteId,
    carrier::{Carrier, CarrierEntry, NumberForm},
    route::{Numbering, Plan, Route, RouteEntry},
};
use serde::{Deserialize, Serialize};

/// [`Plan`]
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PlanText {
    /// As the database has them.
    carriers: Vec<(CarrierId, CenterId, serde_json::Value)>,
    routes: Vec<(RouteId, CenterId, serde_json::Value)>,
    services: Vec<Number>,
    forms: Vec<(CenterId, NumberForm)>,
}

impl PlanText {
    pub(super) fn of(plan: &Plan) -> Self {
        // Plain data can always be written.
        let carrier = |entry: &CarrierEntry| Some((entry.id, entry.center, entry.carrier.stored().ok()?));
        let numbering = plan.numbering();
        Self {
            carriers: plan.carriers().filter_map(carrier).collect(),
            routes: plan.routes().filter_map(|(id, center, route)| Some((id, center, route.stored().ok()?))).collect(),
            services: numbering.services.iter().cloned().collect(),
            forms: numbering.forms.iter().map(|(center, form)| (*center, form.clone())).collect(),
        }
    }

    /// The directory, which has no plan yet, with this one.
    pub(super) fn plan(&self, directory: Directory) -> Result<Directory, String> {
        let carrier = |(id, center, carrier): &(CarrierId, CenterId, serde_json::Value)| {
            let carrier = Carrier::deserialize(carrier).map_err(|error| error.to_string())?;
            Ok(CarrierEntry { id: *id, center: *center, carrier })
        };
        let carriers: Vec<CarrierEntry> = self.carriers.iter().map(carrier).collect::<Result<_, String>>()?;
        let route = |(id, center, route): &(RouteId, CenterId, serde_json::Value)| {
            let route = Route::deserialize(route).map_err(|error| error.to_string())?;
            Ok(RouteEntry { id: *id, center: *center, route })
        };
        let routes: Vec<RouteEntry> = self.routes.iter().map(route).collect::<Result<_, String>>()?;
        let numbering = Numbering {
            services: self.services.iter().cloned().collect(),
            forms: self.forms.iter().cloned().collect(),
            ..Numbering::of(&directory)
        };
        let plan = Plan::compile(&routes, &carriers, numbering).map_err(|problems| {
            let first = problems.first().map(ToString::to_string);
            first.unwrap_or_else(|| "the plan is none".to_owned())
        })?;
        Ok(directory.with_plan(Arc::new(plan)))
    }
}
