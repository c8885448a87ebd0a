//! What a file is written in.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251};

use super::{CELL_CHARS_MAX, Delimiter, Encoding, Format, Mapping, RawRow, Unreadable, filled};

/// How many rows are looked at to find the delimiter and the header.
const LOOK: usize = 50;
/// What has so many digits is no name of a column.
const DATA_DIGITS: usize = 5;

/// What a file seems to be written in.
///
/// # Errors
/// [`Unreadable::Empty`], [`Unreadable::Workbook`], [`Unreadable::Binary`], [`Unreadable::Encoding`].
pub fn sniff(file: &[u8]) -> Result<Format, Unreadable> {
    let encoding = encoding(file)?;
    let text = decode(file, encoding)?;
    let delimiter = said(&text).map_or_else(|| delimiter(&text), |(delimiter, _)| delimiter);
    let rows: Vec<RawRow> = first_rows(&text, delimiter);
    let (first, rest) = rows.split_first().ok_or(Unreadable::Empty)?;
    Ok(Format { encoding, delimiter, has_header: is_header(first, rest) })
}

/// The text of a file, without its mark.
pub(super) fn decode(file: &[u8], encoding: Encoding) -> Result<String, Unreadable> {
    let known = match encoding {
        Encoding::Utf8 => UTF_8,
        Encoding::Utf16Le => UTF_16LE,
        Encoding::Utf16Be => UTF_16BE,
        Encoding::Windows1251 => WINDOWS_1251,
    };
    let (text, is_wrong) = known.decode_with_bom_removal(file);
    if is_wrong {
        return Err(Unreadable::Encoding);
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{80}'..)) {
        return Err(Unreadable::Binary);
    }
    Ok(text.into_owned())
}

/// All rows of a text, blank ones too, each numbered 0.
pub(super) fn records(text: &str, delimiter: Delimiter) -> impl Iterator<Item = RawRow> {
    let skip = said(text).map_or(0, |(_, length)| length);
    let lines = u64::from(skip > 0);
    let text = text.get(skip..).unwrap_or_default().as_bytes();
    let csv = csv::ReaderBuilder::new().delimiter(delimiter.octet()).has_headers(false).flexible(true).from_reader(text);
    // What is read from memory and held against no other row cannot fail.
    csv.into_byte_records().filter_map(Result::ok).map(move |record| {
        // A record's place is before the blank lines above it, and before the second half of a line's end.
        let place = record.position().map_or((0, 0), |place| (place.line(), usize::try_from(place.byte()).unwrap_or(usize::MAX)));
        let above = text.get(place.1..).unwrap_or_default().iter().take_while(|octet| matches!(octet, b'\r' | b'\n'));
        let line = above.fold(place.0 + lines, |line, octet| line + u64::from(*octet == b'\n'));
        let mut is_cut = false;
        let cells = record.iter().map(|cell| {
            let cell = String::from_utf8_lossy(cell);
            let end = cell.char_indices().nth(CELL_CHARS_MAX).map(|(at, _)| at);
            is_cut |= end.is_some();
            end.and_then(|end| cell.get(..end)).unwrap_or(&cell).to_owned()
        });
        let cells = cells.collect();
        RawRow { number: 0, line, cells, is_cut }
    })
}

fn encoding(file: &[u8]) -> Result<Encoding, Unreadable> {
    match file {
        [] => Err(Unreadable::Empty),
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(Unreadable::Workbook),
        [0xef, 0xbb, 0xbf, ..] => Ok(Encoding::Utf8),
        [0xff, 0xfe, ..] => Ok(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => Ok(Encoding::Utf16Be),
        _ => {
            // No text has an octet 0, but for the greater halves of letters, digits and line ends in UTF-16.
            let zeros = |first: usize| file.iter().skip(first).step_by(2).filter(|octet| **octet == 0).count();
            match (zeros(0), zeros(1)) {
                (0, 0) if std::str::from_utf8(file).is_ok() => Ok(Encoding::Utf8),
                (0, 0) => Ok(Encoding::Windows1251),
                (even, odd) if odd > even * 4 => Ok(Encoding::Utf16Le),
                (even, odd) if even > odd * 4 => Ok(Encoding::Utf16Be),
                _ => Err(Unreadable::Binary),
            }
        }
    }
}

/// A first line `sep=;`, by which Excel is told the delimiter: which one, and how many octets it takes.
fn said(text: &str) -> Option<(Delimiter, usize)> {
    let line = text.lines().next()?;
    let said = line.get(..4).filter(|word| word.eq_ignore_ascii_case("sep=")).and_then(|_| line.get(4..))?;
    let delimiter = Delimiter::ALL.iter().copied().find(|known| said.as_bytes() == [known.octet()])?;
    let rest = text.get(line.len()..)?;
    let end = rest.len() - rest.trim_start_matches('\r').strip_prefix('\n').unwrap_or(rest).len();
    Some((delimiter, line.len() + end))
}

fn first_rows(text: &str, delimiter: Delimiter) -> Vec<RawRow> {
    records(text, delimiter).filter(|row| filled(&row.cells) > 0).take(LOOK).collect()
}

/// The one that cuts all rows into the same number of cells, and into the most of them.
fn delimiter(text: &str) -> Delimiter {
    let score = |delimiter: Delimiter| {
        let counts: Vec<usize> = records(text, delimiter).take(LOOK).map(|row| row.cells.len()).collect();
        let (least, most) = (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0));
        (least > 1, least == most, least, most)
    };
    // Of equals the last is taken.
    [Delimiter::Comma, Delimiter::Tab, Delimiter::Semicolon]
        .into_iter()
        .max_by_key(|delimiter| score(*delimiter))
        .unwrap_or(Delimiter::Comma)
}

/// Whether a first row names the columns: it has a name that is known, or there are data below it where it has none.
fn is_header(first: &RawRow, rest: &[RawRow]) -> bool {
    if first.cells.iter().any(|cell| is_data(cell)) {
        return false;
    }
    let is_known = Mapping::guess(&first.cells).columns.iter().any(Option::is_some);
    is_known || rest.iter().any(|row| row.cells.iter().any(|cell| is_data(cell)))
}

fn is_data(cell: &str) -> bool {
    cell.contains('@') || cell.chars().filter(char::is_ascii_digit).count() >= DATA_DIGITS
}
