//! What a file looks like, wherever its rows come from and it goes to.

use std::io::{self, Write as _};

use chrono_tz::Tz;
use model::{Column, harmless};
use serde_json::{Map, Value};

use super::{Format, cells::text, headers::header};

/// Says that the text is UTF-8, to spreadsheets that would not look.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The columns of a file, what they are called, and by whose clocks its times are.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) resource: &'static str,
    pub(super) columns: Vec<&'static Column>,
    pub(super) header: Vec<String>,
    pub(super) format: Format,
    delimiter: u8,
    pub(super) zone: Tz,
}

impl Look {
    /// As readers of a language (`en`, `ru`) in a time zone want it.
    pub(super) fn new(resource: &'static str, columns: Vec<&'static Column>, format: Format, (locale, zone): (&str, &str)) -> Self {
        Self {
            resource,
            header: columns.iter().map(|column| header(resource, column.name, locale).to_owned()).collect(),
            columns,
            format,
            // Where a comma stands in numbers, spreadsheets want semicolons between them.
            delimiter: if locale == "ru" { b';' } else { b',' },
            zone: zone.parse().unwrap_or(Tz::UTC),
        }
    }

    /// A row's values in the order of the columns.
    pub(super) fn values<'r>(&self, row: &'r Map<String, Value>) -> impl Iterator<Item = &'r Value> {
        self.columns.iter().map(|column| row.get(column.name).unwrap_or(&Value::Null))
    }

    /// Rows as lines of CSV.
    pub(super) fn csv(&self, with_header: bool, rows: &[Map<String, Value>], to: &mut Vec<u8>) -> io::Result<()> {
        if with_header {
            to.write_all(BYTE_ORDER_MARK)?;
        }
        let mut csv = csv::WriterBuilder::new().delimiter(self.delimiter).terminator(csv::Terminator::CRLF).from_writer(to);
        if with_header {
            csv.write_record(self.header.iter().map(|name| harmless(name.clone())))?;
        }
        for row in rows {
            csv.write_record(self.columns.iter().zip(self.values(row)).map(|(column, value)| {
                let text = text(column.kind, value, self.zone);
                // Numbers and times of ours may begin with a minus, and are none of anybody's texts.
                if value.is_string() || value.is_object() || value.is_array() { harmless(text) } else { text }
            }))?;
        }
        csv.flush()
    }
}
