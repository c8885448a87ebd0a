//! `[log]`

use crate::{
    http::Size,
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// What is logged, and how.
    Log in log {
        /// error, warn, info, debug or trace; also for parts: "info,sip_core=debug".
        @live filter: String = "\"info\"";
        /// "text" for people, "json" for machines: one object a line.
        format: LogFormat = "\"text\"";
        /// Memory for the SIP messages of recent calls (GET /api/calls/{id}/ladder), such as "64 MiB"; the oldest give way. 0: none are kept.
        @live ladder_memory: Memory = "\"64 MiB\"";
    }
}

impl Log {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.filter.trim().is_empty() {
            findings.contradiction(&["log.filter"], "`log.filter` cannot be empty; write \"off\" to log nothing".to_owned());
        }
    }
}

/// An amount of memory: 0, or as much as a [`Size`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(Option<Size>);

impl Memory {
    /// The number of octets; 0 is off.
    #[must_use]
    pub fn octets(self) -> usize {
        self.0.map_or(0, Size::octets)
    }
}

impl Value for Memory {
    const EXPECTS: &'static str = "0 or a size such as \"64 MiB\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let is_none = match raw {
            Raw::Whole(octets) => *octets == 0,
            Raw::Text(text) | Raw::Variable(text) => text.trim() == "0",
            _ => false,
        };
        if is_none { Ok(Self(None)) } else { Size::read(raw).map(|size| Self(Some(size))) }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Value for LogFormat {
    const EXPECTS: &'static str = "\"text\" or \"json\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw.text()? {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            text => Err(Problem::Bad(format!("{text:?} is neither \"text\" nor \"json\""))),
        }
    }
}
