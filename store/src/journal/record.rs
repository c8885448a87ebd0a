//! One record: how it is written, recognised, and found again behind damage.

use std::io;

use model::Fact;

/// Length, CRC and number.
pub(super) const HEADER: usize = 16;
/// The longest JSON of one fact, in octets. The longest there is tells of all live calls.
pub(super) const JSON_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// A record that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) seq: u64,
    pub(super) json: &'a [u8],
    /// Where it starts.
    pub(super) start: usize,
    /// Where the next one starts.
    pub(super) end: usize,
}

/// Appends the record of a fact.
pub(super) fn encode(into: &mut Vec<u8>, seq: u64, fact: &Fact) -> io::Result<()> {
    let start = into.len();
    into.extend_from_slice(&[0; HEADER]);
    serde_json::to_writer(&mut *into, fact)?;
    let length = into.len() - start - HEADER;
    if length > JSON_OCTETS_MAX {
        into.truncate(start);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a fact is too long for the journal"));
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let crc = crc(length, seq.to_le_bytes(), into.get(start + HEADER..).unwrap_or_default());
    let header = length.into_iter().chain(crc.to_le_bytes()).chain(seq.to_le_bytes());
    for (octet, value) in into.iter_mut().skip(start).zip(header) {
        *octet = value;
    }
    Ok(())
}

/// The whole record at `start`, if there is one.
pub(super) fn at(octets: &[u8], start: usize) -> Option<Record<'_>> {
    let (length, rest) = octets.get(start..)?.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    let json = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    if json.is_empty() || json.len() > JSON_OCTETS_MAX || crc(*length, *seq, json) != u32::from_le_bytes(*expected) {
        return None;
    }
    Some(Record { seq: u64::from_le_bytes(*seq), json, start, end: start + HEADER + json.len() })
}

/// The first whole record behind the damage at `start`, if any. `last` is the number of the last record before it.
///
/// Nothing in JSON text looks like a number's upper octets, which are zero, so what is found here is a record.
pub(super) fn behind_damage(octets: &[u8], start: usize, last: u64) -> Option<Record<'_>> {
    /// A damaged stretch is no longer than a segment with one great batch, so no more numbers can be missing than octets.
    const MISSING_MAX: u64 = 1 << 32;
    (start + 1..octets.len().saturating_sub(HEADER)).find_map(|start| {
        let seq = u64::from_le_bytes(*octets.get(start + 8..)?.first_chunk()?);
        // Cheap, and nearly always the answer.
        if seq <= last || seq - last > MISSING_MAX {
            return None;
        }
        at(octets, start)
    })
}

/// All whole records from `start` on, damage passed over. `last` is the number of the last record before them.
pub(super) fn whole(octets: &[u8], start: usize, mut last: u64) -> impl Iterator<Item = Record<'_>> {
    let mut next = start;
    std::iter::from_fn(move || {
        let record = at(octets, next).or_else(|| behind_damage(octets, next, last))?;
        next = record.end;
        last = record.seq;
        Some(record)
    })
}

fn crc(length: [u8; 4], seq: [u8; 8], json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(&seq);
    hasher.update(json);
    hasher.finalize()
}
