//! What a program that a route asks may answer, and how it went.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Action;
use crate::{Number, RouteId};

/// What becomes of a call, as a program says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As if the route had said so: `{"do": "slots", "slots": ["6001"]}`.
    Action(Action),
    /// As if this number had been called: `{"do": "number", "number": "6001"}`. A slot's limits and the plan are asked anew.
    Number(Number),
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAnswer(String);

/// A question that a route had asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The route.
    pub route: RouteId,
    /// What came of it.
    pub outcome: AskOutcome,
    /// How long the call waited for it, in milliseconds.
    pub after_ms: u32,
    /// What the program said; none: the call took the route's default.
    pub said: Option<Said>,
}

/// What came of a question to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskOutcome {
    /// The program said what becomes of the call.
    Answered,
    /// It said nothing in time.
    Late,
    /// What it said is none of what it may say, or it refused to say anything.
    Wrong,
    /// It could not be asked: no address, no connection, a certificate that is not believed.
    Unreachable,
    /// It was not asked, since so many questions wait already.
    TooMany,
}

/// What a program said, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// These slots ring.
    Slots,
    /// The slot that was called rings.
    DialledSlot,
    /// It goes out by carriers.
    Carriers,
    /// It goes to a service.
    Service,
    /// It is refused.
    Refuse,
    /// It goes where another number leads.
    Number,
}

impl Answer {
    /// The longest answer that is read, in octets.
    pub const OCTETS_MAX: usize = 16 << 10;

    /// Reads an answer: JSON with what [`Action`] or a number takes, and nothing beside.
    ///
    /// # Errors
    /// It is none of what a program may answer; why, for whoever wrote the program. Nothing of its values is repeated.
    pub fn read(octets: &[u8]) -> Result<Self, BadAnswer> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Dialled {
            #[serde(rename = "do")]
            _what: String,
            number: Number,
        }
        let bad = |why: &str| BadAnswer(why.to_owned());
        if octets.len() > Self::OCTETS_MAX {
            return Err(bad("it is too long"));
        }
        let value: Value = serde_json::from_slice(octets).map_err(|_| bad("it is no JSON"))?;
        if value.get("do").and_then(Value::as_str) == Some("number") {
            return Dialled::deserialize(value).map(|dialled| Self::Number(dialled.number)).map_err(|_| bad("it names no number"));
        }
        let action = Action::deserialize(value).map_err(|_| bad("it is no action that a route could have"))?;
        match action.validate_answer().into_iter().next() {
            None => Ok(Self::Action(action)),
            Some(problem) => Err(BadAnswer(problem.to_string())),
        }
    }

    /// It in a word.
    #[must_use]
    pub fn said(&self) -> Said {
        match self {
            Self::Number(_) => Said::Number,
            Self::Action(Action::Slots { .. }) => Said::Slots,
            Self::Action(Action::DialledSlot { .. }) => Said::DialledSlot,
            Self::Action(Action::Carriers { .. }) => Said::Carriers,
            Self::Action(Action::Service { .. }) => Said::Service,
            // Another question is no answer, and is not read as one.
            Self::Action(Action::Refuse { .. } | Action::Ask { .. }) => Said::Refuse,
        }
    }
}

impl AskOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Late, Self::Wrong, Self::Unreachable, Self::TooMany];

    /// Its name in metrics and ladders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Late => "late",
            Self::Wrong => "wrong",
            Self::Unreachable => "unreachable",
            Self::TooMany => "too_many",
        }
    }
}

impl Said {
    /// Its name, as an answer has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::DialledSlot => "dialled_slot",
            Self::Carriers => "carriers",
            Self::Service => "service",
            Self::Refuse => "refuse",
            Self::Number => "number",
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_an_action_or_a_number_and_nothing_else() {
        let rows = [
            (r#"{"do": "slots", "slots": ["6001", {"id": "2"}], "ring_s": 9}"#, Ok("slots")),
            (r#"{"do": "dialled_slot"}"#, Ok("dialled_slot")),
            (r#"{"do": "carriers", "order": [{"group": "moscow"}]}"#, Ok("carriers")),
            (r#"{"do": "service", "number": "1001"}"#, Ok("service")),
            (r#"{"do": "refuse", "cause": "busy"}"#, Ok("refuse")),
            (r#" {"number": "+7 495 123-45-67", "do": "number"} "#, Ok("number")),
            ("", Err("it is no JSON")),
            ("ok", Err("it is no JSON")),
            ("{}", Err("it is no action that a route could have")),
            ("[]", Err("it is no action that a route could have")),
            ("null", Err("it is no action that a route could have")),
            (r#"{"do": "number"}"#, Err("it names no number")),
            (r#"{"do": "number", "number": "desk"}"#, Err("it names no number")),
            (r#"{"do": "number", "number": "6001", "caller": "112"}"#, Err("it names no number")),
            (r#"{"do": "slots", "slots": []}"#, Err("slots: needs at least one")),
            (r#"{"do": "slots", "slots": ["6001"], "ring_s": 301}"#, Err("ring_s: 301 is not within 1 and 300")),
            (r#"{"do": "slots", "slots": ["6001"], "caller": "1"}"#, Err("it is no action that a route could have")),
            (r#"{"do": "refuse", "cause": "answered"}"#, Err("it is no action that a route could have")),
            (
                r#"{"do": "ask", "url": "https://a", "secret": "0123456789abcdef", "default": {"do": "dialled_slot"}}"#,
                Err("a program's answer, or the default of a question, is not another question"),
            ),
        ];
        for (text, expected) in rows {
            let read = Answer::read(text.as_bytes()).map(|answer| answer.said().name()).map_err(|bad| bad.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
        let long = format!("{}{{\"do\": \"dialled_slot\"}}", " ".repeat(Answer::OCTETS_MAX));
        assert_eq!(Answer::read(long.as_bytes()).unwrap_err().to_string(), "it is too long");
        let deep = "[".repeat(Answer::OCTETS_MAX);
        assert_eq!(Answer::read(deep.as_bytes()).unwrap_err().to_string(), "it is no JSON");
    }

    #[test]
    fn outcomes_are_named_as_they_are_written() {
        for outcome in AskOutcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
        for said in [Said::Slots, Said::DialledSlot, Said::Carriers, Said::Service, Said::Refuse, Said::Number] {
            assert_eq!(serde_json::to_value(said).unwrap(), said.name());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Answer::read(&octets);
        }
    }
}
