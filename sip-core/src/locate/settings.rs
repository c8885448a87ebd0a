//! What we speak and reach.

use super::{Kind, Over};

/// Which addresses can be sent to, and which of them come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// Both, in turns, IPv4 first.
    V4First,
    /// Both, in turns, IPv6 first.
    V6First,
}

impl Families {
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::V4 => &[Kind::A],
            Self::V6 => &[Kind::Aaaa],
            Self::V4First | Self::V6First => &[Kind::A, Kind::Aaaa],
        }
    }

    pub(super) fn has_v4(self) -> bool {
        self != Self::V6
    }

    pub(super) fn has_v6(self) -> bool {
        self != Self::V4
    }

    pub(super) fn v6_is_first(self) -> bool {
        matches!(self, Self::V6 | Self::V6First)
    }
}

/// What a locator goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatorSettings {
    /// The transports that we speak, the one that we like best first.
    pub speaks: Vec<Over>,
    /// The addresses that we reach.
    pub families: Families,
    /// Places that are looked for at the same time; one more is refused. Upkeep has half of it, and one party a fourth of that which it is for.
    pub locating_max: usize,
    /// Answers that are kept.
    pub cache_max: usize,
}

impl Default for LocatorSettings {
    fn default() -> Self {
        Self { speaks: vec![Over::Udp, Over::Tcp, Over::Tls], families: Families::V4First, locating_max: 2_048, cache_max: 4_096 }
    }
}
