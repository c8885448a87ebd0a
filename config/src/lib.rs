//! The configuration as plain data: a file a section, defaults, checks, and documentation of itself.
//!
//! This room reads no file and no environment: both come as text, and only `server` asks.
//! A key is declared once, with its documentation and its default, by the macro `section!`; reading, defaults and the example file are made
//! from that one place and cannot drift apart.

mod acme;
mod calls;
mod database;
mod error;
mod guard;
mod hep;
mod http;
mod journal;
mod links;
mod log;
mod media;
mod oidc;
mod print;
mod reader;
mod recording;
mod section;
mod security;
mod sip;
mod smtp;
mod value;

#[cfg(test)]
mod tests;

pub use acme::{Acme, AcmeChallenge, CertificateName};
pub use calls::Calls;
pub use database::{Database, DatabaseUrl};
pub use error::{ConfigError, Place, Warning};
pub use guard::Guard;
pub use hep::{Hep, HepCarrier, HepKey, HepTarget};
pub use http::{Http, PublicUrl, Size};
pub use journal::Journal;
pub use links::{Links, Port};
pub use log::{Log, LogFormat, Memory};
pub use media::{Media, MediaAddress, Ports, Tones};
pub use oidc::{Oidc, OidcDirectory, OidcProvider, OidcProviders, Secret};
pub use recording::Recording;
pub use section::Difference;
pub use security::Security;
pub use sip::{DigestAlgorithm, Domain, Sip};
pub use smtp::{Sender, Smtp, SmtpTls, SmtpUrl};

use std::net::{IpAddr, SocketAddr};

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
    acme: Acme,
    sip: Sip,
    guard: Guard,
    security: Security,
    media: Media,
    database: Database,
    recording: Recording,
    calls: Calls,
    journal: Journal,
    links: Links,
    smtp: Smtp,
    oidc: Oidc,
    hep: Hep,
    log: Log,
}

impl Config {
    /// Reads the configuration, environment before file before default, and judges it whole.
    ///
    /// `file` is the text of the configuration file, `env` the whole environment; variables that do not begin with
    /// [`VARIABLE_PREFIX`] are none of ours. `elsewhere` gives what only other rooms know to be wrong: a key's full path, and why.
    ///
    /// Everything that is wrong is found at once: syntax, unknown sections, keys and variables, wrong types, values out of range, values
    /// that contradict each other, what `elsewhere` gives. A value of the file is checked even if a variable overrides it.
    /// What has to be mended before something else can be judged is broken syntax, which says so, and the single value that is wrong itself.
    pub fn judge(
        file: Option<&str>,
        env: impl Iterator<Item = (String, String)>,
        elsewhere: impl FnOnce(&Self) -> Vec<(&'static str, String)>,
    ) -> Judged {
        let mut reader = Reader::new(file.unwrap_or_default(), env);
        let config = Self::read(&mut reader);
        let mut findings = reader.finish();
        config.check(&mut findings);
        config.check_together(&mut findings);
        for (key, reason) in elsewhere(&config) {
            findings.contradiction(&[key], format!("`{key}`: {reason}"));
        }
        findings.errors.sort_by_key(reader::order);
        Judged { config, findings }
    }

    /// A configuration file with every key, its documentation and its default: `cordboard.example.toml`.
    #[must_use]
    pub fn print_documented() -> String {
        print::print(&Self::documented())
    }

    /// Whether `http.listen` speaks HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.http.tls_cert.is_some() || self.acme.is_wanted()
    }

    /// The address under which people reach the console, without a slash at its end. `listening` is where `http.listen` has come to be.
    #[must_use]
    pub fn reached_at(&self, listening: SocketAddr) -> String {
        match (&self.http.public_url, self.acme.domains.first()) {
            (Some(url), _) => url.as_str().to_owned(),
            // Port 443 leads here, else there would be no certificate.
            (None, Some(name)) => format!("https://{}", name.as_str()),
            (None, None) => format!("{}://{listening}", if self.is_https() { "https" } else { "http" }),
        }
    }

    /// A warning if media ports lie in the kernel's range of ephemeral ports, from which other programs' sockets are numbered.
    #[must_use]
    pub fn ephemeral_warning(&self, ephemeral: std::ops::RangeInclusive<u16>) -> Option<Warning> {
        let (ours, theirs) = (&self.media.ports, &ephemeral);
        (ours.first() <= *theirs.end() && *theirs.start() <= ours.last()).then(|| Warning {
            key: "media.ports".into(),
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
            findings.warn(
                &["media.ports", "calls.max"],
                format!("{} has room for {calls} calls, but calls.max is {}", self.media.ports, self.calls.max),
            );
        }
        if self.acme.is_wanted() && self.http.tls_cert.is_some() {
            let reason = "http.tls_cert and acme.domains exclude each other: the certificate is your own, or the authority's";
            findings.contradiction(&["acme.domains", "http.tls_cert"], reason.to_owned());
        }
        if !self.http.listen.ip().is_loopback() && !self.is_https() {
            findings.warn(
                &["http.listen"],
                "others can reach it, and passwords and tokens cross the network as clear text; set http.tls_cert and http.tls_key, or \
                 acme.domains, or put a proxy with TLS before it",
            );
        }
        if !self.sip.tls.is_empty() && self.sip.tls_cert.is_none() && !self.is_https() {
            let reason = "sip.tls needs a certificate: set sip.tls_cert and sip.tls_key, or those of HTTPS ([http] or [acme])";
            findings.contradiction(&["sip.tls", "sip.tls_cert"], reason.to_owned());
        }
        let http = self.http.listen;
        for (key, addresses) in [("sip.tcp", &self.sip.tcp), ("sip.tls", &self.sip.tls)] {
            if let Some(stream) = addresses.iter().find(|stream| excludes(http, **stream)) {
                let reason = if *stream == http {
                    format!("`http.listen` and `{key}` both have {http}; one port cannot serve both")
                } else {
                    format!("`http.listen` ({http}) and `{key}` ({stream}) need the same port; one port cannot serve both")
                };
                findings.contradiction(&["http.listen", key], reason);
            }
        }
        if let Some(both) = self.sip.tls.iter().find(|tls| tls.port() != 0 && self.sip.tcp.contains(tls)) {
            let reason = format!("`sip.tcp` and `sip.tls` both have {both}; one port cannot serve both");
            findings.contradiction(&["sip.tcp", "sip.tls"], reason);
        }
    }
}

/// Whether HTTP on one address keeps SIP over TCP or TLS from the other. `[::]` takes IPv4 along for HTTP, and not for SIP.
fn excludes(http: SocketAddr, tcp: SocketAddr) -> bool {
    let is_any = |address: IpAddr| address.is_unspecified();
    let meet = http.ip() == tcp.ip()
        || (is_any(http.ip()) && (http.is_ipv6() || tcp.is_ipv4()))
        || (is_any(tcp.ip()) && http.is_ipv4() == tcp.is_ipv4());
    // Port 0 is any that is free.
    http.port() != 0 && http.port() == tcp.port() && meet
}

/// What came of reading: a configuration, and what is to be said of it.
#[derive(Debug)]
pub struct Judged {
    config: Config,
    findings: Findings,
}

impl Judged {
    /// The configuration with what works and is odd, or all that is wrong, in the order of the file, then of the variables.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn outcome(self) -> Result<(Config, Vec<Warning>), Vec<ConfigError>> {
        let Findings { errors, warnings, .. } = self.findings;
        if errors.is_empty() { Ok((self.config, warnings)) } else { Err(errors) }
    }

    /// All that is wrong.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.findings.errors
    }

    /// What works and is odd, also beside errors.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.findings.warnings
    }

    /// The keys whose values differ from `running`'s, and where they stand now, if they are no defaults. What could not be read is not told.
    #[must_use]
    pub fn differences(&self, running: &Config) -> Vec<(Difference, Option<&Place>)> {
        let mut differences = running.differences(&self.config);
        differences.retain(|difference| !self.findings.unread.contains(difference.key));
        differences.into_iter().map(|difference| (difference, self.findings.places.get(difference.key))).collect()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::read(&mut Reader::new("", std::iter::empty()))
    }
}
