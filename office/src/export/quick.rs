//! A small export at once, with the answer (S000-21). What is large, or takes long, is left to the job.

use std::{io, time::Duration};

use model::{Column, WallTime};
use serde_json::{Map, Value};
use store::audit::{self, Category, Diff, Entry};
use tokio::sync::OwnedSemaphorePermit;

use super::{Choice, ExportOrder, Format, StartedExport, look::Look, make_dir, name, run::CHUNK, xlsx::Book};
use crate::{Office, OfficeError, Permit};

/// Rows of a file that is made at once.
pub const QUICK_ROWS_MAX: usize = 5_000;
/// How long it may take, its wait for others included; what takes longer is left to the job.
pub const QUICK_TIME: Duration = Duration::from_secs(30);
/// How many are made at once, in the whole process.
pub(crate) const QUICK_AT_ONCE: usize = 2;

/// What came of a quick export.
#[derive(Debug)]
pub enum Quick {
    /// The file.
    File(QuickFile),
    /// It was too much: a job makes it.
    Started(StartedExport),
}

/// A file in memory, to be sent.
#[derive(Debug)]
pub struct QuickFile {
    /// Its octets.
    pub octets: Vec<u8>,
    /// The name by which it is to be saved: `calls-2026-11-21.xlsx`.
    pub name: String,
    /// Its media type.
    pub mime: &'static str,
}

/// Rows that are no list of a resource, to be had as a file.
#[derive(Debug)]
pub struct Table {
    /// What it is of: the name that the file, its sheet and the audit log have, and by which headings are looked up.
    pub name: &'static str,
    /// Its columns; their SQL is not looked at.
    pub columns: Vec<&'static Column>,
    /// Its rows, all of which the person sees.
    pub rows: Vec<Map<String, Value>>,
    /// What the audit log has of it.
    pub about: Diff,
}

impl Office {
    /// Makes a file of a table at once, when it is its turn, by leave to export what it is of. That it was made is in the audit log first.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] for a language that there is not.
    pub async fn table_file(
        &self,
        permit: &Permit,
        table: Table,
        (format, locale): (Format, Option<&str>),
        now: WallTime,
    ) -> Result<QuickFile, OfficeError> {
        let Table { name: of, columns, rows, about } = table;
        let mut faults = Vec::new();
        let (locale, tz) = self.language(permit, locale, &mut faults).await?;
        if !faults.is_empty() {
            return Err(OfficeError::Invalid(faults));
        }
        let turn = self.quick_turn().await?;
        let octets = self.drawn(turn, Look::new(of, columns, format, (&locale, &tz)), rows).await?;
        let about = about.and("format", Value::Null, format.as_str());
        self.note_made(permit, Entry { category: Category::Read, ..Entry::change(permit.action().0, of, "", about) }, now).await?;
        Ok(QuickFile { octets, name: name(of, now, &tz, format), mime: format.mime() })
    }

    /// Makes a file of rows that the permit reaches, at once if there are at most [`QUICK_ROWS_MAX`] and it takes at most [`QUICK_TIME`], else as
    /// [`Office::start_export`]. The permit is for the resource's [`Office::export_right`]. Of either the audit log has the same row; what is made at
    /// once has no number.
    ///
    /// # Errors
    /// As [`Office::start_export`].
    pub async fn quick_export(&self, permit: &Permit, order: &ExportOrder, now: WallTime) -> Result<Quick, OfficeError> {
        self.quick_within(QUICK_TIME, permit, order, now).await
    }

    pub(super) async fn quick_within(
        &self,
        time: Duration,
        permit: &Permit,
        order: &ExportOrder,
        now: WallTime,
    ) -> Result<Quick, OfficeError> {
        let view = self.view_to_export(permit, order)?;
        let choice = self.choose(&view, order).await?;
        let made = tokio::time::timeout(time, self.at_once(permit, &choice, order.format)).await;
        let Some(octets) = made.ok().transpose()?.flatten() else {
            return Ok(Quick::Started(self.begin_export(permit, order, &choice, now).await?));
        };
        self.note_made(permit, choice.entry(permit, order, ""), now).await?;
        let name = name(choice.resource(), now, &choice.tz, order.format);
        Ok(Quick::File(QuickFile { octets, name, mime: order.format.mime() }))
    }

    /// The file, when it is its turn; none if it has too many rows.
    async fn at_once(&self, permit: &Permit, choice: &Choice<'_>, format: Format) -> Result<Option<Vec<u8>>, OfficeError> {
        let turn = self.quick_turn().await?;
        let Some(mut rows) = self.few_rows(permit, choice).await? else { return Ok(None) };
        let resource = choice.selection.view().resource();
        self.added_as_text(resource, &choice.columns, &choice.locale, &mut rows);
        let look = Look::new(resource.name, choice.columns.clone(), format, (&choice.locale, &choice.tz));
        self.drawn(turn, look, rows).await.map(Some)
    }

    async fn quick_turn(&self) -> Result<OwnedSemaphorePermit, OfficeError> {
        self.quick_turns().acquire_owned().await.map_err(|error| OfficeError::Defect(error.to_string()))
    }

    /// Draws a file off the runtime's threads. The turn ends when it is drawn, whether somebody still waits for it or not.
    async fn drawn(&self, turn: OwnedSemaphorePermit, look: Look, rows: Vec<Map<String, Value>>) -> Result<Vec<u8>, OfficeError> {
        let dir = self.exports_dir().to_owned();
        let drawn = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            make_dir(&dir)?;
            draw(&look, &dir, &rows)
        });
        // The library that writes workbooks panics if it cannot write.
        Ok(drawn.await.map_err(|_| io::Error::other("the file could not be made"))??)
    }

    /// Nobody gets a file without a row in the log.
    async fn note_made(&self, permit: &Permit, entry: Entry, now: WallTime) -> Result<(), OfficeError> {
        let mut tx = self.store().db().begin().await?;
        audit::append(&mut tx, now, permit.actor(), &[entry]).await?;
        Ok(tx.commit().await?)
    }

    /// All rows up to this moment's last key; none if they are too many.
    async fn few_rows(&self, permit: &Permit, choice: &Choice<'_>) -> Result<Option<Vec<Map<String, Value>>>, OfficeError> {
        let Some(upto) = self.last_key(&choice.selection).await? else { return Ok(Some(Vec::new())) };
        let selection = choice.selection.clone().in_chunks_of(CHUNK);
        let (mut rows, mut after) = (Vec::new(), 0);
        loop {
            let chunk = self.walk(&selection, after, upto).await?;
            let (keys, mut more): (Vec<i64>, Vec<Map<String, Value>>) = chunk.rows.into_iter().unzip();
            if rows.len() + more.len() > QUICK_ROWS_MAX {
                return Ok(None);
            }
            if selection.view().resource().name == crate::audit::AUDIT_LOG.name {
                // What a row tells of another resource is as visible as that is.
                self.project_page(permit.principal(), &keys, &mut more).await?;
            }
            rows.append(&mut more);
            if chunk.is_last {
                return Ok(Some(rows));
            }
            after = chunk.after;
        }
    }
}

fn draw(look: &Look, dir: &std::path::Path, rows: &[Map<String, Value>]) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    match look.format {
        Format::Csv => look.csv(true, rows, &mut octets)?,
        Format::Xlsx => {
            let values = rows.iter().map(|row| Ok(look.values(row).cloned().collect()));
            octets = Book::new(look, dir).write(values, io::Cursor::new(octets))?.1.into_inner();
        }
    }
    Ok(octets)
}
