//! Reports at a relay: whatever a phone says of itself, it stays a number in our books, and our own reports go on.

use arbitrary::Unstructured;
use media::LegId;

use super::rtp::{Game, pause};

/// One report as it is, then a sequence of reports and pauses.
///
/// # Panics
/// When a report leaves something behind.
pub fn run(data: &[u8]) {
    let mut game = Game::new();
    // An address, a length and the packet: what is read here is what the whole input is.
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes();
    let whole = [&[0][..], &length, data].concat();
    game.rtcp(&mut Unstructured::new(&whole), LegId(1));
    let mut input = Unstructured::new(data);
    while !input.is_empty() {
        let leg = LegId(u64::from(input.arbitrary::<u8>().unwrap_or_default() % 4));
        game.rtcp(&mut input, leg);
        game.advance(pause(&mut input));
    }
    game.finish();
}
