//! From rows, one after the other, to a workbook, with the memory of one row.

use std::{
    io::{self, Seek, Write},
    path::Path,
};

use chrono_tz::Tz;
use model::ColumnKind;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use serde_json::Value;

use super::{cells::Cell, look::Look};

/// Rows of a sheet, its header among them.
const SHEET_ROWS_MAX: u32 = 1_048_576;
/// Rows of a workbook; more of them no spreadsheet opens.
pub(super) const ROWS_MAX: u64 = 5 * (SHEET_ROWS_MAX as u64 - 1);
/// Characters of a cell, as Excel counts them (UTF-16).
const CELL_UNITS_MAX: usize = 32_767;
/// How wide columns are, in characters.
const WIDTH: f64 = 20.0;

/// How a workbook is made.
pub(super) struct Book<'a> {
    look: &'a Look,
    /// Where sheets wait until they are put together.
    dir: &'a Path,
    /// Rows of a sheet; less than Excel takes in tests only.
    pub(super) sheet_rows: u32,
}

impl<'a> Book<'a> {
    /// A workbook that looks so. Its sheets wait in `dir`, which is there, until they are put together.
    pub(super) fn new(look: &'a Look, dir: &'a Path) -> Self {
        Self { look, dir, sheet_rows: SHEET_ROWS_MAX }
    }

    /// Writes the workbook of rows whose values stand in the order of the columns; says how many there were.
    pub(super) fn write<W: Write + Seek + Send>(
        &self,
        rows: impl Iterator<Item = io::Result<Vec<Value>>>,
        mut out: W,
    ) -> io::Result<(u64, W)> {
        let mut book = Workbook::new();
        book.set_tempdir(self.dir).map_err(to_io)?;
        let looks = Looks::new();
        let mut lines = rows.peekable();
        let (mut rows, mut sheets) = (0, 0_u32);
        // A sheet at least: an empty list has a header, too.
        while sheets == 0 || lines.peek().is_some() {
            sheets += 1;
            let sheet = book.add_worksheet_with_constant_memory().map_err(to_io)?;
            sheet.set_name(self.sheet_name(sheets)).map_err(to_io)?;
            looks.head(sheet, self.look.header.iter().map(String::as_str))?;
            for row in 1..self.sheet_rows {
                let Some(values) = lines.next().transpose()? else { break };
                looks.row(sheet, row, self.look.columns.iter().map(|column| column.kind).zip(&values), self.look.zone)?;
                rows += 1;
            }
        }
        book.save_to_writer(&mut out).map_err(to_io)?;
        Ok((rows, out))
    }

    fn sheet_name(&self, number: u32) -> String {
        let name: String = self.look.resource.chars().take(24).collect();
        if number == 1 { name } else { format!("{name} {number}") }
    }
}

/// A table as a workbook of one sheet, made in memory: for reports, which are no lists and so short that nobody has to wait for a job. Rows
/// that a sheet does not hold are left out.
///
/// # Errors
/// If the columns are more than a sheet takes.
pub fn workbook(name: &str, columns: &[(&str, ColumnKind)], rows: &[Vec<Value>], zone: Tz) -> io::Result<Vec<u8>> {
    let mut book = Workbook::new();
    let looks = Looks::new();
    let sheet = book.add_worksheet();
    sheet.set_name(name).map_err(to_io)?;
    looks.head(sheet, columns.iter().map(|(name, _)| *name))?;
    for (row, values) in (1..SHEET_ROWS_MAX).zip(rows) {
        looks.row(sheet, row, columns.iter().map(|(_, kind)| *kind).zip(values), zone)?;
    }
    book.save_to_buffer().map_err(to_io)
}

/// How cells look.
struct Looks {
    moment: Format,
    quoted: Format,
    bold: Format,
}

impl Looks {
    fn new() -> Self {
        Self {
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            // A text that is edited stays a text, even if it begins like a formula.
            quoted: Format::new().set_quote_prefix(),
            bold: Format::new().set_bold(),
        }
    }

    /// The first row, which stays in sight.
    fn head<'h>(&self, sheet: &mut Worksheet, names: impl Iterator<Item = &'h str>) -> io::Result<()> {
        for (place, name) in (0_u16..).zip(names) {
            sheet.set_column_width(place, WIDTH).map_err(to_io)?;
            sheet.write_string_with_format(0, place, cut(name), &self.bold).map_err(to_io)?;
        }
        sheet.set_freeze_panes(1, 0).map(drop).map_err(to_io)
    }

    fn row<'v>(&self, sheet: &mut Worksheet, row: u32, values: impl Iterator<Item = (ColumnKind, &'v Value)>, zone: Tz) -> io::Result<()> {
        for (place, (kind, value)) in (0_u16..).zip(values) {
            match Cell::of(kind, value, zone) {
                Cell::Empty => continue,
                Cell::Number(number) => sheet.write_number(row, place, number),
                Cell::Moment(days) => sheet.write_number_with_format(row, place, days, &self.moment),
                Cell::Bool(value) => sheet.write_boolean(row, place, value),
                // Written as a text and not as a formula, whatever it begins with.
                Cell::Text(text) => sheet.write_string_with_format(row, place, cut(&text), &self.quoted),
            }
            .map_err(to_io)?;
        }
        Ok(())
    }
}

/// As much of a text as a cell holds.
fn cut(text: &str) -> &str {
    if text.len() <= CELL_UNITS_MAX {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > CELL_UNITS_MAX
    });
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

fn to_io(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use calamine::{Reader as _, Xlsx};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_a_sheet() {
        let columns = [("Tag", ColumnKind::Text), ("Set", ColumnKind::Int)];
        let rows = [vec![json!("=1+1"), json!(3)], vec![json!(null), json!(-4)]];
        let octets = workbook("tags", &columns, &rows, Tz::UTC).unwrap();
        let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(octets)).unwrap();
        let sheet = book.worksheet_range("tags").unwrap();
        let cells: Vec<Vec<String>> = sheet.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(cells, [["Tag", "Set"], ["=1+1", "3"], ["", "-4"]]);
        assert!(book.worksheet_formula("tags").unwrap().is_empty(), "a text is none");
    }

    #[test]
    fn a_cell_holds_so_much() {
        let long = "x".repeat(CELL_UNITS_MAX);
        assert_eq!(cut(&long), long);
        assert_eq!(cut(&format!("{long}y")), long);
        // A letter that Excel counts as two.
        let wide = "𝄞".repeat(CELL_UNITS_MAX);
        assert_eq!(cut(&wide).chars().count(), CELL_UNITS_MAX / 2);
    }
}
