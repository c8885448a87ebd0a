//! `[log]`

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// What is logged, and how.
    Log in log {
        /// error, warn, info, debug or trace; also for parts: "info,sip_core=debug".
        filter: String = "\"info\"";
        /// "text" for people, "json" for machines: one object a line.
        format: LogFormat = "\"text\"";
    }
}

impl Log {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.filter.trim().is_empty() {
            findings.contradiction("`log.filter` cannot be empty; write \"off\" to log nothing".to_owned());
        }
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
