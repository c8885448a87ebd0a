//! Who is not heard, as others see it: bans of sources, and how the armour stands.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::WallTime;

/// What was seen of a source, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceCount {
    /// `wrong_password`, `unknown_user`, `scanner`, `fake_agent`, `foreign_domain`, `malformed`, `call_without_login`, `toll_attempt`.
    pub kind: String,
    /// How often.
    pub count: u32,
}

/// A source that is not heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanView {
    /// An address (`192.0.2.1`), or a network of IPv6 (`2001:db8:1:2::/64`).
    pub source: String,
    /// What made it full: a kind of evidence, `slow_guessing` or `by_hand`.
    pub why: String,
    /// Since when.
    pub since: WallTime,
    /// Until when.
    pub until: WallTime,
    /// Which ban in a row this is, from 1 on: each lasts longer.
    pub times: u32,
    /// The points that spoke against it when it was banned.
    pub points: u32,
    /// What whoever banned it by hand has noted.
    #[serde(default)]
    pub note: Option<String>,
    /// What was seen of it.
    #[serde(default)]
    pub evidence: Vec<EvidenceCount>,
}

impl BanView {
    /// The most characters of a note.
    pub const NOTE_MAX: usize = 200;

    /// The address of the source; of a network its lowest.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        source_address(&self.source)
    }
}

/// The address in the text of a source: one of its own, or of a network of IPv6 with 64 bits, in which any address stands for all.
#[must_use]
pub fn source_address(source: &str) -> Option<IpAddr> {
    match source.split_once('/') {
        None => source.parse().ok(),
        Some((address, "64")) => address.parse().ok().filter(IpAddr::is_ipv6),
        Some((address, "32")) => address.parse().ok().filter(IpAddr::is_ipv4),
        Some(_) => None,
    }
}

/// How the armour stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecurityView {
    /// Whether it judges anybody.
    pub is_on: bool,
    /// Sources that are banned.
    pub bans: usize,
    /// How many may be.
    pub bans_max: usize,
    /// Sources that something is remembered of, proven by a round trip.
    pub proven_sources: usize,
    /// Sources in whose name something was sent that proves nothing.
    pub unproven_sources: usize,
    /// Users whose names strangers' logins are not looked at with now.
    pub guarded_users: usize,
    /// Networks that nothing is held against: those of the configuration, and carriers'.
    pub exempt: Vec<String>,
    /// Our domains; none: any is ours.
    pub domains: Vec<String>,
    /// Domains that were asked for lately and are not ours, the last one last.
    pub foreign_domains: Vec<String>,
    /// Points at which a source is banned.
    pub ban_at: u32,
    /// Seconds that a first ban lasts.
    pub ban_s: u64,
    /// Seconds that a ban lasts at most.
    pub ban_longest_s: u64,
    /// Failed logins of a source within a day that ban it.
    pub failures_a_day: u32,
    /// Failed logins with one user's name within a day after which strangers' are not looked at.
    pub user_failures_a_day: u32,
    /// What it has done since the start.
    pub counts: SecurityCounts,
}

/// What the armour has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecurityCounts {
    /// Requests of banned sources that came as far as call control, and got no answer.
    pub banned: u64,
    /// Requests of scanners, which got none.
    pub scanners: u64,
    /// Requests for a domain that is not ours, which got none.
    pub foreign: u64,
    /// Requests of sources that are not proven, which got none because too much spoke against them.
    pub slowed: u64,
    /// Logins with a nonce that was not sent to their source: they got a new one.
    pub unproven_logins: u64,
    /// Logins that were not looked at, since too many had failed.
    pub throttled: u64,
    /// Bans that were not made, since there was no room.
    pub bans_refused: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_what_one_customer_has() {
        for (text, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1/32", Some("192.0.2.1")),
            ("2001:db8::5", Some("2001:db8::5")),
            ("2001:db8::/64", Some("2001:db8::")),
            ("192.0.2.0/24", None),
            ("192.0.2.1/64", None),
            ("2001:db8::/32", None),
            ("pbx.example", None),
            ("", None),
        ] {
            assert_eq!(source_address(text), address.and_then(|address| address.parse().ok()), "{text}");
        }
    }
}
