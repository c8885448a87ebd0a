//! Why a call goes where it goes, for a person at eight in the morning: as text, and as JSON.

use std::{collections::BTreeMap, fmt};

use chrono::DateTime;
use serde::Serialize;

use super::{
    Came, Decision, Origin, Plan, Question, Ring, Way,
    miss::Miss,
    plan::{NO_ROUTE, NOT_BROUGHT, Watch},
};
use crate::{
    CarrierId, Cause, Number, SlotId,
    carrier::{LeftOut, NumberKind, country, kind},
};

/// A decision with all that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What was asked.
    pub question: Question,
    /// The calling number as it was read.
    pub from: Option<Number>,
    /// The called number as it was read, before the route rewrote it.
    pub to: Number,
    /// What kind of number that is.
    pub kind: NumberKind,
    /// Its country by two letters, if it is of one.
    pub country: Option<String>,
    /// The routes of the centre in their order, until the one that matched; at most [`Explanation::LOOKED_MAX`], the one that matched
    /// always among them.
    pub looked: Vec<Looked>,
    /// How many more there are that do not match, for which there was no room.
    pub more: usize,
    /// What was passed over on the way: carriers, groups and slots, and why; and what may stand in the call's way besides.
    pub passed: Vec<String>,
    /// Where it goes.
    pub decision: Decision,
    /// The numbers of the slots that it goes to, for the text.
    #[serde(skip)]
    numbers: BTreeMap<SlotId, Number>,
}

/// A route that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// What it comes from.
    pub origin: Origin,
    /// What people call it.
    pub name: String,
    /// Why it does not match; none if it does.
    pub miss: Option<&'static str>,
}

/// Takes down what is told on the way.
#[derive(Debug, Default)]
pub(super) struct Notes {
    read: Option<(Option<Number>, Number)>,
    looked: Vec<(u32, Option<Miss>)>,
    left_out: Vec<(CarrierId, LeftOut)>,
    passed: Vec<String>,
}

impl Watch for Notes {
    fn read(&mut self, from: Option<&Number>, to: &Number) {
        self.read = Some((from.cloned(), to.clone()));
    }

    fn looked(&mut self, place: u32, miss: Option<Miss>) {
        self.looked.push((place, miss));
    }

    fn left_out(&mut self, carrier: CarrierId, why: LeftOut) {
        // A carrier may stand in the route by itself and in a group of it; the same of both is said once.
        if !self.left_out.contains(&(carrier, why)) {
            self.left_out.push((carrier, why));
        }
    }

    fn passed(&mut self, what: &dyn Fn() -> String) {
        let what = what();
        if !self.passed.contains(&what) {
            self.passed.push(what);
        }
    }
}

impl Miss {
    fn words(self) -> &'static str {
        match self {
            Self::Off => "it is switched off",
            Self::To => "it is for other called numbers",
            Self::Length => "it is for called numbers of another length",
            Self::From => "it is for other calling numbers",
            Self::CameBy => "it is for calls that came otherwise",
            Self::When => "it is for other hours",
            Self::Transit => "it may lead out again, and does not name the carrier that the call came by",
        }
    }
}

impl Explanation {
    /// The most routes that are told.
    pub const LOOKED_MAX: usize = 200;

    pub(super) fn new(plan: &Plan, question: &Question, notes: Notes, decision: Decision) -> Self {
        // The index passed routes over that could not match; a person looks for theirs among them, too.
        let end = match notes.looked.last() {
            Some((place, None)) => Some(*place),
            _ => None,
        };
        let mut looked = Vec::new();
        let mut more = 0;
        let read = Decision {
            // Refused before it was read: it stays as it came.
            from: notes.read.as_ref().map_or(&question.from, |(from, _)| from).clone(),
            to: notes.read.as_ref().map_or(&question.to, |(_, to)| to).clone(),
            ..decision.clone()
        };
        for (place, placed) in (0_u32..).zip(&plan.routes) {
            let is_here = placed.center.is_none_or(|center| center == question.center);
            if notes.read.is_none() || end.is_some_and(|end| place > end) {
                break;
            } else if !is_here {
                continue;
            } else if looked.len() >= Self::LOOKED_MAX - 1 && Some(place) != end {
                more += 1;
                continue;
            }
            let told = notes.looked.binary_search_by_key(&place, |(place, _)| *place).ok().and_then(|at| notes.looked.get(at));
            let miss = told.map_or_else(|| placed.route.miss(question, &read), |(_, miss)| *miss);
            looked.push(Looked { origin: placed.origin, name: placed.route.name.clone(), miss: miss.map(Miss::words) });
        }
        let name = |id: &CarrierId| plan.carriers.get(id).map_or("", |entry| entry.carrier.name.as_str());
        let left_out = notes.left_out.iter().map(|(id, why)| format!("{} (carrier {id}) is not used: {}", name(id), why.words()));
        let kind = kind(&read.to);
        // What stands before a call besides is not asked here; but this lock is shut unless somebody has opened it.
        let is_dear = kind.is_dear();
        let locked = (is_dear && !decision.way.tries().is_empty()).then(|| LOCKED.to_owned());
        let goes_to = decision.way.slots();
        let numbers = plan.numbering().slots.iter().filter(|(_, (id, _))| goes_to.contains(id));
        Self {
            numbers: numbers.map(|(number, (id, _))| (*id, number.clone())).collect(),
            question: question.clone(),
            kind,
            country: country(&read.to),
            from: read.from,
            to: read.to,
            looked,
            more,
            passed: notes.passed.iter().cloned().chain(left_out).chain(locked).collect(),
            decision,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(id) => write!(f, "route {id}"),
            Self::Number(id) => write!(f, "numbers of carrier {id}"),
            Self::Numbering => f.write_str("built in"),
        }
    }
}

/// Some lines of text, each ended.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = &self.question;
        let from = |from: &Option<Number>| from.as_ref().map_or("a withheld number".to_owned(), Number::to_string);
        write!(f, "call       {} to {}, ", from(&asked.from), asked.to)?;
        match asked.came_by {
            Came::Slot => f.write_str("by a slot")?,
            Came::Carrier(id) => write!(f, "by carrier {id}")?,
        }
        write!(f, ", center {}", asked.center)?;
        match DateTime::from_timestamp_millis(asked.at.0) {
            Some(at) => writeln!(f, ", {}", at.format("%a %Y-%m-%d %H:%M UTC"))?,
            None => writeln!(f)?,
        }
        if let Some(caller) = &asked.caller {
            writeln!(f, "{:<10} the slot calls as {caller}, where that is verified", "caller")?;
        }
        let country = self.country.as_deref().map_or(String::new(), |country| format!(", {country}"));
        writeln!(f, "read as    {} to {} ({}{country})", from(&self.from), self.to, self.kind.words())?;
        let mut head = "routes";
        for looked in &self.looked {
            match looked.miss {
                Some(miss) => writeln!(f, "{head:<10} no   {} [{}]: {miss}", looked.name, looked.origin)?,
                None => {
                    if self.more > 0 {
                        writeln!(f, "{head:<10} no   {} more", self.more)?;
                        head = "";
                    }
                    writeln!(f, "{head:<10} YES  {} [{}]", looked.name, looked.origin)?;
                }
            }
            head = "";
        }
        if self.more > 0 && self.looked.last().is_some_and(|looked| looked.miss.is_some()) {
            writeln!(f, "{head:<10} no   {} more", self.more)?;
        }
        let decision = &self.decision;
        if decision.to != self.to {
            writeln!(f, "rewritten  {}", decision.to)?;
        }
        for (head, text) in [("scenario", &decision.scenario), ("source", &decision.source)] {
            if !text.is_empty() {
                writeln!(f, "{head:<10} {text}")?;
            }
        }
        for passed in &self.passed {
            writeln!(f, "{:<10} {passed}", "note")?;
        }
        write_way(f, "goes", &decision.way, &self.numbers)
    }
}

fn write_way(f: &mut fmt::Formatter<'_>, head: &str, way: &Way, numbers: &BTreeMap<SlotId, Number>) -> fmt::Result {
    match way {
        Way::Slots { slots, ring_s, ring } => {
            let number = |id: &SlotId| numbers.get(id).map_or_else(|| format!("with the id {id}"), Number::to_string);
            let named: Vec<_> = slots.iter().map(number).collect();
            let (noun, how) = match (slots.len(), ring) {
                (1, _) => ("slot", "rings"),
                (_, Ring::Together) => ("slots", "ring"),
                (_, Ring::InTurn) => ("slots", "ring in turn, each"),
            };
            writeln!(f, "{head:<10} to the {noun} {}, which {how} for {ring_s} s", named.join(", "))
        }
        Way::Carriers(tries) => {
            for (at, one) in (1..).zip(tries) {
                let head = if at == 1 { head } else { "" };
                write!(f, "{head:<10} {at}. out by {} (carrier {}) to {} as {}, ", one.name, one.carrier, one.to, one.caller)?;
                match one.per_minute {
                    // Prices are kept in minor units: a kopeck, a cent.
                    Some(price) => writeln!(f, "at {price} minor units of {} a minute", one.currency)?,
                    None => writeln!(f, "without a price")?,
                }
            }
            Ok(())
        }
        Way::Service(number) => writeln!(f, "{head:<10} to the service {number}"),
        Way::Refuse { cause, why } => {
            writeln!(f, "{head:<10} nowhere: {} {} ({why}); {}", cause.sip_status(), cause.code(), remedy(*cause, why))
        }
        Way::Ask { url, deadline_ms, default, .. } => {
            writeln!(f, "{head:<10} would ask {url}, and go where that says; if it says nothing good within {deadline_ms} ms:")?;
            write_way(f, "", default, numbers)
        }
    }
}

/// Of a number that may cost more than it looks.
const LOCKED: &str =
    "numbers of this kind are refused (403 premium_not_allowed) unless a budget allows premium numbers, whatever the routes say";

/// What a person can do about it: more than its cause says, where the plan knows more.
fn remedy(cause: Cause, why: &str) -> &'static str {
    match why {
        NO_ROUTE => "check the number, or make a route for it",
        NOT_BROUGHT => "check the number, or enter it at the carrier, among its numbers",
        _ => cause.remedy(),
    }
}
