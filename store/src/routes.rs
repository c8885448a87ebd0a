//! Routes as rows: a column for each part, so that lists show and hide them one by one.
//!
//! What its questions to programs are signed with is sealed, as the passwords of carriers are.
//!
//! Rights, the audit log and what is a good route are for those who call; a row that cannot be read is no reason to fail here.

use model::{
    CarrierId, CenterId, Problem, RouteId, UserId, WallTime,
    carrier::Secret,
    route::{Action, CameBy, Outlet, Route},
};
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::json,
    db::{Tx, binds, statements},
    ids,
};

/// A route as its row has it.
#[derive(Debug, Clone)]
pub struct StoredRoute {
    /// Its id.
    pub id: RouteId,
    /// Whose it is.
    pub center: CenterId,
    /// What people call it.
    pub name: String,
    /// Grows with each change.
    pub version: i64,
    /// Its settings; none: this version of the program cannot read them.
    pub route: Option<Route>,
}

impl StoredRoute {
    /// Why it cannot be used; empty if it can.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let unread = || Problem { path: String::new(), text: "it cannot be read by this version of the program: set it anew".to_owned() };
        self.route.as_ref().map_or_else(|| vec![unread()], Route::validate)
    }

    /// Whether it names this carrier.
    #[must_use]
    pub fn names(&self, carrier: CarrierId) -> bool {
        let leads = |then: &Action| matches!(then, Action::Carriers { order, .. } if order.contains(&Outlet::Carrier(carrier)));
        self.route.as_ref().is_some_and(|route| {
            let came = matches!(&route.matches.came_by, CameBy::Carriers(carriers) if carriers.contains(&carrier));
            let asks = matches!(&route.then, Action::Ask { default, .. } if leads(default));
            came || asks || leads(&route.then)
        })
    }
}

macro_rules! columns {
    () => {
        "id, center_id, position, name, enabled, matches, action, scenario, source, rewrite, version, secret"
    };
}

statements! {
    ALL: both concat!("SELECT ", columns!(), " FROM routes ORDER BY id");
    OF_CENTER: both concat!("SELECT ", columns!(), " FROM routes WHERE center_id = $1 ORDER BY id");
    ONE: both concat!("SELECT ", columns!(), " FROM routes WHERE id = $1 AND center_id = $2");
    // The row stays locked until the transaction ends.
    LOCK: both concat!("UPDATE routes SET version = version WHERE id = $1 AND center_id = $2 RETURNING ", columns!());
    COUNT: both "SELECT count(*) FROM routes";
    COUNT_OF: both "SELECT count(*) FROM routes WHERE center_id = $1";
    INSERT: both "INSERT INTO routes (id, center_id, position, name, enabled, matches, action, scenario, source, rewrite, version, created_at,
        updated_at, created_by, secret) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11, $12, $13)";
    CHANGE: both "UPDATE routes SET position = $2, name = $3, enabled = $4, matches = $5, action = $6, scenario = $7, source = $8, rewrite = $9,
        version = version + 1, updated_at = $10, secret = $11 WHERE id = $1";
    DELETE: both "DELETE FROM routes WHERE id = $1";
}

impl Store {
    /// The routes of a centre, or of all, by id.
    pub(crate) async fn routes(&self, center: Option<CenterId>) -> Result<Vec<StoredRoute>, StoreError> {
        let rows: Vec<RouteRow> = match center {
            Some(center) => self.db.all(OF_CENTER, binds![center]).await?,
            None => self.db.all(ALL, &[]).await?,
        };
        Ok(rows.into_iter().map(|row| self.stored_route(row)).collect())
    }

    /// The routes of any centre that name a carrier, by id.
    ///
    /// # Errors
    /// As the database's.
    pub async fn routes_naming(&self, tx: &mut Tx, carrier: CarrierId) -> Result<Vec<StoredRoute>, StoreError> {
        let rows: Vec<RouteRow> = tx.all(ALL, &[]).await?;
        Ok(rows.into_iter().map(|row| self.stored_route(row)).filter(|route| route.names(carrier)).collect())
    }

    /// The route, if it is of this centre.
    ///
    /// # Errors
    /// As the database's.
    pub async fn route(&self, center: CenterId, id: RouteId) -> Result<Option<StoredRoute>, StoreError> {
        Ok(self.db.one::<RouteRow>(ONE, binds![id, center]).await?.map(|row| self.stored_route(row)))
    }

    /// The same, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// As the database's.
    pub async fn lock_route(&self, tx: &mut Tx, center: CenterId, id: RouteId) -> Result<Option<StoredRoute>, StoreError> {
        Ok(tx.one::<RouteRow>(LOCK, binds![id, center]).await?.map(|row| self.stored_route(row)))
    }

    /// How many routes there are in all centres. Exact until the transaction ends, if an id was drawn before ([`Store::draw_route`]).
    ///
    /// # Errors
    /// As the database's.
    pub async fn count_routes(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let count: Option<(i64,)> = tx.one(COUNT, &[]).await?;
        Ok(count.and_then(|(count,)| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// The same of one centre.
    ///
    /// # Errors
    /// As the database's.
    pub async fn count_routes_of(&self, tx: &mut Tx, center: CenterId) -> Result<usize, StoreError> {
        let count: Option<(i64,)> = tx.one(COUNT_OF, binds![center]).await?;
        Ok(count.and_then(|(count,)| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// An id for a route. Others who make routes wait for the transaction's end.
    ///
    /// # Errors
    /// As the database's.
    pub async fn draw_route(&self, tx: &mut Tx) -> Result<RouteId, StoreError> {
        ids::draw(tx, "route", 1).await.map(RouteId)
    }

    /// Stores a new route, whose id was drawn.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] `routes_center_id_name_key` if the centre has one of this name; [`StoreError::Defect`] if it has a secret
    /// and the store has no key ([`Store::with_key`]).
    pub async fn insert_route(
        &self,
        tx: &mut Tx,
        (id, center): (RouteId, CenterId),
        route: &Route,
        by: Option<UserId>,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let (position, on) = (i64::from(route.position), i64::from(route.on));
        let [matches, action, rewrite] = [json(&route.matches), json(&route.then), json(&route.rewrite)];
        let secret = self.sealed_secret(id, route)?;
        let binds =
            binds![id, center, position, &route.name, on, matches, action, &route.scenario, &route.source, rewrite, now, by, secret];
        tx.run(INSERT, binds).await.map(drop)
    }

    /// Stores other settings of a route that is locked; its version grows.
    ///
    /// # Errors
    /// As [`Store::insert_route`].
    pub async fn update_route(&self, tx: &mut Tx, id: RouteId, route: &Route, now: WallTime) -> Result<(), StoreError> {
        let (position, on) = (i64::from(route.position), i64::from(route.on));
        let [matches, action, rewrite] = [json(&route.matches), json(&route.then), json(&route.rewrite)];
        let secret = self.sealed_secret(id, route)?;
        let binds = binds![id, position, &route.name, on, matches, action, &route.scenario, &route.source, rewrite, now, secret];
        tx.run(CHANGE, binds).await.map(drop)
    }

    /// Deletes a route that is locked.
    ///
    /// # Errors
    /// As the database's.
    pub async fn delete_route(&self, tx: &mut Tx, id: RouteId) -> Result<(), StoreError> {
        tx.run(DELETE, binds![id]).await.map(drop)
    }

    fn sealed_secret(&self, id: RouteId, route: &Route) -> Result<Option<String>, StoreError> {
        route.secret().map(|secret| self.seal.seal(&place(id), secret.reveal())).transpose()
    }

    fn stored_route(&self, row: RouteRow) -> StoredRoute {
        // One that does not open is missing, and the route is told to lack it.
        let secret = row.secret.as_deref().and_then(|sealed| self.seal.open(&place(RouteId(row.id)), sealed)).map(Secret::new);
        let mut stored = StoredRoute::from(row);
        if let Some(route) = &mut stored.route {
            route.set_secret(secret);
        }
        stored
    }
}

/// Where its secret is sealed for.
fn place(id: RouteId) -> String {
    format!("route {id}")
}

#[derive(FromRow)]
struct RouteRow {
    id: i64,
    center_id: i64,
    position: i64,
    name: String,
    enabled: i64,
    matches: String,
    action: String,
    scenario: String,
    source: String,
    rewrite: String,
    version: i64,
    secret: Option<String>,
}

impl From<RouteRow> for StoredRoute {
    fn from(row: RouteRow) -> Self {
        fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
            serde_json::from_str(text).ok()
        }
        let route = |name: String| {
            Some(Route {
                name,
                position: u32::try_from(row.position).ok()?,
                on: row.enabled != 0,
                matches: read(&row.matches)?,
                then: read(&row.action)?,
                scenario: row.scenario,
                source: row.source,
                rewrite: read(&row.rewrite)?,
            })
        };
        let route = route(row.name.clone());
        Self { id: RouteId(row.id), center: CenterId(row.center_id), name: row.name, version: row.version, route }
    }
}
