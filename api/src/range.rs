//! Byte ranges (RFC 9110, 14): one range is served, several are not.

/// Specs in one header past which it is refused and not only ignored (FT-20).
const SPECS_MAX: usize = 8;
/// Longest header that is looked at, in octets.
const HEADER_MAX: usize = 256;

/// What part of the representation to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it (200).
    Whole,
    /// From the first octet to the last one, both included (206).
    Range {
        /// Position of the first octet.
        first: u64,
        /// Position of the last octet, below the length.
        last: u64,
    },
    /// Nothing fits (416).
    Unsatisfiable,
}

/// Reads a `Range` header for a representation of `length` octets.
///
/// A header that is not understood, or that asks for a few ranges at once, is ignored (RFC 9110, 14.2 allows both);
/// one that asks for very many is an attack and gets 416.
pub(crate) fn part(header: &[u8], length: u64) -> Part {
    if header.len() > HEADER_MAX {
        return Part::Unsatisfiable;
    }
    let Some(specs) = std::str::from_utf8(header).ok().and_then(|text| text.trim().split_once('=')) else { return Part::Whole };
    let (unit, specs) = specs;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Part::Whole;
    }
    match specs.split(',').count() {
        1 => {}
        2..=SPECS_MAX => return Part::Whole,
        _ => return Part::Unsatisfiable,
    }
    let Some((first, last)) = specs.trim().split_once('-') else { return Part::Whole };
    let end = length.checked_sub(1);
    match (position(first), position(last), end) {
        // `-n`: the last n octets.
        (Position::None, Position::At(0), _) | (Position::None, Position::At(_), None) => Part::Unsatisfiable,
        (Position::None, Position::At(suffix), Some(end)) => Part::Range { first: length.saturating_sub(suffix), last: end },
        (Position::At(first), Position::At(last), _) if last < first => Part::Whole,
        (Position::At(_), Position::None | Position::At(_), None) => Part::Unsatisfiable,
        (Position::At(first), _, Some(end)) if first > end => Part::Unsatisfiable,
        (Position::At(first), Position::None, Some(end)) => Part::Range { first, last: end },
        (Position::At(first), Position::At(last), Some(end)) => Part::Range { first, last: last.min(end) },
        _ => Part::Whole,
    }
}

enum Position {
    None,
    At(u64),
    Wrong,
}

/// Digits only: no sign, no blanks. A number past u64 is past every file, so it counts as the greatest.
fn position(text: &str) -> Position {
    if text.is_empty() {
        Position::None
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Position::At(text.parse().unwrap_or(u64::MAX))
    } else {
        Position::Wrong
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn ranges() {
        let many = format!("bytes={}", vec!["0-0"; 20].join(","));
        let flood = format!("bytes={}", vec!["0-0"; 10_000].join(","));
        let mut told = String::new();
        for (header, length) in [
            ("bytes=0-99", 1000),
            ("bytes=0-0", 1000),
            ("bytes=900-", 1000),
            ("bytes=-100", 1000),
            ("bytes=-5000", 1000),
            ("bytes=999-", 1000),
            ("bytes=990-2000", 1000),
            ("BYTES = 0-1", 1000),
            ("bytes=0-18446744073709551616", 1000),
            ("bytes=1000-", 1000),
            ("bytes=18446744073709551616-", 1000),
            ("bytes=-0", 1000),
            ("bytes=0-", 0),
            ("bytes=-1", 0),
            ("bytes=5-4", 1000),
            ("bytes=", 1000),
            ("bytes=-", 1000),
            ("bytes=a-b", 1000),
            ("bytes=+1-2", 1000),
            ("bytes=1 - 2", 1000),
            ("bytes=--1", 1000),
            ("bytes", 1000),
            ("items=0-1", 1000),
            ("bytes=0-1,5-6", 1000),
            (&many, 1000),
            (&flood, 1000),
        ] {
            let shown = if header.len() > 40 { "bytes=0-0,…" } else { header };
            told += &format!("{shown} of {length}: {:?}\n", part(header.as_bytes(), length));
        }
        expect![[r#"
            bytes=0-99 of 1000: Range { first: 0, last: 99 }
            bytes=0-0 of 1000: Range { first: 0, last: 0 }
            bytes=900- of 1000: Range { first: 900, last: 999 }
            bytes=-100 of 1000: Range { first: 900, last: 999 }
            bytes=-5000 of 1000: Range { first: 0, last: 999 }
            bytes=999- of 1000: Range { first: 999, last: 999 }
            bytes=990-2000 of 1000: Range { first: 990, last: 999 }
            BYTES = 0-1 of 1000: Range { first: 0, last: 1 }
            bytes=0-18446744073709551616 of 1000: Range { first: 0, last: 999 }
            bytes=1000- of 1000: Unsatisfiable
            bytes=18446744073709551616- of 1000: Unsatisfiable
            bytes=-0 of 1000: Unsatisfiable
            bytes=0- of 0: Unsatisfiable
            bytes=-1 of 0: Unsatisfiable
            bytes=5-4 of 1000: Whole
            bytes= of 1000: Whole
            bytes=- of 1000: Whole
            bytes=a-b of 1000: Whole
            bytes=+1-2 of 1000: Whole
            bytes=1 - 2 of 1000: Whole
            bytes=--1 of 1000: Whole
            bytes of 1000: Whole
            items=0-1 of 1000: Whole
            bytes=0-1,5-6 of 1000: Whole
            bytes=0-0,… of 1000: Unsatisfiable
            bytes=0-0,… of 1000: Unsatisfiable
        "#]]
        .assert_eq(&told);
    }
}
