//! Datagrams of a few sources at a guard: nobody gets more than a burst and what comes back by time, and who keeps within it gets all.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use arbitrary::Unstructured;
use sip_core::{Admit, Guard, GuardSettings};

const SETTINGS: GuardSettings = GuardSettings { new_per_s: 10, new_burst: 4, inside_per_s: 20, inside_burst: 8, sources_max: 1_024 };

/// What a source got in, of each kind: the bucket as a book of accounts.
#[derive(Default)]
struct Account {
    new: u32,
    inside: u32,
}

/// One datagram by itself, then the sequence that `data` stands for.
///
/// # Panics
/// When a source got more, or less, than it may.
pub fn run(data: &[u8]) {
    let mut guard = Guard::new(SETTINGS, [5; 16]);
    let mut now = super::start();
    let whole = guard.admit(now, super::peer(250, 0).ip(), data);
    assert_ne!(whole, Admit::Dropped, "the first of a source");

    let mut input = Unstructured::new(data);
    let mut accounts: BTreeMap<IpAddr, Account> = BTreeMap::new();
    let mut passed = Duration::ZERO;
    while !input.is_empty() {
        let pause = super::pause(&mut input);
        (now, passed) = (now + pause, passed + pause);
        let number: u8 = input.arbitrary().unwrap_or_default();
        let source = match number % 8 {
            // RFC 4291: who has a /64 has all its addresses.
            0 | 1 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, u16::from(number % 2), 0, 0, 0, u16::from(number))),
            _ => super::peer(number % 8, 0).ip(),
        };
        let account = match source {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            IpAddr::V4(_) => source,
        };
        let account = accounts.entry(account).or_default();
        match guard.admit(now, source, super::octets(&mut input, 512)) {
            Admit::New => account.new += 1,
            Admit::Inside => account.inside += 1,
            Admit::Dropped => {
                // Dropped is only who has used up one of the two.
                assert!(account.new >= SETTINGS.new_burst || account.inside >= SETTINGS.inside_burst, "dropped too early");
            }
        }
        let back = |per_s: u32| u32::try_from(passed.as_millis() * u128::from(per_s) / 1000).unwrap_or(u32::MAX);
        assert!(account.new <= SETTINGS.new_burst.saturating_add(back(SETTINGS.new_per_s)), "{} new", account.new);
        assert!(account.inside <= SETTINGS.inside_burst.saturating_add(back(SETTINGS.inside_per_s)), "{} inside", account.inside);
    }
    let counters = guard.counters();
    let admitted: u64 = accounts.values().map(|account| u64::from(account.new) + u64::from(account.inside)).sum();
    assert_eq!(counters.new + counters.inside, admitted + 1, "what was counted is not what was let in");
}
