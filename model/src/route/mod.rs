//! Routes: what becomes of a call, by who calls whom, by what it came and when. A typed plan, tested and explained by one path.
//!
//! A [`Route`] is what REST takes and the database keeps; a [`Plan`] is made of all of them, and answers a [`Question`].

mod answer;
mod decision;
mod explain;
mod index;
mod lacking;
mod miss;
mod plan;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use answer::{Answer, AskOutcome, Asked, BadAnswer, Said};
pub use decision::{Came, Decision, Origin, Question, Try, Way};
pub use explain::{Explanation, Looked};
pub use plan::Plan;
pub use warnings::{PlanWarning, Subject};

use crate::{
    Calendar, CarrierId, Cause, CenterId, Destination, Directory, Number, Problem, RouteId, SlotId,
    carrier::{Carrier, IncomingNumber, NumberForm, RULES_MAX, Rule, Secret, SlotRef},
    problem::Problems,
};

/// A route: calls that match go so. The first one that matches is taken, by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What people call it.
    pub name: String,
    /// Its place: lower ones are looked at first; among equals the older one.
    pub position: u32,
    /// Whether it is looked at. Default: yes.
    #[serde(default = "yes")]
    pub on: bool,
    /// Which calls it is for. Default: all.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// What becomes of them.
    pub then: Action,
    /// The call-handling scenario that they get (S000-07); empty: that of the incoming number, if there is one.
    #[serde(default)]
    pub scenario: String,
    /// The source that they get; empty: that of the incoming number, if there is one.
    #[serde(default)]
    pub source: String,
    /// What is done to the called number before it goes on: the first rule that is for it.
    #[serde(default)]
    pub rewrite: Vec<Rule>,
}

/// Which calls a route is for: all that is said must be so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object such as {\"to\": [\"+7495*\"]}")]
pub struct Match {
    /// The calling number is one of these, or begins so. Empty: whoever calls, also without a number.
    pub from: Vec<Destination>,
    /// The called number is one of these, or begins so, in E.164 if it is one. Empty: whatever is called.
    pub to: Vec<Destination>,
    /// How many characters the called number has, `+` included. None: however many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u8>,
    /// By what the call came.
    pub came_by: CameBy,
    /// When. None: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// By what a call came: `"any"`, `"slot"`, or `{"carriers": ["3"]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameBy {
    /// By anything. But a call that came by a carrier leaves by one only if the route names the carrier that it came by.
    #[default]
    Any,
    /// By a slot.
    Slot,
    /// By one of these carriers.
    Carriers(Vec<CarrierId>),
}

/// When a route is for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"calendar\": {\"zone\": \"Europe/Moscow\"}}")]
pub struct When {
    /// The hours.
    pub calendar: Calendar,
    /// Within them, or with `false` outside of them.
    #[serde(default = "yes")]
    pub open: bool,
}

/// How several slots ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ring {
    /// All at once.
    #[default]
    Together,
    /// One after another, in their order: the next when one does not answer in its time, is busy, or is not there.
    InTurn,
}

impl Ring {
    /// What nobody needs to be told.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::Together
    }
}

/// What becomes of a call. In JSON, `do` says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// These slots ring; the first answer wins.
    Slots {
        /// Which slots.
        slots: Vec<SlotRef>,
        /// For how many seconds, each of them if they ring in turn, 1 to [`Action::RING_MAX_S`]. Default 30.
        #[serde(default = "ring_s")]
        ring_s: u16,
        /// Whether all at once.
        #[serde(default, skip_serializing_if = "Ring::is_usual")]
        ring: Ring,
    },
    /// The slot whose number is called rings.
    DialledSlot {
        /// For how many seconds, 1 to [`Action::RING_MAX_S`]. Default 30.
        #[serde(default = "ring_s")]
        ring_s: u16,
    },
    /// It goes out by these, in this order.
    Carriers {
        /// Carriers and groups of them.
        order: Vec<Outlet>,
        /// Whether the cheapest of a group goes first, among those of the same priority.
        #[serde(default)]
        least_cost: bool,
    },
    /// It goes to a service of ours (1xxx).
    Service {
        /// The service's number. None: the called one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<Number>,
    },
    /// It is refused.
    Refuse {
        /// Why, by its code.
        cause: Cause,
    },
    /// A program is asked over HTTP what becomes of it.
    Ask {
        /// Where: `https://…`, or `http://…`.
        url: String,
        /// What questions are signed with, [`Action::SECRET_MIN`] to [`Action::SECRET_MAX`] characters. Taken, and never given: what is read of
        /// a route is without it ([`Route::stored`] has it).
        #[serde(default, skip_serializing)]
        secret: Option<Secret>,
        /// How long it may take, in milliseconds, [`Action::DEADLINE_MIN_MS`] to [`Action::DEADLINE_MAX_MS`]. Default 1000.
        #[serde(default = "deadline_ms")]
        deadline_ms: u16,
        /// What becomes of the call if there is no good answer by then. Not another question.
        default: Box<Action>,
    },
}

/// A carrier, or a group of carriers: `{"carrier": "3"}`, `{"group": "moscow"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlet {
    /// One carrier.
    Carrier(CarrierId),
    /// All carriers of this group that serve the centre.
    Group(String),
}

/// A route as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteEntry {
    /// Its id.
    pub id: RouteId,
    /// Whose it is. It is for calls of this centre alone.
    pub center: CenterId,
    /// Its settings.
    pub route: Route,
}

/// What is there to be called inside, and how people write numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbering {
    /// All slots: number, id, and whose it is.
    pub slots: BTreeMap<Number, (SlotId, CenterId)>,
    /// The services that exist (1xxx).
    pub services: BTreeSet<Number>,
    /// How the people of a centre write numbers. Without one, what is dialled is taken as it is.
    pub forms: BTreeMap<CenterId, NumberForm>,
}

impl Route {
    /// The most numbers that a route can match by, calling and called each.
    pub const NUMBERS_MAX: usize = 1_000;

    /// Everything that is wrong with it, at most a hundred things.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check(&mut problems);
        problems.found()
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        problems.text("name", &self.name, Carrier::NAME_MAX);
        problems.field("match", |problems| self.matches.check(problems));
        problems.field("then", |problems| self.then.check(problems, false));
        for (name, text) in [("scenario", &self.scenario), ("source", &self.source)] {
            if !text.is_empty() {
                problems.text(name, text, Carrier::NAME_MAX);
            }
        }
        problems.list("rewrite", &self.rewrite, RULES_MAX, |problems, rule| rule.check(problems));
    }
}

impl Route {
    /// What its questions are signed with; none if it asks nobody, or lacks it.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match &self.then {
            Action::Ask { secret, .. } => secret.as_ref(),
            _ => None,
        }
    }

    /// Sets it, if the route asks a program.
    pub fn set_secret(&mut self, new: Option<Secret>) {
        if let Action::Ask { secret, .. } = &mut self.then {
            *secret = new;
        }
    }

    /// A route that came without its secret keeps the one that it had, if it asks the same program. To be called before [`Route::validate`], so
    /// that what was read can be sent back changed. Who is asked elsewhere than before is signed for anew: whoever may change where questions go
    /// could have them signed by what another program believes.
    pub fn keep_secret(&mut self, before: &Self) {
        if let (Action::Ask { url, secret: secret @ None, .. }, Action::Ask { url: old_url, secret: old, .. }) =
            (&mut self.then, &before.then)
            && url == old_url
        {
            secret.clone_from(old);
        }
    }

    /// All of it with its secret, for a tape alone.
    ///
    /// # Errors
    ///
    /// None that is known: plain data can always be written as JSON.
    pub fn stored(&self) -> Result<Value, serde_json::Error> {
        let mut stored = serde_json::to_value(self)?;
        if let (Some(secret), Some(then)) = (self.secret(), stored.get_mut("then").and_then(Value::as_object_mut)) {
            then.insert("secret".to_owned(), json!(secret.reveal()));
        }
        Ok(stored)
    }
}

impl Match {
    fn check(&self, problems: &mut Problems) {
        for (name, numbers) in [("from", &self.from), ("to", &self.to)] {
            problems.list(name, numbers, Route::NUMBERS_MAX, |problems, number| {
                // A database may hold stars inside; nobody means them.
                if let Err(wrong) = number.to_string().parse::<Destination>() {
                    problems.add(wrong.to_string());
                }
            });
        }
        if let Some(length) = self.length {
            problems.range("length", length, 1, 32);
        }
        if let CameBy::Carriers(carriers) = &self.came_by {
            problems.list("came_by.carriers", carriers, Outlet::MAX, |_, _| ());
            if carriers.is_empty() {
                problems.field("came_by.carriers", |problems| problems.add("needs at least one: no call comes by none"));
            }
        }
        if let Some(when) = &self.when {
            problems.field("when", |problems| problems.field("calendar", |problems| when.calendar.check(problems)));
        }
    }
}

impl Action {
    /// The longest ringing, in seconds.
    pub const RING_MAX_S: u16 = 300;
    /// The shortest deadline of a question, in milliseconds.
    pub const DEADLINE_MIN_MS: u16 = 50;
    /// The longest one: the caller hears nothing meanwhile.
    pub const DEADLINE_MAX_MS: u16 = 5_000;
    /// The shortest secret of a question, in characters.
    pub const SECRET_MIN: usize = 16;
    /// The longest one.
    pub const SECRET_MAX: usize = 128;
    /// The longest address of a question, in bytes.
    pub const URL_MAX: usize = 2_000;

    /// Everything that is wrong with an answer of a program that was asked. It does not ask another one.
    #[must_use]
    pub fn validate_answer(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check(&mut problems, true);
        problems.found()
    }

    fn check(&self, problems: &mut Problems, is_answer: bool) {
        match self {
            Self::Slots { slots, ring_s, .. } => {
                problems.list("slots", slots, IncomingNumber::TO_MAX, |_, _| ());
                if slots.is_empty() {
                    problems.field("slots", |problems| problems.add("needs at least one"));
                }
                problems.range("ring_s", *ring_s, 1, Self::RING_MAX_S);
            }
            Self::DialledSlot { ring_s } => problems.range("ring_s", *ring_s, 1, Self::RING_MAX_S),
            Self::Carriers { order, .. } => {
                problems.list("order", order, Outlet::MAX, |problems, outlet| {
                    if let Outlet::Group(group) = outlet {
                        problems.text("group", group, Carrier::NAME_MAX);
                    }
                });
                if order.is_empty() {
                    problems.field("order", |problems| problems.add("needs at least one"));
                }
            }
            Self::Service { .. } => {}
            Self::Refuse { cause } => {
                if cause.sip_status() < 300 {
                    problems.field("cause", |problems| problems.add(format!("{} is no refusal", cause.code())));
                }
            }
            Self::Ask { .. } if is_answer => problems.add("a program's answer, or the default of a question, is not another question"),
            Self::Ask { url, secret, deadline_ms, default } => {
                let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
                let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
                if url.len() > Self::URL_MAX || !is_plain || host.is_empty() || host.starts_with('/') {
                    problems.field("url", |problems| problems.add("is https://… or http://…, at most 2000 characters, without blanks"));
                }
                match secret.as_ref().map(Secret::reveal) {
                    None => problems.field("secret", |problems| problems.add("is missing")),
                    Some(secret) if secret.chars().count() < Self::SECRET_MIN => {
                        problems.field("secret", |problems| problems.add("shorter than 16 characters"));
                    }
                    Some(secret) => problems.text("secret", secret, Self::SECRET_MAX),
                }
                problems.range("deadline_ms", *deadline_ms, Self::DEADLINE_MIN_MS, Self::DEADLINE_MAX_MS);
                problems.field("default", |problems| default.check(problems, true));
            }
        }
    }

    /// Whether it may lead out by a carrier. What a program will say is not known.
    pub(crate) fn may_lead_out(&self) -> bool {
        matches!(self, Self::Carriers { .. } | Self::Ask { .. })
    }
}

impl Outlet {
    /// The most carriers and groups of one list.
    pub const MAX: usize = 50;
}

impl Numbering {
    /// The slots of the directory; no services, and numbers as they are dialled.
    #[must_use]
    pub fn of(directory: &Directory) -> Self {
        let slots = directory.slots().map(|slot| (slot.number.clone(), (slot.id, slot.center))).collect();
        Self { slots, ..Self::default() }
    }

    /// The routes that every centre has after its own: 1xxx are services; 2xxx, 6xxx, 7xxx and 8xxx are slots (S004-27, R1).
    #[must_use]
    pub fn routes() -> Vec<Route> {
        let route = |name: &str, starts: &[&str], then| Route {
            name: name.to_owned(),
            position: 0,
            on: true,
            matches: Match {
                to: starts.iter().filter_map(|start| start.parse().ok()).collect(),
                length: Some(4),
                came_by: CameBy::Slot,
                ..Match::default()
            },
            then,
            scenario: String::new(),
            source: String::new(),
            rewrite: Vec::new(),
        };
        vec![
            route("numbering plan: services", &["1*"], Action::Service { number: None }),
            route("numbering plan: slots", &["2*", "6*", "7*", "8*"], Action::DialledSlot { ring_s: ring_s() }),
        ]
    }
}

fn yes() -> bool {
    true
}

pub(crate) fn ring_s() -> u16 {
    30
}

fn deadline_ms() -> u16 {
    1000
}

#[cfg(test)]
mod tests;
