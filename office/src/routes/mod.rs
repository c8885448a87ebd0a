//! Routes are made, changed, deleted and explained by those who may: what becomes of a call, by who calls whom.

mod explain;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::{
    RouteId, WallTime,
    route::{Action, Plan, PlanWarning, Route, Subject},
};
use store::{
    Routes, StoredRoute,
    audit::{self, Entry},
    sql::Tx,
};

pub use explain::{Asked, Explained, Inquiry};

use crate::{
    Conflict, Fault, Office, OfficeError, Permit, ROUTES, can,
    carriers::{diff, faults, finish, name_taken, picture},
    scenarios,
};

impl Office {
    /// Makes a route in the centre that the person works in, and gives its id. What it names need not be there: that is told as a warning
    /// ([`Office::route_warnings`]).
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong, [`Conflict::NameTaken`], [`Conflict::State`] if there are as many as there can be.
    pub async fn create_route(&self, permit: &Permit, route: Route, now: WallTime) -> Result<RouteId, OfficeError> {
        permit.must_be(can::ROUTES_CREATE)?;
        let route = self.good_route(route)?;
        let mut tx = self.store().db().begin().await?;
        let made = self.create_route_in(&mut tx, permit, &route, now).await;
        finish(tx, made).await
    }

    async fn create_route_in(&self, tx: &mut Tx, permit: &Permit, route: &Route, now: WallTime) -> Result<RouteId, OfficeError> {
        let store = self.store();
        // Others who make routes wait here, so that the count holds.
        let id = store.draw_route(tx).await?;
        if store.count_routes(tx).await? >= Plan::ROUTES_MAX {
            let told = format!("an installation has at most {} routes: delete one first", Plan::ROUTES_MAX);
            return Err(OfficeError::Conflict(Conflict::State(told)));
        }
        if store.count_routes_of(tx, permit.rows().center).await? >= Plan::CENTER_ROUTES_MAX {
            let told = format!("a center has at most {} routes: delete one first", Plan::CENTER_ROUTES_MAX);
            return Err(OfficeError::Conflict(Conflict::State(told)));
        }
        store.insert_route(tx, (id, permit.rows().center), route, permit.actor().user(), now).await.map_err(name_taken)?;
        let created = Entry::change("routes.create", ROUTES.name, id, diff(&serde_json::Map::new(), &picture(route)));
        let mut entries = name_scenario(tx, permit, route, now).await?;
        entries.push(with_secret(created, None, route));
        audit::append(tx, now, permit.actor(), &entries).await?;
        Ok(id)
    }

    /// Gives a route other settings, if it is at the version that the person saw; gives its new version. What is not said gets its default.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`Conflict::Version`], [`Conflict::NameTaken`].
    pub async fn update_route(
        &self,
        permit: &Permit,
        (id, version): (RouteId, i64),
        route: Route,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        permit.must_be(can::ROUTES_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = self.update_route_in(&mut tx, permit, (id, version), route, now).await;
        finish(tx, made).await
    }

    async fn update_route_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (RouteId, i64),
        mut route: Route,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        let old = self.lock_route(tx, permit, id).await?;
        if old.version != version {
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        if let Some(before) = &old.route {
            route.keep_secret(before);
        }
        let route = self.good_route(route)?;
        if old.route.as_ref() == Some(&route) {
            return Ok(version);
        }
        self.store().update_route(tx, id, &route, now).await.map_err(name_taken)?;
        let before = old.route.as_ref().map(picture).unwrap_or_default();
        let changed = Entry::change("routes.update", ROUTES.name, id, diff(&before, &picture(&route)));
        let mut entries = name_scenario(tx, permit, &route, now).await?;
        entries.push(with_secret(changed, old.route.as_ref(), &route));
        audit::append(tx, now, permit.actor(), &entries).await?;
        Ok(version + 1)
    }

    /// Deletes a route.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn delete_route(&self, permit: &Permit, id: RouteId, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::ROUTES_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let made = self.delete_route_in(&mut tx, permit, id, now).await;
        finish(tx, made).await
    }

    async fn delete_route_in(&self, tx: &mut Tx, permit: &Permit, id: RouteId, now: WallTime) -> Result<(), OfficeError> {
        let old = self.lock_route(tx, permit, id).await?;
        self.store().delete_route(tx, id).await?;
        let name = || [("name".to_owned(), old.name.clone().into())].into_iter().collect();
        let gone = old.route.as_ref().map_or_else(name, picture);
        let deleted = Entry::change("routes.delete", ROUTES.name, id, diff(&gone, &serde_json::Map::new()));
        Ok(audit::append(tx, now, permit.actor(), &[deleted]).await?)
    }

    /// What somebody should do something about in a route: what it names that is not there, or why it is not used at all.
    ///
    /// # Errors
    /// As the database's.
    pub async fn route_warnings(&self, permit: &Permit, id: RouteId) -> Result<Vec<PlanWarning>, OfficeError> {
        let mut warnings = self.store().plan_of(permit.rows().center, Routes::One(id)).await?.warnings;
        warnings.retain(|warning| warning.about == Subject::Route(id));
        Ok(warnings)
    }

    async fn lock_route(&self, tx: &mut Tx, permit: &Permit, id: RouteId) -> Result<StoredRoute, OfficeError> {
        let found = self.store().lock_route(tx, permit.rows().center, id).await?;
        found.filter(|_| permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("route"))
    }
}

impl Office {
    /// A route that can be stored, or all that is wrong with it.
    fn good_route(&self, mut route: Route) -> Result<Route, OfficeError> {
        route.name = route.name.trim().to_owned();
        let mut faults = faults(route.validate());
        if let (Action::Ask { url, .. }, true) = (&route.then, faults.is_empty())
            && let Err(error) = self.webhooks().check_url(url)
        {
            faults.push(Fault::invalid("then.url", error.to_string()));
        }
        if faults.is_empty() { Ok(route) } else { Err(OfficeError::Invalid(faults)) }
    }
}

/// Sees to it that the scenario that a route names has a row.
async fn name_scenario(tx: &mut Tx, permit: &Permit, route: &Route, now: WallTime) -> Result<Vec<Entry>, OfficeError> {
    let named: BTreeSet<&str> = Some(route.scenario.as_str()).filter(|code| !code.is_empty()).into_iter().collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    scenarios::name_in(tx, &[(permit.rows().center, named)].into(), now).await
}

/// Tells that what questions are signed with is another one than it was, which is a matter of security.
fn with_secret(entry: Entry, old: Option<&Route>, new: &Route) -> Entry {
    if old.and_then(Route::secret) == new.secret() {
        return entry;
    }
    Entry { diff: entry.diff.clone().secret("secret"), ..entry }.security()
}
