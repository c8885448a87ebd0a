//! How a section is declared.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use crate::{
    error::{ConfigError, Place, Warning},
    reader::Reader,
};

/// What is said of a key in one place.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its full path: `http.listen`.
    pub(crate) path: &'static str,
    /// Its documentation, a line each.
    pub(crate) about: &'static [&'static str],
    /// Its default as TOML.
    pub(crate) default: &'static str,
    /// The numbers that it may have; none if it is no number.
    pub(crate) range: Option<RangeInclusive<i64>>,
    /// Whether a running server can change it.
    pub(crate) live: bool,
}

/// A key that stands differently in two configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Its full path: `log.filter`.
    pub key: &'static str,
    /// Whether a running server can change it; otherwise it takes a restart.
    pub live: bool,
}

/// A section with all its keys, for the example file.
#[derive(Debug)]
pub(crate) struct Documented {
    pub(crate) name: &'static str,
    pub(crate) about: &'static [&'static str],
    pub(crate) keys: Vec<Key>,
}

/// What was found in the sources, and by the checks of the values among themselves.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<Warning>,
    /// Where the values in force were written; a default stands nowhere.
    pub(crate) places: BTreeMap<&'static str, Place>,
    /// Keys that stand at their defaults because what was written, or probably meant, cannot be read. Nothing is judged by these.
    pub(crate) unread: BTreeSet<&'static str>,
}

impl Findings {
    /// The values of these keys cannot hold.
    pub(crate) fn contradiction(&mut self, keys: &[&'static str], reason: String) {
        if self.are_read(keys) {
            let place = keys.iter().find_map(|key| self.places.get(key)).cloned();
            self.errors.push(ConfigError::Contradiction { place, reason });
        }
    }

    /// The values of these keys work, and are odd; the first key is told.
    pub(crate) fn warn(&mut self, keys: &[&'static str], text: impl Into<String>) {
        if let (Some(key), true) = (keys.first(), self.are_read(keys)) {
            self.warnings.push(Warning { key: (*key).into(), text: text.into() });
        }
    }

    fn are_read(&self, keys: &[&'static str]) -> bool {
        !keys.iter().any(|key| self.unread.contains(key))
    }
}

/// A section of the file.
pub(crate) trait Section: Sized {
    fn read(reader: &mut Reader) -> Self;
    fn documented() -> Documented;
    /// The keys whose values differ, in the section's order.
    fn differences(&self, other: &Self) -> Vec<Difference>;

    /// What the values must keep among themselves. A section that has such rules has an inherent `check`, which goes before this one.
    fn check(&self, _: &mut Findings) {}
}

/// Declares a section: a struct, its keys, their documentation and their defaults.
///
/// ```text
/// section! {
///     /// What the section is for.
///     Journal in journal {
///         /// What the key does, with its unit.
///         fsync_ms: u32 = "200", 1..=5000;
///         /// What another key does.
///         @live other_s: u32 = "5", 1..=60;
///     }
/// }
/// ```
///
/// A default is TOML. The range is for numbers only, and optional. `@live` is a key that a reload changes in a running server.
/// Rules between values of the section stand in an inherent `fn check(&self, findings: &mut Findings)`.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident in $section:ident {
            $( $(#[doc = $doc:literal])* $(@$live:ident)? $field:ident: $kind:ty = $default:literal $(, $range:expr)?; )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $kind, )*
        }

        impl $crate::section::Section for $name {
            fn read(reader: &mut $crate::reader::Reader) -> Self {
                reader.section(stringify!($section));
                Self { $(
                    $field: reader.key(&section!(@key $section $field [$($doc)*] [$($live)?] $default $($range)?)),
                )* }
            }

            fn documented() -> $crate::section::Documented {
                $crate::section::Documented {
                    name: stringify!($section),
                    about: &[$($about),*],
                    keys: vec![$( section!(@key $section $field [$($doc)*] [$($live)?] $default $($range)?), )*],
                }
            }

            fn differences(&self, other: &Self) -> Vec<$crate::section::Difference> {
                let mut differences = Vec::new();
                $( if self.$field != other.$field {
                    differences.push($crate::section::Difference {
                        key: concat!(stringify!($section), ".", stringify!($field)),
                        live: section!(@live $($live)?),
                    });
                } )*
                differences
            }
        }
    };
    (@live) => { false };
    (@live live) => { true };
    (@key $section:ident $field:ident [$($doc:literal)*] [$($live:ident)?] $default:literal $($range:expr)?) => {
        $crate::section::Key {
            path: concat!(stringify!($section), ".", stringify!($field)),
            about: &[$($doc),*],
            default: $default,
            range: None$(.or(Some($range)))?,
            live: $crate::section::section!(@live $($live)?),
        }
    };
}

pub(crate) use section;
