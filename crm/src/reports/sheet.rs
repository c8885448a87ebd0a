//! Reports as files.

use model::{Column, ColumnKind, WallTime};
use office::{
    Diff, OfficeError, Permit,
    export::{Format, QuickFile, Table},
};
use serde_json::{Map, Value, json};

use super::{CallsReport, DailyReport};
use crate::{Crm, can};

/// What the file, its sheet and the audit log are of.
const NAME: &str = "reports";

/// Every column that a sheet can have, in their order; it has those that its lines have.
static COLUMNS: &[Column] = &[
    Column::new("day", "", ColumnKind::Text, "The day."),
    Column::new("user_id", "", ColumnKind::Id, "The person."),
    Column::new("user_name", "", ColumnKind::Text, "Their name."),
    Column::new("scenario", "", ColumnKind::Text, "The scenario."),
    Column::new("source", "", ColumnKind::Text, "The advert."),
    Column::new("calls", "", ColumnKind::Int, "All calls."),
    Column::new("inbound", "", ColumnKind::Int, "Those from the world."),
    Column::new("outbound", "", ColumnKind::Int, "Those to the world."),
    Column::new("internal", "", ColumnKind::Int, "Those between slots."),
    Column::new("answered", "", ColumnKind::Int, "Those that were answered."),
    Column::new("missed", "", ColumnKind::Int, "Those from the world that nobody answered."),
    Column::new("talk_ms", "", ColumnKind::Int, "How long people talked."),
    Column::new("hold_ms", "", ColumnKind::Int, "How long the others were held."),
    Column::new("ring_ms", "", ColumnKind::Int, "How long it rang."),
    Column::new("lead_steps", "", ColumnKind::Int, "What was done to leads."),
    Column::new("tags_set", "", ColumnKind::Int, "Tags that were set."),
];

impl Crm {
    /// A report of calls as a file, by leave to export reports. What stands in it was read by leave to read them.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] for a language that there is not.
    pub async fn calls_sheet(
        &self,
        permit: &Permit,
        report: &CallsReport,
        how: (Format, Option<&str>),
        now: WallTime,
    ) -> Result<QuickFile, OfficeError> {
        let mut rows: Vec<Map<String, Value>> = report.lines.iter().map(|line| object(&json!(line))).collect();
        if rows.is_empty() {
            // So that it has a head.
            rows.push(object(&json!(report.totals)));
        }
        self.sheet(permit, rows, (report.from.to_string(), report.to.to_string()), how, now).await
    }

    /// A day as a file, by leave to export reports. What stands in it was read by leave to read them.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] for a language that there is not.
    pub async fn daily_sheet(
        &self,
        permit: &Permit,
        report: &DailyReport,
        how: (Format, Option<&str>),
        now: WallTime,
    ) -> Result<QuickFile, OfficeError> {
        let day = report.date.to_string();
        let rows = report.people.iter().map(|line| {
            let mut row = object(&json!(line));
            row.insert("day".to_owned(), json!(day));
            row.extend(line.leads.as_ref().map(|leads| ("lead_steps".to_owned(), json!(leads.values().sum::<i64>()))));
            row.extend(line.tags.as_ref().map(|tags| ("tags_set".to_owned(), json!(tags.iter().map(|tag| tag.set).sum::<i64>()))));
            row
        });
        let rows = rows.collect();
        self.sheet(permit, rows, (day.clone(), day), how, now).await
    }

    async fn sheet(
        &self,
        permit: &Permit,
        rows: Vec<Map<String, Value>>,
        (from, to): (String, String),
        how: (Format, Option<&str>),
        now: WallTime,
    ) -> Result<QuickFile, OfficeError> {
        permit.must_be(can::REPORTS_EXPORT)?;
        let columns = COLUMNS.iter().filter(|column| rows.iter().any(|row| row.contains_key(column.name))).collect();
        let about = Diff::none().and("from", Value::Null, from).and("to", Value::Null, to);
        self.office().table_file(permit, Table { name: NAME, columns, rows, about }, how, now).await
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
