//! Our numbers with a carrier, and which of them an incoming call means (R13).

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Carrier, CarrierEntry, Centers, RuleOf};
use crate::{
    CenterId, Number, SlotId,
    problem::Problems,
    route::{Action, Ring, ring_s},
};

/// A number of ours that a carrier brings calls to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"number\": \"+74951234567\", \"to\": [\"6001\"]}")]
pub struct IncomingNumber {
    /// The number in E.164.
    pub number: Number,
    /// Whose it is, if the carrier is shared. None: the centre that the carrier belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center: Option<CenterId>,
    /// The slots that ring. Empty: routes alone say where its calls go.
    #[serde(default)]
    pub to: Vec<SlotRef>,
    /// Whether all at once.
    #[serde(default, skip_serializing_if = "Ring::is_usual")]
    pub ring: Ring,
    /// For how many seconds, each of them if they ring in turn, 1 to [`Action::RING_MAX_S`].
    #[serde(default = "ring_s", skip_serializing_if = "is_usual")]
    pub ring_s: u16,
    /// The call-handling scenario of its calls (S000-07); empty: the carrier's.
    #[serde(default)]
    pub scenario: String,
    /// Which advert it stands in; empty: the carrier's.
    #[serde(default)]
    pub source: String,
    /// Its calls at once; 0: as many as the carrier has.
    #[serde(default)]
    pub calls_max: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_usual(seconds: &u16) -> bool {
    *seconds == ring_s()
}

/// A slot, by its number (`"6001"`) or by its id (`{"id": "44"}`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotRef {
    /// By its number.
    Number(Number),
    /// By its id.
    Id(SlotId),
}

/// The numbers of an incoming INVITE.
#[derive(Debug, Clone, Copy)]
pub struct RequestNumbers<'a> {
    /// The user part of the Request-URI.
    pub request_uri: &'a str,
    /// The user part of To.
    pub to: &'a str,
}

impl CarrierEntry {
    /// The number of ours that a call means: by its Request-URI, then by its To, each read as E.164 (R13).
    ///
    /// None is 404. A carrier that calls the contact of an account has the number in To.
    #[must_use]
    pub fn incoming(&self, request: RequestNumbers<'_>) -> Option<&IncomingNumber> {
        [request.request_uri, request.to].into_iter().find_map(|text| {
            let number = self.carrier.read(RuleOf::Called, &text.parse().ok()?).ok()?;
            self.carrier.numbers.iter().find(|entry| entry.number == number)
        })
    }

    /// The scenario and the source of calls to this number: its own, else the carrier's. What a shared carrier's own centre calls its scenarios
    /// is no other centre's.
    #[must_use]
    pub fn labels_of<'a>(&'a self, number: &'a IncomingNumber) -> (&'a str, &'a str) {
        let is_ours = self.center_of(number) == self.center;
        let of = |own: &'a str, ours: &'a str| if own.is_empty() && is_ours { ours } else { own };
        (of(&number.scenario, &self.carrier.scenario), of(&number.source, &self.carrier.source))
    }

    /// Whose this number is.
    #[must_use]
    pub fn center_of(&self, number: &IncomingNumber) -> CenterId {
        number.center.unwrap_or(self.center)
    }
}

impl IncomingNumber {
    /// The most slots that ring for one call.
    pub const TO_MAX: usize = 50;
}

impl Carrier {
    pub(super) fn check_numbers(&self, problems: &mut Problems) {
        for (name, text) in [("scenario", &self.scenario), ("source", &self.source)] {
            if !text.is_empty() {
                problems.text(name, text, Self::NAME_MAX);
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        problems.list("numbers", &self.numbers, Self::NUMBERS_MAX, |problems, entry| {
            check_e164(problems, &entry.number);
            if !seen.insert(entry.number.clone()) {
                problems.field("number", |problems| problems.add(format!("{} stands twice", entry.number)));
            }
            self.check_center(problems, entry.center);
            problems.list("to", &entry.to, IncomingNumber::TO_MAX, |_, _| ());
            for (name, text) in [("scenario", &entry.scenario), ("source", &entry.source)] {
                if !text.is_empty() {
                    problems.text(name, text, Self::NAME_MAX);
                }
            }
            problems.range("ring_s", entry.ring_s, 1, Action::RING_MAX_S);
            problems.range("calls_max", entry.calls_max, 0, Self::CAPACITY_MAX);
        });
        let mut seen = std::collections::BTreeSet::new();
        problems.list("callers", &self.callers, Self::CALLERS_MAX, |problems, caller| {
            check_e164(problems, &caller.number);
            self.check_center(problems, caller.center);
            if !seen.insert((caller.center, caller.number.clone())) {
                problems.field("number", |problems| problems.add(format!("{} stands twice", caller.number)));
            }
        });
    }

    /// Nothing crosses centres unless the carrier is shared.
    fn check_center(&self, problems: &mut Problems, center: Option<CenterId>) {
        if center.is_some() && self.centers == Centers::Own {
            problems.field("center", |problems| problems.add("only a shared carrier (centers: all) names centers"));
        }
    }
}

fn check_e164(problems: &mut Problems, number: &Number) {
    let digits = number.as_str().strip_prefix('+').unwrap_or_default();
    if !(6..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        problems.field("number", |problems| problems.add("is E.164: + and 6 to 15 digits, such as +74951234567"));
    }
}

impl Serialize for SlotRef {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(to),
            Self::Id(id) => to.collect_map([("id", id)]),
        }
    }
}

impl<'de> Deserialize<'de> for SlotRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct ById {
            id: SlotId,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(Number),
            Id(ById),
        }
        match Either::deserialize(from) {
            Ok(Either::Number(number)) => Ok(Self::Number(number)),
            Ok(Either::Id(ById { id })) => Ok(Self::Id(id)),
            Err(_) => Err(de::Error::custom("a slot is named by its number, \"6001\", or by its id, {\"id\": \"44\"}")),
        }
    }
}
