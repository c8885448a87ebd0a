//! The configuration as plain data: a file a section, defaults, checks, and documentation of itself.
//!
//! This room reads no file and no environment: both come as text, and only `server` asks.
//! A key is declared once, with its documentation and its default, by the macro `section!`; reading, defaults and the example file are made
//! from that one place and cannot drift apart.

mod calls;
mod database;
mod error;
mod guard;
mod http;
mod journal;
mod log;
mod media;
mod print;
mod reader;
mod recording;
mod section;
mod sip;
mod value;

#[cfg(test)]
mod tests;

pub use calls::Calls;
pub use database::{Database, DatabaseUrl};
pub use error::{ConfigError, Place, Warning};
pub use guard::Guard;
pub use http::{Http, Size};
pub use journal::Journal;
pub use log::{Log, LogFormat, Memory};
pub use media::{Media, MediaAddress, Ports, Tones};
pub use recording::Recording;
pub use section::Difference;
pub use sip::{DigestAlgorithm, Domain, Sip};

use crate::{
    reader::Reader,
    section::{Findings, Section},
};

/// The prefix of environment variables that override keys: `CORDBOARD__SECTION__KEY`.
pub const VARIABLE_PREFIX: &str = "CORDBOARD__";

macro_rules! sections {
    ($($field:ident: $section:ident,)*) => {
        /// All that can be set. Each field is a section of the file.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Config {
            $(
                #[doc = concat!("The section `[", stringify!($field), "]`.")]
                pub $field: $section,
            )*
        }

        impl Config {
            fn read(reader: &mut Reader) -> Self {
                Self { $($field: $section::read(reader),)* }
            }

            fn check(&self, findings: &mut Findings) {
                $(self.$field.check(findings);)*
            }

            fn documented() -> Vec<section::Documented> {
                vec![$($section::documented(),)*]
            }

            /// The keys whose values differ from `other`'s, in the order of the file, and whether a running server can change them.
            #[must_use]
            pub fn differences(&self, other: &Self) -> Vec<Difference> {
                let mut differences = Vec::new();
                $(differences.extend(self.$field.differences(&other.$field));)*
                differences
            }
        }
    };
}

sections! {
    http: Http,
    sip: Sip,
    guard: Guard,
    media: Media,
    database: Database,
    recording: Recording,
    calls: Calls,
    journal: Journal,
    log: Log,
}

impl Config {
    /// Reads the configuration: environment before file before default.
    ///
    /// `file` is the text of the configuration file, `env` the whole environment; variables that do not begin with
    /// [`VARIABLE_PREFIX`] are none of ours.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: syntax, unknown sections, keys and variables, wrong types, values out of range, values that
    /// contradict each other. A value of the file is checked even if a variable overrides it.
    pub fn load(file: Option<&str>, env: impl Iterator<Item = (String, String)>) -> Result<(Self, Vec<Warning>), Vec<ConfigError>> {
        let mut reader = Reader::new(file.unwrap_or_default(), env);
        let config = Self::read(&mut reader);
        let mut errors = reader.finish();
        let mut findings = Findings::default();
        // A value that could not be read stands at its default by now: only whole configurations are compared with themselves.
        if errors.is_empty() {
            config.check(&mut findings);
            config.check_together(&mut findings);
        }
        errors.append(&mut findings.errors);
        if errors.is_empty() { Ok((config, findings.warnings)) } else { Err(errors) }
    }

    /// A configuration file with every key, its documentation and its default: `cordboard.example.toml`.
    #[must_use]
    pub fn print_documented() -> String {
        print::print(&Self::documented())
    }

    /// A warning if media ports lie in the kernel's range of ephemeral ports, from which other programs' sockets are numbered.
    #[must_use]
    pub fn ephemeral_warning(&self, ephemeral: std::ops::RangeInclusive<u16>) -> Option<Warning> {
        let (ours, theirs) = (&self.media.ports, &ephemeral);
        (ours.first() <= *theirs.end() && *theirs.start() <= ours.last()).then(|| Warning {
            key: "media.ports",
            text: format!(
                "{ours} overlaps the kernel's ephemeral ports {}-{}, so another program may sit on a media port; \
                 choose another range or change net.ipv4.ip_local_port_range",
                theirs.start(),
                theirs.end()
            ),
        })
    }

    /// What no section can judge by itself.
    fn check_together(&self, findings: &mut Findings) {
        // A call has two legs, and a leg has a port for RTP and one for RTCP.
        let calls = self.media.ports.pairs() / 2;
        if calls < self.calls.max {
            findings.warn("media.ports", format!("{} has room for {calls} calls, but calls.max is {}", self.media.ports, self.calls.max));
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::read(&mut Reader::new("", std::iter::empty()))
    }
}
