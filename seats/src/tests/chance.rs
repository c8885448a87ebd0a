//! Chance for random walks. The walks of `calls` use this file too: cores have no source of chance of their own.

/// splitmix64: small, and the same everywhere.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number from 0 to `end`, without `end` itself.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
