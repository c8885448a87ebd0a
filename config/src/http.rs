//! `[http]`

use std::{fmt, net::SocketAddr, str::FromStr};

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// The front door over HTTP: REST, Socket.IO, health, metrics.
    Http in http {
        /// Address and port to listen on.
        /// The default can be reached from this machine only; put a proxy with TLS before it to let others in.
        listen: SocketAddr = "\"127.0.0.1:3000\"";
        /// The largest body of a request: octets, or a text such as "10 MiB". A larger one gets 413.
        body_max: Size = "\"10 MiB\"";
    }
}

impl Http {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if !self.listen.ip().is_loopback() {
            findings.warn(
                &["http.listen"],
                "others can reach it, and passwords and tokens cross the network as clear text; put a proxy with TLS before it",
            );
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
