//! `[hep]`

use std::{fmt, net::IpAddr};

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// A copy of each SIP message, in and out, for a capture server that speaks HEP version 3: HOMER, sngrep.
    /// Copies hold who calls whom, and when: a capture server needs the care that call records do.
    Hep in hep {
        /// The capture server: "udp://host:9060", "tcp://host:9060", or "tls://host:9061", which is encrypted and verified (see links.ca_file).
        /// Without a port: 9060, and 9061 with TLS. Empty: nothing is copied.
        @live target: Option<HepTarget> = "\"\"";
        /// The number by which the capture server knows this server among others that send to it.
        @live capture_id: u32 = "2001", 0..=4294967295;
        /// What the capture server wants to know us by, if it does; up to 255 octets. It is sent with each copy, readable on the way over UDP and
        /// TCP. Better given as CORDBOARD__HEP__AUTH_KEY.
        @live auth_key: Option<HepKey> = "\"\"";
        /// Whether credentials are masked in copies, as they are in a ladder, and what was pressed as well. With false, whoever reads the
        /// copies gets what a password can be guessed from, and the keys of encrypted sound.
        @live mask: bool = "true";
    }
}

impl Hep {
    pub(crate) fn check(&self, findings: &mut Findings) {
        let Some(target) = &self.target else { return };
        if !self.mask {
            let text = if target.carrier == HepCarrier::Tls || target.is_here() {
                "credentials go to the capture server as they are"
            } else {
                "credentials go to the capture server as they are, and cross the network as clear text"
            };
            findings.warn(&["hep.mask", "hep.target"], text);
        }
    }
}

/// What carries the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HepCarrier {
    /// A datagram each.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

/// A capture server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HepTarget {
    carrier: HepCarrier,
    host: String,
    port: u16,
}

impl HepTarget {
    /// What carries the copies.
    #[must_use]
    pub fn carrier(&self) -> HepCarrier {
        self.carrier
    }

    /// Its name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, place) = text.split_once("://")?;
        let (carrier, usual) = match scheme {
            "udp" => (HepCarrier::Udp, 9060),
            "tcp" => (HepCarrier::Tcp, 9060),
            "tls" => (HepCarrier::Tls, 9061),
            _ => return None,
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, port)) => (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) }),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None => usual,
            Some(port) if port.bytes().all(|octet| octet.is_ascii_digit()) => port.parse().ok().filter(|port| *port > 0)?,
            Some(_) => return None,
        };
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_name = !host.is_empty() && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'));
        (is_address || is_name).then(|| Self { carrier, host: host.to_owned(), port })
    }
}

impl Value for HepTarget {
    const EXPECTS: &'static str = "a capture server such as \"udp://host:9060\" or \"tls://host:9061\"";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let text = raw.text()?;
        Self::parse(text)
            .ok_or_else(|| Problem::Bad(format!("{text:?} is no capture server, such as \"udp://host:9060\" or \"tls://host:9061\"")))
    }
}

/// What a capture server knows us by. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HepKey(String);

impl HepKey {
    /// The longest one, in octets.
    const LENGTH_MAX: usize = 255;

    /// The key itself. Not for logs.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HepKey(..)")
    }
}

impl Value for HepKey {
    const EXPECTS: &'static str = "a text";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        // The text is not repeated: it is a secret.
        let text = raw.text()?;
        match text.len() {
            ..=Self::LENGTH_MAX => Ok(Self(text.to_owned())),
            length => Err(Problem::Bad(format!("a key of {length} octets is too long; it may have {}", Self::LENGTH_MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_capture_server_is_read() {
        for (text, carrier, host, port) in [
            ("udp://homer", HepCarrier::Udp, "homer", 9060),
            ("tcp://homer.example.org/", HepCarrier::Tcp, "homer.example.org", 9060),
            ("tls://homer.example.org", HepCarrier::Tls, "homer.example.org", 9061),
            ("udp://192.0.2.1:9", HepCarrier::Udp, "192.0.2.1", 9),
            ("tls://[2001:db8::1]:443", HepCarrier::Tls, "2001:db8::1", 443),
            ("udp://[::1]", HepCarrier::Udp, "::1", 9060),
        ] {
            assert_eq!(HepTarget::parse(text), Some(HepTarget { carrier, host: host.to_owned(), port }), "{text}");
        }
        for wrong in [
            "homer",
            "homer:9060",
            "http://homer",
            "UDP://homer",
            "udp:homer",
            "udp://",
            "udp://:9060",
            "udp://homer:",
            "udp://homer:0",
            "udp://homer:65536",
            "udp://homer:+1",
            "udp://ho mer",
            "udp://user@homer",
            "udp://homer/path",
            "udp://[::1",
            "udp://[::1]x",
            "udp://::1",
            "udp://homer\n",
        ] {
            assert_eq!(HepTarget::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let read = |text: String| HepKey::read(&Raw::Text(text));
        let key = read("s3cret".to_owned()).unwrap();
        assert_eq!((format!("{key:?}").as_str(), key.secret()), ("HepKey(..)", "s3cret"));
        assert!(read("x".repeat(255)).is_ok());
        let Err(Problem::Bad(told)) = read("s3cret".repeat(50)) else { panic!("300 octets") };
        assert_eq!(told, "a key of 300 octets is too long; it may have 255");
    }

    #[test]
    fn what_gives_credentials_away_is_told() {
        let warned = |file: &str| {
            let (_, warnings) = crate::Config::judge(Some(file), std::iter::empty(), |_| Vec::new()).outcome().unwrap();
            warnings.iter().map(|warning| (warning.key.to_string(), warning.text.contains("clear text"))).collect::<Vec<_>>()
        };
        assert_eq!(warned("[hep]\nmask = false"), []);
        assert_eq!(warned("[hep]\ntarget = \"udp://homer\""), []);
        for (target, is_clear) in [("udp://homer", true), ("tcp://192.0.2.1", true), ("tls://homer", false), ("udp://127.0.0.1", false)] {
            assert_eq!(warned(&format!("[hep]\ntarget = \"{target}\"\nmask = false")), [("hep.mask".to_owned(), is_clear)], "{target}");
        }
    }
}
