//! Where a carrier is.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// A carrier's host as a SIP URI without a user (RFC 3261, 19.1.1): `sip:sip.example.com`, `sips:203.0.113.9:5061`,
/// `sip:[2001:db8::1];transport=tcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// A name in lower case, or an address without brackets.
    pub name: String,
    /// The port; none: as RFC 3263 finds it, or the transport's own.
    pub port: Option<u16>,
    /// How it is spoken to.
    pub transport: Transport,
}

/// How a host is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// As its name's records say (RFC 3263), else UDP.
    Automatic,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP: `sips:`, or `transport=tls`.
    Tls,
}

/// A text that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host is written as sip:sip.example.com, sip:203.0.113.9:5060;transport=tcp or sips:sip.example.com")]
pub struct ParseHostError;

impl FromStr for Host {
    type Err = ParseHostError;

    fn from_str(text: &str) -> Result<Self, ParseHostError> {
        let (scheme, rest) = text.split_once(':').ok_or(ParseHostError)?;
        let (place, parameter) = rest.split_once(';').map_or((rest, None), |(place, parameter)| (place, Some(parameter)));
        let transport = match (scheme, parameter) {
            ("sip", None) => Transport::Automatic,
            ("sip", Some("transport=udp")) => Transport::Udp,
            ("sip", Some("transport=tcp")) => Transport::Tcp,
            ("sip", Some("transport=tls")) | ("sips", None) => Transport::Tls,
            _ => return Err(ParseHostError),
        };
        let (name, port) = match place.strip_prefix('[').map(|place| place.split_once(']').ok_or(ParseHostError)).transpose()? {
            Some((address, port)) => match address.parse() {
                Ok(IpAddr::V6(address)) if port.is_empty() => (address.to_string(), None),
                Ok(IpAddr::V6(address)) => (address.to_string(), Some(port.strip_prefix(':').ok_or(ParseHostError)?)),
                _ => return Err(ParseHostError),
            },
            None => {
                let (name, port) = place.split_once(':').map_or((place, None), |(name, port)| (name, Some(port)));
                (name.to_ascii_lowercase(), port)
            }
        };
        let is_name = name.len() <= 253 && name.split('.').all(is_label);
        match name.parse::<IpAddr>() {
            Ok(address) if is_nobodys(address.to_canonical()) => return Err(ParseHostError),
            Err(_) if !is_name => return Err(ParseHostError),
            _ => {}
        }
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
                Ok(port @ 1..) => Some(port),
                _ => return Err(ParseHostError),
            },
            Some(_) => return Err(ParseHostError),
        };
        Ok(Self { name, port, transport })
    }
}

/// Addresses at which there is no one host.
fn is_nobodys(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST)
}

/// A part of a name, as RFC 1123, 2.1 has it.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.transport == Transport::Tls { "sips:" } else { "sip:" })?;
        if self.name.contains(':') {
            write!(f, "[{}]", self.name)?
        } else {
            f.write_str(&self.name)?
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(match self.transport {
            Transport::Automatic | Transport::Tls => "",
            Transport::Udp => ";transport=udp",
            Transport::Tcp => ";transport=tcp",
        })
    }
}

impl Serialize for Host {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_host_is_a_sip_uri_without_a_user() {
        let rows = [
            ("sip:SIP.Example.com", "sip:sip.example.com"),
            ("sip:203.0.113.9:5080;transport=tcp", "sip:203.0.113.9:5080;transport=tcp"),
            ("sip:[2001:db8::0001]:5061;transport=tls", "sips:[2001:db8::1]:5061"),
            ("sips:a", "sips:a"),
            ("sip:a;transport=udp", "sip:a;transport=udp"),
        ];
        for (text, written) in rows {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), written);
        }
        let wrong = [
            "sip:0.0.0.0",
            "sip:255.255.255.255:5060",
            "sip:224.0.1.75",
            "sip:[::]",
            "sip:[ff02::1]",
            "",
            "sip.example.com",
            "sip:",
            "sip:a:0",
            "sip:a:65536",
            "sip:a:+5",
            "sip:me@a",
            "http:a",
            "sip:a;lr",
            "sips:a;transport=udp",
            "sip:[1.2.3.4]",
            "sip:[::1",
            "sip:[::1]5060",
            "sip:a b",
            "sip:a\r\nVia: x",
            "sip:-a",
            "sip:a..b",
            "sip:::1",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Host>(), Err(ParseHostError), "{text:?}");
        }
    }
}
