//! Puts the sources together, and finds all that is wrong with them.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    VARIABLE_PREFIX,
    error::{ConfigError, Place},
    section::Key,
    value::{Problem, Raw, Value},
};

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
    variables: BTreeMap<String, String>,
    known_sections: Vec<&'static str>,
    known_keys: Vec<&'static str>,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub(crate) fn new(file: &str, env: impl Iterator<Item = (String, String)>) -> Self {
        let mut reader = Self {
            sections: BTreeMap::new(),
            file: BTreeMap::new(),
            variables: env.filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect(),
            known_sections: Vec::new(),
            known_keys: Vec::new(),
            errors: Vec::new(),
        };
        let (table, errors) = DeTable::parse_recoverable(file);
        if !errors.is_empty() {
            // What the parser made of broken text would be told as misspelt keys: the syntax comes first.
            for error in errors {
                let place = place(file, error.span().unwrap_or_default());
                reader.errors.push(ConfigError::Syntax { place, message: error.message().trim().replace('\n', ", ") });
            }
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
            self.errors.push(ConfigError::WrongType { place, key: name.to_owned(), expects, found });
        }
    }

    /// Reads a key. What cannot be read is an error, and the default is given so that reading goes on.
    pub(crate) fn key<T: Value>(&mut self, key: &Key) -> T {
        self.known_keys.push(key.path);
        let from_file = self.file.remove(key.path).and_then(|found| self.value(key, found));
        let name = variable(key.path);
        let from_env = self.variables.remove(&name).map(|text| Found { place: Place::Variable(name), raw: Raw::Variable(text) });
        let from_env = from_env.and_then(|found| self.value(key, found));
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
        self.errors.push(match problem {
            Problem::Type(found) => ConfigError::WrongType { place, key: path, expects: T::EXPECTS, found },
            Problem::Bad(reason) => ConfigError::BadValue { place, key: path, reason },
        });
        None
    }

    /// All that is wrong, in the order of the file, then of the variables.
    pub(crate) fn finish(mut self) -> Vec<ConfigError> {
        for (section, place) in std::mem::take(&mut self.sections) {
            // One error for the section, none for each of its keys.
            let prefix = format!("{section}.");
            self.file.retain(|path, _| !path.starts_with(&prefix));
            let suggestion = closest(&section, &self.known_sections).map(|section| format!("[{section}]"));
            self.errors.push(ConfigError::UnknownSection { place, section, suggestion });
        }
        for (key, found) in std::mem::take(&mut self.file) {
            let suggestion = closest(&key, &self.known_keys);
            self.errors.push(ConfigError::UnknownKey { place: found.place, key, suggestion });
        }
        let variables: Vec<String> = self.known_keys.iter().map(|path| variable(path)).collect();
        for name in self.variables.into_keys() {
            let suggestion = closest(&name, &variables);
            self.errors.push(ConfigError::UnknownVariable { name, suggestion });
        }
        self.errors.sort_by_key(order);
        self.errors
    }
}

fn order(error: &ConfigError) -> (usize, usize) {
    match error {
        ConfigError::Syntax { place, .. }
        | ConfigError::UnknownSection { place, .. }
        | ConfigError::UnknownKey { place, .. }
        | ConfigError::WrongType { place, .. }
        | ConfigError::BadValue { place, .. } => match place {
            Place::File { line, column } => (*line, *column),
            Place::Variable(_) => (usize::MAX, 0),
        },
        ConfigError::UnknownVariable { .. } | ConfigError::Contradiction { .. } => (usize::MAX, 1),
    }
}

/// `http.listen` is `CORDBOARD__HTTP__LISTEN`.
fn variable(path: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// The known name that was probably meant: a few letters away, or the same key in another section.
fn closest(name: &str, known: &[impl AsRef<str>]) -> Option<String> {
    const LETTERS_MAX: usize = 3;
    let last = |path: &str| path.rsplit(['.', '_']).next().map(str::to_owned);
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), &known.as_ref().to_lowercase()), known.as_ref()))
        .min()
        .filter(|(distance, known)| *distance <= LETTERS_MAX && distance * 2 < known.len())
        .map(|(_, known)| known);
    near.or_else(|| known.iter().map(AsRef::as_ref).find(|known| last(known) == last(name))).map(str::to_owned)
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
        DeValue::Table(_) => Raw::Other("a section"),
    }
}

/// Where an octet of the file stands for a reader's eye.
fn place(file: &str, span: Range<usize>) -> Place {
    let before = file.get(..span.start).unwrap_or(file);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place::File { line, column }
}
