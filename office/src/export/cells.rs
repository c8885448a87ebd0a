//! What a value looks like in a file.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use model::ColumnKind;
use serde_json::Value;

/// What Excel calls 1 January 1970: days since the end of 1899, as it counts them.
const EXCEL_1970: f64 = 25_569.0;
/// The first day that Excel cannot show: 1 January 10000.
const EXCEL_END: f64 = 2_958_466.0;
/// Numbers above this are not whole in a cell.
const EXACT_MAX: i64 = 1 << 53;
const DAY_MS: f64 = 86_400_000.0;

/// A value as a cell of its kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// A number that a cell can hold as it is.
    Number(f64),
    /// A moment, as days by Excel's count, by the clocks of the reader's zone.
    Moment(f64),
    /// Yes or no.
    Bool(bool),
    /// Anything else.
    Text(String),
}

impl Cell {
    /// The cell of a value as it stands on the wire.
    pub(super) fn of(kind: ColumnKind, value: &Value, zone: Tz) -> Self {
        match (kind, value) {
            (_, Value::Null) => Self::Empty,
            (_, Value::Bool(value)) => Self::Bool(*value),
            (ColumnKind::Time, Value::Number(_)) => match value.as_i64().and_then(|ms| local(ms, zone)).map(excel_days) {
                Some(days) if (0.0..EXCEL_END).contains(&days) => Self::Moment(days),
                _ => Self::Text(text(kind, value, zone)),
            },
            (ColumnKind::Id, Value::String(id)) => id.parse().map_or_else(|_| Self::Text(id.clone()), Self::number),
            (_, Value::Number(_)) => value.as_i64().map_or_else(|| Self::Text(value.to_string()), Self::number),
            _ => Self::Text(text(kind, value, zone)),
        }
    }

    fn number(value: i64) -> Self {
        if value.abs() < EXACT_MAX {
            #[expect(clippy::cast_precision_loss, reason = "numbers below 2^53 are exact")]
            Self::Number(value as f64)
        } else {
            Self::Text(value.to_string())
        }
    }
}

/// A value as text.
pub(super) fn text(kind: ColumnKind, value: &Value, zone: Tz) -> String {
    match (kind, value) {
        (_, Value::Null) => String::new(),
        (ColumnKind::Time, Value::Number(number)) => match number.as_i64().and_then(|ms| local(ms, zone)) {
            Some(local) => local.format("%Y-%m-%d %H:%M:%S").to_string(),
            None => number.to_string(),
        },
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// What clocks in a zone show.
fn local(ms: i64, zone: Tz) -> Option<NaiveDateTime> {
    Some(DateTime::<Utc>::from_timestamp_millis(ms)?.with_timezone(&zone).naive_local())
}

fn excel_days(local: NaiveDateTime) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of years that Excel knows are below 2^53")]
    let ms = local.and_utc().timestamp_millis() as f64;
    ms / DAY_MS + EXCEL_1970
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_a_cell_of_its_kind() {
        let zone: Tz = "Europe/Moscow".parse().unwrap();
        let cell = |kind, value: Value| Cell::of(kind, &value, zone);
        assert_eq!(cell(ColumnKind::Text, json!(null)), Cell::Empty);
        assert_eq!(cell(ColumnKind::Bool, json!(true)), Cell::Bool(true));
        assert_eq!(cell(ColumnKind::Int, json!(-7)), Cell::Number(-7.0));
        assert_eq!(cell(ColumnKind::Int, json!(i64::MAX)), Cell::Text(i64::MAX.to_string()));
        assert_eq!(cell(ColumnKind::Id, json!("44")), Cell::Number(44.0));
        assert_eq!(cell(ColumnKind::Id, json!("9007199254740993")), Cell::Text("9007199254740993".to_owned()));
        assert_eq!(cell(ColumnKind::Text, json!("44")), Cell::Text("44".to_owned()));
        assert_eq!(cell(ColumnKind::Json, json!({"a": 1})), Cell::Text(r#"{"a":1}"#.to_owned()));
        // 21 November 2025, 08:00 UTC: 11:00 in Moscow.
        let Cell::Moment(days) = cell(ColumnKind::Time, json!(1_763_712_000_000_i64)) else { panic!("it is a moment") };
        assert!((days - (45_982.0 + 11.0 / 24.0)).abs() < 1e-9, "{days}");
        assert_eq!(text(ColumnKind::Time, &json!(1_763_712_000_123_i64), zone), "2025-11-21 11:00:00");
        assert_eq!(text(ColumnKind::Time, &json!(1_763_712_000_123_i64), Tz::UTC), "2025-11-21 08:00:00");
        // What no spreadsheet can show as a moment.
        assert_eq!(cell(ColumnKind::Time, json!(-3_000_000_000_000_i64)), Cell::Text("1874-12-07 21:10:17".to_owned()));
        assert!(matches!(cell(ColumnKind::Time, json!(i64::MAX)), Cell::Text(_)));
    }
}
