//! Puts the sources together, and finds all that is wrong with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    VARIABLE_PREFIX,
    error::{ConfigError, Place, Warning},
    section::{Findings, Key},
    value::{Problem, Raw, Value},
};

/// What variables begin with that are ours, or were probably meant to be.
const STRAY_PREFIX: &str = "CORDBOARD_";

/// A value and where it stands.
#[derive(Debug)]
struct Found {
    place: Place,
    raw: Raw,
}

/// The sources. What is left when all sections were read, nobody knows.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The sections of the file: where each begins.
    sections: BTreeMap<String, Place>,
    /// The keys of the file by full path.
    file: BTreeMap<String, Found>,
    /// Broken text has no keys.
    is_toml: bool,
    variables: BTreeMap<String, String>,
    /// Variables that are not read and look as if they should be.
    strays: BTreeSet<String>,
    known_sections: Vec<&'static str>,
    known_keys: Vec<&'static str>,
    findings: Findings,
}

impl Reader {
    pub(crate) fn new(file: &str, env: impl Iterator<Item = (String, String)>) -> Self {
        let (variables, others): (BTreeMap<_, _>, BTreeMap<_, _>) = env.partition(|(name, _)| name.starts_with(VARIABLE_PREFIX));
        let strays = others.into_keys().filter(|name| name.starts_with(STRAY_PREFIX)).collect();
        let (table, errors) = DeTable::parse_recoverable(file);
        let mut reader = Self {
            sections: BTreeMap::new(),
            file: BTreeMap::new(),
            is_toml: errors.is_empty(),
            variables,
            strays,
            known_sections: Vec::new(),
            known_keys: Vec::new(),
            findings: Findings::default(),
        };
        // What the parser made of broken text would be told as misspelt keys: the syntax comes first.
        let start = |error: &toml::de::Error| error.span().unwrap_or_default().start;
        let last = errors.iter().map(start).max();
        for error in errors {
            let span = error.span().unwrap_or_default();
            let mut message = error.message().trim().replace('\n', ", ");
            if let (DUPLICATE_KEY, Some(key)) = (message.as_str(), file.get(span.clone())) {
                message = format!("{DUPLICATE_KEY} `{key}`");
            }
            if Some(span.start) == last {
                message.push_str("; the file's keys can be judged only when its syntax is right");
            }
            reader.findings.errors.push(ConfigError::Syntax { place: place(file, span), message });
        }
        if !reader.is_toml {
            return reader;
        }
        for (name, value) in table.get_ref() {
            match value.get_ref() {
                DeValue::Table(keys) => {
                    reader.sections.insert(name.get_ref().to_string(), place(file, name.span()));
                    for (key, value) in keys {
                        reader.found(file, format!("{}.{}", name.get_ref(), key.get_ref()), key.span(), value);
                    }
                }
                _ => reader.found(file, name.get_ref().to_string(), name.span(), value),
            }
        }
        reader
    }

    fn found(&mut self, file: &str, path: String, span: Range<usize>, value: &Spanned<DeValue<'_>>) {
        self.file.insert(path, Found { place: place(file, span), raw: raw(value.get_ref()) });
    }

    /// Says that a section exists.
    pub(crate) fn section(&mut self, name: &'static str) {
        self.known_sections.push(name);
        self.sections.remove(name);
        if let Some(found) = self.file.remove(name) {
            let (expects, found, place) = ("to be a section", found.raw.kind(), found.place);
            self.findings.errors.push(ConfigError::WrongType { place, key: name.to_owned(), expects, found });
        }
    }

    /// Reads a key. What cannot be read is an error, and the default is given so that reading goes on.
    pub(crate) fn key<T: Value>(&mut self, key: &Key) -> T {
        self.known_keys.push(key.path);
        let in_file = self.file.remove(key.path);
        let name = variable(key.path);
        let in_env = self.variables.remove(&name).map(|text| Found { place: Place::Variable(name), raw: Raw::Variable(text) });
        if let Some(found) = in_env.as_ref().or(in_file.as_ref()) {
            self.findings.places.insert(key.path, found.place.clone());
        }
        let (is_in_env, is_in_file) = (in_env.is_some(), in_file.is_some() || !self.is_toml);
        let from_file = in_file.and_then(|found| self.value(key, found));
        let from_env = in_env.and_then(|found| self.value(key, found));
        let is_read = if is_in_env { from_env.is_some() } else { from_file.is_some() || !is_in_file };
        if !is_read {
            self.findings.unread.insert(key.path);
        }
        from_env.or(from_file).unwrap_or_else(|| {
            let value = DeValue::parse(key.default).expect("a default is TOML, as the tests show");
            T::read(&raw(value.get_ref())).unwrap_or_else(|problem| panic!("the default of `{}` cannot be read: {problem:?}", key.path))
        })
    }

    fn value<T: Value>(&mut self, key: &Key, found: Found) -> Option<T> {
        let Found { place, raw } = found;
        let outside = key.range.as_ref().zip(raw.whole()).filter(|(range, number)| !range.contains(number));
        let problem = match (outside, T::read(&raw)) {
            (None, Ok(value)) => return Some(value),
            (Some((range, number)), _) => Problem::Bad(format!("{number} is not from {} to {}", range.start(), range.end())),
            (None, Err(problem)) => problem,
        };
        let path = key.path.to_owned();
        self.findings.errors.push(match problem {
            Problem::Type(found) => ConfigError::WrongType { place, key: path, expects: T::EXPECTS, found },
            Problem::Bad(reason) => ConfigError::BadValue { place, key: path, reason },
        });
        None
    }

    /// All that is wrong so far, and what later judgements need.
    pub(crate) fn finish(mut self) -> Findings {
        let mut findings = self.findings;
        let mut meant = Vec::new();
        for (section, place) in std::mem::take(&mut self.sections) {
            // One error for the section, none for each of its keys.
            let prefix = format!("{section}.");
            self.file.retain(|path, _| !path.starts_with(&prefix));
            let closest = closest(&section, &self.known_sections);
            meant.extend(self.known_keys.iter().filter(|key| key.split('.').next() == closest));
            let suggestion = closest.map(|section| format!("[{section}]"));
            findings.errors.push(ConfigError::UnknownSection { place, section, suggestion });
        }
        for (key, found) in std::mem::take(&mut self.file) {
            let closest = closest(&key, &self.known_keys);
            meant.extend(closest);
            findings.errors.push(ConfigError::UnknownKey { place: found.place, key, suggestion: closest.map(str::to_owned) });
        }
        for name in self.variables.into_keys() {
            let closest = closest(&path(&name), &self.known_keys);
            meant.extend(closest);
            findings.errors.push(ConfigError::UnknownVariable { name, suggestion: closest.map(variable) });
        }
        for name in self.strays {
            let squeezed = |name: &str| name.replace("__", "_");
            let meant = self.known_keys.iter().map(|key| variable(key)).find(|known| squeezed(known) == squeezed(&name));
            let meant = meant.unwrap_or_else(|| format!("{VARIABLE_PREFIX}SECTION__KEY"));
            let text = format!("this environment variable is not read; a key is written with two underscores each: `{meant}`");
            findings.warnings.push(Warning { key: name.into(), text });
        }
        // A misspelt key is not at the default that stands there now.
        findings.unread.extend(meant.into_iter().filter(|key| !findings.places.contains_key(key)));
        findings
    }
}

/// What the TOML parser says of a key that stands twice.
const DUPLICATE_KEY: &str = "duplicate key";

/// The order of the file, then of the variables, then what stands nowhere.
pub(crate) fn order(error: &ConfigError) -> (usize, usize) {
    match (error, error.place()) {
        (ConfigError::UnknownVariable { .. }, _) | (_, None) => (usize::MAX, 1),
        (_, Some(Place::File { line, column })) => (line, column),
        (_, Some(Place::Variable(_))) => (usize::MAX, 0),
    }
}

/// `http.listen` is `CORDBOARD__HTTP__LISTEN`.
fn variable(path: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// `CORDBOARD__HTTP__LISTEN` is `http.listen`.
fn path(variable: &str) -> String {
    variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable).to_lowercase().replace("__", ".")
}

/// The known name that was probably meant: a few letters away, or the same key in another section.
pub(crate) fn closest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let near = known.iter().filter_map(|known| Some((letters_apart(&name.to_lowercase(), known)?, *known))).min();
    near.map(|(_, known)| known).or_else(|| known.iter().copied().find(|known| last(known) == last(name)))
}

/// How many letters two names differ by; none if they have hardly anything in common. Sections and keys are compared each for itself, for
/// a long section does not make two short keys alike.
fn letters_apart(name: &str, known: &str) -> Option<usize> {
    const LETTERS_MAX: usize = 3;
    let (names, known) = (name.split('.'), known.split('.'));
    if names.clone().count() != known.clone().count() {
        return None;
    }
    let apart = |(name, known): (&str, &str)| {
        let apart = strsim::damerau_levenshtein(name, known);
        (apart <= known.len().div_ceil(3)).then_some(apart)
    };
    names.zip(known).map(apart).sum::<Option<usize>>().filter(|letters| *letters <= LETTERS_MAX)
}

/// A value that stands as TOML in a text of its own.
pub(crate) fn parse(text: &str) -> Option<Raw> {
    DeValue::parse(text).ok().map(|value| raw(value.get_ref()))
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Raw::Whole(number),
            Err(_) => Raw::Other("a number that is too large"),
        },
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Float(_) => Raw::Other("a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(keys) => Raw::Table(keys.iter().map(|(key, value)| (key.get_ref().to_string(), raw(value.get_ref()))).collect()),
    }
}

/// Where an octet of the file stands for a reader's eye.
fn place(file: &str, span: Range<usize>) -> Place {
    let before = file.get(..span.start).unwrap_or(file);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place::File { line, column }
}
