//! Packets octet by octet, and read back by a decoder that knows the specification and not the encoder.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall stop")]

use std::{collections::BTreeMap, net::Ipv6Addr};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

use super::*;

/// Octets as the specification's tables have them: hexadecimal, `"text"`, blanks and line ends between, a comment behind `#`.
fn octets(table: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for line in table.lines() {
        let line = line.split('#').next().unwrap();
        for (place, part) in line.split('"').enumerate() {
            if place % 2 == 1 {
                octets.extend_from_slice(part.as_bytes());
                continue;
            }
            let digits: String = part.split_whitespace().collect();
            assert_eq!(digits.len() % 2, 0, "{line}");
            octets.extend((0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()));
        }
    }
    octets
}

fn check(packet: &Packet<'_>, expected: &str) {
    let mut written = b"before".to_vec();
    assert_eq!(packet.write(PACKET_MAX, &mut written), 0);
    assert_eq!(written[..6], *b"before");
    assert_eq!(written[6..], octets(expected), "{written:02x?}");
}

#[test]
fn a_datagram_of_ipv4_has_these_octets() {
    let packet = Packet {
        transport: Transport::Udp,
        source: "212.202.0.1:5060".parse().unwrap(),
        destination: "82.116.0.211:12010".parse().unwrap(),
        at: Duration::new(1_313_440_209, 14_000),
        capture_id: 228,
        auth_key: b"myHep",
        correlation: b"a84b@pc33",
        message: b"INVITE",
    };
    check(
        &packet,
        r#"
        "HEP3" 00 83                        # 131 octets
        0000 0001 0007 02                   # IPv4
        0000 0002 0007 11                   # UDP
        0000 0003 000a d4 ca 00 01          # source
        0000 0004 000a 52 74 00 d3          # destination
        0000 0007 0008 13 c4                # port 5060
        0000 0008 0008 2e ea                # port 12010
        0000 0009 000a 4e 49 81 d1          # seconds
        0000 000a 000a 00 00 00 0e          # 14 microseconds
        0000 000b 0007 01                   # SIP
        0000 000c 000a 00 00 00 e4          # capture agent 228
        0000 000e 000b "myHep"
        0000 0011 000f "a84b@pc33"
        0000 000f 000c "INVITE"
        "#,
    );
}

#[test]
fn a_message_of_a_stream_over_ipv6_without_key_and_call_has_these_octets() {
    let packet = Packet {
        transport: Transport::Tcp,
        source: "[2001:db8::1]:5060".parse().unwrap(),
        destination: "[::1]:65535".parse().unwrap(),
        at: Duration::new(u64::MAX, 999_999_999),
        capture_id: u32::MAX,
        auth_key: b"",
        correlation: b"",
        message: b"\r\n",
    };
    check(
        &packet,
        r#"
        "HEP3" 00 7d                        # 125 octets
        0000 0001 0007 0a                   # IPv6
        0000 0002 0007 06                   # TCP
        0000 0005 0016 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
        0000 0006 0016 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
        0000 0007 0008 13 c4
        0000 0008 0008 ff ff
        0000 0009 000a ff ff ff ff          # the year 2106 is the last
        0000 000a 000a 00 0f 42 3f
        0000 000b 0007 01
        0000 000c 000a ff ff ff ff
        0000 000f 0008 0d 0a
        "#,
    );
}

/// A decoder of its own: the chunks by their types.
fn decode(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    assert_eq!(packet[..4], *b"HEP3");
    assert_eq!(usize::from(number(4)), packet.len());
    let (mut chunks, mut at) = (BTreeMap::new(), 6);
    while at < packet.len() {
        assert_eq!(number(at), 0, "the vendor");
        let (kind, length) = (number(at + 2), usize::from(number(at + 4)));
        assert!(length >= 6);
        assert!(chunks.insert(kind, packet[at + 6..at + length].to_vec()).is_none(), "chunk {kind} twice");
        at += length;
    }
    chunks
}

#[test]
fn whatever_is_written_is_read_back() {
    for seed in 0..2_000 {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |bound: usize| usize::try_from(chance.next_u64()).unwrap() % bound;
        let is_v6 = below(2) == 0;
        let mut address = || {
            let port = u16::try_from(below(65_536)).unwrap();
            let ip = if is_v6 {
                // Never one that is IPv4's.
                Ipv6Addr::from_bits(u128::try_from(below(usize::MAX)).unwrap() | 0x2001 << 112).into()
            } else {
                IpAddr::V4(u32::try_from(below(1 << 32)).unwrap().into())
            };
            SocketAddr::new(ip, port)
        };
        let (source, destination) = (address(), address());
        let text = |length: usize, first: usize| -> Vec<u8> { (0..length).map(|at| ((at * 31 + first) % 256) as u8).collect() };
        let lengths = [0, 1, 600, 65_000, 70_000];
        let length = lengths[below(lengths.len())];
        let message = text(below(length + 1), below(256));
        let auth_key = text(below(AUTH_KEY_MAX + 20), below(256));
        let correlation = text(below(CORRELATION_MAX + 20), below(256));
        let at = Duration::from_micros(u64::try_from(below(4_000_000_000_000_000)).unwrap());
        let capture_id = u32::try_from(below(1 << 32)).unwrap();
        let transport = if below(2) == 0 { Transport::Udp } else { Transport::Tcp };
        let most = [PACKET_MAX, DATAGRAM_MAX, 1_400][below(3)];
        let packet =
            Packet { transport, source, destination, at, capture_id, auth_key: &auth_key, correlation: &correlation, message: &message };
        let mut written = Vec::new();
        let left_out = packet.write(most, &mut written);
        assert!(written.len() <= most, "seed {seed}");
        let mut chunks = decode(&written);
        let mut take = |kind: u16| chunks.remove(&kind);
        let [source_kind, destination_kind] = if is_v6 { [5, 6] } else { [3, 4] };
        let octets = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let word = |octets: Option<Vec<u8>>| u64::from(u32::from_be_bytes(octets.unwrap().try_into().unwrap()));
        assert_eq!(take(1).unwrap(), [if is_v6 { 10 } else { 2 }], "seed {seed}");
        assert_eq!(take(2).unwrap(), [if transport == Transport::Tcp { 6 } else { 17 }], "seed {seed}");
        assert_eq!((take(source_kind), take(destination_kind)), (Some(octets(source)), Some(octets(destination))), "seed {seed}");
        assert_eq!(take(7).unwrap(), source.port().to_be_bytes(), "seed {seed}");
        assert_eq!(take(8).unwrap(), destination.port().to_be_bytes(), "seed {seed}");
        assert_eq!(Duration::from_secs(word(take(9))) + Duration::from_micros(word(take(10))), at, "seed {seed}");
        assert_eq!(take(11).unwrap(), [1], "seed {seed}");
        assert_eq!(word(take(12)), u64::from(capture_id), "seed {seed}");
        let key = auth_key.get(..AUTH_KEY_MAX).unwrap_or(&auth_key);
        assert_eq!(take(14).unwrap_or_default(), key, "seed {seed}");
        let known = if correlation.len() > CORRELATION_MAX { &[][..] } else { &correlation };
        assert_eq!(take(17).unwrap_or_default(), known, "seed {seed}");
        let told = take(15).unwrap();
        assert_eq!(told.len() + left_out, message.len(), "seed {seed}");
        assert!(message.starts_with(&told), "seed {seed}");
        assert!(left_out == 0 || written.len() == most, "seed {seed}: no more is left out than must be");
        assert!(chunks.is_empty(), "seed {seed}: {chunks:?}");
    }
}

#[test]
fn an_ipv4_address_in_ipv6_form_is_told_as_what_it_is() {
    let mut packet = Packet {
        transport: Transport::Udp,
        source: "[::ffff:10.0.0.1]:1".parse().unwrap(),
        destination: "10.0.0.2:2".parse().unwrap(),
        at: Duration::ZERO,
        capture_id: 0,
        auth_key: b"",
        correlation: b"",
        message: b"",
    };
    let told = |packet: &Packet<'_>| {
        let mut written = Vec::new();
        packet.write(PACKET_MAX, &mut written);
        decode(&written)
    };
    let chunks = told(&packet);
    assert_eq!((&chunks[&1], &chunks[&3], &chunks[&4]), (&vec![2], &vec![10, 0, 0, 1], &vec![10, 0, 0, 2]));
    // Nothing of ours has both families; a packet has one.
    packet.source = "[2001:db8::1]:1".parse().unwrap();
    let chunks = told(&packet);
    assert_eq!((&chunks[&1], &chunks[&6][10..]), (&vec![10], &[0xff, 0xff, 10, 0, 0, 2][..]));
}
