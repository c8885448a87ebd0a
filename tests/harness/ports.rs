//! Free ports, handed out in blocks below the kernel's ephemeral range, so that no client socket can take one in between.

use std::{
    net::{TcpListener, UdpSocket},
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Result, bail};

/// Blocks come from here up …
const FIRST: u32 = 12_000;
/// … to here; the kernel's own choice begins at 32768.
const LAST: u32 = 32_700;

static TURN: AtomicU32 = AtomicU32::new(0);

/// A block of `length` ports of 127.0.0.1, beginning at an even one, of which nobody holds any at the moment, neither over UDP nor TCP.
///
/// # Errors
/// When a whole turn through the range found no such block.
pub fn block(length: u16) -> Result<Range<u16>> {
    let length = u32::from(length).next_multiple_of(2);
    // Two runs at once (two clones on one machine) begin at different places.
    let offset = std::process::id().wrapping_mul(977);
    for _ in 0..(LAST - FIRST) / length {
        let turn = TURN.fetch_add(length, Ordering::Relaxed);
        let first = FIRST + (offset.wrapping_add(turn) % (LAST - FIRST - length)) / 2 * 2;
        if let (Ok(first), Ok(end)) = (u16::try_from(first), u16::try_from(first + length))
            && (first..end).all(is_free)
        {
            return Ok(first..end);
        }
    }
    bail!("no {length} free ports in a row between {FIRST} and {LAST}")
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_even_free_and_apart() -> Result<()> {
        let (one, other) = (block(8)?, block(3)?);
        assert_eq!((one.start % 2, one.len(), other.len()), (0, 8, 4));
        assert!(one.end <= other.start || other.end <= one.start, "{one:?} {other:?}");
        assert!(one.chain(other).all(is_free));
        Ok(())
    }
}
