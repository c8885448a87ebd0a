//! Which addresses are for everybody. The rest leads into the house, to this machine itself, or to what clouds tell their machines only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What kind of address it is, if it is not public: none that a request which a user causes should go to by itself. An IPv4 address in an IPv6
/// one is judged as the IPv4 address.
#[must_use]
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_4(address),
        IpAddr::V6(address) => kind_6(address),
    }
}

fn kind_4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_4.iter().find(|(net, _)| net.contains(&address)).map(|(_, kind)| *kind)
}

fn kind_6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some((_, kind)) = SPECIAL_6.iter().find(|(net, _)| net.contains(&address)) {
        return Some(kind);
    }
    // A translator's address reaches the IPv4 address in it (RFC 6052): networks without IPv4 reach all of it so.
    if NAT64.contains(&address) {
        return kind_4(last_four(address));
    }
    if !GLOBAL_6.contains(&address) {
        return Some("not a public address");
    }
    // RFC 5214, 6.1: an interface that tunnels to the IPv4 address behind this mark.
    let [.., a, b, c, d, _, _, _, _] = address.octets();
    matches!([a, b, c, d], [0 | 2, 0, 0x5e, 0xfe]).then_some("a tunnel's address")
}

fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// IANA's registry of special-purpose IPv4 addresses (RFC 6890), and what clouds use beside it.
const SPECIAL_4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "an unspecified address"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "an address of a carrier's own network"),
    (v4(127, 0, 0, 0, 8), "an address of this machine itself"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "an address for protocols"),
    (v4(192, 0, 2, 0, 24), "an address for documents"),
    (v4(192, 88, 99, 0, 24), "a tunnel's address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for measurements"),
    (v4(198, 51, 100, 0, 24), "an address for documents"),
    (v4(203, 0, 113, 0, 24), "an address for documents"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
    // A public address at which a large cloud answers its machines only.
    (v4(168, 63, 129, 16, 32), "an address of a cloud's own"),
];

/// The same for IPv6: first what lies within the public addresses.
const SPECIAL_6: &[(Ipv6Net, &str)] = &[
    // Of protocols, among them Teredo's tunnels (2001::/32), whose addresses hold two of IPv4.
    (v6(0x2001, 0, 0, 23), "an address for protocols or tunnels"),
    (v6(0x2001, 0xdb8, 0, 32), "an address for documents"),
    // 6to4 (RFC 7526: not to be used any more): holds an IPv4 address.
    (v6(0x2002, 0, 0, 16), "a tunnel's address"),
    (v6(0x3fff, 0, 0, 20), "an address for documents"),
    // For clearer answers only: the rest is not public anyway.
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "an unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "an address of this machine itself"),
    (v6(0xfc00, 0, 0, 7), "a private address"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
];

/// What is public in IPv6 so far.
const GLOBAL_6: Ipv6Net = v6(0x2000, 0, 0, 3);
/// Translators' common prefix. The one for local use, 64:ff9b:1::/48, is not public.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
