//! `[http]`

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// The front door over HTTP or HTTPS: the console, REST, Socket.IO, health, metrics.
    Http in http {
        /// Address and port to listen on.
        /// The default can be reached from this machine only. To let others in, give it a certificate (here or in [acme]), or put a proxy with TLS
        /// before it.
        listen: SocketAddr = "\"127.0.0.1:3000\"";
        /// The file with the certificate and those that vouch for it, PEM. It is read again when it changes. Empty: plain HTTP, over which
        /// a browser gives a page no microphone, and which anybody on the way can read.
        tls_cert: Option<PathBuf> = "\"\"";
        /// The file with the certificate's private key, PEM.
        tls_key: Option<PathBuf> = "\"\"";
        /// The address under which people reach the console, such as "https://desk.example.com": it stands in links that are sent to them.
        /// Empty: made from the address to listen on.
        public_url: Option<PublicUrl> = "\"\"";
        /// The largest body of a request: octets, or a text such as "10 MiB". A larger one gets 413.
        body_max: Size = "\"10 MiB\"";
    }
}

impl Http {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let reason = "http.tls_cert and http.tls_key go together: a certificate is of no use without its key".to_owned();
            findings.contradiction(&["http.tls_cert", "http.tls_key"], reason);
        }
    }
}

/// Where people reach the console: a scheme, a host, perhaps a port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl Value for PublicUrl {
    const EXPECTS: &'static str = "an address such as \"https://desk.example.com\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_host =
            |rest: &str| !rest.is_empty() && rest.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter));
        if rest.is_some_and(is_host) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::Bad("it begins with http:// or https://, names a host and perhaps a port, and has no path".into()))
        }
    }
}

/// A number of octets, from 1 KiB to 1 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u32);

impl Size {
    const MIN: u64 = 1 << 10;
    const MAX: u64 = 1 << 30;
    const UNITS: [(&'static str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];

    /// The number of octets.
    #[must_use]
    pub fn octets(self) -> usize {
        usize::try_from(self.0).expect("a size is at most 1 GiB")
    }

    fn of(octets: Option<u64>) -> Result<Self, String> {
        octets
            .filter(|octets| (Self::MIN..=Self::MAX).contains(octets))
            .and_then(|octets| u32::try_from(octets).ok())
            .map(Self)
            .ok_or_else(|| "a size is from 1 KiB to 1 GiB".to_owned())
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, shift) =
            Self::UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim_end(), *shift))).unwrap_or((text, 0));
        let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no size, such as 65536, \"64 KiB\" or \"10 MiB\""))?;
        Self::of(number.checked_mul(1 << shift))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::UNITS.iter().find(|(_, shift)| self.0.trailing_zeros() >= *shift) {
            Some((unit, shift)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} octets", self.0),
        }
    }
}

impl Value for Size {
    const EXPECTS: &'static str = "a size such as 65536 or \"10 MiB\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw {
            Raw::Whole(octets) => Self::of(u64::try_from(*octets).ok()),
            _ => raw.text()?.parse(),
        }
        .map_err(Problem::Bad)
    }
}
