//! Why a call goes where it goes: over REST for who may see all that is told by it, and for the command line.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use model::{
    CarrierId, CenterId, Directory, Mode, Number, WallTime,
    carrier::{CarrierEntry, RequestNumbers, Standing},
    route::{Came, Explanation, PlanWarning, Question},
};
use store::Routes;

use crate::{Fault, Office, OfficeError, Permit, ROUTES, TRUNKS, can};

/// A call to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The calling number; none if it is withheld.
    pub from: Option<Number>,
    /// The called number, as it is dialled or sent.
    pub to: Number,
    /// By what it comes.
    pub came_by: Came,
    /// When.
    pub at: WallTime,
    /// Carriers that are taken for ones that do not answer. All others are there.
    pub down: BTreeSet<CarrierId>,
}

/// An explanation.
#[derive(Debug, Clone)]
pub struct Explained {
    /// What was looked at, and what was decided. Among equal carriers it shows one of the orders that chance gives.
    pub explanation: Explanation,
    /// What of the centre's plan somebody should do something about.
    pub warnings: Vec<PlanWarning>,
}

/// The same as it is asked on the command line.
#[derive(Debug, Clone, Default)]
pub struct Inquiry {
    /// The calling number; none: that of the slot, or it is withheld.
    pub from: Option<Number>,
    /// The called number.
    pub to: Option<Number>,
    /// The number of the slot that calls.
    pub slot: Option<Number>,
    /// The name or the id of the carrier that the call comes by.
    pub carrier: Option<String>,
    /// When: `2026-11-22T10:00` on the clock of the centre, or with `Z` or an offset behind it; none: now.
    pub at: Option<String>,
    /// The code or the id of the centre; none: that of the slot or of the called number, else the first one.
    pub center: Option<String>,
}

impl Office {
    /// Explains where a call of the centre that the person works in would go.
    ///
    /// An explanation tells of every column of routes and of carriers, so it is for who sees all of them.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`].
    pub async fn explain_route(&self, permit: &Permit, asked: &Asked) -> Result<Explained, OfficeError> {
        permit.must_be(can::ROUTES_READ)?;
        let sees_all = |permit: &Permit, resource: &'static model::Resource| {
            let view = permit.view(resource);
            permit.is_wide() && resource.columns.iter().all(|column| view.mode(column.name) == Mode::Show)
        };
        let of_trunks = permit.principal().permit(can::TRUNKS_READ);
        if !sees_all(permit, &ROUTES) || !of_trunks.is_some_and(|permit| sees_all(&permit, &TRUNKS)) {
            let told = "an explanation tells of routes and of carriers: it takes routes.read and trunks.read, with every column";
            return Err(OfficeError::Forbidden(told.to_owned()));
        }
        self.explained(permit.rows().center, asked).await
    }

    /// Explains where a call would go, for whoever has the data directory in hand.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong with what was asked.
    pub async fn explain_route_as_system(&self, inquiry: &Inquiry, now: WallTime) -> Result<Explained, OfficeError> {
        let directory = self.store().directory().await?;
        let mut faults = Vec::new();
        let center = match &inquiry.center {
            Some(name) => {
                let known =
                    self.picture().await?.centers.values().find(|center| center.code == *name || center.id.to_string() == *name).cloned();
                known.map(|center| center.id).or_else(|| {
                    faults.push(Fault::invalid("center", format!("there is no center {name:?}")));
                    None
                })
            }
            None => None,
        };
        let slot = inquiry.slot.as_ref().and_then(|number| {
            let known = directory.slot_by_number(number.as_str()).filter(|slot| center.is_none_or(|center| slot.center == center));
            if known.is_none() {
                faults.push(Fault::invalid("slot", format!("there is no slot {number} here")));
            }
            known
        });
        let carrier = match &inquiry.carrier {
            Some(name) => carrier(&directory, center, name).map_err(|told| faults.push(Fault::invalid("carrier", told))).ok(),
            None => None,
        };
        let to = inquiry.to.clone();
        if to.is_none() {
            faults.push(Fault::invalid("to", "the called number is missing"));
        }
        let caller = || directory.slot_by_number(inquiry.from.as_ref()?.as_str());
        let of_number = |carrier: &CarrierEntry| {
            let to = to.as_ref().map_or("", Number::as_str);
            carrier.incoming(RequestNumbers { request_uri: to, to }).map_or(carrier.center, |number| carrier.center_of(number))
        };
        let center = center
            .or_else(|| slot.map(|slot| slot.center))
            .or_else(|| carrier.map(of_number))
            .or_else(|| caller().map(|slot| slot.center))
            .unwrap_or(CenterId::DEFAULT);
        let at = match &inquiry.at {
            Some(text) => {
                let tz = self.center(center).await?.map_or(Tz::UTC, |center| center.tz);
                moment(text, tz).unwrap_or_else(|told| {
                    faults.push(Fault::invalid("at", told));
                    now
                })
            }
            None => now,
        };
        let (Some(to), true) = (to, faults.is_empty()) else { return Err(OfficeError::Invalid(faults)) };
        let from = inquiry.from.clone().or_else(|| slot.map(|slot| slot.number.clone()));
        let came_by = carrier.map_or(Came::Slot, |carrier| Came::Carrier(carrier.id));
        self.explained(center, &Asked { from, to, came_by, at, down: BTreeSet::new() }).await
    }

    async fn explained(&self, center: CenterId, asked: &Asked) -> Result<Explained, OfficeError> {
        let planned = self.store().plan_of(center, Routes::All).await?;
        let Asked { from, to, came_by, at, down } = asked.clone();
        // A slot that calls does so by its own number, where that is verified.
        let slot = match &from {
            Some(from) if came_by == Came::Slot => self.store().slot_numbered(center, from).await?,
            _ => None,
        };
        let no_slot = from.as_ref().filter(|_| came_by == Came::Slot && slot.is_none());
        let no_slot = no_slot.map(|from| format!("there is no slot {from} in this center"));
        let caller = slot.and_then(|slot| slot.caller);
        // Which of equal carriers comes first is chance; an explanation that changes each time would help nobody.
        let question = Question { from, to, came_by, at, center, caller, chance: 0 };
        let standing = |carrier| if down.contains(&carrier) { Standing::Down } else { Standing::Up };
        let mut explanation = planned.plan.explain(&question, &standing);
        explanation.passed.splice(..0, no_slot);
        Ok(Explained { explanation, warnings: planned.warnings })
    }
}

/// The carrier with this name or id; names are unique in a centre only.
fn carrier<'a>(directory: &'a Directory, center: Option<CenterId>, name: &str) -> Result<&'a CarrierEntry, String> {
    let here = |entry: &&CarrierEntry| center.is_none_or(|center| entry.serves(center));
    let known: Vec<_> = directory.plan().carriers().filter(here).filter(|entry| entry.carrier.name == name).collect();
    let by_id = || directory.plan().carriers().filter(here).find(|entry| entry.id.to_string() == name);
    match known.as_slice() {
        [one] => Ok(one),
        [] => by_id().ok_or_else(|| format!("there is no carrier {name:?} here, or none that can be used")),
        _ => Err(format!("there are {} carriers {name:?}: name the center, too, or the carrier's id", known.len())),
    }
}

/// A moment as people write it; without an offset it is on the clock of this zone.
fn moment(text: &str, zone: Tz) -> Result<WallTime, &'static str> {
    let text = text.replacen(' ', "T", 1);
    let exact = ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%#z"];
    if let Some(at) = exact.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok()) {
        return Ok(WallTime(at.timestamp_millis()));
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let local = local.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
    let local = local.ok_or("a time is written as 2026-11-22T10:00, or with Z or an offset such as +03:00 behind it")?;
    let at =
        zone.from_local_datetime(&local).earliest().ok_or("there is no such time on the clock of this center: it is left out there")?;
    Ok(WallTime(at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_on_the_clock_of_the_centre_unless_it_says_otherwise() {
        let ten = WallTime(1_795_341_600_000);
        let (moscow, berlin) = (chrono_tz::Europe::Moscow, chrono_tz::Europe::Berlin);
        for text in [
            "2026-11-22T13:00",
            "2026-11-22 13:00",
            "2026-11-22T13:00:00",
            "2026-11-22T10:00Z",
            "2026-11-22T10:00:00Z",
            "2026-11-22T12:00+02:00",
        ] {
            assert_eq!(moment(text, moscow), Ok(ten), "{text}");
        }
        assert_eq!(moment("2026-11-22T11:00", berlin), Ok(ten));
        // The hour that comes twice is its first; the one that is left out is none.
        assert_eq!(moment("2026-10-25T02:30", berlin), moment("2026-10-25T00:30Z", Tz::UTC));
        for wrong in
            ["2026-03-29T02:30", "", "now", "10:00", "2026-11-22", "2026-13-01T10:00", "2026-11-22T10:00 Moscow", "99999-01-01T00:00"]
        {
            assert!(moment(wrong, berlin).is_err(), "{wrong}");
        }
    }
}
