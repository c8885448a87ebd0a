//! How a value is read, wherever it came from.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// A value as it was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// The text of an environment variable: what it is depends on who reads it.
    Variable(String),
    Text(String),
    Whole(i64),
    Flag(bool),
    List(Vec<Raw>),
    Table(BTreeMap<String, Raw>),
    /// Something that no key expects, in words.
    Other(&'static str),
}

impl Raw {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Variable(_) => "this text",
            Self::Text(_) => "a text",
            Self::Whole(_) => "a whole number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
            Self::Other(kind) => kind,
        }
    }

    /// The whole number, if it is one.
    pub(crate) fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Result<&str, Problem> {
        match self {
            Self::Variable(text) | Self::Text(text) => Ok(text),
            _ => Err(Problem::Type(self.kind())),
        }
    }
}

/// Why a value cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is of another type; which, in words.
    Type(&'static str),
    /// It is of the right type; why it still cannot be.
    Bad(String),
}

/// A type that a key can have.
pub(crate) trait Value: Sized {
    /// Completes "expects …".
    const EXPECTS: &'static str;

    fn read(raw: &Raw) -> Result<Self, Problem>;
}

impl Value for bool {
    const EXPECTS: &'static str = "true or false";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw {
            Raw::Flag(flag) => Ok(*flag),
            Raw::Variable(text) => text.parse().map_err(|_| Problem::Type(raw.kind())),
            _ => Err(Problem::Type(raw.kind())),
        }
    }
}

impl Value for u32 {
    const EXPECTS: &'static str = "a whole number";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let number = raw.whole().ok_or_else(|| Problem::Type(raw.kind()))?;
        Self::try_from(number).map_err(|_| Problem::Bad(format!("{number} is out of range")))
    }
}

impl Value for String {
    const EXPECTS: &'static str = "a text";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        raw.text().map(str::to_owned)
    }
}

impl Value for PathBuf {
    const EXPECTS: &'static str = "a path";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw.text()? {
            text if text.contains('\0') => Err(Problem::Bad("a path holds no NUL".into())),
            text => Ok(text.into()),
        }
    }
}

impl Value for SocketAddr {
    const EXPECTS: &'static str = "an address and port such as \"127.0.0.1:3000\" or \"[::1]:3000\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        text.parse().map_err(|_| Problem::Bad(format!("{text:?} is no address and port, such as \"127.0.0.1:3000\" or \"[::1]:3000\"")))
    }
}

/// An empty text is none.
impl<T: Value> Value for Option<T> {
    const EXPECTS: &'static str = T::EXPECTS;

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw {
            Raw::Text(text) | Raw::Variable(text) if text.is_empty() => Ok(None),
            _ => T::read(raw).map(Some),
        }
    }
}

/// In an environment variable the items stand between commas, and nothing at all is the empty list.
impl<T: Value> Value for Vec<T> {
    const EXPECTS: &'static str = "a list";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw {
            Raw::List(items) => items.iter().map(T::read).map(|item| item.map_err(item_problem::<T>)).collect(),
            Raw::Variable(text) if text.trim().is_empty() => Ok(Vec::new()),
            Raw::Variable(text) => {
                text.split(',').map(|item| T::read(&Raw::Variable(item.trim().to_owned())).map_err(item_problem::<T>)).collect()
            }
            _ => Err(Problem::Type(raw.kind())),
        }
    }
}

fn item_problem<T: Value>(problem: Problem) -> Problem {
    match problem {
        Problem::Type(found) => Problem::Bad(format!("an item is {found}; expected {}", T::EXPECTS)),
        bad @ Problem::Bad(_) => bad,
    }
}
