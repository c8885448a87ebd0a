//! `[media]`

use std::{fmt, net::IpAddr, ops::RangeInclusive, str::FromStr};

use ipnet::IpNet;

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// Sound: where it is received, and how it is relayed.
    Media in media {
        /// The address that phones are told to send sound to.
        /// "auto": for each phone, the address that this machine reaches it from.
        address: MediaAddress = "\"auto\"";
        /// The address that phones outside of local_nets are told, if this machine stands behind NAT. Empty: none.
        public_address: Option<IpAddr> = "\"\"";
        /// The networks whose phones reach this machine without NAT.
        local_nets: Vec<IpNet> = "[\"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"127.0.0.0/8\", \"169.254.0.0/16\", \"::1/128\", \"fc00::/7\", \"fe80::/10\"]";
        /// UDP ports for RTP and RTCP, two a leg and so four a call; the first one is even.
        /// Keep the range out of the kernel's ephemeral ports (net.ipv4.ip_local_port_range).
        ports: Ports = "\"16384-32767\"";
        /// A call without sound for this many seconds is ended, unless it is on hold.
        @live timeout_s: u32 = "60", 1..=86400;
        /// Threads that relay sound. 0: one for each processor.
        workers: u32 = "0", 0..=256;
        /// The country whose tones are played (ITU-T E.180): ru, de, fr, gb, it, nl, us, or eu for the set that ETSI recommends.
        /// uk is another name of gb, and ca has the tones of us.
        tones: Tones = "\"ru\"";
    }
}

impl Media {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if let MediaAddress::Address(address) = self.address
            && address.is_unspecified()
        {
            findings.contradiction(&["media.address"], "`media.address` cannot be the unspecified address: phones are told it".to_owned());
        }
        if self.public_address.is_some_and(|address| address.is_unspecified() || address.is_loopback()) {
            findings.contradiction(
                &["media.public_address"],
                "`media.public_address` cannot be an unspecified or loopback address: phones are told it".to_owned(),
            );
        }
    }
}

/// The address that phones are told to send sound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaAddress {
    /// For each leg the address that the kernel routes from (R19).
    Auto,
    /// Always this one.
    Address(IpAddr),
}

impl Value for MediaAddress {
    const EXPECTS: &'static str = "\"auto\" or an IP address";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        match raw.text()? {
            "auto" => Ok(Self::Auto),
            text => text.parse().map(Self::Address).map_err(|_| Problem::Bad(format!("{text:?} is neither \"auto\" nor an IP address"))),
        }
    }
}

impl Value for IpAddr {
    const EXPECTS: &'static str = "an IP address";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        text.parse().map_err(|_| Problem::Bad(format!("{text:?} is no IP address")))
    }
}

impl Value for IpNet {
    const EXPECTS: &'static str = "a network such as \"10.0.0.0/8\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        text.parse().map_err(|_| Problem::Bad(format!("{text:?} is no network, such as \"10.0.0.0/8\" or \"fc00::/7\"")))
    }
}

/// A range of ports that begins with an even one and has room for a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(RangeInclusive<u16>);

impl Ports {
    /// Ports below belong to the system.
    const FIRST_MIN: u16 = 1024;

    /// The first port, an even one.
    #[must_use]
    pub fn first(&self) -> u16 {
        *self.0.start()
    }

    /// The last port.
    #[must_use]
    pub fn last(&self) -> u16 {
        *self.0.end()
    }

    /// The range.
    #[must_use]
    pub fn range(&self) -> RangeInclusive<u16> {
        self.0.clone()
    }

    /// How many pairs of an even port and the one above it the range holds: one for each leg.
    #[must_use]
    pub fn pairs(&self) -> u32 {
        let ports = u32::from(self.last()) - u32::from(self.first()) + 1;
        ports / 2
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = text.split_once('-').and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
        let Some((first, last)): Option<(u16, u16)> = range else {
            return Err(format!("{text:?} is no range of ports, such as \"16384-32767\""));
        };
        if first < Self::FIRST_MIN {
            Err(format!("the first port, {first}, is below {}", Self::FIRST_MIN))
        } else if first % 2 != 0 {
            Err(format!("the first port, {first}, is odd; RTP takes even ports and RTCP the next one (RFC 3550, 11)"))
        } else if last <= first {
            Err(format!("{first}-{last} has no room for a pair of ports"))
        } else {
            Ok(Self(first..=last))
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first(), self.last())
    }
}

impl Value for Ports {
    const EXPECTS: &'static str = "a range of ports such as \"16384-32767\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        raw.text()?.parse().map_err(Problem::Bad)
    }
}

/// A country's two letters (ISO 3166-1, and `eu`), lower case. Whether there are tones for it, the media room knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tones(String);

impl Tones {
    /// The two letters.
    #[must_use]
    pub fn country(&self) -> &str {
        &self.0
    }
}

impl Value for Tones {
    const EXPECTS: &'static str = "a country as two letters";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        if text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_alphabetic()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Problem::Bad(format!("{text:?} is no country, such as \"ru\" or \"us\"")))
        }
    }
}
