//! Networks that nothing is held against, so that one look finds a source among thousands of them.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::guard::Source;

/// Addresses from the first to the last of each range; ranges are in order and do not touch. An address of IPv4 stands as IPv6 has it
/// (RFC 4291, 2.5.5.2).
#[derive(Debug, Default)]
pub(super) struct Exempt(Vec<(u128, u128)>);

impl Exempt {
    pub(super) fn of(networks: &[IpNet]) -> Self {
        let mut all: Vec<(u128, u128)> = networks.iter().map(range).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match ranges.last_mut() {
                Some((_, before)) if first <= *before => *before = last.max(*before),
                _ => ranges.push((first, last)),
            }
        }
        Self(ranges)
    }

    pub(super) fn has(&self, source: Source) -> bool {
        let (address, _) = source.parts();
        let above = self.0.partition_point(|(first, _)| *first <= address);
        above.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| address <= *last)
    }
}

/// Of a network that is counted as one source the part that is exempt exempts the whole: it is one customer.
fn range(network: &IpNet) -> (u128, u128) {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let (first, last) = (bits(network.network()), bits(network.broadcast()));
    let (whole, _) = Source::from(network.network()).parts();
    (first.min(whole), last)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_lies_in_any_network_is_found() {
        let networks =
            ["192.0.2.16/28", "192.0.2.24/32", "10.0.0.0/8", "10.1.0.0/16", "2001:db8:1:2::5/128", "2001:db8:8::/48", "fd00::1/128"];
        let exempt = Exempt::of(&networks.map(|network| network.parse().unwrap()));
        for (address, is_exempt) in [
            ("192.0.2.15", false),
            ("192.0.2.16", true),
            ("192.0.2.31", true),
            ("192.0.2.32", false),
            ("9.255.255.255", false),
            ("10.200.0.1", true),
            ("11.0.0.0", false),
            ("::ffff:10.0.0.1", true),
            ("2001:db8:1:2::99", true),
            ("2001:db8:1:3::5", false),
            ("2001:db8:8:ff::1", true),
            ("2001:db8:9::1", false),
            ("fd00::1", true),
            ("fd00::2", false),
        ] {
            assert_eq!(exempt.has(address.parse::<IpAddr>().unwrap().into()), is_exempt, "{address}");
        }
        assert!(!Exempt::of(&[]).has("192.0.2.1".parse::<IpAddr>().unwrap().into()));
    }
}
