//! What can be wrong with a configuration, and where.

use std::{borrow::Cow, fmt};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The file. Line and column count from 1; the column counts characters.
    File {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, column } => write!(f, "line {line}, column {column}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong. The text never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is no TOML here.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the TOML parser says.
        message: String,
    },
    /// The file has a section that does not exist.
    #[error("{place}: unknown section `[{section}]`{}", meant(suggestion.as_deref()))]
    UnknownSection {
        /// Where.
        place: Place,
        /// Its name.
        section: String,
        /// The section that was probably meant, as it is written.
        suggestion: Option<String>,
    },
    /// The file has a key that does not exist.
    #[error("{place}: unknown key `{key}`{}", meant(suggestion.as_deref()))]
    UnknownKey {
        /// Where.
        place: Place,
        /// Its full path.
        key: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// The environment has a variable of ours that does not exist.
    #[error("{name}: unknown environment variable{}", meant(suggestion.as_deref()))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The variable that was probably meant.
        suggestion: Option<String>,
    },
    /// A value has the wrong type.
    #[error("{place}: `{key}` expects {expects}, not {found}")]
    WrongType {
        /// Where.
        place: Place,
        /// The key's full path, or a section's name.
        key: String,
        /// What it expects, in words.
        expects: &'static str,
        /// The type that was found, in words.
        found: &'static str,
    },
    /// A value has the right type and cannot be.
    #[error("{place}: `{key}`: {reason}")]
    BadValue {
        /// Where.
        place: Place,
        /// The key's full path.
        key: String,
        /// Why it cannot be.
        reason: String,
    },
    /// A value that can be read and cannot hold: values contradict each other, or another room knows better.
    #[error("{}{reason}", at(place.as_ref()))]
    Contradiction {
        /// Where the first of them stands; none if all are defaults.
        place: Option<Place>,
        /// Which and why, with the keys' full paths.
        reason: String,
    },
}

impl ConfigError {
    /// Where it is wrong; none for what stands nowhere.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Syntax { place, .. }
            | Self::UnknownSection { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::WrongType { place, .. }
            | Self::BadValue { place, .. } => Some(place.clone()),
            Self::UnknownVariable { name, .. } => Some(Place::Variable(name.clone())),
            Self::Contradiction { place, .. } => place.clone(),
        }
    }
}

fn at(place: Option<&Place>) -> String {
    place.map(|place| format!("{place}: ")).unwrap_or_default()
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map(|suggestion| format!("; did you mean `{suggestion}`?")).unwrap_or_default()
}

/// Something that works and is probably not wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key's full path, or the name of a variable.
    pub key: Cow<'static, str>,
    /// What is odd about it, and what to do.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.text)
    }
}
