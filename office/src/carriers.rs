//! Carriers are made, changed and deleted by those who may (R2): trunks to the world, in the lists and rights of trunks.
//!
//! A carrier belongs to a centre. One that is shared (`centers: all`) concerns every centre, and takes a right that reaches all of them.
//! Its passwords come in and never go out: not in answers, not in the audit log, not in the database as they are.

#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    future::Future,
};

use model::{
    CarrierId, CenterId, Mode, Number, Problem, WallTime,
    carrier::{Carrier, Centers, Secret},
    route::{Plan, PlanWarning, Subject},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    Routes, StoreError, StoredCarrier, StoredRoute,
    audit::{self, Diff, Entry},
    sql::Tx,
};

use crate::{Conflict, Fault, Office, OfficeError, Permit, SETTINGS, TRUNKS, View, can, scenarios};

/// Entries of a list that the audit log tells whole; of longer ones it tells what came and what went, and no more than this.
const TOLD_MAX: usize = 100;
/// Routes that are named when a carrier is still used by some.
const NAMED_MAX: usize = 20;

impl Office {
    /// Makes a carrier in the centre that the person works in, and gives its id.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong, [`OfficeError::Forbidden`] for a shared one, [`Conflict::NameTaken`],
    /// [`Conflict::State`] if there are as many as there can be.
    pub async fn create_carrier(&self, permit: &Permit, carrier: Carrier, now: WallTime) -> Result<CarrierId, OfficeError> {
        permit.must_be(can::TRUNKS_CREATE)?;
        let carrier = self.good(permit, carrier).await?;
        let mut tx = self.store().db().begin().await?;
        let made = self.create_carrier_in(&mut tx, permit, &carrier, now).await;
        finish(tx, made).await
    }

    async fn create_carrier_in(&self, tx: &mut Tx, permit: &Permit, carrier: &Carrier, now: WallTime) -> Result<CarrierId, OfficeError> {
        let store = self.store();
        // Others who make trunks wait here, so that the count holds.
        let id = store.draw_carrier(tx).await?;
        if store.count_carriers(tx).await? >= Plan::CARRIERS_MAX {
            let told = format!("an installation has at most {} carriers: delete one first", Plan::CARRIERS_MAX);
            return Err(OfficeError::Conflict(Conflict::State(told)));
        }
        let place = (id, permit.rows().center);
        self.must_have_room(tx, place.1, (None, carrier)).await?;
        store.insert_carrier(tx, place, carrier, permit.actor().user(), now).await.map_err(name_taken)?;
        let created = Entry::change("trunks.create", TRUNKS.name, id, diff(&Map::new(), &picture(carrier)));
        let mut entries = scenarios::name_in(tx, &scenarios::codes_of_carrier(place.1, carrier), now).await?;
        entries.push(with_passwords(created, None, carrier));
        audit::append(tx, now, permit.actor(), &entries).await?;
        Ok(id)
    }

    /// Gives a carrier other settings, if it is at the version that the person saw; gives its new version. What is not said gets its default.
    /// Accounts without a password keep theirs ([`Carrier::keep_passwords`]).
    ///
    /// `agree` is asked when all is done but the commit: if it refuses, nothing has changed. It is not asked for leave to switch the carrier on
    /// or off and nothing else: calls that are up go on, and without that a carrier that is never idle could never be emptied.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`], [`OfficeError::Forbidden`] for a shared one, [`Conflict::Version`],
    /// [`Conflict::NameTaken`], and what `agree` refuses with.
    pub async fn update_carrier<E, F>(
        &self,
        permit: &Permit,
        (id, version): (CarrierId, i64),
        carrier: Carrier,
        now: WallTime,
        agree: impl FnOnce() -> F + Send,
    ) -> Result<i64, E>
    where
        E: From<OfficeError> + From<StoreError>,
        F: Future<Output = Result<(), E>> + Send,
    {
        permit.must_be(can::TRUNKS_UPDATE)?;
        let mut tx = self.store().db().begin().await?;
        let made = match self.update_carrier_in(&mut tx, permit, (id, version), carrier, now).await {
            Ok(Changed { version, is_quiet: true }) => Ok(version),
            Ok(Changed { version, is_quiet: false }) => agree().await.map(|()| version),
            Err(error) => Err(error.into()),
        };
        finish(tx, made).await
    }

    async fn update_carrier_in(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (id, version): (CarrierId, i64),
        mut carrier: Carrier,
        now: WallTime,
    ) -> Result<Changed, OfficeError> {
        let old = self.lock_own(tx, permit, id).await?;
        if old.version != version {
            return Err(OfficeError::Conflict(Conflict::Version { current: old.version }));
        }
        if let Some(before) = &old.carrier {
            carrier.keep_passwords(before);
        }
        let carrier = self.good(permit, carrier).await?;
        if old.carrier.as_ref() == Some(&carrier) {
            return Ok(Changed { version, is_quiet: true });
        }
        let size = |carrier: &Carrier| (carrier.accounts.len(), carrier.numbers.len() + carrier.callers.len());
        let (accounts, numbers) = old.carrier.as_ref().map(size).unwrap_or_default();
        // What shrinks is never refused, also where a centre had more before there was a limit.
        if size(&carrier).0 > accounts || size(&carrier).1 > numbers {
            self.store().hold_carriers(tx).await?;
            self.must_have_room(tx, old.center, (Some(id), &carrier)).await?;
        }
        self.store().update_carrier(tx, id, &carrier, now).await.map_err(name_taken)?;
        let before = old.carrier.as_ref().map(picture).unwrap_or_default();
        let changed = Entry::change("trunks.update", TRUNKS.name, id, diff(&before, &picture(&carrier)));
        let mut entries = scenarios::name_in(tx, &scenarios::codes_of_carrier(old.center, &carrier), now).await?;
        entries.push(with_passwords(changed, old.carrier.as_ref(), &carrier));
        audit::append(tx, now, permit.actor(), &entries).await?;
        let switched = old.carrier.is_some_and(|before| Carrier { on: carrier.on, ..before } == carrier);
        Ok(Changed { version: version + 1, is_quiet: switched })
    }

    /// Deletes a carrier. `agree` is asked as by [`Office::update_carrier`].
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for a shared one, [`Conflict::InUse`] while a route names it, and what `agree`
    /// refuses with.
    pub async fn delete_carrier<E, F>(
        &self,
        permit: &Permit,
        id: CarrierId,
        now: WallTime,
        agree: impl FnOnce() -> F + Send,
    ) -> Result<(), E>
    where
        E: From<OfficeError> + From<StoreError>,
        F: Future<Output = Result<(), E>> + Send,
    {
        permit.must_be(can::TRUNKS_DELETE)?;
        let mut tx = self.store().db().begin().await?;
        let made = match self.delete_carrier_in(&mut tx, permit, id, now).await {
            Ok(()) => agree().await,
            Err(error) => Err(error.into()),
        };
        finish(tx, made).await
    }

    async fn delete_carrier_in(&self, tx: &mut Tx, permit: &Permit, id: CarrierId, now: WallTime) -> Result<(), OfficeError> {
        let old = self.lock_own(tx, permit, id).await?;
        let mut naming = self.store().routes_naming(tx, id).await?;
        // What other centres' routes say of a carrier that does not serve them is nothing to wait for.
        let is_shared = old.carrier.as_ref().is_none_or(|carrier| carrier.centers == Centers::All);
        naming.retain(|route| is_shared || route.center == old.center);
        if !naming.is_empty() {
            return Err(OfficeError::Conflict(Conflict::InUse(named(permit, &naming))));
        }
        self.store().delete_carrier(tx, id).await?;
        let gone = old.carrier.as_ref().map(picture).unwrap_or_else(|| Map::from_iter([("name".to_owned(), old.name.into())]));
        let deleted = Entry::change("trunks.delete", TRUNKS.name, id, diff(&gone, &Map::new()));
        Ok(audit::append(tx, now, permit.actor(), &[deleted]).await?)
    }

    /// The carrier, if it is of the centre that the person works in.
    ///
    /// # Errors
    /// As the database's.
    pub async fn carrier(&self, permit: &Permit, id: CarrierId) -> Result<Option<StoredCarrier>, OfficeError> {
        if ![can::TRUNKS_READ, can::TRUNKS_CREATE, can::TRUNKS_UPDATE, can::TRUNKS_DELETE].contains(&permit.action()) {
            permit.must_be(can::TRUNKS_READ)?;
        }
        Ok(self.store().carrier(permit.rows().center, id).await?.filter(|_| permit.reaches(&BTreeSet::new())))
    }

    /// Why a carrier is not used although it is there; none if it is.
    ///
    /// # Errors
    /// As the database's.
    pub async fn carrier_warnings(&self, permit: &Permit, id: CarrierId) -> Result<Vec<PlanWarning>, OfficeError> {
        let mut warnings = self.store().plan_of(permit.rows().center, Routes::None).await?.warnings;
        warnings.retain(|warning| warning.about == Subject::Carrier(id));
        Ok(warnings)
    }

    /// Whether a centre may have this carrier besides its others; `id` is of one that is there already. Nobody else makes carriers meanwhile.
    async fn must_have_room(&self, tx: &mut Tx, center: CenterId, (id, carrier): (Option<CarrierId>, &Carrier)) -> Result<(), OfficeError> {
        let others = self.store().sum_carriers(tx, center, id).await?;
        let sums = [
            (id.map_or(others.carriers + 1, |_| 0), Plan::CENTER_CARRIERS_MAX, "carriers", "delete one first"),
            (
                others.accounts + carrier.accounts.len(),
                Plan::CENTER_ACCOUNTS_MAX,
                "accounts with carriers",
                "take some out of its carriers first",
            ),
            (
                others.numbers + carrier.numbers.len() + carrier.callers.len(),
                Plan::CENTER_NUMBERS_MAX,
                "numbers with carriers, incoming and verified together",
                "take some out of its carriers first",
            ),
        ];
        match sums.into_iter().find(|(sum, most, ..)| sum > most) {
            Some((_, most, what, way)) => Err(OfficeError::Conflict(Conflict::State(format!("a center has at most {most} {what}: {way}")))),
            None => Ok(()),
        }
    }

    async fn lock_own(&self, tx: &mut Tx, permit: &Permit, id: CarrierId) -> Result<StoredCarrier, OfficeError> {
        let found = self.store().lock_carrier(tx, permit.rows().center, id).await?;
        let found = found.filter(|_| permit.reaches(&BTreeSet::new())).ok_or(OfficeError::NotFound("trunk"))?;
        found.carrier.as_ref().map_or(Ok(()), |carrier| may_share(permit, carrier))?;
        Ok(found)
    }

    /// A carrier that can be stored, or all that is wrong with it.
    async fn good(&self, permit: &Permit, mut carrier: Carrier) -> Result<Carrier, OfficeError> {
        // First of all: what is wrong with a centre's id tells which there are.
        may_share(permit, &carrier)?;
        may_claim(permit, &carrier)?;
        carrier.name = carrier.name.trim().to_owned();
        let mut faults = faults(carrier.validate());
        if !permit.reaches_all_centers() {
            let taken = self.numbers_of_others(permit.rows().center).await?;
            for (at, _) in carrier.numbers.iter().enumerate().filter(|(_, number)| taken.contains(&number.number)).take(TOLD_MAX) {
                faults.push(Fault::invalid(format!("numbers[{at}].number"), "calls to this number belong to another center"));
            }
        }
        let centers = self.picture().await?;
        let is_there = |center: &Option<CenterId>| center.is_none_or(|center| centers.centers.contains_key(&center));
        let numbers = carrier.numbers.iter().map(|number| ("numbers", number.center)).enumerate();
        let callers = carrier.callers.iter().map(|caller| ("callers", caller.center)).enumerate();
        for (at, (list, _)) in numbers.chain(callers).filter(|(_, (_, center))| !is_there(center)).take(TOLD_MAX) {
            faults.push(Fault::invalid(format!("{list}[{at}].center"), "there is no such center"));
        }
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        Ok(carrier)
    }

    /// The incoming numbers of carriers that are not this centre's, and are for others.
    async fn numbers_of_others(&self, center: CenterId) -> Result<HashSet<Number>, OfficeError> {
        let carriers = self.store().carriers().await?;
        let others = carriers.into_iter().filter_map(|stored| Some((stored.center, stored.carrier?)));
        let numbers = others.flat_map(|(owner, carrier)| {
            carrier.numbers.into_iter().filter(move |number| number.center.unwrap_or(owner) != center).map(|number| number.number)
        });
        Ok(numbers.collect())
    }
}

/// Whether what is no column of its list may be seen of a carrier: its addresses, accounts and numbers are part of its settings.
#[must_use]
pub fn shows_settings(view: &View) -> bool {
    view.mode(SETTINGS) == Mode::Show
}

/// What came of a change.
struct Changed {
    version: i64,
    /// Whether calls that are up have nothing to do with it.
    is_quiet: bool,
}

/// What every centre uses is for those whose right reaches all of them.
fn may_share(permit: &Permit, carrier: &Carrier) -> Result<(), OfficeError> {
    if carrier.centers == Centers::Own || permit.reaches_all_centers() {
        return Ok(());
    }
    Err(OfficeError::Forbidden(format!("a shared carrier (centers: all) concerns every center: it takes {}@all", permit.action())))
}

/// Networks wider than those of one provider concern every centre: whose calls come from there is asked of all centres' carriers, and nothing
/// is held against what comes from there.
fn may_claim(permit: &Permit, carrier: &Carrier) -> Result<(), OfficeError> {
    match carrier.wide_network() {
        Some(wide) if !permit.reaches_all_centers() => Err(OfficeError::Forbidden(format!(
            "a network as wide as {wide} concerns every center: it takes {}@all; a carrier's own are /{} and /{} at most",
            permit.action(),
            Carrier::NETWORK_V4_WIDEST,
            Carrier::NETWORK_V6_WIDEST
        ))),
        _ => Ok(()),
    }
}

/// What is wrong, as faults of the fields.
pub(crate) fn faults(problems: Vec<Problem>) -> Vec<Fault> {
    problems.into_iter().map(|problem| Fault::invalid(problem.path, problem.text)).collect()
}

/// Another of the centre has the name.
pub(crate) fn name_taken(error: StoreError) -> OfficeError {
    match error {
        StoreError::Constraint { name } if matches!(name.as_str(), "carriers_center_id_name_key" | "routes_center_id_name_key") => {
            OfficeError::Conflict(Conflict::NameTaken)
        }
        other => other.into(),
    }
}

/// Commits what was done, takes back what was refused.
///
/// # Errors
/// Why it was refused, or what the commit met.
pub async fn finish<T, E: From<StoreError>>(tx: Tx, done: Result<T, E>) -> Result<T, E> {
    match done {
        Ok(done) => {
            tx.commit().await?;
            Ok(done)
        }
        Err(refused) => {
            // Why it was refused is what matters; a transaction that cannot be rolled back ends with its connection.
            drop(tx.rollback().await);
            Err(refused)
        }
    }
}

/// What the audit log is shown. Never a password: those are not serialised.
pub(crate) fn picture(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(picture)) => picture,
        _ => Map::new(),
    }
}

/// What differs; of long lists only the entries that came and went.
pub(crate) fn diff(old: &Map<String, Value>, new: &Map<String, Value>) -> Diff {
    let (mut before, mut after) = (old.clone(), new.clone());
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut is_reordered = false;
    for name in names {
        let list = |map: &Map<String, Value>| map.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let (from, to) = (list(old), list(new));
        if from.len().max(to.len()) <= TOLD_MAX || from == to {
            continue;
        }
        let (gone, come) = (beside(&from, &to), beside(&to, &from));
        is_reordered |= gone == come;
        before.insert(name.clone(), gone);
        after.insert(name.clone(), come);
    }
    let diff = Diff::between(&before, &after);
    if is_reordered { diff.and("order", Value::Null, "changed") } else { diff }
}

/// The entries of a list that are not in the other one.
fn beside(list: &[Value], other: &[Value]) -> Value {
    let known: HashSet<String> = other.iter().map(Value::to_string).collect();
    let mut more = list.iter().filter(|entry| !known.contains(&entry.to_string()));
    let mut told: Vec<Value> = more.by_ref().take(TOLD_MAX).cloned().collect();
    let more = more.count();
    if more > 0 {
        told.push(json!({ "more": more }));
    }
    told.into()
}

/// Tells that passwords are others than they were, which is a matter of security.
fn with_passwords(entry: Entry, old: Option<&Carrier>, new: &Carrier) -> Entry {
    fn passwords(carrier: &Carrier) -> BTreeMap<&str, Option<&Secret>> {
        carrier.accounts.iter().map(|account| (account.username.as_str(), account.password.as_ref())).collect()
    }
    let is_same = passwords(new).iter().eq(old.map(passwords).unwrap_or_default().iter());
    if is_same { entry } else { Entry { diff: entry.diff.clone().secret("passwords"), ..entry }.security() }
}

/// The routes that still name a carrier, as far as the person may know them.
fn named(permit: &Permit, routes: &[StoredRoute]) -> String {
    let may_read = permit.principal().permit(can::ROUTES_READ);
    let name = |route: &StoredRoute| match &may_read {
        Some(reader) if reader.rows().center == route.center => format!("route {} ({})", route.id, route.name),
        _ if route.center == permit.rows().center => format!("route {}", route.id),
        _ => format!("route {} of center {}", route.id, route.center),
    };
    let mut told: Vec<String> = routes.iter().take(NAMED_MAX).map(name).collect();
    if routes.len() > NAMED_MAX {
        told.push(format!("{} more", routes.len() - NAMED_MAX));
    }
    told.join(", ")
}
