//! Rows of files that people import: what a file is written in, what its columns mean, what stands in a row, and the file of what was rejected.
//!
//! Files come from spreadsheets of several languages: with `;`, `,` or tabs, in UTF-8, UTF-16 or windows-1251, with or without a header.

mod lead;
mod sniff;

#[cfg(test)]
mod tests;

use model::harmless;
use serde::{Deserialize, Serialize};

pub use lead::{LeadField, Mapping, NewLead, Reading, RowReason, Why};
pub use sniff::sniff;

/// The most rows of a file, blank ones and the header apart.
pub const ROWS_MAX: u32 = 200_000;
/// The most columns of a file.
pub const COLUMNS_MAX: usize = 100;
/// The most characters of a cell. What is longer is mostly half a file behind a quotation mark that nothing closes.
pub const CELL_CHARS_MAX: usize = 4_000;

codes! {
    /// How the letters of a file are written.
    Encoding, "an encoding":
    /// UTF-8, with or without a byte order mark.
    Utf8 = "utf-8",
    /// UTF-16, the lesser octet first: what Excel calls Unicode text.
    Utf16Le = "utf-16le",
    /// UTF-16, the greater octet first.
    Utf16Be = "utf-16be",
    /// The code page of Cyrillic Windows.
    Windows1251 = "windows-1251",
}

codes! {
    /// What stands between two cells.
    Delimiter, "a delimiter":
    /// `;`
    Semicolon = "semicolon",
    /// A tab.
    Tab = "tab",
    /// `,`
    Comma = "comma",
}

codes! {
    /// Why a file cannot be read as rows.
    Unreadable, "what is wrong with a file":
    /// There is nothing in it.
    Empty = "empty",
    /// It is an Excel workbook: it has to be saved as CSV first.
    Workbook = "workbook",
    /// It is no text.
    Binary = "binary",
    /// It is not written in that encoding.
    Encoding = "encoding",
    /// It has more than [`ROWS_MAX`] rows.
    TooManyRows = "too_many_rows",
    /// It has more than [`COLUMNS_MAX`] columns.
    TooManyColumns = "too_many_columns",
}

/// How a file is to be read: found by [`sniff()`], and changed by whoever knows better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// How its letters are written.
    pub encoding: Encoding,
    /// What stands between its cells.
    pub delimiter: Delimiter,
    /// Whether its first row names the columns.
    pub has_header: bool,
}

/// A file that can be read.
#[derive(Debug, Clone)]
pub struct Sheet {
    text: String,
    format: Format,
    header: Vec<String>,
    columns: usize,
    rows: u32,
}

/// A row as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow {
    /// Which row it is: 1 is the first behind the header. Blank ones do not count.
    pub number: u32,
    /// The line of the file that it begins in, from 1.
    pub line: u64,
    /// Its cells, each at most [`CELL_CHARS_MAX`] characters of it. There may be fewer than columns, and more.
    pub cells: Vec<String>,
    /// Whether a cell was longer than that.
    pub is_cut: bool,
}

impl Delimiter {
    fn octet(self) -> u8 {
        match self {
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Comma => b',',
        }
    }
}

impl Sheet {
    /// Reads a whole file once, and counts what is in it.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn open(file: &[u8], format: Format) -> Result<Self, Unreadable> {
        let text = sniff::decode(file, format.encoding)?;
        let mut sheet = Self { text, format, header: Vec::new(), columns: 0, rows: 0 };
        let (mut header, mut columns, mut rows) = (None, 0, 0_u32);
        for row in sheet.raw() {
            if format.has_header && header.is_none() {
                header = Some(row.cells);
                continue;
            }
            columns = columns.max(filled(&row.cells));
            rows = rows.saturating_add(1);
        }
        // What has no name is no column: a row with more cells than the header is told of.
        if let Some(mut names) = header {
            columns = filled(&names);
            names.truncate(columns);
            sheet.header = names.iter().map(|name| name.trim().to_owned()).collect();
        }
        (sheet.columns, sheet.rows) = (columns, rows);
        if rows == 0 {
            Err(Unreadable::Empty)
        } else if columns > COLUMNS_MAX {
            Err(Unreadable::TooManyColumns)
        } else if rows > ROWS_MAX {
            Err(Unreadable::TooManyRows)
        } else {
            Ok(sheet)
        }
    }

    /// The names of the columns; none without a header.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// How many columns there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many rows there are: so many come of [`Sheet::rows`].
    #[must_use]
    pub fn count(&self) -> u32 {
        self.rows
    }

    /// Its rows. Whoever goes on behind a checkpoint skips as many as have a lesser number.
    pub fn rows(&self) -> impl Iterator<Item = RawRow> {
        let header = usize::from(self.format.has_header);
        (1..).zip(self.raw().skip(header)).map(|(number, row)| RawRow { number, ..row })
    }

    /// All rows that are not blank, the header among them.
    fn raw(&self) -> impl Iterator<Item = RawRow> {
        sniff::records(&self.text, self.format.delimiter).filter(|row| filled(&row.cells) > 0)
    }
}

/// How many cells there are up to the last one that is not blank.
fn filled(cells: &[String]) -> usize {
    cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1)
}

/// The file of rows that were rejected: the columns of the source, and why. In UTF-8 with a byte order mark, so that spreadsheets read it rightly, and
/// with nothing in it that they would take for a formula. Mended, it can be imported again.
#[derive(Debug, Clone, Copy)]
pub struct ErrorFile {
    /// What stands between its cells, as in the source.
    pub delimiter: Delimiter,
    /// How many columns the source has; the reason stands in the next one.
    pub columns: usize,
}

impl ErrorFile {
    /// How it begins. `header` are the names of the source's columns, none if it has no names, and `why` is the name of the last one.
    #[must_use]
    pub fn head(&self, header: &[String], why: &str) -> Vec<u8> {
        let mut head = "\u{feff}".as_bytes().to_vec();
        if !header.is_empty() {
            head.extend(self.row(header, why));
        }
        head
    }

    /// A row, with its end of line. Where it has more cells than there are columns, those stand behind the reason.
    #[must_use]
    pub fn row(&self, cells: &[String], why: &str) -> Vec<u8> {
        let own = (0..self.columns).map(|at| cells.get(at).cloned().unwrap_or_default());
        let record = own.chain([why.to_owned()]).chain(cells.iter().skip(self.columns).cloned()).map(harmless);
        let mut csv = csv::WriterBuilder::new().delimiter(self.delimiter.octet()).buffer_capacity(256).from_writer(Vec::new());
        csv.write_record(record).expect("a vector takes everything");
        csv.into_inner().expect("a vector takes everything")
    }
}
