//! A small export at once, with the answer (S000-21). What is large, or takes long, is left to the job.

use std::{io, time::Duration};

use model::WallTime;
use serde_json::{Map, Value};
use store::audit;
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

impl Office {
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
        // Nobody gets it without a row in the log.
        let mut tx = self.store().db().begin().await?;
        audit::append(&mut tx, now, permit.actor(), &[choice.entry(permit, order, "")]).await?;
        tx.commit().await?;
        let name = name(choice.resource(), now, &choice.tz, order.format);
        Ok(Quick::File(QuickFile { octets, name, mime: order.format.mime() }))
    }

    /// The file, when it is its turn; none if it has too many rows.
    async fn at_once(&self, permit: &Permit, choice: &Choice<'_>, format: Format) -> Result<Option<Vec<u8>>, OfficeError> {
        let turn = self.quick_turns().acquire_owned().await.map_err(|error| OfficeError::Defect(error.to_string()))?;
        let Some(mut rows) = self.few_rows(permit, choice).await? else { return Ok(None) };
        let resource = choice.selection.view().resource();
        self.added_as_text(resource, &choice.columns, &choice.locale, &mut rows);
        let look = Look::new(resource.name, choice.columns.clone(), format, (&choice.locale, &choice.tz));
        let dir = self.exports_dir().to_owned();
        let drawn = tokio::task::spawn_blocking(move || {
            // Its turn ends when it does, whether somebody still waits for it or not.
            let _turn: OwnedSemaphorePermit = turn;
            make_dir(&dir)?;
            draw(&look, &dir, &rows)
        });
        // The library that writes workbooks panics if it cannot write.
        let drawn = drawn.await.map_err(|_| io::Error::other("the file could not be made"))?;
        Ok(Some(drawn?))
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
