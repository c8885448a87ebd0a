//! Where a request is to go, as a URI says it, and where that turned out to be.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::DomainName;
use crate::uri::{Scheme, SipUri};

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// Datagrams.
    Udp,
    /// A byte stream.
    Tcp,
    /// A byte stream in TLS.
    Tls,
}

impl Over {
    /// The port where nothing names one (RFC 3261, 19.1.2).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// What stands before a domain in the name of its SRV records (RFC 3263, 4.1).
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Udp => "_sip._udp",
            Self::Tcp => "_sip._tcp",
            Self::Tls => "_sips._tcp",
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        })
    }
}

/// Why a URI leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The host is neither an address that something can be sent to nor a domain name.
    #[error("not a host that something can be sent to")]
    Host,
    /// Port 0.
    #[error("not a port that something can be sent to")]
    Port,
    /// A transport that we do not know, or `sips:` over UDP (RFC 3261, 26.2.2).
    #[error("not a transport that we speak")]
    Transport,
}

/// A host: TARGET in RFC 3263, 4.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An address: nothing is to be asked.
    Address(IpAddr),
    /// A name.
    Name(DomainName),
}

impl Host {
    /// Reads a host as it stands in a URI or in a configuration. An IPv6 address may stand in brackets or without.
    ///
    /// # Errors
    /// [`PlaceError::Host`]; an address that no host has, such as `0.0.0.0` or a multicast group, is one too.
    pub fn parse(host: &[u8]) -> Result<Self, PlaceError> {
        let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
        let text = str::from_utf8(inner.unwrap_or(host)).map_err(|_| PlaceError::Host)?;
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            let address = IpAddr::from(address).to_canonical();
            return if is_sendable(address) { Ok(Self::Address(address)) } else { Err(PlaceError::Host) };
        }
        if inner.is_some() {
            return Err(PlaceError::Host);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return if is_sendable(address.into()) { Ok(Self::Address(address.into())) } else { Err(PlaceError::Host) };
        }
        DomainName::parse(host).map(Self::Name).ok_or(PlaceError::Host)
    }

    fn name(&self) -> Option<&DomainName> {
        match self {
            Self::Address(_) => None,
            Self::Name(name) => Some(name),
        }
    }
}

/// Whether a host can have the address.
pub(super) fn is_sendable(address: IpAddr) -> bool {
    let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}

/// Where a request is to go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whom to look for.
    pub host: Host,
    /// The port, if one is named. It makes SRV records superfluous. 0 is refused.
    pub port: Option<u16>,
    /// The transport, if one is named. It makes NAPTR records superfluous.
    pub transport: Option<Over>,
    /// `sips:`: TLS or not at all.
    pub secure: bool,
    /// What a certificate has to prove: the domain that was asked for, whatever DNS made of it and whatever `maddr` says (RFC 5922, 4). `None`:
    /// the address itself.
    pub domain: Option<DomainName>,
}

impl Place {
    /// A host without further wishes.
    #[must_use]
    pub fn of(host: Host) -> Self {
        let domain = host.name().cloned();
        Self { host, port: None, transport: None, secure: false, domain }
    }

    /// Where a request with that URI goes: its Request-URI, or the URI of its topmost Route (RFC 3261, 8.1.2).
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn from_uri(uri: &SipUri<'_>) -> Result<Self, PlaceError> {
        let secure = uri.scheme == Scheme::Sips;
        let host = Host::parse(uri.host)?;
        let transport = match uri.params.get("transport") {
            None => None,
            Some(value) => Some(over(value.unwrap_or_default(), secure).ok_or(PlaceError::Transport)?),
        };
        let domain = host.name().cloned();
        let host = match uri.params.get("maddr") {
            None => host,
            Some(maddr) => Host::parse(maddr.unwrap_or_default())?,
        };
        let place = Self { host, port: uri.port, transport, secure, domain };
        if place.port == Some(0) { Err(PlaceError::Port) } else { Ok(place) }
    }
}

/// What a `transport` parameter means. In a `sips:` URI `tcp` is TLS over TCP (RFC 3261, 26.2.2); `tls` is deprecated and common.
fn over(param: &[u8], secure: bool) -> Option<Over> {
    let is = |word: &str| param.eq_ignore_ascii_case(word.as_bytes());
    match secure {
        true if is("tls") || is("tcp") => Some(Over::Tls),
        true => None,
        false if is("udp") => Some(Over::Udp),
        false if is("tcp") => Some(Over::Tcp),
        false if is("tls") => Some(Over::Tls),
        false => None,
    }
}

/// Where something can be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// How.
    pub transport: Over,
    /// Where to.
    pub address: SocketAddr,
    /// With TLS, the name that the certificate has to prove; none: the address itself has to stand in it.
    pub name: Option<DomainName>,
}
