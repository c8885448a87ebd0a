//! Where a request may go. Judged is the address that is connected to, and not the name in the URL: how an address is spelt, what a name
//! resolves to, and what it resolves to the next time are all the same question then (FT-27).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::not_public;

/// Where requests may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Networks that may be reached although they are not public.
    pub allow_nets: Vec<IpNet>,
    /// The ports that may be reached; empty: every port.
    pub allow_ports: Vec<u16>,
    /// Whether a request may go unencrypted.
    pub plain: Plain,
}

/// Whether `http://` is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Everywhere that may be reached.
    Everywhere,
    /// Only to this machine itself.
    Loopback,
    /// Nowhere.
    Nowhere,
}

/// Why a connection is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The address is not for the public.
    #[error("{address} is {kind}; whoever runs the server can allow it with links.allow_nets")]
    Address {
        /// The address.
        address: IpAddr,
        /// What kind of address it is.
        kind: &'static str,
    },
    /// The port is not allowed.
    #[error("port {0} is not allowed; whoever runs the server can allow it with links.allow_ports")]
    Port(u16),
    /// It would go unencrypted.
    #[error("https:// is needed here")]
    Plain,
}

impl Guard {
    /// For requests that users cause: public addresses, and what is allowed beside them.
    #[must_use]
    pub fn public(allow_nets: Vec<IpNet>, allow_ports: Vec<u16>) -> Self {
        Self { allow_nets, allow_ports, plain: Plain::Everywhere }
    }

    /// For requests that the configuration causes: they may go to servers of the house, too. Clouds answer at link-local addresses with
    /// secrets of the machine, so these are not among them.
    #[must_use]
    pub fn configured(plain: Plain) -> Self {
        let nets = HOUSE_4.iter().copied().map(IpNet::V4).chain(HOUSE_6.iter().copied().map(IpNet::V6));
        Self { allow_nets: nets.collect(), allow_ports: Vec::new(), plain }
    }

    /// Whether a connection to this address and port may be made.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: IpAddr, port: u16, is_plain: bool) -> Result<(), Refused> {
        self.check_port(port)?;
        let is_plain_allowed = match self.plain {
            Plain::Everywhere => true,
            Plain::Loopback => canonical(address).is_loopback(),
            Plain::Nowhere => false,
        };
        if is_plain && !is_plain_allowed {
            return Err(Refused::Plain);
        }
        match not_public(address) {
            Some(kind) if !self.is_allowed(address) => Err(Refused::Address { address, kind }),
            _ => Ok(()),
        }
    }

    /// Whether a connection to this port may be made at all.
    ///
    /// # Errors
    /// [`Refused::Port`].
    pub fn check_port(&self, port: u16) -> Result<(), Refused> {
        if self.allow_ports.is_empty() || self.allow_ports.contains(&port) { Ok(()) } else { Err(Refused::Port(port)) }
    }

    /// An IPv4 address in an IPv6 one is the IPv4 address: to allow 10.0.0.0/8 allows ::ffff:10.0.0.1.
    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allow_nets.iter().any(|net| net.contains(&address) || net.contains(&canonical(address)))
    }
}

/// The IPv4 address, if an IPv6 address is one in another dress: the kernel connects to that.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// Networks of a house: where its own servers are.
const HOUSE_4: &[Ipv4Net] =
    &[v4(10, 0, 0, 0, 8), v4(100, 64, 0, 0, 10), v4(127, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16)];
const HOUSE_6: &[Ipv6Net] = &[Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), v6(0xfc00, 0, 0, 7)];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn is_public(address: &str) -> bool {
        Guard::public(Vec::new(), Vec::new()).check(address.parse().unwrap(), 443, false).is_ok()
    }

    #[test]
    fn only_public_addresses_are_reached() {
        let evil = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.255 \
            168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 \
            192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 \
            :: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 \
            ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::192.168.1.1 64:ff9b:1::8.8.8.8 64:ff9b:1::1 \
            100::1 100:0:0:1::1 200::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:1ff:ffff::1 2001:20::1 2001:db8::1 \
            2002:7f00:1::1 2002:a00:1::1 2002:808:808::1 2002:a9fe:a9fe::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 8000::1 \
            2606:4700::5efe:7f00:1 2606:4700::200:5efe:127.0.0.1 fc00::1 fd00:ec2::254 fd12:3456::1 fdff:ffff::1 fe80::1 fe80::5efe:7f00:1 \
            febf::1 fec0::1 ff02::1 ff0e::1";
        for address in evil.split_whitespace() {
            assert!(!is_public(address), "{address}");
        }
        let good = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 168.63.129.15 169.253.255.255 \
            169.255.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 \
            ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111 2a00:1450::1 3ffe::1";
        for address in good.split_whitespace() {
            assert!(is_public(address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_reached_however_it_is_dressed() {
        let guard = Guard::public(vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()], Vec::new());
        let check = |address: &str| guard.check(address.parse().unwrap(), 80, true).is_ok();
        for good in ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "8.8.8.8"] {
            assert!(check(good), "{good}");
        }
        for evil in ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::5", "127.0.0.1", "64:ff9b::10.1.2.3", "2002:a01:203::1"] {
            assert!(!check(evil), "{evil}");
        }
        let everything = Guard::public(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()], Vec::new());
        assert_eq!(everything.check("fe80::1".parse().unwrap(), 1, true), Ok(()));
    }

    #[test]
    fn ports_and_plain_text_are_judged() {
        let address = "8.8.8.8".parse().unwrap();
        let guard = Guard::public(Vec::new(), vec![80, 443]);
        assert_eq!(guard.check(address, 443, false), Ok(()));
        assert_eq!(guard.check(address, 22, false), Err(Refused::Port(22)));
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        for (plain, address, is_good) in [
            (Plain::Everywhere, address, true),
            (Plain::Loopback, address, false),
            (Plain::Loopback, local, true),
            (Plain::Loopback, "::ffff:127.0.0.1".parse().unwrap(), true),
            (Plain::Loopback, "10.0.0.1".parse().unwrap(), false),
            (Plain::Nowhere, local, false),
        ] {
            assert_eq!(Guard::configured(plain).check(address, 8080, true).is_ok(), is_good, "{plain:?} {address}");
            assert_eq!(Guard::configured(plain).check(address, 8080, false), Ok(()));
        }
        for evil in ["169.254.169.254", "fe80::1", "fd00::1%eth0", "0.0.0.0", "::"] {
            let Ok(address) = evil.parse() else { continue };
            assert!(Guard::configured(Plain::Everywhere).check(address, 80, true).is_err(), "{evil}");
        }
    }
}
